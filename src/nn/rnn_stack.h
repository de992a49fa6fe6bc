/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * L recurrent layers on top of each other, in one direction or in both:
 * torch.nn.LSTM(input, hidden, L, bidirectional=...) and likewise GRU and RNN,
 * with its parameter names. Both directions of a layer read the same input, and
 * their outputs side by side, D H wide, are the input of the next layer.
 *
 * The backward direction runs forward over each row's steps in reverse order: it
 * starts at the row's last step, whatever the padding behind it.
 */
#ifndef CLSEQ_RNN_STACK_H
#define CLSEQ_RNN_STACK_H

#include "nn/rnn_layer.h"

#define CLSEQ_MAX_LAYERS 16

typedef struct clseq_rnn_stack {
    clseq_cell cell;
    bool peepholes;
    bool residual;              /* layers from the second on add their input to their output */
    int32_t layers, directions; /* D is 1 or 2 */
    int32_t input;              /* width of x */
    int32_t extra;  /* further columns of the first layer's W_ih: what else its user feeds in */
    int32_t hidden; /* H, per direction */
    clseq_rnn_layer layer[CLSEQ_MAX_LAYERS][2];
    /* Inference where x is rows of a table: (V, G H), the products of each of its rows with the
     * first layer's W_ih, per direction; borrowed. Absent: products are made of x. */
    clseq_tensor table[2];
} clseq_rnn_stack;

/* One sequence batch through the stack. */
typedef struct clseq_rnn_pass {
    int32_t T, B;
    clseq_tensor x;      /* (T, B, input), set by the caller; not read where there is a table */
    clseq_tensor index;  /* (T * B) i32, the rows of that table, -1 at padding; set by the caller */
    clseq_tensor length; /* (B) i32, set by the caller; may be absent */
    clseq_tensor reverse; /* (T * B) i32, two directions: the place of the row's step that comes
                             t-th from its end, -1 at padding; set by the caller */
    uint32_t place;       /* number of this stack among the random streams, set by the caller */
    clseq_rnn_layer_pass layer[CLSEQ_MAX_LAYERS][2];
    clseq_tensor in[CLSEQ_MAX_LAYERS]; /* (T, B, D H) input of layers from the second on */
    clseq_tensor y[CLSEQ_MAX_LAYERS];  /* (T, B, D H) output of every layer */
    clseq_tensor flip;                 /* (T, B, G H) scratch of the backward direction */
    clseq_tensor dflip;                /* (T, B, H) likewise, training only */
} clseq_rnn_pass;

/* Register all layers; cell, peepholes, residual, layers, directions, input, extra and hidden are
 * set. */
CLSEQ_MUST_CHECK clseq_status clseq_rnn_stack_register(clseq_rnn_stack *stack,
                                                       clseq_param_store *store,
                                                       const char *prefix);

/* Take the activations of a pass. Without training the gates are not kept, so all layers share one
 * block, and there are no gradients. With `dropout` there is memory for it. */
CLSEQ_MUST_CHECK clseq_status clseq_rnn_stack_take(const clseq_rnn_stack *stack,
                                                   clseq_workspace *ws, clseq_dtype real, int32_t T,
                                                   int32_t B, bool training, bool dropout,
                                                   clseq_rnn_pass *pass);

/* The output of the top layer, (T, B, D H). */
clseq_tensor clseq_rnn_output(const clseq_rnn_stack *stack, const clseq_rnn_pass *pass);

/* First, or final, state of a layer. */
clseq_rnn_state clseq_rnn_first(const clseq_rnn_pass *pass, int32_t layer, int32_t direction);
clseq_rnn_state clseq_rnn_final(const clseq_rnn_pass *pass, int32_t layer, int32_t direction);

/* Fill the initial states with zeros. */
CLSEQ_MUST_CHECK clseq_status clseq_rnn_start_zero(const clseq_rnn_stack *stack,
                                                   const clseq_run *run,
                                                   const clseq_rnn_pass *pass);

/* Fill the gradients of the final states with zeros. */
CLSEQ_MUST_CHECK clseq_status clseq_rnn_end_zero(const clseq_rnn_stack *stack, const clseq_run *run,
                                                 const clseq_rnn_pass *pass);

/* Are its products with x looked up? */
static inline bool clseq_rnn_stack_has_table(const clseq_rnn_stack *stack)
{
    return clseq_tensor_present(&stack->table[0]);
}

/* The share of x in the first layer's gates, all steps in one product. Call it before fwd. */
CLSEQ_MUST_CHECK clseq_status clseq_rnn_stack_input(const clseq_rnn_stack *stack,
                                                    const clseq_run *run,
                                                    const clseq_rnn_pass *pass);

/* Steps [first, first + n) of all layers; the first layer's gates hold its products with the input.
 * Two directions: all steps only. */
CLSEQ_MUST_CHECK clseq_status clseq_rnn_stack_fwd(const clseq_rnn_stack *stack,
                                                  const clseq_run *run, const clseq_rnn_pass *pass,
                                                  int32_t first, int32_t n);

/* Back-propagation through those steps, top down. gates become the gradients of the
 * pre-activations.
 *   dy (T, B, D H)    gradient of the top layer's output; its steps are overwritten when L > 1.
 *                     `dy_given` false: no gradient from above, dy is memory only. 0 at padding.
 *   pass->layer[].dh, dc   in: gradients of the state after the steps; out: before them */
CLSEQ_MUST_CHECK clseq_status clseq_rnn_stack_bwd(const clseq_rnn_stack *stack,
                                                  const clseq_run *run, const clseq_rnn_pass *pass,
                                                  clseq_tensor dy, bool dy_given, int32_t first,
                                                  int32_t n);

/* After the backward pass of all steps: the gradients of all parameters, but for the extra columns
 * of W_ih, and dx (T, B, input), written. */
CLSEQ_MUST_CHECK clseq_status clseq_rnn_stack_gradients(const clseq_rnn_stack *stack,
                                                        const clseq_run *run,
                                                        const clseq_rnn_pass *pass,
                                                        clseq_tensor dx);

/* One step with carried state, for decoding, one direction: `gates` (B, G H) holds the first
 * layer's products with the input; hn (B, H) scratch of a GRU; states (B, H) of every layer before
 * and after the step, in other memory. *y (B, H) is the output, in states `to` or in `sum`, (2, B,
 * H) scratch that a residual stack needs. */
CLSEQ_MUST_CHECK clseq_status clseq_rnn_stack_step(const clseq_rnn_stack *stack,
                                                   const clseq_run *run, clseq_tensor gates,
                                                   clseq_tensor hn, clseq_tensor sum,
                                                   const clseq_rnn_state *from,
                                                   const clseq_rnn_state *to, clseq_tensor *y);

#endif
