/* SPDX-License-Identifier: BSD-2-Clause */
/* Trying a provider or candidate of matrix products: right against plain C, and how fast. */
#ifndef CLSEQ_OPENCL_GEMM_TRIAL_H
#define CLSEQ_OPENCL_GEMM_TRIAL_H

#include "opencl/opencl_buffer.h"
#include "opencl/opencl_gemm.h"

typedef clseq_status clseq_gemm_run(clseq_backend *be, const struct clseq_gemm_problem *p);

/* C = op(A) op(B) in memory of its own. */
struct clseq_gemm_trial {
    clseq_backend *be;                 /* borrowed */
    struct clseq_opencl_buffer buffer; /* A, B and C one after the other */
    struct clseq_gemm_problem problem;
    float *x, *y; /* owned, one block: what the buffer starts with, and what it has in the end */
    size_t floats;
    double rounding; /* of the factors, relative; 0 unless the caller allows some */
};

/* Errors: CLSEQ_ERR_NOMEM, CLSEQ_ERR_DEVICE_NOMEM, CLSEQ_ERR_LIMIT. */
CLSEQ_MUST_CHECK clseq_status clseq_gemm_trial_open(clseq_backend *be, int32_t m, int32_t n,
                                                    int32_t k, bool trans_a, bool trans_b,
                                                    struct clseq_gemm_trial *ret);
void clseq_gemm_trial_close(struct clseq_gemm_trial *t);

/* C starts as NaN, which must not get through. Large products are compared in some elements.
 * Errors: CLSEQ_ERR_DEVICE, naming `name`, when it is wrong; those of `run`. */
CLSEQ_MUST_CHECK clseq_status clseq_gemm_trial_check(struct clseq_gemm_trial *t, const char *name,
                                                     clseq_gemm_run *run);

/* Median of some runs. */
CLSEQ_MUST_CHECK clseq_status clseq_gemm_trial_time(struct clseq_gemm_trial *t, clseq_gemm_run *run,
                                                    double *seconds);

#endif
