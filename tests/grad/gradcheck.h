/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Central differences: is a gradient the gradient? On the oracle (f64), where
 * rounding leaves room for a relative error of 1e-6.
 */
#ifndef CLSEQ_GRADCHECK_H
#define CLSEQ_GRADCHECK_H

#include "backend/ops.h"

/* A right gradient stays below this; a wrong one is far above. */
#define GRADCHECK_TOLERANCE 1e-6

/* The loss as a function of what the tensors hold now. */
typedef clseq_status gradcheck_loss_fn(void *user, double *ret);

struct gradcheck_result {
    double worst; /* largest error, relative as stated below */
    size_t element, compared;
    double given, measured; /* of that element */
};

/* Change elements of `x` one at a time and compare the change of the loss with `gradient` (the same
 * shape). At most `max_elements` are tried, evenly spread; 0 = all. x is left as it was.
 *   measured = (8 (L(+h) - L(-h)) - (L(+2h) - L(-2h))) / 12h, error of order h^4
 *   error    = |given - measured| / max(|given|, |measured|, 1e-4 largest |given|, 1e-10)
 * Elements much smaller than the largest are held to its scale: the differences cannot see more.
 * Both tensors are f64. Errors: those of the loss and of the buffers. */
CLSEQ_MUST_CHECK clseq_status gradcheck(clseq_backend *be, const clseq_tensor *x,
                                        const clseq_tensor *gradient, gradcheck_loss_fn *loss,
                                        void *user, size_t max_elements,
                                        struct gradcheck_result *ret);

#endif
