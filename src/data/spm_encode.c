/* SPDX-License-Identifier: BSD-2-Clause */
/* Text to pieces. */
#include "data/spm_inside.h"

#include <stdio.h>
#include <stdlib.h>

/* An unknown character costs this much more than the rarest piece. */
#define UNKNOWN_PENALTY 10.0f

clseq_spm_type clseq_spm_get_type(const clseq_spm *spm)
{
    return spm->type;
}

size_t clseq_spm_size(const clseq_spm *spm)
{
    return spm->count;
}

int32_t clseq_spm_unk_id(const clseq_spm *spm)
{
    return spm->unk_id;
}

int32_t clseq_spm_bos_id(const clseq_spm *spm)
{
    return spm->bos_id;
}

int32_t clseq_spm_eos_id(const clseq_spm *spm)
{
    return spm->eos_id;
}

int32_t clseq_spm_pad_id(const clseq_spm *spm)
{
    return spm->pad_id;
}

static bool in_range(const clseq_spm *spm, int32_t id)
{
    return id >= 0 && (size_t)id < spm->count;
}

const char *clseq_spm_piece(const clseq_spm *spm, int32_t id)
{
    return in_range(spm, id) ? clseq_spm_piece_text(spm, id) : NULL;
}

float clseq_spm_score(const clseq_spm *spm, int32_t id)
{
    return in_range(spm, id) ? spm->pieces[id].score : 0.0f;
}

clseq_spm_kind clseq_spm_get_kind(const clseq_spm *spm, int32_t id)
{
    return in_range(spm, id) ? spm->pieces[id].kind : CLSEQ_SPM_UNKNOWN;
}

int32_t clseq_spm_find(const clseq_spm *spm, const char *piece, size_t length)
{
    const size_t other = clseq_string_table_find(&spm->other_table, piece, length);
    int32_t id;

    if (other != CLSEQ_STRING_NONE)
        return spm->other_ids[other];
    id = clseq_spm_find_text(spm, piece, length);
    return id < 0 ? spm->unk_id : id;
}

int clseq_spm_byte_value(const char *piece, size_t length)
{
    static const char digits[] = "0123456789ABCDEF";
    const char *high, *low;

    if (length != 6 || memcmp(piece, "<0x", 3) != 0 || piece[5] != '>')
        return -1;
    high = memchr(digits, piece[3], 16);
    low = memchr(digits, piece[4], 16);
    return high && low ? (int)(high - digits) * 16 + (int)(low - digits) : -1;
}

void clseq_spm_spans_fini(clseq_spm_spans *spans)
{
    free(spans->data);
    *spans = (clseq_spm_spans) { 0 };
}

clseq_status clseq_spm_spans_add(const clseq_spm *spm, clseq_spm_spans *spans, size_t offset,
                                 size_t length, int32_t id)
{
    CLSEQ_TRY(clseq_grow(spm->ctx, &spans->data, &spans->capacity, spans->count + 1,
                         sizeof(*spans->data), "pieces of a line"));
    spans->data[spans->count++] =
        (clseq_spm_span) { .offset = (uint32_t)offset, .length = (uint32_t)length, .id = id };
    return CLSEQ_OK;
}

/* The best way to reach a position; start -1 when none is known. */
typedef struct best_path {
    float score;
    int32_t start; /* of the last piece */
    int32_t id;    /* of the last piece */
} best_path;

/* The score is kept in float and compared in double, as there: ties depend on it. */
static void offer(best_path *end, double score, size_t start, int32_t id)
{
    if (end->start == -1 || score > (double)end->score)
        *end = (best_path) { .score = (float)score, .start = (int32_t)start, .id = id };
}

