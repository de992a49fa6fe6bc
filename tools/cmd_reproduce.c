/* SPDX-License-Identifier: BSD-2-Clause */
#include "commands.h"
#include "message.h"
#include "reproduce.h"
#include "stop_signal.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define PAPER "sutskever2014"

/* Section 3.1 and 3.4. */
#define PAPER_UNITS        1000
#define PAPER_SOURCE_WORDS 160000
#define PAPER_TARGET_WORDS 80000
#define PAPER_INIT         0.08

static const cli_option options[] = {
    /* clang-format off */
    { "valid", 0, CLI_PAIR_FIELD(struct reproduce_values, valid), "SRC TGT", NULL, .group = "Data",
      .help = "text to validate on" },
    { "valid-tsv", 0, CLI_STRING_FIELD(struct reproduce_values, valid_tsv), "FILE", NULL, .group = "Data",
      .help = "the same as one .tsv file" },
    { "test", 0, CLI_PAIR_FIELD(struct reproduce_values, test), "SRC TGT", NULL, .group = "Data",
      .help = "text that perplexity and BLEU are measured on" },
    { "test-tsv", 0, CLI_STRING_FIELD(struct reproduce_values, test_tsv), "FILE", NULL, .group = "Data",
      .help = "the same as one .tsv file" },
    { "output", 'o', CLI_STRING_FIELD(struct reproduce_values, folder), "FOLDER", PAPER, .group = "Data",
      .help = "folder of models and report; the same command again goes on" },
    { "unit", 0, CLI_CHOICE_FIELD(struct reproduce_values, unit), "word|char", "word", .group = "Data",
      .help = "what a line is cut into" },
    { "lowercase", 0, CLI_FLAG_FIELD(struct reproduce_values, lowercase), NULL, NULL, .group = "Data",
      .help = "lower-case both sides" },
    { "tokenize", 0, CLI_CHOICE_FIELD(struct reproduce_values, tokenize), "13a|intl|char|none", "13a", .group = "Data",
      .help = "tokens of BLEU; none: the text is tokenized already" },
    { "scale", 0, CLI_FLOAT_FIELD(struct reproduce_values, scale), "S", "0.1", .min = 0.005, .max = 10, .group = "Recipe",
      .help = "1 is the paper: 1000 units, 160,000 and 80,000 words" },
    { "layers", 0, CLI_INT_FIELD(struct reproduce_values, layers), "N", "4", .min = 1, .max = REPRODUCE_MAX_LAYERS, .group = "Recipe",
      .help = "layers of the deepest model; 1 to N are compared" },
    { "members", 0, CLI_INT_FIELD(struct reproduce_values, members), "N", "5", .min = 2, .max = REPRODUCE_MAX_MEMBERS, .group = "Recipe",
      .help = "models of the large ensemble" },
    { "after", 0, CLI_SPAN_FIELD(struct reproduce_values, after), "WHEN", "7.5e", .group = "Recipe",
      .help = "how long each is trained: epochs 20e or updates 5000u; the rate is halved at the paper's parts of the epochs" },
    { "batch", 0, CLI_INT_FIELD(struct reproduce_values, batch), "N", "128", .min = 1, .max = 65536, .group = "Recipe",
      .help = "sentences in a batch; little text wants small ones" },
    { "optimizer", 0, CLI_CHOICE_FIELD(struct reproduce_values, optimizer), "sgd|adam", "sgd", .group = "Recipe",
      .help = "adam learns from fewer updates" },
    { "lr", 0, CLI_FLOAT_FIELD(struct reproduce_values, lr), "X", NULL, .min = 0, .max = 100, .bounds = CLI_ABOVE_MIN, .group = "Recipe",
      .help = "learning rate; when not given 0.7 for sgd, 0.001 for adam" },
    { "schedule", 0, CLI_CHOICE_FIELD(struct reproduce_values, schedule), "halve|linear", "halve", .group = "Recipe",
      .help = "how the rate falls: as the paper's, or in equal steps to 0 at the end" },
    { "warmup", 0, CLI_INT_FIELD(struct reproduce_values, warmup), "N", "0", .min = 0, .max = 1e12, .group = "Recipe",
      .help = "updates in which the rate grows from 0" },
    { "init", 0, CLI_CHOICE_FIELD(struct reproduce_values, init), "uniform|normal|xavier|orthogonal", "uniform", .group = "Recipe",
      .help = "initial weights, as those of clseq train" },
    { "init-scale", 0, CLI_FLOAT_FIELD(struct reproduce_values, init_scale), "X", NULL, .min = 0, .max = 10, .bounds = CLI_ABOVE_MIN, .group = "Recipe",
      .help = "their size, as that of clseq train; when not given 0.08 / sqrt(S), so that sums over fewer units are as large" },
    { "forget-bias", 0, CLI_FLOAT_FIELD(struct reproduce_values, forget_bias), "X", NULL, .min = -100, .max = 100, .group = "Recipe",
      .help = "what the biases of forget gates begin with, 1 say; when not given as the other biases" },
    { "dropout", 0, CLI_FLOAT_FIELD(struct reproduce_values, dropout), "P", "0", .min = 0, .max = 0.99, .group = "Recipe",
      .help = "as that of clseq train; little text is learnt by heart without" },
    { "seed", 0, CLI_INT_FIELD(struct reproduce_values, seed), "N", "1", .min = 0, .max = 9007199254740000.0, .group = "Recipe",
      .help = "of the first model; the other members have those after it" },
    { "nbest", 0, CLI_INT_FIELD(struct reproduce_values, nbest), "N", "50", .min = 2, .max = CLSEQ_BEAM_LIMIT, .group = "Recipe",
      .help = "hypotheses of a sentence that are rescored" },
    { "speed-updates", 0, CLI_INT_FIELD(struct reproduce_values, speed_updates), "N", "160", .min = 8, .max = 1e9, .group = "Recipe",
      .help = "updates in which the speed of batches is measured" },
    /* clang-format on */
    DEVICE_OPTIONS(struct reproduce_values, device),
};

