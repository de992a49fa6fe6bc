/* SPDX-License-Identifier: BSD-2-Clause */
/* Ids to text. */
#include "data/text_append.h"
#include "data/vocab_inside.h"

#include <clseq/rules.h>

/* U+FFFD, for what is no character. */
#define REPLACEMENT      "\xef\xbf\xbd"
#define REPLACEMENT_SIZE 3

/* Tokens in their order, `between` them; padding and start are left out. */
static clseq_status join(const clseq_vocab *vocab, const int32_t *ids, size_t count,
                         const char *between, clseq_text *ret)
{
    bool first = true;

    CLSEQ_TRY(clseq_text_clear(vocab->ctx, ret));
    for (size_t i = 0; i < count; i++) {
        if (ids[i] == CLSEQ_ID_PAD || ids[i] == CLSEQ_ID_SOS)
            continue;
        if (!first)
            CLSEQ_TRY(clseq_text_append(vocab->ctx, ret, between, strlen(between)));
        first = false;
        CLSEQ_TRY(clseq_text_append(vocab->ctx, ret,
                                    clseq_string_table_get(&vocab->strings, (size_t)ids[i]),
                                    vocab->strings.entries[ids[i]].length));
    }
    return CLSEQ_OK;
}

/* Bytes that are the beginning of a character, as far as they can be (Unicode 15, table 3-7);
 * together they become one U+FFFD. n > 0. */
static size_t broken_part(const unsigned char *text, size_t n)
{
    const unsigned char lead = text[0];
    const size_t whole = lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : 4;
    unsigned char low = 0x80, high = 0xbf;
    size_t length = 1;

    if (lead < 0xc2 || lead > 0xf4)
        return 1;
    if (lead == 0xe0)
        low = 0xa0;
    else if (lead == 0xed)
        high = 0x9f;
    else if (lead == 0xf0)
        low = 0x90;
    else if (lead == 0xf4)
        high = 0x8f;
    while (length < whole && length < n && text[length] >= low && text[length] <= high) {
        length++;
        low = 0x80;
        high = 0xbf;
    }
    return length;
}

/* Any bytes as one line of UTF-8: line ends become spaces, what is no character U+FFFD. */
static clseq_status add_clean(clseq_context *ctx, const char *bytes, size_t n, clseq_text *ret)
{
    for (size_t at = 0; at < n;) {
        size_t valid = clseq_utf8_valid_prefix(bytes + at, n - at);
        const char *odd = valid > 0 ? memchr(bytes + at, '\n', valid) : NULL;
        const char *nul = valid > 0 ? memchr(bytes + at, 0, valid) : NULL;

        if (nul && (!odd || nul < odd))
            odd = nul;
        if (odd)
            valid = (size_t)(odd - bytes) - at;
        CLSEQ_TRY(clseq_text_append(ctx, ret, bytes + at, valid));
        at += valid;
        if (at == n)
            break;
        if (bytes[at] == '\n')
            CLSEQ_TRY(clseq_text_append(ctx, ret, " ", 1));
        else
            CLSEQ_TRY(clseq_text_append(ctx, ret, REPLACEMENT, REPLACEMENT_SIZE));
        at += odd ? 1 : broken_part((const unsigned char *)bytes + at, n - at);
    }
    return CLSEQ_OK;
}

static clseq_status decode_bytes(const clseq_vocab *vocab, const int32_t *ids, size_t count,
                                 clseq_text *bytes, clseq_text *ret)
{
    CLSEQ_TRY(clseq_text_clear(vocab->ctx, bytes));
    CLSEQ_TRY(clseq_text_clear(vocab->ctx, ret));
    for (size_t i = 0; i < count; i++) {
        const char byte = (char)(ids[i] - CLSEQ_ID_FIRST);

        if (ids[i] == CLSEQ_ID_UNK)
            CLSEQ_TRY(clseq_text_append(vocab->ctx, bytes, "<unk>", 5));
        else if (ids[i] >= CLSEQ_ID_FIRST)
            CLSEQ_TRY(clseq_text_append(vocab->ctx, bytes, &byte, 1));
    }
    return add_clean(vocab->ctx, bytes->data, bytes->size, ret);
}

static clseq_status decode_spm(const clseq_vocab *vocab, const int32_t *ids, size_t count,
                               clseq_text *text, clseq_text *ret)
{
    const clseq_spm *spm = vocab->tokenizer->spm;
    clseq_ids pieces = { 0 };
    clseq_status status;

    CLSEQ_TRY_GOTO(status, out,
                   clseq_grow(vocab->ctx, &pieces.data, &pieces.capacity, count + 1,
                              sizeof(*pieces.data), "pieces"));
    for (size_t i = 0; i < count; i++) {
        if (ids[i] == CLSEQ_ID_UNK)
            pieces.data[pieces.size++] = clseq_spm_unk_id(spm);
        else if (ids[i] >= CLSEQ_ID_FIRST)
            pieces.data[pieces.size++] =
                clseq_spm_find(spm, clseq_string_table_get(&vocab->strings, (size_t)ids[i]),
                               vocab->strings.entries[ids[i]].length);
    }
    CLSEQ_TRY_GOTO(status, out, clseq_spm_decode(spm, pieces.data, pieces.size, text));
    CLSEQ_TRY_GOTO(status, out, clseq_text_clear(vocab->ctx, ret));
    status = add_clean(vocab->ctx, text->data, text->size, ret);
out:
    clseq_ids_fini(&pieces);
    return status;
}

static clseq_status decode(const clseq_vocab *vocab, const int32_t *ids, size_t count,
                           clseq_text *scratch, clseq_text *ret)
{
    switch (vocab->tokenizer->options.unit) {
    case CLSEQ_UNIT_CHAR:
        return join(vocab, ids, count, "", ret);
    case CLSEQ_UNIT_BYTE:
        return decode_bytes(vocab, ids, count, scratch, ret);
    case CLSEQ_UNIT_BPE:
        CLSEQ_TRY(join(vocab, ids, count, " ", scratch));
        return clseq_bpe_undo(vocab->ctx, NULL, scratch->data, scratch->size, ret);
    case CLSEQ_UNIT_SPM:
        return decode_spm(vocab, ids, count, scratch, ret);
    case CLSEQ_UNIT_WORD:
        break;
    }
    return join(vocab, ids, count, " ", ret);
}

clseq_status clseq_vocab_decode(const clseq_vocab *vocab, const int32_t *ids, size_t count,
                                clseq_text *ret)
{
    clseq_text scratch = { 0 };
    clseq_status status;
    size_t n = 0;

    for (; n < count && ids[n] != CLSEQ_ID_EOS; n++) {
        if (ids[n] < 0 || (size_t)ids[n] >= vocab->strings.count)
            return clseq_fail(vocab->ctx, CLSEQ_ERR_ARG,
                              "id %ld at position %zu is not in the vocabulary of %zu tokens",
                              (long)ids[n], n, vocab->strings.count);
    }
    status = decode(vocab, ids, n, &scratch, ret);
    if (status == CLSEQ_OK && vocab->tokenizer->options.rules) {
        const clseq_text tokens = *ret;

        *ret = scratch;
        scratch = tokens;
        status = clseq_rules_join(vocab->ctx, scratch.data, scratch.size, ret);
    }
    clseq_text_fini(&scratch);
    return status;
}
