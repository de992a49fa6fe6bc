/* SPDX-License-Identifier: BSD-2-Clause */
#include "random_corpus.h"

#include "base/clock.h"

/* Compare with the plainest way to list positions by id. */
static void check_rows(const clseq_row_lists *rows, const int32_t *index, size_t count)
{
    size_t k = 0, u = 0;

    for (int32_t id = 0; id < TOKENS; id++) {
        bool used = false;

        for (size_t i = 0; i < count; i++) {
            if (index[i] != id)
                continue;
            if (!used) {
                assert_int_equal(rows->unique[u], id);
                assert_int_equal(rows->start[u++], k);
            }
            used = true;
            assert_int_equal(rows->order[k++], i);
        }
    }
    assert_int_equal(rows->unique_count, u);
    assert_int_equal(rows->count, k);
    assert_int_equal(rows->start[u], k);
}

/* Every array of a batch against the corpus. */
static void check_batch(const clseq_batch *b, const clseq_corpus *corpus)
{
    size_t longest_source = 0, longest_target = 0, n = 0;

    for (size_t k = 0; k < b->B; k++) {
        clseq_sentence s, t;

        clseq_corpus_pair(corpus, b->sentence[k], &s, &t);
        assert_int_equal(b->source_length[k], s.length + 1);
        assert_int_equal(b->target_length[k], t.length + 1);
        longest_source = s.length + 1 > longest_source ? s.length + 1 : longest_source;
        longest_target = t.length + 1 > longest_target ? t.length + 1 : longest_target;
        for (size_t i = 0; i < b->S; i++) {
            const size_t at = i * b->B + k;
            const int32_t want = i < s.length ? s.ids[i] : CLSEQ_ID_EOS;

            assert_int_equal(b->source[at], i <= s.length ? want : CLSEQ_ID_PAD);
            assert_int_equal(b->source_index[at], i <= s.length ? want : -1);
        }
        for (size_t i = 0; i < b->T; i++) {
            const size_t at = i * b->B + k;
            const int32_t in = i == 0 ? CLSEQ_ID_SOS : i <= t.length ? t.ids[i - 1] : CLSEQ_ID_PAD;
            const int32_t out = i < t.length    ? t.ids[i]
                                : i == t.length ? CLSEQ_ID_EOS
                                                : CLSEQ_ID_PAD;

            assert_int_equal(b->target_in[at], in);
            assert_int_equal(b->target_index[at], i <= t.length ? in : -1);
            assert_int_equal(b->target_out[at], out);
        }
    }
    assert_int_equal(b->S, longest_source);
    assert_int_equal(b->T, longest_target);
    for (size_t at = 0; at < b->T * b->B; at++) {
        if ((int32_t)(at / b->B) >= b->target_length[at % b->B])
            continue;
        assert_int_equal(b->valid[n], at);
        assert_int_equal(b->valid_target[n++], b->target_out[at]);
    }
    assert_int_equal(b->N, n);
    check_rows(&b->source_rows, b->source_index, b->S * b->B);
    check_rows(&b->target_rows, b->target_index, b->T * b->B);
}

static void check_limits(const clseq_batch *b, const clseq_batch_limits *l)
{
    assert_true(b->S <= l->S && b->T <= l->T && b->B <= l->B && b->N <= l->N);
    assert_true(b->source_rows.count <= l->source_count);
    assert_true(b->source_rows.unique_count <= l->source_unique);
    assert_true(b->target_rows.count == b->N && b->target_rows.unique_count <= l->target_unique);
}

