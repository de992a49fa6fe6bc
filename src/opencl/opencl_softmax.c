/* SPDX-License-Identifier: BSD-2-Clause */
#include "opencl/opencl_grid.h"

#define SOFTMAX_RUN 2048

clseq_status clseq_opencl_softmax_xent_fwd(clseq_backend *be,
                                           const struct clseq_softmax_xent_fwd_args *a)
{
    const int32_t rows = a->logits.dims[0];

    return CLSEQ_LAUNCH(be, softmax_xent_fwd,
                        clseq_opencl_one_each(be, CLSEQ_KERNEL_softmax_xent_fwd, (size_t)rows),
                        CLSEQ_ARG_ROWS(&a->logits), CLSEQ_ARG_TENSOR(&a->target),
                        clseq_arg_int(clseq_tensor_present(&a->target)), CLSEQ_ARG_TENSOR(&a->loss),
                        CLSEQ_ARG_TENSOR(&a->lse), clseq_arg_int(rows),
                        clseq_arg_int(a->logits.dims[1]), clseq_arg_float(1 - a->smoothing),
                        clseq_arg_float(a->smoothing / a->logits.dims[1]));
}

clseq_status clseq_opencl_softmax_xent_bwd(clseq_backend *be,
                                           const struct clseq_softmax_xent_bwd_args *a)
{
    const struct clseq_opencl_grid grid =
        clseq_opencl_grid_of(be, a->logits.dims[0], a->logits.dims[1], SOFTMAX_RUN);

    return CLSEQ_LAUNCH(
        be, softmax_xent_bwd, grid.range, CLSEQ_ARG_ROWS(&a->logits), CLSEQ_ARG_TENSOR(&a->target),
        CLSEQ_ARG_TENSOR(&a->lse), CLSEQ_ARG_ROWS(&a->dlogits), clseq_arg_int(grid.rows),
        clseq_arg_int(grid.columns), clseq_arg_int(grid.chunk), clseq_arg_float(a->scale),
        clseq_arg_float(1 - a->smoothing), clseq_arg_float(a->smoothing / a->logits.dims[1]));
}

/* The CPU class only. */
clseq_status clseq_opencl_softmax_xent(clseq_backend *be, const struct clseq_softmax_xent_args *a)
{
    const int32_t rows = a->logits.dims[0];

    return CLSEQ_LAUNCH(
        be, softmax_xent, clseq_opencl_one_each(be, CLSEQ_KERNEL_softmax_xent, (size_t)rows),
        CLSEQ_ARG_ROWS(&a->logits), CLSEQ_ARG_TENSOR(&a->target), CLSEQ_ARG_TENSOR(&a->loss),
        CLSEQ_ARG_TENSOR(&a->lse), CLSEQ_ARG_ROWS(&a->dlogits), clseq_arg_int(rows),
        clseq_arg_int(a->logits.dims[1]), clseq_arg_float(a->scale),
        clseq_arg_float(1 - a->smoothing), clseq_arg_float(a->smoothing / a->logits.dims[1]));
}

clseq_status clseq_opencl_sigmoid_xent_fwd(clseq_backend *be,
                                           const struct clseq_sigmoid_xent_fwd_args *a)
{
    const int32_t rows = a->logits.dims[0];

    return CLSEQ_LAUNCH(be, sigmoid_xent_fwd,
                        clseq_opencl_one_each(be, CLSEQ_KERNEL_sigmoid_xent_fwd, (size_t)rows),
                        CLSEQ_ARG_ROWS(&a->logits), CLSEQ_ARG_TENSOR(&a->target),
                        CLSEQ_ARG_TENSOR(&a->loss), clseq_arg_int(rows),
                        clseq_arg_int(a->logits.dims[1]));
}

clseq_status clseq_opencl_sigmoid_xent_bwd(clseq_backend *be,
                                           const struct clseq_sigmoid_xent_bwd_args *a)
{
    const struct clseq_opencl_grid grid =
        clseq_opencl_grid_of(be, a->logits.dims[0], a->logits.dims[1], SOFTMAX_RUN);

    return CLSEQ_LAUNCH(be, sigmoid_xent_bwd, grid.range, CLSEQ_ARG_ROWS(&a->logits),
                        CLSEQ_ARG_TENSOR(&a->target), CLSEQ_ARG_ROWS(&a->dlogits),
                        clseq_arg_int(grid.rows), clseq_arg_int(grid.columns),
                        clseq_arg_int(grid.chunk), clseq_arg_float(a->scale));
}
