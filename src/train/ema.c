/* SPDX-License-Identifier: BSD-2-Clause */
#include "train/ema.h"

#include <math.h>

clseq_status clseq_ema_init(clseq_ema *ema, clseq_seq2seq *model, double decay)
{
    *ema = (clseq_ema) { .model = model, .decay = decay };
    for (int i = 0; i < model->store.segments; i++)
        CLSEQ_TRY(clseq_buffer_create(model->be,
                                      model->store.segment_size[i] * clseq_dtype_size(model->real),
                                      "average of the weights", &ema->average.segment[i]));
    return CLSEQ_OK;
}

void clseq_ema_fini(clseq_ema *ema)
{
    for (int i = 0; i < CLSEQ_MAX_SEGMENTS; i++)
        clseq_buffer_destroy(&ema->average.segment[i]);
    *ema = (clseq_ema) { 0 };
}

/* average = part w + (1 - part) average, all weights of a segment at once. */
static clseq_status mix(clseq_ema *ema, double part)
{
    const clseq_seq2seq *m = ema->model;

    for (int i = 0; i < m->store.segments; i++) {
        const int32_t n = (int32_t)m->store.segment_size[i];

        CLSEQ_TRY(
            clseq_op_axpby(m->be, &(struct clseq_axpby_args) {
                                      .x = clseq_tensor_1d(m->weights.segment[i], 0, m->real, n),
                                      .y = clseq_tensor_1d(ema->average.segment[i], 0, m->real, n),
                                      .alpha = part,
                                      .beta = 1 - part }));
    }
    return CLSEQ_OK;
}

clseq_status clseq_ema_start(clseq_ema *ema)
{
    return mix(ema, 1);
}

clseq_status clseq_ema_update(clseq_ema *ema, uint64_t number)
{
    const double k = (double)number;

    return mix(ema, 1 - fmin(ema->decay, (k + 1) / (k + 10)));
}

void clseq_ema_swap(clseq_ema *ema)
{
    clseq_param_buffers own;

    if (!ema->model)
        return;
    own = ema->model->weights;
    ema->model->weights = ema->average;
    ema->average = own;
}
