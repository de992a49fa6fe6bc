/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Stopping a training and going on with it, bit for bit; and refusing to go on
 * where text, options or files are not those of the run.
 */
#include "model_probe.h"
#include "train_case.h"

#include <math.h>

/* ---- stopping and going on ---- */

/* Train without a stop, then with a stop after each of some numbers of polls, then with a stop
 * after every few: all end alike. */
static void check_resume(const struct probe_place *place, struct train_case *c)
{
    /* Polls: one before the first update, one after each, one after each of the two batches of a
     * validation, which comes after updates 12, 24, 36 and 40. So 12 to 14 are around and in the
     * first one, 46 is after the last update, 47 in the last validation. */
    static const long stops[] = { 0, 1, 9, 12, 13, 14, 30, 46, 47 };
    struct clseq_train_result whole, result;
    struct train_case whole_run;
    clseq_status status;
    char name[32];
    int sessions = 0;

    train_case_set_run(c, "whole");
    whole_run = *c;
    ASSERT_OK(place->ctx, train_run(place, c, -1, &whole));
    assert_int_equal(whole.updates, c->options.after.updates);
    for (size_t i = 0; i < CLSEQ_ARRAY_SIZE(stops); i++) {
        snprintf(name, sizeof(name), "stop%ld", stops[i]);
        train_case_set_run(c, name);
        ASSERT_FAILS(place->ctx, CLSEQ_ERR_INTERRUPTED, "again to go on",
                     train_run(place, c, stops[i], &result));
        assert_in_range(result.updates, 0, c->options.after.updates);
        ASSERT_OK(place->ctx, train_run(place, c, -1, &result));
        assert_int_equal(result.updates, whole.updates);
        assert_true(result.best_loss == whole.best_loss);
        train_same_run(place, c, &whole_run);
    }
    train_case_set_run(c, "often");
    do {
        status = train_run(place, c, 7, &result);
        assert_true(++sessions < 50);
    } while (status == CLSEQ_ERR_INTERRUPTED);
    ASSERT_OK(place->ctx, status);
    assert_true(sessions > 4);
    train_same_run(place, c, &whole_run);
    /* A finished run stays as it is. */
    ASSERT_OK(place->ctx, train_run(place, c, -1, &result));
    assert_int_equal(result.updates, whole.updates);
    train_same_run(place, c, &whole_run);
    /* Who makes the batches changes nothing. */
    for (size_t ahead = 0; ahead < 4; ahead += 3) {
        snprintf(name, sizeof(name), "ahead%zu", ahead);
        train_case_set_run(c, name);
        c->options.batches_ahead = ahead;
        ASSERT_OK(place->ctx, train_run(place, c, -1, &result));
        train_same_run(place, c, &whole_run);
    }
}

static void test_resume_adam(void **state)
{
    const struct probe_place *place = probe_place(state);
    struct train_case c;

    train_case_make(&c, TRAIN_REVERSE, 4, 3, 5);
    check_resume(place, &c);
    train_case_remove(&c);
}

static void test_resume_sgd(void **state)
{
    const struct probe_place *place = probe_place(state);
    struct train_case c;

    train_case_make(&c, TRAIN_REVERSE, 4, 3, 5);
    c.options.optimizer = CLSEQ_OPTIMIZER_SGD;
    c.options.lr = 0.5;
    c.options.schedule = CLSEQ_SCHEDULE_HALVE;
    c.options.decay_start = 1.5;
    c.options.similar_length = false;
    c.options.init = CLSEQ_INIT_KIND_NORMAL;
    check_resume(place, &c);
    train_case_remove(&c);
}

/* Every optimizer, with its moments, weight decay and options that are not the defaults: a run that
 * was stopped ends like one that was not. */
