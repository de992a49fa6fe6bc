/* SPDX-License-Identifier: BSD-2-Clause */
/* Pairs of 32-bit numbers, each with a number of its own, found by hash. */
#ifndef CLSEQ_PAIR_TABLE_H
#define CLSEQ_PAIR_TABLE_H

#include "base/base.h"

#define CLSEQ_PAIR_NONE UINT32_MAX

typedef struct clseq_pair_slot {
    uint64_t key;
    uint32_t value; /* CLSEQ_PAIR_NONE: a free slot */
} clseq_pair_slot;

/* Start from { 0 }, end with clseq_pair_table_fini(). */
typedef struct clseq_pair_table {
    clseq_pair_slot *slots;
    size_t count, slot_count;
} clseq_pair_table;

static inline uint64_t clseq_pair_key(uint32_t left, uint32_t right)
{
    return (uint64_t)left << 32 | right;
}

/* The value of a key, CLSEQ_PAIR_NONE when it is not there. */
uint32_t clseq_pair_table_find(const clseq_pair_table *table, uint64_t key);

/* Enter a key that is not there. Errors: CLSEQ_ERR_NOMEM. */
CLSEQ_MUST_CHECK clseq_status clseq_pair_table_add(clseq_pair_table *table, clseq_context *ctx,
                                                   uint64_t key, uint32_t value);

void clseq_pair_table_fini(clseq_pair_table *table);

#endif
