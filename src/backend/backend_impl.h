/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What a backend must provide. Called only by backend.c and ops.c, which have
 * checked every argument against the contract in op_args.h; a backend may assert
 * but does not check again.
 *
 * Execution: calls are queued in order and may return before the work is done.
 * Errors of queued work are returned by a later sync() or buffer_read(). After
 * CLSEQ_ERR_DEVICE the front end marks the backend failed and every later call
 * returns that error.
 * Threads: calls on one backend come from one thread at a time.
 */
#ifndef CLSEQ_BACKEND_IMPL_H
#define CLSEQ_BACKEND_IMPL_H

#include <clseq/backend.h>

#include "backend/backend_memory.h"
#include "backend/op_schema.h"

/* One typed slot per operation. NULL only where op_list.h says OPTIONAL. */
struct clseq_op_table {
#define X(name, slot, tolerance, constant)                                                         \
    clseq_status (*name)(clseq_backend * be, const struct clseq_##name##_args *a);
    CLSEQ_OP_LIST(X)
#undef X
};

/* How a backend can make matrix products of a shape, for benchmarks. */
#define CLSEQ_GEMM_WAYS 8

struct clseq_gemm_shape {
    int32_t m, n, k; /* all > 0 */
    bool trans_a, trans_b;
};

struct clseq_gemm_ways {
    int count;
    struct clseq_gemm_way {
        const char *name; /* static, or as long as the backend */
        bool takes;       /* is made for products of this shape */
    } way[CLSEQ_GEMM_WAYS];
    const char *chosen; /* the name of what makes this product when nobody interferes; may be
                           none of these */
};

struct clseq_backend_impl {
    const char *name; /* "reference" */
    size_t priv_size; /* zeroed bytes allocated for be->priv before open */
    size_t
        buffer_size; /* bytes of the backend's own buffer struct, which starts with clseq_buffer */

    /* Fill be->priv, be->ops, be->real, be->info. On failure close is called on the half-open
     * backend, so it must accept one. */
    clseq_status (*open)(clseq_backend *be, const struct clseq_backend_options *options);
    void (*close)(clseq_backend *be);

    /* Wait for all queued work and return its first error. */
    clseq_status (*sync)(clseq_backend *be);

    /* Allocate memory of buffer->bytes (> 0, within info.max_buffer_bytes) and fill it with zeros,
     * so that "out of memory" comes now and not at the first use. */
    clseq_status (*buffer_create)(clseq_backend *be, clseq_buffer *buffer);
    void (*buffer_destroy)(clseq_backend *be, clseq_buffer *buffer);

    /* Queue a write; `src` may be reused when the call returns. */
    clseq_status (*buffer_write)(clseq_backend *be, clseq_buffer *buffer, size_t offset,
                                 const void *src, size_t bytes);
    /* Wait for queued work and read. */
    clseq_status (*buffer_read)(clseq_backend *be, clseq_buffer *buffer, size_t offset, void *dst,
                                size_t bytes);

    /* Optional, both or none: measure; *ret is zeroed. */
    clseq_status (*peaks)(clseq_backend *be, struct clseq_peaks *ret);
    clseq_status (*peak_now)(clseq_backend *be, double *gflops);

    /* Optional, both or none: the ways, and making all products in one of them from now on (-1: as
     * chosen again). Without, there is one way. */
    clseq_status (*gemm_ways)(clseq_backend *be, const struct clseq_gemm_shape *shape,
                              struct clseq_gemm_ways *ret);
    void (*gemm_use)(clseq_backend *be, int way);

    /* Optional: told at the begin and end of a dry run (backend_memory.h). With it buffers and
     * operations come in a dry run, too, so that memory the backend takes for itself is counted;
     * it must neither allocate nor work then. Without they do not come. */
    void (*dry)(clseq_backend *be, bool begin);
};

struct clseq_buffer {
    clseq_backend *backend; /* borrowed */
    size_t bytes;
    const char *label; /* static text for messages: "weights" */
    uint64_t id;       /* of this backend, never used twice, > 0 */
    uint64_t
        version; /* counts the writes, so that a backend may keep what it made of the content */
    bool dry;    /* made in a dry run: has no memory */
};

struct clseq_op_profile {
    uint64_t calls;
    double seconds, flops, bytes;
};

struct clseq_backend {
    clseq_context *ctx; /* borrowed */
    const struct clseq_backend_impl *impl;
    const struct clseq_op_table *ops;
    void *priv;
    clseq_dtype real; /* CLSEQ_F32; CLSEQ_F64 on the oracle */
    struct clseq_backend_info info;

    clseq_status failed;    /* the first device error; CLSEQ_OK while all is well */
    char failed_text[1024]; /* its text, repeated by every later call */
    bool profiling;
    struct clseq_op_profile profile[CLSEQ_OP_COUNT];

    /* Counters for the tests: no buffer and no read-back inside a training step. */
    uint64_t buffers_created, buffers_alive, reads, syncs;

    struct clseq_memory_table memory, dry_memory; /* in use; as if, in a dry run */
    uint64_t memory_limit;                        /* bytes; 0 = none */
    bool dry;
};

/* Open `impl` directly; the registry and the tests (oracle, wrong kernels) use it. Walks op_list.h
 * and fails with CLSEQ_ERR_INTERNAL when a required slot is empty. */
CLSEQ_MUST_CHECK clseq_status clseq_backend_open_impl(clseq_context *ctx,
                                                      const struct clseq_backend_impl *impl,
                                                      const struct clseq_backend_options *options,
                                                      clseq_backend **ret);

/* The shipped backends. */
extern const struct clseq_backend_impl clseq_reference_backend;
extern const struct clseq_backend_impl clseq_opencl_backend; /* opencl_stubs.c when not built in */
extern const struct clseq_backend_impl clseq_mirror_backend;

/* Memory of a reference (or oracle) buffer, for the reference ops and the checker. */
void *clseq_reference_memory(const clseq_buffer *buffer);

#endif
