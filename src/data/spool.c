/* SPDX-License-Identifier: BSD-2-Clause */
#include "data/spool.h"

#include "base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define BUFFER ((size_t)1 << 20)

clseq_status clseq_spool_open(clseq_context *ctx, const char *folder, clseq_spool *ret)
{
    char *path = NULL;
    clseq_status status;

    *ret = (clseq_spool) { .ctx = ctx, .fd = -1 };
    CLSEQ_TRY(clseq_strdup(ctx, folder, &ret->folder));
    CLSEQ_TRY(clseq_calloc(ctx, BUFFER, 1, "encoded text", &ret->buffer));
    CLSEQ_TRY(clseq_join_path(ctx, folder, ".clseq-text-XXXXXX", &path));
    ret->fd = mkstemp(path);
    if (ret->fd < 0) {
        const int code = errno;

        status = clseq_fail(ctx, CLSEQ_ERR_IO,
                            "%s: cannot create a file for the encoded text: %s; name a folder that "
                            "exists and can be written",
                            folder, strerror(code));
        goto out;
    }
    unlink(path);
    /* Programs started later, such as a device probe, have no use for it. */
    fcntl(ret->fd, F_SETFD, FD_CLOEXEC);
    status = CLSEQ_OK;
out:
    free(path);
    return status;
}

static clseq_status flush(clseq_spool *spool)
{
    size_t done = 0;

    while (done < spool->used) {
        const ssize_t n = write(spool->fd, spool->buffer + done, spool->used - done);
        const int code = errno;

        if (n < 0 && code == EINTR)
            continue;
        if (n < 0)
            return clseq_fail(
                spool->ctx, CLSEQ_ERR_IO,
                "%s: cannot write the encoded text (%llu MiB so far): %s; it needs 4 "
                "bytes a token and 16 a sentence pair: make room or name another folder",
                spool->folder, (unsigned long long)(spool->size >> 20), strerror(code));
        done += (size_t)n;
    }
    spool->used = 0;
    return CLSEQ_OK;
}

clseq_status clseq_spool_write(clseq_spool *spool, const void *data, size_t size)
{
    const unsigned char *p = data;

    spool->size += size;
    while (size > 0) {
        const size_t room = BUFFER - spool->used, part = size < room ? size : room;

        memcpy(spool->buffer + spool->used, p, part);
        spool->used += part;
        p += part;
        size -= part;
        if (spool->used == BUFFER)
            CLSEQ_TRY(flush(spool));
    }
    return CLSEQ_OK;
}

clseq_status clseq_spool_map(clseq_spool *spool)
{
    CLSEQ_TRY(flush(spool));
    free(spool->buffer);
    spool->buffer = NULL;
    if (spool->size > SIZE_MAX / 2)
        return clseq_fail(
            spool->ctx, CLSEQ_ERR_NOMEM,
            "the encoded text of %llu bytes is larger than the address space; use less "
            "text or a 64-bit build",
            (unsigned long long)spool->size);
    if (spool->size > 0) {
        void *map = mmap(NULL, (size_t)spool->size, PROT_READ, MAP_SHARED, spool->fd, 0);
        const int code = errno;

        if (map == MAP_FAILED)
            return clseq_fail(spool->ctx, code == ENOMEM ? CLSEQ_ERR_NOMEM : CLSEQ_ERR_IO,
                              "%s: cannot map the encoded text of %llu bytes: %s", spool->folder,
                              (unsigned long long)spool->size, strerror(code));
        spool->map = map;
        spool->map_size = (size_t)spool->size;
    }
    close(spool->fd);
    spool->fd = -1;
    return CLSEQ_OK;
}

void clseq_spool_expect_random(const clseq_spool *spool)
{
    if (spool->map)
        posix_madvise(spool->map, spool->map_size, POSIX_MADV_RANDOM);
}

void clseq_spool_close(clseq_spool *spool)
{
    if (spool->map)
        munmap(spool->map, spool->map_size);
    if (spool->fd >= 0)
        close(spool->fd);
    free(spool->folder);
    free(spool->buffer);
    *spool = (clseq_spool) { .fd = -1 };
}
