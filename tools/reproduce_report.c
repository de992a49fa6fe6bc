/* SPDX-License-Identifier: BSD-2-Clause */
#include "message.h"
#include "out_file.h"
#include "plot.h"
#include "reproduce.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Figures of the paper: section 3.3, tables 1 and 2. */
#define PAPER_FORWARD_PERPLEXITY  5.8
#define PAPER_REVERSED_PERPLEXITY 4.7
#define PAPER_FORWARD_BLEU        25.9
#define PAPER_REVERSED_BLEU       30.6

enum { MAX_POINTS = 512 };

static double model_number(const struct reproduce *r, const char *model, const char *key)
{
    return reproduce_number(r, "models", model, key);
}

static double bleu_number(const struct reproduce *r, const char *system, int beam, const char *key)
{
    char name[160];

    snprintf(name, sizeof(name), "%s beam %d", system, beam);
    return reproduce_number(r, "bleu", name, key);
}

/* A figure of a table, or a dash for what was not measured or is not in the paper. */
static void cell(FILE *out, double value, int digits)
{
    if (isfinite(value))
        fprintf(out, " %.*f |", digits, value);
    else
        fputs(" - |", out);
}

/* What the paper says of something, and whether it is so here. */
static void verdict(FILE *out, const char *what, bool measured, bool so)
{
    fprintf(out, "\n%s: **%s**.\n", what, !measured ? "not measured yet" : so ? "yes" : "no");
}

static void compare(FILE *out, const char *what, double smaller, double larger)
{
    verdict(out, what, isfinite(smaller) && isfinite(larger), smaller < larger);
}

/* ---- the parts ---- */

static void recipe_row(FILE *out, const char *name, const char *paper, const char *here)
{
    fprintf(out, "| %s | %s | %s |\n", name, paper, here);
}

static void write_recipe(const struct reproduce *r, FILE *out)
{
    const struct reproduce_values *v = r->v;
    char here[128], span[64];

    fprintf(out, "# Sutskever, Vinyals, Le 2014 at scale %g\n\n", v->scale);
    fputs("\"Sequence to Sequence Learning with Neural Networks\", NIPS 2014; the paper's figures "
          "are for WMT'14 English to\nFrench, 12 million pairs, 384 million weights, so they show "
          "the order of things, not what this text can reach.\n\n",
          out);
    fprintf(out, "Test text: %zu pairs. BLEU: `%s` tokens%s.\n\n", r->test.n,
            clseq_eval_tokenizer_name((clseq_eval_tokenizer)v->tokenize),
            v->lowercase ? ", lower case" : "");
    fputs("| recipe | paper | here |\n| --- | --- | --- |\n", out);
    snprintf(here, sizeof(here), "%d", (int)v->layers);
    recipe_row(out, "layers", "4", here);
    snprintf(here, sizeof(here), "%d", (int)r->units);
    recipe_row(out, "units and size of embeddings", "1000", here);
    snprintf(here, sizeof(here), "%zu, %zu at most", r->source_vocab_size, r->target_vocab_size);
    recipe_row(out, "vocabularies", "160000, 80000", here);
    if (v->init == CLSEQ_INIT_KIND_UNIFORM)
        snprintf(here, sizeof(here), "uniform in +-%.3g", r->init_scale);
    else
        snprintf(here, sizeof(here), "%s, %.3g", reproduce_inits[v->init], r->init_scale);
    recipe_row(out, "weights begin", "uniform in +-0.08", here);
    if (r->set_forget_bias) {
        snprintf(here, sizeof(here), "%g", v->forget_bias);
        recipe_row(out, "biases of forget gates begin with", "as the others", here);
    }
    if (v->dropout > 0) {
        snprintf(here, sizeof(here), "%g", v->dropout);
        recipe_row(out, "dropout of embeddings, between layers, of the output", "none", here);
    }
    if (v->lr > 0)
        snprintf(here, sizeof(here), "%s, %g", v->optimizer == 0 ? "SGD" : "Adam", v->lr);
    else
        snprintf(here, sizeof(here), "%s", v->optimizer == 0 ? "SGD, 0.7" : "Adam, 0.001");
    recipe_row(out, "optimizer, learning rate", "SGD, 0.7", here);
    snprintf(here, sizeof(here), "%d", (int)v->batch);
    recipe_row(out, "sentences in a batch", "128", here);
    if (v->after.epochs > 0)
        snprintf(span, sizeof(span), "%g epochs", v->after.epochs);
    else
        snprintf(span, sizeof(span), "%lld updates", (long long)v->after.updates);
    recipe_row(out, "trained for", "7.5 epochs", span);
    recipe_row(out, "rate", "halved from 5 epochs on every 0.5",
               v->schedule == 0 ? "at the same parts of training" : "in equal steps to 0");
    if (v->warmup > 0) {
        snprintf(here, sizeof(here), "%lld updates", (long long)v->warmup);
        recipe_row(out, "rate grows from 0 for", "-", here);
    }
    recipe_row(out, "gradient norm clipped at", "5", "5");
    recipe_row(out, "ranking of hypotheses", "log-probability", "log-probability");
}

