/* SPDX-License-Identifier: BSD-2-Clause */
/* The rules of tolerance.h at their edges. test_tolerance_device.c has the derivations. */
#include "tolerance_fixture.h"

#include <float.h>
#include <math.h>

/* Is `got` accepted for element i of a field, all other elements being right? */
static bool accepted(struct setup *s, const char *field, size_t i, double got)
{
    const int n = op_field(s->call.op, field);
    double *expected = s->after.field[n], *copy;
    const size_t count = clseq_tensor_count(op_tensor(s->call.op, &s->args, field));
    struct clseq_tolerance_result r;

    ASSERT_OK(s->ctx, clseq_calloc(s->ctx, count, sizeof(double), "copy", &copy));
    memcpy(copy, expected, count * sizeof(double));
    copy[i] = got;
    ASSERT_OK(s->ctx, clseq_tolerance_compare(s->ctx, &s->call, n, expected, copy, &r));
    assert_int_equal(r.compared, count);
    assert_int_equal(r.ok, r.failures == 0);
    assert_true(r.failures <= 1);
    if (!r.ok)
        assert_true(r.worst == i && (r.got == got || isnan(got)));
    free(copy);
    return r.ok;
}

static double largest(struct setup *s, const char *field)
{
    const double *x = s->before.field[op_field(s->call.op, field)];
    const size_t n = clseq_tensor_count(op_tensor(s->call.op, &s->args, field));
    double r = 0;

    for (size_t i = 0; i < n; i++)
        r = fmax(r, fabs(x[i]));
    return r;
}

static void exact(void **state)
{
    struct setup s;

    open_setup(state, &s, CLSEQ_OP_copy);
    run(&s);
    s.after.field[1][0] = 0;
    s.after.field[1][1] = (double)NAN;
    s.after.field[1][2] = HUGE_VAL;
    s.after.field[1][3] = 1;
    assert_true(accepted(&s, "dst", 0, 0));
    assert_false(accepted(&s, "dst", 0, -0.0));
    assert_true(accepted(&s, "dst", 1, (double)-NAN));
    assert_false(accepted(&s, "dst", 1, 0));
    assert_true(accepted(&s, "dst", 2, HUGE_VAL));
    assert_false(accepted(&s, "dst", 2, -HUGE_VAL));
    assert_false(accepted(&s, "dst", 2, (double)FLT_MAX));
    assert_false(accepted(&s, "dst", 3, 1 + 2 * UNIT));
    assert_false(accepted(&s, "dst", 3, (double)NAN));
    s.after.field[1][3] = 0.1; /* of the oracle: the float next to it is right */
    assert_true(accepted(&s, "dst", 3, (double)0.1f));
    assert_false(accepted(&s, "dst", 3, (double)nextafterf(0.1f, 1)));
    close_setup(&s);
    open_setup(state, &s, CLSEQ_OP_argmax);
    run(&s);
    assert_false(accepted(&s, "index", 0, s.after.field[1][0] + 1));
    s.after.field[1][0] = 16777217; /* no float, but an integer */
    assert_true(accepted(&s, "index", 0, 16777217));
    assert_false(accepted(&s, "index", 0, 16777216));
    close_setup(&s);
}

