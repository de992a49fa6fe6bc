/* SPDX-License-Identifier: BSD-2-Clause */
#include "train/trainer.h"
#include "base/clock.h"
#include "data/batch_input.h"
#include "nn/sampled_output.h"
#include "train/dry_run.h"
#include "train/schedule.h"
#include "train/validation.h"

#include <math.h>
#include <stdlib.h>
#include <unistd.h>

/* So many updates in a row with a gradient that is not finite mean that nothing will come of the
 * run: the weights are intact, but produce no gradient. */
#define SKIPS_UNTIL_DIVERGED 100

double clseq_trainer_seconds(const clseq_trainer *t)
{
    return t->seconds_before + clseq_seconds() - t->session_start;
}

/* ---- telling ---- */

static void tell(clseq_trainer *t, struct clseq_train_event *event, const char *fmt, ...)
    CLSEQ_PRINTF(3, 4);

static void tell(clseq_trainer *t, struct clseq_train_event *event, const char *fmt, ...)
{
    char text[1024];
    va_list args;

    if (!t->hooks || !t->hooks->event)
        return;
    va_start(args, fmt);
    vsnprintf(text, sizeof(text), fmt, args);
    va_end(args);
    event->text = text;
    event->update = t->state.update;
    event->updates_per_epoch = t->per_epoch;
    event->epoch = t->per_epoch ? (double)t->state.update / (double)t->per_epoch : 0;
    event->seconds = clseq_trainer_seconds(t);
    event->skipped = t->state.skipped;
    t->hooks->event(t->hooks->user, event);
}

static double seconds_left(const clseq_trainer *t)
{
    const struct clseq_when *after = &t->options->after;
    const double done = clseq_trainer_seconds(t), updates = (double)t->state.update;
    double left = HUGE_VAL;

    if (updates <= 0 || done <= 0)
        return -1;
    if (after->epochs > 0)
        left = fmin(left, (after->epochs * (double)t->per_epoch - updates) * done / updates);
    if (after->updates > 0)
        left = fmin(left, ((double)after->updates - updates) * done / updates);
    if (after->seconds > 0)
        left = fmin(left, after->seconds - done);
    return isfinite(left) ? fmax(left, 0) : -1;
}

/* ---- data ---- */

static void tell_data(clseq_trainer *t, const char *what, const clseq_dataset *data)
{
    const clseq_corpus_stats s = clseq_corpus_get_stats(data->corpus);
    struct clseq_train_event event = { .kind = CLSEQ_TRAIN_DATA };

    tell(t, &event,
         "%s: %llu pairs (%llu empty and %llu over-long ones skipped), %llu + %llu tokens, unknown "
         "%.2f %% + %.2f %%, longest %u + %u",
         what, (unsigned long long)s.kept, (unsigned long long)s.skipped_empty,
         (unsigned long long)s.skipped_long, (unsigned long long)s.source_tokens,
         (unsigned long long)s.target_tokens,
         100 * (double)s.source_unknown / (double)s.source_tokens,
         100 * (double)s.target_unknown / (double)s.target_tokens, s.longest_source,
         s.longest_target);
}

/* The file of one side, where it is still needed: to begin with, or to know what is frozen. */
static clseq_status load_vectors(clseq_trainer *t, int side)
{
    const struct clseq_train_options *o = t->options;
    const char *path = side ? o->target_vectors : o->source_vectors;
    struct clseq_train_event event = { .kind = CLSEQ_TRAIN_DATA };
    clseq_pretrained *p = &t->pretrained[side];
    char about[256];

    if (!path || (t->resumed && !clseq_schedule_frozen(o, t->state.update, t->per_epoch)))
        return CLSEQ_OK;
    CLSEQ_TRY(clseq_pretrained_read(p, t->ctx, path,
                                    side ? t->meta.target_vocab : t->meta.source_vocab,
                                    (size_t)o->model.embedding));
    if (t->resumed && t->state.vectors[side] != p->fingerprint)
        return clseq_fail(t->ctx, CLSEQ_ERR_ARG,
                          "%s: these are not the vectors this run was started with: give the old "
                          "file to go on, or choose another folder with -o",
                          path);
    t->state.vectors[side] = p->fingerprint;
    clseq_pretrained_describe(p, about, sizeof(about));
    tell(t, &event, "%s %s", path, about);
    return CLSEQ_OK;
}

