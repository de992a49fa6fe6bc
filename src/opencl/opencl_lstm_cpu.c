/* SPDX-License-Identifier: BSD-2-Clause */
#include "opencl/opencl_lstm_cpu.h"

/* The most rows of an item, as in cl/lstm_cpu.cl. */
#define FWD_ROWS(tile) ((tile) == 14 ? 3 * (tile) : 6 * (tile))
#define BWD_ROWS(tile) ((tile) == 14 ? 7 * (tile) : 16 * (tile))

/* Items per compute unit that are enough for all to end at about the same time. */
#define ITEMS_PER_UNIT 8

/* Rows times squared units up to which all steps are one launch. */
#define PERSISTENT_MULTIPLICATIONS (4 << 20)

bool clseq_opencl_lstm_cpu_has(const clseq_backend *be)
{
    const struct clseq_opencl *cl = clseq_opencl_of(be);

    return cl->gemm == CLSEQ_PROVIDER_CPU && cl->kernels[CLSEQ_KERNEL_lstm_cpu_fwd].kernel;
}

struct clseq_opencl_range clseq_opencl_lstm_all_units(const clseq_backend *be)
{
    return clseq_opencl_range_2d((size_t)clseq_opencl_of(be)->compute_units, 1, 1, 1);
}

/* Rows of an item: nearly equal blocks of whole tiles; there are at most 2^*shift. */
static int32_t block_rows(const clseq_backend *be, int32_t rows, int32_t H, int32_t most,
                          int32_t *shift)
{
    const int32_t panel = clseq_opencl_gemm_panel(be), tile = clseq_opencl_gemm_strip(be);
    const int32_t wanted = (int32_t)clseq_opencl_of(be)->compute_units * ITEMS_PER_UNIT;
    const int32_t panels = (H + panel - 1) / panel;
    const int32_t for_units = (wanted + panels - 1) / panels, for_size = (rows + most - 1) / most;
    const int32_t blocks = for_units > for_size ? for_units : for_size;
    const int32_t block =
        (int32_t)clseq_round_up((size_t)((rows + blocks - 1) / blocks), (size_t)tile);

    *shift = 0;
    while ((int64_t)block << *shift < rows)
        ++*shift;
    return block;
}

clseq_status clseq_opencl_lstm_queue(clseq_backend *be, cl_mem *ret)
{
    return clseq_opencl_scratch(be, CLSEQ_SCRATCH_QUEUE, 3 * sizeof(cl_int), ret);
}

bool clseq_opencl_lstm_is_persistent(const clseq_backend *be, int32_t rows, int32_t H,
                                     int64_t multiplications)
{
    return (int64_t)rows * H * H <= multiplications && clseq_opencl_of(be)->is_pocl;
}

struct clseq_opencl_arg clseq_opencl_lstm_step_of(const clseq_tensor *x)
{
    return clseq_arg_ulong(clseq_tensor_present(x) ? (uint64_t)x->strides[0] : 0);
}

/* Steps t .. t + steps - 1. */
static clseq_status fwd_steps(clseq_backend *be, const struct clseq_opencl_packed *w_hh,
                              const struct clseq_lstm_seq_fwd_args *a, int32_t t, int32_t steps,
                              cl_mem queue)
{
    const int32_t rows = a->h.dims[1], H = a->h.dims[2];
    int32_t shift;
    const int32_t block = block_rows(be, rows, H, FWD_ROWS(clseq_opencl_gemm_strip(be)), &shift);
    const size_t padded = clseq_round_up((size_t)H, (size_t)clseq_opencl_gemm_panel(be));
    const clseq_tensor h_prev = t == 0 ? a->h0 : clseq_tensor_step(a->h, t - 1);
    const clseq_tensor c_prev = t == 0 ? a->c0 : clseq_tensor_step(a->c, t - 1);
    const clseq_tensor gates = clseq_tensor_step(a->gates, t), c = clseq_tensor_step(a->c, t);
    const clseq_tensor h = clseq_tensor_step(a->h, t);

    return CLSEQ_LAUNCH(
        be, lstm_cpu_fwd, clseq_opencl_lstm_all_units(be), CLSEQ_ARG_ROWS(&h_prev),
        clseq_arg_mem(w_hh->mem), CLSEQ_ARG_ROWS(&c_prev), CLSEQ_ARG_TENSOR(&a->b_ih),
        CLSEQ_ARG_TENSOR(&a->b_hh), clseq_arg_int(clseq_tensor_present(&a->b_ih)),
        CLSEQ_ARG_TENSOR(&a->length), clseq_arg_int(clseq_tensor_present(&a->length)),
        CLSEQ_ARG_ROWS(&gates), clseq_opencl_lstm_step_of(&a->gates), CLSEQ_ARG_ROWS(&c),
        clseq_opencl_lstm_step_of(&a->c), CLSEQ_ARG_ROWS(&h), clseq_opencl_lstm_step_of(&a->h),
        clseq_arg_int(t), clseq_arg_int(rows), clseq_arg_int(H), clseq_arg_int((int32_t)padded),
        clseq_arg_int(block), clseq_arg_int(shift), clseq_arg_mem(queue), clseq_arg_int(steps));
}

