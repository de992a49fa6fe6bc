/* SPDX-License-Identifier: BSD-2-Clause */
/* gemm_argmax, which looks at few products of fp32, against gemm and argmax, which look at all: on
 * the same device the indices are the same ones, however close the products are, and whatever
 * numbers go in. */
#include "unit.h"

#include "backend/backend_impl.h"
#include "backend/ops.h"
#include "base/philox.h"
#include "opencl/opencl_impl.h"

#include <float.h>
#include <math.h>
#include <stdlib.h>

/* How the device makes rough products, and of how many rows. */
struct form {
    const char *unit;
    int32_t rows;
};

struct place {
    clseq_context *ctx;
    clseq_backend *be;
    int32_t rows;
};

static void open_place(void **state, struct place *p)
{
    const struct form *form = *state;
    const char *unit = form->unit;
    struct clseq_backend_options options;
    clseq_status status;

    *p = (struct place) { .rows = form->rows };
    unit_backend_options("opencl", &options);
    options.kernels = CLSEQ_KERNELS_CPU;
    options.gemm = CLSEQ_GEMM_CPU;
    options.matrix_unit = unit;
    assert_int_equal(clseq_context_create(&p->ctx), CLSEQ_OK);
    status = clseq_backend_open(p->ctx, &options, &p->be);
    if (status == CLSEQ_OK && (clseq_opencl_of(p->be)->has_int8 || strcmp(unit, "none") == 0)) {
        assert_non_null(p->be->ops->gemm_argmax);
        return;
    }
    if (status == CLSEQ_OK || status == CLSEQ_ERR_NO_DEVICE)
        fprintf(stderr, "skipped: rough products by %s: %s\n", unit,
                status == CLSEQ_OK ? "not here" : clseq_context_error(p->ctx));
    else
        ASSERT_OK(p->ctx, status);
    clseq_backend_close(&p->be);
    clseq_context_destroy(&p->ctx);
    skip();
}

static void close_place(struct place *p)
{
    clseq_backend_close(&p->be);
    clseq_context_destroy(&p->ctx);
}

static double uniform(uint64_t *counter)
{
    return (double)(clseq_random_u64(11, CLSEQ_RANDOM_TEST, 0, (*counter)++) >> 11) * 0x1p-53;
}

static double normal(uint64_t *counter)
{
    const double u = uniform(counter) + 1e-12, v = uniform(counter);

    return sqrt(-2 * log(u)) * cos(6.283185307179586 * v);
}

#define ROWS_MAX 64

/* A product, in host memory and on the device. */
struct product {
    struct place *p;
    int32_t m, n, k;
    float *a, *b, *bias;                /* bias NULL: none */
    clseq_buffer *reals, *made, *index; /* copies of B are kept while nothing writes to `reals` */
    struct clseq_gemm_argmax_args args;
};

static void product_open(struct place *p, int32_t n, int32_t k, bool biased, uint64_t seed,
                         struct product *ret)
{
    const int32_t m = p->rows;
    uint64_t counter = seed << 32;
    const size_t a = (size_t)m * (size_t)k, b = (size_t)n * (size_t)k, c = (size_t)m * (size_t)n;
    /* Rows apart, at an offset. */
    const size_t rows = (size_t)(n + 3), elements = a + b + (size_t)n + 64;

    *ret = (struct product) { .p = p, .m = m, .n = n, .k = k };
    ret->a = malloc(a * sizeof(float));
    ret->b = malloc(b * sizeof(float));
    assert_true(ret->a && ret->b && c > 0);
    for (size_t i = 0; i < a; i++)
        ret->a[i] = (float)normal(&counter);
    for (size_t i = 0; i < b; i++)
        ret->b[i] = (float)normal(&counter);
    if (biased) {
        ret->bias = malloc((size_t)n * sizeof(float));
        assert_non_null(ret->bias);
        for (int32_t i = 0; i < n; i++)
            ret->bias[i] = (float)normal(&counter);
    }
    ASSERT_OK(p->ctx, clseq_buffer_create(p->be, elements * sizeof(float), "test", &ret->reals));
    ASSERT_OK(p->ctx, clseq_buffer_create(p->be, ((size_t)m * rows + 64) * sizeof(float), "test",
                                          &ret->made));
    ASSERT_OK(p->ctx, clseq_buffer_create(p->be, (size_t)m * sizeof(int32_t), "test", &ret->index));
    ret->args = (struct clseq_gemm_argmax_args) {
        .a = clseq_tensor_2d(ret->reals, 5, CLSEQ_F32, m, k),
        .b = clseq_tensor_2d(ret->reals, 5 + a, CLSEQ_F32, n, k),
        .c = clseq_tensor_2d(ret->made, 37, CLSEQ_F32, m, n),
        .index = clseq_tensor_1d(ret->index, 0, CLSEQ_I32, m),
    };
    ret->args.c.strides[0] = (int64_t)rows;
    if (biased)
        ret->args.bias = clseq_tensor_1d(ret->reals, 5 + a + b, CLSEQ_F32, n);
}

