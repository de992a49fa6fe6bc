/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * One gradient from several batches. The dense gradients add up where they are; the
 * rows of an embedding table are merged, so that cost and memory follow the tokens
 * and not the vocabulary: each distinct token of the group gets a row in the order
 * of its first use, and the rows of every batch are added to theirs.
 *
 *     clseq_accumulator_begin(a);
 *     for each batch: clseq_accumulator_add(a, &input, loss);
 *     clseq_accumulator_end(a);
 *     clseq_optimizer_step_scaled(optimizer, ..., scale, ...);
 */
#ifndef CLSEQ_ACCUMULATOR_H
#define CLSEQ_ACCUMULATOR_H

#include "model/seq2seq.h"

typedef struct clseq_accumulator {
    clseq_seq2seq *model; /* borrowed */
    int tables;           /* of the model */
    int32_t batches;      /* of the group at hand so far */

    struct clseq_merged_rows {
        int32_t vocabulary, size, most, capacity; /* V, E, rows of a batch, rows of a group */
        int32_t count;                            /* rows in use */
        int32_t *row;                             /* (V) of a token; -1 = none yet; owned */
        int32_t *token;                           /* (capacity) of a row; owned */
        clseq_buffer *rows;                       /* (capacity, E); owned */
        clseq_buffer *batch;                      /* (most, E): old values; owned */
        clseq_buffer *index;                      /* i32; owned */
    } table[CLSEQ_ROW_TABLES];                    /* those of the model */
    int32_t *staging;                             /* (2 most) of the larger table; owned */
    clseq_buffer *one;                            /* a loss; owned */
} clseq_accumulator;

/* For groups of up to `group` batches within `limits`. Release with clseq_accumulator_fini(), also
 * after a failure. */
CLSEQ_MUST_CHECK clseq_status clseq_accumulator_init(clseq_accumulator *accumulator,
                                                     clseq_seq2seq *model,
                                                     const struct clseq_seq2seq_limits *limits,
                                                     size_t group);
void clseq_accumulator_fini(clseq_accumulator *accumulator);

/* Start a group. */
void clseq_accumulator_begin(clseq_accumulator *accumulator);

/* Upload a batch, run it forward and backward, and add its gradients, of the summed loss (scale 1),
 * and its loss: loss (1) is set by the first batch of a group. */
CLSEQ_MUST_CHECK clseq_status clseq_accumulator_add(clseq_accumulator *accumulator,
                                                    const struct clseq_seq2seq_input *input,
                                                    clseq_tensor loss);

/* The model's gradients become those of the whole group, until its next loss_bwd. */
CLSEQ_MUST_CHECK clseq_status clseq_accumulator_end(clseq_accumulator *accumulator);

#endif
