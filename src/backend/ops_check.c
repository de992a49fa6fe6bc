/* SPDX-License-Identifier: BSD-2-Clause */
#include "backend/ops_check.h"

#include "base/base.h"

#include <string.h>

/* A view as rows of consecutive bytes, dimensions sorted so that the slowest comes first. */
struct layout {
    size_t first, end;    /* bytes in the buffer; equal when the tensor is empty */
    size_t row;           /* bytes of one row */
    size_t n[2], step[2]; /* rows and bytes from one to the next, outer and inner */
    bool distinct;        /* rows come one behind the other, none on top of another */
};

/* One tensor under check, with what error texts need. */
struct subject {
    clseq_backend *be;
    const char *op, *field;
    const clseq_tensor *x;
};

static clseq_status check_kind(const struct subject *s, unsigned flags)
{
    const clseq_tensor *x = s->x;
    clseq_context *ctx = s->be->ctx;
    char text[CLSEQ_TENSOR_TEXT];

    if (x->buffer->backend != s->be)
        return clseq_fail(
            ctx, CLSEQ_ERR_ARG,
            "%s: %s lies in buffer \"%s\" of backend %s, not of this one (%s); copy it "
            "through host memory",
            s->op, s->field, x->buffer->label, x->buffer->backend->impl->name, s->be->impl->name);
    if (x->ndim < 1 || x->ndim > CLSEQ_MAX_DIMS)
        return clseq_fail(ctx, CLSEQ_ERR_SHAPE, "%s: %s has rank %d; ranks are 1 to %d", s->op,
                          s->field, x->ndim, CLSEQ_MAX_DIMS);
    for (int i = 0; i < x->ndim; i++) {
        if (x->dims[i] < 0)
            return clseq_fail(ctx, CLSEQ_ERR_SHAPE, "%s: %s %s has a negative dimension", s->op,
                              s->field, clseq_tensor_text(x, text));
    }
    if (flags & CLSEQ_FIELD_ANY) {
        if (x->dtype != CLSEQ_I32 && x->dtype != s->be->real)
            return clseq_fail(ctx, CLSEQ_ERR_ARG, "%s: %s %s must be i32 or %s on this backend",
                              s->op, s->field, clseq_tensor_text(x, text),
                              clseq_dtype_name(s->be->real));
    } else {
        const clseq_dtype wanted = flags & CLSEQ_FIELD_INDEX ? CLSEQ_I32 : s->be->real;

        if (x->dtype != wanted)
            return clseq_fail(ctx, CLSEQ_ERR_ARG, "%s: %s %s must be of type %s", s->op, s->field,
                              clseq_tensor_text(x, text), clseq_dtype_name(wanted));
    }
    return CLSEQ_OK;
}

static clseq_status check_strides(const struct subject *s)
{
    const clseq_tensor *x = s->x;
    const int last = x->ndim - 1;
    char text[CLSEQ_TENSOR_TEXT];

    if (x->strides[last] != 1)
        return clseq_fail(s->be->ctx, CLSEQ_ERR_SHAPE,
                          "%s: %s %s has last stride %lld; it must be 1 (row-major)", s->op,
                          s->field, clseq_tensor_text(x, text), (long long)x->strides[last]);
    /* An empty view touches nothing, and contiguous ones have strides of 0. */
    if (clseq_tensor_count(x) == 0)
        return CLSEQ_OK;
    for (int i = 0; i < last; i++) {
        if (x->dims[i] > 1 && x->strides[i] < x->dims[last])
            return clseq_fail(
                s->be->ctx, CLSEQ_ERR_SHAPE,
                "%s: %s %s has stride %lld in dimension %d; it must be at least the row "
                "length, %d",
                s->op, s->field, clseq_tensor_text(x, text), (long long)x->strides[i], i,
                x->dims[last]);
    }
    return CLSEQ_OK;
}

