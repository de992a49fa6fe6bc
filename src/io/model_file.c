/* SPDX-License-Identifier: BSD-2-Clause */
#include "io/model_file.h"

#include "base/file.h"
#include "data/vocab_json.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#if defined(__BYTE_ORDER__) && __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
#error "model files hold little-endian floats: add byte swapping for this processor"
#endif

/* Format 1 had LSTM models in one direction and without attention only, and none of the keys that
 * say otherwise. */
#define FORMAT_VERSION 2
/* Models whose text is cut in a way that readers of format 2 do not know. */
#define FORMAT_UNITS 3
/* And those with pieces or glossaries, which readers of format 3 do not know. */
#define FORMAT_PIECES 4
#define CONFIG_LIMIT  ((size_t)64 << 20)
/* Floats on their way between device and file. */
#define STAGE_FLOATS ((size_t)1 << 20)

void clseq_model_meta_fini(clseq_model_meta *meta)
{
    clseq_vocab_destroy(&meta->source_vocab);
    clseq_vocab_destroy(&meta->target_vocab);
}

/* ---- configuration <-> JSON ---- */

static clseq_status side_to_json(clseq_context *ctx, const clseq_vocab *vocab, json_t **ret)
{
    json_t *text = NULL, *tokens = NULL;
    clseq_status status;

    CLSEQ_TRY(clseq_vocab_to_json(vocab, &tokens));
    status = clseq_text_options_to_json(ctx, clseq_vocab_text_options(vocab), &text);
    if (status != CLSEQ_OK) {
        json_decref(tokens);
        return status;
    }
    if (json_object_set_new(text, "vocabulary", tokens) != 0) {
        json_decref(text);
        return clseq_fail(ctx, CLSEQ_ERR_NOMEM, "model configuration: out of memory");
    }
    *ret = text;
    return CLSEQ_OK;
}

static int format_of(const clseq_model_meta *meta)
{
    const clseq_text_options source = clseq_vocab_text_options(meta->source_vocab);
    const clseq_text_options target = clseq_vocab_text_options(meta->target_vocab);

    if (clseq_text_options_are_newer(source) || clseq_text_options_are_newer(target))
        return FORMAT_PIECES;
    return clseq_text_options_are_new(source) || clseq_text_options_are_new(target)
               ? FORMAT_UNITS
               : FORMAT_VERSION;
}

clseq_status clseq_model_meta_to_json(clseq_context *ctx, const clseq_model_meta *meta,
                                      json_t **ret)
{
    json_t *source = NULL, *target = NULL;
    clseq_status status;

    CLSEQ_TRY(side_to_json(ctx, meta->source_vocab, &source));
    status = side_to_json(ctx, meta->target_vocab, &target);
    if (status != CLSEQ_OK) {
        json_decref(source);
        return status;
    }
    const struct clseq_model_config c = clseq_model_config_resolve(&meta->config);
    *ret = json_pack(
        "{s:i, s:s, s:i, s:i, s:i, s:i, s:i, s:b, s:b, s:b, s:s, s:s, s:b, s:b, s:b, s:b, s:b, "
        "s:o, s:o}",
        "format", format_of(meta), "cell", clseq_cell_name(c.cell), "embedding", (int)c.embedding,
        "hidden", (int)c.hidden, "layers", (int)c.layers, "encoder_hidden", (int)c.encoder_hidden,
        "encoder_layers", (int)c.encoder_layers, "bidirectional", c.bidirectional, "peepholes",
        c.peepholes, "residual", c.residual, "bridge", clseq_bridge_name(c.bridge), "attention",
        clseq_attention_name(c.attention), "input_feeding", c.input_feeding, "context_input",
        c.context_input, "tied_output", c.tied_output, "shared_embeddings", c.shared_embeddings,
        "reverse_source", meta->reverse_source, "source", source, "target", target);
    if (!*ret)
        return clseq_fail(ctx, CLSEQ_ERR_NOMEM, "model configuration: out of memory");
    return CLSEQ_OK;
}

