/* SPDX-License-Identifier: BSD-2-Clause */
#include "cli_value.h"

#include <ctype.h>
#include <string.h>

enum {
    HELP_WIDTH = 80,
    HELP_COLUMN = 28, /* where the explanations begin */
    MAX_WORD = 48,    /* longest name that spelling is checked for */
};

const cli_option cli_builtins[CLI_BUILTIN_COUNT] = {
    { "help", 'h', CLI_FLAG_FIELD(struct cli_builtin_values, help), .group = "General",
      .help = "print this help" },
    { "config", 0, CLI_STRING_FIELD(struct cli_builtin_values, config), "FILE", .group = "General",
      .help = "read options from a JSON object; the command line wins" },
    { "print-config", 0, CLI_FLAG_FIELD(struct cli_builtin_values, print_config),
      .group = "General", .help = "print all options as such an object and stop" },
};

static int same_letter(char a, char b)
{
    if (a == '_')
        a = '-';
    if (b == '_')
        b = '-';
    return tolower((unsigned char)a) == tolower((unsigned char)b);
}

static int min3(int a, int b, int c)
{
    const int d = a < b ? a : b;

    return d < c ? d : c;
}

/* Number of letters to insert, remove, change or swap with their neighbour to get from a to b. */
static int spelling_distance(const char *a, const char *b)
{
    const int n = (int)strlen(a), m = (int)strlen(b);
    int rows[3][MAX_WORD + 1] = { { 0 } };

    for (int j = 0; j <= m; j++)
        rows[0][j] = j;
    for (int i = 1; i <= n; i++) {
        int *now = rows[i % 3];
        const int *before = rows[(i + 2) % 3], *earlier = rows[(i + 1) % 3];

        now[0] = i;
        for (int j = 1; j <= m; j++) {
            now[j] = min3(before[j] + 1, now[j - 1] + 1,
                          before[j - 1] + !same_letter(a[i - 1], b[j - 1]));
            if (i > 1 && j > 1 && same_letter(a[i - 1], b[j - 2]) &&
                same_letter(a[i - 2], b[j - 1]) && earlier[j - 2] + 1 < now[j])
                now[j] = earlier[j - 2] + 1;
        }
    }
    return rows[n % 3][m];
}

const char *cli_nearest(const char *word, const char *const *names, size_t count)
{
    const size_t n = strlen(word);
    const char *best = NULL;
    int best_score = 0;

    if (n == 0 || n > MAX_WORD)
        return NULL;
    for (size_t i = 0; i < count; i++) {
        const size_t m = names[i] ? strlen(names[i]) : 0;
        const size_t common = n < m ? n : m;
        int score;

        if (m == 0 || m > MAX_WORD)
            continue;
        /* The start of a name, or a name with more behind it, is as good as one wrong letter. */
        score = common >= 3 && strncmp(word, names[i], common) == 0
                    ? 1
                    : spelling_distance(word, names[i]);
        if (score <= (int)(n + 2) / 3 && score < (int)n && (!best || score < best_score)) {
            best = names[i];
            best_score = score;
        }
    }
    return best;
}

/* Print words from `text`, breaking lines before HELP_WIDTH; `column` is where the line stands. */
static void put_wrapped(const char *text, int column, FILE *out)
{
    bool first = true;

    while (*text) {
        const int n = (int)strcspn(text, " ");

        if (!first && column + 1 + n > HELP_WIDTH) {
            fprintf(out, "\n%*s", HELP_COLUMN, "");
            column = HELP_COLUMN;
        } else if (!first) {
            fputc(' ', out);
            column++;
        }
        fprintf(out, "%.*s", n, text);
        column += n;
        first = false;
        text += n + (text[n] == ' ');
    }
    fputc('\n', out);
}

static void put_option(const cli_option *option, FILE *out)
{
    char left[128], text[512], range[96];
    int n;

    snprintf(left, sizeof(left), "  %c%c%c --%s%s", option->letter ? '-' : ' ',
             option->letter ? option->letter : ' ', option->letter ? ',' : ' ',
             option->kind == CLI_FLAG && option->value ? "no-" : "", option->name);
    n = (int)strlen(left);
    if (option->kind != CLI_FLAG)
        n += snprintf(left + n, sizeof(left) - (size_t)n, " %s", option->argument);
    fputs(left, out);
    if (n + 2 > HELP_COLUMN) {
        fputc('\n', out);
        n = 0;
    }
    fprintf(out, "%*s", HELP_COLUMN - n, "");
    cli_range_text(option, range);
    snprintf(text, sizeof(text), "%s", option->help);
    n = (int)strlen(text);
    if (option->kind != CLI_FLAG && (*range || option->value))
        snprintf(text + n, sizeof(text) - (size_t)n, " (%s%s%s%s)", range,
                 *range && option->value ? "; " : "", option->value ? "default " : "",
                 option->value ? option->value : "");
    put_wrapped(text, HELP_COLUMN, out);
}

static const char *group_of(const cli_option *option)
{
    return option->group ? option->group : "Options";
}

/* All options of one table that are in the group of its option `first`, if none before is. */
static void put_group(const cli_option *options, size_t count, size_t first, FILE *out)
{
    const char *group = group_of(&options[first]);

    for (size_t i = 0; i < first; i++) {
        if (strcmp(group_of(&options[i]), group) == 0)
            return;
    }
    fprintf(out, "\n%s\n", group);
    for (size_t i = first; i < count; i++) {
        if (strcmp(group_of(&options[i]), group) == 0)
            put_option(&options[i], out);
    }
}

void cli_print_help(const cli_command *command, const char *title, FILE *out)
{
    fprintf(out, "usage: %s [OPTION]...%s%s\n\n%s\n", title, *command->arguments ? " " : "",
            command->arguments, command->summary);
    for (size_t i = 0; i < command->option_count; i++)
        put_group(command->options, command->option_count, i, out);
    for (size_t i = 0; i < CLI_BUILTIN_COUNT; i++)
        put_group(cli_builtins, CLI_BUILTIN_COUNT, i, out);
    if (command->details)
        fprintf(out, "\n%s\n", command->details);
}
