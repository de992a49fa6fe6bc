/* SPDX-License-Identifier: BSD-2-Clause */
#include "data_files.h"

#include "data/string_table.h"
#include "data/vocab_json.h"

#include "base/clock.h"
#include "base/philox.h"

#include <clseq/vocab.h>

static const clseq_text_options words = { .unit = CLSEQ_UNIT_WORD };
static const clseq_text_options lower_words = { .unit = CLSEQ_UNIT_WORD, .lowercase = true };
static const clseq_text_options chars = { .unit = CLSEQ_UNIT_CHAR };

static clseq_status build(fixture *f, clseq_text_options text, const char *const *lines,
                          size_t count, size_t size, uint64_t min_count, clseq_vocab **ret)
{
    const clseq_vocab_limits limits = { .size = size, .min_count = min_count };
    clseq_vocab_builder *builder = NULL;
    clseq_status status;

    ASSERT_OK(f->ctx, clseq_vocab_builder_create(f->ctx, text, 0, &builder));
    for (size_t i = 0; i < count; i++)
        ASSERT_OK(f->ctx, clseq_vocab_builder_add(builder, lines[i], strlen(lines[i])));
    status = clseq_vocab_create_from_builder(builder, &limits, ret);
    clseq_vocab_builder_destroy(&builder);
    return status;
}

/* Encode, compare ids, decode, compare text. */
static void expect_ids(fixture *f, const clseq_vocab *vocab, const char *line, const char *want_ids,
                       const char *want_text)
{
    clseq_ids ids = { 0 };
    clseq_text text = { 0 };
    char got[1024] = "";

    ASSERT_OK(f->ctx, clseq_vocab_encode(vocab, line, strlen(line), &ids));
    for (size_t i = 0; i < ids.size; i++)
        sprintf(got + strlen(got), "%s%ld", i ? " " : "", (long)ids.data[i]);
    assert_string_equal(got, want_ids);
    ASSERT_OK(f->ctx, clseq_vocab_decode(vocab, ids.data, ids.size, &text));
    assert_string_equal(text.data, want_text);
    assert_int_equal(text.size, strlen(want_text));
    clseq_ids_fini(&ids);
    clseq_text_fini(&text);
}

static void string_table_finds_all(void **state)
{
    fixture *f = *state;
    clseq_string_table table = { .ctx = f->ctx };
    char name[32];
    size_t index;
    bool added;

    assert_true(clseq_string_table_find(&table, "x", 1) == CLSEQ_STRING_NONE);
    for (int round = 0; round < 2; round++) {
        for (size_t i = 0; i < 100000; i++) {
            const size_t n = (size_t)sprintf(name, "%zx", i * 7919);

            ASSERT_OK(f->ctx, clseq_string_table_add(&table, name, n, &index, &added));
            assert_int_equal(index, i);
            assert_int_equal(added, round == 0);
        }
    }
    for (size_t i = 0; i < 100000; i++) {
        const size_t n = (size_t)sprintf(name, "%zx", i * 7919);

        assert_int_equal(clseq_string_table_find(&table, name, n), i);
        assert_string_equal(clseq_string_table_get(&table, i), name);
        name[n] = 'g';
        assert_true(clseq_string_table_find(&table, name, n + 1) == CLSEQ_STRING_NONE);
    }
    /* A 0 byte inside is part of the string. */
    ASSERT_OK(f->ctx, clseq_string_table_add(&table, "a\0b", 3, &index, &added));
    assert_true(added);
    assert_int_equal(clseq_string_table_find(&table, "a\0b", 3), index);
    clseq_string_table_fini(&table);
}

