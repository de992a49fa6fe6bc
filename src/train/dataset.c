/* SPDX-License-Identifier: BSD-2-Clause */
#include "train/dataset.h"

#include "base/base.h"
#include "data/text_append.h"
#include "data/tokenize.h"
#include "data/unit_codes.h"

#include <string.h>
#include <unistd.h>

/* What --codes and --spm-model name for a side; NULL where its unit has no use for it. */
static const char *codes_path(const struct clseq_train_options *o, int side)
{
    const clseq_unit unit = side ? o->target_text.unit : o->source_text.unit;
    const bool used = unit == CLSEQ_UNIT_BPE || unit == CLSEQ_UNIT_SPM;

    return !used ? NULL : side ? o->target_codes : o->source_codes;
}

/* The codes of both sides, from files or from the text; those of `text` that stay are borrowed. */
static clseq_status get_codes(clseq_context *ctx, const struct clseq_train_options *o,
                              clseq_pairs *pairs, clseq_text codes[2], clseq_text_options text[2])
{
    clseq_unit_learning learning = {
        .text = { o->source_text, o->target_text },
        .joint = o->joint,
        .merges = o->merges,
        .max_length = o->max_length,
    };

    for (int side = 0; side < 2; side++) {
        const char *path = codes_path(o, side);

        if (path)
            CLSEQ_TRY(clseq_unit_codes_read(ctx, text[side].unit, path, &codes[side]));
        else
            learning.wanted[side] = text[side].unit == CLSEQ_UNIT_BPE && !text[side].codes;
    }
    if (learning.wanted[0] || learning.wanted[1]) {
        CLSEQ_TRY(clseq_pairs_check_rewind(pairs));
        CLSEQ_TRY(clseq_unit_codes_learn(ctx, pairs, &learning, codes));
    }
    for (int side = 0; side < 2; side++) {
        if (codes[side].size > 0) {
            text[side].codes = codes[side].data;
            text[side].codes_size = codes[side].size;
        }
    }
    return CLSEQ_OK;
}

/* So that an error of codes names their file. */
static clseq_status check_codes(clseq_context *ctx, const struct clseq_train_options *o,
                                const clseq_text_options text[2])
{
    for (int side = 0; side < 2; side++) {
        const char *path = codes_path(o, side);
        clseq_tokenizer tokenizer;
        clseq_status status;

        if (!path)
            continue;
        status = clseq_tokenizer_init(&tokenizer, ctx, text[side]);
        clseq_tokenizer_fini(&tokenizer);
        if (status != CLSEQ_OK)
            return clseq_fail_in(ctx, status, "%s", path);
    }
    return CLSEQ_OK;
}

/* The pieces of a side that are frequent enough, one a line. */
static clseq_status list_pieces(clseq_context *ctx, const clseq_vocab *vocab, uint64_t threshold,
                                clseq_text *ret)
{
    CLSEQ_TRY(clseq_text_clear(ctx, ret));
    for (int32_t id = CLSEQ_ID_FIRST; (size_t)id < clseq_vocab_size(vocab); id++) {
        const char *piece = clseq_vocab_token(vocab, id);

        if (clseq_vocab_count(vocab, id) < threshold)
            break; /* the frequent ones come first */
        CLSEQ_TRY(clseq_text_append(ctx, ret, piece, strlen(piece)));
        CLSEQ_TRY(clseq_text_append(ctx, ret, "\n", 1));
    }
    return CLSEQ_OK;
}

/* With `piece_threshold`: cut the text by all merges, and count. */
static clseq_status get_pieces(clseq_context *ctx, const struct clseq_train_options *o,
                               clseq_pairs *pairs, clseq_text pieces[2], clseq_text_options text[2])
{
    clseq_vocab *vocab[2] = { NULL, NULL };
    clseq_vocab_pair_options options;
    clseq_status status;

    if (o->piece_threshold == 0)
        return CLSEQ_OK;
    clseq_vocab_pair_options_init(&options);
    options.source_text = text[0];
    options.target_text = text[1];
    options.source_limits.size = options.target_limits.size = CLSEQ_VOCAB_SIZE;
    options.source_limits.min_count = options.target_limits.min_count = 1;
    options.max_length = o->max_length;
    options.joint = o->model.shared_embeddings;
    CLSEQ_TRY(clseq_vocab_create_from_pairs(ctx, pairs, &options, &vocab[0], &vocab[1]));
    for (int side = 0; side < 2; side++) {
        if (text[side].unit != CLSEQ_UNIT_BPE)
            continue;
        CLSEQ_TRY_GOTO(status, out,
                       list_pieces(ctx, vocab[side], o->piece_threshold, &pieces[side]));
        if (pieces[side].size == 0) {
            status = clseq_fail(ctx, CLSEQ_ERR_DATA,
                                "--bpe-vocabulary-threshold %llu: no piece of the %s side of %s "
                                "comes up that often: give a lower one",
                                (unsigned long long)o->piece_threshold, side ? "target" : "source",
                                clseq_pairs_name(pairs));
            goto out;
        }
        text[side].pieces = pieces[side].data;
        text[side].pieces_size = pieces[side].size;
    }
    status = CLSEQ_OK;
out:
    clseq_vocab_destroy(&vocab[0]);
    clseq_vocab_destroy(&vocab[1]);
    return status;
}

static bool same_text(const char *a, size_t a_size, const char *b, size_t b_size)
{
    return a_size == b_size && (a_size == 0 || memcmp(a, b, a_size) == 0);
}

static bool same_cut(const clseq_text_options *a, const clseq_text_options *b)
{
    return same_text(a->codes, a->codes_size, b->codes, b->codes_size) &&
           same_text(a->glossaries, a->glossaries_size, b->glossaries, b->glossaries_size);
}

