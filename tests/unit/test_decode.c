/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Greedy and beam search against the same written down plainly: one sentence at a time, in double,
 * every continuation of every hypothesis, no early stop.
 */
#include "decode_unit.h"

#include "data/batch_input.h"
#include "decode/search.h"

#include <math.h>

enum {
    SENTENCES = 9,
    WORDS_MAX = 6,
    LIMIT_MAX = 2 * WORDS_MAX + 10,
    H_MAX = 8,
    L_MAX = 2,
    V_MAX = 8,
    BEAM_MAX = 6,
    POOL_MAX = BEAM_MAX * LIMIT_MAX,
};

/* ---- the plain model ---- */

struct plain_stack {
    int32_t layers, input, hidden;
    float *w_ih[L_MAX], *w_hh[L_MAX], *b_ih[L_MAX], *b_hh[L_MAX];
};

struct plain {
    int32_t V;
    float *source, *target, *out_weight, *out_bias;
    struct plain_stack encoder, decoder;
};

struct plain_state {
    double h[L_MAX][H_MAX], c[L_MAX][H_MAX];
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

static struct plain_state plain_encode(const struct plain *m, const int32_t *words, int32_t n)
{
    struct plain_state state = { 0 };

    for (int32_t t = 0; t < n; t++)
        plain_step(&m->encoder, m->source, words[t], &state);
    plain_step(&m->encoder, m->source, CLSEQ_ID_EOS, &state);
    return state;
}

/* ---- the plain search ---- */

struct plain_hypothesis {
    int32_t ids[LIMIT_MAX]; /* end token and all */
    int32_t n;
    double score;
    bool complete;
    struct plain_state state;
};

static struct plain_hypothesis extend(const struct plain_hypothesis *from, int32_t word,
                                      double gain)
{
    struct plain_hypothesis h = *from;

    h.ids[h.n++] = word;
    h.score += gain;
    h.complete = word == CLSEQ_ID_EOS;
    return h;
}

/* Insertion sort by `value`, descending and stable. */
static void sort_by(struct plain_hypothesis *h, double *value, int32_t n)
{
    for (int32_t i = 1; i < n; i++) {
        const struct plain_hypothesis moved = h[i];
        const double v = value[i];
        int32_t k = i;

        for (; k > 0 && value[k - 1] < v; k--) {
            h[k] = h[k - 1];
            value[k] = value[k - 1];
        }
        h[k] = moved;
        value[k] = v;
    }
}

static double normalised(const struct plain_hypothesis *h, double penalty)
{
    return h->score / pow(h->n, penalty);
}

/* All results of a sentence in their order; returns how many. */
static int32_t plain_beam(const struct plain *m, const int32_t *words, int32_t n, int32_t limit,
                          int32_t K, double penalty, struct plain_hypothesis *ret)
{
    static struct plain_hypothesis beam[BEAM_MAX], next[BEAM_MAX * V_MAX];
    double value[POOL_MAX + BEAM_MAX];
    int32_t size = 1, pool = 0, complete;

    beam[0] = (struct plain_hypothesis) { .state = plain_encode(m, words, n) };
    for (int32_t t = 0; t < limit; t++) {
        int32_t offers = 0;

        for (int32_t k = 0; k < size; k++) {
            double gain[V_MAX];

            if (beam[k].complete) {
                next[offers++] = beam[k];
                continue;
            }
            plain_step(&m->decoder, m->target, t == 0 ? CLSEQ_ID_SOS : beam[k].ids[t - 1],
                       &beam[k].state);
            plain_log_softmax(m, &beam[k].state, gain);
            for (int32_t v = 0; v < m->V; v++)
                next[offers++] = extend(&beam[k], v, gain[v]);
        }
        for (int32_t i = 0; i < offers; i++)
            value[i] = next[i].score;
        sort_by(next, value, offers);
        size = offers < K ? offers : K;
        memcpy(beam, next, (size_t)size * sizeof(*beam));
        for (int32_t k = 0; k < size; k++) {
            if (beam[k].complete && beam[k].n == t + 1)
                ret[pool++] = beam[k];
        }
    }
    for (int32_t i = 0; i < pool; i++)
        value[i] = normalised(&ret[i], penalty);
    sort_by(ret, value, pool);
    complete = pool;
    for (int32_t k = 0; k < size; k++) {
        if (!beam[k].complete)
            ret[pool++] = beam[k];
    }
    for (int32_t i = complete; i < pool; i++)
        value[i] = normalised(&ret[i], penalty);
    sort_by(ret + complete, value + complete, pool - complete);
    return pool;
}

static struct plain_hypothesis plain_greedy(const struct plain *m, const int32_t *words, int32_t n,
                                            int32_t limit)
{
    struct plain_hypothesis h = { .state = plain_encode(m, words, n) };

    while (h.n < limit && !h.complete) {
        double gain[V_MAX];
        int32_t best = 0;

        plain_step(&m->decoder, m->target, h.n == 0 ? CLSEQ_ID_SOS : h.ids[h.n - 1], &h.state);
        plain_log_softmax(m, &h.state, gain);
        for (int32_t v = 1; v < m->V; v++)
            best = gain[v] > gain[best] ? v : best;
        h = extend(&h, best, gain[best]);
    }
    return h;
}

/* ---- both on the same sentences ---- */

struct sentences {
    int32_t B, words[SENTENCES][WORDS_MAX], length[SENTENCES], limit[SENTENCES];
    uint64_t line[SENTENCES];
    clseq_batch batch;
};

/* Random sentences of 1 to WORDS_MAX words, in no order of length. */
static void fill_sentences(const struct place *p, struct sentences *s, int32_t vocabulary,
                           uint64_t seed)
{
    clseq_sentence sides[SENTENCES];
    uint64_t counter = seed * 1000;

    *s = (struct sentences) { .B = SENTENCES };
    for (int32_t b = 0; b < s->B; b++) {
        s->length[b] = 1 + unit_below(&counter, WORDS_MAX);
        s->limit[b] = 2 * s->length[b] + 10;
        s->line[b] = 100 + (uint64_t)b;
        for (int32_t t = 0; t < s->length[b]; t++)
            s->words[b][t] = CLSEQ_ID_FIRST + unit_below(&counter, vocabulary - CLSEQ_ID_FIRST);
        sides[b] = (clseq_sentence) { s->words[b], (size_t)s->length[b] };
    }
    clseq_batch_init(&s->batch, p->ctx);
    ASSERT_OK(p->ctx, clseq_batch_from_sentences(&s->batch, sides, NULL, SENTENCES, false));
}

/* The same batch with sentence b alone. */
static void fill_alone(const struct place *p, const struct sentences *all, int32_t b,
                       struct sentences *s)
{
    const clseq_sentence side = { all->words[b], (size_t)all->length[b] };

