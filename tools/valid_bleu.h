/* SPDX-License-Identifier: BSD-2-Clause */
/* BLEU of greedy translations of a validation text, for training hooks. */
#ifndef CLSEQ_VALID_BLEU_H
#define CLSEQ_VALID_BLEU_H

#include "line_pairs.h"

#include <clseq/train.h>

/* Start from { 0 }; release with valid_bleu_close(). */
struct valid_bleu {
    clseq_context *ctx;     /* borrowed */
    clseq_backend *be;      /* borrowed */
    struct line_pairs text; /* owned */
    bool lowercase;
};

/* Read the text; `target_path` NULL for a .tsv file. With `lowercase` both sides of the comparison
 * are lower-cased. */
CLSEQ_MUST_CHECK clseq_status valid_bleu_open(struct valid_bleu *v, clseq_context *ctx,
                                              clseq_backend *be, const char *source_path,
                                              const char *target_path, bool lowercase);
void valid_bleu_close(struct valid_bleu *v);

/* Translate all lines with a model, and compare: 0 to 100, as sacreBLEU with its defaults. For
 * clseq_train_hooks.score; `user` is a struct valid_bleu. */
clseq_status valid_bleu_score(void *user, const char *model_path, double *ret);

#endif
