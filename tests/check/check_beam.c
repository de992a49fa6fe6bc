/* SPDX-License-Identifier: BSD-2-Clause */
#include "check.h"

#include <math.h>

enum { EOS = 2, VOCABULARY = 500 };

enum beams {
    BEAMS_NORMAL,
    BEAMS_TIES,     /* coarse scores, so that order decides */
    BEAMS_FINISHED, /* many hypotheses that have ended */
    BEAMS_FIRST,    /* the first step: one live hypothesis a sentence */
    BEAMS_EMPTY,    /* unused slots anywhere, some sentences with none in use */
    BEAMS_NAN,      /* rows that topk found broken */
    BEAMS_KINDS
};

static const char *const beams_name[BEAMS_KINDS] = { "normal", "ties",  "finished",
                                                     "first",  "empty", "nan" };

/* One row as topk and softmax leave it: descending values, distinct indices, lse above the
 * largest. */
static void fill_row(struct check_case *c, int32_t row, int32_t K, enum beams kind)
{
    double *value = check_values(c, "value") + (size_t)row * (size_t)K;
    int32_t *index = check_indices(c, "index") + (size_t)row * (size_t)K;
    double next = check_draw(c, 0, 4);
    const bool broken = kind == BEAMS_NAN && check_below(c, 3) == 0;

    for (int32_t j = 0; j < K; j++) {
        if (kind == BEAMS_TIES)
            next -= 0.25 * check_below(c, 3);
        else
            next -= check_draw(c, 0, 0.5);
        next = (double)(float)next;
        value[j] = broken ? (double)NAN : next;
        index[j] = broken ? -1 : (EOS + row * 7 + j) % VOCABULARY;
    }
    check_values(c, "lse")[row] = kind == BEAMS_TIES ? 5 : check_draw(c, 4, 6);
    check_values(c, "score")[row] =
        kind == BEAMS_TIES ? -0.25 * check_below(c, 4) : check_draw(c, -3, 0);
    check_indices(c, "token")[row] = 3 + check_below(c, VOCABULARY - 3);
    if (check_below(c, kind == BEAMS_FINISHED ? 2 : 6) == 0)
        check_indices(c, "token")[row] = EOS;
    if ((kind == BEAMS_FIRST && row % K != 0) ||
        (kind == BEAMS_EMPTY && (check_below(c, 2) == 0 || row < K)))
        check_values(c, "score")[row] = -(double)INFINITY;
}

static void beam_case(struct check *t, int32_t B, int32_t K, enum beams kind)
{
    struct check_case *c =
        check_begin(t, CLSEQ_OP_beam_advance, "b%d_k%d_%s", B, K, beams_name[kind]);
    const int32_t rows = B * K;

    if (!c)
        return;
    check_real(c, "value", 2, rows, K, 1);
    check_index_nd(c, "index", 2, rows, K, 1);
    check_real(c, "lse", 1, rows, 1, 1);
    check_real(c, "score", 1, rows, 1, 1);
    check_index(c, "token", rows);
    for (int32_t row = 0; row < rows; row++)
        fill_row(c, row, K, kind);
    check_out(c, "new_score", 1, rows, 1, 1);
    check_out(c, "new_token", 1, rows, 1, 1);
    check_out(c, "parent", 1, rows, 1, 1);
    c->args.beam_advance.beam = K;
    c->args.beam_advance.eos = EOS;
    check_run(c);
}

void check_beam_advance(struct check *t)
{
    static const int32_t sentences[] = { 1, 2, 3, 17 }, beams[] = { 1, 2, 3, 5, 8, 12 };

    const int step = t->quick ? 2 : 1;

    for (int i = 0; i < (int)CLSEQ_ARRAY_SIZE(sentences); i += step) {
        for (int j = 0; j < (int)CLSEQ_ARRAY_SIZE(beams); j += step) {
            for (int kind = 0; kind < BEAMS_KINDS; kind++)
                beam_case(t, sentences[i], beams[j], (enum beams)kind);
        }
    }
    for (int kind = 0; kind < BEAMS_KINDS; kind++)
        beam_case(t, 2, t->quick ? 16 : CLSEQ_TOPK_MAX, (enum beams)kind);
    beam_case(t, 0, 4, BEAMS_NORMAL);
}
