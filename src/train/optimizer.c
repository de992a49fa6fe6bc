/* SPDX-License-Identifier: BSD-2-Clause */
#include "train/optimizer.h"

#include <math.h>

static clseq_status create_moment(const clseq_seq2seq *model, const char *label,
                                  clseq_param_buffers *buffers)
{
    for (int i = 0; i < model->store.segments; i++)
        CLSEQ_TRY(clseq_buffer_create(model->be,
                                      model->store.segment_size[i] * clseq_dtype_size(model->real),
                                      label, &buffers->segment[i]));
    return CLSEQ_OK;
}

clseq_status clseq_optimizer_init(clseq_optimizer *optimizer, const clseq_seq2seq *model,
                                  clseq_optimizer_kind kind)
{
    *optimizer = (clseq_optimizer) {
        .model = model, .kind = kind, .beta1 = 0.9, .beta2 = 0.999, .eps = 1e-8
    };
    if (kind == CLSEQ_OPTIMIZER_SGD)
        return CLSEQ_OK;
    CLSEQ_TRY(create_moment(model, "first moments", &optimizer->m));
    return create_moment(model, "second moments", &optimizer->v);
}

void clseq_optimizer_fini(clseq_optimizer *optimizer)
{
    for (int i = 0; i < CLSEQ_MAX_SEGMENTS; i++) {
        clseq_buffer_destroy(&optimizer->m.segment[i]);
        clseq_buffer_destroy(&optimizer->v.segment[i]);
    }
}

int clseq_optimizer_moments(const clseq_optimizer *optimizer, const char *names[2],
                            const clseq_param_buffers *buffers[2])
{
    if (optimizer->kind == CLSEQ_OPTIMIZER_SGD)
        return 0;
    names[0] = "m";
    names[1] = "v";
    buffers[0] = &optimizer->m;
    buffers[1] = &optimizer->v;
    return 2;
}

/* The squared norm of all gradients, dense and row-sparse. */
static clseq_status squared_norm(const clseq_seq2seq *model, clseq_tensor sumsq)
{
    double beta = 0;

    for (int i = 0; i < model->store.segments; i++) {
        const clseq_tensor g = clseq_param_dense(&model->store, &model->gradients, i, model->real);

        if (!clseq_tensor_present(&g))
            continue;
        CLSEQ_TRY(clseq_op_sum_squares(
            model->be, &(struct clseq_sum_squares_args) { .x = g, .y = sumsq, .beta = beta }));
        beta = 1;
    }
    for (size_t i = 0; i < CLSEQ_ARRAY_SIZE(model->row_gradients); i++) {
        CLSEQ_TRY(clseq_op_sum_squares(
            model->be, &(struct clseq_sum_squares_args) {
                           .x = model->row_gradients[i].rows, .y = sumsq, .beta = beta }));
        beta = 1;
    }
    return CLSEQ_OK;
}

/* One vector of dense parameters, or rows of a table when index is present. */
static clseq_status update(const clseq_optimizer *o, uint64_t number, double lr, clseq_tensor w,
                           clseq_tensor m, clseq_tensor v, clseq_tensor g, clseq_tensor index,
                           clseq_tensor stats)
{
    const double k = (double)number;

    if (o->kind == CLSEQ_OPTIMIZER_SGD)
        return clseq_op_sgd_update(o->model->be,
                                   &(struct clseq_sgd_update_args) {
                                       .g = g, .stats = stats, .index = index, .w = w, .lr = lr });
    return clseq_op_adam_update(o->model->be, &(struct clseq_adam_update_args) {
                                                  .g = g,
                                                  .stats = stats,
                                                  .index = index,
                                                  .w = w,
                                                  .m = m,
                                                  .v = v,
                                                  .step_size = lr / (1 - pow(o->beta1, k)),
                                                  .beta1 = o->beta1,
                                                  .beta2 = o->beta2,
                                                  .inv_sqrt_bias2 = 1 / sqrt(1 - pow(o->beta2, k)),
                                                  .eps = o->eps });
}

clseq_status clseq_optimizer_step(const clseq_optimizer *optimizer, uint64_t number, double lr,
                                  double max_norm, clseq_tensor sumsq, clseq_tensor stats)
{
    const clseq_seq2seq *model = optimizer->model;
    const clseq_param_store *store = &model->store;
    const clseq_tensor none = { 0 };
    const bool moments = optimizer->kind != CLSEQ_OPTIMIZER_SGD;

    CLSEQ_TRY(squared_norm(model, sumsq));
    CLSEQ_TRY(clseq_op_clip_scale(
        model->be,
        &(struct clseq_clip_scale_args) { .sumsq = sumsq, .stats = stats, .max_norm = max_norm }));
    for (int i = 0; i < store->segments; i++) {
        const clseq_tensor g = clseq_param_dense(store, &model->gradients, i, model->real);

        if (!clseq_tensor_present(&g))
            continue;
        CLSEQ_TRY(update(optimizer, number, lr,
                         clseq_param_dense(store, &model->weights, i, model->real),
                         moments ? clseq_param_dense(store, &optimizer->m, i, model->real) : none,
                         moments ? clseq_param_dense(store, &optimizer->v, i, model->real) : none,
                         g, none, stats));
    }
    for (size_t i = 0; i < CLSEQ_ARRAY_SIZE(model->row_gradients); i++) {
        const clseq_row_gradient *row = &model->row_gradients[i];

        CLSEQ_TRY(update(
            optimizer, number, lr,
            clseq_param_tensor(store, &model->weights, row->param, model->real),
            moments ? clseq_param_tensor(store, &optimizer->m, row->param, model->real) : none,
            moments ? clseq_param_tensor(store, &optimizer->v, row->param, model->real) : none,
            row->rows, row->index, stats));
    }
    return CLSEQ_OK;
}
