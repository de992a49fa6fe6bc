/* SPDX-License-Identifier: BSD-2-Clause */
#include "eval/eval_text.h"

#include <stdlib.h>
#include <string.h>
#include <utf8proc.h>

#define SIGMA_CAPITAL 0x3a3
#define SIGMA_SMALL   0x3c3
#define SIGMA_FINAL   0x3c2

clseq_status clseq_eval_text_reserve(clseq_context *ctx, clseq_eval_text *text, size_t n,
                                     size_t factor, size_t extra)
{
    size_t need;

    if (!clseq_mul_size(n, factor, &need) || !clseq_add_size(need, extra, &need) ||
        !clseq_add_size(need, 1, &need))
        return clseq_fail(ctx, CLSEQ_ERR_NOMEM, "a line of %zu bytes does not fit in memory", n);
    return clseq_grow(ctx, &text->s, &text->capacity, need, 1, "line of text");
}

clseq_status clseq_eval_text_set(clseq_context *ctx, clseq_eval_text *text, const char *s)
{
    const size_t size = strlen(s);
    const size_t valid = clseq_utf8_valid_prefix(s, size);

    if (valid < size)
        return clseq_fail(ctx, CLSEQ_ERR_DATA,
                          "byte %zu (0x%02x) is not valid UTF-8; scores are defined on Unicode "
                          "text, so convert the file to UTF-8 first (iconv)",
                          valid + 1, (unsigned)(unsigned char)s[valid]);
    CLSEQ_TRY(clseq_eval_text_reserve(ctx, text, size, 1, 0));
    memcpy(text->s, s, size + 1);
    text->size = size;
    return CLSEQ_OK;
}

void clseq_eval_text_swap(clseq_eval_text *a, clseq_eval_text *b)
{
    const clseq_eval_text t = *a;

    *a = *b;
    *b = t;
}

static bool between(int32_t code, int32_t low, int32_t high)
{
    return code >= low && code <= high;
}

/* Property Case_Ignorable (Unicode standard, section 3.13): five categories, and the Word_Break
 * classes MidLetter, MidNumLet and Single_Quote. */
static bool case_ignorable(int32_t code)
{
    switch (code) {
    case 0x27:
    case 0x2e:
    case 0x3a:
    case 0xb7:
    case 0x387:
    case 0x55f:
    case 0x5f4:
    case 0x2018:
    case 0x2019:
    case 0x2024:
    case 0x2027:
    case 0xfe13:
    case 0xfe52:
    case 0xfe55:
    case 0xff07:
    case 0xff0e:
    case 0xff1a:
        return true;
    default:
        break;
    }
    switch (utf8proc_category(code)) {
    case UTF8PROC_CATEGORY_MN:
    case UTF8PROC_CATEGORY_ME:
    case UTF8PROC_CATEGORY_CF:
    case UTF8PROC_CATEGORY_LM:
    case UTF8PROC_CATEGORY_SK:
        return true;
    default:
        return false;
    }
}

/* Property Cased, for code points that are not Case_Ignorable: the letter categories, and
 * Other_Uppercase and Other_Lowercase outside them. */
static bool cased(int32_t code)
{
    switch (utf8proc_category(code)) {
    case UTF8PROC_CATEGORY_LU:
    case UTF8PROC_CATEGORY_LL:
    case UTF8PROC_CATEGORY_LT:
        return true;
    default:
        return code == 0xaa || code == 0xba || between(code, 0x2160, 0x217f) ||
               between(code, 0x24b6, 0x24e9) || between(code, 0x1f130, 0x1f149) ||
               between(code, 0x1f150, 0x1f169) || between(code, 0x1f170, 0x1f189);
    }
}

/* Does the capital sigma at text[at] end a word: a cased letter before it and none behind it,
 * whatever case-ignorable marks stand between? */
static bool sigma_is_final(const clseq_eval_text *text, size_t at)
{
    size_t i = at, bytes;
    bool before = false;

    while (i > 0) {
        int32_t code;

        do
            i--;
        while (((unsigned char)text->s[i] & 0xc0) == 0x80);
        code = clseq_eval_text_code(text->s, i, &bytes);
        if (!case_ignorable(code)) {
            before = cased(code);
            break;
        }
    }
    if (!before)
        return false;
    for (i = at + 2; i < text->size; i += bytes) {
        const int32_t code = clseq_eval_text_code(text->s, i, &bytes);

        if (!case_ignorable(code))
            return !cased(code);
    }
    return true;
}

clseq_status clseq_eval_text_lower(clseq_context *ctx, clseq_eval_text *text,
                                   clseq_eval_text *spare)
{
    size_t bytes, n = 0;

    /* The largest growth is from 2 bytes to 3. */
    CLSEQ_TRY(clseq_eval_text_reserve(ctx, spare, text->size, 2, 4));
    for (size_t i = 0; i < text->size; i += bytes) {
        int32_t code = clseq_eval_text_code(text->s, i, &bytes);

        if (code < 0x80) {
            spare->s[n++] = (char)(code >= 'A' && code <= 'Z' ? code + ('a' - 'A') : code);
            continue;
        }
        if (code == 0x130) {
            /* The one code point that becomes two: i and a dot above. */
            memcpy(spare->s + n, "i\xcc\x87", 3);
            n += 3;
            continue;
        }
        if (code == SIGMA_CAPITAL)
            code = sigma_is_final(text, i) ? SIGMA_FINAL : SIGMA_SMALL;
        else
            code = utf8proc_tolower(code);
        n += (size_t)utf8proc_encode_char(code, (utf8proc_uint8_t *)spare->s + n);
    }
    spare->s[n] = 0;
    spare->size = n;
    clseq_eval_text_swap(text, spare);
    return CLSEQ_OK;
}

void clseq_eval_text_strip_end(clseq_eval_text *text)
{
    while (text->size > 0) {
        size_t i = text->size - 1, bytes;

        while (((unsigned char)text->s[i] & 0xc0) == 0x80)
            i--;
        if (!clseq_is_space(clseq_eval_text_code(text->s, i, &bytes)))
            break;
        text->size = i;
    }
    text->s[text->size] = 0;
}

size_t clseq_eval_text_next_token(const clseq_eval_text *text, size_t *at, const char **token)
{
    size_t i = *at, bytes, start;

    while (i < text->size && clseq_is_space(clseq_eval_text_code(text->s, i, &bytes)))
        i += bytes;
    start = i;
    while (i < text->size && !clseq_is_space(clseq_eval_text_code(text->s, i, &bytes)))
        i += bytes;
    *token = text->s + start;
    *at = i;
    return i - start;
}