clseq_status clseq_trainer_load_vectors(clseq_trainer *t)
{
    for (int side = 0; side < 2; side++)
        CLSEQ_TRY(load_vectors(t, side));
    return CLSEQ_OK;
}

clseq_status clseq_trainer_load_data(clseq_trainer *t)
{
    const struct clseq_train_options *o = t->options;
    clseq_pairs *pairs = NULL;
    clseq_status status;

    CLSEQ_TRY(clseq_pairs_open(t->ctx, o->source, o->target, 0, &pairs));
    CLSEQ_TRY_GOTO(status, out, clseq_pairs_check_rewind(pairs));
    if (!t->resumed)
        CLSEQ_TRY_GOTO(status, out, clseq_dataset_vocabularies(t->ctx, o, pairs, &t->meta));
    else
        CLSEQ_TRY_GOTO(status, out, clseq_dataset_check_codes(t->ctx, o, &t->meta));
    CLSEQ_TRY_GOTO(status, out, clseq_dataset_init(&t->train, t->ctx, o, &t->meta, pairs, true));
    tell_data(t, "training text", &t->train);
    t->batches_per_epoch = clseq_batches_per_epoch(t->train.batches);
    t->per_epoch = (t->batches_per_epoch + o->accumulate - 1) / o->accumulate;
    clseq_pairs_close(&pairs);
    if (o->valid_source) {
        CLSEQ_TRY_GOTO(status, out,
                       clseq_pairs_open(t->ctx, o->valid_source, o->valid_target, 0, &pairs));
        CLSEQ_TRY_GOTO(status, out,
                       clseq_dataset_init(&t->valid, t->ctx, o, &t->meta, pairs, false));
        tell_data(t, "validation text", &t->valid);
    }
out:
    clseq_pairs_close(&pairs);
    return status;
}

/* One batch goes round between both texts, so all of them have room for either. */
clseq_status clseq_trainer_create_batches(clseq_trainer *t)
{
    const clseq_batches *const texts[] = { t->train.batches, t->valid.batches };
    const size_t count = t->options->batches_ahead;
    clseq_batch_limits all, host;

    clseq_batch_plan_limits(texts, CLSEQ_ARRAY_SIZE(texts), &all, &host);
    CLSEQ_TRY(clseq_batch_reserve(&t->batch, &host));
    CLSEQ_TRY(clseq_batches_ahead_create(t->ctx, t->train.batches, count, &host, &t->train.ahead));
    if (!t->valid.batches)
        return CLSEQ_OK;
    return clseq_batches_ahead_create(t->ctx, t->valid.batches, count, &host, &t->valid.ahead);
}

/* Device memory for every batch of training and validation, once for the whole run. */
static clseq_status plan_device(clseq_trainer *t)
{
    const clseq_batches *const texts[] = { t->train.batches, t->valid.batches };
    struct clseq_seq2seq_limits planned;
    clseq_batch_limits all, host;

    clseq_batch_plan_limits(texts, CLSEQ_ARRAY_SIZE(texts), &all, &host);
    CLSEQ_TRY(clseq_batch_plan_model(t->model, texts, CLSEQ_ARRAY_SIZE(texts)));
    planned = clseq_batch_input_limits(&all);
    CLSEQ_TRY(clseq_candidates_init_for(&t->candidates, t->ctx, t->options, t->train.corpus,
                                        t->model->config.target_vocabulary, all.N));
    if (t->options->teacher_forcing < 1)
        CLSEQ_TRY(
            clseq_scheduled_sampling_init(&t->sampling, t->model, &planned, t->options->seed));
    if (t->options->accumulate == 1)
        return CLSEQ_OK;
    return clseq_accumulator_init(&t->accumulator, t->model, &planned, t->options->accumulate);
}

/* ---- starting and resuming ---- */

/* The options in config.json decide the numbers of the run, now and ever after. */
static clseq_status check_config(clseq_trainer *t, const json_t *given)
{
    json_t *saved = NULL;
    clseq_status status;

    CLSEQ_TRY(clseq_run_folder_read_config(&t->folder, &saved));
    status = saved ? clseq_train_options_match(t->ctx, t->folder.path, saved, given) : CLSEQ_OK;
    json_decref(saved);
    return status;
}

