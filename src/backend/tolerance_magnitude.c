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

#include "backend/precision.h"
#include "base/base.h"
#include "base/philox.h"

#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define POINTWISE    CLSEQ_MAGNITUDE_POINTWISE
#define FLUSHED_ROOT CLSEQ_MAGNITUDE_FLUSHED_ROOT

static bool live(const double *length, size_t row, int32_t t)
{
    return !length || t < length[row];
}

static double value(const double *x, size_t i)
{
    return x ? fabs(x[i]) : 0;
}

/* ---- lstm_cell_fwd --------------------------------------------------------------------------- */

/* An infinite argument has no rounding error. */
static double finite_or_0(double x)
{
    return isfinite(x) ? x : 0;
}

/* A = |pre| + |b_ih| + |b_hh|: the argument of one of `gates` gates is off by at most 2uA on either
 * side. */
static double gate_argument(const struct clseq_magnitude *m, size_t gates, size_t row, size_t units,
                            int gate, size_t j)
{
    const size_t column = (size_t)gate * units + j;

    return finite_or_0(value(m->pre, row * gates * units + column) + value(m->b_ih, column) +
                       value(m->b_hh, column));
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
 *
 * Peepholes add |w_ci c_prev| to A_i, |w_cf c_prev| to A_f and |w_co| (|c_prev| + 1), which is at
 * least |w_co c|, to A_o, and one rounding: 6uA for both sides where there was 4uA, so 1.5 A for A.
 * c is off by E_c, which reaches o through w_co and the slope 1/4: + |w_co| E_c / 4 for o and h.
 */
static double peephole(const struct clseq_magnitude *m, size_t units, int row, size_t j)
{
    return value(m->peephole, (size_t)row * units + j);
}

static double lstm_cell_fwd(const struct clseq_magnitude *m, size_t i)
{
    const struct clseq_lstm_cell_fwd_args *a = &m->args->lstm_cell_fwd;
    const size_t units = (size_t)a->c_prev.dims[1], row = i / m->columns, column = i % m->columns;
    const size_t j = column % units;
    const double c = finite_or_0(value(m->c_prev, row * units + j)), k = m->peephole ? 1.5 : 1;
    const double w_o = peephole(m, units, 2, j);
    const double A[] = {
        gate_argument(m, 4, row, units, 0, j) + c * peephole(m, units, 0, j),
        gate_argument(m, 4, row, units, 1, j) + c * peephole(m, units, 1, j),
        gate_argument(m, 4, row, units, 2, j),
        gate_argument(m, 4, row, units, 3, j) + (c + 1) * w_o,
    };
    const double error = c * (20 + k * A[1]) + 32 + k * A[0] + 4 * A[2];

    if (!live(m->length, row, a->t))
        return CLSEQ_MAGNITUDE_EXACT;
    if (strcmp(m->field, "act") == 0)
        return 1 + A[column / units] + (column / units == 3 ? w_o * error / 4 / POINTWISE : 0);
    if (strcmp(m->field, "c") == 0)
        return error / POINTWISE;
    return (error + 30 + k * A[3] + w_o * error / 4) / POINTWISE;
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
 *
 * With peepholes dc_total has w_co dpre_o besides: G = |dc| + |o| D + |w_co| D |o| (1 + |o|); that
 * term is off by 22 + 2, the sum by 2 more: 40 G instead of 38, so 48 for 46.
 * dc_prev = dc_total f + w_ci dpre_i + w_cf dpre_f: 40 + 2 + 4 and 48 + 2 + 4:
 *   E = 46 G |f| + 54 G (|w_ci| |g| |i| (1 + |i|) + |w_cf| |c_prev| |f| (1 + |f|)).
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
    const double d_out = incoming * out * (1 + out);
    const double total = value(m->dc, at) + out * incoming + peephole(m, units, 2, j) * d_out;
    const double d_in = total * cell * in * (1 + in);
    const double d_forget = total * value(m->c_prev, at) * forget * (1 + forget);
    const double each = m->peephole ? 48 : 46;
    const bool alive = live(m->length, row, a->t);

    if (strcmp(m->field, "dh_prev") == 0)
        return alive || !m->dy ? CLSEQ_MAGNITUDE_EXACT : 2 * incoming / POINTWISE;
    if (!alive)
        return CLSEQ_MAGNITUDE_EXACT;
    if (strcmp(m->field, "dc_prev") == 0)
        return m->peephole ? (46 * total * forget + 54 * (peephole(m, units, 0, j) * d_in +
                                                          peephole(m, units, 1, j) * d_forget)) /
                                 POINTWISE
                           : 40 * total * forget / POINTWISE;
    switch (column / units) {
    case 0:
        return each * d_in / POINTWISE;
    case 1:
        return each * d_forget / POINTWISE;
    case 2:
        return each * total * in * (1 + cell * cell) / POINTWISE;
    default:
        return 22 * d_out / POINTWISE;
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
 * Peepholes add |w| (1 + |c0|) to the arguments of gates, and a factor 1 + |w| to the way back.
 * With products of less precision a factor that both sides have but for such an error may be
 * rounded to neighbours, an ulp apart, by them; few are in one step, and what they change makes
 * others follow in the next: two ulps of what flows are granted for every step, E + T 2 ulp size.
 */
static double with_neighbours(const struct clseq_magnitude *m, double error, int32_t steps,
                              double size)
{
    const clseq_precision precision = m->call->precision;

    if (precision == CLSEQ_PRECISION_FP32)
        return error;
    return error + steps * 2 * clseq_precision_ulp(precision) * size / CLSEQ_TOLERANCE_UNIT;
}

static double lstm_seq_fwd_size(const struct clseq_magnitude *m)
{
    const struct clseq_lstm_seq_fwd_args *a = &m->args->lstm_seq_fwd;
    const double size = 1 + largest(m->gates, &a->gates) + largest(m->b_ih, &a->b_ih) +
                        largest(m->b_hh, &a->b_hh) + largest(m->h0, &a->h0) +
                        largest(m->c0, &a->c0) +
                        largest(m->peephole, &a->peephole) * (1 + largest(m->c0, &a->c0));
    const double error = a->h.dims[0] * (a->h.dims[2] + 62.0) * size;

    return with_neighbours(m, error, a->h.dims[0], size) /
           (clseq_op_terms(CLSEQ_OP_lstm_seq_fwd, a) + 8);
}

static double lstm_seq_bwd_size(const struct clseq_magnitude *m)
{
    const struct clseq_lstm_seq_bwd_args *a = &m->args->lstm_seq_bwd;
    const double flow = largest(m->dh, &a->dh) + largest(m->dc, &a->dc) + largest(m->dy, &a->dy);
    const double size = flow * (1 + fmax(largest(m->c, &a->c), largest(m->c0, &a->c0))) *
                        (1 + largest(m->peephole, &a->peephole));
    const double error = a->gates.dims[0] * (a->gates.dims[2] + 92.0) * size;

    return with_neighbours(m, error, a->gates.dims[0], size) /
           (clseq_op_terms(CLSEQ_OP_lstm_seq_bwd, a) + 8);
}

/* Gates, what the GRU keeps beside them, and the gradients of both are zero in finished rows. */
static double sequence(const struct clseq_magnitude *m, size_t i, int32_t rows)
{
    const size_t block = (size_t)rows * m->columns;
    const bool is_kept = strcmp(m->field, "gates") == 0 || strcmp(m->field, "hn") == 0;

    if (is_kept && !live(m->length, i % block / m->columns, (int32_t)(i / block)))
        return CLSEQ_MAGNITUDE_EXACT;
    return m->whole_call;
}

/* ---- gru_cell_fwd ---------------------------------------------------------------------------- */

/*
 * r, z: sigmoids as in the LSTM, M = 1 + A.
 * hn = pre_n + b_hn: 2u |..| of both terms, N = |pre_n| + |b_hn|: E = 2N; exact without biases.
 * n = tanh(a), a = pre_in + b_in + r hn: r is off by 16 r + A_r, hn by 2N, the product by 2 r |hn|,
 * the two sums by 4P, P = |pre_in| + |b_in| + N. With r at most 1:
 *   E_a = 4P + N (20 + A_r);  tanh has slope at most 1: E_n = 12 + E_a.
 * h = (1 - z) n + z h_prev: z is off by 16 z + A_z and 1 - z by 16 + A_z with its own rounding, 2
 * for each product, 2 (|n| + |h_prev|) for the sum:
 *   E_h = E_n + (20 + A_z) (1 + |h_prev|).
 */
static double gru_cell_fwd(const struct clseq_magnitude *m, size_t i)
{
    const struct clseq_gru_cell_fwd_args *a = &m->args->gru_cell_fwd;
    const size_t units = (size_t)a->h_prev.dims[1], row = i / m->columns, column = i % m->columns;
    const size_t j = column % units, at = row * units + j;
    const double kept = finite_or_0(value(m->pre_n, at) + value(m->b_hh, 2 * units + j));
    double sum, error;

    if (!live(m->length, row, a->t))
        return CLSEQ_MAGNITUDE_EXACT;
    if (strcmp(m->field, "hn") == 0)
        return m->b_hh ? 2 * kept / POINTWISE : CLSEQ_MAGNITUDE_EXACT;
    if (strcmp(m->field, "act") == 0 && column < 2 * units)
        return 1 + gate_argument(m, 3, row, units, (int)(column / units), j);
    sum = finite_or_0(value(m->pre, row * 3 * units + 2 * units + j) +
                      value(m->b_ih, 2 * units + j)) +
          kept;
    error = 12 + 4 * sum + kept * (20 + gate_argument(m, 3, row, units, 0, j));
    if (strcmp(m->field, "h") == 0)
        error += (20 + gate_argument(m, 3, row, units, 1, j)) * (1 + value(m->h_prev, at));
    return error / POINTWISE;
}

/* ---- gru_cell_bwd ---------------------------------------------------------------------------- */

/*
 * D = |dh| + |dy|; total = dh + dy is off by 2uD. 1 - n^2 is off by 4 (1 + n^2), differences by 2
 * of what they give, products by 2:
 *   a_n = total (1 - z) (1 - n^2): 2 + 2 + 2 + 4 + 2:  E = 12 D |1 - z| (1 + n^2) =: 12 N
 *   dhn = a_n r:                            E = 14 N |r|
 *   a_r = a_n hn r (1 - r): 12 + 3 x 2 + 2: E = 20 N |hn| |r| |1 - r|
 *   a_z = total (h_prev - n) z (1 - z): 2 + 2 + 2 + 3 x 2: E = 12 D |h_prev - n| |z| |1 - z|
 *   dh_prev = total z:                      E = 4 D |z|
 * Rows that keep their state pass total on (2uD); the rest of them is 0.
 */
static double gru_cell_bwd(const struct clseq_magnitude *m, size_t i)
{
    const struct clseq_gru_cell_bwd_args *a = &m->args->gru_cell_bwd;
    const size_t units = (size_t)a->h_prev.dims[1], row = i / m->columns, column = i % m->columns;
    const size_t j = column % units, at = row * units + j;
    const double *act = m->act + row * 3 * units;
    const double r = act[j], z = act[units + j], n = act[2 * units + j];
    const double incoming = value(m->dh, at) + value(m->dy, at);
    const double d_n = incoming * fabs(1 - z) * (1 + n * n);

    if (strcmp(m->field, "dh_prev") == 0) {
        if (live(m->length, row, a->t))
            return 4 * incoming * fabs(z) / POINTWISE;
        return m->dy ? 2 * incoming / POINTWISE : CLSEQ_MAGNITUDE_EXACT;
    }
    if (!live(m->length, row, a->t))
        return CLSEQ_MAGNITUDE_EXACT;
    if (strcmp(m->field, "dhn") == 0)
        return 14 * d_n * fabs(r) / POINTWISE;
    switch (column / units) {
    case 0:
        return 20 * d_n * value(m->hn, at) * fabs(r * (1 - r)) / POINTWISE;
    case 1:
        return 12 * incoming * fabs((m->h_prev[at] - n) * z * (1 - z)) / POINTWISE;
    default:
        return 12 * d_n / POINTWISE;
    }
}

/* ---- rnn_cell -------------------------------------------------------------------------------- */

/* h = tanh(pre + b_ih + b_hh): as the cell gate of the LSTM, M = 1 + A. */
static double rnn_cell_fwd(const struct clseq_magnitude *m, size_t i)
{
    const size_t row = i / m->columns, column = i % m->columns;

    if (!live(m->length, row, m->args->rnn_cell_fwd.t))
        return CLSEQ_MAGNITUDE_EXACT;
    return 1 + gate_argument(m, 1, row, m->columns, 0, column);
}

/* dpre = total (1 - act^2): 2 + 4 + 2, so E = 8 D (1 + act^2). Live rows have dh_prev = 0; others
 * pass total on (2uD), and their dpre is 0. */
static double rnn_cell_bwd(const struct clseq_magnitude *m, size_t i)
{
    const bool alive = live(m->length, i / m->columns, m->args->rnn_cell_bwd.t);
    const double incoming = value(m->dh, i) + value(m->dy, i);

    if (strcmp(m->field, "dh_prev") == 0)
        return alive || !m->dy ? CLSEQ_MAGNITUDE_EXACT : 2 * incoming / POINTWISE;
    return alive ? 8 * incoming * (1 + m->act[i] * m->act[i]) / POINTWISE : CLSEQ_MAGNITUDE_EXACT;
}

/* ---- gru_seq and rnn_seq --------------------------------------------------------------------- */

/*
 * As the LSTM: E = T (n + cell) size, where n is the length of the products' sums (H forward, 3H or
 * H backward) and `cell` the roundings of a cell above with everything of the size of what flows:
 *   GRU forward   12 + 4 + 20 + 2 x 20 = 76   size 1 + gates + biases + h0
 *   GRU backward  2 x 20                      size (dh + dy) (1 + the largest of h, h0, hn)
 *   RNN forward   12 + 4 = 16                 size 1 + gates + biases + h0
 *   RNN backward  2 x 8                       size dh + dy
 */
static double gru_seq_fwd_size(const struct clseq_magnitude *m)
{
    const struct clseq_gru_seq_fwd_args *a = &m->args->gru_seq_fwd;
    const double size = 1 + largest(m->gates, &a->gates) + largest(m->b_ih, &a->b_ih) +
                        largest(m->b_hh, &a->b_hh) + largest(m->h0, &a->h0);
    const double error = a->h.dims[0] * (a->h.dims[2] + 76.0) * size;

    return with_neighbours(m, error, a->h.dims[0], size) /
           (clseq_op_terms(CLSEQ_OP_gru_seq_fwd, a) + 8);
}

static double gru_seq_bwd_size(const struct clseq_magnitude *m)
{
    const struct clseq_gru_seq_bwd_args *a = &m->args->gru_seq_bwd;
    const double flow = largest(m->dh, &a->dh) + largest(m->dy, &a->dy);
    const double state = fmax(largest(m->h, &a->h), largest(m->h0, &a->h0));
    const double size = flow * (1 + fmax(state, largest(m->hn, &a->hn)));
    const double error = a->gates.dims[0] * (a->gates.dims[2] + 40.0) * size;

    return with_neighbours(m, error, a->gates.dims[0], size) /
           (clseq_op_terms(CLSEQ_OP_gru_seq_bwd, a) + 8);
}

static double rnn_seq_fwd_size(const struct clseq_magnitude *m)
{
    const struct clseq_rnn_seq_fwd_args *a = &m->args->rnn_seq_fwd;
    const double size = 1 + largest(m->gates, &a->gates) + largest(m->b_ih, &a->b_ih) +
                        largest(m->b_hh, &a->b_hh) + largest(m->h0, &a->h0);
    const double error = a->h.dims[0] * (a->h.dims[2] + 16.0) * size;

    return with_neighbours(m, error, a->h.dims[0], size) /
           (clseq_op_terms(CLSEQ_OP_rnn_seq_fwd, a) + 8);
}

static double rnn_seq_bwd_size(const struct clseq_magnitude *m)
{
    const struct clseq_rnn_seq_bwd_args *a = &m->args->rnn_seq_bwd;
    const double size = largest(m->dh, &a->dh) + largest(m->dy, &a->dy);
    const double error = a->gates.dims[0] * (a->gates.dims[2] + 16.0) * size;

    return with_neighbours(m, error, a->gates.dims[0], size) /
           (clseq_op_terms(CLSEQ_OP_rnn_seq_bwd, a) + 8);
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

/* ---- additive_score ------------------------------------------------------------------------ */

/* Words of sentence b that count, of n. */
static size_t words_of(const struct clseq_magnitude *m, size_t b, size_t n)
{
    const double length = m->length ? m->length[b] : (double)n;

    return length <= 0 ? 0 : length >= (double)n ? n : (size_t)length;
}

/* One term: th = tanh(z), z = q + k. */
struct term {
    double th, slope, shift; /* slope 1 - th^2, shift |z| slope */
};

static struct term term_of(const struct clseq_magnitude *m, size_t q_at, size_t k_at)
{
    const double z = m->q[q_at] + m->k[k_at], th = tanh(z), slope = 1 - th * th;

    return (struct term) { fabs(th), slope, isfinite(z) ? fabs(z) * slope : 0 };
}

/*
 * score = sum of v th over A terms. z is off by u |z|, which moves th by its slope; tanh 10u |th|,
 * the product 1, the sum A - 1, the reference 2:
 *   E = sum of |v| ((A + 12) |th| + |z| (1 - th^2)), M = E / (A + 8).
 */
static double additive_score_fwd(const struct clseq_magnitude *m, size_t i)
{
    const struct clseq_additive_score_fwd_args *a = &m->args->additive_score_fwd;
    const size_t T = (size_t)a->q.dims[0], B = (size_t)a->q.dims[1], A = (size_t)a->q.dims[2];
    const size_t S = (size_t)a->k.dims[0], b = i / (T * S), t = i / S % T, s = i % S;
    double error = 0;

    if (s >= words_of(m, b, S))
        return CLSEQ_MAGNITUDE_EXACT;
    for (size_t j = 0; j < A; j++) {
        const struct term x = term_of(m, (t * B + b) * A + j, (s * B + b) * A + j);

        error += fabs(m->v[j]) * (((double)A + 12) * x.th + x.shift);
    }
    return error / ((double)A + 8);
}

/*
 * th is off by 10u |th| + u |z| (1 - th^2); th^2 by 2 |th| times that and u th^2; the difference
 * 1 - th^2 and its product with dscore 2u of it; a sum of n terms n - 1, v 1, the reference 2, and
 * for dk one addition more:
 *   dq, dk:  E = |v| sum of |dscore| (21 th^2 + (1 - th^2) (n + 5) + 2 |th z| (1 - th^2))
 *   dv:      E = sum of |dscore| ((n + 13) |th| + |z| (1 - th^2))
 * The old value, beta rounded, multiplied and added: (n + 4) |beta old|. "terms" is 1 here, for the
 * three sums have different lengths: so what the n terms lose on a device without subnormal numbers
 * is counted too, n 2^-126.
 */
static double additive_score_bwd(const struct clseq_magnitude *m, size_t i)
{
    const struct clseq_additive_score_bwd_args *a = &m->args->additive_score_bwd;
    const size_t T = (size_t)a->q.dims[0], B = (size_t)a->q.dims[1], A = (size_t)a->q.dims[2];
    const bool is_q = strcmp(m->field, "dq") == 0, is_k = strcmp(m->field, "dk") == 0;
    const size_t S = (size_t)a->k.dims[0], j = i % A;
    /* dv has neither, and there may be no sentence. */
    const size_t b = is_q || is_k ? i / A % B : 0, step = is_q || is_k ? i / (A * B) : 0;
    const double old = is_q || a->beta == 0 ? 0 : fabs(a->beta * (is_k ? m->dk : m->dv)[i]);
    const double n = (double)(is_q ? S : is_k ? T + 1 : B * T * S + 1);
    double error = 0;

    if (is_k && step >= words_of(m, b, S) && (a->beta == 0 || a->beta == 1))
        return CLSEQ_MAGNITUDE_EXACT;
    for (size_t row = is_q || is_k ? b : 0; row < (is_q || is_k ? b + 1 : B); row++) {
        const size_t words = words_of(m, row, S);

        for (size_t t = is_q ? step : 0; t < (is_q ? step + 1 : T); t++) {
            for (size_t s = is_k ? step : 0; s < words && s < (is_k ? step + 1 : S); s++) {
                const struct term x = term_of(m, (t * B + row) * A + j, (s * B + row) * A + j);
                const double flow = fabs(m->dscore[(row * T + t) * S + s]);

                if (is_q || is_k)
                    error += fabs(m->v[j]) * flow *
                             (21 * x.th * x.th + x.slope * (n + 5) + 2 * x.th * x.shift);
                else
                    error += flow * ((n + 13) * x.th + x.shift);
            }
        }
    }
    error += (n + 4) * old + n * (double)FLT_MIN / CLSEQ_TOLERANCE_UNIT;
    return error / POINTWISE;
}

/* ---- clip_scale ------------------------------------------------------------------------------ */

/*
 * s = sqrt(sumsq): 6u + 2u, within the 9u |y| of the rule. max_norm / s: those 8u, division 5u + u,
 * max_norm 2u: 16u |y|, so M = |y|, where y is at most 1. A scale that is not 1 is rounded, 2u, and
 * multiplied with, 2u, in s and again in the product: s 12u, M = |y|; 16 + 4 + 4 = 24u, M = 2 |y|.
 * A subnormal sumsq may be flushed.
 */
static double clip_scale(const struct clseq_magnitude *m, size_t i)
{
    const double scale = m->args->clip_scale.scale, norm = scale * sqrt(m->sumsq[0]);
    const double limit = fabs(m->args->clip_scale.max_norm);

    if (i == 0)
        return (m->sumsq[0] < 2 * (double)FLT_MIN
                    ? scale * FLUSHED_ROOT / (POINTWISE * CLSEQ_TOLERANCE_UNIT)
                    : 0) +
               (scale != 1 && isfinite(norm) ? norm : 0);
    if (!isfinite(m->sumsq[0]))
        return CLSEQ_MAGNITUDE_EXACT;
    return (scale != 1 ? 2 * scale : 1) * fmin(1, limit / norm);
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
    if (clseq_op_is_update(call->op))
        CLSEQ_TRY(clseq_magnitude_name_rows(ctx, &m));
    if (call->op == CLSEQ_OP_softmax_xent)
        CLSEQ_TRY(clseq_magnitude_sum_rows(ctx, &m));
    if (call->op == CLSEQ_OP_lstm_seq_fwd)
        m.whole_call = lstm_seq_fwd_size(&m);
    if (call->op == CLSEQ_OP_lstm_seq_bwd)
        m.whole_call = lstm_seq_bwd_size(&m);
    if (call->op == CLSEQ_OP_gru_seq_fwd)
        m.whole_call = gru_seq_fwd_size(&m);
    if (call->op == CLSEQ_OP_gru_seq_bwd)
        m.whole_call = gru_seq_bwd_size(&m);
    if (call->op == CLSEQ_OP_rnn_seq_fwd)
        m.whole_call = rnn_seq_fwd_size(&m);
    if (call->op == CLSEQ_OP_rnn_seq_bwd)
        m.whole_call = rnn_seq_bwd_size(&m);
    *ret = m;
    return CLSEQ_OK;
}

void clseq_magnitude_fini(struct clseq_magnitude *m)
{
    free(m->source);
    m->source = NULL;
    free(m->row);
    m->row = NULL;
}

double clseq_magnitude_of(const struct clseq_magnitude *m, size_t i)
{
    switch (m->call->op) {
    case CLSEQ_OP_lstm_cell_fwd:
        return lstm_cell_fwd(m, i);
    case CLSEQ_OP_lstm_cell_bwd:
        return lstm_cell_bwd(m, i);
    case CLSEQ_OP_lstm_seq_fwd:
        return sequence(m, i, m->args->lstm_seq_fwd.gates.dims[1]);
    case CLSEQ_OP_lstm_seq_bwd:
        return sequence(m, i, m->args->lstm_seq_bwd.gates.dims[1]);
    case CLSEQ_OP_gru_cell_fwd:
        return gru_cell_fwd(m, i);
    case CLSEQ_OP_gru_cell_bwd:
        return gru_cell_bwd(m, i);
    case CLSEQ_OP_gru_seq_fwd:
        return sequence(m, i, m->args->gru_seq_fwd.gates.dims[1]);
    case CLSEQ_OP_gru_seq_bwd:
        return sequence(m, i, m->args->gru_seq_bwd.gates.dims[1]);
    case CLSEQ_OP_rnn_cell_fwd:
        return rnn_cell_fwd(m, i);
    case CLSEQ_OP_rnn_cell_bwd:
        return rnn_cell_bwd(m, i);
    case CLSEQ_OP_rnn_seq_fwd:
        return sequence(m, i, m->args->rnn_seq_fwd.gates.dims[1]);
    case CLSEQ_OP_rnn_seq_bwd:
        return sequence(m, i, m->args->rnn_seq_bwd.gates.dims[1]);
    case CLSEQ_OP_tanh_fwd:
        return tanh_fwd(m, i);
    case CLSEQ_OP_tanh_bwd:
        return tanh_bwd(m, i);
    case CLSEQ_OP_masked_softmax_fwd:
        return masked_softmax_fwd(m, i);
    case CLSEQ_OP_masked_softmax_bwd:
        return masked_softmax_bwd(m, i);
    case CLSEQ_OP_additive_score_fwd:
        return additive_score_fwd(m, i);
    case CLSEQ_OP_additive_score_bwd:
        return additive_score_bwd(m, i);
    case CLSEQ_OP_softmax_xent_fwd:
    case CLSEQ_OP_softmax_xent_bwd:
    case CLSEQ_OP_softmax_xent:
    case CLSEQ_OP_sigmoid_xent_fwd:
    case CLSEQ_OP_sigmoid_xent_bwd:
    case CLSEQ_OP_log_mix:
        return clseq_magnitude_of_output(m, i);
    case CLSEQ_OP_clip_scale:
        return clip_scale(m, i);
    case CLSEQ_OP_normal:
        return normal(m, i);
    default:
        return clseq_op_is_update(m->call->op) ? clseq_magnitude_of_update(m, i) : 0;
    }
}
