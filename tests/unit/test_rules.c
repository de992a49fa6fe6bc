/* SPDX-License-Identifier: BSD-2-Clause */
/* Raw text to tokens by rules, and back. */
#include "data_files.h"

#include "data/utf8.h"
#include "data/vocab_json.h"

#include "base/philox.h"

#include <clseq/rules.h>
#include <clseq/vocab.h>

#define JOIN  "\xef\xbf\xad"
#define SPACE "\xe2\x96\x81"
#define NBSP  "\xc2\xa0"

static void expect_cut(fixture *f, const char *line, const char *tokens, const char *back)
{
    clseq_text cut = { 0 }, text = { 0 };

    ASSERT_OK(f->ctx, clseq_rules_cut(f->ctx, line, strlen(line), &cut));
    assert_string_equal(cut.data, tokens);
    ASSERT_OK(f->ctx, clseq_rules_join(f->ctx, cut.data, cut.size, &text));
    assert_string_equal(text.data, back);
    clseq_text_fini(&cut);
    clseq_text_fini(&text);
}

static void tokens_are_known(void **state)
{
    static const struct {
        const char *line, *tokens;
    } known[] = {
        { "", "" },
        { "Hello, world!", "Hello , world !" },
        { "He said: \"I don't know (yet).\"", "He said : \" I don 't know ( yet ) . \"" },
        { "It's John's, isn't it? We'll see.", "It 's John 's , isn 't it ? We 'll see ." },
        { "L'homme qu'il aime, aujourd'hui.", "L' homme qu' il aime , aujourd'hui ." },
        { "O'Brien's boys' toys", "O'Brien 's boys' toys" },
        { "'so' she said", "' so ' she said" },
        { "It costs $1,000.50 at 12:30, or 5% more.",
          "It costs $ 1,000.50 at 12:30 , or 5 % more ." },
        { "See https://a.org/x?y=1, www.b.de. Mail c.d@e-f.com!",
          "See https://a.org/x?y=1 , www.b.de . Mail c.d@e-f.com !" },
        { "Das T-Shirt, die Vor- und Nachteile: -5 Grad",
          "Das T-Shirt , die Vor- und Nachteile : -5 Grad" },
        { "Mr. Smith of the U.S. met Dr. J. Doe, z.B. hier.",
          "Mr. Smith of the U.S. met Dr. J. Doe , z.B. hier ." },
        { "and/or 1/2 AT&T a.b", "and / or 1 / 2 AT&T a.b" },
        { "Wait... what?! No!!!", "Wait ... what ? ! No !!!" },
        { "\xe2\x80\x9eJa\xe2\x80\x9c, sagte er. \xe2\x80\x9cYes,\xe2\x80\x9d he said.",
          "\xe2\x80\x9e Ja \xe2\x80\x9c , sagte er . \xe2\x80\x9c Yes , \xe2\x80\x9d he said ." },
        { "\xc2\xbfQu\xc3\xa9?", "\xc2\xbf Qu\xc3\xa9 ?" },
        { "\xe6\x88\x91\xe7\x88\xb1\xe4\xbd\xa0\xe3\x80\x82\xe5\xa5\xbd",
          "\xe6\x88\x91 \xe7\x88\xb1 \xe4\xbd\xa0 \xe3\x80\x82 \xe5\xa5\xbd" },
        { "don\xe2\x80\x99t l\xe2\x80\x99\xc3\xa9t\xc3\xa9",
          "don \xe2\x80\x99t l\xe2\x80\x99 \xc3\xa9t\xc3\xa9" },
        /* What is not as usual has a mark. */
        { "Quoi ?", "Quoi " SPACE "?" },
        { "a=b", "a " JOIN "=" JOIN " b" },
        { "end.The", "end ." JOIN " The" },
        { "( a )", "(" SPACE " a " SPACE ")" },
        { "a 's morning", "a " SPACE "'s morning" },
    };
    fixture *f = *state;

    for (size_t i = 0; i < CLSEQ_ARRAY_SIZE(known); i++)
        expect_cut(f, known[i].line, known[i].tokens, known[i].line);
    /* What does not come back. */
    expect_cut(f, "  a" NBSP "  b\t", "a b", "a b");
    expect_cut(f, SPACE "x" JOIN, "_ x " JOIN "\xe2\x96\xa0", "_x\xe2\x96\xa0");
}

