/* SPDX-License-Identifier: BSD-2-Clause */
#include "reference/reference_tmpl.h"

#include <math.h>
#include <string.h>

static bool inside(int32_t index, int32_t n)
{
    return index >= 0 && index < n;
}

clseq_status NAME(row_gather)(clseq_backend *be, const struct clseq_row_gather_args *a)
{
    const int32_t *index = index_data(&a->index);
    const int32_t n_columns = a->dst.dims[1];

    for (int32_t m = 0; m < a->dst.dims[0]; m++) {
        real *dst = real_row(&a->dst, m);

        if (inside(index[m], a->src.dims[0])) {
            memcpy(dst, real_row(&a->src, index[m]), (size_t)n_columns * sizeof(real));
            continue;
        }
        for (int32_t n = 0; n < n_columns; n++)
            dst[n] = index[m] == -1 ? 0 : (real)NAN;
    }
    return CLSEQ_OK;
}

clseq_status NAME(row_scatter)(clseq_backend *be, const struct clseq_row_scatter_args *a)
{
    const int32_t *index = index_data(&a->index);

    for (int32_t m = 0; m < a->src.dims[0]; m++) {
        if (inside(index[m], a->dst.dims[0]))
            memcpy(real_row(&a->dst, index[m]), real_row(&a->src, m),
                   (size_t)a->src.dims[1] * sizeof(real));
    }
    return CLSEQ_OK;
}

clseq_status NAME(keep_target)(clseq_backend *be, const struct clseq_keep_target_args *a)
{
    const int32_t *target = index_data(&a->target);

    for (int32_t m = 0; m < a->x.dims[0]; m++) {
        const real *x = real_row(&a->x, m);
        real *y = real_row(&a->y, m);
        const int64_t wanted = (int64_t)target[m] - a->first;

        for (int32_t n = 0; n < a->x.dims[1]; n++)
            y[n] = n == wanted ? x[n] : (real)-INFINITY;
    }
    return CLSEQ_OK;
}

clseq_status NAME(embedding_bwd)(clseq_backend *be, const struct clseq_embedding_bwd_args *a)
{
    enum { BLOCK = 64 }; /* columns at a time, so that memory is read along rows */
    const int32_t *order = index_data(&a->order), *start = index_data(&a->start);
    const int32_t n_columns = a->drow.dims[1];

    for (int32_t u = 0; u < a->drow.dims[0]; u++) {
        real *drow = real_row(&a->drow, u);

        for (int32_t n0 = 0; n0 < n_columns; n0 += BLOCK) {
            const int32_t width = n_columns - n0 < BLOCK ? n_columns - n0 : BLOCK;
            double sum[BLOCK] = { 0 };

            for (int32_t p = start[u]; p < start[u + 1]; p++) {
                if (!inside(order[p], a->dy.dims[0]))
                    continue;
                const real *dy = real_row(&a->dy, order[p]) + n0;

                for (int32_t n = 0; n < width; n++)
                    sum[n] += (double)dy[n];
            }
            for (int32_t n = 0; n < width; n++)
                drow[n0 + n] = (real)sum[n];
        }
    }
    return CLSEQ_OK;
}
