/* SPDX-License-Identifier: BSD-2-Clause */
/* AVX512_BF16 (AMD since Zen 4, Intel's Cooper Lake and Sapphire Rapids) through PoCL: launching
 * cl/gemm_avx512.cl. */
#include "opencl/opencl_gemm_blocks.h"
#include "opencl/opencl_matrix_unit.h"
#include "opencl/opencl_program.h"

#if defined(__x86_64__)
#include <cpuid.h>
#endif

/* The instruction does twice as much as one of fp32; packing has its share. A second-level cache
 * of 1 MiB. */
static const struct clseq_gemm_blocks blocks = { .pack = CLSEQ_KERNEL_gemm_avx512_pack,
                                                 .product = CLSEQ_KERNEL_gemm_avx512,
                                                 .lstm_fwd = CLSEQ_KERNEL_lstm_avx512_fwd,
                                                 .lstm_bwd = CLSEQ_KERNEL_lstm_avx512_bwd,
                                                 .a_in_pairs = true,
                                                 .rows = 8,
                                                 .speed = 1.5,
                                                 .item_bytes = (size_t)256 << 10 };

/* The processor and, for its registers, the system. */
static bool has_dot_products(void)
{
#if defined(__x86_64__)
    unsigned a, b, c, d;

    return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
           __get_cpuid_count(7, 1, &a, &b, &c, &d) != 0 && (a >> 5 & 1) != 0 /* AVX512_BF16 */;
#else
    return false;
#endif
}

static bool fits(const clseq_backend *be, bool emulated)
{
    const struct clseq_opencl *cl = clseq_opencl_of(be);

    return cl->cpu_class && be->info.precision == CLSEQ_PRECISION_BF16 &&
           (emulated || (cl->is_pocl && be->info.host_memory && has_dot_products()));
}

static clseq_status open_unit(clseq_backend *be, const struct clseq_opencl_cache *cache)
{
    return clseq_opencl_programs_add(be, cache, CLSEQ_PROGRAM_gemm_avx512);
}

static bool takes(const clseq_backend *be, const struct clseq_gemm_problem *p)
{
    return clseq_gemm_blocks_takes(be, &blocks, p);
}

static clseq_status run(clseq_backend *be, const struct clseq_gemm_problem *p)
{
    return clseq_gemm_blocks_run(be, &blocks, p);
}

const struct clseq_matrix_unit clseq_matrix_unit_avx512 = {
    .name = "avx512",
    .what = "AVX512_BF16 of the processor, through PoCL",
    .fits = fits,
    .open = open_unit,
    .takes = takes,
    .adds = true,
    .run = run,
    .blocks = &blocks,
};
