/* SPDX-License-Identifier: BSD-2-Clause */
/* Vocabularies from text: counting, and choosing what is kept. */
#include "data/vocab_inside.h"

#include <stdlib.h>
#include <string.h>

#define MAX_TYPES ((size_t)8 << 20)

struct clseq_vocab_builder {
    clseq_context *ctx; /* borrowed */
    clseq_tokenizer tokenizer;
    clseq_string_table types;
    uint64_t *counts; /* one a type */
    size_t counts_capacity;
    size_t max_types;
    uint64_t tokens;    /* all tokens seen */
    uint64_t forgotten; /* types removed to stay below max_types */
    uint64_t threshold; /* types with at most this count were removed last */
};

void clseq_vocab_limits_init(clseq_vocab_limits *limits)
{
    *limits = (clseq_vocab_limits) { .size = 30000, .min_count = 2 };
}

clseq_status clseq_vocab_builder_create(clseq_context *ctx, clseq_text_options text,
                                        size_t max_types, clseq_vocab_builder **ret)
{
    clseq_vocab_builder *builder = NULL;
    clseq_status status;

    if (strcmp(clseq_unit_name(text.unit), "unknown") == 0)
        return clseq_fail(ctx, CLSEQ_ERR_ARG,
                          "unit %d is not known: use word, char, byte, bpe or spm", (int)text.unit);
    CLSEQ_TRY(clseq_calloc(ctx, 1, sizeof(*builder), "vocabulary", &builder));
    builder->ctx = ctx;
    builder->types.ctx = ctx;
    builder->max_types = max_types ? max_types : MAX_TYPES;
    status = clseq_tokenizer_init(&builder->tokenizer, ctx, text);
    if (status == CLSEQ_OK)
        *ret = builder;
    else
        clseq_vocab_builder_destroy(&builder);
    return status;
}

void clseq_vocab_builder_destroy(clseq_vocab_builder **builder)
{
    clseq_vocab_builder *b = builder ? *builder : NULL;

    if (!b)
        return;
    clseq_tokenizer_fini(&b->tokenizer);
    clseq_string_table_fini(&b->types);
    free(b->counts);
    free(b);
    *builder = NULL;
}

clseq_tokenizer *clseq_vocab_builder_tokenizer(clseq_vocab_builder *builder)
{
    return &builder->tokenizer;
}

/* Keep the types seen more than `threshold` times. */
static clseq_status keep_above(clseq_vocab_builder *builder, uint64_t threshold)
{
    clseq_string_table kept = { .ctx = builder->ctx };
    clseq_status status;

    for (size_t i = 0; i < builder->types.count; i++) {
        size_t index;
        bool added;

        if (builder->counts[i] <= threshold)
            continue;
        CLSEQ_TRY_GOTO(status, out,
                       clseq_string_table_add(&kept, clseq_string_table_get(&builder->types, i),
                                              builder->types.entries[i].length, &index, &added));
        builder->counts[index] = builder->counts[i];
    }
    builder->forgotten += builder->types.count - kept.count;
    clseq_string_table_fini(&builder->types);
    builder->types = kept;
    return CLSEQ_OK;
out:
    clseq_string_table_fini(&kept);
    return status;
}

/* Half of the room must come free, or this would be repeated for every few new types. */
static clseq_status forget_rare(clseq_vocab_builder *builder)
{
    if (builder->threshold == 0)
        clseq_log(builder->ctx, CLSEQ_LOG_WARNING,
                  "more than %zu different tokens: the rarest are forgotten, so the counts of rare "
                  "tokens are too low",
                  builder->max_types);
    while (builder->types.count > builder->max_types / 2)
        CLSEQ_TRY(keep_above(builder, ++builder->threshold));
    return CLSEQ_OK;
}

clseq_status clseq_vocab_builder_count(clseq_vocab_builder *builder, const clseq_tokenizer *line)
{
    for (size_t i = 0; i < line->count; i++) {
        const char *token = line->text + line->spans[i].offset;
        const size_t length = line->spans[i].length;
        size_t type;
        bool added;

        builder->tokens++;
        if (length > CLSEQ_TOKEN_BYTES || clseq_vocab_is_special(token, length))
            continue;
        if (builder->types.count >= builder->max_types)
            CLSEQ_TRY(forget_rare(builder));
        CLSEQ_TRY(clseq_grow(builder->ctx, &builder->counts, &builder->counts_capacity,
                             builder->types.count + 1, sizeof(*builder->counts), "token counts"));
        CLSEQ_TRY(clseq_string_table_add(&builder->types, token, length, &type, &added));
        builder->counts[type] = added ? 1 : builder->counts[type] + 1;
    }
    return CLSEQ_OK;
}

clseq_status clseq_vocab_builder_add(clseq_vocab_builder *builder, const char *line, size_t length)
{
    CLSEQ_TRY(clseq_tokenizer_cut(&builder->tokenizer, line, length));
    return clseq_vocab_builder_count(builder, &builder->tokenizer);
}

typedef struct candidate {
    const char *token;
    size_t length;
    uint64_t count;
} candidate;