/* Sizes that fit batches and pools, and sizes that do not; every kind of order. */
static void epochs_hold_each_pair_once(void **state)
{
    static const size_t counts[] = { 1, 2, 5, 64, 100, 640, 1000 };
    fixture *f = *state;
    clseq_batch batch;

    clseq_batch_init(&batch, f->ctx);
    for (size_t c = 0; c < CLSEQ_ARRAY_SIZE(counts); c++) {
        clseq_corpus *corpus = random_corpus(f, counts[c], 12);

        for (unsigned kind = 0; kind < 12; kind++) {
            const clseq_batches_options options = { .batch_size = kind < 4   ? 10
                                                                  : kind < 8 ? 64
                                                                             : 1,
                                                    .pool_batches = kind & 1 ? 3 : 8,
                                                    .seed = 7,
                                                    .shuffle = kind & 2,
                                                    .similar_length = kind % 3 != 0 };
            clseq_batches *batches = NULL;
            clseq_batch_limits limits;
            unsigned char *seen = calloc(counts[c], 1);
            uint64_t per_epoch, small = 0;

            assert_non_null(seen);
            ASSERT_OK(f->ctx, clseq_batches_create(f->ctx, corpus, &options, &batches));
            clseq_batches_get_limits(batches, &limits);
            per_epoch = clseq_batches_per_epoch(batches);
            assert_int_equal(per_epoch, (counts[c] + options.batch_size - 1) / options.batch_size);
            for (uint64_t i = 0; i < 2 * per_epoch; i++) {
                ASSERT_OK(f->ctx, clseq_batches_next(batches, &batch));
                assert_int_equal(batch.epoch, i / per_epoch);
                assert_int_equal(batch.index, i % per_epoch);
                small += batch.B < options.batch_size;
                check_batch(&batch, corpus);
                check_limits(&batch, &limits);
                for (size_t b = 0; b < batch.B; b++)
                    assert_int_equal(seen[batch.sentence[b]]++, i / per_epoch);
            }
            assert_int_equal(small, counts[c] % options.batch_size ? 2 : 0);
            free(seen);
            clseq_batches_destroy(&batches);
        }
        clseq_corpus_destroy(&corpus);
    }
    clseq_batch_fini(&batch);
}

/* The sentences of some batches of an iterator as one hash. */
static uint64_t order_hash(fixture *f, clseq_batches *batches, uint32_t epoch, uint64_t index,
                           size_t count)
{
    clseq_batch batch;
    uint64_t hash = 1469598103934665603u;

    clseq_batch_init(&batch, f->ctx);
    ASSERT_OK(f->ctx, clseq_batches_seek(batches, epoch, index));
    for (size_t i = 0; i < count; i++) {
        ASSERT_OK(f->ctx, clseq_batches_next(batches, &batch));
        for (size_t b = 0; b < batch.B; b++)
            hash = (hash ^ batch.sentence[b]) * 1099511628211u;
    }
    clseq_batch_fini(&batch);
    return hash;
}

static void order_is_a_function_of_seed_and_epoch(void **state)
{
    fixture *f = *state;
    clseq_corpus *corpus = random_corpus(f, 1000, 12);
    clseq_batches_options options = {
        .batch_size = 10, .pool_batches = 7, .seed = 3, .shuffle = true, .similar_length = true
    };
    clseq_batches *a = NULL, *b = NULL;
    uint64_t first;

    ASSERT_OK(f->ctx, clseq_batches_create(f->ctx, corpus, &options, &a));
    ASSERT_OK(f->ctx, clseq_batches_create(f->ctx, corpus, &options, &b));
    first = order_hash(f, a, 5, 0, 100);
    /* Another iterator, reached from elsewhere: the same. */
    order_hash(f, b, 900, 33, 9);
    assert_true(order_hash(f, b, 5, 0, 100) == first);
    assert_true(order_hash(f, b, 6, 0, 100) != first);
    /* From the middle, over the end of the epoch into the next. */
    for (uint64_t from = 0; from < 100; from += 13) {
        const uint64_t straight = order_hash(f, a, 5, from, 150);

        order_hash(f, b, 0, 99 - from, 2);
        assert_true(order_hash(f, b, 5, from, 150) == straight);
    }
    clseq_batches_destroy(&b);
    options.seed = 4;
    ASSERT_OK(f->ctx, clseq_batches_create(f->ctx, corpus, &options, &b));
    assert_true(order_hash(f, b, 5, 0, 100) != first);
    clseq_batches_destroy(&b);
    options.shuffle = false;
    ASSERT_OK(f->ctx, clseq_batches_create(f->ctx, corpus, &options, &b));
    assert_true(order_hash(f, b, 5, 0, 100) == order_hash(f, b, 77, 0, 100));
    clseq_batches_destroy(&b);
    ASSERT_FAILS(f->ctx, CLSEQ_ERR_ARG, "100 batches an epoch", clseq_batches_seek(a, 0, 100));
    clseq_batches_destroy(&a);
    clseq_corpus_destroy(&corpus);
}

