/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Regular expressions, as much of them as glossaries need (Python's re, text of any length in time
 * that grows with it alone): a set of threads walks over the text once (Thompson 1968; the order of
 * the threads, which decides among matches, as in Pike's sam).
 *
 *     c  .  [a-z]  [^a-z]  \d \D \w \W \s \S  \.      a character
 *     ^  $                                            begin and end of the text
 *     (...)  (?:...)  x|y  x*  x+  x?  x{2}  x{2,}  x{2,5}   and lazy *? +? ?? {2,5}?
 *
 * There are no references to groups and no looking ahead or back. Classes are those of Unicode: \d
 * decimal digits, \w letters, numbers and "_", \s white space of str.split(). What is not UTF-8 is
 * one character a byte. A pattern that matches the empty text is refused.
 */
#ifndef CLSEQ_PATTERN_H
#define CLSEQ_PATTERN_H

#include "base/base.h"

typedef struct clseq_pattern clseq_pattern;

/* `text` of `n` bytes is UTF-8. Errors: CLSEQ_ERR_ARG (what is wrong and at which byte),
 * CLSEQ_ERR_LIMIT (1000 steps, 32 groups within each other), CLSEQ_ERR_NOMEM. Destroy with
 * clseq_pattern_destroy(). */
CLSEQ_MUST_CHECK clseq_status clseq_pattern_create(clseq_context *ctx, const char *text, size_t n,
                                                   clseq_pattern **ret);

/* Destroy and set *pattern to NULL. *pattern may be NULL. */
void clseq_pattern_destroy(clseq_pattern **pattern);

/* The whole text matches. */
bool clseq_pattern_is(const clseq_pattern *pattern, const char *text, size_t n);

/* The first match in text[from .. n), as re.search() has it: [*begin, *end), never empty. `text`
 * begins where ^ is. */
bool clseq_pattern_find(const clseq_pattern *pattern, const char *text, size_t n, size_t from,
                        size_t *begin, size_t *end);

#endif
