/* SPDX-License-Identifier: BSD-2-Clause */
#include "data/bpe_statistics.h"

#include <stdlib.h>
#include <string.h>

#define NONE CLSEQ_PAIR_NONE

void clseq_bpe_statistics_fini(clseq_bpe_statistics *s)
{
    for (size_t i = 0; i < s->count; i++)
        free(s->pairs[i].events);
    free(s->pairs);
    free(s->heap);
    clseq_pair_table_fini(&s->table);
    *s = (clseq_bpe_statistics) { 0 };
}

/* ---- the heap ---- */

static int compare_symbols(const clseq_string_table *table, uint32_t a, uint32_t b)
{
    const clseq_string_entry *x = &table->entries[a], *y = &table->entries[b];
    const uint32_t n = x->length < y->length ? x->length : y->length;
    const int order = memcmp(table->bytes + x->offset, table->bytes + y->offset, n);

    if (order != 0)
        return order;
    return x->length < y->length ? -1 : x->length > y->length;
}

static bool better(const clseq_bpe_statistics *s, uint32_t a, uint32_t b)
{
    const clseq_bpe_pair *x = &s->pairs[a], *y = &s->pairs[b];

    if (x->live != y->live)
        return x->live > y->live;
    if (x->left != y->left)
        return compare_symbols(s->symbols, x->left, y->left) > 0;
    return x->right != y->right && compare_symbols(s->symbols, x->right, y->right) > 0;
}

static void place(clseq_bpe_statistics *s, size_t at, uint32_t pair)
{
    s->heap[at] = pair;
    s->pairs[pair].heap_at = (uint32_t)at;
}

static void sift_up(clseq_bpe_statistics *s, size_t at)
{
    const uint32_t pair = s->heap[at];

    for (; at > 0 && better(s, pair, s->heap[(at - 1) / 2]); at = (at - 1) / 2)
        place(s, at, s->heap[(at - 1) / 2]);
    place(s, at, pair);
}

static void sift_down(clseq_bpe_statistics *s, size_t at)
{
    const uint32_t pair = s->heap[at];

    for (;;) {
        size_t child = 2 * at + 1;

        if (child >= s->heap_count)
            break;
        if (child + 1 < s->heap_count && better(s, s->heap[child + 1], s->heap[child]))
            child++;
        if (!better(s, s->heap[child], pair))
            break;
        place(s, at, s->heap[child]);
        at = child;
    }
    place(s, at, pair);
}

static void order_heap(clseq_bpe_statistics *s)
{
    for (size_t at = s->heap_count / 2; at-- > 0;)
        sift_down(s, at);
}

/* A running count that starts at 0. */
static clseq_status enter(clseq_bpe_statistics *s, uint32_t pair)
{
    CLSEQ_TRY(clseq_grow(s->ctx, &s->heap, &s->heap_capacity, s->heap_count + 1, sizeof(*s->heap),
                         "pairs of symbols"));
    s->pairs[pair].live = 0;
    place(s, s->heap_count++, pair);
    sift_up(s, s->heap_count - 1);
    return CLSEQ_OK;
}

/* ---- counting ---- */

static clseq_status find_or_add(clseq_bpe_statistics *s, uint32_t left, uint32_t right,
                                uint32_t *ret)
{
    const uint64_t key = clseq_pair_key(left, right);

    *ret = clseq_pair_table_find(&s->table, key);
    if (*ret != NONE)
        return CLSEQ_OK;
    if (s->count >= NONE - 1)
        return clseq_fail(s->ctx, CLSEQ_ERR_LIMIT, "more than 2^32 pairs of symbols");
    CLSEQ_TRY(clseq_grow(s->ctx, &s->pairs, &s->capacity, s->count + 1, sizeof(*s->pairs),
                         "pairs of symbols"));
    CLSEQ_TRY(clseq_pair_table_add(&s->table, s->ctx, key, (uint32_t)s->count));
    s->pairs[s->count] = (clseq_bpe_pair) { .left = left, .right = right, .heap_at = NONE };
    *ret = (uint32_t)s->count++;
    return CLSEQ_OK;
}

