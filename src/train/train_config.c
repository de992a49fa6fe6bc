/* SPDX-License-Identifier: BSD-2-Clause */
#include "train/train_config.h"

#include "data/batches_ahead.h"
#include "train/optimizer.h"
#include "train/schedule.h"

#include <clseq/corpus.h>

#include <math.h>
#include <stdlib.h>
#include <string.h>

void clseq_train_options_init(struct clseq_train_options *options)
{
    *options = (struct clseq_train_options) {
        .merges = 10000,
        .source_vocab_size = 30000,
        .target_vocab_size = 30000,
        .min_count = 2,
        .max_length = 100,
        .teacher_forcing = 1,
        .samples = 2048,
        .sampler_power = 0.75,
        .optimizer = CLSEQ_OPTIMIZER_ADAM,
        .momentum = 0.9,
        .beta1 = 0.9,
        .decay_start = 5,
        .decay_every = 0.5,
        .decay_factor = 0.5,
        .patience = 1,
        .clip = 5,
        .init_scale = 0.08,
        .forget_bias = 1,
        .batch = 64,
        .accumulate = 1,
        .similar_length = true,
        .seed = 1,
        .after = { .epochs = 10 },
        .valid_every = { .epochs = 1 },
        .save_every = { .seconds = 300 },
        .early_stop = 5,
        .log_every = 50,
        .batches_ahead = 2,
    };
    clseq_model_config_init(&options->model);
}

/* By clseq_loss_kind and clseq_sampler_kind. */
static const char *const loss_names[] = { "softmax", "sampled", "nce" };
static const char *const sampler_names[] = { "log-uniform", "unigram" };
/* By clseq_best_kind; "score" is from when there was no other. */
static const char *const best_names[] = { "loss", "score", "lowest-score" };

/* Below 1 also as a float, and far enough for 1 - x^k to be a number. */
#define ALMOST_1 0.999999

static clseq_status check_range(clseq_context *ctx, const char *option, double value, double low,
                                double high)
{
    if (!(value >= low && value <= high)) /* also refuses NaN */
        return clseq_fail(ctx, CLSEQ_ERR_ARG,
                          "--%s: %g is out of range, it must be between %g and %g", option, value,
                          low, high);
    return CLSEQ_OK;
}

/* The schedule goes to 0 at the end of the run, so that end must be known in updates. */
static bool schedule_has_end(const struct clseq_train_options *options)
{
    return options->schedule == CLSEQ_SCHEDULE_LINEAR || options->schedule == CLSEQ_SCHEDULE_COSINE;
}

/* Likewise for what is read from the text. */
static bool teacher_has_end(const struct clseq_train_options *options)
{
    return options->teacher_schedule != CLSEQ_TEACHER_CONSTANT &&
           clseq_schedule_end(&options->teacher_forcing_end, 1) == 0;
}

static clseq_status check_schedule(clseq_context *ctx, const struct clseq_train_options *options)
{
    if (options->schedule == CLSEQ_SCHEDULE_PLATEAU && !options->valid_source)
        return clseq_fail(ctx, CLSEQ_ERR_ARG,
                          "--schedule plateau waits for validations, but there is no validation "
                          "text: give --valid, or choose another schedule");
    if (schedule_has_end(options) && clseq_schedule_end(&options->after, 1) == 0)
        return clseq_fail(ctx, CLSEQ_ERR_ARG,
                          "--schedule %s must know where training ends: give --after in epochs or "
                          "updates, for example 10e or 5000u",
                          clseq_schedule_name(options->schedule));
    return CLSEQ_OK;
}

