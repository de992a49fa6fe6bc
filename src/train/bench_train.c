/* SPDX-License-Identifier: BSD-2-Clause */
#include "backend/backend_impl.h"
#include "backend/bench_times.h"
#include "base/clock.h"
#include "base/philox.h"
#include "data/batch_input.h"
#include "train/candidates.h"
#include "train/optimizer.h"
#include "train/plan_time.h"

#include <clseq/bench.h>

#include <stdlib.h>
#include <string.h>

/* Source and target have the same length. */
#define SIZE(letter, source, target, E, H, L, batch, length)                                       \
    {                                                                                              \
        .name = letter, .B = batch, .S = length, .T = length,                                      \
        .model = { .source_vocabulary = source,                                                    \
                   .target_vocabulary = target,                                                    \
                   .embedding = E,                                                                 \
                   .hidden = H,                                                                    \
                   .layers = L },                                                                  \
    }

static const struct clseq_bench_size sizes[] = {
    SIZE("S", 8000, 8000, 256, 256, 1, 64, 15),
    SIZE("M", 8000, 8000, 512, 512, 2, 64, 25),
    SIZE("L", 30000, 30000, 1000, 1000, 4, 128, 25),
    SIZE("P", 160000, 80000, 1000, 1000, 4, 128, 25),
};

bool clseq_bench_size_find(const char *name, struct clseq_bench_size *ret)
{
    for (size_t i = 0; i < CLSEQ_ARRAY_SIZE(sizes); i++) {
        if (strcmp(sizes[i].name, name) == 0) {
            *ret = sizes[i];
            return true;
        }
    }
    return false;
}

/* Multiply-adds of a step of a stack, per sentence. */
static double stack_multiply_adds(double gates, double input, double hidden, double layers,
                                  double directions)
{
    return directions * gates * hidden *
           (input + hidden + (layers - 1) * (directions * hidden + hidden));
}

/* Of the output layer so many columns. */
double clseq_forward_multiply_adds(const struct clseq_bench_size *z, int32_t columns)
{
    const struct clseq_model_config c = clseq_model_config_resolve(&z->model);
    const double gates = c.cell == CLSEQ_CELL_LSTM ? 4 : c.cell == CLSEQ_CELL_GRU ? 3 : 1;
    const double H = c.hidden, E = c.embedding, D = c.bidirectional ? 2 : 1;
    const double memory = D * c.encoder_hidden, S = z->S, T = z->T;
    const double fed = E + (c.context_input ? memory : 0) + (c.input_feeding ? H : 0);
    double each = S * stack_multiply_adds(gates, E, c.encoder_hidden, c.encoder_layers, D) +
                  T * (stack_multiply_adds(gates, fed, H, c.layers, 1) + H * columns);

    if (c.attention != CLSEQ_ATTENTION_NONE)
        each += T * (S * (H + memory) + H * (memory + H)); /* scores, contexts, combination */
    if (c.attention > CLSEQ_ATTENTION_DOT)
        each += S * memory * H; /* keys */
    if (c.attention == CLSEQ_ATTENTION_ADDITIVE)
        each += T * H * H; /* queries */
    return (double)z->B * each;
}

/* A batch of random words of full length, as the peer uses. */
static clseq_status random_batch(clseq_context *ctx, const struct clseq_bench_size *z,
                                 clseq_batch *batch)
{
    const size_t source = (size_t)z->S - 1,
                 target = (size_t)z->T - 1; /* the end token comes on top */
    const size_t per = source + target, B = (size_t)z->B;
    clseq_sentence *pairs = NULL;
    int32_t *ids = NULL;
    clseq_status status;

    CLSEQ_TRY(clseq_calloc(ctx, B * per + 1, sizeof(*ids), "benchmark batch", &ids));
    CLSEQ_TRY_GOTO(status, out,
                   clseq_calloc(ctx, 2 * B, sizeof(*pairs), "benchmark batch", &pairs));
    for (size_t b = 0; b < B; b++) {
        for (size_t i = 0; i < per; i++) {
            const int32_t v = i < source ? z->model.source_vocabulary : z->model.target_vocabulary;

            ids[b * per + i] = 4 + (int32_t)clseq_random_below(1, CLSEQ_RANDOM_BENCH, 0,
                                                               b * per + i, (uint64_t)v - 4);
        }
        pairs[b] = (clseq_sentence) { ids + b * per, source };
        pairs[B + b] = (clseq_sentence) { ids + b * per + source, target };
    }
    status = clseq_batch_from_sentences(batch, pairs, pairs + B, B, false);
out:
    free(pairs);
    free(ids);
    return status;
}

struct training {
    clseq_seq2seq *model;
    clseq_optimizer optimizer;
    clseq_batch batch;
    clseq_candidates candidates;
    clseq_buffer *record;
    uint64_t update;
};

