/* SPDX-License-Identifier: BSD-2-Clause */
/* Units byte, bpe and spm in vocabularies: cut, joined, stored, damaged. */
#include "spm_maker.h"

#include "data/base64.h"
#include "data/unit_codes.h"
#include "data/vocab_json.h"

#include "base/philox.h"

#include <clseq/corpus.h>

static const clseq_vocab_limits all = { .size = 1000, .min_count = 1 };

static const char codes[] = "#version: 0.2\ns t</w>\ne st</w>\nl o\nw est</w>\n";

static clseq_vocab *build(fixture *f, clseq_text_options text, const char *line)
{
    clseq_vocab_builder *builder = NULL;
    clseq_vocab *vocab = NULL;

    ASSERT_OK(f->ctx, clseq_vocab_builder_create(f->ctx, text, 0, &builder));
    ASSERT_OK(f->ctx, clseq_vocab_builder_add(builder, line, strlen(line)));
    ASSERT_OK(f->ctx, clseq_vocab_create_from_builder(builder, &all, &vocab));
    clseq_vocab_builder_destroy(&builder);
    return vocab;
}

/* As a model file has it, and back. */
static clseq_status stored(fixture *f, const json_t *text_json, const json_t *tokens,
                           clseq_vocab **ret)
{
    clseq_text_options text = { 0 };
    clseq_text memory = { 0 };
    clseq_status status = clseq_text_options_from_json(f->ctx, text_json, &text, &memory);

    if (status == CLSEQ_OK)
        status = clseq_vocab_create_from_json(f->ctx, text, tokens, ret);
    clseq_text_fini(&memory);
    return status;
}

static void to_json(fixture *f, const clseq_vocab *vocab, json_t **text, json_t **tokens)
{
    ASSERT_OK(f->ctx, clseq_text_options_to_json(f->ctx, clseq_vocab_text_options(vocab), text));
    ASSERT_OK(f->ctx, clseq_vocab_to_json(vocab, tokens));
}

static clseq_vocab *store(fixture *f, const clseq_vocab *vocab)
{
    json_t *text = NULL, *tokens = NULL;
    clseq_vocab *ret = NULL;

    to_json(f, vocab, &text, &tokens);
    ASSERT_OK(f->ctx, stored(f, text, tokens, &ret));
    json_decref(text);
    json_decref(tokens);
    return ret;
}

/* Cut a line, here and by a vocabulary that was stored; expect the tokens and the text. */
static void expect_line(fixture *f, const clseq_vocab *vocab, const char *line, const char *tokens,
                        const char *text)
{
    clseq_vocab *again = store(f, vocab);
    clseq_ids ids = { 0 }, other = { 0 };
    clseq_text got = { 0 };
    char names[4096] = "";

    ASSERT_OK(f->ctx, clseq_vocab_encode(vocab, line, strlen(line), &ids));
    ASSERT_OK(f->ctx, clseq_vocab_encode(again, line, strlen(line), &other));
    assert_int_equal(ids.size, other.size);
    for (size_t i = 0; i < ids.size; i++) {
        assert_int_equal(ids.data[i], other.data[i]);
        snprintf(names + strlen(names), sizeof(names) - strlen(names), "%s%s", i ? " " : "",
                 clseq_vocab_token(vocab, ids.data[i]));
    }
    if (tokens)
        assert_string_equal(names, tokens);
    ASSERT_OK(f->ctx, clseq_vocab_decode(again, ids.data, ids.size, &got));
    assert_string_equal(got.data, text);
    assert_int_equal(got.size, strlen(text));
    clseq_vocab_destroy(&again);
    clseq_ids_fini(&ids);
    clseq_ids_fini(&other);
    clseq_text_fini(&got);
}

