/* SPDX-License-Identifier: BSD-2-Clause */
#include "backend/op_schema.h"

#include <string.h>

/* clang-format off */
#define IN(op, f)            { #f, offsetof(struct clseq_##op##_args, f), CLSEQ_FIELD_READ, NULL }
#define IN_OPT(op, f)        { #f, offsetof(struct clseq_##op##_args, f), CLSEQ_FIELD_READ | CLSEQ_FIELD_OPTIONAL, NULL }
#define INDEX(op, f)         { #f, offsetof(struct clseq_##op##_args, f), CLSEQ_FIELD_READ | CLSEQ_FIELD_INDEX, NULL }
#define INDEX_OPT(op, f)     { #f, offsetof(struct clseq_##op##_args, f), CLSEQ_FIELD_READ | CLSEQ_FIELD_INDEX | CLSEQ_FIELD_OPTIONAL, NULL }
#define OUT(op, f)           { #f, offsetof(struct clseq_##op##_args, f), CLSEQ_FIELD_WRITE, NULL }
#define OUT_OVER(op, f, in)  { #f, offsetof(struct clseq_##op##_args, f), CLSEQ_FIELD_WRITE, #in }
#define OUT_INDEX(op, f)     { #f, offsetof(struct clseq_##op##_args, f), CLSEQ_FIELD_WRITE | CLSEQ_FIELD_INDEX, NULL }
#define SCRATCH(op, f)       { #f, offsetof(struct clseq_##op##_args, f), CLSEQ_FIELD_WRITE | CLSEQ_FIELD_SCRATCH, NULL }
#define INOUT(op, f)         { #f, offsetof(struct clseq_##op##_args, f), CLSEQ_FIELD_READ | CLSEQ_FIELD_WRITE, NULL }
#define INOUT_BETA(op, f)    { #f, offsetof(struct clseq_##op##_args, f), CLSEQ_FIELD_READ | CLSEQ_FIELD_WRITE | CLSEQ_FIELD_BETA, NULL }
#define ANY_IN(op, f)        { #f, offsetof(struct clseq_##op##_args, f), CLSEQ_FIELD_READ | CLSEQ_FIELD_ANY, NULL }
#define ANY_OUT(op, f)       { #f, offsetof(struct clseq_##op##_args, f), CLSEQ_FIELD_WRITE | CLSEQ_FIELD_ANY, NULL }

#define FIELDS_copy ANY_IN(copy, src), ANY_OUT(copy, dst)
#define FIELDS_fill ANY_OUT(fill, dst)
#define FIELDS_gemm IN(gemm, a), IN(gemm, b), INOUT_BETA(gemm, c), IN_OPT(gemm, bias)
#define FIELDS_bias_add IN(bias_add, x), IN(bias_add, b0), IN_OPT(bias_add, b1), OUT_OVER(bias_add, y, x)
#define FIELDS_axpby IN(axpby, x), INOUT_BETA(axpby, y)
#define FIELDS_tanh_fwd IN(tanh_fwd, x), OUT_OVER(tanh_fwd, y, x)
#define FIELDS_tanh_bwd IN(tanh_bwd, y), IN(tanh_bwd, dy), OUT_OVER(tanh_bwd, dx, dy)
#define FIELDS_sum IN(sum, x), INOUT_BETA(sum, y)
#define FIELDS_sum_squares IN(sum_squares, x), INOUT_BETA(sum_squares, y)
#define FIELDS_col_sums IN(col_sums, x), INOUT_BETA(col_sums, y)
#define FIELDS_col_dots IN(col_dots, x), IN(col_dots, z), INOUT_BETA(col_dots, y)
#define FIELDS_argmax IN(argmax, x), OUT_INDEX(argmax, index)
#define FIELDS_gemm_argmax IN(gemm_argmax, a), IN(gemm_argmax, b), IN_OPT(gemm_argmax, bias), \
    SCRATCH(gemm_argmax, c), OUT_INDEX(gemm_argmax, index)
