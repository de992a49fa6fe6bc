/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Gradients with products of less precision, on the oracle. Rounding makes a staircase of the loss,
 * so central differences say nothing about it; the gradients are those of the smooth loss, made of
 * rounded factors. They must lie as near to those of fp32 as the rounding is fine, in every tensor,
 * and not nearer.
 */
#include "model_probe.h"

#include "backend/precision.h"
#include "reference/oracle.h"

#include <math.h>

/* Errors of a sum of products whose factors are off by half an ulp at most, at random: below an ulp
 * of the whole; some layers, and the way back through them, make a few of it. */
#define ULPS_AT_MOST  6
#define ULPS_AT_LEAST 0.01

static double *gradient(const struct clseq_model_config *config, clseq_precision precision,
                        struct probe *ret)
{
    const int source[] = { 6, 3, 2 }, target[] = { 3, 5, 7 };
    struct clseq_backend_options options;
    struct probe_pairs pairs;
    struct clseq_seq2seq_input input;
    clseq_backend *be = NULL;
    clseq_context *ctx = NULL;

    clseq_backend_options_init(&options);
    options.precision = precision;
    assert_int_equal(clseq_context_create(&ctx), CLSEQ_OK);
    ASSERT_OK(ctx, clseq_backend_open_impl(ctx, &clseq_oracle_backend, &options, &be));
    probe_open(ret, ctx, be, config, 0.6);
    probe_pairs_random(&pairs, 5, 3, source, target, 9, 9);
    input = probe_input(ret, &pairs);
    (void)probe_loss_bwd(ret, &input, 1, false);
    return probe_gradients(ret);
}

static void close_probe(struct probe *p)
{
    clseq_context *ctx = p->ctx;
    clseq_backend *be = p->be;

    probe_close_model(p);
    clseq_backend_close(&be);
    clseq_context_destroy(&ctx);
}

static double distance(const double *x, const double *y, size_t n)
{
    double difference = 0, size = 0;

    for (size_t i = 0; i < n; i++) {
        difference += (x[i] - y[i]) * (x[i] - y[i]);
        size += y[i] * y[i];
    }
    return sqrt(difference / size);
}

static void check_config(struct clseq_model_config config)
{
    struct probe exact, rounded;
    double *expected;

    config.source_vocabulary = config.target_vocabulary = 9;
    expected = gradient(&config, CLSEQ_PRECISION_FP32, &exact);
    for (clseq_precision p = CLSEQ_PRECISION_TF32; p <= CLSEQ_PRECISION_BF16; p++) {
        const double ulp = clseq_precision_ulp(p);
        double *got = gradient(&config, p, &rounded);

        for (size_t i = 0; i < exact.model->store.count; i++) {
            const size_t first = probe_param_offset(&exact, i);
            const double off =
                distance(got + first, expected + first, probe_param_offset(&exact, i + 1) - first);

            if (!(off < ULPS_AT_MOST * ulp && off > ULPS_AT_LEAST * ulp))
                fail_msg("%s, %s: gradients are off by %g, %g ulps", clseq_precision_name(p),
                         exact.model->store.params[i].name, off, off / ulp);
        }
        free(got);
        close_probe(&rounded);
    }
    free(expected);
    close_probe(&exact);
}

#define SIZE .embedding = 12, .hidden = 16

static void test_cells(void **state)
{
    (void)state;
    for (clseq_cell cell = CLSEQ_CELL_LSTM; cell <= CLSEQ_CELL_RNN; cell++)
        check_config((struct clseq_model_config) { SIZE, .layers = 2, .cell = cell });
}

static void test_attention(void **state)
{
    (void)state;
    for (clseq_attention_kind kind = CLSEQ_ATTENTION_DOT; kind <= CLSEQ_ATTENTION_ADDITIVE; kind++)
        check_config((struct clseq_model_config) {
            SIZE, .layers = 1, .bidirectional = true, .bridge = CLSEQ_BRIDGE_CONCAT,
            .attention = kind, .input_feeding = kind == CLSEQ_ATTENTION_GENERAL });
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_cells),
        cmocka_unit_test(test_attention),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
