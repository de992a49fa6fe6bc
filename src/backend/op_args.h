/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The contract of every operation: one argument struct each, whose comment says
 * the formula, the shapes, what may alias and what an empty size means.
 *
 * Common rules
 * - Letters as everywhere: T time, B batch, H hidden, E embedding, V vocabulary,
 *   M rows, N columns, K beam or candidates.
 * - "real" is f32, or f64 on the test oracle; indices are i32. Last strides are
 *   1, other strides free (at least the row length).
 * - An output may be the same view as an input only where the comment says so;
 *   no other overlap. Outputs are written completely. Inputs are unchanged.
 * - A dimension of 0 is allowed unless stated; an op with empty outputs does
 *   nothing. beta == 0 means the old output is not read, so it may hold NaN.
 * - Calls are queued in order and may return before the work is done.
 * - Backward writes activation gradients and, through beta = 1 in gemm,
 *   col_sums and col_dots, adds to parameter gradients.
 * - Arithmetic: no fused multiply-add outside gemm, no fast-math, no flush of
 *   results that matter; every reduction has a fixed order.
 */
#ifndef CLSEQ_OP_ARGS_H
#define CLSEQ_OP_ARGS_H

#include "tensor/tensor.h"

/* dst = src. Shapes equal, rank 1 to 3, any dtype (the same). */
struct clseq_copy_args {
    clseq_tensor src; /* in */
    clseq_tensor dst; /* out */
};

/* dst = value everywhere. Rank 1 to 3. f32: rounded to nearest; i32: value is an integer. */
struct clseq_fill_args {
    clseq_tensor dst; /* out */
    double value;
};

/* C = alpha op(A) op(B) + beta C (+ bias, a vector added to every row), op(X) = X or its transpose.
 *   op(A) (M, K), op(B) (K, N), C (M, N), bias (N); stored A is (M, K), or (K, M) when trans_a, and
 *   so on. All rank 2, or all but bias, which must not be there then, rank 3 with the same dims[0]:
 *   a strided batch of products.
 *   K = 0 gives beta C (+ bias). Products are formed and summed in f32 or better; the order of the
 *   sum is the provider's, but fixed for a shape. fma allowed.
 *   Every element of A and B counts as rounded to the backend's precision (precision.h), C and the
 *   sums do not. bf16 is exact; tf32 may keep more bits, or round ties and others away from the
 *   nearest, as tensor units do: within an ulp of 10 bits. Such a unit may count subnormal factors
 *   as 0. The products inside other operations (h W_hh^T of sequences) are products like these.
 *   With beta == 0 C is not read. */
struct clseq_gemm_args {
    clseq_tensor a, b; /* in, real */
    clseq_tensor c;    /* in (beta != 0) and out, real */
    clseq_tensor bias; /* in, real, optional */
    bool trans_a, trans_b;
    double alpha, beta;
};

/* y = x + b0 (+ b1), the same vector added to every row.
 *   x, y (M, N); b0, b1 (N); b1 optional. y may be the same view as x. */
struct clseq_bias_add_args {
    clseq_tensor x, b0; /* in */
    clseq_tensor b1;    /* in, optional */
    clseq_tensor y;     /* out */
};

/* y = alpha x + beta y. Shapes equal, rank 1 or 2. With beta == 0 y is not read. */
struct clseq_axpby_args {
    clseq_tensor x; /* in */
    clseq_tensor y; /* in (beta != 0) and out */
    double alpha, beta;
};

/* y = tanh(x). Shapes equal, rank 1 to 3. y may be x. */
struct clseq_tanh_fwd_args {
    clseq_tensor x; /* in */
    clseq_tensor y; /* out */
};

/* Backward of tanh_fwd: dx = dy (1 - y^2). Shapes equal, rank 1 to 3. dx may be dy. */
struct clseq_tanh_bwd_args {
    clseq_tensor y, dy; /* in */
    clseq_tensor dx;    /* out */
};

/* y[0] = sum of all x + beta y[0]. x rank 1 or 2; y (1). Empty x counts as 0. */
struct clseq_sum_args {
    clseq_tensor x; /* in */
    clseq_tensor y; /* in (beta != 0) and out */
    double beta;
};

/* y[0] = sum of all x^2 + beta y[0]. As sum. */
struct clseq_sum_squares_args {
    clseq_tensor x; /* in */
    clseq_tensor y; /* in (beta != 0) and out */
    double beta;
};

/* y[n] = sum over m of x[m][n], plus beta y[n]. x (M, N), y (N). M = 0 gives beta y. */
struct clseq_col_sums_args {
    clseq_tensor x; /* in */
    clseq_tensor y; /* in (beta != 0) and out */
    double beta;
};

