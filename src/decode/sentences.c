/* SPDX-License-Identifier: BSD-2-Clause */
#include "decode/sentences.h"

#include <stdlib.h>
#include <string.h>

/* A batch holds at most this many positions a sentence of its nominal size. */
#define POSITIONS_PER_SENTENCE 64

void clseq_sentences_fini(clseq_sentences *sentences)
{
    free(sentences->ids);
    free(sentences->start);
    free(sentences->unknown);
    *sentences = (clseq_sentences) { .ctx = sentences->ctx };
}

static clseq_status append(clseq_sentences *sentences, size_t i, const clseq_ids *ids)
{
    size_t need;

    if (!clseq_add_size(sentences->used, ids->size, &need))
        return clseq_fail(sentences->ctx, CLSEQ_ERR_LIMIT, "the lines are too long together");
    CLSEQ_TRY(clseq_grow(sentences->ctx, &sentences->ids, &sentences->capacity, need,
                         sizeof(*sentences->ids), "ids of the lines"));
    if (ids->size > 0)
        memcpy(sentences->ids + sentences->used, ids->data, ids->size * sizeof(*ids->data));
    for (size_t k = 0; k < ids->size; k++)
        sentences->unknown[i] += ids->data[k] == CLSEQ_ID_UNK;
    sentences->used = need;
    sentences->start[i + 1] = need;
    return CLSEQ_OK;
}

clseq_status clseq_sentences_encode(clseq_sentences *sentences, const clseq_vocab *vocab,
                                    const char *const *lines, const size_t *lengths, size_t n,
                                    const char *side, size_t max_tokens, uint64_t first_line)
{
    clseq_context *ctx = sentences->ctx;
    clseq_ids ids = { 0 };
    clseq_status status = CLSEQ_OK;

    CLSEQ_TRY(clseq_calloc(ctx, n + 1, sizeof(*sentences->start), "lines", &sentences->start));
    CLSEQ_TRY(clseq_calloc(ctx, n, sizeof(*sentences->unknown), "lines", &sentences->unknown));
    /* Never NULL, so that an empty sentence has an address too. */
    CLSEQ_TRY(clseq_grow(ctx, &sentences->ids, &sentences->capacity, 1, sizeof(*sentences->ids),
                         "ids of the lines"));
    for (size_t i = 0; i < n; i++) {
        const unsigned long long line = first_line + i;

        status = clseq_vocab_encode(vocab, lines[i], lengths ? lengths[i] : strlen(lines[i]), &ids);
        if (status != CLSEQ_OK) {
            status = clseq_fail_in(ctx, status, "%sline %llu", side, line);
            goto out;
        }
        if (ids.size > max_tokens) {
            status = clseq_fail(ctx, CLSEQ_ERR_DATA,
                                "%sline %llu has %zu tokens, but the limit is %zu: put one "
                                "sentence on a line, or raise the limit (--max-input)",
                                side, line, ids.size, max_tokens);
            goto out;
        }
        CLSEQ_TRY_GOTO(status, out, append(sentences, i, &ids));
    }
    sentences->n = n;
out:
    clseq_ids_fini(&ids);
    return status;
}

static int compare_sizes(size_t x, size_t y)
{
    return (x > y) - (x < y);
}

static int compare(const void *x, const void *y)
{
    const clseq_sentence_place *p = x, *q = y;

    if (p->length != q->length)
        return compare_sizes(q->length, p->length);
    if (p->other != q->other)
        return compare_sizes(q->other, p->other);
    return compare_sizes(p->index, q->index);
}

clseq_status clseq_sentences_order(const clseq_sentences *first, const clseq_sentences *second,
                                   bool skip_empty, clseq_sentence_place **ret, size_t *count)
{
    clseq_sentence_place *places = NULL;
    size_t n = 0;

    CLSEQ_TRY(clseq_calloc(first->ctx, first->n, sizeof(*places), "lines", &places));
    for (size_t i = 0; i < first->n; i++) {
        const clseq_sentence_place place = {
            .index = i,
            .length = clseq_sentences_get(first, i).length,
            .other = second ? clseq_sentences_get(second, i).length : 0,
        };

        if (place.length > 0 || !skip_empty)
            places[n++] = place;
    }
    qsort(places, n, sizeof(*places), compare);
    *ret = places;
    *count = n;
    return CLSEQ_OK;
}

size_t clseq_sentences_batch(const clseq_sentence_place *places, size_t count, size_t batch)
{
    const size_t most = batch * POSITIONS_PER_SENTENCE;
    size_t longest = 0, n = 0;

    for (; n < count && n < batch; n++) {
        longest = places[n].length > longest ? places[n].length : longest;
        longest = places[n].other > longest ? places[n].other : longest;
        /* The end token has a position too. */
        if (n > 0 && longest + 1 > most / (n + 1))
            break;
    }
    return n;
}