#define FIELDS_topk IN(topk, x), OUT(topk, value), OUT_INDEX(topk, index)
#define FIELDS_row_gather IN(row_gather, src), INDEX(row_gather, index), OUT(row_gather, dst)
#define FIELDS_row_scatter IN(row_scatter, src), INDEX(row_scatter, index), INOUT(row_scatter, dst)
#define FIELDS_keep_target IN(keep_target, x), INDEX(keep_target, target), OUT_OVER(keep_target, y, x)
#define FIELDS_embedding_bwd IN(embedding_bwd, dy), INDEX(embedding_bwd, order), \
    INDEX(embedding_bwd, start), OUT(embedding_bwd, drow)
#define FIELDS_lstm_cell_fwd IN(lstm_cell_fwd, pre), IN(lstm_cell_fwd, c_prev), IN(lstm_cell_fwd, h_prev), \
    IN_OPT(lstm_cell_fwd, b_ih), IN_OPT(lstm_cell_fwd, b_hh), INDEX_OPT(lstm_cell_fwd, length), \
    OUT_OVER(lstm_cell_fwd, act, pre), OUT_OVER(lstm_cell_fwd, c, c_prev), OUT_OVER(lstm_cell_fwd, h, h_prev), \
    IN_OPT(lstm_cell_fwd, peephole)
#define FIELDS_lstm_cell_bwd IN(lstm_cell_bwd, act), IN(lstm_cell_bwd, c_prev), IN(lstm_cell_bwd, c), \
    IN(lstm_cell_bwd, dh), IN(lstm_cell_bwd, dc), IN_OPT(lstm_cell_bwd, dy), INDEX_OPT(lstm_cell_bwd, length), \
    OUT_OVER(lstm_cell_bwd, dpre, act), OUT_OVER(lstm_cell_bwd, dh_prev, dh), OUT_OVER(lstm_cell_bwd, dc_prev, dc), \
    IN_OPT(lstm_cell_bwd, peephole)
#define FIELDS_lstm_seq_fwd IN(lstm_seq_fwd, w_hh), IN(lstm_seq_fwd, h0), IN(lstm_seq_fwd, c0), \
    IN_OPT(lstm_seq_fwd, b_ih), IN_OPT(lstm_seq_fwd, b_hh), INDEX_OPT(lstm_seq_fwd, length), \
    INOUT(lstm_seq_fwd, gates), OUT(lstm_seq_fwd, h), OUT(lstm_seq_fwd, c), IN_OPT(lstm_seq_fwd, peephole)
#define FIELDS_lstm_seq_bwd IN(lstm_seq_bwd, w_hh), IN(lstm_seq_bwd, c0), IN(lstm_seq_bwd, c), \
    IN_OPT(lstm_seq_bwd, dy), INDEX_OPT(lstm_seq_bwd, length), \
    INOUT(lstm_seq_bwd, gates), INOUT(lstm_seq_bwd, dh), INOUT(lstm_seq_bwd, dc), IN_OPT(lstm_seq_bwd, peephole)
#define FIELDS_gru_cell_fwd IN(gru_cell_fwd, pre), IN(gru_cell_fwd, pre_n), IN(gru_cell_fwd, h_prev), \
    IN_OPT(gru_cell_fwd, b_ih), IN_OPT(gru_cell_fwd, b_hh), INDEX_OPT(gru_cell_fwd, length), \
    OUT_OVER(gru_cell_fwd, act, pre), OUT_OVER(gru_cell_fwd, hn, pre_n), OUT_OVER(gru_cell_fwd, h, h_prev)
