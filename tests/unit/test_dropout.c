/* SPDX-License-Identifier: BSD-2-Clause */
/* dropout on the reference path: which numbers it uses, and when they are the same ones. That
 * other backends agree bit by bit is for clseq-check. */
#include "op_fixture.h"

#include "backend/backend_impl.h"

#include <stdlib.h>

enum { STEPS = 3, ROWS = 7, COLUMNS = 11, COUNT = STEPS * ROWS * COLUMNS };

struct place {
    clseq_context *ctx;
    clseq_backend *be;
    clseq_buffer *reals;
    struct clseq_dropout_args args;
};

static void open_place(void **state, struct place *p)
{
    float ones[COUNT];

    *p = (struct place) { .ctx = *state };
    ASSERT_OK(p->ctx, clseq_backend_open_impl(p->ctx, &clseq_reference_backend, NULL, &p->be));
    ASSERT_OK(p->ctx, clseq_buffer_create(p->be, 2 * sizeof(ones), "reals", &p->reals));
    p->args = (struct clseq_dropout_args) {
        .x = clseq_tensor_3d(p->reals, 0, CLSEQ_F32, STEPS, ROWS, COLUMNS),
        .y = clseq_tensor_3d(p->reals, COUNT, CLSEQ_F32, STEPS, ROWS, COLUMNS),
        .p = 0.3,
        .seed = 77,
        .step = 5,
        .stream = 2,
        .purpose = CLSEQ_RANDOM_DROPOUT,
    };
    for (int i = 0; i < COUNT; i++)
        ones[i] = 1;
    ASSERT_OK(p->ctx, clseq_tensor_write_f32(p->be, &p->args.x, ones));
}

static void close_place(struct place *p)
{
    clseq_buffer_destroy(&p->reals);
    clseq_backend_close(&p->be);
}

/* The mask of these arguments. */
static void mask_of(struct place *p, const struct clseq_dropout_args *args, float mask[COUNT])
{
    ASSERT_OK(p->ctx, clseq_op_dropout(p->be, args));
    ASSERT_OK(p->ctx, clseq_tensor_read_f32(p->be, &args->y, mask));
}

static void numbers_are_those_of_uniform(void **state)
{
    struct place p;
    struct clseq_dropout_args args;
    float mask[COUNT], u[COUNT];
    int dropped = 0;

    open_place(state, &p);
    args = p.args;
    args.step = 0;
    mask_of(&p, &args, mask);
    ASSERT_OK(p.ctx,
              clseq_op_uniform(p.be, &(struct clseq_uniform_args) {
                                         .dst = clseq_tensor_1d(p.reals, COUNT, CLSEQ_F32, COUNT),
                                         .seed = args.seed,
                                         .purpose = args.purpose,
                                         .stream = args.stream,
                                         .high = 1 }));
    ASSERT_OK(p.ctx, clseq_tensor_read_f32(p.be, &args.y, u));
    for (int i = 0; i < COUNT; i++) {
        assert_true(mask[i] == (u[i] < 0.3f ? 0 : 1 / (1 - 0.3f)));
        dropped += mask[i] == 0;
    }
    assert_in_range(dropped, COUNT * 2 / 10, COUNT * 4 / 10);
    close_place(&p);
}

static void every_number_matters(void **state)
{
    struct place p;
    float first[COUNT], mask[COUNT];

    open_place(state, &p);
    mask_of(&p, &p.args, first);
    mask_of(&p, &p.args, mask);
    assert_memory_equal(first, mask, sizeof(mask));
    for (int i = 0; i < 5; i++) {
        struct clseq_dropout_args args = p.args;

        args.seed += i == 0;
        args.seed += i == 1 ? (uint64_t)1 << 32 : 0;
        args.step += i == 2;
        args.stream += i == 3;
        args.purpose += i == 4;
        mask_of(&p, &args, mask);
        assert_memory_not_equal(first, mask, sizeof(mask));
    }
    close_place(&p);
}

static void the_same_over_time(void **state)
{
    struct place p;
    float every[COUNT], same[COUNT];
    const size_t step = sizeof(same) / STEPS;

    open_place(state, &p);
    mask_of(&p, &p.args, every);
    p.args.same_over_time = true;
    mask_of(&p, &p.args, same);
    assert_memory_equal(same, every, step);
    for (size_t t = 1; t < STEPS; t++) {
        assert_memory_equal(same + t * ROWS * COLUMNS, same, step);
        assert_memory_not_equal(every + t * ROWS * COLUMNS, every, step);
    }
    close_place(&p);
}

/* The gradient of what was dropped is 0 and that of the rest is scaled alike; p = 0 changes
 * nothing. */
static void twice_and_not_at_all(void **state)
{
    struct place p;
    struct clseq_dropout_args again;
    float once[COUNT], twice[COUNT];

    open_place(state, &p);
    mask_of(&p, &p.args, once);
    again = p.args;
    again.x = again.y;
    mask_of(&p, &again, twice);
    for (int i = 0; i < COUNT; i++)
        assert_true(twice[i] == once[i] * once[i]);
    again.p = 0;
    mask_of(&p, &again, once);
    assert_memory_equal(once, twice, sizeof(once));
    close_place(&p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(numbers_are_those_of_uniform),
        cmocka_unit_test(every_number_matters),
        cmocka_unit_test(the_same_over_time),
        cmocka_unit_test(twice_and_not_at_all),
    };

    return cmocka_run_group_tests_name("dropout", tests, unit_context_create, unit_context_destroy);
}
