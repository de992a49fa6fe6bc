/* SPDX-License-Identifier: BSD-2-Clause */
#include "data/tokenize.h"

#include <stdlib.h>

/* Offsets are 32 bits, and normal form C can triple a text. */
#define TEXT_MAX ((size_t)1 << 30)

void clseq_tokenizer_init(clseq_tokenizer *tokenizer, clseq_context *ctx,
                          clseq_text_options options)
{
    *tokenizer = (clseq_tokenizer) { .ctx = ctx, .options = options };
}

void clseq_tokenizer_fini(clseq_tokenizer *tokenizer)
{
    clseq_normalizer_fini(&tokenizer->normalizer);
    free(tokenizer->spans);
    *tokenizer = (clseq_tokenizer) { 0 };
}

static clseq_status push(clseq_tokenizer *tokenizer, size_t begin, size_t end)
{
    CLSEQ_TRY(clseq_grow(tokenizer->ctx, &tokenizer->spans, &tokenizer->capacity,
                         tokenizer->count + 1, sizeof(*tokenizer->spans), "tokens of a line"));
    tokenizer->spans[tokenizer->count++] =
        (clseq_token_span) { .offset = (uint32_t)begin, .length = (uint32_t)(end - begin) };
    return CLSEQ_OK;
}

static clseq_status cut_words(clseq_tokenizer *tokenizer, const char *text, size_t n)
{
    size_t begin = 0, at = 0;

    while (at < n) {
        const size_t here = at;

        if (!clseq_is_space(clseq_utf8_next(text, &at)))
            continue;
        if (here > begin)
            CLSEQ_TRY(push(tokenizer, begin, here));
        begin = at;
    }
    return n > begin ? push(tokenizer, begin, n) : CLSEQ_OK;
}

static clseq_status cut_chars(clseq_tokenizer *tokenizer, const char *text, size_t n)
{
    size_t at = 0;

    while (at < n) {
        const size_t begin = at;

        clseq_utf8_next(text, &at);
        CLSEQ_TRY(push(tokenizer, begin, at));
    }
    return CLSEQ_OK;
}

clseq_status clseq_tokenizer_cut(clseq_tokenizer *tokenizer, const char *line, size_t length)
{
    const char *text;
    size_t n;

    if (length > TEXT_MAX)
        return clseq_fail(
            tokenizer->ctx, CLSEQ_ERR_LIMIT,
            "a line of %zu bytes is longer than the limit of %zu: put one sentence on "
            "a line",
            length, TEXT_MAX);
    CLSEQ_TRY(clseq_normalize(tokenizer->ctx, &tokenizer->normalizer, tokenizer->options.lowercase,
                              line, length, &text, &n));
    tokenizer->text = text;
    tokenizer->count = 0;
    return tokenizer->options.unit == CLSEQ_UNIT_CHAR ? cut_chars(tokenizer, text, n)
                                                      : cut_words(tokenizer, text, n);
}
