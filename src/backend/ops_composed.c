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

clseq_status clseq_op_compose(clseq_backend *be, enum clseq_op op, const void *args)
{
    switch (op) {
    case CLSEQ_OP_lstm_seq_fwd:
        return lstm_seq_fwd(be, args);
    case CLSEQ_OP_lstm_seq_bwd:
        return lstm_seq_bwd(be, args);
    default:
        return clseq_fail(be->ctx, CLSEQ_ERR_ARG,
                          "%s is not made of other operations; only optional ones are",
                          clseq_op_name(op));
    }
}
