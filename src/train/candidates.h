/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The words drawn for sampled softmax (nn/sampled_output.h), without replacement and as
 * a function of (seed, update) alone: word w with rate q[w] gets the key
 *
 *     -log(u[w]) / q[w],  u[w] uniform in (0, 1),
 *
 * and the words with the S smallest keys are drawn, as if words came one by one with
 * probabilities q and repetitions did not count (Efraimidis and Spirakis 2006). With t
 * the next key, a word is below it with probability p[w] = 1 - exp(-q[w] t): the
 * expected count by which logits are corrected. S = V draws every word, with p = 1.
 *
 *     log-uniform   q[w] = log((w + 2) / (w + 1)) / log(V + 1): Zipf's law, for
 *                   vocabularies in the order of frequency, as ours are
 *     unigram       q[w] in proportion to count[w]^power in the training text, the count
 *                   being at least 1
 */
#ifndef CLSEQ_CANDIDATES_H
#define CLSEQ_CANDIDATES_H

#include "model/seq2seq.h"

#include <clseq/corpus.h>
#include <clseq/train.h>

typedef struct clseq_candidates {
    clseq_context *ctx;          /* borrowed */
    int32_t vocabulary, samples; /* V, S <= V; samples 0: the softmax is over all words */
    int32_t most;                /* columns of a batch */
    uint64_t seed;
    bool has_drawn;
    uint64_t update;             /* the draw at hand is of this one */
    double *rate, *key, *sorted; /* (V) q, keys and scratch; owned */
    int32_t *column;             /* (V) of each word; -1: none; owned */
    int32_t *words;              /* (most) owned */
    float *shift;                /* (most) owned */
    int32_t *target;             /* (targets) owned */
    size_t targets;
    double threshold; /* t */
    struct clseq_input_candidates input;
} clseq_candidates;

/* For up to `targets` real targets a batch; `rate` (V) is copied and need not add up to 1.
 * Release with clseq_candidates_fini(), also after a failure. Errors: CLSEQ_ERR_NOMEM. */
CLSEQ_MUST_CHECK clseq_status clseq_candidates_init(clseq_candidates *candidates,
                                                    clseq_context *ctx, const double *rate,
                                                    int32_t vocabulary, int32_t samples,
                                                    size_t targets, uint64_t seed);

/* The same with the rates that the options ask for; `corpus` is the training text, which NULL
 * says log-uniform whatever they ask. Draws nothing with the softmax over all words. */
CLSEQ_MUST_CHECK clseq_status clseq_candidates_init_for(clseq_candidates *candidates,
                                                        clseq_context *ctx,
                                                        const struct clseq_train_options *options,
                                                        const clseq_corpus *corpus,
                                                        int32_t vocabulary, size_t targets);
void clseq_candidates_fini(clseq_candidates *candidates);

/* What clseq_seq2seq_create_sampled() takes. */
int32_t clseq_candidates_samples(const struct clseq_train_options *options, int32_t vocabulary);

/* The candidates of a batch of this update become part of its input. They are valid until the next
 * call. Errors: CLSEQ_ERR_INTERNAL (more targets than planned). */
CLSEQ_MUST_CHECK clseq_status clseq_candidates_add(clseq_candidates *candidates, uint64_t update,
                                                   struct clseq_seq2seq_input *input);

#endif
