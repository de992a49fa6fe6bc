/* SPDX-License-Identifier: BSD-2-Clause */
#include "defs.clh"

#include "vmath.clh"

#include "rnn_cell.clh"

DEFINE_RNN_ROW_FWD(rnn_row_fwd, __global)
DEFINE_RNN_ROW_BWD(rnn_row_bwd, __global)
DEFINE_RNN_ROW_ENDED_BWD(rnn_row_ended_bwd, __global)

CLSEQ_KERNEL void rnn_cell_fwd(__global const float *pre, ulong pre_offset, int pre_stride,
                               __global const float *h_prev, ulong h_prev_offset, int h_prev_stride,
                               __global const float *b_ih, ulong b_ih_offset,
                               __global const float *b_hh, ulong b_hh_offset, int has_bias,
                               __global const int *length, ulong length_offset, int has_length,
                               __global float *act, ulong act_offset, int act_stride,
                               __global float *h, ulong h_offset, int h_stride, int t, int n_rows,
                               int H, int chunk CLSEQ_IDS)
{
    CLSEQ_RUN(first, last, chunk, H);

    b_ih += b_ih_offset;
    b_hh += b_hh_offset;
    for (int row = CLSEQ_ID(1); row < n_rows; row += CLSEQ_SIZE(1)) {
        __global const float *x = CLSEQ_ROW(pre, pre_offset, pre_stride, row);
        __global const float *h_old = CLSEQ_ROW(h_prev, h_prev_offset, h_prev_stride, row);
        __global float *a = CLSEQ_ROW(act, act_offset, act_stride, row);
        __global float *h_new = CLSEQ_ROW(h, h_offset, h_stride, row);

        if (has_length && t >= length[length_offset + (ulong)row])
            rnn_row_ended_fwd(h_old, a, h_new, first, last);
        else
            rnn_row_fwd(x, b_ih, b_hh, has_bias, a, h_new, first, last);
    }
}

CLSEQ_KERNEL void rnn_cell_bwd(__global const float *act, ulong act_offset, int act_stride,
                               __global const float *dh, ulong dh_offset, int dh_stride,
                               __global const float *dy, ulong dy_offset, int dy_stride, int has_dy,
                               __global const int *length, ulong length_offset, int has_length,
                               __global float *dpre, ulong dpre_offset, int dpre_stride,
                               __global float *dh_prev, ulong dh_prev_offset, int dh_prev_stride,
                               int t, int n_rows, int H, int chunk CLSEQ_IDS)
{
    CLSEQ_RUN(first, last, chunk, H);

    for (int row = CLSEQ_ID(1); row < n_rows; row += CLSEQ_SIZE(1)) {
        __global const float *a = CLSEQ_ROW(act, act_offset, act_stride, row);
        __global const float *dh_next = CLSEQ_ROW(dh, dh_offset, dh_stride, row);
        __global const float *above = CLSEQ_ROW(dy, dy_offset, dy_stride, row);
        __global float *dx = CLSEQ_ROW(dpre, dpre_offset, dpre_stride, row);
        __global float *dh_old = CLSEQ_ROW(dh_prev, dh_prev_offset, dh_prev_stride, row);

        if (has_length && t >= length[length_offset + (ulong)row])
            rnn_row_ended_bwd(dh_next, above, has_dy, dx, dh_old, first, last);
        else
            rnn_row_bwd(dh_next, above, has_dy, a, dx, dh_old, first, last);
    }
}
