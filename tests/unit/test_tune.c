/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Choosing among candidates by measuring: with made-up candidates, then on a device. The linker
 * routes clock_gettime() through this file: made-up candidates have a clock of their own.
 */
#include "unit.h"

#include "backend/ops.h"
#include "base/file.h"
#include "opencl/opencl_gemm_trial.h"
#include "opencl/opencl_tune.h"

#include <dirent.h>
#include <math.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

int __real_clock_gettime(clockid_t clock, struct timespec *ret);
int __wrap_clock_gettime(clockid_t clock, struct timespec *ret);

static bool on_device;   /* the clock is that of the machine */
static double pretended; /* seconds that have passed otherwise */

int __wrap_clock_gettime(clockid_t clock, struct timespec *ret)
{
    if (on_device)
        return __real_clock_gettime(clock, ret);
    ret->tv_sec = (time_t)pretended;
    ret->tv_nsec = (long)(1e9 * (pretended - (double)ret->tv_sec));
    return 0;
}

/* ---- candidates that only pretend ---- */

enum { FEW_ROWS, SLOW, FAST, CANDIDATES };

static const char *const names[CANDIDATES] = { "few-rows", "slow", "fast" };

struct pretence {
    clseq_context *ctx;
    uint32_t refused;
    double seconds[CANDIDATES]; /* what they say they take */
    double wait;                /* what measuring one takes */
    double check_wait;          /* what checking one takes */
    clseq_status measure_status[CANDIDATES], check_status[CANDIDATES];
    int checks[CANDIDATES], measured, done;
    char warning[512];
};

static int rule(void *user, const struct clseq_tune_shape *shape)
{
    const struct pretence *p = user;

    return p->refused >> SLOW & 1 ? FAST : SLOW;
}

static bool takes(void *user, int candidate, const struct clseq_tune_shape *shape)
{
    return candidate != FEW_ROWS || shape->m <= 16;
}

static clseq_status check(void *user, int candidate)
{
    struct pretence *p = user;

    p->checks[candidate]++;
    pretended += p->check_wait;
    return p->check_status[candidate] == CLSEQ_OK
               ? CLSEQ_OK
               : clseq_fail(p->ctx, p->check_status[candidate], "%s gives 7 instead of 8",
                            names[candidate]);
}

static clseq_status measure(void *user, int candidate, const struct clseq_tune_shape *shape,
                            double *seconds)
{
    struct pretence *p = user;

    p->measured++;
    pretended += p->wait;
    if (p->measure_status[candidate] != CLSEQ_OK)
        return clseq_fail(p->ctx, p->measure_status[candidate], "%s gives 1 instead of 2",
                          names[candidate]);
    *seconds = p->seconds[candidate];
    return CLSEQ_OK;
}

static void done(void *user)
{
    ((struct pretence *)user)->done++;
}

static void keep_warning(void *user, clseq_log_level level, const char *message)
{
    struct pretence *p = user;

    if (level == CLSEQ_LOG_WARNING)
        snprintf(p->warning, sizeof(p->warning), "%s", message);
}

struct table {
    struct pretence p;
    char folder[64], path[96];
    struct clseq_tune tune;
};

static void table_open(struct table *t, double seconds)
{
    const struct clseq_tune_measurer measurer = { .count = CANDIDATES,
                                                  .names = names,
                                                  .user = &t->p,
                                                  .rule = rule,
                                                  .takes = takes,
                                                  .check = check,
                                                  .measure = measure,
                                                  .done = done };

    ASSERT_OK(t->p.ctx, clseq_tune_open(t->p.ctx, t->path, "# device, driver 1", &measurer, seconds,
                                        &t->p.refused, &t->tune));
}

static void table_init(struct table *t, clseq_context *ctx)
{
    *t = (struct table) { .p = { .ctx = ctx, .seconds = { 1e-3, 2e-3, 0.5e-3 } } };
    clseq_context_set_log(ctx, keep_warning, &t->p, CLSEQ_LOG_DEBUG);
    snprintf(t->folder, sizeof(t->folder), "/tmp/clseq-tune-XXXXXX");
    assert_non_null(mkdtemp(t->folder));
    snprintf(t->path, sizeof(t->path), "%s/gemm.txt", t->folder);
}

