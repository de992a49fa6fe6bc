/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The shape of a model: embedding -> recurrent encoder -> final states of its
 * layers -> recurrent decoder -> (attention) -> linear -> softmax. The defaults are
 * the model of Sutskever, Vinyals, Le 2014.
 */
#ifndef CLSEQ_MODEL_H
#define CLSEQ_MODEL_H

#include <clseq/status.h>

CLSEQ_BEGIN_DECLS

typedef enum clseq_cell {
    CLSEQ_CELL_LSTM = 0, /* Hochreiter and Schmidhuber 1997, with forget gates: torch.nn.LSTM */
    CLSEQ_CELL_GRU = 1,  /* Cho et al. 2014, torch.nn.GRU's form */
    CLSEQ_CELL_RNN = 2,  /* Elman 1990, tanh: torch.nn.RNN */
} clseq_cell;

typedef enum clseq_attention_kind {
    CLSEQ_ATTENTION_NONE = 0,
    CLSEQ_ATTENTION_DOT = 1,      /* Luong et al. 2015 */
    CLSEQ_ATTENTION_GENERAL = 2,  /* the same */
    CLSEQ_ATTENTION_ADDITIVE = 3, /* Bahdanau et al. 2015 */
} clseq_attention_kind;

/* How the encoder's final states become the decoder's initial states. */
typedef enum clseq_bridge_kind {
    CLSEQ_BRIDGE_AUTO = 0,   /* copy or concat where the sizes allow it, else linear */
    CLSEQ_BRIDGE_COPY = 1,   /* one direction, equal sizes */
    CLSEQ_BRIDGE_SUM = 2,    /* of both directions */
    CLSEQ_BRIDGE_CONCAT = 3, /* of both directions: the decoder is twice as wide */
    CLSEQ_BRIDGE_LINEAR = 4, /* tanh(W states + b) */
} clseq_bridge_kind;

struct clseq_model_config {
    int32_t source_vocabulary; /* words, the four special ones included; 4 .. 4,000,000 */
    int32_t target_vocabulary;
    int32_t embedding; /* size of source and target embeddings, 1 .. 65,536; default 256 */
    int32_t hidden;    /* units of a layer of the decoder, 1 .. 65,536; default 512 */
    int32_t layers;    /* layers of the decoder, 1 .. 16; default 1 */

    /* 0 or false in all of these is the default: the plain model. */
    clseq_cell cell;
    int32_t encoder_hidden; /* units of a layer of the encoder, per direction; 0 = hidden, or half
                               of it in each of two directions unless they are summed */
    int32_t encoder_layers; /* 0 = layers */
    bool bidirectional;     /* the encoder reads in both directions */
    bool peepholes;         /* LSTM: Graves 2013 */
    bool residual;          /* layers from the second on add their input to their output */
    clseq_bridge_kind bridge;
    clseq_attention_kind attention;
    bool input_feeding;     /* attention: the last step's output is part of the next step's input
                           (Luong et al. 2015, section 3.3) */
    bool context_input;     /* the encoder's final output is part of every step's input (Cho et al.
                           2014) */
    bool tied_output;       /* the output layer's weight is the target embedding (Press and Wolf
                               2017): embedding = hidden */
    bool shared_embeddings; /* the target embedding is the source embedding: one vocabulary */
};

/* Set the defaults; the vocabularies are 0 and must be set. */
CLSEQ_API void clseq_model_config_init(struct clseq_model_config *config);

/* What the zeros stand for: encoder_hidden, encoder_layers and bridge as they are used. */
CLSEQ_API struct clseq_model_config
clseq_model_config_resolve(const struct clseq_model_config *config);

/* Number of weights of such a model; 0 when the fields are out of range or do not go together. */
CLSEQ_API uint64_t clseq_model_config_weights(const struct clseq_model_config *config);

/* Names as the command line and model files have them: "lstm", "additive", "concat", ... */
CLSEQ_API const char *clseq_cell_name(clseq_cell cell);
CLSEQ_API const char *clseq_attention_name(clseq_attention_kind attention);
CLSEQ_API const char *clseq_bridge_name(clseq_bridge_kind bridge);

CLSEQ_END_DECLS

#endif
