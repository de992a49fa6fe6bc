/* SPDX-License-Identifier: BSD-2-Clause */
#include "opencl/opencl_lstm_cpu.h"

/* The most rows of an item, as in cl/lstm_cpu.cl. */
#define FWD_ROWS(tile) ((tile) == 14 ? 3 * (tile) : 6 * (tile))
#define BWD_ROWS(tile) ((tile) == 14 ? 7 * (tile) : 16 * (tile))

/* Items per compute unit that are enough for all to end at about the same time. */
#define ITEMS_PER_UNIT 8

bool clseq_opencl_lstm_cpu_has(const clseq_backend *be)
{
    const struct clseq_opencl *cl = clseq_opencl_of(be);

    return cl->gemm == CLSEQ_PROVIDER_CPU && cl->kernels[CLSEQ_KERNEL_lstm_cpu_fwd].kernel;
}

/* One work-group for each compute unit. */
static struct clseq_opencl_range all_units(const clseq_backend *be)
{
    return clseq_opencl_range_2d((size_t)clseq_opencl_of(be)->compute_units, 1, 1, 1);
}

/* Rows of an item: nearly equal blocks of whole tiles. */
static int32_t block_rows(const clseq_backend *be, int32_t rows, int32_t H, int32_t most)
{
    const int32_t panel = clseq_opencl_gemm_panel(be), tile = clseq_opencl_gemm_strip(be);
    const int32_t wanted = (int32_t)clseq_opencl_of(be)->compute_units * ITEMS_PER_UNIT;
    const int32_t panels = (H + panel - 1) / panel;
    const int32_t for_units = (wanted + panels - 1) / panels, for_size = (rows + most - 1) / most;
    const int32_t blocks = for_units > for_size ? for_units : for_size;

    return (int32_t)clseq_round_up((size_t)((rows + blocks - 1) / blocks), (size_t)tile);
}

static clseq_status queue_of(clseq_backend *be, cl_mem *ret)
{
    return clseq_opencl_scratch(be, CLSEQ_SCRATCH_QUEUE, 2 * sizeof(cl_int), ret);
}

clseq_status clseq_opencl_lstm_cpu_fwd(clseq_backend *be, const struct clseq_opencl_packed *w_hh,
                                       const struct clseq_lstm_cell_fwd_args *a)
{
    const int32_t rows = a->h.dims[0], H = a->h.dims[1];
    const int32_t block = block_rows(be, rows, H, FWD_ROWS(clseq_opencl_gemm_strip(be)));
    const size_t padded = clseq_round_up((size_t)H, (size_t)clseq_opencl_gemm_panel(be));
    cl_mem queue;

    CLSEQ_TRY(queue_of(be, &queue));
    return CLSEQ_LAUNCH(be, lstm_cpu_fwd, all_units(be), CLSEQ_ARG_ROWS(&a->h_prev),
                        clseq_arg_mem(w_hh->mem), CLSEQ_ARG_ROWS(&a->c_prev),
                        CLSEQ_ARG_TENSOR(&a->b_ih), CLSEQ_ARG_TENSOR(&a->b_hh),
                        clseq_arg_int(clseq_tensor_present(&a->b_ih)), CLSEQ_ARG_TENSOR(&a->length),
                        clseq_arg_int(clseq_tensor_present(&a->length)), CLSEQ_ARG_ROWS(&a->act),
                        CLSEQ_ARG_ROWS(&a->c), CLSEQ_ARG_ROWS(&a->h), clseq_arg_int(a->t),
                        clseq_arg_int(rows), clseq_arg_int(H), clseq_arg_int((int32_t)padded),
                        clseq_arg_int(block), clseq_arg_mem(queue));
}

clseq_status clseq_opencl_lstm_cpu_bwd(clseq_backend *be, const struct clseq_opencl_packed *w_hh,
                                       const clseq_tensor *dpre_next,
                                       const struct clseq_lstm_cell_bwd_args *a)
{
    const int32_t rows = a->dh.dims[0], H = a->dh.dims[1];
    const int32_t block = block_rows(be, rows, H, BWD_ROWS(clseq_opencl_gemm_strip(be)));
    cl_mem strips, queue;

    CLSEQ_TRY(queue_of(be, &queue));
    CLSEQ_TRY(clseq_opencl_gemm_pack_a(be, dpre_next, &strips));
    return CLSEQ_LAUNCH(
        be, lstm_cpu_bwd, all_units(be), clseq_arg_mem(strips), clseq_arg_mem(w_hh->mem),
        CLSEQ_ARG_ROWS(&a->dpre), CLSEQ_ARG_ROWS(&a->c_prev), CLSEQ_ARG_ROWS(&a->c),
        CLSEQ_ARG_ROWS(&a->dh_prev), CLSEQ_ARG_ROWS(&a->dc_prev), CLSEQ_ARG_ROWS(&a->dy),
        clseq_arg_int(clseq_tensor_present(&a->dy)), CLSEQ_ARG_TENSOR(&a->length),
        clseq_arg_int(clseq_tensor_present(&a->length)), clseq_arg_int(a->t), clseq_arg_int(rows),
        clseq_arg_int(H), clseq_arg_int(block), clseq_arg_mem(queue));
}
