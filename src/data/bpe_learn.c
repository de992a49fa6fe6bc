/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Learning merges: again and again the most frequent pair of symbols becomes one symbol. Only the
 * words that hold the pair are looked at, and only the counts beside it change (Sennrich, Haddow
 * and Birch, 2016); a heap knows the most frequent pair.
 */
#include "data/bpe_inside.h"
#include "data/bpe_statistics.h"

#include <stdio.h>
#include <stdlib.h>

/* Counts stay exact in a double. */
#define COUNT_LIMIT (UINT64_C(1) << 53)

struct clseq_bpe_learner {
    clseq_context *ctx; /* borrowed */
    clseq_string_table words;
    uint64_t *counts; /* of the words */
    size_t counts_capacity;
    uint64_t total; /* characters of all words, each as often as it was seen */
};

clseq_status clseq_bpe_learner_create(clseq_context *ctx, clseq_bpe_learner **ret)
{
    clseq_bpe_learner *learner = NULL;

    CLSEQ_TRY(clseq_calloc(ctx, 1, sizeof(*learner), "byte pair encoding", &learner));
    learner->ctx = learner->words.ctx = ctx;
    *ret = learner;
    return CLSEQ_OK;
}

void clseq_bpe_learner_destroy(clseq_bpe_learner **learner)
{
    clseq_bpe_learner *l = learner ? *learner : NULL;

    if (!l)
        return;
    clseq_string_table_fini(&l->words);
    free(l->counts);
    free(l);
    *learner = NULL;
}

/* `word` is valid UTF-8 without spaces. */
static clseq_status add_word(clseq_bpe_learner *l, const char *word, size_t length, uint64_t count)
{
    size_t index = 0;
    bool added = false;

    if (count > (COUNT_LIMIT - l->total) / length)
        return clseq_fail(l->ctx, CLSEQ_ERR_LIMIT,
                          "byte pair encoding: more than 2^53 characters of text");
    CLSEQ_TRY(clseq_grow(l->ctx, &l->counts, &l->counts_capacity, l->words.count + 1,
                         sizeof(*l->counts), "words"));
    CLSEQ_TRY(clseq_string_table_add(&l->words, word, length, &index, &added));
    l->counts[index] = (added ? 0 : l->counts[index]) + count;
    l->total += count * length;
    return CLSEQ_OK;
}

static clseq_status check_text(clseq_bpe_learner *l, const char *text, size_t length)
{
    const size_t valid = clseq_utf8_valid_prefix(text, length);

    if (length > CLSEQ_LINE_LIMIT)
        return clseq_fail(l->ctx, CLSEQ_ERR_LIMIT,
                          "a line of %zu bytes is longer than the limit of %zu: put one sentence "
                          "on a line",
                          length, CLSEQ_LINE_LIMIT);
    if (valid < length)
        return clseq_fail(l->ctx, CLSEQ_ERR_DATA, "byte %zu (0x%02x) is not valid UTF-8", valid + 1,
                          (unsigned char)text[valid]);
    return CLSEQ_OK;
}

clseq_status clseq_bpe_learner_add(clseq_bpe_learner *learner, const char *line, size_t length)
{
    CLSEQ_TRY(check_text(learner, line, length));
    clseq_bpe_strip(&line, &length);
    for (size_t begin = 0; begin < length;) {
        const char *space = memchr(line + begin, ' ', length - begin);
        const size_t end = space ? (size_t)(space - line) : length;

        if (end > begin)
            CLSEQ_TRY(add_word(learner, line + begin, end - begin, 1));
        begin = end + 1;
    }
    return CLSEQ_OK;
}

clseq_status clseq_bpe_learner_add_word(clseq_bpe_learner *learner, const char *word, size_t length,
                                        uint64_t count)
{
    CLSEQ_TRY(check_text(learner, word, length));
    if (length == 0 || memchr(word, ' ', length) || memchr(word, '\n', length))
        return clseq_fail(learner->ctx, CLSEQ_ERR_ARG,
                          "byte pair encoding: a word is empty or has a space or line end in it");
    return add_word(learner, word, length, count);
}

/* A word as symbols[begin .. begin + length). */
typedef struct word_data {
    size_t begin;
    uint32_t length;
    int64_t frequency;
} word_data;

