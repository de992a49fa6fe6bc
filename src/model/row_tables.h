/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The gradients of tables, as the optimizer wants them: one list of rows for each
 * table. The layers make rows of the source's words, rows of the target's words and,
 * with sampled softmax, rows of the output layer. Rows of a table with several uses
 * are merged: both sides share it, or the output layer is tied to it (Press and Wolf
 * 2017) and sampled. The gradient of a tied output layer over all words is dense, and
 * the rows are added to it.
 */
#ifndef CLSEQ_ROW_TABLES_H
#define CLSEQ_ROW_TABLES_H

#include "model/seq2seq.h"

/* Host memory that merging needs, once. */
CLSEQ_MUST_CHECK clseq_status clseq_row_tables_create(clseq_seq2seq *model);

/* int32 of an upload, padding not counted. */
size_t clseq_row_tables_input(const clseq_seq2seq *model,
                              const struct clseq_seq2seq_limits *limits);

/* Part of laying out the activations of a batch. */
CLSEQ_MUST_CHECK clseq_status clseq_row_tables_take(clseq_seq2seq *model, clseq_workspace *ws,
                                                    const struct clseq_seq2seq_limits *shape);

/* Part of uploading a batch. */
void clseq_row_tables_stage(clseq_seq2seq *model, size_t *used,
                            const struct clseq_seq2seq_input *input);

/* After the backward pass: `rows` are of the source's words, the target's words, weight and bias of
 * the output layer (with candidates only). Sets model->row_gradients. */
CLSEQ_MUST_CHECK clseq_status clseq_row_tables_end(clseq_seq2seq *model, const clseq_run *run,
                                                   const clseq_row_gradient rows[CLSEQ_ROW_TABLES]);

#endif
