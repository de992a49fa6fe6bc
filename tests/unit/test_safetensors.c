/* SPDX-License-Identifier: BSD-2-Clause */
#include "safetensors_unit.h"

#include "base/file.h"

#include <fcntl.h>
#include <math.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>

/* Overwrite one byte of the file: quicker than writing it anew for each of thousands of flips. */
static void put_byte(const struct place *p, size_t offset, unsigned char byte)
{
    const int fd = open(p->path, O_WRONLY | O_CLOEXEC);

    assert_true(fd >= 0);
    assert_int_equal(pwrite(fd, &byte, 1, (off_t)offset), 1);
    close(fd);
}

static const float sample_a[6] = { 0.0f, -1.5f, 3.25f, 1e-30f, -2e20f, 7.0f };
static const float sample_b[70] = { 1.0f, [69] = -3.0f };
static const int64_t sample_c[2] = { -5, INT64_MAX };

static clseq_safetensors_writer *declare_sample(const struct place *p)
{
    clseq_safetensors_writer *w = NULL;
    const size_t a[] = { 2, 3 }, b[] = { 7, 2, 5 }, c[] = { 2 };

    ASSERT_OK(p->ctx, clseq_safetensors_writer_create(p->ctx, &w));
    ASSERT_OK(p->ctx, clseq_safetensors_writer_tensor(w, "a", CLSEQ_SAFETENSORS_F32, 2, a));
    ASSERT_OK(p->ctx,
              clseq_safetensors_writer_metadata(w, "config", "{\"hidden\": 3, \"\\\"\": 1}"));
    ASSERT_OK(p->ctx, clseq_safetensors_writer_tensor(w, "b.w_0", CLSEQ_SAFETENSORS_F32, 3, b));
    ASSERT_OK(p->ctx, clseq_safetensors_writer_tensor(w, "c", CLSEQ_SAFETENSORS_I64, 1, c));
    ASSERT_OK(p->ctx, clseq_safetensors_writer_metadata(w, "words", "caf\xc3\xa9\n\t\"\x01"));
    return w;
}

static void write_sample(const struct place *p)
{
    clseq_safetensors_writer *w = declare_sample(p);
    unsigned char all[sizeof(sample_a) + sizeof(sample_b) + sizeof(sample_c)];

    memcpy(all, sample_a, sizeof(sample_a));
    memcpy(all + sizeof(sample_a), sample_b, sizeof(sample_b));
    memcpy(all + sizeof(sample_a) + sizeof(sample_b), sample_c, sizeof(sample_c));
    ASSERT_OK(p->ctx, clseq_safetensors_writer_begin(w, p->path));
    /* Pieces that fall neither on elements nor on tensors. */
    for (size_t i = 0; i < sizeof(all); i += 13)
        ASSERT_OK(p->ctx, clseq_safetensors_writer_write(
                              w, all + i, sizeof(all) - i < 13 ? sizeof(all) - i : 13));
    ASSERT_OK(p->ctx, clseq_safetensors_writer_commit(w));
    clseq_safetensors_writer_destroy(&w);
    assert_null(w);
}

static void read_file(const struct place *p, unsigned char **data, size_t *size)
{
    char *text = NULL;

    ASSERT_OK(p->ctx, clseq_file_read(p->ctx, p->path, 1 << 20, &text, size));
    *data = (unsigned char *)text;
}