static void test_resume_optimizers(void **state)
{
    const struct probe_place *place = probe_place(state);
    static const struct {
        clseq_optimizer_kind kind;
        double lr;
    } kinds[] = {
        { CLSEQ_OPTIMIZER_MOMENTUM, 0.05 }, { CLSEQ_OPTIMIZER_NESTEROV, 0.05 },
        { CLSEQ_OPTIMIZER_ADAGRAD, 0.05 },  { CLSEQ_OPTIMIZER_ADADELTA, 1 },
        { CLSEQ_OPTIMIZER_RMSPROP, 0.01 },  { CLSEQ_OPTIMIZER_ADAMW, 0.01 },
    };
    struct train_case c, whole;

    train_case_make(&c, TRAIN_REVERSE, 4, 3, 5);
    c.options.after.updates = 30;
    c.options.valid_every.updates = 10;
    c.options.save_every.updates = 8;
    c.options.momentum = 0.8;
    c.options.adagrad_start = 0.1;
    c.options.weight_decay = 0.01;
    for (size_t i = 0; i < CLSEQ_ARRAY_SIZE(kinds); i++) {
        struct clseq_train_result result;
        char name[32], begun[600];
        json_t *log;

        c.options.optimizer = kinds[i].kind;
        c.options.lr = kinds[i].lr;
        snprintf(name, sizeof(name), "whole%zu", i);
        train_case_set_run(&c, name);
        ASSERT_OK(place->ctx, train_run(place, &c, -1, NULL));
        whole = c;
        log = train_log(&c, "valid");
        assert_true(train_log_number(log, 2, "loss") < train_log_number(log, 0, "loss"));
        json_decref(log);
        snprintf(name, sizeof(name), "stop%zu", i);
        train_case_set_run(&c, name);
        ASSERT_FAILS(place->ctx, CLSEQ_ERR_INTERRUPTED, "again to go on",
                     train_run(place, &c, 9, &result));
        assert_int_equal(result.updates, 9);
        snprintf(begun, sizeof(begun), "%s", train_case_file(&c, "last.safetensors"));
        assert_true(
            train_other_tensors(place->ctx, begun, train_case_file(&whole, "last.safetensors")));
        ASSERT_OK(place->ctx, train_run(place, &c, -1, NULL));
        train_same_run(place, &c, &whole);
    }
    train_case_remove(&c);
}

/* Everything random in training is a function of the seed and the place in it, so it does not
 * matter that a session begins in the middle. */
static void check_resume_random(const struct probe_place *place, struct train_case *c)
{
    static const long stops[] = { 5, 11, 17 };
    struct train_case whole;

    c->options.after.updates = 20;
    c->options.valid_every.updates = 10;
    c->options.save_every.updates = 6;
    train_case_set_run(c, "whole");
    ASSERT_OK(place->ctx, train_run(place, c, -1, NULL));
    whole = *c;
    for (size_t i = 0; i < CLSEQ_ARRAY_SIZE(stops); i++) {
        char name[32];

        snprintf(name, sizeof(name), "stop%ld", stops[i]);
        train_case_set_run(c, name);
        ASSERT_FAILS(place->ctx, CLSEQ_ERR_INTERRUPTED, "again to go on",
                     train_run(place, c, stops[i], NULL));
        ASSERT_OK(place->ctx, train_run(place, c, -1, NULL));
        train_same_run(place, c, &whole);
    }
}

/* Each of the options changes what is learned; otherwise resuming would show nothing. */
static void check_random_options(const struct probe_place *place, struct train_case *c)
{
    const struct clseq_train_options given = c->options;
    struct clseq_train_options *o = &c->options;
    char last[600] = "";

    for (int i = 0; i < 7; i++) {
        char name[32];

        *o = given;
        snprintf(name, sizeof(name), "without%d", i);
        train_case_set_run(c, name);
        o->after.updates = 3;
        o->valid_every.updates = 0;
        o->layer_dropout = i == 1 ? 0 : given.layer_dropout;
        o->embedding_dropout = i == 2 ? 0 : given.embedding_dropout;
        o->output_dropout = i == 3 ? 0 : given.output_dropout;
        o->word_dropout = i == 4 ? 0 : given.word_dropout;
        o->label_smoothing = i == 5 ? 0 : given.label_smoothing;
        o->same_dropout = i == 6 ? !given.same_dropout : given.same_dropout;
        ASSERT_OK(place->ctx, train_run(place, c, -1, NULL));
        if (i == 0)
            snprintf(last, sizeof(last), "%s", train_case_file(c, "last.safetensors"));
        else
            assert_true(
                train_other_tensors(place->ctx, train_case_file(c, "last.safetensors"), last));
    }
}

