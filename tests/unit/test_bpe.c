/* SPDX-License-Identifier: BSD-2-Clause */
/* Byte pair encoding: subword-nmt's own files, cases worked out by hand, damaged files. */
#include "data_files.h"

#include "base/philox.h"

#include <clseq/subword.h>

static clseq_bpe *make(fixture *f, const char *codes, const clseq_bpe_options *options)
{
    clseq_bpe *bpe = NULL;

    ASSERT_OK(f->ctx, clseq_bpe_create_from_memory(f->ctx, "made.codes", codes, strlen(codes),
                                                   options, &bpe));
    return bpe;
}

static void expect(fixture *f, const clseq_bpe *bpe, const char *line, const char *want)
{
    clseq_text text = { 0 };

    ASSERT_OK(f->ctx, clseq_bpe_apply(bpe, line, strlen(line), NULL, &text));
    assert_string_equal(text.data, want);
    assert_int_equal(text.size, strlen(want));
    clseq_text_fini(&text);
}

static clseq_lines *open_data(fixture *f, const char *name)
{
    clseq_lines *lines = NULL;
    char path[512];

    need_data(path, sizeof(path), name);
    ASSERT_OK(f->ctx, clseq_lines_open(f->ctx, path, 0, &lines));
    return lines;
}

/* ---- subword-nmt's own files ---- */

static void learns_the_same_merges(void **state)
{
    fixture *f = *state;
    clseq_lines *corpus = open_data(f, "subword/subword-nmt_corpus.en.gz");
    clseq_lines *codes = open_data(f, "subword/subword-nmt_bpe.ref");
    clseq_bpe_learner *learner = NULL;
    clseq_text got = { 0 }, want = { 0 };
    const char *line = NULL;
    size_t n = 0, learnt = 0;
    bool more = false;

    ASSERT_OK(f->ctx, clseq_bpe_learner_create(f->ctx, &learner));
    for (;;) {
        ASSERT_OK(f->ctx, clseq_lines_next(corpus, &line, &n, &more));
        if (!more)
            break;
        ASSERT_OK(f->ctx, clseq_bpe_learner_add(learner, line, n));
    }
    ASSERT_OK(f->ctx, clseq_bpe_learner_learn(learner, 1000, 2, &got, &learnt));
    assert_int_equal(learnt, 1000);
    for (;;) {
        ASSERT_OK(f->ctx, clseq_lines_next(codes, &line, &n, &more));
        if (!more)
            break;
        want.data = realloc(want.data, want.size + n + 2);
        assert_non_null(want.data);
        want.size += (size_t)sprintf(want.data + want.size, "%s\n", line);
    }
    assert_int_equal(clseq_lines_number(codes), 1001);
    assert_string_equal(got.data, want.data);
    clseq_bpe_learner_destroy(&learner);
    assert_null(learner);
    clseq_text_fini(&got);
    clseq_text_fini(&want);
    clseq_lines_close(&corpus);
    clseq_lines_close(&codes);
}

static void cuts_the_same_pieces(void **state)
{
    fixture *f = *state;
    clseq_lines *corpus = open_data(f, "subword/subword-nmt_corpus.en.gz");
    clseq_lines *cut = open_data(f, "subword/subword-nmt_corpus.bpe.ref.en.gz");
    clseq_text text = { 0 }, joined = { 0 };
    const char *line = NULL, *want = NULL;
    size_t n = 0, want_n = 0;
    bool more = false, more_cut = false;
    clseq_bpe *bpe = NULL;
    char path[512];

    need_data(path, sizeof(path), "subword/subword-nmt_bpe.ref");
    ASSERT_OK(f->ctx, clseq_bpe_load(f->ctx, path, NULL, &bpe));
    assert_int_equal(clseq_bpe_size(bpe), 1000);
    for (;;) {
        ASSERT_OK(f->ctx, clseq_lines_next(corpus, &line, &n, &more));
        ASSERT_OK(f->ctx, clseq_lines_next(cut, &want, &want_n, &more_cut));
        assert_int_equal(more, more_cut);
        if (!more)
            break;
        ASSERT_OK(f->ctx, clseq_bpe_apply(bpe, line, n, NULL, &text));
        if (text.size != want_n || memcmp(text.data, want, want_n) != 0)
            fail_msg("line %d:\n%s\nwanted\n%s", (int)clseq_lines_number(cut), text.data, want);
        ASSERT_OK(f->ctx, clseq_bpe_undo(f->ctx, NULL, text.data, text.size, &joined));
        assert_string_equal(joined.data, line);
    }
    printf("subword-nmt: %d lines\n", (int)clseq_lines_number(cut));
    assert_true(clseq_lines_number(cut) > 0);
    /* White space at the ends is kept, and only spaces and line ends count as such. */
    expect(f, bpe, "  iron cement  ", "  ir@@ on c@@ ement  ");
    expect(f, bpe,
           "iron\xc2\xa0"
           "cement",
           "ir@@ on@@ \xc2\xa0@@ c@@ ement");
    expect(f, bpe, "iron   cement\r", "ir@@ on c@@ ement\r");
    expect(f, bpe, "", "");
    expect(f, bpe, "   ", "   ");
    clseq_bpe_destroy(&bpe);
    assert_null(bpe);
    clseq_text_fini(&text);
    clseq_text_fini(&joined);
    clseq_lines_close(&corpus);
    clseq_lines_close(&cut);
}

