/* SPDX-License-Identifier: BSD-2-Clause */
/* Batches in host memory: padded ids, lists of real positions, rows in use. */
#include "data/corpus_inside.h"
#include "data/radix.h"

#include <stdlib.h>
#include <string.h>

void clseq_batch_init(clseq_batch *batch, clseq_context *ctx)
{
    *batch = (clseq_batch) { .ctx = ctx };
}

void clseq_batch_fini(clseq_batch *batch)
{
    clseq_context *ctx = batch->ctx;

    free(batch->words);
    free(batch->keys);
    clseq_batch_init(batch, ctx);
}

/* The next `count` ids of the one block all id arrays are cut from. */
static int32_t *take(int32_t **words, size_t count)
{
    int32_t *p = *words;

    *words += count;
    return p;
}

static void take_rows(int32_t **words, size_t count, clseq_row_lists *rows)
{
    rows->unique = take(words, count);
    rows->start = take(words, count + 1);
    rows->order = take(words, count);
}

/* Room for a shape, and the pointers into it. */
static clseq_status lay_out(clseq_batch *batch, size_t S, size_t T, size_t B)
{
    size_t source, target, most;
    int32_t *words;

    if (!clseq_mul_size(S, B, &source) || !clseq_mul_size(T, B, &target) || source > INT32_MAX ||
        target > INT32_MAX)
        return clseq_fail(
            batch->ctx, CLSEQ_ERR_LIMIT,
            "a batch of %zu sentences of up to %zu source and %zu target tokens has more "
            "than 2^31 positions: use a smaller batch or shorter sentences",
            B, S, T);
    most = source > target ? source : target;
    /* 5 arrays by source position, 8 by target position, 2 by sentence, 2 starts with one more. */
    CLSEQ_TRY(clseq_grow(batch->ctx, &batch->words, &batch->words_capacity,
                         5 * source + 8 * target + 2 * B + 2, sizeof(*batch->words), "batch"));
    CLSEQ_TRY(clseq_grow(batch->ctx, &batch->keys, &batch->keys_capacity, 2 * most + B,
                         sizeof(*batch->keys), "batch"));
    words = batch->words;
    batch->source = take(&words, source);
    batch->source_index = take(&words, source);
    batch->target_in = take(&words, target);
    batch->target_index = take(&words, target);
    batch->target_out = take(&words, target);
    batch->valid = take(&words, target);
    batch->valid_target = take(&words, target);
    take_rows(&words, source, &batch->source_rows);
    take_rows(&words, target, &batch->target_rows);
    batch->source_length = take(&words, B);
    batch->target_length = take(&words, B);
    batch->sentence = batch->keys + 2 * most;
    return CLSEQ_OK;
}

clseq_status clseq_batch_reserve(clseq_batch *batch, const clseq_batch_limits *limits)
{
    CLSEQ_TRY(lay_out(batch, limits->S, limits->T, limits->B));
    batch->S = batch->T = batch->B = batch->N = 0;
    batch->source_rows.count = batch->source_rows.unique_count = 0;
    batch->target_rows.count = batch->target_rows.unique_count = 0;
    return CLSEQ_OK;
}

clseq_status clseq_batch_begin(clseq_batch *batch, size_t S, size_t T, size_t B)
{
    CLSEQ_TRY(lay_out(batch, S, T, B));
    batch->S = S;
    batch->T = T;
    batch->B = B;
    batch->epoch = 0;
    batch->index = 0;
    for (size_t i = 0; i < S * B; i++) {
        batch->source[i] = CLSEQ_ID_PAD;
        batch->source_index[i] = -1;
    }
    for (size_t i = 0; i < T * B; i++) {
        batch->target_in[i] = CLSEQ_ID_PAD;
        batch->target_index[i] = -1;
        batch->target_out[i] = CLSEQ_ID_PAD;
    }
    return CLSEQ_OK;
}

