/* SPDX-License-Identifier: BSD-2-Clause */
/* Some lines of a text at once. */
#ifndef CLSEQ_LINE_BLOCK_H
#define CLSEQ_LINE_BLOCK_H

#include <clseq/text.h>

struct line_block {
    char **lines; /* owned, each ended by a 0 byte */
    size_t *lengths;
    size_t count, capacity;
};

/* Read up to `max` lines, replacing what is there; count 0 at the end of the text. After an error
 * the lines before it are in the block. */
clseq_status line_block_read(clseq_lines *in, size_t max, struct line_block *block);

void line_block_fini(struct line_block *block);

#endif
