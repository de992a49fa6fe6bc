/* SPDX-License-Identifier: BSD-2-Clause */
#include "model/decoder.h"

#include "nn/dropout.h"
#include "nn/sampled_output.h"

static bool attends(const clseq_decoder *decoder)
{
    return decoder->attention.kind != CLSEQ_ATTENTION_NONE;
}

clseq_status clseq_decoder_register(clseq_decoder *decoder, clseq_param_store *store,
                                    const struct clseq_model_config *config,
                                    const clseq_embedding *source)
{
    const int32_t directions = config->bidirectional ? 2 : 1, H = config->hidden;

    decoder->input_feeding = config->input_feeding;
    decoder->contexts = config->context_input ? directions : 0;
    decoder->context = config->encoder_hidden;
    decoder->rnn = (clseq_rnn_stack) {
        .cell = config->cell,
        .peepholes = config->peepholes,
        .residual = config->residual,
        .layers = config->layers,
        .directions = 1,
        .input = config->embedding,
        .extra = decoder->contexts * decoder->context + (config->input_feeding ? H : 0),
        .hidden = H,
    };
    decoder->attention = (clseq_attention) {
        .kind = config->attention,
        .memory = directions * config->encoder_hidden,
        .hidden = H,
    };
    if (config->shared_embeddings)
        decoder->embedding = *source;
    else
        CLSEQ_TRY(clseq_embedding_register(&decoder->embedding, store, "decoder.embedding",
                                           config->target_vocabulary, config->embedding));
    CLSEQ_TRY(clseq_rnn_stack_register(&decoder->rnn, store, "decoder.rnn"));
    if (attends(decoder))
        CLSEQ_TRY(clseq_attention_register(&decoder->attention, store, "decoder.attention"));
    return clseq_output_layer_register(&decoder->output, store, "output", H,
                                       config->target_vocabulary,
                                       config->tied_output ? decoder->embedding.weight : -1);
}

static clseq_status take_attention(const clseq_decoder *decoder, clseq_workspace *ws,
                                   clseq_dtype real, int32_t S, int32_t T, int32_t B, bool training,
                                   clseq_decoder_pass *pass)
{
    const int32_t H = decoder->rnn.hidden, D = decoder->attention.memory;
    const bool keys = decoder->attention.kind != CLSEQ_ATTENTION_DOT;
    const bool query = decoder->attention.kind == CLSEQ_ATTENTION_ADDITIVE;
    clseq_attention_gradients *d = &pass->d;

    if (keys)
        CLSEQ_TRY(clseq_workspace_take(ws, real, 3, S, B, H, &pass->memory.keys));
    if (query)
        CLSEQ_TRY(clseq_workspace_take(ws, real, 3, T, B, H, &pass->steps.query));
    CLSEQ_TRY(clseq_workspace_take(ws, real, 3, T, B, S, &pass->steps.weights));
    CLSEQ_TRY(clseq_workspace_take(ws, real, 3, T, B, D, &pass->steps.context));
    CLSEQ_TRY(clseq_workspace_take(ws, real, 3, T + 1, B, H, &pass->fed));
    pass->steps.h = clseq_rnn_output(&decoder->rnn, &pass->rnn);
    pass->steps.out = clseq_tensor_range(pass->fed, 1, T);
    if (!training)
        return CLSEQ_OK;
    if (keys)
        CLSEQ_TRY(clseq_workspace_take(ws, real, 3, S, B, H, &d->keys));
    if (query)
        CLSEQ_TRY(clseq_workspace_take(ws, real, 3, T, B, H, &d->query));
    CLSEQ_TRY(clseq_workspace_take(ws, real, 3, T, B, S, &d->weights));
    CLSEQ_TRY(clseq_workspace_take(ws, real, 3, T, B, D, &d->context));
    CLSEQ_TRY(clseq_workspace_take(ws, real, 3, T, B, H, &d->h));
    d->out = pass->dout;
    return CLSEQ_OK;
}

