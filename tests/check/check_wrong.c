/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Every replaced operation calls the right one and then spoils a little, the way
 * kernels go wrong: a border, a stride, a missing case.
 */
#include "check_wrong.h"

#include "reference/reference_memory.h"
#include "reference/reference_tmpl.h"

#include <math.h>
#include <string.h>

struct wrong_state {
    struct clseq_op_table table;
    float previous; /* what the last call returned */
    unsigned calls;
};

static struct wrong_state *state_of(clseq_backend *be)
{
    return be->priv;
}

/* ---- the faults ---- */

static clseq_status one_element_off(clseq_backend *be, const struct clseq_axpby_args *a)
{
    const int64_t rows = row_count(&a->y);
    const int32_t columns = row_length(&a->y);

    CLSEQ_TRY(clseq_reference_axpby(be, a));
    real_row(&a->y, rows / 2)[columns / 2] += 1e-4f;
    return CLSEQ_OK;
}

static clseq_status last_column_missing(clseq_backend *be, const struct clseq_bias_add_args *a)
{
    struct clseq_bias_add_args less = *a;

    less.x = clseq_tensor_columns(a->x, 0, a->x.dims[1] - 1);
    less.y = clseq_tensor_columns(a->y, 0, a->y.dims[1] - 1);
    return clseq_reference_bias_add(be, &less);
}

static clseq_status one_past_the_end(clseq_backend *be, const struct clseq_col_sums_args *a)
{
    CLSEQ_TRY(clseq_reference_col_sums(be, a));
    real_data(&a->y)[a->y.dims[0]] = 0;
    return CLSEQ_OK;
}

/* Rows rounded up to whole vectors: the gap behind each row is written. */
static clseq_status gap_written(clseq_backend *be, const struct clseq_fill_args *a)
{
    const int32_t n = row_length(&a->dst);

    CLSEQ_TRY(clseq_reference_fill(be, a));
    for (int64_t r = 0; r < row_count(&a->dst); r++) {
        if (a->dst.dtype == CLSEQ_F32 && n % 4 != 0)
            real_row(&a->dst, r)[n] = (float)a->value;
    }
    return CLSEQ_OK;
}

static clseq_status input_modified(clseq_backend *be, const struct clseq_softmax_xent_fwd_args *a)
{
    CLSEQ_TRY(clseq_reference_softmax_xent_fwd(be, a));
    for (int32_t m = 0; m < a->logits.dims[0]; m++) {
        for (int32_t v = 0; v < a->logits.dims[1]; v++)
            real_row(&a->logits, m)[v] -= real_data(&a->lse)[m];
    }
    return CLSEQ_OK;
}

/* tanh by its definition: infinity divided by infinity for large arguments. */
static clseq_status nan_returned(clseq_backend *be, const struct clseq_lstm_cell_fwd_args *a)
{
    CLSEQ_TRY(clseq_reference_lstm_cell_fwd(be, a));
    for (int32_t b = 0; b < a->h.dims[0]; b++) {
        for (int32_t j = 0; j < a->h.dims[1]; j++) {
            const float c = real_row(&a->c, b)[j], up = expf(c), down = expf(-c);
            const bool live = !clseq_tensor_present(&a->length) || a->t < index_data(&a->length)[b];

            if (live)
                real_row(&a->h, b)[j] =
                    real_row(&a->act, b)[3 * a->h.dims[1] + j] * ((up - down) / (up + down));
        }
    }
    return CLSEQ_OK;
}

static clseq_status zero_without_sign(clseq_backend *be, const struct clseq_copy_args *a)
{
    CLSEQ_TRY(clseq_reference_copy(be, a));
    for (int64_t r = 0; a->dst.dtype == CLSEQ_F32 && r < row_count(&a->dst); r++) {
        for (int32_t n = 0; n < row_length(&a->dst); n++)
            real_row(&a->dst, r)[n] += 0.0f;
    }
    return CLSEQ_OK;
}

static clseq_status sign_of_a_gate(clseq_backend *be, const struct clseq_lstm_cell_bwd_args *a)
{
    const int32_t H = a->dh.dims[1];

    CLSEQ_TRY(clseq_reference_lstm_cell_bwd(be, a));
    for (int32_t b = 0; b < a->dh.dims[0]; b++) {
        for (int32_t j = 0; j < H; j++)
            real_row(&a->dpre, b)[2 * H + j] *= -1;
    }
    return CLSEQ_OK;
}