static void real_files_are_read_or_refused(void **state)
{
    fixture *f = *state;
    clseq_bpe_options options;
    clseq_bpe *bpe = NULL;
    char path[512], vocabulary[512];

    need_data(path, sizeof(path), "subword/onmt_bpe_code.v0.2");
    need_data(vocabulary, sizeof(vocabulary), "subword/onmt_vocab.en");
    clseq_bpe_options_init(&options);
    options.vocabulary_path = vocabulary;
    options.vocabulary_threshold = 100;
    ASSERT_OK(f->ctx, clseq_bpe_load(f->ctx, path, &options, &bpe));
    clseq_bpe_destroy(&bpe);
    need_data(path, sizeof(path), "subword/joeynmt_bpe200.codes");
    ASSERT_OK(f->ctx, clseq_bpe_load(f->ctx, path, NULL, &bpe));
    clseq_bpe_destroy(&bpe);
    need_data(path, sizeof(path), "subword/onmt_codes_suffix_case_insensitive.fr");
    ASSERT_FAILS(f->ctx, CLSEQ_ERR_FORMAT, "insensitive.fr:1: this is a codes file of OpenNMT",
                 clseq_bpe_load(f->ctx, path, NULL, &bpe));
    /* A list of pieces is no codes file. */
    need_data(path, sizeof(path), "subword/joeynmt_bpe200.txt");
    ASSERT_FAILS(f->ctx, CLSEQ_ERR_FORMAT,
                 "joeynmt_bpe200.txt:1: ", clseq_bpe_load(f->ctx, path, NULL, &bpe));
}

/* ---- applying ---- */

static void merges_by_rank(void **state)
{
    fixture *f = *state;
    clseq_bpe *bpe = make(f, "#version: 0.2\na b\nab ab</w>\nx x\nb c\na b\n", NULL);

    assert_int_equal(clseq_bpe_size(bpe), 4);
    expect(f, bpe, "abc ababab", "ab@@ c ab@@ ab@@ a@@ b");
    expect(f, bpe, "xxxxx bc", "xx@@ xx@@ x b@@ c");
    expect(f, bpe, "q \xc3\xa9\xc3\xa9", "q \xc3\xa9@@ \xc3\xa9");
    clseq_bpe_destroy(&bpe);

    /* Both places of a rank are merged before what the first one makes is looked at. */
    bpe = make(f, "#version: 0.2\nabc ab\nab c\na b\n", NULL);
    expect(f, bpe, "abcabcd", "abc@@ abc@@ d");
    clseq_bpe_destroy(&bpe);

    /* Version 0.1: the end of a word is a symbol of its own. */
    bpe = make(f, "b </w>\na b\nb c\n", NULL);
    expect(f, bpe, "bcab abc", "bc@@ a@@ b ab@@ c");
    clseq_bpe_destroy(&bpe);
}