clseq_status clseq_decoder_take(const clseq_decoder *decoder, clseq_workspace *ws, clseq_dtype real,
                                int32_t S, int32_t T, int32_t B, int32_t N, int32_t unique,
                                bool training, bool dropout, clseq_decoder_pass *pass)
{
    const int32_t E = decoder->rnn.input, H = decoder->rnn.hidden;
    const int32_t gates = clseq_cell_gates(decoder->rnn.cell) * H;

    *pass = (clseq_decoder_pass) { 0 };
    CLSEQ_TRY(clseq_rnn_stack_take(&decoder->rnn, ws, real, T, B, training, dropout, &pass->rnn));
    CLSEQ_TRY(clseq_workspace_take(ws, real, 3, T, B, E, &pass->rnn.x));
    pass->rnn.place = CLSEQ_PLACE_DECODER;
    CLSEQ_TRY(clseq_output_layer_take(&decoder->output, ws, real, N, &pass->output));
    if (decoder->contexts > 0)
        CLSEQ_TRY(clseq_workspace_take(ws, real, 2, B, gates, 0, &pass->context_gates));
    if (training)
        CLSEQ_TRY(clseq_workspace_take(ws, real, 3, T, B, H, &pass->dout));
    if (attends(decoder))
        CLSEQ_TRY(take_attention(decoder, ws, real, S, T, B, training, pass));
    if (dropout)
        CLSEQ_TRY(clseq_workspace_take(ws, real, 3, T, B, H, &pass->out));
    else
        pass->out =
            attends(decoder) ? pass->steps.out : clseq_rnn_output(&decoder->rnn, &pass->rnn);
    if (!training)
        return CLSEQ_OK;
    if (decoder->contexts > 0)
        CLSEQ_TRY(clseq_workspace_take(ws, real, 2, B, gates, 0, &pass->dcontext_gates));
    CLSEQ_TRY(clseq_workspace_take(ws, real, 3, T, B, E, &pass->dx));
    return clseq_workspace_take(ws, real, 2, unique, E, 0, &pass->rows);
}

/* ---- the first layer's further inputs ---- */

static clseq_tensor context_columns(const clseq_decoder *decoder, clseq_tensor w, int32_t part)
{
    return clseq_tensor_columns(w, decoder->rnn.input + part * decoder->context, decoder->context);
}

static clseq_tensor fed_columns(const clseq_decoder *decoder, clseq_tensor w)
{
    return clseq_tensor_columns(w, decoder->rnn.input + decoder->contexts * decoder->context,
                                decoder->rnn.hidden);
}

static clseq_tensor w_ih(const clseq_decoder *decoder, const clseq_run *run)
{
    return clseq_run_weight(run, decoder->rnn.layer[0][0].w_ih);
}

clseq_status clseq_decoder_context_gates(const clseq_decoder *decoder, const clseq_run *run,
                                         const clseq_tensor *context, clseq_tensor gates)
{
    for (int32_t i = 0; i < decoder->contexts; i++)
        CLSEQ_TRY(clseq_linear_fwd(run, context[i], context_columns(decoder, w_ih(decoder, run), i),
                                   i > 0, gates));
    return CLSEQ_OK;
}

static clseq_status add_to(const clseq_run *run, clseq_tensor x, clseq_tensor y)
{
    return clseq_op_axpby(run->be,
                          &(struct clseq_axpby_args) { .x = x, .y = y, .alpha = 1, .beta = 1 });
}

static clseq_status context_fwd(const clseq_decoder *decoder, const clseq_run *run,
                                const clseq_decoder_pass *pass)
{
    if (decoder->contexts == 0)
        return CLSEQ_OK;
    CLSEQ_TRY(clseq_decoder_context_gates(decoder, run, pass->context, pass->context_gates));
    for (int32_t t = 0; t < pass->rnn.T; t++)
        CLSEQ_TRY(
            add_to(run, pass->context_gates, clseq_tensor_step(pass->rnn.layer[0][0].gates, t)));
    return CLSEQ_OK;
}

static clseq_status context_bwd(const clseq_decoder *decoder, const clseq_run *run,
                                const clseq_decoder_pass *pass)
{
    const clseq_tensor dw = clseq_run_gradient(run, decoder->rnn.layer[0][0].w_ih);
    const clseq_tensor d = pass->dcontext_gates;
    clseq_tensor steps = pass->rnn.layer[0][0].gates;

    if (decoder->contexts == 0)
        return CLSEQ_OK;
    /* The same vector entered every step: its gradient is a sum over time. */
    steps.ndim = 2;
    steps.dims[1] = steps.dims[1] * steps.dims[2];
    steps.dims[2] = 1;
    steps.strides[1] = 1;
    CLSEQ_TRY(clseq_op_col_sums(
        run->be, &(struct clseq_col_sums_args) { .x = steps, .y = clseq_tensor_line(d) }));
    for (int32_t i = 0; i < decoder->contexts; i++) {
        CLSEQ_TRY(clseq_linear_bwd_weight(run, d, pass->context[i], run->accumulate,
                                          context_columns(decoder, dw, i)));
        CLSEQ_TRY(clseq_linear_bwd_input(run, d, context_columns(decoder, w_ih(decoder, run), i), 1,
                                         pass->dcontext[i]));
    }
    return CLSEQ_OK;
}

