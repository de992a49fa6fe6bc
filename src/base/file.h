/* SPDX-License-Identifier: BSD-2-Clause */
/* Files: whole-file reads with a limit, and writes that are either complete or absent. */
#ifndef CLSEQ_FILE_H
#define CLSEQ_FILE_H

#include "base/base.h"

/* Read a whole file into memory; one 0 byte is added behind it (not counted in *size).
 * Release *data with free(). Errors: CLSEQ_ERR_IO, CLSEQ_ERR_LIMIT (longer than `limit` bytes),
 * CLSEQ_ERR_NOMEM. */
CLSEQ_MUST_CHECK clseq_status clseq_file_read(clseq_context *ctx, const char *path, size_t limit,
                                              char **data, size_t *size);

/* A file being written beside its target: `path` keeps its old content until commit. */
typedef struct clseq_atomic_file {
    clseq_context *ctx; /* borrowed */
    char *path;         /* owned; the target */
    char *temporary;    /* owned; "<path>.tmp.<pid>" in the same folder */
    int fd;             /* -1 when closed */
} clseq_atomic_file;

/* Start writing. Stale temporary files of dead processes for the same target are removed.
 * Errors: CLSEQ_ERR_IO. After success call commit or abort exactly once. */
CLSEQ_MUST_CHECK clseq_status clseq_atomic_open(clseq_context *ctx, const char *path,
                                                clseq_atomic_file *ret);

/* Append bytes; on failure the caller still calls abort. Errors: CLSEQ_ERR_IO. */
CLSEQ_MUST_CHECK clseq_status clseq_atomic_write(clseq_atomic_file *file, const void *data,
                                                 size_t size);

/* Overwrite bytes that are already written, from `offset`; where the next write appends does not
 * change. Errors: CLSEQ_ERR_IO. */
CLSEQ_MUST_CHECK clseq_status clseq_atomic_write_at(clseq_atomic_file *file, size_t offset,
                                                    const void *data, size_t size);

/* Set aside `size` bytes on the disk, so that a full disk shows before the work of writing. The
 * file gets this size: write all of it. File systems that cannot do this are no error. Errors:
 * CLSEQ_ERR_IO. */
CLSEQ_MUST_CHECK clseq_status clseq_atomic_reserve(clseq_atomic_file *file, size_t size);

/* fsync, close, rename over the target, fsync the folder. On failure the temporary file is removed
 * and the target is as it was. Errors: CLSEQ_ERR_IO. */
CLSEQ_MUST_CHECK clseq_status clseq_atomic_commit(clseq_atomic_file *file);

/* Give up: close and remove the temporary file. Safe after a failed open. */
void clseq_atomic_abort(clseq_atomic_file *file);

/* The three steps in one. */
CLSEQ_MUST_CHECK clseq_status clseq_file_write_atomic(clseq_context *ctx, const char *path,
                                                      const void *data, size_t size);

/* Create a folder and its parents. An existing folder is fine. Errors: CLSEQ_ERR_IO. */
CLSEQ_MUST_CHECK clseq_status clseq_make_folder(clseq_context *ctx, const char *path);

/* "folder/name" in new memory; release with free(). Errors: CLSEQ_ERR_NOMEM. */
CLSEQ_MUST_CHECK clseq_status clseq_join_path(clseq_context *ctx, const char *folder,
                                              const char *name, char **ret);

#endif
