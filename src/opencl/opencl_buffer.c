/* SPDX-License-Identifier: BSD-2-Clause */
#include "opencl/opencl_buffer.h"

#include "opencl/opencl_launch_list.h"
#include "opencl/opencl_packed_cache.h"

#include <stdlib.h>
#include <string.h>

/* Larger writes (parameters at start) wait instead of being copied aside. */
#define STAGING_LIMIT ((size_t)4 << 20)

/* Zeros are written in pieces of this size. */
#define ZERO_CHUNK ((size_t)1 << 20)

/* Zeros everywhere, and done. Not clEnqueueFillBuffer: Oclgrind's check for uninitialised memory
 * does not know it, and one path is enough. */
static cl_int write_zeros(const struct clseq_opencl *cl, cl_mem mem, size_t bytes)
{
    const size_t chunk = bytes < ZERO_CHUNK ? bytes : ZERO_CHUNK;
    void *zeros = calloc(1, chunk);
    cl_int code = zeros ? CL_SUCCESS : CL_OUT_OF_HOST_MEMORY, finish;

    for (size_t at = 0; at < bytes && code == CL_SUCCESS; at += chunk)
        code = clEnqueueWriteBuffer(cl->queue, mem, CL_FALSE, at,
                                    bytes - at < chunk ? bytes - at : chunk, zeros, 0, NULL, NULL);
    /* Also after an error: what is queued reads `zeros`. */
    finish = clFinish(cl->queue);
    free(zeros);
    return code != CL_SUCCESS ? code : finish;
}

clseq_status clseq_opencl_allocate(clseq_backend *be, size_t bytes, const char *label, cl_mem *ret)
{
    struct clseq_opencl *cl = clseq_opencl_of(be);
    const char *function = "clCreateBuffer";
    cl_mem mem = NULL;
    cl_int code;

    if (bytes > cl->max_alloc)
        return clseq_fail(
            be->ctx, CLSEQ_ERR_LIMIT,
            "buffer %s: %zu bytes, but the largest buffer of %s has %llu; use a smaller "
            "vocabulary, hidden size or batch",
            label, bytes, be->info.device, (unsigned long long)cl->max_alloc);
    if (be->dry) { /* something to release, which nothing is done to */
        clRetainMemObject(cl->none);
        *ret = cl->none;
        return CLSEQ_OK;
    }
    mem = clCreateBuffer(cl->context, CL_MEM_READ_WRITE, bytes, NULL, &code);
    if (code == CL_SUCCESS) {
        function = "clEnqueueWriteBuffer";
        code = write_zeros(cl, mem, bytes);
    }
    if (code != CL_SUCCESS) {
        if (mem)
            clReleaseMemObject(mem);
        return clseq_opencl_fail(be->ctx, code, function, "buffer %s of %zu bytes", label, bytes);
    }
    *ret = mem;
    return CLSEQ_OK;
}

clseq_status clseq_opencl_buffer_create(clseq_backend *be, clseq_buffer *buffer)
{
    struct clseq_opencl_buffer *b = (struct clseq_opencl_buffer *)(void *)buffer;

    return clseq_opencl_allocate(be, buffer->bytes, buffer->label, &b->mem);
}

void clseq_opencl_buffer_destroy(clseq_backend *be, clseq_buffer *buffer)
{
    struct clseq_opencl_buffer *b = (struct clseq_opencl_buffer *)(void *)buffer;

    clseq_opencl_packed_forget(be, buffer->id);
    if (b->mem)
        clReleaseMemObject(b->mem);
    b->mem = NULL;
}

/* Wait until the slot's last write has read it. */
static clseq_status slot_free(clseq_backend *be, struct clseq_opencl_staging_slot *slot)
{
    cl_int state = CL_COMPLETE, code;

    if (!slot->busy)
        return CLSEQ_OK;
    code =
        clGetEventInfo(slot->busy, CL_EVENT_COMMAND_EXECUTION_STATUS, sizeof(state), &state, NULL);
    if (code == CL_SUCCESS && state > CL_COMPLETE) {
        clseq_opencl_of(be)->staging_waits++;
        code = clWaitForEvents(1, &slot->busy);
    } else if (code == CL_SUCCESS && state < 0) {
        code = state;
    }
    clReleaseEvent(slot->busy);
    slot->busy = NULL;
    if (code != CL_SUCCESS)
        return clseq_opencl_fail(be->ctx, code, "clEnqueueWriteBuffer",
                                 "an earlier write of host data");
    return CLSEQ_OK;
}