static void order_is_count_then_bytes(void **state)
{
    static const char *const lines[] = { "b a c b", " c\tb  d\xc2\xa0zz ", "d dd a", "" };
    fixture *f = *state;
    clseq_vocab *vocab = NULL;
    clseq_vocab_coverage coverage;

    ASSERT_OK(f->ctx, build(f, words, lines, 4, 100, 1, &vocab));
    assert_int_equal(clseq_vocab_size(vocab), 10);
    assert_string_equal(clseq_vocab_token(vocab, 0), "<pad>");
    assert_string_equal(clseq_vocab_token(vocab, 1), "<unk>");
    assert_string_equal(clseq_vocab_token(vocab, 2), "<s>");
    assert_string_equal(clseq_vocab_token(vocab, 3), "</s>");
    for (int32_t id = 4; id < 10; id++) {
        static const char *const want[] = { "b", "a", "c", "d", "dd", "zz" };

        assert_string_equal(clseq_vocab_token(vocab, id), want[id - 4]);
        assert_int_equal(clseq_vocab_find(vocab, want[id - 4], strlen(want[id - 4])), id);
    }
    assert_int_equal(clseq_vocab_count(vocab, 4), 3);
    assert_int_equal(clseq_vocab_count(vocab, 9), 1);
    assert_int_equal(clseq_vocab_count(vocab, 1), 0);
    assert_null(clseq_vocab_token(vocab, 10));
    assert_null(clseq_vocab_token(vocab, -1));
    expect_ids(f, vocab,
               "\xe3\x80\x80"
               "b  dd\tq a",
               "4 8 1 5", "b dd <unk> a");
    expect_ids(f, vocab, " \t ", "", "");
    clseq_vocab_destroy(&vocab);
    assert_null(vocab);

    ASSERT_OK(f->ctx, build(f, words, lines, 4, 6, 1, &vocab)); /* b and a */
    coverage = clseq_vocab_get_coverage(vocab);
    assert_int_equal(clseq_vocab_size(vocab), 6);
    assert_int_equal(coverage.tokens, 11);
    assert_int_equal(coverage.unknown_tokens, 6);
    assert_int_equal(coverage.types, 6);
    assert_int_equal(coverage.known_types, 2);
    clseq_vocab_destroy(&vocab);
    ASSERT_OK(f->ctx, build(f, words, lines, 4, 100, 2, &vocab));
    assert_int_equal(clseq_vocab_size(vocab), 8);
    clseq_vocab_destroy(&vocab);
    ASSERT_FAILS(f->ctx, CLSEQ_ERR_DATA, "none occurs 4 times",
                 build(f, words, lines, 4, 99, 4, &vocab));
    ASSERT_FAILS(f->ctx, CLSEQ_ERR_ARG, "vocabulary size 4",
                 build(f, words, lines, 4, 4, 1, &vocab));
    ASSERT_FAILS(f->ctx, CLSEQ_ERR_ARG, "minimum count 0", build(f, words, lines, 4, 9, 0, &vocab));
    assert_null(vocab);
}

static void text_cannot_make_special_ids(void **state)
{
    static const char *const lines[] = { "<s> <pad> </s> <unk> <s> <pad> x", "<s> x <S>" };
    fixture *f = *state;
    clseq_vocab *vocab = NULL;

    ASSERT_OK(f->ctx, build(f, lower_words, lines, 2, 100, 1, &vocab));
    assert_int_equal(clseq_vocab_size(vocab), 5);
    expect_ids(f, vocab, "<s> x <pad> <unk> </s> <S>", "1 4 1 1 1 1",
               "<unk> x <unk> <unk> <unk> <unk>");
    assert_int_equal(clseq_vocab_get_coverage(vocab).unknown_tokens, 8);
    clseq_vocab_destroy(&vocab);
}

