/* SPDX-License-Identifier: BSD-2-Clause */
#include "cli.h"

#include "cli_value.h"
#include "message.h"

#include <errno.h>
#include <jansson.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_NAMES = 256 };

/* Where the walk over argv stands. */
struct walk {
    cli_parse *parse;
    struct cli_builtin_values *builtin;
    int argc;
    char *const *argv;
    int at; /* index of the argument in work */
};

static enum cli_action CLSEQ_PRINTF(3, 4) bad(cli_parse *parse, int exit_code, const char *fmt, ...)
{
    va_list args;

    va_start(args, fmt);
    vsnprintf(parse->error, sizeof(parse->error), fmt, args);
    va_end(args);
    parse->exit_code = exit_code;
    return CLI_BAD;
}

static bool named(const cli_option *option, const char *name, size_t n)
{
    return strncmp(option->name, name, n) == 0 && option->name[n] == 0;
}

static const cli_option *find_long(const cli_command *command, const char *name, size_t n)
{
    for (size_t i = 0; i < command->option_count; i++) {
        if (named(&command->options[i], name, n))
            return &command->options[i];
    }
    for (size_t i = 0; i < CLI_BUILTIN_COUNT; i++) {
        if (named(&cli_builtins[i], name, n))
            return &cli_builtins[i];
    }
    return NULL;
}

static const cli_option *find_letter(const cli_command *command, char letter)
{
    for (size_t i = 0; i < command->option_count; i++) {
        if (command->options[i].letter == letter)
            return &command->options[i];
    }
    for (size_t i = 0; i < CLI_BUILTIN_COUNT; i++) {
        if (cli_builtins[i].letter == letter)
            return &cli_builtins[i];
    }
    return NULL;
}

static bool is_builtin(const cli_option *option)
{
    return option >= cli_builtins && option < cli_builtins + CLI_BUILTIN_COUNT;
}

/* "; did you mean --beam?" for a long name, "" when nothing is near. */
static const char *suggest_option(const cli_command *command, const char *name, bool builtins,
                                  char buffer[96])
{
    const char *names[MAX_NAMES], *near;
    size_t n = 0;

    for (size_t i = 0; i < command->option_count && n < MAX_NAMES; i++)
        names[n++] = command->options[i].name;
    for (size_t i = 0; builtins && i < CLI_BUILTIN_COUNT && n < MAX_NAMES; i++)
        names[n++] = cli_builtins[i].name;
    near = cli_nearest(name, names, n);
    buffer[0] = 0;
    if (near)
        snprintf(buffer, 96, "; did you mean %s%s?", builtins ? "--" : "", near);
    return buffer;
}

static void store(struct walk *walk, const cli_option *option, const cli_value *value,
                  enum cli_source source)
{
    if (is_builtin(option)) {
        cli_store(option, value, walk->builtin);
        return;
    }
    cli_store(option, value, walk->parse->values);
    walk->parse->source[option - walk->parse->command->options] = (unsigned char)source;
}

/* Does the next argument look like an option rather than a value? "-", "-5" and "--" do not. */
static bool looks_like_option(const cli_command *command, const char *text)
{
    if (text[0] != '-' || text[1] == 0)
        return false;
    return text[1] == '-' ? text[2] != 0 : text[2] == 0 && find_letter(command, text[1]) != NULL;
}

/* The value in the next argument, for an option that was typed as `typed`. */
static enum cli_action next_value(struct walk *walk, const cli_option *option, const char *typed,
                                  const char **ret)
{
    cli_parse *parse = walk->parse;
    const char *next = walk->at + 1 < walk->argc ? walk->argv[walk->at + 1] : NULL;

    if (!next)
        return bad(parse, CLI_EXIT_USAGE, "option %s needs a value: %s %s", typed, typed,
                   option->argument);
    if (looks_like_option(parse->command, next))
        return bad(
            parse, CLI_EXIT_USAGE,
            "option %s needs a value (%s) but %s follows; write --%s=%s if that is the value",
            typed, option->argument, next, option->name, next);
    walk->at++;
    *ret = next;
    return CLI_RUN;
}

