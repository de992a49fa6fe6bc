/* SPDX-License-Identifier: BSD-2-Clause */
#include "reference/reference_tmpl.h"

#include <math.h>

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
        else
            loss[m] = (real)(log_sum - (double)logits[target[m]]);
    }
    return CLSEQ_OK;
}

clseq_status NAME(softmax_xent_bwd)(clseq_backend *be, const struct clseq_softmax_xent_bwd_args *a)
{
    const int32_t *target = index_data(&a->target);
    const real *lse = real_data(&a->lse);

    for (int32_t m = 0; m < a->logits.dims[0]; m++) {
        const real *logits = real_row(&a->logits, m);
        real *dlogits = real_row(&a->dlogits, m);

        for (int32_t v = 0; v < a->logits.dims[1]; v++) {
            const double p = exp((double)logits[v] - (double)lse[m]);

            dlogits[v] = target[m] == -1 ? 0 : (real)(a->scale * (p - (v == target[m] ? 1 : 0)));
        }
    }
    return CLSEQ_OK;
}
