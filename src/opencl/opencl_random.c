/* SPDX-License-Identifier: BSD-2-Clause */
#include "opencl/opencl_grid.h"

/* Blocks of four numbers that a work-item makes. */
#define CPU_BLOCKS 256
#define GPU_BLOCKS 1

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
