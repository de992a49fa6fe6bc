/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Arguments for every operation, small and valid, for tests that walk the whole
 * list. Each tensor has a place of its own in one of two buffers (real numbers,
 * indices), with room behind it, so that a test may make a shape larger and
 * still point into memory.
 */
#ifndef CLSEQ_OP_FIXTURE_H
#define CLSEQ_OP_FIXTURE_H

#include "unit.h"

#include "backend/op_host.h"
#include "backend/ops.h"
#include "base/philox.h"

/* Letters of op_args.h. All different, so that a mixed-up dimension shows. */
enum {
    OP_M = 3,
    OP_N = 5,
    OP_K = 4,
    OP_T = 2,
    OP_S = 4,
    OP_B = 3,
    OP_H = 2,
    OP_V = 7,
    OP_E = 6,
    OP_U = 3,
    OP_P = 4,
    OP_BEAM = 2,
    OP_ROWS = 4, /* B K of beam_advance */
};

#define OP_PLACE  256 /* elements between two tensors */
#define OP_PLACES 16

struct op_fixture {
    clseq_backend *be;
    clseq_buffer *reals, *indices;
    int next;
};

static inline void op_fixture_open(clseq_context *ctx, clseq_backend *be, struct op_fixture *f)
{
    const size_t n = (size_t)OP_PLACE * OP_PLACES;

    *f = (struct op_fixture) { .be = be };
    ASSERT_OK(ctx, clseq_buffer_create(be, n * clseq_dtype_size(clseq_backend_real(be)), "reals",
                                       &f->reals));
    ASSERT_OK(ctx, clseq_buffer_create(be, n * sizeof(int32_t), "indices", &f->indices));
}

static inline void op_fixture_close(struct op_fixture *f)
{
    clseq_buffer_destroy(&f->reals);
    clseq_buffer_destroy(&f->indices);
}

/* Dimensions of 0 are left out: real(f, 3, 0, 0) is (3). */
static inline clseq_tensor op_place(struct op_fixture *f, clseq_buffer *buffer, clseq_dtype dtype,
                                    int32_t d0, int32_t d1, int32_t d2)
{
    const size_t at = (size_t)(f->next++ % OP_PLACES) * OP_PLACE;

    if (d1 == 0)
        return clseq_tensor_1d(buffer, at, dtype, d0);
    if (d2 == 0)
        return clseq_tensor_2d(buffer, at, dtype, d0, d1);
    return clseq_tensor_3d(buffer, at, dtype, d0, d1, d2);
}

#define REAL(...)  op_real_(f, (const int32_t[3]) { __VA_ARGS__ })
#define INDEX(...) op_index_(f, (const int32_t[3]) { __VA_ARGS__ })

static inline clseq_tensor op_real_(struct op_fixture *f, const int32_t d[3])
{
    return op_place(f, f->reals, clseq_backend_real(f->be), d[0], d[1], d[2]);
}

static inline clseq_tensor op_index_(struct op_fixture *f, const int32_t d[3])
{
    return op_place(f, f->indices, CLSEQ_I32, d[0], d[1], d[2]);
}

