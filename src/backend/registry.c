/* SPDX-License-Identifier: BSD-2-Clause */
#include "backend/registry.h"

#include "base/base.h"

#include <stdio.h>
#include <string.h>

static const struct clseq_backend_impl *const backends[] = {
    &clseq_opencl_backend,
    &clseq_reference_backend,
    &clseq_mirror_backend,
};

/* Would another backend do better? Not after these: the machine is full, the caller is wrong, or
 * clseq is. */
static bool is_curable(clseq_status status)
{
    switch (status) {
    case CLSEQ_ERR_NOMEM:
    case CLSEQ_ERR_ARG:
    case CLSEQ_ERR_INTERNAL:
    case CLSEQ_ERR_INTERRUPTED:
        return false;
    default:
        return true;
    }
}

clseq_status clseq_backend_open_auto(clseq_context *ctx, const struct clseq_backend_impl *preferred,
                                     const struct clseq_backend_impl *fallback,
                                     const struct clseq_backend_options *options,
                                     clseq_backend **ret)
{
    const clseq_status status = clseq_backend_open_impl(ctx, preferred, options, ret);

    /* A device that is named and missing is an error, whatever the backend is called. */
    if (status == CLSEQ_OK || !is_curable(status) || (options && options->device))
        return status;
    clseq_log(ctx, CLSEQ_LOG_WARNING,
              "backend auto: %s cannot be used (%s); running on %s instead, which is much slower. "
              "`clseq devices` lists what was found",
              preferred->name, clseq_context_error(ctx), fallback->name);
    return clseq_backend_open_impl(ctx, fallback, options, ret);
}

static clseq_status unknown_name(clseq_context *ctx, const char *name)
{
    char names[256] = "auto";
    size_t used = strlen(names);

    for (size_t i = 0; i < CLSEQ_ARRAY_SIZE(backends); i++) {
        const int n = snprintf(names + used, sizeof(names) - used, ", %s", backends[i]->name);

        if (n < 0 || (size_t)n >= sizeof(names) - used)
            break;
        used += (size_t)n;
    }
    return clseq_fail(ctx, CLSEQ_ERR_ARG, "there is no backend \"%.64s\"; the backends are %s",
                      name, names);
}

clseq_status clseq_backend_open(clseq_context *ctx, const struct clseq_backend_options *options,
                                clseq_backend **ret)
{
    const char *name = options && options->name ? options->name : "auto";

    if (strcmp(name, "auto") == 0)
        return clseq_backend_open_auto(ctx, &clseq_opencl_backend, &clseq_reference_backend,
                                       options, ret);
    for (size_t i = 0; i < CLSEQ_ARRAY_SIZE(backends); i++) {
        if (strcmp(name, backends[i]->name) == 0)
            return clseq_backend_open_impl(ctx, backends[i], options, ret);
    }
    return unknown_name(ctx, name);
}
