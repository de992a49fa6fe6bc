/* SPDX-License-Identifier: BSD-2-Clause */
/* Writing into a clseq_text. */
#ifndef CLSEQ_TEXT_APPEND_H
#define CLSEQ_TEXT_APPEND_H

#include "base/base.h"

#include <clseq/vocab.h>

#include <string.h>

/* Add bytes; the 0 byte behind the text is kept. Errors: CLSEQ_ERR_NOMEM. */
CLSEQ_MUST_CHECK static inline clseq_status clseq_text_append(clseq_context *ctx, clseq_text *text,
                                                              const char *bytes, size_t n)
{
    CLSEQ_TRY(clseq_grow(ctx, &text->data, &text->capacity, text->size + n + 1, 1, "text line"));
    if (n > 0)
        memcpy(text->data + text->size, bytes, n);
    text->size += n;
    text->data[text->size] = 0;
    return CLSEQ_OK;
}

/* Empty, but ended by a 0 byte. Errors: CLSEQ_ERR_NOMEM. */
CLSEQ_MUST_CHECK static inline clseq_status clseq_text_clear(clseq_context *ctx, clseq_text *text)
{
    text->size = 0;
    return clseq_text_append(ctx, text, "", 0);
}

#endif
