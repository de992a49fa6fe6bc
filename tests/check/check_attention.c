/* SPDX-License-Identifier: BSD-2-Clause */
/* masked_softmax_fwd, masked_softmax_bwd, additive_score_fwd, additive_score_bwd */
#include "check.h"

#include <math.h>

/* Words of each sentence: of all lengths, some negative and some too large. */
static void add_lengths(struct check_case *c, int32_t B, int32_t S)
{
    check_index(c, "length", B);
    check_lengths(c, "length", S / 2, S);
    if (B > 6) {
        check_indices(c, "length")[0] = -3;
        check_indices(c, "length")[1] = S + 5;
    }
}

/* Behind the end of a sentence anything may stand: it must not be looked at. */
static void spoil_padding(struct check_case *c, int32_t B, int32_t T, int32_t S)
{
    static const double values[] = { (double)NAN, (double)INFINITY, 1e30, 0 };

    for (int32_t r = 0; r < B * T; r++) {
        const int32_t length = check_indices(c, "length")[r / T];

        for (int32_t s = length < 0 ? 0 : length; s < S; s++)
            check_values(c, "x")[(size_t)r * (size_t)S + (size_t)s] =
                values[check_below(c, (int32_t)CLSEQ_ARRAY_SIZE(values))];
    }
}

enum scores { SCORES_NORMAL, SCORES_EDGES, SCORES_LARGE, SCORES_ODD, SCORES_KINDS };

static const char *const scores_name[SCORES_KINDS] = { "normal", "edges", "large", "odd" };

static void fill_scores(struct check_case *c, enum scores kind)
{
    static const double odd[] = { (double)NAN, (double)INFINITY, -(double)INFINITY,
                                  -(double)INFINITY, -1e30 };
    struct check_operand *x = check_find(c, "x");

    if (kind == SCORES_EDGES)
        check_edges(c, "x", 0.7);
    if (kind == SCORES_ODD) /* few, so that some rows are numbers */
        check_sprinkle(c, "x", 0.05, odd, (int)CLSEQ_ARRAY_SIZE(odd));
    for (size_t i = 0; kind == SCORES_LARGE && i < x->count; i++)
        x->real[i] = (double)(float)(x->real[i] * 1e4); /* overflows without the maximum */
}

/* Rows or sentences outermost in memory. */
static void fwd_case(struct check *t, int32_t B, int32_t T, int32_t S, enum scores kind,
                     bool with_length, bool in_place, bool swapped)
{
    struct check_case *c = check_begin(t, CLSEQ_OP_masked_softmax_fwd, "b%d_t%d_s%d_%s%s%s%s", B, T,
                                       S, scores_name[kind], with_length ? "_length" : "",
                                       in_place ? "_inplace" : "", swapped ? "_swapped" : "");

    if (!c)
        return;
    check_real(c, "x", 3, B, T, S);
    fill_scores(c, kind);
    if (with_length) {
        add_lengths(c, B, S);
        spoil_padding(c, B, T, S);
    }
    check_out(c, "y", 3, B, T, S);
    if (swapped) {
        check_swapped(c, "x");
        check_swapped(c, "y");
    }
    if (in_place)
        check_alias(c, "y");
    check_run(c);
}

void check_masked_softmax_fwd(struct check *t)
{
    for (int i = 0; i < check_size_count(t); i++) {
        const int32_t S = check_size(t, i);

        for (int kind = 0; kind < SCORES_KINDS; kind++) {
            fwd_case(t, 1 + (i + kind) % 9, 1 + (i * 5 + kind) % 6, S, (enum scores)kind,
                     (i + kind) % 3 != 0, (i + kind) % 2 == 0, kind % 2 == i % 2);
            fwd_case(t, 9, 1, S, (enum scores)kind, (i + kind) % 3 != 1, kind % 2 == 0, false);
        }
        fwd_case(t, check_size(t, i + 7), 2, 5, SCORES_NORMAL, true, false, false);
        fwd_case(t, 2, check_size(t, i + 7), 6, SCORES_NORMAL, true, true, true);
    }
    fwd_case(t, 3, 2, t->quick ? 301 : 1003, SCORES_NORMAL, false, false, false);
}

static void bwd_case(struct check *t, int32_t B, int32_t T, int32_t S, bool in_place, bool swapped)
{
    struct check_case *c = check_begin(t, CLSEQ_OP_masked_softmax_bwd, "b%d_t%d_s%d%s%s", B, T, S,
                                       in_place ? "_inplace" : "", swapped ? "_swapped" : "");
    const double zero = 0, nan = (double)NAN;

    if (!c)
        return;
    check_real(c, "y", 3, B, T, S);
    check_fill_uniform(c, "y", 0, S > 0 ? 2.0 / S : 1);
    check_sprinkle(c, "y", 0.3, &zero, 1); /* behind the end */
    check_real(c, "dy", 3, B, T, S);
    if (B == 2)
        check_sprinkle(c, "dy", 0.02, &nan, 1);
    check_out(c, "dx", 3, B, T, S);
    if (swapped) {
        check_swapped(c, "y");
        check_swapped(c, "dy");
        check_swapped(c, "dx");
    }
    if (in_place)
        check_alias(c, "dx");
    check_run(c);
}

