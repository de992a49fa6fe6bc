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

/* Step t (or word s) of sentence b of a time-major tensor. */
static real *state_of(const clseq_tensor *x, int32_t step, int32_t b)
{
    return real_row(x, (int64_t)step * x->dims[1] + b);
}

clseq_status NAME(additive_score_fwd)(clseq_backend *be,
                                      const struct clseq_additive_score_fwd_args *a)
{
    const int32_t T = a->q.dims[0], B = a->q.dims[1], A = a->q.dims[2], S = a->k.dims[0];
    const real *v = real_data(&a->v);

    for (int64_t r = 0; r < (int64_t)B * T; r++) {
        const int32_t b = (int32_t)(r / T), live = live_words(&a->length, b, S);
        const real *q = state_of(&a->q, (int32_t)(r % T), b);
        real *score = real_row(&a->score, r);

        for (int32_t s = 0; s < S; s++) {
            double sum = 0;

            for (int32_t i = 0; s < live && i < A; i++)
                sum += (double)v[i] * tanh((double)q[i] + (double)state_of(&a->k, s, b)[i]);
            score[s] = (real)sum;
        }
    }
    return CLSEQ_OK;
}

/* dscore[b][t][s] (1 - th^2) for unit i, or dscore[b][t][s] th. */
static double flow(const struct clseq_additive_score_bwd_args *a, int32_t t, int32_t b, int32_t s,
                   int32_t i, bool of_v)
{
    const double d = (double)real_row(&a->dscore, (int64_t)b * a->q.dims[0] + t)[s];
    const double th = tanh((double)state_of(&a->q, t, b)[i] + (double)state_of(&a->k, s, b)[i]);

    return of_v ? d * th : d * (1 - th * th);
}

static void additive_dq(const struct clseq_additive_score_bwd_args *a, int32_t b, int32_t live)
{
    const real *v = real_data(&a->v);

    for (int32_t t = 0; t < a->q.dims[0]; t++) {
        real *dq = state_of(&a->dq, t, b);

        for (int32_t i = 0; i < a->q.dims[2]; i++) {
            double sum = 0;

            for (int32_t s = 0; s < live; s++)
                sum += flow(a, t, b, s, i, false);
            dq[i] = (real)((double)v[i] * sum);
        }
    }
}

static void additive_dk(const struct clseq_additive_score_bwd_args *a, int32_t b, int32_t live)
{
    const real *v = real_data(&a->v);

    for (int32_t s = 0; s < a->k.dims[0]; s++) {
        real *dk = state_of(&a->dk, s, b);

        for (int32_t i = 0; i < a->q.dims[2]; i++) {
            double sum = 0;

            for (int32_t t = 0; s < live && t < a->q.dims[0]; t++)
                sum += flow(a, t, b, s, i, false);
            dk[i] = (real)((s < live ? (double)v[i] * sum : 0) + scaled_old(a->beta, &dk[i]));
        }
    }
}

clseq_status NAME(additive_score_bwd)(clseq_backend *be,
                                      const struct clseq_additive_score_bwd_args *a)
{
    const int32_t T = a->q.dims[0], B = a->q.dims[1], S = a->k.dims[0];
    real *dv = real_data(&a->dv);

    for (int32_t b = 0; b < B; b++) {
        const int32_t live = live_words(&a->length, b, S);

        additive_dq(a, b, live);
        additive_dk(a, b, live);
    }
    for (int32_t i = 0; i < a->q.dims[2]; i++) {
        double sum = 0;

        for (int32_t b = 0; b < B; b++) {
            const int32_t live = live_words(&a->length, b, S);

            for (int32_t t = 0; t < T; t++) {
                for (int32_t s = 0; s < live; s++)
                    sum += flow(a, t, b, s, i, true);
            }
        }
        dv[i] = (real)(sum + scaled_old(a->beta, &dv[i]));
    }
    return CLSEQ_OK;
}
