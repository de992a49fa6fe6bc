/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The derivations for updates of weights; the units and what the letters mean are in
 * tolerance_magnitude.c. Errors that are no multiple of a value (a quotient whose divisor is
 * itself off) are computed as they are and turned into units of u at the end.
 */
#include "backend/tolerance_magnitude.h"

#include "base/base.h"

#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define POINTWISE CLSEQ_MAGNITUDE_POINTWISE
#define UNIT      CLSEQ_TOLERANCE_UNIT

/* A device without subnormal numbers may lose this much at a product. */
#define FLUSHED ((double)FLT_MIN)

/* A value with what it may be off by. */
struct inexact {
    double value, error; /* error >= 0, absolute */
};

/*
 * g' = scale g: 2u. With decay, scale g: 2u, decay rounded and its product 4u, the sum 2u of both:
 * at most 6u (|scale g| + |decay w|).
 */
static struct inexact gradient(const struct clseq_magnitude *m, size_t i, size_t from, double decay)
{
    const double scaled = m->stats[1] * m->g[from], weight = decay * m->w[i];

    if (decay == 0)
        return (struct inexact) { scaled, 2 * UNIT * fabs(scaled) + FLUSHED };
    return (struct inexact) { scaled + weight,
                              6 * UNIT * (fabs(scaled) + fabs(weight)) + 2 * FLUSHED };
}

/*
 * part v + rest g'^2, rest = 1 - part, both rounded from double on the host (2u each side
 * together): part v: 2 + 2 for the product + 2 for the sum; rest g'^2: 2 + 4 + 2, and twice the
 * error of g'.
 */
static struct inexact mean_square(double part, double rest, double v, struct inexact g)
{
    return (struct inexact) {
        part * v + rest * g.value * g.value,
        UNIT * (6 * part * v + 8 * rest * g.value * g.value) +
            rest * g.error * (2 * fabs(g.value) + g.error) + 2 * FLUSHED,
    };
}

/* The smallest that x may have come out as; of numbers that are not negative. */
static double least(struct inexact x)
{
    return x.value > x.error ? x.value - x.error : 0;
}

/* x / y for y > 0: largest when y is least. Division 6u. */
static struct inexact quotient(struct inexact x, struct inexact y)
{
    const double low = least(y), size = fabs(x.value) + x.error;

    if (low == 0)
        return (struct inexact) { x.value / y.value, HUGE_VAL };
    return (struct inexact) { x.value / y.value,
                              size / low - fabs(x.value) / y.value + 6 * UNIT * size / low };
}

/* factor x, the factor rounded from double: 4u. */
static struct inexact times(double factor, struct inexact x)
{
    return (struct inexact) {
        factor * x.value, fabs(factor) * (x.error + 4 * UNIT * (fabs(x.value) + x.error)) + FLUSHED
    };
}

/* sqrt(x) factor + eps: the root 8u; the factor, when there is one, 4u; eps 2u, the sum 2u. */
static struct inexact root_plus(struct inexact x, double factor, double eps)
{
    const double root = sqrt(x.value) * factor, all = root + eps;

    return (struct inexact) { all, root - sqrt(least(x)) * factor +
                                       UNIT * ((factor == 1 ? 8 : 12) * root + 2 * eps + 2 * all) };
}

/* M of w - step: 2u of either. */
static double weight_size(double w, struct inexact step)
{
    return (2 * (fabs(w) + fabs(step.value)) + step.error / UNIT) / POINTWISE;
}

/*
 * Adam without decay, closed form. g' = scale g: 2u. The factors beta and 1 - beta are rounded from
 * double on the host, 2u each.
 *   m' = beta1 m + (1 - beta1) g': 6 |beta1 m| + 8 |(1 - beta1) g'| <= 9 max(|m|, |g'|).
 *   v' = beta2 v + (1 - beta2) g'^2: 6 |beta2 v| + 12 |(1 - beta2) g'^2|, which is within
 *        9 (|y| + max(|v|, g'^2)) for every beta2.
 *   w' = w - q, q = step m' / d, d = sqrt(v') b + eps. m' is off by 18 Mm, Mm = max(|m|, |g'|). d,
 *        relative: half of v' 9, sqrt 8, b 4, eps and the sum 4, at most 25. Division 6, step and
 *        its product 4: |q| (25 + 10) with |q| <= step Mm / d, and 2 (|w| + |q|) for the
 * difference: E = 2 |w| + (step / |d|) Mm (18 + 35 + 2). A subnormal v' may be flushed: then the
 * root in d is off by up to 2 sqrt(2^-126).
 */
static double adam_plain(const struct clseq_magnitude *m, size_t i, size_t from)
{
    const struct clseq_adam_update_args *a = &m->args->adam_update;
    const double g = m->stats[1] * m->g[from];
    const double first = fmax(fabs(m->m[i]), fabs(g)), second = fmax(fabs(m->v[i]), g * g);
    double v, d, error;

    if (strcmp(m->field, "m") == 0)
        return first;
    if (strcmp(m->field, "v") == 0)
        return second;
    v = a->beta2 * m->v[i] + (1 - a->beta2) * g * g;
    d = sqrt(v) * a->inv_sqrt_bias2 + a->eps;
    error = 2 * fabs(m->w[i]) + 55 * fabs(a->step_size) * first / d;
    if (v < ldexp(1, -100)) {
        const double lost = 2 * CLSEQ_MAGNITUDE_FLUSHED_ROOT * a->inv_sqrt_bias2;

        error += lost < d ? fabs(a->step_size) * first * lost / (d * (d - lost)) / UNIT : HUGE_VAL;
    }
    return error / POINTWISE;
}

