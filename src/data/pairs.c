/* SPDX-License-Identifier: BSD-2-Clause */
/* Parallel text: two files, one TAB-separated file, strings in memory, or a generator. */
#include "base/base.h"

#include <clseq/text.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct clseq_pairs {
    clseq_context *ctx; /* borrowed */
    char *name;
    uint64_t number;

    clseq_lines *source, *target; /* target NULL: TAB-separated; both NULL: not from files */

    const char *const *source_strings, *const *target_strings; /* borrowed */
    size_t string_count;

    clseq_pair_generator generator; /* next NULL: not from a generator */

    char *place;
    size_t place_capacity;
};

static clseq_status create(clseq_context *ctx, const char *name, clseq_pairs **ret)
{
    clseq_pairs *pairs = NULL;
    clseq_status status;

    CLSEQ_TRY(clseq_calloc(ctx, 1, sizeof(*pairs), "parallel text", &pairs));
    pairs->ctx = ctx;
    status = clseq_strdup(ctx, name, &pairs->name);
    if (status != CLSEQ_OK) {
        free(pairs);
        return status;
    }
    *ret = pairs;
    return CLSEQ_OK;
}

void clseq_pairs_close(clseq_pairs **pairs)
{
    clseq_pairs *p = pairs ? *pairs : NULL;

    if (!p)
        return;
    clseq_lines_close(&p->source);
    clseq_lines_close(&p->target);
    free(p->name);
    free(p->place);
    free(p);
    *pairs = NULL;
}

/* "a and b", or "a". */
static clseq_status set_name(clseq_pairs *pairs)
{
    const char *a = clseq_lines_name(pairs->source);
    const char *b = pairs->target ? clseq_lines_name(pairs->target) : "";
    const size_t size = strlen(a) + strlen(b) + sizeof(" and ");
    char *name = NULL;

    CLSEQ_TRY(clseq_calloc(pairs->ctx, size, 1, "file name", &name));
    snprintf(name, size, "%s%s%s", a, pairs->target ? " and " : "", b);
    free(pairs->name);
    pairs->name = name;
    return CLSEQ_OK;
}

clseq_status clseq_pairs_open(clseq_context *ctx, const char *source_path, const char *target_path,
                              size_t limit, clseq_pairs **ret)
{
    clseq_pairs *pairs = NULL;
    clseq_status status;

    if (target_path && strcmp(source_path, "-") == 0 && strcmp(target_path, "-") == 0)
        return clseq_fail(
            ctx, CLSEQ_ERR_ARG,
            "source and target are both \"-\": standard input can only be one of them; "
            "give one \"-\" alone for lines of source TAB target");
    CLSEQ_TRY(create(ctx, source_path, &pairs));
    CLSEQ_TRY_GOTO(status, out, clseq_lines_open(ctx, source_path, limit, &pairs->source));
    if (target_path)
        CLSEQ_TRY_GOTO(status, out, clseq_lines_open(ctx, target_path, limit, &pairs->target));
    CLSEQ_TRY_GOTO(status, out, set_name(pairs));
    *ret = pairs;
    return CLSEQ_OK;
out:
    clseq_pairs_close(&pairs);
    return status;
}

clseq_status clseq_pairs_create_from_strings(clseq_context *ctx, const char *name,
                                             const char *const *source, const char *const *target,
                                             size_t count, clseq_pairs **ret)
{
    clseq_pairs *pairs = NULL;

    CLSEQ_TRY(create(ctx, name, &pairs));
    pairs->source_strings = source;
    pairs->target_strings = target;
    pairs->string_count = count;
    *ret = pairs;
    return CLSEQ_OK;
}

clseq_status clseq_pairs_create_from_generator(clseq_context *ctx,
                                               const clseq_pair_generator *generator,
                                               clseq_pairs **ret)
{
    clseq_pairs *pairs = NULL;

    CLSEQ_TRY(create(ctx, generator->name, &pairs));
    pairs->generator = *generator;
    pairs->generator.name = pairs->name;
    *ret = pairs;
    return CLSEQ_OK;
}

static clseq_status empty(clseq_context *ctx, const clseq_lines *lines)
{
    return clseq_fail(ctx, CLSEQ_ERR_DATA,
                      "%s: the file is empty; it needs one sentence on each line",
                      clseq_lines_name(lines));
}

/* One file ended at this pair, the other did not: count on, so that the message has both counts. */
static clseq_status unequal(clseq_pairs *pairs, bool source_ended)
{
    const char *source = clseq_lines_name(pairs->source), *target = clseq_lines_name(pairs->target);
    uint64_t rest, counts[2];

    if (pairs->number == 0)
        return empty(pairs->ctx, source_ended ? pairs->source : pairs->target);
    CLSEQ_TRY(clseq_lines_count_rest(source_ended ? pairs->target : pairs->source, &rest));
    counts[source_ended ? 0 : 1] = pairs->number;
    counts[source_ended ? 1 : 0] = pairs->number + 1 + rest;
    return clseq_fail(
        pairs->ctx, CLSEQ_ERR_DATA,
        "%s and %s have different line counts (%llu and %llu), so line k of one is not "
        "the translation of line k of the other; the usual cause is a stray or missing "
        "line end",
        source, target, (unsigned long long)counts[0], (unsigned long long)counts[1]);
}

