/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Dropout (Srivastava et al. 2014; between the layers of recurrent networks:
 * Zaremba et al. 2014), with one mask for all time steps on request (Gal and
 * Ghahramani 2016). The masks follow from seed, update and place, so the backward
 * pass makes them anew, and every backend has the same ones.
 */
#ifndef CLSEQ_DROPOUT_H
#define CLSEQ_DROPOUT_H

#include "nn/run.h"

/* Number of a stack among the random streams. */
enum { CLSEQ_PLACE_ENCODER = 0, CLSEQ_PLACE_DECODER = 1 };

/* y = x with some elements set to 0 and the others scaled up; for gradients the same call. x, y
 * (n, B, N) are the steps [first, first + n) of a pass; y may be x. Without dropout y = x, copied
 * when it is other memory.
 *   layer       the input of layer `layer` >= 1 of a stack
 *   embedding   the input of the first layer
 *   output      what goes into the output layer */
CLSEQ_MUST_CHECK clseq_status clseq_dropout_layer(const clseq_run *run, uint32_t place,
                                                  int32_t layer, int32_t first, clseq_tensor x,
                                                  clseq_tensor y);
CLSEQ_MUST_CHECK clseq_status clseq_dropout_embedding(const clseq_run *run, uint32_t place,
                                                      clseq_tensor x, clseq_tensor y);
CLSEQ_MUST_CHECK clseq_status clseq_dropout_output(const clseq_run *run, int32_t first,
                                                   clseq_tensor x, clseq_tensor y);

#endif
