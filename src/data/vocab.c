/* SPDX-License-Identifier: BSD-2-Clause */
#include "data/vocab_inside.h"

#include <stdlib.h>
#include <string.h>

static const char *const special_tokens[CLSEQ_ID_FIRST] = { "<pad>", "<unk>", "<s>", "</s>" };
static const char *const unit_names[] = {
    [CLSEQ_UNIT_WORD] = "word", [CLSEQ_UNIT_CHAR] = "char", [CLSEQ_UNIT_BYTE] = "byte",
    [CLSEQ_UNIT_BPE] = "bpe",   [CLSEQ_UNIT_SPM] = "spm",
};

const char *clseq_unit_name(clseq_unit unit)
{
    const size_t i = (size_t)unit;

    return i < CLSEQ_ARRAY_SIZE(unit_names) ? unit_names[i] : "unknown";
}

bool clseq_unit_from_name(const char *name, clseq_unit *ret)
{
    for (size_t i = 0; i < CLSEQ_ARRAY_SIZE(unit_names); i++) {
        if (strcmp(name, unit_names[i]) == 0) {
            *ret = (clseq_unit)i;
            return true;
        }
    }
    return false;
}

void clseq_ids_fini(clseq_ids *ids)
{
    free(ids->data);
    *ids = (clseq_ids) { 0 };
}

void clseq_text_fini(clseq_text *text)
{
    free(text->data);
    *text = (clseq_text) { 0 };
}

void clseq_vocab_destroy(clseq_vocab **vocab)
{
    clseq_vocab *v = vocab ? *vocab : NULL;

    if (!v)
        return;
    clseq_string_table_fini(&v->strings);
    if (v->tokenizer)
        clseq_tokenizer_fini(v->tokenizer);
    free(v->tokenizer);
    free(v->counts);
    free(v);
    *vocab = NULL;
}

bool clseq_vocab_is_special(const char *token, size_t length)
{
    for (size_t i = 0; i < CLSEQ_ID_FIRST; i++) {
        if (strlen(special_tokens[i]) == length && memcmp(special_tokens[i], token, length) == 0)
            return true;
    }
    return false;
}

clseq_status clseq_vocab_create_special(clseq_context *ctx, clseq_text_options text,
                                        clseq_vocab **ret)
{
    clseq_vocab *vocab = NULL;
    clseq_status status;

    CLSEQ_TRY(clseq_calloc(ctx, 1, sizeof(*vocab), "vocabulary", &vocab));
    vocab->ctx = ctx;
    vocab->strings.ctx = ctx;
    CLSEQ_TRY_GOTO(
        status, out,
        clseq_calloc(ctx, 1, sizeof(*vocab->tokenizer), "vocabulary", &vocab->tokenizer));
    CLSEQ_TRY_GOTO(status, out, clseq_tokenizer_init(vocab->tokenizer, ctx, text));
    for (size_t i = 0; i < CLSEQ_ID_FIRST; i++) {
        size_t id;
        bool added;

        CLSEQ_TRY_GOTO(status, out,
                       clseq_string_table_add(&vocab->strings, special_tokens[i],
                                              strlen(special_tokens[i]), &id, &added));
    }
    *ret = vocab;
    return CLSEQ_OK;
out:
    clseq_vocab_destroy(&vocab);
    return status;
}

static clseq_status add_token(clseq_vocab *vocab, const char *token, size_t id)
{
    const size_t length = token ? strlen(token) : 0;
    const char *fault;
    size_t index;
    bool added;

    if (id < CLSEQ_ID_FIRST) {
        if (token && strcmp(token, special_tokens[id]) == 0)
            return CLSEQ_OK;
        return clseq_fail(
            vocab->ctx, CLSEQ_ERR_FORMAT,
            "vocabulary: token %zu must be %s; the list was not written by clseq or is "
            "damaged",
            id, special_tokens[id]);
    }
    fault = clseq_tokenizer_fault(vocab->tokenizer, token ? token : "", length, id);
    if (fault)
        return clseq_fail(
            vocab->ctx, CLSEQ_ERR_FORMAT,
            "vocabulary: token %zu %s; the list was not written by clseq or is damaged", id, fault);
    CLSEQ_TRY(clseq_string_table_add(&vocab->strings, token, length, &index, &added));
    if (!added)
        return clseq_fail(
            vocab->ctx, CLSEQ_ERR_FORMAT,
            "vocabulary: tokens %zu and %zu are the same; the list was not written by "
            "clseq or is damaged",
            index, id);
    return CLSEQ_OK;
}