static clseq_status next_of_two(clseq_pairs *pairs, clseq_pair *pair, bool *more)
{
    clseq_pair read = { 0 };
    bool more_source = false, more_target = false;

    CLSEQ_TRY(clseq_lines_next(pairs->source, &read.source, &read.source_length, &more_source));
    CLSEQ_TRY(clseq_lines_next(pairs->target, &read.target, &read.target_length, &more_target));
    if (more_source != more_target)
        return unequal(pairs, !more_source);
    if (!more_source && pairs->number == 0)
        return empty(pairs->ctx, pairs->source);
    *more = more_source;
    if (more_source)
        *pair = read;
    return CLSEQ_OK;
}

static clseq_status next_of_columns(clseq_pairs *pairs, clseq_pair *pair, bool *more)
{
    const char *line = NULL, *tab, *end;
    size_t length = 0;

    CLSEQ_TRY(clseq_lines_next(pairs->source, &line, &length, more));
    if (!*more)
        return pairs->number == 0 ? empty(pairs->ctx, pairs->source) : CLSEQ_OK;
    tab = memchr(line, '\t', length);
    if (!tab)
        return clseq_fail(
            pairs->ctx, CLSEQ_ERR_DATA,
            "%s:%llu: the line has no TAB; with one file, each line must be source TAB "
            "target (or give two files: SRC TGT)",
            clseq_lines_name(pairs->source), (unsigned long long)clseq_lines_number(pairs->source));
    pair->source = line;
    pair->source_length = (size_t)(tab - line);
    length -= pair->source_length + 1;
    end = memchr(tab + 1, '\t', length);
    pair->target = tab + 1;
    pair->target_length = end ? (size_t)(end - tab - 1) : length;
    pair->further_length = length - pair->target_length;
    return CLSEQ_OK;
}

static clseq_status next_of_strings(clseq_pairs *pairs, clseq_pair *pair, bool *more)
{
    const size_t i = (size_t)pairs->number;

    *more = i < pairs->string_count;
    if (*more)
        *pair = (clseq_pair) { .source = pairs->source_strings[i],
                               .target = pairs->target_strings[i],
                               .source_length = strlen(pairs->source_strings[i]),
                               .target_length = strlen(pairs->target_strings[i]) };
    return CLSEQ_OK;
}

static clseq_status generator_failed(clseq_pairs *pairs, clseq_status status)
{
    return clseq_fail(pairs->ctx, status, "%s:%llu: the generator of pairs failed: %s", pairs->name,
                      (unsigned long long)pairs->number + 1, clseq_status_text(status));
}

clseq_status clseq_pairs_next(clseq_pairs *pairs, clseq_pair *pair, bool *more)
{
    clseq_pair read = { 0 };
    bool found = false;

    if (pairs->target) {
        CLSEQ_TRY(next_of_two(pairs, &read, &found));
    } else if (pairs->source) {
        CLSEQ_TRY(next_of_columns(pairs, &read, &found));
    } else if (pairs->generator.next) {
        const clseq_status status = pairs->generator.next(pairs->generator.user, &read, &found);

        if (status != CLSEQ_OK)
            return generator_failed(pairs, status);
    } else {
        CLSEQ_TRY(next_of_strings(pairs, &read, &found));
    }
    if (found) {
        *pair = read;
        pairs->number++;
    }
    *more = found;
    return CLSEQ_OK;
}

clseq_status clseq_pairs_check_rewind(const clseq_pairs *pairs)
{
    const clseq_lines *once = NULL;

    if (pairs->source && !clseq_lines_can_rewind(pairs->source))
        once = pairs->source;
    else if (pairs->target && !clseq_lines_can_rewind(pairs->target))
        once = pairs->target;
    if (!once)
        return CLSEQ_OK;
    return clseq_fail(
        pairs->ctx, CLSEQ_ERR_DATA,
        "%s can be read only once, but training text is read twice (to count its words, "
        "then to encode it): save it to a file first",
        clseq_lines_name(once));
}

clseq_status clseq_pairs_rewind(clseq_pairs *pairs)
{
    if (pairs->number == 0)
        return CLSEQ_OK;
    if (pairs->source)
        CLSEQ_TRY(clseq_lines_rewind(pairs->source));
    if (pairs->target)
        CLSEQ_TRY(clseq_lines_rewind(pairs->target));
    if (pairs->generator.next) {
        const clseq_status status = pairs->generator.rewind(pairs->generator.user);

        if (status != CLSEQ_OK)
            return generator_failed(pairs, status);
    }
    pairs->number = 0;
    return CLSEQ_OK;
}

const char *clseq_pairs_place(clseq_pairs *pairs, bool target)
{
    const char *name = pairs->source ? clseq_lines_name(pairs->source) : pairs->name;
    size_t size;

    if (target && pairs->target)
        name = clseq_lines_name(pairs->target);
    size = strlen(name) + 24;
    /* Without memory for the place, the name alone still helps. */
    if (clseq_grow(pairs->ctx, &pairs->place, &pairs->place_capacity, size, 1, "file name") !=
        CLSEQ_OK)
        return name;
    snprintf(pairs->place, size, "%s:%llu", name, (unsigned long long)pairs->number);
    return pairs->place;
}

uint64_t clseq_pairs_number(const clseq_pairs *pairs)
{
    return pairs->number;
}

const char *clseq_pairs_name(const clseq_pairs *pairs)
{
    return pairs->name;
}
