/* SPDX-License-Identifier: BSD-2-Clause */
/* --profile: what every operation took, against what the device can do, and what would help. */
#ifndef CLSEQ_OP_PROFILE_H
#define CLSEQ_OP_PROFILE_H

#include <clseq/backend.h>

#include <stdio.h>

enum op_limit {
    OP_LIMIT_UNKNOWN, /* the peaks are not known */
    OP_LIMIT_COMPUTE, /* multiply-adds */
    OP_LIMIT_MEMORY,
    OP_LIMIT_CACHE,  /* faster than the memory: its data come from a cache */
    OP_LIMIT_LAUNCH, /* short calls far from both peaks */
    OP_LIMIT_OTHER,  /* long calls far from the memory peak: arithmetic that is not counted */
};

/* What limits an operation; *share of the peak of it, or of the nearer one. */
enum op_limit op_profile_limit(const struct clseq_profile_row *row, const struct clseq_peaks *peaks,
                               double *share);

/* Print to stderr; nothing when nothing was counted. `peaks` are measured when NULL. */
void op_profile_print(clseq_backend *be, const struct clseq_peaks *peaks);

#endif
