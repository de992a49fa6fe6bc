/* SPDX-License-Identifier: BSD-2-Clause */
#include "nn/attention.h"

#include <stdio.h>

static clseq_status add(clseq_param_store *store, const char *prefix, const char *name,
                        uint8_t ndim, int32_t rows, int32_t columns, int *ret)
{
    char text[CLSEQ_PARAM_NAME];

    snprintf(text, sizeof(text), "%s.%s.weight", prefix, name);
    return clseq_param_store_add(store, text, ndim, rows, columns, false, ret);
}

static bool is_additive(const clseq_attention *attention)
{
    return attention->kind == CLSEQ_ATTENTION_ADDITIVE;
}

clseq_status clseq_attention_register(clseq_attention *attention, clseq_param_store *store,
                                      const char *prefix)
{
    const int32_t H = attention->hidden, D = attention->memory;

    if (attention->kind != CLSEQ_ATTENTION_DOT)
        CLSEQ_TRY(add(store, prefix, "key", 2, H, D, &attention->w_key));
    if (is_additive(attention)) {
        CLSEQ_TRY(add(store, prefix, "query", 2, H, H, &attention->w_query));
        CLSEQ_TRY(add(store, prefix, "score", 1, H, 1, &attention->score));
    }
    return add(store, prefix, "combine", 2, H, D + H, &attention->combine);
}

/* (n, B, N) -> rows, one after the other in memory: (n * B, N), or (B * n, N) when the steps of a
 * row lie together, as the hypotheses of a sentence do in decoding. */
static clseq_tensor rows_of(clseq_tensor x)
{
    if (x.strides[0] == x.dims[1] * x.strides[1])
        return clseq_tensor_flatten(x);
    return clseq_tensor_flatten(clseq_tensor_swap(x));
}

/* The two parts of W_combine, or of its gradient. */
static clseq_tensor for_context(const clseq_attention *attention, clseq_tensor w)
{
    return clseq_tensor_columns(w, 0, attention->memory);
}

static clseq_tensor for_hidden(const clseq_attention *attention, clseq_tensor w)
{
    return clseq_tensor_columns(w, attention->memory, attention->hidden);
}

clseq_status clseq_attention_keys(const clseq_attention *attention, const clseq_run *run,
                                  clseq_tensor memory, clseq_tensor keys)
{
    if (attention->kind == CLSEQ_ATTENTION_DOT)
        return CLSEQ_OK;
    return clseq_linear_fwd(run, clseq_tensor_flatten(memory),
                            clseq_run_weight(run, attention->w_key), 0, clseq_tensor_flatten(keys));
}

/* c = op(a) op(b) + beta c for every sentence: time-major views, products batch-major. */
static clseq_status product(const clseq_run *run, clseq_tensor a, bool trans_a, clseq_tensor b,
                            bool trans_b, double beta, clseq_tensor c)
{
    return clseq_op_gemm(run->be, &(struct clseq_gemm_args) { .a = clseq_tensor_swap(a),
                                                              .b = clseq_tensor_swap(b),
                                                              .c = clseq_tensor_swap(c),
                                                              .trans_a = trans_a,
                                                              .trans_b = trans_b,
                                                              .alpha = 1,
                                                              .beta = beta });
}

static clseq_status scores(const clseq_attention *attention, const clseq_run *run,
                           const clseq_attention_memory *memory, const clseq_attention_steps *steps)
{
    if (!is_additive(attention))
        return product(run, steps->h, false, memory->keys, true, 0, steps->weights);
    CLSEQ_TRY(clseq_linear_fwd(run, rows_of(steps->h), clseq_run_weight(run, attention->w_query), 0,
                               rows_of(steps->query)));
    return clseq_op_additive_score_fwd(run->be, &(struct clseq_additive_score_fwd_args) {
                                                    .q = steps->query,
                                                    .k = memory->keys,
                                                    .v = clseq_run_weight(run, attention->score),
                                                    .length = memory->length,
                                                    .score = clseq_tensor_swap(steps->weights) });
}

clseq_status clseq_attention_fwd(const clseq_attention *attention, const clseq_run *run,
                                 const clseq_attention_memory *memory,
                                 const clseq_attention_steps *steps)
{
    const clseq_tensor w = clseq_run_weight(run, attention->combine);
    const clseq_tensor by_sentence = clseq_tensor_swap(steps->weights), out = rows_of(steps->out);

    CLSEQ_TRY(scores(attention, run, memory, steps));
    CLSEQ_TRY(clseq_op_masked_softmax_fwd(
        run->be, &(struct clseq_masked_softmax_fwd_args) {
                     .x = by_sentence, .length = memory->length, .y = by_sentence }));
    CLSEQ_TRY(product(run, steps->weights, false, memory->memory, false, 0, steps->context));
    CLSEQ_TRY(clseq_linear_fwd(run, rows_of(steps->context), for_context(attention, w), 0, out));
    CLSEQ_TRY(clseq_linear_fwd(run, rows_of(steps->h), for_hidden(attention, w), 1, out));
    return clseq_op_tanh_fwd(run->be, &(struct clseq_tanh_fwd_args) { .x = out, .y = out });
}

