/* SPDX-License-Identifier: BSD-2-Clause */
#include "defs.clh"

#include "vmath.clh"

/* Words of sentence b that count, of n. */
static inline int live_words(__global const int *length, ulong length_offset, int has_length, int b,
                             int n)
{
    return has_length ? clamp(length[length_offset + (ulong)b], 0, n) : n;
}

#if CLSEQ_CPU

/* The first n < VW elements and `rest` in the other lanes: rows are short, so their ends matter. */
static inline floatV load_some(__global const float *x, int n, float rest)
{
    float lanes[VW];

    for (int i = 0; i < VW; i++)
        lanes[i] = i < n ? x[i] : rest;
    return vloadV(0, lanes);
}

static inline void store_some(floatV value, __global float *y, int n)
{
    float lanes[VW];

    vstoreV(value, 0, lanes);
    for (int i = 0; i < n; i++)
        y[i] = lanes[i];
}

/* The lanes of a vector, in order. */
static inline float lanes_total(floatV x)
{
    float lanes[VW], sum = 0.0f;

    vstoreV(x, 0, lanes);
    for (int i = 0; i < VW; i++)
        sum += lanes[i];
    return sum;
}

/* A work-item per row; rows of all sentences one after the other. y may be x. */
CLSEQ_KERNEL void masked_softmax_fwd(__global const float *x, ulong x_offset, ulong x_plane,
                                     int x_stride, __global const int *length, ulong length_offset,
                                     int has_length, __global float *y, ulong y_offset,
                                     ulong y_plane, int y_stride, int n_rows, int n_steps,
                                     int n_columns)
{
    const int row = (int)get_global_id(0), b = row / n_steps, t = row - b * n_steps;

    if (row >= n_rows)
        return;
    __global const float *from = CLSEQ_ROW(x + x_offset + (ulong)b * x_plane, 0, x_stride, t);
    __global float *to = CLSEQ_ROW(y + y_offset + (ulong)b * y_plane, 0, y_stride, t);
    const int live = live_words(length, length_offset, has_length, b, n_columns);
    const int whole = live / VW * VW;
    floatV high = (floatV)(-INFINITY), sum = (floatV)(0.0f);
    float lanes[VW], largest = -INFINITY, total;
    int j;

    /* The largest skips NaN; the sum does not, so a row with a NaN becomes NaN. */
    for (j = 0; j < whole; j += VW) {
        const floatV value = vloadV(0, from + j);

        high = value > high ? value : high;
    }
    vstoreV(high, 0, lanes);
    for (int i = 0; i < VW; i++)
        largest = lanes[i] > largest ? lanes[i] : largest;
    for (; j < live; j++)
        largest = from[j] > largest ? from[j] : largest;

    for (j = 0; j < whole; j += VW) {
        const floatV e = exp_negative_v(vloadV(0, from + j) - largest);

        sum += e;
        vstoreV(e, 0, to + j);
    }
    if (j < live) {
        const floatV e = exp_negative_v(load_some(from + j, live - j, -INFINITY) - largest);

        store_some(e, to + j, live - j);
        sum += load_some(to + j, live - j, 0.0f);
    }
    total = lanes_total(sum);
    for (j = 0; j < whole; j += VW)
        vstoreV(vloadV(0, to + j) / total, 0, to + j);
    for (; j < live; j++)
        to[j] /= total;
    for (; j < n_columns; j++)
        to[j] = 0.0f;
}

/* A work-item per row. dx may be dy. */
CLSEQ_KERNEL void masked_softmax_bwd(__global const float *y, ulong y_offset, ulong y_plane,
                                     int y_stride, __global const float *dy, ulong dy_offset,
                                     ulong dy_plane, int dy_stride, __global float *dx,
                                     ulong dx_offset, ulong dx_plane, int dx_stride, int n_rows,
                                     int n_steps, int n_columns)
{
    const int row = (int)get_global_id(0), b = row / n_steps, t = row - b * n_steps;

    if (row >= n_rows)
        return;
    __global const float *value = CLSEQ_ROW(y + y_offset + (ulong)b * y_plane, 0, y_stride, t);
    __global const float *from = CLSEQ_ROW(dy + dy_offset + (ulong)b * dy_plane, 0, dy_stride, t);
    __global float *to = CLSEQ_ROW(dx + dx_offset + (ulong)b * dx_plane, 0, dx_stride, t);
    const int whole = n_columns / VW * VW, rest = n_columns - whole;
    floatV sum = (floatV)(0.0f);
    float total;

    for (int j = 0; j < whole; j += VW)
        sum += vloadV(0, value + j) * vloadV(0, from + j);
    if (rest > 0)
        sum += load_some(value + whole, rest, 0.0f) * load_some(from + whole, rest, 0.0f);
    total = lanes_total(sum);
    for (int j = 0; j < whole; j += VW)
        vstoreV(vloadV(0, value + j) * (vloadV(0, from + j) - total), 0, to + j);
    for (int j = whole; j < n_columns; j++)
        to[j] = value[j] * (from[j] - total);
}

