/* SPDX-License-Identifier: BSD-2-Clause */
/* The list of backends, and which one "auto" takes. */
#ifndef CLSEQ_REGISTRY_H
#define CLSEQ_REGISTRY_H

#include "backend/backend_impl.h"

/* Open `preferred`; when this machine cannot run it, `fallback`, with one warning to the log that
 * says why. Errors that another backend would not cure (host memory, a wrong option, a device that
 * was asked for by name) are returned. */
CLSEQ_MUST_CHECK clseq_status clseq_backend_open_auto(clseq_context *ctx,
                                                      const struct clseq_backend_impl *preferred,
                                                      const struct clseq_backend_impl *fallback,
                                                      const struct clseq_backend_options *options,
                                                      clseq_backend **ret);

#endif
