/* SPDX-License-Identifier: BSD-2-Clause */
/* Training runs: options, values that are not numbers, schedules, early stopping, the log. */
#include "model_probe.h"
#include "train_case.h"

#include "backend/fault_backend.h"
#include "io/safetensors.h"

#include <math.h>
#include <sys/stat.h>
#include <unistd.h>

static void test_option_ranges(void **state)
{
    const struct probe_place *place = probe_place(state);
    struct clseq_train_options good;
    struct train_case c;
    struct stat info;

    train_case_make(&c, TRAIN_COPY, 4, 2, 5);
    good = c.options;
#define OUT_OF_RANGE(field, value, part)                                                           \
    do {                                                                                           \
        c.options.field = value;                                                                   \
        ASSERT_FAILS(place->ctx, CLSEQ_ERR_ARG, part, train_run(place, &c, -1, NULL));             \
        c.options.field = good.field;                                                              \
    } while (0)
    OUT_OF_RANGE(lr, 1e30, "--lr");
    OUT_OF_RANGE(lr, (double)NAN, "--lr");
    OUT_OF_RANGE(lr, -1, "--lr");
    OUT_OF_RANGE(clip, -1, "--clip");
    OUT_OF_RANGE(optimizer, (clseq_optimizer_kind)8, "--optimizer");
    OUT_OF_RANGE(momentum, 1, "--momentum");
    OUT_OF_RANGE(beta1, 1, "--beta1");
    OUT_OF_RANGE(beta2, -0.1, "--beta2");
    OUT_OF_RANGE(eps, 1e-40, "--eps");
    OUT_OF_RANGE(schedule, (clseq_schedule_kind)7, "--schedule");
    OUT_OF_RANGE(accumulate, 0, "--accumulate");
    OUT_OF_RANGE(teacher_forcing, 1.5, "--teacher-forcing");
    OUT_OF_RANGE(teacher_schedule, (clseq_teacher_kind)4, "--teacher-forcing-schedule");
    OUT_OF_RANGE(teacher_schedule, CLSEQ_TEACHER_LINEAR, "has nowhere to go");
    OUT_OF_RANGE(teacher_forcing_end.seconds, 60, "depends on the machine");
    OUT_OF_RANGE(batch_tokens, (size_t)1 << 22, "--batch-tokens");
    OUT_OF_RANGE(init, (clseq_init_kind)4, "--init");
    OUT_OF_RANGE(forget_bias, 1000, "--forget-bias");
    OUT_OF_RANGE(decay_factor, 0, "--decay-factor");
    OUT_OF_RANGE(patience, 0, "--patience");
    OUT_OF_RANGE(warmup, UINT64_MAX, "--warmup");
    OUT_OF_RANGE(adagrad_start, -1, "--adagrad-start");
    OUT_OF_RANGE(weight_decay, (double)NAN, "--weight-decay");
    OUT_OF_RANGE(batch, 0, "--batch");
    OUT_OF_RANGE(model.layers, 17, "--layers");
    OUT_OF_RANGE(decay_every, 0, "--decay-every");
    OUT_OF_RANGE(log_every, 0, "--log-every");
    OUT_OF_RANGE(best_by, (clseq_best_kind)3, "--early-stop-on");
    OUT_OF_RANGE(batches_ahead, 65, "--batches-ahead");
    OUT_OF_RANGE(source_vocab_size, 4, "--vocab-size");
    OUT_OF_RANGE(after.updates, 0, "--after");
    OUT_OF_RANGE(source, NULL, "source text");
    OUT_OF_RANGE(run, NULL, "run folder");
    c.options.after = (struct clseq_when) { .seconds = 60 };
    OUT_OF_RANGE(schedule, CLSEQ_SCHEDULE_COSINE,
                 "--schedule cosine must know where training ends");
    c.options.teacher_forcing = 0.5;
    OUT_OF_RANGE(teacher_schedule, CLSEQ_TEACHER_LINEAR, "must know how long it takes");
    c.options.teacher_forcing = 0;
    OUT_OF_RANGE(teacher_schedule, CLSEQ_TEACHER_EXPONENTIAL, "never comes down to 0");
    c.options.teacher_forcing = good.teacher_forcing;
    c.options.after = good.after;
    c.options.valid_source = c.options.valid_target = NULL;
    OUT_OF_RANGE(schedule, CLSEQ_SCHEDULE_PLATEAU, "there is no validation text");
#undef OUT_OF_RANGE
    /* Nothing was made for them. */
    assert_int_not_equal(stat(c.run, &info), 0);
    train_case_remove(&c);
}