static void round_trip(void **state)
{
    const struct place *p = *state;
    clseq_context *ctx = p->ctx;
    clseq_safetensors *f = NULL;
    const clseq_safetensors_info *t;
    const size_t shape_a[] = { 2, 3 }, shape_b[] = { 7, 2, 5 }, wrong[] = { 3, 2 };
    float got[70];
    int64_t numbers[2];

    write_sample(p);
    ASSERT_OK(ctx, clseq_safetensors_open(ctx, p->path, &f));
    assert_int_equal(clseq_safetensors_count(f), 3);
    assert_true(clseq_safetensors_has_checksums(f));
    assert_string_equal(clseq_safetensors_path(f), p->path);
    assert_string_equal(clseq_safetensors_metadata(f, "config"), "{\"hidden\": 3, \"\\\"\": 1}");
    assert_string_equal(clseq_safetensors_metadata(f, "words"), "caf\xc3\xa9\n\t\"\x01");
    assert_null(clseq_safetensors_metadata(f, "nothing"));
    assert_string_equal(clseq_safetensors_at(f, 1)->name, "b.w_0");
    assert_int_equal(clseq_safetensors_at(f, 0)->offset % 64, 0);
    assert_null(clseq_safetensors_find(f, "bb"));
    ASSERT_OK(ctx, clseq_safetensors_require(f, "a", 2, shape_a, &t));
    assert_int_equal(t->count, 6);
    ASSERT_OK(ctx, clseq_safetensors_read_f32(f, t, 0, 6, CLSEQ_SAFETENSORS_FINITE_ONLY, got));
    assert_memory_equal(got, sample_a, sizeof(sample_a));
    ASSERT_OK(ctx, clseq_safetensors_read_f32(f, t, 4, 2, CLSEQ_SAFETENSORS_FINITE_ONLY, got));
    assert_memory_equal(got, sample_a + 4, 2 * sizeof(float));
    ASSERT_OK(ctx, clseq_safetensors_read_f32(f, t, 6, 0, CLSEQ_SAFETENSORS_FINITE_ONLY, got));
    ASSERT_OK(ctx, clseq_safetensors_require(f, "b.w_0", 3, shape_b, &t));
    ASSERT_OK(ctx, clseq_safetensors_read_f32(f, t, 0, 70, CLSEQ_SAFETENSORS_FINITE_ONLY, got));
    assert_memory_equal(got, sample_b, sizeof(sample_b));
    t = clseq_safetensors_find(f, "c");
    assert_non_null(t);
    ASSERT_OK(ctx, clseq_safetensors_read_raw(f, t, 0, sizeof(numbers), numbers));
    assert_memory_equal(numbers, sample_c, sizeof(sample_c));
    ASSERT_OK(ctx, clseq_safetensors_verify(f));

    ASSERT_FAILS(ctx, CLSEQ_ERR_FORMAT, "has shape (2, 3), expected (3, 2)",
                 clseq_safetensors_require(f, "a", 2, wrong, &t));
    ASSERT_FAILS(ctx, CLSEQ_ERR_FORMAT, "has shape (2, 3), expected (2)",
                 clseq_safetensors_require(f, "a", 1, shape_a, &t));
    ASSERT_FAILS(ctx, CLSEQ_ERR_FORMAT, "\"c\" holds I64",
                 clseq_safetensors_require(f, "c", 1, shape_a, &t));
    ASSERT_FAILS(ctx, CLSEQ_ERR_FORMAT, "\"d\" of shape (2, 3) is missing among its 3",
                 clseq_safetensors_require(f, "d", 2, shape_a, &t));
    ASSERT_FAILS(ctx, CLSEQ_ERR_FORMAT, "\"c\" holds I64",
                 clseq_safetensors_read_f32(f, clseq_safetensors_find(f, "c"), 0, 1,
                                            CLSEQ_SAFETENSORS_ANY_VALUE, got));
    t = clseq_safetensors_find(f, "a");
    ASSERT_FAILS(ctx, CLSEQ_ERR_ARG, "beyond its 6 elements",
                 clseq_safetensors_read_f32(f, t, 5, 2, CLSEQ_SAFETENSORS_ANY_VALUE, got));
    ASSERT_FAILS(ctx, CLSEQ_ERR_ARG, "beyond its 6 elements",
                 clseq_safetensors_read_f32(f, t, 1, SIZE_MAX, CLSEQ_SAFETENSORS_ANY_VALUE, got));
    ASSERT_FAILS(ctx, CLSEQ_ERR_ARG, "beyond its 24 bytes",
                 clseq_safetensors_read_raw(f, t, 25, 0, got));
    clseq_safetensors_close(&f);
    assert_null(f);
}

static void the_same_calls_make_the_same_bytes(void **state)
{
    const struct place *p = *state;
    unsigned char *first, *second;
    size_t n, m;

    write_sample(p);
    read_file(p, &first, &n);
    write_sample(p);
    read_file(p, &second, &m);
    assert_int_equal(n, m);
    assert_memory_equal(first, second, n);
    free(first);
    free(second);
}

static void every_truncation_is_refused(void **state)
{
    const struct place *p = *state;
    unsigned char *data;
    size_t size;

    write_sample(p);
    read_file(p, &data, &size);
    for (size_t n = size; n-- > 0;) {
        assert_int_equal(truncate(p->path, (off_t)n), 0);
        ASSERT_FAILS(p->ctx, CLSEQ_ERR_FORMAT, p->path, read_all(p));
    }
    put_file(p, data, size);
    ASSERT_OK(p->ctx, read_all(p));
    free(data);
}

