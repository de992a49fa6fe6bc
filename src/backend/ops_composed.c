/* SPDX-License-Identifier: BSD-2-Clause */
#include "backend/ops_composed.h"
#include "backend/ops.h"

static clseq_status lstm_seq_fwd(clseq_backend *be, const struct clseq_lstm_seq_fwd_args *a)
{
    const int32_t steps = a->gates.dims[0];
    clseq_tensor h_prev = a->h0, c_prev = a->c0;

    for (int32_t t = 0; t < steps; t++) {
        const clseq_tensor gates = clseq_tensor_step(a->gates, t);
        const struct clseq_gemm_args recurrent = {
            .a = h_prev, .b = a->w_hh, .c = gates, .trans_b = true, .alpha = 1, .beta = 1
        };
        const struct clseq_lstm_cell_fwd_args cell = {
            .pre = gates,
            .c_prev = c_prev,
            .h_prev = h_prev,
            .b_ih = a->b_ih,
            .b_hh = a->b_hh,
            .length = a->length,
            .act = gates,
            .c = clseq_tensor_step(a->c, t),
            .h = clseq_tensor_step(a->h, t),
            .peephole = a->peephole,
            .t = t,
        };

        CLSEQ_TRY(clseq_op_gemm(be, &recurrent));
        CLSEQ_TRY(clseq_op_lstm_cell_fwd(be, &cell));
        h_prev = cell.h;
        c_prev = cell.c;
    }
    return CLSEQ_OK;
}

static clseq_status lstm_seq_bwd(clseq_backend *be, const struct clseq_lstm_seq_bwd_args *a)
{
    for (int32_t t = a->gates.dims[0] - 1; t >= 0; t--) {
        const clseq_tensor gates = clseq_tensor_step(a->gates, t), absent = { 0 };
        const struct clseq_lstm_cell_bwd_args cell = {
            .act = gates,
            .c_prev = t > 0 ? clseq_tensor_step(a->c, t - 1) : a->c0,
            .c = clseq_tensor_step(a->c, t),
            .dh = a->dh,
            .dc = a->dc,
            .dy = clseq_tensor_present(&a->dy) ? clseq_tensor_step(a->dy, t) : absent,
            .length = a->length,
            .dpre = gates,
            .dh_prev = a->dh,
            .dc_prev = a->dc,
            .peephole = a->peephole,
            .t = t,
        };
        const struct clseq_gemm_args recurrent = {
            .a = gates, .b = a->w_hh, .c = a->dh, .alpha = 1, .beta = 1
        };

        CLSEQ_TRY(clseq_op_lstm_cell_bwd(be, &cell));
        CLSEQ_TRY(clseq_op_gemm(be, &recurrent));
    }
    return CLSEQ_OK;
}

/* y = x op(W) + beta y */
static clseq_status product(clseq_backend *be, clseq_tensor x, clseq_tensor w, bool trans,
                            double beta, clseq_tensor y)
{
    return clseq_op_gemm(be,
                         &(struct clseq_gemm_args) {
                             .a = x, .b = w, .c = y, .trans_b = trans, .alpha = 1, .beta = beta });
}

/* x[t]; absent stays absent. */
static clseq_tensor step_if_present(clseq_tensor x, int32_t t)
{
    return clseq_tensor_present(&x) ? clseq_tensor_step(x, t) : x;
}

static clseq_status gru_seq_fwd(clseq_backend *be, const struct clseq_gru_seq_fwd_args *a)
{
    const int32_t steps = a->gates.dims[0], units = a->h.dims[2];
    const clseq_tensor w_rz = clseq_tensor_range(a->w_hh, 0, 2 * units);
    const clseq_tensor w_n = clseq_tensor_range(a->w_hh, 2 * units, units);
    clseq_tensor h_prev = a->h0;

    for (int32_t t = 0; t < steps; t++) {
        const clseq_tensor gates = clseq_tensor_step(a->gates, t);
        const clseq_tensor hn = clseq_tensor_step(a->hn, t);
        const struct clseq_gru_cell_fwd_args cell = {
            .pre = gates,
            .pre_n = hn,
            .h_prev = h_prev,
            .b_ih = a->b_ih,
            .b_hh = a->b_hh,
            .length = a->length,
            .act = gates,
            .hn = hn,
            .h = clseq_tensor_step(a->h, t),
            .t = t,
        };

        CLSEQ_TRY(product(be, h_prev, w_rz, true, 1, clseq_tensor_columns(gates, 0, 2 * units)));
        CLSEQ_TRY(product(be, h_prev, w_n, true, 0, hn));
        CLSEQ_TRY(clseq_op_gru_cell_fwd(be, &cell));
        h_prev = cell.h;
    }
    return CLSEQ_OK;
}

