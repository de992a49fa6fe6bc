/* SPDX-License-Identifier: BSD-2-Clause */
#include "eval/eval_intern.h"

#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

#define FIRST_SLOTS 64

void clseq_intern_fini(clseq_intern *table)
{
    free(table->bytes);
    free(table->entries);
    free(table->slots);
    memset(table, 0, sizeof(*table));
}

/* Make `slot_count` slots and put all entries into them. */
static clseq_status rehash(clseq_context *ctx, clseq_intern *table, size_t slot_count)
{
    CLSEQ_TRY(clseq_grow(ctx, &table->slots, &table->slot_capacity, slot_count,
                         sizeof(*table->slots), "hash table"));
    memset(table->slots, 0, slot_count * sizeof(*table->slots));
    table->slot_count = slot_count;
    for (size_t i = 0; i < table->count; i++) {
        size_t at = (size_t)table->entries[i].hash & (slot_count - 1);

        while (table->slots[at])
            at = (at + 1) & (slot_count - 1);
        table->slots[at] = i + 1;
    }
    return CLSEQ_OK;
}

clseq_status clseq_intern_reset(clseq_context *ctx, clseq_intern *table)
{
    table->bytes_size = 0;
    table->count = 0;
    /* Back to few slots, so that one long line does not slow down all later ones. */
    return rehash(ctx, table, FIRST_SLOTS);
}

/* The slot of the string, or the empty slot where it would go. */
static size_t find_slot(const clseq_intern *table, uint64_t hash, const void *data, size_t size)
{
    size_t at = (size_t)hash & (table->slot_count - 1);

    while (table->slots[at]) {
        const struct clseq_intern_entry *e = &table->entries[table->slots[at] - 1];

        if (e->hash == hash && e->size == size &&
            (size == 0 || !memcmp(table->bytes + e->offset, data, size)))
            break;
        at = (at + 1) & (table->slot_count - 1);
    }
    return at;
}

size_t clseq_intern_find(const clseq_intern *table, const void *data, size_t size)
{
    const size_t at = find_slot(table, XXH3_64bits(data, size), data, size);

    return table->slots[at] ? table->slots[at] - 1 : CLSEQ_INTERN_NONE;
}

clseq_status clseq_intern_add(clseq_context *ctx, clseq_intern *table, const void *data,
                              size_t size, size_t *ret)
{
    const uint64_t hash = XXH3_64bits(data, size);
    size_t at = find_slot(table, hash, data, size), need;

    if (table->slots[at]) {
        *ret = table->slots[at] - 1;
        return CLSEQ_OK;
    }
    if (!clseq_add_size(table->bytes_size, size, &need))
        need = SIZE_MAX;
    CLSEQ_TRY(clseq_grow(ctx, &table->bytes, &table->bytes_capacity, need, 1, "strings of a line"));
    CLSEQ_TRY(clseq_grow(ctx, &table->entries, &table->capacity, table->count + 1,
                         sizeof(*table->entries), "strings of a line"));
    if (table->count >= table->slot_count / 2) {
        CLSEQ_TRY(rehash(ctx, table, table->slot_count * 2));
        at = find_slot(table, hash, data, size);
    }
    if (size)
        memcpy(table->bytes + table->bytes_size, data, size);
    table->entries[table->count].hash = hash;
    table->entries[table->count].offset = table->bytes_size;
    table->entries[table->count].size = size;
    table->bytes_size = need;
    *ret = table->count++;
    table->slots[at] = *ret + 1;
    return CLSEQ_OK;
}