/* y[n] = sum over m of x[m][n] z[m][n], plus beta y[n]. x, z (M, N), y (N). M = 0 gives beta y.
 * The gradient of a weight that multiplies element by element, as those of an LSTM's peepholes. */
struct clseq_col_dots_args {
    clseq_tensor x, z; /* in */
    clseq_tensor y;    /* in (beta != 0) and out */
    double beta;
};

/* index[m] = position of the largest x[m][n]; the lowest position on a tie; -1 when the row holds a
 * NaN, so that a broken model is noticed. x (M, N) with N >= 1, index (M) i32. */
struct clseq_argmax_args {
    clseq_tensor x;     /* in */
    clseq_tensor index; /* out, i32 */
};

/* index[m] = argmax over n of c[m][n], where c = a b^T + bias on every row: gemm and argmax in one,
 * and index is what these two would give. Of c not even that much is known afterwards: it is
 * memory to work in. A backend that finds the largest without making all products as gemm does
 * must prove that it is the one that gemm would make the largest. a (M, K), b (N, K), bias (N),
 * c (M, N) with N >= 1, index (M) i32. */
struct clseq_gemm_argmax_args {
    clseq_tensor a, b;  /* in */
    clseq_tensor bias;  /* in, optional */
    clseq_tensor c;     /* undefined afterwards */
    clseq_tensor index; /* out, i32 */
};

#define CLSEQ_TOPK_MAX 64

/* The K largest of each row in descending order, ties by lower position. A row with a NaN gives
 * index -1 and value NaN throughout. x (M, N), value (M, K), index (M, K) i32;
 * 1 <= K <= CLSEQ_TOPK_MAX, K <= N. */
struct clseq_topk_args {
    clseq_tensor x;     /* in */
    clseq_tensor value; /* out */
    clseq_tensor index; /* out, i32 */
};

/* dst[m] = src[index[m]]: embedding look-up and beam reordering.
 *   src (V, N), index (M), dst (M, N). index -1 gives a row of zeros (padding); any other value
 *   outside [0, V) gives a row of NaN, so that it cannot pass unseen. */
struct clseq_row_gather_args {
    clseq_tensor src;   /* in */
    clseq_tensor index; /* in, i32 */
    clseq_tensor dst;   /* out */
};

/* dst[index[m]] = src[m]; rows of dst that are not named keep their value.
 *   src (M, N), index (M), dst (V, N). Indices are distinct; values outside [0, V) are skipped. */
struct clseq_row_scatter_args {
    clseq_tensor src;   /* in */
    clseq_tensor index; /* in, i32 */
    clseq_tensor dst;   /* in and out */
};

/* y[m][n] = x[m][n] where first + n == target[m], -infinity everywhere else.
 *   x, y (M, N); target (M) i32, of any value
 * Of a batch's own words that sampled softmax did not draw (nn/output_layer.h), which are columns
 * from `first` on, a row keeps its target alone: the others are no negatives of it. The gradient
 * needs no operation: behind -infinity that of a softmax is 0. A NaN that is kept comes through.
 * y may be x. */
struct clseq_keep_target_args {
    clseq_tensor x;      /* in */
    clseq_tensor target; /* in, i32 */
    clseq_tensor y;      /* out */
    int32_t first;       /* number of x's first column, at least 0 */
};

/* Row-sparse scatter-add: the gradient of an embedding table, one row per distinct token.
 *   drow[u] = sum of dy[order[p]] for p in [start[u], start[u + 1]), in that order.
 *   dy (M, E), order (P), start (U + 1) ascending with start[U] <= P, drow (U, E).
 * The host sorts the tokens (data/batch.h), so each row has one owner and the order is fixed.
 * Entries of order outside [0, M) are skipped. */
struct clseq_embedding_bwd_args {
    clseq_tensor dy;           /* in */
    clseq_tensor order, start; /* in, i32 */
    clseq_tensor drow;         /* out */
};

/* One LSTM time step after the matrix products (torch.nn.LSTM's equations).
 *   pre (B, 4H)   x W_ih^T + h_prev W_hh^T, blocks in the order i, f, g, o
 *   b_ih, b_hh (4H)   added to pre; optional together
 *   length (B) i32    valid steps of each row; optional (all rows live)
 *   act (B, 4H)   sigmoid(i), sigmoid(f), tanh(g), sigmoid(o), kept for the backward pass
 *   c (B, H)      f c_prev + i g
 *   h (B, H)      o tanh(c)
 *   peephole (3, H)   rows w_ci, w_cf, w_co (Gers and Schmidhuber 2000; diagonal as in Graves
 *                 2013); optional: the gates i and f get w c_prev added, o gets w_co c
 * Rows with t >= length[b] keep their state: c = c_prev, h = h_prev, act = 0.
 * act may be pre; c may be c_prev; h may be h_prev. */