/* The order is part of what a checkpoint means, so it must not change between versions. */
static void order_is_the_same_as_ever(void **state)
{
    static const uint64_t want[16] = { 2, 0, 5, 14, 4, 11, 12, 7, 15, 1, 3, 10, 13, 6, 8, 9 };
    fixture *f = *state;
    clseq_corpus *corpus = random_corpus(f, 16, 1);
    const clseq_batches_options options = {
        .batch_size = 4, .pool_batches = 2, .seed = 1, .shuffle = true, .similar_length = true
    };
    clseq_batches *batches = NULL;
    clseq_batch batch;

    clseq_batch_init(&batch, f->ctx);
    ASSERT_OK(f->ctx, clseq_batches_create(f->ctx, corpus, &options, &batches));
    for (size_t i = 0; i < 4; i++) {
        ASSERT_OK(f->ctx, clseq_batches_next(batches, &batch));
        for (size_t b = 0; b < 4; b++)
            assert_int_equal(batch.sentence[b], want[4 * i + b]);
    }
    clseq_batches_destroy(&batches);
    clseq_batch_fini(&batch);
    clseq_corpus_destroy(&corpus);
}

/* ---- by tokens ---- */

static bool fits(const clseq_batch *batch, const clseq_batch_limits *l)
{
    return batch->S <= l->S && batch->T <= l->T && batch->B <= l->B && batch->N <= l->N &&
           batch->source_rows.count <= l->source_count &&
           batch->source_rows.unique_count <= l->source_unique &&
           batch->target_rows.unique_count <= l->target_unique;
}

static void by_tokens(void **state)
{
    fixture *f = *state;
    clseq_corpus *corpus = random_corpus(f, 1000, 12);
    clseq_batches_options options;
    clseq_batches *batches = NULL;
    const clseq_batch_limits *shapes;
    clseq_batch_limits limits;
    clseq_batch batch;
    uint64_t per_epoch;
    size_t n_shapes, most = 0;

    clseq_batches_options_init(&options);
    options.batch_tokens = 100;
    clseq_batch_init(&batch, f->ctx);
    ASSERT_OK(f->ctx, clseq_batches_create(f->ctx, corpus, &options, &batches));
    per_epoch = clseq_batches_per_epoch(batches);
    shapes = clseq_batches_shapes(batches, &n_shapes);
    clseq_batches_get_limits(batches, &limits);
    assert_in_range(n_shapes, 1, 20);
    for (uint32_t epoch = 0; epoch < 3; epoch++) {
        char seen[1000] = { 0 };

        for (uint64_t i = 0; i < per_epoch; i++) {
            size_t fitting = 0, tokens;

            ASSERT_OK(f->ctx, clseq_batches_next(batches, &batch));
            assert_int_equal(batch.epoch, epoch);
            assert_int_equal(batch.index, i);
            tokens = batch.B * (batch.S > batch.T ? batch.S : batch.T);
            assert_true(tokens <= 100 || batch.B == 1);
            assert_true(fits(&batch, &limits));
            for (size_t k = 0; k < n_shapes; k++)
                fitting += fits(&batch, &shapes[k]);
            assert_true(fitting > 0);
            most = batch.B > most ? batch.B : most;
            for (size_t b = 0; b < batch.B; b++)
                assert_int_equal(seen[batch.sentence[b]]++, 0);
        }
        assert_null(memchr(seen, 0, sizeof(seen)));
    }
    assert_int_equal(most, limits.B);
    assert_true(most > 16); /* short sentences come in larger batches */
    clseq_batches_destroy(&batches);
    clseq_batch_fini(&batch);
    clseq_corpus_destroy(&corpus);
}

