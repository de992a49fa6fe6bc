/* SPDX-License-Identifier: BSD-2-Clause */
#include "opencl/opencl_grid.h"

/* Parts of a sum: their number follows from the size alone. */
#define SUM_PART_LENGTH 16384
#define SUM_PARTS_MAX   256

/* Segments of a column sum, likewise; each has at least this many rows. */
#define COLUMN_SEGMENT_ROWS 256
#define COLUMN_SEGMENTS_MAX 16
#define COLUMN_SCRATCH      ((size_t)1 << 20) /* elements */

/* Columns of a work-item in the CPU class (COLUMN_VECTORS in cl/reduce.cl). */
#define COLUMN_VECTORS 8

/* The most columns of a group in the GPU class: a row of it is one memory transaction. */
#define GROUP_COLUMNS 32

static clseq_status launch_sum(clseq_backend *be, enum clseq_opencl_kernel kernel,
                               struct clseq_opencl_arg mem, uint64_t offset, uint64_t stride,
                               uint64_t columns, uint64_t total, uint64_t parts,
                               struct clseq_opencl_arg out, uint64_t out_offset, double beta)
{
    const uint64_t part_length = (total + parts - 1) / parts;
    const struct clseq_opencl_arg args[] = {
        mem,
        clseq_arg_ulong(offset),
        clseq_arg_ulong(stride),
        clseq_arg_ulong(columns),
        clseq_arg_ulong(total),
        clseq_arg_ulong(part_length),
        out,
        clseq_arg_ulong(out_offset),
        clseq_arg_float(beta),
    };

    return clseq_opencl_launch(be, kernel, clseq_opencl_one_each(be, kernel, (size_t)parts),
                               CLSEQ_ARRAY_SIZE(args), args);
}

/* y[0] = sum of f(x) + beta y[0], `kernel` being sum or sum_squares. */
static clseq_status reduce_all(clseq_backend *be, enum clseq_opencl_kernel kernel,
                               const clseq_tensor *x, const clseq_tensor *y, double beta)
{
    const uint64_t total = clseq_tensor_count(x);
    const bool is_line = clseq_opencl_is_line(x);
    /* an empty x is a sum of no elements in one part */
    const uint64_t columns = total == 0 ? 1 : is_line ? total : (uint64_t)clseq_opencl_columns(x);
    const uint64_t stride = is_line ? 0 : (uint64_t)clseq_opencl_stride(x);
    const struct clseq_opencl_arg x_mem = clseq_arg_mem(clseq_opencl_mem(x));
    const struct clseq_opencl_arg y_mem = clseq_arg_mem(clseq_opencl_mem(y));
    uint64_t parts = (total + SUM_PART_LENGTH - 1) / SUM_PART_LENGTH;
    cl_mem scratch;

    if (parts <= 1)
        return launch_sum(be, kernel, x_mem, x->offset, stride, columns, total, 1, y_mem, y->offset,
                          beta);
    if (parts > SUM_PARTS_MAX)
        parts = SUM_PARTS_MAX;
    CLSEQ_TRY(
        clseq_opencl_scratch(be, CLSEQ_SCRATCH_REDUCE, SUM_PARTS_MAX * sizeof(cl_float), &scratch));
    CLSEQ_TRY(launch_sum(be, kernel, x_mem, x->offset, stride, columns, total, parts,
                         clseq_arg_mem(scratch), 0, 0));
    return launch_sum(be, CLSEQ_KERNEL_sum, clseq_arg_mem(scratch), 0, 0, parts, parts, 1, y_mem,
                      y->offset, beta);
}

clseq_status clseq_opencl_sum(clseq_backend *be, const struct clseq_sum_args *a)
{
    return reduce_all(be, CLSEQ_KERNEL_sum, &a->x, &a->y, a->beta);
}

clseq_status clseq_opencl_sum_squares(clseq_backend *be, const struct clseq_sum_squares_args *a)
{
    return reduce_all(be, CLSEQ_KERNEL_sum_squares, &a->x, &a->y, a->beta);
}

