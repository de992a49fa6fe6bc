/* SPDX-License-Identifier: BSD-2-Clause */
/* What stands for the OpenCL backend in builds without it. */
#include "backend/backend_impl.h"

#include <stdio.h>
#include <stdlib.h>

#define WHY "this clseq was built without OpenCL; build it with -Dopencl=enabled"

static clseq_status no_open(clseq_backend *be, const struct clseq_backend_options *options)
{
    return clseq_fail(be->ctx, CLSEQ_ERR_UNSUPPORTED,
                      "backend opencl: %s, or use the reference backend", WHY);
}

static void no_close(clseq_backend *be)
{
}

static clseq_status no_sync(clseq_backend *be)
{
    return CLSEQ_ERR_UNSUPPORTED;
}

static clseq_status no_create(clseq_backend *be, clseq_buffer *buffer)
{
    return CLSEQ_ERR_UNSUPPORTED;
}

static void no_destroy(clseq_backend *be, clseq_buffer *buffer)
{
}

static clseq_status no_write(clseq_backend *be, clseq_buffer *buffer, size_t offset,
                             const void *src, size_t bytes)
{
    return CLSEQ_ERR_UNSUPPORTED;
}

static clseq_status no_read(clseq_backend *be, clseq_buffer *buffer, size_t offset, void *dst,
                            size_t bytes)
{
    return CLSEQ_ERR_UNSUPPORTED;
}

/* open() always fails, so that nothing else is ever called. */
const struct clseq_backend_impl clseq_opencl_backend = {
    .name = "opencl",
    .priv_size = 1,
    .buffer_size = sizeof(clseq_buffer),
    .open = no_open,
    .close = no_close,
    .sync = no_sync,
    .buffer_create = no_create,
    .buffer_destroy = no_destroy,
    .buffer_write = no_write,
    .buffer_read = no_read,
};

clseq_status clseq_device_list(clseq_context *ctx, bool probe, double timeout,
                               struct clseq_device_list *ret)
{
    *ret = (struct clseq_device_list) { .count = 0 };
    snprintf(ret->note, sizeof(ret->note), "no OpenCL device can be used: %s", WHY);
    return CLSEQ_OK;
}

void clseq_device_list_fini(struct clseq_device_list *list)
{
    free(list->devices);
    *list = (struct clseq_device_list) { .count = 0 };
}
