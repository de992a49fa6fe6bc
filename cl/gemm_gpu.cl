/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Matrix products for GPUs: C = alpha op(A) op(B) + beta C. A group makes a tile of C and walks
 * along k; each step copies a strip of op(A) and of op(B) to local memory, with neighbouring items
 * reading neighbouring addresses whatever the transposes, and zeros where there is no matrix.
 *   gemm_gpu_128        tiles of 128 x 128, 256 items with 8 x 8 elements each, steps of 8
 *   gemm_gpu_64         tiles of 64 x 64, 256 items with 4 x 4 elements each, steps of 16
 *   gemm_gpu_16         tiles of 16 x 16, 64 items with 2 x 2 elements each, steps of 16: for a
 *                       small or narrow C, and for devices that do not take groups of 256
 *   gemm_gpu_skinny_4   up to 4 rows of op(A): B is read once, k divided among the items
 *   gemm_gpu_skinny_16  the same for up to 16 rows
 * The first two keep two strips: while one is multiplied, the next is on its way through
 * registers. `vectors` says of which matrices (1: A, 2: B, 4: C) every row starts at a multiple of
 * four elements, so that float4 may be read and written where all four exist.
 *
 * Each element of C is one sum over k in ascending order, but in the skinny kernels: see there.
 * All items reach every barrier.
 */
#include "gemm_gpu.clh"

#define GROUP 256

static void store_4(__global float *c, float4 sum, int left, int vector, float alpha, float beta)
{
    if (vector && left >= 4) {
        __global float4 *to = (__global float4 *)c;

        *to = beta == 0.0f ? alpha * sum : alpha * sum + beta * *to;
        return;
    }
    if (left > 0)
        store_1(c, sum.s0, alpha, beta);
    if (left > 1)
        store_1(c + 1, sum.s1, alpha, beta);
    if (left > 2)
        store_1(c + 2, sum.s2, alpha, beta);
    if (left > 3)
        store_1(c + 3, sum.s3, alpha, beta);
}

/* ---- tiles of 64 and of 128 ---- */

/* A strip is STEP x WIDTH elements, strip[k][i] = op(X)[k0 + k][i0 + i]: four for each of the 256
 * items, along the rows of X as stored. `along_k`: k runs along them. Rows are four words longer,
 * against bank conflicts. */
