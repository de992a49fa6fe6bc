/* SPDX-License-Identifier: BSD-2-Clause */
/* Numbers rounded to bf16, against distances in double, and tensors written with them. */
#include "safetensors_unit.h"

#include "io/safetensors_format.h"

#include <fcntl.h>
#include <math.h>

static float from_bits(uint32_t bits)
{
    float f;

    memcpy(&f, &bits, sizeof(f));
    return f;
}

static float from_bf16(uint16_t h)
{
    float f;

    clseq_safetensors_to_f32(CLSEQ_SAFETENSORS_BF16, &h, 1, &f);
    return f;
}

/* ---- rounding ---- */

static void expect_rounded(uint32_t bits, uint16_t expected)
{
    const uint16_t got = clseq_safetensors_to_bf16(from_bits(bits));

    if (got != expected)
        fail_msg("%08x (%g) rounds to %04x, expected %04x", bits, (double)from_bits(bits), got,
                 expected);
}

/* Every bf16 number is itself, and so is what lies around it: up to half a step on both sides. */
static void all_numbers_and_ties(void **state)
{
    (void)state;
    for (uint32_t h = 0; h < 0x8000; h++) {
        for (uint32_t sign = 0; sign < 2; sign++) {
            const uint32_t number = sign << 15 | h, bits = number << 16;

            if (h > 0x7f80)
                continue; /* NaN, below */
            expect_rounded(bits, (uint16_t)number);
            if (h == 0x7f80)
                continue;
            expect_rounded(bits + 1, (uint16_t)number);
            expect_rounded(bits + 0x7fff, (uint16_t)number);
            expect_rounded(bits + 0x8000, (uint16_t)(number + (number & 1)));
            expect_rounded(bits + 0x8001, (uint16_t)(number + 1));
            expect_rounded(bits + 0xffff, (uint16_t)(number + 1));
        }
    }
}

/* The nearer of the two neighbours by distances that are exact in double. */
static uint16_t nearest(float value)
{
    const double x = fabs((double)value);
    uint16_t low = 0, high = 0x7f80;
    double below, above;

    while (high - low > 1) { /* the numbers rise with their bits; what x lies between */
        const uint16_t middle = (uint16_t)((low + high) / 2);

        if ((double)from_bf16(middle) <= x)
            low = middle;
        else
            high = middle;
    }
    below = x - (double)from_bf16(low);
    /* The step behind the largest number is that before it. */
    above = (high == 0x7f80 ? 0x1p128 : (double)from_bf16(high)) - x;
    if (above < below || (above == below && low % 2 == 1))
        low = high;
    return (uint16_t)(low | (signbit(value) ? 0x8000 : 0));
}

static void random_numbers(void **state)
{
    uint64_t s = 20240607;
    size_t subnormal = 0, infinite = 0;

    (void)state;
    for (int i = 0; i < 400000; i++) {
        uint32_t bits;
        float value;

        s = s * 6364136223846793005u + 1442695040888963407u;
        bits = (uint32_t)(s >> 32);
        if (i % 8 == 0)
            bits &= 0x807fffffu; /* subnormal */
        else if (i % 8 == 1)
            bits = (bits & 0x8001ffffu) | 0x7f7e0000u; /* the largest ones */
        value = from_bits(bits);
        if (isnan(value) || isinf(value))
            continue;
        expect_rounded(bits, nearest(value));
        subnormal += fpclassify(value) == FP_SUBNORMAL;
        infinite += isinf(from_bf16(nearest(value))) != 0;
    }
    assert_true(subnormal > 10000 && infinite > 1000);
}

static void special_numbers(void **state)
{
    (void)state;
    expect_rounded(0x00000000, 0x0000);
    expect_rounded(0x80000000, 0x8000);
    expect_rounded(0x7f800000, 0x7f80);
    expect_rounded(0xff800000, 0xff80);
    expect_rounded(0x00000001, 0x0000); /* the smallest float */
    expect_rounded(0x00008000, 0x0000); /* half of the smallest bf16: a tie */
    expect_rounded(0x80008001, 0x8001);
    expect_rounded(0x007fffff, 0x0080); /* the largest subnormal becomes the smallest normal */
    expect_rounded(0x7f7f7fff, 0x7f7f);
    expect_rounded(0x7f7f8000, 0x7f80); /* 2^128 - 2^119: from here on infinite */
    expect_rounded(0xff7fffff, 0xff80);
    /* NaN, quiet or signalling, with any payload: still NaN, quiet, of the same sign. */
    for (uint32_t payload = 1; payload < 0x800000; payload += payload < 0x20000 ? 1 : 997) {
        for (uint32_t sign = 0; sign < 2; sign++) {
            const uint32_t bits = sign << 31 | 0x7f800000u | payload;
            const uint16_t h = clseq_safetensors_to_bf16(from_bits(bits));

            assert_int_equal(h, bits >> 16 | 0x40);
            assert_true(isnan(from_bf16(h)));
        }
    }
}

/* ---- the writer ---- */

enum { LONG = 20000 }; /* more than the writer rounds at a time */

