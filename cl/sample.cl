/* SPDX-License-Identifier: BSD-2-Clause */
#include "defs.clh"

#include "gumbel.clh"
#include "philox.clh"
#include "vmath.clh"

/* ---- log_mix ---- */

static inline floatV mix_v(const floatV x, const floatV y, float x_lse, float y_lse, float w,
                           float rest)
{
    const floatV from_x = x - x_lse, d = from_x - (y - y_lse);
    const floatV loss = exp_negative_v(fabs(d) * -1.0f) - 1.0f;
    const floatV down = y + log(1.0f + w * loss);
    const floatV up = from_x + y_lse + log(1.0f + rest * loss);

    return x == -INFINITY ? y + log(rest) : d > 0.0f ? up : down;
}

#if VW == 1
#define mix_1 mix_v
#else
static inline float mix_1(const float x, const float y, float x_lse, float y_lse, float w,
                          float rest)
{
    const float from_x = x - x_lse, d = from_x - (y - y_lse);
    const float loss = exp_negative_1(fabs(d) * -1.0f) - 1.0f;
    const float down = y + log(1.0f + w * loss);
    const float up = from_x + y_lse + log(1.0f + rest * loss);

    return x == -INFINITY ? y + log(rest) : d > 0.0f ? up : down;
}
#endif

CLSEQ_KERNEL void log_mix(__global const float *x, ulong x_offset, int x_stride,
                          __global const float *x_lse, ulong x_lse_offset,
                          __global const float *y_lse, ulong y_lse_offset, __global float *y,
                          ulong y_offset, int y_stride, int n_rows, int n_columns, int chunk,
                          float w, float rest)
{
    CLSEQ_RUN(first, last, chunk, n_columns);

    for (int row = (int)get_global_id(1); row < n_rows; row += (int)get_global_size(1)) {
        __global const float *from = CLSEQ_ROW(x, x_offset, x_stride, row);
        __global float *to = CLSEQ_ROW(y, y_offset, y_stride, row);
        const float from_sum = x_lse[x_lse_offset + (ulong)row];
        const float to_sum = y_lse[y_lse_offset + (ulong)row];
        int j = first;

        for (; j + VW <= last; j += VW)
            vstoreV(mix_v(vloadV(0, from + j), vloadV(0, to + j), from_sum, to_sum, w, rest), 0,
                    to + j);
        for (; j < last; j++)
            to[j] = mix_1(from[j], to[j], from_sum, to_sum, w, rest);
    }
}

/* ---- sample ---- */

CLSEQ_GUMBEL(float, int, uint, 1, as_int, as_float, convert_float)

/* Keys are integers in the order of the floats, as in select.cl. */
#define SAMPLE_INFINITY 0x7F800000

static inline int sample_key(const int bits)
{
    return bits < 0 ? (int)0x80000000 - bits : bits;
}

/* What draws of a row have in common. */
typedef struct sample_row {
    __global const int *x; /* the logits as bits */
    int n;
    float largest, inverse; /* of the row; 1 / temperature */
} sample_row;

/* z of a logit, and its probability in units of 2^-24 of the likeliest word's. */
static inline float sample_z(const sample_row *r, const int bits)
{
    return (as_float(bits) - r->largest) * r->inverse;
}

static inline uint sample_weight(const sample_row *r, const int bits)
{
    return convert_uint(exact_exp_1(sample_z(r, bits)) * 16777216.0f);
}

/* The place of the numbers of word v: of 64 words, 16 blocks hold the first numbers of the first
 * 16, the second ones of the next 16, and so on, so that a vector of blocks serves neighbours. */
#define SAMPLE_GROUP 64

static inline float sample_noise(int v, uint step, uint c2, uint c3, uint key0, uint key1)
{
    const clseq_philox_block words =
        clseq_philox((uint)(v / SAMPLE_GROUP * 16 + v % 16), step, c2, c3, key0, key1);

    return gumbel_1(words.v[v / 16 % 4]);
}

