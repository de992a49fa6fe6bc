/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The bounds of tolerance_magnitude.c against the worst device that OpenCL C 1.2
 * allows: float arithmetic whose functions are off by as many ulp as the standard
 * permits, up or down at random. It must always pass; and it must come so near to
 * each bound that a device much worse than that would not.
 */
#include "tolerance_fixture.h"

#include <math.h>

struct worst {
    uint64_t draws;
    double largest[CLSEQ_OP_MAX_FIELDS]; /* part of the bound that was used, over all rounds */
};

/* x off by up to `ulps` float steps. */
static double off(struct worst *w, double x, int ulps)
{
    const uint64_t n =
        clseq_random_below(11, CLSEQ_RANDOM_TEST, 0, w->draws++, (uint64_t)(2 * ulps + 1));
    float y = (float)x;

    for (uint64_t i = 0; i < n; i++) /* n - ulps steps, in two goes */
        y = nextafterf(y, HUGE_VALF);
    for (int i = 0; i < ulps; i++)
        y = nextafterf(y, -HUGE_VALF);
    return (double)y;
}

static double f32(double x)
{
    return (double)(float)x;
}

static double sigmoid(struct worst *w, double x)
{
    return off(w, 1 / f32(1 + off(w, exp(-x), 3)), 3);
}

static const double *in(const struct setup *s, const char *name)
{
    return s->before.field[op_field(s->call.op, name)];
}

static void check(struct setup *s, struct worst *w, const char *field, const double *got)
{
    const int n = op_field(s->call.op, field);
    struct clseq_tolerance_result r;
    char text[CLSEQ_TOLERANCE_TEXT];

    ASSERT_OK(s->ctx, clseq_tolerance_compare(s->ctx, &s->call, n, s->after.field[n], got, &r));
    if (!r.ok)
        fail_msg("%s: %s", clseq_op_name(s->call.op), clseq_tolerance_text(&s->call, n, &r, text));
    if (r.bound > 0 && fabs(r.got - r.expected) / r.bound > w->largest[n])
        w->largest[n] = fabs(r.got - r.expected) / r.bound;
}

static void device_lstm_cell_fwd(struct setup *s, struct worst *w)
{
    double act[OP_B * 4 * OP_H], c[OP_B * OP_H], h[OP_B * OP_H];

    for (size_t b = 0; b < OP_B; b++) {
        for (size_t j = 0; j < OP_H; j++) {
            const size_t at = b * OP_H + j;
            double gate[4], seen = in(s, "c_prev")[at]; /* by the peepholes */

            for (size_t k = 0; k < 4; k++) {
                const size_t column = k * OP_H + j;
                double x = f32(f32(in(s, "pre")[b * 4 * OP_H + column] + in(s, "b_ih")[column]) +
                               in(s, "b_hh")[column]);

                if (k == 3) {
                    c[at] = f32(f32(gate[1] * in(s, "c_prev")[at]) + f32(gate[0] * gate[2]));
                    seen = c[at];
                }
                if (in(s, "peephole") && k != 2)
                    x = f32(x + f32(in(s, "peephole")[(k == 3 ? 2 : k) * OP_H + j] * seen));
                gate[k] = k == 2 ? off(w, tanh(x), 5) : sigmoid(w, x);
                act[b * 4 * OP_H + column] = gate[k];
            }
            h[at] = f32(gate[3] * off(w, tanh(c[at]), 5));
            if (in(s, "length")[b] <= 1) { /* t is 1 */
                for (size_t k = 0; k < 4; k++)
                    act[b * 4 * OP_H + k * OP_H + j] = 0;
                c[at] = in(s, "c_prev")[at];
                h[at] = in(s, "h_prev")[at];
            }
        }
    }
    check(s, w, "act", act);
    check(s, w, "c", c);
    check(s, w, "h", h);
}

