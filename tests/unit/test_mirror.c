/* SPDX-License-Identifier: BSD-2-Clause */
/* The mirror, with the reference on one side and a reference that errs on the other. */
#include "op_fixture.h"

#include "backend/fault_backend.h"
#include "backend/mirror_backend.h"

#include <math.h>

/* The reference as it is, or with the fault that `options` describes, as the tested side. */
static clseq_backend *open_mirror(clseq_context *ctx, struct clseq_fault_impl *fault,
                                  const struct clseq_fault_options *options)
{
    clseq_backend *be = NULL;

    clseq_fault_impl_init(fault, options);
    ASSERT_OK(ctx, clseq_mirror_open_pair(ctx, &clseq_reference_backend, &fault->impl, NULL, &be));
    return be;
}

static clseq_status run_filled(clseq_context *ctx, clseq_backend *be, struct op_fixture *f,
                               enum clseq_op op)
{
    union clseq_op_any_args args;

    op_fixture_args(f, op, &args);
    op_fixture_fill(ctx, f, op, &args);
    return clseq_op_run(be, op, &args);
}

/* Both sides right: every op passes, and the results are those of the reference alone. */
static void equal_backends_agree(void **state)
{
    clseq_context *ctx = *state;
    const struct clseq_fault_options none = { .nth = 0 };
    struct clseq_fault_impl fault;
    struct op_fixture f, g;
    clseq_backend *mirror = open_mirror(ctx, &fault, &none), *plain = NULL;

    ASSERT_OK(ctx, clseq_backend_open_impl(ctx, &clseq_reference_backend, NULL, &plain));
    op_fixture_open(ctx, mirror, &f);
    op_fixture_open(ctx, plain, &g);
    for (int i = 0; i < CLSEQ_OP_COUNT; i++) {
        float a[OP_PLACE * OP_PLACES], b[OP_PLACE * OP_PLACES];
        int32_t x[OP_PLACE * OP_PLACES], y[OP_PLACE * OP_PLACES];

        ASSERT_OK(ctx, run_filled(ctx, mirror, &f, (enum clseq_op)i));
        ASSERT_OK(ctx, run_filled(ctx, plain, &g, (enum clseq_op)i));
        ASSERT_OK(ctx, clseq_buffer_read(f.reals, 0, a, sizeof(a)));
        ASSERT_OK(ctx, clseq_buffer_read(g.reals, 0, b, sizeof(b)));
        assert_memory_equal(a, b, sizeof(a));
        ASSERT_OK(ctx, clseq_buffer_read(f.indices, 0, x, sizeof(x)));
        ASSERT_OK(ctx, clseq_buffer_read(g.indices, 0, y, sizeof(y)));
        assert_memory_equal(x, y, sizeof(x));
    }
    assert_string_equal(clseq_backend_info(mirror)->name, "mirror");
    ASSERT_OK(ctx, clseq_backend_sync(mirror));
    op_fixture_close(&f);
    op_fixture_close(&g);
    clseq_backend_close(&mirror);
    clseq_backend_close(&plain);
}

/* One wrong element in one output of one op: found, and named. */
static void wrong_element(clseq_context *ctx, enum clseq_op op, int output, const char *name,
                          enum clseq_fault_effect effect)
{
    const struct clseq_fault_options options = {
        .call = CLSEQ_FAULT_OP,
        .only_op = true,
        .op = op,
        .nth = 1,
        .effect = effect,
        .output = output,
        .element = 1,
        .add = 1e-3,
    };
    struct clseq_fault_impl fault;
    struct op_fixture f;
    clseq_backend *be = open_mirror(ctx, &fault, &options);
    char start[128], call[32];
    clseq_status status;

