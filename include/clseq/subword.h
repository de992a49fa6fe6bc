/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Subword units: words cut into pieces that a small vocabulary covers.
 *
 *   clseq_spm  a SentencePiece model (Kudo and Richardson, 2018, arXiv:1808.06226) of type
 *              unigram, bpe, word or char, read from its ".model" file. Text becomes the same
 *              pieces and ids as with spm_encode, ids the same text as with spm_decode (version
 *              0.1.97). Nothing of SentencePiece is needed.
 *   clseq_bpe  byte pair encoding (Sennrich, Haddow and Birch, 2016, arXiv:1508.07909) with the
 *              files of subword-nmt: learns the same merges and cuts the same way.
 *
 * Objects are only read after they are made: several threads may use one at a time if each has its
 * own output. (Error texts go to the context that the object was made with.)
 */
#ifndef CLSEQ_SUBWORD_H
#define CLSEQ_SUBWORD_H

#include <clseq/vocab.h>

CLSEQ_BEGIN_DECLS

/* ---- SentencePiece models ---- */

typedef struct clseq_spm clseq_spm;

/* Numbers as in the file. */
typedef enum clseq_spm_type {
    CLSEQ_SPM_UNIGRAM = 1,
    CLSEQ_SPM_BPE = 2,
    CLSEQ_SPM_WORD = 3,
    CLSEQ_SPM_CHAR = 4,
} clseq_spm_type;

typedef enum clseq_spm_kind {
    CLSEQ_SPM_NORMAL = 1,
    CLSEQ_SPM_UNKNOWN = 2,
    CLSEQ_SPM_CONTROL = 3,      /* <s>, </s>, <2de>: never made from text */
    CLSEQ_SPM_USER_DEFINED = 4, /* always one piece, not normalised */
    CLSEQ_SPM_UNUSED = 5,       /* never made from text */
    CLSEQ_SPM_BYTE = 6,         /* "<0x41>" */
} clseq_spm_kind;

/* Read a model file. It is not trusted: damage is an error that names the file and the byte.
 * Errors: CLSEQ_ERR_IO, CLSEQ_ERR_LIMIT (256 MiB), CLSEQ_ERR_FORMAT, CLSEQ_ERR_NOMEM. Release with
 * clseq_spm_destroy(). */
CLSEQ_API CLSEQ_MUST_CHECK clseq_status clseq_spm_load(clseq_context *ctx, const char *path,
                                                       clseq_spm **ret);

/* The same from memory, which is copied; `name` stands in messages. */
CLSEQ_API CLSEQ_MUST_CHECK clseq_status clseq_spm_create_from_memory(clseq_context *ctx,
                                                                     const char *name,
                                                                     const void *data, size_t size,
                                                                     clseq_spm **ret);

/* Destroy and set *spm to NULL. *spm may be NULL. */
CLSEQ_API void clseq_spm_destroy(clseq_spm **spm);

CLSEQ_API clseq_spm_type clseq_spm_get_type(const clseq_spm *spm);

/* Number of pieces; ids are 0 .. size - 1. */
CLSEQ_API size_t clseq_spm_size(const clseq_spm *spm);

/* Ids of the special pieces. Start, end and padding are -1 when the model has none. */
CLSEQ_API int32_t clseq_spm_unk_id(const clseq_spm *spm);
CLSEQ_API int32_t clseq_spm_bos_id(const clseq_spm *spm);
CLSEQ_API int32_t clseq_spm_eos_id(const clseq_spm *spm);
CLSEQ_API int32_t clseq_spm_pad_id(const clseq_spm *spm);

/* The piece of an id, owned by the model; NULL when the id is out of range. Spaces are U+2581. */
CLSEQ_API const char *clseq_spm_piece(const clseq_spm *spm, int32_t id);

/* Score and kind of a piece; 0 and CLSEQ_SPM_UNKNOWN when the id is out of range. */
CLSEQ_API float clseq_spm_score(const clseq_spm *spm, int32_t id);
CLSEQ_API clseq_spm_kind clseq_spm_get_kind(const clseq_spm *spm, int32_t id);

/* The id of a piece of `length` bytes; the unknown piece's when there is none. */
CLSEQ_API int32_t clseq_spm_find(const clseq_spm *spm, const char *piece, size_t length);

