/* SPDX-License-Identifier: BSD-2-Clause */
#include "data/tokenize.h"

#include "data/text_append.h"

#include <clseq/rules.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Offsets are 32 bits, and normal form C can triple a text. */
#define TEXT_MAX ((size_t)1 << 30)

static clseq_status name_bytes(clseq_tokenizer *tokenizer)
{
    for (unsigned byte = 0; byte < 256; byte++) {
        char name[16];

        snprintf(name, sizeof(name), "<0x%02X>", byte);
        CLSEQ_TRY(clseq_text_append(tokenizer->ctx, &tokenizer->pieces, name, CLSEQ_BYTE_NAME));
    }
    return CLSEQ_OK;
}

/* A copy with a 0 byte behind it, which may hold none itself. */
static clseq_status copy_text(clseq_context *ctx, const char *what, const char *text, size_t size,
                              char **ret)
{
    CLSEQ_TRY(clseq_calloc(ctx, size + 1, 1, what, ret));
    memcpy(*ret, text, size);
    if (memchr(text, 0, size))
        return clseq_fail(ctx, CLSEQ_ERR_FORMAT, "%s: a NUL byte stands in them", what);
    return CLSEQ_OK;
}

/* What limits the merges; no text is not given. */
static clseq_status take_limits(clseq_tokenizer *tokenizer, const clseq_text_options *options)
{
    clseq_text_options *own = &tokenizer->options;

    if (options->pieces_size > 0) {
        CLSEQ_TRY(copy_text(tokenizer->ctx, "pieces", options->pieces, options->pieces_size,
                            &tokenizer->pieces_list));
        own->pieces = tokenizer->pieces_list;
        own->pieces_size = options->pieces_size;
    }
    if (options->glossaries_size > 0) {
        CLSEQ_TRY(copy_text(tokenizer->ctx, "glossaries", options->glossaries,
                            options->glossaries_size, &tokenizer->glossaries));
        own->glossaries = tokenizer->glossaries;
        own->glossaries_size = options->glossaries_size;
    }
    return CLSEQ_OK;
}

static clseq_status make_bpe(clseq_tokenizer *tokenizer)
{
    const clseq_text_options *own = &tokenizer->options;
    clseq_context *ctx = tokenizer->ctx;
    const char *line[CLSEQ_GLOSSARIES];
    clseq_bpe_options bpe;
    clseq_status status = CLSEQ_OK;
    char *lines = NULL;

    clseq_bpe_options_init(&bpe);
    bpe.pieces = own->pieces;
    bpe.pieces_size = own->pieces_size;
    bpe.glossaries = line;
    bpe.glossary_patterns = true;
    if (own->glossaries_size > 0)
        CLSEQ_TRY(copy_text(ctx, "glossaries", own->glossaries, own->glossaries_size, &lines));
    for (char *at = lines; at && *at;) {
        char *end = at + strcspn(at, "\n");

        if (bpe.glossary_count == CLSEQ_GLOSSARIES) {
            status = clseq_fail(ctx, CLSEQ_ERR_LIMIT, "more than %d glossaries: join some with |",
                                CLSEQ_GLOSSARIES);
            goto out;
        }
        line[bpe.glossary_count++] = at;
        at = *end ? end + 1 : end;
        *end = 0;
    }
    status = clseq_bpe_create_from_memory(ctx, "codes", tokenizer->codes, own->codes_size, &bpe,
                                          &tokenizer->bpe);
out:
    free(lines);
    return status;
}

static clseq_status take_codes(clseq_tokenizer *tokenizer, const clseq_text_options *options)
{
    const bool spm = options->unit == CLSEQ_UNIT_SPM;
    clseq_context *ctx = tokenizer->ctx;

    if (!options->codes || options->codes_size == 0)
        return clseq_fail(ctx, CLSEQ_ERR_ARG, "unit %s needs %s", clseq_unit_name(options->unit),
                          spm ? "a SentencePiece model" : "the merges of a codes file");
    CLSEQ_TRY(clseq_calloc(ctx, options->codes_size, 1, "codes", &tokenizer->codes));
    memcpy(tokenizer->codes, options->codes, options->codes_size);
    tokenizer->options.codes = tokenizer->codes;
    tokenizer->options.codes_size = options->codes_size;
    if (!spm)
        CLSEQ_TRY(take_limits(tokenizer, options));
    if (spm)
        return clseq_spm_create_from_memory(ctx, "SentencePiece model", tokenizer->codes,
                                            options->codes_size, &tokenizer->spm);
    if (memchr(tokenizer->codes, 0, options->codes_size))
        return clseq_fail(ctx, CLSEQ_ERR_FORMAT, "codes: a NUL byte stands in them");
    return make_bpe(tokenizer);
}

