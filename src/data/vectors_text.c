/* SPDX-License-Identifier: BSD-2-Clause */
/* Vectors a line each, and the header that such files share with word2vec's binary ones. */
#include "data/utf8.h"
#include "data/vectors_inside.h"

#include <errno.h>
#include <locale.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define LOOK       100               /* first lines from which the size of headless files is told */
#define HEAD_LIMIT ((size_t)1 << 26) /* bytes to look at for that */

static bool is_separator(char c)
{
    return c == ' ' || c == '\t';
}

/* Number of fields, which runs of separators divide. */
static size_t count_fields(const char *line, size_t n)
{
    size_t fields = 0;

    for (size_t i = 0; i < n; i++)
        fields += !is_separator(line[i]) && (i == 0 || is_separator(line[i - 1]));
    return fields;
}

/* A field that is digits and no more, as a number; -1 otherwise. */
static int64_t count_of(const char **at, const char *end)
{
    const char *p = *at;
    int64_t value = 0;

    while (p < end && is_separator(*p))
        p++;
    if (p == end)
        return -1;
    for (; p < end && !is_separator(*p); p++) {
        if (*p < '0' || *p > '9' || value > INT64_MAX / 100)
            return -1;
        value = value * 10 + (*p - '0');
    }
    *at = p;
    return value;
}

/* "words size", and nothing else in the line. */
static bool parse_header(const char *line, size_t n, int64_t *words, int64_t *size)
{
    const char *at = line, *end = line + n;

    if (count_fields(line, n) != 2 || is_separator(line[0]))
        return false;
    *words = count_of(&at, end);
    *size = count_of(&at, end);
    return *words >= 0 && *size >= 1;
}

/* ---- one line ---- */

/* Where the last `fields` fields of the line begin, and where the word before them ends. False when
 * there are fewer. */
static bool split(const char *line, size_t n, size_t fields, size_t *word_end, size_t *first)
{
    size_t i = n;

    while (i > 0 && is_separator(line[i - 1]))
        i--;
    for (size_t k = 0; k < fields; k++) {
        if (i == 0)
            return false;
        while (i > 0 && !is_separator(line[i - 1]))
            i--;
        *first = i;
        while (i > 0 && is_separator(line[i - 1]))
            i--;
        if (i == 0 && k + 1 < fields)
            return false;
    }
    *word_end = i;
    /* Without a separator in front the first number would be the word. */
    return *first > 0;
}

/* The number at *at, behind separators; *at moves behind it. False: none, or not finite. */
static bool number(const char **at, const char *end, float *ret)
{
    char text[64];
    char *stop;
    size_t n = 0;

    while (*at < end && is_separator(**at))
        ++*at;
    while (*at + n < end && !is_separator((*at)[n]) && n + 1 < sizeof(text)) {
        text[n] = (*at)[n];
        n++;
    }
    text[n] = 0;
    errno = 0;
    *ret = strtof(text, &stop);
    *at += n;
    /* Too small a number becomes the nearest float, which is no error. */
    return n > 0 && stop == text + n && strspn(text, "0123456789+-.eE") == n && isfinite(*ret);
}

/* The word of a line with spaces that ends in a number: more likely a damaged line than a word. */
static bool ends_in_number(const char *word, size_t n)
{
    const char *at;
    size_t start = n;
    float value;

    while (start > 0 && !is_separator(word[start - 1]))
        start--;
    at = word + start;
    return start > 0 && number(&at, word + n, &value);
}

static clseq_status bad_line(const clseq_vector_file *f, const char *line, size_t n)
{
    const size_t fields = count_fields(line, n);

    return clseq_fail(f->ctx, CLSEQ_ERR_FORMAT,
                      "%s: line %llu has %zu fields, but most lines a word and %zu numbers: the "
                      "file is damaged or cut off, or no file of word vectors",
                      f->path, (unsigned long long)f->line, fields, f->out->size);
}