static void base64_is_exact(void **state)
{
    static const char *const known[][2] = {
        { "", "" },
        { "f", "Zg==" },
        { "fo", "Zm8=" },
        { "foo", "Zm9v" },
        { "foob", "Zm9vYg==" },
        { "fooba", "Zm9vYmE=" },
        { "foobar", "Zm9vYmFy" },
    };
    static const char *const bad[] = { "Zg=",  "Zg",       "Z===", "====",  "Zh==",
                                       "Zm9=", "Zg==Zg==", "Zm 9", "Zm9\n", "Zg=v" };
    fixture *f = *state;
    clseq_text text = { 0 }, back = { 0 };
    char data[600];

    for (size_t i = 0; i < CLSEQ_ARRAY_SIZE(known); i++) {
        ASSERT_OK(f->ctx, clseq_base64_encode(f->ctx, known[i][0], strlen(known[i][0]), &text));
        assert_string_equal(text.data, known[i][1]);
    }
    for (size_t i = 0; i < CLSEQ_ARRAY_SIZE(bad); i++)
        ASSERT_FAILS(f->ctx, CLSEQ_ERR_FORMAT, "base64",
                     clseq_base64_decode(f->ctx, bad[i], strlen(bad[i]), &back));
    for (size_t n = 0; n <= sizeof(data); n++) {
        if (n > 0)
            data[n - 1] = (char)clseq_random_u64(3, CLSEQ_RANDOM_TEST, 0, n);
        ASSERT_OK(f->ctx, clseq_base64_encode(f->ctx, data, n, &text));
        ASSERT_OK(f->ctx, clseq_base64_decode(f->ctx, text.data, text.size, &back));
        assert_int_equal(back.size, n);
        assert_memory_equal(back.data, data, n);
    }
    clseq_text_fini(&text);
    clseq_text_fini(&back);
}

/* A decoded text of bytes. */
static void expect_bytes(fixture *f, const clseq_vocab *vocab, const char *data, size_t n,
                         const char *want)
{
    clseq_text text = { 0 };
    int32_t ids[32];

    for (size_t i = 0; i < n; i++)
        ids[i] = CLSEQ_ID_FIRST + (unsigned char)data[i];
    ids[n] = CLSEQ_ID_EOS;
    ASSERT_OK(f->ctx, clseq_vocab_decode(vocab, ids, n + 1, &text));
    assert_string_equal(text.data, want);
    clseq_text_fini(&text);
}

static void bytes_are_never_unknown(void **state)
{
#define BAD "\xef\xbf\xbd"
    fixture *f = *state;
    clseq_vocab *vocab = build(f, (clseq_text_options) { .unit = CLSEQ_UNIT_BYTE }, "a");
    const int32_t unknown[] = { CLSEQ_ID_SOS, CLSEQ_ID_UNK, CLSEQ_ID_FIRST + 'x', CLSEQ_ID_PAD };
    clseq_text text = { 0 };

    assert_int_equal(clseq_vocab_size(vocab), 260);
    assert_string_equal(clseq_vocab_token(vocab, CLSEQ_ID_FIRST + 0xab), "<0xAB>");
    assert_int_equal(clseq_vocab_count(vocab, CLSEQ_ID_FIRST + 'a'), 1);
    expect_line(f, vocab, "", "", "");
    expect_line(f, vocab, "\xc3\xa9 <s>", "<0xC3> <0xA9> <0x20> <0x3C> <0x73> <0x3E>",
                "\xc3\xa9 <s>");
    expect_line(f, vocab, "\xe4\xb8\xad  \xf0\x9f\x98\x80\tx", NULL,
                "\xe4\xb8\xad  \xf0\x9f\x98\x80\tx");
    /* The example of the Unicode standard, 3.9, and others. */
    expect_bytes(f, vocab,
                 "a\xf1\x80\x80\xe1\x80\xc2"
                 "b\x80"
                 "c\x80\xbf"
                 "d",
                 13, "a" BAD BAD BAD "b" BAD "c" BAD BAD "d");
    expect_bytes(f, vocab, "\xed\xa0\x80\xe0\x80\xf5\xc0\xaf", 8, BAD BAD BAD BAD BAD BAD BAD BAD);
    expect_bytes(f, vocab, "x\0y\nz\xe4\xb8", 7, "x" BAD "y z" BAD);
    expect_bytes(f, vocab, "\n\0\n", 3, " " BAD " ");
    ASSERT_OK(f->ctx, clseq_vocab_decode(vocab, unknown, 4, &text));
    assert_string_equal(text.data, "<unk>x");
    clseq_text_fini(&text);
    clseq_vocab_destroy(&vocab);

    vocab = build(f, (clseq_text_options) { .unit = CLSEQ_UNIT_BYTE, .lowercase = true }, "a");
    expect_line(f, vocab,
                "\xc3\x89"
                "A",
                "<0xC3> <0xA9> <0x61>",
                "\xc3\xa9"
                "a");
    clseq_vocab_destroy(&vocab);
}

