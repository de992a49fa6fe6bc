/* SPDX-License-Identifier: BSD-2-Clause */
#include "defs.clh"

#include "vmath.clh"

/* Words of sentence b that count, of n. */
static inline int live_words(__global const int *length, ulong length_offset, int has_length, int b,
                             int n)
{
    return has_length ? clamp(length[length_offset + (ulong)b], 0, n) : n;
}

#if CLSEQ_CPU

/* The first n < VW elements and `rest` in the other lanes: rows are short, so their ends matter. */
static inline floatV load_some(__global const float *x, int n, float rest)
{
    float lanes[VW];

    for (int i = 0; i < VW; i++)
        lanes[i] = i < n ? x[i] : rest;
    return vloadV(0, lanes);
}

static inline void store_some(floatV value, __global float *y, int n)
{
    float lanes[VW];

    vstoreV(value, 0, lanes);
    for (int i = 0; i < n; i++)
        y[i] = lanes[i];
}

/* The lanes of a vector, in order. */
static inline float lanes_total(floatV x)
{
    float lanes[VW], sum = 0.0f;

    vstoreV(x, 0, lanes);
    for (int i = 0; i < VW; i++)
        sum += lanes[i];
    return sum;
}

/* A work-item per row; rows of all sentences one after the other. y may be x. */
CLSEQ_KERNEL void masked_softmax_fwd(__global const float *x, ulong x_offset, ulong x_plane,
                                     int x_stride, __global const int *length, ulong length_offset,
                                     int has_length, __global float *y, ulong y_offset,
                                     ulong y_plane, int y_stride, int n_rows, int n_steps,
                                     int n_columns CLSEQ_IDS)
{
    const int row = CLSEQ_ID(0), b = row / n_steps, t = row - b * n_steps;

    if (row >= n_rows)
        return;
    __global const float *from = CLSEQ_ROW(x + x_offset + (ulong)b * x_plane, 0, x_stride, t);
    __global float *to = CLSEQ_ROW(y + y_offset + (ulong)b * y_plane, 0, y_stride, t);
    const int live = live_words(length, length_offset, has_length, b, n_columns);
    const int whole = live / VW * VW;
    floatV high = (floatV)(-INFINITY), sum = (floatV)(0.0f);
    float lanes[VW], largest = -INFINITY, total;
    int j;

    /* The largest skips NaN; the sum does not, so a row with a NaN becomes NaN. */
    for (j = 0; j < whole; j += VW) {
        const floatV value = vloadV(0, from + j);

        high = value > high ? value : high;
    }
    vstoreV(high, 0, lanes);
    for (int i = 0; i < VW; i++)
        largest = lanes[i] > largest ? lanes[i] : largest;
    for (; j < live; j++)
        largest = from[j] > largest ? from[j] : largest;

    for (j = 0; j < whole; j += VW) {
        const floatV e = exp_negative_v(vloadV(0, from + j) - largest);

        sum += e;
        vstoreV(e, 0, to + j);
    }
    if (j < live) {
        const floatV e = exp_negative_v(load_some(from + j, live - j, -INFINITY) - largest);

        store_some(e, to + j, live - j);
        sum += load_some(to + j, live - j, 0.0f);
    }
    total = lanes_total(sum);
    for (j = 0; j < whole; j += VW)
        vstoreV(vloadV(0, to + j) / total, 0, to + j);
    for (; j < live; j++)
        to[j] /= total;
    for (; j < n_columns; j++)
        to[j] = 0.0f;
}