/* Frequent first; a total order, so the result does not depend on the sorting routine. */
static int compare_candidates(const void *a, const void *b)
{
    const candidate *x = a, *y = b;
    const size_t shorter = x->length < y->length ? x->length : y->length;
    int order;

    if (x->count != y->count)
        return x->count > y->count ? -1 : 1;
    order = memcmp(x->token, y->token, shorter);
    if (order != 0)
        return order;
    return (x->length > y->length) - (x->length < y->length);
}

/* How often a token was seen. */
static uint64_t count_of(const clseq_vocab_builder *builder, const char *token, size_t length)
{
    const size_t type = clseq_string_table_find(&builder->types, token, length);

    return type == CLSEQ_STRING_NONE ? 0 : builder->counts[type];
}

/* All tokens of a unit that has the same ones for any text, in their order. */
static clseq_status collect_fixed(const clseq_vocab_builder *builder, candidate **ret,
                                  size_t *ret_count)
{
    candidate *list = NULL;
    size_t count = 0, n = 0, length;

    while (clseq_tokenizer_fixed(&builder->tokenizer, count, &length))
        count++;
    CLSEQ_TRY(clseq_calloc(builder->ctx, count, sizeof(*list), "vocabulary", &list));
    for (size_t i = 0; i < count; i++) {
        const char *token = clseq_tokenizer_fixed(&builder->tokenizer, i, &length);

        if (length > 0 && !clseq_vocab_is_special(token, length))
            list[n++] = (candidate) { .token = token,
                                      .length = length,
                                      .count = count_of(builder, token, length) };
    }
    *ret = list;
    *ret_count = n;
    return CLSEQ_OK;
}

static clseq_status collect(clseq_vocab_builder *builder, uint64_t min_count, candidate **ret,
                            size_t *ret_count)
{
    candidate *list = NULL;
    size_t count = 0, n = 0;

    for (size_t i = 0; i < builder->types.count; i++)
        count += builder->counts[i] >= min_count;
    if (count == 0)
        return clseq_fail(
            builder->ctx, CLSEQ_ERR_DATA,
            "the vocabulary is empty: of %llu different tokens none occurs %llu times; "
            "use more text or a lower --min-count",
            (unsigned long long)builder->types.count, (unsigned long long)min_count);
    CLSEQ_TRY(clseq_calloc(builder->ctx, count, sizeof(*list), "vocabulary", &list));
    for (size_t i = 0; i < builder->types.count; i++) {
        if (builder->counts[i] >= min_count)
            list[n++] = (candidate) { .token = clseq_string_table_get(&builder->types, i),
                                      .length = builder->types.entries[i].length,
                                      .count = builder->counts[i] };
    }
    qsort(list, n, sizeof(*list), compare_candidates);
    *ret = list;
    *ret_count = n;
    return CLSEQ_OK;
}

clseq_status clseq_vocab_create_from_builder(clseq_vocab_builder *builder,
                                             const clseq_vocab_limits *limits, clseq_vocab **ret)
{
    clseq_vocab *vocab = NULL;
    candidate *list = NULL;
    size_t count = 0;
    uint64_t known = 0, known_types = 0;
    clseq_status status;

    if (limits->size <= CLSEQ_ID_FIRST || limits->size > CLSEQ_VOCAB_SIZE)
        return clseq_fail(
            builder->ctx, CLSEQ_ERR_ARG,
            "vocabulary size %zu: it must be %d (four special tokens and one more) to %u",
            limits->size, CLSEQ_ID_FIRST + 1, CLSEQ_VOCAB_SIZE);
    if (limits->min_count == 0)
        return clseq_fail(builder->ctx, CLSEQ_ERR_ARG, "minimum count 0: it must be 1 or more");
    if (clseq_tokenizer_is_fixed(&builder->tokenizer))
        CLSEQ_TRY(collect_fixed(builder, &list, &count));
    else
        CLSEQ_TRY(collect(builder, limits->min_count, &list, &count));
    if (count > limits->size - CLSEQ_ID_FIRST && !clseq_tokenizer_is_fixed(&builder->tokenizer))
        count = limits->size - CLSEQ_ID_FIRST;
    if (count == 0 || count > CLSEQ_VOCAB_SIZE - CLSEQ_ID_FIRST) {
        status = clseq_fail(builder->ctx, CLSEQ_ERR_DATA,
                            "the vocabulary would have %zu tokens: it must be 1 to %u; use another "
                            "SentencePiece model",
                            count, CLSEQ_VOCAB_SIZE - CLSEQ_ID_FIRST);
        goto out;
    }
    CLSEQ_TRY_GOTO(status, out,
                   clseq_vocab_create_special(builder->ctx, builder->tokenizer.options, &vocab));
    CLSEQ_TRY_GOTO(status, out,
                   clseq_calloc(builder->ctx, count + CLSEQ_ID_FIRST, sizeof(*vocab->counts),
                                "vocabulary", &vocab->counts));
    for (size_t i = 0; i < count; i++) {
        size_t id;
        bool added;

        CLSEQ_TRY_GOTO(
            status, out,
            clseq_string_table_add(&vocab->strings, list[i].token, list[i].length, &id, &added));
        /* A SentencePiece model may spell a byte and a piece alike. */
        if (!added)
            continue;
        vocab->counts[id] = list[i].count;
        known_types += list[i].count > 0;
        known += list[i].count;
    }
    vocab->coverage = (clseq_vocab_coverage) {
        .tokens = builder->tokens,
        .unknown_tokens = builder->tokens - known,
        .types = builder->types.count + builder->forgotten,
        .known_types = known_types,
    };
    *ret = vocab;
    vocab = NULL;
out:
    free(list);
    clseq_vocab_destroy(&vocab);
    return status;
}