static void one_more_byte_is_refused(void **state)
{
    const struct place *p = *state;
    unsigned char *data;
    size_t size;

    write_sample(p);
    read_file(p, &data, &size); /* a 0 byte follows the data */
    put_file(p, data, size + 1);
    ASSERT_FAILS(p->ctx, CLSEQ_ERR_FORMAT, "1 bytes follow the last tensor", read_all(p));
    free(data);
}

/* A flip inside the words `"clseq.xxh3` that mark the header sum switches that sum off and changes
 * nothing else; every other flip must be noticed. */
static void every_bit_flip_is_noticed(void **state)
{
    const struct place *p = *state;
    const size_t mark = 8 + strlen("{\"__metadata__\": {\""),
                 mark_end = mark + strlen("clseq.xxh3");
    unsigned char *data;
    size_t size, unnoticed = 0;

    write_sample(p);
    read_file(p, &data, &size);
    for (size_t bit = 0; bit < size * 8; bit++) {
        clseq_status status;

        put_byte(p, bit / 8, (unsigned char)(data[bit / 8] ^ 1u << bit % 8));
        status = read_all(p);
        if (status == CLSEQ_OK) {
            unnoticed++;
            if (bit / 8 < mark || bit / 8 >= mark_end)
                fail_msg("bit %zu of byte %zu changed and nobody noticed", bit % 8, bit / 8);
        } else {
            assert_int_equal(status, CLSEQ_ERR_FORMAT);
        }
        put_byte(p, bit / 8, data[bit / 8]);
    }
    assert_true(unnoticed < 8 * strlen("clseq.xxh3"));
    free(data);
}

/* The same without the header sum, so that the parser itself meets every flip: it may accept the
 * file or refuse it, never crash, and an accepted table fits the file. */
static void flips_of_an_unsigned_header_are_safe(void **state)
{
    const struct place *p = *state;
    static const char header[] =
        "{\"__metadata__\":{\"a\":\"b\"},\"w\":{\"dtype\":\"F32\",\"shape\":[2,3],"
        "\"data_offsets\":[0,24]},\"x\":{\"dtype\":\"F16\",\"shape\":[4],"
        "\"data_offsets\":[24,32]}}  ";
    unsigned char file[8 + sizeof(header) - 1 + 32] = { sizeof(header) - 1 };
    size_t refused = 0;

    memcpy(file + 8, header, sizeof(header) - 1);
    put_file(p, file, sizeof(file));
    for (size_t bit = 0; bit < (8 + sizeof(header) - 1) * 8; bit++) {
        clseq_safetensors *f = NULL;

        put_byte(p, bit / 8, (unsigned char)(file[bit / 8] ^ 1u << bit % 8));
        if (clseq_safetensors_open(p->ctx, p->path, &f) == CLSEQ_OK) {
            size_t bytes = 0;

            for (size_t i = 0; i < clseq_safetensors_count(f); i++)
                bytes += clseq_safetensors_at(f, i)->bytes;
            assert_int_equal(bytes, 32);
            ASSERT_OK(p->ctx, clseq_safetensors_verify(f));
        } else {
            refused++;
        }
        clseq_safetensors_close(&f);
        put_byte(p, bit / 8, file[bit / 8]);
    }
    assert_true(refused > 8 * 8);
}

