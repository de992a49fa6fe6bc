/* SPDX-License-Identifier: BSD-2-Clause */
/* How pointwise kernels share out rows and columns. Private to src/opencl. */
#ifndef CLSEQ_OPENCL_GRID_H
#define CLSEQ_OPENCL_GRID_H

#include "opencl/opencl_impl.h"

/* Kernels step over rows by the global size, so more rows than this need no larger one: some GPUs
 * allow only 65535 groups in the second dimension. */
#define CLSEQ_GRID_ROWS 32768

/* Work-groups of pointwise kernels are not made smaller than this. */
#define CLSEQ_GRID_LOCAL_MIN 32

/* A grid of work-items: (runs of `chunk` columns) x rows. */
struct clseq_opencl_grid {
    int32_t rows, columns, chunk;
    struct clseq_opencl_range range;
};

/* CPU class: each work-item takes a run of at most `most` columns, all runs about equally long. GPU
 * class: one column each. */
static inline struct clseq_opencl_grid clseq_opencl_grid_of(const clseq_backend *be, int32_t rows,
                                                            int32_t columns, int32_t most)
{
    const struct clseq_opencl *cl = clseq_opencl_of(be);
    struct clseq_opencl_grid grid = { .rows = rows, .columns = columns, .chunk = 1 };
    size_t runs = (size_t)columns, local = cl->local_1d;

    /* narrow rows would leave most of a group without work */
    while (local > CLSEQ_GRID_LOCAL_MIN && local / 2 >= runs)
        local /= 2;
    if (cl->cpu_class && columns > 0) {
        runs = ((size_t)columns + (size_t)most - 1) / (size_t)most;
        grid.chunk =
            (int32_t)clseq_round_up(((size_t)columns + runs - 1) / runs, (size_t)cl->vector_width);
        runs = ((size_t)columns + (size_t)grid.chunk - 1) / (size_t)grid.chunk;
    }
    grid.range = clseq_opencl_range_2d(
        runs, (size_t)(rows < CLSEQ_GRID_ROWS ? rows : CLSEQ_GRID_ROWS), local, 1);
    return grid;
}

/* The most work-items of a group with barriers; the same in cl/defs.clh. */
#define CLSEQ_GROUP_MAX 256

/* For kernels that give every unit of work (a row, a part of a sum) to one work-item in the CPU
 * class, to one group in the GPU class. */
static inline struct clseq_opencl_range
clseq_opencl_one_each(const clseq_backend *be, enum clseq_opencl_kernel kernel, size_t n)
{
    const size_t group =
        clseq_opencl_of(be)->cpu_class ? 1 : clseq_opencl_group_size(be, kernel, CLSEQ_GROUP_MAX);

    return clseq_opencl_range_1d(n * group, group);
}

/* Rows of a tensor of rank 1 or 2, and its row length. */
static inline int32_t clseq_opencl_rows(const clseq_tensor *x)
{
    return x->ndim == 1 ? 1 : x->dims[0];
}

static inline int32_t clseq_opencl_columns(const clseq_tensor *x)
{
    return x->dims[x->ndim - 1];
}

/* Its row stride; 0 for rank 1. */
static inline int64_t clseq_opencl_stride(const clseq_tensor *x)
{
    return x->ndim == 1 ? 0 : x->strides[0];
}

/* Can the tensor (rank 1 to 3) be handled as one row? Then narrow rows cost nothing extra. */
static inline bool clseq_opencl_is_line(const clseq_tensor *x)
{
    int64_t expected = 1;

    for (int d = x->ndim - 1; d >= 0; d--) {
        if (x->dims[d] != 1 && x->strides[d] != expected)
            return false;
        expected *= x->dims[d];
    }
    return clseq_tensor_count(x) <= INT32_MAX;
}

/* Three arguments as CLSEQ_ARG_ROWS, for rank 1 or 2. */
#define CLSEQ_ARG_LINES(x) CLSEQ_ARG_TENSOR(x), clseq_arg_stride(clseq_opencl_stride(x))

/* A tensor of rank 1 to 3 as planes of rows. */
struct clseq_opencl_planes {
    int32_t planes, rows, columns;
    int64_t plane_stride, row_stride;
};

static inline struct clseq_opencl_planes clseq_opencl_planes_of(const clseq_tensor *x, bool is_line)
{
    struct clseq_opencl_planes p = { .planes = 1, .rows = 1, .columns = clseq_opencl_columns(x) };

    if (is_line) {
        p.columns = (int32_t)clseq_tensor_count(x);
        return p;
    }
    if (x->ndim > 1) {
        p.rows = x->dims[x->ndim - 2];
        p.row_stride = x->strides[x->ndim - 2];
    }
    if (x->ndim > 2) {
        p.planes = x->dims[0];
        p.plane_stride = x->strides[0];
    }
    return p;
}

/* Planes are the third dimension. */
static inline struct clseq_opencl_range clseq_opencl_with_planes(struct clseq_opencl_range range,
                                                                 int32_t planes)
{
    range.dims = 3;
    range.global[2] = (size_t)(planes < CLSEQ_GRID_ROWS ? planes : CLSEQ_GRID_ROWS);
    return range;
}

/* The kernel col_sums on memory that may be scratch: (rows, columns) at `offset`, rows `stride`
 * apart, gives `segments` rows of sums at `out`; one segment gives the sums. Not empty. Errors: as
 * clseq_opencl_launch(). */
CLSEQ_MUST_CHECK clseq_status
clseq_opencl_launch_col_sums(clseq_backend *be, struct clseq_opencl_arg mem, uint64_t offset,
                             int64_t stride, int32_t rows, int32_t columns, int32_t segments,
                             struct clseq_opencl_arg out, uint64_t out_offset, double beta);

/* Four arguments: buffer, offset, plane stride, row stride. */
#define CLSEQ_ARG_PLANES(x, p)                                                                     \
    CLSEQ_ARG_TENSOR(x), clseq_arg_stride((p).plane_stride), clseq_arg_stride((p).row_stride)

#endif