/* Part `share` in units of 2^-32 of a sum; at least 1, so that the likeliest word is kept. */
static inline ulong sample_part(const ulong sum, const uint share)
{
    return max((sum >> 32) * share + (((sum & 0xFFFFFFFFu) * share) >> 32), (ulong)1);
}

#if CLSEQ_CPU

/* FIRST_4 to FIRST_16 and MULHI_V are those of random.cl. */
#define SAMPLE_AS_INT   CLSEQ_JOIN(as_, intV)
#define SAMPLE_AS_FLOAT CLSEQ_JOIN(as_, floatV)
#define SAMPLE_TO_FLOAT CLSEQ_JOIN(convert_, floatV)
#define SAMPLE_TO_UINT  CLSEQ_JOIN(convert_, uintV)
#define SAMPLE_OF(F, I, U, v, int_bits, float_bits, to_float)                                      \
    CLSEQ_GUMBEL(F, I, U, v, int_bits, float_bits, to_float)

SAMPLE_OF(floatV, intV, uintV, v, SAMPLE_AS_INT, SAMPLE_AS_FLOAT, SAMPLE_TO_FLOAT)

/* Vectors a turn: llvmpipe gives up on a work-item after 65535 turns of all its loops. */
#define SAMPLE_BLOCK (4 * VW)

/* Turns after which sums of 32 bits go into those of 64: 4 * 32 * 2^24 is 2^31. */
#define SAMPLE_TURNS 32

static inline intV sample_key_v(const intV bits)
{
    return bits < 0 ? (intV)((int)0x80000000) - bits : bits;
}

/* Of the words whose key is above t0, t1, t2: how many, or how much probability. */
static void sample_above(const sample_row *r, int t0, int t1, int t2, int counts, ulong *ret)
{
    int j = 0;

    ret[0] = ret[1] = ret[2] = 0;
    while (j + VW <= r->n) {
        const int stop = j + min(SAMPLE_TURNS * SAMPLE_BLOCK, r->n - j);
        uintV sum0 = (uintV)(0u), sum1 = sum0, sum2 = sum0;
        uint lanes[3 * VW];

#define SAMPLE_ADD(i)                                                                              \
    {                                                                                              \
        const intV bits = vloadV(i, r->x + j), key = sample_key_v(bits);                           \
        const floatV z = (SAMPLE_AS_FLOAT(bits) - r->largest) * r->inverse;                        \
        const uintV weight = counts ? (uintV)(1u) : SAMPLE_TO_UINT(exact_exp_v(z) * 16777216.0f);  \
                                                                                                   \
        sum0 += key > t0 ? weight : (uintV)(0u);                                                   \
        sum1 += key > t1 ? weight : (uintV)(0u);                                                   \
        sum2 += key > t2 ? weight : (uintV)(0u);                                                   \
    }
        for (; j + SAMPLE_BLOCK <= stop; j += SAMPLE_BLOCK) {
            SAMPLE_ADD(0)
            SAMPLE_ADD(1)
            SAMPLE_ADD(2)
            SAMPLE_ADD(3)
        }
        for (; j + VW <= stop; j += VW)
            SAMPLE_ADD(0)
        vstoreV(sum0, 0, lanes);
        vstoreV(sum1, 1, lanes);
        vstoreV(sum2, 2, lanes);
        for (int i = 0; i < VW; i++) {
            ret[0] += lanes[i];
            ret[1] += lanes[VW + i];
            ret[2] += lanes[2 * VW + i];
        }
    }
    for (; j < r->n; j++) {
        const int key = sample_key(r->x[j]);
        const uint weight = counts ? 1u : sample_weight(r, r->x[j]);

        ret[0] += key > t0 ? weight : 0u;
        ret[1] += key > t1 ? weight : 0u;
        ret[2] += key > t2 ? weight : 0u;
    }
}

