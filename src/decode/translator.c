/* SPDX-License-Identifier: BSD-2-Clause */
#include "decode/translator.h"

#include "data/batch_input.h"
#include "decode/search.h"
#include "decode/sentences.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* What stands beside twice the source length in the default length limit. */
#define LENGTH_SLACK        10
#define LENGTH_FACTOR_LIMIT 1000

struct clseq_translator {
    clseq_context *ctx; /* borrowed */
    clseq_seq2seq *model;
    clseq_model_meta meta;
    struct clseq_model_info info;
    clseq_decoder_state state;
    clseq_batch batch;
    clseq_buffer *sum; /* of the losses of a batch */
};

void clseq_translate_options_init(clseq_translate_options *options)
{
    *options = (clseq_translate_options) {
        .beam = 1,
        .nbest = 1,
        .batch = 64,
        .length_penalty = 1,
        .max_length_factor = 2,
        .max_input = 1000,
        .first_line = 1,
    };
}

/* ---- life ---- */

clseq_status clseq_translator_create(clseq_seq2seq **model, clseq_model_meta *meta,
                                     clseq_translator **ret)
{
    clseq_context *ctx = (*model)->ctx;
    const struct clseq_model_config *config = &(*model)->config;
    const size_t source = clseq_vocab_size(meta->source_vocab);
    const size_t target = clseq_vocab_size(meta->target_vocab);
    clseq_translator *tr = NULL;

    if (source != (size_t)config->source_vocabulary || target != (size_t)config->target_vocabulary)
        return clseq_fail(ctx, CLSEQ_ERR_ARG,
                          "the model knows %d source and %d target words, but the vocabularies "
                          "have %zu and %zu",
                          config->source_vocabulary, config->target_vocabulary, source, target);
    CLSEQ_TRY(clseq_calloc(ctx, 1, sizeof(*tr), "translator", &tr));
    tr->ctx = ctx;
    tr->info = (struct clseq_model_info) {
        .config = *config,
        .weights = clseq_model_config_weights(config),
        .reverse_source = meta->reverse_source,
        .source_text = clseq_vocab_text_options(meta->source_vocab),
        .target_text = clseq_vocab_text_options(meta->target_vocab),
    };
    clseq_decoder_state_init(&tr->state, *model);
    clseq_batch_init(&tr->batch, ctx);
    tr->model = *model;
    tr->meta = *meta;
    *model = NULL;
    *meta = (clseq_model_meta) { 0 };
    *ret = tr;
    return CLSEQ_OK;
}

clseq_status clseq_translator_open(clseq_context *ctx, clseq_backend *be, const char *model_path,
                                   const char *config_path, clseq_translator **ret)
{
    clseq_model_meta meta = { 0 };
    clseq_seq2seq *model = NULL;
    clseq_status status;

    if (clseq_backend_context(be) != ctx)
        return clseq_fail(ctx, CLSEQ_ERR_ARG,
                          "the backend belongs to another context: open it with this one");
    CLSEQ_TRY(clseq_model_load(be, model_path, config_path, &meta, &model));
    status = clseq_translator_create(&model, &meta, ret);
    if (status != CLSEQ_OK) {
        clseq_seq2seq_destroy(&model);
        clseq_model_meta_fini(&meta);
    }
    return status;
}

void clseq_translator_close(clseq_translator **translator)
{
    clseq_translator *tr = translator ? *translator : NULL;

    if (!tr)
        return;
    clseq_buffer_destroy(&tr->sum);
    clseq_batch_fini(&tr->batch);
    clseq_decoder_state_fini(&tr->state);
    clseq_seq2seq_destroy(&tr->model);
    clseq_model_meta_fini(&tr->meta);
    free(tr);
    *translator = NULL;
}

const struct clseq_model_info *clseq_translator_info(const clseq_translator *translator)
{
    return &translator->info;
}

const clseq_vocab *clseq_translator_source_vocab(const clseq_translator *translator)
{
    return translator->meta.source_vocab;
}