struct clseq_lstm_cell_fwd_args {
    clseq_tensor pre, c_prev, h_prev; /* in */
    clseq_tensor b_ih, b_hh, length;  /* in, optional */
    clseq_tensor act, c, h;           /* out */
    clseq_tensor peephole;            /* in, optional */
    int32_t t;                        /* time step, from 0 */
};

/* Backward of lstm_cell_fwd.
 *   act, c_prev, c, length, peephole, t   as there
 *   dh (B, H)    gradient of h from the next step
 *   dy (B, H)    gradient of h from the layer above; optional; total = dh + dy
 *   dc (B, H)    gradient of c from the next step
 *   dpre (B, 4H)     gradient of pre
 *   dh_prev (B, H)   the part that does not go through pre: 0 for live rows, total for rows that
 *                    keep their state. The caller adds dpre W_hh.
 *   dc_prev (B, H)   gradient of c_prev
 * The gradients of the peepholes are col_dots over all rows and steps, made by the caller: of the
 * blocks i and f of dpre with c_prev, and of block o with c.
 * Rows with t >= length[b]: dpre = 0, dh_prev = total, dc_prev = dc.
 * dpre may be act; dh_prev may be dh; dc_prev may be dc. */
struct clseq_lstm_cell_bwd_args {
    clseq_tensor act, c_prev, c, dh, dc; /* in */
    clseq_tensor dy, length;             /* in, optional */
    clseq_tensor dpre, dh_prev, dc_prev; /* out */
    clseq_tensor peephole;               /* in, optional */
    int32_t t;
};

/* All steps of one LSTM layer. For t = 0 .. T-1:
 *   gates[t] += h[t-1] W_hh^T, then lstm_cell_fwd in place; h[-1] = h0, c[-1] = c0.
 *   gates (T, B, 4H)   in: x W_ih^T of every step; out: act of every step
 *   w_hh (4H, H); b_ih, b_hh (4H) optional together; length (B) optional; h0, c0 (B, H)
 *   peephole (3, H) optional
 *   h, c (T, B, H)     after the last step h[T-1], c[T-1] are the final state of every row
 * T = 0 does nothing. No aliases. */
struct clseq_lstm_seq_fwd_args {
    clseq_tensor w_hh, h0, c0;       /* in */
    clseq_tensor b_ih, b_hh, length; /* in, optional */
    clseq_tensor gates;              /* in and out */
    clseq_tensor h, c;               /* out */
    clseq_tensor peephole;           /* in, optional */
};

/* Backward of lstm_seq_fwd. For t = T-1 .. 0: lstm_cell_bwd in place, then dh += dpre W_hh.
 *   gates (T, B, 4H)   in: act; out: dpre of every step (the gradients of W_ih, W_hh and the biases
 *                      are products over all steps, made by the caller)
 *   w_hh (4H, H), c0 (B, H), c (T, B, H), length and peephole (3, H) optional
 *   dy (T, B, H)       gradient of every h from above; optional
 *   dh, dc (B, H)      in: gradient of the final state; out: of h0, c0
 * No aliases. */
struct clseq_lstm_seq_bwd_args {
    clseq_tensor w_hh, c0, c; /* in */
    clseq_tensor dy, length;  /* in, optional */
    clseq_tensor gates;       /* in and out */
    clseq_tensor dh, dc;      /* in and out */
    clseq_tensor peephole;    /* in, optional */
};

/* One GRU time step after the matrix products (torch.nn.GRU's equations, gate order r, z, n;
 * Cho et al. 2014 with the reset gate behind the product, as cuDNN has it).
 *   pre (B, 3H)    blocks r, z: x W_ih^T + h_prev W_hh^T; block n: x W_in^T only
 *   pre_n (B, H)   h_prev W_hn^T
 *   b_ih, b_hh (3H)   optional together
 *   length (B) i32    valid steps of each row; optional (all rows live)
 *   hn (B, H)      pre_n + b_hn, kept for the backward pass
 *   act (B, 3H)    r = sigmoid(pre_r + b_ir + b_hr), z likewise, n = tanh(pre_in + b_in + r hn),
 *                  kept for the backward pass
 *   h (B, H)       (1 - z) n + z h_prev
 * Rows with t >= length[b] keep their state: h = h_prev, act = 0, hn = 0.
 * act may be pre; hn may be pre_n; h may be h_prev. */
