/* SPDX-License-Identifier: BSD-2-Clause */
/* A run in progress: what trainer.c shares with planning (plan.c) and its dry run (dry_run.c). */
#ifndef CLSEQ_TRAINER_H
#define CLSEQ_TRAINER_H

#include "train/accumulator.h"
#include "train/batch_plan.h"
#include "train/candidates.h"
#include "train/checkpoint.h"
#include "train/dataset.h"
#include "train/pretrained.h"
#include "train/run_folder.h"
#include "train/scheduled_sampling.h"
#include "train/step_record.h"
#include "train/train_config.h"

/* Sums since the last report. */
struct clseq_train_sums {
    double loss, started;
    uint64_t tokens;
    double norm;
};

struct clseq_trainer {
    clseq_context *ctx;
    clseq_backend *be;
    const struct clseq_train_options *options;
    const struct clseq_train_hooks *hooks;
    clseq_run_folder folder;
    clseq_model_meta meta;
    clseq_dataset train, valid;
    clseq_batch batch;
    clseq_seq2seq *model;
    clseq_optimizer optimizer;
    clseq_ema ema;                     /* when it is asked for */
    clseq_accumulator accumulator;     /* when an update takes several batches */
    clseq_scheduled_sampling sampling; /* when the decoder reads its own words, too */
    clseq_candidates candidates;       /* when the loss is over words that are drawn */
    clseq_pretrained
        pretrained[2]; /* source, target; what has no file or is no longer needed: zeros */
    clseq_step_record record;
    clseq_train_state state;

    uint64_t batches_per_epoch, per_epoch; /* batches, updates */
    double session_start, seconds_before;  /* clock at the start; seconds of earlier sessions */
    double last_save;                      /* clock */
    struct clseq_train_sums report;
    double train_loss;
    bool resumed, stop;
    uint64_t planned_bytes; /* device memory at most, as the dry run says */
};

typedef struct clseq_trainer clseq_trainer;

/* Both start from zeros with ctx, be, options, batch (initialised) and folder.lock = -1. */

/* Corpora, vocabularies and batches, where not known from a checkpoint. */
CLSEQ_MUST_CHECK clseq_status clseq_trainer_load_data(clseq_trainer *t);

/* Word vectors, where they are asked for and still needed. */
CLSEQ_MUST_CHECK clseq_status clseq_trainer_load_vectors(clseq_trainer *t);

/* Everything that is on the device, for the batches at hand, full of zeros. Allocates no host
 * memory worth mentioning. */
CLSEQ_MUST_CHECK clseq_status clseq_trainer_create_device(clseq_trainer *t);
void clseq_trainer_destroy_device(clseq_trainer *t);

/* Host memory for batches, and the threads that make them. */
CLSEQ_MUST_CHECK clseq_status clseq_trainer_create_batches(clseq_trainer *t);

/* Weights to begin with. */
CLSEQ_MUST_CHECK clseq_status clseq_trainer_init_weights(clseq_trainer *t);

/* Seconds of all sessions so far. */
double clseq_trainer_seconds(const clseq_trainer *t);

/* Ask the hook whether to stop; t->stop stays set. */
void clseq_trainer_poll_stop(clseq_trainer *t);

/* The next update. */
CLSEQ_MUST_CHECK clseq_status clseq_trainer_update(clseq_trainer *t, double lr);

/* Release all. */
void clseq_trainer_fini(clseq_trainer *t);

#endif
