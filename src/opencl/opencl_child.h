/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Work in a forked child, so that a driver that crashes, exits or hangs takes only the child down.
 * The parent must not have used OpenCL before: a fork copies no threads, and drivers that have
 * started theirs wait for them for ever.
 */
#ifndef CLSEQ_OPENCL_CHILD_H
#define CLSEQ_OPENCL_CHILD_H

#include "base/base.h"

enum clseq_child_end {
    CLSEQ_CHILD_FINISHED, /* `work` returned */
    CLSEQ_CHILD_DIED,     /* by a signal or by calling exit() */
    CLSEQ_CHILD_HUNG,     /* sent nothing for the time limit; it was killed */
};

struct clseq_child_result {
    enum clseq_child_end end;
    char reason[384]; /* how it ended otherwise: "died of signal 11 (Segmentation fault): ..." */
    char *data;       /* owned; what `work` sent, also before a crash */
    size_t size;
};

/* Run `work(fd, user)` in a child; it sends its results with clseq_child_send(). A child that sends
 * nothing for `timeout` seconds counts as hung. stdout and stderr of the child are hidden; the
 * first line is quoted in `reason`. Release ret->data with free().
 * Errors: CLSEQ_ERR_IO when no child can be made, CLSEQ_ERR_NOMEM. */
CLSEQ_MUST_CHECK clseq_status clseq_child_run(clseq_context *ctx, void (*work)(int fd, void *user),
                                              void *user, double timeout,
                                              struct clseq_child_result *ret);

/* In the child: send bytes to the parent. */
void clseq_child_send(int fd, const void *data, size_t size);

#endif