static void write_reversal(const struct reproduce *r, FILE *out)
{
    const double forward = model_number(r, "forward", "test_perplexity");
    const double reversed = model_number(r, "reversed-1", "test_perplexity");
    const double forward_bleu = bleu_number(r, "forward", 12, "bleu");
    const double reversed_bleu = bleu_number(r, "reversed", 12, "bleu");

    fputs("\n## Reversed source\n\n"
          "| source | paper: perplexity | BLEU | here: perplexity | BLEU, beam 12 |\n"
          "| --- | --- | --- | --- | --- |\n| forward |",
          out);
    cell(out, PAPER_FORWARD_PERPLEXITY, 1);
    cell(out, PAPER_FORWARD_BLEU, 1);
    cell(out, forward, 2);
    cell(out, forward_bleu, 2);
    fputs("\n| reversed |", out);
    cell(out, PAPER_REVERSED_PERPLEXITY, 1);
    cell(out, PAPER_REVERSED_BLEU, 1);
    cell(out, reversed, 2);
    cell(out, reversed_bleu, 2);
    fputs("\n", out);
    compare(out, "Reversal lowers perplexity", reversed, forward);
    compare(out, "Reversal raises BLEU", forward_bleu, reversed_bleu);
    fputs("\n![validation loss](curves.svg)\n\n![BLEU by length](length.svg)\n", out);
}

static void depth_name(const struct reproduce *r, int layers, char name[32])
{
    if (layers == (int)r->v->layers)
        snprintf(name, 32, "reversed-1");
    else
        snprintf(name, 32, "layers-%d", layers);
}

static void write_depth(const struct reproduce *r, FILE *out)
{
    double before = REPRODUCE_NONE, first = REPRODUCE_NONE;
    bool measured = true, each = true;

    fputs("\n## Depth\n\nThe paper: each layer more lowers perplexity by nearly 10 %.\n\n"
          "| layers | validation perplexity | test perplexity | change by the layer | training |\n"
          "| --- | --- | --- | --- | --- |\n",
          out);
    for (int layers = 1; layers <= (int)r->v->layers; layers++) {
        char name[32], time[32];
        double perplexity;

        depth_name(r, layers, name);
        perplexity = model_number(r, name, "test_perplexity");
        fprintf(out, "| %d |", layers);
        cell(out, model_number(r, name, "valid_perplexity"), 2);
        cell(out, perplexity, 2);
        if (layers > 1 && isfinite(before) && isfinite(perplexity))
            fprintf(out, " %+.1f %% |", 100 * (perplexity / before - 1));
        else
            fputs(" - |", out);
        fprintf(out, " %s |\n", cli_format_seconds(model_number(r, name, "seconds"), time));
        if (layers == 1)
            first = perplexity;
        else
            each = each && perplexity < before;
        measured = measured && isfinite(perplexity);
        before = perplexity;
    }
    if (r->v->layers > 1) {
        verdict(out, "Each layer lowers perplexity", measured, each);
        verdict(out, "All layers together lower it", measured, before < first);
    }
    fputs("\n![perplexity by depth](depth.svg)\n", out);
}

