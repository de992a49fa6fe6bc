/* SPDX-License-Identifier: BSD-2-Clause */
#include "commands.h"
#include "message.h"

#include <clseq/inspect.h>

#include <jansson.h>

#include <stdlib.h>
#include <string.h>

struct values {
    bool json, tensors, verify;
};

static const cli_option options[] = {
    /* clang-format off */
    { "json", 0, CLI_FLAG_FIELD(struct values, json), NULL, NULL, .help = "print a JSON object" },
    { "tensors", 0, CLI_FLAG_FIELD(struct values, tensors), NULL, NULL, .help = "list the tensors too" },
    { "verify", 0, CLI_FLAG_FIELD(struct values, verify), NULL, NULL,
      .help = "read everything and compare the checksums" },
    /* clang-format on */
};

/* "key: value" lines, objects indented. Tensors have a line each. */
static void print_text(json_t *json, int depth, bool tensors)
{
    const char *key;
    json_t *value;

    json_object_foreach(json, key, value)
    {
        size_t i;
        json_t *item;

        if (json_is_array(value)) {
            printf("%*s%s: %zu\n", 2 * depth, "", key, json_array_size(value));
            json_array_foreach(value, i, item)
            {
                char *shape = json_dumps(json_object_get(item, "shape"), JSON_COMPACT);

                if (tensors)
                    printf("  %-40s %-5s %s\n", json_string_value(json_object_get(item, "name")),
                           json_string_value(json_object_get(item, "dtype")), shape ? shape : "");
                free(shape);
            }
        } else if (json_is_object(value)) {
            printf("%*s%s:\n", 2 * depth, "", key);
            print_text(value, depth + 1, tensors);
        } else {
            char *text = json_dumps(value, JSON_ENCODE_ANY | JSON_REAL_PRECISION(6));

            if (text && text[0] == '"' && strlen(text) >= 2) {
                text[strlen(text) - 1] = 0;
                printf("%*s%s: %s\n", 2 * depth, "", key, text + 1);
            } else {
                printf("%*s%s: %s\n", 2 * depth, "", key, text ? text : "");
            }
            free(text);
        }
    }
}

static int run(const cli_parse *parse, const void *values)
{
    const struct values *v = values;
    clseq_context *ctx = NULL;
    clseq_status status = clseq_context_create(&ctx);
    char *text = NULL;
    int code = CLI_EXIT_DONE;

    if (status != CLSEQ_OK) {
        cli_error("%s", clseq_status_text(status));
        return cli_exit_code(status);
    }
    status = clseq_inspect(ctx, parse->arguments[0], v->verify, &text);
    if (status != CLSEQ_OK) {
        code = cli_report(ctx, status);
    } else if (v->json) {
        puts(text);
    } else {
        json_t *json = json_loads(text, 0, NULL);

        print_text(json, 0, v->tensors);
        json_decref(json);
    }
    free(text);
    clseq_context_destroy(&ctx);
    return code;
}

const cli_command cmd_info = {
    .name = "info",
    .arguments = "FILE",
    .summary = "what is in a model, a checkpoint or a text",
    .options = options,
    .option_count = sizeof(options) / sizeof(options[0]),
    .values_size = sizeof(struct values),
    .run = run,
};
