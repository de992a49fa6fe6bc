/* SPDX-License-Identifier: BSD-2-Clause */
/* copy, fill, bias_add, axpby, tanh_fwd, tanh_bwd */
#include "check.h"

#include <math.h>

/* Values that a copy must not touch: signs of zero, numbers below the normal range, infinities. */
static const double odd_values[] = {
    0, -0.0, 1e-40, -1e-45, 3.4e38, -1, (double)INFINITY, -(double)INFINITY
};

static void copy_case(struct check *t, bool is_index, int ndim, int32_t d0, int32_t d1, int32_t d2)
{
    struct check_case *c = check_begin(t, CLSEQ_OP_copy, "%s_rank%d_%d_%d_%d",
                                       is_index ? "i32" : "f32", ndim, d0, d1, d2);

    if (!c)
        return;
    if (is_index) {
        check_index_nd(c, "src", ndim, d0, d1, d2);
        for (size_t i = 0; i < check_find(c, "src")->count; i++)
            check_indices(c, "src")[i] = (int32_t)(check_random(c) & 0x7FFFFFFF) - 0x40000000;
        check_out_index(c, "dst", ndim, d0, d1, d2);
    } else {
        check_real(c, "src", ndim, d0, d1, d2);
        check_sprinkle(c, "src", 0.2, odd_values, (int)CLSEQ_ARRAY_SIZE(odd_values));
        check_out(c, "dst", ndim, d0, d1, d2);
    }
    check_run(c);
}

/* Side by side, as a context and a state are for one product: (M, H) in rows of 2H or more. */
static void side_by_side(struct check *t, enum clseq_op op, const char *from, const char *to)
{
    static const int32_t sizes[][3] = { { 5, 64, 128 }, { 9, 17, 40 }, { 33, 8, 16 }, { 1, 3, 6 } };

    for (int i = 0; i < (int)CLSEQ_ARRAY_SIZE(sizes); i++) {
        const int32_t m = sizes[i][0], n = sizes[i][1], wide = sizes[i][2];

        for (int right = 0; right < 2; right++) {
            const int32_t left = right ? wide - n : 0;
            struct check_case *c = check_begin(t, op, "columns%d_of_%d_m%d_n%d", left, wide, m, n);

            if (!c)
                continue;
            check_real(c, from, 2, m, n, 1);
            check_columns(c, from, wide - n - left, wide);
            if (op == CLSEQ_OP_bias_add)
                check_real(c, "b0", 1, n, 1, 1);
            if (op == CLSEQ_OP_axpby) {
                check_real(c, to, 2, m, n, 1);
                c->args.axpby.alpha = c->args.axpby.beta = 1;
            } else {
                check_out(c, to, 2, m, n, 1);
            }
            check_columns(c, to, left, wide);
            check_run(c);
        }
    }
}

void check_copy(struct check *t)
{
    side_by_side(t, CLSEQ_OP_copy, "src", "dst");
    for (int i = 0; i < check_size_count(t); i++) {
        const int32_t n = check_size(t, i);

        copy_case(t, i % 2 == 0, 1, n, 1, 1);
        copy_case(t, false, 2, n, check_size(t, i + 5), 1);
        copy_case(t, i % 3 == 0, 2, check_size(t, i + 11), n, 1);
        copy_case(t, i % 4 == 1, 3, 1 + i % 4, n, check_size(t, i + 2));
    }
    copy_case(t, false, 3, 2, 0, 3);
    copy_case(t, false, 3, 0, 2, 3);
}

static void fill_case(struct check *t, bool is_index, int ndim, int32_t d0, int32_t d1, int32_t d2,
                      double value)
{
    struct check_case *c = check_begin(t, CLSEQ_OP_fill, "%s_rank%d_%d_%d_%d_value%g",
                                       is_index ? "i32" : "f32", ndim, d0, d1, d2, value);

    if (!c)
        return;
    if (is_index)
        check_out_index(c, "dst", ndim, d0, d1, d2);
    else
        check_out(c, "dst", ndim, d0, d1, d2);
    c->args.fill.value = value;
    check_run(c);
}

void check_fill(struct check *t)
{
    static const double reals[] = { 0, -0.0, 1, 0.1, -1e30, 1e-30, (double)INFINITY };
    static const double integers[] = { 0, -1, 5, 2147483647.0, -2147483648.0 };

    for (int i = 0; i < check_size_count(t); i++) {
        const int32_t n = check_size(t, i), m = check_size(t, i + 4);
        const double real = reals[i % (int)CLSEQ_ARRAY_SIZE(reals)];
        const double integer = integers[i % (int)CLSEQ_ARRAY_SIZE(integers)];

        fill_case(t, false, 1, n, 1, 1, real);
        fill_case(t, false, 2, m, n, 1, real);
        fill_case(t, true, 2, n, m, 1, integer);
        fill_case(t, i % 2 == 0, 3, 3, n, m, i % 2 == 0 ? integer : real);
    }
    for (int i = 0; i < (int)CLSEQ_ARRAY_SIZE(reals); i++)
        fill_case(t, false, 1, 9, 1, 1, reals[i]);
    for (int i = 0; i < (int)CLSEQ_ARRAY_SIZE(integers); i++)
        fill_case(t, true, 1, 9, 1, 1, integers[i]);
}

