/* SPDX-License-Identifier: BSD-2-Clause */
#include "train/run_folder.h"

#include "base/file.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <time.h>
#include <unistd.h>

#define CONFIG_LIMIT ((size_t)1 << 20)

static clseq_status take_lock(clseq_run_folder *folder)
{
    char *path = NULL;

    CLSEQ_TRY(clseq_join_path(folder->ctx, folder->path, ".lock", &path));
    folder->lock = open(path, O_CREAT | O_RDWR | O_CLOEXEC, 0644);
    if (folder->lock < 0) {
        const int code = errno;

        free(path);
        return clseq_fail(folder->ctx, CLSEQ_ERR_IO,
                          "%s: cannot write into the run folder: %s: choose another with -o",
                          folder->path, strerror(code));
    }
    free(path);
    if (flock(folder->lock, LOCK_EX | LOCK_NB) != 0)
        return clseq_fail(
            folder->ctx, CLSEQ_ERR_IO,
            "%s: another training is using this run folder: wait for it, or choose another "
            "folder with -o",
            folder->path);
    return CLSEQ_OK;
}

/* A run that was killed may have left half a line: end it, so that the next line stands alone. */
static void end_cut_line(FILE *log, const char *path)
{
    FILE *file = fopen(path, "r");

    if (!file)
        return;
    if (fseek(file, -1, SEEK_END) == 0 && fgetc(file) != '\n')
        fputc('\n', log);
    fclose(file);
}

clseq_status clseq_run_folder_open(clseq_context *ctx, const char *path, clseq_run_folder *ret)
{
    *ret = (clseq_run_folder) { .ctx = ctx, .path = path, .lock = -1 };
    CLSEQ_TRY(clseq_make_folder(ctx, path));
    CLSEQ_TRY(clseq_join_path(ctx, path, "config.json", &ret->config));
    CLSEQ_TRY(clseq_join_path(ctx, path, "log.jsonl", &ret->log_path));
    CLSEQ_TRY(clseq_join_path(ctx, path, "best.safetensors", &ret->best));
    CLSEQ_TRY(clseq_join_path(ctx, path, "last.safetensors", &ret->last));
    CLSEQ_TRY(clseq_join_path(ctx, path, "candidate.safetensors", &ret->candidate));
    CLSEQ_TRY(take_lock(ret));
    ret->log = fopen(ret->log_path, "a");
    if (!ret->log)
        return clseq_fail(ctx, CLSEQ_ERR_IO, "%s: cannot open for writing: %s", ret->log_path,
                          strerror(errno));
    end_cut_line(ret->log, ret->log_path);
    return CLSEQ_OK;
}

void clseq_run_folder_close(clseq_run_folder *folder)
{
    if (folder->log)
        fclose(folder->log);
    if (folder->lock >= 0)
        close(folder->lock);
    free(folder->config);
    free(folder->log_path);
    free(folder->best);
    free(folder->last);
    free(folder->candidate);
    *folder = (clseq_run_folder) { .lock = -1 };
}

clseq_status clseq_run_folder_read_config(const clseq_run_folder *folder, json_t **ret)
{
    json_error_t error;
    char *data = NULL;
    size_t size = 0;

    *ret = NULL;
    if (access(folder->config, F_OK) != 0)
        return CLSEQ_OK;
    CLSEQ_TRY(clseq_file_read(folder->ctx, folder->config, CONFIG_LIMIT, &data, &size));
    *ret = json_loadb(data, size, JSON_REJECT_DUPLICATES, &error);
    free(data);
    if (!*ret)
        return clseq_fail(folder->ctx, CLSEQ_ERR_FORMAT, "%s:%d: %s: choose another folder with -o",
                          folder->config, error.line, error.text);
    return CLSEQ_OK;
}

clseq_status clseq_run_folder_write_config(const clseq_run_folder *folder, const json_t *config)
{
    char *text = json_dumps(config, JSON_INDENT(2));
    clseq_status status;

    if (!text)
        return clseq_fail(folder->ctx, CLSEQ_ERR_NOMEM, "%s: out of memory", folder->config);
    status = clseq_file_write_atomic(folder->ctx, folder->config, text, strlen(text));
    free(text);
    return status;
}

clseq_status clseq_run_folder_log(const clseq_run_folder *folder, json_t *event)
{
    char stamp[32];
    const time_t now = time(NULL);
    struct tm tm;
    char *text;
    bool ok;

    gmtime_r(&now, &tm);
    strftime(stamp, sizeof(stamp), "%Y-%m-%dT%H:%M:%SZ", &tm);
    json_object_set_new(event, "t", json_string(stamp));
    text = json_dumps(event, JSON_COMPACT | JSON_REAL_PRECISION(9));
    json_decref(event);
    if (!text)
        return clseq_fail(folder->ctx, CLSEQ_ERR_NOMEM, "%s: out of memory", folder->log_path);
    ok = fprintf(folder->log, "%s\n", text) > 0 && fflush(folder->log) == 0;
    free(text);
    if (!ok)
        return clseq_fail(folder->ctx, CLSEQ_ERR_IO, "%s: cannot write: %s", folder->log_path,
                          strerror(errno));
    return CLSEQ_OK;
}

/* ---- models of validations: valid-<update>.safetensors ---- */

#define KEPT_NAME "valid-%010llu.safetensors"
#define KEPT_SIZE 64

clseq_status clseq_run_folder_kept(const clseq_run_folder *folder, uint64_t update, char **ret)
{
    char name[KEPT_SIZE];

    snprintf(name, sizeof(name), KEPT_NAME, (unsigned long long)update);
    return clseq_join_path(folder->ctx, folder->path, name, ret);
}

/* The kept model of the fewest updates, and how many there are. */
static size_t find_oldest(const clseq_run_folder *folder, uint64_t *oldest)
{
    DIR *listing = opendir(folder->path);
    const struct dirent *entry;
    size_t n = 0;

    while (listing && (entry = readdir(listing))) {
        unsigned long long update;
        char name[KEPT_SIZE];

        /* Only names that are ours to the letter. */
        if (sscanf(entry->d_name, "valid-%llu", &update) != 1)
            continue;
        snprintf(name, sizeof(name), KEPT_NAME, update);
        if (strcmp(name, entry->d_name) != 0)
            continue;
        if (n++ == 0 || update < *oldest)
            *oldest = update;
    }
    if (listing)
        closedir(listing);
    return n;
}

void clseq_run_folder_drop_kept(const clseq_run_folder *folder, size_t keep)
{
    uint64_t update = 0;

    for (size_t n = find_oldest(folder, &update); n > keep; n = find_oldest(folder, &update)) {
        char *path = NULL;
        const bool removed =
            clseq_run_folder_kept(folder, update, &path) == CLSEQ_OK && unlink(path) == 0;

        if (!removed)
            clseq_log(folder->ctx, CLSEQ_LOG_WARNING, "%s: cannot be removed: %s",
                      path ? path : folder->path, strerror(errno));
        free(path);
        if (!removed)
            return;
    }
}
