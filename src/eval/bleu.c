/* SPDX-License-Identifier: BSD-2-Clause */
#include "eval/eval_ngrams.h"
#include "eval/eval_references.h"
#include "eval/eval_statistics.h"
#include "eval/eval_tokenize.h"

#include <clseq/version.h>

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* What stands for log 0: far below any real logarithm, so that exp() of the mean is 0. */
#define LOG_ZERO (-9999999999.0)

#define DEFAULT_FLOOR 0.1
#define DEFAULT_ADD_K 1.0

struct counts {
    uint64_t matches[CLSEQ_BLEU_MAX_ORDER];
    uint64_t totals[CLSEQ_BLEU_MAX_ORDER];
    uint64_t hyp_length;
    uint64_t ref_length;
};

struct clseq_bleu {
    clseq_context *ctx; /* borrowed */
    clseq_bleu_options options;
    struct counts counts;
    struct counts last; /* of the last line */
    clseq_reference_count references;
    /* scratch for one line */
    clseq_eval_text text, spare;
    clseq_intern tokens; /* of the hypothesis */
    clseq_ngrams ngrams;
    size_t *symbols;
    size_t capacity;
};

const char *clseq_smoothing_name(clseq_smoothing smoothing)
{
    switch (smoothing) {
#define X(name, number, word)                                                                      \
    case CLSEQ_SMOOTHING_##name:                                                                   \
        return word;
        CLSEQ_SMOOTHING_MAP(X)
#undef X
    }
    return "unknown";
}

clseq_status clseq_smoothing_find(clseq_context *ctx, const char *name, clseq_smoothing *ret)
{
#define X(label, number, word)                                                                     \
    if (!strcmp(name, word)) {                                                                     \
        *ret = CLSEQ_SMOOTHING_##label;                                                            \
        return CLSEQ_OK;                                                                           \
    }
    CLSEQ_SMOOTHING_MAP(X)
#undef X
    return clseq_fail(ctx, CLSEQ_ERR_ARG,
                      "unknown smoothing \"%s\"; known ones: exp, floor, add-k, none", name);
}

void clseq_bleu_options_init(clseq_bleu_options *options)
{
    *options = (clseq_bleu_options) {
        .tokenizer = CLSEQ_EVAL_TOKENIZER_13A,
        .smoothing = CLSEQ_SMOOTHING_EXP,
        .smooth_value = -1,
        .max_order = 4,
    };
}

/* The defaults where `given` is NULL. */
static clseq_bleu_options options_or_defaults(const clseq_bleu_options *given)
{
    clseq_bleu_options options;

    if (given)
        return *given;
    clseq_bleu_options_init(&options);
    return options;
}

/* Check the ranges and fill in the smoothing value. */
static clseq_status check_options(clseq_context *ctx, clseq_bleu_options *options)
{
    if ((int)options->tokenizer < 0 || options->tokenizer > CLSEQ_EVAL_TOKENIZER_NONE)
        return clseq_fail(ctx, CLSEQ_ERR_ARG,
                          "BLEU: unknown tokenizer number %d; use a CLSEQ_EVAL_TOKENIZER_ constant",
                          (int)options->tokenizer);
    if ((int)options->smoothing < 0 || options->smoothing > CLSEQ_SMOOTHING_NONE)
        return clseq_fail(ctx, CLSEQ_ERR_ARG,
                          "BLEU: unknown smoothing number %d; use a CLSEQ_SMOOTHING_ constant",
                          (int)options->smoothing);
    if (options->max_order < 1 || options->max_order > CLSEQ_BLEU_MAX_ORDER)
        return clseq_fail(ctx, CLSEQ_ERR_ARG,
                          "BLEU: n-gram order %d is out of range; give one from 1 to %d",
                          options->max_order, CLSEQ_BLEU_MAX_ORDER);
    if (!isfinite(options->smooth_value))
        return clseq_fail(ctx, CLSEQ_ERR_ARG,
                          "BLEU: the smoothing value is not a finite number; give 0 or more, or a "
                          "negative one for the default");
    if (options->smooth_value < 0)
        options->smooth_value =
            options->smoothing == CLSEQ_SMOOTHING_FLOOR ? DEFAULT_FLOOR : DEFAULT_ADD_K;
    return CLSEQ_OK;
}

clseq_status clseq_bleu_create(clseq_context *ctx, const clseq_bleu_options *options,
                               clseq_bleu **ret)
{
    clseq_bleu_options checked = options_or_defaults(options);
    clseq_bleu *bleu;

    CLSEQ_TRY(check_options(ctx, &checked));
    CLSEQ_TRY(clseq_calloc(ctx, 1, sizeof(*bleu), "BLEU counts", &bleu));
    bleu->ctx = ctx;
    bleu->options = checked;
    *ret = bleu;
    return CLSEQ_OK;
}

