/* SPDX-License-Identifier: BSD-2-Clause */
/* What the model at hand makes of the validation text. */
#ifndef CLSEQ_VALIDATION_H
#define CLSEQ_VALIDATION_H

#include "train/trainer.h"

/* event->loss: mean loss per token over the validation text; for models that learn by
 * noise-contrastive estimation log Z, too. *complete is false when a stop was asked for; the event
 * then says nothing. */
CLSEQ_MUST_CHECK clseq_status clseq_validation_run(clseq_trainer *t,
                                                   struct clseq_train_event *event, bool *complete);

/* The line of log.jsonl; NULL when memory is out. Numbers that are not finite are -1, of log Z
 * null. */
json_t *clseq_validation_entry(const clseq_trainer *t, const struct clseq_train_event *event);

#endif