static void table_fini(struct table *t)
{
    clseq_context_set_log(t->p.ctx, NULL, NULL, CLSEQ_LOG_WARNING);
    unlink(t->path);
    assert_int_equal(rmdir(t->folder), 0); /* no temporary file is left */
}

/* As a new process would. */
static void table_reopen(struct table *t)
{
    clseq_tune_close(&t->tune);
    t->p.refused = 0;
    t->p.measured = 0;
    t->p.warning[0] = 0;
    memset(t->p.checks, 0, sizeof(t->p.checks));
    table_open(t, 10);
}

static int chosen(struct table *t, int32_t m, int32_t n, int32_t k, bool trans_b)
{
    const struct clseq_tune_shape shape = { m, n, k, false, trans_b };
    int which = -1;

    ASSERT_OK(t->p.ctx, clseq_tune_choose(&t->tune, &shape, &which));
    return which;
}

static char *text_of(struct table *t)
{
    char *text = NULL;
    size_t size;

    ASSERT_OK(t->p.ctx, clseq_file_read(t->p.ctx, t->path, 1 << 20, &text, &size));
    return text;
}

static void write_text(struct table *t, const char *text)
{
    ASSERT_OK(t->p.ctx, clseq_file_write_atomic(t->p.ctx, t->path, text, strlen(text)));
}

/* ---- tests ---- */

static void sizes_are_rounded_up(void **state)
{
    const struct clseq_tune_shape group =
        clseq_tune_group((struct clseq_tune_shape) { 17, 1, INT32_MAX, true, false });

    assert_int_equal(group.m, 32);
    assert_int_equal(group.n, 1);
    assert_int_equal(group.k, CLSEQ_TUNE_SIZE_MAX);
    assert_true(group.trans_a && !group.trans_b);
}

static void the_fastest_is_chosen_and_stays(void **state)
{
    struct table t;
    char *text;

    table_init(&t, *state);
    table_open(&t, 10);
    assert_int_equal(chosen(&t, 100, 1000, 500, false), FAST);
    assert_int_equal(t.p.measured, 2); /* FEW_ROWS does not take 100 */
    assert_int_equal(t.p.done, 1);
    assert_int_equal(chosen(&t, 128, 600, 512, false), FAST); /* the same group */
    assert_int_equal(t.p.measured, 2);
    t.p.seconds[FEW_ROWS] = 0.1e-3;
    assert_int_equal(chosen(&t, 16, 1000, 500, true), FEW_ROWS);
    assert_int_equal(t.p.measured, 5);
    text = text_of(&t);
    assert_non_null(strstr(text, "# device, driver 1\n"));
    assert_non_null(strstr(text, "\n128 1024 512 0 0 fast 200.0\n"));
    assert_non_null(strstr(text, "\n16 1024 512 0 1 few-rows 160.0\n"));
    free(text);
    /* Another day, other speeds: the file decides. */
    t.p.seconds[SLOW] = 1e-6;
    table_reopen(&t);
    assert_int_equal(chosen(&t, 100, 1000, 500, false), FAST);
    assert_int_equal(chosen(&t, 16, 1000, 500, true), FEW_ROWS);
    assert_int_equal(t.p.measured, 0);
    assert_int_equal(t.p.checks[FAST], 1);
    assert_int_equal(t.p.checks[SLOW], 0);
    clseq_tune_close(&t.tune);
    table_fini(&t);
}

/* A gain within the noise does not count. */
static void ties_go_to_the_rule(void **state)
{
    struct table t;

    table_init(&t, *state);
    t.p.seconds[FAST] = t.p.seconds[SLOW] * 0.99;
    table_open(&t, 10);
    assert_int_equal(chosen(&t, 100, 1000, 500, false), SLOW);
    clseq_tune_close(&t.tune);
    table_fini(&t);
}

