/* SPDX-License-Identifier: BSD-2-Clause */
#include "reference/reference_cell.h"

clseq_status NAME(rnn_cell_fwd)(clseq_backend *be, const struct clseq_rnn_cell_fwd_args *a)
{
    const int32_t H = a->h.dims[1];
    const int32_t *length = index_data(&a->length);
    const real *b_ih = real_data(&a->b_ih), *b_hh = real_data(&a->b_hh);

    for (int32_t b = 0; b < a->h.dims[0]; b++) {
        const bool live = is_live(length, b, a->t);
        const real *pre = real_row(&a->pre, b), *h_prev = real_row(&a->h_prev, b);
        real *act = real_row(&a->act, b), *h = real_row(&a->h, b);

        for (int32_t j = 0; j < H; j++) {
            double x;

            if (!live) {
                act[j] = 0;
                h[j] = h_prev[j];
                continue;
            }
            x = (double)pre[j];
            if (b_ih)
                x += (double)b_ih[j] + (double)b_hh[j];
            act[j] = h[j] = (real)tanh(x);
        }
    }
    return CLSEQ_OK;
}

clseq_status NAME(rnn_cell_bwd)(clseq_backend *be, const struct clseq_rnn_cell_bwd_args *a)
{
    const int32_t H = a->dh.dims[1];
    const int32_t *length = index_data(&a->length);

    for (int32_t b = 0; b < a->dh.dims[0]; b++) {
        const bool live = is_live(length, b, a->t);
        const real *act = real_row(&a->act, b), *dh = real_row(&a->dh, b);
        const real *dy = clseq_tensor_present(&a->dy) ? real_row(&a->dy, b) : NULL;
        real *dpre = real_row(&a->dpre, b), *dh_prev = real_row(&a->dh_prev, b);

        for (int32_t j = 0; j < H; j++) {
            const double total = (double)dh[j] + (dy ? (double)dy[j] : 0), y = (double)act[j];

            dpre[j] = live ? (real)(total * (1 - y * y)) : 0;
            dh_prev[j] = live ? 0 : (real)total;
        }
    }
    return CLSEQ_OK;
}
