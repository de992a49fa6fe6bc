/* SPDX-License-Identifier: BSD-2-Clause */
#include "io/safetensors_format.h"

#include "base/file.h"

#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

#define NO_SUM "0000000000000000"

enum {
    DATA_ALIGNMENT = 64,
    PIECE = 8192, /* elements rounded at a time */
};

struct tensor {
    char name[CLSEQ_SAFETENSORS_MAX_NAME + 1];
    clseq_safetensors_dtype dtype;
    size_t rank;
    size_t shape[CLSEQ_SAFETENSORS_MAX_RANK];
    size_t bytes;
    size_t sum_at; /* where in the header its digits go */
};

enum state { DECLARING, WRITING, DONE };

struct clseq_safetensors_writer {
    clseq_context *ctx;
    enum state state;
    struct tensor *tensors;
    size_t count, capacity;
    size_t data_bytes; /* of all tensors */
    json_t *metadata;
    /* The first bytes of the file: the length, then the header. Kept until the sums are known. */
    char *header;
    size_t header_bytes, header_capacity;
    clseq_atomic_file file;
    size_t tensor, position; /* where writing stands */
    XXH3_state_t *hash;
};

clseq_status clseq_safetensors_writer_create(clseq_context *ctx, clseq_safetensors_writer **ret)
{
    clseq_safetensors_writer *w = NULL;

    CLSEQ_TRY(clseq_calloc(ctx, 1, sizeof(*w), "safetensors writer", &w));
    w->ctx = ctx;
    w->metadata = json_object();
    w->hash = XXH3_createState();
    if (!w->metadata || !w->hash) {
        clseq_safetensors_writer_destroy(&w);
        return clseq_fail(ctx, CLSEQ_ERR_NOMEM, "no memory for a safetensors writer");
    }
    *ret = w;
    return CLSEQ_OK;
}

void clseq_safetensors_writer_destroy(clseq_safetensors_writer **writer)
{
    clseq_safetensors_writer *w = writer ? *writer : NULL;

    if (!w)
        return;
    if (w->state == WRITING)
        clseq_atomic_abort(&w->file);
    if (w->hash)
        XXH3_freeState(w->hash);
    json_decref(w->metadata);
    free(w->tensors);
    free(w->header);
    free(w);
    *writer = NULL;
}

static clseq_status expect_state(clseq_safetensors_writer *w, enum state state, const char *what)
{
    static const char *const names[] = { "before begin", "between begin and commit",
                                         "after commit" };

    if (w->state != state)
        return clseq_fail(w->ctx, CLSEQ_ERR_ARG,
                          "safetensors writer: %s is possible %s only, the writer is %s", what,
                          names[state], names[w->state]);
    return CLSEQ_OK;
}

clseq_status clseq_safetensors_writer_tensor(clseq_safetensors_writer *w, const char *name,
                                             clseq_safetensors_dtype dtype, size_t rank,
                                             const size_t *shape)
{
    char shown[CLSEQ_SAFETENSORS_SHOWN], shaped[CLSEQ_SAFETENSORS_SHAPED];
    const char *bad = clseq_safetensors_bad_name(name);
    struct tensor tensor = { .dtype = dtype, .rank = rank };
    size_t count, total;

    CLSEQ_TRY(expect_state(w, DECLARING, "declaring a tensor"));
    clseq_safetensors_shown(name, shown);
    if (bad)
        return clseq_fail(w->ctx, CLSEQ_ERR_ARG, "tensor \"%s\": %s", shown, bad);
    if (rank < 1 || rank > CLSEQ_SAFETENSORS_MAX_RANK)
        return clseq_fail(w->ctx, CLSEQ_ERR_ARG, "tensor \"%s\": rank %zu, must be 1 to %d", name,
                          rank, CLSEQ_SAFETENSORS_MAX_RANK);
    if (w->count >= CLSEQ_SAFETENSORS_MAX_TENSORS)
        return clseq_fail(w->ctx, CLSEQ_ERR_ARG, "tensor \"%s\": a file has at most %d tensors",
                          name, CLSEQ_SAFETENSORS_MAX_TENSORS);
    for (size_t i = 0; i < rank; i++) {
        if (shape[i] < 1 || shape[i] > INT32_MAX)
            return clseq_fail(w->ctx, CLSEQ_ERR_ARG,
                              "tensor \"%s\": dimension %zu is %zu, must be 1 to %d", name, i,
                              shape[i], INT32_MAX);
        tensor.shape[i] = shape[i];
    }
    if (!clseq_safetensors_extent(dtype, rank, shape, &count, &tensor.bytes) ||
        !clseq_add_size(w->data_bytes, tensor.bytes, &total) ||
        total > INT64_MAX - CLSEQ_SAFETENSORS_MAX_HEADER - 2 * DATA_ALIGNMENT)
        return clseq_fail(w->ctx, CLSEQ_ERR_ARG, "tensor \"%s\": shape %s does not fit in a file",
                          name, clseq_safetensors_shaped(rank, shape, shaped));
    memcpy(tensor.name, name, strlen(name) + 1);
    CLSEQ_TRY(clseq_grow(w->ctx, &w->tensors, &w->capacity, w->count + 1, sizeof(*w->tensors),
                         "tensor table"));
    w->tensors[w->count++] = tensor;
    w->data_bytes = total;
    return CLSEQ_OK;
}