static void case_and_normal_form(void **state)
{
    static const char *const lines[] = { "\xc3\x9c"
                                         "ber \xc3\xbc"
                                         "ber U\xcc\x88"
                                         "ber" };
    fixture *f = *state;
    clseq_vocab *vocab = NULL;

    ASSERT_OK(f->ctx, build(f, lower_words, lines, 1, 100, 1, &vocab));
    assert_int_equal(clseq_vocab_size(vocab), 5);
    assert_int_equal(clseq_vocab_count(vocab, 4), 3);
    expect_ids(f, vocab,
               "\xc3\x9c"
               "BER u\xcc\x88"
               "BeR",
               "4 4",
               "\xc3\xbc"
               "ber \xc3\xbc"
               "ber");
    clseq_vocab_destroy(&vocab);
    ASSERT_OK(f->ctx, build(f, words, lines, 1, 100, 1, &vocab));
    assert_int_equal(clseq_vocab_size(vocab), 6);
    clseq_vocab_destroy(&vocab);
}

static void characters_come_back_exactly(void **state)
{
    static const char *const lines[] = { " a\xc3\xa9  \xe6\x97\xa5\t\xf0\x9f\x98\x80 " };
    fixture *f = *state;
    clseq_vocab *vocab = NULL;

    ASSERT_OK(f->ctx, build(f, chars, lines, 1, 100, 1, &vocab));
    assert_int_equal(clseq_vocab_size(vocab), 10); /* space 4 times, tab, a, 3 others */
    assert_string_equal(clseq_vocab_token(vocab, 4), " ");
    expect_ids(f, vocab, lines[0], "4 6 7 4 4 8 5 9 4", lines[0]);
    expect_ids(f, vocab, "axa", "6 1 6", "a<unk>a");
    clseq_vocab_destroy(&vocab);
}

static void decoding_stops_and_skips(void **state)
{
    static const char *const tokens[] = { "<pad>", "<unk>", "<s>", "</s>", "x", "y" };
    static const int32_t ids[] = { 2, 4, 0, 5, 1, 3, 4 }, wrong[] = { 4, 6 }, negative[] = { -1 };
    fixture *f = *state;
    clseq_vocab *vocab = NULL;
    clseq_text text = { 0 };

    ASSERT_OK(f->ctx, clseq_vocab_create_from_tokens(f->ctx, words, tokens, 6, &vocab));
    ASSERT_OK(f->ctx, clseq_vocab_decode(vocab, ids, 7, &text));
    assert_string_equal(text.data, "x y <unk>");
    ASSERT_OK(f->ctx, clseq_vocab_decode(vocab, ids, 0, &text));
    assert_string_equal(text.data, "");
    ASSERT_FAILS(f->ctx, CLSEQ_ERR_ARG, "id 6 at position 1",
                 clseq_vocab_decode(vocab, wrong, 2, &text));
    ASSERT_FAILS(f->ctx, CLSEQ_ERR_ARG, "id -1", clseq_vocab_decode(vocab, negative, 1, &text));
    clseq_text_fini(&text);
    clseq_vocab_destroy(&vocab);
}