static clseq_status take_line(clseq_vector_file *f, const char *line, size_t n)
{
    const char *at, *end = line + n;
    size_t word_end = 0, first = 0;
    float *row;

    if (!split(line, n, f->out->size, &word_end, &first) || ends_in_number(line, word_end))
        return bad_line(f, line, n);
    CLSEQ_TRY(clseq_vector_file_word(f, line, word_end, &row));
    at = line + first;
    for (size_t i = 0; row && i < f->out->size; i++) {
        const char *field = at;

        if (!number(&at, end, &row[i]))
            return clseq_fail(f->ctx, CLSEQ_ERR_FORMAT,
                              "%s: line %llu: number %zu is not a finite number: \"%.*s\"", f->path,
                              (unsigned long long)f->line, i + 1,
                              (int)(end - field < 40 ? end - field : 40), field);
    }
    return CLSEQ_OK;
}

static bool is_blank(const char *line, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (!is_separator(line[i]))
            return false;
    }
    return true;
}

/* ---- the whole file ---- */

/* Lines up to `words`, or to the end when that is -1. A blank line ends the file: only such may
 * follow. */
static clseq_status take_lines(clseq_vector_file *f, int64_t words)
{
    bool ended = false, more = true;

    while (!clseq_vector_file_full(f)) {
        const char *line;
        size_t n;

        CLSEQ_TRY(clseq_vector_file_line(f, &line, &n, &more));
        if (!more)
            break;
        if (is_blank(line, n)) {
            ended = true;
            continue;
        }
        if (ended)
            return clseq_fail(f->ctx, CLSEQ_ERR_FORMAT,
                              "%s: line %llu comes behind an empty line: the file is damaged",
                              f->path, (unsigned long long)f->line);
        CLSEQ_TRY(take_line(f, line, n));
    }
    if (!more && words >= 0 && f->out->stats.words < (uint64_t)words)
        return clseq_fail(f->ctx, CLSEQ_ERR_FORMAT,
                          "%s: the first line says %lld words, but there are %llu: the file is cut "
                          "off, fetch it again",
                          f->path, (long long)words, (unsigned long long)f->out->stats.words);
    if (words >= 0 && f->out->stats.words > (uint64_t)words)
        clseq_log(f->ctx, CLSEQ_LOG_INFO, "%s: the first line says %lld words, there are %llu",
                  f->path, (long long)words, (unsigned long long)f->out->stats.words);
    return CLSEQ_OK;
}

/* The numbers in each of the first lines, up to LOOK of them, as if no word held a separator. */
static clseq_status look_ahead(clseq_vector_file *f, size_t *sizes, size_t *lines)
{
    size_t at = 0;

    *lines = 0;
    while (*lines < LOOK && (at < clseq_vector_file_left(f) || !f->ended)) {
        const size_t left = clseq_vector_file_left(f);
        const char *start = (const char *)f->bytes + f->at + at;
        const char *end = memchr(start, '\n', left - at);
        size_t n;

        if (!end && !f->ended && left < HEAD_LIMIT) {
            CLSEQ_TRY(clseq_vector_file_fill(f, left + 1));
            continue;
        }
        n = end ? (size_t)(end - start) : left - at;
        at += n + 1;
        n -= n > 0 && start[n - 1] == '\r';
        if (n > 0 && !is_blank(start, n))
            sizes[(*lines)++] = count_fields(start, n) - (is_separator(start[0]) ? 0 : 1);
        if (!end)
            break;
    }
    return CLSEQ_OK;
}

/* The size that most of the first lines have, the larger of two that are as frequent: a word may
 * hold spaces, but most do not. */
static clseq_status guess_size(clseq_vector_file *f)
{
    size_t sizes[LOOK], lines, best_count = 0;

    CLSEQ_TRY(look_ahead(f, sizes, &lines));
    for (size_t i = 0; i < lines; i++) {
        size_t count = 0;

        for (size_t k = 0; k < lines; k++)
            count += sizes[k] == sizes[i];
        if (count > best_count || (count == best_count && sizes[i] > f->out->size)) {
            f->out->size = sizes[i];
            best_count = count;
        }
    }
    return CLSEQ_OK;
}

