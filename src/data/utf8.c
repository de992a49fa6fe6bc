/* SPDX-License-Identifier: BSD-2-Clause */
#include "data/utf8.h"

#include <stdlib.h>
#include <string.h>

#include <utf8proc.h>

/* The bounds of the second byte are those of table 3-7 of the Unicode Standard. */
size_t clseq_utf8_sequence(const char *text, size_t left)
{
    const unsigned char *p = (const unsigned char *)text;
    unsigned low = 0x80, high = 0xbf;
    size_t length;

    if (p[0] < 0x80)
        return 1;
    if (p[0] >= 0xc2 && p[0] <= 0xdf) {
        length = 2;
    } else if (p[0] >= 0xe0 && p[0] <= 0xef) {
        length = 3;
        low = p[0] == 0xe0 ? 0xa0 : 0x80;
        high = p[0] == 0xed ? 0x9f : 0xbf;
    } else if (p[0] >= 0xf0 && p[0] <= 0xf4) {
        length = 4;
        low = p[0] == 0xf0 ? 0x90 : 0x80;
        high = p[0] == 0xf4 ? 0x8f : 0xbf;
    } else {
        return 0;
    }
    if (left < length || p[1] < low || p[1] > high)
        return 0;
    for (size_t i = 2; i < length; i++) {
        if ((p[i] & 0xc0) != 0x80)
            return 0;
    }
    return length;
}

size_t clseq_utf8_valid_prefix(const char *text, size_t n)
{
    size_t i = 0;

    while (i < n) {
        uint64_t eight;
        size_t length;

        if (n - i >= sizeof(eight)) {
            memcpy(&eight, text + i, sizeof(eight));
            if (!(eight & UINT64_C(0x8080808080808080))) {
                i += sizeof(eight);
                continue;
            }
        }
        length = clseq_utf8_sequence(text + i, n - i);
        if (length == 0)
            return i;
        i += length;
    }
    return n;
}

bool clseq_is_space(int32_t point)
{
    if (point < 0x80)
        return point == 0x20 || (point >= 0x09 && point <= 0x0d) ||
               (point >= 0x1c && point <= 0x1f);
    switch (point) {
    case 0x0085:
    case 0x00a0:
    case 0x1680:
    case 0x2028:
    case 0x2029:
    case 0x202f:
    case 0x205f:
    case 0x3000:
        return true;
    default:
        return point >= 0x2000 && point <= 0x200a;
    }
}

void clseq_normalizer_fini(clseq_normalizer *normalizer)
{
    free(normalizer->points);
    free(normalizer->bytes);
    *normalizer = (clseq_normalizer) { 0 };
}

/* Highest byte: below 0x80 the text is ASCII; below 0xcc it has no code point of U+0300 or above,
 * and all below are their own normal form C and never combine. */
static unsigned highest_byte(const char *text, size_t n)
{
    unsigned highest = 0;

    for (size_t i = 0; i < n; i++) {
        const unsigned char c = (unsigned char)text[i];

        highest = c > highest ? c : highest;
    }
    return highest;
}

static int combining_class(int32_t point)
{
    return utf8proc_get_property(point)->combining_class;
}

/* Canonical order: marks between two starters sorted by class, equal classes keep their order. */
static clseq_status order_marks(clseq_context *ctx, int32_t *points, size_t n)
{
    size_t run = 0; /* first mark of the run that i is in */

    for (size_t i = 0; i < n; i++) {
        const int32_t point = points[i];
        const int class = combining_class(point);
        size_t j = i;

        if (class == 0) {
            run = i + 1;
            continue;
        }
        if (i - run >= CLSEQ_COMBINING_MAX)
            return clseq_fail(
                ctx, CLSEQ_ERR_DATA,
                "more than %d combining marks on one character: this is no text in any "
                "writing system; remove the line",
                CLSEQ_COMBINING_MAX);
        for (; j > run && combining_class(points[j - 1]) > class; j--)
            points[j] = points[j - 1];
        points[j] = point;
    }
    return CLSEQ_OK;
}

static clseq_status to_points(clseq_context *ctx, clseq_normalizer *z, bool lowercase,
                              const char *text, size_t n, size_t *ret)
{
    const utf8proc_option_t options = UTF8PROC_STABLE | UTF8PROC_COMPOSE;
    size_t used = 0;

    for (size_t i = 0; i < n;) {
        const int32_t read = clseq_utf8_next(text, &i);
        const int32_t point = lowercase ? utf8proc_tolower(read) : read;
        utf8proc_ssize_t count;

        /* No code point decomposes into more than 4 in a canonical mapping; 16 leaves room. */
        CLSEQ_TRY(clseq_grow(ctx, &z->points, &z->points_capacity, used + 16, sizeof(*z->points),
                             "text line"));
        count = utf8proc_decompose_char(point, z->points + used, 16, options, NULL);
        if (count < 0 || count > 16)
            return clseq_fail(ctx, CLSEQ_ERR_INTERNAL, "U+%04X does not decompose",
                              (unsigned)point);
        used += (size_t)count;
    }
    *ret = used;
    return CLSEQ_OK;
}

static clseq_status compose(clseq_context *ctx, clseq_normalizer *z, size_t n, const char **ret,
                            size_t *ret_n)
{
    utf8proc_ssize_t count;
    size_t used = 0;

    CLSEQ_TRY(order_marks(ctx, z->points, n));
    count = utf8proc_normalize_utf32(z->points, (utf8proc_ssize_t)n,
                                     UTF8PROC_STABLE | UTF8PROC_COMPOSE);
    if (count < 0)
        return clseq_fail(ctx, CLSEQ_ERR_INTERNAL, "text does not compose: %s",
                          utf8proc_errmsg(count));
    CLSEQ_TRY(
        clseq_grow(ctx, &z->bytes, &z->bytes_capacity, 4 * (size_t)count + 1, 1, "text line"));
    for (size_t i = 0; i < (size_t)count; i++)
        used += (size_t)utf8proc_encode_char(z->points[i], (utf8proc_uint8_t *)z->bytes + used);
    z->bytes[used] = 0;
    *ret = z->bytes;
    *ret_n = used;
    return CLSEQ_OK;
}

clseq_status clseq_normalize(clseq_context *ctx, clseq_normalizer *normalizer, bool lowercase,
                             const char *text, size_t n, const char **ret, size_t *ret_n)
{
    const unsigned highest = highest_byte(text, n);
    size_t points = 0;

    if (highest >= 0x80) {
        const size_t valid = clseq_utf8_valid_prefix(text, n);

        if (valid < n)
            return clseq_fail(ctx, CLSEQ_ERR_DATA, "byte %zu (0x%02x) is not valid UTF-8",
                              valid + 1, (unsigned char)text[valid]);
    }
    if (highest < 0xcc && !lowercase) {
        *ret = text;
        *ret_n = n;
        return CLSEQ_OK;
    }
    if (highest < 0x80) {
        CLSEQ_TRY(clseq_grow(ctx, &normalizer->bytes, &normalizer->bytes_capacity, n + 1, 1,
                             "text line"));
        for (size_t i = 0; i < n; i++) {
            const char c = text[i];

            normalizer->bytes[i] = c >= 'A' && c <= 'Z' ? (char)(c + 32) : c;
        }
        normalizer->bytes[n] = 0;
        *ret = normalizer->bytes;
        *ret_n = n;
        return CLSEQ_OK;
    }
    CLSEQ_TRY(to_points(ctx, normalizer, lowercase, text, n, &points));
    return compose(ctx, normalizer, points, ret, ret_n);
}