static void options_are_kept(void **state)
{
    static const char *const glossaries[] = { "like", "Manuel", "USA" };
    static const char *const patterns[] = { "li[a-z]+e", "[A-Z]+", "o?r." };
    static const char codes[] = "#version: 0.2\nw o\nwo r\nwor d\nwor d</w>\nl i\n";
    fixture *f = *state;
    clseq_bpe_options options;
    clseq_bpe *bpe;

    clseq_bpe_options_init(&options);
    options.glossaries = glossaries;
    options.glossary_count = 3;
    bpe = make(f, codes, &options);
    expect(f, bpe, "wordlikeUSAwordManuelManuelwordUSA like li",
           "word@@ like@@ USA@@ word@@ Manuel@@ Manuel@@ word@@ USA like l@@ i");
    clseq_bpe_destroy(&bpe);

    /* Patterns, as subword-nmt cuts with them. */
    options.glossaries = patterns;
    options.glossary_patterns = true;
    bpe = make(f, codes, &options);
    expect(
        f, bpe, "wordlikeUSAwordManuel wordword liveX li word",
        "w@@ ord@@ like@@ USA@@ w@@ ord@@ M@@ a@@ n@@ u@@ e@@ l w@@ ord@@ w@@ ord live@@ X l@@ i "
        "w@@ ord");
    clseq_bpe_destroy(&bpe);

    clseq_bpe_options_init(&options);
    options.merges = 2;
    options.separator = "~";
    bpe = make(f, codes, &options);
    expect(f, bpe, "words", "wor~ d~ s");
    clseq_bpe_destroy(&bpe);

    clseq_bpe_options_init(&options);
    options.vocabulary_path =
        make_text(f, "vocabulary", "word 10\nwo@@ 9\nr@@ 8\nwor@@ 1\nd@@\t7\n");
    options.vocabulary_threshold = 5;
    bpe = make(f, codes, &options);
    /* "wor@@" is too rare: it becomes "wo@@ r@@"; "word" ends a word, "word@@" does not. */
    expect(f, bpe, "word words", "word wo@@ r@@ d@@ s");
    clseq_bpe_destroy(&bpe);
    options.separator = "a b";
    ASSERT_FAILS(f->ctx, CLSEQ_ERR_ARG, "separator",
                 clseq_bpe_create_from_memory(f->ctx, "x", codes, 10, &options, &bpe));
}

static void dropout_is_a_function_of_its_seed(void **state)
{
    static const char line[] = "ababababab abab";
    fixture *f = *state;
    clseq_bpe_dropout dropout = { .seed = 5, .probability = 1.0 };
    clseq_text text = { 0 }, again = { 0 }, joined = { 0 };
    clseq_bpe *bpe = make(f, "#version: 0.2\na b\nab ab\nab ab</w>\na b</w>\nabab ab</w>\n", NULL);
    int different = 0;

    ASSERT_OK(f->ctx, clseq_bpe_apply(bpe, line, strlen(line), &dropout, &text));
    assert_string_equal(text.data, "a@@ b@@ a@@ b@@ a@@ b@@ a@@ b@@ a@@ b a@@ b@@ a@@ b");
    dropout.probability = 0.0;
    ASSERT_OK(f->ctx, clseq_bpe_apply(bpe, line, strlen(line), &dropout, &text));
    expect(f, bpe, line, text.data);
    dropout.probability = 0.4;
    for (dropout.line = 0; dropout.line < 200; dropout.line++) {
        ASSERT_OK(f->ctx, clseq_bpe_apply(bpe, line, strlen(line), &dropout, &again));
        different += dropout.line > 0 && strcmp(text.data, again.data) != 0;
        ASSERT_OK(f->ctx, clseq_bpe_apply(bpe, line, strlen(line), &dropout, &text));
        assert_string_equal(text.data, again.data);
        ASSERT_OK(f->ctx, clseq_bpe_undo(f->ctx, "@@", text.data, text.size, &joined));
        assert_string_equal(joined.data, line);
    }
    assert_true(different > 150);
    dropout.probability = 1.5;
    ASSERT_FAILS(f->ctx, CLSEQ_ERR_ARG, "0 to 1", clseq_bpe_apply(bpe, "a", 1, &dropout, &text));
    clseq_text_fini(&text);
    clseq_text_fini(&again);
    clseq_text_fini(&joined);
    clseq_bpe_destroy(&bpe);
}

static void dropout_has_its_rate(void **state)
{
    fixture *f = *state;
    clseq_bpe_dropout dropout = { .seed = 9, .probability = 0.3 };
    clseq_bpe *bpe = make(f, "#version: 0.2\na b</w>\n", NULL);
    clseq_text text = { 0 };
    int merged = 0;

    for (dropout.line = 0; dropout.line < 10000; dropout.line++) {
        ASSERT_OK(f->ctx, clseq_bpe_apply(bpe, "ab", 2, &dropout, &text));
        merged += text.size == 2;
    }
    /* 7000 are expected, the standard deviation is 46. */
    assert_true(merged > 6750 && merged < 7250);
    clseq_text_fini(&text);
    clseq_bpe_destroy(&bpe);
}

