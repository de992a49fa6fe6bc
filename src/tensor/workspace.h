/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The workspace: memory of the activations of one step. Tensors are taken one
 * after the other and all given back at once by reset. The same code that takes
 * them also plans: run it over the largest batch in planning mode, allocate what
 * it counted, and no later step allocates anything.
 */
#ifndef CLSEQ_WORKSPACE_H
#define CLSEQ_WORKSPACE_H

#include "tensor/tensor.h"

#define CLSEQ_MAX_CHUNKS 32

typedef struct clseq_workspace {
    clseq_context *ctx; /* borrowed */
    bool planning;      /* take counts, and gives tensors without a buffer */
    size_t chunk_limit; /* bytes; the largest buffer of the device */
    int chunks;
    clseq_buffer *buffer[CLSEQ_MAX_CHUNKS]; /* borrowed */
    size_t size[CLSEQ_MAX_CHUNKS];          /* bytes: planned, then allocated */
    int current;                            /* chunk being filled */
    size_t used;                            /* bytes of it */
} clseq_workspace;

/* Start planning. max_buffer_bytes 0 = no limit. */
void clseq_workspace_plan(clseq_workspace *ws, clseq_context *ctx, uint64_t max_buffer_bytes);

/* Give back everything; while planning the counted sizes stay, so several plans give the
 * largest. */
void clseq_workspace_reset(clseq_workspace *ws);

/* Take a tensor of 1 to 3 dimensions; pass 0 for d1, d2 that do not exist and state `ndim`.
 * Errors: CLSEQ_ERR_LIMIT when it cannot fit. */
CLSEQ_MUST_CHECK clseq_status clseq_workspace_take(clseq_workspace *ws, clseq_dtype dtype, int ndim,
                                                   int32_t d0, int32_t d1, int32_t d2,
                                                   clseq_tensor *ret);

/* Bytes of all chunks. */
uint64_t clseq_workspace_bytes(const clseq_workspace *ws);

#endif
