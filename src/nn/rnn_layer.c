/* SPDX-License-Identifier: BSD-2-Clause */
#include "nn/rnn_layer.h"

#include <stdio.h>

int32_t clseq_cell_gates(clseq_cell cell)
{
    return cell == CLSEQ_CELL_LSTM ? 4 : cell == CLSEQ_CELL_GRU ? 3 : 1;
}

static clseq_status add(clseq_param_store *store, const char *prefix, const char *what,
                        const char *suffix, uint8_t ndim, int32_t rows, int32_t columns, int *ret)
{
    char name[CLSEQ_PARAM_NAME];

    snprintf(name, sizeof(name), "%s.%s_%s", prefix, what, suffix);
    return clseq_param_store_add(store, name, ndim, rows, columns, false, ret);
}

clseq_status clseq_rnn_layer_register(clseq_rnn_layer *layer, clseq_param_store *store,
                                      const char *prefix, const char *suffix)
{
    const int32_t H = layer->hidden, rows = clseq_cell_gates(layer->cell) * H;

    CLSEQ_TRY(add(store, prefix, "weight_ih", suffix, 2, rows, layer->input, &layer->w_ih));
    CLSEQ_TRY(add(store, prefix, "weight_hh", suffix, 2, rows, H, &layer->w_hh));
    CLSEQ_TRY(add(store, prefix, "bias_ih", suffix, 1, rows, 1, &layer->b_ih));
    CLSEQ_TRY(add(store, prefix, "bias_hh", suffix, 1, rows, 1, &layer->b_hh));
    if (layer->peepholes)
        CLSEQ_TRY(add(store, prefix, "peephole", suffix, 2, 3, H, &layer->peephole));
    return CLSEQ_OK;
}

clseq_status clseq_rnn_layer_take(const clseq_rnn_layer *layer, clseq_workspace *ws,
                                  clseq_dtype real, int32_t T, int32_t B, bool training,
                                  const clseq_rnn_layer_pass *shared, clseq_rnn_layer_pass *pass)
{
    const int32_t H = layer->hidden;
    const bool lstm = layer->cell == CLSEQ_CELL_LSTM;

    *pass = (clseq_rnn_layer_pass) { 0 };
    if (shared) {
        pass->gates = shared->gates;
        pass->hn = shared->hn;
    } else {
        CLSEQ_TRY(clseq_workspace_take(ws, real, 3, T, B, clseq_cell_gates(layer->cell) * H,
                                       &pass->gates));
        if (layer->cell == CLSEQ_CELL_GRU)
            CLSEQ_TRY(clseq_workspace_take(ws, real, 3, T, B, H, &pass->hn));
    }
    CLSEQ_TRY(clseq_workspace_take(ws, real, 3, T + 1, B, H, &pass->h));
    if (lstm)
        CLSEQ_TRY(clseq_workspace_take(ws, real, 3, T + 1, B, H, &pass->c));
    if (!training)
        return CLSEQ_OK;
    CLSEQ_TRY(clseq_workspace_take(ws, real, 2, B, H, 0, &pass->dh));
    if (lstm)
        CLSEQ_TRY(clseq_workspace_take(ws, real, 2, B, H, 0, &pass->dc));
    return CLSEQ_OK;
}

static clseq_tensor optional_weight(const clseq_run *run, bool present, int param)
{
    const clseq_tensor none = { 0 };

    return present ? clseq_run_weight(run, param) : none;
}

