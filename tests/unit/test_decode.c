/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Greedy and beam search against the same written down plainly: one sentence at a time, in double,
 * every continuation of every hypothesis, no early stop.
 */
#include "plain_search.h"

#include <math.h>

enum {
    H_MAX = 8,
    L_MAX = 2,
};

/* ---- the plain model ---- */

struct plain_stack {
    int32_t layers, input, hidden;
    float *w_ih[L_MAX], *w_hh[L_MAX], *b_ih[L_MAX], *b_hh[L_MAX];
};

struct plain_state {
    double h[L_MAX][H_MAX], c[L_MAX][H_MAX];
};

struct plain {
    int32_t V;
    struct plain_state start; /* of the sentence in hand */
    float *source, *target, *out_weight, *out_bias;
    struct plain_stack encoder, decoder;
};

static float *weight(const struct place *p, const clseq_seq2seq *model, const char *name)
{
    const int i = clseq_param_find(&model->store, name);
    clseq_tensor x;
    float *ret;

    if (i < 0)
        fail_msg("no parameter %s", name);
    x = clseq_param_tensor(&model->store, &model->weights, i, model->real);
    ret = malloc(clseq_tensor_count(&x) * sizeof(*ret));
    assert_non_null(ret);
    ASSERT_OK(p->ctx, clseq_tensor_read_f32(p->be, &x, ret));
    return ret;
}

static struct plain_stack plain_stack(const struct place *p, const clseq_seq2seq *model,
                                      const char *prefix)
{
    const struct clseq_model_config *c = &model->config;
    struct plain_stack s = { .layers = c->layers, .input = c->embedding, .hidden = c->hidden };
    char name[64];

    for (int32_t l = 0; l < s.layers; l++) {
        snprintf(name, sizeof(name), "%s.rnn.weight_ih_l%d", prefix, (int)l);
        s.w_ih[l] = weight(p, model, name);
        snprintf(name, sizeof(name), "%s.rnn.weight_hh_l%d", prefix, (int)l);
        s.w_hh[l] = weight(p, model, name);
        snprintf(name, sizeof(name), "%s.rnn.bias_ih_l%d", prefix, (int)l);
        s.b_ih[l] = weight(p, model, name);
        snprintf(name, sizeof(name), "%s.rnn.bias_hh_l%d", prefix, (int)l);
        s.b_hh[l] = weight(p, model, name);
    }
    return s;
}

static struct plain plain_create(const struct place *p, const clseq_seq2seq *model)
{
    return (struct plain) {
        .V = model->config.target_vocabulary,
        .source = weight(p, model, "encoder.embedding.weight"),
        .target = weight(p, model, "decoder.embedding.weight"),
        .out_weight = weight(p, model, "output.weight"),
        .out_bias = weight(p, model, "output.bias"),
        .encoder = plain_stack(p, model, "encoder"),
        .decoder = plain_stack(p, model, "decoder"),
    };
}

static void plain_stack_destroy(struct plain_stack *s)
{
    for (int32_t l = 0; l < s->layers; l++) {
        free(s->w_ih[l]);
        free(s->w_hh[l]);
        free(s->b_ih[l]);
        free(s->b_hh[l]);
    }
}

static void plain_destroy(struct plain *m)
{
    free(m->source);
    free(m->target);
    free(m->out_weight);
    free(m->out_bias);
    plain_stack_destroy(&m->encoder);
    plain_stack_destroy(&m->decoder);
}

static double sigmoid(double x)
{
    return 1 / (1 + exp(-x));
}

static void plain_step(const struct plain_stack *s, const float *table, int32_t word,
                       struct plain_state *state)
{
    double x[H_MAX];
    const int32_t H = s->hidden;
    int32_t width = s->input;

