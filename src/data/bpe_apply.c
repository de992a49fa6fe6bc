/* SPDX-License-Identifier: BSD-2-Clause */
/* Cutting lines by the merges of a codes file, and joining them again. */
#include "data/bpe_inside.h"

#include "base/philox.h"

#include <stdlib.h>

#define NONE UINT32_MAX
/* No symbol of the codes file: takes part in no merge. */
#define FOREIGN    UINT32_MAX
#define LINE_LIMIT ((size_t)1 << 28)

/* A part of the word; a merged part is in the node on its left. */
typedef struct node {
    uint32_t symbol;
    uint32_t begin, end;     /* bytes of the word */
    uint32_t previous, next; /* NONE at the ends */
    bool gone;
} node;

typedef struct span {
    uint32_t begin, end;
    bool final; /* ends the word (the segment between glossaries) */
} span;

typedef struct spans {
    span *data;
    size_t count, capacity;
} spans;

typedef struct cutter {
    const clseq_bpe *bpe;
    clseq_text *out;
    const char *text; /* the word */
    node *nodes;
    size_t count, nodes_capacity;
    uint64_t *heap; /* rank << 32 | left node: the first merge on top */
    size_t heap_count, heap_capacity;
    uint32_t *merged; /* nodes of the merges of one rank */
    size_t merged_count, merged_capacity;
    spans segments, segments_next; /* of the word, between glossaries */
    spans todo;                    /* parts that are not in the vocabulary yet */
    spans pieces;                  /* of the word */
    clseq_text key;
    const clseq_bpe_dropout *dropout; /* NULL: none */
    uint64_t line_seed, draws;
} cutter;

static clseq_status add_span(cutter *c, spans *list, size_t begin, size_t end, bool final)
{
    CLSEQ_TRY(clseq_grow(c->bpe->ctx, &list->data, &list->capacity, list->count + 1,
                         sizeof(*list->data), "pieces of a word"));
    list->data[list->count++] =
        (span) { .begin = (uint32_t)begin, .end = (uint32_t)end, .final = final };
    return CLSEQ_OK;
}

/* ---- merging ---- */

static clseq_status push(cutter *c, uint64_t key)
{
    size_t i = c->heap_count;

    CLSEQ_TRY(clseq_grow(c->bpe->ctx, &c->heap, &c->heap_capacity, c->heap_count + 1,
                         sizeof(*c->heap), "merges of a word"));
    c->heap_count++;
    for (; i > 0 && key < c->heap[(i - 1) / 2]; i = (i - 1) / 2)
        c->heap[i] = c->heap[(i - 1) / 2];
    c->heap[i] = key;
    return CLSEQ_OK;
}

static void pop(cutter *c)
{
    const uint64_t last = c->heap[--c->heap_count];
    size_t i = 0;

    for (;;) {
        size_t child = 2 * i + 1;

        if (child >= c->heap_count)
            break;
        if (child + 1 < c->heap_count && c->heap[child + 1] < c->heap[child])
            child++;
        if (c->heap[child] >= last)
            break;
        c->heap[i] = c->heap[child];
        i = child;
    }
    c->heap[i] = last;
}

static uint32_t rank_of(const cutter *c, uint32_t left)
{
    const uint32_t right = c->nodes[left].next;

    if (right == NONE || c->nodes[left].symbol == FOREIGN || c->nodes[right].symbol == FOREIGN)
        return CLSEQ_PAIR_NONE;
    return clseq_pair_table_find(&c->bpe->ranks,
                                 clseq_pair_key(c->nodes[left].symbol, c->nodes[right].symbol));
}

static clseq_status consider(cutter *c, uint32_t left)
{
    const uint32_t rank = left == NONE ? CLSEQ_PAIR_NONE : rank_of(c, left);

    return rank == CLSEQ_PAIR_NONE ? CLSEQ_OK : push(c, clseq_pair_key(rank, left));
}

/* Merge a node with the one on its right. */
static void merge(cutter *c, uint32_t left, uint32_t result)
{
    node *l = &c->nodes[left], *r = &c->nodes[l->next];

    l->symbol = result;
    l->end = r->end;
    l->next = r->next;
    r->gone = true;
    if (l->next != NONE)
        c->nodes[l->next].previous = left;
}