/* ---- NaN ---- */

/* A training on the reference with one value made NaN; `hooks` may be NULL. */
static clseq_status train_with_nan(struct train_case *c, clseq_context *ctx, enum clseq_op op,
                                   int output, uint64_t nth, const struct clseq_train_hooks *hooks,
                                   struct clseq_train_result *result)
{
    const struct clseq_fault_options options = {
        .call = CLSEQ_FAULT_OP,
        .only_op = true,
        .op = op,
        .nth = nth,
        .effect = CLSEQ_FAULT_NAN,
        .output = output,
    };
    clseq_backend *be = NULL;
    clseq_status status;

    ASSERT_OK(ctx, clseq_fault_open(ctx, &options, &be));
    status = clseq_train(ctx, be, &c->options, hooks, result);
    assert_int_equal(be->buffers_alive, 0);
    assert_true(clseq_fault_count(be, CLSEQ_FAULT_OP) >= nth);
    clseq_backend_close(&be);
    return status;
}

/* A gradient that is NaN once: that update is skipped, counted, and leaves no trace. */
static void test_nan_gradient(void **state)
{
    const struct probe_place *place = probe_place(state);
    struct clseq_train_result result;
    struct train_case c;
    json_t *log, *train_state_after;

    train_case_make(&c, TRAIN_COPY, 4, 2, 5);
    c.options.after.updates = 20;
    /* Two column sums of gates a side, and one of logits, each update: this is in update 7. */
    ASSERT_OK(place->ctx, train_with_nan(&c, place->ctx, CLSEQ_OP_col_sums, 0, 33, NULL, &result));
    assert_int_equal(result.updates, 20);
    log = train_log(&c, "update");
    for (size_t i = 0; i < json_array_size(log); i++) {
        const bool hit = i == 6;

        assert_true(train_log_number(log, i, "loss") > 0);
        assert_true(train_log_number(log, i, "skipped") == (i >= 6 ? 1 : 0));
        assert_true((train_log_number(log, i, "gradient_norm") == -1) == hit);
    }
    json_decref(log);
    train_state_after = train_state(place->ctx, train_case_file(&c, "last.safetensors"));
    assert_int_equal(json_integer_value(json_object_get(train_state_after, "skipped")), 1);
    assert_int_equal(json_integer_value(json_object_get(train_state_after, "skipped_in_row")), 0);
    json_decref(train_state_after);
    train_case_remove(&c);
}

/* A weight that is NaN: the run fails before or at the next save, and the last good checkpoint and
 * model stay. From there training goes on as if nothing had been. `nth`: which call of adam_update
 * leaves the NaN; an update has three, for the dense part and both embeddings. */
static void check_nan_weight(const struct probe_place *place, struct train_case *c, uint64_t nth,
                             const char *part)
{
    struct clseq_train_result result;
    struct train_case undamaged;
    struct train_snapshot before;
    const uint64_t after = c->options.after.updates;

    train_case_set_run(c, "undamaged");
    ASSERT_OK(place->ctx, train_run(place, c, -1, NULL));
    undamaged = *c;
    train_case_set_run(c, "damaged");
    c->options.after.updates = 9;
    ASSERT_OK(place->ctx, train_run(place, c, -1, NULL));
    train_snapshot_take(c, &before);
    c->options.after.updates = after;
    ASSERT_FAILS(place->ctx, CLSEQ_ERR_NUMERIC, part,
                 train_with_nan(c, place->ctx, CLSEQ_OP_adam_update, 0, nth, NULL, &result));
    for (int i = 1; i < 3; i++) {
        size_t size = 0;
        char *data = train_read(train_case_file(c, train_kept[i]), &size);

        assert_non_null(data);
        assert_int_equal(size, before.size[i]);
        assert_memory_equal(data, before.data[i], size);
        free(data);
    }
    ASSERT_OK(place->ctx, train_run(place, c, -1, &result));
    assert_int_equal(result.updates, after);
    train_same_run(place, c, &undamaged);
    train_snapshot_free(&before);
}

