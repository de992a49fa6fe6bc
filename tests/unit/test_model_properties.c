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

/* Sums of a few hundred floats in another order. */
#define BOUND 2e-5
#define FLOOR 1e-3

#define SOURCE_VOCABULARY 23
#define TARGET_VOCABULARY 31

static const struct clseq_model_config config = { .source_vocabulary = SOURCE_VOCABULARY,
                                                  .target_vocabulary = TARGET_VOCABULARY,
                                                  .embedding = 9,
                                                  .hidden = 12,
                                                  .layers = 2 };

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

static void make_pairs(struct probe_pairs *pairs, uint64_t seed)
{
    probe_pairs_random(pairs, seed, CLSEQ_ARRAY_SIZE(source_lengths), source_lengths,
                       target_lengths, SOURCE_VOCABULARY, TARGET_VOCABULARY);
}

static struct probe_place *open_model(void **state, struct probe *p)
{
    struct probe_place *place = probe_place(state);

    probe_open(p, place->ctx, place->be, &config, 0.7);
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
    double *states;    /* final h and c of the encoder: (L, 2, B, H) */
    size_t states_n;
};

static void read_states(const struct probe *p, struct outcome *o)
{
    const clseq_rnn_pass *pass = &p->model->encoder_pass.rnn;
    const size_t one = (size_t)(pass->B * config.hidden);

    o->states_n = 2 * (size_t)config.layers * one;
    o->states = calloc(o->states_n, sizeof(double));
    assert_non_null(o->states);
    for (int l = 0; l < config.layers; l++) {
        probe_read(p->be, clseq_rnn_final(pass, l, 0).h, o->states + 2 * (size_t)l * one);
        probe_read(p->be, clseq_rnn_final(pass, l, 0).c,
                   o->states + (2 * (size_t)l + 1) * one);
    }
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

static void test_padding(void **state)
{
    struct probe_pairs pairs;
    struct clseq_seq2seq_input input, padded;
    struct outcome plain, other;
    int32_t *memory;
    struct probe p;
    const struct probe_place *place = open_model(state, &p);

    make_pairs(&pairs, 1);
    input = probe_input(&p, &pairs);
    run(&p, &input, &plain);
    soil(&p);
    input = probe_input(&p, &pairs);
    padded = pad(&input, 7, 3, &memory);
    run(&p, &padded, &other);

    expect(place, "sum of the losses", &other.loss, &plain.loss, 1);
    expect(place, "losses", other.losses, plain.losses, plain.n);
    expect(place, "gradients", other.gradients, plain.gradients, p.weights);
    expect(place, "final states", other.states, plain.states, plain.states_n);
    release(&plain);
    release(&other);
    free(memory);
    probe_close_model(&p);
}

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

static void test_company(void **state)
{
    struct probe_pairs pairs;
    struct clseq_seq2seq_input input;
    struct outcome together;
    double row[PROBE_PAIRS][PROBE_WORDS], *sum, alone_loss = 0;
    size_t n[PROBE_PAIRS];
    struct probe p;
    const struct probe_place *place = open_model(state, &p);

    make_pairs(&pairs, 2);
    input = probe_input(&p, &pairs);
    run(&p, &input, &together);
    for (int32_t b = 0; b < input.B; b++)
        n[b] = row_losses(&input, &together, b, row[b]);
    sum = calloc(p.weights, sizeof(*sum));
    assert_non_null(sum);
    for (size_t b = 0; b < pairs.n; b++) {
        const size_t H = (size_t)config.hidden, B = pairs.n;
        struct probe_pairs single = { .n = 1 };
        struct outcome alone;

        probe_pairs_set(&single, 0, &pairs, b);
        soil(&p);
        input = probe_input(&p, &single);
        run(&p, &input, &alone);
        assert_int_equal(alone.n, n[b]);
        assert_int_equal(alone.n, pairs.target[b].length + 1);
        expect(place, "losses of a sentence alone", alone.losses, row[b], n[b]);
        for (size_t k = 0; k < 2 * (size_t)config.layers; k++)
            expect(place, "final state of a sentence alone", alone.states + k * H,
                   together.states + (k * B + b) * H, H);
        for (size_t i = 0; i < p.weights; i++)
            sum[i] += alone.gradients[i];
        alone_loss += alone.loss;
        release(&alone);
    }
    probe_close("sum of the losses", &alone_loss, &together.loss, 1, BOUND, FLOOR);
    probe_close("sum of the gradients", sum, together.gradients, p.weights, BOUND, FLOOR);
    free(sum);
    release(&together);
    probe_close_model(&p);
}

static void test_order_of_rows(void **state)
{
    static const size_t order[] = { 3, 0, 4, 2, 1 };
    struct probe_pairs pairs, moved = { .n = CLSEQ_ARRAY_SIZE(order) };
    struct clseq_seq2seq_input input;
    struct outcome plain, other;
    double row[PROBE_PAIRS][PROBE_WORDS], got[PROBE_WORDS];
    struct probe p;
    const struct probe_place *place = open_model(state, &p);

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
    probe_close("gradients", other.gradients, plain.gradients, p.weights, BOUND, FLOOR);
    release(&plain);
    release(&other);
    probe_close_model(&p);
}

/* ---- the same bits ---- */

static void test_same_bits(void **state)
{
    struct probe_pairs pairs;
    struct clseq_seq2seq_input input;
    struct outcome first, second;
    double loss;
    struct probe p;

    (void)open_model(state, &p);
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

static void test_same_bits_training(void **state)
{
    static const clseq_optimizer_kind kinds[] = {
        CLSEQ_OPTIMIZER_SGD,     CLSEQ_OPTIMIZER_ADAM,     CLSEQ_OPTIMIZER_MOMENTUM,
        CLSEQ_OPTIMIZER_ADAGRAD, CLSEQ_OPTIMIZER_ADADELTA, CLSEQ_OPTIMIZER_RMSPROP,
    };
    struct probe p;

    (void)open_model(state, &p);
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

/* ---- memory ---- */

static void test_step_allocates_nothing(void **state)
{
    struct probe_pairs pairs[3];
    clseq_optimizer optimizer;
    uint64_t created = 0, reads = 0, syncs = 0, alive = 0;
    struct probe p;
    const struct probe_place *place = open_model(state, &p);

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

/* Planning again for less keeps what is there; for more makes it anew; a batch beyond is refused.
 */
static void test_plan_again(void **state)
{
    const struct clseq_seq2seq_limits small = { 4, 4, 2, 8, 8, 8 },
                                      large = { 40, 40, 16, 640, 23, 31 };
    struct probe_pairs pairs;
    struct clseq_seq2seq_input input;
    struct outcome before, after;
    uint64_t created;
    struct probe p;
    const struct probe_place *place = open_model(state, &p);

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

    probe_create(&p, place->ctx, place->be, &config);
    ASSERT_OK(place->ctx, clseq_seq2seq_plan(p.model, &small, true));
    input = probe_input(&p, &pairs);
    ASSERT_FAILS(place->ctx, CLSEQ_ERR_INTERNAL, "larger than planned",
                 clseq_seq2seq_begin(p.model, &input));
    probe_close_model(&p);
}

/* Activations over several buffers. */
static void test_activation_chunks(void **state)
{
    struct probe_place *place = probe_place(state);
    const uint64_t whole = place->be->info.max_buffer_bytes;
    struct probe_pairs pairs;
    struct clseq_seq2seq_input input;
    struct outcome one, many;
    struct probe p;

    make_pairs(&pairs, 30);
    (void)open_model(state, &p);
    assert_int_equal(p.model->ws.chunks, 1);
    input = probe_input(&p, &pairs);
    run(&p, &input, &one);
    probe_close_model(&p);

    place->be->info.max_buffer_bytes = 128 << 10;
    (void)open_model(state, &p);
    assert_in_range(p.model->ws.chunks, 4, CLSEQ_MAX_CHUNKS);
    for (int i = 0; i < p.model->ws.chunks; i++)
        assert_in_range(p.model->ws.size[i], 1, 128 << 10);
    soil(&p);
    input = probe_input(&p, &pairs);
    run(&p, &input, &many);
    place->be->info.max_buffer_bytes = whole;

    expect(place, "losses", many.losses, one.losses, one.n);
    expect(place, "gradients", many.gradients, one.gradients, p.weights);
    release(&one);
    release(&many);
    probe_close_model(&p);
}

/* Weights, gradients and moments over several buffers. */
static void test_weight_segments(void **state)
{
    struct probe_place *place = probe_place(state);
    const uint64_t whole = place->be->info.max_buffer_bytes;
    struct probe_pairs pairs;
    struct clseq_seq2seq_input input;
    struct outcome one, many;
    double *start, *expected, *got;
    struct probe p;

    make_pairs(&pairs, 31);
    (void)open_model(state, &p);
    assert_int_equal(p.model->store.segments, 1);
    input = probe_input(&p, &pairs);
    run(&p, &input, &one);
    start = probe_weights(&p);
    expected = train(&p, CLSEQ_OPTIMIZER_ADAM, start);
    probe_close_model(&p);

    /* The limit counts while the model is made; the activations get theirs from the device again.
     */
    place->be->info.max_buffer_bytes = 4 << 10;
    probe_create(&p, place->ctx, place->be, &config);
    place->be->info.max_buffer_bytes = whole;
    assert_in_range(p.model->store.segments, 4, CLSEQ_MAX_SEGMENTS);
    probe_plan(&p);
    probe_set_weights(&p, start);
    input = probe_input(&p, &pairs);
    run(&p, &input, &many);
    got = train(&p, CLSEQ_OPTIMIZER_ADAM, start);

    expect(place, "losses", many.losses, one.losses, one.n);
    expect(place, "gradients", many.gradients, one.gradients, p.weights);
    /* The norm is a sum over segments, so its last bit may differ. Weights are of the size of 1. */
    probe_close("weights after training", got, expected, p.weights, BOUND, 0.5);
    release(&one);
    release(&many);
    free(start);
    free(expected);
    free(got);
    probe_close_model(&p);
}

/* A device too small for one parameter, or for the activations, is named as the reason. */
static void test_device_too_small(void **state)
{
    struct probe_place *place = probe_place(state);
    const uint64_t whole = place->be->info.max_buffer_bytes;
    const struct clseq_seq2seq_limits limits = { 30, 30, 16, 480, 23, 31 };
    clseq_seq2seq *model = NULL;

    place->be->info.max_buffer_bytes = 1 << 10;
    ASSERT_FAILS(place->ctx, CLSEQ_ERR_LIMIT, "encoder.rnn.weight_ih_l0",
                 clseq_seq2seq_create(place->be, &config, &model));
    assert_null(model);
    place->be->info.max_buffer_bytes = 32 << 10;
    ASSERT_OK(place->ctx, clseq_seq2seq_create(place->be, &config, &model));
    ASSERT_FAILS(place->ctx, CLSEQ_ERR_LIMIT, "smaller batch",
                 clseq_seq2seq_plan(model, &limits, true));
    place->be->info.max_buffer_bytes = whole;
    clseq_seq2seq_destroy(&model);
    assert_int_equal(place->be->buffers_alive, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_padding),
        cmocka_unit_test(test_company),
        cmocka_unit_test(test_order_of_rows),
        cmocka_unit_test(test_same_bits),
        cmocka_unit_test(test_same_bits_training),
        cmocka_unit_test(test_step_allocates_nothing),
        cmocka_unit_test(test_plan_again),
        cmocka_unit_test(test_activation_chunks),
        cmocka_unit_test(test_weight_segments),
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
