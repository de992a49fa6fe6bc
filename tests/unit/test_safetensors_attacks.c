/* SPDX-License-Identifier: BSD-2-Clause */
/* Headers that break one rule each, and strange ones that break none. */
#include "safetensors_unit.h"

/* ---- Handcrafted bad files, each with the words its message must have. ---- */

#define T(dtype, shape, offsets)                                                                   \
    "{\"dtype\":" dtype ",\"shape\":" shape ",\"data_offsets\":" offsets "}"
#define W "\"w\":" T("\"F32\"", "[2]", "[0,8]")

static const struct attack {
    const char *header;
    size_t data; /* zero bytes after it */
    const char *words;
} attacks[] = {
    { "[]", 0, "does not begin with '{'" },
    { " {}", 0, "does not begin with '{'" },
    { "{ \"", 0, "does not end in '}'" },
    { "{" W "}\n", 8, "does not end in '}'" },
    { "{" W "} x}", 8, "end of file expected" },
    { "{" W ",}", 8, "not valid JSON" },
    { "{\"w\xff\":1}", 0, "not valid JSON" },
    { "{\"a\\u0000\":1}", 0, "not valid JSON" },
    { "{" W "," W "}", 8, "duplicate object key" },
    { "{\"__metadata__\":{\"a\":\"1\",\"a\":\"2\"}," W "}", 8, "duplicate object key" },
    { "{\"__metadata__\":{},\"__metadata__\":{}}", 0, "duplicate object key" },
    { "{\"__metadata__\":[]," W "}", 8, "\"__metadata__\" is not a JSON object" },
    { "{\"__metadata__\":{\"a\":1}," W "}", 8, "metadata \"a\": its value is not a text" },
    { "{\"w\":[[[[[[[[[]]]]]]]]]}", 0, "nested deeper than 8" },
    { "{\"w\":7}", 0, "its entry is not a JSON object" },
    { "{\"w\":{}}", 0, "\"dtype\" is missing" },
    { "{\"w\":" T("5", "[2]", "[0,8]") "}", 8, "\"dtype\" is missing or not a text" },
    { "{\"w\":" T("\"F8_E4M3\"", "[8]", "[0,8]") "}", 8, "dtype \"F8_E4M3\"; clseq reads F32" },
    { "{\"w\":" T("\"f32\"", "[2]", "[0,8]") "}", 8, "dtype \"f32\"" },
    { "{\"w\":{\"dtype\":\"F32\",\"data_offsets\":[0,8]}}", 8, "\"shape\" is missing" },
    { "{\"w\":" T("\"F32\"", "2", "[0,8]") "}", 8, "\"shape\" is missing or not an array" },
    { "{\"w\":" T("\"F32\"", "[]", "[0,4]") "}", 4, "a scalar (rank 0)" },
    { "{\"w\":" T("\"F32\"", "[1,1,1,2]", "[0,8]") "}", 8, "rank 4" },
    { "{\"w\":" T("\"F32\"", "[0]", "[0,0]") "}", 0, "dimension 0 is not a whole number from 1" },
    { "{\"w\":" T("\"F32\"", "[2,0]", "[0,0]") "}", 0, "dimension 1 is not" },
    { "{\"w\":" T("\"F32\"", "[-2]", "[0,8]") "}", 8, "dimension 0 is not" },
    { "{\"w\":" T("\"F32\"", "[2.0]", "[0,8]") "}", 8, "dimension 0 is not" },
    { "{\"w\":" T("\"F32\"", "[2e0]", "[0,8]") "}", 8, "dimension 0 is not" },
    { "{\"w\":" T("\"F32\"", "[\"2\"]", "[0,8]") "}", 8, "dimension 0 is not" },
    { "{\"w\":" T("\"F32\"", "[2147483648]", "[0,8]") "}", 8, "dimension 0 is not" },
    { "{\"w\":" T("\"F32\"", "[99999999999999999999]", "[0,8]") "}", 8, "too big integer" },
    { "{\"w\":" T("\"F32\"", "[2147483647,2147483647,4]", "[0,8]") "}", 8, "larger than any file" },
    { "{\"w\":" T("\"F64\"", "[2147483647,2147483647,1]", "[0,8]") "}", 8, "larger than any file" },
    /* 2^62 elements of 4 bytes wrap to 0 where nobody checks. */
    { "{\"w\":" T("\"F32\"", "[1073741824,1073741824,4]", "[0,0]") "}", 0, "larger than any file" },
    { "{\"w\":" T("\"F32\"", "[2147483647]", "[0,8]") "}", 8, "needs 8589934588 bytes but" },
    { "{\"w\":{\"dtype\":\"F32\",\"shape\":[2]}}", 8, "\"data_offsets\" is not [begin, end]" },
    { "{\"w\":" T("\"F32\"", "[2]", "[8]") "}", 8, "\"data_offsets\" is not [begin, end]" },
    { "{\"w\":" T("\"F32\"", "[2]", "[0,8,8]") "}", 8, "\"data_offsets\" is not [begin, end]" },
    { "{\"w\":" T("\"F32\"", "[2]", "[8,0]") "}", 8, "\"data_offsets\" is not [begin, end]" },
    { "{\"w\":" T("\"F32\"", "[2]", "[-8,0]") "}", 8, "\"data_offsets\" is not [begin, end]" },
    { "{\"w\":" T("\"F32\"", "[2]", "[-0,8]") "}", 8, "not a plain whole number" },
    { "{\"w\":" T("\"F32\"", "[2]", "[0,8.0]") "}", 8, "\"data_offsets\" is not [begin, end]" },
    { "{\"w\":" T("\"F32\"", "[2]", "[0,9]") "}", 9, "needs 8 bytes but its data_offsets span 9" },
    { "{\"w\":" T("\"F32\"", "[3]", "[0,8]") "}", 8, "of shape (3) needs 12 bytes" },
    { "{\"w\":" T("\"F32\"", "[2]", "[4,12]") "}", 12, "a hole of 4 bytes before" },
    { "{" W ",\"v\":" T("\"F32\"", "[2]", "[12,20]") "}", 20,
      "a hole of 4 bytes before the data of tensor \"v\"" },
    { "{" W ",\"v\":" T("\"F32\"", "[2]", "[4,12]") "}", 12, "tensors \"w\" and \"v\" overlap" },
    { "{" W ",\"v\":" T("\"F32\"", "[2]", "[0,8]") "}", 8, "tensors \"v\" and \"w\" overlap" },
    { "{\"w\":" T("\"F32\"", "[2]", "[9223372036854775799,9223372036854775807]") "}", 8,
      "a hole of" },
    { "{" W "}", 7, "should end at byte" },
    { "{" W "}", 9, "1 bytes follow the last tensor" },
    { "{}", 1, "1 bytes follow the last tensor" },
    { "{\"\":" T("\"F32\"", "[2]", "[0,8]") "}", 8, "a name may not be empty" },
    { "{\"../w\":" T("\"F32\"", "[2]", "[0,8]") "}", 8, "only the characters" },
    { "{\"w\\u001b[2J\":" T("\"F32\"", "[2]", "[0,8]") "}", 8, "\"w?[2J\"" },
    { "{\"w\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,8],\"x\":0}}", 8,
      "unknown key \"x\"" },
    { "{\"__metadata__\":{\"clseq.xxh3.v\":\"0000000000000000\"}," W "}", 8,
      "belongs to no tensor" },
    { "{\"__metadata__\":{\"clseq.xxh3.w\":\"000000000000000\"}," W "}", 8,
      "not 16 hexadecimal digits" },
    { "{\"__metadata__\":{\"clseq.xxh3.w\":\"000000000000000G\"}," W "}", 8,
      "not 16 hexadecimal digits" },
    { "{\"__metadata__\":{\"clseq.xxh3.w\":\"0000000000000000\"}," W
      ",\"v\":" T("\"U8\"", "[1]", "[8,9]") "}",
      9, "1 of 2 tensors have checksums" },
    { "{\"__metadata__\":{\"clseq.xxh3.w\":\"0000000000000000\"}," W "}", 8,
      "0000000000000000 is stored" },
    { "{\"__metadata__\": {\"clseq.xxh3\": \"0000000000000000\"}," W "}", 8,
      "header does not match its checksum" },
    { "{\"__metadata__\": {\"clseq.xxh3\": \"zzzzzzzzzzzzzzzz\"}," W "}", 8,
      "header does not match its checksum" },
};

