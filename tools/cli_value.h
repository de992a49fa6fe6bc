/* SPDX-License-Identifier: BSD-2-Clause */
/* Inside the command line code: values of options as text, as JSON, and in the command's struct. */
#ifndef CLSEQ_CLI_VALUE_H
#define CLSEQ_CLI_VALUE_H

#include "cli.h"

#include <clseq/api.h>
#include <jansson.h>

typedef union cli_value {
    cli_list list; /* the largest, so that { 0 } clears all */
    cli_span span;
    cli_pair pair;
    bool flag;
    int64_t integer;
    double real;
    const char *text;
    int choice;
} cli_value;

/* The options that every command has. */
struct cli_builtin_values {
    bool help, print_config;
    const char *config;
};
enum { CLI_BUILTIN_COUNT = 3 };
extern const cli_option cli_builtins[CLI_BUILTIN_COUNT];

/* Read a value as typed; not for CLI_PAIR. Of a list it is one text more for *ret. On failure
 * false, with the reason and what is expected in `why`. Texts are borrowed. */
bool cli_parse_text(const cli_option *option, const char *text, cli_value *ret, char *why,
                    size_t why_size);

/* The same for a value of a configuration file. */
bool cli_parse_json(const cli_option *option, const json_t *json, cli_value *ret, char *why,
                    size_t why_size);

/* The value in the field of `values` that belongs to the option. */
cli_value cli_load(const cli_option *option, const void *values);

/* Put a value into the field of `values` that belongs to the option. */
void cli_store(const cli_option *option, const cli_value *value, void *values);

/* False for a text, pair, list or span that is not given. */
bool cli_has_value(const cli_option *option, const void *values);

/* Write the value as JSON that cli_parse_json() reads back to the same. False: no memory. */
bool cli_put_json(const cli_option *option, const void *values, FILE *out);

#endif
