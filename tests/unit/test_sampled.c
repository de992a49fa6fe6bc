/* SPDX-License-Identifier: BSD-2-Clause */
/* Sampled softmax: which words are drawn, and what becomes of the loss and its gradient. */
#include "model_probe.h"
#include "train_case.h"

#include "train/accumulator.h"
#include "train/candidates.h"

#include <math.h>

enum { V = 40, N = 30 };

static const struct clseq_model_config config = {
    .source_vocabulary = 12, .target_vocabulary = V, .embedding = 5, .hidden = 8, .layers = 1
};

/* As Zipf has it, the first words not the most frequent ones. */
static void make_rates(double rate[V])
{
    for (int w = 0; w < V; w++)
        rate[w] = 1.0 / (1 + (w * 7 + 3) % V);
}

static void make_targets(int32_t target[N], uint64_t seed)
{
    for (uint64_t i = 0; i < N; i++)
        target[i] = (int32_t)((probe_random(seed, i) + 1) / 2 * (V - 1));
}

/* ---- drawing ---- */

static void expect_columns(const struct clseq_input_candidates *c, const int32_t target[N],
                           int32_t drawn)
{
    bool seen[V] = { false };

    assert_int_equal(c->drawn, drawn);
    for (int32_t i = 0; i < c->count; i++) {
        bool is_target = false;

        assert_in_range(c->words[i], 0, V - 1);
        assert_false(seen[c->words[i]]);
        seen[c->words[i]] = true;
        for (int k = 0; k < N; k++)
            is_target = is_target || target[k] == c->words[i];
        assert_true(i < drawn || is_target);
        assert_true(isfinite(c->shift[i]) && c->shift[i] >= 0);
    }
    for (int k = 0; k < N; k++) {
        assert_in_range(c->target[k], 0, c->count - 1);
        assert_int_equal(c->words[c->target[k]], target[k]);
    }
}

static void test_columns(void **state)
{
    const struct probe_place *place = probe_place(state);
    const int32_t sizes[] = { 1, 7, V - 1, V, V + 5 };
    double rate[V];

    make_rates(rate);
    for (size_t s = 0; s < CLSEQ_ARRAY_SIZE(sizes); s++) {
        const int32_t drawn = sizes[s] < V ? sizes[s] : V;
        clseq_candidates c, again;

        ASSERT_OK(place->ctx, clseq_candidates_init(&c, place->ctx, rate, V, sizes[s], N, 3));
        ASSERT_OK(place->ctx, clseq_candidates_init(&again, place->ctx, rate, V, sizes[s], N, 3));
        for (uint64_t update = 0; update < 20; update++) {
            struct clseq_seq2seq_input input = { .N = N }, other = { .N = N };
            int32_t first[V], target[N];

            /* Two batches of an update, whose words are drawn once. */
            for (uint64_t batch = 0; batch < 2; batch++) {
                make_targets(target, 2 * update + batch);
                input.target = target;
                ASSERT_OK(place->ctx, clseq_candidates_add(&c, update, &input));
                expect_columns(input.candidates, target, drawn);
                if (batch == 0)
                    memcpy(first, input.candidates->words, (size_t)drawn * sizeof(*first));
                assert_memory_equal(first, input.candidates->words, (size_t)drawn * sizeof(*first));
            }
            if (update % 5 != 3)
                continue;
            /* As after a resume: no matter what was drawn before. */
            other.target = target;
            ASSERT_OK(place->ctx, clseq_candidates_add(&again, update, &other));
            assert_int_equal(other.candidates->count, input.candidates->count);
            assert_memory_equal(other.candidates->words, input.candidates->words,
                                (size_t)input.candidates->count * sizeof(int32_t));
            assert_memory_equal(other.candidates->shift, input.candidates->shift,
                                (size_t)input.candidates->count * sizeof(float));
        }
        clseq_candidates_fini(&c);
        clseq_candidates_fini(&again);
    }
}

/* 1 / p of the words drawn, added up over many updates, is the number of updates for every word:
 * the estimate that the correction makes of a sum over all words is without bias. */
