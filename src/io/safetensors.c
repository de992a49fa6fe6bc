/* SPDX-License-Identifier: BSD-2-Clause */
#include "io/safetensors_format.h"

#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <xxhash.h>

#define DAMAGED "the file is damaged or was not made by a safetensors program: get or save it again"

enum {
    MAX_DEPTH = 8,       /* of the JSON; the format needs 3 */
    MAX_VALUES = 131072, /* in the JSON: bounds the time and memory that parsing takes */
    PIECE = 16384,       /* bytes converted at a time */
    VERIFY_PIECE = 1 << 20,
};

struct clseq_safetensors {
    clseq_context *ctx;
    char *path;
    int fd;
    size_t size;                            /* of the file */
    size_t data_start;                      /* offset of the first tensor byte */
    json_t *root;                           /* the header; owns names and metadata texts */
    json_t *metadata;                       /* borrowed from root; NULL when absent */
    clseq_safetensors_info *tensors;        /* in the order of the data */
    const clseq_safetensors_info **by_name; /* the same, sorted */
    size_t count;
    uint64_t *sums; /* of each tensor; NULL when the file has none */
    /* A tensor that is being read from front to back, and how far. */
    XXH3_state_t *hash;
    const clseq_safetensors_info *hash_tensor;
    size_t hash_next;
};

/* CLSEQ_ERR_FORMAT with the path in front. */
static clseq_status CLSEQ_PRINTF(2, 3) reject(const clseq_safetensors *file, const char *fmt, ...)
{
    char text[1024];
    va_list args;

    va_start(args, fmt);
    vsnprintf(text, sizeof(text), fmt, args);
    va_end(args);
    return clseq_fail(file->ctx, CLSEQ_ERR_FORMAT, "%s: %s", file->path, text);
}

static clseq_status read_at(const clseq_safetensors *file, size_t offset, size_t bytes, void *dst)
{
    char *p = dst;

    while (bytes > 0) {
        const ssize_t n = pread(file->fd, p, bytes, (off_t)offset);

        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0) {
            const int code = errno;

            return clseq_fail(file->ctx, CLSEQ_ERR_IO, "%s: cannot read at byte %zu: %s",
                              file->path, offset, strerror(code));
        }
        if (n == 0)
            return clseq_fail(file->ctx, CLSEQ_ERR_IO,
                              "%s: ends at byte %zu, it had %zu bytes when it was opened: another "
                              "program shortens it; wait for that and try again",
                              file->path, offset, file->size);
        p += n;
        offset += (size_t)n;
        bytes -= (size_t)n;
    }
    return CLSEQ_OK;
}

/* Bound depth and number of values before any of them is allocated. */
static clseq_status scan_header(const clseq_safetensors *file, const char *text, size_t n)
{
    size_t depth = 0, values = 0;
    bool in_string = false;

    for (size_t i = 0; i < n; i++) {
        const char c = text[i];

        if (in_string) {
            if (c == '\\')
                i++;
            else if (c == '"')
                in_string = false;
            continue;
        }
        if (c == '"')
            in_string = true;
        else if (c == ',')
            values++;
        else if (c == '-' && i + 1 < n && text[i + 1] == '0')
            return reject(
                file, "header byte %zu: a number that is not a plain whole number; " DAMAGED, i);
        else if ((c == ']' || c == '}') && depth > 0)
            depth--;
        else if (c == '[' || c == '{') {
            values++;
            if (++depth > MAX_DEPTH)
                return reject(file, "header byte %zu: nested deeper than %d levels; " DAMAGED, i,
                              MAX_DEPTH);
        }
        if (values > MAX_VALUES)
            return reject(file,
                          "the header holds more than %d values; clseq reads files of at most %d "
                          "tensors: split the file",
                          MAX_VALUES, CLSEQ_SAFETENSORS_MAX_TENSORS);
    }
    while (n > 0 && text[n - 1] == ' ')
        n--;
    if (n > 0 && text[n - 1] != '}')
        return reject(file, "the header does not end in '}' and spaces; " DAMAGED);
    return CLSEQ_OK;
}

