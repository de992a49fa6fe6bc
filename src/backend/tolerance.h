/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * When do two results of an operation agree? The rule of each op stands in
 * op_list.h; here it becomes a bound for every element.
 *
 *   EXACT      the same value as a float, zeros of the same sign; i32 equal
 *   SUM        |x - y| <= c (terms + 8) (2^-24 S + 2^-126)
 *   MAGNITUDE  |x - y| <= c (terms + 8) (2^-24 (|y| + M) + 2^-126)
 *
 * y is the expected value, S the sum of the absolute terms behind it (from
 * clseq_op_absolute_sums), M what tolerance_magnitude.c derives from the inputs.
 * 2^-24 is half an ulp of a float near 1: the relative error of one rounding.
 * 2^-126 is the smallest normal float: what a device without subnormal numbers
 * loses at each rounding.
 *
 * NaN and infinity: NaN equals nothing, except that where NaN is expected only
 * NaN will do. An infinity must be met by the same infinity; a value that may lie
 * beyond the largest float within its bound may be that infinity.
 *
 * Rows that an op must leave alone or copy (finished sentences, rows not named by
 * a sparse update, an update with scale 0) are exact whatever the rule of the op.
 */
#ifndef CLSEQ_TOLERANCE_H
#define CLSEQ_TOLERANCE_H

#include "backend/op_host.h"

/* One call: its arguments (shapes and scalars; memory is not touched) and what its tensors held. */
struct clseq_tolerance_case {
    enum clseq_op op;
    const void *args;
    const struct clseq_op_values *before; /* the fields read, before the call */
    clseq_precision precision;            /* of the backend that is compared */
    const struct clseq_op_values *sums;   /* SUM: from clseq_op_absolute_sums; else may be NULL */
};

struct clseq_tolerance_result {
    bool ok;
    size_t compared, failures;
    size_t worst;                /* element whose difference is the largest part of its bound */
    double expected, got, bound; /* of that element */
};

/* Compare all elements of output number `field` of the schema; values are packed as in
 * clseq_op_values. An empty tensor is ok with compared = 0.
 * Errors: CLSEQ_ERR_NOMEM, CLSEQ_ERR_INTERNAL (a value the rule needs was not given). */
CLSEQ_MUST_CHECK clseq_status clseq_tolerance_compare(clseq_context *ctx,
                                                      const struct clseq_tolerance_case *call,
                                                      int field, const double *expected,
                                                      const double *got,
                                                      struct clseq_tolerance_result *ret);

/* The relative error of one rounding to float, 2^-24. */
#define CLSEQ_TOLERANCE_UNIT 5.9604644775390625e-8

/* "h (8, 16) f32 [3, 5]: expected 0.25, got 0.5, allowed difference 1.1e-06, 4 of 128 elements
 * differ"; returns `text`. */
#define CLSEQ_TOLERANCE_TEXT 320
const char *clseq_tolerance_text(const struct clseq_tolerance_case *call, int field,
                                 const struct clseq_tolerance_result *result,
                                 char text[CLSEQ_TOLERANCE_TEXT]);

#endif
