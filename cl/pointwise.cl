/* SPDX-License-Identifier: BSD-2-Clause */
#include "defs.clh"

#include "vmath.clh"

/* Words, not floats: a copy keeps denormal numbers and the bits of a NaN on every device. A tensor
 * of rank 3 is planes of rows. */
CLSEQ_KERNEL void copy(__global const uint *src, ulong src_offset, int src_plane, int src_stride,
                       __global uint *dst, ulong dst_offset, int dst_plane, int dst_stride,
                       int n_planes, int n_rows, int n_columns, int chunk CLSEQ_IDS)
{
    CLSEQ_RUN(first, last, chunk, n_columns);

    for (int plane = CLSEQ_ID(2); plane < n_planes; plane += CLSEQ_SIZE(2)) {
        __global const uint *src_rows = CLSEQ_ROW(src, src_offset, src_plane, plane);
        __global uint *dst_rows = CLSEQ_ROW(dst, dst_offset, dst_plane, plane);

        for (int row = CLSEQ_ID(1); row < n_rows; row += CLSEQ_SIZE(1)) {
            __global const uint *from = CLSEQ_ROW(src_rows, 0, src_stride, row);
            __global uint *to = CLSEQ_ROW(dst_rows, 0, dst_stride, row);
            int j = first;

            for (; j + VW <= last; j += VW)
                vstoreV(vloadV(0, from + j), 0, to + j);
            for (; j < last; j++)
                to[j] = from[j];
        }
    }
}

/* Words to `dropped` fewer bits of mantissa, to nearest, ties to even; as src/backend/precision.h
 * has it. The bit that makes a NaN one may be among those dropped. */
static uintV gemm_rounded(uintV bits, uint dropped)
{
    const uint half_of = 1u << (dropped - 1u);
    const uintV near = bits + (half_of - 1u) + ((bits >> dropped) & 1u);

    return select(near, bits | 0x00400000u, (bits & 0x7fffffffu) > 0x7f800000u) &
           ~(2u * half_of - 1u);
}

static uint gemm_rounded_1(uint bits, uint dropped)
{
    const uint half_of = 1u << (dropped - 1u);
    const uint near = bits + (half_of - 1u) + ((bits >> dropped) & 1u);

    return ((bits & 0x7fffffffu) > 0x7f800000u ? bits | 0x00400000u : near) & ~(2u * half_of - 1u);
}

/* The rows of dst follow each other. */
CLSEQ_KERNEL void gemm_round(__global const uint *src, ulong src_offset, int src_stride,
                             ulong src_plane, __global uint *dst, int n_planes, int n_rows,
                             int n_columns, int chunk, uint dropped CLSEQ_IDS)
{
    CLSEQ_RUN(first, last, chunk, n_columns);

    for (int plane = CLSEQ_ID(2); plane < n_planes; plane += CLSEQ_SIZE(2)) {
        for (int row = CLSEQ_ID(1); row < n_rows; row += CLSEQ_SIZE(1)) {
            __global const uint *from =
                src + src_offset + (ulong)plane * src_plane + (ulong)row * (ulong)src_stride;
            __global uint *to =
                dst + ((ulong)plane * (ulong)n_rows + (ulong)row) * (ulong)n_columns;
            int j = first;

            for (; j + VW <= last; j += VW)
                vstoreV(gemm_rounded(vloadV(0, from + j), dropped), 0, to + j);
            for (; j < last; j++)
                to[j] = gemm_rounded_1(from[j], dropped);
        }
    }
}

/* The same of one matrix to bf16, which is the upper half of a float. */
CLSEQ_KERNEL void gemm_round_bf16(__global const uint *src, ulong src_offset, int src_stride,
                                  __global ushort *dst, int n_rows, int n_columns,
                                  int chunk CLSEQ_IDS)
{
    CLSEQ_RUN(first, last, chunk, n_columns);

    for (int row = CLSEQ_ID(1); row < n_rows; row += CLSEQ_SIZE(1)) {
        __global const uint *from = CLSEQ_ROW(src, src_offset, src_stride, row);
        __global ushort *to = CLSEQ_ROW(dst, 0, n_columns, row);
        int j = first;

#if VW > 1
        for (; j + VW <= last; j += VW)
            vstoreV(CLSEQ_JOIN(convert_ushort, VW)(gemm_rounded(vloadV(0, from + j), 16u) >> 16u),
                    0, to + j);
#endif
        for (; j < last; j++)
            to[j] = (ushort)(gemm_rounded_1(from[j], 16u) >> 16u);
    }
}

CLSEQ_KERNEL void fill(__global uint *dst, ulong dst_offset, int dst_plane, int dst_stride,
                       int n_planes, int n_rows, int n_columns, int chunk, uint word CLSEQ_IDS)
{
    CLSEQ_RUN(first, last, chunk, n_columns);

    for (int plane = CLSEQ_ID(2); plane < n_planes; plane += CLSEQ_SIZE(2)) {
        __global uint *dst_rows = CLSEQ_ROW(dst, dst_offset, dst_plane, plane);

        for (int row = CLSEQ_ID(1); row < n_rows; row += CLSEQ_SIZE(1)) {
            __global uint *to = CLSEQ_ROW(dst_rows, 0, dst_stride, row);
            int j = first;

            for (; j + VW <= last; j += VW)
                vstoreV((uintV)(word), 0, to + j);
            for (; j < last; j++)
                to[j] = word;
        }
    }
}