static void write_speed(const struct reproduce *r, FILE *out)
{
    const double similar = reproduce_number(r, "speed", "similar", "tokens_per_second");
    const double mixed = reproduce_number(r, "speed", "mixed", "tokens_per_second");

    fputs("\n## Batches of similar lengths\n\n"
          "| batches | target tokens/s | times as fast | paper |\n| --- | --- | --- | --- |\n"
          "| of any lengths |",
          out);
    cell(out, mixed, 0);
    fputs(" 1 | 1 |\n| of similar lengths |", out);
    cell(out, similar, 0);
    cell(out, similar / mixed, 2);
    fputs(" 2 |\n\nPadding costs little in clseq: the output layer, embeddings and rows that have "
          "ended skip it.\n",
          out);
}

static void table_row(const struct reproduce *r, FILE *out, const char *what, const char *system,
                      int beam, double paper)
{
    fprintf(out, "| %s, beam %d |", what, beam);
    cell(out, paper, 2);
    cell(out, bleu_number(r, system, beam, "bleu"), 2);
    cell(out, bleu_number(r, system, beam, "seconds"), 1);
    fputs("\n", out);
}

static void write_search(const struct reproduce *r, FILE *out)
{
    const bool more = r->v->members > 2;
    char all[32], label[64];
    double one, two, five, beam1, beam2, beam12;

    fputs("\n## Beams and ensembles (table 1)\n\n"
          "| system | paper: BLEU | here: BLEU | seconds |\n| --- | --- | --- | --- |\n",
          out);
    snprintf(all, sizeof(all), "ensemble-%d", (int)r->v->members);
    snprintf(label, sizeof(label), "%d reversed", (int)r->v->members);
    for (int b = 0; b < REPRODUCE_BEAMS; b++) {
        const int beam = reproduce_beams[b];

        table_row(r, out, "single forward", "forward", beam, beam == 12 ? 26.17 : REPRODUCE_NONE);
    }
    for (int b = 0; b < REPRODUCE_BEAMS; b++) {
        const int beam = reproduce_beams[b];

        table_row(r, out, "single reversed", "reversed", beam, beam == 12 ? 30.59 : REPRODUCE_NONE);
    }
    for (int b = 0; b < REPRODUCE_BEAMS; b++) {
        const int beam = reproduce_beams[b];

        table_row(r, out, "2 reversed", "ensemble-2", beam, beam == 12 ? 33.27 : REPRODUCE_NONE);
    }
    for (int b = 0; more && b < REPRODUCE_BEAMS; b++) {
        static const double paper[REPRODUCE_BEAMS] = { 33.00, 34.50, 34.81 };

        table_row(r, out, label, all, reproduce_beams[b],
                  r->v->members == 5 ? paper[b] : REPRODUCE_NONE);
    }
    one = bleu_number(r, "reversed", 12, "bleu");
    two = bleu_number(r, "ensemble-2", 12, "bleu");
    five = bleu_number(r, all, 12, "bleu");
    compare(out, "Two models are better than one, beam 12", one, two);
    if (more) {
        snprintf(label, sizeof(label), "%d models are better than two, beam 12",
                 (int)r->v->members);
        compare(out, label, two, five);
    }
    beam1 = bleu_number(r, all, 1, "bleu");
    beam2 = bleu_number(r, all, 2, "bleu");
    beam12 = five;
    verdict(out, "A beam of 2 has most of the gain of 12, with all models",
            isfinite(beam1) && isfinite(beam2) && isfinite(beam12),
            beam12 > beam1 && beam2 - beam1 >= (beam12 - beam1) / 2);
    fputs("\n![BLEU by beam](beam.svg)\n", out);
}

