/* SPDX-License-Identifier: BSD-2-Clause */
#include "nn/output_layer.h"

#include <stdio.h>

/* Every chunk reads and updates the whole weight matrix, which outweighs that its logits leave the
 * caches: many rows, but at most 192 MB of logits. */
#define CHUNK_ELEMENTS (48 * 1024 * 1024)
#define CHUNK_ROWS_MIN 64
#define CHUNK_ROWS_MAX 512

clseq_status clseq_output_layer_register(clseq_output_layer *layer, clseq_param_store *store,
                                         const char *prefix, int32_t hidden, int32_t vocabulary,
                                         int tied)
{
    char name[CLSEQ_PARAM_NAME];

    layer->hidden = hidden;
    layer->vocabulary = vocabulary;
    layer->weight = tied;
    snprintf(name, sizeof(name), "%s.weight", prefix);
    if (tied < 0)
        CLSEQ_TRY(clseq_param_store_add(store, name, 2, vocabulary, hidden, false, &layer->weight));
    snprintf(name, sizeof(name), "%s.bias", prefix);
    return clseq_param_store_add(store, name, 1, vocabulary, 1, false, &layer->bias);
}

int32_t clseq_output_layer_chunk(int32_t vocabulary, int32_t n)
{
    int32_t rows = CHUNK_ELEMENTS / vocabulary;

    if (rows < CHUNK_ROWS_MIN)
        rows = CHUNK_ROWS_MIN;
    if (rows > CHUNK_ROWS_MAX)
        rows = CHUNK_ROWS_MAX;
    return rows < n ? rows : n;
}

clseq_status clseq_output_layer_take(const clseq_output_layer *layer, clseq_workspace *ws,
                                     clseq_dtype real, int32_t N, clseq_output_pass *pass)
{
    *pass = (clseq_output_pass) { .N = N, .chunk = clseq_output_layer_chunk(layer->vocabulary, N) };
    CLSEQ_TRY(clseq_workspace_take(ws, real, 2, N, layer->hidden, 0, &pass->h));
    CLSEQ_TRY(clseq_workspace_take(ws, real, 2, pass->chunk, layer->vocabulary, 0, &pass->logits));
    CLSEQ_TRY(clseq_workspace_take(ws, real, 1, N, 0, 0, &pass->loss));
    return clseq_workspace_take(ws, real, 1, N, 0, 0, &pass->lse);
}

clseq_status clseq_output_layer_logits(const clseq_output_layer *layer, const clseq_run *run,
                                       clseq_tensor h, clseq_tensor logits)
{
    return clseq_op_gemm(run->be,
                         &(struct clseq_gemm_args) { .a = h,
                                                     .b = clseq_run_weight(run, layer->weight),
                                                     .c = logits,
                                                     .bias = clseq_run_weight(run, layer->bias),
                                                     .trans_b = true,
                                                     .alpha = 1,
                                                     .beta = 0 });
}

clseq_status clseq_output_layer_best(const clseq_output_layer *layer, const clseq_run *run,
                                     clseq_tensor h, clseq_tensor logits, clseq_tensor index)
{
    return clseq_op_gemm_argmax(
        run->be, &(struct clseq_gemm_argmax_args) { .a = h,
                                                    .b = clseq_run_weight(run, layer->weight),
                                                    .bias = clseq_run_weight(run, layer->bias),
                                                    .c = logits,
                                                    .index = index });
}

static clseq_status gather_real_positions(const clseq_run *run, const clseq_output_pass *pass,
                                          clseq_tensor y)
{
    return clseq_op_row_gather(
        run->be, &(struct clseq_row_gather_args) { .src = y, .index = pass->rows, .dst = pass->h });
}

static int32_t chunk_length(const clseq_output_pass *pass, int32_t first)
{
    return pass->N - first < pass->chunk ? pass->N - first : pass->chunk;
}

clseq_status clseq_output_layer_loss(const clseq_output_layer *layer, const clseq_run *run,
                                     const clseq_output_pass *pass, clseq_tensor y)
{
    CLSEQ_TRY(gather_real_positions(run, pass, y));
    for (int32_t first = 0; first < pass->N; first += pass->chunk) {
        const int32_t n = chunk_length(pass, first);
        const clseq_tensor logits = clseq_tensor_range(pass->logits, 0, n);

        CLSEQ_TRY(
            clseq_output_layer_logits(layer, run, clseq_tensor_range(pass->h, first, n), logits));
        CLSEQ_TRY(clseq_op_softmax_xent_fwd(
            run->be, &(struct clseq_softmax_xent_fwd_args) {
                         .logits = logits,
                         .target = clseq_tensor_range(pass->target, first, n),
                         .loss = clseq_tensor_range(pass->loss, first, n),
                         .lse = clseq_tensor_range(pass->lse, first, n),
                         .smoothing = run->smoothing }));
    }
    return CLSEQ_OK;
}

clseq_status clseq_output_layer_loss_bwd(const clseq_output_layer *layer, const clseq_run *run,
                                         const clseq_output_pass *pass, clseq_tensor y,
                                         double scale, clseq_tensor dy)
{
    const clseq_tensor w = clseq_run_weight(run, layer->weight);
    const clseq_tensor dw = clseq_run_gradient(run, layer->weight);
    const clseq_tensor db = clseq_run_gradient(run, layer->bias);

    CLSEQ_TRY(gather_real_positions(run, pass, y));
    for (int32_t first = 0; first < pass->N; first += pass->chunk) {
        const int32_t n = chunk_length(pass, first);
        const clseq_tensor h = clseq_tensor_range(pass->h, first, n);
        const bool add = run->accumulate || first > 0;
        const clseq_tensor d = clseq_tensor_range(pass->logits, 0, n);

        CLSEQ_TRY(clseq_output_layer_logits(layer, run, h, d));
        CLSEQ_TRY(
            clseq_op_softmax_xent(run->be, &(struct clseq_softmax_xent_args) {
                                               .logits = d,
                                               .target = clseq_tensor_range(pass->target, first, n),
                                               .loss = clseq_tensor_range(pass->loss, first, n),
                                               .lse = clseq_tensor_range(pass->lse, first, n),
                                               .dlogits = d,
                                               .scale = scale,
                                               .smoothing = run->smoothing }));
        CLSEQ_TRY(clseq_linear_bwd_weight(run, d, h, add, dw));
        CLSEQ_TRY(clseq_op_col_sums(
            run->be, &(struct clseq_col_sums_args) { .x = d, .y = db, .beta = add ? 1 : 0 }));
        /* h of this chunk is used up, so its memory takes its gradient. */
        CLSEQ_TRY(clseq_linear_bwd_input(run, d, w, 0, h));
    }
    CLSEQ_TRY(clseq_op_fill(run->be, &(struct clseq_fill_args) { .dst = dy }));
    return clseq_op_row_scatter(run->be, &(struct clseq_row_scatter_args) {
                                             .src = pass->h, .index = pass->rows, .dst = dy });
}
