/* SPDX-License-Identifier: BSD-2-Clause */
/* Products whose factors are rounded: the rounding against arithmetic, products against known
 * numbers, copies that are kept, sequences, and trainings. */
#include "model_probe.h"
#include "train_case.h"

#include "backend/ops.h"
#include "backend/precision.h"

#include <float.h>
#include <math.h>

/* ---- rounding ---- */

static float of_bits(uint32_t bits)
{
    float x;

    memcpy(&x, &bits, sizeof(x));
    return x;
}

static uint32_t bits_of(float x)
{
    uint32_t bits;

    memcpy(&bits, &x, sizeof(bits));
    return bits;
}

/* By dividing by the distance of neighbours, with rint() to nearest even. */
static float by_arithmetic(float x, int dropped)
{
    const int kept = 24 - dropped; /* bits with the first one */
    int exponent;
    double quantum, rounded;

    if (!isfinite(x) || x == 0)
        return x;
    (void)frexp((double)x, &exponent);
    /* subnormal numbers are all equally far apart */
    quantum = ldexp(1, (exponent < -125 ? -125 : exponent) - kept);
    rounded = rint((double)x / quantum) * quantum;
    if (fabs(rounded) >= ldexp(1, 128))
        return rounded > 0 ? INFINITY : -INFINITY;
    return (float)rounded;
}

static void check_rounding(uint32_t bits)
{
    static const int dropped[] = { 13, 16 };

    for (int i = 0; i < 2; i++) {
        const float x = of_bits(bits), got = clseq_round_mantissa(x, dropped[i]);

        if (isnan(x)) {
            assert_true(isnan(got));
            assert_int_equal(bits_of(got) & (((uint32_t)1 << dropped[i]) - 1), 0);
        } else if (bits_of(got) != bits_of(by_arithmetic(x, dropped[i]))) {
            fail_msg("%08x without %d bits: %a, expected %a", (unsigned)bits, dropped[i],
                     (double)got, (double)by_arithmetic(x, dropped[i]));
        }
    }
}

/* Every pattern of the upper half with lower halves around the ties of both. */
static void test_rounding(void **state)
{
    static const uint32_t lower[] = { 0,      1,      0xfff,  0x1000, 0x1001, 0x2000, 0x3000,
                                      0x7000, 0x7fff, 0x8000, 0x8001, 0x9000, 0xf000, 0xffff };

    (void)state;
    for (uint32_t upper = 0; upper < 0x10000; upper++) {
        for (size_t i = 0; i < CLSEQ_ARRAY_SIZE(lower); i++)
            check_rounding(upper << 16 | lower[i]);
    }
}

static void test_names(void **state)
{
    struct clseq_backend_options options;
    clseq_context *ctx = NULL;
    clseq_backend *be = NULL;

    (void)state;
    assert_string_equal(clseq_precision_name(CLSEQ_PRECISION_FP32), "fp32");
    assert_string_equal(clseq_precision_name(CLSEQ_PRECISION_TF32), "tf32");
    assert_string_equal(clseq_precision_name(CLSEQ_PRECISION_BF16), "bf16");
    assert_int_equal(clseq_context_create(&ctx), CLSEQ_OK);
    clseq_backend_options_init(&options);
    options.name = "reference";
    options.precision = (clseq_precision)3;
    ASSERT_FAILS(ctx, CLSEQ_ERR_ARG, "fp32, tf32 or bf16", clseq_backend_open(ctx, &options, &be));
    clseq_context_destroy(&ctx);
}

/* ---- backends ---- */

static const char *const names[] = { "reference", "opencl", "opencl", "opencl" };
static const clseq_kernel_class classes[] = { CLSEQ_KERNELS_AUTO, CLSEQ_KERNELS_CPU,
                                              CLSEQ_KERNELS_GPU, CLSEQ_KERNELS_GPU };
static const char *const units[] = { NULL, NULL, NULL, "mma-emulated" };

/* Units are for single products here. */
#define PLACES           3
#define PLACES_AND_UNITS (int)CLSEQ_ARRAY_SIZE(names)

/* False where there is no device. */
static bool open_place(struct probe_place *place, int which, clseq_precision precision)
{
    *place = (struct probe_place) { 0 };
    assert_int_equal(clseq_context_create(&place->ctx), CLSEQ_OK);
    place->be =
        probe_backend_unit(place->ctx, names[which], classes[which], precision, units[which]);
    if (place->be)
        return true;
    clseq_context_destroy(&place->ctx);
    return false;
}

static void close_place(struct probe_place *place)
{
    clseq_backend_close(&place->be);
    clseq_context_destroy(&place->ctx);
}

