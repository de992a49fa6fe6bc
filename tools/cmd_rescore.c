/* SPDX-License-Identifier: BSD-2-Clause */
#include "commands.h"
#include "device_options.h"
#include "message.h"
#include "nbest_list.h"
#include "stop_signal.h"

#include <clseq/translate.h>

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

struct values {
    const char *input, *nbest, *model_config;
    int64_t batch, max_input;
    double weight, length_penalty;
    bool best;
    struct device_options device;
};

static const cli_option options[] = {
    /* clang-format off */
    { "nbest", 0, CLI_STRING_FIELD(struct values, nbest), "FILE", NULL, .group = "Text",
      .help = "lists to rescore, NUMBER ||| TEXT ||| SCORE or Moses' four fields, plain or .gz" },
    { "input", 'i', CLI_STRING_FIELD(struct values, input), "FILE", "-", .group = "Text",
      .help = "the source sentences; line 1 is sentence 1, or sentence 0 where the list begins with 0" },
    { "best", 0, CLI_FLAG_FIELD(struct values, best), NULL, NULL, .group = "Text",
      .help = "print the best translation of each source line instead of the lists" },
    { "weight", 0, CLI_FLOAT_FIELD(struct values, weight), "W", "0.5", .min = 0, .max = 1, .group = "Ranking",
      .help = "of the model's score; that of the list's has 1 - W" },
    { "length-penalty", 0, CLI_FLOAT_FIELD(struct values, length_penalty), "X", "0", .min = 0,
      .max = CLSEQ_LENGTH_PENALTY_LIMIT, .group = "Ranking",
      .help = "the model's score is log-probability / tokens ^ X; 1 for lists of clseq translate" },
    { "model-config", 0, CLI_STRING_FIELD(struct values, model_config), "FILE", NULL, .group = "Text",
      .help = "JSON configuration of a model that has none inside (saved by PyTorch)" },
    { "batch", 0, CLI_INT_FIELD(struct values, batch), "N", "64", .min = 1, .max = CLSEQ_BATCH_LIMIT,
      .help = "sentences at once" },
    { "max-input", 0, CLI_INT_FIELD(struct values, max_input), "N", "1000", .min = 1, .max = CLSEQ_OUTPUT_LIMIT,
      .help = "a line of more tokens is an error" },
    /* clang-format on */
    DEVICE_OPTIONS(struct values, device),
};

/* So many entries are scored at once, and what is left of their sentence. */
#define BLOCK 1024

struct job {
    const struct values *v;
    clseq_context *ctx;
    clseq_translator *tr;
    clseq_lines *source;
    struct nbest_list list;
    struct nbest_entry *entries;
    size_t count, capacity;
    struct nbest_entry next; /* of the sentence behind the block; line NULL: none */
    uint64_t first_line;     /* of the list, of the block */
    char *sentence;          /* source line number `at`; owned */
    uint64_t at, printed;    /* source lines read; those whose best translation is printed */
    bool ended, told, written;
};

/* What an entry is worth. */
struct rank {
    double model, total;
    size_t entry;
};

static int compare(const void *x, const void *y)
{
    const struct rank *p = x, *q = y;

    if (p->total != q->total)
        return p->total < q->total ? 1 : -1;
    return (p->entry > q->entry) - (p->entry < q->entry);
}

/* Go on to the source line of a sentence. */
static clseq_status find_source(struct job *job, uint64_t number)
{
    const uint64_t wanted = nbest_list_source(&job->list, number);

    while (job->at < wanted) {
        const char *line;
        size_t length;
        bool more;
        const clseq_status status = clseq_lines_next(job->source, &line, &length, &more);

        if (status != CLSEQ_OK)
            return status;
        if (!more) {
            cli_error("%s:%llu: sentence %llu is source line %llu, but %s has only %llu lines",
                      clseq_lines_name(job->list.lines),
                      (unsigned long long)clseq_lines_number(job->list.lines),
                      (unsigned long long)number, (unsigned long long)wanted,
                      clseq_lines_name(job->source), (unsigned long long)job->at);
            job->told = true;
            return CLSEQ_ERR_DATA;
        }
        free(job->sentence);
        job->sentence = strdup(line);
        if (!job->sentence)
            return CLSEQ_ERR_NOMEM;
        job->at++;
    }
    return CLSEQ_OK;
}

