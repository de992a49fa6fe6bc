/* SPDX-License-Identifier: BSD-2-Clause */
/* The texts of a run as its options want them: vocabularies, and batches made ahead. */
#ifndef CLSEQ_DATASET_H
#define CLSEQ_DATASET_H

#include "data/batches_ahead.h"
#include "io/model_file.h"

#include <clseq/train.h>

/* One text with its batches, which are taken from `ahead`. Starts as zeros. */
typedef struct clseq_dataset {
    clseq_corpus *corpus;
    clseq_batches *batches;
    clseq_batches_ahead *ahead; /* made by the caller once all texts are known */
} clseq_dataset;

/* Vocabularies of `pairs`, and with them the configuration of the model, into `meta`. Codes of
 * subwords are read, or learnt from `pairs`. Errors: those of clseq_vocab_create_from_pairs(),
 * clseq_bpe_load(), clseq_spm_load() and clseq_bpe_learner_learn(). */
CLSEQ_MUST_CHECK clseq_status clseq_dataset_vocabularies(clseq_context *ctx,
                                                         const struct clseq_train_options *options,
                                                         clseq_pairs *pairs,
                                                         clseq_model_meta *meta);

/* That codes which are given are those of `meta`, a run's that goes on. A file that is no longer
 * there is not missed: the checkpoint has its bytes. Errors: CLSEQ_ERR_ARG (other codes), those of
 * reading. */
CLSEQ_MUST_CHECK clseq_status clseq_dataset_check_codes(clseq_context *ctx,
                                                        const struct clseq_train_options *options,
                                                        const clseq_model_meta *meta);

/* Corpus and batches of `pairs` with the vocabularies of `meta`. A text to train on is shuffled and
 * loses words at random; one to validate on is neither. Errors: those of clseq_corpus_create() and
 * clseq_batches_create(). Release with fini(), also after an error. */
CLSEQ_MUST_CHECK clseq_status clseq_dataset_init(clseq_dataset *data, clseq_context *ctx,
                                                 const struct clseq_train_options *options,
                                                 const clseq_model_meta *meta, clseq_pairs *pairs,
                                                 bool training);

/* The batches alone, of a corpus that must outlive them. */
CLSEQ_MUST_CHECK clseq_status clseq_dataset_batches(clseq_context *ctx,
                                                    const struct clseq_train_options *options,
                                                    const clseq_model_meta *meta,
                                                    const clseq_corpus *corpus, bool training,
                                                    clseq_batches **ret);
void clseq_dataset_fini(clseq_dataset *data);

#endif