static void test_nan_weight_at_save(void **state)
{
    const struct probe_place *place = probe_place(state);
    struct train_case c;

    train_case_make(&c, TRAIN_COPY, 4, 2, 5);
    c.options.valid_source = c.options.valid_target = NULL;
    c.options.after.updates = 30;
    c.options.save_every = (struct clseq_when) { .updates = 9 };
    /* Row 0, the padding: no loss ever shows it. */
    check_nan_weight(place, &c, 5, "holds NaN or infinity; the old file is untouched");
    train_case_remove(&c);
}

static void test_nan_weight_diverged(void **state)
{
    const struct probe_place *place = probe_place(state);
    struct train_case c;

    train_case_make(&c, TRAIN_COPY, 4, 2, 5);
    c.options.valid_source = c.options.valid_target = NULL;
    c.options.after.updates = 150;
    c.options.save_every = (struct clseq_when) { 0 };
    check_nan_weight(place, &c, 4, "training diverged: the gradients of the last 100 updates");
    train_case_remove(&c);
}

/* ---- schedules, early stopping, log ---- */

static void test_halving(void **state)
{
    /* Four updates make an epoch: 2 epochs at 0.8, then half of it every half epoch. */
    static const double expected[] = { 0.8, 0.8, 0.8, 0.8, 0.8, 0.8, 0.8,  0.8,
                                       0.4, 0.4, 0.2, 0.2, 0.1, 0.1, 0.05, 0.05 };
    const struct probe_place *place = probe_place(state);
    struct clseq_train_result result;
    struct train_case c;
    json_t *log;

    train_case_make(&c, TRAIN_COPY, 4, 2, 5);
    c.options.optimizer = CLSEQ_OPTIMIZER_SGD;
    c.options.lr = 0.8;
    c.options.schedule = CLSEQ_SCHEDULE_HALVE;
    c.options.decay_start = 2;
    c.options.decay_every = 0.5;
    c.options.batch = 5;
    c.options.after = (struct clseq_when) { .epochs = 4 };
    ASSERT_OK(place->ctx, train_run(place, &c, -1, &result));
    assert_true(result.epochs == 4);
    log = train_log(&c, "update");
    assert_int_equal(json_array_size(log), CLSEQ_ARRAY_SIZE(expected));
    for (size_t i = 0; i < CLSEQ_ARRAY_SIZE(expected); i++) {
        assert_true(train_log_number(log, i, "update") == (double)i + 1);
        assert_true(train_log_number(log, i, "epoch") == (double)(i + 1) / 4);
        assert_true(fabs(train_log_number(log, i, "lr") - expected[i]) < 1e-8);
    }
    json_decref(log);
    train_case_remove(&c);
}

/* The defaults of lr. */
static void test_default_lr(void **state)
{
    static const double expected[] = {
        [CLSEQ_OPTIMIZER_SGD] = 0.7,       [CLSEQ_OPTIMIZER_ADAM] = 0.001,
        [CLSEQ_OPTIMIZER_MOMENTUM] = 0.07, [CLSEQ_OPTIMIZER_NESTEROV] = 0.07,
        [CLSEQ_OPTIMIZER_ADAGRAD] = 0.01,  [CLSEQ_OPTIMIZER_ADADELTA] = 1,
        [CLSEQ_OPTIMIZER_RMSPROP] = 0.001, [CLSEQ_OPTIMIZER_ADAMW] = 0.001,
    };
    const struct probe_place *place = probe_place(state);
    struct train_case c;

    train_case_make(&c, TRAIN_COPY, 4, 2, 5);
    c.options.after.updates = 2;
    c.options.lr = 0;
    for (int kind = 0; kind < (int)CLSEQ_ARRAY_SIZE(expected); kind++) {
        char name[16];
        json_t *log;

        snprintf(name, sizeof(name), "run%d", kind);
        train_case_set_run(&c, name);
        c.options.optimizer = (clseq_optimizer_kind)kind;
        ASSERT_OK(place->ctx, train_run(place, &c, -1, NULL));
        log = train_log(&c, "update");
        assert_true(fabs(train_log_number(log, 1, "lr") - expected[kind]) < 1e-9);
        json_decref(log);
    }
    train_case_remove(&c);
}