static void untrusted_lists_are_refused(void **state)
{
    fixture *f = *state;
    clseq_vocab *vocab = NULL;
    char longest[258];
    static const struct {
        clseq_unit unit;
        const char *json, *part;
    } bad[] = {
        { CLSEQ_UNIT_WORD, "[\"<pad>\",\"<unk>\",\"<s>\",\"</s>\",\"a\",\"b\",\"a\"]",
          "tokens 4 and 6" },
        { CLSEQ_UNIT_WORD, "[\"<pad>\",\"<unk>\",\"<s>\",\"</s>\",\"<s>\"]", "tokens 2 and 4" },
        { CLSEQ_UNIT_WORD, "[\"<pad>\",\"<unk>\",\"</s>\",\"<s>\",\"a\"]", "token 2 must be <s>" },
        { CLSEQ_UNIT_WORD, "[\"<pad>\",\"<unk>\",\"<s>\",\"</s>\"]", "4 tokens" },
        { CLSEQ_UNIT_WORD, "[]", "0 tokens" },
        { CLSEQ_UNIT_WORD, "[\"<pad>\",\"<unk>\",\"<s>\",\"</s>\",\"\"]", "token 4 is empty" },
        { CLSEQ_UNIT_WORD, "[\"<pad>\",\"<unk>\",\"<s>\",\"</s>\",\"a\\u00a0b\"]", "white space" },
        { CLSEQ_UNIT_WORD, "[\"<pad>\",\"<unk>\",\"<s>\",\"</s>\",\"a\\n\"]", "line end" },
        { CLSEQ_UNIT_CHAR, "[\"<pad>\",\"<unk>\",\"<s>\",\"</s>\",\"\\n\"]", "line end" },
        { CLSEQ_UNIT_CHAR, "[\"<pad>\",\"<unk>\",\"<s>\",\"</s>\",\"ab\"]", "not one code point" },
        { CLSEQ_UNIT_WORD, "[\"<pad>\",\"<unk>\",\"<s>\",\"</s>\",7]", "token 4 is not a string" },
        { CLSEQ_UNIT_WORD, "{\"a\":1}", "not a JSON array" },
        { CLSEQ_UNIT_WORD, "[\"<pad>\"", "not JSON" },
        { CLSEQ_UNIT_WORD, "[\"\\u0000\"]", "not JSON" },
        { (clseq_unit)7, "[\"<pad>\",\"<unk>\",\"<s>\",\"</s>\",\"a\"]", "unit 7" },
    };
    const char *tokens[] = { "<pad>", "<unk>", "<s>", "</s>", longest };

    for (size_t i = 0; i < CLSEQ_ARRAY_SIZE(bad); i++) {
        const clseq_text_options text = { .unit = bad[i].unit };

        ASSERT_FAILS(
            f->ctx, CLSEQ_ERR_FORMAT, bad[i].part,
            clseq_vocab_create_from_string(f->ctx, text, bad[i].json, strlen(bad[i].json), &vocab));
    }
    memset(longest, 'x', 257);
    longest[257] = 0;
    ASSERT_FAILS(f->ctx, CLSEQ_ERR_FORMAT, "token 4 is longer than 256 bytes",
                 clseq_vocab_create_from_tokens(f->ctx, words, tokens, 5, &vocab));
    longest[256] = 0;
    ASSERT_OK(f->ctx, clseq_vocab_create_from_tokens(f->ctx, words, tokens, 5, &vocab));
    clseq_vocab_destroy(&vocab);
    tokens[4] = "\xff";
    ASSERT_FAILS(f->ctx, CLSEQ_ERR_FORMAT, "token 4 is not valid UTF-8",
                 clseq_vocab_create_from_tokens(f->ctx, words, tokens, 5, &vocab));
    tokens[4] = NULL;
    ASSERT_FAILS(f->ctx, CLSEQ_ERR_FORMAT, "token 4 is empty",
                 clseq_vocab_create_from_tokens(f->ctx, words, tokens, 5, &vocab));
    assert_null(vocab);
}

static void long_words_are_unknown(void **state)
{
    fixture *f = *state;
    clseq_vocab *vocab = NULL;
    char line[600];
    const char *const lines[] = { line };

    memset(line, 'x', sizeof(line));
    memcpy(line, "a ", 2);
    line[2 + 256] = ' ';
    memcpy(line + 2 + 257 + 257, " a", 3);
    ASSERT_OK(f->ctx, build(f, words, lines, 1, 100, 1, &vocab));
    assert_int_equal(clseq_vocab_size(vocab), 6); /* a, and the one of 256 bytes */
    assert_int_equal(clseq_vocab_get_coverage(vocab).unknown_tokens, 1);
    clseq_vocab_destroy(&vocab);
}

