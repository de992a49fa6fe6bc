/* SPDX-License-Identifier: BSD-2-Clause */
/* Learning rates and recurring events as pure functions of the update (and of the number of decays,
 * which a checkpoint holds), so that a resumed run sees the same ones. */
#ifndef CLSEQ_SCHEDULE_H
#define CLSEQ_SCHEDULE_H

#include <clseq/train.h>

/* "constant", "halve", ... */
const char *clseq_schedule_name(clseq_schedule_kind kind);

/* Where the linear and the cosine schedule end, in updates: the first of the limits of `after`; 0
 * when it has none but time. `per_epoch` updates make an epoch. */
double clseq_schedule_end(const struct clseq_when *after, uint64_t per_epoch);

/* The learning rate of update `update` (from 0), `per_epoch` updates making an epoch; `decays`: how
 * often validation came to a plateau so far. */
double clseq_schedule_lr(const struct clseq_train_options *options, uint64_t update,
                         uint64_t per_epoch, uint64_t decays);

/* "constant", "linear", ... */
const char *clseq_schedule_teacher_name(clseq_teacher_kind kind);

/* When the part of the words that a decoder reads from the text has come down, in updates; 0 when
 * no limit says it. */
double clseq_schedule_teacher_end(const struct clseq_train_options *options, uint64_t per_epoch);

/* That part in update `update` (from 0); the end above must be known unless it is constant. */
double clseq_schedule_teacher_forcing(const struct clseq_train_options *options, uint64_t update,
                                      uint64_t per_epoch);

/* Whether embeddings that came from a file are still kept as they are in update `update`. */
bool clseq_schedule_frozen(const struct clseq_train_options *options, uint64_t update,
                           uint64_t per_epoch);

/* Whether something that recurs every `every` (epochs or updates) falls due once `update` updates
 * are done. False for update 0 and for an empty `every`. */
bool clseq_schedule_due(const struct clseq_when *every, uint64_t update, uint64_t per_epoch);

#endif
