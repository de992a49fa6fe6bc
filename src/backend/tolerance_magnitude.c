/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The derivations. u = 2^-24, the relative error of one rounding to float. All are
 * first order in u and count the errors of both sides:
 *
 *   add, multiply      u on either side (the reference may round less often)
 *   device functions   OpenCL C 1.2, table of section 7.4: exp and log 3 ulp, tanh 5,
 *                      sin and cos 4, divide 2.5, sqrt 3. One ulp is at most 2u.
 *   C functions        1 ulp (glibc states less), or double and one rounding
 *
 * For a pointwise op terms is 1, so the rule is |x - y| <= 9u (|y| + M): an error
 * of E units needs M = E / 9. "|y| + M" already grants 9u |y|; the derivations do
 * not count on it unless they say so.
 */
#include "backend/tolerance_magnitude.h"

#include "base/base.h"
#include "base/philox.h"

#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define POINTWISE 9.0 /* terms + 8 */

/* What a device that flushes subnormal numbers may lose when it takes the root of one. */
#define FLUSHED_ROOT 1.0842021724855044e-19 /* sqrt(2^-126) */

static bool live(const double *length, size_t row, int32_t t)
{
    return !length || t < length[row];
}

static double value(const double *x, size_t i)
{
    return x ? fabs(x[i]) : 0;
}

/* ---- lstm_cell_fwd --------------------------------------------------------------------------- */

/* A = |pre| + |b_ih| + |b_hh|: the argument of a gate is off by at most 2uA on either side. An
 * infinite argument has no rounding error. */
static double gate_argument(const struct clseq_magnitude *m, size_t row, size_t units, int gate,
                            size_t j)
{
    const size_t column = (size_t)gate * units + j;
    const double a =
        value(m->pre, row * 4 * units + column) + value(m->b_ih, column) + value(m->b_hh, column);

    return isfinite(a) ? a : 0;
}

/*
 * Gates. sigmoid = 1 / (1 + exp(-x)): exp 6u, add u, divide 5u, all relative, and 4uA times the
 * slope, at most 1/4: E = 12 y + A; with the reference's own 4u y, E = 16 y + A <= 9 (y + 1 + A).
 * tanh: 10u |y| + 2u |y| + 4uA: E = 12 |y| + 4A <= 9 (|y| + 1 + A). So M = 1 + A.
 *
 * c = f c_prev + i g, with the errors above: (16 f + A_f) |c_prev| + (16 i + A_i) |g| +
 * i (12 |g| + 4 A_g), plus 2u for each product and the sum of either side, 4 (f |c_prev| + i |g|).
 * Gates are at most 1:
 *   E_c = |c_prev| (20 + A_f) + 32 + A_i + 4 A_g.
 *
 * h = o tanh(c): tanh has slope at most 1 and c is off by E_c: (16 o + A_o) |tanh c| +
 * o (12 + E_c) + 2:  E_h = E_c + 30 + A_o.
 */
static double lstm_cell_fwd(const struct clseq_magnitude *m, size_t i)
{
    const struct clseq_lstm_cell_fwd_args *a = &m->args->lstm_cell_fwd;
    const size_t units = (size_t)a->c_prev.dims[1], row = i / m->columns, column = i % m->columns;
    double error;

    if (!live(m->length, row, a->t))
        return CLSEQ_MAGNITUDE_EXACT;
    if (strcmp(m->field, "act") == 0)
        return 1 + gate_argument(m, row, units, (int)(column / units), column % units);
    error = value(m->c_prev, i) * (20 + gate_argument(m, row, units, 1, column)) + 32 +
            gate_argument(m, row, units, 0, column) + 4 * gate_argument(m, row, units, 2, column);
    if (strcmp(m->field, "h") == 0)
        error += 30 + gate_argument(m, row, units, 3, column);
    return error / POINTWISE;
}

/* ---- lstm_cell_bwd --------------------------------------------------------------------------- */

