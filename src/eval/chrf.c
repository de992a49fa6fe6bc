/* SPDX-License-Identifier: BSD-2-Clause */
#include <clseq/eval.h>
#include <clseq/version.h>

#include "eval/eval_ngrams.h"
#include "eval/eval_references.h"
#include "eval/eval_statistics.h"
#include "eval/eval_text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MAX_ORDERS (2 * CLSEQ_CHRF_MAX_ORDER)

/* In place of a precision or recall that has no n-grams. */
#define EPSILON 1e-16

/* Per order: characters first, then words. */
struct counts {
    uint64_t hyp[MAX_ORDERS];
    uint64_t ref[MAX_ORDERS];
    uint64_t matches[MAX_ORDERS];
};

/* Symbol numbers of one line. */
struct symbols {
    size_t *at;
    size_t count, capacity;
};

struct clseq_chrf {
    clseq_context *ctx; /* borrowed */
    clseq_chrf_options options;
    struct counts counts;
    struct counts last; /* of the last line */
    clseq_reference_count references;
    /* scratch for one line */
    clseq_eval_text text, spare;
    struct symbols characters, words;
    clseq_intern word_table; /* words of the hypothesis */
    clseq_ngrams char_ngrams, word_ngrams;
};

void clseq_chrf_options_init(clseq_chrf_options *options)
{
    *options = (clseq_chrf_options) { .char_order = 6, .word_order = 0, .beta = 2 };
}

clseq_status clseq_chrf_create(clseq_context *ctx, const clseq_chrf_options *options,
                               clseq_chrf **ret)
{
    clseq_chrf_options checked;
    clseq_chrf *chrf;

    clseq_chrf_options_init(&checked);
    if (options)
        checked = *options;
    if (checked.char_order < 1 || checked.char_order > CLSEQ_CHRF_MAX_ORDER)
        return clseq_fail(ctx, CLSEQ_ERR_ARG,
                          "chrF: character order %d is out of range; give one from 1 to %d",
                          checked.char_order, CLSEQ_CHRF_MAX_ORDER);
    if (checked.word_order < 0 || checked.word_order > CLSEQ_CHRF_MAX_ORDER)
        return clseq_fail(ctx, CLSEQ_ERR_ARG,
                          "chrF: word order %d is out of range; give one from 0 to %d",
                          checked.word_order, CLSEQ_CHRF_MAX_ORDER);
    if (checked.beta < 1 || checked.beta > 1000)
        return clseq_fail(ctx, CLSEQ_ERR_ARG,
                          "chrF: beta %d is out of range; give one from 1 to 1000", checked.beta);
    CLSEQ_TRY(clseq_calloc(ctx, 1, sizeof(*chrf), "chrF counts", &chrf));
    chrf->ctx = ctx;
    chrf->options = checked;
    *ret = chrf;
    return CLSEQ_OK;
}

void clseq_chrf_destroy(clseq_chrf **chrf)
{
    if (!chrf || !*chrf)
        return;
    free((*chrf)->text.s);
    free((*chrf)->spare.s);
    free((*chrf)->characters.at);
    free((*chrf)->words.at);
    clseq_intern_fini(&(*chrf)->word_table);
    clseq_ngrams_fini(&(*chrf)->char_ngrams);
    clseq_ngrams_fini(&(*chrf)->word_ngrams);
    free(*chrf);
    *chrf = NULL;
}

void clseq_chrf_reset(clseq_chrf *chrf)
{
    memset(&chrf->counts, 0, sizeof(chrf->counts));
    memset(&chrf->references, 0, sizeof(chrf->references));
}

static clseq_status add_symbol(clseq_chrf *chrf, struct symbols *symbols, size_t number)
{
    CLSEQ_TRY(clseq_grow(chrf->ctx, &symbols->at, &symbols->capacity, symbols->count + 1,
                         sizeof(*symbols->at), "symbols of a line"));
    symbols->at[symbols->count++] = number;
    return CLSEQ_OK;
}

static clseq_status add_word(clseq_chrf *chrf, const char *word, size_t size, bool is_hypothesis)
{
    size_t number;

    if (is_hypothesis)
        CLSEQ_TRY(clseq_intern_add(chrf->ctx, &chrf->word_table, word, size, &number));
    else
        number = clseq_intern_find(&chrf->word_table, word, size);
    return add_symbol(chrf, &chrf->words, number);
}

