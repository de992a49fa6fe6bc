/* SPDX-License-Identifier: BSD-2-Clause */
#include "reference/reference_tmpl.h"

#include <math.h>

clseq_status NAME(clip_scale)(clseq_backend *be, const struct clseq_clip_scale_args *a)
{
    const double norm = sqrt((double)real_data(&a->sumsq)[0]);
    real *stats = real_data(&a->stats);

    stats[0] = (real)norm;
    if (!isfinite(norm))
        stats[1] = 0;
    else if (a->max_norm > 0 && norm > a->max_norm)
        stats[1] = (real)(a->max_norm / norm);
    else
        stats[1] = 1;
    return CLSEQ_OK;
}

/* Row r of g belongs to this row of w; -1: to none. */
static int64_t updated_row(const int32_t *index, const clseq_tensor *w, int64_t r)
{
    if (!index)
        return r;
    return index[r] >= 0 && index[r] < w->dims[0] ? index[r] : -1;
}

clseq_status NAME(sgd_update)(clseq_backend *be, const struct clseq_sgd_update_args *a)
{
    const double scale = (double)real_data(&a->stats)[1];
    const int32_t *index = index_data(&a->index);

    for (int64_t r = 0; r < row_count(&a->g) && scale != 0; r++) {
        const int64_t row = updated_row(index, &a->w, r);

        if (row < 0)
            continue;
        const real *g = real_row(&a->g, r);
        real *w = real_row(&a->w, row);

        for (int32_t n = 0; n < row_length(&a->g); n++)
            w[n] = (real)((double)w[n] - a->lr * scale * (double)g[n]);
    }
    return CLSEQ_OK;
}

clseq_status NAME(adam_update)(clseq_backend *be, const struct clseq_adam_update_args *a)
{
    const double scale = (double)real_data(&a->stats)[1];
    const int32_t *index = index_data(&a->index);

    for (int64_t r = 0; r < row_count(&a->g) && scale != 0; r++) {
        const int64_t row = updated_row(index, &a->w, r);

        if (row < 0)
            continue;
        const real *g_row = real_row(&a->g, r);
        real *w = real_row(&a->w, row), *m_row = real_row(&a->m, row),
             *v_row = real_row(&a->v, row);

        for (int32_t n = 0; n < row_length(&a->g); n++) {
            const double g = scale * (double)g_row[n];
            const double m = a->beta1 * (double)m_row[n] + (1 - a->beta1) * g;
            const double v = a->beta2 * (double)v_row[n] + (1 - a->beta2) * g * g;

            m_row[n] = (real)m;
            v_row[n] = (real)v;
            w[n] = (real)((double)w[n] - a->step_size * m / (sqrt(v) * a->inv_sqrt_bias2 + a->eps));
        }
    }
    return CLSEQ_OK;
}
