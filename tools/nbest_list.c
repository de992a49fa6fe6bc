/* SPDX-License-Identifier: BSD-2-Clause */
#include "nbest_list.h"

#include "message.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define BAR "|||"

void nbest_entry_fini(struct nbest_entry *entry)
{
    free(entry->line);
    free(entry->source);
    *entry = (struct nbest_entry) { 0 };
}

/* Cut spaces off both ends. */
static char *trimmed(char *text)
{
    size_t n;

    while (*text == ' ' || *text == '\t')
        text++;
    n = strlen(text);
    while (n > 0 && (text[n - 1] == ' ' || text[n - 1] == '\t'))
        text[--n] = 0;
    return text;
}

/* End the text at the next bar; the place behind it, or NULL. */
static char *cut(char *text)
{
    char *bar = strstr(text, BAR);

    if (!bar)
        return NULL;
    *bar = 0;
    return bar + strlen(BAR);
}

/* The last field of `rest`; what is before it, without the bar, stays in `rest`. */
static char *cut_last(char *rest)
{
    char *last = NULL;

    for (char *at = strstr(rest, BAR); at; at = strstr(at + strlen(BAR), BAR))
        last = at;
    if (!last)
        return NULL;
    *last = 0;
    return last + strlen(BAR);
}

static bool read_number(const char *text, uint64_t *ret)
{
    uint64_t n = 0;

    if (!*text || strlen(text) > 18)
        return false;
    for (; *text; text++) {
        if (*text < '0' || *text > '9')
            return false;
        n = 10 * n + (uint64_t)(*text - '0');
    }
    *ret = n;
    return true;
}

static bool read_score(const char *text, double *ret)
{
    char *end;

    *ret = strtod(text, &end);
    return end != text && *end == 0 && isfinite(*ret);
}

/* What is wrong with the line; NULL when nothing is. */
static const char *parse(struct nbest_entry *e)
{
    char *text = cut(e->line), *rest = text ? cut(text) : NULL, *last;

    if (!rest)
        return "a line of a list is NUMBER ||| TEXT ||| SCORE";
    if (!read_number(trimmed(e->line), &e->number))
        return "the first field must be the number of a sentence";
    e->text = trimmed(text);
    last = cut_last(rest);
    e->features = last ? trimmed(rest) : "";
    e->score_text = trimmed(last ? last : rest);
    if (!read_score(e->score_text, &e->score))
        return "the last field must be a score, a finite number";
    return NULL;
}

clseq_status nbest_list_next(struct nbest_list *list, struct nbest_entry *ret, bool *more,
                             bool *told)
{
    struct nbest_entry e = { 0 };
    const char *line, *wrong;
    size_t length;
    const clseq_status status = clseq_lines_next(list->lines, &line, &length, more);

    if (status != CLSEQ_OK || !*more)
        return status;
    e.line = strdup(line);
    if (!e.line)
        return CLSEQ_ERR_NOMEM;
    wrong = parse(&e);
    if (wrong) {
        cli_error("%s:%llu: %s", clseq_lines_name(list->lines),
                  (unsigned long long)clseq_lines_number(list->lines), wrong);
    } else if (list->begun && e.number < list->last) {
        wrong = "";
        cli_error("%s:%llu: sentence %llu comes behind sentence %llu: sort the list by number",
                  clseq_lines_name(list->lines),
                  (unsigned long long)clseq_lines_number(list->lines), (unsigned long long)e.number,
                  (unsigned long long)list->last);
    }
    if (wrong) {
        nbest_entry_fini(&e);
        *told = true;
        return CLSEQ_ERR_DATA;
    }
    if (!list->begun)
        list->first = e.number;
    list->begun = true;
    list->last = e.number;
    *ret = e;
    return CLSEQ_OK;
}

uint64_t nbest_list_source(const struct nbest_list *list, uint64_t number)
{
    return list->first == 0 ? number + 1 : number;
}