static void product_close(struct product *x)
{
    clseq_buffer_destroy(&x->reals);
    clseq_buffer_destroy(&x->made);
    clseq_buffer_destroy(&x->index);
    free(x->a);
    free(x->b);
    free(x->bias);
}

/* The indices of both forms, which are the same; *ret (m), when given, are they. Three times, for
 * copies of B are kept from the second on. */
static void expect_same(struct product *x, int32_t *ret)
{
    clseq_context *ctx = x->p->ctx;
    clseq_backend *be = x->p->be;
    int32_t *composed = malloc((size_t)x->m * sizeof(int32_t));
    int32_t *filtered = malloc((size_t)x->m * sizeof(int32_t));
    const size_t bytes = (size_t)x->m * sizeof(int32_t);

    assert_true(composed && filtered);
    ASSERT_OK(ctx, clseq_tensor_write_f32(be, &x->args.a, x->a));
    ASSERT_OK(ctx, clseq_tensor_write_f32(be, &x->args.b, x->b));
    if (x->bias)
        ASSERT_OK(ctx, clseq_tensor_write_f32(be, &x->args.bias, x->bias));
    ASSERT_OK(ctx, clseq_op_run_composed(be, CLSEQ_OP_gemm_argmax, &x->args));
    ASSERT_OK(ctx, clseq_buffer_read(x->index, 0, composed, bytes));
    for (int i = 0; i < 3; i++) {
        const clseq_tensor to = x->args.index;

        ASSERT_OK(ctx, clseq_op_fill(be, &(struct clseq_fill_args) { .dst = to, .value = -7 }));
        ASSERT_OK(ctx, clseq_op_gemm_argmax(be, &x->args));
        ASSERT_OK(ctx, clseq_buffer_read(x->index, 0, filtered, bytes));
        for (int32_t m = 0; m < x->m; m++) {
            if (composed[m] != filtered[m])
                fail_msg("%d x %d x %d, row %d: %d is the largest, not %d", x->m, x->n, x->k, m,
                         composed[m], filtered[m]);
        }
    }
    if (ret)
        memcpy(ret, composed, bytes);
    free(composed);
    free(filtered);
}

/* Everywhere between far apart and equal, sums in one part and in several. */
static void random_numbers(void **state)
{
    static const int32_t sizes[][2] = { { 1, 1 },     { 255, 17 },   { 257, 64 }, { 1000, 128 },
                                        { 700, 513 }, { 300, 1100 }, { 5003, 31 } };
    struct place p;

    open_place(state, &p);
    for (size_t i = 0; i < CLSEQ_ARRAY_SIZE(sizes); i++) {
        struct product x;

        product_open(&p, sizes[i][0], sizes[i][1], i % 2 == 0, i, &x);
        expect_same(&x, NULL);
        product_close(&x);
    }
    close_place(&p);
}

/* All rows of B are one, but for the last bits of some numbers: what makes the difference is
 * rounded away, and in part by the sums of fp32 too. */
