/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef CLSEQ_EDIT_DISTANCE_H
#define CLSEQ_EDIT_DISTANCE_H

#include "base/base.h"

/* Memory kept between calls. Zero-initialise. */
typedef struct clseq_distance_scratch {
    uint64_t *masks; /* per symbol; all 0 between calls */
    size_t masks_capacity;
    signed char *steps; /* per column */
    size_t steps_capacity;
} clseq_distance_scratch;

void clseq_distance_fini(clseq_distance_scratch *scratch);

/* The least number of insertions, deletions and substitutions that turn `a` into `b`, sequences of
 * symbols below `n_symbols`. Time na * nb / 64, memory nb + n_symbols.
 * Source: Myers, "A fast bit-vector algorithm for approximate string matching based on dynamic
 * programming", 1999; the form for whole strings is Hyyro's, 2003. */
CLSEQ_MUST_CHECK clseq_status clseq_edit_distance(clseq_context *ctx,
                                                  clseq_distance_scratch *scratch, const size_t *a,
                                                  size_t na, const size_t *b, size_t nb,
                                                  size_t n_symbols, size_t *ret);

#endif
