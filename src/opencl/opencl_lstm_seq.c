/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Whole-sequence LSTMs with W_hh packed once per call and used in every step. The composed form in
 * the front end would pack it T times. On CPUs a step is one kernel.
 */
#include "opencl/opencl_lstm_blocks.h"
#include "opencl/opencl_lstm_cpu.h"

/* Packing pays when this many rows are multiplied with the packed matrix in all. */
#define PACKED_ROWS 32

/* x[t], or `before` for t = -1. */
static clseq_tensor step_or(clseq_tensor x, int32_t t, clseq_tensor before)
{
    return t >= 0 ? clseq_tensor_step(x, t) : before;
}

/* y += x op(W): packed when `packed` holds something, as it is otherwise. */
static clseq_status add_product(clseq_backend *be, clseq_tensor x, const clseq_tensor *w,
                                bool trans, const struct clseq_opencl_packed *packed,
                                clseq_tensor y)
{
    const struct clseq_gemm_args a = {
        .a = x, .b = *w, .c = y, .trans_b = trans, .alpha = 1, .beta = 1
    };

    return packed->mem ? clseq_opencl_gemm_packed(be, &x, packed, &y, 1, 1)
                       : clseq_opencl_gemm(be, &a);
}

static bool is_fp32(const clseq_backend *be)
{
    return be->info.precision == CLSEQ_PRECISION_FP32;
}

/* Is a step one kernel? Those know no peepholes. */
static bool is_fused(const clseq_backend *be, const clseq_tensor *peephole)
{
    return is_fp32(be) && clseq_opencl_lstm_cpu_has(be) && !clseq_tensor_present(peephole);
}

/* Is it one with the matrix unit? */
static bool is_fused_unit(const clseq_backend *be, const clseq_tensor *peephole, int32_t rows,
                          int32_t H)
{
    return !is_fp32(be) && clseq_opencl_lstm_blocks_takes(be, rows, H) &&
           !clseq_tensor_present(peephole);
}

static clseq_status pack(clseq_backend *be, const clseq_tensor *w, bool trans, bool fused,
                         int32_t steps, int32_t batch, struct clseq_opencl_packed *packed)
{
    *packed = (struct clseq_opencl_packed) { .mem = NULL };
    if (fused)
        return clseq_opencl_gemm_pack_b(be, w, trans, trans ? 4 : 1, packed);
    /* Packed copies are not rounded. */
    if ((int64_t)steps * batch < PACKED_ROWS || !is_fp32(be))
        return CLSEQ_OK;
    return clseq_opencl_gemm_pack_b(be, w, trans, 1, packed);
}

clseq_status clseq_opencl_lstm_seq_fwd(clseq_backend *be, const struct clseq_lstm_seq_fwd_args *a)
{
    const int32_t steps = a->gates.dims[0], batch = a->gates.dims[1];
    const bool fused = is_fused(be, &a->peephole);
    struct clseq_opencl_packed packed;

    if (clseq_tensor_count(&a->gates) == 0)
        return CLSEQ_OK;
    if (is_fused_unit(be, &a->peephole, batch, a->h.dims[2]))
        return clseq_opencl_lstm_blocks_fwd(be, a);
    CLSEQ_TRY(pack(be, &a->w_hh, true, fused, steps, batch, &packed));
    if (fused)
        return clseq_opencl_lstm_cpu_fwd(be, &packed, a);
    for (int32_t t = 0; t < steps; t++) {
        const clseq_tensor gates = clseq_tensor_step(a->gates, t);
        const struct clseq_lstm_cell_fwd_args cell = { .pre = gates,
                                                       .c_prev = step_or(a->c, t - 1, a->c0),
                                                       .h_prev = step_or(a->h, t - 1, a->h0),
                                                       .b_ih = a->b_ih,
                                                       .b_hh = a->b_hh,
                                                       .length = a->length,
                                                       .act = gates,
                                                       .c = clseq_tensor_step(a->c, t),
                                                       .h = clseq_tensor_step(a->h, t),
                                                       .peephole = a->peephole,
                                                       .t = t };

        CLSEQ_TRY(add_product(be, cell.h_prev, &a->w_hh, true, &packed, gates));
        CLSEQ_TRY(clseq_opencl_lstm_cell_fwd(be, &cell));
    }
    return CLSEQ_OK;
}

/* The cell of step t. */
static clseq_status cell_bwd(clseq_backend *be, const struct clseq_lstm_seq_bwd_args *a, int32_t t)
{
    const clseq_tensor gates = clseq_tensor_step(a->gates, t);
    const struct clseq_lstm_cell_bwd_args cell = { .act = gates,
                                                   .c_prev = step_or(a->c, t - 1, a->c0),
                                                   .c = clseq_tensor_step(a->c, t),
                                                   .dh = a->dh,
                                                   .dc = a->dc,
                                                   .dy = clseq_tensor_present(&a->dy)
                                                             ? clseq_tensor_step(a->dy, t)
                                                             : a->dy,
                                                   .length = a->length,
                                                   .dpre = gates,
                                                   .dh_prev = a->dh,
                                                   .dc_prev = a->dc,
                                                   .peephole = a->peephole,
                                                   .t = t };

    return clseq_opencl_lstm_cell_bwd(be, &cell);
}

static clseq_status product_bwd(clseq_backend *be, const struct clseq_lstm_seq_bwd_args *a,
                                const struct clseq_opencl_packed *packed, int32_t t)
{
    return add_product(be, clseq_tensor_step(a->gates, t), &a->w_hh, false, packed, a->dh);
}

clseq_status clseq_opencl_lstm_seq_bwd(clseq_backend *be, const struct clseq_lstm_seq_bwd_args *a)
{
    const int32_t steps = a->gates.dims[0], batch = a->gates.dims[1];
    const bool fused = is_fused(be, &a->peephole);
    struct clseq_opencl_packed packed;

    if (clseq_tensor_count(&a->gates) == 0)
        return CLSEQ_OK;
    CLSEQ_TRY(cell_bwd(be, a, steps - 1));
    if (is_fused_unit(be, &a->peephole, batch, a->dh.dims[1]))
        return clseq_opencl_lstm_blocks_bwd(be, a);
    CLSEQ_TRY(pack(be, &a->w_hh, false, fused, steps, batch, &packed));
    if (fused) {
        CLSEQ_TRY(clseq_opencl_lstm_cpu_bwd(be, &packed, a));
        return product_bwd(be, a, &packed, 0);
    }
    for (int32_t t = steps - 1; t > 0; t--) {
        CLSEQ_TRY(product_bwd(be, a, &packed, t));
        CLSEQ_TRY(cell_bwd(be, a, t - 1));
    }
    return product_bwd(be, a, &packed, 0);
}
