/* SPDX-License-Identifier: BSD-2-Clause */
/* Short kernels as one launch: the same bits as one by one, however many there are. */
#include "op_fixture.h"
#include "unit.h"

#include "backend/ops.h"
#include "opencl/opencl_impl.h"

#include <math.h>

/* A device with lists of any length, and without; 0 as it comes. */
enum { NEVER, ALWAYS, AUTO, BACKENDS };

struct devices {
    clseq_context *ctx;
    clseq_backend *be[BACKENDS];
    bool missing;
};

static int devices_open(void **state)
{
    static const int wanted[BACKENDS] = { -1, 1, 0 };
    struct devices *d = calloc(1, sizeof(*d));

    if (!d || clseq_context_create(&d->ctx) != CLSEQ_OK)
        return -1;
    for (int i = 0; i < BACKENDS && !d->missing; i++) {
        struct clseq_backend_options options;

        unit_backend_options("opencl", &options);
        options.kernels = CLSEQ_KERNELS_CPU;
        options.gemm = CLSEQ_GEMM_CPU;
        options.launch_lists = wanted[i];
        d->missing = clseq_backend_open(d->ctx, &options, &d->be[i]) != CLSEQ_OK;
    }
    *state = d;
    return 0;
}

static int devices_close(void **state)
{
    struct devices *d = *state;

    for (int i = 0; i < BACKENDS; i++)
        clseq_backend_close(&d->be[i]);
    clseq_context_destroy(&d->ctx);
    free(d);
    return 0;
}

static struct devices *devices_of(void **state)
{
    struct devices *d = *state;

    if (d->missing) {
        print_message("skipped: no OpenCL device: %s\n", clseq_context_error(d->ctx));
        skip();
    }
    return d;
}

static uint64_t lists_of(const clseq_backend *be)
{
    return clseq_opencl_of(be)->lists_launched;
}

/* ---- each operation ---- */

#define FIXTURE_WORDS (OP_PLACE * OP_PLACES)

static void run_op(struct devices *d, clseq_backend *be, enum clseq_op op, uint32_t *words)
{
    struct op_fixture f;
    union clseq_op_any_args args;

    op_fixture_open(d->ctx, be, &f);
    op_fixture_args(&f, op, &args);
    op_fixture_fill(d->ctx, &f, op, &args);
    ASSERT_OK(d->ctx, clseq_op_run(be, op, &args));
    ASSERT_OK(d->ctx, clseq_buffer_read(f.reals, 0, words, FIXTURE_WORDS * 4));
    ASSERT_OK(d->ctx, clseq_buffer_read(f.indices, 0, words + FIXTURE_WORDS, FIXTURE_WORDS * 4));
    op_fixture_close(&f);
}

static void operations_have_the_same_bits_in_a_list(void **state)
{
    struct devices *d = devices_of(state);
    uint32_t *one = calloc(4 * FIXTURE_WORDS, sizeof(*one)), *list = one + 2 * FIXTURE_WORDS;
    const uint64_t before = lists_of(d->be[ALWAYS]);
    int in_lists = 0;

    assert_non_null(one);
    for (int op = 0; op < CLSEQ_OP_COUNT; op++) {
        const uint64_t lists = lists_of(d->be[ALWAYS]);

        run_op(d, d->be[NEVER], (enum clseq_op)op, one);
        run_op(d, d->be[ALWAYS], (enum clseq_op)op, list);
        in_lists += lists_of(d->be[ALWAYS]) > lists;
        for (int i = 0; i < 2 * FIXTURE_WORDS; i++) {
            if (one[i] != list[i])
                fail_msg("%s: word %d is %08x in a list and %08x alone",
                         clseq_op_name((enum clseq_op)op), i, list[i], one[i]);
        }
    }
    assert_int_equal(lists_of(d->be[NEVER]), 0);
    assert_true(lists_of(d->be[ALWAYS]) > before);
    /* All but those of the rarer optimizers, sampling and the losses of large vocabularies. */
    assert_true(in_lists >= 38);
    free(one);
}

/* ---- many of them ---- */

/* Sizes that are multiples of nothing. */
enum { V = 301, E = 37, H = 70, B = 3, WORDS = 24, STEPS = 5 };

/* Each tensor has a buffer of its own: more of them than a list has room for. */
enum { EMB, W_IH, W_HH, B_IH, B_HH, H0, C0, X, GATES, SEQ, C, OUT, W_OUT, B_OUT, LOGITS, TENSORS };

static const int32_t sizes[TENSORS][3] = {
    [EMB] = { 1, V, E },      [W_IH] = { 1, 4 * H, E }, [W_HH] = { 1, 4 * H, H },
    [B_IH] = { 1, 1, 4 * H }, [B_HH] = { 1, 1, 4 * H }, [H0] = { 1, B, H },
    [C0] = { 1, B, H },       [X] = { 1, STEPS *B, E }, [GATES] = { STEPS, B, 4 * H },
    [SEQ] = { STEPS, B, H },  [C] = { STEPS, B, H },    [OUT] = { 1, B, H },
    [W_OUT] = { 1, V, H },    [B_OUT] = { 1, 1, V },    [LOGITS] = { 1, B, V },
};

