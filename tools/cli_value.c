/* SPDX-License-Identifier: BSD-2-Clause */
#include "cli_value.h"

#include <ctype.h>
#include <errno.h>
#include <math.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

static bool CLSEQ_PRINTF(3, 4) refuse(char *why, size_t size, const char *fmt, ...)
{
    va_list args;

    va_start(args, fmt);
    vsnprintf(why, size, fmt, args);
    va_end(args);
    return false;
}

/* The shortest text that reads back as the same double. */
static const char *number_text(double x, char buffer[32])
{
    if (x == floor(x) && fabs(x) < 1e15) {
        snprintf(buffer, 32, "%.0f", x);
        return buffer;
    }
    for (int digits = 1; digits <= 17; digits++) {
        snprintf(buffer, 32, "%.*g", digits, x);
        if (strtod(buffer, NULL) == x)
            break;
    }
    return buffer;
}

static bool has_limits(const cli_option *option)
{
    return option->min != 0.0 || option->max != 0.0;
}

const char *cli_range_text(const cli_option *option, char buffer[96])
{
    const bool limits = has_limits(option), low = limits && !isinf(option->min),
               high = limits && !isinf(option->max);
    const bool above = option->bounds & CLI_ABOVE_MIN, below = option->bounds & CLI_BELOW_MAX;
    char min[32], max[32];

    number_text(option->min, min);
    number_text(option->max, max);
    buffer[0] = 0;
    if (low && high && !above && !below)
        snprintf(buffer, 96, "%s to %s", min, max);
    else if (low || high)
        snprintf(buffer, 96, "%s%s%s%s%s",
                 !low    ? ""
                 : above ? "greater than "
                         : "at least ",
                 low ? min : "", low && high ? ", " : "",
                 !high   ? ""
                 : below ? "less than "
                         : "at most ",
                 high ? max : "");
    return buffer;
}

/* "a whole number, 1 to 64" */
static const char *expected_text(const cli_option *option, char buffer[160])
{
    static const char *const kinds[] = {
        [CLI_FLAG] = "true or false",
        [CLI_INT] = "a whole number",
        [CLI_FLOAT] = "a number",
        [CLI_STRING] = "a text",
        [CLI_CHOICE] = "one of ",
        [CLI_SIZE] = "a size in bytes like 4096, 64K or 2G",
        [CLI_SPAN] = "a number with e (epochs), u (updates), s, m or h (time), like 20e or 30m",
        [CLI_PAIR] = "two texts",
        [CLI_LIST] = "an array of texts",
    };
    char range[96];

    cli_range_text(option, range);
    snprintf(buffer, 160, "%s%s%s", kinds[option->kind],
             option->kind == CLI_CHOICE ? option->argument
             : *range                   ? ", "
                                        : "",
             range);
    return buffer;
}

static bool refuse_text(const cli_option *option, const char *text, char *why, size_t size)
{
    char expected[160];

    return refuse(why, size, "\"%.60s\" is not valid; expected %s", text,
                  expected_text(option, expected));
}

static bool in_range(const cli_option *option, double x, char *why, size_t size)
{
    const bool above = option->bounds & CLI_ABOVE_MIN, below = option->bounds & CLI_BELOW_MAX;
    char number[32], expected[160];

    if (has_limits(option) && (x < option->min || x > option->max || (above && x == option->min) ||
                               (below && x == option->max)))
        return refuse(why, size, "%s is out of range; expected %s", number_text(x, number),
                      expected_text(option, expected));
    return true;
}

/* Decimal digits with an optional sign, all of the text up to `end`. */
static bool parse_integer(const char *text, const char **end, int64_t *ret)
{
    char *stop;
    long long x;

    if (!isdigit((unsigned char)text[text[0] == '-' || text[0] == '+']))
        return false;
    errno = 0;
    x = strtoll(text, &stop, 10);
    *end = stop;
    *ret = x;
    return errno == 0;
}

