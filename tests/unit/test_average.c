/* SPDX-License-Identifier: BSD-2-Clause */
/* Averages of weights: the moving one in training, kept models, and the mean of several files. */
#include "model_probe.h"
#include "train_case.h"

#include "io/safetensors.h"
#include "train/ema.h"

#include <clseq/average.h>

#include <dirent.h>
#include <math.h>
#include <unistd.h>

static const struct clseq_model_config config = {
    .source_vocabulary = 9, .target_vocabulary = 11, .embedding = 5, .hidden = 6, .layers = 1
};

/* ---- the moving average ---- */

static double *made_weights(const struct probe *p, uint64_t seed)
{
    double *w = calloc(p->weights, sizeof(*w));

    assert_non_null(w);
    for (size_t i = 0; i < p->weights; i++)
        w[i] = (double)(float)probe_random(seed, i);
    return w;
}

static void test_ema(void **state)
{
    const struct probe_place *place = probe_place(state);
    double *expected, *got, *w;
    clseq_ema ema, none = { 0 };
    struct probe p;

    probe_open(&p, place->ctx, place->be, &config, 0.5);
    expected = probe_weights(&p);
    ASSERT_OK(p.ctx, clseq_ema_init(&ema, p.model, 0.5));
    ASSERT_OK(p.ctx, clseq_ema_start(&ema));
    for (uint64_t k = 1; k <= 12; k++) {
        /* (k + 1) / (k + 10) reaches 0.5 at k = 8. */
        const double d = k < 8 ? ((double)k + 1) / ((double)k + 10) : 0.5;

        w = made_weights(&p, k);
        probe_set_weights(&p, w);
        ASSERT_OK(p.ctx, clseq_ema_update(&ema, k));
        for (size_t i = 0; i < p.weights; i++)
            expected[i] = d * expected[i] + (1 - d) * w[i];
        got = probe_moments(&p, &ema.average);
        probe_close("average", got, expected, p.weights, 1e-5, 0.1);
        free(got);
        free(w);
    }
    /* Swapped, the model has the average, and back again its own. */
    w = made_weights(&p, 12);
    clseq_ema_swap(&ema);
    got = probe_weights(&p);
    probe_close("weights", got, expected, p.weights, 1e-5, 0.1);
    free(got);
    clseq_ema_swap(&ema);
    got = probe_weights(&p);
    probe_equal("weights", got, w, p.weights);
    clseq_ema_swap(&none);
    clseq_ema_fini(&none);
    free(got);
    free(w);
    free(expected);
    clseq_ema_fini(&ema);
    probe_close_model(&p);
}

/* ---- in a run ---- */

/* All values of a tensor of a file; release with free(). */
static float *tensor(clseq_context *ctx, const char *path, const char *name, size_t *n)
{
    clseq_safetensors *file = NULL;
    const clseq_safetensors_info *info;
    float *values;

    ASSERT_OK(ctx, clseq_safetensors_open(ctx, path, &file));
    info = clseq_safetensors_find(file, name);
    if (!info)
        fail_msg("%s has no tensor %s", path, name);
    *n = info->bytes / sizeof(float);
    values = malloc(info->bytes);
    assert_non_null(values);
    ASSERT_OK(ctx,
              clseq_safetensors_read_f32(file, info, 0, *n, CLSEQ_SAFETENSORS_FINITE_ONLY, values));
    clseq_safetensors_close(&file);
    return values;
}

static void expect_same_tensor(clseq_context *ctx, const char *path, const char *name,
                               const char *other_path, const char *other_name, bool same)
{
    size_t n, m;
    float *a = tensor(ctx, path, name, &n), *b = tensor(ctx, other_path, other_name, &m);

    assert_int_equal(n, m);
    assert_int_equal(memcmp(a, b, n * sizeof(*a)) == 0, same);
    free(a);
    free(b);
}

#define SOME_WEIGHT "decoder.rnn.weight_hh_l1"

