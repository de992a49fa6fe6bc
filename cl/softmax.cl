/* SPDX-License-Identifier: BSD-2-Clause */
#include "defs.clh"

#include "vmath.clh"

/* `at_target` is the logit of the target, NaN if there is none. Without smoothing (each is 0)
 * `total`, the sum of the logits, is not used. */
static inline float loss_at(float lse, int target, float at_target, float right, float each,
                            float total)
{
    if (target == -1)
        return 0.0f;
    return each == 0.0f ? lse - at_target : lse - right * at_target - each * total;
}

static inline float loss_of(__global const float *logits, float lse, int target, int n_columns,
                            float right, float each, float total)
{
    return loss_at(lse, target, target >= 0 && target < n_columns ? logits[target] : NAN, right,
                   each, total);
}

/* log(1 + exp(x)); 0 for -infinity. */
static inline float softplus_1(float x)
{
    return (x > 0.0f ? x : 0.0f) + log1p(exp_negative_1(fabs(x) * -1.0f));
}

/* The largest logit skips NaN; the sum does not, so a row with a NaN has a NaN as result. */
#if CLSEQ_CPU

/* Exponentials are summed in blocks of this many vectors. */
#define EXP_BLOCK 64

/* The sum of a row, in the same order as that of the exponentials. */
static inline float row_total(__global const float *x, int n)
{
    floatV sum = (floatV)(0.0f);
    float lanes[VW], total = 0.0f;
    int j = 0;

    while (j + VW <= n) {
        const int block_end = j + min(EXP_BLOCK * VW, n - j);
        floatV block = (floatV)(0.0f);

        for (; j + VW <= block_end; j += VW)
            block += vloadV(0, x + j);
        sum += block;
    }
    vstoreV(sum, 0, lanes);
    for (int i = 0; i < VW; i++)
        total += lanes[i];
    for (; j < n; j++)
        total += x[j];
    return total;
}

/* The row after this one is fetched while this one is used, if both have room in a second-level
 * cache. */
#define AHEAD_COLUMNS 32768
#if CLSEQ_PREFETCH
#define FETCH_NEXT(p) __builtin_prefetch(p);
#else
#define FETCH_NEXT(p)
#endif

static inline float largest_of_row(__global const float *x, int n)
{
    floatV high0 = (floatV)(-INFINITY), high1 = high0;
    float lanes[VW], largest = -INFINITY;
    int j = 0;

    for (; j + 2 * VW <= n; j += 2 * VW) {
        const floatV x0 = vloadV(0, x + j), x1 = vloadV(1, x + j);

        high0 = x0 > high0 ? x0 : high0;
        high1 = x1 > high1 ? x1 : high1;
    }
    vstoreV(high0 > high1 ? high0 : high1, 0, lanes);
    for (int i = 0; i < VW; i++)
        largest = lanes[i] > largest ? lanes[i] : largest;
    for (; j < n; j++)
        largest = x[j] > largest ? x[j] : largest;
    return largest;
}

/* The sum over a row of exp(x - largest); with `keep` these go to `to`. */
static inline float exp_sum(__global const float *x, int stride, int n, float largest, int keep,
                            __global float *to)
{
    __global const float *next = x + (n <= AHEAD_COLUMNS ? stride : 0);
    floatV sum = (floatV)(0.0f);
    float lanes[VW], total = 0.0f;
    int j = 0;

    while (j + VW <= n) {
        const int block_end = j + min(EXP_BLOCK * VW, n - j);
        floatV block = (floatV)(0.0f);

        for (; j + VW <= block_end; j += VW) {
            const floatV e = exp_negative_v(vloadV(0, x + j) - largest);

            FETCH_NEXT(next + j)
            if (keep)
                vstoreV(e, 0, to + j);
            block += e;
        }
        sum += block;
    }
    vstoreV(sum, 0, lanes);
    for (int i = 0; i < VW; i++)
        total += lanes[i];
    for (; j < n; j++) {
        const float e = exp_negative_1(x[j] - largest);

        if (keep)
            to[j] = e;
        total += e;
    }
    return total;
}

