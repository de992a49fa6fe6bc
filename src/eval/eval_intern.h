/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Byte strings to dense numbers 0, 1, 2, ... in order of arrival. Equality is by the bytes; the
 * hash only finds the place to look. Made for one line at a time: a reset is cheap and keeps the
 * memory.
 */
#ifndef CLSEQ_EVAL_INTERN_H
#define CLSEQ_EVAL_INTERN_H

#include "base/base.h"

#define CLSEQ_INTERN_NONE SIZE_MAX

struct clseq_intern_entry {
    uint64_t hash;
    size_t offset; /* into bytes */
    size_t size;
};

/* Zero-initialise, then reset. */
typedef struct clseq_intern {
    char *bytes; /* all strings, one behind the other */
    size_t bytes_size, bytes_capacity;
    struct clseq_intern_entry *entries;
    size_t count, capacity;
    size_t *slots; /* number + 1, or 0; open addressing, slot_count a power of two */
    size_t slot_count, slot_capacity;
} clseq_intern;

void clseq_intern_fini(clseq_intern *table);

/* Forget all strings. */
CLSEQ_MUST_CHECK clseq_status clseq_intern_reset(clseq_context *ctx, clseq_intern *table);

/* The number of a string, a new one if it is not known yet. */
CLSEQ_MUST_CHECK clseq_status clseq_intern_add(clseq_context *ctx, clseq_intern *table,
                                               const void *data, size_t size, size_t *ret);

/* The number of a string or CLSEQ_INTERN_NONE. */
size_t clseq_intern_find(const clseq_intern *table, const void *data, size_t size);

#endif
