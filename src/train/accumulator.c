/* SPDX-License-Identifier: BSD-2-Clause */
#include "train/accumulator.h"

#include "base/base.h"

#include <stdlib.h>

static clseq_status init_rows(clseq_accumulator *a, struct clseq_merged_rows *t,
                              const struct clseq_param *param, int32_t most, size_t group)
{
    const clseq_dtype real = a->model->real;
    clseq_backend *be = a->model->be;
    clseq_context *ctx = a->model->ctx;
    const size_t vocabulary = (size_t)param->dims[0], size = (size_t)param->dims[1];
    size_t capacity;

    if (!clseq_mul_size((size_t)most, group, &capacity) || capacity > vocabulary)
        capacity = vocabulary;
    *t = (struct clseq_merged_rows) { .vocabulary = param->dims[0],
                                      .size = param->dims[1],
                                      .most = most,
                                      .capacity = (int32_t)capacity };
    CLSEQ_TRY(clseq_calloc(ctx, vocabulary, sizeof(*t->row), "rows of words", &t->row));
    for (size_t i = 0; i < vocabulary; i++)
        t->row[i] = -1;
    CLSEQ_TRY(clseq_calloc(ctx, capacity, sizeof(*t->token), "words of rows", &t->token));
    CLSEQ_TRY(clseq_buffer_create(be, capacity * size * clseq_dtype_size(real),
                                  "accumulated embedding gradients", &t->rows));
    CLSEQ_TRY(clseq_buffer_create(be, (size_t)most * size * clseq_dtype_size(real),
                                  "embedding gradients of a batch", &t->batch));
    return clseq_buffer_create(be, (2 * (size_t)most + capacity) * sizeof(int32_t), "rows of words",
                               &t->index);
}

clseq_status clseq_accumulator_init(clseq_accumulator *accumulator, clseq_seq2seq *model,
                                    const struct clseq_seq2seq_limits *limits, size_t group)
{
    int32_t most[CLSEQ_ROW_TABLES], largest = 1;
    const clseq_param_store *store = &model->store;
    int n = 0;

    *accumulator = (clseq_accumulator) { .model = model };
    accumulator->tables = clseq_seq2seq_row_limits(model, limits, most);
    for (size_t i = 0; i < store->count && n < accumulator->tables; i++) {
        if (!store->params[i].row_sparse)
            continue;
        CLSEQ_TRY(
            init_rows(accumulator, &accumulator->table[n], &store->params[i], most[n], group));
        largest = most[n] > largest ? most[n] : largest;
        n++;
    }
    CLSEQ_TRY(clseq_calloc(model->ctx, 2 * (size_t)largest, sizeof(*accumulator->staging),
                           "rows of words", &accumulator->staging));
    return clseq_buffer_create(model->be, clseq_dtype_size(model->real), "loss", &accumulator->one);
}

void clseq_accumulator_fini(clseq_accumulator *accumulator)
{
    for (int i = 0; i < CLSEQ_ROW_TABLES; i++) {
        struct clseq_merged_rows *t = &accumulator->table[i];

        clseq_buffer_destroy(&t->rows);
        clseq_buffer_destroy(&t->batch);
        clseq_buffer_destroy(&t->index);
        free(t->row);
        free(t->token);
    }
    clseq_buffer_destroy(&accumulator->one);
    free(accumulator->staging);
    *accumulator = (clseq_accumulator) { 0 };
}

void clseq_accumulator_begin(clseq_accumulator *accumulator)
{
    accumulator->batches = 0;
    for (int i = 0; i < accumulator->tables; i++) {
        struct clseq_merged_rows *t = &accumulator->table[i];

        for (int32_t r = 0; r < t->count; r++)
            t->row[t->token[r]] = -1;
        t->count = 0;
    }
}

static clseq_tensor index_view(const struct clseq_merged_rows *t, int32_t first, int32_t n)
{
    return clseq_tensor_1d(t->index, (size_t)first, CLSEQ_I32, n);
}

/* A row for each token of a batch. staging: where its old value is (-1: there is none, which
 * row_gather takes for zeros), then where the new one goes. */
static clseq_status place_tokens(clseq_accumulator *a, struct clseq_merged_rows *t,
                                 const int32_t *unique, int32_t n)
{
    int32_t *from = a->staging, *to = a->staging + t->most;

    if (n > t->most)
        return clseq_fail(a->model->ctx, CLSEQ_ERR_INTERNAL,
                          "batch of %d words is larger than planned, %d", n, t->most);
    for (int32_t u = 0; u < n; u++) {
        const int32_t token = unique[u];

        from[u] = t->row[token];
        if (from[u] < 0) {
            t->row[token] = t->count;
            t->token[t->count++] = token;
        }
        to[u] = t->row[token];
    }
    return clseq_buffer_write(t->index, 0, a->staging, 2 * (size_t)t->most * sizeof(int32_t));
}

/* rows[to] = rows[from] + those of the batch. */
static clseq_status merge(clseq_accumulator *a, int which, const int32_t *unique, int32_t n)
{
    struct clseq_merged_rows *t = &a->table[which];
    const clseq_tensor added = a->model->row_gradients[which].rows;
    const clseq_tensor all = clseq_tensor_2d(t->rows, 0, a->model->real, t->capacity, t->size);
    const clseq_tensor old = clseq_tensor_2d(t->batch, 0, a->model->real, n, t->size);

    CLSEQ_TRY(place_tokens(a, t, unique, n));
    CLSEQ_TRY(clseq_op_row_gather(
        a->model->be,
        &(struct clseq_row_gather_args) { .src = all, .index = index_view(t, 0, n), .dst = old }));
    CLSEQ_TRY(clseq_op_axpby(
        a->model->be, &(struct clseq_axpby_args) { .x = added, .y = old, .alpha = 1, .beta = 1 }));
    return clseq_op_row_scatter(a->model->be,
                                &(struct clseq_row_scatter_args) {
                                    .src = old, .index = index_view(t, t->most, n), .dst = all });
}

clseq_status clseq_accumulator_add(clseq_accumulator *a, const struct clseq_seq2seq_input *input,
                                   clseq_tensor loss)
{
    const bool first = a->batches++ == 0;
    const clseq_tensor one = clseq_tensor_1d(a->one, 0, a->model->real, 1);

    CLSEQ_TRY(clseq_seq2seq_begin(a->model, input));
    CLSEQ_TRY(clseq_seq2seq_loss_bwd(a->model, 1, !first, first ? loss : one));
    if (!first)
        CLSEQ_TRY(clseq_op_axpby(a->model->be, &(struct clseq_axpby_args) {
                                                   .x = one, .y = loss, .alpha = 1, .beta = 1 }));
    for (int i = 0; i < a->tables; i++)
        CLSEQ_TRY(merge(a, i, a->model->row_words[i], a->model->row_gradients[i].rows.dims[0]));
    return CLSEQ_OK;
}

clseq_status clseq_accumulator_end(clseq_accumulator *a)
{
    for (int i = 0; i < a->tables; i++) {
        struct clseq_merged_rows *t = &a->table[i];
        clseq_row_gradient *gradient = &a->model->row_gradients[i];

        CLSEQ_TRY(clseq_buffer_write(t->index, 2 * (size_t)t->most * sizeof(int32_t), t->token,
                                     (size_t)t->count * sizeof(int32_t)));
        gradient->index = index_view(t, 2 * t->most, t->count);
        gradient->rows = clseq_tensor_2d(t->rows, 0, a->model->real, t->count, t->size);
    }
    return CLSEQ_OK;
}
