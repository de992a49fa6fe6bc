/* SPDX-License-Identifier: BSD-2-Clause */
#include "defs.clh"

CLSEQ_KERNEL void clip_scale(__global const float *sumsq, ulong sumsq_offset, __global float *stats,
                             ulong stats_offset, float max_norm, float scale CLSEQ_IDS)
{
    if (CLSEQ_ID(0) == 0) {
        const float norm = scale * sqrt(sumsq[sumsq_offset]);
        const float clip = max_norm > 0.0f && norm > max_norm ? max_norm / norm : 1.0f;

        stats[stats_offset] = norm;
        stats[stats_offset + 1] = isfinite(norm) ? scale * clip : 0.0f;
    }
}

/* The row of w for row r of the gradient: r itself, or a named one; -1 when there is none. */
static inline int updated_row(__global const int *index, ulong index_offset, int has_index,
                              int n_w_rows, int r)
{
    const int named = has_index ? index[index_offset + (ulong)r] : r;

    return named >= 0 && named < n_w_rows ? named : -1;
}

/*
 * Every update is a macro <NAME>_STEP(F, LOAD, STORE) for the columns at j: floats F, read and
 * written by LOAD(x) and STORE(value, x) from x_row, once as vectors and once for the columns
 * that are left. It gets the gradient, g' of op_args.h, by UPDATE_G(F, weight, LOAD). What is off
 * (decay 0) is left out and not added as 0, so that it costs no bit.
 */
#define UPDATE_HEAD                                                                                \
    __global const float *g, ulong g_offset, int g_stride, __global const float *stats,            \
        ulong stats_offset, __global const int *index, ulong index_offset, int has_index
#define UPDATE_TENSOR(x) __global float *x, ulong x##_offset, int x##_stride
#define UPDATE_SIZES     int n_w_rows, int n_rows, int n_columns, int chunk

#define UPDATE_G(F, weight, LOAD)                                                                  \
    (decay != 0.0f ? scale * LOAD(g) + decay * (weight) : scale * LOAD(g))

#define UPDATE_LOAD_V(x)         vloadV(0, x##_row + j)
#define UPDATE_STORE_V(value, x) vstoreV(value, 0, x##_row + j)
#define UPDATE_LOAD_1(x)         x##_row[j]
#define UPDATE_STORE_1(value, x) (x##_row[j] = (value))

#define UPDATE_ROW(x) __global float *x##_row = CLSEQ_ROW(x, x##_offset, x##_stride, row)

/* All rows and columns of this work-item. ROWS makes the pointers x_row of the moments. */
#define UPDATE_ALL(ROWS, STEP)                                                                     \
    const float scale = stats[stats_offset + 1];                                                   \
    CLSEQ_RUN(first, last, chunk, n_columns);                                                      \
                                                                                                   \
    for (int r = CLSEQ_ID(1); r < n_rows; r += CLSEQ_SIZE(1)) {                                    \
        const int row = updated_row(index, index_offset, has_index, n_w_rows, r);                  \
                                                                                                   \
        if (row >= 0 && scale != 0.0f) {                                                           \
            __global const float *g_row = CLSEQ_ROW(g, g_offset, g_stride, r);                     \
            int j = first;                                                                         \
            UPDATE_ROW(w);                                                                         \
            ROWS;                                                                                  \
                                                                                                   \
            for (; j + VW <= last; j += VW)                                                        \
                STEP(floatV, UPDATE_LOAD_V, UPDATE_STORE_V);                                       \
            for (; j < last; j++)                                                                  \
                STEP(float, UPDATE_LOAD_1, UPDATE_STORE_1);                                        \
        }                                                                                          \
    }

/* shrink = lr decay, rounded once by the host. */
#define SGD_STEP(F, LOAD, STORE)                                                                   \
    {                                                                                              \
        const F weight = LOAD(w), step = lr * scale * LOAD(g);                                     \
                                                                                                   \
        STORE(weight - (shrink != 0.0f ? step + shrink * weight : step), w);                       \
    }

CLSEQ_KERNEL void sgd_update(UPDATE_HEAD, UPDATE_TENSOR(w), UPDATE_SIZES, float lr,
                             float shrink CLSEQ_IDS) { UPDATE_ALL(, SGD_STEP) }

