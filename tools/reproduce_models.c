/* SPDX-License-Identifier: BSD-2-Clause */
#include "message.h"
#include "reproduce.h"
#include "run_log.h"
#include "stop_signal.h"
#include "train_report.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Section 3.4: after 5 of 7.5 epochs the rate is halved every half epoch. */
#define PAPER_EPOCHS      7.5
#define PAPER_DECAY_START 5
#define PAPER_DECAY_EVERY 0.5

const char *const reproduce_inits[] = { "uniform", "normal", "xavier", "orthogonal" };

static int no_memory(void)
{
    cli_error("%s", clseq_status_text(CLSEQ_ERR_NOMEM));
    return CLI_EXIT_MEMORY;
}

static struct reproduce_model *add_model(struct reproduce *r, int32_t layers, bool reversed,
                                         uint64_t seed)
{
    struct reproduce_model *m = &r->models[r->model_count++];

    *m = (struct reproduce_model) { .layers = layers, .reversed = reversed, .seed = seed };
    return m;
}

void reproduce_list_models(struct reproduce *r)
{
    const struct reproduce_values *v = r->v;
    const uint64_t seed = (uint64_t)v->seed;
    struct reproduce_model *m;

    for (int64_t i = 0; i < v->members; i++) {
        m = add_model(r, (int32_t)v->layers, true, seed + (uint64_t)i);
        snprintf(m->name, sizeof(m->name), "reversed-%d", (int)i + 1);
    }
    m = add_model(r, (int32_t)v->layers, false, seed);
    snprintf(m->name, sizeof(m->name), "forward");
    for (int64_t layers = v->layers - 1; layers >= 1; layers--) {
        m = add_model(r, (int32_t)layers, true, seed);
        snprintf(m->name, sizeof(m->name), "layers-%d", (int)layers);
    }
}

static void fill_options(const struct reproduce *r, const struct reproduce_model *m,
                         const char *folder, struct clseq_train_options *o)
{
    const struct reproduce_values *v = r->v;
    const double epochs = v->after.epochs > 0 ? v->after.epochs : PAPER_EPOCHS;

    clseq_train_options_init(o);
    o->source = r->source;
    o->target = r->target;
    o->valid_source = v->valid.first ? v->valid.first : v->valid_tsv;
    o->valid_target = v->valid.second;
    o->run = folder;
    o->source_text.unit = o->target_text.unit = (clseq_unit)v->unit;
    o->source_text.lowercase = o->target_text.lowercase = v->lowercase;
    o->source_vocab_size = r->source_vocab_size;
    o->target_vocab_size = r->target_vocab_size;
    o->min_count = 1;
    o->reverse_source = m->reversed;
    o->model.embedding = o->model.hidden = r->units;
    o->model.layers = m->layers;
    o->init = (clseq_init_kind)v->init;
    o->init_scale = r->init_scale;
    o->set_forget_bias = r->set_forget_bias;
    if (r->set_forget_bias)
        o->forget_bias = v->forget_bias;
    o->layer_dropout = o->embedding_dropout = o->output_dropout = v->dropout;
    o->optimizer = (clseq_optimizer_kind)v->optimizer;
    o->lr = v->lr;
    o->schedule = v->schedule == 0 ? CLSEQ_SCHEDULE_HALVE : CLSEQ_SCHEDULE_LINEAR;
    o->warmup = (uint64_t)v->warmup;
    o->decay_start = epochs * PAPER_DECAY_START / PAPER_EPOCHS;
    o->decay_every = epochs * PAPER_DECAY_EVERY / PAPER_EPOCHS;
    o->clip = 5;
    o->batch = (size_t)v->batch;
    o->seed = m->seed;
    o->early_stop = 0;
    o->after =
        (struct clseq_when) { .epochs = v->after.epochs, .updates = (uint64_t)v->after.updates };
    o->valid_every = (struct clseq_when) { .epochs = epochs / PAPER_EPOCHS / 2 };
}

/* Train one model to its end; what the device ran out of or who stopped it is said. */
static int train(struct reproduce *r, const struct clseq_train_options *o)
{
    struct train_report report;
    struct clseq_train_hooks hooks;
    clseq_status status;

    train_report_init(&report, true);
    hooks = train_report_hooks(&report);
    status = clseq_train(r->ctx, r->be, o, &hooks, NULL);
    train_report_end(&report);
    if (status == CLSEQ_ERR_INTERRUPTED) {
        cli_note("%s", clseq_context_error(r->ctx));
        return cli_exit_code(status);
    }
    return status == CLSEQ_OK ? CLI_EXIT_DONE : cli_report(r->ctx, status);
}

static double best_perplexity(const struct run_log *log)
{
    double best = REPRODUCE_NONE;

    for (size_t i = 0; i < log->valid.count; i++) {
        if (!(log->valid.loss[i] >= best))
            best = log->valid.loss[i];
    }
    return exp(best);
}

/* The curve of validations, for the report. */
static json_t *curve(const struct run_log *log)
{
    json_t *list = json_array();

    for (size_t i = 0; i < log->valid.count; i++)
        json_array_append_new(list,
                              json_pack("[f, f]", log->valid.update[i],
                                        isfinite(log->valid.loss[i]) ? log->valid.loss[i] : 1e9));
    return list;
}