/* A work-item per row. dx may be dy. */
CLSEQ_KERNEL void masked_softmax_bwd(__global const float *y, ulong y_offset, ulong y_plane,
                                     int y_stride, __global const float *dy, ulong dy_offset,
                                     ulong dy_plane, int dy_stride, __global float *dx,
                                     ulong dx_offset, ulong dx_plane, int dx_stride, int n_rows,
                                     int n_steps, int n_columns CLSEQ_IDS)
{
    const int row = CLSEQ_ID(0), b = row / n_steps, t = row - b * n_steps;

    if (row >= n_rows)
        return;
    __global const float *value = CLSEQ_ROW(y + y_offset + (ulong)b * y_plane, 0, y_stride, t);
    __global const float *from = CLSEQ_ROW(dy + dy_offset + (ulong)b * dy_plane, 0, dy_stride, t);
    __global float *to = CLSEQ_ROW(dx + dx_offset + (ulong)b * dx_plane, 0, dx_stride, t);
    const int whole = n_columns / VW * VW, rest = n_columns - whole;
    floatV sum = (floatV)(0.0f);
    float total;

    for (int j = 0; j < whole; j += VW)
        sum += vloadV(0, value + j) * vloadV(0, from + j);
    if (rest > 0)
        sum += load_some(value + whole, rest, 0.0f) * load_some(from + whole, rest, 0.0f);
    total = lanes_total(sum);
    for (int j = 0; j < whole; j += VW)
        vstoreV(vloadV(0, value + j) * (vloadV(0, from + j) - total), 0, to + j);
    for (int j = whole; j < n_columns; j++)
        to[j] = value[j] * (from[j] - total);
}

/* A work-item per step of a sentence. */
CLSEQ_KERNEL void additive_score_fwd(__global const float *q, ulong q_offset, ulong q_plane,
                                     int q_stride, __global const float *k, ulong k_offset,
                                     ulong k_plane, int k_stride, __global const float *v,
                                     ulong v_offset, __global const int *length,
                                     ulong length_offset, int has_length, __global float *score,
                                     ulong score_offset, ulong score_plane, int score_stride,
                                     int n_rows, int n_steps, int n_words, int A CLSEQ_IDS)
{
    const int row = CLSEQ_ID(0), b = row / n_steps, t = row - b * n_steps;

    if (row >= n_rows)
        return;
    __global const float *query = CLSEQ_ROW(q + q_offset + (ulong)t * q_plane, 0, q_stride, b);
    __global float *to =
        CLSEQ_ROW(score + score_offset + (ulong)b * score_plane, 0, score_stride, t);
    const int live = live_words(length, length_offset, has_length, b, n_words);
    const int whole = A / VW * VW, rest = A - whole;

    v += v_offset;
    for (int s = 0; s < n_words; s++) {
        __global const float *key = CLSEQ_ROW(k + k_offset + (ulong)s * k_plane, 0, k_stride, b);
        floatV sum = (floatV)(0.0f);

        for (int j = 0; s < live && j < whole; j += VW)
            sum += vloadV(0, v + j) * tanh_v(vloadV(0, query + j) + vloadV(0, key + j));
        if (s < live && rest > 0)
            sum += load_some(v + whole, rest, 0.0f) * tanh_v(load_some(query + whole, rest, 0.0f) +
                                                             load_some(key + whole, rest, 0.0f));
        to[s] = lanes_total(sum);
    }
}

#else

/* Vectors are single floats, so there are no ends. */
#define load_some(x, n, rest)   (*(x))
#define store_some(value, y, n) (*(y) = (value))

/* partial[0] becomes the sum, or the largest, of all; every item gets it. */
static inline float group_total(__local float *partial, float mine, int is_largest)
{
    const int lane = (int)get_local_id(0);
    float result;

    partial[lane] = mine;
    barrier(CLK_LOCAL_MEM_FENCE);
    for (int half_lanes = (int)get_local_size(0) / 2; half_lanes > 0; half_lanes /= 2) {
        if (lane < half_lanes) {
            const float other = partial[lane + half_lanes];

            if (is_largest)
                partial[lane] = other > partial[lane] ? other : partial[lane];
            else
                partial[lane] += other;
        }
        barrier(CLK_LOCAL_MEM_FENCE);
    }
    result = partial[0];
    barrier(CLK_LOCAL_MEM_FENCE);
    return result;
}

/* A group per row; rows of all sentences one after the other. y may be x: an item reads and writes
 * its own columns. */
