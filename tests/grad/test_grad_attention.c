/* SPDX-License-Identifier: BSD-2-Clause */
/* The backward operations of attention and what goes with it against central differences. */
#include "grad_unit.h"

/* ---- tanh ---- */

struct squash {
    struct grad_fixture *f;
    struct clseq_tanh_fwd_args args;
    clseq_tensor weight;
};

static clseq_status squash_loss(void *user, double *ret)
{
    struct squash *s = user;

    CLSEQ_TRY(clseq_op_tanh_fwd(s->f->be, &s->args));
    *ret = 0;
    return grad_add_weighted(s->f, &s->args.y, &s->weight, ret);
}

static void tanh_bwd(void **state)
{
    struct grad_fixture *f = *state;
    struct squash s = {
        .f = f,
        .args = { .x = grad_tensor(f, 2, 3, 5), .y = grad_tensor(f, 2, 3, 5) },
        .weight = grad_tensor(f, 2, 3, 5),
    };
    const struct clseq_tanh_bwd_args bwd = { .y = s.args.y,
                                             .dy = s.weight,
                                             .dx = grad_tensor(f, 2, 3, 5) };
    double loss;

    ASSERT_OK(f->ctx, squash_loss(&s, &loss));
    ASSERT_OK(f->ctx, clseq_op_tanh_bwd(f->be, &bwd));
    ASSERT_GRADIENT(f, s.args.x, bwd.dx, squash_loss, &s);
}

/* ---- masked_softmax ---- */

struct weights {
    struct grad_fixture *f;
    struct clseq_masked_softmax_fwd_args args;
    clseq_tensor weight;
};

static clseq_status weights_loss(void *user, double *ret)
{
    struct weights *s = user;

    CLSEQ_TRY(clseq_op_masked_softmax_fwd(s->f->be, &s->args));
    *ret = 0;
    return grad_add_weighted(s->f, &s->args.y, &s->weight, ret);
}

/* Sentences of 4, 1, 0 and 3 of 4 words: padding has no gradient. */
static void masked_softmax_bwd(void **state)
{
    struct grad_fixture *f = *state;
    const int32_t B = 4, T = 2, S = 4, lengths[4] = { 4, 1, 0, 3 };
    const clseq_tensor absent = { 0 };

    for (int ragged = 0; ragged < 2; ragged++) {
        struct weights s = {
            .f = f,
            .args = { .x = grad_tensor(f, B, T, S),
                      .length = ragged ? grad_indices(f, lengths, B) : absent,
                      .y = grad_tensor(f, B, T, S) },
            .weight = grad_tensor(f, B, T, S),
        };
        const struct clseq_masked_softmax_bwd_args bwd = { .y = s.args.y,
                                                           .dy = s.weight,
                                                           .dx = grad_tensor(f, B, T, S) };
        double loss;

        ASSERT_OK(f->ctx, weights_loss(&s, &loss));
        ASSERT_OK(f->ctx, clseq_op_masked_softmax_bwd(f->be, &bwd));
        ASSERT_GRADIENT(f, s.args.x, bwd.dx, weights_loss, &s);
    }
}

/* ---- additive_score ---- */

struct additive {
    struct grad_fixture *f;
    struct clseq_additive_score_fwd_args args;
    clseq_tensor weight;
};

static clseq_status additive_loss(void *user, double *ret)
{
    struct additive *s = user;

    CLSEQ_TRY(clseq_op_additive_score_fwd(s->f->be, &s->args));
    *ret = 0;
    return grad_add_weighted(s->f, &s->args.score, &s->weight, ret);
}

/* Written, and added to what was there: half of the gradient twice. */
static void additive_score_bwd(void **state)
{
    struct grad_fixture *f = *state;
    const int32_t T = 2, B = 3, S = 4, A = 5, lengths[3] = { 4, 0, 2 };
    const clseq_tensor absent = { 0 };

    for (int ragged = 0; ragged < 2; ragged++) {
        struct additive s = {
            .f = f,
            .args = { .q = grad_tensor(f, T, B, A),
                      .k = grad_tensor(f, S, B, A),
                      .v = grad_tensor(f, A, 0, 0),
                      .length = ragged ? grad_indices(f, lengths, B) : absent,
                      .score = grad_tensor(f, B, T, S) },
            .weight = grad_tensor(f, B, T, S),
        };
        struct clseq_additive_score_bwd_args bwd = {
            .dscore = grad_tensor(f, B, T, S),
            .q = s.args.q,
            .k = s.args.k,
            .v = s.args.v,
            .length = s.args.length,
            .dq = grad_tensor(f, T, B, A),
            .dk = grad_tensor(f, S, B, A),
            .dv = grad_tensor(f, A, 0, 0),
        };
        const struct clseq_copy_args whole = { .src = s.weight, .dst = bwd.dscore };
        const clseq_tensor line = clseq_tensor_2d(bwd.dscore.buffer, 0, CLSEQ_F64, 1, B * T * S);
        const struct clseq_axpby_args half = { .x = clseq_tensor_2d(s.weight.buffer, 0, CLSEQ_F64,
                                                                    1, B * T * S),
                                               .y = line,
                                               .alpha = 0.5 };

        ASSERT_OK(f->ctx, clseq_op_axpby(f->be, &half));
        ASSERT_OK(f->ctx, clseq_op_additive_score_bwd(f->be, &bwd));
        bwd.beta = 1;
        ASSERT_OK(f->ctx, clseq_op_additive_score_bwd(f->be, &bwd));
        ASSERT_GRADIENT(f, s.args.k, bwd.dk, additive_loss, &s);
        ASSERT_GRADIENT(f, s.args.v, bwd.dv, additive_loss, &s);
        ASSERT_OK(f->ctx, clseq_op_copy(f->be, &whole));
        ASSERT_OK(f->ctx, clseq_op_additive_score_bwd(f->be, &bwd));
        ASSERT_GRADIENT(f, s.args.q, bwd.dq, additive_loss, &s);
    }
}

#define GRADIENT_TEST(name)                                                                        \
    cmocka_unit_test_setup_teardown(name, grad_fixture_create, grad_fixture_destroy)

int main(void)
{
    const struct CMUnitTest tests[] = {
        GRADIENT_TEST(tanh_bwd),
        GRADIENT_TEST(masked_softmax_bwd),
        GRADIENT_TEST(additive_score_bwd),
    };

    return cmocka_run_group_tests_name("grad_attention", tests, NULL, NULL);
}
