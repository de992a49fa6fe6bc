/* SPDX-License-Identifier: BSD-2-Clause */
#include "base/file.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static clseq_status io_fail(clseq_context *ctx, const char *path, const char *what)
{
    const int code = errno;

    return clseq_fail(ctx, CLSEQ_ERR_IO, "%s: %s: %s", path, what, strerror(code));
}

clseq_status clseq_file_read(clseq_context *ctx, const char *path, size_t limit, char **data,
                             size_t *size)
{
    clseq_status status = CLSEQ_OK;
    char *buffer = NULL;
    size_t capacity = 0, used = 0;
    const int fd = open(path, O_RDONLY | O_CLOEXEC);

    if (fd < 0)
        return io_fail(ctx, path, "cannot open");
    for (;;) {
        CLSEQ_TRY_GOTO(status, out, clseq_grow(ctx, &buffer, &capacity, used + 65536, 1, path));
        const ssize_t n = read(fd, buffer + used, capacity - used - 1);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0) {
            status = io_fail(ctx, path, "cannot read");
            goto out;
        }
        if (n == 0)
            break;
        used += (size_t)n;
        if (used > limit) {
            status = clseq_fail(ctx, CLSEQ_ERR_LIMIT, "%s: longer than the limit of %zu bytes",
                                path, limit);
            goto out;
        }
    }
    buffer[used] = 0;
    *data = buffer;
    *size = used;
    buffer = NULL;
out:
    free(buffer);
    close(fd);
    return status;
}

/* Length of the folder part of a path without its final slash; 0 when there is none. */
static size_t folder_length(const char *path)
{
    const char *slash = strrchr(path, '/');

    return slash ? (size_t)(slash - path) : 0;
}

static clseq_status folder_of(clseq_context *ctx, const char *path, char **ret)
{
    const size_t n = folder_length(path);

    if (n == 0)
        return clseq_strdup(ctx, path[0] == '/' ? "/" : ".", ret);
    CLSEQ_TRY(clseq_strdup(ctx, path, ret));
    (*ret)[n] = 0;
    return CLSEQ_OK;
}

/* Temporary files end in the process id of their writer, so those of killed runs can be told. */
static void remove_stale(const char *folder, const char *base)
{
    DIR *dir = opendir(folder);
    const size_t n = strlen(base);
    const struct dirent *entry;

    if (!dir)
        return;
    while ((entry = readdir(dir))) {
        char *end;
        long pid;

        if (strncmp(entry->d_name, base, n) != 0 || strncmp(entry->d_name + n, ".tmp.", 5) != 0)
            continue;
        pid = strtol(entry->d_name + n + 5, &end, 10);
        if (*end == 0 && pid > 0 && pid <= INT_MAX && kill((pid_t)pid, 0) != 0 && errno == ESRCH)
            unlinkat(dirfd(dir), entry->d_name, 0);
    }
    closedir(dir);
}

clseq_status clseq_atomic_open(clseq_context *ctx, const char *path, clseq_atomic_file *ret)
{
    char suffix[32], *folder = NULL;
    const char *base = strrchr(path, '/') ? strrchr(path, '/') + 1 : path;
    clseq_status status;

    *ret = (clseq_atomic_file) { .ctx = ctx, .fd = -1 };
    CLSEQ_TRY(folder_of(ctx, path, &folder));
    remove_stale(folder, base);
    free(folder);
    CLSEQ_TRY(clseq_strdup(ctx, path, &ret->path));
    snprintf(suffix, sizeof(suffix), ".tmp.%ld", (long)getpid());
    CLSEQ_TRY_GOTO(
        status, out,
        clseq_calloc(ctx, strlen(path) + strlen(suffix) + 1, 1, "path", &ret->temporary));
    memcpy(ret->temporary, path, strlen(path));
    memcpy(ret->temporary + strlen(path), suffix, strlen(suffix));
    unlink(ret->temporary);
    ret->fd = open(ret->temporary, O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC, 0644);
    if (ret->fd < 0) {
        status = io_fail(ctx, ret->temporary, "cannot create");
        goto out;
    }
    return CLSEQ_OK;
out:
    clseq_atomic_abort(ret);
    return status;
}

