/* SPDX-License-Identifier: BSD-2-Clause */
#include "data/token_plan.h"

#include "data/permutation.h"

#include <stdlib.h>

/* Lengths of shapes are rounded up to this, so that there are few of them. */
#define SHAPE_STEP 8

static size_t larger(size_t a, size_t b)
{
    return a > b ? a : b;
}

static uint32_t length_of(const clseq_corpus *corpus, uint64_t pair, bool target)
{
    const clseq_pair_place *place = clseq_corpus_place(corpus, pair);

    return target ? place->target_length : place->source_length;
}

/* Stable sort by one length: to[] = from[]. `places` (longest + 2) is scratch. */
static void sort_by_length(const clseq_corpus *corpus, bool target, const uint64_t *from,
                           uint64_t *to, uint64_t *places, size_t longest)
{
    const uint64_t n = corpus->stats.kept;

    for (size_t i = 0; i < longest + 2; i++)
        places[i] = 0;
    for (uint64_t i = 0; i < n; i++)
        places[length_of(corpus, from[i], target) + 1]++;
    for (size_t i = 1; i < longest + 2; i++)
        places[i] += places[i - 1];
    for (uint64_t i = 0; i < n; i++)
        to[places[length_of(corpus, from[i], target)]++] = from[i];
}

static clseq_status sort_pairs(clseq_context *ctx, clseq_token_plan *plan)
{
    const clseq_corpus *corpus = plan->corpus;
    const size_t n = (size_t)corpus->stats.kept;
    const size_t longest = larger(corpus->stats.longest_source, corpus->stats.longest_target);
    uint64_t *other = NULL, *places = NULL;
    clseq_status status = CLSEQ_OK;

    CLSEQ_TRY(clseq_calloc(ctx, n, sizeof(*plan->pairs), "order of the pairs", &plan->pairs));
    CLSEQ_TRY(clseq_calloc(ctx, n, sizeof(*other), "order of the pairs", &other));
    CLSEQ_TRY_GOTO(status, out,
                   clseq_calloc(ctx, longest + 2, sizeof(*places), "lengths", &places));
    for (size_t i = 0; i < n; i++)
        plan->pairs[i] = i;
    sort_by_length(corpus, false, plan->pairs, other, places, longest);
    sort_by_length(corpus, true, other, plan->pairs, places, longest);
out:
    free(other);
    free(places);
    return status;
}

static bool fits(const clseq_batch_limits *inner, const clseq_batch_limits *outer)
{
    return inner->S <= outer->S && inner->T <= outer->T && inner->B <= outer->B;
}

static void widen(clseq_batch_limits *shape, const clseq_batch_limits *by)
{
    shape->N = larger(shape->N, by->N);
    shape->source_count = larger(shape->source_count, by->source_count);
    shape->source_unique = larger(shape->source_unique, by->source_unique);
    shape->target_unique = larger(shape->target_unique, by->target_unique);
}

/* Keep the shapes that fit into no other. */
static clseq_status add_shape(clseq_context *ctx, clseq_token_plan *plan, clseq_batch_limits shape)
{
    size_t kept = 0;

    for (size_t i = 0; i < plan->n_shapes; i++) {
        if (fits(&shape, &plan->shapes[i])) {
            widen(&plan->shapes[i], &shape);
            return CLSEQ_OK;
        }
    }
    for (size_t i = 0; i < plan->n_shapes; i++) {
        if (fits(&plan->shapes[i], &shape))
            widen(&shape, &plan->shapes[i]);
        else
            plan->shapes[kept++] = plan->shapes[i];
    }
    plan->n_shapes = kept;
    CLSEQ_TRY(clseq_grow(ctx, &plan->shapes, &plan->shapes_capacity, kept + 1,
                         sizeof(*plan->shapes), "shapes of batches"));
    plan->shapes[plan->n_shapes++] = shape;
    return CLSEQ_OK;
}

