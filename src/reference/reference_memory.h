/* SPDX-License-Identifier: BSD-2-Clause */
/* Host memory behind the buffers of the reference path and of the oracle. */
#ifndef CLSEQ_REFERENCE_MEMORY_H
#define CLSEQ_REFERENCE_MEMORY_H

#include "backend/backend_impl.h"

struct clseq_reference_buffer {
    clseq_buffer base; /* first: a clseq_buffer is cast to this */
    void *data;        /* owned */
};

CLSEQ_MUST_CHECK clseq_status clseq_reference_buffer_create(clseq_backend *be,
                                                            clseq_buffer *buffer);
void clseq_reference_buffer_destroy(clseq_backend *be, clseq_buffer *buffer);
CLSEQ_MUST_CHECK clseq_status clseq_reference_buffer_write(clseq_backend *be, clseq_buffer *buffer,
                                                           size_t offset, const void *src,
                                                           size_t bytes);
CLSEQ_MUST_CHECK clseq_status clseq_reference_buffer_read(clseq_backend *be, clseq_buffer *buffer,
                                                          size_t offset, void *dst, size_t bytes);

#endif
