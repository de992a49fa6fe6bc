/* SPDX-License-Identifier: BSD-2-Clause */
#include "defs.clh"

/*
 * argmax and topk compare keys: integers in the order of the floats, -0 and 0 being equal. So they
 * are exact on devices that treat denormal numbers as 0, and a NaN is simply a key outside
 * [-KEY_INFINITY, KEY_INFINITY].
 */
#define KEY_INFINITY 0x7F800000
#define KEY_NAN      0x7FFFFFFF /* stands for any NaN: larger than all numbers */

static inline int key_of(const int bits)
{
    return bits < 0 ? (int)0x80000000 - bits : bits;
}

#if CLSEQ_CPU

static inline intV key_of_vector(const intV bits)
{
    return bits < 0 ? (intV)((int)0x80000000) - bits : bits;
}

static inline int is_nan_key(const int key)
{
    return key > KEY_INFINITY || key < -KEY_INFINITY;
}

/* Elements looked at together. llvmpipe gives up on a work-item after 65535 turns of all its loops,
 * so rows of a whole vocabulary must need fewer. */
#define SELECT_BLOCK (4 * VW)

/* The largest and the smallest key first, then its first position. A work-item per row. */
CLSEQ_KERNEL void argmax(__global const int *x, ulong x_offset, int x_stride, __global int *index,
                         ulong index_offset, int n_rows, int n_columns CLSEQ_IDS)
{
    const int row = CLSEQ_ID(0);

    if (row >= n_rows)
        return;
    __global const int *from = CLSEQ_ROW(x, x_offset, x_stride, row);
    int largest = key_of(from[0]), smallest = largest, j = 0, best = -1;

    if (n_columns >= SELECT_BLOCK) {
        intV high = (intV)(largest), low = high;
        int lanes[2 * VW];

        for (; j + SELECT_BLOCK <= n_columns; j += SELECT_BLOCK) {
            const intV k0 = key_of_vector(vloadV(0, from + j));
            const intV k1 = key_of_vector(vloadV(1, from + j));
            const intV k2 = key_of_vector(vloadV(2, from + j));
            const intV k3 = key_of_vector(vloadV(3, from + j));

            high = max(high, max(max(k0, k1), max(k2, k3)));
            low = min(low, min(min(k0, k1), min(k2, k3)));
        }
        vstoreV(high, 0, lanes);
        vstoreV(low, 1, lanes);
        for (int i = 0; i < VW; i++) {
            largest = max(largest, lanes[i]);
            smallest = min(smallest, lanes[VW + i]);
        }
    }
    for (; j < n_columns; j++) {
        largest = max(largest, key_of(from[j]));
        smallest = min(smallest, key_of(from[j]));
    }
    if (!is_nan_key(largest) && !is_nan_key(smallest)) {
        for (best = 0; best + SELECT_BLOCK <= n_columns; best += SELECT_BLOCK) {
            const intV is_here = (key_of_vector(vloadV(0, from + best)) == largest) |
                                 (key_of_vector(vloadV(1, from + best)) == largest) |
                                 (key_of_vector(vloadV(2, from + best)) == largest) |
                                 (key_of_vector(vloadV(3, from + best)) == largest);

            if (anyV(is_here))
                break;
        }
        while (key_of(from[best]) != largest)
            best++;
    }
    index[index_offset + (ulong)row] = best;
}

/* Put (key, position) into a descending list of `length` entries, a multiple of VW; an equal key
 * goes behind those before it. keys[0] is above every key and stays. From the end, vector by
 * vector: an entry stays, or is the new one, or is the one that stood before it. */
static inline void insert_key(int *keys, int *positions, int length, int key, int position)
{
    for (int i = length - VW; i >= 0; i -= VW) {
        const intV old = vloadV(0, keys + 1 + i), before = vloadV(0, keys + i);
        const intV stays = old >= key, is_here = before >= key;
        const intV old_position = vloadV(0, positions + 1 + i);
        const intV position_before = vloadV(0, positions + i);

        vstoreV(stays ? old : is_here ? (intV)(key) : before, 0, keys + 1 + i);
        vstoreV(stays     ? old_position
                : is_here ? (intV)(position)
                          : position_before,
                0, positions + 1 + i);
    }
}

#define TOPK_MAX 64 /* CLSEQ_TOPK_MAX in op_args.h */

/* A work-item per row keeps a sorted list of the K best so far; few elements of a long row get past
 * the comparison with the last of them. */