static void nearly_equal(void **state)
{
    static const int32_t steps[] = { 16, 200, 600, 1030 };
    struct place p;

    open_place(state, &p);
    for (size_t i = 0; i < CLSEQ_ARRAY_SIZE(steps); i++) {
        const int32_t n = 600, k = steps[i];
        uint64_t counter = 77;
        int32_t index[ROWS_MAX], different = 0;
        struct product x;

        product_open(&p, n, k, i % 2 == 1, 100 + i, &x);
        for (int32_t r = 1; r < n; r++) {
            memcpy(x.b + (size_t)r * (size_t)k, x.b, (size_t)k * sizeof(float));
            for (int32_t j = 0; j < 3; j++) {
                float *at = x.b + (size_t)r * (size_t)k +
                            clseq_random_below(3, CLSEQ_RANDOM_TEST, 0, counter++, (uint64_t)k);

                *at = nextafterf(*at, normal(&counter) < 0 ? -HUGE_VALF : HUGE_VALF);
            }
            if (x.bias)
                x.bias[r] = x.bias[0];
        }
        expect_same(&x, index);
        for (int32_t m = 1; m < x.m; m++)
            different += index[m] != index[0];
        assert_true(different > x.m / 8);
        product_close(&x);
    }
    close_place(&p);
}

/* Rows 5 and 9 of B are the two largest, the rest is nothing: 5 where gemm sums, as it should be,
 * and 9 once it is rounded. */
enum { RIGHT = 5, WRONG = 9 };

static void expect_right(struct product *x)
{
    int32_t *index = malloc((size_t)x->m * sizeof(int32_t));

    assert_non_null(index);
    expect_same(x, index);
    for (int32_t m = 0; m < x->m; m++)
        assert_int_equal(index[m], RIGHT);
    free(index);
}

static void nothing_but(struct product *x, float a)
{
    for (int32_t i = 0; i < x->m * x->k; i++)
        x->a[i] = a;
    for (int32_t i = 0; i < x->n * x->k; i++)
        x->b[i] = 0;
    for (int32_t i = 0; x->bias && i < x->n; i++)
        x->bias[i] = 0;
}

/* Rounding goes against the right one in every number, by nearly half a step, in B, and then in A.
 * In bf16 steps are 2^-7 from 1 on; in int8 a 127th of the largest number of a row, here the
 * first. */
static void rounded_against(void **state)
{
    static const struct {
        float first, wrong_first, down, up, exact, next; /* next: rounded up from below */
        float of_b, of_a;                                /* what makes it right all the same */
    } kinds[] = {
        { 1 + 0x1p-8f - 0x1p-20f, 1, 1 + 0x1p-8f - 0x1p-20f, 1 + 0x1p-8f + 0x1p-20f, 1, 1 + 0x1p-7f,
          0x1p-12f, 0x1p-10f },
        { 1, 1, 63.49f / 127, 63.51f / 127, 63.0f / 127, 63.9f / 127, 0, 0.02f },
    };
    struct place p;

    open_place(state, &p);
    for (size_t i = 0; i < CLSEQ_ARRAY_SIZE(kinds); i++) {
        struct product x;

        product_open(&p, 300, 128, true, 600 + i, &x);
        nothing_but(&x, 1);
        for (int32_t j = 0; j < 128; j++) {
            x.b[RIGHT * 128 + j] = j == 0 ? kinds[i].first : kinds[i].down;
            x.b[WRONG * 128 + j] = j % 2 == 0 ? kinds[i].exact : kinds[i].next;
        }
        x.b[WRONG * 128] = kinds[i].wrong_first;
        x.bias[RIGHT] = kinds[i].of_b;
        expect_right(&x);
        nothing_but(&x, 1);
        for (int32_t j = 0; j < 128; j++) {
            for (int32_t m = 0; m < x.m; m++)
                x.a[m * 128 + j] = j < 64 ? kinds[i].down : kinds[i].up;
            x.b[(j < 64 ? RIGHT : WRONG) * 128 + j] = 1;
        }
        for (int32_t m = 0; m < x.m; m++)
            x.a[m * 128] = x.a[m * 128 + 127] = kinds[i].first;
        x.bias[RIGHT] = kinds[i].of_a;
        expect_right(&x);
        product_close(&x);
    }
    close_place(&p);
}

/* 2^24 + 1 is 2^24: the order of a sum says what is left of it. No factor is rounded. */
static void summed_against(void **state)
{
    static const float lost[2][4] = { { 0x1p24f, 0, 1, -0x1p24f }, { 1, 0x1p24f, -0x1p24f, 0 } };
    struct place p;

    open_place(state, &p);
    for (int i = 0; i < 2; i++) {
        struct product x;

        product_open(&p, 20, 32, false, 700, &x);
        nothing_but(&x, 1);
        memcpy(x.b + WRONG * 32, lost[i], sizeof(lost[i]));
        x.b[RIGHT * 32] = 0.5f;
        if (x.m > 32)
            expect_right(&x);
        else
            expect_same(&x, NULL); /* another order of the sums of gemm */
        product_close(&x);
    }
    close_place(&p);
}

