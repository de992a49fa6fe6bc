/* SPDX-License-Identifier: BSD-2-Clause */
/* Every check of ops_shapes.c, triggered one at a time from valid arguments: the status, and the
 * part of the message that names the tensor, its shape, the letters and the shape wanted. */
#include "op_fixture.h"

#include "backend/backend_impl.h"
#include "backend/ops_check.h"

#include <math.h>

struct wrong_shape {
    enum clseq_op op;
    const char *field;
    int32_t dims[3]; /* 0 from the rank on */
    const char *text;
};

/* clang-format off */
static const struct wrong_shape wrong_shapes[] = {
    { CLSEQ_OP_copy, "dst", { 3, 5 }, "dst is (3, 5) f32, but must be the shape of src = (2, 3, 5), because src is (2, 3, 5) f32" },
    { CLSEQ_OP_copy, "dst", { 2, 5, 3 }, "dst is (2, 5, 3) f32, but must be the shape of src = (2, 3, 5)" },

    { CLSEQ_OP_gemm, "bias", { 3 }, "bias is (3) f32, but must be (N) = (5), because c is (3, 5) f32" },
    { CLSEQ_OP_gemm, "c", { 15 }, "c is (15) f32 of rank 1, but must be (M, N), or (batch, M, N)" },
    { CLSEQ_OP_gemm, "a", { 1, 3, 4 }, "a is (1, 3, 4) f32 of rank 3, but must be of the same rank as c" },
    { CLSEQ_OP_gemm, "b", { 1, 4, 5 }, "b is (1, 4, 5) f32 of rank 3, but must be of the same rank as c" },
    { CLSEQ_OP_gemm, "a", { 4, 4 }, "a is (4, 4) f32, but must be (M, K) = (3, 4), because c is (3, 5) f32" },
    { CLSEQ_OP_gemm, "b", { 5, 4 }, "b is (5, 4) f32, but must be (K, N), with K and N from a and c, = (4, 5), because a is (3, 4) f32" },

    { CLSEQ_OP_bias_add, "x", { 5 }, "x is (5) f32 of rank 1, but must be (M, N)" },
    { CLSEQ_OP_bias_add, "y", { 3, 4 }, "y is (3, 4) f32, but must be the shape of x = (3, 5)" },
    { CLSEQ_OP_bias_add, "b0", { 3 }, "b0 is (3) f32, but must be (N) = (5), because x is (3, 5) f32" },
    { CLSEQ_OP_bias_add, "b1", { 1, 5 }, "b1 is (1, 5) f32, but must be (N) = (5)" },

    { CLSEQ_OP_axpby, "x", { 1, 3, 5 }, "x is (1, 3, 5) f32 of rank 3, but must be of rank 1 or 2" },
    { CLSEQ_OP_axpby, "y", { 15 }, "y is (15) f32, but must be the shape of x = (3, 5)" },

    { CLSEQ_OP_tanh_fwd, "y", { 3, 5 }, "y is (3, 5) f32, but must be the shape of x = (2, 3, 5)" },
    { CLSEQ_OP_tanh_bwd, "dy", { 2, 5, 3 }, "dy is (2, 5, 3) f32, but must be the shape of y = (2, 3, 5)" },
    { CLSEQ_OP_tanh_bwd, "dx", { 30 }, "dx is (30) f32, but must be the shape of y = (2, 3, 5)" },

    { CLSEQ_OP_sum, "x", { 1, 3, 5 }, "x is (1, 3, 5) f32 of rank 3, but must be of rank 1 or 2" },
    { CLSEQ_OP_sum, "y", { 2 }, "y is (2) f32, but must be one element = (1)" },
    { CLSEQ_OP_sum_squares, "x", { 1, 3, 5 }, "x is (1, 3, 5) f32 of rank 3, but must be of rank 1 or 2" },
    { CLSEQ_OP_sum_squares, "y", { 1, 1 }, "y is (1, 1) f32, but must be one element = (1)" },
    { CLSEQ_OP_col_sums, "x", { 5 }, "x is (5) f32 of rank 1, but must be (M, N)" },
    { CLSEQ_OP_col_sums, "y", { 3 }, "y is (3) f32, but must be (N) = (5), because x is (3, 5) f32" },

    { CLSEQ_OP_col_dots, "x", { 5 }, "x is (5) f32 of rank 1, but must be (M, N)" },
    { CLSEQ_OP_col_dots, "z", { 5, 3 }, "z is (5, 3) f32, but must be the shape of x = (3, 5)" },
    { CLSEQ_OP_col_dots, "y", { 3 }, "y is (3) f32, but must be (N) = (5), because x is (3, 5) f32" },

    { CLSEQ_OP_argmax, "x", { 5 }, "x is (5) f32 of rank 1, but must be (M, N)" },
    { CLSEQ_OP_argmax, "x", { 3, 0 }, "x is (3, 0) f32, but its rows need at least one element" },
    { CLSEQ_OP_argmax, "index", { 5 }, "index is (5) i32, but must be (M) = (3)" },
    { CLSEQ_OP_gemm_argmax, "c", { 15 }, "c is (15) f32 of rank 1, but must be (M, N)" },
    { CLSEQ_OP_gemm_argmax, "c", { 3, 0 }, "c is (3, 0) f32, but its rows need at least one element" },
    { CLSEQ_OP_gemm_argmax, "a", { 12 }, "a is (12) f32 of rank 1, but must be (M, K)" },
    { CLSEQ_OP_gemm_argmax, "a", { 2, 4 }, "a is (2, 4) f32, but must be (M, K) = (3, 4), because c is (3, 5) f32" },
    { CLSEQ_OP_gemm_argmax, "b", { 4, 5 }, "b is (4, 5) f32, but must be (N, K), with K and N from a and c, = (5, 4), because a is (3, 4) f32" },
    { CLSEQ_OP_gemm_argmax, "bias", { 3 }, "bias is (3) f32, but must be (N) = (5)" },
    { CLSEQ_OP_gemm_argmax, "index", { 5 }, "index is (5) i32, but must be (M) = (3)" },
    { CLSEQ_OP_topk, "x", { 5 }, "x is (5) f32 of rank 1, but must be (M, N)" },
    { CLSEQ_OP_topk, "value", { 4 }, "value is (4) f32 of rank 1, but must be (M, K)" },
    { CLSEQ_OP_topk, "value", { 5, 4 }, "value is (5, 4) f32, but must be (M, K) = (3, 4), because x is (3, 5) f32" },
    { CLSEQ_OP_topk, "index", { 3, 3 }, "index is (3, 3) i32, but must be the shape of value = (3, 4)" },
    { CLSEQ_OP_topk, "x", { 3, 3 }, "value is (3, 4) f32, but K must be 1 to 64 and at most the row length of x, (3, 3) f32" },

    { CLSEQ_OP_row_gather, "src", { 5 }, "src is (5) f32 of rank 1, but must be (V, N)" },
    { CLSEQ_OP_row_gather, "index", { 1, 3 }, "index is (1, 3) i32 of rank 2, but must be (M)" },
    { CLSEQ_OP_row_gather, "dst", { 3, 4 }, "dst is (3, 4) f32, but must be (M, N), with M from index, = (3, 5), because src is (7, 5) f32" },
    { CLSEQ_OP_row_gather, "dst", { 7, 5 }, "dst is (7, 5) f32, but must be (M, N), with M from index, = (3, 5)" },
    { CLSEQ_OP_row_scatter, "src", { 5 }, "src is (5) f32 of rank 1, but must be (M, N)" },
    { CLSEQ_OP_row_scatter, "dst", { 5 }, "dst is (5) f32 of rank 1, but must be (V, N)" },
    { CLSEQ_OP_row_scatter, "index", { 7 }, "index is (7) i32, but must be (M) = (3)" },
    { CLSEQ_OP_row_scatter, "dst", { 7, 6 }, "dst is (7, 6) f32, but must be (V, N) = (7, 5)" },
    { CLSEQ_OP_keep_target, "x", { 5 }, "x is (5) f32 of rank 1, but must be (M, N)" },
    { CLSEQ_OP_keep_target, "target", { 7 }, "target is (7) i32, but must be (M) = (3)" },
    { CLSEQ_OP_keep_target, "y", { 3, 4 }, "y is (3, 4) f32, but must be the shape of x = (3, 5)" },
    { CLSEQ_OP_embedding_bwd, "dy", { 6 }, "dy is (6) f32 of rank 1, but must be (M, E)" },
    { CLSEQ_OP_embedding_bwd, "order", { 1, 4 }, "order is (1, 4) i32 of rank 2, but must be (P)" },
    { CLSEQ_OP_embedding_bwd, "drow", { 6 }, "drow is (6) f32 of rank 1, but must be (U, E)" },
    { CLSEQ_OP_embedding_bwd, "start", { 3 }, "start is (3) i32, but must be (U + 1) = (4)" },
    { CLSEQ_OP_embedding_bwd, "drow", { 3, 5 }, "drow is (3, 5) f32, but must be (U, E) = (3, 6)" },

    { CLSEQ_OP_lstm_cell_fwd, "c_prev", { 6 }, "c_prev is (6) f32 of rank 1, but must be (B, H)" },
    { CLSEQ_OP_lstm_cell_fwd, "pre", { 3, 6 }, "pre is (3, 6) f32, but must be (B, 4H) = (3, 8), because c_prev is (3, 2) f32" },
    { CLSEQ_OP_lstm_cell_fwd, "h_prev", { 2, 3 }, "h_prev is (2, 3) f32, but must be the shape of c_prev = (3, 2)" },
    { CLSEQ_OP_lstm_cell_fwd, "b_ih", { 6 }, "b_ih is (6) f32, but must be (4H) = (8)" },
    { CLSEQ_OP_lstm_cell_fwd, "b_hh", { 2 }, "b_hh is (2) f32, but must be (4H) = (8)" },
    { CLSEQ_OP_lstm_cell_fwd, "length", { 2 }, "length is (2) i32, but must be (B) = (3)" },
    { CLSEQ_OP_lstm_cell_fwd, "act", { 3, 2 }, "act is (3, 2) f32, but must be the shape of pre = (3, 8)" },
    { CLSEQ_OP_lstm_cell_fwd, "c", { 3, 8 }, "c is (3, 8) f32, but must be the shape of c_prev = (3, 2)" },
    { CLSEQ_OP_lstm_cell_fwd, "h", { 2, 2 }, "h is (2, 2) f32, but must be the shape of c_prev = (3, 2)" },
    { CLSEQ_OP_lstm_cell_fwd, "peephole", { 2, 3 }, "peephole is (2, 3) f32, but must be (3, H) = (3, 2), because c_prev is (3, 2) f32" },

    { CLSEQ_OP_lstm_cell_bwd, "c_prev", { 6 }, "c_prev is (6) f32 of rank 1, but must be (B, H)" },
    { CLSEQ_OP_lstm_cell_bwd, "act", { 3, 2 }, "act is (3, 2) f32, but must be (B, 4H) = (3, 8)" },
    { CLSEQ_OP_lstm_cell_bwd, "c", { 2, 2 }, "c is (2, 2) f32, but must be the shape of c_prev" },
    { CLSEQ_OP_lstm_cell_bwd, "dh", { 2, 2 }, "dh is (2, 2) f32, but must be the shape of c_prev" },
    { CLSEQ_OP_lstm_cell_bwd, "dc", { 2, 2 }, "dc is (2, 2) f32, but must be the shape of c_prev" },
    { CLSEQ_OP_lstm_cell_bwd, "dy", { 2, 2 }, "dy is (2, 2) f32, but must be the shape of c_prev" },
    { CLSEQ_OP_lstm_cell_bwd, "length", { 8 }, "length is (8) i32, but must be (B) = (3)" },
    { CLSEQ_OP_lstm_cell_bwd, "dpre", { 3, 2 }, "dpre is (3, 2) f32, but must be the shape of act = (3, 8)" },
    { CLSEQ_OP_lstm_cell_bwd, "dh_prev", { 2, 2 }, "dh_prev is (2, 2) f32, but must be the shape of c_prev" },
    { CLSEQ_OP_lstm_cell_bwd, "dc_prev", { 2, 2 }, "dc_prev is (2, 2) f32, but must be the shape of c_prev" },
    { CLSEQ_OP_lstm_cell_bwd, "peephole", { 2, 3 }, "peephole is (2, 3) f32, but must be (3, H) = (3, 2), because c_prev is (3, 2) f32" },

    { CLSEQ_OP_lstm_seq_fwd, "h", { 3, 2 }, "h is (3, 2) f32 of rank 2, but must be (T, B, H)" },
    { CLSEQ_OP_lstm_seq_fwd, "gates", { 2, 3, 2 }, "gates is (2, 3, 2) f32, but must be (T, B, 4H) = (2, 3, 8), because h is (2, 3, 2) f32" },
    { CLSEQ_OP_lstm_seq_fwd, "c", { 1, 3, 2 }, "c is (1, 3, 2) f32, but must be the shape of h = (2, 3, 2)" },
    { CLSEQ_OP_lstm_seq_fwd, "w_hh", { 2, 8 }, "w_hh is (2, 8) f32, but must be (4H, H) = (8, 2)" },
    { CLSEQ_OP_lstm_seq_fwd, "h0", { 2, 3 }, "h0 is (2, 3) f32, but must be (B, H) = (3, 2)" },
    { CLSEQ_OP_lstm_seq_fwd, "c0", { 2, 3 }, "c0 is (2, 3) f32, but must be (B, H) = (3, 2)" },
    { CLSEQ_OP_lstm_seq_fwd, "b_ih", { 2 }, "b_ih is (2) f32, but must be (4H) = (8)" },
    { CLSEQ_OP_lstm_seq_fwd, "b_hh", { 2 }, "b_hh is (2) f32, but must be (4H) = (8)" },
    { CLSEQ_OP_lstm_seq_fwd, "length", { 2 }, "length is (2) i32, but must be (B) = (3)" },
    { CLSEQ_OP_lstm_seq_fwd, "peephole", { 2, 3 }, "peephole is (2, 3) f32, but must be (3, H) = (3, 2), because h is (2, 3, 2) f32" },

    { CLSEQ_OP_lstm_seq_bwd, "c", { 3, 2 }, "c is (3, 2) f32 of rank 2, but must be (T, B, H)" },
    { CLSEQ_OP_lstm_seq_bwd, "gates", { 1, 3, 8 }, "gates is (1, 3, 8) f32, but must be (T, B, 4H) = (2, 3, 8)" },
    { CLSEQ_OP_lstm_seq_bwd, "w_hh", { 2, 8 }, "w_hh is (2, 8) f32, but must be (4H, H) = (8, 2)" },
    { CLSEQ_OP_lstm_seq_bwd, "c0", { 2, 3 }, "c0 is (2, 3) f32, but must be (B, H) = (3, 2)" },
    { CLSEQ_OP_lstm_seq_bwd, "dy", { 3, 2 }, "dy is (3, 2) f32, but must be the shape of c = (2, 3, 2)" },
    { CLSEQ_OP_lstm_seq_bwd, "length", { 2 }, "length is (2) i32, but must be (B) = (3)" },
    { CLSEQ_OP_lstm_seq_bwd, "dh", { 2, 3 }, "dh is (2, 3) f32, but must be (B, H) = (3, 2)" },
    { CLSEQ_OP_lstm_seq_bwd, "dc", { 2, 3 }, "dc is (2, 3) f32, but must be (B, H) = (3, 2)" },
    { CLSEQ_OP_lstm_seq_bwd, "peephole", { 2, 3 }, "peephole is (2, 3) f32, but must be (3, H) = (3, 2), because c is (2, 3, 2) f32" },

    { CLSEQ_OP_gru_cell_fwd, "h_prev", { 6 }, "h_prev is (6) f32 of rank 1, but must be (B, H)" },
    { CLSEQ_OP_gru_cell_fwd, "pre", { 3, 8 }, "pre is (3, 8) f32, but must be (B, 3H) = (3, 6), because h_prev is (3, 2) f32" },
    { CLSEQ_OP_gru_cell_fwd, "pre_n", { 3, 6 }, "pre_n is (3, 6) f32, but must be the shape of h_prev = (3, 2)" },
    { CLSEQ_OP_gru_cell_fwd, "b_ih", { 8 }, "b_ih is (8) f32, but must be (3H) = (6)" },
    { CLSEQ_OP_gru_cell_fwd, "b_hh", { 2 }, "b_hh is (2) f32, but must be (3H) = (6)" },
    { CLSEQ_OP_gru_cell_fwd, "length", { 2 }, "length is (2) i32, but must be (B) = (3)" },
    { CLSEQ_OP_gru_cell_fwd, "act", { 3, 2 }, "act is (3, 2) f32, but must be the shape of pre = (3, 6)" },
    { CLSEQ_OP_gru_cell_fwd, "hn", { 2, 2 }, "hn is (2, 2) f32, but must be the shape of h_prev = (3, 2)" },
    { CLSEQ_OP_gru_cell_fwd, "h", { 2, 2 }, "h is (2, 2) f32, but must be the shape of h_prev = (3, 2)" },

    { CLSEQ_OP_gru_cell_bwd, "h_prev", { 6 }, "h_prev is (6) f32 of rank 1, but must be (B, H)" },
    { CLSEQ_OP_gru_cell_bwd, "act", { 3, 8 }, "act is (3, 8) f32, but must be (B, 3H) = (3, 6)" },
    { CLSEQ_OP_gru_cell_bwd, "hn", { 2, 2 }, "hn is (2, 2) f32, but must be the shape of h_prev" },
    { CLSEQ_OP_gru_cell_bwd, "dh", { 2, 2 }, "dh is (2, 2) f32, but must be the shape of h_prev" },
    { CLSEQ_OP_gru_cell_bwd, "dy", { 2, 2 }, "dy is (2, 2) f32, but must be the shape of h_prev" },
    { CLSEQ_OP_gru_cell_bwd, "length", { 8 }, "length is (8) i32, but must be (B) = (3)" },
    { CLSEQ_OP_gru_cell_bwd, "dpre", { 3, 2 }, "dpre is (3, 2) f32, but must be the shape of act = (3, 6)" },
    { CLSEQ_OP_gru_cell_bwd, "dhn", { 3, 6 }, "dhn is (3, 6) f32, but must be the shape of h_prev" },
    { CLSEQ_OP_gru_cell_bwd, "dh_prev", { 2, 2 }, "dh_prev is (2, 2) f32, but must be the shape of h_prev" },

    { CLSEQ_OP_gru_seq_fwd, "h", { 3, 2 }, "h is (3, 2) f32 of rank 2, but must be (T, B, H)" },
    { CLSEQ_OP_gru_seq_fwd, "gates", { 2, 3, 8 }, "gates is (2, 3, 8) f32, but must be (T, B, 3H) = (2, 3, 6), because h is (2, 3, 2) f32" },
    { CLSEQ_OP_gru_seq_fwd, "hn", { 1, 3, 2 }, "hn is (1, 3, 2) f32, but must be the shape of h = (2, 3, 2)" },
    { CLSEQ_OP_gru_seq_fwd, "w_hh", { 8, 2 }, "w_hh is (8, 2) f32, but must be (3H, H) = (6, 2)" },
    { CLSEQ_OP_gru_seq_fwd, "h0", { 2, 3 }, "h0 is (2, 3) f32, but must be (B, H) = (3, 2)" },
    { CLSEQ_OP_gru_seq_fwd, "b_ih", { 2 }, "b_ih is (2) f32, but must be (3H) = (6)" },
    { CLSEQ_OP_gru_seq_fwd, "b_hh", { 8 }, "b_hh is (8) f32, but must be (3H) = (6)" },
    { CLSEQ_OP_gru_seq_fwd, "length", { 2 }, "length is (2) i32, but must be (B) = (3)" },

    { CLSEQ_OP_gru_seq_bwd, "h", { 3, 2 }, "h is (3, 2) f32 of rank 2, but must be (T, B, H)" },
    { CLSEQ_OP_gru_seq_bwd, "gates", { 1, 3, 6 }, "gates is (1, 3, 6) f32, but must be (T, B, 3H) = (2, 3, 6)" },
    { CLSEQ_OP_gru_seq_bwd, "hn", { 2, 3, 6 }, "hn is (2, 3, 6) f32, but must be the shape of h = (2, 3, 2)" },
    { CLSEQ_OP_gru_seq_bwd, "w_hh", { 8, 2 }, "w_hh is (8, 2) f32, but must be (3H, H) = (6, 2)" },
    { CLSEQ_OP_gru_seq_bwd, "h0", { 2, 3 }, "h0 is (2, 3) f32, but must be (B, H) = (3, 2)" },
    { CLSEQ_OP_gru_seq_bwd, "dy", { 3, 2 }, "dy is (3, 2) f32, but must be the shape of h = (2, 3, 2)" },
    { CLSEQ_OP_gru_seq_bwd, "length", { 2 }, "length is (2) i32, but must be (B) = (3)" },
    { CLSEQ_OP_gru_seq_bwd, "dh", { 2, 3 }, "dh is (2, 3) f32, but must be (B, H) = (3, 2)" },

    { CLSEQ_OP_rnn_cell_fwd, "pre", { 6 }, "pre is (6) f32 of rank 1, but must be (B, H)" },
    { CLSEQ_OP_rnn_cell_fwd, "h_prev", { 2, 3 }, "h_prev is (2, 3) f32, but must be the shape of pre = (3, 2)" },
    { CLSEQ_OP_rnn_cell_fwd, "b_ih", { 3 }, "b_ih is (3) f32, but must be (H) = (2)" },
    { CLSEQ_OP_rnn_cell_fwd, "b_hh", { 6 }, "b_hh is (6) f32, but must be (H) = (2)" },
    { CLSEQ_OP_rnn_cell_fwd, "length", { 2 }, "length is (2) i32, but must be (B) = (3)" },
    { CLSEQ_OP_rnn_cell_fwd, "act", { 2, 2 }, "act is (2, 2) f32, but must be the shape of pre = (3, 2)" },
    { CLSEQ_OP_rnn_cell_fwd, "h", { 2, 2 }, "h is (2, 2) f32, but must be the shape of pre = (3, 2)" },

    { CLSEQ_OP_rnn_cell_bwd, "act", { 6 }, "act is (6) f32 of rank 1, but must be (B, H)" },
    { CLSEQ_OP_rnn_cell_bwd, "dh", { 2, 2 }, "dh is (2, 2) f32, but must be the shape of act" },
    { CLSEQ_OP_rnn_cell_bwd, "dy", { 2, 2 }, "dy is (2, 2) f32, but must be the shape of act" },
    { CLSEQ_OP_rnn_cell_bwd, "length", { 2 }, "length is (2) i32, but must be (B) = (3)" },
    { CLSEQ_OP_rnn_cell_bwd, "dpre", { 3, 6 }, "dpre is (3, 6) f32, but must be the shape of act" },
    { CLSEQ_OP_rnn_cell_bwd, "dh_prev", { 2, 2 }, "dh_prev is (2, 2) f32, but must be the shape of act" },

    { CLSEQ_OP_rnn_seq_fwd, "gates", { 3, 2 }, "gates is (3, 2) f32 of rank 2, but must be (T, B, H)" },
    { CLSEQ_OP_rnn_seq_fwd, "h", { 1, 3, 2 }, "h is (1, 3, 2) f32, but must be the shape of gates = (2, 3, 2)" },
    { CLSEQ_OP_rnn_seq_fwd, "w_hh", { 8, 2 }, "w_hh is (8, 2) f32, but must be (H, H) = (2, 2)" },
    { CLSEQ_OP_rnn_seq_fwd, "h0", { 2, 3 }, "h0 is (2, 3) f32, but must be (B, H) = (3, 2)" },
    { CLSEQ_OP_rnn_seq_fwd, "b_ih", { 3 }, "b_ih is (3) f32, but must be (H) = (2)" },
    { CLSEQ_OP_rnn_seq_fwd, "b_hh", { 8 }, "b_hh is (8) f32, but must be (H) = (2)" },
    { CLSEQ_OP_rnn_seq_fwd, "length", { 2 }, "length is (2) i32, but must be (B) = (3)" },

    { CLSEQ_OP_rnn_seq_bwd, "gates", { 3, 2 }, "gates is (3, 2) f32 of rank 2, but must be (T, B, H)" },
    { CLSEQ_OP_rnn_seq_bwd, "w_hh", { 8, 2 }, "w_hh is (8, 2) f32, but must be (H, H) = (2, 2)" },
    { CLSEQ_OP_rnn_seq_bwd, "dy", { 3, 2 }, "dy is (3, 2) f32, but must be the shape of gates = (2, 3, 2)" },
    { CLSEQ_OP_rnn_seq_bwd, "length", { 2 }, "length is (2) i32, but must be (B) = (3)" },
    { CLSEQ_OP_rnn_seq_bwd, "dh", { 2, 3 }, "dh is (2, 3) f32, but must be (B, H) = (3, 2)" },

    { CLSEQ_OP_softmax_xent_fwd, "logits", { 7 }, "logits is (7) f32 of rank 1, but must be (M, V)" },
    { CLSEQ_OP_softmax_xent_fwd, "logits", { 3, 0 }, "logits is (3, 0) f32, but its rows need at least one element" },
    { CLSEQ_OP_softmax_xent_fwd, "target", { 7 }, "target is (7) i32, but must be (M) = (3)" },
    { CLSEQ_OP_softmax_xent_fwd, "loss", { 1 }, "loss is (1) f32, but must be (M) = (3)" },
    { CLSEQ_OP_softmax_xent_fwd, "lse", { 7 }, "lse is (7) f32, but must be (M) = (3)" },
    { CLSEQ_OP_softmax_xent_bwd, "logits", { 7 }, "logits is (7) f32 of rank 1, but must be (M, V)" },
    { CLSEQ_OP_softmax_xent_bwd, "logits", { 3, 0 }, "logits is (3, 0) f32, but its rows need at least one element" },
    { CLSEQ_OP_softmax_xent_bwd, "target", { 7 }, "target is (7) i32, but must be (M) = (3)" },
    { CLSEQ_OP_softmax_xent_bwd, "lse", { 7 }, "lse is (7) f32, but must be (M) = (3)" },
    { CLSEQ_OP_softmax_xent_bwd, "dlogits", { 7, 3 }, "dlogits is (7, 3) f32, but must be the shape of logits = (3, 7)" },
    { CLSEQ_OP_softmax_xent, "logits", { 7 }, "logits is (7) f32 of rank 1, but must be (M, V)" },
    { CLSEQ_OP_softmax_xent, "logits", { 3, 0 }, "logits is (3, 0) f32, but its rows need at least one element" },
    { CLSEQ_OP_softmax_xent, "target", { 7 }, "target is (7) i32, but must be (M) = (3)" },
    { CLSEQ_OP_softmax_xent, "loss", { 1 }, "loss is (1) f32, but must be (M) = (3)" },
    { CLSEQ_OP_softmax_xent, "lse", { 7 }, "lse is (7) f32, but must be (M) = (3)" },
    { CLSEQ_OP_softmax_xent, "dlogits", { 7, 3 }, "dlogits is (7, 3) f32, but must be the shape of logits = (3, 7)" },

    { CLSEQ_OP_sigmoid_xent_fwd, "logits", { 7 }, "logits is (7) f32 of rank 1, but must be (M, V)" },
    { CLSEQ_OP_sigmoid_xent_fwd, "logits", { 3, 0 }, "logits is (3, 0) f32, but its rows need at least one element" },
    { CLSEQ_OP_sigmoid_xent_fwd, "target", { 7 }, "target is (7) i32, but must be (M) = (3)" },
    { CLSEQ_OP_sigmoid_xent_fwd, "loss", { 1 }, "loss is (1) f32, but must be (M) = (3)" },
    { CLSEQ_OP_sigmoid_xent_bwd, "logits", { 7 }, "logits is (7) f32 of rank 1, but must be (M, V)" },
    { CLSEQ_OP_sigmoid_xent_bwd, "logits", { 3, 0 }, "logits is (3, 0) f32, but its rows need at least one element" },
    { CLSEQ_OP_sigmoid_xent_bwd, "target", { 7 }, "target is (7) i32, but must be (M) = (3)" },
    { CLSEQ_OP_sigmoid_xent_bwd, "dlogits", { 7, 3 }, "dlogits is (7, 3) f32, but must be the shape of logits = (3, 7)" },
    { CLSEQ_OP_masked_softmax_fwd, "x", { 6, 4 }, "x is (6, 4) f32 of rank 2, but must be (B, T, S)" },
    { CLSEQ_OP_masked_softmax_fwd, "length", { 2 }, "length is (2) i32, but must be (B) = (3)" },
    { CLSEQ_OP_masked_softmax_fwd, "y", { 2, 3, 4 }, "y is (2, 3, 4) f32, but must be the shape of x = (3, 2, 4)" },
    { CLSEQ_OP_masked_softmax_bwd, "y", { 6, 4 }, "y is (6, 4) f32 of rank 2, but must be (B, T, S)" },
    { CLSEQ_OP_masked_softmax_bwd, "dy", { 2, 3, 4 }, "dy is (2, 3, 4) f32, but must be the shape of y = (3, 2, 4)" },
    { CLSEQ_OP_masked_softmax_bwd, "dx", { 3, 2, 3 }, "dx is (3, 2, 3) f32, but must be the shape of y = (3, 2, 4)" },

    { CLSEQ_OP_additive_score_fwd, "q", { 6, 6 }, "q is (6, 6) f32 of rank 2, but must be (T, B, A)" },
    { CLSEQ_OP_additive_score_fwd, "k", { 12, 6 }, "k is (12, 6) f32 of rank 2, but must be (S, B, A)" },
    { CLSEQ_OP_additive_score_fwd, "k", { 4, 2, 6 }, "k is (4, 2, 6) f32, but must be (S, B, A) = (4, 3, 6), because q is (2, 3, 6) f32" },
    { CLSEQ_OP_additive_score_fwd, "v", { 5 }, "v is (5) f32, but must be (A) = (6)" },
    { CLSEQ_OP_additive_score_fwd, "length", { 2 }, "length is (2) i32, but must be (B) = (3)" },
    { CLSEQ_OP_additive_score_fwd, "score", { 2, 3, 4 }, "score is (2, 3, 4) f32, but must be (B, T, S), with S from k, = (3, 2, 4)" },
    { CLSEQ_OP_additive_score_bwd, "q", { 6, 6 }, "q is (6, 6) f32 of rank 2, but must be (T, B, A)" },
    { CLSEQ_OP_additive_score_bwd, "k", { 4, 3, 5 }, "k is (4, 3, 5) f32, but must be (S, B, A) = (4, 3, 6)" },
    { CLSEQ_OP_additive_score_bwd, "v", { 6, 1 }, "v is (6, 1) f32, but must be (A) = (6)" },
    { CLSEQ_OP_additive_score_bwd, "length", { 2 }, "length is (2) i32, but must be (B) = (3)" },
    { CLSEQ_OP_additive_score_bwd, "dscore", { 3, 2, 3 }, "dscore is (3, 2, 3) f32, but must be (B, T, S), with S from k, = (3, 2, 4)" },
    { CLSEQ_OP_additive_score_bwd, "dq", { 4, 3, 6 }, "dq is (4, 3, 6) f32, but must be the shape of q = (2, 3, 6)" },
    { CLSEQ_OP_additive_score_bwd, "dk", { 2, 3, 6 }, "dk is (2, 3, 6) f32, but must be the shape of k = (4, 3, 6)" },
    { CLSEQ_OP_additive_score_bwd, "dv", { 5 }, "dv is (5) f32, but must be the shape of v = (6)" },

    { CLSEQ_OP_beam_advance, "score", { 2, 2 }, "score is (2, 2) f32 of rank 2, but must be (B K)" },
    { CLSEQ_OP_beam_advance, "score", { 3 }, "score is (3) f32, but its length must be a multiple of beam, 2" },
    { CLSEQ_OP_beam_advance, "value", { 4, 3 }, "value is (4, 3) f32, but must be (B K, K) = (4, 2), because score is (4) f32" },
    { CLSEQ_OP_beam_advance, "index", { 4, 3 }, "index is (4, 3) i32, but must be (B K, K) = (4, 2)" },
    { CLSEQ_OP_beam_advance, "lse", { 2 }, "lse is (2) f32, but must be the shape of score = (4)" },
    { CLSEQ_OP_beam_advance, "token", { 2 }, "token is (2) i32, but must be the shape of score = (4)" },
    { CLSEQ_OP_beam_advance, "new_score", { 2 }, "new_score is (2) f32, but must be the shape of score = (4)" },
    { CLSEQ_OP_beam_advance, "new_token", { 2 }, "new_token is (2) i32, but must be the shape of score = (4)" },
    { CLSEQ_OP_beam_advance, "parent", { 2 }, "parent is (2) i32, but must be the shape of score = (4)" },

    { CLSEQ_OP_log_mix, "y", { 21 }, "y is (21) f32 of rank 1, but must be (M, V)" },
    { CLSEQ_OP_log_mix, "x", { 3, 6 }, "x is (3, 6) f32, but must be the shape of y = (3, 7)" },
    { CLSEQ_OP_log_mix, "x_lse", { 7 }, "x_lse is (7) f32, but must be (M) = (3)" },
    { CLSEQ_OP_log_mix, "y_lse", { 2 }, "y_lse is (2) f32, but must be (M) = (3)" },
    { CLSEQ_OP_sample, "x", { 21 }, "x is (21) f32 of rank 1, but must be (M, V)" },
    { CLSEQ_OP_sample, "x", { 3, 0 }, "x is (3, 0) f32, but its rows need at least one element" },
    { CLSEQ_OP_sample, "counter", { 3 }, "counter is (3) i32, but must be (M, 2) = (3, 2)" },
    { CLSEQ_OP_sample, "index", { 7 }, "index is (7) i32, but must be (M) = (3)" },

    { CLSEQ_OP_clip_scale, "sumsq", { 2 }, "sumsq is (2) f32, but must be one element = (1)" },
    { CLSEQ_OP_clip_scale, "stats", { 1 }, "stats is (1) f32, but must be two elements = (2)" },
    { CLSEQ_OP_sgd_update, "stats", { 1 }, "stats is (1) f32, but must be two elements = (2)" },
    { CLSEQ_OP_sgd_update, "w", { 42 }, "w is (42) f32 of rank 1, but must be (V, E)" },
    { CLSEQ_OP_sgd_update, "g", { 18 }, "g is (18) f32 of rank 1, but must be (U, E)" },
    { CLSEQ_OP_sgd_update, "g", { 3, 5 }, "g is (3, 5) f32, but must be (U, E) = (3, 6), because w is (7, 6) f32" },
    { CLSEQ_OP_sgd_update, "index", { 7 }, "index is (7) i32, but must be (U) = (3)" },
    { CLSEQ_OP_adam_update, "stats", { 1 }, "stats is (1) f32, but must be two elements = (2)" },
    { CLSEQ_OP_adam_update, "w", { 42 }, "w is (42) f32 of rank 1, but must be (V, E)" },
    { CLSEQ_OP_adam_update, "g", { 18 }, "g is (18) f32 of rank 1, but must be (U, E)" },
    { CLSEQ_OP_adam_update, "g", { 3, 5 }, "g is (3, 5) f32, but must be (U, E) = (3, 6)" },
    { CLSEQ_OP_adam_update, "index", { 7 }, "index is (7) i32, but must be (U) = (3)" },
    { CLSEQ_OP_adam_update, "m", { 3, 6 }, "m is (3, 6) f32, but must be the shape of w = (7, 6)" },
    { CLSEQ_OP_adam_update, "v", { 3, 6 }, "v is (3, 6) f32, but must be the shape of w = (7, 6)" },
    { CLSEQ_OP_momentum_update, "stats", { 1 }, "stats is (1) f32, but must be two elements = (2)" },
    { CLSEQ_OP_momentum_update, "g", { 3, 5 }, "g is (3, 5) f32, but must be (U, E) = (3, 6)" },
    { CLSEQ_OP_momentum_update, "index", { 7 }, "index is (7) i32, but must be (U) = (3)" },
    { CLSEQ_OP_momentum_update, "m", { 3, 6 }, "m is (3, 6) f32, but must be the shape of w = (7, 6)" },
    { CLSEQ_OP_adagrad_update, "w", { 42 }, "w is (42) f32 of rank 1, but must be (V, E)" },
    { CLSEQ_OP_adagrad_update, "g", { 18 }, "g is (18) f32 of rank 1, but must be (U, E)" },
    { CLSEQ_OP_adagrad_update, "v", { 3, 6 }, "v is (3, 6) f32, but must be the shape of w = (7, 6)" },
    { CLSEQ_OP_adadelta_update, "index", { 7 }, "index is (7) i32, but must be (U) = (3)" },
    { CLSEQ_OP_adadelta_update, "v", { 3, 6 }, "v is (3, 6) f32, but must be the shape of w = (7, 6)" },
    { CLSEQ_OP_adadelta_update, "u", { 3, 6 }, "u is (3, 6) f32, but must be the shape of w = (7, 6)" },
    { CLSEQ_OP_rmsprop_update, "g", { 3, 5 }, "g is (3, 5) f32, but must be (U, E) = (3, 6)" },
    { CLSEQ_OP_rmsprop_update, "v", { 3, 6 }, "v is (3, 6) f32, but must be the shape of w = (7, 6)" },

    { CLSEQ_OP_uniform, "dst", { 1, 3, 5 }, "dst is (1, 3, 5) f32 of rank 3, but must be of rank 1 or 2" },
    { CLSEQ_OP_normal, "dst", { 1, 3, 5 }, "dst is (1, 3, 5) f32 of rank 3, but must be of rank 1 or 2" },

    { CLSEQ_OP_dropout, "x", { 15 }, "x is (15) f32 of rank 1, but must be of rank 2 or 3" },
    { CLSEQ_OP_dropout, "y", { 3, 5 }, "y is (3, 5) f32, but must be the shape of x = (2, 3, 5)" },
};
/* clang-format on */

