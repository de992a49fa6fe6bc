/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The time of an epoch from a few updates of it. An update's work is what its batches multiply; its
 * time is taken as a + b work, b >= 0. Which updates are measured follows from the work of all: the
 * middles of equal shares of the sorted epoch, from the middle outwards, so that whatever comes
 * first says most.
 */
#ifndef CLSEQ_PLAN_TIME_H
#define CLSEQ_PLAN_TIME_H

#include "base/base.h"

#include <clseq/bench.h>

#define CLSEQ_PLAN_SHARES 9

/* Multiply-adds of one forward pass: both stacks, attention and the output layer with so many
 * columns. */
double clseq_forward_multiply_adds(const struct clseq_bench_size *z, int32_t columns);

struct clseq_plan_sample {
    double work, seconds;
};

/* seconds = a + b work. */
struct clseq_plan_line {
    double a, b;
    double error; /* standard error at the mean work of the samples; 0 with fewer than 3 */
};

/* Least squares through n >= 1 samples; proportional to the work where all have the same, and where
 * the line would fall or begin below 0. */
struct clseq_plan_line clseq_plan_fit(const struct clseq_plan_sample *sample, int n);

/* Numbers of up to CLSEQ_PLAN_SHARES updates to measure, in the order to do so, out of work[0 ..
 * count), which is more than 0; returns how many, no two the same. Errors by *status:
 * CLSEQ_ERR_NOMEM. */
int clseq_plan_choose(clseq_context *ctx, const double *work, size_t count,
                      size_t ret[CLSEQ_PLAN_SHARES], clseq_status *status);

#endif
