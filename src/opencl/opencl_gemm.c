/* SPDX-License-Identifier: BSD-2-Clause */
#include "opencl/opencl_gemm.h"

#include "opencl/opencl_buffer.h"
#include "opencl/opencl_program.h"

#include <config.h>

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct provider {
    const char *name;
    clseq_status (*run)(clseq_backend *be, const struct clseq_gemm_problem *p);
};

static const struct provider providers[] = {
    [CLSEQ_PROVIDER_CPU] = { "cpu", clseq_opencl_gemm_cpu },
    [CLSEQ_PROVIDER_GPU] = { "gpu", clseq_opencl_gemm_gpu },
    [CLSEQ_PROVIDER_CLBLAST] = { "clblast", clseq_opencl_gemm_clblast },
};

/* ---- running ---- */

static bool matrix_of(const clseq_tensor *x, struct clseq_gemm_matrix *ret)
{
    const int row = x->ndim - 2;

    if (x->strides[row] > INT32_MAX)
        return false;
    ret->mem = clseq_opencl_mem(x);
    ret->offset = x->offset;
    ret->rows = (int32_t)x->strides[row];
    ret->batch = x->ndim == 3 ? (uint64_t)x->strides[0] : 0;
    return true;
}

/* k = 0: C = beta C. */
static clseq_status scale(clseq_backend *be, const struct clseq_gemm_args *a)
{
    const struct clseq_fill_args zero = { .dst = a->c, .value = 0 };
    const int row = a->c.ndim - 2;
    const int32_t rows = a->c.dims[row], columns = a->c.dims[row + 1];
    const int32_t matrices = a->c.ndim == 3 ? a->c.dims[0] : 1;
    const size_t local = clseq_opencl_of(be)->local_1d;

    if ((float)a->beta == 0.0f)
        return clseq_opencl_fill(be, &zero);
    return CLSEQ_LAUNCH(
        be, gemm_scale,
        clseq_opencl_range_3d((size_t)columns, (size_t)rows, (size_t)matrices, local, 1, 1),
        CLSEQ_ARG_TENSOR(&a->c), clseq_arg_stride(a->c.strides[row]),
        clseq_arg_ulong(a->c.ndim == 3 ? (uint64_t)a->c.strides[0] : 0), clseq_arg_int(rows),
        clseq_arg_int(columns), clseq_arg_int(matrices), clseq_arg_float(a->beta));
}

static clseq_status run(clseq_backend *be, const struct provider *provider,
                        const struct clseq_gemm_args *a)
{
    const int row = a->c.ndim - 2;
    struct clseq_gemm_problem p = { .m = a->c.dims[row],
                                    .n = a->c.dims[row + 1],
                                    .k = a->a.dims[a->trans_a ? row : row + 1],
                                    .batch = row == 1 ? a->c.dims[0] : 1,
                                    .trans_a = a->trans_a,
                                    .trans_b = a->trans_b,
                                    .alpha = (float)a->alpha,
                                    .beta = (float)a->beta };

    if (p.m == 0 || p.n == 0 || p.batch == 0)
        return CLSEQ_OK;
    if (p.k == 0)
        return scale(be, a);
    if (!matrix_of(&a->a, &p.a) || !matrix_of(&a->b, &p.b) || !matrix_of(&a->c, &p.c))
        return clseq_fail(be->ctx, CLSEQ_ERR_LIMIT,
                          "gemm: the rows of a matrix are more than 2^31 - 1 elements apart");
    return provider->run(be, &p);
}

clseq_status clseq_opencl_gemm(clseq_backend *be, const struct clseq_gemm_args *a)
{
    return run(be, &providers[clseq_opencl_of(be)->gemm], a);
}

/* ---- checking a provider when the device opens ---- */

/* Odd sizes, one with few rows and one with a long sum. */
static const struct {
    int32_t m, n, k;
} checked_sizes[] = { { 3, 37, 21 }, { 19, 45, 261 } };

