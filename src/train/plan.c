/* SPDX-License-Identifier: BSD-2-Clause */
#include "backend/backend_impl.h"
#include "base/clock.h"
#include "base/host_memory.h"
#include "data/batch_input.h"
#include "train/dry_run.h"
#include "train/plan_time.h"
#include "train/plan_translate.h"
#include "train/schedule.h"

#include <clseq/plan.h>
#include <clseq/translate.h>

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* The first batches of an epoch, in their random order, stand for all of it. */
#define WALK_BATCHES 4096

/* Rounds that say no more. */
#define ROUNDS 16

/* A model is written through a buffer of this size (io/model_file.c), and its vocabularies as text;
 * the latter is done here to see. */
#define SAVING_BYTES ((uint64_t)4 << 20)

/* What a text's batches are like: work and target words of each update, or of each batch. */
struct walk {
    double *work;
    uint64_t *words;
    size_t count;
    double most;
};

struct planner {
    clseq_context *ctx;
    struct clseq_train_options train;
    struct clseq_plan_options options;
    clseq_trainer *t;
    struct clseq_plan *plan;
    struct walk updates, valid;
};

void clseq_plan_options_init(struct clseq_plan_options *options)
{
    *options = (struct clseq_plan_options) { .beam = 5, .batch = 64, .seconds = 10 };
}

/* ---- memory ---- */

static uint64_t larger(uint64_t a, uint64_t b)
{
    return a > b ? a : b;
}

static uint64_t less(uint64_t a, uint64_t b)
{
    return a > b ? a - b : 0;
}

static void describe_batches(const clseq_trainer *t, struct clseq_plan *plan)
{
    clseq_batch_limits l;

    clseq_batches_get_limits(t->train.batches, &l);
    plan->longest_source = (int32_t)l.S;
    plan->longest_target = (int32_t)l.T;
    plan->sentences = (int32_t)l.B;
    if (!t->valid.batches)
        return;
    clseq_batches_get_limits(t->valid.batches, &l);
    plan->valid_source = (int32_t)l.S;
    plan->valid_target = (int32_t)l.T;
    plan->valid_sentences = (int32_t)l.B;
}

static uint64_t bytes_for(const struct clseq_memory_table *memory, const char *label)
{
    for (int i = 0; i < memory->count; i++) {
        if (strcmp(memory->kind[i].label, label) == 0)
            return memory->kind[i].bytes;
    }
    return 0;
}

static clseq_status count_device(const struct planner *p)
{
    const clseq_trainer *t = p->t;
    struct clseq_plan *plan = p->plan;
    struct clseq_memory_table memory;
    clseq_status status = clseq_trainer_dry_run(t, &memory);

    if (status == CLSEQ_ERR_LIMIT)
        return CLSEQ_OK; /* the check says it */
    CLSEQ_TRY(status);
    for (int i = 0; i < memory.count && plan->rows < CLSEQ_PLAN_ROWS; i++) {
        struct clseq_memory_row *row = &plan->row[plan->rows];

        if (memory.kind[i].bytes == 0)
            continue;
        snprintf(row->what, sizeof(row->what), "%s", memory.kind[i].label);
        row->bytes = memory.kind[i].bytes;
        plan->rows++;
    }
    plan->device_bytes = memory.peak;
    if (t->valid.batches) {
        clseq_trainer only = { .ctx = t->ctx, .be = t->be, .options = t->options };

        only.meta.config = t->meta.config;
        only.train.batches = t->valid.batches;
        CLSEQ_TRY(clseq_trainer_dry_run(&only, &memory));
        plan->valid_activation_bytes = bytes_for(&memory, "activations");
    }
    status = clseq_trainer_dry_translation(t, plan->longest_source, p->options.batch,
                                           p->options.beam, &memory);
    if (status != CLSEQ_ERR_LIMIT)
        CLSEQ_TRY(status);
    plan->translate_bytes = status == CLSEQ_OK ? memory.peak : 0;
    if (!t->valid.batches)
        return CLSEQ_OK;
    status = clseq_trainer_dry_translation(t, plan->valid_source, p->options.batch, p->options.beam,
                                           &memory);
    if (status != CLSEQ_ERR_LIMIT)
        CLSEQ_TRY(status);
    plan->valid_translate_bytes = status == CLSEQ_OK ? memory.peak : 0;
    return CLSEQ_OK;
}

