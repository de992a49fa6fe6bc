/* SPDX-License-Identifier: BSD-2-Clause */
#include "opencl/opencl_grid.h"

#define UPDATE_RUN 4096

/* Rows and columns of an update. Dense tensors without gaps are one row; of row-sparse ones the
 * gradient says which rows. `lines`: all of w and its moments are without gaps. */
struct update {
    struct clseq_opencl_grid grid;
    int32_t w_rows;
    bool has_index;
};

static struct update update_of(const clseq_backend *be, const clseq_tensor *g,
                               const clseq_tensor *w, const clseq_tensor *index, bool lines)
{
    struct update u = { .w_rows = clseq_opencl_rows(w), .has_index = clseq_tensor_present(index) };
    int32_t rows = clseq_opencl_rows(g), columns = clseq_opencl_columns(g);

    if (lines && !u.has_index && clseq_opencl_is_line(g) && clseq_opencl_is_line(w)) {
        columns = (int32_t)clseq_tensor_count(g);
        rows = u.w_rows = 1;
    }
    u.grid = clseq_opencl_grid_of(be, rows, columns, UPDATE_RUN);
    return u;
}

/* UPDATE_HEAD and UPDATE_SIZES of cl/optim.cl. */
#define ARG_HEAD(a, u)                                                                             \
    CLSEQ_ARG_LINES(&(a)->g), CLSEQ_ARG_TENSOR(&(a)->stats), CLSEQ_ARG_TENSOR(&(a)->index),        \
        clseq_arg_int((u).has_index)
#define ARG_SIZES(u)                                                                               \
    clseq_arg_int((u).w_rows), clseq_arg_int((u).grid.rows), clseq_arg_int((u).grid.columns),      \
        clseq_arg_int((u).grid.chunk)

clseq_status clseq_opencl_clip_scale(clseq_backend *be, const struct clseq_clip_scale_args *a)
{
    return CLSEQ_LAUNCH(be, clip_scale, clseq_opencl_range_1d(1, 1), CLSEQ_ARG_TENSOR(&a->sumsq),
                        CLSEQ_ARG_TENSOR(&a->stats), clseq_arg_float(a->max_norm),
                        clseq_arg_float(a->scale));
}

clseq_status clseq_opencl_sgd_update(clseq_backend *be, const struct clseq_sgd_update_args *a)
{
    const struct update u = update_of(be, &a->g, &a->w, &a->index, true);

    return CLSEQ_LAUNCH(be, sgd_update, u.grid.range, ARG_HEAD(a, u), CLSEQ_ARG_LINES(&a->w),
                        ARG_SIZES(u), clseq_arg_float(a->lr), clseq_arg_float(a->lr * a->decay));
}

clseq_status clseq_opencl_adam_update(clseq_backend *be, const struct clseq_adam_update_args *a)
{
    const struct update u = update_of(be, &a->g, &a->w, &a->index,
                                      clseq_opencl_is_line(&a->m) && clseq_opencl_is_line(&a->v));

    return CLSEQ_LAUNCH(
        be, adam_update, u.grid.range, ARG_HEAD(a, u), CLSEQ_ARG_LINES(&a->w),
        CLSEQ_ARG_LINES(&a->m), CLSEQ_ARG_LINES(&a->v), ARG_SIZES(u), clseq_arg_float(a->step_size),
        clseq_arg_float(a->beta1), clseq_arg_float(1 - a->beta1), clseq_arg_float(a->beta2),
        clseq_arg_float(1 - a->beta2), clseq_arg_float(a->inv_sqrt_bias2), clseq_arg_float(a->eps),
        clseq_arg_float(a->decay), clseq_arg_float(a->shrink));
}

clseq_status clseq_opencl_momentum_update(clseq_backend *be,
                                          const struct clseq_momentum_update_args *a)
{
    const struct update u = update_of(be, &a->g, &a->w, &a->index, clseq_opencl_is_line(&a->m));

    return CLSEQ_LAUNCH(be, momentum_update, u.grid.range, ARG_HEAD(a, u), CLSEQ_ARG_LINES(&a->w),
                        CLSEQ_ARG_LINES(&a->m), ARG_SIZES(u), clseq_arg_float(a->lr),
                        clseq_arg_float(a->momentum), clseq_arg_float(a->decay),
                        clseq_arg_int(a->nesterov));
}

clseq_status clseq_opencl_adagrad_update(clseq_backend *be,
                                         const struct clseq_adagrad_update_args *a)
{
    const struct update u = update_of(be, &a->g, &a->w, &a->index, clseq_opencl_is_line(&a->v));

    return CLSEQ_LAUNCH(be, adagrad_update, u.grid.range, ARG_HEAD(a, u), CLSEQ_ARG_LINES(&a->w),
                        CLSEQ_ARG_LINES(&a->v), ARG_SIZES(u), clseq_arg_float(a->lr),
                        clseq_arg_float(a->eps), clseq_arg_float(a->decay));
}

clseq_status clseq_opencl_adadelta_update(clseq_backend *be,
                                          const struct clseq_adadelta_update_args *a)
{
    const struct update u = update_of(be, &a->g, &a->w, &a->index,
                                      clseq_opencl_is_line(&a->v) && clseq_opencl_is_line(&a->u));

    return CLSEQ_LAUNCH(be, adadelta_update, u.grid.range, ARG_HEAD(a, u), CLSEQ_ARG_LINES(&a->w),
                        CLSEQ_ARG_LINES(&a->v), CLSEQ_ARG_LINES(&a->u), ARG_SIZES(u),
                        clseq_arg_float(a->lr), clseq_arg_float(a->rho),
                        clseq_arg_float(1 - a->rho), clseq_arg_float(a->eps),
                        clseq_arg_float(a->decay));
}

clseq_status clseq_opencl_rmsprop_update(clseq_backend *be,
                                         const struct clseq_rmsprop_update_args *a)
{
    const struct update u = update_of(be, &a->g, &a->w, &a->index, clseq_opencl_is_line(&a->v));

    return CLSEQ_LAUNCH(be, rmsprop_update, u.grid.range, ARG_HEAD(a, u), CLSEQ_ARG_LINES(&a->w),
                        CLSEQ_ARG_LINES(&a->v), ARG_SIZES(u), clseq_arg_float(a->lr),
                        clseq_arg_float(a->rho), clseq_arg_float(1 - a->rho),
                        clseq_arg_float(a->eps), clseq_arg_float(a->decay));
}
