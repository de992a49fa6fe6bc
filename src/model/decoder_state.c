/* SPDX-License-Identifier: BSD-2-Clause */
#include "model/decoder_state.h"

#include "base/philox.h"

#include <clseq/vocab.h>

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Compaction gathers the whole state, so it waits until one row in this many is done. */
#define COMPACT_SHARE 8

void clseq_decoder_state_init(clseq_decoder_state *st, clseq_seq2seq *model)
{
    *st = (clseq_decoder_state) { .ctx = model->ctx, .model = model };
}

static void destroy_workspace(clseq_decoder_state *st)
{
    for (int i = 0; i < CLSEQ_MAX_CHUNKS; i++)
        clseq_buffer_destroy(&st->ws.buffer[i]);
    st->ws = (clseq_workspace) { 0 };
}

void clseq_decoder_state_fini(clseq_decoder_state *st)
{
    destroy_workspace(st);
    free(st->open_sentence);
    free(st->stage_index);
    free(st->stage_parent);
    free(st->stage_real);
    free(st->stage_weights);
    free(st->source_length);
    free(st->token_at);
    free(st->parent_at);
    free(st->score_at);
    free(st->weight_at);
    *st = (clseq_decoder_state) { 0 };
}

static bool attends(const clseq_decoder_state *st)
{
    return st->model->decoder.attention.kind != CLSEQ_ATTENTION_NONE;
}

/* h, and c of an LSTM. */
static int32_t states(const clseq_decoder_state *st)
{
    return st->model->decoder.rnn.cell == CLSEQ_CELL_LSTM ? 2 : 1;
}

/* What attention needs: the memory twice, because compaction gathers from one into the other. */
static clseq_status take_attention(clseq_decoder_state *st, clseq_workspace *ws, int32_t sentences,
                                   int32_t S, int32_t rows)
{
    const clseq_attention *a = &st->model->decoder.attention;
    const clseq_dtype real = st->model->real;
    clseq_decoder_step *step = &st->step;

    if ((int64_t)S * (a->memory > a->hidden ? a->memory : a->hidden) > INT32_MAX)
        return clseq_fail(st->ctx, CLSEQ_ERR_LIMIT,
                          "a source of %d words is too long for attention", S);
    for (int i = 0; i < 2; i++) {
        CLSEQ_TRY(clseq_workspace_take(ws, real, 2, sentences, S * a->memory, 0, &st->memory[i]));
        if (a->kind != CLSEQ_ATTENTION_DOT)
            CLSEQ_TRY(clseq_workspace_take(ws, real, 2, sentences, S * a->hidden, 0, &st->keys[i]));
    }
    CLSEQ_TRY(clseq_workspace_take(ws, CLSEQ_I32, 1, sentences, 0, 0, &st->length));
    CLSEQ_TRY(clseq_workspace_take(ws, real, 3, CLSEQ_DECODE_BLOCK, rows, S, &st->weights));
    CLSEQ_TRY(clseq_workspace_take(ws, real, 2, rows, a->memory, 0, &step->context));
    CLSEQ_TRY(clseq_workspace_take(ws, real, 2, rows, a->hidden, 0, &step->output));
    if (a->kind == CLSEQ_ATTENTION_ADDITIVE)
        return clseq_workspace_take(ws, real, 2, rows, a->hidden, 0, &step->query);
    return CLSEQ_OK;
}

/* Where the encoder's states arrive, one row for each sentence. */
static clseq_status take_start(clseq_decoder_state *st, clseq_workspace *ws, int32_t sentences)
{
    const clseq_rnn_stack *rnn = &st->model->decoder.rnn;
    const clseq_dtype real = st->model->real;

    st->start = (clseq_rnn_pass) { .B = sentences };
    for (int32_t l = 0; l < rnn->layers; l++) {
        clseq_rnn_layer_pass *layer = &st->start.layer[l][0];

        CLSEQ_TRY(clseq_workspace_take(ws, real, 3, 1, sentences, rnn->hidden, &layer->h));
        if (states(st) == 2)
            CLSEQ_TRY(clseq_workspace_take(ws, real, 3, 1, sentences, rnn->hidden, &layer->c));
    }
    return CLSEQ_OK;
}

