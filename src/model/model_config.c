/* SPDX-License-Identifier: BSD-2-Clause */
#include "model/model_config.h"

static const struct {
    const char *name;
    size_t offset;
    int32_t low, high;
} ranges[] = {
    { "source vocabulary", offsetof(struct clseq_model_config, source_vocabulary), 4, 4000000 },
    { "target vocabulary", offsetof(struct clseq_model_config, target_vocabulary), 4, 4000000 },
    { "embedding", offsetof(struct clseq_model_config, embedding), 1, 65536 },
    { "hidden", offsetof(struct clseq_model_config, hidden), 1, 65536 },
    { "layers", offsetof(struct clseq_model_config, layers), 1, 16 },
    { "encoder_hidden", offsetof(struct clseq_model_config, encoder_hidden), 0, 65536 },
    { "encoder_layers", offsetof(struct clseq_model_config, encoder_layers), 0, 16 },
};

static const char *const cells[] = { "lstm", "gru", "rnn" };
static const char *const attentions[] = { "none", "dot", "general", "additive" };
static const char *const bridges[] = { "auto", "copy", "sum", "concat", "linear" };

/* One name of a list for each value from 0. */
static const char *name_in(const char *const *names, size_t n, int value)
{
    return value >= 0 && (size_t)value < n ? names[value] : NULL;
}

const char *clseq_cell_name(clseq_cell cell)
{
    return name_in(cells, CLSEQ_ARRAY_SIZE(cells), (int)cell);
}

const char *clseq_attention_name(clseq_attention_kind attention)
{
    return name_in(attentions, CLSEQ_ARRAY_SIZE(attentions), (int)attention);
}

const char *clseq_bridge_name(clseq_bridge_kind bridge)
{
    return name_in(bridges, CLSEQ_ARRAY_SIZE(bridges), (int)bridge);
}

static int32_t field(const struct clseq_model_config *config, size_t i)
{
    return *(const int32_t *)(const void *)((const char *)config + ranges[i].offset);
}

void clseq_model_config_init(struct clseq_model_config *config)
{
    *config = (struct clseq_model_config) { .embedding = 256, .hidden = 512, .layers = 1 };
}

struct clseq_model_config clseq_model_config_resolve(const struct clseq_model_config *config)
{
    struct clseq_model_config c = *config;

    if (c.encoder_layers == 0)
        c.encoder_layers = c.layers;
    if (c.encoder_hidden == 0)
        c.encoder_hidden =
            c.bidirectional && c.bridge != CLSEQ_BRIDGE_SUM ? c.hidden - c.hidden / 2 : c.hidden;
    if (c.bridge != CLSEQ_BRIDGE_AUTO)
        return c;
    if ((c.bidirectional ? 2 : 1) * (int64_t)c.encoder_hidden != c.hidden)
        c.bridge = CLSEQ_BRIDGE_LINEAR;
    else
        c.bridge = c.bidirectional ? CLSEQ_BRIDGE_CONCAT : CLSEQ_BRIDGE_COPY;
    return c;
}

/* The first reason why these fields do not go together, or NULL. `c` is resolved. */
static const char *conflict(const struct clseq_model_config *c)
{
    const int32_t memory = (c->bidirectional ? 2 : 1) * c->encoder_hidden;

    if (!clseq_cell_name(c->cell) || !clseq_attention_name(c->attention) ||
        !clseq_bridge_name(c->bridge))
        return "an unknown cell, attention or bridge";
    if (c->peepholes && c->cell != CLSEQ_CELL_LSTM)
        return "peepholes are for LSTM cells only";
    if (c->input_feeding && c->attention == CLSEQ_ATTENTION_NONE)
        return "input feeding needs attention";
    if (c->attention == CLSEQ_ATTENTION_DOT && memory != c->hidden)
        return "dot attention needs encoder outputs as wide as the decoder: give hidden = "
               "encoder_hidden (times 2 when bidirectional), or use general attention";
    if (c->bridge == CLSEQ_BRIDGE_COPY && (c->bidirectional || c->encoder_hidden != c->hidden))
        return "bridge copy needs one direction and equal sizes: use bridge linear";
    if (c->bridge == CLSEQ_BRIDGE_SUM && (!c->bidirectional || c->encoder_hidden != c->hidden))
        return "bridge sum needs two directions and equal sizes: use bridge linear";
    if (c->bridge == CLSEQ_BRIDGE_CONCAT && (!c->bidirectional || memory != c->hidden))
        return "bridge concat needs two directions, each half as wide as the decoder: use bridge "
               "linear";
    if (c->tied_output && c->embedding != c->hidden)
        return "a tied output needs embeddings as wide as the decoder: give embedding = hidden";
    if (c->shared_embeddings && c->source_vocabulary != c->target_vocabulary)
        return "shared embeddings need one vocabulary for source and target";
    return NULL;
}