const clseq_vocab *clseq_translator_target_vocab(const clseq_translator *translator)
{
    return translator->meta.target_vocab;
}

void clseq_translations_fini(clseq_translation *results, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        for (size_t k = 0; k < results[i].count; k++) {
            free(results[i].hypotheses[k].text);
            free(results[i].hypotheses[k].ids);
            free(results[i].hypotheses[k].alignment);
        }
        free(results[i].hypotheses);
        free(results[i].source_ids);
        results[i] = (clseq_translation) { 0 };
    }
}

/* ---- options ---- */

static clseq_status check_range(clseq_context *ctx, const char *name, double value, double low,
                                double high)
{
    if (value >= low && value <= high)
        return CLSEQ_OK;
    return clseq_fail(ctx, CLSEQ_ERR_ARG, "%s is %g, but must be between %g and %g", name, value,
                      low, high);
}

static clseq_status check_options(const clseq_translator *tr, const clseq_translate_options *o)
{
    const int32_t words = tr->info.config.target_vocabulary;

    CLSEQ_TRY(check_range(tr->ctx, "beam", o->beam, 1, CLSEQ_BEAM_LIMIT));
    if (o->beam > words)
        return clseq_fail(tr->ctx, CLSEQ_ERR_ARG,
                          "beam is %d, but this model has only %d target words: use a smaller beam",
                          o->beam, words);
    if (o->nbest < 1 || o->nbest > o->beam)
        return clseq_fail(tr->ctx, CLSEQ_ERR_ARG,
                          "nbest is %d, but must be between 1 and the beam, %d: use a wider beam",
                          o->nbest, o->beam);
    CLSEQ_TRY(check_range(tr->ctx, "batch", o->batch, 1, CLSEQ_BATCH_LIMIT));
    CLSEQ_TRY(
        check_range(tr->ctx, "length_penalty", o->length_penalty, 0, CLSEQ_LENGTH_PENALTY_LIMIT));
    CLSEQ_TRY(
        check_range(tr->ctx, "max_length_factor", o->max_length_factor, 0, LENGTH_FACTOR_LIMIT));
    CLSEQ_TRY(check_range(tr->ctx, "max_length", o->max_length, 0, CLSEQ_OUTPUT_LIMIT));
    return check_range(tr->ctx, "max_input", o->max_input, 1, CLSEQ_OUTPUT_LIMIT);
}

/* Most tokens of a translation. It depends on the line alone, never on its batch. */
static int32_t length_limit(const clseq_translate_options *o, size_t source_tokens)
{
    const double limit = ceil(o->max_length_factor * (double)source_tokens) + LENGTH_SLACK;

    if (o->max_length > 0)
        return o->max_length;
    return limit < CLSEQ_OUTPUT_LIMIT ? (int32_t)limit : CLSEQ_OUTPUT_LIMIT;
}

/* ---- batches ---- */

/* Fill tr->batch with these lines and make room for it on the device. `target` may be NULL. */
static clseq_status load_batch(clseq_translator *tr, const clseq_sentences *source,
                               const clseq_sentences *target, const clseq_sentence_place *places,
                               size_t B)
{
    clseq_sentence *sides = NULL;
    struct clseq_seq2seq_input input;
    clseq_status status;

    CLSEQ_TRY(clseq_calloc(tr->ctx, 2 * B, sizeof(*sides), "batch", &sides));
    for (size_t i = 0; i < B; i++) {
        sides[i] = clseq_sentences_get(source, places[i].index);
        if (target)
            sides[B + i] = clseq_sentences_get(target, places[i].index);
    }
    status = clseq_batch_from_sentences(&tr->batch, sides, target ? sides + B : NULL, B,
                                        tr->meta.reverse_source);
    free(sides);
    CLSEQ_TRY(status);
    input = clseq_batch_input(&tr->batch);
    return clseq_seq2seq_plan(
        tr->model,
        &(struct clseq_seq2seq_limits) { .S = input.S, .T = input.T, .B = input.B, .N = input.N },
        false);
}

