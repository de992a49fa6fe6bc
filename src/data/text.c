/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The line reader. It decompresses by itself rather than through gzFile: gzread() waits until its
 * buffer is full, so a person typing sentences to `clseq translate` would get no answer, and it
 * ignores garbage behind the compressed data.
 */
#include "data/utf8.h"

#include <clseq/text.h>

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <zlib.h>

#define CHUNK 65536

struct clseq_lines {
    clseq_context *ctx; /* borrowed */
    char *name;
    int fd;
    bool owns_fd, seekable;
    size_t limit;
    uint64_t number;

    /* Bytes as they stand in the file, not used yet: input[input_at .. input_size). */
    unsigned char *input;
    size_t input_at, input_size;
    bool input_end;

    /* Compressed? Known once the first two bytes are. */
    bool started, gzip, member_end;
    bool inflate_ready;
    z_stream z;

    /* Text not returned yet: buffer[start .. end), searched for a line end up to `searched`. */
    char *buffer;
    size_t capacity, start, end, searched;
    bool text_end;
};

static clseq_status io_fail(clseq_lines *lines, const char *what)
{
    const int code = errno;

    return clseq_fail(lines->ctx, CLSEQ_ERR_IO, "%s: %s: %s", lines->name, what, strerror(code));
}

clseq_status clseq_lines_open(clseq_context *ctx, const char *path, size_t limit, clseq_lines **ret)
{
    const bool standard_input = strcmp(path, "-") == 0;
    clseq_lines *lines = NULL;
    clseq_status status;
    struct stat st;

    CLSEQ_TRY(clseq_calloc(ctx, 1, sizeof(*lines), "line reader", &lines));
    lines->ctx = ctx;
    lines->fd = -1;
    lines->limit = limit ? limit : CLSEQ_LINE_LIMIT;
    CLSEQ_TRY_GOTO(status, out,
                   clseq_strdup(ctx, standard_input ? "standard input" : path, &lines->name));
    CLSEQ_TRY_GOTO(status, out, clseq_calloc(ctx, CHUNK, 1, "line reader", &lines->input));
    lines->owns_fd = !standard_input;
    lines->fd = standard_input ? STDIN_FILENO : open(path, O_RDONLY | O_CLOEXEC);
    if (lines->fd < 0 || fstat(lines->fd, &st) != 0) {
        status = io_fail(lines, "cannot open");
        goto out;
    }
    if (S_ISDIR(st.st_mode)) {
        status = clseq_fail(ctx, CLSEQ_ERR_IO, "%s: is a folder, not a text file", path);
        goto out;
    }
    /* Standard input may be a file, but whoever opened it may have read a part of it. */
    lines->seekable = S_ISREG(st.st_mode) && !standard_input;
    *ret = lines;
    return CLSEQ_OK;
out:
    clseq_lines_close(&lines);
    return status;
}

void clseq_lines_close(clseq_lines **lines)
{
    clseq_lines *l = lines ? *lines : NULL;

    if (!l)
        return;
    if (l->inflate_ready)
        inflateEnd(&l->z);
    if (l->owns_fd && l->fd >= 0)
        close(l->fd);
    free(l->name);
    free(l->input);
    free(l->buffer);
    free(l);
    *lines = NULL;
}

/* One read() behind what is in the input buffer. */
static clseq_status read_input(clseq_lines *lines)
{
    ssize_t n;

    if (lines->input_at == lines->input_size)
        lines->input_at = lines->input_size = 0;
    do {
        n = read(lines->fd, lines->input + lines->input_size, CHUNK - lines->input_size);
    } while (n < 0 && errno == EINTR);
    if (n < 0)
        return io_fail(lines, "cannot read");
    if (n == 0)
        lines->input_end = true;
    lines->input_size += (size_t)n;
    return CLSEQ_OK;
}

static bool gzip_header(const clseq_lines *lines)
{
    return lines->input_size - lines->input_at >= 2 && lines->input[lines->input_at] == 0x1f &&
           lines->input[lines->input_at + 1] == 0x8b;
}

static clseq_status start(clseq_lines *lines)
{
    do {
        CLSEQ_TRY(read_input(lines));
        /* A single byte decides nothing only if a gzip file can begin with it. */
    } while (!lines->input_end && lines->input_size == 1 && lines->input[0] == 0x1f);
    lines->gzip = gzip_header(lines);
    lines->member_end = false;
    lines->started = true;
    if (!lines->gzip)
        return CLSEQ_OK;
    if (lines->inflate_ready)
        return inflateReset(&lines->z) == Z_OK
                   ? CLSEQ_OK
                   : clseq_fail(lines->ctx, CLSEQ_ERR_INTERNAL, "%s: inflateReset", lines->name);
    if (inflateInit2(&lines->z, 16 + MAX_WBITS) != Z_OK)
        return clseq_fail(lines->ctx, CLSEQ_ERR_NOMEM, "%s: no memory to decompress it",
                          lines->name);
    lines->inflate_ready = true;
    return CLSEQ_OK;
}