/* ---- forward ---- */

static clseq_attention_steps steps_of(const clseq_decoder_pass *pass, int32_t first, int32_t n)
{
    const clseq_attention_steps *all = &pass->steps;
    clseq_attention_steps part = {
        .h = clseq_tensor_range(all->h, first, n),
        .weights = clseq_tensor_range(all->weights, first, n),
        .context = clseq_tensor_range(all->context, first, n),
        .out = clseq_tensor_range(all->out, first, n),
    };

    if (clseq_tensor_present(&all->query))
        part.query = clseq_tensor_range(all->query, first, n);
    return part;
}

/* The memory as the score sees it. */
static clseq_attention_memory memory_of(const clseq_decoder *decoder,
                                        const clseq_attention_memory *memory)
{
    clseq_attention_memory m = *memory;

    if (decoder->attention.kind == CLSEQ_ATTENTION_DOT)
        m.keys = m.memory;
    return m;
}

static clseq_status steps_fwd(const clseq_decoder *decoder, const clseq_run *run,
                              const clseq_decoder_pass *pass, int32_t first, int32_t n)
{
    const clseq_attention_memory memory = memory_of(decoder, &pass->memory);

    if (decoder->input_feeding)
        CLSEQ_TRY(clseq_linear_fwd(run, clseq_tensor_step(pass->fed, first),
                                   fed_columns(decoder, w_ih(decoder, run)), 1,
                                   clseq_tensor_step(pass->rnn.layer[0][0].gates, first)));
    CLSEQ_TRY(clseq_rnn_stack_fwd(&decoder->rnn, run, &pass->rnn, first, n));
    if (!attends(decoder))
        return CLSEQ_OK;
    const clseq_attention_steps steps = steps_of(pass, first, n);
    return clseq_attention_fwd(&decoder->attention, run, &memory, &steps);
}

clseq_status clseq_decoder_fwd(const clseq_decoder *decoder, const clseq_run *run,
                               const clseq_decoder_pass *pass)
{
    const int32_t T = pass->rnn.T, n = decoder->input_feeding ? 1 : T;
    clseq_tensor out = clseq_rnn_output(&decoder->rnn, &pass->rnn);

    if (!clseq_rnn_stack_has_table(&decoder->rnn)) {
        CLSEQ_TRY(clseq_embedding_fwd(&decoder->embedding, run, pass->index,
                                      clseq_tensor_flatten(pass->rnn.x)));
        CLSEQ_TRY(clseq_dropout_embedding(run, CLSEQ_PLACE_DECODER, pass->rnn.x, pass->rnn.x));
    }
    CLSEQ_TRY(clseq_rnn_stack_input(&decoder->rnn, run, &pass->rnn));
    CLSEQ_TRY(context_fwd(decoder, run, pass));
    if (attends(decoder)) {
        out = pass->steps.out;
        CLSEQ_TRY(
            clseq_attention_keys(&decoder->attention, run, pass->memory.memory, pass->memory.keys));
    }
    if (decoder->input_feeding)
        CLSEQ_TRY(clseq_op_fill(
            run->be, &(struct clseq_fill_args) { .dst = clseq_tensor_step(pass->fed, 0) }));
    for (int32_t t = 0; t < T; t += n)
        CLSEQ_TRY(steps_fwd(decoder, run, pass, t, n));
    return clseq_dropout_output(run, 0, out, pass->out);
}

clseq_status clseq_decoder_loss(const clseq_decoder *decoder, const clseq_run *run,
                                const clseq_decoder_pass *pass)
{
    return clseq_output_layer_loss(&decoder->output, run, &pass->output,
                                   clseq_tensor_flatten(pass->out));
}

/* ---- backward ---- */

