/* SPDX-License-Identifier: BSD-2-Clause */
#include "decode/decoder_state.h"

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
    free(st->token_at);
    free(st->parent_at);
    free(st->score_at);
    *st = (clseq_decoder_state) { 0 };
}

/* The tensors of a batch; the same for planning and running. */
static clseq_status take(clseq_decoder_state *st, clseq_workspace *ws, int32_t rows, int32_t beam)
{
    const clseq_decoder *d = &st->model->decoder;
    const clseq_dtype real = st->model->real;
    const int32_t H = d->rnn.hidden, width = 2 * d->rnn.layers * H;

    clseq_workspace_reset(ws);
    for (int i = 0; i < 2; i++)
        CLSEQ_TRY(clseq_workspace_take(ws, real, 2, rows, width, 0, &st->state[i]));
    CLSEQ_TRY(clseq_workspace_take(ws, real, 2, rows, d->rnn.input, 0, &st->x));
    CLSEQ_TRY(clseq_workspace_take(ws, real, 2, rows, 4 * H, 0, &st->pre));
    CLSEQ_TRY(clseq_workspace_take(ws, real, 2, rows, d->output.vocabulary, 0, &st->logits));
    CLSEQ_TRY(clseq_workspace_take(ws, real, 2, rows, beam, 0, &st->value));
    CLSEQ_TRY(clseq_workspace_take(ws, CLSEQ_I32, 2, rows, beam, 0, &st->index));
    CLSEQ_TRY(clseq_workspace_take(ws, real, 1, rows, 0, 0, &st->loss));
    CLSEQ_TRY(clseq_workspace_take(ws, real, 1, rows, 0, 0, &st->lse));
    CLSEQ_TRY(clseq_workspace_take(ws, CLSEQ_I32, 1, rows, 0, 0, &st->order));
    CLSEQ_TRY(clseq_workspace_take(ws, CLSEQ_I32, 2, CLSEQ_DECODE_BLOCK, rows, 0, &st->token));
    CLSEQ_TRY(clseq_workspace_take(ws, CLSEQ_I32, 2, CLSEQ_DECODE_BLOCK, rows, 0, &st->parent));
    return clseq_workspace_take(ws, real, 2, CLSEQ_DECODE_BLOCK, rows, 0, &st->score);
}