static float long_value(size_t i)
{
    return (float)((double)(i * 7919 % 65521) - 32760.25) * 1e-4f;
}

/* "a" in bf16, "b" in fp32, "c" in bf16, from one array in pieces that fall on no boundary. */
static clseq_safetensors_writer *declare_three(const struct place *p)
{
    const size_t a[] = { LONG / 100, 100 }, b[] = { 3 }, c[] = { 5 };
    clseq_safetensors_writer *w = NULL;

    ASSERT_OK(p->ctx, clseq_safetensors_writer_create(p->ctx, &w));
    ASSERT_OK(p->ctx, clseq_safetensors_writer_tensor(w, "a", CLSEQ_SAFETENSORS_BF16, 2, a));
    ASSERT_OK(p->ctx, clseq_safetensors_writer_tensor(w, "b", CLSEQ_SAFETENSORS_F32, 1, b));
    ASSERT_OK(p->ctx, clseq_safetensors_writer_tensor(w, "c", CLSEQ_SAFETENSORS_BF16, 1, c));
    ASSERT_OK(p->ctx, clseq_safetensors_writer_begin(w, p->path));
    return w;
}

static const float last_five[] = { 1.00390625f, -1.01171875f, NAN, -INFINITY, 3.3895e38f };
static const uint16_t last_rounded[] = { 0x3f80, 0xbf82, 0x7fc0, 0xff80, 0x7f7f };

static void write_three(const struct place *p)
{
    clseq_safetensors_writer *w = declare_three(p);
    float *values = malloc((LONG + 8) * sizeof(*values));

    assert_non_null(values);
    for (size_t i = 0; i < LONG + 3; i++)
        values[i] = long_value(i);
    memcpy(values + LONG + 3, last_five, sizeof(last_five));
    for (size_t first = 0; first < LONG + 8; first += 9973)
        ASSERT_OK(p->ctx,
                  clseq_safetensors_writer_write_f32(
                      w, values + first, LONG + 8 - first < 9973 ? LONG + 8 - first : 9973));
    ASSERT_FAILS(p->ctx, CLSEQ_ERR_ARG, "1 numbers more than the 3 tensors",
                 clseq_safetensors_writer_write_f32(w, values, 1));
    ASSERT_OK(p->ctx, clseq_safetensors_writer_commit(w));
    clseq_safetensors_writer_destroy(&w);
    free(values);
}

static void round_trip(void **state)
{
    const struct place *p = *state;
    clseq_safetensors *f = NULL;
    const clseq_safetensors_info *t;
    float *got = malloc(LONG * sizeof(*got)), three[3], five[5];
    uint16_t raw[5];

    assert_non_null(got);
    write_three(p);
    ASSERT_OK(p->ctx, clseq_safetensors_open(p->ctx, p->path, &f));
    ASSERT_OK(p->ctx, clseq_safetensors_verify(f));
    assert_true(clseq_safetensors_has_checksums(f));
    t = clseq_safetensors_find(f, "a");
    assert_int_equal(t->dtype, CLSEQ_SAFETENSORS_BF16);
    assert_int_equal(t->bytes, 2 * LONG);
    assert_int_equal(clseq_safetensors_size(f), t->offset + 2 * LONG + 12 + 10);
    ASSERT_OK(p->ctx,
              clseq_safetensors_read_f32(f, t, 0, LONG, CLSEQ_SAFETENSORS_FINITE_ONLY, got));
    for (size_t i = 0; i < LONG; i++)
        assert_true(got[i] == from_bf16(nearest(long_value(i))));
    t = clseq_safetensors_find(f, "b");
    ASSERT_OK(p->ctx, clseq_safetensors_read_f32(f, t, 0, 3, CLSEQ_SAFETENSORS_ANY_VALUE, three));
    for (size_t i = 0; i < 3; i++)
        assert_true(three[i] == long_value(LONG + i));
    t = clseq_safetensors_find(f, "c");
    ASSERT_OK(p->ctx, clseq_safetensors_read_raw(f, t, 0, sizeof(raw), raw));
    assert_memory_equal(raw, last_rounded, sizeof(raw));
    ASSERT_FAILS(p->ctx, CLSEQ_ERR_FORMAT, "\"c\": element 2 is not a number",
                 clseq_safetensors_read_f32(f, t, 0, 5, CLSEQ_SAFETENSORS_FINITE_ONLY, five));
    clseq_safetensors_close(&f);
    free(got);
}