/* Offer all pieces that begin at `start`. */
static void offer_pieces(const clseq_spm *spm, const char *text, size_t n, size_t start,
                         best_path *paths)
{
    const size_t character = clseq_spm_char_length(text + start, n - start);
    const float here = paths[start].score;
    bool has_character = false;
    uint32_t node = 0;

    for (size_t end = start; end < n;) {
        int32_t id;
        double score;

        node = clseq_byte_trie_child(&spm->trie, node, (uint8_t)text[end++]);
        if (node == CLSEQ_TRIE_NONE)
            break;
        id = spm->trie.nodes[node].value;
        if (id < 0 || spm->pieces[id].kind == CLSEQ_SPM_UNUSED)
            continue;
        score = spm->pieces[id].kind == CLSEQ_SPM_USER_DEFINED
                    ? (double)((float)(end - start) * spm->highest_score) - 0.1
                    : (double)spm->pieces[id].score;
        offer(&paths[end], score + (double)here, start, id);
        has_character |= end - start == character;
    }
    if (!has_character) {
        const float score = spm->lowest_score - UNKNOWN_PENALTY + here;

        offer(&paths[start + character], (double)score, start, spm->unk_id);
    }
}

/* Unigram: the pieces whose scores have the highest sum (Viterbi). */
static clseq_status cut_unigram(const clseq_spm *spm, const char *text, size_t n,
                                clseq_spm_spans *spans)
{
    best_path *paths = NULL;
    clseq_status status = CLSEQ_OK;

    CLSEQ_TRY(clseq_calloc(spm->ctx, n + 1, sizeof(*paths), "pieces of a line", &paths));
    for (size_t i = 0; i <= n; i++)
        paths[i] = (best_path) { .start = -1, .id = -1 };
    for (size_t start = 0; start < n; start += clseq_spm_char_length(text + start, n - start))
        offer_pieces(spm, text, n, start, paths);
    for (size_t end = n; end > 0; end = (size_t)paths[end].start) {
        const size_t start = (size_t)paths[end].start;

        CLSEQ_TRY_GOTO(status, out,
                       clseq_spm_spans_add(spm, spans, start, end - start, paths[end].id));
    }
    for (size_t i = 0; i < spans->count / 2; i++) {
        const clseq_spm_span last = spans->data[spans->count - 1 - i];

        spans->data[spans->count - 1 - i] = spans->data[i];
        spans->data[i] = last;
    }
out:
    free(paths);
    return status;
}

static bool is_space(const char *text, size_t n)
{
    return n >= CLSEQ_SPM_SPACE_SIZE && memcmp(text, CLSEQ_SPM_SPACE, CLSEQ_SPM_SPACE_SIZE) == 0;
}

/* Words: a space begins one. */
static clseq_status cut_words(const clseq_spm *spm, const char *text, size_t n,
                              clseq_spm_spans *spans)
{
    size_t begin = 0;

    while (begin < n) {
        size_t end = begin + clseq_spm_char_length(text + begin, n - begin);

        while (end < n && !is_space(text + end, n - end))
            end += clseq_spm_char_length(text + end, n - end);
        CLSEQ_TRY(clseq_spm_spans_add(spm, spans, begin, end - begin,
                                      clseq_spm_find_part(spm, text + begin, end - begin)));
        begin = end;
    }
    return CLSEQ_OK;
}

static clseq_status cut_chars(const clseq_spm *spm, const char *text, size_t n,
                              clseq_spm_spans *spans)
{
    for (size_t at = 0; at < n;) {
        size_t length = clseq_byte_trie_longest(&spm->user_defined, text + at, n - at);

        if (length == 0)
            length = clseq_spm_char_length(text + at, n - at);
        CLSEQ_TRY(clseq_spm_spans_add(spm, spans, at, length,
                                      clseq_spm_find_part(spm, text + at, length)));
        at += length;
    }
    return CLSEQ_OK;
}

/* One span for each byte of an unknown piece. */
static clseq_status add_bytes(const clseq_spm *spm, clseq_spm_spans *ret, const char *text,
                              clseq_spm_span unknown)
{
    for (uint32_t i = 0; i < unknown.length; i++) {
        const unsigned char byte = (unsigned char)text[unknown.offset + i];

        CLSEQ_TRY(clseq_spm_spans_add(spm, ret, unknown.offset + i, 1, spm->byte_ids[byte]));
    }
    return CLSEQ_OK;
}

