/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * One time step of an LSTM layer on CPUs, product and gates in one kernel. An item takes NR hidden
 * units in a block of rows: forward it makes the four gates of these units, backward the gradient
 * of their outputs, and what follows of both is done while they are in the first-level cache. One
 * launch a step instead of two, and pre-activations are read and written once.
 *
 * Weights are packed by gemm_cpu_pack_b. The sums have the order of gemm_cpu_packed. A part of
 * gemm_cpu.cl.
 *
 * Rows at the end of a block whose sequences have ended cost no product, so batches whose longest
 * sequences come first take no time for padding.
 */
DEFINE_BLOCK(rows_to_private, __global, __global, __private, rows_apart, 1, TILE_ADD)
DEFINE_BLOCK(strips_to_private, __global, __global, __private, 1, MR, TILE_ADD)

#pragma OPENCL FP_CONTRACT OFF
#include "vmath.clh"

#include "lstm_cell.clh"

DEFINE_LSTM_ROW_FWD(lstm_private_fwd, __private)
DEFINE_LSTM_ROW_BWD(lstm_private_bwd, __private)
DEFINE_LSTM_ROW_ENDED_BWD(lstm_private_ended_bwd, __private)

/* The most rows of an item, whole tiles: what it keeps of them stays in the first-level cache. */
#define FWD_ROWS (MR == 14 ? 3 * MR : 6 * MR)
#define BWD_ROWS (MR == 14 ? 7 * MR : 16 * MR)

/* Units of an item. */
#define ITEM_UNITS NR
#include "lstm_queue.clh"

#define LSTM_FWD_PARAMETERS                                                                        \
    __global const float *h_prev, ulong h_prev_offset, int h_prev_stride,                          \
        __global const float *panels, __global const float *c_prev, ulong c_prev_offset,           \
        int c_prev_stride, __global const float *b_ih, ulong b_ih_offset,                          \
        __global const float *b_hh, ulong b_hh_offset, int has_bias, __global const int *length,   \
        ulong length_offset, int has_length, __global float *gates, ulong gates_offset,            \
        int gates_stride, ulong gates_step, __global float *c, ulong c_offset, int c_stride,       \
        ulong c_step, __global float *h, ulong h_offset, int h_stride, ulong h_step, int t_first,  \
        int n_rows, int H, int padded, int block, int shift, __global volatile int *queue
#define LSTM_FWD_VALUES                                                                            \
    h_prev, h_prev_offset, h_prev_stride, panels, c_prev, c_prev_offset, c_prev_stride, b_ih,      \
        b_ih_offset, b_hh, b_hh_offset, has_bias, length, length_offset, has_length, gates,        \
        gates_offset, gates_stride, gates_step, c, c_offset, c_stride, c_step, h, h_offset,        \
        h_stride, h_step, t_first, n_rows, H, padded, block, shift, queue

