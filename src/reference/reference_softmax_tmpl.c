/* SPDX-License-Identifier: BSD-2-Clause */
#include "reference/reference_tmpl.h"

#include <math.h>

static double mean_of(const real *x, int32_t n)
{
    double sum = 0;

    for (int32_t i = 0; i < n; i++)
        sum += (double)x[i];
    return sum / n;
}

clseq_status NAME(softmax_xent_fwd)(clseq_backend *be, const struct clseq_softmax_xent_fwd_args *a)
{
    const int32_t V = a->logits.dims[1];
    const int32_t *target = index_data(&a->target);
    real *loss = real_data(&a->loss), *lse = real_data(&a->lse);

    for (int32_t m = 0; m < a->logits.dims[0]; m++) {
        const real *logits = real_row(&a->logits, m);
        double largest = (double)logits[0], sum = 0, log_sum;

        for (int32_t v = 1; v < V; v++) {
            if ((double)logits[v] > largest)
                largest = (double)logits[v];
        }
        for (int32_t v = 0; v < V; v++)
            sum += exp((double)logits[v] - largest);
        log_sum = largest + log(sum);

        lse[m] = (real)log_sum;
        if (!target || target[m] == -1)
            loss[m] = 0;
        else if (target[m] < 0 || target[m] >= V)
            loss[m] = (real)NAN;
        else if (a->smoothing == 0)
            loss[m] = (real)(log_sum - (double)logits[target[m]]);
        else
            loss[m] = (real)(log_sum - (1 - a->smoothing) * (double)logits[target[m]] -
                             a->smoothing * mean_of(logits, V));
    }
    return CLSEQ_OK;
}

clseq_status NAME(softmax_xent_bwd)(clseq_backend *be, const struct clseq_softmax_xent_bwd_args *a)
{
    const int32_t *target = index_data(&a->target);
    const real *lse = real_data(&a->lse);
    const double right = 1 - a->smoothing, each = a->smoothing / a->logits.dims[1];

    for (int32_t m = 0; m < a->logits.dims[0]; m++) {
        const real *logits = real_row(&a->logits, m);
        real *dlogits = real_row(&a->dlogits, m);

        for (int32_t v = 0; v < a->logits.dims[1]; v++) {
            const double p = exp((double)logits[v] - (double)lse[m]);

            dlogits[v] =
                target[m] == -1 ? 0 : (real)(a->scale * (p - (v == target[m] ? right : 0) - each));
        }
    }
    return CLSEQ_OK;
}

clseq_status NAME(sigmoid_xent_fwd)(clseq_backend *be, const struct clseq_sigmoid_xent_fwd_args *a)
{
    const int32_t V = a->logits.dims[1];
    const int32_t *target = index_data(&a->target);
    real *loss = real_data(&a->loss);

    for (int32_t m = 0; m < a->logits.dims[0]; m++) {
        const real *logits = real_row(&a->logits, m);
        double sum = 0;

        for (int32_t v = 0; v < V; v++) {
            const double x = (double)logits[v];

            sum += (x > 0 ? x : 0) + log1p(exp(-fabs(x)));
        }
        if (target[m] == -1)
            loss[m] = 0;
        else if (target[m] < 0 || target[m] >= V)
            loss[m] = (real)NAN;
        else
            loss[m] = (real)(sum - (double)logits[target[m]]);
    }
    return CLSEQ_OK;
}

clseq_status NAME(sigmoid_xent_bwd)(clseq_backend *be, const struct clseq_sigmoid_xent_bwd_args *a)
{
    const int32_t *target = index_data(&a->target);

    for (int32_t m = 0; m < a->logits.dims[0]; m++) {
        const real *logits = real_row(&a->logits, m);
        real *dlogits = real_row(&a->dlogits, m);

        for (int32_t v = 0; v < a->logits.dims[1]; v++) {
            const double e = exp(-fabs((double)logits[v]));
            const double p = ((double)logits[v] < 0 ? e : 1) / (1 + e);

            dlogits[v] = target[m] == -1 ? 0 : (real)(a->scale * (p - (v == target[m] ? 1 : 0)));
        }
    }
    return CLSEQ_OK;
}
