/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Packed copies of matrices that several products have as their second factor while nothing writes
 * to them: weights in decoding, the output weights of one training step. A copy belongs to a
 * version of a buffer, and ops.c counts a version for every write, so no copy is ever stale.
 */
#ifndef CLSEQ_OPENCL_PACKED_CACHE_H
#define CLSEQ_OPENCL_PACKED_CACHE_H

#include "opencl/opencl_gemm.h"

/* Where the packed copy of op(B) is to be, in `parts` parts as clseq_opencl_gemm_pack_b() makes
 * them. *ret is NULL when B is not worth one (this is its first use) or there is no memory left;
 * otherwise borrowed memory of `bytes`, which holds the copy already when *filled, and must be
 * filled by the caller at once when not. */
void clseq_opencl_packed_find(clseq_backend *be, const struct clseq_gemm_problem *p, int32_t parts,
                              size_t bytes, cl_mem *ret, bool *filled);

/* The buffer is going to be destroyed. */
void clseq_opencl_packed_forget(clseq_backend *be, uint64_t id);

void clseq_opencl_packed_close(clseq_backend *be);

#endif