static void bpe_cuts_as_its_codes(void **state)
{
    fixture *f = *state;
    const clseq_text_options text = {
        .unit = CLSEQ_UNIT_BPE, .lowercase = true, .codes = codes, .codes_size = strlen(codes)
    };
    clseq_vocab *vocab = build(f, text, "lowest low newer est \xc3\xa9");

    assert_int_equal(clseq_vocab_text_options(vocab).codes_size, strlen(codes));
    assert_ptr_not_equal(clseq_vocab_text_options(vocab).codes, codes);
    expect_line(f, vocab, "lowest LOW\xc2\xa0 \tnewer", "lo@@ west lo@@ w n@@ e@@ w@@ e@@ r",
                "lowest low newer");
    /* Normal form first, so that two code points are one of the text. */
    expect_line(f, vocab, "e\xcc\x81 est", "\xc3\xa9 est", "\xc3\xa9 est");
    expect_line(f, vocab, "zest", "<unk> est", "<unk> est");
    expect_line(f, vocab, " \t ", "", "");
    clseq_vocab_destroy(&vocab);

    ASSERT_FAILS(f->ctx, CLSEQ_ERR_ARG, "unit bpe needs",
                 clseq_vocab_create_from_tokens(
                     f->ctx, (clseq_text_options) { .unit = CLSEQ_UNIT_BPE },
                     (const char *[]) { "<pad>", "<unk>", "<s>", "</s>", "a" }, 5, &vocab));
}

/* Letters, bytes, a space, and pieces that must not be in a vocabulary. */
static void make_model(bytes *b)
{
    put_letters(b);
    put_piece(b, "ab", -1, CLSEQ_SPM_NORMAL);
    put_piece(b, "<pad>", 0, CLSEQ_SPM_CONTROL);
    put_piece(b, "old", 0, CLSEQ_SPM_UNUSED);
    put_piece(b, "<s2>", 0, CLSEQ_SPM_USER_DEFINED);
    for (unsigned i = 0; i < 256; i++) {
        char name[8];

        snprintf(name, sizeof(name), "<0x%02X>", i);
        put_piece(b, name, 0, CLSEQ_SPM_BYTE);
    }
    put_specs(b, CLSEQ_SPM_UNIGRAM, true, NULL);
}

static void spm_keeps_all_pieces(void **state)
{
    fixture *f = *state;
    static bytes b;
    clseq_text_options text = { .unit = CLSEQ_UNIT_SPM };
    clseq_vocab *vocab;
    clseq_text out = { 0 };
    int32_t ids[4];

    b.size = 0;
    make_model(&b);
    text.codes = (const char *)b.data;
    text.codes_size = b.size;
    vocab = build(f, text, "zzz"); /* the text does not matter */
    assert_int_equal(clseq_vocab_size(vocab), CLSEQ_ID_FIRST + 6 + 256);
    assert_string_equal(clseq_vocab_token(vocab, CLSEQ_ID_FIRST), SP);
    expect_line(f, vocab, "ab  c<s2>", SP " ab " SP " c <s2>", "ab c<s2>");
    expect_line(f, vocab, "a\xc3\xa9<s>", SP " a <0xC3> <0xA9> <0x3C> <0x73> <0x3E>",
                "a\xc3\xa9<s>");
    ids[0] = clseq_vocab_find(vocab, "<0x0A>", 6);
    ids[1] = clseq_vocab_find(vocab, "<0xC3>", 6);
    ids[2] = clseq_vocab_find(vocab, "<0x00>", 6);
    ids[3] = CLSEQ_ID_UNK;
    ASSERT_OK(f->ctx, clseq_vocab_decode(vocab, ids, 4, &out));
    assert_string_equal(out.data, " " BAD BAD " \xe2\x81\x87 ");
    clseq_text_fini(&out);
    clseq_vocab_destroy(&vocab);
}