static void make_random(struct train_case *c)
{
    train_case_make(c, TRAIN_REVERSE, 4, 3, 5);
    c->options.layer_dropout = 0.2;
    c->options.embedding_dropout = 0.1;
    c->options.output_dropout = 0.3;
    c->options.word_dropout = 0.1;
    c->options.label_smoothing = 0.1;
    c->options.model.layers = 2;
    c->options.model.bidirectional = true;
}

static void test_resume_dropout(void **state)
{
    const struct probe_place *place = probe_place(state);
    struct train_case c;

    make_random(&c);
    c.options.model.cell = CLSEQ_CELL_GRU;
    c.options.model.attention = CLSEQ_ATTENTION_ADDITIVE;
    c.options.same_dropout = true;
    c.options.accumulate = 2;
    check_resume_random(place, &c);
    check_random_options(place, &c);
    train_case_remove(&c);
}

static void test_resume_dropout_feeding(void **state)
{
    const struct probe_place *place = probe_place(state);
    struct train_case c;

    make_random(&c);
    c.options.model.attention = CLSEQ_ATTENTION_GENERAL;
    c.options.model.input_feeding = true;
    c.options.model.residual = true;
    c.options.ema = 0.9;
    check_resume_random(place, &c);
    check_random_options(place, &c);
    train_case_remove(&c);
}

/* Guesses are made anew from the weights that a session begins with. */
static void test_resume_scheduled_sampling(void **state)
{
    const struct probe_place *place = probe_place(state);
    char sampled[600];
    struct train_case c;

    train_case_make(&c, TRAIN_REVERSE, 4, 3, 5);
    c.options.teacher_forcing = 0.3;
    c.options.teacher_schedule = CLSEQ_TEACHER_LINEAR;
    c.options.teacher_forcing_end.updates = 15;
    c.options.model.attention = CLSEQ_ATTENTION_GENERAL;
    check_resume(place, &c);
    snprintf(sampled, sizeof(sampled), "%s", train_case_file(&c, "last.safetensors"));
    /* What does nothing would be resumed without a difference, too. */
    for (int i = 0; i < 3; i++) {
        char name[32];

        snprintf(name, sizeof(name), "other%d", i);
        train_case_set_run(&c, name);
        c.options.teacher_forcing = i == 0 ? 1 : 0.3;
        c.options.teacher_schedule = i == 1 ? CLSEQ_TEACHER_LINEAR : CLSEQ_TEACHER_CONSTANT;
        c.options.teacher_forcing_end.updates = i == 1 ? 30 : 0;
        ASSERT_OK(place->ctx, train_run(place, &c, -1, NULL));
        assert_true(
            train_other_tensors(place->ctx, train_case_file(&c, "last.safetensors"), sampled));
    }
    train_case_remove(&c);
}

static void test_resume_batch_tokens(void **state)
{
    const struct probe_place *place = probe_place(state);
    struct train_case c, whole;
    clseq_status status;
    int sessions = 0;

    train_case_make(&c, TRAIN_REVERSE, 4, 3, 5);
    c.options.batch_tokens = 30;
    c.options.accumulate = 2;
    c.options.after = (struct clseq_when) { .epochs = 3 };
    train_case_set_run(&c, "whole");
    ASSERT_OK(place->ctx, train_run(place, &c, -1, NULL));
    whole = c;
    train_case_set_run(&c, "often");
    do {
        status = train_run(place, &c, 7, NULL);
        assert_true(++sessions < 50);
    } while (status == CLSEQ_ERR_INTERRUPTED);
    ASSERT_OK(place->ctx, status);
    assert_true(sessions > 2);
    train_same_run(place, &c, &whole);
    train_case_remove(&c);
}