/* The sum over the header, where this writer has put one. Afterwards the text is as before. */
static clseq_status check_header_sum(const clseq_safetensors *file, char *text, size_t n)
{
    const size_t start = strlen(CLSEQ_SAFETENSORS_SUM_START);
    char kept[CLSEQ_SAFETENSORS_SUM_DIGITS];
    uint64_t stored = 0, computed;
    bool good;

    if (n < start + CLSEQ_SAFETENSORS_SUM_DIGITS ||
        memcmp(text, CLSEQ_SAFETENSORS_SUM_START, start) != 0)
        return CLSEQ_OK;
    memcpy(kept, text + start, sizeof(kept));
    good = clseq_safetensors_get_sum(kept, &stored);
    memset(text + start, '0', sizeof(kept));
    computed = XXH3_64bits(text, n);
    memcpy(text + start, kept, sizeof(kept));
    if (!good || stored != computed)
        return reject(file,
                      "the header does not match its checksum (clseq.xxh3): the file is damaged or "
                      "its header was edited; restore it from a copy or save the model again");
    return CLSEQ_OK;
}

static clseq_status read_length(clseq_safetensors *file, size_t *ret)
{
    unsigned char b[8];
    uint64_t n = 0;
    size_t end;

    if (file->size < sizeof(b) + 2)
        return reject(file, "only %zu bytes, a safetensors file has at least 10; " DAMAGED,
                      file->size);
    CLSEQ_TRY(read_at(file, 0, sizeof(b), b));
    if (memcmp(b, "PK\3\4", 4) == 0 || (b[0] == 0x80 && b[1] == 2))
        return reject(file, "a PyTorch or zip file, not safetensors; convert it with "
                            "safetensors.torch.save_file(torch.load(FILE), NEW)");
    for (int i = 7; i >= 0; i--)
        n = n << 8 | b[i];
    if (n > CLSEQ_SAFETENSORS_MAX_HEADER)
        return reject(file, "the header length is %llu bytes, at most %d are allowed; " DAMAGED,
                      (unsigned long long)n, CLSEQ_SAFETENSORS_MAX_HEADER);
    if (n < 2)
        return reject(file, "the header length is %llu bytes, at least 2 are needed; " DAMAGED,
                      (unsigned long long)n);
    if (!clseq_add_size((size_t)n, sizeof(b), &end) || end > file->size)
        return reject(file,
                      "the header should end at byte %zu but the file has only %zu bytes; " DAMAGED,
                      end, file->size);
    *ret = (size_t)n;
    return CLSEQ_OK;
}

static clseq_status read_header(clseq_safetensors *file)
{
    clseq_status status;
    char *text = NULL, shown[CLSEQ_SAFETENSORS_SHOWN];
    json_error_t error;
    size_t n = 0;

    CLSEQ_TRY(read_length(file, &n));
    CLSEQ_TRY(clseq_calloc(file->ctx, n, 1, "safetensors header", &text));
    CLSEQ_TRY_GOTO(status, out, read_at(file, 8, n, text));
    if (text[0] != '{') {
        status = reject(file, "the header does not begin with '{'; " DAMAGED);
        goto out;
    }
    CLSEQ_TRY_GOTO(status, out, check_header_sum(file, text, n));
    CLSEQ_TRY_GOTO(status, out, scan_header(file, text, n));
    file->root = json_loadb(text, n, JSON_REJECT_DUPLICATES, &error);
    if (!file->root) {
        if (json_error_code(&error) == json_error_out_of_memory)
            status = clseq_fail(file->ctx, CLSEQ_ERR_NOMEM,
                                "%s: the header of %zu bytes does not "
                                "fit in memory",
                                file->path, n);
        else
            status = reject(file, "the header is not valid JSON at its byte %d: %s; " DAMAGED,
                            error.position, clseq_safetensors_shown(error.text, shown));
        goto out;
    }
    file->data_start = 8 + n; /* <= the file size, checked above */
out:
    free(text);
    return status;
}

/* A JSON integer in 0..INT64_MAX. */
static bool get_size(const json_t *json, size_t *ret)
{
    if (!json_is_integer(json) || json_integer_value(json) < 0 ||
        (uintmax_t)json_integer_value(json) > SIZE_MAX)
        return false;
    *ret = (size_t)json_integer_value(json);
    return true;
}

