/* SPDX-License-Identifier: BSD-2-Clause */
#include "backend/mirror_backend.h"

#include "backend/op_host.h"
#include "backend/ops.h"
#include "backend/tolerance.h"
#include "base/base.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { TRUSTED, TESTED };

struct mirror {
    clseq_backend *side[2];
    struct clseq_op_table ops;
    uint64_t calls; /* operations so far */
};

struct mirror_buffer {
    clseq_buffer base;     /* first: a clseq_buffer is cast to this */
    clseq_buffer *side[2]; /* owned */
};

/* What clseq_mirror_open_pair() passes through the front end to mirror_open_pair(). */
struct pair_options {
    struct clseq_backend_options base; /* first: cast back from it */
    const struct clseq_backend_impl *side[2];
};

static clseq_buffer *trusted_buffer(void *user, clseq_buffer *buffer)
{
    return ((struct mirror_buffer *)buffer)->side[TRUSTED];
}

static clseq_buffer *tested_buffer(void *user, clseq_buffer *buffer)
{
    return ((struct mirror_buffer *)buffer)->side[TESTED];
}

/* One operation on both sides. */
struct twin {
    clseq_backend *be;
    enum clseq_op op;
    union clseq_op_any_args args[2];
    struct clseq_op_values before, sums;
};

static clseq_status run_both(struct twin *t)
{
    struct mirror *mirror = t->be->priv;
    const bool required = clseq_op_schema(t->op)->required;
    clseq_status status;

    status = required ? clseq_op_run(mirror->side[TRUSTED], t->op, &t->args[TRUSTED])
                      : clseq_op_run_composed(mirror->side[TRUSTED], t->op, &t->args[TRUSTED]);
    if (status == CLSEQ_OK)
        status = clseq_op_run(mirror->side[TESTED], t->op, &t->args[TESTED]);
    if (status != CLSEQ_OK)
        return clseq_fail_in(t->be->ctx, status, "mirror, call %llu",
                             (unsigned long long)mirror->calls);
    return CLSEQ_OK;
}

/* Compare one output, given as packed elements of both sides. */
static clseq_status compare(struct twin *t, int field, const void *expected, const void *got)
{
    const struct mirror *mirror = t->be->priv;
    const clseq_tensor *x =
        clseq_op_tensor_const(&t->args[TRUSTED], &clseq_op_schema(t->op)->fields[field]);
    const size_t n = clseq_tensor_count(x);
    const struct clseq_tolerance_case call = {
        .op = t->op,
        .args = &t->args[TRUSTED],
        .before = &t->before,
        .precision = mirror->side[TESTED]->info.precision,
        .sums = &t->sums,
    };
    struct clseq_tolerance_result result;
    double *values[2] = { NULL, NULL };
    char text[CLSEQ_TOLERANCE_TEXT];
    clseq_status status;

    if (memcmp(expected, got, n * clseq_dtype_size((clseq_dtype)x->dtype)) == 0)
        return CLSEQ_OK;
    CLSEQ_TRY_GOTO(status, out,
                   clseq_calloc(t->be->ctx, n, sizeof(double), "mirror", &values[TRUSTED]));
    CLSEQ_TRY_GOTO(status, out,
                   clseq_calloc(t->be->ctx, n, sizeof(double), "mirror", &values[TESTED]));
    clseq_view_to_double(x, expected, values[TRUSTED]);
    clseq_view_to_double(x, got, values[TESTED]);
    CLSEQ_TRY_GOTO(status, out,
                   clseq_tolerance_compare(t->be->ctx, &call, field, values[TRUSTED],
                                           values[TESTED], &result));
    if (!result.ok)
        status = clseq_fail(
            t->be->ctx, CLSEQ_ERR_MISMATCH,
            "%s differs between %s and %s (%s) in call %llu: %s; `clseq-check --function "
            "%s` tests this operation alone",
            clseq_op_name(t->op), mirror->side[TRUSTED]->info.name, mirror->side[TESTED]->info.name,
            mirror->side[TESTED]->info.device, (unsigned long long)mirror->calls,
            clseq_tolerance_text(&call, field, &result, text), clseq_op_name(t->op));
out:
    free(values[TRUSTED]);
    free(values[TESTED]);
    return status;
}