static void device_lstm_cell_bwd(struct setup *s, struct worst *w)
{
    double dpre[OP_B * 4 * OP_H], dh[OP_B * OP_H], dc[OP_B * OP_H];

    for (size_t b = 0; b < OP_B; b++) {
        for (size_t j = 0; j < OP_H; j++) {
            const size_t at = b * OP_H + j;
            const double *a = in(s, "act") + b * 4 * OP_H + j;
            double *d = dpre + b * 4 * OP_H + j;
            const double i = a[0], f = a[OP_H], g = a[2 * OP_H], o = a[3 * OP_H];
            const double total = f32(in(s, "dh")[at] + in(s, "dy")[at]);
            const double tc = off(w, tanh(in(s, "c")[at]), 5), slope = f32(1 - f32(tc * tc));
            const double d_o = f32(f32(f32(total * tc) * o) * f32(1 - o));
            const double *peephole = in(s, "peephole");
            const bool live = in(s, "length")[b] > 1;
            double t = f32(in(s, "dc")[at] + f32(f32(total * o) * slope));

            if (peephole)
                t = f32(t + f32(peephole[2 * OP_H + j] * d_o));
            d[0] = live ? f32(f32(f32(t * g) * i) * f32(1 - i)) : 0;
            d[OP_H] = live ? f32(f32(f32(t * in(s, "c_prev")[at]) * f) * f32(1 - f)) : 0;
            d[2 * OP_H] = live ? f32(f32(t * i) * f32(1 - f32(g * g))) : 0;
            d[3 * OP_H] = live ? d_o : 0;
            dh[at] = live ? 0 : total;
            dc[at] = live ? f32(t * f) : in(s, "dc")[at];
            if (live && peephole)
                dc[at] =
                    f32(dc[at] + f32(f32(peephole[j] * d[0]) + f32(peephole[OP_H + j] * d[OP_H])));
        }
    }
    check(s, w, "dpre", dpre);
    check(s, w, "dh_prev", dh);
    check(s, w, "dc_prev", dc);
}

static void device_gru_cell_fwd(struct setup *s, struct worst *w)
{
    double act[OP_B * 3 * OP_H], hn[OP_B * OP_H], h[OP_B * OP_H];

    for (size_t b = 0; b < OP_B; b++) {
        for (size_t j = 0; j < OP_H; j++) {
            const size_t at = b * OP_H + j;
            const double *pre = in(s, "pre") + b * 3 * OP_H + j;
            const double old = in(s, "h_prev")[at];
            const double *b_ih = in(s, "b_ih") + j, *b_hh = in(s, "b_hh") + j;
            double *a = act + b * 3 * OP_H + j;
            const bool live = in(s, "length")[b] > 1; /* t is 1 */
            const double r = sigmoid(w, f32(f32(pre[0] + b_ih[0]) + b_hh[0]));
            const double z = sigmoid(w, f32(f32(pre[OP_H] + b_ih[OP_H]) + b_hh[OP_H]));
            const double kept = f32(in(s, "pre_n")[at] + b_hh[2 * OP_H]);
            const double x = f32(f32(pre[2 * OP_H] + b_ih[2 * OP_H]) + f32(r * kept));
            const double n = off(w, tanh(x), 5);

            a[0] = live ? r : 0;
            a[OP_H] = live ? z : 0;
            a[2 * OP_H] = live ? n : 0;
            hn[at] = live ? kept : 0;
            h[at] = live ? f32(f32(f32(1 - z) * n) + f32(z * old)) : old;
        }
    }
    check(s, w, "act", act);
    check(s, w, "hn", hn);
    check(s, w, "h", h);
}

static void device_gru_cell_bwd(struct setup *s, struct worst *w)
{
    double dpre[OP_B * 3 * OP_H], dhn[OP_B * OP_H], dh[OP_B * OP_H];

    for (size_t b = 0; b < OP_B; b++) {
        for (size_t j = 0; j < OP_H; j++) {
            const size_t at = b * OP_H + j;
            const double *a = in(s, "act") + b * 3 * OP_H + j;
            double *d = dpre + b * 3 * OP_H + j;
            const double r = a[0], z = a[OP_H], n = a[2 * OP_H];
            const double total = f32(in(s, "dh")[at] + in(s, "dy")[at]), fresh = f32(1 - z);
            const double d_n = f32(f32(total * fresh) * f32(1 - f32(n * n)));
            const double difference = f32(in(s, "h_prev")[at] - n);
            const bool live = in(s, "length")[b] > 1;

            d[0] = live ? f32(f32(f32(d_n * in(s, "hn")[at]) * r) * f32(1 - r)) : 0;
            d[OP_H] = live ? f32(f32(f32(total * difference) * z) * fresh) : 0;
            d[2 * OP_H] = live ? d_n : 0;
            dhn[at] = live ? f32(d_n * r) : 0;
            dh[at] = live ? f32(total * z) : total;
        }
    }
    check(s, w, "dpre", dpre);
    check(s, w, "dhn", dhn);
    check(s, w, "dh_prev", dh);
}