void check_masked_softmax_bwd(struct check *t)
{
    for (int i = 0; i < check_size_count(t); i++) {
        const int32_t S = check_size(t, i);

        bwd_case(t, 1 + i % 9, 1 + (i * 5) % 6, S, i % 2 == 0, i % 3 == 0);
        bwd_case(t, 2 + i % 2, 3, S, i % 2 == 1, i % 3 == 1);
        bwd_case(t, check_size(t, i + 7), 1, 6, i % 2 == 0, i % 3 == 2);
        bwd_case(t, 3, check_size(t, i + 7), 5, i % 2 == 1, i % 3 == 0);
    }
    bwd_case(t, 3, 2, t->quick ? 301 : 1003, false, false);
}

struct additive_shape {
    int32_t T, B, S, A;
    bool with_length, edges;
};

/* Behind the end of a sentence anything may stand: NaN in its keys, or in its scores. `outer` is
 * the number of words (keys) or of steps (scores). */
static void spoil(struct check_case *c, const char *name, const struct additive_shape *s)
{
    const int32_t *length = check_indices(c, "length");
    double *x = check_values(c, name);

    for (size_t i = 0; i < check_find(c, name)->count; i++) {
        const bool is_key = name[0] == 'k';
        const int32_t word = (int32_t)(is_key ? i / (size_t)(s->B * s->A) : i % (size_t)s->S);
        const int32_t b =
            (int32_t)(is_key ? i / (size_t)s->A % (size_t)s->B : i / (size_t)(s->T * s->S));

        if (word >= length[b] && check_below(c, 2))
            x[i] = (double)NAN;
    }
}

static void add_states(struct check_case *c, const struct additive_shape *s)
{
    check_real(c, "q", 3, s->T, s->B, s->A);
    check_real(c, "k", 3, s->S, s->B, s->A);
    check_real(c, "v", 1, s->A, 1, 1);
    if (s->edges) { /* saturated, tiny, and sums that cancel */
        check_edges(c, "q", 0.4);
        check_edges(c, "k", 0.4);
        for (size_t i = 0; i < check_find(c, "q")->count && i < check_find(c, "k")->count; i += 3)
            check_values(c, "k")[i] = -check_values(c, "q")[i];
    }
    if (s->with_length) {
        add_lengths(c, s->B, s->S);
        spoil(c, "k", s);
    }
}

static void additive_fwd_case(struct check *t, struct additive_shape s)
{
    struct check_case *c =
        check_begin(t, CLSEQ_OP_additive_score_fwd, "t%d_b%d_s%d_a%d%s%s", s.T, s.B, s.S, s.A,
                    s.with_length ? "_length" : "", s.edges ? "_edges" : "");

    if (!c)
        return;
    add_states(c, &s);
    check_out(c, "score", 3, s.B, s.T, s.S);
    check_run(c);
}

void check_additive_score_fwd(struct check *t)
{
    for (int i = 0; i < check_size_count(t); i++) {
        const int32_t n = check_size(t, i), few = 1 + i % 4;

        additive_fwd_case(t, (struct additive_shape) { few, 3, 5, n, i % 2, i % 3 == 0 });
        additive_fwd_case(t, (struct additive_shape) { 1, 8, 3 + few, n, i % 2 == 0, false });
        additive_fwd_case(t, (struct additive_shape) { 2, few, n, 9, i % 2, i % 3 == 1 });
        additive_fwd_case(t, (struct additive_shape) { n, 2, few, 17, i % 2 == 0, false });
        additive_fwd_case(t, (struct additive_shape) { few, n, 2, 6, true, i % 3 == 2 });
    }
}

static void additive_bwd_case(struct check *t, struct additive_shape s, double beta)
{
    struct check_case *c =
        check_begin(t, CLSEQ_OP_additive_score_bwd, "t%d_b%d_s%d_a%d_beta%g%s%s", s.T, s.B, s.S,
                    s.A, beta, s.with_length ? "_length" : "", s.edges ? "_edges" : "");

    if (!c)
        return;
    check_real(c, "dscore", 3, s.B, s.T, s.S);
    add_states(c, &s);
    if (s.with_length)
        spoil(c, "dscore", &s);
    check_out(c, "dq", 3, s.T, s.B, s.A);
    check_real(c, "dk", 3, s.S, s.B, s.A);
    check_real(c, "dv", 1, s.A, 1, 1);
    c->args.additive_score_bwd.beta = beta;
    check_run(c);
}

/* Sentences of more words than a work-item holds at a time, too. */
void check_additive_score_bwd(struct check *t)
{
    static const double betas[] = { 0, 1, 0.5 };

    for (int i = 0; i < check_size_count(t); i++) {
        const int32_t n = check_size(t, i), few = 1 + i % 4;
        const double beta = betas[i % 3], other = betas[(i + 1) % 3];

        additive_bwd_case(t, (struct additive_shape) { few, 3, 5, n, i % 2, i % 3 == 0 }, beta);
        additive_bwd_case(t, (struct additive_shape) { 1, 8, few, n, i % 2 == 0, false }, other);
        additive_bwd_case(t, (struct additive_shape) { 2, few, n, 9, i % 2, i % 3 == 1 }, other);
        additive_bwd_case(t, (struct additive_shape) { n, 2, few, 17, i % 2 == 0, false }, beta);
        additive_bwd_case(t, (struct additive_shape) { few, n, 2, 6, true, i % 3 == 2 }, other);
    }
    additive_bwd_case(t, (struct additive_shape) { 3, 7, t->quick ? 66 : 150, 5, true, false }, 1);
}
