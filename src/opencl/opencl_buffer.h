/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Device memory and transfers. Host data of up to 4 MiB is copied into one of a ring of staging
 * slots and written from there without waiting, so that the caller may reuse its memory and a
 * training step has no host synchronisation. A slot is waited for only when the ring comes round
 * to it again before the device has read it.
 */
#ifndef CLSEQ_OPENCL_BUFFER_H
#define CLSEQ_OPENCL_BUFFER_H

#include "opencl/opencl_impl.h"

/* The slots of struct clseq_backend_impl; contracts there. */
CLSEQ_MUST_CHECK clseq_status clseq_opencl_buffer_create(clseq_backend *be, clseq_buffer *buffer);
void clseq_opencl_buffer_destroy(clseq_backend *be, clseq_buffer *buffer);
CLSEQ_MUST_CHECK clseq_status clseq_opencl_buffer_write(clseq_backend *be, clseq_buffer *buffer,
                                                        size_t offset, const void *src,
                                                        size_t bytes);
CLSEQ_MUST_CHECK clseq_status clseq_opencl_buffer_read(clseq_backend *be, clseq_buffer *buffer,
                                                       size_t offset, void *dst, size_t bytes);
CLSEQ_MUST_CHECK clseq_status clseq_opencl_sync(clseq_backend *be);

/* As clseq_opencl_buffer_write, to memory that is not a buffer's; launches put aside stay so. */
CLSEQ_MUST_CHECK clseq_status clseq_opencl_write(clseq_backend *be, cl_mem mem, const char *label,
                                                 size_t offset, const void *src, size_t bytes);

/* Memory that is really there, full of zeros: drivers may allocate only at the first use, so it is
 * used at once. `label` is for messages. Errors: CLSEQ_ERR_LIMIT, CLSEQ_ERR_DEVICE_NOMEM. */
CLSEQ_MUST_CHECK clseq_status clseq_opencl_allocate(clseq_backend *be, size_t bytes,
                                                    const char *label, cl_mem *ret);

/* The slot `dry` of struct clseq_backend_impl. */
void clseq_opencl_dry(clseq_backend *be, bool begin);

/* The buffer that stands for absent tensors. */
CLSEQ_MUST_CHECK clseq_status clseq_opencl_buffers_open(clseq_backend *be);

/* Release staging, scratch and the absent tensor's buffer. The queue must be idle. */
void clseq_opencl_buffers_close(clseq_backend *be);

#endif
