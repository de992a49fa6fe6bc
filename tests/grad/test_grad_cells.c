/* SPDX-License-Identifier: BSD-2-Clause */
/* Backward operations of the GRU and of the plain recurrent layer against central differences of
 * their forward operations. The LSTM's are in test_grad_ops.c. */
#include "grad_unit.h"

static const clseq_tensor absent;

static void copy(struct grad_fixture *f, clseq_tensor src, clseq_tensor dst)
{
    const struct clseq_copy_args args = { .src = src, .dst = dst };

    ASSERT_OK(f->ctx, clseq_op_copy(f->be, &args));
}

/* dw = sum over the steps of dpre[t]^T h[t - 1]; h[-1] = h0. Steps and h (T, B, ...). */
static void recurrent_weight_gradient(struct grad_fixture *f, clseq_tensor dpre, clseq_tensor h,
                                      clseq_tensor h0, clseq_tensor dw)
{
    for (int32_t t = 0; t < h.dims[0]; t++) {
        const struct clseq_gemm_args product = {
            .a = clseq_tensor_step(dpre, t),
            .b = t > 0 ? clseq_tensor_step(h, t - 1) : h0,
            .c = dw,
            .trans_a = true,
            .alpha = 1,
            .beta = t > 0 ? 1 : 0,
        };

        ASSERT_OK(f->ctx, clseq_op_gemm(f->be, &product));
    }
}

/* Columns [first, first + n) of (T, B, ...). */
static clseq_tensor columns_of(clseq_tensor x, int32_t first, int32_t n)
{
    x.offset += (size_t)first;
    x.dims[x.ndim - 1] = n;
    return x;
}

/* db = column sums of x (M, N). */
static void bias_gradient(struct grad_fixture *f, clseq_tensor x, clseq_tensor db)
{
    const struct clseq_col_sums_args sums = { .x = x, .y = db };

    ASSERT_OK(f->ctx, clseq_op_col_sums(f->be, &sums));
}

/* Part [first, first + n) of a vector. */
static clseq_tensor part_of(clseq_tensor x, int32_t first, int32_t n)
{
    x.offset += (size_t)first;
    x.dims[0] = n;
    return x;
}

/* ---- gru_cell ---- */

struct gru_cell {
    struct grad_fixture *f;
    struct clseq_gru_cell_fwd_args args;
    clseq_tensor dh, dy; /* gradients of h, two parts */
};

static clseq_status gru_cell_loss(void *user, double *ret)
{
    struct gru_cell *s = user;

    CLSEQ_TRY(clseq_op_gru_cell_fwd(s->f->be, &s->args));
    *ret = 0;
    CLSEQ_TRY(grad_add_weighted(s->f, &s->args.h, &s->dh, ret));
    if (clseq_tensor_present(&s->dy))
        CLSEQ_TRY(grad_add_weighted(s->f, &s->args.h, &s->dy, ret));
    return CLSEQ_OK;
}

static void check_gru_cell(struct grad_fixture *f, bool ragged, bool with_dy)
{
    const int32_t B = 4, H = 3,
                  lengths[4] = { 6, 2, 3, 0 }; /* step 2: live, finished, live, finished */
    struct gru_cell s = {
        .f = f,
        .args = { .pre = grad_tensor(f, B, 3 * H, 0),
                  .pre_n = grad_tensor(f, B, H, 0),
                  .h_prev = grad_tensor(f, B, H, 0),
                  .b_ih = grad_tensor(f, 3 * H, 0, 0),
                  .b_hh = grad_tensor(f, 3 * H, 0, 0),
                  .length = ragged ? grad_indices(f, lengths, B) : absent,
                  .act = grad_tensor(f, B, 3 * H, 0),
                  .hn = grad_tensor(f, B, H, 0),
                  .h = grad_tensor(f, B, H, 0),
                  .t = 2 },
        .dh = grad_tensor(f, B, H, 0),
        .dy = with_dy ? grad_tensor(f, B, H, 0) : absent,
    };
    const struct clseq_gru_cell_bwd_args bwd = {
        .act = s.args.act,
        .hn = s.args.hn,
        .h_prev = s.args.h_prev,
        .dh = s.dh,
        .dy = s.dy,
        .length = s.args.length,
        .dpre = grad_tensor(f, B, 3 * H, 0),
        .dhn = grad_tensor(f, B, H, 0),
        .dh_prev = grad_tensor(f, B, H, 0),
        .t = 2,
    };
    const clseq_tensor db_ih = grad_tensor(f, 3 * H, 0, 0), db_hh = grad_tensor(f, 3 * H, 0, 0);
    double loss;

    ASSERT_OK(f->ctx, gru_cell_loss(&s, &loss));
    ASSERT_OK(f->ctx, clseq_op_gru_cell_bwd(f->be, &bwd));
    bias_gradient(f, bwd.dpre, db_ih);
    bias_gradient(f, columns_of(bwd.dpre, 0, 2 * H), part_of(db_hh, 0, 2 * H));
    bias_gradient(f, bwd.dhn, part_of(db_hh, 2 * H, H));
    ASSERT_GRADIENT(f, s.args.pre, bwd.dpre, gru_cell_loss, &s);
    ASSERT_GRADIENT(f, s.args.pre_n, bwd.dhn, gru_cell_loss, &s);
    ASSERT_GRADIENT(f, s.args.h_prev, bwd.dh_prev, gru_cell_loss, &s);
    ASSERT_GRADIENT(f, s.args.b_ih, db_ih, gru_cell_loss, &s);
    ASSERT_GRADIENT(f, s.args.b_hh, db_hh, gru_cell_loss, &s);
}