static int check(const cli_parse *parse, const struct reproduce_values *v)
{
    if (strcmp(parse->arguments[0], PAPER) != 0) {
        cli_error("there is no recipe of \"%s\"; the one there is: " PAPER, parse->arguments[0]);
        return CLI_EXIT_USAGE;
    }
    if (!v->valid.first == !v->valid_tsv || !v->test.first == !v->test_tsv) {
        cli_error("give one validation text (--valid SRC TGT or --valid-tsv FILE) and one test "
                  "text (--test SRC TGT or --test-tsv FILE)");
        return CLI_EXIT_USAGE;
    }
    if (v->after.seconds > 0 || (v->after.epochs > 0 && v->after.updates > 0)) {
        cli_error("--after: epochs or updates, so that every machine trains the same: 7.5e, say");
        return CLI_EXIT_USAGE;
    }
    return CLI_EXIT_DONE;
}

static size_t scaled(double scale, double paper)
{
    const double size = round(scale * paper);

    return size < 8 ? 8 : (size_t)size;
}

static size_t smaller(size_t a, size_t b)
{
    return a < b ? a : b;
}

/* All that decides a figure. What was not always there is in it only when it was chosen, so that
 * folders of earlier versions can go on. */
static json_t *recipe_of(const struct reproduce *r)
{
    const struct reproduce_values *v = r->v;
    json_t *recipe = json_pack(
        "{s:s, s:s, s:s?, s:s, s:s?, s:s, s:s?, s:i, s:b, s:i, s:i, s:I, s:I, s:I, "
        "s:I, s:f, s:I, s:I, s:i, s:f, s:f, s:I, s:I, s:I}",
        "paper", PAPER, "source", r->source, "target", r->target, "valid-source",
        v->valid.first ? v->valid.first : v->valid_tsv, "valid-target", v->valid.second,
        "test-source", v->test.first ? v->test.first : v->test_tsv, "test-target", v->test.second,
        "unit", v->unit, "lowercase", v->lowercase, "tokenize", v->tokenize, "units", (int)r->units,
        "source-words", (json_int_t)r->source_vocab_size, "target-words",
        (json_int_t)r->target_vocab_size, "layers", (json_int_t)v->layers, "members",
        (json_int_t)v->members, "epochs", v->after.epochs, "updates", (json_int_t)v->after.updates,
        "batch", (json_int_t)v->batch, "optimizer", v->optimizer, "lr", v->lr, "init-scale",
        v->init_scale, "seed", (json_int_t)v->seed, "nbest", (json_int_t)v->nbest, "speed-updates",
        (json_int_t)v->speed_updates);
    int failed = 0;

    if (v->schedule != 0)
        failed |= json_object_set_new(recipe, "schedule", json_string("linear"));
    if (v->warmup > 0)
        failed |= json_object_set_new(recipe, "warmup", json_integer((json_int_t)v->warmup));
    if (v->init != CLSEQ_INIT_KIND_UNIFORM)
        failed |= json_object_set_new(recipe, "init", json_string(reproduce_inits[v->init]));
    if (r->set_forget_bias)
        failed |= json_object_set_new(recipe, "forget-bias", json_real(v->forget_bias));
    if (v->dropout > 0)
        failed |= json_object_set_new(recipe, "dropout", json_real(v->dropout));
    if (failed) {
        json_decref(recipe);
        return NULL;
    }
    return recipe;
}