static void json_round_trip(void **state)
{
    static const char *const lines[] = { "\"a\" \\b / \xf0\x9f\x98\x80 \xc2\xad \x01\x7f" };
    const clseq_text_options both[] = { words, chars };
    fixture *f = *state;

    for (size_t k = 0; k < 2; k++) {
        clseq_vocab *vocab = NULL, *copy = NULL;
        char *first = NULL, *second = NULL;

        ASSERT_OK(f->ctx, build(f, both[k], lines, 1, 100, 1, &vocab));
        ASSERT_OK(f->ctx, clseq_vocab_to_string(vocab, &first));
        ASSERT_OK(f->ctx,
                  clseq_vocab_create_from_string(f->ctx, both[k], first, strlen(first), &copy));
        ASSERT_OK(f->ctx, clseq_vocab_to_string(copy, &second));
        assert_string_equal(first, second);
        assert_int_equal(clseq_vocab_size(vocab), clseq_vocab_size(copy));
        expect_ids(f, copy, lines[0], k ? "5 9 5 4 8 10 4 7 4 13 4 12 4 6 11" : "5 7 6 9 8 4",
                   lines[0]);
        free(first);
        free(second);
        clseq_vocab_destroy(&vocab);
        clseq_vocab_destroy(&copy);
    }
}

static void count_warnings(void *user, clseq_log_level level, const char *message)
{
    *(int *)user += level == CLSEQ_LOG_WARNING && strstr(message, "forgotten") != NULL;
}

/* A stream of words of which 200 are frequent and a million occur once. */
static void memory_is_bounded_by_forgetting(void **state)
{
    fixture *f = *state;
    clseq_vocab_builder *builder = NULL;
    clseq_vocab *vocab = NULL;
    const clseq_vocab_limits limits = { .size = 104, .min_count = 2 };
    clseq_vocab_coverage coverage;
    int warnings = 0;

    clseq_context_set_log(f->ctx, count_warnings, &warnings, CLSEQ_LOG_WARNING);
    ASSERT_OK(f->ctx, clseq_vocab_builder_create(f->ctx, words, 5000, &builder));
    for (unsigned i = 0; i < 1000000; i++) {
        char line[64];
        const unsigned frequent = (unsigned)clseq_random_below(1, CLSEQ_RANDOM_TEST, 0, i, 200);

        ASSERT_OK(f->ctx, clseq_vocab_builder_add(builder, line,
                                                  (size_t)sprintf(line, "r%u f%u", i, frequent)));
    }
    ASSERT_OK(f->ctx, clseq_vocab_create_from_builder(builder, &limits, &vocab));
    assert_int_equal(warnings, 1);
    coverage = clseq_vocab_get_coverage(vocab);
    assert_int_equal(coverage.tokens, 2000000);
    assert_int_equal(coverage.known_types, 100);
    for (int32_t id = 4; id < 104; id++) {
        assert_int_equal(clseq_vocab_token(vocab, id)[0], 'f');
        assert_in_range(clseq_vocab_count(vocab, id), 4800, 5400);
    }
    clseq_context_set_log(f->ctx, NULL, NULL, CLSEQ_LOG_WARNING);
    clseq_vocab_destroy(&vocab);
    clseq_vocab_builder_destroy(&builder);
}

/* The counts are those of Python: collections.Counter over unicodedata.normalize("NFC",
 * line).split(). */