static clseq_status prepare(clseq_context *ctx, clseq_backend *be, const struct clseq_bench_size *z,
                            struct training *t)
{
    const struct clseq_train_options options = {
        .loss = z->samples > 0 ? CLSEQ_LOSS_SAMPLED : CLSEQ_LOSS_SOFTMAX,
        .samples = (size_t)z->samples,
        .seed = 1,
    };
    const int32_t V = z->model.target_vocabulary;
    const clseq_dtype real = clseq_backend_real(be);
    struct clseq_seq2seq_limits limits;

    clseq_batch_init(&t->batch, ctx);
    CLSEQ_TRY(clseq_seq2seq_create_sampled(be, &z->model, clseq_candidates_samples(&options, V),
                                           &t->model));
    CLSEQ_TRY(clseq_seq2seq_init(t->model, CLSEQ_INIT_UNIFORM, 0.08, 1));
    CLSEQ_TRY(clseq_optimizer_init(&t->optimizer, t->model, CLSEQ_OPTIMIZER_SGD));
    CLSEQ_TRY(clseq_buffer_create(be, 4 * clseq_dtype_size(real), "step record", &t->record));
    CLSEQ_TRY(random_batch(ctx, z, &t->batch));
    CLSEQ_TRY(
        clseq_candidates_init_for(&t->candidates, ctx, &options, NULL, V, (size_t)t->batch.N));
    limits = (struct clseq_seq2seq_limits) {
        .S = z->S,
        .T = z->T,
        .B = z->B,
        .N = (int32_t)t->batch.N,
        .source_unique = (int32_t)t->batch.source_rows.unique_count,
        .target_unique = (int32_t)t->batch.target_rows.unique_count,
    };
    return clseq_seq2seq_plan(t->model, &limits, true);
}

static clseq_status step(struct training *t)
{
    const clseq_dtype real = t->model->real;
    struct clseq_seq2seq_input input = clseq_batch_input(&t->batch);

    CLSEQ_TRY(clseq_candidates_add(&t->candidates, t->update, &input));
    CLSEQ_TRY(clseq_seq2seq_begin(t->model, &input));
    CLSEQ_TRY(clseq_seq2seq_loss_bwd(t->model, 1 / (double)t->batch.B, false,
                                     clseq_tensor_1d(t->record, 0, real, 1)));
    return clseq_optimizer_step(&t->optimizer, ++t->update, 0.1, 5,
                                clseq_tensor_1d(t->record, 1, real, 1),
                                clseq_tensor_1d(t->record, 2, real, 2));
}

static clseq_status time_steps(clseq_backend *be, struct training *t, int steps,
                               struct clseq_bench_times *times, struct clseq_bench_result *ret)
{
    for (int i = 0; i < 2; i++)
        CLSEQ_TRY(step(t));
    CLSEQ_TRY(clseq_backend_sync(be));
    clseq_backend_profile_reset(be);
    for (int i = 0; i < steps; i++) {
        const uint64_t buffers = be->buffers_created, reads = be->reads;
        const double start = clseq_seconds();

        CLSEQ_TRY(step(t));
        CLSEQ_TRY(clseq_backend_sync(be));
        ret->buffers_created += be->buffers_created - buffers;
        ret->reads += be->reads - reads;
        CLSEQ_TRY(clseq_bench_times_add(times, clseq_seconds() - start));
    }
    return CLSEQ_OK;
}

clseq_status clseq_bench_train(clseq_context *ctx, clseq_backend *be,
                               const struct clseq_bench_size *size, int steps,
                               struct clseq_bench_result *ret)
{
    struct training t = { 0 };
    struct clseq_bench_times times;
    clseq_status status;
    int32_t columns;

    *ret = (struct clseq_bench_result) { 0 };
    if (steps < 1)
        return clseq_fail(ctx, CLSEQ_ERR_ARG, "bench: at least one step must be timed");
    CLSEQ_TRY_GOTO(status, out, clseq_bench_times_init(&times, ctx, be, steps));
    CLSEQ_TRY_GOTO(status, out, prepare(ctx, be, size, &t));
    CLSEQ_TRY_GOTO(status, out, time_steps(be, &t, steps, &times, ret));
    columns = size->samples > 0 ? t.candidates.input.count : size->model.target_vocabulary;
    clseq_bench_times_end(&times, 6 * clseq_forward_multiply_adds(size, columns),
                          (double)size->B * size->T, ret);
    ret->device_bytes = clseq_seq2seq_bytes(t.model);
out:
    clseq_buffer_destroy(&t.record);
    clseq_candidates_fini(&t.candidates);
    clseq_optimizer_fini(&t.optimizer);
    clseq_seq2seq_destroy(&t.model);
    clseq_batch_fini(&t.batch);
    clseq_bench_times_fini(&times);
    return status;
}
