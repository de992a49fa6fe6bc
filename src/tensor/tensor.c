/* SPDX-License-Identifier: BSD-2-Clause */
#include "tensor/tensor.h"

#include <assert.h>
#include <stdio.h>

size_t clseq_dtype_size(clseq_dtype dtype)
{
    return dtype == CLSEQ_F64 ? 8 : 4;
}

const char *clseq_dtype_name(clseq_dtype dtype)
{
    switch (dtype) {
    case CLSEQ_F32:
        return "f32";
    case CLSEQ_I32:
        return "i32";
    case CLSEQ_F64:
        return "f64";
    }
    return "?";
}

clseq_tensor clseq_tensor_3d(clseq_buffer *buffer, size_t offset, clseq_dtype dtype, int32_t d0,
                             int32_t d1, int32_t d2)
{
    return (clseq_tensor) {
        .buffer = buffer,
        .offset = offset,
        .dims = { d0, d1, d2 },
        .strides = { (int64_t)d1 * d2, d2, 1 },
        .ndim = 3,
        .dtype = (uint8_t)dtype,
    };
}

clseq_tensor clseq_tensor_2d(clseq_buffer *buffer, size_t offset, clseq_dtype dtype, int32_t rows,
                             int32_t columns)
{
    return (clseq_tensor) {
        .buffer = buffer,
        .offset = offset,
        .dims = { rows, columns, 1 },
        .strides = { columns, 1, 1 },
        .ndim = 2,
        .dtype = (uint8_t)dtype,
    };
}

clseq_tensor clseq_tensor_1d(clseq_buffer *buffer, size_t offset, clseq_dtype dtype, int32_t n)
{
    return (clseq_tensor) {
        .buffer = buffer,
        .offset = offset,
        .dims = { n, 1, 1 },
        .strides = { 1, 1, 1 },
        .ndim = 1,
        .dtype = (uint8_t)dtype,
    };
}

clseq_tensor clseq_tensor_range(clseq_tensor x, int32_t first, int32_t n)
{
    assert(first >= 0 && n >= 0 && first + n <= x.dims[0]);
    x.offset += (size_t)first * (size_t)x.strides[0];
    x.dims[0] = n;
    return x;
}

clseq_tensor clseq_tensor_step(clseq_tensor x, int32_t t)
{
    assert(x.ndim >= 2 && t >= 0 && t < x.dims[0]);
    x.offset += (size_t)t * (size_t)x.strides[0];
    x.ndim--;
    for (int i = 0; i + 1 < CLSEQ_MAX_DIMS; i++) {
        x.dims[i] = x.dims[i + 1];
        x.strides[i] = x.strides[i + 1];
    }
    x.dims[CLSEQ_MAX_DIMS - 1] = 1;
    x.strides[CLSEQ_MAX_DIMS - 1] = 1;
    return x;
}

clseq_tensor clseq_tensor_columns(clseq_tensor x, int32_t first, int32_t n)
{
    assert(x.ndim == 2 && first >= 0 && n >= 0 && first + n <= x.dims[1]);
    x.offset += (size_t)first;
    x.dims[1] = n;
    return x;
}

clseq_tensor clseq_tensor_flatten(clseq_tensor x)
{
    assert(x.ndim == 3 && x.strides[0] == x.dims[1] * x.strides[1]);
    x.dims[0] *= x.dims[1];
    x.dims[1] = x.dims[2];
    x.dims[2] = 1;
    x.strides[0] = x.strides[1];
    x.strides[1] = x.strides[2] = 1;
    x.ndim = 2;
    return x;
}

clseq_tensor clseq_tensor_as_step(clseq_tensor x)
{
    assert(x.ndim == 2);
    x.dims[2] = x.dims[1];
    x.dims[1] = x.dims[0];
    x.dims[0] = 1;
    x.strides[2] = x.strides[1];
    x.strides[1] = x.strides[0];
    x.strides[0] = x.dims[1] * x.strides[1];
    x.ndim = 3;
    return x;
}

clseq_tensor clseq_tensor_swap(clseq_tensor x)
{
    const int32_t dim = x.dims[0];
    const int64_t stride = x.strides[0];

    assert(x.ndim == 3);
    x.dims[0] = x.dims[1];
    x.strides[0] = x.strides[1];
    x.dims[1] = dim;
    x.strides[1] = stride;
    return x;
}

clseq_tensor clseq_tensor_line(clseq_tensor x)
{
    assert(x.ndim == 2 && x.strides[0] == x.dims[1]);
    x.dims[0] *= x.dims[1];
    x.dims[1] = 1;
    x.strides[0] = 1;
    x.ndim = 1;
    return x;
}

size_t clseq_tensor_count(const clseq_tensor *x)
{
    size_t n = 1;

    for (int i = 0; i < x->ndim; i++)
        n *= (size_t)x->dims[i];
    return n;
}

size_t clseq_tensor_extent(const clseq_tensor *x)
{
    size_t last = 0;

    for (int i = 0; i < x->ndim; i++) {
        if (x->dims[i] == 0)
            return 0;
        last += (size_t)(x->dims[i] - 1) * (size_t)x->strides[i];
    }
    return last + 1;
}

bool clseq_tensor_same(const clseq_tensor *x, const clseq_tensor *y)
{
    if (x->buffer != y->buffer || x->offset != y->offset || x->ndim != y->ndim)
        return false;
    for (int i = 0; i < x->ndim; i++) {
        if (x->dims[i] != y->dims[i] || x->strides[i] != y->strides[i])
            return false;
    }
    return true;
}

const char *clseq_tensor_text(const clseq_tensor *x, char text[CLSEQ_TENSOR_TEXT])
{
    const char *dtype = clseq_dtype_name((clseq_dtype)x->dtype);

    if (!x->buffer)
        snprintf(text, CLSEQ_TENSOR_TEXT, "(absent)");
    else if (x->ndim == 1)
        snprintf(text, CLSEQ_TENSOR_TEXT, "(%d) %s", x->dims[0], dtype);
    else if (x->ndim == 2)
        snprintf(text, CLSEQ_TENSOR_TEXT, "(%d, %d) %s", x->dims[0], x->dims[1], dtype);
    else
        snprintf(text, CLSEQ_TENSOR_TEXT, "(%d, %d, %d) %s", x->dims[0], x->dims[1], x->dims[2],
                 dtype);
    return text;
}
