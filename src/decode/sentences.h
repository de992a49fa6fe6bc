/* SPDX-License-Identifier: BSD-2-Clause */
/* Lines as ids, and their order in batches of similar length. */
#ifndef CLSEQ_SENTENCES_H
#define CLSEQ_SENTENCES_H

#include "base/base.h"

#include <clseq/corpus.h>

/* One side of the input. Start from { .ctx = ctx }. */
typedef struct clseq_sentences {
    clseq_context *ctx; /* borrowed */
    size_t n;
    int32_t *ids;    /* owned; all lines one behind the other */
    size_t *start;   /* owned; (n + 1) */
    size_t *unknown; /* owned; (n) tokens that are not in the vocabulary */
    size_t used, capacity;
} clseq_sentences;

/* Encode `n` lines. `lengths` NULL: they end in a 0 byte. `side` ("", "source ") and the number of
 * the line (from `first_line`) stand in messages. Errors: CLSEQ_ERR_DATA (not UTF-8, more than
 * `max_tokens`), CLSEQ_ERR_NOMEM. Call fini in any case. */
CLSEQ_MUST_CHECK clseq_status clseq_sentences_encode(
    clseq_sentences *sentences, const clseq_vocab *vocab, const char *const *lines,
    const size_t *lengths, size_t n, const char *side, size_t max_tokens, uint64_t first_line);
void clseq_sentences_fini(clseq_sentences *sentences);

static inline clseq_sentence clseq_sentences_get(const clseq_sentences *sentences, size_t i)
{
    return (clseq_sentence) { .ids = sentences->ids + sentences->start[i],
                              .length = sentences->start[i + 1] - sentences->start[i] };
}

/* A line in the order of translation: `length` of the side that decides, then of the other. */
typedef struct clseq_sentence_place {
    size_t index, length, other;
} clseq_sentence_place;

/* All lines, the longest first, so that a batch that does not fit fails at once and not after
 * hours. `first` decides, `second` (may be NULL) breaks ties. With `skip_empty` lines without a
 * token in `first` are left out. Release *ret with free(). Errors: CLSEQ_ERR_NOMEM. */
CLSEQ_MUST_CHECK clseq_status clseq_sentences_order(const clseq_sentences *first,
                                                    const clseq_sentences *second, bool skip_empty,
                                                    clseq_sentence_place **ret, size_t *count);

/* How many of the `count` places make the next batch: at most `batch`, and fewer when they are
 * long, so that memory does not grow with the longest line times the batch. */
size_t clseq_sentences_batch(const clseq_sentence_place *places, size_t count, size_t batch);

#endif