/* Also where every sentence is longer than a batch may be. */
static void by_tokens_one_by_one(void **state)
{
    fixture *f = *state;
    clseq_corpus *corpus = random_corpus(f, 50, 12);
    clseq_batches_options options;
    clseq_batches *batches = NULL;

    clseq_batches_options_init(&options);
    options.batch_tokens = 1;
    ASSERT_OK(f->ctx, clseq_batches_create(f->ctx, corpus, &options, &batches));
    assert_int_equal(clseq_batches_per_epoch(batches), 50);
    clseq_batches_destroy(&batches);
    options.similar_length = false;
    ASSERT_FAILS(f->ctx, CLSEQ_ERR_ARG, "leave out --no-similar-length",
                 clseq_batches_create(f->ctx, corpus, &options, &batches));
    options.similar_length = true;
    options.batch_tokens = CLSEQ_POOL_LIMIT + 1;
    ASSERT_FAILS(f->ctx, CLSEQ_ERR_ARG, "at most",
                 clseq_batches_create(f->ctx, corpus, &options, &batches));
    clseq_corpus_destroy(&corpus);
}

/* The order is that of (seed, epoch), from wherever one comes; the lengths in batch order alone do
 * not tell it. */
static void by_tokens_order(void **state)
{
    fixture *f = *state;
    clseq_corpus *corpus = random_corpus(f, 1000, 3); /* many pairs of the same lengths */
    clseq_batches_options options;
    clseq_batches *a = NULL, *b = NULL;
    uint64_t first, n;

    clseq_batches_options_init(&options);
    options.batch_tokens = 60;
    ASSERT_OK(f->ctx, clseq_batches_create(f->ctx, corpus, &options, &a));
    ASSERT_OK(f->ctx, clseq_batches_create(f->ctx, corpus, &options, &b));
    n = clseq_batches_per_epoch(a);
    first = order_hash(f, a, 5, 0, n);
    order_hash(f, b, 900, n / 2, 9);
    assert_true(order_hash(f, b, 5, 0, n) == first);
    assert_true(order_hash(f, b, 6, 0, n) != first);
    for (uint64_t from = 0; from < n; from += 13) {
        const uint64_t straight = order_hash(f, a, 5, from, n + 20);

        order_hash(f, b, 0, n - 1 - from, 2);
        assert_true(order_hash(f, b, 5, from, n + 20) == straight);
    }
    clseq_batches_destroy(&b);
    options.seed = 4;
    ASSERT_OK(f->ctx, clseq_batches_create(f->ctx, corpus, &options, &b));
    assert_true(order_hash(f, b, 5, 0, n) != first);
    clseq_batches_destroy(&b);
    options.shuffle = false;
    ASSERT_OK(f->ctx, clseq_batches_create(f->ctx, corpus, &options, &b));
    assert_true(order_hash(f, b, 5, 0, n) == order_hash(f, b, 77, 0, n));
    clseq_batches_destroy(&b);
    clseq_batches_destroy(&a);
    clseq_corpus_destroy(&corpus);
}

