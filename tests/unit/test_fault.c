/* SPDX-License-Identifier: BSD-2-Clause */
/* The fault backend does what it is told, at the call it is told. */
#include "op_fixture.h"

#include "backend/fault_backend.h"

#include <math.h>

static clseq_backend *open_fault(clseq_context *ctx, const struct clseq_fault_options *options)
{
    clseq_backend *be = NULL;

    ASSERT_OK(ctx, clseq_fault_open(ctx, options, &be));
    assert_string_equal(clseq_backend_info(be)->name, "fault");
    return be;
}

/* One call of every kind. */
static clseq_status script(clseq_backend *be)
{
    clseq_buffer *buffer = NULL;
    float x[4] = { 1, 2, 3, 4 };
    struct clseq_fill_args fill = { .value = 5 };
    struct clseq_sum_args sum = { .beta = 0 };
    clseq_status status;

    CLSEQ_TRY_GOTO(status, out, clseq_buffer_create(be, sizeof(x), "x", &buffer));
    CLSEQ_TRY_GOTO(status, out, clseq_buffer_write(buffer, 0, x, sizeof(x)));
    fill.dst = clseq_tensor_1d(buffer, 0, CLSEQ_F32, 2);
    CLSEQ_TRY_GOTO(status, out, clseq_op_fill(be, &fill));
    sum.x = clseq_tensor_1d(buffer, 0, CLSEQ_F32, 3);
    sum.y = clseq_tensor_1d(buffer, 3, CLSEQ_F32, 1);
    CLSEQ_TRY_GOTO(status, out, clseq_op_sum(be, &sum));
    CLSEQ_TRY_GOTO(status, out, clseq_backend_sync(be));
    CLSEQ_TRY_GOTO(status, out, clseq_buffer_read(buffer, 0, x, sizeof(x)));
    assert_true(x[0] == 5 && x[1] == 5 && x[2] == 3 && x[3] == 13);
out:
    clseq_buffer_destroy(&buffer);
    return status;
}

static void counts_without_failing(void **state)
{
    const struct clseq_fault_options none = { .nth = 0 };
    clseq_backend *be = open_fault(*state, &none);

    ASSERT_OK(*state, script(be));
    assert_int_equal(clseq_fault_count(be, CLSEQ_FAULT_ANY), 6);
    assert_int_equal(clseq_fault_count(be, CLSEQ_FAULT_OP), 2);
    assert_int_equal(clseq_fault_count(be, CLSEQ_FAULT_BUFFER_CREATE), 1);
    assert_int_equal(clseq_fault_count(be, CLSEQ_FAULT_WRITE), 1);
    assert_int_equal(clseq_fault_count(be, CLSEQ_FAULT_READ), 1);
    assert_int_equal(clseq_fault_count(be, CLSEQ_FAULT_SYNC), 1);
    clseq_backend_close(&be);
}

/* Each of the six calls failed in turn, then none; a second run works, as the fault is over. */
static void fails_the_nth_call(void **state)
{
    clseq_context *ctx = *state;
    const char *const names[] = { "buffer_create", "write", "op fill", "op sum", "sync", "read" };

    for (uint64_t nth = 1; nth <= 7; nth++) {
        const struct clseq_fault_options options = { .nth = nth, .status = CLSEQ_ERR_DEVICE_NOMEM };
        clseq_backend *be = open_fault(ctx, &options);

        if (nth <= 6) {
            char text[64];

            snprintf(text, sizeof(text), "call %d (%s) was told to fail", (int)nth, names[nth - 1]);
            ASSERT_FAILS(ctx, CLSEQ_ERR_DEVICE_NOMEM, text, script(be));
            assert_int_equal(clseq_fault_count(be, CLSEQ_FAULT_ANY), nth);
        }
        ASSERT_OK(ctx, script(be));
        clseq_backend_close(&be);
    }
}

static void fails_by_kind_and_op(void **state)
{
    clseq_context *ctx = *state;
    struct clseq_fault_options options = { .call = CLSEQ_FAULT_OP,
                                           .only_op = true,
                                           .op = CLSEQ_OP_sum,
                                           .nth = 2,
                                           .status = CLSEQ_ERR_DEVICE };
    clseq_backend *be = open_fault(ctx, &options);

    ASSERT_OK(ctx, script(be));
    ASSERT_FAILS(ctx, CLSEQ_ERR_DEVICE, "call 2 (op sum)", script(be));
    /* A device error stays. */
    ASSERT_FAILS(ctx, CLSEQ_ERR_DEVICE, "buffer_create: refused", script(be));
    clseq_backend_close(&be);
    options =
        (struct clseq_fault_options) { .call = CLSEQ_FAULT_READ, .nth = 1, .status = CLSEQ_ERR_IO };
    be = open_fault(ctx, &options);
    ASSERT_FAILS(ctx, CLSEQ_ERR_IO, "call 1 (read)", script(be));
    clseq_backend_close(&be);
}

