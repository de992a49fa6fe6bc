/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * gemm_argmax on CPUs in fp32: a product of bf16 factors says which elements of a row may be the
 * largest, and only these are made as gemm makes them (cl/argmax_filter.clh). The result is that of
 * gemm and argmax, bit by bit. With many rows AVX512_BF16 makes that product, twice as fast; with
 * few, where reading B takes the time, a copy of B in bf16 is half as much to read.
 */
#ifndef CLSEQ_OPENCL_ARGMAX_H
#define CLSEQ_OPENCL_ARGMAX_H

#include "opencl/opencl_cache.h"
#include "opencl/opencl_impl.h"

/* Fill the slot where the kernels, the precision and the provider of products allow it, and set
 * cl->filter_unit where the processor has products of bf16, which are checked. `wanted` as
 * options.matrix_unit: "none" is without, and "avx512-emulated" is for tests. Errors:
 * CLSEQ_ERR_NOMEM, CLSEQ_ERR_DEVICE_NOMEM; a unit that cannot be built or is wrong is named in the
 * log and not used. */
CLSEQ_MUST_CHECK clseq_status clseq_opencl_argmax_open(clseq_backend *be,
                                                       const struct clseq_opencl_cache *cache,
                                                       const char *wanted);

#endif