/* From the gradient of the scores, in d->weights. */
static clseq_status scores_bwd(const clseq_attention *attention, const clseq_run *run,
                               const clseq_attention_memory *memory,
                               const clseq_attention_steps *steps,
                               const clseq_attention_gradients *d)
{
    if (!is_additive(attention)) {
        CLSEQ_TRY(product(run, d->weights, false, memory->keys, false, 1, d->h));
        return product(run, d->weights, true, steps->h, false, 1, d->keys);
    }
    CLSEQ_TRY(clseq_op_additive_score_bwd(
        run->be,
        &(struct clseq_additive_score_bwd_args) { .dscore = clseq_tensor_swap(d->weights),
                                                  .q = steps->query,
                                                  .k = memory->keys,
                                                  .v = clseq_run_weight(run, attention->score),
                                                  .length = memory->length,
                                                  .dq = d->query,
                                                  .dk = d->keys,
                                                  .dv = clseq_run_gradient(run, attention->score),
                                                  .beta = 1 }));
    return clseq_linear_bwd_input(run, rows_of(d->query), clseq_run_weight(run, attention->w_query),
                                  1, rows_of(d->h));
}

clseq_status clseq_attention_gradients_begin(const clseq_attention *attention, const clseq_run *run,
                                             clseq_tensor dkeys)
{
    if (attention->kind != CLSEQ_ATTENTION_DOT)
        CLSEQ_TRY(clseq_op_fill(run->be, &(struct clseq_fill_args) { .dst = dkeys }));
    if (!is_additive(attention) || run->accumulate)
        return CLSEQ_OK;
    return clseq_op_fill(
        run->be, &(struct clseq_fill_args) { .dst = clseq_run_gradient(run, attention->score) });
}

clseq_status clseq_attention_bwd(const clseq_attention *attention, const clseq_run *run,
                                 const clseq_attention_memory *memory,
                                 const clseq_attention_steps *steps,
                                 const clseq_attention_gradients *d)
{
    const clseq_tensor w = clseq_run_weight(run, attention->combine), out = rows_of(d->out);
    const clseq_tensor dweights = clseq_tensor_swap(d->weights);

    CLSEQ_TRY(clseq_op_tanh_bwd(
        run->be, &(struct clseq_tanh_bwd_args) { .y = rows_of(steps->out), .dy = out, .dx = out }));
    CLSEQ_TRY(clseq_linear_bwd_input(run, out, for_context(attention, w), 0, rows_of(d->context)));
    CLSEQ_TRY(clseq_linear_bwd_input(run, out, for_hidden(attention, w), 0, rows_of(d->h)));
    CLSEQ_TRY(product(run, d->context, false, memory->memory, true, 0, d->weights));
    CLSEQ_TRY(product(run, steps->weights, true, d->context, false, 1, d->memory));
    CLSEQ_TRY(clseq_op_masked_softmax_bwd(
        run->be, &(struct clseq_masked_softmax_bwd_args) {
                     .y = clseq_tensor_swap(steps->weights), .dy = dweights, .dx = dweights }));
    return scores_bwd(attention, run, memory, steps, d);
}

clseq_status clseq_attention_gradients_end(const clseq_attention *attention, const clseq_run *run,
                                           const clseq_attention_memory *memory,
                                           const clseq_attention_steps *steps,
                                           const clseq_attention_gradients *d)
{
    const clseq_tensor dw = clseq_run_gradient(run, attention->combine), out = rows_of(d->out);
    const clseq_tensor h = rows_of(steps->h);

    CLSEQ_TRY(clseq_linear_bwd_weight(run, out, rows_of(steps->context), run->accumulate,
                                      for_context(attention, dw)));
    CLSEQ_TRY(clseq_linear_bwd_weight(run, out, h, run->accumulate, for_hidden(attention, dw)));
    if (attention->kind == CLSEQ_ATTENTION_DOT)
        return CLSEQ_OK;
    if (is_additive(attention))
        CLSEQ_TRY(clseq_linear_bwd_weight(run, rows_of(d->query), h, run->accumulate,
                                          clseq_run_gradient(run, attention->w_query)));
    CLSEQ_TRY(clseq_linear_bwd_weight(run, clseq_tensor_flatten(d->keys),
                                      clseq_tensor_flatten(memory->memory), run->accumulate,
                                      clseq_run_gradient(run, attention->w_key)));
    return clseq_linear_bwd_input(run, clseq_tensor_flatten(d->keys),
                                  clseq_run_weight(run, attention->w_key), 1,
                                  clseq_tensor_flatten(d->memory));
}