/* Of a small file: any bit of its data, any length. */
static void damage_is_noticed(void **state)
{
    const struct place *p = *state;
    const float values[] = { 0.5f, -3.0f, 1e-3f, 7.0f };
    const size_t shape[] = { 4 };
    clseq_safetensors_writer *w = NULL;
    clseq_safetensors *f = NULL;
    size_t size;
    int fd;

    ASSERT_OK(p->ctx, clseq_safetensors_writer_create(p->ctx, &w));
    ASSERT_OK(p->ctx, clseq_safetensors_writer_tensor(w, "w", CLSEQ_SAFETENSORS_BF16, 1, shape));
    ASSERT_OK(p->ctx, clseq_safetensors_writer_begin(w, p->path));
    ASSERT_OK(p->ctx, clseq_safetensors_writer_write_f32(w, values, 4));
    ASSERT_OK(p->ctx, clseq_safetensors_writer_commit(w));
    clseq_safetensors_writer_destroy(&w);
    ASSERT_OK(p->ctx, clseq_safetensors_open(p->ctx, p->path, &f));
    size = clseq_safetensors_size(f);
    clseq_safetensors_close(&f);
    fd = open(p->path, O_RDWR | O_CLOEXEC);
    assert_true(fd >= 0);
    for (size_t bit = 0; bit < 8 * 8; bit++) {
        const off_t at = (off_t)(size - 8 + bit / 8);
        unsigned char byte, flipped;

        assert_int_equal(pread(fd, &byte, 1, at), 1);
        flipped = (unsigned char)(byte ^ 1u << bit % 8);
        assert_int_equal(pwrite(fd, &flipped, 1, at), 1);
        ASSERT_FAILS(p->ctx, CLSEQ_ERR_FORMAT, "\"w\": its data has checksum", read_all(p));
        assert_int_equal(pwrite(fd, &byte, 1, at), 1);
    }
    ASSERT_OK(p->ctx, read_all(p));
    for (size_t n = size; n-- > 0;) {
        assert_int_equal(ftruncate(fd, (off_t)n), 0);
        ASSERT_FAILS(p->ctx, CLSEQ_ERR_FORMAT, p->path, read_all(p));
    }
    close(fd);
}

/* A number too large for bf16 stops the writer and leaves what was there. */
static void overflow_is_refused(void **state)
{
    const struct place *p = *state;
    static float values[LONG];
    clseq_safetensors_writer *w;

    write_three(p);
    w = declare_three(p);
    values[LONG - 7] = -3.4e38f;
    ASSERT_OK(p->ctx, clseq_safetensors_writer_write_f32(w, values, 100));
    ASSERT_FAILS(p->ctx, CLSEQ_ERR_FORMAT, "element 19993 of tensor \"a\" is -3.4e+38",
                 clseq_safetensors_writer_write_f32(w, values + 100, LONG - 100));
    assert_non_null(strstr(clseq_context_error(p->ctx), p->path));
    clseq_safetensors_writer_destroy(&w);
    ASSERT_OK(p->ctx, read_all(p));
    /* As a float it is as good as any. */
    w = declare_three(p);
    values[LONG - 7] = 0;
    ASSERT_OK(p->ctx, clseq_safetensors_writer_write_f32(w, values, LONG));
    values[0] = -3.4e38f;
    ASSERT_OK(p->ctx, clseq_safetensors_writer_write_f32(w, values, 3));
    ASSERT_FAILS(p->ctx, CLSEQ_ERR_FORMAT, "element 0 of tensor \"c\"",
                 clseq_safetensors_writer_write_f32(w, values, 1));
    values[0] = 0;
    clseq_safetensors_writer_destroy(&w);
}

static void wrong_calls_are_refused(void **state)
{
    const struct place *p = *state;
    const float values[4] = { 0 };
    const size_t shape[] = { 4 };
    clseq_safetensors_writer *w = NULL;

    ASSERT_OK(p->ctx, clseq_safetensors_writer_create(p->ctx, &w));
    ASSERT_OK(p->ctx, clseq_safetensors_writer_tensor(w, "w", CLSEQ_SAFETENSORS_BF16, 1, shape));
    ASSERT_OK(p->ctx, clseq_safetensors_writer_tensor(w, "h", CLSEQ_SAFETENSORS_F16, 1, shape));
    ASSERT_FAILS(p->ctx, CLSEQ_ERR_ARG, "between begin and commit",
                 clseq_safetensors_writer_write_f32(w, values, 4));
    ASSERT_OK(p->ctx, clseq_safetensors_writer_begin(w, p->path));
    ASSERT_OK(p->ctx, clseq_safetensors_writer_write_f32(w, values, 1));
    ASSERT_OK(p->ctx, clseq_safetensors_writer_write(w, values, 1));
    ASSERT_FAILS(p->ctx, CLSEQ_ERR_ARG, "byte 3 is in the middle",
                 clseq_safetensors_writer_write_f32(w, values, 2));
    ASSERT_OK(p->ctx, clseq_safetensors_writer_write(w, values, 1));
    ASSERT_FAILS(p->ctx, CLSEQ_ERR_ARG, "\"h\" is declared as F16",
                 clseq_safetensors_writer_write_f32(w, values, 3));
    clseq_safetensors_writer_destroy(&w);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, place_create, place_destroy)

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(all_numbers_and_ties),
        cmocka_unit_test(random_numbers),
        cmocka_unit_test(special_numbers),
        TEST(round_trip),
        TEST(damage_is_noticed),
        TEST(overflow_is_refused),
        TEST(wrong_calls_are_refused),
    };

    return cmocka_run_group_tests_name("bf16", tests, NULL, NULL);
}
