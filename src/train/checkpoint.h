/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Checkpoints: a model file with the optimizer's moments and the state of the
 * training loop. Random numbers are counter-based and the order of the batches is
 * a function of the update, so this little is everything.
 */
#ifndef CLSEQ_CHECKPOINT_H
#define CLSEQ_CHECKPOINT_H

#include "io/model_file.h"
#include "train/ema.h"
#include "train/optimizer.h"

typedef struct clseq_train_state {
    uint64_t update;      /* updates done; also the position in the data */
    uint64_t fingerprint; /* of the corpus */
    uint64_t vectors[2];  /* of the files that source and target embeddings began with; 0 = none */
    uint64_t skipped;     /* updates skipped because of NaN or infinity */
    uint64_t skipped_in_row;
    uint64_t validated; /* update of the last validation; 0 = none yet */
    bool has_best;
    double best_loss;          /* best validation, per token */
    double best_score;         /* of the same validation, where there is a score */
    int64_t worse_validations; /* since the best one */
    uint64_t since_decay;      /* validations since the best one or the last decay */
    uint64_t decays;           /* of the plateau schedule */
    double seconds;            /* spent so far */
} clseq_train_state;

/* Write a checkpoint. `ema` may have no average. */
CLSEQ_MUST_CHECK clseq_status clseq_checkpoint_save(
    const clseq_seq2seq *model, const clseq_model_meta *meta, const clseq_optimizer *optimizer,
    const clseq_ema *ema, const clseq_train_state *state, const char *path);

/* The state in an open checkpoint. Errors: CLSEQ_ERR_FORMAT. */
CLSEQ_MUST_CHECK clseq_status clseq_checkpoint_state(clseq_context *ctx,
                                                     const clseq_safetensors *file,
                                                     clseq_train_state *ret);

/* Weights, moments and, where there is one, average of an open checkpoint. */
CLSEQ_MUST_CHECK clseq_status clseq_checkpoint_read(clseq_seq2seq *model,
                                                    const clseq_optimizer *optimizer,
                                                    const clseq_ema *ema, clseq_safetensors *file);

#endif
