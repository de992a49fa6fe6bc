/* SPDX-License-Identifier: BSD-2-Clause */
#include "data/vocab_json.h"

#include "data/base64.h"
#include "data/vocab_inside.h"

#include <stdlib.h>
#include <string.h>

clseq_status clseq_vocab_to_json(const clseq_vocab *vocab, json_t **ret)
{
    json_t *array = json_array();

    for (size_t id = 0; array && id < clseq_vocab_size(vocab); id++) {
        /* Takes the string over, and fails when there is none. */
        if (json_array_append_new(array, json_string(clseq_vocab_token(vocab, (int32_t)id))) != 0) {
            json_decref(array);
            array = NULL;
        }
    }
    if (!array)
        return clseq_fail(vocab->ctx, CLSEQ_ERR_NOMEM,
                          "vocabulary: %zu tokens do not fit in memory", clseq_vocab_size(vocab));
    *ret = array;
    return CLSEQ_OK;
}

clseq_status clseq_vocab_create_from_json(clseq_context *ctx, clseq_text_options text,
                                          const json_t *array, clseq_vocab **ret)
{
    const char **tokens = NULL;
    const size_t count = json_array_size(array);
    clseq_status status;

    if (!json_is_array(array))
        return clseq_fail(ctx, CLSEQ_ERR_FORMAT, "vocabulary: not a JSON array");
    CLSEQ_TRY(clseq_calloc(ctx, count, sizeof(*tokens), "vocabulary", &tokens));
    for (size_t i = 0; i < count; i++) {
        const json_t *token = json_array_get(array, i);

        if (!json_is_string(token)) {
            status = clseq_fail(ctx, CLSEQ_ERR_FORMAT, "vocabulary: token %zu is not a string", i);
            goto out;
        }
        tokens[i] = json_string_value(token);
        if (strlen(tokens[i]) != json_string_length(token)) {
            status = clseq_fail(ctx, CLSEQ_ERR_FORMAT, "vocabulary: token %zu holds a NUL byte", i);
            goto out;
        }
    }
    status = clseq_vocab_create_from_tokens(ctx, text, tokens, count, ret);
    /* A glossary that is no pattern, say: whoever gave it, it stands in a file now. */
    if (status == CLSEQ_ERR_ARG)
        status = clseq_fail_in(ctx, CLSEQ_ERR_FORMAT, "vocabulary");
out:
    free(tokens);
    return status;
}

clseq_status clseq_vocab_to_string(const clseq_vocab *vocab, char **ret)
{
    json_t *array = NULL;
    char *string = NULL;
    size_t size;
    clseq_status status;

    CLSEQ_TRY(clseq_vocab_to_json(vocab, &array));
    size = json_dumpb(array, NULL, 0, JSON_COMPACT);
    CLSEQ_TRY_GOTO(status, out, clseq_calloc(vocab->ctx, size + 1, 1, "vocabulary", &string));
    if (size == 0 || json_dumpb(array, string, size, JSON_COMPACT) != size) {
        status =
            clseq_fail(vocab->ctx, CLSEQ_ERR_NOMEM, "vocabulary: no memory to write it as JSON");
        goto out;
    }
    *ret = string;
    string = NULL;
out:
    free(string);
    json_decref(array);
    return status;
}

clseq_status clseq_vocab_create_from_string(clseq_context *ctx, clseq_text_options text,
                                            const char *string, size_t length, clseq_vocab **ret)
{
    json_error_t error;
    json_t *array = json_loadb(string, length, JSON_REJECT_DUPLICATES, &error);
    clseq_status status;

    if (!array)
        return clseq_fail(ctx, CLSEQ_ERR_FORMAT, "vocabulary: not JSON (byte %d): %s",
                          error.position, error.text);
    status = clseq_vocab_create_from_json(ctx, text, array, ret);
    json_decref(array);
    return status;
}

