/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The command line of every clseq command, from one table of options per command.
 *
 * A command describes its options in a table; the values land in a plain struct of its own, each in
 * the field that its row names. The macros check the type of the field when they are compiled:
 *
 *     struct translate_options { int64_t beam; int unit; const char *out; };
 *     static const cli_option options[] = {
 *         { "beam", 'b', CLI_INT_FIELD(struct translate_options, beam), "N", "5", .min = 1, .max =
 * 64, .group = "Search", .help = "hypotheses kept per sentence" },
 *         ...
 *     };
 *
 * From the table come: parsing of --name VALUE, --name=VALUE, -x VALUE, -xVALUE and --no-flag;
 * error messages with the nearest right name; --help; --config FILE (a JSON object keyed by the
 * long names; the command line wins); and --print-config, which writes such a file.
 */
#ifndef CLSEQ_CLI_H
#define CLSEQ_CLI_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

/* The field types of the kinds. A text points into argv or is owned by the cli_parse. */
typedef enum cli_kind {
    CLI_FLAG,   /* bool */
    CLI_INT,    /* int64_t */
    CLI_FLOAT,  /* double, finite */
    CLI_STRING, /* const char *, NULL when not given */
    CLI_CHOICE, /* int: the place of the word in the argument text "word|char|bpe" */
    CLI_SIZE,   /* int64_t: bytes; K, M and G multiply by 1024 */
    CLI_SPAN,   /* cli_span: "20e", "5000u", "5ku", "90s", "30m", "2h", or several with commas */
    CLI_PAIR,   /* cli_pair: two texts, NULL when not given */
    CLI_LIST,   /* cli_list: texts, one more each time the option is given */
} cli_kind;

#define CLI_LIST_MOST 64

typedef struct cli_list {
    size_t count;
    const char *text[CLI_LIST_MOST];
} cli_list;

typedef struct cli_pair {
    const char *first, *second;
} cli_pair;

/* A stretch of training. What is not given is 0. */
typedef struct cli_span {
    double epochs;
    int64_t updates;
    double seconds;
} cli_span;

/* The offset of a field, which must have this type. */
#define CLI_OFFSET(type, field, wanted)                                                            \
    (offsetof(type, field) + 0 * sizeof(_Generic(((type *)0)->field, wanted : 0)))

#define CLI_FLAG_FIELD(type, field)   CLI_FLAG, CLI_OFFSET(type, field, bool)
#define CLI_INT_FIELD(type, field)    CLI_INT, CLI_OFFSET(type, field, int64_t)
#define CLI_FLOAT_FIELD(type, field)  CLI_FLOAT, CLI_OFFSET(type, field, double)
#define CLI_STRING_FIELD(type, field) CLI_STRING, CLI_OFFSET(type, field, const char *)
#define CLI_CHOICE_FIELD(type, field) CLI_CHOICE, CLI_OFFSET(type, field, int)
#define CLI_SIZE_FIELD(type, field)   CLI_SIZE, CLI_OFFSET(type, field, int64_t)
#define CLI_SPAN_FIELD(type, field)   CLI_SPAN, CLI_OFFSET(type, field, cli_span)
#define CLI_PAIR_FIELD(type, field)   CLI_PAIR, CLI_OFFSET(type, field, cli_pair)
#define CLI_LIST_FIELD(type, field)   CLI_LIST, CLI_OFFSET(type, field, cli_list)

enum cli_bounds {
    CLI_ABOVE_MIN = 1, /* min itself is not allowed */
    CLI_BELOW_MAX = 2, /* max itself is not allowed */
};

typedef struct cli_option {
    const char *name; /* long name without the dashes */
    char letter;      /* 0: none */
    cli_kind kind;    /* this and the offset come from a CLI_..._FIELD macro */
    size_t offset;
    const char *argument; /* how the help names the value; for a choice its words */
    const char *value; /* the default as one would type it ("on" for a flag); NULL: 0, NULL, off */
    double min, max;   /* of CLI_INT, CLI_FLOAT, CLI_SIZE; both 0: no limits; max may be HUGE_VAL */
    unsigned bounds;   /* enum cli_bounds */
    const char *group; /* heading in the help; NULL: "Options" */
    const char *help;  /* one sentence, no capital, no full stop */
} cli_option;

/* A named set of values. The option "preset" of a command chooses one by its place among the words;
 * it fills the options that neither the command line nor --config gave. */
typedef struct cli_setting {
    const char *name, *value; /* of an option, as one would type it ("on" for a flag) */
} cli_setting;

typedef struct cli_preset {
    const char *name;
    const char *help;
    const cli_setting *settings;
    size_t count;
} cli_preset;

typedef struct cli_parse cli_parse;

typedef struct cli_command {
    const char *name;
    const char *arguments; /* "SRC TGT", one word each; "HYP REF..." takes one or more REF; "[FILE]"
                              may be left out; "" takes none */
    const char *summary;   /* one line */
    const char *details;   /* printed below the options: examples; may be NULL */
    const cli_option *options;
    size_t option_count;
    const cli_preset *presets; /* may be NULL */
    size_t preset_count;
    size_t values_size; /* of the struct that the offsets refer to */
    int (*run)(const cli_parse *parse, const void *values); /* returns the exit code */
} cli_command;

enum cli_source { CLI_FROM_DEFAULT, CLI_FROM_PRESET, CLI_FROM_CONFIG, CLI_FROM_COMMAND_LINE };

/* The outcome of parsing. Release with cli_parse_fini(). */
struct cli_parse {
    const cli_command *command;
    const char *title; /* "clseq translate", borrowed */
    void *values;      /* borrowed */
    const char **arguments;
    size_t argument_count;
    unsigned char *source; /* of each option, enum cli_source */
    const char *config_path;
    struct json_t *config; /* the parsed file; owns its texts */
    int exit_code;         /* after CLI_BAD */
    char error[1024];
};

enum cli_action {
    CLI_RUN,
    CLI_SHOW_HELP,
    CLI_SHOW_CONFIG,
    CLI_BAD, /* parse->error and parse->exit_code say why */
};

/* Parse `argc` arguments that follow the command's name. `values` has command->values_size bytes.
 * Prints nothing. */
enum cli_action cli_parse_arguments(const cli_command *command, const char *title, int argc,
                                    char *const *argv, void *values, cli_parse *ret);

void cli_parse_fini(cli_parse *parse);

/* Where the value of an option came from. */
enum cli_source cli_source_of(const cli_parse *parse, const char *name);

/* All options with a value as a JSON object, which --config reads back; free() it. NULL: no memory.
 */
char *cli_config_json(const cli_parse *parse);

/* Print the help of a command. */
void cli_print_help(const cli_command *command, const char *title, FILE *out);

/* "1 to 64", "greater than 0", "" when there is no limit. Returns `buffer`. */
const char *cli_range_text(const cli_option *option, char buffer[96]);

/* The place of `word` in "a|b|c", -1 when it is not there. */
int cli_choice_index(const char *choices, const char *word);

/* The nearest of `names` to a mistyped word, NULL when none is near. NULL names are passed over. */
const char *cli_nearest(const char *word, const char *const *names, size_t count);

/* Parse, then run, or print help or the error. Returns the exit code. */
int cli_run(const cli_command *command, const char *title, int argc, char *const *argv);

typedef struct cli_program {
    const char *name;
    const char *version;
    const char *summary;
    const cli_command *commands;
    size_t command_count;
    const char *details; /* below the list of commands; may be NULL */
} cli_program;

/* A program with commands: dispatch, help, --version, "did you mean". Returns the exit code. */
int cli_main(const cli_program *program, int argc, char *const *argv);

#endif
