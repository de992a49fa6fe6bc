/* SPDX-License-Identifier: BSD-2-Clause */
#include "data/base64.h"

#include "data/text_append.h"

static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

clseq_status clseq_base64_encode(clseq_context *ctx, const void *data, size_t size, clseq_text *ret)
{
    const unsigned char *bytes = data;
    size_t room;

    if (!clseq_mul_size(size / 3 + 1, 4, &room))
        return clseq_fail(ctx, CLSEQ_ERR_LIMIT, "base64: %zu bytes are too many", size);
    CLSEQ_TRY(clseq_text_clear(ctx, ret));
    CLSEQ_TRY(clseq_grow(ctx, &ret->data, &ret->capacity, room + 1, 1, "base64"));
    for (size_t i = 0; i < size; i += 3) {
        const size_t n = size - i < 3 ? size - i : 3;
        const uint32_t group = (uint32_t)bytes[i] << 16 |
                               (n > 1 ? (uint32_t)bytes[i + 1] << 8 : 0) |
                               (n > 2 ? bytes[i + 2] : 0);

        for (size_t k = 0; k < 4; k++)
            ret->data[ret->size++] = k <= n ? digits[group >> (18 - 6 * k) & 63] : '=';
    }
    ret->data[ret->size] = 0;
    return CLSEQ_OK;
}

static int value_of(char digit)
{
    const char *at = digit ? strchr(digits, digit) : NULL;

    return at ? (int)(at - digits) : -1;
}

clseq_status clseq_base64_decode(clseq_context *ctx, const char *text, size_t n, clseq_text *ret)
{
    static const char why[] = "base64: the text is damaged at character %zu";

    if (n % 4 != 0)
        return clseq_fail(ctx, CLSEQ_ERR_FORMAT,
                          "base64: %zu characters, which is no multiple of 4: text is missing", n);
    CLSEQ_TRY(clseq_text_clear(ctx, ret));
    CLSEQ_TRY(clseq_grow(ctx, &ret->data, &ret->capacity, n / 4 * 3 + 1, 1, "base64"));
    for (size_t i = 0; i < n; i += 4) {
        size_t used = 4;
        uint32_t group = 0;

        while (i + 4 == n && used > 2 && text[i + used - 1] == '=')
            used--;
        for (size_t k = 0; k < 4; k++) {
            const int value = k < used ? value_of(text[i + k]) : 0;

            if (value < 0)
                return clseq_fail(ctx, CLSEQ_ERR_FORMAT, why, i + k + 1);
            group = group << 6 | (uint32_t)value;
        }
        /* Bits behind the last byte would be two texts of the same bytes. */
        if ((used < 4 && (group & 0xff) != 0) || (used < 3 && (group & 0xff00) != 0))
            return clseq_fail(ctx, CLSEQ_ERR_FORMAT, why, i + used);
        for (size_t k = 0; k + 1 < used; k++)
            ret->data[ret->size++] = (char)(group >> (16 - 8 * k) & 0xff);
    }
    ret->data[ret->size] = 0;
    return CLSEQ_OK;
}
