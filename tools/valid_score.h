/* SPDX-License-Identifier: BSD-2-Clause */
/* A metric of greedy translations of a validation text, for training hooks. */
#ifndef CLSEQ_VALID_SCORE_H
#define CLSEQ_VALID_SCORE_H

#include "line_pairs.h"

#include <clseq/eval.h>
#include <clseq/train.h>

/* Start from { 0 }; release with valid_score_close(). */
struct valid_score {
    clseq_context *ctx;       /* borrowed */
    clseq_backend *be;        /* borrowed */
    clseq_eval_metric metric; /* BLEU or WRONG_RATE */
    bool lowercase;           /* both sides of the comparison */
    struct line_pairs text;   /* owned */
};

/* Read the text; `target_path` NULL for a .tsv file. `metric`: CLSEQ_EVAL_METRIC_BLEU or
 * CLSEQ_EVAL_METRIC_WRONG_RATE. Errors: those of line_pairs_open(). */
CLSEQ_MUST_CHECK clseq_status valid_score_open(struct valid_score *v, clseq_context *ctx,
                                               clseq_backend *be, const char *source_path,
                                               const char *target_path, clseq_eval_metric metric,
                                               bool lowercase);
void valid_score_close(struct valid_score *v);

/* Make the score of each validation this one: translate all lines with its model, and compare as
 * clseq eval does with its defaults; 0 to 100. `v` must outlive the training. */
void valid_score_hook(struct valid_score *v, struct clseq_train_hooks *hooks);

#endif
