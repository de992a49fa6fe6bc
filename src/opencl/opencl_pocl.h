/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * PoCL trusts the files of its cache: one that was cut short by a full disk or a power cut kills
 * the process that loads it. So the cache that clseq keeps for PoCL is looked through before it is
 * used.
 */
#ifndef CLSEQ_OPENCL_POCL_H
#define CLSEQ_OPENCL_POCL_H

#include "opencl/opencl_cache.h"

/* Delete what is visibly incomplete, if nobody else uses the cache, and return a hash over all that
 * is left: while it stays the same, what worked before works again. A constant when PoCL's cache is
 * not ours. */
struct clseq_opencl_key clseq_opencl_pocl_state(const struct clseq_opencl_cache *cache);

#endif
