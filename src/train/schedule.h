/* SPDX-License-Identifier: BSD-2-Clause */
/* Learning rates and recurring events as pure functions of the update, so that a resumed run sees
 * the same ones. */
#ifndef CLSEQ_SCHEDULE_H
#define CLSEQ_SCHEDULE_H

#include <clseq/train.h>

/* The learning rate of update `update` (from 0), `per_epoch` updates making an epoch. */
double clseq_schedule_lr(const struct clseq_train_options *options, uint64_t update,
                         uint64_t per_epoch);

/* Whether something that recurs every `every` (epochs or updates) falls due once `update` updates
 * are done. False for update 0 and for an empty `every`. */
bool clseq_schedule_due(const struct clseq_when *every, uint64_t update, uint64_t per_epoch);

#endif
