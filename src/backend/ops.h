/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The validating front end: what layers, training and decoding call. Every
 * clseq_op_X checks its arguments against the contract in op_args.h (dtypes,
 * shapes, bounds inside the buffers, overlaps, ranges of scalars), then calls the
 * backend's slot, or composes an optional one that is empty.
 *
 * Errors: CLSEQ_ERR_SHAPE or CLSEQ_ERR_ARG with the op, the tensors and their
 * shapes in the text; CLSEQ_ERR_DEVICE and friends from the backend.
 */
#ifndef CLSEQ_OPS_H
#define CLSEQ_OPS_H

#include "backend/op_args.h"
#include "backend/op_list.h"

#include <clseq/backend.h>

#define X(name, slot, tolerance, constant)                                                         \
    CLSEQ_MUST_CHECK clseq_status clseq_op_##name(clseq_backend *be,                               \
                                                  const struct clseq_##name##_args *a);
CLSEQ_OP_LIST(X)
#undef X

/* clseq_op_<op> by number. */
CLSEQ_MUST_CHECK clseq_status clseq_op_run(clseq_backend *be, enum clseq_op op, const void *args);

/* The composed form of an optional op, whatever the backend offers: the test of the fused form. */
CLSEQ_MUST_CHECK clseq_status clseq_op_run_composed(clseq_backend *be, enum clseq_op op,
                                                    const void *args);

/* Memory. `label` is static text for messages. A size of 0 is rounded up to one element. The new
 * buffer holds zeros.
 * Errors: CLSEQ_ERR_LIMIT (larger than the device's largest buffer), CLSEQ_ERR_DEVICE_NOMEM. */
CLSEQ_MUST_CHECK clseq_status clseq_buffer_create(clseq_backend *be, size_t bytes,
                                                  const char *label, clseq_buffer **ret);

/* Destroy and set *buffer to NULL; *buffer may be NULL. */
void clseq_buffer_destroy(clseq_buffer **buffer);

/* Queue a copy from host memory; `src` may be reused at once. Offsets and sizes in bytes. */
CLSEQ_MUST_CHECK clseq_status clseq_buffer_write(clseq_buffer *buffer, size_t offset,
                                                 const void *src, size_t bytes);

/* Wait for all queued work, then copy to host memory. */
CLSEQ_MUST_CHECK clseq_status clseq_buffer_read(clseq_buffer *buffer, size_t offset, void *dst,
                                                size_t bytes);

/* The backend's real type: CLSEQ_F32, or CLSEQ_F64 on the oracle. */
clseq_dtype clseq_backend_real(const clseq_backend *be);
clseq_context *clseq_backend_context(const clseq_backend *be);

/* Read or write a contiguous real tensor as float, whatever the backend's real type. */
CLSEQ_MUST_CHECK clseq_status clseq_tensor_read_f32(clseq_backend *be, const clseq_tensor *x,
                                                    float *dst);
CLSEQ_MUST_CHECK clseq_status clseq_tensor_write_f32(clseq_backend *be, const clseq_tensor *x,
                                                     const float *src);

/* Wait for all queued work. */
CLSEQ_MUST_CHECK clseq_status clseq_backend_sync(clseq_backend *be);

#endif
