/* SPDX-License-Identifier: BSD-2-Clause */
#include "opencl/opencl_tune.h"

#include "base/clock.h"
#include "base/file.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define FILE_LIMIT ((size_t)1 << 20)
#define LINE_MAX_  128

/* A candidate must be so much faster than what the rule takes, or noise would choose. */
#define GAIN 1.03

static int32_t round_up(int32_t n)
{
    int32_t power = 1;

    while (power < n && power < CLSEQ_TUNE_SIZE_MAX)
        power *= 2;
    return power;
}

struct clseq_tune_shape clseq_tune_group(struct clseq_tune_shape shape)
{
    shape.m = round_up(shape.m);
    shape.n = round_up(shape.n);
    shape.k = round_up(shape.k);
    return shape;
}

static bool same(const struct clseq_tune_shape *a, const struct clseq_tune_shape *b)
{
    return a->m == b->m && a->n == b->n && a->k == b->k && a->trans_a == b->trans_a &&
           a->trans_b == b->trans_b;
}

static const struct clseq_tune_entry *find(const struct clseq_tune *t,
                                           const struct clseq_tune_shape *group)
{
    for (size_t i = 0; i < t->count; i++) {
        if (same(&t->entries[i].group, group))
            return &t->entries[i];
    }
    return NULL;
}

static clseq_status add(struct clseq_tune *t, const struct clseq_tune_entry *entry)
{
    CLSEQ_TRY(clseq_grow(t->ctx, &t->entries, &t->capacity, t->count + 1, sizeof(*t->entries),
                         "table of products"));
    t->entries[t->count++] = *entry;
    return CLSEQ_OK;
}

static bool is_refused(const struct clseq_tune *t, int candidate)
{
    return (*t->refused >> candidate & 1) != 0;
}

/* ---- the file ---- */

static void line_of(const struct clseq_tune *t, const struct clseq_tune_entry *e,
                    char line[LINE_MAX_])
{
    /* No printing of floating point, which depends on the locale. */
    snprintf(line, LINE_MAX_, "%d %d %d %d %d %s %lld.%lld", (int)e->group.m, (int)e->group.n,
             (int)e->group.k, e->group.trans_a, e->group.trans_b, t->measurer.names[e->candidate],
             (long long)(e->tenths / 10), (long long)(e->tenths % 10));
}

static int candidate_of(const struct clseq_tune *t, const char *name)
{
    for (int i = 0; i < t->measurer.count; i++) {
        if (strcmp(t->measurer.names[i], name) == 0)
            return i;
    }
    return -1;
}

#define REFUSED "refused "

/* "refused NAME": whoever was wrong once stays out. */
static bool parse_refused(struct clseq_tune *t, const char *line)
{
    const int candidate =
        strncmp(line, REFUSED, strlen(REFUSED)) == 0 ? candidate_of(t, line + strlen(REFUSED)) : -1;

    if (candidate >= 0)
        *t->refused |= (uint32_t)1 << candidate;
    return candidate >= 0;
}

/* A line is good when it is what would be written for what was read from it. */
static bool parse(const struct clseq_tune *t, const char *line, struct clseq_tune_entry *ret)
{
    int m = 0, n = 0, k = 0, trans_a = 0, trans_b = 0;
    long long whole = 0, tenth = 0;
    char name[32], again[LINE_MAX_];
    struct clseq_tune_shape group;

    if (sscanf(line, "%5d %5d %5d %1d %1d %31s %12lld.%1lld", &m, &n, &k, &trans_a, &trans_b, name,
               &whole, &tenth) != 8 ||
        whole < 0 || tenth < 0)
        return false;
    ret->group = (struct clseq_tune_shape) { m, n, k, trans_a == 1, trans_b == 1 };
    ret->candidate = candidate_of(t, name);
    ret->tenths = whole * 10 + tenth;
    group = clseq_tune_group(ret->group);
    if (ret->candidate < 0 || !same(&group, &ret->group) ||
        !t->measurer.takes(t->measurer.user, ret->candidate, &group))
        return false;
    line_of(t, ret, again);
    return strcmp(again, line) == 0;
}

