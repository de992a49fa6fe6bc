/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The rough product of gemm_argmax on CPUs with AVX512_VNNI: C = A B^T + bias with rows of A and B
 * in int8, as argmax_int8.clh packs them. A vpdpbusd (Intel 64 and IA-32 Architectures Software
 * Developer's Manual, volume 2) adds to each of 16 integers four products of a byte from 0 to 255
 * and one from -128 to 127: four times as many as an instruction of fp32. The sums are exact.
 */
#include "defs.clh"

#define SIDE 32

#if CLSEQ_EMULATED

#define DOT_FUNCTION static

static int16 dot(int16 sum, uint16 a, uint16 b)
{
    for (uint i = 0; i < 32; i += 8)
        sum += as_int16((a >> i) & 255u) * (as_int16(b << (24u - i)) >> 24);
    return sum;
}

#define DOT(sum, a, b) sum = dot(sum, a, b);

#else

/* The processor that kernels are compiled for may be an older one. Not inlined, for the function
 * around it, which PoCL makes, is for that one. */
#define DOT_FUNCTION   __attribute__((noinline, target("avx512f,avx512bw,avx512vnni"))) static
#define DOT(sum, a, b) __asm__("vpdpbusd %2, %1, %0" : "+v"(sum) : "v"(a), "v"(b));

#endif

#if CLSEQ_PREFETCH
#define FETCH(x)          __builtin_prefetch(x);
#define FETCH_TO_WRITE(x) __builtin_prefetch(x, 1);
#else
#define FETCH(x)
#define FETCH_TO_WRITE(x)
#endif

/* Rows of C in registers: two vectors each, beside two of B and one of A. */
#define EACH_1(F)  F(0)
#define EACH_2(F)  F(0) F(1)
#define EACH_4(F)  EACH_2(F) F(2) F(3)
#define EACH_8(F)  EACH_4(F) F(4) F(5) F(6) F(7)
#define EACH_14(F) EACH_8(F) F(8) F(9) F(10) F(11) F(12) F(13)
#define ROWS_MAX   14

#define DECLARE(i) int16 u##i = (int16)(0), v##i = (int16)(0);
#define STEP(i)                                                                                    \
    {                                                                                              \
        const uint16 four = (uint16)(x[i * words + k]);                                            \
        DOT(u##i, four, b0)                                                                        \
        DOT(v##i, four, b1)                                                                        \
    }
#define STORE(i)                                                                                   \
    vstore16(u##i, 0, sums + i * SIDE);                                                            \
    vstore16(v##i, 1, sums + i * SIDE);

/* sums[rows][SIDE] = rows of A, `words` apart, times a panel of B; the panel that follows is
 * fetched if next_step is SIDE, and not if it is 0. */
#define DEFINE_ROWS(name, EACH)                                                                    \
    DOT_FUNCTION void name(__global const uint *x, __global const uint *y, int words, int *sums,   \
                           int next_step)                                                          \
    {                                                                                              \
        __global const uint *next = y + (next_step > 0 ? words * SIDE : 0);                        \
        EACH(DECLARE)                                                                              \
        for (int k = 0; k < words; k++, y += SIDE, next += next_step) {                            \
            const uint16 b0 = vload16(0, y), b1 = vload16(1, y);                                   \
                                                                                                   \
            FETCH(next)                                                                            \
            FETCH(next + 16)                                                                       \
            EACH(STEP)                                                                             \
        }                                                                                          \
        EACH(STORE)                                                                                \
    }
DEFINE_ROWS(rows_1, EACH_1)
DEFINE_ROWS(rows_2, EACH_2)
DEFINE_ROWS(rows_4, EACH_4)
DEFINE_ROWS(rows_8, EACH_8)
DEFINE_ROWS(rows_14, EACH_14)

/* As many of `rows` rows as fit; returns how many. */
static int product(__global const uint *x, __global const uint *y, int words, int rows, int *sums,
                   int next_step)
{
#define MAKE(n)                                                                                    \
    if (rows >= n) {                                                                               \
        rows_##n(x, y, words, sums, next_step);                                                    \
        return n;                                                                                  \
    }
    MAKE(14)
    MAKE(8)
    MAKE(4)
    MAKE(2)
    rows_1(x, y, words, sums, next_step);
    return 1;
}

/* A as int8_rows leaves it, B as int8_pack does. Items: (group of `group` columns, whole
 * panels). */
CLSEQ_KERNEL void gemm_int8(__global const uint *a, __global const float *numbers,
                            __global const uint *b, __global const float *bias, ulong bias_offset,
                            int has_bias, __global float *c, ulong c_offset, int c_rows, int m_size,
                            int n_size, int words, int group)
{
    const int filled = (n_size + SIDE - 1) / SIDE * SIDE;
    const int first = (int)get_global_id(0) * group, last = min(first + group, n_size);
    __global const float *scales = (__global const float *)(b + (ulong)filled * (ulong)words);
    __global const int *extra = (__global const int *)(scales + filled);
    int sums[ROWS_MAX * SIDE];
    float line[SIDE];

    bias += bias_offset;
    for (int n = first; n < last; n += SIDE) {
        __global const uint *y = b + (ulong)n * (ulong)words;
        const int columns = min(SIDE, n_size - n);

        for (int m = 0, rows; m < m_size; m += rows) {
            for (int i = 0; i < min(ROWS_MAX, m_size - m); i++) {
                FETCH_TO_WRITE(CLSEQ_ROW(c, c_offset, c_rows, m + i) + n)
                FETCH_TO_WRITE(CLSEQ_ROW(c, c_offset, c_rows, m + i) + n + columns - 1)
            }
            rows =
                product(a + (ulong)m * (ulong)words, y, words, m_size - m, sums, m == 0 ? SIDE : 0);
            for (int i = 0; i < rows; i++) {
                __global float *to = CLSEQ_ROW(c, c_offset, c_rows, m + i) + n;
                const float scale = numbers[3 * (m + i)];

                for (int j = 0; j < SIDE; j += 16) {
                    const int16 sum = vload16(0, sums + i * SIDE + j) - vload16(0, extra + n + j);
                    const float16 value = convert_float16(sum) * vload16(0, scales + n + j) * scale;

                    vstore16(value, 0, line + j);
                }
                if (columns == SIDE) {
                    for (int j = 0; j < SIDE; j += 16)
                        vstore16(vload16(0, line + j) +
                                     (has_bias ? vload16(0, bias + n + j) : (float16)(0.0f)),
                                 0, to + j);
                } else {
                    for (int j = 0; j < columns; j++)
                        to[j] = line[j] + (has_bias ? bias[n + j] : 0.0f);
                }
            }
        }
    }
}
