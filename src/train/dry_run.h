/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Training without memory (backend/backend_memory.h): the very code that makes the model and trains
 * it, over the largest batches there are, says what it takes; then whether that is there.
 */
#ifndef CLSEQ_DRY_RUN_H
#define CLSEQ_DRY_RUN_H

#include "backend/backend_memory.h"
#include "train/trainer.h"

/* Memory of the whole run, what a score translates with included. Of `t` the data is used, and
 * nothing is changed. Errors: CLSEQ_ERR_LIMIT where a buffer is larger than the device's largest.
 */
CLSEQ_MUST_CHECK clseq_status clseq_trainer_dry_run(const clseq_trainer *t,
                                                    struct clseq_memory_table *ret);

/* Memory of a translation with the run's model: `B` sentences of `S` tokens, end token included. */
CLSEQ_MUST_CHECK clseq_status clseq_trainer_dry_translation(const clseq_trainer *t, int32_t S,
                                                            int32_t B, int32_t beam,
                                                            struct clseq_memory_table *ret);

/* How much there is, and what sets it: "--memory-limit", "the device", "this machine". 0 =
 * unknown. */
struct clseq_memory_there {
    uint64_t bytes;
    const char *what;
};
struct clseq_memory_there clseq_trainer_memory_there(const clseq_trainer *t);

/* Sentences at once that a score hook is expected to translate with: clseq_translate_options. */
#define CLSEQ_SCORE_BATCH 64

/* Host memory beside that of the batches which training takes later: for writing files, and for
 * data on its way to the device. */
#define CLSEQ_HOST_RESERVE ((uint64_t)32 << 20)

/* Whether the run fits; *planned is what it takes on the device. Errors: CLSEQ_ERR_DEVICE_NOMEM
 * with what would fit. */
CLSEQ_MUST_CHECK clseq_status clseq_trainer_check_memory(const clseq_trainer *t, uint64_t *planned);

#endif
