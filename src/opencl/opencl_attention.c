/* SPDX-License-Identifier: BSD-2-Clause */
#include "opencl/opencl_grid.h"

/* Units of a run of additive_score_bwd: each goes through all steps and words. */
#define ADDITIVE_RUN 64

/* Items to a word in additive_score_fwd; the same in cl/attention.cl. */
#define SCORE_LANES 32

/* Four arguments: buffer, offset, and the strides of a tensor of rank 3. */
#define ARG_STEPS(x)                                                                               \
    CLSEQ_ARG_TENSOR(x), clseq_arg_ulong((uint64_t)(x)->strides[0]),                               \
        clseq_arg_stride((x)->strides[1])

/* One work-item a row of x (B, T, S) in the CPU class. In the GPU class a group, no larger than a
 * short row can use, `each` items an element. */
static struct clseq_opencl_range rows_range(const clseq_backend *be,
                                            enum clseq_opencl_kernel kernel, const clseq_tensor *x,
                                            size_t each)
{
    const size_t rows = (size_t)x->dims[0] * (size_t)x->dims[1];
    size_t wanted = 32;

    if (clseq_opencl_of(be)->cpu_class)
        return clseq_opencl_range_1d(rows, 1);
    while (wanted < each * (size_t)x->dims[2] && wanted < CLSEQ_GROUP_MAX)
        wanted *= 2;
    wanted = clseq_opencl_group_size(be, kernel, wanted);
    return clseq_opencl_range_1d(rows * wanted, wanted);
}

clseq_status clseq_opencl_masked_softmax_fwd(clseq_backend *be,
                                             const struct clseq_masked_softmax_fwd_args *a)
{
    return CLSEQ_LAUNCH(be, masked_softmax_fwd,
                        rows_range(be, CLSEQ_KERNEL_masked_softmax_fwd, &a->x, 1), ARG_STEPS(&a->x),
                        CLSEQ_ARG_TENSOR(&a->length),
                        clseq_arg_int(clseq_tensor_present(&a->length)), ARG_STEPS(&a->y),
                        clseq_arg_int(a->x.dims[0] * a->x.dims[1]), clseq_arg_int(a->x.dims[1]),
                        clseq_arg_int(a->x.dims[2]));
}

clseq_status clseq_opencl_masked_softmax_bwd(clseq_backend *be,
                                             const struct clseq_masked_softmax_bwd_args *a)
{
    return CLSEQ_LAUNCH(be, masked_softmax_bwd,
                        rows_range(be, CLSEQ_KERNEL_masked_softmax_bwd, &a->y, 1), ARG_STEPS(&a->y),
                        ARG_STEPS(&a->dy), ARG_STEPS(&a->dx),
                        clseq_arg_int(a->y.dims[0] * a->y.dims[1]), clseq_arg_int(a->y.dims[1]),
                        clseq_arg_int(a->y.dims[2]));
}

clseq_status clseq_opencl_additive_score_fwd(clseq_backend *be,
                                             const struct clseq_additive_score_fwd_args *a)
{
    const enum clseq_opencl_kernel kernel = CLSEQ_KERNEL_additive_score_fwd;
    const int32_t rows = a->q.dims[0] * a->q.dims[1];

    return CLSEQ_LAUNCH(
        be, additive_score_fwd, rows_range(be, kernel, &a->score, SCORE_LANES), ARG_STEPS(&a->q),
        ARG_STEPS(&a->k), CLSEQ_ARG_TENSOR(&a->v), CLSEQ_ARG_TENSOR(&a->length),
        clseq_arg_int(clseq_tensor_present(&a->length)), ARG_STEPS(&a->score), clseq_arg_int(rows),
        clseq_arg_int(a->q.dims[0]), clseq_arg_int(a->k.dims[0]), clseq_arg_int(a->q.dims[2]));
}

clseq_status clseq_opencl_additive_score_bwd(clseq_backend *be,
                                             const struct clseq_additive_score_bwd_args *a)
{
    const int32_t rows = a->q.dims[1], units = a->q.dims[2];
    const struct clseq_opencl_grid grid = clseq_opencl_grid_of(be, rows, units, ADDITIVE_RUN);
    const size_t bytes = (size_t)rows * (size_t)units * sizeof(cl_float);
    cl_mem parts;

    if (units == 0)
        return CLSEQ_OK;
    CLSEQ_TRY(clseq_opencl_scratch(be, CLSEQ_SCRATCH_REDUCE, bytes + sizeof(cl_float), &parts));
    CLSEQ_TRY(
        CLSEQ_LAUNCH(be, additive_score_bwd, grid.range, ARG_STEPS(&a->dscore), ARG_STEPS(&a->q),
                     ARG_STEPS(&a->k), CLSEQ_ARG_TENSOR(&a->v), CLSEQ_ARG_TENSOR(&a->length),
                     clseq_arg_int(clseq_tensor_present(&a->length)), ARG_STEPS(&a->dq),
                     ARG_STEPS(&a->dk), clseq_arg_mem(parts), clseq_arg_int(rows),
                     clseq_arg_int(a->q.dims[0]), clseq_arg_int(a->k.dims[0]), clseq_arg_int(units),
                     clseq_arg_int(grid.chunk), clseq_arg_float(a->beta)));
    return clseq_opencl_launch_col_sums(be, clseq_arg_mem(parts), 0, units, rows, units, 1,
                                        clseq_arg_mem(clseq_opencl_mem(&a->dv)), a->dv.offset,
                                        a->beta);
}
