/* SPDX-License-Identifier: BSD-2-Clause */
#include "plain_search.h"

#include <math.h>

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

double plain_normalised(const struct plain_hypothesis *h, double penalty)
{
    return h->score / pow(h->n, penalty);
}

/* The continuations of all that is not complete, and what is. */
static int32_t offers_of(const struct plain_model *m, const struct plain_hypothesis *beam,
                         int32_t size, struct plain_hypothesis *next)
{
    const struct plain_hypothesis *open[BEAM_MAX];
    double gain[BEAM_MAX][V_MAX];
    int32_t growing = 0, offers = 0;

    for (int32_t k = 0; k < size; k++) {
        if (!beam[k].complete)
            open[growing++] = &beam[k];
    }
    if (growing > 0)
        m->next(m->user, open, growing, gain);
    growing = 0;
    for (int32_t k = 0; k < size; k++) {
        if (beam[k].complete) {
            next[offers++] = beam[k];
            continue;
        }
        for (int32_t v = 0; v < m->V; v++)
            next[offers++] = extend(&beam[k], v, gain[growing][v]);
        growing++;
    }
    return offers;
}

int32_t plain_beam(const struct plain_model *m, const int32_t *words, int32_t n, int32_t limit,
                   int32_t K, double penalty, struct plain_hypothesis *ret)
{
    static struct plain_hypothesis beam[BEAM_MAX], next[BEAM_MAX * V_MAX];
    double value[POOL_MAX + BEAM_MAX];
    int32_t size = 1, pool = 0, complete;

    beam[0] = (struct plain_hypothesis) { 0 };
    m->begin(m->user, words, n);
    for (int32_t t = 0; t < limit; t++) {
        const int32_t offers = offers_of(m, beam, size, next);

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
        value[i] = plain_normalised(&ret[i], penalty);
    sort_by(ret, value, pool);
    complete = pool;
    for (int32_t k = 0; k < size; k++) {
        if (!beam[k].complete)
            ret[pool++] = beam[k];
    }
    for (int32_t i = complete; i < pool; i++)
        value[i] = plain_normalised(&ret[i], penalty);
    sort_by(ret + complete, value + complete, pool - complete);
    return pool;
}

struct plain_hypothesis plain_greedy(const struct plain_model *m, const int32_t *words, int32_t n,
                                     int32_t limit)
{
    struct plain_hypothesis h = { 0 };
    const struct plain_hypothesis *one = &h;

    m->begin(m->user, words, n);
    while (h.n < limit && !h.complete) {
        double gain[1][V_MAX];
        int32_t best = 0;

        m->next(m->user, &one, 1, gain);
        for (int32_t v = 1; v < m->V; v++)
            best = gain[0][v] > gain[0][best] ? v : best;
        h = extend(&h, best, gain[0][best]);
    }
    return h;
}

/* ---- sentences to search ---- */

void fill_sentences(const struct place *p, struct sentences *s, int32_t vocabulary, uint64_t seed)
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

void fill_alone(const struct place *p, const struct sentences *all, int32_t b, struct sentences *s)
{
    const clseq_sentence side = { all->words[b], (size_t)all->length[b] };

    *s = (struct sentences) { .B = 1, .limit = { all->limit[b] }, .line = { all->line[b] } };
    clseq_batch_init(&s->batch, p->ctx);
    ASSERT_OK(p->ctx, clseq_batch_from_sentences(&s->batch, &side, NULL, 1, false));
}

clseq_search_job job_of(const struct sentences *s, int32_t beam, int32_t nbest, double penalty)
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

void plan_search(const struct place *p, clseq_decoder_state *st, const struct sentences *s,
                 int32_t beam)
{
    const struct clseq_seq2seq_limits limits = { .S = (int32_t)s->batch.S, .B = s->B };

    ASSERT_OK(p->ctx, clseq_seq2seq_plan(st->model, &limits, false));
    ASSERT_OK(p->ctx, clseq_decoder_state_plan(st, s->B, limits.S, beam));
}

/* ---- both on the same sentences ---- */

static void assert_same(const clseq_found *found, const struct plain_hypothesis *h, double penalty)
{
    assert_int_equal(found->complete, h->complete);
    assert_int_equal(found->count, h->n - (h->complete ? 1 : 0));
    for (size_t i = 0; i < found->count; i++)
        assert_int_equal(found->ids[i], h->ids[i]);
    assert_true(fabs(found->score - h->score) < 2e-5 * (1 + fabs(h->score)));
    assert_true(fabs(found->normalised - plain_normalised(h, penalty)) <
                2e-5 * (1 + fabs(h->score)));
}

static void count_seen(struct seen *seen, const clseq_found *found)
{
    seen->complete += found->complete;
    seen->cut += !found->complete;
    seen->long_ones += found->complete && found->count >= CLSEQ_DECODE_BLOCK;
}

void expect_plain_greedy(const struct place *p, clseq_seq2seq *model, const struct plain_model *m,
                         uint64_t seed, struct seen *seen)
{
    clseq_found found[SENTENCES];
    clseq_decoder_state st;
    struct sentences s;
    clseq_search_job job;

    fill_sentences(p, &s, model->config.source_vocabulary, seed);
    job = job_of(&s, 1, 1, 1);
    clseq_decoder_state_init(&st, model);
    plan_search(p, &st, &s, 1);
    ASSERT_OK(p->ctx, clseq_search_greedy(&st, &job, found));
    seen->compacted += st.open < st.sentences;
    for (int32_t b = 0; b < s.B; b++) {
        const struct plain_hypothesis h = plain_greedy(m, s.words[b], s.length[b], s.limit[b]);

        assert_same(&found[b], &h, 1);
        count_seen(seen, &found[b]);
    }
    clseq_found_fini(found, SENTENCES);
    clseq_batch_fini(&s.batch);
    clseq_decoder_state_fini(&st);
}

void expect_plain_beam(const struct place *p, clseq_seq2seq *model, const struct plain_model *m,
                       int32_t K, int32_t nbest, double penalty, uint64_t seed, struct seen *seen)
{
    static struct plain_hypothesis expected[POOL_MAX + BEAM_MAX];
    clseq_found found[SENTENCES * BEAM_MAX];
    int32_t count[SENTENCES];
    clseq_decoder_state st;
    struct sentences s;
    clseq_search_job job;

    fill_sentences(p, &s, model->config.source_vocabulary, seed);
    job = job_of(&s, K, nbest, penalty);
    clseq_decoder_state_init(&st, model);
    plan_search(p, &st, &s, K);
    ASSERT_OK(p->ctx, clseq_search_beam(&st, &job, found, count));
    seen->compacted += st.open < st.sentences;
    for (int32_t b = 0; b < s.B; b++) {
        const int32_t all =
            plain_beam(m, s.words[b], s.length[b], s.limit[b], K, penalty, expected);

        assert_int_equal(count[b], all < nbest ? all : nbest);
        seen->several += all > K;
        for (int32_t i = 0; i < count[b]; i++) {
            assert_same(&found[b * nbest + i], &expected[i], penalty);
            count_seen(seen, &found[b * nbest + i]);
        }
    }
    clseq_found_fini(found, (size_t)s.B * (size_t)nbest);
    clseq_batch_fini(&s.batch);
    clseq_decoder_state_fini(&st);
}
