/* SPDX-License-Identifier: BSD-2-Clause */
#include "commands.h"
#include "demo_tasks.h"
#include "device_options.h"
#include "message.h"
#include "out_file.h"
#include "plot.h"
#include "run_log.h"
#include "stop_signal.h"
#include "train_report.h"

#include <clseq/eval.h>
#include <clseq/train.h>
#include <clseq/translate.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* Translations that are shown. */
#define SAMPLES 8

/* Inputs that are translated between two looks at Ctrl-C. */
#define BLOCK 500

/* Lines of the curve in the terminal. */
#define PLOT_ROWS 16

struct values {
    const char *run;
    cli_span after;
    int64_t seed;
    struct device_options device;
};

static const cli_option options[] = {
    /* clang-format off */
    { "output", 'o', CLI_STRING_FIELD(struct values, run), "RUN", NULL,
      .help = "folder of the run; demo-TASK when not given" },
    { "after", 0, CLI_SPAN_FIELD(struct values, after), "WHEN", NULL,
      .help = "how long to train: epochs 5e, updates 500u or time 30s; set by the task when not given" },
    { "seed", 0, CLI_INT_FIELD(struct values, seed), "N", "1", .min = 0, .max = 9007199254740992.0,
      .help = "of the made text and of training; same seed and device, same bits" },
    /* clang-format on */
    DEVICE_OPTIONS(struct values, device),
};

/* Files of a run, by what they hold. */
enum file { FILE_TRAIN, FILE_VALID, FILE_TEST, FILE_LOG, FILE_MODEL, FILE_CURVE, FILES };

static const char *const file_names[FILES] = { "train.tsv", "valid.tsv",        "test.tsv",
                                               "log.jsonl", "best.safetensors", "loss.svg" };

struct demo {
    const struct demo_task *task;
    const struct values *v;
    const char *run;
    bool after_given;
    char *path[FILES];
    struct demo_item *test; /* task->count[DEMO_TEST] items */
    clseq_context *ctx;
    clseq_backend *be;
    struct run_log log;
};

static int no_memory(void)
{
    cli_error("out of memory: close other programs and try again");
    return CLI_EXIT_MEMORY;
}