/* ---- products ---- */

/* c = a b with a (m, k) of `x`, b (k, n) of `y`, alpha 1, one of the transposes. */
static void product(const struct probe_place *place, int32_t m, int32_t n, int32_t k,
                    int transposes, float x, float y, clseq_buffer *buffers[3], float *first)
{
    clseq_tensor a = transposes & 1 ? clseq_tensor_2d(buffers[0], 0, CLSEQ_F32, k, m)
                                    : clseq_tensor_2d(buffers[0], 0, CLSEQ_F32, m, k);
    clseq_tensor b = transposes & 2 ? clseq_tensor_2d(buffers[1], 0, CLSEQ_F32, n, k)
                                    : clseq_tensor_2d(buffers[1], 0, CLSEQ_F32, k, n);
    const struct clseq_gemm_args args = {
        .a = a,
        .b = b,
        .c = clseq_tensor_2d(buffers[2], 0, CLSEQ_F32, m, n),
        .trans_a = (transposes & 1) != 0,
        .trans_b = (transposes & 2) != 0,
        .alpha = 1,
    };
    float values[64 * 64], got[64 * 64];

    for (size_t i = 0; i < CLSEQ_ARRAY_SIZE(values); i++)
        values[i] = x;
    ASSERT_OK(place->ctx, clseq_tensor_write_f32(place->be, &a, values));
    for (size_t i = 0; i < CLSEQ_ARRAY_SIZE(values); i++)
        values[i] = y;
    ASSERT_OK(place->ctx, clseq_tensor_write_f32(place->be, &b, values));
    /* Three times: what is used again is kept as a copy. */
    for (int turn = 0; turn < 3; turn++) {
        ASSERT_OK(place->ctx, clseq_op_gemm(place->be, &args));
        ASSERT_OK(place->ctx, clseq_tensor_read_f32(place->be, &args.c, got));
        for (int32_t i = 0; i < m * n; i++) {
            if (memcmp(&got[i], &got[0], sizeof(float)) != 0)
                fail_msg("element %d is %g, the first %g", (int)i, (double)got[i], (double)got[0]);
        }
        if (turn > 0)
            assert_memory_equal(first, &got[0], sizeof(float));
        *first = got[0];
    }
}

/* Factors of which the sum is exact: 32 times their rounded product. */
static void check_products(int which, clseq_precision precision)
{
    const double step = ldexp(1, -(23 - clseq_precision_dropped(precision)));
    const struct {
        double x, rounded;
    } factors[] = {
        { 1, 1 },
        { 1 + step / 2, 1 },                /* a tie, down to the even one */
        { 1 + step * 3 / 2, 1 + 2 * step }, /* a tie, up to it */
        { 1 + step * 5 / 8, 1 + step },
        { -(1 + step * 3 / 8), -1 },
    };
    static const int32_t rows[] = { 1, 5, 40, 64 };
    struct probe_place place;
    clseq_buffer *buffers[3] = { NULL };
    float got;

    if (!open_place(&place, which, precision))
        return;
    for (int i = 0; i < 3; i++)
        ASSERT_OK(place.ctx,
                  clseq_buffer_create(place.be, 64 * 64 * sizeof(float), "x", &buffers[i]));
    for (size_t i = 0; i < CLSEQ_ARRAY_SIZE(factors); i++) {
        for (size_t j = 0; j < CLSEQ_ARRAY_SIZE(rows); j++) {
            for (int transposes = 0; transposes < 4; transposes++) {
                product(&place, rows[j], 33, 32, transposes, (float)factors[i].x, 3, buffers, &got);
                assert_true((double)got == 96 * factors[i].rounded);
                product(&place, rows[j], 33, 32, transposes, 3, (float)factors[i].x, buffers, &got);
                assert_true((double)got == 96 * factors[i].rounded);
            }
        }
    }
    /* Beyond the largest number, and NaN with nothing but dropped bits. */
    product(&place, 4, 33, 32, 2, FLT_MAX, 1, buffers, &got);
    assert_true(isinf(got));
    product(&place, 4, 33, 32, 2, of_bits(0x7f800001), 1, buffers, &got);
    assert_true(isnan(got));
    product(&place, 40, 33, 32, 2, 1, of_bits(0xff800001), buffers, &got);
    assert_true(isnan(got));
    for (int i = 0; i < 3; i++)
        clseq_buffer_destroy(&buffers[i]);
    close_place(&place);
}

