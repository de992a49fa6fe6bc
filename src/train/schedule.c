/* SPDX-License-Identifier: BSD-2-Clause */
#include "train/schedule.h"

#include "train/optimizer.h"

#include <math.h>

double clseq_schedule_lr(const struct clseq_train_options *options, uint64_t update,
                         uint64_t per_epoch)
{
    const double lr =
        options->lr > 0 ? options->lr : clseq_optimizer_default_lr(options->optimizer);
    const double epoch = (double)update / (double)per_epoch;

    if (options->schedule == CLSEQ_SCHEDULE_CONSTANT || epoch < options->decay_start)
        return lr;
    /* The first halving comes at decay_start itself. */
    return lr * pow(0.5, 1 + floor((epoch - options->decay_start) / options->decay_every));
}

bool clseq_schedule_due(const struct clseq_when *every, uint64_t update, uint64_t per_epoch)
{
    if (update == 0)
        return false;
    if (every->updates > 0 && update % every->updates == 0)
        return true;
    if (every->epochs > 0) {
        const double period = every->epochs * (double)per_epoch;

        /* Rounding up keeps the first event at or after its time, also for fractions of an
         * epoch. */
        return floor((double)update / period) > floor((double)(update - 1) / period);
    }
    return false;
}
