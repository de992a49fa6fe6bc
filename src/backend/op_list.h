/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Every operation, once. The list makes the enum, the names in logs and
 * profiles, the table of slots, the front end, the check that required slots are
 * filled, the mirror, and the check that every operation has a parity test.
 * Contracts are in op_args.h.
 *
 * X(name, slot, tolerance, constant)
 *   slot       REQUIRED, or OPTIONAL: a backend may leave it NULL and the front end composes it
 *   tolerance  EXACT      the same bytes
 *              SUM        |x - y| <= constant * (terms + 8) * 2^-24 * S,
 *                         S the sum of absolute terms
 *              MAGNITUDE  |x - y| <= constant * (terms + 8) * 2^-24 * (|y| + M),
 *                         M the largest |input|
 *   constant   of the rule; docs/kernels.md says where each comes from
 * "terms" is the length of the sum behind one output element (clseq_op_terms).
 */
#ifndef CLSEQ_OP_LIST_H
#define CLSEQ_OP_LIST_H

/* clang-format off */
#define CLSEQ_OP_LIST(X)                         \
    X(copy,             REQUIRED, EXACT,     0)  \
    X(fill,             REQUIRED, EXACT,     0)  \
    X(gemm,             REQUIRED, SUM,       1)  \
    X(bias_add,         REQUIRED, SUM,       1)  \
    X(axpby,            REQUIRED, SUM,       1)  \
    X(tanh_fwd,         REQUIRED, MAGNITUDE, 1)  \
    X(tanh_bwd,         REQUIRED, MAGNITUDE, 1)  \
    X(sum,              REQUIRED, SUM,       1)  \
    X(sum_squares,      REQUIRED, SUM,       1)  \
    X(col_sums,         REQUIRED, SUM,       1)  \
    X(col_dots,         REQUIRED, SUM,       1)  \
    X(argmax,           REQUIRED, EXACT,     0)  \
    X(gemm_argmax,      OPTIONAL, EXACT,     0)  \
    X(topk,             REQUIRED, EXACT,     0)  \
    X(row_gather,       REQUIRED, EXACT,     0)  \
    X(row_scatter,      REQUIRED, EXACT,     0)  \
    X(keep_target,      REQUIRED, EXACT,     0)  \
    X(embedding_bwd,    REQUIRED, SUM,       1)  \
    X(lstm_cell_fwd,    REQUIRED, MAGNITUDE, 1)  \
    X(lstm_cell_bwd,    REQUIRED, MAGNITUDE, 1)  \
    X(lstm_seq_fwd,     OPTIONAL, MAGNITUDE, 1)  \
    X(lstm_seq_bwd,     OPTIONAL, MAGNITUDE, 1)  \
    X(gru_cell_fwd,     REQUIRED, MAGNITUDE, 1)  \
    X(gru_cell_bwd,     REQUIRED, MAGNITUDE, 1)  \
    X(gru_seq_fwd,      OPTIONAL, MAGNITUDE, 1)  \
    X(gru_seq_bwd,      OPTIONAL, MAGNITUDE, 1)  \
    X(rnn_cell_fwd,     REQUIRED, MAGNITUDE, 1)  \
    X(rnn_cell_bwd,     REQUIRED, MAGNITUDE, 1)  \
    X(rnn_seq_fwd,      OPTIONAL, MAGNITUDE, 1)  \
    X(rnn_seq_bwd,      OPTIONAL, MAGNITUDE, 1)  \
    X(softmax_xent_fwd, REQUIRED, MAGNITUDE, 1)  \
    X(softmax_xent_bwd, REQUIRED, MAGNITUDE, 1)  \
    X(softmax_xent,     OPTIONAL, MAGNITUDE, 1)  \
    X(sigmoid_xent_fwd, REQUIRED, MAGNITUDE, 1)  \
    X(sigmoid_xent_bwd, REQUIRED, MAGNITUDE, 1)  \
    X(masked_softmax_fwd, REQUIRED, MAGNITUDE, 1) \
    X(masked_softmax_bwd, REQUIRED, MAGNITUDE, 1) \
    X(additive_score_fwd, REQUIRED, MAGNITUDE, 1) \
    X(additive_score_bwd, REQUIRED, MAGNITUDE, 1) \
    X(beam_advance,     REQUIRED, EXACT,     0)  \
    X(log_mix,          REQUIRED, MAGNITUDE, 1)  \
    X(sample,           REQUIRED, EXACT,     0)  \
    X(clip_scale,       REQUIRED, MAGNITUDE, 1)  \
    X(sgd_update,       REQUIRED, SUM,       1)  \
    X(adam_update,      REQUIRED, MAGNITUDE, 1)  \
    X(momentum_update,  REQUIRED, SUM,       2)  \
    X(adagrad_update,   REQUIRED, MAGNITUDE, 1)  \
    X(adadelta_update,  REQUIRED, MAGNITUDE, 1)  \
    X(rmsprop_update,   REQUIRED, MAGNITUDE, 1)  \
    X(uniform,          REQUIRED, EXACT,     0)  \
    X(normal,           REQUIRED, MAGNITUDE, 4)  \
    X(dropout,          REQUIRED, EXACT,     0)
/* clang-format on */

enum clseq_op {
#define X(name, slot, tolerance, constant) CLSEQ_OP_##name,
    CLSEQ_OP_LIST(X)
#undef X
        CLSEQ_OP_COUNT
};

#endif
