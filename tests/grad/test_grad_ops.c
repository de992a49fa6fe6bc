/* SPDX-License-Identifier: BSD-2-Clause */
/* Every backward operation against central differences of its forward operation. */
#include "grad_unit.h"

/* ---- the checker itself ---- */

struct square {
    struct grad_fixture *f;
    clseq_tensor x;
};

static clseq_status square_loss(void *user, double *ret)
{
    struct square *s = user;

    *ret = 0;
    return grad_add_weighted(s->f, &s->x, &s->x, ret);
}

static void wrong_gradient_is_seen(void **state)
{
    struct grad_fixture *f = *state;
    struct square s = { f, grad_tensor(f, 3, 4, 0) };
    const clseq_tensor gradient = grad_tensor(f, 3, 4, 0);
    const struct clseq_axpby_args twice = { .x = s.x, .y = gradient, .alpha = 2, .beta = 0 };
    struct gradcheck_result result;
    double *element;

    ASSERT_OK(f->ctx, clseq_op_axpby(f->be, &twice));
    ASSERT_GRADIENT(f, s.x, gradient, square_loss, &s);
    element = (double *)clseq_reference_memory(gradient.buffer) + 7;
    *element *= 1 + 1e-5;
    ASSERT_OK(f->ctx, gradcheck(f->be, &s.x, &gradient, square_loss, &s, 0, &result));
    assert_true(result.worst > 5e-6);
    assert_int_equal(result.element, 7);
    assert_int_equal(result.compared, 12);
    ASSERT_OK(f->ctx, gradcheck(f->be, &s.x, &gradient, square_loss, &s, 5, &result));
    assert_int_equal(result.compared, 4);
}

/* ---- gemm: a linear layer in every transpose ---- */

struct product {
    struct grad_fixture *f;
    struct clseq_gemm_args args;
    clseq_tensor start; /* what C holds before the call */
    clseq_tensor weight;
};

static clseq_status product_loss(void *user, double *ret)
{
    struct product *p = user;
    const struct clseq_copy_args copy = { .src = p->start, .dst = p->args.c };

    CLSEQ_TRY(clseq_op_copy(p->f->be, &copy));
    CLSEQ_TRY(clseq_op_gemm(p->f->be, &p->args));
    *ret = 0;
    return grad_add_weighted(p->f, &p->args.c, &p->weight, ret);
}

/* dst = alpha op(a) op(b) */
static void multiply(struct grad_fixture *f, clseq_tensor a, bool trans_a, clseq_tensor b,
                     bool trans_b, double alpha, clseq_tensor dst)
{
    const struct clseq_gemm_args args = {
        .a = a, .b = b, .c = dst, .trans_a = trans_a, .trans_b = trans_b, .alpha = alpha
    };

    ASSERT_OK(f->ctx, clseq_op_gemm(f->be, &args));
}

static void gemm_in_all_transposes(void **state)
{
    struct grad_fixture *f = *state;
    const int32_t M = 3, N = 4, K = 5;
    const double alpha = 0.7, beta = -0.3;

    for (int transposes = 0; transposes < 4; transposes++) {
        const bool ta = (transposes & 1) != 0, tb = (transposes & 2) != 0;
        struct product p = {
            .f = f,
            .args = { .a = ta ? grad_tensor(f, K, M, 0) : grad_tensor(f, M, K, 0),
                      .b = tb ? grad_tensor(f, N, K, 0) : grad_tensor(f, K, N, 0),
                      .c = grad_tensor(f, M, N, 0),
                      .bias = grad_tensor(f, N, 0, 0),
                      .trans_a = ta,
                      .trans_b = tb,
                      .alpha = alpha,
                      .beta = beta },
            .start = grad_tensor(f, M, N, 0),
            .weight = grad_tensor(f, M, N, 0),
        };
        const clseq_tensor da = grad_tensor(f, p.args.a.dims[0], p.args.a.dims[1], 0);
        const clseq_tensor db = grad_tensor(f, p.args.b.dims[0], p.args.b.dims[1], 0);
        const clseq_tensor dc = grad_tensor(f, M, N, 0);
        const clseq_tensor dbias = grad_tensor(f, N, 0, 0);
        const struct clseq_axpby_args scaled = { .x = p.weight, .y = dc, .alpha = beta };
        const struct clseq_col_sums_args sums = { .x = p.weight, .y = dbias };

        if (ta)
            multiply(f, p.args.b, tb, p.weight, true, alpha, da);
        else
            multiply(f, p.weight, false, p.args.b, !tb, alpha, da);
        if (tb)
            multiply(f, p.weight, true, p.args.a, ta, alpha, db);
        else
            multiply(f, p.args.a, !ta, p.weight, false, alpha, db);
        ASSERT_OK(f->ctx, clseq_op_axpby(f->be, &scaled));
        ASSERT_GRADIENT(f, p.args.a, da, product_loss, &p);
        ASSERT_GRADIENT(f, p.args.b, db, product_loss, &p);
        ASSERT_GRADIENT(f, p.start, dc, product_loss, &p);
        ASSERT_OK(f->ctx, clseq_op_col_sums(f->be, &sums));
        ASSERT_GRADIENT(f, p.args.bias, dbias, product_loss, &p);
    }
}

