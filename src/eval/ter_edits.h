/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The edits of TER between two sequences: shifts found greedily, then insertions, deletions and
 * substitutions. Source: Snover et al., "A study of translation edit rate with targeted human
 * annotation", 2006, section 3; order of preference and limits as in tercom and sacreBLEU 2.
 */
#ifndef CLSEQ_TER_EDITS_H
#define CLSEQ_TER_EDITS_H

#include "eval/ter_table.h"

/* Memory kept between calls. Zero-initialise. */
typedef struct clseq_ter_scratch {
    clseq_ter_table table;
    size_t *words, *moved; /* the hypothesis with the shifts so far; and with one more */
    size_t words_capacity, moved_capacity;
} clseq_ter_scratch;

void clseq_ter_scratch_fini(clseq_ter_scratch *scratch);

/* Edits that turn `hyp` into `ref`. Errors: CLSEQ_ERR_DATA (more than 2^30 words),
 * CLSEQ_ERR_NOMEM. */
CLSEQ_MUST_CHECK clseq_status clseq_ter_edits(clseq_context *ctx, clseq_ter_scratch *scratch,
                                              const size_t *hyp, size_t n_hyp, const size_t *ref,
                                              size_t n_ref, size_t *ret);

#endif
