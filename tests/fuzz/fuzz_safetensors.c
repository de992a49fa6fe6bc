/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * libFuzzer target for the safetensors reader. The first byte of the input chooses what the rest
 * is: even: a whole file, as it is; odd:  a header, up to the first 0xff byte (never part of
 * UTF-8), then data; the length in front is made to fit, so that mutations reach the JSON and the
 * tensor table. A file that opens must be readable to its last byte, and its table must cover the
 * data exactly.
 */
#define _GNU_SOURCE /* memfd_create */

#include "io/safetensors.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* The whole input as a file; its descriptor. */
static int make_file(const uint8_t *data, size_t size)
{
    const int fd = memfd_create("fuzz", MFD_CLOEXEC);
    struct part {
        const void *at;
        size_t n;
    } parts[3] = { { NULL, 0 } };
    uint8_t length[8];

    if (fd < 0 || size == 0)
        return fd;
    if (data[0] % 2 == 0) {
        parts[0] = (struct part) { data + 1, size - 1 };
    } else {
        const uint8_t *end = memchr(data + 1, 0xff, size - 1);
        const size_t n = end ? (size_t)(end - data) - 1 : size - 1;

        for (unsigned i = 0; i < 8; i++)
            length[i] = (uint8_t)((uint64_t)n >> (8 * i));
        parts[0] = (struct part) { length, 8 };
        parts[1] = (struct part) { data + 1, n };
        if (end)
            parts[2] = (struct part) { end + 1, size - n - 2 };
    }
    for (int i = 0; i < 3; i++) {
        if (parts[i].n > 0 && write(fd, parts[i].at, parts[i].n) != (ssize_t)parts[i].n)
            abort();
    }
    return fd;
}

static void read_tensors(clseq_safetensors *file, size_t file_size)
{
    float values[64];
    size_t bytes = 0;

    for (size_t i = 0; i < clseq_safetensors_count(file); i++) {
        const clseq_safetensors_info *t = clseq_safetensors_at(file, i);

        if (clseq_safetensors_find(file, t->name) != t || t->offset + t->bytes > file_size)
            abort();
        bytes += t->bytes;
        for (size_t k = 0; k < t->count; k += 64) {
            const size_t n = t->count - k < 64 ? t->count - k : 64;

            if (clseq_safetensors_read_f32(file, t, k, n, (clseq_safetensors_values)(i % 2),
                                           values) != CLSEQ_OK)
                break;
        }
    }
    if (clseq_safetensors_count(file) > 0 &&
        clseq_safetensors_at(file, 0)->offset + bytes != file_size)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const int fd = make_file(data, size);
    clseq_safetensors *file = NULL;
    clseq_context *ctx = NULL;
    clseq_status status;
    char path[64];

    if (fd < 0 || clseq_context_create(&ctx) != CLSEQ_OK)
        abort();
    snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
    status = clseq_safetensors_open(ctx, path, &file);
    if (status == CLSEQ_OK) {
        const off_t end = lseek(fd, 0, SEEK_END);

        read_tensors(file, (size_t)end);
        status = clseq_safetensors_verify(file);
        if (status != CLSEQ_OK && !clseq_safetensors_has_checksums(file))
            abort();
        (void)clseq_safetensors_metadata(file, "format");
    }
    if (status != CLSEQ_OK && !strstr(clseq_context_error(ctx), path))
        abort(); /* every message names the file */
    clseq_safetensors_close(&file);
    clseq_context_destroy(&ctx);
    close(fd);
    return 0;
}