clseq_status clseq_model_config_check(clseq_context *ctx, const struct clseq_model_config *config,
                                      clseq_status status)
{
    struct clseq_model_config resolved;
    const char *reason;

    for (size_t i = 0; i < CLSEQ_ARRAY_SIZE(ranges); i++) {
        const int32_t value = field(config, i);

        if (value < ranges[i].low || value > ranges[i].high)
            return clseq_fail(ctx, status, "model: %s is %d, but must be between %d and %d",
                              ranges[i].name, value, ranges[i].low, ranges[i].high);
    }
    resolved = clseq_model_config_resolve(config);
    reason = conflict(&resolved);
    if (reason)
        return clseq_fail(ctx, status, "model: %s", reason);
    return CLSEQ_OK;
}

/* Weights of a stack with `input` columns in its first layer. */
static uint64_t stack_weights(uint64_t gates, uint64_t input, uint64_t hidden, uint64_t layers,
                              uint64_t directions, bool peepholes)
{
    const uint64_t first = gates * hidden * (input + hidden + 2);
    const uint64_t other = gates * hidden * (directions * hidden + hidden + 2);

    return directions * (first + (layers - 1) * other + (peepholes ? 3 * hidden * layers : 0));
}

uint64_t clseq_model_config_weights(const struct clseq_model_config *config)
{
    for (size_t i = 0; i < CLSEQ_ARRAY_SIZE(ranges); i++) {
        if (field(config, i) < ranges[i].low || field(config, i) > ranges[i].high)
            return 0;
    }
    const struct clseq_model_config c = clseq_model_config_resolve(config);
    if (conflict(&c))
        return 0;
    const uint64_t E = (uint64_t)c.embedding, H = (uint64_t)c.hidden, L = (uint64_t)c.layers;
    const uint64_t V = (uint64_t)c.target_vocabulary, D = c.bidirectional ? 2 : 1;
    const uint64_t memory = D * (uint64_t)c.encoder_hidden;
    const uint64_t gates = c.cell == CLSEQ_CELL_LSTM ? 4 : c.cell == CLSEQ_CELL_GRU ? 3 : 1;
    const uint64_t fed = E + (c.context_input ? memory : 0) + (c.input_feeding ? H : 0);
    uint64_t total = (uint64_t)c.source_vocabulary * E + V;

    total += (c.shared_embeddings ? 0 : V * E) + (c.tied_output ? 0 : V * H);

    total += stack_weights(gates, E, (uint64_t)c.encoder_hidden, (uint64_t)c.encoder_layers, D,
                           c.peepholes);
    total += stack_weights(gates, fed, H, L, 1, c.peepholes);
    if (c.bridge == CLSEQ_BRIDGE_LINEAR)
        total += (c.cell == CLSEQ_CELL_LSTM ? 2 : 1) * L * H * (memory + 1);
    if (c.attention != CLSEQ_ATTENTION_NONE)
        total += H * (memory + H); /* combine */
    if (c.attention == CLSEQ_ATTENTION_GENERAL || c.attention == CLSEQ_ATTENTION_ADDITIVE)
        total += H * memory; /* key */
    if (c.attention == CLSEQ_ATTENTION_ADDITIVE)
        total += H * (H + 1); /* query, score */
    return total;
}
