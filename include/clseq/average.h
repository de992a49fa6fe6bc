/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The mean of the weights of several models, as of the last checkpoints of a run: often better than
 * each of them (Sennrich, Haddow and Birch, "Edinburgh Neural Machine Translation Systems for WMT
 * 16", 2016, section 3.3).
 */
#ifndef CLSEQ_AVERAGE_H
#define CLSEQ_AVERAGE_H

#include <clseq/context.h>

CLSEQ_BEGIN_DECLS

/* Write to `path` the model whose weights are the means of those of the `n` >= 1 models or
 * checkpoints at `paths` (whose own weights are meant, not an average in them); sums in double,
 * each mean rounded to float once. They must have one configuration and the same vocabularies.
 * `path` is written in one step and may be one of `paths`. Weights are read in pieces, so memory is
 * needed for one model. Errors: CLSEQ_ERR_ARG, CLSEQ_ERR_FORMAT, CLSEQ_ERR_IO, CLSEQ_ERR_NOMEM. */
CLSEQ_API CLSEQ_MUST_CHECK clseq_status clseq_average_models(clseq_context *ctx,
                                                             const char *const *paths, size_t n,
                                                             const char *path);

CLSEQ_END_DECLS

#endif