/* A batch has other company in another epoch: of the pairs of one epoch's batch some are apart. */
static void by_tokens_company(void **state)
{
    fixture *f = *state;
    clseq_corpus *corpus = random_corpus(f, 1000, 3);
    clseq_batches_options options;
    clseq_batches *batches = NULL;
    uint64_t batch_of[1000], apart = 0;
    clseq_batch batch;

    clseq_batches_options_init(&options);
    options.batch_tokens = 60;
    clseq_batch_init(&batch, f->ctx);
    ASSERT_OK(f->ctx, clseq_batches_create(f->ctx, corpus, &options, &batches));
    for (uint32_t epoch = 0; epoch < 2; epoch++) {
        for (uint64_t i = 0; i < clseq_batches_per_epoch(batches); i++) {
            ASSERT_OK(f->ctx, clseq_batches_next(batches, &batch));
            for (size_t b = 0; b < batch.B; b++) {
                apart += epoch == 1 && batch_of[batch.sentence[b]] != batch_of[batch.sentence[0]];
                if (epoch == 0)
                    batch_of[batch.sentence[b]] = i;
            }
        }
    }
    assert_true(apart > 500);
    clseq_batches_destroy(&batches);
    clseq_batch_fini(&batch);
    clseq_corpus_destroy(&corpus);
}

/* As order_is_the_same_as_ever. */
static void by_tokens_order_is_the_same_as_ever(void **state)
{
    static const uint64_t want[12] = { 9, 8, 1, 11, 0, 7, 3, 6, 4, 5, 10, 2 };
    fixture *f = *state;
    clseq_corpus *corpus = random_corpus(f, 12, 2);
    clseq_batches_options options;
    clseq_batches *batches = NULL;
    clseq_batch batch;
    size_t n = 0;

    clseq_batches_options_init(&options);
    options.batch_tokens = 9;
    clseq_batch_init(&batch, f->ctx);
    ASSERT_OK(f->ctx, clseq_batches_create(f->ctx, corpus, &options, &batches));
    while (n < 12) {
        ASSERT_OK(f->ctx, clseq_batches_next(batches, &batch));
        for (size_t b = 0; b < batch.B; b++)
            assert_int_equal(batch.sentence[b], want[n++]);
    }
    clseq_batches_destroy(&batches);
    clseq_batch_fini(&batch);
    clseq_corpus_destroy(&corpus);
}

static void plain_order_is_the_order_of_the_corpus(void **state)
{
    fixture *f = *state;
    clseq_corpus *corpus = random_corpus(f, 95, 12);
    const clseq_batches_options options = { .batch_size = 10, .pool_batches = 3 };
    clseq_batches *batches = NULL;
    clseq_batch batch;
    uint64_t next = 0;

    clseq_batch_init(&batch, f->ctx);
    ASSERT_OK(f->ctx, clseq_batches_create(f->ctx, corpus, &options, &batches));
    for (uint64_t i = 0; i < clseq_batches_per_epoch(batches); i++) {
        ASSERT_OK(f->ctx, clseq_batches_next(batches, &batch));
        for (size_t b = 0; b < batch.B; b++)
            assert_int_equal(batch.sentence[b], next++);
    }
    assert_int_equal(next, 95);
    clseq_batches_destroy(&batches);
    clseq_batch_fini(&batch);
    clseq_corpus_destroy(&corpus);
}

static void bad_options(void **state)
{
    fixture *f = *state;
    clseq_corpus *corpus = random_corpus(f, 5, 3);
    clseq_batches_options options;
    clseq_batches *batches = NULL;
    clseq_batch_limits huge = { .S = (size_t)1 << 20, .T = 5, .B = (size_t)1 << 20 };
    clseq_batch batch;

    clseq_batches_options_init(&options);
    options.batch_size = 0;
    ASSERT_FAILS(f->ctx, CLSEQ_ERR_ARG, "batch size 0",
                 clseq_batches_create(f->ctx, corpus, &options, &batches));
    options.batch_size = SIZE_MAX / 2;
    ASSERT_FAILS(f->ctx, CLSEQ_ERR_ARG, "at most 2097152",
                 clseq_batches_create(f->ctx, corpus, &options, &batches));
    assert_null(batches);
    clseq_batch_init(&batch, f->ctx);
    ASSERT_FAILS(f->ctx, CLSEQ_ERR_LIMIT, "2^31 positions", clseq_batch_reserve(&batch, &huge));
    clseq_batch_fini(&batch);
    clseq_corpus_destroy(&corpus);
}

