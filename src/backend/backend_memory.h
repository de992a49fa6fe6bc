/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What a backend's memory is used for, and runs without memory.
 *
 * Every buffer is counted under its label, and so is what a backend takes for itself (scratch
 * memory, copies). A dry run is for planning: from begin to end buffers have no memory and
 * operations do no work, but all of it is counted as if. Code that makes a model and trains it thus
 * says itself, to the byte, what it is going to take.
 */
#ifndef CLSEQ_BACKEND_MEMORY_H
#define CLSEQ_BACKEND_MEMORY_H

#include <clseq/backend.h>

#define CLSEQ_MEMORY_KINDS 24

struct clseq_memory_table {
    int count;
    struct clseq_memory_kind {
        char label[48];
        uint64_t bytes;
    } kind[CLSEQ_MEMORY_KINDS]; /* in the order of their first use; what comes too late counts as
                                   the last */
    uint64_t bytes, peak;
};

/* Count memory that was taken or given back. */
void clseq_memory_took(struct clseq_memory_table *table, const char *label, uint64_t bytes);
void clseq_memory_gave(struct clseq_memory_table *table, const char *label, uint64_t bytes);

/* What counts at present: the dry run's table during one. */
struct clseq_memory_table *clseq_backend_memory_table(clseq_backend *be);

/* Buffers beyond so many bytes in all are refused from now on, apart from dry runs; 0 = none is. */
void clseq_backend_limit_memory(clseq_backend *be, uint64_t bytes);

/* Whether so many bytes more stay within the limit. */
bool clseq_backend_memory_fits(const clseq_backend *be, uint64_t bytes);

/* Begin and end a dry run. It starts from what is in use now, with that as its peak; what is read
 * back in it is zeros. Before the end everything made in it must be destroyed, and what was made
 * before it must not be used in it. The backend takes scratch memory afterwards as large as the
 * last dry run needed it, at the first use. */
void clseq_backend_dry_begin(clseq_backend *be);
void clseq_backend_dry_end(clseq_backend *be);

#endif
