/* SPDX-License-Identifier: BSD-2-Clause */
#include "backend/backend_impl.h"
#include "backend/bench_times.h"
#include "base/clock.h"
#include "base/philox.h"
#include "data/batch_input.h"
#include "decode/search.h"

#include <clseq/bench.h>

#include <stdlib.h>

struct decoding {
    clseq_seq2seq *model;
    clseq_decoder_state state;
    clseq_batch batch;
    int32_t *limit;
    uint64_t *line;
    clseq_found *found;
    int32_t *count;
};

/* Random sentences of S words, end token included. */
static clseq_status random_sources(clseq_context *ctx, const struct clseq_bench_size *z,
                                   int32_t batch, clseq_batch *ret)
{
    const size_t words = (size_t)z->S - 1, B = (size_t)batch;
    clseq_sentence *sentences = NULL;
    int32_t *ids = NULL;
    clseq_status status;

    CLSEQ_TRY(clseq_calloc(ctx, B * words + 1, sizeof(*ids), "benchmark batch", &ids));
    CLSEQ_TRY_GOTO(status, out,
                   clseq_calloc(ctx, B, sizeof(*sentences), "benchmark batch", &sentences));
    for (size_t i = 0; i < B * words; i++)
        ids[i] = 4 + (int32_t)clseq_random_below(1, CLSEQ_RANDOM_BENCH, 1, i,
                                                 (uint64_t)z->model.source_vocabulary - 4);
    for (size_t b = 0; b < B; b++)
        sentences[b] = (clseq_sentence) { ids + b * words, words };
    status = clseq_batch_from_sentences(ret, sentences, NULL, B, false);
out:
    free(sentences);
    free(ids);
    return status;
}

/* A random model ends sentences at random; benchmarks count words, so the end is made impossible
 * by a bias no logit reaches. */
static clseq_status forbid_end(clseq_seq2seq *model)
{
    const clseq_tensor bias =
        clseq_param_tensor(&model->store, &model->weights, model->decoder.output.bias, model->real);
    const clseq_tensor end = clseq_tensor_range(bias, CLSEQ_ID_EOS, 1);

    return clseq_op_fill(model->be, &(struct clseq_fill_args) { .dst = end, .value = -1e4 });
}

static clseq_status prepare(clseq_context *ctx, clseq_backend *be, const struct clseq_bench_size *z,
                            int32_t batch, int32_t beam, struct decoding *d)
{
    const struct clseq_seq2seq_limits limits = { .S = z->S, .B = batch };

    clseq_batch_init(&d->batch, ctx);
    CLSEQ_TRY(clseq_seq2seq_create(be, &z->model, &d->model));
    clseq_decoder_state_init(&d->state, d->model);
    CLSEQ_TRY(clseq_seq2seq_init(d->model, CLSEQ_INIT_UNIFORM, 0.08, 1));
    CLSEQ_TRY(forbid_end(d->model));
    CLSEQ_TRY(random_sources(ctx, z, batch, &d->batch));
    CLSEQ_TRY(clseq_seq2seq_plan(d->model, &limits, false));
    CLSEQ_TRY(clseq_decoder_state_plan(&d->state, batch, clseq_batch_input(&d->batch).S, beam));
    CLSEQ_TRY(clseq_calloc(ctx, (size_t)batch, sizeof(*d->limit), "benchmark", &d->limit));
    CLSEQ_TRY(clseq_calloc(ctx, (size_t)batch, sizeof(*d->line), "benchmark", &d->line));
    CLSEQ_TRY(clseq_calloc(ctx, (size_t)batch, sizeof(*d->found), "benchmark", &d->found));
    CLSEQ_TRY(clseq_calloc(ctx, (size_t)batch, sizeof(*d->count), "benchmark", &d->count));
    for (int32_t b = 0; b < batch; b++) {
        d->limit[b] = z->T;
        d->line[b] = (uint64_t)b + 1;
    }
    return CLSEQ_OK;
}

static clseq_status tabulate(struct decoding *d, struct clseq_bench_result *ret)
{
    double start;

    CLSEQ_TRY(clseq_backend_sync(d->model->be));
    start = clseq_seconds();
    for (int side = 0; side < CLSEQ_SIDES; side++) {
        uint64_t bytes;

        CLSEQ_TRY(clseq_seq2seq_tabulate(d->model, side, &bytes));
        ret->table_bytes += bytes;
    }
    CLSEQ_TRY(clseq_backend_sync(d->model->be));
    ret->table_ms = 1e3 * (clseq_seconds() - start);
    return CLSEQ_OK;
}

static clseq_status search_once(struct decoding *d, int32_t beam)
{
    const clseq_search_job job = {
        .input = clseq_batch_input(&d->batch),
        .limit = d->limit,
        .line = d->line,
        .beam = beam,
        .nbest = 1,
        .length_penalty = 1,
    };
    const size_t n = d->batch.B;

    if (beam == 1)
        CLSEQ_TRY(clseq_search_greedy(&d->state, &job, d->found));
    else
        CLSEQ_TRY(clseq_search_beam(&d->state, &job, d->found, d->count));
    clseq_found_fini(d->found, n);
    return CLSEQ_OK;
}

clseq_status clseq_bench_decode(clseq_context *ctx, clseq_backend *be,
                                const struct clseq_bench_size *size, int32_t batch, int32_t beam,
                                bool tables, int repeats, struct clseq_bench_result *ret)
{
    const double H = size->model.hidden, E = size->model.embedding, L = size->model.layers;
    const double stack = 4 * H * (E + H) + (L - 1) * 4 * H * 2 * H;
    struct decoding d = { 0 };
    struct clseq_bench_times times;
    clseq_status status;

    *ret = (struct clseq_bench_result) { 0 };
    if (repeats < 1 || batch < 1 || beam < 1)
        return clseq_fail(ctx, CLSEQ_ERR_ARG, "bench: decoding %d sentences with beam %d, %d times",
                          batch, beam, repeats);
    CLSEQ_TRY_GOTO(status, out, clseq_bench_times_init(&times, ctx, be, repeats));
    CLSEQ_TRY_GOTO(status, out, prepare(ctx, be, size, batch, beam, &d));
    if (tables)
        CLSEQ_TRY_GOTO(status, out, tabulate(&d, ret));
    for (int i = -1; i < repeats; i++) {
        const uint64_t buffers = be->buffers_created, reads = be->reads;
        const double start = clseq_seconds();

        if (i == 0)
            clseq_backend_profile_reset(be);
        CLSEQ_TRY_GOTO(status, out, search_once(&d, beam));
        ret->buffers_created = be->buffers_created - buffers;
        ret->reads = be->reads - reads;
        if (i >= 0)
            CLSEQ_TRY_GOTO(status, out, clseq_bench_times_add(&times, clseq_seconds() - start));
    }
    clseq_bench_times_end(&times,
                          2 * (double)batch *
                              (size->S * stack + (double)beam * size->T *
                                                     (stack + H * size->model.target_vocabulary)),
                          (double)batch * size->T, ret);
    ret->device_bytes = clseq_seq2seq_bytes(d.model);
out:
    if (d.model)
        clseq_decoder_state_fini(&d.state);
    clseq_seq2seq_destroy(&d.model);
    clseq_batch_fini(&d.batch);
    free(d.limit);
    free(d.line);
    free(d.found);
    free(d.count);
    clseq_bench_times_fini(&times);
    return status;
}
