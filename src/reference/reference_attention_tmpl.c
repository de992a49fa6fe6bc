/* SPDX-License-Identifier: BSD-2-Clause */
#include "reference/reference_tmpl.h"

#include <math.h>

/* Words of sentence b that count, of S. */
static int32_t live_words(const clseq_tensor *length, int32_t b, int32_t S)
{
    const int32_t *lengths = index_data(length);

    if (!lengths || lengths[b] > S)
        return S;
    return lengths[b] < 0 ? 0 : lengths[b];
}

clseq_status NAME(masked_softmax_fwd)(clseq_backend *be,
                                      const struct clseq_masked_softmax_fwd_args *a)
{
    const int32_t S = a->x.dims[2];

    for (int64_t r = 0; r < row_count(&a->x); r++) {
        const int32_t live = live_words(&a->length, (int32_t)(r / a->x.dims[1]), S);
        const real *x = real_row(&a->x, r);
        real *y = real_row(&a->y, r);
        double largest = -HUGE_VAL, sum = 0;

        for (int32_t s = 0; s < live; s++) {
            if ((double)x[s] > largest)
                largest = (double)x[s];
        }
        for (int32_t s = 0; s < live; s++)
            sum += exp((double)x[s] - largest);
        for (int32_t s = 0; s < S; s++)
            y[s] = s < live ? (real)(exp((double)x[s] - largest) / sum) : 0;
    }
    return CLSEQ_OK;
}

clseq_status NAME(masked_softmax_bwd)(clseq_backend *be,
                                      const struct clseq_masked_softmax_bwd_args *a)
{
    for (int64_t r = 0; r < row_count(&a->y); r++) {
        const real *y = real_row(&a->y, r), *dy = real_row(&a->dy, r);
        real *dx = real_row(&a->dx, r);
        double sum = 0;

        for (int32_t s = 0; s < row_length(&a->y); s++)
            sum += (double)y[s] * (double)dy[s];
        for (int32_t s = 0; s < row_length(&a->y); s++)
            dx[s] = (real)((double)y[s] * ((double)dy[s] - sum));
    }
    return CLSEQ_OK;
}