/* ---- translation ---- */

/* Host memory of a batch in search, for the whole run. */
struct scratch {
    int32_t *limit;     /* (batch) */
    uint64_t *line;     /* (batch) */
    int32_t *count;     /* (batch) */
    clseq_found *found; /* (batch, nbest) */
    size_t n_found;
};

static void scratch_fini(struct scratch *s)
{
    if (s->found)
        clseq_found_fini(s->found, s->n_found);
    free(s->found);
    free(s->limit);
    free(s->line);
    free(s->count);
}

static clseq_status scratch_init(clseq_context *ctx, size_t batch, size_t nbest, struct scratch *s)
{
    *s = (struct scratch) { .n_found = batch * nbest };
    CLSEQ_TRY(clseq_calloc(ctx, batch, sizeof(*s->limit), "batch", &s->limit));
    CLSEQ_TRY(clseq_calloc(ctx, batch, sizeof(*s->line), "batch", &s->line));
    CLSEQ_TRY(clseq_calloc(ctx, batch, sizeof(*s->count), "batch", &s->count));
    return clseq_calloc(ctx, s->n_found, sizeof(*s->found), "batch", &s->found);
}

/* From the order in which the encoder reads to that of the line: its end token stays the last. */
static void turn_back(float *alignment, size_t rows, size_t words)
{
    for (size_t t = 0; t < rows; t++) {
        float *row = alignment + t * (words + 1);

        for (size_t s = 0; s < words / 2; s++) {
            const float moved = row[s];

            row[s] = row[words - 1 - s];
            row[words - 1 - s] = moved;
        }
    }
}

/* Of a line of `words` words. ids and alignment move from `found` to `ret`. */
static clseq_status to_hypothesis(const clseq_translator *tr, clseq_found *found, size_t words,
                                  clseq_hypothesis *ret)
{
    clseq_text text = { 0 };
    const clseq_status status =
        clseq_vocab_decode(tr->meta.target_vocab, found->ids, found->count, &text);

    if (status != CLSEQ_OK) {
        clseq_text_fini(&text);
        return status;
    }
    *ret = (clseq_hypothesis) {
        .text = text.data,
        .length = text.size,
        .score = found->score,
        .normalised = found->normalised,
        .tokens = found->count + (found->complete ? 1 : 0),
        .complete = found->complete,
        .ids = found->ids,
        .alignment = found->alignment,
    };
    found->ids = NULL;
    found->alignment = NULL;
    if (ret->alignment && tr->meta.reverse_source)
        turn_back(ret->alignment, ret->tokens, words);
    return CLSEQ_OK;
}

static clseq_status to_translation(const clseq_translator *tr, clseq_found *found, size_t count,
                                   clseq_translation *ret)
{
    CLSEQ_TRY(
        clseq_calloc(tr->ctx, count, sizeof(*ret->hypotheses), "translation", &ret->hypotheses));
    for (size_t i = 0; i < count; i++) {
        CLSEQ_TRY(to_hypothesis(tr, &found[i], ret->source_tokens, &ret->hypotheses[i]));
        ret->count = i + 1;
    }
    return CLSEQ_OK;
}

static clseq_status translate_batch(clseq_translator *tr, const clseq_translate_options *o,
                                    const clseq_sentences *source,
                                    const clseq_sentence_place *places, size_t B, struct scratch *s,
                                    clseq_translation *results)
{
    clseq_search_job job = {
        .limit = s->limit,
        .line = s->line,
        .beam = o->beam,
        .nbest = o->nbest,
        .length_penalty = o->length_penalty,
        .scores = o->scores,
        .alignments = o->alignments,
    };

    CLSEQ_TRY(load_batch(tr, source, NULL, places, B));
    job.input = clseq_batch_input(&tr->batch);
    for (size_t i = 0; i < B; i++) {
        s->limit[i] = length_limit(o, places[i].length);
        s->line[i] = o->first_line + places[i].index;
        s->count[i] = 1;
    }
    CLSEQ_TRY(clseq_decoder_state_plan(&tr->state, (int32_t)B, job.input.S, o->beam));
    if (o->beam == 1)
        CLSEQ_TRY(clseq_search_greedy(&tr->state, &job, s->found));
    else
        CLSEQ_TRY(clseq_search_beam(&tr->state, &job, s->found, s->count));
    for (size_t i = 0; i < B; i++)
        CLSEQ_TRY(to_translation(tr, s->found + i * (size_t)o->nbest, (size_t)s->count[i],
                                 &results[places[i].index]));
    clseq_found_fini(s->found, B * (size_t)o->nbest);
    return CLSEQ_OK;
}

