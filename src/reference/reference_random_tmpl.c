/* SPDX-License-Identifier: BSD-2-Clause */
#include "reference/reference_tmpl.h"

#include "base/philox.h"

#include <math.h>

/* u of element i of the sequence (seed, purpose, stream). */
static float unit_number(uint64_t seed, uint32_t purpose, uint32_t stream, uint64_t i)
{
    const uint64_t block = i / 4;
    const clseq_philox_block words = clseq_philox((uint32_t)block, (uint32_t)(block >> 32), stream,
                                                  purpose, (uint32_t)seed, (uint32_t)(seed >> 32));

    return clseq_philox_unit(words.v[i % 4]);
}

/* The same where the upper word of the counter is a step. */
static float unit_of_step(uint64_t seed, uint32_t purpose, uint32_t stream, uint32_t step,
                          uint64_t i)
{
    const clseq_philox_block words = clseq_philox((uint32_t)(i / 4), step, stream, purpose,
                                                  (uint32_t)seed, (uint32_t)(seed >> 32));

    return clseq_philox_unit(words.v[i % 4]);
}

clseq_status NAME(uniform)(clseq_backend *be, const struct clseq_uniform_args *a)
{
    const float width = a->high - a->low;
    uint64_t i = 0;

    for (int64_t r = 0; r < row_count(&a->dst); r++) {
        real *dst = real_row(&a->dst, r);

        for (int32_t n = 0; n < row_length(&a->dst); n++, i++) {
            /* float on the oracle too: the contract is exact */
            const float product = unit_number(a->seed, a->purpose, a->stream, i) * width;
            const float value = a->low + product;

            dst[n] = (real)value;
        }
    }
    return CLSEQ_OK;
}

clseq_status NAME(normal)(clseq_backend *be, const struct clseq_normal_args *a)
{
    const double two_pi = 6.283185307179586476925286766559;
    uint64_t i = 0;

    for (int64_t r = 0; r < row_count(&a->dst); r++) {
        real *dst = real_row(&a->dst, r);

        for (int32_t n = 0; n < row_length(&a->dst); n++, i++) {
            const uint64_t pair = i / 2;
            const double u0 = (double)unit_number(a->seed, a->purpose, a->stream, 2 * pair);
            const double u1 = (double)unit_number(a->seed, a->purpose, a->stream, 2 * pair + 1);
            const double radius = sqrt(-2 * log(1 - u0));
            const double z = radius * (i % 2 == 0 ? cos(two_pi * u1) : sin(two_pi * u1));

            dst[n] = (real)((double)a->mean + (double)a->std * z);
        }
    }
    return CLSEQ_OK;
}

clseq_status NAME(dropout)(clseq_backend *be, const struct clseq_dropout_args *a)
{
    const float p = (float)a->p, scale = clseq_dropout_scale(a->p);
    const int64_t period = a->same_over_time ? a->x.dims[1] : row_count(&a->x);
    const int32_t columns = row_length(&a->x);

    for (int64_t r = 0; r < row_count(&a->x); r++) {
        const real *x = real_row(&a->x, r);
        real *y = real_row(&a->y, r);

        for (int32_t n = 0; n < columns; n++) {
            const uint64_t i = (uint64_t)(r % period) * (uint64_t)columns + (uint64_t)n;
            const float u = unit_of_step(a->seed, a->purpose, a->stream, a->step, i);

            y[n] = (real)((double)x[n] * (double)(u < p ? 0.0f : scale));
        }
    }
    return CLSEQ_OK;
}