struct setup {
    clseq_context *ctx;
    clseq_backend *be;
    struct op_fixture f;
    union clseq_op_any_args args;
};

static void open_setup(void **state, struct setup *s)
{
    *s = (struct setup) { .ctx = *state };
    ASSERT_OK(s->ctx, clseq_backend_open_impl(s->ctx, &clseq_reference_backend, NULL, &s->be));
    op_fixture_open(s->ctx, s->be, &s->f);
}

static void close_setup(struct setup *s)
{
    op_fixture_close(&s->f);
    clseq_backend_close(&s->be);
}

/* Give a tensor another shape in its place, without gaps. */
static void reshape(struct setup *s, enum clseq_op op, const char *field, const int32_t d[3],
                    int rank)
{
    clseq_tensor *x = op_tensor(op, &s->args, field);
    const clseq_dtype dtype = (clseq_dtype)x->dtype;

    *x = rank == 1   ? clseq_tensor_1d(x->buffer, x->offset, dtype, d[0])
         : rank == 2 ? clseq_tensor_2d(x->buffer, x->offset, dtype, d[0], d[1])
                     : clseq_tensor_3d(x->buffer, x->offset, dtype, d[0], d[1], d[2]);
}

static void refused(struct setup *s, enum clseq_op op, clseq_status expected, const char *part)
{
    const clseq_status status = clseq_op_run(s->be, op, &s->args);
    char text[512];

    snprintf(text, sizeof(text), "%s: %s", clseq_op_name(op), part);
    if (status != expected || !strstr(clseq_context_error(s->ctx), text))
        fail_msg("expected %s with \"%s\", got %s: %s", clseq_status_name(expected), text,
                 clseq_status_name(status), status == CLSEQ_OK ? "" : clseq_context_error(s->ctx));
}

