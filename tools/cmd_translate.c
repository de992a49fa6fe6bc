/* SPDX-License-Identifier: BSD-2-Clause */
#include "alignment.h"
#include "commands.h"
#include "device_options.h"
#include "line_block.h"
#include "message.h"
#include "stop_signal.h"
#include "stream.h"

#include <clseq/translate.h>

#include <jansson.h>

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct values {
    const char *input, *model_config, *heatmap, *dictionary;
    int64_t beam, nbest, batch, min_length, max_length, max_input, heatmap_lines, top_k, seed;
    double length_penalty, coverage_penalty, temperature, top_p;
    int length_norm; /* place in "tokens|wu" */
    bool json, alignments, show_alignment, sample, replace_unknown, stream;
    struct device_options device;
};

static const cli_option options[] = {
    /* clang-format off */
    { "input", 'i', CLI_STRING_FIELD(struct values, input), "FILE", "-", .group = "Text",
      .help = "text to translate, plain or .gz; - is standard input" },
    { "json", 0, CLI_FLAG_FIELD(struct values, json), NULL, NULL, .group = "Text",
      .help = "one JSON object a line, with scores" },
    { "stream", 0, CLI_FLAG_FIELD(struct values, stream), NULL, NULL, .group = "Text",
      .help = "print each word as soon as it is settled; slower" },
    { "replace-unknown", 0, CLI_FLAG_FIELD(struct values, replace_unknown), NULL, NULL, .group = "Text",
      .help = "models of words with attention: copy the source word that was looked at most for an unknown one" },
    { "dictionary", 0, CLI_STRING_FIELD(struct values, dictionary), "FILE", NULL, .group = "Text",
      .help = "with --replace-unknown: its translation where FILE has a line SOURCE TAB TARGET of it" },
    { "model-config", 0, CLI_STRING_FIELD(struct values, model_config), "FILE", NULL, .group = "Text",
      .help = "JSON configuration of a model that has none inside (saved by PyTorch)" },
    { "beam", 0, CLI_INT_FIELD(struct values, beam), "N", "5", .min = 1, .max = CLSEQ_BEAM_LIMIT,
      .group = "Search", .help = "hypotheses kept at each step; 1 is greedy" },
    { "nbest", 0, CLI_INT_FIELD(struct values, nbest), "N", "1", .min = 1, .max = CLSEQ_BEAM_LIMIT,
      .group = "Search", .help = "translations of each line, printed as NUMBER ||| TEXT ||| SCORE" },
    { "length-penalty", 0, CLI_FLOAT_FIELD(struct values, length_penalty), "X", "1", .min = 0,
      .max = CLSEQ_LENGTH_PENALTY_LIMIT, .group = "Search",
      .help = "rank by log-probability / tokens ^ X; 0 is the ranking of Sutskever et al. 2014" },
    { "length-norm", 0, CLI_CHOICE_FIELD(struct values, length_norm), "tokens|wu", "tokens",
      .group = "Search", .help = "divide by tokens ^ X, or by ((5 + tokens) / 6) ^ X (Wu et al. 2016)" },
    { "coverage-penalty", 0, CLI_FLOAT_FIELD(struct values, coverage_penalty), "B", "0", .min = 0,
      .max = CLSEQ_COVERAGE_PENALTY_LIMIT, .group = "Search",
      .help = "a beam with attention: B times the coverage of the source joins the rank (Wu et al. 2016)" },
    { "batch", 0, CLI_INT_FIELD(struct values, batch), "N", "64", .min = 1, .max = CLSEQ_BATCH_LIMIT,
      .group = "Search", .help = "sentences translated at once" },
    { "min-length", 0, CLI_INT_FIELD(struct values, min_length), "N", "0", .min = 0, .max = CLSEQ_OUTPUT_LIMIT,
      .group = "Search", .help = "fewest tokens of a translation, the end token counted" },
    { "max-length", 0, CLI_INT_FIELD(struct values, max_length), "N", "0", .min = 0, .max = CLSEQ_OUTPUT_LIMIT,
      .group = "Search", .help = "most tokens of a translation; 0: twice the source and 10" },
    { "max-input", 0, CLI_INT_FIELD(struct values, max_input), "N", "1000", .min = 1, .max = CLSEQ_OUTPUT_LIMIT,
      .group = "Search", .help = "a line of more tokens is an error" },
    { "sample", 0, CLI_FLAG_FIELD(struct values, sample), NULL, NULL, .group = "Sampling",
      .help = "draw words at random instead of searching; --nbest N draws N translations" },
    { "temperature", 0, CLI_FLOAT_FIELD(struct values, temperature), "X", "1", .min = CLSEQ_TEMPERATURE_LEAST,
      .max = CLSEQ_TEMPERATURE_LIMIT, .group = "Sampling", .help = "divide the logits by X: below 1 likely words, above 1 all words" },
    { "top-k", 0, CLI_INT_FIELD(struct values, top_k), "N", "0", .min = 0, .max = INT32_MAX, .group = "Sampling",
      .help = "draw from the N likeliest words; 0: from all" },
    { "top-p", 0, CLI_FLOAT_FIELD(struct values, top_p), "P", "1", .min = 0, .max = 1, .bounds = CLI_ABOVE_MIN,
      .group = "Sampling", .help = "draw from the likeliest words that have the part P of the probability" },
    { "seed", 0, CLI_INT_FIELD(struct values, seed), "N", "1", .min = 0, .max = 9007199254740992.0, .group = "Sampling",
      .help = "same seed, line number and device, same words" },
    { "alignments", 0, CLI_FLAG_FIELD(struct values, alignments), NULL, "on", .group = "Attention",
      .help = "leave out of --json where a model with attention looked" },
    { "show-alignment", 0, CLI_FLAG_FIELD(struct values, show_alignment), NULL, NULL, .group = "Attention",
      .help = "print a map of where the model looked below each translation" },
    { "heatmap", 0, CLI_STRING_FIELD(struct values, heatmap), "FILE", NULL, .group = "Attention",
      .help = "draw that map of the first line's best translation into FILE, as SVG" },
    { "heatmap-lines", 0, CLI_INT_FIELD(struct values, heatmap_lines), "N", "1", .min = 1, .max = 100000,
      .group = "Attention", .help = "maps of the first N lines; when N > 1, of FILE.svg into FILE-1.svg, FILE-2.svg, ..." },
    /* clang-format on */
    DEVICE_OPTIONS(struct values, device),
};