static clseq_status get_int(clseq_context *ctx, const json_t *json, const char *place,
                            const char *key, int32_t *ret)
{
    const json_t *value = json_object_get(json, key);
    const json_int_t n = json_integer_value(value);

    if (!json_is_integer(value) || n < 0 || n > INT32_MAX)
        return clseq_fail(ctx, CLSEQ_ERR_FORMAT, "%s: configuration: \"%s\" must be a whole number",
                          place, key);
    *ret = (int32_t)n;
    return CLSEQ_OK;
}

static clseq_status get_bool(clseq_context *ctx, const json_t *json, const char *place,
                             const char *key, bool *ret)
{
    const json_t *value = json_object_get(json, key);

    if (!json_is_boolean(value))
        return clseq_fail(ctx, CLSEQ_ERR_FORMAT, "%s: configuration: \"%s\" must be true or false",
                          place, key);
    *ret = json_is_true(value);
    return CLSEQ_OK;
}

/* Keys that a file need not have: absent means 0, false or the first name. */
static clseq_status get_int_or_zero(clseq_context *ctx, const json_t *json, const char *place,
                                    const char *key, int32_t *ret)
{
    *ret = 0;
    return json_object_get(json, key) ? get_int(ctx, json, place, key, ret) : CLSEQ_OK;
}

static clseq_status get_bool_or_false(clseq_context *ctx, const json_t *json, const char *place,
                                      const char *key, bool *ret)
{
    *ret = false;
    return json_object_get(json, key) ? get_bool(ctx, json, place, key, ret) : CLSEQ_OK;
}

static const char *cell_name(int value)
{
    return clseq_cell_name((clseq_cell)value);
}

static const char *attention_name(int value)
{
    return clseq_attention_name((clseq_attention_kind)value);
}

static const char *bridge_name(int value)
{
    return clseq_bridge_name((clseq_bridge_kind)value);
}

/* The value whose name the key holds; `name_of` gives NULL behind the last one. */
static clseq_status get_name(clseq_context *ctx, const json_t *json, const char *place,
                             const char *key, const char *(*name_of)(int), int *ret)
{
    const json_t *value = json_object_get(json, key);
    const char *name = json_string_value(value);
    char known[128];
    size_t used = 0;

    *ret = 0;
    if (!value)
        return CLSEQ_OK;
    for (int i = 0; name_of(i); i++) {
        if (name && strcmp(name, name_of(i)) == 0) {
            *ret = i;
            return CLSEQ_OK;
        }
        used += (size_t)snprintf(known + used, sizeof(known) - used, "%s\"%s\"", i > 0 ? ", " : "",
                                 name_of(i));
    }
    return clseq_fail(ctx, CLSEQ_ERR_FORMAT, "%s: configuration: \"%s\" must be one of %s", place,
                      key, known);
}

static clseq_status architecture_from_json(clseq_context *ctx, const json_t *json,
                                           const char *place, struct clseq_model_config *c)
{
    int cell, bridge, attention;

    CLSEQ_TRY(get_name(ctx, json, place, "cell", cell_name, &cell));
    CLSEQ_TRY(get_name(ctx, json, place, "bridge", bridge_name, &bridge));
    CLSEQ_TRY(get_name(ctx, json, place, "attention", attention_name, &attention));
    c->cell = (clseq_cell)cell;
    c->bridge = (clseq_bridge_kind)bridge;
    c->attention = (clseq_attention_kind)attention;
    CLSEQ_TRY(get_int(ctx, json, place, "embedding", &c->embedding));
    CLSEQ_TRY(get_int(ctx, json, place, "hidden", &c->hidden));
    CLSEQ_TRY(get_int(ctx, json, place, "layers", &c->layers));
    CLSEQ_TRY(get_int_or_zero(ctx, json, place, "encoder_hidden", &c->encoder_hidden));
    CLSEQ_TRY(get_int_or_zero(ctx, json, place, "encoder_layers", &c->encoder_layers));
    CLSEQ_TRY(get_bool_or_false(ctx, json, place, "bidirectional", &c->bidirectional));
    CLSEQ_TRY(get_bool_or_false(ctx, json, place, "peepholes", &c->peepholes));
    CLSEQ_TRY(get_bool_or_false(ctx, json, place, "residual", &c->residual));
    CLSEQ_TRY(get_bool_or_false(ctx, json, place, "input_feeding", &c->input_feeding));
    CLSEQ_TRY(get_bool_or_false(ctx, json, place, "context_input", &c->context_input));
    CLSEQ_TRY(get_bool_or_false(ctx, json, place, "tied_output", &c->tied_output));
    return get_bool_or_false(ctx, json, place, "shared_embeddings", &c->shared_embeddings);
}

