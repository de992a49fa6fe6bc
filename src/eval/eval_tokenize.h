/* SPDX-License-Identifier: BSD-2-Clause */
/* The tokenizers of BLEU, on text that has been checked. */
#ifndef CLSEQ_EVAL_TOKENIZE_H
#define CLSEQ_EVAL_TOKENIZE_H

#include <clseq/eval.h>

#include "eval/eval_text.h"

/* Strip the end of `text` and tokenize it in place; `spare` is scratch. */
CLSEQ_MUST_CHECK clseq_status clseq_eval_text_tokenize(clseq_context *ctx,
                                                       clseq_eval_tokenizer kind,
                                                       clseq_eval_text *text,
                                                       clseq_eval_text *spare);

/* Passes that 13a shares with TER's tokenizer. Each leaves its result in `text`. */

/* Replace every `from` by the shorter `to`, in place. */
void clseq_eval_text_replace(clseq_eval_text *text, const char *from, const char *to);

/* &quot; &amp; &lt; &gt; in this order, each once: &amp;lt; becomes <. */
void clseq_eval_text_unescape(clseq_eval_text *text);

/* One space between tokens, none outside. */
void clseq_eval_text_single_spaces(clseq_eval_text *text);

/* One space on either side of the line, then spaces around ASCII punctuation and symbols, except
 * ' , - . which need their neighbours. */
CLSEQ_MUST_CHECK clseq_status clseq_eval_text_part_punctuation(clseq_context *ctx,
                                                               clseq_eval_text *text,
                                                               clseq_eval_text *spare);

/* . and , stand apart when no digit is before them, then when none is behind them; then - when a
 * digit is before it. */
CLSEQ_MUST_CHECK clseq_status clseq_eval_text_part_stops(clseq_context *ctx, clseq_eval_text *text,
                                                         clseq_eval_text *spare);

#endif
