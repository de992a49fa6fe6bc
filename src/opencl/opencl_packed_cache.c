/* SPDX-License-Identifier: BSD-2-Clause */
#include "opencl/opencl_packed_cache.h"

#include "opencl/opencl_buffer.h"

/* The share of the device's memory that copies may take. */
#define MEMORY_SHARE 8

static const char label[] = "copies of packed matrices";

static bool is_same(const struct clseq_opencl_packed_entry *e, const struct clseq_gemm_problem *p,
                    int32_t parts)
{
    return e->id == p->b_id && e->offset == p->b.offset && e->rows == p->b.rows && e->n == p->n &&
           e->k == p->k && e->trans == p->trans_b && e->parts == parts;
}

static void empty(clseq_backend *be, struct clseq_opencl_packed_entry *e)
{
    /* Commands that still use the memory keep it alive. */
    if (e->mem) {
        clReleaseMemObject(e->mem);
        clseq_memory_gave(clseq_backend_memory_table(be), label, e->bytes);
    }
    clseq_opencl_of(be)->packed_bytes -= e->bytes;
    *e = (struct clseq_opencl_packed_entry) { .mem = NULL };
}

/* The entry of this matrix, or the one used longest ago, emptied for it. */
static struct clseq_opencl_packed_entry *entry_of(clseq_backend *be,
                                                  const struct clseq_gemm_problem *p, int32_t parts)
{
    struct clseq_opencl *cl = clseq_opencl_of(be);
    struct clseq_opencl_packed_entry *oldest = &cl->packed[0];

    for (size_t i = 0; i < CLSEQ_PACKED_ENTRIES; i++) {
        if (is_same(&cl->packed[i], p, parts))
            return &cl->packed[i];
        if (cl->packed[i].used < oldest->used)
            oldest = &cl->packed[i];
    }
    empty(be, oldest);
    *oldest = (struct clseq_opencl_packed_entry) { .id = p->b_id,
                                                   .offset = p->b.offset,
                                                   .rows = p->b.rows,
                                                   .n = p->n,
                                                   .k = p->k,
                                                   .parts = parts,
                                                   .trans = p->trans_b };
    return oldest;
}

/* Memory for a copy; the entry goes without when there is not enough. */
static void allocate(clseq_backend *be, struct clseq_opencl_packed_entry *e, size_t bytes)
{
    struct clseq_opencl *cl = clseq_opencl_of(be);

    if (cl->packed_bytes + bytes > be->info.memory_bytes / MEMORY_SHARE ||
        !clseq_backend_memory_fits(be, bytes) ||
        clseq_opencl_allocate(be, bytes, label, &e->mem) != CLSEQ_OK)
        return;
    e->bytes = bytes;
    cl->packed_bytes += bytes;
    clseq_memory_took(clseq_backend_memory_table(be), label, bytes);
}

void clseq_opencl_packed_find(clseq_backend *be, const struct clseq_gemm_problem *p, int32_t parts,
                              size_t bytes, cl_mem *ret, bool *filled)
{
    struct clseq_opencl *cl = clseq_opencl_of(be);
    struct clseq_opencl_packed_entry *e;
    bool again;

    *ret = NULL;
    *filled = false;
    if (p->b_id == 0 || bytes > cl->max_alloc)
        return;
    e = entry_of(be, p, parts);
    again = e->used > 0 && e->version == p->b_version;
    e->used = ++cl->packed_clock;
    if (!again)
        e->filled = false;
    e->version = p->b_version;
    if (!e->mem && again)
        allocate(be, e, bytes);
    *ret = e->mem;
    *filled = e->filled;
    e->filled = e->mem != NULL;
}

void clseq_opencl_packed_forget(clseq_backend *be, uint64_t id)
{
    struct clseq_opencl *cl = clseq_opencl_of(be);

    for (size_t i = 0; i < CLSEQ_PACKED_ENTRIES; i++) {
        if (cl->packed[i].id == id && id != 0)
            empty(be, &cl->packed[i]);
    }
}

void clseq_opencl_packed_close(clseq_backend *be)
{
    struct clseq_opencl *cl = clseq_opencl_of(be);

    for (size_t i = 0; i < CLSEQ_PACKED_ENTRIES; i++)
        empty(be, &cl->packed[i]);
}
