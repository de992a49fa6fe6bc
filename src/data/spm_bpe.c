/* SPDX-License-Identifier: BSD-2-Clause */
/* SentencePiece models of type bpe: neighbours are merged, the piece with the best score first. */
#include "data/spm_inside.h"

#include <stdlib.h>

#define NONE UINT32_MAX

typedef struct symbol {
    uint32_t offset, length; /* 0 bytes: it was merged into the one before */
    uint32_t previous, next; /* NONE at the ends */
    bool frozen;             /* a user-defined piece is never merged */
} symbol;

/* Two neighbours that make a piece. */
typedef struct candidate {
    float score;
    uint32_t left, right;
    uint32_t length; /* of the piece */
    int32_t id;
} candidate;

typedef struct merger {
    const clseq_spm *spm;
    const char *text;
    symbol *symbols;
    size_t count, symbols_capacity;
    candidate *heap; /* the best on top */
    size_t heap_count, heap_capacity;
    /* How an unused piece was made last: bytes of its left part, by id. NULL without any. */
    uint32_t *left_lengths;
} merger;

static bool better(const candidate *a, const candidate *b)
{
    return a->score > b->score || (a->score == b->score && a->left < b->left);
}

static clseq_status push(merger *m, candidate c)
{
    size_t i = m->heap_count;

    CLSEQ_TRY(clseq_grow(m->spm->ctx, &m->heap, &m->heap_capacity, m->heap_count + 1,
                         sizeof(*m->heap), "merges of a line"));
    m->heap_count++;
    for (; i > 0 && better(&c, &m->heap[(i - 1) / 2]); i = (i - 1) / 2)
        m->heap[i] = m->heap[(i - 1) / 2];
    m->heap[i] = c;
    return CLSEQ_OK;
}

static candidate pop(merger *m)
{
    const candidate top = m->heap[0];
    const candidate last = m->heap[--m->heap_count];
    size_t i = 0;

    for (;;) {
        size_t child = 2 * i + 1;

        if (child >= m->heap_count)
            break;
        if (child + 1 < m->heap_count && better(&m->heap[child + 1], &m->heap[child]))
            child++;
        if (!better(&m->heap[child], &last))
            break;
        m->heap[i] = m->heap[child];
        i = child;
    }
    m->heap[i] = last;
    return top;
}

static clseq_status consider(merger *m, uint32_t left, uint32_t right)
{
    candidate c = { .left = left, .right = right };

    if (left == NONE || right == NONE || m->symbols[left].frozen || m->symbols[right].frozen)
        return CLSEQ_OK;
    c.length = m->symbols[left].length + m->symbols[right].length;
    c.id = clseq_spm_find_text(m->spm, m->text + m->symbols[left].offset, c.length);
    if (c.id < 0)
        return CLSEQ_OK;
    c.score = m->spm->pieces[c.id].score;
    if (m->left_lengths && m->spm->pieces[c.id].kind == CLSEQ_SPM_UNUSED)
        m->left_lengths[c.id] = m->symbols[left].length;
    return push(m, c);
}

static clseq_status start(merger *m, size_t n)
{
    for (size_t at = 0; at < n;) {
        size_t length = clseq_byte_trie_longest(&m->spm->user_defined, m->text + at, n - at);
        const bool frozen = length > 0;
        const uint32_t i = (uint32_t)m->count;

        if (!frozen)
            length = clseq_spm_char_length(m->text + at, n - at);
        CLSEQ_TRY(clseq_grow(m->spm->ctx, &m->symbols, &m->symbols_capacity, m->count + 1,
                             sizeof(*m->symbols), "symbols of a line"));
        m->symbols[m->count++] = (symbol) { .offset = (uint32_t)at,
                                            .length = (uint32_t)length,
                                            .previous = i > 0 ? i - 1 : NONE,
                                            .next = at + length < n ? i + 1 : NONE,
                                            .frozen = frozen };
        at += length;
    }
    for (uint32_t i = 1; i < m->count; i++)
        CLSEQ_TRY(consider(m, i - 1, i));
    return CLSEQ_OK;
}

static clseq_status merge_all(merger *m)
{
    while (m->heap_count > 0) {
        const candidate c = pop(m);
        symbol *left = &m->symbols[c.left], *right = &m->symbols[c.right];

        /* One of the two may have become part of something else. */
        if (left->length == 0 || right->length == 0 || left->length + right->length != c.length)
            continue;
        left->length = c.length;
        left->next = right->next;
        if (right->next != NONE)
            m->symbols[right->next].previous = c.left;
        right->length = 0;
        CLSEQ_TRY(consider(m, left->previous, c.left));
        CLSEQ_TRY(consider(m, c.left, left->next));
    }
    return CLSEQ_OK;
}

/* Add a piece; an unused one is taken apart the way it was made, until none is left. */
static clseq_status add_piece(const merger *m, size_t offset, size_t length, clseq_spm_spans *todo,
                              clseq_spm_spans *ret)
{
    todo->count = 0;
    for (;;) {
        const int32_t id = clseq_spm_find_part(m->spm, m->text + offset, length);
        const size_t left = m->left_lengths ? m->left_lengths[id] : 0;

        if (m->spm->pieces[id].kind == CLSEQ_SPM_UNUSED && left > 0 && left < length) {
            CLSEQ_TRY(clseq_spm_spans_add(m->spm, todo, offset + left, length - left, 0));
            length = left;
            continue;
        }
        CLSEQ_TRY(clseq_spm_spans_add(m->spm, ret, offset, length, id));
        if (todo->count == 0)
            return CLSEQ_OK;
        todo->count--;
        offset = todo->data[todo->count].offset;
        length = todo->data[todo->count].length;
    }
}

clseq_status clseq_spm_cut_bpe(const clseq_spm *spm, const char *text, size_t n,
                               clseq_spm_spans *spans)
{
    merger m = { .spm = spm, .text = text };
    clseq_spm_spans todo = { 0 };
    clseq_status status = CLSEQ_OK;

    if (spm->has_unused)
        CLSEQ_TRY(clseq_calloc(spm->ctx, spm->count, sizeof(*m.left_lengths), "merges of a line",
                               &m.left_lengths));
    CLSEQ_TRY_GOTO(status, out, start(&m, n));
    CLSEQ_TRY_GOTO(status, out, merge_all(&m));
    for (uint32_t i = m.count > 0 ? 0 : NONE; i != NONE; i = m.symbols[i].next)
        CLSEQ_TRY_GOTO(status, out,
                       add_piece(&m, m.symbols[i].offset, m.symbols[i].length, &todo, spans));
out:
    clseq_spm_spans_fini(&todo);
    free(m.symbols);
    free(m.heap);
    free(m.left_lengths);
    return status;
}