static bool ascii_punctuation(char c)
{
    return (c >= '!' && c <= '/') || (c >= ':' && c <= '@') || (c >= '[' && c <= '`') ||
           (c >= '{' && c <= '~');
}

/* A line as code points and, if wanted, as words. Of a word that has ASCII punctuation at its end,
 * else at its start, that one character stands apart. */
static clseq_status read_line(clseq_chrf *chrf, const char *line, bool is_hypothesis)
{
    size_t at = 0, size, bytes;
    const char *word;

    chrf->characters.count = 0;
    chrf->words.count = 0;
    CLSEQ_TRY(clseq_eval_text_set(chrf->ctx, &chrf->text, line));
    if (chrf->options.lowercase)
        CLSEQ_TRY(clseq_eval_text_lower(chrf->ctx, &chrf->text, &chrf->spare));
    for (size_t i = 0; i < chrf->text.size; i += bytes) {
        const int32_t code = clseq_eval_text_code(chrf->text.s, i, &bytes);

        if (chrf->options.whitespace || !clseq_is_space(code))
            CLSEQ_TRY(add_symbol(chrf, &chrf->characters, (size_t)code));
    }
    if (chrf->options.word_order == 0)
        return CLSEQ_OK;
    if (is_hypothesis)
        CLSEQ_TRY(clseq_intern_reset(chrf->ctx, &chrf->word_table));
    while ((size = clseq_eval_text_next_token(&chrf->text, &at, &word)) > 0) {
        size_t first = size; /* length of the first part */

        if (size > 1 && ascii_punctuation(word[size - 1]))
            first = size - 1;
        else if (size > 1 && ascii_punctuation(word[0]))
            first = 1;
        CLSEQ_TRY(add_word(chrf, word, first, is_hypothesis));
        if (first < size)
            CLSEQ_TRY(add_word(chrf, word + first, size - first, is_hypothesis));
    }
    return CLSEQ_OK;
}

/* 0 to 100 */
static double f_score(const clseq_chrf_options *options, const struct counts *counts)
{
    const int orders = options->char_order + options->word_order;
    const double factor = (double)options->beta * options->beta;
    double sum = 0, precision = 0, recall = 0;
    int used = 0;

    for (int i = 0; i < orders; i++) {
        const double hyp = (double)counts->hyp[i], ref = (double)counts->ref[i];
        const double p = hyp > 0 ? (double)counts->matches[i] / hyp : EPSILON;
        const double r = ref > 0 ? (double)counts->matches[i] / ref : EPSILON;
        const double weighted = factor * p + r;

        sum += weighted > 0 ? (1 + factor) * p * r / weighted : EPSILON;
        if (hyp > 0 && ref > 0) {
            precision += p;
            recall += r;
            used++;
        }
    }
    if (options->eps_smoothing)
        return 100 * sum / orders;
    if (used == 0 || precision + recall <= 0)
        return 0;
    precision /= used;
    recall /= used;
    return 100 * ((1 + factor) * precision * recall / (factor * precision + recall));
}

/* The counts of the line in `chrf` against the hypothesis. */
static void match_reference(clseq_chrf *chrf, const struct counts *hyp, struct counts *ret)
{
    const size_t n_char = (size_t)chrf->options.char_order;
    const size_t n_word = (size_t)chrf->options.word_order;

    *ret = *hyp;
    clseq_ngrams_totals(chrf->characters.count, n_char, ret->ref);
    clseq_ngrams_forget(&chrf->char_ngrams);
    clseq_ngrams_match(&chrf->char_ngrams, chrf->characters.at, chrf->characters.count,
                       ret->matches);
    if (n_word) {
        clseq_ngrams_totals(chrf->words.count, n_word, ret->ref + n_char);
        clseq_ngrams_forget(&chrf->word_ngrams);
        clseq_ngrams_match(&chrf->word_ngrams, chrf->words.at, chrf->words.count,
                           ret->matches + n_char);
    }
    /* An order that this reference is too short for does not count against the hypothesis. */
    for (size_t i = 0; i < n_char + n_word; i++) {
        if (ret->ref[i] == 0)
            ret->hyp[i] = 0;
    }
}