/* A finite decimal number; neither hexadecimal nor "inf" nor "nan". */
static bool parse_real(const char *text, const char **end, double *ret)
{
    const char *p = text + (text[0] == '-' || text[0] == '+');
    char *stop;

    if (!isdigit((unsigned char)p[0]) && !(p[0] == '.' && isdigit((unsigned char)p[1])))
        return false;
    if (p[0] == '0' && (p[1] == 'x' || p[1] == 'X'))
        return false;
    *ret = strtod(text, &stop);
    *end = stop;
    return isfinite(*ret);
}

static bool parse_size(const char *text, int64_t *ret)
{
    static const char units[] = "KMG";
    const char *end, *unit;
    int64_t x;

    if (!parse_integer(text, &end, &x) || x < 0)
        return false;
    unit = *end ? strchr(units, toupper((unsigned char)*end)) : NULL;
    for (long i = unit ? unit - units + 1 : 0; i > 0; i--) {
        if (x > INT64_MAX / 1024)
            return false;
        x *= 1024;
    }
    if (*end && (!unit || end[1]))
        return false;
    *ret = x;
    return true;
}

/* One part of a span: "20e", "5000u", "5ku", "30m". */
static bool parse_span_part(const char *text, const char **end, cli_span *span)
{
    double x;

    if (!parse_real(text, end, &x) || x <= 0.0)
        return false;
    if (**end == 'k' && (*end)[1] == 'u') {
        x *= 1000.0;
        (*end)++;
    }
    switch (*(*end)++) {
    case 'e':
        if (span->epochs != 0.0)
            return false;
        span->epochs = x;
        return true;
    case 'u':
        if (span->updates != 0 || x != floor(x) || x > 1e15)
            return false;
        span->updates = (int64_t)x;
        return true;
    case 'h':
        x *= 60.0;
        /* fall through */
    case 'm':
        x *= 60.0;
        /* fall through */
    case 's':
        if (span->seconds != 0.0)
            return false;
        span->seconds = x;
        return true;
    default:
        return false;
    }
}

static bool parse_span(const char *text, cli_span *ret)
{
    cli_span span = { 0 };

    for (;;) {
        if (!parse_span_part(text, &text, &span))
            return false;
        if (*text == 0)
            break;
        if (*text++ != ',')
            return false;
    }
    *ret = span;
    return true;
}

int cli_choice_index(const char *choices, const char *word)
{
    const size_t n = strlen(word);
    int index = 0;

    for (const char *p = choices;; p++) {
        const size_t m = strcspn(p, "|");

        if (m == n && strncmp(p, word, n) == 0)
            return index;
        p += m;
        index++;
        if (*p == 0)
            return -1;
    }
}

/* "; did you mean word?" */
static const char *suggest_choice(const char *choices, const char *word, char buffer[80])
{
    const char *names[32], *near;
    char copy[512];
    size_t count = 0;

    snprintf(copy, sizeof(copy), "%s", choices);
    for (char *p = copy; *p && count < 32;) {
        const size_t m = strcspn(p, "|");

        names[count++] = p;
        p += m + (p[m] != 0);
        if (p[-1] == '|')
            p[-1] = 0;
    }
    near = cli_nearest(word, names, count);
    buffer[0] = 0;
    if (near)
        snprintf(buffer, 80, "; did you mean %.40s?", near);
    return buffer;
}

bool cli_parse_text(const cli_option *option, const char *text, cli_value *ret, char *why,
                    size_t why_size)
{
    const char *end = text;
    char near[80];

    switch (option->kind) {
    case CLI_FLAG: /* defaults only: flags take no value on the command line */
        ret->flag = strcmp(text, "on") == 0;
        return ret->flag || refuse_text(option, text, why, why_size);
    case CLI_INT:
        if (!parse_integer(text, &end, &ret->integer) || *end)
            return refuse_text(option, text, why, why_size);
        return in_range(option, (double)ret->integer, why, why_size);
    case CLI_FLOAT:
        if (!parse_real(text, &end, &ret->real) || *end)
            return refuse_text(option, text, why, why_size);
        return in_range(option, ret->real, why, why_size);
    case CLI_SIZE:
        if (!parse_size(text, &ret->integer))
            return refuse_text(option, text, why, why_size);
        return in_range(option, (double)ret->integer, why, why_size);
    case CLI_STRING:
        ret->text = text;
        return true;
    case CLI_CHOICE:
        ret->choice = cli_choice_index(option->argument, text);
        return ret->choice >= 0 ||
               refuse(why, why_size, "\"%.60s\" is not one of %s%s", text, option->argument,
                      suggest_choice(option->argument, text, near));
    case CLI_SPAN:
        return parse_span(text, &ret->span) || refuse_text(option, text, why, why_size);
    case CLI_LIST:
        if (ret->list.count == CLI_LIST_MOST)
            return refuse(why, why_size, "it may be given %d times", CLI_LIST_MOST);
        ret->list.text[ret->list.count++] = text;
        return true;
    case CLI_PAIR:
        break;
    }
    return refuse(why, why_size, "expected two texts");
}

