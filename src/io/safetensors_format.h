/* SPDX-License-Identifier: BSD-2-Clause */
/* What the reader and the writer of safetensors share: rules, names, numbers. */
#ifndef CLSEQ_SAFETENSORS_FORMAT_H
#define CLSEQ_SAFETENSORS_FORMAT_H

#include "io/safetensors.h"

#if defined(__BYTE_ORDER__) && __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
#error "safetensors data is little-endian; this code reads and writes it as it is in memory"
#endif

/* The header of a file with checksums starts with this text, then 16 digits. */
#define CLSEQ_SAFETENSORS_SUM_START "{\"__metadata__\": {\"clseq.xxh3\": \""
#define CLSEQ_SAFETENSORS_SUM_KEY   "clseq.xxh3"

enum {
    CLSEQ_SAFETENSORS_SUM_DIGITS = 16,
    CLSEQ_SAFETENSORS_SHOWN = 72,  /* room for clseq_safetensors_shown() */
    CLSEQ_SAFETENSORS_SHAPED = 80, /* room for clseq_safetensors_shaped() */
};

/* A text from a file made fit for a message: at most 64 bytes, printable ASCII. Returns `buffer`.
 */
const char *clseq_safetensors_shown(const char *text, char buffer[CLSEQ_SAFETENSORS_SHOWN]);

/* "(4, 3)". Returns `buffer`. */
const char *clseq_safetensors_shaped(size_t rank, const size_t *shape,
                                     char buffer[CLSEQ_SAFETENSORS_SHAPED]);

bool clseq_safetensors_dtype_parse(const char *name, clseq_safetensors_dtype *ret);

/* Why a name is not allowed, NULL when it is. */
const char *clseq_safetensors_bad_name(const char *name);

/* Elements and bytes of a shape whose dimensions are in range; false when the product does not fit
 * in a file offset. */
bool clseq_safetensors_extent(clseq_safetensors_dtype dtype, size_t rank, const size_t *shape,
                              size_t *count, size_t *bytes);

/* Convert `count` floating point elements of `dtype` to float. */
void clseq_safetensors_to_f32(clseq_safetensors_dtype dtype, const void *src, size_t count,
                              float *dst);

/* The nearest bf16 number, of two equally near ones that with an even last bit; from 2^128 - 2^119
 * on, half a step above the largest number, infinity. NaN stays NaN, with its sign and the upper
 * bits of its payload, and becomes quiet. */
uint16_t clseq_safetensors_to_bf16(float value);

/* 16 lower-case hexadecimal digits, without a final 0; and back, false when the text is not that.
 */
void clseq_safetensors_put_sum(uint64_t sum, char digits[CLSEQ_SAFETENSORS_SUM_DIGITS]);
bool clseq_safetensors_get_sum(const char *digits, uint64_t *ret);

#endif
