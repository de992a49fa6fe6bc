/* SPDX-License-Identifier: BSD-2-Clause */
/* Shared by the unit tests: cmocka with its includes, and a context. */
#ifndef CLSEQ_UNIT_H
#define CLSEQ_UNIT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/base.h"

#include <clseq/backend.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Fail with the library's message. */
#define ASSERT_OK(ctx, expr)                                                                       \
    do {                                                                                           \
        const clseq_status ok_status_ = (expr);                                                    \
        if (ok_status_ != CLSEQ_OK)                                                                \
            fail_msg("%s: %s: %s", #expr, clseq_status_name(ok_status_),                           \
                     clseq_context_error(ctx));                                                    \
    } while (0)

/* Expect this status and this part of the message. */
#define ASSERT_FAILS(ctx, expected, part, expr)                                                    \
    do {                                                                                           \
        const clseq_status got_ = (expr);                                                          \
        if (got_ != (expected))                                                                    \
            fail_msg("%s: expected %s, got %s (%s)", #expr, clseq_status_name(expected),           \
                     clseq_status_name(got_), clseq_context_error(ctx));                           \
        if (!strstr(clseq_context_error(ctx), (part)))                                             \
            fail_msg("%s: message \"%s\" lacks \"%s\"", #expr, clseq_context_error(ctx), (part));  \
    } while (0)

/* Options that open this backend: on the device that CLSEQ_TEST_DEVICE names, with kernels kept in
 * CLSEQ_TEST_CACHE; the first probe may have to build them all. */
static inline void unit_backend_options(const char *name, struct clseq_backend_options *ret)
{
    clseq_backend_options_init(ret);
    ret->name = name;
    if (strcmp(name, "opencl") == 0)
        ret->device = getenv("CLSEQ_TEST_DEVICE");
    ret->cache_folder = getenv("CLSEQ_TEST_CACHE");
    ret->probe_timeout = 1800;
}

static inline int unit_context_create(void **state)
{
    clseq_context *ctx = NULL;

    if (clseq_context_create(&ctx) != CLSEQ_OK)
        return -1;
    *state = ctx;
    return 0;
}

static inline int unit_context_destroy(void **state)
{
    clseq_context *ctx = *state;

    clseq_context_destroy(&ctx);
    return 0;
}

#endif