static void device_rnn_cell_fwd(struct setup *s, struct worst *w)
{
    double act[OP_B * OP_H], h[OP_B * OP_H];

    for (size_t at = 0; at < OP_B * OP_H; at++) {
        const size_t j = at % OP_H;
        const double x = f32(f32(in(s, "pre")[at] + in(s, "b_ih")[j]) + in(s, "b_hh")[j]);
        const bool live = in(s, "length")[at / OP_H] > 1;

        act[at] = live ? off(w, tanh(x), 5) : 0;
        h[at] = live ? act[at] : in(s, "h_prev")[at];
    }
    check(s, w, "act", act);
    check(s, w, "h", h);
}

static void device_rnn_cell_bwd(struct setup *s, struct worst *w)
{
    double dpre[OP_B * OP_H], dh[OP_B * OP_H];

    for (size_t at = 0; at < OP_B * OP_H; at++) {
        const double total = f32(in(s, "dh")[at] + in(s, "dy")[at]), y = in(s, "act")[at];
        const bool live = in(s, "length")[at / OP_H] > 1;

        dpre[at] = live ? f32(total * f32(1 - f32(y * y))) : 0;
        dh[at] = live ? 0 : total;
    }
    check(s, w, "dpre", dpre);
    check(s, w, "dh_prev", dh);
}

static double smooth_loss(double e, double lse, const double *x, double right)
{
    double total = 0;

    if (e == 0)
        return f32(lse - right);
    for (int v = 0; v < OP_V; v++)
        total = f32(total + x[v]);
    return f32(f32(lse - f32(f32(1 - e) * right)) - f32(f32(e / OP_V) * total));
}

static void device_softmax_xent_fwd(struct setup *s, struct worst *w)
{
    double lse[OP_M], loss[OP_M];

    for (size_t m = 0; m < OP_M; m++) {
        const double *x = in(s, "logits") + m * OP_V;
        double max = x[0], sum = 0;

        for (int v = 1; v < OP_V; v++)
            max = fmax(max, x[v]);
        for (int v = 0; v < OP_V; v++)
            sum = f32(sum + off(w, exp(f32(x[v] - max)), 3));
        lse[m] = f32(max + off(w, log(sum), 3));
        loss[m] =
            smooth_loss(s->args.softmax_xent_fwd.smoothing, lse[m], x, x[(int)in(s, "target")[m]]);
    }
    check(s, w, "lse", lse);
    check(s, w, "loss", loss);
}

static void device_softmax_xent_bwd(struct setup *s, struct worst *w)
{
    const double e = s->args.softmax_xent_bwd.smoothing;
    double d[OP_M * OP_V];

    for (size_t i = 0; i < OP_M * OP_V; i++) {
        const double p = off(w, exp(f32(in(s, "logits")[i] - in(s, "lse")[i / OP_V])), 3);
        const bool hit = in(s, "target")[i / OP_V] == (double)(i % OP_V);

        d[i] = f32(f32(s->args.softmax_xent_bwd.scale) *
                   f32((hit ? f32(p - f32(1 - e)) : p) - f32(e / OP_V)));
    }
    check(s, w, "dlogits", d);
}

static void device_softmax_xent(struct setup *s, struct worst *w)
{
    const double e = s->args.softmax_xent.smoothing, scale = f32(s->args.softmax_xent.scale);
    double lse[OP_M], loss[OP_M], d[OP_M * OP_V];

    for (size_t m = 0; m < OP_M; m++) {
        const double *x = in(s, "logits") + m * OP_V;
        const int target = (int)in(s, "target")[m];
        double max = x[0], sum = 0, factor;

        for (int v = 1; v < OP_V; v++)
            max = fmax(max, x[v]);
        for (int v = 0; v < OP_V; v++) {
            d[m * OP_V + (size_t)v] = off(w, exp(f32(x[v] - max)), 3);
            sum = f32(sum + d[m * OP_V + (size_t)v]);
        }
        lse[m] = f32(max + off(w, log(sum), 3));
        loss[m] = smooth_loss(e, lse[m], x, x[target]);
        factor = off(w, 1 / sum, 3);
        for (int v = 0; v < OP_V; v++) {
            double *p = &d[m * OP_V + (size_t)v];

            *p = f32(*p * factor);
            *p = f32(scale * f32((v == target ? f32(*p - f32(1 - e)) : *p) - f32(e / OP_V)));
        }
    }
    check(s, w, "lse", lse);
    check(s, w, "loss", loss);
    check(s, w, "dlogits", d);
}