/* A ratio that falls needs a way to go, and one to the power of p never comes to 0. */
static clseq_status check_teacher(clseq_context *ctx, const struct clseq_train_options *options)
{
    const char *name = clseq_schedule_teacher_name(options->teacher_schedule);

    if (options->teacher_forcing_end.seconds > 0)
        return clseq_fail(ctx, CLSEQ_ERR_ARG,
                          "--teacher-forcing-end: a time depends on the machine: give epochs or "
                          "updates, for example 5e or 2000u");
    if (options->teacher_schedule == CLSEQ_TEACHER_CONSTANT)
        return CLSEQ_OK;
    if (options->teacher_forcing == 1)
        return clseq_fail(ctx, CLSEQ_ERR_ARG,
                          "--teacher-forcing-schedule %s has nowhere to go: say with "
                          "--teacher-forcing, 0.5 say, where it ends",
                          name);
    if (options->teacher_schedule == CLSEQ_TEACHER_EXPONENTIAL && options->teacher_forcing == 0)
        return clseq_fail(ctx, CLSEQ_ERR_ARG,
                          "--teacher-forcing-schedule exponential never comes down to 0: give "
                          "--teacher-forcing 0.01 or more, or another schedule");
    if (clseq_schedule_teacher_end(options, 1) == 0)
        return clseq_fail(ctx, CLSEQ_ERR_ARG,
                          "--teacher-forcing-schedule %s must know how long it takes: give "
                          "--teacher-forcing-end in epochs or updates, for example 5e",
                          name);
    return CLSEQ_OK;
}

/* True when merges of a side are learnt from the text. */
static bool learns_merges(const clseq_text_options *text, const char *path)
{
    return text->unit == CLSEQ_UNIT_BPE && !text->codes && !path;
}

static clseq_status check_units(clseq_context *ctx, const struct clseq_train_options *options)
{
    CLSEQ_TRY(check_range(ctx, "merges", (double)options->merges, 1, 1e9));
    if ((options->source_text.unit == CLSEQ_UNIT_SPM && !options->source_text.codes &&
         !options->source_codes) ||
        (options->target_text.unit == CLSEQ_UNIT_SPM && !options->target_text.codes &&
         !options->target_codes))
        return clseq_fail(ctx, CLSEQ_ERR_ARG,
                          "--unit spm cuts text with a SentencePiece model: give its file with "
                          "--spm-model");
    CLSEQ_TRY(check_range(ctx, "bpe-dropout", options->bpe_dropout, 0, 1));
    if (options->bpe_dropout > 0 && options->source_text.unit != CLSEQ_UNIT_BPE &&
        options->target_text.unit != CLSEQ_UNIT_BPE)
        return clseq_fail(ctx, CLSEQ_ERR_ARG,
                          "--bpe-dropout leaves out merges: give --unit bpe, or leave it out");
    if ((options->piece_threshold > 0 || options->source_text.glossaries ||
         options->target_text.glossaries) &&
        options->source_text.unit != CLSEQ_UNIT_BPE && options->target_text.unit != CLSEQ_UNIT_BPE)
        return clseq_fail(ctx, CLSEQ_ERR_ARG,
                          "--%s is about pieces: give --unit bpe, or leave it out",
                          options->piece_threshold > 0 ? "bpe-vocabulary-threshold" : "glossary");
    if (options->joint && !(learns_merges(&options->source_text, options->source_codes) &&
                            learns_merges(&options->target_text, options->target_codes)))
        return clseq_fail(ctx, CLSEQ_ERR_ARG,
                          "--joint is for merges that both sides learn: give --unit bpe without "
                          "--codes, or leave it out");
    return CLSEQ_OK;
}

static clseq_status check_vectors(clseq_context *ctx, const struct clseq_train_options *options)
{
    if (options->unfreeze_vectors.seconds > 0)
        return clseq_fail(ctx, CLSEQ_ERR_ARG,
                          "--unfreeze-vectors: a time depends on the machine: give epochs or "
                          "updates, for example 3e or 2000u");
    if (options->freeze_vectors && !options->source_vectors && !options->target_vectors)
        return clseq_fail(ctx, CLSEQ_ERR_ARG,
                          "--freeze-vectors: there are none: give --source-vectors or "
                          "--target-vectors");
    if (clseq_schedule_end(&options->unfreeze_vectors, 1) > 0 && !options->freeze_vectors)
        return clseq_fail(ctx, CLSEQ_ERR_ARG,
                          "--unfreeze-vectors says when freezing ends: give --freeze-vectors, too");
    return CLSEQ_OK;
}

