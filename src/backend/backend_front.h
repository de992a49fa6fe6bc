/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the two halves of the front end share: backend.c (life, memory) and ops.c
 * (operations). A device error is sticky: what the device holds after one is
 * unknown, so every later call returns it instead of computing with it.
 * Benchmarks include it for the ways of making a product.
 */
#ifndef CLSEQ_BACKEND_FRONT_H
#define CLSEQ_BACKEND_FRONT_H

#include "backend/backend_impl.h"

/* CLSEQ_OK, or the device error that made the backend unusable, with its text. `what` is the call
 * that is refused. */
CLSEQ_MUST_CHECK clseq_status clseq_backend_ready(clseq_backend *be, const char *what);

/* Look at the status of a call into the implementation: the first CLSEQ_ERR_DEVICE marks the
 * backend failed. Returns `status` unchanged. */
clseq_status clseq_backend_note(clseq_backend *be, clseq_status status);

/* The backend's slots of these names, or the one way that there is. Errors: those of measuring,
 * where a choice is made by that. */
CLSEQ_MUST_CHECK clseq_status clseq_backend_gemm_ways(clseq_backend *be,
                                                      const struct clseq_gemm_shape *shape,
                                                      struct clseq_gemm_ways *ret);
void clseq_backend_gemm_use(clseq_backend *be, int way);

#endif