static clseq_status check_corpus(const clseq_trainer *t)
{
    const uint64_t now = clseq_corpus_fingerprint(t->train.corpus);

    if (t->state.fingerprint != now)
        return clseq_fail(
            t->ctx, CLSEQ_ERR_ARG,
            "%s: the training text is not the one this run was started with (fingerprint "
            "%016llx, was %016llx): give the old text to go on, or choose another folder "
            "with -o",
            t->folder.path, (unsigned long long)now, (unsigned long long)t->state.fingerprint);
    return CLSEQ_OK;
}

clseq_status clseq_trainer_init_weights(clseq_trainer *t)
{
    static const enum clseq_init kinds[] = {
        [CLSEQ_INIT_KIND_UNIFORM] = CLSEQ_INIT_UNIFORM,
        [CLSEQ_INIT_KIND_NORMAL] = CLSEQ_INIT_NORMAL,
        [CLSEQ_INIT_KIND_XAVIER] = CLSEQ_INIT_XAVIER,
        [CLSEQ_INIT_KIND_ORTHOGONAL] = CLSEQ_INIT_ORTHOGONAL,
    };
    const struct clseq_train_options *o = t->options;
    const clseq_run run = clseq_seq2seq_run(t->model, false);

    CLSEQ_TRY(clseq_seq2seq_init(t->model, kinds[o->init], o->init_scale, o->seed));
    if (o->loss == CLSEQ_LOSS_NCE)
        CLSEQ_TRY(clseq_sampled_output_start_nce(&t->model->decoder.output, &run));
    if (o->set_forget_bias)
        CLSEQ_TRY(clseq_init_forget_bias(&run, o->forget_bias));
    if (t->pretrained[0].row)
        CLSEQ_TRY(clseq_pretrained_apply(&t->pretrained[0], &t->model->encoder.embedding, &run));
    if (t->pretrained[1].row)
        CLSEQ_TRY(clseq_pretrained_apply(&t->pretrained[1], &t->model->decoder.embedding, &run));
    return t->ema.model ? clseq_ema_start(&t->ema) : CLSEQ_OK;
}

clseq_status clseq_trainer_create_device(clseq_trainer *t)
{
    const struct clseq_optimizer_options optimizer = clseq_train_options_optimizer(t->options);
    const int32_t V = t->meta.config.target_vocabulary;

    CLSEQ_TRY(clseq_seq2seq_create_sampled(t->be, &t->meta.config,
                                           clseq_candidates_samples(t->options, V), &t->model));
    clseq_train_options_regularise(t->options, t->model);
    CLSEQ_TRY(clseq_optimizer_init_with(&t->optimizer, t->model, &optimizer));
    if (t->options->ema > 0)
        CLSEQ_TRY(clseq_ema_init(&t->ema, t->model, t->options->ema));
    CLSEQ_TRY(clseq_step_record_init(&t->record, t->be));
    return plan_device(t);
}

void clseq_trainer_destroy_device(clseq_trainer *t)
{
    clseq_step_record_fini(&t->record);
    clseq_accumulator_fini(&t->accumulator);
    clseq_scheduled_sampling_fini(&t->sampling);
    clseq_candidates_fini(&t->candidates);
    clseq_ema_fini(&t->ema);
    clseq_optimizer_fini(&t->optimizer);
    clseq_seq2seq_destroy(&t->model);
}

static clseq_status create_model(clseq_trainer *t, clseq_safetensors *checkpoint)
{
    CLSEQ_TRY(clseq_trainer_check_memory(t, &t->planned_bytes));
    clseq_backend_limit_memory(t->be, t->options->memory_limit);
    CLSEQ_TRY(clseq_trainer_create_batches(t));
    CLSEQ_TRY(clseq_trainer_create_device(t));
    if (checkpoint)
        return clseq_checkpoint_read(t->model, &t->optimizer, &t->ema, checkpoint);
    return clseq_trainer_init_weights(t);
}