static clseq_status check_sharing(clseq_context *ctx, const struct clseq_train_options *o)
{
    const bool shared = o->model.shared_embeddings, tied = o->model.tied_output;

    if (tied && o->model.embedding != o->model.hidden)
        return clseq_fail(ctx, CLSEQ_ERR_ARG,
                          "--tie-output: the embeddings have %d numbers, the decoder's output %d: "
                          "give --emb %d, or leave it out",
                          o->model.embedding, o->model.hidden, o->model.hidden);
    if (shared && (o->source_text.unit != o->target_text.unit ||
                   o->source_text.lowercase != o->target_text.lowercase ||
                   o->source_vocab_size != o->target_vocab_size))
        return clseq_fail(ctx, CLSEQ_ERR_ARG,
                          "--share-embeddings makes one vocabulary of both sides: give --unit and "
                          "--vocab-size, and not other ones for the source or the target");
    if (shared && o->target_vectors)
        return clseq_fail(ctx, CLSEQ_ERR_ARG,
                          "--share-embeddings: both sides have one table: give --source-vectors "
                          "alone");
    if ((shared || tied) && o->freeze_vectors)
        return clseq_fail(ctx, CLSEQ_ERR_ARG,
                          "--freeze-vectors: with --%s the same vectors have another use, too, in "
                          "which they learn: leave one of them out",
                          shared ? "share-embeddings" : "tie-output");
    return CLSEQ_OK;
}

static clseq_status check_loss(clseq_context *ctx, const struct clseq_train_options *options)
{
    CLSEQ_TRY(check_range(ctx, "loss", options->loss, 0, CLSEQ_LOSS_NCE));
    CLSEQ_TRY(check_range(ctx, "samples", (double)options->samples, 1, 4e6));
    CLSEQ_TRY(check_range(ctx, "sampler", options->sampler, 0, CLSEQ_SAMPLER_UNIGRAM));
    CLSEQ_TRY(check_range(ctx, "sampler-power", options->sampler_power, 0, 1));
    if (options->loss != CLSEQ_LOSS_SOFTMAX && options->label_smoothing > 0)
        return clseq_fail(ctx, CLSEQ_ERR_ARG,
                          "--label-smoothing %g spreads a target over all words, but --loss %s "
                          "looks at few of them: give --label-smoothing 0, or --loss softmax",
                          options->label_smoothing, loss_names[options->loss]);
    return CLSEQ_OK;
}