/* Take an option with its value; `attached` is what stands behind "=" or the letter, or NULL. */
static enum cli_action take_option(struct walk *walk, const cli_option *option, const char *typed,
                                   const char *attached)
{
    cli_value value = { 0 };
    char why[512];

    if (option->kind == CLI_FLAG) {
        value.flag = true;
    } else if (option->kind == CLI_PAIR) {
        value.pair.first = attached;
        if ((!attached && next_value(walk, option, typed, &value.pair.first) != CLI_RUN) ||
            next_value(walk, option, typed, &value.pair.second) != CLI_RUN)
            return CLI_BAD;
    } else {
        if (!attached && next_value(walk, option, typed, &attached) != CLI_RUN)
            return CLI_BAD;
        if (option->kind == CLI_LIST)
            value = cli_load(option, walk->parse->values);
        if (!cli_parse_text(option, attached, &value, why, sizeof(why)))
            return bad(walk->parse, CLI_EXIT_USAGE, "option %s: %s", typed, why);
    }
    store(walk, option, &value, CLI_FROM_COMMAND_LINE);
    return CLI_RUN;
}

static enum cli_action take_long(struct walk *walk, const char *argument)
{
    const cli_command *command = walk->parse->command;
    const char *name = argument + 2, *equals = strchr(name, '=');
    const size_t n = equals ? (size_t)(equals - name) : strlen(name);
    const cli_option *option = find_long(command, name, n);
    char typed[80], near[96];

    if (!option && n > 3 && strncmp(name, "no-", 3) == 0) {
        option = find_long(command, name + 3, n - 3);
        if (option && option->kind == CLI_FLAG && !is_builtin(option) && !equals) {
            const cli_value off = { .flag = false };

            store(walk, option, &off, CLI_FROM_COMMAND_LINE);
            return CLI_RUN;
        }
        option = NULL;
    }
    snprintf(typed, sizeof(typed), "--%.*s", (int)(n < 70 ? n : 70), name);
    if (!option)
        return bad(walk->parse, CLI_EXIT_USAGE, "unknown option %s%s", typed,
                   suggest_option(command, typed + 2, true, near));
    if (option->kind == CLI_FLAG && equals)
        return bad(walk->parse, CLI_EXIT_USAGE, "option %s takes no value; write %s or --no-%s",
                   typed, typed, option->name);
    return take_option(walk, option, typed, equals ? equals + 1 : NULL);
}

static enum cli_action take_letters(struct walk *walk, const char *argument)
{
    const cli_command *command = walk->parse->command;
    const size_t n = strcspn(argument + 1, "=");

    /* -beam would be -b eam: say so rather than guess. */
    if (n > 1 && find_long(command, argument + 1, n))
        return bad(walk->parse, CLI_EXIT_USAGE, "unknown option %s; did you mean -%s?", argument,
                   argument);
    for (const char *p = argument + 1; *p; p++) {
        const char typed[3] = { '-', *p, 0 };
        const cli_option *option = find_letter(command, *p);
        char near[96];

        if (!option)
            return bad(walk->parse, CLI_EXIT_USAGE, "unknown option %s%s%s%s",
                       (unsigned char)*p < 128 ? typed : argument, argument[2] ? " in " : "",
                       argument[2] ? argument : "",
                       argument[2] ? suggest_option(command, argument + 1, true, near) : "");
        if (option->kind != CLI_FLAG)
            return take_option(walk, option, typed, p[1] == '=' ? p + 2 : p[1] ? p + 1 : NULL);
        if (take_option(walk, option, typed, NULL) != CLI_RUN)
            return CLI_BAD;
    }
    return CLI_RUN;
}

/* How many arguments "SRC TGT [MORE] NAME..." asks for. */
static void count_arguments(const char *spec, size_t *min, size_t *max)
{
    *min = *max = 0;
    for (const char *p = spec; *p;) {
        const size_t n = strcspn(p, " ");

        *min += p[0] != '[';
        *max = n >= 3 && (memcmp(p + n - 3, "...", 3) == 0 ||
                          (n >= 4 && memcmp(p + n - 4, "...]", 4) == 0))
                   ? SIZE_MAX
                   : *max + 1;
        p += n + (p[n] == ' ');
    }
}

