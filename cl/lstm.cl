/* SPDX-License-Identifier: BSD-2-Clause */
#include "defs.clh"

#include "vmath.clh"

#include "lstm_cell.clh"

DEFINE_LSTM_ROW_FWD(lstm_row_fwd, __global)
DEFINE_LSTM_ROW_BWD(lstm_row_bwd, __global)
DEFINE_LSTM_ROW_ENDED_BWD(lstm_row_ended_bwd, __global)
DEFINE_LSTM_ROW_FWD_AS(lstm_peephole_row_fwd, __global, LSTM_PEEPHOLE_PARAMETERS, LSTM_PEEPHOLE_FWD)
DEFINE_LSTM_ROW_BWD_AS(lstm_peephole_row_bwd, __global, LSTM_PEEPHOLE_PARAMETERS, LSTM_PEEPHOLE_BWD)

CLSEQ_KERNEL void
lstm_cell_fwd(__global const float *pre, ulong pre_offset, int pre_stride,
              __global const float *c_prev, ulong c_prev_offset, int c_prev_stride,
              __global const float *h_prev, ulong h_prev_offset, int h_prev_stride,
              __global const float *b_ih, ulong b_ih_offset, __global const float *b_hh,
              ulong b_hh_offset, int has_bias, __global const int *length, ulong length_offset,
              int has_length, __global float *act, ulong act_offset, int act_stride,
              __global float *c, ulong c_offset, int c_stride, __global float *h, ulong h_offset,
              int h_stride, __global const float *peephole, ulong peephole_offset,
              int peephole_stride, int has_peephole, int t, int n_rows, int H, int chunk CLSEQ_IDS)
{
    CLSEQ_RUN(first, last, chunk, H);

    peephole += peephole_offset;
    b_ih += b_ih_offset;
    b_hh += b_hh_offset;
    for (int row = CLSEQ_ID(1); row < n_rows; row += CLSEQ_SIZE(1)) {
        __global const float *x = CLSEQ_ROW(pre, pre_offset, pre_stride, row);
        __global const float *c_old = CLSEQ_ROW(c_prev, c_prev_offset, c_prev_stride, row);
        __global const float *h_old = CLSEQ_ROW(h_prev, h_prev_offset, h_prev_stride, row);
        __global float *a = CLSEQ_ROW(act, act_offset, act_stride, row);
        __global float *c_new = CLSEQ_ROW(c, c_offset, c_stride, row);
        __global float *h_new = CLSEQ_ROW(h, h_offset, h_stride, row);

        if (has_length && t >= length[length_offset + (ulong)row])
            lstm_row_ended_fwd(c_old, h_old, a, c_new, h_new, H, first, last);
        else if (has_peephole)
            lstm_peephole_row_fwd(x, H, b_ih, b_hh, has_bias, c_old, a, c_new, h_new, H, first,
                                  last, peephole, peephole_stride);
        else
            lstm_row_fwd(x, H, b_ih, b_hh, has_bias, c_old, a, c_new, h_new, H, first, last);
    }
}

CLSEQ_KERNEL void
lstm_cell_bwd(__global const float *act, ulong act_offset, int act_stride,
              __global const float *c_prev, ulong c_prev_offset, int c_prev_stride,
              __global const float *c, ulong c_offset, int c_stride, __global const float *dh,
              ulong dh_offset, int dh_stride, __global const float *dc, ulong dc_offset,
              int dc_stride, __global const float *dy, ulong dy_offset, int dy_stride, int has_dy,
              __global const int *length, ulong length_offset, int has_length, __global float *dpre,
              ulong dpre_offset, int dpre_stride, __global float *dh_prev, ulong dh_prev_offset,
              int dh_prev_stride, __global float *dc_prev, ulong dc_prev_offset, int dc_prev_stride,
              __global const float *peephole, ulong peephole_offset, int peephole_stride,
              int has_peephole, int t, int n_rows, int H, int chunk CLSEQ_IDS)
{
    CLSEQ_RUN(first, last, chunk, H);

    peephole += peephole_offset;
    for (int row = CLSEQ_ID(1); row < n_rows; row += CLSEQ_SIZE(1)) {
        __global const float *a = CLSEQ_ROW(act, act_offset, act_stride, row);
        __global const float *c_old = CLSEQ_ROW(c_prev, c_prev_offset, c_prev_stride, row);
        __global const float *c_new = CLSEQ_ROW(c, c_offset, c_stride, row);
        __global const float *dh_next = CLSEQ_ROW(dh, dh_offset, dh_stride, row);
        __global const float *dc_next = CLSEQ_ROW(dc, dc_offset, dc_stride, row);
        __global const float *above = CLSEQ_ROW(dy, dy_offset, dy_stride, row);
        __global float *dx = CLSEQ_ROW(dpre, dpre_offset, dpre_stride, row);
        __global float *dh_old = CLSEQ_ROW(dh_prev, dh_prev_offset, dh_prev_stride, row);
        __global float *dc_old = CLSEQ_ROW(dc_prev, dc_prev_offset, dc_prev_stride, row);

        if (has_length && t >= length[length_offset + (ulong)row])
            lstm_row_ended_bwd(dh_next, above, has_dy, dc_next, dx, dh_old, dc_old, H, first, last);
        else if (has_peephole)
            lstm_peephole_row_bwd(dh_next, above, has_dy, a, c_old, c_new, dc_next, dx, dh_old,
                                  dc_old, H, first, last, peephole, peephole_stride);
        else
            lstm_row_bwd(dh_next, above, has_dy, a, c_old, c_new, dc_next, dx, dh_old, dc_old, H,
                         first, last);
    }
}