#define STRIP_START(x, along_k, i0, i_size, STEP, WIDTH)                                           \
    const int x##_i = (int)((along_k) ? item / (STEP / 4) : item % (WIDTH / 4) * 4);               \
    const int x##_k = (int)((along_k) ? item % (STEP / 4) * 4 : item / (WIDTH / 4));               \
    const int x##_left = (i_size) - (i0)-x##_i;                                                    \
    const ulong x##_step = (along_k) ? (STEP) : (STEP) * (ulong)x##_rows;                          \
    float4 x##_next;                                                                               \
    x += (along_k) ? (ulong)((i0) + x##_i) * (ulong)x##_rows + (ulong)x##_k                        \
                   : (ulong)x##_k * (ulong)x##_rows + (ulong)((i0) + x##_i);

#define STRIP_LOAD(x, along_k, k_left, vector)                                                     \
    x##_next = (along_k) ? load_4(x, x##_left, (k_left)-x##_k, vector)                             \
                         : load_4(x, (k_left)-x##_k, x##_left, vector);                            \
    x += x##_step;

#define STRIP_STORE(x, along_k, strip)                                                             \
    if (along_k) {                                                                                 \
        ((__local float *)(strip)[x##_k])[x##_i] = x##_next.s0;                                    \
        ((__local float *)(strip)[x##_k + 1])[x##_i] = x##_next.s1;                                \
        ((__local float *)(strip)[x##_k + 2])[x##_i] = x##_next.s2;                                \
        ((__local float *)(strip)[x##_k + 3])[x##_i] = x##_next.s3;                                \
    } else {                                                                                       \
        (strip)[x##_k][x##_i / 4] = x##_next;                                                      \
    }

/* The elements of an item are blocks of 4 x 4, 64 rows or columns apart: F(row, the same within the
 * block, name of the block's rows). */
#define ROWS_64(F)  F(0, 0, a0) F(1, 1, a0) F(2, 2, a0) F(3, 3, a0)
#define ROWS_128(F) ROWS_64(F) F(4, 0, a1) F(5, 1, a1) F(6, 2, a1) F(7, 3, a1)

#define DECLARE_64(r, i, block)  float4 s##r = (float4)(0.0f);
#define DECLARE_128(r, i, block) float4 s##r = (float4)(0.0f), t##r = (float4)(0.0f);

#define READ_64(k)                                                                                 \
    const float4 a0 = a_strip[buffer][k][y];                                                       \
    const float4 b0 = b_strip[buffer][k][x];
#define READ_128(k)                                                                                \
    READ_64(k)                                                                                     \
    const float4 a1 = a_strip[buffer][k][16 + y];                                                  \
    const float4 b1 = b_strip[buffer][k][16 + x];

#define MULTIPLY_64(r, i, block) s##r += block.s##i * b0;
#define MULTIPLY_128(r, i, block)                                                                  \
    s##r += block.s##i * b0;                                                                       \
    t##r += block.s##i * b1;

#define STORE_64(r, i, block)                                                                      \
    if (m + r / 4 * 64 + i < m_size)                                                               \
        store_4(c + (ulong)(r / 4 * 64 + i) * (ulong)c_rows, s##r, n_size - n, vectors & 4, alpha, \
                beta);
#define STORE_128(r, i, block)                                                                     \
    STORE_64(r, i, block)                                                                          \
    if (m + r / 4 * 64 + i < m_size)                                                               \
        store_4(c + (ulong)(r / 4 * 64 + i) * (ulong)c_rows + 64, t##r, n_size - n - 64,           \
                vectors & 4, alpha, beta);

/* Loops are unrolled by what leaves registers for several groups on a unit: 4 of tiles of 64, 2 of
 * tiles of 128 (of 64 and 128 registers an item, as ptxas counts them for sm_90). */
#define DEFINE_TILES(TILE, STEP, UNROLL)                                                           \
    __kernel __attribute__((reqd_work_group_size(GROUP, 1, 1))) void gemm_gpu_##TILE(ARGUMENTS)    \
    {                                                                                              \
        __local float4 a_strip[2][STEP][TILE / 4 + 1], b_strip[2][STEP][TILE / 4 + 1];             \
        const uint item = (uint)get_local_id(0);                                                   \
        const int x = (int)(item % 16), y = (int)(item / 16);                                      \
        const int n0 = (int)get_group_id(0) * TILE, m0 = (int)get_group_id(1) * TILE;              \
        const int n = n0 + 4 * x, m = m0 + 4 * y;                                                  \
        int buffer = 0;                                                                            \
        ROWS_##TILE(DECLARE_##TILE)                                                                \
                                                                                                   \
            GO_TO_BATCH c += (ulong)m * (ulong)c_rows + (ulong)n;                                  \
        STRIP_START(a, !trans_a, m0, m_size, STEP, TILE)                                           \
        STRIP_START(b, trans_b, n0, n_size, STEP, TILE)                                            \
        STRIP_LOAD(a, !trans_a, k_size, vectors & 1)                                               \
        STRIP_LOAD(b, trans_b, k_size, vectors & 2)                                                \
        STRIP_STORE(a, !trans_a, a_strip[0])                                                       \
        STRIP_STORE(b, trans_b, b_strip[0])                                                        \
        barrier(CLK_LOCAL_MEM_FENCE);                                                              \
        for (int k_left = k_size; k_left > 0; k_left -= STEP) {                                    \
            if (k_left > STEP) {                                                                   \
                STRIP_LOAD(a, !trans_a, k_left - STEP, vectors & 1)                                \
                STRIP_LOAD(b, trans_b, k_left - STEP, vectors & 2)                                 \
            }                                                                                      \
            _Pragma(UNROLL) for (int k = 0; k < STEP;                                              \
                                 k++) { READ_##TILE(k) ROWS_##TILE(MULTIPLY_##TILE) } buffer ^= 1; \
            if (k_left > STEP) {                                                                   \
                STRIP_STORE(a, !trans_a, a_strip[buffer])                                          \
                STRIP_STORE(b, trans_b, b_strip[buffer])                                           \
            }                                                                                      \
            barrier(CLK_LOCAL_MEM_FENCE);                                                          \
        }                                                                                          \
        ROWS_##TILE(STORE_##TILE)                                                                  \
    }

DEFINE_TILES(64, 16, "unroll 4")
DEFINE_TILES(128, 8, "unroll 2")

/* ---- tiles of 16 ---- */

#define SIDE 8  /* of the group */
#define TILE 16 /* of C, and the step of k */

/* As above, element by element. Positions are counted in uint: Oclgrind 21.10 does not know what
 * LLVM makes of the quotient and the remainder of an int. */
#define SMALL_STRIP(strip, x, x_rows, along_k, i0, i_size)                                         \
    for (uint e = item; e < TILE * TILE; e += SIDE * SIDE) {                                       \
        const int k = (int)((along_k) ? e % TILE : e / TILE);                                      \
        const int i = (int)((along_k) ? e / TILE : e % TILE);                                      \
        const ulong at = (along_k) ? (ulong)((i0) + i) * (ulong)(x_rows) + (ulong)(k0 + k)         \
                                   : (ulong)(k0 + k) * (ulong)(x_rows) + (ulong)((i0) + i);        \
        (strip)[k][i] = k < k_size - k0 && i < (i_size) - (i0) ? (x)[at] : 0.0f;                   \
    }

__kernel __attribute__((reqd_work_group_size(SIDE, SIDE, 1))) void gemm_gpu_16(ARGUMENTS)
{
    __local float a_strip[TILE][TILE + 1], b_strip[TILE][TILE + 1];
    const int x = (int)get_local_id(0), y = (int)get_local_id(1);
    const uint item = (uint)(y * SIDE + x);
    const int n0 = (int)get_group_id(0) * TILE, m0 = (int)get_group_id(1) * TILE;
    float sum[2][2] = { { 0.0f, 0.0f }, { 0.0f, 0.0f } };

    GO_TO_BATCH
    for (int k0 = 0, step; k_size - k0 > 0; k0 += step) {
        step = min(TILE, k_size - k0);
        SMALL_STRIP(a_strip, a, a_rows, !trans_a, m0, m_size)
        SMALL_STRIP(b_strip, b, b_rows, trans_b, n0, n_size)
        barrier(CLK_LOCAL_MEM_FENCE);
        for (int k = 0; k < TILE; k++) {
            for (int i = 0; i < 2; i++) {
                for (int j = 0; j < 2; j++)
                    sum[i][j] += a_strip[k][y + SIDE * i] * b_strip[k][x + SIDE * j];
            }
        }
        barrier(CLK_LOCAL_MEM_FENCE);
    }
    for (int i = 0; i < 2; i++) {
        for (int j = 0; j < 2; j++) {
            const int m = m0 + y + SIDE * i, n = n0 + x + SIDE * j;

            if (m < m_size && n < n_size)
                store_1(c + (ulong)m * (ulong)c_rows + (ulong)n, sum[i][j], alpha, beta);
        }
    }
}

/* ---- few rows ---- */

/* A group makes all rows of COLUMNS columns. An item has four columns and one of SLICES parts of
 * k, taking four steps of every 4 SLICES. Where rows of B run along the columns, neighbours take
 * neighbouring columns, and the four steps are neighbours; where they run along k, neighbours take
 * neighbouring steps, and the four are SLICES apart. So B is read once, in whole lines. op(A) goes
 * through local memory, 4096 elements at a time.
 * Order of the sum: ascending within a slice, then the slices in order. */
#define COLUMNS 32
#define SLICES  (GROUP / (COLUMNS / 4))
#define PART    (COLUMNS + 1) /* float4 of a slice: four rows, and one against bank conflicts */

/* Four columns at one step of k, where rows of B run along k. */
static float4 load_column(__global const float *x, ulong rows_apart, int n_left, int k_left)
{
    float4 four = (float4)(0.0f);

    if (k_left > 0) {
        if (n_left > 0)
            four.s0 = x[0];
        if (n_left > 1)
            four.s1 = x[rows_apart];
        if (n_left > 2)
            four.s2 = x[2 * rows_apart];
        if (n_left > 3)
            four.s3 = x[3 * rows_apart];
    }
    return four;
}

/* v0 to v3: four columns at the four steps. */
#define LOAD_STEPS                                                                                 \
    if (trans_b) {                                                                                 \
        __global const float *from = b + k;                                                        \
        v0 = load_column(from, (ulong)b_rows, n_left, k_left - k);                                 \
        v1 = load_column(from + SLICES, (ulong)b_rows, n_left, k_left - k - SLICES);               \
        v2 = load_column(from + 2 * SLICES, (ulong)b_rows, n_left, k_left - k - 2 * SLICES);       \
        v3 = load_column(from + 3 * SLICES, (ulong)b_rows, n_left, k_left - k - 3 * SLICES);       \
    } else {                                                                                       \
        __global const float *from = b + (ulong)k * (ulong)b_rows;                                 \
        v0 = load_4(from, k_left - k, n_left, vectors & 2);                                        \
        v1 = load_4(from + (ulong)b_rows, k_left - k - 1, n_left, vectors & 2);                    \
        v2 = load_4(from + 2 * (ulong)b_rows, k_left - k - 2, n_left, vectors & 2);                \
        v3 = load_4(from + 3 * (ulong)b_rows, k_left - k - 3, n_left, vectors & 2);                \
    }

#define SKINNY_4(F)  F(0) F(1) F(2) F(3)
#define SKINNY_16(F) SKINNY_4(F) F(4) F(5) F(6) F(7) F(8) F(9) F(10) F(11) F(12) F(13) F(14) F(15)

#define SKINNY_DECLARE(r) float4 s##r = (float4)(0.0f);
#define SKINNY_MULTIPLY(r)                                                                         \
    s##r += words[r * pitch + k] * v0;                                                             \
    s##r += words[r * pitch + k + apart] * v1;                                                     \
    s##r += words[r * pitch + k + 2 * apart] * v2;                                                 \
    s##r += words[r * pitch + k + 3 * apart] * v3;

/* Four rows of C: the slices' sums to memory, from where the first 128 items add them. */
#define SKINNY_STORE(r0, r1, r2, r3)                                                               \
    if (r0 < m_size) {                                                                             \
        memory[slice * PART + quad] = s##r0;                                                       \
        memory[slice * PART + COLUMNS / 4 + quad] = s##r1;                                         \
        memory[slice * PART + 2 * (COLUMNS / 4) + quad] = s##r2;                                   \
        memory[slice * PART + 3 * (COLUMNS / 4) + quad] = s##r3;                                   \
        barrier(CLK_LOCAL_MEM_FENCE);                                                              \
        if (row < 4 && r0 + row < m_size && column < n_size - n0) {                                \
            float sum = 0.0f;                                                                      \
            for (int i = 0; i < SLICES; i++)                                                       \
                sum += words[i * PART * 4 + (int)item];                                            \
            store_1(c + (ulong)(r0 + row) * (ulong)c_rows + (ulong)(n0 + column), sum, alpha,      \
                    beta);                                                                         \
        }                                                                                          \
        barrier(CLK_LOCAL_MEM_FENCE);                                                              \
    }
#define SKINNY_STORE_4 SKINNY_STORE(0, 1, 2, 3)
#define SKINNY_STORE_16                                                                            \
    SKINNY_STORE(0, 1, 2, 3)                                                                       \
    SKINNY_STORE(4, 5, 6, 7) SKINNY_STORE(8, 9, 10, 11) SKINNY_STORE(12, 13, 14, 15)

/* op(A) in local memory: `depth` steps of k, a row after the other, `pitch` words each. */
#define DEFINE_SKINNY(ROWS)                                                                        \
    __kernel                                                                                       \
        __attribute__((reqd_work_group_size(GROUP, 1, 1))) void gemm_gpu_skinny_##ROWS(ARGUMENTS)  \
    {                                                                                              \
        __local float4 memory[SLICES * PART]; /* at least ROWS * pitch words */                    \
        __local float *const words = (__local float *)memory;                                      \
        const int depth = 4096 / ROWS, pitch = depth + 4;                                          \
        const uint item = (uint)get_local_id(0);                                                   \
        const int n0 = (int)get_group_id(0) * COLUMNS;                                             \
        const int quad = (int)(trans_b ? item / SLICES : item % (COLUMNS / 4));                    \
        const int slice = (int)(trans_b ? item % SLICES : item / (COLUMNS / 4));                   \
        const int row = (int)(item / COLUMNS), column = (int)(item % COLUMNS);                     \
        const int n_left = n_size - n0 - 4 * quad, apart = trans_b ? SLICES : 1;                   \
        SKINNY_##ROWS(SKINNY_DECLARE)                                                              \
                                                                                                   \
            GO_TO_BATCH b +=                                                                       \
            trans_b ? (ulong)(n0 + 4 * quad) * (ulong)b_rows : (ulong)(n0 + 4 * quad);             \
        for (int k_left = k_size; k_left > 0; k_left -= depth) {                                   \
            for (uint e = item; e < 1024; e += GROUP) {                                            \
                if (trans_a) {                                                                     \
                    const int k = (int)(e / (ROWS / 4)), r = (int)(e % (ROWS / 4) * 4);            \
                    const float4 u = load_4(a + (ulong)k * (ulong)a_rows + (ulong)r, k_left - k,   \
                                            m_size - r, vectors & 1);                              \
                    words[r * pitch + k] = u.s0;                                                   \
                    words[(r + 1) * pitch + k] = u.s1;                                             \
                    words[(r + 2) * pitch + k] = u.s2;                                             \
                    words[(r + 3) * pitch + k] = u.s3;                                             \
                } else {                                                                           \
                    const int r = (int)(e / (1024 / ROWS)), k = (int)(e % (1024 / ROWS) * 4);      \
                    memory[(r * pitch + k) / 4] = load_4(a + (ulong)r * (ulong)a_rows + (ulong)k,  \
                                                         m_size - r, k_left - k, vectors & 1);     \
                }                                                                                  \
            }                                                                                      \
            barrier(CLK_LOCAL_MEM_FENCE);                                                          \
            for (int k = trans_b ? slice : 4 * slice; k < min(depth, k_left); k += 4 * SLICES) {   \
                float4 v0, v1, v2, v3;                                                             \
                LOAD_STEPS                                                                         \
                SKINNY_##ROWS(SKINNY_MULTIPLY)                                                     \
            }                                                                                      \
            barrier(CLK_LOCAL_MEM_FENCE);                                                          \
            a += trans_a ? (ulong)depth * (ulong)a_rows : (ulong)depth;                            \
            b += trans_b ? (ulong)depth : (ulong)depth * (ulong)b_rows;                            \
        }                                                                                          \
        SKINNY_STORE_##ROWS                                                                        \
    }

DEFINE_SKINNY(4)
DEFINE_SKINNY(16)