static clseq_status side_from_json(clseq_context *ctx, const json_t *json, const char *place,
                                   const char *side, clseq_vocab **ret)
{
    const json_t *object = json_object_get(json, side);
    clseq_text_options text = { 0 };
    clseq_text codes = { 0 };
    clseq_status status = clseq_text_options_from_json(ctx, object, &text, &codes);

    if (status != CLSEQ_OK) {
        clseq_text_fini(&codes);
        return clseq_fail_in(ctx, status, "%s: configuration: \"%s\"", place, side);
    }
    status = clseq_vocab_create_from_json(ctx, text, json_object_get(object, "vocabulary"), ret);
    clseq_text_fini(&codes);
    if (status != CLSEQ_OK)
        return clseq_fail_in(ctx, status, "%s: %s vocabulary", place, side);
    return CLSEQ_OK;
}

static clseq_status meta_from_json(clseq_context *ctx, const json_t *json, const char *place,
                                   clseq_model_meta *meta)
{
    int32_t format = 0;

    CLSEQ_TRY(get_int(ctx, json, place, "format", &format));
    if (format < 1 || format > FORMAT_PIECES)
        return clseq_fail(
            ctx, CLSEQ_ERR_FORMAT,
            "%s: model format %d, this version of clseq reads formats 1 to %d: use a newer clseq",
            place, format, FORMAT_PIECES);
    CLSEQ_TRY(architecture_from_json(ctx, json, place, &meta->config));
    CLSEQ_TRY(get_bool(ctx, json, place, "reverse_source", &meta->reverse_source));
    CLSEQ_TRY(side_from_json(ctx, json, place, "source", &meta->source_vocab));
    CLSEQ_TRY(side_from_json(ctx, json, place, "target", &meta->target_vocab));
    meta->config.source_vocabulary = (int32_t)clseq_vocab_size(meta->source_vocab);
    meta->config.target_vocabulary = (int32_t)clseq_vocab_size(meta->target_vocab);
    return clseq_model_config_check(ctx, &meta->config, CLSEQ_ERR_FORMAT);
}

clseq_status clseq_model_meta_from_json(clseq_context *ctx, const json_t *json, const char *place,
                                        clseq_model_meta *ret)
{
    clseq_status status;

    *ret = (clseq_model_meta) { 0 };
    status = meta_from_json(ctx, json, place, ret);
    if (status != CLSEQ_OK)
        clseq_model_meta_fini(ret);
    return status;
}

/* ---- tensors ---- */

static const size_t *shape_of(const struct clseq_param *param, size_t shape[2])
{
    shape[0] = (size_t)param->dims[0];
    shape[1] = (size_t)param->dims[1];
    return shape;
}

static clseq_status moment_tensor_name(clseq_context *ctx, const char *moment, const char *param,
                                       char name[CLSEQ_SAFETENSORS_MAX_NAME])
{
    if (snprintf(name, CLSEQ_SAFETENSORS_MAX_NAME, CLSEQ_MODEL_BESIDE "%s.%s", moment, param) >=
        CLSEQ_SAFETENSORS_MAX_NAME)
        return clseq_fail(ctx, CLSEQ_ERR_INTERNAL, "tensor name optimizer.%s.%s is too long",
                          moment, param);
    return CLSEQ_OK;
}

/* Rows of a parameter that fit into the stage. */
static int32_t stage_rows(const struct clseq_param *param)
{
    const size_t rows = STAGE_FLOATS / (size_t)param->dims[1];

    return rows < 1 ? 1 : rows < (size_t)param->dims[0] ? (int32_t)rows : param->dims[0];
}

