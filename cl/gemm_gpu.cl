/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Matrix products for GPUs: C = alpha op(A) op(B) + beta C. A group of 16 x 16 work-items makes a
 * square tile of C. It walks along k in steps of 16; each step copies a strip of op(A) and of op(B)
 * to local memory, with neighbouring items reading neighbouring addresses whatever the transposes,
 * and zeros where there is no matrix. All items reach every barrier.
 *   gemm_gpu_64   tiles of 64 x 64, 4 x 4 elements an item, 8.1 KiB of local memory
 *   gemm_gpu_16   tiles of 16 x 16, one element an item, for few rows or columns
 * Each element of C is one sum over k in ascending order.
 */
#pragma OPENCL FP_CONTRACT ON

#define SIDE 16 /* of the group, and the step of k */

/* strip[k][i] = op(X)[k0 + k][i0 + i] for i < WIDTH, as a group; i_size and k_size bound op(X).
 * `along_k`: k runs along the rows of X as stored. */
#define LOAD_STRIP(strip, x, x_rows, along_k, i0, i_size, k0, k_size, WIDTH)                       \
    for (uint e = (uint)item; e < SIDE * (WIDTH); e += SIDE * SIDE) {                              \
        const int k = (int)((along_k) ? e % SIDE : e / (WIDTH));                                   \
        const int i = (int)((along_k) ? e / SIDE : e % (WIDTH));                                   \
        const bool inside = (k0) + k < (k_size) && (i0) + i < (i_size);                            \
        const ulong at = (along_k) ? (ulong)((i0) + i) * (ulong)(x_rows) + (ulong)((k0) + k)       \
                                   : (ulong)((k0) + k) * (ulong)(x_rows) + (ulong)((i0) + i);      \
        (strip)[k][i] = inside ? (x)[at] : 0.0f;                                                   \
    }

/* The tile of PER x PER elements an item is interleaved: element (i, j) is row y + 16 i, column
 * x + 16 j of the group's tile, so that neighbours touch neighbouring words of local memory. */
#define DEFINE_GEMM(name, PER)                                                                     \
    __kernel __attribute__((reqd_work_group_size(SIDE, SIDE, 1))) void name(                       \
        __global const float *a, ulong a_offset, int a_rows, ulong a_batch,                        \
        __global const float *b, ulong b_offset, int b_rows, ulong b_batch, __global float *c,     \
        ulong c_offset, int c_rows, ulong c_batch, int m_size, int n_size, int k_size,             \
        int trans_a, int trans_b, float alpha, float beta)                                         \
    {                                                                                              \
        __local float a_strip[SIDE][SIDE * PER + 1], b_strip[SIDE][SIDE * PER + 1];                \
        const int x = (int)get_local_id(0), y = (int)get_local_id(1), item = y * SIDE + x;         \
        const int n0 = (int)get_group_id(0) * SIDE * PER, m0 = (int)get_group_id(1) * SIDE * PER;  \
        const ulong batch = get_group_id(2);                                                       \
        float sum[PER][PER];                                                                       \
                                                                                                   \
        a += a_offset + batch * a_batch;                                                           \
        b += b_offset + batch * b_batch;                                                           \
        c += c_offset + batch * c_batch;                                                           \
        for (int i = 0; i < PER; i++) {                                                            \
            for (int j = 0; j < PER; j++)                                                          \
                sum[i][j] = 0.0f;                                                                  \
        }                                                                                          \
        for (int k0 = 0; k0 < k_size; k0 += SIDE) {                                                \
            LOAD_STRIP(a_strip, a, a_rows, !trans_a, m0, m_size, k0, k_size, SIDE * PER)           \
            LOAD_STRIP(b_strip, b, b_rows, trans_b, n0, n_size, k0, k_size, (SIDE * PER))          \
            barrier(CLK_LOCAL_MEM_FENCE);                                                          \
            for (int k = 0; k < SIDE; k++) {                                                       \
                float u[PER], v[PER];                                                              \
                                                                                                   \
                for (int i = 0; i < PER; i++) {                                                    \
                    u[i] = a_strip[k][y + SIDE * i];                                               \
                    v[i] = b_strip[k][x + SIDE * i];                                               \
                }                                                                                  \
                for (int i = 0; i < PER; i++) {                                                    \
                    for (int j = 0; j < PER; j++)                                                  \
                        sum[i][j] += u[i] * v[j];                                                  \
                }                                                                                  \
            }                                                                                      \
            barrier(CLK_LOCAL_MEM_FENCE);                                                          \
        }                                                                                          \
        for (int i = 0; i < PER; i++) {                                                            \
            for (int j = 0; j < PER; j++) {                                                        \
                const int m = m0 + y + SIDE * i, n = n0 + x + SIDE * j;                            \
                                                                                                   \
                if (m < m_size && n < n_size) {                                                    \
                    __global float *to = c + (ulong)m * (ulong)c_rows + (ulong)n;                  \
                                                                                                   \
                    *to = beta == 0.0f ? alpha * sum[i][j] : alpha * sum[i][j] + beta * *to;       \
                }                                                                                  \
            }                                                                                      \
        }                                                                                          \
    }

DEFINE_GEMM(gemm_gpu_64, 4)
DEFINE_GEMM(gemm_gpu_16, 1)
