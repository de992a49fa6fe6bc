/* SPDX-License-Identifier: BSD-2-Clause */
/* SentencePiece models: real ones against the output of spm_encode and spm_decode, made ones
 * against what can be worked out by hand. */
#include "data_files.h"
#include "spm_maker.h"

#include "base/philox.h"
#include "data/utf8.h"

#include <math.h>

/* ---- real models ---- */

typedef struct expected {
    clseq_lines *input, *pieces, *ids, *decoded;
    clseq_ids got_ids, want_ids;
    clseq_text text;
} expected;

static void read_line(fixture *f, clseq_lines *lines, const char **line, size_t *n, bool *more)
{
    ASSERT_OK(f->ctx, clseq_lines_next(lines, line, n, more));
}

static void parse_ids(const char *line, clseq_ids *ids)
{
    char *end = NULL;

    for (ids->size = 0; *line; line = end) {
        const long id = strtol(line, &end, 10);

        if (ids->size == ids->capacity) {
            ids->capacity = ids->capacity ? 2 * ids->capacity : 64;
            ids->data = realloc(ids->data, ids->capacity * sizeof(*ids->data));
            assert_non_null(ids->data);
        }
        ids->data[ids->size++] = (int32_t)id;
    }
}

/* One line; false at the end. */
static bool compare_line(fixture *f, const clseq_spm *spm, expected *e, const char *model,
                         int number)
{
    const char *line = NULL, *want = NULL;
    size_t n = 0, want_n = 0;
    bool more = false;

    read_line(f, e->input, &line, &n, &more);
    if (!more)
        return false;
    ASSERT_OK(f->ctx, clseq_spm_encode_pieces(spm, line, n, &e->text));
    read_line(f, e->pieces, &want, &want_n, &more);
    assert_true(more);
    if (strcmp(e->text.data, want) != 0)
        fail_msg("%s:%d: pieces\n%s\nwanted\n%s", model, number, e->text.data, want);
    ASSERT_OK(f->ctx, clseq_spm_encode(spm, line, n, &e->got_ids));
    read_line(f, e->ids, &want, &want_n, &more);
    parse_ids(want, &e->want_ids);
    assert_int_equal(e->got_ids.size, e->want_ids.size);
    assert_memory_equal(e->got_ids.data, e->want_ids.data, 4 * e->got_ids.size);
    ASSERT_OK(f->ctx, clseq_spm_decode(spm, e->got_ids.data, e->got_ids.size, &e->text));
    read_line(f, e->decoded, &want, &want_n, &more);
    if (strcmp(e->text.data, want) != 0)
        fail_msg("%s:%d: decoded\n%s\nwanted\n%s", model, number, e->text.data, want);
    return true;
}

static clseq_lines *open_data(fixture *f, const char *model, const char *what)
{
    clseq_lines *lines = NULL;
    char name[256], path[512];

    snprintf(name, sizeof(name), "subword/expected.%s.%s.gz", model, what);
    need_data(path, sizeof(path), name);
    ASSERT_OK(f->ctx, clseq_lines_open(f->ctx, path, 0, &lines));
    return lines;
}

static void compare_model(fixture *f, const char *model)
{
    expected e = { 0 };
    clseq_spm *spm = NULL;
    char name[256], path[512], inputs[512];
    int lines = 0;

    snprintf(name, sizeof(name), "subword/%s.model", model);
    need_data(path, sizeof(path), name);
    need_data(inputs, sizeof(inputs), "subword/inputs.txt");
    ASSERT_OK(f->ctx, clseq_lines_open(f->ctx, inputs, 0, &e.input));
    e.pieces = open_data(f, model, "pieces");
    e.ids = open_data(f, model, "ids");
    e.decoded = open_data(f, model, "dec");
    ASSERT_OK(f->ctx, clseq_spm_load(f->ctx, path, &spm));
    while (compare_line(f, spm, &e, model, lines + 1))
        lines++;
    printf("%s: %d lines\n", model, lines);
    assert_int_equal(lines, 328);
    clseq_spm_destroy(&spm);
    clseq_lines_close(&e.input);
    clseq_lines_close(&e.pieces);
    clseq_lines_close(&e.ids);
    clseq_lines_close(&e.decoded);
    clseq_ids_fini(&e.got_ids);
    clseq_ids_fini(&e.want_ids);
    clseq_text_fini(&e.text);
}

static void unigram_as_there(void **state)
{
    compare_model(*state, "spm_test_model");
}

static void user_defined_as_there(void **state)
{
    compare_model(*state, "joeynmt_sp200");
}

static void bpe_as_there(void **state)
{
    compare_model(*state, "made_botchan_bpe1000");
}

static void char_as_there(void **state)
{
    compare_model(*state, "made_botchan_char");
}

