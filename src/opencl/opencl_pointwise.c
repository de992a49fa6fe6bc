/* SPDX-License-Identifier: BSD-2-Clause */
#include "opencl/opencl_grid.h"

#include <string.h>

/* Columns of a run. Large enough that starting a work-item costs nothing, small enough that the
 * cores finish together. */
#define POINTWISE_RUN 4096

/* The same where an element takes a dozen cycles. */
#define TANH_RUN 1024

clseq_status clseq_opencl_copy(clseq_backend *be, const struct clseq_copy_args *a)
{
    const bool is_line = clseq_opencl_is_line(&a->src) && clseq_opencl_is_line(&a->dst);
    const struct clseq_opencl_planes src = clseq_opencl_planes_of(&a->src, is_line),
                                     dst = clseq_opencl_planes_of(&a->dst, is_line);
    const struct clseq_opencl_grid grid =
        clseq_opencl_grid_of(be, src.rows, src.columns, POINTWISE_RUN);

    return CLSEQ_LAUNCH(be, copy, clseq_opencl_with_planes(grid.range, src.planes),
                        CLSEQ_ARG_TENSOR(&a->src), clseq_arg_stride(src.plane_stride),
                        clseq_arg_stride(src.row_stride), CLSEQ_ARG_TENSOR(&a->dst),
                        clseq_arg_stride(dst.plane_stride), clseq_arg_stride(dst.row_stride),
                        clseq_arg_int(src.planes), clseq_arg_int(grid.rows),
                        clseq_arg_int(grid.columns), clseq_arg_int(grid.chunk));
}

clseq_status clseq_opencl_fill(clseq_backend *be, const struct clseq_fill_args *a)
{
    const struct clseq_opencl_planes dst =
        clseq_opencl_planes_of(&a->dst, clseq_opencl_is_line(&a->dst));
    const struct clseq_opencl_grid grid =
        clseq_opencl_grid_of(be, dst.rows, dst.columns, POINTWISE_RUN);
    const float real = (float)a->value;
    uint32_t word;

    if (a->dst.dtype == CLSEQ_I32)
        word = (uint32_t)(int32_t)a->value;
    else
        memcpy(&word, &real, sizeof(word));
    return CLSEQ_LAUNCH(be, fill, clseq_opencl_with_planes(grid.range, dst.planes),
                        CLSEQ_ARG_TENSOR(&a->dst), clseq_arg_stride(dst.plane_stride),
                        clseq_arg_stride(dst.row_stride), clseq_arg_int(dst.planes),
                        clseq_arg_int(grid.rows), clseq_arg_int(grid.columns),
                        clseq_arg_int(grid.chunk), clseq_arg_uint(word));
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
    const struct clseq_opencl_planes x = clseq_opencl_planes_of(&a->x, is_line);
    const struct clseq_opencl_grid grid =
        clseq_opencl_grid_of(be, x.rows, x.columns, POINTWISE_RUN);

    return CLSEQ_LAUNCH(be, axpby, grid.range, CLSEQ_ARG_LINES(&a->x), CLSEQ_ARG_LINES(&a->y),
                        clseq_arg_int(grid.rows), clseq_arg_int(grid.columns),
                        clseq_arg_int(grid.chunk), clseq_arg_float(a->alpha),
                        clseq_arg_float(a->beta));
}

clseq_status clseq_opencl_tanh_fwd(clseq_backend *be, const struct clseq_tanh_fwd_args *a)
{
    const bool is_line = clseq_opencl_is_line(&a->x) && clseq_opencl_is_line(&a->y);
    const struct clseq_opencl_planes x = clseq_opencl_planes_of(&a->x, is_line),
                                     y = clseq_opencl_planes_of(&a->y, is_line);
    const struct clseq_opencl_grid grid = clseq_opencl_grid_of(be, x.rows, x.columns, TANH_RUN);

    return CLSEQ_LAUNCH(be, tanh_fwd, clseq_opencl_with_planes(grid.range, x.planes),
                        CLSEQ_ARG_PLANES(&a->x, x), CLSEQ_ARG_PLANES(&a->y, y),
                        clseq_arg_int(x.planes), clseq_arg_int(grid.rows),
                        clseq_arg_int(grid.columns), clseq_arg_int(grid.chunk));
}

clseq_status clseq_opencl_tanh_bwd(clseq_backend *be, const struct clseq_tanh_bwd_args *a)
{
    const bool is_line =
        clseq_opencl_is_line(&a->y) && clseq_opencl_is_line(&a->dy) && clseq_opencl_is_line(&a->dx);
    const struct clseq_opencl_planes y = clseq_opencl_planes_of(&a->y, is_line),
                                     dy = clseq_opencl_planes_of(&a->dy, is_line);
    const struct clseq_opencl_planes dx = clseq_opencl_planes_of(&a->dx, is_line);
    const struct clseq_opencl_grid grid =
        clseq_opencl_grid_of(be, y.rows, y.columns, POINTWISE_RUN);

    return CLSEQ_LAUNCH(
        be, tanh_bwd, clseq_opencl_with_planes(grid.range, y.planes), CLSEQ_ARG_PLANES(&a->y, y),
        CLSEQ_ARG_PLANES(&a->dy, dy), CLSEQ_ARG_PLANES(&a->dx, dx), clseq_arg_int(y.planes),
        clseq_arg_int(grid.rows), clseq_arg_int(grid.columns), clseq_arg_int(grid.chunk));
}
