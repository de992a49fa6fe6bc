/* SPDX-License-Identifier: BSD-2-Clause */
/* BPE-dropout: the words of a batch, cut into other pieces every time. */
#ifndef CLSEQ_RECUT_H
#define CLSEQ_RECUT_H

#include "data/corpus_inside.h"

/* A side of a row, in clseq_recut.ids. */
typedef struct clseq_recut_side {
    size_t begin, length; /* length 0: as in the corpus */
} clseq_recut_side;

/* Starts as zeros. */
typedef struct clseq_recut {
    const clseq_corpus *corpus;  /* borrowed; NULL: there is nothing to cut anew */
    const clseq_vocab *vocab[2]; /* borrowed; source, target; NULL for a unit without merges */
    double probability;
    uint64_t seed;
    clseq_text pieces;
    clseq_ids ids;           /* of all rows at hand */
    clseq_recut_side *sides; /* (2 rows) source, target */
    size_t capacity;
} clseq_recut;

/* Errors: CLSEQ_ERR_ARG (no words in the corpus, no side of unit bpe, no probability). */
CLSEQ_MUST_CHECK clseq_status clseq_recut_init(clseq_recut *recut, clseq_context *ctx,
                                               const clseq_corpus *corpus,
                                               const clseq_batches_options *options);
void clseq_recut_fini(clseq_recut *recut);

/* Cut `count` pairs: a function of seed, epoch and the number of the pair. A side with more pieces
 * than the longest of the corpus has stays as it is there. Errors: CLSEQ_ERR_NOMEM, told to
 * `ctx`. */
CLSEQ_MUST_CHECK clseq_status clseq_recut_pairs(clseq_recut *recut, clseq_context *ctx,
                                                uint32_t epoch, const uint64_t *pairs,
                                                size_t count);

/* Pair `pair` of the corpus, which is number `row` of the last call. Valid until the next one. */
void clseq_recut_pair(const clseq_recut *recut, size_t row, uint64_t pair, clseq_sentence *source,
                      clseq_sentence *target);

#endif