static void device_log_mix(struct setup *s, struct worst *w)
{
    const double part = f32(s->args.log_mix.weight), rest = f32(1 - s->args.log_mix.weight);
    double y[OP_M * OP_V];

    for (size_t i = 0; i < OP_M * OP_V; i++) {
        const double y_lse = in(s, "y_lse")[i / OP_V], old = in(s, "y")[i];
        const double from_x = f32(in(s, "x")[i] - in(s, "x_lse")[i / OP_V]);
        const double d = f32(from_x - f32(old - y_lse));
        const double loss = f32(off(w, exp(-fabs(d)), 3) - 1);

        if (d > 0)
            y[i] = f32(f32(from_x + y_lse) + off(w, log(f32(1 + f32(rest * loss))), 3));
        else
            y[i] = f32(old + off(w, log(f32(1 + f32(part * loss))), 3));
    }
    check(s, w, "y", y);
}

static void device_sigmoid_xent_fwd(struct setup *s, struct worst *w)
{
    double loss[OP_M];

    for (size_t m = 0; m < OP_M; m++) {
        const double *x = in(s, "logits") + m * OP_V;
        double sum = 0;

        for (int v = 0; v < OP_V; v++) {
            const double e = off(w, exp(-fabs(x[v])), 3);

            sum = f32(sum + f32(fmax(x[v], 0) + off(w, log1p(e), 2)));
        }
        loss[m] = f32(sum - x[(int)in(s, "target")[m]]);
    }
    check(s, w, "loss", loss);
}

static void device_sigmoid_xent_bwd(struct setup *s, struct worst *w)
{
    double d[OP_M * OP_V];

    for (size_t i = 0; i < OP_M * OP_V; i++) {
        const double x = in(s, "logits")[i], e = off(w, exp(-fabs(x)), 3);
        const double p = off(w, (x < 0 ? e : 1) / f32(1 + e), 2);
        const bool hit = in(s, "target")[i / OP_V] == (double)(i % OP_V);

        d[i] = f32(f32(s->args.sigmoid_xent_bwd.scale) * (hit ? f32(p - 1) : p));
    }
    check(s, w, "dlogits", d);
}

static void device_tanh_fwd(struct setup *s, struct worst *w)
{
    double y[OP_T * OP_M * OP_N];

    for (size_t i = 0; i < OP_T * OP_M * OP_N; i++)
        y[i] = off(w, tanh(in(s, "x")[i]), 5);
    check(s, w, "y", y);
}

static void device_tanh_bwd(struct setup *s, struct worst *w)
{
    double dx[OP_T * OP_M * OP_N];

    for (size_t i = 0; i < OP_T * OP_M * OP_N; i++) {
        const double y = in(s, "y")[i];

        dx[i] = f32(in(s, "dy")[i] * f32(1 - f32(y * y)));
    }
    check(s, w, "dx", dx);
}

static void device_masked_softmax_fwd(struct setup *s, struct worst *w)
{
    double y[OP_B * OP_T * OP_S];

    for (size_t row = 0; row < OP_B * OP_T; row++) {
        const double *x = in(s, "x") + row * OP_S;
        const int length = (int)in(s, "length")[row / OP_T];
        double max = -HUGE_VAL, sum = 0;

        for (int k = 0; k < length; k++)
            max = fmax(max, x[k]);
        for (int k = 0; k < OP_S; k++) {
            const double e = k < length ? off(w, exp(f32(x[k] - max)), 3) : 0;

            y[row * OP_S + (size_t)k] = e;
            sum = f32(sum + e);
        }
        for (int k = 0; k < length; k++)
            y[row * OP_S + (size_t)k] = off(w, y[row * OP_S + (size_t)k] / sum, 3);
    }
    check(s, w, "y", y);
}

static void device_masked_softmax_bwd(struct setup *s, struct worst *w)
{
    double dx[OP_B * OP_T * OP_S];

    for (size_t row = 0; row < OP_B * OP_T; row++) {
        const double *y = in(s, "y") + row * OP_S, *dy = in(s, "dy") + row * OP_S;
        double sum = 0;

        for (int k = 0; k < OP_S; k++)
            sum = f32(sum + f32(y[k] * dy[k]));
        for (int k = 0; k < OP_S; k++)
            dx[row * OP_S + (size_t)k] = f32(y[k] * f32(dy[k] - sum));
    }
    check(s, w, "dx", dx);
}

/* The sum q + k and its tanh, as far off as they may be. */
static double device_tanh(struct setup *s, struct worst *w, size_t step, size_t word, size_t b,
                          size_t a)
{
    return off(w,
               tanh(f32(in(s, "q")[(step * OP_B + b) * OP_E + a] +
                        in(s, "k")[(word * OP_B + b) * OP_E + a])),
               5);
}