/* A schedule that ends with the run does not let the run be made longer. */
static void test_schedule_end(void **state)
{
    const struct probe_place *place = probe_place(state);
    struct train_case c;
    json_t *log;

    train_case_make(&c, TRAIN_COPY, 4, 2, 5);
    c.options.schedule = CLSEQ_SCHEDULE_LINEAR;
    c.options.lr = 0.4;
    c.options.after = (struct clseq_when) { .updates = 4 };
    ASSERT_OK(place->ctx, train_run(place, &c, -1, NULL));
    log = train_log(&c, "update");
    for (size_t i = 0; i < 4; i++)
        assert_true(fabs(train_log_number(log, i, "lr") - 0.1 * (double)(4 - i)) < 1e-8);
    json_decref(log);
    c.options.after.updates = 8;
    ASSERT_FAILS(place->ctx, CLSEQ_ERR_ARG, "schedule-end was {\"epochs\":0.0,\"updates\":4}",
                 train_run(place, &c, -1, NULL));
    train_case_remove(&c);
}

/* Initial weights, as they are before the first update. */
static void test_init(void **state)
{
    const struct probe_place *place = probe_place(state);
    clseq_safetensors *file = NULL;
    struct train_case c;
    float bias[4 * 10];

    train_case_make(&c, TRAIN_COPY, 4, 2, 5);
    c.options.init = CLSEQ_INIT_KIND_ORTHOGONAL;
    c.options.set_forget_bias = true;
    c.options.forget_bias = 2;
    ASSERT_FAILS(place->ctx, CLSEQ_ERR_INTERRUPTED, "stopped at update 0",
                 train_run(place, &c, 0, NULL));
    ASSERT_OK(place->ctx,
              clseq_safetensors_open(place->ctx, train_case_file(&c, "last.safetensors"), &file));
    ASSERT_OK(place->ctx, clseq_safetensors_read_raw(
                              file, clseq_safetensors_find(file, "decoder.rnn.bias_ih_l1"), 0,
                              sizeof(bias), bias));
    for (int i = 0; i < 40; i++)
        assert_true(bias[i] == (i / 10 == 1 ? 2.0f : 0.0f));
    clseq_safetensors_close(&file);
    train_case_remove(&c);
}

static void test_early_stop(void **state)
{
    const struct probe_place *place = probe_place(state);
    struct clseq_train_result result, again;
    struct train_case c;
    json_t *valid, *stop;
    size_t n;
    double best = HUGE_VAL;

    /* The validation text contradicts the training text, so it gets worse soon. */
    train_case_make(&c, TRAIN_COPY, 4, 3, 5);
    c.options.valid_source = c.source;
    c.options.valid_target = c.valid_target;
    train_write(c.valid_source, "a b c\nd c\nb\n", 12);
    train_write(c.valid_target, "d d d d d d\nd d d d d d\nd d d d d\n", 34);
    c.options.valid_source = c.valid_source;
    c.options.valid_every = (struct clseq_when) { .updates = 4 };
    c.options.early_stop = 3;
    c.options.lr = 0.05;
    c.options.after.updates = 600;
    ASSERT_OK(place->ctx, train_run(place, &c, -1, &result));
    assert_true(result.stopped_early);
    assert_true(result.updates < 600);

    valid = train_log(&c, "valid");
    n = json_array_size(valid);
    assert_true(n > 3);
    for (size_t i = 0; i < n; i++) {
        const double loss = train_log_number(valid, i, "loss");
        const bool is_best = json_is_true(json_object_get(json_array_get(valid, i), "best"));

        assert_true(train_log_number(valid, i, "update") == 4 * ((double)i + 1));
        assert_int_equal(is_best, loss < best);
        /* The last three, and no three before them, are worse than the best. */
        assert_true(i + 4 != n || is_best);
        assert_true(i + 3 < n || !is_best);
        if (loss < best)
            best = loss;
    }
    assert_true(fabs(best - result.best_loss) < 1e-7);
    assert_true(fabs(exp(result.best_loss) - result.best_perplexity) < 1e-6);
    json_decref(valid);
    stop = train_log(&c, "stop");
    assert_string_equal(json_string_value(json_object_get(json_array_get(stop, 0), "why")),
                        "early");
    json_decref(stop);

    ASSERT_OK(place->ctx, train_run(place, &c, -1, &again));
    assert_int_equal(again.updates, result.updates);
    assert_true(again.stopped_early);
    train_case_remove(&c);
}