/* Fill (2, 3) with 1 and read it back with its last element changed. */
static void changed(clseq_context *ctx, const struct clseq_fault_options *options, float expected)
{
    clseq_backend *be = open_fault(ctx, options);
    clseq_buffer *buffer = NULL;
    struct clseq_fill_args fill = { .value = 1 };
    float x[8];

    ASSERT_OK(ctx, clseq_buffer_create(be, sizeof(x), "x", &buffer));
    fill.dst = clseq_tensor_2d(buffer, 0, CLSEQ_F32, 2, 3);
    fill.dst.strides[0] = 4; /* gaps stay untouched */
    ASSERT_OK(ctx, clseq_op_fill(be, &fill));
    ASSERT_OK(ctx, clseq_buffer_read(buffer, 0, x, sizeof(x)));
    for (int i = 0; i < 8; i++) {
        if (i == 6 && isnan(expected))
            assert_true(isnan(x[i]));
        else
            assert_true(x[i] == (i == 6 ? expected : i % 4 == 3 ? 0 : 1));
    }
    clseq_buffer_destroy(&buffer);
    clseq_backend_close(&be);
}

static void changes_one_element(void **state)
{
    struct clseq_fault_options options = { .call = CLSEQ_FAULT_OP, .nth = 1, .element = 5 };

    options.effect = CLSEQ_FAULT_NAN;
    changed(*state, &options, NAN);
    options.effect = CLSEQ_FAULT_ADD;
    options.add = -0.25;
    changed(*state, &options, 0.75f);
    options.effect = CLSEQ_FAULT_FLIP_BIT;
    options.bit = 31;
    changed(*state, &options, -1);
    options.bit = 22;
    changed(*state, &options, 1.5f);
    options.element = 11; /* modulo six */
    changed(*state, &options, 1.5f);
}

static void changes_a_second_output(void **state)
{
    clseq_context *ctx = *state;
    const struct clseq_fault_options options = { .call = CLSEQ_FAULT_OP,
                                                 .nth = 1,
                                                 .effect = CLSEQ_FAULT_ADD,
                                                 .output = 1,
                                                 .element = 1,
                                                 .add = 40 };
    struct op_fixture f;
    union clseq_op_any_args args;
    clseq_backend *be = open_fault(ctx, &options);
    int32_t index[OP_M * OP_K];

    op_fixture_open(ctx, be, &f);
    op_fixture_args(&f, CLSEQ_OP_topk, &args);
    op_fixture_fill(ctx, &f, CLSEQ_OP_topk, &args);
    ASSERT_OK(ctx, clseq_op_topk(be, &args.topk));
    ASSERT_OK(ctx, clseq_view_read(&args.topk.index, index));
    for (int i = 0; i < OP_M * OP_K; i++)
        assert_true((index[i] >= 40) == (i == 1));
    op_fixture_close(&f);
    clseq_backend_close(&be);
}

static void nonsense_is_refused(void **state)
{
    clseq_context *ctx = *state;
    clseq_backend *be = NULL;
    struct clseq_fault_options options = { .nth = 1 };

    ASSERT_FAILS(ctx, CLSEQ_ERR_ARG, "status 0 is not an error",
                 clseq_fault_open(ctx, &options, &be));
    options = (struct clseq_fault_options) { .nth = 1,
                                             .call = CLSEQ_FAULT_READ,
                                             .effect = CLSEQ_FAULT_NAN };
    ASSERT_FAILS(ctx, CLSEQ_ERR_ARG, "not of read", clseq_fault_open(ctx, &options, &be));
    options = (struct clseq_fault_options) { .nth = 1, .only_op = true, .status = CLSEQ_ERR_IO };
    ASSERT_FAILS(ctx, CLSEQ_ERR_ARG, "only_op goes with", clseq_fault_open(ctx, &options, &be));
    options = (struct clseq_fault_options) {
        .nth = 1, .call = CLSEQ_FAULT_OP, .effect = CLSEQ_FAULT_NAN, .output = 1
    };
    ASSERT_OK(ctx, clseq_fault_open(ctx, &options, &be));
    ASSERT_FAILS(ctx, CLSEQ_ERR_ARG, "fill has no output number 1", script(be));
    clseq_backend_close(&be);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(counts_without_failing),  cmocka_unit_test(fails_the_nth_call),
        cmocka_unit_test(fails_by_kind_and_op),    cmocka_unit_test(changes_one_element),
        cmocka_unit_test(changes_a_second_output), cmocka_unit_test(nonsense_is_refused),
    };

    return cmocka_run_group_tests_name("fault", tests, unit_context_create, unit_context_destroy);
}
