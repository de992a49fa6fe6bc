/* SPDX-License-Identifier: BSD-2-Clause */
#include "opencl/opencl_lstm_blocks.h"

#include "opencl/opencl_gemm_blocks.h"
#include "opencl/opencl_lstm_cpu.h"
#include "opencl/opencl_matrix_unit.h"
#include "opencl/opencl_packed_cache.h"

#define SIDE CLSEQ_BLOCK_SIDE

/* No packed copy has these parts: the gates of W_hh in blocks. */
#define PARTS_GATES (-3)

/* Rows times squared units up to which all steps are one launch: 1.03 times a step at size M, where
 * the kernels of fp32 gain nothing. */
#define PERSISTENT_MULTIPLICATIONS (32 << 20)

static const struct clseq_gemm_blocks *blocks_of(const clseq_backend *be)
{
    const struct clseq_opencl *cl = clseq_opencl_of(be);

    return cl->unit && !cl->unit_rests ? cl->unit->blocks : NULL;
}

bool clseq_opencl_lstm_blocks_takes(const clseq_backend *be, int32_t rows, int32_t H)
{
    const struct clseq_gemm_blocks *unit = blocks_of(be);
    const struct clseq_gemm_problem p = { .m = rows, .n = 4 * H, .k = H, .batch = 1 };

    return unit && clseq_gemm_blocks_takes(be, unit, &p);
}

/* The four gates of a matrix side by side: each H elements from the one before it. */
static struct clseq_gemm_matrix gates_of(const clseq_tensor *x)
{
    return (struct clseq_gemm_matrix) { .mem = clseq_opencl_mem(x),
                                        .offset = x->offset,
                                        .rows = (int32_t)x->strides[0],
                                        .batch = (uint64_t)x->dims[1] / 4 };
}

/* W_hh (4 H, H) in blocks, gate by gate: of op(B) = W_hh^T when `trans`, otherwise of W_hh. */
static clseq_status pack_weights(clseq_backend *be, const clseq_tensor *w, bool trans, cl_mem *ret)
{
    const struct clseq_gemm_blocks *unit = blocks_of(be);
    const int32_t H = w->dims[1];
    const struct clseq_gemm_problem p = {
        .b = { .mem = clseq_opencl_mem(w),
               .offset = w->offset,
               .rows = (int32_t)w->strides[0],
               .batch = (uint64_t)H * (uint64_t)w->strides[0] },
        .n = trans ? 4 * H : H,
        .k = trans ? H : 4 * H,
        .trans_b = trans,
        .b_id = w->buffer->id,
        .b_version = w->buffer->version,
    };
    const size_t bytes = clseq_gemm_blocks_bytes(4, H, H);
    bool is_filled;

    clseq_opencl_packed_find(be, &p, PARTS_GATES, bytes, ret, &is_filled);
    if (is_filled)
        return CLSEQ_OK;
    if (!*ret)
        CLSEQ_TRY(clseq_opencl_scratch(be, CLSEQ_SCRATCH_GEMM_B, bytes, ret));
    return clseq_gemm_blocks_pack(be, unit, &p.b, 4, H, H, trans, true, *ret);
}

/* Blocks of rows: at most 2^shift. */
static int32_t shift_of(int32_t rows)
{
    int32_t shift = 0;

    while (((int64_t)SIDE << shift) < rows)
        shift++;
    return shift;
}

static int32_t steps_of(const clseq_backend *be, int32_t rows, int32_t H, int32_t all)
{
    return clseq_opencl_lstm_is_persistent(be, rows, H, PERSISTENT_MULTIPLICATIONS) ? all : 1;
}

/* Two of these hold what a step reads and what it makes for the next one; *ret is both. */
static clseq_status factors(clseq_backend *be, size_t bytes, cl_mem *ret)
{
    size_t both;

    if (!clseq_mul_size(bytes, 2, &both))
        both = SIZE_MAX;
    return clseq_opencl_scratch(be, CLSEQ_SCRATCH_GEMM_A, both, ret);
}

/* Steps t .. t + steps - 1. */
static clseq_status fwd_steps(clseq_backend *be, const struct clseq_lstm_seq_fwd_args *a, int32_t t,
                              int32_t steps, cl_mem states, uint64_t half, cl_mem weights,
                              cl_mem queue)
{
    const int32_t rows = a->h.dims[1], H = a->h.dims[2];
    const clseq_tensor h_prev = t == 0 ? a->h0 : clseq_tensor_step(a->h, t - 1);
    const clseq_tensor c_prev = t == 0 ? a->c0 : clseq_tensor_step(a->c, t - 1);
    const clseq_tensor gates = clseq_tensor_step(a->gates, t), c = clseq_tensor_step(a->c, t);
    const clseq_tensor h = clseq_tensor_step(a->h, t);
    const struct clseq_opencl_arg args[] = {
        clseq_arg_mem(states),
        clseq_arg_ulong(half),
        clseq_arg_mem(weights),
        CLSEQ_ARG_ROWS(&h_prev),
        CLSEQ_ARG_ROWS(&c_prev),
        CLSEQ_ARG_TENSOR(&a->b_ih),
        CLSEQ_ARG_TENSOR(&a->b_hh),
        clseq_arg_int(clseq_tensor_present(&a->b_ih)),
        CLSEQ_ARG_TENSOR(&a->length),
        clseq_arg_int(clseq_tensor_present(&a->length)),
        CLSEQ_ARG_ROWS(&gates),
        clseq_opencl_lstm_step_of(&a->gates),
        CLSEQ_ARG_ROWS(&c),
        clseq_opencl_lstm_step_of(&a->c),
        CLSEQ_ARG_ROWS(&h),
        clseq_opencl_lstm_step_of(&a->h),
        clseq_arg_int(t),
        clseq_arg_int(steps),
        clseq_arg_int(rows),
        clseq_arg_int(H),
        clseq_arg_int(shift_of(rows)),
        clseq_arg_mem(queue),
    };

    return clseq_opencl_launch(be, blocks_of(be)->lstm_fwd, clseq_opencl_lstm_all_units(be),
                               CLSEQ_ARRAY_SIZE(args), args);
}