/* So many batches are read before the first is translated, to be sorted by length. */
#define BATCHES_AHEAD 16

/* What one run of the command goes on with from line to line. */
struct job {
    const struct values *v;
    clseq_translator *tr;
    const clseq_dictionary *dictionary;
    struct stream *stream; /* NULL without --stream */
    bool written;          /* all that was printed */
    int code;              /* of what failed beside, said already */
};

static json_t *hypothesis_json(const clseq_translator *tr, const clseq_translation *t,
                               const clseq_hypothesis *h)
{
    json_t *score = isfinite(h->score) ? json_real(h->score) : json_null();
    json_t *normalised = isfinite(h->normalised) ? json_real(h->normalised) : json_null();

    json_t *object =
        json_pack("{s:s, s:o, s:o, s:I, s:b}", "text", h->text, "score", score, "normalised",
                  normalised, "tokens", (json_int_t)h->tokens, "complete", h->complete);

    if (h->alignment) {
        json_object_set_new(object, "words", alignment_words(tr, h));
        json_object_set_new(object, "alignment", alignment_rows(t, h));
    }
    return object;
}

static bool print_json(const clseq_translator *tr, uint64_t number, const char *source,
                       const clseq_translation *t)
{
    json_t *list = json_array(), *object;
    char *text;
    bool ok;

    for (size_t i = 0; i < t->count; i++)
        json_array_append_new(list, hypothesis_json(tr, t, &t->hypotheses[i]));
    object = json_pack("{s:I, s:s, s:s, s:I, s:o}", "line", (json_int_t)number, "source", source,
                       "translation", t->hypotheses[0].text, "source_unknown",
                       (json_int_t)t->source_unknown, "hypotheses", list);
    if (t->hypotheses[0].alignment)
        json_object_set_new(object, "source_words", alignment_source_words(tr, t));
    text = json_dumps(object, JSON_COMPACT | JSON_REAL_PRECISION(9));
    json_decref(object);
    if (!text)
        return false;
    ok = puts(text) >= 0;
    free(text);
    return ok;
}

