/* SPDX-License-Identifier: BSD-2-Clause */
#include "opencl/opencl_cache.h"

#include "base/file.h"

#include <clseq/version.h>

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>
#include <xxhash.h>

#define ENTRY_LIMIT ((size_t)256 << 20)
#define DEPTH_LIMIT 16

/* In front of every entry. Only ever read by the machine that wrote it. */
struct entry_header {
    char magic[8];
    uint64_t key_low, key_high;
    uint64_t size, hash; /* of what follows */
};

/* Everything stands in this part of the folder, for clearing must never meet other people's
 * files. */
#define OWN_PART "clseq-opencl"

static const char entry_magic[8] = { 'C', 'L', 'S', 'Q', 'K', 'E', 'P', '1' };

/* The folder as the options or the environment name it; NULL when there is none. */
static clseq_status choose_folder(clseq_context *ctx, const char *option, char **ret)
{
    const char *xdg = getenv("XDG_CACHE_HOME"), *home = getenv("HOME");

    *ret = NULL;
    if (option)
        return option[0] ? clseq_join_path(ctx, option, OWN_PART, ret) : CLSEQ_OK;
    if (xdg && xdg[0] == '/')
        return clseq_join_path(ctx, xdg, "clseq/" OWN_PART, ret);
    if (home && home[0] == '/')
        return clseq_join_path(ctx, home, ".cache/clseq/" OWN_PART, ret);
    return CLSEQ_OK;
}

/* Create the folder and try to write: permissions do not tell about full or read-only disks. */
static bool folder_works(clseq_context *ctx, const char *folder)
{
    clseq_atomic_file file;
    char name[64], *path = NULL;
    bool works = false;

    snprintf(name, sizeof(name), "write-test-%ld", (long)getpid());
    if (clseq_make_folder(ctx, folder) != CLSEQ_OK ||
        clseq_join_path(ctx, folder, name, &path) != CLSEQ_OK)
        return false;
    if (clseq_atomic_open(ctx, path, &file) == CLSEQ_OK) {
        works = clseq_atomic_write(&file, entry_magic, sizeof(entry_magic)) == CLSEQ_OK;
        clseq_atomic_abort(&file);
    }
    free(path);
    return works;
}

/* PoCL reports "no devices" when its cache folder cannot be written, so it gets one that can. */
static clseq_status point_pocl(const struct clseq_opencl_cache *cache)
{
    char *path = NULL;

    if (getenv("POCL_CACHE_DIR") || getenv("POCL_KERNEL_CACHE"))
        return CLSEQ_OK;
    if (!cache->folder) {
        setenv("POCL_KERNEL_CACHE", "0", 0);
        return CLSEQ_OK;
    }
    CLSEQ_TRY(clseq_join_path(cache->ctx, cache->folder, "pocl", &path));
    if (clseq_make_folder(cache->ctx, path) == CLSEQ_OK)
        setenv("POCL_CACHE_DIR", path, 0);
    free(path);
    return CLSEQ_OK;
}

/* The lock goes with the process, however that ends; until then its children have it, too. */
static void begin_use(struct clseq_opencl_cache *cache)
{
    char *path = NULL;

    if (!cache->folder || clseq_join_path(cache->ctx, cache->folder, "in-use", &path) != CLSEQ_OK)
        return;
    cache->in_use = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0666);
    free(path);
    clseq_opencl_cache_share(cache);
}

bool clseq_opencl_cache_alone(const struct clseq_opencl_cache *cache)
{
    return cache->in_use < 0 || flock(cache->in_use, LOCK_EX | LOCK_NB) == 0 ||
           errno != EWOULDBLOCK;
}

void clseq_opencl_cache_share(const struct clseq_opencl_cache *cache)
{
    if (cache->in_use < 0)
        return;
    while (flock(cache->in_use, LOCK_SH) != 0 && errno == EINTR)
        ;
}

clseq_status clseq_opencl_cache_open(clseq_context *ctx, const char *option,
                                     struct clseq_opencl_cache *ret)
{
    struct clseq_opencl_cache cache = { .ctx = ctx, .in_use = -1 };
    clseq_status status;

    CLSEQ_TRY(choose_folder(ctx, option, &cache.folder));
    if (cache.folder && !folder_works(ctx, cache.folder)) {
        clseq_log(ctx, CLSEQ_LOG_DEBUG, "OpenCL: no cache, so kernels compile at every start: %s",
                  clseq_context_error(ctx));
        free(cache.folder);
        cache.folder = NULL;
    }
    status = point_pocl(&cache);
    if (status != CLSEQ_OK) {
        clseq_opencl_cache_close(&cache);
        return status;
    }
    begin_use(&cache);
    *ret = cache;
    return CLSEQ_OK;
}

void clseq_opencl_cache_close(struct clseq_opencl_cache *cache)
{
    if (cache->folder && cache->in_use >= 0)
        close(cache->in_use);
    cache->in_use = -1;
    free(cache->folder);
    cache->folder = NULL;
}

struct clseq_opencl_key clseq_opencl_cache_key(size_t n, const char *const *texts)
{
    struct clseq_opencl_key key = { 0x636c736571u, n };

    /* Chained, so that "ab" "c" and "a" "bc" differ. */
    for (size_t i = 0; i <= n; i++) {
        const char *text = i < n ? (texts[i] ? texts[i] : "") : CLSEQ_VERSION_STRING;
        const XXH128_hash_t h =
            XXH3_128bits_withSeed(text, strlen(text), key.low ^ (key.high << 1));

        key = (struct clseq_opencl_key) { h.low64 ^ strlen(text), h.high64 };
    }
    return key;
}