/* Whether the row behind the header is text: no bytes but characters, and a number at its end. */
static clseq_status is_text(clseq_vector_file *f, bool *ret)
{
    const size_t look = 64 * f->out->size + CLSEQ_VECTOR_WORD_LIMIT;
    const char *row, *end, *last;
    float value;
    size_t n;

    CLSEQ_TRY(clseq_vector_file_fill(f, look));
    row = (const char *)f->bytes + f->at;
    n = clseq_vector_file_left(f) < look ? clseq_vector_file_left(f) : look;
    end = memchr(row, '\n', n);
    end = end ? end : row + n;
    *ret = false;
    for (const char *p = row; p < end; p++) {
        if ((unsigned char)*p < 0x20 && *p != '\t' && *p != '\r')
            return CLSEQ_OK;
    }
    while (end > row && (is_separator(end[-1]) || end[-1] == '\r'))
        end--;
    for (last = end; last > row && !is_separator(last[-1]); last--)
        continue;
    *ret = last > row && number(&last, end, &value);
    return CLSEQ_OK;
}

static clseq_status check_size(clseq_vector_file *f)
{
    if (f->out->size >= 1 && f->out->size <= CLSEQ_VECTOR_SIZE_LIMIT)
        return CLSEQ_OK;
    return clseq_fail(f->ctx, CLSEQ_ERR_FORMAT,
                      "%s: no file of word vectors: neither a word and its numbers in each line, "
                      "nor word2vec's or fastText's binary format",
                      f->path);
}

/* UTF-8's mark that some editors put in front. */
static void skip_mark(clseq_vector_file *f)
{
    if (clseq_vector_file_left(f) >= 3 && memcmp(f->bytes + f->at, "\xef\xbb\xbf", 3) == 0)
        clseq_vector_file_use(f, 3);
}

static clseq_status read_lines(clseq_vector_file *f)
{
    int64_t words = -1, size = 0;
    const unsigned char *end;
    bool text = true;
    size_t n;

    CLSEQ_TRY(clseq_vector_file_fill(f, 256));
    skip_mark(f);
    n = clseq_vector_file_left(f);
    end = memchr(f->bytes + f->at, '\n', n);
    n = end ? (size_t)(end - (f->bytes + f->at)) : n;
    n -= n > 0 && f->bytes[f->at + n - 1] == '\r';
    f->out->stats.format = CLSEQ_VECTORS_TEXT;
    if (n > 0 && n < 200 && end && parse_header((const char *)f->bytes + f->at, n, &words, &size)) {
        clseq_vector_file_use(f, (size_t)(end - (f->bytes + f->at)) + 1);
        f->line++;
        f->out->size = (size_t)size;
        CLSEQ_TRY(check_size(f));
        CLSEQ_TRY(is_text(f, &text));
        f->out->stats.format = text ? CLSEQ_VECTORS_TEXT_HEADER : CLSEQ_VECTORS_BINARY;
    } else {
        words = -1;
        CLSEQ_TRY(guess_size(f));
        CLSEQ_TRY(check_size(f));
    }
    return text ? take_lines(f, words) : clseq_vectors_read_binary(f, (uint64_t)words);
}

/* Numbers are written with a point, whatever the program around this one has set. */
clseq_status clseq_vectors_read_text(clseq_vector_file *f)
{
    const locale_t plain = newlocale(LC_ALL_MASK, "C", (locale_t)0);
    locale_t before;
    clseq_status status;

    if (plain == (locale_t)0)
        return clseq_fail(f->ctx, CLSEQ_ERR_NOMEM, "%s: out of memory", f->path);
    before = uselocale(plain);
    status = read_lines(f);
    uselocale(before);
    freelocale(plain);
    return status;
}