struct chain {
    clseq_backend *be;
    clseq_tensor x[TENSORS]; /* (d1, d2), or (d0, d1, d2), or (d2) */
    clseq_tensor words;      /* (WORDS, STEPS B) i32 */
};

static void chain_open(struct devices *d, struct chain *c)
{
    clseq_buffer *buffer;

    for (int i = 0; i < TENSORS; i++) {
        const int32_t *n = sizes[i];
        const size_t count = (size_t)n[0] * (size_t)n[1] * (size_t)n[2];
        float *values = malloc(count * sizeof(*values));

        assert_non_null(values);
        for (size_t k = 0; k < count; k++)
            values[k] = 0.4f * sinf((float)k * (float)(i + 2));
        ASSERT_OK(d->ctx, clseq_buffer_create(c->be, count * sizeof(*values), "tensor", &buffer));
        ASSERT_OK(d->ctx, clseq_buffer_write(buffer, 0, values, count * sizeof(*values)));
        c->x[i] = n[0] > 1   ? clseq_tensor_3d(buffer, 0, CLSEQ_F32, n[0], n[1], n[2])
                  : n[1] > 1 ? clseq_tensor_2d(buffer, 0, CLSEQ_F32, n[1], n[2])
                             : clseq_tensor_1d(buffer, 0, CLSEQ_F32, n[2]);
        free(values);
    }
    ASSERT_OK(d->ctx, clseq_buffer_create(c->be, WORDS * STEPS * B * 4, "words", &buffer));
    c->words = clseq_tensor_2d(buffer, 0, CLSEQ_I32, WORDS, STEPS * B);
}

static void chain_close(struct chain *c)
{
    for (int i = 0; i < TENSORS; i++)
        clseq_buffer_destroy(&c->x[i].buffer);
    clseq_buffer_destroy(&c->words.buffer);
}

/* A word after the other from what the layer made of those before. */
static void run_chain(struct devices *d, struct chain *c)
{
    const clseq_tensor *x = c->x;

    for (int w = 1; w < WORDS; w++) {
        const clseq_tensor before = clseq_tensor_step(c->words, w - 1);
        const clseq_tensor now = clseq_tensor_range(clseq_tensor_step(c->words, w), 0, B);
        const struct clseq_row_gather_args gather = { .src = x[EMB], .index = before, .dst = x[X] };
        const struct clseq_gemm_args inputs = { .a = x[X],
                                                .b = x[W_IH],
                                                .c = clseq_tensor_flatten(x[GATES]),
                                                .trans_b = true,
                                                .alpha = 1 };
        const struct clseq_lstm_seq_fwd_args layer = { .w_hh = x[W_HH],
                                                       .h0 = x[H0],
                                                       .c0 = x[C0],
                                                       .b_ih = x[B_IH],
                                                       .b_hh = x[B_HH],
                                                       .gates = x[GATES],
                                                       .h = x[SEQ],
                                                       .c = x[C] };
        const struct clseq_gemm_args logits = { .a = x[OUT],
                                                .b = x[W_OUT],
                                                .c = x[LOGITS],
                                                .bias = x[B_OUT],
                                                .trans_b = true,
                                                .alpha = 1 };
        clseq_buffer *passing;

        ASSERT_OK(d->ctx, clseq_op_row_gather(c->be, &gather));
        ASSERT_OK(d->ctx, clseq_op_gemm(c->be, &inputs));
        ASSERT_OK(d->ctx, clseq_op_lstm_seq_fwd(c->be, &layer));
        ASSERT_OK(d->ctx, clseq_op_tanh_fwd(
                              c->be, &(struct clseq_tanh_fwd_args) {
                                         .x = clseq_tensor_step(x[SEQ], STEPS - 1), .y = x[OUT] }));
        ASSERT_OK(d->ctx, clseq_op_gemm(c->be, &logits));
        ASSERT_OK(d->ctx, clseq_op_argmax(
                              c->be, &(struct clseq_argmax_args) { .x = x[LOGITS], .index = now }));
        /* Its memory must outlive it until all that is queued is done. */
        ASSERT_OK(d->ctx, clseq_buffer_create(c->be, B * H * 4, "passing", &passing));
        ASSERT_OK(d->ctx,
                  clseq_op_copy(c->be, &(struct clseq_copy_args) {
                                           .src = x[OUT],
                                           .dst = clseq_tensor_2d(passing, 0, CLSEQ_F32, B, H) }));
        ASSERT_OK(d->ctx,
                  clseq_op_axpby(c->be, &(struct clseq_axpby_args) {
                                            .x = clseq_tensor_2d(passing, 0, CLSEQ_F32, B, H),
                                            .y = x[H0],
                                            .alpha = 0.5,
                                            .beta = 0.25 }));
        clseq_buffer_destroy(&passing);
    }
}

