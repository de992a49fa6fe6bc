/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * L LSTM layers on top of each other: torch.nn.LSTM(input, hidden, L), with its
 * parameter names, shapes and gate order (i, f, g, o) and both biases.
 *
 * Rows of a batch end at their own length: from there on a row keeps its state,
 * so after the last step every row holds its own final state, and padded steps
 * change nothing.
 */
#ifndef CLSEQ_LSTM_STACK_H
#define CLSEQ_LSTM_STACK_H

#include "nn/run.h"

#define CLSEQ_MAX_LAYERS 16

typedef struct clseq_lstm_stack {
    int32_t layers, input, hidden;
    int w_ih[CLSEQ_MAX_LAYERS];                         /* (4H, input of the layer) */
    int w_hh[CLSEQ_MAX_LAYERS];                         /* (4H, H) */
    int b_ih[CLSEQ_MAX_LAYERS], b_hh[CLSEQ_MAX_LAYERS]; /* (4H) */
} clseq_lstm_stack;

/* One sequence batch through the stack. h and c have T + 1 slots: slot 0 is the
 * initial state, slot t + 1 the state after step t. So the states before all
 * steps are slots 0 .. T-1 in one piece, and the gradient of W_hh is one product. */
typedef struct clseq_lstm_pass {
    int32_t T, B;
    clseq_tensor x;                       /* (T, B, input), set by the caller */
    clseq_tensor length;                  /* (B) i32, set by the caller; may be absent */
    clseq_tensor gates[CLSEQ_MAX_LAYERS]; /* (T, B, 4H) */
    clseq_tensor h[CLSEQ_MAX_LAYERS], c[CLSEQ_MAX_LAYERS];   /* (T + 1, B, H) */
    clseq_tensor dh[CLSEQ_MAX_LAYERS], dc[CLSEQ_MAX_LAYERS]; /* (B, H); training only */
} clseq_lstm_pass;

/* Register "<prefix>.weight_ih_l0" and so on. */
CLSEQ_MUST_CHECK clseq_status clseq_lstm_stack_register(clseq_lstm_stack *stack,
                                                        clseq_param_store *store,
                                                        const char *prefix, int32_t input,
                                                        int32_t hidden, int32_t layers);

/* Take the activations of a pass. Without training the gates are not kept, so all layers share one
 * block, and there are no gradients. */
CLSEQ_MUST_CHECK clseq_status clseq_lstm_stack_take(const clseq_lstm_stack *stack,
                                                    clseq_workspace *ws, clseq_dtype real,
                                                    int32_t T, int32_t B, bool training,
                                                    clseq_lstm_pass *pass);

/* The output of the top layer, (T, B, H). */
clseq_tensor clseq_lstm_output(const clseq_lstm_stack *stack, const clseq_lstm_pass *pass);

/* Final h or c of a layer, (B, H). */
clseq_tensor clseq_lstm_final(const clseq_lstm_pass *pass, const clseq_tensor *states);

/* Fill the initial state with zeros. */
CLSEQ_MUST_CHECK clseq_status clseq_lstm_start_zero(const clseq_lstm_stack *stack,
                                                    const clseq_run *run,
                                                    const clseq_lstm_pass *pass);

/* Copy the final state of `from` into the initial state of `to`, layer by layer. */
CLSEQ_MUST_CHECK clseq_status clseq_lstm_start_from(const clseq_lstm_stack *stack,
                                                    const clseq_run *run,
                                                    const clseq_lstm_pass *from,
                                                    const clseq_lstm_pass *to);

/* All steps of all layers. x, length and slot 0 of h, c are set. */
CLSEQ_MUST_CHECK clseq_status clseq_lstm_stack_fwd(const clseq_lstm_stack *stack,
                                                   const clseq_run *run,
                                                   const clseq_lstm_pass *pass);

/* Back-propagation through time of all layers, top down. gates become the gradients of the
 * pre-activations.
 *   dy (T, B, H)       gradient of the top layer's output; overwritten when L > 1.
 *                      `dy_given` false: no gradient from above, dy is memory only.
 *   dx (T, B, input)   gradient of x, written
 *   pass->dh, dc       in: gradients of the final state; out: of the initial state */
CLSEQ_MUST_CHECK clseq_status clseq_lstm_stack_bwd(const clseq_lstm_stack *stack,
                                                   const clseq_run *run,
                                                   const clseq_lstm_pass *pass, clseq_tensor dy,
                                                   bool dy_given, clseq_tensor dx);

/* One step with carried state, for decoding: x (B, input), `pre` (B, 4H) scratch; h, c (B, H) of
 * every layer before the step, h_next, c_next after it, in other memory. */
CLSEQ_MUST_CHECK clseq_status clseq_lstm_stack_step(const clseq_lstm_stack *stack,
                                                    const clseq_run *run, clseq_tensor x,
                                                    clseq_tensor pre, const clseq_tensor *h,
                                                    const clseq_tensor *c,
                                                    const clseq_tensor *h_next,
                                                    const clseq_tensor *c_next);

#endif
