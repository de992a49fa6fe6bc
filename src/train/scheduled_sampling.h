/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Scheduled sampling (Bengio, Vinyals, Jaitly, Shazeer 2015): in training, some of
 * the words that the decoder reads are its own best guesses at that place and not
 * those of the text, so that it learns to go on from its own mistakes. What it is
 * to say stays the word of the text.
 *
 * A guess is a constant for back-propagation. So it is made beforehand, by the
 * decoder that translates, without dropout, word by word with the guesses already
 * among its inputs; training then takes all steps at once from inputs that are known.
 */
#ifndef CLSEQ_SCHEDULED_SAMPLING_H
#define CLSEQ_SCHEDULED_SAMPLING_H

#include "model/decoder_state.h"

#include <clseq/corpus.h>

typedef struct clseq_scheduled_sampling {
    clseq_decoder_state state;
    uint64_t seed;
    int32_t *words; /* (B) owned */
} clseq_scheduled_sampling;

/* For batches within `limits`, for which `model`, borrowed, is planned, too. Errors:
 * CLSEQ_ERR_LIMIT, CLSEQ_ERR_NOMEM, CLSEQ_ERR_DEVICE_NOMEM. Release with fini(), also after an
 * error; zeros are fine there. */
CLSEQ_MUST_CHECK clseq_status
clseq_scheduled_sampling_init(clseq_scheduled_sampling *s, clseq_seq2seq *model,
                              const struct clseq_seq2seq_limits *limits, uint64_t seed);
void clseq_scheduled_sampling_fini(clseq_scheduled_sampling *s);

/* Each word that the decoder reads in `batch`, but for the start token, stays with probability
 * `ratio`, and becomes the model's guess otherwise. The end token, after which there is nothing to
 * read, is never put in, nor are the other tokens that are no words; nor is a guess that is not a
 * number. What is drawn is a function of the seed, `number` and the place in the batch. Waits for
 * the device at every word. */
CLSEQ_MUST_CHECK clseq_status clseq_scheduled_sampling_draw(clseq_scheduled_sampling *s,
                                                            clseq_batch *batch, uint32_t number,
                                                            double ratio);

#endif
