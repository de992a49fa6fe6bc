/* SPDX-License-Identifier: BSD-2-Clause */
/* log_mix, sample */
#include "reference/reference_tmpl.h"

#include "../../cl/gumbel.clh"
#include "base/philox.h"

#include <math.h>
#include <string.h>

static double mixed(double x, double y, double x_lse, double y_lse, double w)
{
    const double d = (x - x_lse) - (y - y_lse);

    if (isinf(x) && x < 0)
        return y + log(1 - w);
    if (d > 0)
        return (x - x_lse) + y_lse + log(1 + (1 - w) * (exp(-d) - 1));
    return y + log(1 + w * (exp(d) - 1));
}

clseq_status NAME(log_mix)(clseq_backend *be, const struct clseq_log_mix_args *a)
{
    const real *x_lse = real_data(&a->x_lse), *y_lse = real_data(&a->y_lse);

    for (int32_t m = 0; m < a->y.dims[0]; m++) {
        const real *x = real_row(&a->x, m);
        real *y = real_row(&a->y, m);

        for (int32_t v = 0; v < a->y.dims[1]; v++)
            y[v] = (real)mixed((double)x[v], (double)y[v], (double)x_lse[m], (double)y_lse[m],
                               a->weight);
    }
    return CLSEQ_OK;
}

/* From here on all is float and integers on the oracle too: the contract is exact. */

static inline int32_t int_bits(float x)
{
    int32_t bits;

    memcpy(&bits, &x, sizeof(bits));
    return bits;
}

static inline float float_bits(int32_t bits)
{
    float x;

    memcpy(&x, &bits, sizeof(x));
    return x;
}

CLSEQ_GUMBEL(float, int32_t, uint32_t, 1, int_bits, float_bits, (float))

/* One row that is drawn from. */
struct row {
    const real *x;
    int32_t n;
    float largest, inverse; /* of the row; 1 / temperature */
};

/* The probability of a word, in units of 2^-24 of the likeliest one's. */
static uint64_t weight_of(const struct row *r, float x)
{
    return (uint64_t)(exact_exp_1((x - r->largest) * r->inverse) * 16777216.0f);
}

/* How many words are likelier than `than`, or how much probability they have. */
static uint64_t likelier(const struct row *r, float than, bool count)
{
    uint64_t sum = 0;

    for (int32_t v = 0; v < r->n; v++) {
        if ((float)r->x[v] > than)
            sum += count ? 1 : weight_of(r, (float)r->x[v]);
    }
    return sum;
}

static int32_t key_of(float x)
{
    const int32_t bits = int_bits(x);

    return bits < 0 ? INT32_MIN - bits : bits;
}

static float of_key(int32_t key)
{
    return float_bits(key < 0 ? INT32_MIN - key : key);
}

/* The smallest number from `low` to the row's largest with less than `limit` above it. */
static float threshold(const struct row *r, float low, uint64_t limit, bool count)
{
    int32_t first = key_of(low), last = key_of(r->largest);

    while (first < last) {
        const int32_t middle = (int32_t)(first + ((int64_t)last - first) / 2);

        if (likelier(r, of_key(middle), count) < limit)
            last = middle;
        else
            first = middle + 1;
    }
    return of_key(first);
}

static int32_t draw(const struct clseq_sample_args *a, const struct row *r, float lowest,
                    const int32_t counter[2])
{
    float best = -INFINITY;
    int32_t chosen = -1;

    for (int32_t v = 0; v < r->n; v++) {
        const float x = (float)r->x[v];

        if (x < lowest)
            continue;
        const clseq_philox_block words =
            clseq_philox((uint32_t)(v / 64 * 16 + v % 16), a->step, (uint32_t)counter[0],
                         (uint32_t)counter[1], (uint32_t)a->seed, (uint32_t)(a->seed >> 32));
        const float value = (x - r->largest) * r->inverse + gumbel_1(words.v[v / 16 % 4]);

        if (value > best) {
            best = value;
            chosen = v;
        }
    }
    return chosen;
}

static int32_t sample_row(const struct clseq_sample_args *a, const real *x,
                          const int32_t counter[2])
{
    struct row r = {
        .x = x, .n = a->x.dims[1], .largest = -INFINITY, .inverse = (float)(1 / a->temperature)
    };
    float lowest = INFINITY;

    for (int32_t v = 0; v < r.n; v++) {
        const float value = (float)x[v];

        if (isnan(value))
            return -1;
        r.largest = value > r.largest ? value : r.largest;
        lowest = value < lowest ? value : lowest;
    }
    if (isinf(r.largest))
        return -1;
    if (a->top_k > 0 && a->top_k < r.n)
        lowest = threshold(&r, lowest, (uint64_t)a->top_k, true);
    if (a->top_p < 1) {
        const uint64_t share = (uint64_t)(a->top_p * 4294967296.0);
        uint64_t total = 0, limit;

        for (int32_t v = 0; v < r.n; v++)
            total += (float)x[v] >= lowest ? weight_of(&r, (float)x[v]) : 0;
        limit = (total >> 32) * share + (((total & 0xFFFFFFFFu) * share) >> 32);
        lowest = threshold(&r, lowest, limit > 0 ? limit : 1, false);
    }
    return draw(a, &r, lowest, counter);
}

clseq_status NAME(sample)(clseq_backend *be, const struct clseq_sample_args *a)
{
    int32_t *index = index_data(&a->index);

    for (int32_t m = 0; m < a->x.dims[0]; m++)
        index[m] = sample_row(a, real_row(&a->x, m), index_row(&a->counter, m));
    return CLSEQ_OK;
}
