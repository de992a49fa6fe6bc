/* SPDX-License-Identifier: BSD-2-Clause */
#include "train/scheduled_sampling.h"

#include "base/philox.h"
#include "data/batch_input.h"
#include "data/corpus_inside.h"

#include <stdlib.h>

clseq_status clseq_scheduled_sampling_init(clseq_scheduled_sampling *s, clseq_seq2seq *model,
                                           const struct clseq_seq2seq_limits *limits, uint64_t seed)
{
    *s = (clseq_scheduled_sampling) { .seed = seed };
    clseq_decoder_state_init(&s->state, model);
    CLSEQ_TRY(
        clseq_calloc(model->ctx, (size_t)limits->B, sizeof(*s->words), "own words", &s->words));
    return clseq_decoder_state_plan(&s->state, limits->B, limits->S, 1);
}

void clseq_scheduled_sampling_fini(clseq_scheduled_sampling *s)
{
    clseq_decoder_state_fini(&s->state);
    free(s->words);
    *s = (clseq_scheduled_sampling) { 0 };
}

/* Whether the decoder is to read its own word at step t of row b. */
static bool is_own(const clseq_scheduled_sampling *s, const clseq_batch *batch, uint32_t number,
                   double ratio, size_t t, size_t b)
{
    const uint64_t whole = (uint64_t)1 << 32;

    return t > 0 && (int32_t)t < batch->target_length[b] &&
           clseq_random_below(s->seed, CLSEQ_RANDOM_TEACHER, number, t * batch->B + b, whole) >=
               (uint64_t)(ratio * (double)whole);
}

/* The last step that reads a word of the model's; 0 when none does. */
static size_t last_own(const clseq_scheduled_sampling *s, const clseq_batch *batch, uint32_t number,
                       double ratio)
{
    for (size_t t = batch->T; t-- > 1;) {
        for (size_t b = 0; b < batch->B; b++) {
            if (is_own(s, batch, number, ratio, t, b))
                return t;
        }
    }
    return 0;
}

static bool is_word(int32_t id)
{
    return id == CLSEQ_ID_UNK || id >= CLSEQ_ID_FIRST;
}

/* What is read at step t, given the guesses in words[]; these become what the decoder is fed. */
static void choose(clseq_scheduled_sampling *s, clseq_batch *batch, uint32_t number, double ratio,
                   size_t t)
{
    for (size_t b = 0; b < batch->B; b++) {
        const size_t at = t * batch->B + b;

        if (is_own(s, batch, number, ratio, t, b) && is_word(s->words[b]))
            batch->target_in[at] = batch->target_index[at] = s->words[b];
        s->words[b] = batch->target_index[at];
    }
}

/* Step t - 1 of the decoder, and from what it says the inputs of step t. */
static clseq_status step(clseq_scheduled_sampling *s, clseq_batch *batch, uint32_t number,
                         double ratio, size_t t)
{
    const int32_t place = (int32_t)((t - 1) % CLSEQ_DECODE_BLOCK);
    const clseq_tensor token = clseq_decoder_state_row(&s->state.token, place);
    const size_t at = token.offset * sizeof(*s->words), size = batch->B * sizeof(*s->words);

    CLSEQ_TRY(clseq_decoder_state_step(&s->state, place));
    CLSEQ_TRY(clseq_op_argmax(
        s->state.model->be, &(struct clseq_argmax_args) { .x = s->state.logits, .index = token }));
    CLSEQ_TRY(clseq_buffer_read(token.buffer, at, s->words, size));
    choose(s, batch, number, ratio, t);
    return clseq_buffer_write(token.buffer, at, s->words, size);
}

clseq_status clseq_scheduled_sampling_draw(clseq_scheduled_sampling *s, clseq_batch *batch,
                                           uint32_t number, double ratio)
{
    const size_t last = last_own(s, batch, number, ratio);
    struct clseq_seq2seq_input input = clseq_batch_input(batch);

    if (last == 0)
        return CLSEQ_OK;
    input.T = input.N = 0;
    CLSEQ_TRY(clseq_decoder_state_begin(&s->state, &input, 1));
    for (size_t t = 1; t <= last; t++)
        CLSEQ_TRY(step(s, batch, number, ratio, t));
    clseq_batch_list_inputs(batch);
    return CLSEQ_OK;
}
