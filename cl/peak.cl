/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What a device can do at best: fused multiply-adds without memory, and reading memory. Benchmarks
 * give their figures as shares of these.
 */
#include "defs.clh"
#pragma OPENCL FP_CONTRACT ON

/* Chains that hide the latency of an FMA: 12 fill 16 registers with the two operands. */
#define CHAINS(F)  F(0) F(1) F(2) F(3) F(4) F(5) F(6) F(7) F(8) F(9) F(10) F(11)
#define DECLARE(i) floatV a##i = x + (float)i;
#define STEP(i)    a##i = a##i * x + y;
#define ADD(i)     +a##i

/* 24 * VW operations a step and work-item (VW is 1 on GPUs). */
CLSEQ_KERNEL void peak_fma(__global float *out, ulong out_offset, float x_value, float y_value,
                           int steps)
{
    const floatV x = (floatV)(x_value), y = (floatV)(y_value);
    const size_t item = get_global_id(0);

    CHAINS(DECLARE)
    for (int i = 0; i < steps; i++) {
        CHAINS(STEP)
    }
    vstoreV(CHAINS(ADD), item, out + out_offset);
}

/* Every item reads at four places at once: one stream of loads does not make a memory busy. On GPUs
 * neighbours read neighbours. `vectors` is a multiple of 4 times the items. */
CLSEQ_KERNEL void peak_read(__global const float *x, ulong x_offset, uint vectors,
                            __global float *out, ulong out_offset)
{
    const uint item = get_global_id(0), items = get_global_size(0), each = vectors / items / 4;
#if CLSEQ_CPU
    const uint first = item * 4 * each, apart = each, step = 1;
#else
    const uint first = item, apart = items, step = 4 * items;
#endif
    floatV a = (floatV)(0.0f), b = a, c = a, d = a;

    x += x_offset;
    for (uint n = 0, i = first; n < each; n++, i += step) {
        a += vloadV(i, x);
        b += vloadV(i + apart, x);
        c += vloadV(i + 2 * apart, x);
        d += vloadV(i + 3 * apart, x);
    }
    vstoreV(a + b + c + d, item, out + out_offset);
}