static clseq_status make_vocabularies(clseq_context *ctx, const struct clseq_train_options *o,
                                      clseq_pairs *pairs, clseq_text codes[2], clseq_text pieces[2],
                                      clseq_model_meta *meta)
{
    clseq_text_options text[2] = { o->source_text, o->target_text };
    clseq_vocab_pair_options options;

    CLSEQ_TRY(get_codes(ctx, o, pairs, codes, text));
    CLSEQ_TRY(check_codes(ctx, o, text));
    if (o->model.shared_embeddings && !same_cut(&text[0], &text[1]))
        return clseq_fail(ctx, CLSEQ_ERR_ARG,
                          "--share-embeddings makes one vocabulary of both sides, which are cut "
                          "differently: give %s",
                          text[0].unit == CLSEQ_UNIT_BPE ? "--joint, or the same --codes for both"
                                                         : "the same --spm-model for both");
    CLSEQ_TRY(get_pieces(ctx, o, pairs, pieces, text));
    clseq_vocab_pair_options_init(&options);
    options.source_text = text[0];
    options.target_text = text[1];
    options.source_limits.size = o->source_vocab_size;
    options.target_limits.size = o->target_vocab_size;
    options.source_limits.min_count = options.target_limits.min_count = o->min_count;
    options.max_length = o->max_length;
    options.bpe_dropout = o->bpe_dropout;
    options.seed = o->seed;
    options.joint = o->model.shared_embeddings;
    return clseq_vocab_create_from_pairs(ctx, pairs, &options, &meta->source_vocab,
                                         &meta->target_vocab);
}

clseq_status clseq_dataset_vocabularies(clseq_context *ctx, const struct clseq_train_options *o,
                                        clseq_pairs *pairs, clseq_model_meta *meta)
{
    clseq_text codes[2] = { { 0 }, { 0 } }, pieces[2] = { { 0 }, { 0 } };
    const clseq_status status = make_vocabularies(ctx, o, pairs, codes, pieces, meta);

    for (int side = 0; side < 2; side++) {
        clseq_text_fini(&codes[side]);
        clseq_text_fini(&pieces[side]);
    }
    CLSEQ_TRY(status);
    meta->reverse_source = o->reverse_source;
    meta->config = o->model;
    meta->config.source_vocabulary = (int32_t)clseq_vocab_size(meta->source_vocab);
    meta->config.target_vocabulary = (int32_t)clseq_vocab_size(meta->target_vocab);
    return CLSEQ_OK;
}

clseq_status clseq_dataset_check_codes(clseq_context *ctx, const struct clseq_train_options *o,
                                       const clseq_model_meta *meta)
{
    for (int side = 0; side < 2; side++) {
        const clseq_text_options used =
            clseq_vocab_text_options(side ? meta->target_vocab : meta->source_vocab);
        const clseq_text_options *given = side ? &o->target_text : &o->source_text;
        const char *path = codes_path(o, side);
        clseq_text codes = { 0 };
        bool same = true;

        if (path && access(path, F_OK) == 0) {
            const clseq_status status = clseq_unit_codes_read(ctx, given->unit, path, &codes);

            same = status == CLSEQ_OK && codes.size == used.codes_size &&
                   memcmp(codes.data, used.codes, codes.size) == 0;
            clseq_text_fini(&codes);
            CLSEQ_TRY(status);
        } else if (!path && given->codes && used.codes) {
            same = given->codes_size == used.codes_size &&
                   memcmp(given->codes, used.codes, used.codes_size) == 0;
        }
        if (!same)
            return clseq_fail(ctx, CLSEQ_ERR_ARG,
                              "%s: this is not what the run was started with: give the old %s of "
                              "the %s side to go on with it, or choose another folder with -o",
                              path ? path : "codes",
                              used.unit == CLSEQ_UNIT_SPM ? "SentencePiece model" : "codes",
                              side ? "target" : "source");
    }
    return CLSEQ_OK;
}

clseq_status clseq_dataset_init(clseq_dataset *data, clseq_context *ctx,
                                const struct clseq_train_options *options,
                                const clseq_model_meta *meta, clseq_pairs *pairs, bool training)
{
    clseq_corpus_options corpus;

    clseq_corpus_options_init(&corpus);
    corpus.folder = options->run;
    corpus.max_length = options->max_length;
    corpus.reverse_source = options->reverse_source;
    corpus.keep_words = training && options->bpe_dropout > 0;
    CLSEQ_TRY(clseq_corpus_create(ctx, pairs, meta->source_vocab, meta->target_vocab, &corpus,
                                  &data->corpus));
    return clseq_dataset_batches(ctx, options, meta, data->corpus, training, &data->batches);
}

clseq_status clseq_dataset_batches(clseq_context *ctx, const struct clseq_train_options *options,
                                   const clseq_model_meta *meta, const clseq_corpus *corpus,
                                   bool training, clseq_batches **ret)
{
    clseq_batches_options batches;

    clseq_batches_options_init(&batches);
    batches.batch_size = options->batch;
    batches.batch_tokens = options->batch_tokens;
    batches.seed = options->seed;
    batches.shuffle = training;
    batches.word_dropout = training ? options->word_dropout : 0;
    batches.bpe_dropout = training ? options->bpe_dropout : 0;
    batches.source_vocab = meta->source_vocab;
    batches.target_vocab = meta->target_vocab;
    batches.similar_length = !training || options->similar_length;
    return clseq_batches_create(ctx, corpus, &batches, ret);
}

void clseq_dataset_fini(clseq_dataset *data)
{
    clseq_batches_ahead_destroy(&data->ahead);
    clseq_batches_destroy(&data->batches);
    clseq_corpus_destroy(&data->corpus);
}