/* r (W_hn h) + b_hn instead of r (W_hn h + b_hn): the reset gate before the bias. */
static clseq_status reset_before_bias(clseq_backend *be, const struct clseq_gru_cell_fwd_args *a)
{
    const int32_t H = a->h.dims[1];
    const float *b_hh = real_data(&a->b_hh);

    CLSEQ_TRY(clseq_reference_gru_cell_fwd(be, a));
    for (int32_t b = 0; b_hh && b < a->h.dims[0]; b++) {
        const float *act = real_row(&a->act, b);

        for (int32_t j = 0; act[0] > 0 && j < H; j++) /* not in ended rows */
            real_row(&a->h, b)[j] += (1 - act[H + j]) * (1 - act[j]) * b_hh[2 * H + j] *
                                     (1 - act[2 * H + j] * act[2 * H + j]);
    }
    return CLSEQ_OK;
}

/* The gate o sees the old cell as i and f do, not the new one; to first order. */
static clseq_status old_cell_at_output(clseq_backend *be, const struct clseq_lstm_cell_fwd_args *a)
{
    const int32_t H = a->h.dims[1];

    CLSEQ_TRY(clseq_reference_lstm_cell_fwd(be, a));
    for (int32_t b = 0; clseq_tensor_present(&a->peephole) && b < a->h.dims[0]; b++) {
        const float *o = real_row(&a->act, b) + 3 * H, *w = real_row(&a->peephole, 2);
        const float *c_prev = real_row(&a->c_prev, b), *c = real_row(&a->c, b);

        for (int32_t j = 0; j < H; j++)
            real_row(&a->h, b)[j] += o[j] * (1 - o[j]) * w[j] * (c_prev[j] - c[j]) * tanhf(c[j]);
    }
    return CLSEQ_OK;
}

/* Rows of the second matrix taken as if they had no gaps. */
static clseq_status second_stride_ignored(clseq_backend *be, const struct clseq_col_dots_args *a)
{
    struct clseq_col_dots_args flat = *a;

    flat.z.strides[0] = a->z.dims[1];
    return clseq_reference_col_dots(be, &flat);
}

/* The gradient of an ended row is lost instead of passed on. */
static clseq_status ended_row_forgotten(clseq_backend *be, const struct clseq_rnn_cell_bwd_args *a)
{
    CLSEQ_TRY(clseq_reference_rnn_cell_bwd(be, a));
    for (int32_t b = 0; b < a->dh.dims[0]; b++) {
        for (int32_t j = 0; j < a->dh.dims[1]; j++)
            real_row(&a->dh_prev, b)[j] = 0;
    }
    return CLSEQ_OK;
}

static clseq_status stale_result(clseq_backend *be, const struct clseq_sum_args *a)
{
    float *y = real_data(&a->y);
    float now;

    CLSEQ_TRY(clseq_reference_sum(be, a));
    now = *y;
    *y = state_of(be)->previous;
    state_of(be)->previous = now;
    return CLSEQ_OK;
}

static clseq_status length_off_by_one(clseq_backend *be, const struct clseq_lstm_cell_fwd_args *a)
{
    struct clseq_lstm_cell_fwd_args later = *a;

    later.t = a->t + 1;
    return clseq_reference_lstm_cell_fwd(be, &later);
}

/* 0 times NaN is NaN: what the output was filled with comes through. */
static clseq_status beta_zero_read(clseq_backend *be, const struct clseq_gemm_args *a)
{
    struct clseq_gemm_args almost = *a;

    almost.beta = a->beta == 0 ? 1e-30 : a->beta;
    return clseq_reference_gemm(be, &almost);
}

static clseq_status k_cut_short(clseq_backend *be, const struct clseq_gemm_args *a)
{
    struct clseq_gemm_args less = *a;
    const int32_t k = a->a.dims[a->a.ndim - (a->trans_a ? 2 : 1)];

    /* the remainder of a loop unrolled by 4 is forgotten */
    less.a.dims[a->a.ndim - (a->trans_a ? 2 : 1)] = k / 4 * 4;
    less.b.dims[a->b.ndim - (a->trans_b ? 1 : 2)] = k / 4 * 4;
    return clseq_reference_gemm(be, &less);
}

