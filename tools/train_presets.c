/* SPDX-License-Identifier: BSD-2-Clause */
#include "train_presets.h"

/* The three of our own differ in size. */
static const cli_setting tiny[] = {
    { "emb", "64" },           { "hidden", "128" },
    { "bidirectional", "on" }, { "attention", "general" },
    { "dropout", "0.1" },      { "batch", "32" },
};

static const cli_setting small[] = {
    { "emb", "256" },           { "hidden", "512" },  { "bidirectional", "on" },
    { "attention", "general" }, { "dropout", "0.3" }, { "label-smoothing", "0.1" },
};

static const cli_setting base[] = {
    { "emb", "512" },
    { "hidden", "1024" },
    { "layers", "2" },
    { "bidirectional", "on" },
    { "attention", "general" },
    { "dropout", "0.3" },
    { "label-smoothing", "0.1" },
};

/* Sutskever, Vinyals, Le 2014: vocabularies 3.1, reversal 3.3, sizes and training 3.4. */
static const cli_setting sutskever2014[] = {
    { "emb", "1000" },
    { "hidden", "1000" },
    { "layers", "4" },
    { "reverse-source", "on" },
    { "source-vocab-size", "160000" },
    { "target-vocab-size", "80000" },
    { "min-count", "1" },
    { "init", "uniform" },
    { "init-scale", "0.08" },
    { "optimizer", "sgd" },
    { "lr", "0.7" },
    { "schedule", "halve" },
    { "decay-start", "5" },
    { "decay-every", "0.5" },
    { "clip", "5" },
    { "batch", "128" },
    { "after", "7.5e" },
    { "early-stop", "0" },
};

/* Luong, Pham, Manning 2015, section 4.1, the models with dropout; global attention. */
static const cli_setting luong2015[] = {
    { "emb", "1000" },
    { "hidden", "1000" },
    { "layers", "4" },
    { "reverse-source", "on" },
    { "vocab-size", "50000" },
    { "max-length", "50" },
    { "attention", "general" },
    { "input-feeding", "on" },
    { "dropout", "0.2" },
    { "init", "uniform" },
    { "init-scale", "0.1" },
    { "optimizer", "sgd" },
    { "lr", "1" },
    { "schedule", "luong" },
    { "decay-start", "8" },
    { "clip", "5" },
    { "batch", "128" },
    { "after", "12e" },
    { "early-stop", "0" },
};

/* Bahdanau, Cho, Bengio 2015, section 4.2 and appendices A.2.3 and B: RNNsearch-50. Attention comes
 * behind the recurrent layer here, and the output has no maxout layer. */
static const cli_setting bahdanau2015[] = {
    { "cell", "gru" },
    { "emb", "620" },
    { "hidden", "1000" },
    { "encoder-hidden", "1000" },
    { "bidirectional", "on" },
    { "bridge", "linear" },
    { "attention", "additive" },
    { "vocab-size", "30000" },
    { "max-length", "50" },
    { "init", "orthogonal" },
    { "init-scale", "0.01" },
    { "optimizer", "adadelta" },
    { "beta2", "0.95" },
    { "eps", "1e-6" },
    { "clip", "1" },
    { "batch", "80" },
};

#define SETTINGS(array) array, sizeof(array) / sizeof(array[0])

const cli_preset train_presets[TRAIN_PRESET_COUNT] = {
    { "small", "both directions, attention, 512 units: what you get without a preset",
      SETTINGS(small) },
    { "plain", "no more than the other defaults: one layer, one direction, no attention", NULL, 0 },
    { "tiny", "small with 128 units, for little data and first tries", SETTINGS(tiny) },
    { "base", "two layers of 1024 units, for more data and a GPU", SETTINGS(base) },
    { "sutskever2014", "Sutskever, Vinyals, Le 2014", SETTINGS(sutskever2014) },
    { "luong2015", "Luong, Pham, Manning 2015", SETTINGS(luong2015) },
    { "bahdanau2015", "Bahdanau, Cho, Bengio 2015", SETTINGS(bahdanau2015) },
};