static void any_bytes_of_any_length(void **state)
{
    const size_t n = (size_t)1 << 20;
    fixture *f = *state;
    clseq_bpe *bpe = make(f, "#version: 0.2\na a\naa aa\naaaa aaaa\nb a\n", NULL);
    const clseq_bpe_dropout dropout = { .probability = 0.5 };
    clseq_text text = { 0 }, joined = { 0 };
    char *line = malloc(n);

    assert_non_null(line);
    memset(line, 'a', n);
    ASSERT_OK(f->ctx, clseq_bpe_apply(bpe, line, n, NULL, &text));
    assert_int_equal(text.size, n + (n / 8 + 2) * 3); /* ... aaaa@@ aa@@ a@@ a */
    ASSERT_OK(f->ctx, clseq_bpe_apply(bpe, line, n, &dropout, &joined));
    assert_int_equal(joined.size, text.size);
    for (uint64_t i = 0; i < 4096; i++) {
        line[i] = (char)clseq_random_u64(7, CLSEQ_RANDOM_TEST, 0, i);
        line[i] = line[i] == ' ' || line[i] == '@' ? 'x' : line[i];
    }
    ASSERT_OK(f->ctx, clseq_bpe_apply(bpe, line, 4096, NULL, &text));
    ASSERT_OK(f->ctx, clseq_bpe_undo(f->ctx, NULL, text.data, text.size, &joined));
    assert_int_equal(joined.size, 4096);
    assert_memory_equal(joined.data, line, 4096);
    free(line);
    clseq_text_fini(&text);
    clseq_text_fini(&joined);
    clseq_bpe_destroy(&bpe);
}

static void undo_takes_out_separators(void **state)
{
    static const char *const cases[][2] = {
        { "ir@@ on c@@ ement", "iron cement" },
        { "a@@b c@@", "a@@b c" },
        { "a@@@ b@@ ", "a@b" },
        { "", "" },
        { "@@", "" },
        { "a @ b", "a @ b" },
    };
    fixture *f = *state;
    clseq_text text = { 0 };

    for (size_t i = 0; i < CLSEQ_ARRAY_SIZE(cases); i++) {
        ASSERT_OK(f->ctx, clseq_bpe_undo(f->ctx, NULL, cases[i][0], strlen(cases[i][0]), &text));
        assert_string_equal(text.data, cases[i][1]);
    }
    ASSERT_OK(f->ctx, clseq_bpe_undo(f->ctx, "~", "a~ b@@ c", 8, &text));
    assert_string_equal(text.data, "ab@@ c");
    clseq_text_fini(&text);
}

/* ---- damaged files ---- */

static void refused(fixture *f, const char *codes, const char *part)
{
    const char *path = make_text(f, "bad.codes", codes);
    clseq_bpe *bpe = NULL;

    ASSERT_FAILS(f->ctx, CLSEQ_ERR_FORMAT, part, clseq_bpe_load(f->ctx, path, NULL, &bpe));
    ASSERT_FAILS(
        f->ctx, CLSEQ_ERR_FORMAT, part,
        clseq_bpe_create_from_memory(f->ctx, "bad.codes", codes, strlen(codes), NULL, &bpe));
    assert_null(bpe);
}

static void damaged_files_are_refused(void **state)
{
    fixture *f = *state;
    clseq_bpe_options options;
    clseq_bpe *bpe = NULL;

    refused(f, "", "bad.codes: no merges");
    refused(f, "#version: 0.2\n", "no merges");
    refused(f, "#version: 0.3\na b\n", "bad.codes:1: \"#version: 0.3\"");
    refused(f, "#version: 2\na b\n", "bad.codes:1: ");
    refused(f, "#version: 0.20\na b\n", "bad.codes:1: ");
    refused(f, "v3;false;true;true;<w>;</w>\na b\n",
            "bad.codes:1: this is a codes file of OpenNMT");
    refused(f, "#version: 0.2\na b\nab\n", "bad.codes:3: the line has one symbol");
    refused(f, "#version: 0.2\na b\na b c\n", "bad.codes:3: the line has more than one space");
    refused(f, "a b\na  b\n", "bad.codes:2: the line has more than one space");
    refused(f, "a b\n\nc d\n", "bad.codes:2: the line is empty");
    ASSERT_FAILS(f->ctx, CLSEQ_ERR_DATA, "not valid UTF-8",
                 clseq_bpe_create_from_memory(f->ctx, "bad", "a \xff\n", 4, NULL, &bpe));
    ASSERT_FAILS(f->ctx, CLSEQ_ERR_IO, "none.codes",
                 clseq_bpe_load(f->ctx, "none.codes", NULL, &bpe));
    /* These are fine. */
    bpe = make(f, "#version: 0.2.0\r\na b\r\n\n\n", NULL);
    assert_int_equal(clseq_bpe_size(bpe), 1);
    clseq_bpe_destroy(&bpe);

    clseq_bpe_options_init(&options);
    options.vocabulary_path = make_text(f, "bad.vocab", "a 3\nb c\n");
    ASSERT_FAILS(f->ctx, CLSEQ_ERR_FORMAT, "bad.vocab:2: ",
                 clseq_bpe_create_from_memory(f->ctx, "x", "a b", 3, &options, &bpe));
    options.vocabulary_path = make_text(f, "bad.vocab", "a 3 4\n");
    ASSERT_FAILS(f->ctx, CLSEQ_ERR_FORMAT, "bad.vocab:1: ",
                 clseq_bpe_create_from_memory(f->ctx, "x", "a b", 3, &options, &bpe));
}