/* The rate of the plateau schedule depends on validations of earlier sessions. */
static void test_resume_plateau(void **state)
{
    const struct probe_place *place = probe_place(state);
    struct train_case c, whole;
    clseq_status status;
    int sessions = 0;
    json_t *log;

    train_case_make(&c, TRAIN_COPY, 4, 3, 5);
    c.options.schedule = CLSEQ_SCHEDULE_PLATEAU;
    c.options.lr = 0.25; /* a bumpy way */
    c.options.decay_factor = 0.7;
    c.options.patience = 2;
    c.options.warmup = 5;
    c.options.valid_every.updates = 2;
    train_case_set_run(&c, "whole");
    ASSERT_OK(place->ctx, train_run(place, &c, -1, NULL));
    whole = c;
    log = train_log(&c, "update");
    /* At least two decays; otherwise this run shows nothing. */
    assert_true(train_log_number(log, json_array_size(log) - 1, "lr") < 0.25 * 0.7 * 0.7 + 1e-9);
    assert_true(fabs(train_log_number(log, 0, "lr") - 0.05) < 1e-9);
    json_decref(log);
    train_case_set_run(&c, "often");
    do {
        status = train_run(place, &c, 7, NULL);
        assert_true(++sessions < 50);
    } while (status == CLSEQ_ERR_INTERRUPTED);
    ASSERT_OK(place->ctx, status);
    assert_true(sessions > 4);
    train_same_run(place, &c, &whole);
    train_case_remove(&c);
}

/* The stop may come at the very end, during the last validation: the run is complete only once that
 * is done. */
static void test_stop_in_last_validation(void **state)
{
    const struct probe_place *place = probe_place(state);
    struct clseq_train_result result;
    struct train_case c;
    json_t *valid;

    train_case_make(&c, TRAIN_COPY, 4, 3, 3);
    c.options.after.updates = 5;
    c.options.valid_every = (struct clseq_when) { 0 };
    c.options.save_every = (struct clseq_when) { 0 };
    /* Polls: one before the first update, one after each, then those between validation batches. */
    ASSERT_FAILS(place->ctx, CLSEQ_ERR_INTERRUPTED, "again to go on",
                 train_run(place, &c, 6, &result));
    assert_int_equal(result.updates, 5);
    ASSERT_OK(place->ctx, train_run(place, &c, -1, &result));
    assert_int_equal(result.updates, 5);
    assert_true(result.best_loss > 0);
    valid = train_log(&c, "valid");
    assert_int_equal(json_array_size(valid), 1);
    assert_true(fabs(train_log_number(valid, 0, "loss") - result.best_loss) < 1e-8);
    json_decref(valid);
    train_case_remove(&c);
}

/* Going on for longer than planned at first is the same as planning it at first. */
static void test_extend(void **state)
{
    const struct probe_place *place = probe_place(state);
    struct train_case c;
    char whole[600];

    train_case_make(&c, TRAIN_REVERSE, 4, 3, 5);
    c.options.valid_source = c.options.valid_target = NULL;
    ASSERT_OK(place->ctx, train_run(place, &c, -1, NULL));
    snprintf(whole, sizeof(whole), "%s", train_case_file(&c, "last.safetensors"));
    train_case_set_run(&c, "extended");
    c.options.after.updates = 15;
    ASSERT_OK(place->ctx, train_run(place, &c, -1, NULL));
    assert_true(train_other_tensors(place->ctx, train_case_file(&c, "last.safetensors"), whole));
    c.options.after.updates = 40;
    ASSERT_OK(place->ctx, train_run(place, &c, -1, NULL));
    train_same_tensors(place->ctx, train_case_file(&c, "last.safetensors"), whole);
    train_case_remove(&c);
}

/* ---- what does not fit the run folder ---- */

