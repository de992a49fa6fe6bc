/* SPDX-License-Identifier: BSD-2-Clause */
#include "opencl/opencl_argmax.h"

#include "backend/precision.h"
#include "opencl/opencl_gemm.h"
#include "opencl/opencl_gemm_trial.h"
#include "opencl/opencl_packed_cache.h"
#include "opencl/opencl_program.h"

#include <string.h>

/* The most groups of columns, as in cl/argmax_filter.clh, and what a group's columns are a multiple
 * of. */
#define GROUPS_MAX 256
#define GROUP_STEP 256

/* No packed copy has these parts: the lengths of the rows of B; B in int8. */
#define PARTS_NORMS (-3)
#define PARTS_INT8  (-4)

/* With so few rows reading B takes the time. In bf16 half of it is read, by a kernel that can be in
 * a list of launches, as that of int8, which reads a quarter, cannot. */
#define COPY_ROWS 3

/* Longer sums than the bounds are made for. */
#define STEPS_MAX 16384

/* Columns of a panel of int8, as in cl/argmax_int8.clh, and items of a product for each unit. */
#define INT8_SIDE      32
#define ITEMS_PER_UNIT 16

static int32_t group_of(const struct clseq_gemm_problem *p)
{
    return GROUP_STEP * (p->n / (GROUPS_MAX * GROUP_STEP) + 1);
}

static size_t groups_of(const struct clseq_gemm_problem *p)
{
    return ((size_t)p->n + (size_t)group_of(p) - 1) / (size_t)group_of(p);
}

/* ---- int8 ---- */

/* B in int8: panels of `filled` columns, `words` a column, then scales and sums; the lengths of the
 * groups are behind `norms` words. */
struct int8_copy {
    cl_mem mem;
    size_t words, filled, norms;
};

static size_t int8_words(const struct clseq_gemm_problem *p)
{
    return ((size_t)p->k + 3) / 4;
}

/* Where no copy is kept (yet), scratch memory when `needed`, otherwise ret->mem is NULL. */
static clseq_status int8_of_b(clseq_backend *be, const struct clseq_gemm_problem *p, bool needed,
                              struct int8_copy *ret)
{
    const size_t filled = clseq_round_up((size_t)p->n, INT8_SIDE), words = int8_words(p);
    const size_t norms = filled * (words + 2), bytes = (norms + 2 * groups_of(p)) * 4;
    bool is_there;

    *ret = (struct int8_copy) { .words = words, .filled = filled, .norms = norms };
    clseq_opencl_packed_find(be, p, PARTS_INT8, bytes, &ret->mem, &is_there);
    if (is_there || (!ret->mem && !needed))
        return CLSEQ_OK;
    if (!ret->mem)
        CLSEQ_TRY(clseq_opencl_scratch(be, CLSEQ_SCRATCH_GEMM_B, bytes, &ret->mem));
    return CLSEQ_LAUNCH(be, int8_pack, clseq_opencl_range_1d(groups_of(p), 1),
                        clseq_arg_mem(p->b.mem), clseq_arg_ulong(p->b.offset),
                        clseq_arg_int(p->b.rows), clseq_arg_int(p->n), clseq_arg_int(p->k),
                        clseq_arg_int((int32_t)words), clseq_arg_int(group_of(p)),
                        clseq_arg_mem(ret->mem));
}