static clseq_status slot_grow(clseq_backend *be, struct clseq_opencl_staging_slot *slot,
                              size_t bytes)
{
    size_t wanted = slot->bytes ? slot->bytes : 4096;

    if (bytes <= slot->bytes)
        return CLSEQ_OK;
    while (wanted < bytes)
        wanted *= 2;
    free(slot->memory);
    slot->memory = NULL;
    slot->bytes = 0;
    CLSEQ_TRY(clseq_calloc(be->ctx, wanted, 1, "staging memory", &slot->memory));
    slot->bytes = wanted;
    return CLSEQ_OK;
}

clseq_status clseq_opencl_write(clseq_backend *be, cl_mem mem, const char *label, size_t offset,
                                const void *src, size_t bytes)
{
    struct clseq_opencl *cl = clseq_opencl_of(be);
    struct clseq_opencl_staging_slot *slot = &cl->staging[cl->staging_next];
    const bool staged = bytes <= STAGING_LIMIT;
    cl_int code;

    if (bytes == 0)
        return CLSEQ_OK;
    if (staged) {
        CLSEQ_TRY(slot_free(be, slot));
        CLSEQ_TRY(slot_grow(be, slot, bytes));
        memcpy(slot->memory, src, bytes);
        code = clEnqueueWriteBuffer(cl->queue, mem, CL_FALSE, offset, bytes, slot->memory, 0, NULL,
                                    &slot->busy);
        cl->staging_next = (cl->staging_next + 1) % CLSEQ_STAGING_SLOTS;
    } else {
        code = clEnqueueWriteBuffer(cl->queue, mem, CL_TRUE, offset, bytes, src, 0, NULL, NULL);
    }
    if (code != CL_SUCCESS)
        return clseq_opencl_fail(be->ctx, code, "clEnqueueWriteBuffer",
                                 "buffer %s, %zu bytes at %zu", label, bytes, offset);
    return CLSEQ_OK;
}

clseq_status clseq_opencl_buffer_write(clseq_backend *be, clseq_buffer *buffer, size_t offset,
                                       const void *src, size_t bytes)
{
    const struct clseq_opencl_buffer *b = (const struct clseq_opencl_buffer *)(const void *)buffer;

    CLSEQ_TRY(clseq_opencl_list_flush(be));
    return clseq_opencl_write(be, b->mem, buffer->label, offset, src, bytes);
}

clseq_status clseq_opencl_buffer_read(clseq_backend *be, clseq_buffer *buffer, size_t offset,
                                      void *dst, size_t bytes)
{
    const struct clseq_opencl *cl = clseq_opencl_of(be);
    const struct clseq_opencl_buffer *b = (const struct clseq_opencl_buffer *)(const void *)buffer;
    cl_int code;

    if (bytes == 0)
        return clseq_opencl_sync(be);
    CLSEQ_TRY(clseq_opencl_list_flush(be));
    code = clEnqueueReadBuffer(cl->queue, b->mem, CL_TRUE, offset, bytes, dst, 0, NULL, NULL);
    if (code != CL_SUCCESS)
        return clseq_opencl_fail(be->ctx, code, "clEnqueueReadBuffer",
                                 "buffer %s, %zu bytes at %zu", buffer->label, bytes, offset);
    return CLSEQ_OK;
}

clseq_status clseq_opencl_sync(clseq_backend *be)
{
    cl_int code;

    CLSEQ_TRY(clseq_opencl_list_flush(be));
    code = clFinish(clseq_opencl_of(be)->queue);
    if (code != CL_SUCCESS)
        return clseq_opencl_fail(be->ctx, code, "clFinish", "waiting for queued work");
    return CLSEQ_OK;
}

