/* SPDX-License-Identifier: BSD-2-Clause */
/* What the parts of the translator share. */
#ifndef CLSEQ_TRANSLATOR_INSIDE_H
#define CLSEQ_TRANSLATOR_INSIDE_H

#include "decode/sentences.h"
#include "decode/translator.h"
#include "model/decoder_state.h"

/* One model of an ensemble. */
struct clseq_member {
    clseq_seq2seq *model;  /* owned */
    clseq_model_meta meta; /* owned */
    clseq_decoder_state state;
    clseq_batch batch;
    clseq_buffer *sum; /* of the losses of a batch; owned */
    /* Words of each side so far. The input products of all words are made when those of so many
     * have been made one by one that it would have paid to do so at once: at most twice the cost of
     * knowing before. */
    uint64_t words[CLSEQ_SIDES];
    bool tabulated[CLSEQ_SIDES]; /* or tried */
};

struct clseq_translator {
    clseq_context *ctx;           /* borrowed */
    struct clseq_member **member; /* owned; (members) their target words are the same */
    size_t members;
    struct clseq_model_info info; /* of the first */
};

/* `given` or the defaults, checked. Errors: CLSEQ_ERR_ARG. */
CLSEQ_MUST_CHECK clseq_status clseq_translator_options(const clseq_translator *tr,
                                                       const clseq_translate_options *given,
                                                       clseq_translate_options *ret);

/* The lines as each model reads them: `ret` (members), released with clseq_translator_forget() in
 * any case. Errors: CLSEQ_ERR_DATA, CLSEQ_ERR_NOMEM. */
CLSEQ_MUST_CHECK clseq_status clseq_translator_read(const clseq_translator *tr,
                                                    const char *const *lines, const size_t *lengths,
                                                    size_t n, const char *side,
                                                    const clseq_translate_options *o,
                                                    clseq_sentences **ret);
void clseq_translator_forget(const clseq_translator *tr, clseq_sentences *source);

/* Fill the batch of a model with these lines and make room for it on the device. `target` may be
 * NULL. */
CLSEQ_MUST_CHECK clseq_status clseq_member_load(struct clseq_member *m,
                                                const clseq_sentences *source,
                                                const clseq_sentences *target,
                                                const clseq_sentence_place *places, size_t B);

/* The error of a model that gives NaN in a line. */
clseq_status clseq_translator_fail_nan(const clseq_translator *tr, uint64_t line);

#endif