/*
 * D = |dh| + |dy|; total = dh + dy is off by 2uD. tc = tanh(c): 12u. 1 - tc^2: 24u from tc, 4u from
 * its own two roundings, doubled for both sides at most: 30u.
 *   dc_total = dc + total o (1 - tc^2), G = |dc| + |o| D:
 *     |o| D (2 + 30 + 4) + 2 G <= 38 G.
 *   dc_prev = dc_total f:  E = 40 G |f|.
 *   dpre_i = dc_total g i (1 - i): 38 + three products 6 + the difference 2:
 *     E = 46 G |g| |i| (1 + |i|);  f likewise with c_prev for g;
 *   dpre_g = dc_total i (1 - g^2): 38 + two products 4 + 4:  E = 46 G |i| (1 + g^2).
 *   dpre_o = total tc o (1 - o): 2 + 12 + 6 + 2, |tc| <= 1:  E = 22 D |o| (1 + |o|).
 * Live rows have dh_prev = 0. Others pass total on (2uD), and copy dc; their dpre is 0.
 */
static double lstm_cell_bwd(const struct clseq_magnitude *m, size_t i)
{
    const struct clseq_lstm_cell_bwd_args *a = &m->args->lstm_cell_bwd;
    const size_t units = (size_t)a->c_prev.dims[1], row = i / m->columns, column = i % m->columns;
    const size_t j = column % units, at = row * units + j;
    const double *act = m->act + row * 4 * units;
    const double in = fabs(act[j]), forget = fabs(act[units + j]), cell = fabs(act[2 * units + j]),
                 out = fabs(act[3 * units + j]);
    const double incoming = value(m->dh, at) + value(m->dy, at);
    const double total = value(m->dc, at) + out * incoming;
    const bool alive = live(m->length, row, a->t);

    if (strcmp(m->field, "dh_prev") == 0)
        return alive || !m->dy ? CLSEQ_MAGNITUDE_EXACT : 2 * incoming / POINTWISE;
    if (!alive)
        return CLSEQ_MAGNITUDE_EXACT;
    if (strcmp(m->field, "dc_prev") == 0)
        return 40 * total * forget / POINTWISE;
    switch (column / units) {
    case 0:
        return 46 * total * cell * in * (1 + in) / POINTWISE;
    case 1:
        return 46 * total * value(m->c_prev, at) * forget * (1 + forget) / POINTWISE;
    case 2:
        return 46 * total * in * (1 + cell * cell) / POINTWISE;
    default:
        return 22 * incoming * out * (1 + out) / POINTWISE;
    }
}

/* ---- lstm_seq -------------------------------------------------------------------------------- */

/* The largest finite |x|; 0 for an absent input. */
static double largest(const double *x, const clseq_tensor *shape)
{
    const size_t n = x ? clseq_tensor_count(shape) : 0;
    double r = 0;

    for (size_t i = 0; i < n; i++) {
        if (isfinite(x[i]) && fabs(x[i]) > r)
            r = fabs(x[i]);
    }
    return r;
}

/*
 * Whole sequences. The worst case, in which every step adds the sum of absolute terms and the
 * weights multiply all errors before it, exceeds the values themselves after a few steps and would
 * accept anything. The rule instead grants each of the T steps one rounding for each of the n terms
 * of its product (H forward, 4H backward) and the roundings of a cell (above: 62 and 2 x 46), all
 * of the size of what flows, and no growth from step to step, as in networks that can be trained:
 *   E = T (n + cell) size
 *   forward size   1 (the gates) + the largest argument of a gate + the largest state
 *   backward size  (|dh| + |dc| + |dy|) (1 + |c|), the largest each: the gradients of the cell
 * above
 */
static double lstm_seq_fwd_size(const struct clseq_magnitude *m)
{
    const struct clseq_lstm_seq_fwd_args *a = &m->args->lstm_seq_fwd;
    const double size = 1 + largest(m->gates, &a->gates) + largest(m->b_ih, &a->b_ih) +
                        largest(m->b_hh, &a->b_hh) + largest(m->h0, &a->h0) +
                        largest(m->c0, &a->c0);
    const double error = a->h.dims[0] * (a->h.dims[2] + 62.0) * size;

    return error / (clseq_op_terms(CLSEQ_OP_lstm_seq_fwd, a) + 8);
}