/* The tensors of a batch; the same for planning and running. */
static clseq_status take(clseq_decoder_state *st, clseq_workspace *ws, int32_t sentences, int32_t S,
                         int32_t beam)
{
    const clseq_decoder *d = &st->model->decoder;
    const clseq_dtype real = st->model->real;
    const int32_t H = d->rnn.hidden, rows = sentences * beam;
    const int32_t width = (states(st) * d->rnn.layers + (d->input_feeding ? 1 : 0)) * H;
    const int32_t gates = clseq_cell_gates(d->rnn.cell) * H;

    clseq_workspace_reset(ws);
    st->step = (clseq_decoder_step) { .beam = beam };
    for (int i = 0; i < 2; i++)
        CLSEQ_TRY(clseq_workspace_take(ws, real, 2, rows, width, 0, &st->state[i]));
    CLSEQ_TRY(take_start(st, ws, sentences));
    CLSEQ_TRY(clseq_workspace_take(ws, real, 2, rows, d->rnn.input, 0, &st->step.x));
    CLSEQ_TRY(clseq_workspace_take(ws, real, 2, rows, gates, 0, &st->step.gates));
    if (d->rnn.cell == CLSEQ_CELL_GRU)
        CLSEQ_TRY(clseq_workspace_take(ws, real, 2, rows, H, 0, &st->step.hn));
    if (d->rnn.residual)
        CLSEQ_TRY(clseq_workspace_take(ws, real, 3, 2, rows, H, &st->step.sum));
    for (int i = 0; i < 2 && d->contexts > 0; i++)
        CLSEQ_TRY(clseq_workspace_take(ws, real, 2, rows, gates, 0, &st->context_gates[i]));
    if (d->contexts > 0)
        CLSEQ_TRY(clseq_workspace_take(ws, real, 2, sentences, gates, 0, &st->start_gates));
    if (attends(st))
        CLSEQ_TRY(take_attention(st, ws, sentences, S, rows));
    CLSEQ_TRY(clseq_workspace_take(ws, real, 2, rows, d->output.vocabulary, 0, &st->logits));
    CLSEQ_TRY(clseq_workspace_take(ws, real, 2, rows, beam, 0, &st->value));
    CLSEQ_TRY(clseq_workspace_take(ws, CLSEQ_I32, 2, rows, beam, 0, &st->index));
    CLSEQ_TRY(clseq_workspace_take(ws, real, 1, rows, 0, 0, &st->loss));
    CLSEQ_TRY(clseq_workspace_take(ws, real, 1, rows, 0, 0, &st->lse));
    CLSEQ_TRY(clseq_workspace_take(ws, CLSEQ_I32, 1, rows, 0, 0, &st->order));
    CLSEQ_TRY(clseq_workspace_take(ws, CLSEQ_I32, 2, rows, 2, 0, &st->counter));
    CLSEQ_TRY(clseq_workspace_take(ws, CLSEQ_I32, 2, CLSEQ_DECODE_BLOCK, rows, 0, &st->token));
    CLSEQ_TRY(clseq_workspace_take(ws, CLSEQ_I32, 2, CLSEQ_DECODE_BLOCK, rows, 0, &st->parent));
    return clseq_workspace_take(ws, real, 2, CLSEQ_DECODE_BLOCK, rows, 0, &st->score);
}

clseq_status clseq_decoder_state_plan(clseq_decoder_state *st, int32_t sentences, int32_t S,
                                      int32_t beam)
{
    clseq_workspace planned;
    bool enough;

    if (sentences < 1 || beam < 1 || sentences > INT32_MAX / CLSEQ_DECODE_BLOCK / beam)
        return clseq_fail(st->ctx, CLSEQ_ERR_LIMIT,
                          "%d sentences with a beam of %d are too many at once: use a smaller "
                          "batch (--batch)",
                          sentences, beam);
    clseq_workspace_plan(&planned, st->ctx, clseq_backend_info(st->model->be)->max_buffer_bytes);
    CLSEQ_TRY(take(st, &planned, sentences, S, beam));
    enough = st->ws.chunks >= planned.chunks;
    for (int i = 0; enough && i < planned.chunks; i++)
        enough = st->ws.size[i] >= planned.size[i];
    if (enough)
        return CLSEQ_OK;
    destroy_workspace(st);
    planned.planning = false;
    st->ws = planned;
    for (int i = 0; i < planned.chunks; i++) {
        const clseq_status status =
            clseq_buffer_create(st->model->be, planned.size[i], "decoding", &st->ws.buffer[i]);

        if (status != CLSEQ_OK) {
            destroy_workspace(st); /* sizes without memory would pass for a plan next time */
            return status;
        }
    }
    return CLSEQ_OK;
}