static void test_other_options(void **state)
{
    const struct probe_place *place = probe_place(state);
    struct clseq_train_options first;
    struct train_snapshot before;
    struct train_case c;

    train_case_make(&c, TRAIN_COPY, 4, 2, 5);
    c.options.after.updates = 10;
    ASSERT_OK(place->ctx, train_run(place, &c, -1, NULL));
    train_snapshot_take(&c, &before);
    first = c.options;
    c.options.after.updates = 20;

#define REFUSED(field, value, part)                                                                \
    do {                                                                                           \
        c.options.field = value;                                                                   \
        ASSERT_FAILS(place->ctx, CLSEQ_ERR_ARG, part, train_run(place, &c, -1, NULL));             \
        assert_non_null(strstr(clseq_context_error(place->ctx), "another folder"));                \
        train_snapshot_same(&c, &before);                                                          \
        c.options.field = first.field;                                                             \
    } while (0)
    REFUSED(lr, 0.02, "lr was 0.01, now it is 0.02");
    REFUSED(seed, 2, "seed was 1, now it is 2");
    REFUSED(batch, 9, "batch was 8, now it is 9");
    REFUSED(model.hidden, 11, "hidden was 10, now it is 11");
    REFUSED(model.layers, 1, "layers was 2, now it is 1");
    REFUSED(optimizer, CLSEQ_OPTIMIZER_SGD, "optimizer was \"adam\", now it is \"sgd\"");
    REFUSED(reverse_source, true, "reverse-source was false, now it is true");
    REFUSED(clip, 1, "clip was 5");
    REFUSED(init, CLSEQ_INIT_KIND_ORTHOGONAL, "init was \"uniform\", now it is \"orthogonal\"");
    REFUSED(set_forget_bias, true, "forget-bias was null, now it is 1.0");
    REFUSED(batch_tokens, 50, "batch-tokens was 0, now it is 50");
    REFUSED(ema, 0.5, "ema was 0.0, now it is 0.5");
    REFUSED(accumulate, 2, "accumulate was 1, now it is 2");
    REFUSED(weight_decay, 0.1, "weight-decay was 0.0, now it is 0.1");
    REFUSED(beta2, 0.99, "beta2 was 0.0, now it is 0.99");
    REFUSED(source_text.lowercase, true, "source-text was");
#undef REFUSED
    /* When to report, how long to go on and who makes the batches are free. */
    c.options.log_every = 3;
    c.options.batches_ahead = 0;
    c.options.save_every.updates = 4;
    ASSERT_OK(place->ctx, train_run(place, &c, -1, NULL));
    train_snapshot_free(&before);
    train_case_remove(&c);
}

/* Change "numbers" in config.json: remove an option, as an older release would not have written it,
 * or add one. */
static void edit_numbers(struct train_case *c, const char *remove, const char *add)
{
    const char *path = train_case_file(c, "config.json");
    json_t *config = json_load_file(path, 0, NULL), *numbers = json_object_get(config, "numbers");

    assert_non_null(numbers);
    if (remove)
        assert_int_equal(json_object_del(numbers, remove), 0);
    if (add)
        assert_int_equal(json_object_set_new(numbers, add, json_true()), 0);
    assert_int_equal(json_dump_file(config, path, JSON_INDENT(1)), 0);
    json_decref(config);
}

/* A run of an older release goes on with the defaults of what it did not have, and with nothing
 * else; one of a newer release with options unknown here does not. */
static void test_other_release(void **state)
{
    static const char *const newer[] = { "momentum",     "beta1",         "beta2",
                                         "eps",          "adagrad-start", "weight-decay",
                                         "decay-factor", "patience",      "warmup",
                                         "schedule-end", "forget-bias",   "accumulate",
                                         "batch-tokens", "ema",           "early-stop-on" };
    const struct probe_place *place = probe_place(state);
    struct train_case c;

    train_case_make(&c, TRAIN_COPY, 4, 2, 5);
    c.options.after.updates = 2;
    ASSERT_OK(place->ctx, train_run(place, &c, -1, NULL));
    for (size_t i = 0; i < CLSEQ_ARRAY_SIZE(newer); i++)
        edit_numbers(&c, newer[i], NULL);
    c.options.after.updates = 4;
    c.options.momentum = 0.5;
    ASSERT_FAILS(place->ctx, CLSEQ_ERR_ARG, "momentum was 0.9, now it is 0.5",
                 train_run(place, &c, -1, NULL));
    c.options.momentum = 0.9;
    c.options.warmup = 3;
    ASSERT_FAILS(place->ctx, CLSEQ_ERR_ARG, "warmup was 0, now it is 3",
                 train_run(place, &c, -1, NULL));
    c.options.warmup = 0;
    ASSERT_OK(place->ctx, train_run(place, &c, -1, NULL));
    edit_numbers(&c, NULL, "telepathy");
    c.options.after.updates = 6;
    ASSERT_FAILS(place->ctx, CLSEQ_ERR_ARG, "this one does not have: telepathy",
                 train_run(place, &c, -1, NULL));
    train_case_remove(&c);
}