static void rescoring_row(const struct reproduce *r, FILE *out, const char *what, const char *name,
                          double paper)
{
    fprintf(out, "| %s |", what);
    cell(out, paper, 2);
    cell(out, reproduce_number(r, "rescoring", name, "bleu"), 2);
    fputs("\n", out);
}

static void write_rescoring(const struct reproduce *r, FILE *out)
{
    char all[32], label[64];

    fprintf(out,
            "\n## Rescoring (table 2)\n\nThe paper rescores the 1000-best list of a phrase-based "
            "system with the even average of both scores. Here\nthe list is the %d-best one of the "
            "model of one layer; `clseq rescore` does the same with any list.\n\n"
            "| order of the list | paper: BLEU | here: BLEU |\n| --- | --- | --- |\n",
            (int)r->v->nbest);
    snprintf(all, sizeof(all), "ensemble-%d", (int)r->v->members);
    snprintf(label, sizeof(label), "and %d reversed", (int)r->v->members);
    rescoring_row(r, out, "its own", "list", 33.30);
    rescoring_row(r, out, "and a single forward", "forward", 35.61);
    rescoring_row(r, out, "and a single reversed", "reversed", 35.85);
    rescoring_row(r, out, "and 2 reversed", "ensemble-2", REPRODUCE_NONE);
    if (r->v->members > 2)
        rescoring_row(r, out, label, all, r->v->members == 5 ? 36.5 : REPRODUCE_NONE);
    rescoring_row(r, out, "best sentence BLEU (oracle)", "oracle", 45);
    compare(out, "Rescoring with one model helps", reproduce_number(r, "rescoring", "list", "bleu"),
            reproduce_number(r, "rescoring", "reversed", "bleu"));
    compare(out, "Rescoring with all of them helps more",
            reproduce_number(r, "rescoring", "reversed", "bleu"),
            reproduce_number(r, "rescoring", all, "bleu"));
}

/* ---- pictures ---- */

struct points {
    double x[MAX_POINTS], y[MAX_POINTS];
    size_t count;
};

static void add_point(struct points *p, double x, double y)
{
    if (p->count < MAX_POINTS) {
        p->x[p->count] = x;
        p->y[p->count++] = y;
    }
}

/* [[x, y], ...] */
static void add_list(struct points *p, const json_t *list)
{
    for (size_t i = 0; i < json_array_size(list); i++) {
        const json_t *pair = json_array_get(list, i);

        add_point(p, json_number_value(json_array_get(pair, 0)),
                  json_number_value(json_array_get(pair, 1)));
    }
}

static int write_memory(const struct reproduce *r, const char *name, const char *text, size_t size)
{
    char *path = reproduce_path(r, name, NULL);
    int code = CLI_EXIT_DONE;

    if (!path) {
        cli_error("%s", clseq_status_text(CLSEQ_ERR_NOMEM));
        return CLI_EXIT_MEMORY;
    }
    if (!out_file_write(path, text, size)) {
        cli_error("%s: cannot write: %s", path, strerror(errno));
        code = CLI_EXIT_IO;
    }
    free(path);
    return code;
}

static int write_chart(const struct reproduce *r, const char *name, const plot_chart *chart)
{
    char *text = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);
    bool ok = out && plot_svg(chart, out);
    int code = CLI_EXIT_MEMORY;

    if (out && fclose(out) != 0)
        ok = false;
    if (ok)
        code = write_memory(r, name, text, size);
    else
        cli_error("%s", clseq_status_text(CLSEQ_ERR_NOMEM));
    free(text);
    return code;
}

static plot_series series_of(const char *name, const struct points *p)
{
    return (plot_series) { name, p->x, p->y, p->count };
}

static int draw_curves(const struct reproduce *r, struct points *p)
{
    const char *const models[] = { "forward", "reversed-1" };
    plot_series series[2];

    for (int i = 0; i < 2; i++) {
        add_list(&p[i], json_object_get(reproduce_result(r, "models", models[i]), "curve"));
        series[i] = series_of(models[i], &p[i]);
    }
    return write_chart(r, "curves.svg",
                       &(plot_chart) { .title = "Reversed and forward source",
                                       .x_label = "updates",
                                       .y_label = "validation loss per token",
                                       .series = series,
                                       .series_count = 2 });
}

