/* SPDX-License-Identifier: BSD-2-Clause */
/* Planning: the time of an epoch from samples, memory of the machine, counted memory and dry runs,
 * and what a plan says of a run against what the run takes. */
#include "model_probe.h"
#include "train_case.h"

#include "backend/ops.h"
#include "base/host_memory.h"
#include "train/plan_time.h"

#include <clseq/plan.h>

#include <math.h>
#include <sys/stat.h>
#include <unistd.h>

/* ---- time ---- */

static void test_fit(void **state)
{
    const struct clseq_plan_sample line[] = { { 1, 12 }, { 3, 16 }, { 2, 14 } };
    const struct clseq_plan_sample noisy[] = { { 0, 1 }, { 0, 3 }, { 2, 5 }, { 2, 7 } };
    const struct clseq_plan_sample same[] = { { 4, 2 }, { 4, 4 } };
    const struct clseq_plan_sample below[] = { { 1, 0 }, { 2, 4 } }; /* begins at -4 */
    const struct clseq_plan_sample falling[] = { { 1, 5 }, { 3, 1 } };
    struct clseq_plan_line fit = clseq_plan_fit(line, 3);

    assert_true(fabs(fit.a - 10) < 1e-12 && fabs(fit.b - 2) < 1e-12 && fit.error < 1e-12);
    fit = clseq_plan_fit(noisy, 4);
    assert_true(fabs(fit.a - 2) < 1e-12 && fabs(fit.b - 2) < 1e-12);
    assert_true(fabs(fit.error - sqrt(4.0 / 2 / 4)) < 1e-12); /* residuals of 1 */
    fit = clseq_plan_fit(same, 2);
    assert_true(fit.a == 0 && fabs(fit.b - 0.75) < 1e-12);
    fit = clseq_plan_fit(below, 2);
    assert_true(fit.a == 0 && fabs(fit.b - 4.0 / 3) < 1e-12);
    fit = clseq_plan_fit(falling, 2);
    assert_true(fit.b == 0 && fabs(fit.a - 3) < 1e-12);
    fit = clseq_plan_fit(line, 1);
    assert_true(fit.a == 0 && fabs(fit.b - 12) < 1e-12 && fit.error == 0);
}

static void test_choose(void **state)
{
    const struct probe_place *place = probe_place(state);
    const double few[] = { 5, 1, 3 };
    double many[900];
    size_t chosen[CLSEQ_PLAN_SHARES];
    clseq_status status;

    assert_int_equal(clseq_plan_choose(place->ctx, few, 3, chosen, &status), 3);
    ASSERT_OK(place->ctx, status);
    assert_true(chosen[0] == 1 && chosen[1] == 2 && chosen[2] == 0);
    for (size_t i = 0; i < 900; i++)
        many[i] = (double)(899 - i);
    assert_int_equal(clseq_plan_choose(place->ctx, many, 900, chosen, &status), CLSEQ_PLAN_SHARES);
    ASSERT_OK(place->ctx, status);
    assert_true(many[chosen[0]] == 450); /* the middle first */
    for (size_t share = 0; share < CLSEQ_PLAN_SHARES; share++) {
        int found = 0;

        for (size_t i = 0; i < CLSEQ_PLAN_SHARES; i++)
            found += many[chosen[i]] == 50 + 100 * (double)share;
        assert_int_equal(found, 1);
    }
}

/* ---- the machine's memory ---- */

struct root {
    char folder[256];
    char made[16][400];
    int count;
};

