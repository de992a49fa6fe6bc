/* SPDX-License-Identifier: BSD-2-Clause */
/* An update from several batches is the update from one batch of all their sentences. */
#include "model_probe.h"
#include "train_case.h"

#include "train/accumulator.h"

#define PARTS 4
#define EACH  3 /* sentences; 2 in the last part */

static const struct clseq_model_config config = {
    .source_vocabulary = 29, .target_vocabulary = 31, .embedding = 6, .hidden = 9, .layers = 2
};

static const struct clseq_seq2seq_limits limits = {
    .S = PROBE_WORDS,
    .T = PROBE_WORDS,
    .B = PROBE_PAIRS,
    .N = PROBE_WORDS * PROBE_PAIRS,
    .source_unique = 29,
    .target_unique = 31,
};

/* PARTS small batches, and one of all their pairs. */
static void make_pairs(struct probe_pairs parts[PARTS], struct probe_pairs *all, uint64_t seed)
{
    static const int source[EACH] = { 5, 3, 1 }, target[EACH] = { 2, 6, 4 };

    all->n = 0;
    for (uint64_t i = 0; i < PARTS; i++) {
        probe_pairs_random(&parts[i], seed * PARTS + i, i + 1 < PARTS ? EACH : 2, source, target,
                           config.source_vocabulary, config.target_vocabulary);
        for (size_t k = 0; k < parts[i].n; k++)
            probe_pairs_set(all, all->n++, &parts[i], k);
    }
}

static clseq_tensor place_of(const struct probe *p, size_t first, int32_t n)
{
    return clseq_tensor_1d(p->record, first, p->model->real, n);
}

/* Largest relative difference of sums of floats in two orders; the gradients are of the size of 1
 * and sum up to a hundred terms. */
#define BOUND 2e-4
#define FLOOR 1e-2

static void test_gradient(void **state)
{
    const struct probe_place *place = probe_place(state);
    struct probe_pairs parts[PARTS], all;
    clseq_accumulator a;
    clseq_optimizer optimizer;
    struct probe p;
    double *start;

    probe_open(&p, place->ctx, place->be, &config, 0.5);
    ASSERT_OK(p.ctx, clseq_accumulator_init(&a, p.model, &limits, PARTS));
    ASSERT_OK(p.ctx, clseq_optimizer_init(&optimizer, p.model, CLSEQ_OPTIMIZER_SGD));
    start = probe_weights(&p);
    /* Two groups, so that the second finds what the first left. */
    for (uint64_t round = 0; round < 2; round++) {
        double *expected, *got, whole, sum, norms[2], *weights[2];
        struct clseq_seq2seq_input input;

        make_pairs(parts, &all, round);
        input = probe_input(&p, &all);
        whole = probe_loss_bwd(&p, &input, 1, false);
        expected = probe_gradients(&p);
        clseq_accumulator_begin(&a);
        for (int i = 0; i < PARTS; i++) {
            input = probe_input(&p, &parts[i]);
            ASSERT_OK(p.ctx, clseq_accumulator_add(&a, &input, place_of(&p, 0, 1)));
        }
        ASSERT_OK(p.ctx, clseq_accumulator_end(&a));
        probe_read(p.be, place_of(&p, 0, 1), &sum);
        probe_close("loss", &sum, &whole, 1, 1e-5, 0);
        got = probe_gradients(&p);
        probe_close("gradients", got, expected, p.weights, BOUND, FLOOR);
        free(got);
        free(expected);

        /* Clipped updates: from the parts with a scale, from the whole with a scaled gradient. */
        ASSERT_OK(p.ctx, clseq_optimizer_step_scaled(&optimizer, 1, 0.5, 0.3, 1.0 / 11,
                                                     place_of(&p, 1, 1), place_of(&p, 2, 2)));
        probe_read(p.be, place_of(&p, 2, 1), &norms[0]);
        weights[0] = probe_weights(&p);
        probe_set_weights(&p, start);
        input = probe_input(&p, &all);
        assert_int_equal(input.B, 11);
        (void)probe_loss_bwd(&p, &input, 1.0 / 11, false);
        norms[1] = probe_step(&p, &optimizer, 1, 0.5, 0.3);
        weights[1] = probe_weights(&p);
        probe_set_weights(&p, start);
        assert_true(norms[1] > 0.3);
        probe_close("norm", &norms[0], &norms[1], 1, 1e-5, 0);
        probe_close("weights", weights[0], weights[1], p.weights, 1e-5, FLOOR);
        free(weights[0]);
        free(weights[1]);
    }
    free(start);
    clseq_optimizer_fini(&optimizer);
    clseq_accumulator_fini(&a);
    probe_close_model(&p);
}