clseq_status clseq_safetensors_writer_metadata(clseq_safetensors_writer *w, const char *key,
                                               const char *value)
{
    char shown[CLSEQ_SAFETENSORS_SHOWN];
    json_t *text;

    CLSEQ_TRY(expect_state(w, DECLARING, "adding metadata"));
    clseq_safetensors_shown(key, shown);
    if (strncmp(key, CLSEQ_SAFETENSORS_SUM_KEY, strlen(CLSEQ_SAFETENSORS_SUM_KEY)) == 0)
        return clseq_fail(w->ctx, CLSEQ_ERR_ARG,
                          "metadata \"%s\": keys that begin with " CLSEQ_SAFETENSORS_SUM_KEY
                          " are reserved for checksums",
                          shown);
    if (json_object_get(w->metadata, key))
        return clseq_fail(w->ctx, CLSEQ_ERR_ARG, "metadata \"%s\" is given twice", shown);
    text = json_string(value);
    if (!text || json_object_set_new(w->metadata, key, text) != 0)
        return clseq_fail(w->ctx, CLSEQ_ERR_ARG,
                          "metadata \"%s\": key or value is not valid UTF-8, or memory is out",
                          shown);
    return CLSEQ_OK;
}

/* Room for `n` more header bytes. */
static clseq_status grow_header(clseq_safetensors_writer *w, size_t n)
{
    size_t need;

    if (!clseq_add_size(w->header_bytes, n, &need) ||
        need > CLSEQ_SAFETENSORS_MAX_HEADER - DATA_ALIGNMENT)
        return clseq_fail(
            w->ctx, CLSEQ_ERR_LIMIT,
            "the header is longer than the limit of %d bytes; use smaller vocabularies "
            "or less metadata",
            CLSEQ_SAFETENSORS_MAX_HEADER);
    return clseq_grow(w->ctx, &w->header, &w->header_capacity, need, 1, "safetensors header");
}

static clseq_status put_text(clseq_safetensors_writer *w, const char *text)
{
    const size_t n = strlen(text);

    CLSEQ_TRY(grow_header(w, n));
    memcpy(w->header + w->header_bytes, text, n);
    w->header_bytes += n;
    return CLSEQ_OK;
}

static clseq_status put_json_string(clseq_safetensors_writer *w, const char *text)
{
    clseq_status status;
    json_t *json = json_string(text);
    size_t n;

    if (!json)
        return clseq_fail(w->ctx, CLSEQ_ERR_NOMEM, "no memory for the safetensors header");
    n = json_dumpb(json, NULL, 0, JSON_ENCODE_ANY);
    CLSEQ_TRY_GOTO(status, out, grow_header(w, n));
    json_dumpb(json, w->header + w->header_bytes, n, JSON_ENCODE_ANY);
    w->header_bytes += n;
out:
    json_decref(json);
    return status;
}

static clseq_status put_tensor(clseq_safetensors_writer *w, const struct tensor *t, size_t begin)
{
    char text[3 * CLSEQ_SAFETENSORS_MAX_NAME], shape[CLSEQ_SAFETENSORS_SHAPED];
    const size_t n = strlen(clseq_safetensors_shaped(t->rank, t->shape, shape));

    shape[0] = '[';
    shape[n - 1] = ']';
    snprintf(text, sizeof(text),
             ", \"%s\": {\"dtype\": \"%s\", \"shape\": %s, \"data_offsets\": [%zu, %zu]}", t->name,
             clseq_safetensors_dtype_name(t->dtype), shape, begin, begin + t->bytes);
    return put_text(w, text);
}

