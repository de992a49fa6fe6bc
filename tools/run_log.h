/* SPDX-License-Identifier: BSD-2-Clause */
/* RUN/log.jsonl read back: the loss curves and how the run ended. */
#ifndef CLSEQ_RUN_LOG_H
#define CLSEQ_RUN_LOG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct run_curve {
    double *update, *loss; /* owned; loss is NaN where it was not finite */
    size_t count, capacity;
};

struct run_log {
    struct run_curve train, valid;
    bool started;  /* there is a log with a start in it */
    bool complete; /* the last session ran to its end: nobody stopped or killed it */
    uint64_t updates;
    double epochs, seconds; /* of training, all sessions together */
};

/* Read a log. What a killed session logged beyond the checkpoint it left is dropped, since the next
 * session did it again; half a line is skipped. A missing file gives an empty log. False, with
 * errno set, when reading failed or memory is out; then *ret is empty. */
bool run_log_read(const char *path, struct run_log *ret);

void run_log_fini(struct run_log *log);

#endif
