/* SPDX-License-Identifier: BSD-2-Clause */
/* One call on the reference with everything tolerance.h wants to know about it. */
#ifndef CLSEQ_TOLERANCE_FIXTURE_H
#define CLSEQ_TOLERANCE_FIXTURE_H

#include "op_fixture.h"

#include "backend/tolerance.h"

#define UNIT CLSEQ_TOLERANCE_UNIT

struct setup {
    clseq_context *ctx;
    clseq_backend *be;
    struct op_fixture f;
    union clseq_op_any_args args;
    struct clseq_op_values before, sums, after;
    struct clseq_tolerance_case call;
};

static inline void open_setup(void **state, struct setup *s, enum clseq_op op)
{
    *s = (struct setup) { .ctx = *state };
    ASSERT_OK(s->ctx, clseq_backend_open_impl(s->ctx, &clseq_reference_backend, NULL, &s->be));
    op_fixture_open(s->ctx, s->be, &s->f);
    op_fixture_args(&s->f, op, &s->args);
    op_fixture_fill(s->ctx, &s->f, op, &s->args);
    s->call = (struct clseq_tolerance_case) {
        .op = op, .args = &s->args, .before = &s->before, .sums = &s->sums
    };
}

/* Values before, sums, run, values after. */
static inline void run(struct setup *s)
{
    const enum clseq_op op = s->call.op;

    clseq_op_values_fini(&s->before);
    clseq_op_values_fini(&s->sums);
    clseq_op_values_fini(&s->after);
    ASSERT_OK(s->ctx, clseq_op_values_read(s->be, op, &s->args, CLSEQ_FIELD_READ, &s->before));
    if (clseq_op_schema(op)->tolerance == CLSEQ_TOLERANCE_SUM)
        ASSERT_OK(s->ctx, clseq_op_absolute_sums(s->be, op, &s->args, &s->sums));
    ASSERT_OK(s->ctx, clseq_op_run(s->be, op, &s->args));
    ASSERT_OK(s->ctx, clseq_op_values_read(s->be, op, &s->args, CLSEQ_FIELD_WRITE, &s->after));
}

static inline void close_setup(struct setup *s)
{
    clseq_op_values_fini(&s->before);
    clseq_op_values_fini(&s->sums);
    clseq_op_values_fini(&s->after);
    op_fixture_close(&s->f);
    clseq_backend_close(&s->be);
}

#endif
