/* SPDX-License-Identifier: BSD-2-Clause */
#include "models.h"

#include <stdlib.h>
#include <string.h>

clseq_status models_open(clseq_context *ctx, clseq_backend *be, const char *first, const char *with,
                         const char *config, clseq_translator **ret)
{
    char *text = strdup(with ? with : "");
    const char **paths;
    clseq_status status;
    size_t n = 2;

    for (const char *c = with ? with : ""; *c; c++)
        n += *c == ',';
    paths = calloc(n, sizeof(*paths));
    if (!text || !paths) {
        free(text);
        free((void *)paths);
        return CLSEQ_ERR_NOMEM;
    }
    paths[0] = first;
    n = 1;
    for (char *at = text; with && at;) {
        char *comma = strchr(at, ',');

        if (comma)
            *comma++ = 0;
        paths[n++] = at;
        at = comma;
    }
    status = clseq_translator_open_ensemble(ctx, be, paths, n, config, ret);
    free((void *)paths);
    free(text);
    return status;
}
