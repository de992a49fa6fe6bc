/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Operands in memory. The image is all buffers of the tested backend, one after
 * the other, as 32-bit words. Whatever is not an element of an operand is guard:
 * a NaN with its position in the mantissa (a large number as an index), so that
 * reading it spoils the result and writing it is seen.
 */
#include "check.h"

#include <string.h>

enum { GUARD = 48 }; /* words before and behind every operand, more than a vector */

#define POISON_REAL  0xFFFFFFFFu /* a NaN no arithmetic makes */
#define POISON_INDEX 0xA5A5A5A5u /* -1 would be a legal answer */

static uint32_t guard_word(size_t position)
{
    /* never the NaN that a case may hold as a value */
    return 0x7FC00000u | (uint32_t)(position * 2654435761u % 0x3FFFFFu + 1);
}

bool check_is_written(const struct check_case *c, const struct check_operand *x)
{
    const unsigned flags = CLSEQ_FIELD_WRITE | CLSEQ_FIELD_SCRATCH;

    return x->present && (x->field->flags & flags) == CLSEQ_FIELD_WRITE;
}

static double beta_of(const struct check_case *c)
{
    switch (c->op) {
    case CLSEQ_OP_gemm:
        return c->args.gemm.beta;
    case CLSEQ_OP_axpby:
        return c->args.axpby.beta;
    case CLSEQ_OP_sum:
        return c->args.sum.beta;
    case CLSEQ_OP_sum_squares:
        return c->args.sum_squares.beta;
    case CLSEQ_OP_col_sums:
        return c->args.col_sums.beta;
    case CLSEQ_OP_col_dots:
        return c->args.col_dots.beta;
    case CLSEQ_OP_additive_score_bwd:
        return c->args.additive_score_bwd.beta;
    default:
        check_broken("%s has a field with beta that check_image.c does not know", c->schema->name);
    }
}

bool check_is_read(const struct check_case *c, const struct check_operand *x)
{
    if (!x->present || !(x->field->flags & CLSEQ_FIELD_READ))
        return false;
    return !(x->field->flags & CLSEQ_FIELD_BETA) || beta_of(c) != 0;
}

/* Spread the rows of one operand. Rank 1 stays contiguous: only its offset is free. */
static void spread(struct check_case *c, clseq_tensor *view, bool swapped)
{
    if (swapped) {
        view->strides[0] = view->dims[2] + 1 + check_below(c, 9);
        view->strides[1] = view->strides[0] * view->dims[0] + check_below(c, 7);
        return;
    }
    if (view->ndim >= 2)
        view->strides[view->ndim - 2] = view->dims[view->ndim - 1] + 1 + check_below(c, 9);
    if (view->ndim == 3)
        view->strides[0] = view->strides[1] * view->dims[1] + check_below(c, 7);
}

size_t check_lay_out(struct check_case *c)
{
    const int32_t kind = c->t->mode == CHECK_MODE_BENCH ? 0 : check_below(c, 4);
    size_t elements = 0;

    c->layout = kind < 2 ? CHECK_DENSE : kind == 2 ? CHECK_STRIDED : CHECK_SHARED;
    for (int i = 0; i < c->schema->n_fields; i++) {
        struct check_operand *x = &c->operands[i];

        if (!x->present || x->same_as >= 0)
            continue;
        x->base = elements;
        if (c->layout != CHECK_DENSE) {
            spread(c, &x->view, x->swapped);
            x->view.offset = GUARD + (size_t)check_below(c, 16);
        }
        if (x->wide > 0) {
            x->view.offset += (size_t)x->left;
            x->view.strides[0] = x->wide;
        }
        x->total = x->view.offset + clseq_tensor_extent(&x->view) + GUARD;
        elements += x->total;
    }
    for (int i = 0; i < c->schema->n_fields; i++) {
        struct check_operand *x = &c->operands[i];

        if (x->present && x->same_as >= 0) {
            x->view = c->operands[x->same_as].view;
            x->base = c->operands[x->same_as].base;
            x->total = c->operands[x->same_as].total;
        }
    }
    return elements;
}

size_t check_position(const struct check_operand *x, size_t i)
{
    const clseq_tensor *view = &x->view;
    size_t position = x->base + view->offset;

    for (int d = view->ndim - 1; d >= 0; d--) {
        const size_t n = (size_t)view->dims[d];

        position += i % n * (size_t)view->strides[d];
        i /= n;
    }
    return position;
}

bool check_is_poison(const struct check_operand *x, uint32_t word)
{
    return word == (x->is_index ? POISON_INDEX : POISON_REAL);
}

static uint32_t word_of(const struct check_operand *x, size_t i)
{
    uint32_t word;

    if (x->is_index) {
        memcpy(&word, &x->index[i], sizeof(word));
    } else {
        const float value = (float)x->real[i];

        memcpy(&word, &value, sizeof(word));
    }
    return word;
}

void check_pack(const struct check_case *c, uint32_t *image)
{
    for (int i = 0; i < c->schema->n_fields; i++) {
        const struct check_operand *x = &c->operands[i];

        if (!x->present || x->same_as >= 0)
            continue;
        for (size_t p = 0; p < x->total; p++)
            image[x->base + p] = guard_word(x->base + p);
        for (size_t e = 0; e < x->count; e++) {
            if (x->given && check_is_read(c, x))
                image[check_position(x, e)] = word_of(x, e);
            else
                image[check_position(x, e)] = x->is_index ? POISON_INDEX : POISON_REAL;
        }
    }
}

/* Whether something is written to this operand, by itself or through an alias. */
static bool is_target(const struct check_case *c, const struct check_operand *x)
{
    for (int i = 0; i < c->schema->n_fields; i++) {
        const struct check_operand *y = &c->operands[i];

        if (y->present && (y->field->flags & CLSEQ_FIELD_WRITE) &&
            (y == x || (y->same_as >= 0 && &c->operands[y->same_as] == x)))
            return true;
    }
    return false;
}

enum check_fault check_untouched(const struct check_case *c, const uint32_t *before,
                                 const uint32_t *after, char *text, size_t size)
{
    for (int i = 0; i < c->schema->n_fields; i++) {
        const struct check_operand *x = &c->operands[i];

        if (!x->present || x->same_as >= 0 || is_target(c, x))
            continue;
        for (size_t e = 0; e < x->count; e++) {
            const size_t p = check_position(x, e);

            if (before[p] != after[p]) {
                snprintf(text, size, "input %s was changed at element %zu: word %08x became %08x",
                         x->field->name, e, before[p], after[p]);
                return CHECK_FAULT_INPUT;
            }
        }
    }
    for (int i = 0; i < c->schema->n_fields; i++) {
        const struct check_operand *x = &c->operands[i];

        if (!x->present || x->same_as >= 0)
            continue;
        for (size_t p = x->base; p < x->base + x->total; p++) {
            if (before[p] == after[p] || before[p] != guard_word(p))
                continue;
            const int64_t place = (int64_t)(p - x->base) - (int64_t)x->view.offset;

            snprintf(text, size, "wrote outside %s: word %lld from its first element, extent %zu",
                     x->field->name, (long long)place, clseq_tensor_extent(&x->view));
            return CHECK_FAULT_GUARD;
        }
    }
    return CHECK_FAULT_NONE;
}