/* Column sums of (rows, columns) elements, times z when that is not NULL. */
static clseq_status launch_columns(clseq_backend *be, struct clseq_opencl_arg mem, uint64_t offset,
                                   int64_t stride, const clseq_tensor *z, int32_t rows,
                                   int32_t columns, int32_t segments, struct clseq_opencl_arg out,
                                   uint64_t out_offset, double beta)
{
    const struct clseq_opencl *cl = clseq_opencl_of(be);
    const enum clseq_opencl_kernel kernel = z ? CLSEQ_KERNEL_col_dots : CLSEQ_KERNEL_col_sums;
    const int32_t segment_rows = (rows + segments - 1) / segments;
    struct clseq_opencl_arg args[] = {
        mem,
        clseq_arg_ulong(offset),
        clseq_arg_stride(stride),
        out,
        clseq_arg_ulong(out_offset),
        clseq_arg_int(columns), /* row length of the segments' sums */
        clseq_arg_int(rows),
        clseq_arg_int(columns),
        clseq_arg_int(segment_rows),
        clseq_arg_float(beta),
        clseq_arg_mem(z ? clseq_opencl_mem(z) : NULL), /* from here on col_dots only */
        clseq_arg_ulong(z ? z->offset : 0),
        clseq_arg_stride(z ? z->strides[0] : 0),
    };
    const size_t n_args = CLSEQ_ARRAY_SIZE(args) - (z ? 0 : 3);
    struct clseq_opencl_range range;

    if (cl->cpu_class) {
        const size_t run = (size_t)COLUMN_VECTORS * (size_t)cl->vector_width;

        range = clseq_opencl_range_2d(((size_t)columns + run - 1) / run, (size_t)segments, 1, 1);
    } else {
        const size_t group = clseq_opencl_group_size(be, kernel, CLSEQ_GROUP_MAX);
        const size_t width = group < GROUP_COLUMNS ? group : GROUP_COLUMNS;
        size_t lanes = group / width;

        while (lanes > cl->max_items[1])
            lanes /= 2;
        range = clseq_opencl_range_2d((size_t)columns, (size_t)segments * lanes, width, lanes);
    }
    return clseq_opencl_launch(be, kernel, range, n_args, args);
}

/* y = column sums of x (times z) + beta y, in one launch or in segments and their sum. */
static clseq_status reduce_columns(clseq_backend *be, const clseq_tensor *x, const clseq_tensor *z,
                                   const clseq_tensor *y, double beta)
{
    const int32_t rows = x->dims[0], columns = x->dims[1];
    const struct clseq_opencl_arg x_mem = clseq_arg_mem(clseq_opencl_mem(x));
    const struct clseq_opencl_arg y_mem = clseq_arg_mem(clseq_opencl_mem(y));
    size_t segments = (size_t)rows / COLUMN_SEGMENT_ROWS;
    cl_mem scratch;

    if (columns == 0)
        return CLSEQ_OK;
    if (segments > COLUMN_SEGMENTS_MAX)
        segments = COLUMN_SEGMENTS_MAX;
    if (segments > COLUMN_SCRATCH / (size_t)columns)
        segments = COLUMN_SCRATCH / (size_t)columns;
    if (segments <= 1)
        return launch_columns(be, x_mem, x->offset, x->strides[0], z, rows, columns, 1, y_mem,
                              y->offset, beta);
    CLSEQ_TRY(clseq_opencl_scratch(be, CLSEQ_SCRATCH_REDUCE, COLUMN_SCRATCH * sizeof(cl_float),
                                   &scratch));
    CLSEQ_TRY(launch_columns(be, x_mem, x->offset, x->strides[0], z, rows, columns,
                             (int32_t)segments, clseq_arg_mem(scratch), 0, 0));
    return launch_columns(be, clseq_arg_mem(scratch), 0, columns, NULL, (int32_t)segments, columns,
                          1, y_mem, y->offset, beta);
}

clseq_status clseq_opencl_launch_col_sums(clseq_backend *be, struct clseq_opencl_arg mem,
                                          uint64_t offset, int64_t stride, int32_t rows,
                                          int32_t columns, int32_t segments,
                                          struct clseq_opencl_arg out, uint64_t out_offset,
                                          double beta)
{
    return launch_columns(be, mem, offset, stride, NULL, rows, columns, segments, out, out_offset,
                          beta);
}

clseq_status clseq_opencl_col_sums(clseq_backend *be, const struct clseq_col_sums_args *a)
{
    return reduce_columns(be, &a->x, NULL, &a->y, a->beta);
}

clseq_status clseq_opencl_col_dots(clseq_backend *be, const struct clseq_col_dots_args *a)
{
    return reduce_columns(be, &a->x, &a->z, &a->y, a->beta);
}

clseq_status clseq_opencl_argmax(clseq_backend *be, const struct clseq_argmax_args *a)
{
    const int32_t rows = a->x.dims[0];

    return CLSEQ_LAUNCH(be, argmax, clseq_opencl_one_each(be, CLSEQ_KERNEL_argmax, (size_t)rows),
                        CLSEQ_ARG_ROWS(&a->x), CLSEQ_ARG_TENSOR(&a->index), clseq_arg_int(rows),
                        clseq_arg_int(a->x.dims[1]));
}

clseq_status clseq_opencl_topk(clseq_backend *be, const struct clseq_topk_args *a)
{
    const int32_t rows = a->x.dims[0];

    return CLSEQ_LAUNCH(be, topk, clseq_opencl_one_each(be, CLSEQ_KERNEL_topk, (size_t)rows),
                        CLSEQ_ARG_ROWS(&a->x), CLSEQ_ARG_ROWS(&a->value), CLSEQ_ARG_ROWS(&a->index),
                        clseq_arg_int(rows), clseq_arg_int(a->x.dims[1]),
                        clseq_arg_int(a->value.dims[1]));
}
