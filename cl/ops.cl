/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * All operations but the matrix products as one program. A program is what a driver builds at a
 * time, and PoCL reads the 18000 lines of its headers for each one at every start.
 */
#include "attention.cl"
#include "beam.cl"
#include "gemm_scale.cl"
#include "gru.cl"
#include "lstm.cl"
#include "optim.cl"
#include "pointwise.cl"
#include "random.cl"
#include "reduce.cl"
#include "rnn.cl"
#include "rows.cl"
#include "sample.cl"
#include "select.cl"
#include "softmax.cl"
