/* SPDX-License-Identifier: BSD-2-Clause */
/* How long a translation of the validation text takes. */
#ifndef CLSEQ_PLAN_TRANSLATE_H
#define CLSEQ_PLAN_TRANSLATE_H

#include "train/trainer.h"

/* Seconds to translate the validation text of `t` with `beam` hypotheses, `batch` sentences at
 * once: a few of its batches, in the order and of the sizes of clseq_translator_translate(), are
 * searched with random weights for as many steps as their targets have tokens, and timed for about
 * `seconds`; one at least. *batches is how many it has. 0 seconds when the device has no memory
 * for it beside what is there. Errors: those of clseq_bench_decode(), CLSEQ_ERR_NOMEM. */
CLSEQ_MUST_CHECK clseq_status clseq_plan_translation(const clseq_trainer *t, int32_t batch,
                                                     int32_t beam, double seconds, double *ret,
                                                     uint64_t *batches);

#endif
