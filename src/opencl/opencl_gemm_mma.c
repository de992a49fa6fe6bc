/* SPDX-License-Identifier: BSD-2-Clause */
/* Launching cl/gemm_mma.cl. The constants are those of that file. */
#include "opencl/opencl_matrix_unit.h"
#include "opencl/opencl_program.h"

#include <string.h>

#define GROUP_128      256
#define LOCAL          40960 /* bytes of local memory, the most that a kernel takes */
#define LOCAL_EMULATED 30720

/* Of the extension cl_nv_device_attribute_query. */
#define COMPUTE_CAPABILITY_MAJOR_NV 0x4000

/* With fewer rows or columns a tile is mostly empty, and few tiles read much; smaller products take
 * no longer than launching them. */
#define SIDE_MIN     17
#define PRODUCTS_MIN (64.0 * 64.0 * 64.0)

static size_t tiles(int32_t n, int32_t tile)
{
    return ((size_t)n + (size_t)tile - 1) / (size_t)tile;
}

static bool fits(const clseq_backend *be, bool emulated)
{
    const struct clseq_opencl *cl = clseq_opencl_of(be);
    cl_uint major = 0;

    if (be->info.precision == CLSEQ_PRECISION_FP32 || cl->max_group < GROUP_128 ||
        cl->max_items[0] < GROUP_128 || cl->local_bytes < (emulated ? LOCAL_EMULATED : LOCAL))
        return false;
    return emulated || (strstr(be->info.platform, "NVIDIA CUDA") &&
                        clGetDeviceInfo(cl->device, COMPUTE_CAPABILITY_MAJOR_NV, sizeof(major),
                                        &major, NULL) == CL_SUCCESS &&
                        major >= 8);
}

static clseq_status open_unit(clseq_backend *be, const struct clseq_opencl_cache *cache)
{
    return clseq_opencl_programs_add(be, cache, CLSEQ_PROGRAM_gemm_mma);
}

/* Few rows are a matter of reading B once, which provider gpu has a kernel for. */
static bool takes(const clseq_backend *be, const struct clseq_gemm_problem *p)
{
    return clseq_opencl_of(be)->unit_emulated ||
           (p->m >= SIDE_MIN && p->n >= SIDE_MIN && (double)p->m * p->n * p->k >= PRODUCTS_MIN);
}

/* Large tiles where they are enough to fill the device; emulated, where C is larger than a small
 * one: the tests are to see both. */
static bool takes_128(const struct clseq_opencl *cl, const struct clseq_gemm_problem *p)
{
    return p->m > 64 && p->n > 64 &&
           (cl->unit_emulated ||
            tiles(p->m, 128) * tiles(p->n, 128) * (size_t)p->batch >= cl->compute_units);
}

static clseq_status run(clseq_backend *be, const struct clseq_gemm_problem *p)
{
    const bool bf16 = be->info.precision == CLSEQ_PRECISION_BF16;
    const int32_t tile = takes_128(clseq_opencl_of(be), p) ? 128 : 64;
    const size_t group = 2 * (size_t)tile;
    const enum clseq_opencl_kernel kernel =
        tile == 128 ? (bf16 ? CLSEQ_KERNEL_gemm_mma_bf16_128 : CLSEQ_KERNEL_gemm_mma_tf32_128)
                    : (bf16 ? CLSEQ_KERNEL_gemm_mma_bf16_64 : CLSEQ_KERNEL_gemm_mma_tf32_64);

    return clseq_opencl_gemm_gpu_launch(be, kernel,
                                        clseq_opencl_range_3d(tiles(p->n, tile) * group,
                                                              tiles(p->m, tile), (size_t)p->batch,
                                                              group, 1, 1),
                                        p);
}

const struct clseq_matrix_unit clseq_matrix_unit_mma = {
    .name = "mma",
    .what = "NVIDIA's tensor cores, through mma.sync",
    .fits = fits,
    .open = open_unit,
    .takes = takes,
    .run = run,
};