static void put_header(const struct place *p, const char *header, size_t length, size_t data)
{
    FILE *f = fopen(p->path, "wb");
    const size_t n = strlen(header);

    assert_non_null(f);
    for (unsigned i = 0; i < 8; i++)
        fputc((int)(length >> (8 * i) & 255), f);
    assert_int_equal(fwrite(header, 1, n, f), n);
    while (data--)
        fputc(0, f);
    assert_int_equal(fclose(f), 0);
}

static void attacks_are_refused(void **state)
{
    const struct place *p = *state;

    for (size_t i = 0; i < CLSEQ_ARRAY_SIZE(attacks); i++) {
        clseq_status status;

        put_header(p, attacks[i].header, strlen(attacks[i].header), attacks[i].data);
        status = read_all(p);
        if (status != CLSEQ_ERR_FORMAT || !strstr(clseq_context_error(p->ctx), attacks[i].words) ||
            !strstr(clseq_context_error(p->ctx), p->path))
            fail_msg("attack %zu %s: %s: \"%s\" lacks \"%s\"", i, attacks[i].header,
                     clseq_status_name(status), clseq_context_error(p->ctx), attacks[i].words);
    }
}

static void good_files_of_others_are_accepted(void **state)
{
    const struct place *p = *state;
    static const struct {
        const char *header;
        size_t data;
    } good[] = {
        { "{}", 0 },
        { "{}      ", 0 },
        { "{\"__metadata__\":{}}", 0 },
        { "{" W "}", 8 },
        { "{\"v\":" T("\"U8\"", "[3]", "[8,11]") "," W "}   ", 11 },
        /* Spaces are ours, but not with a checksum: another program's file. */
        { "{\"__metadata__\":{\"clseq.xxh3\": \"0000000000000000\"}," W "}", 8 },
    };

    for (size_t i = 0; i < CLSEQ_ARRAY_SIZE(good); i++) {
        put_header(p, good[i].header, strlen(good[i].header), good[i].data);
        ASSERT_OK(p->ctx, read_all(p));
    }
}