/* ---- bias_add and col_sums ---- */

struct bias {
    struct grad_fixture *f;
    struct clseq_bias_add_args args;
    clseq_tensor weight;
};

static clseq_status bias_loss(void *user, double *ret)
{
    struct bias *s = user;

    CLSEQ_TRY(clseq_op_bias_add(s->f->be, &s->args));
    *ret = 0;
    return grad_add_weighted(s->f, &s->args.y, &s->weight, ret);
}

static void bias_gradient_is_col_sums(void **state)
{
    struct grad_fixture *f = *state;
    const int32_t M = 4, N = 6;
    struct bias s = {
        .f = f,
        .args = { .x = grad_tensor(f, M, N, 0),
                  .b0 = grad_tensor(f, N, 0, 0),
                  .b1 = grad_tensor(f, N, 0, 0),
                  .y = grad_tensor(f, M, N, 0) },
        .weight = grad_tensor(f, M, N, 0),
    };
    const clseq_tensor db = grad_tensor(f, N, 0, 0);
    const struct clseq_col_sums_args sums = { .x = s.weight, .y = db };

    ASSERT_OK(f->ctx, clseq_op_col_sums(f->be, &sums));
    ASSERT_GRADIENT(f, s.args.x, s.weight, bias_loss, &s);
    ASSERT_GRADIENT(f, s.args.b0, db, bias_loss, &s);
    ASSERT_GRADIENT(f, s.args.b1, db, bias_loss, &s);
}

/* ---- lstm_cell ---- */

/* Rows of the peepholes' gradient: dpre's blocks i and f with c_prev, o with c; all (M, ...). With
 * beta = 1 added to what is there. */
static void peephole_gradient(struct grad_fixture *f, clseq_tensor dpre, clseq_tensor c_prev,
                              clseq_tensor c, double beta, clseq_tensor dw)
{
    const int32_t H = c.dims[1];

    for (int32_t row = 0; row < 3; row++) {
        const struct clseq_col_dots_args dots = {
            .x = clseq_tensor_columns(dpre, (row == 2 ? 3 : row) * H, H),
            .z = row == 2 ? c : c_prev,
            .y = clseq_tensor_step(dw, row),
            .beta = beta,
        };

        ASSERT_OK(f->ctx, clseq_op_col_dots(f->be, &dots));
    }
}

struct cell {
    struct grad_fixture *f;
    struct clseq_lstm_cell_fwd_args args;
    clseq_tensor dh, dy, dc; /* gradients of h (two parts) and c */
};

static clseq_status cell_loss(void *user, double *ret)
{
    struct cell *s = user;

    CLSEQ_TRY(clseq_op_lstm_cell_fwd(s->f->be, &s->args));
    *ret = 0;
    CLSEQ_TRY(grad_add_weighted(s->f, &s->args.h, &s->dh, ret));
    if (clseq_tensor_present(&s->dy))
        CLSEQ_TRY(grad_add_weighted(s->f, &s->args.h, &s->dy, ret));
    return grad_add_weighted(s->f, &s->args.c, &s->dc, ret);
}