clseq_status clseq_train_options_check(clseq_context *ctx,
                                       const struct clseq_train_options *options)
{
    if (!options->source || !options->run)
        return clseq_fail(ctx, CLSEQ_ERR_ARG, "training needs a source text and a run folder");
    if (!options->valid_source && options->valid_target)
        return clseq_fail(ctx, CLSEQ_ERR_ARG, "--valid: the source text is missing");
    CLSEQ_TRY(check_range(ctx, "vocab-size", (double)options->source_vocab_size, 5, 4e6));
    CLSEQ_TRY(check_range(ctx, "vocab-size", (double)options->target_vocab_size, 5, 4e6));
    CLSEQ_TRY(check_range(ctx, "min-count", (double)options->min_count, 1, 1e9));
    CLSEQ_TRY(check_range(ctx, "max-length", (double)options->max_length, 1, 10000));
    CLSEQ_TRY(check_range(ctx, "emb", options->model.embedding, 1, 65536));
    CLSEQ_TRY(check_range(ctx, "hidden", options->model.hidden, 1, 65536));
    CLSEQ_TRY(check_range(ctx, "layers", options->model.layers, 1, 16));
    CLSEQ_TRY(check_range(ctx, "dropout", options->layer_dropout, 0, 0.99));
    CLSEQ_TRY(check_range(ctx, "embedding-dropout", options->embedding_dropout, 0, 0.99));
    CLSEQ_TRY(check_range(ctx, "output-dropout", options->output_dropout, 0, 0.99));
    CLSEQ_TRY(check_range(ctx, "word-dropout", options->word_dropout, 0, 0.99));
    CLSEQ_TRY(check_range(ctx, "label-smoothing", options->label_smoothing, 0, 0.99));
    CLSEQ_TRY(check_range(ctx, "teacher-forcing", options->teacher_forcing, 0, 1));
    CLSEQ_TRY(check_range(ctx, "teacher-forcing-schedule", options->teacher_schedule, 0,
                          CLSEQ_TEACHER_INVERSE_SIGMOID));
    CLSEQ_TRY(check_range(ctx, "lr", options->lr, 0, 100));
    CLSEQ_TRY(check_range(ctx, "optimizer", options->optimizer, 0, CLSEQ_OPTIMIZER_ADAMW));
    CLSEQ_TRY(check_range(ctx, "momentum", options->momentum, 0, ALMOST_1));
    CLSEQ_TRY(check_range(ctx, "beta1", options->beta1, 0, ALMOST_1));
    CLSEQ_TRY(check_range(ctx, "beta2", options->beta2, 0, ALMOST_1));
    CLSEQ_TRY(check_range(ctx, "eps", options->eps, 0, 1));
    if (options->eps > 0)
        CLSEQ_TRY(check_range(ctx, "eps", options->eps, 1e-30, 1));
    CLSEQ_TRY(check_range(ctx, "adagrad-start", options->adagrad_start, 0, 1e6));
    CLSEQ_TRY(check_range(ctx, "weight-decay", options->weight_decay, 0, 1));
    CLSEQ_TRY(check_range(ctx, "ema", options->ema, 0, ALMOST_1));
    CLSEQ_TRY(check_range(ctx, "keep", (double)options->keep, 0, 1e6));
    CLSEQ_TRY(check_range(ctx, "clip", options->clip, 0, 1e6));
    CLSEQ_TRY(check_range(ctx, "init", options->init, 0, CLSEQ_INIT_KIND_ORTHOGONAL));
    CLSEQ_TRY(check_range(ctx, "forget-bias", options->forget_bias, -100, 100));
    CLSEQ_TRY(check_range(ctx, "init-scale", options->init_scale, 0, 10));
    CLSEQ_TRY(check_range(ctx, "decay-start", options->decay_start, 0, 1e6));
    CLSEQ_TRY(check_range(ctx, "decay-every", options->decay_every, 0.01, 1e6));
    CLSEQ_TRY(check_range(ctx, "schedule", options->schedule, 0, CLSEQ_SCHEDULE_COSINE));
    CLSEQ_TRY(check_range(ctx, "decay-factor", options->decay_factor, 0.001, 1));
    CLSEQ_TRY(check_range(ctx, "patience", options->patience, 1, 1e6));
    CLSEQ_TRY(check_range(ctx, "warmup", (double)options->warmup, 0, 1e12));
    CLSEQ_TRY(check_range(ctx, "batch", (double)options->batch, 1, 65536));
    CLSEQ_TRY(check_range(ctx, "batch-tokens", (double)options->batch_tokens, 0, CLSEQ_POOL_LIMIT));
    CLSEQ_TRY(check_range(ctx, "accumulate", (double)options->accumulate, 1, 65536));
    CLSEQ_TRY(check_range(ctx, "early-stop", options->early_stop, 0, 1e6));
    CLSEQ_TRY(check_range(ctx, "early-stop-on", options->best_by, 0, CLSEQ_BEST_LOWEST_SCORE));
    CLSEQ_TRY(check_range(ctx, "log-every", (double)options->log_every, 1, 1e9));
    CLSEQ_TRY(check_range(ctx, "batches-ahead", (double)options->batches_ahead, 0,
                          CLSEQ_BATCHES_AHEAD_LIMIT));
    if (options->after.epochs <= 0 && options->after.updates == 0 && options->after.seconds <= 0)
        return clseq_fail(ctx, CLSEQ_ERR_ARG,
                          "--after: say how long to train, for example 10e, 5000u or 30m");
    CLSEQ_TRY(check_units(ctx, options));
    CLSEQ_TRY(check_loss(ctx, options));
    CLSEQ_TRY(check_sharing(ctx, options));
    CLSEQ_TRY(check_teacher(ctx, options));
    CLSEQ_TRY(check_vectors(ctx, options));
    return check_schedule(ctx, options);
}

void clseq_train_options_regularise(const struct clseq_train_options *options, clseq_seq2seq *model)
{
    const clseq_dropout dropout = {
        .layers = options->layer_dropout,
        .embedding = options->embedding_dropout,
        .output = options->output_dropout,
        .same_over_time = options->same_dropout,
        .seed = options->seed,
    };

    clseq_seq2seq_regularise(model, &dropout, options->label_smoothing);
    model->nce = options->loss == CLSEQ_LOSS_NCE;
}

