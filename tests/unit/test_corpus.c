/* SPDX-License-Identifier: BSD-2-Clause */
#include "data_files.h"

#include "data/permutation.h"
#include "data/radix.h"

#include "base/clock.h"
#include "base/philox.h"

#include <clseq/corpus.h>

#include <signal.h>
#include <sys/resource.h>

/* A vocabulary of the tokens "a" to "z": id of a letter is letter - 'a' + 4. */
static clseq_vocab *letters(fixture *f, clseq_unit unit)
{
    static const char alphabet[26][2] = { "a", "b", "c", "d", "e", "f", "g", "h", "i",
                                          "j", "k", "l", "m", "n", "o", "p", "q", "r",
                                          "s", "t", "u", "v", "w", "x", "y", "z" };
    const char *tokens[30] = { "<pad>", "<unk>", "<s>", "</s>" };
    const clseq_text_options text = { .unit = unit };
    clseq_vocab *vocab = NULL;

    for (size_t i = 0; i < 26; i++)
        tokens[4 + i] = alphabet[i];
    ASSERT_OK(f->ctx, clseq_vocab_create_from_tokens(f->ctx, text, tokens, 30, &vocab));
    return vocab;
}

static void expect_sentence(clseq_sentence s, const char *want)
{
    assert_int_equal(s.length, strlen(want));
    for (size_t i = 0; i < s.length; i++)
        assert_int_equal(s.ids[i], want[i] == '?' ? CLSEQ_ID_UNK : want[i] - 'a' + 4);
}

static clseq_status encode(fixture *f, const char *const *source, const char *const *target,
                           size_t count, const clseq_corpus_options *options, clseq_corpus **ret)
{
    clseq_vocab *words = letters(f, CLSEQ_UNIT_WORD), *chars = letters(f, CLSEQ_UNIT_CHAR);
    clseq_pairs *pairs = NULL;
    clseq_status status;

    ASSERT_OK(f->ctx,
              clseq_pairs_create_from_strings(f->ctx, "list", source, target, count, &pairs));
    status = clseq_corpus_create(f->ctx, pairs, words, chars, options, ret);
    clseq_pairs_close(&pairs);
    clseq_vocab_destroy(&words);
    clseq_vocab_destroy(&chars);
    return status;
}

static void pairs_are_encoded_skipped_and_counted(void **state)
{
    static const char *const source[] = { "a b c", "d", "", "e f", "a b c d e", " ", "x yy" };
    static const char *const target[] = { "za", "y", "q", "", "b", "", "b-d" };
    fixture *f = *state;
    clseq_corpus_options options;
    clseq_corpus *corpus = NULL;
    clseq_corpus_stats stats;
    clseq_sentence s, t;
    uint64_t fingerprint;

    clseq_corpus_options_init(&options);
    assert_int_equal(options.max_length, 100);
    options.folder = f->folder;
    options.max_length = 4;
    ASSERT_OK(f->ctx, encode(f, source, target, 7, &options, &corpus));
    assert_int_equal(folder_count(f->folder), 0); /* nothing is left even if we die now */
    stats = clseq_corpus_get_stats(corpus);
    assert_int_equal(stats.read, 7);
    assert_int_equal(stats.kept, 3);
    assert_int_equal(stats.skipped_empty, 3);
    assert_int_equal(stats.skipped_long, 1);
    assert_int_equal(stats.source_tokens, 6);
    assert_int_equal(stats.target_tokens, 6);
    assert_int_equal(stats.source_unknown, 1);
    assert_int_equal(stats.target_unknown, 1);
    assert_int_equal(stats.longest_source, 3);
    assert_int_equal(stats.longest_target, 3);
    assert_int_equal(clseq_corpus_size(corpus), 3);
    clseq_corpus_pair(corpus, 0, &s, &t);
    expect_sentence(s, "abc");
    expect_sentence(t, "za");
    clseq_corpus_pair(corpus, 2, &s, &t);
    expect_sentence(s, "x?");
    expect_sentence(t, "b?d");
    fingerprint = clseq_corpus_fingerprint(corpus);
    clseq_corpus_destroy(&corpus);

    ASSERT_OK(f->ctx, encode(f, source, target, 7, &options, &corpus));
    assert_true(clseq_corpus_fingerprint(corpus) == fingerprint);
    clseq_corpus_destroy(&corpus);
    options.reverse_source = true;
    ASSERT_OK(f->ctx, encode(f, source, target, 7, &options, &corpus));
    clseq_corpus_pair(corpus, 0, &s, &t);
    expect_sentence(s, "cba");
    expect_sentence(t, "za");
    assert_true(clseq_corpus_fingerprint(corpus) != fingerprint);
    clseq_corpus_destroy(&corpus);
    options.reverse_source = false;
    ASSERT_OK(f->ctx, encode(f, source, target, 6, &options, &corpus));
    assert_true(clseq_corpus_fingerprint(corpus) != fingerprint);
    clseq_corpus_destroy(&corpus);
}

