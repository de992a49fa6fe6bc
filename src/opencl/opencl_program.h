/* SPDX-License-Identifier: BSD-2-Clause */
/* The embedded programs, and building them for an open device. */
#ifndef CLSEQ_OPENCL_PROGRAM_H
#define CLSEQ_OPENCL_PROGRAM_H

#include "opencl/opencl_cache.h"
#include "opencl/opencl_impl.h"

/* Made by cl/embed.py; `text` ends in a 0 byte that `length` does not count. */
struct clseq_opencl_source {
    const char *text; /* NULL: cl/meson.build lacks the program */
    size_t length;
};

extern const struct clseq_opencl_source clseq_opencl_sources[CLSEQ_PROGRAM_COUNT];

/* One key over the text of all programs. */
struct clseq_opencl_key clseq_opencl_sources_key(void);

/* Build `text` with the options that all programs get. With `keep`, take the binary from the cache
 * when it has one that the driver accepts, and put it there otherwise. `name` is for messages and
 * logs. Release *ret with clReleaseProgram().
 * Errors: CLSEQ_ERR_BUILD with the first lines of the build log; CLSEQ_ERR_DEVICE. */
CLSEQ_MUST_CHECK clseq_status clseq_opencl_program_build(clseq_backend *be,
                                                         const struct clseq_opencl_cache *cache,
                                                         const char *name, const char *text,
                                                         bool keep, cl_program *ret);

/* Build the programs that every backend needs, and create their kernels. */
CLSEQ_MUST_CHECK clseq_status clseq_opencl_programs_open(clseq_backend *be,
                                                         const struct clseq_opencl_cache *cache);

/* Build the program of one provider of matrix products, once. */
CLSEQ_MUST_CHECK clseq_status clseq_opencl_programs_add(clseq_backend *be,
                                                        const struct clseq_opencl_cache *cache,
                                                        enum clseq_opencl_program program);

void clseq_opencl_programs_close(struct clseq_opencl *cl);

/* The backend's slots of these names. The first builds a program of its own and finds out how long
 * the second has to compute; before that the second gives 0. */
CLSEQ_MUST_CHECK clseq_status clseq_opencl_peaks(clseq_backend *be, struct clseq_peaks *ret);
CLSEQ_MUST_CHECK clseq_status clseq_opencl_peak_now(clseq_backend *be, double *gflops);

#endif