static void check_cell(struct grad_fixture *f, bool ragged, bool with_dy, bool with_peephole)
{
    const int32_t B = 4, H = 3,
                  lengths[4] = { 6, 2, 3, 0 }; /* step 2: live, finished, live, finished */
    const clseq_tensor absent = { 0 };
    struct cell s = {
        .f = f,
        .args = { .pre = grad_tensor(f, B, 4 * H, 0),
                  .c_prev = grad_tensor(f, B, H, 0),
                  .h_prev = grad_tensor(f, B, H, 0),
                  .b_ih = grad_tensor(f, 4 * H, 0, 0),
                  .b_hh = grad_tensor(f, 4 * H, 0, 0),
                  .length = ragged ? grad_indices(f, lengths, B) : absent,
                  .act = grad_tensor(f, B, 4 * H, 0),
                  .c = grad_tensor(f, B, H, 0),
                  .h = grad_tensor(f, B, H, 0),
                  .peephole = with_peephole ? grad_tensor(f, 3, H, 0) : absent,
                  .t = 2 },
        .dh = grad_tensor(f, B, H, 0),
        .dy = with_dy ? grad_tensor(f, B, H, 0) : absent,
        .dc = grad_tensor(f, B, H, 0),
    };
    const struct clseq_lstm_cell_bwd_args bwd = {
        .act = s.args.act,
        .c_prev = s.args.c_prev,
        .c = s.args.c,
        .dh = s.dh,
        .dc = s.dc,
        .dy = s.dy,
        .length = s.args.length,
        .dpre = grad_tensor(f, B, 4 * H, 0),
        .dh_prev = grad_tensor(f, B, H, 0),
        .dc_prev = grad_tensor(f, B, H, 0),
        .peephole = s.args.peephole,
        .t = 2,
    };
    const clseq_tensor db = grad_tensor(f, 4 * H, 0, 0), dw = grad_tensor(f, 3, H, 0);
    const struct clseq_col_sums_args sums = { .x = bwd.dpre, .y = db };
    double loss;

    ASSERT_OK(f->ctx, cell_loss(&s, &loss));
    ASSERT_OK(f->ctx, clseq_op_lstm_cell_bwd(f->be, &bwd));
    ASSERT_OK(f->ctx, clseq_op_col_sums(f->be, &sums));
    peephole_gradient(f, bwd.dpre, s.args.c_prev, s.args.c, 0, dw);
    ASSERT_GRADIENT(f, s.args.pre, bwd.dpre, cell_loss, &s);
    ASSERT_GRADIENT(f, s.args.h_prev, bwd.dh_prev, cell_loss, &s);
    ASSERT_GRADIENT(f, s.args.c_prev, bwd.dc_prev, cell_loss, &s);
    ASSERT_GRADIENT(f, s.args.b_ih, db, cell_loss, &s);
    ASSERT_GRADIENT(f, s.args.b_hh, db, cell_loss, &s);
    if (with_peephole)
        ASSERT_GRADIENT(f, s.args.peephole, dw, cell_loss, &s);
}

static void lstm_cell_bwd(void **state)
{
    check_cell(*state, false, true, false);
}

static void lstm_cell_bwd_with_ragged_lengths(void **state)
{
    check_cell(*state, true, false, false);
    check_cell(*state, true, true, false);
}

static void lstm_cell_bwd_with_peepholes(void **state)
{
    check_cell(*state, false, true, true);
}

static void lstm_cell_bwd_with_peepholes_and_ragged_lengths(void **state)
{
    check_cell(*state, true, true, true);
}

/* ---- lstm_seq ---- */

struct sequence {
    struct grad_fixture *f;
    struct clseq_lstm_seq_fwd_args args;
    clseq_tensor pre; /* what gates holds before the call */
    clseq_tensor dy, dh, dc;
};

static clseq_status sequence_loss(void *user, double *ret)
{
    struct sequence *s = user;
    const int32_t last = s->args.h.dims[0] - 1;
    const struct clseq_copy_args copy = { .src = s->pre, .dst = s->args.gates };
    const clseq_tensor h = clseq_tensor_step(s->args.h, last),
                       c = clseq_tensor_step(s->args.c, last);

    CLSEQ_TRY(clseq_op_copy(s->f->be, &copy));
    CLSEQ_TRY(clseq_op_lstm_seq_fwd(s->f->be, &s->args));
    *ret = 0;
    if (clseq_tensor_present(&s->dy))
        CLSEQ_TRY(grad_add_weighted(s->f, &s->args.h, &s->dy, ret));
    CLSEQ_TRY(grad_add_weighted(s->f, &h, &s->dh, ret));
    return grad_add_weighted(s->f, &c, &s->dc, ret);
}