static void device_additive_score_fwd(struct setup *s, struct worst *w)
{
    double score[OP_B * OP_T * OP_S];

    for (size_t i = 0; i < OP_B * OP_T * OP_S; i++) {
        const size_t b = i / (OP_T * OP_S), step = i / OP_S % OP_T, word = i % OP_S;

        score[i] = 0;
        for (size_t a = 0; a < OP_E && (double)word < in(s, "length")[b]; a++)
            score[i] = f32(score[i] + f32(in(s, "v")[a] * device_tanh(s, w, step, word, b, a)));
    }
    check(s, w, "score", score);
}

static void device_additive_score_bwd(struct setup *s, struct worst *w)
{
    const double beta = s->args.additive_score_bwd.beta;
    double dq[OP_T * OP_B * OP_E] = { 0 }, dk[OP_S * OP_B * OP_E] = { 0 }, dv[OP_E] = { 0 };

    for (size_t i = 0; i < OP_B * OP_T * OP_S * OP_E; i++) {
        const size_t b = i / (OP_T * OP_S * OP_E), step = i / (OP_S * OP_E) % OP_T;
        const size_t word = i / OP_E % OP_S, a = i % OP_E;
        double *q = &dq[(step * OP_B + b) * OP_E + a], *k = &dk[(word * OP_B + b) * OP_E + a];
        const double d = in(s, "dscore")[i / OP_E], v = in(s, "v")[a];
        double th, g;

        if ((double)word >= in(s, "length")[b])
            continue;
        th = device_tanh(s, w, step, word, b, a);
        g = f32(f32(d * f32(1 - f32(th * th))) * v);
        *q = f32(*q + g);
        *k = f32(*k + g);
        dv[a] = f32(dv[a] + f32(d * th));
    }
    for (size_t i = 0; i < OP_S * OP_B * OP_E; i++)
        dk[i] = f32(dk[i] + f32(beta * in(s, "dk")[i]));
    for (size_t a = 0; a < OP_E; a++)
        dv[a] = f32(dv[a] + f32(beta * in(s, "dv")[a]));
    check(s, w, "dq", dq);
    check(s, w, "dk", dk);
    check(s, w, "dv", dv);
}

static void device_clip_scale(struct setup *s, struct worst *w)
{
    const double max = f32(s->args.clip_scale.max_norm), scale = f32(s->args.clip_scale.scale);
    const double norm = f32(scale * off(w, sqrt(in(s, "sumsq")[0]), 3));
    const double stats[2] = { norm, f32(scale * (norm > max ? off(w, max / norm, 3) : 1)) };

    check(s, w, "stats", stats);
}

/* g' of the element; indices are 0, 1, 2, so that row r of g is row r of w. */
static double gradient(struct setup *s, size_t i, double decay)
{
    const double g = f32(in(s, "stats")[1] * in(s, "g")[i]);

    return decay != 0 ? f32(g + f32(f32(decay) * in(s, "w")[i])) : g;
}

/* step + shrink w */
static double shrunk(struct setup *s, size_t i, double step, double shrink)
{
    return shrink != 0 ? f32(step + f32(f32(shrink) * in(s, "w")[i])) : step;
}

static void device_adam_update(struct setup *s, struct worst *w)
{
    const struct clseq_adam_update_args *a = &s->args.adam_update;
    double x[OP_V * OP_E], m[OP_V * OP_E], v[OP_V * OP_E];

    for (size_t i = 0; i < OP_V * OP_E; i++) {
        x[i] = in(s, "w")[i];
        m[i] = in(s, "m")[i];
        v[i] = in(s, "v")[i];
        if (i < OP_U * OP_E) { /* index is 0, 1, 2 */
            const double g = gradient(s, i, a->decay);
            double root;

            m[i] = f32(f32(f32(a->beta1) * m[i]) + f32(f32(1 - a->beta1) * g));
            v[i] = f32(f32(f32(a->beta2) * v[i]) + f32(f32(1 - a->beta2) * f32(g * g)));
            root = f32(f32(off(w, sqrt(v[i]), 3) * f32(a->inv_sqrt_bias2)) + f32(a->eps));
            x[i] = f32(x[i] -
                       shrunk(s, i, off(w, f32(f32(a->step_size) * m[i]) / root, 3), a->shrink));
        }
    }
    check(s, w, "m", m);
    check(s, w, "v", v);
    check(s, w, "w", x);
}