static clseq_status write_parameter(const clseq_seq2seq *model, const clseq_param_buffers *buffers,
                                    int index, const char *path, float *stage,
                                    clseq_safetensors_writer *writer)
{
    const struct clseq_param *param = &model->store.params[index];
    const clseq_tensor whole = clseq_param_tensor(&model->store, buffers, index, model->real);
    const int32_t rows = stage_rows(param);

    for (int32_t first = 0; first < param->dims[0]; first += rows) {
        const int32_t n = param->dims[0] - first < rows ? param->dims[0] - first : rows;
        const clseq_tensor part = clseq_tensor_range(whole, first, n);
        const size_t count = clseq_tensor_count(&part);

        CLSEQ_TRY(clseq_tensor_read_f32(model->be, &part, stage));
        for (size_t i = 0; i < count; i++) {
            if (!isfinite(stage[i]))
                return clseq_fail(
                    model->ctx, CLSEQ_ERR_NUMERIC,
                    "%s: not written, because \"%s\" holds NaN or infinity; the old file "
                    "is untouched. Lower --lr or --clip and train on from it",
                    path, param->name);
        }
        CLSEQ_TRY(clseq_safetensors_writer_write(writer, stage, count * sizeof(float)));
    }
    return CLSEQ_OK;
}

static clseq_status declare_tensors(const clseq_seq2seq *model, clseq_safetensors_writer *writer,
                                    const struct clseq_model_save_options *options)
{
    size_t shape[2];

    for (size_t i = 0; i < model->store.count; i++) {
        const struct clseq_param *param = &model->store.params[i];

        CLSEQ_TRY(clseq_safetensors_writer_tensor(writer, param->name, CLSEQ_SAFETENSORS_F32,
                                                  param->ndim, shape_of(param, shape)));
    }
    for (int m = 0; m < options->n_moments; m++) {
        for (size_t i = 0; i < model->store.count; i++) {
            const struct clseq_param *param = &model->store.params[i];
            char name[CLSEQ_SAFETENSORS_MAX_NAME];

            CLSEQ_TRY(moment_tensor_name(model->ctx, options->moment_names[m], param->name, name));
            CLSEQ_TRY(clseq_safetensors_writer_tensor(writer, name, CLSEQ_SAFETENSORS_F32,
                                                      param->ndim, shape_of(param, shape)));
        }
    }
    return CLSEQ_OK;
}

clseq_status clseq_model_meta_write(clseq_context *ctx, const clseq_model_meta *meta,
                                    clseq_safetensors_writer *writer)
{
    clseq_status status;
    json_t *json = NULL;
    char *text;

    CLSEQ_TRY(clseq_model_meta_to_json(ctx, meta, &json));
    text = json_dumps(json, JSON_COMPACT);
    json_decref(json);
    if (!text)
        return clseq_fail(ctx, CLSEQ_ERR_NOMEM, "model configuration: out of memory");
    status = clseq_safetensors_writer_metadata(writer, CLSEQ_MODEL_KEY, text);
    free(text);
    return status;
}

static clseq_status add_metadata(const clseq_seq2seq *model, const clseq_model_meta *meta,
                                 clseq_safetensors_writer *writer,
                                 const struct clseq_model_save_options *options)
{
    CLSEQ_TRY(clseq_model_meta_write(model->ctx, meta, writer));
    for (int i = 0; i < options->n_metadata; i++)
        CLSEQ_TRY(clseq_safetensors_writer_metadata(writer, options->keys[i], options->values[i]));
    return CLSEQ_OK;
}

clseq_status clseq_model_save(const clseq_seq2seq *model, const clseq_model_meta *meta,
                              const char *path, const struct clseq_model_save_options *options)
{
    static const struct clseq_model_save_options weights_only = { 0 };
    clseq_safetensors_writer *writer = NULL;
    clseq_status status;
    size_t longest = STAGE_FLOATS;
    float *stage = NULL;

    if (!options)
        options = &weights_only;
    for (size_t i = 0; i < model->store.count; i++) {
        if ((size_t)model->store.params[i].dims[1] > longest)
            longest = (size_t)model->store.params[i].dims[1];
    }
    CLSEQ_TRY(clseq_calloc(model->ctx, longest, sizeof(float), "saving the model", &stage));
    CLSEQ_TRY_GOTO(status, out, clseq_safetensors_writer_create(model->ctx, &writer));
    CLSEQ_TRY_GOTO(status, out, declare_tensors(model, writer, options));
    CLSEQ_TRY_GOTO(status, out, add_metadata(model, meta, writer, options));
    CLSEQ_TRY_GOTO(status, out, clseq_safetensors_writer_begin(writer, path));
    for (int m = -1; m < options->n_moments; m++) {
        const clseq_param_buffers *buffers = m < 0 ? &model->weights : options->moments[m];

        for (size_t i = 0; i < model->store.count; i++)
            CLSEQ_TRY_GOTO(status, out,
                           write_parameter(model, buffers, (int)i, path, stage, writer));
    }
    status = clseq_safetensors_writer_commit(writer);
out:
    clseq_safetensors_writer_destroy(&writer);
    free(stage);
    return status;
}

