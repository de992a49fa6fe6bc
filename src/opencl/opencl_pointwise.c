/* SPDX-License-Identifier: BSD-2-Clause */
#include "opencl/opencl_grid.h"

#include <string.h>

/* Columns of a run. Large enough that starting a work-item costs nothing, small enough that the
 * cores finish together. */
#define POINTWISE_RUN 4096

/* The same where an element takes a dozen cycles. */
#define TANH_RUN 1024

/* A tensor of rank 1 to 3 as planes of rows. */
struct planes {
    int32_t planes, rows, columns;
    int64_t plane_stride, row_stride;
};

static struct planes planes_of(const clseq_tensor *x, bool is_line)
{
    struct planes p = { .planes = 1, .rows = 1, .columns = clseq_opencl_columns(x) };

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
static struct clseq_opencl_range with_planes(struct clseq_opencl_range range, int32_t planes)
{
    range.dims = 3;
    range.global[2] = (size_t)(planes < CLSEQ_GRID_ROWS ? planes : CLSEQ_GRID_ROWS);
    return range;
}

clseq_status clseq_opencl_copy(clseq_backend *be, const struct clseq_copy_args *a)
{
    const bool is_line = clseq_opencl_is_line(&a->src) && clseq_opencl_is_line(&a->dst);
    const struct planes src = planes_of(&a->src, is_line), dst = planes_of(&a->dst, is_line);
    const struct clseq_opencl_grid grid =
        clseq_opencl_grid_of(be, src.rows, src.columns, POINTWISE_RUN);

    return CLSEQ_LAUNCH(be, copy, with_planes(grid.range, src.planes), CLSEQ_ARG_TENSOR(&a->src),
                        clseq_arg_stride(src.plane_stride), clseq_arg_stride(src.row_stride),
                        CLSEQ_ARG_TENSOR(&a->dst), clseq_arg_stride(dst.plane_stride),
                        clseq_arg_stride(dst.row_stride), clseq_arg_int(src.planes),
                        clseq_arg_int(grid.rows), clseq_arg_int(grid.columns),
                        clseq_arg_int(grid.chunk));
}

clseq_status clseq_opencl_fill(clseq_backend *be, const struct clseq_fill_args *a)
{
    const struct planes dst = planes_of(&a->dst, clseq_opencl_is_line(&a->dst));
    const struct clseq_opencl_grid grid =
        clseq_opencl_grid_of(be, dst.rows, dst.columns, POINTWISE_RUN);
    const float real = (float)a->value;
    uint32_t word;

    if (a->dst.dtype == CLSEQ_I32)
        word = (uint32_t)(int32_t)a->value;
    else
        memcpy(&word, &real, sizeof(word));
    return CLSEQ_LAUNCH(be, fill, with_planes(grid.range, dst.planes), CLSEQ_ARG_TENSOR(&a->dst),
                        clseq_arg_stride(dst.plane_stride), clseq_arg_stride(dst.row_stride),
                        clseq_arg_int(dst.planes), clseq_arg_int(grid.rows),
                        clseq_arg_int(grid.columns), clseq_arg_int(grid.chunk),
                        clseq_arg_uint(word));
}

clseq_status clseq_opencl_bias_add(clseq_backend *be, const struct clseq_bias_add_args *a)
{
    const struct clseq_opencl_grid grid =
        clseq_opencl_grid_of(be, a->x.dims[0], a->x.dims[1], POINTWISE_RUN);

    return CLSEQ_LAUNCH(be, bias_add, grid.range, CLSEQ_ARG_ROWS(&a->x), CLSEQ_ARG_TENSOR(&a->b0),
                        CLSEQ_ARG_TENSOR(&a->b1), clseq_arg_int(clseq_tensor_present(&a->b1)),
                        CLSEQ_ARG_ROWS(&a->y), clseq_arg_int(grid.rows),
                        clseq_arg_int(grid.columns), clseq_arg_int(grid.chunk));
}

clseq_status clseq_opencl_axpby(clseq_backend *be, const struct clseq_axpby_args *a)
{
    const bool is_line = clseq_opencl_is_line(&a->x) && clseq_opencl_is_line(&a->y);
    const struct planes x = planes_of(&a->x, is_line);
    const struct clseq_opencl_grid grid =
        clseq_opencl_grid_of(be, x.rows, x.columns, POINTWISE_RUN);

    return CLSEQ_LAUNCH(be, axpby, grid.range, CLSEQ_ARG_LINES(&a->x), CLSEQ_ARG_LINES(&a->y),
                        clseq_arg_int(grid.rows), clseq_arg_int(grid.columns),
                        clseq_arg_int(grid.chunk), clseq_arg_float(a->alpha),
                        clseq_arg_float(a->beta));
}

/* The arguments (pointer, offset, plane stride, row stride) of the next kernels. */
#define ARG_PLANES(x, p)                                                                           \
    CLSEQ_ARG_TENSOR(x), clseq_arg_stride((p).plane_stride), clseq_arg_stride((p).row_stride)

clseq_status clseq_opencl_tanh_fwd(clseq_backend *be, const struct clseq_tanh_fwd_args *a)
{
    const bool is_line = clseq_opencl_is_line(&a->x) && clseq_opencl_is_line(&a->y);
    const struct planes x = planes_of(&a->x, is_line), y = planes_of(&a->y, is_line);
    const struct clseq_opencl_grid grid = clseq_opencl_grid_of(be, x.rows, x.columns, TANH_RUN);

    return CLSEQ_LAUNCH(be, tanh_fwd, with_planes(grid.range, x.planes), ARG_PLANES(&a->x, x),
                        ARG_PLANES(&a->y, y), clseq_arg_int(x.planes), clseq_arg_int(grid.rows),
                        clseq_arg_int(grid.columns), clseq_arg_int(grid.chunk));
}

clseq_status clseq_opencl_tanh_bwd(clseq_backend *be, const struct clseq_tanh_bwd_args *a)
{
    const bool is_line =
        clseq_opencl_is_line(&a->y) && clseq_opencl_is_line(&a->dy) && clseq_opencl_is_line(&a->dx);
    const struct planes y = planes_of(&a->y, is_line), dy = planes_of(&a->dy, is_line);
    const struct planes dx = planes_of(&a->dx, is_line);
    const struct clseq_opencl_grid grid =
        clseq_opencl_grid_of(be, y.rows, y.columns, POINTWISE_RUN);

    return CLSEQ_LAUNCH(be, tanh_bwd, with_planes(grid.range, y.planes), ARG_PLANES(&a->y, y),
                        ARG_PLANES(&a->dy, dy), ARG_PLANES(&a->dx, dx), clseq_arg_int(y.planes),
                        clseq_arg_int(grid.rows), clseq_arg_int(grid.columns),
                        clseq_arg_int(grid.chunk));
}
