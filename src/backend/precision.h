/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What a backend's precision does to the factors of matrix products (gemm in op_args.h), the same
 * bits on every backend: rounding to nearest, ties to even, to fewer bits of mantissa. The range of
 * exponents stays that of a float, so gradients need no scaling; a number beyond the largest that
 * is left becomes infinity, as in any rounding. Subnormal numbers are rounded like others, NaN
 * stays NaN.
 */
#ifndef CLSEQ_PRECISION_H
#define CLSEQ_PRECISION_H

#include <clseq/backend.h>

#include <stdint.h>
#include <string.h>

/* Bits of a float's mantissa (23) that are dropped: 0, 13 or 16. */
static inline int clseq_precision_dropped(clseq_precision precision)
{
    return precision == CLSEQ_PRECISION_BF16 ? 16 : precision == CLSEQ_PRECISION_TF32 ? 13 : 0;
}

/* The distance from 1 to the next larger number that is left: 2^-7, 2^-10, 2^-23. */
static inline double clseq_precision_ulp(clseq_precision precision)
{
    return 1.0 / (double)(1 << (23 - clseq_precision_dropped(precision)));
}

/* `dropped` from 1 to 22. cl/pointwise.cl and cl/gemm_mma.cl have the same formula. */
static inline float clseq_round_mantissa(float x, int dropped)
{
    const uint32_t half = (uint32_t)1 << (dropped - 1), kept = ~(2 * half - 1);
    uint32_t bits;

    memcpy(&bits, &x, sizeof(bits));
    if ((bits & 0x7fffffff) > 0x7f800000)
        bits |= 0x00400000; /* the bit that makes it NaN may be among those dropped */
    else
        bits += half - 1 + (bits >> dropped & 1);
    bits &= kept;
    memcpy(&x, &bits, sizeof(x));
    return x;
}

static inline double clseq_round_factor(double x, int dropped)
{
    return dropped ? (double)clseq_round_mantissa((float)x, dropped) : x;
}

#endif