static void damage_is_ignored(void **state)
{
    static const char *const lines[] = {
        "128 1024 512 0 0 fast",
        "128 1024 512 0 0 fast 20.0.0",
        "128 1024 512 0 fast 20.0",
        "128 1024 512 0 0 unknown 20.0",
        "100 1024 512 0 0 fast 20.0",
        "-128 1024 512 0 0 fast 20.0",
        "128 1024 512 0 2 fast 20.0",
        "128 1024 512 0 0 fast -20.0",
        "128 1024 512 0 0 few-rows 20.0",
        "128  1024 512 0 0 fast 20.0",
        "128 1024 512 0 0 fast 20.0 ",
        "0 1024 512 0 0 fast 20.0",
        "99999999999 1024 512 0 0 fast 20.0",
        "refused",
        "refused fas",
        "junk",
        "128 1024 512 0 0 fast 99999999999999999999.0",
    };
    struct table t;
    char text[256], *whole;

    table_init(&t, *state);
    for (size_t i = 0; i < CLSEQ_ARRAY_SIZE(lines); i++) {
        snprintf(text, sizeof(text), "# device, driver 1\n%s\n64 64 64 0 0 fast 1.5\n", lines[i]);
        write_text(&t, text);
        table_open(&t, 10);
        if (t.tune.count != 1 || t.p.refused != 0)
            fail_msg("\"%s\" was taken for a line", lines[i]);
        assert_int_equal(t.tune.entries[0].tenths, 15);
        clseq_tune_close(&t.tune);
    }
    /* Cut anywhere: whole lines count. */
    for (size_t n = 0; n <= strlen(text); n++) {
        char part[256];

        snprintf(text, sizeof(text), "# device, driver 1\n64 64 64 0 0 fast 1.5\n");
        snprintf(part, sizeof(part), "%.*s", (int)n, text);
        write_text(&t, part);
        table_open(&t, 10);
        assert_int_equal(t.tune.count, n >= strlen(text) ? 1 : 0);
        clseq_tune_close(&t.tune);
    }
    /* Of another driver: not one line, and written anew. */
    write_text(&t, "# device, driver 2\n64 64 64 0 0 slow 1.5\n");
    table_open(&t, 10);
    assert_int_equal(t.tune.count, 0);
    assert_int_equal(chosen(&t, 64, 64, 64, false), FAST);
    whole = text_of(&t);
    assert_null(strstr(whole, "driver 2"));
    assert_non_null(strstr(whole, "64 64 64 0 0 fast"));
    free(whole);
    clseq_tune_close(&t.tune);
    table_fini(&t);
}

static void wrong_candidates_are_refused_and_named(void **state)
{
    struct table t;
    char *text;

    table_init(&t, *state);
    t.p.measure_status[FAST] = CLSEQ_ERR_DEVICE;
    table_open(&t, 10);
    assert_int_equal(chosen(&t, 100, 1000, 500, false), SLOW);
    assert_non_null(strstr(t.p.warning, "fast gives 1 instead of 2"));
    assert_non_null(strstr(t.p.warning, "fast is not used"));
    assert_int_equal(t.p.refused, 1u << FAST);
    t.p.warning[0] = 0;
    assert_int_equal(chosen(&t, 200, 1000, 500, false), SLOW);
    assert_int_equal(t.p.measured, 3); /* it was not tried again */
    assert_string_equal(t.p.warning, "");
    text = text_of(&t);
    assert_non_null(strstr(text, "\nrefused fast\n"));
    free(text);
    /* Nor in the next process, where it would pass. */
    t.p.measure_status[FAST] = CLSEQ_OK;
    table_reopen(&t);
    assert_int_equal(t.p.refused, 1u << FAST);
    assert_int_equal(chosen(&t, 400, 1000, 500, false), SLOW);
    clseq_tune_close(&t.tune);
    table_fini(&t);
}