static bool print_result(const struct job *job, uint64_t number, const char *source,
                         const clseq_translation *t)
{
    const struct values *v = job->v;

    if (v->json)
        return print_json(job->tr, number, source, t);
    if (job->stream)
        return stream_end(job->stream, t->hypotheses[0].text) &&
               (!v->show_alignment || !t->hypotheses[0].alignment ||
                alignment_print(job->tr, t, &t->hypotheses[0], stdout));
    for (size_t i = 0; i < t->count; i++) {
        const clseq_hypothesis *h = &t->hypotheses[i];

        if (v->nbest == 1 ? puts(h->text) < 0
                          : printf("%llu ||| %s ||| %.6f\n", (unsigned long long)number, h->text,
                                   h->normalised) < 0)
            return false;
        if (v->show_alignment && h->alignment && !alignment_print(job->tr, t, h, stdout))
            return false;
    }
    return true;
}

/* The heat map of a line, where one was asked for. Returns the exit code. */
static int draw(const struct job *job, uint64_t number, const clseq_translation *t)
{
    const struct values *v = job->v;
    const clseq_hypothesis *h = &t->hypotheses[0];
    char *path;
    int code = CLI_EXIT_DONE;

    if (!v->heatmap || number > (uint64_t)v->heatmap_lines)
        return CLI_EXIT_DONE;
    if (!h->alignment) {
        cli_warning("line %llu has no words: there is no heat map of it",
                    (unsigned long long)number);
        return CLI_EXIT_DONE;
    }
    path = v->heatmap_lines > 1 ? alignment_path(v->heatmap, number) : strdup(v->heatmap);
    if (!path) {
        cli_error("%s", clseq_status_text(CLSEQ_ERR_NOMEM));
        return CLI_EXIT_MEMORY;
    }
    if (!alignment_write_svg(job->tr, t, h, number, path)) {
        cli_error("%s: cannot write the heat map of line %llu: %s", path,
                  (unsigned long long)number, strerror(errno));
        code = CLI_EXIT_IO;
    }
    free(path);
    return code;
}

/* Does anything that is asked for of a block from line `first` on need alignments? */
static bool needs_alignments(const struct values *v, uint64_t first)
{
    return v->show_alignment || (v->json && v->alignments) ||
           (v->heatmap && first <= (uint64_t)v->heatmap_lines);
}

static clseq_translate_options options_of(const struct job *job, uint64_t first)
{
    const struct values *v = job->v;
    clseq_translate_options o;

    clseq_translate_options_init(&o);
    o.beam = v->sample ? 1 : (int32_t)v->beam;
    o.nbest = (int32_t)v->nbest;
    o.batch = (int32_t)v->batch;
    o.length_penalty = v->length_penalty;
    o.length_norm = v->length_norm == 0 ? CLSEQ_LENGTH_NORM_TOKENS : CLSEQ_LENGTH_NORM_WU;
    o.coverage_penalty = v->coverage_penalty;
    o.min_length = (int32_t)v->min_length;
    o.max_length = (int32_t)v->max_length;
    o.max_input = (int32_t)v->max_input;
    o.scores = v->json || v->nbest > 1;
    o.alignments = needs_alignments(v, first);
    o.sample = v->sample;
    o.temperature = v->temperature;
    o.top_k = (int32_t)v->top_k;
    o.top_p = v->top_p;
    o.seed = (uint64_t)v->seed;
    o.replace_unknown = v->replace_unknown;
    o.dictionary = job->dictionary;
    o.partial = job->stream ? stream_add : NULL;
    o.partial_user = job->stream;
    o.first_line = first;
    return o;
}