static void shapes(void **state)
{
    struct setup s;

    open_setup(state, &s);
    for (size_t i = 0; i < CLSEQ_ARRAY_SIZE(wrong_shapes); i++) {
        const struct wrong_shape *w = &wrong_shapes[i];
        /* An empty row, { 3, 0 }, is the one shape with a zero inside. */
        const int rank = w->dims[2] ? 3 : w->dims[1] || strstr(w->text, ", 0)") ? 2 : 1;

        op_fixture_args(&s.f, w->op, &s.args);
        reshape(&s, w->op, w->field, w->dims, rank);
        refused(&s, w->op, CLSEQ_ERR_SHAPE, w->text);
    }
    close_setup(&s);
}

static void gemm_transposes_and_batches(void **state)
{
    struct setup s;
    struct clseq_gemm_args *g = &s.args.gemm;

    open_setup(state, &s);
    for (int i = 0; i < 8; i++) {
        const bool batched = i & 4;
        const int n = batched ? 3 : 2, from = batched ? 0 : 1;
        int32_t a[4] = { 2, 3, 4 }, b[4] = { 2, 4, 5 }, c[4] = { 2, 3, 5 };

        op_fixture_args(&s.f, CLSEQ_OP_gemm, &s.args);
        g->trans_a = i & 1;
        g->trans_b = i & 2;
        if (g->trans_a) {
            a[1] = 4;
            a[2] = 3;
        }
        if (g->trans_b) {
            b[1] = 5;
            b[2] = 4;
        }
        reshape(&s, CLSEQ_OP_gemm, "a", a + from, n);
        reshape(&s, CLSEQ_OP_gemm, "b", b + from, n);
        reshape(&s, CLSEQ_OP_gemm, "c", c + from, n);
        if (batched) {
            refused(&s, CLSEQ_OP_gemm, CLSEQ_ERR_ARG, "bias must not be there");
            g->bias = (clseq_tensor) { 0 };
        }
        ASSERT_OK(s.ctx, clseq_op_run(s.be, CLSEQ_OP_gemm, &s.args));
        /* One row too many in A, one column too few in A and in B. */
        g->a.dims[n - 2]++;
        refused(&s, CLSEQ_OP_gemm, CLSEQ_ERR_SHAPE, g->trans_a ? "b is" : "a is");
        g->a.dims[n - 2]--;
        g->a.dims[n - 1]--;
        refused(&s, CLSEQ_OP_gemm, CLSEQ_ERR_SHAPE, g->trans_a ? "a is" : "b is");
        g->a.dims[n - 1]++;
        g->b.dims[n - 1]--;
        refused(&s, CLSEQ_OP_gemm, CLSEQ_ERR_SHAPE, "b is");
        g->b.dims[n - 1]++;
        if (batched) {
            g->a.dims[0] = 1;
            refused(&s, CLSEQ_OP_gemm, CLSEQ_ERR_SHAPE,
                    g->trans_a ? "a is (1, 4, 3) f32, but must be (batch, K, M) = (2, 4, 3)"
                               : "a is (1, 3, 4) f32, but must be (batch, M, K) = (2, 3, 4)");
            g->a.dims[0] = 2;
            g->b.dims[0] = 1;
            refused(&s, CLSEQ_OP_gemm, CLSEQ_ERR_SHAPE, "b is (1, ");
        }
    }
    close_setup(&s);
}