/* All merges of the lowest rank that stand there now, from left to right; only then what they make
 * is looked at, as subword-nmt does. */
static clseq_status merge_lowest(cutter *c)
{
    const uint32_t rank = (uint32_t)(c->heap[0] >> 32);
    const clseq_bpe_merge *m = &c->bpe->merges[rank];

    c->merged_count = 0;
    while (c->heap_count > 0 && (uint32_t)(c->heap[0] >> 32) == rank) {
        const uint32_t left = (uint32_t)c->heap[0];
        const node *l = &c->nodes[left];

        pop(c);
        /* It may have been merged with something else. */
        if (l->gone || l->symbol != m->left || l->next == NONE ||
            c->nodes[l->next].symbol != m->right)
            continue;
        merge(c, left, m->result);
        CLSEQ_TRY(clseq_grow(c->bpe->ctx, &c->merged, &c->merged_capacity, c->merged_count + 1,
                             sizeof(*c->merged), "merges of a word"));
        c->merged[c->merged_count++] = left;
    }
    for (size_t i = 0; i < c->merged_count; i++) {
        CLSEQ_TRY(consider(c, c->nodes[c->merged[i]].previous));
        CLSEQ_TRY(consider(c, c->merged[i]));
    }
    return CLSEQ_OK;
}

static clseq_status merge_all(cutter *c)
{
    c->heap_count = 0;
    for (uint32_t i = 0; i + 1 < c->count; i++)
        CLSEQ_TRY(consider(c, i));
    while (c->heap_count > 0)
        CLSEQ_TRY(merge_lowest(c));
    return CLSEQ_OK;
}

static bool left_out(cutter *c)
{
    const uint64_t bits =
        clseq_random_u64(c->line_seed, CLSEQ_RANDOM_BPE, c->dropout->epoch, c->draws++);

    return (double)(bits >> 11) * 0x1p-53 <= c->dropout->probability;
}

/* With dropout: every round draws again for every pair, and merges the lowest rank that stays. */
static clseq_status merge_some(cutter *c)
{
    for (;;) {
        uint32_t rank = CLSEQ_PAIR_NONE;

        c->merged_count = 0;
        for (uint32_t i = 0; i != NONE; i = c->nodes[i].next) {
            const uint32_t here = rank_of(c, i);

            if (here == CLSEQ_PAIR_NONE || here > rank || left_out(c))
                continue;
            if (here < rank)
                c->merged_count = 0;
            rank = here;
            CLSEQ_TRY(clseq_grow(c->bpe->ctx, &c->merged, &c->merged_capacity, c->merged_count + 1,
                                 sizeof(*c->merged), "merges of a word"));
            c->merged[c->merged_count++] = i;
        }
        if (rank == CLSEQ_PAIR_NONE)
            return CLSEQ_OK;
        for (size_t i = 0; i < c->merged_count; i++) {
            /* In "x x x" the second pair shares its left part with the first. */
            if (!c->nodes[c->merged[i]].gone)
                merge(c, c->merged[i], c->bpe->merges[rank].result);
        }
    }
}

static clseq_status add_node(cutter *c, const char *symbol, size_t n, size_t begin, size_t end)
{
    const size_t number = clseq_string_table_find(&c->bpe->symbols, symbol, n);
    const uint32_t i = (uint32_t)c->count;

    CLSEQ_TRY(clseq_grow(c->bpe->ctx, &c->nodes, &c->nodes_capacity, c->count + 1,
                         sizeof(*c->nodes), "characters of a word"));
    if (i > 0)
        c->nodes[i - 1].next = i;
    c->nodes[c->count++] =
        (node) { .symbol = number == CLSEQ_STRING_NONE ? FOREIGN : (uint32_t)number,
                 .begin = (uint32_t)begin,
                 .end = (uint32_t)end,
                 .previous = i > 0 ? i - 1 : NONE,
                 .next = NONE };
    return CLSEQ_OK;
}