CLSEQ_KERNEL void topk(__global const int *x, ulong x_offset, int x_stride, __global int *value,
                       ulong value_offset, int value_stride, __global int *index,
                       ulong index_offset, int index_stride, int n_rows, int n_columns,
                       int K CLSEQ_IDS)
{
    const int row = CLSEQ_ID(0);

    if (row >= n_rows)
        return;
    __global const int *from = CLSEQ_ROW(x, x_offset, x_stride, row);
    __global int *top_value = CLSEQ_ROW(value, value_offset, value_stride, row);
    __global int *top = CLSEQ_ROW(index, index_offset, index_stride, row);
    const int length = (K + VW - 1) / VW * VW;
    int keys[1 + TOPK_MAX], positions[1 + TOPK_MAX];
    int worst = (int)0x80000000, has_nan = 0, j = 0;

    for (int k = 1; k <= length; k++) {
        keys[k] = worst;
        positions[k] = -1;
    }
    keys[0] = KEY_NAN;
    positions[0] = -1;
    while (j < n_columns && !has_nan) {
        const int stop = min(j + SELECT_BLOCK, n_columns);

        if (stop - j == SELECT_BLOCK) {
            const intV k0 = key_of_vector(vloadV(0, from + j));
            const intV k1 = key_of_vector(vloadV(1, from + j));
            const intV k2 = key_of_vector(vloadV(2, from + j));
            const intV k3 = key_of_vector(vloadV(3, from + j));
            const intV high = max(max(k0, k1), max(k2, k3)), low = min(min(k0, k1), min(k2, k3));

            if (!anyV((high > worst) | (low < -KEY_INFINITY)))
                j = stop;
        }
        for (; j < stop; j++) {
            const int key = key_of(from[j]);

            has_nan |= is_nan_key(key);
            if (key > worst) {
                insert_key(keys, positions, length, key, j);
                worst = keys[K];
            }
        }
    }
    for (int k = 0; k < K; k++) {
        top_value[k] = has_nan ? 0x7FC00000 : from[positions[k + 1]];
        top[k] = has_nan ? -1 : positions[k + 1];
    }
}

#else

/* Does (key, position) come before (other_key, other_position) in the order of topk? */
static inline int comes_before(int key, int position, int other_key, int other_position)
{
    return key > other_key || (key == other_key && position < other_position);
}

/* The first, in the order of topk, of this work-item's elements behind (key, position); *ret_key is
 * below all keys when there is none. */
static inline int next_of_lane(__global const int *from, int n_columns, int key, int position,
                               int *ret_key)
{
    int best = 0x7FFFFFFF, best_key = (int)0x80000000;

    for (int j = (int)get_local_id(0); j < n_columns; j += (int)get_local_size(0)) {
        int candidate = key_of(from[j]);

        candidate = candidate > KEY_INFINITY || candidate < -KEY_INFINITY ? KEY_NAN : candidate;
        if (candidate > best_key && comes_before(key, position, candidate, j)) {
            best_key = candidate;
            best = j;
        }
    }
    *ret_key = best_key;
    return best;
}

/* The first of the group's candidates, in place 0. */
static inline void first_of_group(__local int *keys, __local int *positions)
{
    const int lane = (int)get_local_id(0);

    barrier(CLK_LOCAL_MEM_FENCE);
    for (int half_lanes = (int)get_local_size(0) / 2; half_lanes > 0; half_lanes /= 2) {
        if (lane < half_lanes && comes_before(keys[lane + half_lanes], positions[lane + half_lanes],
                                              keys[lane], positions[lane])) {
            keys[lane] = keys[lane + half_lanes];
            positions[lane] = positions[lane + half_lanes];
        }
        barrier(CLK_LOCAL_MEM_FENCE);
    }
}

/* A group per row. */
CLSEQ_KERNEL void argmax(__global const int *x, ulong x_offset, int x_stride, __global int *index,
                         ulong index_offset, int n_rows, int n_columns CLSEQ_IDS)
{
    __local int keys[CLSEQ_GROUP_MAX], positions[CLSEQ_GROUP_MAX];
    const int lane = (int)get_local_id(0), row = (int)get_group_id(0);
    int key;
    const int position =
        next_of_lane(CLSEQ_ROW(x, x_offset, x_stride, row), n_columns, KEY_NAN, -1, &key);

    keys[lane] = key;
    positions[lane] = position;
    first_of_group(keys, positions);
    if (lane == 0)
        index[index_offset + (ulong)row] = keys[0] == KEY_NAN ? -1 : positions[0];
}

/* A group per row: every work-item offers the first of its own elements, K times the best of the
 * offers is taken, and its owner looks for its next one. */
CLSEQ_KERNEL void topk(__global const int *x, ulong x_offset, int x_stride, __global int *value,
                       ulong value_offset, int value_stride, __global int *index,
                       ulong index_offset, int index_stride, int n_rows, int n_columns,
                       int K CLSEQ_IDS)
{
    __local int keys[CLSEQ_GROUP_MAX], positions[CLSEQ_GROUP_MAX];
    const int lane = (int)get_local_id(0), row = (int)get_group_id(0);
    __global const int *from = CLSEQ_ROW(x, x_offset, x_stride, row);
    __global int *top_value = CLSEQ_ROW(value, value_offset, value_stride, row);
    __global int *top = CLSEQ_ROW(index, index_offset, index_stride, row);
    int key, has_nan = 0;
    int position = next_of_lane(from, n_columns, KEY_NAN, -1, &key);

    for (int k = 0; k < K; k++) {
        keys[lane] = key;
        positions[lane] = position;
        first_of_group(keys, positions);
        const int winner_key = keys[0], winner = positions[0];

        /* all have read the winner before the next round writes */
        barrier(CLK_LOCAL_MEM_FENCE);
        has_nan |= winner_key == KEY_NAN;
        if (lane == 0) {
            top_value[k] = has_nan ? 0x7FC00000 : from[winner];
            top[k] = has_nan ? -1 : winner;
        }
        if (winner == position)
            position = next_of_lane(from, n_columns, winner_key, winner, &key);
    }
}

#endif
