/* SPDX-License-Identifier: BSD-2-Clause */
#include "io/safetensors_format.h"

#include <stdio.h>
#include <string.h>

static const struct {
    const char *name;
    size_t size;
} dtypes[] = {
    [CLSEQ_SAFETENSORS_F32] = { "F32", 4 },   [CLSEQ_SAFETENSORS_F16] = { "F16", 2 },
    [CLSEQ_SAFETENSORS_BF16] = { "BF16", 2 }, [CLSEQ_SAFETENSORS_F64] = { "F64", 8 },
    [CLSEQ_SAFETENSORS_I32] = { "I32", 4 },   [CLSEQ_SAFETENSORS_I64] = { "I64", 8 },
    [CLSEQ_SAFETENSORS_U8] = { "U8", 1 },
};

const char *clseq_safetensors_dtype_name(clseq_safetensors_dtype dtype)
{
    return (size_t)dtype < CLSEQ_ARRAY_SIZE(dtypes) ? dtypes[dtype].name : "?";
}

size_t clseq_safetensors_dtype_size(clseq_safetensors_dtype dtype)
{
    return dtypes[dtype].size;
}

bool clseq_safetensors_dtype_parse(const char *name, clseq_safetensors_dtype *ret)
{
    for (size_t i = 0; i < CLSEQ_ARRAY_SIZE(dtypes); i++) {
        if (strcmp(dtypes[i].name, name) == 0) {
            *ret = (clseq_safetensors_dtype)i;
            return true;
        }
    }
    return false;
}

const char *clseq_safetensors_shown(const char *text, char buffer[CLSEQ_SAFETENSORS_SHOWN])
{
    size_t n = 0;

    for (; text[n] && n < 64; n++)
        buffer[n] = (char)(text[n] >= ' ' && text[n] <= '~' ? text[n] : '?');
    memcpy(buffer + n, text[n] ? "..." : "", text[n] ? 4 : 1);
    return buffer;
}

const char *clseq_safetensors_shaped(size_t rank, const size_t *shape,
                                     char buffer[CLSEQ_SAFETENSORS_SHAPED])
{
    switch (rank) {
    case 1:
        snprintf(buffer, CLSEQ_SAFETENSORS_SHAPED, "(%zu)", shape[0]);
        break;
    case 2:
        snprintf(buffer, CLSEQ_SAFETENSORS_SHAPED, "(%zu, %zu)", shape[0], shape[1]);
        break;
    default:
        snprintf(buffer, CLSEQ_SAFETENSORS_SHAPED, "(%zu, %zu, %zu)", shape[0], shape[1], shape[2]);
    }
    return buffer;
}

const char *clseq_safetensors_bad_name(const char *name)
{
    const size_t n = strlen(name);

    if (n == 0)
        return "a name may not be empty";
    if (n > CLSEQ_SAFETENSORS_MAX_NAME)
        return "a name has at most 128 bytes";
    for (size_t i = 0; i < n; i++) {
        const char c = name[i];

        if (!((c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') ||
              c == '_' || c == '.'))
            return "a name has only the characters A-Z a-z 0-9 _ and .";
    }
    return NULL;
}

bool clseq_safetensors_extent(clseq_safetensors_dtype dtype, size_t rank, const size_t *shape,
                              size_t *count, size_t *bytes)
{
    size_t n = 1, size;

    for (size_t i = 0; i < rank; i++) {
        if (!clseq_mul_size(n, shape[i], &n))
            return false;
    }
    if (!clseq_mul_size(n, clseq_safetensors_dtype_size(dtype), &size) || size > INT64_MAX)
        return false;
    *count = n;
    *bytes = size;
    return true;
}

static float from_bits(uint32_t bits)
{
    float f;

    memcpy(&f, &bits, sizeof(f));
    return f;
}

uint16_t clseq_safetensors_to_bf16(float value)
{
    uint32_t bits;

    memcpy(&bits, &value, sizeof(bits));
    if ((bits & 0x7fffffffu) > 0x7f800000u) /* the low half may be all that makes it a NaN */
        return (uint16_t)(bits >> 16 | 0x40u);
    /* Just less than half a step, and the rest of it when the last bit that stays is odd. */
    return (uint16_t)((bits + 0x7fffu + (bits >> 16 & 1u)) >> 16);
}

static float half_to_float(uint32_t h)
{
    const uint32_t sign = (h & 0x8000u) << 16, exponent = (h >> 10) & 0x1fu, fraction = h & 0x3ffu;

    if (exponent == 0) { /* zero or subnormal: fraction * 2^-24, exact in a float */
        const float value = (float)fraction * 0x1p-24f;

        return sign ? -value : value;
    }
    if (exponent == 31)
        return from_bits(sign | 0x7f800000u | fraction << 13);
    return from_bits(sign | (exponent + 112) << 23 | fraction << 13);
}

void clseq_safetensors_to_f32(clseq_safetensors_dtype dtype, const void *src, size_t count,
                              float *dst)
{
    const unsigned char *p = src;

    switch (dtype) {
    case CLSEQ_SAFETENSORS_F32:
        memcpy(dst, src, count * sizeof(float));
        break;
    case CLSEQ_SAFETENSORS_F16:
    case CLSEQ_SAFETENSORS_BF16:
        for (size_t i = 0; i < count; i++) {
            uint16_t h;

            memcpy(&h, p + i * sizeof(h), sizeof(h));
            dst[i] =
                dtype == CLSEQ_SAFETENSORS_F16 ? half_to_float(h) : from_bits((uint32_t)h << 16);
        }
        break;
    case CLSEQ_SAFETENSORS_F64:
        for (size_t i = 0; i < count; i++) {
            double d;

            memcpy(&d, p + i * sizeof(d), sizeof(d));
            dst[i] = (float)d;
        }
        break;
    case CLSEQ_SAFETENSORS_I32:
    case CLSEQ_SAFETENSORS_I64:
    case CLSEQ_SAFETENSORS_U8:
        break; /* the reader refuses these before */
    }
}

void clseq_safetensors_put_sum(uint64_t sum, char digits[CLSEQ_SAFETENSORS_SUM_DIGITS])
{
    for (unsigned i = 0; i < CLSEQ_SAFETENSORS_SUM_DIGITS; i++)
        digits[i] = "0123456789abcdef"[(sum >> (60 - 4 * i)) & 15];
}

bool clseq_safetensors_get_sum(const char *digits, uint64_t *ret)
{
    uint64_t sum = 0;

    for (unsigned i = 0; i < CLSEQ_SAFETENSORS_SUM_DIGITS; i++) {
        const char c = digits[i];

        if (c >= '0' && c <= '9')
            sum = sum << 4 | (uint64_t)(c - '0');
        else if (c >= 'a' && c <= 'f')
            sum = sum << 4 | (uint64_t)(c - 'a' + 10);
        else
            return false;
    }
    *ret = sum;
    return true;
}
