/* SPDX-License-Identifier: BSD-2-Clause */
#include "check.h"

struct gemm_shape {
    int32_t batch; /* -1: rank 2 */
    int32_t m, n, k;
    const char *swapped; /* operands, "a", "ab", ..., that are batch-major views of time-major
                            tensors; NULL = none */
};

static void gemm_case(struct check *t, struct gemm_shape s, int transposes, double alpha,
                      double beta)
{
    const bool trans_a = (transposes & 1) != 0, trans_b = (transposes & 2) != 0;
    const int32_t a0 = trans_a ? s.k : s.m, a1 = trans_a ? s.m : s.k;
    const int32_t b0 = trans_b ? s.n : s.k, b1 = trans_b ? s.k : s.n;
    struct check_case *c;
    char batch[24] = "";

    if (s.batch >= 0)
        snprintf(batch, sizeof(batch), "_batch%d", s.batch);
    c = check_begin(t, CLSEQ_OP_gemm, "%c%c%s_m%d_n%d_k%d_alpha%g_beta%g%s%s", trans_a ? 't' : 'n',
                    trans_b ? 't' : 'n', batch, s.m, s.n, s.k, alpha, beta,
                    s.swapped ? "_swapped_" : "", s.swapped ? s.swapped : "");
    if (!c)
        return;
    if (s.batch >= 0) {
        check_real(c, "a", 3, s.batch, a0, a1);
        check_real(c, "b", 3, s.batch, b0, b1);
        check_real(c, "c", 3, s.batch, s.m, s.n);
        for (const char *name = s.swapped; name && *name; name++)
            check_swapped(c, (const char[]) { *name, '\0' });
    } else {
        check_real(c, "a", 2, a0, a1, 1);
        check_real(c, "b", 2, b0, b1, 1);
        check_real(c, "c", 2, s.m, s.n, 1);
    }
    c->args.gemm.trans_a = trans_a;
    c->args.gemm.trans_b = trans_b;
    c->args.gemm.alpha = alpha;
    c->args.gemm.beta = beta;
    check_run(c);
}

/* All four transposes; alpha and beta take turns, so that every pair meets every transpose. */
static void gemm_shape_cases(struct check *t, int turn, int32_t batch, int32_t m, int32_t n,
                             int32_t k)
{
    static const double alphas[] = { 1, 1, -0.75, 0.1 }, betas[] = { 0, 1, 0.5 };
    const struct gemm_shape s = { batch, m, n, k, NULL };

    for (int transposes = 0; transposes < 4; transposes++)
        gemm_case(t, s, transposes, alphas[(turn + transposes) % 4],
                  betas[(turn + transposes) % 3]);
}

/* Around the edges of tiles, one dimension off at a time and all together. */
static void gemm_tile_edges(struct check *t)
{
    static const int32_t tiles[] = { 8, 16, 32, 48, 64, 96, 128 };
    const int n = t->quick ? 2 : (int)CLSEQ_ARRAY_SIZE(tiles);

    for (int i = 0; i < n; i++) {
        const int32_t d = tiles[i];

        gemm_shape_cases(t, i, -1, d, d, d);
        gemm_shape_cases(t, i + 1, -1, d + 1, d, d);
        gemm_shape_cases(t, i + 2, -1, d, d + 1, d - 1);
        gemm_shape_cases(t, i + 3, -1, d - 1, d - 1, d + 1);
    }
}

/* One to sixteen rows: decoding and small batches. */
static void gemm_skinny(struct check *t)
{
    const int32_t step = t->quick ? 7 : 1, wide = t->quick ? 33 : 257, deep = t->quick ? 17 : 129;

    for (int32_t m = 1; m <= 16; m += step) {
        gemm_shape_cases(t, m, -1, m, wide, deep);
        gemm_shape_cases(t, m + 1, -1, wide, m, deep);
        gemm_shape_cases(t, m + 2, -1, deep, wide, m);
    }
}

static void gemm_empty_sizes(struct check *t)
{
    static const double betas[] = { 0, 1, 0.5 };

    for (int i = 0; i < 3; i++) {
        for (int transposes = 0; transposes < 4; transposes++) {
            gemm_case(t, (struct gemm_shape) { -1, 5, 19, 0, NULL }, transposes, 1, betas[i]);
            gemm_case(t, (struct gemm_shape) { 2, 17, 3, 0, NULL }, transposes, 1, betas[i]);
            gemm_case(t, (struct gemm_shape) { -1, 0, 19, 4, NULL }, transposes, 1, betas[i]);
            gemm_case(t, (struct gemm_shape) { -1, 5, 0, 4, NULL }, transposes, 1, betas[i]);
            gemm_case(t, (struct gemm_shape) { -1, 33, 18, 7, NULL }, transposes, 0, betas[i]);
        }
    }
}

