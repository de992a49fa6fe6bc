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

#endif