/* Translate and print one block of lines. */
static clseq_status translate_block(struct job *job, const struct line_block *block, uint64_t first)
{
    const clseq_translate_options o = options_of(job, first);
    clseq_translation *results;
    clseq_status status;

    results = calloc(block->count, sizeof(*results));
    if (!results)
        return CLSEQ_ERR_NOMEM;
    status = clseq_translator_run(job->tr, (const char *const *)block->lines, block->lengths,
                                  block->count, &o, results);
    if (status == CLSEQ_OK) {
        for (size_t i = 0; job->written && job->code == CLI_EXIT_DONE && i < block->count; i++) {
            job->written = print_result(job, first + i, block->lines[i], &results[i]);
            if (job->written)
                job->code = draw(job, first + i, &results[i]);
        }
        if (job->written && fflush(stdout) != 0)
            job->written = false;
        clseq_translations_fini(results, block->count);
    }
    free(results);
    return status;
}

static int translate_all(clseq_context *ctx, clseq_translator *tr,
                         const clseq_dictionary *dictionary, const struct values *v)
{
    const clseq_text_options text = clseq_translator_info(tr)->target_text;
    /* What follows may change how the last word is written. */
    struct stream stream = { .cut_words = text.rules || (text.unit != CLSEQ_UNIT_WORD &&
                                                         text.unit != CLSEQ_UNIT_CHAR) };
    /* A person at a terminal wants an answer to each line. */
    const bool terminal = strcmp(v->input, "-") == 0 && isatty(STDIN_FILENO);
    const size_t block_lines = terminal || v->stream ? 1 : (size_t)v->batch * BATCHES_AHEAD;
    struct line_block block = { 0 };
    clseq_lines *in = NULL;
    clseq_status status = clseq_lines_open(ctx, v->input, 0, &in);
    struct job job = { .v = v,
                       .tr = tr,
                       .dictionary = dictionary,
                       .stream = v->stream ? &stream : NULL,
                       .written = true,
                       .code = CLI_EXIT_DONE };
    uint64_t first = 1;

    while (status == CLSEQ_OK && job.written && job.code == CLI_EXIT_DONE) {
        status = line_block_read(in, block_lines, &block);
        /* Lines before a bad one are still translated. */
        if (block.count > 0) {
            const clseq_status done = translate_block(&job, &block, first);

            if (done != CLSEQ_OK)
                status = done;
        } else if (status == CLSEQ_OK) {
            break;
        }
        first += block.count;
    }
    line_block_fini(&block);
    clseq_lines_close(&in);
    stream_fini(&stream);
    if (status != CLSEQ_OK)
        return cli_report(ctx, status);
    if (!job.written) {
        if (errno == EPIPE) /* the reader had enough: `clseq translate | head` */
            return CLI_EXIT_DONE;
        cli_error("cannot write the translations: %s", strerror(errno));
        return CLI_EXIT_IO;
    }
    return job.code;
}

/* What cannot be asked for together. Returns the exit code. */
static int check_values(const cli_parse *parse, const struct values *v)
{
    static const char *const of_samples[] = { "temperature", "top-k", "top-p", "seed" };
    static const char *const of_beams[] = { "beam", "length-penalty", "length-norm",
                                            "coverage-penalty" };
    const bool list = v->json || v->nbest > 1;

    for (size_t i = 0; i < sizeof(of_samples) / sizeof(of_samples[0]); i++) {
        const char *name = v->sample ? of_beams[i] : of_samples[i];

        if (cli_source_of(parse, name) != CLI_FROM_COMMAND_LINE)
            continue;
        if (v->sample)
            cli_error("--%s ranks hypotheses of a search, and --sample draws words: leave one of "
                      "the two out",
                      name);
        else
            cli_error("--%s is for drawing words at random: add --sample, or leave it out", name);
        return CLI_EXIT_USAGE;
    }
    if (v->dictionary && !v->replace_unknown) {
        cli_error("--dictionary is for unknown words: add --replace-unknown, or leave it out");
        return CLI_EXIT_USAGE;
    }
    if (v->stream && (list || v->replace_unknown)) {
        cli_error("--stream prints the words of one translation as they come: leave it or %s out",
                  v->json              ? "--json"
                  : v->replace_unknown ? "--replace-unknown"
                                       : "--nbest");
        return CLI_EXIT_USAGE;
    }
    if (!v->sample && v->nbest > v->beam) {
        cli_error("--nbest %lld needs --beam %lld or more", (long long)v->nbest,
                  (long long)v->nbest);
        return CLI_EXIT_USAGE;
    }
    if (v->json && v->show_alignment) {
        cli_error("--show-alignment would stand between the objects of --json, which hold the "
                  "alignment anyway: leave one of the two out");
        return CLI_EXIT_USAGE;
    }
    if (v->heatmap && strcmp(v->heatmap, "-") == 0) {
        cli_error("--heatmap writes an SVG file, and standard output is for the translations: give "
                  "a file, or --show-alignment for a map in the terminal");
        return CLI_EXIT_USAGE;
    }
    return CLI_EXIT_DONE;
}