    op_fixture_open(ctx, be, &f);
    status = run_filled(ctx, be, &f, op);
    snprintf(start, sizeof(start), "%s differs between reference and fault", clseq_op_name(op));
    snprintf(call, sizeof(call), "in call 1: %s (", name);
    if (status != CLSEQ_ERR_MISMATCH ||
        strncmp(clseq_context_error(ctx), start, strlen(start)) != 0 ||
        !strstr(clseq_context_error(ctx), call) || !strstr(clseq_context_error(ctx), "1 of "))
        fail_msg("%s %s: expected \"%s ... %s ... 1 of\", got %s: %s", clseq_op_name(op), name,
                 start, call, clseq_status_name(status),
                 status == CLSEQ_OK ? "" : clseq_context_error(ctx));
    op_fixture_close(&f);
    clseq_backend_close(&be);
}

static void every_output_is_compared(void **state)
{
    int tried = 0;

    for (int i = 0; i < CLSEQ_OP_COUNT; i++) {
        const struct clseq_op_schema *schema = clseq_op_schema((enum clseq_op)i);
        int output = 0;

        if (!schema->required) /* its parts are compared here; fused_slot has the whole */
            continue;
        for (int k = 0; k < schema->n_fields; k++) {
            if (!(schema->fields[k].flags & CLSEQ_FIELD_WRITE))
                continue;
            wrong_element(*state, (enum clseq_op)i, output, schema->fields[k].name,
                          CLSEQ_FAULT_NAN);
            if (!(schema->fields[k].flags & CLSEQ_FIELD_INDEX))
                wrong_element(*state, (enum clseq_op)i, output, schema->fields[k].name,
                              CLSEQ_FAULT_ADD);
            output++;
            tried++;
        }
    }
    assert_true(tried > 30);
}

/* The text of one case word by word. */
static void the_message_says_where(void **state)
{
    clseq_context *ctx = *state;
    const struct clseq_fault_options options = { .call = CLSEQ_FAULT_OP,
                                                 .only_op = true,
                                                 .op = CLSEQ_OP_fill,
                                                 .nth = 2,
                                                 .effect = CLSEQ_FAULT_ADD,
                                                 .element = 7,
                                                 .add = 0.25 };
    struct clseq_fault_impl fault;
    struct op_fixture f;
    clseq_backend *be = open_mirror(ctx, &fault, &options);

    op_fixture_open(ctx, be, &f);
    ASSERT_OK(ctx, run_filled(ctx, be, &f, CLSEQ_OP_copy));
    ASSERT_OK(ctx, run_filled(ctx, be, &f, CLSEQ_OP_fill));
    ASSERT_FAILS(
        ctx, CLSEQ_ERR_MISMATCH,
        "in call 3: dst (3, 5) f32 [1, 2]: expected 1.5, got 1.75, allowed difference 0, 1 of 15 "
        "elements differ; `clseq-check --function fill`",
        run_filled(ctx, be, &f, CLSEQ_OP_fill));
    op_fixture_close(&f);
    clseq_backend_close(&be);
}

/* A difference within the tolerance passes, and the trusted side goes on from the tested result: an
 * exact op on it agrees. */