static clseq_status check_device(const struct planner *p)
{
    const struct clseq_memory_there there = clseq_trainer_memory_there(p->t);
    struct clseq_plan *plan = p->plan;
    uint64_t planned;
    const clseq_status status = clseq_trainer_check_memory(p->t, &planned);

    plan->device_limit = there.bytes;
    plan->device_limit_what = there.what;
    plan->fits = status == CLSEQ_OK;
    if (status != CLSEQ_ERR_DEVICE_NOMEM)
        return status;
    snprintf(plan->advice, sizeof(plan->advice), "%s", clseq_context_error(p->ctx));
    return CLSEQ_OK;
}

/* From what the process has now, with `data` of it for the texts. */
static void count_host(const struct planner *p, uint64_t data)
{
    const struct clseq_host_use use = clseq_host_use();
    const bool shared = clseq_backend_info(p->t->be)->host_memory;
    const uint64_t now = shared ? clseq_backend_memory_table(p->t->be)->bytes : 0;
    struct clseq_plan *plan = p->plan;

    plan->host_data = data;
    plan->host_saving = SAVING_BYTES;
    plan->host_process = less(use.now, data + now);
    plan->host_peak = larger(use.peak, plan->host_process + data + SAVING_BYTES +
                                           (shared ? plan->device_bytes : 0));
    plan->host_available = clseq_host_available();
}

/* What saving makes of the vocabularies, to have been as large as it makes the process. */
static clseq_status try_saving(const struct planner *p)
{
    json_t *json = NULL;
    char *text;

    CLSEQ_TRY(clseq_model_meta_to_json(p->ctx, &p->t->meta, &json));
    text = json_dumps(json, JSON_COMPACT);
    json_decref(json);
    free(text);
    return CLSEQ_OK;
}

/* ---- time ---- */

static void walk_fini(struct walk *w)
{
    free(w->work);
    free(w->words);
    *w = (struct walk) { 0 };
}

/* Sampled words that only a target has are not known before they are drawn; they are few. */
static double work_of(const clseq_trainer *t, const clseq_batch *batch, bool training)
{
    const int32_t vocabulary = t->meta.config.target_vocabulary;
    const int32_t samples = clseq_candidates_samples(t->options, vocabulary);
    const struct clseq_bench_size size = { .model = t->meta.config,
                                           .B = (int32_t)batch->B,
                                           .S = (int32_t)batch->S,
                                           .T = (int32_t)batch->T };

    return clseq_forward_multiply_adds(&size, training && samples > 0 ? samples : vocabulary);
}

/* Look at the batches of a text from the beginning of an epoch, `group` of them together. */
static clseq_status walk(const struct planner *p, const clseq_dataset *data, bool training,
                         size_t group, struct walk *ret)
{
    clseq_batches *batches = NULL;
    clseq_batch batch;
    uint64_t n;
    clseq_status status;

    clseq_batch_init(&batch, p->ctx);
    CLSEQ_TRY(
        clseq_dataset_batches(p->ctx, &p->train, &p->t->meta, data->corpus, training, &batches));
    n = clseq_batches_per_epoch(batches);
    n = n > WALK_BATCHES && WALK_BATCHES >= group ? WALK_BATCHES / group * group : n;
    ret->count = (size_t)((n + group - 1) / group);
    CLSEQ_TRY_GOTO(status, out,
                   clseq_calloc(p->ctx, ret->count, sizeof(double), "plan", &ret->work));
    CLSEQ_TRY_GOTO(status, out,
                   clseq_calloc(p->ctx, ret->count, sizeof(uint64_t), "plan", &ret->words));
    for (uint64_t i = 0; i < n; i++) {
        CLSEQ_TRY_GOTO(status, out, clseq_batches_next(batches, &batch));
        ret->work[i / group] += work_of(p->t, &batch, training);
        ret->words[i / group] += batch.N;
    }
    for (size_t i = 0; i < ret->count; i++)
        ret->most = fmax(ret->most, ret->work[i]);
out:
    clseq_batch_fini(&batch);
    clseq_batches_destroy(&batches);
    return status;
}