static int open_test(struct reproduce *r)
{
    const struct reproduce_values *v = r->v;
    const clseq_status status = line_pairs_open(
        &r->test, r->ctx, v->test.first ? v->test.first : v->test_tsv, v->test.second);

    if (status != CLSEQ_OK)
        return cli_report(r->ctx, status);
    if (r->test.n == 0) {
        cli_error("%s: the test text is empty", v->test.first ? v->test.first : v->test_tsv);
        return CLI_EXIT_DATA;
    }
    return CLI_EXIT_DONE;
}

static int run_all(struct reproduce *r)
{
    int (*const parts[])(struct reproduce *) = {
        reproduce_speed,
        reproduce_train,
        reproduce_translate,
        reproduce_rescore,
    };
    int code = open_test(r);

    for (size_t i = 0; code == CLI_EXIT_DONE && i < sizeof(parts) / sizeof(parts[0]); i++)
        code = parts[i](r);
    return code == CLI_EXIT_DONE ? reproduce_report(r) : code;
}

static int run(const cli_parse *parse, const void *values)
{
    const struct reproduce_values *v = values;
    struct reproduce r = {
        .v = v,
        .source = parse->arguments[1],
        .target = parse->argument_count > 2 ? parse->arguments[2] : NULL,
        .units = (int32_t)scaled(v->scale, PAPER_UNITS),
        .set_forget_bias = cli_source_of(parse, "forget-bias") != CLI_FROM_DEFAULT,
        .init_scale = v->init_scale > 0 ? v->init_scale : PAPER_INIT / sqrt(v->scale),
        .source_vocab_size = smaller(scaled(v->scale, PAPER_SOURCE_WORDS), 4000000),
        .target_vocab_size = smaller(scaled(v->scale, PAPER_TARGET_WORDS), 4000000),
    };
    int code = check(parse, v);

    if (code != CLI_EXIT_DONE)
        return code;
    reproduce_list_models(&r);
    stop_signal_hold();
    code = device_open(&v->device, &r.ctx, &r.be);
    if (code != CLI_EXIT_DONE)
        return code;
    stop_signal_watch();
    code = reproduce_results_open(&r, recipe_of(&r));
    if (code == CLI_EXIT_DONE)
        code = run_all(&r);
    if (code == CLI_EXIT_DONE)
        fprintf(stderr, "the report is %s/report.md\n", v->folder);
    line_pairs_close(&r.test);
    json_decref(r.results);
    free(r.results_path);
    device_close(&v->device, &r.ctx, &r.be);
    return code;
}

const cli_command cmd_reproduce = {
    .name = "reproduce",
    .arguments = "PAPER SRC [TGT]",
    .summary = "the experiments of a paper at any scale, with a report; the same again resumes",
    .details =
        "PAPER is " PAPER ": Sutskever, Vinyals, Le 2014. SRC TGT is the training text, or one "
        ".tsv file.\n"
        "Trains the models of the paper (reversed and forward source, each depth, the members of\n"
        "the ensembles), translates and rescores the test text, measures the speed, and writes\n"
        "FOLDER/report.md with the paper's figures beside those found. Ctrl-C keeps all that was\n"
        "done.\n\n"
        "  clseq reproduce " PAPER " train.de train.en --valid dev.de dev.en\n"
        "      --test test.de test.en --scale 0.1 -o paper\n",
    .options = options,
    .option_count = sizeof(options) / sizeof(options[0]),
    .values_size = sizeof(struct reproduce_values),
    .run = run,
};
