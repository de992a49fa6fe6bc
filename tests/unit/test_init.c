/* SPDX-License-Identifier: BSD-2-Clause */
/* Initial weights: what each kind makes of which parameter. */
#include "unit.h"

#include "backend/backend_impl.h"
#include "nn/init.h"

#include <math.h>

#define E 7
#define H 12
#define V 40

struct setup {
    clseq_context *ctx;
    clseq_backend *be;
    clseq_param_store store;
    clseq_param_buffers weights;
    clseq_run run;
};

static void add(struct setup *s, const char *name, int rank, int32_t rows, int32_t columns,
                bool row_sparse)
{
    int index;

    ASSERT_OK(s->ctx, clseq_param_store_add(&s->store, name, (uint8_t)rank, rows, columns,
                                            row_sparse, &index));
}

/* An LSTM in both directions, a GRU, an embedding and an output layer. */
static void open_setup(void **state, struct setup *s)
{
    static const char *const lstm[] = { "l0", "l0_reverse" };
    char name[64];

    *s = (struct setup) { .ctx = *state };
    ASSERT_OK(s->ctx, clseq_backend_open_impl(s->ctx, &clseq_reference_backend, NULL, &s->be));
    clseq_param_store_init(&s->store, s->ctx);
    add(s, "encoder.embedding.weight", 2, V, E, true);
    for (int i = 0; i < 2; i++) {
        snprintf(name, sizeof(name), "encoder.rnn.weight_ih_%s", lstm[i]);
        add(s, name, 2, 4 * H, E, false);
        snprintf(name, sizeof(name), "encoder.rnn.weight_hh_%s", lstm[i]);
        add(s, name, 2, 4 * H, H, false);
        snprintf(name, sizeof(name), "encoder.rnn.bias_ih_%s", lstm[i]);
        add(s, name, 1, 4 * H, 0, false);
        snprintf(name, sizeof(name), "encoder.rnn.bias_hh_%s", lstm[i]);
        add(s, name, 1, 4 * H, 0, false);
    }
    add(s, "decoder.rnn.weight_ih_l0", 2, 3 * H, E, false);
    add(s, "decoder.rnn.weight_hh_l0", 2, 3 * H, H, false);
    add(s, "decoder.rnn.bias_ih_l0", 1, 3 * H, 0, false);
    add(s, "decoder.rnn.bias_hh_l0", 1, 3 * H, 0, false);
    add(s, "output.weight", 2, V, H, false);
    add(s, "output.bias", 1, V, 0, false);
    ASSERT_OK(s->ctx, clseq_param_store_plan(&s->store, 0, CLSEQ_F32));
    for (int i = 0; i < s->store.segments; i++)
        ASSERT_OK(s->ctx, clseq_buffer_create(s->be, s->store.segment_size[i] * sizeof(float),
                                              "weights", &s->weights.segment[i]));
    s->run = (clseq_run) { .be = s->be, .store = &s->store, .weights = &s->weights };
}

static void close_setup(struct setup *s)
{
    for (int i = 0; i < s->store.segments; i++)
        clseq_buffer_destroy(&s->weights.segment[i]);
    clseq_param_store_fini(&s->store);
    clseq_backend_close(&s->be);
}

/* The values of a parameter; release with free(). */
static float *get(struct setup *s, const char *name, size_t *n)
{
    const int index = clseq_param_find(&s->store, name);
    clseq_tensor w;
    float *values;

    assert_true(index >= 0);
    w = clseq_run_weight(&s->run, index);
    *n = clseq_tensor_count(&w);
    values = calloc(*n, sizeof(*values));
    assert_non_null(values);
    ASSERT_OK(s->ctx, clseq_tensor_read_f32(s->be, &w, values));
    return values;
}

/* Uniform in [-bound, bound): the largest near it, mean and variance as they should be. */
static void expect_uniform(struct setup *s, const char *name, double bound)
{
    size_t n;
    float *values = get(s, name, &n);
    double largest = 0, sum = 0, squares = 0;

    for (size_t i = 0; i < n; i++) {
        largest = fmax(largest, fabs((double)values[i]));
        sum += (double)values[i];
        squares += (double)values[i] * (double)values[i];
    }
    if (largest > bound * 1.000001 || largest < 0.9 * bound)
        fail_msg("%s: largest %g, bound %g", name, largest, bound);
    /* Four standard deviations of either. */
    assert_true(fabs(sum / (double)n) < 4 * bound / sqrt(3 * (double)n));
    assert_true(fabs(3 * squares / (double)n / bound / bound - 1) < 4 * 0.9 / sqrt((double)n));
    free(values);
}

