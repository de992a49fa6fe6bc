/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The table of edit distances between the first i words of a hypothesis and the first j of a
 * reference, in a band around its diagonal, and the alignment along its best path.
 *
 * The diagonal goes from corner to corner, whatever the lengths. A cell outside the band counts as
 * out of reach, so the distance may be larger than the true one for long texts.
 */
#ifndef CLSEQ_TER_TABLE_H
#define CLSEQ_TER_TABLE_H

#include "base/base.h"

/* Memory kept between calls. Zero-initialise. */
typedef struct clseq_ter_table {
    const size_t *ref; /* borrowed */
    size_t n_hyp, n_ref;
    double slope; /* columns per row */
    size_t beam;  /* columns to either side of the diagonal */
    size_t width; /* cells of a row after the first */
    uint32_t *cost;
    unsigned char *step;
    size_t cost_capacity, step_capacity;
    /* The best path; valid after clseq_ter_table_align(). */
    size_t *reach; /* (n_ref+1) words of the hypothesis up to the partner of word j-1; [0] = 0 */
    size_t *ref_wrong; /* (n_ref+1) errors among the first j words of the reference */
    size_t *hyp_wrong; /* (n_hyp+1) errors among the first i words of the hypothesis */
    size_t reach_capacity, ref_wrong_capacity, hyp_wrong_capacity;
} clseq_ter_table;

void clseq_ter_table_fini(clseq_ter_table *table);

/* An empty table of these lengths against `ref`. Errors: CLSEQ_ERR_DATA (more than 2^30 words),
 * CLSEQ_ERR_NOMEM. */
CLSEQ_MUST_CHECK clseq_status clseq_ter_table_start(clseq_context *ctx, clseq_ter_table *table,
                                                    size_t n_hyp, const size_t *ref, size_t n_ref);

/* Fill in the rows of `words`, whose first `known` words are those of the last call; return the
 * distance. */
size_t clseq_ter_table_fill(clseq_ter_table *table, const size_t *words, size_t known);

/* The distance of other words, whose first `known` and all from `same` on are those of the last
 * fill. Leaves the table as it is. */
size_t clseq_ter_table_try(clseq_ter_table *table, const size_t *words, size_t known, size_t same);

/* Read the best path off the table. */
void clseq_ter_table_align(clseq_ter_table *table);

#endif
