/* SPDX-License-Identifier: BSD-2-Clause */
#include "train/batch_plan.h"

#include "data/batch_input.h"

#include <string.h>

static size_t larger(size_t a, size_t b)
{
    return a > b ? a : b;
}

static const clseq_batch_limits *shapes_of(const clseq_batches *text, size_t *count)
{
    *count = 0;
    return text ? clseq_batches_shapes(text, count) : NULL;
}

static void widen(clseq_batch_limits *all, const clseq_batch_limits *shape)
{
    all->S = larger(all->S, shape->S);
    all->T = larger(all->T, shape->T);
    all->B = larger(all->B, shape->B);
    all->N = larger(all->N, shape->N);
    all->source_count = larger(all->source_count, shape->source_count);
    all->source_unique = larger(all->source_unique, shape->source_unique);
    all->target_unique = larger(all->target_unique, shape->target_unique);
}

void clseq_batch_plan_limits(const clseq_batches *const *texts, size_t n, clseq_batch_limits *all,
                             clseq_batch_limits *host)
{
    size_t source = 0, target = 0;

    *all = (clseq_batch_limits) { 0 };
    for (size_t i = 0; i < n; i++) {
        size_t count;
        const clseq_batch_limits *shapes = shapes_of(texts[i], &count);

        for (size_t k = 0; k < count; k++) {
            widen(all, &shapes[k]);
            source = larger(source, shapes[k].S * shapes[k].B);
            target = larger(target, shapes[k].T * shapes[k].B);
        }
    }
    *host = *all;
    if (all->B > 0) {
        host->S = (source + all->B - 1) / all->B;
        host->T = (target + all->B - 1) / all->B;
    }
}

/* Plan for every shape; the model keeps what it has where that suffices. *grown: it did not. */
static clseq_status plan_shapes(clseq_seq2seq *model, const clseq_batches *const *texts, size_t n,
                                bool *grown)
{
    *grown = false;
    for (size_t i = 0; i < n; i++) {
        size_t count;
        const clseq_batch_limits *shapes = shapes_of(texts[i], &count);

        for (size_t k = 0; k < count; k++) {
            const struct clseq_seq2seq_limits planned = clseq_batch_input_limits(&shapes[k]);
            const clseq_workspace before = model->ws;

            CLSEQ_TRY(clseq_seq2seq_plan(model, &planned, true));
            *grown = *grown || memcmp(before.size, model->ws.size, sizeof(before.size)) != 0;
        }
    }
    return CLSEQ_OK;
}

clseq_status clseq_batch_plan_model(clseq_seq2seq *model, const clseq_batches *const *texts,
                                    size_t n)
{
    clseq_batch_limits all, host;
    struct clseq_seq2seq_limits planned;
    bool grown = true;

    for (int i = 0; i < 3 && grown; i++)
        CLSEQ_TRY(plan_shapes(model, texts, n, &grown));
    if (!grown)
        return CLSEQ_OK;
    /* In several buffers, one shape may need the first to be larger and another the second; then
     * room for a batch as long as the longest and as wide as the widest is enough for all. */
    clseq_batch_plan_limits(texts, n, &all, &host);
    planned = clseq_batch_input_limits(&all);
    return clseq_seq2seq_plan(model, &planned, true);
}