clseq_status clseq_tokenizer_init(clseq_tokenizer *tokenizer, clseq_context *ctx,
                                  clseq_text_options options)
{
    *tokenizer = (clseq_tokenizer) { .ctx = ctx, .options = options };
    tokenizer->options.codes = tokenizer->options.pieces = tokenizer->options.glossaries = NULL;
    tokenizer->options.codes_size = 0;
    tokenizer->options.pieces_size = tokenizer->options.glossaries_size = 0;
    if (options.unit != CLSEQ_UNIT_BPE && (options.pieces || options.glossaries))
        return clseq_fail(ctx, CLSEQ_ERR_ARG,
                          "pieces and glossaries are of unit bpe, but this is unit %s",
                          clseq_unit_name(options.unit));
    if (options.rules && options.unit != CLSEQ_UNIT_WORD && options.unit != CLSEQ_UNIT_BPE)
        return clseq_fail(ctx, CLSEQ_ERR_ARG,
                          "cutting by rules (--tokenize rules) is for units word and bpe: unit %s "
                          "takes raw text as it is",
                          clseq_unit_name(options.unit));
    switch (options.unit) {
    case CLSEQ_UNIT_BYTE:
        return name_bytes(tokenizer);
    case CLSEQ_UNIT_BPE:
    case CLSEQ_UNIT_SPM:
        return take_codes(tokenizer, &options);
    case CLSEQ_UNIT_WORD:
    case CLSEQ_UNIT_CHAR:
        break;
    }
    return CLSEQ_OK;
}

void clseq_tokenizer_fini(clseq_tokenizer *tokenizer)
{
    clseq_normalizer_fini(&tokenizer->normalizer);
    clseq_bpe_destroy(&tokenizer->bpe);
    clseq_spm_destroy(&tokenizer->spm);
    clseq_text_fini(&tokenizer->words);
    clseq_text_fini(&tokenizer->line);
    clseq_text_fini(&tokenizer->pieces);
    clseq_ids_fini(&tokenizer->ids);
    free(tokenizer->codes);
    free(tokenizer->pieces_list);
    free(tokenizer->glossaries);
    free(tokenizer->spans);
    *tokenizer = (clseq_tokenizer) { 0 };
}

static clseq_status push(clseq_tokenizer *tokenizer, size_t begin, size_t end)
{
    CLSEQ_TRY(clseq_grow(tokenizer->ctx, &tokenizer->spans, &tokenizer->capacity,
                         tokenizer->count + 1, sizeof(*tokenizer->spans), "tokens of a line"));
    tokenizer->spans[tokenizer->count++] =
        (clseq_token_span) { .offset = (uint32_t)begin, .length = (uint32_t)(end - begin) };
    return CLSEQ_OK;
}

static clseq_status cut_words(clseq_tokenizer *tokenizer, const char *text, size_t n)
{
    size_t begin = 0, at = 0;

    tokenizer->text = text;
    while (at < n) {
        const size_t here = at;

        if (!clseq_is_space(clseq_utf8_next(text, &at)))
            continue;
        if (here > begin)
            CLSEQ_TRY(push(tokenizer, begin, here));
        begin = at;
    }
    return n > begin ? push(tokenizer, begin, n) : CLSEQ_OK;
}

static clseq_status cut_chars(clseq_tokenizer *tokenizer, const char *text, size_t n)
{
    size_t at = 0;

    tokenizer->text = text;
    while (at < n) {
        const size_t begin = at;

        clseq_utf8_next(text, &at);
        CLSEQ_TRY(push(tokenizer, begin, at));
    }
    return CLSEQ_OK;
}

static clseq_status cut_bytes(clseq_tokenizer *tokenizer, const char *text, size_t n)
{
    tokenizer->text = tokenizer->pieces.data;
    for (size_t i = 0; i < n; i++) {
        const size_t name = (size_t)(unsigned char)text[i] * CLSEQ_BYTE_NAME;

        CLSEQ_TRY(push(tokenizer, name, name + CLSEQ_BYTE_NAME));
    }
    return CLSEQ_OK;
}

clseq_status clseq_tokenizer_cut_again(clseq_tokenizer *tokenizer, const clseq_bpe_dropout *dropout)
{
    CLSEQ_TRY(clseq_bpe_apply(tokenizer->bpe, tokenizer->line.data, tokenizer->line.size, dropout,
                              &tokenizer->pieces));
    tokenizer->count = 0;
    return cut_words(tokenizer, tokenizer->pieces.data, tokenizer->pieces.size);
}

/* The merges are of words between spaces, so other white space becomes one before. */
static clseq_status cut_bpe(clseq_tokenizer *tokenizer, const char *text, size_t n)
{
    clseq_context *ctx = tokenizer->ctx;

    CLSEQ_TRY(cut_words(tokenizer, text, n));
    CLSEQ_TRY(clseq_text_clear(ctx, &tokenizer->line));
    for (size_t i = 0; i < tokenizer->count; i++) {
        const clseq_token_span *word = &tokenizer->spans[i];

        if (i > 0)
            CLSEQ_TRY(clseq_text_append(ctx, &tokenizer->line, " ", 1));
        CLSEQ_TRY(
            clseq_text_append(ctx, &tokenizer->line, tokenizer->text + word->offset, word->length));
    }
    return clseq_tokenizer_cut_again(tokenizer, NULL);
}