static int measure_model(struct reproduce *r, const struct reproduce_model *m)
{
    char *path = reproduce_path(r, m->name, "log.jsonl");
    char time[32];
    struct run_log log = { 0 };
    double test = REPRODUCE_NONE;
    int code = CLI_EXIT_DONE;

    if (!path)
        return no_memory();
    if (!run_log_read(path, &log)) {
        cli_error("%s: cannot read: %s", path, strerror(errno));
        code = CLI_EXIT_IO;
    }
    free(path);
    if (code == CLI_EXIT_DONE)
        code = reproduce_perplexity(r, m->name, &test);
    if (code == CLI_EXIT_DONE) {
        const double valid = best_perplexity(&log);

        fprintf(stderr, "%s: perplexity %.2f in validation, %.2f on the test text; %s\n", m->name,
                valid, test, cli_format_seconds(log.seconds, time));
        code = reproduce_results_add(
            r, "models", m->name,
            json_pack("{s:i, s:b, s:I, s:f, s:f, s:I, s:f, s:f, s:o}", "layers", (int)m->layers,
                      "reversed", m->reversed, "seed", (json_int_t)m->seed, "valid_perplexity",
                      valid, "test_perplexity", test, "updates", (json_int_t)log.updates, "epochs",
                      log.epochs, "seconds", log.seconds, "curve", curve(&log)));
    }
    run_log_fini(&log);
    return code;
}

int reproduce_train(struct reproduce *r)
{
    int code = CLI_EXIT_DONE;

    for (size_t i = 0; code == CLI_EXIT_DONE && i < r->model_count; i++) {
        const struct reproduce_model *m = &r->models[i];
        struct clseq_train_options o;
        char *folder;

        if (reproduce_result(r, "models", m->name))
            continue;
        folder = reproduce_path(r, m->name, NULL);
        if (!folder)
            return no_memory();
        fprintf(stderr, "%s (%zu of %zu): %d layer%s, source %s, seed %llu\n", m->name, i + 1,
                r->model_count, (int)m->layers, m->layers == 1 ? "" : "s",
                m->reversed ? "reversed" : "forward", (unsigned long long)m->seed);
        fill_options(r, m, folder, &o);
        code = train(r, &o);
        if (code == CLI_EXIT_DONE)
            code = measure_model(r, m);
        if (code == CLI_EXIT_DONE)
            code = reproduce_report(r);
        free(folder);
    }
    return code;
}

/* ---- speed ---- */

/* Reports of a short training. The first is dropped: it has the start of the device in it. */
#define SPEED_REPORTS 8

struct speeds {
    double value[SPEED_REPORTS];
    size_t count;
};

static void on_event(void *user, const struct clseq_train_event *e)
{
    struct speeds *s = user;

    if (e->kind == CLSEQ_TRAIN_UPDATE && s->count < SPEED_REPORTS)
        s->value[s->count++] = e->tokens_per_second;
}

static bool should_stop(void *user)
{
    return stop_signal_came();
}

static int ascending(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;

    return (x > y) - (x < y);
}

static double median_of(struct speeds *s)
{
    if (s->count < 2)
        return REPRODUCE_NONE;
    qsort(s->value + 1, s->count - 1, sizeof(s->value[0]), ascending);
    return s->value[1 + (s->count - 1) / 2];
}

/* A speed is measured from the start: what an earlier session left is of no use. */
static int forget_run(const struct reproduce *r, const char *name)
{
    static const char *const files[] = { "last.safetensors", "best.safetensors", "log.jsonl",
                                         "config.json" };

    for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
        char *path = reproduce_path(r, name, files[i]);
        const bool failed = path && unlink(path) != 0 && errno != ENOENT;

        if (failed)
            cli_error("%s: cannot remove: %s", path, strerror(errno));
        free(path);
        if (!path)
            return no_memory();
        if (failed)
            return CLI_EXIT_IO;
    }
    return CLI_EXIT_DONE;
}

static int measure_speed(struct reproduce *r, bool similar)
{
    const char *name = similar ? "similar" : "mixed";
    const struct reproduce_model model = { .layers = (int32_t)r->v->layers,
                                           .reversed = true,
                                           .seed = (uint64_t)r->v->seed };
    const char *run = similar ? "speed-similar" : "speed-mixed";
    const int code = forget_run(r, run);
    char *folder = reproduce_path(r, run, NULL);
    struct clseq_train_options o;
    struct speeds speeds = { .count = 0 };
    const struct clseq_train_hooks hooks = { .user = &speeds,
                                             .event = on_event,
                                             .stop = should_stop };
    clseq_status status;
    char speed[32];

    if (!folder)
        return no_memory();
    if (code != CLI_EXIT_DONE) {
        free(folder);
        return code;
    }
    fill_options(r, &model, folder, &o);
    o.similar_length = similar;
    o.valid_source = o.valid_target = NULL;
    o.schedule = CLSEQ_SCHEDULE_CONSTANT;
    o.log_every = (uint64_t)r->v->speed_updates / SPEED_REPORTS;
    o.after = (struct clseq_when) { .updates = o.log_every * SPEED_REPORTS };
    status = clseq_train(r->ctx, r->be, &o, &hooks, NULL);
    free(folder);
    if (status == CLSEQ_ERR_INTERRUPTED) {
        cli_note("stopped while the speed was measured: run the same command again to go on");
        return cli_exit_code(status);
    }
    if (status != CLSEQ_OK)
        return cli_report(r->ctx, status);
    fprintf(stderr, "batches of %s lengths: %s target tokens/s\n", similar ? "similar" : "any",
            cli_format_count(median_of(&speeds), speed));
    return reproduce_results_add(r, "speed", name,
                                 json_pack("{s:f}", "tokens_per_second", median_of(&speeds)));
}

int reproduce_speed(struct reproduce *r)
{
    int code = CLI_EXIT_DONE;

    for (int similar = 1; code == CLI_EXIT_DONE && similar >= 0; similar--) {
        if (!reproduce_result(r, "speed", similar ? "similar" : "mixed"))
            code = measure_speed(r, similar);
    }
    return code;
}