typedef struct learning {
    clseq_context *ctx;
    clseq_string_table symbols;
    uint8_t *has_space; /* by symbol: white space other than a space is in it */
    size_t has_space_capacity;
    word_data *words;
    size_t word_count;
    uint32_t *pool; /* the symbols of all words */
    size_t pool_used, pool_capacity;
    uint32_t *old; /* a word before a merge */
    size_t old_capacity;
    clseq_text joined; /* a symbol being made */
    clseq_bpe_statistics statistics;
} learning;

static void learning_fini(learning *l)
{
    clseq_bpe_statistics_fini(&l->statistics);
    clseq_string_table_fini(&l->symbols);
    clseq_text_fini(&l->joined);
    free(l->has_space);
    free(l->words);
    free(l->pool);
    free(l->old);
}

static clseq_status intern(learning *l, const char *text, size_t n, uint32_t *ret)
{
    size_t index = 0;
    bool added = false, space = false;

    CLSEQ_TRY(clseq_string_table_add(&l->symbols, text, n, &index, &added));
    *ret = (uint32_t)index;
    if (!added)
        return CLSEQ_OK;
    for (size_t at = 0; at < n && !space;)
        space = clseq_is_space(clseq_utf8_next(text, &at));
    CLSEQ_TRY(clseq_grow(l->ctx, &l->has_space, &l->has_space_capacity, index + 1, 1, "symbols"));
    l->has_space[index] = space;
    return CLSEQ_OK;
}

static clseq_status add_characters(learning *l, word_data *word, const char *text, size_t n)
{
    word->begin = l->pool_used;
    for (size_t at = 0; at < n;) {
        const size_t size = clseq_bpe_char_length(text + at, n - at);
        char last[4 + CLSEQ_BPE_END_SIZE];
        uint32_t symbol = 0;

        memcpy(last, text + at, size);
        memcpy(last + size, CLSEQ_BPE_END, CLSEQ_BPE_END_SIZE);
        CLSEQ_TRY(intern(l, last, at + size < n ? size : size + CLSEQ_BPE_END_SIZE, &symbol));
        CLSEQ_TRY(clseq_grow(l->ctx, &l->pool, &l->pool_capacity, l->pool_used + 1,
                             sizeof(*l->pool), "characters"));
        l->pool[l->pool_used++] = symbol;
        at += size;
    }
    word->length = (uint32_t)(l->pool_used - word->begin);
    return CLSEQ_OK;
}

/* All words as symbols, and how often each pair of symbols is seen. */
static clseq_status start(learning *l, const clseq_bpe_learner *learner)
{
    l->word_count = learner->words.count;
    CLSEQ_TRY(clseq_calloc(l->ctx, l->word_count, sizeof(*l->words), "words", &l->words));
    for (size_t i = 0; i < l->word_count; i++) {
        word_data *word = &l->words[i];

        word->frequency = (int64_t)learner->counts[i];
        CLSEQ_TRY(add_characters(l, word, clseq_string_table_get(&learner->words, i),
                                 learner->words.entries[i].length));
        for (uint32_t k = 1; k < word->length; k++)
            CLSEQ_TRY(clseq_bpe_statistics_count(&l->statistics, l->pool[word->begin + k - 1],
                                                 l->pool[word->begin + k], (uint32_t)i,
                                                 word->frequency, 1));
    }
    if (l->statistics.count == 0)
        return clseq_fail(l->ctx, CLSEQ_ERR_DATA,
                          "byte pair encoding: no word of the text has two characters, so there is "
                          "nothing to learn");
    clseq_bpe_statistics_keep(&l->statistics);
    return CLSEQ_OK;
}

static bool space_before(const char *text, size_t at)
{
    size_t begin = at - 1;

    while (begin > 0 && ((unsigned char)text[begin] & 0xc0) == 0x80)
        begin--;
    return clseq_is_space(clseq_utf8_next(text, &begin));
}

/*
 * Whether `left` and `right`, side by side, are merged when `pair` is. In subword-nmt a regular
 * expression does that, for which the white space inside a symbol (say a no-break space) ends it
 * too: so "x<NBSP>a" and "b" are merged with the pair "a", "b". The first `used` bytes of `left`
 * belong to the merge before.
 */
