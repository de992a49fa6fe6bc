/* SPDX-License-Identifier: BSD-2-Clause */
/* Launching cl/gemm_gpu.cl. The constants are those of that file. */
#include "opencl/opencl_gemm.h"

#define SIDE 16

static struct clseq_opencl_range tiles(const struct clseq_gemm_problem *p, int32_t tile)
{
    const size_t columns = ((size_t)p->n + (size_t)tile - 1) / (size_t)tile;
    const size_t rows = ((size_t)p->m + (size_t)tile - 1) / (size_t)tile;

    return clseq_opencl_range_3d(columns * SIDE, rows * SIDE, (size_t)p->batch, SIDE, SIDE, 1);
}

/* Large tiles do more arithmetic per byte; small ones fill the device when C is small or thin. */
static bool large_tiles_pay(const clseq_backend *be, const struct clseq_gemm_problem *p)
{
    const size_t groups =
        (((size_t)p->m + 63) / 64) * (((size_t)p->n + 63) / 64) * (size_t)p->batch;

    return p->m > 32 && p->n > 32 && groups >= clseq_opencl_of(be)->compute_units;
}

clseq_status clseq_opencl_gemm_gpu(clseq_backend *be, const struct clseq_gemm_problem *p)
{
    const bool large = large_tiles_pay(be, p);
    const enum clseq_opencl_kernel kernel =
        large ? CLSEQ_KERNEL_gemm_gpu_64 : CLSEQ_KERNEL_gemm_gpu_16;
    const struct clseq_opencl_arg args[] = {
        CLSEQ_ARG_MATRIX(&p->a),
        CLSEQ_ARG_MATRIX(&p->b),
        CLSEQ_ARG_MATRIX(&p->c),
        clseq_arg_int(p->m),
        clseq_arg_int(p->n),
        clseq_arg_int(p->k),
        clseq_arg_int(p->trans_a),
        clseq_arg_int(p->trans_b),
        clseq_arg_float((double)p->alpha),
        clseq_arg_float((double)p->beta),
    };

    /* Whether the device takes groups of 256 is found out by trying, when it opens: some drivers
     * say less in CL_KERNEL_WORK_GROUP_SIZE than they can (rusticl). */
    return clseq_opencl_launch(be, kernel, tiles(p, large ? 64 : 16), CLSEQ_ARRAY_SIZE(args), args);
}
