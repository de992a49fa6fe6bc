/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Matrix products on NVIDIA's tensor cores, of compute capability 8.0 and later: C = alpha op(A)
 * op(B) + beta C with factors rounded to bf16 or tf32 and sums in fp32, by mma.sync.
 *   gemm_mma_bf16_64, gemm_mma_tf32_64      tiles of 64 x 64 of C, 128 items
 *   gemm_mma_bf16_128, gemm_mma_tf32_128    tiles of 128 x 128, 256 items
 * A warp (32 items) makes a half of the tile's rows and 32 of its columns.
 *
 * A strip of op(A) or op(B) in local memory is a row of `words` words for each row or column of the
 * tile, along k. A word is one factor in tf32, or two neighbours in bf16, the first in the lower
 * half: so both kinds are at the same place in the registers of an instruction, which takes 8
 * words along k (8 or 16 factors). With lane = 4 g + t of a warp, and (row, word):
 *   A, 16 rows:     a0 (g, t)  a1 (g + 8, t)  a2 (g, t + 4)  a3 (g + 8, t + 4)
 *   B, 8 columns:   b0 (g, t)  b1 (g, t + 4)
 *   C, 16 x 8:      c0 (row g, column 2 t)  c1 (g, 2 t + 1)  c2 (g + 8, 2 t)  c3 (g + 8, 2 t + 1)
 * (PTX ISA, "Matrix Fragments for mma.m16n8k16 with floating point type" and "for mma.m16n8k8").
 * Rows of strips are four words longer than that: the 32 lanes then read 32 different banks.
 *
 * While a strip is multiplied the next one is on its way through registers; factors are rounded
 * when they go to local memory. An element of C is the sum of the instructions' sums, in ascending
 * order of k. All items reach every barrier.
 *
 * With CLSEQ_EMULATED a function stands for the instruction, on any device, and strips of the large
 * tiles are half as deep, which leaves local memory for it; all else is the same text.
 */
#include "gemm_gpu.clh"

#ifndef CLSEQ_EMULATED
#define CLSEQ_EMULATED 0
#endif

#define PASS_ARGUMENTS                                                                             \
    a, a_offset, a_rows, a_batch, b, b_offset, b_rows, b_batch, c, c_offset, c_rows, c_batch,      \
        m_size, n_size, k_size, trans_a, trans_b, alpha, beta, vectors

#define INLINE static __attribute__((always_inline))

/* Factors in a word, and with it the kind of factors. */
#define BF16 2
#define TF32 1

#define PITCH(words) ((words) + 4)

/* Words of 16 rows of A and 8 columns of B, of which an instruction takes 8 each. */
#define WARP_WORDS (16 * 8 + 8 * 8)

#if CLSEQ_EMULATED
#define WORDS_64            16
#define WORDS_128           8
#define EXCHANGE(name, n)   __local uint8 name[(n) / 32 * WARP_WORDS / 8];
#define EXCHANGE_OF_WARP(x) ((__local uint *)(x) + get_local_id(0) / 32 * WARP_WORDS)
#define UNROLL
#else
#define WORDS_64            16
#define WORDS_128           16
#define EXCHANGE(name, n)   __local uint *const name = 0;
#define EXCHANGE_OF_WARP(x) (x)
#define UNROLL              _Pragma("unroll")
#endif

/* ---- the instruction ---- */

#if CLSEQ_EMULATED

INLINE float dot_8(float8 x, float8 y)
{
    return dot(x.lo, y.lo) + dot(x.hi, y.hi);
}

/* The sum of 8 words of factors; each product is exact. */
INLINE float dot_words(uint8 u, uint8 v, int kind)
{
    if (kind == BF16)
        return dot_8(as_float8(u << 16u), as_float8(v << 16u)) +
               dot_8(as_float8(u & 0xffff0000u), as_float8(v & 0xffff0000u));
    return dot_8(as_float8(u), as_float8(v));
}

/* Each lane lays down its registers where they belong in A and B, and makes its elements of C. */
INLINE void mma(float *sum, const uint *a, const uint *b, __local uint *exchange, int kind)
{
    const uint lane = (uint)get_local_id(0) % 32, g = lane / 4, t = lane % 4;
    __local uint *const a_words = exchange, *const b_words = exchange + 16 * 8;

    a_words[g * 8 + t] = a[0];
    a_words[(g + 8) * 8 + t] = a[1];
    a_words[g * 8 + t + 4] = a[2];
    a_words[(g + 8) * 8 + t + 4] = a[3];
    b_words[g * 8 + t] = b[0];
    b_words[g * 8 + t + 4] = b[1];
    barrier(CLK_LOCAL_MEM_FENCE);
    {
        const uint8 upper = vload8(g, a_words), lower = vload8(g + 8, a_words);
        const uint8 left = vload8(2 * t, b_words), right = vload8(2 * t + 1, b_words);

        sum[0] += dot_words(upper, left, kind);
        sum[1] += dot_words(upper, right, kind);
        sum[2] += dot_words(lower, left, kind);
        sum[3] += dot_words(lower, right, kind);
    }
    barrier(CLK_LOCAL_MEM_FENCE);
}

