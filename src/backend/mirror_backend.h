/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The mirror: one model graph on two backends at once. Every operation runs on
 * both from the same inputs, the outputs are compared by tolerance.h, and the
 * first that differs fails with CLSEQ_ERR_MISMATCH and a text that names the op,
 * the number of the call, the tensor, the element and both values. When they agree,
 * the first backend takes over the results of the second, so that small differences
 * do not add up to one that a later op is blamed for.
 *
 * What it does not see: writes outside the outputs. clseq-check has guard zones.
 */
#ifndef CLSEQ_MIRROR_BACKEND_H
#define CLSEQ_MIRROR_BACKEND_H

#include "backend/backend_impl.h"

/* Mirror any two implementations of the same real type; `trusted` says what is right. `options` go
 * to both, less the profile; NULL for the defaults. The shipped mirror is the pair (reference,
 * opencl).
 * An optional operation is compared whole when `tested` has its slot, with the composed form on
 * `trusted`; otherwise its parts are.
 * Errors: those of opening either; CLSEQ_ERR_UNSUPPORTED when their real types differ. */
CLSEQ_MUST_CHECK clseq_status clseq_mirror_open_pair(clseq_context *ctx,
                                                     const struct clseq_backend_impl *trusted,
                                                     const struct clseq_backend_impl *tested,
                                                     const struct clseq_backend_options *options,
                                                     clseq_backend **ret);

#endif