/* Every line of a file through a vocabulary of a model gives the pieces and the text of
 * SentencePiece itself. */
static void spm_as_there(void **state)
{
    static const char *const models[] = { "joeynmt_sp200", "made_botchan_bpe1000" };
    fixture *f = *state;

    for (size_t m = 0; m < CLSEQ_ARRAY_SIZE(models); m++) {
        char path[512], name[128], inputs[512], expected[512];
        clseq_text_options text = { .unit = CLSEQ_UNIT_SPM };
        clseq_text model = { 0 }, got = { 0 };
        clseq_lines *in = NULL, *want = NULL;
        const char *line, *decoded;
        size_t n, n_decoded, compared = 0;
        clseq_ids ids = { 0 };
        clseq_vocab *vocab;
        bool more;

        snprintf(name, sizeof(name), "subword/%s.model", models[m]);
        need_data(path, sizeof(path), name);
        need_data(inputs, sizeof(inputs), "subword/inputs.txt");
        snprintf(name, sizeof(name), "subword/expected.%s.dec.gz", models[m]);
        need_data(expected, sizeof(expected), name);
        ASSERT_OK(f->ctx, clseq_unit_codes_read(f->ctx, CLSEQ_UNIT_SPM, path, &model));
        text.codes = model.data;
        text.codes_size = model.size;
        vocab = build(f, text, "");
        clseq_text_fini(&model);
        ASSERT_OK(f->ctx, clseq_lines_open(f->ctx, inputs, 0, &in));
        ASSERT_OK(f->ctx, clseq_lines_open(f->ctx, expected, 0, &want));
        for (;;) {
            ASSERT_OK(f->ctx, clseq_lines_next(in, &line, &n, &more));
            if (!more)
                break;
            ASSERT_OK(f->ctx, clseq_lines_next(want, &decoded, &n_decoded, &more));
            assert_true(more);
            ASSERT_OK(f->ctx, clseq_vocab_encode(vocab, line, n, &ids));
            ASSERT_OK(f->ctx, clseq_vocab_decode(vocab, ids.data, ids.size, &got));
            assert_string_equal(got.data, decoded);
            compared++;
        }
        assert_true(compared > 100);
        clseq_lines_close(&in);
        clseq_lines_close(&want);
        clseq_vocab_destroy(&vocab);
        clseq_ids_fini(&ids);
        clseq_text_fini(&got);
    }
}

/* Replace one member of a stored vocabulary; expect the error. */
static void expect_damage(fixture *f, const clseq_vocab *vocab, const char *key, json_t *value,
                          const char *why)
{
    json_t *text = NULL, *tokens = NULL;
    clseq_vocab *ret = NULL;

    to_json(f, vocab, &text, &tokens);
    assert_int_equal(value ? json_object_set_new(text, key, value) : json_object_del(text, key), 0);
    ASSERT_FAILS(f->ctx, CLSEQ_ERR_FORMAT, why, stored(f, text, tokens, &ret));
    assert_null(ret);
    json_decref(text);
    json_decref(tokens);
}

/* The same with a token, or without the last one. */
static void expect_bad_token(fixture *f, const clseq_vocab *vocab, size_t id, const char *token,
                             const char *why)
{
    json_t *text = NULL, *tokens = NULL;
    clseq_vocab *ret = NULL;

    to_json(f, vocab, &text, &tokens);
    assert_int_equal(token ? json_array_set_new(tokens, id, json_string(token))
                           : json_array_remove(tokens, json_array_size(tokens) - 1),
                     0);
    ASSERT_FAILS(f->ctx, CLSEQ_ERR_FORMAT, why, stored(f, text, tokens, &ret));
    json_decref(text);
    json_decref(tokens);
}

