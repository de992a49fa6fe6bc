/* SPDX-License-Identifier: BSD-2-Clause */
#include "train/dry_run.h"

#include "data/batch_input.h"

#include <stdlib.h>

/* Updates after which nothing new is taken: copies of matrices are made at the second use. */
#define DRY_STEPS 3

/* Batches of an update that are run; more of them take no more. */
#define DRY_GROUP 3

/* A batch of a shape whose content nobody looks at. */
struct fake {
    int32_t *zeros, *ones, *rising;
    int32_t *targets; /* as different as they can be: sampled softmax has a column for each */
};

static size_t largest(size_t a, size_t b)
{
    return a > b ? a : b;
}

static clseq_status fake_init(struct fake *f, clseq_context *ctx, const clseq_batch_limits *most,
                              int32_t vocabulary)
{
    const size_t positions = most->B * largest(most->S, most->T);
    const size_t words = largest(most->source_unique, most->target_unique) + 1;
    const size_t n = largest(positions, words);

    CLSEQ_TRY(clseq_calloc(ctx, n, sizeof(int32_t), "plan", &f->zeros));
    CLSEQ_TRY(clseq_calloc(ctx, most->B, sizeof(int32_t), "plan", &f->ones));
    CLSEQ_TRY(clseq_calloc(ctx, words, sizeof(int32_t), "plan", &f->rising));
    CLSEQ_TRY(clseq_calloc(ctx, n, sizeof(int32_t), "plan", &f->targets));
    for (size_t i = 0; i < n; i++)
        f->targets[i] = (int32_t)(i % (size_t)vocabulary);
    for (size_t i = 0; i < most->B; i++)
        f->ones[i] = 1;
    for (size_t i = 0; i < words; i++)
        f->rising[i] = (int32_t)i;
    return CLSEQ_OK;
}

static void fake_fini(struct fake *f)
{
    free(f->zeros);
    free(f->ones);
    free(f->rising);
    free(f->targets);
}

static struct clseq_input_tokens fake_tokens(const struct fake *f, size_t unique, size_t count)
{
    return (struct clseq_input_tokens) { .unique_count = (int32_t)unique,
                                         .order_count = (int32_t)count,
                                         .unique = f->rising,
                                         .start = f->zeros,
                                         .order = f->zeros };
}

static struct clseq_seq2seq_input fake_input(const struct fake *f, const clseq_batch_limits *shape)
{
    return (struct clseq_seq2seq_input) {
        .S = (int32_t)shape->S,
        .T = (int32_t)shape->T,
        .B = (int32_t)shape->B,
        .N = (int32_t)shape->N,
        .source_index = f->zeros,
        .source_length = f->ones,
        .target_index = f->zeros,
        .target_length = f->ones,
        .rows = f->zeros,
        .target = f->targets,
        .source_tokens = fake_tokens(f, shape->source_unique, shape->source_count),
        .target_tokens = fake_tokens(f, shape->target_unique, shape->N),
    };
}

/* With `best` as greedy search does that wants words alone. */
static clseq_status search_steps(clseq_decoder_state *st, const struct clseq_seq2seq_input *batch,
                                 int32_t beam, bool best)
{
    struct clseq_seq2seq_input input = *batch;

    input.T = input.N = 0;
    CLSEQ_TRY(clseq_decoder_state_begin(st, &input, beam));
    for (int32_t s = 0; s < DRY_STEPS; s++) {
        const clseq_tensor word = clseq_decoder_state_row(&st->token, s);

        CLSEQ_TRY(best ? clseq_decoder_state_step_best(st, s, word)
                       : clseq_decoder_state_step(st, s));
    }
    return CLSEQ_OK;
}

static clseq_status one_step(clseq_trainer *t, const struct clseq_seq2seq_input *batch)
{
    struct clseq_seq2seq_input copy = *batch;
    const struct clseq_seq2seq_input *input = &copy;
    const double clip = t->options->clip;
    clseq_tensor loss, sumsq, stats;

    CLSEQ_TRY(clseq_candidates_add(&t->candidates, 0, &copy));
    if (t->options->teacher_forcing < 1)
        CLSEQ_TRY(search_steps(&t->sampling.state, input, 1, false));
    if (clseq_step_record_full(&t->record))
        t->record.used = 0;
    clseq_step_record_next(&t->record, &loss, &sumsq, &stats);
    if (t->options->accumulate == 1) {
        CLSEQ_TRY(clseq_seq2seq_begin(t->model, input));
        CLSEQ_TRY(clseq_seq2seq_loss_bwd(t->model, 1, false, loss));
        CLSEQ_TRY(clseq_optimizer_step(&t->optimizer, 1, 0.1, clip, sumsq, stats));
    } else {
        clseq_accumulator_begin(&t->accumulator);
        for (size_t i = 0; i < DRY_GROUP && i < t->options->accumulate; i++)
            CLSEQ_TRY(clseq_accumulator_add(&t->accumulator, input, loss));
        CLSEQ_TRY(clseq_accumulator_end(&t->accumulator));
        CLSEQ_TRY(clseq_optimizer_step_scaled(&t->optimizer, 1, 0.1, clip, 1, sumsq, stats));
    }
    return t->ema.model ? clseq_ema_update(&t->ema, 1) : CLSEQ_OK;
}