static clseq_status start(clseq_trainer *t)
{
    clseq_safetensors *checkpoint = NULL;
    clseq_status status = CLSEQ_OK;
    struct clseq_train_event event = { .kind = CLSEQ_TRAIN_START };

    t->resumed = access(t->folder.last, F_OK) == 0;
    if (t->resumed) {
        CLSEQ_TRY(clseq_model_open(t->ctx, t->folder.last, NULL, &checkpoint, &t->meta));
        CLSEQ_TRY_GOTO(status, out, clseq_checkpoint_state(t->ctx, checkpoint, &t->state));
        t->seconds_before = t->state.seconds;
    }
    CLSEQ_TRY_GOTO(status, out, clseq_trainer_load_data(t));
    if (t->resumed)
        CLSEQ_TRY_GOTO(status, out, check_corpus(t));
    else
        t->state.fingerprint = clseq_corpus_fingerprint(t->train.corpus);
    CLSEQ_TRY_GOTO(status, out, clseq_trainer_load_vectors(t));
    CLSEQ_TRY_GOTO(status, out, create_model(t, checkpoint));
    CLSEQ_TRY_GOTO(
        status, out,
        clseq_run_folder_log(&t->folder,
                             json_pack("{s:s, s:I, s:s, s:s, s:s, s:I, s:I, s:I}", "event",
                                       t->resumed ? "resume" : "start", "update",
                                       (json_int_t)t->state.update, "backend",
                                       clseq_backend_info(t->be)->name, "device",
                                       clseq_backend_info(t->be)->device, "driver",
                                       clseq_backend_info(t->be)->driver, "weights",
                                       (json_int_t)clseq_param_total(&t->model->store),
                                       "device_bytes", (json_int_t)clseq_seq2seq_bytes(t->model),
                                       "device_planned_bytes", (json_int_t)t->planned_bytes)));
    tell(t, &event,
         "%s: %.2f million weights, vocabulary %d + %d, %llu updates an epoch, %.0f MB on %s",
         t->resumed ? "going on" : "model", 1e-6 * (double)clseq_param_total(&t->model->store),
         t->meta.config.source_vocabulary, t->meta.config.target_vocabulary,
         (unsigned long long)t->per_epoch, 1e-6 * (double)t->planned_bytes,
         clseq_backend_info(t->be)->device);
out:
    clseq_safetensors_close(&checkpoint);
    return status;
}

/* ---- reports ---- */

/* Read back what the updates left and add it up. */
static clseq_status drain(clseq_trainer *t)
{
    int32_t rows;

    CLSEQ_TRY(clseq_step_record_read(&t->record, &rows));
    for (int32_t i = 0; i < rows; i++) {
        const float *row = t->record.host + (size_t)i * 4;

        t->report.loss += (double)row[0];
        t->report.norm = (double)row[2];
        if (row[3] == 0) {
            t->state.skipped++;
            t->state.skipped_in_row++;
        } else {
            t->state.skipped_in_row = 0;
        }
    }
    if (t->state.skipped_in_row >= SKIPS_UNTIL_DIVERGED)
        return clseq_fail(
            t->ctx, CLSEQ_ERR_NUMERIC,
            "training diverged: the gradients of the last %llu updates were not finite and "
            "were skipped. %s holds the last good state; start again in another folder with "
            "a lower --lr or --clip",
            (unsigned long long)t->state.skipped_in_row, t->folder.last);
    return CLSEQ_OK;
}

static clseq_status report(clseq_trainer *t, double lr)
{
    struct clseq_train_sums *r = &t->report;
    struct clseq_train_event event = { .kind = CLSEQ_TRAIN_UPDATE, .lr = lr };

    CLSEQ_TRY(drain(t));
    if (r->tokens > 0) {
        event.loss = r->loss / (double)r->tokens;
        event.tokens_per_second = (double)r->tokens / (clseq_seconds() - r->started);
        t->train_loss = event.loss;
    }
    event.perplexity = exp(event.loss);
    event.gradient_norm = r->norm;
    event.seconds_left = seconds_left(t);
    CLSEQ_TRY(clseq_run_folder_log(
        &t->folder, json_pack("{s:s, s:I, s:f, s:f, s:f, s:f, s:f, s:f, s:I}", "event", "update",
                              "update", (json_int_t)t->state.update, "epoch",
                              (double)t->state.update / (double)t->per_epoch, "loss",
                              isfinite(event.loss) ? event.loss : -1.0, "lr", lr, "gradient_norm",
                              isfinite(r->norm) ? r->norm : -1.0, "target_tokens_per_s",
                              event.tokens_per_second, "seconds", clseq_trainer_seconds(t),
                              "skipped", (json_int_t)t->state.skipped)));
    tell(t, &event,
         "epoch %.2f  update %llu  loss %.4f  perplexity %.2f  lr %.3g  norm %.2f  %.0f tokens/s",
         (double)t->state.update / (double)t->per_epoch, (unsigned long long)t->state.update,
         event.loss, event.perplexity, lr, r->norm, event.tokens_per_second);
    *r = (struct clseq_train_sums) { .started = clseq_seconds() };
    return CLSEQ_OK;
}

