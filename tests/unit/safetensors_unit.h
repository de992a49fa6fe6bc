/* SPDX-License-Identifier: BSD-2-Clause */
/* Shared by the safetensors tests: a folder that holds the one file of a test. */
#ifndef CLSEQ_SAFETENSORS_UNIT_H
#define CLSEQ_SAFETENSORS_UNIT_H

#include "unit.h"

#include "io/safetensors.h"

#include <unistd.h>

struct place {
    clseq_context *ctx;
    char folder[32];
    char path[64];
};

static inline int place_create(void **state)
{
    struct place *p = calloc(1, sizeof(*p));

    if (!p || clseq_context_create(&p->ctx) != CLSEQ_OK)
        return -1;
    memcpy(p->folder, "/tmp/clseq-st-XXXXXX", 21);
    if (!mkdtemp(p->folder))
        return -1;
    snprintf(p->path, sizeof(p->path), "%s/m.safetensors", p->folder);
    *state = p;
    return 0;
}

/* Fails when a test left anything but the one file behind, a temporary file for example. */
static inline int place_destroy(void **state)
{
    struct place *p = *state;
    int failed;

    unlink(p->path);
    failed = rmdir(p->folder);
    clseq_context_destroy(&p->ctx);
    free(p);
    return failed;
}

static inline void put_file(const struct place *p, const void *data, size_t size)
{
    FILE *f = fopen(p->path, "wb");

    assert_non_null(f);
    assert_int_equal(fwrite(data, 1, size, f), size);
    assert_int_equal(fclose(f), 0);
}

/* Open and read everything; the first error, or OK. */
static inline clseq_status read_all(const struct place *p)
{
    clseq_safetensors *f = NULL;
    clseq_status status = clseq_safetensors_open(p->ctx, p->path, &f);

    if (status == CLSEQ_OK)
        status = clseq_safetensors_verify(f);
    clseq_safetensors_close(&f);
    return status;
}

#endif