/* Compare one output and make both sides hold the tested one. */
static clseq_status settle(struct twin *t, int field)
{
    const struct clseq_op_field *f = &clseq_op_schema(t->op)->fields[field];
    const clseq_tensor *x = clseq_op_tensor_const(&t->args[TRUSTED], f);
    const clseq_tensor *y = clseq_op_tensor_const(&t->args[TESTED], f);
    const size_t n = clseq_tensor_count(x), size = clseq_dtype_size((clseq_dtype)x->dtype);
    void *expected = NULL, *got = NULL;
    clseq_status status;

    if (n == 0)
        return CLSEQ_OK;
    CLSEQ_TRY_GOTO(status, out, clseq_calloc(t->be->ctx, n, size, "mirror", &expected));
    CLSEQ_TRY_GOTO(status, out, clseq_calloc(t->be->ctx, n, size, "mirror", &got));
    CLSEQ_TRY_GOTO(status, out, clseq_view_read(x, expected));
    CLSEQ_TRY_GOTO(status, out, clseq_view_read(y, got));
    CLSEQ_TRY_GOTO(status, out, compare(t, field, expected, got));
    status = clseq_view_write(x, got);
out:
    free(expected);
    free(got);
    return status;
}

static clseq_status mirror_op(clseq_backend *be, enum clseq_op op, const void *args)
{
    const struct clseq_op_schema *schema = clseq_op_schema(op);
    struct mirror *mirror = be->priv;
    struct twin t = { .be = be, .op = op };
    clseq_status status = CLSEQ_OK;

    mirror->calls++;
    clseq_op_map_args(op, args, trusted_buffer, NULL, &t.args[TRUSTED]);
    clseq_op_map_args(op, args, tested_buffer, NULL, &t.args[TESTED]);
    /* What the bounds need is overwritten by the op, so it is taken first. */
    if (schema->tolerance != CLSEQ_TOLERANCE_EXACT)
        CLSEQ_TRY_GOTO(status, out,
                       clseq_op_values_read(mirror->side[TRUSTED], op, &t.args[TRUSTED],
                                            CLSEQ_FIELD_READ, &t.before));
    if (schema->tolerance == CLSEQ_TOLERANCE_SUM)
        CLSEQ_TRY_GOTO(
            status, out,
            clseq_op_absolute_sums(mirror->side[TRUSTED], op, &t.args[TRUSTED], &t.sums));
    CLSEQ_TRY_GOTO(status, out, run_both(&t));
    for (int i = 0; i < schema->n_fields; i++) {
        if (schema->fields[i].flags & CLSEQ_FIELD_WRITE)
            CLSEQ_TRY_GOTO(status, out, settle(&t, i));
    }
out:
    clseq_op_values_fini(&t.before);
    clseq_op_values_fini(&t.sums);
    return status;
}