/* A model without attention looks nowhere. Returns the exit code. */
static int check_attention(const cli_parse *parse, const struct values *v,
                           const clseq_translator *tr)
{
    const char *option =
        v->heatmap                ? "heatmap"
        : v->show_alignment       ? "show-alignment"
        : v->replace_unknown      ? "replace-unknown"
        : v->coverage_penalty > 0 ? "coverage-penalty"
        : v->alignments && cli_source_of(parse, "alignments") == CLI_FROM_COMMAND_LINE
            ? "alignments"
            : NULL;

    if (!option || clseq_translator_info(tr)->config.attention != CLSEQ_ATTENTION_NONE)
        return CLI_EXIT_DONE;
    cli_error("--%s: %s is a model without attention, which looks at no word in particular: leave "
              "the option out, or train a model with --attention",
              option, parse->arguments[0]);
    return CLI_EXIT_USAGE;
}

static int run(const cli_parse *parse, const void *values)
{
    const struct values *v = values;
    clseq_context *ctx = NULL;
    clseq_backend *be = NULL;
    clseq_translator *tr = NULL;
    clseq_dictionary *dictionary = NULL;
    clseq_status status;
    int code;

    code = check_values(parse, v);
    if (code != CLI_EXIT_DONE)
        return code;
    code = device_open(&v->device, &ctx, &be);
    if (code != CLI_EXIT_DONE)
        return code;
    stop_signal_ignore_pipe();
    status = clseq_translator_open_ensemble(ctx, be, parse->arguments, parse->argument_count,
                                            v->model_config, &tr);
    if (status == CLSEQ_OK && v->dictionary)
        status = clseq_dictionary_open(ctx, v->dictionary, &dictionary);
    code = status == CLSEQ_OK ? check_attention(parse, v, tr) : cli_report(ctx, status);
    if (code == CLI_EXIT_DONE)
        code = translate_all(ctx, tr, dictionary, v);
    clseq_dictionary_close(&dictionary);
    clseq_translator_close(&tr);
    device_close(&v->device, &ctx, &be);
    return code;
}

const cli_command cmd_translate = {
    .name = "translate",
    .arguments = "MODEL...",
    .summary = "translate standard input to standard output, line by line",
    .details = "Line k of the output belongs to line k of the input; an empty line gives an empty "
               "line. Several models with the same target vocabulary are an ensemble: the mean of "
               "their\nprobabilities.\n\n"
               "  clseq translate run/best.safetensors < test.de > test.hyp\n"
               "  echo \"ein Hund\" | clseq translate run/best.safetensors --beam 12 --json\n"
               "  echo \"ein Hund\" | clseq translate run/best.safetensors --show-alignment\n"
               "  clseq translate one.safetensors two.safetensors < test.de\n"
               "  clseq translate run/best.safetensors --sample --top-p 0.9 --nbest 5 < test.de\n",
    .options = options,
    .option_count = sizeof(options) / sizeof(options[0]),
    .values_size = sizeof(struct values),
    .run = run,
};