static enum cli_action check_arguments(cli_parse *parse)
{
    const char *spec = parse->command->arguments, *word = spec;
    size_t min, max;

    count_arguments(spec, &min, &max);
    if (parse->argument_count < min) {
        for (size_t i = 0; i < parse->argument_count; i++)
            word += strcspn(word, " ") + 1;
        return bad(parse, CLI_EXIT_USAGE, "argument %.*s is missing; usage: %s [OPTION]... %s",
                   (int)strcspn(word, " "), word, parse->title, spec);
    }
    if (parse->argument_count > max)
        return bad(parse, CLI_EXIT_USAGE, "unexpected argument \"%s\"; usage: %s [OPTION]...%s%s",
                   parse->arguments[max], parse->title, *spec ? " " : "", spec);
    return CLI_RUN;
}

static enum cli_action apply_config(struct walk *walk, const char *path)
{
    cli_parse *parse = walk->parse;
    json_error_t error;
    json_t *value;
    const char *key;
    char why[512], near[96];

    parse->config_path = path;
    parse->config = json_load_file(path, JSON_REJECT_DUPLICATES, &error);
    if (!parse->config && json_error_code(&error) == json_error_cannot_open_file)
        return bad(parse, CLI_EXIT_IO, "--config %s: cannot open: %s", path, strerror(errno));
    if (!parse->config)
        return bad(parse, CLI_EXIT_USAGE, "--config %s: line %d: %s", path, error.line, error.text);
    if (!json_is_object(parse->config))
        return bad(parse, CLI_EXIT_USAGE,
                   "--config %s: expected a JSON object: {\"option\": value}", path);
    json_object_foreach(parse->config, key, value)
    {
        const cli_option *option = find_long(parse->command, key, strlen(key));
        cli_value parsed = { 0 };

        if (!option || is_builtin(option))
            return bad(parse, CLI_EXIT_USAGE, "--config %s: unknown option \"%.60s\"%s", path, key,
                       suggest_option(parse->command, key, false, near));
        if (!cli_parse_json(option, value, &parsed, why, sizeof(why)))
            return bad(parse, CLI_EXIT_USAGE, "--config %s: \"%s\": %s", path, key, why);
        if (parse->source[option - parse->command->options] != CLI_FROM_COMMAND_LINE)
            store(walk, option, &parsed, CLI_FROM_CONFIG);
    }
    return CLI_RUN;
}

static const cli_preset *chosen_preset(const cli_parse *parse)
{
    const cli_command *command = parse->command;

    for (size_t i = 0; command->presets && i < command->option_count; i++) {
        const cli_option *option = &command->options[i];
        int choice;

        if (strcmp(option->name, "preset") != 0)
            continue;
        memcpy(&choice, (const char *)parse->values + option->offset, sizeof(choice));
        return (size_t)choice < command->preset_count ? &command->presets[choice] : NULL;
    }
    return NULL;
}

static enum cli_action apply_preset(struct walk *walk)
{
    cli_parse *parse = walk->parse;
    const cli_preset *preset = chosen_preset(parse);
    char why[512];

    for (size_t i = 0; preset && i < preset->count; i++) {
        const cli_setting *setting = &preset->settings[i];
        const cli_option *option = find_long(parse->command, setting->name, strlen(setting->name));
        cli_value value = { 0 };

        if (!option || !cli_parse_text(option, setting->value, &value, why, sizeof(why)))
            return bad(parse, CLI_EXIT_OTHER, "bug: --%s of the preset %s: %s", setting->name,
                       preset->name, option ? why : "no such option");
        if (parse->source[option - parse->command->options] == CLI_FROM_DEFAULT)
            store(walk, option, &value, CLI_FROM_PRESET);
    }
    return CLI_RUN;
}

static enum cli_action apply_defaults(struct walk *walk)
{
    const cli_command *command = walk->parse->command;
    char why[512];

