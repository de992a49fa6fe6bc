/* SPDX-License-Identifier: BSD-2-Clause */
/* A few small operations on an open device, compared with the reference path. */
#ifndef CLSEQ_OPENCL_SELFTEST_H
#define CLSEQ_OPENCL_SELFTEST_H

#include "backend/backend_impl.h"

/* Errors: CLSEQ_ERR_DEVICE naming the operation whose result is wrong, and what the operations
 * themselves return. */
CLSEQ_MUST_CHECK clseq_status clseq_opencl_selftest(clseq_backend *device,
                                                    clseq_backend *reference);

/* Speed of a product of 512 x 512 matrices, GFLOP/s. */
CLSEQ_MUST_CHECK clseq_status clseq_opencl_measure_gemm(clseq_backend *device, double *ret);

#endif