/* ---- scores ---- */

struct scores {
    const double *value;
    size_t n, calls;
    char text[256]; /* of the last validation */
};

static clseq_status next_score(void *user, const char *model, double *ret)
{
    struct scores *s = user;

    assert_int_equal(access(model, R_OK), 0);
    if (s->calls == s->n)
        return CLSEQ_ERR_DATA;
    *ret = s->value[s->calls++];
    return CLSEQ_OK;
}

static void keep_text(void *user, const struct clseq_train_event *event)
{
    struct scores *s = user;

    assert_int_equal(event->has_score, event->kind == CLSEQ_TRAIN_VALID);
    if (event->kind == CLSEQ_TRAIN_VALID)
        snprintf(s->text, sizeof(s->text), "%s", event->text);
}

/* Scores of which only the first two are better than those before them. */
static const struct {
    clseq_best_kind best_by;
    double value[4];
    const char *unit, *text; /* of the best */
} rises_and_falls[] = {
    { CLSEQ_BEST_HIGHEST_SCORE, { 1, 3, 2, 3 }, NULL, "  test 3.00  (best so far, saved)" },
    { CLSEQ_BEST_LOWEST_SCORE, { 3, 1, 2, 1 }, " %", "  test 1.00 %  (best so far, saved)" },
};

/* The best model is that of the best score, whatever its loss, and training ends when no better one
 * comes. */
static void test_best_by_score(void **state)
{
    const struct probe_place *place = probe_place(state);

    for (size_t kind = 0; kind < CLSEQ_ARRAY_SIZE(rises_and_falls); kind++) {
        const double *values = rises_and_falls[kind].value;
        struct scores scores = { .value = values, .n = 4 };
        const struct clseq_train_hooks hooks = { .user = &scores,
                                                 .event = keep_text,
                                                 .score = next_score,
                                                 .score_user = &scores,
                                                 .score_name = "test",
                                                 .score_unit = rises_and_falls[kind].unit };
        struct clseq_train_result result;
        struct train_case c, second;
        json_t *valid;

        train_case_make(&c, TRAIN_REVERSE, 4, 3, 5);
        c.options.valid_every.updates = 5;
        c.options.early_stop = 2;
        c.options.best_by = rises_and_falls[kind].best_by;
        ASSERT_OK(place->ctx, clseq_train(place->ctx, place->be, &c.options, &hooks, &result));
        assert_int_equal(result.updates, 20);
        assert_true(result.stopped_early);
        assert_true(result.best_score == values[1]);
        assert_int_equal(scores.calls, 4);
        assert_int_not_equal(access(train_case_file(&c, "candidate.safetensors"), F_OK), 0);
        valid = train_log(&c, "valid");
        for (size_t i = 0; i < 4; i++) {
            assert_true(train_log_number(valid, i, "score") == values[i]);
            assert_int_equal(json_is_true(json_object_get(json_array_get(valid, i), "best")),
                             i < 2);
        }
        /* By loss it would have been a later one. */
        assert_true(train_log_number(valid, 3, "loss") < train_log_number(valid, 1, "loss"));
        assert_true(fabs(result.best_loss - train_log_number(valid, 1, "loss")) < 1e-7);
        json_decref(valid);
        second = c;
        train_case_set_run(&second, "second");
        second.options.after.updates = 10;
        scores.calls = 0;
        ASSERT_OK(place->ctx, clseq_train(place->ctx, place->be, &second.options, &hooks, NULL));
        assert_non_null(strstr(scores.text, rises_and_falls[kind].text));
        train_same_tensors(place->ctx, train_case_file(&c, "best.safetensors"),
                           train_case_file(&second, "best.safetensors"));
        train_case_remove(&c);
    }
}

