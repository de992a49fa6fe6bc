/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Vocabularies: which tokens a side of a model knows, and how a line becomes ids.
 *
 * A line is first brought to Unicode normal form C and, if asked, to lower case
 * (code point by code point). Then it is cut into units:
 *
 *   word  at white space as Python's str.split() understands it: U+0009-000D,
 *         001C-0020, 0085, 00A0, 1680, 2000-200A, 2028, 2029, 202F, 205F, 3000.
 *         Tokens are joined by one space again.
 *   char  every code point is a token, the space too; joined by nothing, so that
 *         the text comes back exactly.
 *   byte  the bytes of the text's UTF-8, named <0x00> to <0xFF>: nothing is
 *         unknown. Joined by nothing; what is not UTF-8 then becomes U+FFFD.
 *   bpe   words, cut into pieces by the merges of a codes file (subword.h):
 *         "ir@@ on". Joined by one space, without "@@ ".
 *   spm   the pieces of a SentencePiece model (subword.h), which sees the line as
 *         it is (in lower case, if asked). Joined as spm_decode does.
 *
 * Ids 0 to 3 are <pad>, <unk>, <s> and </s>. A word of the text that happens to be
 * spelled like one of them is an unknown word: text can never produce the ids of
 * padding, start or end.
 *
 * A vocabulary of unit word, char or bpe holds what is frequent in a text. One of
 * unit byte or spm is the same for any text: all bytes; all pieces that the model
 * makes of text, in the order of its ids.
 */
#ifndef CLSEQ_VOCAB_H
#define CLSEQ_VOCAB_H

#include <clseq/text.h>

CLSEQ_BEGIN_DECLS

typedef enum clseq_unit {
    CLSEQ_UNIT_WORD = 0,
    CLSEQ_UNIT_CHAR = 1,
    CLSEQ_UNIT_BYTE = 2,
    CLSEQ_UNIT_BPE = 3,
    CLSEQ_UNIT_SPM = 4,
} clseq_unit;

/* "word", "char", "byte", "bpe" or "spm"; "unknown" for other values. Never NULL. */
CLSEQ_API const char *clseq_unit_name(clseq_unit unit);

/* The unit called `name`; false (and *ret unchanged) when there is none. */
CLSEQ_API bool clseq_unit_from_name(const char *name, clseq_unit *ret);

enum {
    CLSEQ_ID_PAD = 0,
    CLSEQ_ID_UNK = 1,
    CLSEQ_ID_SOS = 2,
    CLSEQ_ID_EOS = 3,
    CLSEQ_ID_FIRST = 4, /* the first token of the text */
};

#define CLSEQ_TOKEN_BYTES 256        /* a longer token is never in a vocabulary */
#define CLSEQ_VOCAB_SIZE  (1u << 24) /* largest vocabulary, with the four special tokens */

/* How a line of one side becomes tokens. */
typedef struct clseq_text_options {
    clseq_unit unit;
    bool lowercase;
    bool rules; /* units word and bpe: raw text, cut into words by rules.h, and joined again */
    /* Unit bpe: the text of a codes file of subword-nmt. Unit spm: a SentencePiece model, byte for
     * byte. Copied by whoever is given it; where a vocabulary says it, it is the vocabulary's. */
    const char *codes;
    size_t codes_size;
    /* Unit bpe: the pieces that there may be, one a line, "ir@@": merges that make others are
     * undone (subword.h). And what is never cut: regular expressions, one a line (docs/units.md).
     * NULL: none. They belong to whom the codes belong to. */
    const char *pieces;
    size_t pieces_size;
    const char *glossaries;
    size_t glossaries_size;
} clseq_text_options;

/* A growing array of ids; start from { 0 }, end with clseq_ids_fini(). */
typedef struct clseq_ids {
    int32_t *data;
    size_t size;
    size_t capacity;
} clseq_ids;

CLSEQ_API void clseq_ids_fini(clseq_ids *ids);

/* A growing text, always ended by a 0 byte after the first use; start from { 0 }, end with
 * clseq_text_fini(). */
typedef struct clseq_text {
    char *data;
    size_t size; /* in bytes, without the 0 byte */
    size_t capacity;
} clseq_text;

CLSEQ_API void clseq_text_fini(clseq_text *text);

typedef struct clseq_vocab clseq_vocab;
typedef struct clseq_vocab_builder clseq_vocab_builder;

/* What a vocabulary keeps of the text it is built from. */
typedef struct clseq_vocab_limits {
    size_t size;        /* largest size, with the four special tokens; 5 to CLSEQ_VOCAB_SIZE */
    uint64_t min_count; /* a token seen less often is unknown; 1 or more */
} clseq_vocab_limits;

/* size 30000, min_count 2 (so that the unknown token is seen in training). */
CLSEQ_API void clseq_vocab_limits_init(clseq_vocab_limits *limits);

/* How well a vocabulary covers the text it was built from; all 0 for one loaded from a model. */
typedef struct clseq_vocab_coverage {
    uint64_t tokens;         /* in the text */
    uint64_t unknown_tokens; /* of them not in the vocabulary */
    uint64_t types;          /* different tokens in the text */
    uint64_t known_types;    /* of them in the vocabulary */
} clseq_vocab_coverage;

/* Start counting tokens. `max_types`: when more different tokens than this were seen, the rarest
 * are forgotten, so that memory stays bounded (about 60 bytes a type); 0 for 8 million. Up to that
 * limit counts are exact. Errors: CLSEQ_ERR_ARG, CLSEQ_ERR_NOMEM, and for text.codes those of
 * clseq_bpe_create_from_memory() and clseq_spm_create_from_memory(). */