/* ---- made models ---- */

static void unigram_is_the_best_path(void **state)
{
    fixture *f = *state;
    bytes b = { .size = 0 };
    clseq_spm *spm;

    put_letters(&b);
    put_piece(&b, "ab", -5, CLSEQ_SPM_NORMAL);
    put_piece(&b, "bc", -1, CLSEQ_SPM_NORMAL);
    put_piece(&b, "X", 0, CLSEQ_SPM_USER_DEFINED);
    put_piece(&b, "ca", -0.5f, CLSEQ_SPM_UNUSED);
    put_specs(&b, CLSEQ_SPM_UNIGRAM, false, NULL);
    spm = make(f, &b);
    assert_int_equal(clseq_spm_size(spm), 11);
    assert_int_equal(clseq_spm_get_type(spm), CLSEQ_SPM_UNIGRAM);
    assert_int_equal(clseq_spm_unk_id(spm), 0);
    assert_int_equal(clseq_spm_bos_id(spm), 1);
    assert_int_equal(clseq_spm_eos_id(spm), 2);
    assert_int_equal(clseq_spm_pad_id(spm), -1);
    assert_int_equal(clseq_spm_get_kind(spm, 9), CLSEQ_SPM_USER_DEFINED);
    assert_int_equal(clseq_spm_find(spm, "bc", 2), 8);
    assert_null(clseq_spm_piece(spm, 11));
    expect(f, spm, "abc", SP " a bc", "abc");                 /* -3 - 1 beats -5 - 4 */
    expect(f, spm, " ab  ca ", SP " ab " SP " c a", "ab ca"); /* -5 beats -6 */
    expect(f, spm, "aXXyzb", SP " a X X yz b", "aXX \xe2\x81\x87 b");
    expect(f, spm, "", "", "");
    expect(f, spm, "  ", "", "");
    clseq_spm_destroy(&spm);
    assert_null(spm);
}

static void bpe_merges_the_best_score_first(void **state)
{
    fixture *f = *state;
    bytes b = { .size = 0 };
    clseq_spm *spm;

    put_letters(&b);
    put_piece(&b, "bc", -0.5f, CLSEQ_SPM_NORMAL);
    put_piece(&b, "ab", -0.25f, CLSEQ_SPM_UNUSED);
    put_piece(&b, "aa", -0.75f, CLSEQ_SPM_NORMAL);
    put_piece(&b, "abc", -1, CLSEQ_SPM_UNUSED);
    put_specs(&b, CLSEQ_SPM_BPE, false, NULL);
    spm = make(f, &b);
    /* "ab" comes first and cannot be used: it is taken apart again, and "bc" has missed its turn.
     * "abc" was made of "ab" and "c", or of "a" and "bc". */
    expect(f, spm, "abca", SP " a b c a", "abca");
    expect(f, spm, "bcaaa", SP " bc aa a", "bcaaa");
    expect(f, spm, "</s>", SP " </s>", " \xe2\x81\x87 ");
    clseq_spm_destroy(&spm);
}

static void char_and_word(void **state)
{
    fixture *f = *state;
    bytes b = { .size = 0 };
    clseq_spm *spm;

    put_letters(&b);
    put_piece(&b, "bc", 0, CLSEQ_SPM_USER_DEFINED);
    /* Required, but not in the text that the model was made from. */
    put_piece(&b, "Q", -INFINITY, CLSEQ_SPM_NORMAL);
    put_specs(&b, CLSEQ_SPM_CHAR, false, NULL);
    spm = make(f, &b);
    expect(f, spm, "abc Qc\xc3\xa9\xc3\xa9", SP " a bc " SP " Q c \xc3\xa9\xc3\xa9",
           "abc Qc \xe2\x81\x87 ");
    clseq_spm_destroy(&spm);

    b.size = 0;
    put_letters(&b);
    put_piece(&b, SP "ab", -1, CLSEQ_SPM_NORMAL);
    put_specs(&b, CLSEQ_SPM_WORD, false, NULL);
    spm = make(f, &b);
    expect(f, spm, "ab cd e  ab", SP "ab " SP "cd" SP "e " SP "ab", "ab \xe2\x81\x87  ab");
    clseq_spm_destroy(&spm);
}

