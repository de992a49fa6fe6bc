/* SPDX-License-Identifier: BSD-2-Clause */
#include "train/checkpoint.h"

#include <clseq/inspect.h>

#include <fcntl.h>
#include <math.h>
#include <string.h>
#include <unistd.h>

/* A safetensors header starts with '{' behind its 8-byte length, and that length has high bytes of
 * 0, which no text has. */
static bool looks_like_safetensors(const char *path)
{
    unsigned char head[9] = { 0 };
    const int fd = open(path, O_RDONLY | O_CLOEXEC);
    const ssize_t n = fd < 0 ? -1 : read(fd, head, sizeof(head));

    if (fd >= 0)
        close(fd);
    return n == (ssize_t)sizeof(head) && head[6] == 0 && head[7] == 0 && head[8] == '{';
}

/* Every line has its end. */
static json_int_t lines_of(const char *text, size_t size)
{
    json_int_t n = 0;

    for (size_t i = 0; i < size; i++)
        n += text[i] == '\n';
    return n;
}

static json_t *describe_side(const clseq_vocab *vocab)
{
    const clseq_text_options text = clseq_vocab_text_options(vocab);

    json_t *side = json_pack("{s:s, s:b, s:I}", "unit", clseq_unit_name(text.unit), "lowercase",
                             text.lowercase, "vocabulary", (json_int_t)clseq_vocab_size(vocab));

    if (text.rules)
        json_object_set_new(side, "tokenize", json_string("rules"));
    if (text.codes_size > 0)
        json_object_set_new(side, "codes_bytes", json_integer((json_int_t)text.codes_size));
    if (text.pieces_size > 0)
        json_object_set_new(side, "pieces", json_integer(lines_of(text.pieces, text.pieces_size)));
    if (text.glossaries_size > 0)
        json_object_set_new(side, "glossaries",
                            json_stringn(text.glossaries, text.glossaries_size));
    return side;
}

static json_t *describe_architecture(const struct clseq_model_config *config, bool reverse_source)
{
    const struct clseq_model_config c = clseq_model_config_resolve(config);

    return json_pack(
        "{s:s, s:i, s:i, s:i, s:i, s:i, s:b, s:s, s:s, s:b, s:b, s:b, s:b, s:b, s:b, s:b, s:I}",
        "cell", clseq_cell_name(c.cell), "embedding", (int)c.embedding, "hidden", (int)c.hidden,
        "layers", (int)c.layers, "encoder_hidden", (int)c.encoder_hidden, "encoder_layers",
        (int)c.encoder_layers, "bidirectional", c.bidirectional, "attention",
        clseq_attention_name(c.attention), "bridge", clseq_bridge_name(c.bridge), "input_feeding",
        c.input_feeding, "context_input", c.context_input, "residual", c.residual, "peepholes",
        c.peepholes, "tied_output", c.tied_output, "shared_embeddings", c.shared_embeddings,
        "reverse_source", reverse_source, "weights",
        (json_int_t)clseq_model_config_weights(config));
}

static json_t *describe_tensors(const clseq_safetensors *file)
{
    json_t *list = json_array();

    for (size_t i = 0; i < clseq_safetensors_count(file); i++) {
        const clseq_safetensors_info *t = clseq_safetensors_at(file, i);
        json_t *shape = json_array();

        for (size_t d = 0; d < t->rank; d++)
            json_array_append_new(shape, json_integer((json_int_t)t->shape[d]));
        json_array_append_new(list,
                              json_pack("{s:s, s:s, s:o}", "name", t->name, "dtype",
                                        clseq_safetensors_dtype_name(t->dtype), "shape", shape));
    }
    return list;
}

/* The type of the weights, "mixed" when they have several. */
static const char *stored_as(const clseq_safetensors *file)
{
    const clseq_safetensors_info *first = NULL;

    for (size_t i = 0; i < clseq_safetensors_count(file); i++) {
        const clseq_safetensors_info *t = clseq_safetensors_at(file, i);

        if (clseq_model_is_beside(t->name))
            continue;
        if (first && t->dtype != first->dtype)
            return "mixed";
        first = t;
    }
    return first ? clseq_safetensors_dtype_name(first->dtype) : "nothing";
}

static void describe_state(json_t *json, const clseq_train_state *s)
{
    json_object_set_new(json, "kind", json_string("checkpoint"));
    json_object_set_new(json, "training",
                        json_pack("{s:I, s:f, s:o, s:I, s:I}", "updates", (json_int_t)s->update,
                                  "seconds", s->seconds, "best_perplexity",
                                  s->has_best ? json_real(exp(s->best_loss)) : json_null(),
                                  "worse_validations", (json_int_t)s->worse_validations, "skipped",
                                  (json_int_t)s->skipped));
}