static void test_score_refused(void **state)
{
    static const double values[] = { 1 };
    const struct probe_place *place = probe_place(state);
    struct scores scores = { .value = values, .n = 1 };
    const struct clseq_train_hooks hooks = { .score = next_score, .score_user = &scores };
    struct train_case c;

    train_case_make(&c, TRAIN_REVERSE, 4, 3, 5);
    c.options.valid_every.updates = 5;
    c.options.best_by = CLSEQ_BEST_HIGHEST_SCORE;
    /* An error of the hook ends training; the run goes on from its checkpoint. */
    assert_int_equal(clseq_train(place->ctx, place->be, &c.options, &hooks, NULL), CLSEQ_ERR_DATA);
    assert_int_not_equal(access(train_case_file(&c, "candidate.safetensors"), F_OK), 0);
    /* A run does not change its mind. */
    c.options.best_by = CLSEQ_BEST_LOWEST_SCORE;
    ASSERT_FAILS(place->ctx, CLSEQ_ERR_ARG,
                 "early-stop-on was \"score\", now it is \"lowest-score\"",
                 clseq_train(place->ctx, place->be, &c.options, &hooks, NULL));
    /* Without a hook, or a text, there is no score. */
    train_case_set_run(&c, "without");
    ASSERT_FAILS(place->ctx, CLSEQ_ERR_ARG, "no score hook",
                 clseq_train(place->ctx, place->be, &c.options, NULL, NULL));
    c.options.valid_source = c.options.valid_target = NULL;
    ASSERT_FAILS(place->ctx, CLSEQ_ERR_ARG, "no validation text",
                 clseq_train(place->ctx, place->be, &c.options, &hooks, NULL));
    train_case_remove(&c);
}

/* A model whose loss is not finite has no score, rather than 0, and is not the best one. */
static void test_score_of_nan(void **state)
{
    static const double values[] = { 100 };
    const struct probe_place *place = probe_place(state);
    struct scores scores = { .value = values, .n = 1 };
    const struct clseq_train_hooks hooks = { .score = next_score, .score_user = &scores };
    struct clseq_train_result result;
    struct train_case c;
    json_t *valid;

    train_case_make(&c, TRAIN_REVERSE, 4, 3, 5);
    c.options.after.updates = 10;
    c.options.valid_every.updates = 5;
    c.options.best_by = CLSEQ_BEST_LOWEST_SCORE;
    /* Losses are the first output, once an update: the sixth are those of a validation. */
    ASSERT_OK(place->ctx,
              train_with_nan(&c, place->ctx, CLSEQ_OP_softmax_xent_fwd, 0, 6, &hooks, &result));
    assert_int_equal(scores.calls, 1);
    assert_true(result.best_score == 100);
    valid = train_log(&c, "valid");
    assert_int_equal(json_array_size(valid), 2);
    assert_true(train_log_number(valid, 0, "loss") == -1);
    assert_true(json_is_null(json_object_get(json_array_get(valid, 0), "score")));
    assert_true(json_is_false(json_object_get(json_array_get(valid, 0), "best")));
    assert_true(train_log_number(valid, 1, "score") == 100);
    assert_true(json_is_true(json_object_get(json_array_get(valid, 1), "best")));
    json_decref(valid);
    train_case_remove(&c);
}

/* What is the best so far, how many validations were worse, and the decays of the plateau schedule
 * go on where an earlier session left them. */