    for (int32_t i = 0; i < width; i++)
        x[i] = (double)table[word * s->input + i];
    for (int32_t l = 0; l < s->layers; l++) {
        double pre[4 * H_MAX];

        for (int32_t r = 0; r < 4 * H; r++) {
            pre[r] = (double)s->b_ih[l][r] + (double)s->b_hh[l][r];
            for (int32_t i = 0; i < width; i++)
                pre[r] += (double)s->w_ih[l][r * width + i] * x[i];
            for (int32_t i = 0; i < H; i++)
                pre[r] += (double)s->w_hh[l][r * H + i] * state->h[l][i];
        }
        for (int32_t i = 0; i < H; i++) {
            state->c[l][i] =
                sigmoid(pre[H + i]) * state->c[l][i] + sigmoid(pre[i]) * tanh(pre[2 * H + i]);
            state->h[l][i] = sigmoid(pre[3 * H + i]) * tanh(state->c[l][i]);
            x[i] = state->h[l][i];
        }
        width = H;
    }
}

static void plain_log_softmax(const struct plain *m, const struct plain_state *state, double *ret)
{
    const int32_t H = m->decoder.hidden;
    const double *h = state->h[m->decoder.layers - 1];
    double largest = -HUGE_VAL, sum = 0;

    for (int32_t v = 0; v < m->V; v++) {
        ret[v] = (double)m->out_bias[v];
        for (int32_t i = 0; i < H; i++)
            ret[v] += (double)m->out_weight[v * H + i] * h[i];
        largest = ret[v] > largest ? ret[v] : largest;
    }
    for (int32_t v = 0; v < m->V; v++)
        sum += exp(ret[v] - largest);
    for (int32_t v = 0; v < m->V; v++)
        ret[v] -= largest + log(sum);
}

static void plain_begin(void *user, const int32_t *words, int32_t n)
{
    struct plain *m = user;

    m->start = (struct plain_state) { 0 };
    for (int32_t t = 0; t < n; t++)
        plain_step(&m->encoder, m->source, words[t], &m->start);
    plain_step(&m->encoder, m->source, CLSEQ_ID_EOS, &m->start);
}

static void plain_next(void *user, const struct plain_hypothesis *const *h, int32_t count,
                       double gain[][V_MAX])
{
    const struct plain *m = user;

    for (int32_t i = 0; i < count; i++) {
        struct plain_state state = m->start;

        for (int32_t t = 0; t <= h[i]->n; t++)
            plain_step(&m->decoder, m->target, t == 0 ? CLSEQ_ID_SOS : h[i]->ids[t - 1], &state);
        plain_log_softmax(m, &state, gain[i]);
    }
}

static struct plain_model plain_asked(struct plain *m)
{
    return (struct plain_model) { .user = m, .V = m->V, .begin = plain_begin, .next = plain_next };
}

/* ---- both on the same sentences ---- */

static const struct clseq_model_config shapes[] = {
    { .source_vocabulary = 7, .target_vocabulary = 6, .embedding = 4, .hidden = 5, .layers = 2 },
    { .source_vocabulary = 6, .target_vocabulary = 8, .embedding = 7, .hidden = 8, .layers = 1 },
};

static void greedy_is_the_plain_search(void **state)
{
    const struct place *p = *state;
    struct seen seen = { 0 };

    for (uint64_t seed = 1; seed <= 12; seed++) {
        clseq_seq2seq *model = unit_model(p, shapes[seed % 2], 0.8, seed);
        struct plain plain = plain_create(p, model);
        const struct plain_model asked = plain_asked(&plain);

        expect_plain_greedy(p, model, &asked, seed, &seen);
        plain_destroy(&plain);
        clseq_seq2seq_destroy(&model);
    }
    assert_true(seen.complete > 10 && seen.cut > 10 && seen.long_ones > 0 && seen.compacted > 0);
}

static void beam_is_the_plain_search(void **state)
{
    const struct place *p = *state;
    static const int32_t beams[] = { 1, 2, 3, 5, 6 };
    static const double penalties[] = { 0, 1, 0.6 };
    struct seen seen = { 0 };

    for (uint64_t seed = 1; seed <= 30; seed++) {
        const int32_t K = beams[seed % CLSEQ_ARRAY_SIZE(beams)];
        const double penalty = penalties[seed % CLSEQ_ARRAY_SIZE(penalties)];
        clseq_seq2seq *model = unit_model(p, shapes[seed % 2], 0.8, seed);
        struct plain plain = plain_create(p, model);
        const struct plain_model asked = plain_asked(&plain);

        expect_plain_beam(p, model, &asked, K, seed % 2 ? K : (K + 1) / 2, penalty, seed, &seen);
        plain_destroy(&plain);
        clseq_seq2seq_destroy(&model);
    }
    assert_true(seen.complete > 50 && seen.cut > 20 && seen.long_ones > 0);
    assert_true(seen.compacted > 0 && seen.several > 0);
}

