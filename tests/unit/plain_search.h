/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Greedy and beam search written down plainly: one sentence at a time, every
 * continuation of every hypothesis, no early stop; and random sentences to search.
 * What the next word may be is asked of a plain_model.
 */
#ifndef CLSEQ_PLAIN_SEARCH_H
#define CLSEQ_PLAIN_SEARCH_H

#include "decode_unit.h"

#include "data/batch_input.h"
#include "decode/search.h"

enum {
    SENTENCES = 9,
    WORDS_MAX = 6,
    LIMIT_MAX = 2 * WORDS_MAX + 10,
    V_MAX = 8,
    BEAM_MAX = 6,
    POOL_MAX = BEAM_MAX * LIMIT_MAX,
};

struct plain_hypothesis {
    int32_t ids[LIMIT_MAX]; /* end token and all */
    int32_t n;
    double score;
    bool complete;
};

struct plain_model {
    void *user;
    int32_t V;
    /* Go to another sentence, without its end token. */
    void (*begin)(void *user, const int32_t *words, int32_t n);
    /* gain[i][v]: log-probability of word v after h[i], for `count` hypotheses of equal length. */
    void (*next)(void *user, const struct plain_hypothesis *const *h, int32_t count,
                 double gain[][V_MAX]);
};

double plain_normalised(const struct plain_hypothesis *h, double penalty);

/* All results of a sentence in their order, up to POOL_MAX + BEAM_MAX; returns how many. */
int32_t plain_beam(const struct plain_model *m, const int32_t *words, int32_t n, int32_t limit,
                   int32_t K, double penalty, struct plain_hypothesis *ret);
struct plain_hypothesis plain_greedy(const struct plain_model *m, const int32_t *words, int32_t n,
                                     int32_t limit);

/* ---- sentences to search ---- */

struct sentences {
    int32_t B, words[SENTENCES][WORDS_MAX], length[SENTENCES], limit[SENTENCES];
    uint64_t line[SENTENCES];
    clseq_batch batch;
};

/* Random sentences of 1 to WORDS_MAX words, in no order of length. */
void fill_sentences(const struct place *p, struct sentences *s, int32_t vocabulary, uint64_t seed);

/* The same batch with sentence b alone. */
void fill_alone(const struct place *p, const struct sentences *all, int32_t b, struct sentences *s);

clseq_search_job job_of(const struct sentences *s, int32_t beam, int32_t nbest, double penalty);

void plan_search(const struct place *p, clseq_decoder_state *st, const struct sentences *s,
                 int32_t beam);

/* ---- both on the same sentences ---- */

/* What comparisons met, so that none passes for want of cases. */
struct seen {
    int complete, cut, long_ones, compacted, several;
};

/* The search's results of these sentences are those of the plain one. */
void expect_plain_greedy(const struct place *p, clseq_seq2seq *model, const struct plain_model *m,
                         uint64_t seed, struct seen *seen);
void expect_plain_beam(const struct place *p, clseq_seq2seq *model, const struct plain_model *m,
                       int32_t K, int32_t nbest, double penalty, uint64_t seed, struct seen *seen);

#endif
