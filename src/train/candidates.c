/* SPDX-License-Identifier: BSD-2-Clause */
#include "train/candidates.h"

#include "base/base.h"
#include "base/philox.h"

#include <math.h>
#include <stdlib.h>

clseq_status clseq_candidates_init(clseq_candidates *c, clseq_context *ctx, const double *rate,
                                   int32_t vocabulary, int32_t samples, size_t targets,
                                   uint64_t seed)
{
    const size_t V = (size_t)vocabulary;
    size_t most;

    *c = (clseq_candidates) { .ctx = ctx,
                              .vocabulary = vocabulary,
                              .samples = samples < vocabulary ? samples : vocabulary,
                              .targets = targets,
                              .seed = seed };
    if (!clseq_add_size((size_t)c->samples, targets, &most) || most > V)
        most = V;
    c->most = (int32_t)most;
    CLSEQ_TRY(clseq_calloc(ctx, V, sizeof(*c->rate), "rates of words", &c->rate));
    CLSEQ_TRY(clseq_calloc(ctx, V, sizeof(*c->key), "keys of words", &c->key));
    CLSEQ_TRY(clseq_calloc(ctx, V, sizeof(*c->sorted), "keys of words", &c->sorted));
    CLSEQ_TRY(clseq_calloc(ctx, V, sizeof(*c->column), "columns of words", &c->column));
    CLSEQ_TRY(clseq_calloc(ctx, most, sizeof(*c->words), "candidates", &c->words));
    CLSEQ_TRY(clseq_calloc(ctx, most, sizeof(*c->shift), "candidates", &c->shift));
    CLSEQ_TRY(clseq_calloc(ctx, targets, sizeof(*c->target), "candidates", &c->target));
    for (size_t w = 0; w < V; w++) {
        c->rate[w] = rate[w];
        c->column[w] = -1;
    }
    return CLSEQ_OK;
}

void clseq_candidates_fini(clseq_candidates *c)
{
    free(c->rate);
    free(c->key);
    free(c->sorted);
    free(c->column);
    free(c->words);
    free(c->shift);
    free(c->target);
    *c = (clseq_candidates) { 0 };
}

/* ---- rates ---- */

static void log_uniform(double *rate, size_t V)
{
    for (size_t w = 0; w < V; w++)
        rate[w] = log((double)(w + 2) / (double)(w + 1)) / log((double)(V + 1));
}

/* Every target ends with the end token. */
static void unigram(double *rate, size_t V, const clseq_corpus *corpus, double power)
{
    const uint64_t pairs = clseq_corpus_size(corpus);

    for (size_t w = 0; w < V; w++)
        rate[w] = 0;
    rate[CLSEQ_ID_EOS] = (double)pairs;
    for (uint64_t i = 0; i < pairs; i++) {
        clseq_sentence source, target;

        clseq_corpus_pair(corpus, i, &source, &target);
        for (size_t k = 0; k < target.length; k++)
            rate[target.ids[k]]++;
    }
    for (size_t w = 0; w < V; w++)
        rate[w] = pow(fmax(rate[w], 1), power);
}

int32_t clseq_candidates_samples(const struct clseq_train_options *options, int32_t vocabulary)
{
    if (options->loss == CLSEQ_LOSS_SOFTMAX)
        return 0;
    return options->samples < (size_t)vocabulary ? (int32_t)options->samples : vocabulary;
}

clseq_status clseq_candidates_init_for(clseq_candidates *c, clseq_context *ctx,
                                       const struct clseq_train_options *o,
                                       const clseq_corpus *corpus, int32_t vocabulary,
                                       size_t targets)
{
    const int32_t samples = clseq_candidates_samples(o, vocabulary);
    double *rate = NULL;
    clseq_status status;

    *c = (clseq_candidates) { 0 };
    if (samples == 0)
        return CLSEQ_OK;
    CLSEQ_TRY(clseq_calloc(ctx, (size_t)vocabulary, sizeof(*rate), "rates of words", &rate));
    if (o->sampler == CLSEQ_SAMPLER_UNIGRAM && corpus)
        unigram(rate, (size_t)vocabulary, corpus, o->sampler_power);
    else
        log_uniform(rate, (size_t)vocabulary);
    status = clseq_candidates_init(c, ctx, rate, vocabulary, samples, targets, o->seed);
    free(rate);
    return status;
}