static void assert_equal_found(const struct place *p, const clseq_found *x, const clseq_found *y)
{
    assert_int_equal(x->count, y->count);
    assert_int_equal(x->complete, y->complete);
    assert_memory_equal(x->ids, y->ids, x->count * sizeof(*x->ids));
    if (p->reference)
        assert_true(x->score == y->score && x->normalised == y->normalised);
    else
        assert_true(fabs(x->score - y->score) < 1e-5 * (1 + fabs(x->score)));
}

static void a_beam_of_one_is_greedy(void **state)
{
    const struct place *p = *state;
    clseq_seq2seq *model = unit_model(p, shapes[0], 0.8, 5);
    clseq_found greedy[SENTENCES], beam[SENTENCES];
    int32_t count[SENTENCES];
    clseq_decoder_state st;
    struct sentences s;
    clseq_search_job job;

    fill_sentences(p, &s, model->config.source_vocabulary, 5);
    job = job_of(&s, 1, 1, 1);
    clseq_decoder_state_init(&st, model);
    plan_search(p, &st, &s, 1);
    ASSERT_OK(p->ctx, clseq_search_greedy(&st, &job, greedy));
    ASSERT_OK(p->ctx, clseq_search_beam(&st, &job, beam, count));
    for (int32_t b = 0; b < s.B; b++) {
        assert_int_equal(count[b], 1);
        assert_int_equal(greedy[b].count, beam[b].count);
        assert_memory_equal(greedy[b].ids, beam[b].ids, beam[b].count * sizeof(*beam[b].ids));
        /* The beam sums in float on the device, greedy in double on the host. */
        assert_true(fabs(greedy[b].score - beam[b].score) < 1e-5 * (1 + fabs(beam[b].score)));
    }
    clseq_found_fini(greedy, SENTENCES);
    clseq_found_fini(beam, SENTENCES);
    /* Without scores the words are the same and nothing pretends to be a score. */
    job.scores = false;
    ASSERT_OK(p->ctx, clseq_search_greedy(&st, &job, greedy));
    for (int32_t b = 0; b < s.B; b++)
        assert_true(isnan(greedy[b].score) && isnan(greedy[b].normalised));
    clseq_found_fini(greedy, SENTENCES);
    clseq_batch_fini(&s.batch);
    clseq_decoder_state_fini(&st);
    clseq_seq2seq_destroy(&model);
}

static void company_changes_nothing(void **state)
{
    const struct place *p = *state;

    for (uint64_t seed = 1; seed <= 4; seed++) {
        clseq_seq2seq *model = unit_model(p, shapes[seed % 2], 0.8, seed);
        clseq_found greedy[SENTENCES], beam[SENTENCES * 3], one[3];
        int32_t count[SENTENCES], one_count;
        clseq_decoder_state st;
        struct sentences s;
        clseq_search_job job;

        fill_sentences(p, &s, model->config.source_vocabulary, seed);
        job = job_of(&s, 3, 3, 1);
        clseq_decoder_state_init(&st, model);
        plan_search(p, &st, &s, 3);
        ASSERT_OK(p->ctx, clseq_search_greedy(&st, &job, greedy));
        ASSERT_OK(p->ctx, clseq_search_beam(&st, &job, beam, count));
        for (int32_t b = 0; b < s.B; b++) {
            struct sentences alone;

            fill_alone(p, &s, b, &alone);
            job = job_of(&alone, 3, 3, 1);
            ASSERT_OK(p->ctx, clseq_search_greedy(&st, &job, one));
            assert_equal_found(p, &greedy[b], one);
            clseq_found_fini(one, 1);
            ASSERT_OK(p->ctx, clseq_search_beam(&st, &job, one, &one_count));
            assert_int_equal(count[b], one_count);
            for (int32_t i = 0; i < one_count; i++)
                assert_equal_found(p, &beam[b * 3 + i], &one[i]);
            clseq_found_fini(one, 3);
            clseq_batch_fini(&alone.batch);
        }
        clseq_found_fini(greedy, SENTENCES);
        clseq_found_fini(beam, SENTENCES * 3);
        clseq_batch_fini(&s.batch);
        clseq_decoder_state_fini(&st);
        clseq_seq2seq_destroy(&model);
    }
}