static clseq_status cut_spm(clseq_tokenizer *tokenizer, const char *text, size_t n)
{
    CLSEQ_TRY(clseq_spm_encode(tokenizer->spm, text, n, &tokenizer->ids));
    CLSEQ_TRY(clseq_text_clear(tokenizer->ctx, &tokenizer->pieces));
    for (size_t i = 0; i < tokenizer->ids.size; i++) {
        const char *piece = clseq_spm_piece(tokenizer->spm, tokenizer->ids.data[i]);
        const size_t begin = tokenizer->pieces.size, length = strlen(piece);

        CLSEQ_TRY(clseq_text_append(tokenizer->ctx, &tokenizer->pieces, piece, length));
        CLSEQ_TRY(push(tokenizer, begin, begin + length));
    }
    tokenizer->text = tokenizer->pieces.data;
    return CLSEQ_OK;
}

clseq_status clseq_tokenizer_cut(clseq_tokenizer *tokenizer, const char *line, size_t length)
{
    const char *text;
    size_t n;

    if (length > TEXT_MAX)
        return clseq_fail(
            tokenizer->ctx, CLSEQ_ERR_LIMIT,
            "a line of %zu bytes is longer than the limit of %zu: put one sentence on "
            "a line",
            length, TEXT_MAX);
    CLSEQ_TRY(clseq_normalize(tokenizer->ctx, &tokenizer->normalizer, tokenizer->options.lowercase,
                              line, length, &text, &n));
    tokenizer->count = 0;
    if (tokenizer->options.rules) {
        CLSEQ_TRY(clseq_rules_cut(tokenizer->ctx, text, n, &tokenizer->words));
        text = tokenizer->words.data;
        n = tokenizer->words.size;
    }
    switch (tokenizer->options.unit) {
    case CLSEQ_UNIT_CHAR:
        return cut_chars(tokenizer, text, n);
    case CLSEQ_UNIT_BYTE:
        return cut_bytes(tokenizer, text, n);
    case CLSEQ_UNIT_BPE:
        return cut_bpe(tokenizer, text, n);
    case CLSEQ_UNIT_SPM:
        /* The model has a normal form of its own. */
        return tokenizer->options.lowercase ? cut_spm(tokenizer, text, n)
                                            : cut_spm(tokenizer, line, length);
    case CLSEQ_UNIT_WORD:
        break;
    }
    return cut_words(tokenizer, text, n);
}

/* NULL when any text could be in a vocabulary of this unit. */
static const char *text_fault(const char *token, size_t length, clseq_unit unit)
{
    size_t points = 0;

    if (length == 0)
        return "is empty";
    if (length > CLSEQ_TOKEN_BYTES)
        return "is longer than 256 bytes";
    if (clseq_utf8_valid_prefix(token, length) != length)
        return "is not valid UTF-8";
    for (size_t at = 0; at < length; points++) {
        const int32_t point = clseq_utf8_next(token, &at);

        if (point == '\n')
            return "holds a line end";
        if ((unit == CLSEQ_UNIT_WORD || unit == CLSEQ_UNIT_BPE) && clseq_is_space(point))
            return "holds white space, which a word cannot";
    }
    if (unit == CLSEQ_UNIT_CHAR && points != 1)
        return "is not one code point, but the unit is char";
    return NULL;
}

static bool makes_text(clseq_spm_kind kind)
{
    return kind == CLSEQ_SPM_NORMAL || kind == CLSEQ_SPM_USER_DEFINED || kind == CLSEQ_SPM_BYTE;
}

const char *clseq_tokenizer_fault(const clseq_tokenizer *tokenizer, const char *token,
                                  size_t length, size_t id)
{
    const clseq_unit unit = tokenizer->options.unit;
    const char *fault = text_fault(token, length, unit);

    if (fault)
        return fault;
    if (unit == CLSEQ_UNIT_BYTE) {
        const size_t byte = id - CLSEQ_ID_FIRST;

        if (byte >= 256 || length != CLSEQ_BYTE_NAME ||
            memcmp(tokenizer->pieces.data + byte * CLSEQ_BYTE_NAME, token, length) != 0)
            return "is not the byte that stands there, but the unit is byte";
    }
    if (unit == CLSEQ_UNIT_SPM &&
        !makes_text(
            clseq_spm_get_kind(tokenizer->spm, clseq_spm_find(tokenizer->spm, token, length))))
        return "is not a piece that the SentencePiece model makes of text";
    return NULL;
}

const char *clseq_tokenizer_fixed(const clseq_tokenizer *tokenizer, size_t i, size_t *length)
{
    const char *piece;

    if (tokenizer->options.unit == CLSEQ_UNIT_BYTE) {
        *length = CLSEQ_BYTE_NAME;
        return i < 256 ? tokenizer->pieces.data + i * CLSEQ_BYTE_NAME : NULL;
    }
    piece = i < clseq_spm_size(tokenizer->spm) ? clseq_spm_piece(tokenizer->spm, (int32_t)i) : NULL;
    *length = piece ? strlen(piece) : 0;
    if (piece && (!makes_text(clseq_spm_get_kind(tokenizer->spm, (int32_t)i)) ||
                  clseq_tokenizer_fault(tokenizer, piece, *length, 0)))
        *length = 0;
    return piece;
}