/* dW_hh = sum over the steps of dpre[t]^T h[t - 1]; h[-1] = h0. */
static void recurrent_weight_gradient(struct grad_fixture *f, const struct sequence *s,
                                      clseq_tensor dpre, clseq_tensor dw)
{
    const int32_t T = s->args.h.dims[0];

    for (int32_t t = 0; t < T; t++) {
        const struct clseq_gemm_args product = {
            .a = clseq_tensor_step(dpre, t),
            .b = t > 0 ? clseq_tensor_step(s->args.h, t - 1) : s->args.h0,
            .c = dw,
            .trans_a = true,
            .alpha = 1,
            .beta = t > 0 ? 1 : 0,
        };

        ASSERT_OK(f->ctx, clseq_op_gemm(f->be, &product));
    }
}

static void check_sequence(struct grad_fixture *f, bool ragged, bool with_dy, bool with_peephole)
{
    const int32_t T = 4, B = 4, H = 3, lengths[4] = { 4, 2, 0, 1 };
    const clseq_tensor absent = { 0 };
    struct sequence s = {
        .f = f,
        .args = { .w_hh = grad_tensor(f, 4 * H, H, 0),
                  .h0 = grad_tensor(f, B, H, 0),
                  .c0 = grad_tensor(f, B, H, 0),
                  .b_ih = grad_tensor(f, 4 * H, 0, 0),
                  .b_hh = grad_tensor(f, 4 * H, 0, 0),
                  .length = ragged ? grad_indices(f, lengths, B) : absent,
                  .gates = grad_tensor(f, T, B, 4 * H),
                  .h = grad_tensor(f, T, B, H),
                  .c = grad_tensor(f, T, B, H),
                  .peephole = with_peephole ? grad_tensor(f, 3, H, 0) : absent },
        .pre = grad_tensor(f, T, B, 4 * H),
        .dy = with_dy ? grad_tensor(f, T, B, H) : absent,
        .dh = grad_tensor(f, B, H, 0),
        .dc = grad_tensor(f, B, H, 0),
    };
    const clseq_tensor dpre = grad_tensor(f, T, B, 4 * H), dh0 = grad_tensor(f, B, H, 0);
    const clseq_tensor dc0 = grad_tensor(f, B, H, 0), dw = grad_tensor(f, 4 * H, H, 0);
    const clseq_tensor db = grad_tensor(f, 4 * H, 0, 0), dp = grad_tensor(f, 3, H, 0);
    const struct clseq_lstm_seq_bwd_args bwd = {
        .w_hh = s.args.w_hh,
        .c0 = s.args.c0,
        .c = s.args.c,
        .dy = s.dy,
        .length = s.args.length,
        .gates = dpre,
        .dh = dh0,
        .dc = dc0,
        .peephole = s.args.peephole,
    };
    const struct clseq_copy_args copies[] = { { s.args.gates, dpre },
                                              { s.dh, dh0 },
                                              { s.dc, dc0 } };
    const struct clseq_col_sums_args sums = { .x = clseq_tensor_flatten(dpre), .y = db };
    double loss;

    ASSERT_OK(f->ctx, sequence_loss(&s, &loss));
    for (size_t i = 0; i < CLSEQ_ARRAY_SIZE(copies); i++)
        ASSERT_OK(f->ctx, clseq_op_copy(f->be, &copies[i]));
    ASSERT_OK(f->ctx, clseq_op_lstm_seq_bwd(f->be, &bwd));
    recurrent_weight_gradient(f, &s, dpre, dw);
    ASSERT_OK(f->ctx, clseq_op_col_sums(f->be, &sums));
    for (int32_t t = 0; t < T; t++)
        peephole_gradient(f, clseq_tensor_step(dpre, t),
                          t > 0 ? clseq_tensor_step(s.args.c, t - 1) : s.args.c0,
                          clseq_tensor_step(s.args.c, t), t > 0 ? 1 : 0, dp);
    ASSERT_GRADIENT(f, s.pre, dpre, sequence_loss, &s);
    ASSERT_GRADIENT(f, s.args.h0, dh0, sequence_loss, &s);
    ASSERT_GRADIENT(f, s.args.c0, dc0, sequence_loss, &s);
    ASSERT_GRADIENT(f, s.args.w_hh, dw, sequence_loss, &s);
    ASSERT_GRADIENT(f, s.args.b_ih, db, sequence_loss, &s);
    ASSERT_GRADIENT(f, s.args.b_hh, db, sequence_loss, &s);
    if (with_peephole)
        ASSERT_GRADIENT(f, s.args.peephole, dp, sequence_loss, &s);
}

