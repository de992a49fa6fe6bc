/* SPDX-License-Identifier: BSD-2-Clause */
/* The options that say what a model is made of, beside its sizes. */
#ifndef CLSEQ_MODEL_OPTIONS_H
#define CLSEQ_MODEL_OPTIONS_H

#include "cli.h"

#include <clseq/model.h>

struct model_options {
    int cell, bridge, attention; /* in the order of the enums of clseq/model.h */
    int64_t encoder_hidden, encoder_layers;
    bool bidirectional, peepholes, residual, input_feeding, context_input;
    bool tie_output, share_embeddings;
};

/* Rows for a command's table; `field` is its struct model_options, `heading` their group. */
/* clang-format off */
#define MODEL_OPTIONS(type, field, heading)                                                        \
    { "cell", 0, CLI_CHOICE_FIELD(type, field.cell), "lstm|gru|rnn", "lstm", .group = heading,     \
      .help = "what a layer is made of" },                                                         \
    { "peepholes", 0, CLI_FLAG_FIELD(type, field.peepholes), NULL, NULL, .group = heading,         \
      .help = "gates of an LSTM see its cell (Graves 2013)" },                                     \
    { "bidirectional", 0, CLI_FLAG_FIELD(type, field.bidirectional), NULL, NULL, .group = heading, \
      .help = "the encoder reads in both directions" },                                            \
    { "encoder-hidden", 0, CLI_INT_FIELD(type, field.encoder_hidden), "N", NULL, .min = 1, .max = 65536, \
      .group = heading, .help = "units of an encoder layer, per direction; when not given as --hidden, or half of it in each of two directions" }, \
    { "encoder-layers", 0, CLI_INT_FIELD(type, field.encoder_layers), "N", NULL, .min = 1, .max = 16, \
      .group = heading, .help = "when not given as --layers" },                                    \
    { "bridge", 0, CLI_CHOICE_FIELD(type, field.bridge), "auto|copy|sum|concat|linear", "auto",    \
      .group = heading, .help = "from the encoder's last states to the decoder's first; auto: copy, or concat of two directions, where sizes allow it, else linear" }, \
    { "attention", 0, CLI_CHOICE_FIELD(type, field.attention), "none|dot|general|additive", "none", \
      .group = heading, .help = "dot, general: Luong et al. 2015; additive: Bahdanau et al. 2015" }, \
    { "input-feeding", 0, CLI_FLAG_FIELD(type, field.input_feeding), NULL, NULL, .group = heading, \
      .help = "what attention made is part of the next input (Luong et al. 2015); trains slower" }, \
    { "context-input", 0, CLI_FLAG_FIELD(type, field.context_input), NULL, NULL, .group = heading, \
      .help = "the encoder's last output is part of every input (Cho et al. 2014)" },              \
    { "residual", 0, CLI_FLAG_FIELD(type, field.residual), NULL, NULL, .group = heading,           \
      .help = "layers from the second on add their input to their output" },                       \
    { "tie-output", 0, CLI_FLAG_FIELD(type, field.tie_output), NULL, NULL, .group = heading,       \
      .help = "the output layer's weight is the target embedding (Press and Wolf 2017); --emb = --hidden" }, \
    { "share-embeddings", 0, CLI_FLAG_FIELD(type, field.share_embeddings), NULL, NULL, .group = heading, \
      .help = "one vocabulary and one table of embeddings for both sides" }
/* clang-format on */

static inline void model_options_fill(const struct model_options *options,
                                      struct clseq_model_config *config)
{
    config->cell = (clseq_cell)options->cell;
    config->encoder_hidden = (int32_t)options->encoder_hidden;
    config->encoder_layers = (int32_t)options->encoder_layers;
    config->bidirectional = options->bidirectional;
    config->peepholes = options->peepholes;
    config->residual = options->residual;
    config->bridge = (clseq_bridge_kind)options->bridge;
    config->attention = (clseq_attention_kind)options->attention;
    config->input_feeding = options->input_feeding;
    config->context_input = options->context_input;
    config->tied_output = options->tie_output;
    config->shared_embeddings = options->share_embeddings;
}

#endif
