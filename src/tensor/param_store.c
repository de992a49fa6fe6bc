/* SPDX-License-Identifier: BSD-2-Clause */
#include "tensor/param_store.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

/* Parameters start at multiples of 128 bytes, so that vector loads of full rows are aligned. The
 * gap behind a parameter stays 0 in weights, gradients and moments alike, so that operations over
 * the whole dense part need not know of it. */
#define ALIGN_ELEMENTS 32

void clseq_param_store_init(clseq_param_store *store, clseq_context *ctx)
{
    *store = (clseq_param_store) { .ctx = ctx };
}

void clseq_param_store_fini(clseq_param_store *store)
{
    free(store->params);
    *store = (clseq_param_store) { .ctx = store->ctx };
}

int clseq_param_find(const clseq_param_store *store, const char *name)
{
    for (size_t i = 0; i < store->count; i++) {
        if (strcmp(store->params[i].name, name) == 0)
            return (int)i;
    }
    return -1;
}

clseq_status clseq_param_store_add(clseq_param_store *store, const char *name, uint8_t ndim,
                                   int32_t rows, int32_t columns, bool row_sparse, int *index)
{
    struct clseq_param *param;

    assert(ndim == 1 || ndim == 2);
    if (strlen(name) >= CLSEQ_PARAM_NAME || clseq_param_find(store, name) >= 0)
        return clseq_fail(store->ctx, CLSEQ_ERR_ARG, "parameter \"%s\": name taken or too long",
                          name);
    if (rows < 1 || (ndim == 2 && columns < 1))
        return clseq_fail(store->ctx, CLSEQ_ERR_SHAPE, "parameter \"%s\": shape (%d, %d) is empty",
                          name, rows, columns);
    CLSEQ_TRY(clseq_grow(store->ctx, &store->params, &store->capacity, store->count + 1,
                         sizeof(*param), "parameters"));
    param = &store->params[store->count];
    *param = (struct clseq_param) {
        .ndim = ndim,
        .dims = { rows, ndim == 2 ? columns : 1 },
        .is_table = row_sparse,
        .row_sparse = row_sparse,
    };
    memcpy(param->name, name, strlen(name) + 1);
    *index = (int)store->count++;
    return CLSEQ_OK;
}

static clseq_status place(clseq_param_store *store, struct clseq_param *param, size_t limit)
{
    const size_t count = (size_t)param->dims[0] * (size_t)param->dims[1];
    const size_t padded = (count + ALIGN_ELEMENTS - 1) / ALIGN_ELEMENTS * ALIGN_ELEMENTS;

    if (padded > limit)
        return clseq_fail(
            store->ctx, CLSEQ_ERR_LIMIT,
            "parameter \"%s\" (%d, %d) has %zu elements, but the largest buffer of this "
            "device holds %zu: use a smaller vocabulary or model, or another device",
            param->name, param->dims[0], param->dims[1], count, limit);
    if (store->segments == 0 || padded > limit - store->segment_size[store->segments - 1]) {
        if (store->segments == CLSEQ_MAX_SEGMENTS)
            return clseq_fail(
                store->ctx, CLSEQ_ERR_LIMIT,
                "the model needs more than %d buffers of the size this device allows: "
                "use a smaller model or another device",
                CLSEQ_MAX_SEGMENTS);
        store->segment_size[store->segments] = 0;
        store->segment_dense[store->segments] = 0;
        store->segments++;
    }
    param->segment = store->segments - 1;
    param->offset = store->segment_size[param->segment];
    store->segment_size[param->segment] += padded;
    if (!param->row_sparse)
        store->segment_dense[param->segment] = store->segment_size[param->segment];
    return CLSEQ_OK;
}

clseq_status clseq_param_store_plan(clseq_param_store *store, uint64_t max_buffer_bytes,
                                    clseq_dtype real)
{
    /* A dense part is also handed to operations as one vector, whose length is an int32. */
    size_t limit = INT32_MAX;

    if (max_buffer_bytes > 0 && max_buffer_bytes / clseq_dtype_size(real) < limit)
        limit = (size_t)(max_buffer_bytes / clseq_dtype_size(real));
    store->segments = 0;
    for (int sparse = 0; sparse < 2; sparse++) {
        for (size_t i = 0; i < store->count; i++) {
            if (store->params[i].row_sparse == (sparse != 0))
                CLSEQ_TRY(place(store, &store->params[i], limit));
        }
    }
    return CLSEQ_OK;
}

clseq_tensor clseq_param_tensor(const clseq_param_store *store, const clseq_param_buffers *buffers,
                                int index, clseq_dtype real)
{
    const struct clseq_param *param = &store->params[index];
    clseq_buffer *buffer = buffers->segment[param->segment];

    if (param->ndim == 1)
        return clseq_tensor_1d(buffer, param->offset, real, param->dims[0]);
    return clseq_tensor_2d(buffer, param->offset, real, param->dims[0], param->dims[1]);
}

clseq_tensor clseq_param_rows(const clseq_param_store *store, const clseq_param_buffers *buffers,
                              int index, clseq_dtype real)
{
    const struct clseq_param *param = &store->params[index];

    return clseq_tensor_2d(buffers->segment[param->segment], param->offset, real, param->dims[0],
                           param->dims[1]);
}

clseq_tensor clseq_param_dense(const clseq_param_store *store, const clseq_param_buffers *buffers,
                               int segment, clseq_dtype real)
{
    const size_t dense = store->segment_dense[segment];

    if (dense == 0)
        return (clseq_tensor) { 0 };
    return clseq_tensor_1d(buffers->segment[segment], 0, real, (int32_t)dense);
}

uint64_t clseq_param_total(const clseq_param_store *store)
{
    uint64_t total = 0;

    for (size_t i = 0; i < store->count; i++)
        total += (uint64_t)store->params[i].dims[0] * (uint64_t)store->params[i].dims[1];
    return total;
}
