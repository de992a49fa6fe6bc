/* SPDX-License-Identifier: BSD-2-Clause */
#include "nn/dropout.h"

#include "base/philox.h"

/* Parts of a stream's number: place, kind (layers count from 0), first step. */
#define KIND_EMBEDDING 16
#define KIND_OUTPUT    17
#define KINDS          32
#define STEP_BITS      20

static clseq_status apply(const clseq_run *run, double p, uint32_t place, uint32_t kind,
                          int32_t first, clseq_tensor x, clseq_tensor y)
{
    const clseq_dropout *d = run->dropout;

    if (!d || p <= 0) {
        if (clseq_tensor_same(&x, &y))
            return CLSEQ_OK;
        return clseq_op_copy(run->be, &(struct clseq_copy_args) { .src = x, .dst = y });
    }
    return clseq_op_dropout(
        run->be, &(struct clseq_dropout_args) { .x = x,
                                                .y = y,
                                                .p = p,
                                                .seed = d->seed,
                                                .step = d->step,
                                                .stream = (place * KINDS + kind) << STEP_BITS |
                                                          (d->same_over_time ? 0 : (uint32_t)first),
                                                .purpose = CLSEQ_RANDOM_DROPOUT,
                                                .same_over_time = d->same_over_time });
}

clseq_status clseq_dropout_layer(const clseq_run *run, uint32_t place, int32_t layer, int32_t first,
                                 clseq_tensor x, clseq_tensor y)
{
    return apply(run, run->dropout ? run->dropout->layers : 0, place, (uint32_t)layer, first, x, y);
}

clseq_status clseq_dropout_embedding(const clseq_run *run, uint32_t place, clseq_tensor x,
                                     clseq_tensor y)
{
    return apply(run, run->dropout ? run->dropout->embedding : 0, place, KIND_EMBEDDING, 0, x, y);
}

clseq_status clseq_dropout_output(const clseq_run *run, int32_t first, clseq_tensor x,
                                  clseq_tensor y)
{
    return apply(run, run->dropout ? run->dropout->output : 0, CLSEQ_PLACE_DECODER, KIND_OUTPUT,
                 first, x, y);
}