static void damage_is_found(void **state)
{
    fixture *f = *state;
    static bytes b;
    clseq_text_options text = { .unit = CLSEQ_UNIT_BPE,
                                .codes = codes,
                                .codes_size = strlen(codes) };
    clseq_vocab *vocab = build(f, text, "lowest");
    json_t *object = NULL;
    char *half;
    size_t n;

    expect_damage(f, vocab, "codes", NULL, "unit bpe must have \"codes\"");
    expect_damage(f, vocab, "codes", json_integer(1), "unit bpe must have \"codes\"");
    expect_damage(f, vocab, "codes", json_string(""), "unit bpe must have \"codes\"");
    expect_damage(f, vocab, "codes", json_string("a b c\n"), "codes:1");
    expect_damage(f, vocab, "codes", json_stringn("a b\0", 4), "NUL");
    expect_damage(f, vocab, "unit", json_string("bpf"), "\"unit\"");
    expect_damage(f, vocab, "unit", json_string("spm"), "must have \"sentencepiece\"");
    expect_damage(f, vocab, "lowercase", NULL, "\"lowercase\"");
    expect_bad_token(f, vocab, 4, "a b", "white space");
    clseq_vocab_destroy(&vocab);

    vocab = build(f, (clseq_text_options) { .unit = CLSEQ_UNIT_BYTE }, "");
    expect_bad_token(f, vocab, 100, "<0x41>", "token 100 is not the byte");
    expect_bad_token(f, vocab, 4, "a", "token 4 is not the byte");
    expect_bad_token(f, vocab, 0, NULL, "259 tokens");
    clseq_vocab_destroy(&vocab);

    b.size = 0;
    make_model(&b);
    text = (clseq_text_options) { .unit = CLSEQ_UNIT_SPM,
                                  .codes = (const char *)b.data,
                                  .codes_size = b.size };
    vocab = build(f, text, "");
    expect_damage(f, vocab, "sentencepiece", json_string("AAAA"), "SentencePiece model");
    expect_damage(f, vocab, "sentencepiece", json_string("AAA"), "base64");
    expect_damage(f, vocab, "sentencepiece", json_string("A*AA"), "base64");
    expect_bad_token(f, vocab, 5, "<pad2>", "token 5 is not a piece");
    expect_bad_token(f, vocab, 5, "old", "token 5 is not a piece");
    /* Cut anywhere: an error, never a crash. */
    ASSERT_OK(f->ctx, clseq_text_options_to_json(f->ctx, clseq_vocab_text_options(vocab), &object));
    half = strdup(json_string_value(json_object_get(object, "sentencepiece")));
    assert_non_null(half);
    for (n = strlen(half) - 4; n >= 4; n = n > 400 ? n - 396 : n - 4) {
        half[n] = 0;
        expect_damage(f, vocab, "sentencepiece", json_string(half), "");
    }
    free(half);
    json_decref(object);
    clseq_vocab_destroy(&vocab);
}

static void merges_are_learnt(void **state)
{
    static const char *const source[] = { "low lower", "lowest low", "", "x y z w" };
    static const char *const target[] = { "New newest", "newest wide", "widest widest", "q" };
    fixture *f = *state;
    clseq_unit_learning o = { .text = { { 0 }, { .lowercase = true } },
                              .wanted = { true, true },
                              .merges = 5,
                              .max_length = 3 };
    clseq_text got[2] = { { 0 }, { 0 } }, want = { 0 };

    for (int joint = 0; joint < 2; joint++) {
        clseq_pairs *pairs = NULL;

        o.joint = joint == 1;
        ASSERT_OK(f->ctx,
                  clseq_pairs_create_from_strings(f->ctx, "text", source, target, 4, &pairs));
        ASSERT_OK(f->ctx, clseq_unit_codes_learn(f->ctx, pairs, &o, got));
        for (int side = 0; side < 2; side++) {
            clseq_bpe_learner *learner = NULL;

            ASSERT_OK(f->ctx, clseq_bpe_learner_create(f->ctx, &learner));
            /* Only pairs of 1 to 3 words a side. */
            for (size_t i = 0; i < 2; i++) {
                static const char *const lower[] = { "new newest", "newest wide" };

                if (o.joint || side == 0)
                    ASSERT_OK(f->ctx, clseq_bpe_learner_add(learner, source[i], strlen(source[i])));
                if (o.joint || side == 1)
                    ASSERT_OK(f->ctx, clseq_bpe_learner_add(learner, lower[i], strlen(lower[i])));
            }
            ASSERT_OK(f->ctx, clseq_bpe_learner_learn(learner, 5, 2, &want, NULL));
            assert_string_equal(got[side].data, want.data);
            clseq_bpe_learner_destroy(&learner);
        }
        assert_int_equal(strcmp(got[0].data, got[1].data) == 0, joint);
        clseq_pairs_close(&pairs);
    }
    clseq_text_fini(&got[0]);
    clseq_text_fini(&got[1]);
    clseq_text_fini(&want);
}

