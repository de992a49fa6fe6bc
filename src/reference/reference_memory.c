/* SPDX-License-Identifier: BSD-2-Clause */
#include "reference/reference_memory.h"

#include <stdlib.h>
#include <string.h>

clseq_status clseq_reference_buffer_create(clseq_backend *be, clseq_buffer *buffer)
{
    struct clseq_reference_buffer *mine = (struct clseq_reference_buffer *)(void *)buffer;

    return clseq_calloc(be->ctx, buffer->bytes, 1, buffer->label, &mine->data);
}

void clseq_reference_buffer_destroy(clseq_backend *be, clseq_buffer *buffer)
{
    struct clseq_reference_buffer *mine = (struct clseq_reference_buffer *)(void *)buffer;

    free(mine->data);
    mine->data = NULL;
}

void *clseq_reference_memory(const clseq_buffer *buffer)
{
    return ((const struct clseq_reference_buffer *)(const void *)buffer)->data;
}

clseq_status clseq_reference_buffer_write(clseq_backend *be, clseq_buffer *buffer, size_t offset,
                                          const void *src, size_t bytes)
{
    memcpy((char *)clseq_reference_memory(buffer) + offset, src, bytes);
    return CLSEQ_OK;
}

clseq_status clseq_reference_buffer_read(clseq_backend *be, clseq_buffer *buffer, size_t offset,
                                         void *dst, size_t bytes)
{
    memcpy(dst, (const char *)clseq_reference_memory(buffer) + offset, bytes);
    return CLSEQ_OK;
}
