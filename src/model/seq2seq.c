/* SPDX-License-Identifier: BSD-2-Clause */
#include "model/seq2seq.h"

#include "backend/backend_memory.h"
#include "model/row_tables.h"
#include "nn/sampled_output.h"

#include <stdlib.h>
#include <string.h>

static void destroy_buffers(clseq_param_buffers *buffers)
{
    for (int i = 0; i < CLSEQ_MAX_SEGMENTS; i++)
        clseq_buffer_destroy(&buffers->segment[i]);
}

static void destroy_workspace(clseq_seq2seq *model)
{
    for (int i = 0; i < CLSEQ_MAX_CHUNKS; i++)
        clseq_buffer_destroy(&model->ws.buffer[i]);
    model->ws = (clseq_workspace) { 0 };
}

static clseq_rnn_stack *stack_of(clseq_seq2seq *m, int side)
{
    return side == CLSEQ_SIDE_SOURCE ? &m->encoder.rnn : &m->decoder.rnn;
}

static void forget_tables(clseq_seq2seq *m, int side)
{
    for (int d = 0; d < 2; d++) {
        clseq_buffer_destroy(&m->tables[side][d]);
        stack_of(m, side)->table[d] = (clseq_tensor) { 0 };
    }
}

static void forget_all_tables(clseq_seq2seq *m)
{
    for (int side = 0; side < CLSEQ_SIDES; side++)
        forget_tables(m, side);
}

void clseq_seq2seq_destroy(clseq_seq2seq **model)
{
    clseq_seq2seq *m = *model;

    if (!m)
        return;
    destroy_workspace(m);
    forget_all_tables(m);
    destroy_buffers(&m->weights);
    destroy_buffers(&m->gradients);
    clseq_buffer_destroy(&m->input_buffer);
    free(m->input_host);
    free(m->joint.row);
    clseq_param_store_fini(&m->store);
    free(m);
    *model = NULL;
}

clseq_status clseq_seq2seq_register(const struct clseq_model_config *config, clseq_encoder *encoder,
                                    clseq_bridge *bridge, clseq_decoder *decoder,
                                    clseq_param_store *store)
{
    const struct clseq_model_config c = clseq_model_config_resolve(config);

    CLSEQ_TRY(clseq_encoder_register(encoder, store, &c));
    CLSEQ_TRY(clseq_decoder_register(decoder, store, &c, &encoder->embedding));
    bridge->kind = c.bridge;
    return clseq_bridge_register(bridge, store, &encoder->rnn, &decoder->rnn);
}

static clseq_status create_weights(clseq_seq2seq *m)
{
    CLSEQ_TRY(clseq_seq2seq_register(&m->config, &m->encoder, &m->bridge, &m->decoder, &m->store));
    /* Over all words the output layer has a gradient for every row of a tied table. */
    if (m->config.tied_output)
        m->store.params[m->decoder.output.weight].row_sparse = false;
    if (m->samples > 0) {
        m->store.params[m->decoder.output.weight].row_sparse = true;
        m->store.params[m->decoder.output.bias].row_sparse = true;
    }
    CLSEQ_TRY(
        clseq_param_store_plan(&m->store, clseq_backend_info(m->be)->max_buffer_bytes, m->real));
    for (int i = 0; i < m->store.segments; i++)
        CLSEQ_TRY(clseq_buffer_create(m->be, m->store.segment_size[i] * clseq_dtype_size(m->real),
                                      "weights", &m->weights.segment[i]));
    return CLSEQ_OK;
}

clseq_status clseq_seq2seq_create(clseq_backend *be, const struct clseq_model_config *config,
                                  clseq_seq2seq **ret)
{
    return clseq_seq2seq_create_sampled(be, config, 0, ret);
}

clseq_status clseq_seq2seq_create_sampled(clseq_backend *be,
                                          const struct clseq_model_config *config, int32_t samples,
                                          clseq_seq2seq **ret)
{
    clseq_context *ctx = clseq_backend_context(be);
    clseq_seq2seq *m = NULL;
    clseq_status status;

    CLSEQ_TRY(clseq_model_config_check(ctx, config, CLSEQ_ERR_ARG));
    CLSEQ_TRY(clseq_calloc(ctx, 1, sizeof(*m), "model", &m));
    m->ctx = ctx;
    m->be = be;
    m->real = clseq_backend_real(be);
    m->config = clseq_model_config_resolve(config);
    m->samples = samples;
    clseq_param_store_init(&m->store, ctx);
    status = create_weights(m);
    if (status != CLSEQ_OK) {
        clseq_seq2seq_destroy(&m);
        return status;
    }
    *ret = m;
    return CLSEQ_OK;
}

