/* SPDX-License-Identifier: BSD-2-Clause */
#include "run_log.h"

#include <jansson.h>

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

static bool add_point(struct run_curve *curve, double update, double loss)
{
    if (curve->count == curve->capacity) {
        const size_t capacity = curve->capacity ? 2 * curve->capacity : 64;
        double *x = realloc(curve->update, capacity * sizeof(*x)), *y;

        if (!x)
            return false;
        curve->update = x;
        y = realloc(curve->loss, capacity * sizeof(*y));
        if (!y)
            return false;
        curve->loss = y;
        curve->capacity = capacity;
    }
    curve->update[curve->count] = update;
    curve->loss[curve->count++] = loss;
    return true;
}

/* Forget what comes after `update`. */
static void cut(struct run_curve *curve, double update)
{
    while (curve->count > 0 && curve->update[curve->count - 1] > update)
        curve->count--;
}

static double number(const json_t *event, const char *key)
{
    return json_number_value(json_object_get(event, key));
}

/* False only when memory is out. */
static bool read_event(struct run_log *log, const json_t *event)
{
    const char *kind = json_string_value(json_object_get(event, "event"));
    const char *why = json_string_value(json_object_get(event, "why"));
    const double update = number(event, "update"), loss = number(event, "loss");

    if (!kind)
        return true;
    log->complete = false;
    if (update >= 0)
        log->updates = (uint64_t)update;
    if (json_object_get(event, "seconds"))
        log->seconds = number(event, "seconds");
    if (json_object_get(event, "epoch"))
        log->epochs = number(event, "epoch");
    if (strcmp(kind, "start") == 0 || strcmp(kind, "resume") == 0) {
        log->started = true;
        cut(&log->train, update);
        cut(&log->valid, update);
    } else if (strcmp(kind, "update") == 0) {
        return add_point(&log->train, update, loss < 0 ? (double)NAN : loss);
    } else if (strcmp(kind, "valid") == 0) {
        return add_point(&log->valid, update, loss < 0 ? (double)NAN : loss);
    } else if (strcmp(kind, "stop") == 0) {
        log->complete = why && strcmp(why, "asked") != 0;
    }
    return true;
}

bool run_log_read(const char *path, struct run_log *ret)
{
    FILE *file = fopen(path, "r");
    char *line = NULL;
    size_t size = 0;
    ssize_t length;
    bool ok = true;
    int code = 0;

    *ret = (struct run_log) { 0 };
    if (!file)
        return errno == ENOENT;
    errno = 0;
    while (ok && (length = getline(&line, &size, file)) >= 0) {
        json_t *event = json_loadb(line, (size_t)length, 0, NULL);

        ok = read_event(ret, event);
        json_decref(event);
    }
    if (!ok || !feof(file)) {
        ok = false;
        code = errno ? errno : ENOMEM;
    }
    free(line);
    fclose(file);
    if (!ok) {
        run_log_fini(ret);
        errno = code;
    }
    return ok;
}

void run_log_fini(struct run_log *log)
{
    free(log->train.update);
    free(log->train.loss);
    free(log->valid.update);
    free(log->valid.loss);
    *log = (struct run_log) { 0 };
}
