/* SPDX-License-Identifier: BSD-2-Clause */
/* Model files with weights in another type: half the size in bf16. */
#ifndef CLSEQ_CONVERT_H
#define CLSEQ_CONVERT_H

#include <clseq/context.h>

CLSEQ_BEGIN_DECLS

/* How a file stores weights. */
typedef enum clseq_weights_type {
    CLSEQ_WEIGHTS_FP32,
    /* The upper half of a float: its range, and 8 bits of precision. A weight is rounded to the
     * nearest such number, of two equally near ones to that with an even last bit, so it changes by
     * at most 2^-8 of itself (numbers below 2^-126 by at most 2^-134). */
    CLSEQ_WEIGHTS_BF16,
} clseq_weights_type;

/* Write the model or the weights of the checkpoint at `path` to `output`, stored as `type`.
 * Configuration, vocabularies and other metadata are copied as they are; the state of an optimizer,
 * a moving average and the state of a training are left out. `config_path`: configuration for a
 * file that has none inside, which the new file then has; NULL otherwise. The same input makes the
 * same bytes.
 *
 * `output` is written in one step and must be another file than `path`. Weights are read in pieces
 * and checksums compared. Errors: CLSEQ_ERR_ARG (the same file, type), CLSEQ_ERR_IO,
 * CLSEQ_ERR_FORMAT (not a model, damaged, a weight that is not finite or would not be in bf16),
 * CLSEQ_ERR_LIMIT (too much metadata), CLSEQ_ERR_NOMEM. */
CLSEQ_API CLSEQ_MUST_CHECK clseq_status clseq_convert_model(clseq_context *ctx, const char *path,
                                                            const char *config_path,
                                                            clseq_weights_type type,
                                                            const char *output);

CLSEQ_END_DECLS

#endif