#define FIELDS_gru_cell_bwd IN(gru_cell_bwd, act), IN(gru_cell_bwd, hn), IN(gru_cell_bwd, h_prev), \
    IN(gru_cell_bwd, dh), IN_OPT(gru_cell_bwd, dy), INDEX_OPT(gru_cell_bwd, length), \
    OUT_OVER(gru_cell_bwd, dpre, act), OUT_OVER(gru_cell_bwd, dhn, hn), OUT_OVER(gru_cell_bwd, dh_prev, dh)
#define FIELDS_gru_seq_fwd IN(gru_seq_fwd, w_hh), IN(gru_seq_fwd, h0), IN_OPT(gru_seq_fwd, b_ih), \
    IN_OPT(gru_seq_fwd, b_hh), INDEX_OPT(gru_seq_fwd, length), INOUT(gru_seq_fwd, gates), \
    OUT(gru_seq_fwd, hn), OUT(gru_seq_fwd, h)
#define FIELDS_gru_seq_bwd IN(gru_seq_bwd, w_hh), IN(gru_seq_bwd, h0), IN(gru_seq_bwd, h), \
    IN_OPT(gru_seq_bwd, dy), INDEX_OPT(gru_seq_bwd, length), \
    INOUT(gru_seq_bwd, gates), INOUT(gru_seq_bwd, hn), INOUT(gru_seq_bwd, dh)
#define FIELDS_rnn_cell_fwd IN(rnn_cell_fwd, pre), IN(rnn_cell_fwd, h_prev), IN_OPT(rnn_cell_fwd, b_ih), \
    IN_OPT(rnn_cell_fwd, b_hh), INDEX_OPT(rnn_cell_fwd, length), \
    OUT_OVER(rnn_cell_fwd, act, pre), OUT_OVER(rnn_cell_fwd, h, h_prev)
#define FIELDS_rnn_cell_bwd IN(rnn_cell_bwd, act), IN(rnn_cell_bwd, dh), IN_OPT(rnn_cell_bwd, dy), \
    INDEX_OPT(rnn_cell_bwd, length), OUT_OVER(rnn_cell_bwd, dpre, act), OUT_OVER(rnn_cell_bwd, dh_prev, dh)
#define FIELDS_rnn_seq_fwd IN(rnn_seq_fwd, w_hh), IN(rnn_seq_fwd, h0), IN_OPT(rnn_seq_fwd, b_ih), \
    IN_OPT(rnn_seq_fwd, b_hh), INDEX_OPT(rnn_seq_fwd, length), INOUT(rnn_seq_fwd, gates), OUT(rnn_seq_fwd, h)
#define FIELDS_rnn_seq_bwd IN(rnn_seq_bwd, w_hh), IN_OPT(rnn_seq_bwd, dy), INDEX_OPT(rnn_seq_bwd, length), \
    INOUT(rnn_seq_bwd, gates), INOUT(rnn_seq_bwd, dh)
#define FIELDS_softmax_xent_fwd IN(softmax_xent_fwd, logits), INDEX_OPT(softmax_xent_fwd, target), \
    OUT(softmax_xent_fwd, loss), OUT(softmax_xent_fwd, lse)
#define FIELDS_softmax_xent_bwd IN(softmax_xent_bwd, logits), INDEX(softmax_xent_bwd, target), \
    IN(softmax_xent_bwd, lse), OUT_OVER(softmax_xent_bwd, dlogits, logits)
#define FIELDS_softmax_xent IN(softmax_xent, logits), INDEX(softmax_xent, target), \
    OUT(softmax_xent, loss), OUT(softmax_xent, lse), OUT_OVER(softmax_xent, dlogits, logits)
#define FIELDS_sigmoid_xent_fwd IN(sigmoid_xent_fwd, logits), INDEX(sigmoid_xent_fwd, target), \
    OUT(sigmoid_xent_fwd, loss)
#define FIELDS_sigmoid_xent_bwd IN(sigmoid_xent_bwd, logits), INDEX(sigmoid_xent_bwd, target), \
    OUT_OVER(sigmoid_xent_bwd, dlogits, logits)