static clseq_attention_gradients
gradients_of(const clseq_decoder *decoder, const clseq_decoder_pass *pass, int32_t first, int32_t n)
{
    const clseq_attention_gradients *all = &pass->d;
    clseq_attention_gradients part = {
        .out = clseq_tensor_range(all->out, first, n),
        .weights = clseq_tensor_range(all->weights, first, n),
        .context = clseq_tensor_range(all->context, first, n),
        .h = clseq_tensor_range(all->h, first, n),
        .memory = pass->dmemory,
        .keys = decoder->attention.kind == CLSEQ_ATTENTION_DOT ? pass->dmemory : all->keys,
    };

    if (clseq_tensor_present(&all->query))
        part.query = clseq_tensor_range(all->query, first, n);
    return part;
}

static clseq_status steps_bwd(const clseq_decoder *decoder, const clseq_run *run,
                              const clseq_decoder_pass *pass, int32_t first, int32_t n)
{
    const clseq_attention_memory memory = memory_of(decoder, &pass->memory);
    clseq_tensor dy = pass->dout;

    if (attends(decoder)) {
        const clseq_attention_steps steps = steps_of(pass, first, n);
        const clseq_attention_gradients d = gradients_of(decoder, pass, first, n);

        CLSEQ_TRY(clseq_attention_bwd(&decoder->attention, run, &memory, &steps, &d));
        dy = pass->d.h;
    }
    CLSEQ_TRY(clseq_rnn_stack_bwd(&decoder->rnn, run, &pass->rnn, dy, true, first, n));
    if (!decoder->input_feeding || first == 0)
        return CLSEQ_OK;
    /* This step was fed the output of the one before. */
    return clseq_linear_bwd_input(run, clseq_tensor_step(pass->rnn.layer[0][0].gates, first),
                                  fed_columns(decoder, w_ih(decoder, run)), 1,
                                  clseq_tensor_step(pass->dout, first - 1));
}

static clseq_status parameter_gradients(const clseq_decoder *decoder, const clseq_run *run,
                                        const clseq_decoder_pass *pass)
{
    const int32_t T = pass->rnn.T;

    if (attends(decoder)) {
        const clseq_attention_memory memory = memory_of(decoder, &pass->memory);
        const clseq_attention_gradients d = gradients_of(decoder, pass, 0, T);

        CLSEQ_TRY(
            clseq_attention_gradients_end(&decoder->attention, run, &memory, &pass->steps, &d));
    }
    CLSEQ_TRY(clseq_rnn_stack_gradients(&decoder->rnn, run, &pass->rnn, pass->dx));
    CLSEQ_TRY(context_bwd(decoder, run, pass));
    if (!decoder->input_feeding)
        return CLSEQ_OK;
    return clseq_linear_bwd_weight(
        run, clseq_tensor_flatten(pass->rnn.layer[0][0].gates),
        clseq_tensor_flatten(clseq_tensor_range(pass->fed, 0, T)), run->accumulate,
        fed_columns(decoder, clseq_run_gradient(run, decoder->rnn.layer[0][0].w_ih)));
}

static clseq_status output_bwd(const clseq_decoder *decoder, const clseq_run *run,
                               const clseq_decoder_pass *pass, double scale,
                               clseq_row_gradient ret[2])
{
    const clseq_tensor y = clseq_tensor_flatten(pass->out), dy = clseq_tensor_flatten(pass->dout);

    if (clseq_tensor_present(&pass->output.candidates.words))
        return clseq_sampled_output_loss_bwd(&decoder->output, run, &pass->output, y, scale, dy,
                                             ret);
    return clseq_output_layer_loss_bwd(&decoder->output, run, &pass->output, y, scale, dy);
}