struct clseq_gru_cell_fwd_args {
    clseq_tensor pre, pre_n, h_prev; /* in */
    clseq_tensor b_ih, b_hh, length; /* in, optional */
    clseq_tensor act, hn, h;         /* out */
    int32_t t;                       /* time step, from 0 */
};

/* Backward of gru_cell_fwd.
 *   act, hn, h_prev, length, t   as there
 *   dh (B, H)       gradient of h from the next step
 *   dy (B, H)       gradient of h from the layer above; optional; total = dh + dy
 *   dpre (B, 3H)    gradients of the three pre-activations, a_r, a_z, a_n
 *   dhn (B, H)      gradient of hn: that of a_n times r
 *   dh_prev (B, H)  the part that does not go through the products: total z for live rows, total
 *                   for rows that keep their state. The caller adds dpre[:, 0:2H] W_hh[0:2H] and
 *                   dhn W_hh[2H:3H].
 * b_ih has the gradient dpre summed over rows, b_hh that of (dpre[:, 0:2H], dhn).
 * Rows with t >= length[b]: dpre = 0, dhn = 0, dh_prev = total.
 * dpre may be act; dhn may be hn; dh_prev may be dh. */
struct clseq_gru_cell_bwd_args {
    clseq_tensor act, hn, h_prev, dh; /* in */
    clseq_tensor dy, length;          /* in, optional */
    clseq_tensor dpre, dhn, dh_prev;  /* out */
    int32_t t;
};

/* All steps of one GRU layer. For t = 0 .. T-1:
 *   gates[t][:, 0:2H] += h[t-1] W_hh[0:2H]^T, hn[t] = h[t-1] W_hh[2H:3H]^T, then gru_cell_fwd in
 *   place; h[-1] = h0.
 *   gates (T, B, 3H)   in: x W_ih^T of every step; out: act of every step
 *   hn (T, B, H)       out: hn of every step
 *   w_hh (3H, H); b_ih, b_hh (3H) optional together; length (B) optional; h0 (B, H)
 *   h (T, B, H)        after the last step h[T-1] is the final state of every row
 * T = 0 does nothing. No aliases. */
struct clseq_gru_seq_fwd_args {
    clseq_tensor w_hh, h0;           /* in */
    clseq_tensor b_ih, b_hh, length; /* in, optional */
    clseq_tensor gates;              /* in and out */
    clseq_tensor hn, h;              /* out */
};

/* Backward of gru_seq_fwd. For t = T-1 .. 0: gru_cell_bwd in place, then
 *   dh += dpre[:, 0:2H] W_hh[0:2H] + dhn W_hh[2H:3H].
 *   gates (T, B, 3H)   in: act; out: dpre of every step
 *   hn (T, B, H)       in: hn; out: dhn of every step (the gradients of the weights and biases are
 *                      products over all steps, made by the caller)
 *   w_hh (3H, H), h0 (B, H), h (T, B, H), length optional
 *   dy (T, B, H)       gradient of every h from above; optional
 *   dh (B, H)          in: gradient of the final state; out: of h0
 * No aliases. */
struct clseq_gru_seq_bwd_args {
    clseq_tensor w_hh, h0, h; /* in */
    clseq_tensor dy, length;  /* in, optional */
    clseq_tensor gates, hn;   /* in and out */
    clseq_tensor dh;          /* in and out */
};

/* One step of a plain recurrent layer after the matrix products (torch.nn.RNN with tanh; Elman
 * 1990).
 *   pre (B, H)    x W_ih^T + h_prev W_hh^T
 *   b_ih, b_hh (H)    optional together
 *   length (B) i32    valid steps of each row; optional (all rows live)
 *   h (B, H)      tanh(pre + b_ih + b_hh)
 *   act (B, H)    h of live rows, kept for the backward pass
 * Rows with t >= length[b] keep their state: h = h_prev, act = 0.
 * act may be pre; h may be h_prev. */
struct clseq_rnn_cell_fwd_args {
    clseq_tensor pre, h_prev;        /* in */
    clseq_tensor b_ih, b_hh, length; /* in, optional */
    clseq_tensor act, h;             /* out */
    int32_t t;                       /* time step, from 0 */
};

/* Backward of rnn_cell_fwd.
 *   act, length, t   as there
 *   dh (B, H)    gradient of h from the next step
 *   dy (B, H)    gradient of h from the layer above; optional; total = dh + dy
 *   dpre (B, H)  (1 - act^2) total
 *   dh_prev (B, H)   the part that does not go through pre: 0 for live rows, total for rows that
 *                    keep their state. The caller adds dpre W_hh.
 * Rows with t >= length[b]: dpre = 0, dh_prev = total.
 * dpre may be act; dh_prev may be dh. */