static void checksums_follow_reads_in_pieces(void **state)
{
    const struct place *p = *state;
    clseq_context *ctx = p->ctx;
    clseq_safetensors *f = NULL;
    const clseq_safetensors_info *t;
    unsigned char *data;
    size_t size;
    float got[70];

    write_sample(p);
    read_file(p, &data, &size);
    data[size - sizeof(sample_c) - 1] ^= 0x10; /* in the last element of b.w_0 */
    put_file(p, data, size);
    free(data);
    ASSERT_OK(ctx, clseq_safetensors_open(ctx, p->path, &f));
    t = clseq_safetensors_find(f, "b.w_0");
    ASSERT_OK(ctx, clseq_safetensors_read_f32(f, t, 0, 30, CLSEQ_SAFETENSORS_ANY_VALUE, got));
    ASSERT_FAILS(ctx, CLSEQ_ERR_FORMAT, "tensor \"b.w_0\": its data has checksum",
                 clseq_safetensors_read_f32(f, t, 30, 40, CLSEQ_SAFETENSORS_ANY_VALUE, got));
    /* Out of order nothing can be said. */
    ASSERT_OK(ctx, clseq_safetensors_read_f32(f, t, 30, 40, CLSEQ_SAFETENSORS_ANY_VALUE, got));
    ASSERT_FAILS(ctx, CLSEQ_ERR_FORMAT, "checksum", clseq_safetensors_verify(f));
    clseq_safetensors_close(&f);
}
static void what_is_no_file_is_refused(void **state)
{
    const struct place *p = *state;
    clseq_safetensors *f = NULL;

    ASSERT_FAILS(p->ctx, CLSEQ_ERR_IO, "No such file",
                 clseq_safetensors_open(p->ctx, "/nowhere/m", &f));
    ASSERT_FAILS(p->ctx, CLSEQ_ERR_IO, "not a regular file",
                 clseq_safetensors_open(p->ctx, p->folder, &f));
    assert_int_equal(mkfifo(p->path, 0600), 0); /* must not be waited for */
    ASSERT_FAILS(p->ctx, CLSEQ_ERR_IO, "not a regular file",
                 clseq_safetensors_open(p->ctx, p->path, &f));
    assert_null(f);
}

static void a_file_cut_after_open_is_an_error(void **state)
{
    const struct place *p = *state;
    clseq_safetensors *f = NULL;

    write_sample(p);
    ASSERT_OK(p->ctx, clseq_safetensors_open(p->ctx, p->path, &f));
    assert_int_equal(truncate(p->path, (off_t)clseq_safetensors_at(f, 1)->offset + 5), 0);
    ASSERT_FAILS(p->ctx, CLSEQ_ERR_IO, "another program shortens it", clseq_safetensors_verify(f));
    clseq_safetensors_close(&f);
}

static void numbers_that_are_not_finite_are_refused(void **state)
{
    const struct place *p = *state;
    clseq_context *ctx = p->ctx;
    clseq_safetensors_writer *w = NULL;
    clseq_safetensors *f = NULL;
    const size_t n[] = { 3 };
    const float values[3] = { 1.0f, NAN, INFINITY };
    const double wide[3] = { 1.0, 1e39, 2.0 };
    float got[3];

    ASSERT_OK(ctx, clseq_safetensors_writer_create(ctx, &w));
    ASSERT_OK(ctx, clseq_safetensors_writer_tensor(w, "x", CLSEQ_SAFETENSORS_F32, 1, n));
    ASSERT_OK(ctx, clseq_safetensors_writer_tensor(w, "wide", CLSEQ_SAFETENSORS_F64, 1, n));
    ASSERT_OK(ctx, clseq_safetensors_writer_begin(w, p->path));
    ASSERT_OK(ctx, clseq_safetensors_writer_write(w, values, sizeof(values)));
    ASSERT_OK(ctx, clseq_safetensors_writer_write(w, wide, sizeof(wide)));
    ASSERT_OK(ctx, clseq_safetensors_writer_commit(w));
    clseq_safetensors_writer_destroy(&w);
    ASSERT_OK(ctx, clseq_safetensors_open(ctx, p->path, &f));
    ASSERT_FAILS(ctx, CLSEQ_ERR_FORMAT, "tensor \"x\": element 1 is not a number",
                 clseq_safetensors_read_f32(f, clseq_safetensors_find(f, "x"), 0, 3,
                                            CLSEQ_SAFETENSORS_FINITE_ONLY, got));
    ASSERT_FAILS(ctx, CLSEQ_ERR_FORMAT, "tensor \"x\": element 2 is infinite",
                 clseq_safetensors_read_f32(f, clseq_safetensors_find(f, "x"), 2, 1,
                                            CLSEQ_SAFETENSORS_FINITE_ONLY, got));
    ASSERT_FAILS(ctx, CLSEQ_ERR_FORMAT, "element 1 is infinite or too large for F32",
                 clseq_safetensors_read_f32(f, clseq_safetensors_find(f, "wide"), 0, 3,
                                            CLSEQ_SAFETENSORS_FINITE_ONLY, got));
    ASSERT_OK(ctx, clseq_safetensors_read_f32(f, clseq_safetensors_find(f, "x"), 0, 3,
                                              CLSEQ_SAFETENSORS_ANY_VALUE, got));
    assert_true(isnan(got[1]) && isinf(got[2]));
    clseq_safetensors_close(&f);
}