/* C from that copy; *numbers are those of the rows of A. */
static clseq_status int8_product(clseq_backend *be, const struct clseq_gemm_problem *p,
                                 const struct int8_copy *b, cl_mem *numbers)
{
    const size_t items = (size_t)clseq_opencl_of(be)->compute_units * ITEMS_PER_UNIT;
    const size_t panels = b->filled / INT8_SIDE, each = (panels + items - 1) / items;
    cl_mem rounded;

    CLSEQ_TRY(
        clseq_opencl_scratch(be, CLSEQ_SCRATCH_ROUND_A, (size_t)p->m * b->words * 4, &rounded));
    CLSEQ_TRY(clseq_opencl_scratch(be, CLSEQ_SCRATCH_NORMS, (size_t)p->m * 3 * sizeof(cl_float),
                                   numbers));
    CLSEQ_TRY(CLSEQ_LAUNCH(
        be, int8_rows, clseq_opencl_range_2d((size_t)p->m, 1, 1, 1), clseq_arg_mem(p->a.mem),
        clseq_arg_ulong(p->a.offset), clseq_arg_int(p->a.rows), clseq_arg_int(p->k),
        clseq_arg_int((int32_t)b->words), clseq_arg_mem(rounded), clseq_arg_mem(*numbers)));
    return CLSEQ_LAUNCH(be, gemm_int8, clseq_opencl_range_1d((panels + each - 1) / each, 1),
                        clseq_arg_mem(rounded), clseq_arg_mem(*numbers), clseq_arg_mem(b->mem),
                        clseq_arg_mem(p->vector.mem), clseq_arg_ulong(p->vector.offset),
                        clseq_arg_int(p->vector.mem != NULL), clseq_arg_mem(p->c.mem),
                        clseq_arg_ulong(p->c.offset), clseq_arg_int(p->c.rows), clseq_arg_int(p->m),
                        clseq_arg_int(p->n), clseq_arg_int((int32_t)b->words),
                        clseq_arg_int((int32_t)each * INT8_SIDE));
}

/* The processor and, for its registers, the system. */
static bool has_int8(const struct clseq_backend *be)
{
#if defined(__x86_64__)
    return clseq_opencl_of(be)->is_pocl && be->info.host_memory &&
           __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
           __builtin_cpu_supports("avx512vnni");
#else
    return false;
#endif
}

static clseq_status int8_alone(clseq_backend *be, const struct clseq_gemm_problem *p)
{
    struct int8_copy b;
    cl_mem numbers;

    CLSEQ_TRY(int8_of_b(be, p, true, &b));
    return int8_product(be, p, &b, &numbers);
}

/* Products around the edges of tiles. In each factor rounding takes at most half of a 127th of the
 * largest number of a row. */
static clseq_status check_int8(clseq_backend *be)
{
    static const int32_t sizes[][3] = { { 1, 37, 21 }, { 31, 300, 61 }, { 14, 64, 130 } };

    for (size_t i = 0; i < CLSEQ_ARRAY_SIZE(sizes); i++) {
        struct clseq_gemm_trial trial;
        clseq_status status;

        CLSEQ_TRY(
            clseq_gemm_trial_open(be, sizes[i][0], sizes[i][1], sizes[i][2], false, true, &trial));
        trial.rounding = 2.0 / 127;
        status = clseq_gemm_trial_check(&trial, "int8", int8_alone);
        clseq_gemm_trial_close(&trial);
        CLSEQ_TRY(status);
    }
    return CLSEQ_OK;
}

static clseq_status open_int8(clseq_backend *be, const struct clseq_opencl_cache *cache,
                              const char *wanted)
{
    struct clseq_opencl *cl = clseq_opencl_of(be);
    const bool emulated = wanted && strcmp(wanted, "int8-emulated") == 0;
    clseq_status status;

    if ((wanted && strcmp(wanted, "none") == 0) || (!emulated && !has_int8(be)))
        return CLSEQ_OK;
    cl->unit_emulated = emulated;
    status = clseq_opencl_programs_add(be, cache, CLSEQ_PROGRAM_gemm_int8);
    if (status == CLSEQ_OK)
        status = check_int8(be);
    if (status == CLSEQ_ERR_DEVICE || status == CLSEQ_ERR_BUILD) {
        clseq_log(be->ctx, CLSEQ_LOG_WARNING, "%s; not using it", clseq_context_error(be->ctx));
        return CLSEQ_OK;
    }
    cl->has_int8 = status == CLSEQ_OK;
    return status;
}

clseq_status clseq_opencl_argmax_open(clseq_backend *be, const struct clseq_opencl_cache *cache,
                                      const char *wanted)
{
    struct clseq_opencl *cl = clseq_opencl_of(be);

    if (be->info.precision != CLSEQ_PRECISION_FP32 || !cl->cpu_class ||
        cl->gemm != CLSEQ_PROVIDER_CPU)
        return CLSEQ_OK;
    cl->ops.gemm_argmax = clseq_opencl_gemm_argmax;
    return open_int8(be, cache, wanted);
}

/* ---- what is left in question ---- */

/* How far a product is off: where the lengths of the rows of B are, and where A was rounded too,
 * those of its rows. */
struct rough {
    cl_mem norms, numbers;
    size_t first;
};

