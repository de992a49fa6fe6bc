/* SPDX-License-Identifier: BSD-2-Clause */
#include "opencl/opencl_grid.h"

#define UPDATE_RUN 4096

/* Rows and columns of an update. Dense tensors without gaps are one row; of row-sparse ones the
 * gradient says which rows. */
struct update {
    struct clseq_opencl_grid grid;
    int32_t w_rows;
};

static struct update update_of(const clseq_backend *be, const clseq_tensor *g,
                               const clseq_tensor *w, bool is_line)
{
    struct update u = { .w_rows = clseq_opencl_rows(w) };
    int32_t rows = clseq_opencl_rows(g), columns = clseq_opencl_columns(g);

    if (is_line) {
        columns = (int32_t)clseq_tensor_count(g);
        rows = u.w_rows = 1;
    }
    u.grid = clseq_opencl_grid_of(be, rows, columns, UPDATE_RUN);
    return u;
}

clseq_status clseq_opencl_clip_scale(clseq_backend *be, const struct clseq_clip_scale_args *a)
{
    return CLSEQ_LAUNCH(be, clip_scale, clseq_opencl_range_1d(1, 1), CLSEQ_ARG_TENSOR(&a->sumsq),
                        CLSEQ_ARG_TENSOR(&a->stats), clseq_arg_float(a->max_norm));
}

clseq_status clseq_opencl_sgd_update(clseq_backend *be, const struct clseq_sgd_update_args *a)
{
    const bool has_index = clseq_tensor_present(&a->index);
    const struct update u = update_of(
        be, &a->g, &a->w, !has_index && clseq_opencl_is_line(&a->g) && clseq_opencl_is_line(&a->w));

    return CLSEQ_LAUNCH(be, sgd_update, u.grid.range, CLSEQ_ARG_LINES(&a->g),
                        CLSEQ_ARG_TENSOR(&a->stats), CLSEQ_ARG_TENSOR(&a->index),
                        clseq_arg_int(has_index), CLSEQ_ARG_LINES(&a->w), clseq_arg_int(u.w_rows),
                        clseq_arg_int(u.grid.rows), clseq_arg_int(u.grid.columns),
                        clseq_arg_int(u.grid.chunk), clseq_arg_float(a->lr));
}

clseq_status clseq_opencl_adam_update(clseq_backend *be, const struct clseq_adam_update_args *a)
{
    const bool has_index = clseq_tensor_present(&a->index);
    const bool is_line = !has_index && clseq_opencl_is_line(&a->g) && clseq_opencl_is_line(&a->w) &&
                         clseq_opencl_is_line(&a->m) && clseq_opencl_is_line(&a->v);
    const struct update u = update_of(be, &a->g, &a->w, is_line);

    return CLSEQ_LAUNCH(
        be, adam_update, u.grid.range, CLSEQ_ARG_LINES(&a->g), CLSEQ_ARG_TENSOR(&a->stats),
        CLSEQ_ARG_TENSOR(&a->index), clseq_arg_int(has_index), CLSEQ_ARG_LINES(&a->w),
        CLSEQ_ARG_LINES(&a->m), CLSEQ_ARG_LINES(&a->v), clseq_arg_int(u.w_rows),
        clseq_arg_int(u.grid.rows), clseq_arg_int(u.grid.columns), clseq_arg_int(u.grid.chunk),
        clseq_arg_float(a->step_size), clseq_arg_float(a->beta1), clseq_arg_float(1 - a->beta1),
        clseq_arg_float(a->beta2), clseq_arg_float(1 - a->beta2),
        clseq_arg_float(a->inv_sqrt_bias2), clseq_arg_float(a->eps));
}
