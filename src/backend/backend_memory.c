/* SPDX-License-Identifier: BSD-2-Clause */
#include "backend/backend_memory.h"

#include "backend/backend_impl.h"
#include "base/base.h"

#include <stdio.h>
#include <string.h>

static struct clseq_memory_kind *kind_of(struct clseq_memory_table *table, const char *label)
{
    for (int i = 0; i < table->count; i++) {
        if (strcmp(table->kind[i].label, label) == 0)
            return &table->kind[i];
    }
    if (table->count == CLSEQ_MEMORY_KINDS)
        return &table->kind[CLSEQ_MEMORY_KINDS - 1];
    snprintf(table->kind[table->count].label, sizeof(table->kind[0].label), "%s", label);
    return &table->kind[table->count++];
}

void clseq_memory_took(struct clseq_memory_table *table, const char *label, uint64_t bytes)
{
    kind_of(table, label)->bytes += bytes;
    table->bytes += bytes;
    if (table->bytes > table->peak)
        table->peak = table->bytes;
}

void clseq_memory_gave(struct clseq_memory_table *table, const char *label, uint64_t bytes)
{
    kind_of(table, label)->bytes -= bytes;
    table->bytes -= bytes;
}

struct clseq_memory_table *clseq_backend_memory_table(clseq_backend *be)
{
    return be->dry ? &be->dry_memory : &be->memory;
}

void clseq_backend_limit_memory(clseq_backend *be, uint64_t bytes)
{
    be->memory_limit = bytes;
}

bool clseq_backend_memory_fits(const clseq_backend *be, uint64_t bytes)
{
    return be->dry || be->memory_limit == 0 ||
           (be->memory.bytes <= be->memory_limit && bytes <= be->memory_limit - be->memory.bytes);
}

void clseq_backend_dry_begin(clseq_backend *be)
{
    if (be->impl->dry)
        be->impl->dry(be, true);
    be->dry_memory = be->memory;
    be->dry_memory.peak = be->dry_memory.bytes;
    be->dry = true;
}

void clseq_backend_dry_end(clseq_backend *be)
{
    if (be->impl->dry)
        be->impl->dry(be, false);
    be->dry = false;
}

int clseq_backend_memory(const clseq_backend *be, struct clseq_memory_row *rows, int max,
                         uint64_t *peak)
{
    const struct clseq_memory_table *table = &be->memory;
    int n = 0;

    for (int i = 0; i < table->count && n < max; i++) {
        if (table->kind[i].bytes == 0)
            continue;
        snprintf(rows[n].what, sizeof(rows[n].what), "%s", table->kind[i].label);
        rows[n++].bytes = table->kind[i].bytes;
    }
    if (peak)
        *peak = table->peak;
    return n;
}
