/* SPDX-License-Identifier: BSD-2-Clause */
/* What the metrics share about lines and their references: the count, and the place in messages. */
#ifndef CLSEQ_EVAL_REFERENCES_H
#define CLSEQ_EVAL_REFERENCES_H

#include "base/base.h"

#include <stdio.h>

/* In place of a reference number. */
#define CLSEQ_HYPOTHESIS SIZE_MAX

/* Zero: no line yet. */
typedef struct clseq_reference_count {
    uint64_t lines;
    size_t per_line; /* references of the first line */
    bool varies;     /* some line had another number */
} clseq_reference_count;

/* *present = how many of the references of the next line are there. Errors: CLSEQ_ERR_DATA if none
 * is. */
static inline CLSEQ_MUST_CHECK clseq_status
clseq_references_check(clseq_context *ctx, const clseq_reference_count *count,
                       const char *const *refs, size_t n_refs, size_t *present)
{
    size_t n = 0;

    for (size_t i = 0; i < n_refs; i++)
        n += refs[i] != NULL;
    if (n == 0)
        return clseq_fail(ctx, CLSEQ_ERR_DATA,
                          "line %llu has no reference; every line needs at least one to be scored, "
                          "so add one or leave the line out on both sides",
                          (unsigned long long)count->lines + 1);
    *present = n;
    return CLSEQ_OK;
}

/* Put the place in front of the message: "line 3, reference 2: ". */
static inline clseq_status clseq_references_fail(clseq_context *ctx,
                                                 const clseq_reference_count *count,
                                                 clseq_status status, size_t reference)
{
    const unsigned long long line = (unsigned long long)count->lines + 1;

    if (reference == CLSEQ_HYPOTHESIS)
        return clseq_fail_in(ctx, status, "line %llu, hypothesis", line);
    return clseq_fail_in(ctx, status, "line %llu, reference %zu", line, reference + 1);
}

/* The line is done. */
static inline void clseq_references_count(clseq_reference_count *count, size_t present)
{
    if (count->lines == 0)
        count->per_line = present;
    else if (count->per_line != present)
        count->varies = true;
    count->lines++;
}

/* "nrefs:2|", "nrefs:var|", or "" before the first line. */
static inline void clseq_references_describe(const clseq_reference_count *count, char *text,
                                             size_t size)
{
    if (count->lines == 0)
        text[0] = 0;
    else if (count->varies)
        snprintf(text, size, "nrefs:var|");
    else
        snprintf(text, size, "nrefs:%zu|", count->per_line);
}

/* Errors: CLSEQ_ERR_DATA if no line was added. */
static inline CLSEQ_MUST_CHECK clseq_status clseq_references_any(clseq_context *ctx,
                                                                 const clseq_reference_count *count,
                                                                 const char *metric)
{
    if (count->lines == 0)
        return clseq_fail(
            ctx, CLSEQ_ERR_DATA,
            "%s: there is no line to score; the files are empty, or nothing was added", metric);
    return CLSEQ_OK;
}

#endif