/* Moving a token over the border between source and target must show. */
static void fingerprint_sees_lengths(void **state)
{
    static const char *const source[] = { "a b", "a" }, *const target[] = { "c", "bc" };
    fixture *f = *state;
    clseq_corpus_options options;
    uint64_t fingerprint[2];

    clseq_corpus_options_init(&options);
    options.folder = f->folder;
    for (size_t i = 0; i < 2; i++) {
        clseq_corpus *corpus = NULL;

        ASSERT_OK(f->ctx, encode(f, source + i, target + i, 1, &options, &corpus));
        fingerprint[i] = clseq_corpus_fingerprint(corpus);
        clseq_corpus_destroy(&corpus);
    }
    assert_true(fingerprint[0] != fingerprint[1]);
}

static void bad_options_and_empty_results(void **state)
{
    static const char *const source[] = { "a b", "" }, *const target[] = { "c", "bc" };
    fixture *f = *state;
    clseq_corpus_options options;
    clseq_corpus *corpus = NULL;

    clseq_corpus_options_init(&options);
    options.folder = f->folder;
    options.max_length = 1;
    ASSERT_FAILS(f->ctx, CLSEQ_ERR_DATA,
                 "list: no sentence pair is left: of 2 pairs 1 have an empty side and 1",
                 encode(f, source, target, 2, &options, &corpus));
    options.max_length = 0;
    ASSERT_FAILS(f->ctx, CLSEQ_ERR_ARG, "--max-length 0",
                 encode(f, source, target, 2, &options, &corpus));
    options.max_length = (size_t)CLSEQ_LENGTH_LIMIT + 1;
    ASSERT_FAILS(f->ctx, CLSEQ_ERR_ARG, "1 to 1000000",
                 encode(f, source, target, 2, &options, &corpus));
    options.max_length = 100;
    options.folder = "/nowhere/run";
    ASSERT_FAILS(f->ctx, CLSEQ_ERR_IO, "/nowhere/run: cannot create a file for the encoded text",
                 encode(f, source, target, 2, &options, &corpus));
    assert_null(corpus);
}

