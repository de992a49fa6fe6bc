/* SPDX-License-Identifier: BSD-2-Clause */
/* The order of an epoch: permutation, pools sorted by length, batches shuffled within a pool; or
 * batches by tokens (token_plan.h). */
#include "data/corpus_inside.h"
#include "data/permutation.h"
#include "data/radix.h"
#include "data/recut.h"
#include "data/token_plan.h"

#include "base/philox.h"

#include <stdlib.h>

/* A sort key: target length, source length, number in the pool. */
#define LENGTH_BITS 21
_Static_assert(CLSEQ_LENGTH_LIMIT < (1u << LENGTH_BITS), "a length fits its part of the key");
_Static_assert(CLSEQ_POOL_LIMIT <= (1u << (64 - 2 * LENGTH_BITS)), "so does a number in the pool");
#define NUMBER_BITS (64 - 2 * LENGTH_BITS)
#define NUMBER_MASK ((UINT64_C(1) << NUMBER_BITS) - 1)

/* More than a sentence has steps. */
#define DROPOUT_STEPS ((uint64_t)1 << 24)

struct clseq_batches {
    clseq_context *ctx;         /* borrowed */
    const clseq_corpus *corpus; /* borrowed */
    clseq_batches_options options;
    uint64_t per_epoch;
    uint64_t pool_size; /* pairs in a full pool */
    clseq_batch_limits limits;
    bool by_tokens;
    clseq_token_plan plan; /* by_tokens; otherwise there are pools */

    clseq_recut recut; /* with bpe_dropout */

    uint32_t epoch; /* what comes next */
    uint64_t index;

    /* The pool at hand. */
    bool pool_ready;
    uint32_t pool_epoch;
    uint64_t pool_number, pool_pairs;
    uint64_t *pairs; /* (pool_size) indices in the corpus, in the order they are taken */
    uint64_t *keys, *scratch;
    uint32_t *order; /* (pool_batches) batch at each place */
};

void clseq_batches_options_init(clseq_batches_options *options)
{
    *options = (clseq_batches_options) {
        .batch_size = 64, .pool_batches = 64, .seed = 1, .shuffle = true, .similar_length = true
    };
}

static size_t smaller(size_t a, size_t b)
{
    return a < b ? a : b;
}

static size_t larger(size_t a, size_t b)
{
    return a > b ? a : b;
}

/* Every limit is that of some shape. */
static void set_limits_by_tokens(clseq_batches *batches)
{
    clseq_batch_limits *l = &batches->limits;

    for (size_t i = 0; i < batches->plan.n_shapes; i++) {
        const clseq_batch_limits *s = &batches->plan.shapes[i];

        l->S = larger(l->S, s->S);
        l->T = larger(l->T, s->T);
        l->B = larger(l->B, s->B);
        l->N = larger(l->N, s->N);
        l->source_count = larger(l->source_count, s->source_count);
        l->source_unique = larger(l->source_unique, s->source_unique);
        l->target_unique = larger(l->target_unique, s->target_unique);
    }
}

static clseq_status set_limits(clseq_batches *batches)
{
    const clseq_corpus *corpus = batches->corpus;
    clseq_batch_limits *l = &batches->limits;

    l->S = (size_t)corpus->stats.longest_source + 1;
    l->T = (size_t)corpus->stats.longest_target + 1;
    l->B = (size_t)smaller(batches->options.batch_size, (size_t)corpus->stats.kept);
    if (l->S * l->B > INT32_MAX || l->T * l->B > INT32_MAX)
        return clseq_fail(
            batches->ctx, CLSEQ_ERR_LIMIT,
            "batches of %zu sentences of up to %zu source and %zu target tokens have more "
            "than 2^31 positions: use a smaller --batch or --max-length",
            l->B, l->S, l->T);
    l->N = l->T * l->B;
    l->source_count = l->S * l->B;
    /* BPE-dropout makes more tokens than there are in the corpus. */
    if (batches->options.bpe_dropout <= 0) {
        l->N = smaller(l->N, (size_t)(corpus->stats.target_tokens + corpus->stats.kept));
        l->source_count =
            smaller(l->source_count, (size_t)(corpus->stats.source_tokens + corpus->stats.kept));
    }
    l->source_unique = smaller(l->source_count, corpus->source_vocab_size);
    l->target_unique = smaller(l->N, corpus->target_vocab_size);
    return CLSEQ_OK;
}

