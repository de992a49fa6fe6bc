/* SPDX-License-Identifier: BSD-2-Clause */
#include "model/encoder.h"

clseq_status clseq_encoder_register(clseq_encoder *encoder, clseq_param_store *store,
                                    int32_t vocabulary, int32_t embedding, int32_t hidden,
                                    int32_t layers)
{
    CLSEQ_TRY(clseq_embedding_register(&encoder->embedding, store, "encoder.embedding", vocabulary,
                                       embedding));
    return clseq_lstm_stack_register(&encoder->rnn, store, "encoder.rnn", embedding, hidden,
                                     layers);
}

clseq_status clseq_encoder_take(const clseq_encoder *encoder, clseq_workspace *ws, clseq_dtype real,
                                int32_t S, int32_t B, int32_t unique, bool training,
                                clseq_encoder_pass *pass)
{
    const int32_t E = encoder->rnn.input, H = encoder->rnn.hidden;

    *pass = (clseq_encoder_pass) { 0 };
    CLSEQ_TRY(clseq_lstm_stack_take(&encoder->rnn, ws, real, S, B, training, &pass->rnn));
    CLSEQ_TRY(clseq_workspace_take(ws, real, 3, S, B, E, &pass->rnn.x));
    if (!training)
        return CLSEQ_OK;
    CLSEQ_TRY(clseq_workspace_take(ws, real, 3, S, B, H, &pass->dy));
    CLSEQ_TRY(clseq_workspace_take(ws, real, 3, S, B, E, &pass->dx));
    return clseq_workspace_take(ws, real, 2, unique, E, 0, &pass->rows);
}

clseq_status clseq_encoder_fwd(const clseq_encoder *encoder, const clseq_run *run,
                               const clseq_encoder_pass *pass)
{
    CLSEQ_TRY(clseq_embedding_fwd(&encoder->embedding, run, pass->index,
                                  clseq_tensor_flatten(pass->rnn.x)));
    CLSEQ_TRY(clseq_lstm_start_zero(&encoder->rnn, run, &pass->rnn));
    return clseq_lstm_stack_fwd(&encoder->rnn, run, &pass->rnn);
}

clseq_status clseq_encoder_bwd(const clseq_encoder *encoder, const clseq_run *run,
                               const clseq_encoder_pass *pass, const clseq_token_rows *tokens,
                               clseq_row_gradient *ret)
{
    /* Only the final states are used, so nothing comes from above the top layer. */
    CLSEQ_TRY(clseq_lstm_stack_bwd(&encoder->rnn, run, &pass->rnn, pass->dy, false, pass->dx));
    return clseq_embedding_layer_bwd(&encoder->embedding, run, clseq_tensor_flatten(pass->dx),
                                     tokens, pass->rows, ret);
}
