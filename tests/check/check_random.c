/* SPDX-License-Identifier: BSD-2-Clause */
/* uniform, normal, dropout */
#include "check.h"

#include <math.h>

static void uniform_case(struct check *t, int ndim, int32_t m, int32_t n, float low, float high)
{
    struct check_case *c = check_begin(t, CLSEQ_OP_uniform, "rank%d_%d_%d_from%g_to%g", ndim, m, n,
                                       (double)low, (double)high);

    if (!c)
        return;
    check_out(c, "dst", ndim, m, n, 1);
    c->args.uniform.seed = check_random(c);
    c->args.uniform.purpose = (uint32_t)check_below(c, 8);
    c->args.uniform.stream = (uint32_t)check_random(c);
    c->args.uniform.low = low;
    c->args.uniform.high = high;
    check_run(c);
}

void check_uniform(struct check *t)
{
    for (int i = 0; i < check_size_count(t); i++) {
        const int32_t n = check_size(t, i), m = check_size(t, i + 4);

        uniform_case(t, 1, n, 1, -0.08f, 0.08f);
        uniform_case(t, 2, m, n, 0.0f, 1.0f);
        uniform_case(t, 2, n, m, -3.7f, 11.1f);
    }
    uniform_case(t, 1, t->quick ? 1003 : 100003, 1, -0.1f, 0.1f);
}

static void normal_case(struct check *t, int ndim, int32_t m, int32_t n, float mean, float std)
{
    struct check_case *c = check_begin(t, CLSEQ_OP_normal, "rank%d_%d_%d_mean%g_std%g", ndim, m, n,
                                       (double)mean, (double)std);

    if (!c)
        return;
    check_out(c, "dst", ndim, m, n, 1);
    c->args.normal.seed = check_random(c);
    c->args.normal.purpose = (uint32_t)check_below(c, 8);
    c->args.normal.stream = (uint32_t)check_random(c);
    c->args.normal.mean = mean;
    c->args.normal.std = std;
    check_run(c);
}

void check_normal(struct check *t)
{
    for (int i = 0; i < check_size_count(t); i++) {
        const int32_t n = check_size(t, i), m = check_size(t, i + 4);

        normal_case(t, 1, n, 1, 0.0f, 1.0f);
        normal_case(t, 2, m, n, 0.5f, 0.02f);
        normal_case(t, 2, n, m, 0.0f, 0.1f);
    }
    normal_case(t, 1, t->quick ? 1003 : 100003, 1, 0.0f, 1.0f);
}

enum dropout_kind { DROPOUT_PLAIN, DROPOUT_SAME, DROPOUT_SWAPPED, DROPOUT_SAME_SWAPPED };

static void dropout_case(struct check *t, int ndim, int32_t d0, int32_t d1, int32_t d2,
                         enum dropout_kind kind, double p, bool in_place)
{
    static const char *const names[] = { "", "_same", "_swapped", "_same_swapped" };
    static const double odd[] = { 0, -0.0, (double)INFINITY, (double)NAN, 3e38 };
    struct check_case *c = check_begin(t, CLSEQ_OP_dropout, "rank%d_%d_%d_%d_p%g%s%s", ndim, d0, d1,
                                       d2, p, names[kind], in_place ? "_inplace" : "");

    if (!c)
        return;
    check_real(c, "x", ndim, d0, d1, d2);
    check_sprinkle(c, "x", 0.1, odd, (int)CLSEQ_ARRAY_SIZE(odd));
    check_out(c, "y", ndim, d0, d1, d2);
    if (kind == DROPOUT_SWAPPED || kind == DROPOUT_SAME_SWAPPED) {
        check_swapped(c, "x");
        check_swapped(c, "y");
    }
    if (in_place)
        check_alias(c, "y");
    c->args.dropout.p = p;
    c->args.dropout.seed = check_random(c);
    c->args.dropout.step = (uint32_t)check_random(c);
    c->args.dropout.stream = (uint32_t)check_random(c);
    c->args.dropout.purpose = (uint32_t)check_below(c, 12);
    c->args.dropout.same_over_time = kind == DROPOUT_SAME || kind == DROPOUT_SAME_SWAPPED;
    check_run(c);
}

void check_dropout(struct check *t)
{
    static const double rates[] = { 0.5, 0.2, 0, 0.9, 1.0 / 3 };

    for (int i = 0; i < check_size_count(t); i++) {
        const int32_t n = check_size(t, i), m = check_size(t, i + 4);
        const double p = rates[i % (int)CLSEQ_ARRAY_SIZE(rates)];

        dropout_case(t, 2, m, n, 1, DROPOUT_PLAIN, p, i % 2 == 0);
        dropout_case(t, 2, n, m, 1, DROPOUT_PLAIN, 0.25, i % 2 == 1);
        dropout_case(t, 3, 1 + i % 5, 2, n, DROPOUT_PLAIN, p, i % 2 == 1);
        dropout_case(t, 3, 3, 1 + i % 5, n, DROPOUT_SWAPPED, 0.3, i % 2 == 0);
        dropout_case(t, 3, 1 + i % 5, m, 5, DROPOUT_SAME, p, i % 2 == 0);
        dropout_case(t, 3, 2, 1 + i % 3, n, DROPOUT_SAME, 0.4, i % 2 == 1);
        dropout_case(t, 3, n, 2, 6, DROPOUT_SAME_SWAPPED, 0.1, i % 2 == 0);
    }
    dropout_case(t, 2, 2, t->quick ? 1003 : 100003, 1, DROPOUT_PLAIN, 0.3, false);
    dropout_case(t, 3, 3, 2, t->quick ? 403 : 9003, DROPOUT_SAME, 0.3, true);
}