static clseq_status add_event(clseq_bpe_statistics *s, clseq_bpe_pair *pair, uint32_t word,
                              int change)
{
    const uint32_t n = pair->event_count;

    if (n > 0 && pair->events[n - 1].word == word) {
        pair->events[n - 1].change += change;
        return CLSEQ_OK;
    }
    if (n == pair->event_capacity) {
        /* Most pairs are rare: they start smaller than clseq_grow() would let them. */
        const size_t capacity = n ? 2 * (size_t)n : 2;
        clseq_bpe_event *events =
            capacity < NONE ? realloc(pair->events, capacity * sizeof(*events)) : NULL;

        if (!events)
            return clseq_fail(s->ctx, CLSEQ_ERR_NOMEM,
                              "pairs of symbols: %zu elements of %zu bytes do not fit in memory",
                              capacity, sizeof(*events));
        pair->events = events;
        pair->event_capacity = (uint32_t)capacity;
    }
    pair->events[pair->event_count++] = (clseq_bpe_event) { .word = word, .change = change };
    return CLSEQ_OK;
}

clseq_status clseq_bpe_statistics_count(clseq_bpe_statistics *s, uint32_t left, uint32_t right,
                                        uint32_t word, int64_t frequency, int change)
{
    uint32_t pair = NONE;
    clseq_bpe_pair *p;

    CLSEQ_TRY(find_or_add(s, left, right, &pair));
    if (s->pairs[pair].heap_at == NONE)
        CLSEQ_TRY(enter(s, pair));
    p = &s->pairs[pair];
    p->live += change * frequency;
    if (change > 0)
        sift_up(s, p->heap_at);
    else
        sift_down(s, p->heap_at);
    return add_event(s, p, word, change);
}

void clseq_bpe_statistics_clear(clseq_bpe_statistics *s, uint32_t pair)
{
    clseq_bpe_pair *p = &s->pairs[pair];
    const bool down = p->live > 0;

    p->live = 0;
    if (down)
        sift_down(s, p->heap_at);
    else
        sift_up(s, p->heap_at);
}

void clseq_bpe_statistics_keep(clseq_bpe_statistics *s)
{
    for (size_t i = 0; i < s->count; i++) {
        s->pairs[i].rest = s->pairs[i].live;
        s->pairs[i].set_aside = true;
    }
}

void clseq_bpe_statistics_prune(clseq_bpe_statistics *s, double threshold)
{
    size_t kept = 0;

    for (size_t i = 0; i < s->heap_count; i++) {
        clseq_bpe_pair *p = &s->pairs[s->heap[i]];

        if (!((double)p->live < threshold)) {
            place(s, kept++, s->heap[i]);
            continue;
        }
        p->heap_at = NONE;
        p->rest = p->live < 0 ? p->rest + p->live : p->live;
        p->set_aside = true;
    }
    s->heap_count = kept;
    order_heap(s);
}

clseq_status clseq_bpe_statistics_restore(clseq_bpe_statistics *s)
{
    CLSEQ_TRY(clseq_grow(s->ctx, &s->heap, &s->heap_capacity, s->count, sizeof(*s->heap),
                         "pairs of symbols"));
    for (size_t i = 0; i < s->heap_count; i++)
        s->pairs[s->heap[i]].heap_at = NONE;
    s->heap_count = 0;
    for (size_t i = 0; i < s->count; i++) {
        if (!s->pairs[i].set_aside)
            continue;
        s->pairs[i].live = s->pairs[i].rest;
        place(s, s->heap_count++, (uint32_t)i);
    }
    order_heap(s);
    return CLSEQ_OK;
}

/* ---- where a pair stands ---- */

static int compare_events(const void *a, const void *b)
{
    const clseq_bpe_event *x = a, *y = b;

    return x->word < y->word ? -1 : x->word > y->word;
}

size_t clseq_bpe_statistics_words(clseq_bpe_statistics *s, uint32_t pair)
{
    clseq_bpe_event *events = s->pairs[pair].events;
    const size_t n = s->pairs[pair].event_count;
    size_t kept = 0;

    if (n > 0)
        qsort(events, n, sizeof(*events), compare_events);
    for (size_t i = 0; i < n;) {
        clseq_bpe_event sum = { .word = events[i].word };

        for (; i < n && events[i].word == sum.word; i++)
            sum.change += events[i].change;
        if (sum.change > 0)
            events[kept++] = sum;
    }
    s->pairs[pair].event_count = (uint32_t)kept;
    return kept;
}
