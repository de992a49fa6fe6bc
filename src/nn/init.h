/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef CLSEQ_INIT_H
#define CLSEQ_INIT_H

#include "nn/run.h"

enum clseq_init {
    CLSEQ_INIT_UNIFORM,   /* everything in [-scale, scale); Sutskever et al. 2014 use 0.08 */
    CLSEQ_INIT_NORMAL,    /* everything normal with standard deviation `scale` */
    CLSEQ_INIT_XAVIER,    /* below */
    CLSEQ_INIT_ORTHOGONAL /* below */
};

/* Fill every parameter from Philox, parameter i from stream i. The numbers depend on the seed and
 * the parameter alone, so every backend starts from the same weights (of normal ones but for the
 * last bits, which its functions decide).
 *   Xavier (Glorot and Bengio 2010, uniform): a matrix in [-b, b), b = sqrt(6 / (in + out)), where
 * of the stacked gates of a recurrent layer each is a matrix of its own; embeddings normal with
 * standard deviation `scale`, vectors (biases) 0.
 *   Orthogonal (Saxe et al. 2014): each gate's square block of weight_hh is a random orthogonal
 * matrix, the rest as Xavier. Computed on the host; the time grows with the cube of the hidden
 * size.
 * Recurrent weights are known by torch.nn's names, "<prefix>.weight_hh_l<k>" and so on. */
CLSEQ_MUST_CHECK clseq_status clseq_init_params(const clseq_run *run, enum clseq_init kind,
                                                double scale, uint64_t seed);

/* Set the biases of the forget gates of every LSTM layer (a layer with four gates, order i, f, g,
 * o): bias_ih's to `value`, bias_hh's to 0, so that their sum is `value` (Gers et al. 2000;
 * Jozefowicz et al. 2015 use 1). Other parameters are left alone. */
CLSEQ_MUST_CHECK clseq_status clseq_init_forget_bias(const clseq_run *run, double value);

/* A random orthogonal matrix (n, n), row-major, each as likely as another: the Q of the QR
 * decomposition of a matrix of normal numbers, with signs that make R's diagonal positive
 * (Mezzadri 2007). The numbers start at `element` of the sequence (seed, initial weights, stream).
 * Errors: CLSEQ_ERR_NOMEM, CLSEQ_ERR_LIMIT. */
CLSEQ_MUST_CHECK clseq_status clseq_orthogonal(clseq_context *ctx, int32_t n, uint64_t seed,
                                               uint32_t stream, uint64_t element, double *q);

#endif
