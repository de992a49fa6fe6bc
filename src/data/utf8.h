/* SPDX-License-Identifier: BSD-2-Clause */
/* UTF-8 checking, Unicode white space, and bringing text to one normal form. */
#ifndef CLSEQ_UTF8_H
#define CLSEQ_UTF8_H

#include "base/base.h"

/* More combining marks on one character than this are refused: ordering them costs quadratic time,
 * and no writing system comes near it. */
#define CLSEQ_COMBINING_MAX 256

/* Number of bytes before the first one that is not part of valid UTF-8 (RFC 3629: no overlong
 * forms, no surrogates, nothing above U+10FFFF); `n` when all is well. NUL counts as valid. */
size_t clseq_utf8_valid_prefix(const char *text, size_t n);

/* Length in bytes of the code point that a text of n > 0 bytes begins with; 0 when it is not valid
 * UTF-8. */
size_t clseq_utf8_sequence(const char *text, size_t n);

/* The code point at text[*at], which must be valid UTF-8; *at moves behind it. */
static inline int32_t clseq_utf8_next(const char *text, size_t *at)
{
    const unsigned char *p = (const unsigned char *)text + *at;

    if (p[0] < 0x80) {
        *at += 1;
        return p[0];
    }
    if (p[0] < 0xe0) {
        *at += 2;
        return ((p[0] & 0x1f) << 6) | (p[1] & 0x3f);
    }
    if (p[0] < 0xf0) {
        *at += 3;
        return ((p[0] & 0x0f) << 12) | ((p[1] & 0x3f) << 6) | (p[2] & 0x3f);
    }
    *at += 4;
    return ((p[0] & 0x07) << 18) | ((p[1] & 0x3f) << 12) | ((p[2] & 0x3f) << 6) | (p[3] & 0x3f);
}

/* White space of Python's str.split(). */
bool clseq_is_space(int32_t point);

/* Scratch memory of clseq_normalize(); start from { 0 }. */
typedef struct clseq_normalizer {
    int32_t *points;
    size_t points_capacity;
    char *bytes;
    size_t bytes_capacity;
} clseq_normalizer;

void clseq_normalizer_fini(clseq_normalizer *normalizer);

/* Text in lower case (if asked) and in normal form C. `text` must not hold line ends. *ret is
 * `text` itself when nothing changes, else it belongs to the normalizer and is valid until its next
 * use. Errors: CLSEQ_ERR_DATA (not UTF-8, too many combining marks), CLSEQ_ERR_NOMEM. */
CLSEQ_MUST_CHECK clseq_status clseq_normalize(clseq_context *ctx, clseq_normalizer *normalizer,
                                              bool lowercase, const char *text, size_t n,
                                              const char **ret, size_t *ret_n);

#endif
