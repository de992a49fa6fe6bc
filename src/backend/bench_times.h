/* SPDX-License-Identifier: BSD-2-Clause */
/* The times of a benchmark's repetitions, each with the device's FMA peak at that moment. */
#ifndef CLSEQ_BENCH_TIMES_H
#define CLSEQ_BENCH_TIMES_H

#include <clseq/bench.h>

struct clseq_bench_times {
    clseq_backend *be; /* borrowed */
    double *seconds;   /* owned */
    double *peaks;     /* GFLOP/s, owned */
    int count, capacity;
};

/* Room for `capacity` repetitions, at least one. Errors: CLSEQ_ERR_NOMEM. Free with _fini, also
 * after an error. */
CLSEQ_MUST_CHECK clseq_status clseq_bench_times_init(struct clseq_bench_times *times,
                                                     clseq_context *ctx, clseq_backend *be,
                                                     int capacity);
void clseq_bench_times_fini(struct clseq_bench_times *times);

/* Add one repetition, which has just ended, and measure the peak. */
CLSEQ_MUST_CHECK clseq_status clseq_bench_times_add(struct clseq_bench_times *times,
                                                    double seconds);

/* Fill in the times of *ret, and its figures from the median for `operations` floating-point
 * operations and `tokens` target tokens a repetition. Sorts what was measured. */
void clseq_bench_times_end(struct clseq_bench_times *times, double operations, double tokens,
                           struct clseq_bench_result *ret);

#endif