CLSEQ_KERNEL void bias_add(__global const float *x, ulong x_offset, int x_stride,
                           __global const float *b0, ulong b0_offset, __global const float *b1,
                           ulong b1_offset, int has_b1, __global float *y, ulong y_offset,
                           int y_stride, int n_rows, int n_columns, int chunk CLSEQ_IDS)
{
    CLSEQ_RUN(first, last, chunk, n_columns);

    b0 += b0_offset;
    b1 += b1_offset;
    for (int row = CLSEQ_ID(1); row < n_rows; row += CLSEQ_SIZE(1)) {
        __global const float *from = CLSEQ_ROW(x, x_offset, x_stride, row);
        __global float *to = CLSEQ_ROW(y, y_offset, y_stride, row);
        int j = first;

        for (; j + VW <= last; j += VW) {
            floatV sum = vloadV(0, from + j) + vloadV(0, b0 + j);

            if (has_b1)
                sum += vloadV(0, b1 + j);
            vstoreV(sum, 0, to + j);
        }
        for (; j < last; j++)
            to[j] = has_b1 ? from[j] + b0[j] + b1[j] : from[j] + b0[j];
    }
}

CLSEQ_KERNEL void axpby(__global const float *x, ulong x_offset, int x_stride, __global float *y,
                        ulong y_offset, int y_stride, int n_rows, int n_columns, int chunk,
                        float alpha, float beta CLSEQ_IDS)
{
    CLSEQ_RUN(first, last, chunk, n_columns);

    for (int row = CLSEQ_ID(1); row < n_rows; row += CLSEQ_SIZE(1)) {
        __global const float *from = CLSEQ_ROW(x, x_offset, x_stride, row);
        __global float *to = CLSEQ_ROW(y, y_offset, y_stride, row);
        int j = first;

        for (; j + VW <= last; j += VW) {
            floatV sum = alpha * vloadV(0, from + j);

            if (beta != 0.0f)
                sum += beta * vloadV(0, to + j);
            vstoreV(sum, 0, to + j);
        }
        for (; j < last; j++)
            to[j] = beta != 0.0f ? alpha * from[j] + beta * to[j] : alpha * from[j];
    }
}

CLSEQ_KERNEL void tanh_fwd(__global const float *x, ulong x_offset, int x_plane, int x_stride,
                           __global float *y, ulong y_offset, int y_plane, int y_stride,
                           int n_planes, int n_rows, int n_columns, int chunk CLSEQ_IDS)
{
    CLSEQ_RUN(first, last, chunk, n_columns);

    for (int plane = CLSEQ_ID(2); plane < n_planes; plane += CLSEQ_SIZE(2)) {
        __global const float *x_rows = CLSEQ_ROW(x, x_offset, x_plane, plane);
        __global float *y_rows = CLSEQ_ROW(y, y_offset, y_plane, plane);

        for (int row = CLSEQ_ID(1); row < n_rows; row += CLSEQ_SIZE(1)) {
            __global const float *from = CLSEQ_ROW(x_rows, 0, x_stride, row);
            __global float *to = CLSEQ_ROW(y_rows, 0, y_stride, row);
            int j = first;

            for (; j + VW <= last; j += VW)
                vstoreV(tanh_v(vloadV(0, from + j)), 0, to + j);
            for (; j < last; j++)
                to[j] = tanh_1(from[j]);
        }
    }
}

CLSEQ_KERNEL void tanh_bwd(__global const float *y, ulong y_offset, int y_plane, int y_stride,
                           __global const float *dy, ulong dy_offset, int dy_plane, int dy_stride,
                           __global float *dx, ulong dx_offset, int dx_plane, int dx_stride,
                           int n_planes, int n_rows, int n_columns, int chunk CLSEQ_IDS)
{
    CLSEQ_RUN(first, last, chunk, n_columns);

    for (int plane = CLSEQ_ID(2); plane < n_planes; plane += CLSEQ_SIZE(2)) {
        __global const float *y_rows = CLSEQ_ROW(y, y_offset, y_plane, plane);
        __global const float *dy_rows = CLSEQ_ROW(dy, dy_offset, dy_plane, plane);
        __global float *dx_rows = CLSEQ_ROW(dx, dx_offset, dx_plane, plane);

        for (int row = CLSEQ_ID(1); row < n_rows; row += CLSEQ_SIZE(1)) {
            __global const float *value = CLSEQ_ROW(y_rows, 0, y_stride, row);
            __global const float *from = CLSEQ_ROW(dy_rows, 0, dy_stride, row);
            __global float *to = CLSEQ_ROW(dx_rows, 0, dx_stride, row);
            int j = first;

            for (; j + VW <= last; j += VW) {
                const floatV v = vloadV(0, value + j);

                vstoreV(vloadV(0, from + j) * (1.0f - v * v), 0, to + j);
            }
            for (; j < last; j++)
                to[j] = from[j] * (1.0f - value[j] * value[j]);
        }
    }
}