static double lstm_seq_bwd_size(const struct clseq_magnitude *m)
{
    const struct clseq_lstm_seq_bwd_args *a = &m->args->lstm_seq_bwd;
    const double flow = largest(m->dh, &a->dh) + largest(m->dc, &a->dc) + largest(m->dy, &a->dy);
    const double size = flow * (1 + fmax(largest(m->c, &a->c), largest(m->c0, &a->c0)));
    const double error = a->gates.dims[0] * (a->gates.dims[2] + 92.0) * size;

    return error / (clseq_op_terms(CLSEQ_OP_lstm_seq_bwd, a) + 8);
}

/* Gates, and their gradients, of finished rows are zero. */
static double lstm_seq(const struct clseq_magnitude *m, size_t i, const clseq_tensor *gates)
{
    const size_t block = (size_t)gates->dims[1] * (size_t)gates->dims[2];

    if (strcmp(m->field, "gates") == 0 &&
        !live(m->length, i % block / (size_t)gates->dims[2], (int32_t)(i / block)))
        return CLSEQ_MAGNITUDE_EXACT;
    return m->whole_call;
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
static double softmax_xent_fwd(const struct clseq_magnitude *m, size_t row)
{
    const size_t n = (size_t)m->args->softmax_xent_fwd.logits.dims[1];
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
    return 2 + 2 * x + log((double)n) + (m->args->softmax_xent_fwd.smoothing > 0 ? 1 + x : 0);
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

/* ---- tanh --------------------------------------------------------------------------------- */

/*
 * y = tanh(x): 10u |y| on the device, 2u |y| on the reference: E = 12 |y|, so M = |y| 4 / 3.
 * dx = dy (1 - y^2): y^2 u, the difference and the product 2u |1 - y^2|, the reference as much:
 *   E = |dy| (y^2 + 3 |1 - y^2|).
 */
static double tanh_fwd(const struct clseq_magnitude *m, size_t i)
{
    return isnan(m->x[i]) ? 0 : 12 * fabs(tanh(m->x[i])) / POINTWISE;
}

static double tanh_bwd(const struct clseq_magnitude *m, size_t i)
{
    const double square = m->y[i] * m->y[i];

    return fabs(m->dy[i]) * (square + 3 * fabs(1 - square)) / POINTWISE;
}

/* ---- masked_softmax ------------------------------------------------------------------------ */

/*
 * y = exp(d) / s, d = x - max, s the sum of at most S exponentials. Relative: exp 6u and |d| u from
 * the difference; s as for softmax_xent_fwd: exp 6, the sum S - 1, the differences log S; divide 5,
 * reference 2: E = y (S + 18 + log S + |d|). What the rule grants for |y| is S + 8 of it, so
 * M = y (10 + log S + |d|) / (S + 8). Words behind the end are 0.
 */
static double masked_softmax_fwd(const struct clseq_magnitude *m, size_t i)
{
    const clseq_tensor *shape = &m->args->masked_softmax_fwd.x;
    const size_t n = m->columns, row = i / n, b = row / (size_t)shape->dims[1];
    const double *x = m->x + row * n;
    const double words = m->length ? fmin(m->length[b], (double)n) : (double)n;
    double largest = -HUGE_VAL, sum = 0, d;

    if ((double)(i % n) >= words)
        return CLSEQ_MAGNITUDE_EXACT;
    for (size_t s = 0; (double)s < words; s++)
        largest = fmax(largest, x[s]);
    for (size_t s = 0; (double)s < words; s++)
        sum += exp(x[s] - largest);
    d = x[i % n] - largest;
    return isfinite(d) ? exp(d) / sum * (10 + log((double)n) - d) / ((double)n + 8) : 0;
}

/*
 * dx = y (dy - D), D = sum of y dy over S terms, each off by u for its product and S - 1 for the
 * sum; the difference, the product and the reference 3u |y| (|dy| + |D|). With A = sum of |y dy|:
 *   E = |y| ((S + 3) A + 3 |dy|), M = E / (S + 8).
 */
static double masked_softmax_bwd(const struct clseq_magnitude *m, size_t i)
{
    const size_t n = m->columns, row = i / n;
    const double length = (double)n;
    double sum = 0;

    for (size_t s = row * n; s < (row + 1) * n; s++)
        sum += fabs(m->y[s] * m->dy[s]);
    return fabs(m->y[i]) * ((length + 3) * sum + 3 * fabs(m->dy[i])) / (length + 8);
}

/* ---- clip_scale ------------------------------------------------------------------------------ */

/*
 * s = sqrt(sumsq): 6u + 2u, within the 9u |y| of the rule. max_norm / s: those 8u, division 5u + u,
 * max_norm 2u: 16u |y|, so M = |y|, where y is at most 1. A subnormal sumsq may be flushed.
 */
static double clip_scale(const struct clseq_magnitude *m, size_t i)
{
    if (i == 0)
        return m->sumsq[0] < 2 * (double)FLT_MIN ? FLUSHED_ROOT / (POINTWISE * CLSEQ_TOLERANCE_UNIT)
                                                 : 0;
    return isfinite(m->sumsq[0]) ? fmin(1, fabs(m->args->clip_scale.max_norm) / sqrt(m->sumsq[0]))
                                 : CLSEQ_MAGNITUDE_EXACT;
}

/* ---- updates --------------------------------------------------------------------------------- */

/*
 * g' = scale g: 2u. The factors beta and 1 - beta are rounded from double on the host, 2u each.
 *   m' = beta1 m + (1 - beta1) g': 6 |beta1 m| + 8 |(1 - beta1) g'| <= 9 max(|m|, |g'|).
 *   v' = beta2 v + (1 - beta2) g'^2: 6 |beta2 v| + 12 |(1 - beta2) g'^2|, which is within
 *        9 (|y| + max(|v|, g'^2)) for every beta2.
 *   w' = w - q, q = step m' / d, d = sqrt(v') b + eps. m' is off by 18 Mm, Mm = max(|m|, |g'|). d,
 *        relative: half of v' 9, sqrt 8, b 4, eps and the sum 4, at most 25. Division 6, step and
 *        its product 4: |q| (25 + 10) with |q| <= step Mm / d, and 2 (|w| + |q|) for the
 * difference: E = 2 |w| + (step / |d|) Mm (18 + 35 + 2). A subnormal v' may be flushed: then the
 * root in d is off by up to 2 sqrt(2^-126).
 */
static double adam_update(const struct clseq_magnitude *m, size_t i, size_t from)
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
        const double lost = 2 * FLUSHED_ROOT * a->inv_sqrt_bias2;

        error += lost < d
                     ? fabs(a->step_size) * first * lost / (d * (d - lost)) / CLSEQ_TOLERANCE_UNIT
                     : HUGE_VAL;
    }
    return error / POINTWISE;
}

