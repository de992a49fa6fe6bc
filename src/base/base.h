/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What every layer needs: failing with a message, logging, checked sizes and
 * memory. The library never prints, exits or aborts.
 */
#ifndef CLSEQ_BASE_H
#define CLSEQ_BASE_H

#include <clseq/context.h>

#include <stdarg.h>

/* Return the status of `expr` from the calling function unless it is CLSEQ_OK. */
#define CLSEQ_TRY(expr)                                                                            \
    do {                                                                                           \
        const clseq_status try_status_ = (expr);                                                   \
        if (try_status_ != CLSEQ_OK)                                                               \
            return try_status_;                                                                    \
    } while (0)

/* The same where something must be released first: sets `status` and jumps to `out`. */
#define CLSEQ_TRY_GOTO(status, out, expr)                                                          \
    do {                                                                                           \
        (status) = (expr);                                                                         \
        if ((status) != CLSEQ_OK)                                                                  \
            goto out;                                                                              \
    } while (0)

#define CLSEQ_ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))

/* Record an error text in `ctx` and return `status`. */
clseq_status clseq_fail(clseq_context *ctx, clseq_status status, const char *fmt, ...)
    CLSEQ_PRINTF(3, 4);

/* Put "prefix: " in front of the recorded text, so that a caller can add its place. Returns
 * `status` unchanged. */
clseq_status clseq_fail_in(clseq_context *ctx, clseq_status status, const char *fmt, ...)
    CLSEQ_PRINTF(3, 4);

void clseq_log(clseq_context *ctx, clseq_log_level level, const char *fmt, ...) CLSEQ_PRINTF(3, 4);

/* *ret = a * b or a + b; false (and *ret unchanged) when it does not fit. All size arithmetic on
 * values that come from outside goes through these. */
static inline bool clseq_mul_size(size_t a, size_t b, size_t *ret)
{
    if (b != 0 && a > SIZE_MAX / b)
        return false;
    *ret = a * b;
    return true;
}

static inline bool clseq_add_size(size_t a, size_t b, size_t *ret)
{
    if (a > SIZE_MAX - b)
        return false;
    *ret = a + b;
    return true;
}

/* `count * size` zeroed bytes, for `what` ("vocabulary") in the error text. count or size 0 gives
 * a valid pointer. Release with free(). Errors: CLSEQ_ERR_NOMEM. */
CLSEQ_MUST_CHECK clseq_status clseq_calloc(clseq_context *ctx, size_t count, size_t size,
                                           const char *what, void *ret);

/* Grow an array of elements of `size` bytes so that it holds at least `need`; capacity doubles.
 * `array` is a pointer to the array pointer. New elements are not initialised. On failure nothing
 * changes. Errors: CLSEQ_ERR_NOMEM. */
CLSEQ_MUST_CHECK clseq_status clseq_grow(clseq_context *ctx, void *array, size_t *capacity,
                                         size_t need, size_t size, const char *what);

/* A copy of `s`. Release with free(). Errors: CLSEQ_ERR_NOMEM. */
CLSEQ_MUST_CHECK clseq_status clseq_strdup(clseq_context *ctx, const char *s, char **ret);

#endif