/* The characters of a segment, the end of the word with the last one or behind it. */
static clseq_status add_nodes(cutter *c, span segment)
{
    char last[4 + CLSEQ_BPE_END_SIZE];

    c->count = 0;
    for (size_t at = segment.begin; at < segment.end;) {
        const size_t n = clseq_bpe_char_length(c->text + at, segment.end - at);

        if (at + n < segment.end || c->bpe->end_is_symbol) {
            CLSEQ_TRY(add_node(c, c->text + at, n, at, at + n));
        } else {
            memcpy(last, c->text + at, n);
            memcpy(last + n, CLSEQ_BPE_END, CLSEQ_BPE_END_SIZE);
            CLSEQ_TRY(add_node(c, last, n + CLSEQ_BPE_END_SIZE, at, at + n));
        }
        at += n;
    }
    if (c->bpe->end_is_symbol)
        CLSEQ_TRY(add_node(c, CLSEQ_BPE_END, CLSEQ_BPE_END_SIZE, segment.end, segment.end));
    return CLSEQ_OK;
}

/* ---- the vocabulary ---- */

static clseq_status in_vocabulary(cutter *c, span s, bool *ret)
{
    CLSEQ_TRY(clseq_text_clear(c->bpe->ctx, &c->key));
    CLSEQ_TRY(clseq_text_append(c->bpe->ctx, &c->key, c->text + s.begin, s.end - s.begin));
    if (!s.final)
        CLSEQ_TRY(
            clseq_text_append(c->bpe->ctx, &c->key, c->bpe->separator, c->bpe->separator_size));
    *ret =
        clseq_string_table_find(&c->bpe->vocabulary, c->key.data, c->key.size) != CLSEQ_STRING_NONE;
    return CLSEQ_OK;
}

/* Bytes of the left part of the merge that makes this piece; 0 when none does. */
static clseq_status split_of(cutter *c, span s, size_t *ret)
{
    size_t symbol, left;

    *ret = 0;
    CLSEQ_TRY(clseq_text_clear(c->bpe->ctx, &c->key));
    CLSEQ_TRY(clseq_text_append(c->bpe->ctx, &c->key, c->text + s.begin, s.end - s.begin));
    if (s.final)
        CLSEQ_TRY(clseq_text_append(c->bpe->ctx, &c->key, CLSEQ_BPE_END, CLSEQ_BPE_END_SIZE));
    symbol = clseq_string_table_find(&c->bpe->symbols, c->key.data, c->key.size);
    if (symbol == CLSEQ_STRING_NONE || c->bpe->splits[symbol] == CLSEQ_PAIR_NONE)
        return CLSEQ_OK;
    left = c->bpe->symbols.entries[c->bpe->merges[c->bpe->splits[symbol]].left].length;
    if (left <= s.end - s.begin)
        *ret = left;
    return CLSEQ_OK;
}

/* Undo the merges of a piece until all its parts are in the vocabulary or are no merges. */
static clseq_status add_known(cutter *c, span piece)
{
    c->todo.count = 0;
    CLSEQ_TRY(add_span(c, &c->todo, piece.begin, piece.end, piece.final));
    while (c->todo.count > 0) {
        const span s = c->todo.data[--c->todo.count];
        size_t left = 0;
        bool known = false;

        CLSEQ_TRY(in_vocabulary(c, s, &known));
        if (!known && s.end > s.begin)
            CLSEQ_TRY(split_of(c, s, &left));
        if (left == 0) {
            CLSEQ_TRY(add_span(c, &c->pieces, s.begin, s.end, s.final));
            continue;
        }
        CLSEQ_TRY(add_span(c, &c->todo, s.begin + left, s.end, s.final));
        CLSEQ_TRY(add_span(c, &c->todo, s.begin, s.begin + left, false));
    }
    return CLSEQ_OK;
}

/* ---- words and lines ---- */

