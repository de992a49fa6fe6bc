/* SPDX-License-Identifier: BSD-2-Clause */
#include "gradcheck.h"

#include "backend/op_host.h"

#include <math.h>
#include <stdlib.h>

#define STEP 1e-3

/* Position in the buffer of element i, in row-major order. */
static size_t position_of(const clseq_tensor *x, size_t i)
{
    size_t position = x->offset;

    for (int d = x->ndim - 1; d >= 0; d--) {
        position += i % (size_t)x->dims[d] * (size_t)x->strides[d];
        i /= (size_t)x->dims[d];
    }
    return position;
}

static clseq_status loss_at(const clseq_tensor *x, size_t position, double value,
                            gradcheck_loss_fn *loss, void *user, double *ret)
{
    CLSEQ_TRY(clseq_buffer_write(x->buffer, position * sizeof(double), &value, sizeof(value)));
    return loss(user, ret);
}

static clseq_status measure(const clseq_tensor *x, size_t i, gradcheck_loss_fn *loss, void *user,
                            double *ret)
{
    const size_t position = position_of(x, i);
    double keep, plus = 0, minus = 0, plus2 = 0, minus2 = 0;

    CLSEQ_TRY(clseq_buffer_read(x->buffer, position * sizeof(double), &keep, sizeof(keep)));
    CLSEQ_TRY(loss_at(x, position, keep + STEP, loss, user, &plus));
    CLSEQ_TRY(loss_at(x, position, keep - STEP, loss, user, &minus));
    CLSEQ_TRY(loss_at(x, position, keep + 2 * STEP, loss, user, &plus2));
    CLSEQ_TRY(loss_at(x, position, keep - 2 * STEP, loss, user, &minus2));
    CLSEQ_TRY(clseq_buffer_write(x->buffer, position * sizeof(double), &keep, sizeof(keep)));
    *ret = (8 * (plus - minus) - (plus2 - minus2)) / (12 * STEP);
    return CLSEQ_OK;
}

clseq_status gradcheck(clseq_backend *be, const clseq_tensor *x, const clseq_tensor *gradient,
                       gradcheck_loss_fn *loss, void *user, size_t max_elements,
                       struct gradcheck_result *ret)
{
    const size_t n = clseq_tensor_count(x);
    const size_t step =
        max_elements && n > max_elements ? (n + max_elements - 1) / max_elements : 1;
    struct gradcheck_result result = { .worst = 0 };
    double *given = NULL, largest = 0;
    clseq_status status;

    CLSEQ_TRY(clseq_calloc(clseq_backend_context(be), n, sizeof(double), "gradient", &given));
    CLSEQ_TRY_GOTO(status, out, clseq_view_read(gradient, given));
    for (size_t i = 0; i < n; i++)
        largest = fmax(largest, fabs(given[i]));
    for (size_t i = 0; i < n; i += step) {
        double measured = 0, scale, error;

        CLSEQ_TRY_GOTO(status, out, measure(x, i, loss, user, &measured));
        scale = fmax(fmax(fabs(given[i]), fabs(measured)), fmax(1e-4 * largest, 1e-10));
        error = fabs(given[i] - measured) / scale;
        result.compared++;
        if (!(error <= result.worst)) { /* also when it is NaN */
            result.worst = isnan(error) ? (double)INFINITY : error;
            result.element = i;
            result.given = given[i];
            result.measured = measured;
        }
    }
    *ret = result;
out:
    free(given);
    return status;
}
