/* SPDX-License-Identifier: BSD-2-Clause */
/* Learning rates with known values. */
#include "unit.h"

#include "train/schedule.h"

#include <math.h>

#define PER_EPOCH 4

static double rate(const struct clseq_train_options *o, uint64_t update, uint64_t decays)
{
    return clseq_schedule_lr(o, update, PER_EPOCH, decays);
}

static struct clseq_train_options make(clseq_schedule_kind kind)
{
    struct clseq_train_options o;

    clseq_train_options_init(&o);
    o.schedule = kind;
    o.lr = 0.8;
    return o;
}

static void expect(const struct clseq_train_options *o, const double *expected, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        const double got = rate(o, i, 0);

        if (fabs(got - expected[i]) > 1e-12)
            fail_msg("%s: update %zu has rate %.17g, expected %.17g",
                     clseq_schedule_name(o->schedule), i, got, expected[i]);
    }
}

#define EXPECT(o, ...)                                                                             \
    expect(&(o), (const double[]) { __VA_ARGS__ },                                                 \
           sizeof((const double[]) { __VA_ARGS__ }) / sizeof(double))

static void test_constant(void **state)
{
    struct clseq_train_options o = make(CLSEQ_SCHEDULE_CONSTANT);

    (void)state;
    EXPECT(o, 0.8, 0.8, 0.8);
    o.warmup = 4;
    EXPECT(o, 0.2, 0.4, 0.6, 0.8, 0.8, 0.8);
}

static void test_halve(void **state)
{
    struct clseq_train_options o = make(CLSEQ_SCHEDULE_HALVE);

    (void)state;
    o.decay_start = 1;
    o.decay_every = 0.5;
    EXPECT(o, 0.8, 0.8, 0.8, 0.8, 0.4, 0.4, 0.2, 0.2, 0.1);
    o.warmup = 2;
    EXPECT(o, 0.4, 0.8, 0.8, 0.8, 0.4, 0.4, 0.2, 0.2, 0.1);
}

/* Luong et al. 2015: the rate is halved every epoch after the fifth. */
static void test_luong(void **state)
{
    struct clseq_train_options o = make(CLSEQ_SCHEDULE_LUONG);

    (void)state;
    assert_true(rate(&o, 0, 0) == 0.8);
    assert_true(rate(&o, 5 * PER_EPOCH - 1, 0) == 0.8);
    assert_true(rate(&o, 5 * PER_EPOCH, 0) == 0.4);
    assert_true(rate(&o, 6 * PER_EPOCH - 1, 0) == 0.4);
    assert_true(rate(&o, 6 * PER_EPOCH, 0) == 0.2);
    assert_true(rate(&o, 9 * PER_EPOCH, 0) == 0.8 / 32);
    o.decay_every = 0.1; /* of halve only */
    assert_true(rate(&o, 6 * PER_EPOCH, 0) == 0.2);
}

static void test_inverse_sqrt(void **state)
{
    struct clseq_train_options o = make(CLSEQ_SCHEDULE_INVERSE_SQRT);

    (void)state;
    EXPECT(o, 0.8, 0.8 / sqrt(2), 0.8 / sqrt(3), 0.4);
    o.warmup = 4;
    EXPECT(o, 0.2, 0.4, 0.6, 0.8, 0.8 * sqrt(4.0 / 5));
    assert_true(fabs(rate(&o, 15, 0) - 0.4) < 1e-12); /* the 16th */
    assert_true(fabs(rate(&o, 399, 0) - 0.08) < 1e-12);
}

static void test_plateau(void **state)
{
    struct clseq_train_options o = make(CLSEQ_SCHEDULE_PLATEAU);

    (void)state;
    o.decay_factor = 0.25;
    assert_true(rate(&o, 1000, 0) == 0.8);
    assert_true(fabs(rate(&o, 1000, 1) - 0.2) < 1e-15);
    assert_true(fabs(rate(&o, 1000, 3) - 0.0125) < 1e-15);
    o.schedule = CLSEQ_SCHEDULE_CONSTANT;
    assert_true(rate(&o, 1000, 3) == 0.8);
}