/* Item `item` of step t_first + s of lstm_cpu_fwd, once `before` items are done. */
static void lstm_fwd_item(LSTM_FWD_PARAMETERS, int s, int item, int before)
{
    float pre[4][FWD_ROWS * NR];

    length += length_offset;
    b_ih += b_ih_offset;
    b_hh += b_hh_offset;
    const int t = t_first + s;
    const int unit = (item >> shift) * NR, columns = min(NR, H - unit);
    const int first = BLOCK_OF(item) * block, last = min(first + block, n_rows);
    const int rows = rows_alive(length, has_length, t, first, last) - first;
    __global const float *h_from =
        s == 0 ? h_prev + h_prev_offset : h + h_offset + (ulong)(s - 1) * h_step;
    __global const float *c_from =
        s == 0 ? c_prev + c_prev_offset : c + c_offset + (ulong)(s - 1) * c_step;
    const long h_rows = s == 0 ? h_prev_stride : h_stride;
    const long c_rows = s == 0 ? c_prev_stride : c_stride;
    __global float *gates_now = gates + gates_offset + (ulong)s * gates_step;
    __global float *c_now = c + c_offset + (ulong)s * c_step;
    __global float *h_now = h + h_offset + (ulong)s * h_step;

    for (int r = 0; r < rows; r++) {
        __global const float *x = gates_now + (ulong)(first + r) * (ulong)gates_stride;

        for (int gate = 0; gate < 4; gate++)
            load_units(pre[gate] + r * NR, x + gate * H + unit, columns);
    }
    WAIT_FOR(before)
    for (int k = 0; k < H; k += KC) {
        __global const float *a = h_from + first * h_rows + k;

        for (int gate = 0; gate < 4; gate++) {
            __global const float *panel =
                panels + (ulong)(gate * padded + unit) * (ulong)H + (ulong)k * NR;
            /* The next gate's; after the last one those of the next steps of k or units. */
            __global const float *next =
                gate < 3 ? panel + (ulong)padded * (ulong)H
                         : panels + (ulong)unit * (ulong)H + (ulong)min(k + KC, H) * NR;

            rows_to_private(rows, a, h_rows, MR * h_rows, panel, NR, min(KC, H - k), pre[gate], NR,
                            pre[gate], NR, NR, 1.0f, 1.0f, next, NR);
        }
    }
    for (int row = first; row < last; row++) {
        __global const float *c_old = c_from + row * c_rows + unit;
        __global float *a = gates_now + (ulong)row * (ulong)gates_stride + unit;
        __global float *c_new = c_now + (ulong)row * (ulong)c_stride + unit;
        __global float *h_new = h_now + (ulong)row * (ulong)h_stride + unit;

        if (has_length && t >= length[row])
            lstm_row_ended_fwd(c_old, h_from + row * h_rows + unit, a, c_new, h_new, H, 0, columns);
        else
            lstm_private_fwd(pre[0] + (row - first) * NR, FWD_ROWS * NR, b_ih + unit, b_hh + unit,
                             has_bias, c_old, a, c_new, h_new, H, 0, columns);
    }
}

/* Steps t .. t + steps - 1, whose tensors are *_step elements apart; h_prev and c_prev are the
 * states before the first one. Gates hold the input's share. The panels of a gate are `padded`
 * columns: H rounded up to NR. Items: (step, panel of units, block of `block` <= FWD_ROWS rows). */
KERNEL void lstm_cpu_fwd(LSTM_FWD_PARAMETERS, int steps)
{
    const int items = (H + NR - 1) / NR << shift;
    int s = 0;

    FOR_ITEMS(number, items * steps)
    {
        while (number >= (s + 1) * items)
            s++;
        lstm_fwd_item(LSTM_FWD_VALUES, s, number - s * items, s * items);
        ITEM_IS_DONE
    }
    END_OF_ITEMS
}

#define LSTM_BWD_PARAMETERS                                                                        \
    __global const float *strips, int has_strips, __global const float *panels,                    \
        __global float *act, ulong act_offset, int act_stride, ulong act_step,                     \
        __global const float *c0, ulong c0_offset, int c0_stride, __global const float *c,         \
        ulong c_offset, int c_stride, ulong c_step, __global float *dh, ulong dh_offset,           \
        int dh_stride, __global float *dc, ulong dc_offset, int dc_stride,                         \
        __global const float *dy, ulong dy_offset, int dy_stride, ulong dy_step, int has_dy,       \
        __global const int *length, ulong length_offset, int has_length, int t_first, int n_rows,  \
        int H, int block, int shift, __global volatile int *queue
#define LSTM_BWD_VALUES                                                                            \
    strips, has_strips, panels, act, act_offset, act_stride, act_step, c0, c0_offset, c0_stride,   \
        c, c_offset, c_stride, c_step, dh, dh_offset, dh_stride, dc, dc_offset, dc_stride, dy,     \
        dy_offset, dy_stride, dy_step, has_dy, length, length_offset, has_length, t_first, n_rows, \
        H, block, shift, queue