/* The vector takes the place of C even where there is both. */
static clseq_status bias_instead_of_c(clseq_backend *be, const struct clseq_gemm_args *a)
{
    struct clseq_gemm_args less = *a;

    if (clseq_tensor_present(&a->bias))
        less.beta = 0;
    return clseq_reference_gemm(be, &less);
}

/* The products are not looked at beyond the first half of a row. */
static clseq_status half_a_row(clseq_backend *be, const struct clseq_gemm_argmax_args *a)
{
    struct clseq_gemm_argmax_args half = *a;

    half.c.dims[1] = half.b.dims[0] = (a->c.dims[1] + 1) / 2;
    half.bias.dims[0] = half.c.dims[1];
    return clseq_op_run_composed(be, CLSEQ_OP_gemm_argmax, &half);
}

/* The loss is taken of logits that are gradients by then. */
static clseq_status loss_after_gradient(clseq_backend *be, const struct clseq_softmax_xent_args *a)
{
    struct clseq_softmax_xent_args again = *a;

    CLSEQ_TRY(clseq_op_run_composed(be, CLSEQ_OP_softmax_xent, a));
    again.logits = a->dlogits;
    return clseq_op_run_composed(be, CLSEQ_OP_softmax_xent, &again);
}

static clseq_status last_of_equals(clseq_backend *be, const struct clseq_argmax_args *a)
{
    CLSEQ_TRY(clseq_reference_argmax(be, a));
    for (int32_t m = 0; m < a->x.dims[0]; m++) {
        const float *x = real_row(&a->x, m);
        int32_t *index = index_data(&a->index) + m;

        for (int32_t n = *index + 1; *index >= 0 && n < a->x.dims[1]; n++) {
            if (x[n] >= x[*index])
                *index = n;
        }
    }
    return CLSEQ_OK;
}

/* As with atomics: within the tolerance, but the last bit depends on who comes first. */
static clseq_status order_not_fixed(clseq_backend *be, const struct clseq_sum_squares_args *a)
{
    float *y = real_data(&a->y);

    CLSEQ_TRY(clseq_reference_sum_squares(be, a));
    if (state_of(be)->calls++ % 2)
        *y = nextafterf(*y, INFINITY);
    return CLSEQ_OK;
}

static clseq_status error_returned(clseq_backend *be, const struct clseq_clip_scale_args *a)
{
    return clseq_fail(be->ctx, CLSEQ_ERR_INTERNAL, "clip_scale: a kernel that does not start");
}

static clseq_status row_stride_ignored(clseq_backend *be, const struct clseq_row_gather_args *a)
{
    struct clseq_row_gather_args flat = *a;

    flat.src.strides[0] = a->src.dims[1];
    return clseq_reference_row_gather(be, &flat);
}

static clseq_status offset_ignored(clseq_backend *be, const struct clseq_sgd_update_args *a)
{
    struct clseq_sgd_update_args start = *a;

    start.g.offset = 0;
    return clseq_reference_sgd_update(be, &start);
}

static clseq_status last_token_dropped(clseq_backend *be, const struct clseq_embedding_bwd_args *a)
{
    int32_t *start = index_data(&a->start);
    const int32_t rows = a->drow.dims[0], keep = start[rows];
    clseq_status status;

    if (start[rows] > start[rows - 1])
        start[rows]--;
    status = clseq_reference_embedding_bwd(be, a);
    start[rows] = keep;
    return status;
}

static clseq_status first_not_counted(clseq_backend *be, const struct clseq_keep_target_args *a)
{
    struct clseq_keep_target_args from_0 = *a;

    from_0.first = 0;
    return clseq_reference_keep_target(be, &from_0);
}