struct clseq_rnn_cell_bwd_args {
    clseq_tensor act, dh;       /* in */
    clseq_tensor dy, length;    /* in, optional */
    clseq_tensor dpre, dh_prev; /* out */
    int32_t t;
};

/* All steps of one plain recurrent layer. For t = 0 .. T-1:
 *   gates[t] += h[t-1] W_hh^T, then rnn_cell_fwd in place; h[-1] = h0.
 *   gates (T, B, H)    in: x W_ih^T of every step; out: act of every step
 *   w_hh (H, H); b_ih, b_hh (H) optional together; length (B) optional; h0 (B, H)
 *   h (T, B, H)        after the last step h[T-1] is the final state of every row
 * T = 0 does nothing. No aliases. */
struct clseq_rnn_seq_fwd_args {
    clseq_tensor w_hh, h0;           /* in */
    clseq_tensor b_ih, b_hh, length; /* in, optional */
    clseq_tensor gates;              /* in and out */
    clseq_tensor h;                  /* out */
};

/* Backward of rnn_seq_fwd. For t = T-1 .. 0: rnn_cell_bwd in place, then dh += dpre W_hh.
 *   gates (T, B, H)    in: act; out: dpre of every step (the gradients of W_ih, W_hh and the biases
 *                      are products over all steps, made by the caller)
 *   w_hh (H, H), length optional
 *   dy (T, B, H)       gradient of every h from above; optional
 *   dh (B, H)          in: gradient of the final state; out: of h0
 * No aliases. */
struct clseq_rnn_seq_bwd_args {
    clseq_tensor w_hh;       /* in */
    clseq_tensor dy, length; /* in, optional */
    clseq_tensor gates;      /* in and out */
    clseq_tensor dh;         /* in and out */
};

/* Masked softmax cross-entropy of a chunk of rows, with label smoothing e = smoothing (Szegedy et
 * al. 2016): e of the target's probability is spread evenly over the V words.
 *   lse[m] = log sum over v of exp(logits[m][v]), computed after subtracting the row's maximum
 *   loss[m] = lse[m] - (1 - e) logits[m][target[m]] - e mean over v of logits[m][v]; 0 when
 *   target[m] is -1 (masked), NaN for any other target outside [0, V)
 *   logits (M, V) with V >= 1, target (M) i32 optional (then loss = 0), loss (M), lse (M)
 * 0 <= e < 1; with e = 0 the mean is not formed, so that -infinity may stand for a word. */
struct clseq_softmax_xent_fwd_args {
    clseq_tensor logits;    /* in */
    clseq_tensor target;    /* in, i32, optional */
    clseq_tensor loss, lse; /* out */
    double smoothing;       /* e */
};

/* Backward of softmax_xent_fwd:
 *   dlogits[m][v] = scale (exp(logits[m][v] - lse[m]) - (1 - e) [v = target[m]] - e / V)
 * 0 for masked rows. dlogits may be logits. */
struct clseq_softmax_xent_bwd_args {
    clseq_tensor logits, target, lse; /* in */
    clseq_tensor dlogits;             /* out */
    double scale, smoothing;          /* smoothing: e */
};

/* softmax_xent_fwd and softmax_xent_bwd in one, for training: loss, lse and dlogits as these two
 * give them from the same logits. target is needed. dlogits may be logits. */
struct clseq_softmax_xent_args {
    clseq_tensor logits;     /* in */
    clseq_tensor target;     /* in, i32 */
    clseq_tensor loss, lse;  /* out */
    clseq_tensor dlogits;    /* out */
    double scale, smoothing; /* smoothing: e */
};

/* Every column of a row as a question of its own, is it the target, answered with the probability
 * sigmoid(logits[m][v]): the loss of noise-contrastive estimation (Gutmann and Hyvarinen 2010; Mnih
 * and Teh 2012) once the logits are corrected.
 *   loss[m] = sum over v of log(1 + exp(logits[m][v])), minus logits[m][target[m]]; 0 when
 *   target[m] is -1 (masked), NaN for any other target outside [0, V)
 *   logits (M, V) with V >= 1, target (M) i32, loss (M)
 * -infinity adds 0. */
struct clseq_sigmoid_xent_fwd_args {
    clseq_tensor logits; /* in */
    clseq_tensor target; /* in, i32 */
    clseq_tensor loss;   /* out */
};

