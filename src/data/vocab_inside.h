/* SPDX-License-Identifier: BSD-2-Clause */
/* What the files that make vocabularies share. */
#ifndef CLSEQ_VOCAB_INSIDE_H
#define CLSEQ_VOCAB_INSIDE_H

#include "data/string_table.h"
#include "data/tokenize.h"

struct clseq_vocab {
    clseq_context *ctx;         /* borrowed */
    clseq_string_table strings; /* number = id; the special tokens are the first four */
    uint64_t *counts;           /* (size) */
    clseq_tokenizer *tokenizer; /* a pointer: encoding with a const vocabulary uses it as scratch */
    clseq_vocab_coverage coverage;
};

/* A vocabulary of the four special tokens. Errors: CLSEQ_ERR_NOMEM. */
CLSEQ_MUST_CHECK clseq_status clseq_vocab_create_special(clseq_context *ctx,
                                                         clseq_text_options text,
                                                         clseq_vocab **ret);

/* True for a token spelled like a special one. */
bool clseq_vocab_is_special(const char *token, size_t length);

/* Count the tokens of the tokenizer's last line. Errors: CLSEQ_ERR_NOMEM. */
CLSEQ_MUST_CHECK clseq_status clseq_vocab_builder_count(clseq_vocab_builder *builder,
                                                        const clseq_tokenizer *line);

/* The tokenizer of a builder, to cut a line before deciding whether it counts. */
clseq_tokenizer *clseq_vocab_builder_tokenizer(clseq_vocab_builder *builder);

#endif