void clseq_batch_set_row(clseq_batch *batch, size_t b, clseq_sentence source, clseq_sentence target,
                         bool reverse_source, uint64_t sentence)
{
    const size_t B = batch->B;

    for (size_t t = 0; t <= source.length; t++) {
        const size_t word = reverse_source ? source.length - 1 - t : t;
        const int32_t id = t < source.length ? source.ids[word] : CLSEQ_ID_EOS;

        batch->source[t * B + b] = batch->source_index[t * B + b] = id;
    }
    batch->source_length[b] = (int32_t)source.length + 1;
    batch->sentence[b] = sentence;
    batch->target_length[b] = 0;
    if (batch->T == 0)
        return;
    for (size_t t = 0; t <= target.length; t++) {
        const int32_t in = t == 0 ? CLSEQ_ID_SOS : target.ids[t - 1];

        batch->target_in[t * B + b] = batch->target_index[t * B + b] = in;
        batch->target_out[t * B + b] = t < target.length ? target.ids[t] : CLSEQ_ID_EOS;
    }
    batch->target_length[b] = (int32_t)target.length + 1;
}

/* Group the positions of `index` (count elements, -1 is padding) by id. Costs O(count). */
static void list_rows(const int32_t *index, size_t count, uint64_t *keys, uint64_t *scratch,
                      clseq_row_lists *rows)
{
    size_t n = 0, unique = 0;

    for (size_t i = 0; i < count; i++) {
        if (index[i] >= 0)
            keys[n++] = (uint64_t)(uint32_t)index[i] << 32 | i;
    }
    clseq_radix_sort(keys, scratch, n, 32);
    for (size_t k = 0; k < n; k++) {
        const int32_t id = (int32_t)(keys[k] >> 32);

        if (k == 0 || id != rows->unique[unique - 1]) {
            rows->unique[unique] = id;
            rows->start[unique++] = (int32_t)k;
        }
        rows->order[k] = (int32_t)(uint32_t)keys[k];
    }
    rows->start[unique] = (int32_t)n;
    rows->unique_count = unique;
    rows->count = n;
}

void clseq_batch_end(clseq_batch *batch)
{
    const size_t source = batch->S * batch->B, target = batch->T * batch->B;
    uint64_t *scratch = batch->keys + (source > target ? source : target);

    batch->N = 0;
    for (size_t i = 0; i < target; i++) {
        if (batch->target_index[i] < 0)
            continue;
        batch->valid[batch->N] = (int32_t)i;
        batch->valid_target[batch->N++] = batch->target_out[i];
    }
    list_rows(batch->source_index, source, batch->keys, scratch, &batch->source_rows);
    clseq_batch_list_inputs(batch);
}

void clseq_batch_list_inputs(clseq_batch *batch)
{
    const size_t source = batch->S * batch->B, target = batch->T * batch->B;
    uint64_t *scratch = batch->keys + (source > target ? source : target);

    list_rows(batch->target_index, target, batch->keys, scratch, &batch->target_rows);
}

static clseq_status check_ids(clseq_batch *batch, const clseq_sentence *s, size_t number)
{
    for (size_t i = 0; i < s->length; i++) {
        if (s->ids[i] < 0)
            return clseq_fail(batch->ctx, CLSEQ_ERR_ARG,
                              "sentence %zu: id %ld at position %zu is negative", number,
                              (long)s->ids[i], i);
    }
    return CLSEQ_OK;
}

clseq_status clseq_batch_from_sentences(clseq_batch *batch, const clseq_sentence *source,
                                        const clseq_sentence *target, size_t count,
                                        bool reverse_source)
{
    const clseq_sentence none = { 0 };
    size_t S = 0, T = 0;

    if (count == 0)
        return clseq_fail(batch->ctx, CLSEQ_ERR_ARG, "a batch needs at least one sentence");
    for (size_t b = 0; b < count; b++) {
        CLSEQ_TRY(check_ids(batch, &source[b], b));
        S = source[b].length > S ? source[b].length : S;
        if (!target)
            continue;
        CLSEQ_TRY(check_ids(batch, &target[b], b));
        T = target[b].length > T ? target[b].length : T;
    }
    CLSEQ_TRY(clseq_batch_begin(batch, S + 1, target ? T + 1 : 0, count));
    for (size_t b = 0; b < count; b++)
        clseq_batch_set_row(batch, b, source[b], target ? target[b] : none, reverse_source, b);
    clseq_batch_end(batch);
    return CLSEQ_OK;
}