/* Tokens of a model can be anything. */
static void any_tokens_join(void **state)
{
    static const struct {
        const char *tokens, *text;
    } known[] = {
        { "", "" },
        { " a  b ", "a b" },
        { JOIN " " SPACE, "" },
        { "a " JOIN " b", "ab" },
        { "a" JOIN " " SPACE "b", "a b" },
        { JOIN SPACE "a" SPACE JOIN " b" SPACE, "a b" },
        { "<unk> , <unk>", "<unk>, <unk>" },
        { "\" a , \" b", "\"a,\" b" },
    };
    fixture *f = *state;
    clseq_text text = { 0 };

    for (size_t i = 0; i < CLSEQ_ARRAY_SIZE(known); i++) {
        ASSERT_OK(f->ctx,
                  clseq_rules_join(f->ctx, known[i].tokens, strlen(known[i].tokens), &text));
        assert_string_equal(text.data, known[i].text);
    }
    ASSERT_FAILS(f->ctx, CLSEQ_ERR_DATA, "byte 2 is not valid UTF-8",
                 clseq_rules_join(f->ctx, "a\xff", 2, &text));
    ASSERT_FAILS(f->ctx, CLSEQ_ERR_DATA, "byte 1 is not valid UTF-8",
                 clseq_rules_cut(f->ctx, "\xc3", 1, &text));
    clseq_text_fini(&text);
}

/* A line with one space for every run of white space and none at the ends. */
static size_t squeeze(const char *line, size_t n, char *ret)
{
    size_t size = 0;
    bool space = false;

    for (size_t at = 0; at < n;) {
        const size_t begin = at;

        if (clseq_is_space(clseq_utf8_next(line, &at))) {
            space = size > 0;
            continue;
        }
        if (space)
            ret[size++] = ' ';
        space = false;
        memcpy(ret + size, line + begin, at - begin);
        size += at - begin;
    }
    ret[size] = 0;
    return size;
}

static bool comes_back(fixture *f, const char *line, size_t n, clseq_text *cut, clseq_text *text,
                       char *want)
{
    squeeze(line, n, want);
    ASSERT_OK(f->ctx, clseq_rules_cut(f->ctx, line, n, cut));
    ASSERT_OK(f->ctx, clseq_rules_join(f->ctx, cut->data, cut->size, text));
    return strcmp(text->data, want) == 0;
}

/* Joining is the inverse of cutting, whatever the line: made of what the rules look at. */
static void every_line_comes_back(void **state)
{
    static const char *const parts[] = {
        "a",
        "B",
        "the",
        "l",
        "s",
        "t",
        "re",
        "U",
        "1",
        "23",
        "1,000.5",
        ".",
        ",",
        ":",
        "&",
        "'",
        "\xe2\x80\x99",
        "\"",
        "-",
        "--",
        "\xe2\x80\x93",
        "(",
        ")",
        "/",
        "$",
        "%",
        "!",
        "?",
        "...",
        "@",
        "http://",
        "www.",
        "\xe2\x80\x9e",
        "\xe2\x80\x9c",
        "\xe2\x80\x9d",
        "\xe2\x80\x98",
        "\xe2\x80\x9a",
        "\xe6\x88\x91",
        "\xe3\x82\xab",
        "\xe3\x80\x82",
        "\xcc\x81",
        "\xe2\x80\x8d",
        "\xf0\x9f\x98\x80",
        "\xd7\x90",
        "\xe0\xa4\x95\xe0\xa5\x80",
        "Mr",
        "z.B.",
        "_",
        "#",
        "<unk>",
        "@@",
        "\x01",
    };
    fixture *f = *state;
    clseq_text cut = { 0 }, text = { 0 };
    char line[512], want[512];
    uint64_t draw = 0;

    for (int round = 0; round < 30000; round++) {
        const size_t count = (size_t)clseq_random_below(11, CLSEQ_RANDOM_TEST, 0, draw++, 12);
        size_t n = 0;

        for (size_t i = 0; i < count; i++) {
            const size_t k = (size_t)clseq_random_below(11, CLSEQ_RANDOM_TEST, 0, draw++,
                                                        CLSEQ_ARRAY_SIZE(parts));

            n += (size_t)snprintf(line + n, sizeof(line) - n, "%s%s", parts[k],
                                  clseq_random_below(11, CLSEQ_RANDOM_TEST, 0, draw++, 3) ? ""
                                                                                          : " ");
        }
        line[n] = 0;
        if (!comes_back(f, line, n, &cut, &text, want))
            fail_msg("\"%s\" became \"%s\" by \"%s\"", line, text.data, cut.data);
    }
    clseq_text_fini(&cut);
    clseq_text_fini(&text);
}