/* What no token can give: no text, surely. */
static clseq_status translate_empty(const clseq_translator *tr, clseq_translation *ret)
{
    clseq_found nothing = { .complete = true };

    CLSEQ_TRY(to_translation(tr, &nothing, 1, ret));
    ret->hypotheses[0].tokens = 0;
    return CLSEQ_OK;
}

static clseq_status translate_all(clseq_translator *tr, const clseq_translate_options *o,
                                  const clseq_sentences *source, clseq_translation *results)
{
    clseq_sentence_place *places = NULL;
    struct scratch scratch = { 0 };
    clseq_status status;
    size_t count;

    for (size_t i = 0; i < source->n; i++) {
        const clseq_sentence words = clseq_sentences_get(source, i);

        results[i].source_tokens = words.length;
        results[i].source_unknown = source->unknown[i];
        if (words.length == 0) {
            CLSEQ_TRY(translate_empty(tr, &results[i]));
            continue;
        }
        CLSEQ_TRY(clseq_calloc(tr->ctx, words.length, sizeof(*words.ids), "line",
                               &results[i].source_ids));
        memcpy(results[i].source_ids, words.ids, words.length * sizeof(*words.ids));
    }
    CLSEQ_TRY(clseq_sentences_order(source, NULL, true, &places, &count));
    CLSEQ_TRY_GOTO(status, out,
                   scratch_init(tr->ctx, (size_t)o->batch < count ? (size_t)o->batch : count,
                                (size_t)o->nbest, &scratch));
    for (size_t at = 0; at < count;) {
        const size_t B = clseq_sentences_batch(places + at, count - at, (size_t)o->batch);

        CLSEQ_TRY_GOTO(status, out,
                       translate_batch(tr, o, source, places + at, B, &scratch, results));
        at += B;
    }
out:
    scratch_fini(&scratch);
    free(places);
    return status;
}

clseq_status clseq_translator_run(clseq_translator *translator, const char *const *lines,
                                  const size_t *lengths, size_t n,
                                  const clseq_translate_options *options,
                                  clseq_translation *results)
{
    clseq_translator *tr = translator;
    clseq_sentences source = { .ctx = tr->ctx };
    clseq_translation *made = NULL;
    clseq_translate_options o;
    clseq_status status;

    clseq_translate_options_init(&o);
    if (options)
        o = *options;
    CLSEQ_TRY(check_options(tr, &o));
    CLSEQ_TRY_GOTO(status, out,
                   clseq_sentences_encode(&source, tr->meta.source_vocab, lines, lengths, n, "",
                                          (size_t)o.max_input, o.first_line));
    CLSEQ_TRY_GOTO(status, out, clseq_calloc(tr->ctx, n, sizeof(*made), "translations", &made));
    status = translate_all(tr, &o, &source, made);
    if (status == CLSEQ_OK && n > 0)
        memcpy(results, made, n * sizeof(*made));
    else if (status != CLSEQ_OK)
        clseq_translations_fini(made, n);
out:
    free(made);
    clseq_sentences_fini(&source);
    return status;
}

/* ---- scoring ---- */

