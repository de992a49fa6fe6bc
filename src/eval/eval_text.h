/* SPDX-License-Identifier: BSD-2-Clause */
/* Lines of text for the metrics: UTF-8 check, white space, lower case. */
#ifndef CLSEQ_EVAL_TEXT_H
#define CLSEQ_EVAL_TEXT_H

#include "base/base.h"
#include "data/utf8.h"

/* A string that grows: `size` bytes and one 0 behind them. Zero-initialise; release `s` with
 * free(). Once set, s is never NULL. */
typedef struct clseq_eval_text {
    char *s;
    size_t size;
    size_t capacity;
} clseq_eval_text;

/* Room for `factor` * n + extra bytes and the final 0. */
CLSEQ_MUST_CHECK clseq_status clseq_eval_text_reserve(clseq_context *ctx, clseq_eval_text *text,
                                                      size_t n, size_t factor, size_t extra);

/* Copy a C string after checking that it is UTF-8. Errors: CLSEQ_ERR_DATA with byte and value. */
CLSEQ_MUST_CHECK clseq_status clseq_eval_text_set(clseq_context *ctx, clseq_eval_text *text,
                                                  const char *s);

/* Lower-case as Python's str.lower() does: the full Unicode mapping, U+03A3 by its place in the
 * word. `spare` is scratch; the two are swapped. */
CLSEQ_MUST_CHECK clseq_status clseq_eval_text_lower(clseq_context *ctx, clseq_eval_text *text,
                                                    clseq_eval_text *spare);

/* Cut white space at the end. */
void clseq_eval_text_strip_end(clseq_eval_text *text);

void clseq_eval_text_swap(clseq_eval_text *a, clseq_eval_text *b);

/* The code point at s[at] of a checked text and how many bytes it has. */
static inline int32_t clseq_eval_text_code(const char *s, size_t at, size_t *bytes)
{
    size_t next = at;
    const int32_t code = clseq_utf8_next(s, &next);

    *bytes = next - at;
    return code;
}

/* The next token at or after *at, *at moving behind it: start in *token, length returned; 0 at the
 * end of the text. Tokens stand between white space (clseq_is_space()). */
size_t clseq_eval_text_next_token(const clseq_eval_text *text, size_t *at, const char **token);

#endif