static void dense_updates(void **state)
{
    struct setup s;
    const int32_t dense[3] = { OP_V, OP_E }, three[3] = { 1, OP_V, OP_E };

    open_setup(state, &s);
    for (int i = 0; i < CLSEQ_OP_COUNT; i++) {
        const enum clseq_op op = (enum clseq_op)i;

        if (!clseq_op_is_update(op))
            continue;
        op_fixture_args(&s.f, op, &s.args);
        op_tensor(op, &s.args, "index")->buffer = NULL;
        refused(&s, op, CLSEQ_ERR_SHAPE, "g is (3, 6) f32, but must be the shape of w = (7, 6)");
        reshape(&s, op, "g", dense, 2);
        ASSERT_OK(s.ctx, clseq_op_run(s.be, op, &s.args));
        reshape(&s, op, "w", three, 3);
        refused(&s, op, CLSEQ_ERR_SHAPE,
                "w is (1, 7, 6) f32 of rank 3, but must be of rank 1 or 2");
    }
    close_setup(&s);
}

static void optional_tensors_may_be_absent(void **state)
{
    struct setup s;

    open_setup(state, &s);
    op_fixture_args(&s.f, CLSEQ_OP_lstm_cell_fwd, &s.args);
    s.args.lstm_cell_fwd.b_ih.buffer = s.args.lstm_cell_fwd.b_hh.buffer = NULL;
    s.args.lstm_cell_fwd.length.buffer = s.args.lstm_cell_fwd.peephole.buffer = NULL;
    ASSERT_OK(s.ctx, clseq_op_lstm_cell_fwd(s.be, &s.args.lstm_cell_fwd));
    op_fixture_args(&s.f, CLSEQ_OP_lstm_seq_fwd, &s.args);
    s.args.lstm_seq_fwd.b_ih.buffer = s.args.lstm_seq_fwd.b_hh.buffer = NULL;
    s.args.lstm_seq_fwd.length.buffer = s.args.lstm_seq_fwd.peephole.buffer = NULL;
    ASSERT_OK(s.ctx, clseq_op_lstm_seq_fwd(s.be, &s.args.lstm_seq_fwd));
    op_fixture_args(&s.f, CLSEQ_OP_lstm_seq_bwd, &s.args);
    s.args.lstm_seq_bwd.dy.buffer = s.args.lstm_seq_bwd.length.buffer = NULL;
    s.args.lstm_seq_bwd.peephole.buffer = NULL;
    ASSERT_OK(s.ctx, clseq_op_lstm_seq_bwd(s.be, &s.args.lstm_seq_bwd));
    op_fixture_args(&s.f, CLSEQ_OP_gru_seq_fwd, &s.args);
    s.args.gru_seq_fwd.b_ih.buffer = s.args.gru_seq_fwd.b_hh.buffer = NULL;
    s.args.gru_seq_fwd.length.buffer = NULL;
    ASSERT_OK(s.ctx, clseq_op_gru_seq_fwd(s.be, &s.args.gru_seq_fwd));
    op_fixture_args(&s.f, CLSEQ_OP_gru_seq_bwd, &s.args);
    s.args.gru_seq_bwd.dy.buffer = s.args.gru_seq_bwd.length.buffer = NULL;
    ASSERT_OK(s.ctx, clseq_op_gru_seq_bwd(s.be, &s.args.gru_seq_bwd));
    op_fixture_args(&s.f, CLSEQ_OP_rnn_seq_fwd, &s.args);
    s.args.rnn_seq_fwd.b_ih.buffer = s.args.rnn_seq_fwd.b_hh.buffer = NULL;
    s.args.rnn_seq_fwd.length.buffer = NULL;
    ASSERT_OK(s.ctx, clseq_op_rnn_seq_fwd(s.be, &s.args.rnn_seq_fwd));
    op_fixture_args(&s.f, CLSEQ_OP_rnn_seq_bwd, &s.args);
    s.args.rnn_seq_bwd.dy.buffer = s.args.rnn_seq_bwd.length.buffer = NULL;
    ASSERT_OK(s.ctx, clseq_op_rnn_seq_bwd(s.be, &s.args.rnn_seq_bwd));
    op_fixture_args(&s.f, CLSEQ_OP_masked_softmax_fwd, &s.args);
    s.args.masked_softmax_fwd.length.buffer = NULL;
    ASSERT_OK(s.ctx, clseq_op_masked_softmax_fwd(s.be, &s.args.masked_softmax_fwd));
    op_fixture_args(&s.f, CLSEQ_OP_additive_score_fwd, &s.args);
    s.args.additive_score_fwd.length.buffer = NULL;
    ASSERT_OK(s.ctx, clseq_op_additive_score_fwd(s.be, &s.args.additive_score_fwd));
    op_fixture_args(&s.f, CLSEQ_OP_additive_score_bwd, &s.args);
    s.args.additive_score_bwd.length.buffer = NULL;
    ASSERT_OK(s.ctx, clseq_op_additive_score_bwd(s.be, &s.args.additive_score_bwd));
    close_setup(&s);
}

