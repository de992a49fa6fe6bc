/* SPDX-License-Identifier: BSD-2-Clause */
#include "commands.h"
#include "device_options.h"
#include "line_block.h"
#include "message.h"
#include "out_file.h"
#include "scatter.h"

#include <clseq/translate.h>
#include <clseq/vectors.h>

#include <jansson.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define BATCHES_AHEAD 16 /* read before the first is encoded, to be sorted by length */

struct values {
    const char *input, *model_config, *svg;
    int64_t batch, max_input, svg_lines;
    bool json;
    struct device_options device;
};

static const cli_option options[] = {
    /* clang-format off */
    { "input", 'i', CLI_STRING_FIELD(struct values, input), "FILE", "-", .group = "Text",
      .help = "text, one sentence a line, plain or .gz; - is standard input" },
    { "json", 0, CLI_FLAG_FIELD(struct values, json), NULL, NULL, .group = "Text",
      .help = "one JSON object a line, with the text" },
    { "svg", 0, CLI_STRING_FIELD(struct values, svg), "FILE", NULL, .group = "Text",
      .help = "draw the sentences on the plane in which they differ most (two principal components)" },
    { "svg-lines", 0, CLI_INT_FIELD(struct values, svg_lines), "N", "200", .min = 1, .max = 10000,
      .group = "Text", .help = "of the first N lines" },
    { "model-config", 0, CLI_STRING_FIELD(struct values, model_config), "FILE", NULL, .group = "Text",
      .help = "JSON configuration of a model that has none inside (saved by PyTorch)" },
    { "batch", 0, CLI_INT_FIELD(struct values, batch), "N", "64", .min = 1, .max = CLSEQ_BATCH_LIMIT,
      .group = "Text", .help = "sentences encoded at once" },
    { "max-input", 0, CLI_INT_FIELD(struct values, max_input), "N", "1000", .min = 1, .max = CLSEQ_OUTPUT_LIMIT,
      .group = "Text", .help = "a line of more tokens is an error" },
    /* clang-format on */
    DEVICE_OPTIONS(struct values, device),
};

/* The sentences that are drawn. */
struct drawn {
    float *vectors; /* (count, size) */
    char **names;   /* (count) */
    size_t count, limit;
};

static void drawn_fini(struct drawn *d)
{
    for (size_t i = 0; i < d->count; i++)
        free(d->names[i]);
    free(d->names);
    free(d->vectors);
}

static bool print_vector(const struct values *v, uint64_t number, const char *text, const float *x,
                         size_t size)
{
    json_t *list, *object;
    char *line;
    bool ok = true;

    if (!v->json) {
        for (size_t k = 0; k < size; k++)
            ok = printf("%s%.9g", k ? " " : "", (double)x[k]) > 0 && ok;
        return putchar('\n') != EOF && ok;
    }
    list = json_array();
    for (size_t k = 0; k < size; k++)
        json_array_append_new(list, json_real((double)x[k]));
    object = json_pack("{s:I, s:s, s:o}", "line", (json_int_t)number, "text", text, "vector", list);
    line = json_dumps(object, JSON_COMPACT | JSON_REAL_PRECISION(9));
    json_decref(object);
    ok = line && puts(line) >= 0;
    free(line);
    return ok;
}

static bool keep(struct drawn *d, const struct line_block *block, const float *x, size_t size)
{
    for (size_t i = 0; i < block->count && d->count < d->limit; i++) {
        memcpy(d->vectors + d->count * size, x + i * size, size * sizeof(*x));
        d->names[d->count] = strdup(block->lines[i]);
        if (!d->names[d->count++])
            return false;
    }
    return true;
}

/* All lines, in blocks; *code is what failed beside the library. */
static clseq_status embed_all(clseq_translator *tr, clseq_lines *in, const struct values *v,
                              struct drawn *d, int *code)
{
    const size_t size = clseq_translator_embedding_size(tr);
    const size_t most = (size_t)v->batch * BATCHES_AHEAD;
    struct line_block block = { 0 };
    clseq_translate_options o;
    clseq_status status = CLSEQ_OK;
    float *x = calloc(most, size * sizeof(*x));
    uint64_t first = 1;

