/* SPDX-License-Identifier: BSD-2-Clause */
/* An embedding table (V, E), torch.nn.Embedding's "weight". */
#ifndef CLSEQ_EMBEDDING_H
#define CLSEQ_EMBEDDING_H

#include "nn/run.h"

typedef struct clseq_embedding {
    int weight; /* (V, E), row-sparse */
    int32_t vocabulary, size;
} clseq_embedding;

/* The tokens of a batch, sorted by the host so that each table row has one owner:
 * op_args.h, embedding_bwd. */
typedef struct clseq_token_rows {
    clseq_tensor unique; /* (U) i32 */
    clseq_tensor start;  /* (U + 1) i32 */
    clseq_tensor order;  /* (P) i32 */
} clseq_token_rows;

/* Register "<prefix>.weight". */
CLSEQ_MUST_CHECK clseq_status clseq_embedding_register(clseq_embedding *layer,
                                                       clseq_param_store *store, const char *prefix,
                                                       int32_t vocabulary, int32_t size);

/* y (M, E) = table[index (M)]; index -1 (padding) gives zeros. */
CLSEQ_MUST_CHECK clseq_status clseq_embedding_fwd(const clseq_embedding *layer,
                                                  const clseq_run *run, clseq_tensor index,
                                                  clseq_tensor y);

/* The row gradients of dy (M, E); `rows` (U, E) is memory for them. */
CLSEQ_MUST_CHECK clseq_status clseq_embedding_layer_bwd(const clseq_embedding *layer,
                                                        const clseq_run *run, clseq_tensor dy,
                                                        const clseq_token_rows *tokens,
                                                        clseq_tensor rows, clseq_row_gradient *ret);

#endif