static void text_errors_name_the_place(void **state)
{
    fixture *f = *state;
    clseq_vocab *words = letters(f, CLSEQ_UNIT_WORD), *made[2] = { NULL, NULL };
    clseq_vocab_pair_options pair_options;
    clseq_corpus_options options;
    clseq_corpus *corpus = NULL;
    clseq_pairs *pairs = NULL;
    char marks[2000] = "ok\nx";
    const char *const source[] = { "a", "a" }, *const target[] = { "b", "\xe4" };

    clseq_corpus_options_init(&options);
    clseq_vocab_pair_options_init(&pair_options);
    options.folder = f->folder;
    for (size_t i = 0; i < 900; i++)
        memcpy(marks + 4 + 2 * i, "\xcc\x81", 2);
    ASSERT_OK(f->ctx, clseq_pairs_open(f->ctx, make_text(f, "s", "a\nb\n"),
                                       make_text(f, "t", marks), 0, &pairs));
    ASSERT_FAILS(f->ctx, CLSEQ_ERR_DATA, "/t:2: more than 256 combining marks",
                 clseq_corpus_create(f->ctx, pairs, words, words, &options, &corpus));
    ASSERT_FAILS(f->ctx, CLSEQ_ERR_DATA, "/t:2: more than 256 combining marks",
                 clseq_vocab_create_from_pairs(f->ctx, pairs, &pair_options, &made[0], &made[1]));
    clseq_pairs_close(&pairs);
    ASSERT_OK(f->ctx, clseq_pairs_create_from_strings(f->ctx, "list", source, target, 2, &pairs));
    ASSERT_FAILS(f->ctx, CLSEQ_ERR_DATA, "list:2: byte 1 (0xe4) is not valid UTF-8",
                 clseq_corpus_create(f->ctx, pairs, words, words, &options, &corpus));
    clseq_pairs_close(&pairs);
    ASSERT_OK(f->ctx, clseq_pairs_open(f->ctx, make_text(f, "s", "a a\nb\n"),
                                       make_text(f, "t", "x\ny\n"), 0, &pairs));
    ASSERT_FAILS(f->ctx, CLSEQ_ERR_DATA, "target side of /tmp",
                 clseq_vocab_create_from_pairs(f->ctx, pairs, &pair_options, &made[0], &made[1]));
    clseq_pairs_close(&pairs);
    /* Standard input is fine for one reading, not for two. */
    ASSERT_OK(f->ctx, clseq_pairs_open(f->ctx, "-", NULL, 0, &pairs));
    ASSERT_FAILS(f->ctx, CLSEQ_ERR_DATA, "standard input can be read only once",
                 clseq_vocab_create_from_pairs(f->ctx, pairs, &pair_options, &made[0], &made[1]));
    clseq_pairs_close(&pairs);
    assert_null(made[0]);
    assert_null(made[1]);
    assert_null(corpus);
    clseq_vocab_destroy(&words);
}

/* Pairs made up without end, for sizes that no test data has. */
typedef struct made_pairs {
    uint64_t number, count;
    char source[64], target[64];
} made_pairs;

static clseq_status next_made(void *user, clseq_pair *pair, bool *more)
{
    made_pairs *m = user;
    const size_t length = 1 + (size_t)clseq_random_below(3, CLSEQ_RANDOM_TEST, 1, m->number, 20);

    *more = m->number < m->count;
    for (size_t i = 0; i < length; i++) {
        m->source[2 * i] = (char)('a' + (m->number >> i) % 26);
        m->source[2 * i + 1] = ' ';
        m->target[i] = (char)('a' + (m->number >> i) % 23);
    }
    *pair = (clseq_pair) { .source = m->source,
                           .target = m->target,
                           .source_length = 2 * length,
                           .target_length = length };
    m->number++;
    return CLSEQ_OK;
}

static clseq_status rewind_made(void *user)
{
    ((made_pairs *)user)->number = 0;
    return CLSEQ_OK;
}

static clseq_status encode_made(fixture *f, uint64_t count, const char *folder, clseq_corpus **ret)
{
    made_pairs made = { .count = count };
    const clseq_pair_generator generator = { &made, "made", next_made, rewind_made };
    clseq_vocab *words = letters(f, CLSEQ_UNIT_WORD), *chars = letters(f, CLSEQ_UNIT_CHAR);
    clseq_corpus_options options;
    clseq_pairs *pairs = NULL;
    clseq_status status;

    clseq_corpus_options_init(&options);
    options.folder = folder;
    ASSERT_OK(f->ctx, clseq_pairs_create_from_generator(f->ctx, &generator, &pairs));
    status = clseq_corpus_create(f->ctx, pairs, words, chars, &options, ret);
    clseq_pairs_close(&pairs);
    clseq_vocab_destroy(&words);
    clseq_vocab_destroy(&chars);
    return status;
}