static void test_correction(void **state)
{
    const struct probe_place *place = probe_place(state);
    enum { UPDATES = 20000 };
    double rate[V], sum[V] = { 0 }, variance[V] = { 0 };
    int32_t target[N] = { 0 };
    clseq_candidates c;

    make_rates(rate);
    ASSERT_OK(place->ctx, clseq_candidates_init(&c, place->ctx, rate, V, 8, N, 11));
    for (uint64_t update = 0; update < UPDATES; update++) {
        struct clseq_seq2seq_input input = { .N = N, .target = target };

        ASSERT_OK(place->ctx, clseq_candidates_add(&c, update, &input));
        for (int32_t i = 0; i < 8; i++) {
            const double inverse = exp((double)input.candidates->shift[i]);

            sum[input.candidates->words[i]] += inverse;
            variance[input.candidates->words[i]] += inverse * inverse;
        }
    }
    for (int w = 0; w < V; w++) {
        const double mean = sum[w] / UPDATES;
        const double error = sqrt((variance[w] / UPDATES - mean * mean) / UPDATES);

        /* 5 standard errors of 40 means with a fixed seed */
        if (!(fabs(mean - 1) < 5 * error))
            fail_msg("word %d: mean of 1 / p is %g +- %g, not 1", w, mean, error);
        assert_true(error < 0.1);
    }
    clseq_candidates_fini(&c);
}

static void test_too_many_targets(void **state)
{
    const struct probe_place *place = probe_place(state);
    struct clseq_seq2seq_input input = { .N = N + 1 };
    double rate[V];
    clseq_candidates c;

    make_rates(rate);
    ASSERT_OK(place->ctx, clseq_candidates_init(&c, place->ctx, rate, V, 8, N, 11));
    ASSERT_FAILS(place->ctx, CLSEQ_ERR_INTERNAL, "larger than planned",
                 clseq_candidates_add(&c, 0, &input));
    clseq_candidates_fini(&c);
}

/* ---- loss and gradient ---- */

static void make_pairs(struct probe_pairs *pairs, uint64_t seed)
{
    const int source[] = { 4, 0, 2, 5 }, target[] = { 3, 5, 0, 6 };

    probe_pairs_random(pairs, seed, 4, source, target, config.source_vocabulary, V);
}

static double sampled_loss_bwd(struct probe *p, clseq_candidates *c, uint64_t update,
                               const struct probe_pairs *pairs)
{
    struct clseq_seq2seq_input input = probe_input(p, pairs);

    ASSERT_OK(p->ctx, clseq_candidates_add(c, update, &input));
    return probe_loss_bwd(p, &input, 1, false);
}

/* Words of all: the softmax over all words, in another order of memory. */
static void test_all_words(void **state)
{
    const struct probe_place *place = probe_place(state);
    double rate[V], loss[2], *gradient[2], *in_store[2];
    struct clseq_seq2seq_input input;
    struct probe p[2];
    struct probe_pairs pairs;
    clseq_candidates c;

    make_rates(rate);
    make_pairs(&pairs, 3);
    probe_open(&p[0], place->ctx, place->be, &config, 0.5);
    probe_open_sampled(&p[1], place->ctx, place->be, &config, 0.5, V);
    ASSERT_OK(place->ctx, clseq_candidates_init(&c, place->ctx, rate, V, V, N, 11));
    input = probe_input(&p[0], &pairs);
    loss[0] = probe_loss_bwd(&p[0], &input, 1, false);
    loss[1] = sampled_loss_bwd(&p[1], &c, 0, &pairs);
    probe_close("loss", &loss[1], &loss[0], 1, 1e-5, 0);
    for (int i = 0; i < 2; i++)
        gradient[i] = probe_gradients(&p[i]);
    probe_close("gradients", gradient[1], gradient[0], p[0].weights, 1e-4, 1e-2);
    /* Validation is over all words, whatever training does. */
    input = probe_input(&p[1], &pairs);
    loss[1] = probe_loss(&p[1], &input);
    probe_close("validation", &loss[1], &loss[0], 1, 1e-5, 0);
    for (int i = 0; i < 2; i++) {
        in_store[i] = probe_weights(&p[i]);
        free(gradient[i]);
    }
    probe_equal("weights", in_store[1], in_store[0], p[0].weights);
    free(in_store[0]);
    free(in_store[1]);
    clseq_candidates_fini(&c);
    probe_close_model(&p[0]);
    probe_close_model(&p[1]);
}

/* How far the mean of many draws' gradients is from that of all words. */
static double bias_of(const struct probe_place *place, int32_t samples, const double *expected,
                      const struct probe_pairs *pairs)
{
    enum { UPDATES = 300 };
    double rate[V], *sum = NULL, difference = 0, size = 0;
    clseq_candidates c;
    struct probe p;

    make_rates(rate);
    probe_open_sampled(&p, place->ctx, place->be, &config, 0.5, samples);
    ASSERT_OK(place->ctx, clseq_candidates_init(&c, place->ctx, rate, V, samples, N, 11));
    for (uint64_t update = 0; update < UPDATES; update++) {
        (void)sampled_loss_bwd(&p, &c, update, pairs);
        if (update == 0)
            sum = probe_gradients(&p);
        else
            probe_add_gradients(&p, false, sum);
    }
    for (size_t i = 0; i < p.weights; i++) {
        difference += pow(sum[i] / UPDATES - expected[i], 2);
        size += expected[i] * expected[i];
    }
    free(sum);
    clseq_candidates_fini(&c);
    probe_close_model(&p);
    return sqrt(difference / size);
}

