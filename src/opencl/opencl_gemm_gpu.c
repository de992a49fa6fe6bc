/* SPDX-License-Identifier: BSD-2-Clause */
/* Launching cl/gemm_gpu.cl. The constants are those of that file. */
#include "opencl/opencl_gemm.h"

#define GROUP          256
#define SMALL_SIDE     8     /* of the groups of gemm_gpu_16 */
#define LOCAL          17408 /* bytes of local memory, the most that a kernel takes */
#define SMALL_LOCAL    2176  /* of gemm_gpu_16 */
#define SKINNY_COLUMNS 32

static size_t divide_up(int32_t n, int32_t by)
{
    return ((size_t)n + (size_t)by - 1) / (size_t)by;
}

static size_t tiles(const struct clseq_gemm_problem *p, int32_t tile)
{
    return divide_up(p->m, tile) * divide_up(p->n, tile) * (size_t)p->batch;
}

/* Does every row of every matrix start at a multiple of four elements? */
static bool rows_are_aligned(const struct clseq_gemm_matrix *x, int32_t batch)
{
    return x->offset % 4 == 0 && x->rows % 4 == 0 && (batch == 1 || x->batch % 4 == 0);
}

static struct clseq_opencl_range groups(size_t n0, size_t n1, const struct clseq_gemm_problem *p)
{
    return clseq_opencl_range_3d(n0 * GROUP, n1, (size_t)p->batch, GROUP, 1, 1);
}

/* CL_KERNEL_WORK_GROUP_SIZE is not asked: rusticl says less there than it can. Whether the kernels
 * run is found out by running them. */
bool clseq_opencl_gemm_gpu_fits(const clseq_backend *be, enum clseq_gemm_candidate which)
{
    const struct clseq_opencl *cl = clseq_opencl_of(be);
    const bool small = which == CLSEQ_CANDIDATE_16;

    return cl->max_group >= (small ? SMALL_SIDE * SMALL_SIDE : GROUP) &&
           cl->max_items[0] >= (small ? SMALL_SIDE : GROUP) &&
           cl->local_bytes >= (small ? SMALL_LOCAL : LOCAL);
}

clseq_status clseq_opencl_gemm_gpu_launch(clseq_backend *be, enum clseq_opencl_kernel kernel,
                                          struct clseq_opencl_range range,
                                          const struct clseq_gemm_problem *p)
{
    const int vectors = (rows_are_aligned(&p->a, p->batch) ? 1 : 0) |
                        (rows_are_aligned(&p->b, p->batch) ? 2 : 0) |
                        (rows_are_aligned(&p->c, p->batch) ? 4 : 0);
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
        clseq_arg_int(vectors),
    };

    return clseq_opencl_launch(be, kernel, range, CLSEQ_ARRAY_SIZE(args), args);
}

clseq_status clseq_opencl_gemm_gpu_run(clseq_backend *be, const struct clseq_gemm_problem *p,
                                       enum clseq_gemm_candidate which)
{
    switch (which) {
    case CLSEQ_CANDIDATE_SKINNY:
        return clseq_opencl_gemm_gpu_launch(
            be, p->m <= 4 ? CLSEQ_KERNEL_gemm_gpu_skinny_4 : CLSEQ_KERNEL_gemm_gpu_skinny_16,
            groups(divide_up(p->n, SKINNY_COLUMNS), 1, p), p);
    case CLSEQ_CANDIDATE_128:
        return clseq_opencl_gemm_gpu_launch(be, CLSEQ_KERNEL_gemm_gpu_128,
                                            groups(divide_up(p->n, 128), divide_up(p->m, 128), p),
                                            p);
    case CLSEQ_CANDIDATE_64:
        return clseq_opencl_gemm_gpu_launch(be, CLSEQ_KERNEL_gemm_gpu_64,
                                            groups(divide_up(p->n, 64), divide_up(p->m, 64), p), p);
    default:
        return clseq_opencl_gemm_gpu_launch(be, CLSEQ_KERNEL_gemm_gpu_16,
                                            clseq_opencl_range_3d(divide_up(p->n, 16) * SMALL_SIDE,
                                                                  divide_up(p->m, 16) * SMALL_SIDE,
                                                                  (size_t)p->batch, SMALL_SIDE,
                                                                  SMALL_SIDE, 1),
                                            p);
    }
}

/* Tiles of 128 do most arithmetic per byte, when they are enough to fill the device; of a small or
 * narrow C small tiles waste least. */
enum clseq_gemm_candidate clseq_opencl_gemm_gpu_choose(const clseq_backend *be,
                                                       const struct clseq_gemm_problem *p)
{
    const bool fill = p->m > 64 && p->n > 64 && tiles(p, 128) >= clseq_opencl_of(be)->compute_units;
    const bool small = p->n <= 16 || (p->m <= 32 && p->n <= 32);
    const enum clseq_gemm_candidate order[] = {
        clseq_opencl_gemm_is_skinny(p->m, p->k) ? CLSEQ_CANDIDATE_SKINNY
        : small                                 ? CLSEQ_CANDIDATE_16
        : fill                                  ? CLSEQ_CANDIDATE_128
                                                : CLSEQ_CANDIDATE_64,
        CLSEQ_CANDIDATE_64,
        CLSEQ_CANDIDATE_128,
    };

    for (size_t i = 0; i < CLSEQ_ARRAY_SIZE(order); i++) {
        if (!clseq_opencl_gemm_is_refused(be, order[i]))
            return order[i];
    }
    return CLSEQ_CANDIDATE_16;
}
