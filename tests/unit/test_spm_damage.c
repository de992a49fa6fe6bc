/* SPDX-License-Identifier: BSD-2-Clause */
/* Damaged SentencePiece models are refused, and name the byte. */
#include "data_files.h"
#include "spm_maker.h"

static void refused(fixture *f, const bytes *b, const char *part)
{
    clseq_spm *spm = NULL;

    ASSERT_FAILS(f->ctx, CLSEQ_ERR_FORMAT, part,
                 clseq_spm_create_from_memory(f->ctx, "bad.model", b->data, b->size, &spm));
    assert_non_null(strstr(clseq_context_error(f->ctx), "bad.model"));
    assert_null(spm);
}

static void cut_anywhere(void **state)
{
    fixture *f = *state;
    bytes b = { .size = 0 }, cut;
    const char *path;
    clseq_spm *spm = NULL;

    put_letters(&b);
    put_specs(&b, CLSEQ_SPM_BPE, false, NULL);
    for (size_t n = 0; n < b.size; n++) {
        cut = b;
        cut.size = n;
        refused(f, &cut, "bad.model: byte ");
    }
    path = make_file(f, "cut.model", b.data, b.size - 1);
    ASSERT_FAILS(f->ctx, CLSEQ_ERR_FORMAT, "cut.model: byte ", clseq_spm_load(f->ctx, path, &spm));
    path = make_file(f, "whole.model", b.data, b.size);
    ASSERT_OK(f->ctx, clseq_spm_load(f->ctx, path, &spm));
    clseq_spm_destroy(&spm);
    ASSERT_FAILS(f->ctx, CLSEQ_ERR_IO, "none.model", clseq_spm_load(f->ctx, "none.model", &spm));
}

/* Every byte changed to some others: refused, or a model that works. */
static void flip_anything(void **state)
{
    static const unsigned char changes[] = { 0x01, 0x02, 0x07, 0x40, 0x80, 0xff };
    fixture *f = *state;
    map_maker *map = calloc(1, sizeof(*map));
    bytes *rules = calloc(1, sizeof(*rules)), *b = calloc(1, sizeof(*b));
    clseq_text text = { 0 };
    int worked = 0, failed = 0;

    assert_true(map && rules && b);
    map_init(map);
    map_add(map, "A", "a");
    map_write(map, rules);
    put_letters(b);
    put_specs(b, CLSEQ_SPM_UNIGRAM, false, rules);
    for (size_t at = 0; at < b->size; at++) {
        for (size_t k = 0; k < sizeof(changes); k++) {
            clseq_spm *spm = NULL;

            b->data[at] ^= changes[k];
            if (clseq_spm_create_from_memory(f->ctx, "bad.model", b->data, b->size, &spm) ==
                CLSEQ_OK) {
                ASSERT_OK(f->ctx, clseq_spm_encode_pieces(spm, "aA bA \xff", 7, &text));
                clseq_spm_destroy(&spm);
                worked++;
            } else {
                failed++;
            }
            b->data[at] ^= changes[k];
        }
    }
    assert_true(worked > 100 && failed > 100);
    clseq_text_fini(&text);
    free(map);
    free(rules);
    free(b);
}

/* A model with these bytes in front of it. */
static void refused_before(fixture *f, const char *front, size_t n, const char *part)
{
    bytes b = { .size = 0 };

    put(&b, front, n);
    put_letters(&b);
    put_specs(&b, CLSEQ_SPM_BPE, false, NULL);
    refused(f, &b, part);
}