static clseq_status parse_shape(clseq_safetensors *file, const json_t *shape,
                                clseq_safetensors_info *tensor)
{
    char shaped[CLSEQ_SAFETENSORS_SHAPED];
    const char *name = tensor->name;

    if (!json_is_array(shape))
        return reject(file, "tensor \"%s\": \"shape\" is missing or not an array; " DAMAGED, name);
    tensor->rank = json_array_size(shape);
    if (tensor->rank == 0)
        return reject(file,
                      "tensor \"%s\": a scalar (rank 0), clseq reads rank 1 to %d; save it with "
                      "shape [1] or leave it out",
                      name, CLSEQ_SAFETENSORS_MAX_RANK);
    if (tensor->rank > CLSEQ_SAFETENSORS_MAX_RANK)
        return reject(file,
                      "tensor \"%s\": rank %zu, clseq reads rank 1 to %d; reshape it or leave "
                      "it out",
                      name, tensor->rank, CLSEQ_SAFETENSORS_MAX_RANK);
    for (size_t i = 0; i < CLSEQ_SAFETENSORS_MAX_RANK; i++) {
        tensor->shape[i] = 1;
        if (i < tensor->rank && (!get_size(json_array_get(shape, i), &tensor->shape[i]) ||
                                 tensor->shape[i] < 1 || tensor->shape[i] > INT32_MAX))
            return reject(
                file, "tensor \"%s\": dimension %zu is not a whole number from 1 to %d; " DAMAGED,
                name, i, INT32_MAX);
    }
    if (!clseq_safetensors_extent(tensor->dtype, tensor->rank, tensor->shape, &tensor->count,
                                  &tensor->bytes))
        return reject(file, "tensor \"%s\": shape %s is larger than any file; " DAMAGED, name,
                      clseq_safetensors_shaped(tensor->rank, tensor->shape, shaped));
    return CLSEQ_OK;
}

/* tensor->offset is relative to the data until order_tensors(). */
static clseq_status parse_tensor(clseq_safetensors *file, const char *name, json_t *json,
                                 clseq_safetensors_info *tensor)
{
    char shown[CLSEQ_SAFETENSORS_SHOWN], shaped[CLSEQ_SAFETENSORS_SHAPED];
    const char *bad = clseq_safetensors_bad_name(name), *key, *dtype;
    json_t *value, *offsets = json_object_get(json, "data_offsets");
    size_t end;

    if (bad)
        return reject(file, "tensor \"%s\": %s; rename it before saving",
                      clseq_safetensors_shown(name, shown), bad);
    tensor->name = name;
    if (!json_is_object(json))
        return reject(file, "tensor \"%s\": its entry is not a JSON object; " DAMAGED, name);
    json_object_foreach(json, key, value)
    {
        if (strcmp(key, "dtype") != 0 && strcmp(key, "shape") != 0 &&
            strcmp(key, "data_offsets") != 0)
            return reject(file,
                          "tensor \"%s\": unknown key \"%s\", expected dtype, shape and "
                          "data_offsets; " DAMAGED,
                          name, clseq_safetensors_shown(key, shown));
    }
    dtype = json_string_value(json_object_get(json, "dtype"));
    if (!dtype)
        return reject(file, "tensor \"%s\": \"dtype\" is missing or not a text; " DAMAGED, name);
    if (!clseq_safetensors_dtype_parse(dtype, &tensor->dtype))
        return reject(
            file,
            "tensor \"%s\": dtype \"%s\"; clseq reads F32, F16, BF16, F64, I32, I64 and U8: "
            "convert the tensor, for example to F32, or leave it out",
            name, clseq_safetensors_shown(dtype, shown));
    CLSEQ_TRY(parse_shape(file, json_object_get(json, "shape"), tensor));
    if (!json_is_array(offsets) || json_array_size(offsets) != 2 ||
        !get_size(json_array_get(offsets, 0), &tensor->offset) ||
        !get_size(json_array_get(offsets, 1), &end) || end < tensor->offset)
        return reject(
            file,
            "tensor \"%s\": \"data_offsets\" is not [begin, end] with 0 <= begin <= end; " DAMAGED,
            name);
    if (end - tensor->offset != tensor->bytes)
        return reject(file,
                      "tensor \"%s\": %s of shape %s needs %zu bytes but its data_offsets span "
                      "%zu; " DAMAGED,
                      name, dtype, clseq_safetensors_shaped(tensor->rank, tensor->shape, shaped),
                      tensor->bytes, end - tensor->offset);
    return CLSEQ_OK;
}

