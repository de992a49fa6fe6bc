/* SPDX-License-Identifier: BSD-2-Clause */
#include "opencl/opencl_icd.h"

#include "base/file.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define VENDOR_FOLDER "/etc/OpenCL/vendors"
#define ICD_LIMIT     65536
#define MAPS_LIMIT    ((size_t)64 << 20)

extern char **environ;

/* Lines of text: driver libraries as the .icd files name them, or those files. */
struct drivers {
    clseq_context *ctx;
    char *text; /* owned; ends in 0 */
    size_t size, capacity;
};

static clseq_status append(struct drivers *d, const char *text)
{
    const size_t n = strlen(text);

    CLSEQ_TRY(clseq_grow(d->ctx, &d->text, &d->capacity, d->size + n + 2, 1, "list of drivers"));
    memcpy(d->text + d->size, text, n);
    d->text[d->size + n] = '\n';
    d->text[d->size + n + 1] = 0;
    d->size += n + 1;
    return CLSEQ_OK;
}

/* The first line of an .icd file is a library; one that cannot be read counts as none. */
static clseq_status append_icd(struct drivers *d, const char *path)
{
    clseq_status status = CLSEQ_OK;
    char *content = NULL;
    size_t size = 0;

    if (clseq_file_read(d->ctx, path, ICD_LIMIT, &content, &size) != CLSEQ_OK)
        return CLSEQ_OK;
    content[strcspn(content, "\r\n")] = 0;
    if (content[0])
        status = append(d, content);
    free(content);
    return status;
}

static bool ends_with(const char *text, const char *end)
{
    const size_t n = strlen(text), m = strlen(end);

    return n >= m && strcmp(text + n - m, end) == 0;
}

/* `each` for the path of every .icd file of a folder. */
static clseq_status append_folder(struct drivers *d, const char *folder,
                                  clseq_status (*each)(struct drivers *d, const char *path))
{
    struct dirent **entries = NULL;
    const int n = scandir(folder, &entries, NULL, alphasort);
    clseq_status status = CLSEQ_OK;

    for (int i = 0; i < n; i++) {
        char *path = NULL;

        if (status == CLSEQ_OK && ends_with(entries[i]->d_name, ".icd")) {
            status = clseq_join_path(d->ctx, folder, entries[i]->d_name, &path);
            if (status == CLSEQ_OK)
                status = each(d, path);
            free(path);
        }
        free(entries[i]);
    }
    free(entries);
    return status;
}

/* The folder in which the ICD loader looks (ocl-icd and Khronos); NULL when it is told a file. */
static const char *vendor_folder(void)
{
    const char *vendors = getenv("OCL_ICD_VENDORS"), *path = getenv("OPENCL_VENDOR_PATH");
    struct stat st;

    if (!vendors || !vendors[0])
        return path && path[0] ? path : VENDOR_FOLDER;
    return stat(vendors, &st) == 0 && S_ISDIR(st.st_mode) ? vendors : NULL;
}

static clseq_status list_drivers(struct drivers *d)
{
    const char *folder = vendor_folder(), *vendors = getenv("OCL_ICD_VENDORS");

    if (folder)
        return append_folder(d, folder, append_icd);
    if (ends_with(vendors, ".icd")) {
        char *full = NULL;
        clseq_status status;

        if (strchr(vendors, '/'))
            return append_icd(d, vendors);
        CLSEQ_TRY(clseq_join_path(d->ctx, VENDOR_FOLDER, vendors, &full));
        status = append_icd(d, full);
        free(full);
        return status;
    }
    return append(d, vendors);
}

clseq_status clseq_opencl_icd_files(clseq_context *ctx, char **ret)
{
    struct drivers d = { .ctx = ctx };
    const char *folder = vendor_folder();
    clseq_status status = folder ? append_folder(&d, folder, append) : CLSEQ_OK;

    /* A single one is what the loader would read anyway. */
    if (status == CLSEQ_OK && (!d.text || strchr(d.text, '\n') == d.text + d.size - 1)) {
        free(d.text);
        return clseq_strdup(ctx, "", ret);
    }
    if (status != CLSEQ_OK) {
        free(d.text);
        return status;
    }
    *ret = d.text;
    return CLSEQ_OK;
}

/* "/usr/lib/libfoo.so.1" -> "/libfoo.so", which its line in the memory map contains whatever the
 * version behind the link is. */
