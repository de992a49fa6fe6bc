/* SPDX-License-Identifier: BSD-2-Clause */
/* TER's tokenizer, tercom's, on text that has been checked. */
#ifndef CLSEQ_TER_TOKENIZE_H
#define CLSEQ_TER_TOKENIZE_H

#include <clseq/eval.h>

#include "eval/eval_text.h"

/* Strip the end of `text` and tokenize it in place, the tokens between white space of any kind;
 * `spare` is scratch. A reference is normalized twice, as sacreBLEU does: "Bob's." is "bob's", "."
 * in a hypothesis and "bob", "'s", "." in a reference. */
CLSEQ_MUST_CHECK clseq_status clseq_ter_tokenize(clseq_context *ctx,
                                                 const clseq_ter_options *options,
                                                 bool is_reference, clseq_eval_text *text,
                                                 clseq_eval_text *spare);

#endif
