/* SPDX-License-Identifier: BSD-2-Clause */
#include "tensor/workspace.h"

#define ALIGN_BYTES 128

void clseq_workspace_plan(clseq_workspace *ws, clseq_context *ctx, uint64_t max_buffer_bytes)
{
    *ws = (clseq_workspace) {
        .ctx = ctx,
        .planning = true,
        .chunk_limit = max_buffer_bytes > 0 && max_buffer_bytes < SIZE_MAX
                           ? (size_t)max_buffer_bytes
                           : SIZE_MAX,
    };
}

void clseq_workspace_reset(clseq_workspace *ws)
{
    ws->current = 0;
    ws->used = 0;
}

static clseq_tensor view(const clseq_workspace *ws, int chunk, size_t offset, clseq_dtype dtype,
                         int ndim, int32_t d0, int32_t d1, int32_t d2)
{
    clseq_buffer *buffer = ws->planning ? NULL : ws->buffer[chunk];

    offset /= clseq_dtype_size(dtype);
    if (ndim == 1)
        return clseq_tensor_1d(buffer, offset, dtype, d0);
    if (ndim == 2)
        return clseq_tensor_2d(buffer, offset, dtype, d0, d1);
    return clseq_tensor_3d(buffer, offset, dtype, d0, d1, d2);
}

clseq_status clseq_workspace_take(clseq_workspace *ws, clseq_dtype dtype, int ndim, int32_t d0,
                                  int32_t d1, int32_t d2, clseq_tensor *ret)
{
    size_t bytes = clseq_dtype_size(dtype), end;

    if (!clseq_mul_size(bytes, (size_t)d0, &bytes) ||
        (ndim > 1 && !clseq_mul_size(bytes, (size_t)d1, &bytes)) ||
        (ndim > 2 && !clseq_mul_size(bytes, (size_t)d2, &bytes)) ||
        !clseq_add_size(bytes, ALIGN_BYTES - 1, &end))
        return clseq_fail(ws->ctx, CLSEQ_ERR_LIMIT, "activations (%d, %d, %d) are too large", d0,
                          d1, d2);
    bytes = end / ALIGN_BYTES * ALIGN_BYTES;
    for (; ws->current < CLSEQ_MAX_CHUNKS; ws->current++, ws->used = 0) {
        const size_t room = ws->planning               ? ws->chunk_limit
                            : ws->current < ws->chunks ? ws->size[ws->current]
                                                       : 0;

        if (bytes > room || ws->used > room - bytes)
            continue;
        *ret = view(ws, ws->current, ws->used, dtype, ndim, d0, d1, d2);
        ws->used += bytes;
        if (ws->planning) {
            if (ws->current >= ws->chunks)
                ws->chunks = ws->current + 1;
            if (ws->used > ws->size[ws->current])
                ws->size[ws->current] = ws->used;
        }
        return CLSEQ_OK;
    }
    return clseq_fail(
        ws->ctx, CLSEQ_ERR_LIMIT,
        "activations (%d, %d, %d) do not fit into the memory planned for a step: use a "
        "smaller batch or shorter sentences (--batch, --max-length)",
        d0, d1, d2);
}

uint64_t clseq_workspace_bytes(const clseq_workspace *ws)
{
    uint64_t total = 0;

    for (int i = 0; i < ws->chunks; i++)
        total += ws->size[i];
    return total;
}