static bool merges(const learning *l, const clseq_bpe_pair *pair, uint32_t left, uint32_t right,
                   size_t used)
{
    const clseq_string_entry *e = l->symbols.entries;
    const char *bytes = l->symbols.bytes;
    const size_t n = e[pair->left].length, m = e[pair->right].length;
    size_t begin, at = m;

    if (!l->has_space[left] && !l->has_space[right])
        return used == 0 && left == pair->left && right == pair->right;
    if (e[left].length < used + n || e[right].length < m)
        return false;
    begin = e[left].length - n;
    return memcmp(bytes + e[left].offset + begin, bytes + e[pair->left].offset, n) == 0 &&
           memcmp(bytes + e[right].offset, bytes + e[pair->right].offset, m) == 0 &&
           (begin == 0 || space_before(bytes + e[left].offset, begin)) &&
           (m == e[right].length || clseq_is_space(clseq_utf8_next(bytes + e[right].offset, &at)));
}

/* The symbol left + right. */
static clseq_status join(learning *l, uint32_t left, uint32_t right, uint32_t *ret)
{
    const clseq_string_table *t = &l->symbols;

    CLSEQ_TRY(clseq_text_clear(l->ctx, &l->joined));
    CLSEQ_TRY(clseq_text_append(l->ctx, &l->joined, clseq_string_table_get(t, left),
                                t->entries[left].length));
    CLSEQ_TRY(clseq_text_append(l->ctx, &l->joined, clseq_string_table_get(t, right),
                                t->entries[right].length));
    return intern(l, l->joined.data, l->joined.size, ret);
}

/* Merge the pair into the symbol `made` in a word; the word as it was is left in l->old. */
static clseq_status merge_in_word(learning *l, const clseq_bpe_pair *pair, uint32_t made,
                                  word_data *word)
{
    uint32_t *symbols = l->pool + word->begin;
    const uint32_t n = word->length;
    uint32_t kept = 0;
    size_t used = 0;

    CLSEQ_TRY(
        clseq_grow(l->ctx, &l->old, &l->old_capacity, n, sizeof(*l->old), "characters of a word"));
    memcpy(l->old, symbols, n * sizeof(*symbols));
    for (uint32_t i = 0; i < n; i++) {
        if (i > 0 && merges(l, pair, l->old[i - 1], l->old[i], used)) {
            if (symbols[kept - 1] == pair->left && l->old[i] == pair->right)
                symbols[kept - 1] = made;
            else
                CLSEQ_TRY(join(l, symbols[kept - 1], l->old[i], &symbols[kept - 1]));
            used = l->symbols.entries[pair->right].length;
            continue;
        }
        symbols[kept++] = l->old[i];
        used = 0;
    }
    word->length = kept;
    return CLSEQ_OK;
}

/* Pairs beside the merged ones are seen less often. */
static clseq_status count_old(learning *l, const clseq_bpe_pair *pair, uint32_t word, uint32_t n)
{
    const int64_t frequency = l->words[word].frequency;
    const uint32_t *old = l->old;

    for (uint32_t i = 0; i + 1 < n; i++) {
        if (old[i] != pair->left || old[i + 1] != pair->right)
            continue;
        if (i > 0)
            CLSEQ_TRY(clseq_bpe_statistics_count(&l->statistics, old[i - 1], old[i], word,
                                                 frequency, -1));
        /* In "a b a b" the pair "b a" is counted with the second "a b". */
        if (i + 2 < n && (old[i + 2] != pair->left || i + 3 >= n || old[i + 3] != pair->right))
            CLSEQ_TRY(clseq_bpe_statistics_count(&l->statistics, old[i + 1], old[i + 2], word,
                                                 frequency, -1));
        i++;
    }
    return CLSEQ_OK;
}

/* Pairs with the new symbol are seen more often. */
static clseq_status count_new(learning *l, uint32_t made, uint32_t word)
{
    const word_data *w = &l->words[word];
    const uint32_t *symbols = l->pool + w->begin;

    for (uint32_t i = 0; i < w->length; i++) {
        if (symbols[i] != made)
            continue;
        if (i > 0)
            CLSEQ_TRY(clseq_bpe_statistics_count(&l->statistics, symbols[i - 1], made, word,
                                                 w->frequency, 1));
        /* In "ab ab" the pair is counted with the second one. */
        if (i + 1 < w->length && symbols[i + 1] != made)
            CLSEQ_TRY(clseq_bpe_statistics_count(&l->statistics, made, symbols[i + 1], word,
                                                 w->frequency, 1));
    }
    return CLSEQ_OK;
}