/* The best of n is the first of many: stopping early must not change it. */
static void fewer_are_the_first_of_more(void **state)
{
    const struct place *p = *state;

    for (uint64_t seed = 1; seed <= 6; seed++) {
        clseq_seq2seq *model = unit_model(p, shapes[seed % 2], 0.8, seed);
        clseq_found many[SENTENCES * 5], one[SENTENCES];
        int32_t count[SENTENCES], one_count[SENTENCES];
        clseq_decoder_state st;
        struct sentences s;
        clseq_search_job job;

        fill_sentences(p, &s, model->config.source_vocabulary, seed);
        clseq_decoder_state_init(&st, model);
        plan_search(p, &st, &s, 5);
        job = job_of(&s, 5, 5, seed % 2 ? 0 : 1);
        ASSERT_OK(p->ctx, clseq_search_beam(&st, &job, many, count));
        job.nbest = 1;
        ASSERT_OK(p->ctx, clseq_search_beam(&st, &job, one, one_count));
        for (int32_t b = 0; b < s.B; b++) {
            assert_int_equal(one_count[b], 1);
            assert_equal_found(p, &many[b * 5], &one[b]);
            for (int32_t i = 1; i < count[b]; i++) {
                const clseq_found *x = &many[b * 5 + i - 1], *y = x + 1;

                assert_true(x->complete > y->complete ||
                            (x->complete == y->complete && x->normalised >= y->normalised));
                assert_false(x->count == y->count && x->complete == y->complete &&
                             memcmp(x->ids, y->ids, x->count * sizeof(*x->ids)) == 0);
            }
        }
        clseq_found_fini(many, SENTENCES * 5);
        clseq_found_fini(one, SENTENCES);
        clseq_batch_fini(&s.batch);
        clseq_decoder_state_fini(&st);
        clseq_seq2seq_destroy(&model);
    }
}

/* No memory is taken on the device during a search, and the host waits once a block. */
static void steps_cost_no_memory_and_no_wait(void **state)
{
    const struct place *p = *state;
    clseq_seq2seq *model = unit_model(p, shapes[0], 0.1, 3);
    clseq_found found[SENTENCES * 2];
    int32_t count[SENTENCES];
    uint64_t created, reads;
    clseq_decoder_state st;
    struct sentences s;
    clseq_search_job job;

    fill_sentences(p, &s, model->config.source_vocabulary, 3);
    for (int32_t b = 0; b < s.B; b++)
        s.limit[b] = 60;
    job = job_of(&s, 2, 2, 1);
    clseq_decoder_state_init(&st, model);
    plan_search(p, &st, &s, 2);
    created = p->be->buffers_created;
    reads = p->be->reads;
    ASSERT_OK(p->ctx, clseq_search_beam(&st, &job, found, count));
    assert_true(st.steps > 0);
    /* Words, parents and scores of a block. */
    assert_int_equal(p->be->reads - reads,
                     3 * ((st.steps + CLSEQ_DECODE_BLOCK - 1) / CLSEQ_DECODE_BLOCK));
    clseq_found_fini(found, SENTENCES * 2);
    reads = p->be->reads;
    job.scores = false;
    ASSERT_OK(p->ctx, clseq_search_greedy(&st, &job, found));
    assert_int_equal(p->be->reads - reads,
                     (st.steps + CLSEQ_DECODE_BLOCK - 1) / CLSEQ_DECODE_BLOCK);
    assert_int_equal(p->be->buffers_created, created);
    clseq_found_fini(found, SENTENCES);
    clseq_batch_fini(&s.batch);
    clseq_decoder_state_fini(&st);
    clseq_seq2seq_destroy(&model);
}