/* Add what the file has and the table has not. */
static clseq_status load(struct clseq_tune *t)
{
    char *text = NULL, *next;
    size_t size = 0, damaged = 0;
    clseq_status status = CLSEQ_OK;

    if (access(t->path, R_OK) != 0)
        return CLSEQ_OK;
    status = clseq_file_read(t->ctx, t->path, FILE_LIMIT, &text, &size);
    if (status != CLSEQ_OK) {
        clseq_log(t->ctx, CLSEQ_LOG_DEBUG, "OpenCL: %s", clseq_context_error(t->ctx));
        return status == CLSEQ_ERR_NOMEM ? status : CLSEQ_OK;
    }
    next = strchr(text, '\n');
    if (next)
        *next++ = 0;
    if (!next || strcmp(text, t->header) != 0) {
        clseq_log(t->ctx, CLSEQ_LOG_DEBUG, "OpenCL: %s is of another device, driver or version",
                  t->path);
        next = NULL;
    }
    while (next && *next) {
        char *const line = next, *const end = strchr(line, '\n');
        struct clseq_tune_entry entry;

        next = end ? end + 1 : NULL;
        if (end)
            *end = 0;
        if (line[0] == '#' || (end && parse_refused(t, line)))
            continue;
        if (!end || !parse(t, line, &entry))
            damaged++;
        else if (!find(t, &entry.group))
            CLSEQ_TRY_GOTO(status, out, add(t, &entry));
    }
    if (damaged > 0)
        clseq_log(t->ctx, CLSEQ_LOG_DEBUG, "OpenCL: %s: %zu damaged lines are ignored", t->path,
                  damaged);
out:
    free(text);
    return status;
}

static clseq_status write_lines(const struct clseq_tune *t, clseq_atomic_file *file)
{
    static const char legend[] = "\n# M N K, rounded up to powers of two; A, B transposed; "
                                 "candidate; GFLOP/s, 0 when not measured.\n"
                                 "# Delete this file to measure again.\n";
    char line[LINE_MAX_];

    CLSEQ_TRY(clseq_atomic_write(file, t->header, strlen(t->header)));
    CLSEQ_TRY(clseq_atomic_write(file, legend, sizeof(legend) - 1));
    for (size_t i = 0; i < t->count; i++) {
        line_of(t, &t->entries[i], line);
        strcat(line, "\n");
        CLSEQ_TRY(clseq_atomic_write(file, line, strlen(line)));
    }
    for (int i = 0; i < t->measurer.count; i++) {
        if (!is_refused(t, i))
            continue;
        snprintf(line, sizeof(line), REFUSED "%s\n", t->measurer.names[i]);
        CLSEQ_TRY(clseq_atomic_write(file, line, strlen(line)));
    }
    return CLSEQ_OK;
}

/* Failure is only logged: the choice holds as long as the process. */
static void save(const struct clseq_tune *t)
{
    clseq_atomic_file file;
    clseq_status status = clseq_atomic_open(t->ctx, t->path, &file);

    if (status == CLSEQ_OK) {
        status = write_lines(t, &file);
        if (status == CLSEQ_OK)
            status = clseq_atomic_commit(&file);
        else
            clseq_atomic_abort(&file);
    }
    if (status != CLSEQ_OK)
        clseq_log(t->ctx, CLSEQ_LOG_DEBUG, "OpenCL: choice of products not kept: %s",
                  clseq_context_error(t->ctx));
}

clseq_status clseq_tune_open(clseq_context *ctx, const char *path, const char *header,
                             const struct clseq_tune_measurer *measurer, double seconds,
                             uint32_t *refused, struct clseq_tune *ret)
{
    struct clseq_tune t = {
        .ctx = ctx, .measurer = *measurer, .seconds_left = seconds, .refused = refused
    };
    clseq_status status;

    CLSEQ_TRY_GOTO(status, fail, clseq_strdup(ctx, path, &t.path));
    CLSEQ_TRY_GOTO(status, fail, clseq_strdup(ctx, header, &t.header));
    CLSEQ_TRY_GOTO(status, fail, load(&t));
    *ret = t;
    return CLSEQ_OK;
fail:
    clseq_tune_close(&t);
    return status;
}

void clseq_tune_close(struct clseq_tune *tune)
{
    free(tune->path);
    free(tune->header);
    free(tune->entries);
    *tune = (struct clseq_tune) { .ctx = NULL };
}

/* ---- choosing ---- */

/* CLSEQ_OK, with a warning, when the candidate was found wrong; otherwise the status as it is. */
static clseq_status judge(struct clseq_tune *t, int candidate, clseq_status status)
{
    if (status != CLSEQ_ERR_DEVICE && status != CLSEQ_ERR_BUILD)
        return status;
    clseq_log(t->ctx, CLSEQ_LOG_WARNING, "%s; %s is not used", clseq_context_error(t->ctx),
              t->measurer.names[candidate]);
    *t->refused |= (uint32_t)1 << candidate;
    t->changed = true;
    return CLSEQ_OK;
}