/* All 65536 halves: against the value computed from sign, exponent and fraction. */
static void halves_convert_exactly(void **state)
{
    const struct place *p = *state;
    clseq_context *ctx = p->ctx;
    clseq_safetensors_writer *w = NULL;
    clseq_safetensors *f = NULL;
    const size_t shape[] = { 65536 };
    uint16_t *bits = malloc(65536 * sizeof(*bits));
    float *half = malloc(65536 * sizeof(*half)), *bfloat = malloc(65536 * sizeof(*bfloat));

    assert_true(bits && half && bfloat);
    for (size_t i = 0; i < 65536; i++)
        bits[i] = (uint16_t)i;
    ASSERT_OK(ctx, clseq_safetensors_writer_create(ctx, &w));
    ASSERT_OK(ctx, clseq_safetensors_writer_tensor(w, "h", CLSEQ_SAFETENSORS_F16, 1, shape));
    ASSERT_OK(ctx, clseq_safetensors_writer_tensor(w, "b", CLSEQ_SAFETENSORS_BF16, 1, shape));
    ASSERT_OK(ctx, clseq_safetensors_writer_begin(w, p->path));
    ASSERT_OK(ctx, clseq_safetensors_writer_write(w, bits, 65536 * sizeof(*bits)));
    ASSERT_OK(ctx, clseq_safetensors_writer_write(w, bits, 65536 * sizeof(*bits)));
    ASSERT_OK(ctx, clseq_safetensors_writer_commit(w));
    clseq_safetensors_writer_destroy(&w);
    ASSERT_OK(ctx, clseq_safetensors_open(ctx, p->path, &f));
    ASSERT_OK(ctx, clseq_safetensors_read_f32(f, clseq_safetensors_find(f, "h"), 0, 65536,
                                              CLSEQ_SAFETENSORS_ANY_VALUE, half));
    ASSERT_OK(ctx, clseq_safetensors_read_f32(f, clseq_safetensors_find(f, "b"), 0, 65536,
                                              CLSEQ_SAFETENSORS_ANY_VALUE, bfloat));
    for (int i = 0; i < 65536; i++) {
        const int e5 = i >> 10 & 31, e8 = i >> 7 & 255;
        const double f10 = (i & 1023) / 1024.0, f7 = (i & 127) / 128.0,
                     sign = i & 32768 ? -1.0 : 1.0;
        const double h = e5 ? ldexp(1.0 + f10, e5 - 15) : ldexp(f10, -14);
        const double b = e8 ? ldexp(1.0 + f7, e8 - 127) : ldexp(f7, -126);

        if (e5 == 31 ? (f10 > 0 ? !isnan(half[i]) : !isinf(half[i])) : (double)half[i] != sign * h)
            fail_msg("half %04x became %g", (unsigned)i, (double)half[i]);
        if (e8 == 255 ? (f7 > 0 ? !isnan(bfloat[i]) : !isinf(bfloat[i]))
                      : (double)bfloat[i] != sign * b)
            fail_msg("bfloat %04x became %g", (unsigned)i, (double)bfloat[i]);
        if (!isnan(half[i]))
            assert_int_equal(!!signbit(half[i]), i >> 15);
    }
    clseq_safetensors_close(&f);
    free(bits);
    free(half);
    free(bfloat);
}