    *s = (struct sentences) { .B = 1, .limit = { all->limit[b] }, .line = { all->line[b] } };
    clseq_batch_init(&s->batch, p->ctx);
    ASSERT_OK(p->ctx, clseq_batch_from_sentences(&s->batch, &side, NULL, 1, false));
}

static clseq_search_job job_of(const struct sentences *s, int32_t beam, int32_t nbest,
                               double penalty)
{
    return (clseq_search_job) {
        .input = clseq_batch_input(&s->batch),
        .limit = s->limit,
        .line = s->line,
        .beam = beam,
        .nbest = nbest,
        .length_penalty = penalty,
        .scores = true,
    };
}

static void plan(const struct place *p, clseq_decoder_state *st, const struct sentences *s,
                 int32_t beam)
{
    const struct clseq_seq2seq_limits limits = { .S = (int32_t)s->batch.S, .B = s->B };

    ASSERT_OK(p->ctx, clseq_seq2seq_plan(st->model, &limits, false));
    ASSERT_OK(p->ctx, clseq_decoder_state_plan(st, s->B, limits.S, beam));
}

/* What the comparisons met, so that none passes for want of cases. */
struct seen {
    int complete, cut, long_ones, compacted, several;
};

static void assert_same(const clseq_found *found, const struct plain_hypothesis *h, double penalty)
{
    assert_int_equal(found->complete, h->complete);
    assert_int_equal(found->count, h->n - (h->complete ? 1 : 0));
    for (size_t i = 0; i < found->count; i++)
        assert_int_equal(found->ids[i], h->ids[i]);
    assert_true(fabs(found->score - h->score) < 2e-5 * (1 + fabs(h->score)));
    assert_true(fabs(found->normalised - normalised(h, penalty)) < 2e-5 * (1 + fabs(h->score)));
}

static void count_seen(struct seen *seen, const clseq_found *found)
{
    seen->complete += found->complete;
    seen->cut += !found->complete;
    seen->long_ones += found->complete && found->count >= CLSEQ_DECODE_BLOCK;
}

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
        clseq_found found[SENTENCES];
        clseq_decoder_state st;
        struct sentences s;
        clseq_search_job job;

