/* SPDX-License-Identifier: BSD-2-Clause */
#include "opencl/opencl_gemm.h"

#include "backend/precision.h"
#include "base/file.h"
#include "opencl/opencl_gemm_trial.h"
#include "opencl/opencl_matrix_unit.h"
#include "opencl/opencl_program.h"
#include "opencl/opencl_tune.h"

#include <clseq/version.h>
#include <config.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct provider {
    const char *name;
    clseq_gemm_run *run;
    int32_t max_rows; /* of C; 0: any */
};

#define X(candidate)                                                                               \
    static clseq_status run_##candidate(clseq_backend *be, const struct clseq_gemm_problem *p)     \
    {                                                                                              \
        return clseq_opencl_gemm_gpu_run(be, p, CLSEQ_CANDIDATE_##candidate);                      \
    }
X(SKINNY)
X(128)
X(64)
X(16)
#undef X

static const struct provider candidates[CLSEQ_CANDIDATE_COUNT] = {
    [CLSEQ_CANDIDATE_SKINNY] = { "gpu-skinny", run_SKINNY, CLSEQ_GEMM_SKINNY_ROWS },
    [CLSEQ_CANDIDATE_128] = { "gpu-128", run_128, 0 },
    [CLSEQ_CANDIDATE_64] = { "gpu-64", run_64, 0 },
    [CLSEQ_CANDIDATE_16] = { "gpu-16", run_16, 0 },
    [CLSEQ_CANDIDATE_CLBLAST] = { "clblast", clseq_opencl_gemm_clblast, 0 },
};

static const struct provider providers[] = {
    [CLSEQ_PROVIDER_CPU] = { "cpu", clseq_opencl_gemm_cpu, 0 },
    [CLSEQ_PROVIDER_GPU] = { "gpu", clseq_opencl_gemm_gpu, 0 },
    [CLSEQ_PROVIDER_CLBLAST] = { "clblast", clseq_opencl_gemm_clblast, 0 },
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

static bool uses_unit(const clseq_backend *be, const struct clseq_gemm_problem *p)
{
    const struct clseq_opencl *cl = clseq_opencl_of(be);

    return cl->unit && !cl->unit_rests && cl->unit->takes(be, p);
}

/* The unit or the provider, by the backend's precision. */
static clseq_status make(clseq_backend *be, struct clseq_gemm_problem *p)
{
    const struct clseq_opencl *cl = clseq_opencl_of(be);
    const int dropped = clseq_precision_dropped(be->info.precision);

    if (uses_unit(be, p))
        return cl->unit->run(be, p);
    if (dropped) {
        p->b_dropped = dropped;
        CLSEQ_TRY(clseq_opencl_gemm_round_a(be, p, dropped));
        /* The provider cpu does it when it packs. */
        if (cl->gemm != CLSEQ_PROVIDER_CPU)
            CLSEQ_TRY(clseq_opencl_gemm_round_b(be, p, true));
    }
    return providers[cl->gemm].run(be, p);
}

/* Does what makes this product add a vector to every row of it? */
static bool adds(const clseq_backend *be, const struct clseq_gemm_problem *p)
{
    const struct clseq_opencl *cl = clseq_opencl_of(be);

    return uses_unit(be, p) ? cl->unit->adds
                            : cl->gemm == CLSEQ_PROVIDER_CPU && clseq_opencl_gemm_cpu_adds(be, p);
}

clseq_status clseq_opencl_gemm(clseq_backend *be, const struct clseq_gemm_args *a)
{
    const bool has_bias = clseq_tensor_present(&a->bias);
    const struct clseq_bias_add_args biased = { .x = a->c, .b0 = a->bias, .y = a->c };
    const int row = a->c.ndim - 2;
    struct clseq_gemm_problem p = { .m = a->c.dims[row],
                                    .n = a->c.dims[row + 1],
                                    .k = a->a.dims[a->trans_a ? row : row + 1],
                                    .batch = row == 1 ? a->c.dims[0] : 1,
                                    .trans_a = a->trans_a,
                                    .trans_b = a->trans_b,
                                    .alpha = (float)a->alpha,
                                    .beta = (float)a->beta,
                                    .b_id = a->b.buffer->id,
                                    .b_version = a->b.buffer->version };

    if (p.m == 0 || p.n == 0 || p.batch == 0)
        return CLSEQ_OK;
    if (p.k == 0) {
        CLSEQ_TRY(scale(be, a));
        return has_bias ? clseq_opencl_bias_add(be, &biased) : CLSEQ_OK;
    }
    if (!matrix_of(&a->a, &p.a) || !matrix_of(&a->b, &p.b) || !matrix_of(&a->c, &p.c))
        return clseq_fail(be->ctx, CLSEQ_ERR_LIMIT,
                          "gemm: the rows of a matrix are more than 2^31 - 1 elements apart");
    if (!has_bias)
        return make(be, &p);
    if (p.beta == 0.0f && adds(be, &p)) {
        p.vector = (struct clseq_gemm_matrix) { .mem = clseq_opencl_mem(&a->bias),
                                                .offset = a->bias.offset };
        p.beta = 1;
        return make(be, &p);
    }
    CLSEQ_TRY(make(be, &p));
    return clseq_opencl_bias_add(be, &biased);
}

/* ---- checking a provider when the device opens ---- */

/* Odd sizes, one with few rows; one with a long sum and rows that vectors may be read from; and one
 * that the cpu provider takes for large. */
static const struct {
    int32_t m, n, k;
} checked_sizes[] = { { 3, 37, 21 }, { 19, 45, 61 }, { 12, 36, 264 }, { 195, 65, 67 } };

/* More only where another kernel takes them: simulators are slow. */
#define CHECKED_ROWS 100

static clseq_status check_provider(clseq_backend *be, const struct provider *provider)
{
    for (size_t i = 0; i < 4 * CLSEQ_ARRAY_SIZE(checked_sizes); i++) {
        const int32_t m = checked_sizes[i / 4].m;
        struct clseq_gemm_trial trial;
        clseq_status status;

        if ((provider->max_rows && m > provider->max_rows) ||
            (m > CHECKED_ROWS && provider->run != clseq_opencl_gemm_cpu))
            continue;
        CLSEQ_TRY(clseq_gemm_trial_open(be, m, checked_sizes[i / 4].n, checked_sizes[i / 4].k,
                                        (i & 1) != 0, (i & 2) != 0, &trial));
        status = clseq_gemm_trial_check(&trial, provider->name, provider->run);
        clseq_gemm_trial_close(&trial);
        CLSEQ_TRY(status);
        clseq_log(be->ctx, CLSEQ_LOG_DEBUG, "OpenCL: %s: product %zu of %zu is right",
                  provider->name, i + 1, 4 * CLSEQ_ARRAY_SIZE(checked_sizes));
    }
    return CLSEQ_OK;
}

static void tell_clblast(clseq_backend *be)
{
    clseq_log(be->ctx, CLSEQ_LOG_INFO, "compiling the kernels of CLBlast (some seconds)...");
}

/* ---- choosing by measuring ---- */

/* A trial takes no more floats than this: larger products are cut, as their tiles stay many. */
#define TRIAL_FLOATS ((size_t)16 << 20)

/* What measuring may take in one process, and the multiplications from which on it pays. */
#define TUNE_SECONDS  10
#define TUNE_PRODUCTS (64.0 * 64.0 * 64.0)

struct clseq_gemm_tuner {
    clseq_backend *be; /* borrowed */
    struct clseq_tune tune;
    const char *names[CLSEQ_CANDIDATE_COUNT];
    struct clseq_gemm_trial trial; /* of the shape being measured; x is NULL when there is none */
    bool used_clblast;
};

static struct clseq_gemm_problem problem_of(const struct clseq_tune_shape *s)
{
    return (struct clseq_gemm_problem) { .m = s->m, .n = s->n, .k = s->k, .batch = 1 };
}

static int tune_rule(void *user, const struct clseq_tune_shape *shape)
{
    const struct clseq_gemm_tuner *t = user;
    const struct clseq_gemm_problem p = problem_of(shape);

    return (int)clseq_opencl_gemm_gpu_choose(t->be, &p);
}

static bool tune_takes(void *user, int which, const struct clseq_tune_shape *shape)
{
    return (candidates[which].max_rows == 0 || clseq_opencl_gemm_is_skinny(shape->m, shape->k)) &&
           (which != CLSEQ_CANDIDATE_CLBLAST || CLSEQ_HAVE_CLBLAST);
}

/* Our own were checked when the device opened. */
static clseq_status tune_check(void *user, int which)
{
    struct clseq_gemm_tuner *t = user;

    if (which != CLSEQ_CANDIDATE_CLBLAST)
        return CLSEQ_OK;
    t->used_clblast = true;
    tell_clblast(t->be);
    return check_provider(t->be, &candidates[which]);
}

/* Halve the largest size until the trial is small enough. */
static clseq_status open_trial(struct clseq_gemm_tuner *t, struct clseq_tune_shape s)
{
    for (;;) {
        const size_t m = (size_t)s.m, n = (size_t)s.n, k = (size_t)s.k;
        int32_t *const largest = m >= n && m >= k ? &s.m : n >= k ? &s.n : &s.k;

        if (*largest <= CLSEQ_TUNE_SIZE_MAX && m * n + m * k + n * k <= TRIAL_FLOATS)
            break;
        *largest = *largest > CLSEQ_TUNE_SIZE_MAX ? CLSEQ_TUNE_SIZE_MAX : *largest / 2;
    }
    return clseq_gemm_trial_open(t->be, s.m, s.n, s.k, s.trans_a, s.trans_b, &t->trial);
}

static clseq_status tune_measure(void *user, int which, const struct clseq_tune_shape *shape,
                                 double *seconds)
{
    struct clseq_gemm_tuner *t = user;
    const struct provider *candidate = &candidates[which];
    const struct clseq_gemm_problem *p = &t->trial.problem;

    if (!t->trial.x)
        CLSEQ_TRY(open_trial(t, *shape));
    CLSEQ_TRY(clseq_gemm_trial_check(&t->trial, candidate->name, candidate->run));
    CLSEQ_TRY(clseq_gemm_trial_time(&t->trial, candidate->run, seconds));
    /* The whole product takes so much longer than the trial. */
    *seconds *= (double)shape->m / p->m * ((double)shape->n / p->n) * ((double)shape->k / p->k);
    return CLSEQ_OK;
}

static void tune_done(void *user)
{
    clseq_gemm_trial_close(&((struct clseq_gemm_tuner *)user)->trial);
}

/* "<cache>/gemm-<key>.txt" */
static clseq_status table_path(const clseq_backend *be, const struct clseq_opencl_cache *cache,
                               char **ret)
{
    const char *texts[] = { be->info.platform, be->info.device, be->info.driver,
                            clseq_opencl_sources[CLSEQ_PROGRAM_gemm_gpu].text };
    const struct clseq_opencl_key key = clseq_opencl_cache_key(CLSEQ_ARRAY_SIZE(texts), texts);
    char name[64];

    snprintf(name, sizeof(name), "gemm-%016llx%016llx.txt", (unsigned long long)key.high,
             (unsigned long long)key.low);
    return clseq_join_path(be->ctx, cache->folder, name, ret);
}

static clseq_status tuner_open(clseq_backend *be, const struct clseq_opencl_cache *cache)
{
    struct clseq_opencl *cl = clseq_opencl_of(be);
    struct clseq_gemm_tuner *t = NULL;
    struct clseq_tune_measurer measurer = { .count = CLSEQ_CANDIDATE_COUNT,
                                            .rule = tune_rule,
                                            .takes = tune_takes,
                                            .check = tune_check,
                                            .measure = tune_measure,
                                            .done = tune_done };
    char header[512], *path = NULL;
    clseq_status status;

    CLSEQ_TRY(clseq_calloc(be->ctx, 1, sizeof(*t), "choice of products", &t));
    t->be = be;
    for (int i = 0; i < CLSEQ_CANDIDATE_COUNT; i++)
        t->names[i] = candidates[i].name;
    measurer.names = t->names;
    measurer.user = t;
    snprintf(header, sizeof(header), "# matrix products on %s, driver %s, clseq %s",
             be->info.device, be->info.driver, CLSEQ_VERSION_STRING);
    CLSEQ_TRY_GOTO(status, fail, table_path(be, cache, &path));
    CLSEQ_TRY_GOTO(status, fail,
                   clseq_tune_open(be->ctx, path, header, &measurer, TUNE_SECONDS,
                                   &cl->gemm_refused, &t->tune));
    free(path);
    cl->tuner = t;
    return CLSEQ_OK;
fail:
    free(path);
    free(t);
    return status;
}

/* Batches, and products that take no longer than launching them, follow the rule; without a tuner
 * all do. */
static clseq_status choose(clseq_backend *be, const struct clseq_gemm_problem *p, int *ret)
{
    const struct clseq_opencl *cl = clseq_opencl_of(be);
    const struct clseq_tune_shape shape = { p->m, p->n, p->k, p->trans_a, p->trans_b };

    *ret = (int)clseq_opencl_gemm_gpu_choose(be, p);
    if (!cl->tuner || be->dry || p->batch > 1 || (double)p->m * p->n * p->k < TUNE_PRODUCTS)
        return CLSEQ_OK;
    return clseq_tune_choose(&cl->tuner->tune, &shape, ret);
}

clseq_status clseq_opencl_gemm_gpu(clseq_backend *be, const struct clseq_gemm_problem *p)
{
    const int forced = clseq_opencl_of(be)->gemm_forced;
    int which = forced - 1;

    if (!forced)
        CLSEQ_TRY(choose(be, p, &which));
    return candidates[which].run(be, p);
}

/* ---- one way or the other, for benchmarks ---- */

clseq_status clseq_opencl_gemm_ways(clseq_backend *be, const struct clseq_gemm_shape *shape,
                                    struct clseq_gemm_ways *ret)
{
    const struct clseq_opencl *cl = clseq_opencl_of(be);
    const struct clseq_gemm_problem p = { .m = shape->m,
                                          .n = shape->n,
                                          .k = shape->k,
                                          .batch = 1,
                                          .trans_a = shape->trans_a,
                                          .trans_b = shape->trans_b };
    int which = 0;

    *ret = (struct clseq_gemm_ways) { .count = 0 };
    if (cl->unit)
        ret->way[ret->count++] =
            (struct clseq_gemm_way) { be->info.matrix_unit, cl->unit->takes(be, &p) };
    if (cl->gemm != CLSEQ_PROVIDER_GPU) {
        ret->chosen = providers[cl->gemm].name;
        ret->way[ret->count++] = (struct clseq_gemm_way) { ret->chosen, true };
    } else {
        CLSEQ_TRY(choose(be, &p, &which));
        ret->chosen = candidates[which].name;
        for (int i = 0; i < CLSEQ_CANDIDATE_CLBLAST; i++)
            ret->way[ret->count++] = (struct clseq_gemm_way) {
                candidates[i].name,
                !clseq_opencl_gemm_is_refused(be, (enum clseq_gemm_candidate)i) &&
                    (candidates[i].max_rows == 0 || clseq_opencl_gemm_is_skinny(p.m, p.k)),
            };
    }
    if (cl->unit && ret->way[0].takes)
        ret->chosen = ret->way[0].name;
    return CLSEQ_OK;
}

void clseq_opencl_gemm_use(clseq_backend *be, int way)
{
    struct clseq_opencl *cl = clseq_opencl_of(be);
    const int units = cl->unit ? 1 : 0;

    cl->unit_rests = way >= units && units > 0;
    cl->gemm_forced = cl->gemm == CLSEQ_PROVIDER_GPU && way >= units ? way - units + 1 : 0;
}

/* ---- choosing ---- */

/* Refuse the candidates that are wrong or do not run; there must be one left for every shape. */
static clseq_status check_candidates(clseq_backend *be)
{
    struct clseq_opencl *cl = clseq_opencl_of(be);
    bool any = false;

    cl->gemm_refused = 0;
    for (int i = 0; i < CLSEQ_CANDIDATE_CLBLAST; i++) {
        clseq_status status = CLSEQ_ERR_DEVICE;

        if (clseq_opencl_gemm_gpu_fits(be, (enum clseq_gemm_candidate)i)) {
            status = check_provider(be, &candidates[i]);
            if (status == CLSEQ_ERR_DEVICE)
                clseq_log(be->ctx, CLSEQ_LOG_WARNING, "%s; not using it",
                          clseq_context_error(be->ctx));
            else
                CLSEQ_TRY(status);
        }
        if (status == CLSEQ_OK)
            any |= candidates[i].max_rows == 0;
        else
            cl->gemm_refused |= 1u << i;
    }
    if (any)
        return CLSEQ_OK;
    return clseq_fail(be->ctx, CLSEQ_ERR_DEVICE,
                      "no kernel of provider gpu makes right products on %s", be->info.device);
}

static clseq_status try_provider(clseq_backend *be, const struct clseq_opencl_cache *cache,
                                 enum clseq_gemm_provider_kind kind)
{
    struct clseq_opencl *cl = clseq_opencl_of(be);

    if (kind == CLSEQ_PROVIDER_CPU)
        CLSEQ_TRY(clseq_opencl_programs_add(be, cache, CLSEQ_PROGRAM_gemm_cpu));
    if (kind == CLSEQ_PROVIDER_GPU)
        CLSEQ_TRY(clseq_opencl_programs_add(be, cache, CLSEQ_PROGRAM_gemm_gpu));
    if (kind == CLSEQ_PROVIDER_CLBLAST)
        tell_clblast(be);
    CLSEQ_TRY(kind == CLSEQ_PROVIDER_GPU ? check_candidates(be)
                                         : check_provider(be, &providers[kind]));
    cl->gemm = kind;
    snprintf(be->info.gemm, sizeof(be->info.gemm), "%s", providers[kind].name);
    return CLSEQ_OK;
}

clseq_status clseq_opencl_gemm_open(clseq_backend *be, const struct clseq_opencl_cache *cache,
                                    clseq_gemm_provider wanted, bool tune)
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
        if (status == CLSEQ_OK && order[i] == CLSEQ_PROVIDER_GPU && wanted == CLSEQ_GEMM_AUTO &&
            tune && cache->folder)
            return tuner_open(be, cache);
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
    struct clseq_opencl *cl = clseq_opencl_of(be);

    if (cl->gemm == CLSEQ_PROVIDER_CLBLAST || (cl->tuner && cl->tuner->used_clblast))
        clseq_opencl_gemm_clblast_close();
    if (cl->tuner)
        clseq_tune_close(&cl->tuner->tune);
    free(cl->tuner);
    cl->tuner = NULL;
}