/* A choice of the past is looked at before it is used. */
static void known_candidates_are_checked(void **state)
{
    struct table t;
    char *text;

    table_init(&t, *state);
    write_text(&t, "# device, driver 1\n64 64 64 0 0 fast 1.5\n");
    t.p.check_status[FAST] = CLSEQ_ERR_BUILD;
    table_open(&t, 10);
    assert_int_equal(chosen(&t, 64, 64, 64, false), SLOW);
    assert_non_null(strstr(t.p.warning, "fast gives 7 instead of 8"));
    assert_int_equal(chosen(&t, 64, 64, 64, false), SLOW);
    assert_int_equal(t.p.checks[FAST], 1);
    text = text_of(&t);
    assert_non_null(strstr(text, "\nrefused fast\n"));
    free(text);
    clseq_tune_close(&t.tune);
    table_fini(&t);
}

static void other_errors_are_passed_on(void **state)
{
    struct table t;
    const struct clseq_tune_shape shape = { 100, 100, 100, false, false };
    int which = -1;

    table_init(&t, *state);
    t.p.measure_status[FAST] = CLSEQ_ERR_INTERNAL;
    table_open(&t, 10);
    ASSERT_FAILS(t.p.ctx, CLSEQ_ERR_INTERNAL, "fast", clseq_tune_choose(&t.tune, &shape, &which));
    assert_int_equal(t.p.refused, 0);
    assert_int_equal(t.p.done, 1);
    /* Too little memory to try is no fault of the candidate. */
    t.p.measure_status[FAST] = CLSEQ_ERR_DEVICE_NOMEM;
    assert_int_equal(chosen(&t, 100, 100, 100, false), SLOW);
    assert_int_equal(t.p.refused, 0);
    clseq_tune_close(&t.tune);
    table_fini(&t);
}

static void time_is_limited(void **state)
{
    struct table t;
    char *text;

    table_init(&t, *state);
    t.p.wait = 1e-3;
    table_open(&t, 1e-6);
    /* The first candidate uses up the time, and one alone says nothing. */
    for (int32_t m = 32; m <= CLSEQ_TUNE_SIZE_MAX; m *= 2)
        assert_int_equal(chosen(&t, m, 64, 64, false), SLOW);
    assert_int_equal(t.p.measured, 1);
    text = text_of(&t);
    assert_non_null(strstr(text, "\n32 64 64 0 0 slow 0.0\n"));
    assert_non_null(strstr(text, "\n64 64 64 0 0 slow 0.0\n"));
    free(text);
    /* What the rule chose stays as well. */
    table_reopen(&t);
    assert_int_equal(chosen(&t, 64, 64, 64, false), SLOW);
    assert_int_equal(t.p.measured, 0);
    clseq_tune_close(&t.tune);
    /* Compiling and checking a candidate does not count. */
    assert_int_equal(unlink(t.path), 0);
    t.p.wait = 0;
    t.p.check_wait = 0.25;
    table_open(&t, 0.2);
    assert_int_equal(chosen(&t, 64, 64, 64, false), FAST);
    clseq_tune_close(&t.tune);
    table_fini(&t);
}

/* Two processes at once: who writes first decides for all that come later. */
static void choices_of_others_are_kept(void **state)
{
    struct table a, b;
    char *text;

    table_init(&a, *state);
    table_init(&b, *state);
    assert_int_equal(rmdir(b.folder), 0);
    memcpy(b.path, a.path, sizeof(b.path));
    b.p.seconds[FAST] = 1;
    table_open(&a, 10);
    table_open(&b, 10);
    assert_int_equal(chosen(&a, 64, 64, 64, false), FAST);
    assert_int_equal(chosen(&b, 128, 64, 64, false), SLOW);
    assert_int_equal(chosen(&b, 64, 64, 64, false), FAST);
    text = text_of(&a);
    assert_non_null(strstr(text, "\n64 64 64 0 0 fast"));
    assert_non_null(strstr(text, "\n128 64 64 0 0 slow"));
    free(text);
    clseq_tune_close(&b.tune);
    clseq_tune_close(&a.tune);
    table_fini(&a);
}

static void unwritable_file_is_no_error(void **state)
{
    struct table t;

    table_init(&t, *state);
    snprintf(t.path, sizeof(t.path), "/dev/null/gemm.txt");
    table_open(&t, 10);
    assert_int_equal(chosen(&t, 64, 64, 64, false), FAST);
    assert_int_equal(chosen(&t, 64, 64, 64, false), FAST);
    assert_int_equal(t.p.measured, 2);
    clseq_tune_close(&t.tune);
    table_fini(&t);
}

