/* SPDX-License-Identifier: BSD-2-Clause */
/* Target embedding, LSTM stack and output layer. Training feeds it the right words (teacher
 * forcing); decoding takes one step at a time with carried state. */
#ifndef CLSEQ_DECODER_H
#define CLSEQ_DECODER_H

#include "nn/embedding.h"
#include "nn/lstm_stack.h"
#include "nn/output_layer.h"

typedef struct clseq_decoder {
    clseq_embedding embedding;
    clseq_lstm_stack rnn;
    clseq_output_layer output;
} clseq_decoder;

typedef struct clseq_decoder_pass {
    clseq_tensor index; /* (T * B) i32, -1 at padding; set by the caller, like rnn.length */
    clseq_lstm_pass rnn;
    clseq_output_pass output;  /* rows and target set by the caller */
    clseq_tensor dy, dx, rows; /* training only: (T, B, H), (T, B, E), (U, E) */
} clseq_decoder_pass;

CLSEQ_MUST_CHECK clseq_status clseq_decoder_register(clseq_decoder *decoder,
                                                     clseq_param_store *store, int32_t vocabulary,
                                                     int32_t embedding, int32_t hidden,
                                                     int32_t layers);

/* Take the activations of T steps with N real positions and `unique` distinct input tokens. */
CLSEQ_MUST_CHECK clseq_status clseq_decoder_take(const clseq_decoder *decoder, clseq_workspace *ws,
                                                 clseq_dtype real, int32_t T, int32_t B, int32_t N,
                                                 int32_t unique, bool training,
                                                 clseq_decoder_pass *pass);

/* Top-layer outputs of all steps; the initial state is set. */
CLSEQ_MUST_CHECK clseq_status clseq_decoder_fwd(const clseq_decoder *decoder, const clseq_run *run,
                                                const clseq_decoder_pass *pass);

/* After clseq_decoder_fwd: the losses only, or the losses and all gradients of `scale` times their
 * sum. After loss_bwd pass->rnn.dh, dc are the gradients of the initial states. */
CLSEQ_MUST_CHECK clseq_status clseq_decoder_loss(const clseq_decoder *decoder, const clseq_run *run,
                                                 const clseq_decoder_pass *pass);
CLSEQ_MUST_CHECK clseq_status clseq_decoder_loss_bwd(const clseq_decoder *decoder,
                                                     const clseq_run *run,
                                                     const clseq_decoder_pass *pass,
                                                     const clseq_token_rows *tokens, double scale,
                                                     clseq_row_gradient *ret);

#endif