/* The ids of a line (any bytes; what is not UTF-8 becomes U+FFFD), without start and end; replaces
 * what is in `ret`. Time grows with the length of the line (times its logarithm for type bpe).
 * Errors: CLSEQ_ERR_LIMIT (256 MiB of normalised text), CLSEQ_ERR_NOMEM. */
CLSEQ_API CLSEQ_MUST_CHECK clseq_status clseq_spm_encode(const clseq_spm *spm, const char *line,
                                                         size_t length, clseq_ids *ret);

/* The same as the text of the pieces, joined by one space. An unknown piece is the (normalised)
 * text it stands for. */
CLSEQ_API CLSEQ_MUST_CHECK clseq_status clseq_spm_encode_pieces(const clseq_spm *spm,
                                                                const char *line, size_t length,
                                                                clseq_text *ret);

/* The text as the model sees it: normalised, spaces as U+2581. */
CLSEQ_API CLSEQ_MUST_CHECK clseq_status clseq_spm_normalize(const clseq_spm *spm, const char *line,
                                                            size_t length, clseq_text *ret);

/* The text of `count` ids; control pieces (start, end, padding) leave nothing, the unknown piece
 * leaves the model's surface for it (" U+2047 "). Replaces what is in `ret`. May hold a line end
 * where a byte piece says so. Errors: CLSEQ_ERR_ARG (an id out of range), CLSEQ_ERR_NOMEM. */
CLSEQ_API CLSEQ_MUST_CHECK clseq_status clseq_spm_decode(const clseq_spm *spm, const int32_t *ids,
                                                         size_t count, clseq_text *ret);

/* The text of pieces that stand in a line, separated by spaces; pieces that the model does not have
 * are copied. Errors: CLSEQ_ERR_NOMEM. */
CLSEQ_API CLSEQ_MUST_CHECK clseq_status clseq_spm_decode_pieces(const clseq_spm *spm,
                                                                const char *line, size_t length,
                                                                clseq_text *ret);

/* ---- Byte pair encoding as in subword-nmt ---- */

typedef struct clseq_bpe clseq_bpe;

/* How a codes file is used. */
typedef struct clseq_bpe_options {
    const char *separator;        /* behind every piece that does not end a word; default "@@" */
    size_t merges;                /* use only the first merges of the file; default SIZE_MAX: all */
    const char *vocabulary_path;  /* "piece count" lines; merges that make other pieces are undone;
                                    default NULL: none */
    int64_t vocabulary_threshold; /* pieces with a smaller count are not in the vocabulary;
                                      default INT64_MIN: none */
    const char *const *glossaries; /* strings that are never cut nor joined with their surroundings,
                                      taken literally; default NULL */
    size_t glossary_count;
    bool glossary_patterns; /* they are regular expressions instead, as subword-nmt's, of the kind
                               that docs/units.md describes; default false */
    const char *pieces;     /* instead of a file the vocabulary as text, a piece on every line, all
                               of them in it; default NULL */
    size_t pieces_size;
} clseq_bpe_options;

/* The defaults. */
CLSEQ_API void clseq_bpe_options_init(clseq_bpe_options *options);

/* Read a codes file (plain or gzip) of version 0.1 (no "#version:" line) or 0.2; `options` may be
 * NULL and need not outlive the call. Errors: CLSEQ_ERR_IO, CLSEQ_ERR_DATA (not UTF-8),
 * CLSEQ_ERR_FORMAT (another version, OpenNMT's "v3;" header, a line that is not two symbols; the
 * message names file and line), CLSEQ_ERR_ARG, CLSEQ_ERR_NOMEM. Release with clseq_bpe_destroy().
 */
CLSEQ_API CLSEQ_MUST_CHECK clseq_status clseq_bpe_load(clseq_context *ctx, const char *codes_path,
                                                       const clseq_bpe_options *options,
                                                       clseq_bpe **ret);

/* The same from the text of a codes file; `name` stands in messages. */
CLSEQ_API CLSEQ_MUST_CHECK clseq_status
clseq_bpe_create_from_memory(clseq_context *ctx, const char *name, const char *codes, size_t size,
                             const clseq_bpe_options *options, clseq_bpe **ret);