bool cli_parse_json(const cli_option *option, const json_t *json, cli_value *ret, char *why,
                    size_t why_size)
{
    char expected[160], *found;

    switch (option->kind) {
    case CLI_FLAG:
        ret->flag = json_is_true(json);
        if (json_is_boolean(json))
            return true;
        break;
    case CLI_INT:
        ret->integer = json_integer_value(json);
        if (json_is_integer(json))
            return in_range(option, (double)ret->integer, why, why_size);
        break;
    case CLI_SIZE:
        ret->integer = json_integer_value(json);
        if (json_is_integer(json) && ret->integer >= 0)
            return in_range(option, (double)ret->integer, why, why_size);
        if (json_is_string(json))
            return cli_parse_text(option, json_string_value(json), ret, why, why_size);
        break;
    case CLI_FLOAT:
        ret->real = json_number_value(json);
        if (json_is_number(json))
            return in_range(option, ret->real, why, why_size);
        break;
    case CLI_STRING:
    case CLI_CHOICE:
    case CLI_SPAN:
        if (json_is_string(json))
            return cli_parse_text(option, json_string_value(json), ret, why, why_size);
        break;
    case CLI_PAIR:
        ret->pair.first = json_string_value(json_array_get(json, 0));
        ret->pair.second = json_string_value(json_array_get(json, 1));
        if (json_array_size(json) == 2 && ret->pair.first && ret->pair.second)
            return true;
        break;
    case CLI_LIST:
        for (size_t i = 0; i < json_array_size(json); i++) {
            const char *text = json_string_value(json_array_get(json, i));

            if (!text)
                break;
            if (!cli_parse_text(option, text, ret, why, why_size))
                return false;
        }
        if (json_is_array(json) && ret->list.count == json_array_size(json))
            return true;
        break;
    }
    found = json_dumps(json, JSON_ENCODE_ANY | JSON_COMPACT);
    refuse(why, why_size, "%.60s is not valid; expected %s", found ? found : "this",
           expected_text(option, expected));
    free(found);
    return false;
}

void cli_store(const cli_option *option, const cli_value *value, void *values)
{
    char *field = (char *)values + option->offset;

    switch (option->kind) {
    case CLI_FLAG:
        memcpy(field, &value->flag, sizeof(value->flag));
        break;
    case CLI_INT:
    case CLI_SIZE:
        memcpy(field, &value->integer, sizeof(value->integer));
        break;
    case CLI_FLOAT:
        memcpy(field, &value->real, sizeof(value->real));
        break;
    case CLI_STRING:
        memcpy(field, &value->text, sizeof(value->text));
        break;
    case CLI_CHOICE:
        memcpy(field, &value->choice, sizeof(value->choice));
        break;
    case CLI_SPAN:
        memcpy(field, &value->span, sizeof(value->span));
        break;
    case CLI_PAIR:
        memcpy(field, &value->pair, sizeof(value->pair));
        break;
    case CLI_LIST:
        memcpy(field, &value->list, sizeof(value->list));
        break;
    }
}

