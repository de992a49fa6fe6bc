/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * How the encoder's final states become the decoder's initial states, layer by
 * layer from the top: layer l of the decoder takes layer max(0, l + L_enc - L_dec)
 * of the encoder.
 *
 *   copy    one direction, equal sizes
 *   sum     forward + backward
 *   concat  [forward; backward]
 *   linear  tanh(W [forward; backward] + b), for h and c of each layer
 */
#ifndef CLSEQ_BRIDGE_H
#define CLSEQ_BRIDGE_H

#include "nn/rnn_stack.h"

typedef struct clseq_bridge {
    clseq_bridge_kind kind;
    int weight[CLSEQ_MAX_LAYERS][2], bias[CLSEQ_MAX_LAYERS][2]; /* (H, D H_enc), (H); h, c */
} clseq_bridge;

/* Register "bridge.h_l0.weight" and so on for kind linear. */
CLSEQ_MUST_CHECK clseq_status clseq_bridge_register(clseq_bridge *bridge, clseq_param_store *store,
                                                    const clseq_rnn_stack *encoder,
                                                    const clseq_rnn_stack *decoder);

/* Final states of the encoder into the initial states of the decoder. */
CLSEQ_MUST_CHECK clseq_status clseq_bridge_fwd(const clseq_bridge *bridge, const clseq_run *run,
                                               const clseq_rnn_stack *encoder,
                                               const clseq_rnn_pass *from,
                                               const clseq_rnn_stack *decoder,
                                               const clseq_rnn_pass *to);

/* Gradients of the decoder's initial states, in `to`, which are used up, are added to those of the
 * encoder's final states, in `from`. */
CLSEQ_MUST_CHECK clseq_status clseq_bridge_bwd(const clseq_bridge *bridge, const clseq_run *run,
                                               const clseq_rnn_stack *encoder,
                                               const clseq_rnn_pass *from,
                                               const clseq_rnn_stack *decoder,
                                               const clseq_rnn_pass *to);

#endif
