/* SPDX-License-Identifier: BSD-2-Clause */
#include "reference/reference_tmpl.h"

#include <math.h>
#include <string.h>

clseq_status NAME(copy)(clseq_backend *be, const struct clseq_copy_args *a)
{
    const size_t size = clseq_dtype_size((clseq_dtype)a->src.dtype);
    const size_t bytes = (size_t)row_length(&a->src) * size;
    const char *src = clseq_reference_memory(a->src.buffer);
    char *dst = clseq_reference_memory(a->dst.buffer);

    for (int64_t r = 0; r < row_count(&a->src); r++)
        memcpy(dst + row_offset(&a->dst, r) * size, src + row_offset(&a->src, r) * size, bytes);
    return CLSEQ_OK;
}

clseq_status NAME(fill)(clseq_backend *be, const struct clseq_fill_args *a)
{
    for (int64_t r = 0; r < row_count(&a->dst); r++) {
        for (int32_t n = 0; n < row_length(&a->dst); n++) {
            if (a->dst.dtype == CLSEQ_I32)
                index_row(&a->dst, r)[n] = (int32_t)a->value;
            else
                real_row(&a->dst, r)[n] = (real)a->value;
        }
    }
    return CLSEQ_OK;
}

clseq_status NAME(bias_add)(clseq_backend *be, const struct clseq_bias_add_args *a)
{
    const real *b0 = real_data(&a->b0), *b1 = real_data(&a->b1);

    for (int32_t m = 0; m < a->x.dims[0]; m++) {
        const real *x = real_row(&a->x, m);
        real *y = real_row(&a->y, m);

        for (int32_t n = 0; n < a->x.dims[1]; n++)
            y[n] = (real)((double)x[n] + (double)b0[n] + (b1 ? (double)b1[n] : 0));
    }
    return CLSEQ_OK;
}

clseq_status NAME(axpby)(clseq_backend *be, const struct clseq_axpby_args *a)
{
    for (int64_t r = 0; r < row_count(&a->x); r++) {
        const real *x = real_row(&a->x, r);
        real *y = real_row(&a->y, r);

        for (int32_t n = 0; n < row_length(&a->x); n++)
            y[n] = (real)(a->alpha * (double)x[n] + scaled_old(a->beta, &y[n]));
    }
    return CLSEQ_OK;
}

clseq_status NAME(tanh_fwd)(clseq_backend *be, const struct clseq_tanh_fwd_args *a)
{
    for (int64_t r = 0; r < row_count(&a->x); r++) {
        const real *x = real_row(&a->x, r);
        real *y = real_row(&a->y, r);

        for (int32_t n = 0; n < row_length(&a->x); n++)
            y[n] = (real)tanh((double)x[n]);
    }
    return CLSEQ_OK;
}

clseq_status NAME(tanh_bwd)(clseq_backend *be, const struct clseq_tanh_bwd_args *a)
{
    for (int64_t r = 0; r < row_count(&a->y); r++) {
        const real *y = real_row(&a->y, r), *dy = real_row(&a->dy, r);
        real *dx = real_row(&a->dx, r);

        for (int32_t n = 0; n < row_length(&a->y); n++)
            dx[n] = (real)((double)dy[n] * (1 - (double)y[n] * (double)y[n]));
    }
    return CLSEQ_OK;
}