/* Host memory for a block of `rows` rows. */
static clseq_status reserve_stages(clseq_decoder_state *st)
{
    const size_t n = (size_t)CLSEQ_DECODE_BLOCK * (size_t)st->rows;

    CLSEQ_TRY(clseq_grow(st->ctx, &st->open_sentence, &st->open_capacity, (size_t)st->sentences,
                         sizeof(*st->open_sentence), "batch"));
    CLSEQ_TRY(clseq_grow(st->ctx, &st->stage_index, &st->index_capacity, n,
                         sizeof(*st->stage_index), "batch"));
    CLSEQ_TRY(clseq_grow(st->ctx, &st->stage_parent, &st->parent_capacity, n,
                         sizeof(*st->stage_parent), "batch"));
    CLSEQ_TRY(clseq_grow(st->ctx, &st->source_length, &st->length_capacity, (size_t)st->sentences,
                         sizeof(*st->source_length), "batch"));
    if (attends(st))
        CLSEQ_TRY(clseq_grow(st->ctx, &st->stage_weights, &st->stage_weights_capacity,
                             n * (size_t)st->S, sizeof(*st->stage_weights), "batch"));
    return clseq_grow(st->ctx, &st->stage_real, &st->real_capacity, n, sizeof(*st->stage_real),
                      "batch");
}

static clseq_status write_index(const clseq_tensor *x, const int32_t *src)
{
    return clseq_buffer_write(x->buffer, x->offset * sizeof(int32_t), src,
                              clseq_tensor_count(x) * sizeof(int32_t));
}

static clseq_status read_index(const clseq_tensor *x, int32_t *dst)
{
    return clseq_buffer_read(x->buffer, x->offset * sizeof(int32_t), dst,
                             clseq_tensor_count(x) * sizeof(int32_t));
}

/* h (part 0), c (part 1) of a layer in state 0 or 1, (rows, H). */
static clseq_tensor layer_state(const clseq_decoder_state *st, int which, int part, int32_t l)
{
    const clseq_rnn_stack *rnn = &st->model->decoder.rnn;

    return clseq_tensor_columns(st->state[which], (part * rnn->layers + l) * rnn->hidden,
                                rnn->hidden);
}

/* What is fed back, behind the layers. */
static clseq_tensor fed_state(const clseq_decoder_state *st, int which)
{
    return layer_state(st, which, states(st), 0);
}

static clseq_status gather(const clseq_decoder_state *st, clseq_tensor src, clseq_tensor index,
                           clseq_tensor dst)
{
    return clseq_op_row_gather(
        st->model->be, &(struct clseq_row_gather_args) { .src = src, .index = index, .dst = dst });
}

/* Every hypothesis of a sentence starts from the sentence's final encoder state. */
static clseq_status start_states(clseq_decoder_state *st, const clseq_run *run)
{
    const clseq_seq2seq *m = st->model;

    CLSEQ_TRY(clseq_bridge_fwd(&m->bridge, run, &m->encoder.rnn, &m->encoder_pass.rnn,
                               &m->decoder.rnn, &st->start));
    for (int32_t r = 0; r < st->rows; r++)
        st->stage_index[r] = r / st->beam;
    CLSEQ_TRY(write_index(&st->order, st->stage_index));
    for (int32_t l = 0; l < m->decoder.rnn.layers; l++) {
        const clseq_rnn_state first = clseq_rnn_first(&st->start, l, 0);

        CLSEQ_TRY(gather(st, first.h, st->order, layer_state(st, st->current, 0, l)));
        if (states(st) == 2)
            CLSEQ_TRY(gather(st, first.c, st->order, layer_state(st, st->current, 1, l)));
    }
    if (m->decoder.input_feeding)
        CLSEQ_TRY(
            clseq_op_fill(m->be, &(struct clseq_fill_args) { .dst = fed_state(st, st->current) }));
    return CLSEQ_OK;
}