static void sum_of_absolute_terms(void **state)
{
    struct setup s;
    const struct clseq_gemm_args *g = &s.args.gemm;
    double expected = 0, bound, total = 0;

    open_setup(state, &s, CLSEQ_OP_gemm);
    run(&s);
    for (int k = 0; k < OP_K; k++)
        total += fabs(g->alpha * s.before.field[0][OP_K + k] * s.before.field[1][k * OP_N + 2]);
    total += fabs(g->beta * s.before.field[2][OP_N + 2]) + fabs(s.before.field[3][2]);
    assert_true(fabs(s.sums.field[2][OP_N + 2] - total) < 1e-6 * total);
    expected = s.after.field[2][OP_N + 2];
    bound = (OP_K + 8) * UNIT * total;
    assert_true(accepted(&s, "c", OP_N + 2, expected + 0.99 * bound));
    assert_true(accepted(&s, "c", OP_N + 2, expected - 0.99 * bound));
    assert_false(accepted(&s, "c", OP_N + 2, expected + 1.01 * bound));
    assert_false(accepted(&s, "c", OP_N + 2, expected - 1.01 * bound));
    assert_false(accepted(&s, "c", OP_N + 2, (double)NAN));
    assert_false(accepted(&s, "c", OP_N + 2, HUGE_VAL));
    /* Near the largest float the sum may overflow; only upwards. */
    s.after.field[2][0] = (double)FLT_MAX;
    s.sums.field[2][0] = (double)FLT_MAX;
    assert_true(accepted(&s, "c", 0, HUGE_VAL));
    assert_false(accepted(&s, "c", 0, -HUGE_VAL));
    s.after.field[2][0] = HUGE_VAL;
    assert_false(accepted(&s, "c", 0, (double)FLT_MAX));
    s.after.field[2][0] = (double)NAN;
    assert_false(accepted(&s, "c", 0, 0));
    assert_true(accepted(&s, "c", 0, (double)NAN));
    /* Terms of zero: only what flushing subnormal numbers costs. */
    s.after.field[2][0] = s.sums.field[2][0] = 0;
    assert_true(accepted(&s, "c", 0, 1e-39));
    assert_false(accepted(&s, "c", 0, 1e-36));
    s.call.sums = NULL;
    {
        struct clseq_tolerance_result r;

        ASSERT_FAILS(
            s.ctx, CLSEQ_ERR_INTERNAL, "sums of absolute terms of c are missing",
            clseq_tolerance_compare(s.ctx, &s.call, 2, s.after.field[2], s.after.field[2], &r));
    }
    close_setup(&s);
}

static void scalars_made_absolute(void **state)
{
    union clseq_op_any_args a = { .gemm = { .alpha = -2, .beta = -3 } };

    clseq_op_absolute_args(CLSEQ_OP_gemm, &a);
    assert_true(a.gemm.alpha == 2 && a.gemm.beta == 3);
    a.axpby.alpha = a.axpby.beta = -1;
    clseq_op_absolute_args(CLSEQ_OP_axpby, &a);
    assert_true(a.axpby.alpha == 1 && a.axpby.beta == 1);
    a.sum.beta = -4;
    clseq_op_absolute_args(CLSEQ_OP_sum, &a);
    assert_true(a.sum.beta == 4);
    a.sum_squares.beta = -4;
    clseq_op_absolute_args(CLSEQ_OP_sum_squares, &a);
    assert_true(a.sum_squares.beta == 4);
    a.col_sums.beta = -4;
    clseq_op_absolute_args(CLSEQ_OP_col_sums, &a);
    assert_true(a.col_sums.beta == 4);
    a.col_dots.beta = -4;
    clseq_op_absolute_args(CLSEQ_OP_col_dots, &a);
    assert_true(a.col_dots.beta == 4);
    a.sgd_update.lr = 0.5;
    clseq_op_absolute_args(CLSEQ_OP_sgd_update, &a);
    assert_true(a.sgd_update.lr == -0.5);
    a.momentum_update.lr = 0.5;
    clseq_op_absolute_args(CLSEQ_OP_momentum_update, &a);
    assert_true(a.momentum_update.lr == -0.5);
}

/* What an op must not touch is exact, though its rule is not. Lengths are 2, 1, 0 and t is 1; the
 * updates name rows 0, 1, 2 of 7. */