static double now(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

/* "A", or "A/B": owned; NULL when memory is out. */
static char *join(const char *folder, const char *separator, const char *name)
{
    const size_t size = strlen(folder) + strlen(separator) + strlen(name) + 1;
    char *path = malloc(size);

    if (path)
        snprintf(path, size, "%s%s%s", folder, separator, name);
    return path;
}

/* ---- text ---- */

/* "source TAB target" lines; owned. NULL when memory is out. */
static char *tsv_of(const struct demo_item *items, size_t count, size_t *size)
{
    char *text = NULL;
    FILE *out = open_memstream(&text, size);
    bool ok = out != NULL;

    for (size_t i = 0; ok && i < count; i++)
        ok = fprintf(out, "%s\t%s\n", items[i].source, items[i].target) > 0;
    if (out && fclose(out) != 0)
        ok = false;
    if (!ok) {
        free(text);
        return NULL;
    }
    return text;
}

/* A run that has begun must find the text it began with. */
static int place_text(const struct demo *d, const char *path, const char *text, size_t size)
{
    if (out_file_holds(path, text, size))
        return CLI_EXIT_DONE;
    if (d->log.started) {
        cli_error("%s does not hold the text that `clseq demo %s --seed %lld` makes: the run in %s "
                  "was made with another task, seed or version. Give the old ones, choose another "
                  "folder with -o, or delete %s",
                  path, d->task->name, (long long)d->v->seed, d->run, d->run);
        return CLI_EXIT_USAGE;
    }
    if (out_file_write(path, text, size))
        return CLI_EXIT_DONE;
    cli_error("%s: cannot write: %s: choose another folder with -o", path, strerror(errno));
    return CLI_EXIT_IO;
}

static int make_text(struct demo *d, enum demo_split split)
{
    const size_t count = d->task->count[split];
    struct demo_item *items = calloc(count, sizeof(*items));
    char *text = NULL;
    size_t size = 0;
    int code;

    if (items) {
        demo_task_fill(d->task, (uint64_t)d->v->seed, split, count, items);
        text = tsv_of(items, count, &size);
    }
    code = text ? place_text(d, d->path[split], text, size) : no_memory();
    free(text);
    if (split == DEMO_TEST)
        d->test = items;
    else
        free(items);
    return code;
}

static int make_all_text(struct demo *d)
{
    int code = CLI_EXIT_DONE;

    if (!out_make_folder(d->run)) {
        cli_error("%s: cannot make the folder of the run: %s: choose another with -o", d->run,
                  strerror(errno));
        return CLI_EXIT_IO;
    }
    for (enum demo_split split = DEMO_TRAIN; split <= DEMO_TEST && code == CLI_EXIT_DONE; split++)
        code = make_text(d, split);
    return code;
}

/* ---- training ---- */

static void fill_options(const struct demo *d, struct clseq_train_options *o)
{
    const struct demo_task *t = d->task;
    const cli_span *after = &d->v->after;

    clseq_train_options_init(o);
    o->source = d->path[FILE_TRAIN];
    o->valid_source = d->path[FILE_VALID];
    o->run = d->run;
    o->source_text.unit = o->target_text.unit = t->words ? CLSEQ_UNIT_WORD : CLSEQ_UNIT_CHAR;
    o->min_count = 1;
    o->reverse_source = t->reverse_source;
    o->model.embedding = t->embedding;
    o->model.hidden = t->hidden;
    o->model.layers = 1;
    o->batch = t->batch;
    o->lr = t->lr;
    o->schedule = CLSEQ_SCHEDULE_HALVE;
    o->decay_start = t->decay_start;
    o->decay_every = t->decay_every;
    o->seed = (uint64_t)d->v->seed;
    o->early_stop = 0; /* the schedule says when it is over */
    o->valid_every = (struct clseq_when) { .epochs = 0.5 };
    o->save_every = (struct clseq_when) { .seconds = 30 };
    o->after = (struct clseq_when) { .epochs = t->epochs };
    if (d->after_given)
        o->after = (struct clseq_when) { .epochs = after->epochs,
                                         .updates = (uint64_t)after->updates,
                                         .seconds = after->seconds };
}

static int train(struct demo *d)
{
    struct clseq_train_options o;
    struct train_report report;
    struct clseq_train_hooks hooks;
    clseq_status status;

    /* Known to be over, unless another end is asked for. */
    if (d->log.complete && !d->after_given && d->log.epochs >= d->task->epochs) {
        cli_note("%s is trained: only the results follow. To train again delete it or choose "
                 "another folder with -o",
                 d->run);
        return CLI_EXIT_DONE;
    }
    fill_options(d, &o);
    train_report_init(&report, false);
    hooks = train_report_hooks(&report);
    status = clseq_train(d->ctx, d->be, &o, &hooks, NULL);
    train_report_end(&report);
    if (status == CLSEQ_ERR_INTERRUPTED) {
        cli_note("%s", clseq_context_error(d->ctx));
        return cli_exit_code(status);
    }
    return status == CLSEQ_OK ? CLI_EXIT_DONE : cli_report(d->ctx, status);
}

static int read_log(struct demo *d)
{
    run_log_fini(&d->log);
    if (run_log_read(d->path[FILE_LOG], &d->log))
        return CLI_EXIT_DONE;
    cli_error("%s: cannot read: %s: choose another folder with -o", d->path[FILE_LOG],
              strerror(errno));
    return CLI_EXIT_IO;
}

/* ---- results ---- */

/* Translate all test inputs; results[k] belongs to item k. */
static int translate(struct demo *d, clseq_translation *results, size_t *done)
{
    clseq_translator *tr = NULL;
    clseq_translate_options o;
    clseq_status status = clseq_translator_open(d->ctx, d->be, d->path[FILE_MODEL], NULL, &tr);
    const size_t count = d->task->count[DEMO_TEST];

    clseq_translate_options_init(&o);
    o.batch = 250;
    while (status == CLSEQ_OK && *done < count && !stop_signal_came()) {
        const size_t n = count - *done < BLOCK ? count - *done : BLOCK;
        const char *lines[BLOCK];

        for (size_t i = 0; i < n; i++)
            lines[i] = d->test[*done + i].source;
        o.first_line = *done + 1;
        status = clseq_translator_run(tr, lines, NULL, n, &o, results + *done);
        if (status == CLSEQ_OK)
            *done += n;
    }
    clseq_translator_close(&tr);
    if (status != CLSEQ_OK)
        return cli_report(d->ctx, status);
    if (*done < count) {
        cli_note("stopped before all test inputs were translated; %s is trained: run the same "
                 "command again for the results",
                 d->run);
        return CLI_EXIT_STOPPED;
    }
    return CLI_EXIT_DONE;
}

static void print_samples(const struct demo *d, const clseq_translation *results)
{
    const bool colour = cli_colour(stdout);
    const char *const green = colour ? "\033[32m" : "", *const red = colour ? "\033[31m" : "";
    const char *const off = colour ? "\033[0m" : "";

    printf("Translations of input that was not in training:\n");
    for (size_t i = 0; i < SAMPLES && i < d->task->count[DEMO_TEST]; i++) {
        const struct demo_item *item = &d->test[i];
        const char *text = results[i].hypotheses[0].text;

        if (strcmp(text, item->target) == 0)
            printf("  %sright%s  %s -> %s\n", green, off, item->source, text);
        else
            printf("  %swrong%s  %s -> %s (should be %s)\n", red, off, item->source, text,
                   item->target);
    }
}

static int print_score(const struct demo *d, const clseq_translation *results, double seconds)
{
    const size_t count = d->task->count[DEMO_TEST];
    clseq_edit *edit = NULL;
    clseq_edit_result r;
    char trained[32];
    clseq_status status = clseq_edit_create(d->ctx, NULL, &edit);

    for (size_t i = 0; status == CLSEQ_OK && i < count; i++) {
        const char *reference = d->test[i].target;

        status = clseq_edit_add(edit, results[i].hypotheses[0].text, &reference, 1);
    }
    if (status == CLSEQ_OK)
        status = clseq_edit_score(edit, &r);
    clseq_edit_destroy(&edit);
    if (status != CLSEQ_OK)
        return cli_report(d->ctx, status);
    printf("\nexact match  %.2f %% (%llu of %llu unseen inputs)\n", r.exact,
           (unsigned long long)(r.lines - r.wrong_lines), (unsigned long long)r.lines);
    printf("training     %s, %llu updates, %.3g epochs\n",
           cli_format_seconds(d->log.seconds, trained), (unsigned long long)d->log.updates,
           d->log.epochs);
    printf("translation  %.1f s for %zu inputs\n", seconds, count);
    return CLI_EXIT_DONE;
}

static int show_translations(struct demo *d)
{
    const size_t count = d->task->count[DEMO_TEST];
    clseq_translation *results = calloc(count, sizeof(*results));
    const double start = now();
    size_t done = 0;
    int code;

    if (!results)
        return no_memory();
    code = translate(d, results, &done);
    if (code == CLI_EXIT_DONE) {
        const double seconds = now() - start;

        print_samples(d, results);
        code = print_score(d, results, seconds);
    }
    clseq_translations_fini(results, done);
    free(results);
    return code;
}

/* A picture of the losses, in a file and on stdout. */
static int show_curve(const struct demo *d)
{
    const plot_series series[] = {
        { "training", d->log.train.update, d->log.train.loss, d->log.train.count },
        { "validation", d->log.valid.update, d->log.valid.loss, d->log.valid.count },
    };
    char title[64], *text = NULL;
    const plot_chart chart = { .title = title,
                               .x_label = "updates",
                               .y_label = "loss per token",
                               .series = series,
                               .series_count = 2,
                               .log_y = true };
    const int columns = cli_columns(stdout);
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);
    bool ok = out != NULL;
    int code = CLI_EXIT_DONE;

    snprintf(title, sizeof(title), "clseq demo %s", d->task->name);
    if (out) {
        ok = plot_svg(&chart, out);
        ok = fclose(out) == 0 && ok;
    }
    if (!ok) {
        code = no_memory();
    } else if (!out_file_write(d->path[FILE_CURVE], text, size)) {
        cli_error("%s: cannot write: %s", d->path[FILE_CURVE], strerror(errno));
        code = CLI_EXIT_IO;
    } else {
        printf("loss curve   %s\n\n", d->path[FILE_CURVE]);
        plot_text(&chart, columns < 100 ? columns : 100, PLOT_ROWS, plot_charset_of_locale(),
                  cli_colour(stdout), stdout);
    }
    free(text);
    return code;
}