/* Made by tests/fixture/make_safetensors_fixture.py with torch and safetensors. */
static void files_of_pytorch_load(void **state)
{
    const struct place *p = *state;
    clseq_context *ctx = p->ctx;
    const char *folder = getenv("CLSEQ_FIXTURES");
    const size_t weight[] = { 2, 3 }, cube[] = { 2, 2, 2 }, five[] = { 5 }, three[] = { 3 },
                 two[] = { 2 };
    const clseq_safetensors_info *t;
    clseq_safetensors *f = NULL;
    char *path = NULL;
    float v[8];
    int64_t step[2];
    int32_t ids[2];

    ASSERT_OK(ctx, clseq_join_path(ctx, folder ? folder : "tests/fixture/data", "torch.safetensors",
                                   &path));
    ASSERT_OK(ctx, clseq_safetensors_open(ctx, path, &f));
    assert_int_equal(clseq_safetensors_count(f), 8);
    assert_false(clseq_safetensors_has_checksums(f));
    assert_string_equal(clseq_safetensors_metadata(f, "format"), "pt");
    assert_string_equal(clseq_safetensors_metadata(f, "note"), "h\xc3\xa9");
    ASSERT_OK(ctx, clseq_safetensors_require(f, "encoder.rnn.weight_ih_l0", 2, weight, &t));
    ASSERT_OK(ctx, clseq_safetensors_read_f32(f, t, 0, 6, CLSEQ_SAFETENSORS_FINITE_ONLY, v));
    for (int i = 0; i < 6; i++)
        assert_true(v[i] == (float)i / 8.0f - 0.25f);
    ASSERT_OK(ctx, clseq_safetensors_require(f, "cube", 3, cube, &t));
    ASSERT_OK(ctx, clseq_safetensors_read_f32(f, t, 0, 8, CLSEQ_SAFETENSORS_FINITE_ONLY, v));
    for (int i = 0; i < 8; i++)
        assert_true(v[i] == (float)i);
    ASSERT_OK(ctx, clseq_safetensors_require(f, "bias.half", 1, five, &t));
    ASSERT_OK(ctx, clseq_safetensors_read_f32(f, t, 0, 5, CLSEQ_SAFETENSORS_FINITE_ONLY, v));
    assert_true(v[0] == 1.5f && v[1] == -2.0f && v[2] == 65504.0f && v[3] == 0x1p-24f &&
                v[4] == 0.0f && signbit(v[4]));
    ASSERT_OK(ctx, clseq_safetensors_require(f, "bias.bfloat", 1, three, &t));
    ASSERT_OK(ctx, clseq_safetensors_read_f32(f, t, 0, 3, CLSEQ_SAFETENSORS_FINITE_ONLY, v));
    assert_true(v[0] == 1.0f && v[1] == -0.15625f && fabsf(v[2] / 3e38f - 1.0f) < 1.0f / 256);
    ASSERT_OK(ctx, clseq_safetensors_require(f, "bias.double", 1, two, &t));
    ASSERT_OK(ctx, clseq_safetensors_read_f32(f, t, 0, 1, CLSEQ_SAFETENSORS_FINITE_ONLY, v));
    assert_true(v[0] == 0.1f);
    ASSERT_FAILS(ctx, CLSEQ_ERR_FORMAT, "element 1 is infinite or too large",
                 clseq_safetensors_read_f32(f, t, 1, 1, CLSEQ_SAFETENSORS_FINITE_ONLY, v));
    t = clseq_safetensors_find(f, "step");
    ASSERT_OK(ctx, clseq_safetensors_read_raw(f, t, 0, sizeof(step), step));
    assert_true(t->dtype == CLSEQ_SAFETENSORS_I64 && step[0] == -1 && step[1] == (int64_t)1 << 40);
    t = clseq_safetensors_find(f, "ids");
    ASSERT_OK(ctx, clseq_safetensors_read_raw(f, t, 0, sizeof(ids), ids));
    assert_true(t->dtype == CLSEQ_SAFETENSORS_I32 && ids[0] == 7 && ids[1] == -8);
    assert_int_equal(clseq_safetensors_find(f, "bytes")->dtype, CLSEQ_SAFETENSORS_U8);
    ASSERT_OK(ctx, clseq_safetensors_verify(f));
    clseq_safetensors_close(&f);
    free(path);
}

