/* SPDX-License-Identifier: BSD-2-Clause */
/* log_mix, sample */
#include "check.h"

#include <math.h>

enum mix { MIX_NORMAL, MIX_SAME, MIX_NONE, MIX_LARGE, MIX_NAN, MIX_KINDS };

static const char *const mix_name[MIX_KINDS] = { "normal", "same", "minusinf", "large", "nan" };

/* Logits of both models; the sums are those of random rows, which is all the contract asks for. */
static void fill_mix(struct check_case *c, enum mix kind)
{
    const double none = -(double)INFINITY, nan_value = (double)NAN;
    struct check_operand *x = check_find(c, "x"), *y = check_find(c, "y");

    check_fill_uniform(c, "x_lse", 1, 9);
    check_fill_uniform(c, "y_lse", 1, 9);
    for (size_t i = 0; i < x->count && kind == MIX_SAME; i++)
        x->real[i] = y->real[i];
    for (int32_t m = 0; m < y->view.dims[0] && kind == MIX_SAME; m++)
        check_values(c, "x_lse")[m] = check_values(c, "y_lse")[m];
    for (size_t i = 0; i < x->count && kind == MIX_LARGE; i++) {
        x->real[i] = (double)(float)(x->real[i] * 60);
        y->real[i] = (double)(float)(y->real[i] * 60);
    }
    if (kind == MIX_NONE) {
        check_sprinkle(c, "x", 0.4, &none, 1);
        check_sprinkle(c, "y", 0.4, &none, 1);
    }
    if (kind == MIX_NAN) {
        check_sprinkle(c, "x", 0.1, &nan_value, 1);
        check_sprinkle(c, "y", 0.1, &nan_value, 1);
    }
}

static void mix_case(struct check *t, int32_t m, int32_t n, enum mix kind, double weight)
{
    struct check_case *c =
        check_begin(t, CLSEQ_OP_log_mix, "m%d_v%d_%s_w%g", m, n, mix_name[kind], weight);

    if (!c)
        return;
    check_real(c, "x", 2, m, n, 1);
    check_real(c, "x_lse", 1, m, 1, 1);
    check_real(c, "y_lse", 1, m, 1, 1);
    check_real(c, "y", 2, m, n, 1);
    fill_mix(c, kind);
    c->args.log_mix.weight = weight;
    check_run(c);
}

void check_log_mix(struct check *t)
{
    static const double weights[] = { 0.5, 1 / 3.0, 0.1, 0.9 };

    for (int i = 0; i < check_size_count(t); i++) {
        for (int kind = 0; kind < MIX_KINDS; kind++)
            mix_case(t, check_size(t, i), check_size(t, i + 3 * kind), (enum mix)kind,
                     weights[(i + kind) % 4]);
    }
    mix_case(t, 3, t->quick ? 301 : 8003, MIX_NORMAL, 0.25);
}

enum rows { ROWS_NORMAL, ROWS_TIES, ROWS_PEAKED, ROWS_EDGES, ROWS_BROKEN, ROWS_KINDS };

static const char *const rows_name[ROWS_KINDS] = { "normal", "ties", "peaked", "edges", "broken" };

static void fill_row(struct check_case *c, double *x, int32_t n, enum rows kind)
{
    static const double edges[] = { 0, -0.0, 1e-40, -1e-40, -(double)INFINITY, 3e38, -3e38, 20 };
    static const double broken[] = { (double)NAN, (double)INFINITY };

    for (int32_t v = 0; v < n; v++) {
        if (kind == ROWS_TIES)
            x[v] = 0.5 * check_below(c, 6);
        else if (kind == ROWS_PEAKED)
            x[v] = (double)(float)(9 * x[v]);
        else if (kind == ROWS_EDGES && check_below(c, 2) == 0)
            x[v] = edges[check_below(c, (int32_t)CLSEQ_ARRAY_SIZE(edges))];
    }
    if (kind == ROWS_BROKEN && check_below(c, 3) > 0)
        x[check_below(c, n)] = broken[check_below(c, 2)];
    for (int32_t v = 0; kind == ROWS_BROKEN && v < n && x[0] < -0.5; v++)
        x[v] = -(double)INFINITY;
}

static void sample_case(struct check *t, int32_t m, int32_t n, enum rows kind, double temperature,
                        int32_t top_k, double top_p)
{
    struct check_case *c = check_begin(t, CLSEQ_OP_sample, "m%d_v%d_%s_t%g_k%d_p%g", m, n,
                                       rows_name[kind], temperature, top_k, top_p);

    if (!c)
        return;
    check_real(c, "x", 2, m, n, 1);
    check_index_nd(c, "counter", 2, m, 2, 1);
    for (int32_t row = 0; row < m; row++) {
        fill_row(c, check_values(c, "x") + (size_t)row * (size_t)n, n, kind);
        check_indices(c, "counter")[2 * row] = (int32_t)check_random(c);
        check_indices(c, "counter")[2 * row + 1] = (int32_t)check_random(c);
    }
    check_out(c, "index", 1, m, 1, 1);
    c->args.sample.temperature = temperature;
    c->args.sample.top_k = top_k;
    c->args.sample.top_p = top_p;
    c->args.sample.step = (uint32_t)check_below(c, 1000);
    c->args.sample.seed = check_random(c);
    check_run(c);
}

void check_sample(struct check *t)
{
    static const double temperatures[] = { 1, 0.7, 3, 0.01 }, shares[] = { 1, 0.9, 0.3, 1e-12 };
    static const int32_t counts[] = { 0, 5, 1, 40 };

    for (int i = 0; i < check_size_count(t); i++) {
        for (int kind = 0; kind < ROWS_KINDS; kind++) {
            const int32_t n = check_size(t, i + 3 * kind);

            sample_case(t, check_size(t, i), n > 0 ? n : 5, (enum rows)kind,
                        temperatures[(i + kind) % 4], counts[i / 2 % 4],
                        shares[(i + kind) / 2 % 4]);
            sample_case(t, 1 + i % 5, n > 0 ? n : 5, (enum rows)kind, 1, 0, 1);
        }
    }
    for (int i = 0; i < 4; i++) {
        sample_case(t, 3, t->quick ? 301 : 8003, ROWS_NORMAL, 1, counts[i], shares[3 - i]);
        sample_case(t, 3, t->quick ? 301 : 8003, ROWS_PEAKED, 1, counts[3 - i], shares[i]);
    }
    if (!t->quick)
        sample_case(t, 2, 80001, ROWS_NORMAL, 1, 1000, 0.95);
}