static void gru_cell_bwd(void **state)
{
    check_gru_cell(*state, false, true);
}

static void gru_cell_bwd_with_ragged_lengths(void **state)
{
    check_gru_cell(*state, true, false);
    check_gru_cell(*state, true, true);
}

/* ---- gru_seq ---- */

struct gru_sequence {
    struct grad_fixture *f;
    struct clseq_gru_seq_fwd_args args;
    clseq_tensor pre; /* what gates holds before the call */
    clseq_tensor dy, dh;
};

static clseq_status gru_sequence_loss(void *user, double *ret)
{
    struct gru_sequence *s = user;
    const clseq_tensor h = clseq_tensor_step(s->args.h, s->args.h.dims[0] - 1);
    const struct clseq_copy_args start = { .src = s->pre, .dst = s->args.gates };

    CLSEQ_TRY(clseq_op_copy(s->f->be, &start));
    CLSEQ_TRY(clseq_op_gru_seq_fwd(s->f->be, &s->args));
    *ret = 0;
    if (clseq_tensor_present(&s->dy))
        CLSEQ_TRY(grad_add_weighted(s->f, &s->args.h, &s->dy, ret));
    return grad_add_weighted(s->f, &h, &s->dh, ret);
}

static void check_gru_sequence(struct grad_fixture *f, bool ragged, bool with_dy)
{
    const int32_t T = 4, B = 4, H = 3, lengths[4] = { 4, 2, 0, 1 };
    struct gru_sequence s = {
        .f = f,
        .args = { .w_hh = grad_tensor(f, 3 * H, H, 0),
                  .h0 = grad_tensor(f, B, H, 0),
                  .b_ih = grad_tensor(f, 3 * H, 0, 0),
                  .b_hh = grad_tensor(f, 3 * H, 0, 0),
                  .length = ragged ? grad_indices(f, lengths, B) : absent,
                  .gates = grad_tensor(f, T, B, 3 * H),
                  .hn = grad_tensor(f, T, B, H),
                  .h = grad_tensor(f, T, B, H) },
        .pre = grad_tensor(f, T, B, 3 * H),
        .dy = with_dy ? grad_tensor(f, T, B, H) : absent,
        .dh = grad_tensor(f, B, H, 0),
    };
    const clseq_tensor dpre = grad_tensor(f, T, B, 3 * H), dhn = grad_tensor(f, T, B, H);
    const clseq_tensor dh0 = grad_tensor(f, B, H, 0), dw = grad_tensor(f, 3 * H, H, 0);
    const clseq_tensor db_ih = grad_tensor(f, 3 * H, 0, 0), db_hh = grad_tensor(f, 3 * H, 0, 0);
    const struct clseq_gru_seq_bwd_args bwd = {
        .w_hh = s.args.w_hh,
        .h0 = s.args.h0,
        .h = s.args.h,
        .dy = s.dy,
        .length = s.args.length,
        .gates = dpre,
        .hn = dhn,
        .dh = dh0,
    };
    double loss;

    ASSERT_OK(f->ctx, gru_sequence_loss(&s, &loss));
    copy(f, s.args.gates, dpre);
    copy(f, s.args.hn, dhn);
    copy(f, s.dh, dh0);
    ASSERT_OK(f->ctx, clseq_op_gru_seq_bwd(f->be, &bwd));
    recurrent_weight_gradient(f, columns_of(dpre, 0, 2 * H), s.args.h, s.args.h0,
                              clseq_tensor_range(dw, 0, 2 * H));
    recurrent_weight_gradient(f, dhn, s.args.h, s.args.h0, clseq_tensor_range(dw, 2 * H, H));
    bias_gradient(f, clseq_tensor_flatten(dpre), db_ih);
    bias_gradient(f, clseq_tensor_columns(clseq_tensor_flatten(dpre), 0, 2 * H),
                  part_of(db_hh, 0, 2 * H));
    bias_gradient(f, clseq_tensor_flatten(dhn), part_of(db_hh, 2 * H, H));
    ASSERT_GRADIENT(f, s.pre, dpre, gru_sequence_loss, &s);
    ASSERT_GRADIENT(f, s.args.h0, dh0, gru_sequence_loss, &s);
    ASSERT_GRADIENT(f, s.args.w_hh, dw, gru_sequence_loss, &s);
    ASSERT_GRADIENT(f, s.args.b_ih, db_ih, gru_sequence_loss, &s);
    ASSERT_GRADIENT(f, s.args.b_hh, db_hh, gru_sequence_loss, &s);
}

