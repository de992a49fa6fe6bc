/* SPDX-License-Identifier: BSD-2-Clause */
/* Source embedding and LSTM stack. Its product is the final state of every layer. */
#ifndef CLSEQ_ENCODER_H
#define CLSEQ_ENCODER_H

#include "nn/embedding.h"
#include "nn/lstm_stack.h"

typedef struct clseq_encoder {
    clseq_embedding embedding;
    clseq_lstm_stack rnn;
} clseq_encoder;

typedef struct clseq_encoder_pass {
    clseq_tensor index; /* (S * B) i32, -1 at padding; set by the caller, like rnn.length */
    clseq_lstm_pass rnn;
    clseq_tensor dy, dx, rows; /* training only: (S, B, H), (S, B, E), (U, E) */
} clseq_encoder_pass;

CLSEQ_MUST_CHECK clseq_status clseq_encoder_register(clseq_encoder *encoder,
                                                     clseq_param_store *store, int32_t vocabulary,
                                                     int32_t embedding, int32_t hidden,
                                                     int32_t layers);

/* Take the activations; `unique` is the number of distinct tokens, used in training only. */
CLSEQ_MUST_CHECK clseq_status clseq_encoder_take(const clseq_encoder *encoder, clseq_workspace *ws,
                                                 clseq_dtype real, int32_t S, int32_t B,
                                                 int32_t unique, bool training,
                                                 clseq_encoder_pass *pass);

CLSEQ_MUST_CHECK clseq_status clseq_encoder_fwd(const clseq_encoder *encoder, const clseq_run *run,
                                                const clseq_encoder_pass *pass);

/* pass->rnn.dh, dc hold the gradients of the final states. */
CLSEQ_MUST_CHECK clseq_status clseq_encoder_bwd(const clseq_encoder *encoder, const clseq_run *run,
                                                const clseq_encoder_pass *pass,
                                                const clseq_token_rows *tokens,
                                                clseq_row_gradient *ret);

#endif