/* Elements from the first to behind the last one touched; false when that is beyond any memory. */
static bool checked_extent(const clseq_tensor *x, size_t *ret)
{
    size_t extent = 1;

    for (int i = 0; i < x->ndim; i++) {
        size_t part;

        if (x->dims[i] == 0) {
            *ret = 0;
            return true;
        }
        if (x->dims[i] == 1)
            continue;
        if (!clseq_mul_size((size_t)x->dims[i] - 1, (size_t)x->strides[i], &part) ||
            !clseq_add_size(extent, part, &extent))
            return false;
    }
    *ret = extent;
    return true;
}

/* After check_strides: bounds, then the rows of the tensor in bytes. */
static clseq_status check_bounds(const struct subject *s, struct layout *ret)
{
    const clseq_tensor *x = s->x;
    const size_t size = clseq_dtype_size((clseq_dtype)x->dtype), held = x->buffer->bytes / size;
    struct layout l = { .n = { 1, 1 }, .distinct = true };
    size_t extent;
    char text[CLSEQ_TENSOR_TEXT];

    if (!checked_extent(x, &extent) || x->offset > held || extent > held - x->offset)
        return clseq_fail(
            s->be->ctx, CLSEQ_ERR_SHAPE,
            "%s: %s %s at element %zu reaches past the end of buffer \"%s\", which holds "
            "%zu such elements; check the offset and the strides of the view",
            s->op, s->field, clseq_tensor_text(x, text), x->offset, x->buffer->label, held);
    l.first = x->offset * size;
    l.end = (x->offset + extent) * size;
    l.row = (size_t)x->dims[x->ndim - 1] * size;
    /* Fill from the inner dimension outwards; the smaller stride belongs inside, so that a
     * transposed view (batch, time) of (time, batch) is walked in the order of memory. */
    for (int i = x->ndim - 2, k = 1; extent && i >= 0; i--) {
        if (x->dims[i] > 1) {
            l.n[k] = (size_t)x->dims[i];
            l.step[k--] = (size_t)x->strides[i] * size;
        }
    }
    if (l.n[0] > 1 && l.step[0] < l.step[1]) {
        const size_t n = l.n[0], step = l.step[0];

        l.n[0] = l.n[1];
        l.step[0] = l.step[1];
        l.n[1] = n;
        l.step[1] = step;
    }
    if (l.n[1] > 1 && l.step[1] == l.row) { /* no gaps: one longer row */
        l.row *= l.n[1];
        l.n[1] = 1;
    }
    if (l.n[0] > 1 && l.n[1] == 1 && l.step[0] == l.row) {
        l.row *= l.n[0];
        l.n[0] = 1;
    }
    l.distinct = l.n[0] == 1 || l.step[0] >= (l.n[1] - 1) * l.step[1] + l.row;
    *ret = l;
    return CLSEQ_OK;
}

static size_t row_start(const struct layout *l, size_t row)
{
    return l->first + row / l->n[1] * l->step[0] + row % l->n[1] * l->step[1];
}

/* Do two views of one buffer share a byte? Exact, because two column ranges of one matrix
 * interleave without touching. */
static bool overlap(const struct layout *x, const struct layout *y)
{
    const size_t x_rows = x->n[0] * x->n[1], y_rows = y->n[0] * y->n[1];
    size_t i = 0, j = 0;

    if (x->first == x->end || y->first == y->end || x->first >= y->end || y->first >= x->end)
        return false;
    if (!x->distinct || !y->distinct)
        return true; /* rows out of order cannot be merged; such views are never needed here */
    while (i < x_rows && j < y_rows) {
        const size_t a = row_start(x, i), b = row_start(y, j);

        if (a + x->row <= b)
            i++;
        else if (b + y->row <= a)
            j++;
        else
            return true;
    }
    return false;
}

static bool may_alias(const struct clseq_op_field *output, const struct clseq_op_field *other)
{
    return output->alias && strcmp(output->alias, other->name) == 0;
}