static bool is_glossary(const cutter *c, span s)
{
    for (size_t i = 0; c->bpe->patterns && i < c->bpe->glossaries.count; i++) {
        if (clseq_pattern_is(c->bpe->patterns[i], c->text + s.begin, s.end - s.begin))
            return true;
    }
    if (c->bpe->patterns)
        return false;
    return clseq_string_table_find(&c->bpe->glossaries, c->text + s.begin, s.end - s.begin) !=
           CLSEQ_STRING_NONE;
}

static clseq_status cut_segment(cutter *c, span segment)
{
    const bool whole =
        clseq_bpe_char_length(c->text + segment.begin, segment.end - segment.begin) ==
        segment.end - segment.begin;

    if (whole || is_glossary(c, segment))
        return add_span(c, &c->pieces, segment.begin, segment.end, true);
    CLSEQ_TRY(add_nodes(c, segment));
    if (c->dropout && c->count <= CLSEQ_BPE_DROPOUT_LENGTH)
        CLSEQ_TRY(merge_some(c));
    else
        CLSEQ_TRY(merge_all(c));
    for (uint32_t i = 0; i != NONE; i = c->nodes[i].next) {
        const node *n = &c->nodes[i];
        const span piece = { .begin = n->begin, .end = n->end, .final = n->end == segment.end };

        if (n->begin == n->end)
            continue; /* the end of the word alone */
        if (c->bpe->vocabulary.count > 0)
            CLSEQ_TRY(add_known(c, piece));
        else
            CLSEQ_TRY(add_span(c, &c->pieces, piece.begin, piece.end, piece.final));
    }
    return CLSEQ_OK;
}

/* Where `part` stands in text[begin .. end); `end` when it does not. */
static size_t find_part(const char *text, size_t begin, size_t end, const char *part, size_t n)
{
    while (end - begin >= n) {
        const char *first = memchr(text + begin, part[0], end - begin - n + 1);

        if (!first)
            break;
        begin = (size_t)(first - text);
        if (memcmp(first, part, n) == 0)
            return begin;
        begin++;
    }
    return end;
}

/* Where glossary `number` stands in a segment from `begin` on; behind it when it does not. */
static span find_glossary(const cutter *c, size_t number, span segment, size_t begin)
{
    const char *glossary = clseq_string_table_get(&c->bpe->glossaries, number);
    const size_t n = c->bpe->glossaries.entries[number].length, size = segment.end - segment.begin;
    size_t first = size, last = size;

    if (c->bpe->patterns) {
        (void)clseq_pattern_find(c->bpe->patterns[number], c->text + segment.begin, size,
                                 begin - segment.begin, &first, &last);
        return (span) { .begin = segment.begin + (uint32_t)first,
                        .end = segment.begin + (uint32_t)last };
    }
    first = find_part(c->text, begin, segment.end, glossary, n);
    return (span) { .begin = (uint32_t)first,
                    .end = first < segment.end ? (uint32_t)(first + n) : segment.end };
}

/* Cut the segments at one glossary. */
static clseq_status isolate(cutter *c, size_t number)
{
    const spans done = c->segments;

    c->segments_next.count = 0;
    for (size_t i = 0; i < c->segments.count; i++) {
        const span segment = c->segments.data[i];
        const bool whole =
            c->bpe->patterns && clseq_pattern_is(c->bpe->patterns[number], c->text + segment.begin,
                                                 segment.end - segment.begin);
        size_t begin = segment.begin;

        while (begin < segment.end) {
            const span found = whole ? segment : find_glossary(c, number, segment, begin);

            if (found.begin > begin)
                CLSEQ_TRY(add_span(c, &c->segments_next, begin, found.begin, true));
            if (found.begin < segment.end)
                CLSEQ_TRY(add_span(c, &c->segments_next, found.begin, found.end, true));
            begin = found.end;
        }
    }
    c->segments = c->segments_next;
    c->segments_next = done;
    return CLSEQ_OK;
}