    if (command->values_size > 0)
        memset(walk->parse->values, 0, command->values_size);
    for (size_t i = 0; i < command->option_count; i++) {
        const cli_option *option = &command->options[i];
        cli_value value = { 0 };

        if (!option->value)
            continue;
        if (!cli_parse_text(option, option->value, &value, why, sizeof(why)))
            return bad(walk->parse, CLI_EXIT_OTHER, "bug: the default of --%s: %s", option->name,
                       why);
        store(walk, option, &value, CLI_FROM_DEFAULT);
    }
    return CLI_RUN;
}

static enum cli_action walk_arguments(struct walk *walk)
{
    cli_parse *parse = walk->parse;
    bool options_over = false;

    for (walk->at = 0; walk->at < walk->argc; walk->at++) {
        const char *argument = walk->argv[walk->at];
        enum cli_action action = CLI_RUN;

        if (options_over || argument[0] != '-' || argument[1] == 0)
            parse->arguments[parse->argument_count++] = argument;
        else if (strcmp(argument, "--") == 0)
            options_over = true;
        else if (argument[1] == '-')
            action = take_long(walk, argument);
        else
            action = take_letters(walk, argument);
        if (action != CLI_RUN)
            return action;
        if (walk->builtin->help)
            return CLI_SHOW_HELP;
    }
    return CLI_RUN;
}

enum cli_action cli_parse_arguments(const cli_command *command, const char *title, int argc,
                                    char *const *argv, void *values, cli_parse *ret)
{
    struct cli_builtin_values builtin = { 0 };
    struct walk walk = { .parse = ret, .builtin = &builtin, .argc = argc, .argv = argv };
    enum cli_action action;

    *ret = (cli_parse) { .command = command, .title = title, .values = values };
    ret->arguments = calloc((size_t)argc + 1, sizeof(*ret->arguments));
    ret->source = calloc(command->option_count + 1, 1);
    if (!ret->arguments || !ret->source)
        return bad(ret, CLI_EXIT_MEMORY, "no memory for the command line");
    action = apply_defaults(&walk);
    if (action == CLI_RUN)
        action = walk_arguments(&walk);
    if (action == CLI_RUN && builtin.config)
        action = apply_config(&walk, builtin.config);
    if (action == CLI_RUN)
        action = apply_preset(&walk);
    if (action == CLI_RUN && builtin.print_config)
        return CLI_SHOW_CONFIG;
    return action == CLI_RUN ? check_arguments(ret) : action;
}

void cli_parse_fini(cli_parse *parse)
{
    free(parse->arguments);
    free(parse->source);
    json_decref(parse->config);
    *parse = (cli_parse) { 0 };
}

enum cli_source cli_source_of(const cli_parse *parse, const char *name)
{
    for (size_t i = 0; i < parse->command->option_count; i++) {
        if (strcmp(parse->command->options[i].name, name) == 0)
            return (enum cli_source)parse->source[i];
    }
    return CLI_FROM_DEFAULT;
}

char *cli_config_json(const cli_parse *parse)
{
    const cli_command *command = parse->command;
    char *text = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);
    const char *before = "{\n  ";
    bool good = out != NULL;

    for (size_t i = 0; good && i < command->option_count; i++) {
        const cli_option *option = &command->options[i];

        if (!cli_has_value(option, parse->values))
            continue;
        /* Without a default and not given: 0 may be no value that could be read back. */
        if (!option->value && option->kind != CLI_FLAG && parse->source[i] == CLI_FROM_DEFAULT)
            continue;
        fprintf(out, "%s\"%s\": ", before, option->name);
        good = cli_put_json(option, parse->values, out);
        before = ",\n  ";
    }
    if (out) {
        fputs(before[0] == '{' ? "{}\n" : "\n}\n", out);
        good = fclose(out) == 0 && good;
    }
    if (!good) {
        free(text);
        return NULL;
    }
    return text;
}

static int show_config(const cli_parse *parse)
{
    char *text = cli_config_json(parse);

    if (!text) {
        cli_error("no memory for the configuration");
        return CLI_EXIT_MEMORY;
    }
    fputs(text, stdout);
    free(text);
    return CLI_EXIT_DONE;
}