clseq_status clseq_decoder_state_plan(clseq_decoder_state *st, int32_t sentences, int32_t beam)
{
    clseq_workspace planned;
    bool enough;

    if (sentences < 1 || beam < 1 || sentences > INT32_MAX / CLSEQ_DECODE_BLOCK / beam)
        return clseq_fail(st->ctx, CLSEQ_ERR_LIMIT,
                          "%d sentences with a beam of %d are too many at once: use a smaller "
                          "batch (--batch)",
                          sentences, beam);
    clseq_workspace_plan(&planned, st->ctx, clseq_backend_info(st->model->be)->max_buffer_bytes);
    CLSEQ_TRY(take(st, &planned, sentences * beam, beam));
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

/* h (part 0) or c (part 1) of a layer in state 0 or 1, (rows, H). */
static clseq_tensor layer_state(const clseq_decoder_state *st, int which, int part, int32_t l)
{
    const clseq_lstm_stack *rnn = &st->model->decoder.rnn;

    return clseq_tensor_columns(st->state[which], (part * rnn->layers + l) * rnn->hidden,
                                rnn->hidden);
}

/* Every hypothesis of a sentence starts from the sentence's final encoder state. */
static clseq_status start_states(clseq_decoder_state *st)
{
    const clseq_lstm_pass *from = &st->model->encoder_pass.rnn;

    for (int32_t r = 0; r < st->rows; r++)
        st->stage_index[r] = r / st->beam;
    CLSEQ_TRY(write_index(&st->order, st->stage_index));
    for (int32_t l = 0; l < st->model->decoder.rnn.layers; l++) {
        CLSEQ_TRY(clseq_op_row_gather(
            st->model->be,
            &(struct clseq_row_gather_args) { .src = clseq_lstm_final(from, &from->h[l]),
                                              .index = st->order,
                                              .dst = layer_state(st, st->current, 0, l) }));
        CLSEQ_TRY(clseq_op_row_gather(
            st->model->be,
            &(struct clseq_row_gather_args) { .src = clseq_lstm_final(from, &from->c[l]),
                                              .index = st->order,
                                              .dst = layer_state(st, st->current, 1, l) }));
    }
    return CLSEQ_OK;
}

clseq_status clseq_decoder_state_begin(clseq_decoder_state *st,
                                       const struct clseq_seq2seq_input *input, int32_t beam)
{
    const clseq_run run = clseq_seq2seq_run(st->model, false);
    clseq_tensor score, token;

    CLSEQ_TRY(clseq_seq2seq_begin(st->model, input));
    CLSEQ_TRY(clseq_encoder_fwd(&st->model->encoder, &run, &st->model->encoder_pass));
    st->sentences = st->open = input->B;
    st->beam = beam;
    st->rows = input->B * beam;
    st->current = 0;
    st->steps = 0;
    CLSEQ_TRY(take(st, &st->ws, st->rows, beam));
    CLSEQ_TRY(reserve_stages(st));
    for (int32_t b = 0; b < st->sentences; b++)
        st->open_sentence[b] = b;
    CLSEQ_TRY(start_states(st));

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

clseq_status clseq_decoder_state_step(clseq_decoder_state *st, int32_t s)
{
    const clseq_decoder *d = &st->model->decoder;
    const clseq_run run = clseq_seq2seq_run(st->model, false);
    clseq_tensor h[2][CLSEQ_MAX_LAYERS], c[2][CLSEQ_MAX_LAYERS];
    const int now = st->current, next = 1 - now;

    for (int32_t l = 0; l < d->rnn.layers; l++) {
        for (int which = 0; which < 2; which++) {
            h[which][l] = layer_state(st, which, 0, l);
            c[which][l] = layer_state(st, which, 1, l);
        }
    }
    CLSEQ_TRY(clseq_embedding_fwd(&d->embedding, &run,
                                  clseq_decoder_state_row_before(&st->token, s), st->x));
    CLSEQ_TRY(
        clseq_lstm_stack_step(&d->rnn, &run, st->x, st->pre, h[now], c[now], h[next], c[next]));
    st->current = next;
    return clseq_output_layer_logits(&d->output, &run, h[next][d->rnn.layers - 1], st->logits);
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

static clseq_status reserve_history(clseq_decoder_state *st, int32_t steps, unsigned what)
{
    const size_t row = (size_t)st->sentences * (size_t)st->beam;
    size_t need;

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
    if (what & CLSEQ_DECODE_SCORES)
        CLSEQ_TRY(clseq_grow(st->ctx, &st->score_at, &st->score_capacity, need,
                             sizeof(*st->score_at), "history of the hypotheses"));
    return CLSEQ_OK;
}

clseq_status clseq_decoder_state_read(clseq_decoder_state *st, int32_t n, unsigned what)
{
    const clseq_tensor token = clseq_tensor_range(st->token, 0, n);
    const clseq_tensor parent = clseq_tensor_range(st->parent, 0, n);
    const clseq_tensor score = clseq_tensor_range(st->score, 0, n);

    CLSEQ_TRY(reserve_history(st, st->steps + n, what));
    CLSEQ_TRY(read_index(&token, st->stage_index));
    if (what & CLSEQ_DECODE_PARENTS)
        CLSEQ_TRY(read_index(&parent, st->stage_parent));
    if (what & CLSEQ_DECODE_SCORES)
        CLSEQ_TRY(clseq_tensor_read_f32(st->model->be, &score, st->stage_real));
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
        }
    }
    st->steps += n;
    return CLSEQ_OK;
}

/* Narrow every view to the rows that are left. The ring rows move together, so their old content is
 * lost: the host has it. */
static void narrow(clseq_decoder_state *st)
{
    clseq_tensor *const by_row[] = { &st->x,        &st->pre,   &st->logits, &st->state[0],
                                     &st->state[1], &st->value, &st->index,  &st->loss,
                                     &st->lse,      &st->order };
    clseq_tensor *const rings[] = { &st->token, &st->parent, &st->score };

    for (size_t i = 0; i < CLSEQ_ARRAY_SIZE(by_row); i++)
        *by_row[i] = clseq_tensor_range(*by_row[i], 0, st->rows);
    for (size_t i = 0; i < CLSEQ_ARRAY_SIZE(rings); i++)
        *rings[i] = clseq_tensor_2d(rings[i]->buffer, rings[i]->offset,
                                    (clseq_dtype)rings[i]->dtype, CLSEQ_DECODE_BLOCK, st->rows);
}

clseq_status clseq_decoder_state_compact(clseq_decoder_state *st, const bool *decided,
                                         unsigned what)
{
    const int32_t K = st->beam, last = st->steps - 1;
    clseq_tensor from, row;
    int32_t open = 0;

    for (int32_t i = 0; i < st->open; i++)
        open += !decided[st->open_sentence[i]];
    if (open == 0 || st->open - open < (st->open + COMPACT_SHARE - 1) / COMPACT_SHARE)
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
    st->open = open;
    st->rows = open * K;
    narrow(st);
    CLSEQ_TRY(write_index(&st->order, st->stage_index));
    CLSEQ_TRY(clseq_op_row_gather(
        st->model->be, &(struct clseq_row_gather_args) {
                           .src = from, .index = st->order, .dst = st->state[1 - st->current] }));
    st->current = 1 - st->current;

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