/* ---- on a device ---- */

enum { SIZE = 96 };

struct device {
    clseq_context *ctx;
    clseq_backend *be;
};

/* Its own folder: other tests may have tables too, and these are counted and deleted. */
static void cache_folder(char folder[200])
{
    assert_true(snprintf(folder, 200, "%s/tune", getenv("CLSEQ_TEST_CACHE")) < 200);
}

static bool device_open(struct device *d)
{
    struct clseq_backend_options options;
    char folder[200];

    unit_backend_options("opencl", &options);
    options.kernels = CLSEQ_KERNELS_GPU;
    options.tune = 1;
    cache_folder(folder);
    options.cache_folder = folder;
    return clseq_backend_open(d->ctx, &options, &d->be) == CLSEQ_OK;
}

/* The tables in the cache folder: their number, the path of the last one; deleted when asked. */
static int tables(char path[512], bool delete)
{
    char cache[200], folder[256];
    const struct dirent *entry;
    DIR *dir;
    int n = 0;

    cache_folder(cache);
    snprintf(folder, sizeof(folder), "%s/clseq-opencl", cache);
    dir = opendir(folder);
    assert_non_null(dir);
    while ((entry = readdir(dir))) {
        if (strncmp(entry->d_name, "gemm-", 5) != 0)
            continue;
        snprintf(path, 512, "%s/%s", folder, entry->d_name);
        n++;
        if (delete)
            assert_int_equal(unlink(path), 0);
    }
    closedir(dir);
    return n;
}

static void product(struct device *d, float *c)
{
    enum { FLOATS = SIZE * SIZE };
    float *x = calloc(3 * FLOATS, sizeof(*x));
    struct clseq_gemm_args a = { .alpha = 0.5, .beta = 2 };
    clseq_buffer *buffer = NULL;

    assert_non_null(x);
    for (int i = 0; i < 3 * FLOATS; i++)
        x[i] = (float)(i * 7 % 41 - 20) / 16;
    ASSERT_OK(d->ctx, clseq_buffer_create(d->be, 3 * FLOATS * sizeof(*x), "product", &buffer));
    ASSERT_OK(d->ctx, clseq_buffer_write(buffer, 0, x, 3 * FLOATS * sizeof(*x)));
    a.a = clseq_tensor_2d(buffer, 0, CLSEQ_F32, SIZE, SIZE);
    a.b = clseq_tensor_2d(buffer, FLOATS, CLSEQ_F32, SIZE, SIZE);
    a.c = clseq_tensor_2d(buffer, 2 * FLOATS, CLSEQ_F32, SIZE, SIZE);
    ASSERT_OK(d->ctx, clseq_op_gemm(d->be, &a));
    ASSERT_OK(d->ctx, clseq_buffer_read(buffer, 2 * FLOATS * sizeof(*x), c, FLOATS * sizeof(*x)));
    for (int i = 0; i < FLOATS; i++) {
        double sum = 0, size = 0;

        for (int k = 0; k < SIZE; k++) {
            const double term =
                (double)x[i / SIZE * SIZE + k] * (double)x[FLOATS + k * SIZE + i % SIZE];

            sum += term;
            size += fabs(term);
        }
        assert_true(fabs((double)c[i] - (0.5 * sum + 2 * (double)x[2 * FLOATS + i])) <=
                    (SIZE + 8) * 6e-8 * (size + 10));
    }
    clseq_buffer_destroy(&buffer);
    free(x);
}

static clseq_status lazy(clseq_backend *be, const struct clseq_gemm_problem *p)
{
    return CLSEQ_OK;
}

static clseq_status forgetful(clseq_backend *be, const struct clseq_gemm_problem *p)
{
    struct clseq_gemm_problem q = *p;

    q.k--;
    return clseq_opencl_gemm_gpu(be, &q);
}

/* All but the last column. */
static clseq_status narrow(clseq_backend *be, const struct clseq_gemm_problem *p)
{
    struct clseq_gemm_problem q = *p;

    q.n--;
    return clseq_opencl_gemm_gpu(be, &q);
}

