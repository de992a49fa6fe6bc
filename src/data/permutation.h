/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A random order of n things without a table: a Feistel network over the smallest
 * power of two that holds n, repeated until the result is below n ("cycle walking",
 * Black and Rogaway, "Ciphers with arbitrary finite domains", CT-RSA 2002). Any n,
 * any position, constant memory, at most two walks on average.
 */
#ifndef CLSEQ_PERMUTATION_H
#define CLSEQ_PERMUTATION_H

#include <stdint.h>

typedef struct clseq_permutation {
    uint64_t seed, n;
    uint32_t epoch;
    unsigned low_bits, high_bits;
} clseq_permutation;

/* n >= 1. */
void clseq_permutation_init(clseq_permutation *permutation, uint64_t seed, uint32_t epoch,
                            uint64_t n);

/* Where position `i` < n goes: a bijection of [0, n). */
uint64_t clseq_permutation_at(const clseq_permutation *permutation, uint64_t i);

#endif
