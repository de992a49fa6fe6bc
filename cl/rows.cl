/* SPDX-License-Identifier: BSD-2-Clause */
#include "defs.clh"

/* Words, not floats, as in copy. */
CLSEQ_KERNEL void row_gather(__global const uint *src, ulong src_offset, int src_stride,
                             int n_src_rows, __global const int *index, ulong index_offset,
                             __global uint *dst, ulong dst_offset, int dst_stride, int n_rows,
                             int n_columns, int chunk CLSEQ_IDS)
{
    CLSEQ_RUN(first, last, chunk, n_columns);

    for (int row = CLSEQ_ID(1); row < n_rows; row += CLSEQ_SIZE(1)) {
        const int named = index[index_offset + (ulong)row];
        const int inside = named >= 0 && named < n_src_rows;
        const uint other = named == -1 ? 0u : 0x7FC00000u; /* NaN */
        __global const uint *from = CLSEQ_ROW(src, src_offset, src_stride, inside ? named : 0);
        __global uint *to = CLSEQ_ROW(dst, dst_offset, dst_stride, row);
        int j = first;

        for (; j + VW <= last; j += VW)
            vstoreV(inside ? vloadV(0, from + j) : (uintV)(other), 0, to + j);
        for (; j < last; j++)
            to[j] = inside ? from[j] : other;
    }
}

CLSEQ_KERNEL void row_scatter(__global const uint *src, ulong src_offset, int src_stride,
                              __global const int *index, ulong index_offset, __global uint *dst,
                              ulong dst_offset, int dst_stride, int n_dst_rows, int n_rows,
                              int n_columns, int chunk CLSEQ_IDS)
{
    CLSEQ_RUN(first, last, chunk, n_columns);

    for (int row = CLSEQ_ID(1); row < n_rows; row += CLSEQ_SIZE(1)) {
        const int named = index[index_offset + (ulong)row];

        if (named >= 0 && named < n_dst_rows) {
            __global const uint *from = CLSEQ_ROW(src, src_offset, src_stride, row);
            __global uint *to = CLSEQ_ROW(dst, dst_offset, dst_stride, named);
            int j = first;

            for (; j + VW <= last; j += VW)
                vstoreV(vloadV(0, from + j), 0, to + j);
            for (; j < last; j++)
                to[j] = from[j];
        }
    }
}

/* Words, as in copy. y may be x: what is kept is read before anything is written. */
CLSEQ_KERNEL void keep_target(__global const uint *x, ulong x_offset, int x_stride,
                              __global const int *target, ulong target_offset, __global uint *y,
                              ulong y_offset, int y_stride, int first_column, int n_rows,
                              int n_columns, int chunk CLSEQ_IDS)
{
    const uint low = 0xFF800000u; /* -infinity */
    CLSEQ_RUN(first, last, chunk, n_columns);

    for (int row = CLSEQ_ID(1); row < n_rows; row += CLSEQ_SIZE(1)) {
        const int named = target[target_offset + (ulong)row];
        /* A column below first_column is none of these, and the difference may overflow. */
        const int wanted = named < first_column ? -1 : named - first_column;
        const int is_here = wanted >= first && wanted < last;
        const uint kept = is_here ? CLSEQ_ROW(x, x_offset, x_stride, row)[wanted] : low;
        __global uint *to = CLSEQ_ROW(y, y_offset, y_stride, row);
        int j = first;

        for (; j + VW <= last; j += VW)
            vstoreV((uintV)(low), 0, to + j);
        for (; j < last; j++)
            to[j] = low;
        if (is_here)
            to[wanted] = kept;
    }
}

/* One owner per row and run of columns, so the order of the sum is that of `order`. */
CLSEQ_KERNEL void embedding_bwd(__global const float *dy, ulong dy_offset, int dy_stride,
                                int n_dy_rows, __global const int *order, ulong order_offset,
                                int n_order, __global const int *start, ulong start_offset,
                                __global float *drow, ulong drow_offset, int drow_stride,
                                int n_rows, int n_columns, int chunk CLSEQ_IDS)
{
    CLSEQ_RUN(first, last, chunk, n_columns);

    order += order_offset;
    start += start_offset;
    dy += dy_offset;
    for (int row = CLSEQ_ID(1); row < n_rows; row += CLSEQ_SIZE(1)) {
        const int begin = max(start[row], 0), end = min(start[row + 1], n_order);
        __global float *to = CLSEQ_ROW(drow, drow_offset, drow_stride, row);
        int j = first;

#if CLSEQ_CPU
        for (; j + 4 * VW <= last; j += 4 * VW) {
            floatV s0 = (floatV)(0.0f), s1 = s0, s2 = s0, s3 = s0;

            for (int p = begin; p < end; p++) {
                const int m = order[p];

                if (m >= 0 && m < n_dy_rows) {
                    __global const float *from = dy + (ulong)m * (ulong)dy_stride + j;

                    s0 += vloadV(0, from);
                    s1 += vloadV(1, from);
                    s2 += vloadV(2, from);
                    s3 += vloadV(3, from);
                }
            }
            vstoreV(s0, 0, to + j);
            vstoreV(s1, 1, to + j);
            vstoreV(s2, 2, to + j);
            vstoreV(s3, 3, to + j);
        }
#endif
        for (; j < last; j++) {
            float s = 0.0f;

            for (int p = begin; p < end; p++) {
                const int m = order[p];

                if (m >= 0 && m < n_dy_rows)
                    s += dy[(ulong)m * (ulong)dy_stride + (ulong)j];
            }
            to[j] = s;
        }
    }
}