static void files_are_read(void **state)
{
    fixture *f = *state;
    clseq_text text = { 0 };

    ASSERT_OK(f->ctx, clseq_unit_codes_read(f->ctx, CLSEQ_UNIT_BPE,
                                            make_gzip(f, "codes.gz", codes, "wb"), &text));
    assert_string_equal(text.data, codes);
    ASSERT_OK(f->ctx, clseq_unit_codes_read(f->ctx, CLSEQ_UNIT_BPE,
                                            make_text(f, "codes", "a b\r\nc d"), &text));
    assert_string_equal(text.data, "a b\nc d\n");
    ASSERT_FAILS(
        f->ctx, CLSEQ_ERR_DATA, "UTF-8",
        clseq_unit_codes_read(f->ctx, CLSEQ_UNIT_BPE, make_text(f, "bad", "a \xff\n"), &text));
    ASSERT_FAILS(f->ctx, CLSEQ_ERR_IO, "missing",
                 clseq_unit_codes_read(f->ctx, CLSEQ_UNIT_BPE, "missing", &text));
    ASSERT_FAILS(f->ctx, CLSEQ_ERR_IO, "missing",
                 clseq_unit_codes_read(f->ctx, CLSEQ_UNIT_SPM, "missing", &text));
    ASSERT_OK(f->ctx, clseq_unit_codes_read(f->ctx, CLSEQ_UNIT_SPM,
                                            make_file(f, "model", "\0\xff", 2), &text));
    assert_int_equal(text.size, 2);
    clseq_text_fini(&text);
}

static void bpe_keeps_its_limits(void **state)
{
    static const char pieces[] = "lo@@\nw@@\nest\nx@@\n", glossaries[] = "<[a-z]+>\nlow\\d\n";
    fixture *f = *state;
    clseq_text_options text = { .unit = CLSEQ_UNIT_BPE,
                                .codes = codes,
                                .codes_size = strlen(codes),
                                .pieces = pieces,
                                .pieces_size = strlen(pieces) };
    const char *line = "lowest xlow1west a<west>b <lo";
    clseq_vocab *vocab = build(f, text, line);

    assert_ptr_not_equal(clseq_vocab_text_options(vocab).pieces, pieces);
    expect_line(f, vocab, line,
                "lo@@ w@@ est x@@ lo@@ w@@ 1@@ w@@ est a@@ <@@ w@@ e@@ s@@ t@@ >@@ b "
                "<@@ l@@ o",
                line);
    clseq_vocab_destroy(&vocab);

    text.pieces = NULL;
    text.pieces_size = 0;
    text.glossaries = glossaries;
    text.glossaries_size = strlen(glossaries);
    vocab = build(f, text, line);
    expect_line(f, vocab, line, "lo@@ west x@@ low1@@ west a@@ <west>@@ b <@@ l@@ o", line);
    clseq_vocab_destroy(&vocab);

    text.pieces = pieces;
    text.pieces_size = strlen(pieces);
    vocab = build(f, text, line);
    expect_line(f, vocab, line, "lo@@ w@@ est x@@ low1@@ w@@ est a@@ <west>@@ b <@@ l@@ o", line);
    expect_damage(f, vocab, "pieces", json_string(""), "\"pieces\" must be a string");
    expect_damage(f, vocab, "glossaries", json_integer(1), "\"glossaries\" must be a string");
    expect_damage(f, vocab, "glossaries", json_string("(a\n"), "a ) is missing");
    expect_damage(f, vocab, "glossaries", json_string("a\n\nb\n"), "glossary 1 is empty");
    expect_damage(f, vocab, "pieces", json_stringn("a\0", 2), "NUL");
    expect_damage(f, vocab, "unit", json_string("word"), "with unit bpe, or not be there");
    clseq_vocab_destroy(&vocab);

    text.unit = CLSEQ_UNIT_WORD;
    ASSERT_FAILS(
        f->ctx, CLSEQ_ERR_ARG, "are of unit bpe",
        clseq_vocab_create_from_tokens(
            f->ctx, text, (const char *[]) { "<pad>", "<unk>", "<s>", "</s>", "a" }, 5, &vocab));
}

