/* SPDX-License-Identifier: BSD-2-Clause */
#include "reference/reference_cell.h"

clseq_status NAME(gru_cell_fwd)(clseq_backend *be, const struct clseq_gru_cell_fwd_args *a)
{
    const int32_t H = a->h.dims[1];
    const int32_t *length = index_data(&a->length);
    const real *b_ih = real_data(&a->b_ih), *b_hh = real_data(&a->b_hh);

    for (int32_t b = 0; b < a->h.dims[0]; b++) {
        const real *pre = real_row(&a->pre, b), *pre_n = real_row(&a->pre_n, b);
        const real *h_prev = real_row(&a->h_prev, b);
        real *act = real_row(&a->act, b), *hn = real_row(&a->hn, b), *h = real_row(&a->h, b);

        if (!is_live(length, b, a->t)) {
            for (int32_t j = 0; j < 3 * H; j++)
                act[j] = 0;
            for (int32_t j = 0; j < H; j++) {
                hn[j] = 0;
                h[j] = h_prev[j];
            }
            continue;
        }
        for (int32_t j = 0; j < H; j++) {
            double x_r = (double)pre[j], x_z = (double)pre[H + j], x_n = (double)pre[2 * H + j];
            double h_n = (double)pre_n[j];

            if (b_ih) {
                x_r += (double)b_ih[j] + (double)b_hh[j];
                x_z += (double)b_ih[H + j] + (double)b_hh[H + j];
                x_n += (double)b_ih[2 * H + j];
                h_n += (double)b_hh[2 * H + j];
            }
            const double r = sigmoid(x_r), z = sigmoid(x_z), n = tanh(x_n + r * h_n);

            act[j] = (real)r;
            act[H + j] = (real)z;
            act[2 * H + j] = (real)n;
            hn[j] = (real)h_n;
            h[j] = (real)((1 - z) * n + z * (double)h_prev[j]);
        }
    }
    return CLSEQ_OK;
}

clseq_status NAME(gru_cell_bwd)(clseq_backend *be, const struct clseq_gru_cell_bwd_args *a)
{
    const int32_t H = a->dh.dims[1];
    const int32_t *length = index_data(&a->length);

    for (int32_t b = 0; b < a->dh.dims[0]; b++) {
        const bool live = is_live(length, b, a->t);
        const real *act = real_row(&a->act, b), *hn = real_row(&a->hn, b);
        const real *h_prev = real_row(&a->h_prev, b), *dh = real_row(&a->dh, b);
        const real *dy = clseq_tensor_present(&a->dy) ? real_row(&a->dy, b) : NULL;
        real *dpre = real_row(&a->dpre, b), *dhn = real_row(&a->dhn, b);
        real *dh_prev = real_row(&a->dh_prev, b);

        for (int32_t j = 0; j < H; j++) {
            const double total = (double)dh[j] + (dy ? (double)dy[j] : 0);

            if (!live) {
                for (int gate = 0; gate < 3; gate++)
                    dpre[gate * H + j] = 0;
                dhn[j] = 0;
                dh_prev[j] = (real)total;
                continue;
            }
            const double r = (double)act[j], z = (double)act[H + j], n = (double)act[2 * H + j];
            /* h = (1 - z) n + z h_prev, then n = tanh(x_n + r hn) */
            const double d_n = total * (1 - z) * (1 - n * n);
            const double d_z = total * ((double)h_prev[j] - n), d_r = d_n * (double)hn[j];

            dpre[j] = (real)(d_r * r * (1 - r));
            dpre[H + j] = (real)(d_z * z * (1 - z));
            dpre[2 * H + j] = (real)d_n;
            dhn[j] = (real)(d_n * r);
            dh_prev[j] = (real)(total * z);
        }
    }
    return CLSEQ_OK;
}
