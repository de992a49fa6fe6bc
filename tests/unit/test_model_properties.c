/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What must hold for every model and batch, on the reference and on OpenCL:
 * padding, company and order of the sentences change nothing, the same call gives
 * the same bits, a step allocates nothing and waits for nothing, and it does not
 * matter over how many buffers memory is spread.
 *
 * Where the same sums are done in the same order the reference must give the same
 * bits; OpenCL may choose other tiles for another shape, so there floats decide.
 */
#include "model_probe.h"

#include <math.h>

/* Sums of a few hundred floats in another order. */
#define BOUND      2e-5
#define FLOOR      1e-3
#define NORM_BOUND 1e-6 /* 16 roundings, relative to the largest element of a parameter */

#define SOURCE_VOCABULARY 23
#define TARGET_VOCABULARY 31

#define VOCABULARIES .source_vocabulary = SOURCE_VOCABULARY, .target_vocabulary = TARGET_VOCABULARY

/* The models of this program; every property is tested of each. */
static const struct clseq_model_config plain_model = { VOCABULARIES, .embedding = 9, .hidden = 12,
                                                       .layers = 2 };
static const struct clseq_model_config attention_model = {
    VOCABULARIES,           .embedding = 9,
    .hidden = 12,           .layers = 2,
    .cell = CLSEQ_CELL_GRU, .encoder_hidden = 7,
    .bidirectional = true,  .attention = CLSEQ_ATTENTION_ADDITIVE,
};
static const struct clseq_model_config feeding_model = {
    VOCABULARIES,
    .embedding = 9,
    .hidden = 8,
    .layers = 2,
    .encoder_hidden = 4,
    .encoder_layers = 1,
    .bidirectional = true,
    .residual = true,
    .bridge = CLSEQ_BRIDGE_CONCAT,
    .attention = CLSEQ_ATTENTION_GENERAL,
    .input_feeding = true,
    .context_input = true,
};

/* A test function for each model from one that takes it. */
#define OF_EACH_MODEL(name)                                                                        \
    static void name##_plain(void **state)                                                         \
    {                                                                                              \
        name(state, &plain_model);                                                                 \
    }                                                                                              \
    static void name##_attention(void **state)                                                     \
    {                                                                                              \
        name(state, &attention_model);                                                             \
    }                                                                                              \
    static void name##_feeding(void **state)                                                       \
    {                                                                                              \
        name(state, &feeding_model);                                                               \
    }

