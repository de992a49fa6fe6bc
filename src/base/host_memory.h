/* SPDX-License-Identifier: BSD-2-Clause */
/* What memory this process has and could still get: from /proc and the limits of control groups. */
#ifndef CLSEQ_HOST_MEMORY_H
#define CLSEQ_HOST_MEMORY_H

#include <stdint.h>

/* Bytes in memory now, and the most there were; 0 where the system does not say. */
struct clseq_host_use {
    uint64_t now, peak;
};

struct clseq_host_use clseq_host_use(void);

/* Bytes that can be taken without swapping: what the kernel thinks is available, or less where a
 * control group sets a limit (version 2 and 1). 0 = unknown. */
uint64_t clseq_host_available(void);

/* The same with proc and sys in this folder, for the tests. */
uint64_t clseq_host_available_in(const char *root);

#endif
