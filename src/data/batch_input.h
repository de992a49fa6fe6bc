/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef CLSEQ_BATCH_INPUT_H
#define CLSEQ_BATCH_INPUT_H

#include "model/seq2seq.h"

#include <clseq/corpus.h>

/* A batch as the model graph takes it; the arrays are borrowed from the batch. */
struct clseq_seq2seq_input clseq_batch_input(const clseq_batch *batch);

/* Limits as the model graph plans with them. */
struct clseq_seq2seq_limits clseq_batch_input_limits(const clseq_batch_limits *limits);

#endif