/* Item `item` of step t_first - s of lstm_cpu_bwd, once `before` items are done. */
static void lstm_bwd_item(LSTM_BWD_PARAMETERS, int s, int item, int before)
{
    const int K = 4 * H;
    const ulong whole = (ulong)((n_rows + MR - 1) / MR * MR);
    float sum[BWD_ROWS * NR];

    length += length_offset;
    const int t = t_first - s;
    const int unit = (item >> shift) * NR, columns = min(NR, H - unit);
    const int first = BLOCK_OF(item) * block, last = min(first + block, n_rows);
    /* Where step t has ended, so has t + 1: its dpre is 0. */
    const int rows = rows_alive(length, has_length, t, first, last) - first;
    __global float *act_now = act + act_offset - (ulong)s * act_step;
    __global const float *c_now = c + c_offset - (ulong)s * c_step;
    __global const float *c_from = t == 0 ? c0 + c0_offset : c_now - c_step;
    const long c_rows = t == 0 ? c0_stride : c_stride;

    WAIT_FOR(before)

    for (int row = first; row < last; row++)
        load_units(sum + (row - first) * NR, CLSEQ_ROW(dh, dh_offset, dh_stride, row) + unit,
                   columns);
    for (int k = 0; k < K; k += KC) {
        const int step = min(KC, K - k);

        __global const float *panel = panels + (ulong)unit * (ulong)K + (ulong)k * NR;

        if (has_strips)
            strips_to_private(rows, strips + (ulong)k * whole + (ulong)first * (ulong)step, 0,
                              MR * step, panel, NR, step, sum, NR, sum, NR, NR, 1.0f, 1.0f,
                              panel + NR * step, NR);
        else
            rows_to_private(rows, act_now + act_step + first * (long)act_stride + k, act_stride,
                            MR * (long)act_stride, panel, NR, step, sum, NR, sum, NR, NR, 1.0f,
                            1.0f, panel + NR * step, NR);
    }
    for (int row = first; row < last; row++) {
        __global const float *above =
            CLSEQ_ROW(dy, dy_offset - (ulong)s * dy_step, dy_stride, row) + unit;
        __global float *a = act_now + row * (long)act_stride + unit;
        __global float *dh_row = CLSEQ_ROW(dh, dh_offset, dh_stride, row) + unit;
        __global float *dc_row = CLSEQ_ROW(dc, dc_offset, dc_stride, row) + unit;
        const float *from = sum + (row - first) * NR;

        if (has_length && t >= length[row])
            lstm_private_ended_bwd(from, above, has_dy, dc_row, a, dh_row, dc_row, H, 0, columns);
        else
            lstm_private_bwd(from, above, has_dy, a, c_from + row * c_rows + unit,
                             c_now + row * (long)c_stride + unit, dc_row, a, dh_row, dc_row, H, 0,
                             columns);
    }
}

/* Steps t, t - 1, ... t - steps + 1, each from the one after it: dh += dpre W_hh, then the cell.
 * `act`, `c`, `dy` are those of step t, and c0 the state before all steps; `act` becomes dpre,
 * and that of step t + 1 is dpre already: it lies act_step behind, or is in `strips` as
 * gemm_cpu_pack_a leaves it, for one step only. dh, dc (rows, H) are those of all steps in turn.
 * Items: (step, panel of units, block of `block` <= BWD_ROWS rows, whole tiles). */
KERNEL void lstm_cpu_bwd(LSTM_BWD_PARAMETERS, int steps)
{
    const int items = (H + NR - 1) / NR << shift;
    int s = 0;

    FOR_ITEMS(number, items * steps)
    {
        while (number >= (s + 1) * items)
            s++;
        lstm_bwd_item(LSTM_BWD_VALUES, s, number - s * items, s * items);
        ITEM_IS_DONE
    }
    END_OF_ITEMS
}