/* Row-sparse or dense update of element i of w. */
static double update(const struct clseq_magnitude *m, size_t i)
{
    size_t from = i;

    if (m->stats[1] == 0)
        return CLSEQ_MAGNITUDE_EXACT;
    if (m->source) {
        const int32_t row = m->source[i / m->columns];

        if (row < 0)
            return CLSEQ_MAGNITUDE_EXACT;
        from = (size_t)row * m->columns + i % m->columns;
    }
    return m->call->op == CLSEQ_OP_adam_update ? adam_update(m, i, from) : 0;
}

/* source[index[u]] = u */
static clseq_status name_rows(clseq_context *ctx, struct clseq_magnitude *m, const clseq_tensor *w,
                              const clseq_tensor *index)
{
    const int32_t rows = w->dims[0];

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

/* ---- normal ---------------------------------------------------------------------------------- */

/*
 * mean + std r cos(2 pi u1). r = sqrt(-2 log(1 - u0)), 1 - u0 is exact: log 6u halved by the root,
 * sqrt 6u: 9. 2 pi u1 < 6.3 is off by 1.5u relative: 9.5; cos 8; two products 2: 28.5 r on the
 * device and 14 r on the reference, whose functions are good to 1 ulp, and 2 for the last add: E =
 * 45 std r + 2 |mean|. The rule grants 4 x 9 = 36 units of M: M = 1.25 std r + |mean|.
 */
static double normal(const struct clseq_magnitude *m, size_t i)
{
    const struct clseq_normal_args *a = &m->args->normal;
    const uint64_t word = i / 2 * 2, block = word / 4;
    const clseq_philox_block bits =
        clseq_philox((uint32_t)block, (uint32_t)(block >> 32), a->stream, a->purpose,
                     (uint32_t)a->seed, (uint32_t)(a->seed >> 32));
    const double u0 = (double)clseq_philox_unit(bits.v[word % 4]);

    return fabs((double)a->mean) + 1.25 * fabs((double)a->std) * sqrt(-2 * log1p(-u0));
}

/* ---------------------------------------------------------------------------------------------- */

/* Take the inputs by name from the values the caller read. */
static clseq_status find_inputs(clseq_context *ctx, struct clseq_magnitude *m)
{
    const struct clseq_op_schema *schema = clseq_op_schema(m->call->op);

    for (int i = 0; i < schema->n_fields; i++) {
        const struct clseq_op_field *f = &schema->fields[i];
        const double *x = m->call->before ? m->call->before->field[i] : NULL;

        if (!(f->flags & CLSEQ_FIELD_READ) ||
            !clseq_tensor_present(clseq_op_tensor_const(m->args, f)))
            continue;
        if (!x)
            return clseq_fail(ctx, CLSEQ_ERR_INTERNAL,
                              "tolerance of %s: the values of %s before the call are missing",
                              schema->name, f->name);
#define X(input)                                                                                   \
    if (strcmp(f->name, #input) == 0)                                                              \
        m->input = x;
        CLSEQ_TOLERANCE_INPUTS(X)
#undef X
    }
    return CLSEQ_OK;
}

clseq_status clseq_magnitude_init(clseq_context *ctx, const struct clseq_tolerance_case *call,
                                  int field, struct clseq_magnitude *ret)
{
    const struct clseq_op_field *f = &clseq_op_schema(call->op)->fields[field];
    const clseq_tensor *y = clseq_op_tensor_const(call->args, f);
    struct clseq_magnitude m = {
        .call = call,
        .field = f->name,
        .columns = (size_t)y->dims[y->ndim - 1],
        .args = call->args,
    };

    CLSEQ_TRY(find_inputs(ctx, &m));
    if (call->op == CLSEQ_OP_sgd_update && m.index)
        CLSEQ_TRY(name_rows(ctx, &m, &m.args->sgd_update.w, &m.args->sgd_update.index));
    if (call->op == CLSEQ_OP_adam_update && m.index)
        CLSEQ_TRY(name_rows(ctx, &m, &m.args->adam_update.w, &m.args->adam_update.index));
    if (call->op == CLSEQ_OP_lstm_seq_fwd)
        m.whole_call = lstm_seq_fwd_size(&m);
    if (call->op == CLSEQ_OP_lstm_seq_bwd)
        m.whole_call = lstm_seq_bwd_size(&m);
    *ret = m;
    return CLSEQ_OK;
}

void clseq_magnitude_fini(struct clseq_magnitude *m)
{
    free(m->source);
    m->source = NULL;
}

double clseq_magnitude_of(const struct clseq_magnitude *m, size_t i)
{
    switch (m->call->op) {
    case CLSEQ_OP_lstm_cell_fwd:
        return lstm_cell_fwd(m, i);
    case CLSEQ_OP_lstm_cell_bwd:
        return lstm_cell_bwd(m, i);
    case CLSEQ_OP_lstm_seq_fwd:
        return lstm_seq(m, i, &m->args->lstm_seq_fwd.gates);
    case CLSEQ_OP_lstm_seq_bwd:
        return lstm_seq(m, i, &m->args->lstm_seq_bwd.gates);
    case CLSEQ_OP_softmax_xent_fwd:
        return softmax_xent_fwd(m, i);
    case CLSEQ_OP_softmax_xent_bwd:
        return softmax_xent_bwd(m, i);
    case CLSEQ_OP_tanh_fwd:
        return tanh_fwd(m, i);
    case CLSEQ_OP_tanh_bwd:
        return tanh_bwd(m, i);
    case CLSEQ_OP_masked_softmax_fwd:
        return masked_softmax_fwd(m, i);
    case CLSEQ_OP_masked_softmax_bwd:
        return masked_softmax_bwd(m, i);
    case CLSEQ_OP_clip_scale:
        return clip_scale(m, i);
    case CLSEQ_OP_sgd_update:
    case CLSEQ_OP_adam_update:
        return update(m, i);
    case CLSEQ_OP_normal:
        return normal(m, i);
    default:
        return 0;
    }
}
