/* SPDX-License-Identifier: BSD-2-Clause */
#include "data/radix.h"

#include <string.h>

void clseq_radix_sort(uint64_t *keys, uint64_t *scratch, size_t n, unsigned first_bit)
{
    uint64_t differ = 0;

    for (size_t i = 1; i < n; i++)
        differ |= keys[i] ^ keys[0];
    for (unsigned shift = first_bit; shift < 64 && (differ >> shift) != 0; shift += 8) {
        size_t start[256] = { 0 }, sum = 0;

        if (((differ >> shift) & 0xff) == 0)
            continue;
        for (size_t i = 0; i < n; i++)
            start[(keys[i] >> shift) & 0xff]++;
        for (size_t digit = 0; digit < 256; digit++) {
            const size_t count = start[digit];

            start[digit] = sum;
            sum += count;
        }
        for (size_t i = 0; i < n; i++)
            scratch[start[(keys[i] >> shift) & 0xff]++] = keys[i];
        memcpy(keys, scratch, n * sizeof(*keys));
    }
}