static void test_to_zero(void **state)
{
    struct clseq_train_options o = make(CLSEQ_SCHEDULE_LINEAR);

    (void)state;
    o.after = (struct clseq_when) { .updates = 8 };
    EXPECT(o, 0.8, 0.7, 0.6, 0.5, 0.4, 0.3, 0.2, 0.1, 0, 0);
    o.after = (struct clseq_when) { .updates = 100, .epochs = 2, .seconds = 1 };
    EXPECT(o, 0.8, 0.7, 0.6, 0.5, 0.4, 0.3, 0.2, 0.1, 0, 0);
    o.after = (struct clseq_when) { .updates = 12 };
    o.warmup = 4;
    EXPECT(o, 0.2, 0.4, 0.6, 0.8, 0.8, 0.7, 0.6, 0.5, 0.4, 0.3, 0.2, 0.1, 0);
    o.schedule = CLSEQ_SCHEDULE_COSINE;
    o.warmup = 0;
    o.after = (struct clseq_when) { .updates = 6 };
    EXPECT(o, 0.8, 0.4 + 0.2 * sqrt(3), 0.6, 0.4, 0.2, 0.4 - 0.2 * sqrt(3), 0, 0);
    /* A warm-up that lasts to the end. */
    o.warmup = 6;
    EXPECT(o, 0.8 / 6, 1.6 / 6, 0.4, 3.2 / 6, 4.0 / 6, 0.8, 0.0);
}

static void test_end(void **state)
{
    (void)state;
    assert_true(clseq_schedule_end(&(struct clseq_when) { .seconds = 9 }, 4) == 0);
    assert_true(clseq_schedule_end(&(struct clseq_when) { .updates = 9 }, 4) == 9);
    assert_true(clseq_schedule_end(&(struct clseq_when) { .epochs = 1.1 }, 4) == 5);
    assert_true(clseq_schedule_end(&(struct clseq_when) { .epochs = 2, .updates = 9 }, 4) == 8);
}

static void test_due(void **state)
{
    const struct clseq_when updates = { .updates = 3 }, epochs = { .epochs = 1.5 }, never = { 0 };

    (void)state;
    for (uint64_t u = 0; u < 13; u++) {
        assert_int_equal(clseq_schedule_due(&updates, u, 4), u > 0 && u % 3 == 0);
        assert_int_equal(clseq_schedule_due(&epochs, u, 4), u > 0 && u % 6 == 0);
        assert_false(clseq_schedule_due(&never, u, 4));
    }
}

static double teacher(const struct clseq_train_options *o, uint64_t update)
{
    return clseq_schedule_teacher_forcing(o, update, PER_EPOCH);
}

/* Every curve begins with 1 and ends with what was asked for. */
static void test_teacher_forcing(void **state)
{
    struct clseq_train_options o = make(CLSEQ_SCHEDULE_CONSTANT);

    (void)state;
    assert_true(teacher(&o, 0) == 1 && teacher(&o, 1000) == 1);
    o.teacher_forcing = 0.25;
    assert_true(teacher(&o, 0) == 0.25 && teacher(&o, 1000) == 0.25);
    o.teacher_forcing_end.epochs = 2; /* 8 updates */
    for (int kind = CLSEQ_TEACHER_LINEAR; kind <= CLSEQ_TEACHER_INVERSE_SIGMOID; kind++) {
        o.teacher_schedule = (clseq_teacher_kind)kind;
        assert_true(fabs(teacher(&o, 0) - 1) < 1e-12);
        assert_true(fabs(teacher(&o, 8) - 0.25) < 1e-12);
        assert_true(fabs(teacher(&o, 1000) - 0.25) < 1e-12);
        for (uint64_t i = 0; i < 8; i++)
            assert_true(teacher(&o, i + 1) < teacher(&o, i));
    }
    o.teacher_schedule = CLSEQ_TEACHER_LINEAR;
    assert_true(fabs(teacher(&o, 2) - 0.8125) < 1e-12);
    o.teacher_schedule = CLSEQ_TEACHER_EXPONENTIAL;
    assert_true(fabs(teacher(&o, 4) - 0.5) < 1e-12);
    o.teacher_schedule = CLSEQ_TEACHER_INVERSE_SIGMOID;
    assert_true(fabs(teacher(&o, 4) - 0.625) < 1e-12); /* half of the way */
    /* k / (k + exp(i / k)), k = e^5, after a quarter of 2 k ln k updates, from 1 to 0. */
    assert_true(fabs(teacher(&o, 2) - (0.25 + 0.75 * 0.92989628)) < 1e-7);
    o.teacher_forcing_end.epochs = 0;
    o.after = (struct clseq_when) { .updates = 100, .epochs = 4 };
    o.teacher_schedule = CLSEQ_TEACHER_LINEAR;
    assert_true(fabs(teacher(&o, 16) - 0.25) < 1e-12); /* as training itself */
    assert_true(teacher(&o, 15) > 0.25);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_constant),
        cmocka_unit_test(test_halve),
        cmocka_unit_test(test_luong),
        cmocka_unit_test(test_inverse_sqrt),
        cmocka_unit_test(test_plateau),
        cmocka_unit_test(test_to_zero),
        cmocka_unit_test(test_end),
        cmocka_unit_test(test_due),
        cmocka_unit_test(test_teacher_forcing),
    };

    return cmocka_run_group_tests_name("schedule", tests, NULL, NULL);
}
