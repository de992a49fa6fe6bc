/* SPDX-License-Identifier: BSD-2-Clause */
#include "base/base.h"
#include "base/philox.h"
#include "nn/init.h"

#include <math.h>
#include <stdlib.h>

/* A standard normal number (Box and Muller; of each pair one is used). */
static double normal(uint64_t seed, uint32_t stream, uint64_t element)
{
    const uint64_t bits = clseq_random_u64(seed, CLSEQ_RANDOM_INIT, stream, element);
    const double u0 = ((double)(uint32_t)bits + 0.5) / 4294967296.0;
    const double u1 = ((double)(uint32_t)(bits >> 32) + 0.5) / 4294967296.0;

    return sqrt(-2 * log(u0)) * cos(6.283185307179586 * u1);
}

/* a[k:, from:] -= beta v (v^T a[k:, from:]), row by row, so that memory is read in order. `w` has
 * room for a row. */
static void reflect(double *a, size_t n, size_t k, size_t from, const double *v, double beta,
                    double *w)
{
    for (size_t j = from; j < n; j++)
        w[j] = 0;
    for (size_t i = k; i < n; i++) {
        for (size_t j = from; j < n; j++)
            w[j] += v[i] * a[i * n + j];
    }
    for (size_t i = k; i < n; i++) {
        const double f = beta * v[i];

        for (size_t j = from; j < n; j++)
            a[i * n + j] -= f * w[j];
    }
}

/* Householder's reflections: column k of a becomes (.., r, 0, ..); v is kept in row k of `vs`, and
 * beta[k] = 2 / v^T v. Returns r. */
static double eliminate(double *a, size_t n, size_t k, double *v, double *beta, double *w)
{
    double sum = 0, r, length = 0;

    for (size_t i = k; i < n; i++)
        sum += a[i * n + k] * a[i * n + k];
    r = a[k * n + k] > 0 ? -sqrt(sum) : sqrt(sum);
    for (size_t i = k; i < n; i++)
        v[i] = a[i * n + k];
    v[k] -= r; /* of the other sign: nothing cancels */
    for (size_t i = k; i < n; i++)
        length += v[i] * v[i];
    *beta = length > 0 ? 2 / length : 0;
    reflect(a, n, k, k, v, *beta, w);
    return r;
}

clseq_status clseq_orthogonal(clseq_context *ctx, int32_t size, uint64_t seed, uint32_t stream,
                              uint64_t element, double *q)
{
    const size_t n = (size_t)size;
    double *vs = NULL, *rows = NULL, *beta, *w, *sign;
    size_t count;
    clseq_status status = CLSEQ_OK;

    if (!clseq_mul_size(n, n, &count))
        return clseq_fail(ctx, CLSEQ_ERR_LIMIT, "an orthogonal matrix of %d rows is too large",
                          size);
    CLSEQ_TRY(clseq_calloc(ctx, count, sizeof(*vs), "orthogonal matrix", &vs));
    CLSEQ_TRY_GOTO(status, out,
                   clseq_calloc(ctx, 3 * n, sizeof(*rows), "orthogonal matrix", &rows));
    beta = rows;
    sign = rows + n;
    w = rows + 2 * n;
    for (size_t i = 0; i < count; i++)
        q[i] = normal(seed, stream, element + i);
    for (size_t k = 0; k < n; k++)
        sign[k] = eliminate(q, n, k, vs + k * n, &beta[k], w) < 0 ? -1 : 1;
    /* Q = H_0 H_1 .. H_n-1, from the right, so that the identity stays around what is done. */
    for (size_t i = 0; i < count; i++)
        q[i] = i / n == i % n ? 1 : 0;
    for (size_t k = n; k-- > 0;)
        reflect(q, n, k, k, vs + k * n, beta[k], w);
    for (size_t i = 0; i < count; i++)
        q[i] *= sign[i % n];
out:
    free(vs);
    free(rows);
    return status;
}
