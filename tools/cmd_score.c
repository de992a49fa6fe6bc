/* SPDX-License-Identifier: BSD-2-Clause */
#include "commands.h"
#include "device_options.h"
#include "message.h"
#include "models.h"

#include <clseq/translate.h>

#include <math.h>
#include <stdlib.h>
#include <string.h>

struct values {
    const char *model_config, *with;
    int64_t batch, max_input;
    bool json;
    struct device_options device;
};

static const cli_option options[] = {
    /* clang-format off */
    { "json", 0, CLI_FLAG_FIELD(struct values, json), NULL, NULL, .help = "one JSON object a line" },
    { "with", 0, CLI_STRING_FIELD(struct values, with), "MODEL,...", NULL,
      .help = "further models with the same target vocabulary: an ensemble" },
    { "model-config", 0, CLI_STRING_FIELD(struct values, model_config), "FILE", NULL,
      .help = "JSON configuration of a model that has none inside (saved by PyTorch)" },
    { "batch", 0, CLI_INT_FIELD(struct values, batch), "N", "64", .min = 1, .max = CLSEQ_BATCH_LIMIT,
      .help = "sentences at once" },
    { "max-input", 0, CLI_INT_FIELD(struct values, max_input), "N", "1000", .min = 1, .max = CLSEQ_OUTPUT_LIMIT,
      .help = "a line of more tokens is an error" },
    /* clang-format on */
    DEVICE_OPTIONS(struct values, device),
};

/* Pairs scored at once. */
#define BLOCK 1024

struct block {
    char *source[BLOCK], *target[BLOCK];
    clseq_line_score scores[BLOCK];
    size_t count;
};

static char *copy(const char *text, size_t length)
{
    char *p = malloc(length + 1);

    if (p) {
        memcpy(p, text, length);
        p[length] = 0;
    }
    return p;
}

static void clear(struct block *b)
{
    for (size_t i = 0; i < b->count; i++) {
        free(b->source[i]);
        free(b->target[i]);
    }
    b->count = 0;
}

static clseq_status read_block(clseq_pairs *pairs, struct block *b)
{
    clear(b);
    while (b->count < BLOCK) {
        clseq_pair pair;
        bool more;
        const clseq_status status = clseq_pairs_next(pairs, &pair, &more);

        if (status != CLSEQ_OK || !more)
            return status;
        b->source[b->count] = copy(pair.source, pair.source_length);
        b->target[b->count] = copy(pair.target, pair.target_length);
        b->count++;
        if (!b->source[b->count - 1] || !b->target[b->count - 1])
            return CLSEQ_ERR_NOMEM;
    }
    return CLSEQ_OK;
}

static void print_block(const struct values *v, const struct block *b, uint64_t first)
{
    for (size_t i = 0; i < b->count; i++) {
        const clseq_line_score *s = &b->scores[i];
        const double perplexity = exp(-s->log_probability / (double)s->tokens);

        if (v->json)
            printf("{\"line\":%llu,\"log_probability\":%.9g,\"tokens\":%zu,\"unknown\":%zu,"
                   "\"perplexity\":%.9g}\n",
                   (unsigned long long)(first + i), s->log_probability, s->tokens,
                   s->target_unknown, perplexity);
        else
            printf("%.6f\t%zu\t%.4f\n", s->log_probability, s->tokens, perplexity);
    }
}

static clseq_status score_all(clseq_translator *tr, clseq_pairs *pairs, const struct values *v,
                              struct block *b)
{
    clseq_translate_options o;
    uint64_t first = 1, tokens = 0;
    double sum = 0;

    clseq_translate_options_init(&o);
    o.batch = (int32_t)v->batch;
    o.max_input = (int32_t)v->max_input;
    for (;;) {
        clseq_status status = read_block(pairs, b);

        if (status != CLSEQ_OK)
            return status;
        if (b->count == 0)
            break;
        o.first_line = first;
        status =
            clseq_translator_score(tr, (const char *const *)b->source, NULL,
                                   (const char *const *)b->target, NULL, b->count, &o, b->scores);
        if (status != CLSEQ_OK)
            return status;
        print_block(v, b, first);
        for (size_t i = 0; i < b->count; i++) {
            sum += b->scores[i].log_probability;
            tokens += b->scores[i].tokens;
        }
        first += b->count;
    }
    fprintf(stderr, "%llu lines, %llu target tokens, perplexity %.4f\n",
            (unsigned long long)(first - 1), (unsigned long long)tokens,
            exp(-sum / (double)tokens));
    return CLSEQ_OK;
}

static int run(const cli_parse *parse, const void *values)
{
    const struct values *v = values;
    const char *target = parse->argument_count > 2 ? parse->arguments[2] : NULL;
    clseq_context *ctx = NULL;
    clseq_backend *be = NULL;
    clseq_translator *tr = NULL;
    clseq_pairs *pairs = NULL;
    struct block *b = calloc(1, sizeof(*b));
    clseq_status status;
    int code;

    if (!b) {
        cli_error("%s", clseq_status_text(CLSEQ_ERR_NOMEM));
        return CLI_EXIT_MEMORY;
    }
    code = device_open(&v->device, &ctx, &be);
    if (code == CLI_EXIT_DONE) {
        status = models_open(ctx, be, parse->arguments[0], v->with, v->model_config, &tr);
        if (status == CLSEQ_OK)
            status = clseq_pairs_open(ctx, parse->arguments[1], target, 0, &pairs);
        if (status == CLSEQ_OK)
            status = score_all(tr, pairs, v, b);
        if (status != CLSEQ_OK)
            code = cli_report(ctx, status);
        clseq_pairs_close(&pairs);
        clseq_translator_close(&tr);
        device_close(&v->device, &ctx, &be);
    }
    clear(b);
    free(b);
    return code;
}

const cli_command cmd_score = {
    .name = "score",
    .arguments = "MODEL SRC [TGT]",
    .summary = "log-probability, tokens and perplexity of given translations, a line each",
    .details =
        "Columns: natural log-probability, target tokens with the end token, perplexity. The "
        "perplexity\n"
        "of the whole text goes to standard error. SRC TGT or one .tsv file, as for train.\n",
    .options = options,
    .option_count = sizeof(options) / sizeof(options[0]),
    .values_size = sizeof(struct values),
    .run = run,
};
