/* SPDX-License-Identifier: BSD-2-Clause */
#include "nn/sampled_output.h"

#include <math.h>

clseq_status clseq_sampled_output_take(const clseq_output_layer *layer, clseq_workspace *ws,
                                       clseq_dtype real, int32_t U, clseq_output_pass *pass)
{
    clseq_candidate_pass *c = &pass->candidates;

    CLSEQ_TRY(clseq_workspace_take(ws, real, 2, U, layer->hidden, 0, &c->w));
    CLSEQ_TRY(clseq_workspace_take(ws, real, 2, U, layer->hidden, 0, &c->dw));
    CLSEQ_TRY(clseq_workspace_take(ws, real, 2, U, 1, 0, &c->b));
    return clseq_workspace_take(ws, real, 2, U, 1, 0, &c->db);
}

clseq_status clseq_sampled_output_start_nce(const clseq_output_layer *layer, const clseq_run *run)
{
    return clseq_op_fill(run->be,
                         &(struct clseq_fill_args) { .dst = clseq_run_weight(run, layer->bias),
                                                     .value = -log((double)layer->vocabulary) });
}

static clseq_status gather(const clseq_run *run, int param, clseq_tensor words, clseq_tensor rows)
{
    return clseq_op_row_gather(run->be, &(struct clseq_row_gather_args) {
                                            .src = clseq_param_rows(run->store, run->weights, param,
                                                                    clseq_backend_real(run->be)),
                                            .index = words,
                                            .dst = rows });
}

/* Rows of a chunk: U is at most V, so there is room for as many as of all logits, or more. */
static int32_t rows_of_chunk(const clseq_output_pass *pass)
{
    const int64_t room = (int64_t)clseq_tensor_count(&pass->logits);
    const int64_t rows = room / pass->candidates.words.dims[0];

    return rows < pass->N ? (int32_t)rows : pass->N;
}

/* Logits of n rows. */
static clseq_status chunk_logits(const clseq_run *run, const clseq_candidate_pass *c,
                                 clseq_tensor h, clseq_tensor target, clseq_tensor logits)
{
    const int32_t others = logits.dims[1] - c->drawn;
    const clseq_tensor own = clseq_tensor_columns(logits, c->drawn, others);

    CLSEQ_TRY(clseq_linear_fwd(run, h, c->w, 0, logits));
    CLSEQ_TRY(clseq_op_bias_add(
        run->be, &(struct clseq_bias_add_args) {
                     .x = logits, .b0 = clseq_tensor_line(c->b), .b1 = c->shift, .y = logits }));
    return clseq_op_keep_target(run->be,
                                &(struct clseq_keep_target_args) {
                                    .x = own, .target = target, .y = own, .first = c->drawn });
}

/* Losses of n rows; the logits become their gradients. */
static clseq_status chunk_xent(const clseq_run *run, const clseq_output_pass *pass, int32_t first,
                               clseq_tensor target, double scale, clseq_tensor logits)
{
    const int32_t n = logits.dims[0];
    const clseq_tensor lse = clseq_tensor_range(pass->lse, first, n);
    const clseq_tensor loss = clseq_tensor_range(pass->loss, first, n);

    if (pass->candidates.nce) {
        CLSEQ_TRY(clseq_op_sigmoid_xent_fwd(
            run->be, &(struct clseq_sigmoid_xent_fwd_args) {
                         .logits = logits, .target = target, .loss = loss }));
        return clseq_op_sigmoid_xent_bwd(
            run->be, &(struct clseq_sigmoid_xent_bwd_args) {
                         .logits = logits, .target = target, .dlogits = logits, .scale = scale });
    }
    return clseq_op_softmax_xent(run->be, &(struct clseq_softmax_xent_args) { .logits = logits,
                                                                              .target = target,
                                                                              .loss = loss,
                                                                              .lse = lse,
                                                                              .dlogits = logits,
                                                                              .scale = scale });
}

clseq_status clseq_sampled_output_loss_bwd(const clseq_output_layer *layer, const clseq_run *run,
                                           const clseq_output_pass *pass, clseq_tensor y,
                                           double scale, clseq_tensor dy, clseq_row_gradient ret[2])
{
    const clseq_candidate_pass *c = &pass->candidates;
    const int32_t U = c->words.dims[0], chunk = rows_of_chunk(pass);
    const clseq_tensor all = pass->logits;

    CLSEQ_TRY(gather(run, layer->weight, c->words, c->w));
    CLSEQ_TRY(gather(run, layer->bias, c->words, c->b));
    CLSEQ_TRY(clseq_op_row_gather(run->be, &(struct clseq_row_gather_args) {
                                               .src = y, .index = pass->rows, .dst = pass->h }));
    for (int32_t first = 0; first < pass->N; first += chunk) {
        const int32_t n = pass->N - first < chunk ? pass->N - first : chunk;
        const clseq_tensor h = clseq_tensor_range(pass->h, first, n);
        const clseq_tensor target = clseq_tensor_range(c->target, first, n);
        const clseq_tensor d =
            clseq_tensor_2d(all.buffer, all.offset, (clseq_dtype)all.dtype, n, U);

        CLSEQ_TRY(chunk_logits(run, c, h, target, d));
        CLSEQ_TRY(chunk_xent(run, pass, first, target, scale, d));
        CLSEQ_TRY(clseq_linear_bwd_weight(run, d, h, first > 0, c->dw));
        CLSEQ_TRY(clseq_op_col_sums(
            run->be, &(struct clseq_col_sums_args) {
                         .x = d, .y = clseq_tensor_line(c->db), .beta = first > 0 ? 1 : 0 }));
        CLSEQ_TRY(clseq_linear_bwd_input(run, d, c->w, 0, h));
    }
    ret[0] = (clseq_row_gradient) { .param = layer->weight, .index = c->words, .rows = c->dw };
    ret[1] = (clseq_row_gradient) { .param = layer->bias, .index = c->words, .rows = c->db };
    CLSEQ_TRY(clseq_op_fill(run->be, &(struct clseq_fill_args) { .dst = dy }));
    return clseq_op_row_scatter(run->be, &(struct clseq_row_scatter_args) {
                                             .src = pass->h, .index = pass->rows, .dst = dy });
}