static void untouched_rows(void **state)
{
    struct setup s;

    open_setup(state, &s, CLSEQ_OP_lstm_cell_fwd);
    run(&s);
    for (size_t row = 0; row < OP_B; row++) {
        const size_t i = row * OP_H;
        const double c = s.after.field[op_field(s.call.op, "c")][i];

        assert_true(accepted(&s, "c", i, c * (1 + 4 * UNIT)) == (row == 0));
        assert_true(accepted(&s, "act", 4 * i, s.after.field[6][4 * i] + 4 * UNIT) == (row == 0));
    }
    close_setup(&s);

    open_setup(state, &s, CLSEQ_OP_lstm_cell_bwd);
    run(&s);
    for (size_t row = 0; row < OP_B; row++) {
        const size_t i = row * OP_H;

        /* Live rows send nothing past the gates; the others send all, dh + dy, and dc as it is. */
        assert_true(accepted(&s, "dh_prev", i, s.after.field[8][i] + 1e-9) == (row != 0));
        assert_true(accepted(&s, "dc_prev", i, s.after.field[9][i] + 1e-9) == (row == 0));
        assert_true(accepted(&s, "dpre", 4 * i, s.after.field[7][4 * i] + 1e-9) == (row == 0));
    }
    close_setup(&s);

    open_setup(state, &s, CLSEQ_OP_lstm_seq_fwd);
    run(&s);
    assert_true(accepted(&s, "gates", (OP_B + 0) * 4 * OP_H,
                         s.after.field[6][(OP_B + 0) * 4 * OP_H] + 1e-7));
    assert_false(accepted(&s, "gates", (OP_B + 1) * 4 * OP_H, 1e-7)); /* t = 1, length 1 */
    close_setup(&s);

    open_setup(state, &s, CLSEQ_OP_gru_cell_fwd);
    run(&s);
    for (size_t row = 0; row < OP_B; row++) {
        const size_t i = row * OP_H;

        assert_true(accepted(&s, "act", 3 * i, s.after.field[6][3 * i] + 4 * UNIT) == (row == 0));
        assert_true(accepted(&s, "hn", i, s.after.field[7][i] + UNIT / 64) == (row == 0));
        assert_true(accepted(&s, "h", i, s.after.field[8][i] + 4 * UNIT) == (row == 0));
    }
    op_tensor(s.call.op, &s.args, "b_ih")->buffer = NULL;
    op_tensor(s.call.op, &s.args, "b_hh")->buffer = NULL;
    run(&s);
    assert_false(accepted(&s, "hn", 0, s.after.field[7][0] + UNIT / 64)); /* a copy */
    close_setup(&s);

    open_setup(state, &s, CLSEQ_OP_gru_cell_bwd);
    run(&s);
    for (size_t row = 0; row < OP_B; row++) {
        const size_t i = row * OP_H;

        assert_true(accepted(&s, "dpre", 3 * i, s.after.field[6][3 * i] + 1e-9) == (row == 0));
        assert_true(accepted(&s, "dhn", i, s.after.field[7][i] + 1e-9) == (row == 0));
        assert_true(accepted(&s, "dh_prev", i, s.after.field[8][i] + 1e-9));
        assert_false(accepted(&s, "dh_prev", i, s.after.field[8][i] + 1e-5));
    }
    close_setup(&s);

    open_setup(state, &s, CLSEQ_OP_gru_seq_fwd);
    run(&s);
    assert_true(accepted(&s, "hn", OP_B * OP_H, s.after.field[6][OP_B * OP_H] + 1e-7));
    assert_false(accepted(&s, "hn", (OP_B + 1) * OP_H, 1e-7)); /* t = 1, length 1 */
    assert_false(accepted(&s, "gates", (OP_B + 1) * 3 * OP_H, 1e-7));
    close_setup(&s);

    open_setup(state, &s, CLSEQ_OP_rnn_cell_fwd);
    run(&s);
    for (size_t row = 0; row < OP_B; row++) {
        const size_t i = row * OP_H;

        assert_true(accepted(&s, "act", i, s.after.field[5][i] + 4 * UNIT) == (row == 0));
        assert_true(accepted(&s, "h", i, s.after.field[6][i] + 4 * UNIT) == (row == 0));
    }
    close_setup(&s);

    open_setup(state, &s, CLSEQ_OP_rnn_cell_bwd);
    run(&s);
    for (size_t row = 0; row < OP_B; row++) {
        const size_t i = row * OP_H;

        assert_true(accepted(&s, "dpre", i, s.after.field[4][i] + 1e-9) == (row == 0));
        assert_true(accepted(&s, "dh_prev", i, s.after.field[5][i] + 1e-9) == (row != 0));
    }
    close_setup(&s);

    for (int i = 0; i < CLSEQ_OP_COUNT; i++) {
        const enum clseq_op op = (enum clseq_op)i;
        const float zero[2] = { 1, 0 };

        if (!clseq_op_is_update(op))
            continue;
        open_setup(state, &s, op);
        run(&s);
        for (size_t row = 0; row < OP_V; row++) {
            const double w = s.after.field[3][row * OP_E];

            assert_true(accepted(&s, "w", row * OP_E, w * (1 + 2 * UNIT)) == (row < OP_U));
        }
        ASSERT_OK(s.ctx, clseq_tensor_write_f32(s.be, op_tensor(op, &s.args, "stats"), zero));
        run(&s);
        assert_false(accepted(&s, "w", 0, s.after.field[3][0] * (1 + 2 * UNIT)));
        close_setup(&s);
    }

    open_setup(state, &s, CLSEQ_OP_softmax_xent_bwd);
    {
        const int32_t masked[OP_M] = { 0, -1, 1 };

        ASSERT_OK(s.ctx, clseq_view_write(&s.args.softmax_xent_bwd.target, masked));
    }
    run(&s);
    assert_true(accepted(&s, "dlogits", 0, s.after.field[3][0] + 1e-9));
    assert_false(accepted(&s, "dlogits", OP_V, 1e-9));
    close_setup(&s);
}