/* The parts of the encoder that every step looks at, one row for each sentence. */
static clseq_status start_memory(clseq_decoder_state *st, const clseq_run *run)
{
    const clseq_seq2seq *m = st->model;
    const clseq_attention *a = &m->decoder.attention;
    const clseq_rnn_pass *from = &m->encoder_pass.rnn;
    const clseq_tensor memory = clseq_rnn_output(&m->encoder.rnn, from);
    clseq_tensor context[2];

    st->held = 0;
    if (m->decoder.contexts > 0) {
        for (int32_t d = 0; d < m->decoder.contexts; d++)
            context[d] = clseq_rnn_final(from, m->encoder.rnn.layers - 1, d).h;
        CLSEQ_TRY(clseq_decoder_context_gates(&m->decoder, run, context, st->start_gates));
        CLSEQ_TRY(gather(st, st->start_gates, st->order, st->context_gates[0]));
    }
    if (!attends(st))
        return CLSEQ_OK;
    CLSEQ_TRY(clseq_op_copy(
        m->be, &(struct clseq_copy_args) {
                   .src = clseq_tensor_swap(memory),
                   .dst = clseq_tensor_3d(st->memory[0].buffer, st->memory[0].offset, m->real,
                                          st->sentences, st->S, a->memory) }));
    if (a->kind == CLSEQ_ATTENTION_DOT)
        return CLSEQ_OK;
    /* Position by position the keys follow from the memory, in whatever order both lie. */
    return clseq_attention_keys(a, run,
                                clseq_tensor_3d(st->memory[0].buffer, st->memory[0].offset, m->real,
                                                st->sentences, st->S, a->memory),
                                clseq_tensor_3d(st->keys[0].buffer, st->keys[0].offset, m->real,
                                                st->sentences, st->S, a->hidden));
}

clseq_status clseq_decoder_state_begin(clseq_decoder_state *st,
                                       const struct clseq_seq2seq_input *input, int32_t beam)
{
    const clseq_run run = clseq_seq2seq_run(st->model, false);
    clseq_tensor score, token;

    CLSEQ_TRY(clseq_seq2seq_begin(st->model, input));
    CLSEQ_TRY(clseq_seq2seq_encode(st->model));
    st->S = input->S;
    st->sentences = st->open = input->B;
    st->beam = beam;
    st->rows = input->B * beam;
    st->current = 0;
    st->steps = 0;
    CLSEQ_TRY(take(st, &st->ws, st->sentences, st->S, beam));
    CLSEQ_TRY(reserve_stages(st));
    for (int32_t b = 0; b < st->sentences; b++) {
        st->open_sentence[b] = b;
        st->source_length[b] = input->source_length[b];
    }
    CLSEQ_TRY(start_states(st, &run));
    CLSEQ_TRY(start_memory(st, &run));
    if (attends(st))
        CLSEQ_TRY(write_index(&st->length, st->source_length));

    token = clseq_decoder_state_row_before(&st->token, 0);
    score = clseq_decoder_state_row_before(&st->score, 0);
    for (int32_t r = 0; r < st->rows; r++)
        st->stage_real[r] = r % beam == 0 ? 0 : -INFINITY;
    CLSEQ_TRY(clseq_tensor_write_f32(st->model->be, &score, st->stage_real));
    return clseq_op_fill(st->model->be,
                         &(struct clseq_fill_args) { .dst = token, .value = CLSEQ_ID_SOS });
}

clseq_tensor clseq_decoder_state_row(const clseq_tensor *ring, int32_t s)
{
    return clseq_tensor_step(*ring, s);
}

clseq_tensor clseq_decoder_state_row_before(const clseq_tensor *ring, int32_t s)
{
    return clseq_tensor_step(*ring, (s + CLSEQ_DECODE_BLOCK - 1) % CLSEQ_DECODE_BLOCK);
}

/* (open, S N) -> (S, open, N), the same memory. */
static clseq_tensor by_position(const clseq_decoder_state *st, clseq_tensor x)
{
    return clseq_tensor_swap(
        clseq_tensor_3d(x.buffer, x.offset, st->model->real, st->open, st->S, x.dims[1] / st->S));
}