clseq_status clseq_rnn_layer_steps(const clseq_rnn_layer *layer, const clseq_run *run,
                                   clseq_tensor gates, clseq_tensor hn, const clseq_rnn_state *from,
                                   const clseq_rnn_state *to, clseq_tensor length)
{
    const clseq_tensor w_hh = clseq_run_weight(run, layer->w_hh);
    const clseq_tensor b_ih = clseq_run_weight(run, layer->b_ih);
    const clseq_tensor b_hh = clseq_run_weight(run, layer->b_hh);

    switch (layer->cell) {
    case CLSEQ_CELL_GRU:
        return clseq_op_gru_seq_fwd(run->be, &(struct clseq_gru_seq_fwd_args) { .w_hh = w_hh,
                                                                                .h0 = from->h,
                                                                                .b_ih = b_ih,
                                                                                .b_hh = b_hh,
                                                                                .length = length,
                                                                                .gates = gates,
                                                                                .hn = hn,
                                                                                .h = to->h });
    case CLSEQ_CELL_RNN:
        return clseq_op_rnn_seq_fwd(run->be, &(struct clseq_rnn_seq_fwd_args) { .w_hh = w_hh,
                                                                                .h0 = from->h,
                                                                                .b_ih = b_ih,
                                                                                .b_hh = b_hh,
                                                                                .length = length,
                                                                                .gates = gates,
                                                                                .h = to->h });
    default:
        return clseq_op_lstm_seq_fwd(
            run->be, &(struct clseq_lstm_seq_fwd_args) {
                         .w_hh = w_hh,
                         .h0 = from->h,
                         .c0 = from->c,
                         .b_ih = b_ih,
                         .b_hh = b_hh,
                         .peephole = optional_weight(run, layer->peepholes, layer->peephole),
                         .length = length,
                         .gates = gates,
                         .h = to->h,
                         .c = to->c });
    }
}

static clseq_tensor part(clseq_tensor x, int32_t first, int32_t n)
{
    return clseq_tensor_present(&x) ? clseq_tensor_range(x, first, n) : x;
}

static clseq_tensor slot(clseq_tensor x, int32_t t)
{
    return clseq_tensor_present(&x) ? clseq_tensor_step(x, t) : x;
}

clseq_status clseq_rnn_layer_fwd(const clseq_rnn_layer *layer, const clseq_run *run,
                                 const clseq_rnn_layer_pass *pass, clseq_tensor length,
                                 int32_t first, int32_t n)
{
    const clseq_rnn_state from = { slot(pass->h, first), slot(pass->c, first) };
    const clseq_rnn_state to = { part(pass->h, first + 1, n), part(pass->c, first + 1, n) };

    return clseq_rnn_layer_steps(layer, run, part(pass->gates, first, n), part(pass->hn, first, n),
                                 &from, &to, length);
}

clseq_status clseq_rnn_layer_bwd(const clseq_rnn_layer *layer, const clseq_run *run,
                                 const clseq_rnn_layer_pass *pass, clseq_tensor length,
                                 clseq_tensor dy, int32_t first, int32_t n)
{
    const clseq_tensor w_hh = clseq_run_weight(run, layer->w_hh);
    const clseq_tensor gates = part(pass->gates, first, n);

    switch (layer->cell) {
    case CLSEQ_CELL_GRU:
        return clseq_op_gru_seq_bwd(
            run->be, &(struct clseq_gru_seq_bwd_args) { .w_hh = w_hh,
                                                        .h0 = slot(pass->h, first),
                                                        .h = part(pass->h, first + 1, n),
                                                        .dy = dy,
                                                        .length = length,
                                                        .gates = gates,
                                                        .hn = part(pass->hn, first, n),
                                                        .dh = pass->dh });
    case CLSEQ_CELL_RNN:
        return clseq_op_rnn_seq_bwd(
            run->be,
            &(struct clseq_rnn_seq_bwd_args) {
                .w_hh = w_hh, .dy = dy, .length = length, .gates = gates, .dh = pass->dh });
    default:
        return clseq_op_lstm_seq_bwd(
            run->be, &(struct clseq_lstm_seq_bwd_args) {
                         .w_hh = w_hh,
                         .c0 = slot(pass->c, first),
                         .c = part(pass->c, first + 1, n),
                         .dy = dy,
                         .length = length,
                         .peephole = optional_weight(run, layer->peepholes, layer->peephole),
                         .gates = gates,
                         .dh = pass->dh,
                         .dc = pass->dc });
    }
}

static clseq_status col_sums(const clseq_run *run, clseq_tensor x, clseq_tensor y)
{
    return clseq_op_col_sums(
        run->be, &(struct clseq_col_sums_args) { .x = x, .y = y, .beta = run->accumulate ? 1 : 0 });
}

