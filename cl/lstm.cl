/* SPDX-License-Identifier: BSD-2-Clause */
#include "defs.clh"

#include "vmath.clh"

#include "lstm_cell.clh"

/* The columns that are left when a run is no multiple of VW go through the scalar functions. Every
 * position is read before it is written, since outputs may be inputs. */

CLSEQ_KERNEL void lstm_cell_fwd(__global const float *pre, ulong pre_offset, int pre_stride,
                                __global const float *c_prev, ulong c_prev_offset,
                                int c_prev_stride, __global const float *h_prev,
                                ulong h_prev_offset, int h_prev_stride, __global const float *b_ih,
                                ulong b_ih_offset, __global const float *b_hh, ulong b_hh_offset,
                                int has_bias, __global const int *length, ulong length_offset,
                                int has_length, __global float *act, ulong act_offset,
                                int act_stride, __global float *c, ulong c_offset, int c_stride,
                                __global float *h, ulong h_offset, int h_stride, int t, int n_rows,
                                int H, int chunk)
{
    CLSEQ_RUN(first, last, chunk, H);

    b_ih += b_ih_offset;
    b_hh += b_hh_offset;
    for (int row = (int)get_global_id(1); row < n_rows; row += (int)get_global_size(1)) {
        __global const float *x = CLSEQ_ROW(pre, pre_offset, pre_stride, row);
        __global const float *c_old = CLSEQ_ROW(c_prev, c_prev_offset, c_prev_stride, row);
        __global const float *h_old = CLSEQ_ROW(h_prev, h_prev_offset, h_prev_stride, row);
        __global float *a = CLSEQ_ROW(act, act_offset, act_stride, row);
        __global float *c_new = CLSEQ_ROW(c, c_offset, c_stride, row);
        __global float *h_new = CLSEQ_ROW(h, h_offset, h_stride, row);
        int j = first;

        if (has_length && t >= length[length_offset + (ulong)row]) {
            for (; j < last; j++) {
                a[j] = 0.0f;
                a[H + j] = 0.0f;
                a[2 * H + j] = 0.0f;
                a[3 * H + j] = 0.0f;
                c_new[j] = c_old[j];
                h_new[j] = h_old[j];
            }
            continue;
        }
        for (; j + VW <= last; j += VW) {
            floatV i = vloadV(0, x + j), f = vloadV(0, x + H + j);
            floatV g = vloadV(0, x + 2 * H + j), o = vloadV(0, x + 3 * H + j);
            floatV cell = vloadV(0, c_old + j), out;

            if (has_bias) {
                i += vloadV(0, b_ih + j) + vloadV(0, b_hh + j);
                f += vloadV(0, b_ih + H + j) + vloadV(0, b_hh + H + j);
                g += vloadV(0, b_ih + 2 * H + j) + vloadV(0, b_hh + 2 * H + j);
                o += vloadV(0, b_ih + 3 * H + j) + vloadV(0, b_hh + 3 * H + j);
            }
            lstm_fwd_v(&i, &f, &g, &o, &cell, &out);
            vstoreV(i, 0, a + j);
            vstoreV(f, 0, a + H + j);
            vstoreV(g, 0, a + 2 * H + j);
            vstoreV(o, 0, a + 3 * H + j);
            vstoreV(cell, 0, c_new + j);
            vstoreV(out, 0, h_new + j);
        }
        for (; j < last; j++) {
            float i = x[j], f = x[H + j], g = x[2 * H + j], o = x[3 * H + j], cell = c_old[j], out;

            if (has_bias) {
                i += b_ih[j] + b_hh[j];
                f += b_ih[H + j] + b_hh[H + j];
                g += b_ih[2 * H + j] + b_hh[2 * H + j];
                o += b_ih[3 * H + j] + b_hh[3 * H + j];
            }
            lstm_fwd_1(&i, &f, &g, &o, &cell, &out);
            a[j] = i;
            a[H + j] = f;
            a[2 * H + j] = g;
            a[3 * H + j] = o;
            c_new[j] = cell;
            h_new[j] = out;
        }
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
              int t, int n_rows, int H, int chunk)
{
    CLSEQ_RUN(first, last, chunk, H);

    for (int row = (int)get_global_id(1); row < n_rows; row += (int)get_global_size(1)) {
        __global const float *a = CLSEQ_ROW(act, act_offset, act_stride, row);
        __global const float *c_old = CLSEQ_ROW(c_prev, c_prev_offset, c_prev_stride, row);
        __global const float *c_new = CLSEQ_ROW(c, c_offset, c_stride, row);
        __global const float *dh_next = CLSEQ_ROW(dh, dh_offset, dh_stride, row);
        __global const float *dc_next = CLSEQ_ROW(dc, dc_offset, dc_stride, row);
        __global const float *above = CLSEQ_ROW(dy, dy_offset, dy_stride, row);
        __global float *dx = CLSEQ_ROW(dpre, dpre_offset, dpre_stride, row);
        __global float *dh_old = CLSEQ_ROW(dh_prev, dh_prev_offset, dh_prev_stride, row);
        __global float *dc_old = CLSEQ_ROW(dc_prev, dc_prev_offset, dc_prev_stride, row);
        int j = first;

        if (has_length && t >= length[length_offset + (ulong)row]) {
            for (; j < last; j++) {
                dx[j] = 0.0f;
                dx[H + j] = 0.0f;
                dx[2 * H + j] = 0.0f;
                dx[3 * H + j] = 0.0f;
                dh_old[j] = has_dy ? dh_next[j] + above[j] : dh_next[j];
                dc_old[j] = dc_next[j];
            }
            continue;
        }
        for (; j + VW <= last; j += VW) {
            floatV i = vloadV(0, a + j), f = vloadV(0, a + H + j);
            floatV g = vloadV(0, a + 2 * H + j), o = vloadV(0, a + 3 * H + j);
            floatV total = vloadV(0, dh_next + j), d_c = vloadV(0, dc_next + j);

            if (has_dy)
                total += vloadV(0, above + j);
            lstm_bwd_v(&i, &f, &g, &o, vloadV(0, c_old + j), vloadV(0, c_new + j), total, &d_c);
            vstoreV(i, 0, dx + j);
            vstoreV(f, 0, dx + H + j);
            vstoreV(g, 0, dx + 2 * H + j);
            vstoreV(o, 0, dx + 3 * H + j);
            vstoreV((floatV)(0.0f), 0, dh_old + j);
            vstoreV(d_c, 0, dc_old + j);
        }
        for (; j < last; j++) {
            const float total = has_dy ? dh_next[j] + above[j] : dh_next[j];
            float i = a[j], f = a[H + j], g = a[2 * H + j], o = a[3 * H + j], d_c = dc_next[j];

            lstm_bwd_1(&i, &f, &g, &o, c_old[j], c_new[j], total, &d_c);
            dx[j] = i;
            dx[H + j] = f;
            dx[2 * H + j] = g;
            dx[3 * H + j] = o;
            dh_old[j] = 0.0f;
            dc_old[j] = d_c;
        }
    }
}