void clseq_vocab_pair_options_init(clseq_vocab_pair_options *options)
{
    *options = (clseq_vocab_pair_options) { .max_length = 100 };
    clseq_vocab_limits_init(&options->source_limits);
    clseq_vocab_limits_init(&options->target_limits);
}

static clseq_status cut_side(clseq_pairs *pairs, bool target, clseq_tokenizer *tokenizer,
                             const char *line, size_t length)
{
    const clseq_status status = clseq_tokenizer_cut(tokenizer, line, length);

    return status == CLSEQ_OK
               ? status
               : clseq_fail_in(tokenizer->ctx, status, "%s", clseq_pairs_place(pairs, target));
}

/* The pieces that dropout makes of the last line. */
static clseq_status count_dropout(clseq_vocab_builder *builder, clseq_tokenizer *tokenizer,
                                  const clseq_vocab_pair_options *options, uint64_t line)
{
    const clseq_bpe_dropout dropout = { .probability = options->bpe_dropout,
                                        .seed = options->seed,
                                        .line = line };

    if (options->bpe_dropout <= 0 || !tokenizer->bpe)
        return CLSEQ_OK;
    CLSEQ_TRY(clseq_tokenizer_cut_again(tokenizer, &dropout));
    return clseq_vocab_builder_count(builder, tokenizer);
}

/* With `joint` the source's builder counts both sides. */
static clseq_status count_pairs(clseq_pairs *pairs, const clseq_vocab_pair_options *options,
                                clseq_vocab_builder *source, clseq_vocab_builder *target)
{
    const size_t max_length = options->max_length;
    clseq_vocab_builder *other = options->joint ? source : target;
    clseq_tokenizer *a = clseq_vocab_builder_tokenizer(source);
    clseq_tokenizer *b = clseq_vocab_builder_tokenizer(target);
    uint64_t number = 0;

    for (;;) {
        clseq_pair pair = { 0 };
        bool more = false;

        CLSEQ_TRY(clseq_pairs_next(pairs, &pair, &more));
        if (!more)
            return CLSEQ_OK;
        CLSEQ_TRY(cut_side(pairs, false, a, pair.source, pair.source_length));
        CLSEQ_TRY(cut_side(pairs, true, b, pair.target, pair.target_length));
        if (a->count == 0 || b->count == 0 || a->count > max_length || b->count > max_length)
            continue;
        CLSEQ_TRY(clseq_vocab_builder_count(source, a));
        CLSEQ_TRY(clseq_vocab_builder_count(other, b));
        CLSEQ_TRY(count_dropout(source, a, options, 2 * number));
        CLSEQ_TRY(count_dropout(other, b, options, 2 * number + 1));
        number++;
    }
}

clseq_status clseq_vocab_create_from_pairs(clseq_context *ctx, clseq_pairs *pairs,
                                           const clseq_vocab_pair_options *options,
                                           clseq_vocab **source, clseq_vocab **target)
{
    clseq_vocab_builder *a = NULL, *b = NULL;
    clseq_vocab *source_vocab = NULL, *target_vocab = NULL;
    clseq_status status;

    CLSEQ_TRY(clseq_pairs_check_rewind(pairs));
    CLSEQ_TRY(clseq_pairs_rewind(pairs));
    CLSEQ_TRY_GOTO(status, out,
                   clseq_vocab_builder_create(ctx, options->source_text, options->max_types, &a));
    CLSEQ_TRY_GOTO(status, out,
                   clseq_vocab_builder_create(ctx, options->target_text, options->max_types, &b));
    CLSEQ_TRY_GOTO(status, out, count_pairs(pairs, options, a, b));
    status = clseq_vocab_create_from_builder(a, &options->source_limits, &source_vocab);
    if (status != CLSEQ_OK) {
        clseq_fail_in(ctx, status, "source side of %s", clseq_pairs_name(pairs));
        goto out;
    }
    status = clseq_vocab_create_from_builder(options->joint ? a : b, &options->target_limits,
                                             &target_vocab);
    if (status != CLSEQ_OK) {
        clseq_fail_in(ctx, status, "target side of %s", clseq_pairs_name(pairs));
        goto out;
    }
    *source = source_vocab;
    *target = target_vocab;
    source_vocab = NULL;
out:
    clseq_vocab_destroy(&source_vocab);
    clseq_vocab_builder_destroy(&a);
    clseq_vocab_builder_destroy(&b);
    return status;
}