static void chains_have_the_same_bits(void **state)
{
    struct devices *d = devices_of(state);
    struct chain chain[BACKENDS];

    for (int i = 0; i < BACKENDS; i++) {
        const uint64_t lists = lists_of(d->be[i]);

        chain[i].be = d->be[i];
        chain_open(d, &chain[i]);
        run_chain(d, &chain[i]);
        ASSERT_OK(d->ctx, clseq_backend_sync(d->be[i]));
        if (i == NEVER || (i == AUTO && !clseq_opencl_of(d->be[i])->is_pocl))
            assert_int_equal(lists_of(d->be[i]), lists);
        else
            assert_true(lists_of(d->be[i]) > lists);
    }
    for (int i = 1; i < BACKENDS; i++) {
        for (int t = 0; t <= TENSORS; t++) {
            const clseq_tensor *a = t < TENSORS ? &chain[0].x[t] : &chain[0].words;
            const clseq_tensor *b = t < TENSORS ? &chain[i].x[t] : &chain[i].words;
            const size_t bytes = clseq_tensor_count(a) * 4;
            char *x = malloc(2 * bytes);

            assert_non_null(x);
            ASSERT_OK(d->ctx, clseq_buffer_read(a->buffer, 0, x, bytes));
            ASSERT_OK(d->ctx, clseq_buffer_read(b->buffer, 0, x + bytes, bytes));
            assert_memory_equal(x, x + bytes, bytes);
            free(x);
        }
    }
    for (int i = 0; i < BACKENDS; i++)
        chain_close(&chain[i]);
}

/* The third product with the same weights has them packed: two kernels more. */
static void packed_products_have_the_same_bits(void **state)
{
    enum { M = 64, N = 200, K = 600, USES = 3 };
    struct devices *d = devices_of(state);
    float *values = malloc(N * K * sizeof(*values)), *c = malloc(BACKENDS * M * N * sizeof(*c));

    assert_true(values && c);
    for (int i = 0; i < N * K; i++)
        values[i] = sinf((float)i);
    for (int i = 0; i < BACKENDS; i++) {
        clseq_backend *be = d->be[i];
        const uint64_t lists = lists_of(be);
        clseq_buffer *weights, *rest;

        ASSERT_OK(d->ctx, clseq_buffer_create(be, N * K * sizeof(float), "weights", &weights));
        ASSERT_OK(d->ctx, clseq_buffer_create(be, M * (K + N) * sizeof(float), "rest", &rest));
        ASSERT_OK(d->ctx, clseq_buffer_write(weights, 0, values, N * K * sizeof(float)));
        ASSERT_OK(d->ctx, clseq_buffer_write(rest, 0, values, M * K * sizeof(float)));
        for (int use = 0; use < USES; use++) {
            const struct clseq_gemm_args product = {
                .a = clseq_tensor_2d(rest, 0, CLSEQ_F32, M, K),
                .b = clseq_tensor_2d(weights, 0, CLSEQ_F32, N, K),
                .c = clseq_tensor_2d(rest, M * K, CLSEQ_F32, M, N),
                .alpha = 1,
                .trans_b = true
            };

            ASSERT_OK(d->ctx, clseq_op_gemm(be, &product));
        }
        ASSERT_OK(d->ctx, clseq_buffer_read(rest, M * K * sizeof(float), c + i * M * N,
                                            M * N * sizeof(float)));
        assert_memory_equal(c, c + i * M * N, M * N * sizeof(float));
        if (i == ALWAYS)
            assert_true(lists_of(be) > lists);
        clseq_buffer_destroy(&weights);
        clseq_buffer_destroy(&rest);
    }
    free(values);
    free(c);
}

/* Nothing waits in a list that somebody looks for. */
static void what_is_read_is_there(void **state)
{
    struct devices *d = devices_of(state);
    clseq_backend *be = d->be[ALWAYS];
    clseq_buffer *buffer;
    clseq_tensor x;
    float value = 0;

    ASSERT_OK(d->ctx, clseq_buffer_create(be, 64, "x", &buffer));
    x = clseq_tensor_1d(buffer, 0, CLSEQ_F32, 16);
    for (int i = 1; i < 8; i++) {
        const struct clseq_fill_args fill = { .dst = x, .value = i };

        ASSERT_OK(d->ctx, clseq_op_fill(be, &fill));
        if (i % 2 == 0) { /* a write after it stays, one before it does not */
            value = -1;
            ASSERT_OK(d->ctx, clseq_buffer_write(buffer, 4, &value, 4));
        }
        ASSERT_OK(d->ctx, clseq_buffer_read(buffer, 4, &value, 4));
        assert_true(value == (i % 2 == 0 ? -1.0f : (float)i));
    }
    /* Closing with something in the list is no error either. */
    ASSERT_OK(d->ctx, clseq_op_fill(be, &(struct clseq_fill_args) { .dst = x, .value = 1 }));
    clseq_buffer_destroy(&buffer);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(operations_have_the_same_bits_in_a_list),
        cmocka_unit_test(chains_have_the_same_bits),
        cmocka_unit_test(packed_products_have_the_same_bits),
        cmocka_unit_test(what_is_read_is_there),
    };

    return cmocka_run_group_tests_name("launch lists", tests, devices_open, devices_close);
}
