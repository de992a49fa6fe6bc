/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Optional operations built from required ones, for backends that leave the slot
 * empty. Each is also the definition its fused form is tested against.
 */
#ifndef CLSEQ_OPS_COMPOSED_H
#define CLSEQ_OPS_COMPOSED_H

#include "backend/backend_impl.h"

/* Run the composed form of an optional op. The arguments are checked. The parts go through the
 * front end, so each is checked, profiled and mirrored as itself. Errors: CLSEQ_ERR_ARG when `op`
 * is not optional; those of the parts. */
CLSEQ_MUST_CHECK clseq_status clseq_op_compose(clseq_backend *be, enum clseq_op op,
                                               const void *args);

#endif
