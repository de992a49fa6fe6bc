/* SPDX-License-Identifier: BSD-2-Clause */
#include "backend/fault_backend.h"

#include "backend/op_host.h"
#include "backend/ops.h"
#include "base/base.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct fault {
    struct clseq_fault_impl self; /* of clseq_fault_open(), which has nobody to keep it */
    struct clseq_fault_options options;
    clseq_backend *inner; /* owned */
    struct clseq_op_table ops;
    uint64_t counts[CLSEQ_FAULT_CALLS];
    uint64_t matching; /* calls that `options` counts */
};

struct fault_buffer {
    clseq_buffer base;   /* first: a clseq_buffer is cast to this */
    clseq_buffer *inner; /* owned */
};

static clseq_buffer *inner_buffer(void *user, clseq_buffer *buffer)
{
    return ((struct fault_buffer *)buffer)->inner;
}

static const char *const call_names[CLSEQ_FAULT_CALLS] = {
    "any", "op", "buffer_create", "write", "read", "sync",
};

/* Count a call; *hit when it is the one. Fails right here when that is the effect. */
static clseq_status count(clseq_backend *be, enum clseq_fault_call call, enum clseq_op op,
                          bool *hit)
{
    struct fault *fault = be->priv;
    const struct clseq_fault_options *o = &fault->options;

    fault->counts[CLSEQ_FAULT_ANY]++;
    fault->counts[call]++;
    *hit = false;
    if (o->call != CLSEQ_FAULT_ANY && o->call != call)
        return CLSEQ_OK;
    if (o->only_op && (call != CLSEQ_FAULT_OP || o->op != op))
        return CLSEQ_OK;
    if (++fault->matching != o->nth)
        return CLSEQ_OK;
    *hit = true;
    if (o->effect != CLSEQ_FAULT_FAIL)
        return CLSEQ_OK;
    return clseq_fail(be->ctx, o->status, "fault: call %llu (%s%s%s) was told to fail",
                      (unsigned long long)o->nth, call_names[call],
                      call == CLSEQ_FAULT_OP ? " " : "",
                      call == CLSEQ_FAULT_OP ? clseq_op_name(op) : "");
}

static void damage(const struct clseq_fault_options *o, clseq_dtype dtype, void *element)
{
    uint32_t word;
    uint64_t wide;
    float f;
    double d;
    int32_t i;

    switch (o->effect) {
    case CLSEQ_FAULT_FAIL:
        break;
    case CLSEQ_FAULT_FLIP_BIT:
        if (dtype == CLSEQ_F64) {
            memcpy(&wide, element, sizeof(wide));
            wide ^= (uint64_t)1 << (o->bit & 63);
            memcpy(element, &wide, sizeof(wide));
        } else {
            memcpy(&word, element, sizeof(word));
            word ^= (uint32_t)1 << (o->bit & 31);
            memcpy(element, &word, sizeof(word));
        }
        break;
    case CLSEQ_FAULT_ADD:
    case CLSEQ_FAULT_NAN:
        if (dtype == CLSEQ_F64) {
            memcpy(&d, element, sizeof(d));
            d = o->effect == CLSEQ_FAULT_NAN ? (double)NAN : d + o->add;
            memcpy(element, &d, sizeof(d));
        } else if (dtype == CLSEQ_F32) {
            memcpy(&f, element, sizeof(f));
            f = o->effect == CLSEQ_FAULT_NAN ? NAN : (float)((double)f + o->add);
            memcpy(element, &f, sizeof(f));
        } else {
            memcpy(&i, element, sizeof(i));
            i = o->effect == CLSEQ_FAULT_NAN ? INT32_MIN : (int32_t)(i + o->add);
            memcpy(element, &i, sizeof(i));
        }
        break;
    }
}

/* Change one element of one output, given the inner arguments. */
static clseq_status damage_output(clseq_backend *be, enum clseq_op op, const void *args)
{
    const struct clseq_op_schema *schema = clseq_op_schema(op);
    const struct clseq_fault_options *o = &((struct fault *)be->priv)->options;
    int output = o->output;

    for (int i = 0; i < schema->n_fields; i++) {
        const clseq_tensor *x = clseq_op_tensor_const(args, &schema->fields[i]);
        const size_t n = clseq_tensor_count(x), size = clseq_dtype_size((clseq_dtype)x->dtype);
        char *packed = NULL;
        clseq_status status;

        if (!(schema->fields[i].flags & CLSEQ_FIELD_WRITE) || output-- != 0)
            continue;
        if (n == 0)
            return CLSEQ_OK;
        CLSEQ_TRY(clseq_calloc(be->ctx, n, size, "fault", &packed));
        status = clseq_view_read(x, packed);
        if (status == CLSEQ_OK) {
            damage(o, (clseq_dtype)x->dtype, packed + o->element % n * size);
            status = clseq_view_write(x, packed);
        }
        free(packed);
        return status;
    }
    return clseq_fail(be->ctx, CLSEQ_ERR_ARG, "fault: %s has no output number %d", schema->name,
                      o->output);
}

static clseq_status fault_op(clseq_backend *be, enum clseq_op op, const void *args)
{
    struct fault *fault = be->priv;
    union clseq_op_any_args inner;
    bool hit;

    CLSEQ_TRY(count(be, CLSEQ_FAULT_OP, op, &hit));
    clseq_op_map_args(op, args, inner_buffer, NULL, &inner);
    CLSEQ_TRY(clseq_op_run(fault->inner, op, &inner));
    return hit ? damage_output(be, op, &inner) : CLSEQ_OK;
}

