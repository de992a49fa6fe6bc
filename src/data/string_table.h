/* SPDX-License-Identifier: BSD-2-Clause */
/* Strings numbered 0, 1, ... in the order they were added, found by hash. */
#ifndef CLSEQ_STRING_TABLE_H
#define CLSEQ_STRING_TABLE_H

#include "base/base.h"

#define CLSEQ_STRING_NONE SIZE_MAX

typedef struct clseq_string_entry {
    size_t offset; /* into bytes */
    uint32_t length;
    uint32_t hash;
} clseq_string_entry;

/* Start from { .ctx = ctx }, end with clseq_string_table_fini(). */
typedef struct clseq_string_table {
    clseq_context *ctx; /* borrowed */
    char *bytes;        /* all strings, each ended by a 0 byte */
    size_t bytes_size, bytes_capacity;
    clseq_string_entry *entries;
    size_t count, entries_capacity;
    uint32_t *slots; /* open addressing: number of an entry + 1, 0 when free */
    size_t slot_count;
} clseq_string_table;

void clseq_string_table_fini(clseq_string_table *table);

/* The number of a string, CLSEQ_STRING_NONE when it is not there. */
size_t clseq_string_table_find(const clseq_string_table *table, const char *text, size_t length);

/* The number of a string, added (*added = true) when it was not there. On failure nothing changes.
 * Errors: CLSEQ_ERR_NOMEM, CLSEQ_ERR_LIMIT (2^31 strings, strings of 4 GiB). */
CLSEQ_MUST_CHECK clseq_status clseq_string_table_add(clseq_string_table *table, const char *text,
                                                     size_t length, size_t *index, bool *added);

/* String `index` < count. The pointer is valid until the next add. */
static inline const char *clseq_string_table_get(const clseq_string_table *table, size_t index)
{
    return table->bytes + table->entries[index].offset;
}

#endif