static clseq_status merge_pair(learning *l, uint32_t number)
{
    clseq_bpe_statistics *s = &l->statistics;
    const size_t count = clseq_bpe_statistics_words(s, number);
    const clseq_bpe_pair pair = s->pairs[number];
    clseq_status status = CLSEQ_OK;
    uint32_t made = 0;

    /* Counting may move the pairs, and begins new events for this one. */
    s->pairs[number].events = NULL;
    s->pairs[number].event_count = s->pairs[number].event_capacity = 0;
    clseq_bpe_statistics_clear(s, number);
    CLSEQ_TRY_GOTO(status, out, join(l, pair.left, pair.right, &made));
    for (size_t i = 0; i < count; i++) {
        const uint32_t word = pair.events[i].word;
        const uint32_t n = l->words[word].length;

        CLSEQ_TRY_GOTO(status, out, merge_in_word(l, &pair, made, &l->words[word]));
        CLSEQ_TRY_GOTO(status, out, count_old(l, &pair, word, n));
        CLSEQ_TRY_GOTO(status, out, count_new(l, made, word));
    }
    clseq_bpe_statistics_clear(s, number);
out:
    free(pair.events);
    return status;
}

static clseq_status write_merge(learning *l, const clseq_bpe_pair *pair, clseq_text *codes)
{
    const clseq_string_table *t = &l->symbols;

    CLSEQ_TRY(clseq_text_append(l->ctx, codes, clseq_string_table_get(t, pair->left),
                                t->entries[pair->left].length));
    CLSEQ_TRY(clseq_text_append(l->ctx, codes, " ", 1));
    CLSEQ_TRY(clseq_text_append(l->ctx, codes, clseq_string_table_get(t, pair->right),
                                t->entries[pair->right].length));
    return clseq_text_append(l->ctx, codes, "\n", 1);
}

/* The most frequent pair on top of the heap. Rare pairs are kept out of it, by a threshold that
 * follows the counts: that is subword-nmt's way to be fast, and it shows in rare cases. */
static clseq_status find_best(learning *l, size_t i, double *threshold)
{
    clseq_bpe_statistics *s = &l->statistics;

    if (s->heap_count > 0 && (i == 0 || !((double)s->pairs[s->heap[0]].live < *threshold)))
        return CLSEQ_OK;
    clseq_bpe_statistics_prune(s, *threshold);
    CLSEQ_TRY(clseq_bpe_statistics_restore(s));
    *threshold = (double)s->pairs[s->heap[0]].live * (double)i / ((double)i + 10000.0);
    clseq_bpe_statistics_prune(s, *threshold);
    return CLSEQ_OK;
}

static clseq_status learn(learning *l, size_t wanted, uint64_t min_frequency, clseq_text *codes,
                          size_t *learnt)
{
    clseq_bpe_statistics *s = &l->statistics;
    double threshold = (double)s->pairs[s->heap[0]].live / 10.0;

    for (size_t i = 0; i < wanted; i++) {
        uint32_t best;

        CLSEQ_TRY(find_best(l, i, &threshold));
        if (s->heap_count == 0)
            break;
        best = s->heap[0];
        if (s->pairs[best].live <= 0 || (uint64_t)s->pairs[best].live < min_frequency)
            break;
        CLSEQ_TRY(write_merge(l, &s->pairs[best], codes));
        CLSEQ_TRY(merge_pair(l, best));
        (*learnt)++;
        if (i % 100 == 0)
            clseq_bpe_statistics_prune(s, threshold);
    }
    return CLSEQ_OK;
}

clseq_status clseq_bpe_learner_learn(const clseq_bpe_learner *learner, size_t merges,
                                     uint64_t min_frequency, clseq_text *ret, size_t *learnt)
{
    learning l = { .ctx = learner->ctx, .symbols.ctx = learner->ctx };
    clseq_status status;
    size_t count = 0;

    if (min_frequency == 0)
        return clseq_fail(learner->ctx, CLSEQ_ERR_ARG,
                          "byte pair encoding: the smallest frequency of a pair is 1, not 0");
    l.statistics.ctx = learner->ctx;
    l.statistics.symbols = &l.symbols;
    CLSEQ_TRY_GOTO(status, out, start(&l, learner));
    CLSEQ_TRY_GOTO(status, out, clseq_text_clear(learner->ctx, ret));
    CLSEQ_TRY_GOTO(status, out, clseq_text_append(learner->ctx, ret, "#version: 0.2\n", 14));
    CLSEQ_TRY_GOTO(status, out, learn(&l, merges, min_frequency, ret, &count));
    if (learnt)
        *learnt = count;
out:
    learning_fini(&l);
    return status;
}