#define X(name, slot, tolerance, constant)                                                         \
    static clseq_status mirror_##name(clseq_backend *be, const struct clseq_##name##_args *a)      \
    {                                                                                              \
        return mirror_op(be, CLSEQ_OP_##name, a);                                                  \
    }
CLSEQ_OP_LIST(X)
#undef X

/* As a whole, and not in its parts? An optional operation that is exact hangs on the last bits of
 * sums inside, which both sides round in their own way. */
static bool is_compared(enum clseq_op op)
{
    const struct clseq_op_schema *schema = clseq_op_schema(op);

    return schema->required || schema->tolerance != CLSEQ_TOLERANCE_EXACT;
}

static uint64_t smaller_limit(uint64_t a, uint64_t b)
{
    if (a == 0 || b == 0)
        return a ? a : b;
    return a < b ? a : b;
}

static clseq_status open_sides(clseq_backend *be, const struct clseq_backend_impl *const side[2],
                               const struct clseq_backend_options *options)
{
    struct mirror *mirror = be->priv;
    struct clseq_backend_options inner = *options;
    const clseq_backend *tested;

    inner.profile = false;
    CLSEQ_TRY(clseq_backend_open_impl(be->ctx, side[TRUSTED], &inner, &mirror->side[TRUSTED]));
    CLSEQ_TRY(clseq_backend_open_impl(be->ctx, side[TESTED], &inner, &mirror->side[TESTED]));
    tested = mirror->side[TESTED];
    if (mirror->side[TRUSTED]->real != tested->real)
        return clseq_fail(be->ctx, CLSEQ_ERR_UNSUPPORTED,
                          "mirror: %s computes in %s and %s in %s; both must use the same type",
                          side[TRUSTED]->name, clseq_dtype_name(mirror->side[TRUSTED]->real),
                          side[TESTED]->name, clseq_dtype_name(tested->real));
    be->real = tested->real;
    be->info = tested->info;
    snprintf(be->info.name, sizeof(be->info.name), "%s", be->impl->name);
    be->info.max_buffer_bytes =
        smaller_limit(mirror->side[TRUSTED]->info.max_buffer_bytes, tested->info.max_buffer_bytes);
    /* An optional slot only where the tested side has one: otherwise the front end composes it here
     * and every part is compared. */
#define X(op, slot, tolerance, constant)                                                           \
    if (tested->ops->op && is_compared(CLSEQ_OP_##op))                                             \
        mirror->ops.op = mirror_##op;
    CLSEQ_OP_LIST(X)
#undef X
    be->ops = &mirror->ops;
    return CLSEQ_OK;
}

static clseq_status mirror_open(clseq_backend *be, const struct clseq_backend_options *options)
{
    const struct clseq_backend_impl *const side[2] = { &clseq_reference_backend,
                                                       &clseq_opencl_backend };

    return open_sides(be, side, options);
}

static clseq_status mirror_open_pair(clseq_backend *be, const struct clseq_backend_options *options)
{
    return open_sides(be, ((const struct pair_options *)options)->side, options);
}

static void mirror_close(clseq_backend *be)
{
    struct mirror *mirror = be->priv;

    clseq_backend_close(&mirror->side[TESTED]);
    clseq_backend_close(&mirror->side[TRUSTED]);
}

static clseq_status mirror_sync(clseq_backend *be)
{
    struct mirror *mirror = be->priv;

    CLSEQ_TRY(clseq_backend_sync(mirror->side[TRUSTED]));
    return clseq_backend_sync(mirror->side[TESTED]);
}

static clseq_status mirror_buffer_create(clseq_backend *be, clseq_buffer *buffer)
{
    struct mirror *mirror = be->priv;
    struct mirror_buffer *both = (struct mirror_buffer *)buffer;
    clseq_status status;

    CLSEQ_TRY(clseq_buffer_create(mirror->side[TRUSTED], buffer->bytes, buffer->label,
                                  &both->side[TRUSTED]));
    status = clseq_buffer_create(mirror->side[TESTED], buffer->bytes, buffer->label,
                                 &both->side[TESTED]);
    if (status != CLSEQ_OK)
        clseq_buffer_destroy(&both->side[TRUSTED]);
    return status;
}

static void mirror_buffer_destroy(clseq_backend *be, clseq_buffer *buffer)
{
    struct mirror_buffer *both = (struct mirror_buffer *)buffer;

    clseq_buffer_destroy(&both->side[TRUSTED]);
    clseq_buffer_destroy(&both->side[TESTED]);
}

static clseq_status mirror_buffer_write(clseq_backend *be, clseq_buffer *buffer, size_t offset,
                                        const void *src, size_t bytes)
{
    struct mirror_buffer *both = (struct mirror_buffer *)buffer;

    CLSEQ_TRY(clseq_buffer_write(both->side[TRUSTED], offset, src, bytes));
    return clseq_buffer_write(both->side[TESTED], offset, src, bytes);
}

static clseq_status mirror_buffer_read(clseq_backend *be, clseq_buffer *buffer, size_t offset,
                                       void *dst, size_t bytes)
{
    return clseq_buffer_read(((struct mirror_buffer *)buffer)->side[TESTED], offset, dst, bytes);
}

#define MIRROR_IMPL(open_function)                                                                 \
    {                                                                                              \
        .name = "mirror", .priv_size = sizeof(struct mirror),                                      \
        .buffer_size = sizeof(struct mirror_buffer), .open = open_function, .close = mirror_close, \
        .sync = mirror_sync, .buffer_create = mirror_buffer_create,                                \
        .buffer_destroy = mirror_buffer_destroy, .buffer_write = mirror_buffer_write,              \
        .buffer_read = mirror_buffer_read,                                                         \
    }

const struct clseq_backend_impl clseq_mirror_backend = MIRROR_IMPL(mirror_open);

static const struct clseq_backend_impl mirror_pair = MIRROR_IMPL(mirror_open_pair);

clseq_status clseq_mirror_open_pair(clseq_context *ctx, const struct clseq_backend_impl *trusted,
                                    const struct clseq_backend_impl *tested,
                                    const struct clseq_backend_options *options,
                                    clseq_backend **ret)
{
    struct pair_options pair = { .side = { trusted, tested } };

    if (options)
        pair.base = *options;
    else
        clseq_backend_options_init(&pair.base);
    return clseq_backend_open_impl(ctx, &mirror_pair, &pair.base, ret);
}
