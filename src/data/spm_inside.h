/* SPDX-License-Identifier: BSD-2-Clause */
/* The inside of a SentencePiece model, shared by the files spm_*.c. */
#ifndef CLSEQ_SPM_INSIDE_H
#define CLSEQ_SPM_INSIDE_H

#include "data/byte_trie.h"
#include "data/string_table.h"
#include "data/text_append.h"
#include "data/utf8.h"

#include <clseq/subword.h>

/* How a space is written in pieces: U+2581, LOWER ONE EIGHTH BLOCK. */
#define CLSEQ_SPM_SPACE      "\xe2\x96\x81"
#define CLSEQ_SPM_SPACE_SIZE 3

/* Longest normalised line. */
#define CLSEQ_SPM_LINE_LIMIT ((size_t)1 << 28)

/* How text is brought to the form that pieces are found in. */
typedef struct clseq_spm_rules {
    bool add_dummy_prefix, remove_extra_whitespaces, escape_whitespaces;
    bool space_is_suffix; /* the dummy prefix is put at the end */
    /* Precompiled rules; NULL: none. A double array (Aoe, 1989) as darts-clone lays it out finds
     * where in `replacements`, which are ended by 0 bytes, the new text of a string begins. */
    uint32_t *units;
    size_t unit_count;
    char *replacements;
    size_t replacements_size;         /* a 0 byte more follows */
    const clseq_byte_trie *untouched; /* strings that stay as they are; borrowed, may be NULL */
} clseq_spm_rules;

/* Take a precompiled map apart: its size in bytes, the array, the replacements. Errors:
 * CLSEQ_ERR_NOMEM; *why is set and the result is CLSEQ_ERR_FORMAT when it is damaged. */
CLSEQ_MUST_CHECK clseq_status clseq_spm_rules_read(clseq_context *ctx, clseq_spm_rules *rules,
                                                   const unsigned char *map, size_t size,
                                                   const char **why);

void clseq_spm_rules_fini(clseq_spm_rules *rules);

/* Normalise `n` bytes of anything into UTF-8; replaces what is in `ret`. Errors: CLSEQ_ERR_LIMIT,
 * CLSEQ_ERR_NOMEM. */
CLSEQ_MUST_CHECK clseq_status clseq_spm_rules_apply(clseq_context *ctx,
                                                    const clseq_spm_rules *rules, const char *text,
                                                    size_t n, clseq_text *ret);

typedef struct clseq_spm_piece_data {
    size_t offset; /* into clseq_spm.bytes */
    uint32_t length;
    float score;
    clseq_spm_kind kind;
} clseq_spm_piece_data;

struct clseq_spm {
    clseq_context *ctx; /* borrowed */
    char *name;
    clseq_spm_type type;
    bool byte_fallback;
    int32_t unk_id, bos_id, eos_id, pad_id;
    char *unk_surface;

    clseq_spm_piece_data *pieces;
    size_t count, capacity;
    char *bytes; /* all pieces, each ended by a 0 byte */
    size_t bytes_size, bytes_capacity;

    /* Pieces that text can make (normal, user-defined, unused) and the others: a string may stand
     * in both. Number in the table -> id. */
    clseq_string_table text_table, other_table;
    int32_t *text_ids, *other_ids;
    size_t text_ids_capacity, other_ids_capacity;

    bool has_unused;
    float lowest_score, highest_score; /* of the normal pieces */
    int32_t byte_ids[256];             /* with byte_fallback */
    clseq_byte_trie trie;              /* type unigram: those of text_table; values are ids */
    clseq_byte_trie user_defined;

    clseq_spm_rules normalizer;
    clseq_spm_rules denormalizer;
    bool denormalize; /* there are rules to apply to decoded text */
};

static inline const char *clseq_spm_piece_text(const clseq_spm *spm, int32_t id)
{
    return spm->bytes + spm->pieces[id].offset;
}

/* The id of a piece among those that text can make; -1 when there is none. */
static inline int32_t clseq_spm_find_text(const clseq_spm *spm, const char *piece, size_t length)
{
    const size_t i = clseq_string_table_find(&spm->text_table, piece, length);

    return i == CLSEQ_STRING_NONE ? -1 : spm->text_ids[i];
}

/* The id of a part of a line: as clseq_spm_find(), but text never makes a control piece. */
static inline int32_t clseq_spm_find_part(const clseq_spm *spm, const char *part, size_t length)
{
    int32_t id = clseq_spm_find(spm, part, length);

    if (spm->pieces[id].kind == CLSEQ_SPM_CONTROL)
        id = clseq_spm_find_text(spm, part, length);
    return id < 0 ? spm->unk_id : id;
}

/* Bytes of the character that a normalised text begins with, by its first byte alone. */
static inline size_t clseq_spm_char_length(const char *text, size_t n)
{
    const unsigned char c = (unsigned char)text[0];
    const size_t length = c < 0xc0 ? 1 : c < 0xe0 ? 2 : c < 0xf0 ? 3 : 4;

    return length < n ? length : n;
}

/* The value of a piece "<0x41>"; -1 when it is spelled otherwise. */
int clseq_spm_byte_value(const char *piece, size_t length);

/* A part of a normalised line and the piece it is. */
typedef struct clseq_spm_span {
    uint32_t offset, length; /* in bytes */
    int32_t id;
} clseq_spm_span;

/* Start from { 0 }, end with clseq_spm_spans_fini(). */
typedef struct clseq_spm_spans {
    clseq_spm_span *data;
    size_t count, capacity;
} clseq_spm_spans;

void clseq_spm_spans_fini(clseq_spm_spans *spans);

CLSEQ_MUST_CHECK clseq_status clseq_spm_spans_add(const clseq_spm *spm, clseq_spm_spans *spans,
                                                  size_t offset, size_t length, int32_t id);

/* Cut a normalised line by merges. Errors: CLSEQ_ERR_NOMEM. */
CLSEQ_MUST_CHECK clseq_status clseq_spm_cut_bpe(const clseq_spm *spm, const char *text, size_t n,
                                                clseq_spm_spans *spans);

#endif