static clseq_status check_options(clseq_context *ctx, const clseq_batches_options *options,
                                  size_t *pool)
{
    if (options->batch_tokens > CLSEQ_POOL_LIMIT)
        return clseq_fail(ctx, CLSEQ_ERR_ARG, "batches of %zu tokens: at most %u",
                          options->batch_tokens, CLSEQ_POOL_LIMIT);
    if (options->batch_tokens > 0 && !options->similar_length)
        return clseq_fail(ctx, CLSEQ_ERR_ARG,
                          "batches by tokens are of sentences of similar length: leave out "
                          "--no-similar-length, or give --batch and not --batch-tokens");
    if (options->batch_tokens > 0 && options->bpe_dropout > 0)
        return clseq_fail(ctx, CLSEQ_ERR_ARG,
                          "--bpe-dropout changes the number of tokens, which --batch-tokens must "
                          "know: leave out one of them");
    if (options->batch_size == 0 || options->pool_batches == 0 ||
        !clseq_mul_size(options->batch_size, options->pool_batches, pool) ||
        *pool > CLSEQ_POOL_LIMIT)
        return clseq_fail(
            ctx, CLSEQ_ERR_ARG,
            "batch size %zu in pools of %zu batches: both must be 1 or more, and their "
            "product at most %u",
            options->batch_size, options->pool_batches, CLSEQ_POOL_LIMIT);
    return CLSEQ_OK;
}

/* Sizes and limits; *pool becomes the pairs that are at hand at once. */
static clseq_status plan(clseq_batches *batches, size_t *pool)
{
    const clseq_corpus *corpus = batches->corpus;

    if (batches->by_tokens) {
        CLSEQ_TRY(clseq_token_plan_init(batches->ctx, corpus, batches->options.batch_tokens,
                                        &batches->plan));
        set_limits_by_tokens(batches);
        batches->per_epoch = batches->plan.count;
        *pool = batches->limits.B;
        return CLSEQ_OK;
    }
    batches->pool_size = *pool;
    batches->per_epoch =
        (corpus->stats.kept + batches->options.batch_size - 1) / batches->options.batch_size;
    CLSEQ_TRY(set_limits(batches));
    *pool = smaller(*pool, (size_t)corpus->stats.kept);
    return CLSEQ_OK;
}

clseq_status clseq_batches_create(clseq_context *ctx, const clseq_corpus *corpus,
                                  const clseq_batches_options *options, clseq_batches **ret)
{
    clseq_batches *batches = NULL;
    clseq_status status;
    size_t pool = 0;

    CLSEQ_TRY(check_options(ctx, options, &pool));
    CLSEQ_TRY(clseq_calloc(ctx, 1, sizeof(*batches), "batches", &batches));
    batches->ctx = ctx;
    batches->corpus = corpus;
    batches->options = *options;
    batches->by_tokens = options->batch_tokens > 0;
    if (options->bpe_dropout != 0)
        CLSEQ_TRY_GOTO(status, out, clseq_recut_init(&batches->recut, ctx, corpus, options));
    CLSEQ_TRY_GOTO(status, out, plan(batches, &pool));
    CLSEQ_TRY_GOTO(status, out,
                   clseq_calloc(ctx, pool, sizeof(*batches->pairs), "pool", &batches->pairs));
    CLSEQ_TRY_GOTO(status, out,
                   clseq_calloc(ctx, pool, sizeof(*batches->keys), "pool", &batches->keys));
    CLSEQ_TRY_GOTO(status, out,
                   clseq_calloc(ctx, pool, sizeof(*batches->scratch), "pool", &batches->scratch));
    CLSEQ_TRY_GOTO(
        status, out,
        clseq_calloc(ctx, options->pool_batches, sizeof(*batches->order), "pool", &batches->order));
    if (options->shuffle) {
        clseq_spool_expect_random(&corpus->ids);
        clseq_spool_expect_random(&corpus->places);
    }
    *ret = batches;
    return CLSEQ_OK;
out:
    clseq_batches_destroy(&batches);
    return status;
}