clseq_status clseq_vocab_create_from_tokens(clseq_context *ctx, clseq_text_options text,
                                            const char *const *tokens, size_t count,
                                            clseq_vocab **ret)
{
    clseq_vocab *vocab = NULL;
    clseq_status status;

    if (count <= CLSEQ_ID_FIRST || count > CLSEQ_VOCAB_SIZE)
        return clseq_fail(
            ctx, CLSEQ_ERR_FORMAT,
            "vocabulary: %zu tokens; it must have the four special ones, at least one "
            "more, and at most %u",
            count, CLSEQ_VOCAB_SIZE);
    if (strcmp(clseq_unit_name(text.unit), "unknown") == 0)
        return clseq_fail(ctx, CLSEQ_ERR_FORMAT, "vocabulary: unit %d is not known to this version",
                          (int)text.unit);
    CLSEQ_TRY(clseq_vocab_create_special(ctx, text, &vocab));
    if (text.unit == CLSEQ_UNIT_BYTE && count != CLSEQ_ID_FIRST + 256) {
        status = clseq_fail(ctx, CLSEQ_ERR_FORMAT,
                            "vocabulary: %zu tokens, but the unit is byte, which has %d", count,
                            CLSEQ_ID_FIRST + 256);
        goto out;
    }
    for (size_t id = 0; id < count; id++)
        CLSEQ_TRY_GOTO(status, out, add_token(vocab, tokens[id], id));
    CLSEQ_TRY_GOTO(status, out,
                   clseq_calloc(ctx, count, sizeof(*vocab->counts), "vocabulary", &vocab->counts));
    *ret = vocab;
    return CLSEQ_OK;
out:
    clseq_vocab_destroy(&vocab);
    return status;
}

size_t clseq_vocab_size(const clseq_vocab *vocab)
{
    return vocab->strings.count;
}

clseq_text_options clseq_vocab_text_options(const clseq_vocab *vocab)
{
    return vocab->tokenizer->options;
}

clseq_vocab_coverage clseq_vocab_get_coverage(const clseq_vocab *vocab)
{
    return vocab->coverage;
}

static bool in_range(const clseq_vocab *vocab, int32_t id)
{
    return id >= 0 && (size_t)id < vocab->strings.count;
}

const char *clseq_vocab_token(const clseq_vocab *vocab, int32_t id)
{
    return in_range(vocab, id) ? clseq_string_table_get(&vocab->strings, (size_t)id) : NULL;
}

uint64_t clseq_vocab_count(const clseq_vocab *vocab, int32_t id)
{
    return in_range(vocab, id) ? vocab->counts[id] : 0;
}

int32_t clseq_vocab_find(const clseq_vocab *vocab, const char *token, size_t length)
{
    const size_t i = clseq_string_table_find(&vocab->strings, token, length);

    return i == CLSEQ_STRING_NONE || i < CLSEQ_ID_FIRST ? CLSEQ_ID_UNK : (int32_t)i;
}

clseq_status clseq_vocab_encode(const clseq_vocab *vocab, const char *line, size_t length,
                                clseq_ids *ret)
{
    clseq_tokenizer *tokenizer = vocab->tokenizer;

    CLSEQ_TRY(clseq_tokenizer_cut(tokenizer, line, length));
    CLSEQ_TRY(clseq_grow(vocab->ctx, &ret->data, &ret->capacity, tokenizer->count,
                         sizeof(*ret->data), "ids of a line"));
    for (size_t i = 0; i < tokenizer->count; i++)
        ret->data[i] = clseq_vocab_find(vocab, tokenizer->text + tokenizer->spans[i].offset,
                                        tokenizer->spans[i].length);
    ret->size = tokenizer->count;
    return CLSEQ_OK;
}