/* Row by row, every second target is taken for one of the others. */
static clseq_status target_as_others(clseq_backend *be, const struct clseq_sigmoid_xent_bwd_args *a)
{
    int32_t *target = index_data(&a->target);
    clseq_status status = CLSEQ_OK;

    for (int32_t m = 0; m < a->logits.dims[0] && status == CLSEQ_OK; m++) {
        struct clseq_sigmoid_xent_bwd_args row = *a;
        const int32_t keep = target[m];

        row.logits = clseq_tensor_range(a->logits, m, 1);
        row.target = clseq_tensor_range(a->target, m, 1);
        row.dlogits = clseq_tensor_range(a->dlogits, m, 1);
        if (m % 2 == 0 && keep >= 0)
            target[m] = a->logits.dims[1];
        status = clseq_reference_sigmoid_xent_bwd(be, &row);
        target[m] = keep;
    }
    return status;
}

static clseq_status moment_not_written(clseq_backend *be, const struct clseq_adam_update_args *a)
{
    const float keep = real_row(&a->m, 0)[0];

    CLSEQ_TRY(clseq_reference_adam_update(be, a));
    real_row(&a->m, 0)[0] = keep;
    return CLSEQ_OK;
}

/* The rows that an update does not name fade too. */
static clseq_status other_rows_decay(clseq_backend *be, const struct clseq_momentum_update_args *a)
{
    CLSEQ_TRY(clseq_reference_momentum_update(be, a));
    for (int64_t r = 0; r < row_count(&a->w) && clseq_tensor_present(&a->index); r++) {
        bool named = false;

        for (int32_t u = 0; u < a->index.dims[0]; u++)
            named = named || index_data(&a->index)[u] == r;
        for (int32_t n = 0; n < row_length(&a->w) && !named; n++)
            real_row(&a->w, r)[n] *= (float)(1 - a->lr * a->decay);
    }
    return CLSEQ_OK;
}

/* Padding takes part in the sum: its weights are 0, but those of the words are too small. */
static clseq_status mask_after_sum(clseq_backend *be, const struct clseq_masked_softmax_fwd_args *a)
{
    struct clseq_masked_softmax_fwd_args bare = *a;
    const int32_t T = a->x.dims[1], S = a->x.dims[2];

    bare.length.buffer = NULL;
    CLSEQ_TRY(clseq_reference_masked_softmax_fwd(be, &bare));
    for (int64_t r = 0; clseq_tensor_present(&a->length) && r < row_count(&a->y); r++) {
        const int32_t length = index_data(&a->length)[r / T];

        for (int32_t s = length < 0 ? 0 : length; s < S; s++)
            real_row(&a->y, r)[s] = 0;
    }
    return CLSEQ_OK;
}

/* The second moment from before the step. */
static clseq_status stale_moment(clseq_backend *be, const struct clseq_rmsprop_update_args *a)
{
    struct clseq_rmsprop_update_args late = *a;

    late.rho = 1;
    return clseq_reference_rmsprop_update(be, &late);
}

static clseq_status wrong_root(clseq_backend *be, const struct clseq_adagrad_update_args *a)
{
    struct clseq_adagrad_update_args outside = *a;

    outside.eps = sqrt(a->eps); /* inside the root and not beside it */
    return clseq_reference_adagrad_update(be, &outside);
}

static clseq_status moments_swapped(clseq_backend *be, const struct clseq_adadelta_update_args *a)
{
    struct clseq_adadelta_update_args other = *a;

    other.v = a->u;
    other.u = a->v;
    return clseq_reference_adadelta_update(be, &other);
}

/* (time, batch) read as (batch, time). */
static clseq_status planes_ignored(clseq_backend *be, const struct clseq_masked_softmax_bwd_args *a)
{
    struct clseq_masked_softmax_bwd_args flat = *a;

    flat.y.strides[0] = a->y.dims[1] * a->y.dims[2];
    flat.y.strides[1] = a->y.dims[2];
    return clseq_reference_masked_softmax_bwd(be, &flat);
}

/* The numbers of every step would be new ones. */
static clseq_status mask_of_first_step(clseq_backend *be, const struct clseq_dropout_args *a)
{
    struct clseq_dropout_args every = *a;

    every.same_over_time = false;
    return clseq_reference_dropout(be, &every);
}

/* One word too many is kept. */
static clseq_status one_word_more(clseq_backend *be, const struct clseq_sample_args *a)
{
    struct clseq_sample_args more = *a;

    more.top_k += a->top_k > 0;
    return clseq_reference_sample(be, &more);
}