static clseq_status parse_metadata(clseq_safetensors *file)
{
    char shown[CLSEQ_SAFETENSORS_SHOWN];
    const char *key;
    json_t *value;

    file->metadata = json_object_get(file->root, "__metadata__");
    if (!file->metadata)
        return CLSEQ_OK;
    if (!json_is_object(file->metadata))
        return reject(file, "\"__metadata__\" is not a JSON object; " DAMAGED);
    if (json_object_size(file->metadata) > CLSEQ_SAFETENSORS_MAX_METADATA)
        return reject(file, "%zu metadata entries, at most %d are allowed; save it with fewer",
                      json_object_size(file->metadata), CLSEQ_SAFETENSORS_MAX_METADATA);
    json_object_foreach(file->metadata, key, value)
    {
        if (!json_is_string(value))
            return reject(file, "metadata \"%s\": its value is not a text; " DAMAGED,
                          clseq_safetensors_shown(key, shown));
    }
    return CLSEQ_OK;
}

static int compare_offsets(const void *a, const void *b)
{
    const clseq_safetensors_info *x = a, *y = b;

    if (x->offset != y->offset)
        return x->offset < y->offset ? -1 : 1;
    return strcmp(x->name, y->name);
}

static int compare_names(const void *a, const void *b)
{
    const clseq_safetensors_info *const *x = a, *const *y = b;

    return strcmp((*x)->name, (*y)->name);
}

/* The data must be one tensor after the other, from the end of the header to the end of the file.
 */
static clseq_status order_tensors(clseq_safetensors *file)
{
    const size_t room = file->size - file->data_start;
    size_t next = 0;

    qsort(file->tensors, file->count, sizeof(*file->tensors), compare_offsets);
    for (size_t i = 0; i < file->count; i++) {
        clseq_safetensors_info *t = &file->tensors[i];

        if (t->offset < next)
            return reject(file, "the data of tensors \"%s\" and \"%s\" overlap; " DAMAGED,
                          file->tensors[i - 1].name, t->name);
        if (t->offset > next)
            return reject(file, "a hole of %zu bytes before the data of tensor \"%s\"; " DAMAGED,
                          t->offset - next, t->name);
        if (t->bytes > room - next)
            return reject(
                file,
                "the data of tensor \"%s\" should end at byte %llu but the file has only "
                "%zu bytes: it was cut short; get or save it again",
                t->name, (unsigned long long)file->data_start + next + (unsigned long long)t->bytes,
                file->size);
        next += t->bytes;
        t->offset += file->data_start;
        file->by_name[i] = t;
    }
    if (next != room)
        return reject(file, "%zu bytes follow the last tensor, none are expected; " DAMAGED,
                      room - next);
    qsort(file->by_name, file->count, sizeof(*file->by_name), compare_names);
    return CLSEQ_OK;
}

static clseq_status parse_sums(clseq_safetensors *file)
{
    const size_t prefix = strlen(CLSEQ_SAFETENSORS_SUM_KEY);
    char shown[CLSEQ_SAFETENSORS_SHOWN];
    const char *key;
    json_t *value;
    size_t found = 0;

    json_object_foreach(file->metadata, key, value)
    {
        const clseq_safetensors_info *tensor;

        if (strncmp(key, CLSEQ_SAFETENSORS_SUM_KEY, prefix) != 0 || key[prefix] != '.')
            continue;
        if (!file->sums)
            CLSEQ_TRY(clseq_calloc(file->ctx, file->count, sizeof(*file->sums), "checksums",
                                   &file->sums));
        tensor = clseq_safetensors_find(file, key + prefix + 1);
        if (!tensor)
            return reject(file, "checksum \"%s\" belongs to no tensor of the file; " DAMAGED,
                          clseq_safetensors_shown(key, shown));
        if (json_string_length(value) != CLSEQ_SAFETENSORS_SUM_DIGITS ||
            !clseq_safetensors_get_sum(json_string_value(value),
                                       &file->sums[tensor - file->tensors]))
            return reject(file, "checksum \"%s\" is not 16 hexadecimal digits; " DAMAGED,
                          clseq_safetensors_shown(key, shown));
        found++;
    }
    if (found > 0 && found < file->count)
        return reject(file, "%zu of %zu tensors have checksums, expected all or none; " DAMAGED,
                      found, file->count);
    if (found > 0) {
        file->hash = XXH3_createState();
        if (!file->hash)
            return clseq_fail(file->ctx, CLSEQ_ERR_NOMEM, "%s: no memory for a checksum",
                              file->path);
    }
    return CLSEQ_OK;
}

