/* SPDX-License-Identifier: BSD-2-Clause */
#include "nn/init.h"

#include "base/base.h"
#include "base/philox.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LSTM_GATES  4
#define FORGET_GATE 1

static clseq_status fill_uniform(const clseq_run *run, size_t param, double bound, uint64_t seed)
{
    return clseq_op_uniform(run->be,
                            &(struct clseq_uniform_args) { .dst = clseq_run_weight(run, (int)param),
                                                           .seed = seed,
                                                           .purpose = CLSEQ_RANDOM_INIT,
                                                           .stream = (uint32_t)param,
                                                           .low = -(float)bound,
                                                           .high = (float)bound });
}

static clseq_status fill_normal(const clseq_run *run, size_t param, double std, uint64_t seed)
{
    return clseq_op_normal(run->be,
                           &(struct clseq_normal_args) { .dst = clseq_run_weight(run, (int)param),
                                                         .seed = seed,
                                                         .purpose = CLSEQ_RANDOM_INIT,
                                                         .stream = (uint32_t)param,
                                                         .mean = 0,
                                                         .std = (float)std });
}

/* Gates stacked in a parameter of a recurrent layer, by the shape of the layer's weight_hh, which
 * is (gates H, H); 0 for other parameters. */
static int32_t gates_of(const clseq_param_store *store, const char *name)
{
    static const char *const kinds[] = { "weight_ih_l", "weight_hh_l", "bias_ih_l", "bias_hh_l" };
    const struct clseq_param *hh;
    char sibling[2 * CLSEQ_PARAM_NAME];
    const char *at = NULL;
    size_t length = 0;
    int index;

    for (size_t i = 0; !at && i < CLSEQ_ARRAY_SIZE(kinds); i++) {
        at = strstr(name, kinds[i]);
        length = strlen(kinds[i]);
    }
    if (!at)
        return 0;
    snprintf(sibling, sizeof(sibling), "%.*sweight_hh_l%s", (int)(at - name), name, at + length);
    index = clseq_param_find(store, sibling);
    if (index < 0)
        return 0;
    hh = &store->params[index];
    return hh->ndim == 2 && hh->dims[0] % hh->dims[1] == 0 ? hh->dims[0] / hh->dims[1] : 0;
}

static clseq_status fill_xavier(const clseq_run *run, size_t param, double scale, uint64_t seed)
{
    const struct clseq_param *p = &run->store->params[param];
    const int32_t gates = gates_of(run->store, p->name);
    const double out = p->dims[0] / (gates > 0 ? gates : 1), in = p->dims[1];

    if (p->is_table)
        return fill_normal(run, param, scale, seed);
    if (p->ndim == 1)
        return clseq_op_fill(run->be, &(struct clseq_fill_args) {
                                          .dst = clseq_run_weight(run, (int)param), .value = 0 });
    return fill_uniform(run, param, sqrt(6 / (in + out)), seed);
}

/* One orthogonal matrix below the other. */
static clseq_status fill_orthogonal(const clseq_run *run, size_t param, int32_t gates,
                                    uint64_t seed)
{
    clseq_context *ctx = clseq_backend_context(run->be);
    const clseq_tensor w = clseq_run_weight(run, (int)param);
    const size_t block = (size_t)w.dims[1] * (size_t)w.dims[1];
    double *q = NULL;
    float *all = NULL;
    clseq_status status;

    CLSEQ_TRY(clseq_calloc(ctx, block, sizeof(*q), "orthogonal matrix", &q));
    CLSEQ_TRY_GOTO(status, out,
                   clseq_calloc(ctx, clseq_tensor_count(&w), sizeof(*all), "weights", &all));
    for (size_t g = 0; g < (size_t)gates; g++) {
        CLSEQ_TRY_GOTO(status, out,
                       clseq_orthogonal(ctx, w.dims[1], seed, (uint32_t)param, g * block, q));
        for (size_t i = 0; i < block; i++)
            all[g * block + i] = (float)q[i];
    }
    status = clseq_tensor_write_f32(run->be, &w, all);
out:
    free(q);
    free(all);
    return status;
}

static clseq_status fill(const clseq_run *run, size_t param, enum clseq_init kind, double scale,
                         uint64_t seed)
{
    const struct clseq_param *p = &run->store->params[param];

    switch (kind) {
    case CLSEQ_INIT_NORMAL:
        return fill_normal(run, param, scale, seed);
    case CLSEQ_INIT_ORTHOGONAL:
        if (strstr(p->name, "weight_hh_l") && gates_of(run->store, p->name) > 0)
            return fill_orthogonal(run, param, gates_of(run->store, p->name), seed);
        return fill_xavier(run, param, scale, seed);
    case CLSEQ_INIT_XAVIER:
        return fill_xavier(run, param, scale, seed);
    default:
        return fill_uniform(run, param, scale, seed);
    }
}

clseq_status clseq_init_params(const clseq_run *run, enum clseq_init kind, double scale,
                               uint64_t seed)
{
    for (size_t i = 0; i < run->store->count; i++)
        CLSEQ_TRY(fill(run, i, kind, scale, seed));
    return CLSEQ_OK;
}

clseq_status clseq_init_forget_bias(const clseq_run *run, double value)
{
    for (size_t i = 0; i < run->store->count; i++) {
        const struct clseq_param *p = &run->store->params[i];
        const bool ih = strstr(p->name, "bias_ih_l") != NULL;
        const int32_t units = p->dims[0] / LSTM_GATES;
        clseq_tensor gate = clseq_run_weight(run, (int)i);

        if (p->ndim != 1 || (!ih && !strstr(p->name, "bias_hh_l")) ||
            gates_of(run->store, p->name) != LSTM_GATES)
            continue;
        gate.offset += (size_t)units * FORGET_GATE;
        gate.dims[0] = units;
        CLSEQ_TRY(clseq_op_fill(
            run->be, &(struct clseq_fill_args) { .dst = gate, .value = ih ? value : 0 }));
    }
    return CLSEQ_OK;
}
