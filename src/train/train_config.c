/* SPDX-License-Identifier: BSD-2-Clause */
#include "train/train_config.h"

#include "data/batches_ahead.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

void clseq_train_options_init(struct clseq_train_options *options)
{
    *options = (struct clseq_train_options) {
        .source_vocab_size = 30000,
        .target_vocab_size = 30000,
        .min_count = 2,
        .max_length = 100,
        .optimizer = CLSEQ_OPTIMIZER_ADAM,
        .decay_start = 5,
        .decay_every = 0.5,
        .clip = 5,
        .init_scale = 0.08,
        .batch = 64,
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

static clseq_status check_range(clseq_context *ctx, const char *option, double value, double low,
                                double high)
{
    if (!(value >= low && value <= high)) /* also refuses NaN */
        return clseq_fail(ctx, CLSEQ_ERR_ARG,
                          "--%s: %g is out of range, it must be between %g and %g", option, value,
                          low, high);
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
    CLSEQ_TRY(check_range(ctx, "lr", options->lr, 0, 100));
    CLSEQ_TRY(check_range(ctx, "clip", options->clip, 0, 1e6));
    CLSEQ_TRY(check_range(ctx, "init-scale", options->init_scale, 0, 10));
    CLSEQ_TRY(check_range(ctx, "decay-start", options->decay_start, 0, 1e6));
    CLSEQ_TRY(check_range(ctx, "decay-every", options->decay_every, 0.01, 1e6));
    CLSEQ_TRY(check_range(ctx, "batch", (double)options->batch, 1, 65536));
    CLSEQ_TRY(check_range(ctx, "early-stop", options->early_stop, 0, 1e6));
    CLSEQ_TRY(check_range(ctx, "log-every", (double)options->log_every, 1, 1e9));
    CLSEQ_TRY(check_range(ctx, "batches-ahead", (double)options->batches_ahead, 0,
                          CLSEQ_BATCHES_AHEAD_LIMIT));
    if (options->after.epochs <= 0 && options->after.updates == 0 && options->after.seconds <= 0)
        return clseq_fail(ctx, CLSEQ_ERR_ARG,
                          "--after: say how long to train, for example 10e, 5000u or 30m");
    return CLSEQ_OK;
}

static json_t *when_to_json(const struct clseq_when *when)
{
    return json_pack("{s:f, s:I, s:f}", "epochs", when->epochs, "updates",
                     (json_int_t)when->updates, "seconds", when->seconds);
}

static json_t *text_to_json(const clseq_text_options *text)
{
    return json_pack("{s:s, s:b}", "unit", clseq_unit_name(text->unit), "lowercase",
                     text->lowercase);
}

/* Numbers decided by "numbers", the rest is for the reader. */
clseq_status clseq_train_options_to_json(clseq_context *ctx, const struct clseq_train_options *o,
                                         json_t **ret)
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
        "optimizer", o->optimizer == CLSEQ_OPTIMIZER_SGD ? "sgd" : "adam", "lr", o->lr, "schedule",
        o->schedule == CLSEQ_SCHEDULE_HALVE ? "halve" : "constant", "decay-start", o->decay_start,
        "decay-every", o->decay_every, "clip", o->clip, "average-tokens", o->average_tokens, "init",
        o->init_normal ? "normal" : "uniform", "init-scale", o->init_scale, "batch",
        (json_int_t)o->batch, "similar-length", o->similar_length, "seed", (json_int_t)o->seed);

    *ret = json_pack("{s:i, s:o, s:s?, s:s?, s:s?, s:s?, s:o, s:o, s:o, s:i, s:I}", "format", 1,
                     "numbers", numbers, "source", o->source, "target", o->target, "valid-source",
                     o->valid_source, "valid-target", o->valid_target, "after",
                     when_to_json(&o->after), "valid-every", when_to_json(&o->valid_every),
                     "save-every", when_to_json(&o->save_every), "early-stop", o->early_stop,
                     "log-every", (json_int_t)o->log_every);
    if (!*ret)
        return clseq_fail(ctx, CLSEQ_ERR_NOMEM, "config.json: out of memory");
    return CLSEQ_OK;
}

clseq_status clseq_train_options_match(clseq_context *ctx, const char *run, const json_t *saved,
                                       const json_t *given)
{
    const json_t *old = json_object_get(saved, "numbers");
    json_t *new = json_object_get(given, "numbers");
    const char *key;
    json_t *value;

    if (!json_is_object(old))
        return clseq_fail(
            ctx, CLSEQ_ERR_FORMAT,
            "%s/config.json: not the configuration of a run: choose another folder with -o", run);
    json_object_foreach(new, key, value)
    {
        const json_t *before = json_object_get(old, key);
        char *a, *b;
        clseq_status status;

        if (before && json_equal(before, value))
            continue;
        a = before ? json_dumps(before, JSON_ENCODE_ANY | JSON_COMPACT) : NULL;
        b = json_dumps(value, JSON_ENCODE_ANY | JSON_COMPACT);
        status =
            clseq_fail(ctx, CLSEQ_ERR_ARG,
                       "%s: this run was started with other options: %s was %s, now it is %s. Give "
                       "the old value to go on with the run, or choose another folder with -o",
                       run, key, a ? a : "not set", b ? b : "?");
        free(a);
        free(b);
        return status;
    }
    return CLSEQ_OK;
}
