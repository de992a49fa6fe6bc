/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The context: last error and log hook. Create one first; every other object
 * borrows it and must be destroyed before it.
 *
 * Thread rule: one context and all objects made from it belong to one thread at
 * a time. Two contexts may be used by two threads.
 */
#ifndef CLSEQ_CONTEXT_H
#define CLSEQ_CONTEXT_H

#include <clseq/status.h>

CLSEQ_BEGIN_DECLS

typedef struct clseq_context clseq_context;

typedef enum clseq_log_level {
    CLSEQ_LOG_WARNING = 1, /* something the user should know: a fallback, a refused provider */
    CLSEQ_LOG_INFO = 2,    /* what is being done: device chosen, kernels compiling */
    CLSEQ_LOG_DEBUG = 3,   /* for developers: full build logs */
} clseq_log_level;

/* Receives one message, without a final newline. `message` is valid during the call only. */
typedef void clseq_log_fn(void *user, clseq_log_level level, const char *message);

/* Create a context. Errors: CLSEQ_ERR_NOMEM. Destroy with clseq_context_destroy(). */
CLSEQ_API CLSEQ_MUST_CHECK clseq_status clseq_context_create(clseq_context **ret);

/* Destroy and set *ctx to NULL. *ctx may be NULL. */
CLSEQ_API void clseq_context_destroy(clseq_context **ctx);

/* Send messages up to `level` to `log`; NULL switches logging off (the default). */
CLSEQ_API void clseq_context_set_log(clseq_context *ctx, clseq_log_fn *log, void *user,
                                     clseq_log_level level);

/* The text of the last error, "" if there was none. Owned by the context, changed by its next
 * failing call. */
CLSEQ_API const char *clseq_context_error(const clseq_context *ctx);

CLSEQ_END_DECLS

#endif