/* Backward of sigmoid_xent_fwd:
 *   dlogits[m][v] = scale (sigmoid(logits[m][v]) - [v = target[m]])
 * 0 for masked rows. dlogits may be logits. */
struct clseq_sigmoid_xent_bwd_args {
    clseq_tensor logits, target; /* in */
    clseq_tensor dlogits;        /* out */
    double scale;
};

/* Softmax over the words of a source sentence: the weights of attention.
 *   y[b][t][s] = exp(x[b][t][s] - max) / sum over s < length[b] of exp(x[b][t][s] - max), max being
 *   the largest of these; 0 for s >= length[b], where x is not used
 *   x, y (B, T, S); length (B) i32 optional (all S words count), values above S count as S. A
 *   sentence of length 0 or less gives zeros. A NaN makes its row NaN, and so does +infinity, or
 *   nothing but -infinity.
 * y may be x. */
struct clseq_masked_softmax_fwd_args {
    clseq_tensor x;      /* in */
    clseq_tensor length; /* in, i32, optional */
    clseq_tensor y;      /* out */
};

/* Backward of masked_softmax_fwd: dx = y (dy - sum over s of y dy), row by row. Where y is 0, as
 * behind the end of a sentence, dx is 0; dy must be finite there too. y, dy, dx (B, T, S). dx may
 * be dy. */
struct clseq_masked_softmax_bwd_args {
    clseq_tensor y, dy; /* in */
    clseq_tensor dx;    /* out */
};

/* Scores of additive attention (Bahdanau et al. 2015, section A.1.2), after the products:
 *   score[b][t][s] = sum over a of v[a] tanh(q[t][b][a] + k[s][b][a]); 0 for s >= length[b], where
 *   k is not used
 *   q (T, B, A)   the decoder's states, projected; k (S, B, A) the encoder's, projected
 *   v (A); length (B) i32 optional, as in masked_softmax_fwd; score (B, T, S) */
struct clseq_additive_score_fwd_args {
    clseq_tensor q, k, v; /* in */
    clseq_tensor length;  /* in, i32, optional */
    clseq_tensor score;   /* out */
};

/* Backward of additive_score_fwd; q, k, v, length as there. With th = tanh(q[t][b][a] + k[s][b][a])
 * and sums over s < length[b] only (dscore is not used behind it):
 *   dq[t][b][a] = v[a] sum over s of dscore[b][t][s] (1 - th^2)
 *   dk[s][b][a] = v[a] sum over t of dscore[b][t][s] (1 - th^2), plus beta dk
 *   dv[a] = sum over b, t, s of dscore[b][t][s] th, plus beta dv
 * The tanh is computed again: nothing of size T S B A is kept. With beta == 0 dk and dv are not
 * read. No aliases. */
struct clseq_additive_score_bwd_args {
    clseq_tensor dscore, q, k, v; /* in */
    clseq_tensor length;          /* in, i32, optional */
    clseq_tensor dq;              /* out */
    clseq_tensor dk, dv;          /* in (beta != 0) and out */
    double beta;
};

/* One step of beam search for every sentence (Sutskever et al. 2014, section 3.2).
 *   value, index (B K, K)  topk of the logits of each hypothesis; lse (B K) of each row
 *   score (B K)            log-probability so far; -infinity marks a slot that is not in use
 *   token (B K) i32        last word of each hypothesis; eos when finished
 * A live hypothesis r offers its K candidates with score[r] + (value[r][j] - lse[r]); a finished
 * one offers itself once, with its score and the word eos. Of each sentence's candidates the K best
 * are kept, in descending order, ties by lower row then lower j:
 *   new_score, new_token (B K); parent (B K) i32 = row of the hypothesis that was extended
 * Slots left without a candidate get -infinity, eos and their own row as parent. A NaN candidate
 * has index -1 as token and NaN as score, and sorts first. */
struct clseq_beam_advance_args {
    clseq_tensor value, index, lse, score, token; /* in; index and token i32 */
    clseq_tensor new_score, new_token, parent;    /* out; new_token and parent i32 */
    int32_t beam;                                 /* K */
    int32_t eos;
};

