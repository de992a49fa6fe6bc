/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What each operation asks of its shapes and scalars: op_args.h as code, in the
 * order of op_list.h. Ranks are checked before a dimension is read.
 */
#include "backend/ops_check.h"

#include "base/base.h"

#include <float.h>
#include <math.h>
#include <stdio.h>

/* The call under check. */
struct call {
    clseq_context *ctx;
    const char *op;
};

#define SHAPE_TEXT 64

static const char *shape_text(int ndim, const int64_t dims[3], char text[SHAPE_TEXT])
{
    int at = snprintf(text, SHAPE_TEXT, "(%lld", (long long)dims[0]);

    for (int i = 1; i < ndim; i++)
        at += snprintf(text + at, (size_t)(SHAPE_TEXT - at), ", %lld", (long long)dims[i]);
    snprintf(text + at, (size_t)(SHAPE_TEXT - at), ")");
    return text;
}

static clseq_status need_rank(const struct call *k, const char *name, const clseq_tensor *x,
                              int lowest, int highest, const char *letters)
{
    char text[CLSEQ_TENSOR_TEXT];

    if (x->ndim >= lowest && x->ndim <= highest)
        return CLSEQ_OK;
    return clseq_fail(k->ctx, CLSEQ_ERR_SHAPE, "%s: %s is %s of rank %d, but must be %s", k->op,
                      name, clseq_tensor_text(x, text), x->ndim, letters);
}

/* x must have exactly these dimensions, `letters` in the contract, because `of` has its shape. */
static clseq_status need(const struct call *k, const char *name, const clseq_tensor *x,
                         const char *letters, int ndim, const int64_t dims[3], const char *of_name,
                         const clseq_tensor *of)
{
    char text[CLSEQ_TENSOR_TEXT], of_text[CLSEQ_TENSOR_TEXT], want[SHAPE_TEXT];
    bool fits = x->ndim == ndim;

    for (int i = 0; fits && i < ndim; i++)
        fits = x->dims[i] == dims[i];
    if (fits)
        return CLSEQ_OK;
    return clseq_fail(k->ctx, CLSEQ_ERR_SHAPE,
                      "%s: %s is %s, but must be %s = %s, because %s is %s", k->op, name,
                      clseq_tensor_text(x, text), letters, shape_text(ndim, dims, want), of_name,
                      clseq_tensor_text(of, of_text));
}