static void bad_lengths_are_refused(void **state)
{
    const struct place *p = *state;
    static const unsigned char zip[] = "PK\3\4 some PyTorch file",
                               pickle[] = "\x80\2}q\1 old pickle";

    put_header(p, "{" W "}", SIZE_MAX, 8);
    ASSERT_FAILS(p->ctx, CLSEQ_ERR_FORMAT, "header length is 18446744073709551615 bytes, at most",
                 read_all(p));
    put_header(p, "{" W "}", SIZE_MAX - 7, 8);
    ASSERT_FAILS(p->ctx, CLSEQ_ERR_FORMAT, "at most 67108864 are allowed", read_all(p));
    put_header(p, "{" W "}", (64 << 20) + 1, 8);
    ASSERT_FAILS(p->ctx, CLSEQ_ERR_FORMAT, "at most 67108864 are allowed", read_all(p));
    put_header(p, "{" W "}", 64 << 20, 8);
    ASSERT_FAILS(p->ctx, CLSEQ_ERR_FORMAT, "the header should end at byte 67108872", read_all(p));
    put_header(p, "{}", 0, 8);
    ASSERT_FAILS(p->ctx, CLSEQ_ERR_FORMAT, "header length is 0", read_all(p));
    put_file(p, zip, sizeof(zip));
    ASSERT_FAILS(p->ctx, CLSEQ_ERR_FORMAT, "convert it with safetensors.torch.save_file",
                 read_all(p));
    put_file(p, pickle, sizeof(pickle));
    ASSERT_FAILS(p->ctx, CLSEQ_ERR_FORMAT, "convert it with safetensors.torch.save_file",
                 read_all(p));
    put_file(p, "", 0);
    ASSERT_FAILS(p->ctx, CLSEQ_ERR_FORMAT, "only 0 bytes", read_all(p));
}

static void header_of(const struct place *p, size_t tensors, bool metadata)
{
    char *text = calloc(tensors + 2, 96);
    size_t n = 0;

    assert_non_null(text);
    n += (size_t)sprintf(text, "{%s", metadata ? "\"__metadata__\":{" : "");
    for (size_t i = 0; i < tensors; i++)
        n += (size_t)sprintf(
            text + n, metadata ? "%s\"t%zu\":\"\"" : "%s\"t%zu\":" T("\"U8\"", "[1]", "[%zu,%zu]"),
            i ? "," : "", i, i, i + 1);
    sprintf(text + n, "%s}", metadata ? "}" : "");
    put_header(p, text, strlen(text), metadata ? 0 : tensors);
    free(text);
}

static void too_many_are_refused(void **state)
{
    const struct place *p = *state;

    header_of(p, 4096, false);
    ASSERT_OK(p->ctx, read_all(p));
    header_of(p, 4097, false);
    ASSERT_FAILS(p->ctx, CLSEQ_ERR_FORMAT, "4097 tensors, at most 4096", read_all(p));
    header_of(p, 40000, false);
    ASSERT_FAILS(p->ctx, CLSEQ_ERR_FORMAT, "more than 131072 values", read_all(p));
    header_of(p, 8192, true);
    ASSERT_OK(p->ctx, read_all(p));
    header_of(p, 8193, true);
    ASSERT_FAILS(p->ctx, CLSEQ_ERR_FORMAT, "8193 metadata entries", read_all(p));
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, place_create, place_destroy)
    const struct CMUnitTest tests[] = {
        TEST(attacks_are_refused),
        TEST(good_files_of_others_are_accepted),
        TEST(bad_lengths_are_refused),
        TEST(too_many_are_refused),
    };

    return cmocka_run_group_tests_name("safetensors_attacks", tests, NULL, NULL);
}