clseq_status clseq_opencl_lstm_blocks_fwd(clseq_backend *be,
                                          const struct clseq_lstm_seq_fwd_args *a)
{
    const int32_t T = a->gates.dims[0], rows = a->h.dims[1], H = a->h.dims[2];
    const int32_t steps = steps_of(be, rows, H, T);
    const size_t bytes = clseq_gemm_blocks_bytes(1, rows, H);
    const struct clseq_gemm_matrix h0 = { .mem = clseq_opencl_mem(&a->h0),
                                          .offset = a->h0.offset,
                                          .rows = (int32_t)a->h0.strides[0] };
    cl_mem weights, states, queue;

    CLSEQ_TRY(pack_weights(be, &a->w_hh, true, &weights));
    CLSEQ_TRY(factors(be, bytes, &states));
    CLSEQ_TRY(clseq_opencl_lstm_queue(be, &queue));
    CLSEQ_TRY(clseq_gemm_blocks_pack(be, blocks_of(be), &h0, 1, rows, H, true, false, states));
    for (int32_t t = 0; t < T; t += steps)
        CLSEQ_TRY(fwd_steps(be, a, t, steps, states, bytes / sizeof(cl_uint), weights, queue));
    return CLSEQ_OK;
}

/* Steps t, t - 1, ... t - steps + 1. */
static clseq_status bwd_steps(clseq_backend *be, const struct clseq_lstm_seq_bwd_args *a, int32_t t,
                              int32_t steps, cl_mem gradients, uint64_t half, cl_mem weights,
                              cl_mem queue)
{
    const int32_t rows = a->dh.dims[0], H = a->dh.dims[1], at = t < 0 ? 0 : t;
    const clseq_tensor act = clseq_tensor_step(a->gates, at), c = clseq_tensor_step(a->c, at);
    const clseq_tensor dy = clseq_tensor_present(&a->dy) ? clseq_tensor_step(a->dy, at) : a->dy;
    const struct clseq_opencl_arg args[] = {
        clseq_arg_mem(gradients),
        clseq_arg_ulong(half),
        clseq_arg_mem(weights),
        CLSEQ_ARG_ROWS(&act),
        clseq_opencl_lstm_step_of(&a->gates),
        CLSEQ_ARG_ROWS(&a->c0),
        CLSEQ_ARG_ROWS(&c),
        clseq_opencl_lstm_step_of(&a->c),
        CLSEQ_ARG_ROWS(&a->dh),
        CLSEQ_ARG_ROWS(&a->dc),
        CLSEQ_ARG_ROWS(&dy),
        clseq_opencl_lstm_step_of(&a->dy),
        clseq_arg_int(clseq_tensor_present(&a->dy)),
        CLSEQ_ARG_TENSOR(&a->length),
        clseq_arg_int(clseq_tensor_present(&a->length)),
        clseq_arg_int(a->gates.dims[0] - 2),
        clseq_arg_int(t),
        clseq_arg_int(steps),
        clseq_arg_int(rows),
        clseq_arg_int(H),
        clseq_arg_int(shift_of(rows)),
        clseq_arg_mem(queue),
    };

    return clseq_opencl_launch(be, blocks_of(be)->lstm_bwd, clseq_opencl_lstm_all_units(be),
                               CLSEQ_ARRAY_SIZE(args), args);
}

clseq_status clseq_opencl_lstm_blocks_bwd(clseq_backend *be,
                                          const struct clseq_lstm_seq_bwd_args *a)
{
    const int32_t T = a->gates.dims[0], rows = a->dh.dims[0], H = a->dh.dims[1];
    /* Those from T - 2 down to -1. */
    const int32_t steps = steps_of(be, rows, H, T);
    const size_t bytes = clseq_gemm_blocks_bytes(4, rows, H);
    const clseq_tensor last = clseq_tensor_step(a->gates, T - 1);
    const uint64_t half = bytes / sizeof(cl_uint);
    const struct clseq_gemm_matrix dpre = gates_of(&last);
    cl_mem weights, gradients, queue;

    CLSEQ_TRY(pack_weights(be, &a->w_hh, false, &weights));
    CLSEQ_TRY(factors(be, bytes, &gradients));
    CLSEQ_TRY(clseq_opencl_lstm_queue(be, &queue));
    CLSEQ_TRY(clseq_gemm_blocks_pack(be, blocks_of(be), &dpre, 4, rows, H, true, false, gradients));
    for (int32_t t = T - 2; t >= -1; t -= steps)
        CLSEQ_TRY(bwd_steps(be, a, t, steps, gradients, half, weights, queue));
    return CLSEQ_OK;
}