/* A work-item per row. */
CLSEQ_KERNEL void softmax_xent_fwd(__global const float *logits, ulong logits_offset,
                                   int logits_stride, __global const int *target,
                                   ulong target_offset, int has_target, __global float *loss,
                                   ulong loss_offset, __global float *lse, ulong lse_offset,
                                   int n_rows, int n_columns, float right, float each CLSEQ_IDS)
{
    const int row = CLSEQ_ID(0);

    if (row >= n_rows)
        return;
    __global const float *x = CLSEQ_ROW(logits, logits_offset, logits_stride, row);
    const float largest = largest_of_row(x, n_columns);
    const float log_sum =
        largest + log(exp_sum(x, logits_stride, n_columns, largest, 0, (__global float *)0));

    lse[lse_offset + (ulong)row] = log_sum;
    loss[loss_offset + (ulong)row] =
        has_target ? loss_of(x, log_sum, target[target_offset + (ulong)row], n_columns, right, each,
                             each == 0.0f ? 0.0f : row_total(x, n_columns))
                   : 0.0f;
}

/* to = scale (e factor - each), and once more less at the target: see the next kernel. */
static inline void gradient_of_row(__global float *to, int n, float factor, int wanted, float scale,
                                   float right, float each)
{
    const int is_here = wanted >= 0 && wanted < n;
    const float at_wanted = is_here ? to[wanted] : 0.0f;
    int j = 0;

    /* Subtracting an `each` of 0 changes no bit. */
    for (; j + VW <= n; j += VW)
        vstoreV(scale * (vloadV(0, to + j) * factor - each), 0, to + j);
    for (; j < n; j++)
        to[j] = scale * (to[j] * factor - each);
    if (is_here)
        to[wanted] = scale * (at_wanted * factor - right - each);
}

static inline void zero_row(__global float *to, int n)
{
    int j = 0;

    for (; j + VW <= n; j += VW)
        vstoreV((floatV)(0.0f), 0, to + j);
    for (; j < n; j++)
        to[j] = 0.0f;
}

/* Forward and backward: a row comes from memory once and goes there once, and between these stays
 * in the caches next to the core. A work-item per row. */
CLSEQ_KERNEL void softmax_xent(__global const float *logits, ulong logits_offset, int logits_stride,
                               __global const int *target, ulong target_offset,
                               __global float *loss, ulong loss_offset, __global float *lse,
                               ulong lse_offset, __global float *dlogits, ulong dlogits_offset,
                               int dlogits_stride, int n_rows, int n_columns, float scale,
                               float right, float each CLSEQ_IDS)
{
    const int row = CLSEQ_ID(0);

    if (row >= n_rows)
        return;
    __global const float *x = CLSEQ_ROW(logits, logits_offset, logits_stride, row);
    __global float *to = CLSEQ_ROW(dlogits, dlogits_offset, dlogits_stride, row);
    const int wanted = target[target_offset + (ulong)row];
    /* What the loss needs of the logits, which may be gone after the next line. */
    const float at_wanted = wanted >= 0 && wanted < n_columns ? x[wanted] : NAN;
    const float all = each == 0.0f ? 0.0f : row_total(x, n_columns);
    const float largest = largest_of_row(x, n_columns);
    const float sum = exp_sum(x, logits_stride, n_columns, largest, 1, to);
    const float log_sum = largest + log(sum);

    lse[lse_offset + (ulong)row] = log_sum;
    loss[loss_offset + (ulong)row] = loss_at(log_sum, wanted, at_wanted, right, each, all);
    if (wanted == -1)
        zero_row(to, n_columns);
    else
        gradient_of_row(to, n_columns, 1.0f / sum, wanted, scale, right, each);
}

static inline floatV softplus_v(floatV x)
{
    return (x > 0.0f ? x : (floatV)(0.0f)) + log1p(exp_negative_v(fabs(x) * -1.0f));
}