static const char *const scratch_labels[CLSEQ_SCRATCH_COUNT] = {
    [CLSEQ_SCRATCH_GEMM_A] = "for a packed matrix",
    [CLSEQ_SCRATCH_GEMM_PART] = "for a packed matrix",
    [CLSEQ_SCRATCH_GEMM_B] = "for a packed matrix",
    [CLSEQ_SCRATCH_ROUND_A] = "factors of products, rounded",
    [CLSEQ_SCRATCH_ROUND_B] = "factors of products, rounded",
    [CLSEQ_SCRATCH_NORMS] = "lengths of rows",
    [CLSEQ_SCRATCH_CLBLAST] = "for CLBlast",
    [CLSEQ_SCRATCH_REDUCE] = "for partial sums",
    [CLSEQ_SCRATCH_LIST] = "for a list of launches",
    [CLSEQ_SCRATCH_QUEUE] = "for counters",
};

static void scratch_release(clseq_backend *be, enum clseq_opencl_scratch purpose)
{
    struct clseq_opencl *cl = clseq_opencl_of(be);

    if (!cl->scratch[purpose])
        return;
    clReleaseMemObject(cl->scratch[purpose]);
    clseq_memory_gave(clseq_backend_memory_table(be), scratch_labels[purpose],
                      cl->scratch_bytes[purpose]);
    cl->scratch[purpose] = NULL;
    cl->scratch_bytes[purpose] = 0;
}

clseq_status clseq_opencl_scratch(clseq_backend *be, enum clseq_opencl_scratch purpose,
                                  size_t bytes, cl_mem *ret)
{
    struct clseq_opencl *cl = clseq_opencl_of(be);
    size_t wanted = cl->scratch_bytes[purpose] ? cl->scratch_bytes[purpose] : 65536;
    const size_t most =
        !be->dry && cl->scratch_wanted[purpose] > bytes ? cl->scratch_wanted[purpose] : bytes;

    if (most > cl->scratch_bytes[purpose]) {
        while (wanted < most && wanted <= cl->max_alloc / 2)
            wanted *= 2;
        if (wanted < most)
            wanted = most;
        /* The old memory goes first, so that there are never both. */
        if (cl->scratch[purpose] && !be->dry)
            CLSEQ_TRY(clseq_opencl_sync(be));
        scratch_release(be, purpose);
        CLSEQ_TRY(
            clseq_opencl_allocate(be, wanted, scratch_labels[purpose], &cl->scratch[purpose]));
        cl->scratch_bytes[purpose] = wanted;
        clseq_memory_took(clseq_backend_memory_table(be), scratch_labels[purpose], wanted);
        cl->scratch_grown++;
    }
    *ret = cl->scratch[purpose];
    return CLSEQ_OK;
}

void clseq_opencl_dry(clseq_backend *be, bool begin)
{
    struct clseq_opencl *cl = clseq_opencl_of(be);

    /* Kept copies belong to buffers of one side of the border. */
    clseq_opencl_packed_close(be);
    for (int i = 0; i < CLSEQ_SCRATCH_COUNT; i++) {
        if (begin) {
            cl->scratch_kept[i] = cl->scratch[i];
            cl->scratch_kept_bytes[i] = cl->scratch_bytes[i];
            if (cl->scratch[i])
                clRetainMemObject(cl->scratch[i]);
            continue;
        }
        cl->scratch_wanted[i] = cl->scratch_bytes[i];
        if (cl->scratch[i])
            clReleaseMemObject(cl->scratch[i]);
        cl->scratch[i] = cl->scratch_kept[i];
        cl->scratch_bytes[i] = cl->scratch_kept_bytes[i];
    }
}

void clseq_opencl_buffers_close(clseq_backend *be)
{
    struct clseq_opencl *cl = clseq_opencl_of(be);

    clseq_opencl_packed_close(be);
    for (int i = 0; i < CLSEQ_STAGING_SLOTS; i++) {
        if (cl->staging[i].busy)
            clReleaseEvent(cl->staging[i].busy);
        free(cl->staging[i].memory);
        cl->staging[i] = (struct clseq_opencl_staging_slot) { .memory = NULL };
    }
    for (int i = 0; i < CLSEQ_SCRATCH_COUNT; i++)
        scratch_release(be, (enum clseq_opencl_scratch)i);
    if (cl->none)
        clReleaseMemObject(cl->none);
    cl->none = NULL;
}

clseq_status clseq_opencl_buffers_open(clseq_backend *be)
{
    CLSEQ_TRY(clseq_opencl_allocate(be, 64, "for absent tensors", &clseq_opencl_of(be)->none));
    clseq_memory_took(&be->memory, "for absent tensors", 64);
    return CLSEQ_OK;
}