static clseq_status parse_header(clseq_safetensors *file)
{
    const char *name;
    json_t *value;
    size_t count;

    CLSEQ_TRY(parse_metadata(file));
    count = json_object_size(file->root) - (file->metadata ? 1 : 0);
    if (count > CLSEQ_SAFETENSORS_MAX_TENSORS)
        return reject(file, "%zu tensors, at most %d are allowed; split the file", count,
                      CLSEQ_SAFETENSORS_MAX_TENSORS);
    CLSEQ_TRY(
        clseq_calloc(file->ctx, count, sizeof(*file->tensors), "tensor table", &file->tensors));
    CLSEQ_TRY(
        clseq_calloc(file->ctx, count, sizeof(*file->by_name), "tensor table", &file->by_name));
    json_object_foreach(file->root, name, value)
    {
        if (value != file->metadata) {
            CLSEQ_TRY(parse_tensor(file, name, value, &file->tensors[file->count]));
            file->count++;
        }
    }
    CLSEQ_TRY(order_tensors(file));
    return parse_sums(file);
}

static clseq_status open_regular(clseq_safetensors *file)
{
    struct stat st;

    /* Not blocking, so that a FIFO is refused instead of waited for. */
    file->fd = open(file->path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (file->fd < 0 || fstat(file->fd, &st) != 0) {
        const int code = errno;

        return clseq_fail(file->ctx, CLSEQ_ERR_IO, "%s: cannot open: %s", file->path,
                          strerror(code));
    }
    if (!S_ISREG(st.st_mode))
        return clseq_fail(file->ctx, CLSEQ_ERR_IO,
                          "%s: not a regular file; name a .safetensors file", file->path);
    if ((uintmax_t)st.st_size > SIZE_MAX)
        return reject(file, "%lld bytes are too many for this machine", (long long)st.st_size);
    file->size = (size_t)st.st_size;
    return CLSEQ_OK;
}

clseq_status clseq_safetensors_open(clseq_context *ctx, const char *path, clseq_safetensors **ret)
{
    clseq_safetensors *file = NULL;
    clseq_status status;

    CLSEQ_TRY(clseq_calloc(ctx, 1, sizeof(*file), "safetensors file", &file));
    file->ctx = ctx;
    file->fd = -1;
    CLSEQ_TRY_GOTO(status, fail, clseq_strdup(ctx, path, &file->path));
    CLSEQ_TRY_GOTO(status, fail, open_regular(file));
    CLSEQ_TRY_GOTO(status, fail, read_header(file));
    CLSEQ_TRY_GOTO(status, fail, parse_header(file));
    *ret = file;
    return CLSEQ_OK;
fail:
    clseq_safetensors_close(&file);
    return status;
}

void clseq_safetensors_close(clseq_safetensors **file)
{
    clseq_safetensors *f = file ? *file : NULL;

    if (!f)
        return;
    if (f->fd >= 0)
        close(f->fd);
    if (f->hash)
        XXH3_freeState(f->hash);
    json_decref(f->root);
    free(f->tensors);
    free(f->by_name);
    free(f->sums);
    free(f->path);
    free(f);
    *file = NULL;
}

const char *clseq_safetensors_path(const clseq_safetensors *file)
{
    return file->path;
}

size_t clseq_safetensors_size(const clseq_safetensors *file)
{
    return file->size;
}

size_t clseq_safetensors_count(const clseq_safetensors *file)
{
    return file->count;
}

const clseq_safetensors_info *clseq_safetensors_at(const clseq_safetensors *file, size_t index)
{
    return &file->tensors[index];
}

const clseq_safetensors_info *clseq_safetensors_find(const clseq_safetensors *file,
                                                     const char *name)
{
    size_t low = 0, high = file->count;

    while (low < high) {
        const size_t middle = low + (high - low) / 2;
        const int order = strcmp(name, file->by_name[middle]->name);

        if (order == 0)
            return file->by_name[middle];
        if (order < 0)
            high = middle;
        else
            low = middle + 1;
    }
    return NULL;
}

static bool is_float(clseq_safetensors_dtype dtype)
{
    return dtype == CLSEQ_SAFETENSORS_F32 || dtype == CLSEQ_SAFETENSORS_F16 ||
           dtype == CLSEQ_SAFETENSORS_BF16 || dtype == CLSEQ_SAFETENSORS_F64;
}

clseq_status clseq_safetensors_require(const clseq_safetensors *file, const char *name, size_t rank,
                                       const size_t *shape, const clseq_safetensors_info **ret)
{
    const clseq_safetensors_info *tensor = clseq_safetensors_find(file, name);
    char want[CLSEQ_SAFETENSORS_SHAPED], have[CLSEQ_SAFETENSORS_SHAPED];

    clseq_safetensors_shaped(rank, shape, want);
    if (!tensor)
        return reject(
            file,
            "tensor \"%s\" of shape %s is missing among its %zu tensors; the file does not "
            "belong to this configuration",
            name, want, file->count);
    if (!is_float(tensor->dtype))
        return reject(file, "tensor \"%s\" holds %s, expected F32, F16, BF16 or F64; convert it",
                      name, clseq_safetensors_dtype_name(tensor->dtype));
    if (tensor->rank != rank || memcmp(tensor->shape, shape, rank * sizeof(*shape)) != 0)
        return reject(file,
                      "tensor \"%s\" has shape %s, expected %s; the file does not belong to this "
                      "configuration",
                      name, clseq_safetensors_shaped(tensor->rank, tensor->shape, have), want);
    *ret = tensor;
    return CLSEQ_OK;
}

const char *clseq_safetensors_metadata(const clseq_safetensors *file, const char *key)
{
    return json_string_value(json_object_get(file->metadata, key));
}

const char *clseq_safetensors_next_metadata(const clseq_safetensors *file, const char *key)
{
    void *at = key ? json_object_iter_next(file->metadata, json_object_iter_at(file->metadata, key))
                   : json_object_iter(file->metadata);

    return at ? json_object_iter_key(at) : NULL;
}

bool clseq_safetensors_has_checksums(const clseq_safetensors *file)
{
    return file->sums != NULL;
}

/* Take note of bytes that were read; compare once the whole tensor has gone by. */
static clseq_status follow_sum(clseq_safetensors *file, const clseq_safetensors_info *tensor,
                               size_t offset, size_t bytes, const void *data)
{
    uint64_t stored, computed;

    if (!file->sums)
        return CLSEQ_OK;
    if (offset == 0) {
        XXH3_64bits_reset(file->hash);
        file->hash_tensor = tensor;
        file->hash_next = 0;
    }
    if (file->hash_tensor != tensor || file->hash_next != offset) {
        file->hash_tensor = NULL;
        return CLSEQ_OK;
    }
    XXH3_64bits_update(file->hash, data, bytes);
    file->hash_next += bytes;
    if (file->hash_next != tensor->bytes)
        return CLSEQ_OK;
    file->hash_tensor = NULL;
    stored = file->sums[tensor - file->tensors];
    computed = XXH3_64bits_digest(file->hash);
    if (stored != computed)
        return reject(
            file,
            "tensor \"%s\": its data has checksum %016llx, %016llx is stored: the file is "
            "damaged or was changed after saving; restore it from a copy or save it again "
            "(after a change on purpose, without the metadata clseq.xxh3.*)",
            tensor->name, (unsigned long long)computed, (unsigned long long)stored);
    return CLSEQ_OK;
}

clseq_status clseq_safetensors_read_raw(clseq_safetensors *file,
                                        const clseq_safetensors_info *tensor, size_t offset,
                                        size_t bytes, void *dst)
{
    if (offset > tensor->bytes || bytes > tensor->bytes - offset)
        return clseq_fail(file->ctx, CLSEQ_ERR_ARG,
                          "%s: tensor \"%s\": %zu bytes from %zu are beyond its %zu bytes",
                          file->path, tensor->name, bytes, offset, tensor->bytes);
    /* In pieces, so that the sum is taken while they are in the cache. */
    for (char *p = dst; bytes > 0;) {
        const size_t n = bytes < VERIFY_PIECE ? bytes : VERIFY_PIECE;

        CLSEQ_TRY(read_at(file, tensor->offset + offset, n, p));
        CLSEQ_TRY(follow_sum(file, tensor, offset, n, p));
        p += n;
        offset += n;
        bytes -= n;
    }
    return CLSEQ_OK;
}

static clseq_status check_finite(clseq_safetensors *file, const clseq_safetensors_info *tensor,
                                 size_t first, size_t count, const float *values)
{
    for (size_t i = 0; i < count; i++) {
        if (!isfinite(values[i]))
            return reject(
                file,
                "tensor \"%s\": element %zu is %s; the model diverged before it was saved, "
                "or the file is damaged: use an earlier copy",
                tensor->name, first + i,
                isnan(values[i])                         ? "not a number"
                : tensor->dtype == CLSEQ_SAFETENSORS_F64 ? "infinite or too large for F32"
                                                         : "infinite");
    }
    return CLSEQ_OK;
}

clseq_status clseq_safetensors_read_f32(clseq_safetensors *file,
                                        const clseq_safetensors_info *tensor, size_t offset,
                                        size_t count, clseq_safetensors_values values, float *dst)
{
    const size_t size = clseq_safetensors_dtype_size(tensor->dtype);
    unsigned char piece[PIECE];

    if (!is_float(tensor->dtype))
        return reject(file,
                      "tensor \"%s\" holds %s, floating point numbers are expected; convert it",
                      tensor->name, clseq_safetensors_dtype_name(tensor->dtype));
    if (offset > tensor->count || count > tensor->count - offset)
        return clseq_fail(file->ctx, CLSEQ_ERR_ARG,
                          "%s: tensor \"%s\": %zu elements from %zu are beyond its %zu elements",
                          file->path, tensor->name, count, offset, tensor->count);
    if (tensor->dtype == CLSEQ_SAFETENSORS_F32) {
        CLSEQ_TRY(clseq_safetensors_read_raw(file, tensor, offset * size, count * size, dst));
    } else {
        for (size_t done = 0; done < count;) {
            const size_t left = count - done, n = left < PIECE / size ? left : PIECE / size;

            CLSEQ_TRY(
                clseq_safetensors_read_raw(file, tensor, (offset + done) * size, n * size, piece));
            clseq_safetensors_to_f32(tensor->dtype, piece, n, dst + done);
            done += n;
        }
    }
    return values == CLSEQ_SAFETENSORS_FINITE_ONLY ? check_finite(file, tensor, offset, count, dst)
                                                   : CLSEQ_OK;
}

clseq_status clseq_safetensors_verify(clseq_safetensors *file)
{
    clseq_status status = CLSEQ_OK;
    size_t largest = 0;
    char *piece = NULL;

    for (size_t i = 0; i < file->count; i++)
        largest = file->tensors[i].bytes > largest ? file->tensors[i].bytes : largest;
    CLSEQ_TRY(clseq_calloc(file->ctx, largest < VERIFY_PIECE ? largest : VERIFY_PIECE, 1,
                           "read buffer", &piece));
    for (size_t i = 0; i < file->count; i++) {
        const clseq_safetensors_info *tensor = &file->tensors[i];

        for (size_t done = 0; done < tensor->bytes;) {
            const size_t left = tensor->bytes - done, n = left < VERIFY_PIECE ? left : VERIFY_PIECE;

            CLSEQ_TRY_GOTO(status, out, clseq_safetensors_read_raw(file, tensor, done, n, piece));
            done += n;
        }
    }
out:
    free(piece);
    return status;
}
