/* SPDX-License-Identifier: BSD-2-Clause */
/* Lists of the n best translations: NUMBER ||| TEXT ||| SCORE, or with fields in between, as Moses
 * writes them: NUMBER ||| TEXT ||| FEATURES ||| SCORE. */
#ifndef CLSEQ_NBEST_LIST_H
#define CLSEQ_NBEST_LIST_H

#include <clseq/text.h>

/* One line of a list. */
struct nbest_entry {
    char *line;           /* owned; the parts below lie in it, each ended by a 0 byte */
    const char *text;     /* the translation */
    const char *features; /* "" without */
    const char *score_text;
    double score;
    uint64_t number; /* of the sentence, as in the list */
    char *source;    /* owned by who sets it */
};

/* A list that is being read. Start from { .lines = ... }. */
struct nbest_list {
    clseq_lines *lines; /* borrowed */
    bool begun;
    uint64_t first, last; /* numbers of the first sentence and of the line before; 0 or 1 is the
                             number of the first source line */
};

/* The next line; *more is false at the end. A bad line, and a number below the one before it, are
 * told with file and line. Returns CLSEQ_OK, CLSEQ_ERR_DATA with *told true when the message is
 * printed already, or the errors of clseq_lines_next(). */
clseq_status nbest_list_next(struct nbest_list *list, struct nbest_entry *ret, bool *more,
                             bool *told);

/* Which source line a sentence is, from 1. */
uint64_t nbest_list_source(const struct nbest_list *list, uint64_t number);

void nbest_entry_fini(struct nbest_entry *entry);

#endif
