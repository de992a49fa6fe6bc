/* SPDX-License-Identifier: BSD-2-Clause */
#include "backend/ops.h"

#include "backend/backend_front.h"
#include "backend/ops_check.h"
#include "backend/ops_composed.h"
#include "base/base.h"
#include "base/clock.h"

static bool has_slot(const clseq_backend *be, enum clseq_op op)
{
    switch (op) {
#define X(name, slot, tolerance, constant)                                                         \
    case CLSEQ_OP_##name:                                                                          \
        return be->ops->name != NULL;
        CLSEQ_OP_LIST(X)
#undef X
    default:
        return false;
    }
}

static clseq_status call_slot(clseq_backend *be, enum clseq_op op, const void *args)
{
    switch (op) {
#define X(name, slot, tolerance, constant)                                                         \
    case CLSEQ_OP_##name:                                                                          \
        return be->ops->name(be, args);
        CLSEQ_OP_LIST(X)
#undef X
    default:
        return clseq_fail(be->ctx, CLSEQ_ERR_INTERNAL, "operation number %d does not exist",
                          (int)op);
    }
}

/* Waiting before and after makes each op pay for its own work only. */
static clseq_status call_timed(clseq_backend *be, enum clseq_op op, const void *args)
{
    struct clseq_op_profile *p = &be->profile[op];
    double start;

    CLSEQ_TRY(be->impl->sync(be));
    start = clseq_seconds();
    CLSEQ_TRY(call_slot(be, op, args));
    CLSEQ_TRY(be->impl->sync(be));
    p->seconds += clseq_seconds() - start;
    p->calls++;
    p->flops += clseq_op_flops(op, args);
    p->bytes += clseq_op_bytes(op, args);
    return CLSEQ_OK;
}

/* Checks that come before every call; *ret says whether anything is left to do. */
static clseq_status prepare(clseq_backend *be, enum clseq_op op, const void *args, bool *ret)
{
    if ((int)op < 0 || op >= CLSEQ_OP_COUNT)
        return clseq_fail(be->ctx, CLSEQ_ERR_ARG, "operation number %d does not exist", (int)op);
    CLSEQ_TRY(clseq_backend_ready(be, clseq_op_name(op)));
    CLSEQ_TRY(clseq_op_check(be, op, args));
    *ret = !clseq_op_is_empty(op, args);
    return CLSEQ_OK;
}

/* Before the call: what it reads is then of the new version, which is as good, for it does not
 * write what it reads as a matrix. */
static void note_writes(enum clseq_op op, const void *args)
{
    const struct clseq_op_schema *schema = clseq_op_schema(op);

    for (int i = 0; i < schema->n_fields; i++) {
        const clseq_tensor *x = clseq_op_tensor_const(args, &schema->fields[i]);

        if ((schema->fields[i].flags & CLSEQ_FIELD_WRITE) && clseq_tensor_present(x))
            x->buffer->version++;
    }
}

clseq_status clseq_op_run(clseq_backend *be, enum clseq_op op, const void *args)
{
    bool work = false;

    CLSEQ_TRY(prepare(be, op, args, &work));
    if (!work)
        return CLSEQ_OK;
    if (!has_slot(be, op))
        return clseq_op_compose(be, op, args);
    note_writes(op, args);
    if (be->dry)
        return be->impl->dry ? call_slot(be, op, args) : CLSEQ_OK;
    return clseq_backend_note(be,
                              be->profiling ? call_timed(be, op, args) : call_slot(be, op, args));
}

clseq_status clseq_op_run_composed(clseq_backend *be, enum clseq_op op, const void *args)
{
    bool work = false;

    CLSEQ_TRY(prepare(be, op, args, &work));
    return work ? clseq_op_compose(be, op, args) : CLSEQ_OK;
}

#define X(name, slot, tolerance, constant)                                                         \
    clseq_status clseq_op_##name(clseq_backend *be, const struct clseq_##name##_args *a)           \
    {                                                                                              \
        return clseq_op_run(be, CLSEQ_OP_##name, a);                                               \
    }
CLSEQ_OP_LIST(X)
#undef X