/* A work-item per row. */
CLSEQ_KERNEL void sigmoid_xent_fwd(__global const float *logits, ulong logits_offset,
                                   int logits_stride, __global const int *target,
                                   ulong target_offset, __global float *loss, ulong loss_offset,
                                   int n_rows, int n_columns CLSEQ_IDS)
{
    const int row = CLSEQ_ID(0);

    if (row >= n_rows)
        return;
    __global const float *x = CLSEQ_ROW(logits, logits_offset, logits_stride, row);
    floatV sum = (floatV)(0.0f);
    float lanes[VW], total = 0.0f;
    int j = 0;

    while (j + VW <= n_columns) {
        const int block_end = j + min(EXP_BLOCK * VW, n_columns - j);
        floatV block = (floatV)(0.0f);

        for (; j + VW <= block_end; j += VW)
            block += softplus_v(vloadV(0, x + j));
        sum += block;
    }
    vstoreV(sum, 0, lanes);
    for (int i = 0; i < VW; i++)
        total += lanes[i];
    for (; j < n_columns; j++)
        total += softplus_1(x[j]);
    loss[loss_offset + (ulong)row] =
        loss_of(x, total, target[target_offset + (ulong)row], n_columns, 1.0f, 0.0f, 0.0f);
}

#else

/* partial[0] becomes the sum of all. */
static inline void add_lanes(__local float *partial, int lane, int lanes)
{
    barrier(CLK_LOCAL_MEM_FENCE);
    for (int half_lanes = lanes / 2; half_lanes > 0; half_lanes /= 2) {
        if (lane < half_lanes)
            partial[lane] += partial[lane + half_lanes];
        barrier(CLK_LOCAL_MEM_FENCE);
    }
}

/* A group per row. */
CLSEQ_KERNEL void softmax_xent_fwd(__global const float *logits, ulong logits_offset,
                                   int logits_stride, __global const int *target,
                                   ulong target_offset, int has_target, __global float *loss,
                                   ulong loss_offset, __global float *lse, ulong lse_offset,
                                   int n_rows, int n_columns, float right, float each CLSEQ_IDS)
{
    __local float partial[CLSEQ_GROUP_MAX];
    const int lane = (int)get_local_id(0), lanes = (int)get_local_size(0);
    const int row = (int)get_group_id(0);
    __global const float *x = CLSEQ_ROW(logits, logits_offset, logits_stride, row);
    float high = -INFINITY, sum = 0.0f, total = 0.0f;

    for (int j = lane; j < n_columns; j += lanes)
        high = x[j] > high ? x[j] : high;
    partial[lane] = high;
    barrier(CLK_LOCAL_MEM_FENCE);
    for (int half_lanes = lanes / 2; half_lanes > 0; half_lanes /= 2) {
        if (lane < half_lanes)
            partial[lane] = partial[lane + half_lanes] > partial[lane] ? partial[lane + half_lanes]
                                                                       : partial[lane];
        barrier(CLK_LOCAL_MEM_FENCE);
    }
    high = partial[0];
    barrier(CLK_LOCAL_MEM_FENCE);

    if (each != 0.0f) { /* the same for all items */
        for (int j = lane; j < n_columns; j += lanes)
            total += x[j];
        partial[lane] = total;
        add_lanes(partial, lane, lanes);
        total = partial[0];
        barrier(CLK_LOCAL_MEM_FENCE);
    }
    for (int j = lane; j < n_columns; j += lanes)
        sum += exp_negative_1(x[j] - high);
    partial[lane] = sum;
    add_lanes(partial, lane, lanes);
    if (lane == 0) {
        const float log_sum = high + log(partial[0]);

        lse[lse_offset + (ulong)row] = log_sum;
        loss[loss_offset + (ulong)row] =
            has_target ? loss_of(x, log_sum, target[target_offset + (ulong)row], n_columns, right,
                                 each, total)
                       : 0.0f;
    }
}