    clseq_translate_options_init(&o);
    o.batch = (int32_t)v->batch;
    o.max_input = (int32_t)v->max_input;
    *code = x ? CLI_EXIT_DONE : CLI_EXIT_MEMORY;
    while (status == CLSEQ_OK && *code == CLI_EXIT_DONE) {
        status = line_block_read(in, most, &block);
        if (status != CLSEQ_OK || block.count == 0)
            break;
        o.first_line = first;
        status = clseq_translator_embed(tr, (const char *const *)block.lines, block.lengths,
                                        block.count, &o, x);
        if (status != CLSEQ_OK)
            break;
        for (size_t i = 0; i < block.count && *code == CLI_EXIT_DONE; i++) {
            if (!print_vector(v, first + i, block.lines[i], x + i * size, size)) {
                cli_error("standard output: cannot write: %s", strerror(errno));
                *code = CLI_EXIT_IO;
            }
        }
        if (!keep(d, &block, x, size))
            *code = CLI_EXIT_MEMORY;
        first += block.count;
    }
    line_block_fini(&block);
    free(x);
    return status;
}

static bool make_svg(const scatter *map, char **text, size_t *size)
{
    FILE *out = open_memstream(text, size);
    bool ok;

    if (!out)
        return false;
    ok = scatter_svg(map, out);
    return fclose(out) == 0 && ok;
}

static clseq_status draw(clseq_context *ctx, const struct values *v, const struct drawn *d,
                         size_t size, int *code)
{
    double *points = calloc(d->count + 1, 2 * sizeof(*points)), part[2];
    char labels[2][64], *text = NULL;
    size_t bytes = 0;
    clseq_status status;

    if (!points) {
        *code = CLI_EXIT_MEMORY;
        return CLSEQ_OK;
    }
    status = clseq_principal_components(ctx, d->vectors, d->count, size, points, part);
    for (int c = 0; c < 2; c++)
        snprintf(labels[c], sizeof(labels[c]), "component %d (%ld %% of the variance)", c + 1,
                 (long)(100 * part[c] + 0.5));
    if (status == CLSEQ_OK) {
        const scatter map = { .title = "Sentence vectors",
                              .x_label = labels[0],
                              .y_label = labels[1],
                              .points = points,
                              .names = (const char *const *)d->names,
                              .count = d->count };

        if (!make_svg(&map, &text, &bytes) || !out_file_write(v->svg, text, bytes)) {
            cli_error("%s: cannot write: %s", v->svg, strerror(errno));
            *code = CLI_EXIT_IO;
        }
    }
    free(text);
    free(points);
    return status;
}

static int run(const cli_parse *parse, const void *values)
{
    const struct values *v = values;
    struct drawn drawn = { .limit = v->svg ? (size_t)v->svg_lines : 0 };
    clseq_context *ctx = NULL;
    clseq_backend *be = NULL;
    clseq_translator *tr = NULL;
    clseq_lines *in = NULL;
    clseq_status status;
    size_t size = 0;
    int code = device_open(&v->device, &ctx, &be);

    if (code != CLI_EXIT_DONE)
        return code;
    status = clseq_translator_open(ctx, be, parse->arguments[0], v->model_config, &tr);
    if (status == CLSEQ_OK)
        status = clseq_lines_open(ctx, v->input, 0, &in);
    if (status == CLSEQ_OK) {
        size = clseq_translator_embedding_size(tr);
        drawn.names = calloc(drawn.limit + 1, sizeof(*drawn.names));
        drawn.vectors = calloc(drawn.limit + 1, size * sizeof(*drawn.vectors));
        code = drawn.names && drawn.vectors ? CLI_EXIT_DONE : CLI_EXIT_MEMORY;
    }
    if (status == CLSEQ_OK && code == CLI_EXIT_DONE)
        status = embed_all(tr, in, v, &drawn, &code);
    if (status == CLSEQ_OK && code == CLI_EXIT_DONE && v->svg)
        status = draw(ctx, v, &drawn, size, &code);
    if (status != CLSEQ_OK)
        code = cli_report(ctx, status);
    drawn_fini(&drawn);
    clseq_lines_close(&in);
    clseq_translator_close(&tr);
    device_close(&v->device, &ctx, &be);
    return code;
}

const cli_command cmd_embed = {
    .name = "embed",
    .arguments = "MODEL",
    .summary = "sentence vectors: the encoder's final state, and a map of them",
    .details =
        "A line of numbers for each line of text: the state of the encoder's top layer behind "
        "the whole line,\n"
        "of both directions where it has two.\n\n"
        "  clseq embed run/best.safetensors -i sentences.txt --svg map.svg > vectors.txt\n",
    .options = options,
    .option_count = sizeof(options) / sizeof(options[0]),
    .values_size = sizeof(struct values),
    .run = run,
};