struct clseq_optimizer_options clseq_train_options_optimizer(const struct clseq_train_options *o)
{
    struct clseq_optimizer_options ret;

    clseq_optimizer_options_init(&ret, o->optimizer);
    ret.momentum = o->momentum;
    ret.beta1 = o->beta1;
    if (o->beta2 > 0)
        ret.beta2 = o->beta2;
    if (o->eps > 0)
        ret.eps = o->eps;
    ret.weight_decay = o->weight_decay;
    ret.start = o->adagrad_start;
    return ret;
}

static json_t *when_to_json(const struct clseq_when *when)
{
    return json_pack("{s:f, s:I, s:f}", "epochs", when->epochs, "updates",
                     (json_int_t)when->updates, "seconds", when->seconds);
}

/* True when codes of a side are given, and not learnt. */
static bool has_codes(const clseq_text_options *text, const char *path)
{
    return text->unit > CLSEQ_UNIT_BYTE && (text->codes || path);
}

static json_t *glossaries(const clseq_text_options *text)
{
    return text->glossaries_size > 0 ? json_stringn(text->glossaries, text->glossaries_size)
                                     : json_null();
}

static json_t *text_to_json(const clseq_text_options *text)
{
    return json_pack("{s:s, s:b}", "unit", clseq_unit_name(text->unit), "lowercase",
                     text->lowercase);
}

/* By clseq_init_kind. */
static const char *const init_names[] = { "uniform", "normal", "xavier", "orthogonal" };

/* What the model is made of, beside its sizes, and what training leaves out at random. */
static bool add_architecture(json_t *numbers, const struct clseq_train_options *o)
{
    const struct clseq_model_config *c = &o->model;
    json_t *more = json_pack(
        "{s:s, s:i, s:i, s:b, s:b, s:b, s:s, s:s, s:b, s:b, s:b, s:b, s:f, s:f, s:f, s:f, s:b, "
        "s:f}",
        "cell", clseq_cell_name(c->cell), "encoder-hidden", (int)c->encoder_hidden,
        "encoder-layers", (int)c->encoder_layers, "bidirectional", c->bidirectional, "peepholes",
        c->peepholes, "residual", c->residual, "bridge", clseq_bridge_name(c->bridge), "attention",
        clseq_attention_name(c->attention), "input-feeding", c->input_feeding, "context-input",
        c->context_input, "tie-output", c->tied_output, "share-embeddings", c->shared_embeddings,
        "dropout", o->layer_dropout, "embedding-dropout", o->embedding_dropout, "output-dropout",
        o->output_dropout, "word-dropout", o->word_dropout, "same-dropout", o->same_dropout,
        "label-smoothing", o->label_smoothing);
    const bool ok = more && json_object_update(numbers, more) == 0;

    json_decref(more);
    return ok;
}