/* What another model makes of the next word, for ensembles: with w = weight, the logits y become
 * those of the mixture of two distributions, so that exp(y[m][v] - y_lse[m]) is
 *   (1 - w) exp(y[m][v] - y_lse[m]) + w exp(x[m][v] - x_lse[m])
 * of what y was. y_lse stays the log of the sum of exp(y[m][v]) over v. With d = (x[m][v] -
 * x_lse[m]) - (y[m][v] - y_lse[m]):
 *   y[m][v] += log(1 + w (exp(d) - 1)) where d <= 0
 *   y[m][v] = (x[m][v] - x_lse[m]) + y_lse[m] + log(1 + (1 - w) (exp(-d) - 1)) otherwise
 * Rows that are equal, with equal sums, come out as they were, bit by bit. -infinity is a
 * probability of 0, also in both. x, y (M, V); x_lse, y_lse (M), as softmax_xent_fwd gives them;
 * 0 < w < 1. No aliases. */
struct clseq_log_mix_args {
    clseq_tensor x, x_lse, y_lse; /* in */
    clseq_tensor y;               /* in and out */
    double weight;
};

/* A word of each row, drawn from softmax(x / temperature) cut to the likeliest words:
 *   z[v] = (x[m][v] - max over u of x[m][u]) / temperature
 *   index[m] = the v of the largest z[v] + g[v] among the words that are kept; the lowest on a tie
 * With g from Gumbel's distribution that is a draw from the softmax (Gumbel 1954; Maddison et al.
 * 2014). g[v] = -log(-log(1 - (r + 1/2) / 2^32)), r word (v / 16) % 4 of the Philox block with
 * counter (16 (v / 64) + v % 16, step, counter[m][0], counter[m][1]) and key seed.
 *   Kept are: with top_k > 0 the words with fewer than top_k likelier ones (Fan et al. 2018); of
 * these, with top_p < 1, the words whose likelier ones have less than top_p of the probability
 * that is left (Holtzman et al. 2020). Words as likely as one that is kept are kept.
 *   A row with a NaN, with +infinity or with nothing but -infinity gives -1. x (M, V) with V >= 1,
 * counter (M, 2) i32, index (M) i32; temperature > 0, top_k >= 0, 0 < top_p <= 1.
 *   Exact on every backend: 1 / temperature is a float, exp and log are those of cl/gumbel.clh,
 * each product and sum in float is rounded, and probabilities are added as integers, exp(z) in
 * units of 2^-24, top_p in units of 2^-32. */
struct clseq_sample_args {
    clseq_tensor x;       /* in */
    clseq_tensor counter; /* in, i32 */
    clseq_tensor index;   /* out, i32 */
    double temperature, top_p;
    int32_t top_k;
    uint32_t step;
    uint64_t seed;
};

/* Clipping by global norm (Sutskever et al. 2014, section 3.4) of `scale` times a gradient whose
 * sum of squares is given:
 *   stats[0] = s = scale sqrt(sumsq[0]);  stats[1] = scale (s > max_norm ? max_norm / s : 1)
 * scale > 0, 1 where nothing is to be scaled; max_norm <= 0 means no clipping. A norm that is not
 * finite gives stats[1] = 0, and updates with scale 0 leave weights and moments alone. sumsq (1),
 * stats (2). */
struct clseq_clip_scale_args {
    clseq_tensor sumsq; /* in */
    clseq_tensor stats; /* out */
    double max_norm, scale;
};

/* What all updates below share. The gradient they work with is
 *   g' = scale g + decay w,  scale = stats[1] of clip_scale, decay w the gradient of decay w^2 / 2;
 * decay 0 (L2 decay off) adds nothing, so that w is not looked at. With scale 0 nothing changes,
 * neither weights nor moments.
 *   Dense: w, g of one shape, rank 1 or 2. Row-sparse: index (U) given, w (V, E), g (U, E), row
 * index[u] of w is updated with row u of g; indices distinct, values outside [0, V) skipped. Rows
 * that are not named stay as they are: their weights, their decay and their moments (as in
 * torch.optim.SparseAdam, and as torch.optim treats a parameter without a gradient).
 *   Moments have the shape of w. Empty g changes nothing. */

/* w -= lr g'. */
struct clseq_sgd_update_args {
    clseq_tensor g, stats; /* in */
    clseq_tensor index;    /* in, i32, optional */
    clseq_tensor w;        /* in and out */
    double lr, decay;
};

/* Adam (Kingma and Ba 2015) in torch.optim.Adam's form:
 *   m = beta1 m + (1 - beta1) g';  v = beta2 v + (1 - beta2) g'^2
 *   w -= step_size m / (sqrt(v) * inv_sqrt_bias2 + eps) + shrink w
 * where the caller passes step_size = lr / (1 - beta1^k), inv_sqrt_bias2 = 1 / sqrt(1 - beta2^k),
 * and, for weight decay apart from the gradient (AdamW: Loshchilov and Hutter 2019), shrink =
 * lr times the decay. shrink 0 adds nothing. */