#else

#define MMA(instruction)                                                                           \
    asm volatile(instruction " {%0,%1,%2,%3}, {%4,%5,%6,%7}, {%8,%9}, {%0,%1,%2,%3};"              \
                 : "+f"(sum[0]), "+f"(sum[1]), "+f"(sum[2]), "+f"(sum[3])                          \
                 : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b[0]), "r"(b[1]))

INLINE void mma(float *sum, const uint *a, const uint *b, __local uint *exchange, int kind)
{
    if (kind == BF16)
        MMA("mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32");
    else
        MMA("mma.sync.aligned.m16n8k8.row.col.f32.tf32.tf32.f32");
}

#endif

/* ---- strips ---- */

/* Rounded to nearest, ties to even, as src/backend/precision.h has it: words whose lower bits are
 * zeros. */
INLINE uint4 rounded_4(float4 x, uint kind)
{
    const uint dropped = kind == BF16 ? 16u : 13u, half_of = 1u << (dropped - 1u);
    const uint4 bits = as_uint4(x), near = bits + (half_of - 1u) + ((bits >> dropped) & 1u);

    return ((bits & 0x7fffffffu) > 0x7f800000u ? bits | 0x00400000u : near) & ~(2u * half_of - 1u);
}

/* What an item brings of a strip: words * kind / 8 times four elements along the rows of X as
 * stored. `along_k`: those are rows of the strip. Otherwise 8 neighbouring items take 32
 * neighbouring elements, and the next 8 the next word. */
INLINE void load_strip(float4 *next, __global const float *x, int x_rows, int along_k, int i_left,
                       int k_left, uint items, uint words, uint kind, int vector)
{
    const uint item = (uint)get_local_id(0);

    if (along_k) {
        const uint quads = words * kind / 4;
        const int k = (int)(item % quads * 4);

        UNROLL
        for (uint u = 0; u < words * kind / 8; u++) {
            const int i = (int)(item / quads + u * (items / quads));

            next[u] =
                load_4(x + (ulong)i * (ulong)x_rows + (ulong)k, i_left - i, k_left - k, vector);
        }
    } else {
        const int k = (int)(item / 8 % words * kind);

        UNROLL
        for (uint u = 0; u < words / 8; u++) {
            const int i = (int)((item % 8 + item / (8 * words) * 8 + u * (items / words)) * 4);

            UNROLL
            for (uint v = 0; v < kind; v++)
                next[u * kind + v] = load_4(x + (ulong)(k + (int)v) * (ulong)x_rows + (ulong)i,
                                            k_left - k - (int)v, i_left - i, vector);
        }
    }
}

/* Put that into the strip. Where an item has four rows of one word, neighbours begin with different
 * ones, or they would meet in the same banks. */
INLINE void store_strip(__local uint *strip, const float4 *next, int along_k, uint items,
                        uint words, uint kind)
{
    const uint item = (uint)get_local_id(0);

    if (along_k) {
        const uint quads = words * kind / 4;

        UNROLL
        for (uint u = 0; u < words * kind / 8; u++) {
            const uint4 x = rounded_4(next[u], kind);
            __local uint *to = strip + (item / quads + u * (items / quads)) * PITCH(words) +
                               item % quads * 4 / kind;

            if (kind == BF16)
                *(__local uint2 *)to = x.even >> 16u | x.odd;
            else
                *(__local uint4 *)to = x;
        }
    } else {
        const uint turn = item % 8 / 2;

        UNROLL
        for (uint u = 0; u < words / 8; u++) {
            const uint i = (item % 8 + item / (8 * words) * 8 + u * (items / words)) * 4;
            const uint4 first = rounded_4(next[u * kind], kind);
            const uint4 last = rounded_4(next[u * kind + kind - 1], kind);
            __local uint *to = strip + i * PITCH(words) + item / 8 % words;
            uint4 four = kind == BF16 ? first >> 16u | last : first;

            four = turn & 1 ? four.s1230 : four;
            four = turn & 2 ? four.s2301 : four;
            to[turn * PITCH(words)] = four.s0;
            to[(turn + 1) % 4 * PITCH(words)] = four.s1;
            to[(turn + 2) % 4 * PITCH(words)] = four.s2;
            to[(turn + 3) % 4 * PITCH(words)] = four.s3;
        }
    }
}

/* ---- a tile ---- */

INLINE void store_2(__global float *c, float first, float second, int left, int vector, float alpha,
                    float beta)
{
    if (vector && left >= 2) {
        __global float2 *to = (__global float2 *)c;
        const float2 sum = (float2)(first, second);

        *to = beta == 0.0f ? alpha * sum : alpha * sum + beta * *to;
        return;
    }
    if (left > 0)
        store_1(c, first, alpha, beta);
    if (left > 1)
        store_1(c + 1, second, alpha, beta);
}

