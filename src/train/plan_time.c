/* SPDX-License-Identifier: BSD-2-Clause */
#include "train/plan_time.h"

#include <math.h>
#include <stdlib.h>

static struct clseq_plan_line proportional(const struct clseq_plan_sample *sample, int n)
{
    double work = 0, seconds = 0;

    for (int i = 0; i < n; i++) {
        work += sample[i].work;
        seconds += sample[i].seconds;
    }
    return (struct clseq_plan_line) { .b = work > 0 ? seconds / work : 0 };
}

/* Of a line of which the samples decided so many numbers. */
static double error_of(const struct clseq_plan_line *line, const struct clseq_plan_sample *sample,
                       int n, int decided)
{
    double sum = 0;

    if (n <= decided || n < 3)
        return 0;
    for (int i = 0; i < n; i++) {
        const double d = sample[i].seconds - line->a - line->b * sample[i].work;

        sum += d * d;
    }
    return sqrt(sum / (n - decided) / n);
}

struct clseq_plan_line clseq_plan_fit(const struct clseq_plan_sample *sample, int n)
{
    struct clseq_plan_line line = proportional(sample, n);
    double x = 0, y = 0, xx = 0, xy = 0;

    for (int i = 0; i < n; i++) {
        x += sample[i].work / n;
        y += sample[i].seconds / n;
    }
    for (int i = 0; i < n; i++) {
        const double dx = sample[i].work - x;

        xx += dx * dx;
        xy += dx * (sample[i].seconds - y);
    }
    if (xx > 0) {
        const double b = xy / xx, a = y - b * x;

        if (b > 0 && a >= 0) {
            line = (struct clseq_plan_line) { .a = a, .b = b };
            line.error = error_of(&line, sample, n, 2);
            return line;
        }
        if (b <= 0)
            line = (struct clseq_plan_line) { .a = y };
    }
    line.error = error_of(&line, sample, n, 1);
    return line;
}

struct place {
    double work;
    size_t number;
};

static int by_work(const void *a, const void *b)
{
    const struct place *x = a, *y = b;

    if (x->work != y->work)
        return x->work < y->work ? -1 : 1;
    return x->number < y->number ? -1 : 1;
}

int clseq_plan_choose(clseq_context *ctx, const double *work, size_t count,
                      size_t ret[CLSEQ_PLAN_SHARES], clseq_status *status)
{
    static const size_t order[CLSEQ_PLAN_SHARES] = { 4, 1, 7, 0, 8, 2, 6, 3, 5 };
    struct place *places = NULL;
    int n = 0;

    *status = clseq_calloc(ctx, count, sizeof(*places), "plan", &places);
    if (*status != CLSEQ_OK)
        return 0;
    for (size_t i = 0; i < count; i++)
        places[i] = (struct place) { work[i], i };
    qsort(places, count, sizeof(*places), by_work);
    if (count <= CLSEQ_PLAN_SHARES) {
        for (size_t i = 0; i < count; i++)
            ret[n++] = places[i].number;
    } else {
        for (size_t i = 0; i < CLSEQ_PLAN_SHARES; i++)
            ret[n++] = places[(2 * order[i] + 1) * count / (2 * CLSEQ_PLAN_SHARES)].number;
    }
    free(places);
    return n;
}
