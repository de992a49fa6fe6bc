/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * gemm_argmax on CPUs in fp32: a product of rounded factors says which elements of a row may be the
 * largest, and only these are made as gemm makes them (cl/argmax_filter.clh). The result is that of
 * gemm and argmax, bit by bit. AVX512_VNNI makes that product of int8 four times as fast; up to
 * three rows, where reading B takes the time, take a copy of B in bf16.
 */
#ifndef CLSEQ_OPENCL_ARGMAX_H
#define CLSEQ_OPENCL_ARGMAX_H

#include "opencl/opencl_cache.h"
#include "opencl/opencl_impl.h"

/* Fill the slot where the kernels, the precision and the provider of products allow it, and set
 * cl->has_int8 where the processor has products of int8, which are checked. `wanted` as
 * options.matrix_unit: "none" is without, and "int8-emulated" is for tests. Errors:
 * CLSEQ_ERR_NOMEM, CLSEQ_ERR_DEVICE_NOMEM; products that cannot be built or are wrong are named in
 * the log and not used. */
CLSEQ_MUST_CHECK clseq_status clseq_opencl_argmax_open(clseq_backend *be,
                                                       const struct clseq_opencl_cache *cache,
                                                       const char *wanted);

#endif