/* ---- reading ---- */

static clseq_status parse_config(clseq_context *ctx, const char *text, size_t length,
                                 const char *place, clseq_model_meta *meta)
{
    json_error_t error;
    json_t *json = json_loadb(text, length, JSON_REJECT_DUPLICATES, &error);
    clseq_status status;

    if (!json)
        return clseq_fail(ctx, CLSEQ_ERR_FORMAT, "%s: configuration: line %d, column %d: %s", place,
                          error.line, error.column, error.text);
    status = clseq_model_meta_from_json(ctx, json, place, meta);
    json_decref(json);
    return status;
}

static clseq_status read_config(clseq_context *ctx, const char *path, const char *config_path,
                                const clseq_safetensors *file, clseq_model_meta *meta)
{
    const char *text = clseq_safetensors_metadata(file, CLSEQ_MODEL_KEY);
    clseq_status status;
    char *data = NULL;
    size_t size = 0;

    if (!config_path) {
        if (!text)
            return clseq_fail(
                ctx, CLSEQ_ERR_FORMAT,
                "%s: no clseq configuration inside (a file saved by PyTorch has none): give "
                "a JSON file with --model-config, as docs/formats.md describes",
                path);
        return parse_config(ctx, text, strlen(text), path, meta);
    }
    CLSEQ_TRY(clseq_file_read(ctx, config_path, CONFIG_LIMIT, &data, &size));
    status = parse_config(ctx, data, size, config_path, meta);
    free(data);
    return status;
}

bool clseq_model_is_beside(const char *name)
{
    return strncmp(name, CLSEQ_MODEL_BESIDE, strlen(CLSEQ_MODEL_BESIDE)) == 0;
}

/* Optimizer state is welcome in a checkpoint; anything else that the configuration does not explain
 * means that file and configuration do not belong together. */
static clseq_status check_tensors(clseq_context *ctx, const clseq_param_store *store,
                                  const clseq_safetensors *file)
{
    const clseq_safetensors_info *info;
    size_t shape[2];

    for (size_t i = 0; i < store->count; i++) {
        const struct clseq_param *param = &store->params[i];

        CLSEQ_TRY(clseq_safetensors_require(file, param->name, param->ndim, shape_of(param, shape),
                                            &info));
    }
    for (size_t i = 0; i < clseq_safetensors_count(file); i++) {
        const char *name = clseq_safetensors_at(file, i)->name;

        if (clseq_param_find(store, name) < 0 && !clseq_model_is_beside(name))
            return clseq_fail(
                ctx, CLSEQ_ERR_FORMAT,
                "%s: tensor \"%s\" is not part of the model its configuration describes: "
                "file and configuration do not belong together",
                clseq_safetensors_path(file), name);
    }
    return CLSEQ_OK;
}

/* The table of the file equals the one that follows from the configuration: only then is anything
 * allocated by sizes from it, and those are covered by the bytes of the file. */
static clseq_status check_table(clseq_context *ctx, const struct clseq_model_config *config,
                                const clseq_safetensors *file)
{
    clseq_param_store store;
    clseq_encoder encoder;
    clseq_bridge bridge;
    clseq_decoder decoder;
    clseq_status status;

    clseq_param_store_init(&store, ctx);
    status = clseq_seq2seq_register(config, &encoder, &bridge, &decoder, &store);
    if (status == CLSEQ_OK)
        status = check_tensors(ctx, &store, file);
    clseq_param_store_fini(&store);
    return status;
}

