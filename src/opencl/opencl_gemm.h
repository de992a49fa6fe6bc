/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Matrix products on a device. One provider per open device, chosen when it opens:
 *   cpu      cl/gemm_cpu.cl: work-groups of one, explicit vectors, packed panels of B
 *   gpu      cl/gemm_gpu.cl: tiles through local memory, and kernels for few rows
 *   clblast  CLBlast
 * A provider handles every shape of the contract in op_args.h but empty outputs and K = 0, which
 * opencl_gemm.c does.
 */
#ifndef CLSEQ_OPENCL_GEMM_H
#define CLSEQ_OPENCL_GEMM_H

#include "opencl/opencl_cache.h"
#include "opencl/opencl_impl.h"

/* A product as the providers take it. Strides in elements; rank 2 counts as a batch of one. */
struct clseq_gemm_matrix {
    cl_mem mem;      /* borrowed */
    uint64_t offset; /* elements */
    int32_t rows;    /* row stride */
    uint64_t batch;  /* from one matrix to the next */
};

struct clseq_gemm_problem {
    struct clseq_gemm_matrix a, b, c;
    int32_t m, n, k, batch; /* all > 0 */
    bool trans_a, trans_b;
    float alpha, beta;
    /* With beta = 1, where its `mem` is set: a vector, its `rows` being 0, that is added and not C.
     * Only for who says that it does (clseq_opencl_gemm_cpu_adds(), adds() of a matrix unit). */
    struct clseq_gemm_matrix vector;
    uint64_t b_id, b_version; /* of B's buffer; 0 where its content may change unseen */
    int b_dropped; /* bits of B's mantissa to be rounded off still; A is as it should be */
};

/* What beta multiplies. */
static inline const struct clseq_gemm_matrix *clseq_gemm_old(const struct clseq_gemm_problem *p)
{
    return p->vector.mem ? &p->vector : &p->c;
}

/* The arguments (pointer, offset, row stride, batch stride) of most kernels. */
#define CLSEQ_ARG_MATRIX(x)                                                                        \
    clseq_arg_mem((x)->mem), clseq_arg_ulong((x)->offset), clseq_arg_int((x)->rows),               \
        clseq_arg_ulong((x)->batch)

/* ---- less precision than fp32: opencl_gemm_round.c ----
 * `dropped` is of precision.h. Errors: CLSEQ_ERR_LIMIT, CLSEQ_ERR_DEVICE_NOMEM. */

/* Make A its rounded copy in scratch memory, valid until the next product. */
CLSEQ_MUST_CHECK clseq_status clseq_opencl_gemm_round_a(clseq_backend *be,
                                                        struct clseq_gemm_problem *p, int dropped);
/* Do with B what p->b_dropped asks for. With `keep` the copy is kept as packed ones are, where B is
 * used again before it changes. */
CLSEQ_MUST_CHECK clseq_status clseq_opencl_gemm_round_b(clseq_backend *be,
                                                        struct clseq_gemm_problem *p, bool keep);

/* Make B a kept copy of bf16 numbers, two bytes each; *ret is false, and nothing is done, where it
 * is not to be rounded to them or there is no such copy (yet). */
CLSEQ_MUST_CHECK clseq_status clseq_opencl_gemm_bf16_b(clseq_backend *be,
                                                       struct clseq_gemm_problem *p, bool *ret);

/* Choose the provider by options and kernel class, build its program, and compare products for all
 * pairs of transposes with plain C. A provider that is wrong is refused with a warning, and the
 * next one tried. With `tune`, provider auto and kernels for GPUs, what makes a shape is chosen by
 * measuring (opencl_tune.h). Errors: CLSEQ_ERR_DEVICE when none is right, CLSEQ_ERR_UNSUPPORTED for
 * CLBlast in a build without it, CLSEQ_ERR_BUILD. */
CLSEQ_MUST_CHECK clseq_status clseq_opencl_gemm_open(clseq_backend *be,
                                                     const struct clseq_opencl_cache *cache,
                                                     clseq_gemm_provider wanted, bool tune);
void clseq_opencl_gemm_close(clseq_backend *be);

/* The backend's slots of these names. A matrix unit is one way, the first; provider gpu has one for
 * each of its kernels, the others are one each. */
CLSEQ_MUST_CHECK clseq_status clseq_opencl_gemm_ways(clseq_backend *be,
                                                     const struct clseq_gemm_shape *shape,
                                                     struct clseq_gemm_ways *ret);
void clseq_opencl_gemm_use(clseq_backend *be, int way);

/* The providers. */
/* Can provider cpu add a vector to every row of this product? */
bool clseq_opencl_gemm_cpu_adds(const clseq_backend *be, const struct clseq_gemm_problem *p);
/* Does it make this product along k, as gemm_cpu_dot sums? */
bool clseq_opencl_gemm_cpu_is_dot(const struct clseq_gemm_problem *p);
/* A product that it makes so, with a B of clseq_opencl_gemm_bf16_b(). */
CLSEQ_MUST_CHECK clseq_status clseq_opencl_gemm_dot_bf16(clseq_backend *be,
                                                         const struct clseq_gemm_problem *p);
