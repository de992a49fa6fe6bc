/* SPDX-License-Identifier: BSD-2-Clause */
#include "reference/reference_tmpl.h"

#include <math.h>

clseq_status NAME(sum)(clseq_backend *be, const struct clseq_sum_args *a)
{
    real *y = real_data(&a->y);
    double sum = 0;

    for (int64_t r = 0; r < row_count(&a->x); r++) {
        const real *x = real_row(&a->x, r);

        for (int32_t n = 0; n < row_length(&a->x); n++)
            sum += (double)x[n];
    }
    y[0] = (real)(sum + scaled_old(a->beta, &y[0]));
    return CLSEQ_OK;
}

clseq_status NAME(sum_squares)(clseq_backend *be, const struct clseq_sum_squares_args *a)
{
    real *y = real_data(&a->y);
    double sum = 0;

    for (int64_t r = 0; r < row_count(&a->x); r++) {
        const real *x = real_row(&a->x, r);

        for (int32_t n = 0; n < row_length(&a->x); n++)
            sum += (double)x[n] * (double)x[n];
    }
    y[0] = (real)(sum + scaled_old(a->beta, &y[0]));
    return CLSEQ_OK;
}

/* Columns at a time in the next two, so that memory is read along rows. */
enum { COLUMN_BLOCK = 64 };

clseq_status NAME(col_sums)(clseq_backend *be, const struct clseq_col_sums_args *a)
{
    const int32_t n_rows = a->x.dims[0], n_columns = a->x.dims[1];
    real *y = real_data(&a->y);

    for (int32_t n0 = 0; n0 < n_columns; n0 += COLUMN_BLOCK) {
        const int32_t width = n_columns - n0 < COLUMN_BLOCK ? n_columns - n0 : COLUMN_BLOCK;
        double sum[COLUMN_BLOCK] = { 0 };

        for (int32_t m = 0; m < n_rows; m++) {
            const real *x = real_row(&a->x, m) + n0;

            for (int32_t n = 0; n < width; n++)
                sum[n] += (double)x[n];
        }
        for (int32_t n = 0; n < width; n++)
            y[n0 + n] = (real)(sum[n] + scaled_old(a->beta, &y[n0 + n]));
    }
    return CLSEQ_OK;
}

clseq_status NAME(col_dots)(clseq_backend *be, const struct clseq_col_dots_args *a)
{
    const int32_t n_rows = a->x.dims[0], n_columns = a->x.dims[1];
    real *y = real_data(&a->y);

    for (int32_t n0 = 0; n0 < n_columns; n0 += COLUMN_BLOCK) {
        const int32_t width = n_columns - n0 < COLUMN_BLOCK ? n_columns - n0 : COLUMN_BLOCK;
        double sum[COLUMN_BLOCK] = { 0 };

        for (int32_t m = 0; m < n_rows; m++) {
            const real *x = real_row(&a->x, m) + n0, *z = real_row(&a->z, m) + n0;

            for (int32_t n = 0; n < width; n++)
                sum[n] += (double)x[n] * (double)z[n];
        }
        for (int32_t n = 0; n < width; n++)
            y[n0 + n] = (real)(sum[n] + scaled_old(a->beta, &y[n0 + n]));
    }
    return CLSEQ_OK;
}

static bool has_nan(const real *x, int32_t n)
{
    for (int32_t i = 0; i < n; i++) {
        if (isnan(x[i]))
            return true;
    }
    return false;
}

clseq_status NAME(argmax)(clseq_backend *be, const struct clseq_argmax_args *a)
{
    int32_t *index = index_data(&a->index);

    for (int32_t m = 0; m < a->x.dims[0]; m++) {
        const real *x = real_row(&a->x, m);
        int32_t best = 0;

        for (int32_t n = 1; n < a->x.dims[1]; n++) {
            if (x[n] > x[best])
                best = n;
        }
        index[m] = has_nan(x, a->x.dims[1]) ? -1 : best;
    }
    return CLSEQ_OK;
}

/* Keep the k largest in value[] and index[], sorted; an equal one goes behind those before it. */
static void topk_row(const real *x, int32_t n, int32_t k, real *value, int32_t *index)
{
    int32_t kept = 0;

    for (int32_t i = 0; i < n; i++) {
        int32_t place = kept;

        while (place > 0 && x[i] > value[place - 1])
            place--;
        if (place == k)
            continue;
        if (kept < k)
            kept++;
        for (int32_t j = kept - 1; j > place; j--) {
            value[j] = value[j - 1];
            index[j] = index[j - 1];
        }
        value[place] = x[i];
        index[place] = i;
    }
}

clseq_status NAME(topk)(clseq_backend *be, const struct clseq_topk_args *a)
{
    const int32_t k = a->value.dims[1];

    for (int32_t m = 0; m < a->x.dims[0]; m++) {
        const real *x = real_row(&a->x, m);
        real *value = real_row(&a->value, m);
        int32_t *index = index_row(&a->index, m);

        if (!has_nan(x, a->x.dims[1])) {
            topk_row(x, a->x.dims[1], k, value, index);
            continue;
        }
        for (int32_t j = 0; j < k; j++) {
            value[j] = (real)NAN;
            index[j] = -1;
        }
    }
    return CLSEQ_OK;
}
