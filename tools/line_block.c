/* SPDX-License-Identifier: BSD-2-Clause */
#include "line_block.h"

#include <stdlib.h>
#include <string.h>

static void clear(struct line_block *block)
{
    for (size_t i = 0; i < block->count; i++)
        free(block->lines[i]);
    block->count = 0;
}

void line_block_fini(struct line_block *block)
{
    clear(block);
    free(block->lines);
    free(block->lengths);
    *block = (struct line_block) { 0 };
}

/* Room for one more line. */
static bool grow(struct line_block *block)
{
    const size_t capacity = block->capacity ? 2 * block->capacity : 64;
    char **lines;
    size_t *lengths;

    if (block->count < block->capacity)
        return true;
    lines = realloc(block->lines, capacity * sizeof(*lines));
    if (lines)
        block->lines = lines;
    lengths = realloc(block->lengths, capacity * sizeof(*lengths));
    if (lengths)
        block->lengths = lengths;
    if (!lines || !lengths)
        return false;
    block->capacity = capacity;
    return true;
}

clseq_status line_block_read(clseq_lines *in, size_t max, struct line_block *block)
{
    clear(block);
    while (block->count < max) {
        const char *line;
        size_t length;
        bool more;
        const clseq_status status = clseq_lines_next(in, &line, &length, &more);
        char *copy;

        if (status != CLSEQ_OK)
            return status;
        if (!more)
            return CLSEQ_OK;
        copy = grow(block) ? malloc(length + 1) : NULL;
        if (!copy)
            return CLSEQ_ERR_NOMEM;
        memcpy(copy, line, length);
        copy[length] = 0;
        block->lines[block->count] = copy;
        block->lengths[block->count++] = length;
    }
    return CLSEQ_OK;
}
