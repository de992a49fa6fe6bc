/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A batch in decoding: the recurrent state of every hypothesis, the words chosen
 * so far, and the scratch of a step. Greedy and beam search differ only in how
 * they choose the next words.
 *
 * Row i * beam + k of every tensor is hypothesis k of the i-th open sentence.
 * Steps run in blocks of CLSEQ_DECODE_BLOCK: the words of a block stay on the
 * device, one ring row a step, and the next step looks them up there. Only after
 * a block does the host read them, see which sentences are decided, and drop
 * those from the batch (compaction), so that finished sentences cost nothing.
 * Nothing is allocated on the device between plan() and the end of the batch.
 */
#ifndef CLSEQ_DECODER_STATE_H
#define CLSEQ_DECODER_STATE_H

#include "model/seq2seq.h"

/* Reading back costs a wait, steps after the last word cost work: this is the balance. At least 2,
 * because a step reads one ring row while it writes the next. */
#define CLSEQ_DECODE_BLOCK 8

typedef struct clseq_decoder_state {
    clseq_context *ctx;   /* borrowed */
    clseq_seq2seq *model; /* borrowed */
    clseq_workspace ws;   /* its buffers are owned */
    /* Of an ensemble: the state whose words this one is fed, borrowed; NULL: its own. It has a
     * history of its own only when it leads. */
    const struct clseq_decoder_state *lead;

    /* The batch in hand; views into the workspace with rows = open * beam. */
    int32_t sentences, beam; /* as it began */
    int32_t open, rows;
    clseq_decoder_step step;           /* its scratch; states are set for every step */
    clseq_tensor logits;               /* (rows, V) */
    clseq_tensor state[2];             /* (rows, all): h of all layers, c of all layers, and what is
                                          fed back */
    int current;                       /* which of the two holds the state; the other is free */
    clseq_rnn_pass start;              /* initial states, (1, sentences, H) */
    clseq_tensor start_gates;          /* (sentences, G H) context input */
    clseq_tensor context_gates[2];     /* (rows, G H) */
    clseq_tensor memory[2], keys[2];   /* (open, S D), (open, S H): the memory of each sentence */
    clseq_tensor length;               /* (open) i32 source words */
    int held;                          /* which of the two of these three */
    int32_t S;                         /* source positions */
    clseq_tensor weights;              /* (BLOCK, rows, S) where attention looked */
    clseq_tensor value, index;         /* (rows, beam), index i32 */
    clseq_tensor loss, lse;            /* (rows) */
    clseq_tensor order;                /* (rows) i32, rows to gather, written by the host */
    clseq_tensor token, parent, score; /* (BLOCK, rows); token and parent i32 */
    clseq_tensor counter;              /* (rows, 2) i32, what the samples of a row hang on */

    /* Host memory, kept from batch to batch. */
    int32_t *open_sentence; /* (open) number in the batch of each open sentence, ascending */
    int32_t *stage_index, *stage_parent; /* (BLOCK * rows) */
    float *stage_real;                   /* (BLOCK * rows) */
    float *stage_weights;                /* (BLOCK * rows * S) */
    int32_t *source_length;              /* (sentences) */
    size_t open_capacity, index_capacity, parent_capacity, real_capacity, stage_weights_capacity;
    size_t length_capacity;

    /* What was read back: element (t * sentences + b) * beam + k; parent is the k at t - 1.
     * Elements of sentences that were dropped before t are undefined. */
    int32_t steps;
    int32_t *token_at, *parent_at;
    float *score_at;
    float *weight_at; /* S for each: where what was in slot k before step t looked, so that of word
                         (t, b, k) is with slot parent_at[t, b, k] of step t */
    size_t token_capacity, parent_at_capacity, score_capacity, weight_capacity;
} clseq_decoder_state;

/* What to read back after a block, beside the words. */
enum { CLSEQ_DECODE_PARENTS = 1, CLSEQ_DECODE_SCORES = 2, CLSEQ_DECODE_WEIGHTS = 4 };

void clseq_decoder_state_init(clseq_decoder_state *st, clseq_seq2seq *model);
void clseq_decoder_state_fini(clseq_decoder_state *st);

/* Device memory for batches up to this size, S source positions; kept where it suffices. Errors:
 * CLSEQ_ERR_LIMIT, CLSEQ_ERR_DEVICE_NOMEM. */
CLSEQ_MUST_CHECK clseq_status clseq_decoder_state_plan(clseq_decoder_state *st, int32_t sentences,
                                                       int32_t S, int32_t beam);

/* Encode `input` (T = 0; the model and this state are planned for it) and start all hypotheses: the
 * last word is the start token, slot 0 of each sentence has score 0, the others are not in use. */
CLSEQ_MUST_CHECK clseq_status clseq_decoder_state_begin(clseq_decoder_state *st,
                                                        const struct clseq_seq2seq_input *input,
                                                        int32_t beam);

/* Ring row of step s = 0 .. BLOCK - 1 of a block, (rows), and of the step before it. */
clseq_tensor clseq_decoder_state_row(const clseq_tensor *ring, int32_t s);
clseq_tensor clseq_decoder_state_row_before(const clseq_tensor *ring, int32_t s);

/* Feed the words of the step before s; st->logits is what may follow them. */
CLSEQ_MUST_CHECK clseq_status clseq_decoder_state_step(clseq_decoder_state *st, int32_t s);

/* The same where only the most probable words are wanted: best (rows) i32, -1 for NaN. What is in
 * st->logits then means nothing. */
CLSEQ_MUST_CHECK clseq_status clseq_decoder_state_step_best(clseq_decoder_state *st, int32_t s,
                                                            clseq_tensor best);

/* Row r of the state becomes row index[r], index (rows) i32. */
CLSEQ_MUST_CHECK clseq_status clseq_decoder_state_reorder(clseq_decoder_state *st,
                                                          clseq_tensor index);

/* Number the rows for sampling: row i * beam + k draws sample k of line[open_sentence[i]]; of a
 * number 32 bits count. Again after each compaction. */
CLSEQ_MUST_CHECK clseq_status clseq_decoder_state_number(clseq_decoder_state *st,
                                                         const uint64_t *line);

/* Wait for the next `n` steps of a block, those behind the steps in the history, and append them to
 * it. */
CLSEQ_MUST_CHECK clseq_status clseq_decoder_state_read(clseq_decoder_state *st, int32_t n,
                                                       unsigned what);

/* Go on with the sentences whose decided[b] is false (b numbers the batch as it began); `what` as
 * for read. Small savings are left alone. After part of a block it does nothing. */
CLSEQ_MUST_CHECK clseq_status clseq_decoder_state_compact(clseq_decoder_state *st,
                                                          const bool *decided, unsigned what);

/* Place of step t, sentence b, slot k in the history. */
static inline size_t clseq_decoder_state_at(const clseq_decoder_state *st, int32_t t, int32_t b,
                                            int32_t k)
{
    return ((size_t)t * (size_t)st->sentences + (size_t)b) * (size_t)st->beam + (size_t)k;
}

/* Where the hypothesis that was in slot k of sentence b before step t looked in it: one weight for
 * each of the source_length[b] positions. Borrowed until the next read. */
static inline const float *clseq_decoder_state_weights(const clseq_decoder_state *st, int32_t t,
                                                       int32_t b, int32_t k)
{
    return st->weight_at + clseq_decoder_state_at(st, t, b, k) * (size_t)st->S;
}

#endif
