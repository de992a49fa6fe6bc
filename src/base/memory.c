/* SPDX-License-Identifier: BSD-2-Clause */
#include "base/base.h"

#include <stdlib.h>
#include <string.h>

clseq_status clseq_calloc(clseq_context *ctx, size_t count, size_t size, const char *what,
                          void *ret)
{
    size_t bytes;
    void *p = NULL;

    if (clseq_mul_size(count, size, &bytes))
        p = calloc(1, bytes ? bytes : 1);
    if (!p)
        return clseq_fail(ctx, CLSEQ_ERR_NOMEM,
                          "%s: %zu elements of %zu bytes do not fit in memory", what, count, size);
    memcpy(ret, &p, sizeof(p));
    return CLSEQ_OK;
}

clseq_status clseq_grow(clseq_context *ctx, void *array, size_t *capacity, size_t need, size_t size,
                        const char *what)
{
    size_t wanted = *capacity ? *capacity : 16, bytes;
    void *p;

    if (need <= *capacity)
        return CLSEQ_OK;
    while (wanted < need) {
        if (!clseq_mul_size(wanted, 2, &wanted))
            wanted = need;
    }
    memcpy(&p, array, sizeof(p));
    p = clseq_mul_size(wanted, size, &bytes) ? realloc(p, bytes) : NULL;
    if (!p)
        return clseq_fail(ctx, CLSEQ_ERR_NOMEM,
                          "%s: %zu elements of %zu bytes do not fit in memory", what, wanted, size);
    memcpy(array, &p, sizeof(p));
    *capacity = wanted;
    return CLSEQ_OK;
}

clseq_status clseq_strdup(clseq_context *ctx, const char *s, char **ret)
{
    const size_t bytes = strlen(s) + 1;
    char *p = NULL;

    CLSEQ_TRY(clseq_calloc(ctx, bytes, 1, "text", &p));
    memcpy(p, s, bytes);
    *ret = p;
    return CLSEQ_OK;
}