static clseq_status check_overlaps(clseq_backend *be, const struct clseq_op_schema *schema,
                                   const void *args, const struct layout *layouts)
{
    char text_x[CLSEQ_TENSOR_TEXT], text_y[CLSEQ_TENSOR_TEXT];

    for (int i = 0; i < schema->n_fields; i++) {
        const struct clseq_op_field *f = &schema->fields[i];
        const clseq_tensor *x = clseq_op_tensor_const(args, f);

        if (!(f->flags & CLSEQ_FIELD_WRITE) || !clseq_tensor_present(x))
            continue;
        if (!layouts[i].distinct)
            return clseq_fail(
                be->ctx, CLSEQ_ERR_SHAPE,
                "%s: rows of the output %s %s lie on top of each other (strides %lld, "
                "%lld); an output needs distinct elements",
                schema->name, f->name, clseq_tensor_text(x, text_x), (long long)x->strides[0],
                (long long)x->strides[1]);
        for (int j = 0; j < schema->n_fields; j++) {
            const struct clseq_op_field *g = &schema->fields[j];
            const clseq_tensor *y = clseq_op_tensor_const(args, g);

            if (i == j || y->buffer != x->buffer)
                continue;
            if ((may_alias(f, g) || may_alias(g, f)) && clseq_tensor_same(x, y))
                continue;
            if (overlap(&layouts[i], &layouts[j]))
                return clseq_fail(
                    be->ctx, CLSEQ_ERR_ARG,
                    "%s: the output %s %s at element %zu overlaps %s %s at element %zu of "
                    "buffer \"%s\"; %s",
                    schema->name, f->name, clseq_tensor_text(x, text_x), x->offset, g->name,
                    clseq_tensor_text(y, text_y), y->offset, x->buffer->label,
                    may_alias(f, g) || may_alias(g, f) ? "only the very same view is allowed here"
                                                       : "they must lie apart");
        }
    }
    return CLSEQ_OK;
}

clseq_status clseq_op_check(clseq_backend *be, enum clseq_op op, const void *args)
{
    const struct clseq_op_schema *schema = clseq_op_schema(op);
    struct layout layouts[CLSEQ_OP_MAX_FIELDS] = { 0 };

    for (int i = 0; i < schema->n_fields; i++) {
        const struct clseq_op_field *f = &schema->fields[i];
        const struct subject s = { be, schema->name, f->name, clseq_op_tensor_const(args, f) };

        if (!clseq_tensor_present(s.x)) {
            if (!(f->flags & CLSEQ_FIELD_OPTIONAL))
                return clseq_fail(be->ctx, CLSEQ_ERR_ARG,
                                  "%s: %s is absent (its buffer is NULL), but this op needs it",
                                  schema->name, f->name);
            continue;
        }
        CLSEQ_TRY(check_kind(&s, f->flags));
        CLSEQ_TRY(check_strides(&s));
        CLSEQ_TRY(check_bounds(&s, &layouts[i]));
    }
    CLSEQ_TRY(clseq_op_check_shapes(be, op, args));
    return check_overlaps(be, schema, args, layouts);
}

bool clseq_op_is_empty(enum clseq_op op, const void *args)
{
    const struct clseq_op_schema *schema = clseq_op_schema(op);
    const union clseq_op_any_args *a = args;

    /* These change only what another argument names: no row, or no step, and nothing changes. */
    if (clseq_op_is_update(op))
        return clseq_tensor_count(clseq_op_update_part(op, args, "g")) == 0;
    switch (op) {
    case CLSEQ_OP_row_scatter:
        return clseq_tensor_count(&a->row_scatter.src) == 0;
    case CLSEQ_OP_lstm_seq_bwd:
        if (a->lstm_seq_bwd.gates.dims[0] == 0)
            return true;
        break;
    case CLSEQ_OP_gru_seq_bwd:
        if (a->gru_seq_bwd.gates.dims[0] == 0)
            return true;
        break;
    case CLSEQ_OP_rnn_seq_bwd:
        if (a->rnn_seq_bwd.gates.dims[0] == 0)
            return true;
        break;
    default:
        break;
    }
    for (int i = 0; i < schema->n_fields; i++) {
        const clseq_tensor *x = clseq_op_tensor_const(args, &schema->fields[i]);

        if ((schema->fields[i].flags & CLSEQ_FIELD_WRITE) && clseq_tensor_count(x) > 0)
            return false;
    }
    return true;
}
