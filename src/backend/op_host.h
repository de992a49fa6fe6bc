/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The tensors of one call in host memory: what comparing two backends needs. Used
 * by the mirror, the fault backend and clseq-check.
 */
#ifndef CLSEQ_OP_HOST_H
#define CLSEQ_OP_HOST_H

#include "backend/backend_impl.h"

/* Values by field number of the schema, row-major without gaps, as doubles (f32 and i32 fit
 * exactly). NULL where a field was absent or not asked for. */
struct clseq_op_values {
    double *field[CLSEQ_OP_MAX_FIELDS]; /* owned */
};

/* Elements of a view, row-major without gaps, in its own type; `dst` holds clseq_tensor_count(x) of
 * them. Waits for queued work. */
CLSEQ_MUST_CHECK clseq_status clseq_view_read(const clseq_tensor *x, void *dst);

/* The reverse: fill a view from packed elements. What lies between its rows keeps its value. */
CLSEQ_MUST_CHECK clseq_status clseq_view_write(const clseq_tensor *x, const void *src);

/* Packed elements of x's type as doubles. */
void clseq_view_to_double(const clseq_tensor *x, const void *packed, double *dst);

/* Read the present fields whose flags contain one of `flags` (CLSEQ_FIELD_READ, CLSEQ_FIELD_WRITE).
 * Release with clseq_op_values_fini(). */
CLSEQ_MUST_CHECK clseq_status clseq_op_values_read(clseq_backend *be, enum clseq_op op,
                                                   const void *args, unsigned flags,
                                                   struct clseq_op_values *ret);
void clseq_op_values_fini(struct clseq_op_values *values);

/* A copy of the arguments whose tensors lie in other buffers: `map` turns one buffer into another.
 * Offsets and shapes stay. */
typedef clseq_buffer *clseq_buffer_map(void *user, clseq_buffer *buffer);
void clseq_op_map_args(enum clseq_op op, const void *args, clseq_buffer_map *map, void *user,
                       union clseq_op_any_args *ret);

/* Make the scalars of an op with a SUM tolerance such that on non-negative tensors every term adds
 * to the result: |alpha|, |beta|, -|lr|. */
void clseq_op_absolute_args(enum clseq_op op, union clseq_op_any_args *args);

/* S of the SUM rule: run the op on copies of its tensors made non-negative, with the scalars of
 * clseq_op_absolute_args(), and read the outputs. Call it before the op itself, on the backend that
 * is trusted (reference or oracle) and that holds the tensors. */
CLSEQ_MUST_CHECK clseq_status clseq_op_absolute_sums(clseq_backend *be, enum clseq_op op,
                                                     const void *args, struct clseq_op_values *ret);

#endif