/* Behind the end of a sentence there is nothing to be off by: lengths are 2, 1, 0 of 4. */
static void padding(void **state)
{
    struct setup s;

    for (int i = 0; i < 2; i++) {
        const enum clseq_op op = i ? CLSEQ_OP_additive_score_fwd : CLSEQ_OP_masked_softmax_fwd;
        const char *field = i ? "score" : "y";

        open_setup(state, &s, op);
        run(&s);
        for (size_t k = 0; k < OP_B * OP_T * OP_S; k++) {
            const size_t b = k / (OP_T * OP_S), word = k % OP_S;

            assert_true(accepted(&s, field, k, s.after.field[op_field(op, field)][k] + 1e-9) ==
                        (word + b < 2));
        }
        close_setup(&s);
    }
    /* Gradients of keys: added to with beta = 1, so those of padding stay. */
    for (int i = 0; i < 3; i++) {
        open_setup(state, &s, CLSEQ_OP_additive_score_bwd);
        s.args.additive_score_bwd.beta = i / 2.0;
        run(&s);
        for (size_t word = 0; word < OP_S; word++) {
            for (size_t b = 0; b < OP_B; b++) {
                const size_t k = (word * OP_B + b) * OP_E;
                const double old = s.after.field[op_field(s.call.op, "dk")][k];
                /* 0.5 rounds what it scales, so there it is no different from other words */
                const bool may_differ = word + b < 2 || i == 1;

                assert_true(accepted(&s, "dk", k, old * (1 + UNIT) + 1e-12) == may_differ);
            }
        }
        close_setup(&s);
    }
}

/* Dense updates have no rows to look up; indices outside the table name none. */
static void updates_by_row(void **state)
{
    const int32_t outside[OP_U] = { 5, -1, OP_V };
    struct setup s;

    for (int i = 0; i < CLSEQ_OP_COUNT; i++) {
        const enum clseq_op op = (enum clseq_op)i;

        if (!clseq_op_is_update(op))
            continue;
        open_setup(state, &s, op);
        ASSERT_OK(s.ctx, clseq_view_write(op_tensor(op, &s.args, "index"), outside));
        run(&s);
        for (size_t row = 0; row < OP_V; row++)
            assert_true(accepted(&s, "w", row * OP_E,
                                 s.after.field[3][row * OP_E] * (1 + 2 * UNIT)) == (row == 5));
        close_setup(&s);

        open_setup(state, &s, op);
        op_tensor(op, &s.args, "index")->buffer = NULL;
        op_tensor(op, &s.args, "g")->dims[0] = OP_V;
        op_fixture_fill(s.ctx, &s.f, op, &s.args);
        run(&s);
        for (size_t row = 0; row < OP_V; row++)
            assert_true(
                accepted(&s, "w", row * OP_E, s.after.field[3][row * OP_E] * (1 + 2 * UNIT)));
        close_setup(&s);
    }
}

/* The sum of the largest values of some inputs, those that the op has. */
static double largest_of(struct setup *s, const char *const names[4])
{
    const struct clseq_op_schema *schema = clseq_op_schema(s->call.op);
    double sum = 0;

    for (int i = 0; i < 4 && names[i]; i++) {
        for (int k = 0; k < schema->n_fields; k++) {
            if (strcmp(schema->fields[k].name, names[i]) == 0)
                sum += largest(s, names[i]);
        }
    }
    return sum;
}