/* ---- learning ---- */

static void expect_codes(fixture *f, const char *text, size_t merges, uint64_t min_frequency,
                         const char *want)
{
    clseq_bpe_learner *learner = NULL;
    clseq_text codes = { 0 };

    ASSERT_OK(f->ctx, clseq_bpe_learner_create(f->ctx, &learner));
    ASSERT_OK(f->ctx, clseq_bpe_learner_add(learner, text, strlen(text)));
    ASSERT_OK(f->ctx, clseq_bpe_learner_learn(learner, merges, min_frequency, &codes, NULL));
    assert_string_equal(codes.data, want);
    /* The learner is as it was. */
    ASSERT_OK(f->ctx, clseq_bpe_learner_learn(learner, merges, min_frequency, &codes, NULL));
    assert_string_equal(codes.data, want);
    clseq_text_fini(&codes);
    clseq_bpe_learner_destroy(&learner);
}

static void learns_by_hand(void **state)
{
    fixture *f = *state;

    /* Of equals the last in byte order comes first. */
    expect_codes(f, "ab ab ac", 10, 1, "#version: 0.2\na b</w>\na c</w>\n");
    expect_codes(f, " ac ab  ", 10, 1, "#version: 0.2\na c</w>\na b</w>\n");
    expect_codes(f, "ab ab ac", 10, 2, "#version: 0.2\na b</w>\n");
    expect_codes(f, "abab abab", 1, 2, "#version: 0.2\nb a\n");
    /* "a a a": two pairs overlap. */
    expect_codes(f, "aaaa", 3, 1, "#version: 0.2\na a\naa a\naaa a</w>\n");
    expect_codes(f, "ab", 0, 1, "#version: 0.2\n");
}

static void learning_refuses(void **state)
{
    fixture *f = *state;
    clseq_bpe_learner *learner = NULL;
    clseq_text codes = { 0 };
    size_t learnt = 0;

    ASSERT_OK(f->ctx, clseq_bpe_learner_create(f->ctx, &learner));
    ASSERT_OK(f->ctx, clseq_bpe_learner_add(learner, "a b c", 5));
    ASSERT_FAILS(f->ctx, CLSEQ_ERR_DATA, "nothing to learn",
                 clseq_bpe_learner_learn(learner, 1, 2, &codes, NULL));
    ASSERT_FAILS(f->ctx, CLSEQ_ERR_ARG, "is 1, not 0",
                 clseq_bpe_learner_learn(learner, 1, 0, &codes, NULL));
    ASSERT_FAILS(f->ctx, CLSEQ_ERR_DATA, "byte 2 (0xff)",
                 clseq_bpe_learner_add(learner, "a\xff", 2));
    ASSERT_FAILS(f->ctx, CLSEQ_ERR_ARG, "space", clseq_bpe_learner_add_word(learner, "a b", 3, 1));
    ASSERT_FAILS(f->ctx, CLSEQ_ERR_LIMIT, "2^53",
                 clseq_bpe_learner_add_word(learner, "ab", 2, UINT64_C(1) << 52));
    ASSERT_OK(f->ctx, clseq_bpe_learner_add_word(learner, "xyz", 3, 1000000000));
    ASSERT_OK(f->ctx, clseq_bpe_learner_add_word(learner, "xz", 2, 1000000001));
    ASSERT_OK(f->ctx, clseq_bpe_learner_learn(learner, 2, 2, &codes, &learnt));
    assert_int_equal(learnt, 2);
    assert_string_equal(codes.data, "#version: 0.2\nx z</w>\ny z</w>\n");
    clseq_text_fini(&codes);
    clseq_bpe_learner_destroy(&learner);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, fixture_create, fixture_destroy)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(learns_the_same_merges),
        TEST(cuts_the_same_pieces),
        TEST(real_files_are_read_or_refused),
        TEST(merges_by_rank),
        TEST(options_are_kept),
        TEST(dropout_is_a_function_of_its_seed),
        TEST(dropout_has_its_rate),
        TEST(any_bytes_of_any_length),
        TEST(undo_takes_out_separators),
        TEST(damaged_files_are_refused),
        TEST(learns_by_hand),
        TEST(learning_refuses),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