static void bad_numbers(void **state)
{
    fixture *f = *state;

    refused_before(f, "\x0a\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", 11, "byte 0: field 1 says");
    refused_before(f, "\x0a\xff\xff\xff\xff\x7f", 6, "byte 0: field 1 says it has 34359738367");
    refused_before(f, "\x0a\xff\xff\xff\xff\xff\xff\xff\xff\xff\x02", 11, "longer than 64 bits");
    refused_before(f, "\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80\x01", 11, "longer than 64 bits");
    refused_before(f, "\x02\x00", 2, "no field has the number 0");
    refused_before(f, "\xf8\xff\xff\xff\xff\x01\x00", 7, "no field has the number");
    refused_before(f, "\x0e", 1, "unknown type 6");
    refused_before(f, "\x08\x01", 2, "field 1 has the type 0 instead of 2");
    refused_before(f, "\x7c", 1, "a group ends that did not start");
    refused_before(f, "\x7b\x08\x01\x74", 4, "the end of group 14 stands in group 15");
    refused_before(f, "\x0a\x00", 2, "byte 0: a piece is empty");
    refused_before(f, "\x0a\x03\x0a\x01\x00", 5, "NUL");
    refused_before(f, "\x0a\x03\x0a\x01\xff", 5, "not UTF-8");
    refused_before(f, "\x0a\x05\x0a\x01y\x18\x07", 7, "kind of a piece is 7");
    refused_before(f, "\x0a\x08\x0a\x01y\x15\x00\x00\xc0\x7f", 10, "not a number");
    refused_before(f, "\x0a\x08\x0a\x01y\x15\x00\x00\x80\x7f", 10, "or infinite");
    refused_before(f, "\x0a\x03\x0a\x02y", 5, "field 1 says it has 2 bytes, but only 1");
    refused_before(f, "\x0a\x03\x0a\x01y\x0a\x03\x0a\x01y", 10, "there already, as piece 0");
    refused_before(f, "\x0a\x05\x0a\x01y\x18\x02", 7, "second unknown piece");
    refused_before(f, "\x0a\x0a\x0a\x06<0x41>\x18\x06", 12, "byte_fallback false");
    refused_before(f, "\x0a\x05\x0a\x01y\x18\x06", 7, "not spelled like <0x41>");
    refused_before(f, "\x12\x02\x18\x05", 4, "type of the model is 5");
    refused_before(f, "\x1a\x04\x12\x02\x00\x00", 6, "cut short");
    refused_before(f, "\x1a\x08\x12\x06\x04\x00\x00\x00\x00\x00", 10, "cut short");
    refused_before(f, "\x1a\x0b\x12\x09\x03\x00\x00\x00\x00\x00\x00xy", 13, "multiple of 4");
    refused_before(f, "\x1a\x0b\x12\x09\x04\x00\x00\x00\x05\x00\x00\x80y", 13, "outside");
    refused_before(f, "\x1a\x0b\x12\x09\x04\x00\x00\x00\x05\x00\x00\x00\xff", 13, "not UTF-8");
}

static void unknown_fields_do_no_harm(void **state)
{
    /* Fields 100: a varint, 8 bytes, bytes, 4 bytes, a group with a group inside. */
    static const char front[] = "\xa0\x06\x96\x01\xa1\x06"
                                "12345678"
                                "\xa2\x06\x03"
                                "abc"
                                "\xa5\x06"
                                "1234"
                                "\xa3\x06\x08\x01\xab\x06\xac\x06\xa4\x06";
    fixture *f = *state;
    bytes b = { .size = 0 };
    clseq_spm *spm;

    put(&b, front, sizeof(front) - 1);
    put_letters(&b);
    put_specs(&b, CLSEQ_SPM_BPE, false, NULL);
    spm = make(f, &b);
    expect(f, spm, "abc", SP " a b c", "abc");
    clseq_spm_destroy(&spm);
}

static void bad_ids(void **state)
{
    const int32_t ids[] = { 3, -1, 7 };
    fixture *f = *state;
    bytes b = { .size = 0 };
    clseq_text text = { 0 };
    clseq_spm *spm;

    put_letters(&b);
    put_specs(&b, CLSEQ_SPM_BPE, true, NULL);
    refused(f, &b, "no piece <0x00>");
    b.size = 0;
    put_letters(&b);
    put_specs(&b, CLSEQ_SPM_BPE, false, NULL);
    spm = make(f, &b);
    ASSERT_FAILS(f->ctx, CLSEQ_ERR_ARG, "id -1 at place 1", clseq_spm_decode(spm, ids, 2, &text));
    ASSERT_FAILS(f->ctx, CLSEQ_ERR_ARG, "id 7", clseq_spm_decode(spm, ids + 2, 1, &text));
    clseq_text_fini(&text);
    clseq_spm_destroy(&spm);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, fixture_create, fixture_destroy)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(cut_anywhere), TEST(flip_anything), TEST(bad_numbers), TEST(unknown_fields_do_no_harm),
        TEST(bad_ids),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
