/* SPDX-License-Identifier: BSD-2-Clause */
#include "train/schedule.h"

#include "train/optimizer.h"

#include <math.h>

const char *clseq_schedule_name(clseq_schedule_kind kind)
{
    static const char *const names[] = {
        [CLSEQ_SCHEDULE_CONSTANT] = "constant", [CLSEQ_SCHEDULE_HALVE] = "halve",
        [CLSEQ_SCHEDULE_LUONG] = "luong",       [CLSEQ_SCHEDULE_INVERSE_SQRT] = "inverse-sqrt",
        [CLSEQ_SCHEDULE_PLATEAU] = "plateau",   [CLSEQ_SCHEDULE_LINEAR] = "linear",
        [CLSEQ_SCHEDULE_COSINE] = "cosine",
    };

    return names[kind];
}

double clseq_schedule_end(const struct clseq_when *after, uint64_t per_epoch)
{
    double end = HUGE_VAL;

    if (after->epochs > 0)
        end = ceil(after->epochs * (double)per_epoch);
    if (after->updates > 0)
        end = fmin(end, (double)after->updates);
    return isfinite(end) ? end : 0;
}

/* The first halving comes at `start` itself. */
static double halved(double epoch, double start, double every)
{
    return epoch < start ? 1 : pow(0.5, 1 + floor((epoch - start) / every));
}

/* How far between the end of the warm-up and `end`: in [0, 1]. */
static double progress(const struct clseq_train_options *options, double update, double end)
{
    const double begin = (double)options->warmup;

    return update >= end ? 1 : update <= begin ? 0 : (update - begin) / (end - begin);
}

/* The part of the full rate that a schedule gives, without warm-up. */
static double factor(const struct clseq_train_options *o, uint64_t update, uint64_t per_epoch,
                     uint64_t decays)
{
    const double epoch = (double)update / (double)per_epoch;
    const double number = (double)update + 1, warmup = o->warmup > 0 ? (double)o->warmup : 1;
    const double end = clseq_schedule_end(&o->after, per_epoch);

    switch (o->schedule) {
    case CLSEQ_SCHEDULE_HALVE:
        return halved(epoch, o->decay_start, o->decay_every);
    case CLSEQ_SCHEDULE_LUONG:
        return halved(epoch, o->decay_start, 1);
    case CLSEQ_SCHEDULE_INVERSE_SQRT:
        return number > warmup ? sqrt(warmup / number) : 1;
    case CLSEQ_SCHEDULE_PLATEAU:
        return pow(o->decay_factor, (double)decays);
    case CLSEQ_SCHEDULE_LINEAR:
        return 1 - progress(o, (double)update, end);
    case CLSEQ_SCHEDULE_COSINE:
        return 0.5 + 0.5 * cos(3.14159265358979323846 * progress(o, (double)update, end));
    default:
        return 1;
    }
}

double clseq_schedule_lr(const struct clseq_train_options *options, uint64_t update,
                         uint64_t per_epoch, uint64_t decays)
{
    const double lr =
        options->lr > 0 ? options->lr : clseq_optimizer_default_lr(options->optimizer);
    const double scheduled = lr * factor(options, update, per_epoch, decays);

    if (update < options->warmup)
        return scheduled * ((double)update + 1) / (double)options->warmup;
    return scheduled;
}

const char *clseq_schedule_teacher_name(clseq_teacher_kind kind)
{
    static const char *const names[] = {
        [CLSEQ_TEACHER_CONSTANT] = "constant",
        [CLSEQ_TEACHER_LINEAR] = "linear",
        [CLSEQ_TEACHER_EXPONENTIAL] = "exponential",
        [CLSEQ_TEACHER_INVERSE_SIGMOID] = "inverse-sigmoid",
    };

    return names[kind];
}

double clseq_schedule_teacher_end(const struct clseq_train_options *options, uint64_t per_epoch)
{
    const double end = clseq_schedule_end(&options->teacher_forcing_end, per_epoch);

    return end > 0 ? end : clseq_schedule_end(&options->after, per_epoch);
}

/* 1 at p = 0, 1/2 at p = 1/2, 0 at p = 1: with k = e^c, k / (k + exp(i / k)) is the logistic
 * function of c - i / k. */
static double inverse_sigmoid(double p)
{
    const double c = 5, low = 1 / (1 + exp(c)), high = 1 / (1 + exp(-c));

    return (1 / (1 + exp(c * (2 * p - 1))) - low) / (high - low);
}

double clseq_schedule_teacher_forcing(const struct clseq_train_options *options, uint64_t update,
                                      uint64_t per_epoch)
{
    const double least = options->teacher_forcing;
    const double end = clseq_schedule_teacher_end(options, per_epoch);
    const double p = (double)update >= end ? 1 : (double)update / end;

    switch (options->teacher_schedule) {
    case CLSEQ_TEACHER_LINEAR:
        return 1 - (1 - least) * p;
    case CLSEQ_TEACHER_EXPONENTIAL:
        return pow(least, p);
    case CLSEQ_TEACHER_INVERSE_SIGMOID:
        return least + (1 - least) * inverse_sigmoid(p);
    default:
        return least;
    }
}

bool clseq_schedule_frozen(const struct clseq_train_options *options, uint64_t update,
                           uint64_t per_epoch)
{
    const double end = clseq_schedule_end(&options->unfreeze_vectors, per_epoch);

    return options->freeze_vectors && (end == 0 || (double)update < end);
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