static void lstm_seq_bwd(void **state)
{
    check_sequence(*state, false, true, false);
}

static void lstm_seq_bwd_with_ragged_lengths(void **state)
{
    check_sequence(*state, true, true, false);
}

static void lstm_seq_bwd_from_the_final_state(void **state)
{
    check_sequence(*state, true, false, false);
}

static void lstm_seq_bwd_with_peepholes(void **state)
{
    check_sequence(*state, false, true, true);
}

static void lstm_seq_bwd_with_peepholes_and_ragged_lengths(void **state)
{
    check_sequence(*state, true, true, true);
}

/* ---- softmax_xent ---- */

struct xent {
    struct grad_fixture *f;
    struct clseq_softmax_xent_fwd_args args;
    double scale;
};

static clseq_status xent_loss(void *user, double *ret)
{
    struct xent *s = user;
    const double *loss = clseq_reference_memory(s->args.loss.buffer);

    CLSEQ_TRY(clseq_op_softmax_xent_fwd(s->f->be, &s->args));
    *ret = 0;
    for (int32_t m = 0; m < s->args.loss.dims[0]; m++)
        *ret += s->scale * loss[m];
    return CLSEQ_OK;
}

static void check_xent(struct grad_fixture *f, double smoothing)
{
    const int32_t M = 5, V = 7, targets[5] = { 0, 6, -1, 3, 3 };
    struct xent s = {
        .f = f,
        .args = { .logits = grad_tensor(f, M, V, 0),
                  .target = grad_indices(f, targets, M),
                  .loss = grad_tensor(f, M, 0, 0),
                  .lse = grad_tensor(f, M, 0, 0),
                  .smoothing = smoothing },
        .scale = 0.25,
    };
    const clseq_tensor gradient = grad_tensor(f, M, V, 0);
    const struct clseq_softmax_xent_bwd_args bwd = {
        .logits = s.args.logits,
        .target = s.args.target,
        .lse = s.args.lse,
        .dlogits = gradient,
        .scale = s.scale,
        .smoothing = smoothing,
    };
    const struct clseq_softmax_xent_args both = {
        .logits = s.args.logits,
        .target = s.args.target,
        .loss = s.args.loss,
        .lse = s.args.lse,
        .dlogits = gradient,
        .scale = s.scale,
        .smoothing = smoothing,
    };
    double loss;

    ASSERT_OK(f->ctx, xent_loss(&s, &loss));
    ASSERT_OK(f->ctx, clseq_op_softmax_xent_bwd(f->be, &bwd));
    ASSERT_GRADIENT(f, s.args.logits, gradient, xent_loss, &s);

    /* Both in one. */
    ASSERT_OK(f->ctx, clseq_op_fill(f->be, &(struct clseq_fill_args) { .dst = gradient }));
    ASSERT_OK(f->ctx, clseq_op_softmax_xent(f->be, &both));
    ASSERT_GRADIENT(f, s.args.logits, gradient, xent_loss, &s);
}

static void softmax_xent_bwd(void **state)
{
    check_xent(*state, 0);
}

static void softmax_xent_bwd_with_smoothing(void **state)
{
    check_xent(*state, 0.1);
}

/* ---- sigmoid_xent ---- */

struct sigmoid_xent {
    struct grad_fixture *f;
    struct clseq_sigmoid_xent_fwd_args args;
    double scale;
};

static clseq_status sigmoid_xent_loss(void *user, double *ret)
{
    struct sigmoid_xent *s = user;
    const double *loss = clseq_reference_memory(s->args.loss.buffer);

    CLSEQ_TRY(clseq_op_sigmoid_xent_fwd(s->f->be, &s->args));
    *ret = 0;
    for (int32_t m = 0; m < s->args.loss.dims[0]; m++)
        *ret += s->scale * loss[m];
    return CLSEQ_OK;
}

