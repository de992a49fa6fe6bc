/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Batches of about equally many tokens. All pairs are sorted by (target length, source
 * length) once, and cut where a batch would have more than the given number of padded
 * tokens. Which batch is where, and how long its sentences are, is then the same in
 * every epoch: the number of batches and their largest shapes are known in advance.
 * What changes from epoch to epoch is the order of the batches, and which pairs of
 * the same two lengths stand in which place.
 */
#ifndef CLSEQ_TOKEN_PLAN_H
#define CLSEQ_TOKEN_PLAN_H

#include "data/corpus_inside.h"

typedef struct clseq_token_plan {
    const clseq_corpus *corpus; /* borrowed */
    uint64_t *pairs;            /* (all pairs) sorted; owned */
    uint64_t *start;            /* (count + 1) first place of each batch; owned */
    uint64_t count;
    clseq_batch_limits *shapes; /* every batch fits one of them; owned */
    size_t n_shapes;
    size_t shapes_capacity, start_capacity;
} clseq_token_plan;

/* `tokens`: the most sentences times tokens of the longest side, end tokens included; a longer
 * sentence makes a batch of its own. Errors: CLSEQ_ERR_NOMEM. */
CLSEQ_MUST_CHECK clseq_status clseq_token_plan_init(clseq_context *ctx, const clseq_corpus *corpus,
                                                    size_t tokens, clseq_token_plan *ret);
void clseq_token_plan_fini(clseq_token_plan *plan);

/* The pairs of batch `index` of an epoch; returns how many. `pairs` has room for the largest
 * batch. */
size_t clseq_token_plan_batch(const clseq_token_plan *plan, uint64_t seed, bool shuffle,
                              uint32_t epoch, uint64_t index, uint64_t *pairs);

#endif
