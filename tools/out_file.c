/* SPDX-License-Identifier: BSD-2-Clause */
#include "out_file.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static bool make_one(const char *path)
{
    struct stat st;

    if (mkdir(path, 0777) == 0)
        return true;
    if (errno != EEXIST)
        return false;
    if (stat(path, &st) != 0)
        return false;
    if (!S_ISDIR(st.st_mode)) {
        errno = ENOTDIR;
        return false;
    }
    return true;
}

bool out_make_folder(const char *path)
{
    char *copy = strdup(path);
    bool ok = copy != NULL;

    for (char *p = copy; ok && (p = strchr(p + 1, '/')) != NULL; *p = '/') {
        *p = 0;
        ok = make_one(copy);
    }
    ok = ok && make_one(copy);
    free(copy);
    return ok;
}

bool out_file_holds(const char *path, const char *text, size_t size)
{
    FILE *file = fopen(path, "r");
    char block[4096];
    size_t at = 0, got;
    bool same = file != NULL;

    while (same && (got = fread(block, 1, sizeof(block), file)) > 0) {
        same = got <= size - at && memcmp(block, text + at, got) == 0;
        at += got;
    }
    same = same && at == size && !ferror(file);
    if (file)
        fclose(file);
    return same;
}

bool out_file_write(const char *path, const char *text, size_t size)
{
    const size_t length = strlen(path);
    char *beside = malloc(length + sizeof(".tmp"));
    FILE *file;
    bool ok;
    int code;

    if (!beside)
        return false;
    memcpy(beside, path, length);
    memcpy(beside + length, ".tmp", sizeof(".tmp"));
    file = fopen(beside, "w");
    if (!file) {
        code = errno;
        free(beside);
        errno = code;
        return false;
    }
    ok = fwrite(text, 1, size, file) == size && fflush(file) == 0 && fsync(fileno(file)) == 0;
    code = errno;
    if (fclose(file) != 0 && ok) {
        ok = false;
        code = errno;
    }
    if (ok && rename(beside, path) != 0) {
        ok = false;
        code = errno;
    }
    if (!ok)
        unlink(beside);
    free(beside);
    errno = code;
    return ok;
}
