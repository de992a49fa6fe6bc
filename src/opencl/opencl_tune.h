/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Which of several candidates makes matrix products of a shape: measured once, kept in a text file.
 * Knows no OpenCL; who measures comes from outside.
 *
 * The file is a header line that names device, driver and version, and a line per group of shapes:
 *     M N K trans_a trans_b candidate GFLOP/s
 * Sizes are rounded up to powers of two. 0 GFLOP/s: not measured (no time or no memory was left),
 * the rule chose. "refused CANDIDATE": it was wrong once. A line stays until the file is deleted:
 * candidates may round differently, so a choice that changed from one run to the next would change
 * results.
 */
#ifndef CLSEQ_OPENCL_TUNE_H
#define CLSEQ_OPENCL_TUNE_H

#include "base/base.h"

#define CLSEQ_TUNE_SIZE_MAX   8192 /* larger sizes count as this */
#define CLSEQ_TUNE_CANDIDATES 32   /* at most */

struct clseq_tune_shape {
    int32_t m, n, k; /* all > 0 */
    bool trans_a, trans_b;
};

/* Sizes rounded up to powers of two, at most CLSEQ_TUNE_SIZE_MAX. */
struct clseq_tune_shape clseq_tune_group(struct clseq_tune_shape shape);

/* What is measured, and how. Candidates are numbers from 0. */
struct clseq_tune_measurer {
    int count;
    const char *const *names; /* without spaces */
    void *user;               /* given to all of these */
    /* What to take without measuring; never one that is refused. */
    int (*rule)(void *user, const struct clseq_tune_shape *shape);
    bool (*takes)(void *user, int candidate, const struct clseq_tune_shape *shape);
    /* Before the first use in a process. CLSEQ_ERR_DEVICE or _BUILD: it is wrong or does not run,
     * and the context says how. */
    clseq_status (*check)(void *user, int candidate);
    /* Make such a product, compare it, and time more of them. Errors: as check; and when memory is
     * short CLSEQ_ERR_NOMEM, _DEVICE_NOMEM or _LIMIT. */
    clseq_status (*measure)(void *user, int candidate, const struct clseq_tune_shape *shape,
                            double *seconds);
    /* No more of this shape. */
    void (*done)(void *user);
};

struct clseq_tune_entry {
    struct clseq_tune_shape group;
    int candidate;
    int64_t tenths; /* of a GFLOP/s */
};

struct clseq_tune {
    clseq_context *ctx; /* borrowed */
    char *path;         /* owned; of the file */
    char *header;       /* owned; its first line */
    struct clseq_tune_measurer measurer;
    struct clseq_tune_entry *entries; /* owned */
    size_t count, capacity;
    double seconds_left; /* of what measuring may take in this process */
    uint32_t *refused;   /* borrowed; bits: candidates that are not to be used */
    uint32_t checked;    /* bits: candidates that passed measurer.check */
    bool told;           /* the log has the line about measuring */
    bool changed;        /* since the file was written */
};

/* Read the file, if there is one. Lines that are damaged, and files with another header, are
 * ignored. `header` is one line; `refused` outlives the table. Errors: CLSEQ_ERR_NOMEM. */
CLSEQ_MUST_CHECK clseq_status clseq_tune_open(clseq_context *ctx, const char *path,
                                              const char *header,
                                              const struct clseq_tune_measurer *measurer,
                                              double seconds, uint32_t *refused,
                                              struct clseq_tune *ret);
void clseq_tune_close(struct clseq_tune *tune);

/* The candidate for a shape, measured now when its group is new. A candidate that is wrong is
 * refused with a warning. Errors: those of the measurer but the ones named there. */
CLSEQ_MUST_CHECK clseq_status clseq_tune_choose(struct clseq_tune *tune,
                                                const struct clseq_tune_shape *shape, int *ret);

#endif
