/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Tensor views. A buffer is memory owned by a backend; a tensor is a small plain
 * struct that borrows a window of it. Copy it freely; it owns nothing and must
 * not outlive its buffer.
 *
 * Row-major, the last stride is always 1, offsets and strides are in elements. A
 * tensor whose buffer is NULL is "absent": the value of optional op arguments.
 */
#ifndef CLSEQ_TENSOR_H
#define CLSEQ_TENSOR_H

#include "base/base.h"

#define CLSEQ_MAX_DIMS 3

typedef struct clseq_buffer clseq_buffer;

typedef enum clseq_dtype {
    CLSEQ_F32 = 1,
    CLSEQ_I32 = 2,
    CLSEQ_F64 = 3, /* the test oracle only */
} clseq_dtype;

typedef struct clseq_tensor {
    clseq_buffer *buffer;            /* borrowed; NULL = absent */
    size_t offset;                   /* of the first element */
    int32_t dims[CLSEQ_MAX_DIMS];    /* unused ones are 1; any may be 0 */
    int64_t strides[CLSEQ_MAX_DIMS]; /* strides[ndim - 1] is 1 */
    uint8_t ndim;                    /* 1 .. CLSEQ_MAX_DIMS */
    uint8_t dtype;                   /* enum clseq_dtype */
} clseq_tensor;

/* Bytes of one element. */
size_t clseq_dtype_size(clseq_dtype dtype);
const char *clseq_dtype_name(clseq_dtype dtype);

/* Contiguous views from element `offset` of `buffer`. */
clseq_tensor clseq_tensor_1d(clseq_buffer *buffer, size_t offset, clseq_dtype dtype, int32_t n);
clseq_tensor clseq_tensor_2d(clseq_buffer *buffer, size_t offset, clseq_dtype dtype, int32_t rows,
                             int32_t columns);
clseq_tensor clseq_tensor_3d(clseq_buffer *buffer, size_t offset, clseq_dtype dtype, int32_t d0,
                             int32_t d1, int32_t d2);

/* (D0, ...) -> the part [first, first + n) of dimension 0, same rank. */
clseq_tensor clseq_tensor_range(clseq_tensor x, int32_t first, int32_t n);

/* (T, B, H) -> (B, H) of step t; (M, N) -> (N) of row t. */
clseq_tensor clseq_tensor_step(clseq_tensor x, int32_t t);

/* (M, N) -> (M, n), columns [first, first + n). */
clseq_tensor clseq_tensor_columns(clseq_tensor x, int32_t first, int32_t n);

/* (T, B, H) -> (T * B, H). The steps must lie one after the other (strides[0] == B * strides[1]),
 * as in every tensor made by clseq_tensor_3d. */
clseq_tensor clseq_tensor_flatten(clseq_tensor x);

/* (B, H) -> (1, B, H): a sequence of one step. */
clseq_tensor clseq_tensor_as_step(clseq_tensor x);

/* (T, B, H) -> (B, T, H), the same memory: a batch of matrices of every sentence, for gemm and
 * masked_softmax. The rows of a matrix then lie further apart than the matrices. */
clseq_tensor clseq_tensor_swap(clseq_tensor x);

/* (M, N) contiguous -> (M * N). */
clseq_tensor clseq_tensor_line(clseq_tensor x);

static inline bool clseq_tensor_present(const clseq_tensor *x)
{
    return x->buffer != NULL;
}

/* Number of elements. */
size_t clseq_tensor_count(const clseq_tensor *x);

/* Elements from the first to behind the last one touched, 0 for an empty tensor. */
size_t clseq_tensor_extent(const clseq_tensor *x);

/* The same window: buffer, offset, shape and strides. */
bool clseq_tensor_same(const clseq_tensor *x, const clseq_tensor *y);

/* "(25, 64, 2048) f32" for messages; returns `text`. */
#define CLSEQ_TENSOR_TEXT 64
const char *clseq_tensor_text(const clseq_tensor *x, char text[CLSEQ_TENSOR_TEXT]);

#endif
