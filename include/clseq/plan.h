/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What a training takes, before its first step: memory to the byte, and time from a few updates
 * that are made and measured.
 *
 *     struct clseq_plan_options options;
 *     struct clseq_plan plan;
 *     clseq_plan_options_init(&options);
 *     status = clseq_train_plan(ctx, be, &train_options, &options, &plan);
 *
 * Device memory is counted by running the code of training itself over the largest batches of the
 * text with buffers that have no memory, so it is what clseq_train() will take; host memory and
 * time are measured in this process. Time per update is taken as a + b w with w the multiplications
 * of its batches, fitted by least squares to updates from all over an epoch.
 */
#ifndef CLSEQ_PLAN_H
#define CLSEQ_PLAN_H

#include <clseq/train.h>

CLSEQ_BEGIN_DECLS

#define CLSEQ_PLAN_ROWS 24

struct clseq_plan_options {
    const char *folder; /* for the encoded text, which has no name there: NULL = $TMPDIR or /tmp */
    int32_t beam;       /* of a translation: 5 */
    int32_t batch;      /* sentences of it at once: 64 */
    double seconds;     /* that may go into updates, after warming up; a round is finished, so it
                           may be more: 10. 0 = measure nothing */
};

/* Bytes and seconds; 0 where not known or not measured. */
struct clseq_plan {
    uint64_t weights; /* how many numbers */
    int32_t source_vocabulary, target_vocabulary;
    uint64_t batches_per_epoch, updates_per_epoch;
    int32_t longest_source, longest_target, sentences; /* of the worst batch, end tokens included */
    int32_t valid_source, valid_target, valid_sentences;

    /* Device memory of training and validation: what for, and the most at once. */
    struct clseq_memory_row row[CLSEQ_PLAN_ROWS];
    int rows;
    uint64_t device_bytes;
    uint64_t valid_activation_bytes; /* activations that validation alone would need */
    uint64_t translate_bytes;        /* a translation of the longest source, alone */
    uint64_t valid_translate_bytes;  /* the same of the longest source of validation */
    uint64_t
        device_limit; /* what there is: memory_limit, or the device and, where its memory is the
                              machine's, what is available there; 0 = unknown */
    const char *device_limit_what; /* static: "the limit", "the device", "this machine" */
    bool fits;
    char advice[512]; /* when it does not: the text of clseq_train()'s refusal */

    /* Host memory. process: the program, the driver of the device and its kernels; data: text,
     * vocabularies and batches; saving: for writing the model. host_peak is the largest resident
     * size that training will have, device memory included where that is the machine's. */
    uint64_t host_process, host_data, host_saving, host_peak, host_available;

    /* Time. *_min and *_max: the estimates of the rounds, or two standard errors of a single
     * one. */
    int samples, rounds;
    double update_seconds, update_seconds_min, update_seconds_max; /* mean over an epoch */
    double slowest_update_seconds;                                 /* of the worst batch */
    double epoch_seconds, epoch_seconds_min, epoch_seconds_max;    /* without validation */
    double valid_seconds; /* a validation, without a score */
    /* A translation of the validation text with `beam`, if it is as long as the text's targets. */
    double valid_translate_seconds;
    uint64_t valid_translate_batches;
    double target_tokens_per_second;
    double total_seconds; /* to the end of `after`, with validations; less when it stops
                                        early */
};

CLSEQ_API void clseq_plan_options_init(struct clseq_plan_options *options);

/* Plan clseq_train() with `train`, of which `run` is neither needed nor touched. `options` may be
 * NULL for the defaults. A plan that does not fit is no error: fits is false and nothing is timed.
 * Errors: those of clseq_train() before its first step, CLSEQ_ERR_ARG (an option out of range). */
CLSEQ_API CLSEQ_MUST_CHECK clseq_status clseq_train_plan(clseq_context *ctx, clseq_backend *be,
                                                         const struct clseq_train_options *train,
                                                         const struct clseq_plan_options *options,
                                                         struct clseq_plan *ret);

CLSEQ_END_DECLS

#endif