/* The more words, the closer. */
static void test_expectation(void **state)
{
    const struct probe_place *place = probe_place(state);
    const int32_t samples[] = { 4, 12, 24, 36 };
    struct probe_pairs pairs;
    struct clseq_seq2seq_input input;
    struct probe p;
    double *expected, last = 1;

    make_pairs(&pairs, 3);
    probe_open(&p, place->ctx, place->be, &config, 0.5);
    input = probe_input(&p, &pairs);
    (void)probe_loss_bwd(&p, &input, 1, false);
    expected = probe_gradients(&p);
    for (size_t i = 0; i < CLSEQ_ARRAY_SIZE(samples); i++) {
        const double bias = bias_of(place, samples[i], expected, &pairs);

        if (!(bias < 0.75 * last))
            fail_msg("with %d words the mean gradient is %g off, after %g", samples[i], bias, last);
        last = bias;
    }
    assert_true(last < 0.05);
    free(expected);
    probe_close_model(&p);
}

/* ---- updates ---- */

/* Words that are not part of an update keep their weights and moments, bit for bit. */
static void test_only_candidates_change(void **state)
{
    const struct probe_place *place = probe_place(state);
    const size_t H = (size_t)config.hidden;
    double rate[V], *before, *after;
    bool part[V] = { false };
    clseq_optimizer optimizer;
    clseq_candidates c;
    struct probe_pairs pairs;
    struct probe p;
    size_t weight, bias;
    int changed = 0;

    make_rates(rate);
    make_pairs(&pairs, 3);
    probe_open_sampled(&p, place->ctx, place->be, &config, 0.5, 5);
    ASSERT_OK(place->ctx, clseq_candidates_init(&c, place->ctx, rate, V, 5, N, 11));
    ASSERT_OK(p.ctx, clseq_optimizer_init(&optimizer, p.model, CLSEQ_OPTIMIZER_ADAM));
    before = probe_weights(&p);
    (void)sampled_loss_bwd(&p, &c, 0, &pairs);
    (void)probe_step(&p, &optimizer, 1, 0.01, 0.3);
    after = probe_weights(&p);
    for (int32_t i = 0; i < c.input.count; i++)
        part[c.input.words[i]] = true;
    weight = probe_param_offset(&p, (size_t)p.model->decoder.output.weight);
    bias = probe_param_offset(&p, (size_t)p.model->decoder.output.bias);
    for (size_t w = 0; w < V; w++) {
        const bool same =
            memcmp(before + weight + w * H, after + weight + w * H, H * sizeof(*before)) == 0 &&
            before[bias + w] == after[bias + w];

        assert_int_equal(same, !part[w]);
        changed += !same;
    }
    assert_in_range(changed, 6, V - 6);
    free(before);
    free(after);
    clseq_optimizer_fini(&optimizer);
    clseq_candidates_fini(&c);
    probe_close_model(&p);
}

/* Two batches of an update are one batch of both. */
static void test_accumulate(void **state)
{
    const struct probe_place *place = probe_place(state);
    const struct clseq_seq2seq_limits limits = { .S = PROBE_WORDS,
                                                 .T = PROBE_WORDS,
                                                 .B = PROBE_PAIRS,
                                                 .N = PROBE_WORDS * PROBE_PAIRS,
                                                 .source_unique = config.source_vocabulary,
                                                 .target_unique = V };
    double rate[V], *expected, *got;
    struct probe_pairs parts[2], all = { .n = 0 };
    clseq_accumulator a;
    clseq_candidates c;
    struct probe p;

    make_rates(rate);
    probe_open_sampled(&p, place->ctx, place->be, &config, 0.5, 6);
    ASSERT_OK(place->ctx, clseq_candidates_init(&c, place->ctx, rate, V, 6, 2 * N, 11));
    ASSERT_OK(p.ctx, clseq_accumulator_init(&a, p.model, &limits, 2));
    for (uint64_t i = 0; i < 2; i++) {
        make_pairs(&parts[i], 5 + i);
        for (size_t k = 0; k < parts[i].n; k++)
            probe_pairs_set(&all, all.n++, &parts[i], k);
    }
    (void)sampled_loss_bwd(&p, &c, 9, &all);
    expected = probe_gradients(&p);
    clseq_accumulator_begin(&a);
    for (int i = 0; i < 2; i++) {
        struct clseq_seq2seq_input input = probe_input(&p, &parts[i]);

        ASSERT_OK(p.ctx, clseq_candidates_add(&c, 9, &input));
        ASSERT_OK(p.ctx, clseq_accumulator_add(&a, &input,
                                               clseq_tensor_1d(p.record, 0, p.model->real, 1)));
    }
    ASSERT_OK(p.ctx, clseq_accumulator_end(&a));
    got = probe_gradients(&p);
    probe_close("gradients", got, expected, p.weights, 2e-4, 1e-2);
    free(got);
    free(expected);
    clseq_accumulator_fini(&a);
    clseq_candidates_fini(&c);
    probe_close_model(&p);
}