/* Options that older releases did not have; their runs count as made with the defaults. */
static bool add_newer_numbers(json_t *numbers, const struct clseq_train_options *o)
{
    const struct {
        const char *name;
        double value;
    } reals[] = {
        { "momentum", o->momentum },
        { "sampler-power", o->sampler_power },
        { "beta1", o->beta1 },
        { "beta2", o->beta2 },
        { "eps", o->eps },
        { "adagrad-start", o->adagrad_start },
        { "decay-factor", o->decay_factor },
        { "ema", o->ema },
        { "teacher-forcing", o->teacher_forcing },
        { "weight-decay", o->weight_decay },
        { "bpe-dropout", o->bpe_dropout },
    };
    const struct {
        const char *name;
        uint64_t value;
    } counts[] = {
        { "patience", (uint64_t)o->patience },
        { "samples", o->samples },
        { "warmup", o->warmup },
        { "accumulate", o->accumulate },
        { "batch-tokens", o->batch_tokens },
        { "merges", o->merges },
        { "bpe-vocabulary-threshold", o->piece_threshold },
    };
    bool ok = numbers != NULL && add_architecture(numbers, o);

    /* Only where the end of the run decides what comes before it. */
    ok = ok && json_object_set_new(numbers, "schedule-end",
                                   schedule_has_end(o) || teacher_has_end(o)
                                       ? json_pack("{s:f, s:I}", "epochs", o->after.epochs,
                                                   "updates", (json_int_t)o->after.updates)
                                       : json_null()) == 0;
    ok = ok &&
         json_object_set_new(numbers, "teacher-forcing-schedule",
                             json_string(clseq_schedule_teacher_name(o->teacher_schedule))) == 0;
    ok = ok &&
         json_object_set_new(numbers, "teacher-forcing-end",
                             json_pack("{s:f, s:I}", "epochs", o->teacher_forcing_end.epochs,
                                       "updates", (json_int_t)o->teacher_forcing_end.updates)) == 0;
    ok = ok && json_object_set_new(numbers, "source-codes",
                                   json_boolean(has_codes(&o->source_text, o->source_codes))) == 0;
    ok = ok && json_object_set_new(numbers, "target-codes",
                                   json_boolean(has_codes(&o->target_text, o->target_codes))) == 0;
    ok = ok && json_object_set_new(numbers, "source-tokenize",
                                   json_string(o->source_text.rules ? "rules" : "none")) == 0;
    ok = ok && json_object_set_new(numbers, "target-tokenize",
                                   json_string(o->target_text.rules ? "rules" : "none")) == 0;
    ok = ok && json_object_set_new(numbers, "source-glossaries", glossaries(&o->source_text)) == 0;
    ok = ok && json_object_set_new(numbers, "target-glossaries", glossaries(&o->target_text)) == 0;
    ok = ok && json_object_set_new(numbers, "joint", json_boolean(o->joint)) == 0;
    ok = ok && json_object_set_new(numbers, "source-vectors",
                                   json_boolean(o->source_vectors != NULL)) == 0;
    ok = ok && json_object_set_new(numbers, "target-vectors",
                                   json_boolean(o->target_vectors != NULL)) == 0;
    ok = ok && json_object_set_new(numbers, "freeze-vectors", json_boolean(o->freeze_vectors)) == 0;
    ok = ok &&
         json_object_set_new(numbers, "unfreeze-vectors",
                             json_pack("{s:f, s:I}", "epochs", o->unfreeze_vectors.epochs,
                                       "updates", (json_int_t)o->unfreeze_vectors.updates)) == 0;
    ok = ok &&
         json_object_set_new(numbers, "forget-bias",
                             o->set_forget_bias ? json_real(o->forget_bias) : json_null()) == 0;
    ok = ok &&
         json_object_set_new(numbers, "early-stop-on", json_string(best_names[o->best_by])) == 0;
    ok = ok && json_object_set_new(numbers, "loss", json_string(loss_names[o->loss])) == 0;
    ok = ok && json_object_set_new(numbers, "sampler", json_string(sampler_names[o->sampler])) == 0;
    for (size_t i = 0; ok && i < CLSEQ_ARRAY_SIZE(counts); i++)
        ok = json_object_set_new(numbers, counts[i].name,
                                 json_integer((json_int_t)counts[i].value)) == 0;
    for (size_t i = 0; ok && i < CLSEQ_ARRAY_SIZE(reals); i++)
        ok = json_object_set_new(numbers, reals[i].name, json_real(reals[i].value)) == 0;
    return ok;
}

