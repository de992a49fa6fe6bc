/* SPDX-License-Identifier: BSD-2-Clause */
#include "backend/bench_times.h"

#include "base/base.h"

#include <stdlib.h>

clseq_status clseq_bench_times_init(struct clseq_bench_times *times, clseq_context *ctx,
                                    clseq_backend *be, int capacity)
{
    *times = (struct clseq_bench_times) { .be = be, .capacity = capacity };
    CLSEQ_TRY(clseq_calloc(ctx, (size_t)capacity, sizeof(double), "benchmark", &times->seconds));
    return clseq_calloc(ctx, (size_t)capacity, sizeof(double), "benchmark", &times->peaks);
}

void clseq_bench_times_fini(struct clseq_bench_times *times)
{
    free(times->seconds);
    free(times->peaks);
    *times = (struct clseq_bench_times) { .be = NULL };
}

clseq_status clseq_bench_times_add(struct clseq_bench_times *times, double seconds)
{
    const int i = times->count;

    times->seconds[i] = seconds;
    times->count++;
    return clseq_backend_peak_now(times->be, &times->peaks[i]);
}

static int by_value(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;

    return (x > y) - (x < y);
}

void clseq_bench_times_end(struct clseq_bench_times *times, double operations, double tokens,
                           struct clseq_bench_result *ret)
{
    const int n = times->count;
    double *shares = times->peaks;

    for (int i = 0; i < n; i++)
        shares[i] =
            times->peaks[i] > 0 ? operations * 1e-9 / times->seconds[i] / times->peaks[i] : 0;
    qsort(shares, (size_t)n, sizeof(*shares), by_value);
    qsort(times->seconds, (size_t)n, sizeof(*times->seconds), by_value);
    ret->ms = 1e3 * times->seconds[n / 2];
    ret->ms_min = 1e3 * times->seconds[0];
    ret->ms_max = 1e3 * times->seconds[n - 1];
    ret->gflops = operations / ret->ms * 1e-6;
    ret->target_tokens_per_s = 1e3 * tokens / ret->ms;
    ret->peak_share = shares[n / 2];
    ret->steps = n;
}
