/* SPDX-License-Identifier: BSD-2-Clause */
#include "opencl/opencl_argmax.h"

#include "backend/precision.h"
#include "opencl/opencl_gemm_blocks.h"
#include "opencl/opencl_matrix_unit.h"
#include "opencl/opencl_packed_cache.h"
#include "opencl/opencl_program.h"

#include <string.h>

/* The most groups of columns, as in cl/argmax_filter.clh, and what a group's columns are a multiple
 * of. */
#define GROUPS_MAX 256
#define GROUP_STEP 256

/* No packed copy has these parts: the lengths of the rows of B. */
#define PARTS_NORMS (-3)

/* From so many rows on a product of the unit wins over what making it costs; with so few, reading B
 * takes the time, and half of it is read. */
#define UNIT_ROWS 4
#define COPY_ROWS 3

/* Longer sums than the bounds are made for. */
#define STEPS_MAX 16384

/* Products of bf16 by the processor, where it has them. */
static clseq_status open_unit(clseq_backend *be, const struct clseq_opencl_cache *cache,
                              const char *wanted)
{
    const bool emulated = wanted && strcmp(wanted, "avx512-emulated") == 0;
    clseq_status status;

    if ((wanted && strcmp(wanted, "none") == 0) || !clseq_matrix_unit_avx512_is_there(be, emulated))
        return CLSEQ_OK;
    status = clseq_opencl_matrix_unit_try(be, cache, &clseq_matrix_unit_avx512, emulated);
    if (status == CLSEQ_ERR_DEVICE || status == CLSEQ_ERR_BUILD) {
        clseq_log(be->ctx, CLSEQ_LOG_WARNING, "%s; not using it", clseq_context_error(be->ctx));
        return CLSEQ_OK;
    }
    CLSEQ_TRY(status);
    clseq_opencl_of(be)->filter_unit = &clseq_matrix_unit_avx512;
    return CLSEQ_OK;
}

clseq_status clseq_opencl_argmax_open(clseq_backend *be, const struct clseq_opencl_cache *cache,
                                      const char *wanted)
{
    struct clseq_opencl *cl = clseq_opencl_of(be);

    if (be->info.precision != CLSEQ_PRECISION_FP32 || !cl->cpu_class ||
        cl->gemm != CLSEQ_PROVIDER_CPU)
        return CLSEQ_OK;
    cl->ops.gemm_argmax = clseq_opencl_gemm_argmax;
    return open_unit(be, cache, wanted);
}

/* The lengths of the rows of B by groups, kept as packed copies of it are. */
static clseq_status norms_of(clseq_backend *be, const struct clseq_gemm_problem *p, int32_t group,
                             cl_mem *ret)
{
    const size_t groups = ((size_t)p->n + (size_t)group - 1) / (size_t)group;
    const size_t bytes = 2 * groups * sizeof(cl_float);
    bool filled;

    clseq_opencl_packed_find(be, p, PARTS_NORMS, bytes, ret, &filled);
    if (filled)
        return CLSEQ_OK;
    if (!*ret)
        CLSEQ_TRY(clseq_opencl_scratch(be, CLSEQ_SCRATCH_NORMS, bytes, ret));
    return CLSEQ_LAUNCH(be, argmax_norms, clseq_opencl_range_1d(groups, 1), clseq_arg_mem(p->b.mem),
                        clseq_arg_ulong(p->b.offset), clseq_arg_int(p->b.rows), clseq_arg_int(p->n),
                        clseq_arg_int(p->k), clseq_arg_int(group), clseq_arg_mem(*ret));
}

static bool is_near(const clseq_tensor *x)
{
    return x->strides[0] <= INT32_MAX;
}

