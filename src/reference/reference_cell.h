/* SPDX-License-Identifier: BSD-2-Clause */
/* What the recurrent cells of the reference path share. */
#ifndef CLSEQ_REFERENCE_CELL_H
#define CLSEQ_REFERENCE_CELL_H

#include "reference/reference_tmpl.h"

#include <math.h>

/* 1 / (1 + exp(-x)) without overflow on either side. */
static inline double sigmoid(double x)
{
    if (x >= 0)
        return 1 / (1 + exp(-x));
    return exp(x) / (1 + exp(x));
}

/* Rows without a length are always live. */
static inline bool is_live(const int32_t *length, int32_t b, int32_t t)
{
    return !length || t < length[b];
}

#endif
