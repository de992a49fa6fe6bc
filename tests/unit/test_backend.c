/* SPDX-License-Identifier: BSD-2-Clause */
/* Opening, choosing and closing backends; buffers; the profile. */
#include "op_fixture.h"

#include "backend/fault_backend.h"
#include "backend/registry.h"

#include <math.h>

/* ---- log ---- */

struct log_lines {
    int count;
    clseq_log_level level;
    char text[1024];
};

static void keep_line(void *user, clseq_log_level level, const char *message)
{
    struct log_lines *log = user;

    log->count++;
    log->level = level;
    snprintf(log->text, sizeof(log->text), "%s", message);
}

/* ---- backends that do not open, or are not whole ---- */

static clseq_status open_no_device(clseq_backend *be, const struct clseq_backend_options *options)
{
    return clseq_fail(be->ctx, CLSEQ_ERR_NO_DEVICE, "no OpenCL platform found");
}

static clseq_status open_no_memory(clseq_backend *be, const struct clseq_backend_options *options)
{
    return clseq_fail(be->ctx, CLSEQ_ERR_NOMEM, "host memory is full");
}

static clseq_status open_without_gemm(clseq_backend *be,
                                      const struct clseq_backend_options *options)
{
    struct clseq_op_table *table = be->priv;

    CLSEQ_TRY(clseq_reference_backend.open(be, options));
    *table = *be->ops;
    table->gemm = NULL;
    be->ops = table;
    return CLSEQ_OK;
}

static clseq_status open_without_table(clseq_backend *be,
                                       const struct clseq_backend_options *options)
{
    return CLSEQ_OK;
}

static clseq_status open_small(clseq_backend *be, const struct clseq_backend_options *options)
{
    CLSEQ_TRY(clseq_reference_backend.open(be, options));
    be->info.max_buffer_bytes = 1000;
    return CLSEQ_OK;
}

static struct clseq_backend_impl variant(clseq_status (*open)(clseq_backend *,
                                                              const struct clseq_backend_options *))
{
    struct clseq_backend_impl impl = clseq_reference_backend;

    impl.name = "variant";
    impl.priv_size = sizeof(struct clseq_op_table);
    impl.open = open;
    return impl;
}

static void defaults(void **state)
{
    struct clseq_backend_options o;

    memset(&o, 0xff, sizeof(o));
    clseq_backend_options_init(&o);
    assert_string_equal(o.name, "auto");
    assert_null(o.device);
    assert_null(o.cache_folder);
    assert_int_equal(o.kernels, CLSEQ_KERNELS_AUTO);
    assert_int_equal(o.gemm, CLSEQ_GEMM_AUTO);
    assert_false(o.profile);
    assert_true(o.probe);
    assert_true(o.probe_timeout == 120);
}

static void by_name(void **state)
{
    clseq_context *ctx = *state;
    struct clseq_backend_options o;
    clseq_backend *be = NULL;

    clseq_backend_options_init(&o);
    o.name = "reference";
    ASSERT_OK(ctx, clseq_backend_open(ctx, &o, &be));
    assert_string_equal(clseq_backend_info(be)->name, "reference");
    assert_int_equal(clseq_backend_real(be), CLSEQ_F32);
    assert_ptr_equal(clseq_backend_context(be), ctx);
    clseq_backend_close(&be);
    assert_null(be);
    clseq_backend_close(&be);
    o.name = "refrence";
    ASSERT_FAILS(
        ctx, CLSEQ_ERR_ARG,
        "there is no backend \"refrence\"; the backends are auto, opencl, reference, mirror",
        clseq_backend_open(ctx, &o, &be));
    assert_null(be);
}

