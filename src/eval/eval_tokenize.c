/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The tokenizers are defined as a chain of substitutions, each over the whole line, left to right,
 * matches not overlapping. A later one sees the spaces an earlier one put in, so each is one pass
 * here too. The passes of 13a look for ASCII only and may therefore go byte by byte: a byte of a
 * longer code point is "not a digit" as the code point is.
 */
#include "eval/eval_tokenize.h"

#include <stdlib.h>
#include <string.h>
#include <utf8proc.h>

const char *clseq_eval_tokenizer_name(clseq_eval_tokenizer kind)
{
    switch (kind) {
#define X(name, number, word)                                                                      \
    case CLSEQ_EVAL_TOKENIZER_##name:                                                              \
        return word;
        CLSEQ_EVAL_TOKENIZER_MAP(X)
#undef X
    }
    return "unknown";
}

clseq_status clseq_eval_tokenizer_find(clseq_context *ctx, const char *name,
                                       clseq_eval_tokenizer *ret)
{
#define X(label, number, word)                                                                     \
    if (!strcmp(name, word)) {                                                                     \
        *ret = CLSEQ_EVAL_TOKENIZER_##label;                                                       \
        return CLSEQ_OK;                                                                           \
    }
    CLSEQ_EVAL_TOKENIZER_MAP(X)
#undef X
    return clseq_fail(ctx, CLSEQ_ERR_ARG,
                      "unknown tokenizer \"%s\"; known ones: 13a, intl, char, none", name);
}

void clseq_eval_text_replace(clseq_eval_text *text, const char *from, const char *to)
{
    const size_t from_size = strlen(from), to_size = strlen(to);
    char *read = text->s, *write = text->s, *found;

    while ((found = strstr(read, from)) != NULL) {
        const size_t kept = (size_t)(found - read);

        memmove(write, read, kept);
        memcpy(write + kept, to, to_size);
        write += kept + to_size;
        read = found + from_size;
    }
    memmove(write, read, strlen(read) + 1);
    text->size = (size_t)(write - text->s) + strlen(write);
}

void clseq_eval_text_unescape(clseq_eval_text *text)
{
    clseq_eval_text_replace(text, "&quot;", "\"");
    clseq_eval_text_replace(text, "&amp;", "&");
    clseq_eval_text_replace(text, "&lt;", "<");
    clseq_eval_text_replace(text, "&gt;", ">");
}

/* Never longer than before, so in place. */
void clseq_eval_text_single_spaces(clseq_eval_text *text)
{
    size_t at = 0, n = 0, size;
    const char *token;

    while ((size = clseq_eval_text_next_token(text, &at, &token)) > 0) {
        if (n)
            text->s[n++] = ' ';
        memmove(text->s + n, token, size);
        n += size;
    }
    text->s[n] = 0;
    text->size = n;
}

static bool digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool not_digit(char c)
{
    return !digit(c);
}

static bool dash(char c)
{
    return c == '-';
}

static bool stop(char c)
{
    return c == '.' || c == ',';
}

/* ASCII punctuation and symbols, except ' , - . which need their neighbours. */
static bool always_apart(char c)
{
    return (c >= '{' && c <= '~') || (c >= '[' && c <= '`') || (c >= ' ' && c <= '&') ||
           (c >= '(' && c <= '+') || (c >= ':' && c <= '@') || c == '/';
}

clseq_status clseq_eval_text_part_punctuation(clseq_context *ctx, clseq_eval_text *text,
                                              clseq_eval_text *spare)
{
    size_t n = 0;

    CLSEQ_TRY(clseq_eval_text_reserve(ctx, spare, text->size, 3, 6));
    spare->s[n++] = ' ';
    for (size_t i = 0; i < text->size; i++) {
        const char c = text->s[i];

        if (always_apart(c)) {
            spare->s[n++] = ' ';
            spare->s[n++] = c;
            spare->s[n++] = ' ';
        } else {
            spare->s[n++] = c;
        }
    }
    spare->s[n++] = ' ';
    spare->s[n] = 0;
    spare->size = n;
    clseq_eval_text_swap(text, spare);
    return CLSEQ_OK;
}

