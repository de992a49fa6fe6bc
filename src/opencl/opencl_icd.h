/* SPDX-License-Identifier: BSD-2-Clause */
/* What can be known about the installed OpenCL drivers without calling OpenCL. */
#ifndef CLSEQ_OPENCL_ICD_H
#define CLSEQ_OPENCL_ICD_H

#include "opencl/opencl_cache.h"

/* Has this process a driver in memory already, so that a forked child could wait for threads that
 * it does not have? False where the system does not tell. */
bool clseq_opencl_driver_loaded(clseq_context *ctx);

/* The .icd files that the loader would read, when there are several, each a line of text ending in
 * a newline; "" otherwise. One of them may be given to the loader alone in OCL_ICD_VENDORS.
 * Release *ret with free(). Errors: CLSEQ_ERR_NOMEM. */
CLSEQ_MUST_CHECK clseq_status clseq_opencl_icd_files(clseq_context *ctx, char **ret);

/* Changes when drivers are installed or replaced, or when a variable is set that steers them.
 * `extra` is mixed in. Errors: CLSEQ_ERR_NOMEM. */
CLSEQ_MUST_CHECK clseq_status clseq_opencl_icd_key(clseq_context *ctx, const char *extra,
                                                   struct clseq_opencl_key *ret);

#endif
