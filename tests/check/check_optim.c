/* SPDX-License-Identifier: BSD-2-Clause */
/* clip_scale and the updates */
#include "check.h"

#include <math.h>
#include <string.h>

static void clip_scale_case(struct check *t, double sumsq, double max_norm, double scale)
{
    struct check_case *c =
        check_begin(t, CLSEQ_OP_clip_scale, "sumsq%g_max%g_scale%g", sumsq, max_norm, scale);

    if (!c)
        return;
    check_real(c, "sumsq", 1, 1, 1, 1);
    check_values(c, "sumsq")[0] = (double)(float)sumsq;
    check_out(c, "stats", 1, 2, 1, 1);
    c->args.clip_scale.max_norm = max_norm;
    c->args.clip_scale.scale = scale;
    check_run(c);
}

void check_clip_scale(struct check *t)
{
    static const double sums[] = { 0,          1,    24.9,  25,   25.1,
                                   1e4,        1e30, 1e-30, 3e38, (double)INFINITY,
                                   (double)NAN };
    static const double limits[] = { 5, 1, 1e-3, 1e6, 0, -1 };

    for (int i = 0; i < (int)CLSEQ_ARRAY_SIZE(sums); i++) {
        for (int j = 0; j < (int)CLSEQ_ARRAY_SIZE(limits); j++)
            clip_scale_case(t, sums[i], limits[j], 1);
        clip_scale_case(t, sums[i], 5, 1e-3);
        clip_scale_case(t, sums[i], 0, 0.3);
        clip_scale_case(t, sums[i], 1, 7);
    }
}

/* What all updates share: shapes, the scale in stats[1] and weight decay. */
struct update {
    int ndim;
    int32_t rows, columns;
    int32_t sparse; /* rows of g; -1 = dense */
    double scale, decay;
};

static struct check_case *begin_update(struct check *t, enum clseq_op op, const struct update *u)
{
    char sparse[24] = "", decay[24] = "";
    struct check_case *c;

    if (u->sparse >= 0)
        snprintf(sparse, sizeof(sparse), "_u%d", u->sparse);
    if (u->decay > 0)
        snprintf(decay, sizeof(decay), "_decay%g", u->decay);
    c = check_begin(t, op, "rank%d_%d_%d%s_scale%g%s", u->ndim, u->rows, u->columns, sparse,
                    u->scale, decay);
    if (!c)
        return NULL;
    check_real(c, "g", u->ndim, u->sparse >= 0 ? u->sparse : u->rows, u->columns, 1);
    check_real(c, "stats", 1, 2, 1, 1);
    check_values(c, "stats")[1] = (double)(float)u->scale;
    if (u->sparse >= 0) {
        check_index(c, "index", u->sparse);
        check_distinct(c, "index", u->rows, u->columns % 2 ? 0.2 : 0);
    }
    check_real(c, "w", u->ndim, u->rows, u->columns, 1);
    return c;
}

static void sgd_case(struct check *t, const struct update *u)
{
    struct check_case *c = begin_update(t, CLSEQ_OP_sgd_update, u);

    if (!c)
        return;
    c->args.sgd_update.lr = 0.7;
    c->args.sgd_update.decay = u->decay;
    check_run(c);
}

static const double zero[] = { 0 };

/* A moment; those that are means of squares are not negative. */
static void add_moment(struct check_case *c, const struct update *u, const char *name)
{
    check_real(c, name, u->ndim, u->rows, u->columns, 1);
    if (strcmp(name, "m") != 0)
        check_fill_uniform(c, name, 0, 1);
    check_sprinkle(c, name, 0.1, zero, 1);
}

static void adam_case(struct check *t, const struct update *u)
{
    struct check_case *c = begin_update(t, CLSEQ_OP_adam_update, u);
    const double steps = 1 + u->columns % 5 * 10;

    if (!c)
        return;
    add_moment(c, u, "m");
    add_moment(c, u, "v");
    check_sprinkle(c, "g", 0.1, zero, 1);
    c->args.adam_update.beta1 = 0.9;
    c->args.adam_update.beta2 = 0.999;
    c->args.adam_update.eps = 1e-8;
    c->args.adam_update.step_size = 1e-3 / (1 - pow(0.9, steps));
    c->args.adam_update.inv_sqrt_bias2 = 1 / sqrt(1 - pow(0.999, steps));
    /* One kind of decay or the other, by the columns, and both. */
    c->args.adam_update.decay = u->columns % 3 == 1 ? 0 : u->decay;
    c->args.adam_update.shrink = u->columns % 3 == 0 ? 0 : 1e-2 * u->decay;
    check_run(c);
}