static int show_results(struct demo *d)
{
    int code = show_translations(d);

    if (code == CLI_EXIT_DONE)
        code = show_curve(d);
    if (code != CLI_EXIT_DONE)
        return code;
    printf("\nThe text is in %s/*.tsv. Try it:\n  echo \"%s\" | clseq translate %s\n", d->run,
           d->task->example, d->path[FILE_MODEL]);
    return CLI_EXIT_DONE;
}

/* ---- the command ---- */

static int run_task(struct demo *d)
{
    int code;

    for (int i = 0; i < FILES; i++) {
        d->path[i] = join(d->run, "/", file_names[i]);
        if (!d->path[i])
            return no_memory();
    }
    code = read_log(d);
    if (code == CLI_EXIT_DONE)
        code = make_all_text(d);
    if (code != CLI_EXIT_DONE)
        return code;
    stop_signal_hold();
    code = device_open(&d->v->device, &d->ctx, &d->be);
    if (code != CLI_EXIT_DONE)
        return code;
    stop_signal_watch();
    code = train(d);
    if (code == CLI_EXIT_DONE)
        code = read_log(d);
    if (code == CLI_EXIT_DONE)
        code = show_results(d);
    device_close(&d->v->device, &d->ctx, &d->be);
    return code;
}

static int unknown_task(const char *name)
{
    const char *names[16];
    const char *near;
    size_t n = 0;
    char list[256] = "";

    for (const struct demo_task *task = demo_tasks(); task->name; task++) {
        const size_t length = strlen(list);

        snprintf(list + length, sizeof(list) - length, "%s%s", n ? ", " : "", task->name);
        names[n++] = task->name;
    }
    near = cli_nearest(name, names, n);
    if (near)
        cli_error("there is no demo task \"%s\"; did you mean %s? The tasks are: %s", name, near,
                  list);
    else
        cli_error("there is no demo task \"%s\"; the tasks are: %s", name, list);
    return CLI_EXIT_USAGE;
}