/* ---- saving ---- */

/* The weights that count: the average, where there is one. */
static clseq_status save_model(clseq_trainer *t, const char *path)
{
    clseq_status status;

    clseq_ema_swap(&t->ema);
    status = clseq_model_save(t->model, &t->meta, path, NULL);
    clseq_ema_swap(&t->ema);
    return status;
}

static clseq_status keep_model(clseq_trainer *t)
{
    char *path = NULL;
    clseq_status status;

    CLSEQ_TRY(clseq_run_folder_kept(&t->folder, t->state.update, &path));
    status = save_model(t, path);
    free(path);
    if (status == CLSEQ_OK)
        clseq_run_folder_drop_kept(&t->folder, t->options->keep);
    return status;
}

static clseq_status save(clseq_trainer *t)
{
    struct clseq_train_event event = { .kind = CLSEQ_TRAIN_SAVE };

    CLSEQ_TRY(drain(t));
    t->state.seconds = clseq_trainer_seconds(t);
    CLSEQ_TRY(clseq_checkpoint_save(t->model, &t->meta, &t->optimizer, &t->ema, &t->state,
                                    t->folder.last));
    /* Without validation the newest model is the best one known. */
    if (!t->valid.corpus)
        CLSEQ_TRY(save_model(t, t->folder.best));
    t->last_save = clseq_seconds();
    CLSEQ_TRY(clseq_run_folder_log(&t->folder, json_pack("{s:s, s:I}", "event", "save", "update",
                                                         (json_int_t)t->state.update)));
    tell(t, &event, "saved %s at update %llu", t->folder.last, (unsigned long long)t->state.update);
    return CLSEQ_OK;
}

void clseq_trainer_poll_stop(clseq_trainer *t)
{
    if (!t->stop && t->hooks && t->hooks->stop && t->hooks->stop(t->hooks->user))
        t->stop = true;
}

/* ---- validation ---- */

/* What the hook says of this validation's model, in a file of its own. */
static clseq_status score_model(clseq_trainer *t, double *score)
{
    clseq_status status;

    CLSEQ_TRY(save_model(t, t->folder.candidate));
    status = t->hooks->score(t->hooks->score_user, t->folder.candidate, score);
    unlink(t->folder.candidate);
    return status;
}

static bool is_better(const clseq_trainer *t, const struct clseq_train_event *now)
{
    if (!isfinite(now->loss))
        return false;
    if (!t->state.has_best)
        return true;
    switch (t->options->best_by) {
    case CLSEQ_BEST_HIGHEST_SCORE:
        return now->score > t->state.best_score;
    case CLSEQ_BEST_LOWEST_SCORE:
        return now->score < t->state.best_score;
    case CLSEQ_BEST_LOSS:
        break;
    }
    return now->loss < t->state.best_loss;
}

static void tell_validation(clseq_trainer *t, struct clseq_train_event *event)
{
    char score[64] = "", log_z[64] = "";

    if (event->has_score) {
        const char *name = t->hooks->score_name ? t->hooks->score_name : "score";
        const char *unit = t->hooks->score_unit ? t->hooks->score_unit : "";

        snprintf(score, sizeof(score), "  %.16s %.2f%.8s", name, event->score, unit);
    }
    if (event->has_log_z)
        snprintf(log_z, sizeof(log_z), "  log Z %.3f +- %.3f", event->log_z, event->log_z_spread);
    tell(t, event, "validation: loss %.4f  perplexity %.2f%s%s%s", event->loss, event->perplexity,
         log_z, score, event->best ? "  (best so far, saved)" : "");
}

