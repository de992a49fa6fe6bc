/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Back-propagation of the whole model against central differences, on the oracle:
 * every element of every parameter.
 */
#include "model_probe.h"

#include "reference/oracle.h"
#include "train/candidates.h"

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

/* One ragged batch; the sizes of `config` but for the vocabularies are the caller's. */
static void check_config(void **state, struct clseq_model_config config)
{
    const struct probe_place *place = *state;
    const double scale = 1.0 / 3;
    struct probe_pairs pairs;
    struct clseq_seq2seq_input input;
    struct probe p;
    double *got, *expected;

    config.source_vocabulary = config.shared_embeddings ? 9 : 7;
    config.target_vocabulary = 9;
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

static void check_model(void **state, int32_t layers)
{
    check_config(state,
                 (struct clseq_model_config) { .embedding = 3, .hidden = 4, .layers = layers });
}

#define SIZE .embedding = 3, .hidden = 4, .layers = 2

static void test_cells(void **state)
{
    check_config(state, (struct clseq_model_config) { SIZE, .cell = CLSEQ_CELL_GRU });
    check_config(state, (struct clseq_model_config) { SIZE, .cell = CLSEQ_CELL_RNN });
    check_config(state, (struct clseq_model_config) { SIZE, .peepholes = true });
}

static void test_residual(void **state)
{
    const struct clseq_model_config config = {
        .embedding = 3, .hidden = 4, .layers = 3, .residual = true
    };

    check_config(state, config);
}

static void test_bidirectional(void **state)
{
    for (clseq_cell cell = CLSEQ_CELL_LSTM; cell <= CLSEQ_CELL_RNN; cell++) {
        check_config(state,
                     (struct clseq_model_config) { SIZE, .cell = cell, .bidirectional = true });
        check_config(state, (struct clseq_model_config) { SIZE, .cell = cell, .bidirectional = true,
                                                          .bridge = CLSEQ_BRIDGE_SUM });
    }
    check_config(state, (struct clseq_model_config) { SIZE, .bidirectional = true,
                                                      .bridge = CLSEQ_BRIDGE_CONCAT });
    check_config(state, (struct clseq_model_config) { SIZE, .bidirectional = true, .residual = true,
                                                      .peepholes = true });
}

/* Encoder and decoder of different depth and size. */
static void test_bridge(void **state)
{
    check_config(state,
                 (struct clseq_model_config) { SIZE, .encoder_hidden = 3, .encoder_layers = 1 });
    check_config(state, (struct clseq_model_config) { .embedding = 3,
                                                      .hidden = 4,
                                                      .layers = 1,
                                                      .encoder_hidden = 5,
                                                      .encoder_layers = 1,
                                                      .bidirectional = true });
    check_config(state,
                 (struct clseq_model_config) { SIZE, .cell = CLSEQ_CELL_GRU, .encoder_layers = 1 });
}

static void test_context(void **state)
{
    check_config(state, (struct clseq_model_config) { SIZE, .context_input = true });
    check_config(state,
                 (struct clseq_model_config) { SIZE, .cell = CLSEQ_CELL_GRU, .context_input = true,
                                               .bidirectional = true, .encoder_hidden = 3 });
}

static void test_attention(void **state)
{
    for (clseq_attention_kind kind = CLSEQ_ATTENTION_DOT; kind <= CLSEQ_ATTENTION_ADDITIVE;
         kind++) {
        for (int feeding = 0; feeding < 2; feeding++) {
            struct clseq_model_config config = { SIZE, .attention = kind };

            config.input_feeding = feeding;
            check_config(state, config);
            config.bidirectional = true;
            config.bridge = CLSEQ_BRIDGE_CONCAT;
            check_config(state, config);
            config.cell = CLSEQ_CELL_GRU;
            config.context_input = true;
            check_config(state, config);
        }
    }
}

/* A table with two or three uses: their gradients add up. */
static void test_shared_tables(void **state)
{
    for (int attention = 0; attention < 2; attention++) {
        struct clseq_model_config config = { .embedding = 4, .hidden = 4, .layers = 2 };

        config.attention = attention ? CLSEQ_ATTENTION_GENERAL : CLSEQ_ATTENTION_NONE;
        config.tied_output = true;
        check_config(state, config);
        config.shared_embeddings = true;
        check_config(state, config);
        config.tied_output = false;
        check_config(state, config);
    }
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

/* Loss and gradients with three words drawn: some targets are among them and some are not. */
static double sampled(struct probe *p, const struct probe_pairs *pairs, double scale, double **ret)
{
    const double rate[9] = { 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9 };
    struct clseq_seq2seq_input input = probe_input(p, pairs);
    clseq_candidates c;
    double loss;

    ASSERT_OK(p->ctx, clseq_candidates_init(&c, p->ctx, rate, 9, 3, (size_t)input.N, 4));
    ASSERT_OK(p->ctx, clseq_candidates_add(&c, 17, &input));
    assert_true(input.candidates->count > 3 && input.candidates->count < 9);
    loss = probe_loss_bwd(p, &input, scale, false);
    if (ret)
        *ret = probe_gradients(p);
    clseq_candidates_fini(&c);
    return scale * loss;
}

static void check_sampled_config(void **state, const struct clseq_model_config *config, bool nce)
{
    const struct probe_place *place = *state;
    const double scale = 0.25;
    struct probe_pairs pairs;
    struct probe p;
    double *got, *expected, *weights;

    probe_open_sampled(&p, place->ctx, place->be, config, 0.8, 3);
    p.model->nce = nce;
    ragged(&pairs, 5);
    (void)sampled(&p, &pairs, scale, &got);
    weights = probe_weights(&p);
    expected = calloc(p.weights, sizeof(*expected));
    assert_non_null(expected);
    for (size_t i = 0; i < p.weights; i++) {
        const double before = weights[i];
        double at[4];

        for (int k = 0; k < 4; k++) {
            weights[i] = before + (k % 2 ? -1 : 1) * (k < 2 ? 1 : 2) * STEP;
            probe_set_weights(&p, weights);
            at[k] = sampled(&p, &pairs, scale, NULL);
        }
        weights[i] = before;
        expected[i] = (8 * (at[0] - at[1]) - (at[2] - at[3])) / (12 * STEP);
    }
    compare(&p, got, expected);
    free(got);
    free(expected);
    free(weights);
    probe_close_model(&p);
}

/* Tables of their own, then with two and with three uses. */
static void check_sampled(void **state, bool nce)
{
    struct clseq_model_config config = {
        .source_vocabulary = 7, .target_vocabulary = 9, .embedding = 3, .hidden = 4, .layers = 2
    };

    check_sampled_config(state, &config, nce);
    config.embedding = 4;
    config.tied_output = true;
    check_sampled_config(state, &config, nce);
    config.source_vocabulary = 9;
    config.shared_embeddings = true;
    check_sampled_config(state, &config, nce);
    config.tied_output = false;
    check_sampled_config(state, &config, nce);
}

static void test_sampled(void **state)
{
    check_sampled(state, false);
}

static void test_nce(void **state)
{
    check_sampled(state, true);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_two_layers),   cmocka_unit_test(test_one_layer),
        cmocka_unit_test(test_three_layers), cmocka_unit_test(test_accumulate),
        cmocka_unit_test(test_replace),      cmocka_unit_test(test_cells),
        cmocka_unit_test(test_residual),     cmocka_unit_test(test_bidirectional),
        cmocka_unit_test(test_bridge),       cmocka_unit_test(test_context),
        cmocka_unit_test(test_attention),    cmocka_unit_test(test_sampled),
        cmocka_unit_test(test_nce),          cmocka_unit_test(test_shared_tables),
    };

    return cmocka_run_group_tests_name("whole model on the oracle", tests, set_up, probe_teardown);
}