/* Destroy and set *bpe to NULL. *bpe may be NULL. */
CLSEQ_API void clseq_bpe_destroy(clseq_bpe **bpe);

/* Number of different merges in use. */
CLSEQ_API size_t clseq_bpe_size(const clseq_bpe *bpe);

/* Words longer than this, in characters, are cut without dropout. */
#define CLSEQ_BPE_DROPOUT_LENGTH 1024

/* BPE-dropout (Provilkov, Emelianenko and Voita, 2020, arXiv:1910.13267): every time the next merge
 * of a word is chosen, each candidate is left out with a probability. Which ones is a function of
 * seed, epoch and line. For training text only. */
typedef struct clseq_bpe_dropout {
    double probability; /* 0 to 1 */
    uint64_t seed;
    uint32_t epoch;
    uint64_t line; /* number of the line in the text */
} clseq_bpe_dropout;

/* The line with its words (at spaces) cut into pieces, "ir@@ on". Spaces at both ends stay, several
 * between two words become one. Any bytes; what is not UTF-8 counts as one character a byte.
 * `dropout` may be NULL. Replaces what is in `ret`. Errors: CLSEQ_ERR_ARG (dropout),
 * CLSEQ_ERR_LIMIT (256 MiB), CLSEQ_ERR_NOMEM. */
CLSEQ_API CLSEQ_MUST_CHECK clseq_status clseq_bpe_apply(const clseq_bpe *bpe, const char *line,
                                                        size_t length,
                                                        const clseq_bpe_dropout *dropout,
                                                        clseq_text *ret);

/* The pieces joined again: every `separator` (NULL: "@@") before a space, with that space, and one
 * at the end are taken out. Replaces what is in `ret`. Errors: CLSEQ_ERR_NOMEM. */
CLSEQ_API CLSEQ_MUST_CHECK clseq_status clseq_bpe_undo(clseq_context *ctx, const char *separator,
                                                       const char *line, size_t length,
                                                       clseq_text *ret);

/* Counts words, then learns merges from them. */
typedef struct clseq_bpe_learner clseq_bpe_learner;

/* Release with clseq_bpe_learner_destroy(). Errors: CLSEQ_ERR_NOMEM. */
CLSEQ_API CLSEQ_MUST_CHECK clseq_status clseq_bpe_learner_create(clseq_context *ctx,
                                                                 clseq_bpe_learner **ret);

/* Count the words of a line, which are separated by spaces (no other white space). Errors:
 * CLSEQ_ERR_DATA (not UTF-8), CLSEQ_ERR_LIMIT, CLSEQ_ERR_NOMEM. */
CLSEQ_API CLSEQ_MUST_CHECK clseq_status clseq_bpe_learner_add(clseq_bpe_learner *learner,
                                                              const char *line, size_t length);

/* Count one word `count` times; it must not hold a space. Errors: those above, CLSEQ_ERR_ARG. */
CLSEQ_API CLSEQ_MUST_CHECK clseq_status clseq_bpe_learner_add_word(clseq_bpe_learner *learner,
                                                                   const char *word, size_t length,
                                                                   uint64_t count);

/* Learn up to `merges` merges of pairs seen at least `min_frequency` (1 or more; subword-nmt: 2)
 * times: the text of a codes file of version 0.2, equal to subword-nmt's to the byte, replaces
 * what is in `ret`; *learnt (may be NULL) is their number. The learner keeps its counts. Errors:
 * CLSEQ_ERR_ARG, CLSEQ_ERR_DATA (no word of two characters), CLSEQ_ERR_LIMIT, CLSEQ_ERR_NOMEM. */
CLSEQ_API CLSEQ_MUST_CHECK clseq_status clseq_bpe_learner_learn(const clseq_bpe_learner *learner,
                                                                size_t merges,
                                                                uint64_t min_frequency,
                                                                clseq_text *ret, size_t *learnt);

/* Destroy and set *learner to NULL. *learner may be NULL. */
CLSEQ_API void clseq_bpe_learner_destroy(clseq_bpe_learner **learner);

CLSEQ_END_DECLS

#endif