static void small_differences_do_not_add_up(void **state)
{
    clseq_context *ctx = *state;
    const struct clseq_fault_options options = { .call = CLSEQ_FAULT_OP,
                                                 .only_op = true,
                                                 .op = CLSEQ_OP_gemm,
                                                 .nth = 1,
                                                 .effect = CLSEQ_FAULT_FLIP_BIT,
                                                 .bit = 0,
                                                 .element = 4 };
    struct clseq_fault_impl fault;
    struct op_fixture f;
    union clseq_op_any_args args;
    struct clseq_copy_args copy;
    clseq_backend *be = NULL;
    float c[2][OP_M * (OP_N + 2)];

    /* First without the fault. C is a view with gaps, which are kept on both sides. */
    for (int i = 0; i < 2; i++) {
        if (i == 0)
            ASSERT_OK(ctx, clseq_backend_open_impl(ctx, &clseq_reference_backend, NULL, &be));
        else
            be = open_mirror(ctx, &fault, &options);
        op_fixture_open(ctx, be, &f);
        op_fixture_args(&f, CLSEQ_OP_gemm, &args);
        op_fixture_fill(ctx, &f, CLSEQ_OP_gemm, &args);
        args.gemm.c.strides[0] = OP_N + 2;
        ASSERT_OK(ctx, clseq_op_gemm(be, &args.gemm));
        ASSERT_OK(ctx, clseq_buffer_read(f.reals, args.gemm.c.offset * sizeof(float), c[i],
                                         sizeof(c[i])));
        if (i == 0) {
            op_fixture_close(&f);
            clseq_backend_close(&be);
        }
    }
    for (size_t i = 0; i < CLSEQ_ARRAY_SIZE(c[0]); i++)
        assert_true((c[0][i] != c[1][i]) == (i == 4));
    copy = (struct clseq_copy_args) { .src = clseq_tensor_1d(f.reals, 0, CLSEQ_F32, 4 * OP_PLACE),
                                      .dst = clseq_tensor_1d(f.reals, 8 * OP_PLACE, CLSEQ_F32,
                                                             4 * OP_PLACE) };
    ASSERT_OK(ctx, clseq_op_copy(be, &copy));
    op_fixture_close(&f);
    clseq_backend_close(&be);
}

/* ---- the reference with changes ---- */

static clseq_status fused_seq_fwd(clseq_backend *be, const struct clseq_lstm_seq_fwd_args *a)
{
    return clseq_op_run_composed(be, CLSEQ_OP_lstm_seq_fwd, a);
}

static clseq_status wrong_seq_bwd(clseq_backend *be, const struct clseq_lstm_seq_bwd_args *a)
{
    const struct clseq_fill_args f = { .dst = clseq_tensor_range(a->dc, 0, 1), .value = 100 };

    CLSEQ_TRY(clseq_op_run_composed(be, CLSEQ_OP_lstm_seq_bwd, a));
    return clseq_op_fill(be, &f);
}

static clseq_status open_fused(clseq_backend *be, const struct clseq_backend_options *options)
{
    struct clseq_op_table *table = be->priv;

    CLSEQ_TRY(clseq_reference_backend.open(be, options));
    *table = *be->ops;
    table->lstm_seq_fwd = fused_seq_fwd;
    table->lstm_seq_bwd = wrong_seq_bwd;
    be->ops = table;
    return CLSEQ_OK;
}

static clseq_status open_double(clseq_backend *be, const struct clseq_backend_options *options)
{
    CLSEQ_TRY(clseq_reference_backend.open(be, options));
    be->real = CLSEQ_F64;
    return CLSEQ_OK;
}

static clseq_status open_never(clseq_backend *be, const struct clseq_backend_options *options)
{
    return clseq_fail(be->ctx, CLSEQ_ERR_NO_DEVICE, "nothing here");
}

static void fused_slot(void **state)
{
    clseq_context *ctx = *state;
    struct clseq_backend_impl fused = clseq_reference_backend;
    struct op_fixture f;
    clseq_backend *be = NULL;

    fused.priv_size = sizeof(struct clseq_op_table);
    fused.open = open_fused;
    ASSERT_OK(ctx, clseq_mirror_open_pair(ctx, &clseq_reference_backend, &fused, NULL, &be));
    op_fixture_open(ctx, be, &f);
    ASSERT_OK(ctx, run_filled(ctx, be, &f, CLSEQ_OP_lstm_seq_fwd));
    ASSERT_FAILS(ctx, CLSEQ_ERR_MISMATCH, "lstm_seq_bwd differs between",
                 run_filled(ctx, be, &f, CLSEQ_OP_lstm_seq_bwd));
    ASSERT_FAILS(ctx, CLSEQ_ERR_MISMATCH, "in call 3: dc (3, 2) f32 [0, ",
                 run_filled(ctx, be, &f, CLSEQ_OP_lstm_seq_bwd));
    op_fixture_close(&f);
    clseq_backend_close(&be);
    /* Without the slot, the first part that differs is named. */
    {
        const struct clseq_fault_options options = { .call = CLSEQ_FAULT_OP,
                                                     .only_op = true,
                                                     .op = CLSEQ_OP_lstm_cell_fwd,
                                                     .nth = 2,
                                                     .effect = CLSEQ_FAULT_NAN };
        struct clseq_fault_impl fault;

        be = open_mirror(ctx, &fault, &options);
        op_fixture_open(ctx, be, &f);
        ASSERT_FAILS(ctx, CLSEQ_ERR_MISMATCH, "lstm_cell_fwd differs between",
                     run_filled(ctx, be, &f, CLSEQ_OP_lstm_seq_fwd));
        assert_non_null(strstr(clseq_context_error(ctx), "in call 4"));
        op_fixture_close(&f);
        clseq_backend_close(&be);
    }
}