/* Numbers decided by "numbers", the rest is for the reader. */
clseq_status clseq_train_options_to_json(clseq_context *ctx, const struct clseq_train_options *o,
                                         clseq_precision precision, json_t **ret)
{
    json_t *numbers = json_pack(
        "{s:o, s:o, s:I, s:I, s:I, s:I, s:b, s:i, s:i, s:i, s:s, s:f, s:s, s:f, s:f, s:f, s:b, "
        "s:s, s:f, "
        "s:I, s:b, s:I}",
        "source-text", text_to_json(&o->source_text), "target-text", text_to_json(&o->target_text),
        "source-vocab-size", (json_int_t)o->source_vocab_size, "target-vocab-size",
        (json_int_t)o->target_vocab_size, "min-count", (json_int_t)o->min_count, "max-length",
        (json_int_t)o->max_length, "reverse-source", o->reverse_source, "emb",
        (int)o->model.embedding, "hidden", (int)o->model.hidden, "layers", (int)o->model.layers,
        "optimizer", clseq_optimizer_name(o->optimizer), "lr", o->lr, "schedule",
        clseq_schedule_name(o->schedule), "decay-start", o->decay_start, "decay-every",
        o->decay_every, "clip", o->clip, "average-tokens", o->average_tokens, "init",
        init_names[o->init], "init-scale", o->init_scale, "batch", (json_int_t)o->batch,
        "similar-length", o->similar_length, "seed", (json_int_t)o->seed);

    if (!add_newer_numbers(numbers, o) ||
        json_object_set_new(numbers, "precision", json_string(clseq_precision_name(precision))) !=
            0) {
        json_decref(numbers);
        return clseq_fail(ctx, CLSEQ_ERR_NOMEM, "config.json: out of memory");
    }
    *ret = json_pack(
        "{s:i, s:o, s:s?, s:s?, s:s?, s:s?, s:s?, s:s?, s:s?, s:s?, s:o, s:o, s:o, s:i, s:I}",
        "format", 1, "numbers", numbers, "source", o->source, "target", o->target, "valid-source",
        o->valid_source, "valid-target", o->valid_target, "source-codes", o->source_codes,
        "target-codes", o->target_codes, "source-vectors", o->source_vectors, "target-vectors",
        o->target_vectors, "after", when_to_json(&o->after), "valid-every",
        when_to_json(&o->valid_every), "save-every", when_to_json(&o->save_every), "early-stop",
        o->early_stop, "log-every", (json_int_t)o->log_every);
    if (!*ret)
        return clseq_fail(ctx, CLSEQ_ERR_NOMEM, "config.json: out of memory");
    return CLSEQ_OK;
}

/* 15 digits: 0.9 and not 0.90000000000000002. */
#define AS_TEXT (JSON_ENCODE_ANY | JSON_COMPACT | JSON_REAL_PRECISION(15))

static clseq_status refuse_other(clseq_context *ctx, const char *run, const char *key,
                                 const json_t *before, const json_t *now)
{
    char *a = json_dumps(before, AS_TEXT);
    char *b = json_dumps(now, AS_TEXT);
    const clseq_status status =
        clseq_fail(ctx, CLSEQ_ERR_ARG,
                   "%s: this run was started with other options: %s was %s, now it is %s. Give "
                   "the old value to go on with the run, or choose another folder with -o",
                   run, key, a ? a : "?", b ? b : "?");

    free(a);
    free(b);
    return status;
}

/* Options by which the run was made and that this release does not have, where it does not know
 * whether they changed anything. */
static clseq_status check_unknown(clseq_context *ctx, const char *run, const json_t *old,
                                  const json_t *new)
{
    void *at = json_object_iter((json_t *)(uintptr_t)old);

    for (; at; at = json_object_iter_next((json_t *)(uintptr_t)old, at)) {
        if (!json_object_get(new, json_object_iter_key(at)))
            return clseq_fail(ctx, CLSEQ_ERR_ARG,
                              "%s: this run was started by a release with an option that this one "
                              "does not have: %s. Go on with that release, or choose another "
                              "folder with -o",
                              run, json_object_iter_key(at));
    }
    return CLSEQ_OK;
}

clseq_status clseq_train_options_match(clseq_context *ctx, const char *run, const json_t *saved,
                                       const json_t *given)
{
    const json_t *old = json_object_get(saved, "numbers"), *usual;
    json_t *new = json_object_get(given, "numbers"), *standard = NULL;
    struct clseq_train_options defaults;
    clseq_status status;
    const char *key;
    json_t *value;

    if (!json_is_object(old))
        return clseq_fail(
            ctx, CLSEQ_ERR_FORMAT,
            "%s/config.json: not the configuration of a run: choose another folder with -o", run);
    CLSEQ_TRY(check_unknown(ctx, run, old, new));
    clseq_train_options_init(&defaults);
    CLSEQ_TRY(clseq_train_options_to_json(ctx, &defaults, CLSEQ_PRECISION_FP32, &standard));
    usual = json_object_get(standard, "numbers");
    status = CLSEQ_OK;
    json_object_foreach(new, key, value)
    {
        const json_t *before = json_object_get(old, key);

        /* An older release had no such option, so it did what the default does. */
        if (!before)
            before = json_object_get(usual, key);
        if (status == CLSEQ_OK && !json_equal(before, value))
            status = refuse_other(ctx, run, key, before, value);
    }
    json_decref(standard);
    return status;
}
