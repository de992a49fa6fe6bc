/* SPDX-License-Identifier: BSD-2-Clause */
/* sum, sum_squares, col_sums, col_dots, argmax, topk */
#include "check.h"

#include <math.h>

static const double betas[] = { 0, 1, 0.5, -2 };

static void sum_case(struct check *t, enum clseq_op op, int ndim, int32_t m, int32_t n, double beta)
{
    struct check_case *c = check_begin(t, op, "rank%d_%d_%d_beta%g", ndim, m, n, beta);

    if (!c)
        return;
    check_real(c, "x", ndim, m, n, 1);
    check_real(c, "y", 1, 1, 1, 1);
    if (op == CLSEQ_OP_sum)
        c->args.sum.beta = beta;
    else
        c->args.sum_squares.beta = beta;
    check_run(c);
}

static void sum_cases(struct check *t, enum clseq_op op)
{
    for (int i = 0; i < check_size_count(t); i++) {
        const int32_t n = check_size(t, i);

        sum_case(t, op, 1, n, 1, betas[i % 4]);
        sum_case(t, op, 2, check_size(t, i + 5), n, betas[(i + 1) % 4]);
        sum_case(t, op, 2, n, check_size(t, i + 8), betas[(i + 2) % 4]);
    }
    sum_case(t, op, 1, t->quick ? 3001 : 70001, 1, 0); /* more than one work-group takes */
    sum_case(t, op, 2, t->quick ? 30 : 300, 257, 1);
}

void check_sum(struct check *t)
{
    sum_cases(t, CLSEQ_OP_sum);
}

void check_sum_squares(struct check *t)
{
    sum_cases(t, CLSEQ_OP_sum_squares);
}

static void col_sums_case(struct check *t, int32_t m, int32_t n, double beta)
{
    struct check_case *c = check_begin(t, CLSEQ_OP_col_sums, "m%d_n%d_beta%g", m, n, beta);

    if (!c)
        return;
    check_real(c, "x", 2, m, n, 1);
    check_real(c, "y", 1, n, 1, 1);
    c->args.col_sums.beta = beta;
    check_run(c);
}

/* A part of rows of 2n + 3 elements. */
static void col_sums_columns(struct check *t, int32_t m, int32_t n, int32_t left)
{
    struct check_case *c =
        check_begin(t, CLSEQ_OP_col_sums, "columns%d_of_%d_m%d_n%d", left, 2 * n + 3, m, n);

    if (!c)
        return;
    check_real(c, "x", 2, m, n, 1);
    check_columns(c, "x", left, 2 * n + 3);
    check_real(c, "y", 1, n, 1, 1);
    c->args.col_sums.beta = 1;
    check_run(c);
}

void check_col_sums(struct check *t)
{
    for (int right = 0; right < 2; right++) {
        col_sums_columns(t, 5, 64, right * 67);
        col_sums_columns(t, 40, 17, right * 20);
    }
    for (int i = 0; i < check_size_count(t); i++) {
        col_sums_case(t, check_size(t, i), check_size(t, i + 3), betas[i % 4]);
        col_sums_case(t, check_size(t, i), check_size(t, i + 10), betas[(i + 1) % 4]);
    }
    for (int i = 0; i < 4; i++)
        col_sums_case(t, 0, 9, betas[i]);
    col_sums_case(t, t->quick ? 300 : 3000, 33, 1);
}

static void col_dots_case(struct check *t, int32_t m, int32_t n, double beta)
{
    struct check_case *c = check_begin(t, CLSEQ_OP_col_dots, "m%d_n%d_beta%g", m, n, beta);

    if (!c)
        return;
    check_real(c, "x", 2, m, n, 1);
    check_real(c, "z", 2, m, n, 1);
    check_real(c, "y", 1, n, 1, 1);
    c->args.col_dots.beta = beta;
    check_run(c);
}

void check_col_dots(struct check *t)
{
    for (int i = 0; i < check_size_count(t); i++) {
        col_dots_case(t, check_size(t, i), check_size(t, i + 3), betas[i % 4]);
        col_dots_case(t, check_size(t, i), check_size(t, i + 10), betas[(i + 1) % 4]);
    }
    for (int i = 0; i < 4; i++)
        col_dots_case(t, 0, 9, betas[i]);
    col_dots_case(t, t->quick ? 300 : 3000, 33, 1);
    col_dots_case(t, t->quick ? 530 : 1030, 300, 0.5); /* in segments, more than one run */
}

/* What the rows of a search for the largest hold. */
enum rows { ROWS_NORMAL, ROWS_TIES, ROWS_EQUAL, ROWS_INFINITE, ROWS_NAN, ROWS_KINDS };

static const char *const rows_name[ROWS_KINDS] = { "normal", "ties", "equal", "infinite", "nan" };

static void fill_rows(struct check_case *c, const char *name, enum rows kind)
{
    static const double coarse[] = { -1, 0, -0.0, 1, 2 };
    static const double infinite[] = { -(double)INFINITY, (double)INFINITY, 3.4e38, -3.4e38 };
    static const double nan_value[] = { (double)NAN };
    struct check_operand *x = check_find(c, name);

    if (kind == ROWS_TIES)
        check_sprinkle(c, name, 1, coarse, (int)CLSEQ_ARRAY_SIZE(coarse));
    if (kind == ROWS_INFINITE)
        check_sprinkle(c, name, 0.4, infinite, (int)CLSEQ_ARRAY_SIZE(infinite));
    if (kind == ROWS_NAN && x->count > 0) {
        check_sprinkle(c, name, 0.05, nan_value, 1);
        /* the first and the last place of a row are the ones most easily missed */
        x->real[0] = (double)NAN;
        x->real[x->count - 1] = (double)NAN;
    }
    for (size_t i = 0; kind == ROWS_EQUAL && i < x->count; i++)
        x->real[i] = -2.5;
    if (kind == ROWS_INFINITE && x->view.dims[0] > 1) {
        for (int32_t n = 0; n < x->view.dims[1]; n++)
            x->real[n] = -(double)INFINITY;
    }
}