static void expect_all(struct setup *s, const char *name, size_t from, size_t to, double value)
{
    size_t n;
    float *values = get(s, name, &n);

    assert_true(to <= n);
    for (size_t i = from; i < to; i++)
        assert_true((double)values[i] == value);
    free(values);
}

static double deviation(struct setup *s, const char *name)
{
    size_t n;
    float *values = get(s, name, &n);
    double squares = 0;

    for (size_t i = 0; i < n; i++)
        squares += (double)values[i] * (double)values[i];
    free(values);
    return sqrt(squares / (double)n);
}

static void expect_xavier_but_hh(struct setup *s)
{
    expect_uniform(s, "encoder.rnn.weight_ih_l0", sqrt(6.0 / (E + H)));
    expect_uniform(s, "encoder.rnn.weight_ih_l0_reverse", sqrt(6.0 / (E + H)));
    expect_uniform(s, "decoder.rnn.weight_ih_l0", sqrt(6.0 / (E + H)));
    expect_uniform(s, "output.weight", sqrt(6.0 / (V + H)));
    expect_all(s, "encoder.rnn.bias_ih_l0", 0, 4 * H, 0);
    expect_all(s, "encoder.rnn.bias_hh_l0_reverse", 0, 4 * H, 0);
    expect_all(s, "decoder.rnn.bias_ih_l0", 0, 3 * H, 0);
    expect_all(s, "output.bias", 0, V, 0);
    assert_true(fabs(deviation(s, "encoder.embedding.weight") / 0.05 - 1) < 0.15);
}

static void soil(struct setup *s)
{
    ASSERT_OK(s->ctx, clseq_init_params(&s->run, CLSEQ_INIT_UNIFORM, 9, 77));
}

static void test_uniform_and_normal(void **state)
{
    struct setup s;

    open_setup(state, &s);
    ASSERT_OK(s.ctx, clseq_init_params(&s.run, CLSEQ_INIT_UNIFORM, 0.08, 1));
    expect_uniform(&s, "encoder.embedding.weight", 0.08);
    expect_uniform(&s, "output.weight", 0.08);
    expect_uniform(&s, "encoder.rnn.bias_ih_l0", 0.08);
    ASSERT_OK(s.ctx, clseq_init_params(&s.run, CLSEQ_INIT_NORMAL, 0.08, 1));
    assert_true(fabs(deviation(&s, "output.weight") / 0.08 - 1) < 0.15);
    close_setup(&s);
}

static void test_xavier(void **state)
{
    struct setup s;

    open_setup(state, &s);
    soil(&s);
    ASSERT_OK(s.ctx, clseq_init_params(&s.run, CLSEQ_INIT_XAVIER, 0.05, 1));
    expect_xavier_but_hh(&s);
    expect_uniform(&s, "encoder.rnn.weight_hh_l0", sqrt(6.0 / (H + H)));
    expect_uniform(&s, "decoder.rnn.weight_hh_l0", sqrt(6.0 / (H + H)));
    close_setup(&s);
}

/* Every gate's block times its transpose is the identity, and no two blocks are alike. */
static void expect_orthogonal(struct setup *s, const char *name, size_t gates)
{
    size_t n;
    float *w = get(s, name, &n);

    assert_int_equal(n, gates * H * H);
    for (size_t g = 0; g < gates; g++) {
        for (size_t i = 0; i < H; i++) {
            for (size_t j = 0; j < H; j++) {
                double sum = 0;

                for (size_t k = 0; k < H; k++)
                    sum += (double)w[(g * H + i) * H + k] * (double)w[(g * H + j) * H + k];
                if (fabs(sum - (i == j)) > 1e-6)
                    fail_msg("%s: gate %zu, rows %zu and %zu: product %g", name, g, i, j, sum);
            }
        }
        for (size_t other = 0; other < g; other++)
            assert_memory_not_equal(w + g * H * H, w + other * H * H, H * H * sizeof(*w));
    }
    free(w);
}