/* A group per row. */
CLSEQ_KERNEL void sigmoid_xent_fwd(__global const float *logits, ulong logits_offset,
                                   int logits_stride, __global const int *target,
                                   ulong target_offset, __global float *loss, ulong loss_offset,
                                   int n_rows, int n_columns CLSEQ_IDS)
{
    __local float partial[CLSEQ_GROUP_MAX];
    const int lane = (int)get_local_id(0), lanes = (int)get_local_size(0);
    const int row = (int)get_group_id(0);
    __global const float *x = CLSEQ_ROW(logits, logits_offset, logits_stride, row);
    float sum = 0.0f;

    for (int j = lane; j < n_columns; j += lanes)
        sum += softplus_1(x[j]);
    partial[lane] = sum;
    add_lanes(partial, lane, lanes);
    if (lane == 0)
        loss[loss_offset + (ulong)row] =
            loss_of(x, partial[0], target[target_offset + (ulong)row], n_columns, 1.0f, 0.0f, 0.0f);
}

#endif

/* dlogits may be logits: the target's logit is read before anything is written. */
CLSEQ_KERNEL void softmax_xent_bwd(__global const float *logits, ulong logits_offset,
                                   int logits_stride, __global const int *target,
                                   ulong target_offset, __global const float *lse, ulong lse_offset,
                                   __global float *dlogits, ulong dlogits_offset,
                                   int dlogits_stride, int n_rows, int n_columns, int chunk,
                                   float scale, float right, float each CLSEQ_IDS)
{
    CLSEQ_RUN(first, last, chunk, n_columns);

    for (int row = CLSEQ_ID(1); row < n_rows; row += CLSEQ_SIZE(1)) {
        __global const float *x = CLSEQ_ROW(logits, logits_offset, logits_stride, row);
        __global float *to = CLSEQ_ROW(dlogits, dlogits_offset, dlogits_stride, row);
        const int wanted = target[target_offset + (ulong)row];
        const float log_sum = lse[lse_offset + (ulong)row];
        const int is_here = wanted >= first && wanted < last;
        const float at_wanted = is_here ? x[wanted] : 0.0f;
        int j = first;

        if (wanted == -1) {
            for (; j + VW <= last; j += VW)
                vstoreV((floatV)(0.0f), 0, to + j);
            for (; j < last; j++)
                to[j] = 0.0f;
            continue;
        }
        /* Subtracting an `each` of 0 changes no bit. */
        for (; j + VW <= last; j += VW)
            vstoreV(scale * (exp_v(vloadV(0, x + j) - log_sum) - each), 0, to + j);
        for (; j < last; j++)
            to[j] = scale * (exp_1(x[j] - log_sum) - each);
        if (is_here)
            to[wanted] = scale * (exp_1(at_wanted - log_sum) - right - each);
    }
}

CLSEQ_KERNEL void sigmoid_xent_bwd(__global const float *logits, ulong logits_offset,
                                   int logits_stride, __global const int *target,
                                   ulong target_offset, __global float *dlogits,
                                   ulong dlogits_offset, int dlogits_stride, int n_rows,
                                   int n_columns, int chunk, float scale CLSEQ_IDS)
{
    CLSEQ_RUN(first, last, chunk, n_columns);

    for (int row = CLSEQ_ID(1); row < n_rows; row += CLSEQ_SIZE(1)) {
        __global const float *x = CLSEQ_ROW(logits, logits_offset, logits_stride, row);
        __global float *to = CLSEQ_ROW(dlogits, dlogits_offset, dlogits_stride, row);
        const int wanted = target[target_offset + (ulong)row];
        const int is_here = wanted >= first && wanted < last;
        const float at_wanted = is_here ? x[wanted] : 0.0f;
        int j = first;

        if (wanted == -1) {
            for (; j + VW <= last; j += VW)
                vstoreV((floatV)(0.0f), 0, to + j);
            for (; j < last; j++)
                to[j] = 0.0f;
            continue;
        }
        for (; j + VW <= last; j += VW)
            vstoreV(scale * sigmoid_v(vloadV(0, x + j)), 0, to + j);
        for (; j < last; j++)
            to[j] = scale * sigmoid_1(x[j]);
        if (is_here)
            to[wanted] = scale * (sigmoid_1(at_wanted) - 1.0f);
    }
}