static void trials_catch_wrong_products(struct device *d)
{
    struct clseq_gemm_trial t;
    double seconds = 0;

    for (int transposes = 0; transposes < 4; transposes++) {
        ASSERT_OK(d->ctx, clseq_gemm_trial_open(d->be, 70, 50, 30, transposes & 1,
                                                (transposes & 2) != 0, &t));
        ASSERT_OK(d->ctx, clseq_gemm_trial_check(&t, "gpu", clseq_opencl_gemm_gpu));
        ASSERT_FAILS(d->ctx, CLSEQ_ERR_DEVICE, "provider lazy",
                     clseq_gemm_trial_check(&t, "lazy", lazy));
        ASSERT_FAILS(d->ctx, CLSEQ_ERR_DEVICE, "provider forgetful",
                     clseq_gemm_trial_check(&t, "forgetful", forgetful));
        ASSERT_FAILS(d->ctx, CLSEQ_ERR_DEVICE, "element (0, 49) is nan",
                     clseq_gemm_trial_check(&t, "narrow", narrow));
        clseq_gemm_trial_close(&t);
    }
    ASSERT_OK(d->ctx, clseq_gemm_trial_open(d->be, 70, 50, 30, false, false, &t));
    ASSERT_OK(d->ctx, clseq_gemm_trial_time(&t, clseq_opencl_gemm_gpu, &seconds));
    assert_true(seconds > 0);
    clseq_gemm_trial_close(&t);
}

static void devices_keep_their_choice(void **state)
{
    struct device d = { .ctx = *state };
    char path[512] = "", *before = NULL, *after = NULL;
    float *first = calloc((size_t)SIZE * SIZE, sizeof(*first));
    float *second = calloc((size_t)SIZE * SIZE, sizeof(*second));
    size_t size;

    assert_true(first && second);
    on_device = true;
    if (!getenv("CLSEQ_TEST_CACHE") || !device_open(&d)) {
        print_message("skipped: devices_keep_their_choice (no OpenCL device, or CLSEQ_TEST_CACHE "
                      "is not set)\n");
        free(first);
        free(second);
        skip();
    }
    if (strcmp(clseq_backend_info(d.be)->gemm, "gpu") != 0)
        fail_msg("the gpu kernels were refused");
    trials_catch_wrong_products(&d);
    clseq_backend_close(&d.be);
    tables(path, true);
    assert_true(device_open(&d));
    product(&d, first);
    assert_int_equal(tables(path, false), 1);
    ASSERT_OK(d.ctx, clseq_file_read(d.ctx, path, 1 << 20, &before, &size));
    assert_non_null(strstr(before, clseq_backend_info(d.be)->device));
    assert_non_null(strstr(before, "\n128 128 128 0 0 "));
    assert_null(strstr(before, "refused"));
    clseq_backend_close(&d.be);
    assert_true(device_open(&d));
    product(&d, second);
    ASSERT_OK(d.ctx, clseq_file_read(d.ctx, path, 1 << 20, &after, &size));
    assert_memory_equal(first, second, (size_t)SIZE * SIZE * sizeof(*first));
    assert_string_equal(before, after);
    clseq_backend_close(&d.be);
    tables(path, true);
    free(before);
    free(after);
    free(first);
    free(second);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sizes_are_rounded_up),
        cmocka_unit_test(the_fastest_is_chosen_and_stays),
        cmocka_unit_test(ties_go_to_the_rule),
        cmocka_unit_test(damage_is_ignored),
        cmocka_unit_test(wrong_candidates_are_refused_and_named),
        cmocka_unit_test(known_candidates_are_checked),
        cmocka_unit_test(other_errors_are_passed_on),
        cmocka_unit_test(time_is_limited),
        cmocka_unit_test(choices_of_others_are_kept),
        cmocka_unit_test(unwritable_file_is_no_error),
        cmocka_unit_test(devices_keep_their_choice),
    };

    return cmocka_run_group_tests_name("tune", tests, unit_context_create, unit_context_destroy);
}
