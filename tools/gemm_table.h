/* SPDX-License-Identifier: BSD-2-Clause */
/* `clseq bench gemm`: every provider of matrix products, at the shapes that a model uses. */
#ifndef CLSEQ_GEMM_TABLE_H
#define CLSEQ_GEMM_TABLE_H

#include "device_options.h"

#include <clseq/bench.h>

struct gemm_table {
    clseq_context *ctx;                  /* borrowed */
    clseq_backend *be;                   /* borrowed; what it would take is marked */
    const struct device_options *device; /* with a --gemm other than auto only that one is timed */
    struct clseq_peaks peaks;            /* of `be` */
    int steps;
    double limit; /* seconds for one provider and product */
    bool json;
};

clseq_status gemm_table_print(const struct gemm_table *table, const struct clseq_bench_size *size);

#endif