/*
 * Adam with decay: the terms of g' may cancel, so that no bound relative to g' holds; each step is
 * followed with its error. m': as v', with g' once. q + shrink w: shrink and its product 4u, the
 * sum 2u.
 */
static double adam_update(const struct clseq_magnitude *m, size_t i, size_t from)
{
    const struct clseq_adam_update_args *a = &m->args->adam_update;
    struct inexact g, first, second, step;
    double shrunk;

    if (a->decay == 0 && a->shrink == 0)
        return adam_plain(m, i, from);
    g = gradient(m, i, from, a->decay);
    first.value = a->beta1 * m->m[i] + (1 - a->beta1) * g.value;
    first.error = 6 * UNIT * (a->beta1 * fabs(m->m[i]) + (1 - a->beta1) * fabs(g.value)) +
                  (1 - a->beta1) * g.error + 2 * FLUSHED;
    if (strcmp(m->field, "m") == 0)
        return first.error / UNIT / POINTWISE;
    second = mean_square(a->beta2, 1 - a->beta2, m->v[i], g);
    if (strcmp(m->field, "v") == 0)
        return second.error / UNIT / POINTWISE;
    step = quotient(times(a->step_size, first), root_plus(second, a->inv_sqrt_bias2, a->eps));
    shrunk = a->shrink * m->w[i];
    step.error += UNIT * (2 * fabs(step.value) + 6 * fabs(shrunk));
    step.value += shrunk;
    return weight_size(m->w[i], step);
}

/* Adagrad (part and rest 1, which are exact: the bound is a little wide) and RMSprop. */
static double root_update(const struct clseq_magnitude *m, size_t i, struct inexact g, double part,
                          double rest, double lr, double eps)
{
    const struct inexact v = mean_square(part, rest, m->v[i], g);

    if (strcmp(m->field, "v") == 0)
        return v.error / UNIT / POINTWISE;
    return weight_size(m->w[i], quotient(times(lr, g), root_plus(v, 1, eps)));
}

/*
 * Adadelta. u + eps and v' + eps: eps 2u, the sum 2u. Of the quotient's error the root halves, or
 * for a large one keeps at most, its part; the root 8u, the product 2u.
 *   u' = rho u + (1 - rho) delta^2: as v', with delta for g'.
 */
static double adadelta_update(const struct clseq_magnitude *m, size_t i, size_t from)
{
    const struct clseq_adadelta_update_args *a = &m->args->adadelta_update;
    const struct inexact g = gradient(m, i, from, a->decay);
    struct inexact v = mean_square(a->rho, 1 - a->rho, m->v[i], g);
    struct inexact u = { m->u[i] + a->eps, 0 }, ratio, delta;
    double most;

    if (strcmp(m->field, "v") == 0)
        return v.error / UNIT / POINTWISE;
    u.error = UNIT * (2 * a->eps + 2 * u.value);
    v.value += a->eps;
    v.error += UNIT * (2 * a->eps + 2 * v.value);
    ratio = quotient(u, v);
    most = sqrt(ratio.value + ratio.error) * (1 + 10 * UNIT);
    delta.value = sqrt(ratio.value) * g.value;
    delta.error = most * (fabs(g.value) + g.error) - fabs(delta.value) + FLUSHED;
    if (strcmp(m->field, "u") == 0)
        return mean_square(a->rho, 1 - a->rho, m->u[i], delta).error / UNIT / POINTWISE;
    return weight_size(m->w[i], times(a->lr, delta));
}

/* source[index[u]] = u */
clseq_status clseq_magnitude_name_rows(clseq_context *ctx, struct clseq_magnitude *m)
{
    const clseq_tensor *index = clseq_op_update_part(m->call->op, m->args, "index");
    const int32_t rows = clseq_op_update_part(m->call->op, m->args, "w")->dims[0];

    if (!m->index)
        return CLSEQ_OK;
    CLSEQ_TRY(
        clseq_calloc(ctx, (size_t)rows, sizeof(*m->source), "rows of a sparse update", &m->source));
    for (int32_t r = 0; r < rows; r++)
        m->source[r] = -1;
    for (int32_t u = 0; u < index->dims[0]; u++) {
        if (m->index[u] >= 0 && m->index[u] < rows)
            m->source[(int32_t)m->index[u]] = u;
    }
    return CLSEQ_OK;
}

double clseq_magnitude_of_update(const struct clseq_magnitude *m, size_t i)
{
    const union clseq_op_any_args *a = m->args;
    size_t from = i;

    if (m->stats[1] == 0)
        return CLSEQ_MAGNITUDE_EXACT;
    if (m->source) {
        const int32_t row = m->source[i / m->columns];

        if (row < 0)
            return CLSEQ_MAGNITUDE_EXACT;
        from = (size_t)row * m->columns + i % m->columns;
    }
    switch (m->call->op) {
    case CLSEQ_OP_adam_update:
        return adam_update(m, i, from);
    case CLSEQ_OP_adagrad_update:
        return root_update(m, i, gradient(m, i, from, a->adagrad_update.decay), 1, 1,
                           a->adagrad_update.lr, a->adagrad_update.eps);
    case CLSEQ_OP_rmsprop_update:
        return root_update(m, i, gradient(m, i, from, a->rmsprop_update.decay),
                           a->rmsprop_update.rho, 1 - a->rmsprop_update.rho, a->rmsprop_update.lr,
                           a->rmsprop_update.eps);
    case CLSEQ_OP_adadelta_update:
        return adadelta_update(m, i, from);
    default:
        return 0; /* the SUM rule has its own sums */
    }
}
