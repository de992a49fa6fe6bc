/* SPDX-License-Identifier: BSD-2-Clause */
#include "commands.h"
#include "message.h"

#include <clseq/average.h>

struct values {
    const char *output;
};

static const cli_option options[] = {
    /* clang-format off */
    { "output", 'o', CLI_STRING_FIELD(struct values, output), "OUT", "average.safetensors",
      .help = "file to write" },
    /* clang-format on */
};

static int run(const cli_parse *parse, const void *values)
{
    const struct values *v = values;
    clseq_context *ctx = NULL;
    clseq_status status = clseq_context_create(&ctx);
    int code = CLI_EXIT_DONE;

    if (status != CLSEQ_OK) {
        cli_error("%s", clseq_status_text(status));
        return cli_exit_code(status);
    }
    status = clseq_average_models(ctx, (const char *const *)parse->arguments,
                                  (size_t)parse->argument_count, v->output);
    if (status != CLSEQ_OK)
        code = cli_report(ctx, status);
    else
        cli_note("%s: the mean of %d models", v->output, (int)parse->argument_count);
    clseq_context_destroy(&ctx);
    return code;
}

const cli_command cmd_average = {
    .name = "average",
    .arguments = "MODEL...",
    .summary = "the mean of the weights of several models",
    .details = "The models must have one configuration and the same vocabularies, as checkpoints "
               "of a run\n"
               "(clseq train --keep) or runs that differ in more than the seed do not.\n\n"
               "  clseq average -o mean.safetensors run/valid-*.safetensors\n",
    .options = options,
    .option_count = sizeof(options) / sizeof(options[0]),
    .values_size = sizeof(struct values),
    .run = run,
};