/* Sizes at which both matrices are packed, and beyond what is packed at a time, in columns, rows
 * and steps. */
static void gemm_packed(struct check *t)
{
    gemm_shape_cases(t, 0, -1, 193, 65, 66);
    if (t->quick)
        return;
    gemm_shape_cases(t, 0, -1, 195, 67, 261);
    gemm_shape_cases(t, 1, -1, 293, 130, 600);
    gemm_shape_cases(t, 2, -1, 201, 70, 1400); /* few columns of much A */
    gemm_case(t, (struct gemm_shape) { -1, 192, 4129, 2049, NULL }, 2, 1, 0.5);
    gemm_case(t, (struct gemm_shape) { -1, 4129, 80, 2049, NULL }, 1, 0.5, 1);
    gemm_case(t, (struct gemm_shape) { -1, 192, 80, 105001, NULL }, 0, 1, 0.5);
}

/* The products of attention: states (T, B, H), scores (B, T, S). */
static void gemm_attention(struct check *t)
{
    static const struct {
        int transposes;
        const char *swapped;
    } kinds[] = {
        { 2, "ab" },  /* scores = queries keys^T */
        { 0, "bc" },  /* context = weights values, written among the states */
        { 2, "ab" },  /* d weights = d context values^T */
        { 1, "bc" },  /* d values = weights^T d context */
        { 0, "abc" }, /* all of them */
        { 3, "abc" }, { 1, "a" },
    };
    static const double betas[] = { 0, 1, 0.5 };
    const int32_t H = t->quick ? 19 : 70;

    for (int i = 0; i < (int)CLSEQ_ARRAY_SIZE(kinds); i++) {
        const int transposes = kinds[i].transposes;
        const bool deep = i == 0 || i == 2; /* the sum is over H */

        for (int beta = 0; beta < 3; beta++) {
            const double b = betas[beta];
            const char *const swapped = kinds[i].swapped;

            gemm_case(t, (struct gemm_shape) { 4, 5, deep ? 7 : H, deep ? H : 7, swapped },
                      transposes, 1, b);
            gemm_case(t, (struct gemm_shape) { 3, 1, deep ? 9 : H, deep ? H : 9, swapped },
                      transposes, 0.1, b);
            gemm_case(t, (struct gemm_shape) { 1, 6, deep ? 1 : H, deep ? H : 1, swapped },
                      transposes, 1, b);
            gemm_case(t, (struct gemm_shape) { 3, 35, deep ? 26 : H, deep ? H : 26, swapped },
                      transposes, -0.75, b);
            gemm_case(t, (struct gemm_shape) { 2, 5, 6, 0, swapped }, transposes, 1, b);
        }
    }
    if (!t->quick)
        gemm_case(t, (struct gemm_shape) { 3, 70, 130, 300, "abc" }, 2, 1, 0.5);
}

/* Parts of matrices: [context; state] as halves of the rows of A and of a weight, and a C of which
 * another product makes the other half. */
static void gemm_columns(struct check *t, int32_t m, int32_t n, int32_t k, bool trans_b,
                         double beta)
{
    const int32_t bn = trans_b ? n : k, bk = trans_b ? k : n;

    for (int right = 0; right < 2; right++) {
        struct check_case *c =
            check_begin(t, CLSEQ_OP_gemm, "n%c_%s_m%d_n%d_k%d_beta%g", trans_b ? 't' : 'n',
                        right ? "right" : "left", m, n, k, beta);

        if (!c)
            continue;
        check_real(c, "a", 2, m, k, 1);
        check_columns(c, "a", right * k, 2 * k);
        check_real(c, "b", 2, bn, bk, 1);
        check_columns(c, "b", right * bk, 2 * bk);
        check_real(c, "c", 2, m, n, 1);
        check_columns(c, "c", right * n, 2 * n);
        c->args.gemm.trans_b = trans_b;
        c->args.gemm.alpha = 1;
        c->args.gemm.beta = beta;
        check_run(c);
    }
}

