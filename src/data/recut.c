/* SPDX-License-Identifier: BSD-2-Clause */
#include "data/recut.h"

#include "data/vocab_inside.h"

#include <stdlib.h>
#include <string.h>

clseq_status clseq_recut_init(clseq_recut *recut, clseq_context *ctx, const clseq_corpus *corpus,
                              const clseq_batches_options *options)
{
    const clseq_vocab *const vocab[2] = { options->source_vocab, options->target_vocab };

    if (!(options->bpe_dropout >= 0 && options->bpe_dropout <= 1))
        return clseq_fail(ctx, CLSEQ_ERR_ARG, "--bpe-dropout %g: a probability is 0 to 1",
                          options->bpe_dropout);
    for (int side = 0; side < 2; side++) {
        if (vocab[side] && vocab[side]->tokenizer->bpe)
            recut->vocab[side] = vocab[side];
    }
    if (!corpus->words.map || (!recut->vocab[0] && !recut->vocab[1]))
        return clseq_fail(ctx, CLSEQ_ERR_ARG,
                          "--bpe-dropout is for unit bpe, in a corpus that keeps its words");
    recut->corpus = corpus;
    recut->probability = options->bpe_dropout;
    recut->seed = options->seed;
    return CLSEQ_OK;
}

void clseq_recut_fini(clseq_recut *recut)
{
    clseq_text_fini(&recut->pieces);
    clseq_ids_fini(&recut->ids);
    free(recut->sides);
    *recut = (clseq_recut) { 0 };
}

static clseq_status add_id(clseq_recut *recut, clseq_context *ctx, int32_t id)
{
    CLSEQ_TRY(clseq_grow(ctx, &recut->ids.data, &recut->ids.capacity, recut->ids.size + 1,
                         sizeof(*recut->ids.data), "pieces of a batch"));
    recut->ids.data[recut->ids.size++] = id;
    return CLSEQ_OK;
}

/* The pieces of a line as ids, the last first for a source that is read backwards. */
static clseq_status add_pieces(clseq_recut *recut, clseq_context *ctx, const clseq_vocab *vocab,
                               bool reverse)
{
    const char *text = recut->pieces.data;
    const size_t n = recut->pieces.size, first = recut->ids.size;

    for (size_t begin = 0; begin < n;) {
        const char *space = memchr(text + begin, ' ', n - begin);
        const size_t end = space ? (size_t)(space - text) : n;

        CLSEQ_TRY(add_id(recut, ctx, clseq_vocab_find(vocab, text + begin, end - begin)));
        begin = end + 1;
    }
    for (size_t i = first, j = recut->ids.size; reverse && i + 1 < j; i++) {
        const int32_t id = recut->ids.data[i];

        recut->ids.data[i] = recut->ids.data[--j];
        recut->ids.data[j] = id;
    }
    return CLSEQ_OK;
}

static clseq_status cut_side(clseq_recut *recut, clseq_context *ctx, uint32_t epoch, uint64_t pair,
                             int side, clseq_recut_side *ret)
{
    const clseq_corpus *corpus = recut->corpus;
    const clseq_pair_place *place = (const clseq_pair_place *)corpus->word_places.map + pair;
    const size_t longest = side ? corpus->stats.longest_target : corpus->stats.longest_source;
    const size_t n = side ? place->target_length : place->source_length;
    const char *words =
        (const char *)corpus->words.map + place->offset + (side ? place->source_length : 0);
    const clseq_bpe_dropout dropout = { .probability = recut->probability,
                                        .seed = recut->seed,
                                        .epoch = epoch,
                                        .line = 2 * pair + (uint64_t)side };
    const size_t begin = recut->ids.size;

    *ret = (clseq_recut_side) { 0 };
    if (!recut->vocab[side])
        return CLSEQ_OK;
    /* Where memory ends, the text of the error is in the vocabulary's context, which may be that of
     * another thread: said anew in the one at hand. */
    if (clseq_bpe_apply(recut->vocab[side]->tokenizer->bpe, words, n, &dropout, &recut->pieces) !=
        CLSEQ_OK)
        return clseq_fail(ctx, CLSEQ_ERR_NOMEM, "BPE-dropout: out of memory");
    CLSEQ_TRY(add_pieces(recut, ctx, recut->vocab[side], side == 0 && corpus->reverse_source));
    if (recut->ids.size - begin > longest)
        recut->ids.size = begin;
    else
        *ret = (clseq_recut_side) { .begin = begin, .length = recut->ids.size - begin };
    return CLSEQ_OK;
}

clseq_status clseq_recut_pairs(clseq_recut *recut, clseq_context *ctx, uint32_t epoch,
                               const uint64_t *pairs, size_t count)
{
    recut->ids.size = 0;
    CLSEQ_TRY(clseq_grow(ctx, &recut->sides, &recut->capacity, 2 * count, sizeof(*recut->sides),
                         "pieces of a batch"));
    for (size_t row = 0; row < count; row++) {
        for (int side = 0; side < 2; side++)
            CLSEQ_TRY(cut_side(recut, ctx, epoch, pairs[row], side,
                               &recut->sides[2 * row + (size_t)side]));
    }
    return CLSEQ_OK;
}

void clseq_recut_pair(const clseq_recut *recut, size_t row, uint64_t pair, clseq_sentence *source,
                      clseq_sentence *target)
{
    const clseq_recut_side *sides = recut->sides + 2 * row;

    clseq_corpus_pair(recut->corpus, pair, source, target);
    if (sides[0].length > 0)
        *source =
            (clseq_sentence) { .ids = recut->ids.data + sides[0].begin, .length = sides[0].length };
    if (sides[1].length > 0)
        *target =
            (clseq_sentence) { .ids = recut->ids.data + sides[1].begin, .length = sides[1].length };
}
