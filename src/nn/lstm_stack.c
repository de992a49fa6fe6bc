/* SPDX-License-Identifier: BSD-2-Clause */
#include "nn/lstm_stack.h"

#include <stdio.h>

clseq_status clseq_lstm_stack_register(clseq_lstm_stack *stack, clseq_param_store *store,
                                       const char *prefix, int32_t input, int32_t hidden,
                                       int32_t layers)
{
    char name[CLSEQ_PARAM_NAME];

    *stack = (clseq_lstm_stack) { .layers = layers, .input = input, .hidden = hidden };
    for (int32_t l = 0; l < layers; l++) {
        const int32_t width = l == 0 ? input : hidden;

        snprintf(name, sizeof(name), "%s.weight_ih_l%d", prefix, l);
        CLSEQ_TRY(clseq_param_store_add(store, name, 2, 4 * hidden, width, false, &stack->w_ih[l]));
        snprintf(name, sizeof(name), "%s.weight_hh_l%d", prefix, l);
        CLSEQ_TRY(
            clseq_param_store_add(store, name, 2, 4 * hidden, hidden, false, &stack->w_hh[l]));
        snprintf(name, sizeof(name), "%s.bias_ih_l%d", prefix, l);
        CLSEQ_TRY(clseq_param_store_add(store, name, 1, 4 * hidden, 1, false, &stack->b_ih[l]));
        snprintf(name, sizeof(name), "%s.bias_hh_l%d", prefix, l);
        CLSEQ_TRY(clseq_param_store_add(store, name, 1, 4 * hidden, 1, false, &stack->b_hh[l]));
    }
    return CLSEQ_OK;
}

clseq_status clseq_lstm_stack_take(const clseq_lstm_stack *stack, clseq_workspace *ws,
                                   clseq_dtype real, int32_t T, int32_t B, bool training,
                                   clseq_lstm_pass *pass)
{
    const int32_t H = stack->hidden;

    *pass = (clseq_lstm_pass) { .T = T, .B = B };
    for (int32_t l = 0; l < stack->layers; l++) {
        if (training || l == 0)
            CLSEQ_TRY(clseq_workspace_take(ws, real, 3, T, B, 4 * H, &pass->gates[l]));
        else
            pass->gates[l] = pass->gates[0];
        CLSEQ_TRY(clseq_workspace_take(ws, real, 3, T + 1, B, H, &pass->h[l]));
        CLSEQ_TRY(clseq_workspace_take(ws, real, 3, T + 1, B, H, &pass->c[l]));
        if (training) {
            CLSEQ_TRY(clseq_workspace_take(ws, real, 2, B, H, 0, &pass->dh[l]));
            CLSEQ_TRY(clseq_workspace_take(ws, real, 2, B, H, 0, &pass->dc[l]));
        }
    }
    return CLSEQ_OK;
}

/* States before every step, and after every step. */
static clseq_tensor before(const clseq_lstm_pass *pass, clseq_tensor states)
{
    return clseq_tensor_range(states, 0, pass->T);
}

static clseq_tensor after(const clseq_lstm_pass *pass, clseq_tensor states)
{
    return clseq_tensor_range(states, 1, pass->T);
}

clseq_tensor clseq_lstm_output(const clseq_lstm_stack *stack, const clseq_lstm_pass *pass)
{
    return after(pass, pass->h[stack->layers - 1]);
}

clseq_tensor clseq_lstm_final(const clseq_lstm_pass *pass, const clseq_tensor *states)
{
    return clseq_tensor_step(*states, pass->T);
}

clseq_status clseq_lstm_start_zero(const clseq_lstm_stack *stack, const clseq_run *run,
                                   const clseq_lstm_pass *pass)
{
    for (int32_t l = 0; l < stack->layers; l++) {
        CLSEQ_TRY(clseq_op_fill(
            run->be, &(struct clseq_fill_args) { .dst = clseq_tensor_step(pass->h[l], 0) }));
        CLSEQ_TRY(clseq_op_fill(
            run->be, &(struct clseq_fill_args) { .dst = clseq_tensor_step(pass->c[l], 0) }));
    }
    return CLSEQ_OK;
}

clseq_status clseq_lstm_start_from(const clseq_lstm_stack *stack, const clseq_run *run,
                                   const clseq_lstm_pass *from, const clseq_lstm_pass *to)
{
    for (int32_t l = 0; l < stack->layers; l++) {
        CLSEQ_TRY(clseq_op_copy(
            run->be, &(struct clseq_copy_args) { .src = clseq_lstm_final(from, &from->h[l]),
                                                 .dst = clseq_tensor_step(to->h[l], 0) }));
        CLSEQ_TRY(clseq_op_copy(
            run->be, &(struct clseq_copy_args) { .src = clseq_lstm_final(from, &from->c[l]),
                                                 .dst = clseq_tensor_step(to->c[l], 0) }));
    }
    return CLSEQ_OK;
}