static void multi30k(void **state)
{
    fixture *f = *state;
    char source[512], target[512];
    clseq_pairs *pairs = NULL;
    clseq_vocab *de = NULL, *en = NULL, *again = NULL, *again_en = NULL;
    clseq_vocab_pair_options options;
    char *first = NULL, *second = NULL;
    double start;

    need_data(source, sizeof(source), "multi30k/tok/train.lc.norm.tok.de.gz");
    need_data(target, sizeof(target), "multi30k/tok/train.lc.norm.tok.en.gz");
    clseq_vocab_pair_options_init(&options);
    ASSERT_OK(f->ctx, clseq_pairs_open(f->ctx, source, target, 0, &pairs));
    start = clseq_seconds();
    ASSERT_OK(f->ctx, clseq_vocab_create_from_pairs(f->ctx, pairs, &options, &de, &en));
    printf("multi30k: both vocabularies in %.3f s\n", clseq_seconds() - start);
    assert_int_equal(clseq_vocab_size(de), 7855 + CLSEQ_ID_FIRST);
    assert_int_equal(clseq_vocab_size(en), 5917 + CLSEQ_ID_FIRST);
    assert_int_equal(clseq_vocab_get_coverage(de).types, 18722);
    assert_int_equal(clseq_vocab_get_coverage(de).tokens, 360706);
    assert_string_equal(clseq_vocab_token(de, 4), ".");
    ASSERT_OK(f->ctx, clseq_vocab_create_from_pairs(f->ctx, pairs, &options, &again, &again_en));
    ASSERT_OK(f->ctx, clseq_vocab_to_string(de, &first));
    ASSERT_OK(f->ctx, clseq_vocab_to_string(again, &second));
    assert_string_equal(first, second);
    free(first);
    free(second);
    clseq_vocab_destroy(&de);
    clseq_vocab_destroy(&en);
    clseq_vocab_destroy(&again);
    clseq_vocab_destroy(&again_en);
    clseq_pairs_close(&pairs);
}

/* Line by line: encoding all of a real text in characters and back gives the text. */
static void real_text_comes_back(void **state)
{
    fixture *f = *state;
    char path[512];
    clseq_lines *lines = NULL;
    clseq_vocab_builder *builder = NULL;
    clseq_vocab *vocab = NULL;
    clseq_ids ids = { 0 };
    clseq_text text = { 0 };
    const clseq_vocab_limits limits = { .size = 100000, .min_count = 1 };

    need_data(path, sizeof(path), "enja/dev.ja.gz");
    ASSERT_OK(f->ctx, clseq_lines_open(f->ctx, path, 0, &lines));
    ASSERT_OK(f->ctx, clseq_vocab_builder_create(f->ctx, chars, 0, &builder));
    for (int pass = 0; pass < 2; pass++) {
        bool more = true;

        for (;;) {
            const char *line = NULL;
            size_t length = 0;

            ASSERT_OK(f->ctx, clseq_lines_next(lines, &line, &length, &more));
            if (!more)
                break;
            if (pass == 0) {
                ASSERT_OK(f->ctx, clseq_vocab_builder_add(builder, line, length));
                continue;
            }
            ASSERT_OK(f->ctx, clseq_vocab_encode(vocab, line, length, &ids));
            ASSERT_OK(f->ctx, clseq_vocab_decode(vocab, ids.data, ids.size, &text));
            assert_string_equal(text.data, line);
        }
        if (pass == 0)
            ASSERT_OK(f->ctx, clseq_vocab_create_from_builder(builder, &limits, &vocab));
        ASSERT_OK(f->ctx, clseq_lines_rewind(lines));
    }
    assert_int_equal(clseq_vocab_get_coverage(vocab).unknown_tokens, 0);
    clseq_ids_fini(&ids);
    clseq_text_fini(&text);
    clseq_vocab_destroy(&vocab);
    clseq_vocab_builder_destroy(&builder);
    clseq_lines_close(&lines);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(string_table_finds_all),
        cmocka_unit_test(order_is_count_then_bytes),
        cmocka_unit_test(text_cannot_make_special_ids),
        cmocka_unit_test(case_and_normal_form),
        cmocka_unit_test(characters_come_back_exactly),
        cmocka_unit_test(decoding_stops_and_skips),
        cmocka_unit_test(untrusted_lists_are_refused),
        cmocka_unit_test(long_words_are_unknown),
        cmocka_unit_test(json_round_trip),
        cmocka_unit_test(memory_is_bounded_by_forgetting),
        cmocka_unit_test(multi30k),
        cmocka_unit_test(real_text_comes_back),
    };

    return cmocka_run_group_tests_name("vocab", tests, fixture_create, fixture_destroy);
}