/* Sequences: (terms + 8) |y| + T (n + cell) size, in units of 2^-24; see tolerance_magnitude.c. */
static void sequences(void **state)
{
    static const struct {
        enum clseq_op op;
        double n, cell;
        const char *field, *infinite;
        const char *flow[4], *states[4]; /* forward: the sum of both; backward: flow (1 + max) */
    } cases[] = {
        { CLSEQ_OP_lstm_seq_fwd, OP_H, 62, "c", "c0", { "gates", "b_ih", "b_hh", "h0" }, { "c0" } },
        { CLSEQ_OP_lstm_seq_bwd, 4 * OP_H, 92, "dh", "dy", { "dh", "dc", "dy" }, { "c", "c0" } },
        { CLSEQ_OP_gru_seq_fwd, OP_H, 76, "h", "h0", { "gates", "b_ih", "b_hh", "h0" }, { NULL } },
        { CLSEQ_OP_gru_seq_bwd, 3 * OP_H, 40, "dh", "dy", { "dh", "dy" }, { "h", "h0", "hn" } },
        { CLSEQ_OP_rnn_seq_fwd, OP_H, 16, "h", "h0", { "gates", "b_ih", "b_hh", "h0" }, { NULL } },
        { CLSEQ_OP_rnn_seq_bwd, OP_H, 16, "dh", "dy", { "dh", "dy" }, { NULL } },
    };
    static const char *const peephole[4] = { "peephole" };
    struct setup s;

    for (size_t i = 0; i < CLSEQ_ARRAY_SIZE(cases); i++) {
        const bool backward = i % 2 == 1;
        const char *field = cases[i].field;
        double size, bound, y;

        open_setup(state, &s, cases[i].op);
        run(&s);
        size = largest_of(&s, cases[i].flow);
        if (backward) {
            double state_size = 0;

            for (int k = 0; k < 4 && cases[i].states[k]; k++)
                state_size = fmax(state_size, largest(&s, cases[i].states[k]));
            size *= (1 + state_size) * (1 + largest_of(&s, peephole));
        } else {
            size += 1 + largest_of(&s, cases[i].states);
            size += largest_of(&s, peephole) * (1 + largest_of(&s, cases[i].states));
        }
        y = s.after.field[op_field(cases[i].op, field)][1];
        bound =
            ((OP_T * cases[i].n + 8) * fabs(y) + OP_T * (cases[i].n + cases[i].cell) * size) * UNIT;
        assert_true(accepted(&s, field, 1, y + 0.99 * bound));
        assert_false(accepted(&s, field, 1, y + 1.01 * bound));
        /* An infinite input does not make everything right. */
        s.before.field[op_field(cases[i].op, cases[i].infinite)][0] = HUGE_VAL;
        assert_false(accepted(&s, field, 1, y + 1000 * bound));
        close_setup(&s);
    }
}

/* The first element of an input. */
static void put_first(struct setup *s, const char *field, float value)
{
    clseq_tensor first = clseq_tensor_1d(s->f.reals, 0, CLSEQ_F32, 1);

    first.offset = op_tensor(s->call.op, &s->args, field)->offset;
    ASSERT_OK(s->ctx, clseq_tensor_write_f32(s->be, &first, &value));
}