static clseq_status validate(clseq_trainer *t)
{
    struct clseq_train_event event = { .kind = CLSEQ_TRAIN_VALID };
    const double started = clseq_seconds();
    clseq_status status;
    bool complete;

    CLSEQ_TRY(drain(t));
    clseq_ema_swap(&t->ema);
    status = clseq_validation_run(t, &event, &complete);
    clseq_ema_swap(&t->ema);
    CLSEQ_TRY(status);
    if (!complete)
        return CLSEQ_OK; /* made again after the resume */
    event.has_score = t->hooks && t->hooks->score && isfinite(event.loss);
    if (event.has_score)
        CLSEQ_TRY(score_model(t, &event.score));
    t->report.started += clseq_seconds() - started;
    t->state.validated = t->state.update;
    event.perplexity = exp(event.loss);
    event.best = is_better(t, &event);
    if (event.best) {
        t->state.has_best = true;
        t->state.best_loss = event.loss;
        t->state.best_score = event.score;
        t->state.worse_validations = 0;
        t->state.since_decay = 0;
        CLSEQ_TRY(save_model(t, t->folder.best));
    } else {
        t->state.worse_validations++;
        if (++t->state.since_decay >= (uint64_t)t->options->patience) {
            t->state.since_decay = 0;
            t->state.decays++;
        }
    }
    if (t->options->keep > 0)
        CLSEQ_TRY(keep_model(t));
    CLSEQ_TRY(clseq_run_folder_log(&t->folder, clseq_validation_entry(t, &event)));
    tell_validation(t, &event);
    return CLSEQ_OK;
}

static bool validation_due(const clseq_trainer *t)
{
    return t->valid.corpus && t->state.validated != t->state.update &&
           clseq_schedule_due(&t->options->valid_every, t->state.update, t->per_epoch);
}

/* ---- the loop ---- */

/* What the summed loss of an update is multiplied by. */
static double loss_scale(const clseq_trainer *t, size_t sentences, size_t words)
{
    return 1 / (double)(t->options->average_tokens ? words : sentences);
}

/* Of batch i of the update at hand, so that every batch of a run has its own random numbers, also
 * after a resume. */
static uint32_t batch_number(const clseq_trainer *t, uint64_t i)
{
    return (uint32_t)(t->state.update * t->options->accumulate + i);
}

static void freeze(clseq_trainer *t)
{
    if (t->pretrained[0].row)
        clseq_pretrained_freeze(&t->pretrained[0], &t->batch.source_rows);
    if (t->pretrained[1].row)
        clseq_pretrained_freeze(&t->pretrained[1], &t->batch.target_rows);
}

/* Batch i of the update at hand. */
static clseq_status next_batch(clseq_trainer *t, uint64_t i, struct clseq_seq2seq_input *input)
{
    const uint32_t number = batch_number(t, i);
    double ratio = 1;

    CLSEQ_TRY(clseq_batches_ahead_next(t->train.ahead, &t->batch));
    if (t->options->teacher_forcing < 1)
        ratio = clseq_schedule_teacher_forcing(t->options, t->state.update, t->per_epoch);
    if (ratio < 1)
        CLSEQ_TRY(clseq_scheduled_sampling_draw(&t->sampling, &t->batch, number, ratio));
    if (clseq_schedule_frozen(t->options, t->state.update, t->per_epoch))
        freeze(t);
    t->model->dropout.step = number;
    *input = clseq_batch_input(&t->batch);
    return clseq_candidates_add(&t->candidates, t->state.update, input);
}

static clseq_status update_from_one(clseq_trainer *t, double lr, clseq_tensor loss,
                                    clseq_tensor sumsq, clseq_tensor stats)
{
    struct clseq_seq2seq_input input;

    CLSEQ_TRY(next_batch(t, 0, &input));
    CLSEQ_TRY(clseq_seq2seq_begin(t->model, &input));
    CLSEQ_TRY(clseq_seq2seq_loss_bwd(t->model, loss_scale(t, t->batch.B, t->batch.N), false, loss));
    t->report.tokens += t->batch.N;
    return clseq_optimizer_step(&t->optimizer, t->state.update + 1, lr, t->options->clip, sumsq,
                                stats);
}

/* How many sentences and words a group has is known when it is done, so the gradients are summed
 * and scaled then. */