static clseq_status read_hypothesis(clseq_chrf *chrf, const char *line, struct counts *ret)
{
    const size_t n_char = (size_t)chrf->options.char_order;
    const size_t n_word = (size_t)chrf->options.word_order;

    CLSEQ_TRY(read_line(chrf, line, true));
    CLSEQ_TRY(clseq_ngrams_build(chrf->ctx, &chrf->char_ngrams, chrf->characters.at,
                                 chrf->characters.count, n_char));
    clseq_ngrams_totals(chrf->characters.count, n_char, ret->hyp);
    if (n_word) {
        CLSEQ_TRY(clseq_ngrams_build(chrf->ctx, &chrf->word_ngrams, chrf->words.at,
                                     chrf->words.count, n_word));
        clseq_ngrams_totals(chrf->words.count, n_word, ret->hyp + n_char);
    }
    return CLSEQ_OK;
}

clseq_status clseq_chrf_add(clseq_chrf *chrf, const char *hyp, const char *const *refs,
                            size_t n_refs)
{
    struct counts hyp_counts = { 0 }, best = { 0 };
    double best_score = -1;
    size_t present = 0;
    clseq_status status;

    CLSEQ_TRY(clseq_references_check(chrf->ctx, &chrf->references, refs, n_refs, &present));
    status = read_hypothesis(chrf, hyp, &hyp_counts);
    if (status != CLSEQ_OK)
        return clseq_references_fail(chrf->ctx, &chrf->references, status, CLSEQ_HYPOTHESIS);
    for (size_t i = 0; i < n_refs; i++) {
        struct counts counts;
        double score;

        if (!refs[i])
            continue;
        status = read_line(chrf, refs[i], false);
        if (status != CLSEQ_OK)
            return clseq_references_fail(chrf->ctx, &chrf->references, status, i);
        match_reference(chrf, &hyp_counts, &counts);
        score = f_score(&chrf->options, &counts);
        if (score > best_score) {
            best_score = score;
            best = counts;
        }
    }
    for (size_t i = 0; i < MAX_ORDERS; i++) {
        chrf->counts.hyp[i] += best.hyp[i];
        chrf->counts.ref[i] += best.ref[i];
        chrf->counts.matches[i] += best.matches[i];
    }
    chrf->last = best;
    clseq_references_count(&chrf->references, present);
    return CLSEQ_OK;
}

clseq_status clseq_chrf_score(const clseq_chrf *chrf, clseq_chrf_result *ret)
{
    const clseq_chrf_options *options = &chrf->options;
    char nrefs[48];
    size_t n;

    CLSEQ_TRY(clseq_references_any(chrf->ctx, &chrf->references, "chrF"));
    memset(ret, 0, sizeof(*ret));
    ret->score = f_score(options, &chrf->counts);
    ret->lines = chrf->references.lines;
    n = (size_t)snprintf(ret->name, sizeof(ret->name), "chrF%d", options->beta);
    memset(ret->name + n, '+', (size_t)options->word_order);
    clseq_references_describe(&chrf->references, nrefs, sizeof(nrefs));
    snprintf(ret->signature, sizeof(ret->signature),
             "%scase:%s|eff:%s|nc:%d|nw:%d|space:%s|version:clseq-%s", nrefs,
             options->lowercase ? "lc" : "mixed", options->eps_smoothing ? "no" : "yes",
             options->char_order, options->word_order, options->whitespace ? "yes" : "no",
             CLSEQ_VERSION_STRING);
    return CLSEQ_OK;
}

size_t clseq_chrf_statistics(const clseq_chrf *chrf, double *ret)
{
    const size_t orders = (size_t)chrf->options.char_order + (size_t)chrf->options.word_order;

    for (size_t n = 0; n < orders; n++) {
        ret[n] = (double)chrf->last.hyp[n];
        ret[orders + n] = (double)chrf->last.ref[n];
        ret[2 * orders + n] = (double)chrf->last.matches[n];
    }
    return 3 * orders;
}

double clseq_chrf_statistics_score(const clseq_chrf *chrf, const double *sums)
{
    const size_t orders = (size_t)chrf->options.char_order + (size_t)chrf->options.word_order;
    struct counts counts = { 0 };

    for (size_t n = 0; n < orders; n++) {
        counts.hyp[n] = (uint64_t)sums[n];
        counts.ref[n] = (uint64_t)sums[orders + n];
        counts.matches[n] = (uint64_t)sums[2 * orders + n];
    }
    return f_score(&chrf->options, &counts);
}