static double mean(const double *x, size_t n)
{
    double sum = 0;

    for (size_t i = 0; i < n; i++)
        sum += x[i];
    return n > 0 ? sum / (double)n : 0;
}

/* Let the thread make the first batch, as it has in training by the time it is wanted. */
static void wait_for_batches(const struct planner *p)
{
    const struct timespec pause = { .tv_nsec = 20000000 };

    if (p->train.batches_ahead > 0)
        nanosleep(&pause, NULL);
}

/* Update `number` of the first epoch, done and measured. */
static clseq_status time_update(const struct planner *p, size_t number, double *seconds)
{
    clseq_trainer *t = p->t;
    int32_t rows;
    double start;

    t->state.update = number;
    CLSEQ_TRY(clseq_batches_ahead_seek(t->train.ahead, 0, number * p->train.accumulate));
    if (clseq_step_record_full(&t->record))
        CLSEQ_TRY(clseq_step_record_read(&t->record, &rows));
    wait_for_batches(p);
    start = clseq_seconds();
    CLSEQ_TRY(clseq_trainer_update(t, clseq_schedule_lr(&p->train, number, t->per_epoch, 0)));
    CLSEQ_TRY(clseq_backend_sync(t->be));
    *seconds = clseq_seconds() - start;
    return CLSEQ_OK;
}

static clseq_status time_validation(const struct planner *p, size_t number, double *seconds)
{
    clseq_trainer *t = p->t;
    clseq_tensor place, unused, unused2;
    struct clseq_seq2seq_input input;
    int32_t rows;
    double start;

    CLSEQ_TRY(clseq_batches_ahead_seek(t->valid.ahead, 0, number));
    if (clseq_step_record_full(&t->record))
        CLSEQ_TRY(clseq_step_record_read(&t->record, &rows));
    wait_for_batches(p);
    start = clseq_seconds();
    CLSEQ_TRY(clseq_batches_ahead_next(t->valid.ahead, &t->batch));
    input = clseq_batch_input(&t->batch);
    CLSEQ_TRY(clseq_seq2seq_begin(t->model, &input));
    clseq_step_record_next(&t->record, &place, &unused, &unused2);
    CLSEQ_TRY(clseq_seq2seq_loss(t->model, place));
    CLSEQ_TRY(clseq_backend_sync(t->be));
    *seconds = clseq_seconds() - start;
    return CLSEQ_OK;
}

typedef clseq_status time_one(const struct planner *p, size_t number, double *seconds);

/* The time of one of `w`, on the average. */
struct timing {
    struct clseq_plan_line line;
    int samples, rounds;
    double seconds, least, most;
};

static void add_round(struct timing *ret, const struct clseq_plan_sample *sample, int n,
                      double work)
{
    const struct clseq_plan_line line = clseq_plan_fit(sample, n);
    const double seconds = line.a + line.b * work;

    ret->least = ret->rounds == 0 ? seconds - 2 * line.error : fmin(ret->least, seconds);
    ret->most = ret->rounds == 0 ? seconds + 2 * line.error : fmax(ret->most, seconds);
    ret->rounds++;
}

/* Rounds over a few of `w` until the time is over; the first goes on until there are three, or all.
 * Warming up comes first: kernels are built at their first use. */
