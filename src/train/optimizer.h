/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Gradient norm, clipping and update. The dense parameters are one vector, the
 * embeddings update only the rows of the batch; nothing is read back.
 */
#ifndef CLSEQ_OPTIMIZER_H
#define CLSEQ_OPTIMIZER_H

#include "model/seq2seq.h"

#include <clseq/train.h>

typedef struct clseq_optimizer {
    const clseq_seq2seq *model; /* borrowed */
    clseq_optimizer_kind kind;
    double beta1, beta2, eps; /* Adam */
    clseq_param_buffers m, v; /* owned; Adam */
} clseq_optimizer;

/* Optimizer moments are zeros. Release with clseq_optimizer_fini(), also after a failure. */
CLSEQ_MUST_CHECK clseq_status clseq_optimizer_init(clseq_optimizer *optimizer,
                                                   const clseq_seq2seq *model,
                                                   clseq_optimizer_kind kind);
void clseq_optimizer_fini(clseq_optimizer *optimizer);

/* What a checkpoint must hold beside the weights: 0 or 2 moments. */
int clseq_optimizer_moments(const clseq_optimizer *optimizer, const char *names[2],
                            const clseq_param_buffers *buffers[2]);

/* One update from the gradients of the model's last loss_bwd.
 *   number     of the update, from 1 (Adam's bias correction)
 *   max_norm   clip the global norm to this; 0 = no clipping
 *   sumsq (1)  scratch; stats (2) receives the norm and the scale that was applied. A norm that is
 *              not finite skips the update: scale 0. */
CLSEQ_MUST_CHECK clseq_status clseq_optimizer_step(const clseq_optimizer *optimizer,
                                                   uint64_t number, double lr, double max_norm,
                                                   clseq_tensor sumsq, clseq_tensor stats);

#endif