/* The short forms used below: x is a member of the arguments `a`. */
#define RANK(x, lowest, highest, letters)                                                          \
    CLSEQ_TRY(need_rank(k, #x, &a->x, lowest, highest, letters))
#define NEED(x, letters, of, ndim, ...)                                                            \
    CLSEQ_TRY(need(k, #x, &a->x, letters, ndim, (const int64_t[3]) { __VA_ARGS__ }, #of, &a->of))
#define NEED_IF_PRESENT(x, letters, of, ndim, ...)                                                 \
    do {                                                                                           \
        if (clseq_tensor_present(&a->x))                                                           \
            NEED(x, letters, of, ndim, __VA_ARGS__);                                               \
    } while (0)
#define NEED_SAME(x, of)                                                                           \
    CLSEQ_TRY(need(k, #x, &a->x, "the shape of " #of, a->of.ndim,                                  \
                   (const int64_t[3]) { a->of.dims[0], a->of.dims[1], a->of.dims[2] }, #of,        \
                   &a->of))
#define NEED_SAME_IF_PRESENT(x, of)                                                                \
    do {                                                                                           \
        if (clseq_tensor_present(&a->x))                                                           \
            NEED_SAME(x, of);                                                                      \
    } while (0)
#define NEED_SCALAR(ok, x, rule)                                                                   \
    do {                                                                                           \
        if (!(ok))                                                                                 \
            return clseq_fail(k->ctx, CLSEQ_ERR_ARG, "%s: %s is %g, but must be %s", k->op, #x,    \
                              (double)a->x, rule);                                                 \
    } while (0)
#define FINITE(x)    NEED_SCALAR(isfinite(a->x), x, "finite")
#define NEED_PART(x) NEED_SCALAR(a->x >= 0 && a->x < 1, x, "in [0, 1)")

static clseq_status check_copy(const struct call *k, const struct clseq_copy_args *a)
{
    char src[CLSEQ_TENSOR_TEXT], dst[CLSEQ_TENSOR_TEXT];

    NEED_SAME(dst, src);
    if (a->src.dtype != a->dst.dtype)
        return clseq_fail(k->ctx, CLSEQ_ERR_ARG,
                          "%s: src is %s and dst is %s; copy does not convert between types", k->op,
                          clseq_tensor_text(&a->src, src), clseq_tensor_text(&a->dst, dst));
    return CLSEQ_OK;
}

static clseq_status check_fill(const struct call *k, const struct clseq_fill_args *a)
{
    if (a->dst.dtype == CLSEQ_I32)
        NEED_SCALAR(a->value >= INT32_MIN && a->value <= INT32_MAX && a->value == floor(a->value),
                    value, "a 32-bit integer, because dst is i32");
    return CLSEQ_OK;
}

static clseq_status check_gemm(const struct call *k, const struct clseq_gemm_args *a)
{
    const int first = a->c.ndim - 2, last = a->c.ndim - 1;
    int64_t m, n, depth;

    RANK(c, 2, 3, "(M, N), or (batch, M, N)");
    RANK(a, a->c.ndim, a->c.ndim, "of the same rank as c");
    RANK(b, a->c.ndim, a->c.ndim, "of the same rank as c");
    m = a->c.dims[first];
    n = a->c.dims[last];
    depth = a->a.dims[a->trans_a ? first : last];
    if (a->c.ndim == 2) {
        if (a->trans_a)
            NEED(a, "(K, M)", c, 2, depth, m, 1);
        else
            NEED(a, "(M, K)", c, 2, m, depth, 1);
        if (a->trans_b)
            NEED(b, "(N, K), with K and N from a and c,", a, 2, n, depth, 1);
        else
            NEED(b, "(K, N), with K and N from a and c,", a, 2, depth, n, 1);
    } else {
        if (a->trans_a)
            NEED(a, "(batch, K, M)", c, 3, a->c.dims[0], depth, m);
        else
            NEED(a, "(batch, M, K)", c, 3, a->c.dims[0], m, depth);
        if (a->trans_b)
            NEED(b, "(batch, N, K), with K and N from a and c,", a, 3, a->c.dims[0], n, depth);
        else
            NEED(b, "(batch, K, N), with K and N from a and c,", a, 3, a->c.dims[0], depth, n);
        if (clseq_tensor_present(&a->bias))
            return clseq_fail(k->ctx, CLSEQ_ERR_ARG,
                              "%s: bias must not be there for a batch of products", k->op);
    }
    NEED_IF_PRESENT(bias, "(N)", c, 1, n, 1, 1);
    FINITE(alpha);
    FINITE(beta);
    return CLSEQ_OK;
}

static clseq_status check_bias_add(const struct call *k, const struct clseq_bias_add_args *a)
{
    RANK(x, 2, 2, "(M, N)");
    NEED_SAME(y, x);
    NEED(b0, "(N)", x, 1, a->x.dims[1], 1, 1);
    NEED_IF_PRESENT(b1, "(N)", x, 1, a->x.dims[1], 1, 1);
    return CLSEQ_OK;
}

static clseq_status check_axpby(const struct call *k, const struct clseq_axpby_args *a)
{
    RANK(x, 1, 2, "of rank 1 or 2");
    NEED_SAME(y, x);
    FINITE(alpha);
    FINITE(beta);
    return CLSEQ_OK;
}

static clseq_status check_tanh_fwd(const struct call *k, const struct clseq_tanh_fwd_args *a)
{
    NEED_SAME(y, x);
    return CLSEQ_OK;
}

static clseq_status check_tanh_bwd(const struct call *k, const struct clseq_tanh_bwd_args *a)
{
    NEED_SAME(dy, y);
    NEED_SAME(dx, y);
    return CLSEQ_OK;
}

static clseq_status check_sum(const struct call *k, const struct clseq_sum_args *a)
{
    RANK(x, 1, 2, "of rank 1 or 2");
    NEED(y, "one element", x, 1, 1, 1, 1);
    FINITE(beta);
    return CLSEQ_OK;
}

static clseq_status check_sum_squares(const struct call *k, const struct clseq_sum_squares_args *a)
{
    RANK(x, 1, 2, "of rank 1 or 2");
    NEED(y, "one element", x, 1, 1, 1, 1);
    FINITE(beta);
    return CLSEQ_OK;
}

static clseq_status check_col_sums(const struct call *k, const struct clseq_col_sums_args *a)
{
    RANK(x, 2, 2, "(M, N)");
    NEED(y, "(N)", x, 1, a->x.dims[1], 1, 1);
    FINITE(beta);
    return CLSEQ_OK;
}

static clseq_status check_col_dots(const struct call *k, const struct clseq_col_dots_args *a)
{
    RANK(x, 2, 2, "(M, N)");
    NEED_SAME(z, x);
    NEED(y, "(N)", x, 1, a->x.dims[1], 1, 1);
    FINITE(beta);
    return CLSEQ_OK;
}

/* A row that is searched must have something in it. */
static clseq_status need_columns(const struct call *k, const char *name, const clseq_tensor *x)
{
    char text[CLSEQ_TENSOR_TEXT];

    if (x->dims[1] >= 1)
        return CLSEQ_OK;
    return clseq_fail(k->ctx, CLSEQ_ERR_SHAPE,
                      "%s: %s is %s, but its rows need at least one element", k->op, name,
                      clseq_tensor_text(x, text));
}

static clseq_status check_argmax(const struct call *k, const struct clseq_argmax_args *a)
{
    RANK(x, 2, 2, "(M, N)");
    CLSEQ_TRY(need_columns(k, "x", &a->x));
    NEED(index, "(M)", x, 1, a->x.dims[0], 1, 1);
    return CLSEQ_OK;
}

static clseq_status check_gemm_argmax(const struct call *k, const struct clseq_gemm_argmax_args *a)
{
    RANK(c, 2, 2, "(M, N)");
    RANK(a, 2, 2, "(M, K)");
    CLSEQ_TRY(need_columns(k, "c", &a->c));
    NEED(a, "(M, K)", c, 2, a->c.dims[0], a->a.dims[1], 1);
    NEED(b, "(N, K), with K and N from a and c,", a, 2, a->c.dims[1], a->a.dims[1], 1);
    NEED_IF_PRESENT(bias, "(N)", c, 1, a->c.dims[1], 1, 1);
    NEED(index, "(M)", c, 1, a->c.dims[0], 1, 1);
    return CLSEQ_OK;
}

static clseq_status check_topk(const struct call *k, const struct clseq_topk_args *a)
{
    char text[CLSEQ_TENSOR_TEXT], text_x[CLSEQ_TENSOR_TEXT];

    RANK(x, 2, 2, "(M, N)");
    RANK(value, 2, 2, "(M, K)");
    NEED(value, "(M, K)", x, 2, a->x.dims[0], a->value.dims[1], 1);
    NEED_SAME(index, value);
    if (a->value.dims[1] < 1 || a->value.dims[1] > CLSEQ_TOPK_MAX ||
        a->value.dims[1] > a->x.dims[1])
        return clseq_fail(
            k->ctx, CLSEQ_ERR_SHAPE,
            "%s: value is %s, but K must be 1 to %d and at most the row length of x, %s", k->op,
            clseq_tensor_text(&a->value, text), CLSEQ_TOPK_MAX, clseq_tensor_text(&a->x, text_x));
    return CLSEQ_OK;
}

static clseq_status check_row_gather(const struct call *k, const struct clseq_row_gather_args *a)
{
    RANK(src, 2, 2, "(V, N)");
    RANK(index, 1, 1, "(M)");
    NEED(dst, "(M, N), with M from index,", src, 2, a->index.dims[0], a->src.dims[1], 1);
    return CLSEQ_OK;
}

static clseq_status check_row_scatter(const struct call *k, const struct clseq_row_scatter_args *a)
{
    RANK(src, 2, 2, "(M, N)");
    RANK(dst, 2, 2, "(V, N)");
    NEED(index, "(M)", src, 1, a->src.dims[0], 1, 1);
    NEED(dst, "(V, N)", src, 2, a->dst.dims[0], a->src.dims[1], 1);
    return CLSEQ_OK;
}

static clseq_status check_keep_target(const struct call *k, const struct clseq_keep_target_args *a)
{
    RANK(x, 2, 2, "(M, N)");
    NEED(target, "(M)", x, 1, a->x.dims[0], 1, 1);
    NEED_SAME(y, x);
    NEED_SCALAR(a->first >= 0, first, "at least 0");
    return CLSEQ_OK;
}

static clseq_status check_embedding_bwd(const struct call *k,
                                        const struct clseq_embedding_bwd_args *a)
{
    RANK(dy, 2, 2, "(M, E)");
    RANK(order, 1, 1, "(P)");
    RANK(drow, 2, 2, "(U, E)");
    NEED(start, "(U + 1)", drow, 1, (int64_t)a->drow.dims[0] + 1, 1, 1);
    NEED(drow, "(U, E)", dy, 2, a->drow.dims[0], a->dy.dims[1], 1);
    return CLSEQ_OK;
}

/* The biases of a recurrent layer come in pairs, as in torch.nn. */
static clseq_status need_both_biases(const struct call *k, const clseq_tensor *b_ih,
                                     const clseq_tensor *b_hh)
{
    if (clseq_tensor_present(b_ih) == clseq_tensor_present(b_hh))
        return CLSEQ_OK;
    return clseq_fail(
        k->ctx, CLSEQ_ERR_ARG, "%s: %s is absent while %s is given; pass both or none", k->op,
        clseq_tensor_present(b_ih) ? "b_hh" : "b_ih", clseq_tensor_present(b_ih) ? "b_ih" : "b_hh");
}

#define NEED_BIASES(letters, of, n)                                                                \
    do {                                                                                           \
        CLSEQ_TRY(need_both_biases(k, &a->b_ih, &a->b_hh));                                        \
        NEED_IF_PRESENT(b_ih, letters, of, 1, n, 1, 1);                                            \
        NEED_IF_PRESENT(b_hh, letters, of, 1, n, 1, 1);                                            \
    } while (0)

static clseq_status check_lstm_cell_fwd(const struct call *k,
                                        const struct clseq_lstm_cell_fwd_args *a)
{
    const int64_t rows = a->c_prev.dims[0], units = a->c_prev.dims[1];

    RANK(c_prev, 2, 2, "(B, H)");
    NEED(pre, "(B, 4H)", c_prev, 2, rows, 4 * units, 1);
    NEED_SAME(h_prev, c_prev);
    NEED_BIASES("(4H)", c_prev, 4 * units);
    NEED_IF_PRESENT(length, "(B)", c_prev, 1, rows, 1, 1);
    NEED_IF_PRESENT(peephole, "(3, H)", c_prev, 2, 3, units, 1);
    NEED_SAME(act, pre);
    NEED_SAME(c, c_prev);
    NEED_SAME(h, c_prev);
    NEED_SCALAR(a->t >= 0, t, "at least 0");
    return CLSEQ_OK;
}

static clseq_status check_lstm_cell_bwd(const struct call *k,
                                        const struct clseq_lstm_cell_bwd_args *a)
{
    const int64_t rows = a->c_prev.dims[0], units = a->c_prev.dims[1];

    RANK(c_prev, 2, 2, "(B, H)");
    NEED(act, "(B, 4H)", c_prev, 2, rows, 4 * units, 1);
    NEED_SAME(c, c_prev);
    NEED_SAME(dh, c_prev);
    NEED_SAME(dc, c_prev);
    NEED_SAME_IF_PRESENT(dy, c_prev);
    NEED_IF_PRESENT(length, "(B)", c_prev, 1, rows, 1, 1);
    NEED_IF_PRESENT(peephole, "(3, H)", c_prev, 2, 3, units, 1);
    NEED_SAME(dpre, act);
    NEED_SAME(dh_prev, c_prev);
    NEED_SAME(dc_prev, c_prev);
    NEED_SCALAR(a->t >= 0, t, "at least 0");
    return CLSEQ_OK;
}

static clseq_status check_lstm_seq_fwd(const struct call *k,
                                       const struct clseq_lstm_seq_fwd_args *a)
{
    const int64_t steps = a->h.dims[0], rows = a->h.dims[1], units = a->h.dims[2];

    RANK(h, 3, 3, "(T, B, H)");
    NEED(gates, "(T, B, 4H)", h, 3, steps, rows, 4 * units);
    NEED_SAME(c, h);
    NEED(w_hh, "(4H, H)", h, 2, 4 * units, units, 1);
    NEED(h0, "(B, H)", h, 2, rows, units, 1);
    NEED(c0, "(B, H)", h, 2, rows, units, 1);
    NEED_BIASES("(4H)", h, 4 * units);
    NEED_IF_PRESENT(length, "(B)", h, 1, rows, 1, 1);
    NEED_IF_PRESENT(peephole, "(3, H)", h, 2, 3, units, 1);
    return CLSEQ_OK;
}

static clseq_status check_lstm_seq_bwd(const struct call *k,
                                       const struct clseq_lstm_seq_bwd_args *a)
{
    const int64_t steps = a->c.dims[0], rows = a->c.dims[1], units = a->c.dims[2];

    RANK(c, 3, 3, "(T, B, H)");
    NEED(gates, "(T, B, 4H)", c, 3, steps, rows, 4 * units);
    NEED(w_hh, "(4H, H)", c, 2, 4 * units, units, 1);
    NEED(c0, "(B, H)", c, 2, rows, units, 1);
    NEED_SAME_IF_PRESENT(dy, c);
    NEED_IF_PRESENT(length, "(B)", c, 1, rows, 1, 1);
    NEED_IF_PRESENT(peephole, "(3, H)", c, 2, 3, units, 1);
    NEED(dh, "(B, H)", c, 2, rows, units, 1);
    NEED(dc, "(B, H)", c, 2, rows, units, 1);
    return CLSEQ_OK;
}

static clseq_status check_gru_cell_fwd(const struct call *k,
                                       const struct clseq_gru_cell_fwd_args *a)
{
    const int64_t rows = a->h_prev.dims[0], units = a->h_prev.dims[1];

    RANK(h_prev, 2, 2, "(B, H)");
    NEED(pre, "(B, 3H)", h_prev, 2, rows, 3 * units, 1);
    NEED_SAME(pre_n, h_prev);
    NEED_BIASES("(3H)", h_prev, 3 * units);
    NEED_IF_PRESENT(length, "(B)", h_prev, 1, rows, 1, 1);
    NEED_SAME(act, pre);
    NEED_SAME(hn, h_prev);
    NEED_SAME(h, h_prev);
    NEED_SCALAR(a->t >= 0, t, "at least 0");
    return CLSEQ_OK;
}

static clseq_status check_gru_cell_bwd(const struct call *k,
                                       const struct clseq_gru_cell_bwd_args *a)
{
    const int64_t rows = a->h_prev.dims[0], units = a->h_prev.dims[1];

    RANK(h_prev, 2, 2, "(B, H)");
    NEED(act, "(B, 3H)", h_prev, 2, rows, 3 * units, 1);
    NEED_SAME(hn, h_prev);
    NEED_SAME(dh, h_prev);
    NEED_SAME_IF_PRESENT(dy, h_prev);
    NEED_IF_PRESENT(length, "(B)", h_prev, 1, rows, 1, 1);
    NEED_SAME(dpre, act);
    NEED_SAME(dhn, h_prev);
    NEED_SAME(dh_prev, h_prev);
    NEED_SCALAR(a->t >= 0, t, "at least 0");
    return CLSEQ_OK;
}

static clseq_status check_gru_seq_fwd(const struct call *k, const struct clseq_gru_seq_fwd_args *a)
{
    const int64_t steps = a->h.dims[0], rows = a->h.dims[1], units = a->h.dims[2];

    RANK(h, 3, 3, "(T, B, H)");
    NEED(gates, "(T, B, 3H)", h, 3, steps, rows, 3 * units);
    NEED_SAME(hn, h);
    NEED(w_hh, "(3H, H)", h, 2, 3 * units, units, 1);
    NEED(h0, "(B, H)", h, 2, rows, units, 1);
    NEED_BIASES("(3H)", h, 3 * units);
    NEED_IF_PRESENT(length, "(B)", h, 1, rows, 1, 1);
    return CLSEQ_OK;
}

static clseq_status check_gru_seq_bwd(const struct call *k, const struct clseq_gru_seq_bwd_args *a)
{
    const int64_t steps = a->h.dims[0], rows = a->h.dims[1], units = a->h.dims[2];

    RANK(h, 3, 3, "(T, B, H)");
    NEED(gates, "(T, B, 3H)", h, 3, steps, rows, 3 * units);
    NEED_SAME(hn, h);
    NEED(w_hh, "(3H, H)", h, 2, 3 * units, units, 1);
    NEED(h0, "(B, H)", h, 2, rows, units, 1);
    NEED_SAME_IF_PRESENT(dy, h);
    NEED_IF_PRESENT(length, "(B)", h, 1, rows, 1, 1);
    NEED(dh, "(B, H)", h, 2, rows, units, 1);
    return CLSEQ_OK;
}

static clseq_status check_rnn_cell_fwd(const struct call *k,
                                       const struct clseq_rnn_cell_fwd_args *a)
{
    const int64_t rows = a->pre.dims[0], units = a->pre.dims[1];

    RANK(pre, 2, 2, "(B, H)");
    NEED_SAME(h_prev, pre);
    NEED_BIASES("(H)", pre, units);
    NEED_IF_PRESENT(length, "(B)", pre, 1, rows, 1, 1);
    NEED_SAME(act, pre);
    NEED_SAME(h, pre);
    NEED_SCALAR(a->t >= 0, t, "at least 0");
    return CLSEQ_OK;
}

static clseq_status check_rnn_cell_bwd(const struct call *k,
                                       const struct clseq_rnn_cell_bwd_args *a)
{
    RANK(act, 2, 2, "(B, H)");
    NEED_SAME(dh, act);
    NEED_SAME_IF_PRESENT(dy, act);
    NEED_IF_PRESENT(length, "(B)", act, 1, a->act.dims[0], 1, 1);
    NEED_SAME(dpre, act);
    NEED_SAME(dh_prev, act);
    NEED_SCALAR(a->t >= 0, t, "at least 0");
    return CLSEQ_OK;
}

static clseq_status check_rnn_seq_fwd(const struct call *k, const struct clseq_rnn_seq_fwd_args *a)
{
    const int64_t rows = a->gates.dims[1], units = a->gates.dims[2];

    RANK(gates, 3, 3, "(T, B, H)");
    NEED_SAME(h, gates);
    NEED(w_hh, "(H, H)", gates, 2, units, units, 1);
    NEED(h0, "(B, H)", gates, 2, rows, units, 1);
    NEED_BIASES("(H)", gates, units);
    NEED_IF_PRESENT(length, "(B)", gates, 1, rows, 1, 1);
    return CLSEQ_OK;
}

static clseq_status check_rnn_seq_bwd(const struct call *k, const struct clseq_rnn_seq_bwd_args *a)
{
    const int64_t rows = a->gates.dims[1], units = a->gates.dims[2];

    RANK(gates, 3, 3, "(T, B, H)");
    NEED(w_hh, "(H, H)", gates, 2, units, units, 1);
    NEED_SAME_IF_PRESENT(dy, gates);
    NEED_IF_PRESENT(length, "(B)", gates, 1, rows, 1, 1);
    NEED(dh, "(B, H)", gates, 2, rows, units, 1);
    return CLSEQ_OK;
}

/* Losses of rows of logits (M, V), and their gradients. */
#define NEED_LOGITS                                                                                \
    RANK(logits, 2, 2, "(M, V)");                                                                  \
    CLSEQ_TRY(need_columns(k, "logits", &a->logits))
#define NEED_OF_ROWS(x) NEED(x, "(M)", logits, 1, a->logits.dims[0], 1, 1)
#define NEED_GRADIENT                                                                              \
    NEED_SAME(dlogits, logits);                                                                    \
    FINITE(scale)

static clseq_status check_softmax_xent_fwd(const struct call *k,
                                           const struct clseq_softmax_xent_fwd_args *a)
{
    NEED_LOGITS;
    NEED_IF_PRESENT(target, "(M)", logits, 1, a->logits.dims[0], 1, 1);
    NEED_OF_ROWS(loss);
    NEED_OF_ROWS(lse);
    NEED_PART(smoothing);
    return CLSEQ_OK;
}

static clseq_status check_softmax_xent_bwd(const struct call *k,
                                           const struct clseq_softmax_xent_bwd_args *a)
{
    NEED_LOGITS;
    NEED_OF_ROWS(target);
    NEED_OF_ROWS(lse);
    NEED_GRADIENT;
    NEED_PART(smoothing);
    return CLSEQ_OK;
}

static clseq_status check_softmax_xent(const struct call *k,
                                       const struct clseq_softmax_xent_args *a)
{
    NEED_LOGITS;
    NEED_OF_ROWS(target);
    NEED_OF_ROWS(loss);
    NEED_OF_ROWS(lse);
    NEED_GRADIENT;
    NEED_PART(smoothing);
    return CLSEQ_OK;
}

static clseq_status check_sigmoid_xent_fwd(const struct call *k,
                                           const struct clseq_sigmoid_xent_fwd_args *a)
{
    NEED_LOGITS;
    NEED_OF_ROWS(target);
    NEED_OF_ROWS(loss);
    return CLSEQ_OK;
}

static clseq_status check_sigmoid_xent_bwd(const struct call *k,
                                           const struct clseq_sigmoid_xent_bwd_args *a)
{
    NEED_LOGITS;
    NEED_OF_ROWS(target);
    NEED_GRADIENT;
    return CLSEQ_OK;
}

static clseq_status check_masked_softmax_fwd(const struct call *k,
                                             const struct clseq_masked_softmax_fwd_args *a)
{
    RANK(x, 3, 3, "(B, T, S)");
    NEED_SAME(y, x);
    NEED_IF_PRESENT(length, "(B)", x, 1, a->x.dims[0], 1, 1);
    return CLSEQ_OK;
}

static clseq_status check_masked_softmax_bwd(const struct call *k,
                                             const struct clseq_masked_softmax_bwd_args *a)
{
    RANK(y, 3, 3, "(B, T, S)");
    NEED_SAME(dy, y);
    NEED_SAME(dx, y);
    return CLSEQ_OK;
}

/* Of the words and the vector; q is of rank 3. */
#define NEED_ADDITIVE(a)                                                                           \
    do {                                                                                           \
        RANK(k, 3, 3, "(S, B, A)");                                                                \
        NEED(k, "(S, B, A)", q, 3, (a)->k.dims[0], (a)->q.dims[1], (a)->q.dims[2]);                \
        NEED(v, "(A)", q, 1, (a)->q.dims[2], 1, 1);                                                \
        NEED_IF_PRESENT(length, "(B)", q, 1, (a)->q.dims[1], 1, 1);                                \
    } while (0)

static clseq_status check_additive_score_fwd(const struct call *k,
                                             const struct clseq_additive_score_fwd_args *a)
{
    RANK(q, 3, 3, "(T, B, A)");
    NEED_ADDITIVE(a);
    NEED(score, "(B, T, S), with S from k,", q, 3, a->q.dims[1], a->q.dims[0], a->k.dims[0]);
    return CLSEQ_OK;
}

static clseq_status check_additive_score_bwd(const struct call *k,
                                             const struct clseq_additive_score_bwd_args *a)
{
    RANK(q, 3, 3, "(T, B, A)");
    NEED_ADDITIVE(a);
    NEED(dscore, "(B, T, S), with S from k,", q, 3, a->q.dims[1], a->q.dims[0], a->k.dims[0]);
    NEED_SAME(dq, q);
    NEED_SAME(dk, k);
    NEED_SAME(dv, v);
    FINITE(beta);
    return CLSEQ_OK;
}

static clseq_status check_beam_advance(const struct call *k,
                                       const struct clseq_beam_advance_args *a)
{
    int64_t rows;
    char text[CLSEQ_TENSOR_TEXT];

    NEED_SCALAR(a->beam >= 1 && a->beam <= CLSEQ_TOPK_MAX, beam, "1 to 64 (CLSEQ_TOPK_MAX)");
    NEED_SCALAR(a->eos >= 0, eos, "at least 0");
    RANK(score, 1, 1, "(B K)");
    rows = a->score.dims[0];
    if (rows % a->beam != 0)
        return clseq_fail(k->ctx, CLSEQ_ERR_SHAPE,
                          "%s: score is %s, but its length must be a multiple of beam, %d", k->op,
                          clseq_tensor_text(&a->score, text), a->beam);
    NEED(value, "(B K, K)", score, 2, rows, a->beam, 1);
    NEED(index, "(B K, K)", score, 2, rows, a->beam, 1);
    NEED_SAME(lse, score);
    NEED_SAME(token, score);
    NEED_SAME(new_score, score);
    NEED_SAME(new_token, score);
    NEED_SAME(parent, score);
    return CLSEQ_OK;
}

static clseq_status check_log_mix(const struct call *k, const struct clseq_log_mix_args *a)
{
    RANK(y, 2, 2, "(M, V)");
    NEED_SAME(x, y);
    NEED(x_lse, "(M)", y, 1, a->y.dims[0], 1, 1);
    NEED(y_lse, "(M)", y, 1, a->y.dims[0], 1, 1);
    NEED_SCALAR((float)a->weight > 0 && (float)a->weight < 1, weight, "in (0, 1)");
    return CLSEQ_OK;
}

static clseq_status check_sample(const struct call *k, const struct clseq_sample_args *a)
{
    RANK(x, 2, 2, "(M, V)");
    CLSEQ_TRY(need_columns(k, "x", &a->x));
    NEED(counter, "(M, 2)", x, 2, a->x.dims[0], 2, 1);
    NEED(index, "(M)", x, 1, a->x.dims[0], 1, 1);
    NEED_SCALAR(1 / a->temperature >= (double)FLT_MIN && 1 / a->temperature <= (double)FLT_MAX,
                temperature, "above 0, and neither it nor its inverse too large for a float");
    NEED_SCALAR(a->top_k >= 0, top_k, "at least 0 (0 for all words)");
    NEED_SCALAR(a->top_p > 0 && a->top_p <= 1, top_p, "in (0, 1]");
    return CLSEQ_OK;
}

static clseq_status check_clip_scale(const struct call *k, const struct clseq_clip_scale_args *a)
{
    NEED(sumsq, "one element", stats, 1, 1, 1, 1);
    NEED(stats, "two elements", sumsq, 1, 2, 1, 1);
    NEED_SCALAR(!isnan(a->max_norm), max_norm, "a number (0 or less for no clipping)");
    NEED_SCALAR(isfinite(a->scale) && a->scale > 0, scale, "finite and above 0");
    return CLSEQ_OK;
}

/* Shapes of every update: g, stats, index, w. */
#define NEED_UPDATE(a)                                                                             \
    do {                                                                                           \
        NEED(stats, "two elements", g, 1, 2, 1, 1);                                                \
        if (clseq_tensor_present(&(a)->index)) {                                                   \
            RANK(w, 2, 2, "(V, E)");                                                               \
            RANK(g, 2, 2, "(U, E)");                                                               \
            NEED(g, "(U, E)", w, 2, (a)->g.dims[0], (a)->w.dims[1], 1);                            \
            NEED(index, "(U)", g, 1, (a)->g.dims[0], 1, 1);                                        \
        } else {                                                                                   \
            RANK(w, 1, 2, "of rank 1 or 2");                                                       \
            NEED_SAME(g, w);                                                                       \
        }                                                                                          \
        NEED_SCALAR(isfinite((a)->decay) && (a)->decay >= 0, decay, "finite and at least 0");      \
    } while (0)

#define NEED_EPS                                                                                   \
    NEED_SCALAR(isfinite(a->eps) && a->eps >= CLSEQ_EPS_MIN, eps, "finite and at least 2^-126")

static clseq_status check_sgd_update(const struct call *k, const struct clseq_sgd_update_args *a)
{
    NEED_UPDATE(a);
    FINITE(lr);
    return CLSEQ_OK;
}

static clseq_status check_adam_update(const struct call *k, const struct clseq_adam_update_args *a)
{
    NEED_UPDATE(a);
    NEED_SAME(m, w);
    NEED_SAME(v, w);
    FINITE(step_size);
    NEED_PART(beta1);
    NEED_PART(beta2);
    NEED_SCALAR(isfinite(a->inv_sqrt_bias2) && a->inv_sqrt_bias2 > 0, inv_sqrt_bias2,
                "finite and above 0");
    NEED_SCALAR(isfinite(a->eps) && a->eps >= 0, eps, "finite and at least 0");
    NEED_SCALAR(isfinite(a->shrink) && a->shrink >= 0, shrink, "finite and at least 0");
    return CLSEQ_OK;
}

static clseq_status check_momentum_update(const struct call *k,
                                          const struct clseq_momentum_update_args *a)
{
    NEED_UPDATE(a);
    NEED_SAME(m, w);
    FINITE(lr);
    NEED_PART(momentum);
    return CLSEQ_OK;
}

static clseq_status check_adagrad_update(const struct call *k,
                                         const struct clseq_adagrad_update_args *a)
{
    NEED_UPDATE(a);
    NEED_SAME(v, w);
    FINITE(lr);
    NEED_EPS;
    return CLSEQ_OK;
}

static clseq_status check_adadelta_update(const struct call *k,
                                          const struct clseq_adadelta_update_args *a)
{
    NEED_UPDATE(a);
    NEED_SAME(v, w);
    NEED_SAME(u, w);
    FINITE(lr);
    NEED_PART(rho);
    NEED_EPS;
    return CLSEQ_OK;
}

static clseq_status check_rmsprop_update(const struct call *k,
                                         const struct clseq_rmsprop_update_args *a)
{
    NEED_UPDATE(a);
    NEED_SAME(v, w);
    FINITE(lr);
    NEED_PART(rho);
    NEED_EPS;
    return CLSEQ_OK;
}

static clseq_status check_uniform(const struct call *k, const struct clseq_uniform_args *a)
{
    RANK(dst, 1, 2, "of rank 1 or 2");
    FINITE(low);
    FINITE(high);
    NEED_SCALAR(a->low <= a->high, low, "at most high");
    return CLSEQ_OK;
}

static clseq_status check_normal(const struct call *k, const struct clseq_normal_args *a)
{
    RANK(dst, 1, 2, "of rank 1 or 2");
    FINITE(mean);
    NEED_SCALAR(isfinite(a->std) && a->std >= 0, std, "finite and at least 0");
    return CLSEQ_OK;
}

static clseq_status check_dropout(const struct call *k, const struct clseq_dropout_args *a)
{
    RANK(x, 2, 3, "of rank 2 or 3");
    NEED_SAME(y, x);
    /* It is compared as a float, and 1 / (1 - p) must be one. */
    NEED_SCALAR(a->p >= 0 && (float)a->p < 1, p, "in [0, 1)");
    NEED_SCALAR(!a->same_over_time || a->x.ndim == 3, same_over_time,
                "0 (false), because x is not (T, B, N)");
    return CLSEQ_OK;
}

clseq_status clseq_op_check_shapes(clseq_backend *be, enum clseq_op op, const void *args)
{
    const struct call k = { be->ctx, clseq_op_name(op) };

    switch (op) {
#define X(name, slot, tolerance, constant)                                                         \
    case CLSEQ_OP_##name:                                                                          \
        return check_##name(&k, args);
        CLSEQ_OP_LIST(X)
#undef X
    default:
        return clseq_fail(be->ctx, CLSEQ_ERR_INTERNAL, "operation number %d does not exist",
                          (int)op);
    }
}
