/* SPDX-License-Identifier: BSD-2-Clause */
#include "opencl/opencl_pocl.h"

#include "base/file.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <xxhash.h>

#define FILE_LIMIT  ((size_t)256 << 20)
#define DEPTH_LIMIT 16

static bool ends_with(const char *text, const char *end)
{
    const size_t n = strlen(text), m = strlen(end);

    return n >= m && strcmp(text + n - m, end) == 0;
}

/* A number of `bytes` bytes, lowest first. */
static uint64_t number_at(const char *data, size_t at, size_t bytes)
{
    uint64_t value = 0;

    for (size_t i = 0; i < bytes; i++)
        value |= (uint64_t)(unsigned char)data[at + i] << (8 * i);
    return value;
}

/* Shared objects end with their table of sections (ELF, 64 bits, little-endian: what else there may
 * be is not judged). */
static bool object_is_whole(const char *data, size_t size)
{
    uint64_t table, entry, n;

    if (size < 64 || memcmp(data, "\177ELF", 4) != 0)
        return false;
    if (data[4] != 2 || data[5] != 1)
        return true;
    table = number_at(data, 0x28, 8);
    entry = number_at(data, 0x3a, 2);
    n = number_at(data, 0x3c, 2);
    return table <= size && entry * n <= size - table;
}

/* LLVM bitcode is made of words of 32 bits. */
static bool bitcode_is_whole(const char *data, size_t size)
{
    return size >= 4 && size % 4 == 0 &&
           (memcmp(data, "BC\xc0\xde", 4) == 0 || memcmp(data, "\xde\xc0\x17\x0b", 4) == 0);
}

/* Add a file to the hash, or delete it, unless somebody may be writing it. Sums, as folders are
 * listed in any order. Files of other kinds are notes and leftovers of PoCL that change all the
 * time. */
static void visit_file(clseq_context *ctx, const char *path, size_t base, bool alone,
                       struct clseq_opencl_key *state)
{
    const bool object = ends_with(path, ".so");
    char *data = NULL;
    size_t size = 0;
    XXH128_hash_t h;

    if ((!object && !ends_with(path, ".bc")) ||
        clseq_file_read(ctx, path, FILE_LIMIT, &data, &size) != CLSEQ_OK)
        return;
    if (object ? object_is_whole(data, size) : bitcode_is_whole(data, size)) {
        h = XXH3_128bits_withSeed(data, size, XXH3_64bits(path + base, strlen(path + base)));
        state->low += h.low64;
        state->high += h.high64;
    } else if (alone) {
        clseq_log(ctx, CLSEQ_LOG_DEBUG, "OpenCL: %s is incomplete, deleting it", path);
        unlink(path);
    }
    free(data);
}

static void visit_folder(clseq_context *ctx, const char *folder, size_t base, int depth, bool alone,
                         struct clseq_opencl_key *state)
{
    DIR *dir = opendir(folder);
    const struct dirent *entry;

    if (!dir)
        return;
    while ((entry = readdir(dir))) {
        char *path = NULL;
        struct stat st;

        if (entry->d_name[0] == '.' ||
            clseq_join_path(ctx, folder, entry->d_name, &path) != CLSEQ_OK)
            continue;
        if (lstat(path, &st) == 0 && S_ISREG(st.st_mode))
            visit_file(ctx, path, base, alone, state);
        else if (lstat(path, &st) == 0 && S_ISDIR(st.st_mode) && depth < DEPTH_LIMIT)
            visit_folder(ctx, path, base, depth + 1, alone, state);
        free(path);
    }
    closedir(dir);
}

struct clseq_opencl_key clseq_opencl_pocl_state(const struct clseq_opencl_cache *cache)
{
    struct clseq_opencl_key state = { 0, 0 };
    const char *used = getenv("POCL_CACHE_DIR");
    char *own = NULL;

    if (!cache->folder || !used ||
        clseq_join_path(cache->ctx, cache->folder, "pocl", &own) != CLSEQ_OK)
        return state;
    if (strcmp(own, used) == 0) {
        visit_folder(cache->ctx, own, strlen(own), 0, clseq_opencl_cache_alone(cache), &state);
        clseq_opencl_cache_share(cache);
    }
    free(own);
    return state;
}