static void momentum_case(struct check *t, const struct update *u)
{
    struct check_case *c = begin_update(t, CLSEQ_OP_momentum_update, u);

    if (!c)
        return;
    add_moment(c, u, "m");
    c->args.momentum_update.lr = 0.1;
    c->args.momentum_update.momentum = u->rows % 3 == 0 ? 0 : 0.9;
    c->args.momentum_update.decay = u->decay;
    c->args.momentum_update.nesterov = u->columns % 2 == 0;
    check_run(c);
}

static void adagrad_case(struct check *t, const struct update *u)
{
    struct check_case *c = begin_update(t, CLSEQ_OP_adagrad_update, u);

    if (!c)
        return;
    add_moment(c, u, "v");
    check_sprinkle(c, "g", 0.1, zero, 1);
    c->args.adagrad_update.lr = 0.01;
    c->args.adagrad_update.eps = 1e-10;
    c->args.adagrad_update.decay = u->decay;
    check_run(c);
}

static void adadelta_case(struct check *t, const struct update *u)
{
    struct check_case *c = begin_update(t, CLSEQ_OP_adadelta_update, u);

    if (!c)
        return;
    add_moment(c, u, "v");
    add_moment(c, u, "u");
    check_sprinkle(c, "g", 0.1, zero, 1);
    c->args.adadelta_update.lr = 1;
    c->args.adadelta_update.rho = 0.9;
    c->args.adadelta_update.eps = 1e-6;
    c->args.adadelta_update.decay = u->decay;
    check_run(c);
}

static void rmsprop_case(struct check *t, const struct update *u)
{
    struct check_case *c = begin_update(t, CLSEQ_OP_rmsprop_update, u);

    if (!c)
        return;
    add_moment(c, u, "v");
    check_sprinkle(c, "g", 0.1, zero, 1);
    c->args.rmsprop_update.lr = 0.01;
    c->args.rmsprop_update.rho = 0.99;
    c->args.rmsprop_update.eps = 1e-8;
    c->args.rmsprop_update.decay = u->decay;
    check_run(c);
}

typedef void update_case(struct check *t, const struct update *u);

static void update_cases(struct check *t, update_case *run)
{
    static const double scales[] = { 1, 0.37, 0 };

    for (int i = 0; i < check_size_count(t); i++) {
        const int32_t n = check_size(t, i), m = check_size(t, i + 5);

        run(t, &(struct update) { 1, n, 1, -1, scales[i % 3], 0 });
        run(t, &(struct update) { 2, m, n, -1, scales[(i + 1) % 3], 0.1 });
        run(t, &(struct update) { 2, m + 20, n, m / 2, scales[(i + 2) % 3], 0.01 });
        run(t, &(struct update) { 2, m, n, m, scales[i % 2], 0 });
    }
    run(t, &(struct update) { 1, 1000, 1, -1, 1, 0.1 });
    run(t, &(struct update) { 2, 40, 33, 15, 1, 0 });
    run(t, &(struct update) { 2, 40, 34, 15, 0.37, 0.5 });
    run(t, &(struct update) { 2, 40, 35, 15, 0, 0.5 });
    run(t, &(struct update) { 2, 40, 33, 0, 1, 0 });
}

void check_sgd_update(struct check *t)
{
    update_cases(t, sgd_case);
}

void check_adam_update(struct check *t)
{
    update_cases(t, adam_case);
}

void check_momentum_update(struct check *t)
{
    update_cases(t, momentum_case);
}

void check_adagrad_update(struct check *t)
{
    update_cases(t, adagrad_case);
}

void check_adadelta_update(struct check *t)
{
    update_cases(t, adadelta_case);
}

void check_rmsprop_update(struct check *t)
{
    update_cases(t, rmsprop_case);
}