/* The batch from place `first` to before `next`. */
static clseq_status add_batch(clseq_context *ctx, clseq_token_plan *plan, uint64_t first,
                              uint64_t next)
{
    const clseq_corpus *corpus = plan->corpus;
    clseq_batch_limits shape = { .B = (size_t)(next - first) };

    for (uint64_t i = first; i < next; i++) {
        const size_t source = (size_t)length_of(corpus, plan->pairs[i], false) + 1;
        const size_t target = (size_t)length_of(corpus, plan->pairs[i], true) + 1;

        shape.S = larger(shape.S, source);
        shape.T = larger(shape.T, target);
        shape.source_count += source;
        shape.N += target;
    }
    shape.S = (shape.S + SHAPE_STEP - 1) / SHAPE_STEP * SHAPE_STEP;
    shape.T = (shape.T + SHAPE_STEP - 1) / SHAPE_STEP * SHAPE_STEP;
    shape.source_unique = shape.source_count < corpus->source_vocab_size
                              ? shape.source_count
                              : corpus->source_vocab_size;
    shape.target_unique = shape.N < corpus->target_vocab_size ? shape.N : corpus->target_vocab_size;
    CLSEQ_TRY(add_shape(ctx, plan, shape));
    CLSEQ_TRY(clseq_grow(ctx, &plan->start, &plan->start_capacity, (size_t)plan->count + 2,
                         sizeof(*plan->start), "batches"));
    plan->start[plan->count++] = first;
    plan->start[plan->count] = next;
    return CLSEQ_OK;
}

static clseq_status cut(clseq_context *ctx, clseq_token_plan *plan, size_t tokens)
{
    const clseq_corpus *corpus = plan->corpus;
    const uint64_t n = corpus->stats.kept;
    uint64_t first = 0;
    size_t longest = 0;

    for (uint64_t i = 0; i < n; i++) {
        const size_t length = 1 + larger(length_of(corpus, plan->pairs[i], false),
                                         length_of(corpus, plan->pairs[i], true));

        longest = larger(longest, length);
        if (i > first && (i + 1 - first) * longest > tokens) {
            CLSEQ_TRY(add_batch(ctx, plan, first, i));
            first = i;
            longest = length;
        }
    }
    return add_batch(ctx, plan, first, n);
}

clseq_status clseq_token_plan_init(clseq_context *ctx, const clseq_corpus *corpus, size_t tokens,
                                   clseq_token_plan *ret)
{
    clseq_status status;

    *ret = (clseq_token_plan) { .corpus = corpus };
    status = sort_pairs(ctx, ret);
    if (status == CLSEQ_OK)
        status = cut(ctx, ret, tokens);
    if (status != CLSEQ_OK)
        clseq_token_plan_fini(ret);
    return status;
}

void clseq_token_plan_fini(clseq_token_plan *plan)
{
    free(plan->pairs);
    free(plan->start);
    free(plan->shapes);
    *plan = (clseq_token_plan) { 0 };
}

/* -1, 0, 1: do the lengths of pair a come before those of b? */
static int compare(const clseq_corpus *corpus, uint64_t a, uint64_t b)
{
    const clseq_pair_place *x = clseq_corpus_place(corpus, a), *y = clseq_corpus_place(corpus, b);

    if (x->target_length != y->target_length)
        return x->target_length < y->target_length ? -1 : 1;
    if (x->source_length != y->source_length)
        return x->source_length < y->source_length ? -1 : 1;
    return 0;
}

/* The first place whose lengths do not come before those of `pair`; with `after`, that come after
 * them. */
static uint64_t bound(const clseq_token_plan *plan, uint64_t pair, bool after)
{
    uint64_t low = 0, high = plan->corpus->stats.kept;

    while (low < high) {
        const uint64_t middle = low + (high - low) / 2;
        const int order = compare(plan->corpus, plan->pairs[middle], pair);

        if (order < 0 || (after && order == 0))
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

size_t clseq_token_plan_batch(const clseq_token_plan *plan, uint64_t seed, bool shuffle,
                              uint32_t epoch, uint64_t index, uint64_t *pairs)
{
    clseq_permutation permutation;
    uint64_t batch = index, first, class_first = 0, class_next = 0;
    size_t n;

    if (shuffle) {
        clseq_permutation_init(&permutation, seed, epoch, plan->count);
        batch = clseq_permutation_at(&permutation, index);
    }
    first = plan->start[batch];
    n = (size_t)(plan->start[batch + 1] - first);
    for (size_t i = 0; i < n; i++) {
        const uint64_t place = first + i;

        pairs[i] = plan->pairs[place];
        if (!shuffle)
            continue;
        if (place >= class_next) {
            class_first = bound(plan, plan->pairs[place], false);
            class_next = bound(plan, plan->pairs[place], true);
            clseq_permutation_init(&permutation, seed + 1 + class_first, epoch,
                                   class_next - class_first);
        }
        pairs[i] =
            plan->pairs[class_first + clseq_permutation_at(&permutation, place - class_first)];
    }
    return n;
}
