/* SPDX-License-Identifier: BSD-2-Clause */
#include "cli.h"
#include "commands.h"
#include "message.h"
#include "out_file.h"
#include "plot.h"
#include "run_log.h"

#include <jansson.h>

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Lines of the chart in a terminal. */
#define PLOT_ROWS 20

struct values {
    int of;
    bool perplexity, json;
    const char *svg, *title;
};

enum { OF_VALIDATION, OF_TRAINING };

static const cli_option options[] = {
    /* clang-format off */
    { "of", 0, CLI_CHOICE_FIELD(struct values, of), "validation|training", "validation",
      .help = "which losses; those of training are as they were minimised" },
    { "perplexity", 0, CLI_FLAG_FIELD(struct values, perplexity), NULL, NULL,
      .help = "perplexity on a logarithmic axis, instead of loss per token" },
    { "svg", 0, CLI_STRING_FIELD(struct values, svg), "FILE", NULL,
      .help = "write the chart into FILE, too" },
    { "title", 0, CLI_STRING_FIELD(struct values, title), "TEXT", NULL, .help = "above the chart" },
    { "json", 0, CLI_FLAG_FIELD(struct values, json), NULL, NULL,
      .help = "the points instead of a chart, a JSON object a line" },
    /* clang-format on */
};

static int no_memory(void)
{
    cli_error("%s", clseq_status_text(CLSEQ_ERR_NOMEM));
    return CLI_EXIT_MEMORY;
}

/* The run's log; says what is wrong. Returns the exit code. */
static int read_log(const char *run, const struct values *v, struct run_log *log)
{
    const size_t size = strlen(run) + sizeof("/log.jsonl");
    char *path = malloc(size);
    const struct run_curve *curve = v->of == OF_VALIDATION ? &log->valid : &log->train;
    int code = CLI_EXIT_DONE;

    if (!path)
        return no_memory();
    snprintf(path, size, "%s/log.jsonl", run);
    if (!run_log_read(path, log)) {
        cli_error("%s: cannot read: %s", path, strerror(errno));
        code = CLI_EXIT_IO;
    } else if (!log->started) {
        cli_error("%s: there is no log of a training: give folders that `clseq train -o` made",
                  path);
        code = CLI_EXIT_DATA;
    } else if (curve->count == 0) {
        cli_error("%s: no %s in it yet%s", path,
                  v->of == OF_VALIDATION ? "validation" : "report of training",
                  v->of == OF_VALIDATION ? ": --of training draws the training loss" : "");
        code = CLI_EXIT_DATA;
    }
    free(path);
    return code;
}

static void to_perplexity(struct run_curve *curve)
{
    for (size_t i = 0; i < curve->count; i++)
        curve->loss[i] = exp(curve->loss[i]);
}

/* False when memory is out. */
static bool print_points(const plot_series *series, const char *what)
{
    bool ok = true;

    for (size_t i = 0; ok && i < series->count; i++) {
        json_t *point =
            json_pack("{s:s, s:I, s:o}", "run", series->name, "update", (json_int_t)series->x[i],
                      what, isfinite(series->y[i]) ? json_real(series->y[i]) : json_null());
        char *text = json_dumps(point, JSON_COMPACT | JSON_REAL_PRECISION(9));

        ok = text && puts(text) >= 0;
        free(text);
        json_decref(point);
    }
    return ok;
}

static int write_svg(const plot_chart *chart, const char *path)
{
    char *text = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);
    bool ok = out && plot_svg(chart, out);
    int code = CLI_EXIT_DONE;

    if (out && fclose(out) != 0)
        ok = false;
    if (!ok) {
        code = no_memory();
    } else if (!out_file_write(path, text, size)) {
        cli_error("%s: cannot write: %s", path, strerror(errno));
        code = CLI_EXIT_IO;
    }
    free(text);
    return code;
}

static int show(const struct values *v, const plot_series *series, size_t count)
{
    const plot_chart chart = { .title = v->title,
                               .x_label = "updates",
                               .y_label = v->perplexity ? "perplexity" : "loss per token",
                               .series = series,
                               .series_count = count,
                               .log_y = v->perplexity };
    const int columns = cli_columns(stdout);

    if (v->json) {
        for (size_t i = 0; i < count; i++) {
            if (!print_points(&series[i], v->perplexity ? "perplexity" : "loss"))
                return no_memory();
        }
    } else if (!plot_text(&chart, columns < 120 ? columns : 120, PLOT_ROWS,
                          plot_charset_of_locale(), cli_colour(stdout), stdout)) {
        return no_memory();
    }
    return v->svg ? write_svg(&chart, v->svg) : CLI_EXIT_DONE;
}

static int run(const cli_parse *parse, const void *values)
{
    const struct values *v = values;
    const size_t count = parse->argument_count;
    struct run_log logs[PLOT_MAX_SERIES] = { { .started = false } };
    plot_series series[PLOT_MAX_SERIES];
    int code = CLI_EXIT_DONE;

    if (count > PLOT_MAX_SERIES) {
        cli_error("%zu runs are too many for one chart: give up to %d", count, PLOT_MAX_SERIES);
        return CLI_EXIT_USAGE;
    }
    for (size_t i = 0; code == CLI_EXIT_DONE && i < count; i++) {
        struct run_curve *curve = v->of == OF_VALIDATION ? &logs[i].valid : &logs[i].train;

        code = read_log(parse->arguments[i], v, &logs[i]);
        if (code == CLI_EXIT_DONE && v->perplexity)
            to_perplexity(curve);
        series[i] = (plot_series) { parse->arguments[i], curve->update, curve->loss, curve->count };
    }
    if (code == CLI_EXIT_DONE)
        code = show(v, series, count);
    for (size_t i = 0; i < count && i < PLOT_MAX_SERIES; i++)
        run_log_fini(&logs[i]);
    return code;
}

const cli_command cmd_curves = {
    .name = "curves",
    .arguments = "RUN...",
    .summary = "losses of up to four trainings in one chart: in the terminal, as SVG, as JSON",
    .details = "RUN is a folder that `clseq train` made, or is making.\n\n"
               "  clseq curves run-a run-b --perplexity --svg runs.svg\n",
    .options = options,
    .option_count = sizeof(options) / sizeof(options[0]),
    .values_size = sizeof(struct values),
    .run = run,
};