static clseq_status score_batch(clseq_translator *tr, const clseq_sentences *source,
                                const clseq_sentences *target, const clseq_sentence_place *places,
                                size_t B, clseq_line_score *scores)
{
    struct clseq_seq2seq_input input;
    float *loss = NULL;
    clseq_status status;

    CLSEQ_TRY(load_batch(tr, source, target, places, B));
    input = clseq_batch_input(&tr->batch);
    CLSEQ_TRY(clseq_calloc(tr->ctx, tr->batch.N, sizeof(*loss), "losses", &loss));
    if (!tr->sum)
        CLSEQ_TRY_GOTO(status, out,
                       clseq_buffer_create(tr->model->be, clseq_dtype_size(tr->model->real), "loss",
                                           &tr->sum));
    CLSEQ_TRY_GOTO(status, out, clseq_seq2seq_begin(tr->model, &input));
    CLSEQ_TRY_GOTO(status, out,
                   clseq_seq2seq_loss(tr->model, clseq_tensor_1d(tr->sum, 0, tr->model->real, 1)));
    CLSEQ_TRY_GOTO(
        status, out,
        clseq_tensor_read_f32(tr->model->be, &tr->model->decoder_pass.output.loss, loss));
    /* Position by position, so the sum of a line has the same order in every batch. */
    for (size_t i = 0; i < tr->batch.N; i++) {
        const size_t b = (size_t)tr->batch.valid[i] % B;

        scores[places[b].index].log_probability -= (double)loss[i];
    }
out:
    free(loss);
    return status;
}

static clseq_status score_all(clseq_translator *tr, const clseq_translate_options *o,
                              const clseq_sentences *source, const clseq_sentences *target,
                              clseq_line_score *scores)
{
    clseq_sentence_place *places = NULL;
    clseq_status status = CLSEQ_OK;
    size_t count;

    for (size_t i = 0; i < source->n; i++)
        scores[i] = (clseq_line_score) {
            .tokens = clseq_sentences_get(target, i).length + 1,
            .target_unknown = target->unknown[i],
            .source_tokens = clseq_sentences_get(source, i).length,
            .source_unknown = source->unknown[i],
        };
    CLSEQ_TRY(clseq_sentences_order(target, source, false, &places, &count));
    for (size_t at = 0; at < count;) {
        const size_t B = clseq_sentences_batch(places + at, count - at, (size_t)o->batch);

        CLSEQ_TRY_GOTO(status, out, score_batch(tr, source, target, places + at, B, scores));
        at += B;
    }
    for (size_t i = 0; i < source->n; i++) {
        if (isnan(scores[i].log_probability)) {
            status = clseq_fail(tr->ctx, CLSEQ_ERR_NUMERIC,
                                "line %llu: the model gives NaN: its weights hold numbers that are "
                                "not finite, or the device computes wrongly; try another model or "
                                "--backend reference",
                                (unsigned long long)(o->first_line + i));
            break;
        }
    }
out:
    free(places);
    return status;
}

clseq_status clseq_translator_score(clseq_translator *translator, const char *const *source,
                                    const size_t *source_lengths, const char *const *target,
                                    const size_t *target_lengths, size_t n,
                                    const clseq_translate_options *options,
                                    clseq_line_score *scores)
{
    clseq_translator *tr = translator;
    clseq_sentences from = { .ctx = tr->ctx }, to = { .ctx = tr->ctx };
    clseq_line_score *made = NULL;
    clseq_translate_options o;
    clseq_status status;

    clseq_translate_options_init(&o);
    if (options)
        o = *options;
    CLSEQ_TRY(check_options(tr, &o));
    CLSEQ_TRY_GOTO(status, out,
                   clseq_sentences_encode(&from, tr->meta.source_vocab, source, source_lengths, n,
                                          "source ", (size_t)o.max_input, o.first_line));
    CLSEQ_TRY_GOTO(status, out,
                   clseq_sentences_encode(&to, tr->meta.target_vocab, target, target_lengths, n,
                                          "target ", (size_t)o.max_input, o.first_line));
    CLSEQ_TRY_GOTO(status, out, clseq_calloc(tr->ctx, n, sizeof(*made), "scores", &made));
    status = score_all(tr, &o, &from, &to, made);
    if (status == CLSEQ_OK && n > 0)
        memcpy(scores, made, n * sizeof(*made));
out:
    free(made);
    clseq_sentences_fini(&from);
    clseq_sentences_fini(&to);
    return status;
}