static void library_stem(const char *line, char *stem, size_t size)
{
    const char *slash = strrchr(line, '/'), *name = slash ? slash + 1 : line;
    const char *so = strstr(name, ".so");
    const size_t n = so ? (size_t)(so - name) + 3 : strlen(name);

    snprintf(stem, size, "/%.*s", (int)n, name);
}

bool clseq_opencl_driver_loaded(clseq_context *ctx)
{
    struct drivers d = { .ctx = ctx };
    char *maps = NULL, *line, *rest, stem[256];
    size_t size = 0;
    struct stat st;
    bool loaded = false;

    if (stat("/proc/self/maps", &st) != 0 || list_drivers(&d) != CLSEQ_OK || !d.text ||
        clseq_file_read(ctx, "/proc/self/maps", MAPS_LIMIT, &maps, &size) != CLSEQ_OK)
        goto out;
    for (line = strtok_r(d.text, "\n", &rest); line && !loaded;
         line = strtok_r(NULL, "\n", &rest)) {
        library_stem(line, stem, sizeof(stem));
        loaded = strstr(maps, stem) != NULL;
    }
out:
    free(maps);
    free(d.text);
    return loaded;
}

/* Size and time of a library with a full path; others are told apart by their versions later. */
static clseq_status append_stamp(struct drivers *d, const char *path)
{
    struct stat st;
    char text[128];

    if (path[0] != '/' || stat(path, &st) != 0)
        return CLSEQ_OK;
    snprintf(text, sizeof(text), "%lld %lld", (long long)st.st_size, (long long)st.st_mtime);
    return append(d, text);
}

/* Variables that change what the loader and the drivers do. */
static bool steers_drivers(const char *variable)
{
    static const char *const prefixes[] = { "OCL_", "OPENCL_", "POCL_",   "RUSTICL_", "OCLGRIND_",
                                            "LD_",  "CUDA_",   "NVIDIA_", "ROCR_",    "HIP_",
                                            "GPU_", "LP_",     "MESA_",   "GALLIUM_" };

    for (size_t i = 0; i < CLSEQ_ARRAY_SIZE(prefixes); i++) {
        if (strncmp(variable, prefixes[i], strlen(prefixes[i])) == 0)
            return true;
    }
    return false;
}

static int is_device_node(const struct dirent *entry)
{
    static const char *const prefixes[] = { "nvidia", "kfd", "card", "renderD", "mali", "dxg" };

    for (size_t i = 0; i < CLSEQ_ARRAY_SIZE(prefixes); i++) {
        if (strncmp(entry->d_name, prefixes[i], strlen(prefixes[i])) == 0)
            return 1;
    }
    return 0;
}

/* A GPU that appears or goes changes what is best, with the same drivers. */
static clseq_status append_nodes(struct drivers *d, const char *folder)
{
    struct dirent **entries = NULL;
    const int n = scandir(folder, &entries, is_device_node, alphasort);
    clseq_status status = CLSEQ_OK;

    for (int i = 0; i < n; i++) {
        if (status == CLSEQ_OK)
            status = append(d, entries[i]->d_name);
        free(entries[i]);
    }
    free(entries);
    return status;
}

clseq_status clseq_opencl_icd_key(clseq_context *ctx, const char *extra,
                                  struct clseq_opencl_key *ret)
{
    struct drivers libraries = { .ctx = ctx }, stamps = { .ctx = ctx };
    const char *texts[2];
    clseq_status status;
    char *line, *rest;

    CLSEQ_TRY_GOTO(status, out, list_drivers(&libraries));
    for (char **variable = environ; *variable; variable++) {
        if (steers_drivers(*variable))
            CLSEQ_TRY_GOTO(status, out, append(&stamps, *variable));
    }
    for (line = libraries.text ? strtok_r(libraries.text, "\n", &rest) : NULL; line;
         line = strtok_r(NULL, "\n", &rest)) {
        CLSEQ_TRY_GOTO(status, out, append(&stamps, line));
        CLSEQ_TRY_GOTO(status, out, append_stamp(&stamps, line));
    }
    CLSEQ_TRY_GOTO(status, out, append_nodes(&stamps, "/dev"));
    CLSEQ_TRY_GOTO(status, out, append_nodes(&stamps, "/dev/dri"));
    texts[0] = extra;
    texts[1] = stamps.text;
    *ret = clseq_opencl_cache_key(2, texts);
out:
    free(libraries.text);
    free(stamps.text);
    return status;
}