int32_t clseq_seq2seq_most_candidates(const clseq_seq2seq *model, int32_t N)
{
    const int64_t most = (int64_t)model->samples + N;

    if (model->samples == 0)
        return 0;
    return most < model->config.target_vocabulary ? (int32_t)most : model->config.target_vocabulary;
}

clseq_run clseq_seq2seq_run(const clseq_seq2seq *model, bool accumulate)
{
    return (clseq_run) {
        .be = model->be,
        .store = &model->store,
        .weights = &model->weights,
        .gradients = model->training ? &model->gradients : NULL,
        .accumulate = accumulate,
    };
}

clseq_status clseq_seq2seq_init(clseq_seq2seq *model, enum clseq_init kind, double scale,
                                uint64_t seed)
{
    const clseq_run run = clseq_seq2seq_run(model, false);

    return clseq_init_params(&run, kind, scale, seed);
}

void clseq_seq2seq_regularise(clseq_seq2seq *model, const clseq_dropout *dropout, double smoothing)
{
    model->dropout = *dropout;
    model->smoothing = smoothing;
}

static bool attends(const clseq_seq2seq *m)
{
    return m->config.attention != CLSEQ_ATTENTION_NONE;
}

/* The activations of a batch of this shape; the same for planning and running. */
static clseq_status take(clseq_seq2seq *m, clseq_workspace *ws,
                         const struct clseq_seq2seq_limits *shape)
{
    const clseq_dropout *d = &m->dropout;
    const bool training = m->training;

    clseq_workspace_reset(ws);
    CLSEQ_TRY(clseq_encoder_take(&m->encoder, ws, m->real, shape->S, shape->B, shape->source_unique,
                                 training, training && d->layers > 0, &m->encoder_pass));
    if (shape->T == 0)
        return CLSEQ_OK;
    CLSEQ_TRY(clseq_row_tables_take(m, ws, shape));
    CLSEQ_TRY(clseq_decoder_take(&m->decoder, ws, m->real, shape->S, shape->T, shape->B, shape->N,
                                 shape->target_unique, training,
                                 training && (d->layers > 0 || d->output > 0), &m->decoder_pass));
    if (!training || shape->candidates == 0)
        return CLSEQ_OK;
    return clseq_sampled_output_take(&m->decoder.output, ws, m->real, shape->candidates,
                                     &m->decoder_pass.output);
}

/* int32 of the largest upload: every array of clseq_seq2seq_input, each padded to 32 elements. */
static clseq_status input_elements(clseq_seq2seq *m, const struct clseq_seq2seq_limits *limits,
                                   size_t *ret)
{
    size_t source, target, total;
    const size_t B = (size_t)limits->B, gaps = 20 * 32;
    const size_t joint = m->training ? clseq_row_tables_input(m, limits) : 0;

    /* Per side: index and order (at most all positions), unique and start (at most as many); the
     * source's places in reverse. Of the candidates words and shift, and the targets' columns. Of
     * a table with several uses the words of all, and their places in each. */
    if (!clseq_mul_size((size_t)limits->S * 5, B, &source) ||
        !clseq_mul_size((size_t)limits->T * 4, B, &target) ||
        !clseq_add_size(source, target, &total) ||
        !clseq_add_size(total, 3 * (size_t)limits->N + 2 * B + 2 + gaps, &total) ||
        !clseq_add_size(total, 3 * (size_t)limits->candidates + joint, &total))
        return clseq_fail(m->ctx, CLSEQ_ERR_LIMIT,
                          "batch of %d sentences of %d and %d words is too large", limits->B,
                          limits->S, limits->T);
    *ret = total;
    return CLSEQ_OK;
}

static clseq_status create_gradients(clseq_seq2seq *m)
{
    for (int i = 0; i < m->store.segments; i++) {
        if (!m->gradients.segment[i] && m->store.segment_dense[i] > 0)
            CLSEQ_TRY(clseq_buffer_create(m->be,
                                          m->store.segment_dense[i] * clseq_dtype_size(m->real),
                                          "gradients", &m->gradients.segment[i]));
    }
    return CLSEQ_OK;
}

