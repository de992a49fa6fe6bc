/* SPDX-License-Identifier: BSD-2-Clause */
#include "data/vectors_inside.h"

#include "data/utf8.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include <zlib.h>

#define CHUNK      ((size_t)1 << 17)
#define LINE_LIMIT ((size_t)1 << 26)

const char *clseq_vectors_format_name(clseq_vectors_format format)
{
    static const char *const names[] = {
        [CLSEQ_VECTORS_TEXT] = "GloVe text",
        [CLSEQ_VECTORS_TEXT_HEADER] = "word2vec text",
        [CLSEQ_VECTORS_BINARY] = "word2vec binary",
        [CLSEQ_VECTORS_FASTTEXT_MODEL] = "fastText model",
    };

    return names[format];
}

/* ---- bytes ---- */

static clseq_status read_more(clseq_vector_file *f)
{
    const int n = gzread(f->gz, f->bytes + f->end, (unsigned)(f->capacity - f->end));
    int code = Z_OK;
    const char *text;

    if (n > 0) {
        f->end += (size_t)n;
        return CLSEQ_OK;
    }
    text = gzerror(f->gz, &code);
    if (code == Z_ERRNO)
        return clseq_fail(f->ctx, CLSEQ_ERR_IO, "%s: cannot read: %s", f->path, strerror(errno));
    if (code != Z_OK && code != Z_STREAM_END)
        return clseq_fail(f->ctx, CLSEQ_ERR_FORMAT,
                          "%s: damaged gzip file (%s): check it with gzip -t, fetch it again",
                          f->path, text);
    f->ended = true;
    return CLSEQ_OK;
}

clseq_status clseq_vector_file_fill(clseq_vector_file *f, size_t n)
{
    if (clseq_vector_file_left(f) >= n || f->ended)
        return CLSEQ_OK;
    if (f->at > 0) {
        memmove(f->bytes, f->bytes + f->at, clseq_vector_file_left(f));
        f->end -= f->at;
        f->at = 0;
    }
    if (n > f->capacity - CHUNK / 2)
        CLSEQ_TRY(clseq_grow(f->ctx, &f->bytes, &f->capacity, n + CHUNK, 1, "vectors"));
    while (f->end < n && !f->ended)
        CLSEQ_TRY(read_more(f));
    return CLSEQ_OK;
}

clseq_status clseq_vector_file_skip(clseq_vector_file *f, uint64_t n)
{
    const size_t left = clseq_vector_file_left(f);

    if (n <= left) {
        clseq_vector_file_use(f, (size_t)n);
        return CLSEQ_OK;
    }
    clseq_vector_file_use(f, left);
    n -= left;
    while (n > 0) {
        const uint64_t step = n < (uint64_t)1 << 30 ? n : (uint64_t)1 << 30;

        if (gzseek(f->gz, (z_off_t)step, SEEK_CUR) < 0)
            return clseq_fail(f->ctx, CLSEQ_ERR_IO, "%s: cannot read on at byte %llu", f->path,
                              (unsigned long long)f->offset);
        f->offset += step;
        n -= step;
    }
    return CLSEQ_OK;
}

clseq_status clseq_vector_file_line(clseq_vector_file *f, const char **line, size_t *n, bool *more)
{
    size_t searched = 0;
    const unsigned char *end = NULL;

    for (;;) {
        const size_t left = clseq_vector_file_left(f);

        end = left > searched ? memchr(f->bytes + f->at + searched, '\n', left - searched) : NULL;
        searched = left;
        if (end || f->ended)
            break;
        if (left > LINE_LIMIT)
            return clseq_fail(f->ctx, CLSEQ_ERR_LIMIT,
                              "%s: line %llu is longer than %zu bytes: this is no file of vectors",
                              f->path, (unsigned long long)f->line + 1, LINE_LIMIT);
        CLSEQ_TRY(clseq_vector_file_fill(f, left + 1));
    }
    *more = end || searched > 0;
    *line = (const char *)f->bytes + f->at;
    *n = end ? (size_t)(end - (f->bytes + f->at)) : searched;
    clseq_vector_file_use(f, *n + (end ? 1 : 0));
    if (*n > 0 && (*line)[*n - 1] == '\r')
        --*n;
    f->line += *more;
    return CLSEQ_OK;
}

/* ---- words ---- */

clseq_status clseq_vector_file_add(clseq_vector_file *f, const char *word, size_t n, float **row)
{
    clseq_vectors *v = f->out;
    size_t index, need;
    bool added;

    *row = NULL;
    if (!clseq_mul_size(v->words.count + 1, v->size, &need))
        return clseq_fail(f->ctx, CLSEQ_ERR_LIMIT, "%s: too many vectors", f->path);
    CLSEQ_TRY(
        clseq_grow(f->ctx, &v->values, &v->values_capacity, need, sizeof(*v->values), "vectors"));
    CLSEQ_TRY(clseq_string_table_add(&v->words, word, n, &index, &added));
    if (!added) {
        v->stats.duplicates++;
        return CLSEQ_OK;
    }
    *row = v->values + index * v->size;
    memset(*row, 0, v->size * sizeof(**row));
    return CLSEQ_OK;
}

clseq_status clseq_vector_file_word(clseq_vector_file *f, const char *word, size_t n, float **row)
{
    *row = NULL;
    f->out->stats.words++;
    if (n == 0 || memchr(word, 0, n) || clseq_utf8_valid_prefix(word, n) < n) {
        f->out->stats.unusable++;
        return CLSEQ_OK;
    }
    if (f->filtered && clseq_string_table_find(&f->wanted, word, n) == CLSEQ_STRING_NONE)
        return CLSEQ_OK;
    return clseq_vector_file_add(f, word, n, row);
}