static void device_momentum_update(struct setup *s, struct worst *w)
{
    const struct clseq_momentum_update_args *a = &s->args.momentum_update;
    double x[OP_V * OP_E], m[OP_V * OP_E];

    for (size_t i = 0; i < OP_V * OP_E; i++) {
        x[i] = in(s, "w")[i];
        m[i] = in(s, "m")[i];
        if (i < OP_U * OP_E) {
            const double g = gradient(s, i, a->decay);
            double step;

            m[i] = f32(f32(f32(a->momentum) * m[i]) + g);
            step = a->nesterov ? f32(g + f32(f32(a->momentum) * m[i])) : m[i];
            x[i] = f32(x[i] - f32(f32(a->lr) * step));
        }
    }
    check(s, w, "m", m);
    check(s, w, "w", x);
}

static void device_adagrad_update(struct setup *s, struct worst *w)
{
    const struct clseq_adagrad_update_args *a = &s->args.adagrad_update;
    double x[OP_V * OP_E], v[OP_V * OP_E];

    for (size_t i = 0; i < OP_V * OP_E; i++) {
        x[i] = in(s, "w")[i];
        v[i] = in(s, "v")[i];
        if (i < OP_U * OP_E) {
            const double g = gradient(s, i, a->decay);

            v[i] = f32(v[i] + f32(g * g));
            x[i] = f32(x[i] -
                       off(w, f32(f32(a->lr) * g) / f32(off(w, sqrt(v[i]), 3) + f32(a->eps)), 3));
        }
    }
    check(s, w, "v", v);
    check(s, w, "w", x);
}

static void device_adadelta_update(struct setup *s, struct worst *w)
{
    const struct clseq_adadelta_update_args *a = &s->args.adadelta_update;
    const double rest = f32(1 - a->rho), rho = f32(a->rho), eps = f32(a->eps);
    double x[OP_V * OP_E], v[OP_V * OP_E], u[OP_V * OP_E];

    for (size_t i = 0; i < OP_V * OP_E; i++) {
        x[i] = in(s, "w")[i];
        v[i] = in(s, "v")[i];
        u[i] = in(s, "u")[i];
        if (i < OP_U * OP_E) {
            const double g = gradient(s, i, a->decay);
            double delta;

            v[i] = f32(f32(rho * v[i]) + f32(f32(rest * g) * g));
            delta = off(w, f32(u[i] + eps) / f32(v[i] + eps), 3);
            delta = f32(off(w, sqrt(delta), 3) * g);
            u[i] = f32(f32(rho * u[i]) + f32(f32(rest * delta) * delta));
            x[i] = f32(x[i] - f32(f32(a->lr) * delta));
        }
    }
    check(s, w, "v", v);
    check(s, w, "u", u);
    check(s, w, "w", x);
}

static void device_rmsprop_update(struct setup *s, struct worst *w)
{
    const struct clseq_rmsprop_update_args *a = &s->args.rmsprop_update;
    double x[OP_V * OP_E], v[OP_V * OP_E];

    for (size_t i = 0; i < OP_V * OP_E; i++) {
        x[i] = in(s, "w")[i];
        v[i] = in(s, "v")[i];
        if (i < OP_U * OP_E) {
            const double g = gradient(s, i, a->decay);

            v[i] = f32(f32(f32(a->rho) * v[i]) + f32(f32(f32(1 - a->rho) * g) * g));
            x[i] = f32(x[i] -
                       off(w, f32(f32(a->lr) * g) / f32(off(w, sqrt(v[i]), 3) + f32(a->eps)), 3));
        }
    }
    check(s, w, "v", v);
    check(s, w, "w", x);
}

static void device_normal(struct setup *s, struct worst *w)
{
    const struct clseq_normal_args *a = &s->args.normal;
    double x[OP_M * OP_N];

    for (uint32_t i = 0; i < OP_M * OP_N; i++) {
        const clseq_philox_block bits = clseq_philox(i / 4, 0, a->stream, a->purpose,
                                                     (uint32_t)a->seed, (uint32_t)(a->seed >> 32));
        const double u0 = (double)clseq_philox_unit(bits.v[i / 2 * 2 % 4]);
        const double u1 = (double)clseq_philox_unit(bits.v[i / 2 * 2 % 4 + 1]);
        const double r = off(w, sqrt(f32(-2 * off(w, log(1 - u0), 3))), 3);
        const double angle = f32(f32(6.283185307179586) * u1);
        const double z = f32(r * off(w, i % 2 ? sin(angle) : cos(angle), 4));

        x[i] = f32((double)a->mean + f32((double)a->std * z));
    }
    check(s, w, "dst", x);
}

