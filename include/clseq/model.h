/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The shape of a model: embedding -> L-layer LSTM encoder -> final state of every
 * layer -> L-layer LSTM decoder -> linear -> softmax (Sutskever, Vinyals, Le 2014).
 */
#ifndef CLSEQ_MODEL_H
#define CLSEQ_MODEL_H

#include <clseq/status.h>

CLSEQ_BEGIN_DECLS

struct clseq_model_config {
    int32_t source_vocabulary; /* words, the four special ones included; 4 .. 4,000,000 */
    int32_t target_vocabulary;
    int32_t embedding; /* size of source and target embeddings, 1 .. 65,536; default 256 */
    int32_t hidden;    /* LSTM units per layer, 1 .. 65,536; default 512 */
    int32_t layers;    /* LSTM layers of encoder and of decoder, 1 .. 16; default 1 */
};

/* Set the defaults; the vocabularies are 0 and must be set. */
CLSEQ_API void clseq_model_config_init(struct clseq_model_config *config);

/* Number of weights of such a model; 0 when a field is out of range. */
CLSEQ_API uint64_t clseq_model_config_weights(const struct clseq_model_config *config);

CLSEQ_END_DECLS

#endif
