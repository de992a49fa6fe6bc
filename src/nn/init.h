/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef CLSEQ_INIT_H
#define CLSEQ_INIT_H

#include "nn/run.h"

enum clseq_init { CLSEQ_INIT_UNIFORM, CLSEQ_INIT_NORMAL };

/* Fill every parameter from Philox, parameter i from stream i: uniform in [-scale, scale) (the 2014
 * paper uses 0.08) or normal with standard deviation `scale`. The numbers depend on the seed and
 * the parameter alone, so every backend starts from the same weights. */
CLSEQ_MUST_CHECK clseq_status clseq_init_params(const clseq_run *run, enum clseq_init kind,
                                                double scale, uint64_t seed);

#endif