/* A file size limit stands in for a full disk: the same failing write(). */
static void full_disk_is_reported(void **state)
{
    fixture *f = *state;
    clseq_corpus *corpus = NULL;
    struct rlimit old, small;
    clseq_status status;

    signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &old), 0);
    small = old;
    small.rlim_cur = 3 << 20;
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
    status = encode_made(f, 100000, f->folder, &corpus);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &old), 0);
    ASSERT_FAILS(f->ctx, CLSEQ_ERR_IO, "cannot write the encoded text", status);
    assert_null(corpus);
    assert_int_equal(folder_count(f->folder), 0);
}

/* "Vm..."/"Rss..." of /proc/self/status in KiB; -1 where there is none. */
static long memory_kib(const char *name)
{
    FILE *file = fopen("/proc/self/status", "r");
    char line[256];
    long value = -1;

    while (file && fgets(line, sizeof(line), file)) {
        if (strncmp(line, name, strlen(name)) == 0)
            value = atol(line + strlen(name));
    }
    if (file)
        fclose(file);
    return value;
}

/* Encode and read half a million pairs (50 MB): the heap must not grow with them. */
static void memory_is_bounded(void **state)
{
    fixture *f = *state;
    clseq_corpus *corpus = NULL;
    clseq_batches *batches = NULL;
    clseq_batches_options options;
    clseq_batch batch;
    uint64_t tokens = 0;
    long before, after;

    before = memory_kib("RssAnon:");
    if (before < 0) {
        printf("skipped: no /proc/self/status to measure memory with\n");
        skip();
    }
    ASSERT_OK(f->ctx, encode_made(f, 500000, f->folder, &corpus));
    clseq_batches_options_init(&options);
    ASSERT_OK(f->ctx, clseq_batches_create(f->ctx, corpus, &options, &batches));
    clseq_batch_init(&batch, f->ctx);
    for (uint64_t i = 0; i < clseq_batches_per_epoch(batches); i++) {
        ASSERT_OK(f->ctx, clseq_batches_next(batches, &batch));
        tokens += batch.N - batch.B;
    }
    after = memory_kib("RssAnon:");
    assert_true(tokens == clseq_corpus_get_stats(corpus).target_tokens);
    printf("corpus of %llu tokens: memory of our own grew by %ld KiB\n",
           (unsigned long long)(tokens + clseq_corpus_get_stats(corpus).source_tokens),
           after - before);
    assert_true(after - before < 8192);
    clseq_batch_fini(&batch);
    clseq_batches_destroy(&batches);
    clseq_corpus_destroy(&corpus);
}

static void permutation_is_a_bijection(void **state)
{
    for (uint64_t n = 1; n <= 3000; n = n < 300 ? n + 1 : n + 97) {
        unsigned char *seen = calloc((size_t)n, 1);
        clseq_permutation p;

        assert_non_null(seen);
        clseq_permutation_init(&p, n * 31, (uint32_t)n, n);
        for (uint64_t i = 0; i < n; i++) {
            const uint64_t at = clseq_permutation_at(&p, i);

            assert_true(at < n);
            assert_int_equal(seen[at]++, 0);
        }
        free(seen);
    }
}

/* Large n cannot be listed: different positions must stay different and in range. */
static void permutation_of_huge_n(void **state)
{
    const uint64_t sizes[] = { UINT64_C(1) << 32, (UINT64_C(1) << 32) + 1, (UINT64_C(1) << 53) - 3,
                               (UINT64_C(1) << 62) + 12345 };

    for (size_t k = 0; k < CLSEQ_ARRAY_SIZE(sizes); k++) {
        uint64_t seen[4096], scratch[4096];
        clseq_permutation p;

        clseq_permutation_init(&p, 5, 6, sizes[k]);
        for (uint64_t i = 0; i < 4096; i++) {
            seen[i] = clseq_permutation_at(&p, i * (sizes[k] / 4096));
            assert_true(seen[i] < sizes[k]);
        }
        clseq_radix_sort(seen, scratch, 4096, 0);
        for (size_t i = 1; i < 4096; i++)
            assert_true(seen[i - 1] < seen[i]);
    }
}