static void unknown_text_becomes_bytes(void **state)
{
    static const char broken[] = "<s> " SP " a <0xE6> <0x97> b <0x62> <0xFF> qq";
    fixture *f = *state;
    bytes b = { .size = 0 };
    clseq_text text = { 0 };
    clseq_spm *spm;
    char piece[8];

    put_letters(&b);
    for (unsigned i = 0; i < 256; i++) {
        snprintf(piece, sizeof(piece), "<0x%02X>", i);
        put_piece(&b, piece, 0, CLSEQ_SPM_BYTE);
    }
    put_specs(&b, CLSEQ_SPM_UNIGRAM, true, NULL);
    spm = make(f, &b);
    expect(f, spm, "a\xc3\xa9z", SP " a <0xC3> <0xA9> <0x7A>", "a\xc3\xa9z");
    /* A control piece, a broken sequence of bytes, a piece that is not there. */
    ASSERT_OK(f->ctx, clseq_spm_decode_pieces(spm, broken, strlen(broken), &text));
    assert_string_equal(text.data, "a\xef\xbf\xbd\xef\xbf\xbd"
                                   "bb\xef\xbf\xbd"
                                   "qq");
    clseq_text_fini(&text);
    clseq_spm_destroy(&spm);
}

/* Rules: the longest match wins; a text may become nothing or more than one character. */
static void rules_are_applied(void **state)
{
    fixture *f = *state;
    map_maker *map = calloc(1, sizeof(*map));
    bytes *rules = calloc(1, sizeof(*rules)), *b = calloc(1, sizeof(*b));
    clseq_text text = { 0 };
    clseq_spm *spm;

    assert_true(map && rules && b);
    map_init(map);
    map_add(map, "A", "a");
    map_add(map, "AB", "c");
    map_add(map, "\xc2\xa0", " ");
    map_add(map, "\xef\xac\x81", "fi");
    map_add(map, "\t", "");
    map_write(map, rules);
    put_letters(b);
    put_piece(b, "ABA", 0, CLSEQ_SPM_USER_DEFINED);
    put_specs(b, CLSEQ_SPM_UNIGRAM, false, rules);
    spm = make(f, b);
    ASSERT_OK(f->ctx,
              clseq_spm_normalize(spm, "\xc2\xa0 AABA\tAB\xc2\xa0  \xef\xac\x81 ", 18, &text));
    assert_string_equal(text.data, SP "aABA"
                                      "c" SP "fi");
    /* One U+FFFD for each byte that is not UTF-8. */
    ASSERT_OK(f->ctx, clseq_spm_normalize(spm,
                                          "a\xef\xac"
                                          "b\xff\xed\xa0\x80",
                                          8, &text));
    assert_string_equal(text.data, SP "a\xef\xbf\xbd\xef\xbf\xbd"
                                      "b\xef\xbf\xbd\xef\xbf\xbd"
                                      "\xef\xbf\xbd\xef\xbf\xbd");
    clseq_text_fini(&text);
    clseq_spm_destroy(&spm);
    free(map);
    free(rules);
    free(b);
}

/* Any bytes are cut, in time that grows with their number. */
static void any_bytes_of_any_length(void **state)
{
    static const clseq_spm_type types[] = { CLSEQ_SPM_UNIGRAM, CLSEQ_SPM_BPE, CLSEQ_SPM_WORD,
                                            CLSEQ_SPM_CHAR };
    const size_t n = (size_t)1 << 20;
    fixture *f = *state;
    clseq_text text = { 0 };
    clseq_ids ids = { 0 };
    char *line = malloc(n);

    assert_non_null(line);
    for (size_t t = 0; t < 4; t++) {
        bytes b = { .size = 0 };
        clseq_spm *spm;

        put_letters(&b);
        put_piece(&b, "aa", -1, CLSEQ_SPM_NORMAL);
        put_piece(&b, "aaaa", -1, CLSEQ_SPM_NORMAL);
        put_specs(&b, types[t], false, NULL);
        spm = make(f, &b);
        memset(line, 'a', n);
        ASSERT_OK(f->ctx, clseq_spm_encode(spm, line, n, &ids));
        ASSERT_OK(f->ctx, clseq_spm_decode(spm, ids.data, ids.size, &text));
        for (uint64_t i = 0; i < 4096; i++)
            line[i] = (char)clseq_random_u64(7, CLSEQ_RANDOM_TEST, (uint32_t)t, i);
        ASSERT_OK(f->ctx, clseq_spm_encode_pieces(spm, line, 4096, &text));
        assert_int_equal(clseq_utf8_valid_prefix(text.data, text.size), text.size);
        clseq_spm_destroy(&spm);
    }
    free(line);
    clseq_ids_fini(&ids);
    clseq_text_fini(&text);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, fixture_create, fixture_destroy)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(unigram_as_there),
        TEST(user_defined_as_there),
        TEST(bpe_as_there),
        TEST(char_as_there),
        TEST(unigram_is_the_best_path),
        TEST(bpe_merges_the_best_score_first),
        TEST(char_and_word),
        TEST(unknown_text_becomes_bytes),
        TEST(rules_are_applied),
        TEST(any_bytes_of_any_length),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
