/* SPDX-License-Identifier: BSD-2-Clause */
#include "defs.clh"

#include "philox.clh"

/* Put four numbers at `element` and behind, at most up to `total`; rows may end in between. */
static inline void store_four(__global float *dst, ulong stride, ulong n_columns, ulong element,
                              ulong total, float4 numbers)
{
    const ulong row = element / n_columns, column = element - row * n_columns;
    __global float *to = dst + row * stride + column;

    if (column + 4 <= n_columns) {
        vstore4(numbers, 0, to);
    } else {
        const float array[4] = { numbers.x, numbers.y, numbers.z, numbers.w };
        ulong left = n_columns - column;

        for (int i = 0; i < 4 && element + (ulong)i < total; i++, left--, to++) {
            if (left == 0) {
                to += stride - n_columns;
                left = n_columns;
            }
            *to = array[i];
        }
    }
}

/* The four uniform numbers of block `block`. */
static inline float4 four_units(ulong block, uint stream, uint purpose, uint key0, uint key1)
{
    const clseq_philox_block words =
        clseq_philox((uint)block, (uint)(block >> 32), stream, purpose, key0, key1);

    return (float4)(clseq_philox_unit(words.v[0]), clseq_philox_unit(words.v[1]),
                    clseq_philox_unit(words.v[2]), clseq_philox_unit(words.v[3]));
}

/* A work-item makes `n_blocks` blocks of four numbers. */
CLSEQ_KERNEL void uniform(__global float *dst, ulong dst_offset, int dst_stride, int n_columns,
                          ulong total, int n_blocks, uint key0, uint key1, uint purpose,
                          uint stream, float low, float width)
{
    const ulong first = (ulong)get_global_id(0) * (ulong)n_blocks;

    for (ulong block = first; block < first + (ulong)n_blocks && block * 4 < total; block++) {
        const float4 product = four_units(block, stream, purpose, key0, key1) * width;

        store_four(dst + dst_offset, (ulong)dst_stride, (ulong)n_columns, block * 4, total,
                   low + product);
    }
}

/* Box and Muller. cospi and sinpi take 2 u, which is exact; 2 pi u would not be. */
CLSEQ_KERNEL void normal(__global float *dst, ulong dst_offset, int dst_stride, int n_columns,
                         ulong total, int n_blocks, uint key0, uint key1, uint purpose, uint stream,
                         float mean, float std)
{
    const ulong first = (ulong)get_global_id(0) * (ulong)n_blocks;

    for (ulong block = first; block < first + (ulong)n_blocks && block * 4 < total; block++) {
        const float4 u = four_units(block, stream, purpose, key0, key1);
        const float radius0 = sqrt(-2.0f * log(1.0f - u.x)), angle0 = 2.0f * u.y;
        const float radius1 = sqrt(-2.0f * log(1.0f - u.z)), angle1 = 2.0f * u.w;
        const float4 z = (float4)(radius0 * cospi(angle0), radius0 * sinpi(angle0),
                                  radius1 * cospi(angle1), radius1 * sinpi(angle1));

        store_four(dst + dst_offset, (ulong)dst_stride, (ulong)n_columns, block * 4, total,
                   mean + std * z);
    }
}