/* A vector added to every row, beside C and instead of it; C is part of a wider matrix. */
static void gemm_bias(struct check *t, int32_t m, int32_t n, int32_t k)
{
    static const double alphas[] = { 1, -0.75 }, betas[] = { 0, 1, 0.5 };

    for (int transposes = 0; transposes < 4; transposes++) {
        const bool trans_a = (transposes & 1) != 0, trans_b = (transposes & 2) != 0;

        for (int i = 0; i < (t->quick ? 2 : 3); i++) {
            struct check_case *c =
                check_begin(t, CLSEQ_OP_gemm, "%c%c_bias_m%d_n%d_k%d_beta%g", trans_a ? 't' : 'n',
                            trans_b ? 't' : 'n', m, n, k, betas[i]);

            if (!c)
                continue;
            check_real(c, "a", 2, trans_a ? k : m, trans_a ? m : k, 1);
            check_real(c, "b", 2, trans_b ? n : k, trans_b ? k : n, 1);
            check_real(c, "c", 2, m, n, 1);
            check_columns(c, "c", 3, n + 5);
            check_real(c, "bias", 1, n, 1, 1);
            c->args.gemm.trans_a = trans_a;
            c->args.gemm.trans_b = trans_b;
            c->args.gemm.alpha = alphas[(transposes + i) % 2];
            c->args.gemm.beta = betas[i];
            check_run(c);
        }
    }
}

/* Every way a product is made: few rows and some, with sums in one part and in several; large ones
 * of few and of many columns; nothing to sum. */
static void gemm_biases(struct check *t)
{
    static const struct {
        int32_t m, n, k;
    } sizes[] = { { 1, 37, 70 },   { 5, 17, 300 },   { 35, 45, 19 },
                  { 195, 67, 66 }, { 201, 70, 261 }, { 3, 9, 0 } };

    for (size_t i = 0; i < CLSEQ_ARRAY_SIZE(sizes); i++)
        gemm_bias(t, sizes[i].m, sizes[i].n, sizes[i].k);
    if (t->quick)
        return;
    gemm_bias(t, 201, 70, 1400);
    gemm_bias(t, 64, 130, 2100);
    gemm_bias(t, 193, 4129, 1030);
}

void check_gemm(struct check *t)
{
    for (int i = 0; i < check_size_count(t); i++) {
        const int32_t m = check_size(t, i);

        gemm_shape_cases(t, i, -1, m, check_size(t, i + 4), check_size(t, i + 7));
        gemm_shape_cases(t, i + 1, -1, check_size(t, i + 11), m, check_size(t, i + 5));
    }
    gemm_tile_edges(t);
    gemm_skinny(t);
    gemm_packed(t);
    gemm_empty_sizes(t);
    for (int32_t batch = 0; batch < (t->quick ? 3 : 6); batch++) {
        gemm_shape_cases(t, batch, batch, 7, 17, 9);
        gemm_shape_cases(t, batch + 1, batch, 33, 16, 65);
    }
    gemm_attention(t);
    gemm_biases(t);
    for (int i = 0; i < 4; i++) {
        gemm_columns(t, 7, 33, 18, i & 1, i & 2 ? 1 : 0);
        gemm_columns(t, t->quick ? 50 : 200, 68, 72, i & 1, i & 2 ? 1 : 0);
    }
    /* More than one tile each way; a tile of 128 where a quarter of it is used, so that small
     * devices are filled; sums longer than what goes through local memory at a time. */
    if (t->quick) {
        gemm_shape_cases(t, 0, -1, 65, 66, 34);
        gemm_shape_cases(t, 1, -1, 132, 68, 20);
        gemm_shape_cases(t, 2, -1, 2, 36, 1028);
    } else {
        gemm_shape_cases(t, 0, -1, 200, 300, 1500); /* several blocks of every kind */
        gemm_shape_cases(t, 1, -1, 1030, 70, 60);
        gemm_shape_cases(t, 2, -1, 70, 1030, 300);
        gemm_shape_cases(t, 3, 320, 66, 68, 20); /* tiles for many compute units */
        gemm_shape_cases(t, 0, -1, 4, 1000, 2052);
        gemm_shape_cases(t, 1, -1, 3, 70, 2047);
        gemm_shape_cases(t, 2, -1, 16, 1000, 516);
        gemm_shape_cases(t, 3, -1, 13, 70, 1027);
    }
}
