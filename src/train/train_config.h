/* SPDX-License-Identifier: BSD-2-Clause */
/* Options of a run: defaults, checks, config.json, and whether a run may go on with them. */
#ifndef CLSEQ_TRAIN_CONFIG_H
#define CLSEQ_TRAIN_CONFIG_H

#include "train/optimizer.h"

#include <clseq/train.h>

#include <jansson.h>

/* Refuse options out of range. Errors: CLSEQ_ERR_ARG. */
CLSEQ_MUST_CHECK clseq_status clseq_train_options_check(clseq_context *ctx,
                                                        const struct clseq_train_options *options);

/* What the optimizer is made with. */
struct clseq_optimizer_options
clseq_train_options_optimizer(const struct clseq_train_options *options);

/* Give the model its dropout and label smoothing. */
void clseq_train_options_regularise(const struct clseq_train_options *options,
                                    clseq_seq2seq *model);

/* The options, and the precision of products that a run is made with, as config.json has them.
 * Errors: CLSEQ_ERR_NOMEM. */
CLSEQ_MUST_CHECK clseq_status clseq_train_options_to_json(clseq_context *ctx,
                                                          const struct clseq_train_options *options,
                                                          clseq_precision precision, json_t **ret);

/* Compare what decides the numbers of a run: everything but file names, how long to train, and when
 * to report, validate and save. Errors: CLSEQ_ERR_ARG naming the first option that differs, both
 * values, and the way out. */
CLSEQ_MUST_CHECK clseq_status clseq_train_options_match(clseq_context *ctx, const char *run,
                                                        const json_t *saved, const json_t *given);

#endif