void clseq_batches_destroy(clseq_batches **batches)
{
    clseq_batches *b = batches ? *batches : NULL;

    if (!b)
        return;
    clseq_token_plan_fini(&b->plan);
    clseq_recut_fini(&b->recut);
    free(b->pairs);
    free(b->keys);
    free(b->scratch);
    free(b->order);
    free(b);
    *batches = NULL;
}

uint64_t clseq_batches_per_epoch(const clseq_batches *batches)
{
    return batches->per_epoch;
}

void clseq_batches_get_limits(const clseq_batches *batches, clseq_batch_limits *ret)
{
    *ret = batches->limits;
}

const clseq_batch_limits *clseq_batches_shapes(const clseq_batches *batches, size_t *count)
{
    *count = batches->by_tokens ? batches->plan.n_shapes : 1;
    return batches->by_tokens ? batches->plan.shapes : &batches->limits;
}

clseq_status clseq_batches_seek(clseq_batches *batches, uint32_t epoch, uint64_t index)
{
    if (index >= batches->per_epoch)
        return clseq_fail(batches->ctx, CLSEQ_ERR_ARG,
                          "batch %llu of epoch %lu: the corpus has %llu batches an epoch",
                          (unsigned long long)index, (unsigned long)epoch,
                          (unsigned long long)batches->per_epoch);
    batches->epoch = epoch;
    batches->index = index;
    return CLSEQ_OK;
}

/* Stable, so equal lengths stay in their random order. Uses keys[] both for sorting and as a copy
 * of the pairs. */
static void sort_pool(clseq_batches *batches)
{
    const size_t n = (size_t)batches->pool_pairs;

    for (size_t i = 0; i < n; i++) {
        const clseq_pair_place *place = clseq_corpus_place(batches->corpus, batches->pairs[i]);

        batches->keys[i] = (uint64_t)place->target_length << (LENGTH_BITS + NUMBER_BITS) |
                           (uint64_t)place->source_length << NUMBER_BITS | i;
    }
    clseq_radix_sort(batches->keys, batches->scratch, n, NUMBER_BITS);
    for (size_t i = 0; i < n; i++)
        batches->scratch[i] = batches->pairs[batches->keys[i] & NUMBER_MASK];
    for (size_t i = 0; i < n; i++)
        batches->pairs[i] = batches->scratch[i];
}

/* Fisher and Yates; the number of a draw is the number of the batch in the epoch. */
static void order_batches(clseq_batches *batches)
{
    const clseq_batches_options *o = &batches->options;
    const uint64_t first = batches->pool_number * o->pool_batches;
    const size_t count = (size_t)((batches->pool_pairs + o->batch_size - 1) / o->batch_size);

    for (size_t i = 0; i < count; i++)
        batches->order[i] = (uint32_t)i;
    for (size_t i = count; o->shuffle && i > 1; i--) {
        const size_t j = (size_t)clseq_random_below(o->seed, CLSEQ_RANDOM_BATCHES,
                                                    batches->pool_epoch, first + i - 1, i);
        const uint32_t last = batches->order[i - 1];

        batches->order[i - 1] = batches->order[j];
        batches->order[j] = last;
    }
}

static void make_pool(clseq_batches *batches, uint64_t number)
{
    const clseq_batches_options *o = &batches->options;
    const uint64_t total = batches->corpus->stats.kept, first = number * batches->pool_size;
    const uint64_t left = total - first;
    clseq_permutation permutation;

    batches->pool_number = number;
    batches->pool_epoch = batches->epoch;
    batches->pool_pairs = left < batches->pool_size ? left : batches->pool_size;
    clseq_permutation_init(&permutation, o->seed, batches->epoch, total);
    for (uint64_t i = 0; i < batches->pool_pairs; i++)
        batches->pairs[i] = o->shuffle ? clseq_permutation_at(&permutation, first + i) : first + i;
    if (o->similar_length)
        sort_pool(batches);
    order_batches(batches);
    batches->pool_ready = true;
}

/* Pair `pair`, row `row` of those that were cut anew. */
static void get_pair(const clseq_batches *batches, size_t row, uint64_t pair,
                     clseq_sentence *source, clseq_sentence *target)
{
    if (batches->recut.corpus)
        clseq_recut_pair(&batches->recut, row, pair, source, target);
    else
        clseq_corpus_pair(batches->corpus, pair, source, target);
}

