/* SPDX-License-Identifier: BSD-2-Clause */
/* A line cut into tokens: normalised text and where each token stands in it. */
#ifndef CLSEQ_TOKENIZE_H
#define CLSEQ_TOKENIZE_H

#include "data/utf8.h"

#include <clseq/vocab.h>

typedef struct clseq_token_span {
    uint32_t offset, length; /* bytes */
} clseq_token_span;

/* Start with clseq_tokenizer_init(), end with clseq_tokenizer_fini(). */
typedef struct clseq_tokenizer {
    clseq_context *ctx; /* borrowed */
    clseq_text_options options;
    clseq_normalizer normalizer;
    const char *text; /* the last line, normalised */
    clseq_token_span *spans;
    size_t count, capacity;
} clseq_tokenizer;

void clseq_tokenizer_init(clseq_tokenizer *tokenizer, clseq_context *ctx,
                          clseq_text_options options);
void clseq_tokenizer_fini(clseq_tokenizer *tokenizer);

/* Cut one line: text, spans and count are set, valid while `line` is and until the next call.
 * Errors: CLSEQ_ERR_DATA, CLSEQ_ERR_LIMIT (1 GiB), CLSEQ_ERR_NOMEM. */
CLSEQ_MUST_CHECK clseq_status clseq_tokenizer_cut(clseq_tokenizer *tokenizer, const char *line,
                                                  size_t length);

#endif