/* Where step s finds its states and leaves them. */
static clseq_decoder_step *place_step(clseq_decoder_state *st, int32_t s)
{
    const clseq_decoder *d = &st->model->decoder;
    const int now = st->current, next = 1 - now;
    clseq_decoder_step *step = &st->step;

    for (int32_t l = 0; l < d->rnn.layers; l++) {
        step->from[l].h = layer_state(st, now, 0, l);
        step->to[l].h = layer_state(st, next, 0, l);
        if (states(st) == 2) {
            step->from[l].c = layer_state(st, now, 1, l);
            step->to[l].c = layer_state(st, next, 1, l);
        }
    }
    if (d->input_feeding) {
        step->fed_from = fed_state(st, now);
        step->fed_to = fed_state(st, next);
    }
    step->context_gates = st->context_gates[st->held];
    if (attends(st)) {
        step->memory.memory = by_position(st, st->memory[st->held]);
        if (d->attention.kind != CLSEQ_ATTENTION_DOT)
            step->memory.keys = by_position(st, st->keys[st->held]);
        step->memory.length = st->length;
        step->weights = clseq_tensor_step(st->weights, s);
    }
    st->current = next;
    return step;
}

/* The words of the step before s. */
static clseq_tensor fed_words(const clseq_decoder_state *st, int32_t s)
{
    return clseq_decoder_state_row_before(st->lead ? &st->lead->token : &st->token, s);
}

clseq_status clseq_decoder_state_step(clseq_decoder_state *st, int32_t s)
{
    const clseq_run run = clseq_seq2seq_run(st->model, false);

    return clseq_decoder_step_fwd(&st->model->decoder, &run, fed_words(st, s), place_step(st, s),
                                  st->logits);
}

clseq_status clseq_decoder_state_step_best(clseq_decoder_state *st, int32_t s, clseq_tensor best)
{
    const clseq_run run = clseq_seq2seq_run(st->model, false);

    return clseq_decoder_step_best(&st->model->decoder, &run, fed_words(st, s), place_step(st, s),
                                   st->logits, best);
}

clseq_status clseq_decoder_state_reorder(clseq_decoder_state *st, clseq_tensor index)
{
    CLSEQ_TRY(clseq_op_row_gather(
        st->model->be, &(struct clseq_row_gather_args) { .src = st->state[st->current],
                                                         .index = index,
                                                         .dst = st->state[1 - st->current] }));
    st->current = 1 - st->current;
    return CLSEQ_OK;
}

clseq_status clseq_decoder_state_number(clseq_decoder_state *st, const uint64_t *line)
{
    /* The stages hold at least BLOCK values for each row. */
    for (int32_t r = 0; r < st->rows; r++) {
        const uint32_t number = (uint32_t)line[st->open_sentence[r / st->beam]];
        const uint32_t sample = (uint32_t)(r % st->beam) << 8;

        st->stage_index[2 * r] = (int32_t)number;
        st->stage_index[2 * r + 1] = (int32_t)(sample + CLSEQ_RANDOM_SAMPLE);
    }
    return write_index(&st->counter, st->stage_index);
}

static clseq_status reserve_history(clseq_decoder_state *st, int32_t steps, unsigned what)
{
    const size_t row = (size_t)st->sentences * (size_t)st->beam;
    size_t need, weights;

    if (!clseq_mul_size(row, (size_t)steps, &need))
        return clseq_fail(st->ctx, CLSEQ_ERR_LIMIT,
                          "%d words of %zu hypotheses are too many: use a smaller batch or a lower "
                          "limit of the length (--batch, --max-length)",
                          steps, row);
    CLSEQ_TRY(clseq_grow(st->ctx, &st->token_at, &st->token_capacity, need, sizeof(*st->token_at),
                         "history of the hypotheses"));
    if (what & CLSEQ_DECODE_PARENTS)
        CLSEQ_TRY(clseq_grow(st->ctx, &st->parent_at, &st->parent_at_capacity, need,
                             sizeof(*st->parent_at), "history of the hypotheses"));
    if (what & CLSEQ_DECODE_WEIGHTS) {
        if (!clseq_mul_size(need, (size_t)st->S, &weights))
            return clseq_fail(st->ctx, CLSEQ_ERR_LIMIT,
                              "the alignments of %zu hypotheses are too many: use a smaller batch "
                              "(--batch)",
                              row);
        CLSEQ_TRY(clseq_grow(st->ctx, &st->weight_at, &st->weight_capacity, weights,
                             sizeof(*st->weight_at), "alignments"));
    }
    if (what & CLSEQ_DECODE_SCORES)
        CLSEQ_TRY(clseq_grow(st->ctx, &st->score_at, &st->score_capacity, need,
                             sizeof(*st->score_at), "history of the hypotheses"));
    return CLSEQ_OK;
}

