/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * An exponential moving average of the weights (Polyak and Juditsky 1992 average all of
 * them; the moving form forgets the beginning). After update k, from 1,
 *
 *     a = d a + (1 - d) w,  d = min(decay, (k + 1) / (k + 10)),
 *
 * so that early weights, which are far off, are forgotten soon.
 */
#ifndef CLSEQ_EMA_H
#define CLSEQ_EMA_H

#include "model/seq2seq.h"

typedef struct clseq_ema {
    clseq_seq2seq *model; /* borrowed; NULL: there is no average */
    double decay;
    clseq_param_buffers average; /* owned */
} clseq_ema;

/* Memory for an average, to be started or read. Release with clseq_ema_fini(), also after a
 * failure. */
CLSEQ_MUST_CHECK clseq_status clseq_ema_init(clseq_ema *ema, clseq_seq2seq *model, double decay);
void clseq_ema_fini(clseq_ema *ema);

/* The average of the weights as they are. */
CLSEQ_MUST_CHECK clseq_status clseq_ema_start(clseq_ema *ema);

/* Take in the weights of update `number`, from 1. One pass over all weights, embeddings
 * included. */
CLSEQ_MUST_CHECK clseq_status clseq_ema_update(clseq_ema *ema, uint64_t number);

/* Let the model run with the average, and, called again, with its own weights. Copies nothing. Does
 * nothing when there is no average. */
void clseq_ema_swap(clseq_ema *ema);

#endif
