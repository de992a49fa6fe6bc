/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Raw text to tokens and back, by rules that know no language: words, numbers
 * (1,000.50), addresses (http://..., a@b.c), abbreviations (z.B., Mr.) and words with
 * hyphens stay whole; quotes, brackets and other punctuation stand alone; "don't" is
 * "don 't", "l'homme" "l' homme"; Chinese characters and Hiragana stand alone.
 *
 *     He said: "I don't know (yet)."   He said : " I don 't know ( yet ) . "
 *
 * Joining knows which tokens have a space between them as a rule. Where the text had
 * it otherwise, a token is marked: U+FFED on the side that has no space, U+2581 on the
 * side that has one ("Quoi ?" is "Quoi \u2581?"). So joining is the inverse of
 * cutting: it gives the text back, but for runs of white space, which become one space,
 * white space at the ends, and these two characters themselves, which become U+25A0
 * and "_".
 */
#ifndef CLSEQ_RULES_H
#define CLSEQ_RULES_H

#include <clseq/vocab.h>

CLSEQ_BEGIN_DECLS

/* The tokens of a line, one space between them; replaces what is in `ret`. Errors: CLSEQ_ERR_DATA
 * (not UTF-8), CLSEQ_ERR_LIMIT (256 MiB), CLSEQ_ERR_NOMEM. */
CLSEQ_API CLSEQ_MUST_CHECK clseq_status clseq_rules_cut(clseq_context *ctx, const char *line,
                                                        size_t length, clseq_text *ret);

/* The text of a line of tokens, which may be anybody's; replaces what is in `ret`. Errors: as
 * above. */
CLSEQ_API CLSEQ_MUST_CHECK clseq_status clseq_rules_join(clseq_context *ctx, const char *line,
                                                         size_t length, clseq_text *ret);

CLSEQ_END_DECLS

#endif