#else

/* partial[0] becomes the sum, or the largest, of all; every item gets it. */
static inline float group_total(__local float *partial, float mine, int is_largest)
{
    const int lane = (int)get_local_id(0);
    float result;

    partial[lane] = mine;
    barrier(CLK_LOCAL_MEM_FENCE);
    for (int half_lanes = (int)get_local_size(0) / 2; half_lanes > 0; half_lanes /= 2) {
        if (lane < half_lanes) {
            const float other = partial[lane + half_lanes];

            if (is_largest)
                partial[lane] = other > partial[lane] ? other : partial[lane];
            else
                partial[lane] += other;
        }
        barrier(CLK_LOCAL_MEM_FENCE);
    }
    result = partial[0];
    barrier(CLK_LOCAL_MEM_FENCE);
    return result;
}

/* A group per row; rows of all sentences one after the other. y may be x: an item reads and writes
 * its own columns. */
CLSEQ_KERNEL void masked_softmax_fwd(__global const float *x, ulong x_offset, ulong x_plane,
                                     int x_stride, __global const int *length, ulong length_offset,
                                     int has_length, __global float *y, ulong y_offset,
                                     ulong y_plane, int y_stride, int n_rows, int n_steps,
                                     int n_columns)
{
    __local float partial[CLSEQ_GROUP_MAX];
    const int lane = (int)get_local_id(0), lanes = (int)get_local_size(0);
    const int row = (int)get_group_id(0), b = row / n_steps, t = row - b * n_steps;
    __global const float *from = CLSEQ_ROW(x + x_offset + (ulong)b * x_plane, 0, x_stride, t);
    __global float *to = CLSEQ_ROW(y + y_offset + (ulong)b * y_plane, 0, y_stride, t);
    const int live = live_words(length, length_offset, has_length, b, n_columns);
    float high = -INFINITY, sum = 0.0f;

    for (int j = lane; j < live; j += lanes)
        high = from[j] > high ? from[j] : high;
    high = group_total(partial, high, 1);
    for (int j = lane; j < live; j += lanes) {
        const float e = exp_negative_1(from[j] - high);

        sum += e;
        to[j] = e;
    }
    sum = group_total(partial, sum, 0);
    for (int j = lane; j < n_columns; j += lanes)
        to[j] = j < live ? to[j] / sum : 0.0f;
}

/* A group per row. dx may be dy. */
CLSEQ_KERNEL void masked_softmax_bwd(__global const float *y, ulong y_offset, ulong y_plane,
                                     int y_stride, __global const float *dy, ulong dy_offset,
                                     ulong dy_plane, int dy_stride, __global float *dx,
                                     ulong dx_offset, ulong dx_plane, int dx_stride, int n_rows,
                                     int n_steps, int n_columns)
{
    __local float partial[CLSEQ_GROUP_MAX];
    const int lane = (int)get_local_id(0), lanes = (int)get_local_size(0);
    const int row = (int)get_group_id(0), b = row / n_steps, t = row - b * n_steps;
    __global const float *value = CLSEQ_ROW(y + y_offset + (ulong)b * y_plane, 0, y_stride, t);
    __global const float *from = CLSEQ_ROW(dy + dy_offset + (ulong)b * dy_plane, 0, dy_stride, t);
    __global float *to = CLSEQ_ROW(dx + dx_offset + (ulong)b * dx_plane, 0, dx_stride, t);
    float sum = 0.0f;

    for (int j = lane; j < n_columns; j += lanes)
        sum += value[j] * from[j];
    sum = group_total(partial, sum, 0);
    for (int j = lane; j < n_columns; j += lanes)
        to[j] = value[j] * (from[j] - sum);
}

#endif
