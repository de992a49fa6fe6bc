/* SPDX-License-Identifier: BSD-2-Clause */
#include "defs.clh"

CLSEQ_KERNEL void clip_scale(__global const float *sumsq, ulong sumsq_offset, __global float *stats,
                             ulong stats_offset, float max_norm)
{
    if (get_global_id(0) == 0) {
        const float norm = sqrt(sumsq[sumsq_offset]);
        const float scale = max_norm > 0.0f && norm > max_norm ? max_norm / norm : 1.0f;

        stats[stats_offset] = norm;
        stats[stats_offset + 1] = isfinite(norm) ? scale : 0.0f;
    }
}

/* The row of w for row r of the gradient: r itself, or a named one; -1 when there is none. */
static inline int updated_row(__global const int *index, ulong index_offset, int has_index,
                              int n_w_rows, int r)
{
    const int named = has_index ? index[index_offset + (ulong)r] : r;

    return named >= 0 && named < n_w_rows ? named : -1;
}

CLSEQ_KERNEL void sgd_update(__global const float *g, ulong g_offset, int g_stride,
                             __global const float *stats, ulong stats_offset,
                             __global const int *index, ulong index_offset, int has_index,
                             __global float *w, ulong w_offset, int w_stride, int n_w_rows,
                             int n_rows, int n_columns, int chunk, float lr)
{
    const float scale = stats[stats_offset + 1];
    const float rate = lr * scale;
    CLSEQ_RUN(first, last, chunk, n_columns);

    for (int r = (int)get_global_id(1); r < n_rows; r += (int)get_global_size(1)) {
        const int row = updated_row(index, index_offset, has_index, n_w_rows, r);

        if (row >= 0 && scale != 0.0f) {
            __global const float *from = CLSEQ_ROW(g, g_offset, g_stride, r);
            __global float *to = CLSEQ_ROW(w, w_offset, w_stride, row);
            int j = first;

            for (; j + VW <= last; j += VW)
                vstoreV(vloadV(0, to + j) - rate * vloadV(0, from + j), 0, to + j);
            for (; j < last; j++)
                to[j] -= rate * from[j];
        }
    }
}

/* rest1 = 1 - beta1 and rest2 = 1 - beta2, rounded once by the host. */
CLSEQ_KERNEL void adam_update(__global const float *g, ulong g_offset, int g_stride,
                              __global const float *stats, ulong stats_offset,
                              __global const int *index, ulong index_offset, int has_index,
                              __global float *w, ulong w_offset, int w_stride, __global float *m,
                              ulong m_offset, int m_stride, __global float *v, ulong v_offset,
                              int v_stride, int n_w_rows, int n_rows, int n_columns, int chunk,
                              float step_size, float beta1, float rest1, float beta2, float rest2,
                              float inv_sqrt_bias2, float eps)
{
    const float scale = stats[stats_offset + 1];
    CLSEQ_RUN(first, last, chunk, n_columns);

    for (int r = (int)get_global_id(1); r < n_rows; r += (int)get_global_size(1)) {
        const int row = updated_row(index, index_offset, has_index, n_w_rows, r);

        if (row >= 0 && scale != 0.0f) {
            __global const float *from = CLSEQ_ROW(g, g_offset, g_stride, r);
            __global float *weight = CLSEQ_ROW(w, w_offset, w_stride, row);
            __global float *first_moment = CLSEQ_ROW(m, m_offset, m_stride, row);
            __global float *second_moment = CLSEQ_ROW(v, v_offset, v_stride, row);
            int j = first;

            for (; j + VW <= last; j += VW) {
                const floatV grad = scale * vloadV(0, from + j);
                const floatV new_m = beta1 * vloadV(0, first_moment + j) + rest1 * grad;
                const floatV new_v = beta2 * vloadV(0, second_moment + j) + rest2 * grad * grad;

                vstoreV(new_m, 0, first_moment + j);
                vstoreV(new_v, 0, second_moment + j);
                vstoreV(vloadV(0, weight + j) -
                            step_size * new_m / (sqrt(new_v) * inv_sqrt_bias2 + eps),
                        0, weight + j);
            }
            for (; j < last; j++) {
                const float grad = scale * from[j];
                const float new_m = beta1 * first_moment[j] + rest1 * grad;
                const float new_v = beta2 * second_moment[j] + rest2 * grad * grad;

                first_moment[j] = new_m;
                second_moment[j] = new_v;
                weight[j] -= step_size * new_m / (sqrt(new_v) * inv_sqrt_bias2 + eps);
            }
        }
    }
}