static void the_writer_keeps_its_rules(void **state)
{
    const struct place *p = *state;
    clseq_context *ctx = p->ctx;
    clseq_safetensors_writer *w = declare_sample(p);
    const size_t one[] = { 1 }, zero[] = { 0 }, big[] = { INT32_MAX, INT32_MAX, 4 },
                 large[] = { (size_t)INT32_MAX + 1 };
    char name[130];

    memset(name, 'n', 129);
    name[129] = 0;
    ASSERT_FAILS(ctx, CLSEQ_ERR_ARG, "only the characters",
                 clseq_safetensors_writer_tensor(w, "a b", CLSEQ_SAFETENSORS_F32, 1, one));
    ASSERT_FAILS(ctx, CLSEQ_ERR_ARG, "at most 128 bytes",
                 clseq_safetensors_writer_tensor(w, name, CLSEQ_SAFETENSORS_F32, 1, one));
    ASSERT_FAILS(ctx, CLSEQ_ERR_ARG, "rank 0",
                 clseq_safetensors_writer_tensor(w, "x", CLSEQ_SAFETENSORS_F32, 0, one));
    ASSERT_FAILS(ctx, CLSEQ_ERR_ARG, "rank 4",
                 clseq_safetensors_writer_tensor(w, "x", CLSEQ_SAFETENSORS_F32, 4, one));
    ASSERT_FAILS(ctx, CLSEQ_ERR_ARG, "dimension 0 is 0",
                 clseq_safetensors_writer_tensor(w, "x", CLSEQ_SAFETENSORS_F32, 1, zero));
    ASSERT_FAILS(ctx, CLSEQ_ERR_ARG, "dimension 0 is 2147483648",
                 clseq_safetensors_writer_tensor(w, "x", CLSEQ_SAFETENSORS_F32, 1, large));
    ASSERT_FAILS(ctx, CLSEQ_ERR_ARG, "does not fit",
                 clseq_safetensors_writer_tensor(w, "x", CLSEQ_SAFETENSORS_F32, 3, big));
    ASSERT_FAILS(ctx, CLSEQ_ERR_ARG, "given twice",
                 clseq_safetensors_writer_metadata(w, "config", ""));
    ASSERT_FAILS(ctx, CLSEQ_ERR_ARG, "reserved",
                 clseq_safetensors_writer_metadata(w, "clseq.xxh3.a", ""));
    ASSERT_FAILS(ctx, CLSEQ_ERR_ARG, "UTF-8", clseq_safetensors_writer_metadata(w, "k", "\xff"));
    ASSERT_FAILS(ctx, CLSEQ_ERR_ARG, "between begin and commit only",
                 clseq_safetensors_writer_write(w, "", 0));
    ASSERT_FAILS(ctx, CLSEQ_ERR_ARG, "between begin and commit only",
                 clseq_safetensors_writer_commit(w));
    ASSERT_OK(ctx, clseq_safetensors_writer_tensor(w, "a", CLSEQ_SAFETENSORS_U8, 1, one));
    ASSERT_FAILS(ctx, CLSEQ_ERR_ARG, "\"a\" is declared twice",
                 clseq_safetensors_writer_begin(w, p->path));
    clseq_safetensors_writer_destroy(&w);

    /* Too little and too much data; nothing is left behind. */
    w = declare_sample(p);
    ASSERT_OK(ctx, clseq_safetensors_writer_begin(w, p->path));
    ASSERT_OK(ctx, clseq_safetensors_writer_write(w, sample_a, sizeof(sample_a)));
    ASSERT_OK(ctx, clseq_safetensors_writer_write(w, sample_b, 7));
    ASSERT_FAILS(ctx, CLSEQ_ERR_ARG, "tensor \"b.w_0\" has only 7 of its 280 bytes",
                 clseq_safetensors_writer_commit(w));
    ASSERT_FAILS(ctx, CLSEQ_ERR_ARG, "before begin only",
                 clseq_safetensors_writer_tensor(w, "z", CLSEQ_SAFETENSORS_F32, 1, one));
    ASSERT_OK(ctx,
              clseq_safetensors_writer_write(w, (const char *)sample_b + 7, sizeof(sample_b) - 7));
    ASSERT_OK(ctx, clseq_safetensors_writer_write(w, sample_c, sizeof(sample_c)));
    ASSERT_FAILS(ctx, CLSEQ_ERR_ARG, "1 bytes more than",
                 clseq_safetensors_writer_write(w, "x", 1));
    clseq_safetensors_writer_destroy(&w);
    assert_int_not_equal(access(p->path, F_OK), 0);
}

static void the_writer_keeps_its_limits(void **state)
{
    const struct place *p = *state;
    clseq_context *ctx = p->ctx;
    clseq_safetensors_writer *w = NULL;
    const size_t one[] = { 1 };
    char name[32];

    ASSERT_OK(ctx, clseq_safetensors_writer_create(ctx, &w));
    for (int i = 0; i < 4096; i++) {
        snprintf(name, sizeof(name), "t%d", i);
        ASSERT_OK(ctx, clseq_safetensors_writer_tensor(w, name, CLSEQ_SAFETENSORS_U8, 1, one));
    }
    ASSERT_FAILS(ctx, CLSEQ_ERR_ARG, "at most 4096 tensors",
                 clseq_safetensors_writer_tensor(w, "more", CLSEQ_SAFETENSORS_U8, 1, one));
    for (int i = 0; i < 4096; i++) {
        snprintf(name, sizeof(name), "m%d", i);
        ASSERT_OK(ctx, clseq_safetensors_writer_metadata(w, name, ""));
    }
    ASSERT_FAILS(ctx, CLSEQ_ERR_LIMIT, "8193 metadata entries",
                 clseq_safetensors_writer_begin(w, p->path));
    clseq_safetensors_writer_destroy(&w);
}

