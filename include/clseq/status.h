/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Status codes. Every call that can fail returns one: 0 is success, errors are
 * negative, values are never reused. The text of the last error is in
 * clseq_context_error(): what is wrong and where, why, and the way out.
 */
#ifndef CLSEQ_STATUS_H
#define CLSEQ_STATUS_H

#include <clseq/api.h>

CLSEQ_BEGIN_DECLS

/* X(name, value, text) */
#define CLSEQ_STATUS_MAP(X)                                                                        \
    X(OK, 0, "success")                                                                            \
    X(ERR_NOMEM, -1, "out of host memory")                                                         \
    X(ERR_ARG, -2, "invalid argument or option")                                                   \
    X(ERR_SHAPE, -3, "tensor shapes do not fit together")                                          \
    X(ERR_DATA, -4, "input data is not usable")                                                    \
    X(ERR_IO, -5, "input/output error")                                                            \
    X(ERR_FORMAT, -6, "model or checkpoint rejected")                                              \
    X(ERR_LIMIT, -7, "a size limit was exceeded")                                                  \
    X(ERR_UNSUPPORTED, -8, "not supported by this build or backend")                               \
    X(ERR_NO_DEVICE, -9, "no matching compute device")                                             \
    X(ERR_DEVICE, -10, "the compute device reported an error")                                     \
    X(ERR_DEVICE_NOMEM, -11, "out of device memory")                                               \
    X(ERR_BUILD, -12, "a kernel program failed to build")                                          \
    X(ERR_NUMERIC, -13, "training diverged: NaN or infinity")                                      \
    X(ERR_INTERRUPTED, -14, "stopped with state saved")                                            \
    X(ERR_MISMATCH, -15, "two backends disagree")                                                  \
    X(ERR_INTERNAL, -16, "internal error, please report it")

typedef enum clseq_status {
#define X(name, value, text) CLSEQ_##name = value,
    CLSEQ_STATUS_MAP(X)
#undef X
} clseq_status;

/* The name of a code, "ERR_SHAPE" for CLSEQ_ERR_SHAPE; "UNKNOWN" for other values. Never NULL. */
CLSEQ_API const char *clseq_status_name(clseq_status status);

/* A short English text for a code. Never NULL, static storage. */
CLSEQ_API const char *clseq_status_text(clseq_status status);

CLSEQ_END_DECLS

#endif
