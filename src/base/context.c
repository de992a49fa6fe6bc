/* SPDX-License-Identifier: BSD-2-Clause */
#include "base/base.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Long enough for the first lines of a kernel build log. */
#define ERROR_MAX 8192

struct clseq_context {
    char error[ERROR_MAX];
    clseq_log_fn *log;
    void *log_user;
    clseq_log_level log_level;
};

const char *clseq_status_name(clseq_status status)
{
    switch (status) {
#define X(name, value, text)                                                                       \
    case CLSEQ_##name:                                                                             \
        return #name;
        CLSEQ_STATUS_MAP(X)
#undef X
    }
    return "UNKNOWN";
}

const char *clseq_status_text(clseq_status status)
{
    switch (status) {
#define X(name, value, text)                                                                       \
    case CLSEQ_##name:                                                                             \
        return text;
        CLSEQ_STATUS_MAP(X)
#undef X
    }
    return "unknown status";
}

clseq_status clseq_context_create(clseq_context **ret)
{
    clseq_context *ctx = calloc(1, sizeof(*ctx));

    if (!ctx)
        return CLSEQ_ERR_NOMEM;
    *ret = ctx;
    return CLSEQ_OK;
}

void clseq_context_destroy(clseq_context **ctx)
{
    if (!ctx)
        return;
    free(*ctx);
    *ctx = NULL;
}

void clseq_context_set_log(clseq_context *ctx, clseq_log_fn *log, void *user, clseq_log_level level)
{
    ctx->log = log;
    ctx->log_user = user;
    ctx->log_level = level;
}

const char *clseq_context_error(const clseq_context *ctx)
{
    return ctx->error;
}

clseq_status clseq_fail(clseq_context *ctx, clseq_status status, const char *fmt, ...)
{
    /* An argument may point into the old text, so format aside first. */
    char text[ERROR_MAX];
    va_list args;

    va_start(args, fmt);
    vsnprintf(text, sizeof(text), fmt, args);
    va_end(args);
    memcpy(ctx->error, text, sizeof(text));
    return status;
}

clseq_status clseq_fail_in(clseq_context *ctx, clseq_status status, const char *fmt, ...)
{
    char text[ERROR_MAX];
    va_list args;
    int n;

    va_start(args, fmt);
    n = vsnprintf(text, sizeof(text), fmt, args);
    va_end(args);
    if (n >= 0 && (size_t)n + 2 < sizeof(text)) {
        const size_t room = sizeof(text) - (size_t)n - 3, old = strlen(ctx->error);
        const size_t kept = old < room ? old : room;

        memcpy(text + n, ": ", 2);
        memcpy(text + n + 2, ctx->error, kept);
        text[(size_t)n + 2 + kept] = 0;
    }
    memcpy(ctx->error, text, sizeof(text));
    return status;
}

void clseq_log(clseq_context *ctx, clseq_log_level level, const char *fmt, ...)
{
    char text[ERROR_MAX];
    va_list args;

    if (!ctx->log || level > ctx->log_level)
        return;
    va_start(args, fmt);
    vsnprintf(text, sizeof(text), fmt, args);
    va_end(args);
    ctx->log(ctx->log_user, level, text);
}