#define CHECKED_FLOATS (19 * 261 + 45 * 261 + 19 * 45)

/* What a product should be, and what its rounding errors may add up to. */
static void plain_element(const struct clseq_gemm_args *a, const float *x, int32_t m, int32_t n,
                          int32_t k, double *sum, double *size)
{
    const float *p = x + a->a.offset, *q = x + a->b.offset;

    *sum = *size = 0;
    for (int32_t i = 0; i < k; i++) {
        const float u = a->trans_a ? p[i * a->a.strides[0] + m] : p[m * a->a.strides[0] + i];
        const float v = a->trans_b ? q[n * a->b.strides[0] + i] : q[i * a->b.strides[0] + n];
        const double product = (double)u * (double)v;

        *sum += product;
        *size += fabs(product);
    }
}

static clseq_status check_product(clseq_backend *be, const struct provider *provider,
                                  struct clseq_opencl_buffer *buffer, const float *x, float *y,
                                  const struct clseq_gemm_args *a, int32_t k)
{
    const int32_t rows = a->c.dims[0], columns = a->c.dims[1];

    CLSEQ_TRY(clseq_opencl_buffer_write(be, &buffer->base, 0, x, CHECKED_FLOATS * sizeof(float)));
    CLSEQ_TRY(run(be, provider, a));
    CLSEQ_TRY(clseq_opencl_buffer_read(be, &buffer->base, 0, y, CHECKED_FLOATS * sizeof(float)));
    for (int32_t m = 0; m < rows; m++) {
        for (int32_t n = 0; n < columns; n++) {
            const double got = (double)y[a->c.offset + (size_t)m * (size_t)columns + (size_t)n];
            double want, size;

            plain_element(a, x, m, n, k, &want, &size);
            if (!(fabs(got - want) <= (k + 8) * 5.96e-8 * size))
                return clseq_fail(
                    be->ctx, CLSEQ_ERR_DEVICE,
                    "matrix products of provider %s on %s are wrong: %s %s, %d x %d x %d, "
                    "element (%d, %d) is %g instead of %g",
                    provider->name, be->info.device, a->trans_a ? "A^T" : "A",
                    a->trans_b ? "B^T" : "B", (int)rows, (int)columns, (int)k, (int)m, (int)n, got,
                    want);
        }
    }
    return CLSEQ_OK;
}

/* C starts as NaN, which beta = 0 must not let through. */
static clseq_status check_provider(clseq_backend *be, const struct provider *provider)
{
    struct clseq_opencl_buffer buffer = { .base = { .backend = be,
                                                    .bytes = CHECKED_FLOATS * sizeof(float),
                                                    .label = "check of matrix products" } };
    float *x = NULL, *y;
    clseq_status status;

    CLSEQ_TRY(clseq_calloc(be->ctx, 2 * CHECKED_FLOATS, sizeof(float), "check of products", &x));
    y = x + CHECKED_FLOATS;
    CLSEQ_TRY_GOTO(status, out, clseq_opencl_buffer_create(be, &buffer.base));
    for (size_t i = 0; i < 4 * CLSEQ_ARRAY_SIZE(checked_sizes); i++) {
        const int32_t m = checked_sizes[i / 4].m, n = checked_sizes[i / 4].n,
                      k = checked_sizes[i / 4].k;
        const size_t b_start = (size_t)(m * k), c_start = b_start + (size_t)(n * k);
        struct clseq_gemm_args a = { .trans_a = i & 1, .trans_b = (i & 2) != 0, .alpha = 1 };

        for (size_t j = 0; j < CHECKED_FLOATS; j++)
            x[j] = j < c_start ? (float)((int)(j * 7 % 41) - 20) / 16.0f : NAN;
        a.a = a.trans_a ? clseq_tensor_2d(&buffer.base, 0, CLSEQ_F32, k, m)
                        : clseq_tensor_2d(&buffer.base, 0, CLSEQ_F32, m, k);
        a.b = a.trans_b ? clseq_tensor_2d(&buffer.base, b_start, CLSEQ_F32, n, k)
                        : clseq_tensor_2d(&buffer.base, b_start, CLSEQ_F32, k, n);
        a.c = clseq_tensor_2d(&buffer.base, c_start, CLSEQ_F32, m, n);
        CLSEQ_TRY_GOTO(status, out, check_product(be, provider, &buffer, x, y, &a, k));
        clseq_log(be->ctx, CLSEQ_LOG_DEBUG, "OpenCL: %s: product %zu of %zu is right",
                  provider->name, i + 1, 4 * CLSEQ_ARRAY_SIZE(checked_sizes));
    }
out:
    clseq_opencl_buffer_destroy(be, &buffer.base);
    free(x);
    return status;
}

