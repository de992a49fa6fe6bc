/* SPDX-License-Identifier: BSD-2-Clause */
#include "train/plan_translate.h"

#include "base/clock.h"
#include "train/plan_time.h"

#include <math.h>
#include <stdlib.h>

/* As in decode/sentences.c, of which this has the sizes alone. */
#define POSITIONS_PER_SENTENCE 64

struct lengths {
    size_t source, target; /* tokens */
};

/* Batches of the text, and the multiply-adds of searching them. */
struct batches {
    struct clseq_bench_size *size;
    double *work;
    size_t count;
};

/* The longest first, as a translation goes. */
static int compare(const void *a, const void *b)
{
    const struct lengths *x = a, *y = b;

    if (x->source != y->source)
        return x->source > y->source ? -1 : 1;
    return (x->target < y->target) - (x->target > y->target);
}

static double work_of(const struct clseq_bench_size *size, int32_t beam)
{
    const int32_t columns = size->model.target_vocabulary;
    struct clseq_bench_size encoder = *size;
    double once;

    encoder.T = 0;
    once = clseq_forward_multiply_adds(&encoder, columns);
    return once + beam * (clseq_forward_multiply_adds(size, columns) - once);
}

static size_t batch_at(const struct lengths *text, size_t left, size_t batch)
{
    const size_t longest = text->source + 1, most = batch * POSITIONS_PER_SENTENCE / longest;
    const size_t n = left < batch ? left : batch;

    return most < 1 ? 1 : most < n ? most : n;
}

static void add(struct batches *to, const struct clseq_model_config *model,
                const struct lengths *text, size_t n, int32_t beam)
{
    struct clseq_bench_size *size = &to->size[to->count];
    double tokens = 0;

    for (size_t i = 0; i < n; i++)
        tokens += (double)text[i].target + 1;
    *size = (struct clseq_bench_size) { .model = *model,
                                        .B = (int32_t)n,
                                        .S = (int32_t)text->source + 1,
                                        .T = (int32_t)ceil(tokens / (double)n) };
    to->work[to->count++] = work_of(size, beam);
}

static clseq_status make_batches(const clseq_trainer *t, size_t batch, int32_t beam,
                                 struct batches *ret)
{
    const size_t n = (size_t)clseq_corpus_size(t->valid.corpus);
    struct lengths *text = NULL;
    clseq_status status;

    CLSEQ_TRY(clseq_calloc(t->ctx, n, sizeof(*text), "plan", &text));
    CLSEQ_TRY_GOTO(status, out, clseq_calloc(t->ctx, n, sizeof(*ret->size), "plan", &ret->size));
    CLSEQ_TRY_GOTO(status, out, clseq_calloc(t->ctx, n, sizeof(*ret->work), "plan", &ret->work));
    for (size_t i = 0; i < n; i++) {
        clseq_sentence source, target;

        clseq_corpus_pair(t->valid.corpus, i, &source, &target);
        text[i] = (struct lengths) { source.length, target.length };
    }
    qsort(text, n, sizeof(*text), compare);
    for (size_t i = 0; i < n;) {
        const size_t some = batch_at(text + i, n - i, batch);

        add(ret, &t->meta.config, text + i, some, beam);
        i += some;
    }
out:
    free(text);
    return status;
}

static clseq_status time_batches(const clseq_trainer *t, const struct batches *b, int32_t beam,
                                 double seconds, double *ret)
{
    struct clseq_plan_sample sample[CLSEQ_PLAN_SHARES];
    const double start = clseq_seconds();
    size_t chosen[CLSEQ_PLAN_SHARES];
    struct clseq_plan_line line;
    clseq_status status;
    int n = clseq_plan_choose(t->ctx, b->work, b->count, chosen, &status), used = 0;

    CLSEQ_TRY(status);
    for (; used < n && (used == 0 || clseq_seconds() - start < seconds); used++) {
        const struct clseq_bench_size *size = &b->size[chosen[used]];
        struct clseq_bench_result result;

        CLSEQ_TRY(clseq_bench_decode(t->ctx, t->be, size, size->B, beam, false, 1, &result));
        sample[used] = (struct clseq_plan_sample) { .work = b->work[chosen[used]],
                                                    .seconds = 1e-3 * result.ms };
    }
    line = clseq_plan_fit(sample, used);
    *ret = 0;
    for (size_t i = 0; i < b->count; i++)
        *ret += line.a + line.b * b->work[i];
    return CLSEQ_OK;
}

clseq_status clseq_plan_translation(const clseq_trainer *t, int32_t batch, int32_t beam,
                                    double seconds, double *ret, uint64_t *batches)
{
    struct batches b = { 0 };
    clseq_status status = make_batches(t, (size_t)batch, beam, &b);

    *ret = 0;
    *batches = b.count;
    if (status == CLSEQ_OK)
        status = time_batches(t, &b, beam, seconds, ret);
    free(b.size);
    free(b.work);
    return status == CLSEQ_ERR_DEVICE_NOMEM ? CLSEQ_OK : status;
}
