/* SPDX-License-Identifier: BSD-2-Clause */
/* A file without a name: written once from front to back, then mapped for reading. */
#ifndef CLSEQ_SPOOL_H
#define CLSEQ_SPOOL_H

#include "base/base.h"

/* Start with clseq_spool_open(), end with clseq_spool_close(). */
typedef struct clseq_spool {
    clseq_context *ctx; /* borrowed */
    char *folder;       /* for messages */
    int fd;             /* -1 once mapped */
    unsigned char *buffer;
    size_t used;
    uint64_t size; /* bytes written, the buffer included */
    void *map;
    size_t map_size;
} clseq_spool;

/* Create the file in `folder`. It is unlinked at once, so nothing remains however the process ends.
 * Errors: CLSEQ_ERR_IO, CLSEQ_ERR_NOMEM. *ret may be closed after a failure too. */
CLSEQ_MUST_CHECK clseq_status clseq_spool_open(clseq_context *ctx, const char *folder,
                                               clseq_spool *ret);

/* Append. Errors: CLSEQ_ERR_IO (disk full). */
CLSEQ_MUST_CHECK clseq_status clseq_spool_write(clseq_spool *spool, const void *data, size_t size);

/* End writing; spool->map holds spool->map_size bytes until close. An empty file gives NULL and 0.
 * Errors: CLSEQ_ERR_IO, CLSEQ_ERR_NOMEM. */
CLSEQ_MUST_CHECK clseq_status clseq_spool_map(clseq_spool *spool);

/* The mapping will be read in no order, so reading ahead is a waste. */
void clseq_spool_expect_random(const clseq_spool *spool);

void clseq_spool_close(clseq_spool *spool);

#endif
