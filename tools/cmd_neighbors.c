/* SPDX-License-Identifier: BSD-2-Clause */
#include "commands.h"
#include "line_block.h"
#include "message.h"

#include <clseq/vectors.h>

#include <jansson.h>

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define MAX_WORDS 64 /* of one question */

struct values {
    int64_t number;
    int side;
    bool json;
};

static const cli_option options[] = {
    /* clang-format off */
    { "number", 'n', CLI_INT_FIELD(struct values, number), "N", "10", .min = 1, .max = 10000,
      .help = "so many neighbours" },
    { "side", 0, CLI_CHOICE_FIELD(struct values, side), "source|target", "source",
      .help = "whose embeddings, of a model" },
    { "json", 0, CLI_FLAG_FIELD(struct values, json), NULL, NULL, .help = "print a JSON object for each question" },
    /* clang-format on */
};

/* A question: words added and taken away. */
struct question {
    size_t index[MAX_WORDS];
    size_t count;
    float *point; /* (size) */
};

/* What goes on from question to question. */
struct job {
    const struct values *v;
    clseq_context *ctx;
    const char *path;
    clseq_vectors *vectors;
    struct clseq_neighbor *found; /* (number) */
    struct question q;
};

/* Words count as directions: each is brought to length 1 first. */
static void add_row(struct job *job, const float *row, double sign)
{
    const size_t size = clseq_vectors_size(job->vectors);
    double length = 0;

    for (size_t i = 0; i < size; i++)
        length += (double)row[i] * (double)row[i];
    for (size_t i = 0; length > 0 && i < size; i++)
        job->q.point[i] += (float)(sign * (double)row[i] / sqrt(length));
}

static void add_word(struct job *job, size_t index, double sign)
{
    add_row(job, clseq_vectors_row(job->vectors, index), sign);
    job->q.index[job->q.count++] = index;
}

/* A fastText model has vectors of the parts of words, too many to keep: the file is read once more
 * for this word. False: said what is wrong. */
static bool add_composed(struct job *job, const char *word, double sign)
{
    const struct clseq_vectors_options this_one = { .wanted = &word, .wanted_count = 1 };
    clseq_vectors *one = NULL;
    bool found = false;

    if (clseq_vectors_get_stats(job->vectors).format == CLSEQ_VECTORS_FASTTEXT_MODEL) {
        if (clseq_vectors_read(job->ctx, job->path, &this_one, &one) != CLSEQ_OK) {
            cli_error("%s", clseq_context_error(job->ctx));
            return false;
        }
        found = clseq_vectors_count(one) > 0;
    }
    if (found)
        add_row(job, clseq_vectors_row(one, 0), sign);
    else
        cli_error("\"%s\" has no vector", word);
    clseq_vectors_destroy(&one);
    return found;
}

/* "king - man + woman", or a word alone, which may hold spaces. False: said what is wrong. */
static bool parse(struct job *job, char *line)
{
    size_t index = clseq_vectors_find(job->vectors, line), words = 0;
    double sign = 1;
    char *next = NULL;

    job->q.count = 0;
    memset(job->q.point, 0, clseq_vectors_size(job->vectors) * sizeof(*job->q.point));
    if (index != SIZE_MAX) {
        add_word(job, index, 1);
        return true;
    }
    for (char *word = strtok_r(line, " \t", &next); word; word = strtok_r(NULL, " \t", &next)) {
        if (strcmp(word, "+") == 0 || strcmp(word, "-") == 0) {
            sign = word[0] == '-' ? -1 : 1;
            continue;
        }
        if (words++ == MAX_WORDS) {
            cli_error("too many words from \"%s\" on", word);
            return false;
        }
        index = clseq_vectors_find(job->vectors, word);
        if (index != SIZE_MAX)
            add_word(job, index, sign);
        else if (!add_composed(job, word, sign))
            return false;
        sign = 1;
    }
    if (words == 0)
        cli_error("a question is a word, or words with + and - between them");
    return words > 0;
}

static bool print_json(const struct job *job, const char *text, size_t n)
{
    json_t *list = json_array(), *object;
    char *line;
    bool ok;

    for (size_t i = 0; i < n; i++)
        json_array_append_new(list, json_pack("{s:s, s:f}", "word",
                                              clseq_vectors_word(job->vectors, job->found[i].index),
                                              "similarity", job->found[i].similarity));
    object = json_pack("{s:s, s:o}", "question", text, "neighbors", list);
    line = json_dumps(object, JSON_COMPACT | JSON_REAL_PRECISION(9));
    json_decref(object);
    ok = line && puts(line) >= 0;
    free(line);
    return ok;
}

