/* SPDX-License-Identifier: BSD-2-Clause */
#include "reference/reference_tmpl.h"

#include <math.h>

clseq_status NAME(clip_scale)(clseq_backend *be, const struct clseq_clip_scale_args *a)
{
    const double norm = a->scale * sqrt((double)real_data(&a->sumsq)[0]);
    real *stats = real_data(&a->stats);

    stats[0] = (real)norm;
    if (!isfinite(norm))
        stats[1] = 0;
    else if (a->max_norm > 0 && norm > a->max_norm)
        stats[1] = (real)(a->scale * (a->max_norm / norm));
    else
        stats[1] = (real)a->scale;
    return CLSEQ_OK;
}

/* Row r of g belongs to this row of w; -1: to none. */
static int64_t updated_row(const int32_t *index, const clseq_tensor *w, int64_t r)
{
    if (!index)
        return r;
    return index[r] >= 0 && index[r] < w->dims[0] ? index[r] : -1;
}

/* g', the gradient that updates work with. */
static double decayed(double scale, real g, double decay, real w)
{
    const double scaled = scale * (double)g;

    return decay != 0 ? scaled + decay * (double)w : scaled;
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

        for (int32_t n = 0; n < row_length(&a->g); n++) {
            double step = a->lr * scale * (double)g[n];

            if (a->decay != 0)
                step += a->lr * a->decay * (double)w[n];
            w[n] = (real)((double)w[n] - step);
        }
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
            const double g = decayed(scale, g_row[n], a->decay, w[n]);
            const double m = a->beta1 * (double)m_row[n] + (1 - a->beta1) * g;
            const double v = a->beta2 * (double)v_row[n] + (1 - a->beta2) * g * g;
            double step = a->step_size * m / (sqrt(v) * a->inv_sqrt_bias2 + a->eps);

            if (a->shrink != 0)
                step += a->shrink * (double)w[n];
            m_row[n] = (real)m;
            v_row[n] = (real)v;
            w[n] = (real)((double)w[n] - step);
        }
    }
    return CLSEQ_OK;
}

clseq_status NAME(momentum_update)(clseq_backend *be, const struct clseq_momentum_update_args *a)
{
    const double scale = (double)real_data(&a->stats)[1];
    const int32_t *index = index_data(&a->index);

    for (int64_t r = 0; r < row_count(&a->g) && scale != 0; r++) {
        const int64_t row = updated_row(index, &a->w, r);

        if (row < 0)
            continue;
        const real *g_row = real_row(&a->g, r);
        real *w = real_row(&a->w, row), *m_row = real_row(&a->m, row);

        for (int32_t n = 0; n < row_length(&a->g); n++) {
            const double g = decayed(scale, g_row[n], a->decay, w[n]);
            const double m = a->momentum * (double)m_row[n] + g;

            m_row[n] = (real)m;
            w[n] = (real)((double)w[n] - a->lr * (a->nesterov ? g + a->momentum * m : m));
        }
    }
    return CLSEQ_OK;
}

clseq_status NAME(adagrad_update)(clseq_backend *be, const struct clseq_adagrad_update_args *a)
{
    const double scale = (double)real_data(&a->stats)[1];
    const int32_t *index = index_data(&a->index);

    for (int64_t r = 0; r < row_count(&a->g) && scale != 0; r++) {
        const int64_t row = updated_row(index, &a->w, r);

        if (row < 0)
            continue;
        const real *g_row = real_row(&a->g, r);
        real *w = real_row(&a->w, row), *v_row = real_row(&a->v, row);

        for (int32_t n = 0; n < row_length(&a->g); n++) {
            const double g = decayed(scale, g_row[n], a->decay, w[n]);
            const double v = (double)v_row[n] + g * g;

            v_row[n] = (real)v;
            w[n] = (real)((double)w[n] - a->lr * g / (sqrt(v) + a->eps));
        }
    }
    return CLSEQ_OK;
}

clseq_status NAME(adadelta_update)(clseq_backend *be, const struct clseq_adadelta_update_args *a)
{
    const double scale = (double)real_data(&a->stats)[1];
    const int32_t *index = index_data(&a->index);

    for (int64_t r = 0; r < row_count(&a->g) && scale != 0; r++) {
        const int64_t row = updated_row(index, &a->w, r);

        if (row < 0)
            continue;
        const real *g_row = real_row(&a->g, r);
        real *w = real_row(&a->w, row), *v_row = real_row(&a->v, row),
             *u_row = real_row(&a->u, row);

        for (int32_t n = 0; n < row_length(&a->g); n++) {
            const double g = decayed(scale, g_row[n], a->decay, w[n]);
            const double v = a->rho * (double)v_row[n] + (1 - a->rho) * g * g;
            const double delta = sqrt(((double)u_row[n] + a->eps) / (v + a->eps)) * g;

            v_row[n] = (real)v;
            u_row[n] = (real)(a->rho * (double)u_row[n] + (1 - a->rho) * delta * delta);
            w[n] = (real)((double)w[n] - a->lr * delta);
        }
    }
    return CLSEQ_OK;
}

clseq_status NAME(rmsprop_update)(clseq_backend *be, const struct clseq_rmsprop_update_args *a)
{
    const double scale = (double)real_data(&a->stats)[1];
    const int32_t *index = index_data(&a->index);

    for (int64_t r = 0; r < row_count(&a->g) && scale != 0; r++) {
        const int64_t row = updated_row(index, &a->w, r);

        if (row < 0)
            continue;
        const real *g_row = real_row(&a->g, r);
        real *w = real_row(&a->w, row), *v_row = real_row(&a->v, row);

        for (int32_t n = 0; n < row_length(&a->g); n++) {
            const double g = decayed(scale, g_row[n], a->decay, w[n]);
            const double v = a->rho * (double)v_row[n] + (1 - a->rho) * g * g;

            v_row[n] = (real)v;
            w[n] = (real)((double)w[n] - a->lr * g / (sqrt(v) + a->eps));
        }
    }
    return CLSEQ_OK;
}
