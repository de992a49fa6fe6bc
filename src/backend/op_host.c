/* SPDX-License-Identifier: BSD-2-Clause */
#include "backend/op_host.h"

#include "backend/ops.h"
#include "base/base.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Packed rows of `x` <-> the window of memory it spans. */
static void copy_rows(const clseq_tensor *x, char *packed, char *window, bool pack)
{
    const size_t size = clseq_dtype_size((clseq_dtype)x->dtype);
    const int last = x->ndim - 1;
    const size_t row = (size_t)x->dims[last] * size;
    const int32_t outer = x->ndim > 2 ? x->dims[0] : 1, inner = x->ndim > 1 ? x->dims[last - 1] : 1;
    const int64_t outer_step = x->ndim > 2 ? x->strides[0] : 0;
    const int64_t inner_step = x->ndim > 1 ? x->strides[last - 1] : 0;

    for (int32_t i = 0; i < outer; i++) {
        for (int32_t j = 0; j < inner; j++) {
            char *at = window + (size_t)(i * outer_step + j * inner_step) * size;

            if (pack)
                memcpy(packed, at, row);
            else
                memcpy(at, packed, row);
            packed += row;
        }
    }
}

/* Read the window of memory that a view spans; *ret is owned by the caller. */
static clseq_status read_window(const clseq_tensor *x, char **ret, size_t *bytes)
{
    const size_t size = clseq_dtype_size((clseq_dtype)x->dtype);
    char *window = NULL;
    clseq_status status;

    *bytes = clseq_tensor_extent(x) * size;
    CLSEQ_TRY(clseq_calloc(x->buffer->backend->ctx, *bytes, 1, "host copy of a tensor", &window));
    status = clseq_buffer_read(x->buffer, x->offset * size, window, *bytes);
    if (status != CLSEQ_OK) {
        free(window);
        return status;
    }
    *ret = window;
    return CLSEQ_OK;
}

static bool is_packed(const clseq_tensor *x)
{
    int64_t stride = 1;

    for (int i = x->ndim - 1; i >= 0; i--) {
        if (x->dims[i] > 1 && x->strides[i] != stride)
            return false;
        stride *= x->dims[i];
    }
    return true;
}

clseq_status clseq_view_read(const clseq_tensor *x, void *dst)
{
    const size_t size = clseq_dtype_size((clseq_dtype)x->dtype);
    char *window = NULL;
    size_t bytes;

    if (is_packed(x))
        return clseq_buffer_read(x->buffer, x->offset * size, dst, clseq_tensor_count(x) * size);
    CLSEQ_TRY(read_window(x, &window, &bytes));
    copy_rows(x, dst, window, true);
    free(window);
    return CLSEQ_OK;
}

clseq_status clseq_view_write(const clseq_tensor *x, const void *src)
{
    const size_t size = clseq_dtype_size((clseq_dtype)x->dtype);
    char *window = NULL, *packed = NULL;
    size_t bytes;
    clseq_status status;

    if (is_packed(x))
        return clseq_buffer_write(x->buffer, x->offset * size, src, clseq_tensor_count(x) * size);
    CLSEQ_TRY(read_window(x, &window, &bytes));
    CLSEQ_TRY_GOTO(status, out,
                   clseq_calloc(x->buffer->backend->ctx, clseq_tensor_count(x), size,
                                "host copy of a tensor", &packed));
    memcpy(packed, src, clseq_tensor_count(x) * size);
    copy_rows(x, packed, window, false);
    status = clseq_buffer_write(x->buffer, x->offset * size, window, bytes);
out:
    free(packed);
    free(window);
    return status;
}

void clseq_view_to_double(const clseq_tensor *x, const void *packed, double *dst)
{
    const size_t n = clseq_tensor_count(x);

    switch ((clseq_dtype)x->dtype) {
    case CLSEQ_F32: {
        const float *v = packed;

        for (size_t i = 0; i < n; i++)
            dst[i] = (double)v[i];
        break;
    }
    case CLSEQ_I32: {
        const int32_t *v = packed;

        for (size_t i = 0; i < n; i++)
            dst[i] = v[i];
        break;
    }
    case CLSEQ_F64:
        memcpy(dst, packed, n * sizeof(*dst));
        break;
    }
}

clseq_status clseq_op_values_read(clseq_backend *be, enum clseq_op op, const void *args,
                                  unsigned flags, struct clseq_op_values *ret)
{
    const struct clseq_op_schema *schema = clseq_op_schema(op);
    struct clseq_op_values values = { 0 };
    void *packed = NULL;
    clseq_status status = CLSEQ_OK;

    for (int i = 0; i < schema->n_fields; i++) {
        const clseq_tensor *x = clseq_op_tensor_const(args, &schema->fields[i]);
        const size_t n = clseq_tensor_present(x) ? clseq_tensor_count(x) : 0;

        if (!clseq_tensor_present(x) || !(schema->fields[i].flags & flags))
            continue;
        CLSEQ_TRY_GOTO(
            status, out,
            clseq_calloc(be->ctx, n, sizeof(double), "host copy of a tensor", &values.field[i]));
        CLSEQ_TRY_GOTO(status, out,
                       clseq_calloc(be->ctx, n, sizeof(double), "host copy of a tensor", &packed));
        CLSEQ_TRY_GOTO(status, out, clseq_view_read(x, packed));
        clseq_view_to_double(x, packed, values.field[i]);
        free(packed);
        packed = NULL;
    }
    *ret = values;
    return CLSEQ_OK;

out:
    free(packed);
    clseq_op_values_fini(&values);
    return status;
}

