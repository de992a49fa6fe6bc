/* SPDX-License-Identifier: BSD-2-Clause */
/* Bytes as text: RFC 4648, section 4, with padding, without line ends. */
#ifndef CLSEQ_BASE64_H
#define CLSEQ_BASE64_H

#include "base/base.h"

#include <clseq/vocab.h>

/* Replaces what is in `ret`. Errors: CLSEQ_ERR_LIMIT, CLSEQ_ERR_NOMEM. */
CLSEQ_MUST_CHECK clseq_status clseq_base64_encode(clseq_context *ctx, const void *data, size_t size,
                                                  clseq_text *ret);

/* Accepts only what encode() writes. Replaces what is in `ret`. Errors: CLSEQ_ERR_FORMAT,
 * CLSEQ_ERR_NOMEM. */
CLSEQ_MUST_CHECK clseq_status clseq_base64_decode(clseq_context *ctx, const char *text, size_t n,
                                                  clseq_text *ret);

#endif
