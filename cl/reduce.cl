/* SPDX-License-Identifier: BSD-2-Clause */
#include "defs.clh"

/*
 * Sums. The input is cut into parts whose number follows from the shape alone, so the order of the
 * additions never depends on the load of the device. Parts are summed in blocks, and the blocks
 * with compensation (Kahan); the same kernel then sums the parts.
 */

/* sum += x, `lost` keeping what rounding took away. */
#define KAHAN_ADD(sum, lost, x)                                                                    \
    do {                                                                                           \
        const float y_ = (x) - (lost);                                                             \
        const float t_ = (sum) + y_;                                                               \
        (lost) = (t_ - (sum)) - y_;                                                                \
        (sum) = t_;                                                                                \
    } while (0)

/* An infinite sum makes `lost` NaN, which would make the sum NaN too: go on with the plain sum. */
#define KAHAN_GUARD(lost) (lost) = isfinite(lost) ? (lost) : 0.0f

#if CLSEQ_CPU

/* The lanes of a vector, in order. */
static inline float lanes_sum(const floatV x)
{
    float lanes[VW], sum = 0.0f;

    vstoreV(x, 0, lanes);
    for (int i = 0; i < VW; i++)
        sum += lanes[i];
    return sum;
}

#define SUM_BLOCK (256 * VW)

static inline float block_sum(__global const float *x, int n, int square)
{
    floatV s0 = (floatV)(0.0f), s1 = s0, s2 = s0, s3 = s0;
    float rest = 0.0f;
    int i = 0;

    for (; i + 4 * VW <= n; i += 4 * VW) {
        const floatV x0 = vloadV(0, x + i), x1 = vloadV(1, x + i);
        const floatV x2 = vloadV(2, x + i), x3 = vloadV(3, x + i);

        s0 += square ? x0 * x0 : x0;
        s1 += square ? x1 * x1 : x1;
        s2 += square ? x2 * x2 : x2;
        s3 += square ? x3 * x3 : x3;
    }
    for (; i < n; i++)
        rest += square ? x[i] * x[i] : x[i];
    return lanes_sum((s0 + s1) + (s2 + s3)) + rest;
}

static inline void sum_part(__global const float *x, ulong x_stride, ulong n_columns, ulong total,
                            ulong part_length, __global float *out, float beta, int square,
                            ulong part)
{
    const ulong end = min((part + 1) * part_length, total);
    ulong at = part * part_length;
    float sum = 0.0f, lost = 0.0f;

    while (at < end) {
        const ulong row = at / n_columns, column = at - row * n_columns;
        const int n = (int)min(min(n_columns - column, end - at), (ulong)SUM_BLOCK);

        KAHAN_ADD(sum, lost, block_sum(x + row * x_stride + column, n, square));
        KAHAN_GUARD(lost);
        at += (ulong)n;
    }
    out[part] = beta != 0.0f ? sum + beta * out[part] : sum;
}

#define SUM_LOCAL , (ulong)CLSEQ_ID(0)

#else

/* One group per part. */
static inline void sum_part(__global const float *x, ulong x_stride, ulong n_columns, ulong total,
                            ulong part_length, __global float *out, float beta, int square,
                            __local float *partial)
{
    const uint lane = (uint)get_local_id(0), lanes = (uint)get_local_size(0);
    const ulong part = get_group_id(0);
    const ulong end = min((part + 1) * part_length, total);
    const ulong step_rows = lanes / n_columns, step_columns = lanes - step_rows * n_columns;
    ulong at = part * part_length + lane;
    ulong row = at / n_columns, column = at - row * n_columns;
    float sum = 0.0f, lost = 0.0f;

    for (; at < end; at += lanes) {
        const float value = x[row * x_stride + column];

        KAHAN_ADD(sum, lost, square ? value * value : value);
        KAHAN_GUARD(lost);
        row += step_rows;
        column += step_columns;
        if (column >= n_columns) {
            column -= n_columns;
            row++;
        }
    }
    partial[lane] = sum;
    barrier(CLK_LOCAL_MEM_FENCE);
    for (uint half_lanes = lanes / 2; half_lanes > 0; half_lanes /= 2) {
        if (lane < half_lanes)
            partial[lane] += partial[lane + half_lanes];
        barrier(CLK_LOCAL_MEM_FENCE);
    }
    if (lane == 0)
        out[part] = beta != 0.0f ? partial[0] + beta * out[part] : partial[0];
}

