/* SPDX-License-Identifier: BSD-2-Clause */
/* Two principal components by the power method, without the matrix of covariances. */
#include "base/base.h"

#include <clseq/vectors.h>

#include <math.h>
#include <stdlib.h>

#define ROUNDS 1000
#define CLOSE  1e-12 /* a direction whose square changes by less has been found */

struct points {
    const float *x; /* (n, size) */
    size_t n, size;
    double *mean; /* (size) */
};

/* Coordinate of a point along v. */
static double along(const struct points *p, size_t i, const double *v)
{
    double sum = 0;

    for (size_t k = 0; k < p->size; k++)
        sum += ((double)p->x[i * p->size + k] - p->mean[k]) * v[k];
    return sum;
}

static double length(const double *v, size_t n)
{
    double sum = 0;

    for (size_t k = 0; k < n; k++)
        sum += v[k] * v[k];
    return sqrt(sum);
}

/* v to length 1 and at right angles to `other` (may be NULL); false when nothing is left. */
static bool direct(double *v, const double *other, size_t n)
{
    const double before = length(v, n);
    double dot = 0, after;

    for (size_t k = 0; other && k < n; k++)
        dot += v[k] * other[k];
    for (size_t k = 0; other && k < n; k++)
        v[k] -= dot * other[k];
    after = length(v, n);
    if (!(after > 1e-9 * before))
        return false;
    for (size_t k = 0; k < n; k++)
        v[k] /= after;
    return true;
}

/* next = the covariance times v, times n. */
static void multiply(const struct points *p, const double *v, double *next)
{
    for (size_t k = 0; k < p->size; k++)
        next[k] = 0;
    for (size_t i = 0; i < p->n; i++) {
        const double c = along(p, i, v);

        for (size_t k = 0; k < p->size; k++)
            next[k] += c * ((double)p->x[i * p->size + k] - p->mean[k]);
    }
}

/* Begin with the point that is farthest from the others' direction found so far: it cannot be at
 * right angles to what is sought, or nothing is left to find. */
static bool begin(const struct points *p, const double *other, double *v, double *scratch)
{
    double best = 0;
    bool found = false;

    for (size_t i = 0; i < p->n; i++) {
        double dot = other ? along(p, i, other) : 0, l;

        for (size_t k = 0; k < p->size; k++)
            scratch[k] = (double)p->x[i * p->size + k] - p->mean[k] - (other ? dot * other[k] : 0);
        l = length(scratch, p->size);
        if (l > best) {
            best = l;
            found = true;
            for (size_t k = 0; k < p->size; k++)
                v[k] = scratch[k];
        }
    }
    return found && direct(v, other, p->size);
}

/* The direction of the most variance at right angles to `other`. */
static bool direction(const struct points *p, const double *other, double *v, double *next)
{
    if (!begin(p, other, v, next))
        return false;
    for (int round = 0; round < ROUNDS; round++) {
        double change = 0, most = 0;

        multiply(p, v, next);
        if (!direct(next, other, p->size))
            return false;
        for (size_t k = 0; k < p->size; k++) {
            change += (next[k] - v[k]) * (next[k] - v[k]);
            v[k] = next[k];
            most = fabs(v[k]) > fabs(most) ? v[k] : most;
        }
        if (change < CLOSE * CLOSE)
            break;
    }
    return true;
}

static double variance(const struct points *p)
{
    double sum = 0;

    for (size_t i = 0; i < p->n; i++) {
        for (size_t k = 0; k < p->size; k++) {
            const double d = (double)p->x[i * p->size + k] - p->mean[k];

            sum += d * d;
        }
    }
    return sum;
}

/* A direction and its opposite are as good: take the one in which its largest number is above 0. */
static double sign_of(const double *v, size_t n)
{
    double most = 0;

    for (size_t k = 0; k < n; k++)
        most = fabs(v[k]) > fabs(most) ? v[k] : most;
    return most < 0 ? -1 : 1;
}

clseq_status clseq_principal_components(clseq_context *ctx, const float *x, size_t n, size_t size,
                                        double *ret, double *part)
{
    struct points p = { .x = x, .n = n, .size = size };
    double *memory = NULL, *v[2], *next, all;

    CLSEQ_TRY(clseq_calloc(ctx, size, 4 * sizeof(*memory), "principal components", &memory));
    p.mean = memory;
    v[0] = memory + size;
    v[1] = memory + 2 * size;
    next = memory + 3 * size;
    for (size_t i = 0; i < n; i++) {
        for (size_t k = 0; k < size; k++)
            p.mean[k] += (double)x[i * size + k] / (double)n;
        ret[2 * i] = ret[2 * i + 1] = 0;
    }
    all = variance(&p);
    part[0] = part[1] = 0;
    for (int c = 0; c < 2 && direction(&p, c ? v[0] : NULL, v[c], next); c++) {
        const double sign = sign_of(v[c], size);

        for (size_t i = 0; i < n; i++) {
            const double at = sign * along(&p, i, v[c]);

            ret[2 * i + (size_t)c] = at;
            part[c] += at * at / all;
        }
    }
    free(memory);
    return CLSEQ_OK;
}
