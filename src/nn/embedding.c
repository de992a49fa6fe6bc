/* SPDX-License-Identifier: BSD-2-Clause */
#include "nn/embedding.h"

#include <stdio.h>

clseq_status clseq_embedding_register(clseq_embedding *layer, clseq_param_store *store,
                                      const char *prefix, int32_t vocabulary, int32_t size)
{
    char name[CLSEQ_PARAM_NAME];

    layer->vocabulary = vocabulary;
    layer->size = size;
    snprintf(name, sizeof(name), "%s.weight", prefix);
    return clseq_param_store_add(store, name, 2, vocabulary, size, true, &layer->weight);
}

clseq_status clseq_embedding_fwd(const clseq_embedding *layer, const clseq_run *run,
                                 clseq_tensor index, clseq_tensor y)
{
    return clseq_op_row_gather(
        run->be, &(struct clseq_row_gather_args) {
                     .src = clseq_run_weight(run, layer->weight), .index = index, .dst = y });
}

clseq_status clseq_embedding_layer_bwd(const clseq_embedding *layer, const clseq_run *run,
                                       clseq_tensor dy, const clseq_token_rows *tokens,
                                       clseq_tensor rows, clseq_row_gradient *ret)
{
    CLSEQ_TRY(clseq_op_embedding_bwd(
        run->be, &(struct clseq_embedding_bwd_args) {
                     .dy = dy, .order = tokens->order, .start = tokens->start, .drow = rows }));
    *ret = (clseq_row_gradient) { .param = layer->weight, .index = tokens->unique, .rows = rows };
    return CLSEQ_OK;
}