static void pairs_that_cannot_be(void **state)
{
    clseq_context *ctx = *state;
    struct clseq_backend_impl other = clseq_reference_backend;
    clseq_backend *be = NULL;

    other.open = open_double;
    ASSERT_FAILS(ctx, CLSEQ_ERR_UNSUPPORTED,
                 "f32 and reference in f64; both must use the same type",
                 clseq_mirror_open_pair(ctx, &clseq_reference_backend, &other, NULL, &be));
    other.open = open_never;
    ASSERT_FAILS(ctx, CLSEQ_ERR_NO_DEVICE, "nothing here",
                 clseq_mirror_open_pair(ctx, &clseq_reference_backend, &other, NULL, &be));
    assert_null(be);
}

/* Failures of either side come through with the number of the call, and nothing is left behind. */
static void errors_of_the_sides(void **state)
{
    clseq_context *ctx = *state;
    struct clseq_fault_options options = { .call = CLSEQ_FAULT_OP,
                                           .nth = 2,
                                           .status = CLSEQ_ERR_DEVICE };
    struct clseq_fault_impl fault;
    struct op_fixture f;
    clseq_backend *be = open_mirror(ctx, &fault, &options);
    clseq_buffer *buffer = NULL;
    float x;

    op_fixture_open(ctx, be, &f);
    ASSERT_OK(ctx, run_filled(ctx, be, &f, CLSEQ_OP_gemm));
    ASSERT_FAILS(ctx, CLSEQ_ERR_DEVICE, "mirror, call 2: fault: call 2 (op sum)",
                 run_filled(ctx, be, &f, CLSEQ_OP_sum));
    ASSERT_FAILS(ctx, CLSEQ_ERR_DEVICE, "failed earlier",
                 clseq_buffer_read(f.reals, 0, &x, sizeof(x)));
    op_fixture_close(&f);
    clseq_backend_close(&be);
    options = (struct clseq_fault_options) { .call = CLSEQ_FAULT_BUFFER_CREATE,
                                             .nth = 1,
                                             .status = CLSEQ_ERR_DEVICE_NOMEM };
    be = open_mirror(ctx, &fault, &options);
    ASSERT_FAILS(ctx, CLSEQ_ERR_DEVICE_NOMEM, "was told to fail",
                 clseq_buffer_create(be, 4, "x", &buffer));
    assert_null(buffer);
    assert_int_equal(be->buffers_alive, 0);
    ASSERT_OK(ctx, clseq_buffer_create(be, 4, "x", &buffer));
    clseq_buffer_destroy(&buffer);
    clseq_backend_close(&be);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(equal_backends_agree),
        cmocka_unit_test(every_output_is_compared),
        cmocka_unit_test(the_message_says_where),
        cmocka_unit_test(small_differences_do_not_add_up),
        cmocka_unit_test(fused_slot),
        cmocka_unit_test(pairs_that_cannot_be),
        cmocka_unit_test(errors_of_the_sides),
    };

    return cmocka_run_group_tests_name("mirror", tests, unit_context_create, unit_context_destroy);
}
