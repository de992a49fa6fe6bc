/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Searches with models of every architecture against the plain search, which is
 * told what the model says of the whole text so far, fed word by word as in
 * training (tests/fixture proves that against PyTorch). So what a search carries
 * from step to step, reorders and drops must be what training computes at once.
 */
#include "plain_search.h"

#include <math.h>

/* The same weights on the reference path, asked of one sentence at a time. */
struct teacher {
    struct place place;
    clseq_seq2seq *model;
    clseq_buffer *loss;
    int32_t words[WORDS_MAX], n;
    clseq_batch batch;
};

static void copy_weights(const struct place *p, const clseq_seq2seq *from, const struct teacher *t)
{
    for (size_t i = 0; i < from->store.count; i++) {
        const clseq_tensor src =
            clseq_param_tensor(&from->store, &from->weights, (int)i, from->real);
        const clseq_tensor dst =
            clseq_param_tensor(&t->model->store, &t->model->weights, (int)i, t->model->real);
        float *values = malloc(clseq_tensor_count(&src) * sizeof(*values));

        assert_non_null(values);
        ASSERT_OK(p->ctx, clseq_tensor_read_f32(p->be, &src, values));
        ASSERT_OK(t->place.ctx, clseq_tensor_write_f32(t->place.be, &dst, values));
        free(values);
    }
}

static void teacher_init(struct teacher *t, const struct place *p, const clseq_seq2seq *model)
{
    const struct clseq_seq2seq_limits limits = {
        .S = WORDS_MAX + 1,
        .T = LIMIT_MAX + 1,
        .B = BEAM_MAX,
        .N = (LIMIT_MAX + 1) * BEAM_MAX,
    };
    struct clseq_backend_options options;

    *t = (struct teacher) { 0 };
    clseq_backend_options_init(&options);
    options.name = "reference";
    assert_int_equal(clseq_context_create(&t->place.ctx), CLSEQ_OK);
    ASSERT_OK(t->place.ctx, clseq_backend_open(t->place.ctx, &options, &t->place.be));
    ASSERT_OK(t->place.ctx, clseq_seq2seq_create(t->place.be, &model->config, &t->model));
    ASSERT_OK(t->place.ctx, clseq_seq2seq_plan(t->model, &limits, false));
    ASSERT_OK(t->place.ctx, clseq_buffer_create(t->place.be, sizeof(float), "loss", &t->loss));
    clseq_batch_init(&t->batch, t->place.ctx);
    copy_weights(p, model, t);
}

static void teacher_fini(struct teacher *t)
{
    clseq_batch_fini(&t->batch);
    clseq_buffer_destroy(&t->loss);
    clseq_seq2seq_destroy(&t->model);
    clseq_backend_close(&t->place.be);
    clseq_context_destroy(&t->place.ctx);
}

static void teacher_begin(void *user, const int32_t *words, int32_t n)
{
    struct teacher *t = user;

    memcpy(t->words, words, (size_t)n * sizeof(*words));
    t->n = n;
}

static void log_softmax(const float *logits, int32_t V, double *ret)
{
    double largest = -HUGE_VAL, sum = 0;

    for (int32_t v = 0; v < V; v++)
        largest = fmax(largest, (double)logits[v]);
    for (int32_t v = 0; v < V; v++)
        sum += exp((double)logits[v] - largest);
    for (int32_t v = 0; v < V; v++)
        ret[v] = (double)logits[v] - largest - log(sum);
}

static void teacher_next(void *user, const struct plain_hypothesis *const *h, int32_t count,
                         double gain[][V_MAX])
{
    struct teacher *t = user;
    const int32_t V = t->model->config.target_vocabulary;
    clseq_sentence source[BEAM_MAX], target[BEAM_MAX];
    struct clseq_seq2seq_input input;
    float logits[BEAM_MAX * V_MAX];
    clseq_tensor last;

    for (int32_t i = 0; i < count; i++) {
        source[i] = (clseq_sentence) { t->words, (size_t)t->n };
        target[i] = (clseq_sentence) { h[i]->ids, (size_t)h[i]->n };
    }
    ASSERT_OK(t->place.ctx,
              clseq_batch_from_sentences(&t->batch, source, target, (size_t)count, false));
    input = clseq_batch_input(&t->batch);
    ASSERT_OK(t->place.ctx, clseq_seq2seq_begin(t->model, &input));
    ASSERT_OK(t->place.ctx,
              clseq_seq2seq_loss(t->model, clseq_tensor_1d(t->loss, 0, t->model->real, 1)));
    /* All positions are one chunk; the last step's are the last rows. */
    assert_int_equal(t->model->decoder_pass.output.chunk, input.N);
    last = clseq_tensor_range(t->model->decoder_pass.output.logits, input.N - count, count);
    ASSERT_OK(t->place.ctx, clseq_tensor_read_f32(t->place.be, &last, logits));
    for (int32_t i = 0; i < count; i++)
        log_softmax(logits + i * V, V, gain[i]);
}