static void test_products(void **state)
{
    (void)state;
    for (int which = 0; which < PLACES_AND_UNITS; which++) {
        check_products(which, CLSEQ_PRECISION_TF32);
        check_products(which, CLSEQ_PRECISION_BF16);
    }
}

#define ROWS_MAX 40
#define SIDE_MAX 140

/* x y^T of random numbers, x (m, k), y (n, k), against sums of rounded factors in double. The
 * second factor stays for three products, of which the last ones have a copy of it, and changes
 * then. */
static void check_copies(const struct probe_place *place, clseq_precision precision, int32_t m,
                         int32_t n, int32_t k, bool trans_b, clseq_buffer *buffers[3])
{
    static float x[ROWS_MAX * SIDE_MAX], y[SIDE_MAX * SIDE_MAX], got[ROWS_MAX * SIDE_MAX];
    const int dropped = clseq_precision_dropped(precision);
    const struct clseq_gemm_args args = {
        .a = clseq_tensor_2d(buffers[0], 0, CLSEQ_F32, m, k),
        .b = clseq_tensor_2d(buffers[1], 0, CLSEQ_F32, trans_b ? n : k, trans_b ? k : n),
        .c = clseq_tensor_2d(buffers[2], 0, CLSEQ_F32, m, n),
        .trans_b = trans_b,
        .alpha = 1,
    };
    const int32_t row = trans_b ? k : 1, step = trans_b ? 1 : n;

    for (int turn = 0; turn < 6; turn++) {
        for (int32_t i = 0; i < m * k; i++)
            x[i] = (float)probe_random(20 + (uint64_t)turn, (uint64_t)i);
        ASSERT_OK(place->ctx, clseq_tensor_write_f32(place->be, &args.a, x));
        if (turn % 3 == 0) {
            for (int32_t i = 0; i < n * k; i++)
                y[i] = (float)probe_random(40 + (uint64_t)turn, (uint64_t)i);
            ASSERT_OK(place->ctx, clseq_tensor_write_f32(place->be, &args.b, y));
        }
        ASSERT_OK(place->ctx, clseq_op_gemm(place->be, &args));
        ASSERT_OK(place->ctx, clseq_tensor_read_f32(place->be, &args.c, got));
        for (int32_t i = 0; i < m * n; i++) {
            double sum = 0, size = 0;

            for (int32_t e = 0; e < k; e++) {
                const double term = clseq_round_factor((double)x[i / n * k + e], dropped) *
                                    clseq_round_factor((double)y[i % n * row + e * step], dropped);

                sum += term;
                size += fabs(term);
            }
            if (!(fabs((double)got[i] - sum) <= (k + 8) * ldexp(size, -24)))
                fail_msg("%s, m %d, n %d, k %d, product %d: [%d] is %.9g, expected %.9g",
                         clseq_precision_name(precision), (int)m, (int)n, (int)k, turn, (int)i,
                         (double)got[i], sum);
        }
    }
}

static void test_copies(void **state)
{
    static const int32_t rows[] = { 1, 2, 7, 32, 40 };
    static const int32_t sizes[][2] = { { 37, 5 }, { 66, 61 }, { 3, 129 }, { 131, 72 } };

    (void)state;
    for (int which = 0; which < PLACES_AND_UNITS; which++) {
        for (clseq_precision p = CLSEQ_PRECISION_FP32; p <= CLSEQ_PRECISION_BF16; p++) {
            struct probe_place place;
            clseq_buffer *buffers[3] = { NULL };

            if ((units[which] && p == CLSEQ_PRECISION_FP32) || !open_place(&place, which, p))
                continue;
            for (int i = 0; i < 3; i++)
                ASSERT_OK(place.ctx,
                          clseq_buffer_create(place.be, SIDE_MAX * SIDE_MAX * sizeof(float), "x",
                                              &buffers[i]));
            for (size_t i = 0; i < CLSEQ_ARRAY_SIZE(rows) * CLSEQ_ARRAY_SIZE(sizes) * 2; i++)
                check_copies(&place, p, rows[i / 2 % CLSEQ_ARRAY_SIZE(rows)],
                             sizes[i / 2 / CLSEQ_ARRAY_SIZE(rows)][0],
                             sizes[i / 2 / CLSEQ_ARRAY_SIZE(rows)][1], (i & 1) != 0, buffers);
            for (int i = 0; i < 3; i++)
                clseq_buffer_destroy(&buffers[i]);
            close_place(&place);
        }
    }
}

/* ---- training ---- */

