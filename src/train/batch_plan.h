/* SPDX-License-Identifier: BSD-2-Clause */
/* Memory for every batch of some texts, once for a whole run. A text may be NULL: none. */
#ifndef CLSEQ_BATCH_PLAN_H
#define CLSEQ_BATCH_PLAN_H

#include "model/seq2seq.h"

#include <clseq/corpus.h>

/* Limits of all texts together: *all of every batch; *host for clseq_batch_reserve(), where only
 * products count: room for the most positions, since the longest batch and the widest are not the
 * same one. */
void clseq_batch_plan_limits(const clseq_batches *const *texts, size_t n, clseq_batch_limits *all,
                             clseq_batch_limits *host);

/* Plan the model for training on every batch. Errors: those of clseq_seq2seq_plan(). */
CLSEQ_MUST_CHECK clseq_status clseq_batch_plan_model(clseq_seq2seq *model,
                                                     const clseq_batches *const *texts, size_t n);

#endif