static clseq_status describe_model(clseq_context *ctx, const char *path, bool verify, json_t *json)
{
    clseq_safetensors *file = NULL;
    clseq_model_meta meta = { 0 };
    clseq_train_state state;
    clseq_status status;

    CLSEQ_TRY(clseq_safetensors_open(ctx, path, &file));
    json_object_set_new(json, "kind", json_string("safetensors"));
    json_object_set_new(json, "file_bytes", json_integer((json_int_t)clseq_safetensors_size(file)));
    json_object_set_new(json, "stored_as", json_string(stored_as(file)));
    json_object_set_new(json, "checksums", json_boolean(clseq_safetensors_has_checksums(file)));
    json_object_set_new(json, "tensors", describe_tensors(file));
    if (clseq_safetensors_metadata(file, CLSEQ_MODEL_KEY)) {
        clseq_safetensors_close(&file);
        CLSEQ_TRY(clseq_model_open(ctx, path, NULL, &file, &meta));
        json_object_set_new(json, "kind", json_string("model"));
        json_object_set_new(json, "model",
                            describe_architecture(&meta.config, meta.reverse_source));
        json_object_update_new(json_object_get(json, "model"),
                               json_pack("{s:o, s:o}", "source", describe_side(meta.source_vocab),
                                         "target", describe_side(meta.target_vocab)));
        clseq_model_meta_fini(&meta);
        if (clseq_safetensors_metadata(file, CLSEQ_CHECKPOINT_KEY)) {
            CLSEQ_TRY_GOTO(status, out, clseq_checkpoint_state(ctx, file, &state));
            describe_state(json, &state);
        }
    }
    status = CLSEQ_OK;
    if (verify) {
        status = clseq_safetensors_verify(file);
        json_object_set_new(json, "verified", json_boolean(status == CLSEQ_OK));
    }
out:
    clseq_safetensors_close(&file);
    return status;
}

/* Lines, words and characters of a text; the first column is enough for a .tsv. */
static clseq_status describe_text(clseq_context *ctx, const char *path, json_t *json)
{
    const clseq_vocab_limits keep_all = { .size = CLSEQ_VOCAB_SIZE, .min_count = 1 };
    uint64_t lines = 0, empty = 0, longest = 0, bytes = 0;
    clseq_vocab_builder *builder = NULL;
    clseq_vocab *vocab = NULL;
    clseq_lines *in = NULL;
    clseq_status status;

    CLSEQ_TRY(clseq_lines_open(ctx, path, 0, &in));
    CLSEQ_TRY_GOTO(status, out,
                   clseq_vocab_builder_create(ctx, (clseq_text_options) { 0 }, 0, &builder));
    for (;;) {
        const char *line;
        size_t length;
        bool more;

        CLSEQ_TRY_GOTO(status, out, clseq_lines_next(in, &line, &length, &more));
        if (!more)
            break;
        lines++;
        bytes += length;
        empty += length == 0;
        longest = length > longest ? length : longest;
        CLSEQ_TRY_GOTO(status, out, clseq_vocab_builder_add(builder, line, length));
    }
    json_object_set_new(json, "kind", json_string("text"));
    json_object_set_new(json, "lines", json_integer((json_int_t)lines));
    json_object_set_new(json, "empty_lines", json_integer((json_int_t)empty));
    json_object_set_new(json, "bytes", json_integer((json_int_t)bytes));
    json_object_set_new(json, "longest_line_bytes", json_integer((json_int_t)longest));
    if (bytes > 0) {
        clseq_vocab_coverage c;

        CLSEQ_TRY_GOTO(status, out, clseq_vocab_create_from_builder(builder, &keep_all, &vocab));
        c = clseq_vocab_get_coverage(vocab);
        json_object_set_new(json, "words", json_integer((json_int_t)c.tokens));
        json_object_set_new(json, "different_words", json_integer((json_int_t)c.types));
    }
    status = CLSEQ_OK;
out:
    clseq_vocab_destroy(&vocab);
    clseq_vocab_builder_destroy(&builder);
    clseq_lines_close(&in);
    return status;
}

clseq_status clseq_inspect(clseq_context *ctx, const char *path, bool verify, char **json)
{
    json_t *object = json_pack("{s:s}", "file", path);
    clseq_status status;

    if (!object)
        return clseq_fail(ctx, CLSEQ_ERR_ARG, "%s: the file name is not UTF-8", path);
    status = looks_like_safetensors(path) ? describe_model(ctx, path, verify, object)
                                          : describe_text(ctx, path, object);
    if (status == CLSEQ_OK) {
        *json = json_dumps(object, JSON_INDENT(2));
        if (!*json)
            status = clseq_fail(ctx, CLSEQ_ERR_NOMEM, "%s: out of memory", path);
    }
    json_decref(object);
    return status;
}
