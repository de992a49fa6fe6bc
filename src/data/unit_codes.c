/* SPDX-License-Identifier: BSD-2-Clause */
#include "data/unit_codes.h"

#include "base/file.h"
#include "data/text_append.h"
#include "data/tokenize.h"

#include <stdlib.h>

#define MODEL_LIMIT ((size_t)1 << 28)
/* subword-nmt's. */
#define MIN_FREQUENCY 2

static clseq_status read_lines(clseq_context *ctx, clseq_lines *lines, clseq_text *ret)
{
    CLSEQ_TRY(clseq_text_clear(ctx, ret));
    for (;;) {
        const char *line = NULL;
        bool more = false;
        size_t n = 0;

        CLSEQ_TRY(clseq_lines_next(lines, &line, &n, &more));
        if (!more)
            return CLSEQ_OK;
        CLSEQ_TRY(clseq_text_append(ctx, ret, line, n));
        CLSEQ_TRY(clseq_text_append(ctx, ret, "\n", 1));
    }
}

clseq_status clseq_unit_codes_read(clseq_context *ctx, clseq_unit unit, const char *path,
                                   clseq_text *ret)
{
    clseq_lines *lines = NULL;
    clseq_status status;
    char *data = NULL;
    size_t size = 0;

    if (unit == CLSEQ_UNIT_SPM) {
        CLSEQ_TRY(clseq_file_read(ctx, path, MODEL_LIMIT, &data, &size));
        clseq_text_fini(ret);
        *ret = (clseq_text) { .data = data, .size = size, .capacity = size + 1 };
        return CLSEQ_OK;
    }
    CLSEQ_TRY(clseq_lines_open(ctx, path, 0, &lines));
    status = read_lines(ctx, lines, ret);
    clseq_lines_close(&lines);
    return status;
}

/* What lives while merges are learnt. */
struct learners {
    clseq_tokenizer words[2];
    clseq_bpe_learner *learner[2]; /* joint: one, in [0] */
};

static clseq_status add_words(clseq_bpe_learner *learner, const clseq_tokenizer *words)
{
    for (size_t i = 0; i < words->count; i++)
        CLSEQ_TRY(clseq_bpe_learner_add_word(learner, words->text + words->spans[i].offset,
                                             words->spans[i].length, 1));
    return CLSEQ_OK;
}

static clseq_status add_pair(struct learners *l, clseq_pairs *pairs, const clseq_pair *pair,
                             const clseq_unit_learning *o)
{
    for (int side = 0; side < 2; side++) {
        clseq_tokenizer *words = &l->words[side];
        const clseq_status status =
            side ? clseq_tokenizer_cut(words, pair->target, pair->target_length)
                 : clseq_tokenizer_cut(words, pair->source, pair->source_length);

        if (status != CLSEQ_OK)
            return clseq_fail_in(words->ctx, status, "%s", clseq_pairs_place(pairs, side == 1));
    }
    for (int side = 0; side < 2; side++) {
        if (l->words[side].count == 0 || l->words[side].count > o->max_length)
            return CLSEQ_OK;
    }
    for (int side = 0; side < 2; side++) {
        if (o->wanted[side])
            CLSEQ_TRY(add_words(l->learner[o->joint ? 0 : side], &l->words[side]));
    }
    return CLSEQ_OK;
}

static clseq_status add_pairs(struct learners *l, clseq_pairs *pairs, const clseq_unit_learning *o)
{
    for (;;) {
        clseq_pair pair = { 0 };
        bool more = false;

        CLSEQ_TRY(clseq_pairs_next(pairs, &pair, &more));
        if (!more)
            return CLSEQ_OK;
        CLSEQ_TRY(add_pair(l, pairs, &pair, o));
    }
}

static clseq_status learn(struct learners *l, clseq_context *ctx, clseq_pairs *pairs,
                          const clseq_unit_learning *o, clseq_text ret[2])
{
    for (int side = 0; side < 2; side++) {
        clseq_text_options text = o->text[side];

        text.unit = CLSEQ_UNIT_WORD;
        text.pieces = text.glossaries = NULL; /* they are of the merges to come */
        CLSEQ_TRY(clseq_tokenizer_init(&l->words[side], ctx, text));
        CLSEQ_TRY(clseq_bpe_learner_create(ctx, &l->learner[side]));
    }
    CLSEQ_TRY(clseq_pairs_rewind(pairs));
    CLSEQ_TRY(add_pairs(l, pairs, o));
    for (int side = 0; side < 2; side++) {
        clseq_status status;

        if (!o->wanted[side])
            continue;
        status = clseq_bpe_learner_learn(l->learner[o->joint ? 0 : side], o->merges, MIN_FREQUENCY,
                                         &ret[side], NULL);
        if (status != CLSEQ_OK)
            return clseq_fail_in(ctx, status, "merges of the %s side of %s",
                                 side ? "target" : "source", clseq_pairs_name(pairs));
    }
    return CLSEQ_OK;
}

clseq_status clseq_unit_codes_learn(clseq_context *ctx, clseq_pairs *pairs,
                                    const clseq_unit_learning *learning, clseq_text ret[2])
{
    struct learners l = { 0 };
    const clseq_status status = learn(&l, ctx, pairs, learning, ret);

    for (int side = 0; side < 2; side++) {
        clseq_tokenizer_fini(&l.words[side]);
        clseq_bpe_learner_destroy(&l.learner[side]);
    }
    return status;
}
