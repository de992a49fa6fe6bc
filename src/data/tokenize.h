/* SPDX-License-Identifier: BSD-2-Clause */
/* A line cut into tokens: text and where each token stands in it. */
#ifndef CLSEQ_TOKENIZE_H
#define CLSEQ_TOKENIZE_H

#include "data/utf8.h"

#include <clseq/subword.h>
#include <clseq/vocab.h>

/* Bytes of the name of a byte, "<0x41>". */
#define CLSEQ_BYTE_NAME 6

/* Glossaries of a tokenizer, at most. */
#define CLSEQ_GLOSSARIES 256

typedef struct clseq_token_span {
    uint32_t offset, length; /* bytes */
} clseq_token_span;

/* Start with clseq_tokenizer_init(), end with clseq_tokenizer_fini(). */
typedef struct clseq_tokenizer {
    clseq_context *ctx; /* borrowed */
    clseq_text_options options;
    char *codes;                    /* owned copy of options.codes */
    char *pieces_list, *glossaries; /* the same of options.pieces and options.glossaries */
    clseq_bpe *bpe;                 /* unit bpe */
    clseq_spm *spm;                 /* unit spm */
    clseq_normalizer normalizer;
    clseq_text words;  /* with options.rules */
    clseq_text line;   /* unit bpe: the words with one space between them */
    clseq_text pieces; /* units bpe and spm: of the last line; byte: the names of all bytes */
    clseq_ids ids;     /* unit spm: the model's, of the last line */
    const char *text;  /* what the spans are of: the last line, normalised, or its pieces */
    clseq_token_span *spans;
    size_t count, capacity;
} clseq_tokenizer;

/* Errors: CLSEQ_ERR_ARG (no codes, pieces or glossaries of another unit, a glossary that is no
 * pattern), CLSEQ_ERR_NOMEM, those of clseq_bpe_create_from_memory() and
 * clseq_spm_create_from_memory(); fini() is fine then, too. */
CLSEQ_MUST_CHECK clseq_status clseq_tokenizer_init(clseq_tokenizer *tokenizer, clseq_context *ctx,
                                                   clseq_text_options options);
void clseq_tokenizer_fini(clseq_tokenizer *tokenizer);

/* Cut one line: text, spans and count are set, valid while `line` is and until the next call.
 * Errors: CLSEQ_ERR_DATA, CLSEQ_ERR_LIMIT (1 GiB), CLSEQ_ERR_NOMEM. */
CLSEQ_MUST_CHECK clseq_status clseq_tokenizer_cut(clseq_tokenizer *tokenizer, const char *line,
                                                  size_t length);

/* The last line once more, with dropout (which may be NULL). Unit bpe only. */
CLSEQ_MUST_CHECK clseq_status clseq_tokenizer_cut_again(clseq_tokenizer *tokenizer,
                                                        const clseq_bpe_dropout *dropout);

/* The tokens of a unit that has the same ones for any text (byte, spm): number `i`, or NULL behind
 * the last. *length is 0 for one that stands in no vocabulary. */
const char *clseq_tokenizer_fixed(const clseq_tokenizer *tokenizer, size_t i, size_t *length);

/* True for a unit whose tokens are fixed. */
static inline bool clseq_tokenizer_is_fixed(const clseq_tokenizer *tokenizer)
{
    return tokenizer->options.unit == CLSEQ_UNIT_BYTE || tokenizer->options.unit == CLSEQ_UNIT_SPM;
}

/* NULL when the token can stand in a vocabulary of this unit as number `id`, else what is wrong
 * with it. The token itself is not quoted: it comes from outside and may hold control
 * characters. */
const char *clseq_tokenizer_fault(const clseq_tokenizer *tokenizer, const char *token,
                                  size_t length, size_t id);

#endif