static void test_orthogonal(void **state)
{
    struct setup s;
    float *first, *second;
    size_t n;

    open_setup(state, &s);
    soil(&s);
    ASSERT_OK(s.ctx, clseq_init_params(&s.run, CLSEQ_INIT_ORTHOGONAL, 0.05, 1));
    expect_xavier_but_hh(&s);
    expect_orthogonal(&s, "encoder.rnn.weight_hh_l0", 4);
    expect_orthogonal(&s, "encoder.rnn.weight_hh_l0_reverse", 4);
    expect_orthogonal(&s, "decoder.rnn.weight_hh_l0", 3);
    first = get(&s, "encoder.rnn.weight_hh_l0", &n);
    soil(&s);
    ASSERT_OK(s.ctx, clseq_init_params(&s.run, CLSEQ_INIT_ORTHOGONAL, 0.05, 1));
    second = get(&s, "encoder.rnn.weight_hh_l0", &n);
    assert_memory_equal(first, second, n * sizeof(*first));
    free(second);
    ASSERT_OK(s.ctx, clseq_init_params(&s.run, CLSEQ_INIT_ORTHOGONAL, 0.05, 2));
    second = get(&s, "encoder.rnn.weight_hh_l0", &n);
    assert_memory_not_equal(first, second, n * sizeof(*first));
    free(first);
    free(second);
    close_setup(&s);
}

/* All orthogonal matrices alike: the traces of many have mean 0 and variance 1, the determinants
 * are 1 and -1 equally often. Without the right signs neither holds. */
static void test_orthogonal_distribution(void **state)
{
    double q[9], sum = 0, squares = 0;
    int positive = 0;

    for (int i = 0; i < 4000; i++) {
        double trace, det;

        ASSERT_OK(*state, clseq_orthogonal(*state, 3, 5, 0, (uint64_t)i * 9, q));
        trace = q[0] + q[4] + q[8];
        det = q[0] * (q[4] * q[8] - q[5] * q[7]) - q[1] * (q[3] * q[8] - q[5] * q[6]) +
              q[2] * (q[3] * q[7] - q[4] * q[6]);
        assert_true(fabs(fabs(det) - 1) < 1e-12);
        positive += det > 0;
        sum += trace;
        squares += trace * trace;
    }
    assert_true(fabs(sum / 4000) < 4 / sqrt(4000));
    assert_true(fabs(squares / 4000 - 1) < 0.1);
    assert_in_range(positive, 2000 - 4 * 32, 2000 + 4 * 32);
    ASSERT_OK(*state, clseq_orthogonal(*state, 1, 5, 0, 0, q));
    assert_true(fabs(q[0]) == 1);
}

static void test_forget_bias(void **state)
{
    struct setup s;
    double before;

    open_setup(state, &s);
    ASSERT_OK(s.ctx, clseq_init_params(&s.run, CLSEQ_INIT_UNIFORM, 0.08, 1));
    before = deviation(&s, "decoder.rnn.bias_ih_l0");
    ASSERT_OK(s.ctx, clseq_init_forget_bias(&s.run, 1.5));
    for (int i = 0; i < 2; i++) {
        const char *ih = i ? "encoder.rnn.bias_ih_l0_reverse" : "encoder.rnn.bias_ih_l0";
        const char *hh = i ? "encoder.rnn.bias_hh_l0_reverse" : "encoder.rnn.bias_hh_l0";
        size_t n;
        float *values = get(&s, ih, &n);

        for (size_t k = 0; k < n; k++)
            assert_int_equal((double)values[k] == 1.5, k >= H && k < 2 * H);
        free(values);
        values = get(&s, hh, &n);
        for (size_t k = 0; k < n; k++)
            assert_int_equal(values[k] == 0, k >= H && k < 2 * H);
        free(values);
    }
    /* A GRU has no forget gate. */
    assert_true(deviation(&s, "decoder.rnn.bias_ih_l0") == before);
    expect_uniform(&s, "output.bias", 0.08);
    expect_uniform(&s, "encoder.rnn.weight_ih_l0", 0.08);
    close_setup(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_uniform_and_normal), cmocka_unit_test(test_xavier),
        cmocka_unit_test(test_orthogonal),         cmocka_unit_test(test_orthogonal_distribution),
        cmocka_unit_test(test_forget_bias),
    };

    return cmocka_run_group_tests_name("init", tests, unit_context_create, unit_context_destroy);
}
