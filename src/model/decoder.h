/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Target embedding, recurrent stack, attention and output layer. Training feeds
 * it the right words (teacher forcing); decoding takes one step at a time with
 * carried state.
 *
 * The first layer's input is the embedding and, when the model has them, the
 * encoder's final output (context input) and the last step's attentional output
 * (input feeding); W_ih has their columns in this order. Only input feeding makes
 * training go step by step.
 */
#ifndef CLSEQ_DECODER_H
#define CLSEQ_DECODER_H

#include "nn/attention.h"
#include "nn/embedding.h"
#include "nn/output_layer.h"
#include "nn/rnn_stack.h"

typedef struct clseq_decoder {
    clseq_embedding embedding;
    clseq_rnn_stack rnn;
    clseq_attention attention; /* kind NONE: there is none */
    bool input_feeding;
    int32_t contexts, context; /* parts of the context input (0: none), width of each */
    clseq_output_layer output;
} clseq_decoder;

typedef struct clseq_decoder_pass {
    /* Set by the caller: */
    clseq_tensor index; /* (T * B) i32, -1 at padding; also rnn.length but with input feeding */
    clseq_attention_memory memory; /* memory and length; keys are taken here */
    clseq_tensor context[2];       /* (B, context): the encoder's final outputs */
    clseq_tensor dmemory;          /* training: their gradients, added to */
    clseq_tensor dcontext[2];
    clseq_output_pass output; /* rows and target */

    clseq_rnn_pass rnn;
    clseq_tensor context_gates;  /* (B, G H) the context's share of the first layer's gates */
    clseq_attention_steps steps; /* all T steps */
    clseq_tensor fed;            /* (T + 1, B, H) input feeding: 0, then steps.out */
    clseq_tensor out;            /* (T, B, H) what the output layer sees */

    /* Training only: */
    clseq_tensor dout;           /* (T, B, H) */
    clseq_tensor dcontext_gates; /* (B, G H) */
    clseq_attention_gradients d; /* all T steps */
    clseq_tensor dx, rows;       /* (T, B, E), (U, E) */
} clseq_decoder_pass;

/* One step of decoding for `rows` hypotheses, which lie sentence by sentence, `beam` each. */
typedef struct clseq_decoder_step {
    int32_t beam;
    clseq_tensor x, gates, hn;  /* (rows, E), (rows, G H), (rows, H) scratch */
    clseq_tensor sum;           /* (2, rows, H) scratch of a residual stack */
    clseq_tensor context_gates; /* (rows, G H) */
    clseq_rnn_state from[CLSEQ_MAX_LAYERS], to[CLSEQ_MAX_LAYERS]; /* (rows, H), other memory */
    clseq_tensor fed_from, fed_to;                                /* (rows, H) input feeding */
    clseq_attention_memory memory;                                /* of the sentences */
    clseq_tensor query, context, output; /* (rows, H), (rows, D), (rows, H) scratch */
    clseq_tensor weights;                /* (rows, S): where each hypothesis looks */
} clseq_decoder_step;

/* `config` is resolved; `source` is the encoder's table, for shared embeddings. */
CLSEQ_MUST_CHECK clseq_status clseq_decoder_register(clseq_decoder *decoder,
                                                     clseq_param_store *store,
                                                     const struct clseq_model_config *config,
                                                     const clseq_embedding *source);

/* Take the activations of T steps over S source positions, with N real positions and `unique`
 * distinct input tokens. */
CLSEQ_MUST_CHECK clseq_status clseq_decoder_take(const clseq_decoder *decoder, clseq_workspace *ws,
                                                 clseq_dtype real, int32_t S, int32_t T, int32_t B,
                                                 int32_t N, int32_t unique, bool training,
                                                 bool dropout, clseq_decoder_pass *pass);

/* All steps up to what the output layer sees; the initial state is set. */
CLSEQ_MUST_CHECK clseq_status clseq_decoder_fwd(const clseq_decoder *decoder, const clseq_run *run,
                                                const clseq_decoder_pass *pass);

/* After clseq_decoder_fwd: the losses only, or the losses and all gradients of `scale` times their
 * sum. After loss_bwd pass->rnn's dh, dc are the gradients of the initial states, and ret[0] has
 * those of the embedding; with candidates (nn/sampled_output.h) ret[1] and ret[2] have those of the
 * output layer's weight and bias. The losses alone are always those of the softmax over all words.
 */
CLSEQ_MUST_CHECK clseq_status clseq_decoder_loss(const clseq_decoder *decoder, const clseq_run *run,
                                                 const clseq_decoder_pass *pass);
CLSEQ_MUST_CHECK clseq_status clseq_decoder_loss_bwd(const clseq_decoder *decoder,
                                                     const clseq_run *run,
                                                     const clseq_decoder_pass *pass,
                                                     const clseq_token_rows *tokens, double scale,
                                                     clseq_row_gradient ret[3]);

/* The context's share of the first layer's gates, (B, G H). */
CLSEQ_MUST_CHECK clseq_status clseq_decoder_context_gates(const clseq_decoder *decoder,
                                                          const clseq_run *run,
                                                          const clseq_tensor *context,
                                                          clseq_tensor gates);

/* Feed the words `index` (rows) i32; logits (rows, V) of the words that may follow. */
CLSEQ_MUST_CHECK clseq_status clseq_decoder_step_fwd(const clseq_decoder *decoder,
                                                     const clseq_run *run, clseq_tensor index,
                                                     const clseq_decoder_step *step,
                                                     clseq_tensor logits);

/* Feed the words `index` (rows) i32; best (rows) i32 is the most probable word that may follow, -1
 * for NaN. `logits` (rows, V) is memory to work in. */
CLSEQ_MUST_CHECK clseq_status clseq_decoder_step_best(const clseq_decoder *decoder,
                                                      const clseq_run *run, clseq_tensor index,
                                                      const clseq_decoder_step *step,
                                                      clseq_tensor logits, clseq_tensor best);

#endif