static void argmax_case(struct check *t, int32_t m, int32_t n, enum rows kind)
{
    struct check_case *c = check_begin(t, CLSEQ_OP_argmax, "m%d_n%d_%s", m, n, rows_name[kind]);

    if (!c)
        return;
    check_real(c, "x", 2, m, n, 1);
    fill_rows(c, "x", kind);
    check_out(c, "index", 1, m, 1, 1);
    check_run(c);
}

void check_argmax(struct check *t)
{
    for (int i = 0; i < check_size_count(t); i++) {
        for (int kind = 0; kind < ROWS_KINDS; kind++) {
            const int32_t n = check_size(t, i + 3 * kind);

            argmax_case(t, check_size(t, i), n > 0 ? n : 5, (enum rows)kind);
        }
    }
    argmax_case(t, 3, t->quick ? 301 : 8003, ROWS_NORMAL);
    argmax_case(t, 3, t->quick ? 301 : 8003, ROWS_TIES);
}

/* Few bits, so that no sum rounds and the largest is the same in every order of adding. */
static void make_coarse(struct check_case *c, const char *name)
{
    struct check_operand *x = check_find(c, name);

    for (size_t i = 0; i < x->count; i++)
        x->real[i] = round(x->real[i] * 16) / 16;
}

/* Factors of few values make many equal sums. */
static void gemm_argmax_case(struct check *t, int32_t m, int32_t n, int32_t k, bool biased,
                             enum rows kind)
{
    static const double coarse[] = { -1, 0, -0.0, 1, 2 };
    struct check_case *c = check_begin(t, CLSEQ_OP_gemm_argmax, "m%d_n%d_k%d%s_%s", m, n, k,
                                       biased ? "_bias" : "", rows_name[kind]);

    if (!c)
        return;
    check_real(c, "a", 2, m, k, 1);
    check_real(c, "b", 2, n, k, 1);
    make_coarse(c, "a");
    make_coarse(c, "b");
    if (biased) {
        check_real(c, "bias", 1, n, 1, 1);
        make_coarse(c, "bias");
    }
    if (kind == ROWS_TIES) {
        check_sprinkle(c, "a", 1, coarse, (int)CLSEQ_ARRAY_SIZE(coarse));
        check_sprinkle(c, "b", 1, coarse, (int)CLSEQ_ARRAY_SIZE(coarse));
        if (biased)
            check_sprinkle(c, "bias", 1, coarse, (int)CLSEQ_ARRAY_SIZE(coarse));
    } else if (kind == ROWS_EQUAL) {
        fill_rows(c, "a", kind);
        fill_rows(c, "b", kind);
    } else if (kind != ROWS_NORMAL) {
        fill_rows(c, "b", kind);
    }
    check_out(c, "c", 2, m, n, 1);
    check_out(c, "index", 1, m, 1, 1);
    check_run(c);
}

void check_gemm_argmax(struct check *t)
{
    static const enum rows kinds[] = { ROWS_NORMAL, ROWS_TIES, ROWS_EQUAL, ROWS_NAN };

    for (int i = 0; i < check_size_count(t); i++) {
        for (int kind = 0; kind < (int)CLSEQ_ARRAY_SIZE(kinds); kind++) {
            const int32_t n = check_size(t, i + 3 * kind), k = check_size(t, i + kind + 5);

            gemm_argmax_case(t, check_size(t, i), n > 0 ? n : 5, k, (i + kind) % 2 == 0,
                             kinds[kind]);
        }
    }
    /* Rows that sum in parts; more columns than a group; more steps than a part. */
    for (int kind = 0; kind < (int)CLSEQ_ARRAY_SIZE(kinds); kind++) {
        gemm_argmax_case(t, 37, t->quick ? 101 : 1003, 40, true, kinds[kind]);
        gemm_argmax_case(t, 64, t->quick ? 96 : 960, t->quick ? 70 : 1100, kind % 2 == 0,
                         kinds[kind]);
    }
}

static void topk_case(struct check *t, int32_t m, int32_t n, int32_t k, enum rows kind)
{
    struct check_case *c =
        check_begin(t, CLSEQ_OP_topk, "m%d_n%d_k%d_%s", m, n, k, rows_name[kind]);

    if (!c)
        return;
    check_real(c, "x", 2, m, n, 1);
    fill_rows(c, "x", kind);
    check_out(c, "value", 2, m, k, 1);
    check_out(c, "index", 2, m, k, 1);
    check_run(c);
}

void check_topk(struct check *t)
{
    static const int32_t ks[] = { 1, 2, 3, 5, 8, 12, 17, CLSEQ_TOPK_MAX };

    for (int i = 0; i < check_size_count(t); i++) {
        for (int kind = 0; kind < ROWS_KINDS; kind++) {
            const int32_t n = check_size(t, i + 5 * kind) + 1;
            const int32_t k = ks[(i + kind) % (int)CLSEQ_ARRAY_SIZE(ks)];

            topk_case(t, check_size(t, i), n, k < n ? k : n, (enum rows)kind);
        }
    }
    topk_case(t, 3, t->quick ? 301 : 8003, 5, ROWS_NORMAL);
    topk_case(t, 3, t->quick ? 301 : 8003, CLSEQ_TOPK_MAX, ROWS_TIES);
    topk_case(t, 4, CLSEQ_TOPK_MAX, CLSEQ_TOPK_MAX, ROWS_NORMAL);
}