static void train(const struct probe_place *place, struct train_case *c, double *loss)
{
    struct clseq_train_result result;
    json_t *log;

    c->options.model = (struct clseq_model_config) { .embedding = 12,
                                                     .hidden = 16,
                                                     .layers = 2,
                                                     .bidirectional = true,
                                                     .attention = CLSEQ_ATTENTION_GENERAL };
    c->options.optimizer = CLSEQ_OPTIMIZER_ADAM;
    c->options.lr = 0.02;
    c->options.batch = 16;
    c->options.log_every = 12;
    c->options.after = (struct clseq_when) { .updates = 12 };
    ASSERT_OK(place->ctx, clseq_train(place->ctx, place->be, &c->options, NULL, &result));
    log = train_log(c, "update");
    *loss = train_log_number(log, 0, "loss");
    json_decref(log);
}

/* The same bits twice, near those of fp32 and not the same. */
static void check_training(int which)
{
    struct train_case c;
    struct probe_place place;
    double loss[3][2];
    char first[300];

    train_case_make(&c, TRAIN_REVERSE, 4, 3, 5);
    for (clseq_precision p = CLSEQ_PRECISION_FP32; p <= CLSEQ_PRECISION_BF16; p++) {
        for (int turn = 0; turn < 2; turn++) {
            char name[32];

            if (!open_place(&place, which, p)) {
                train_case_remove(&c);
                return;
            }
            snprintf(name, sizeof(name), "%s-%d", clseq_precision_name(p), turn);
            train_case_set_run(&c, name);
            train(&place, &c, &loss[p][turn]);
            if (turn == 0)
                snprintf(first, sizeof(first), "%s", train_case_file(&c, "best.safetensors"));
            else
                train_same_tensors(place.ctx, train_case_file(&c, "best.safetensors"), first);
            close_place(&place);
        }
        assert_true(loss[p][0] == loss[p][1]);
    }
    assert_true(loss[CLSEQ_PRECISION_BF16][0] != loss[CLSEQ_PRECISION_FP32][0]);
    assert_true(loss[CLSEQ_PRECISION_TF32][0] != loss[CLSEQ_PRECISION_FP32][0]);
    for (int p = CLSEQ_PRECISION_TF32; p <= (int)CLSEQ_PRECISION_BF16; p++) {
        if (fabs(loss[p][0] / loss[CLSEQ_PRECISION_FP32][0] - 1) > 0.01)
            fail_msg("%s: loss %g, in fp32 %g", clseq_precision_name((clseq_precision)p),
                     loss[p][0], loss[CLSEQ_PRECISION_FP32][0]);
    }
    train_case_remove(&c);
}

static void test_training(void **state)
{
    (void)state;
    for (int which = 0; which < PLACES; which++)
        check_training(which);
}

/* A run goes on with its own precision only. */
static void test_resume(void **state)
{
    struct train_case c;
    struct probe_place place;
    struct clseq_train_result result;
    double loss;

    (void)state;
    train_case_make(&c, TRAIN_REVERSE, 4, 3, 5);
    assert_true(open_place(&place, 0, CLSEQ_PRECISION_BF16));
    train(&place, &c, &loss);
    close_place(&place);
    c.options.after.updates = 15;
    assert_true(open_place(&place, 0, CLSEQ_PRECISION_FP32));
    ASSERT_FAILS(place.ctx, CLSEQ_ERR_ARG, "precision was \"bf16\", now it is \"fp32\"",
                 clseq_train(place.ctx, place.be, &c.options, NULL, &result));
    close_place(&place);
    assert_true(open_place(&place, 0, CLSEQ_PRECISION_BF16));
    ASSERT_OK(place.ctx, clseq_train(place.ctx, place.be, &c.options, NULL, &result));
    close_place(&place);
    train_case_remove(&c);
}

/* Every operation of a training with rounded products on both paths, compared. */
static void test_mirror(void **state)
{
    struct train_case c;
    struct probe_place place = { 0 };
    double loss;

    (void)state;
    assert_int_equal(clseq_context_create(&place.ctx), CLSEQ_OK);
    place.be = probe_backend_precise(place.ctx, "mirror", CLSEQ_KERNELS_AUTO, CLSEQ_PRECISION_BF16);
    if (!place.be) {
        clseq_context_destroy(&place.ctx);
        skip();
    }
    train_case_make(&c, TRAIN_REVERSE, 4, 3, 5);
    train(&place, &c, &loss);
    train_case_remove(&c);
    close_place(&place);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rounding), cmocka_unit_test(test_names),
        cmocka_unit_test(test_products), cmocka_unit_test(test_copies),
        cmocka_unit_test(test_training), cmocka_unit_test(test_resume),
        cmocka_unit_test(test_mirror),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