static clseq_status damaged(clseq_lines *lines, const char *why)
{
    return clseq_fail(
        lines->ctx, CLSEQ_ERR_DATA,
        "%s: damaged gzip file after line %llu: %s; check it with gzip -t, fetch or make "
        "it again",
        lines->name, (unsigned long long)lines->number, why);
}

/* Behind the end of a member: another member, zeros to fill a block, or the end of the file. */
static clseq_status next_member(clseq_lines *lines)
{
    while (!lines->input_end) {
        while (lines->input_at < lines->input_size && lines->input[lines->input_at] == 0)
            lines->input_at++;
        if (lines->input_size - lines->input_at >= 2)
            break;
        if (lines->input_at > 0 && lines->input_at < lines->input_size) {
            lines->input[0] = lines->input[lines->input_at];
            lines->input_at = 0;
            lines->input_size = 1;
        }
        CLSEQ_TRY(read_input(lines));
    }
    while (lines->input_at < lines->input_size && lines->input[lines->input_at] == 0)
        lines->input_at++;
    if (lines->input_at == lines->input_size) {
        lines->text_end = true;
        return CLSEQ_OK;
    }
    if (!gzip_header(lines))
        return damaged(lines, "something else follows the compressed data");
    if (inflateReset(&lines->z) != Z_OK)
        return clseq_fail(lines->ctx, CLSEQ_ERR_INTERNAL, "%s: inflateReset", lines->name);
    lines->member_end = false;
    return CLSEQ_OK;
}

/* Decompress at most CHUNK bytes to the end of the buffer, which has room for them. */
static clseq_status inflate_some(clseq_lines *lines)
{
    z_stream *z = &lines->z;
    int code;

    if (lines->member_end) {
        CLSEQ_TRY(next_member(lines));
        if (lines->text_end)
            return CLSEQ_OK;
    }
    if (lines->input_at == lines->input_size && !lines->input_end)
        CLSEQ_TRY(read_input(lines));
    z->next_in = lines->input + lines->input_at;
    z->avail_in = (unsigned)(lines->input_size - lines->input_at);
    z->next_out = (unsigned char *)lines->buffer + lines->end;
    z->avail_out = CHUNK;
    code = inflate(z, Z_NO_FLUSH);
    lines->input_at = lines->input_size - z->avail_in;
    lines->end += CHUNK - z->avail_out;
    if (code == Z_STREAM_END) {
        lines->member_end = true;
        return CLSEQ_OK;
    }
    if (code == Z_MEM_ERROR)
        return clseq_fail(lines->ctx, CLSEQ_ERR_NOMEM, "%s: no memory to decompress it",
                          lines->name);
    if (code != Z_OK && code != Z_BUF_ERROR)
        return damaged(lines, z->msg ? z->msg : "bad data");
    if (lines->input_end && lines->input_at == lines->input_size && z->avail_out == CHUNK)
        return damaged(lines, "it ends in the middle");
    return CLSEQ_OK;
}

/* Add text to the buffer, or find the end of the text. */
static clseq_status fill(clseq_lines *lines)
{
    if (!lines->started)
        CLSEQ_TRY(start(lines));
    if (lines->start > 0) {
        memmove(lines->buffer, lines->buffer + lines->start, lines->end - lines->start);
        lines->end -= lines->start;
        lines->searched -= lines->start;
        lines->start = 0;
    }
    /* One byte more than the text, for the 0 behind a last line without an end. */
    CLSEQ_TRY(clseq_grow(lines->ctx, &lines->buffer, &lines->capacity, lines->end + CHUNK + 1, 1,
                         "line of text"));
    if (lines->gzip)
        return inflate_some(lines);
    if (lines->input_at == lines->input_size && !lines->input_end)
        CLSEQ_TRY(read_input(lines));
    memcpy(lines->buffer + lines->end, lines->input + lines->input_at,
           lines->input_size - lines->input_at);
    lines->end += lines->input_size - lines->input_at;
    lines->input_at = lines->input_size;
    if (lines->input_end)
        lines->text_end = true;
    return CLSEQ_OK;
}

