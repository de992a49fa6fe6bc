/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A thread that makes batches while the device is busy with an earlier one.
 *
 * What comes out is what clseq_batches_next() would give: the same batches in the
 * same order, the same errors in the same place. The thread knows neither the log
 * nor the caller's context and takes no signal, so nothing but time tells whether
 * there is one.
 */
#ifndef CLSEQ_BATCHES_AHEAD_H
#define CLSEQ_BATCHES_AHEAD_H

#include "base/base.h"

#include <clseq/corpus.h>

#define CLSEQ_BATCHES_AHEAD_LIMIT 64u /* largest number of batches made ahead */

typedef struct clseq_batches_ahead clseq_batches_ahead;

/* Keep up to `count` batches of `batches` ready; the memory for them is taken here, each with room
 * for `limits`. With `count` 0, or where no thread can be had (said in the log), each batch is made
 * when it is asked for. `batches` is borrowed, and is nobody else's to seek or step until destroy.
 * All calls come from one thread. Errors: CLSEQ_ERR_ARG (count above the limit), CLSEQ_ERR_LIMIT,
 * CLSEQ_ERR_NOMEM. */
CLSEQ_MUST_CHECK clseq_status clseq_batches_ahead_create(clseq_context *ctx, clseq_batches *batches,
                                                         size_t count,
                                                         const clseq_batch_limits *limits,
                                                         clseq_batches_ahead **ret);

/* Stop the thread, which takes one batch at most, and set *ahead to NULL. *ahead may be NULL. */
void clseq_batches_ahead_destroy(clseq_batches_ahead **ahead);

/* As clseq_batches_seek(). What was made ahead is dropped, an error in it too. */
CLSEQ_MUST_CHECK clseq_status clseq_batches_ahead_seek(clseq_batches_ahead *ahead, uint32_t epoch,
                                                       uint64_t index);

/* As clseq_batches_next(). The arrays of `batch` change hands: those it comes with are filled with
 * a later batch, so `batch` needs room for the same limits where nothing may be allocated. */
CLSEQ_MUST_CHECK clseq_status clseq_batches_ahead_next(clseq_batches_ahead *ahead,
                                                       clseq_batch *batch);

#endif
