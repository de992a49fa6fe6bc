/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Sampled softmax (Jean et al. 2015): a softmax over the words drawn for an update
 * and the target, in place of all V. With p(w) the probability that w was drawn, the
 * logit of a word of the batch's U candidates is
 *
 *     x[w] = h . W[w] + b[w] - log p(w)
 *
 * for the target and for drawn words alike, and the loss of a row is the cross-entropy
 * of the target among the drawn words and itself; a target that was drawn counts once.
 * Only U rows of W and b are read, and only they have gradients.
 *
 * Noise-contrastive estimation (Gutmann and Hyvarinen 2010; Mnih and Teh 2012) asks of
 * each of these words whether it is the target or was drawn, with probability
 * sigmoid(x[w]): the loss is -log sigmoid(x[target]) - sum over the others of
 * log(1 - sigmoid(x[w])). The logits learn to be logarithms of probabilities.
 *
 * All rows share the columns: first the words drawn, then the batch's own targets that
 * were not, of which a row sees its own alone (keep_target).
 */
#ifndef CLSEQ_SAMPLED_OUTPUT_H
#define CLSEQ_SAMPLED_OUTPUT_H

#include "nn/output_layer.h"

/* Take the activations for U columns; their logits lie where those of all words would. */
CLSEQ_MUST_CHECK clseq_status clseq_sampled_output_take(const clseq_output_layer *layer,
                                                        clseq_workspace *ws, clseq_dtype real,
                                                        int32_t U, clseq_output_pass *pass);

/* The bias that training with noise-contrastive estimation begins with, -log V: small random
 * weights then make the sum of exp(score) over all words about 1, as those models are to learn it
 * (Mnih and Teh 2012). */
CLSEQ_MUST_CHECK clseq_status clseq_sampled_output_start_nce(const clseq_output_layer *layer,
                                                             const clseq_run *run);

/* As clseq_output_layer_loss_bwd(), for a pass with candidates. The gradients of weight and bias
 * are rows, ret[0] and ret[1]: always of this call alone. No label smoothing. */
CLSEQ_MUST_CHECK clseq_status clseq_sampled_output_loss_bwd(
    const clseq_output_layer *layer, const clseq_run *run, const clseq_output_pass *pass,
    clseq_tensor y, double scale, clseq_tensor dy, clseq_row_gradient ret[2]);

#endif