clseq_status clseq_seq2seq_plan(clseq_seq2seq *model, const struct clseq_seq2seq_limits *limits,
                                bool training)
{
    struct clseq_seq2seq_limits most = *limits;
    clseq_workspace planned;
    size_t elements = 0;

    model->training = training;
    most.candidates = training ? clseq_seq2seq_most_candidates(model, limits->N) : 0;
    if (training) {
        forget_all_tables(model);
        CLSEQ_TRY(create_gradients(model));
        CLSEQ_TRY(clseq_row_tables_create(model));
    }
    clseq_workspace_plan(&planned, model->ctx, clseq_backend_info(model->be)->max_buffer_bytes);
    CLSEQ_TRY(take(model, &planned, &most));
    CLSEQ_TRY(input_elements(model, &most, &elements));

    bool enough = model->ws.chunks >= planned.chunks;
    for (int i = 0; enough && i < planned.chunks; i++)
        enough = model->ws.size[i] >= planned.size[i];
    if (!enough) {
        destroy_workspace(model);
        planned.planning = false;
        model->ws = planned;
        for (int i = 0; i < planned.chunks; i++) {
            const clseq_status status = clseq_buffer_create(model->be, planned.size[i],
                                                            "activations", &model->ws.buffer[i]);

            if (status != CLSEQ_OK) {
                destroy_workspace(model); /* else the next plan would take these sizes for memory */
                return status;
            }
        }
    }
    if (elements > model->input_capacity) {
        clseq_buffer_destroy(&model->input_buffer);
        free(model->input_host);
        model->input_host = NULL;
        model->input_capacity = 0;
        CLSEQ_TRY(clseq_calloc(model->ctx, elements, sizeof(int32_t), "batch", &model->input_host));
        CLSEQ_TRY(clseq_buffer_create(model->be, elements * sizeof(int32_t), "batch",
                                      &model->input_buffer));
        model->input_capacity = elements;
    }
    return CLSEQ_OK;
}

uint64_t clseq_seq2seq_bytes(const clseq_seq2seq *model)
{
    uint64_t elements = 0;

    for (int i = 0; i < model->store.segments; i++)
        elements +=
            model->store.segment_size[i] + (model->training ? model->store.segment_dense[i] : 0);
    return elements * clseq_dtype_size(model->real) + clseq_workspace_bytes(&model->ws) +
           model->input_capacity * sizeof(int32_t);
}

clseq_tensor clseq_seq2seq_stage(clseq_seq2seq *m, size_t *used, const int32_t *data, int32_t n)
{
    const clseq_tensor view = clseq_tensor_1d(m->input_buffer, *used, CLSEQ_I32, n);

    if (n > 0)
        memcpy(m->input_host + *used, data, (size_t)n * sizeof(int32_t));
    *used += ((size_t)n + 31) / 32 * 32;
    return view;
}

/* Where the backward direction finds the t-th step from the end of every row. */
static clseq_tensor stage_reverse(clseq_seq2seq *m, size_t *used, const int32_t *length, int32_t S,
                                  int32_t B)
{
    const clseq_tensor view = clseq_tensor_1d(m->input_buffer, *used, CLSEQ_I32, S * B);
    int32_t *to = m->input_host + *used;

    for (int32_t t = 0; t < S; t++) {
        for (int32_t b = 0; b < B; b++)
            *to++ = t < length[b] ? (length[b] - 1 - t) * B + b : -1;
    }
    *used += ((size_t)S * (size_t)B + 31) / 32 * 32;
    return view;
}

static clseq_token_rows stage_tokens(clseq_seq2seq *m, size_t *used,
                                     const struct clseq_input_tokens *tokens)
{
    return (clseq_token_rows) {
        .unique = clseq_seq2seq_stage(m, used, tokens->unique, tokens->unique_count),
        .start = clseq_seq2seq_stage(m, used, tokens->start, tokens->unique_count + 1),
        .order = clseq_seq2seq_stage(m, used, tokens->order, tokens->order_count),
    };
}

/* Numbers, of the backend's real type. The parts of an upload begin at multiples of 32 int32. */
static clseq_tensor stage_reals(clseq_seq2seq *m, size_t *used, const float *data, int32_t n)
{
    const size_t size = clseq_dtype_size(m->real) / sizeof(int32_t);
    const clseq_tensor view = clseq_tensor_1d(m->input_buffer, *used / size, m->real, n);
    char *to = (char *)(m->input_host + *used);

    for (int32_t i = 0; i < n; i++) {
        const double wide = (double)data[i];

        if (m->real == CLSEQ_F32)
            memcpy(to + (size_t)i * sizeof(float), &data[i], sizeof(float));
        else
            memcpy(to + (size_t)i * sizeof(wide), &wide, sizeof(wide));
    }
    *used += ((size_t)n * size + 31) / 32 * 32;
    return view;
}

