/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * One direction of one recurrent layer: torch.nn.LSTM, GRU or RNN (tanh) with its
 * parameter names, shapes, gate orders (i, f, g, o; r, z, n) and both biases. An
 * LSTM may have peepholes (Graves 2013, equations 7 to 11; diagonal), which
 * torch.nn has not: "peephole_l0" (3, H), rows for the gates i, f, o.
 *
 * Rows of a batch end at their own length: from there on a row keeps its state,
 * so after the last step every row holds its own final state, and padded steps
 * change nothing.
 */
#ifndef CLSEQ_RNN_LAYER_H
#define CLSEQ_RNN_LAYER_H

#include "nn/run.h"

#include <clseq/model.h>

typedef struct clseq_rnn_layer {
    clseq_cell cell;
    bool peepholes;        /* LSTM only */
    int32_t input, hidden; /* columns of W_ih; H */
    int w_ih, w_hh;        /* (G H, input), (G H, H), G gates */
    int b_ih, b_hh;        /* (G H) */
    int peephole;          /* (3, H) */
} clseq_rnn_layer;

/* What a cell keeps of a pass. h and c have T + 1 slots: slot 0 is the initial state, slot t + 1
 * the state after step t. So the states before all steps are slots 0 .. T-1 in one piece, and the
 * gradient of W_hh is one product. */
typedef struct clseq_rnn_layer_pass {
    clseq_tensor gates;  /* (T, B, G H): products with the input, then activations, then the
                            gradients of the pre-activations */
    clseq_tensor hn;     /* (T, B, H), GRU: W_hn h + b_hn, then its gradient */
    clseq_tensor h, c;   /* (T + 1, B, H); c: LSTM */
    clseq_tensor dh, dc; /* (B, H); training only */
} clseq_rnn_layer_pass;

/* States before (or after) some steps; c is absent but for the LSTM. */
typedef struct clseq_rnn_state {
    clseq_tensor h, c;
} clseq_rnn_state;

/* Gates of a cell: 4, 3, 1. */
int32_t clseq_cell_gates(clseq_cell cell);

/* Register "<prefix>.weight_ih_<suffix>" and so on; suffix as "l0" or "l0_reverse". */
CLSEQ_MUST_CHECK clseq_status clseq_rnn_layer_register(clseq_rnn_layer *layer,
                                                       clseq_param_store *store, const char *prefix,
                                                       const char *suffix);

/* Take the activations of a pass. `shared`: another pass whose gates and hn may be used too, for
 * inference; NULL for training. */
CLSEQ_MUST_CHECK clseq_status clseq_rnn_layer_take(const clseq_rnn_layer *layer,
                                                   clseq_workspace *ws, clseq_dtype real, int32_t T,
                                                   int32_t B, bool training,
                                                   const clseq_rnn_layer_pass *shared,
                                                   clseq_rnn_layer_pass *pass);

/* All steps of `gates` (n, B, G H), which hold the products with the input.
 *   hn (n, B, H)   scratch, GRU only
 *   from           (B, H) states before the first step
 *   to             (n, B, H) states after every step
 *   length (B)     i32, steps of each row; may be absent */
CLSEQ_MUST_CHECK clseq_status clseq_rnn_layer_steps(const clseq_rnn_layer *layer,
                                                    const clseq_run *run, clseq_tensor gates,
                                                    clseq_tensor hn, const clseq_rnn_state *from,
                                                    const clseq_rnn_state *to, clseq_tensor length);

/* Steps [first, first + n) of a pass, forward; and backward, last step first:
 *   dy (n, B, H)   gradient of the layer's output from above; may be absent
 *   pass->dh, dc   in: gradients of the state after these steps; out: of the state before them
 * `length` counts from the first step of the pass, so with a length first must be 0. */
CLSEQ_MUST_CHECK clseq_status clseq_rnn_layer_fwd(const clseq_rnn_layer *layer,
                                                  const clseq_run *run,
                                                  const clseq_rnn_layer_pass *pass,
                                                  clseq_tensor length, int32_t first, int32_t n);
CLSEQ_MUST_CHECK clseq_status clseq_rnn_layer_bwd(const clseq_rnn_layer *layer,
                                                  const clseq_run *run,
                                                  const clseq_rnn_layer_pass *pass,
                                                  clseq_tensor length, clseq_tensor dy,
                                                  int32_t first, int32_t n);

/* After the backward pass of all steps: gradients of all parameters but W_ih. */
CLSEQ_MUST_CHECK clseq_status clseq_rnn_layer_gradients(const clseq_rnn_layer *layer,
                                                        const clseq_run *run,
                                                        const clseq_rnn_layer_pass *pass);

/* Columns [first, first + width) of W_ih, or of its gradient. */
clseq_tensor clseq_rnn_layer_w_ih(const clseq_rnn_layer *layer, const clseq_run *run, int32_t first,
                                  int32_t width);
clseq_tensor clseq_rnn_layer_dw_ih(const clseq_rnn_layer *layer, const clseq_run *run,
                                   int32_t first, int32_t width);

#endif