static void gru_seq_bwd(void **state)
{
    check_gru_sequence(*state, false, true);
}

static void gru_seq_bwd_with_ragged_lengths(void **state)
{
    check_gru_sequence(*state, true, true);
}

static void gru_seq_bwd_from_the_final_state(void **state)
{
    check_gru_sequence(*state, true, false);
}

/* ---- rnn_cell ---- */

struct rnn_cell {
    struct grad_fixture *f;
    struct clseq_rnn_cell_fwd_args args;
    clseq_tensor dh, dy;
};

static clseq_status rnn_cell_loss(void *user, double *ret)
{
    struct rnn_cell *s = user;

    CLSEQ_TRY(clseq_op_rnn_cell_fwd(s->f->be, &s->args));
    *ret = 0;
    CLSEQ_TRY(grad_add_weighted(s->f, &s->args.h, &s->dh, ret));
    if (clseq_tensor_present(&s->dy))
        CLSEQ_TRY(grad_add_weighted(s->f, &s->args.h, &s->dy, ret));
    return CLSEQ_OK;
}

static void check_rnn_cell(struct grad_fixture *f, bool ragged, bool with_dy)
{
    const int32_t B = 4, H = 3, lengths[4] = { 6, 2, 3, 0 };
    struct rnn_cell s = {
        .f = f,
        .args = { .pre = grad_tensor(f, B, H, 0),
                  .h_prev = grad_tensor(f, B, H, 0),
                  .b_ih = grad_tensor(f, H, 0, 0),
                  .b_hh = grad_tensor(f, H, 0, 0),
                  .length = ragged ? grad_indices(f, lengths, B) : absent,
                  .act = grad_tensor(f, B, H, 0),
                  .h = grad_tensor(f, B, H, 0),
                  .t = 2 },
        .dh = grad_tensor(f, B, H, 0),
        .dy = with_dy ? grad_tensor(f, B, H, 0) : absent,
    };
    const struct clseq_rnn_cell_bwd_args bwd = {
        .act = s.args.act,
        .dh = s.dh,
        .dy = s.dy,
        .length = s.args.length,
        .dpre = grad_tensor(f, B, H, 0),
        .dh_prev = grad_tensor(f, B, H, 0),
        .t = 2,
    };
    const clseq_tensor db = grad_tensor(f, H, 0, 0);
    double loss;

    ASSERT_OK(f->ctx, rnn_cell_loss(&s, &loss));
    ASSERT_OK(f->ctx, clseq_op_rnn_cell_bwd(f->be, &bwd));
    bias_gradient(f, bwd.dpre, db);
    ASSERT_GRADIENT(f, s.args.pre, bwd.dpre, rnn_cell_loss, &s);
    ASSERT_GRADIENT(f, s.args.h_prev, bwd.dh_prev, rnn_cell_loss, &s);
    ASSERT_GRADIENT(f, s.args.b_ih, db, rnn_cell_loss, &s);
    ASSERT_GRADIENT(f, s.args.b_hh, db, rnn_cell_loss, &s);
}

static void rnn_cell_bwd(void **state)
{
    check_rnn_cell(*state, false, true);
}

static void rnn_cell_bwd_with_ragged_lengths(void **state)
{
    check_rnn_cell(*state, true, false);
    check_rnn_cell(*state, true, true);
}

/* ---- rnn_seq ---- */

struct rnn_sequence {
    struct grad_fixture *f;
    struct clseq_rnn_seq_fwd_args args;
    clseq_tensor pre; /* what gates holds before the call */
    clseq_tensor dy, dh;
};