static void a_header_over_the_limit_is_refused(void **state)
{
    const struct place *p = *state;
    clseq_safetensors_writer *w = NULL;
    char *text = malloc((64 << 20) + 1);

    assert_non_null(text);
    memset(text, 'v', 64 << 20);
    text[64 << 20] = 0;
    ASSERT_OK(p->ctx, clseq_safetensors_writer_create(p->ctx, &w));
    ASSERT_OK(p->ctx, clseq_safetensors_writer_metadata(w, "words", text));
    ASSERT_FAILS(p->ctx, CLSEQ_ERR_LIMIT, "limit of 67108864 bytes",
                 clseq_safetensors_writer_begin(w, p->path));
    clseq_safetensors_writer_destroy(&w);
    /* A large one within it is fine, written and read. */
    text[4 << 20] = 0;
    ASSERT_OK(p->ctx, clseq_safetensors_writer_create(p->ctx, &w));
    ASSERT_OK(p->ctx, clseq_safetensors_writer_metadata(w, "words", text));
    ASSERT_OK(p->ctx, clseq_safetensors_writer_begin(w, p->path));
    ASSERT_OK(p->ctx, clseq_safetensors_writer_commit(w));
    clseq_safetensors_writer_destroy(&w);
    ASSERT_OK(p->ctx, read_all(p));
    free(text);
}

static void a_full_disk_leaves_the_old_file(void **state)
{
    const struct place *p = *state;
    clseq_safetensors_writer *w;
    struct rlimit old, small = { 0 };

    write_sample(p);
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &old), 0);
    signal(SIGXFSZ, SIG_IGN);
    small.rlim_max = old.rlim_max;
    small.rlim_cur = 600;
    w = declare_sample(p);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
    ASSERT_FAILS(p->ctx, CLSEQ_ERR_IO, "cannot set aside",
                 clseq_safetensors_writer_begin(w, p->path));
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &old), 0);
    signal(SIGXFSZ, SIG_DFL);
    clseq_safetensors_writer_destroy(&w);
    ASSERT_OK(p->ctx, read_all(p));
}

static void an_empty_file_object_is_fine(void **state)
{
    const struct place *p = *state;
    clseq_safetensors_writer *w = NULL;
    clseq_safetensors *none = NULL;

    clseq_safetensors_close(&none);
    clseq_safetensors_close(NULL);
    clseq_safetensors_writer_destroy(&w);
    clseq_safetensors_writer_destroy(NULL);
    ASSERT_OK(p->ctx, clseq_safetensors_writer_create(p->ctx, &w));
    ASSERT_OK(p->ctx, clseq_safetensors_writer_begin(w, p->path));
    ASSERT_OK(p->ctx, clseq_safetensors_writer_write(w, NULL, 0));
    ASSERT_OK(p->ctx, clseq_safetensors_writer_commit(w));
    clseq_safetensors_writer_destroy(&w);
    ASSERT_OK(p->ctx, read_all(p));
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, place_create, place_destroy)
    const struct CMUnitTest tests[] = {
        TEST(round_trip),
        TEST(the_same_calls_make_the_same_bytes),
        TEST(every_truncation_is_refused),
        TEST(one_more_byte_is_refused),
        TEST(every_bit_flip_is_noticed),
        TEST(flips_of_an_unsigned_header_are_safe),
        TEST(checksums_follow_reads_in_pieces),
        TEST(what_is_no_file_is_refused),
        TEST(a_file_cut_after_open_is_an_error),
        TEST(numbers_that_are_not_finite_are_refused),
        TEST(halves_convert_exactly),
        TEST(files_of_pytorch_load),
        TEST(the_writer_keeps_its_rules),
        TEST(the_writer_keeps_its_limits),
        TEST(a_header_over_the_limit_is_refused),
        TEST(a_full_disk_leaves_the_old_file),
        TEST(an_empty_file_object_is_fine),
    };

    return cmocka_run_group_tests_name("safetensors", tests, NULL, NULL);
}