/* Set one scalar of valid arguments and expect the refusal. */
#define REFUSED_SCALAR(s, op, member, value, text)                                                 \
    do {                                                                                           \
        op_fixture_args(&(s).f, CLSEQ_OP_##op, &(s).args);                                         \
        (s).args.op.member = value;                                                                \
        refused(&(s), CLSEQ_OP_##op, CLSEQ_ERR_ARG, text);                                         \
    } while (0)

static void scalars(void **state)
{
    const double nan = (double)NAN, inf = HUGE_VAL;
    const float nanf_ = NAN, inff_ = HUGE_VALF;
    struct setup s;

    open_setup(state, &s);
    REFUSED_SCALAR(s, gemm, alpha, nan, "alpha is nan, but must be finite");
    REFUSED_SCALAR(s, gemm, beta, inf, "beta is inf, but must be finite");
    REFUSED_SCALAR(s, axpby, alpha, inf, "alpha is inf, but must be finite");
    REFUSED_SCALAR(s, axpby, beta, nan, "beta is nan, but must be finite");
    REFUSED_SCALAR(s, sum, beta, nan, "beta is nan, but must be finite");
    REFUSED_SCALAR(s, sum_squares, beta, nan, "beta is nan, but must be finite");
    REFUSED_SCALAR(s, col_sums, beta, -inf, "beta is -inf, but must be finite");
    REFUSED_SCALAR(s, col_dots, beta, nan, "beta is nan, but must be finite");
    REFUSED_SCALAR(s, keep_target, first, -1, "first is -1, but must be at least 0");
    REFUSED_SCALAR(s, lstm_cell_fwd, t, -1, "t is -1, but must be at least 0");
    REFUSED_SCALAR(s, lstm_cell_bwd, t, -1, "t is -1, but must be at least 0");
    REFUSED_SCALAR(s, gru_cell_fwd, t, -1, "t is -1, but must be at least 0");
    REFUSED_SCALAR(s, gru_cell_bwd, t, -1, "t is -1, but must be at least 0");
    REFUSED_SCALAR(s, rnn_cell_fwd, t, -1, "t is -1, but must be at least 0");
    REFUSED_SCALAR(s, rnn_cell_bwd, t, -1, "t is -1, but must be at least 0");
    REFUSED_SCALAR(s, sigmoid_xent_bwd, scale, nan, "scale is nan, but must be finite");
    REFUSED_SCALAR(s, softmax_xent_bwd, scale, nan, "scale is nan, but must be finite");
    REFUSED_SCALAR(s, softmax_xent, scale, nan, "scale is nan, but must be finite");
    REFUSED_SCALAR(s, beam_advance, beam, 0, "beam is 0, but must be 1 to 64");
    REFUSED_SCALAR(s, beam_advance, beam, CLSEQ_TOPK_MAX + 1, "beam is 65, but must be 1 to 64");
    REFUSED_SCALAR(s, beam_advance, eos, -1, "eos is -1, but must be at least 0");
    REFUSED_SCALAR(s, clip_scale, max_norm, nan, "max_norm is nan, but must be a number");
    REFUSED_SCALAR(s, clip_scale, scale, 0, "scale is 0, but must be finite and above 0");
    REFUSED_SCALAR(s, sgd_update, lr, inf, "lr is inf, but must be finite");
    REFUSED_SCALAR(s, adam_update, step_size, nan, "step_size is nan, but must be finite");
    REFUSED_SCALAR(s, adam_update, beta1, 1, "beta1 is 1, but must be in [0, 1)");
    REFUSED_SCALAR(s, adam_update, beta2, -0.5, "beta2 is -0.5, but must be in [0, 1)");
    REFUSED_SCALAR(s, adam_update, inv_sqrt_bias2, 0,
                   "inv_sqrt_bias2 is 0, but must be finite and above 0");
    REFUSED_SCALAR(s, adam_update, eps, -1, "eps is -1, but must be finite and at least 0");
    REFUSED_SCALAR(s, adam_update, decay, -1, "decay is -1, but must be finite and at least 0");
    REFUSED_SCALAR(s, adam_update, shrink, nan, "shrink is nan, but must be finite and at least 0");
    REFUSED_SCALAR(s, sgd_update, decay, inf, "decay is inf, but must be finite and at least 0");
    REFUSED_SCALAR(s, momentum_update, lr, nan, "lr is nan, but must be finite");
    REFUSED_SCALAR(s, momentum_update, momentum, 1, "momentum is 1, but must be in [0, 1)");
    REFUSED_SCALAR(s, momentum_update, decay, -1, "decay is -1, but must be finite and at least 0");
    REFUSED_SCALAR(s, adagrad_update, lr, inf, "lr is inf, but must be finite");
    REFUSED_SCALAR(s, adagrad_update, eps, 0, "eps is 0, but must be finite and at least 2^-126");
    REFUSED_SCALAR(s, adagrad_update, decay, -1, "decay is -1, but must be finite and at least 0");
    REFUSED_SCALAR(s, adadelta_update, lr, inf, "lr is inf, but must be finite");
    REFUSED_SCALAR(s, adadelta_update, rho, 1, "rho is 1, but must be in [0, 1)");
    REFUSED_SCALAR(s, adadelta_update, eps, 1e-40,
                   "eps is 1e-40, but must be finite and at least 2^-126");
    REFUSED_SCALAR(s, rmsprop_update, lr, inf, "lr is inf, but must be finite");
    REFUSED_SCALAR(s, rmsprop_update, rho, -1, "rho is -1, but must be in [0, 1)");
    REFUSED_SCALAR(s, rmsprop_update, eps, nan,
                   "eps is nan, but must be finite and at least 2^-126");
    REFUSED_SCALAR(s, rmsprop_update, decay, nan,
                   "decay is nan, but must be finite and at least 0");
    REFUSED_SCALAR(s, uniform, low, nanf_, "low is nan, but must be finite");
    REFUSED_SCALAR(s, uniform, high, inff_, "high is inf, but must be finite");
    REFUSED_SCALAR(s, uniform, low, 2, "low is 2, but must be at most high");
    REFUSED_SCALAR(s, normal, mean, inff_, "mean is inf, but must be finite");
    REFUSED_SCALAR(s, normal, std, -1, "std is -1, but must be finite and at least 0");
    REFUSED_SCALAR(s, softmax_xent_fwd, smoothing, 1, "smoothing is 1, but must be in [0, 1)");
    REFUSED_SCALAR(s, softmax_xent_fwd, smoothing, nan, "smoothing is nan, but must be in [0, 1)");
    REFUSED_SCALAR(s, softmax_xent, smoothing, 1, "smoothing is 1, but must be in [0, 1)");
    REFUSED_SCALAR(s, softmax_xent_bwd, smoothing, -0.1,
                   "smoothing is -0.1, but must be in [0, 1)");
    REFUSED_SCALAR(s, additive_score_bwd, beta, nan, "beta is nan, but must be finite");
    REFUSED_SCALAR(s, log_mix, weight, 0, "weight is 0, but must be in (0, 1)");
    REFUSED_SCALAR(s, log_mix, weight, 1, "weight is 1, but must be in (0, 1)");
    REFUSED_SCALAR(s, log_mix, weight, nan, "weight is nan, but must be in (0, 1)");
    REFUSED_SCALAR(s, sample, temperature, 0, "temperature is 0, but must be above 0");
    REFUSED_SCALAR(s, sample, temperature, 1e-60, "temperature is 1e-60, but must be above 0");
    REFUSED_SCALAR(s, sample, temperature, nan, "temperature is nan, but must be above 0");
    REFUSED_SCALAR(s, sample, top_k, -1, "top_k is -1, but must be at least 0");
    REFUSED_SCALAR(s, sample, top_p, 0, "top_p is 0, but must be in (0, 1]");
    REFUSED_SCALAR(s, sample, top_p, 1.5, "top_p is 1.5, but must be in (0, 1]");
    REFUSED_SCALAR(s, dropout, p, nan, "p is nan, but must be in [0, 1)");
    REFUSED_SCALAR(s, dropout, p, -0.1, "p is -0.1, but must be in [0, 1)");
    REFUSED_SCALAR(s, dropout, p, 1 - 1e-9, "p is 1, but must be in [0, 1)"); /* 1 as a float */
    op_fixture_args(&s.f, CLSEQ_OP_dropout, &s.args);
    s.args.dropout.same_over_time = true;
    ASSERT_OK(s.ctx, clseq_op_dropout(s.be, &s.args.dropout));
    reshape(&s, CLSEQ_OP_dropout, "x", (const int32_t[3]) { 6, 5 }, 2);
    reshape(&s, CLSEQ_OP_dropout, "y", (const int32_t[3]) { 6, 5 }, 2);
    refused(&s, CLSEQ_OP_dropout, CLSEQ_ERR_ARG, "same_over_time is 1, but must be 0 (false)");
    close_setup(&s);
}

static void integers_and_types(void **state)
{
    struct setup s;
    const int32_t shape[3] = { 2, 3, 5 };

    open_setup(state, &s);
    op_fixture_args(&s.f, CLSEQ_OP_fill, &s.args);
    s.args.fill.dst = clseq_tensor_1d(s.f.indices, 0, CLSEQ_I32, 4);
    refused(&s, CLSEQ_OP_fill, CLSEQ_ERR_ARG, "value is 1.5, but must be a 32-bit integer");
    s.args.fill.value = 3e9;
    refused(&s, CLSEQ_OP_fill, CLSEQ_ERR_ARG, "value is 3e+09, but must be a 32-bit integer");
    s.args.fill.value = (double)NAN;
    refused(&s, CLSEQ_OP_fill, CLSEQ_ERR_ARG, "value is nan, but must be a 32-bit integer");
    s.args.fill.value = INT32_MIN;
    ASSERT_OK(s.ctx, clseq_op_fill(s.be, &s.args.fill));
    op_fixture_args(&s.f, CLSEQ_OP_copy, &s.args);
    s.args.copy.dst = clseq_tensor_3d(s.f.indices, 0, CLSEQ_I32, shape[0], shape[1], shape[2]);
    refused(&s, CLSEQ_OP_copy, CLSEQ_ERR_ARG,
            "src is (2, 3, 5) f32 and dst is (2, 3, 5) i32; copy does not convert");
    close_setup(&s);
}

/* K larger than CLSEQ_TOPK_MAX needs a row that long. */
static void topk_limits(void **state)
{
    struct setup s;
    const int32_t row[3] = { 1, 100 }, many[3] = { 1, CLSEQ_TOPK_MAX + 1 };

    open_setup(state, &s);
    op_fixture_args(&s.f, CLSEQ_OP_topk, &s.args);
    reshape(&s, CLSEQ_OP_topk, "x", row, 2);
    reshape(&s, CLSEQ_OP_topk, "value", many, 2);
    reshape(&s, CLSEQ_OP_topk, "index", many, 2);
    refused(&s, CLSEQ_OP_topk, CLSEQ_ERR_SHAPE, "value is (1, 65) f32, but K must be 1 to 64");
    s.args.topk.value.dims[1] = s.args.topk.index.dims[1] = 0;
    refused(&s, CLSEQ_OP_topk, CLSEQ_ERR_SHAPE, "value is (1, 0) f32, but K must be 1 to 64");
    s.args.topk.value.dims[1] = s.args.topk.index.dims[1] = CLSEQ_TOPK_MAX;
    ASSERT_OK(s.ctx, clseq_op_topk(s.be, &s.args.topk));
    close_setup(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(shapes),        cmocka_unit_test(gemm_transposes_and_batches),
        cmocka_unit_test(dense_updates), cmocka_unit_test(optional_tensors_may_be_absent),
        cmocka_unit_test(scalars),       cmocka_unit_test(integers_and_types),
        cmocka_unit_test(topk_limits),
    };

    return cmocka_run_group_tests_name("ops_shapes", tests, unit_context_create,
                                       unit_context_destroy);
}
