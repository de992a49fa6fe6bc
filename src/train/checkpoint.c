/* SPDX-License-Identifier: BSD-2-Clause */
#include "train/checkpoint.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* 64 bits do not fit JSON's signed integers, so a fingerprint is text. */
struct fingerprint {
    char text[20];
};

static struct fingerprint fingerprint_text(uint64_t value)
{
    struct fingerprint ret;

    snprintf(ret.text, sizeof(ret.text), "%016llx", (unsigned long long)value);
    return ret;
}

static const char *const vectors_keys[2] = { "source_vectors", "target_vectors" };

static char *state_to_text(const clseq_train_state *s)
{
    const struct fingerprint corpus = fingerprint_text(s->fingerprint);
    json_t *json;
    char *text;

    json = json_pack("{s:I, s:s, s:I, s:I, s:I, s:b, s:f, s:I, s:I, s:I, s:f, s:f}", "update",
                     (json_int_t)s->update, "corpus", corpus.text, "skipped",
                     (json_int_t)s->skipped, "skipped_in_row", (json_int_t)s->skipped_in_row,
                     "validated", (json_int_t)s->validated, "has_best", s->has_best, "best_loss",
                     s->best_loss, "worse_validations", (json_int_t)s->worse_validations,
                     "since_decay", (json_int_t)s->since_decay, "decays", (json_int_t)s->decays,
                     "best_score", s->best_score, "seconds", s->seconds);
    for (int i = 0; json && i < 2; i++) {
        const struct fingerprint vectors = fingerprint_text(s->vectors[i]);

        if (s->vectors[i] != 0)
            json_object_set_new(json, vectors_keys[i], json_string(vectors.text));
    }
    text = json ? json_dumps(json, JSON_COMPACT | JSON_REAL_PRECISION(17)) : NULL;
    json_decref(json);
    return text;
}

/* The moments and the average, which is stored like one. */
static int beside_weights(const clseq_optimizer *optimizer, const clseq_ema *ema,
                          const char *names[CLSEQ_OPTIMIZER_MOMENTS + 1],
                          const clseq_param_buffers *buffers[CLSEQ_OPTIMIZER_MOMENTS + 1])
{
    int n = clseq_optimizer_moments(optimizer, names, buffers);

    if (ema->model) {
        names[n] = "ema";
        buffers[n++] = &ema->average;
    }
    return n;
}

clseq_status clseq_checkpoint_save(const clseq_seq2seq *model, const clseq_model_meta *meta,
                                   const clseq_optimizer *optimizer, const clseq_ema *ema,
                                   const clseq_train_state *state, const char *path)
{
    const char *names[CLSEQ_OPTIMIZER_MOMENTS + 1];
    const clseq_param_buffers *moments[CLSEQ_OPTIMIZER_MOMENTS + 1];
    const char *const key = CLSEQ_CHECKPOINT_KEY;
    char *text = state_to_text(state);
    const char *value = text;
    clseq_status status;

    if (!text)
        return clseq_fail(model->ctx, CLSEQ_ERR_NOMEM, "%s: out of memory", path);
    status = clseq_model_save(model, meta, path,
                              &(struct clseq_model_save_options) {
                                  .n_moments = beside_weights(optimizer, ema, names, moments),
                                  .moment_names = names,
                                  .moments = moments,
                                  .n_metadata = 1,
                                  .keys = &key,
                                  .values = &value,
                              });
    free(text);
    return status;
}

/* A whole number of 0 or more. */
static bool get_count(const json_t *json, const char *key, uint64_t *ret)
{
    const json_t *value = json_object_get(json, key);

    if (!json_is_integer(value) || json_integer_value(value) < 0)
        return false;
    *ret = (uint64_t)json_integer_value(value);
    return true;
}

/* The same; 0 when the key is missing, as in checkpoints of older releases. */
static bool get_newer_count(const json_t *json, const char *key, uint64_t *ret)
{
    *ret = 0;
    return !json_object_get(json, key) || get_count(json, key, ret);
}

static bool get_real(const json_t *json, const char *key, double *ret)
{
    const json_t *value = json_object_get(json, key);

    if (!json_is_number(value) || !isfinite(json_number_value(value)))
        return false;
    *ret = json_number_value(value);
    return true;
}

static bool get_fingerprint(const json_t *json, const char *key, uint64_t *ret)
{
    const char *text = json_string_value(json_object_get(json, key));
    char *end;

    if (!text || strlen(text) != 16)
        return false;
    *ret = strtoull(text, &end, 16);
    return *end == 0;
}

static bool state_from_json(const json_t *json, clseq_train_state *s)
{
    const json_t *has_best = json_object_get(json, "has_best");
    uint64_t worse;

    if (!get_count(json, "update", &s->update) || !get_count(json, "skipped", &s->skipped) ||
        !get_count(json, "skipped_in_row", &s->skipped_in_row) ||
        !get_count(json, "validated", &s->validated) ||
        !get_count(json, "worse_validations", &worse) || worse > INT32_MAX ||
        !get_newer_count(json, "since_decay", &s->since_decay) ||
        !get_newer_count(json, "decays", &s->decays) ||
        (json_object_get(json, "best_score") && !get_real(json, "best_score", &s->best_score)) ||
        !get_real(json, "best_loss", &s->best_loss) || !get_real(json, "seconds", &s->seconds) ||
        !json_is_boolean(has_best) || !get_fingerprint(json, "corpus", &s->fingerprint))
        return false;
    for (int i = 0; i < 2; i++) {
        s->vectors[i] = 0;
        if (json_object_get(json, vectors_keys[i]) &&
            !get_fingerprint(json, vectors_keys[i], &s->vectors[i]))
            return false;
    }
    s->worse_validations = (int64_t)worse;
    s->has_best = json_is_true(has_best);
    return true;
}

clseq_status clseq_checkpoint_state(clseq_context *ctx, const clseq_safetensors *file,
                                    clseq_train_state *ret)
{
    const char *text = clseq_safetensors_metadata(file, CLSEQ_CHECKPOINT_KEY);
    json_t *json = text ? json_loads(text, JSON_REJECT_DUPLICATES, NULL) : NULL;
    const bool ok = json && state_from_json(json, ret);

    json_decref(json);
    if (!ok)
        return clseq_fail(
            ctx, CLSEQ_ERR_FORMAT,
            "%s: %s: it cannot be resumed. Move it away to start the run again, or choose "
            "another folder with -o",
            clseq_safetensors_path(file),
            text ? "the training state inside is damaged"
                 : "a model without training state, not a checkpoint");
    return CLSEQ_OK;
}

clseq_status clseq_checkpoint_read(clseq_seq2seq *model, const clseq_optimizer *optimizer,
                                   const clseq_ema *ema, clseq_safetensors *file)
{
    const char *names[CLSEQ_OPTIMIZER_MOMENTS + 1];
    const clseq_param_buffers *moments[CLSEQ_OPTIMIZER_MOMENTS + 1];
    const int n = beside_weights(optimizer, ema, names, moments);

    return clseq_model_read(model, file, n, names, moments);
}
