/* SPDX-License-Identifier: BSD-2-Clause */
/* Source embedding and recurrent stack. Its products are the final state of every layer and, for
 * attention, the top layer's outputs. */
#ifndef CLSEQ_ENCODER_H
#define CLSEQ_ENCODER_H

#include "nn/embedding.h"
#include "nn/rnn_stack.h"

#include <clseq/model.h>

typedef struct clseq_encoder {
    clseq_embedding embedding;
    clseq_rnn_stack rnn;
} clseq_encoder;

typedef struct clseq_encoder_pass {
    clseq_tensor index; /* (S * B) i32, -1 at padding; set by the caller, like rnn.length and
                           rnn.reverse */
    clseq_rnn_pass rnn;
    clseq_tensor dy, dx, rows; /* training only: (S, B, D H), (S, B, E), (U, E) */
} clseq_encoder_pass;

/* `config` is resolved. */
CLSEQ_MUST_CHECK clseq_status clseq_encoder_register(clseq_encoder *encoder,
                                                     clseq_param_store *store,
                                                     const struct clseq_model_config *config);

/* Take the activations; `unique` is the number of distinct tokens, used in training only. */
CLSEQ_MUST_CHECK clseq_status clseq_encoder_take(const clseq_encoder *encoder, clseq_workspace *ws,
                                                 clseq_dtype real, int32_t S, int32_t B,
                                                 int32_t unique, bool training, bool dropout,
                                                 clseq_encoder_pass *pass);

CLSEQ_MUST_CHECK clseq_status clseq_encoder_fwd(const clseq_encoder *encoder, const clseq_run *run,
                                                const clseq_encoder_pass *pass);

/* pass->rnn's dh, dc hold the gradients of the final states; with `dy_given` pass->dy that of the
 * outputs, which is used up. */
CLSEQ_MUST_CHECK clseq_status clseq_encoder_bwd(const clseq_encoder *encoder, const clseq_run *run,
                                                const clseq_encoder_pass *pass, bool dy_given,
                                                const clseq_token_rows *tokens,
                                                clseq_row_gradient *ret);

#endif