static int answer(struct job *job, char *line)
{
    char *text = strdup(line);
    int code = CLI_EXIT_DONE;
    size_t n;

    if (!text)
        return CLI_EXIT_MEMORY;
    if (!parse(job, line)) {
        free(text);
        return CLI_EXIT_DATA;
    }
    n = clseq_vectors_nearest(job->vectors, job->q.point, job->q.index, job->q.count,
                              (size_t)job->v->number, job->found);
    if (job->v->json) {
        code = print_json(job, text, n) ? CLI_EXIT_DONE : CLI_EXIT_IO;
    } else {
        for (size_t i = 0; i < n; i++)
            printf("%.4f\t%s\n", job->found[i].similarity,
                   clseq_vectors_word(job->vectors, job->found[i].index));
    }
    free(text);
    return code;
}

/* The words behind FILE as one question. */
static int answer_arguments(struct job *job, const cli_parse *parsed)
{
    size_t size = 1;
    char *line;
    int code;

    for (size_t i = 1; i < parsed->argument_count; i++)
        size += strlen(parsed->arguments[i]) + 1;
    line = calloc(size, 1);
    if (!line)
        return CLI_EXIT_MEMORY;
    for (size_t i = 1; i < parsed->argument_count; i++) {
        strcat(line, i > 1 ? " " : "");
        strcat(line, parsed->arguments[i]);
    }
    code = answer(job, line);
    free(line);
    return code;
}

/* A question a line; one that cannot be answered is said and passed over, as a person may have
 * mistyped it. An empty line follows each answer. */
static int answer_lines(struct job *job, clseq_context *ctx)
{
    struct line_block block = { 0 };
    clseq_lines *in = NULL;
    clseq_status status = clseq_lines_open(ctx, "-", 0, &in);
    int code = CLI_EXIT_DONE;

    while (status == CLSEQ_OK) {
        status = line_block_read(in, 1, &block);
        if (status != CLSEQ_OK || block.count == 0)
            break;
        if (answer(job, block.lines[0]) != CLI_EXIT_DONE)
            code = CLI_EXIT_DATA;
        if (!job->v->json)
            putchar('\n');
        fflush(stdout);
    }
    if (status != CLSEQ_OK)
        code = cli_report(ctx, status);
    line_block_fini(&block);
    clseq_lines_close(&in);
    return code;
}

static int run(const cli_parse *parsed, const void *values)
{
    const struct values *v = values;
    struct job job = { .v = v, .path = parsed->arguments[0] };
    clseq_context *ctx = NULL;
    clseq_status status = clseq_context_create(&ctx);
    const char *path = job.path;
    int code = CLI_EXIT_MEMORY;

    if (status != CLSEQ_OK) {
        cli_error("%s", clseq_status_text(status));
        return cli_exit_code(status);
    }
    job.ctx = ctx;
    status = clseq_vectors_is_model(path)
                 ? clseq_vectors_from_model(ctx, path, v->side == 1, &job.vectors)
                 : clseq_vectors_read(ctx, path, NULL, &job.vectors);
    if (status != CLSEQ_OK) {
        code = cli_report(ctx, status);
        clseq_context_destroy(&ctx);
        return code;
    }
    job.q.point = calloc(clseq_vectors_size(job.vectors), sizeof(*job.q.point));
    job.found = calloc((size_t)v->number, sizeof(*job.found));
    if (job.q.point && job.found)
        code =
            parsed->argument_count > 1 ? answer_arguments(&job, parsed) : answer_lines(&job, ctx);
    free(job.q.point);
    free(job.found);
    clseq_vectors_destroy(&job.vectors);
    clseq_context_destroy(&ctx);
    return code;
}

const cli_command cmd_neighbors = {
    .name = "neighbors",
    .arguments = "FILE [WORD...]",
    .summary = "nearest words by their vectors, and analogies",
    .details =
        "FILE is a model or a file of word vectors (word2vec, GloVe, fastText). Without words, "
        "questions come\n"
        "from standard input, one a line. Words of the question are not among the answers. A\n"
        "fastText .bin has vectors for words that are not in it, too.\n\n"
        "  clseq neighbors run/best.safetensors --side target house\n"
        "  clseq neighbors glove.6B.100d.txt king - man + woman\n",
    .options = options,
    .option_count = sizeof(options) / sizeof(options[0]),
    .values_size = sizeof(struct values),
    .run = run,
};
