/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What a layer needs to run: the backend, the weights and the gradients. No
 * layer knows which backend it runs on.
 *
 * Forward passes read weights; backward passes write activation gradients and
 * add to (or, for the first batch of an update, overwrite) parameter gradients.
 */
#ifndef CLSEQ_RUN_H
#define CLSEQ_RUN_H

#include "backend/ops.h"
#include "tensor/param_store.h"
#include "tensor/workspace.h"

/* What is left out at random in training: probabilities in [0, 1), and what the masks follow
 * from. */
typedef struct clseq_dropout {
    double layers;    /* inputs of the layers from the second on */
    double embedding; /* inputs of the first layer */
    double output;    /* inputs of the output layer */
    bool same_over_time;
    uint64_t seed;
    uint32_t step; /* number of the batch */
} clseq_dropout;

typedef struct clseq_run {
    clseq_backend *be;                    /* borrowed */
    const clseq_param_store *store;       /* borrowed */
    const clseq_param_buffers *weights;   /* borrowed */
    const clseq_param_buffers *gradients; /* borrowed; NULL for inference */
    const clseq_dropout *dropout;         /* borrowed; NULL for inference */
    double smoothing; /* share of each target spread over all words; 0 for inference */
    bool accumulate;  /* false: the first write of each gradient replaces what is there */
} clseq_run;

/* The gradient of an embedding table: one row for each distinct token of the batch. */
typedef struct clseq_row_gradient {
    int param;          /* index in the store */
    clseq_tensor index; /* (U) i32, distinct rows of the table */
    clseq_tensor rows;  /* (U, E) */
} clseq_row_gradient;

static inline clseq_tensor clseq_run_weight(const clseq_run *run, int param)
{
    return clseq_param_tensor(run->store, run->weights, param, clseq_backend_real(run->be));
}

static inline clseq_tensor clseq_run_gradient(const clseq_run *run, int param)
{
    return clseq_param_tensor(run->store, run->gradients, param, clseq_backend_real(run->be));
}

/* y (M, N) = x (M, K) W^T, W (N, K) as torch.nn stores it; beta as in gemm. */
CLSEQ_MUST_CHECK clseq_status clseq_linear_fwd(const clseq_run *run, clseq_tensor x, clseq_tensor w,
                                               double beta, clseq_tensor y);

/* dx (M, K) = dy (M, N) W; beta as in gemm. */
CLSEQ_MUST_CHECK clseq_status clseq_linear_bwd_input(const clseq_run *run, clseq_tensor dy,
                                                     clseq_tensor w, double beta, clseq_tensor dx);

/* dW (N, K) = dy^T x, added when `add`. */
CLSEQ_MUST_CHECK clseq_status clseq_linear_bwd_weight(const clseq_run *run, clseq_tensor dy,
                                                      clseq_tensor x, bool add, clseq_tensor dw);

#endif
