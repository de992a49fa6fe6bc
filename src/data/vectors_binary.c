/* SPDX-License-Identifier: BSD-2-Clause */
/* word2vec's binary files and fastText's models. Numbers in both are little-endian. */
#include "data/vectors_inside.h"

#include <stdlib.h>
#include <string.h>

static clseq_status cut_off(const clseq_vector_file *f, const char *what)
{
    return clseq_fail(f->ctx, CLSEQ_ERR_FORMAT,
                      "%s: ends in the middle of %s, at byte %llu: the file is cut off, fetch it "
                      "again",
                      f->path, what, (unsigned long long)(f->offset + clseq_vector_file_left(f)));
}

static clseq_status need(clseq_vector_file *f, size_t n, const char *what)
{
    CLSEQ_TRY(clseq_vector_file_fill(f, n));
    return clseq_vector_file_left(f) >= n ? CLSEQ_OK : cut_off(f, what);
}

/* A word up to the byte `stop`, which is passed over; borrowed until the next read. */
static clseq_status read_word(clseq_vector_file *f, unsigned char stop, const char **word,
                              size_t *n)
{
    const unsigned char *end;

    CLSEQ_TRY(clseq_vector_file_fill(f, CLSEQ_VECTOR_WORD_LIMIT));
    end = memchr(f->bytes + f->at, stop, clseq_vector_file_left(f));
    if (!end && f->ended)
        return cut_off(f, "a word");
    if (!end || (size_t)(end - (f->bytes + f->at)) > CLSEQ_VECTOR_WORD_LIMIT)
        return clseq_fail(f->ctx, CLSEQ_ERR_FORMAT,
                          "%s: no word ends within %zu bytes from byte %llu on: the file is "
                          "damaged",
                          f->path, CLSEQ_VECTOR_WORD_LIMIT, (unsigned long long)f->offset);
    *word = (const char *)f->bytes + f->at;
    *n = (size_t)(end - (f->bytes + f->at));
    clseq_vector_file_use(f, *n + 1);
    return CLSEQ_OK;
}

static clseq_status not_finite(const clseq_vector_file *f, const char *what, uint64_t number)
{
    return clseq_fail(f->ctx, CLSEQ_ERR_FORMAT,
                      "%s: %s %llu, at byte %llu, has a number that is not finite: the file is "
                      "damaged",
                      f->path, what, (unsigned long long)number, (unsigned long long)f->offset);
}

/* ---- word2vec ---- */

/* Programs disagree on whether a line end follows each vector; no word begins with one. */
static clseq_status skip_line_end(clseq_vector_file *f)
{
    do {
        CLSEQ_TRY(clseq_vector_file_fill(f, 1));
        if (clseq_vector_file_left(f) == 0 || f->bytes[f->at] != '\n')
            return CLSEQ_OK;
        clseq_vector_file_use(f, 1);
    } while (true);
}

clseq_status clseq_vectors_read_binary(clseq_vector_file *f, uint64_t words)
{
    const size_t size = f->out->size;

    for (uint64_t i = 0; i < words && !clseq_vector_file_full(f); i++) {
        const char *word;
        size_t n;
        float *row;

        CLSEQ_TRY(skip_line_end(f));
        if (clseq_vector_file_left(f) == 0)
            return clseq_fail(f->ctx, CLSEQ_ERR_FORMAT,
                              "%s: the first line says %llu words, but there are %llu: the file is "
                              "cut off, fetch it again",
                              f->path, (unsigned long long)words, (unsigned long long)i);
        CLSEQ_TRY(read_word(f, ' ', &word, &n));
        CLSEQ_TRY(clseq_vector_file_word(f, word, n, &row));
        CLSEQ_TRY(need(f, 4 * size, "a vector"));
        if (row && !clseq_vectors_floats(f->bytes + f->at, size, row))
            return not_finite(f, "the vector of word", i + 1);
        clseq_vector_file_use(f, 4 * size);
    }
    return CLSEQ_OK;
}

/* ---- fastText ---- */

