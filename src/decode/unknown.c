/* SPDX-License-Identifier: BSD-2-Clause */
#include "decode/unknown.h"

#include "data/tokenize.h"
#include "decode/translator_inside.h"

#include <clseq/rules.h>

#include <stdlib.h>
#include <string.h>

/* The source word that step t looked at most; the first of equals. The end token is no word. */
static size_t most_looked_at(const clseq_hypothesis *h, size_t words, size_t t)
{
    const float *row = h->alignment + t * (words + 1);
    size_t best = 0;

    for (size_t s = 1; s < words; s++) {
        if (row[s] > row[best])
            best = s;
    }
    return best;
}

/* Append a word, behind a space when it is not the first. */
static clseq_status append(clseq_context *ctx, clseq_text *text, const char *word, size_t length)
{
    const size_t space = text->size > 0 ? 1 : 0;

    CLSEQ_TRY(clseq_grow(ctx, &text->data, &text->capacity, text->size + space + length + 1, 1,
                         "translation"));
    if (space)
        text->data[text->size] = ' ';
    memcpy(text->data + text->size + space, word, length);
    text->size += space + length;
    text->data[text->size] = 0;
    return CLSEQ_OK;
}

/* The text of a hypothesis of a line that was cut into words. */
static clseq_status compose(const clseq_translator *tr, const clseq_dictionary *dictionary,
                            const clseq_tokenizer *line, const clseq_hypothesis *h, clseq_text *ret)
{
    const clseq_vocab *vocab = clseq_translator_target_vocab(tr);
    const size_t words = h->tokens - (h->complete ? 1 : 0);

    for (size_t t = 0; t < words; t++) {
        const char *word = clseq_vocab_token(vocab, h->ids[t]);
        size_t length;

        if (h->ids[t] == CLSEQ_ID_PAD || h->ids[t] == CLSEQ_ID_SOS)
            continue;
        length = strlen(word);
        if (h->ids[t] == CLSEQ_ID_UNK) {
            const clseq_token_span *span = &line->spans[most_looked_at(h, line->count, t)];
            const char *translation;

            word = line->text + span->offset;
            length = span->length;
            translation = dictionary ? clseq_dictionary_find(dictionary, word, length) : NULL;
            if (translation) {
                word = translation;
                length = strlen(translation);
            }
        }
        CLSEQ_TRY(append(tr->ctx, ret, word, length));
    }
    return CLSEQ_OK;
}

/* As translations of such a model are: raw text again. */
static clseq_status join_by_rules(clseq_context *ctx, clseq_text *text)
{
    clseq_text joined = { 0 };
    const clseq_status status =
        clseq_rules_join(ctx, text->data ? text->data : "", text->size, &joined);

    if (status != CLSEQ_OK) {
        clseq_text_fini(&joined);
        return status;
    }
    clseq_text_fini(text);
    *text = joined;
    return CLSEQ_OK;
}

static bool has_unknown(const clseq_hypothesis *h)
{
    for (size_t t = 0; t < h->tokens; t++) {
        if (h->ids[t] == CLSEQ_ID_UNK)
            return true;
    }
    return false;
}

static clseq_status replace_in(const clseq_translator *tr, const clseq_translate_options *o,
                               const char *line, size_t length, clseq_tokenizer *tokenizer,
                               clseq_hypothesis *h)
{
    clseq_text text = { 0 };
    clseq_status status;

    if (!h->alignment || !has_unknown(h))
        return CLSEQ_OK;
    CLSEQ_TRY(clseq_tokenizer_cut(tokenizer, line, length));
    status = compose(tr, o->dictionary, tokenizer, h, &text);
    if (status == CLSEQ_OK && tr->info.target_text.rules)
        status = join_by_rules(tr->ctx, &text);
    if (status != CLSEQ_OK) {
        clseq_text_fini(&text);
        return status;
    }
    free(h->text);
    h->text = text.data;
    h->length = text.size;
    return CLSEQ_OK;
}

clseq_status clseq_unknown_replace(const clseq_translator *tr, const char *const *lines,
                                   const size_t *lengths, size_t n,
                                   const clseq_translate_options *o, clseq_translation *results)
{
    /* As the line has them: a name keeps its capital letters. */
    const clseq_text_options words = { .unit = CLSEQ_UNIT_WORD,
                                       .rules = tr->info.source_text.rules };
    clseq_tokenizer tokenizer;
    clseq_status status = clseq_tokenizer_init(&tokenizer, tr->ctx, words);

    for (size_t i = 0; i < n && status == CLSEQ_OK; i++) {
        for (size_t k = 0; k < results[i].count && status == CLSEQ_OK; k++) {
            clseq_hypothesis *h = &results[i].hypotheses[k];

            status =
                replace_in(tr, o, lines[i], lengths ? lengths[i] : strlen(lines[i]), &tokenizer, h);
            if (!o->alignments) {
                free(h->alignment);
                h->alignment = NULL;
            }
        }
    }
    clseq_tokenizer_fini(&tokenizer);
    return status;
}
