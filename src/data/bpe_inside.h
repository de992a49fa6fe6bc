/* SPDX-License-Identifier: BSD-2-Clause */
/* Byte pair encoding from the inside, shared by the files bpe*.c. */
#ifndef CLSEQ_BPE_INSIDE_H
#define CLSEQ_BPE_INSIDE_H

#include "data/pair_table.h"
#include "data/pattern.h"
#include "data/string_table.h"
#include "data/text_append.h"
#include "data/utf8.h"

#include <clseq/subword.h>

/* What marks the end of a word in a codes file. */
#define CLSEQ_BPE_END      "</w>"
#define CLSEQ_BPE_END_SIZE 4

typedef struct clseq_bpe_merge {
    uint32_t left, right, result; /* numbers of symbols */
    uint32_t last;                /* number of the last merge in the file that says the same */
} clseq_bpe_merge;

struct clseq_bpe {
    clseq_context *ctx; /* borrowed */
    char *name;
    char *separator;
    size_t separator_size;
    bool end_is_symbol; /* version 0.1: the end of a word is a symbol of its own */

    clseq_string_table symbols;
    clseq_bpe_merge *merges; /* in the order of the file, which is their rank; once each */
    size_t merge_count, merge_capacity;
    clseq_pair_table ranks; /* two symbols -> their merge */
    uint32_t *splits;       /* symbol -> the merge that makes it, or CLSEQ_PAIR_NONE */

    clseq_string_table vocabulary;
    clseq_string_table glossaries;
    clseq_pattern **patterns; /* of the glossaries, where they are patterns; else NULL */
};

/* Length of the character that text[0 .. n) begins with; 1 where it is not UTF-8. n > 0. */
static inline size_t clseq_bpe_char_length(const char *text, size_t n)
{
    const size_t length = clseq_utf8_sequence(text, n);

    return length > 0 ? length : 1;
}

/* Without the line ends and spaces at both ends. */
static inline void clseq_bpe_strip(const char **text, size_t *n)
{
    while (*n > 0 && memchr("\r\n ", **text, 3)) {
        (*text)++;
        (*n)--;
    }
    while (*n > 0 && memchr("\r\n ", (*text)[*n - 1], 3))
        (*n)--;
}

#endif