CLSEQ_KERNEL void masked_softmax_fwd(__global const float *x, ulong x_offset, ulong x_plane,
                                     int x_stride, __global const int *length, ulong length_offset,
                                     int has_length, __global float *y, ulong y_offset,
                                     ulong y_plane, int y_stride, int n_rows, int n_steps,
                                     int n_columns CLSEQ_IDS)
{
    __local float partial[CLSEQ_GROUP_MAX];
    const int lane = (int)get_local_id(0), lanes = (int)get_local_size(0);
    const int row = (int)get_group_id(0), b = row / n_steps, t = row - b * n_steps;
    __global const float *from = CLSEQ_ROW(x + x_offset + (ulong)b * x_plane, 0, x_stride, t);
    __global float *to = CLSEQ_ROW(y + y_offset + (ulong)b * y_plane, 0, y_stride, t);
    const int live = live_words(length, length_offset, has_length, b, n_columns);
    float high = -INFINITY, sum = 0.0f;

    for (int j = lane; j < live; j += lanes)
        high = from[j] > high ? from[j] : high;
    high = group_total(partial, high, 1);
    for (int j = lane; j < live; j += lanes) {
        const float e = exp_negative_1(from[j] - high);

        sum += e;
        to[j] = e;
    }
    sum = group_total(partial, sum, 0);
    for (int j = lane; j < n_columns; j += lanes)
        to[j] = j < live ? to[j] / sum : 0.0f;
}

/* A group per row. dx may be dy. */
CLSEQ_KERNEL void masked_softmax_bwd(__global const float *y, ulong y_offset, ulong y_plane,
                                     int y_stride, __global const float *dy, ulong dy_offset,
                                     ulong dy_plane, int dy_stride, __global float *dx,
                                     ulong dx_offset, ulong dx_plane, int dx_stride, int n_rows,
                                     int n_steps, int n_columns CLSEQ_IDS)
{
    __local float partial[CLSEQ_GROUP_MAX];
    const int lane = (int)get_local_id(0), lanes = (int)get_local_size(0);
    const int row = (int)get_group_id(0), b = row / n_steps, t = row - b * n_steps;
    __global const float *value = CLSEQ_ROW(y + y_offset + (ulong)b * y_plane, 0, y_stride, t);
    __global const float *from = CLSEQ_ROW(dy + dy_offset + (ulong)b * dy_plane, 0, dy_stride, t);
    __global float *to = CLSEQ_ROW(dx + dx_offset + (ulong)b * dx_plane, 0, dx_stride, t);
    float sum = 0.0f;

    for (int j = lane; j < n_columns; j += lanes)
        sum += value[j] * from[j];
    sum = group_total(partial, sum, 0);
    for (int j = lane; j < n_columns; j += lanes)
        to[j] = value[j] * (from[j] - sum);
}

/* Items that share a sum over the units; as many as a row of memory is read by. */
#define SCORE_LANES             32

/* A group per step of a sentence; every SCORE_LANES items of it take a word. */
CLSEQ_KERNEL void additive_score_fwd(__global const float *q, ulong q_offset, ulong q_plane,
                                     int q_stride, __global const float *k, ulong k_offset,
                                     ulong k_plane, int k_stride, __global const float *v,
                                     ulong v_offset, __global const int *length,
                                     ulong length_offset, int has_length, __global float *score,
                                     ulong score_offset, ulong score_plane, int score_stride,
                                     int n_rows, int n_steps, int n_words, int A CLSEQ_IDS)
{
    __local float partial[CLSEQ_GROUP_MAX];
    const int item = (int)get_local_id(0), items = (int)get_local_size(0);
    const int lanes = min(SCORE_LANES, items), lane = item & (lanes - 1); /* powers of two */
    const int row = (int)get_group_id(0), b = row / n_steps, t = row - b * n_steps;
    __global const float *query = CLSEQ_ROW(q + q_offset + (ulong)t * q_plane, 0, q_stride, b);
    __global float *to =
        CLSEQ_ROW(score + score_offset + (ulong)b * score_plane, 0, score_stride, t);
    const int live = live_words(length, length_offset, has_length, b, n_words);

    v += v_offset;
    for (int first = 0; first < n_words; first += items / lanes) {
        const int s = first + item / lanes;
        float sum = 0.0f;

        if (s < live) {
            __global const float *key =
                CLSEQ_ROW(k + k_offset + (ulong)s * k_plane, 0, k_stride, b);

            for (int j = lane; j < A; j += lanes)
                sum += v[j] * tanh_1(query[j] + key[j]);
        }
        partial[item] = sum;
        barrier(CLK_LOCAL_MEM_FENCE);
        for (int half_lanes = lanes / 2; half_lanes > 0; half_lanes /= 2) {
            if (lane < half_lanes)
                partial[item] += partial[item + half_lanes];
            barrier(CLK_LOCAL_MEM_FENCE);
        }
        if (lane == 0 && s < n_words)
            to[s] = partial[item];
    }
}

