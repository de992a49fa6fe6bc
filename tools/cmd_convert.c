/* SPDX-License-Identifier: BSD-2-Clause */
#include "commands.h"
#include "message.h"

#include <clseq/convert.h>

#include <sys/stat.h>

struct values {
    const char *output, *config;
    int weights;
};

/* In the order of the words below. */
static const clseq_weights_type types[] = { CLSEQ_WEIGHTS_BF16, CLSEQ_WEIGHTS_FP32 };

static const cli_option options[] = {
    /* clang-format off */
    { "output", 'o', CLI_STRING_FIELD(struct values, output), "OUT", NULL,
      .help = "file to write, another one than MODEL" },
    { "weights", 'w', CLI_CHOICE_FIELD(struct values, weights), "bf16|fp32", "bf16",
      .help = "how the weights are stored" },
    { "model-config", 0, CLI_STRING_FIELD(struct values, config), "FILE", NULL,
      .help = "JSON configuration for a model file that has none inside; it becomes part of OUT" },
    /* clang-format on */
};

/* "12.3M", the size of a file. Returns `buffer`. */
static const char *size_text(const char *path, char buffer[32])
{
    struct stat st;

    return cli_format_count(stat(path, &st) == 0 ? (double)st.st_size : 0, buffer);
}

static int run(const cli_parse *parse, const void *values)
{
    const struct values *v = values;
    const char *model = parse->arguments[0];
    char before[32], after[32];
    clseq_context *ctx = NULL;
    clseq_status status;
    int code = CLI_EXIT_DONE;

    if (!v->output) {
        cli_error("no file to write is named: give -o OUT");
        return CLI_EXIT_USAGE;
    }
    status = clseq_context_create(&ctx);
    if (status != CLSEQ_OK) {
        cli_error("%s", clseq_status_text(status));
        return cli_exit_code(status);
    }
    status = clseq_convert_model(ctx, model, v->config, types[v->weights], v->output);
    if (status != CLSEQ_OK)
        code = cli_report(ctx, status);
    else
        cli_note("%s: %s bytes, weights in %s; %s has %s", v->output, size_text(v->output, after),
                 types[v->weights] == CLSEQ_WEIGHTS_BF16 ? "bf16" : "fp32", model,
                 size_text(model, before));
    clseq_context_destroy(&ctx);
    return code;
}

const cli_command cmd_convert = {
    .name = "convert",
    .arguments = "MODEL",
    .summary = "a model file with its weights in bf16, half the size, or in fp32",
    .details =
        "Everything that reads models reads both kinds. -w fp32 gives the rounded weights back as "
        "floats.\n"
        "Of a checkpoint, only the model is taken: a training cannot go on from OUT.\n\n"
        "  clseq convert run/best.safetensors -o small.safetensors\n"
        "  clseq convert small.safetensors -o big.safetensors --weights fp32\n",
    .options = options,
    .option_count = sizeof(options) / sizeof(options[0]),
    .values_size = sizeof(struct values),
    .run = run,
};