static void stage_candidates(clseq_seq2seq *m, size_t *used,
                             const struct clseq_input_candidates *from, int32_t N)
{
    clseq_candidate_pass *to = &m->decoder_pass.output.candidates;

    to->drawn = from->drawn;
    to->nce = m->nce;
    to->words = clseq_seq2seq_stage(m, used, from->words, from->count);
    to->target = clseq_seq2seq_stage(m, used, from->target, N);
    to->shift = stage_reals(m, used, from->shift, from->count);
}

clseq_status clseq_seq2seq_begin(clseq_seq2seq *model, const struct clseq_seq2seq_input *input)
{
    const struct clseq_seq2seq_limits shape = {
        .S = input->S,
        .T = input->T,
        .B = input->B,
        .N = input->N,
        .source_unique = input->source_tokens.unique_count,
        .target_unique = input->target_tokens.unique_count,
        .candidates = input->candidates ? input->candidates->count : 0,
    };
    size_t used = 0, needed = 0;

    CLSEQ_TRY(input_elements(model, &shape, &needed));
    if (needed > model->input_capacity)
        return clseq_fail(model->ctx, CLSEQ_ERR_INTERNAL,
                          "batch of %d sentences of %d and %d words is larger than planned",
                          input->B, input->S, input->T);
    CLSEQ_TRY(take(model, &model->ws, &shape));

    model->encoder_pass.index =
        clseq_seq2seq_stage(model, &used, input->source_index, input->S * input->B);
    model->encoder_pass.rnn.index = model->encoder_pass.index;
    model->encoder_pass.rnn.length =
        clseq_seq2seq_stage(model, &used, input->source_length, input->B);
    if (model->config.bidirectional)
        model->encoder_pass.rnn.reverse =
            stage_reverse(model, &used, input->source_length, input->S, input->B);
    if (model->training)
        model->source_tokens = stage_tokens(model, &used, &input->source_tokens);
    if (input->T > 0) {
        model->decoder_pass.index =
            clseq_seq2seq_stage(model, &used, input->target_index, input->T * input->B);
        model->decoder_pass.rnn.index = model->decoder_pass.index;
        /* Fed with its own output the decoder goes step by step, and a length would count from
         * each. What padded steps compute is used by nothing. */
        if (!model->config.input_feeding)
            model->decoder_pass.rnn.length =
                clseq_seq2seq_stage(model, &used, input->target_length, input->B);
        model->decoder_pass.output.rows = clseq_seq2seq_stage(model, &used, input->rows, input->N);
        model->decoder_pass.output.target =
            clseq_seq2seq_stage(model, &used, input->target, input->N);
        if (model->training)
            model->target_tokens = stage_tokens(model, &used, &input->target_tokens);
        if (model->training && input->candidates)
            stage_candidates(model, &used, input->candidates, input->N);
        if (model->training)
            clseq_row_tables_stage(model, &used, input);
    }
    return clseq_buffer_write(model->input_buffer, 0, model->input_host, used * sizeof(int32_t));
}

clseq_status clseq_seq2seq_tabulate(clseq_seq2seq *model, int side, uint64_t *ret)
{
    const clseq_run run = clseq_seq2seq_run(model, false);
    const clseq_embedding *words =
        side == CLSEQ_SIDE_SOURCE ? &model->encoder.embedding : &model->decoder.embedding;
    clseq_rnn_stack *stack = stack_of(model, side);
    const int32_t gates = clseq_cell_gates(stack->cell) * stack->hidden;
    const uint64_t bytes = (uint64_t)words->vocabulary * (uint64_t)gates *
                           clseq_dtype_size(model->real) * (uint64_t)stack->directions;
    clseq_tensor table[2] = { { 0 }, { 0 } };

    *ret = 0;
    if (model->training || clseq_rnn_stack_has_table(stack) || bytes > CLSEQ_TABLE_BYTES_MAX ||
        !clseq_backend_memory_fits(model->be, bytes))
        return CLSEQ_OK;
    for (int32_t d = 0; d < stack->directions; d++) {
        const clseq_tensor w_ih = clseq_rnn_layer_w_ih(&stack->layer[0][d], &run, 0, stack->input);

        if (clseq_buffer_create(model->be, bytes / (uint64_t)stack->directions,
                                "input products of all words",
                                &model->tables[side][d]) != CLSEQ_OK) {
            forget_tables(model, side);
            return CLSEQ_OK;
        }
        table[d] =
            clseq_tensor_2d(model->tables[side][d], 0, model->real, words->vocabulary, gates);
        CLSEQ_TRY(clseq_linear_fwd(&run, clseq_run_weight(&run, words->weight), w_ih, 0, table[d]));
    }
    stack->table[0] = table[0];
    stack->table[1] = table[1];
    *ret = bytes;
    return CLSEQ_OK;
}

