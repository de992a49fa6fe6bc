/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Attention over the encoder's outputs, the memory m_s:
 *
 *   score   dot       h_t . m_s                              (Luong et al. 2015, equation 8)
 *           general   h_t . (W_key m_s)
 *           additive  score . tanh(W_query h_t + W_key m_s)  (Bahdanau et al. 2015, A.1.2)
 *   a_t     softmax of the scores over the source words of the row
 *   c_t     sum over s of a_t(s) m_s
 *   out_t   tanh(W_combine [c_t; h_t])                       (Luong et al. 2015, equation 5)
 *
 * Target steps do not depend on one another here, so any number of them is one call.
 */
#ifndef CLSEQ_NN_ATTENTION_H
#define CLSEQ_NN_ATTENTION_H

#include "nn/run.h"

#include <clseq/model.h>

typedef struct clseq_attention {
    clseq_attention_kind kind;
    int32_t memory, hidden; /* widths of m_s (D) and h_t (H) */
    int w_key;              /* (H, D); general, additive */
    int w_query;            /* (H, H); additive */
    int score;              /* (H); additive */
    int combine;            /* (H, D + H) */
} clseq_attention;

/* The source side: one row b for each sentence. Any strides but the last. */
typedef struct clseq_attention_memory {
    clseq_tensor memory; /* (S, B, D) */
    clseq_tensor keys;   /* (S, B, H): W_key m_s, or the memory itself */
    clseq_tensor length; /* (B) i32: source words; may be absent */
} clseq_attention_memory;

/* The target side, n steps of B rows. */
typedef struct clseq_attention_steps {
    clseq_tensor h;       /* (n, B, H), any strides but the last */
    clseq_tensor query;   /* (n, B, H) scratch kept for the backward pass; additive */
    clseq_tensor weights; /* (n, B, S): a_t */
    clseq_tensor context; /* (n, B, D): c_t */
    clseq_tensor out;     /* (n, B, H) */
} clseq_attention_steps;

/* Their gradients. */
typedef struct clseq_attention_gradients {
    clseq_tensor out;     /* (n, B, H) in: gradient of out; out: of what is under the tanh */
    clseq_tensor query;   /* (n, B, H) additive */
    clseq_tensor weights; /* (n, B, S) scratch */
    clseq_tensor context; /* (n, B, D) scratch */
    clseq_tensor h;       /* (n, B, H) written */
    clseq_tensor memory;  /* (S, B, D) added to */
    clseq_tensor keys;    /* (S, B, H) added to; is `memory` for dot */
} clseq_attention_gradients;

/* Register "<prefix>.key.weight" and so on; kind, memory and hidden are set. */
CLSEQ_MUST_CHECK clseq_status clseq_attention_register(clseq_attention *attention,
                                                       clseq_param_store *store,
                                                       const char *prefix);

/* keys of all source positions. memory (S, B, D) and keys (S, B, H) contiguous; nothing for dot. */
CLSEQ_MUST_CHECK clseq_status clseq_attention_keys(const clseq_attention *attention,
                                                   const clseq_run *run, clseq_tensor memory,
                                                   clseq_tensor keys);

/* query, weights, context and out of the steps. */
CLSEQ_MUST_CHECK clseq_status clseq_attention_fwd(const clseq_attention *attention,
                                                  const clseq_run *run,
                                                  const clseq_attention_memory *memory,
                                                  const clseq_attention_steps *steps);

/* Before the backward pass: zeros where steps will add up. */
CLSEQ_MUST_CHECK clseq_status clseq_attention_gradients_begin(const clseq_attention *attention,
                                                              const clseq_run *run,
                                                              clseq_tensor dkeys);

/* Backward through these steps. */
CLSEQ_MUST_CHECK clseq_status clseq_attention_bwd(const clseq_attention *attention,
                                                  const clseq_run *run,
                                                  const clseq_attention_memory *memory,
                                                  const clseq_attention_steps *steps,
                                                  const clseq_attention_gradients *d);

/* After all steps: gradients of the matrices, and the keys' share of the memory's gradient. All
 * tensors cover all steps and are contiguous. */
CLSEQ_MUST_CHECK clseq_status clseq_attention_gradients_end(const clseq_attention *attention,
                                                            const clseq_run *run,
                                                            const clseq_attention_memory *memory,
                                                            const clseq_attention_steps *steps,
                                                            const clseq_attention_gradients *d);

#endif