#define TESTS_OF(name)                                                                             \
    cmocka_unit_test(name##_plain), cmocka_unit_test(name##_attention),                            \
        cmocka_unit_test(name##_feeding)

static const int source_lengths[] = { 5, 0, 12, 1, 8 }, target_lengths[] = { 3, 9, 0, 14, 1 };

static bool is_reference(const struct probe_place *place)
{
    return strcmp(clseq_backend_info(place->be)->name, "reference") == 0;
}

static void expect(const struct probe_place *place, const char *what, const double *got,
                   const double *expected, size_t n)
{
    if (is_reference(place))
        probe_equal(what, got, expected, n);
    else
        probe_close(what, got, expected, n, BOUND, FLOOR);
}

/* Gradients of all parameters. An element is a sum of products that may cancel, and its error goes
 * with the products: with `sizes`, the sums of their absolute values as far as they are known
 * (NULL: not at all), and with the largest element of the parameter. */
static void expect_gradients(const struct probe *p, const char *what, const double *got,
                             const double *expected, const double *sizes)
{
    for (size_t k = 0; k < p->model->store.count; k++) {
        const size_t first = probe_param_offset(p, k), end = probe_param_offset(p, k + 1);
        double largest = 0;

        for (size_t i = first; i < end; i++)
            largest = fmax(largest, fabs(expected[i]));
        for (size_t i = first; i < end; i++) {
            const double size = fmax(sizes ? sizes[i] : fabs(expected[i]), FLOOR);
            const double error = fabs(got[i] - expected[i]);

            if (!(error <= fmax(BOUND * size, NORM_BOUND * largest)))
                fail_msg("%s: %s: element %zu is %.17g, expected %.17g: off by %.3g, size %.3g, "
                         "largest %.3g",
                         what, p->model->store.params[k].name, i - first, got[i], expected[i],
                         error, size, largest);
        }
    }
}

/* The same where the reference does the same sums. */
static void expect_same_gradients(const struct probe_place *place, const struct probe *p,
                                  const double *got, const double *expected)
{
    if (is_reference(place))
        probe_equal("gradients", got, expected, p->weights);
    else
        expect_gradients(p, "gradients", got, expected, NULL);
}

static void make_pairs(struct probe_pairs *pairs, uint64_t seed)
{
    probe_pairs_random(pairs, seed, CLSEQ_ARRAY_SIZE(source_lengths), source_lengths,
                       target_lengths, SOURCE_VOCABULARY, TARGET_VOCABULARY);
}

static struct probe_place *open_model(void **state, const struct clseq_model_config *config,
                                      struct probe *p)
{
    struct probe_place *place = probe_place(state);

    probe_open(p, place->ctx, place->be, config, 0.7);
    return place;
}

/* Leave the activations of a large batch in memory, so that nothing relies on zeros there. Inputs
 * of probe_input() are gone after it. */
static void soil(struct probe *p)
{
    struct probe_pairs large;
    int lengths[PROBE_PAIRS];
    struct clseq_seq2seq_input input;

    for (int b = 0; b < PROBE_PAIRS; b++)
        lengths[b] = PROBE_WORDS - 1;
    probe_pairs_random(&large, 99, PROBE_PAIRS, lengths, lengths, SOURCE_VOCABULARY,
                       TARGET_VOCABULARY);
    input = probe_input(p, &large);
    (void)probe_loss_bwd(p, &input, 1e6, false);
}

/* Everything a batch gives. */
struct outcome {
    double loss;
    size_t n;
    double *losses;    /* (N), of every real position */
    double *gradients; /* of all parameters */
    double *states;    /* final h, and c of an LSTM, of the encoder: (pieces, B, width) */
    size_t pieces, width, states_n;
};

static void read_states(const struct probe *p, struct outcome *o)
{
    const clseq_rnn_stack *stack = &p->model->encoder.rnn;
    const clseq_rnn_pass *pass = &p->model->encoder_pass.rnn;
    double *to;

    o->width = (size_t)stack->hidden;
    o->pieces =
        (size_t)(stack->layers * stack->directions) * (stack->cell == CLSEQ_CELL_LSTM ? 2 : 1);
    o->states_n = o->pieces * (size_t)pass->B * o->width;
    to = o->states = calloc(o->states_n, sizeof(double));
    assert_non_null(to);
    for (int32_t l = 0; l < stack->layers; l++) {
        for (int32_t d = 0; d < stack->directions; d++) {
            const clseq_rnn_state final = clseq_rnn_final(pass, l, d);

            probe_read(p->be, final.h, to);
            to += (size_t)pass->B * o->width;
            if (!clseq_tensor_present(&final.c))
                continue;
            probe_read(p->be, final.c, to);
            to += (size_t)pass->B * o->width;
        }
    }
    assert_int_equal(to - o->states, o->states_n);
}

static void run(struct probe *p, const struct clseq_seq2seq_input *input, struct outcome *o)
{
    const clseq_tensor *losses = &p->model->decoder_pass.output.loss;

    o->loss = probe_loss_bwd(p, input, 0.25, false);
    o->n = (size_t)input->N;
    o->losses = calloc(o->n, sizeof(double));
    assert_non_null(o->losses);
    assert_int_equal(clseq_tensor_count(losses), o->n);
    probe_read(p->be, *losses, o->losses);
    o->gradients = probe_gradients(p);
    read_states(p, o);
}

static void release(struct outcome *o)
{
    free(o->losses);
    free(o->gradients);
    free(o->states);
}

/* ---- padding, company, order ---- */

/* The same batch with more columns of padding. Positions are t * B + b, so nothing else moves. */
static struct clseq_seq2seq_input pad(const struct clseq_seq2seq_input *input, int32_t more_source,
                                      int32_t more_target, int32_t **memory)
{
    struct clseq_seq2seq_input padded = *input;
    const size_t source = (size_t)(input->S * input->B), target = (size_t)(input->T * input->B);
    const size_t source_more = (size_t)(more_source * input->B);
    const size_t target_more = (size_t)(more_target * input->B);
    int32_t *index = calloc(source + source_more + target + target_more, sizeof(*index));

    assert_non_null(index);
    *memory = index;
    padded.S += more_source;
    padded.T += more_target;
    padded.source_index = index;
    memcpy(index, input->source_index, source * sizeof(*index));
    index += source;
    for (size_t i = 0; i < source_more; i++)
        *index++ = -1;
    padded.target_index = index;
    memcpy(index, input->target_index, target * sizeof(*index));
    index += target;
    for (size_t i = 0; i < target_more; i++)
        *index++ = -1;
    return padded;
}

static void test_padding(void **state, const struct clseq_model_config *config)
{
    struct probe_pairs pairs;
    struct clseq_seq2seq_input input, padded;
    struct outcome plain, other;
    int32_t *memory;
    struct probe p;
    const struct probe_place *place = open_model(state, config, &p);

    make_pairs(&pairs, 1);
    input = probe_input(&p, &pairs);
    run(&p, &input, &plain);
    soil(&p);
    input = probe_input(&p, &pairs);
    padded = pad(&input, 7, 3, &memory);
    run(&p, &padded, &other);

    expect(place, "sum of the losses", &other.loss, &plain.loss, 1);
    expect(place, "losses", other.losses, plain.losses, plain.n);
    expect_same_gradients(place, &p, other.gradients, plain.gradients);
    expect(place, "final states", other.states, plain.states, plain.states_n);
    release(&plain);
    release(&other);
    free(memory);
    probe_close_model(&p);
}

OF_EACH_MODEL(test_padding)

/* Losses of row b of a batch, step by step. */
static size_t row_losses(const struct clseq_seq2seq_input *input, const struct outcome *o,
                         int32_t b, double *ret)
{
    size_t n = 0;

    for (int32_t i = 0; i < input->N; i++) {
        if (input->rows[i] % input->B == b)
            ret[n++] = o->losses[i];
    }
    return n;
}

static void test_company(void **state, const struct clseq_model_config *config)
{
    struct probe_pairs pairs;
    struct clseq_seq2seq_input input;
    struct outcome together;
    double row[PROBE_PAIRS][PROBE_WORDS], *sum, *sizes, alone_loss = 0;
    size_t n[PROBE_PAIRS];
    struct probe p;
    const struct probe_place *place = open_model(state, config, &p);

    make_pairs(&pairs, 2);
    input = probe_input(&p, &pairs);
    run(&p, &input, &together);
    for (int32_t b = 0; b < input.B; b++)
        n[b] = row_losses(&input, &together, b, row[b]);
    sum = calloc(p.weights, sizeof(*sum));
    sizes = calloc(p.weights, sizeof(*sizes));
    assert_true(sum && sizes);
    for (size_t b = 0; b < pairs.n; b++) {
        const size_t H = together.width, B = pairs.n;
        struct probe_pairs single = { .n = 1 };
        struct outcome alone;

        probe_pairs_set(&single, 0, &pairs, b);
        soil(&p);
        input = probe_input(&p, &single);
        run(&p, &input, &alone);
        assert_int_equal(alone.n, n[b]);
        assert_int_equal(alone.n, pairs.target[b].length + 1);
        expect(place, "losses of a sentence alone", alone.losses, row[b], n[b]);
        for (size_t k = 0; k < together.pieces; k++)
            expect(place, "final state of a sentence alone", alone.states + k * H,
                   together.states + (k * B + b) * H, H);
        for (size_t i = 0; i < p.weights; i++) {
            sum[i] += alone.gradients[i];
            sizes[i] += fabs(alone.gradients[i]);
        }
        alone_loss += alone.loss;
        release(&alone);
    }
    probe_close("sum of the losses", &alone_loss, &together.loss, 1, BOUND, FLOOR);
    expect_gradients(&p, "sum of the gradients", sum, together.gradients, sizes);
    free(sum);
    free(sizes);
    release(&together);
    probe_close_model(&p);
}

OF_EACH_MODEL(test_company)

static void test_order_of_rows(void **state, const struct clseq_model_config *config)
{
    static const size_t order[] = { 3, 0, 4, 2, 1 };
    struct probe_pairs pairs, moved = { .n = CLSEQ_ARRAY_SIZE(order) };
    struct clseq_seq2seq_input input;
    struct outcome plain, other;
    double row[PROBE_PAIRS][PROBE_WORDS], got[PROBE_WORDS];
    struct probe p;
    const struct probe_place *place = open_model(state, config, &p);

    make_pairs(&pairs, 3);
    input = probe_input(&p, &pairs);
    run(&p, &input, &plain);
    for (int32_t b = 0; b < input.B; b++)
        (void)row_losses(&input, &plain, b, row[b]);
    for (size_t b = 0; b < moved.n; b++)
        probe_pairs_set(&moved, b, &pairs, order[b]);
    input = probe_input(&p, &moved);
    run(&p, &input, &other);
    for (size_t b = 0; b < moved.n; b++) {
        const size_t n = row_losses(&input, &other, (int32_t)b, got);

        assert_int_equal(n, pairs.target[order[b]].length + 1);
        expect(place, "losses of a row that moved", got, row[order[b]], n);
    }
    /* Sums over the batch have another order now. */
    probe_close("sum of the losses", &other.loss, &plain.loss, 1, BOUND, FLOOR);
    expect_gradients(&p, "gradients", other.gradients, plain.gradients, NULL);
    release(&plain);
    release(&other);
    probe_close_model(&p);
}

OF_EACH_MODEL(test_order_of_rows)

/* ---- the same bits ---- */

static void test_same_bits(void **state, const struct clseq_model_config *config)
{
    struct probe_pairs pairs;
    struct clseq_seq2seq_input input;
    struct outcome first, second;
    double loss;
    struct probe p;

    (void)open_model(state, config, &p);
    make_pairs(&pairs, 4);
    input = probe_input(&p, &pairs);
    run(&p, &input, &first);
    soil(&p);
    input = probe_input(&p, &pairs);
    run(&p, &input, &second);
    probe_equal("sum of the losses", &second.loss, &first.loss, 1);
    probe_equal("losses", second.losses, first.losses, first.n);
    probe_equal("gradients", second.gradients, first.gradients, p.weights);
    probe_equal("final states", second.states, first.states, first.states_n);
    loss = probe_loss(&p, &input);
    probe_equal("loss without gradients", &loss, &first.loss, 1);
    release(&first);
    release(&second);
    probe_close_model(&p);
}

OF_EACH_MODEL(test_same_bits)

/* Weights after a few updates on two batches; release with free(). */
static double *train(struct probe *p, clseq_optimizer_kind kind, const double *start)
{
    clseq_optimizer optimizer;
    struct probe_pairs pairs[2];

    make_pairs(&pairs[0], 5);
    make_pairs(&pairs[1], 6);
    probe_set_weights(p, start);
    ASSERT_OK(p->ctx, clseq_optimizer_init(&optimizer, p->model, kind));
    for (uint64_t k = 1; k <= 6; k++) {
        const struct clseq_seq2seq_input input = probe_input(p, &pairs[k % 2]);

        (void)probe_loss_bwd(p, &input, 0.2, false);
        (void)probe_step(p, &optimizer, k, 0.1, 1);
    }
    clseq_optimizer_fini(&optimizer);
    return probe_weights(p);
}

static void test_same_bits_training(void **state, const struct clseq_model_config *config)
{
    static const clseq_optimizer_kind kinds[] = {
        CLSEQ_OPTIMIZER_SGD,     CLSEQ_OPTIMIZER_ADAM,     CLSEQ_OPTIMIZER_MOMENTUM,
        CLSEQ_OPTIMIZER_ADAGRAD, CLSEQ_OPTIMIZER_ADADELTA, CLSEQ_OPTIMIZER_RMSPROP,
    };
    struct probe p;

    (void)open_model(state, config, &p);
    for (size_t i = 0; i < CLSEQ_ARRAY_SIZE(kinds); i++) {
        double *start = probe_weights(&p), *first = train(&p, kinds[i], start);
        double *second = train(&p, kinds[i], start);

        probe_equal("weights", second, first, p.weights);
        assert_memory_not_equal(first, start, p.weights * sizeof(*first));
        probe_set_weights(&p, start);
        free(start);
        free(first);
        free(second);
    }
    probe_close_model(&p);
}

OF_EACH_MODEL(test_same_bits_training)

/* ---- memory ---- */

static void test_step_allocates_nothing(void **state, const struct clseq_model_config *config)
{
    struct probe_pairs pairs[3];
    clseq_optimizer optimizer;
    uint64_t created = 0, reads = 0, syncs = 0, alive = 0;
    struct probe p;
    const struct probe_place *place = open_model(state, config, &p);

    for (uint64_t i = 0; i < 3; i++)
        make_pairs(&pairs[i], 10 + i);
    pairs[2].n = 2; /* another shape */
    ASSERT_OK(p.ctx, clseq_optimizer_init(&optimizer, p.model, CLSEQ_OPTIMIZER_ADAM));
    for (uint64_t step = 1; step <= 50; step++) {
        const struct clseq_seq2seq_input input = probe_input(&p, &pairs[step % 3]);
        const clseq_dtype real = p.model->real;

        ASSERT_OK(p.ctx, clseq_seq2seq_begin(p.model, &input));
        ASSERT_OK(p.ctx, clseq_seq2seq_loss_bwd(p.model, 0.2, false,
                                                clseq_tensor_1d(p.record, 0, real, 1)));
        ASSERT_OK(p.ctx, clseq_optimizer_step(&optimizer, step, 0.01, 5,
                                              clseq_tensor_1d(p.record, 1, real, 1),
                                              clseq_tensor_1d(p.record, 2, real, 2)));
        if (step == 2) {
            created = place->be->buffers_created;
            reads = place->be->reads;
            syncs = place->be->syncs;
            alive = place->be->buffers_alive;
        }
    }
    assert_int_equal(place->be->buffers_created, created);
    assert_int_equal(place->be->reads, reads);
    assert_int_equal(place->be->syncs, syncs);
    clseq_optimizer_fini(&optimizer);
    assert_true(place->be->buffers_alive < alive);
    probe_close_model(&p);
    assert_int_equal(place->be->buffers_alive, 0);
}

OF_EACH_MODEL(test_step_allocates_nothing)

/* Planning again for less keeps what is there; for more makes it anew; a batch beyond is refused.
 */
static void test_plan_again(void **state, const struct clseq_model_config *config)
{
    const struct clseq_seq2seq_limits small = { 4, 4, 2, 8, 8, 8, 0 },
                                      large = { 40, 40, 16, 640, 23, 31, 0 };
    struct probe_pairs pairs;
    struct clseq_seq2seq_input input;
    struct outcome before, after;
    uint64_t created;
    struct probe p;
    const struct probe_place *place = open_model(state, config, &p);

    make_pairs(&pairs, 20);
    input = probe_input(&p, &pairs);
    run(&p, &input, &before);
    created = place->be->buffers_created;
    ASSERT_OK(p.ctx, clseq_seq2seq_plan(p.model, &small, true));
    assert_int_equal(place->be->buffers_created, created);
    ASSERT_OK(p.ctx, clseq_seq2seq_plan(p.model, &large, true));
    assert_true(place->be->buffers_created > created);
    run(&p, &input, &after);
    probe_equal("gradients", after.gradients, before.gradients, p.weights);
    release(&before);
    release(&after);
    probe_close_model(&p);

    probe_create(&p, place->ctx, place->be, config);
    ASSERT_OK(place->ctx, clseq_seq2seq_plan(p.model, &small, true));
    input = probe_input(&p, &pairs);
    ASSERT_FAILS(place->ctx, CLSEQ_ERR_INTERNAL, "larger than planned",
                 clseq_seq2seq_begin(p.model, &input));
    probe_close_model(&p);
}

OF_EACH_MODEL(test_plan_again)

/* Activations over several buffers. */
static void test_activation_chunks(void **state, const struct clseq_model_config *config)
{
    struct probe_place *place = probe_place(state);
    const uint64_t whole = place->be->info.max_buffer_bytes;
    struct probe_pairs pairs;
    struct clseq_seq2seq_input input;
    struct outcome one, many;
    struct probe p;

    make_pairs(&pairs, 30);
    (void)open_model(state, config, &p);
    assert_int_equal(p.model->ws.chunks, 1);
    input = probe_input(&p, &pairs);
    run(&p, &input, &one);
    probe_close_model(&p);

    place->be->info.max_buffer_bytes = 128 << 10;
    (void)open_model(state, config, &p);
    assert_in_range(p.model->ws.chunks, 4, CLSEQ_MAX_CHUNKS);
    for (int i = 0; i < p.model->ws.chunks; i++)
        assert_in_range(p.model->ws.size[i], 1, 128 << 10);
    soil(&p);
    input = probe_input(&p, &pairs);
    run(&p, &input, &many);
    place->be->info.max_buffer_bytes = whole;

    expect(place, "losses", many.losses, one.losses, one.n);
    expect_same_gradients(place, &p, many.gradients, one.gradients);
    release(&one);
    release(&many);
    probe_close_model(&p);
}

OF_EACH_MODEL(test_activation_chunks)

/* Weights, gradients and moments over several buffers. */
static void test_weight_segments(void **state, const struct clseq_model_config *config)
{
    struct probe_place *place = probe_place(state);
    const uint64_t whole = place->be->info.max_buffer_bytes;
    struct probe_pairs pairs;
    struct clseq_seq2seq_input input;
    struct outcome one, many;
    double *start, *expected, *got;
    struct probe p;

    make_pairs(&pairs, 31);
    (void)open_model(state, config, &p);
    assert_int_equal(p.model->store.segments, 1);
    input = probe_input(&p, &pairs);
    run(&p, &input, &one);
    start = probe_weights(&p);
    expected = train(&p, CLSEQ_OPTIMIZER_ADAM, start);
    probe_close_model(&p);

    /* The limit counts while the model is made; the activations get theirs from the device again.
     */
    place->be->info.max_buffer_bytes = 4 << 10;
    probe_create(&p, place->ctx, place->be, config);
    place->be->info.max_buffer_bytes = whole;
    assert_in_range(p.model->store.segments, 4, CLSEQ_MAX_SEGMENTS);
    probe_plan(&p);
    probe_set_weights(&p, start);
    input = probe_input(&p, &pairs);
    run(&p, &input, &many);
    got = train(&p, CLSEQ_OPTIMIZER_ADAM, start);

    expect(place, "losses", many.losses, one.losses, one.n);
    expect_same_gradients(place, &p, many.gradients, one.gradients);
    /* The norm is a sum over segments, so its last bit may differ. Weights are of the size of 1. */
    probe_close("weights after training", got, expected, p.weights, BOUND, 0.5);
    release(&one);
    release(&many);
    free(start);
    free(expected);
    free(got);
    probe_close_model(&p);
}

OF_EACH_MODEL(test_weight_segments)

/* A device too small for one parameter, or for the activations, is named as the reason. */
static void test_device_too_small(void **state)
{
    struct probe_place *place = probe_place(state);
    const uint64_t whole = place->be->info.max_buffer_bytes;
    const struct clseq_seq2seq_limits limits = { 30, 30, 16, 480, 23, 31, 0 };
    clseq_seq2seq *model = NULL;

    place->be->info.max_buffer_bytes = 1 << 10;
    ASSERT_FAILS(place->ctx, CLSEQ_ERR_LIMIT, "encoder.rnn.weight_ih_l0",
                 clseq_seq2seq_create(place->be, &plain_model, &model));
    assert_null(model);
    place->be->info.max_buffer_bytes = 32 << 10;
    ASSERT_OK(place->ctx, clseq_seq2seq_create(place->be, &plain_model, &model));
    ASSERT_FAILS(place->ctx, CLSEQ_ERR_LIMIT, "smaller batch",
                 clseq_seq2seq_plan(model, &limits, true));
    place->be->info.max_buffer_bytes = whole;
    clseq_seq2seq_destroy(&model);
    assert_int_equal(place->be->buffers_alive, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TESTS_OF(test_padding),
        TESTS_OF(test_company),
        TESTS_OF(test_order_of_rows),
        TESTS_OF(test_same_bits),
        TESTS_OF(test_same_bits_training),
        TESTS_OF(test_step_allocates_nothing),
        TESTS_OF(test_plan_again),
        TESTS_OF(test_activation_chunks),
        TESTS_OF(test_weight_segments),
        cmocka_unit_test(test_device_too_small),
    };
    int failed = 0;

    failed +=
        cmocka_run_group_tests_name("reference", tests, probe_setup_reference, probe_teardown);
    failed += cmocka_run_group_tests_name("opencl, cpu kernels", tests, probe_setup_opencl_cpu,
                                          probe_teardown);
    failed += cmocka_run_group_tests_name("opencl, gpu kernels", tests, probe_setup_opencl_gpu,
                                          probe_teardown);
    return failed != 0;
}
