/* SPDX-License-Identifier: BSD-2-Clause */
/* The checks that hold for every operation, and what the front end does around a call. The backend
 * here computes nothing: it counts calls, so that a test sees whether a bad call went through. */
#include "op_fixture.h"

#include "backend/backend_impl.h"
#include "backend/ops_check.h"

#include <unistd.h>

struct counter {
    struct clseq_op_table ops;
    uint64_t calls[CLSEQ_OP_COUNT];
};

#define X(name, slot, tolerance, constant)                                                         \
    static clseq_status count_##name(clseq_backend *be, const struct clseq_##name##_args *a)       \
    {                                                                                              \
        ((struct counter *)be->priv)->calls[CLSEQ_OP_##name]++;                                    \
        return CLSEQ_OK;                                                                           \
    }
CLSEQ_OP_LIST(X)
#undef X

static clseq_status count_open(clseq_backend *be, const struct clseq_backend_options *options)
{
    struct counter *counter = be->priv;

#define X(name, slot, tolerance, constant)                                                         \
    if (clseq_op_schema(CLSEQ_OP_##name)->required)                                                \
        counter->ops.name = count_##name;
    CLSEQ_OP_LIST(X)
#undef X
    be->ops = &counter->ops;
    return CLSEQ_OK;
}

static void count_close(clseq_backend *be)
{
}

static clseq_status count_sync(clseq_backend *be)
{
    return CLSEQ_OK;
}

static clseq_status count_buffer_create(clseq_backend *be, clseq_buffer *buffer)
{
    return CLSEQ_OK;
}

static void count_buffer_destroy(clseq_backend *be, clseq_buffer *buffer)
{
}

static const struct clseq_backend_impl counting = {
    .name = "counting",
    .priv_size = sizeof(struct counter),
    .buffer_size = sizeof(clseq_buffer),
    .open = count_open,
    .close = count_close,
    .sync = count_sync,
    .buffer_create = count_buffer_create,
    .buffer_destroy = count_buffer_destroy,
};

/* A counting backend with arguments for one op after another. */
struct setup {
    clseq_context *ctx;
    clseq_backend *be;
    struct op_fixture f;
    union clseq_op_any_args args;
};

static void open_setup(void **state, struct setup *s)
{
    *s = (struct setup) { .ctx = *state };
    ASSERT_OK(s->ctx, clseq_backend_open_impl(s->ctx, &counting, NULL, &s->be));
    op_fixture_open(s->ctx, s->be, &s->f);
}

static void close_setup(struct setup *s)
{
    op_fixture_close(&s->f);
    clseq_backend_close(&s->be);
}

static uint64_t all_calls(const struct setup *s)
{
    uint64_t n = 0;

    for (int op = 0; op < CLSEQ_OP_COUNT; op++)
        n += ((struct counter *)s->be->priv)->calls[op];
    return n;
}

/* The call is refused with this status and these parts of the text, and no slot is called. */
static void refused(struct setup *s, enum clseq_op op, clseq_status expected, const char *part,
                    const char *part2)
{
    const uint64_t before = all_calls(s);
    const clseq_status status = clseq_op_run(s->be, op, &s->args);
    const char *text = clseq_context_error(s->ctx);

    if (status != expected || !strstr(text, clseq_op_name(op)) || !strstr(text, part) ||
        !strstr(text, part2))
        fail_msg("%s: expected %s with \"%s\" and \"%s\", got %s: %s", clseq_op_name(op),
                 clseq_status_name(expected), part, part2, clseq_status_name(status),
                 status == CLSEQ_OK ? "" : text);
    assert_int_equal(all_calls(s), before);
}

static void valid_calls_reach_their_slot(void **state)
{
    struct setup s;

    open_setup(state, &s);
    for (int i = 0; i < CLSEQ_OP_COUNT; i++) {
        const enum clseq_op op = (enum clseq_op)i;
        const uint64_t before = ((struct counter *)s.be->priv)->calls[op];

        op_fixture_args(&s.f, op, &s.args);
        ASSERT_OK(s.ctx, clseq_op_run(s.be, op, &s.args));
        assert_int_equal(((struct counter *)s.be->priv)->calls[op],
                         before + (clseq_op_schema(op)->required ? 1 : 0));
    }
    close_setup(&s);
}

/* For each field of each op: set it up as valid, spoil it, expect the refusal. */
#define FOR_EACH_FIELD(s, op, field, x)                                                            \
    for (enum clseq_op op = (enum clseq_op)0; op < CLSEQ_OP_COUNT; op = (enum clseq_op)(op + 1))   \
        for (int i_ = 0; i_ < clseq_op_schema(op)->n_fields; i_++)                                 \
            for (const struct clseq_op_field *field =                                              \
                     (op_fixture_args(&(s).f, op, &(s).args), &clseq_op_schema(op)->fields[i_]);   \
                 field; field = NULL)                                                              \
                for (clseq_tensor *x = clseq_op_tensor(&(s).args, field); x; x = NULL)

static void absent_tensors(void **state)
{
    struct setup s;

    open_setup(state, &s);
    FOR_EACH_FIELD(s, op, field, x)
    {
        x->buffer = NULL;
        if (!(field->flags & CLSEQ_FIELD_OPTIONAL))
            refused(&s, op, CLSEQ_ERR_ARG, field->name, "is absent");
        else if (strcmp(field->name, "b_ih") == 0 || strcmp(field->name, "b_hh") == 0)
            refused(&s, op, CLSEQ_ERR_ARG, field->name, "pass both or none");
        else if (strcmp(field->name, "index") == 0) /* dense: then w has the shape of g */
            refused(&s, op, CLSEQ_ERR_SHAPE, "g is (3, 6)", "w is (7, 6)");
        else
            ASSERT_OK(s.ctx, clseq_op_run(s.be, op, &s.args));
    }
    close_setup(&s);
}

static void wrong_types(void **state)
{
    struct setup s;

    open_setup(state, &s);
    FOR_EACH_FIELD(s, op, field, x)
    {
        if (field->flags & CLSEQ_FIELD_ANY) {
            x->dtype = CLSEQ_F64;
            refused(&s, op, CLSEQ_ERR_ARG, field->name, "must be i32 or f32");
        } else {
            x->dtype = x->dtype == CLSEQ_I32 ? CLSEQ_F32 : CLSEQ_I32;
            refused(&s, op, CLSEQ_ERR_ARG, field->name,
                    x->dtype == CLSEQ_I32 ? "must be of type f32" : "must be of type i32");
        }
    }
    close_setup(&s);
}

static void buffers_of_another_backend(void **state)
{
    struct setup s, other;

    open_setup(state, &s);
    open_setup(state, &other);
    FOR_EACH_FIELD(s, op, field, x)
    {
        x->buffer = x->dtype == CLSEQ_I32 ? other.f.indices : other.f.reals;
        refused(&s, op, CLSEQ_ERR_ARG, field->name, "not of this one");
    }
    close_setup(&other);
    close_setup(&s);
}

static void bad_geometry(void **state)
{
    struct setup s;

    open_setup(state, &s);
    FOR_EACH_FIELD(s, op, field, x)
    {
        const clseq_tensor good = *x;
        const int last = good.ndim - 1;

        x->ndim = 0;
        refused(&s, op, CLSEQ_ERR_SHAPE, field->name, "has rank 0");
        x->ndim = CLSEQ_MAX_DIMS + 1;
        refused(&s, op, CLSEQ_ERR_SHAPE, field->name, "has rank 4");
        *x = good;
        x->dims[last] = -1;
        refused(&s, op, CLSEQ_ERR_SHAPE, field->name, "negative dimension");
        *x = good;
        x->strides[last] = 2;
        refused(&s, op, CLSEQ_ERR_SHAPE, field->name, "last stride 2");
        *x = good;
        if (last > 0) {
            x->strides[0] = good.dims[last] - 1;
            refused(&s, op, CLSEQ_ERR_SHAPE, field->name, "at least the row length");
            x->strides[0] = -8;
            refused(&s, op, CLSEQ_ERR_SHAPE, field->name, "at least the row length");
            x->strides[0] = INT64_MAX;
            refused(&s, op, CLSEQ_ERR_SHAPE, field->name, "reaches past the end");
            *x = good;
        }
        x->offset = (size_t)OP_PLACE * OP_PLACES - clseq_tensor_count(&good) + 1;
        refused(&s, op, CLSEQ_ERR_SHAPE, field->name, "reaches past the end");
        x->offset = SIZE_MAX;
        refused(&s, op, CLSEQ_ERR_SHAPE, field->name, "reaches past the end");
        *x = good;
        x->dims[last] = INT32_MAX;
        if (last > 0)
            x->strides[last - 1] = INT32_MAX;
        refused(&s, op, CLSEQ_ERR_SHAPE, field->name, "");
    }
    close_setup(&s);
}

static bool allowed(const struct clseq_op_field *f, const struct clseq_op_field *g)
{
    return (f->alias && strcmp(f->alias, g->name) == 0) ||
           (g->alias && strcmp(g->alias, f->name) == 0);
}

/* Every output laid over every other tensor: the same view where the contract allows it, shifted by
 * one element where it does not. */
static void overlaps(void **state)
{
    struct setup s;
    int tried = 0;

    open_setup(state, &s);
    FOR_EACH_FIELD(s, op, field, x)
    {
        const struct clseq_op_schema *schema = clseq_op_schema(op);
        const clseq_tensor good = *x;

        if (!(field->flags & CLSEQ_FIELD_WRITE))
            continue;
        for (int j = 0; j < schema->n_fields; j++) {
            const struct clseq_op_field *g = &schema->fields[j];
            const clseq_tensor *y = clseq_op_tensor(&s.args, g);

            if (g == field || y->dtype != good.dtype)
                continue;
            x->offset = y->offset;
            if (allowed(field, g)) {
                ASSERT_OK(s.ctx, clseq_op_run(s.be, op, &s.args));
                x->offset = y->offset + 1;
                refused(&s, op, CLSEQ_ERR_ARG, field->name, "only the very same view");
            } else {
                refused(&s, op, CLSEQ_ERR_ARG, field->name, "they must lie apart");
            }
            x->offset = y->offset + clseq_tensor_count(y) - 1; /* its last element only */
            refused(&s, op, CLSEQ_ERR_ARG, g->name, "overlaps");
            x->offset = y->offset + clseq_tensor_count(y); /* just behind */
            ASSERT_OK(s.ctx, clseq_op_run(s.be, op, &s.args));
            *x = good;
            tried++;
        }
    }
    assert_true(tried > 50);
    close_setup(&s);
}

static clseq_tensor strided(clseq_tensor x, int64_t s0, int64_t s1)
{
    x.strides[0] = s0;
    x.strides[1] = s1;
    return x;
}

static void strided_views(void **state)
{
    struct setup s;
    clseq_tensor wide;

    open_setup(state, &s);
    /* Left and right halves of one matrix interleave without touching. */
    op_fixture_args(&s.f, CLSEQ_OP_copy, &s.args);
    wide = clseq_tensor_2d(s.f.reals, 0, CLSEQ_F32, 10, 8);
    s.args.copy.src = clseq_tensor_columns(wide, 0, 4);
    s.args.copy.dst = clseq_tensor_columns(wide, 4, 4);
    ASSERT_OK(s.ctx, clseq_op_run(s.be, CLSEQ_OP_copy, &s.args));
    s.args.copy.dst = clseq_tensor_columns(wide, 3, 4);
    refused(&s, CLSEQ_OP_copy, CLSEQ_ERR_ARG, "dst", "overlaps");
    /* Different strides: rows of 4 every 8, and rows of 2 every 16 in the gaps. */
    s.args.copy.src = clseq_tensor_2d(s.f.reals, 0, CLSEQ_F32, 4, 2);
    s.args.copy.src.strides[0] = 8;
    s.args.copy.dst = clseq_tensor_2d(s.f.reals, 6, CLSEQ_F32, 4, 2);
    s.args.copy.dst.strides[0] = 16;
    ASSERT_OK(s.ctx, clseq_op_run(s.be, CLSEQ_OP_copy, &s.args));
    s.args.copy.dst.offset = 7;
    refused(&s, CLSEQ_OP_copy, CLSEQ_ERR_ARG, "dst", "overlaps");
    /* (time, batch) seen as (batch, time): a permuted view is a legal input and output. */
    s.args.copy.src = clseq_tensor_3d(s.f.reals, 0, CLSEQ_F32, 3, 2, 4);
    s.args.copy.dst = strided(clseq_tensor_3d(s.f.reals, 100, CLSEQ_F32, 3, 2, 4), 4, 12);
    ASSERT_OK(s.ctx, clseq_op_run(s.be, CLSEQ_OP_copy, &s.args));
    s.args.copy.dst.offset = 23;
    refused(&s, CLSEQ_OP_copy, CLSEQ_ERR_ARG, "dst", "overlaps");
    /* The same by its name, for attention: products of the sentences of two time-major tensors,
     * written into a third. */
    op_fixture_args(&s.f, CLSEQ_OP_gemm, &s.args);
    s.args.gemm.a = clseq_tensor_swap(clseq_tensor_3d(s.f.reals, 0, CLSEQ_F32, 3, 2, 4));
    s.args.gemm.b = clseq_tensor_swap(clseq_tensor_3d(s.f.reals, 24, CLSEQ_F32, 4, 2, 5));
    s.args.gemm.c = clseq_tensor_swap(clseq_tensor_3d(s.f.reals, 64, CLSEQ_F32, 3, 2, 5));
    s.args.gemm.bias = (clseq_tensor) { 0 };
    ASSERT_OK(s.ctx, clseq_op_run(s.be, CLSEQ_OP_gemm, &s.args));
    s.args.gemm.c.offset = 63;
    refused(&s, CLSEQ_OP_gemm, CLSEQ_ERR_ARG, "c (2, 3, 5)", "overlaps b");
    s.args.gemm.c.offset = (size_t)OP_PLACE * OP_PLACES - 30;
    ASSERT_OK(s.ctx, clseq_op_run(s.be, CLSEQ_OP_gemm, &s.args));
    s.args.gemm.c.offset++;
    refused(&s, CLSEQ_OP_gemm, CLSEQ_ERR_SHAPE, "c (2, 3, 5)", "reaches past the end");
    /* Rows on top of each other: legal to read, not to write. */
    s.args.copy.src = strided(clseq_tensor_3d(s.f.reals, 0, CLSEQ_F32, 3, 2, 4), 4, 4);
    s.args.copy.dst = clseq_tensor_3d(s.f.reals, 100, CLSEQ_F32, 3, 2, 4);
    ASSERT_OK(s.ctx, clseq_op_run(s.be, CLSEQ_OP_copy, &s.args));
    s.args.copy.dst = strided(s.args.copy.dst, 4, 4);
    refused(&s, CLSEQ_OP_copy, CLSEQ_ERR_SHAPE, "dst", "on top of each other");
    /* Rows of such an input come out of order: 0, 6, 12, then 7, 13, 19. Element 8 is in it. */
    op_fixture_args(&s.f, CLSEQ_OP_gemm, &s.args);
    s.args.gemm.a = strided(clseq_tensor_3d(s.f.reals, 0, CLSEQ_F32, 2, 3, 2), 7, 6);
    s.args.gemm.b = clseq_tensor_3d(s.f.reals, 1000, CLSEQ_F32, 2, 2, 1);
    s.args.gemm.c = strided(clseq_tensor_3d(s.f.reals, 8, CLSEQ_F32, 2, 3, 1), 100, 30);
    s.args.gemm.bias = (clseq_tensor) { 0 };
    refused(&s, CLSEQ_OP_gemm, CLSEQ_ERR_ARG, "c (2, 3, 1)", "overlaps a");
    close_setup(&s);
}

/* The first dimension that reaches the outputs set to zero. */
static void empty_calls(void **state)
{
    struct setup s;
    union clseq_op_any_args *a = &s.args;
    uint64_t *calls;

    open_setup(state, &s);
    calls = ((struct counter *)s.be->priv)->calls;

    op_fixture_args(&s.f, CLSEQ_OP_gemm, a);
    a->gemm.a = clseq_tensor_2d(s.f.reals, 0, CLSEQ_F32, 0, OP_K);
    a->gemm.c = clseq_tensor_2d(s.f.reals, 512, CLSEQ_F32, 0, OP_N);
    ASSERT_OK(s.ctx, clseq_op_gemm(s.be, &a->gemm));
    assert_int_equal(calls[CLSEQ_OP_gemm], 0);
    /* K = 0 still scales C. */
    a->gemm.a = clseq_tensor_2d(s.f.reals, 0, CLSEQ_F32, OP_M, 0);
    a->gemm.b = clseq_tensor_2d(s.f.reals, 256, CLSEQ_F32, 0, OP_N);
    a->gemm.c = clseq_tensor_2d(s.f.reals, 512, CLSEQ_F32, OP_M, OP_N);
    ASSERT_OK(s.ctx, clseq_op_gemm(s.be, &a->gemm));
    assert_int_equal(calls[CLSEQ_OP_gemm], 1);
    /* The sum of no rows is still a result. */
    op_fixture_args(&s.f, CLSEQ_OP_col_sums, a);
    a->col_sums.x = clseq_tensor_2d(s.f.reals, 0, CLSEQ_F32, 0, OP_N);
    ASSERT_OK(s.ctx, clseq_op_col_sums(s.be, &a->col_sums));
    assert_int_equal(calls[CLSEQ_OP_col_sums], 1);
    op_fixture_args(&s.f, CLSEQ_OP_sum, a);
    a->sum.x.dims[0] = 0;
    ASSERT_OK(s.ctx, clseq_op_sum(s.be, &a->sum));
    assert_int_equal(calls[CLSEQ_OP_sum], 1);
    /* No row is named: nothing changes, and no kernel starts with a size of zero. */
    for (int op = 0; op < CLSEQ_OP_COUNT; op++) {
        if (!clseq_op_is_update((enum clseq_op)op))
            continue;
        op_fixture_args(&s.f, (enum clseq_op)op, a);
        op_tensor((enum clseq_op)op, a, "g")->dims[0] = 0;
        op_tensor((enum clseq_op)op, a, "index")->dims[0] = 0;
        ASSERT_OK(s.ctx, clseq_op_run(s.be, (enum clseq_op)op, a));
        assert_int_equal(calls[op], 0);
    }
    op_fixture_args(&s.f, CLSEQ_OP_row_scatter, a);
    a->row_scatter.src.dims[0] = a->row_scatter.index.dims[0] = 0;
    ASSERT_OK(s.ctx, clseq_op_row_scatter(s.be, &a->row_scatter));
    assert_int_equal(calls[CLSEQ_OP_row_scatter], 0);
    op_fixture_args(&s.f, CLSEQ_OP_lstm_seq_bwd, a);
    a->lstm_seq_bwd.gates.dims[0] = a->lstm_seq_bwd.c.dims[0] = a->lstm_seq_bwd.dy.dims[0] = 0;
    ASSERT_OK(s.ctx, clseq_op_lstm_seq_bwd(s.be, &a->lstm_seq_bwd));
    assert_int_equal(calls[CLSEQ_OP_lstm_cell_bwd], 0);
    close_setup(&s);
}

static void composed_from_parts(void **state)
{
    struct setup s;
    struct counter *counter;

    open_setup(state, &s);
    counter = s.be->priv;
    op_fixture_args(&s.f, CLSEQ_OP_lstm_seq_fwd, &s.args);
    ASSERT_OK(s.ctx, clseq_op_run(s.be, CLSEQ_OP_lstm_seq_fwd, &s.args));
    assert_int_equal(counter->calls[CLSEQ_OP_gemm], OP_T);
    assert_int_equal(counter->calls[CLSEQ_OP_lstm_cell_fwd], OP_T);
    /* A slot is used where there is one, and run_composed passes it by. */
    counter->ops.lstm_seq_fwd = count_lstm_seq_fwd;
    ASSERT_OK(s.ctx, clseq_op_run(s.be, CLSEQ_OP_lstm_seq_fwd, &s.args));
    assert_int_equal(counter->calls[CLSEQ_OP_lstm_seq_fwd], 1);
    ASSERT_OK(s.ctx, clseq_op_run_composed(s.be, CLSEQ_OP_lstm_seq_fwd, &s.args));
    assert_int_equal(counter->calls[CLSEQ_OP_lstm_seq_fwd], 1);
    assert_int_equal(counter->calls[CLSEQ_OP_lstm_cell_fwd], 2 * OP_T);
    /* No step: the slot is not called, though dh and dc are not empty. */
    counter->ops.lstm_seq_bwd = count_lstm_seq_bwd;
    op_fixture_args(&s.f, CLSEQ_OP_lstm_seq_bwd, &s.args);
    ASSERT_OK(s.ctx, clseq_op_run(s.be, CLSEQ_OP_lstm_seq_bwd, &s.args));
    assert_int_equal(counter->calls[CLSEQ_OP_lstm_seq_bwd], 1);
    s.args.lstm_seq_bwd.gates.dims[0] = s.args.lstm_seq_bwd.c.dims[0] = 0;
    s.args.lstm_seq_bwd.dy.dims[0] = 0;
    ASSERT_OK(s.ctx, clseq_op_run(s.be, CLSEQ_OP_lstm_seq_bwd, &s.args));
    assert_int_equal(counter->calls[CLSEQ_OP_lstm_seq_bwd], 1);
    counter->ops.gru_seq_bwd = count_gru_seq_bwd;
    op_fixture_args(&s.f, CLSEQ_OP_gru_seq_bwd, &s.args);
    ASSERT_OK(s.ctx, clseq_op_run(s.be, CLSEQ_OP_gru_seq_bwd, &s.args));
    assert_int_equal(counter->calls[CLSEQ_OP_gru_seq_bwd], 1);
    s.args.gru_seq_bwd.gates.dims[0] = s.args.gru_seq_bwd.hn.dims[0] = 0;
    s.args.gru_seq_bwd.h.dims[0] = s.args.gru_seq_bwd.dy.dims[0] = 0;
    ASSERT_OK(s.ctx, clseq_op_run(s.be, CLSEQ_OP_gru_seq_bwd, &s.args));
    assert_int_equal(counter->calls[CLSEQ_OP_gru_seq_bwd], 1);
    counter->ops.rnn_seq_bwd = count_rnn_seq_bwd;
    op_fixture_args(&s.f, CLSEQ_OP_rnn_seq_bwd, &s.args);
    ASSERT_OK(s.ctx, clseq_op_run(s.be, CLSEQ_OP_rnn_seq_bwd, &s.args));
    assert_int_equal(counter->calls[CLSEQ_OP_rnn_seq_bwd], 1);
    s.args.rnn_seq_bwd.gates.dims[0] = s.args.rnn_seq_bwd.dy.dims[0] = 0;
    ASSERT_OK(s.ctx, clseq_op_run(s.be, CLSEQ_OP_rnn_seq_bwd, &s.args));
    assert_int_equal(counter->calls[CLSEQ_OP_rnn_seq_bwd], 1);
    op_fixture_args(&s.f, CLSEQ_OP_copy, &s.args);
    ASSERT_FAILS(s.ctx, CLSEQ_ERR_ARG, "copy is not made of other operations",
                 clseq_op_run_composed(s.be, CLSEQ_OP_copy, &s.args));
    ASSERT_FAILS(s.ctx, CLSEQ_ERR_ARG, "does not exist",
                 clseq_op_run(s.be, CLSEQ_OP_COUNT, &s.args));
    close_setup(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(valid_calls_reach_their_slot),
        cmocka_unit_test(absent_tensors),
        cmocka_unit_test(wrong_types),
        cmocka_unit_test(buffers_of_another_backend),
        cmocka_unit_test(bad_geometry),
        cmocka_unit_test(overlaps),
        cmocka_unit_test(strided_views),
        cmocka_unit_test(empty_calls),
        cmocka_unit_test(composed_from_parts),
    };

    return cmocka_run_group_tests_name("ops", tests, unit_context_create, unit_context_destroy);
}
