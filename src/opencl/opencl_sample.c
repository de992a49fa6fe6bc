/* SPDX-License-Identifier: BSD-2-Clause */
#include "opencl/opencl_grid.h"

/* Columns of a run of log_mix, where an element takes two logarithms. */
#define MIX_RUN 512

clseq_status clseq_opencl_log_mix(clseq_backend *be, const struct clseq_log_mix_args *a)
{
    const struct clseq_opencl_grid grid =
        clseq_opencl_grid_of(be, a->y.dims[0], a->y.dims[1], MIX_RUN);

    return CLSEQ_LAUNCH(be, log_mix, grid.range, CLSEQ_ARG_ROWS(&a->x), CLSEQ_ARG_TENSOR(&a->x_lse),
                        CLSEQ_ARG_TENSOR(&a->y_lse), CLSEQ_ARG_ROWS(&a->y),
                        clseq_arg_int(grid.rows), clseq_arg_int(grid.columns),
                        clseq_arg_int(grid.chunk), clseq_arg_float(a->weight),
                        clseq_arg_float(1 - a->weight));
}

/* In the GPU class a group a row, no larger than its blocks of four words can use: the sums of all
 * turns take longer the more work-items there are. */
static struct clseq_opencl_range sample_range(const clseq_backend *be, size_t rows, size_t columns)
{
    size_t wanted = 32;

    if (clseq_opencl_of(be)->cpu_class)
        return clseq_opencl_range_1d(rows, 1);
    while (4 * wanted < columns && wanted < CLSEQ_GROUP_MAX)
        wanted *= 2;
    wanted = clseq_opencl_group_size(be, CLSEQ_KERNEL_sample, wanted);
    return clseq_opencl_range_1d(rows * wanted, wanted);
}

clseq_status clseq_opencl_sample(clseq_backend *be, const struct clseq_sample_args *a)
{
    const int32_t rows = a->x.dims[0];
    const uint64_t share = (uint64_t)(a->top_p * 4294967296.0);

    /* A top_p of less than 2^-32 keeps the likeliest word, as the smallest share does. */
    return CLSEQ_LAUNCH(be, sample, sample_range(be, (size_t)rows, (size_t)a->x.dims[1]),
                        CLSEQ_ARG_ROWS(&a->x), CLSEQ_ARG_ROWS(&a->counter),
                        CLSEQ_ARG_TENSOR(&a->index), clseq_arg_int(rows),
                        clseq_arg_int(a->x.dims[1]), clseq_arg_uint((uint32_t)a->seed),
                        clseq_arg_uint((uint32_t)(a->seed >> 32)), clseq_arg_uint(a->step),
                        clseq_arg_float(1 / a->temperature), clseq_arg_int(a->top_k),
                        clseq_arg_uint(a->top_p < 1 ? (uint32_t)(share > 0 ? share : 1) : 0));
}
