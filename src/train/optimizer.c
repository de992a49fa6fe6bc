/* SPDX-License-Identifier: BSD-2-Clause */
#include "train/optimizer.h"

#include <math.h>

/* By clseq_optimizer_kind. */
static const struct kind {
    const char *name;
    const char *moments[CLSEQ_OPTIMIZER_MOMENTS];
    double lr, beta2, eps;
} kinds[] = {
    [CLSEQ_OPTIMIZER_SGD] = { "sgd", { NULL }, 0.7, 0, 0 },
    [CLSEQ_OPTIMIZER_ADAM] = { "adam", { "m", "v" }, 0.001, 0.999, 1e-8 },
    [CLSEQ_OPTIMIZER_ADAMW] = { "adamw", { "m", "v" }, 0.001, 0.999, 1e-8 },
    /* With momentum 0.9 a gradient that stays has ten times the effect. */
    [CLSEQ_OPTIMIZER_MOMENTUM] = { "momentum", { "m" }, 0.07, 0, 0 },
    [CLSEQ_OPTIMIZER_NESTEROV] = { "nesterov", { "m" }, 0.07, 0, 0 },
    [CLSEQ_OPTIMIZER_ADAGRAD] = { "adagrad", { "v" }, 0.01, 0, 1e-10 },
    [CLSEQ_OPTIMIZER_ADADELTA] = { "adadelta", { "v", "u" }, 1, 0.9, 1e-6 },
    [CLSEQ_OPTIMIZER_RMSPROP] = { "rmsprop", { "v" }, 0.001, 0.99, 1e-8 },
};

void clseq_optimizer_options_init(struct clseq_optimizer_options *options,
                                  clseq_optimizer_kind kind)
{
    *options = (struct clseq_optimizer_options) {
        .kind = kind,
        .momentum = 0.9,
        .beta1 = 0.9,
        .beta2 = kinds[kind].beta2,
        .eps = kinds[kind].eps,
    };
}

const char *clseq_optimizer_name(clseq_optimizer_kind kind)
{
    return kinds[kind].name;
}

double clseq_optimizer_default_lr(clseq_optimizer_kind kind)
{
    return kinds[kind].lr;
}

static clseq_status create_moment(const clseq_seq2seq *model, double value,
                                  clseq_param_buffers *buffers)
{
    for (int i = 0; i < model->store.segments; i++) {
        const size_t n = model->store.segment_size[i];

        CLSEQ_TRY(clseq_buffer_create(model->be, n * clseq_dtype_size(model->real),
                                      "moments of the optimizer", &buffers->segment[i]));
        if (value == 0) /* as it is when created */
            continue;
        CLSEQ_TRY(clseq_op_fill(
            model->be, &(struct clseq_fill_args) {
                           .dst = clseq_tensor_1d(buffers->segment[i], 0, model->real, (int32_t)n),
                           .value = value }));
    }
    return CLSEQ_OK;
}

clseq_status clseq_optimizer_init_with(clseq_optimizer *optimizer, const clseq_seq2seq *model,
                                       const struct clseq_optimizer_options *options)
{
    const struct kind *kind = &kinds[options->kind];

    *optimizer = (clseq_optimizer) { .model = model, .options = *options };
    for (int i = 0; i < CLSEQ_OPTIMIZER_MOMENTS && kind->moments[i]; i++)
        CLSEQ_TRY(create_moment(model,
                                options->kind == CLSEQ_OPTIMIZER_ADAGRAD ? options->start : 0,
                                &optimizer->moment[i]));
    return CLSEQ_OK;
}

clseq_status clseq_optimizer_init(clseq_optimizer *optimizer, const clseq_seq2seq *model,
                                  clseq_optimizer_kind kind)
{
    struct clseq_optimizer_options options;

    clseq_optimizer_options_init(&options, kind);
    return clseq_optimizer_init_with(optimizer, model, &options);
}

void clseq_optimizer_fini(clseq_optimizer *optimizer)
{
    for (int i = 0; i < CLSEQ_OPTIMIZER_MOMENTS; i++) {
        for (int s = 0; s < CLSEQ_MAX_SEGMENTS; s++)
            clseq_buffer_destroy(&optimizer->moment[i].segment[s]);
    }
}

int clseq_optimizer_moments(const clseq_optimizer *optimizer,
                            const char *names[CLSEQ_OPTIMIZER_MOMENTS],
                            const clseq_param_buffers *buffers[CLSEQ_OPTIMIZER_MOMENTS])
{
    const struct kind *kind = &kinds[optimizer->options.kind];
    int n = 0;

    for (; n < CLSEQ_OPTIMIZER_MOMENTS && kind->moments[n]; n++) {
        names[n] = kind->moments[n];
        buffers[n] = &optimizer->moment[n];
    }
    return n;
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
    for (int i = 0; i < model->row_tables; i++) {
        CLSEQ_TRY(clseq_op_sum_squares(
            model->be, &(struct clseq_sum_squares_args) {
                           .x = model->row_gradients[i].rows, .y = sumsq, .beta = beta }));
        beta = 1;
    }
    return CLSEQ_OK;
}

