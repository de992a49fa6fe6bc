/* SPDX-License-Identifier: BSD-2-Clause */
#include "opencl/opencl_grid.h"

/* Blocks of four numbers that a work-item makes. */
#define CPU_BLOCKS 256
#define GPU_BLOCKS 1

/* Columns of a run of dropout, whose numbers take a few cycles each. */
#define DROPOUT_RUN 2048

static clseq_status draw(clseq_backend *be, enum clseq_opencl_kernel kernel,
                         const clseq_tensor *dst, uint64_t seed, uint32_t purpose, uint32_t stream,
                         float first, float second)
{
    const struct clseq_opencl *cl = clseq_opencl_of(be);
    const size_t total = clseq_tensor_count(dst);
    const size_t item = 4 * (size_t)(cl->cpu_class ? CPU_BLOCKS : GPU_BLOCKS);
    const struct clseq_opencl_arg args[] = {
        CLSEQ_ARG_LINES(dst),           clseq_arg_int(clseq_opencl_columns(dst)),
        clseq_arg_ulong(total),         clseq_arg_int((int32_t)(item / 4)),
        clseq_arg_uint((uint32_t)seed), clseq_arg_uint((uint32_t)(seed >> 32)),
        clseq_arg_uint(purpose),        clseq_arg_uint(stream),
        clseq_arg_float((double)first), clseq_arg_float((double)second),
    };

    if (total == 0)
        return CLSEQ_OK;
    return clseq_opencl_launch(be, kernel,
                               clseq_opencl_range_1d((total + item - 1) / item, cl->local_1d),
                               CLSEQ_ARRAY_SIZE(args), args);
}

clseq_status clseq_opencl_uniform(clseq_backend *be, const struct clseq_uniform_args *a)
{
    return draw(be, CLSEQ_KERNEL_uniform, &a->dst, a->seed, a->purpose, a->stream, a->low,
                a->high - a->low);
}

clseq_status clseq_opencl_normal(clseq_backend *be, const struct clseq_normal_args *a)
{
    return draw(be, CLSEQ_KERNEL_normal, &a->dst, a->seed, a->purpose, a->stream, a->mean, a->std);
}

clseq_status clseq_opencl_dropout(clseq_backend *be, const struct clseq_dropout_args *a)
{
    const struct clseq_copy_args copy = { .src = a->x, .dst = a->y };
    const bool is_line =
        !a->same_over_time && clseq_opencl_is_line(&a->x) && clseq_opencl_is_line(&a->y);
    const struct clseq_opencl_planes x = clseq_opencl_planes_of(&a->x, is_line);
    const struct clseq_opencl_planes y = clseq_opencl_planes_of(&a->y, is_line);
    /* In units of four columns, which share a block. */
    const struct clseq_opencl_grid grid =
        clseq_opencl_grid_of(be, x.rows, x.columns / 4 + (x.columns % 4 != 0), DROPOUT_RUN / 4);

    if ((float)a->p == 0.0f)
        return clseq_tensor_same(&a->x, &a->y) ? CLSEQ_OK : clseq_opencl_copy(be, &copy);
    return CLSEQ_LAUNCH(
        be, dropout, clseq_opencl_with_planes(grid.range, a->same_over_time ? 1 : x.planes),
        CLSEQ_ARG_PLANES(&a->x, x), CLSEQ_ARG_PLANES(&a->y, y), clseq_arg_int(x.planes),
        clseq_arg_int(x.rows), clseq_arg_int(x.columns), clseq_arg_int(4 * grid.chunk),
        clseq_arg_int(a->same_over_time), clseq_arg_uint((uint32_t)a->seed),
        clseq_arg_uint((uint32_t)(a->seed >> 32)), clseq_arg_uint(a->purpose),
        clseq_arg_uint(a->stream), clseq_arg_uint(a->step), clseq_arg_float(a->p),
        clseq_arg_float((double)clseq_dropout_scale(a->p)));
}