static int draw_lengths(const struct reproduce *r, struct points *p)
{
    plot_series series[REPRODUCE_SYSTEMS];
    char names[REPRODUCE_SYSTEMS][32], key[160];
    size_t n = 0;

    for (int system = 0; system < REPRODUCE_SYSTEMS; system++) {
        if (!reproduce_system_name(r, system, names[system]))
            continue;
        snprintf(key, sizeof(key), "%s beam 12", names[system]);
        add_list(&p[system], json_object_get(reproduce_result(r, "bleu", key), "by_length"));
        series[n++] = series_of(names[system], &p[system]);
    }
    return write_chart(r, "length.svg",
                       &(plot_chart) { .title = "BLEU by sentence length, beam 12 (figure 3)",
                                       .x_label = "source tokens",
                                       .y_label = "BLEU",
                                       .series = series,
                                       .series_count = n });
}

static int draw_depth(const struct reproduce *r, struct points *p)
{
    plot_series series[2];

    for (int layers = 1; layers <= (int)r->v->layers; layers++) {
        char name[32];

        depth_name(r, layers, name);
        add_point(&p[0], layers, model_number(r, name, "valid_perplexity"));
        add_point(&p[1], layers, model_number(r, name, "test_perplexity"));
    }
    series[0] = series_of("validation", &p[0]);
    series[1] = series_of("test", &p[1]);
    return write_chart(r, "depth.svg",
                       &(plot_chart) { .title = "Perplexity by depth",
                                       .x_label = "layers",
                                       .y_label = "perplexity",
                                       .series = series,
                                       .series_count = 2 });
}

static int draw_beams(const struct reproduce *r, struct points *p)
{
    plot_series series[REPRODUCE_SYSTEMS];
    char names[REPRODUCE_SYSTEMS][32];
    size_t n = 0;

    for (int system = 0; system < REPRODUCE_SYSTEMS; system++) {
        if (!reproduce_system_name(r, system, names[system]))
            continue;
        for (int b = 0; b < REPRODUCE_BEAMS; b++)
            add_point(&p[system], reproduce_beams[b],
                      bleu_number(r, names[system], reproduce_beams[b], "bleu"));
        series[n++] = series_of(names[system], &p[system]);
    }
    return write_chart(r, "beam.svg",
                       &(plot_chart) { .title = "BLEU by beam",
                                       .x_label = "beam",
                                       .y_label = "BLEU",
                                       .series = series,
                                       .series_count = n });
}

static int draw(const struct reproduce *r)
{
    int (*const pictures[])(const struct reproduce *, struct points *) = {
        draw_curves,
        draw_lengths,
        draw_depth,
        draw_beams,
    };
    struct points *points = calloc(REPRODUCE_SYSTEMS, sizeof(*points));
    int code = CLI_EXIT_DONE;

    if (!points) {
        cli_error("%s", clseq_status_text(CLSEQ_ERR_NOMEM));
        return CLI_EXIT_MEMORY;
    }
    for (size_t i = 0; code == CLI_EXIT_DONE && i < sizeof(pictures) / sizeof(pictures[0]); i++) {
        for (int k = 0; k < REPRODUCE_SYSTEMS; k++)
            points[k].count = 0;
        code = pictures[i](r, points);
    }
    free(points);
    return code;
}

int reproduce_report(const struct reproduce *r)
{
    char *text = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);
    int code = CLI_EXIT_MEMORY;

    if (out) {
        write_recipe(r, out);
        write_reversal(r, out);
        write_depth(r, out);
        write_speed(r, out);
        write_search(r, out);
        write_rescoring(r, out);
    }
    if (out && fclose(out) == 0)
        code = write_memory(r, "report.md", text, size);
    else
        cli_error("%s", clseq_status_text(CLSEQ_ERR_NOMEM));
    free(text);
    return code == CLI_EXIT_DONE ? draw(r) : code;
}
