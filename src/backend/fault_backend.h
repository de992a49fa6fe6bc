/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A backend that fails on purpose, for tests: it passes every call on to another
 * backend, but the N-th one fails with a chosen status, or has one element of its
 * result changed. Tests use it to prove that errors are passed up with nothing
 * leaked, that training stops in a state it can resume from, and that the mirror
 * finds a wrong value.
 */
#ifndef CLSEQ_FAULT_BACKEND_H
#define CLSEQ_FAULT_BACKEND_H

#include "backend/backend_impl.h"

/* Which calls are counted. */
enum clseq_fault_call {
    CLSEQ_FAULT_ANY, /* all of the following together */
    CLSEQ_FAULT_OP,
    CLSEQ_FAULT_BUFFER_CREATE,
    CLSEQ_FAULT_WRITE,
    CLSEQ_FAULT_READ,
    CLSEQ_FAULT_SYNC,
    CLSEQ_FAULT_CALLS
};

enum clseq_fault_effect {
    CLSEQ_FAULT_FAIL,     /* return `status` without doing the call */
    CLSEQ_FAULT_FLIP_BIT, /* do it, then flip bit number `bit` of the element */
    CLSEQ_FAULT_ADD,      /* do it, then add `add` to the element */
    CLSEQ_FAULT_NAN,      /* do it, then make the element NaN (an index: INT32_MIN) */
};

struct clseq_fault_options {
    const struct clseq_backend_impl *inner; /* NULL = the reference */
    enum clseq_fault_call call;
    bool only_op; /* with CLSEQ_FAULT_OP: count only calls of `op` */
    enum clseq_op op;
    uint64_t nth;                   /* 1 = the first; 0 = never, only count */
    enum clseq_fault_effect effect; /* other than FAIL: only with CLSEQ_FAULT_OP */
    clseq_status status;            /* FAIL; an error */
    int output;                     /* which output of the op, from 0 in the order of the schema */
    size_t element;                 /* row-major position in it, modulo its size */
    unsigned bit;                   /* 0 .. 31; on the oracle 0 .. 63 */
    double add;
};

/* Open a fault backend. `options` is copied.
 * Errors: CLSEQ_ERR_ARG (an effect or status that makes no sense), those of opening `inner`. */
CLSEQ_MUST_CHECK clseq_status clseq_fault_open(clseq_context *ctx,
                                               const struct clseq_fault_options *options,
                                               clseq_backend **ret);

/* The same as an implementation, to be one side of a mirror (clseq_mirror_open_pair): *impl is
 * valid as long as *fault, and `options` must live as long. */
struct clseq_fault_impl {
    struct clseq_backend_impl impl; /* first: cast back from it */
    const struct clseq_fault_options *options;
};
void clseq_fault_impl_init(struct clseq_fault_impl *fault,
                           const struct clseq_fault_options *options);

/* Calls of a kind so far, the failed one included. A test that fails each call in turn learns from
 * it how many there are. */
uint64_t clseq_fault_count(const clseq_backend *be, enum clseq_fault_call call);

#endif