clseq_status clseq_seq2seq_encode(clseq_seq2seq *model)
{
    const clseq_run run = clseq_seq2seq_run(model, false);

    return clseq_encoder_fwd(&model->encoder, &run, &model->encoder_pass);
}

/* What the decoder takes from the encoder beside its initial states. */
static void connect(clseq_seq2seq *m)
{
    const clseq_encoder_pass *from = &m->encoder_pass;
    const int32_t top = m->encoder.rnn.layers - 1;
    clseq_decoder_pass *to = &m->decoder_pass;

    if (attends(m)) {
        to->memory.memory = clseq_rnn_output(&m->encoder.rnn, &from->rnn);
        to->memory.length = from->rnn.length;
        to->dmemory = from->dy;
    }
    for (int32_t d = 0; d < m->decoder.contexts; d++) {
        to->context[d] = clseq_rnn_final(&from->rnn, top, d).h;
        to->dcontext[d] = from->rnn.layer[top][d].dh;
    }
}

static clseq_status forward(clseq_seq2seq *m, const clseq_run *run)
{
    connect(m);
    CLSEQ_TRY(clseq_encoder_fwd(&m->encoder, run, &m->encoder_pass));
    CLSEQ_TRY(clseq_bridge_fwd(&m->bridge, run, &m->encoder.rnn, &m->encoder_pass.rnn,
                               &m->decoder.rnn, &m->decoder_pass.rnn));
    return clseq_decoder_fwd(&m->decoder, run, &m->decoder_pass);
}

static clseq_status sum_losses(clseq_seq2seq *m, clseq_tensor loss)
{
    return clseq_op_sum(m->be,
                        &(struct clseq_sum_args) { .x = m->decoder_pass.output.loss, .y = loss });
}

clseq_status clseq_seq2seq_loss(clseq_seq2seq *model, clseq_tensor loss)
{
    const clseq_run run = clseq_seq2seq_run(model, false);

    CLSEQ_TRY(forward(model, &run));
    CLSEQ_TRY(clseq_decoder_loss(&model->decoder, &run, &model->decoder_pass));
    return sum_losses(model, loss);
}

clseq_status clseq_seq2seq_loss_bwd(clseq_seq2seq *model, double scale, bool accumulate,
                                    clseq_tensor loss)
{
    clseq_run run = clseq_seq2seq_run(model, accumulate);
    clseq_row_gradient rows[CLSEQ_ROW_TABLES];

    if ((model->samples > 0) != clseq_tensor_present(&model->decoder_pass.output.candidates.words))
        return clseq_fail(
            model->ctx, CLSEQ_ERR_INTERNAL, "a batch %s candidates for a model that trains %s them",
            model->samples > 0 ? "without" : "with", model->samples > 0 ? "with" : "without");
    run.dropout = &model->dropout;
    run.smoothing = model->smoothing;
    CLSEQ_TRY(forward(model, &run));
    CLSEQ_TRY(clseq_rnn_end_zero(&model->encoder.rnn, &run, &model->encoder_pass.rnn));
    if (attends(model))
        CLSEQ_TRY(
            clseq_op_fill(model->be, &(struct clseq_fill_args) { .dst = model->encoder_pass.dy }));
    CLSEQ_TRY(clseq_decoder_loss_bwd(&model->decoder, &run, &model->decoder_pass,
                                     &model->target_tokens, scale, &rows[1]));
    CLSEQ_TRY(sum_losses(model, loss));
    CLSEQ_TRY(clseq_bridge_bwd(&model->bridge, &run, &model->encoder.rnn, &model->encoder_pass.rnn,
                               &model->decoder.rnn, &model->decoder_pass.rnn));
    CLSEQ_TRY(clseq_encoder_bwd(&model->encoder, &run, &model->encoder_pass, attends(model),
                                &model->source_tokens, &rows[0]));
    return clseq_row_tables_end(model, &run, rows);
}
