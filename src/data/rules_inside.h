/* SPDX-License-Identifier: BSD-2-Clause */
/* What cutting and joining by rules share: the kinds of tokens and the spaces between them. */
#ifndef CLSEQ_RULES_INSIDE_H
#define CLSEQ_RULES_INSIDE_H

#include "data/text_append.h"
#include "data/utf8.h"

#include <clseq/rules.h>

#define CLSEQ_RULES_LINE_LIMIT ((size_t)1 << 28)

/* U+FFED and U+2581: no space, a space, where the rule says otherwise. */
#define CLSEQ_MARK_JOIN  "\xef\xbf\xad"
#define CLSEQ_MARK_SPACE "\xe2\x96\x81"
#define CLSEQ_MARK_SIZE  3

typedef enum clseq_rules_kind {
    CLSEQ_RULES_WORD,
    CLSEQ_RULES_CJK,    /* a character that is written without spaces */
    CLSEQ_RULES_OPEN,   /* no space behind it: ( */
    CLSEQ_RULES_CLOSE,  /* none before it: ) . , */
    CLSEQ_RULES_BOTH,   /* neither: / */
    CLSEQ_RULES_SPACED, /* spaces on both sides: = */
} clseq_rules_kind;

/* Quotes that are open. Starts as zeros. */
typedef struct clseq_rules_quotes {
    bool plain, single;   /* " ' */
    bool low, low_single; /* German: these open, and what closes them opens in English */
} clseq_rules_quotes;

/* The kind of the next token of a line, without marks, n > 0 bytes of UTF-8. */
clseq_rules_kind clseq_rules_kind_of(clseq_rules_quotes *quotes, const char *token, size_t n);

/* True where two tokens have a space between them as a rule. */
bool clseq_rules_space(clseq_rules_kind left, clseq_rules_kind right);

/* 's, 't, 'm, 'd, 're, 've, 'll as a whole: `letters` behind the apostrophe. */
bool clseq_rules_is_clitic(const char *letters, size_t n);

/* l, d, qu and others that an apostrophe joins to the next word. */
bool clseq_rules_is_elision(const char *letters, size_t n);

/* Bytes of an apostrophe, ' or U+2019, that the text begins with; 0 when it does not. */
static inline size_t clseq_rules_apostrophe(const char *text, size_t n)
{
    if (n > 0 && text[0] == '\'')
        return 1;
    return n >= 3 && memcmp(text, "\xe2\x80\x99", 3) == 0 ? 3 : 0;
}

/* Han, Hiragana, Katakana. */
static inline bool clseq_rules_is_cjk(int32_t point)
{
    return (point >= 0x3041 && point <= 0x30ff && point != 0x30fb) ||
           (point >= 0x3400 && point <= 0x4dbf) || (point >= 0x4e00 && point <= 0x9fff) ||
           (point >= 0xf900 && point <= 0xfaff) || (point >= 0x20000 && point <= 0x3ffff) ||
           (point >= 0x31f0 && point <= 0x31ff) || (point >= 0xff66 && point <= 0xff9f) ||
           point == 0x3005 || point == 0x3007;
}

#endif
