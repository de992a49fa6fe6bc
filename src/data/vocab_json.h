/* SPDX-License-Identifier: BSD-2-Clause */
/* A vocabulary as a JSON array of its tokens in the order of their ids; see docs/formats.md. */
#ifndef CLSEQ_VOCAB_JSON_H
#define CLSEQ_VOCAB_JSON_H

#include "base/base.h"

#include <clseq/vocab.h>

#include <jansson.h>

/* A new array; release with json_decref(). Errors: CLSEQ_ERR_NOMEM. */
CLSEQ_MUST_CHECK clseq_status clseq_vocab_to_json(const clseq_vocab *vocab, json_t **ret);

/* The array is not trusted and stays the caller's. Errors: CLSEQ_ERR_FORMAT, CLSEQ_ERR_NOMEM. */
CLSEQ_MUST_CHECK clseq_status clseq_vocab_create_from_json(clseq_context *ctx,
                                                           clseq_text_options text,
                                                           const json_t *array, clseq_vocab **ret);

/* The same as one string. Release with free(). */
CLSEQ_MUST_CHECK clseq_status clseq_vocab_to_string(const clseq_vocab *vocab, char **ret);
CLSEQ_MUST_CHECK clseq_status clseq_vocab_create_from_string(clseq_context *ctx,
                                                             clseq_text_options text,
                                                             const char *string, size_t length,
                                                             clseq_vocab **ret);

/* What a vocabulary does with a line, as members of a new object: "unit", "lowercase", "tokenize"
 * where rules cut first, and, where the unit has them, "codes" (the text of a codes file, with
 * "pieces" and "glossaries" where there are such) or "sentencepiece" (a model in base64).
 * Release with json_decref(). Errors: CLSEQ_ERR_NOMEM. */
CLSEQ_MUST_CHECK clseq_status clseq_text_options_to_json(clseq_context *ctx,
                                                         clseq_text_options text, json_t **ret);

/* The same from an object that may have other members; it is not trusted. ret->codes is `codes`,
 * which starts as { 0 } and is the caller's to release, or stands in `object`. Errors:
 * CLSEQ_ERR_FORMAT, CLSEQ_ERR_NOMEM. */
CLSEQ_MUST_CHECK clseq_status clseq_text_options_from_json(clseq_context *ctx, const json_t *object,
                                                           clseq_text_options *ret,
                                                           clseq_text *codes);

/* True where readers of model format 2 would cut a line otherwise or not at all. */
static inline bool clseq_text_options_are_new(clseq_text_options text)
{
    return text.unit > CLSEQ_UNIT_CHAR || text.rules;
}

/* The same of model format 3. */
static inline bool clseq_text_options_are_newer(clseq_text_options text)
{
    return text.pieces_size > 0 || text.glossaries_size > 0;
}

#endif