static clseq_status append(struct job *job, struct nbest_entry *entry)
{
    if (job->count == job->capacity) {
        const size_t capacity = job->capacity ? 2 * job->capacity : BLOCK;
        struct nbest_entry *grown = realloc(job->entries, capacity * sizeof(*grown));

        if (!grown)
            return CLSEQ_ERR_NOMEM;
        job->entries = grown;
        job->capacity = capacity;
    }
    job->entries[job->count++] = *entry;
    *entry = (struct nbest_entry) { 0 };
    return CLSEQ_OK;
}

/* Whole sentences, until there are enough of them. */
static clseq_status read_block(struct job *job)
{
    clseq_status status = CLSEQ_OK;

    for (size_t i = 0; i < job->count; i++)
        nbest_entry_fini(&job->entries[i]);
    job->count = 0;
    job->first_line = clseq_lines_number(job->list.lines) + (job->next.line ? 0 : 1);
    if (job->next.line)
        status = append(job, &job->next);
    while (status == CLSEQ_OK && !job->ended) {
        struct nbest_entry entry = { 0 };
        bool more;

        status = nbest_list_next(&job->list, &entry, &more, &job->told);
        if (status != CLSEQ_OK)
            break;
        if (!more) {
            job->ended = true;
            break;
        }
        status = find_source(job, entry.number);
        if (status == CLSEQ_OK) {
            entry.source = strdup(job->sentence);
            status = entry.source ? CLSEQ_OK : CLSEQ_ERR_NOMEM;
        }
        if (status == CLSEQ_OK && job->count >= BLOCK &&
            entry.number != job->entries[job->count - 1].number) {
            job->next = entry;
            return CLSEQ_OK;
        }
        if (status == CLSEQ_OK)
            status = append(job, &entry);
        nbest_entry_fini(&entry);
    }
    return status;
}

/* The model's log-probabilities of the block. */
static clseq_status score_block(struct job *job, clseq_line_score *scores)
{
    const char **source = calloc(job->count, sizeof(*source));
    const char **target = calloc(job->count, sizeof(*target));
    clseq_status status = CLSEQ_ERR_NOMEM;
    clseq_translate_options o;

    clseq_translate_options_init(&o);
    o.batch = (int32_t)job->v->batch;
    o.max_input = (int32_t)job->v->max_input;
    o.first_line = job->first_line;
    if (source && target) {
        for (size_t i = 0; i < job->count; i++) {
            source[i] = job->entries[i].source;
            target[i] = job->entries[i].text;
        }
        status =
            clseq_translator_score(job->tr, source, NULL, target, NULL, job->count, &o, scores);
        if (status != CLSEQ_OK) {
            cli_error("%s: of the pairs, %s", clseq_lines_name(job->list.lines),
                      clseq_context_error(job->ctx));
            job->told = true;
        }
    }
    free((void *)source);
    free((void *)target);
    return status;
}

static void print_sentence(struct job *job, const struct rank *ranks, size_t n)
{
    const struct nbest_entry *best = &job->entries[ranks[0].entry];

    if (job->v->best) {
        const uint64_t line = nbest_list_source(&job->list, best->number);

        for (; job->printed + 1 < line; job->printed++)
            puts("");
        puts(best->text);
        job->printed = line;
        return;
    }
    for (size_t i = 0; i < n; i++) {
        const struct nbest_entry *e = &job->entries[ranks[i].entry];

        printf("%llu ||| %s ||| %s%slist= %s model= %.6f ||| %.6f\n", (unsigned long long)e->number,
               e->text, e->features, *e->features ? " " : "", e->score_text, ranks[i].model,
               ranks[i].total);
    }
}

static void rank_block(struct job *job, const clseq_line_score *scores, struct rank *ranks)
{
    const struct values *v = job->v;

    for (size_t i = 0; i < job->count; i++) {
        const double model =
            v->length_penalty == 0
                ? scores[i].log_probability
                : scores[i].log_probability / pow((double)scores[i].tokens, v->length_penalty);

        ranks[i] = (struct rank) {
            .model = model,
            .total = (1 - v->weight) * job->entries[i].score + v->weight * model,
            .entry = i,
        };
    }
    for (size_t first = 0, last; first < job->count; first = last) {
        for (last = first + 1; last < job->count; last++) {
            if (job->entries[last].number != job->entries[first].number)
                break;
        }
        qsort(ranks + first, last - first, sizeof(*ranks), compare);
        print_sentence(job, ranks + first, last - first);
    }
}