static void bias_add_case(struct check *t, int32_t m, int32_t n, bool two, bool in_place)
{
    struct check_case *c = check_begin(t, CLSEQ_OP_bias_add, "m%d_n%d%s%s", m, n, two ? "_two" : "",
                                       in_place ? "_inplace" : "");

    if (!c)
        return;
    check_real(c, "x", 2, m, n, 1);
    check_real(c, "b0", 1, n, 1, 1);
    if (two)
        check_real(c, "b1", 1, n, 1, 1);
    check_out(c, "y", 2, m, n, 1);
    if (in_place)
        check_alias(c, "y");
    check_run(c);
}

void check_bias_add(struct check *t)
{
    side_by_side(t, CLSEQ_OP_bias_add, "x", "y");
    for (int i = 0; i < check_size_count(t); i++) {
        const int32_t n = check_size(t, i);

        bias_add_case(t, check_size(t, i + 3), n, i % 2 == 0, false);
        bias_add_case(t, check_size(t, i + 8), n, i % 2 == 1, true);
        bias_add_case(t, 2, n, i % 2 == 1, i % 3 == 0);
    }
}

static void axpby_case(struct check *t, int ndim, int32_t m, int32_t n, double alpha, double beta)
{
    struct check_case *c =
        check_begin(t, CLSEQ_OP_axpby, "rank%d_%d_%d_alpha%g_beta%g", ndim, m, n, alpha, beta);

    if (!c)
        return;
    check_real(c, "x", ndim, m, n, 1);
    check_real(c, "y", ndim, m, n, 1);
    c->args.axpby.alpha = alpha;
    c->args.axpby.beta = beta;
    check_run(c);
}

void check_axpby(struct check *t)
{
    static const double alphas[] = { 1, -0.75, 0.1, 0 }, betas[] = { 0, 1, 0.5, -1 };

    side_by_side(t, CLSEQ_OP_axpby, "x", "y");
    for (int i = 0; i < check_size_count(t); i++) {
        const int32_t n = check_size(t, i);

        for (int j = 0; j < 4; j++) {
            axpby_case(t, 1, n, 1, alphas[(i + j) % 4], betas[j]);
            axpby_case(t, 2, check_size(t, i + 7), n, alphas[(i + j + 1) % 4], betas[j]);
        }
    }
}

static void tanh_fwd_case(struct check *t, int ndim, int32_t d0, int32_t d1, int32_t d2, bool edges,
                          bool in_place)
{
    static const double odd[] = { (double)NAN, (double)INFINITY, -(double)INFINITY };
    struct check_case *c = check_begin(t, CLSEQ_OP_tanh_fwd, "rank%d_%d_%d_%d%s%s", ndim, d0, d1,
                                       d2, edges ? "_edges" : "", in_place ? "_inplace" : "");

    if (!c)
        return;
    check_real(c, "x", ndim, d0, d1, d2);
    if (edges) {
        check_edges(c, "x", 0.6);
        check_sprinkle(c, "x", 0.1, odd, (int)CLSEQ_ARRAY_SIZE(odd));
    }
    check_out(c, "y", ndim, d0, d1, d2);
    if (in_place)
        check_alias(c, "y");
    check_run(c);
}

static void tanh_bwd_case(struct check *t, int ndim, int32_t d0, int32_t d1, int32_t d2,
                          bool in_place)
{
    static const double odd[] = { 0, 1, -1, 0.99999994, -0.99999994, 1e-8, (double)NAN };
    struct check_case *c = check_begin(t, CLSEQ_OP_tanh_bwd, "rank%d_%d_%d_%d%s", ndim, d0, d1, d2,
                                       in_place ? "_inplace" : "");

    if (!c)
        return;
    check_real(c, "y", ndim, d0, d1, d2);
    check_fill_uniform(c, "y", -1, 1);
    check_sprinkle(c, "y", 0.2, odd, (int)CLSEQ_ARRAY_SIZE(odd));
    check_real(c, "dy", ndim, d0, d1, d2);
    check_out(c, "dx", ndim, d0, d1, d2);
    if (in_place)
        check_alias(c, "dx");
    check_run(c);
}

void check_tanh_fwd(struct check *t)
{
    for (int i = 0; i < check_size_count(t); i++) {
        const int32_t n = check_size(t, i), m = check_size(t, i + 5);

        tanh_fwd_case(t, 1, n, 1, 1, true, i % 2 == 0);
        tanh_fwd_case(t, 2, m, n, 1, i % 3 == 0, i % 2 == 1);
        tanh_fwd_case(t, 3, 1 + i % 4, n, check_size(t, i + 2), i % 3 == 1, i % 2 == 0);
    }
    tanh_fwd_case(t, 2, 3, t->quick ? 301 : 5003, 1, true, false);
}

void check_tanh_bwd(struct check *t)
{
    for (int i = 0; i < check_size_count(t); i++) {
        const int32_t n = check_size(t, i), m = check_size(t, i + 5);

        tanh_bwd_case(t, 1, n, 1, 1, i % 2 == 0);
        tanh_bwd_case(t, 2, m, n, 1, i % 2 == 1);
        tanh_bwd_case(t, 3, 1 + i % 4, n, check_size(t, i + 2), i % 2 == 0);
    }
}
