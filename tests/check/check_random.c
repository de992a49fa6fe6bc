/* SPDX-License-Identifier: BSD-2-Clause */
/* uniform, normal */
#include "check.h"

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