/* ---- drawing ---- */

/* The n-th smallest of x, from 0; x changes places (Hoare's selection). */
static double nth_smallest(double *x, size_t count, size_t n)
{
    size_t low = 0, high = count - 1;

    while (low < high) {
        const double pivot = x[low + (high - low) / 2];
        size_t i = low, j = high;

        for (;;) {
            double other;

            while (x[i] < pivot)
                i++;
            while (x[j] > pivot)
                j--;
            if (i >= j)
                break;
            other = x[i];
            x[i++] = x[j];
            x[j--] = other;
        }
        /* Everything up to j < high is at most the pivot, everything behind it at least. */
        if (n <= j)
            high = j;
        else
            low = j + 1;
    }
    return x[low];
}

static void make_keys(clseq_candidates *c, uint64_t update)
{
    for (int32_t w = 0; w < c->vocabulary; w += 4) {
        const clseq_philox_block r =
            clseq_philox((uint32_t)w / 4, (uint32_t)(update >> 32), (uint32_t)update,
                         CLSEQ_RANDOM_CANDIDATES, (uint32_t)c->seed, (uint32_t)(c->seed >> 32));

        for (int32_t i = 0; i < 4 && w + i < c->vocabulary; i++) {
            const double u = ((double)r.v[i] + 0.5) * 0x1p-32;

            c->key[w + i] = -log(u) / c->rate[w + i];
            c->sorted[w + i] = c->key[w + i];
        }
    }
}

static float shift_of(const clseq_candidates *c, int32_t word)
{
    if (c->samples == c->vocabulary)
        return 0;
    return (float)-log(-expm1(-c->rate[word] * c->threshold));
}

static void take(clseq_candidates *c, int32_t word, int32_t column)
{
    c->words[column] = word;
    c->shift[column] = shift_of(c, word);
    c->column[word] = column;
}

static void draw(clseq_candidates *c, uint64_t update)
{
    int32_t n = 0, below = 0;

    if (c->samples == c->vocabulary) {
        for (int32_t w = 0; w < c->vocabulary; w++)
            take(c, w, w);
        return;
    }
    make_keys(c, update);
    c->threshold = nth_smallest(c->sorted, (size_t)c->vocabulary, (size_t)c->samples);
    for (int32_t w = 0; w < c->vocabulary; w++)
        below += c->key[w] < c->threshold;
    /* Of equal keys at the border the first ones are drawn. */
    for (int32_t w = 0; w < c->vocabulary && n < c->samples; w++) {
        const bool at = c->key[w] == c->threshold && below < c->samples;

        below += at;
        if (at || c->key[w] < c->threshold)
            take(c, w, n++);
    }
}

static void forget(clseq_candidates *c, int32_t first)
{
    for (int32_t i = first; i < c->input.count; i++)
        c->column[c->words[i]] = -1;
}

clseq_status clseq_candidates_add(clseq_candidates *c, uint64_t update,
                                  struct clseq_seq2seq_input *input)
{
    int32_t n = c->samples;

    if (c->samples == 0)
        return CLSEQ_OK;
    if ((size_t)input->N > c->targets)
        return clseq_fail(c->ctx, CLSEQ_ERR_INTERNAL,
                          "batch of %d target words is larger than planned, %zu", input->N,
                          c->targets);
    if (!c->has_drawn || c->update != update) {
        forget(c, 0);
        draw(c, update);
        c->has_drawn = true;
        c->update = update;
    } else {
        forget(c, c->samples);
    }
    for (int32_t i = 0; i < input->N; i++) {
        const int32_t word = input->target[i];

        if (c->column[word] < 0)
            take(c, word, n++);
        c->target[i] = c->column[word];
    }
    c->input = (struct clseq_input_candidates) {
        .drawn = c->samples, .count = n, .words = c->words, .shift = c->shift, .target = c->target
    };
    input->candidates = &c->input;
    return CLSEQ_OK;
}
