/* SPDX-License-Identifier: BSD-2-Clause */
#include "base/host_memory.h"

#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#define PATH_SIZE 2048

/* The number behind `name` at the beginning of a line, in units of the file. */
static bool find_number(const char *path, const char *name, uint64_t *ret)
{
    FILE *file = fopen(path, "r");
    const size_t length = strlen(name);
    char line[512];
    bool found = false;

    while (file && !found && fgets(line, sizeof(line), file))
        found = strncmp(line, name, length) == 0 && sscanf(line + length, "%" SCNu64, ret) == 1;
    if (file)
        fclose(file);
    return found;
}

struct clseq_host_use clseq_host_use(void)
{
    static const char status[] = "/proc/self/status";
    struct clseq_host_use use = { 0 };

    if (find_number(status, "VmRSS:", &use.now))
        use.now *= 1024;
    if (find_number(status, "VmHWM:", &use.peak))
        use.peak *= 1024;
    return use;
}

/* What a control group still has: its limit less what it uses, where files that could be dropped
 * from memory do not count as used. False where it has no limit. */
static bool group_left(const char *folder, const char *limit_name, const char *used_name,
                       const char *inactive_name, uint64_t *ret)
{
    char path[PATH_SIZE + 64];
    uint64_t limit, used, inactive = 0;

    snprintf(path, sizeof(path), "%s/%s", folder, limit_name);
    if (!find_number(path, "", &limit)) /* "max" is no number */
        return false;
    snprintf(path, sizeof(path), "%s/%s", folder, used_name);
    if (!find_number(path, "", &used))
        return false;
    snprintf(path, sizeof(path), "%s/memory.stat", folder);
    find_number(path, inactive_name, &inactive);
    used -= inactive < used ? inactive : used;
    *ret = limit > used ? limit - used : 0;
    return true;
}

/* The smallest of a group and those it is in: from `folder` up to `top`. */
static void groups_left(char *folder, size_t top, const char *limit_name, const char *used_name,
                        const char *inactive_name, uint64_t *least)
{
    uint64_t left;

    for (;;) {
        char *slash;

        if (group_left(folder, limit_name, used_name, inactive_name, &left) && left < *least)
            *least = left;
        slash = strrchr(folder, '/');
        if (strlen(folder) <= top || !slash)
            return;
        *slash = 0;
    }
}

/* Version 2 has one line "0::/path"; version 1 one for each controller, "9:memory:/path". */
static void all_groups_left(const char *root, uint64_t *least)
{
    char path[PATH_SIZE], line[PATH_SIZE / 2];
    FILE *file;

    snprintf(path, sizeof(path), "%.512s/proc/self/cgroup", root);
    file = fopen(path, "r");
    while (file && fgets(line, sizeof(line), file)) {
        const char *controllers = strchr(line, ':');
        const char *group = controllers ? strchr(controllers + 1, ':') : NULL;
        size_t top;

        if (!group)
            continue;
        line[strcspn(line, "\n")] = 0;
        if (group[1] == '/' && group[2] == 0) /* the top one */
            group++;
        if (strncmp(controllers, "::", 2) == 0) {
            top = (size_t)snprintf(path, sizeof(path), "%.512s/sys/fs/cgroup", root);
            snprintf(path + top, sizeof(path) - top, "%s", group + 1);
            groups_left(path, top, "memory.max", "memory.current", "inactive_file ", least);
        } else if (strncmp(controllers, ":memory:", 8) == 0) {
            top = (size_t)snprintf(path, sizeof(path), "%.512s/sys/fs/cgroup/memory", root);
            snprintf(path + top, sizeof(path) - top, "%s", group + 1);
            groups_left(path, top, "memory.limit_in_bytes", "memory.usage_in_bytes",
                        "total_inactive_file ", least);
        }
    }
    if (file)
        fclose(file);
}

uint64_t clseq_host_available_in(const char *root)
{
    char path[PATH_SIZE];
    uint64_t available;

    snprintf(path, sizeof(path), "%.512s/proc/meminfo", root);
    if (!find_number(path, "MemAvailable:", &available))
        return 0;
    available *= 1024;
    all_groups_left(root, &available);
    return available;
}

uint64_t clseq_host_available(void)
{
    return clseq_host_available_in("");
}
