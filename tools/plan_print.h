/* SPDX-License-Identifier: BSD-2-Clause */
/* What clseq plan prints; its command line is that of clseq train (cmd_train.c) with these. */
#ifndef CLSEQ_PLAN_PRINT_H
#define CLSEQ_PLAN_PRINT_H

#include "device_options.h"

#include <clseq/train.h>

struct plan_values {
    int64_t beam, batch;
    double seconds;
    bool json;
};

#define PLAN_OPTION_COUNT 4

/* clang-format off */
#define PLAN_OPTIONS(type, field)                                                                  \
    { "beam", 0, CLI_INT_FIELD(type, field.beam), "N", "5", .min = 1, .max = 64,                   \
      .group = "Plan", .help = "hypotheses of the translations that are planned" },                \
    { "translate-batch", 0, CLI_INT_FIELD(type, field.batch), "N", "64", .min = 1, .max = 65536,   \
      .group = "Plan", .help = "sentences of that translation at once" },                          \
    { "seconds", 0, CLI_FLOAT_FIELD(type, field.seconds), "X", "10", .min = 0, .max = 86400,       \
      .group = "Plan", .help = "how long to time updates; 0: not at all, which leaves out what kernels take of host memory" }, \
    { "json", 0, CLI_FLAG_FIELD(type, field.json), NULL, NULL, .group = "Plan",                    \
      .help = "one JSON object, in bytes and seconds" }
/* clang-format on */

/* Open the device, plan, print, close. Returns the exit code. */
int plan_print(const struct device_options *device, const struct plan_values *values,
               const struct clseq_train_options *train);

#endif
