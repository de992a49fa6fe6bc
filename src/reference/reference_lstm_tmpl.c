/* SPDX-License-Identifier: BSD-2-Clause */
#include "reference/reference_cell.h"

/* The rows of the tensor; NULL when it is absent. */
struct peephole {
    const real *i, *f, *o;
};

static struct peephole peephole_of(const clseq_tensor *x)
{
    if (!clseq_tensor_present(x))
        return (struct peephole) { NULL, NULL, NULL };
    return (struct peephole) { real_row(x, 0), real_row(x, 1), real_row(x, 2) };
}

clseq_status NAME(lstm_cell_fwd)(clseq_backend *be, const struct clseq_lstm_cell_fwd_args *a)
{
    const int32_t H = a->h.dims[1];
    const int32_t *length = index_data(&a->length);
    const real *b_ih = real_data(&a->b_ih), *b_hh = real_data(&a->b_hh);
    const struct peephole w = peephole_of(&a->peephole);

    for (int32_t b = 0; b < a->h.dims[0]; b++) {
        const real *pre = real_row(&a->pre, b);
        const real *c_prev = real_row(&a->c_prev, b), *h_prev = real_row(&a->h_prev, b);
        real *act = real_row(&a->act, b), *c = real_row(&a->c, b), *h = real_row(&a->h, b);

        if (!is_live(length, b, a->t)) {
            for (int32_t j = 0; j < 4 * H; j++)
                act[j] = 0;
            for (int32_t j = 0; j < H; j++) {
                c[j] = c_prev[j];
                h[j] = h_prev[j];
            }
            continue;
        }
        for (int32_t j = 0; j < H; j++) {
            double x[4];

            for (int gate = 0; gate < 4; gate++) {
                x[gate] = (double)pre[gate * H + j];
                if (b_ih)
                    x[gate] += (double)b_ih[gate * H + j] + (double)b_hh[gate * H + j];
            }
            if (w.i) {
                x[0] += (double)w.i[j] * (double)c_prev[j];
                x[1] += (double)w.f[j] * (double)c_prev[j];
            }
            const double i = sigmoid(x[0]), f = sigmoid(x[1]), g = tanh(x[2]);
            const double c_new = f * (double)c_prev[j] + i * g;
            const double o = sigmoid(w.o ? x[3] + (double)w.o[j] * c_new : x[3]);

            act[j] = (real)i;
            act[H + j] = (real)f;
            act[2 * H + j] = (real)g;
            act[3 * H + j] = (real)o;
            c[j] = (real)c_new;
            h[j] = (real)(o * tanh(c_new));
        }
    }
    return CLSEQ_OK;
}

clseq_status NAME(lstm_cell_bwd)(clseq_backend *be, const struct clseq_lstm_cell_bwd_args *a)
{
    const int32_t H = a->dh.dims[1];
    const int32_t *length = index_data(&a->length);
    const struct peephole w = peephole_of(&a->peephole);

    for (int32_t b = 0; b < a->dh.dims[0]; b++) {
        const bool live = is_live(length, b, a->t);
        const real *act = real_row(&a->act, b), *c_prev = real_row(&a->c_prev, b);
        const real *c = real_row(&a->c, b), *dh = real_row(&a->dh, b), *dc = real_row(&a->dc, b);
        const real *dy = clseq_tensor_present(&a->dy) ? real_row(&a->dy, b) : NULL;
        real *dpre = real_row(&a->dpre, b), *dh_prev = real_row(&a->dh_prev, b);
        real *dc_prev = real_row(&a->dc_prev, b);

        for (int32_t j = 0; j < H; j++) {
            const double total = (double)dh[j] + (dy ? (double)dy[j] : 0);

            if (!live) {
                for (int gate = 0; gate < 4; gate++)
                    dpre[gate * H + j] = 0;
                dh_prev[j] = (real)total;
                dc_prev[j] = dc[j];
                continue;
            }
            const double i = (double)act[j], f = (double)act[H + j];
            const double g = (double)act[2 * H + j], o = (double)act[3 * H + j];
            const double tanh_c = tanh((double)c[j]);
            /* h = o tanh(c), then c = f c_prev + i g */
            const double d_o = total * tanh_c * o * (1 - o);
            double d_c = (double)dc[j] + total * o * (1 - tanh_c * tanh_c), d_c_prev;

            if (w.o)
                d_c += (double)w.o[j] * d_o;
            const double d_i = d_c * g * i * (1 - i), d_f = d_c * (double)c_prev[j] * f * (1 - f);
            const double d_g = d_c * i * (1 - g * g);

            d_c_prev = d_c * f;
            if (w.i)
                d_c_prev += (double)w.i[j] * d_i + (double)w.f[j] * d_f;
            dpre[j] = (real)d_i;
            dpre[H + j] = (real)d_f;
            dpre[2 * H + j] = (real)d_g;
            dpre[3 * H + j] = (real)d_o;
            dh_prev[j] = 0;
            dc_prev[j] = (real)d_c_prev;
        }
    }
    return CLSEQ_OK;
}