/* The models change places. */
static clseq_status weights_swapped(clseq_backend *be, const struct clseq_log_mix_args *a)
{
    struct clseq_log_mix_args swapped = *a;

    swapped.weight = 1 - a->weight;
    return clseq_reference_log_mix(be, &swapped);
}

/* Parameter gradients are added to, but here the old ones are lost. */
static clseq_status old_gradient_lost(clseq_backend *be,
                                      const struct clseq_additive_score_bwd_args *a)
{
    struct clseq_additive_score_bwd_args fresh = *a;

    fresh.beta = 0;
    return clseq_reference_additive_score_bwd(be, &fresh);
}

/* Words behind the end get a score like the others. */
static clseq_status length_not_used(clseq_backend *be,
                                    const struct clseq_additive_score_fwd_args *a)
{
    struct clseq_additive_score_fwd_args bare = *a;

    bare.length.buffer = NULL;
    return clseq_reference_additive_score_fwd(be, &bare);
}

/* A right whole-sequence LSTM, in a backend whose single step is wrong: only the comparison with
 * the composed form sees it under this name. */
static clseq_status right_sequence(clseq_backend *be, const struct clseq_lstm_seq_fwd_args *a)
{
    clseq_tensor h = a->h0, c = a->c0;

    for (int32_t t = 0; t < a->gates.dims[0]; t++) {
        const clseq_tensor gates = clseq_tensor_step(a->gates, t);
        const struct clseq_gemm_args product = {
            .a = h, .b = a->w_hh, .c = gates, .trans_b = true, .alpha = 1, .beta = 1
        };
        const struct clseq_lstm_cell_fwd_args cell = {
            .pre = gates,
            .c_prev = c,
            .h_prev = h,
            .b_ih = a->b_ih,
            .b_hh = a->b_hh,
            .length = a->length,
            .act = gates,
            .c = clseq_tensor_step(a->c, t),
            .h = clseq_tensor_step(a->h, t),
            .t = t,
        };

        CLSEQ_TRY(clseq_reference_gemm(be, &product));
        CLSEQ_TRY(clseq_reference_lstm_cell_fwd(be, &cell));
        h = cell.h;
        c = cell.c;
    }
    return CLSEQ_OK;
}

static clseq_status fused_without_bias(clseq_backend *be, const struct clseq_lstm_seq_fwd_args *a)
{
    struct clseq_lstm_seq_fwd_args bare = *a;

    bare.b_ih.buffer = bare.b_hh.buffer = NULL;
    return right_sequence(be, &bare);
}

/* ---- the backends ---- */

static clseq_status wrong_open(clseq_backend *be, const struct clseq_backend_options *options)
{
    CLSEQ_TRY(clseq_reference_backend.open(be, options));
    state_of(be)->table = *be->ops;
    be->ops = &state_of(be)->table;
    return CLSEQ_OK;
}

static void wrong_close(clseq_backend *be)
{
    clseq_reference_backend.close(be);
}

static clseq_status wrong_sync(clseq_backend *be)
{
    return CLSEQ_OK;
}

#define IMPL(open_function)                                                                        \
    {                                                                                              \
        .name = "reference", .priv_size = sizeof(struct wrong_state),                              \
        .buffer_size = sizeof(struct clseq_reference_buffer), .open = (open_function),             \
        .close = wrong_close, .sync = wrong_sync, .buffer_create = clseq_reference_buffer_create,  \
        .buffer_destroy = clseq_reference_buffer_destroy,                                          \
        .buffer_write = clseq_reference_buffer_write, .buffer_read = clseq_reference_buffer_read,  \
    }

const struct clseq_backend_impl check_right_backend = IMPL(wrong_open);