/* ---- choosing ---- */

static clseq_status try_provider(clseq_backend *be, const struct clseq_opencl_cache *cache,
                                 enum clseq_gemm_provider_kind kind)
{
    struct clseq_opencl *cl = clseq_opencl_of(be);

    if (kind == CLSEQ_PROVIDER_CPU)
        CLSEQ_TRY(clseq_opencl_programs_add(be, cache, CLSEQ_PROGRAM_gemm_cpu));
    if (kind == CLSEQ_PROVIDER_GPU)
        CLSEQ_TRY(clseq_opencl_programs_add(be, cache, CLSEQ_PROGRAM_gemm_gpu));
    if (kind == CLSEQ_PROVIDER_CLBLAST)
        clseq_log(be->ctx, CLSEQ_LOG_INFO, "compiling the kernels of CLBlast (some seconds)...");
    CLSEQ_TRY(check_provider(be, &providers[kind]));
    cl->gemm = kind;
    snprintf(be->info.gemm, sizeof(be->info.gemm), "%s", providers[kind].name);
    return CLSEQ_OK;
}

clseq_status clseq_opencl_gemm_open(clseq_backend *be, const struct clseq_opencl_cache *cache,
                                    clseq_gemm_provider wanted)
{
    const bool cpu = clseq_opencl_of(be)->cpu_class;
    enum clseq_gemm_provider_kind order[3] = { cpu ? CLSEQ_PROVIDER_CPU : CLSEQ_PROVIDER_GPU,
                                               cpu ? CLSEQ_PROVIDER_GPU : CLSEQ_PROVIDER_CPU };
    size_t n = 2;
    clseq_status status = CLSEQ_OK;

    if (wanted == CLSEQ_GEMM_CLBLAST && !CLSEQ_HAVE_CLBLAST)
        return clseq_fail(
            be->ctx, CLSEQ_ERR_UNSUPPORTED,
            "this clseq was built without CLBlast; build it with -Dclblast=enabled, or "
            "choose the cpu or gpu products");
    if (wanted != CLSEQ_GEMM_AUTO) {
        const enum clseq_gemm_provider_kind first = wanted == CLSEQ_GEMM_CPU ? CLSEQ_PROVIDER_CPU
                                                    : wanted == CLSEQ_GEMM_GPU
                                                        ? CLSEQ_PROVIDER_GPU
                                                        : CLSEQ_PROVIDER_CLBLAST;

        if (first == CLSEQ_PROVIDER_CLBLAST)
            order[n++] = order[1];
        if (first != order[0])
            order[1] = order[0];
        order[0] = first;
    }
    for (size_t i = 0; i < n; i++) {
        status = try_provider(be, cache, order[i]);
        if (status != CLSEQ_ERR_DEVICE && status != CLSEQ_ERR_BUILD)
            return status;
        if (i + 1 < n)
            clseq_log(be->ctx, CLSEQ_LOG_WARNING, "%s; using provider %s instead",
                      clseq_context_error(be->ctx), providers[order[i + 1]].name);
    }
    return status;
}

void clseq_opencl_gemm_close(clseq_backend *be)
{
    if (clseq_opencl_of(be)->gemm == CLSEQ_PROVIDER_CLBLAST)
        clseq_opencl_gemm_clblast_close();
}
