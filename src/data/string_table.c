/* SPDX-License-Identifier: BSD-2-Clause */
#include "data/string_table.h"

#include <stdlib.h>
#include <string.h>

#include <xxhash.h>

#define FIRST_SLOTS 64

static uint32_t hash_of(const char *text, size_t length)
{
    return (uint32_t)XXH3_64bits(text, length);
}

void clseq_string_table_fini(clseq_string_table *table)
{
    free(table->bytes);
    free(table->entries);
    free(table->slots);
    *table = (clseq_string_table) { .ctx = table->ctx };
}

/* The slot that holds the string, or the free slot where it belongs. */
static size_t slot_of(const clseq_string_table *table, const char *text, size_t length,
                      uint32_t hash)
{
    size_t slot = hash & (table->slot_count - 1);

    while (table->slots[slot] != 0) {
        const clseq_string_entry *e = &table->entries[table->slots[slot] - 1];

        if (e->hash == hash && e->length == length &&
            memcmp(table->bytes + e->offset, text, length) == 0)
            break;
        slot = (slot + 1) & (table->slot_count - 1);
    }
    return slot;
}

size_t clseq_string_table_find(const clseq_string_table *table, const char *text, size_t length)
{
    size_t slot;

    if (table->count == 0)
        return CLSEQ_STRING_NONE;
    slot = slot_of(table, text, length, hash_of(text, length));
    return table->slots[slot] != 0 ? (size_t)table->slots[slot] - 1 : CLSEQ_STRING_NONE;
}

/* Twice the slots: at most half of them are ever in use, so that a search is short and ends. */
static clseq_status grow_slots(clseq_string_table *table)
{
    const size_t count = table->slot_count ? 2 * table->slot_count : FIRST_SLOTS;
    uint32_t *slots = NULL;

    CLSEQ_TRY(clseq_calloc(table->ctx, count, sizeof(*slots), "token table", &slots));
    for (size_t i = 0; i < table->count; i++) {
        size_t slot = table->entries[i].hash & (count - 1);

        while (slots[slot] != 0)
            slot = (slot + 1) & (count - 1);
        slots[slot] = (uint32_t)i + 1;
    }
    free(table->slots);
    table->slots = slots;
    table->slot_count = count;
    return CLSEQ_OK;
}

clseq_status clseq_string_table_add(clseq_string_table *table, const char *text, size_t length,
                                    size_t *index, bool *added)
{
    const uint32_t hash = hash_of(text, length);
    size_t slot;

    if (length > UINT32_MAX - 1 || table->count >= INT32_MAX)
        return clseq_fail(table->ctx, CLSEQ_ERR_LIMIT, "token table: too many or too long strings");
    if (2 * (table->count + 1) > table->slot_count)
        CLSEQ_TRY(grow_slots(table));
    slot = slot_of(table, text, length, hash);
    if (table->slots[slot] != 0) {
        *index = (size_t)table->slots[slot] - 1;
        *added = false;
        return CLSEQ_OK;
    }
    CLSEQ_TRY(clseq_grow(table->ctx, &table->entries, &table->entries_capacity, table->count + 1,
                         sizeof(*table->entries), "token table"));
    CLSEQ_TRY(clseq_grow(table->ctx, &table->bytes, &table->bytes_capacity,
                         table->bytes_size + length + 1, 1, "token table"));
    memcpy(table->bytes + table->bytes_size, text, length);
    table->bytes[table->bytes_size + length] = 0;
    table->entries[table->count] = (clseq_string_entry) { .offset = table->bytes_size,
                                                          .length = (uint32_t)length,
                                                          .hash = hash };
    table->bytes_size += length + 1;
    table->slots[slot] = (uint32_t)++table->count;
    *index = table->count - 1;
    *added = true;
    return CLSEQ_OK;
}
