/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef CLSEQ_CLOCK_H
#define CLSEQ_CLOCK_H

#include <time.h>

/* Seconds on a clock that never goes back. */
static inline double clseq_seconds(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

#endif
