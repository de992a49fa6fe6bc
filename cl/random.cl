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

#if CLSEQ_CPU

#define ulongV         CLSEQ_JOIN(ulong, VW)
#define convert_uintV  CLSEQ_JOIN(convert_uint, VW)
#define convert_ulongV CLSEQ_JOIN(convert_ulong, VW)
#define convert_floatV CLSEQ_JOIN(convert_float, VW)
#define FIRST_4(x)     (x).s0123
#define FIRST_8(x)     (x).s01234567
#define FIRST_16(x)    (x)
#define MULHI_V(a, b)  convert_uintV((convert_ulongV(b) * (ulong)(a)) >> (ulong)32)

/* clseq_philox_unit() of a vector. */
static inline floatV units_v(uintV words)
{
    return convert_floatV(words >> 8u) * 5.9604644775390625e-8f;
}

/* low + width * u for the VW blocks from `block` on, which end in the same row. The upper word of
 * their numbers is the same. */
static inline void uniform_v(__global float *to, ulong block, uint stream, uint purpose, uint key0,
                             uint key1, float low, float width)
{
    const uint16 lanes = (uint16)(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
    uintV c0 = CLSEQ_JOIN(FIRST_, VW)(lanes) + (uint)block, c1 = (uint)(block >> 32);
    uintV c2 = stream, c3 = purpose;
    float numbers[4][VW];

    CLSEQ_PHILOX_ROUNDS(uintV, MULHI_V, c0, c1, c2, c3, key0, key1)
    vstoreV(low + units_v(c0) * width, 0, numbers[0]);
    vstoreV(low + units_v(c1) * width, 0, numbers[1]);
    vstoreV(low + units_v(c2) * width, 0, numbers[2]);
    vstoreV(low + units_v(c3) * width, 0, numbers[3]);
    for (int i = 0; i < VW; i++)
        vstore4((float4)(numbers[0][i], numbers[1][i], numbers[2][i], numbers[3][i]), (size_t)i,
                to);
}

/* Whether uniform_v() may make the blocks from `block` on, and where they go. */
static inline int has_room(ulong block, ulong last, ulong stride, ulong n_columns, ulong *at)
{
    const ulong row = block * 4 / n_columns, column = block * 4 - row * n_columns;

    *at = row * stride + column;
    return block + VW <= last && column + 4 * VW <= n_columns && (uint)block <= 0xFFFFFFFFu - VW;
}

#endif

/* A work-item makes `n_blocks` blocks of four numbers. */
CLSEQ_KERNEL void uniform(__global float *dst, ulong dst_offset, int dst_stride, int n_columns,
                          ulong total, int n_blocks, uint key0, uint key1, uint purpose,
                          uint stream, float low, float width)
{
    const ulong first = (ulong)get_global_id(0) * (ulong)n_blocks;
    const ulong last = min(first + (ulong)n_blocks, (total + 3) / 4);
    ulong block = first;

    while (block < last) {
#if CLSEQ_CPU
        ulong at;

        if (has_room(block, last, (ulong)dst_stride, (ulong)n_columns, &at)) {
            uniform_v(dst + dst_offset + at, block, stream, purpose, key0, key1, low, width);
            block += VW;
            continue;
        }
#endif
        store_four(dst + dst_offset, (ulong)dst_stride, (ulong)n_columns, block * 4, total,
                   low + four_units(block, stream, purpose, key0, key1) * width);
        block++;
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

/* The factors of 4 VW elements, from those of block `block` on: 0 where the number is below p. */
static inline void dropout_factors(float *factors, uint block, uint step, uint stream, uint purpose,
                                   uint key0, uint key1, float p, float scale)
{
#if CLSEQ_CPU
    const uint16 lanes = (uint16)(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
    const floatV dropped = (floatV)(0.0f), kept = (floatV)(scale);
    uintV c0 = CLSEQ_JOIN(FIRST_, VW)(lanes) + block, c1 = step, c2 = stream, c3 = purpose;
    float numbers[4][VW];

    CLSEQ_PHILOX_ROUNDS(uintV, MULHI_V, c0, c1, c2, c3, key0, key1)
    vstoreV(units_v(c0) < p ? dropped : kept, 0, numbers[0]);
    vstoreV(units_v(c1) < p ? dropped : kept, 0, numbers[1]);
    vstoreV(units_v(c2) < p ? dropped : kept, 0, numbers[2]);
    vstoreV(units_v(c3) < p ? dropped : kept, 0, numbers[3]);
    for (int i = 0; i < VW; i++)
        vstore4((float4)(numbers[0][i], numbers[1][i], numbers[2][i], numbers[3][i]), (size_t)i,
                factors);
#else
    const clseq_philox_block words = clseq_philox(block, step, stream, purpose, key0, key1);

    for (int i = 0; i < 4; i++)
        factors[i] = clseq_philox_unit(words.v[i]) < p ? 0.0f : scale;
#endif
}

/* y may be x. With `same` the numbers of a row serve all planes. */
CLSEQ_KERNEL void dropout(__global const float *x, ulong x_offset, int x_plane, int x_stride,
                          __global float *y, ulong y_offset, int y_plane, int y_stride,
                          int n_planes, int n_rows, int n_columns, int chunk, int same, uint key0,
                          uint key1, uint purpose, uint stream, uint step, float p,
                          float scale CLSEQ_IDS)
{
    CLSEQ_RUN(first, last, chunk, n_columns);
    const int n_masks = same ? 1 : n_planes, n_served = same ? n_planes : 1;
    float factors[4 * VW];

    for (int mask = CLSEQ_ID(2); mask < n_masks; mask += CLSEQ_SIZE(2)) {
        for (int row = CLSEQ_ID(1); row < n_rows; row += CLSEQ_SIZE(1)) {
            const ulong start = ((ulong)mask * (ulong)n_rows + (ulong)row) * (ulong)n_columns;
            const ulong begin = start + (ulong)first, end = start + (ulong)last;

            /* A row may begin and end inside a block of four. */
            for (ulong at = begin / 4 * 4; at < end; at += 4 * VW) {
                const int low = at < begin ? (int)(begin - at) : 0;
                const int high = (int)min((ulong)(4 * VW), end - at);
                const ulong column = at + (ulong)low - start;

                dropout_factors(factors, (uint)(at / 4), step, stream, purpose, key0, key1, p,
                                scale);
                for (int plane = mask; plane < mask + n_served; plane++) {
                    __global const float *from =
                        CLSEQ_ROW(CLSEQ_ROW(x, x_offset, x_plane, plane), column, x_stride, row);
                    __global float *to =
                        CLSEQ_ROW(CLSEQ_ROW(y, y_offset, y_plane, plane), column, y_stride, row);
                    int j = low;

                    for (; j + VW <= high; j += VW, from += VW, to += VW)
                        vstoreV(vloadV(0, from) * vloadV(0, factors + j), 0, to);
                    for (; j < high; j++, from++, to++)
                        *to = *from * factors[j];
                }
            }
        }
    }
}
