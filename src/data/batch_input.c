/* SPDX-License-Identifier: BSD-2-Clause */
#include "data/batch_input.h"

static struct clseq_input_tokens tokens(const clseq_row_lists *rows)
{
    return (struct clseq_input_tokens) {
        .unique_count = (int32_t)rows->unique_count,
        .order_count = (int32_t)rows->count,
        .unique = rows->unique,
        .start = rows->start,
        .order = rows->order,
    };
}

struct clseq_seq2seq_input clseq_batch_input(const clseq_batch *batch)
{
    return (struct clseq_seq2seq_input) {
        .S = (int32_t)batch->S,
        .T = (int32_t)batch->T,
        .B = (int32_t)batch->B,
        .N = (int32_t)batch->N,
        .source_index = batch->source_index,
        .source_length = batch->source_length,
        .target_index = batch->target_index,
        .target_length = batch->target_length,
        .rows = batch->valid,
        .target = batch->valid_target,
        .source_tokens = tokens(&batch->source_rows),
        .target_tokens = tokens(&batch->target_rows),
    };
}

struct clseq_seq2seq_limits clseq_batch_input_limits(const clseq_batch_limits *limits)
{
    return (struct clseq_seq2seq_limits) {
        .S = (int32_t)limits->S,
        .T = (int32_t)limits->T,
        .B = (int32_t)limits->B,
        .N = (int32_t)limits->N,
        .source_unique = (int32_t)limits->source_unique,
        .target_unique = (int32_t)limits->target_unique,
    };
}
