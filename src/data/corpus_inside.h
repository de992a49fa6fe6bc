/* SPDX-License-Identifier: BSD-2-Clause */
/* What corpus, batch and batches share. */
#ifndef CLSEQ_CORPUS_INSIDE_H
#define CLSEQ_CORPUS_INSIDE_H

#include "data/spool.h"

#include <clseq/corpus.h>

/* Where a pair stands in the encoded text: source ids, then target ids. */
typedef struct clseq_pair_place {
    uint64_t offset; /* in ids */
    uint32_t source_length, target_length;
} clseq_pair_place;

/* A spool starts as { .fd = -1 }. */
struct clseq_corpus {
    clseq_context *ctx; /* borrowed */
    clseq_spool ids;    /* int32_t */
    clseq_spool places; /* clseq_pair_place */
    /* With keep_words: words with one space between them, and where, in bytes, they are. */
    clseq_spool words, word_places;
    bool reverse_source;
    clseq_corpus_stats stats;
    size_t source_vocab_size, target_vocab_size;
    uint64_t fingerprint;
};

static inline const clseq_pair_place *clseq_corpus_place(const clseq_corpus *corpus, uint64_t index)
{
    return (const clseq_pair_place *)corpus->places.map + index;
}

/* Fill one row after the other: begin with the shape, add B rows, end. The batch must have room
 * (clseq_batch_begin() makes it). Rows hold no start or end tokens. */
CLSEQ_MUST_CHECK clseq_status clseq_batch_begin(clseq_batch *batch, size_t S, size_t T, size_t B);
void clseq_batch_set_row(clseq_batch *batch, size_t b, clseq_sentence source, clseq_sentence target,
                         bool reverse_source, uint64_t sentence);
void clseq_batch_end(clseq_batch *batch);

/* After a change of words in target_in and target_index: target_rows anew. */
void clseq_batch_list_inputs(clseq_batch *batch);

#endif
