/* SPDX-License-Identifier: BSD-2-Clause */
#include "opencl/opencl_grid.h"

#define ROWS_RUN 4096

/* Frequent words have long sums: their columns are shared out. */
#define EMBEDDING_RUN 128

clseq_status clseq_opencl_row_gather(clseq_backend *be, const struct clseq_row_gather_args *a)
{
    const struct clseq_opencl_grid grid =
        clseq_opencl_grid_of(be, a->dst.dims[0], a->dst.dims[1], ROWS_RUN);

    return CLSEQ_LAUNCH(be, row_gather, grid.range, CLSEQ_ARG_ROWS(&a->src),
                        clseq_arg_int(a->src.dims[0]), CLSEQ_ARG_TENSOR(&a->index),
                        CLSEQ_ARG_ROWS(&a->dst), clseq_arg_int(grid.rows),
                        clseq_arg_int(grid.columns), clseq_arg_int(grid.chunk));
}

clseq_status clseq_opencl_row_scatter(clseq_backend *be, const struct clseq_row_scatter_args *a)
{
    const struct clseq_opencl_grid grid =
        clseq_opencl_grid_of(be, a->src.dims[0], a->src.dims[1], ROWS_RUN);

    return CLSEQ_LAUNCH(be, row_scatter, grid.range, CLSEQ_ARG_ROWS(&a->src),
                        CLSEQ_ARG_TENSOR(&a->index), CLSEQ_ARG_ROWS(&a->dst),
                        clseq_arg_int(a->dst.dims[0]), clseq_arg_int(grid.rows),
                        clseq_arg_int(grid.columns), clseq_arg_int(grid.chunk));
}

clseq_status clseq_opencl_keep_target(clseq_backend *be, const struct clseq_keep_target_args *a)
{
    const struct clseq_opencl_grid grid =
        clseq_opencl_grid_of(be, a->x.dims[0], a->x.dims[1], ROWS_RUN);

    return CLSEQ_LAUNCH(be, keep_target, grid.range, CLSEQ_ARG_ROWS(&a->x),
                        CLSEQ_ARG_TENSOR(&a->target), CLSEQ_ARG_ROWS(&a->y),
                        clseq_arg_int(a->first), clseq_arg_int(grid.rows),
                        clseq_arg_int(grid.columns), clseq_arg_int(grid.chunk));
}

clseq_status clseq_opencl_embedding_bwd(clseq_backend *be, const struct clseq_embedding_bwd_args *a)
{
    const struct clseq_opencl_grid grid =
        clseq_opencl_grid_of(be, a->drow.dims[0], a->drow.dims[1], EMBEDDING_RUN);

    return CLSEQ_LAUNCH(be, embedding_bwd, grid.range, CLSEQ_ARG_ROWS(&a->dy),
                        clseq_arg_int(a->dy.dims[0]), CLSEQ_ARG_TENSOR(&a->order),
                        clseq_arg_int(a->order.dims[0]), CLSEQ_ARG_TENSOR(&a->start),
                        CLSEQ_ARG_ROWS(&a->drow), clseq_arg_int(grid.rows),
                        clseq_arg_int(grid.columns), clseq_arg_int(grid.chunk));
}