#define FIELDS_masked_softmax_fwd IN(masked_softmax_fwd, x), INDEX_OPT(masked_softmax_fwd, length), \
    OUT_OVER(masked_softmax_fwd, y, x)
#define FIELDS_masked_softmax_bwd IN(masked_softmax_bwd, y), IN(masked_softmax_bwd, dy), \
    OUT_OVER(masked_softmax_bwd, dx, dy)
#define FIELDS_additive_score_fwd IN(additive_score_fwd, q), IN(additive_score_fwd, k), \
    IN(additive_score_fwd, v), INDEX_OPT(additive_score_fwd, length), OUT(additive_score_fwd, score)
#define FIELDS_additive_score_bwd IN(additive_score_bwd, dscore), IN(additive_score_bwd, q), \
    IN(additive_score_bwd, k), IN(additive_score_bwd, v), INDEX_OPT(additive_score_bwd, length), \
    OUT(additive_score_bwd, dq), INOUT_BETA(additive_score_bwd, dk), INOUT_BETA(additive_score_bwd, dv)
#define FIELDS_beam_advance IN(beam_advance, value), INDEX(beam_advance, index), IN(beam_advance, lse), \
    IN(beam_advance, score), INDEX(beam_advance, token), OUT(beam_advance, new_score), \
    OUT_INDEX(beam_advance, new_token), OUT_INDEX(beam_advance, parent)
#define FIELDS_log_mix IN(log_mix, x), IN(log_mix, x_lse), IN(log_mix, y_lse), INOUT(log_mix, y)
#define FIELDS_sample IN(sample, x), INDEX(sample, counter), OUT_INDEX(sample, index)
#define FIELDS_clip_scale IN(clip_scale, sumsq), OUT(clip_scale, stats)
#define FIELDS_sgd_update IN(sgd_update, g), IN(sgd_update, stats), INDEX_OPT(sgd_update, index), INOUT(sgd_update, w)
#define FIELDS_adam_update IN(adam_update, g), IN(adam_update, stats), INDEX_OPT(adam_update, index), \
    INOUT(adam_update, w), INOUT(adam_update, m), INOUT(adam_update, v)
#define FIELDS_momentum_update IN(momentum_update, g), IN(momentum_update, stats), INDEX_OPT(momentum_update, index), \
    INOUT(momentum_update, w), INOUT(momentum_update, m)
#define FIELDS_adagrad_update IN(adagrad_update, g), IN(adagrad_update, stats), INDEX_OPT(adagrad_update, index), \
    INOUT(adagrad_update, w), INOUT(adagrad_update, v)
#define FIELDS_adadelta_update IN(adadelta_update, g), IN(adadelta_update, stats), INDEX_OPT(adadelta_update, index), \
    INOUT(adadelta_update, w), INOUT(adadelta_update, v), INOUT(adadelta_update, u)
#define FIELDS_rmsprop_update IN(rmsprop_update, g), IN(rmsprop_update, stats), INDEX_OPT(rmsprop_update, index), \
    INOUT(rmsprop_update, w), INOUT(rmsprop_update, v)
#define FIELDS_uniform OUT(uniform, dst)
#define FIELDS_normal OUT(normal, dst)
#define FIELDS_dropout IN(dropout, x), OUT_OVER(dropout, y, x)
/* clang-format on */

#define IS_REQUIRED 1
#define IS_OPTIONAL 0
#define COUNT(...)                                                                                 \
    (sizeof((const struct clseq_op_field[]) { __VA_ARGS__ }) / sizeof(struct clseq_op_field))