/* Where a byte of class `first` is followed by one of class `second`, put spaces around the first
 * of the two or around the second; then go on behind both. */
static clseq_status part_pairs(clseq_context *ctx, clseq_eval_text *text, clseq_eval_text *spare,
                               bool (*first)(char), bool (*second)(char), bool first_apart)
{
    size_t n = 0;

    CLSEQ_TRY(clseq_eval_text_reserve(ctx, spare, text->size, 2, 0));
    for (size_t i = 0; i < text->size; i++) {
        const char c = text->s[i];
        const bool pair = i + 1 < text->size && first(c) && second(text->s[i + 1]);

        if (pair && first_apart)
            spare->s[n++] = ' ';
        spare->s[n++] = c;
        if (!pair)
            continue;
        spare->s[n++] = ' ';
        spare->s[n++] = text->s[++i];
        if (!first_apart)
            spare->s[n++] = ' ';
    }
    spare->s[n] = 0;
    spare->size = n;
    clseq_eval_text_swap(text, spare);
    return CLSEQ_OK;
}

clseq_status clseq_eval_text_part_stops(clseq_context *ctx, clseq_eval_text *text,
                                        clseq_eval_text *spare)
{
    CLSEQ_TRY(part_pairs(ctx, text, spare, not_digit, stop, false));
    CLSEQ_TRY(part_pairs(ctx, text, spare, stop, not_digit, true));
    return part_pairs(ctx, text, spare, digit, dash, false);
}

static clseq_status tokenize_13a(clseq_context *ctx, clseq_eval_text *text, clseq_eval_text *spare)
{
    clseq_eval_text_replace(text, "<skipped>", "");
    clseq_eval_text_replace(text, "-\n", "");
    clseq_eval_text_replace(text, "\n", " ");
    clseq_eval_text_unescape(text);
    CLSEQ_TRY(clseq_eval_text_part_punctuation(ctx, text, spare));
    CLSEQ_TRY(clseq_eval_text_part_stops(ctx, text, spare));
    clseq_eval_text_single_spaces(text);
    return CLSEQ_OK;
}

static bool number(int32_t code)
{
    switch (utf8proc_category(code)) {
    case UTF8PROC_CATEGORY_ND:
    case UTF8PROC_CATEGORY_NL:
    case UTF8PROC_CATEGORY_NO:
        return true;
    default:
        return false;
    }
}

static bool punctuation(int32_t code)
{
    switch (utf8proc_category(code)) {
    case UTF8PROC_CATEGORY_PC:
    case UTF8PROC_CATEGORY_PD:
    case UTF8PROC_CATEGORY_PS:
    case UTF8PROC_CATEGORY_PE:
    case UTF8PROC_CATEGORY_PI:
    case UTF8PROC_CATEGORY_PF:
    case UTF8PROC_CATEGORY_PO:
        return true;
    default:
        return false;
    }
}

static bool symbol(int32_t code)
{
    switch (utf8proc_category(code)) {
    case UTF8PROC_CATEGORY_SM:
    case UTF8PROC_CATEGORY_SC:
    case UTF8PROC_CATEGORY_SK:
    case UTF8PROC_CATEGORY_SO:
        return true;
    default:
        return false;
    }
}

static bool not_number(int32_t code)
{
    return !number(code);
}

/* Where a code point of class `first` is followed by one of class `second`, put spaces before,
 * between and behind the two as asked; then go on behind both. */