/* Over many epochs every element reaches every place about equally often: chi-square with (n-1)^2
 * degrees of freedom, mean (n-1)^2, variance about twice that; six standard deviations. */
static void permutation_is_uniform(void **state)
{
    for (uint64_t n = 2; n <= 40; n += n < 8 ? 1 : 9) {
        const uint32_t epochs = 20000;
        unsigned count[41][41] = { { 0 } };
        const double expected = (double)epochs / (double)n, df = (double)((n - 1) * (n - 1));
        double chi = 0;

        for (uint32_t epoch = 0; epoch < epochs; epoch++) {
            clseq_permutation p;

            clseq_permutation_init(&p, 1, epoch, n);
            for (uint64_t i = 0; i < n; i++)
                count[i][clseq_permutation_at(&p, i)]++;
        }
        for (uint64_t i = 0; i < n; i++) {
            for (uint64_t j = 0; j < n; j++)
                chi += (count[i][j] - expected) * (count[i][j] - expected) / expected;
        }
        /* (chi - df)^2 < 36 * 2 df, or below the mean; at least 30 for very few degrees. */
        if (chi > df + 30 && (chi - df) * (chi - df) > 72 * df)
            fail_msg("n = %d: chi-square %g with %g degrees of freedom", (int)n, chi, df);
    }
}

static void radix_sort_is_stable(void **state)
{
    uint64_t keys[3000], scratch[3000];

    for (unsigned first = 0; first <= 40; first += 20) {
        for (size_t i = 0; i < 3000; i++)
            keys[i] = (clseq_random_u64(2, CLSEQ_RANDOM_TEST, first, i) >> 24 << 20) %
                          (UINT64_C(1) << 50) |
                      i;
        clseq_radix_sort(keys, scratch, 3000, first);
        for (size_t i = 1; i < 3000; i++) {
            assert_true(keys[i - 1] >> first <= keys[i] >> first);
            if (keys[i - 1] >> first == keys[i] >> first && first == 20)
                assert_true(keys[i - 1] < keys[i]);
        }
    }
    clseq_radix_sort(keys, scratch, 0, 0);
    clseq_radix_sort(keys, scratch, 1, 0);
}

static void multi30k(void **state)
{
    fixture *f = *state;
    char path[4][512];
    clseq_vocab_pair_options vocab_options;
    clseq_corpus_options options;
    clseq_vocab *de = NULL, *en = NULL;
    clseq_pairs *pairs = NULL;
    clseq_corpus *corpus = NULL;
    clseq_corpus_stats stats;
    double start, first, second;

    need_data(path[0], 512, "multi30k/tok/train.lc.norm.tok.de.gz");
    need_data(path[1], 512, "multi30k/tok/train.lc.norm.tok.en.gz");
    need_data(path[2], 512, "multi30k/tok/val.lc.norm.tok.de.gz");
    need_data(path[3], 512, "multi30k/tok/val.lc.norm.tok.en.gz");
    clseq_vocab_pair_options_init(&vocab_options);
    clseq_corpus_options_init(&options);
    options.folder = f->folder;
    ASSERT_OK(f->ctx, clseq_pairs_open(f->ctx, path[0], path[1], 0, &pairs));
    start = clseq_seconds();
    ASSERT_OK(f->ctx, clseq_vocab_create_from_pairs(f->ctx, pairs, &vocab_options, &de, &en));
    first = clseq_seconds() - start;
    start = clseq_seconds();
    ASSERT_OK(f->ctx, clseq_corpus_create(f->ctx, pairs, de, en, &options, &corpus));
    second = clseq_seconds() - start;
    stats = clseq_corpus_get_stats(corpus);
    printf("multi30k: %llu tokens; vocabulary %.2f s, encoding %.2f s, %.1f million tokens/s\n",
           (unsigned long long)(stats.source_tokens + stats.target_tokens), first, second,
           1e-6 * (double)(stats.source_tokens + stats.target_tokens) / second);
    assert_int_equal(stats.kept, 29000);
    assert_int_equal(stats.source_tokens, 360706);
    assert_int_equal(stats.target_tokens, 377534);
    assert_int_equal(stats.longest_source, 44);
    assert_int_equal(stats.longest_target, 40);
    assert_int_equal(stats.source_unknown, clseq_vocab_get_coverage(de).unknown_tokens);
    assert_int_equal(stats.target_unknown, clseq_vocab_get_coverage(en).unknown_tokens);
    clseq_corpus_destroy(&corpus);
    clseq_pairs_close(&pairs);
    /* The validation set with the vocabularies of the training set. */
    ASSERT_OK(f->ctx, clseq_pairs_open(f->ctx, path[2], path[3], 0, &pairs));
    ASSERT_OK(f->ctx, clseq_corpus_create(f->ctx, pairs, de, en, &options, &corpus));
    assert_int_equal(clseq_corpus_size(corpus), 1014);
    clseq_corpus_destroy(&corpus);
    clseq_pairs_close(&pairs);
    clseq_vocab_destroy(&de);
    clseq_vocab_destroy(&en);
}

