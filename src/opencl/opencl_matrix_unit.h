/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Tensor units: hardware that multiplies matrices of factors with less precision than fp32. One per
 * open device at most, and only with a precision below fp32. Every unit is tried when the device
 * opens, which the front end does in a child process first (opencl_probe.c): one that ends the
 * process there makes the device unusable in that precision, and is named; one that is wrong is
 * refused with a warning, and products are made by the provider for fp32 from rounded copies.
 *   A unit has an emulated form, in which a few lines of OpenCL C stand for the instructions and
 * all else is the same: that is how it is tested on devices that lack it.
 *   Matrix extensions of AMD (WMMA, MFMA) and Intel (cl_intel_subgroup_matrix_multiply_accumulate)
 * would be entries here like these.
 */
#ifndef CLSEQ_OPENCL_MATRIX_UNIT_H
#define CLSEQ_OPENCL_MATRIX_UNIT_H

#include "opencl/opencl_gemm.h"

struct clseq_gemm_blocks;

struct clseq_matrix_unit {
    const char *name; /* "mma" */
    const char *what; /* "tensor cores, through mma.sync" */
    /* May it be tried on this device, in the backend's precision? Builds and runs nothing. The
     * emulated form is for tests, on any device with what it needs. */
    bool (*fits)(const clseq_backend *be, bool emulated);
    /* Build what run() needs. Errors: CLSEQ_ERR_BUILD, CLSEQ_ERR_DEVICE and friends. */
    clseq_status (*open)(clseq_backend *be, const struct clseq_opencl_cache *cache);
    /* Is this product worth its while? */
    bool (*takes)(const clseq_backend *be, const struct clseq_gemm_problem *p);
    bool adds; /* does run() take a vector to be added to every row? */
    /* Make a product that it takes; factors are floats, and rounded here, or were already. */
    clseq_status (*run)(clseq_backend *be, const struct clseq_gemm_problem *p);
    const struct clseq_gemm_blocks
        *blocks; /* for steps of LSTMs as one kernel; NULL: it has none */
};

/* The units. */
extern const struct clseq_matrix_unit clseq_matrix_unit_mma;    /* NVIDIA: opencl_gemm_mma.c */
extern const struct clseq_matrix_unit clseq_matrix_unit_amx;    /* Intel: opencl_gemm_amx.c */
extern const struct clseq_matrix_unit clseq_matrix_unit_avx512; /* opencl_gemm_avx512.c */

/* Choose one: `wanted` is NULL or "auto" for the first that fits and is right, "none", or a name,
 * which may end in "-emulated". Sets be->info.matrix_unit. Errors: CLSEQ_ERR_UNSUPPORTED when a
 * named one does not fit, CLSEQ_ERR_DEVICE when it is wrong; CLSEQ_ERR_ARG for an unknown name. */
CLSEQ_MUST_CHECK clseq_status clseq_opencl_matrix_unit_open(clseq_backend *be,
                                                            const struct clseq_opencl_cache *cache,
                                                            const char *wanted);

#endif