clseq_status clseq_atomic_write(clseq_atomic_file *file, const void *data, size_t size)
{
    const char *p = data;

    while (size > 0) {
        const ssize_t n = write(file->fd, p, size);

        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return io_fail(file->ctx, file->path, "cannot write (the old file is untouched)");
        p += n;
        size -= (size_t)n;
    }
    return CLSEQ_OK;
}

clseq_status clseq_atomic_write_at(clseq_atomic_file *file, size_t offset, const void *data,
                                   size_t size)
{
    const char *p = data;

    while (size > 0) {
        const ssize_t n = pwrite(file->fd, p, size, (off_t)offset);

        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return io_fail(file->ctx, file->path, "cannot write (the old file is untouched)");
        p += n;
        offset += (size_t)n;
        size -= (size_t)n;
    }
    return CLSEQ_OK;
}

clseq_status clseq_atomic_reserve(clseq_atomic_file *file, size_t size)
{
    int code;

    if (size == 0)
        return CLSEQ_OK;
    do
        code = posix_fallocate(file->fd, 0, (off_t)size);
    while (code == EINTR);
    if (code == 0 || code == EINVAL || code == EOPNOTSUPP || code == ENOSYS)
        return CLSEQ_OK;
    return clseq_fail(file->ctx, CLSEQ_ERR_IO,
                      "%s: cannot set aside %zu bytes (the old file is untouched): %s", file->path,
                      size, strerror(code));
}

clseq_status clseq_atomic_commit(clseq_atomic_file *file)
{
    clseq_status status = CLSEQ_OK;
    char *folder = NULL;
    int dir, closed;

    if (fsync(file->fd) != 0) {
        status = io_fail(file->ctx, file->path, "cannot flush to disk (the old file is untouched)");
        goto out;
    }
    closed = close(file->fd);
    file->fd = -1;
    if (closed != 0 || rename(file->temporary, file->path) != 0) {
        status = io_fail(file->ctx, file->path, "cannot replace (the old file is untouched)");
        goto out;
    }
    CLSEQ_TRY_GOTO(status, out, folder_of(file->ctx, file->path, &folder));
    dir = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (dir < 0 || fsync(dir) != 0)
        status = io_fail(file->ctx, folder, "cannot flush the folder to disk");
    if (dir >= 0)
        close(dir);
out:
    free(folder);
    clseq_atomic_abort(file);
    return status;
}

void clseq_atomic_abort(clseq_atomic_file *file)
{
    if (file->fd >= 0)
        close(file->fd);
    file->fd = -1;
    if (file->temporary)
        unlink(file->temporary);
    free(file->temporary);
    free(file->path);
    file->temporary = file->path = NULL;
}

clseq_status clseq_file_write_atomic(clseq_context *ctx, const char *path, const void *data,
                                     size_t size)
{
    clseq_atomic_file file;
    clseq_status status;

    CLSEQ_TRY(clseq_atomic_open(ctx, path, &file));
    status = clseq_atomic_write(&file, data, size);
    if (status != CLSEQ_OK) {
        clseq_atomic_abort(&file);
        return status;
    }
    return clseq_atomic_commit(&file);
}

clseq_status clseq_make_folder(clseq_context *ctx, const char *path)
{
    struct stat st;
    char *copy = NULL;
    clseq_status status = CLSEQ_OK;

    CLSEQ_TRY(clseq_strdup(ctx, path, &copy));
    for (char *p = copy + 1; status == CLSEQ_OK; p++) {
        const char c = *p;

        if (c != '/' && c != 0)
            continue;
        *p = 0;
        if (mkdir(copy, 0777) != 0 &&
            (errno != EEXIST || stat(copy, &st) != 0 || !S_ISDIR(st.st_mode)))
            status = io_fail(ctx, copy, "cannot create folder");
        *p = c;
        if (c == 0)
            break;
    }
    free(copy);
    return status;
}

clseq_status clseq_join_path(clseq_context *ctx, const char *folder, const char *name, char **ret)
{
    const size_t a = strlen(folder), b = strlen(name);
    const bool slash = a > 0 && folder[a - 1] != '/';
    char *p = NULL;

    CLSEQ_TRY(clseq_calloc(ctx, a + b + 2, 1, "path", &p));
    memcpy(p, folder, a);
    if (slash)
        p[a] = '/';
    memcpy(p + a + slash, name, b);
    *ret = p;
    return CLSEQ_OK;
}