static void auto_falls_back_and_says_why(void **state)
{
    clseq_context *ctx = *state;
    struct clseq_backend_impl missing = variant(open_no_device), full = variant(open_no_memory);
    struct clseq_backend_options o;
    struct log_lines log = { 0 };
    clseq_backend *be = NULL;

    clseq_backend_options_init(&o);
    clseq_context_set_log(ctx, keep_line, &log, CLSEQ_LOG_WARNING);
    ASSERT_OK(ctx, clseq_backend_open_auto(ctx, &missing, &clseq_reference_backend, &o, &be));
    assert_string_equal(clseq_backend_info(be)->name, "reference");
    assert_int_equal(log.count, 1);
    assert_int_equal(log.level, CLSEQ_LOG_WARNING);
    assert_non_null(strstr(
        log.text, "variant cannot be used (no OpenCL platform found); running on reference"));
    clseq_backend_close(&be);
    /* What is preferred opens: not a word. */
    ASSERT_OK(ctx, clseq_backend_open_auto(ctx, &clseq_reference_backend, &missing, NULL, &be));
    assert_int_equal(log.count, 1);
    clseq_backend_close(&be);
    /* A device asked for by name, and trouble that another backend would share, are errors. */
    o.device = "nvidia";
    ASSERT_FAILS(ctx, CLSEQ_ERR_NO_DEVICE, "no OpenCL platform found",
                 clseq_backend_open_auto(ctx, &missing, &clseq_reference_backend, &o, &be));
    o.device = NULL;
    ASSERT_FAILS(ctx, CLSEQ_ERR_NOMEM, "host memory is full",
                 clseq_backend_open_auto(ctx, &full, &clseq_reference_backend, &o, &be));
    assert_int_equal(log.count, 1);
    clseq_context_set_log(ctx, NULL, NULL, CLSEQ_LOG_WARNING);
}

static void an_empty_slot_is_found_at_once(void **state)
{
    clseq_context *ctx = *state;
    struct clseq_backend_impl impl = variant(open_without_gemm);
    clseq_backend *be = NULL;

    ASSERT_FAILS(ctx, CLSEQ_ERR_INTERNAL, "backend variant does not implement gemm",
                 clseq_backend_open_impl(ctx, &impl, NULL, &be));
    impl = variant(open_without_table);
    ASSERT_FAILS(ctx, CLSEQ_ERR_INTERNAL, "no table of operations",
                 clseq_backend_open_impl(ctx, &impl, NULL, &be));
    assert_null(be);
}

static void buffers(void **state)
{
    clseq_context *ctx = *state;
    struct clseq_backend_impl impl = variant(open_small);
    struct log_lines log = { 0 };
    clseq_backend *be = NULL;
    clseq_buffer *b = NULL, *one = NULL;
    float x[10], y[10] = { 0 };

    ASSERT_OK(ctx, clseq_backend_open_impl(ctx, &impl, NULL, &be));
    ASSERT_FAILS(ctx, CLSEQ_ERR_LIMIT,
                 "buffer \"weights\" of 1001 bytes is larger than the largest",
                 clseq_buffer_create(be, 1001, "weights", &b));
    assert_null(b);
    ASSERT_OK(ctx, clseq_buffer_create(be, sizeof(x), "weights", &b));
    ASSERT_OK(ctx, clseq_buffer_create(be, 0, "empty", &one));
    assert_int_equal(be->buffers_created, 2);
    assert_int_equal(be->buffers_alive, 2);
    memset(x, 0xff, sizeof(x));
    ASSERT_OK(ctx, clseq_buffer_read(b, 0, x, sizeof(x)));
    assert_memory_equal(x, y, sizeof(x));
    ASSERT_OK(ctx,
              clseq_buffer_read(one, 0, x, sizeof(float))); /* 0 is rounded up to one element */
    assert_int_equal(be->reads, 2);

    y[3] = 7;
    ASSERT_OK(ctx, clseq_buffer_write(b, 3 * sizeof(float), &y[3], sizeof(float)));
    ASSERT_OK(ctx, clseq_buffer_read(b, 0, x, sizeof(x)));
    assert_memory_equal(x, y, sizeof(x));
    ASSERT_OK(ctx, clseq_buffer_write(b, sizeof(x), y, 0));
    ASSERT_OK(ctx, clseq_buffer_read(b, sizeof(x), x, 0));
    assert_int_equal(be->reads, 3); /* nothing was read */
    ASSERT_FAILS(ctx, CLSEQ_ERR_ARG,
                 "buffer_read: 40 bytes at offset 4 do not lie inside buffer \"weights\" of 40",
                 clseq_buffer_read(b, 4, x, sizeof(x)));
    ASSERT_FAILS(ctx, CLSEQ_ERR_ARG, "buffer_write: 1 bytes at offset 40",
                 clseq_buffer_write(b, 40, x, 1));
    ASSERT_FAILS(ctx, CLSEQ_ERR_ARG, "buffer_write: 2 bytes",
                 clseq_buffer_write(b, SIZE_MAX, x, 2));
    ASSERT_FAILS(ctx, CLSEQ_ERR_ARG, "do not lie inside", clseq_buffer_read(b, 8, x, SIZE_MAX));
    ASSERT_OK(ctx, clseq_backend_sync(be));
    assert_int_equal(be->syncs, 1);

    clseq_buffer_destroy(&one);
    assert_null(one);
    clseq_buffer_destroy(&one);
    assert_int_equal(be->buffers_alive, 1);
    clseq_buffer_destroy(&b);
    assert_int_equal(be->buffers_alive, 0);
    assert_int_equal(be->buffers_created, 2);
    clseq_context_set_log(ctx, keep_line, &log, CLSEQ_LOG_WARNING);
    clseq_backend_close(&be);
    assert_int_equal(log.count, 0);
    clseq_context_set_log(ctx, NULL, NULL, CLSEQ_LOG_WARNING);
}