/* ---- BPE-dropout ---- */

enum { PAIRS = 40 };

/* Pairs of one to six words, of merges in `dropout_codes`. */
static const char dropout_codes[] = "#version: 0.2\nl o\nlo w</w>\nn e\nne w</w>\nlo n\n";

static void make_pairs(char text[2 * PAIRS][64], const char **source, const char **target)
{
    static const char *const known[] = { "low", "new", "lonew", "nelow", "lo", "new" };

    for (size_t i = 0; i < 2 * PAIRS; i++) {
        const size_t n = 1 + (size_t)clseq_random_below(5, CLSEQ_RANDOM_TEST, 0, i, 6);

        text[i][0] = 0;
        for (size_t k = 0; k < n; k++)
            sprintf(text[i] + strlen(text[i]), "%s%s", k ? " " : "",
                    known[clseq_random_below(5, CLSEQ_RANDOM_TEST, 1, 8 * i + k, 6)]);
        (i % 2 ? target : source)[i / 2] = text[i];
    }
}

/* What a batch says of sentence b: the text of each side, and a sum over its ids. */
static uint64_t read_row(fixture *f, const clseq_batch *batch, size_t b, bool reverse,
                         const clseq_vocab *const vocab[2], const char *const want[2],
                         size_t lengths[2])
{
    uint64_t sum = 0;
    clseq_text text = { 0 };

    for (int side = 0; side < 2; side++) {
        const int32_t *ids = side ? batch->target_out : batch->source;
        const size_t n = (size_t)(side ? batch->target_length : batch->source_length)[b] - 1;
        int32_t row[64];

        assert_true(n < 64);
        for (size_t t = 0; t < n; t++) {
            const size_t at = side == 0 && reverse ? n - 1 - t : t;

            row[t] = ids[at * batch->B + b];
            sum = sum * 31 + (uint64_t)row[t];
        }
        assert_int_equal(ids[n * batch->B + b], CLSEQ_ID_EOS);
        ASSERT_OK(f->ctx, clseq_vocab_decode(vocab[side], row, n, &text));
        assert_string_equal(text.data, want[side]);
        lengths[side] = n;
    }
    clseq_text_fini(&text);
    return sum;
}