CLSEQ_API CLSEQ_MUST_CHECK clseq_status clseq_vocab_builder_create(clseq_context *ctx,
                                                                   clseq_text_options text,
                                                                   size_t max_types,
                                                                   clseq_vocab_builder **ret);

/* Count the tokens of one line. Errors: CLSEQ_ERR_DATA (not UTF-8), CLSEQ_ERR_NOMEM. */
CLSEQ_API CLSEQ_MUST_CHECK clseq_status clseq_vocab_builder_add(clseq_vocab_builder *builder,
                                                                const char *line, size_t length);

/* Destroy and set *builder to NULL. *builder may be NULL. */
CLSEQ_API void clseq_vocab_builder_destroy(clseq_vocab_builder **builder);

/* The most frequent tokens, by descending count, equal counts in byte order. Units byte and spm:
 * all there are, whatever the limits and the text.
 * Errors: CLSEQ_ERR_ARG (limits), CLSEQ_ERR_DATA (no token reaches min_count), CLSEQ_ERR_NOMEM. */
CLSEQ_API CLSEQ_MUST_CHECK clseq_status clseq_vocab_create_from_builder(
    clseq_vocab_builder *builder, const clseq_vocab_limits *limits, clseq_vocab **ret);

/* A vocabulary from its list of tokens in the order of their ids, the four special ones first. The
 * list is not trusted: every token must be UTF-8, 1 to CLSEQ_TOKEN_BYTES bytes, without line ends,
 * fit the unit (a word or a piece of one has no white space, a char is one code point, byte k is
 * token k + 4, a piece is one of its model) and stand there once.
 * Errors: CLSEQ_ERR_FORMAT, CLSEQ_ERR_NOMEM. */
CLSEQ_API CLSEQ_MUST_CHECK clseq_status clseq_vocab_create_from_tokens(clseq_context *ctx,
                                                                       clseq_text_options text,
                                                                       const char *const *tokens,
                                                                       size_t count,
                                                                       clseq_vocab **ret);

/* Options of clseq_vocab_create_from_pairs(). */
typedef struct clseq_vocab_pair_options {
    clseq_text_options source_text, target_text;
    clseq_vocab_limits source_limits, target_limits;
    bool joint;        /* one vocabulary of both sides, counted together; their options must be the
                          same. *source and *target are two of the same words. false */
    size_t max_length; /* pairs with a longer or empty side are not counted; see corpus.h */
    size_t max_types;  /* as in clseq_vocab_builder_create() */
    /* Sides of unit bpe: not 0 counts the pieces of every line a second time, cut with this
     * dropout (subword.h), because training will see such pieces. */
    double bpe_dropout;
    uint64_t seed;
} clseq_vocab_pair_options;

/* Words, no lower-casing, the limits of clseq_vocab_limits_init(), max_length 100, max_types 0. */
CLSEQ_API void clseq_vocab_pair_options_init(clseq_vocab_pair_options *options);

/* Both vocabularies of a parallel text, in one reading of it. The text must be one that can be read
 * again (it will be, to encode it). Errors: those of clseq_pairs_next() and
 * clseq_vocab_create_from_builder(). */
CLSEQ_API CLSEQ_MUST_CHECK clseq_status clseq_vocab_create_from_pairs(
    clseq_context *ctx, clseq_pairs *pairs, const clseq_vocab_pair_options *options,
    clseq_vocab **source, clseq_vocab **target);

/* Destroy and set *vocab to NULL. *vocab may be NULL. */
CLSEQ_API void clseq_vocab_destroy(clseq_vocab **vocab);

/* Number of tokens, with the four special ones. */
CLSEQ_API size_t clseq_vocab_size(const clseq_vocab *vocab);

CLSEQ_API clseq_text_options clseq_vocab_text_options(const clseq_vocab *vocab);

CLSEQ_API clseq_vocab_coverage clseq_vocab_get_coverage(const clseq_vocab *vocab);

/* The token of an id, owned by the vocabulary; NULL when the id is out of range. */
CLSEQ_API const char *clseq_vocab_token(const clseq_vocab *vocab, int32_t id);

/* How often the token was seen in the text the vocabulary was built from; 0 for special tokens, for
 * ids out of range, and for a vocabulary loaded from a model. */
CLSEQ_API uint64_t clseq_vocab_count(const clseq_vocab *vocab, int32_t id);

/* The id of a token as it stands in the vocabulary (normalised already); CLSEQ_ID_UNK when it is
 * not there or spelled like a special token. */
CLSEQ_API int32_t clseq_vocab_find(const clseq_vocab *vocab, const char *token, size_t length);

/* The ids of a line, without start and end; replaces what is in `ret`.
 * Errors: CLSEQ_ERR_DATA (not UTF-8), CLSEQ_ERR_LIMIT, CLSEQ_ERR_NOMEM. */
CLSEQ_API CLSEQ_MUST_CHECK clseq_status clseq_vocab_encode(const clseq_vocab *vocab,
                                                           const char *line, size_t length,
                                                           clseq_ids *ret);

/* The text of `count` ids up to the first end token; padding and start are left out, the unknown
 * token is "<unk>" (unit spm: what the model has for it, as a rule U+2047). Replaces what is in
 * `ret`. Never holds a line end. Errors: CLSEQ_ERR_ARG (an id out of range), CLSEQ_ERR_NOMEM. */
CLSEQ_API CLSEQ_MUST_CHECK clseq_status clseq_vocab_decode(const clseq_vocab *vocab,
                                                           const int32_t *ids, size_t count,
                                                           clseq_text *ret);

CLSEQ_END_DECLS

#endif
