/* SPDX-License-Identifier: BSD-2-Clause */
/* Shared by the gradient tests: an oracle with a few tensors, filled from a fixed sequence. */
#ifndef CLSEQ_GRAD_UNIT_H
#define CLSEQ_GRAD_UNIT_H

#include "../unit/unit.h"

#include "base/philox.h"
#include "gradcheck.h"
#include "reference/oracle.h"

enum { GRAD_MAX_BUFFERS = 40 };

struct grad_fixture {
    clseq_context *ctx;
    clseq_backend *be;
    clseq_buffer *buffers[GRAD_MAX_BUFFERS];
    int n_buffers;
    uint64_t drawn;
};

static inline int grad_fixture_create(void **state)
{
    struct grad_fixture *f = calloc(1, sizeof(*f));
    struct clseq_backend_options options;

    if (!f || clseq_context_create(&f->ctx) != CLSEQ_OK)
        return -1;
    clseq_backend_options_init(&options);
    if (clseq_backend_open_impl(f->ctx, &clseq_oracle_backend, &options, &f->be) != CLSEQ_OK)
        return -1;
    *state = f;
    return 0;
}

static inline int grad_fixture_destroy(void **state)
{
    struct grad_fixture *f = *state;

    for (int i = 0; i < f->n_buffers; i++)
        clseq_buffer_destroy(&f->buffers[i]);
    clseq_backend_close(&f->be);
    clseq_context_destroy(&f->ctx);
    free(f);
    return 0;
}

/* A number in [low, high). */
static inline double grad_draw(struct grad_fixture *f, double low, double high)
{
    const uint64_t bits = clseq_random_u64(7, CLSEQ_RANDOM_TEST, 1, f->drawn++);

    return low + (double)(bits >> 11) * 0x1p-53 * (high - low);
}

/* A tensor with values in [-1, 1); d1 or d2 0: rank 1 or 2. */
static inline clseq_tensor grad_tensor(struct grad_fixture *f, int32_t d0, int32_t d1, int32_t d2)
{
    const size_t n = (size_t)d0 * (size_t)(d1 ? d1 : 1) * (size_t)(d2 ? d2 : 1);
    double *values = calloc(n, sizeof(double));
    clseq_buffer *buffer = NULL;

    assert_non_null(values);
    assert_true(f->n_buffers < GRAD_MAX_BUFFERS);
    for (size_t i = 0; i < n; i++)
        values[i] = grad_draw(f, -1, 1);
    ASSERT_OK(f->ctx, clseq_buffer_create(f->be, n * sizeof(double), "gradient test", &buffer));
    f->buffers[f->n_buffers++] = buffer;
    ASSERT_OK(f->ctx, clseq_buffer_write(buffer, 0, values, n * sizeof(double)));
    free(values);
    if (d2)
        return clseq_tensor_3d(buffer, 0, CLSEQ_F64, d0, d1, d2);
    if (d1)
        return clseq_tensor_2d(buffer, 0, CLSEQ_F64, d0, d1);
    return clseq_tensor_1d(buffer, 0, CLSEQ_F64, d0);
}

static inline clseq_tensor grad_indices(struct grad_fixture *f, const int32_t *values, int32_t n)
{
    const size_t bytes = (size_t)n * sizeof(*values);
    clseq_buffer *buffer = NULL;

    assert_true(f->n_buffers < GRAD_MAX_BUFFERS);
    ASSERT_OK(f->ctx, clseq_buffer_create(f->be, bytes, "gradient test", &buffer));
    f->buffers[f->n_buffers++] = buffer;
    ASSERT_OK(f->ctx, clseq_buffer_write(buffer, 0, values, bytes));
    return clseq_tensor_1d(buffer, 0, CLSEQ_I32, n);
}

static inline void grad_set(struct grad_fixture *f, clseq_tensor x, double value)
{
    const struct clseq_fill_args fill = { .dst = x, .value = value };

    ASSERT_OK(f->ctx, clseq_op_fill(f->be, &fill));
}

/* *ret += sum over all elements of weight y; both contiguous. */
static inline clseq_status grad_add_weighted(struct grad_fixture *f, const clseq_tensor *y,
                                             const clseq_tensor *weight, double *ret)
{
    const size_t n = clseq_tensor_count(y);
    const double *a = (const double *)clseq_reference_memory(y->buffer) + y->offset;
    const double *b = (const double *)clseq_reference_memory(weight->buffer) + weight->offset;

    for (size_t i = 0; i < n; i++)
        *ret += a[i] * b[i];
    return clseq_backend_sync(f->be);
}

#define ASSERT_GRADIENT(f, x, gradient, loss, user)                                                \
    do {                                                                                           \
        struct gradcheck_result result_;                                                           \
        ASSERT_OK((f)->ctx, gradcheck((f)->be, &(x), &(gradient), loss, user, 0, &result_));       \
        assert_true(result_.compared > 0);                                                         \
        if (!(result_.worst <= GRADCHECK_TOLERANCE))                                               \
            fail_msg("%s: element %zu is %.12g, differences give %.12g, error %.3g", #gradient,    \
                     result_.element, result_.given, result_.measured, result_.worst);             \
    } while (0)

#endif