/* The checkpoint has both, the model the average; training itself does not feel it. */
static void test_run_ema(void **state)
{
    const struct probe_place *place = probe_place(state);
    struct train_case c, plain, whole;
    clseq_status status;
    char last[600], best[600];
    int sessions = 0;
    json_t *valid;

    train_case_make(&c, TRAIN_REVERSE, 4, 3, 5);
    train_case_set_run(&c, "plain");
    ASSERT_OK(place->ctx, train_run(place, &c, -1, NULL));
    plain = c;
    c.options.ema = 0.9;
    train_case_set_run(&c, "whole");
    ASSERT_OK(place->ctx, train_run(place, &c, -1, NULL));
    whole = c;
    snprintf(last, sizeof(last), "%s", train_case_file(&c, "last.safetensors"));
    snprintf(best, sizeof(best), "%s", train_case_file(&c, "best.safetensors"));
    expect_same_tensor(place->ctx, last, SOME_WEIGHT, train_case_file(&plain, "last.safetensors"),
                       SOME_WEIGHT, true);
    /* The last validation is the best one of this run, so best is the average at the end. */
    valid = train_log(&c, "valid");
    assert_true(
        json_is_true(json_object_get(json_array_get(valid, json_array_size(valid) - 1), "best")));
    json_decref(valid);
    expect_same_tensor(place->ctx, best, SOME_WEIGHT, last, "optimizer.ema." SOME_WEIGHT, true);
    expect_same_tensor(place->ctx, best, "encoder.embedding.weight", last,
                       "optimizer.ema.encoder.embedding.weight", true);
    expect_same_tensor(place->ctx, best, SOME_WEIGHT, last, SOME_WEIGHT, false);
    train_case_set_run(&c, "often");
    do {
        status = train_run(place, &c, 7, NULL);
        assert_true(++sessions < 50);
    } while (status == CLSEQ_ERR_INTERRUPTED);
    ASSERT_OK(place->ctx, status);
    assert_true(sessions > 4);
    train_same_run(place, &c, &whole);
    train_case_remove(&c);
}

/* Without validation text the newest average is the model. */
static void test_run_ema_without_validation(void **state)
{
    const struct probe_place *place = probe_place(state);
    struct train_case c;
    char last[600];

    train_case_make(&c, TRAIN_COPY, 4, 2, 5);
    c.options.valid_source = c.options.valid_target = NULL;
    c.options.ema = 0.9;
    c.options.after.updates = 10;
    ASSERT_OK(place->ctx, train_run(place, &c, -1, NULL));
    snprintf(last, sizeof(last), "%s", train_case_file(&c, "last.safetensors"));
    expect_same_tensor(place->ctx, train_case_file(&c, "best.safetensors"), SOME_WEIGHT, last,
                       "optimizer.ema." SOME_WEIGHT, true);
    train_case_remove(&c);
}

static int count_kept(const struct train_case *c)
{
    DIR *folder = opendir(c->run);
    const struct dirent *entry;
    int n = 0;

    assert_non_null(folder);
    while ((entry = readdir(folder)))
        n += strncmp(entry->d_name, "valid-", 6) == 0;
    closedir(folder);
    return n;
}

/* The models of the last validations, and their mean. */
static void test_kept_models(void **state)
{
    const struct probe_place *place = probe_place(state);
    struct train_case c;
    char paths[3][600], mean[600];
    const char *const inputs[] = { paths[0], paths[1], paths[2] };
    float *values[3], *got;
    size_t n;

    train_case_make(&c, TRAIN_REVERSE, 4, 3, 5);
    c.options.keep = 3;
    ASSERT_OK(place->ctx, train_run(place, &c, -1, NULL)); /* validates after 12, 24, 36, 40 */
    assert_int_equal(count_kept(&c), 3);
    snprintf(paths[0], sizeof(paths[0]), "%s", train_case_file(&c, "valid-0000000024.safetensors"));
    snprintf(paths[1], sizeof(paths[1]), "%s", train_case_file(&c, "valid-0000000036.safetensors"));
    snprintf(paths[2], sizeof(paths[2]), "%s", train_case_file(&c, "valid-0000000040.safetensors"));
    snprintf(mean, sizeof(mean), "%s", train_case_file(&c, "mean.safetensors"));
    ASSERT_OK(place->ctx, clseq_average_models(place->ctx, inputs, 3, mean));
    for (int i = 0; i < 3; i++)
        values[i] = tensor(place->ctx, paths[i], SOME_WEIGHT, &n);
    got = tensor(place->ctx, mean, SOME_WEIGHT, &n);
    for (size_t i = 0; i < n; i++) {
        const double sum = (double)values[0][i] + (double)values[1][i] + (double)values[2][i];

        assert_true(got[i] == (float)(sum / 3));
    }
    assert_memory_not_equal(values[0], values[2], n * sizeof(*got));
    for (int i = 0; i < 3; i++)
        free(values[i]);
    free(got);
    /* A file of another name is not ours to remove. */
    train_write(train_case_file(&c, "valid-1.safetensors"), "x", 1);
    c.options.keep = 1;
    c.options.after.updates = 41;
    ASSERT_OK(place->ctx, train_run(place, &c, -1, NULL));
    assert_int_equal(count_kept(&c), 2);
    assert_int_equal(access(train_case_file(&c, "valid-0000000041.safetensors"), F_OK), 0);
    assert_int_equal(access(train_case_file(&c, "valid-1.safetensors"), F_OK), 0);
    train_case_remove(&c);
}

