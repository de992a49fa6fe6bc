/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Back-propagation of the whole model against central differences, on the oracle:
 * every element of every parameter.
 */
#include "model_probe.h"

#include "reference/oracle.h"

/* A step this long leaves a truncation error of about step^4 and a rounding error of about
 * 1e-16 loss / step: both near 1e-12 here. */
#define STEP  1e-3
#define BOUND 1e-6
/* Gradients below this are compared absolutely. The largest are near 1. */
#define FLOOR 1e-4

static int set_up(void **state)
{
    struct probe_place *place = calloc(1, sizeof(*place));

    if (!place || clseq_context_create(&place->ctx) != CLSEQ_OK ||
        clseq_backend_open_impl(place->ctx, &clseq_oracle_backend, NULL, &place->be) != CLSEQ_OK)
        return -1;
    *state = place;
    return 0;
}

/* Ragged, with an empty source and an empty target (the end token alone), and words that occur
 * twice. Every word of both small vocabularies but the padding occurs somewhere. */
static void ragged(struct probe_pairs *pairs, uint64_t seed)
{
    const int source[] = { 4, 0, 2 }, target[] = { 3, 5, 0 };

    probe_pairs_random(pairs, seed, 3, source, target, 7, 9);
    pairs->words[0][0][1] = pairs->words[0][0][0];
    pairs->words[1][1][4] = pairs->words[1][1][2];
    pairs->words[1][0][2] = CLSEQ_ID_UNK;
}

/* scale times the summed loss of the batches, with parameter element `i` moved by `delta`. */
static double moved(struct probe *p, double *weights, size_t i, double delta, double scale,
                    const struct probe_pairs *batches, int n)
{
    const double before = weights[i];
    double loss = 0;

    weights[i] = before + delta;
    probe_set_weights(p, weights);
    for (int k = 0; k < n; k++) {
        const struct clseq_seq2seq_input input = probe_input(p, &batches[k]);

        loss += probe_loss(p, &input);
    }
    weights[i] = before;
    return scale * loss;
}

static double *differences(struct probe *p, double scale, const struct probe_pairs *batches, int n)
{
    double *weights = probe_weights(p), *d = calloc(p->weights, sizeof(*d));

    assert_non_null(d);
    for (size_t i = 0; i < p->weights; i++) {
        const double near = moved(p, weights, i, STEP, scale, batches, n) -
                            moved(p, weights, i, -STEP, scale, batches, n);
        const double far = moved(p, weights, i, 2 * STEP, scale, batches, n) -
                           moved(p, weights, i, -2 * STEP, scale, batches, n);

        d[i] = (8 * near - far) / (12 * STEP);
    }
    probe_set_weights(p, weights);
    free(weights);
    return d;
}

static void compare(const struct probe *p, const double *got, const double *expected)
{
    for (size_t i = 0; i < p->model->store.count; i++) {
        const struct clseq_param *param = &p->model->store.params[i];
        const size_t first = probe_param_offset(p, i), n = probe_param_offset(p, i + 1) - first;

        probe_close(param->name, got + first, expected + first, n, BOUND, FLOOR);
    }
}

/* The size of the gradients and where there are none: only in rows of words that do not occur. */
static void check_coverage(const struct probe *p, const double *gradient)
{
    for (size_t i = 0; i < p->model->store.count; i++) {
        const struct clseq_param *param = &p->model->store.params[i];
        const size_t first = probe_param_offset(p, i), end = probe_param_offset(p, i + 1);
        size_t zeros = 0;

        for (size_t k = first; k < end; k++)
            zeros += gradient[k] == 0;
        if (zeros > 0 && !param->row_sparse)
            fail_msg("%s: %zu gradients are 0: the test proves nothing there", param->name, zeros);
        if (zeros > (end - first) / 2)
            fail_msg("%s: more than half of its gradients are 0", param->name);
    }
}

static void check_model(void **state, int32_t layers)
{
    const struct probe_place *place = *state;
    const struct clseq_model_config config = { .source_vocabulary = 7,
                                               .target_vocabulary = 9,
                                               .embedding = 3,
                                               .hidden = 4,
                                               .layers = layers };
    const double scale = 1.0 / 3;
    struct probe_pairs pairs;
    struct clseq_seq2seq_input input;
    struct probe p;
    double *got, *expected;

    probe_open(&p, place->ctx, place->be, &config, 0.8);
    ragged(&pairs, 5);
    input = probe_input(&p, &pairs);
    (void)probe_loss_bwd(&p, &input, scale, false);
    got = probe_gradients(&p);
    check_coverage(&p, got);
    expected = differences(&p, scale, &pairs, 1);
    compare(&p, got, expected);
    free(got);
    free(expected);
    probe_close_model(&p);
}

static void test_two_layers(void **state)
{
    check_model(state, 2);
}

static void test_one_layer(void **state)
{
    check_model(state, 1);
}

static void test_three_layers(void **state)
{
    check_model(state, 3);
}

/* Two batches with accumulation are one batch of both. The rows of the embeddings stay those of
 * the batch in hand, so they are added up here. */
static void test_accumulate(void **state)
{
    const struct probe_place *place = *state;
    const struct clseq_model_config config = {
        .source_vocabulary = 7, .target_vocabulary = 9, .embedding = 3, .hidden = 4, .layers = 2
    };
    const double scale = 0.25;
    struct probe_pairs pairs[2];
    struct probe p;
    double *got, *expected;

    probe_open(&p, place->ctx, place->be, &config, 0.8);
    got = calloc(p.weights, sizeof(*got));
    assert_non_null(got);
    for (int k = 0; k < 2; k++) {
        struct clseq_seq2seq_input input;

        ragged(&pairs[k], 8 + (uint64_t)k);
        input = probe_input(&p, &pairs[k]);
        (void)probe_loss_bwd(&p, &input, scale, k > 0);
        probe_add_gradients(&p, k == 0, got);
    }
    expected = differences(&p, scale, pairs, 2);
    compare(&p, got, expected);
    free(got);
    free(expected);
    probe_close_model(&p);
}

/* Without accumulation nothing of an earlier batch is left. */
static void test_replace(void **state)
{
    const struct probe_place *place = *state;
    const struct clseq_model_config config = {
        .source_vocabulary = 7, .target_vocabulary = 9, .embedding = 3, .hidden = 4, .layers = 2
    };
    struct probe_pairs first, second;
    struct clseq_seq2seq_input input;
    struct probe p;
    double *fresh, *after;

    probe_open(&p, place->ctx, place->be, &config, 0.8);
    ragged(&first, 8);
    ragged(&second, 9);
    input = probe_input(&p, &second);
    (void)probe_loss_bwd(&p, &input, 1, false);
    fresh = probe_gradients(&p);
    input = probe_input(&p, &first);
    (void)probe_loss_bwd(&p, &input, 1, false);
    input = probe_input(&p, &second);
    (void)probe_loss_bwd(&p, &input, 1, false);
    after = probe_gradients(&p);
    probe_equal("gradients", after, fresh, p.weights);
    free(fresh);
    free(after);
    probe_close_model(&p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_two_layers),   cmocka_unit_test(test_one_layer),
        cmocka_unit_test(test_three_layers), cmocka_unit_test(test_accumulate),
        cmocka_unit_test(test_replace),
    };

    return cmocka_run_group_tests_name("whole model on the oracle", tests, set_up, probe_teardown);
}
