/* SPDX-License-Identifier: BSD-2-Clause */
#include "eval/ter_tokenize.h"

#include "eval/eval_tokenize.h"

#include <string.h>

static bool between(int32_t code, int32_t low, int32_t high)
{
    return code >= low && code <= high;
}

/* Ideographs, their radicals and strokes, enclosed and compatibility forms. */
static bool ideograph(int32_t code)
{
    return between(code, 0x2e80, 0x2eff) || between(code, 0x31c0, 0x31ef) ||
           between(code, 0x3200, 0x4dbf) || between(code, 0x4e00, 0x9fff) ||
           between(code, 0xf900, 0xfaff) || between(code, 0xfe30, 0xfe4f);
}

/* Ideographic stops and brackets, the halfwidth ones, the middle dot; then the fullwidth forms of
 * . , ? : ; ! " ( ) */
static bool asian_punctuation(int32_t code)
{
    return code == 0x3001 || code == 0x3002 || between(code, 0x3008, 0x3011) ||
           between(code, 0x3014, 0x301f) || between(code, 0xff61, 0xff65) || code == 0x30fb ||
           code == 0xff0e || code == 0xff0c || code == 0xff1f || code == 0xff1a || code == 0xff1b ||
           code == 0xff01 || code == 0xff02 || code == 0xff08 || code == 0xff09;
}

static bool apart(int32_t code)
{
    return ideograph(code) || asian_punctuation(code);
}

static bool punctuation(int32_t code)
{
    return code > 0 && code < 0x80 && strchr(".,?:;!\"()", (char)code);
}

/* Spaces around every code point of a class, or nothing in its place. */
static clseq_status part_class(clseq_context *ctx, clseq_eval_text *text, clseq_eval_text *spare,
                               bool (*in_class)(int32_t), bool keep)
{
    size_t bytes, n = 0;

    CLSEQ_TRY(clseq_eval_text_reserve(ctx, spare, text->size, 3, 0));
    for (size_t i = 0; i < text->size; i += bytes) {
        const bool found = in_class(clseq_eval_text_code(text->s, i, &bytes));

        if (found && !keep)
            continue;
        if (found)
            spare->s[n++] = ' ';
        memcpy(spare->s + n, text->s + i, bytes);
        n += bytes;
        if (found)
            spare->s[n++] = ' ';
    }
    spare->s[n] = 0;
    spare->size = n;
    clseq_eval_text_swap(text, spare);
    return CLSEQ_OK;
}

/* A possessive 's before a space stands apart. */
static clseq_status part_possessives(clseq_context *ctx, clseq_eval_text *text,
                                     clseq_eval_text *spare)
{
    size_t n = 0;

    CLSEQ_TRY(clseq_eval_text_reserve(ctx, spare, text->size, 2, 0));
    for (size_t i = 0; i < text->size; i++) {
        if (!strncmp(text->s + i, "'s ", 3))
            spare->s[n++] = ' ';
        spare->s[n++] = text->s[i];
    }
    spare->s[n] = 0;
    spare->size = n;
    clseq_eval_text_swap(text, spare);
    return CLSEQ_OK;
}

static clseq_status remove_punctuation(clseq_context *ctx, const clseq_ter_options *options,
                                       clseq_eval_text *text, clseq_eval_text *spare)
{
    CLSEQ_TRY(part_class(ctx, text, spare, punctuation, false));
    if (options->asian_support)
        CLSEQ_TRY(part_class(ctx, text, spare, asian_punctuation, false));
    return CLSEQ_OK;
}

static clseq_status normalize(clseq_context *ctx, const clseq_ter_options *options,
                              clseq_eval_text *text, clseq_eval_text *spare)
{
    clseq_eval_text_replace(text, "\n-", "");
    clseq_eval_text_replace(text, "\n", " ");
    clseq_eval_text_unescape(text);
    CLSEQ_TRY(clseq_eval_text_part_punctuation(ctx, text, spare));
    CLSEQ_TRY(part_possessives(ctx, text, spare));
    CLSEQ_TRY(clseq_eval_text_part_stops(ctx, text, spare));
    /* Kana stay together: the rules for them ask for kana before the space at the line start. */
    if (options->asian_support)
        CLSEQ_TRY(part_class(ctx, text, spare, apart, true));
    return CLSEQ_OK;
}

clseq_status clseq_ter_tokenize(clseq_context *ctx, const clseq_ter_options *options,
                                bool is_reference, clseq_eval_text *text, clseq_eval_text *spare)
{
    clseq_eval_text_strip_end(text);
    if (!options->case_sensitive)
        CLSEQ_TRY(clseq_eval_text_lower(ctx, text, spare));
    if (options->normalized)
        CLSEQ_TRY(normalize(ctx, options, text, spare));
    if (options->no_punct)
        CLSEQ_TRY(remove_punctuation(ctx, options, text, spare));
    clseq_eval_text_single_spaces(text);
    if (!is_reference || !options->normalized || text->size == 0)
        return CLSEQ_OK;
    /* The other steps change nothing the second time. */
    CLSEQ_TRY(normalize(ctx, options, text, spare));
    if (options->no_punct)
        CLSEQ_TRY(remove_punctuation(ctx, options, text, spare));
    return CLSEQ_OK;
}