static void tensors_as_float(void **state)
{
    clseq_context *ctx = *state;
    clseq_backend *be = NULL, *other = NULL;
    clseq_buffer *b = NULL;
    clseq_tensor x;
    float in[6] = { 1, -2, 3.5f, 0, 5, 6 }, out[6];

    ASSERT_OK(ctx, clseq_backend_open_impl(ctx, &clseq_reference_backend, NULL, &be));
    ASSERT_OK(ctx, clseq_backend_open_impl(ctx, &clseq_reference_backend, NULL, &other));
    for (int i = 0; i < 2; i++) {
        /* Only read and write see the type, so the reference can play the oracle here. */
        be->real = i ? CLSEQ_F64 : CLSEQ_F32;
        ASSERT_OK(ctx, clseq_buffer_create(be, 100, "x", &b));
        x = clseq_tensor_2d(b, 2, be->real, 2, 3);
        ASSERT_OK(ctx, clseq_tensor_write_f32(be, &x, in));
        ASSERT_OK(ctx, clseq_tensor_read_f32(be, &x, out));
        assert_memory_equal(in, out, sizeof(in));
        if (i) {
            double wide[6];

            ASSERT_OK(ctx, clseq_buffer_read(b, 2 * sizeof(double), wide, sizeof(wide)));
            assert_true(wide[2] == 3.5);
        }
        clseq_buffer_destroy(&b);
    }
    be->real = CLSEQ_F32;
    ASSERT_OK(ctx, clseq_buffer_create(be, 40, "x", &b));
    x = clseq_tensor_2d(b, 0, CLSEQ_F32, 2, 3);
    x.strides[0] = 4;
    ASSERT_FAILS(ctx, CLSEQ_ERR_SHAPE, "(2, 3) f32 with stride 4 of dimension 0 has gaps",
                 clseq_tensor_read_f32(be, &x, out));
    x = clseq_tensor_2d(b, 0, CLSEQ_I32, 2, 3);
    ASSERT_FAILS(ctx, CLSEQ_ERR_ARG, "is not of type f32", clseq_tensor_write_f32(be, &x, in));
    x = clseq_tensor_2d(b, 5, CLSEQ_F32, 2, 3);
    ASSERT_FAILS(ctx, CLSEQ_ERR_ARG, "do not lie inside", clseq_tensor_read_f32(be, &x, out));
    x.offset = SIZE_MAX / 2;
    ASSERT_FAILS(ctx, CLSEQ_ERR_SHAPE, "larger than memory", clseq_tensor_read_f32(be, &x, out));
    x.offset = 0;
    ASSERT_FAILS(ctx, CLSEQ_ERR_ARG, "does not belong to backend reference",
                 clseq_tensor_read_f32(other, &x, out));
    x.buffer = NULL;
    ASSERT_FAILS(ctx, CLSEQ_ERR_ARG, "(absent) does not belong",
                 clseq_tensor_read_f32(be, &x, out));
    clseq_buffer_destroy(&b);
    clseq_backend_close(&other);
    clseq_backend_close(&be);
}