CLSEQ_MUST_CHECK clseq_status clseq_opencl_gemm_cpu(clseq_backend *be,
                                                    const struct clseq_gemm_problem *p);
CLSEQ_MUST_CHECK clseq_status clseq_opencl_gemm_gpu(clseq_backend *be,
                                                    const struct clseq_gemm_problem *p);
CLSEQ_MUST_CHECK clseq_status clseq_opencl_gemm_clblast(clseq_backend *be,
                                                        const struct clseq_gemm_problem *p);
/* Release CLBlast's programs; before the context is released. */
void clseq_opencl_gemm_clblast_close(void);

/* ---- what may make a product on a GPU ---- */

#define CLSEQ_GEMM_SKINNY_ROWS 16
/* Sums of no more terms are not worth dividing among items: the tiles' order of addition stays. */
#define CLSEQ_GEMM_SKINNY_STEPS 64

enum clseq_gemm_candidate {
    CLSEQ_CANDIDATE_SKINNY, /* few rows of op(A), many terms */
    CLSEQ_CANDIDATE_128,
    CLSEQ_CANDIDATE_64,
    CLSEQ_CANDIDATE_16,
    CLSEQ_CANDIDATE_CLBLAST, /* only when chosen by measuring */
    CLSEQ_CANDIDATE_COUNT
};

/* Those of cl/gemm_gpu.cl. Does the device have what it needs? */
bool clseq_opencl_gemm_gpu_fits(const clseq_backend *be, enum clseq_gemm_candidate which);
CLSEQ_MUST_CHECK clseq_status clseq_opencl_gemm_gpu_run(clseq_backend *be,
                                                        const struct clseq_gemm_problem *p,
                                                        enum clseq_gemm_candidate which);
/* Launch a kernel with the arguments of cl/gemm_gpu.clh. */
CLSEQ_MUST_CHECK clseq_status clseq_opencl_gemm_gpu_launch(clseq_backend *be,
                                                           enum clseq_opencl_kernel kernel,
                                                           struct clseq_opencl_range range,
                                                           const struct clseq_gemm_problem *p);
/* By shape, compute units and what is not refused. */
enum clseq_gemm_candidate clseq_opencl_gemm_gpu_choose(const clseq_backend *be,
                                                       const struct clseq_gemm_problem *p);

static inline bool clseq_opencl_gemm_is_skinny(int32_t m, int32_t k)
{
    return m <= CLSEQ_GEMM_SKINNY_ROWS && k > CLSEQ_GEMM_SKINNY_STEPS;
}

static inline bool clseq_opencl_gemm_is_refused(const clseq_backend *be,
                                                enum clseq_gemm_candidate which)
{
    return (clseq_opencl_of(be)->gemm_refused >> which & 1) != 0;
}

/* ---- B packed once and used many times: the cpu provider only ---- */

/* op(B) (K, N) in panels; valid until the next one is packed. */
struct clseq_opencl_packed {
    cl_mem mem; /* borrowed */
    int32_t n, k;
};

/* Columns of a panel. */
int32_t clseq_opencl_gemm_panel(const clseq_backend *be);

/* Rows of a strip. */
int32_t clseq_opencl_gemm_strip(const clseq_backend *be);

/* a (M, K), rank 2, not empty, in strips in scratch memory; valid until the next product. Errors:
 * CLSEQ_ERR_LIMIT, CLSEQ_ERR_DEVICE_NOMEM. */
CLSEQ_MUST_CHECK clseq_status clseq_opencl_gemm_pack_a(clseq_backend *be, const clseq_tensor *a,
                                                       cl_mem *ret);

/* b is (K, N), or (N, K) when trans_b; rank 2, not empty. Each of `parts` equal parts of the N
 * columns begins with a panel of its own. Where B was packed before and has not changed, it is not
 * packed again. Errors: CLSEQ_ERR_LIMIT, CLSEQ_ERR_DEVICE_NOMEM. */
CLSEQ_MUST_CHECK clseq_status clseq_opencl_gemm_pack_b(clseq_backend *be, const clseq_tensor *b,
                                                       bool trans_b, int32_t parts,
                                                       struct clseq_opencl_packed *ret);

/* C = alpha A op(B) + beta C with A (M, K), C (M, N), rank 2, not empty; B packed as one part. */
CLSEQ_MUST_CHECK clseq_status clseq_opencl_gemm_packed(clseq_backend *be, const clseq_tensor *a,
                                                       const struct clseq_opencl_packed *b,
                                                       const clseq_tensor *c, double alpha,
                                                       double beta);

#endif
