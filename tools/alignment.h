/* SPDX-License-Identifier: BSD-2-Clause */
/* Where a model with attention looked, for people and programs: as JSON, as an SVG heat map in a
 * file, as a heat map in the terminal. */
#ifndef CLSEQ_ALIGNMENT_H
#define CLSEQ_ALIGNMENT_H

#include <clseq/translate.h>

#include <stdio.h>

#include <jansson.h>

/* The words that name the columns and the rows of an alignment, as the vocabularies have them, with
 * the end tokens that have a column or row. NULL: no memory. */
json_t *alignment_source_words(const clseq_translator *tr, const clseq_translation *t);
json_t *alignment_words(const clseq_translator *tr, const clseq_hypothesis *h);

/* The weights as an array of rows, to four digits. NULL: no memory. */
json_t *alignment_rows(const clseq_translation *t, const clseq_hypothesis *h);

/* Write the heat map of a hypothesis that has an alignment into a file, which is there whole or not
 * at all. `number` is that of the line. False, with errno set, when that failed. */
bool alignment_write_svg(const clseq_translator *tr, const clseq_translation *t,
                         const clseq_hypothesis *h, uint64_t number, const char *path);

/* Print it as text, as the terminal behind `out` can show it. False when that failed. */
bool alignment_print(const clseq_translator *tr, const clseq_translation *t,
                     const clseq_hypothesis *h, FILE *out);

/* "run/x.svg" and 3 make "run/x-3.svg"; free() it. NULL: no memory. */
char *alignment_path(const char *path, uint64_t number);

#endif
