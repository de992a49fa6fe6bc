/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The checks of the front end, in two halves: what holds for every operation and
 * follows from op_schema.h (ops_check.c), and what each operation asks of its
 * shapes and scalars (ops_shapes.c). Backends rely on them and repeat none.
 */
#ifndef CLSEQ_OPS_CHECK_H
#define CLSEQ_OPS_CHECK_H

#include "backend/backend_impl.h"

/* Everything op_args.h demands of one call. The text names the op, the tensor and the shapes.
 * Errors: CLSEQ_ERR_SHAPE (shapes, strides, bounds inside the buffer), CLSEQ_ERR_ARG (a tensor that
 * is missing or not of this backend, types, overlaps, scalars). */
CLSEQ_MUST_CHECK clseq_status clseq_op_check(clseq_backend *be, enum clseq_op op, const void *args);

/* True when the (checked) call has nothing to do: no output has an element, or an update names no
 * row. Then the backend is not called, so no kernel starts with a size of zero. */
bool clseq_op_is_empty(enum clseq_op op, const void *args);

/* The half of clseq_op_check() that knows the op: shapes and scalars. Dimensions are known to be
 * sane. */
CLSEQ_MUST_CHECK clseq_status clseq_op_check_shapes(clseq_backend *be, enum clseq_op op,
                                                    const void *args);

#endif