#define SUM_LOCAL , partial

#endif

/* x (total / n_columns, n_columns); out has one element per part. */
CLSEQ_KERNEL void sum(__global const float *x, ulong x_offset, ulong x_stride, ulong n_columns,
                      ulong total, ulong part_length, __global float *out, ulong out_offset,
                      float beta CLSEQ_IDS)
{
#if !CLSEQ_CPU
    __local float partial[CLSEQ_GROUP_MAX];
#endif
    sum_part(x + x_offset, x_stride, n_columns, total, part_length, out + out_offset, beta,
             0 SUM_LOCAL);
}

CLSEQ_KERNEL void sum_squares(__global const float *x, ulong x_offset, ulong x_stride,
                              ulong n_columns, ulong total, ulong part_length, __global float *out,
                              ulong out_offset, float beta CLSEQ_IDS)
{
#if !CLSEQ_CPU
    __local float partial[CLSEQ_GROUP_MAX];
#endif
    sum_part(x + x_offset, x_stride, n_columns, total, part_length, out + out_offset, beta,
             1 SUM_LOCAL);
}

/*
 * Column sums of the rows of one segment, or of the products of two matrices: out (segments, N).
 * The rows of a segment are summed in blocks too. Without z (`has_z` is a constant) nothing of it
 * is left.
 */
#define COLUMN_ARGS                                                                                \
    __global const float *x, ulong x_offset, int x_stride, __global float *out, ulong out_offset,  \
        int out_stride, int n_rows, int n_columns, int segment_rows, float beta
#define COLUMN_VALUES                                                                              \
    x, x_offset, x_stride, out, out_offset, out_stride, n_rows, n_columns, segment_rows, beta

#if CLSEQ_CPU

#define ROW_BLOCK      32
#define COLUMN_VECTORS 8

static inline void add_old(__global float *out, floatV sum, float beta)
{
    vstoreV(beta != 0.0f ? sum + beta * vloadV(0, out) : sum, 0, out);
}

/* Vector i of a row; `from` is in x, `other` in z. */
#define TERM(i) (has_z ? vloadV(i, from) * vloadV(i, other) : vloadV(i, from))