/* ---- whole runs ---- */

/* Noise-contrastive estimation learns a distribution over all words: in validation, which divides
 * by the sum over all of them, it comes close to what the softmax does. */
static void test_nce_learns(void **state)
{
    const struct probe_place *place = probe_place(state);
    double loss[2];

    for (int nce = 0; nce < 2; nce++) {
        struct clseq_train_result result;
        struct train_case c;

        train_case_make(&c, TRAIN_REVERSE, 4, 3, 5);
        c.options.loss = nce ? CLSEQ_LOSS_NCE : CLSEQ_LOSS_SOFTMAX;
        c.options.samples = 5;
        c.options.after = (struct clseq_when) { .updates = 300 };
        c.options.valid_every.updates = 300;
        ASSERT_OK(place->ctx, train_run(place, &c, -1, &result));
        loss[nce] = result.best_loss;
        train_case_remove(&c);
    }
    if (!(loss[0] < 1.3 && loss[1] < 1.3))
        fail_msg("validation loss %g with softmax, %g with nce", loss[0], loss[1]);
}

static void test_resume(void **state)
{
    const struct probe_place *place = probe_place(state);

    for (int i = 0; i < 3; i++) {
        const int sampler = i % 2;
        struct train_case c, whole;
        clseq_status status;
        int sessions = 0;

        train_case_make(&c, TRAIN_REVERSE, 4, 3, 5);
        c.options.loss = i < 2 ? CLSEQ_LOSS_SAMPLED : CLSEQ_LOSS_NCE;
        c.options.samples = 3;
        c.options.sampler = (clseq_sampler_kind)sampler;
        c.options.accumulate = sampler ? 2 : 1;
        c.options.ema = sampler ? 0.9 : 0;
        c.options.after = (struct clseq_when) { .updates = 14 };
        train_case_set_run(&c, "whole");
        ASSERT_OK(place->ctx, train_run(place, &c, -1, NULL));
        whole = c;
        train_case_set_run(&c, "often");
        do {
            status = train_run(place, &c, 4, NULL);
            assert_true(++sessions < 50);
        } while (status == CLSEQ_ERR_INTERRUPTED);
        ASSERT_OK(place->ctx, status);
        assert_true(sessions > 2);
        train_same_run(place, &c, &whole);
        train_case_remove(&c);
    }
}

static void test_refused(void **state)
{
    const struct probe_place *place = probe_place(state);
    struct train_case c;

    train_case_make(&c, TRAIN_REVERSE, 3, 2, 5);
    c.options.loss = CLSEQ_LOSS_SAMPLED;
    c.options.label_smoothing = 0.1;
    ASSERT_FAILS(place->ctx, CLSEQ_ERR_ARG, "give --label-smoothing 0, or --loss softmax",
                 train_run(place, &c, -1, NULL));
    c.options.label_smoothing = 0;
    c.options.samples = 0;
    ASSERT_FAILS(place->ctx, CLSEQ_ERR_ARG, "--samples: 0 is out of range",
                 train_run(place, &c, -1, NULL));
    train_case_remove(&c);
}

int main(void)
{
    const struct CMUnitTest drawing[] = {
        cmocka_unit_test(test_columns),          cmocka_unit_test(test_correction),
        cmocka_unit_test(test_too_many_targets), cmocka_unit_test(test_expectation),
        cmocka_unit_test(test_refused),          cmocka_unit_test(test_nce_learns),
    };
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_all_words),
        cmocka_unit_test(test_only_candidates_change),
        cmocka_unit_test(test_accumulate),
        cmocka_unit_test(test_resume),
    };
    int failed = 0;

    failed += cmocka_run_group_tests_name("sampled: drawing", drawing, probe_setup_reference,
                                          probe_teardown);
    failed += cmocka_run_group_tests_name("sampled: reference", tests, probe_setup_reference,
                                          probe_teardown);
    failed += cmocka_run_group_tests_name("sampled: opencl, cpu kernels", tests,
                                          probe_setup_opencl_cpu, probe_teardown);
    failed += cmocka_run_group_tests_name("sampled: opencl, gpu kernels", tests,
                                          probe_setup_opencl_gpu, probe_teardown);
    return failed != 0;
}
