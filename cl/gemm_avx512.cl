/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Matrix products of bf16 factors on CPUs with AVX512_BF16: C = alpha A op(B) + beta C.
 * gemm_avx512_pack (gemm_blocks.clh) rounds both factors and lays them out in blocks of 32 x 32,
 * gemm_avx512 makes blocks of C of the same size, eight rows at a time in registers. A vdpbf16ps
 * (Intel 64 and IA-32 Architectures Software Developer's Manual, volume 2) adds to each of 16
 * floats the products of two pairs of bf16 numbers: two steps along k for 16 columns of one row.
 */
#define PACK_KERNEL gemm_avx512_pack
#include "gemm_blocks.clh"

#if CLSEQ_EMULATED

#define DOT_FUNCTION static

/* The product of two bf16 numbers is exact, so adding it is one rounding, as in the processor. */
static float16 dot(float16 sum, uint16 a, uint16 b)
{
    sum =
        flushed(sum + flushed(as_float16(a & 0xffff0000u)) * flushed(as_float16(b & 0xffff0000u)));
    return flushed(sum + flushed(as_float16(a << 16u)) * flushed(as_float16(b << 16u)));
}

#define DOT(sum, a, b) sum = dot(sum, a, b);

#else

/* The processor that kernels are compiled for may be an older one. Not inlined, for the function
 * around it, which PoCL makes, is for that one. */
#define DOT_FUNCTION   __attribute__((noinline, target("avx512bf16"))) static

/* Not clang's built-in function: it takes other types since version 16, which dies of them. */
#define DOT(sum, a, b) __asm__("vdpbf16ps %2, %1, %0" : "+v"(sum) : "v"(a), "v"(b));

#endif

/* Rows of C in registers: two vectors each, beside two of B and one of A. */
#define ROWS    8
#define EACH(F) F(0) F(1) F(2) F(3) F(4) F(5) F(6) F(7)

#define DECLARE(i) float16 u##i = (float16)(0.0f), v##i = (float16)(0.0f);
/* A row's pair, its rows A_ROWS and its pairs along k A_STEP apart. */
#define STEP(i)                                                                                    \
    {                                                                                              \
        const uint16 pair = (uint16)(x[i * A_ROWS + k * A_STEP]);                                  \
        DOT(u##i, pair, b0)                                                                        \
        DOT(v##i, pair, b1)                                                                        \
    }
#define STORE(i)                                                                                   \
    vstore16(u##i, 0, sums + i * SIDE);                                                            \
    vstore16(v##i, 1, sums + i * SIDE);

/* What comes next is as large as a panel, of which each of the SIDE / ROWS calls for a block of C
 * fetches its share: NEXT_STEP uints for every pair. Nothing where next_step is 0. */
#define NEXT_STEP   (BLOCK / PAIRS / (SIDE / ROWS))
#define SHARE(next) ((next) + (ulong)(row / ROWS * steps) * (BLOCK / (SIDE / ROWS)))

/* sums[ROWS][SIDE] = ROWS rows of a panel of A times a panel of B, `steps` blocks of each. */
#define DEFINE_ROWS(name)                                                                          \
    DOT_FUNCTION void name(__global const uint *x, __global const uint *y, int steps, float *sums, \
                           __global const uint *next, int next_step)                               \
    {                                                                                              \
        EACH(DECLARE)                                                                              \
        for (int step = 0; step < steps; step++, x += BLOCK) {                                     \
            for (int k = 0; k < PAIRS; k++, y += SIDE, next += next_step) {                        \
                const uint16 b0 = vload16(0, y), b1 = vload16(1, y);                               \
                                                                                                   \
                FETCH(next)                                                                        \
                EACH(STEP)                                                                         \
            }                                                                                      \
        }                                                                                          \
        EACH(STORE)                                                                                \
    }

#define A_ROWS PAIRS
#define A_STEP 1
DEFINE_ROWS(rows_of_lines)
#undef A_ROWS
#undef A_STEP
#define A_ROWS 1
#define A_STEP SIDE
DEFINE_ROWS(rows_of_pairs)

static void product_of_lines(__global const uint *x, __global const uint *y, int steps, int rows,
                             float *sums, __global const uint *next, int next_step)
{
    for (int row = 0; row < rows; row += ROWS)
        rows_of_lines(x + row * PAIRS, y, steps, sums + row * SIDE, SHARE(next), next_step);
}

/* uints of A that stay in a second-level cache. */
#define NEAR_UINTS (160 * 1024)

/* Blocks as gemm_avx512_pack leaves them, `steps` of them along k: those of A in pairs like those
 * of B or not, those of B part of b_steps, from b_first on; `old` as in store_block. Items:
 * (`block` rows, `group` columns, matrix of the batch), both multiples of SIDE. */
CLSEQ_KERNEL void gemm_avx512(__global const uint *a, __global const uint *b, __global float *c,
                              ulong c_offset, int c_rows, ulong c_batch, __global const float *old,
                              ulong old_offset, int old_rows, int m_size, int n_size, int steps,
                              int b_steps, int b_first, float alpha, float beta, int block,
                              int group, int a_in_pairs)
{
    const int top = (int)get_global_id(0) * block, first = (int)get_global_id(1) * group;
    const int bottom = min(top + block, m_size), last = min(first + group, n_size);
    const ulong batch = get_global_id(2), panel = (ulong)steps * BLOCK;
    const int is_far = (ulong)((m_size + SIDE - 1) / SIDE) * panel > NEAR_UINTS;
    float sums[SIDE * SIDE];

    a += batch * (ulong)((m_size + SIDE - 1) / SIDE) * panel;
    b += (batch * (ulong)((n_size + SIDE - 1) / SIDE) * (ulong)b_steps + (ulong)b_first) * BLOCK;
    c += c_offset + batch * c_batch;
    old += old_offset + batch * c_batch;
    for (int n = first; n < last; n += SIDE) {
        for (int m = top; m < bottom; m += SIDE) {
            const int rows = min(SIDE, bottom - m);
            __global const uint *x = a + (ulong)(m / SIDE) * panel;
            __global const uint *y = b + (ulong)(n / SIDE) * (ulong)b_steps * BLOCK;
            /* The first panel of B finds those of a large A in no cache near, and the first one of
             * A those of B. */
            const int for_a = n == first && is_far, for_b = m == 0;
            __global const uint *next =
                for_a ? x + panel : y + (for_b ? (ulong)b_steps * BLOCK : 0);
            const int next_step = for_a || for_b ? NEXT_STEP : 0;

            if (a_in_pairs) {
                for (int row = 0; row < rows; row += ROWS)
                    rows_of_pairs(x + row, y, steps, sums + row * SIDE, SHARE(next), next_step);
            } else {
                product_of_lines(x, y, steps, rows, sums, next, next_step);
            }
            store_block(c + (ulong)m * (ulong)c_rows + (ulong)n, (ulong)c_rows,
                        old + (ulong)m * (ulong)old_rows + (ulong)n, (ulong)old_rows, sums, rows,
                        min(SIDE, last - n), alpha, beta);
        }
    }
}

/* ---- steps of an LSTM ---- */

#define LSTM_FWD_KERNEL lstm_avx512_fwd
#define LSTM_BWD_KERNEL lstm_avx512_bwd
#define UNIT_BEGIN
#define UNIT_END
#define UNIT_PRODUCT(x, y, steps, rows, sums, next)                                                \
    product_of_lines(x, y, steps, rows, sums, next, NEXT_STEP);
#include "lstm_blocks.clh"
