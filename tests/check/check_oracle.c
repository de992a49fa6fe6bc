/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What is right: the oracle runs on contiguous f64 copies of the same values,
 * without aliases and without guards.
 */
#include "check.h"

#include <stdlib.h>
#include <string.h>

/* A contiguous tensor of the oracle with the values of an operand; zeros where it is not read. */
static clseq_status place_operand(const struct check_case *c, const struct check_operand *x,
                                  clseq_buffer **buffer, clseq_tensor *view)
{
    const clseq_dtype dtype = x->is_index ? CLSEQ_I32 : CLSEQ_F64;
    const size_t bytes = x->count * clseq_dtype_size(dtype);
    const int32_t *d = x->view.dims;

    CLSEQ_TRY(clseq_buffer_create(c->t->oracle, bytes, x->field->name, buffer));
    if (x->view.ndim == 1)
        *view = clseq_tensor_1d(*buffer, 0, dtype, d[0]);
    else if (x->view.ndim == 2)
        *view = clseq_tensor_2d(*buffer, 0, dtype, d[0], d[1]);
    else
        *view = clseq_tensor_3d(*buffer, 0, dtype, d[0], d[1], d[2]);
    if (bytes == 0 || !check_is_read(c, x))
        return CLSEQ_OK;
    return clseq_buffer_write(*buffer, 0, x->is_index ? (const void *)x->index : x->real, bytes);
}

clseq_status check_expect(const struct check_case *c, struct check_expected *ret)
{
    clseq_backend *be = c->t->oracle;
    clseq_buffer *buffers[CLSEQ_OP_MAX_FIELDS] = { NULL };
    union clseq_op_any_args args = c->args;
    clseq_status status = CLSEQ_OK;

    memset(ret, 0, sizeof(*ret));
    for (int i = 0; i < c->schema->n_fields; i++) {
        clseq_tensor *view = clseq_op_tensor(&args, &c->schema->fields[i]);

        if (c->operands[i].present)
            CLSEQ_TRY_GOTO(status, out, place_operand(c, &c->operands[i], &buffers[i], view));
    }
    CLSEQ_TRY_GOTO(status, out,
                   clseq_op_values_read(be, c->op, &args, CLSEQ_FIELD_READ, &ret->before));
    if (c->schema->tolerance == CLSEQ_TOLERANCE_SUM)
        CLSEQ_TRY_GOTO(status, out, clseq_op_absolute_sums(be, c->op, &args, &ret->sums));
    CLSEQ_TRY_GOTO(status, out, clseq_op_run(be, c->op, &args));
    CLSEQ_TRY_GOTO(status, out,
                   clseq_op_values_read(be, c->op, &args, CLSEQ_FIELD_WRITE, &ret->value));
out:
    for (int i = 0; i < c->schema->n_fields; i++)
        clseq_buffer_destroy(&buffers[i]);
    return status;
}

void check_expected_fini(struct check_expected *expected)
{
    clseq_op_values_fini(&expected->value);
    clseq_op_values_fini(&expected->before);
    clseq_op_values_fini(&expected->sums);
}