/* Valid arguments with every optional tensor present. */
static inline void op_fixture_args(struct op_fixture *f, enum clseq_op op,
                                   union clseq_op_any_args *ret)
{
    f->next = 0;
    memset(ret, 0, sizeof(*ret));
    switch (op) {
    case CLSEQ_OP_copy:
        ret->copy = (struct clseq_copy_args) { .src = REAL(OP_T, OP_M, OP_N),
                                               .dst = REAL(OP_T, OP_M, OP_N) };
        break;
    case CLSEQ_OP_fill:
        ret->fill = (struct clseq_fill_args) { .dst = REAL(OP_M, OP_N), .value = 1.5 };
        break;
    case CLSEQ_OP_gemm:
        ret->gemm = (struct clseq_gemm_args) { .a = REAL(OP_M, OP_K),
                                               .b = REAL(OP_K, OP_N),
                                               .c = REAL(OP_M, OP_N),
                                               .bias = REAL(OP_N),
                                               .alpha = -0.5,
                                               .beta = 2 };
        break;
    case CLSEQ_OP_bias_add:
        ret->bias_add = (struct clseq_bias_add_args) {
            .x = REAL(OP_M, OP_N), .b0 = REAL(OP_N), .b1 = REAL(OP_N), .y = REAL(OP_M, OP_N)
        };
        break;
    case CLSEQ_OP_axpby:
        ret->axpby = (struct clseq_axpby_args) {
            .x = REAL(OP_M, OP_N), .y = REAL(OP_M, OP_N), .alpha = -2, .beta = 0.5
        };
        break;
    case CLSEQ_OP_tanh_fwd:
        ret->tanh_fwd = (struct clseq_tanh_fwd_args) { .x = REAL(OP_T, OP_M, OP_N),
                                                       .y = REAL(OP_T, OP_M, OP_N) };
        break;
    case CLSEQ_OP_tanh_bwd:
        ret->tanh_bwd = (struct clseq_tanh_bwd_args) { .y = REAL(OP_T, OP_M, OP_N),
                                                       .dy = REAL(OP_T, OP_M, OP_N),
                                                       .dx = REAL(OP_T, OP_M, OP_N) };
        break;
    case CLSEQ_OP_sum:
        ret->sum = (struct clseq_sum_args) { .x = REAL(OP_M, OP_N), .y = REAL(1), .beta = 1 };
        break;
    case CLSEQ_OP_sum_squares:
        ret->sum_squares =
            (struct clseq_sum_squares_args) { .x = REAL(OP_M, OP_N), .y = REAL(1), .beta = 1 };
        break;
    case CLSEQ_OP_col_sums:
        ret->col_sums =
            (struct clseq_col_sums_args) { .x = REAL(OP_M, OP_N), .y = REAL(OP_N), .beta = 1 };
        break;
    case CLSEQ_OP_col_dots:
        ret->col_dots = (struct clseq_col_dots_args) {
            .x = REAL(OP_M, OP_N), .z = REAL(OP_M, OP_N), .y = REAL(OP_N), .beta = 1
        };
        break;
    case CLSEQ_OP_argmax:
        ret->argmax = (struct clseq_argmax_args) { .x = REAL(OP_M, OP_N), .index = INDEX(OP_M) };
        break;
    case CLSEQ_OP_gemm_argmax:
        ret->gemm_argmax = (struct clseq_gemm_argmax_args) { .a = REAL(OP_M, OP_K),
                                                             .b = REAL(OP_N, OP_K),
                                                             .bias = REAL(OP_N),
                                                             .c = REAL(OP_M, OP_N),
                                                             .index = INDEX(OP_M) };
        break;
    case CLSEQ_OP_topk:
        ret->topk = (struct clseq_topk_args) { .x = REAL(OP_M, OP_N),
                                               .value = REAL(OP_M, OP_K),
                                               .index = INDEX(OP_M, OP_K) };
        break;
    case CLSEQ_OP_row_gather:
        ret->row_gather = (struct clseq_row_gather_args) { .src = REAL(OP_V, OP_N),
                                                           .index = INDEX(OP_M),
                                                           .dst = REAL(OP_M, OP_N) };
        break;
    case CLSEQ_OP_row_scatter:
        ret->row_scatter = (struct clseq_row_scatter_args) { .src = REAL(OP_M, OP_N),
                                                             .index = INDEX(OP_M),
                                                             .dst = REAL(OP_V, OP_N) };
        break;
    case CLSEQ_OP_keep_target:
        ret->keep_target = (struct clseq_keep_target_args) {
            .x = REAL(OP_M, OP_N), .target = INDEX(OP_M), .y = REAL(OP_M, OP_N), .first = 1
        };
        break;
    case CLSEQ_OP_embedding_bwd:
        ret->embedding_bwd = (struct clseq_embedding_bwd_args) { .dy = REAL(OP_M, OP_E),
                                                                 .order = INDEX(OP_P),
                                                                 .start = INDEX(OP_U + 1),
                                                                 .drow = REAL(OP_U, OP_E) };
        break;
    case CLSEQ_OP_lstm_cell_fwd:
        ret->lstm_cell_fwd = (struct clseq_lstm_cell_fwd_args) { .pre = REAL(OP_B, 4 * OP_H),
                                                                 .c_prev = REAL(OP_B, OP_H),
                                                                 .h_prev = REAL(OP_B, OP_H),
                                                                 .b_ih = REAL(4 * OP_H),
                                                                 .b_hh = REAL(4 * OP_H),
                                                                 .length = INDEX(OP_B),
                                                                 .act = REAL(OP_B, 4 * OP_H),
                                                                 .c = REAL(OP_B, OP_H),
                                                                 .h = REAL(OP_B, OP_H),
                                                                 .peephole = REAL(3, OP_H),
                                                                 .t = 1 };
        break;
    case CLSEQ_OP_lstm_cell_bwd:
        ret->lstm_cell_bwd = (struct clseq_lstm_cell_bwd_args) { .act = REAL(OP_B, 4 * OP_H),
                                                                 .c_prev = REAL(OP_B, OP_H),
                                                                 .c = REAL(OP_B, OP_H),
                                                                 .dh = REAL(OP_B, OP_H),
                                                                 .dc = REAL(OP_B, OP_H),
                                                                 .dy = REAL(OP_B, OP_H),
                                                                 .length = INDEX(OP_B),
                                                                 .dpre = REAL(OP_B, 4 * OP_H),
                                                                 .dh_prev = REAL(OP_B, OP_H),
                                                                 .dc_prev = REAL(OP_B, OP_H),
                                                                 .peephole = REAL(3, OP_H),
                                                                 .t = 1 };
        break;
    case CLSEQ_OP_lstm_seq_fwd:
        ret->lstm_seq_fwd = (struct clseq_lstm_seq_fwd_args) { .w_hh = REAL(4 * OP_H, OP_H),
                                                               .h0 = REAL(OP_B, OP_H),
                                                               .c0 = REAL(OP_B, OP_H),
                                                               .b_ih = REAL(4 * OP_H),
                                                               .b_hh = REAL(4 * OP_H),
                                                               .length = INDEX(OP_B),
                                                               .gates = REAL(OP_T, OP_B, 4 * OP_H),
                                                               .h = REAL(OP_T, OP_B, OP_H),
                                                               .c = REAL(OP_T, OP_B, OP_H),
                                                               .peephole = REAL(3, OP_H) };
        break;
    case CLSEQ_OP_lstm_seq_bwd:
        ret->lstm_seq_bwd = (struct clseq_lstm_seq_bwd_args) { .w_hh = REAL(4 * OP_H, OP_H),
                                                               .c0 = REAL(OP_B, OP_H),
                                                               .c = REAL(OP_T, OP_B, OP_H),
                                                               .dy = REAL(OP_T, OP_B, OP_H),
                                                               .length = INDEX(OP_B),
                                                               .gates = REAL(OP_T, OP_B, 4 * OP_H),
                                                               .dh = REAL(OP_B, OP_H),
                                                               .dc = REAL(OP_B, OP_H),
                                                               .peephole = REAL(3, OP_H) };
        break;
    case CLSEQ_OP_gru_cell_fwd:
        ret->gru_cell_fwd = (struct clseq_gru_cell_fwd_args) { .pre = REAL(OP_B, 3 * OP_H),
                                                               .pre_n = REAL(OP_B, OP_H),
                                                               .h_prev = REAL(OP_B, OP_H),
                                                               .b_ih = REAL(3 * OP_H),
                                                               .b_hh = REAL(3 * OP_H),
                                                               .length = INDEX(OP_B),
                                                               .act = REAL(OP_B, 3 * OP_H),
                                                               .hn = REAL(OP_B, OP_H),
                                                               .h = REAL(OP_B, OP_H),
                                                               .t = 1 };
        break;
    case CLSEQ_OP_gru_cell_bwd:
        ret->gru_cell_bwd = (struct clseq_gru_cell_bwd_args) { .act = REAL(OP_B, 3 * OP_H),
                                                               .hn = REAL(OP_B, OP_H),
                                                               .h_prev = REAL(OP_B, OP_H),
                                                               .dh = REAL(OP_B, OP_H),
                                                               .dy = REAL(OP_B, OP_H),
                                                               .length = INDEX(OP_B),
                                                               .dpre = REAL(OP_B, 3 * OP_H),
                                                               .dhn = REAL(OP_B, OP_H),
                                                               .dh_prev = REAL(OP_B, OP_H),
                                                               .t = 1 };
        break;
    case CLSEQ_OP_gru_seq_fwd:
        ret->gru_seq_fwd = (struct clseq_gru_seq_fwd_args) { .w_hh = REAL(3 * OP_H, OP_H),
                                                             .h0 = REAL(OP_B, OP_H),
                                                             .b_ih = REAL(3 * OP_H),
                                                             .b_hh = REAL(3 * OP_H),
                                                             .length = INDEX(OP_B),
                                                             .gates = REAL(OP_T, OP_B, 3 * OP_H),
                                                             .hn = REAL(OP_T, OP_B, OP_H),
                                                             .h = REAL(OP_T, OP_B, OP_H) };
        break;
    case CLSEQ_OP_gru_seq_bwd:
        ret->gru_seq_bwd = (struct clseq_gru_seq_bwd_args) { .w_hh = REAL(3 * OP_H, OP_H),
                                                             .h0 = REAL(OP_B, OP_H),
                                                             .h = REAL(OP_T, OP_B, OP_H),
                                                             .dy = REAL(OP_T, OP_B, OP_H),
                                                             .length = INDEX(OP_B),
                                                             .gates = REAL(OP_T, OP_B, 3 * OP_H),
                                                             .hn = REAL(OP_T, OP_B, OP_H),
                                                             .dh = REAL(OP_B, OP_H) };
        break;
    case CLSEQ_OP_rnn_cell_fwd:
        ret->rnn_cell_fwd = (struct clseq_rnn_cell_fwd_args) { .pre = REAL(OP_B, OP_H),
                                                               .h_prev = REAL(OP_B, OP_H),
                                                               .b_ih = REAL(OP_H),
                                                               .b_hh = REAL(OP_H),
                                                               .length = INDEX(OP_B),
                                                               .act = REAL(OP_B, OP_H),
                                                               .h = REAL(OP_B, OP_H),
                                                               .t = 1 };
        break;
    case CLSEQ_OP_rnn_cell_bwd:
        ret->rnn_cell_bwd = (struct clseq_rnn_cell_bwd_args) { .act = REAL(OP_B, OP_H),
                                                               .dh = REAL(OP_B, OP_H),
                                                               .dy = REAL(OP_B, OP_H),
                                                               .length = INDEX(OP_B),
                                                               .dpre = REAL(OP_B, OP_H),
                                                               .dh_prev = REAL(OP_B, OP_H),
                                                               .t = 1 };
        break;
    case CLSEQ_OP_rnn_seq_fwd:
        ret->rnn_seq_fwd = (struct clseq_rnn_seq_fwd_args) { .w_hh = REAL(OP_H, OP_H),
                                                             .h0 = REAL(OP_B, OP_H),
                                                             .b_ih = REAL(OP_H),
                                                             .b_hh = REAL(OP_H),
                                                             .length = INDEX(OP_B),
                                                             .gates = REAL(OP_T, OP_B, OP_H),
                                                             .h = REAL(OP_T, OP_B, OP_H) };
        break;
    case CLSEQ_OP_rnn_seq_bwd:
        ret->rnn_seq_bwd = (struct clseq_rnn_seq_bwd_args) { .w_hh = REAL(OP_H, OP_H),
                                                             .dy = REAL(OP_T, OP_B, OP_H),
                                                             .length = INDEX(OP_B),
                                                             .gates = REAL(OP_T, OP_B, OP_H),
                                                             .dh = REAL(OP_B, OP_H) };
        break;
    case CLSEQ_OP_softmax_xent_fwd:
        ret->softmax_xent_fwd = (struct clseq_softmax_xent_fwd_args) {
            .logits = REAL(OP_M, OP_V), .target = INDEX(OP_M), .loss = REAL(OP_M), .lse = REAL(OP_M)
        };
        break;
    case CLSEQ_OP_softmax_xent_bwd:
        ret->softmax_xent_bwd = (struct clseq_softmax_xent_bwd_args) { .logits = REAL(OP_M, OP_V),
                                                                       .target = INDEX(OP_M),
                                                                       .lse = REAL(OP_M),
                                                                       .dlogits = REAL(OP_M, OP_V),
                                                                       .scale = 0.25 };
        break;
    case CLSEQ_OP_softmax_xent:
        ret->softmax_xent = (struct clseq_softmax_xent_args) { .logits = REAL(OP_M, OP_V),
                                                               .target = INDEX(OP_M),
                                                               .loss = REAL(OP_M),
                                                               .lse = REAL(OP_M),
                                                               .dlogits = REAL(OP_M, OP_V),
                                                               .scale = 0.25 };
        break;
    case CLSEQ_OP_sigmoid_xent_fwd:
        ret->sigmoid_xent_fwd = (struct clseq_sigmoid_xent_fwd_args) { .logits = REAL(OP_M, OP_V),
                                                                       .target = INDEX(OP_M),
                                                                       .loss = REAL(OP_M) };
        break;
    case CLSEQ_OP_sigmoid_xent_bwd:
        ret->sigmoid_xent_bwd = (struct clseq_sigmoid_xent_bwd_args) { .logits = REAL(OP_M, OP_V),
                                                                       .target = INDEX(OP_M),
                                                                       .dlogits = REAL(OP_M, OP_V),
                                                                       .scale = 0.25 };
        break;
    case CLSEQ_OP_masked_softmax_fwd:
        ret->masked_softmax_fwd = (struct clseq_masked_softmax_fwd_args) {
            .x = REAL(OP_B, OP_T, OP_S), .length = INDEX(OP_B), .y = REAL(OP_B, OP_T, OP_S)
        };
        break;
    case CLSEQ_OP_masked_softmax_bwd:
        ret->masked_softmax_bwd = (struct clseq_masked_softmax_bwd_args) {
            .y = REAL(OP_B, OP_T, OP_S), .dy = REAL(OP_B, OP_T, OP_S), .dx = REAL(OP_B, OP_T, OP_S)
        };
        break;
    case CLSEQ_OP_additive_score_fwd:
        ret->additive_score_fwd =
            (struct clseq_additive_score_fwd_args) { .q = REAL(OP_T, OP_B, OP_E),
                                                     .k = REAL(OP_S, OP_B, OP_E),
                                                     .v = REAL(OP_E),
                                                     .length = INDEX(OP_B),
                                                     .score = REAL(OP_B, OP_T, OP_S) };
        break;
    case CLSEQ_OP_additive_score_bwd:
        ret->additive_score_bwd =
            (struct clseq_additive_score_bwd_args) { .dscore = REAL(OP_B, OP_T, OP_S),
                                                     .q = REAL(OP_T, OP_B, OP_E),
                                                     .k = REAL(OP_S, OP_B, OP_E),
                                                     .v = REAL(OP_E),
                                                     .length = INDEX(OP_B),
                                                     .dq = REAL(OP_T, OP_B, OP_E),
                                                     .dk = REAL(OP_S, OP_B, OP_E),
                                                     .dv = REAL(OP_E),
                                                     .beta = 0.5 };
        break;
    case CLSEQ_OP_beam_advance:
        ret->beam_advance = (struct clseq_beam_advance_args) { .value = REAL(OP_ROWS, OP_BEAM),
                                                               .index = INDEX(OP_ROWS, OP_BEAM),
                                                               .lse = REAL(OP_ROWS),
                                                               .score = REAL(OP_ROWS),
                                                               .token = INDEX(OP_ROWS),
                                                               .new_score = REAL(OP_ROWS),
                                                               .new_token = INDEX(OP_ROWS),
                                                               .parent = INDEX(OP_ROWS),
                                                               .beam = OP_BEAM,
                                                               .eos = 3 };
        break;
    case CLSEQ_OP_log_mix:
        ret->log_mix = (struct clseq_log_mix_args) { .x = REAL(OP_M, OP_V),
                                                     .x_lse = REAL(OP_M),
                                                     .y_lse = REAL(OP_M),
                                                     .y = REAL(OP_M, OP_V),
                                                     .weight = 0.25 };
        break;
    case CLSEQ_OP_sample:
        ret->sample = (struct clseq_sample_args) { .x = REAL(OP_M, OP_V),
                                                   .counter = INDEX(OP_M, 2),
                                                   .index = INDEX(OP_M),
                                                   .temperature = 0.5,
                                                   .top_p = 0.75,
                                                   .top_k = 4,
                                                   .step = 2,
                                                   .seed = 1 };
        break;
    case CLSEQ_OP_clip_scale:
        ret->clip_scale = (struct clseq_clip_scale_args) {
            .sumsq = REAL(1), .stats = REAL(2), .max_norm = 0.25, .scale = 1
        };
        break;
    case CLSEQ_OP_sgd_update:
        ret->sgd_update = (struct clseq_sgd_update_args) { .g = REAL(OP_U, OP_E),
                                                           .stats = REAL(2),
                                                           .index = INDEX(OP_U),
                                                           .w = REAL(OP_V, OP_E),
                                                           .lr = 0.5 };
        break;
    case CLSEQ_OP_adam_update:
        ret->adam_update = (struct clseq_adam_update_args) { .g = REAL(OP_U, OP_E),
                                                             .stats = REAL(2),
                                                             .index = INDEX(OP_U),
                                                             .w = REAL(OP_V, OP_E),
                                                             .m = REAL(OP_V, OP_E),
                                                             .v = REAL(OP_V, OP_E),
                                                             .step_size = 0.01,
                                                             .beta1 = 0.9,
                                                             .beta2 = 0.99,
                                                             .inv_sqrt_bias2 = 2,
                                                             .eps = 1e-8 };
        break;
    case CLSEQ_OP_momentum_update:
        ret->momentum_update = (struct clseq_momentum_update_args) { .g = REAL(OP_U, OP_E),
                                                                     .stats = REAL(2),
                                                                     .index = INDEX(OP_U),
                                                                     .w = REAL(OP_V, OP_E),
                                                                     .m = REAL(OP_V, OP_E),
                                                                     .lr = 0.5,
                                                                     .momentum = 0.9,
                                                                     .decay = 0.25,
                                                                     .nesterov = true };
        break;
    case CLSEQ_OP_adagrad_update:
        ret->adagrad_update = (struct clseq_adagrad_update_args) { .g = REAL(OP_U, OP_E),
                                                                   .stats = REAL(2),
                                                                   .index = INDEX(OP_U),
                                                                   .w = REAL(OP_V, OP_E),
                                                                   .v = REAL(OP_V, OP_E),
                                                                   .lr = 0.1,
                                                                   .eps = 1e-10 };
        break;
    case CLSEQ_OP_adadelta_update:
        ret->adadelta_update = (struct clseq_adadelta_update_args) { .g = REAL(OP_U, OP_E),
                                                                     .stats = REAL(2),
                                                                     .index = INDEX(OP_U),
                                                                     .w = REAL(OP_V, OP_E),
                                                                     .v = REAL(OP_V, OP_E),
                                                                     .u = REAL(OP_V, OP_E),
                                                                     .lr = 0.5,
                                                                     .rho = 0.9,
                                                                     .eps = 1e-6 };
        break;
    case CLSEQ_OP_rmsprop_update:
        ret->rmsprop_update = (struct clseq_rmsprop_update_args) { .g = REAL(OP_U, OP_E),
                                                                   .stats = REAL(2),
                                                                   .index = INDEX(OP_U),
                                                                   .w = REAL(OP_V, OP_E),
                                                                   .v = REAL(OP_V, OP_E),
                                                                   .lr = 0.1,
                                                                   .rho = 0.99,
                                                                   .eps = 1e-8 };
        break;
    case CLSEQ_OP_uniform:
        ret->uniform = (struct clseq_uniform_args) {
            .dst = REAL(OP_M, OP_N), .seed = 1, .purpose = CLSEQ_RANDOM_TEST, .low = -1, .high = 1
        };
        break;
    case CLSEQ_OP_normal:
        ret->normal = (struct clseq_normal_args) {
            .dst = REAL(OP_M, OP_N), .seed = 1, .purpose = CLSEQ_RANDOM_TEST, .mean = 1, .std = 2
        };
        break;
    case CLSEQ_OP_dropout:
        ret->dropout = (struct clseq_dropout_args) { .x = REAL(OP_T, OP_M, OP_N),
                                                     .y = REAL(OP_T, OP_M, OP_N),
                                                     .p = 0.25,
                                                     .seed = 1,
                                                     .step = 2,
                                                     .stream = 3,
                                                     .purpose = CLSEQ_RANDOM_DROPOUT };
        break;
    case CLSEQ_OP_COUNT:
        break;
    }
}