static void batches_of_given_sentences(void **state)
{
    static const int32_t a[] = { 7, 5, 9 }, b[] = { 5 }, bad[] = { 4, -1 };
    const clseq_sentence source[] = { { a, 3 }, { NULL, 0 }, { b, 1 } };
    const clseq_sentence target[] = { { b, 1 }, { a, 2 }, { NULL, 0 } };
    const clseq_sentence negative[] = { { bad, 2 } };
    static const int32_t want[] = { 9, 3, 5, 5, 0, 3, 7, 0, 0, 3, 0, 0 };
    static const int32_t want_out[] = { 5, 7, 3, 3, 5, 0, 0, 3, 0 };
    static const int32_t unique[] = { 3, 5, 7, 9 }, start[] = { 0, 3, 5, 6, 7 };
    static const int32_t order[] = { 1, 5, 9, 2, 3, 6, 0 };
    fixture *f = *state;
    clseq_batch batch;

    clseq_batch_init(&batch, f->ctx);
    ASSERT_OK(f->ctx, clseq_batch_from_sentences(&batch, source, NULL, 3, true));
    assert_int_equal(batch.S, 4);
    assert_int_equal(batch.T, 0);
    assert_int_equal(batch.B, 3);
    assert_int_equal(batch.N, 0);
    assert_memory_equal(batch.source, want, sizeof(want));
    assert_int_equal(batch.source_length[1], 1);
    assert_int_equal(batch.target_length[0], 0);
    assert_int_equal(batch.source_rows.unique_count, 4);
    assert_memory_equal(batch.source_rows.unique, unique, sizeof(unique));
    assert_memory_equal(batch.source_rows.start, start, sizeof(start));
    assert_memory_equal(batch.source_rows.order, order, sizeof(order));
    assert_int_equal(batch.target_rows.unique_count, 0);
    assert_int_equal(batch.target_rows.start[0], 0);
    ASSERT_OK(f->ctx, clseq_batch_from_sentences(&batch, source, target, 3, false));
    assert_int_equal(batch.source[0], 7);
    assert_int_equal(batch.T, 3);
    assert_int_equal(batch.N, 6);
    assert_memory_equal(batch.target_out, want_out, sizeof(want_out));
    ASSERT_FAILS(f->ctx, CLSEQ_ERR_ARG, "sentence 0: id -1 at position 1",
                 clseq_batch_from_sentences(&batch, negative, NULL, 1, false));
    ASSERT_FAILS(f->ctx, CLSEQ_ERR_ARG, "at least one sentence",
                 clseq_batch_from_sentences(&batch, source, NULL, 0, false));
    clseq_batch_fini(&batch);
}

/* After reserve() an epoch is filled without touching the heap. */
static void reserved_batches_stay_where_they_are(void **state)
{
    fixture *f = *state;
    clseq_corpus *corpus = random_corpus(f, 1000, 12);
    clseq_batches_options options;
    clseq_batches *batches = NULL;
    clseq_batch_limits limits;
    clseq_batch batch;
    const int32_t *words;
    const uint64_t *keys;

    clseq_batches_options_init(&options);
    options.batch_size = 16;
    ASSERT_OK(f->ctx, clseq_batches_create(f->ctx, corpus, &options, &batches));
    clseq_batches_get_limits(batches, &limits);
    clseq_batch_init(&batch, f->ctx);
    ASSERT_OK(f->ctx, clseq_batch_reserve(&batch, &limits));
    words = batch.words;
    keys = batch.keys;
    for (uint64_t i = 0; i < clseq_batches_per_epoch(batches); i++) {
        ASSERT_OK(f->ctx, clseq_batches_next(batches, &batch));
        assert_ptr_equal(batch.words, words);
        assert_ptr_equal(batch.keys, keys);
    }
    clseq_batch_fini(&batch);
    clseq_batches_destroy(&batches);
    clseq_corpus_destroy(&corpus);
}