static void set_decay(union clseq_op_any_args *args, enum clseq_op op, double decay)
{
    switch (op) {
    case CLSEQ_OP_adam_update:
        args->adam_update.decay = decay;
        args->adam_update.shrink = decay / 10;
        break;
    case CLSEQ_OP_momentum_update:
        args->momentum_update.decay = decay;
        break;
    case CLSEQ_OP_adagrad_update:
        args->adagrad_update.decay = decay;
        break;
    case CLSEQ_OP_adadelta_update:
        args->adadelta_update.decay = decay;
        break;
    case CLSEQ_OP_rmsprop_update:
        args->rmsprop_update.decay = decay;
        break;
    default:
        break;
    }
}

/* Weight decay in every other round. Real inputs scaled by a power of ten, anew in every round. */
static void refill(struct setup *s, int round)
{
    static const float scales[] = { 1, 0.01f, 10, 100, 1e-4f };
    const struct clseq_op_schema *schema = clseq_op_schema(s->call.op);

    for (int i = 0; i < schema->n_fields; i++) {
        const char *name = schema->fields[i].name;
        const clseq_tensor *x = clseq_op_tensor(&s->args, &schema->fields[i]);
        float values[OP_PLACE], scale = scales[round % 5];

        if (x->dtype == CLSEQ_I32 || !clseq_tensor_present(x))
            continue;
        if (strcmp(name, "act") == 0 || strcmp(name, "stats") == 0)
            scale = 1;
        for (size_t k = 0; k < clseq_tensor_count(x); k++) {
            const float u = clseq_philox_unit((uint32_t)clseq_random_u64(
                3, CLSEQ_RANDOM_TEST, (uint32_t)round, k + (uint64_t)i * OP_PLACE));

            values[k] = scale * (strcmp(name, "v") == 0 || strcmp(name, "u") == 0 ||
                                         strcmp(name, "sumsq") == 0 || strcmp(name, "stats") == 0
                                     ? u
                                 : strcmp(name, "lse") == 0 ? 1 + u /* no smaller than a logit */
                                                            : 2 * u - 1);
        }
        ASSERT_OK(s->ctx, clseq_tensor_write_f32(s->be, x, values));
    }
    set_decay(&s->args, s->call.op, round % 2 ? 0.3 : 0);
    if (s->call.op == CLSEQ_OP_clip_scale)
        s->args.clip_scale.scale = round % 2 ? 0.3 : 1;
    if (s->call.op == CLSEQ_OP_normal)
        s->args.normal.seed = (uint64_t)round;
    if (s->call.op == CLSEQ_OP_softmax_xent_fwd)
        s->args.softmax_xent_fwd.smoothing = round % 2 ? 0.1 : 0;
    if (s->call.op == CLSEQ_OP_softmax_xent_bwd)
        s->args.softmax_xent_bwd.smoothing = round % 2 ? 0.1 : 0;
    if (s->call.op == CLSEQ_OP_softmax_xent)
        s->args.softmax_xent.smoothing = round % 2 ? 0.1 : 0;
}

/* The part of its bound that each output comes to, a little below what it does. A bound that is
 * made looser than its derivation fails here. */