/* Number of a field of the schema. */
static inline int op_field(enum clseq_op op, const char *name)
{
    const struct clseq_op_schema *schema = clseq_op_schema(op);

    for (int i = 0; i < schema->n_fields; i++) {
        if (strcmp(schema->fields[i].name, name) == 0)
            return i;
    }
    fail_msg("%s has no field %s", schema->name, name);
    return -1;
}

static inline clseq_tensor *op_tensor(enum clseq_op op, union clseq_op_any_args *args,
                                      const char *name)
{
    return clseq_op_tensor(args, &clseq_op_schema(op)->fields[op_field(op, name)]);
}

/* Fill the tensors that are present: reals in [-1, 1), indices such that every op finds what it
 * needs. */
static inline void op_fixture_fill(clseq_context *ctx, struct op_fixture *f, enum clseq_op op,
                                   union clseq_op_any_args *args)
{
    const struct clseq_op_schema *schema = clseq_op_schema(op);
    static const int32_t lengths[] = { 2, 1, 0 };

    for (int i = 0; i < schema->n_fields; i++) {
        const struct clseq_op_field *field = &schema->fields[i];
        const clseq_tensor *x = clseq_op_tensor(args, field);
        const size_t n = clseq_tensor_count(x);
        float reals[OP_PLACE];
        int32_t indices[OP_PLACE];

        if (!clseq_tensor_present(x))
            continue;
        for (size_t k = 0; k < n; k++) {
            const uint64_t bits =
                clseq_random_u64(7, CLSEQ_RANDOM_TEST, (uint32_t)op, k + (uint64_t)i * OP_PLACE);
            const float u = 2 * clseq_philox_unit((uint32_t)bits) - 1;
            const bool positive = strcmp(field->name, "v") == 0 || strcmp(field->name, "u") == 0 ||
                                  strcmp(field->name, "sumsq") == 0 ||
                                  strcmp(field->name, "stats") == 0;

            reals[k] = positive && u < 0 ? -u : u;
            indices[k] = strcmp(field->name, "length") == 0 ? lengths[k % 3] : (int32_t)k % OP_M;
            if (strcmp(field->name, "start") == 0)
                indices[k] = (int32_t)k;
            if (op == CLSEQ_OP_keep_target) /* keeps element 1, which faults change */
                indices[k] = args->keep_target.first + (int32_t)k + 1;
        }
        if (x->dtype == CLSEQ_I32)
            ASSERT_OK(ctx, clseq_view_write(x, indices));
        else
            ASSERT_OK(ctx, clseq_tensor_write_f32(f->be, x, reals));
    }
}

#endif
