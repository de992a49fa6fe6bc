/* SPDX-License-Identifier: BSD-2-Clause */
/* What is in a file: a model, a checkpoint, or a text. */
#ifndef CLSEQ_INSPECT_H
#define CLSEQ_INSPECT_H

#include <clseq/context.h>

CLSEQ_BEGIN_DECLS

/* Describe a file as a JSON object, docs/formats.md. "kind" is "model", "checkpoint",
 * "safetensors" (no clseq configuration inside) or "text"; of all but texts, "stored_as" is the
 * type of the weights ("F32", "BF16", ..., "mixed") and "file_bytes" the size. `verify` reads all
 * tensors and compares their checksums. *json is released with free(). Errors: CLSEQ_ERR_IO,
 * CLSEQ_ERR_FORMAT, CLSEQ_ERR_DATA. */
CLSEQ_API CLSEQ_MUST_CHECK clseq_status clseq_inspect(clseq_context *ctx, const char *path,
                                                      bool verify, char **json);

CLSEQ_END_DECLS

#endif