static clseq_status update_from_group(clseq_trainer *t, uint64_t batches, double lr,
                                      clseq_tensor loss, clseq_tensor sumsq, clseq_tensor stats)
{
    size_t sentences = 0, words = 0;

    clseq_accumulator_begin(&t->accumulator);
    for (uint64_t i = 0; i < batches; i++) {
        struct clseq_seq2seq_input input;

        CLSEQ_TRY(next_batch(t, i, &input));
        CLSEQ_TRY(clseq_accumulator_add(&t->accumulator, &input, loss));
        sentences += t->batch.B;
        words += t->batch.N;
    }
    CLSEQ_TRY(clseq_accumulator_end(&t->accumulator));
    t->report.tokens += words;
    return clseq_optimizer_step_scaled(&t->optimizer, t->state.update + 1, lr, t->options->clip,
                                       loss_scale(t, sentences, words), sumsq, stats);
}

clseq_status clseq_trainer_update(clseq_trainer *t, double lr)
{
    const uint64_t first = t->state.update % t->per_epoch * t->options->accumulate;
    const uint64_t left = t->batches_per_epoch - first;
    const uint64_t group = left < t->options->accumulate ? left : t->options->accumulate;
    clseq_tensor loss, sumsq, stats;

    clseq_step_record_next(&t->record, &loss, &sumsq, &stats);
    if (group == 1)
        CLSEQ_TRY(update_from_one(t, lr, loss, sumsq, stats));
    else
        CLSEQ_TRY(update_from_group(t, group, lr, loss, sumsq, stats));
    t->state.update++;
    return t->ema.model ? clseq_ema_update(&t->ema, t->state.update) : CLSEQ_OK;
}

static bool finished(const clseq_trainer *t)
{
    const struct clseq_when *after = &t->options->after;

    return (after->epochs > 0 && (double)t->state.update >= after->epochs * (double)t->per_epoch) ||
           (after->updates > 0 && t->state.update >= after->updates) ||
           (after->seconds > 0 && clseq_trainer_seconds(t) >= after->seconds);
}

static bool gave_up(const clseq_trainer *t)
{
    return t->options->early_stop > 0 && t->state.worse_validations >= t->options->early_stop;
}

static bool save_due(const clseq_trainer *t)
{
    const struct clseq_when *every = &t->options->save_every;

    return clseq_schedule_due(every, t->state.update, t->per_epoch) ||
           (every->seconds > 0 && clseq_seconds() - t->last_save >= every->seconds);
}

static clseq_status loop(clseq_trainer *t)
{
    CLSEQ_TRY(clseq_batches_ahead_seek(t->train.ahead, (uint32_t)(t->state.update / t->per_epoch),
                                       t->state.update % t->per_epoch * t->options->accumulate));
    if (validation_due(t)) /* interrupted in the middle of it */
        CLSEQ_TRY(validate(t));
    clseq_trainer_poll_stop(t);
    while (!t->stop && !finished(t) && !gave_up(t)) {
        const double lr =
            clseq_schedule_lr(t->options, t->state.update, t->per_epoch, t->state.decays);

        CLSEQ_TRY(clseq_trainer_update(t, lr));
        if (t->state.update % t->options->log_every == 0)
            CLSEQ_TRY(report(t, lr));
        else if (clseq_step_record_full(&t->record))
            CLSEQ_TRY(drain(t));
        if (validation_due(t))
            CLSEQ_TRY(validate(t));
        if (!t->stop && save_due(t))
            CLSEQ_TRY(save(t));
        clseq_trainer_poll_stop(t);
    }
    return CLSEQ_OK;
}