/* One row of B much longer than the others, or much shorter, and one of A. */
static void lengths(void **state)
{
    static const float scales[] = { 1e-30f, 1e-12f, 1e-3f, 1e3f, 1e12f, 1e19f, 1e30f };
    struct place p;

    open_place(state, &p);
    for (size_t i = 0; i < CLSEQ_ARRAY_SIZE(scales); i++) {
        struct product x;

        product_open(&p, 333, 70, true, 200 + i, &x);
        for (int32_t j = 0; j < 70; j++) {
            x.b[100 * 70 + j] *= scales[i];
            x.b[332 * 70 + j] *= -scales[i];
            x.a[(x.m - 1) * 70 + j] *= scales[i];
        }
        expect_same(&x, NULL);
        for (int32_t j = 0; j < x.m * 70; j++)
            x.a[j] *= scales[i];
        for (int32_t j = 0; j < 333 * 70; j++)
            x.b[j] *= scales[i];
        expect_same(&x, NULL);
        product_close(&x);
    }
    close_place(&p);
}

/* What a broken model has, in one place each. */
static void odd_numbers(void **state)
{
    const float odd[] = { NAN, INFINITY, -INFINITY, FLT_MAX, -FLT_MAX, 0x1p-149f, 3.39e38f, 0.0f };
    struct place p;

    open_place(state, &p);
    for (size_t i = 0; i < CLSEQ_ARRAY_SIZE(odd); i++) {
        for (int where = 0; where < 3; where++) {
            int32_t index[ROWS_MAX];
            struct product x;

            product_open(&p, 300, 40, true, 300 + i, &x);
            *(where == 0   ? &x.a[x.m * 40 - 1]
              : where == 1 ? &x.b[150 * 40 + 3]
                           : &x.bias[17]) = odd[i];
            expect_same(&x, index);
            if (isnan(odd[i])) {
                assert_int_equal(index[x.m - 1], -1);
                assert_true(where == 0 ? index[0] >= 0 : index[0] == -1);
            }
            product_close(&x);
        }
    }
    close_place(&p);
}

/* Zeros, of both signs: the first of all. */
static void zeros(void **state)
{
    struct place p;
    struct product x;
    int32_t index[ROWS_MAX];

    open_place(state, &p);
    product_open(&p, 520, 24, false, 400, &x);
    for (int32_t i = 0; i < 520 * 24; i++)
        x.b[i] = i % 3 == 0 ? -0.0f : 0.0f;
    expect_same(&x, index);
    for (int32_t m = 0; m < x.m; m++)
        assert_int_equal(index[m], 0);
    product_close(&x);
    close_place(&p);
}

/* Copies of B and of its lengths are made anew when it changes. */
static void new_weights(void **state)
{
    struct place p;
    struct product x;

    open_place(state, &p);
    product_open(&p, 1000, 64, true, 500, &x);
    for (int turn = 0; turn < 3; turn++) {
        for (int32_t i = 0; i < 64; i++)
            x.b[(400 + 250 * turn) * 64 % (1000 * 64) + i] = 3 * x.a[i];
        expect_same(&x, NULL);
    }
    product_close(&x);
    close_place(&p);
}

#define EACH(test)                                                                                 \
    cmocka_unit_test_prestate(test, &forms[0]), cmocka_unit_test_prestate(test, &forms[1]),        \
        cmocka_unit_test_prestate(test, &forms[2]), cmocka_unit_test_prestate(test, &forms[3]),    \
        cmocka_unit_test_prestate(test, &forms[4])

int main(void)
{
    /* One row of B at a time; sums along k and, with more than 32 rows, in parts. */
    static struct form forms[] = {
        { "none", 2 },  { "int8-emulated", 5 }, { "int8-emulated", 35 },
        { "auto", 24 }, { "auto", 64 },
    };
    const struct CMUnitTest tests[] = {
        EACH(random_numbers), EACH(nearly_equal), EACH(rounded_against), EACH(summed_against),
        EACH(lengths),        EACH(odd_numbers),  EACH(zeros),           EACH(new_weights),
    };

    return cmocka_run_group_tests_name("argmax filter", tests, NULL, NULL);
}