/* Check once per process. */
static clseq_status check(struct clseq_tune *t, int candidate)
{
    const uint32_t bit = (uint32_t)1 << candidate;

    if ((t->checked & bit) || is_refused(t, candidate))
        return CLSEQ_OK;
    CLSEQ_TRY(judge(t, candidate, t->measurer.check(t->measurer.user, candidate)));
    if (!is_refused(t, candidate))
        t->checked |= bit;
    return CLSEQ_OK;
}

static clseq_status measure(struct clseq_tune *t, const struct clseq_tune_shape *shape,
                            int candidate, double *seconds)
{
    *seconds = 0;
    if (is_refused(t, candidate))
        return CLSEQ_OK;
    return judge(t, candidate, t->measurer.measure(t->measurer.user, candidate, shape, seconds));
}

static bool memory_is_short(clseq_status status)
{
    return status == CLSEQ_ERR_NOMEM || status == CLSEQ_ERR_DEVICE_NOMEM ||
           status == CLSEQ_ERR_LIMIT;
}

/* Seconds of every candidate, 0 where there are none. *whole: nothing was left out. */
static clseq_status measure_all(struct clseq_tune *t, const struct clseq_tune_shape *shape,
                                double seconds[CLSEQ_TUNE_CANDIDATES], bool *whole)
{
    const struct clseq_tune_measurer *m = &t->measurer;

    *whole = true;
    for (int i = 0; i < m->count; i++) {
        clseq_status status;
        double start;

        seconds[i] = 0;
        if (is_refused(t, i) || !m->takes(m->user, i, shape))
            continue;
        if (t->seconds_left <= 0) {
            *whole = false;
            continue;
        }
        if (!t->told)
            clseq_log(t->ctx, CLSEQ_LOG_INFO,
                      "measuring matrix products (once per device and driver, at most %.0f s)...",
                      t->seconds_left);
        t->told = true;
        /* What compiling takes once is no reason to leave the rest unmeasured. */
        status = check(t, i);
        start = clseq_seconds();
        if (status == CLSEQ_OK)
            status = measure(t, shape, i, &seconds[i]);
        t->seconds_left -= clseq_seconds() - start;
        if (memory_is_short(status))
            *whole = false;
        else
            CLSEQ_TRY(status);
    }
    return CLSEQ_OK;
}

/* A group that is new. */
static clseq_status decide(struct clseq_tune *t, const struct clseq_tune_shape *shape,
                           struct clseq_tune_entry *entry)
{
    const double flops = 2.0 * shape->m * shape->n * shape->k;
    double seconds[CLSEQ_TUNE_CANDIDATES];
    bool whole = false;
    const clseq_status status = measure_all(t, shape, seconds, &whole);
    int best;

    t->measurer.done(t->measurer.user);
    CLSEQ_TRY(status);
    entry->candidate = best = t->measurer.rule(t->measurer.user, shape);
    entry->tenths = 0;
    if (!whole || seconds[best] <= 0)
        return CLSEQ_OK;
    for (int i = 0; i < t->measurer.count; i++) {
        const double must_beat = best == entry->candidate ? seconds[best] / GAIN : seconds[best];

        if (seconds[i] > 0 && seconds[i] < must_beat)
            best = i;
    }
    entry->candidate = best;
    entry->tenths = (int64_t)(flops / seconds[best] * 1e-8 + 0.5);
    return CLSEQ_OK;
}

clseq_status clseq_tune_choose(struct clseq_tune *tune, const struct clseq_tune_shape *shape,
                               int *ret)
{
    const struct clseq_tune_shape group = clseq_tune_group(*shape);
    const struct clseq_tune_entry *known = find(tune, &group);

    if (!known) {
        struct clseq_tune_entry entry = { .group = group };

        CLSEQ_TRY(decide(tune, shape, &entry));
        /* Another process may have been faster: its choice is the one that stays. */
        CLSEQ_TRY(load(tune));
        if (!find(tune, &group))
            CLSEQ_TRY(add(tune, &entry));
        known = find(tune, &group);
        tune->changed = true;
    }
    CLSEQ_TRY(check(tune, known->candidate));
    if (tune->changed)
        save(tune);
    tune->changed = false;
    *ret = is_refused(tune, known->candidate) ? tune->measurer.rule(tune->measurer.user, shape)
                                              : known->candidate;
    return CLSEQ_OK;
}
