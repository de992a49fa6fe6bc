/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The parameter store: names, shapes and places of all weights of a model.
 *
 * All dense parameters lie one after the other, then the row-sparse ones
 * (embedding tables, whose gradient is a list of rows; with sampled softmax the
 * output layer, too). So the gradient norm and the update of all dense parameters
 * are one operation each, however many there are. Weights and optimizer moments
 * share one layout; gradients exist for the dense part only.
 *
 * The store plans and makes views; the buffers belong to its user. When the
 * whole does not fit into the largest buffer of a device, it is cut into
 * segments at parameter borders.
 */
#ifndef CLSEQ_PARAM_STORE_H
#define CLSEQ_PARAM_STORE_H

#include "tensor/tensor.h"

#define CLSEQ_PARAM_NAME   64
#define CLSEQ_MAX_SEGMENTS 16

struct clseq_param {
    char name[CLSEQ_PARAM_NAME]; /* torch.nn's: "encoder.rnn.weight_ih_l0" */
    uint8_t ndim;                /* 1 or 2 */
    int32_t dims[2];             /* dims[1] is 1 for a vector */
    bool is_table;               /* of embeddings: begins with other weights than a matrix */
    bool row_sparse;             /* at first as is_table; may be changed before planning */
    int segment;                 /* after planning */
    size_t offset;               /* in elements, within the segment */
};

typedef struct clseq_param_store {
    clseq_context *ctx;         /* borrowed */
    struct clseq_param *params; /* owned */
    size_t count, capacity;

    /* After planning, in elements: */
    int segments;
    size_t segment_size[CLSEQ_MAX_SEGMENTS];  /* of weights and of each moment */
    size_t segment_dense[CLSEQ_MAX_SEGMENTS]; /* the dense part at the start; also the gradients */
} clseq_param_store;

/* One buffer per segment. */
typedef struct clseq_param_buffers {
    clseq_buffer *segment[CLSEQ_MAX_SEGMENTS];
} clseq_param_buffers;

void clseq_param_store_init(clseq_param_store *store, clseq_context *ctx);
void clseq_param_store_fini(clseq_param_store *store);

/* Register a parameter (before planning); *index names it from then on. dims[1] is ignored for
 * ndim 1. Errors: CLSEQ_ERR_NOMEM; CLSEQ_ERR_ARG for a name that is taken or too long. */
CLSEQ_MUST_CHECK clseq_status clseq_param_store_add(clseq_param_store *store, const char *name,
                                                    uint8_t ndim, int32_t rows, int32_t columns,
                                                    bool row_sparse, int *index);

/* Give every parameter its place. `max_buffer_bytes` as the backend reports it, 0 = no limit.
 * Errors: CLSEQ_ERR_LIMIT with the parameter's name when one alone is too large. */
CLSEQ_MUST_CHECK clseq_status clseq_param_store_plan(clseq_param_store *store,
                                                     uint64_t max_buffer_bytes, clseq_dtype real);

/* The parameter's view of weights, gradients or moments. Gradients of a row-sparse parameter do not
 * exist here. */
clseq_tensor clseq_param_tensor(const clseq_param_store *store, const clseq_param_buffers *buffers,
                                int index, clseq_dtype real);

/* The same as a table of rows, (V, E): a vector as (V, 1). */
clseq_tensor clseq_param_rows(const clseq_param_store *store, const clseq_param_buffers *buffers,
                              int index, clseq_dtype real);

/* The dense part of a segment as one vector; absent when it is empty. */
clseq_tensor clseq_param_dense(const clseq_param_store *store, const clseq_param_buffers *buffers,
                               int segment, clseq_dtype real);

/* Index of a name, -1 when there is none. */
int clseq_param_find(const clseq_param_store *store, const char *name);

/* Number of weights, without padding. */
uint64_t clseq_param_total(const clseq_param_store *store);

#endif