/* rest1 = 1 - beta1 and rest2 = 1 - beta2, rounded once by the host. */
#define ADAM_STEP(F, LOAD, STORE)                                                                  \
    {                                                                                              \
        const F weight = LOAD(w), grad = UPDATE_G(F, weight, LOAD);                                \
        const F new_m = beta1 * LOAD(m) + rest1 * grad;                                            \
        const F new_v = beta2 * LOAD(v) + rest2 * grad * grad;                                     \
        const F step = step_size * new_m / (sqrt(new_v) * inv_sqrt_bias2 + eps);                   \
                                                                                                   \
        STORE(new_m, m);                                                                           \
        STORE(new_v, v);                                                                           \
        STORE(weight - (shrink != 0.0f ? step + shrink * weight : step), w);                       \
    }

CLSEQ_KERNEL void adam_update(UPDATE_HEAD, UPDATE_TENSOR(w), UPDATE_TENSOR(m), UPDATE_TENSOR(v),
                              UPDATE_SIZES, float step_size, float beta1, float rest1, float beta2,
                              float rest2, float inv_sqrt_bias2, float eps, float decay,
                              float shrink CLSEQ_IDS)
{
    UPDATE_ALL(UPDATE_ROW(m); UPDATE_ROW(v), ADAM_STEP)
}

#define MOMENTUM_STEP(F, LOAD, STORE)                                                              \
    {                                                                                              \
        const F weight = LOAD(w), grad = UPDATE_G(F, weight, LOAD);                                \
        const F new_m = momentum * LOAD(m) + grad;                                                 \
                                                                                                   \
        STORE(new_m, m);                                                                           \
        STORE(weight - lr * (nesterov ? grad + momentum * new_m : new_m), w);                      \
    }

CLSEQ_KERNEL void momentum_update(UPDATE_HEAD, UPDATE_TENSOR(w), UPDATE_TENSOR(m), UPDATE_SIZES,
                                  float lr, float momentum, float decay, int nesterov CLSEQ_IDS) {
    UPDATE_ALL(UPDATE_ROW(m), MOMENTUM_STEP)
}

#define ADAGRAD_STEP(F, LOAD, STORE)                                                               \
    {                                                                                              \
        const F weight = LOAD(w), grad = UPDATE_G(F, weight, LOAD);                                \
        const F new_v = LOAD(v) + grad * grad;                                                     \
                                                                                                   \
        STORE(new_v, v);                                                                           \
        STORE(weight - lr * grad / (sqrt(new_v) + eps), w);                                        \
    }

CLSEQ_KERNEL void adagrad_update(UPDATE_HEAD, UPDATE_TENSOR(w), UPDATE_TENSOR(v), UPDATE_SIZES,
                                 float lr, float eps,
                                 float decay CLSEQ_IDS) { UPDATE_ALL(UPDATE_ROW(v), ADAGRAD_STEP) }

/* rest = 1 - rho, rounded once by the host; here and in rmsprop_update. */
#define ADADELTA_STEP(F, LOAD, STORE)                                                              \
    {                                                                                              \
        const F weight = LOAD(w), old_u = LOAD(u), grad = UPDATE_G(F, weight, LOAD);               \
        const F new_v = rho * LOAD(v) + rest * grad * grad;                                        \
        const F delta = sqrt((old_u + eps) / (new_v + eps)) * grad;                                \
                                                                                                   \
        STORE(new_v, v);                                                                           \
        STORE(rho *old_u + rest * delta * delta, u);                                               \
        STORE(weight - lr * delta, w);                                                             \
    }

CLSEQ_KERNEL void adadelta_update(UPDATE_HEAD, UPDATE_TENSOR(w), UPDATE_TENSOR(v), UPDATE_TENSOR(u),
                                  UPDATE_SIZES, float lr, float rho, float rest, float eps,
                                  float decay CLSEQ_IDS)
{
    UPDATE_ALL(UPDATE_ROW(v); UPDATE_ROW(u), ADADELTA_STEP)
}

#define RMSPROP_STEP(F, LOAD, STORE)                                                               \
    {                                                                                              \
        const F weight = LOAD(w), grad = UPDATE_G(F, weight, LOAD);                                \
        const F new_v = rho * LOAD(v) + rest * grad * grad;                                        \
                                                                                                   \
        STORE(new_v, v);                                                                           \
        STORE(weight - lr * grad / (sqrt(new_v) + eps), w);                                        \
    }

CLSEQ_KERNEL void rmsprop_update(UPDATE_HEAD, UPDATE_TENSOR(w), UPDATE_TENSOR(v), UPDATE_SIZES,
                                 float lr, float rho, float rest, float eps, float decay CLSEQ_IDS)
{
    UPDATE_ALL(UPDATE_ROW(v), RMSPROP_STEP)
}
