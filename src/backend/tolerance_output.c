/* SPDX-License-Identifier: BSD-2-Clause */
/* M of what comes behind the output layer. The errors of single steps are those that
 * tolerance_magnitude.c begins with. */
#include "backend/tolerance_magnitude.h"

#include "base/base.h"

#include <float.h>
#include <math.h>
#include <string.h>

#define POINTWISE CLSEQ_MAGNITUDE_POINTWISE

/* |x|, and 0 for what is not finite: that is compared as such. */
static double size_of(double x)
{
    return isfinite(x) ? fabs(x) : 0;
}

/* ---- softmax_xent ---------------------------------------------------------------------------- */

/*
 * lse = max + log s, s = sum of exp(x - max) >= 1, over V terms. Relative errors of s: 6u from exp,
 * (V - 1) u from a sum in any order, and u |x - max| from the differences, which weighted by the
 * terms is the mean distance from the maximum, at most log V. Then 6u |log s| from log and 2u for
 * the last add. With |log s| <= |lse| + X, X = max |x|: E = V + 8 + log V + 6 (|lse| + X) + 2 |lse|
 * + 4 (reference) <= (V + 8) (|lse| + X + 2), so M = 2 + X. loss = lse - x[target] adds X to the
 * terms and 2u |loss| for the subtraction; |lse| is at most X + log V: M = 2 + 2X + log V. Masked
 * rows have loss 0.
 * Smoothing e adds the mean: its sum (V - 1) u e X, e / V and the product 3 e X; 1 - e and its
 * product 3 (1 - e) X; a second subtraction 2 (|lse| + 2X). That is at most
 * (V + 8) X + 2 log V: M grows by 1 + X.
 */
static double softmax_xent_fwd(const struct clseq_magnitude *m, size_t row, size_t n,
                               double smoothing)
{
    double x = 0;

    if (strcmp(m->field, "loss") == 0 && (!m->target || m->target[row] == -1))
        return CLSEQ_MAGNITUDE_EXACT;
    for (size_t i = 0; i < n; i++) {
        const double v = fabs(m->logits[row * n + i]);

        if (isfinite(v) && v > x)
            x = v;
    }
    if (strcmp(m->field, "lse") == 0)
        return 2 + x;
    return 2 + 2 * x + log((double)n) + (smoothing > 0 ? 1 + x : 0);
}

/*
 * dlogits = scale (p - [v = target]), p = exp(d), d = x - lse. d is off by 2u |d|, exp by 6u + 2u:
 * p (8 + 2 |d|); the subtraction 2 (p + 1) at the target and nothing elsewhere; scale and the
 * product 4 (p + [..]):  E = |scale| (p (14 + 2 |d|) + 6 [v = target]). Masked rows are 0.
 * With smoothing, q = e / V is off by 2u q; one subtraction 2 (p + q) everywhere, at the target a
 * second one 2 (p + 1) and 2u for 1 - e; scale and the product 4 (p + q + [..]):
 *   E = |scale| (p (16 + 2 |d|) + 8 q + 10 [v = target]).
 */
static double softmax_xent_bwd(const struct clseq_magnitude *m, size_t i)
{
    const size_t row = i / m->columns;
    const double d = m->logits[i] - m->lse[row], p = exp(d);
    const double smoothing = m->args->softmax_xent_bwd.smoothing;
    const bool smooth = smoothing > 0;
    double error;

    if (m->target[row] == -1)
        return CLSEQ_MAGNITUDE_EXACT;
    error = p > 0 ? p * ((smooth ? 16 : 14) + 2 * fabs(d)) : 0;
    error += 8 * smoothing / (double)m->columns;
    if (m->target[row] == (double)(i % m->columns))
        error += smooth ? 10 : 6;
    return error * fabs(m->args->softmax_xent_bwd.scale) / POINTWISE;
}

clseq_status clseq_magnitude_sum_rows(clseq_context *ctx, struct clseq_magnitude *m)
{
    const clseq_tensor *logits = &m->args->softmax_xent.logits;
    const size_t rows = (size_t)logits->dims[0], n = (size_t)logits->dims[1];

    if (strcmp(m->field, "dlogits") != 0)
        return CLSEQ_OK;
    CLSEQ_TRY(clseq_calloc(ctx, 2 * rows, sizeof(*m->row), "rows of logits", &m->row));
    for (size_t r = 0; r < rows; r++) {
        const double *x = m->logits + r * n;
        double largest = -HUGE_VAL, sum = 0;

        for (size_t v = 0; v < n; v++)
            largest = fmax(largest, x[v]);
        for (size_t v = 0; v < n; v++)
            sum += exp(x[v] - largest);
        m->row[2 * r] = largest;
        m->row[2 * r + 1] = log(sum);
    }
    return CLSEQ_OK;
}

/*
 * Both in one: loss and lse as above. dlogits either from lse = max + log s as it came out, which
 * is off by V + 8 + log V for s, 6 |log s| for its log and 2 |lse| for the sum (see above), and p
 * by as much beside what softmax_xent_bwd says; or as exp(x - max) / s, which is off by 6u for exp,
 * |x - max| u for the difference, V + 5 + log V for s, 6 for 1 / s and the product with it. As
 * |x - max| <= |d| + log s, both are at most p (V + 24 + log V + 6 log s + 2 |lse| + 2 |d|), and
 * the rest is as for softmax_xent_bwd. exp is 0 where it is below the smallest normal number:
 * 2^-126 |scale|. What the rule grants for V terms is (V + 8) M.
 */
