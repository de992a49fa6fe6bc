/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The n-grams of one hypothesis line and their matches in references.
 *
 * An n-gram is a node of a trie: the pair (node of the n-gram without its last symbol, last
 * symbol), interned. So equal n-grams are one node, exactly, and a reference is looked up without
 * storing its own n-grams: those the hypothesis lacks cannot match.
 */
#ifndef CLSEQ_EVAL_NGRAMS_H
#define CLSEQ_EVAL_NGRAMS_H

#include "eval/eval_intern.h"

struct clseq_ngram {
    uint64_t hyp;  /* times in the hypothesis */
    uint64_t best; /* most times in one reference since the last forget */
    uint64_t seen; /* times in the reference numbered `reference` */
    uint64_t reference;
};

/* Zero-initialise, then build. */
typedef struct clseq_ngrams {
    clseq_intern nodes;
    struct clseq_ngram *grams; /* one per node */
    size_t capacity;
    size_t order;
    uint64_t reference; /* number of the last reference */
} clseq_ngrams;

void clseq_ngrams_fini(clseq_ngrams *ngrams);

/* Take the n-grams of 1 to `order` symbols of a hypothesis, in place of the old ones. */
CLSEQ_MUST_CHECK clseq_status clseq_ngrams_build(clseq_context *ctx, clseq_ngrams *ngrams,
                                                 const size_t *symbols, size_t count, size_t order);

/* How many n-grams of each order `count` symbols have: totals[0 .. order-1], by addition. */
void clseq_ngrams_totals(size_t count, size_t order, uint64_t *totals);

/* Match a reference; CLSEQ_INTERN_NONE is a symbol that the hypothesis lacks. To matches[n-1] is
 * added what this reference gives beyond the ones before it since the last forget. So the sum over
 * references is min(times in hypothesis, most times in one reference). */
void clseq_ngrams_match(clseq_ngrams *ngrams, const size_t *symbols, size_t count,
                        uint64_t *matches);

/* Start anew with references of the same hypothesis. */
void clseq_ngrams_forget(clseq_ngrams *ngrams);

#endif
