/* SPDX-License-Identifier: BSD-2-Clause */
#include "decode/translator_inside.h"

#include "data/batch_input.h"
#include "decode/search.h"
#include "decode/unknown.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* What stands beside twice the source length in the default length limit. */
#define LENGTH_SLACK        10
#define LENGTH_FACTOR_LIMIT 1000

/* Words that cost as much as a table of input products, for each word of the vocabulary: by
 * measurement, making one takes about twice as long as its products at their usual rate. */
#define TABLE_WORDS 2

void clseq_translate_options_init(clseq_translate_options *options)
{
    *options = (clseq_translate_options) {
        .beam = 1,
        .nbest = 1,
        .batch = 64,
        .temperature = 1,
        .top_p = 1,
        .seed = 1,
        .length_penalty = 1,
        .max_length_factor = 2,
        .max_input = 1000,
        .first_line = 1,
        .tables = true,
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
    clseq_status status;

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
    CLSEQ_TRY_GOTO(status, fail,
                   clseq_calloc(ctx, 1, sizeof(struct clseq_member *), "translator", &tr->member));
    CLSEQ_TRY_GOTO(status, fail,
                   clseq_calloc(ctx, 1, sizeof(**tr->member), "translator", &tr->member[0]));
    tr->members = 1;
    clseq_decoder_state_init(&tr->member[0]->state, *model);
    clseq_batch_init(&tr->member[0]->batch, ctx);
    tr->member[0]->model = *model;
    tr->member[0]->meta = *meta;
    *model = NULL;
    *meta = (clseq_model_meta) { 0 };
    *ret = tr;
    return CLSEQ_OK;
fail:
    free(tr->member);
    free(tr);
    return status;
}

/* The first target word of the two that differs; -1 when none does. */
static int64_t first_difference(const clseq_vocab *x, const clseq_vocab *y)
{
    const size_t n = clseq_vocab_size(x);

    for (size_t i = 0; i < n && i < clseq_vocab_size(y); i++) {
        if (strcmp(clseq_vocab_token(x, (int32_t)i), clseq_vocab_token(y, (int32_t)i)) != 0)
            return (int64_t)i;
    }
    return -1;
}

clseq_status clseq_translator_join(clseq_translator *tr, clseq_translator **more)
{
    const clseq_vocab *mine = clseq_translator_target_vocab(tr);
    const clseq_vocab *theirs = clseq_translator_target_vocab(*more);
    const int64_t other = first_difference(mine, theirs);
    struct clseq_member **member;

    if (tr->ctx != (*more)->ctx || tr->member[0]->model->be != (*more)->member[0]->model->be)
        return clseq_fail(tr->ctx, CLSEQ_ERR_ARG,
                          "the models of an ensemble must be on the same backend");
    if (clseq_vocab_size(mine) != clseq_vocab_size(theirs))
        return clseq_fail(tr->ctx, CLSEQ_ERR_ARG,
                          "the models of an ensemble need the same target vocabulary, but this one "
                          "has %zu words and the first %zu: train them with the same target "
                          "vocabulary",
                          clseq_vocab_size(theirs), clseq_vocab_size(mine));
    if (other >= 0)
        return clseq_fail(tr->ctx, CLSEQ_ERR_ARG,
                          "the models of an ensemble need the same target vocabulary, but target "
                          "word %lld of this one is '%s' and of the first '%s': train them with "
                          "the same target vocabulary",
                          (long long)other, clseq_vocab_token(theirs, (int32_t)other),
                          clseq_vocab_token(mine, (int32_t)other));
    if (clseq_vocab_text_options(mine).unit != clseq_vocab_text_options(theirs).unit)
        return clseq_fail(tr->ctx, CLSEQ_ERR_ARG,
                          "the models of an ensemble need the same target units, but this one has "
                          "%s and the first %s",
                          clseq_unit_name(clseq_vocab_text_options(theirs).unit),
                          clseq_unit_name(clseq_vocab_text_options(mine).unit));
    CLSEQ_TRY(clseq_calloc(tr->ctx, tr->members + (*more)->members, sizeof(struct clseq_member *),
                           "ensemble", &member));
    for (size_t i = 0; i < tr->members; i++)
        member[i] = tr->member[i];
    for (size_t i = 0; i < (*more)->members; i++)
        member[tr->members + i] = (*more)->member[i];
    tr->members += (*more)->members;
    free(tr->member);
    tr->member = member;
    free((*more)->member);
    free(*more);
    *more = NULL;
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

clseq_status clseq_translator_open_ensemble(clseq_context *ctx, clseq_backend *be,
                                            const char *const *model_paths, size_t n,
                                            const char *config_path, clseq_translator **ret)
{
    clseq_translator *tr = NULL;

    if (n == 0)
        return clseq_fail(ctx, CLSEQ_ERR_ARG, "an ensemble needs at least one model");
    CLSEQ_TRY(clseq_translator_open(ctx, be, model_paths[0], config_path, &tr));
    for (size_t i = 1; i < n; i++) {
        clseq_translator *more = NULL;
        clseq_status status = clseq_translator_open(ctx, be, model_paths[i], config_path, &more);

        if (status == CLSEQ_OK) {
            status = clseq_translator_join(tr, &more);
            if (status != CLSEQ_OK)
                status = clseq_fail_in(ctx, status, "%s", model_paths[i]);
        }
        if (status != CLSEQ_OK) {
            clseq_translator_close(&more);
            clseq_translator_close(&tr);
            return status;
        }
    }
    *ret = tr;
    return CLSEQ_OK;
}

void clseq_translator_close(clseq_translator **translator)
{
    clseq_translator *tr = translator ? *translator : NULL;

    if (!tr)
        return;
    for (size_t i = 0; i < tr->members; i++) {
        struct clseq_member *m = tr->member[i];

        clseq_buffer_destroy(&m->sum);
        clseq_batch_fini(&m->batch);
        clseq_decoder_state_fini(&m->state);
        clseq_seq2seq_destroy(&m->model);
        clseq_model_meta_fini(&m->meta);
        free(m);
    }
    free(tr->member);
    free(tr);
    *translator = NULL;
}

const struct clseq_model_info *clseq_translator_info(const clseq_translator *translator)
{
    return &translator->info;
}

const clseq_vocab *clseq_translator_source_vocab(const clseq_translator *translator)
{
    return translator->member[0]->meta.source_vocab;
}

const clseq_vocab *clseq_translator_target_vocab(const clseq_translator *translator)
{
    return translator->member[0]->meta.target_vocab;
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

static bool attends(const clseq_translator *tr)
{
    return tr->info.config.attention != CLSEQ_ATTENTION_NONE;
}

static clseq_status need_attention(const clseq_translator *tr, const char *name)
{
    if (attends(tr))
        return CLSEQ_OK;
    return clseq_fail(tr->ctx, CLSEQ_ERR_ARG,
                      "%s needs a model with attention, and %s has none: leave it out, or train a "
                      "model with --attention",
                      name, tr->members > 1 ? "the first of these" : "this one");
}

static clseq_status check_nbest(const clseq_translator *tr, const clseq_translate_options *o)
{
    const int32_t most = o->sample ? CLSEQ_BEAM_LIMIT : o->beam;

    if (o->nbest >= 1 && o->nbest <= most)
        return CLSEQ_OK;
    if (o->sample)
        return check_range(tr->ctx, "nbest", o->nbest, 1, most);
    return clseq_fail(tr->ctx, CLSEQ_ERR_ARG,
                      "nbest is %d, but must be between 1 and the beam, %d: use a wider beam",
                      o->nbest, o->beam);
}

/* What concerns the ranking and the choice of words. */
static clseq_status check_search(const clseq_translator *tr, const clseq_translate_options *o)
{
    CLSEQ_TRY(
        check_range(tr->ctx, "length_penalty", o->length_penalty, 0, CLSEQ_LENGTH_PENALTY_LIMIT));
    CLSEQ_TRY(check_range(tr->ctx, "length_norm", o->length_norm, CLSEQ_LENGTH_NORM_TOKENS,
                          CLSEQ_LENGTH_NORM_WU));
    CLSEQ_TRY(check_range(tr->ctx, "coverage_penalty", o->coverage_penalty, 0,
                          CLSEQ_COVERAGE_PENALTY_LIMIT));
    if (o->coverage_penalty > 0) {
        CLSEQ_TRY(need_attention(tr, "coverage_penalty"));
        if (o->sample || o->beam == 1)
            return clseq_fail(tr->ctx, CLSEQ_ERR_ARG,
                              "coverage_penalty ranks the hypotheses of a beam, and there is none: "
                              "use a beam of 2 or more, or leave it out");
    }
    if (!o->sample)
        return CLSEQ_OK;
    CLSEQ_TRY(check_range(tr->ctx, "temperature", o->temperature, CLSEQ_TEMPERATURE_LEAST,
                          CLSEQ_TEMPERATURE_LIMIT));
    CLSEQ_TRY(check_range(tr->ctx, "top_k", o->top_k, 0, INT32_MAX));
    if (!(o->top_p > 0 && o->top_p <= 1))
        return clseq_fail(tr->ctx, CLSEQ_ERR_ARG,
                          "top_p is %g, but must be greater than 0 and at most 1", o->top_p);
    return CLSEQ_OK;
}

static clseq_status check_unknown(const clseq_translator *tr, const clseq_translate_options *o)
{
    if (o->dictionary && !o->replace_unknown)
        return clseq_fail(tr->ctx, CLSEQ_ERR_ARG,
                          "a dictionary is for unknown words: set replace_unknown too");
    if (!o->replace_unknown)
        return CLSEQ_OK;
    CLSEQ_TRY(need_attention(tr, "replace_unknown"));
    if (tr->info.source_text.unit != CLSEQ_UNIT_WORD ||
        tr->info.target_text.unit != CLSEQ_UNIT_WORD)
        return clseq_fail(tr->ctx, CLSEQ_ERR_ARG,
                          "replace_unknown is for models of words on both sides, and this one has "
                          "units %s and %s: leave it out",
                          clseq_unit_name(tr->info.source_text.unit),
                          clseq_unit_name(tr->info.target_text.unit));
    return CLSEQ_OK;
}

static clseq_status check_options(const clseq_translator *tr, const clseq_translate_options *o)
{
    const int32_t words = tr->info.config.target_vocabulary;

    CLSEQ_TRY(check_range(tr->ctx, "beam", o->beam, 1, CLSEQ_BEAM_LIMIT));
    if (o->beam > words)
        return clseq_fail(tr->ctx, CLSEQ_ERR_ARG,
                          "beam is %d, but this model has only %d target words: use a smaller beam",
                          o->beam, words);
    CLSEQ_TRY(check_nbest(tr, o));
    CLSEQ_TRY(check_range(tr->ctx, "batch", o->batch, 1, CLSEQ_BATCH_LIMIT));
    CLSEQ_TRY(check_search(tr, o));
    CLSEQ_TRY(check_unknown(tr, o));
    CLSEQ_TRY(
        check_range(tr->ctx, "max_length_factor", o->max_length_factor, 0, LENGTH_FACTOR_LIMIT));
    CLSEQ_TRY(check_range(tr->ctx, "max_length", o->max_length, 0, CLSEQ_OUTPUT_LIMIT));
    CLSEQ_TRY(check_range(tr->ctx, "min_length", o->min_length, 0, CLSEQ_OUTPUT_LIMIT));
    if (o->max_length > 0 && o->min_length > o->max_length)
        return clseq_fail(tr->ctx, CLSEQ_ERR_ARG,
                          "min_length is %d, but max_length only %d: set a lower min_length",
                          o->min_length, o->max_length);
    return check_range(tr->ctx, "max_input", o->max_input, 1, CLSEQ_OUTPUT_LIMIT);
}

clseq_status clseq_translator_options(const clseq_translator *tr,
                                      const clseq_translate_options *given,
                                      clseq_translate_options *ret)
{
    clseq_translate_options_init(ret);
    if (given)
        *ret = *given;
    return check_options(tr, ret);
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

clseq_status clseq_translator_read(const clseq_translator *tr, const char *const *lines,
                                   const size_t *lengths, size_t n, const char *side,
                                   const clseq_translate_options *o, clseq_sentences **ret)
{
    CLSEQ_TRY(clseq_calloc(tr->ctx, tr->members, sizeof(**ret), "lines", ret));
    for (size_t i = 0; i < tr->members; i++)
        (*ret)[i].ctx = tr->ctx;
    for (size_t i = 0; i < tr->members; i++)
        CLSEQ_TRY(clseq_sentences_encode(&(*ret)[i], tr->member[i]->meta.source_vocab, lines,
                                         lengths, n, side, (size_t)o->max_input, o->first_line));
    return CLSEQ_OK;
}

void clseq_translator_forget(const clseq_translator *tr, clseq_sentences *source)
{
    for (size_t i = 0; source && i < tr->members; i++)
        clseq_sentences_fini(&source[i]);
    free(source);
}

clseq_status clseq_member_load(struct clseq_member *m, const clseq_sentences *source,
                               const clseq_sentences *target, const clseq_sentence_place *places,
                               size_t B)
{
    clseq_sentence *sides = NULL;
    struct clseq_seq2seq_input input;
    clseq_status status;

    CLSEQ_TRY(clseq_calloc(source->ctx, 2 * B, sizeof(*sides), "batch", &sides));
    for (size_t i = 0; i < B; i++) {
        sides[i] = clseq_sentences_get(source, places[i].index);
        if (target)
            sides[B + i] = clseq_sentences_get(target, places[i].index);
    }
    status = clseq_batch_from_sentences(&m->batch, sides, target ? sides + B : NULL, B,
                                        m->meta.reverse_source);
    free(sides);
    CLSEQ_TRY(status);
    input = clseq_batch_input(&m->batch);
    return clseq_seq2seq_plan(
        m->model,
        &(struct clseq_seq2seq_limits) { .S = input.S, .T = input.T, .B = input.B, .N = input.N },
        false);
}

clseq_status clseq_translator_fail_nan(const clseq_translator *tr, uint64_t line)
{
    return clseq_fail(tr->ctx, CLSEQ_ERR_NUMERIC,
                      "line %llu: the model gives NaN: its weights hold numbers that are not "
                      "finite, or the device computes wrongly; try another model or --backend "
                      "reference",
                      (unsigned long long)line);
}

/* ---- translation ---- */

/* Host memory of a batch in search, for the whole run. */
struct scratch {
    int32_t *limit;     /* (batch) */
    uint64_t *line;     /* (batch) */
    int32_t *count;     /* (batch) */
    clseq_found *found; /* (batch, nbest) */
    size_t n_found;
    clseq_search_other *others; /* (members - 1) */
};

static void scratch_fini(struct scratch *s)
{
    if (s->found)
        clseq_found_fini(s->found, s->n_found);
    free(s->found);
    free(s->limit);
    free(s->line);
    free(s->count);
    free(s->others);
}

static clseq_status scratch_init(const clseq_translator *tr, size_t batch, size_t nbest,
                                 struct scratch *s)
{
    clseq_context *ctx = tr->ctx;

    *s = (struct scratch) { .n_found = batch * nbest };
    CLSEQ_TRY(clseq_calloc(ctx, tr->members, sizeof(*s->others), "batch", &s->others));
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
        clseq_vocab_decode(tr->member[0]->meta.target_vocab, found->ids, found->count, &text);

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
    if (ret->alignment && tr->member[0]->meta.reverse_source)
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

/* Who waits for the words of a line. */
struct listener {
    const clseq_translator *tr;
    const clseq_translate_options *o;
    const clseq_sentence_place *places;
    clseq_text text;
};

static clseq_status tell(void *user, int32_t b, const int32_t *ids, size_t count)
{
    struct listener *l = user;

    CLSEQ_TRY(clseq_vocab_decode(l->tr->member[0]->meta.target_vocab, ids, count, &l->text));
    l->o->partial(l->o->partial_user, l->places[b].index, l->text.data ? l->text.data : "",
                  l->text.size);
    return CLSEQ_OK;
}

static clseq_search_job job_of(const clseq_translate_options *o, const struct scratch *s)
{
    return (clseq_search_job) {
        .limit = s->limit,
        .line = s->line,
        .beam = o->beam,
        .nbest = o->nbest,
        .length_penalty = o->length_penalty,
        .length_norm = o->length_norm,
        .coverage_penalty = o->coverage_penalty,
        .min_length = o->min_length,
        .others = s->others,
        .scores = o->scores,
        .alignments = o->alignments || o->replace_unknown,
    };
}

/* After a batch with so many words of a side. */
static clseq_status count_words(struct clseq_member *m, int side, uint64_t words)
{
    const struct clseq_model_config *c = &m->model->config;
    const int32_t all = side == CLSEQ_SIDE_SOURCE ? c->source_vocabulary : c->target_vocabulary;
    uint64_t bytes;

    m->words[side] += words;
    if (m->tabulated[side] || m->words[side] < TABLE_WORDS * (uint64_t)all)
        return CLSEQ_OK;
    m->tabulated[side] = true;
    return clseq_seq2seq_tabulate(m->model, side, &bytes);
}

/* `lead` is the state of the first model, whose words all are fed. */
static clseq_status count_batch(struct clseq_member *m, const clseq_decoder_state *lead)
{
    const struct clseq_seq2seq_input input = clseq_batch_input(&m->batch);
    const uint64_t rows = (uint64_t)input.B * (uint64_t)lead->beam;

    CLSEQ_TRY(count_words(m, CLSEQ_SIDE_SOURCE, (uint64_t)input.S * (uint64_t)input.B));
    return count_words(m, CLSEQ_SIDE_TARGET, (uint64_t)lead->steps * rows);
}

/* Load the batch into every model, and search. */
static clseq_status search_batch(clseq_translator *tr, const clseq_translate_options *o,
                                 const clseq_sentences *source, const clseq_sentence_place *places,
                                 size_t B, clseq_search_job *job, struct scratch *s)
{
    const struct clseq_search_sampling sampling = {
        .temperature = o->temperature, .top_p = o->top_p, .top_k = o->top_k, .seed = o->seed
    };
    const int32_t slots = o->sample ? o->nbest : o->beam;

    for (size_t i = 0; i < tr->members; i++) {
        struct clseq_member *m = tr->member[i];
        struct clseq_seq2seq_input input;

        CLSEQ_TRY(clseq_member_load(m, &source[i], NULL, places, B));
        input = clseq_batch_input(&m->batch);
        CLSEQ_TRY(clseq_decoder_state_plan(&m->state, (int32_t)B, input.S, slots));
        if (i == 0)
            job->input = input;
        else
            s->others[i - 1] = (clseq_search_other) { .state = &m->state, .input = input };
    }
    job->n_others = (int32_t)tr->members - 1;
    if (o->sample)
        job->sampling = &sampling;
    return o->sample || o->beam == 1
               ? clseq_search_greedy(&tr->member[0]->state, job, s->found)
               : clseq_search_beam(&tr->member[0]->state, job, s->found, s->count);
}

static clseq_status translate_batch(clseq_translator *tr, const clseq_translate_options *o,
                                    const clseq_sentences *source,
                                    const clseq_sentence_place *places, size_t B, struct scratch *s,
                                    clseq_translation *results)
{
    struct listener listener = { .tr = tr, .o = o, .places = places };
    clseq_search_job job = job_of(o, s);
    clseq_status status;

    for (size_t i = 0; i < B; i++) {
        s->limit[i] = length_limit(o, places[i].length);
        s->line[i] = o->first_line + places[i].index;
        s->count[i] = o->sample ? o->nbest : 1;
    }
    if (o->partial) {
        job.settled = tell;
        job.settled_user = &listener;
    }
    status = search_batch(tr, o, source, places, B, &job, s);
    clseq_text_fini(&listener.text);
    CLSEQ_TRY(status);
    for (size_t i = 0; o->tables && i < tr->members; i++)
        CLSEQ_TRY(count_batch(tr->member[i], &tr->member[0]->state));
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
                   scratch_init(tr, (size_t)o->batch < count ? (size_t)o->batch : count,
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
    clseq_sentences *source = NULL;
    clseq_translation *made = NULL;
    clseq_translate_options o;
    clseq_status status;

    CLSEQ_TRY(clseq_translator_options(tr, options, &o));
    CLSEQ_TRY_GOTO(status, out, clseq_translator_read(tr, lines, lengths, n, "", &o, &source));
    CLSEQ_TRY_GOTO(status, out, clseq_calloc(tr->ctx, n, sizeof(*made), "translations", &made));
    status = translate_all(tr, &o, source, made);
    if (status == CLSEQ_OK && o.replace_unknown)
        status = clseq_unknown_replace(tr, lines, lengths, n, &o, made);
    if (status == CLSEQ_OK && n > 0)
        memcpy(results, made, n * sizeof(*made));
    else if (status != CLSEQ_OK)
        clseq_translations_fini(made, n);
out:
    free(made);
    clseq_translator_forget(tr, source);
    return status;
}
