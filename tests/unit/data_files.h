/* SPDX-License-Identifier: BSD-2-Clause */
/* Files for the tests of src/data: made ones in a temporary folder, and the shared test data. */
#ifndef CLSEQ_DATA_FILES_H
#define CLSEQ_DATA_FILES_H

#include "unit.h"

#include <clseq/text.h>

#include <dirent.h>
#include <unistd.h>

#include <zlib.h>

/* What the tests of a file share. */
typedef struct fixture {
    clseq_context *ctx;
    char folder[64];
    char path[4][256]; /* of the files made last, used in turn */
    int next;
} fixture;

static inline int fixture_create(void **state)
{
    fixture *f = calloc(1, sizeof(*f));

    if (!f || clseq_context_create(&f->ctx) != CLSEQ_OK)
        return -1;
    strcpy(f->folder, "/tmp/clseq-data-XXXXXX");
    *state = f;
    return mkdtemp(f->folder) ? 0 : -1;
}

/* Number of entries in a folder, without "." and "..". */
static inline int folder_count(const char *folder)
{
    DIR *dir = opendir(folder);
    int count = -2;

    assert_non_null(dir);
    while (readdir(dir))
        count++;
    closedir(dir);
    return count;
}

static inline int fixture_destroy(void **state)
{
    fixture *f = *state;
    DIR *dir = opendir(f->folder);
    struct dirent *entry;

    while (dir && (entry = readdir(dir))) {
        if (entry->d_name[0] != '.')
            unlinkat(dirfd(dir), entry->d_name, 0);
    }
    if (dir)
        closedir(dir);
    rmdir(f->folder);
    clseq_context_destroy(&f->ctx);
    free(f);
    return 0;
}

/* Write a file into the fixture's folder; the path is good for the next three calls. */
static inline const char *make_file(fixture *f, const char *name, const void *data, size_t size)
{
    char *path = f->path[f->next++ % 4];
    FILE *file;

    snprintf(path, sizeof(f->path[0]), "%s/%s", f->folder, name);
    file = fopen(path, "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(data, 1, size, file), size);
    assert_int_equal(fclose(file), 0);
    return path;
}

static inline const char *make_text(fixture *f, const char *name, const char *text)
{
    return make_file(f, name, text, strlen(text));
}

/* The same, compressed; `mode` "wb" or "ab" (another member behind the first). */
static inline const char *make_gzip(fixture *f, const char *name, const char *text,
                                    const char *mode)
{
    char *path = f->path[f->next++ % 4];
    gzFile file;

    snprintf(path, sizeof(f->path[0]), "%s/%s", f->folder, name);
    file = gzopen(path, mode);
    assert_non_null(file);
    assert_int_equal(gzwrite(file, text, (unsigned)strlen(text)), (int)strlen(text));
    assert_int_equal(gzclose(file), Z_OK);
    return path;
}

/* Path of shared test data in `path`, or skip the test, naming what is missing. */
static inline void need_data(char *path, size_t size, const char *name)
{
    const char *root = getenv("CLSEQ_DATA");

    snprintf(path, size, "%s/%s", root ? root : "", name);
    if (!root || access(path, R_OK) != 0) {
        printf("skipped: test data %s is missing (CLSEQ_DATA=%s)\n", name, root ? root : "");
        skip();
    }
}

#endif