static clseq_status build_header(clseq_safetensors_writer *w)
{
    char text[CLSEQ_SAFETENSORS_MAX_NAME + 64];
    const char *key;
    json_t *value;
    uint64_t n;

    CLSEQ_TRY(put_text(w, "........" CLSEQ_SAFETENSORS_SUM_START NO_SUM "\""));
    json_object_foreach(w->metadata, key, value)
    {
        CLSEQ_TRY(put_text(w, ", "));
        CLSEQ_TRY(put_json_string(w, key));
        CLSEQ_TRY(put_text(w, ": "));
        CLSEQ_TRY(put_json_string(w, json_string_value(value)));
    }
    for (size_t i = 0; i < w->count; i++) {
        snprintf(text, sizeof(text), ", \"" CLSEQ_SAFETENSORS_SUM_KEY ".%s\": \"" NO_SUM "\"",
                 w->tensors[i].name);
        CLSEQ_TRY(put_text(w, text));
        w->tensors[i].sum_at = w->header_bytes - 1 - CLSEQ_SAFETENSORS_SUM_DIGITS;
    }
    CLSEQ_TRY(put_text(w, "}"));
    for (size_t i = 0, begin = 0; i < w->count; begin += w->tensors[i].bytes, i++)
        CLSEQ_TRY(put_tensor(w, &w->tensors[i], begin));
    CLSEQ_TRY(put_text(w, "}"));
    while (w->header_bytes % DATA_ALIGNMENT != 0)
        CLSEQ_TRY(put_text(w, " "));
    n = w->header_bytes - 8;
    for (unsigned i = 0; i < 8; i++)
        w->header[i] = (char)(unsigned char)(n >> (8 * i));
    return CLSEQ_OK;
}

static int compare_pointed_names(const void *a, const void *b)
{
    const struct tensor *const *x = a, *const *y = b;

    return strcmp((*x)->name, (*y)->name);
}

static clseq_status check_unique(clseq_safetensors_writer *w)
{
    const struct tensor **sorted = NULL;
    clseq_status status = CLSEQ_OK;

    CLSEQ_TRY(clseq_calloc(w->ctx, w->count, sizeof(struct tensor *), "tensor table", &sorted));
    for (size_t i = 0; i < w->count; i++)
        sorted[i] = &w->tensors[i];
    qsort(sorted, w->count, sizeof(struct tensor *), compare_pointed_names);
    for (size_t i = 1; i < w->count && status == CLSEQ_OK; i++) {
        if (strcmp(sorted[i - 1]->name, sorted[i]->name) == 0)
            status = clseq_fail(w->ctx, CLSEQ_ERR_ARG, "tensor \"%s\" is declared twice",
                                sorted[i]->name);
    }
    free(sorted);
    return status;
}

clseq_status clseq_safetensors_writer_begin(clseq_safetensors_writer *w, const char *path)
{
    const size_t entries = json_object_size(w->metadata) + w->count + 1;
    clseq_status status;

    CLSEQ_TRY(expect_state(w, DECLARING, "begin"));
    if (entries > CLSEQ_SAFETENSORS_MAX_METADATA)
        return clseq_fail(w->ctx, CLSEQ_ERR_LIMIT,
                          "%s: %zu metadata entries with checksums, at most %d are possible; put "
                          "several into one",
                          path, entries, CLSEQ_SAFETENSORS_MAX_METADATA);
    CLSEQ_TRY(check_unique(w));
    w->header_bytes = 0;
    status = build_header(w);
    if (status != CLSEQ_OK)
        return clseq_fail_in(w->ctx, status, "%s", path);
    CLSEQ_TRY(clseq_atomic_open(w->ctx, path, &w->file));
    w->state = WRITING;
    /* The sum of both is within off_t: see writer_tensor. */
    CLSEQ_TRY(clseq_atomic_reserve(&w->file, w->header_bytes + w->data_bytes));
    return clseq_atomic_write(&w->file, w->header, w->header_bytes);
}