static void test_damaged_checkpoint(void **state)
{
    const struct probe_place *place = probe_place(state);
    struct train_snapshot good, bad;
    struct train_case c;
    char *data;

    train_case_make(&c, TRAIN_COPY, 4, 2, 5);
    c.options.after.updates = 10;
    ASSERT_OK(place->ctx, train_run(place, &c, -1, NULL));
    train_snapshot_take(&c, &good);
    c.options.after.updates = 20;
    data = malloc(good.size[2]);
    assert_non_null(data);
    /* A bit in the middle of the data, in the header, in its length; a file cut off; an empty one.
     */
    for (int kind = 0; kind < 5; kind++) {
        const size_t n = good.size[2];
        const size_t sizes[] = { n, n, n, n - 100, 0 };
        const size_t flips[] = { n - 500, 300, 1, n, n };

        memcpy(data, good.data[2], n);
        if (flips[kind] < n)
            data[flips[kind]] ^= 0x10;
        train_write(train_case_file(&c, "last.safetensors"), data, sizes[kind]);
        train_snapshot_take(&c, &bad);
        ASSERT_FAILS(place->ctx, CLSEQ_ERR_FORMAT, "last.safetensors",
                     train_run(place, &c, -1, NULL));
        train_snapshot_same(&c, &bad);
        train_snapshot_free(&bad);
    }
    train_write(train_case_file(&c, "last.safetensors"), good.data[2], good.size[2]);
    ASSERT_OK(place->ctx, train_run(place, &c, -1, NULL));
    free(data);
    train_snapshot_free(&good);
    train_case_remove(&c);
}

/* A model without training state is not a checkpoint. */
static void test_model_as_checkpoint(void **state)
{
    const struct probe_place *place = probe_place(state);
    struct train_snapshot files;
    struct train_case c;

    train_case_make(&c, TRAIN_COPY, 4, 2, 5);
    c.options.after.updates = 5;
    ASSERT_OK(place->ctx, train_run(place, &c, -1, NULL));
    train_snapshot_take(&c, &files);
    train_write(train_case_file(&c, "last.safetensors"), files.data[1], files.size[1]);
    ASSERT_FAILS(place->ctx, CLSEQ_ERR_FORMAT, "without training state",
                 train_run(place, &c, -1, NULL));
    train_snapshot_free(&files);
    train_case_remove(&c);
}

static void test_other_corpus(void **state)
{
    const struct probe_place *place = probe_place(state);
    struct train_snapshot before;
    struct train_case c;
    char *text;
    size_t size;

    train_case_make(&c, TRAIN_COPY, 4, 2, 5);
    c.options.after.updates = 10;
    ASSERT_OK(place->ctx, train_run(place, &c, -1, NULL));
    train_snapshot_take(&c, &before);
    c.options.after.updates = 20;
    text = train_read(c.target, &size);
    assert_non_null(text);
    text[0] = 'b'; /* was a */
    train_write(c.target, text, size);
    ASSERT_FAILS(place->ctx, CLSEQ_ERR_ARG, "training text is not the one",
                 train_run(place, &c, -1, NULL));
    train_snapshot_same(&c, &before);
    text[0] = 'a';
    train_write(c.target, text, size);
    ASSERT_OK(place->ctx, train_run(place, &c, -1, NULL));
    free(text);
    train_snapshot_free(&before);
    train_case_remove(&c);
}