clseq_status clseq_decoder_state_read(clseq_decoder_state *st, int32_t n, unsigned what)
{
    const int32_t first = st->steps % CLSEQ_DECODE_BLOCK;
    const clseq_tensor token = clseq_tensor_range(st->token, first, n);
    const clseq_tensor parent = clseq_tensor_range(st->parent, first, n);
    const clseq_tensor score = clseq_tensor_range(st->score, first, n);

    CLSEQ_TRY(reserve_history(st, st->steps + n, what));
    CLSEQ_TRY(read_index(&token, st->stage_index));
    if (what & CLSEQ_DECODE_PARENTS)
        CLSEQ_TRY(read_index(&parent, st->stage_parent));
    if (what & CLSEQ_DECODE_SCORES)
        CLSEQ_TRY(clseq_tensor_read_f32(st->model->be, &score, st->stage_real));
    if (what & CLSEQ_DECODE_WEIGHTS) {
        const clseq_tensor weights = clseq_tensor_range(st->weights, first, n);

        CLSEQ_TRY(clseq_tensor_read_f32(st->model->be, &weights, st->stage_weights));
    }
    for (int32_t s = 0; s < n; s++) {
        for (int32_t r = 0; r < st->rows; r++) {
            const int32_t i = r / st->beam;
            const size_t from = (size_t)s * (size_t)st->rows + (size_t)r;
            const size_t to =
                clseq_decoder_state_at(st, st->steps + s, st->open_sentence[i], r % st->beam);

            st->token_at[to] = st->stage_index[from];
            if (what & CLSEQ_DECODE_PARENTS)
                st->parent_at[to] = st->stage_parent[from] - i * st->beam;
            if (what & CLSEQ_DECODE_SCORES)
                st->score_at[to] = st->stage_real[from];
            if (what & CLSEQ_DECODE_WEIGHTS)
                memcpy(st->weight_at + to * (size_t)st->S, st->stage_weights + from * (size_t)st->S,
                       (size_t)st->S * sizeof(*st->weight_at));
        }
    }
    st->steps += n;
    return CLSEQ_OK;
}

/* Narrow every view to what is left. The ring rows move together, so their old content is lost: the
 * host has it. */
static void narrow(clseq_decoder_state *st)
{
    clseq_decoder_step *step = &st->step;
    clseq_tensor *const by_row[] = { &step->x,
                                     &step->gates,
                                     &step->hn,
                                     &step->query,
                                     &step->context,
                                     &step->output,
                                     &st->logits,
                                     &st->state[0],
                                     &st->state[1],
                                     &st->context_gates[0],
                                     &st->context_gates[1],
                                     &st->value,
                                     &st->index,
                                     &st->loss,
                                     &st->lse,
                                     &st->order,
                                     &st->counter };
    clseq_tensor *const by_sentence[] = { &st->memory[0], &st->memory[1], &st->keys[0],
                                          &st->keys[1], &st->length };
    clseq_tensor *const rings[] = { &st->token, &st->parent, &st->score };
    clseq_tensor *const w = &st->weights, *const sum = &step->sum;

    for (size_t i = 0; i < CLSEQ_ARRAY_SIZE(by_row); i++) {
        if (clseq_tensor_present(by_row[i]))
            *by_row[i] = clseq_tensor_range(*by_row[i], 0, st->rows);
    }
    for (size_t i = 0; i < CLSEQ_ARRAY_SIZE(by_sentence); i++) {
        if (clseq_tensor_present(by_sentence[i]))
            *by_sentence[i] = clseq_tensor_range(*by_sentence[i], 0, st->open);
    }
    for (size_t i = 0; i < CLSEQ_ARRAY_SIZE(rings); i++)
        *rings[i] = clseq_tensor_2d(rings[i]->buffer, rings[i]->offset,
                                    (clseq_dtype)rings[i]->dtype, CLSEQ_DECODE_BLOCK, st->rows);
    if (clseq_tensor_present(w))
        *w = clseq_tensor_3d(w->buffer, w->offset, (clseq_dtype)w->dtype, CLSEQ_DECODE_BLOCK,
                             st->rows, st->S);
    if (clseq_tensor_present(sum))
        *sum = clseq_tensor_3d(sum->buffer, sum->offset, (clseq_dtype)sum->dtype, 2, st->rows,
                               sum->dims[2]);
}

