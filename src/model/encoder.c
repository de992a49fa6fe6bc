/* SPDX-License-Identifier: BSD-2-Clause */
#include "model/encoder.h"

#include "nn/dropout.h"

clseq_status clseq_encoder_register(clseq_encoder *encoder, clseq_param_store *store,
                                    const struct clseq_model_config *config)
{
    encoder->rnn = (clseq_rnn_stack) {
        .cell = config->cell,
        .peepholes = config->peepholes,
        .residual = config->residual,
        .layers = config->encoder_layers,
        .directions = config->bidirectional ? 2 : 1,
        .input = config->embedding,
        .hidden = config->encoder_hidden,
    };
    CLSEQ_TRY(clseq_embedding_register(&encoder->embedding, store, "encoder.embedding",
                                       config->source_vocabulary, config->embedding));
    return clseq_rnn_stack_register(&encoder->rnn, store, "encoder.rnn");
}

clseq_status clseq_encoder_take(const clseq_encoder *encoder, clseq_workspace *ws, clseq_dtype real,
                                int32_t S, int32_t B, int32_t unique, bool training, bool dropout,
                                clseq_encoder_pass *pass)
{
    const int32_t E = encoder->rnn.input, width = encoder->rnn.directions * encoder->rnn.hidden;

    *pass = (clseq_encoder_pass) { 0 };
    CLSEQ_TRY(clseq_rnn_stack_take(&encoder->rnn, ws, real, S, B, training, dropout, &pass->rnn));
    CLSEQ_TRY(clseq_workspace_take(ws, real, 3, S, B, E, &pass->rnn.x));
    pass->rnn.place = CLSEQ_PLACE_ENCODER;
    if (!training)
        return CLSEQ_OK;
    CLSEQ_TRY(clseq_workspace_take(ws, real, 3, S, B, width, &pass->dy));
    CLSEQ_TRY(clseq_workspace_take(ws, real, 3, S, B, E, &pass->dx));
    return clseq_workspace_take(ws, real, 2, unique, E, 0, &pass->rows);
}

clseq_status clseq_encoder_fwd(const clseq_encoder *encoder, const clseq_run *run,
                               const clseq_encoder_pass *pass)
{
    if (!clseq_rnn_stack_has_table(&encoder->rnn)) {
        CLSEQ_TRY(clseq_embedding_fwd(&encoder->embedding, run, pass->index,
                                      clseq_tensor_flatten(pass->rnn.x)));
        CLSEQ_TRY(clseq_dropout_embedding(run, CLSEQ_PLACE_ENCODER, pass->rnn.x, pass->rnn.x));
    }
    CLSEQ_TRY(clseq_rnn_start_zero(&encoder->rnn, run, &pass->rnn));
    CLSEQ_TRY(clseq_rnn_stack_input(&encoder->rnn, run, &pass->rnn));
    return clseq_rnn_stack_fwd(&encoder->rnn, run, &pass->rnn, 0, pass->rnn.T);
}

clseq_status clseq_encoder_bwd(const clseq_encoder *encoder, const clseq_run *run,
                               const clseq_encoder_pass *pass, bool dy_given,
                               const clseq_token_rows *tokens, clseq_row_gradient *ret)
{
    CLSEQ_TRY(
        clseq_rnn_stack_bwd(&encoder->rnn, run, &pass->rnn, pass->dy, dy_given, 0, pass->rnn.T));
    CLSEQ_TRY(clseq_rnn_stack_gradients(&encoder->rnn, run, &pass->rnn, pass->dx));
    CLSEQ_TRY(clseq_dropout_embedding(run, CLSEQ_PLACE_ENCODER, pass->dx, pass->dx));
    return clseq_embedding_layer_bwd(&encoder->embedding, run, clseq_tensor_flatten(pass->dx),
                                     tokens, pass->rows, ret);
}
