/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * M of the MAGNITUDE rule for each output of each op, derived from the errors of
 * the steps that make it; and which elements must not change at all.
 */
#ifndef CLSEQ_TOLERANCE_MAGNITUDE_H
#define CLSEQ_TOLERANCE_MAGNITUDE_H

#include "backend/tolerance.h"

/* Every real or index input that some bound needs, by name. */
/* clang-format off */
#define CLSEQ_TOLERANCE_INPUTS(X)                                                      \
    X(pre) X(c_prev) X(b_ih) X(b_hh) X(length) X(act) X(c) X(dh) X(dc) X(dy)           \
    X(gates) X(h0) X(c0) X(pre_n) X(h_prev) X(hn) X(h) X(peephole) X(logits) X(target) \
    X(lse) X(sumsq) X(g) X(stats) X(index) X(w) X(m) X(v) X(u) X(x) X(y) X(q) X(k)     \
    X(dscore) X(dk) X(dv) X(x_lse) X(y_lse)
/* clang-format on */

/* One call, prepared for questions about its elements. */
struct clseq_magnitude {
    const struct clseq_tolerance_case *call;
    const char *field; /* name of the output */
    size_t columns;    /* row length of the output */
    const union clseq_op_any_args *args;
#define X(name) const double *name;
    CLSEQ_TOLERANCE_INPUTS(X)
#undef X
    double whole_call; /* M where one value serves all elements */
    int32_t *source;   /* row-sparse updates: the row of g for each row of w, or -1; owned */
    double *row;       /* softmax_xent: of each row the largest logit and log s; owned */
};

/* Returned by clseq_magnitude_of for an element that must be equal. */
#define CLSEQ_MAGNITUDE_EXACT (-1.0)

CLSEQ_MUST_CHECK clseq_status clseq_magnitude_init(clseq_context *ctx,
                                                   const struct clseq_tolerance_case *call,
                                                   int field, struct clseq_magnitude *ret);
void clseq_magnitude_fini(struct clseq_magnitude *m);

#define CLSEQ_MAGNITUDE_POINTWISE 9.0 /* terms + 8 of a pointwise op */

/* What a device that flushes subnormal numbers may lose when it takes the root of one:
 * sqrt(2^-126). */
#define CLSEQ_MAGNITUDE_FLUSHED_ROOT 1.0842021724855044e-19

/* tolerance_update.c, for sgd_update and its kin: which row of g goes to which row of w, and M. */
CLSEQ_MUST_CHECK clseq_status clseq_magnitude_name_rows(clseq_context *ctx,
                                                        struct clseq_magnitude *m);
double clseq_magnitude_of_update(const struct clseq_magnitude *m, size_t i);

/* tolerance_output.c: softmax_xent, sigmoid_xent, log_mix. What elements of a row have in common is
 * made once. */
CLSEQ_MUST_CHECK clseq_status clseq_magnitude_sum_rows(clseq_context *ctx,
                                                       struct clseq_magnitude *m);
double clseq_magnitude_of_output(const struct clseq_magnitude *m, size_t i);

/* M of element `i`, or CLSEQ_MAGNITUDE_EXACT. For ops with the SUM rule it says only whether the
 * element is exact (otherwise 0). */
double clseq_magnitude_of(const struct clseq_magnitude *m, size_t i);

#endif