static clseq_status rnn_sequence_loss(void *user, double *ret)
{
    struct rnn_sequence *s = user;
    const clseq_tensor h = clseq_tensor_step(s->args.h, s->args.h.dims[0] - 1);
    const struct clseq_copy_args start = { .src = s->pre, .dst = s->args.gates };

    CLSEQ_TRY(clseq_op_copy(s->f->be, &start));
    CLSEQ_TRY(clseq_op_rnn_seq_fwd(s->f->be, &s->args));
    *ret = 0;
    if (clseq_tensor_present(&s->dy))
        CLSEQ_TRY(grad_add_weighted(s->f, &s->args.h, &s->dy, ret));
    return grad_add_weighted(s->f, &h, &s->dh, ret);
}

static void check_rnn_sequence(struct grad_fixture *f, bool ragged, bool with_dy)
{
    const int32_t T = 4, B = 4, H = 3, lengths[4] = { 4, 2, 0, 1 };
    struct rnn_sequence s = {
        .f = f,
        .args = { .w_hh = grad_tensor(f, H, H, 0),
                  .h0 = grad_tensor(f, B, H, 0),
                  .b_ih = grad_tensor(f, H, 0, 0),
                  .b_hh = grad_tensor(f, H, 0, 0),
                  .length = ragged ? grad_indices(f, lengths, B) : absent,
                  .gates = grad_tensor(f, T, B, H),
                  .h = grad_tensor(f, T, B, H) },
        .pre = grad_tensor(f, T, B, H),
        .dy = with_dy ? grad_tensor(f, T, B, H) : absent,
        .dh = grad_tensor(f, B, H, 0),
    };
    const clseq_tensor dpre = grad_tensor(f, T, B, H), dh0 = grad_tensor(f, B, H, 0);
    const clseq_tensor dw = grad_tensor(f, H, H, 0), db = grad_tensor(f, H, 0, 0);
    const struct clseq_rnn_seq_bwd_args bwd = {
        .w_hh = s.args.w_hh,
        .dy = s.dy,
        .length = s.args.length,
        .gates = dpre,
        .dh = dh0,
    };
    double loss;

    ASSERT_OK(f->ctx, rnn_sequence_loss(&s, &loss));
    copy(f, s.args.gates, dpre);
    copy(f, s.dh, dh0);
    ASSERT_OK(f->ctx, clseq_op_rnn_seq_bwd(f->be, &bwd));
    recurrent_weight_gradient(f, dpre, s.args.h, s.args.h0, dw);
    bias_gradient(f, clseq_tensor_flatten(dpre), db);
    ASSERT_GRADIENT(f, s.pre, dpre, rnn_sequence_loss, &s);
    ASSERT_GRADIENT(f, s.args.h0, dh0, rnn_sequence_loss, &s);
    ASSERT_GRADIENT(f, s.args.w_hh, dw, rnn_sequence_loss, &s);
    ASSERT_GRADIENT(f, s.args.b_ih, db, rnn_sequence_loss, &s);
    ASSERT_GRADIENT(f, s.args.b_hh, db, rnn_sequence_loss, &s);
}

static void rnn_seq_bwd(void **state)
{
    check_rnn_sequence(*state, false, true);
}

static void rnn_seq_bwd_with_ragged_lengths(void **state)
{
    check_rnn_sequence(*state, true, true);
}

static void rnn_seq_bwd_from_the_final_state(void **state)
{
    check_rnn_sequence(*state, true, false);
}

#define GRADIENT_TEST(name)                                                                        \
    cmocka_unit_test_setup_teardown(name, grad_fixture_create, grad_fixture_destroy)

int main(void)
{
    const struct CMUnitTest tests[] = {
        GRADIENT_TEST(gru_cell_bwd),
        GRADIENT_TEST(gru_cell_bwd_with_ragged_lengths),
        GRADIENT_TEST(gru_seq_bwd),
        GRADIENT_TEST(gru_seq_bwd_with_ragged_lengths),
        GRADIENT_TEST(gru_seq_bwd_from_the_final_state),
        GRADIENT_TEST(rnn_cell_bwd),
        GRADIENT_TEST(rnn_cell_bwd_with_ragged_lengths),
        GRADIENT_TEST(rnn_seq_bwd),
        GRADIENT_TEST(rnn_seq_bwd_with_ragged_lengths),
        GRADIENT_TEST(rnn_seq_bwd_from_the_final_state),
    };

    return cmocka_run_group_tests_name("grad_cells", tests, NULL, NULL);
}