bool clseq_vectors_floats(const unsigned char *bytes, size_t n, float *ret)
{
    for (size_t i = 0; i < n; i++) {
        const unsigned char *p = bytes + 4 * i;
        const uint32_t bits =
            (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;

        memcpy(&ret[i], &bits, sizeof(bits));
        if (!isfinite(ret[i]))
            return false;
    }
    return true;
}

/* ---- files ---- */

static clseq_status open_file(clseq_vector_file *f)
{
    f->gz = gzopen(f->path, "rb");
    if (!f->gz)
        return clseq_fail(f->ctx, CLSEQ_ERR_IO, "%s: cannot open: %s", f->path,
                          errno ? strerror(errno) : "out of memory");
    return clseq_grow(f->ctx, &f->bytes, &f->capacity, CHUNK, 1, "vectors");
}

static clseq_status set_wanted(clseq_vector_file *f, const struct clseq_vectors_options *options)
{
    f->filtered = options && options->wanted;
    f->limit = options && !f->filtered ? options->limit : 0;
    for (size_t i = 0; f->filtered && i < options->wanted_count; i++) {
        size_t index;
        bool added;

        CLSEQ_TRY(clseq_string_table_add(&f->wanted, options->wanted[i], strlen(options->wanted[i]),
                                         &index, &added));
    }
    return CLSEQ_OK;
}

static clseq_status read_file(clseq_vector_file *f)
{
    CLSEQ_TRY(clseq_vector_file_fill(f, 16));
    if (clseq_vector_file_left(f) == 0)
        return clseq_fail(f->ctx, CLSEQ_ERR_FORMAT, "%s: the file is empty", f->path);
    if (clseq_vectors_is_fasttext(f->bytes, clseq_vector_file_left(f)))
        return clseq_vectors_read_fasttext(f);
    return clseq_vectors_read_text(f);
}

clseq_status clseq_vectors_read(clseq_context *ctx, const char *path,
                                const struct clseq_vectors_options *options, clseq_vectors **ret)
{
    clseq_vector_file f = { .ctx = ctx, .path = path, .wanted = { .ctx = ctx } };
    clseq_vectors *v = NULL;
    clseq_status status;

    CLSEQ_TRY(clseq_calloc(ctx, 1, sizeof(*v), "vectors", &v));
    v->words.ctx = ctx;
    f.out = v;
    CLSEQ_TRY_GOTO(status, out, set_wanted(&f, options));
    CLSEQ_TRY_GOTO(status, out, open_file(&f));
    status = read_file(&f);
out:
    if (f.gz)
        gzclose(f.gz);
    free(f.bytes);
    clseq_string_table_fini(&f.wanted);
    if (status != CLSEQ_OK)
        clseq_vectors_destroy(&v);
    else
        *ret = v;
    return status;
}

void clseq_vectors_destroy(clseq_vectors **vectors)
{
    clseq_vectors *v = vectors ? *vectors : NULL;

    if (!v)
        return;
    clseq_string_table_fini(&v->words);
    free(v->values);
    free(v);
    *vectors = NULL;
}

/* ---- looking ---- */

size_t clseq_vectors_count(const clseq_vectors *vectors)
{
    return vectors->words.count;
}

size_t clseq_vectors_size(const clseq_vectors *vectors)
{
    return vectors->size;
}

struct clseq_vectors_stats clseq_vectors_get_stats(const clseq_vectors *vectors)
{
    return vectors->stats;
}

const char *clseq_vectors_word(const clseq_vectors *vectors, size_t index)
{
    return clseq_string_table_get(&vectors->words, index);
}

const float *clseq_vectors_row(const clseq_vectors *vectors, size_t index)
{
    return vectors->values + index * vectors->size;
}

size_t clseq_vectors_find(const clseq_vectors *vectors, const char *word)
{
    return clseq_string_table_find(&vectors->words, word, strlen(word));
}

static double cosine(const float *a, const float *b, size_t n)
{
    double ab = 0, aa = 0, bb = 0;

    for (size_t i = 0; i < n; i++) {
        ab += (double)a[i] * (double)b[i];
        aa += (double)a[i] * (double)a[i];
        bb += (double)b[i] * (double)b[i];
    }
    return aa > 0 && bb > 0 ? ab / sqrt(aa * bb) : 0;
}

static bool is_among(const size_t *list, size_t n, size_t x)
{
    for (size_t i = 0; i < n; i++) {
        if (list[i] == x)
            return true;
    }
    return false;
}

size_t clseq_vectors_nearest(const clseq_vectors *vectors, const float *point, const size_t *except,
                             size_t n_except, size_t n, struct clseq_neighbor *ret)
{
    size_t count = 0;

    for (size_t i = 0; n > 0 && i < vectors->words.count; i++) {
        const double s = cosine(point, clseq_vectors_row(vectors, i), vectors->size);
        size_t place = count;

        if ((count == n && !(s > ret[n - 1].similarity)) || is_among(except, n_except, i))
            continue;
        for (; place > 0 && s > ret[place - 1].similarity; place--) {
            if (place < n)
                ret[place] = ret[place - 1];
        }
        ret[place] = (struct clseq_neighbor) { .index = i, .similarity = s };
        count += count < n;
    }
    return count;
}
