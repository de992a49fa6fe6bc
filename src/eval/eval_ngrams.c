/* SPDX-License-Identifier: BSD-2-Clause */
#include "eval/eval_ngrams.h"

#include <stdlib.h>
#include <string.h>

/* The parent of single symbols. */
#define ROOT SIZE_MAX

struct key {
    size_t parent;
    size_t symbol;
};

void clseq_ngrams_fini(clseq_ngrams *ngrams)
{
    clseq_intern_fini(&ngrams->nodes);
    free(ngrams->grams);
    memset(ngrams, 0, sizeof(*ngrams));
}

clseq_status clseq_ngrams_build(clseq_context *ctx, clseq_ngrams *ngrams, const size_t *symbols,
                                size_t count, size_t order)
{
    CLSEQ_TRY(clseq_intern_reset(ctx, &ngrams->nodes));
    ngrams->order = order;
    ngrams->reference = 0;
    for (size_t i = 0; i < count; i++) {
        struct key key = { ROOT, 0 };

        for (size_t n = 0; n < order && i + n < count; n++) {
            const size_t known = ngrams->nodes.count;
            size_t node;

            key.symbol = symbols[i + n];
            CLSEQ_TRY(clseq_intern_add(ctx, &ngrams->nodes, &key, sizeof(key), &node));
            if (node == known) {
                CLSEQ_TRY(clseq_grow(ctx, &ngrams->grams, &ngrams->capacity, node + 1,
                                     sizeof(*ngrams->grams), "n-grams of a line"));
                memset(&ngrams->grams[node], 0, sizeof(ngrams->grams[node]));
            }
            ngrams->grams[node].hyp++;
            key.parent = node;
        }
    }
    return CLSEQ_OK;
}

void clseq_ngrams_totals(size_t count, size_t order, uint64_t *totals)
{
    for (size_t n = 0; n < order && n < count; n++)
        totals[n] += count - n;
}

void clseq_ngrams_match(clseq_ngrams *ngrams, const size_t *symbols, size_t count,
                        uint64_t *matches)
{
    const uint64_t reference = ++ngrams->reference;

    for (size_t i = 0; i < count; i++) {
        struct key key = { ROOT, 0 };

        for (size_t n = 0; n < ngrams->order && i + n < count; n++) {
            struct clseq_ngram *gram;
            size_t node;

            key.symbol = symbols[i + n];
            if (key.symbol == CLSEQ_INTERN_NONE)
                break;
            node = clseq_intern_find(&ngrams->nodes, &key, sizeof(key));
            if (node == CLSEQ_INTERN_NONE)
                break; /* and then no longer n-gram can match */
            gram = &ngrams->grams[node];
            if (gram->reference != reference) {
                gram->reference = reference;
                gram->seen = 0;
            }
            gram->seen++;
            if (gram->seen > gram->best) {
                gram->best = gram->seen;
                if (gram->best <= gram->hyp)
                    matches[n]++;
            }
            key.parent = node;
        }
    }
}

void clseq_ngrams_forget(clseq_ngrams *ngrams)
{
    for (size_t i = 0; i < ngrams->nodes.count; i++)
        ngrams->grams[i].best = 0;
}