/* A run that could not begin binds nobody to its options. */
static void test_failed_start(void **state)
{
    const struct probe_place *place = probe_place(state);
    struct train_case c;

    train_case_make(&c, TRAIN_COPY, 4, 2, 5);
    c.options.after.updates = 2;
    c.options.source = "/nonexistent/text";
    ASSERT_FAILS(place->ctx, CLSEQ_ERR_IO, "/nonexistent/text", train_run(place, &c, -1, NULL));
    c.options.source = c.source;
    c.options.lr = 0.02;
    ASSERT_OK(place->ctx, train_run(place, &c, -1, NULL));
    train_case_remove(&c);
}

/* The hook of one training starts another in the same folder. */
static void start_another(void *user, const struct clseq_train_event *event)
{
    struct train_case *c = user;
    clseq_context *ctx = NULL;
    clseq_backend *be;

    if (event->kind != CLSEQ_TRAIN_START)
        return;
    assert_int_equal(clseq_context_create(&ctx), CLSEQ_OK);
    be = probe_backend(ctx, "reference", CLSEQ_KERNELS_AUTO);
    ASSERT_FAILS(ctx, CLSEQ_ERR_IO, "another training is using this run folder",
                 clseq_train(ctx, be, &c->options, NULL, NULL));
    clseq_backend_close(&be);
    clseq_context_destroy(&ctx);
    c->options.batch = 0; /* a sign for the caller: this was reached */
}

static void test_two_at_once(void **state)
{
    const struct probe_place *place = probe_place(state);
    struct train_case c;
    struct clseq_train_options options;
    const struct clseq_train_hooks hooks = { .user = &c, .event = start_another };

    train_case_make(&c, TRAIN_COPY, 4, 2, 5);
    c.options.after.updates = 5;
    options = c.options;
    ASSERT_OK(place->ctx, clseq_train(place->ctx, place->be, &options, &hooks, NULL));
    assert_int_equal(c.options.batch, 0);
    train_case_remove(&c);
}

static void test_no_folder(void **state)
{
    const struct probe_place *place = probe_place(state);
    struct train_case c;
    char run[600];

    train_case_make(&c, TRAIN_COPY, 4, 2, 5);
    snprintf(run, sizeof(run), "%s/run", c.source); /* below a file */
    c.options.run = run;
    ASSERT_FAILS(place->ctx, CLSEQ_ERR_IO, "train.source", train_run(place, &c, -1, NULL));
    train_case_remove(&c);
}

int main(void)
{
    /* Where the device has a part in it. */
    const struct CMUnitTest device[] = {
        cmocka_unit_test(test_resume_adam),
        cmocka_unit_test(test_resume_sgd),
        cmocka_unit_test(test_resume_optimizers),
        cmocka_unit_test(test_resume_dropout),
        cmocka_unit_test(test_resume_dropout_feeding),
        cmocka_unit_test(test_resume_scheduled_sampling),
        cmocka_unit_test(test_resume_batch_tokens),
        cmocka_unit_test(test_resume_plateau),
        cmocka_unit_test(test_stop_in_last_validation),
        cmocka_unit_test(test_extend),
        cmocka_unit_test(test_damaged_checkpoint),
    };
    const struct CMUnitTest host[] = {
        cmocka_unit_test(test_other_release),       cmocka_unit_test(test_other_options),
        cmocka_unit_test(test_model_as_checkpoint), cmocka_unit_test(test_other_corpus),
        cmocka_unit_test(test_failed_start),        cmocka_unit_test(test_two_at_once),
        cmocka_unit_test(test_no_folder),
    };
    int failed = 0;

    failed += cmocka_run_group_tests_name("resume: reference", device, probe_setup_reference,
                                          probe_teardown);
    failed += cmocka_run_group_tests_name("resume: the run folder", host, probe_setup_reference,
                                          probe_teardown);
    failed += cmocka_run_group_tests_name("resume: opencl, cpu kernels", device,
                                          probe_setup_opencl_cpu, probe_teardown);
    return failed != 0;
}
