/* SPDX-License-Identifier: BSD-2-Clause */
/* All lines of a validation or test text in memory, with the references of each. */
#ifndef CLSEQ_LINE_PAIRS_H
#define CLSEQ_LINE_PAIRS_H

#include <clseq/context.h>

/* Start from { 0 }; release with line_pairs_close(). */
struct line_pairs {
    char **source;  /* (n) lines; owned */
    char **target;  /* (n) first references; owned. The others of a line lie behind its 0 byte */
    size_t *n_refs; /* (n) 1 to EVAL_MAX_REFERENCES; owned */
    size_t n, capacity;
};

/* Read two files of equal line count, where each line has one reference, or, with `target_path`
 * NULL, a .tsv file of source TAB reference TAB further references, as clseq eval --tsv does: each
 * line stands for itself, also where several have the same source. Errors: those of
 * clseq_pairs_next(). */
CLSEQ_MUST_CHECK clseq_status line_pairs_open(struct line_pairs *p, clseq_context *ctx,
                                              const char *source_path, const char *target_path);
void line_pairs_close(struct line_pairs *p);

/* The references of line i, from 0, into refs[EVAL_MAX_REFERENCES]; borrowed. Returns how many. */
size_t line_pairs_references(const struct line_pairs *p, size_t i, const char **refs);

#endif