/* A work-item owns COLUMN_VECTORS * VW columns of one segment. */
static inline void columns_part(COLUMN_ARGS, __global const float *z, int z_stride,
                                int has_z CLSEQ_IDS)
{
    const int segment = CLSEQ_ID(1);
    const int begin = segment * segment_rows, end = begin + min(segment_rows, n_rows - begin);
    CLSEQ_RUN(first, last, COLUMN_VECTORS * VW, n_columns);
    __global float *to = CLSEQ_ROW(out, out_offset, out_stride, segment);
    int j = first;

    x += x_offset;
    for (; j + COLUMN_VECTORS * VW <= last; j += COLUMN_VECTORS * VW) {
        floatV sum[COLUMN_VECTORS];

        for (int v = 0; v < COLUMN_VECTORS; v++)
            sum[v] = (floatV)(0.0f);
        for (int block = begin; block < end; block += ROW_BLOCK) {
            const int block_end = min(block + ROW_BLOCK, end);
            floatV s0 = (floatV)(0.0f), s1 = s0, s2 = s0, s3 = s0, s4 = s0, s5 = s0, s6 = s0,
                   s7 = s0;

            for (int m = block; m < block_end; m++) {
                __global const float *from = x + (ulong)m * (ulong)x_stride + j;
                __global const float *other = z + (ulong)m * (ulong)z_stride + j;

                s0 += TERM(0);
                s1 += TERM(1);
                s2 += TERM(2);
                s3 += TERM(3);
                s4 += TERM(4);
                s5 += TERM(5);
                s6 += TERM(6);
                s7 += TERM(7);
            }
            sum[0] += s0;
            sum[1] += s1;
            sum[2] += s2;
            sum[3] += s3;
            sum[4] += s4;
            sum[5] += s5;
            sum[6] += s6;
            sum[7] += s7;
        }
        for (int v = 0; v < COLUMN_VECTORS; v++)
            add_old(to + j + v * VW, sum[v], beta);
    }
    for (; j + VW <= last; j += VW) {
        floatV sum = (floatV)(0.0f);

        for (int block = begin; block < end; block += ROW_BLOCK) {
            const int block_end = min(block + ROW_BLOCK, end);
            floatV s = (floatV)(0.0f);

            for (int m = block; m < block_end; m++) {
                __global const float *from = x + (ulong)m * (ulong)x_stride + j;
                __global const float *other = z + (ulong)m * (ulong)z_stride + j;

                s += TERM(0);
            }
            sum += s;
        }
        add_old(to + j, sum, beta);
    }
    for (; j < last; j++) {
        float sum = 0.0f;

        for (int block = begin; block < end; block += ROW_BLOCK) {
            const int block_end = min(block + ROW_BLOCK, end);
            float s = 0.0f;

            for (int m = block; m < block_end; m++) {
                const float value = x[(ulong)m * (ulong)x_stride + (ulong)j];

                s += has_z ? value * z[(ulong)m * (ulong)z_stride + (ulong)j] : value;
            }
            sum += s;
        }
        to[j] = beta != 0.0f ? sum + beta * to[j] : sum;
    }
}

#define COLUMN_LOCAL CLSEQ_PASS

#else

/* A group of (columns, row lanes) owns get_local_size(0) columns of one segment. */
static inline void columns_part(COLUMN_ARGS, __global const float *z, int z_stride, int has_z,
                                __local float *partial)
{
    const int column = (int)get_global_id(0), segment = (int)get_group_id(1);
    const int width = (int)get_local_size(0), lanes = (int)get_local_size(1);
    const int lane = (int)get_local_id(1);
    const int place = lane * width + (int)get_local_id(0);
    const int begin = segment * segment_rows, end = begin + min(segment_rows, n_rows - begin);
    float sum = 0.0f, lost = 0.0f;

    x += x_offset;
    if (column < n_columns) {
        for (int m = begin + lane; m < end; m += lanes) {
            const float value = x[(ulong)m * (ulong)x_stride + (ulong)column];

            KAHAN_ADD(sum, lost,
                      has_z ? value * z[(ulong)m * (ulong)z_stride + (ulong)column] : value);
            KAHAN_GUARD(lost);
        }
    }
    partial[place] = sum;
    barrier(CLK_LOCAL_MEM_FENCE);
    for (int half_lanes = lanes / 2; half_lanes > 0; half_lanes /= 2) {
        if (lane < half_lanes)
            partial[place] += partial[place + half_lanes * width];
        barrier(CLK_LOCAL_MEM_FENCE);
    }
    if (lane == 0 && column < n_columns) {
        __global float *to = CLSEQ_ROW(out, out_offset, out_stride, segment) + column;

        *to = beta != 0.0f ? partial[place] + beta * *to : partial[place];
    }
}

#define COLUMN_LOCAL , partial

#endif

CLSEQ_KERNEL void col_sums(COLUMN_ARGS CLSEQ_IDS)
{
#if !CLSEQ_CPU
    __local float partial[CLSEQ_GROUP_MAX];
#endif
    columns_part(COLUMN_VALUES, x, 0, 0 COLUMN_LOCAL);
}

CLSEQ_KERNEL void col_dots(COLUMN_ARGS, __global const float *z, ulong z_offset,
                           int z_stride CLSEQ_IDS)
{
#if !CLSEQ_CPU
    __local float partial[CLSEQ_GROUP_MAX];
#endif
    columns_part(COLUMN_VALUES, z + z_offset, z_stride, 1 COLUMN_LOCAL);
}