/* Rows fit, however the words are spread; a batch beyond the plan is refused. */
static void test_limits(void **state)
{
    const struct probe_place *place = probe_place(state);
    struct clseq_seq2seq_limits small = limits;
    struct clseq_seq2seq_input input;
    struct probe_pairs parts[PARTS], all;
    clseq_accumulator a;
    struct probe p;

    probe_open(&p, place->ctx, place->be, &config, 0.5);
    make_pairs(parts, &all, 0);
    small.source_unique = 2;
    ASSERT_OK(p.ctx, clseq_accumulator_init(&a, p.model, &small, PARTS));
    assert_int_equal(a.table[0].capacity, 2 * PARTS);
    assert_int_equal(a.table[1].capacity, 31);
    clseq_accumulator_begin(&a);
    input = probe_input(&p, &parts[0]);
    ASSERT_FAILS(p.ctx, CLSEQ_ERR_INTERNAL, "larger than planned",
                 clseq_accumulator_add(&a, &input, place_of(&p, 0, 1)));
    clseq_accumulator_fini(&a);
    probe_close_model(&p);
}

/* ---- whole runs ---- */

static double last_loss(struct train_case *c)
{
    json_t *log = train_log(c, "valid");
    const double loss = train_log_number(log, json_array_size(log) - 1, "loss");

    json_decref(log);
    return loss;
}

/* A group that is the whole epoch, and one batch that is. */
static void test_whole_epoch(void **state)
{
    const struct probe_place *place = probe_place(state);
    struct clseq_train_result result;
    struct train_case c;

    for (int tokens = 0; tokens < 2; tokens++) {
        double at_once;

        train_case_make(&c, TRAIN_REVERSE, 4, 3, 5);
        c.options.average_tokens = tokens == 1;
        c.options.clip = 0.3;
        c.options.after = (struct clseq_when) { .updates = 8 };
        c.options.valid_every.updates = 8;
        c.options.batch = 100;
        ASSERT_OK(place->ctx, train_run(place, &c, -1, &result));
        assert_true(result.epochs == 8);
        at_once = last_loss(&c);
        train_case_set_run(&c, "parts");
        c.options.batch = 8;
        c.options.accumulate = 100;
        ASSERT_OK(place->ctx, train_run(place, &c, -1, &result));
        assert_true(result.epochs == 8);
        probe_close("loss", &(double) { last_loss(&c) }, &at_once, 1, 1e-5, 0);
        train_case_remove(&c);
    }
}

/* Of an epoch's batches the last few may be fewer than a group: of 9 batches 4, 4 and 1. */
static void test_groups(void **state)
{
    const struct probe_place *place = probe_place(state);
    struct clseq_train_result result;
    struct train_case c, whole;
    clseq_status status;
    int sessions = 0;

    train_case_make(&c, TRAIN_REVERSE, 4, 3, 5);
    c.options.accumulate = 4;
    c.options.after = (struct clseq_when) { .epochs = 4 };
    c.options.valid_every.updates = 5;
    train_case_set_run(&c, "whole");
    ASSERT_OK(place->ctx, train_run(place, &c, -1, &result));
    assert_int_equal(result.updates, 12);
    assert_true(result.epochs == 4);
    whole = c;
    train_case_set_run(&c, "often");
    do {
        status = train_run(place, &c, 3, NULL);
        assert_true(++sessions < 50);
    } while (status == CLSEQ_ERR_INTERRUPTED);
    ASSERT_OK(place->ctx, status);
    assert_true(sessions > 2);
    train_same_run(place, &c, &whole);
    train_case_remove(&c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_gradient),
        cmocka_unit_test(test_limits),
        cmocka_unit_test(test_whole_epoch),
        cmocka_unit_test(test_groups),
    };
    int failed = 0;

    failed += cmocka_run_group_tests_name("accumulator: reference", tests, probe_setup_reference,
                                          probe_teardown);
    failed += cmocka_run_group_tests_name("accumulator: opencl, cpu kernels", tests,
                                          probe_setup_opencl_cpu, probe_teardown);
    failed += cmocka_run_group_tests_name("accumulator: opencl, gpu kernels", tests,
                                          probe_setup_opencl_gpu, probe_teardown);
    return failed != 0;
}