/* Whatever call meets the device error first, every later one returns it. */
static void device_errors_stay(void **state)
{
    clseq_context *ctx = *state;
    const enum clseq_fault_call kinds[] = { CLSEQ_FAULT_OP, CLSEQ_FAULT_BUFFER_CREATE,
                                            CLSEQ_FAULT_WRITE, CLSEQ_FAULT_READ, CLSEQ_FAULT_SYNC };

    for (size_t i = 0; i < CLSEQ_ARRAY_SIZE(kinds); i++) {
        const struct clseq_fault_options options = { .call = kinds[i],
                                                     .nth = kinds[i] == CLSEQ_FAULT_BUFFER_CREATE
                                                                ? 2
                                                                : 1,
                                                     .status = CLSEQ_ERR_DEVICE };
        clseq_backend *be = NULL;
        clseq_buffer *b = NULL, *c = NULL;
        struct clseq_fill_args fill = { .value = 1 };
        float x = 0;
        int failures = 0;

        ASSERT_OK(ctx, clseq_fault_open(ctx, &options, &be));
        ASSERT_OK(ctx, clseq_buffer_create(be, 4, "b", &b));
        fill.dst = clseq_tensor_1d(b, 0, CLSEQ_F32, 1);
        for (int round = 0; round < 2; round++) {
            failures = 0;
            failures += clseq_op_fill(be, &fill) == CLSEQ_ERR_DEVICE;
            failures += clseq_buffer_write(b, 0, &x, sizeof(x)) == CLSEQ_ERR_DEVICE;
            failures += clseq_buffer_read(b, 0, &x, sizeof(x)) == CLSEQ_ERR_DEVICE;
            failures += clseq_backend_sync(be) == CLSEQ_ERR_DEVICE;
            failures += clseq_buffer_create(be, 4, "c", &c) == CLSEQ_ERR_DEVICE;
        }
        assert_int_equal(failures, 5);
        assert_null(c);
        ASSERT_FAILS(ctx, CLSEQ_ERR_DEVICE, "was told to fail); close it", clseq_backend_sync(be));
        clseq_buffer_destroy(&b);
        clseq_backend_close(&be);
    }
}

static void the_profile_counts_parts(void **state)
{
    clseq_context *ctx = *state;
    struct clseq_backend_options o;
    struct clseq_profile_row rows[4];
    struct op_fixture f;
    union clseq_op_any_args args;
    clseq_backend *be = NULL;
    int n;

    clseq_backend_options_init(&o);
    o.name = "reference";
    for (int i = 0; i < 2; i++) {
        o.profile = i == 1;
        ASSERT_OK(ctx, clseq_backend_open(ctx, &o, &be));
        op_fixture_open(ctx, be, &f);
        op_fixture_args(&f, CLSEQ_OP_lstm_seq_fwd, &args);
        op_fixture_fill(ctx, &f, CLSEQ_OP_lstm_seq_fwd, &args);
        ASSERT_OK(ctx, clseq_op_lstm_seq_fwd(be, &args.lstm_seq_fwd));
        n = clseq_backend_profile(be, rows, 4);
        if (i == 0) {
            assert_int_equal(n, 0);
        } else {
            const int gemm = strcmp(rows[0].op, "gemm") == 0 ? 0 : 1;

            assert_int_equal(n, 2); /* gemm and lstm_cell_fwd */
            assert_string_equal(rows[gemm].op, "gemm");
            assert_string_equal(rows[1 - gemm].op, "lstm_cell_fwd");
            assert_int_equal(rows[0].calls, OP_T);
            assert_int_equal(rows[1].calls, OP_T);
            assert_true(rows[gemm].flops == 2.0 * OP_T * OP_B * 4 * OP_H * OP_H);
            assert_true(rows[gemm].bytes > 0);
            assert_true(rows[0].seconds >= rows[1].seconds && rows[1].seconds >= 0);
            assert_int_equal(clseq_backend_profile(be, rows, 1), 1);
            assert_int_equal(clseq_backend_profile(be, NULL, 0), 0);
            clseq_backend_profile_reset(be);
            assert_int_equal(clseq_backend_profile(be, rows, 4), 0);
        }
        op_fixture_close(&f);
        clseq_backend_close(&be);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(defaults),
        cmocka_unit_test(by_name),
        cmocka_unit_test(auto_falls_back_and_says_why),
        cmocka_unit_test(an_empty_slot_is_found_at_once),
        cmocka_unit_test(buffers),
        cmocka_unit_test(tensors_as_float),
        cmocka_unit_test(device_errors_stay),
        cmocka_unit_test(the_profile_counts_parts),
    };

    return cmocka_run_group_tests_name("backend", tests, unit_context_create, unit_context_destroy);
}