/* Real text: everything but runs of white space comes back, and marks are rare. */
static void real_text_comes_back(void **state)
{
    static const char *const names[] = { "multi30k/val.de.gz", "multi30k/val.en.gz",
                                         "multi30k/val.fr.gz", "tatoeba/deu.dev.tsv.gz" };
    fixture *f = *state;
    clseq_text cut = { 0 }, text = { 0 };
    char *want, path[512];
    size_t compared = 0, marked = 0;

    for (size_t i = 0; i < CLSEQ_ARRAY_SIZE(names); i++)
        need_data(path, sizeof(path), names[i]);
    want = malloc(CLSEQ_LINE_LIMIT);
    assert_non_null(want);
    for (size_t i = 0; i < CLSEQ_ARRAY_SIZE(names); i++) {
        clseq_lines *lines = NULL;
        const char *line;
        bool more = true;
        size_t n;

        need_data(path, sizeof(path), names[i]);
        ASSERT_OK(f->ctx, clseq_lines_open(f->ctx, path, 0, &lines));
        for (;;) {
            ASSERT_OK(f->ctx, clseq_lines_next(lines, &line, &n, &more));
            if (!more)
                break;
            if (!comes_back(f, line, n, &cut, &text, want))
                fail_msg("%s: \"%s\" became \"%s\"", names[i], line, text.data);
            compared++;
            marked += strstr(cut.data, JOIN) || strstr(cut.data, SPACE);
        }
        clseq_lines_close(&lines);
    }
    printf("%zu lines, %zu with marks\n", compared, marked);
    assert_true(compared > 3000 && marked * 50 < compared);
    free(want);
    clseq_text_fini(&cut);
    clseq_text_fini(&text);
}

/* In a vocabulary, before and after the merges of byte pair encoding, and stored. */
static void vocabularies_cut_by_rules(void **state)
{
    static const char codes[] = "#version: 0.2\nd o\nn </w>\n";
    static const char line[] = "I don't (well, do).";
    fixture *f = *state;

    for (int bpe = 0; bpe < 2; bpe++) {
        const clseq_text_options o = { .unit = bpe ? CLSEQ_UNIT_BPE : CLSEQ_UNIT_WORD,
                                       .rules = true,
                                       .codes = bpe ? codes : NULL,
                                       .codes_size = bpe ? strlen(codes) : 0 };
        const clseq_vocab_limits limits = { .size = 100, .min_count = 1 };
        clseq_text_options again = { 0 };
        clseq_vocab_builder *builder = NULL;
        clseq_vocab *vocab = NULL;
        json_t *json = NULL;
        clseq_text text = { 0 }, memory = { 0 };
        clseq_ids ids = { 0 };

        ASSERT_OK(f->ctx, clseq_vocab_builder_create(f->ctx, o, 0, &builder));
        ASSERT_OK(f->ctx, clseq_vocab_builder_add(builder, line, strlen(line)));
        ASSERT_OK(f->ctx, clseq_vocab_create_from_builder(builder, &limits, &vocab));
        clseq_vocab_builder_destroy(&builder);
        ASSERT_OK(f->ctx, clseq_vocab_encode(vocab, line, strlen(line), &ids));
        assert_int_equal(ids.size, bpe ? 15 : 9);
        assert_string_equal(clseq_vocab_token(vocab, ids.data[1]), bpe ? "do@@" : "don");
        ASSERT_OK(f->ctx, clseq_vocab_decode(vocab, ids.data, ids.size, &text));
        assert_string_equal(text.data, line);
        ASSERT_OK(f->ctx,
                  clseq_text_options_to_json(f->ctx, clseq_vocab_text_options(vocab), &json));
        ASSERT_OK(f->ctx, clseq_text_options_from_json(f->ctx, json, &again, &memory));
        assert_true(again.rules);
        json_object_set_new(json, "tokenize", json_string("rule"));
        ASSERT_FAILS(f->ctx, CLSEQ_ERR_FORMAT, "\"tokenize\" must be",
                     clseq_text_options_from_json(f->ctx, json, &again, &memory));
        json_object_set_new(json, "tokenize", json_string("rules"));
        json_object_set_new(json, "unit", json_string("char"));
        ASSERT_FAILS(f->ctx, CLSEQ_ERR_FORMAT, "\"tokenize\" must be",
                     clseq_text_options_from_json(f->ctx, json, &again, &memory));
        json_decref(json);
        clseq_vocab_destroy(&vocab);
        clseq_ids_fini(&ids);
        clseq_text_fini(&text);
        clseq_text_fini(&memory);
    }
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, fixture_create, fixture_destroy)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(tokens_are_known),     TEST(any_tokens_join),           TEST(every_line_comes_back),
        TEST(real_text_comes_back), TEST(vocabularies_cut_by_rules),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