void clseq_bleu_destroy(clseq_bleu **bleu)
{
    if (!bleu || !*bleu)
        return;
    free((*bleu)->text.s);
    free((*bleu)->spare.s);
    clseq_intern_fini(&(*bleu)->tokens);
    clseq_ngrams_fini(&(*bleu)->ngrams);
    free((*bleu)->symbols);
    free(*bleu);
    *bleu = NULL;
}

void clseq_bleu_reset(clseq_bleu *bleu)
{
    memset(&bleu->counts, 0, sizeof(bleu->counts));
    memset(&bleu->references, 0, sizeof(bleu->references));
}

/* A line as token numbers in bleu->symbols. The hypothesis makes the numbers, a reference only
 * looks them up. */
static clseq_status read_line(clseq_bleu *bleu, const char *line, bool is_hypothesis, size_t *ret)
{
    size_t at = 0, count = 0, size;
    const char *token;

    CLSEQ_TRY(clseq_eval_text_set(bleu->ctx, &bleu->text, line));
    if (bleu->options.lowercase)
        CLSEQ_TRY(clseq_eval_text_lower(bleu->ctx, &bleu->text, &bleu->spare));
    CLSEQ_TRY(
        clseq_eval_text_tokenize(bleu->ctx, bleu->options.tokenizer, &bleu->text, &bleu->spare));
    if (is_hypothesis)
        CLSEQ_TRY(clseq_intern_reset(bleu->ctx, &bleu->tokens));
    while ((size = clseq_eval_text_next_token(&bleu->text, &at, &token)) > 0) {
        CLSEQ_TRY(clseq_grow(bleu->ctx, &bleu->symbols, &bleu->capacity, count + 1,
                             sizeof(*bleu->symbols), "tokens of a line"));
        if (is_hypothesis)
            CLSEQ_TRY(
                clseq_intern_add(bleu->ctx, &bleu->tokens, token, size, &bleu->symbols[count]));
        else
            bleu->symbols[count] = clseq_intern_find(&bleu->tokens, token, size);
        count++;
    }
    *ret = count;
    return CLSEQ_OK;
}

clseq_status clseq_bleu_add(clseq_bleu *bleu, const char *hyp, const char *const *refs,
                            size_t n_refs)
{
    const size_t order = (size_t)bleu->options.max_order;
    struct counts line = { 0 };
    size_t hyp_length = 0, length = 0, closest = 0, closest_off = SIZE_MAX, present = 0;
    clseq_status status;

    CLSEQ_TRY(clseq_references_check(bleu->ctx, &bleu->references, refs, n_refs, &present));
    status = read_line(bleu, hyp, true, &hyp_length);
    if (status == CLSEQ_OK)
        status = clseq_ngrams_build(bleu->ctx, &bleu->ngrams, bleu->symbols, hyp_length, order);
    if (status != CLSEQ_OK)
        return clseq_references_fail(bleu->ctx, &bleu->references, status, CLSEQ_HYPOTHESIS);
    for (size_t i = 0; i < n_refs; i++) {
        size_t off;

        if (!refs[i])
            continue;
        status = read_line(bleu, refs[i], false, &length);
        if (status != CLSEQ_OK)
            return clseq_references_fail(bleu->ctx, &bleu->references, status, i);
        clseq_ngrams_match(&bleu->ngrams, bleu->symbols, length, line.matches);
        off = length > hyp_length ? length - hyp_length : hyp_length - length;
        if (off < closest_off || (off == closest_off && length < closest)) {
            closest_off = off;
            closest = length;
        }
    }
    clseq_ngrams_totals(hyp_length, order, line.totals);
    line.hyp_length = hyp_length;
    line.ref_length = closest;
    for (size_t n = 0; n < order; n++) {
        bleu->counts.matches[n] += line.matches[n];
        bleu->counts.totals[n] += line.totals[n];
    }
    bleu->counts.hyp_length += line.hyp_length;
    bleu->counts.ref_length += line.ref_length;
    bleu->last = line;
    clseq_references_count(&bleu->references, present);
    return CLSEQ_OK;
}

static double brevity_penalty(uint64_t hyp_length, uint64_t ref_length)
{
    if (hyp_length >= ref_length)
        return 1;
    return hyp_length ? exp(1 - (double)ref_length / (double)hyp_length) : 0;
}