#define MAGIC   793712314u
#define VERSION 12

static const char end_of_line[] = "</s>"; /* the word that has no parts */

/* The head of a model, as fastText writes it. */
struct model {
    int32_t dim, bucket, minn, maxn;
    int32_t words;      /* the first entries, whose vectors are rows 0 to words - 1 */
    int64_t prune_size; /* -1: nothing was pruned */
    int64_t rows;
};

/* A row of the matrix is a part of a wanted word. */
struct part {
    uint32_t row, target;
};

struct parts {
    struct part *list;
    size_t count, capacity;
    uint32_t *per_target; /* how many each has */
    size_t target_capacity;
};

static uint32_t u32_at(const unsigned char *p)
{
    return (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}

static int32_t i32_at(const unsigned char *p)
{
    return (int32_t)u32_at(p);
}

static int64_t i64_at(const unsigned char *p)
{
    return (int64_t)((uint64_t)u32_at(p + 4) << 32 | u32_at(p));
}

bool clseq_vectors_is_fasttext(const unsigned char *bytes, size_t n)
{
    return n >= 8 && u32_at(bytes) == MAGIC;
}

static clseq_status bad_model(const clseq_vector_file *f, const char *why)
{
    return clseq_fail(f->ctx, CLSEQ_ERR_FORMAT, "%s: fastText model: %s", f->path, why);
}

/* Version, settings, and the head of the dictionary; *entries are in it. */
static clseq_status read_head(clseq_vector_file *f, struct model *m, int32_t *entries)
{
    /* magic, version; dim, ws, epoch, minCount, neg, wordNgrams, loss, model, bucket, minn, maxn,
     * lrUpdateRate, t (8 bytes); size, nwords, nlabels, ntokens (8), pruneidx_size (8) */
    enum { SETTINGS = 8, DICTIONARY = SETTINGS + 12 * 4 + 8, HEAD = DICTIONARY + 3 * 4 + 16 };
    const unsigned char *p;
    int32_t version, model, labels;

    CLSEQ_TRY(need(f, HEAD, "the head of a fastText model"));
    p = f->bytes + f->at;
    version = i32_at(p + 4);
    m->dim = i32_at(p + SETTINGS);
    model = i32_at(p + SETTINGS + 7 * 4);
    m->bucket = i32_at(p + SETTINGS + 8 * 4);
    m->minn = i32_at(p + SETTINGS + 9 * 4);
    m->maxn = i32_at(p + SETTINGS + 10 * 4);
    *entries = i32_at(p + DICTIONARY);
    m->words = i32_at(p + DICTIONARY + 4);
    labels = i32_at(p + DICTIONARY + 8);
    m->prune_size = i64_at(p + DICTIONARY + 20);
    clseq_vector_file_use(f, HEAD);
    if (version < 11 || version > VERSION)
        return bad_model(f, "of a version that clseq does not know; versions 11 and 12 are known");
    if (version == 11 && model == 3)
        m->maxn = 0; /* classifiers of that version have no parts of words */
    if (m->dim < 1 || (uint32_t)m->dim > CLSEQ_VECTOR_SIZE_LIMIT || m->bucket < 0 || m->words < 0 ||
        labels < 0 || *entries < 0 || (int64_t)m->words + labels != *entries)
        return bad_model(f, "sizes in its head contradict each other: the file is damaged");
    if (m->prune_size > 0)
        return bad_model(f, "a pruned one; make vectors of it with fastText's print-word-vectors");
    f->out->size = (size_t)m->dim;
    return CLSEQ_OK;
}

static clseq_status add_part(clseq_vector_file *f, struct parts *parts, int64_t row, size_t target)
{
    CLSEQ_TRY(clseq_grow(f->ctx, &parts->list, &parts->capacity, parts->count + 1,
                         sizeof(*parts->list), "parts of words"));
    if (target >= parts->target_capacity) {
        const size_t before = parts->target_capacity;

        CLSEQ_TRY(clseq_grow(f->ctx, &parts->per_target, &parts->target_capacity, target + 1,
                             sizeof(*parts->per_target), "parts of words"));
        memset(parts->per_target + before, 0,
               (parts->target_capacity - before) * sizeof(*parts->per_target));
    }
    parts->list[parts->count++] = (struct part) { (uint32_t)row, (uint32_t)target };
    parts->per_target[target]++;
    return CLSEQ_OK;
}

static bool inside_character(char c)
{
    return ((unsigned char)c & 0xc0) == 0x80;
}

/* FNV-1a as fastText has it: bytes count as signed. */
static uint32_t hash_of(const char *text, size_t n)
{
    uint32_t h = 2166136261u;

    for (size_t i = 0; i < n; i++) {
        const int32_t byte = (signed char)text[i];

        h = (h ^ (uint32_t)byte) * 16777619u;
    }
    return h;
}

/* Rows of the parts of `text`, a word between < and >: its substrings of minn to maxn characters,
 * but for these two alone (Bojanowski et al. 2017, section 3.2). */
static clseq_status add_parts(clseq_vector_file *f, const struct model *m, struct parts *parts,
                              const char *text, size_t n, size_t target)
{
    if (m->bucket == 0)
        return CLSEQ_OK;
    for (size_t i = 0; i < n; i++) {
        size_t end = i;

        if (inside_character(text[i]))
            continue;
        for (int32_t length = 1; end < n && length <= m->maxn; length++) {
            end++;
            while (end < n && inside_character(text[end]))
                end++;
            if (length < m->minn || (length == 1 && (i == 0 || end == n)))
                continue;
            CLSEQ_TRY(add_part(f, parts,
                               (int64_t)m->words + hash_of(text + i, end - i) % (uint32_t)m->bucket,
                               target));
        }
    }
    return CLSEQ_OK;
}

/* The same for a word without its brackets. */
static clseq_status add_word_parts(clseq_vector_file *f, const struct model *m, struct parts *parts,
                                   const char *word, size_t n, size_t target)
{
    char *text = NULL;
    clseq_status status;

    if (m->maxn <= 0 || (n == strlen(end_of_line) && memcmp(word, end_of_line, n) == 0))
        return CLSEQ_OK;
    CLSEQ_TRY(clseq_calloc(f->ctx, n + 2, 1, "a word", &text));
    text[0] = '<';
    memcpy(text + 1, word, n);
    text[n + 1] = '>';
    status = add_parts(f, m, parts, text, n + 2, target);
    free(text);
    return status;
}

/* The dictionary: the words are its first entries, labels of a classifier follow. */
static clseq_status read_words(clseq_vector_file *f, const struct model *m, int32_t entries,
                               struct parts *parts)
{
    for (int32_t i = 0; i < entries; i++) {
        const size_t before = f->out->words.count;
        const char *word;
        float *row = NULL;
        size_t n;

        CLSEQ_TRY(read_word(f, 0, &word, &n));
        if (i < m->words && !clseq_vector_file_full(f))
            CLSEQ_TRY(clseq_vector_file_word(f, word, n, &row));
        if (row) {
            CLSEQ_TRY(add_part(f, parts, i, before));
            CLSEQ_TRY(add_word_parts(f, m, parts, clseq_string_table_get(&f->out->words, before), n,
                                     before));
        }
        CLSEQ_TRY(need(f, 9, "the dictionary")); /* count, type */
        clseq_vector_file_use(f, 9);
    }
    return CLSEQ_OK;
}

/* Wanted words that are not in the dictionary. */
static clseq_status compose(clseq_vector_file *f, const struct model *m, struct parts *parts)
{
    for (size_t i = 0; i < f->wanted.count; i++) {
        const char *word = clseq_string_table_get(&f->wanted, i);
        const size_t n = f->wanted.entries[i].length, target = f->out->words.count;
        const size_t before = parts->count;
        float *row;

        if (n == 0 || clseq_string_table_find(&f->out->words, word, n) != CLSEQ_STRING_NONE)
            continue;
        CLSEQ_TRY(add_word_parts(f, m, parts, word, n, target));
        if (parts->count == before)
            continue;
        CLSEQ_TRY(clseq_vector_file_add(f, word, n, &row));
        f->out->stats.composed++;
    }
    return CLSEQ_OK;
}

static int by_row(const void *a, const void *b)
{
    const struct part *x = a, *y = b;

    if (x->row != y->row)
        return x->row < y->row ? -1 : 1;
    return x->target < y->target ? -1 : x->target > y->target;
}

/* Rows of the matrix in the order of the file, each added to the words it is a part of. */
static clseq_status read_rows(clseq_vector_file *f, const struct model *m, struct parts *parts)
{
    const size_t size = f->out->size;
    uint64_t at = 0;
    float *row = NULL;
    clseq_status status = CLSEQ_OK;

    CLSEQ_TRY(clseq_calloc(f->ctx, size, sizeof(*row), "a vector", &row));
    qsort(parts->list, parts->count, sizeof(*parts->list), by_row);
    for (size_t i = 0; i < parts->count; i++) {
        const struct part *p = &parts->list[i];
        float *sum = f->out->values + p->target * size;

        if (i == 0 || p->row != p[-1].row) {
            CLSEQ_TRY_GOTO(status, out, clseq_vector_file_skip(f, (p->row - at) * size * 4));
            CLSEQ_TRY_GOTO(status, out, need(f, 4 * size, "the matrix of vectors"));
            if (!clseq_vectors_floats(f->bytes + f->at, size, row)) {
                status = not_finite(f, "row", p->row);
                goto out;
            }
            clseq_vector_file_use(f, 4 * size);
            at = (uint64_t)p->row + 1;
        }
        for (size_t k = 0; k < size; k++)
            sum[k] += row[k];
    }
    /* The rest must be there, too. */
    if (at < (uint64_t)m->rows) {
        CLSEQ_TRY_GOTO(status, out,
                       clseq_vector_file_skip(f, ((uint64_t)m->rows - at) * size * 4 - 4));
        status = need(f, 4, "the matrix of vectors");
    }
out:
    free(row);
    return status;
}

static clseq_status read_matrix(clseq_vector_file *f, struct model *m, struct parts *parts)
{
    int64_t columns;

    CLSEQ_TRY(need(f, 17, "the head of the matrix"));
    if (f->bytes[f->at] != 0)
        return bad_model(f,
                         "a quantised one (.ftz); use the .bin it was made from, or write a .vec "
                         "of it");
    m->rows = i64_at(f->bytes + f->at + 1);
    columns = i64_at(f->bytes + f->at + 9);
    clseq_vector_file_use(f, 17);
    if (columns != m->dim || m->rows < m->words || m->rows > (int64_t)m->words + m->bucket ||
        m->rows > UINT32_MAX || (m->maxn > 0 && m->rows < (int64_t)m->words + m->bucket))
        return bad_model(f,
                         "its matrix is not of the size that its head says: the file is damaged");
    CLSEQ_TRY(read_rows(f, m, parts));
    for (size_t i = 0; i < f->out->words.count; i++) {
        for (size_t k = 0; k < f->out->size; k++)
            f->out->values[i * f->out->size + k] *= 1.0f / (float)parts->per_target[i];
    }
    return CLSEQ_OK;
}

clseq_status clseq_vectors_read_fasttext(clseq_vector_file *f)
{
    struct model m = { 0 };
    struct parts parts = { 0 };
    int32_t entries = 0;
    clseq_status status;

    f->out->stats.format = CLSEQ_VECTORS_FASTTEXT_MODEL;
    CLSEQ_TRY_GOTO(status, out, read_head(f, &m, &entries));
    CLSEQ_TRY_GOTO(status, out, read_words(f, &m, entries, &parts));
    CLSEQ_TRY_GOTO(status, out, compose(f, &m, &parts));
    status = read_matrix(f, &m, &parts);
out:
    free(parts.list);
    free(parts.per_target);
    return status;
}
