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
};

static int32_t field(const struct clseq_model_config *config, size_t i)
{
    return *(const int32_t *)(const void *)((const char *)config + ranges[i].offset);
}

void clseq_model_config_init(struct clseq_model_config *config)
{
    *config = (struct clseq_model_config) { .embedding = 256, .hidden = 512, .layers = 1 };
}

clseq_status clseq_model_config_check(clseq_context *ctx, const struct clseq_model_config *config,
                                      clseq_status status)
{
    for (size_t i = 0; i < CLSEQ_ARRAY_SIZE(ranges); i++) {
        const int32_t value = field(config, i);

        if (value < ranges[i].low || value > ranges[i].high)
            return clseq_fail(ctx, status, "model: %s is %d, but must be between %d and %d",
                              ranges[i].name, value, ranges[i].low, ranges[i].high);
    }
    return CLSEQ_OK;
}

uint64_t clseq_model_config_weights(const struct clseq_model_config *config)
{
    for (size_t i = 0; i < CLSEQ_ARRAY_SIZE(ranges); i++) {
        if (field(config, i) < ranges[i].low || field(config, i) > ranges[i].high)
            return 0;
    }
    const uint64_t E = (uint64_t)config->embedding, H = (uint64_t)config->hidden;
    const uint64_t L = (uint64_t)config->layers, V = (uint64_t)config->target_vocabulary;
    const uint64_t stack = 4 * H * (E + H + 2) + (L - 1) * 4 * H * (2 * H + 2);

    return ((uint64_t)config->source_vocabulary + V) * E + 2 * stack + V * (H + 1);
}