/* ---- the mean of files ---- */

static void test_mean_refuses(void **state)
{
    const struct probe_place *place = probe_place(state);
    struct train_case c;
    char first[600], mean[600], second[600];
    const char *inputs[] = { first, second };

    train_case_make(&c, TRAIN_COPY, 4, 2, 5);
    c.options.after.updates = 2;
    train_case_set_run(&c, "first");
    ASSERT_OK(place->ctx, train_run(place, &c, -1, NULL));
    snprintf(first, sizeof(first), "%s", train_case_file(&c, "last.safetensors"));
    snprintf(mean, sizeof(mean), "%s", train_case_file(&c, "mean.safetensors"));
    ASSERT_FAILS(place->ctx, CLSEQ_ERR_ARG, "none is given",
                 clseq_average_models(place->ctx, inputs, 0, mean));
    snprintf(second, sizeof(second), "%s", train_case_file(&c, "nothing"));
    ASSERT_FAILS(place->ctx, CLSEQ_ERR_IO, "nothing",
                 clseq_average_models(place->ctx, inputs, 2, mean));
    train_case_set_run(&c, "second");
    c.options.model.hidden = 11;
    ASSERT_OK(place->ctx, train_run(place, &c, -1, NULL));
    snprintf(second, sizeof(second), "%s", train_case_file(&c, "best.safetensors"));
    ASSERT_FAILS(place->ctx, CLSEQ_ERR_FORMAT, "not a model like",
                 clseq_average_models(place->ctx, inputs, 2, mean));
    train_case_set_run(&c, "third");
    c.options.model.hidden = 10;
    c.options.source_text.lowercase = true; /* the same sizes, another treatment of the text */
    ASSERT_OK(place->ctx, train_run(place, &c, -1, NULL));
    snprintf(second, sizeof(second), "%s", train_case_file(&c, "best.safetensors"));
    ASSERT_FAILS(place->ctx, CLSEQ_ERR_FORMAT, "not a model like",
                 clseq_average_models(place->ctx, inputs, 2, mean));
    assert_int_not_equal(access(mean, F_OK), 0);
    /* One alone is itself; the result may take the place of an input. */
    ASSERT_OK(place->ctx, clseq_average_models(place->ctx, inputs, 1, first));
    expect_same_tensor(place->ctx, first, SOME_WEIGHT, first, SOME_WEIGHT, true);
    train_case_remove(&c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_ema),
        cmocka_unit_test(test_run_ema),
        cmocka_unit_test(test_run_ema_without_validation),
    };
    const struct CMUnitTest host[] = {
        cmocka_unit_test(test_kept_models),
        cmocka_unit_test(test_mean_refuses),
    };
    int failed = 0;

    failed += cmocka_run_group_tests_name("average: reference", tests, probe_setup_reference,
                                          probe_teardown);
    failed +=
        cmocka_run_group_tests_name("average: files", host, probe_setup_reference, probe_teardown);
    failed += cmocka_run_group_tests_name("average: opencl, cpu kernels", tests,
                                          probe_setup_opencl_cpu, probe_teardown);
    return failed != 0;
}