/* Multi30k: batches of similar length hold little padding, and making them is fast. */
static void similar_length_saves_padding(void **state)
{
    fixture *f = *state;
    char source[512], target[512];
    clseq_vocab_pair_options vocab_options;
    clseq_corpus_options corpus_options;
    clseq_batches_options options;
    clseq_vocab *de = NULL, *en = NULL;
    clseq_pairs *pairs = NULL;
    clseq_corpus *corpus = NULL;
    clseq_batch batch;
    double padding[2], seconds[2];

    need_data(source, sizeof(source), "multi30k/tok/train.lc.norm.tok.de.gz");
    need_data(target, sizeof(target), "multi30k/tok/train.lc.norm.tok.en.gz");
    clseq_vocab_pair_options_init(&vocab_options);
    clseq_corpus_options_init(&corpus_options);
    corpus_options.folder = f->folder;
    ASSERT_OK(f->ctx, clseq_pairs_open(f->ctx, source, target, 0, &pairs));
    ASSERT_OK(f->ctx, clseq_vocab_create_from_pairs(f->ctx, pairs, &vocab_options, &de, &en));
    ASSERT_OK(f->ctx, clseq_corpus_create(f->ctx, pairs, de, en, &corpus_options, &corpus));
    clseq_batch_init(&batch, f->ctx);
    for (int similar = 0; similar < 2; similar++) {
        clseq_batches *batches = NULL;
        uint64_t room = 0, used = 0;
        const double start = clseq_seconds();

        clseq_batches_options_init(&options);
        options.similar_length = similar;
        ASSERT_OK(f->ctx, clseq_batches_create(f->ctx, corpus, &options, &batches));
        for (uint64_t i = 0; i < clseq_batches_per_epoch(batches); i++) {
            ASSERT_OK(f->ctx, clseq_batches_next(batches, &batch));
            room += (batch.S + batch.T) * batch.B;
            used += batch.source_rows.count + batch.N;
        }
        seconds[similar] = clseq_seconds() - start;
        padding[similar] = 1 - (double)used / (double)room;
        clseq_batches_destroy(&batches);
    }
    printf("multi30k: padding %.1f %% in random batches, %.1f %% in batches of similar length; an "
           "epoch "
           "of batches takes %.3f s and %.3f s\n",
           100 * padding[0], 100 * padding[1], seconds[0], seconds[1]);
    assert_true(padding[0] > 0.4);
    assert_true(padding[1] < 0.15);
    clseq_batch_fini(&batch);
    clseq_corpus_destroy(&corpus);
    clseq_pairs_close(&pairs);
    clseq_vocab_destroy(&de);
    clseq_vocab_destroy(&en);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(epochs_hold_each_pair_once),
        cmocka_unit_test(order_is_a_function_of_seed_and_epoch),
        cmocka_unit_test(order_is_the_same_as_ever),
        cmocka_unit_test(by_tokens),
        cmocka_unit_test(by_tokens_one_by_one),
        cmocka_unit_test(by_tokens_order),
        cmocka_unit_test(by_tokens_company),
        cmocka_unit_test(by_tokens_order_is_the_same_as_ever),
        cmocka_unit_test(plain_order_is_the_order_of_the_corpus),
        cmocka_unit_test(bad_options),
        cmocka_unit_test(batches_of_given_sentences),
        cmocka_unit_test(reserved_batches_stay_where_they_are),
        cmocka_unit_test(similar_length_saves_padding),
    };

    return cmocka_run_group_tests_name("batch", tests, fixture_create, fixture_destroy);
}