static clseq_status time_some(const struct planner *p, const struct walk *w, time_one *one,
                              double seconds, struct timing *ret)
{
    struct clseq_plan_sample sample[ROUNDS * CLSEQ_PLAN_SHARES];
    const double work = mean(w->work, w->count);
    size_t chosen[CLSEQ_PLAN_SHARES];
    clseq_status status;
    const int n = clseq_plan_choose(p->ctx, w->work, w->count, chosen, &status);
    double start, unused;
    int used = 0;

    CLSEQ_TRY(status);
    *ret = (struct timing) { 0 };
    CLSEQ_TRY(one(p, chosen[0], &unused));
    start = clseq_seconds();
    while (ret->rounds < ROUNDS) {
        const int first = used;

        for (int i = 0; i < n; i++) {
            if (clseq_seconds() - start > seconds && used >= (n < 3 ? n : 3))
                break;
            sample[used].work = w->work[chosen[i]];
            CLSEQ_TRY(one(p, chosen[i], &sample[used].seconds));
            used++;
        }
        if (used - first == n || first == 0)
            add_round(ret, sample + first, used - first, work);
        if (used - first < n || clseq_seconds() - start > seconds)
            break;
    }
    ret->samples = used;
    ret->line = clseq_plan_fit(sample, used);
    ret->seconds = ret->line.a + ret->line.b * work;
    return CLSEQ_OK;
}

/* How often `when` comes about in so many updates; 0 = never. */
static double times_of(const struct clseq_when *when, double updates, double per_epoch)
{
    double every = HUGE_VAL;

    if (when->epochs > 0)
        every = fmin(every, when->epochs * per_epoch);
    if (when->updates > 0)
        every = fmin(every, (double)when->updates);
    return isfinite(every) ? updates / every : 0;
}

static double total_seconds(const struct planner *p)
{
    const struct clseq_when *after = &p->train.after;
    const double per_epoch = (double)p->t->per_epoch;
    double updates = HUGE_VAL, seconds = HUGE_VAL;

    if (after->epochs > 0)
        updates = fmin(updates, ceil(after->epochs * per_epoch));
    if (after->updates > 0)
        updates = fmin(updates, (double)after->updates);
    if (isfinite(updates)) {
        const double validations =
            p->t->valid.corpus ? ceil(times_of(&p->train.valid_every, updates, per_epoch)) : 0;

        seconds = updates * p->plan->update_seconds + validations * p->plan->valid_seconds;
    }
    if (after->seconds > 0)
        seconds = fmin(seconds, after->seconds);
    return isfinite(seconds) ? seconds : 0;
}

static clseq_status time_training(struct planner *p)
{
    struct clseq_plan *plan = p->plan;
    const double per_epoch = (double)p->t->per_epoch;
    struct timing timing;
    double words = 0;

    CLSEQ_TRY(walk(p, &p->t->train, true, p->train.accumulate, &p->updates));
    CLSEQ_TRY(time_some(p, &p->updates, time_update, p->options.seconds, &timing));
    for (size_t i = 0; i < p->updates.count; i++)
        words += (double)p->updates.words[i] / (double)p->updates.count;
    plan->samples = timing.samples;
    plan->rounds = timing.rounds;
    plan->update_seconds = timing.seconds;
    plan->update_seconds_min = fmax(timing.least, 0);
    plan->update_seconds_max = timing.most;
    plan->slowest_update_seconds = timing.line.a + timing.line.b * p->updates.most;
    plan->epoch_seconds = plan->update_seconds * per_epoch;
    plan->epoch_seconds_min = plan->update_seconds_min * per_epoch;
    plan->epoch_seconds_max = plan->update_seconds_max * per_epoch;
    plan->target_tokens_per_second = timing.seconds > 0 ? words / timing.seconds : 0;
    if (p->t->valid.corpus) {
        CLSEQ_TRY(walk(p, &p->t->valid, false, 1, &p->valid));
        CLSEQ_TRY(time_some(p, &p->valid, time_validation, p->options.seconds / 5, &timing));
        plan->valid_seconds = timing.seconds * (double)clseq_batches_per_epoch(p->t->valid.batches);
    }
    plan->total_seconds = total_seconds(p);
    return CLSEQ_OK;
}

/* ---- all ---- */

