/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What may be kept on disk between runs, all of it in one folder that can be deleted at any time,
 * clseq-opencl in the cache folder of the options:
 *   programs/<key>.bin   built programs
 *   probed/<key>.bin     devices that passed the probe
 *   gemm-<key>.txt       what makes matrix products best (opencl_tune.h), for people to read
 *   pocl                 PoCL's own cache, unless the user chose another place
 *   in-use               empty; users share a lock of it
 * An entry (.bin) carries its key and the hash of its content. One that is damaged, cut short or of
 * another version is ignored and written anew; a folder that cannot be written is no error.
 */
#ifndef CLSEQ_OPENCL_CACHE_H
#define CLSEQ_OPENCL_CACHE_H

#include "base/base.h"

struct clseq_opencl_cache {
    clseq_context *ctx; /* borrowed */
    char *folder;       /* owned; NULL = nothing is kept */
    int in_use; /* descriptor of a file that all users of the folder share a lock of, or -1 */
};

struct clseq_opencl_key {
    uint64_t low, high;
};

/* Where it is remembered that a device has passed. Plain data. */
struct clseq_opencl_remembered {
    bool known;                    /* false: nowhere, the rest means nothing */
    struct clseq_opencl_key entry; /* of kind "probed" */
    struct clseq_opencl_key state; /* of PoCL's cache (opencl_pocl.h) with which it passed */
};

/* Choose and create the folder: `option` as in struct clseq_backend_options. Also points PoCL to
 * its part of it (POCL_CACHE_DIR), so call this before any OpenCL function.
 * Errors: CLSEQ_ERR_NOMEM. */
CLSEQ_MUST_CHECK clseq_status clseq_opencl_cache_open(clseq_context *ctx, const char *option,
                                                      struct clseq_opencl_cache *ret);
void clseq_opencl_cache_close(struct clseq_opencl_cache *cache);

/* Are no other users there, and none coming until clseq_opencl_cache_share()? What they write could
 * be taken for damaged. True as well where files cannot be locked. */
bool clseq_opencl_cache_alone(const struct clseq_opencl_cache *cache);
void clseq_opencl_cache_share(const struct clseq_opencl_cache *cache);

/* A key that depends on every one of the texts and on where each ends. NULL counts as "". */
struct clseq_opencl_key clseq_opencl_cache_key(size_t n, const char *const *texts);

/* Read the entry of a kind ("programs"); false when there is none that can be used. Release *data
 * with free(). */
bool clseq_opencl_cache_load(const struct clseq_opencl_cache *cache, const char *kind,
                             struct clseq_opencl_key key, void **data, size_t *size);

/* Keep an entry. Failure is only logged. */
void clseq_opencl_cache_store(const struct clseq_opencl_cache *cache, const char *kind,
                              struct clseq_opencl_key key, const void *data, size_t size);

/* Delete one entry. */
void clseq_opencl_cache_forget(const struct clseq_opencl_cache *cache, const char *kind,
                               struct clseq_opencl_key key);

/* Empty the folder: the cure when a driver dies of its own cache. */
void clseq_opencl_cache_clear(const struct clseq_opencl_cache *cache);

#endif