/* The lengths of the rows of B by groups, kept as packed copies of it are, for B in bf16. */
static clseq_status norms_of(clseq_backend *be, const struct clseq_gemm_problem *p, cl_mem *ret)
{
    const size_t groups = groups_of(p), bytes = 2 * groups * sizeof(cl_float);
    bool filled;

    clseq_opencl_packed_find(be, p, PARTS_NORMS, bytes, ret, &filled);
    if (filled)
        return CLSEQ_OK;
    if (!*ret)
        CLSEQ_TRY(clseq_opencl_scratch(be, CLSEQ_SCRATCH_NORMS, bytes, ret));
    return CLSEQ_LAUNCH(be, argmax_norms, clseq_opencl_range_1d(groups, 1), clseq_arg_mem(p->b.mem),
                        clseq_arg_ulong(p->b.offset), clseq_arg_int(p->b.rows), clseq_arg_int(p->n),
                        clseq_arg_int(p->k), clseq_arg_int(group_of(p)), clseq_arg_mem(*ret));
}

/* C with factors of int8, or with B in bf16 where it is read once. *ret is false, and nothing is
 * done, where gemm itself is as fast. */
static clseq_status rough_product(clseq_backend *be, const struct clseq_gemm_problem *p,
                                  struct rough *rough, bool *ret)
{
    struct clseq_gemm_problem q = *p;
    struct int8_copy b;

    *ret = false;
    if (p->m > COPY_ROWS) {
        if (!clseq_opencl_of(be)->has_int8)
            return CLSEQ_OK;
        /* Tests change all matrices all the time. */
        CLSEQ_TRY(int8_of_b(be, p, clseq_opencl_of(be)->unit_emulated, &b));
        *ret = b.mem != NULL;
        *rough = (struct rough) { .norms = b.mem, .first = b.norms };
        return *ret ? int8_product(be, p, &b, &rough->numbers) : CLSEQ_OK;
    }
    q.b_dropped = clseq_precision_dropped(CLSEQ_PRECISION_BF16);
    CLSEQ_TRY(clseq_opencl_gemm_bf16_b(be, &q, ret));
    if (!*ret)
        return CLSEQ_OK;
    CLSEQ_TRY(norms_of(be, p, &rough->norms));
    return clseq_opencl_gemm_dot_bf16(be, &q);
}

static clseq_status filter(clseq_backend *be, const struct clseq_gemm_argmax_args *a,
                           const struct clseq_gemm_problem *p, const struct rough *rough)
{
    return CLSEQ_LAUNCH(be, argmax_filter, clseq_opencl_range_2d((size_t)p->m, 1, 1, 1),
                        CLSEQ_ARG_ROWS(&a->a), CLSEQ_ARG_ROWS(&a->b), CLSEQ_ARG_TENSOR(&a->bias),
                        clseq_arg_int(clseq_tensor_present(&a->bias)), CLSEQ_ARG_ROWS(&a->c),
                        clseq_arg_mem(rough->norms), clseq_arg_ulong(rough->first),
                        clseq_arg_mem(rough->numbers), clseq_arg_int(rough->numbers != NULL),
                        CLSEQ_ARG_TENSOR(&a->index), clseq_arg_int(p->n), clseq_arg_int(p->k),
                        clseq_arg_int(group_of(p)), clseq_arg_int(clseq_opencl_gemm_cpu_is_dot(p)));
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

clseq_status clseq_opencl_gemm_argmax(clseq_backend *be, const struct clseq_gemm_argmax_args *a)
{
    const struct clseq_gemm_args product = {
        .a = a->a, .b = a->b, .c = a->c, .bias = a->bias, .trans_b = true, .alpha = 1, .beta = 0
    };
    const int32_t k = a->a.dims[1];

    if (k > 0 && k <= STEPS_MAX && is_near(&a->a) && is_near(&a->b) && is_near(&a->c)) {
        const struct clseq_gemm_problem p = problem_of(a);
        struct rough rough = { .numbers = NULL };
        bool done;

        CLSEQ_TRY(rough_product(be, &p, &rough, &done));
        if (done)
            return filter(be, a, &p, &rough);
    }
    CLSEQ_TRY(clseq_opencl_gemm(be, &product));
    return clseq_opencl_argmax(be, &(struct clseq_argmax_args) { .x = a->c, .index = a->index });
}
