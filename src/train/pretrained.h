/* SPDX-License-Identifier: BSD-2-Clause */
/* Embeddings that begin with the vectors of a file (clseq/vectors.h), and may be kept as they are.
 */
#ifndef CLSEQ_PRETRAINED_H
#define CLSEQ_PRETRAINED_H

#include "nn/embedding.h"

#include <clseq/corpus.h>
#include <clseq/vectors.h>

/* One side's words with a vector. Starts as zeros. */
typedef struct clseq_pretrained {
    clseq_vectors *vectors; /* owned */
    size_t *row;            /* (V) owned; of each word's vector, SIZE_MAX without one */
    size_t vocabulary;
    uint64_t fingerprint; /* of words and vectors; for noticing another file */
    /* What to tell: words of the vocabulary with a vector, of them through their lower case, and
     * the share of the text's tokens that they are (NaN when the counts are not known). */
    uint64_t covered, lowered;
    double token_share;
} clseq_pretrained;

/* The vectors of `vocab`'s words in the file at `path`: of the word as it is, else of its lower
 * case. Special tokens have none. Errors: those of clseq_vectors_read(); CLSEQ_ERR_ARG when the
 * vectors do not have `size` numbers; CLSEQ_ERR_DATA when no word has one. Release with fini(),
 * also after an error. */
CLSEQ_MUST_CHECK clseq_status clseq_pretrained_read(clseq_pretrained *p, clseq_context *ctx,
                                                    const char *path, const clseq_vocab *vocab,
                                                    size_t size);
void clseq_pretrained_fini(clseq_pretrained *p);

/* "(fastText model, 9 words): vectors for ..." in `text` of n bytes. */
void clseq_pretrained_describe(const clseq_pretrained *p, char *text, size_t n);

/* Write the vectors over the rows of a table. */
CLSEQ_MUST_CHECK clseq_status clseq_pretrained_apply(const clseq_pretrained *p,
                                                     const clseq_embedding *table,
                                                     const clseq_run *run);

/* Take the words with a vector out of the rows that a batch trains. */
void clseq_pretrained_freeze(const clseq_pretrained *p, clseq_row_lists *rows);

#endif