/* What belongs to the sentences that go on, from `memory`, `keys` and `gates` as they were. */
static clseq_status compact_memory(clseq_decoder_state *st, clseq_tensor memory, clseq_tensor keys,
                                   clseq_tensor gates)
{
    const int next = 1 - st->held;
    const clseq_tensor sentence = clseq_tensor_range(st->order, 0, st->open);

    if (clseq_tensor_present(&gates))
        CLSEQ_TRY(gather(st, gates, st->order, st->context_gates[next]));
    if (attends(st)) {
        /* `order` is used again: row numbers have been read by what was queued before. */
        for (int32_t i = 0; i < st->open; i++)
            st->stage_index[i] = st->stage_index[i * st->beam] / st->beam;
        CLSEQ_TRY(write_index(&sentence, st->stage_index));
        CLSEQ_TRY(gather(st, memory, sentence, st->memory[next]));
        if (clseq_tensor_present(&keys))
            CLSEQ_TRY(gather(st, keys, sentence, st->keys[next]));
        for (int32_t i = 0; i < st->open; i++)
            st->stage_index[i] = st->source_length[st->open_sentence[i]];
        CLSEQ_TRY(write_index(&st->length, st->stage_index));
    }
    st->held = next;
    return CLSEQ_OK;
}

clseq_status clseq_decoder_state_compact(clseq_decoder_state *st, const bool *decided,
                                         unsigned what)
{
    const int32_t K = st->beam, last = st->steps - 1;
    clseq_tensor from, row, memory, keys, gates;
    int32_t open = 0;

    for (int32_t i = 0; i < st->open; i++)
        open += !decided[st->open_sentence[i]];
    if (open == 0 || st->open - open < (st->open + COMPACT_SHARE - 1) / COMPACT_SHARE ||
        (st->lead ? st->lead : st)->steps % CLSEQ_DECODE_BLOCK != 0)
        return CLSEQ_OK;
    open = 0;
    for (int32_t i = 0; i < st->open; i++) {
        if (decided[st->open_sentence[i]])
            continue;
        for (int32_t k = 0; k < K; k++)
            st->stage_index[open * K + k] = i * K + k;
        st->open_sentence[open++] = st->open_sentence[i];
    }
    from = st->state[st->current];
    memory = st->memory[st->held];
    keys = st->keys[st->held];
    gates = st->context_gates[st->held];
    st->open = open;
    st->rows = open * K;
    narrow(st);
    CLSEQ_TRY(write_index(&st->order, st->stage_index));
    CLSEQ_TRY(clseq_op_row_gather(
        st->model->be, &(struct clseq_row_gather_args) {
                           .src = from, .index = st->order, .dst = st->state[1 - st->current] }));
    st->current = 1 - st->current;
    CLSEQ_TRY(compact_memory(st, memory, keys, gates));
    if (st->lead)
        return CLSEQ_OK;

    /* The words and scores of the last step are where the next block looks for them. */
    for (int32_t r = 0; r < st->rows; r++) {
        const size_t at = clseq_decoder_state_at(st, last, st->open_sentence[r / K], r % K);

        st->stage_index[r] = st->token_at[at];
        if (what & CLSEQ_DECODE_SCORES)
            st->stage_real[r] = st->score_at[at];
    }
    row = clseq_decoder_state_row_before(&st->token, 0);
    CLSEQ_TRY(write_index(&row, st->stage_index));
    if (!(what & CLSEQ_DECODE_SCORES))
        return CLSEQ_OK;
    row = clseq_decoder_state_row_before(&st->score, 0);
    return clseq_tensor_write_f32(st->model->be, &row, st->stage_real);
}