static clseq_status split_pairs(clseq_context *ctx, const clseq_eval_text *from,
                                clseq_eval_text *to, bool (*first)(int32_t),
                                bool (*second)(int32_t), bool before, bool behind)
{
    size_t bytes, next_bytes, n = 0;

    CLSEQ_TRY(clseq_eval_text_reserve(ctx, to, from->size, 2, 0));
    for (size_t i = 0; i < from->size; i += bytes) {
        const int32_t code = clseq_eval_text_code(from->s, i, &bytes);
        const bool pair = i + bytes < from->size && first(code) &&
                          second(clseq_eval_text_code(from->s, i + bytes, &next_bytes));

        if (pair && before)
            to->s[n++] = ' ';
        memcpy(to->s + n, from->s + i, bytes);
        n += bytes;
        if (!pair)
            continue;
        to->s[n++] = ' ';
        memcpy(to->s + n, from->s + i + bytes, next_bytes);
        n += next_bytes;
        bytes += next_bytes;
        if (behind)
            to->s[n++] = ' ';
    }
    to->s[n] = 0;
    to->size = n;
    return CLSEQ_OK;
}

static clseq_status tokenize_intl(clseq_context *ctx, clseq_eval_text *text, clseq_eval_text *spare)
{
    size_t bytes, n = 0;

    CLSEQ_TRY(split_pairs(ctx, text, spare, not_number, punctuation, false, true));
    CLSEQ_TRY(split_pairs(ctx, spare, text, punctuation, not_number, true, false));
    CLSEQ_TRY(clseq_eval_text_reserve(ctx, spare, text->size, 3, 0));
    for (size_t i = 0; i < text->size; i += bytes) {
        const bool apart = symbol(clseq_eval_text_code(text->s, i, &bytes));

        if (apart)
            spare->s[n++] = ' ';
        memcpy(spare->s + n, text->s + i, bytes);
        n += bytes;
        if (apart)
            spare->s[n++] = ' ';
    }
    spare->s[n] = 0;
    spare->size = n;
    clseq_eval_text_swap(text, spare);
    clseq_eval_text_single_spaces(text);
    return CLSEQ_OK;
}

static clseq_status tokenize_char(clseq_context *ctx, clseq_eval_text *text, clseq_eval_text *spare)
{
    size_t bytes, n = 0;

    CLSEQ_TRY(clseq_eval_text_reserve(ctx, spare, text->size, 2, 0));
    for (size_t i = 0; i < text->size; i += bytes) {
        clseq_eval_text_code(text->s, i, &bytes);
        if (i > 0)
            spare->s[n++] = ' ';
        memcpy(spare->s + n, text->s + i, bytes);
        n += bytes;
    }
    spare->s[n] = 0;
    spare->size = n;
    clseq_eval_text_swap(text, spare);
    return CLSEQ_OK;
}

clseq_status clseq_eval_text_tokenize(clseq_context *ctx, clseq_eval_tokenizer kind,
                                      clseq_eval_text *text, clseq_eval_text *spare)
{
    clseq_eval_text_strip_end(text);
    switch (kind) {
    case CLSEQ_EVAL_TOKENIZER_13A:
        return tokenize_13a(ctx, text, spare);
    case CLSEQ_EVAL_TOKENIZER_INTL:
        return tokenize_intl(ctx, text, spare);
    case CLSEQ_EVAL_TOKENIZER_CHAR:
        return tokenize_char(ctx, text, spare);
    case CLSEQ_EVAL_TOKENIZER_NONE:
        return CLSEQ_OK;
    }
    return clseq_fail(ctx, CLSEQ_ERR_ARG,
                      "unknown tokenizer number %d; use a CLSEQ_EVAL_TOKENIZER_ constant",
                      (int)kind);
}

clseq_status clseq_eval_tokenize(clseq_context *ctx, clseq_eval_tokenizer kind, const char *text,
                                 char **ret)
{
    clseq_eval_text line = { 0 }, spare = { 0 };
    clseq_status status;

    CLSEQ_TRY_GOTO(status, out, clseq_eval_text_set(ctx, &line, text));
    CLSEQ_TRY_GOTO(status, out, clseq_eval_text_tokenize(ctx, kind, &line, &spare));
    *ret = line.s;
    line.s = NULL;
out:
    free(line.s);
    free(spare.s);
    return status;
}