/* Characters to phones: the two sides have different units. */
static void sigmorphon(void **state)
{
    fixture *f = *state;
    char path[512];
    clseq_vocab_pair_options vocab_options;
    clseq_corpus_options options;
    clseq_vocab *letter = NULL, *phone = NULL;
    clseq_pairs *pairs = NULL;
    clseq_corpus *corpus = NULL;
    clseq_sentence s, t;
    clseq_text text = { 0 };

    need_data(path, sizeof(path), "g2p-sigmorphon/2021_medium_hun_train.tsv.gz");
    clseq_vocab_pair_options_init(&vocab_options);
    vocab_options.source_text.unit = CLSEQ_UNIT_CHAR;
    clseq_corpus_options_init(&options);
    options.folder = f->folder;
    ASSERT_OK(f->ctx, clseq_pairs_open(f->ctx, path, NULL, 0, &pairs));
    ASSERT_OK(f->ctx,
              clseq_vocab_create_from_pairs(f->ctx, pairs, &vocab_options, &letter, &phone));
    ASSERT_OK(f->ctx, clseq_corpus_create(f->ctx, pairs, letter, phone, &options, &corpus));
    assert_int_equal(clseq_corpus_size(corpus), 8000);
    clseq_corpus_pair(corpus, 0, &s, &t);
    ASSERT_OK(f->ctx, clseq_vocab_decode(letter, s.ids, s.length, &text));
    assert_string_equal(text.data, "abba");
    ASSERT_OK(f->ctx, clseq_vocab_decode(phone, t.ids, t.length, &text));
    assert_string_equal(text.data, "\xc9\x92 b\xcb\x90 \xc9\x92");
    clseq_text_fini(&text);
    clseq_corpus_destroy(&corpus);
    clseq_pairs_close(&pairs);
    clseq_vocab_destroy(&letter);
    clseq_vocab_destroy(&phone);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pairs_are_encoded_skipped_and_counted),
        cmocka_unit_test(fingerprint_sees_lengths),
        cmocka_unit_test(bad_options_and_empty_results),
        cmocka_unit_test(full_disk_is_reported),
        cmocka_unit_test(text_errors_name_the_place),
        cmocka_unit_test(memory_is_bounded),
        cmocka_unit_test(permutation_is_a_bijection),
        cmocka_unit_test(permutation_of_huge_n),
        cmocka_unit_test(permutation_is_uniform),
        cmocka_unit_test(radix_sort_is_stable),
        cmocka_unit_test(multi30k),
        cmocka_unit_test(sigmorphon),
    };

    return cmocka_run_group_tests_name("corpus", tests, fixture_create, fixture_destroy);
}