static int run(const cli_parse *parse, const void *values)
{
    const char *name = parse->argument_count > 0 ? parse->arguments[0] : demo_tasks()[0].name;
    struct demo d = { .task = demo_task_find(name), .v = values };
    char *made = NULL;
    int code;

    if (!d.task)
        return unknown_task(name);
    d.run = d.v->run;
    d.after_given = cli_source_of(parse, "after") != CLI_FROM_DEFAULT;
    if (!d.run)
        d.run = made = join("demo", "-", name);
    code = d.run ? run_task(&d) : no_memory();
    run_log_fini(&d.log);
    for (int i = 0; i < FILES; i++)
        free(d.path[i]);
    free(d.test);
    free(made);
    return code;
}

const cli_command cmd_demo = {
    .name = "demo",
    .arguments = "[TASK]",
    .summary = "train and show a model of a built-in task; no data needed",
    .details = "TASK is one of\n"
               "  reverse  spell a string of letters backwards (when none is given)\n"
               "  add      add two numbers of up to three digits: 2+2= -> 4\n"
               "  numbers  English number words to French ones, 0 to 999,999\n\n"
               "The text is made from the seed and written to RUN/train.tsv, valid.tsv and\n"
               "test.tsv; the rest of RUN is as `clseq train` leaves it, with the loss curve in\n"
               "loss.svg. Ctrl-C saves and stops; the same command goes on. Once trained, it\n"
               "shows the results again.\n\n"
               "  clseq demo numbers\n"
               "  echo \"three hundred and twelve\" |\n"
               "  clseq translate demo-numbers/best.safetensors\n",
    .options = options,
    .option_count = sizeof(options) / sizeof(options[0]),
    .values_size = sizeof(struct values),
    .run = run,
};
