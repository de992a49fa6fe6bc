/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Gradient norm, clipping and update. The dense parameters are one vector, the
 * embeddings update only the rows of the batch; nothing is read back.
 */
#ifndef CLSEQ_OPTIMIZER_H
#define CLSEQ_OPTIMIZER_H

#include "model/seq2seq.h"

#include <clseq/train.h>

#define CLSEQ_OPTIMIZER_MOMENTS 2 /* the most of any kind */

/* What an optimizer does with a gradient; each kind uses its own part of it. The formulas are in
 * backend/op_args.h. */
struct clseq_optimizer_options {
    clseq_optimizer_kind kind;
    double momentum;     /* momentum, Nesterov */
    double beta1, beta2; /* Adam; beta2 is also the mean of squares of Adadelta and RMSprop */
    double eps;
    double weight_decay; /* added to the gradient; AdamW: taken from the weights, times lr */
    double start;        /* Adagrad: what its sums of squares begin with */
};

/* torch.optim's defaults of a kind; no weight decay. */
void clseq_optimizer_options_init(struct clseq_optimizer_options *options,
                                  clseq_optimizer_kind kind);

/* "sgd", "adam", ... */
const char *clseq_optimizer_name(clseq_optimizer_kind kind);

/* The learning rate when none is given. */
double clseq_optimizer_default_lr(clseq_optimizer_kind kind);

typedef struct clseq_optimizer {
    const clseq_seq2seq *model; /* borrowed */
    struct clseq_optimizer_options options;
    clseq_param_buffers moment[CLSEQ_OPTIMIZER_MOMENTS]; /* owned */
} clseq_optimizer;

/* Moments are zeros, but for Adagrad's start. Release with clseq_optimizer_fini(), also after a
 * failure. */
CLSEQ_MUST_CHECK clseq_status
clseq_optimizer_init_with(clseq_optimizer *optimizer, const clseq_seq2seq *model,
                          const struct clseq_optimizer_options *options);

/* The same with the defaults of `kind`. */
CLSEQ_MUST_CHECK clseq_status clseq_optimizer_init(clseq_optimizer *optimizer,
                                                   const clseq_seq2seq *model,
                                                   clseq_optimizer_kind kind);
void clseq_optimizer_fini(clseq_optimizer *optimizer);

/* What a checkpoint must hold beside the weights: 0 to 2 moments, whose names are those of
 * backend/op_args.h. */
int clseq_optimizer_moments(const clseq_optimizer *optimizer,
                            const char *names[CLSEQ_OPTIMIZER_MOMENTS],
                            const clseq_param_buffers *buffers[CLSEQ_OPTIMIZER_MOMENTS]);

/* The tensors of one update: a vector of dense parameters, or rows of a table when index is
 * present. Moments in the order of clseq_optimizer_moments(). */
struct clseq_optimizer_tensors {
    clseq_tensor w, g, index, stats;
    clseq_tensor moment[CLSEQ_OPTIMIZER_MOMENTS];
};

/* The update of an optimizer, as one operation. `number` from 1. */
CLSEQ_MUST_CHECK clseq_status clseq_optimizer_apply(clseq_backend *be,
                                                    const struct clseq_optimizer_options *options,
                                                    uint64_t number, double lr,
                                                    const struct clseq_optimizer_tensors *tensors);

/* One update from the gradients of the model's last loss_bwd.
 *   number     of the update, from 1 (Adam's bias correction)
 *   max_norm   clip the global norm to this; 0 = no clipping
 *   sumsq (1)  scratch; stats (2) receives the norm and the scale that was applied. A norm that is
 *              not finite skips the update: scale 0. */
CLSEQ_MUST_CHECK clseq_status clseq_optimizer_step(const clseq_optimizer *optimizer,
                                                   uint64_t number, double lr, double max_norm,
                                                   clseq_tensor sumsq, clseq_tensor stats);

/* The same with `scale` times the gradients. */
CLSEQ_MUST_CHECK clseq_status clseq_optimizer_step_scaled(const clseq_optimizer *optimizer,
                                                          uint64_t number, double lr,
                                                          double max_norm, double scale,
                                                          clseq_tensor sumsq, clseq_tensor stats);

#endif
