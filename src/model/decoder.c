/* SPDX-License-Identifier: BSD-2-Clause */
#include "model/decoder.h"

clseq_status clseq_decoder_register(clseq_decoder *decoder, clseq_param_store *store,
                                    int32_t vocabulary, int32_t embedding, int32_t hidden,
                                    int32_t layers)
{
    CLSEQ_TRY(clseq_embedding_register(&decoder->embedding, store, "decoder.embedding", vocabulary,
                                       embedding));
    CLSEQ_TRY(
        clseq_lstm_stack_register(&decoder->rnn, store, "decoder.rnn", embedding, hidden, layers));
    return clseq_output_layer_register(&decoder->output, store, "output", hidden, vocabulary);
}

clseq_status clseq_decoder_take(const clseq_decoder *decoder, clseq_workspace *ws, clseq_dtype real,
                                int32_t T, int32_t B, int32_t N, int32_t unique, bool training,
                                clseq_decoder_pass *pass)
{
    const int32_t E = decoder->rnn.input, H = decoder->rnn.hidden;

    *pass = (clseq_decoder_pass) { 0 };
    CLSEQ_TRY(clseq_lstm_stack_take(&decoder->rnn, ws, real, T, B, training, &pass->rnn));
    CLSEQ_TRY(clseq_workspace_take(ws, real, 3, T, B, E, &pass->rnn.x));
    CLSEQ_TRY(clseq_output_layer_take(&decoder->output, ws, real, N, &pass->output));
    if (!training)
        return CLSEQ_OK;
    CLSEQ_TRY(clseq_workspace_take(ws, real, 3, T, B, H, &pass->dy));
    CLSEQ_TRY(clseq_workspace_take(ws, real, 3, T, B, E, &pass->dx));
    return clseq_workspace_take(ws, real, 2, unique, E, 0, &pass->rows);
}

clseq_status clseq_decoder_fwd(const clseq_decoder *decoder, const clseq_run *run,
                               const clseq_decoder_pass *pass)
{
    CLSEQ_TRY(clseq_embedding_fwd(&decoder->embedding, run, pass->index,
                                  clseq_tensor_flatten(pass->rnn.x)));
    return clseq_lstm_stack_fwd(&decoder->rnn, run, &pass->rnn);
}

static clseq_tensor outputs(const clseq_decoder *decoder, const clseq_decoder_pass *pass)
{
    return clseq_tensor_flatten(clseq_lstm_output(&decoder->rnn, &pass->rnn));
}

clseq_status clseq_decoder_loss(const clseq_decoder *decoder, const clseq_run *run,
                                const clseq_decoder_pass *pass)
{
    return clseq_output_layer_loss(&decoder->output, run, &pass->output, outputs(decoder, pass));
}

clseq_status clseq_decoder_loss_bwd(const clseq_decoder *decoder, const clseq_run *run,
                                    const clseq_decoder_pass *pass, const clseq_token_rows *tokens,
                                    double scale, clseq_row_gradient *ret)
{
    CLSEQ_TRY(clseq_output_layer_loss_bwd(&decoder->output, run, &pass->output,
                                          outputs(decoder, pass), scale,
                                          clseq_tensor_flatten(pass->dy)));
    /* Nothing follows the last step, so the final states have no gradient of their own. */
    for (int32_t l = 0; l < decoder->rnn.layers; l++) {
        CLSEQ_TRY(clseq_op_fill(run->be, &(struct clseq_fill_args) { .dst = pass->rnn.dh[l] }));
        CLSEQ_TRY(clseq_op_fill(run->be, &(struct clseq_fill_args) { .dst = pass->rnn.dc[l] }));
    }
    CLSEQ_TRY(clseq_lstm_stack_bwd(&decoder->rnn, run, &pass->rnn, pass->dy, true, pass->dx));
    return clseq_embedding_layer_bwd(&decoder->embedding, run, clseq_tensor_flatten(pass->dx),
                                     tokens, pass->rows, ret);
}