static void infinite_and_tiny_values(void **state)
{
    struct setup s;
    float logits[OP_M * OP_V] = { -HUGE_VALF };

    /* An infinity expected is not met by a large number, though the bound is infinite too. */
    open_setup(state, &s, CLSEQ_OP_clip_scale);
    ASSERT_OK(s.ctx,
              clseq_tensor_write_f32(s.be, &s.args.clip_scale.sumsq, &(float) { HUGE_VALF }));
    run(&s);
    assert_true(accepted(&s, "stats", 0, HUGE_VAL));
    assert_false(accepted(&s, "stats", 0, (double)FLT_MAX));
    assert_true(accepted(&s, "stats", 1, 0));
    assert_false(accepted(&s, "stats", 1, 1e-9));
    /* The root of a subnormal number may be zero on a device that has none. */
    ASSERT_OK(s.ctx, clseq_tensor_write_f32(s.be, &s.args.clip_scale.sumsq, &(float) { 1e-38f }));
    run(&s);
    assert_true(accepted(&s, "stats", 0, 0));
    ASSERT_OK(s.ctx, clseq_tensor_write_f32(s.be, &s.args.clip_scale.sumsq, &(float) { 1e-37f }));
    run(&s);
    assert_false(accepted(&s, "stats", 0, 0));
    close_setup(&s);
    /* Words that were ruled out do not widen the bound of their row. */
    open_setup(state, &s, CLSEQ_OP_softmax_xent_fwd);
    ASSERT_OK(s.ctx, clseq_tensor_write_f32(s.be, &s.args.softmax_xent_fwd.logits, logits));
    ASSERT_OK(s.ctx,
              clseq_view_write(&s.args.softmax_xent_fwd.target, (const int32_t[]) { 1, -1, 2 }));
    run(&s);
    assert_true(accepted(&s, "lse", 0, s.after.field[3][0] * (1 + 2 * UNIT)));
    assert_false(accepted(&s, "lse", 0, s.after.field[3][0] * 1.001));
    assert_true(accepted(&s, "loss", 0, s.after.field[2][0] * (1 + 2 * UNIT)));
    assert_false(accepted(&s, "loss", 1, 1e-9)); /* masked */
    close_setup(&s);
    /* Adam divides by the root of a v that a device may flush to zero. */
    open_setup(state, &s, CLSEQ_OP_adam_update);
    s.args.adam_update.eps = 1e-15;
    put_first(&s, "g", 1e-20f);
    put_first(&s, "m", 1);
    put_first(&s, "v", 1e-38f);
    run(&s);
    {
        const struct clseq_adam_update_args *a = &s.args.adam_update;
        const double flushed = s.before.field[3][0] - a->step_size * a->beta1 / a->eps;

        assert_true(fabs(flushed / s.after.field[3][0] - 1) > 1e-4);
        assert_true(accepted(&s, "w", 0, flushed));
        assert_false(accepted(&s, "w", 0, 1.01 * flushed));
    }
    close_setup(&s);
}

static void missing_values(void **state)
{
    struct setup s;
    struct clseq_tolerance_result r;

    open_setup(state, &s, CLSEQ_OP_lstm_cell_fwd);
    run(&s);
    s.call.before = NULL;
    ASSERT_FAILS(
        s.ctx, CLSEQ_ERR_INTERNAL, "the values of pre before the call are missing",
        clseq_tolerance_compare(s.ctx, &s.call, 6, s.after.field[6], s.after.field[6], &r));
    close_setup(&s);
}

static void the_text(void **state)
{
    struct setup s;
    struct clseq_tolerance_result r = {
        .compared = 30, .failures = 2, .worst = 22, .expected = 0.5, .got = -1, .bound = 1e-6
    };
    char text[CLSEQ_TOLERANCE_TEXT];

    open_setup(state, &s, CLSEQ_OP_copy);
    assert_string_equal(
        clseq_tolerance_text(&s.call, 1, &r, text),
        "dst (2, 3, 5) f32 [1, 1, 2]: expected 0.5, got -1, allowed difference 1e-06, 2 of 30 "
        "elements differ");
    close_setup(&s);
    open_setup(state, &s, CLSEQ_OP_sum);
    r.worst = 0;
    assert_non_null(strstr(clseq_tolerance_text(&s.call, 1, &r, text), "y (1) f32 [0]: "));
    close_setup(&s);
    open_setup(state, &s, CLSEQ_OP_fill);
    r.worst = 7;
    assert_non_null(strstr(clseq_tolerance_text(&s.call, 0, &r, text), "dst (3, 5) f32 [1, 2]: "));
    close_setup(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(exact),
        cmocka_unit_test(sum_of_absolute_terms),
        cmocka_unit_test(scalars_made_absolute),
        cmocka_unit_test(untouched_rows),
        cmocka_unit_test(padding),
        cmocka_unit_test(updates_by_row),
        cmocka_unit_test(sequences),
        cmocka_unit_test(infinite_and_tiny_values),
        cmocka_unit_test(missing_values),
        cmocka_unit_test(the_text),
    };

    return cmocka_run_group_tests_name("tolerance", tests, unit_context_create,
                                       unit_context_destroy);
}
