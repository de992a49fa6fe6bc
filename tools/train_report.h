/* SPDX-License-Identifier: BSD-2-Clause */
/* Events of a training as lines and a progress line on stderr; shared by train and demo. */
#ifndef CLSEQ_TRAIN_REPORT_H
#define CLSEQ_TRAIN_REPORT_H

#include "message.h"

#include <clseq/train.h>

struct train_report {
    cli_progress progress;
    bool quiet; /* validations and reports only on the progress line */
};

void train_report_init(struct train_report *report, bool quiet);

/* Hooks that show events and stop on a signal (stop_signal.h). `report` must outlive them. */
struct clseq_train_hooks train_report_hooks(struct train_report *report);

/* Wipe the progress line. */
void train_report_end(struct train_report *report);

#endif