struct clseq_adam_update_args {
    clseq_tensor g, stats; /* in */
    clseq_tensor index;    /* in, i32, optional */
    clseq_tensor w, m, v;  /* in and out */
    double step_size, beta1, beta2, inv_sqrt_bias2, eps;
    double decay, shrink;
};

/* Momentum (Polyak 1964; Sutskever et al. 2013 for nesterov) in torch.optim.SGD's form, without
 * dampening:
 *   m = momentum m + g';  w -= lr (nesterov ? g' + momentum m : m) */
struct clseq_momentum_update_args {
    clseq_tensor g, stats; /* in */
    clseq_tensor index;    /* in, i32, optional */
    clseq_tensor w, m;     /* in and out */
    double lr, momentum, decay;
    bool nesterov;
};

/* The smallest eps of adagrad, adadelta and rmsprop, 2^-126: it must not become 0 as a float. */
#define CLSEQ_EPS_MIN 1.17549435082228750797e-38

/* Adagrad (Duchi et al. 2011):  v += g'^2;  w -= lr g' / (sqrt(v) + eps). */
struct clseq_adagrad_update_args {
    clseq_tensor g, stats; /* in */
    clseq_tensor index;    /* in, i32, optional */
    clseq_tensor w, v;     /* in and out */
    double lr, eps, decay;
};

/* Adadelta (Zeiler 2012), with a factor lr as in torch.optim.Adadelta:
 *   v = rho v + (1 - rho) g'^2;  delta = sqrt((u + eps) / (v + eps)) g'
 *   u = rho u + (1 - rho) delta^2;  w -= lr delta */
struct clseq_adadelta_update_args {
    clseq_tensor g, stats; /* in */
    clseq_tensor index;    /* in, i32, optional */
    clseq_tensor w, v, u;  /* in and out */
    double lr, rho, eps, decay;
};

/* RMSprop (Tieleman and Hinton 2012), not centred, without momentum:
 *   v = rho v + (1 - rho) g'^2;  w -= lr g' / (sqrt(v) + eps) */
struct clseq_rmsprop_update_args {
    clseq_tensor g, stats; /* in */
    clseq_tensor index;    /* in, i32, optional */
    clseq_tensor w, v;     /* in and out */
    double lr, rho, eps, decay;
};

/* dst[i] = low + u_i (high - low), u_i in [0, 1) from Philox block i / 4, word i % 4, counter
 * (i / 4, 0, stream, purpose), key seed; computed in float (u, then product, then sum), so exact on
 * every backend. i counts elements in row-major order. Rank 1 or 2. */
struct clseq_uniform_args {
    clseq_tensor dst; /* out */
    uint64_t seed;
    uint32_t purpose, stream; /* enum clseq_random_purpose, and its number `a` */
    float low, high;
};

/* dst[i] = mean + std z_i, z_i standard normal by Box and Muller: pair p = i / 2 of words
 * (2p, 2p + 1) of the same sequence as uniform: r = sqrt(-2 log(1 - u0)), z = r cos(2 pi u1) for
 * even i, r sin(2 pi u1) for odd i. Rank 1 or 2. */
struct clseq_normal_args {
    clseq_tensor dst; /* out */
    uint64_t seed;
    uint32_t purpose, stream;
    float mean, std;
};

/* Dropout (Srivastava et al. 2014), forward and, with the same numbers, backward:
 *   y[i] = x[i] m[i],  m[i] = u_i < p ? 0 : clseq_dropout_scale(p)
 * u_i in [0, 1) is word i % 4 of the Philox block with counter (i / 4, step, stream, purpose) and
 * key seed; p is rounded to float before it is compared. i counts elements in row-major order, at
 * most 2^34 of them. With same_over_time x is (T, B, N) and i counts in the last two dimensions
 * only, so that a mask serves all steps (Gal and Ghahramani 2016).
 *   x, y of one shape, rank 2 or 3; 0 <= p < 1. One multiplication in float, so exact on every
 *   backend: -0 where a negative number is dropped, and NaN and infinity give NaN there. p = 0
 *   copies.
 * y may be x. */
struct clseq_dropout_args {
    clseq_tensor x; /* in */
    clseq_tensor y; /* out */
    double p;
    uint64_t seed;
    uint32_t step, stream,
        purpose; /* number of the update; enum clseq_random_purpose and its `a` */
    bool same_over_time;
};

/* What elements that stay are multiplied by, 1 / (1 - p) in float: the same bits on every backend.
 */
static inline float clseq_dropout_scale(double p)
{
    return 1.0f / (1.0f - (float)p);
}

#endif