static const struct {
    enum clseq_op op;
    const char *absent; /* an optional tensor to leave out */
    void (*device)(struct setup *s, struct worst *w);
    struct {
        const char *field;
        double part;
    } outputs[3];
} cases[] = {
    { CLSEQ_OP_lstm_cell_fwd,
      "peephole",
      device_lstm_cell_fwd,
      { { "act", 0.25 }, { "c", 0.08 }, { "h", 0.06 } } },
    { CLSEQ_OP_lstm_cell_bwd,
      "peephole",
      device_lstm_cell_bwd,
      { { "dpre", 0.35 }, { "dc_prev", 0.4 } } },
    { CLSEQ_OP_lstm_cell_fwd,
      NULL,
      device_lstm_cell_fwd,
      { { "act", 0.25 }, { "c", 0.08 }, { "h", 0.06 } } },
    { CLSEQ_OP_lstm_cell_bwd,
      NULL,
      device_lstm_cell_bwd,
      { { "dpre", 0.3 }, { "dc_prev", 0.14 } } },
    { CLSEQ_OP_gru_cell_fwd, NULL, device_gru_cell_fwd, { { "act", 0.25 }, { "h", 0.075 } } },
    { CLSEQ_OP_gru_cell_bwd,
      NULL,
      device_gru_cell_bwd,
      { { "dpre", 0.13 }, { "dhn", 0.085 }, { "dh_prev", 0.13 } } },
    { CLSEQ_OP_rnn_cell_fwd, NULL, device_rnn_cell_fwd, { { "act", 0.19 }, { "h", 0.19 } } },
    { CLSEQ_OP_rnn_cell_bwd, NULL, device_rnn_cell_bwd, { { "dpre", 0.1 } } },
    { CLSEQ_OP_softmax_xent_fwd,
      NULL,
      device_softmax_xent_fwd,
      { { "loss", 0.08 }, { "lse", 0.14 } } },
    { CLSEQ_OP_softmax_xent_bwd, NULL, device_softmax_xent_bwd, { { "dlogits", 0.3 } } },
    { CLSEQ_OP_softmax_xent,
      NULL,
      device_softmax_xent,
      { { "loss", 0.08 }, { "lse", 0.14 }, { "dlogits", 0.3 } } },
    { CLSEQ_OP_sigmoid_xent_fwd, NULL, device_sigmoid_xent_fwd, { { "loss", 0.1 } } },
    { CLSEQ_OP_sigmoid_xent_bwd, NULL, device_sigmoid_xent_bwd, { { "dlogits", 0.3 } } },
    { CLSEQ_OP_clip_scale, NULL, device_clip_scale, { { "stats", 0.5 } } },
    { CLSEQ_OP_adam_update,
      NULL,
      device_adam_update,
      { { "w", 0.14 }, { "m", 0.09 }, { "v", 0.09 } } },
    { CLSEQ_OP_momentum_update, NULL, device_momentum_update, { { "w", 0.13 }, { "m", 0.1 } } },
    { CLSEQ_OP_adagrad_update, NULL, device_adagrad_update, { { "w", 0.37 }, { "v", 0.16 } } },
    { CLSEQ_OP_adadelta_update,
      NULL,
      device_adadelta_update,
      { { "w", 0.29 }, { "v", 0.17 }, { "u", 0.22 } } },
    { CLSEQ_OP_rmsprop_update, NULL, device_rmsprop_update, { { "w", 0.36 }, { "v", 0.12 } } },
    { CLSEQ_OP_log_mix, NULL, device_log_mix, { { "y", 0.03 } } },
    { CLSEQ_OP_tanh_fwd, NULL, device_tanh_fwd, { { "y", 0.4 } } },
    { CLSEQ_OP_tanh_bwd, NULL, device_tanh_bwd, { { "dx", 0.6 } } },
    { CLSEQ_OP_masked_softmax_fwd, NULL, device_masked_softmax_fwd, { { "y", 0.55 } } },
    { CLSEQ_OP_masked_softmax_bwd, NULL, device_masked_softmax_bwd, { { "dx", 0.18 } } },
    { CLSEQ_OP_additive_score_fwd, NULL, device_additive_score_fwd, { { "score", 0.28 } } },
    { CLSEQ_OP_additive_score_bwd,
      NULL,
      device_additive_score_bwd,
      { { "dq", 0.8 }, { "dk", 0.75 }, { "dv", 0.15 } } },
    { CLSEQ_OP_normal, NULL, device_normal, { { "dst", 0.14 } } },
};

static void worst_device_passes(void **state)
{
    for (size_t i = 0; i < CLSEQ_ARRAY_SIZE(cases); i++) {
        struct setup s;
        struct worst w = { 0 };

        open_setup(state, &s, cases[i].op);
        if (cases[i].absent)
            op_tensor(cases[i].op, &s.args, cases[i].absent)->buffer = NULL;
        for (int round = 0; round < 500; round++) {
            refill(&s, round);
            run(&s);
            cases[i].device(&s, &w);
        }
        for (int k = 0; k < 3 && cases[i].outputs[k].field; k++) {
            const char *field = cases[i].outputs[k].field;
            const double part = w.largest[op_field(cases[i].op, field)];

            if (part < cases[i].outputs[k].part)
                fail_msg("%s %s: the worst device comes to %.2f of the bound, expected %.2f",
                         clseq_op_name(cases[i].op), field, part, cases[i].outputs[k].part);
        }
        close_setup(&s);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(worst_device_passes),
    };

    return cmocka_run_group_tests_name("tolerance_device", tests, unit_context_create,
                                       unit_context_destroy);
}