/* "<folder>/<kind>/<key>.bin" */
static clseq_status entry_path(const struct clseq_opencl_cache *cache, const char *kind,
                               struct clseq_opencl_key key, char **ret)
{
    char name[96];

    snprintf(name, sizeof(name), "%s/%016llx%016llx.bin", kind, (unsigned long long)key.high,
             (unsigned long long)key.low);
    return clseq_join_path(cache->ctx, cache->folder, name, ret);
}

/* Does `data` hold a whole entry of this key? */
static bool entry_is_whole(const char *data, size_t size, struct clseq_opencl_key key)
{
    struct entry_header header;

    if (size < sizeof(header))
        return false;
    memcpy(&header, data, sizeof(header));
    return memcmp(header.magic, entry_magic, sizeof(entry_magic)) == 0 &&
           header.key_low == key.low && header.key_high == key.high &&
           header.size == size - sizeof(header) &&
           header.hash == XXH3_64bits(data + sizeof(header), size - sizeof(header));
}

bool clseq_opencl_cache_load(const struct clseq_opencl_cache *cache, const char *kind,
                             struct clseq_opencl_key key, void **data, size_t *size)
{
    struct stat st;
    char *path = NULL, *bytes = NULL;
    size_t n = 0;
    bool found = false;

    if (!cache->folder || entry_path(cache, kind, key, &path) != CLSEQ_OK)
        return false;
    if (stat(path, &st) == 0 && S_ISREG(st.st_mode)) {
        if (clseq_file_read(cache->ctx, path, ENTRY_LIMIT, &bytes, &n) == CLSEQ_OK)
            found = entry_is_whole(bytes, n, key);
        if (!found)
            clseq_log(cache->ctx, CLSEQ_LOG_DEBUG,
                      "OpenCL: cache entry %s is damaged, making it anew", path);
    }
    free(path);
    if (!found) {
        free(bytes);
        return false;
    }
    n -= sizeof(struct entry_header);
    memmove(bytes, bytes + sizeof(struct entry_header), n);
    *data = bytes;
    *size = n;
    return true;
}

void clseq_opencl_cache_store(const struct clseq_opencl_cache *cache, const char *kind,
                              struct clseq_opencl_key key, const void *data, size_t size)
{
    struct entry_header header = { .key_low = key.low, .key_high = key.high, .size = size };
    clseq_atomic_file file;
    char *folder = NULL, *path = NULL;
    clseq_status status;

    if (!cache->folder || size > ENTRY_LIMIT - sizeof(header))
        return;
    memcpy(header.magic, entry_magic, sizeof(entry_magic));
    header.hash = XXH3_64bits(data, size);
    CLSEQ_TRY_GOTO(status, out, clseq_join_path(cache->ctx, cache->folder, kind, &folder));
    CLSEQ_TRY_GOTO(status, out, clseq_make_folder(cache->ctx, folder));
    CLSEQ_TRY_GOTO(status, out, entry_path(cache, kind, key, &path));
    CLSEQ_TRY_GOTO(status, out, clseq_atomic_open(cache->ctx, path, &file));
    status = clseq_atomic_write(&file, &header, sizeof(header));
    if (status == CLSEQ_OK)
        status = clseq_atomic_write(&file, data, size);
    if (status == CLSEQ_OK)
        status = clseq_atomic_commit(&file);
    else
        clseq_atomic_abort(&file);
out:
    if (status != CLSEQ_OK)
        clseq_log(cache->ctx, CLSEQ_LOG_DEBUG, "OpenCL: not kept in the cache: %s",
                  clseq_context_error(cache->ctx));
    free(path);
    free(folder);
}

void clseq_opencl_cache_forget(const struct clseq_opencl_cache *cache, const char *kind,
                               struct clseq_opencl_key key)
{
    char *path = NULL;

    if (!cache->folder || entry_path(cache, kind, key, &path) != CLSEQ_OK)
        return;
    unlink(path);
    free(path);
}

/* Delete what is in a folder, not the folder. Links are removed, never followed. */
static void empty_folder(int parent, const char *name, int depth)
{
    const int fd = openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    DIR *dir = fd >= 0 ? fdopendir(fd) : NULL;
    const struct dirent *entry;

    if (!dir) {
        if (fd >= 0)
            close(fd);
        return;
    }
    while ((entry = readdir(dir))) {
        if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
            continue;
        if (unlinkat(dirfd(dir), entry->d_name, 0) == 0 || depth >= DEPTH_LIMIT)
            continue;
        empty_folder(dirfd(dir), entry->d_name, depth + 1);
        unlinkat(dirfd(dir), entry->d_name, AT_REMOVEDIR);
    }
    closedir(dir);
}

void clseq_opencl_cache_clear(const struct clseq_opencl_cache *cache)
{
    char *path = NULL;

    if (!cache->folder)
        return;
    empty_folder(AT_FDCWD, cache->folder, 0);
    /* PoCL expects the folder it was pointed to. */
    if (clseq_join_path(cache->ctx, cache->folder, "pocl", &path) == CLSEQ_OK &&
        clseq_make_folder(cache->ctx, path) != CLSEQ_OK)
        clseq_log(cache->ctx, CLSEQ_LOG_DEBUG, "%s", clseq_context_error(cache->ctx));
    free(path);
}