        fill_sentences(p, &s, model->config.source_vocabulary, seed);
        job = job_of(&s, 1, 1, 1);
        clseq_decoder_state_init(&st, model);
        plan(p, &st, &s, 1);
        ASSERT_OK(p->ctx, clseq_search_greedy(&st, &job, found));
        seen.compacted += st.open < st.sentences;
        for (int32_t b = 0; b < s.B; b++) {
            const struct plain_hypothesis h =
                plain_greedy(&plain, s.words[b], s.length[b], s.limit[b]);

            assert_same(&found[b], &h, 1);
            count_seen(&seen, &found[b]);
        }
        clseq_found_fini(found, SENTENCES);
        clseq_batch_fini(&s.batch);
        clseq_decoder_state_fini(&st);
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
    static struct plain_hypothesis expected[POOL_MAX + BEAM_MAX];
    struct seen seen = { 0 };

    for (uint64_t seed = 1; seed <= 30; seed++) {
        const int32_t K = beams[seed % CLSEQ_ARRAY_SIZE(beams)];
        const int32_t nbest = seed % 2 ? K : (K + 1) / 2;
        const double penalty = penalties[seed % CLSEQ_ARRAY_SIZE(penalties)];
        clseq_seq2seq *model = unit_model(p, shapes[seed % 2], 0.8, seed);
        struct plain plain = plain_create(p, model);
        clseq_found found[SENTENCES * BEAM_MAX];
        int32_t count[SENTENCES];
        clseq_decoder_state st;
        struct sentences s;
        clseq_search_job job;

        fill_sentences(p, &s, model->config.source_vocabulary, seed);
        job = job_of(&s, K, nbest, penalty);
        clseq_decoder_state_init(&st, model);
        plan(p, &st, &s, K);
        ASSERT_OK(p->ctx, clseq_search_beam(&st, &job, found, count));
        seen.compacted += st.open < st.sentences;
        for (int32_t b = 0; b < s.B; b++) {
            const int32_t all =
                plain_beam(&plain, s.words[b], s.length[b], s.limit[b], K, penalty, expected);

            assert_int_equal(count[b], all < nbest ? all : nbest);
            seen.several += all > K;
            for (int32_t i = 0; i < count[b]; i++) {
                assert_same(&found[b * nbest + i], &expected[i], penalty);
                count_seen(&seen, &found[b * nbest + i]);
            }
        }
        clseq_found_fini(found, (size_t)s.B * (size_t)nbest);
        clseq_batch_fini(&s.batch);
        clseq_decoder_state_fini(&st);
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
    plan(p, &st, &s, 1);
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
        plan(p, &st, &s, 3);
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
        plan(p, &st, &s, 5);
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
    plan(p, &st, &s, 2);
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
    plan(p, &st, &s, 3);
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
    plan(p, &st, &s, 3);
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