#define X(name, slot, tolerance, constant)                                                         \
    static clseq_status fault_##name(clseq_backend *be, const struct clseq_##name##_args *a)       \
    {                                                                                              \
        return fault_op(be, CLSEQ_OP_##name, a);                                                   \
    }
CLSEQ_OP_LIST(X)
#undef X

static clseq_status check_options(clseq_context *ctx, const struct clseq_fault_options *o)
{
    if (o->effect == CLSEQ_FAULT_FAIL && o->nth > 0 && o->status >= CLSEQ_OK)
        return clseq_fail(ctx, CLSEQ_ERR_ARG, "fault: status %d is not an error", (int)o->status);
    if (o->effect != CLSEQ_FAULT_FAIL && o->call != CLSEQ_FAULT_OP)
        return clseq_fail(ctx, CLSEQ_ERR_ARG,
                          "fault: only the output of an op can be changed, not of %s",
                          call_names[o->call]);
    if (o->only_op && o->call != CLSEQ_FAULT_OP)
        return clseq_fail(ctx, CLSEQ_ERR_ARG, "fault: only_op goes with CLSEQ_FAULT_OP");
    return CLSEQ_OK;
}

static clseq_status fault_open(clseq_backend *be, const struct clseq_backend_options *options)
{
    struct fault *fault = be->priv;
    const struct clseq_fault_impl *self = (const struct clseq_fault_impl *)be->impl;
    struct clseq_backend_options inner = *options;

    fault->options = *self->options;
    CLSEQ_TRY(check_options(be->ctx, &fault->options));
    inner.profile = false;
    CLSEQ_TRY(clseq_backend_open_impl(
        be->ctx, fault->options.inner ? fault->options.inner : &clseq_reference_backend, &inner,
        &fault->inner));
    be->real = fault->inner->real;
    be->info = fault->inner->info;
    snprintf(be->info.name, sizeof(be->info.name), "%s", be->impl->name);
#define X(op, slot, tolerance, constant)                                                           \
    if (fault->inner->ops->op)                                                                     \
        fault->ops.op = fault_##op;
    CLSEQ_OP_LIST(X)
#undef X
    be->ops = &fault->ops;
    return CLSEQ_OK;
}

static void fault_close(clseq_backend *be)
{
    clseq_backend_close(&((struct fault *)be->priv)->inner);
}

static clseq_status fault_sync(clseq_backend *be)
{
    struct fault *fault = be->priv;
    bool hit;

    CLSEQ_TRY(count(be, CLSEQ_FAULT_SYNC, CLSEQ_OP_COUNT, &hit));
    return clseq_backend_sync(fault->inner);
}

static clseq_status fault_buffer_create(clseq_backend *be, clseq_buffer *buffer)
{
    struct fault *fault = be->priv;
    bool hit;

    CLSEQ_TRY(count(be, CLSEQ_FAULT_BUFFER_CREATE, CLSEQ_OP_COUNT, &hit));
    return clseq_buffer_create(fault->inner, buffer->bytes, buffer->label,
                               &((struct fault_buffer *)buffer)->inner);
}

static void fault_buffer_destroy(clseq_backend *be, clseq_buffer *buffer)
{
    clseq_buffer_destroy(&((struct fault_buffer *)buffer)->inner);
}

static clseq_status fault_buffer_write(clseq_backend *be, clseq_buffer *buffer, size_t offset,
                                       const void *src, size_t bytes)
{
    bool hit;

    CLSEQ_TRY(count(be, CLSEQ_FAULT_WRITE, CLSEQ_OP_COUNT, &hit));
    return clseq_buffer_write(((struct fault_buffer *)buffer)->inner, offset, src, bytes);
}

static clseq_status fault_buffer_read(clseq_backend *be, clseq_buffer *buffer, size_t offset,
                                      void *dst, size_t bytes)
{
    bool hit;

    CLSEQ_TRY(count(be, CLSEQ_FAULT_READ, CLSEQ_OP_COUNT, &hit));
    return clseq_buffer_read(((struct fault_buffer *)buffer)->inner, offset, dst, bytes);
}

void clseq_fault_impl_init(struct clseq_fault_impl *fault,
                           const struct clseq_fault_options *options)
{
    *fault = (struct clseq_fault_impl){
        .impl = {
            .name = "fault",
            .priv_size = sizeof(struct fault),
            .buffer_size = sizeof(struct fault_buffer),
            .open = fault_open,
            .close = fault_close,
            .sync = fault_sync,
            .buffer_create = fault_buffer_create,
            .buffer_destroy = fault_buffer_destroy,
            .buffer_write = fault_buffer_write,
            .buffer_read = fault_buffer_read,
        },
        .options = options,
    };
}

clseq_status clseq_fault_open(clseq_context *ctx, const struct clseq_fault_options *options,
                              clseq_backend **ret)
{
    struct clseq_fault_impl fault;
    clseq_backend *be = NULL;

    clseq_fault_impl_init(&fault, options);
    CLSEQ_TRY(clseq_backend_open_impl(ctx, &fault.impl, NULL, &be));
    /* `fault` ends with this call, so the backend keeps a copy of its implementation. */
    ((struct fault *)be->priv)->self = fault;
    be->impl = &((struct fault *)be->priv)->self.impl;
    *ret = be;
    return CLSEQ_OK;
}

uint64_t clseq_fault_count(const clseq_backend *be, enum clseq_fault_call call)
{
    return ((const struct fault *)be->priv)->counts[call];
}
