/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * How often pairs of symbols stand side by side, and in which words: what the learner of merges
 * keeps up to date.
 *
 * The counts are those of subword-nmt with its peculiarities, so that ties and rare double counts
 * fall the same way: a pair that is rare leaves the running counts (`live`) for the `rest`, and
 * what is counted while it is away starts at 0.
 */
#ifndef CLSEQ_BPE_STATISTICS_H
#define CLSEQ_BPE_STATISTICS_H

#include "data/pair_table.h"
#include "data/string_table.h"

/* `change` more occurrences of a pair in a word. */
typedef struct clseq_bpe_event {
    uint32_t word;
    int32_t change;
} clseq_bpe_event;

typedef struct clseq_bpe_pair {
    uint32_t left, right; /* symbols */
    int64_t live;         /* running count; only when heap_at says so */
    int64_t rest;         /* count when it was last set aside */
    uint32_t heap_at;     /* place in the heap; CLSEQ_PAIR_NONE: no running count */
    uint32_t event_count, event_capacity;
    clseq_bpe_event *events; /* sum up to the occurrences in each word */
    bool set_aside;          /* `rest` is valid */
} clseq_bpe_pair;

/* Start from { .ctx, .symbols }, end with clseq_bpe_statistics_fini(). */
typedef struct clseq_bpe_statistics {
    clseq_context *ctx;                /* borrowed */
    const clseq_string_table *symbols; /* borrowed */
    clseq_bpe_pair *pairs;
    size_t count, capacity;
    clseq_pair_table table; /* two symbols -> number of the pair */
    uint32_t *heap;         /* pairs with a running count, the best on top: the highest count, then
                               the last in byte order of left and right symbol */
    size_t heap_count, heap_capacity;
} clseq_bpe_statistics;

void clseq_bpe_statistics_fini(clseq_bpe_statistics *s);

/* Count `change` (1 or -1) occurrences of a pair in a word that is seen `frequency` times. Errors:
 * CLSEQ_ERR_NOMEM, CLSEQ_ERR_LIMIT. */
CLSEQ_MUST_CHECK clseq_status clseq_bpe_statistics_count(clseq_bpe_statistics *s, uint32_t left,
                                                         uint32_t right, uint32_t word,
                                                         int64_t frequency, int change);

/* The running count of a pair becomes 0. */
void clseq_bpe_statistics_clear(clseq_bpe_statistics *s, uint32_t pair);

/* All running counts are also kept aside: to be called once, before the first merge. */
void clseq_bpe_statistics_keep(clseq_bpe_statistics *s);

/* Set the pairs aside whose running count is below the threshold. */
void clseq_bpe_statistics_prune(clseq_bpe_statistics *s, double threshold);

/* Take all pairs back that were ever set aside. Errors: CLSEQ_ERR_NOMEM. */
CLSEQ_MUST_CHECK clseq_status clseq_bpe_statistics_restore(clseq_bpe_statistics *s);

/* The words that hold a pair, ascending, each once: events of one or more occurrences are left in
 * front of pairs[pair].events. Returns their number. */
size_t clseq_bpe_statistics_words(clseq_bpe_statistics *s, uint32_t pair);

#endif