static clseq_status gru_seq_bwd(clseq_backend *be, const struct clseq_gru_seq_bwd_args *a)
{
    const int32_t units = a->h.dims[2];
    const clseq_tensor w_rz = clseq_tensor_range(a->w_hh, 0, 2 * units);
    const clseq_tensor w_n = clseq_tensor_range(a->w_hh, 2 * units, units);

    for (int32_t t = a->gates.dims[0] - 1; t >= 0; t--) {
        const clseq_tensor gates = clseq_tensor_step(a->gates, t);
        const clseq_tensor hn = clseq_tensor_step(a->hn, t);
        const struct clseq_gru_cell_bwd_args cell = {
            .act = gates,
            .hn = hn,
            .h_prev = t > 0 ? clseq_tensor_step(a->h, t - 1) : a->h0,
            .dh = a->dh,
            .dy = step_if_present(a->dy, t),
            .length = a->length,
            .dpre = gates,
            .dhn = hn,
            .dh_prev = a->dh,
            .t = t,
        };

        CLSEQ_TRY(clseq_op_gru_cell_bwd(be, &cell));
        CLSEQ_TRY(product(be, clseq_tensor_columns(gates, 0, 2 * units), w_rz, false, 1, a->dh));
        CLSEQ_TRY(product(be, hn, w_n, false, 1, a->dh));
    }
    return CLSEQ_OK;
}

static clseq_status rnn_seq_fwd(clseq_backend *be, const struct clseq_rnn_seq_fwd_args *a)
{
    clseq_tensor h_prev = a->h0;

    for (int32_t t = 0; t < a->gates.dims[0]; t++) {
        const clseq_tensor gates = clseq_tensor_step(a->gates, t);
        const struct clseq_rnn_cell_fwd_args cell = {
            .pre = gates,
            .h_prev = h_prev,
            .b_ih = a->b_ih,
            .b_hh = a->b_hh,
            .length = a->length,
            .act = gates,
            .h = clseq_tensor_step(a->h, t),
            .t = t,
        };

        CLSEQ_TRY(product(be, h_prev, a->w_hh, true, 1, gates));
        CLSEQ_TRY(clseq_op_rnn_cell_fwd(be, &cell));
        h_prev = cell.h;
    }
    return CLSEQ_OK;
}

static clseq_status rnn_seq_bwd(clseq_backend *be, const struct clseq_rnn_seq_bwd_args *a)
{
    for (int32_t t = a->gates.dims[0] - 1; t >= 0; t--) {
        const clseq_tensor gates = clseq_tensor_step(a->gates, t);
        const struct clseq_rnn_cell_bwd_args cell = {
            .act = gates,
            .dh = a->dh,
            .dy = step_if_present(a->dy, t),
            .length = a->length,
            .dpre = gates,
            .dh_prev = a->dh,
            .t = t,
        };

        CLSEQ_TRY(clseq_op_rnn_cell_bwd(be, &cell));
        CLSEQ_TRY(product(be, gates, a->w_hh, false, 1, a->dh));
    }
    return CLSEQ_OK;
}

static clseq_status gemm_argmax(clseq_backend *be, const struct clseq_gemm_argmax_args *a)
{
    const struct clseq_gemm_args product = {
        .a = a->a, .b = a->b, .c = a->c, .bias = a->bias, .trans_b = true, .alpha = 1, .beta = 0
    };

    CLSEQ_TRY(clseq_op_gemm(be, &product));
    return clseq_op_argmax(be, &(struct clseq_argmax_args) { .x = a->c, .index = a->index });
}

static clseq_status softmax_xent(clseq_backend *be, const struct clseq_softmax_xent_args *a)
{
    const struct clseq_softmax_xent_fwd_args fwd = { .logits = a->logits,
                                                     .target = a->target,
                                                     .loss = a->loss,
                                                     .lse = a->lse,
                                                     .smoothing = a->smoothing };
    const struct clseq_softmax_xent_bwd_args bwd = { .logits = a->logits,
                                                     .target = a->target,
                                                     .lse = a->lse,
                                                     .dlogits = a->dlogits,
                                                     .scale = a->scale,
                                                     .smoothing = a->smoothing };

    CLSEQ_TRY(clseq_op_softmax_xent_fwd(be, &fwd));
    return clseq_op_softmax_xent_bwd(be, &bwd);
}

clseq_status clseq_op_compose(clseq_backend *be, enum clseq_op op, const void *args)
{
    switch (op) {
    case CLSEQ_OP_lstm_seq_fwd:
        return lstm_seq_fwd(be, args);
    case CLSEQ_OP_lstm_seq_bwd:
        return lstm_seq_bwd(be, args);
    case CLSEQ_OP_gru_seq_fwd:
        return gru_seq_fwd(be, args);
    case CLSEQ_OP_gru_seq_bwd:
        return gru_seq_bwd(be, args);
    case CLSEQ_OP_rnn_seq_fwd:
        return rnn_seq_fwd(be, args);
    case CLSEQ_OP_rnn_seq_bwd:
        return rnn_seq_bwd(be, args);
    case CLSEQ_OP_gemm_argmax:
        return gemm_argmax(be, args);
    case CLSEQ_OP_softmax_xent:
        return softmax_xent(be, args);
    default:
        return clseq_fail(be->ctx, CLSEQ_ERR_ARG,
                          "%s is not made of other operations; only optional ones are",
                          clseq_op_name(op));
    }
}