static const struct clseq_op_schema schemas[CLSEQ_OP_COUNT] = {
#define X(op, slot, rule, bound)                                                                   \
    [CLSEQ_OP_##op] = {                                                                            \
        .name = #op,                                                                               \
        .args_size = sizeof(struct clseq_##op##_args),                                             \
        .required = IS_##slot,                                                                     \
        .tolerance = CLSEQ_TOLERANCE_##rule,                                                       \
        .constant = bound,                                                                         \
        .n_fields = (int)COUNT(FIELDS_##op),                                                       \
        .fields = { FIELDS_##op },                                                                 \
    },
    CLSEQ_OP_LIST(X)
#undef X
};

const struct clseq_op_schema *clseq_op_schema(enum clseq_op op)
{
    return &schemas[op];
}

const char *clseq_op_name(enum clseq_op op)
{
    return schemas[op].name;
}

/* What the operations on whole sequences have in common; w_hh is NULL for all others. */
struct sequence {
    const clseq_tensor *w_hh, *gates;
    bool is_forward;
};

static struct sequence sequence_of(enum clseq_op op, const union clseq_op_any_args *a)
{
    switch (op) {
    case CLSEQ_OP_lstm_seq_fwd:
        return (struct sequence) { &a->lstm_seq_fwd.w_hh, &a->lstm_seq_fwd.gates, true };
    case CLSEQ_OP_lstm_seq_bwd:
        return (struct sequence) { &a->lstm_seq_bwd.w_hh, &a->lstm_seq_bwd.gates, false };
    case CLSEQ_OP_gru_seq_fwd:
        return (struct sequence) { &a->gru_seq_fwd.w_hh, &a->gru_seq_fwd.gates, true };
    case CLSEQ_OP_gru_seq_bwd:
        return (struct sequence) { &a->gru_seq_bwd.w_hh, &a->gru_seq_bwd.gates, false };
    case CLSEQ_OP_rnn_seq_fwd:
        return (struct sequence) { &a->rnn_seq_fwd.w_hh, &a->rnn_seq_fwd.gates, true };
    case CLSEQ_OP_rnn_seq_bwd:
        return (struct sequence) { &a->rnn_seq_bwd.w_hh, &a->rnn_seq_bwd.gates, false };
    default:
        return (struct sequence) { .w_hh = NULL };
    }
}

bool clseq_op_is_update(enum clseq_op op)
{
    switch (op) {
    case CLSEQ_OP_sgd_update:
    case CLSEQ_OP_adam_update:
    case CLSEQ_OP_momentum_update:
    case CLSEQ_OP_adagrad_update:
    case CLSEQ_OP_adadelta_update:
    case CLSEQ_OP_rmsprop_update:
        return true;
    default:
        return false;
    }
}

const clseq_tensor *clseq_op_update_part(enum clseq_op op, const void *args, const char *name)
{
    const struct clseq_op_schema *schema = &schemas[op];

    for (int i = 0; i < schema->n_fields; i++) {
        if (strcmp(schema->fields[i].name, name) == 0)
            return clseq_op_tensor_const(args, &schema->fields[i]);
    }
    return NULL;
}

double clseq_op_terms(enum clseq_op op, const void *args)
{
    const union clseq_op_any_args *a = args;

    switch (op) {
    case CLSEQ_OP_gemm:
        return a->gemm.trans_a ? a->gemm.a.dims[a->gemm.a.ndim - 2]
                               : a->gemm.a.dims[a->gemm.a.ndim - 1];
    case CLSEQ_OP_gemm_argmax:
        return a->gemm_argmax.a.dims[1];
    case CLSEQ_OP_sum:
        return (double)clseq_tensor_count(&a->sum.x);
    case CLSEQ_OP_sum_squares:
        return (double)clseq_tensor_count(&a->sum_squares.x);
    case CLSEQ_OP_col_sums:
        return a->col_sums.x.dims[0];
    case CLSEQ_OP_col_dots:
        return a->col_dots.x.dims[0];
    case CLSEQ_OP_embedding_bwd:
        return a->embedding_bwd.order.dims[0];
    case CLSEQ_OP_softmax_xent_fwd:
        return a->softmax_xent_fwd.logits.dims[1];
    case CLSEQ_OP_softmax_xent:
        return a->softmax_xent.logits.dims[1];
    case CLSEQ_OP_sigmoid_xent_fwd:
        return a->sigmoid_xent_fwd.logits.dims[1];
    case CLSEQ_OP_masked_softmax_fwd:
        return a->masked_softmax_fwd.x.dims[2];
    case CLSEQ_OP_masked_softmax_bwd:
        return a->masked_softmax_bwd.y.dims[2];
    case CLSEQ_OP_additive_score_fwd:
        return a->additive_score_fwd.v.dims[0];
    case CLSEQ_OP_lstm_seq_fwd:
    case CLSEQ_OP_lstm_seq_bwd:
    case CLSEQ_OP_gru_seq_fwd:
    case CLSEQ_OP_gru_seq_bwd:
    case CLSEQ_OP_rnn_seq_fwd:
    case CLSEQ_OP_rnn_seq_bwd: {
        const struct sequence q = sequence_of(op, a);

        return (double)q.gates->dims[0] * q.w_hh->dims[q.is_forward ? 1 : 0];
    }
    default:
        return 1;
    }
}

double clseq_op_flops(enum clseq_op op, const void *args)
{
    const union clseq_op_any_args *a = args;

    switch (op) {
    case CLSEQ_OP_gemm:
        return 2 * (double)clseq_tensor_count(&a->gemm.c) * clseq_op_terms(op, args);
    case CLSEQ_OP_gemm_argmax:
        return 2 * (double)clseq_tensor_count(&a->gemm_argmax.c) * clseq_op_terms(op, args);
    case CLSEQ_OP_lstm_seq_fwd:
    case CLSEQ_OP_lstm_seq_bwd:
    case CLSEQ_OP_gru_seq_fwd:
    case CLSEQ_OP_gru_seq_bwd:
    case CLSEQ_OP_rnn_seq_fwd:
    case CLSEQ_OP_rnn_seq_bwd: {
        const struct sequence q = sequence_of(op, a);

        return 2 * (double)clseq_tensor_count(q.gates) * q.w_hh->dims[1];
    }
    default:
        return 0;
    }
}

/* Elements of x that the op touches: of a table only the rows that are named, of the weights of a
 * sequence all of them in every step. */
static double touched(enum clseq_op op, const void *args, const clseq_tensor *x)
{
    const union clseq_op_any_args *a = args;
    const struct sequence q = sequence_of(op, a);
    const clseq_tensor *named = x;
    double times = 1;

    if (op == CLSEQ_OP_row_gather && x == &a->row_gather.src)
        named = &a->row_gather.dst;
    if (op == CLSEQ_OP_row_scatter && x == &a->row_scatter.dst) {
        named = &a->row_scatter.src;
        times = 0.5; /* not read */
    }
    if (clseq_op_is_update(op) && x != clseq_op_update_part(op, a, "stats") &&
        x != clseq_op_update_part(op, a, "index"))
        named = clseq_op_update_part(op, a, "g");
    if (q.w_hh == x)
        times = q.gates->dims[0];
    return times * (double)clseq_tensor_count(named);
}

double clseq_op_bytes(enum clseq_op op, const void *args)
{
    const struct clseq_op_schema *schema = &schemas[op];
    double bytes = 0;

    for (int i = 0; i < schema->n_fields; i++) {
        const struct clseq_op_field *field = &schema->fields[i];
        const clseq_tensor *x = clseq_op_tensor_const(args, field);
        const bool both = (field->flags & CLSEQ_FIELD_READ) && (field->flags & CLSEQ_FIELD_WRITE);

        if (clseq_tensor_present(x))
            bytes += (both ? 2.0 : 1.0) * touched(op, args, x) *
                     (double)clseq_dtype_size((clseq_dtype)x->dtype);
    }
    return bytes;
}