static void dropout_cuts_anew(void **state)
{
    static char text[2 * PAIRS][64];
    const char *source[PAIRS], *target[PAIRS];
    fixture *f = *state;
    clseq_text_options bpe = { .unit = CLSEQ_UNIT_BPE,
                               .codes = dropout_codes,
                               .codes_size = strlen(dropout_codes) };
    clseq_vocab_pair_options options;
    clseq_corpus_options corpus_options;
    clseq_pairs *pairs = NULL;

    make_pairs(text, source, target);
    ASSERT_OK(f->ctx,
              clseq_pairs_create_from_strings(f->ctx, "text", source, target, PAIRS, &pairs));
    clseq_vocab_pair_options_init(&options);
    options.source_text = options.target_text = bpe;
    options.source_limits.min_count = options.target_limits.min_count = 1;
    options.bpe_dropout = 0.5;
    clseq_corpus_options_init(&corpus_options);
    corpus_options.folder = f->folder;
    for (int reverse = 0; reverse < 2; reverse++) {
        clseq_vocab *vocab[2] = { NULL, NULL };
        uint64_t sums[3][PAIRS], fingerprint;
        clseq_corpus *corpus = NULL;
        clseq_batches_options o;
        clseq_batch_limits limits;
        clseq_batches *batches = NULL;
        clseq_batch batch;
        size_t longer = 0, other = 0, in_order = 0;

        ASSERT_OK(f->ctx,
                  clseq_vocab_create_from_pairs(f->ctx, pairs, &options, &vocab[0], &vocab[1]));
        corpus_options.reverse_source = reverse == 1;
        ASSERT_OK(f->ctx,
                  clseq_corpus_create(f->ctx, pairs, vocab[0], vocab[1], &corpus_options, &corpus));
        fingerprint = clseq_corpus_fingerprint(corpus);
        clseq_batches_options_init(&o);
        o.batch_size = 16;
        o.bpe_dropout = 0.5;
        o.source_vocab = vocab[0];
        o.target_vocab = vocab[1];
        ASSERT_FAILS(f->ctx, CLSEQ_ERR_ARG, "keeps its words",
                     clseq_batches_create(f->ctx, corpus, &o, &batches));
        clseq_corpus_destroy(&corpus);
        corpus_options.keep_words = true;
        ASSERT_OK(f->ctx,
                  clseq_corpus_create(f->ctx, pairs, vocab[0], vocab[1], &corpus_options, &corpus));
        corpus_options.keep_words = false;
        assert_true(clseq_corpus_fingerprint(corpus) == fingerprint);
        o.batch_tokens = 100;
        ASSERT_FAILS(f->ctx, CLSEQ_ERR_ARG, "--batch-tokens",
                     clseq_batches_create(f->ctx, corpus, &o, &batches));
        o.batch_tokens = 0;
        o.bpe_dropout = 1.5;
        ASSERT_FAILS(f->ctx, CLSEQ_ERR_ARG, "0 to 1",
                     clseq_batches_create(f->ctx, corpus, &o, &batches));
        o.bpe_dropout = 0.5;
        ASSERT_OK(f->ctx, clseq_batches_create(f->ctx, corpus, &o, &batches));
        clseq_batches_get_limits(batches, &limits);
        clseq_batch_init(&batch, f->ctx);
        ASSERT_OK(f->ctx, clseq_batch_reserve(&batch, &limits));
        /* Epochs 0, 1 and, after a jump and in another order, 0 again. */
        for (int round = 0; round < 3; round++) {
            for (uint64_t i = 0; i < clseq_batches_per_epoch(batches); i++) {
                const uint64_t n = clseq_batches_per_epoch(batches);

                ASSERT_OK(f->ctx,
                          clseq_batches_seek(batches, round == 1, round == 2 ? n - 1 - i : i));
                ASSERT_OK(f->ctx, clseq_batches_next(batches, &batch));
                assert_true(batch.S <= limits.S && batch.T <= limits.T && batch.N <= limits.N);
                assert_true(batch.source_rows.count <= limits.source_count);
                for (size_t b = 0; b < batch.B; b++) {
                    const uint64_t pair = batch.sentence[b];
                    const char *const want[2] = { source[pair], target[pair] };
                    clseq_sentence plain[2];
                    size_t lengths[2];

                    clseq_corpus_pair(corpus, pair, &plain[0], &plain[1]);
                    sums[round][pair] = read_row(
                        f, &batch, b, reverse == 1,
                        (const clseq_vocab *const[]) { vocab[0], vocab[1] }, want, lengths);
                    longer += lengths[0] > plain[0].length;
                    assert_true(lengths[0] >= plain[0].length && lengths[1] >= plain[1].length);
                    in_order += b == 0 || batch.source_length[b] <= batch.source_length[b - 1];
                }
            }
        }
        assert_memory_equal(sums[0], sums[2], sizeof(sums[0]));
        for (size_t i = 0; i < PAIRS; i++)
            other += sums[0][i] != sums[1][i];
        assert_true(other > PAIRS / 2 && longer > PAIRS);
        assert_int_equal(in_order, 3 * PAIRS);
        clseq_batch_fini(&batch);
        clseq_batches_destroy(&batches);
        clseq_corpus_destroy(&corpus);
        clseq_vocab_destroy(&vocab[0]);
        clseq_vocab_destroy(&vocab[1]);
    }
    clseq_pairs_close(&pairs);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, fixture_create, fixture_destroy)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(base64_is_exact),       TEST(bytes_are_never_unknown),
        TEST(bpe_cuts_as_its_codes), TEST(spm_keeps_all_pieces),
        TEST(spm_as_there),          TEST(damage_is_found),
        TEST(merges_are_learnt),     TEST(files_are_read),
        TEST(dropout_cuts_anew),     TEST(bpe_keeps_its_limits),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
