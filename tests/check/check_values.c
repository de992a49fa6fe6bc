/* SPDX-License-Identifier: BSD-2-Clause */
#include "check.h"

#include "base/philox.h"

#include <math.h>

uint64_t check_random(struct check_case *c)
{
    return clseq_random_u64(c->random_key, CLSEQ_RANDOM_TEST, 0, c->random_count++);
}

int32_t check_below(struct check_case *c, int32_t n)
{
    return (int32_t)(check_random(c) % (uint64_t)n);
}

/* Values are rounded to float here, so that both sides start from the same numbers. */
double check_draw(struct check_case *c, double low, double high)
{
    const double u = (double)(check_random(c) >> 11) * 0x1p-53;

    return (double)(float)(low + u * (high - low));
}

double check_draw_normal(struct check_case *c)
{
    const double u0 = (double)((check_random(c) >> 11) + 1) * 0x1p-53;
    const double u1 = (double)(check_random(c) >> 11) * 0x1p-53;

    return (double)(float)(sqrt(-2 * log(u0)) * cos(6.283185307179586 * u1));
}

void check_fill_uniform(struct check_case *c, const char *name, double low, double high)
{
    struct check_operand *x = check_find(c, name);

    for (size_t i = 0; i < x->count; i++)
        x->real[i] = check_draw(c, low, high);
}

void check_sprinkle(struct check_case *c, const char *name, double part, const double *values,
                    int n)
{
    struct check_operand *x = check_find(c, name);

    for (size_t i = 0; i < x->count; i++) {
        if (part >= 1 || check_draw(c, 0, 1) < part)
            x->real[i] = (double)(float)values[check_below(c, n)];
    }
}

void check_edges(struct check_case *c, const char *name, double part)
{
    static const double values[] = { 0,     -0.0, 1e-30, -1e-30, 1e-8, -1e-8, 1,    -1,
                                     9.01,  -9,   20,    -20,    30,   -30,   88,   -88,
                                     88.75, -89,  104,   -104,   0.5,  -0.5,  5e-4, -5e-4 };

    check_sprinkle(c, name, part, values, (int)CLSEQ_ARRAY_SIZE(values));
}

void check_distinct(struct check_case *c, const char *name, int32_t n, double part)
{
    struct check_operand *x = check_find(c, name);
    const int32_t outside[] = { n, -1, -7, INT32_MAX, INT32_MIN };
    int32_t next = 0;

    /* A walk through [0, n) in random steps that leaves enough for the rest, then a shuffle. */
    for (size_t i = 0; i < x->count; i++) {
        const int64_t spare = (int64_t)n - next - (int64_t)(x->count - i);

        if (spare < 0) {
            x->index[i] = -1;
            continue;
        }
        next += spare > 0 ? check_below(c, (int32_t)(spare < 3 ? spare : 3) + 1) : 0;
        x->index[i] = next++;
    }
    for (size_t i = x->count; i > 1; i--) {
        const size_t j = (size_t)check_below(c, (int32_t)i);
        const int32_t keep = x->index[i - 1];

        x->index[i - 1] = x->index[j];
        x->index[j] = keep;
    }
    for (size_t i = 0; i < x->count; i++) {
        if (check_draw(c, 0, 1) < part)
            x->index[i] = outside[check_below(c, (int32_t)CLSEQ_ARRAY_SIZE(outside))];
    }
}

void check_lengths(struct check_case *c, const char *name, int32_t t, int32_t T)
{
    struct check_operand *x = check_find(c, name);
    const int32_t first[] = { T, t, t + 1, 0, 1 };

    /* Every border once, where there are rows enough, at random places. */
    for (size_t i = 0; i < x->count; i++)
        x->index[i] = i < CLSEQ_ARRAY_SIZE(first) ? first[i] : check_below(c, T + 1);
    for (size_t i = x->count; i > 1; i--) {
        const size_t j = (size_t)check_below(c, (int32_t)i);
        const int32_t keep = x->index[i - 1];

        x->index[i - 1] = x->index[j];
        x->index[j] = keep;
    }
}

static const int32_t all_sizes[] = { 0,  1,  2,  3,  7,  8,  15,  16,  17,
                                     31, 32, 33, 63, 64, 65, 127, 129, 257 };
static const int32_t quick_sizes[] = { 0, 1, 3, 8, 17, 33 };

int check_size_count(const struct check *t)
{
    return t->quick ? (int)CLSEQ_ARRAY_SIZE(quick_sizes) : (int)CLSEQ_ARRAY_SIZE(all_sizes);
}

int32_t check_size(const struct check *t, int i)
{
    return (t->quick ? quick_sizes : all_sizes)[i % check_size_count(t)];
}
