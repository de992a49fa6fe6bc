/* SPDX-License-Identifier: BSD-2-Clause */
#include "data/pair_table.h"

#include <stdlib.h>

#define FIRST_SLOTS 64

/* The slot of the key, or the free one where it belongs; at most half of them are in use. */
static size_t slot_of(const clseq_pair_slot *slots, size_t slot_count, uint64_t key)
{
    /* Fibonacci hashing (Knuth, The Art of Computer Programming 3, 6.4). */
    const uint64_t hash = key * UINT64_C(0x9e3779b97f4a7c15);
    size_t slot = (size_t)(hash ^ hash >> 32) & (slot_count - 1);

    while (slots[slot].value != CLSEQ_PAIR_NONE && slots[slot].key != key)
        slot = (slot + 1) & (slot_count - 1);
    return slot;
}

uint32_t clseq_pair_table_find(const clseq_pair_table *table, uint64_t key)
{
    if (table->count == 0)
        return CLSEQ_PAIR_NONE;
    return table->slots[slot_of(table->slots, table->slot_count, key)].value;
}

static clseq_status grow(clseq_pair_table *table, clseq_context *ctx)
{
    const size_t count = table->slot_count ? 2 * table->slot_count : FIRST_SLOTS;
    clseq_pair_slot *slots = NULL;

    CLSEQ_TRY(clseq_calloc(ctx, count, sizeof(*slots), "pair table", &slots));
    for (size_t i = 0; i < count; i++)
        slots[i].value = CLSEQ_PAIR_NONE;
    for (size_t i = 0; i < table->slot_count; i++) {
        if (table->slots[i].value != CLSEQ_PAIR_NONE)
            slots[slot_of(slots, count, table->slots[i].key)] = table->slots[i];
    }
    free(table->slots);
    table->slots = slots;
    table->slot_count = count;
    return CLSEQ_OK;
}

clseq_status clseq_pair_table_add(clseq_pair_table *table, clseq_context *ctx, uint64_t key,
                                  uint32_t value)
{
    if (2 * (table->count + 1) > table->slot_count)
        CLSEQ_TRY(grow(table, ctx));
    table->slots[slot_of(table->slots, table->slot_count, key)] =
        (clseq_pair_slot) { .key = key, .value = value };
    table->count++;
    return CLSEQ_OK;
}

void clseq_pair_table_fini(clseq_pair_table *table)
{
    free(table->slots);
    *table = (clseq_pair_table) { 0 };
}