clseq_status clseq_opencl_lstm_cpu_fwd(clseq_backend *be, const struct clseq_opencl_packed *w_hh,
                                       const struct clseq_lstm_seq_fwd_args *a)
{
    const int32_t T = a->gates.dims[0];
    const int32_t steps =
        clseq_opencl_lstm_is_persistent(be, a->h.dims[1], a->h.dims[2], PERSISTENT_MULTIPLICATIONS)
            ? T
            : 1;
    cl_mem queue;

    CLSEQ_TRY(clseq_opencl_lstm_queue(be, &queue));
    for (int32_t t = 0; t < T; t += steps)
        CLSEQ_TRY(fwd_steps(be, w_hh, a, t, steps, queue));
    return CLSEQ_OK;
}

/* Steps t, t - 1, ... t - steps + 1. A single one has the gradients of the step after it in
 * strips. */
static clseq_status bwd_steps(clseq_backend *be, const struct clseq_opencl_packed *w_hh,
                              const struct clseq_lstm_seq_bwd_args *a, int32_t t, int32_t steps,
                              cl_mem queue)
{
    const int32_t rows = a->dh.dims[0], H = a->dh.dims[1];
    int32_t shift;
    const int32_t block = block_rows(be, rows, H, BWD_ROWS(clseq_opencl_gemm_strip(be)), &shift);
    const clseq_tensor next = clseq_tensor_step(a->gates, t + 1);
    const clseq_tensor act = clseq_tensor_step(a->gates, t), c = clseq_tensor_step(a->c, t);
    const clseq_tensor dy = clseq_tensor_present(&a->dy) ? clseq_tensor_step(a->dy, t) : a->dy;
    cl_mem strips = NULL;

    if (steps == 1)
        CLSEQ_TRY(clseq_opencl_gemm_pack_a(be, &next, &strips));
    return CLSEQ_LAUNCH(be, lstm_cpu_bwd, clseq_opencl_lstm_all_units(be), clseq_arg_mem(strips),
                        clseq_arg_int(steps == 1), clseq_arg_mem(w_hh->mem), CLSEQ_ARG_ROWS(&act),
                        clseq_opencl_lstm_step_of(&a->gates), CLSEQ_ARG_ROWS(&a->c0),
                        CLSEQ_ARG_ROWS(&c), clseq_opencl_lstm_step_of(&a->c),
                        CLSEQ_ARG_ROWS(&a->dh), CLSEQ_ARG_ROWS(&a->dc), CLSEQ_ARG_ROWS(&dy),
                        clseq_opencl_lstm_step_of(&a->dy),
                        clseq_arg_int(clseq_tensor_present(&a->dy)), CLSEQ_ARG_TENSOR(&a->length),
                        clseq_arg_int(clseq_tensor_present(&a->length)), clseq_arg_int(t),
                        clseq_arg_int(rows), clseq_arg_int(H), clseq_arg_int(block),
                        clseq_arg_int(shift), clseq_arg_mem(queue), clseq_arg_int(steps));
}

clseq_status clseq_opencl_lstm_cpu_bwd(clseq_backend *be, const struct clseq_opencl_packed *w_hh,
                                       const struct clseq_lstm_seq_bwd_args *a)
{
    const int32_t T = a->gates.dims[0];
    const int32_t steps = clseq_opencl_lstm_is_persistent(be, a->dh.dims[0], a->dh.dims[1],
                                                          PERSISTENT_MULTIPLICATIONS)
                              ? T - 1
                              : 1;
    cl_mem queue;

    CLSEQ_TRY(clseq_opencl_lstm_queue(be, &queue));
    for (int32_t t = T - 2; t >= 0; t -= steps)
        CLSEQ_TRY(bwd_steps(be, w_hh, a, t, steps, queue));
    return CLSEQ_OK;
}