static void sigmoid_xent_bwd(void **state)
{
    struct grad_fixture *f = *state;
    const int32_t M = 5, V = 7, targets[5] = { 0, 6, -1, 3, 3 };
    struct sigmoid_xent s = {
        .f = f,
        .args = { .logits = grad_tensor(f, M, V, 0),
                  .target = grad_indices(f, targets, M),
                  .loss = grad_tensor(f, M, 0, 0) },
        .scale = 0.25,
    };
    const clseq_tensor gradient = grad_tensor(f, M, V, 0);
    const struct clseq_sigmoid_xent_bwd_args bwd = {
        .logits = s.args.logits, .target = s.args.target, .dlogits = gradient, .scale = s.scale
    };
    double loss;

    ASSERT_OK(f->ctx, sigmoid_xent_loss(&s, &loss));
    ASSERT_OK(f->ctx, clseq_op_sigmoid_xent_bwd(f->be, &bwd));
    ASSERT_GRADIENT(f, s.args.logits, gradient, sigmoid_xent_loss, &s);
}

/* ---- embedding ---- */

struct embedding {
    struct grad_fixture *f;
    struct clseq_row_gather_args args;
    clseq_tensor weight;
};

static clseq_status embedding_loss(void *user, double *ret)
{
    struct embedding *s = user;

    CLSEQ_TRY(clseq_op_row_gather(s->f->be, &s->args));
    *ret = 0;
    return grad_add_weighted(s->f, &s->args.dst, &s->weight, ret);
}

/* Tokens 4 2 4 -1 0 4 2 over a table of 6 rows: the rows of 0, 2 and 4 have gradients. */
static void embedding_bwd_is_the_gradient_of_row_gather(void **state)
{
    struct grad_fixture *f = *state;
    const int32_t V = 6, E = 5, M = 7, U = 3;
    const int32_t tokens[7] = { 4, 2, 4, -1, 0, 4, 2 };
    const int32_t rows[3] = { 0, 2, 4 }, order[6] = { 4, 1, 6, 0, 2, 5 }, start[4] = { 0, 1, 3, 6 };
    struct embedding s = {
        .f = f,
        .args = { .src = grad_tensor(f, V, E, 0),
                  .index = grad_indices(f, tokens, M),
                  .dst = grad_tensor(f, M, E, 0) },
        .weight = grad_tensor(f, M, E, 0),
    };
    const clseq_tensor drow = grad_tensor(f, U, E, 0), dense = grad_tensor(f, V, E, 0);
    const struct clseq_embedding_bwd_args bwd = {
        .dy = s.weight,
        .order = grad_indices(f, order, 6),
        .start = grad_indices(f, start, U + 1),
        .drow = drow,
    };
    const struct clseq_row_scatter_args spread = { .src = drow,
                                                   .index = grad_indices(f, rows, U),
                                                   .dst = dense };

    grad_set(f, dense, 0);
    ASSERT_OK(f->ctx, clseq_op_embedding_bwd(f->be, &bwd));
    ASSERT_OK(f->ctx, clseq_op_row_scatter(f->be, &spread));
    ASSERT_GRADIENT(f, s.args.src, dense, embedding_loss, &s);
}

#define GRADIENT_TEST(name)                                                                        \
    cmocka_unit_test_setup_teardown(name, grad_fixture_create, grad_fixture_destroy)

int main(void)
{
    const struct CMUnitTest tests[] = {
        GRADIENT_TEST(wrong_gradient_is_seen),
        GRADIENT_TEST(gemm_in_all_transposes),
        GRADIENT_TEST(bias_gradient_is_col_sums),
        GRADIENT_TEST(lstm_cell_bwd),
        GRADIENT_TEST(lstm_cell_bwd_with_ragged_lengths),
        GRADIENT_TEST(lstm_cell_bwd_with_peepholes),
        GRADIENT_TEST(lstm_cell_bwd_with_peepholes_and_ragged_lengths),
        GRADIENT_TEST(lstm_seq_bwd),
        GRADIENT_TEST(lstm_seq_bwd_with_ragged_lengths),
        GRADIENT_TEST(lstm_seq_bwd_from_the_final_state),
        GRADIENT_TEST(lstm_seq_bwd_with_peepholes),
        GRADIENT_TEST(lstm_seq_bwd_with_peepholes_and_ragged_lengths),
        GRADIENT_TEST(softmax_xent_bwd),
        GRADIENT_TEST(softmax_xent_bwd_with_smoothing),
        GRADIENT_TEST(sigmoid_xent_bwd),
        GRADIENT_TEST(embedding_bwd_is_the_gradient_of_row_gather),
    };

    return cmocka_run_group_tests_name("grad_ops", tests, NULL, NULL);
}