static clseq_status apply_adam(clseq_backend *be, const struct clseq_optimizer_options *o,
                               uint64_t number, double lr, const struct clseq_optimizer_tensors *t)
{
    const double k = (double)number;
    const bool apart = o->kind == CLSEQ_OPTIMIZER_ADAMW;

    return clseq_op_adam_update(
        be, &(struct clseq_adam_update_args) { .g = t->g,
                                               .stats = t->stats,
                                               .index = t->index,
                                               .w = t->w,
                                               .m = t->moment[0],
                                               .v = t->moment[1],
                                               .step_size = lr / (1 - pow(o->beta1, k)),
                                               .beta1 = o->beta1,
                                               .beta2 = o->beta2,
                                               .inv_sqrt_bias2 = 1 / sqrt(1 - pow(o->beta2, k)),
                                               .eps = o->eps,
                                               .decay = apart ? 0 : o->weight_decay,
                                               .shrink = apart ? lr * o->weight_decay : 0 });
}

/* What the arguments of all updates have in common. */
#define SHARED                                                                                     \
    .g = t->g, .stats = t->stats, .index = t->index, .w = t->w, .lr = lr, .decay = o->weight_decay

clseq_status clseq_optimizer_apply(clseq_backend *be, const struct clseq_optimizer_options *o,
                                   uint64_t number, double lr,
                                   const struct clseq_optimizer_tensors *t)
{
    switch (o->kind) {
    case CLSEQ_OPTIMIZER_ADAM:
    case CLSEQ_OPTIMIZER_ADAMW:
        return apply_adam(be, o, number, lr, t);
    case CLSEQ_OPTIMIZER_MOMENTUM:
    case CLSEQ_OPTIMIZER_NESTEROV:
        return clseq_op_momentum_update(be, &(struct clseq_momentum_update_args) {
                                                SHARED, .m = t->moment[0], .momentum = o->momentum,
                                                .nesterov = o->kind == CLSEQ_OPTIMIZER_NESTEROV });
    case CLSEQ_OPTIMIZER_ADAGRAD:
        return clseq_op_adagrad_update(
            be, &(struct clseq_adagrad_update_args) { SHARED, .v = t->moment[0], .eps = o->eps });
    case CLSEQ_OPTIMIZER_ADADELTA:
        return clseq_op_adadelta_update(
            be, &(struct clseq_adadelta_update_args) { SHARED, .v = t->moment[0], .u = t->moment[1],
                                                       .rho = o->beta2, .eps = o->eps });
    case CLSEQ_OPTIMIZER_RMSPROP:
        return clseq_op_rmsprop_update(
            be, &(struct clseq_rmsprop_update_args) { SHARED, .v = t->moment[0], .rho = o->beta2,
                                                      .eps = o->eps });
    default:
        return clseq_op_sgd_update(be, &(struct clseq_sgd_update_args) { SHARED });
    }
}

clseq_status clseq_optimizer_step(const clseq_optimizer *optimizer, uint64_t number, double lr,
                                  double max_norm, clseq_tensor sumsq, clseq_tensor stats)
{
    return clseq_optimizer_step_scaled(optimizer, number, lr, max_norm, 1, sumsq, stats);
}

clseq_status clseq_optimizer_step_scaled(const clseq_optimizer *optimizer, uint64_t number,
                                         double lr, double max_norm, double scale,
                                         clseq_tensor sumsq, clseq_tensor stats)
{
    const clseq_seq2seq *model = optimizer->model;
    const clseq_param_store *store = &model->store;
    const char *names[CLSEQ_OPTIMIZER_MOMENTS];
    const clseq_param_buffers *moments[CLSEQ_OPTIMIZER_MOMENTS];
    const int n_moments = clseq_optimizer_moments(optimizer, names, moments);

    CLSEQ_TRY(squared_norm(model, sumsq));
    CLSEQ_TRY(clseq_op_clip_scale(
        model->be, &(struct clseq_clip_scale_args) {
                       .sumsq = sumsq, .stats = stats, .max_norm = max_norm, .scale = scale }));
    for (int i = 0; i < store->segments; i++) {
        struct clseq_optimizer_tensors t = {
            .w = clseq_param_dense(store, &model->weights, i, model->real),
            .g = clseq_param_dense(store, &model->gradients, i, model->real),
            .stats = stats,
        };

        if (!clseq_tensor_present(&t.g))
            continue;
        for (int k = 0; k < n_moments; k++)
            t.moment[k] = clseq_param_dense(store, moments[k], i, model->real);
        CLSEQ_TRY(clseq_optimizer_apply(model->be, &optimizer->options, number, lr, &t));
    }
    for (int i = 0; i < model->row_tables; i++) {
        const clseq_row_gradient *row = &model->row_gradients[i];
        struct clseq_optimizer_tensors t = {
            .w = clseq_param_rows(store, &model->weights, row->param, model->real),
            .g = row->rows,
            .index = row->index,
            .stats = stats,
        };

        for (int k = 0; k < n_moments; k++)
            t.moment[k] = clseq_param_rows(store, moments[k], row->param, model->real);
        CLSEQ_TRY(clseq_optimizer_apply(model->be, &optimizer->options, number, lr, &t));
    }
    return CLSEQ_OK;
}
