/* SPDX-License-Identifier: BSD-2-Clause */
#include "base/base.h"

#include <clseq/text.h>
#include <clseq/translate.h>

#include <stdlib.h>
#include <string.h>

/* A longer word or translation is an error in the file. */
#define ENTRY_BYTES 4096

struct entry {
    size_t word, length; /* place in the text; bytes */
    size_t translation;
    size_t line;
};

struct clseq_dictionary {
    char *text;            /* words and translations, each ended by a 0 byte */
    struct entry *entries; /* by word; of equal words the first line first */
    size_t used, text_capacity, count, capacity;
};

static int compare_words(const char *x, size_t x_length, const char *y, size_t y_length)
{
    const int order = memcmp(x, y, x_length < y_length ? x_length : y_length);

    return order != 0 ? order : (x_length > y_length) - (x_length < y_length);
}

/* While sorting, an entry is its place in the text: the text comes in the order of the file. */
struct sorted {
    const char *text;
    struct entry entry;
};

static int compare_entries(const void *x, const void *y)
{
    const struct sorted *p = x, *q = y;
    const int order = compare_words(p->text + p->entry.word, p->entry.length,
                                    q->text + q->entry.word, q->entry.length);

    return order != 0 ? order : (p->entry.line > q->entry.line) - (p->entry.line < q->entry.line);
}

static clseq_status keep_text(clseq_context *ctx, clseq_dictionary *d, const char *text,
                              size_t length, size_t *ret)
{
    size_t need;

    if (!clseq_add_size(d->used, length + 1, &need))
        return clseq_fail(ctx, CLSEQ_ERR_LIMIT, "the dictionary is too large");
    CLSEQ_TRY(clseq_grow(ctx, &d->text, &d->text_capacity, need, 1, "dictionary"));
    *ret = d->used;
    memcpy(d->text + d->used, text, length);
    d->text[need - 1] = 0;
    d->used = need;
    return CLSEQ_OK;
}

static clseq_status add_pair(clseq_context *ctx, clseq_dictionary *d, clseq_pairs *pairs,
                             const clseq_pair *pair)
{
    struct entry entry = { .length = pair->source_length, .line = d->count };

    if (pair->source_length == 0 || pair->target_length == 0)
        return clseq_fail(ctx, CLSEQ_ERR_DATA,
                          "%s: a dictionary needs a word on both sides of the TAB: complete the "
                          "line or take it out",
                          clseq_pairs_place(pairs, false));
    if (pair->source_length > ENTRY_BYTES || pair->target_length > ENTRY_BYTES)
        return clseq_fail(ctx, CLSEQ_ERR_DATA,
                          "%s: an entry of the dictionary has more than %d bytes: it is for words",
                          clseq_pairs_place(pairs, false), ENTRY_BYTES);
    CLSEQ_TRY(keep_text(ctx, d, pair->source, pair->source_length, &entry.word));
    CLSEQ_TRY(keep_text(ctx, d, pair->target, pair->target_length, &entry.translation));
    CLSEQ_TRY(clseq_grow(ctx, &d->entries, &d->capacity, d->count + 1, sizeof(*d->entries),
                         "dictionary"));
    d->entries[d->count++] = entry;
    return CLSEQ_OK;
}

static clseq_status read_pairs(clseq_context *ctx, clseq_dictionary *d, clseq_pairs *pairs)
{
    for (;;) {
        clseq_pair pair;
        bool more;

        CLSEQ_TRY(clseq_pairs_next(pairs, &pair, &more));
        if (!more)
            return CLSEQ_OK;
        CLSEQ_TRY(add_pair(ctx, d, pairs, &pair));
    }
}

static clseq_status sort(clseq_context *ctx, clseq_dictionary *d)
{
    struct sorted *sorted;

    CLSEQ_TRY(clseq_calloc(ctx, d->count, sizeof(*sorted), "dictionary", &sorted));
    for (size_t i = 0; i < d->count; i++)
        sorted[i] = (struct sorted) { .text = d->text, .entry = d->entries[i] };
    qsort(sorted, d->count, sizeof(*sorted), compare_entries);
    for (size_t i = 0; i < d->count; i++)
        d->entries[i] = sorted[i].entry;
    free(sorted);
    return CLSEQ_OK;
}

clseq_status clseq_dictionary_open(clseq_context *ctx, const char *path, clseq_dictionary **ret)
{
    clseq_dictionary *d = NULL;
    clseq_pairs *pairs = NULL;
    clseq_status status;

    CLSEQ_TRY(clseq_calloc(ctx, 1, sizeof(*d), "dictionary", &d));
    status = clseq_pairs_open(ctx, path, NULL, 0, &pairs);
    if (status == CLSEQ_OK)
        status = read_pairs(ctx, d, pairs);
    if (status == CLSEQ_OK)
        status = sort(ctx, d);
    clseq_pairs_close(&pairs);
    if (status != CLSEQ_OK)
        clseq_dictionary_close(&d);
    else
        *ret = d;
    return status;
}

const char *clseq_dictionary_find(const clseq_dictionary *dictionary, const char *word,
                                  size_t length)
{
    size_t low = 0, high = dictionary->count;

    while (low < high) {
        const size_t middle = low + (high - low) / 2;
        const struct entry *e = &dictionary->entries[middle];

        if (compare_words(dictionary->text + e->word, e->length, word, length) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    if (low == dictionary->count ||
        compare_words(dictionary->text + dictionary->entries[low].word,
                      dictionary->entries[low].length, word, length) != 0)
        return NULL;
    return dictionary->text + dictionary->entries[low].translation;
}

void clseq_dictionary_close(clseq_dictionary **dictionary)
{
    clseq_dictionary *d = dictionary ? *dictionary : NULL;

    if (!d)
        return;
    free(d->text);
    free(d->entries);
    free(d);
    *dictionary = NULL;
}
