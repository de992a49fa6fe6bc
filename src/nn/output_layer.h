/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The output layer: logits = h W^T + b, softmax and cross-entropy, in chunks of
 * rows so that never all logits exist at once. Only the real target positions
 * are computed; padding costs nothing.
 */
#ifndef CLSEQ_OUTPUT_LAYER_H
#define CLSEQ_OUTPUT_LAYER_H

#include "nn/run.h"

typedef struct clseq_output_layer {
    int weight; /* (V, H) */
    int bias;   /* (V) */
    int32_t hidden, vocabulary;
} clseq_output_layer;

/* Sampled softmax: the words that are the columns of a batch, instead of all (sampled_output.h). */
typedef struct clseq_candidate_pass {
    clseq_tensor words;  /* (U) i32, distinct; absent: the softmax is over all words */
    clseq_tensor target; /* (N) i32: the column of each real target */
    clseq_tensor shift;  /* (U) added to the logits */
    int32_t drawn;       /* the first so many columns count for every row, the others for the rows
                            whose target they are */
    bool nce;            /* noise-contrastive estimation instead of a softmax */
    clseq_tensor w, dw;  /* (U, H) rows of the weight, and their gradient */
    clseq_tensor b, db;  /* (U, 1) the same of the bias */
} clseq_candidate_pass;

typedef struct clseq_output_pass {
    int32_t N, chunk;    /* real positions; rows per chunk */
    clseq_tensor rows;   /* (N) i32: their places in the flattened (T * B) output, set by caller */
    clseq_tensor target; /* (N) i32, set by the caller */
    clseq_tensor h;      /* (N, H) */
    clseq_tensor logits; /* (chunk, V) */
    clseq_tensor loss, lse; /* (N) */
    clseq_candidate_pass candidates;
} clseq_output_pass;

/* Register "<prefix>.weight" and "<prefix>.bias"; the bias alone when `tied` is not -1 but the
 * parameter of the store, a table (V, H), that is the weight. */
CLSEQ_MUST_CHECK clseq_status clseq_output_layer_register(clseq_output_layer *layer,
                                                          clseq_param_store *store,
                                                          const char *prefix, int32_t hidden,
                                                          int32_t vocabulary, int tied);

/* Rows of a chunk, when there are n real positions. */
int32_t clseq_output_layer_chunk(int32_t vocabulary, int32_t n);

/* Take the activations for N real positions. */
CLSEQ_MUST_CHECK clseq_status clseq_output_layer_take(const clseq_output_layer *layer,
                                                      clseq_workspace *ws, clseq_dtype real,
                                                      int32_t N, clseq_output_pass *pass);

/* Loss of every real position into pass->loss, from the top layer's output y (T * B, H). */
CLSEQ_MUST_CHECK clseq_status clseq_output_layer_loss(const clseq_output_layer *layer,
                                                      const clseq_run *run,
                                                      const clseq_output_pass *pass,
                                                      clseq_tensor y);

/* Loss, parameter gradients and dy (T * B, H), of `scale` times the sum of the losses. dy may be
 * y's gradient only: it does not overlap y. pass->h is used up. */
CLSEQ_MUST_CHECK clseq_status clseq_output_layer_loss_bwd(const clseq_output_layer *layer,
                                                          const clseq_run *run,
                                                          const clseq_output_pass *pass,
                                                          clseq_tensor y, double scale,
                                                          clseq_tensor dy);

/* logits (M, V) of h (M, H), for decoding. */
CLSEQ_MUST_CHECK clseq_status clseq_output_layer_logits(const clseq_output_layer *layer,
                                                        const clseq_run *run, clseq_tensor h,
                                                        clseq_tensor logits);

/* index (M) i32 of the largest logits of h (M, H), -1 for NaN; `logits` (M, V) is memory to work
 * in. */
CLSEQ_MUST_CHECK clseq_status clseq_output_layer_best(const clseq_output_layer *layer,
                                                      const clseq_run *run, clseq_tensor h,
                                                      clseq_tensor logits, clseq_tensor index);

#endif