static void compute(const clseq_bleu_options *options, const struct counts *counts,
                    clseq_bleu_result *ret)
{
    const int order = options->max_order;
    bool any = false;
    double halvings = 1, sum = 0;
    int used = order;

    memset(ret, 0, sizeof(*ret));
    ret->max_order = order;
    ret->hyp_length = counts->hyp_length;
    ret->ref_length = counts->ref_length;
    ret->brevity_penalty = brevity_penalty(counts->hyp_length, counts->ref_length);
    for (int n = 0; n < order; n++) {
        ret->matches[n] = counts->matches[n];
        ret->totals[n] = counts->totals[n];
        any |= counts->matches[n] > 0;
    }
    if (!any)
        return;
    for (int n = 0; n < order; n++) {
        const double added =
            options->smoothing == CLSEQ_SMOOTHING_ADD_K && n > 0 ? options->smooth_value : 0;
        const double matches = (double)counts->matches[n] + added;
        const double total = (double)counts->totals[n] + added;

        if (total <= 0)
            break; /* the orders left have precision 0 */
        if (options->effective_order)
            used = n + 1;
        if (matches > 0) {
            ret->precisions[n] = 100 * matches / total;
        } else if (options->smoothing == CLSEQ_SMOOTHING_EXP) {
            halvings *= 2;
            ret->precisions[n] = 100 / (halvings * total);
        } else if (options->smoothing == CLSEQ_SMOOTHING_FLOOR) {
            ret->precisions[n] = 100 * options->smooth_value / total;
        }
    }
    for (int n = 0; n < used; n++)
        sum += ret->precisions[n] > 0 ? log(ret->precisions[n]) : LOG_ZERO;
    ret->score = ret->brevity_penalty * exp(sum / used);
}

static void write_signature(const clseq_bleu_options *options,
                            const clseq_reference_count *references, clseq_bleu_result *ret)
{
    const char *smoothing = clseq_smoothing_name(options->smoothing);
    const double value = options->smooth_value;
    char smooth[48], nrefs[48], order[16] = "";

    if (options->smoothing != CLSEQ_SMOOTHING_FLOOR && options->smoothing != CLSEQ_SMOOTHING_ADD_K)
        snprintf(smooth, sizeof(smooth), "%s", smoothing);
    else if (value < 1000 && fabs(rint(100 * value) - 100 * value) < 1e-9)
        snprintf(smooth, sizeof(smooth), "%s[%.2f]", smoothing, value);
    else
        snprintf(smooth, sizeof(smooth), "%s[%g]", smoothing, value);
    clseq_references_describe(references, nrefs, sizeof(nrefs));
    if (options->max_order != 4)
        snprintf(order, sizeof(order), "order:%d|", options->max_order);
    snprintf(ret->signature, sizeof(ret->signature),
             "%scase:%s|eff:%s|tok:%s|smooth:%s|%sversion:clseq-%s", nrefs,
             options->lowercase ? "lc" : "mixed", options->effective_order ? "yes" : "no",
             clseq_eval_tokenizer_name(options->tokenizer), smooth, order, CLSEQ_VERSION_STRING);
}

clseq_status clseq_bleu_score(const clseq_bleu *bleu, clseq_bleu_result *ret)
{
    CLSEQ_TRY(clseq_references_any(bleu->ctx, &bleu->references, "BLEU"));
    compute(&bleu->options, &bleu->counts, ret);
    ret->lines = bleu->references.lines;
    write_signature(&bleu->options, &bleu->references, ret);
    return CLSEQ_OK;
}

clseq_status clseq_bleu_from_counts(clseq_context *ctx, const clseq_bleu_options *options,
                                    const uint64_t *matches, const uint64_t *totals,
                                    uint64_t hyp_length, uint64_t ref_length,
                                    clseq_bleu_result *ret)
{
    const clseq_reference_count none = { 0 };
    struct counts counts = { .hyp_length = hyp_length, .ref_length = ref_length };
    clseq_bleu_options checked = options_or_defaults(options);

    CLSEQ_TRY(check_options(ctx, &checked));
    for (int n = 0; n < checked.max_order; n++) {
        if (matches[n] > totals[n])
            return clseq_fail(ctx, CLSEQ_ERR_DATA,
                              "BLEU: %llu matches of order %d but only %llu n-grams; were the two "
                              "lists exchanged?",
                              (unsigned long long)matches[n], n + 1, (unsigned long long)totals[n]);
        counts.matches[n] = matches[n];
        counts.totals[n] = totals[n];
    }
    compute(&checked, &counts, ret);
    write_signature(&checked, &none, ret);
    return CLSEQ_OK;
}

size_t clseq_bleu_statistics(const clseq_bleu *bleu, double *ret)
{
    const size_t order = (size_t)bleu->options.max_order;

    for (size_t n = 0; n < order; n++) {
        ret[n] = (double)bleu->last.matches[n];
        ret[order + n] = (double)bleu->last.totals[n];
    }
    ret[2 * order] = (double)bleu->last.hyp_length;
    ret[2 * order + 1] = (double)bleu->last.ref_length;
    return 2 * order + 2;
}

double clseq_bleu_statistics_score(const clseq_bleu *bleu, const double *sums)
{
    const size_t order = (size_t)bleu->options.max_order;
    struct counts counts = { .hyp_length = (uint64_t)sums[2 * order],
                             .ref_length = (uint64_t)sums[2 * order + 1] };
    clseq_bleu_result result;

    for (size_t n = 0; n < order; n++) {
        counts.matches[n] = (uint64_t)sums[n];
        counts.totals[n] = (uint64_t)sums[order + n];
    }
    compute(&bleu->options, &counts, &result);
    return result.score;
}