static clseq_status rescore_block(struct job *job)
{
    clseq_line_score *scores = calloc(job->count, sizeof(*scores));
    struct rank *ranks = calloc(job->count, sizeof(*ranks));
    clseq_status status = CLSEQ_ERR_NOMEM;

    if (scores && ranks)
        status = score_block(job, scores);
    if (status == CLSEQ_OK) {
        rank_block(job, scores, ranks);
        job->written = fflush(stdout) == 0 && !ferror(stdout);
    }
    free(scores);
    free(ranks);
    return status;
}

/* Source lines behind the last sentence of the list have no translation. */
static clseq_status print_rest(struct job *job)
{
    uint64_t rest;
    const clseq_status status = clseq_lines_count_rest(job->source, &rest);

    if (status != CLSEQ_OK)
        return status;
    for (; job->printed < job->at + rest; job->printed++)
        puts("");
    job->written = fflush(stdout) == 0 && !ferror(stdout);
    return CLSEQ_OK;
}

static int rescore_all(struct job *job)
{
    clseq_status status = CLSEQ_OK;

    while (status == CLSEQ_OK && job->written && (!job->ended || job->next.line)) {
        status = read_block(job);
        if (status == CLSEQ_OK && job->count > 0)
            status = rescore_block(job);
    }
    if (status == CLSEQ_OK && job->written && !job->list.begun) {
        cli_error("%s holds no line: it is a list of translations to rescore",
                  clseq_lines_name(job->list.lines));
        return CLI_EXIT_DATA;
    }
    if (status == CLSEQ_OK && job->written && job->v->best)
        status = print_rest(job);
    if (status != CLSEQ_OK)
        return job->told ? cli_exit_code(status) : cli_report(job->ctx, status);
    if (job->written || errno == EPIPE)
        return CLI_EXIT_DONE;
    cli_error("cannot write the lists: %s", strerror(errno));
    return CLI_EXIT_IO;
}

static int run(const cli_parse *parse, const void *values)
{
    const struct values *v = values;
    struct job job = { .v = v, .written = true };
    clseq_backend *be = NULL;
    clseq_status status;
    int code;

    if (!v->nbest || (strcmp(v->nbest, "-") == 0 && strcmp(v->input, "-") == 0)) {
        cli_error(v->nbest ? "--nbest and --input are both standard input: give a file for one"
                           : "clseq rescore needs lists: --nbest FILE");
        return CLI_EXIT_USAGE;
    }
    code = device_open(&v->device, &job.ctx, &be);
    if (code != CLI_EXIT_DONE)
        return code;
    stop_signal_ignore_pipe();
    status = clseq_translator_open_ensemble(job.ctx, be, parse->arguments, parse->argument_count,
                                            v->model_config, &job.tr);
    if (status == CLSEQ_OK)
        status = clseq_lines_open(job.ctx, v->nbest, 0, &job.list.lines);
    if (status == CLSEQ_OK)
        status = clseq_lines_open(job.ctx, v->input, 0, &job.source);
    code = status == CLSEQ_OK ? rescore_all(&job) : cli_report(job.ctx, status);
    for (size_t i = 0; i < job.count; i++)
        nbest_entry_fini(&job.entries[i]);
    nbest_entry_fini(&job.next);
    free(job.entries);
    free(job.sentence);
    clseq_lines_close(&job.source);
    clseq_lines_close(&job.list.lines);
    clseq_translator_close(&job.tr);
    device_close(&v->device, &job.ctx, &be);
    return code;
}

const cli_command cmd_rescore = {
    .name = "rescore",
    .arguments = "MODEL...",
    .summary = "rank lists of translations again, with a model's score (Sutskever et al. 2014)",
    .details = "Output: NUMBER ||| TEXT ||| FEATURES list= SCORE model= SCORE ||| TOTAL, the best "
               "first; TOTAL is\n(1 - W) times the list's score plus W times the model's.\n\n"
               "  clseq rescore run/best.safetensors -i test.de --nbest test.1000best > test.new\n",
    .options = options,
    .option_count = sizeof(options) / sizeof(options[0]),
    .values_size = sizeof(struct values),
    .run = run,
};