clseq_status clseq_decoder_loss_bwd(const clseq_decoder *decoder, const clseq_run *run,
                                    const clseq_decoder_pass *pass, const clseq_token_rows *tokens,
                                    double scale, clseq_row_gradient ret[3])
{
    const int32_t T = pass->rnn.T, n = decoder->input_feeding ? 1 : T;

    CLSEQ_TRY(output_bwd(decoder, run, pass, scale, ret + 1));
    CLSEQ_TRY(clseq_dropout_output(run, 0, pass->dout, pass->dout));
    /* Nothing follows the last step, so the final states have no gradient of their own. */
    CLSEQ_TRY(clseq_rnn_end_zero(&decoder->rnn, run, &pass->rnn));
    if (attends(decoder))
        CLSEQ_TRY(clseq_attention_gradients_begin(&decoder->attention, run, pass->d.keys));
    for (int32_t first = T - n; first >= 0; first -= n)
        CLSEQ_TRY(steps_bwd(decoder, run, pass, first, n));
    CLSEQ_TRY(parameter_gradients(decoder, run, pass));
    CLSEQ_TRY(clseq_dropout_embedding(run, CLSEQ_PLACE_DECODER, pass->dx, pass->dx));
    return clseq_embedding_layer_bwd(&decoder->embedding, run, clseq_tensor_flatten(pass->dx),
                                     tokens, pass->rows, ret);
}

/* ---- decoding ---- */

/* (open * beam, N) -> (beam, open, N), the same memory. */
static clseq_tensor by_hypothesis(clseq_tensor x, int32_t beam)
{
    x.dims[2] = x.dims[1];
    x.dims[1] = x.dims[0] / beam;
    x.dims[0] = beam;
    x.strides[2] = 1;
    x.strides[1] = beam * x.strides[0];
    x.ndim = 3;
    return x;
}

static clseq_status attend(const clseq_decoder *decoder, const clseq_run *run,
                           const clseq_decoder_step *step, clseq_tensor h, clseq_tensor out)
{
    const clseq_attention_memory memory = memory_of(decoder, &step->memory);
    clseq_attention_steps steps = {
        .h = by_hypothesis(h, step->beam),
        .weights = by_hypothesis(step->weights, step->beam),
        .context = by_hypothesis(step->context, step->beam),
        .out = by_hypothesis(out, step->beam),
    };

    if (clseq_tensor_present(&step->query))
        steps.query = by_hypothesis(step->query, step->beam);
    return clseq_attention_fwd(&decoder->attention, run, &memory, &steps);
}

/* A step up to what the output layer sees. */
static clseq_status step_states(const clseq_decoder *decoder, const clseq_run *run,
                                clseq_tensor index, const clseq_decoder_step *step,
                                clseq_tensor *ret)
{
    const clseq_tensor w = w_ih(decoder, run);
    clseq_tensor out = { 0 };

    if (clseq_rnn_stack_has_table(&decoder->rnn)) {
        CLSEQ_TRY(clseq_op_row_gather(
            run->be, &(struct clseq_row_gather_args) {
                         .src = decoder->rnn.table[0], .index = index, .dst = step->gates }));
    } else {
        CLSEQ_TRY(clseq_embedding_fwd(&decoder->embedding, run, index, step->x));
        CLSEQ_TRY(clseq_linear_fwd(run, step->x, clseq_tensor_columns(w, 0, decoder->rnn.input), 0,
                                   step->gates));
    }
    if (decoder->contexts > 0)
        CLSEQ_TRY(add_to(run, step->context_gates, step->gates));
    if (decoder->input_feeding)
        CLSEQ_TRY(clseq_linear_fwd(run, step->fed_from, fed_columns(decoder, w), 1, step->gates));
    CLSEQ_TRY(clseq_rnn_stack_step(&decoder->rnn, run, step->gates, step->hn, step->sum, step->from,
                                   step->to, &out));
    if (attends(decoder)) {
        const clseq_tensor h = out;

        out = decoder->input_feeding ? step->fed_to : step->output;
        CLSEQ_TRY(attend(decoder, run, step, h, out));
    }
    *ret = out;
    return CLSEQ_OK;
}

clseq_status clseq_decoder_step_fwd(const clseq_decoder *decoder, const clseq_run *run,
                                    clseq_tensor index, const clseq_decoder_step *step,
                                    clseq_tensor logits)
{
    clseq_tensor out;

    CLSEQ_TRY(step_states(decoder, run, index, step, &out));
    return clseq_output_layer_logits(&decoder->output, run, out, logits);
}

clseq_status clseq_decoder_step_best(const clseq_decoder *decoder, const clseq_run *run,
                                     clseq_tensor index, const clseq_decoder_step *step,
                                     clseq_tensor logits, clseq_tensor best)
{
    clseq_tensor out;

    CLSEQ_TRY(step_states(decoder, run, index, step, &out));
    return clseq_output_layer_best(&decoder->output, run, out, logits, best);
}