static void every_limit_is_kept(void **state)
{
    const struct place *p = *state;
    clseq_seq2seq *model = unit_model(p, shapes[0], 0.8, 2);
    clseq_found found[SENTENCES * 3];
    int32_t count[SENTENCES];
    clseq_decoder_state st;
    struct sentences s;
    clseq_search_job job;
    int at_limit = 0;

    fill_sentences(p, &s, model->config.source_vocabulary, 2);
    clseq_decoder_state_init(&st, model);
    plan_search(p, &st, &s, 3);
    for (int32_t limit = 1; limit <= 2 * CLSEQ_DECODE_BLOCK + 1; limit++) {
        for (int32_t b = 0; b < s.B; b++)
            s.limit[b] = limit + b % 2;
        job = job_of(&s, 3, 3, 1);
        ASSERT_OK(p->ctx, clseq_search_greedy(&st, &job, found));
        for (int32_t b = 0; b < s.B; b++) {
            assert_true(found[b].complete ? (int32_t)found[b].count < s.limit[b]
                                          : (int32_t)found[b].count == s.limit[b]);
            at_limit += !found[b].complete;
        }
        clseq_found_fini(found, SENTENCES);
        ASSERT_OK(p->ctx, clseq_search_beam(&st, &job, found, count));
        for (int32_t b = 0; b < s.B; b++) {
            for (int32_t i = 0; i < count[b]; i++) {
                const clseq_found *f = &found[b * 3 + i];

                assert_true(f->complete ? (int32_t)f->count < s.limit[b]
                                        : (int32_t)f->count == s.limit[b]);
            }
        }
        clseq_found_fini(found, SENTENCES * 3);
    }
    assert_true(at_limit > 0);
    clseq_batch_fini(&s.batch);
    clseq_decoder_state_fini(&st);
    clseq_seq2seq_destroy(&model);
}

static void a_nan_is_an_error(void **state)
{
    const struct place *p = *state;
    clseq_seq2seq *model = unit_model(p, shapes[0], 0.8, 2);
    const int bias = clseq_param_find(&model->store, "output.bias");
    clseq_tensor x = clseq_param_tensor(&model->store, &model->weights, bias, model->real);
    const float nan_row[] = { 0, 0, 0, 0, NAN, 0 };
    clseq_found found[SENTENCES * 3];
    int32_t count[SENTENCES];
    clseq_decoder_state st;
    struct sentences s;
    clseq_search_job job;

    fill_sentences(p, &s, model->config.source_vocabulary, 2);
    ASSERT_OK(p->ctx, clseq_tensor_write_f32(p->be, &x, nan_row));
    clseq_decoder_state_init(&st, model);
    plan_search(p, &st, &s, 3);
    job = job_of(&s, 3, 3, 1);
    for (int scores = 0; scores < 2; scores++) {
        job.scores = scores;
        ASSERT_FAILS(p->ctx, CLSEQ_ERR_NUMERIC, "line 100: the model gives NaN at word 1",
                     clseq_search_greedy(&st, &job, found));
    }
    ASSERT_FAILS(p->ctx, CLSEQ_ERR_NUMERIC, "line 100: the model gives NaN at word 1",
                 clseq_search_beam(&st, &job, found, count));
    job.beam = 7;
    ASSERT_FAILS(p->ctx, CLSEQ_ERR_ARG, "has 6 target words",
                 clseq_search_beam(&st, &job, found, count));
    clseq_batch_fini(&s.batch);
    clseq_decoder_state_fini(&st);
    clseq_seq2seq_destroy(&model);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(greedy_is_the_plain_search),
        cmocka_unit_test(beam_is_the_plain_search),
        cmocka_unit_test(a_beam_of_one_is_greedy),
        cmocka_unit_test(company_changes_nothing),
        cmocka_unit_test(fewer_are_the_first_of_more),
        cmocka_unit_test(steps_cost_no_memory_and_no_wait),
        cmocka_unit_test(every_limit_is_kept),
        cmocka_unit_test(a_nan_is_an_error),
    };
    int failed = cmocka_run_group_tests_name("decode, reference", tests, unit_place_reference,
                                             unit_place_close);

    if (unit_have_opencl("decode"))
        failed += cmocka_run_group_tests_name("decode, opencl", tests, unit_place_opencl,
                                              unit_place_close);
    return failed;
}