/* X(name, replaced slot, operation that must be reported, how) */
#define WRONG_LIST(X)                                                                              \
    X(one_element_off, axpby, axpby, VALUE)                                                        \
    X(last_column_missing, bias_add, bias_add, POISON)                                             \
    X(one_past_the_end, col_sums, col_sums, GUARD)                                                 \
    X(gap_written, fill, fill, GUARD)                                                              \
    X(input_modified, softmax_xent_fwd, softmax_xent_fwd, INPUT)                                   \
    X(nan_returned, lstm_cell_fwd, lstm_cell_fwd, NAN)                                             \
    X(zero_without_sign, copy, copy, VALUE)                                                        \
    X(sign_of_a_gate, lstm_cell_bwd, lstm_cell_bwd, VALUE)                                         \
    X(stale_result, sum, sum, VALUE)                                                               \
    X(length_off_by_one, lstm_cell_fwd, lstm_cell_fwd, VALUE)                                      \
    X(beta_zero_read, gemm, gemm, POISON)                                                          \
    X(k_cut_short, gemm, gemm, VALUE)                                                              \
    X(bias_instead_of_c, gemm, gemm, VALUE)                                                        \
    X(last_of_equals, argmax, argmax, VALUE)                                                       \
    X(half_a_row, gemm_argmax, gemm_argmax, VALUE)                                                 \
    X(loss_after_gradient, softmax_xent, softmax_xent, VALUE)                                      \
    X(order_not_fixed, sum_squares, sum_squares, REPEAT)                                           \
    X(error_returned, clip_scale, clip_scale, STATUS)                                              \
    X(row_stride_ignored, row_gather, row_gather, NONE)                                            \
    X(offset_ignored, sgd_update, sgd_update, NONE)                                                \
    X(last_token_dropped, embedding_bwd, embedding_bwd, VALUE)                                     \
    X(first_not_counted, keep_target, keep_target, VALUE)                                          \
    X(target_as_others, sigmoid_xent_bwd, sigmoid_xent_bwd, VALUE)                                 \
    X(moment_not_written, adam_update, adam_update, VALUE)                                         \
    X(mask_after_sum, masked_softmax_fwd, masked_softmax_fwd, NAN)                                 \
    X(planes_ignored, masked_softmax_bwd, masked_softmax_bwd, NONE)                                \
    X(mask_of_first_step, dropout, dropout, VALUE)                                                 \
    X(one_word_more, sample, sample, VALUE)                                                        \
    X(weights_swapped, log_mix, log_mix, VALUE)                                                    \
    X(length_not_used, additive_score_fwd, additive_score_fwd, NAN)                                \
    X(old_gradient_lost, additive_score_bwd, additive_score_bwd, VALUE)                            \
    X(other_rows_decay, momentum_update, momentum_update, VALUE)                                   \
    X(stale_moment, rmsprop_update, rmsprop_update, VALUE)                                         \
    X(wrong_root, adagrad_update, adagrad_update, VALUE)                                           \
    X(moments_swapped, adadelta_update, adadelta_update, VALUE)                                    \
    X(fused_without_bias, lstm_seq_fwd, lstm_seq_fwd, VALUE)                                       \
    X(old_cell_at_output, lstm_cell_fwd, lstm_cell_fwd, VALUE)                                     \
    X(second_stride_ignored, col_dots, col_dots, NONE)                                             \
    X(reset_before_bias, gru_cell_fwd, gru_cell_fwd, VALUE)                                        \
    X(ended_row_forgotten, rnn_cell_bwd, rnn_cell_bwd, VALUE)

#define X(fault, slot, reported, how)                                                              \
    static clseq_status open_##fault(clseq_backend *be,                                            \
                                     const struct clseq_backend_options *options)                  \
    {                                                                                              \
        CLSEQ_TRY(wrong_open(be, options));                                                        \
        state_of(be)->table.slot = fault;                                                          \
        return CLSEQ_OK;                                                                           \
    }
WRONG_LIST(X)
#undef X

static clseq_status open_composed_differs(clseq_backend *be,
                                          const struct clseq_backend_options *options)
{
    CLSEQ_TRY(wrong_open(be, options));
    state_of(be)->table.lstm_seq_fwd = right_sequence;
    state_of(be)->table.lstm_cell_fwd = length_off_by_one;
    return CLSEQ_OK;
}

static const struct check_wrong wrong_list[] = {
#define X(fault, slot, reported, how)                                                              \
    { #fault, CLSEQ_OP_##reported, CHECK_FAULT_##how, IMPL(open_##fault) },
    WRONG_LIST(X)
#undef X
        { "composed_differs", CLSEQ_OP_lstm_seq_fwd, CHECK_FAULT_COMPOSED,
          IMPL(open_composed_differs) },
};

const struct check_wrong *check_wrong_list(int *ret_count)
{
    *ret_count = (int)CLSEQ_ARRAY_SIZE(wrong_list);
    return wrong_list;
}