clseq_status clseq_lstm_stack_fwd(const clseq_lstm_stack *stack, const clseq_run *run,
                                  const clseq_lstm_pass *pass)
{
    clseq_tensor x = pass->x;

    for (int32_t l = 0; l < stack->layers; l++) {
        /* The input's share of the pre-activations, all steps in one product. */
        CLSEQ_TRY(clseq_linear_fwd(run, clseq_tensor_flatten(x),
                                   clseq_run_weight(run, stack->w_ih[l]), 0,
                                   clseq_tensor_flatten(pass->gates[l])));
        CLSEQ_TRY(clseq_op_lstm_seq_fwd(run->be, &(struct clseq_lstm_seq_fwd_args) {
                                                     .w_hh = clseq_run_weight(run, stack->w_hh[l]),
                                                     .h0 = clseq_tensor_step(pass->h[l], 0),
                                                     .c0 = clseq_tensor_step(pass->c[l], 0),
                                                     .b_ih = clseq_run_weight(run, stack->b_ih[l]),
                                                     .b_hh = clseq_run_weight(run, stack->b_hh[l]),
                                                     .length = pass->length,
                                                     .gates = pass->gates[l],
                                                     .h = after(pass, pass->h[l]),
                                                     .c = after(pass, pass->c[l]) }));
        x = after(pass, pass->h[l]);
    }
    return CLSEQ_OK;
}

/* Gradients of one layer's parameters from dpre (T, B, 4H), its input and the states before it. */
static clseq_status parameter_gradients(const clseq_lstm_stack *stack, const clseq_run *run,
                                        int32_t l, clseq_tensor dpre, clseq_tensor x,
                                        clseq_tensor h_before)
{
    const clseq_tensor d = clseq_tensor_flatten(dpre);
    const double beta = run->accumulate ? 1 : 0;

    CLSEQ_TRY(clseq_linear_bwd_weight(run, d, clseq_tensor_flatten(x), run->accumulate,
                                      clseq_run_gradient(run, stack->w_ih[l])));
    CLSEQ_TRY(clseq_linear_bwd_weight(run, d, clseq_tensor_flatten(h_before), run->accumulate,
                                      clseq_run_gradient(run, stack->w_hh[l])));
    CLSEQ_TRY(clseq_op_col_sums(
        run->be, &(struct clseq_col_sums_args) {
                     .x = d, .y = clseq_run_gradient(run, stack->b_ih[l]), .beta = beta }));
    /* Both biases enter the same sum, so their gradients are equal. */
    return clseq_op_copy(
        run->be, &(struct clseq_copy_args) { .src = clseq_run_gradient(run, stack->b_ih[l]),
                                             .dst = clseq_run_gradient(run, stack->b_hh[l]) });
}

clseq_status clseq_lstm_stack_bwd(const clseq_lstm_stack *stack, const clseq_run *run,
                                  const clseq_lstm_pass *pass, clseq_tensor dy, bool dy_given,
                                  clseq_tensor dx)
{
    for (int32_t l = stack->layers - 1; l >= 0; l--) {
        const clseq_tensor x = l == 0 ? pass->x : after(pass, pass->h[l - 1]);
        const clseq_tensor none = { 0 };
        const bool top_without_gradient = l == stack->layers - 1 && !dy_given;

        CLSEQ_TRY(clseq_op_lstm_seq_bwd(run->be, &(struct clseq_lstm_seq_bwd_args) {
                                                     .w_hh = clseq_run_weight(run, stack->w_hh[l]),
                                                     .c0 = clseq_tensor_step(pass->c[l], 0),
                                                     .c = after(pass, pass->c[l]),
                                                     .dy = top_without_gradient ? none : dy,
                                                     .length = pass->length,
                                                     .gates = pass->gates[l],
                                                     .dh = pass->dh[l],
                                                     .dc = pass->dc[l] }));
        CLSEQ_TRY(parameter_gradients(stack, run, l, pass->gates[l], x, before(pass, pass->h[l])));
        /* dy of this layer is used up, so its memory takes the gradient for the layer below. */
        CLSEQ_TRY(clseq_linear_bwd_input(run, clseq_tensor_flatten(pass->gates[l]),
                                         clseq_run_weight(run, stack->w_ih[l]),
                                         clseq_tensor_flatten(l == 0 ? dx : dy)));
    }
    return CLSEQ_OK;
}

clseq_status clseq_lstm_stack_step(const clseq_lstm_stack *stack, const clseq_run *run,
                                   clseq_tensor x, clseq_tensor pre, const clseq_tensor *h,
                                   const clseq_tensor *c, const clseq_tensor *h_next,
                                   const clseq_tensor *c_next)
{
    for (int32_t l = 0; l < stack->layers; l++) {
        CLSEQ_TRY(clseq_linear_fwd(run, x, clseq_run_weight(run, stack->w_ih[l]), 0, pre));
        CLSEQ_TRY(clseq_op_lstm_seq_fwd(run->be, &(struct clseq_lstm_seq_fwd_args) {
                                                     .w_hh = clseq_run_weight(run, stack->w_hh[l]),
                                                     .h0 = h[l],
                                                     .c0 = c[l],
                                                     .b_ih = clseq_run_weight(run, stack->b_ih[l]),
                                                     .b_hh = clseq_run_weight(run, stack->b_hh[l]),
                                                     .gates = clseq_tensor_as_step(pre),
                                                     .h = clseq_tensor_as_step(h_next[l]),
                                                     .c = clseq_tensor_as_step(c_next[l]) }));
        x = h_next[l];
    }
    return CLSEQ_OK;
}