/* Longest sources first: an encoder then leaves out the rows at the end, whose sentences have
 * ended. Stable, so the plain order, where all count as equally long, stays. In keys[], as numbers
 * in the batch. */
static void order_rows(clseq_batches *batches, const uint64_t *pairs, size_t n)
{
    const bool plain = !batches->options.shuffle && !batches->options.similar_length;

    for (size_t b = 0; b < n; b++) {
        uint32_t length = CLSEQ_LENGTH_LIMIT;
        clseq_sentence source, target;

        if (!plain) {
            get_pair(batches, b, pairs[b], &source, &target);
            length = (uint32_t)source.length;
        }
        batches->keys[b] = (uint64_t)(CLSEQ_LENGTH_LIMIT - length) << NUMBER_BITS | b;
    }
    clseq_radix_sort(batches->keys, batches->scratch, n, NUMBER_BITS);
    for (size_t b = 0; b < n; b++)
        batches->keys[b] &= NUMBER_MASK;
}

/* The pairs of the next batch; valid until the next call. */
static const uint64_t *next_pairs(clseq_batches *batches, size_t *count)
{
    const clseq_batches_options *o = &batches->options;
    const uint64_t number = batches->index / o->pool_batches;
    size_t first;

    if (batches->by_tokens) {
        *count = clseq_token_plan_batch(&batches->plan, o->seed, o->shuffle, batches->epoch,
                                        batches->index, batches->pairs);
        return batches->pairs;
    }
    if (!batches->pool_ready || batches->pool_number != number ||
        batches->pool_epoch != batches->epoch)
        make_pool(batches, number);
    first = batches->order[batches->index % o->pool_batches] * o->batch_size;
    *count = smaller(o->batch_size, (size_t)batches->pool_pairs - first);
    return batches->pairs + first;
}

/* Words of row b, which is `pair` of the corpus, become unknown ones. */
static void drop_words(const clseq_batches *batches, clseq_batch *batch, size_t b, uint64_t pair)
{
    const clseq_batches_options *o = &batches->options;
    const uint64_t limit = (uint64_t)(o->word_dropout * 0x1p32);
    const struct {
        int32_t *ids, *index;
        int32_t first, end; /* steps that are words */
    } sides[2] = {
        { batch->source, batch->source_index, 0, batch->source_length[b] - 1 },
        { batch->target_in, batch->target_index, 1, batch->target_length[b] },
    };

    for (uint64_t side = 0; side < 2; side++) {
        for (int32_t t = sides[side].first; t < sides[side].end; t++) {
            const uint64_t place = (2 * pair + side) * DROPOUT_STEPS + (uint64_t)t;
            const size_t at = (size_t)t * batch->B + b;

            if (clseq_random_below(o->seed, CLSEQ_RANDOM_WORD_DROPOUT, batches->epoch, place,
                                   (uint64_t)1 << 32) < limit)
                sides[side].ids[at] = sides[side].index[at] = CLSEQ_ID_UNK;
        }
    }
}

clseq_status clseq_batches_next(clseq_batches *batches, clseq_batch *batch)
{
    size_t count, S = 0, T = 0;
    const uint64_t *pairs = next_pairs(batches, &count);

    if (batches->recut.corpus)
        CLSEQ_TRY(clseq_recut_pairs(&batches->recut, batch->ctx, batches->epoch, pairs, count));
    for (size_t b = 0; b < count; b++) {
        clseq_sentence source, target;

        get_pair(batches, b, pairs[b], &source, &target);
        S = larger(S, source.length);
        T = larger(T, target.length);
    }
    CLSEQ_TRY(clseq_batch_begin(batch, S + 1, T + 1, count));
    order_rows(batches, pairs, count);
    for (size_t b = 0; b < count; b++) {
        const uint64_t pair = pairs[batches->keys[b]];
        clseq_sentence source, target;

        get_pair(batches, (size_t)batches->keys[b], pair, &source, &target);
        clseq_batch_set_row(batch, b, source, target, false, pair);
        if (batches->options.word_dropout > 0)
            drop_words(batches, batch, b, pair);
    }
    clseq_batch_end(batch);
    batch->epoch = batches->epoch;
    batch->index = batches->index;
    if (++batches->index == batches->per_epoch) {
        batches->index = 0;
        batches->epoch++;
    }
    return CLSEQ_OK;
}
