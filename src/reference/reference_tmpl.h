/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Every *_tmpl.c of this folder is compiled twice: with real = float it is the
 * shipped scalar path (clseq_reference_<op>), with real = double the oracle of the
 * tests (clseq_oracle_<op>). Sums and formulas are double in both, in a fixed
 * order, and rounded once when they are stored.
 */
#ifndef CLSEQ_REFERENCE_TMPL_H
#define CLSEQ_REFERENCE_TMPL_H

#include "backend/backend_impl.h"

#ifndef REAL_BITS
#define REAL_BITS 32
#endif

#if REAL_BITS == 64
typedef double real;
#define REAL_DTYPE CLSEQ_F64
#define NAME(op)   clseq_oracle_##op
#else
typedef float real;
#define REAL_DTYPE CLSEQ_F32
#define NAME(op)   clseq_reference_##op
#endif

#define X(op, slot, tolerance, constant) PROTOTYPE_##slot(op)
#define PROTOTYPE_REQUIRED(op)                                                                     \
    clseq_status NAME(op)(clseq_backend * be, const struct clseq_##op##_args *a);
#define PROTOTYPE_OPTIONAL(op) /* composed by the front end */
CLSEQ_OP_LIST(X)
#undef X

/* A tensor of rank 1 to 3 as rows of its last dimension. */
static inline int32_t row_length(const clseq_tensor *x)
{
    return x->dims[x->ndim - 1];
}

static inline int64_t row_count(const clseq_tensor *x)
{
    int64_t rows = 1;

    for (int i = 0; i + 1 < x->ndim; i++)
        rows *= x->dims[i];
    return rows;
}

/* Position in the buffer, in elements, of the first element of row r. */
static inline size_t row_offset(const clseq_tensor *x, int64_t r)
{
    switch (x->ndim) {
    case 1:
        return x->offset;
    case 2:
        return x->offset + (size_t)(r * x->strides[0]);
    default:
        return x->offset +
               (size_t)(r / x->dims[1] * x->strides[0] + r % x->dims[1] * x->strides[1]);
    }
}

static inline real *real_row(const clseq_tensor *x, int64_t r)
{
    return (real *)clseq_reference_memory(x->buffer) + row_offset(x, r);
}

/* The elements of a tensor of rank 1; NULL when it is absent. */
static inline real *real_data(const clseq_tensor *x)
{
    return clseq_tensor_present(x) ? real_row(x, 0) : NULL;
}

static inline int32_t *index_data(const clseq_tensor *x)
{
    return clseq_tensor_present(x) ? (int32_t *)clseq_reference_memory(x->buffer) + x->offset
                                   : NULL;
}

static inline int32_t *index_row(const clseq_tensor *x, int64_t r)
{
    return (int32_t *)clseq_reference_memory(x->buffer) + row_offset(x, r);
}

/* beta y, without reading y when beta is 0: it may hold NaN. */
static inline double scaled_old(double beta, const real *y)
{
    return beta == 0 ? 0 : beta * (double)*y;
}

#endif
