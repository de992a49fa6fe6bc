/* SPDX-License-Identifier: BSD-2-Clause */
#include "data/byte_trie.h"

#include <stdlib.h>
#include <string.h>

/* A node whose children are still to be made: the strings first .. last share `depth` bytes. */
typedef struct pending {
    uint32_t first, last;
    uint32_t depth;
} pending;

static int compare(const void *a, const void *b)
{
    const clseq_trie_key *x = a, *y = b;
    const size_t n = x->length < y->length ? x->length : y->length;
    const int order = memcmp(x->text, y->text, n);

    if (order != 0)
        return order;
    return x->length < y->length ? -1 : x->length > y->length;
}

typedef struct builder {
    clseq_context *ctx;
    clseq_byte_trie *trie;
    pending *queue; /* one for each node, in the order of the nodes */
    size_t queue_capacity;
    const clseq_trie_key *keys;
} builder;

static clseq_status add_node(builder *b, uint8_t label, pending strings)
{
    clseq_byte_trie *trie = b->trie;

    CLSEQ_TRY(clseq_grow(b->ctx, &trie->nodes, &trie->capacity, trie->count + 1,
                         sizeof(*trie->nodes), "tree of pieces"));
    CLSEQ_TRY(clseq_grow(b->ctx, &b->queue, &b->queue_capacity, trie->count + 1, sizeof(*b->queue),
                         "tree of pieces"));
    b->queue[trie->count] = strings;
    trie->nodes[trie->count++] = (clseq_trie_node) { .label = label, .value = -1 };
    return CLSEQ_OK;
}

static clseq_status add_children(builder *b, size_t node)
{
    const pending here = b->queue[node];
    uint32_t i = here.first;
    uint32_t count = 0;

    b->trie->nodes[node].first_child = (uint32_t)b->trie->count;
    if (i < here.last && b->keys[i].length == here.depth)
        b->trie->nodes[node].value = b->keys[i++].value;
    while (i < here.last) {
        const char label = b->keys[i].text[here.depth];
        pending child = { .first = i, .depth = here.depth + 1 };

        while (i < here.last && b->keys[i].text[here.depth] == label)
            i++;
        child.last = i;
        CLSEQ_TRY(add_node(b, (uint8_t)label, child));
        count++;
    }
    b->trie->nodes[node].child_count = (uint16_t)count;
    return CLSEQ_OK;
}

clseq_status clseq_byte_trie_init(clseq_byte_trie *trie, clseq_context *ctx, clseq_trie_key *keys,
                                  size_t count)
{
    builder b = { .ctx = ctx, .trie = trie, .keys = keys };
    clseq_status status = CLSEQ_OK;
    size_t bytes = 0;

    *trie = (clseq_byte_trie) { 0 };
    for (size_t i = 0; i < count; i++) {
        if (!clseq_add_size(bytes, keys[i].length, &bytes) || bytes >= INT32_MAX)
            return clseq_fail(ctx, CLSEQ_ERR_LIMIT, "tree of pieces: more than 2 GiB of strings");
    }
    if (count > 0)
        qsort(keys, count, sizeof(*keys), compare);
    CLSEQ_TRY_GOTO(status, out, add_node(&b, 0, (pending) { .last = (uint32_t)count }));
    for (size_t node = 0; node < trie->count; node++)
        CLSEQ_TRY_GOTO(status, out, add_children(&b, node));
out:
    free(b.queue);
    if (status != CLSEQ_OK)
        clseq_byte_trie_fini(trie);
    return status;
}

void clseq_byte_trie_fini(clseq_byte_trie *trie)
{
    free(trie->nodes);
    *trie = (clseq_byte_trie) { 0 };
}

size_t clseq_byte_trie_longest(const clseq_byte_trie *trie, const char *text, size_t n)
{
    uint32_t node = 0;
    size_t longest = 0;

    if (trie->count == 0)
        return 0;
    for (size_t i = 0; i < n; i++) {
        node = clseq_byte_trie_child(trie, node, (uint8_t)text[i]);
        if (node == CLSEQ_TRIE_NONE)
            break;
        if (trie->nodes[node].value >= 0)
            longest = i + 1;
    }
    return longest;
}