static void test_resume_best_score(void **state)
{
    static const bool best[] = { true, true, false, true, false, false, true, false, false, false };
    const struct probe_place *place = probe_place(state);

    for (int kind = 0; kind < 2; kind++) {
        static const double values[2][10] = { { 1, 3, 2, 4, 3, 4, 5, 2, 4, 5 },
                                              { 5, 3, 4, 2, 3, 2, 1, 4, 2, 1 } };
        struct scores scores = { .value = values[kind], .n = 10 };
        struct clseq_train_result result;
        struct train_case c;
        clseq_status status;
        json_t *log;
        int sessions = 0;

        train_case_make(&c, TRAIN_REVERSE, 4, 3, 5);
        c.options.valid_every.updates = 3;
        c.options.best_by = kind ? CLSEQ_BEST_LOWEST_SCORE : CLSEQ_BEST_HIGHEST_SCORE;
        c.options.schedule = CLSEQ_SCHEDULE_PLATEAU;
        c.options.lr = 0.032;
        c.options.early_stop = 3;
        do {
            struct train_stopper stopper = { .polls_left = 4 };
            struct clseq_train_hooks hooks = train_hooks(&stopper);

            hooks.score = next_score;
            hooks.score_user = &scores;
            status = clseq_train(place->ctx, place->be, &c.options, &hooks, &result);
            assert_true(++sessions < 50);
        } while (status == CLSEQ_ERR_INTERRUPTED);
        ASSERT_OK(place->ctx, status);
        assert_true(sessions > 4);
        assert_true(result.stopped_early);
        assert_int_equal(result.updates, 30);
        assert_true(result.best_score == values[kind][6]);
        log = train_log(&c, "valid");
        assert_int_equal(json_array_size(log), 10);
        for (size_t i = 0; i < 10; i++)
            assert_int_equal(json_is_true(json_object_get(json_array_get(log, i), "best")),
                             best[i]);
        json_decref(log);
        /* Five of the validations before the last one were not the best. */
        log = train_log(&c, "update");
        assert_int_equal(json_array_size(log), 30);
        assert_true(fabs(train_log_number(log, 29, "lr") - 0.001) < 1e-9);
        json_decref(log);
        train_case_remove(&c);
    }
}

/* A score that is a function of the model: a stopped run ends like one that was not. */
static clseq_status score_of_file(void *user, const char *model, double *ret)
{
    size_t size;
    char *data = train_read(model, &size);
    uint32_t sum = 0;

    assert_non_null(data);
    for (size_t i = 0; i < size; i++)
        sum = sum * 31 + (unsigned char)data[i];
    free(data);
    *ret = sum % 1000;
    return CLSEQ_OK;
}

static void test_resume_score(void **state)
{
    const struct probe_place *place = probe_place(state);

    for (int kind = CLSEQ_BEST_HIGHEST_SCORE; kind <= CLSEQ_BEST_LOWEST_SCORE; kind++) {
        struct train_case c, whole;
        clseq_status status;
        int sessions = 0;

        train_case_make(&c, TRAIN_REVERSE, 4, 3, 5);
        c.options.valid_every.updates = 5;
        c.options.best_by = (clseq_best_kind)kind;
        train_case_set_run(&c, "whole");
        whole = c;
        do {
            struct train_stopper stopper = { .polls_left = sessions == 0 ? -1 : 9 };
            struct clseq_train_hooks hooks = train_hooks(&stopper);

            hooks.score = score_of_file;
            status = clseq_train(place->ctx, place->be, &c.options, &hooks, NULL);
            if (sessions == 0) {
                ASSERT_OK(place->ctx, status);
                train_case_set_run(&c, "often");
                status = CLSEQ_ERR_INTERRUPTED;
            }
            assert_true(++sessions < 50);
        } while (status == CLSEQ_ERR_INTERRUPTED);
        ASSERT_OK(place->ctx, status);
        assert_true(sessions > 4);
        train_same_run(place, &c, &whole);
        train_case_remove(&c);
    }
}

/* Only validations in a row count: a better one in between starts the count again. */
static void test_early_stop_count(void **state)
{
    const struct probe_place *place = probe_place(state);
    struct clseq_train_result result;
    struct train_case c;
    size_t n, in_row = 0, before_best = 0;
    json_t *valid;

    train_case_make(&c, TRAIN_COPY, 4, 3, 5);
    c.options.lr = 0.25; /* a bumpy way */
    c.options.valid_every = (struct clseq_when) { .updates = 2 };
    c.options.save_every = (struct clseq_when) { 0 };
    c.options.early_stop = 4;
    c.options.after.updates = 200;
    ASSERT_OK(place->ctx, train_run(place, &c, -1, &result));
    assert_true(result.stopped_early);
    valid = train_log(&c, "valid");
    n = json_array_size(valid);
    for (size_t i = 0; i < n; i++) {
        const bool best = json_is_true(json_object_get(json_array_get(valid, i), "best"));

        if (best)
            before_best += in_row;
        in_row = best ? 0 : in_row + 1;
        assert_true(in_row < 4 || i + 1 == n);
    }
    assert_int_equal(in_row, 4);
    assert_true(before_best > 0); /* otherwise this run shows nothing */
    json_decref(valid);
    train_case_remove(&c);
}