/* The smallest key from `low` to `high` with less than `limit` above it, in steps of a quarter. */
static int sample_threshold(const sample_row *r, int low, int high, ulong limit, int counts)
{
    ulong above[3];

    while (low < high) {
        const uint span = (uint)high - (uint)low;
        const int t0 = (int)((uint)low + span / 4), t1 = (int)((uint)low + span / 2);
        const int t2 = (int)((uint)low + span / 2 + span / 4);

        sample_above(r, t0, t1, t2, counts, above);
        if (above[2] >= limit) {
            low = t2 + 1;
        } else if (above[1] >= limit) {
            low = t1 + 1;
            high = t2;
        } else if (above[0] >= limit) {
            low = t0 + 1;
            high = t1;
        } else {
            high = t0;
        }
    }
    return high;
}

/* A work-item per row. */
CLSEQ_KERNEL void sample(__global const int *x, ulong x_offset, int x_stride,
                         __global const int *counter, ulong counter_offset, int counter_stride,
                         __global int *index, ulong index_offset, int n_rows, int n_columns,
                         uint key0, uint key1, uint step, float inverse, int top_k, uint share)
{
    const uint16 all_lanes = (uint16)(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
    const int row = (int)get_global_id(0);

    if (row >= n_rows)
        return;
    sample_row r = { CLSEQ_ROW(x, x_offset, x_stride, row), n_columns, 0.0f, inverse };
    __global const int *count = CLSEQ_ROW(counter, counter_offset, counter_stride, row);
    const uint line = (uint)count[0], purpose = (uint)count[1];
    int high = sample_key(r.x[0]), low = high, j = 0, chosen = -1;
    float best = -INFINITY, lanes[VW];
    int places[VW];

    if (n_columns >= SAMPLE_BLOCK) {
        intV high_v = (intV)(high), low_v = high_v;

        for (; j + SAMPLE_BLOCK <= n_columns; j += SAMPLE_BLOCK) {
            const intV k0 = sample_key_v(vloadV(0, r.x + j)), k1 = sample_key_v(vloadV(1, r.x + j));
            const intV k2 = sample_key_v(vloadV(2, r.x + j)), k3 = sample_key_v(vloadV(3, r.x + j));

            high_v = max(high_v, max(max(k0, k1), max(k2, k3)));
            low_v = min(low_v, min(min(k0, k1), min(k2, k3)));
        }
        vstoreV(high_v, 0, places);
        for (int i = 0; i < VW; i++)
            high = max(high, places[i]);
        vstoreV(low_v, 0, places);
        for (int i = 0; i < VW; i++)
            low = min(low, places[i]);
    }
    for (; j < n_columns; j++) {
        high = max(high, sample_key(r.x[j]));
        low = min(low, sample_key(r.x[j]));
    }
    if (high >= SAMPLE_INFINITY || high <= -SAMPLE_INFINITY || low < -SAMPLE_INFINITY) {
        index[index_offset + (ulong)row] = -1;
        return;
    }
    r.largest = as_float(high < 0 ? (int)0x80000000 - high : high);
    if (top_k > 0 && top_k < n_columns)
        low = sample_threshold(&r, low, high, (ulong)top_k, 1);
    if (share != 0u) {
        ulong sums[3];

        sample_above(&r, low - 1, low - 1, low - 1, 0, sums);
        low = sample_threshold(&r, low, high, sample_part(sums[0], share), 0);
    }

    floatV best_v = (floatV)(best);
    intV chosen_v = (intV)(-1);

    for (j = 0; j + SAMPLE_GROUP <= n_columns; j += SAMPLE_GROUP) {
        for (int lane = 0; lane < 16; lane += VW) {
            uint k0 = key0, k1 = key1;
            uintV c0 = (uintV)((uint)(j / SAMPLE_GROUP * 16 + lane)), c1 = (uintV)(step);
            uintV c2 = (uintV)(line), c3 = (uintV)(purpose);

            c0 += CLSEQ_JOIN(FIRST_, VW)(all_lanes);
            CLSEQ_PHILOX_ROUNDS(uintV, MULHI_V, c0, c1, c2, c3, k0, k1)
#define SAMPLE_OFFER(words, i)                                                                     \
    {                                                                                              \
        const int at = j + 16 * i + lane;                                                          \
        const intV bits = vloadV(0, r.x + at);                                                     \
        const floatV z = (SAMPLE_AS_FLOAT(bits) - r.largest) * r.inverse;                          \
        const floatV value = z + gumbel_v(words);                                                  \
        const intV wins = (sample_key_v(bits) >= low) & (value > best_v);                          \
                                                                                                   \
        best_v = wins ? value : best_v;                                                            \
        chosen_v = wins ? SAMPLE_AS_INT(CLSEQ_JOIN(FIRST_, VW)(all_lanes)) + at : chosen_v;        \
    }
            SAMPLE_OFFER(c0, 0)
            SAMPLE_OFFER(c1, 1)
            SAMPLE_OFFER(c2, 2)
            SAMPLE_OFFER(c3, 3)
        }
    }
    vstoreV(best_v, 0, lanes);
    vstoreV(chosen_v, 0, places);
    for (int i = 0; i < VW; i++) {
        if (lanes[i] > best || (lanes[i] == best && places[i] < chosen)) {
            best = lanes[i];
            chosen = places[i];
        }
    }
    for (; j < n_columns; j++) {
        const float value = sample_z(&r, r.x[j]) + sample_noise(j, step, line, purpose, key0, key1);

        if (sample_key(r.x[j]) >= low && value > best) {
            best = value;
            chosen = j;
        }
    }
    index[index_offset + (ulong)row] = chosen;
}

#else

/* sums[0] of the group: the sum of all. */
static inline ulong sample_group_sum(__local ulong *sums, ulong mine)
{
    const int lane = (int)get_local_id(0);
    ulong all;

    sums[lane] = mine;
    barrier(CLK_LOCAL_MEM_FENCE);
    for (int half_lanes = (int)get_local_size(0) / 2; half_lanes > 0; half_lanes /= 2) {
        if (lane < half_lanes)
            sums[lane] += sums[lane + half_lanes];
        barrier(CLK_LOCAL_MEM_FENCE);
    }
    all = sums[0];
    barrier(CLK_LOCAL_MEM_FENCE); /* all have read it before the next sum is written */
    return all;
}

/* Of this work-item's words whose key is above t: how many, or how much probability. */
static inline ulong sample_above(const sample_row *r, int t, int counts)
{
    ulong sum = 0;

    for (int j = (int)get_local_id(0); j < r->n; j += (int)get_local_size(0)) {
        if (sample_key(r->x[j]) > t)
            sum += counts ? 1u : sample_weight(r, r->x[j]);
    }
    return sum;
}

/* Turns that find a key among all by halving. */
#define SAMPLE_HALVINGS 32

/* A group per row. */
CLSEQ_KERNEL void sample(__global const int *x, ulong x_offset, int x_stride,
                         __global const int *counter, ulong counter_offset, int counter_stride,
                         __global int *index, ulong index_offset, int n_rows, int n_columns,
                         uint key0, uint key1, uint step, float inverse, int top_k, uint share)
{
    __local ulong sums[CLSEQ_GROUP_MAX];
    __local float values[CLSEQ_GROUP_MAX];
    __local int highs[CLSEQ_GROUP_MAX], lows[CLSEQ_GROUP_MAX];
    const int lane = (int)get_local_id(0), n_lanes = (int)get_local_size(0);
    const int row = (int)get_group_id(0);
    sample_row r = { CLSEQ_ROW(x, x_offset, x_stride, row), n_columns, 0.0f, inverse };
    __global const int *count = CLSEQ_ROW(counter, counter_offset, counter_stride, row);
    const uint line = (uint)count[0], purpose = (uint)count[1];
    int high = sample_key(r.x[0]), low = high, chosen = -1;
    float best = -INFINITY;

    for (int j = lane; j < n_columns; j += n_lanes) {
        high = max(high, sample_key(r.x[j]));
        low = min(low, sample_key(r.x[j]));
    }
    highs[lane] = high;
    lows[lane] = low;
    barrier(CLK_LOCAL_MEM_FENCE);
    for (int half_lanes = n_lanes / 2; half_lanes > 0; half_lanes /= 2) {
        if (lane < half_lanes) {
            highs[lane] = max(highs[lane], highs[lane + half_lanes]);
            lows[lane] = min(lows[lane], lows[lane + half_lanes]);
        }
        barrier(CLK_LOCAL_MEM_FENCE);
    }
    high = highs[0];
    low = lows[0];
    barrier(CLK_LOCAL_MEM_FENCE);

    /* No return before the last barrier: what follows does no harm to a broken row. */
    const int is_broken =
        high >= SAMPLE_INFINITY || high <= -SAMPLE_INFINITY || low < -SAMPLE_INFINITY;

    r.largest = as_float(high < 0 ? (int)0x80000000 - high : high);
    /* Halvings for top_k, a turn for the sum of all probabilities, halvings for top_p. One loop, in
     * the kernel itself: with the halvings in a function that is called twice with local memory,
     * PoCL 3.1 gave results that changed from call to call. */
    const int first_turn = top_k > 0 && top_k < n_columns ? 0 : SAMPLE_HALVINGS;
    const int last_turn = share != 0u ? 2 * SAMPLE_HALVINGS + 1 : SAMPLE_HALVINGS;
    ulong limit = (ulong)max(top_k, 1);
    int upper = high;

    for (int turn = first_turn; turn < last_turn; turn++) {
        const int is_sum = turn == SAMPLE_HALVINGS;
        const int t = is_sum ? low - 1 : (int)((uint)low + ((uint)upper - (uint)low) / 2);
        const ulong all = sample_group_sum(sums, sample_above(&r, t, turn < SAMPLE_HALVINGS));
        const int is_enough = all < limit;

        low = is_sum || is_enough ? low : t + 1;
        upper = is_sum ? high : is_enough ? t : upper;
        limit = is_sum ? sample_part(all, share) : limit;
    }
    /* Shifts, not divisions: for a quotient and its remainder the compiler makes an instruction
     * that Oclgrind 21.10 does not know. */
    for (int block = lane; (block >> 4) * SAMPLE_GROUP + (block & 15) < n_columns;
         block += n_lanes) {
        const clseq_philox_block words = clseq_philox((uint)block, step, line, purpose, key0, key1);

        for (int i = 0; i < 4; i++) {
            const int j = (block >> 4) * SAMPLE_GROUP + 16 * i + (block & 15);

            if (j >= n_columns || sample_key(r.x[j]) < low)
                continue;
            const float value = sample_z(&r, r.x[j]) + gumbel_1(words.v[i]);

            if (value > best || (value == best && j < chosen)) {
                best = value;
                chosen = j;
            }
        }
    }
    values[lane] = best;
    highs[lane] = chosen;
    barrier(CLK_LOCAL_MEM_FENCE);
    for (int half_lanes = n_lanes / 2; half_lanes > 0; half_lanes /= 2) {
        if (lane < half_lanes) {
            const float other = values[lane + half_lanes];
            const int place = highs[lane + half_lanes];

            if (other > values[lane] || (other == values[lane] && place < highs[lane])) {
                values[lane] = other;
                highs[lane] = place;
            }
        }
        barrier(CLK_LOCAL_MEM_FENCE);
    }
    if (lane == 0)
        index[index_offset + (ulong)row] = is_broken ? -1 : highs[0];
}

#endif