/* Position of the next line end, or of the end of the text; *ret is false when there is no line. */
static clseq_status find_line(clseq_lines *lines, size_t *line_end, bool *ret)
{
    for (;;) {
        const size_t left = lines->end - lines->searched;
        const char *newline = left ? memchr(lines->buffer + lines->searched, '\n', left) : NULL;

        if (newline) {
            *line_end = (size_t)(newline - lines->buffer);
            *ret = true;
            return CLSEQ_OK;
        }
        lines->searched = lines->end;
        if (lines->text_end) {
            *line_end = lines->end;
            *ret = lines->end > lines->start;
            return CLSEQ_OK;
        }
        /* 4: the carriage return and the byte order mark do not count. */
        if (lines->end - lines->start > lines->limit + 4)
            return clseq_fail(lines->ctx, CLSEQ_ERR_DATA,
                              "%s:%llu: the line is longer than the limit of %zu bytes; put one "
                              "sentence on a line (are there line ends in this file?)",
                              lines->name, (unsigned long long)lines->number + 1, lines->limit);
        CLSEQ_TRY(fill(lines));
    }
}

static clseq_status check_line(clseq_lines *lines, const char *line, size_t length)
{
    const unsigned long long number = lines->number + 1;
    const size_t valid = clseq_utf8_valid_prefix(line, length);
    const char *nul = memchr(line, 0, valid);

    if (length > lines->limit)
        return clseq_fail(
            lines->ctx, CLSEQ_ERR_DATA,
            "%s:%llu: the line has %zu bytes, the limit is %zu; put one sentence on a "
            "line",
            lines->name, number, length, lines->limit);
    if (nul)
        return clseq_fail(
            lines->ctx, CLSEQ_ERR_DATA,
            "%s:%llu: byte %zu is NUL, so this is no UTF-8 text file; if it is UTF-16, "
            "convert it: iconv -f UTF-16 -t UTF-8",
            lines->name, number, (size_t)(nul - line) + 1);
    if (valid == length)
        return CLSEQ_OK;
    if (number == 1 && valid == 0 && length >= 2 &&
        (memcmp(line, "\xff\xfe", 2) == 0 || memcmp(line, "\xfe\xff", 2) == 0))
        return clseq_fail(
            lines->ctx, CLSEQ_ERR_DATA,
            "%s:1: byte 1: this is UTF-16 text, clseq reads UTF-8; convert it: iconv -f "
            "UTF-16 -t UTF-8",
            lines->name);
    return clseq_fail(
        lines->ctx, CLSEQ_ERR_DATA,
        "%s:%llu: byte %zu (0x%02x) is not valid UTF-8; convert the file, for example "
        "with iconv -f ISO-8859-1 -t UTF-8, or remove the line",
        lines->name, number, valid + 1, (unsigned char)line[valid]);
}

clseq_status clseq_lines_next(clseq_lines *lines, const char **line, size_t *length, bool *more)
{
    size_t line_end = 0, next;
    char *text;
    bool found = false;

    CLSEQ_TRY(find_line(lines, &line_end, &found));
    if (found && lines->number == 0 && line_end - lines->start >= 3 &&
        memcmp(lines->buffer + lines->start, "\xef\xbb\xbf", 3) == 0) {
        lines->start += 3;
        found = line_end < lines->end || line_end > lines->start;
    }
    if (!found) {
        *more = false;
        return CLSEQ_OK;
    }
    next = line_end < lines->end ? line_end + 1 : line_end;
    if (line_end < lines->end && line_end > lines->start && lines->buffer[line_end - 1] == '\r')
        line_end--;
    text = lines->buffer + lines->start;
    CLSEQ_TRY(check_line(lines, text, line_end - lines->start));
    text[line_end - lines->start] = 0;
    *line = text;
    *length = line_end - lines->start;
    *more = true;
    lines->start = lines->searched = next;
    lines->number++;
    return CLSEQ_OK;
}

clseq_status clseq_lines_count_rest(clseq_lines *lines, uint64_t *ret)
{
    uint64_t count = 0;
    bool tail = false; /* something stands behind the last line end */

    for (;;) {
        for (; lines->start < lines->end; lines->start++) {
            tail = lines->buffer[lines->start] != '\n';
            count += !tail;
        }
        lines->searched = lines->start;
        if (lines->text_end)
            break;
        CLSEQ_TRY(fill(lines));
    }
    *ret = count + tail;
    return CLSEQ_OK;
}

clseq_status clseq_lines_rewind(clseq_lines *lines)
{
    if (!lines->seekable)
        return clseq_fail(
            lines->ctx, CLSEQ_ERR_DATA,
            "%s can be read only once (a pipe or terminal), and it is needed again: save "
            "it to a file first",
            lines->name);
    if (lseek(lines->fd, 0, SEEK_SET) != 0)
        return io_fail(lines, "cannot read it again");
    lines->input_at = lines->input_size = 0;
    lines->start = lines->end = lines->searched = 0;
    lines->input_end = lines->text_end = lines->started = false;
    lines->number = 0;
    return CLSEQ_OK;
}

bool clseq_lines_can_rewind(const clseq_lines *lines)
{
    return lines->seekable;
}

const char *clseq_lines_name(const clseq_lines *lines)
{
    return lines->name;
}

uint64_t clseq_lines_number(const clseq_lines *lines)
{
    return lines->number;
}
