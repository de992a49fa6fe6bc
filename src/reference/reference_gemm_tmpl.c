/* SPDX-License-Identifier: BSD-2-Clause */
#include "reference/reference_tmpl.h"

#include "backend/precision.h"

/* Sizes of the blocks: a panel of B, PANEL x COLUMNS doubles, and the sums of ROWS x COLUMNS
 * elements of C fit in a first-level cache. Every element is still summed from k = 0 upwards. */
enum { ROWS = 64, COLUMNS = 16, PANEL = 128 };

/* One operand as op(X): element (i, j) is data[i * row + j * column]. */
struct operand {
    const real *data;
    int64_t row, column;
    int dropped; /* bits of mantissa, by the backend's precision */
};

static struct operand operand_of(const clseq_backend *be, const clseq_tensor *x, bool transposed,
                                 int32_t batch)
{
    const int64_t stride = x->strides[x->ndim - 2];
    const clseq_tensor step = x->ndim == 3 ? clseq_tensor_step(*x, batch) : *x;

    return (struct operand) {
        .data = real_row(&step, 0),
        .row = transposed ? 1 : stride,
        .column = transposed ? stride : 1,
        .dropped = clseq_precision_dropped(be->info.precision),
    };
}

static int32_t smaller(int32_t a, int32_t b)
{
    return a < b ? a : b;
}

/* B[k0 .. k0 + n_k)[j0 .. j0 + n_j) as doubles, zeros behind the last column. */
static void pack_panel(double panel[PANEL][COLUMNS], const struct operand *b, int32_t k0,
                       int32_t n_k, int32_t j0, int32_t n_j)
{
    for (int32_t k = 0; k < n_k; k++) {
        const real *row = b->data + (k0 + k) * b->row + j0 * b->column;

        for (int32_t j = 0; j < COLUMNS; j++)
            panel[k][j] = j < n_j ? clseq_round_factor((double)row[j * b->column], b->dropped) : 0;
    }
}

/* sum[j] += sum over k of a[k] panel[k][j], a[k] being row i of A from k0 on */
static void add_products(double sum[COLUMNS], const struct operand *left, int32_t i, int32_t k0,
                         const double panel[PANEL][COLUMNS], int32_t n_k)
{
    const real *a = left->data + i * left->row + k0 * left->column;
    double local[COLUMNS];

    for (int j = 0; j < COLUMNS; j++)
        local[j] = sum[j];
    for (int32_t k = 0; k < n_k; k++) {
        const double x = clseq_round_factor((double)a[k * left->column], left->dropped);

        for (int j = 0; j < COLUMNS; j++)
            local[j] += x * panel[k][j];
    }
    for (int j = 0; j < COLUMNS; j++)
        sum[j] = local[j];
}

/* The part of C with rows [i0, i0 + n_i) and columns [j0, j0 + n_j). */
static void product_block(const struct clseq_gemm_args *a, const clseq_tensor *c,
                          const struct operand *left, const struct operand *right, int32_t n_k,
                          int32_t i0, int32_t j0)
{
    const int32_t n_i = smaller(ROWS, c->dims[0] - i0), n_j = smaller(COLUMNS, c->dims[1] - j0);
    const real *bias = real_data(&a->bias);
    double sum[ROWS][COLUMNS] = { { 0 } }, panel[PANEL][COLUMNS];

    for (int32_t k0 = 0; k0 < n_k; k0 += PANEL) {
        const int32_t part = smaller(PANEL, n_k - k0);

        pack_panel(panel, right, k0, part, j0, n_j);
        for (int32_t i = 0; i < n_i; i++)
            add_products(sum[i], left, i0 + i, k0, (const double(*)[COLUMNS])panel, part);
    }
    for (int32_t i = 0; i < n_i; i++) {
        real *y = real_row(c, i0 + i) + j0;

        for (int32_t j = 0; j < n_j; j++) {
            y[j] = (real)(a->alpha * sum[i][j] + scaled_old(a->beta, &y[j]));
            if (bias)
                y[j] = (real)((double)y[j] + (double)bias[j0 + j]);
        }
    }
}

clseq_status NAME(gemm)(clseq_backend *be, const struct clseq_gemm_args *a)
{
    const int32_t n_k = a->a.dims[a->a.ndim - (a->trans_a ? 2 : 1)];
    const int32_t batches = a->c.ndim == 3 ? a->c.dims[0] : 1;

    for (int32_t batch = 0; batch < batches; batch++) {
        const struct operand left = operand_of(be, &a->a, a->trans_a, batch);
        const struct operand right = operand_of(be, &a->b, a->trans_b, batch);
        const clseq_tensor c = a->c.ndim == 3 ? clseq_tensor_step(a->c, batch) : a->c;

        for (int32_t i0 = 0; i0 < c.dims[0]; i0 += ROWS) {
            for (int32_t j0 = 0; j0 < c.dims[1]; j0 += COLUMNS)
                product_block(a, &c, &left, &right, n_k, i0, j0);
        }
    }
    return CLSEQ_OK;
}