/* Both biases enter the same sum in the first `shared` gates: there their gradients are equal. */
static clseq_status bias_gradients(const clseq_rnn_layer *layer, const clseq_run *run,
                                   clseq_tensor d, int32_t shared)
{
    const clseq_tensor b_ih = clseq_run_gradient(run, layer->b_ih);
    const clseq_tensor b_hh = clseq_run_gradient(run, layer->b_hh);
    const int32_t n = shared * layer->hidden;

    CLSEQ_TRY(col_sums(run, d, b_ih));
    return clseq_op_copy(run->be,
                         &(struct clseq_copy_args) { .src = clseq_tensor_range(b_ih, 0, n),
                                                     .dst = clseq_tensor_range(b_hh, 0, n) });
}

/* The n gate sees the recurrent product through r, so its rows have a gradient of their own. */
static clseq_status gru_gradients(const clseq_rnn_layer *layer, const clseq_run *run,
                                  const clseq_rnn_layer_pass *pass, clseq_tensor h_before)
{
    const int32_t H = layer->hidden;
    const clseq_tensor d = clseq_tensor_flatten(pass->gates), dn = clseq_tensor_flatten(pass->hn);
    const clseq_tensor dw = clseq_run_gradient(run, layer->w_hh);

    CLSEQ_TRY(clseq_linear_bwd_weight(run, clseq_tensor_columns(d, 0, 2 * H), h_before,
                                      run->accumulate, clseq_tensor_range(dw, 0, 2 * H)));
    CLSEQ_TRY(clseq_linear_bwd_weight(run, dn, h_before, run->accumulate,
                                      clseq_tensor_range(dw, 2 * H, H)));
    CLSEQ_TRY(bias_gradients(layer, run, d, 2));
    return col_sums(run, dn, clseq_tensor_range(clseq_run_gradient(run, layer->b_hh), 2 * H, H));
}

static clseq_status peephole_gradients(const clseq_rnn_layer *layer, const clseq_run *run,
                                       const clseq_rnn_layer_pass *pass)
{
    const int32_t H = layer->hidden, T = pass->gates.dims[0];
    const clseq_tensor d = clseq_tensor_flatten(pass->gates);
    const clseq_tensor dw = clseq_run_gradient(run, layer->peephole);
    static const int32_t gate[3] = { 0, 1, 3 }; /* i, f, o */

    for (int32_t i = 0; i < 3; i++)
        CLSEQ_TRY(clseq_op_col_dots(
            run->be, &(struct clseq_col_dots_args) {
                         .x = clseq_tensor_columns(d, gate[i] * H, H),
                         .z = clseq_tensor_flatten(clseq_tensor_range(pass->c, i == 2, T)),
                         .y = clseq_tensor_step(dw, i),
                         .beta = run->accumulate ? 1 : 0 }));
    return CLSEQ_OK;
}

clseq_status clseq_rnn_layer_gradients(const clseq_rnn_layer *layer, const clseq_run *run,
                                       const clseq_rnn_layer_pass *pass)
{
    const clseq_tensor h_before =
        clseq_tensor_flatten(clseq_tensor_range(pass->h, 0, pass->gates.dims[0]));
    const clseq_tensor d = clseq_tensor_flatten(pass->gates);

    if (layer->cell == CLSEQ_CELL_GRU)
        return gru_gradients(layer, run, pass, h_before);
    CLSEQ_TRY(clseq_linear_bwd_weight(run, d, h_before, run->accumulate,
                                      clseq_run_gradient(run, layer->w_hh)));
    CLSEQ_TRY(bias_gradients(layer, run, d, clseq_cell_gates(layer->cell)));
    return layer->peepholes ? peephole_gradients(layer, run, pass) : CLSEQ_OK;
}

clseq_tensor clseq_rnn_layer_w_ih(const clseq_rnn_layer *layer, const clseq_run *run, int32_t first,
                                  int32_t width)
{
    return clseq_tensor_columns(clseq_run_weight(run, layer->w_ih), first, width);
}

clseq_tensor clseq_rnn_layer_dw_ih(const clseq_rnn_layer *layer, const clseq_run *run,
                                   int32_t first, int32_t width)
{
    return clseq_tensor_columns(clseq_run_gradient(run, layer->w_ih), first, width);
}