void clseq_op_values_fini(struct clseq_op_values *values)
{
    for (int i = 0; i < CLSEQ_OP_MAX_FIELDS; i++)
        free(values->field[i]);
    *values = (struct clseq_op_values) { 0 };
}

void clseq_op_map_args(enum clseq_op op, const void *args, clseq_buffer_map *map, void *user,
                       union clseq_op_any_args *ret)
{
    const struct clseq_op_schema *schema = clseq_op_schema(op);

    memcpy(ret, args, schema->args_size);
    for (int i = 0; i < schema->n_fields; i++) {
        clseq_tensor *x = clseq_op_tensor(ret, &schema->fields[i]);

        if (clseq_tensor_present(x))
            x->buffer = map(user, x->buffer);
    }
}

void clseq_op_absolute_args(enum clseq_op op, union clseq_op_any_args *args)
{
    switch (op) {
    case CLSEQ_OP_gemm:
        args->gemm.alpha = fabs(args->gemm.alpha);
        args->gemm.beta = fabs(args->gemm.beta);
        break;
    case CLSEQ_OP_axpby:
        args->axpby.alpha = fabs(args->axpby.alpha);
        args->axpby.beta = fabs(args->axpby.beta);
        break;
    case CLSEQ_OP_sum:
        args->sum.beta = fabs(args->sum.beta);
        break;
    case CLSEQ_OP_sum_squares:
        args->sum_squares.beta = fabs(args->sum_squares.beta);
        break;
    case CLSEQ_OP_col_sums:
        args->col_sums.beta = fabs(args->col_sums.beta);
        break;
    case CLSEQ_OP_col_dots:
        args->col_dots.beta = fabs(args->col_dots.beta);
        break;
    case CLSEQ_OP_sgd_update:
        args->sgd_update.lr = -fabs(args->sgd_update.lr);
        args->sgd_update.decay = fabs(args->sgd_update.decay);
        break;
    case CLSEQ_OP_momentum_update:
        args->momentum_update.lr = -fabs(args->momentum_update.lr);
        args->momentum_update.decay = fabs(args->momentum_update.decay);
        break;
    default:
        break;
    }
}

/* Replace *x by a packed, non-negative copy of itself in a buffer of its own. */
static clseq_status copy_absolute(clseq_backend *be, clseq_tensor *x, clseq_buffer **ret)
{
    const clseq_dtype dtype = (clseq_dtype)x->dtype;
    const size_t n = clseq_tensor_count(x), size = clseq_dtype_size(dtype);
    clseq_buffer *buffer = NULL;
    void *packed = NULL;
    clseq_status status;

    CLSEQ_TRY(clseq_calloc(be->ctx, n, size, "host copy of a tensor", &packed));
    CLSEQ_TRY_GOTO(status, out, clseq_view_read(x, packed));
    for (size_t i = 0; dtype == CLSEQ_F32 && i < n; i++)
        ((float *)packed)[i] = fabsf(((float *)packed)[i]);
    for (size_t i = 0; dtype == CLSEQ_F64 && i < n; i++)
        ((double *)packed)[i] = fabs(((double *)packed)[i]);
    CLSEQ_TRY_GOTO(status, out, clseq_buffer_create(be, n * size, "absolute values", &buffer));
    *ret = buffer;
    CLSEQ_TRY_GOTO(status, out, clseq_buffer_write(buffer, 0, packed, n * size));
    switch (x->ndim) {
    case 1:
        *x = clseq_tensor_1d(buffer, 0, dtype, x->dims[0]);
        break;
    case 2:
        *x = clseq_tensor_2d(buffer, 0, dtype, x->dims[0], x->dims[1]);
        break;
    default:
        *x = clseq_tensor_3d(buffer, 0, dtype, x->dims[0], x->dims[1], x->dims[2]);
        break;
    }
out:
    free(packed);
    return status;
}

clseq_status clseq_op_absolute_sums(clseq_backend *be, enum clseq_op op, const void *args,
                                    struct clseq_op_values *ret)
{
    const struct clseq_op_schema *schema = clseq_op_schema(op);
    clseq_buffer *buffers[CLSEQ_OP_MAX_FIELDS] = { 0 };
    union clseq_op_any_args absolute;
    clseq_status status = CLSEQ_OK;

    memcpy(&absolute, args, schema->args_size);
    clseq_op_absolute_args(op, &absolute);
    for (int i = 0; i < schema->n_fields; i++) {
        clseq_tensor *x = clseq_op_tensor(&absolute, &schema->fields[i]);

        if (clseq_tensor_present(x))
            CLSEQ_TRY_GOTO(status, out, copy_absolute(be, x, &buffers[i]));
    }
    CLSEQ_TRY_GOTO(status, out, clseq_op_run(be, op, &absolute));
    CLSEQ_TRY_GOTO(status, out, clseq_op_values_read(be, op, &absolute, CLSEQ_FIELD_WRITE, ret));
out:
    for (int i = 0; i < CLSEQ_OP_MAX_FIELDS; i++)
        clseq_buffer_destroy(&buffers[i]);
    return status;
}