/* What was printed must have arrived; a reader that went away (| head) is no error. */
static int finish_output(int exit_code)
{
    errno = 0;
    if (fflush(stdout) != 0 || ferror(stdout)) {
        if (errno == EPIPE)
            return exit_code;
        cli_error("cannot write to standard output: %s", errno ? strerror(errno) : "write failed");
        return exit_code == CLI_EXIT_DONE ? CLI_EXIT_IO : exit_code;
    }
    return exit_code;
}

int cli_run(const cli_command *command, const char *title, int argc, char *const *argv)
{
    cli_parse parse;
    int exit_code = CLI_EXIT_DONE;
    void *values = calloc(1, command->values_size ? command->values_size : 1);

    if (!values) {
        cli_error("no memory for the command line");
        return CLI_EXIT_MEMORY;
    }
    switch (cli_parse_arguments(command, title, argc, argv, values, &parse)) {
    case CLI_RUN:
        exit_code = command->run(&parse, values);
        break;
    case CLI_SHOW_HELP:
        cli_print_help(command, title, stdout);
        break;
    case CLI_SHOW_CONFIG:
        exit_code = show_config(&parse);
        break;
    case CLI_BAD:
        cli_error("%s", parse.error);
        if (parse.exit_code == CLI_EXIT_USAGE)
            fprintf(stderr, "  see %s --help\n", title);
        exit_code = parse.exit_code;
        break;
    }
    cli_parse_fini(&parse);
    free(values);
    return finish_output(exit_code);
}

static const cli_command *find_command(const cli_program *program, const char *name)
{
    for (size_t i = 0; i < program->command_count; i++) {
        if (strcmp(program->commands[i].name, name) == 0)
            return &program->commands[i];
    }
    return NULL;
}

static int unknown_command(const cli_program *program, const char *name)
{
    const char *names[MAX_NAMES], *near;
    size_t n = 0;

    for (; n < program->command_count && n < MAX_NAMES; n++)
        names[n] = program->commands[n].name;
    near = cli_nearest(name, names, n);
    cli_error("unknown command \"%.60s\"%s%s%s", name, near ? "; did you mean " : "",
              near ? near : "", near ? "?" : "");
    fprintf(stderr, "  see %s --help\n", program->name);
    return CLI_EXIT_USAGE;
}

static void print_overview(const cli_program *program)
{
    printf("%s: %s\n\nusage: %s COMMAND [OPTION]... [ARGUMENT]...\n\nCommands\n", program->name,
           program->summary, program->name);
    for (size_t i = 0; i < program->command_count; i++) {
        const cli_command *c = &program->commands[i];

        printf("  %-10s %-18s %s\n", c->name, c->arguments, c->summary);
    }
    printf("\n%s COMMAND --help lists the options of a command, %s --version prints the version,\n"
           "%s help exit-codes lists what the exit codes mean.\n",
           program->name, program->name, program->name);
    if (program->details)
        printf("\n%s\n", program->details);
}

static void print_exit_codes(void)
{
#define X(name, value, text) printf("%3d  %s\n", value, text);
    CLI_EXIT_MAP(X)
#undef X
}

int cli_main(const cli_program *program, int argc, char *const *argv)
{
    const char *word = argc > 1 ? argv[1] : NULL;
    const cli_command *command;
    bool help = word && strcmp(word, "help") == 0;
    char title[96];

    if (!word) {
        cli_error("no command given; see %s --help", program->name);
        return CLI_EXIT_USAGE;
    }
    if (strcmp(word, "--version") == 0) {
        printf("%s %s\n", program->name, program->version);
        return finish_output(CLI_EXIT_DONE);
    }
    if (strcmp(word, "-h") == 0 || strcmp(word, "--help") == 0 || (help && argc < 3)) {
        print_overview(program);
        return finish_output(CLI_EXIT_DONE);
    }
    if (help)
        word = argv[2];
    if (help && strcmp(word, "exit-codes") == 0) {
        print_exit_codes();
        return finish_output(CLI_EXIT_DONE);
    }
    command = find_command(program, word);
    if (!command)
        return unknown_command(program, word);
    snprintf(title, sizeof(title), "%s %s", program->name, command->name);
    if (help) {
        cli_print_help(command, title, stdout);
        return finish_output(CLI_EXIT_DONE);
    }
    return cli_run(command, title, argc - 2, argv + 2);
}
