/* SPDX-License-Identifier: BSD-2-Clause */
#include "train/dataset.h"

#include "base/base.h"

clseq_status clseq_dataset_vocabularies(clseq_context *ctx, const struct clseq_train_options *o,
                                        clseq_pairs *pairs, clseq_model_meta *meta)
{
    clseq_vocab_pair_options options;

    clseq_vocab_pair_options_init(&options);
    options.source_text = o->source_text;
    options.target_text = o->target_text;
    options.source_limits.size = o->source_vocab_size;
    options.target_limits.size = o->target_vocab_size;
    options.source_limits.min_count = options.target_limits.min_count = o->min_count;
    options.max_length = o->max_length;
    options.joint = o->model.shared_embeddings;
    CLSEQ_TRY(clseq_vocab_create_from_pairs(ctx, pairs, &options, &meta->source_vocab,
                                            &meta->target_vocab));
    meta->reverse_source = o->reverse_source;
    meta->config = o->model;
    meta->config.source_vocabulary = (int32_t)clseq_vocab_size(meta->source_vocab);
    meta->config.target_vocabulary = (int32_t)clseq_vocab_size(meta->target_vocab);
    return CLSEQ_OK;
}

clseq_status clseq_dataset_init(clseq_dataset *data, clseq_context *ctx,
                                const struct clseq_train_options *options,
                                const clseq_model_meta *meta, clseq_pairs *pairs, bool training)
{
    clseq_corpus_options corpus;
    clseq_batches_options batches;

    clseq_corpus_options_init(&corpus);
    corpus.folder = options->run;
    corpus.max_length = options->max_length;
    corpus.reverse_source = options->reverse_source;
    CLSEQ_TRY(clseq_corpus_create(ctx, pairs, meta->source_vocab, meta->target_vocab, &corpus,
                                  &data->corpus));
    clseq_batches_options_init(&batches);
    batches.batch_size = options->batch;
    batches.batch_tokens = options->batch_tokens;
    batches.seed = options->seed;
    batches.shuffle = training;
    batches.word_dropout = training ? options->word_dropout : 0;
    batches.similar_length = !training || options->similar_length;
    return clseq_batches_create(ctx, data->corpus, &batches, &data->batches);
}

void clseq_dataset_fini(clseq_dataset *data)
{
    clseq_batches_ahead_destroy(&data->ahead);
    clseq_batches_destroy(&data->batches);
    clseq_corpus_destroy(&data->corpus);
}
