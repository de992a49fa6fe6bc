/* SPDX-License-Identifier: BSD-2-Clause */
#include "data/vocab_json.h"

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