/* Unknown pieces become bytes, or those side by side become one. */
static clseq_status join_unknown(const clseq_spm *spm, const char *text, const clseq_spm_spans *cut,
                                 clseq_spm_spans *ret)
{
    bool after_unknown = false;

    for (size_t i = 0; i < cut->count; i++) {
        const clseq_spm_span span = cut->data[i];
        const bool unknown = span.id == spm->unk_id;

        if (unknown && spm->byte_fallback)
            CLSEQ_TRY(add_bytes(spm, ret, text, span));
        else if (unknown && after_unknown)
            ret->data[ret->count - 1].length += span.length;
        else
            CLSEQ_TRY(clseq_spm_spans_add(spm, ret, span.offset, span.length, span.id));
        after_unknown = unknown;
    }
    return CLSEQ_OK;
}

/* Normalise and cut a line; `text` and `ret` start as { 0 } and are the caller's to release. */
static clseq_status encode(const clseq_spm *spm, const char *line, size_t length, clseq_text *text,
                           clseq_spm_spans *ret)
{
    clseq_spm_spans cut = { 0 };
    clseq_status status = CLSEQ_OK;

    CLSEQ_TRY(clseq_spm_rules_apply(spm->ctx, &spm->normalizer, line, length, text));
    switch (spm->type) {
    case CLSEQ_SPM_UNIGRAM:
        status = cut_unigram(spm, text->data, text->size, &cut);
        break;
    case CLSEQ_SPM_BPE:
        status = clseq_spm_cut_bpe(spm, text->data, text->size, &cut);
        break;
    case CLSEQ_SPM_WORD:
        status = cut_words(spm, text->data, text->size, &cut);
        break;
    case CLSEQ_SPM_CHAR:
        status = cut_chars(spm, text->data, text->size, &cut);
        break;
    }
    if (status == CLSEQ_OK)
        status = join_unknown(spm, text->data, &cut, ret);
    clseq_spm_spans_fini(&cut);
    return status;
}

clseq_status clseq_spm_encode(const clseq_spm *spm, const char *line, size_t length, clseq_ids *ret)
{
    clseq_spm_spans spans = { 0 };
    clseq_text text = { 0 };
    clseq_status status;

    CLSEQ_TRY_GOTO(status, out, encode(spm, line, length, &text, &spans));
    CLSEQ_TRY_GOTO(status, out,
                   clseq_grow(spm->ctx, &ret->data, &ret->capacity, spans.count, sizeof(*ret->data),
                              "ids of a line"));
    for (size_t i = 0; i < spans.count; i++)
        ret->data[i] = spans.data[i].id;
    ret->size = spans.count;
out:
    clseq_spm_spans_fini(&spans);
    clseq_text_fini(&text);
    return status;
}

static clseq_status join_pieces(const clseq_spm *spm, const char *text,
                                const clseq_spm_spans *spans, clseq_text *ret)
{
    CLSEQ_TRY(clseq_text_clear(spm->ctx, ret));
    for (size_t i = 0; i < spans->count; i++) {
        const clseq_spm_span *span = &spans->data[i];

        if (i > 0)
            CLSEQ_TRY(clseq_text_append(spm->ctx, ret, " ", 1));
        if (spm->pieces[span->id].kind == CLSEQ_SPM_BYTE)
            CLSEQ_TRY(clseq_text_append(spm->ctx, ret, clseq_spm_piece_text(spm, span->id),
                                        spm->pieces[span->id].length));
        else
            CLSEQ_TRY(clseq_text_append(spm->ctx, ret, text + span->offset, span->length));
    }
    return CLSEQ_OK;
}

clseq_status clseq_spm_encode_pieces(const clseq_spm *spm, const char *line, size_t length,
                                     clseq_text *ret)
{
    clseq_spm_spans spans = { 0 };
    clseq_text text = { 0 };
    clseq_status status = encode(spm, line, length, &text, &spans);

    if (status == CLSEQ_OK)
        status = join_pieces(spm, text.data, &spans, ret);
    clseq_spm_spans_fini(&spans);
    clseq_text_fini(&text);
    return status;
}

clseq_status clseq_spm_normalize(const clseq_spm *spm, const char *line, size_t length,
                                 clseq_text *ret)
{
    return clseq_spm_rules_apply(spm->ctx, &spm->normalizer, line, length, ret);
}