clseq_status clseq_text_options_to_json(clseq_context *ctx, clseq_text_options text, json_t **ret)
{
    json_t *object =
        json_pack("{s:s, s:b}", "unit", clseq_unit_name(text.unit), "lowercase", text.lowercase);
    clseq_text coded = { 0 };
    clseq_status status = CLSEQ_OK;
    bool ok = object != NULL;

    if (text.rules)
        ok = ok && json_object_set_new(object, "tokenize", json_string("rules")) == 0;
    if (text.unit == CLSEQ_UNIT_BPE)
        ok = ok &&
             json_object_set_new(object, "codes", json_stringn(text.codes, text.codes_size)) == 0;
    if (text.pieces_size > 0)
        ok = ok && json_object_set_new(object, "pieces",
                                       json_stringn(text.pieces, text.pieces_size)) == 0;
    if (text.glossaries_size > 0)
        ok = ok && json_object_set_new(object, "glossaries",
                                       json_stringn(text.glossaries, text.glossaries_size)) == 0;
    if (text.unit == CLSEQ_UNIT_SPM) {
        status = clseq_base64_encode(ctx, text.codes, text.codes_size, &coded);
        ok = ok && status == CLSEQ_OK &&
             json_object_set_new(object, "sentencepiece",
                                 json_stringn_nocheck(coded.data, coded.size)) == 0;
        clseq_text_fini(&coded);
    }
    if (!ok) {
        json_decref(object);
        return status != CLSEQ_OK ? status
                                  : clseq_fail(ctx, CLSEQ_ERR_NOMEM, "units: out of memory");
    }
    *ret = object;
    return CLSEQ_OK;
}

/* A text that need not be there, and then is for unit bpe alone. */
static clseq_status get_lines(clseq_context *ctx, const json_t *object, const char *key,
                              clseq_unit unit, const char **ret, size_t *size)
{
    const json_t *string = json_object_get(object, key);

    if (!string)
        return CLSEQ_OK;
    if (!json_is_string(string) || json_string_length(string) == 0 || unit != CLSEQ_UNIT_BPE)
        return clseq_fail(ctx, CLSEQ_ERR_FORMAT,
                          "\"%s\" must be a string, with unit bpe, or not be there", key);
    *ret = json_string_value(string);
    *size = json_string_length(string);
    return CLSEQ_OK;
}

clseq_status clseq_text_options_from_json(clseq_context *ctx, const json_t *object,
                                          clseq_text_options *ret, clseq_text *codes)
{
    const char *unit = json_string_value(json_object_get(object, "unit"));
    const json_t *lowercase = json_object_get(object, "lowercase");
    const json_t *tokenize = json_object_get(object, "tokenize"), *string;
    clseq_text_options text = { 0 };

    if (!unit || !clseq_unit_from_name(unit, &text.unit))
        return clseq_fail(ctx, CLSEQ_ERR_FORMAT,
                          "it must be an object with \"unit\": \"word\", \"char\", \"byte\", "
                          "\"bpe\" or \"spm\"");
    if (!json_is_boolean(lowercase))
        return clseq_fail(ctx, CLSEQ_ERR_FORMAT, "\"lowercase\" must be true or false");
    text.lowercase = json_is_true(lowercase);
    if (tokenize) {
        const char *name = json_string_value(tokenize);

        text.rules = name && strcmp(name, "rules") == 0;
        if (!text.rules || (text.unit != CLSEQ_UNIT_WORD && text.unit != CLSEQ_UNIT_BPE))
            return clseq_fail(ctx, CLSEQ_ERR_FORMAT,
                              "\"tokenize\" must be \"rules\", with unit word or bpe, or not be "
                              "there");
    }
    if (text.unit == CLSEQ_UNIT_BPE || text.unit == CLSEQ_UNIT_SPM) {
        const bool spm = text.unit == CLSEQ_UNIT_SPM;

        string = json_object_get(object, spm ? "sentencepiece" : "codes");
        if (!json_is_string(string) || json_string_length(string) == 0)
            return clseq_fail(ctx, CLSEQ_ERR_FORMAT, "unit %s must have \"%s\", a string", unit,
                              spm ? "sentencepiece" : "codes");
        text.codes = json_string_value(string);
        text.codes_size = json_string_length(string);
        if (spm) {
            const clseq_status status =
                clseq_base64_decode(ctx, text.codes, text.codes_size, codes);

            if (status != CLSEQ_OK)
                return clseq_fail_in(ctx, status, "\"sentencepiece\"");
            text.codes = codes->data;
            text.codes_size = codes->size;
        }
    }
    CLSEQ_TRY(get_lines(ctx, object, "pieces", text.unit, &text.pieces, &text.pieces_size));
    CLSEQ_TRY(
        get_lines(ctx, object, "glossaries", text.unit, &text.glossaries, &text.glossaries_size));
    *ret = text;
    return CLSEQ_OK;
}