/* The end of the run or of this session: everything on disk, told and logged. */
static clseq_status finish(clseq_trainer *t)
{
    struct clseq_train_event event = { .kind = CLSEQ_TRAIN_END, .loss = t->state.best_loss };
    bool complete;
    uint64_t peak;

    if (!t->stop && t->valid.corpus && t->state.validated != t->state.update)
        CLSEQ_TRY(validate(t));
    complete = !t->stop; /* a stop may have come during that validation */
    CLSEQ_TRY(save(t));
    clseq_backend_memory(t->be, NULL, 0, &peak);
    CLSEQ_TRY(
        clseq_run_folder_log(&t->folder, json_pack("{s:s, s:I, s:s, s:f, s:I}", "event", "stop",
                                                   "update", (json_int_t)t->state.update, "why",
                                                   !complete    ? "asked"
                                                   : gave_up(t) ? "early"
                                                                : "done",
                                                   "seconds", clseq_trainer_seconds(t),
                                                   "device_peak_bytes", (json_int_t)peak)));
    if (!complete) {
        tell(t, &event, "stopped at update %llu, state saved in %s",
             (unsigned long long)t->state.update, t->folder.last);
        return clseq_fail(
            t->ctx, CLSEQ_ERR_INTERRUPTED,
            "stopped at update %llu with the state saved in %s: run the same command again "
            "to go on",
            (unsigned long long)t->state.update, t->folder.last);
    }
    event.perplexity = exp(event.loss);
    event.best = t->state.has_best;
    if (gave_up(t))
        tell(t, &event, "stopped early: no better validation in %lld; best perplexity %.2f",
             (long long)t->state.worse_validations, event.perplexity);
    else
        tell(t, &event, "done after %llu updates", (unsigned long long)t->state.update);
    return CLSEQ_OK;
}

/* config.json is written only once nothing stands in the way of training any more, so that a run
 * that never began binds nobody to its options. */
static clseq_status prepare(clseq_trainer *t)
{
    json_t *given = NULL;
    clseq_status status;

    CLSEQ_TRY(clseq_run_folder_open(t->ctx, t->options->run, &t->folder));
    CLSEQ_TRY(clseq_train_options_to_json(t->ctx, t->options, clseq_backend_info(t->be)->precision,
                                          &given));
    CLSEQ_TRY_GOTO(status, out, check_config(t, given));
    CLSEQ_TRY_GOTO(status, out, start(t));
    status = clseq_run_folder_write_config(&t->folder, given);
out:
    json_decref(given);
    return status;
}

static clseq_status train(clseq_trainer *t)
{
    CLSEQ_TRY(prepare(t));
    t->last_save = t->report.started = clseq_seconds();
    CLSEQ_TRY(loop(t));
    return finish(t);
}

void clseq_trainer_fini(clseq_trainer *t)
{
    clseq_trainer_destroy_device(t);
    for (int side = 0; side < 2; side++)
        clseq_pretrained_fini(&t->pretrained[side]);
    clseq_batch_fini(&t->batch);
    clseq_dataset_fini(&t->train);
    clseq_dataset_fini(&t->valid);
    clseq_model_meta_fini(&t->meta);
    clseq_run_folder_close(&t->folder);
}

clseq_status clseq_train(clseq_context *ctx, clseq_backend *be,
                         const struct clseq_train_options *options,
                         const struct clseq_train_hooks *hooks, struct clseq_train_result *result)
{
    clseq_trainer *t = NULL;
    clseq_status status;

    CLSEQ_TRY(clseq_train_options_check(ctx, options));
    if (options->best_by != CLSEQ_BEST_LOSS && (!hooks || !hooks->score || !options->valid_source))
        return clseq_fail(ctx, CLSEQ_ERR_ARG,
                          "the best model by score: there is no %s: give one, or choose by loss",
                          options->valid_source ? "score hook" : "validation text (--valid)");
    CLSEQ_TRY(clseq_calloc(ctx, 1, sizeof(*t), "training", &t));
    t->ctx = ctx;
    t->be = be;
    t->options = options;
    t->hooks = hooks;
    t->folder.lock = -1;
    t->session_start = clseq_seconds();
    clseq_batch_init(&t->batch, ctx);

    status = train(t);
    if (result)
        *result = (struct clseq_train_result) {
            .updates = t->state.update,
            .epochs = t->per_epoch ? (double)t->state.update / (double)t->per_epoch : 0,
            .seconds = clseq_trainer_seconds(t),
            .train_loss = t->train_loss,
            .best_loss = t->state.has_best ? t->state.best_loss : 0,
            .best_perplexity = t->state.has_best ? exp(t->state.best_loss) : 0,
            .best_score = t->state.has_best ? t->state.best_score : 0,
            .stopped_early = gave_up(t),
        };
    clseq_trainer_fini(t);
    clseq_backend_limit_memory(be, 0);
    free(t);
    return status;
}