/* Without validation text the newest model is the best one. */
static void test_no_validation(void **state)
{
    const struct probe_place *place = probe_place(state);
    struct clseq_train_result result;
    struct train_case c;
    json_t *log;

    train_case_make(&c, TRAIN_COPY, 4, 2, 5);
    c.options.valid_source = c.options.valid_target = NULL;
    c.options.after.updates = 19;
    ASSERT_OK(place->ctx, train_run(place, &c, -1, &result));
    assert_true(result.best_loss == 0 && result.best_perplexity == 0);
    log = train_log(&c, "valid");
    assert_int_equal(json_array_size(log), 0);
    json_decref(log);
    log = train_log(&c, "save");
    assert_int_equal(json_array_size(log), 2);
    assert_true(train_log_number(log, 0, "update") == 16);
    assert_true(train_log_number(log, 1, "update") == 19);
    json_decref(log);
    assert_false(access(train_case_file(&c, "best.safetensors"), F_OK));
    train_case_remove(&c);
}

/* Every line is an object with an event, a time and an update; a line cut off by a kill does not
 * swallow the next one. */
static void test_log(void **state)
{
    static const char *const order[] = { "start", "update", "update", "valid", "save", "stop" };
    const struct probe_place *place = probe_place(state);
    struct train_case c;
    char *data, *cut;
    json_t *log;
    size_t size;

    train_case_make(&c, TRAIN_COPY, 4, 2, 5);
    c.options.after.updates = 2;
    ASSERT_OK(place->ctx, train_run(place, &c, -1, NULL));
    log = train_log(&c, NULL);
    assert_int_equal(json_array_size(log), CLSEQ_ARRAY_SIZE(order));
    for (size_t i = 0; i < CLSEQ_ARRAY_SIZE(order); i++)
        assert_string_equal(json_string_value(json_object_get(json_array_get(log, i), "event")),
                            order[i]);
    json_decref(log);

    data = train_read(train_case_file(&c, "log.jsonl"), &size);
    assert_non_null(data);
    train_write(train_case_file(&c, "log.jsonl"), data, size - 20);
    c.options.after.updates = 3;
    ASSERT_OK(place->ctx, train_run(place, &c, -1, NULL));
    free(data);
    data = train_read(train_case_file(&c, "log.jsonl"), &size);
    assert_non_null(data);
    cut = strstr(data, "\"event\":\"resume\"");
    assert_non_null(cut);
    while (cut > data && cut[-1] != '\n')
        cut--;
    memmove(data, cut, strlen(cut) + 1);
    train_write(train_case_file(&c, "log.jsonl"), data, strlen(data));
    log = train_log(&c, "update");
    assert_int_equal(json_array_size(log), 1);
    assert_true(train_log_number(log, 0, "update") == 3);
    json_decref(log);
    free(data);
    train_case_remove(&c);
}

int main(void)
{
    const struct CMUnitTest device[] = {
        cmocka_unit_test(test_early_stop),
    };
    const struct CMUnitTest host[] = {
        cmocka_unit_test(test_option_ranges),
        cmocka_unit_test(test_nan_gradient),
        cmocka_unit_test(test_nan_weight_at_save),
        cmocka_unit_test(test_nan_weight_diverged),
        cmocka_unit_test(test_halving),
        cmocka_unit_test(test_default_lr),
        cmocka_unit_test(test_schedule_end),
        cmocka_unit_test(test_init),
        cmocka_unit_test(test_early_stop),
        cmocka_unit_test(test_early_stop_count),
        cmocka_unit_test(test_best_by_score),
        cmocka_unit_test(test_score_refused),
        cmocka_unit_test(test_score_of_nan),
        cmocka_unit_test(test_resume_best_score),
        cmocka_unit_test(test_resume_score),
        cmocka_unit_test(test_no_validation),
        cmocka_unit_test(test_log),
    };
    int failed = 0;

    failed += cmocka_run_group_tests_name("train: reference", host, probe_setup_reference,
                                          probe_teardown);
    failed += cmocka_run_group_tests_name("train: opencl, cpu kernels", device,
                                          probe_setup_opencl_cpu, probe_teardown);
    return failed != 0;
}