static clseq_status cut_word(cutter *c, const char *word, size_t n)
{
    const clseq_string_table *glossaries = &c->bpe->glossaries;
    clseq_context *ctx = c->bpe->ctx;

    c->text = word;
    c->pieces.count = c->segments.count = 0;
    CLSEQ_TRY(add_span(c, &c->segments, 0, n, true));
    for (size_t i = 0; i < glossaries->count; i++)
        CLSEQ_TRY(isolate(c, i));
    for (size_t i = 0; i < c->segments.count; i++)
        CLSEQ_TRY(cut_segment(c, c->segments.data[i]));
    for (size_t i = 0; i < c->pieces.count; i++) {
        const span *piece = &c->pieces.data[i];

        CLSEQ_TRY(clseq_text_append(ctx, c->out, word + piece->begin, piece->end - piece->begin));
        if (i + 1 < c->pieces.count) {
            CLSEQ_TRY(clseq_text_append(ctx, c->out, c->bpe->separator, c->bpe->separator_size));
            CLSEQ_TRY(clseq_text_append(ctx, c->out, " ", 1));
        }
    }
    return CLSEQ_OK;
}

static clseq_status cut_line(cutter *c, const char *line, size_t length)
{
    clseq_context *ctx = c->bpe->ctx;
    const char *middle = line;
    size_t n = length;
    bool first = true;

    CLSEQ_TRY(clseq_text_clear(ctx, c->out));
    clseq_bpe_strip(&middle, &n);
    CLSEQ_TRY(clseq_text_append(ctx, c->out, line, (size_t)(middle - line)));
    for (size_t begin = 0; begin < n;) {
        const char *space = memchr(middle + begin, ' ', n - begin);
        const size_t end = space ? (size_t)(space - middle) : n;

        if (end > begin) {
            if (!first)
                CLSEQ_TRY(clseq_text_append(ctx, c->out, " ", 1));
            CLSEQ_TRY(cut_word(c, middle + begin, end - begin));
            first = false;
        }
        begin = end + 1;
    }
    middle += n;
    return clseq_text_append(ctx, c->out, middle, (size_t)(line + length - middle));
}

static clseq_status check(const clseq_bpe *bpe, size_t length, const clseq_bpe_dropout *dropout)
{
    if (length > LINE_LIMIT)
        return clseq_fail(bpe->ctx, CLSEQ_ERR_LIMIT,
                          "a line of %zu bytes is longer than the limit of %zu: put one sentence "
                          "on a line",
                          length, LINE_LIMIT);
    if (dropout && !(dropout->probability >= 0.0 && dropout->probability <= 1.0))
        return clseq_fail(bpe->ctx, CLSEQ_ERR_ARG, "BPE-dropout of %g: a probability is 0 to 1",
                          dropout->probability);
    return CLSEQ_OK;
}

clseq_status clseq_bpe_apply(const clseq_bpe *bpe, const char *line, size_t length,
                             const clseq_bpe_dropout *dropout, clseq_text *ret)
{
    cutter c = { .bpe = bpe, .out = ret };
    clseq_status status;

    CLSEQ_TRY(check(bpe, length, dropout));
    if (dropout && dropout->probability > 0.0) {
        c.dropout = dropout;
        c.line_seed =
            clseq_random_u64(dropout->seed, CLSEQ_RANDOM_BPE, dropout->epoch, dropout->line);
    }
    status = cut_line(&c, line, length);
    free(c.nodes);
    free(c.heap);
    free(c.merged);
    free(c.segments.data);
    free(c.segments_next.data);
    free(c.todo.data);
    free(c.pieces.data);
    clseq_text_fini(&c.key);
    return status;
}

clseq_status clseq_bpe_undo(clseq_context *ctx, const char *separator, const char *line,
                            size_t length, clseq_text *ret)
{
    const char *mark = separator && separator[0] ? separator : "@@";
    const size_t n = strlen(mark);
    size_t copied = 0, at = 0;

    CLSEQ_TRY(clseq_text_clear(ctx, ret));
    while (at < length) {
        const size_t found = find_part(line, at, length, mark, n);
        const size_t behind = found < length ? found + n : length;

        at = found + 1;
        if (found == length || (behind < length && line[behind] != ' '))
            continue;
        CLSEQ_TRY(clseq_text_append(ctx, ret, line + copied, found - copied));
        copied = at = behind < length ? behind + 1 : length;
    }
    return clseq_text_append(ctx, ret, line + copied, length - copied);
}