clseq_status clseq_safetensors_writer_write(clseq_safetensors_writer *w, const void *data,
                                            size_t bytes)
{
    const char *p = data;

    CLSEQ_TRY(expect_state(w, WRITING, "writing data"));
    while (bytes > 0) {
        struct tensor *t = &w->tensors[w->tensor];
        size_t n;

        if (w->tensor == w->count)
            return clseq_fail(w->ctx, CLSEQ_ERR_ARG,
                              "%s: %zu bytes more than the %zu tensors were declared with",
                              w->file.path, bytes, w->count);
        if (w->position == 0)
            XXH3_64bits_reset(w->hash);
        n = t->bytes - w->position < bytes ? t->bytes - w->position : bytes;
        XXH3_64bits_update(w->hash, p, n);
        CLSEQ_TRY(clseq_atomic_write(&w->file, p, n));
        p += n;
        bytes -= n;
        w->position += n;
        if (w->position == t->bytes) {
            clseq_safetensors_put_sum(XXH3_64bits_digest(w->hash), w->header + t->sum_at);
            w->tensor++;
            w->position = 0;
        }
    }
    return CLSEQ_OK;
}

/* The next `n` elements of the tensor in work, rounded. */
static clseq_status round_piece(clseq_safetensors_writer *w, const float *values, size_t n,
                                uint16_t *piece)
{
    const struct tensor *t = &w->tensors[w->tensor];

    for (size_t i = 0; i < n; i++) {
        piece[i] = clseq_safetensors_to_bf16(values[i]);
        if ((piece[i] & 0x7fff) == 0x7f80 && isfinite(values[i]))
            return clseq_fail(w->ctx, CLSEQ_ERR_FORMAT,
                              "%s: not written, because element %zu of tensor \"%s\" is %g and the "
                              "largest bf16 number is 3.3895e+38: keep the weights in fp32",
                              w->file.path, w->position / sizeof(*piece) + i, t->name,
                              (double)values[i]);
    }
    return CLSEQ_OK;
}

clseq_status clseq_safetensors_writer_write_f32(clseq_safetensors_writer *w, const float *values,
                                                size_t count)
{
    uint16_t piece[PIECE];

    CLSEQ_TRY(expect_state(w, WRITING, "writing data"));
    while (count > 0) {
        const struct tensor *t = &w->tensors[w->tensor];
        size_t n, size;

        if (w->tensor == w->count)
            return clseq_fail(w->ctx, CLSEQ_ERR_ARG,
                              "%s: %zu numbers more than the %zu tensors were declared with",
                              w->file.path, count, w->count);
        size = clseq_safetensors_dtype_size(t->dtype);
        if (t->dtype != CLSEQ_SAFETENSORS_F32 && t->dtype != CLSEQ_SAFETENSORS_BF16)
            return clseq_fail(w->ctx, CLSEQ_ERR_ARG,
                              "%s: tensor \"%s\" is declared as %s, floats are written as F32 or "
                              "BF16 only",
                              w->file.path, t->name, clseq_safetensors_dtype_name(t->dtype));
        if (w->position % size != 0)
            return clseq_fail(w->ctx, CLSEQ_ERR_ARG,
                              "%s: tensor \"%s\": byte %zu is in the middle of a number",
                              w->file.path, t->name, w->position);
        n = (t->bytes - w->position) / size;
        n = n < count ? n : count;
        if (t->dtype == CLSEQ_SAFETENSORS_BF16) {
            n = n < PIECE ? n : PIECE;
            CLSEQ_TRY(round_piece(w, values, n, piece));
            CLSEQ_TRY(clseq_safetensors_writer_write(w, piece, n * size));
        } else {
            CLSEQ_TRY(clseq_safetensors_writer_write(w, values, n * size));
        }
        values += n;
        count -= n;
    }
    return CLSEQ_OK;
}

clseq_status clseq_safetensors_writer_commit(clseq_safetensors_writer *w)
{
    const size_t sum_at = 8 + strlen(CLSEQ_SAFETENSORS_SUM_START);

    CLSEQ_TRY(expect_state(w, WRITING, "commit"));
    if (w->tensor < w->count)
        return clseq_fail(w->ctx, CLSEQ_ERR_ARG,
                          "%s: tensor \"%s\" has only %zu of its %zu bytes; nothing was saved",
                          w->file.path, w->tensors[w->tensor].name, w->position,
                          w->tensors[w->tensor].bytes);
    clseq_safetensors_put_sum(XXH3_64bits(w->header + 8, w->header_bytes - 8), w->header + sum_at);
    CLSEQ_TRY(clseq_atomic_write_at(&w->file, 0, w->header, w->header_bytes));
    w->state = DONE;
    return clseq_atomic_commit(&w->file);
}