static struct clseq_gemm_problem problem_of(const struct clseq_gemm_argmax_args *a)
{
    const bool has_bias = clseq_tensor_present(&a->bias);
    struct clseq_gemm_problem p = {
        .a = { .mem = clseq_opencl_mem(&a->a), .offset = a->a.offset },
        .b = { .mem = clseq_opencl_mem(&a->b), .offset = a->b.offset },
        .c = { .mem = clseq_opencl_mem(&a->c), .offset = a->c.offset },
        .m = a->c.dims[0],
        .n = a->c.dims[1],
        .k = a->a.dims[1],
        .batch = 1,
        .trans_b = true,
        .alpha = 1,
        .beta = has_bias ? 1 : 0,
        .b_id = a->b.buffer->id,
        .b_version = a->b.buffer->version,
    };

    p.a.rows = (int32_t)a->a.strides[0];
    p.b.rows = (int32_t)a->b.strides[0];
    p.c.rows = (int32_t)a->c.strides[0];
    if (has_bias)
        p.vector = (struct clseq_gemm_matrix) { .mem = clseq_opencl_mem(&a->bias),
                                                .offset = a->bias.offset };
    return p;
}

/* C with factors of bf16: both with a unit, that of B where it is read once. *ret is false, and
 * nothing is done, where gemm itself is as fast. */
static clseq_status rough_product(clseq_backend *be, const struct clseq_gemm_problem *p,
                                  bool *is_rounded, bool *ret)
{
    const struct clseq_matrix_unit *unit = clseq_opencl_of(be)->filter_unit;
    struct clseq_gemm_problem q = *p;

    *is_rounded = unit && p->m >= UNIT_ROWS;
    *ret = *is_rounded;
    if (*is_rounded)
        return clseq_gemm_blocks_run(be, unit->blocks, p);
    if (p->m > COPY_ROWS)
        return CLSEQ_OK;
    q.b_dropped = clseq_precision_dropped(CLSEQ_PRECISION_BF16);
    CLSEQ_TRY(clseq_opencl_gemm_bf16_b(be, &q, ret));
    return *ret ? clseq_opencl_gemm_dot_bf16(be, &q) : CLSEQ_OK;
}

static clseq_status filter(clseq_backend *be, const struct clseq_gemm_argmax_args *a,
                           const struct clseq_gemm_problem *p, bool is_rounded)
{
    const int32_t group = GROUP_STEP * (p->n / (GROUPS_MAX * GROUP_STEP) + 1);
    cl_mem norms;

    CLSEQ_TRY(norms_of(be, p, group, &norms));
    return CLSEQ_LAUNCH(be, argmax_filter, clseq_opencl_range_2d((size_t)p->m, 1, 1, 1),
                        CLSEQ_ARG_ROWS(&a->a), CLSEQ_ARG_ROWS(&a->b), CLSEQ_ARG_TENSOR(&a->bias),
                        clseq_arg_int(clseq_tensor_present(&a->bias)), CLSEQ_ARG_ROWS(&a->c),
                        clseq_arg_mem(norms), CLSEQ_ARG_TENSOR(&a->index), clseq_arg_int(p->n),
                        clseq_arg_int(p->k), clseq_arg_int(group), clseq_arg_int(is_rounded),
                        clseq_arg_int(clseq_opencl_gemm_cpu_is_dot(p)));
}

clseq_status clseq_opencl_gemm_argmax(clseq_backend *be, const struct clseq_gemm_argmax_args *a)
{
    const struct clseq_gemm_args product = {
        .a = a->a, .b = a->b, .c = a->c, .bias = a->bias, .trans_b = true, .alpha = 1, .beta = 0
    };
    const int32_t k = a->a.dims[1];

    if (k > 0 && k <= STEPS_MAX && is_near(&a->a) && is_near(&a->b) && is_near(&a->c)) {
        const struct clseq_gemm_problem p = problem_of(a);
        bool is_rounded, done;

        CLSEQ_TRY(rough_product(be, &p, &is_rounded, &done));
        if (done)
            return filter(be, a, &p, is_rounded);
    }
    CLSEQ_TRY(clseq_opencl_gemm(be, &product));
    return clseq_opencl_argmax(be, &(struct clseq_argmax_args) { .x = a->c, .index = a->index });
}