static clseq_status make_plan(struct planner *p)
{
    const uint64_t before = clseq_host_use().now;
    clseq_trainer *t = p->t;
    struct clseq_plan *plan = p->plan;
    uint64_t data;

    CLSEQ_TRY(clseq_trainer_load_data(t));
    CLSEQ_TRY(clseq_trainer_load_vectors(t));
    CLSEQ_TRY(clseq_trainer_create_batches(t));
    data = less(clseq_host_use().now, before);
    plan->weights = clseq_model_config_weights(&t->meta.config);
    plan->source_vocabulary = t->meta.config.source_vocabulary;
    plan->target_vocabulary = t->meta.config.target_vocabulary;
    plan->batches_per_epoch = t->batches_per_epoch;
    plan->updates_per_epoch = t->per_epoch;
    describe_batches(t, plan);
    CLSEQ_TRY(count_device(p));
    CLSEQ_TRY(check_device(p));
    if (plan->fits && p->options.seconds > 0) {
        clseq_backend_limit_memory(t->be, p->train.memory_limit);
        CLSEQ_TRY(clseq_trainer_create_device(t));
        CLSEQ_TRY(clseq_trainer_init_weights(t));
        CLSEQ_TRY(time_training(p));
    }
    CLSEQ_TRY(try_saving(p));
    count_host(p, data);
    /* A profile is that of the updates. */
    if (plan->samples == 0 || plan->valid_translate_bytes == 0 || t->be->profiling)
        return CLSEQ_OK;
    /* A translation comes after the training, which is no longer there then. */
    clseq_trainer_destroy_device(t);
    return clseq_plan_translation(t, p->options.batch, p->options.beam, p->options.seconds / 5,
                                  &plan->valid_translate_seconds, &plan->valid_translate_batches);
}

static clseq_status check_options(clseq_context *ctx, clseq_backend *be,
                                  const struct clseq_plan_options *o)
{
    if (strcmp(clseq_backend_info(be)->name, "mirror") == 0)
        return clseq_fail(ctx, CLSEQ_ERR_ARG,
                          "mirror has everything twice and is for tests: plan for another backend");
    if (o->beam < 1 || o->beam > CLSEQ_BEAM_LIMIT)
        return clseq_fail(ctx, CLSEQ_ERR_ARG, "beam is %d, but must be between 1 and %d", o->beam,
                          CLSEQ_BEAM_LIMIT);
    if (o->batch < 1 || o->batch > CLSEQ_BATCH_LIMIT)
        return clseq_fail(ctx, CLSEQ_ERR_ARG, "batch is %d, but must be between 1 and %d", o->batch,
                          CLSEQ_BATCH_LIMIT);
    if (!(o->seconds >= 0 && o->seconds <= 86400))
        return clseq_fail(ctx, CLSEQ_ERR_ARG, "seconds are %g, but must be between 0 and 86400",
                          o->seconds);
    return CLSEQ_OK;
}

static const char *default_folder(void)
{
    const char *folder = getenv("TMPDIR");

    return folder && *folder ? folder : "/tmp";
}

clseq_status clseq_train_plan(clseq_context *ctx, clseq_backend *be,
                              const struct clseq_train_options *train,
                              const struct clseq_plan_options *options, struct clseq_plan *ret)
{
    struct planner p = { .ctx = ctx, .train = *train, .plan = ret };
    clseq_status status;

    *ret = (struct clseq_plan) { 0 };
    clseq_plan_options_init(&p.options);
    if (options)
        p.options = *options;
    p.train.run = p.options.folder ? p.options.folder : default_folder();
    CLSEQ_TRY(check_options(ctx, be, &p.options));
    CLSEQ_TRY(clseq_train_options_check(ctx, &p.train));
    CLSEQ_TRY(clseq_calloc(ctx, 1, sizeof(*p.t), "plan", &p.t));
    p.t->ctx = ctx;
    p.t->be = be;
    p.t->options = &p.train;
    p.t->folder.lock = -1;
    clseq_batch_init(&p.t->batch, ctx);
    status = make_plan(&p);
    walk_fini(&p.updates);
    walk_fini(&p.valid);
    clseq_trainer_fini(p.t);
    clseq_backend_limit_memory(be, 0);
    free(p.t);
    return status;
}
