/* SPDX-License-Identifier: BSD-2-Clause */
/* Strings as a tree of bytes: all strings that a text begins with are found in one walk. */
#ifndef CLSEQ_BYTE_TRIE_H
#define CLSEQ_BYTE_TRIE_H

#include "base/base.h"

#define CLSEQ_TRIE_NONE UINT32_MAX

typedef struct clseq_trie_key {
    const char *text;
    size_t length; /* 1 or more */
    int32_t value; /* 0 or more */
} clseq_trie_key;

typedef struct clseq_trie_node {
    uint32_t first_child; /* children stand side by side, by ascending label */
    uint16_t child_count;
    uint8_t label;
    int32_t value; /* of the string that ends here; -1 when none does */
} clseq_trie_node;

/* Start from { 0 }: no strings. Node 0 is the root. */
typedef struct clseq_byte_trie {
    clseq_trie_node *nodes;
    size_t count, capacity;
} clseq_byte_trie;

/* Make it of different strings, which are sorted in place. Errors: CLSEQ_ERR_NOMEM,
 * CLSEQ_ERR_LIMIT (2^31 bytes of strings). */
CLSEQ_MUST_CHECK clseq_status clseq_byte_trie_init(clseq_byte_trie *trie, clseq_context *ctx,
                                                   clseq_trie_key *keys, size_t count);

void clseq_byte_trie_fini(clseq_byte_trie *trie);

/* The child of `node` under a byte, CLSEQ_TRIE_NONE when there is none. */
static inline uint32_t clseq_byte_trie_child(const clseq_byte_trie *trie, uint32_t node,
                                             uint8_t byte)
{
    const clseq_trie_node *n = &trie->nodes[node];
    uint32_t low = n->first_child, high = n->first_child + n->child_count;

    while (low < high) {
        const uint32_t middle = low + (high - low) / 2;

        if (trie->nodes[middle].label < byte)
            low = middle + 1;
        else
            high = middle;
    }
    if (low < n->first_child + n->child_count && trie->nodes[low].label == byte)
        return low;
    return CLSEQ_TRIE_NONE;
}

/* Length of the longest string that text[0 .. n) begins with; 0 when there is none. */
size_t clseq_byte_trie_longest(const clseq_byte_trie *trie, const char *text, size_t n);

#endif