#endif

/* Words whose keys, and their gradients, a work-item holds at a time. The rows of a sentence are a
 * batch apart, often a power of two, so that a cache would keep few of them. */
#if CLSEQ_CPU
#define WORDS 64
#else
#define WORDS 1
#endif

static inline floatV load_end(__global const float *x, int n)
{
    return n >= VW ? vloadV(0, x) : load_some(x, n, 0.0f);
}

static inline void store_end(floatV value, __global float *y, int n)
{
    if (n >= VW)
        vstoreV(value, 0, y);
    else
        store_some(value, y, n);
}

/* A work-item takes a run of the units of one sentence through all steps and words, so every
 * element of dq and dk has one owner. dv_parts (B, A) gets the sums of each sentence. */
CLSEQ_KERNEL void additive_score_bwd(
    __global const float *dscore, ulong dscore_offset, ulong dscore_plane, int dscore_stride,
    __global const float *q, ulong q_offset, ulong q_plane, int q_stride, __global const float *k,
    ulong k_offset, ulong k_plane, int k_stride, __global const float *v, ulong v_offset,
    __global const int *length, ulong length_offset, int has_length, __global float *dq,
    ulong dq_offset, ulong dq_plane, int dq_stride, __global float *dk, ulong dk_offset,
    ulong dk_plane, int dk_stride, __global float *dv_parts, int n_sentences, int n_steps,
    int n_words, int A, int chunk, float beta CLSEQ_IDS)
{
    CLSEQ_RUN(first, last, chunk, A);

    for (int b = CLSEQ_ID(1); b < n_sentences; b += CLSEQ_SIZE(1)) {
        const int live = live_words(length, length_offset, has_length, b, n_words);
        __global const float *d = dscore + dscore_offset + (ulong)b * dscore_plane;
        __global const float *queries = CLSEQ_ROW(q, q_offset, q_stride, b);
        __global const float *keys = CLSEQ_ROW(k, k_offset, k_stride, b);
        __global float *dqueries = CLSEQ_ROW(dq, dq_offset, dq_stride, b);
        __global float *dkeys = CLSEQ_ROW(dk, dk_offset, dk_stride, b);

        for (int j = first; j < last; j += VW) {
            const int n = min(VW, last - j);
            const floatV factor = load_end(v + v_offset + j, n);
            floatV total = (floatV)(0.0f);
            int begin = 0;

            do { /* also without words: dq is written */
                const int here = clamp(live - begin, 0, WORDS);
                const int all = clamp(n_words - begin, 0, WORDS);
                floatV key[WORDS], dkey[WORDS];

                for (int s = 0; s < here; s++) {
                    key[s] = load_end(keys + (ulong)(begin + s) * k_plane + j, n);
                    dkey[s] = (floatV)(0.0f);
                }
                for (int t = 0; t < n_steps && (begin == 0 || here > 0); t++) {
                    __global const float *flow = d + (ulong)t * (ulong)dscore_stride + begin;
                    __global float *to = dqueries + (ulong)t * dq_plane + j;
                    const floatV query = load_end(queries + (ulong)t * q_plane + j, n);
                    floatV sum = (floatV)(0.0f);

                    for (int s = 0; s < here; s++) {
                        const floatV th = tanh_v(query + key[s]);
                        const floatV g = flow[s] * (1.0f - th * th);

                        total += flow[s] * th;
                        sum += g;
                        dkey[s] += g;
                    }
                    sum *= factor;
                    store_end(begin == 0 ? sum : load_end(to, n) + sum, to, n);
                }
                for (int s = 0; s < all; s++) {
                    __global float *to = dkeys + (ulong)(begin + s) * dk_plane + j;
                    const floatV sum = s < here ? factor * dkey[s] : (floatV)(0.0f);

                    store_end(beta != 0.0f ? sum + beta * load_end(to, n) : sum, to, n);
                }
                begin += WORDS;
            } while (begin < n_words);
            store_end(total, dv_parts + (ulong)b * (ulong)A + j, n);
        }
    }
}

#if !CLSEQ_CPU
#undef load_some
#undef store_some
#endif