static clseq_status one_validation(clseq_trainer *t, const struct clseq_seq2seq_input *input)
{
    clseq_tensor loss, unused, unused2;
    clseq_status status;

    if (clseq_step_record_full(&t->record))
        t->record.used = 0;
    clseq_step_record_next(&t->record, &loss, &unused, &unused2);
    clseq_ema_swap(&t->ema);
    status = clseq_seq2seq_begin(t->model, input);
    if (status == CLSEQ_OK)
        status = clseq_seq2seq_loss(t->model, loss);
    clseq_ema_swap(&t->ema);
    return status;
}

/* Training and validation by turns, on the largest batches of both. Each batch of a validation
 * comes twice: there are several in a row, which find the same weights. */
static clseq_status all_steps(clseq_trainer *t, const struct fake *f)
{
    const clseq_batches *const texts[] = { t->train.batches, t->valid.batches };

    for (int i = 0; i < DRY_STEPS; i++) {
        for (size_t text = 0; text < CLSEQ_ARRAY_SIZE(texts); text++) {
            size_t count = 0;
            const clseq_batch_limits *shapes =
                texts[text] ? clseq_batches_shapes(texts[text], &count) : NULL;

            for (size_t k = 0; k < count; k++) {
                const struct clseq_seq2seq_input input = fake_input(f, &shapes[k]);

                CLSEQ_TRY(text == 0 ? one_step(t, &input) : one_validation(t, &input));
                if (text == 1 && clseq_batches_per_epoch(texts[1]) > 1)
                    CLSEQ_TRY(one_validation(t, &input));
            }
        }
    }
    return CLSEQ_OK;
}

/* A model for search beside what there is already; all is counted, and gone afterwards. */
static clseq_status translate(const clseq_trainer *t, int32_t S, int32_t B, int32_t beam)
{
    const clseq_batch_limits shape = { .S = (size_t)S, .B = (size_t)B };
    const struct clseq_seq2seq_limits limits = { .S = S, .B = B };
    clseq_decoder_state state = { 0 };
    clseq_seq2seq *model = NULL;
    struct fake f = { 0 };
    struct clseq_seq2seq_input input;
    clseq_status status;

    CLSEQ_TRY(clseq_seq2seq_create(t->be, &t->meta.config, &model));
    clseq_decoder_state_init(&state, model);
    CLSEQ_TRY_GOTO(status, out, fake_init(&f, t->ctx, &shape, t->meta.config.target_vocabulary));
    CLSEQ_TRY_GOTO(status, out, clseq_seq2seq_plan(model, &limits, false));
    CLSEQ_TRY_GOTO(status, out, clseq_decoder_state_plan(&state, B, S, beam));
    input = fake_input(&f, &shape);
    for (int i = 0; i < 2 && status == CLSEQ_OK; i++) /* batches, which find the same weights */
        status = search_steps(&state, &input, beam, beam == 1);
out:
    clseq_decoder_state_fini(&state);
    clseq_seq2seq_destroy(&model);
    fake_fini(&f);
    return status;
}

/* What a score hook makes: greedy search with the default batch. */
static clseq_status translate_validation(const clseq_trainer *t)
{
    clseq_batch_limits limits;

    if (t->options->best_by == CLSEQ_BEST_LOSS || !t->valid.batches)
        return CLSEQ_OK;
    clseq_batches_get_limits(t->valid.batches, &limits);
    return translate(t, (int32_t)limits.S, CLSEQ_SCORE_BATCH, 1);
}

static clseq_status run(clseq_trainer *t, struct clseq_memory_table *ret)
{
    const clseq_batches *const texts[] = { t->train.batches, t->valid.batches };
    clseq_batch_limits all, host;
    struct fake f = { 0 };
    clseq_status status;

    clseq_batch_plan_limits(texts, CLSEQ_ARRAY_SIZE(texts), &all, &host);
    CLSEQ_TRY_GOTO(status, out, fake_init(&f, t->ctx, &all, t->meta.config.target_vocabulary));
    CLSEQ_TRY_GOTO(status, out, clseq_trainer_create_device(t));
    CLSEQ_TRY_GOTO(status, out, all_steps(t, &f));
    *ret = *clseq_backend_memory_table(t->be);
    CLSEQ_TRY_GOTO(status, out, translate_validation(t));
    ret->peak = clseq_backend_memory_table(t->be)->peak;
out:
    fake_fini(&f);
    return status;
}

clseq_status clseq_trainer_dry_run(const clseq_trainer *t, struct clseq_memory_table *ret)
{
    clseq_trainer *dry = NULL;
    clseq_status status;

    CLSEQ_TRY(clseq_calloc(t->ctx, 1, sizeof(*dry), "plan", &dry));
    dry->ctx = t->ctx;
    dry->be = t->be;
    dry->options = t->options;
    dry->meta.config = t->meta.config;
    dry->train.batches = t->train.batches;
    dry->valid.batches = t->valid.batches;
    clseq_backend_dry_begin(t->be);
    status = run(dry, ret);
    clseq_trainer_destroy_device(dry);
    clseq_backend_dry_end(t->be);
    free(dry);
    return status;
}

clseq_status clseq_trainer_dry_translation(const clseq_trainer *t, int32_t S, int32_t B,
                                           int32_t beam, struct clseq_memory_table *ret)
{
    clseq_status status;

    clseq_backend_dry_begin(t->be);
    status = translate(t, S, B, beam);
    *ret = *clseq_backend_memory_table(t->be);
    clseq_backend_dry_end(t->be);
    return status;
}
