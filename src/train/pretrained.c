/* SPDX-License-Identifier: BSD-2-Clause */
#include "train/pretrained.h"

#include "data/utf8.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <xxhash.h>

/* What to look for: every word and, where it differs, its lower case behind all of them. */
struct wanted {
    const char **words; /* (2 V) */
    char **lower;       /* (V) owned; NULL where it is the word itself */
    size_t count;
};

static void wanted_fini(struct wanted *w, size_t vocabulary)
{
    for (size_t i = 0; w->lower && i < vocabulary; i++)
        free(w->lower[i]);
    free(w->lower);
    free(w->words);
}

static clseq_status add_lower(clseq_context *ctx, clseq_normalizer *scratch, struct wanted *w,
                              size_t i, const char *word)
{
    const char *lower;
    size_t n;

    CLSEQ_TRY(clseq_normalize(ctx, scratch, true, word, strlen(word), &lower, &n));
    if (n == strlen(word) && memcmp(lower, word, n) == 0)
        return CLSEQ_OK;
    CLSEQ_TRY(clseq_calloc(ctx, n + 1, 1, "word", &w->lower[i]));
    memcpy(w->lower[i], lower, n);
    w->words[w->count++] = w->lower[i];
    return CLSEQ_OK;
}

static clseq_status wanted_init(struct wanted *w, clseq_context *ctx, const clseq_vocab *vocab)
{
    const size_t V = clseq_vocab_size(vocab);
    clseq_normalizer scratch = { 0 };
    clseq_status status;

    CLSEQ_TRY(clseq_calloc(ctx, 2 * V, sizeof(*w->words), "words", &w->words));
    CLSEQ_TRY(clseq_calloc(ctx, V, sizeof(*w->lower), "words", &w->lower));
    for (size_t i = CLSEQ_ID_FIRST; i < V; i++)
        w->words[w->count++] = clseq_vocab_token(vocab, (int32_t)i);
    for (size_t i = CLSEQ_ID_FIRST; i < V; i++)
        CLSEQ_TRY_GOTO(status, out,
                       add_lower(ctx, &scratch, w, i, clseq_vocab_token(vocab, (int32_t)i)));
    status = CLSEQ_OK;
out:
    clseq_normalizer_fini(&scratch);
    return status;
}

/* Which row each word gets, and how much of the text that is. */
static void match(clseq_pretrained *p, const clseq_vocab *vocab, const struct wanted *w)
{
    uint64_t tokens = 0, covered = 0, hash = 0;

    for (size_t i = CLSEQ_ID_FIRST; i < p->vocabulary; i++) {
        const uint64_t count = clseq_vocab_count(vocab, (int32_t)i);

        p->row[i] = clseq_vectors_find(p->vectors, clseq_vocab_token(vocab, (int32_t)i));
        if (p->row[i] == SIZE_MAX && w->lower[i]) {
            p->row[i] = clseq_vectors_find(p->vectors, w->lower[i]);
            p->lowered += p->row[i] != SIZE_MAX;
        }
        tokens += count;
        if (p->row[i] == SIZE_MAX)
            continue;
        p->covered++;
        covered += count;
        hash = XXH3_64bits_withSeed(clseq_vectors_row(p->vectors, p->row[i]),
                                    clseq_vectors_size(p->vectors) * sizeof(float), hash + i);
    }
    p->fingerprint = hash | 1; /* 0 stands for none */
    p->token_share = tokens > 0 ? (double)covered / (double)tokens : (double)NAN;
}

static clseq_status check(const clseq_pretrained *p, clseq_context *ctx, const char *path,
                          size_t size)
{
    if (clseq_vectors_size(p->vectors) != size)
        return clseq_fail(ctx, CLSEQ_ERR_ARG,
                          "%s: its vectors have %zu numbers, the embeddings %zu: give --emb %zu",
                          path, clseq_vectors_size(p->vectors), size,
                          clseq_vectors_size(p->vectors));
    if (p->covered == 0)
        return clseq_fail(ctx, CLSEQ_ERR_DATA,
                          "%s: none of the vocabulary's %zu words has a vector in it: it may be of "
                          "another language or another kind of units",
                          path, p->vocabulary - CLSEQ_ID_FIRST);
    return CLSEQ_OK;
}

clseq_status clseq_pretrained_read(clseq_pretrained *p, clseq_context *ctx, const char *path,
                                   const clseq_vocab *vocab, size_t size)
{
    struct clseq_vectors_options options = { 0 };
    struct wanted w = { 0 };
    clseq_status status;

    p->vocabulary = clseq_vocab_size(vocab);
    CLSEQ_TRY(clseq_calloc(ctx, p->vocabulary, sizeof(*p->row), "words", &p->row));
    for (size_t i = 0; i < p->vocabulary; i++)
        p->row[i] = SIZE_MAX;
    CLSEQ_TRY_GOTO(status, out, wanted_init(&w, ctx, vocab));
    options.wanted = w.words;
    options.wanted_count = w.count;
    CLSEQ_TRY_GOTO(status, out, clseq_vectors_read(ctx, path, &options, &p->vectors));
    match(p, vocab, &w);
    status = check(p, ctx, path, size);
out:
    wanted_fini(&w, p->vocabulary);
    return status;
}

void clseq_pretrained_fini(clseq_pretrained *p)
{
    clseq_vectors_destroy(&p->vectors);
    free(p->row);
    *p = (clseq_pretrained) { 0 };
}

void clseq_pretrained_describe(const clseq_pretrained *p, char *text, size_t n)
{
    const struct clseq_vectors_stats s = clseq_vectors_get_stats(p->vectors);
    const size_t words = p->vocabulary - CLSEQ_ID_FIRST;
    char share[64] = "";

    if (isfinite(p->token_share))
        snprintf(share, sizeof(share), ", %.2f %% of the text", 100 * p->token_share);
    snprintf(text, n,
             "(%s, %llu words): vectors for %llu of %zu words (%.1f %%%s), of them %llu by their "
             "lower case and %llu from parts of words",
             clseq_vectors_format_name(s.format), (unsigned long long)s.words,
             (unsigned long long)p->covered, words, 100 * (double)p->covered / (double)words, share,
             (unsigned long long)p->lowered, (unsigned long long)s.composed);
}

clseq_status clseq_pretrained_apply(const clseq_pretrained *p, const clseq_embedding *table,
                                    const clseq_run *run)
{
    const clseq_tensor w = clseq_run_weight(run, table->weight);

    for (size_t i = 0; i < p->vocabulary; i++) {
        const clseq_tensor row = clseq_tensor_range(w, (int32_t)i, 1);

        if (p->row[i] != SIZE_MAX)
            CLSEQ_TRY(
                clseq_tensor_write_f32(run->be, &row, clseq_vectors_row(p->vectors, p->row[i])));
    }
    return CLSEQ_OK;
}

void clseq_pretrained_freeze(const clseq_pretrained *p, clseq_row_lists *rows)
{
    size_t unique = 0, count = 0;

    for (size_t u = 0; u < rows->unique_count; u++) {
        const int32_t id = rows->unique[u], first = rows->start[u], end = rows->start[u + 1];

        if (p->row[id] != SIZE_MAX)
            continue;
        rows->unique[unique] = id;
        rows->start[unique++] = (int32_t)count;
        for (int32_t k = first; k < end; k++)
            rows->order[count++] = rows->order[k];
    }
    rows->start[unique] = (int32_t)count;
    rows->unique_count = unique;
    rows->count = count;
}