clseq_status clseq_model_open(clseq_context *ctx, const char *path, const char *config_path,
                              clseq_safetensors **file, clseq_model_meta *meta)
{
    clseq_safetensors *opened = NULL;
    clseq_status status;

    CLSEQ_TRY(clseq_safetensors_open(ctx, path, &opened));
    status = read_config(ctx, path, config_path, opened, meta);
    if (status == CLSEQ_OK) {
        status = check_table(ctx, &meta->config, opened);
        if (status != CLSEQ_OK)
            clseq_model_meta_fini(meta);
    }
    if (status != CLSEQ_OK) {
        clseq_safetensors_close(&opened);
        return status;
    }
    *file = opened;
    return CLSEQ_OK;
}

static clseq_status read_parameter(clseq_seq2seq *model, const clseq_param_buffers *buffers,
                                   int index, const char *name, float *stage,
                                   clseq_safetensors *file)
{
    const struct clseq_param *param = &model->store.params[index];
    const clseq_tensor whole = clseq_param_tensor(&model->store, buffers, index, model->real);
    const size_t columns = (size_t)param->dims[1];
    const int32_t rows = stage_rows(param);
    const clseq_safetensors_info *info;
    size_t shape[2];

    CLSEQ_TRY(clseq_safetensors_require(file, name, param->ndim, shape_of(param, shape), &info));
    for (int32_t first = 0; first < param->dims[0]; first += rows) {
        const int32_t n = param->dims[0] - first < rows ? param->dims[0] - first : rows;
        const clseq_tensor part = clseq_tensor_range(whole, first, n);

        CLSEQ_TRY(clseq_safetensors_read_f32(file, info, (size_t)first * columns,
                                             (size_t)n * columns, CLSEQ_SAFETENSORS_FINITE_ONLY,
                                             stage));
        CLSEQ_TRY(clseq_tensor_write_f32(model->be, &part, stage));
    }
    return CLSEQ_OK;
}

clseq_status clseq_model_read(clseq_seq2seq *model, clseq_safetensors *file, int n_moments,
                              const char *const *moment_names,
                              const clseq_param_buffers *const *moments)
{
    clseq_status status;
    size_t longest = STAGE_FLOATS;
    float *stage = NULL;

    for (size_t i = 0; i < model->store.count; i++) {
        if ((size_t)model->store.params[i].dims[1] > longest)
            longest = (size_t)model->store.params[i].dims[1];
    }
    CLSEQ_TRY(clseq_calloc(model->ctx, longest, sizeof(float), "loading the model", &stage));
    for (int m = -1; m < n_moments; m++) {
        for (size_t i = 0; i < model->store.count; i++) {
            const char *name = model->store.params[i].name;
            char moment_name[CLSEQ_SAFETENSORS_MAX_NAME];

            if (m >= 0) {
                CLSEQ_TRY_GOTO(status, out,
                               moment_tensor_name(model->ctx, moment_names[m], name, moment_name));
                name = moment_name;
            }
            CLSEQ_TRY_GOTO(status, out,
                           read_parameter(model, m < 0 ? &model->weights : moments[m], (int)i, name,
                                          stage, file));
        }
    }
    status = CLSEQ_OK;
out:
    free(stage);
    return status;
}

clseq_status clseq_model_load(clseq_backend *be, const char *path, const char *config_path,
                              clseq_model_meta *meta, clseq_seq2seq **ret)
{
    clseq_context *ctx = clseq_backend_context(be);
    clseq_safetensors *file = NULL;
    clseq_seq2seq *model = NULL;
    clseq_status status;

    CLSEQ_TRY(clseq_model_open(ctx, path, config_path, &file, meta));
    CLSEQ_TRY_GOTO(status, out, clseq_seq2seq_create(be, &meta->config, &model));
    CLSEQ_TRY_GOTO(status, out, clseq_model_read(model, file, 0, NULL, NULL));
    *ret = model;
out:
    clseq_safetensors_close(&file);
    if (status != CLSEQ_OK) {
        clseq_seq2seq_destroy(&model);
        clseq_model_meta_fini(meta);
    }
    return status;
}
