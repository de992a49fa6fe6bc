/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The scalar backend: always built, always there, the definition of right. Work
 * is done when a call returns, so there is nothing to wait for.
 */
#include "reference/oracle.h"
#include "reference/reference_memory.h"
#include "reference/reference_tmpl.h"

#include <stdio.h>
#include <unistd.h>

#if REAL_BITS == 64
#define BACKEND_NAME   "oracle"
#define BACKEND_DEVICE "scalar C, double"
#else
#define BACKEND_NAME   "reference"
#define BACKEND_DEVICE "scalar C"
#endif

#define SLOT_REQUIRED(op) NAME(op)
#define SLOT_OPTIONAL(op) NULL

static const struct clseq_op_table op_table = {
#define X(op, slot, tolerance, constant) .op = SLOT_##slot(op),
    CLSEQ_OP_LIST(X)
#undef X
};

static clseq_status backend_open(clseq_backend *be, const struct clseq_backend_options *options)
{
    const long pages = sysconf(_SC_PHYS_PAGES), page = sysconf(_SC_PAGESIZE);

    be->ops = &op_table;
    be->real = REAL_DTYPE;
    snprintf(be->info.name, sizeof(be->info.name), "%s", BACKEND_NAME);
    snprintf(be->info.device, sizeof(be->info.device), "%s", BACKEND_DEVICE);
    snprintf(be->info.platform, sizeof(be->info.platform), "host");
    snprintf(be->info.gemm, sizeof(be->info.gemm), "%s", BACKEND_NAME);
    be->info.compute_units = 1;
    if (pages > 0 && page > 0)
        be->info.memory_bytes = (uint64_t)pages * (uint64_t)page;
    be->info.max_buffer_bytes = PTRDIFF_MAX;
    be->info.host_memory = true;
    return CLSEQ_OK;
}

static void backend_close(clseq_backend *be)
{
    be->ops = NULL;
}

static clseq_status backend_sync(clseq_backend *be)
{
    return CLSEQ_OK;
}

const struct clseq_backend_impl NAME(backend) = {
    .name = BACKEND_NAME,
    .buffer_size = sizeof(struct clseq_reference_buffer),
    .open = backend_open,
    .close = backend_close,
    .sync = backend_sync,
    .buffer_create = clseq_reference_buffer_create,
    .buffer_destroy = clseq_reference_buffer_destroy,
    .buffer_write = clseq_reference_buffer_write,
    .buffer_read = clseq_reference_buffer_read,
};