cli_value cli_load(const cli_option *option, const void *values)
{
    const char *field = (const char *)values + option->offset;
    cli_value value = { 0 };

    switch (option->kind) {
    case CLI_FLAG:
        memcpy(&value.flag, field, sizeof(value.flag));
        break;
    case CLI_INT:
    case CLI_SIZE:
        memcpy(&value.integer, field, sizeof(value.integer));
        break;
    case CLI_FLOAT:
        memcpy(&value.real, field, sizeof(value.real));
        break;
    case CLI_STRING:
        memcpy(&value.text, field, sizeof(value.text));
        break;
    case CLI_CHOICE:
        memcpy(&value.choice, field, sizeof(value.choice));
        break;
    case CLI_SPAN:
        memcpy(&value.span, field, sizeof(value.span));
        break;
    case CLI_PAIR:
        memcpy(&value.pair, field, sizeof(value.pair));
        break;
    case CLI_LIST:
        memcpy(&value.list, field, sizeof(value.list));
        break;
    }
    return value;
}

bool cli_has_value(const cli_option *option, const void *values)
{
    const cli_value value = cli_load(option, values);

    switch (option->kind) {
    case CLI_STRING:
        return value.text != NULL;
    case CLI_PAIR:
        return value.pair.first != NULL;
    case CLI_LIST:
        return value.list.count > 0;
    case CLI_SPAN:
        return value.span.epochs > 0.0 || value.span.updates > 0 || value.span.seconds > 0.0;
    default:
        return true;
    }
}

/* A path need not be UTF-8, JSON must be: other bytes become '?'. */
static bool put_json_text(const char *text, FILE *out)
{
    json_t *json = json_string(text);
    char *dump;

    if (!json) {
        char *copy = strdup(text);

        for (char *p = copy; p && *p; p++)
            *p = (unsigned char)*p < 128 ? *p : '?';
        json = copy ? json_string(copy) : NULL;
        free(copy);
    }
    dump = json ? json_dumps(json, JSON_ENCODE_ANY) : NULL;
    if (dump)
        fputs(dump, out);
    free(dump);
    json_decref(json);
    return dump != NULL;
}

static void put_span(const cli_span *span, FILE *out)
{
    const char *before = "\"";
    char number[32];

    if (span->epochs > 0.0) {
        fprintf(out, "%s%se", before, number_text(span->epochs, number));
        before = ",";
    }
    if (span->updates > 0) {
        fprintf(out, "%s%lldu", before, (long long)span->updates);
        before = ",";
    }
    if (span->seconds > 0.0) {
        const double s = span->seconds;
        const double unit = fmod(s, 3600.0) == 0.0 ? 3600.0 : fmod(s, 60.0) == 0.0 ? 60.0 : 1.0;

        fprintf(out, "%s%s%c", before, number_text(s / unit, number),
                unit > 60.0  ? 'h'
                : unit > 1.0 ? 'm'
                             : 's');
    }
    fputc('"', out);
}

bool cli_put_json(const cli_option *option, const void *values, FILE *out)
{
    const cli_value value = cli_load(option, values);
    char number[32];

    switch (option->kind) {
    case CLI_FLAG:
        fputs(value.flag ? "true" : "false", out);
        return true;
    case CLI_INT:
    case CLI_SIZE:
        fprintf(out, "%lld", (long long)value.integer);
        return true;
    case CLI_FLOAT:
        fputs(number_text(value.real, number), out);
        return true;
    case CLI_STRING:
        return put_json_text(value.text, out);
    case CLI_CHOICE: {
        const char *word = option->argument;

        for (int i = 0; i < value.choice; i++)
            word += strcspn(word, "|") + 1;
        fprintf(out, "\"%.*s\"", (int)strcspn(word, "|"), word);
        return true;
    }
    case CLI_SPAN:
        put_span(&value.span, out);
        return true;
    case CLI_PAIR:
        fputc('[', out);
        if (!put_json_text(value.pair.first, out))
            return false;
        fputs(", ", out);
        if (!put_json_text(value.pair.second, out))
            return false;
        fputc(']', out);
        return true;
    case CLI_LIST:
        for (size_t i = 0; i < value.list.count; i++) {
            fputs(i == 0 ? "[" : ", ", out);
            if (!put_json_text(value.list.text[i], out))
                return false;
        }
        fputc(']', out);
        return true;
    }
    return false;
}
