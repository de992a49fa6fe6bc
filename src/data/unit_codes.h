/* SPDX-License-Identifier: BSD-2-Clause */
/* Where the codes of units bpe and spm come from: a file, or merges learnt from a text. */
#ifndef CLSEQ_UNIT_CODES_H
#define CLSEQ_UNIT_CODES_H

#include "base/base.h"

#include <clseq/subword.h>

/* What clseq_text_options.codes is to be: the text of a codes file (bpe; plain or gzip, line ends
 * LF) or the bytes of a model (spm). Replaces what is in `ret`. What it says is checked by who uses
 * it. Errors: CLSEQ_ERR_IO, CLSEQ_ERR_DATA (codes: not UTF-8), CLSEQ_ERR_LIMIT (models: 256 MiB),
 * CLSEQ_ERR_NOMEM. */
CLSEQ_MUST_CHECK clseq_status clseq_unit_codes_read(clseq_context *ctx, clseq_unit unit,
                                                    const char *path, clseq_text *ret);

/* The side of a text that merges are learnt from. */
typedef struct clseq_unit_learning {
    clseq_text_options text[2]; /* source, target: how lines become words; the unit is ignored */
    bool wanted[2];             /* sides that need merges */
    bool joint;                 /* the same for both, learnt from both together */
    size_t merges;              /* at most; of pairs seen twice or more, as subword-nmt does */
    size_t max_length;          /* pairs with an empty side or one of more words are left out */
} clseq_unit_learning;

/* Learn merges in one reading of `pairs`. Replaces what is in ret[side] where it is wanted. Errors:
 * those of clseq_pairs_next() and clseq_bpe_learner_learn(). */
CLSEQ_MUST_CHECK clseq_status clseq_unit_codes_learn(clseq_context *ctx, clseq_pairs *pairs,
                                                     const clseq_unit_learning *learning,
                                                     clseq_text ret[2]);

#endif
