/* SPDX-License-Identifier: BSD-2-Clause */
#include "opencl/opencl_gemm_trial.h"

#include "base/clock.h"

#include <math.h>
#include <stdlib.h>

/* Products of more elements are compared in about that many. */
#define COMPARED_MAX 1024

/* Runs that the median is taken of, unless one takes long; each long enough for the clock. */
#define RUNS         5
#define RUN_SECONDS  1e-3
#define LONG_SECONDS 0.1
#define REPEATS_MAX  50

clseq_status clseq_gemm_trial_open(clseq_backend *be, int32_t m, int32_t n, int32_t k, bool trans_a,
                                   bool trans_b, struct clseq_gemm_trial *ret)
{
    const size_t a_floats = (size_t)m * (size_t)k, b_floats = (size_t)n * (size_t)k;
    struct clseq_gemm_trial t = { .be = be, .floats = a_floats + b_floats + (size_t)m * (size_t)n };
    clseq_status status;

    CLSEQ_TRY(clseq_calloc(be->ctx, 2 * t.floats, sizeof(float), "trial of products", &t.x));
    t.y = t.x + t.floats;
    for (size_t i = 0; i < t.floats; i++)
        t.x[i] = i < a_floats + b_floats ? (float)((int)(i * 7 % 41) - 20) / 16.0f : NAN;
    t.buffer.base = (clseq_buffer) { .backend = be,
                                     .bytes = t.floats * sizeof(float),
                                     .label = "trial of products" };
    status = clseq_opencl_buffer_create(be, &t.buffer.base);
    if (status != CLSEQ_OK) {
        free(t.x);
        return status;
    }
    t.problem = (struct clseq_gemm_problem) {
        .a = { .mem = t.buffer.mem, .rows = trans_a ? m : k },
        .b = { .mem = t.buffer.mem, .offset = a_floats, .rows = trans_b ? k : n },
        .c = { .mem = t.buffer.mem, .offset = a_floats + b_floats, .rows = n },
        .m = m,
        .n = n,
        .k = k,
        .batch = 1,
        .trans_a = trans_a,
        .trans_b = trans_b,
        .alpha = 1,
    };
    *ret = t;
    return CLSEQ_OK;
}

void clseq_gemm_trial_close(struct clseq_gemm_trial *t)
{
    if (!t->x)
        return;
    clseq_opencl_buffer_destroy(t->be, &t->buffer.base);
    free(t->x);
    t->x = NULL;
}

/* What element (m, n) should be, and what its rounding errors may add up to. */
static void plain_element(const struct clseq_gemm_trial *t, size_t m, size_t n, double *sum,
                          double *size)
{
    const struct clseq_gemm_problem *p = &t->problem;
    const float *a = t->x + p->a.offset, *b = t->x + p->b.offset;
    const size_t a_rows = (size_t)p->a.rows, b_rows = (size_t)p->b.rows;

    *sum = *size = 0;
    for (size_t k = 0; k < (size_t)p->k; k++) {
        const float u = p->trans_a ? a[k * a_rows + m] : a[m * a_rows + k];
        const float v = p->trans_b ? b[n * b_rows + k] : b[k * b_rows + n];
        const double product = (double)u * (double)v;

        *sum += product;
        *size += fabs(product);
    }
}

clseq_status clseq_gemm_trial_check(struct clseq_gemm_trial *t, const char *name,
                                    clseq_gemm_run *run)
{
    const struct clseq_gemm_problem *p = &t->problem;
    const size_t bytes = t->floats * sizeof(float), columns = (size_t)p->n;
    const size_t count = (size_t)p->m * columns;
    const size_t step = count > COMPARED_MAX ? (count / COMPARED_MAX) | 1 : 1;

    CLSEQ_TRY(clseq_opencl_buffer_write(t->be, &t->buffer.base, 0, t->x, bytes));
    CLSEQ_TRY(run(t->be, p));
    CLSEQ_TRY(clseq_opencl_buffer_read(t->be, &t->buffer.base, 0, t->y, bytes));
    for (size_t i = 0; i < count; i++) {
        const double got = (double)t->y[p->c.offset + i];
        double want, size;

        if (isfinite(got) && i % step != 0 && i + 1 != count)
            continue;
        plain_element(t, i / columns, i % columns, &want, &size);
        if (!(fabs(got - want) <= ((p->k + 8) * 5.96e-8 + t->rounding) * size))
            return clseq_fail(t->be->ctx, CLSEQ_ERR_DEVICE,
                              "matrix products of provider %s on %s are wrong: %s %s, "
                              "%d x %d x %d, element (%zu, %zu) is %g instead of %g",
                              name, t->be->info.device, p->trans_a ? "A^T" : "A",
                              p->trans_b ? "B^T" : "B", (int)p->m, (int)p->n, (int)p->k,
                              i / columns, i % columns, got, want);
    }
    return CLSEQ_OK;
}

static clseq_status run_many(struct clseq_gemm_trial *t, clseq_gemm_run *run, int repeats,
                             double *seconds)
{
    const double start = clseq_seconds();

    for (int i = 0; i < repeats; i++)
        CLSEQ_TRY(run(t->be, &t->problem));
    CLSEQ_TRY(clseq_opencl_sync(t->be));
    *seconds = (clseq_seconds() - start) / repeats;
    return CLSEQ_OK;
}

static int by_size(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;

    return (x > y) - (x < y);
}

clseq_status clseq_gemm_trial_time(struct clseq_gemm_trial *t, clseq_gemm_run *run, double *seconds)
{
    double first, times[RUNS];
    int repeats;

    CLSEQ_TRY(run_many(t, run, 1, &first));
    *seconds = first;
    if (first > LONG_SECONDS)
        return CLSEQ_OK;
    repeats = first * REPEATS_MAX > RUN_SECONDS ? (int)(RUN_SECONDS / first) + 1 : REPEATS_MAX;
    for (int i = 0; i < RUNS; i++)
        CLSEQ_TRY(run_many(t, run, repeats, &times[i]));
    qsort(times, RUNS, sizeof(times[0]), by_size);
    *seconds = times[RUNS / 2];
    return CLSEQ_OK;
}
