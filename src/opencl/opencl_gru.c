/* SPDX-License-Identifier: BSD-2-Clause */
#include "opencl/opencl_grid.h"

/* Hidden units of a work-item in the CPU class: a few microseconds of exp and tanh. */
#define CELL_RUN 128

clseq_status clseq_opencl_gru_cell_fwd(clseq_backend *be, const struct clseq_gru_cell_fwd_args *a)
{
    const struct clseq_opencl_grid grid =
        clseq_opencl_grid_of(be, a->h.dims[0], a->h.dims[1], CELL_RUN);

    return CLSEQ_LAUNCH(
        be, gru_cell_fwd, grid.range, CLSEQ_ARG_ROWS(&a->pre), CLSEQ_ARG_ROWS(&a->pre_n),
        CLSEQ_ARG_ROWS(&a->h_prev), CLSEQ_ARG_TENSOR(&a->b_ih), CLSEQ_ARG_TENSOR(&a->b_hh),
        clseq_arg_int(clseq_tensor_present(&a->b_ih)), CLSEQ_ARG_TENSOR(&a->length),
        clseq_arg_int(clseq_tensor_present(&a->length)), CLSEQ_ARG_ROWS(&a->act),
        CLSEQ_ARG_ROWS(&a->hn), CLSEQ_ARG_ROWS(&a->h), clseq_arg_int(a->t),
        clseq_arg_int(grid.rows), clseq_arg_int(grid.columns), clseq_arg_int(grid.chunk));
}

clseq_status clseq_opencl_gru_cell_bwd(clseq_backend *be, const struct clseq_gru_cell_bwd_args *a)
{
    const struct clseq_opencl_grid grid =
        clseq_opencl_grid_of(be, a->dh.dims[0], a->dh.dims[1], CELL_RUN);

    return CLSEQ_LAUNCH(
        be, gru_cell_bwd, grid.range, CLSEQ_ARG_ROWS(&a->act), CLSEQ_ARG_ROWS(&a->hn),
        CLSEQ_ARG_ROWS(&a->h_prev), CLSEQ_ARG_ROWS(&a->dh), CLSEQ_ARG_ROWS(&a->dy),
        clseq_arg_int(clseq_tensor_present(&a->dy)), CLSEQ_ARG_TENSOR(&a->length),
        clseq_arg_int(clseq_tensor_present(&a->length)), CLSEQ_ARG_ROWS(&a->dpre),
        CLSEQ_ARG_ROWS(&a->dhn), CLSEQ_ARG_ROWS(&a->dh_prev), clseq_arg_int(a->t),
        clseq_arg_int(grid.rows), clseq_arg_int(grid.columns), clseq_arg_int(grid.chunk));
}
