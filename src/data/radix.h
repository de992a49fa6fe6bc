/* SPDX-License-Identifier: BSD-2-Clause */
/* Sorting numbers without allocating (qsort may) and in linear time. */
#ifndef CLSEQ_RADIX_H
#define CLSEQ_RADIX_H

#include <stddef.h>
#include <stdint.h>

/* Sort keys[0 .. n) ascending by the bits from `first_bit` up; keys equal there keep their order.
 * `scratch` has room for n keys. */
void clseq_radix_sort(uint64_t *keys, uint64_t *scratch, size_t n, unsigned first_bit);

#endif