static double softmax_xent(const struct clseq_magnitude *m, size_t i)
{
    const struct clseq_softmax_xent_args *a = &m->args->softmax_xent;
    const size_t n = (size_t)a->logits.dims[1], row = i / m->columns;
    const double words = (double)n;
    double largest, log_sum, d, p, error;

    if (strcmp(m->field, "dlogits") != 0)
        return softmax_xent_fwd(m, i, n, a->smoothing);
    if (m->target[row] == -1)
        return CLSEQ_MAGNITUDE_EXACT;
    largest = m->row[2 * row];
    log_sum = m->row[2 * row + 1];
    d = m->logits[i] - largest - log_sum;
    p = exp(d);
    error = p > 0 ? p * (words + 24 + log(words) + 6 * log_sum + 2 * fabs(largest + log_sum) +
                         2 * fabs(d))
                  : 0;
    error += 8 * a->smoothing / words + (double)FLT_MIN * 0x1p24;
    if (m->target[row] == (double)(i % n))
        error += 10;
    return error * fabs(a->scale) / (words + 8);
}

/* ---- sigmoid_xent ---------------------------------------------------------------------------- */

/*
 * loss = S - x[target], S the sum of V terms softplus(x) = max(x, 0) + log(1 + e), e = exp(-|x|).
 * exp is off by 6u and log(1 + e) no more than that for it, log1p by 4u, the addition by u; the sum
 * by (V - 1) u, the subtraction by 2u (S + |x[target]|), the reference by 2u of the same:
 * E = (V + 14) (S + |x[target]|) <= (V + 8) M with M = 2 (S + |x[target]|). Masked rows: 0.
 */
static double sigmoid_xent_fwd(const struct clseq_magnitude *m, size_t row)
{
    const size_t n = (size_t)m->args->sigmoid_xent_fwd.logits.dims[1];
    double sum = 0;

    if (m->target[row] == -1)
        return CLSEQ_MAGNITUDE_EXACT;
    for (size_t i = 0; i < n; i++) {
        const double x = m->logits[row * n + i];

        if (isfinite(x))
            sum += fmax(x, 0) + log1p(exp(-fabs(x))) + ((double)i == m->target[row] ? fabs(x) : 0);
    }
    return 2 * sum;
}

/*
 * dlogits = scale (p - [v = target]), p = sigmoid(x): exp 6u, add u, divide 5u, the reference 2u;
 * the subtraction 2 (p + 1) at the target and nothing elsewhere; scale and the product
 * 4 (p + [..]): E = |scale| (18 p + 6 [v = target]). exp is 0 where it is below the smallest normal
 * number, and the product may be flushed there: 2^-126 (1 + |scale|). Masked rows are 0.
 */
static double sigmoid_xent_bwd(const struct clseq_magnitude *m, size_t i)
{
    const size_t row = i / m->columns;
    const double scale = fabs(m->args->sigmoid_xent_bwd.scale), x = m->logits[i];
    const double p = isnan(x) ? 0 : 1 / (1 + exp(-x));
    double error = 18 * p;

    if (m->target[row] == -1)
        return CLSEQ_MAGNITUDE_EXACT;
    if (m->target[row] == (double)(i % m->columns))
        error += 6;
    return (scale * error + (1 + scale) * (double)FLT_MIN * 0x1p24) / POINTWISE;
}

/* ---- log_mix --------------------------------------------------------------------------------- */

/*
 * L = |x| + |x_lse| + |y| + |y_lse|. The three differences of d are off by 2L. e = exp(-|d|) is at
 * most 1: 6 of its own, and d moves the log by at most its error, since log(1 + w (exp(d) - 1)) has
 * slope at most 1 in d: 2L. e - 1, its product with w or 1 - w, itself rounded, and 1 + that: 4
 * more, 10 in all, divided by the argument of the log, which is at least m = min(w, 1 - w): 10 / m.
 * The log itself 6 |log m| <= 6 / m. Outside: (x - x_lse) + y_lse, each off by L, and the last sum
 * 2 (L + 1 / m), where both sides count:
 *   E = 8L + 18 / m
 */
static double log_mix(const struct clseq_magnitude *m, size_t i)
{
    const double w = m->args->log_mix.weight;
    const size_t row = i / m->columns;
    const double size =
        size_of(m->x[i]) + size_of(m->y[i]) + size_of(m->x_lse[row]) + size_of(m->y_lse[row]);

    return (8 * size + 18 / fmin(w, 1 - w)) / POINTWISE;
}

double clseq_magnitude_of_output(const struct clseq_magnitude *m, size_t i)
{
    switch (m->call->op) {
    case CLSEQ_OP_softmax_xent_fwd:
        return softmax_xent_fwd(m, i, (size_t)m->args->softmax_xent_fwd.logits.dims[1],
                                m->args->softmax_xent_fwd.smoothing);
    case CLSEQ_OP_softmax_xent_bwd:
        return softmax_xent_bwd(m, i);
    case CLSEQ_OP_softmax_xent:
        return softmax_xent(m, i);
    case CLSEQ_OP_sigmoid_xent_fwd:
        return sigmoid_xent_fwd(m, i);
    case CLSEQ_OP_sigmoid_xent_bwd:
        return sigmoid_xent_bwd(m, i);
    default:
        return log_mix(m, i);
    }
}