static void put(struct root *r, const char *path, const char *text)
{
    char whole[400];

    for (const char *slash = strchr(path + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
        snprintf(whole, sizeof(whole), "%s%.*s", r->folder, (int)(slash - path), path);
        if (mkdir(whole, 0777) == 0)
            memcpy(r->made[r->count++], whole, sizeof(whole));
    }
    snprintf(whole, sizeof(whole), "%s%s", r->folder, path);
    train_write(whole, text, strlen(text));
    if (r->count == 0 || strcmp(r->made[r->count - 1], whole) != 0)
        memcpy(r->made[r->count++], whole, sizeof(whole));
    assert_in_range(r->count, 1, 15);
}

static void root_make(struct root *r)
{
    const char *base = getenv("TMPDIR");

    *r = (struct root) { .count = 0 };
    snprintf(r->folder, sizeof(r->folder), "%s/clseq-test-XXXXXX", base && *base ? base : "/tmp");
    assert_non_null(mkdtemp(r->folder));
}

static void root_remove(struct root *r)
{
    while (r->count-- > 0)
        remove(r->made[r->count]);
    assert_int_equal(rmdir(r->folder), 0);
}

static void test_host_memory(void **state)
{
    const struct clseq_host_use use = clseq_host_use();
    struct root r;

    if (use.now > 0)
        assert_true(use.peak >= use.now && use.now > 1000000);
    root_make(&r);
    assert_int_equal(clseq_host_available_in(r.folder), 0);
    put(&r, "/proc/meminfo", "MemTotal:  4000 kB\nMemAvailable:    3000 kB\n");
    assert_int_equal(clseq_host_available_in(r.folder), 3000 * 1024);
    root_remove(&r);

    /* Version 2: the group has no limit, the one it is in has. */
    root_make(&r);
    put(&r, "/proc/meminfo", "MemTotal:  4000 kB\nMemAvailable:    3000 kB\n");
    put(&r, "/proc/self/cgroup", "0::/outer/inner\n");
    put(&r, "/sys/fs/cgroup/outer/inner/memory.max", "max\n");
    put(&r, "/sys/fs/cgroup/outer/memory.max", "2000000\n");
    put(&r, "/sys/fs/cgroup/outer/memory.current", "1500000\n");
    put(&r, "/sys/fs/cgroup/outer/memory.stat", "anon 7\ninactive_file 300000\n");
    assert_int_equal(clseq_host_available_in(r.folder), 800000);
    root_remove(&r);

    /* Version 1, in the top group, with more used than the limit has. */
    root_make(&r);
    put(&r, "/proc/meminfo", "MemAvailable:    3000 kB\n");
    put(&r, "/proc/self/cgroup", "3:cpu:/\n2:memory:/\n");
    put(&r, "/sys/fs/cgroup/memory/memory.limit_in_bytes", "1000\n");
    put(&r, "/sys/fs/cgroup/memory/memory.usage_in_bytes", "1001\n");
    assert_int_equal(clseq_host_available_in(r.folder), 0);
    root_remove(&r);
}

/* ---- counted memory ---- */

static void test_table(void **state)
{
    struct clseq_memory_table table = { 0 };

    (void)state;
    clseq_memory_took(&table, "a", 10);
    clseq_memory_took(&table, "b", 5);
    clseq_memory_gave(&table, "a", 10);
    clseq_memory_took(&table, "b", 1);
    assert_int_equal(table.count, 2);
    assert_true(table.kind[0].bytes == 0 && table.kind[1].bytes == 6);
    assert_true(table.bytes == 6 && table.peak == 15);
    for (int i = 0; i < 2 * CLSEQ_MEMORY_KINDS; i++) {
        char label[16];

        snprintf(label, sizeof(label), "kind %d", i);
        clseq_memory_took(&table, label, 1);
    }
    assert_int_equal(table.count, CLSEQ_MEMORY_KINDS);
    assert_int_equal(table.bytes, 6 + 2 * CLSEQ_MEMORY_KINDS);
    assert_int_equal(table.kind[CLSEQ_MEMORY_KINDS - 1].bytes, CLSEQ_MEMORY_KINDS + 3);
}

static void test_dry_run(void **state)
{
    const struct probe_place *place = probe_place(state);
    clseq_backend *be = place->be;
    clseq_buffer *real = NULL, *huge = NULL;
    struct clseq_fill_args fill = { .value = 7 };
    uint64_t before, peak;
    float x[4] = { 1, 2, 3, 4 };

    ASSERT_OK(place->ctx, clseq_buffer_create(be, sizeof(x), "real", &real));
    ASSERT_OK(place->ctx, clseq_buffer_write(real, 0, x, sizeof(x)));
    before = be->memory.bytes;
    clseq_backend_dry_begin(be);
    /* More than the machine has: nothing is taken. */
    for (int i = 0; i < 3; i++) {
        const size_t bytes =
            (size_t)(be->info.max_buffer_bytes < 1ull << 46 ? be->info.max_buffer_bytes
                                                            : 1ull << 46);

        ASSERT_OK(place->ctx, clseq_buffer_create(be, bytes, "huge", &huge));
        assert_int_equal(clseq_backend_memory_table(be)->bytes, before + bytes);
        fill.dst = clseq_tensor_1d(huge, 1000, be->real, 4);
        ASSERT_OK(place->ctx, clseq_op_fill(be, &fill));
        ASSERT_OK(place->ctx, clseq_buffer_write(huge, 4, x, sizeof(x)));
        ASSERT_OK(place->ctx, clseq_buffer_read(huge, 4, x, sizeof(x)));
        assert_true(x[0] == 0 && x[3] == 0);
        clseq_buffer_destroy(&huge);
    }
    assert_int_equal(clseq_backend_memory_table(be)->bytes, before);
    clseq_backend_dry_end(be);
    assert_int_equal(be->memory.bytes, before);

    /* What was there before is as it was, and works. */
    ASSERT_OK(place->ctx, clseq_buffer_read(real, 0, x, sizeof(x)));
    assert_true(x[0] == 1 && x[3] == 4);
    clseq_backend_limit_memory(be, before + 100);
    ASSERT_FAILS(place->ctx, CLSEQ_ERR_DEVICE_NOMEM, "limit",
                 clseq_buffer_create(be, 101, "more", &huge));
    ASSERT_OK(place->ctx, clseq_buffer_create(be, 100, "more", &huge));
    clseq_backend_limit_memory(be, 0);
    assert_true(clseq_backend_memory(be, NULL, 0, &peak) == 0 && peak >= before + 100);
    clseq_buffer_destroy(&huge);
    clseq_buffer_destroy(&real);
}

/* ---- a run ---- */

/* Plan and train on backends that are as new, and compare. */
static void same_as_run(const struct probe_place *place, struct train_case *c)
{
    struct clseq_plan_options options;
    struct clseq_memory_table before;
    struct clseq_plan plan;
    clseq_backend *be = place->be;
    uint64_t bytes = 0;

    clseq_plan_options_init(&options);
    options.seconds = 0;
    options.folder = c->folder;
    ASSERT_OK(place->ctx, clseq_train_plan(place->ctx, be, &c->options, &options, &plan));
    assert_true(plan.fits && plan.samples == 0 && plan.translate_bytes > 0);
    assert_int_equal(be->buffers_alive, 0);
    for (int i = 0; i < plan.rows; i++)
        bytes += plan.row[i].bytes;
    assert_true(bytes == plan.device_bytes);
    assert_int_not_equal(access(c->run, F_OK), 0);

    before = be->memory;
    be->memory.peak = be->memory.bytes;
    ASSERT_OK(place->ctx, train_run(place, c, -1, NULL));
    if (be->memory.peak != plan.device_bytes)
        fail_msg("planned %llu bytes, took %llu", (unsigned long long)plan.device_bytes,
                 (unsigned long long)be->memory.peak);
    assert_true(before.bytes <= plan.device_bytes);
}

static void test_run(void **state)
{
    const struct probe_place *place = probe_place(state);
    struct train_case c;

    train_case_make(&c, TRAIN_COPY, 4, 3, 5);
    same_as_run(place, &c);
    train_case_set_run(&c, "other");
    c.options.accumulate = 2;
    c.options.ema = 0.9;
    c.options.model.attention = CLSEQ_ATTENTION_DOT;
    same_as_run(place, &c);
    train_case_set_run(&c, "sampled");
    c.options.accumulate = 1;
    c.options.teacher_forcing = 0.5;
    same_as_run(place, &c);
    train_case_set_run(&c, "tied");
    c.options.teacher_forcing = 1;
    c.options.model.embedding = c.options.model.hidden;
    c.options.model.tied_output = c.options.model.shared_embeddings = true;
    c.options.loss = CLSEQ_LOSS_NCE;
    c.options.samples = 3;
    same_as_run(place, &c);
    train_case_remove(&c);
}

static void test_timed(void **state)
{
    const struct probe_place *place = probe_place(state);
    struct clseq_plan_options options;
    struct clseq_plan plan;
    struct train_case c;

    train_case_make(&c, TRAIN_COPY, 4, 3, 5);
    c.options.after = (struct clseq_when) { .epochs = 2 };
    c.options.valid_every = (struct clseq_when) { .epochs = 1 };
    clseq_plan_options_init(&options);
    options.seconds = 1e-6;
    ASSERT_OK(place->ctx, clseq_train_plan(place->ctx, place->be, &c.options, &options, &plan));
    assert_true(plan.samples >= 3 && plan.rounds == 1);
    assert_true(plan.update_seconds > 0 && plan.valid_seconds > 0);
    assert_true(plan.valid_translate_seconds > 0 && plan.valid_translate_bytes > 0);
    assert_true(plan.valid_translate_bytes <= plan.translate_bytes);
    assert_true(plan.update_seconds_min <= plan.update_seconds &&
                plan.update_seconds <= plan.update_seconds_max);
    assert_true(fabs(plan.epoch_seconds - plan.update_seconds * (double)plan.updates_per_epoch) <
                1e-9);
    assert_true(fabs(plan.total_seconds - 2 * (plan.epoch_seconds + plan.valid_seconds)) < 1e-9);
    assert_true(plan.target_tokens_per_second > 0 && plan.slowest_update_seconds > 0);
    assert_true(plan.host_peak > plan.device_bytes);
    assert_int_equal(place->be->buffers_alive, 0);
    c.options.valid_source = c.options.valid_target = NULL;
    ASSERT_OK(place->ctx, clseq_train_plan(place->ctx, place->be, &c.options, &options, &plan));
    assert_true(plan.valid_translate_seconds == 0 && plan.valid_translate_bytes == 0);
    train_case_remove(&c);
}

/* The text is translated in batches of so many sentences, each of which has its time. */
static void test_translation(void **state)
{
    const struct probe_place *place = probe_place(state);
    struct clseq_plan_options options;
    uint64_t batches[2];
    struct train_case c;

    train_case_make(&c, TRAIN_COPY, 5, 4, 2);
    c.options.after = (struct clseq_when) { .epochs = 1 };
    clseq_plan_options_init(&options);
    options.seconds = 1e-6;
    for (int i = 0; i < 2; i++) {
        struct clseq_plan plan;

        options.batch = i == 0 ? 1 : 64;
        ASSERT_OK(place->ctx, clseq_train_plan(place->ctx, place->be, &c.options, &options, &plan));
        assert_true(plan.valid_translate_seconds > 0);
        batches[i] = plan.valid_translate_batches;
    }
    assert_in_range(batches[0], 300, 400);
    assert_int_equal(batches[1], (batches[0] + 63) / 64);
    train_case_remove(&c);
}

static void test_refused(void **state)
{
    const struct probe_place *place = probe_place(state);
    struct clseq_plan_options options;
    struct clseq_plan plan;
    struct train_case c;

    train_case_make(&c, TRAIN_COPY, 4, 3, 5);
    clseq_plan_options_init(&options);
    options.seconds = 0;
    ASSERT_OK(place->ctx, clseq_train_plan(place->ctx, place->be, &c.options, &options, &plan));
    c.options.memory_limit = plan.device_bytes - 1;
    ASSERT_OK(place->ctx, clseq_train_plan(place->ctx, place->be, &c.options, &options, &plan));
    assert_true(!plan.fits && plan.device_limit == c.options.memory_limit);
    ASSERT_FAILS(place->ctx, CLSEQ_ERR_DEVICE_NOMEM, plan.advice, train_run(place, &c, -1, NULL));
    assert_non_null(strstr(plan.advice, "--batch 4 takes"));
    /* With what was advised, and with just enough, it runs. */
    c.options.batch = 4;
    c.options.after.updates = 2;
    ASSERT_OK(place->ctx, train_run(place, &c, -1, NULL));
    train_case_set_run(&c, "enough");
    c.options.batch = 8;
    c.options.memory_limit++;
    ASSERT_OK(place->ctx, train_run(place, &c, -1, NULL));
    train_case_set_run(&c, "hopeless");
    c.options.memory_limit = 100;
    ASSERT_FAILS(place->ctx, CLSEQ_ERR_DEVICE_NOMEM, "does not fit",
                 train_run(place, &c, -1, NULL));
    train_case_remove(&c);
}

static void test_bad_options(void **state)
{
    const struct probe_place *place = probe_place(state);
    struct clseq_plan_options options;
    struct clseq_plan plan;
    struct train_case c;

    train_case_make(&c, TRAIN_COPY, 4, 2, 5);
#define BAD(field, value, part)                                                                    \
    do {                                                                                           \
        clseq_plan_options_init(&options);                                                         \
        options.field = value;                                                                     \
        ASSERT_FAILS(place->ctx, CLSEQ_ERR_ARG, part,                                              \
                     clseq_train_plan(place->ctx, place->be, &c.options, &options, &plan));        \
    } while (0)
    BAD(beam, 0, "beam");
    BAD(batch, 0, "batch");
    BAD(seconds, -1, "seconds");
    BAD(seconds, (double)NAN, "seconds");
    c.options.batch = 0;
    ASSERT_FAILS(place->ctx, CLSEQ_ERR_ARG, "--batch",
                 clseq_train_plan(place->ctx, place->be, &c.options, NULL, &plan));
    assert_int_equal(place->be->buffers_alive, 0);
    train_case_remove(&c);
}

static int run_all(const char *name, int (*setup)(void **))
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_fit),         cmocka_unit_test(test_choose),
        cmocka_unit_test(test_table),       cmocka_unit_test(test_host_memory),
        cmocka_unit_test(test_dry_run),     cmocka_unit_test(test_run),
        cmocka_unit_test(test_timed),       cmocka_unit_test(test_refused),
        cmocka_unit_test(test_bad_options), cmocka_unit_test(test_translation),
    };

    return cmocka_run_group_tests_name(name, tests, setup, probe_teardown);
}

int main(void)
{
    const struct CMUnitTest gpu[] = { cmocka_unit_test(test_run) };

    return run_all("plan, reference", probe_setup_reference) +
           run_all("plan, opencl cpu", probe_setup_opencl_cpu) +
           cmocka_run_group_tests_name("plan, opencl gpu", gpu, probe_setup_opencl_gpu,
                                       probe_teardown);
}