static struct plain_model asked(struct teacher *t)
{
    return (struct plain_model) {
        .user = t,
        .V = t->model->config.target_vocabulary,
        .begin = teacher_begin,
        .next = teacher_next,
    };
}

#define VOCABULARIES .source_vocabulary = 7, .target_vocabulary = 6

static const struct clseq_model_config additive = {
    VOCABULARIES,
    .embedding = 4,
    .hidden = 5,
    .layers = 2,
    .cell = CLSEQ_CELL_GRU,
    .encoder_hidden = 3,
    .bidirectional = true,
    .attention = CLSEQ_ATTENTION_ADDITIVE,
};
static const struct clseq_model_config feeding = {
    VOCABULARIES,
    .embedding = 4,
    .hidden = 6,
    .layers = 2,
    .bidirectional = true,
    .bridge = CLSEQ_BRIDGE_CONCAT,
    .attention = CLSEQ_ATTENTION_GENERAL,
    .input_feeding = true,
};
static const struct clseq_model_config dot = {
    VOCABULARIES, .embedding = 4, .hidden = 5, .attention = CLSEQ_ATTENTION_DOT, .layers = 1,
};
static const struct clseq_model_config context = {
    VOCABULARIES,
    .embedding = 4,
    .hidden = 5,
    .layers = 1,
    .cell = CLSEQ_CELL_GRU,
    .bidirectional = true,
    .bridge = CLSEQ_BRIDGE_SUM,
    .context_input = true,
};
static const struct clseq_model_config residual = {
    VOCABULARIES,           .embedding = 4,      .hidden = 5,      .layers = 3,
    .cell = CLSEQ_CELL_RNN, .encoder_layers = 1, .residual = true,
};
static const struct clseq_model_config everything = {
    VOCABULARIES,          .embedding = 4,
    .hidden = 5,           .layers = 2,
    .encoder_hidden = 3,   .encoder_layers = 3,
    .bidirectional = true, .peepholes = true,
    .residual = true,      .attention = CLSEQ_ATTENTION_ADDITIVE,
    .input_feeding = true, .context_input = true,
};

/* From here on the input products of both sides are looked up. */
static void tabulate(const struct place *p, clseq_seq2seq *model)
{
    for (int side = 0; side < CLSEQ_SIDES; side++) {
        uint64_t bytes = 0;

        ASSERT_OK(p->ctx, clseq_seq2seq_tabulate(model, side, &bytes));
        assert_true(bytes > 0);
        ASSERT_OK(p->ctx, clseq_seq2seq_tabulate(model, side, &bytes));
        assert_true(bytes == 0);
    }
}

static void check(void **state, const struct clseq_model_config *config)
{
    const struct place *p = *state;
    static const int32_t beams[] = { 2, 3, 5 };
    static const double penalties[] = { 0, 1, 0.6 };
    struct seen greedy = { 0 }, beam = { 0 };

    for (uint64_t seed = 1; seed <= 12; seed++) {
        const int32_t K = beams[seed % CLSEQ_ARRAY_SIZE(beams)];
        const double penalty = penalties[seed % CLSEQ_ARRAY_SIZE(penalties)];
        clseq_seq2seq *model = unit_model(p, *config, 0.8, seed);
        struct teacher teacher;
        struct plain_model plain;

        teacher_init(&teacher, p, model);
        plain = asked(&teacher);
        if (seed % 2 == 0)
            tabulate(p, model);
        expect_plain_greedy(p, model, &plain, seed, &greedy);
        if (seed <= 10)
            expect_plain_beam(p, model, &plain, K, (K + 1) / 2, penalty, seed, &beam);
        teacher_fini(&teacher);
        clseq_seq2seq_destroy(&model);
    }
    assert_true(greedy.complete > 10 && greedy.cut > 10 && greedy.compacted > 0);
    assert_true(beam.complete > 10 && beam.cut > 10 && beam.compacted > 0);
}

static void additive_gru(void **state)
{
    check(state, &additive);
}

static void input_feeding(void **state)
{
    check(state, &feeding);
}

static void dot_attention(void **state)
{
    check(state, &dot);
}

static void context_input(void **state)
{
    check(state, &context);
}

static void residual_rnn(void **state)
{
    check(state, &residual);
}

static void everything_at_once(void **state)
{
    check(state, &everything);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(additive_gru),  cmocka_unit_test(input_feeding),
        cmocka_unit_test(dot_attention), cmocka_unit_test(context_input),
        cmocka_unit_test(residual_rnn),  cmocka_unit_test(everything_at_once),
    };
    int failed = cmocka_run_group_tests_name("decode models, reference", tests,
                                             unit_place_reference, unit_place_close);

    if (unit_have_opencl("decode models"))
        failed += cmocka_run_group_tests_name("decode models, opencl", tests, unit_place_opencl,
                                              unit_place_close);
    return failed;
}