/* One of 32 `side` rows and columns, by 64 `side` items. `memory`: two strips of A, then of B. */
INLINE void make_tile(ARGUMENTS, uint side, uint words, uint kind, __local uint *memory,
                      __local uint *exchange)
{
    const uint items = 64 * side, depth = words * kind, strip_words = 32 * side * PITCH(words);
    const uint item = (uint)get_local_id(0), warp = item / 32, g = item % 32 / 4, t = item % 4;
    const int n0 = (int)(get_group_id(0) * 32 * side), m0 = (int)(get_group_id(1) * 32 * side);
    const uint row = warp / side * 16 * side + g, column = warp % side * 32;
    const ulong a_step = trans_a ? (ulong)depth * (ulong)a_rows : (ulong)depth;
    const ulong b_step = trans_b ? (ulong)depth : (ulong)depth * (ulong)b_rows;
    float4 a_next[4], b_next[4];
    float sums[4][4][4]; /* the warp's 16 rows i, its 8 columns j, an item's elements */
    uint buffer = 0;

    UNROLL
    for (uint i = 0; i < side; i++) {
        UNROLL
        for (uint j = 0; j < 4; j++) {
            UNROLL
            for (uint e = 0; e < 4; e++)
                sums[i][j][e] = 0.0f;
        }
    }
    GO_TO_BATCH
    a += trans_a ? (ulong)m0 : (ulong)m0 * (ulong)a_rows;
    b += trans_b ? (ulong)n0 * (ulong)b_rows : (ulong)n0;
    load_strip(a_next, a, a_rows, !trans_a, m_size - m0, k_size, items, words, kind, vectors & 1);
    load_strip(b_next, b, b_rows, trans_b, n_size - n0, k_size, items, words, kind, vectors & 2);
    store_strip(memory, a_next, !trans_a, items, words, kind);
    store_strip(memory + 2 * strip_words, b_next, trans_b, items, words, kind);
    barrier(CLK_LOCAL_MEM_FENCE);
    for (int k_left = k_size; k_left > 0; k_left -= (int)depth) {
        const int next_left = k_left - (int)depth;
        const __local uint *from_a = memory + buffer * strip_words + row * PITCH(words) + t;
        const __local uint *from_b =
            memory + (2 + buffer) * strip_words + (column + g) * PITCH(words) + t;

        if (next_left > 0) {
            a += a_step;
            b += b_step;
            load_strip(a_next, a, a_rows, !trans_a, m_size - m0, next_left, items, words, kind,
                       vectors & 1);
            load_strip(b_next, b, b_rows, trans_b, n_size - n0, next_left, items, words, kind,
                       vectors & 2);
        }
        UNROLL
        for (uint k = 0; k < words; k += 8) {
            uint u[4][4], v[4][2];

            UNROLL
            for (uint i = 0; i < side; i++) {
                u[i][0] = from_a[16 * i * PITCH(words) + k];
                u[i][1] = from_a[(16 * i + 8) * PITCH(words) + k];
                u[i][2] = from_a[16 * i * PITCH(words) + k + 4];
                u[i][3] = from_a[(16 * i + 8) * PITCH(words) + k + 4];
            }
            UNROLL
            for (uint j = 0; j < 4; j++) {
                v[j][0] = from_b[8 * j * PITCH(words) + k];
                v[j][1] = from_b[8 * j * PITCH(words) + k + 4];
            }
            UNROLL
            for (uint i = 0; i < side; i++) {
                UNROLL
                for (uint j = 0; j < 4; j++)
                    mma(sums[i][j], u[i], v[j], exchange, (int)kind);
            }
        }
        buffer ^= 1;
        if (next_left > 0) {
            store_strip(memory + buffer * strip_words, a_next, !trans_a, items, words, kind);
            store_strip(memory + (2 + buffer) * strip_words, b_next, trans_b, items, words, kind);
        }
        barrier(CLK_LOCAL_MEM_FENCE);
    }
    UNROLL
    for (uint i = 0; i < side; i++) {
        UNROLL
        for (uint j = 0; j < 4; j++) {
            const int n = n0 + (int)(column + 8 * j + 2 * t);

            UNROLL
            for (uint e = 0; e < 4; e += 2) {
                const int m = m0 + (int)(row + 16 * i + 4 * e);

                if (m < m_size)
                    store_2(c + (ulong)m * (ulong)c_rows + (ulong)n, sums[i][j][e],
                            sums[i][j][e + 1], n_size - n, vectors & 4, alpha, beta);
            }
        }
    }
}

#define DEFINE_MMA(NAME, KIND, TILE)                                                               \
    __kernel __attribute__((reqd_work_group_size(2 * TILE, 1, 1))) void NAME(ARGUMENTS)            \
    {                                                                                              \
        __local uint4 memory[4 * TILE * PITCH(WORDS_##TILE) / 4];                                  \
        EXCHANGE(exchange, 2 * TILE)                                                               \
                                                                                                   \
        make_tile(PASS_ARGUMENTS, TILE / 32, WORDS_##TILE, KIND, (__local uint *)memory,           \
                  EXCHANGE_OF_WARP(exchange));                                                     \
    }

DEFINE_MMA(gemm_mma_bf16_64, BF16, 64)
DEFINE_MMA(gemm_mma_bf16_128, BF16, 128)
DEFINE_MMA(gemm_mma_tf32_64, TF32, 64)
DEFINE_MMA(gemm_mma_tf32_128, TF32, 128)