/* ---- sentence vectors ---- */

size_t clseq_translator_embedding_size(const clseq_translator *translator)
{
    const clseq_rnn_stack *rnn = &translator->model->encoder.rnn;

    return (size_t)rnn->hidden * (size_t)rnn->directions;
}

static clseq_status embed_batch(clseq_translator *tr, const clseq_sentences *source,
                                const clseq_sentence_place *places, size_t B, float *stage,
                                float *ret)
{
    const clseq_rnn_stack *rnn = &tr->model->encoder.rnn;
    const size_t H = (size_t)rnn->hidden, size = clseq_translator_embedding_size(tr);
    struct clseq_seq2seq_input input;

    CLSEQ_TRY(load_batch(tr, source, NULL, places, B));
    input = clseq_batch_input(&tr->batch);
    CLSEQ_TRY(clseq_seq2seq_begin(tr->model, &input));
    CLSEQ_TRY(clseq_seq2seq_encode(tr->model));
    for (int32_t d = 0; d < rnn->directions; d++) {
        const clseq_tensor h = clseq_rnn_final(&tr->model->encoder_pass.rnn, rnn->layers - 1, d).h;

        CLSEQ_TRY(clseq_tensor_read_f32(tr->model->be, &h, stage));
        for (size_t b = 0; b < B; b++)
            memcpy(ret + places[b].index * size + (size_t)d * H, stage + b * H, H * sizeof(*stage));
    }
    return CLSEQ_OK;
}

static clseq_status check_vectors(const clseq_translator *tr, uint64_t first, const float *x,
                                  size_t n, size_t size)
{
    for (size_t i = 0; i < n * size; i++) {
        if (!isfinite(x[i]))
            return clseq_fail(tr->ctx, CLSEQ_ERR_NUMERIC,
                              "line %llu: the model gives NaN: its weights hold numbers that are "
                              "not finite, or the device computes wrongly; try another model or "
                              "--backend reference",
                              (unsigned long long)(first + i / size));
    }
    return CLSEQ_OK;
}

clseq_status clseq_translator_embed(clseq_translator *translator, const char *const *lines,
                                    const size_t *lengths, size_t n,
                                    const clseq_translate_options *options, float *ret)
{
    clseq_translator *tr = translator;
    const size_t size = clseq_translator_embedding_size(tr);
    clseq_sentences source = { .ctx = tr->ctx };
    clseq_sentence_place *places = NULL;
    clseq_translate_options o;
    clseq_status status;
    float *stage = NULL;
    size_t count;

    clseq_translate_options_init(&o);
    if (options)
        o = *options;
    CLSEQ_TRY(check_options(tr, &o));
    CLSEQ_TRY_GOTO(status, out,
                   clseq_sentences_encode(&source, tr->meta.source_vocab, lines, lengths, n, "",
                                          (size_t)o.max_input, o.first_line));
    CLSEQ_TRY_GOTO(status, out, clseq_sentences_order(&source, NULL, false, &places, &count));
    CLSEQ_TRY_GOTO(status, out,
                   clseq_calloc(tr->ctx, (size_t)o.batch, size * sizeof(*stage), "batch", &stage));
    for (size_t at = 0; at < count;) {
        const size_t B = clseq_sentences_batch(places + at, count - at, (size_t)o.batch);

        CLSEQ_TRY_GOTO(status, out, embed_batch(tr, &source, places + at, B, stage, ret));
        at += B;
    }
    status = check_vectors(tr, o.first_line, ret, n, size);
out:
    free(stage);
    free(places);
    clseq_sentences_fini(&source);
    return status;
}
