/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef CLSEQ_TRANSLATOR_H
#define CLSEQ_TRANSLATOR_H

#include "io/model_file.h"

#include <clseq/translate.h>

/* A translator of a model in memory. Takes over *model and the vocabularies of *meta: on success
 * *model is NULL and *meta empty, on failure both are as they were. Errors: CLSEQ_ERR_ARG
 * (vocabularies of other sizes than the model's), CLSEQ_ERR_NOMEM. */
CLSEQ_MUST_CHECK clseq_status clseq_translator_create(clseq_seq2seq **model, clseq_model_meta *meta,
                                                      clseq_translator **ret);

/* Add the models of *more to an ensemble; *more is then NULL, and closed with this one. On failure
 * both are as they were. Errors: CLSEQ_ERR_ARG (other target vocabularies, another backend),
 * CLSEQ_ERR_NOMEM. */
CLSEQ_MUST_CHECK clseq_status clseq_translator_join(clseq_translator *translator,
                                                    clseq_translator **more);

#endif
