/* SPDX-License-Identifier: BSD-2-Clause */
#include <clseq/eval.h>

#include "base/philox.h"
#include "data/utf8.h"
#include "eval/eval_statistics.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The metric of one system; all pointers but one are NULL. */
struct meter {
    clseq_bleu *bleu;
    clseq_chrf *chrf;
    clseq_ter *ter;
    clseq_edit *edit;
};

struct clseq_paired {
    clseq_context *ctx; /* borrowed */
    clseq_paired_options options;
    struct meter system, other;
    double *statistics; /* (lines, 2, width) the system's before the other's */
    size_t capacity;
    size_t width;
    uint64_t lines;
};

static const char *metric_name(clseq_eval_metric metric)
{
    switch (metric) {
#define X(name, number, word)                                                                      \
    case CLSEQ_EVAL_METRIC_##name:                                                                 \
        return word;
        CLSEQ_EVAL_METRIC_MAP(X)
#undef X
    }
    return "unknown";
}

void clseq_paired_options_init(clseq_paired_options *options)
{
    *options = (clseq_paired_options) { .samples = 1000, .seed = 1 };
    clseq_bleu_options_init(&options->bleu);
    clseq_chrf_options_init(&options->chrf);
    clseq_ter_options_init(&options->ter);
    clseq_edit_options_init(&options->edit);
}

static clseq_status meter_create(clseq_context *ctx, const clseq_paired_options *options,
                                 struct meter *meter)
{
    switch (options->metric) {
    case CLSEQ_EVAL_METRIC_BLEU:
        return clseq_bleu_create(ctx, &options->bleu, &meter->bleu);
    case CLSEQ_EVAL_METRIC_CHRF:
        return clseq_chrf_create(ctx, &options->chrf, &meter->chrf);
    case CLSEQ_EVAL_METRIC_TER:
        return clseq_ter_create(ctx, &options->ter, &meter->ter);
    case CLSEQ_EVAL_METRIC_WRONG_RATE:
    case CLSEQ_EVAL_METRIC_EDIT_RATE:
    case CLSEQ_EVAL_METRIC_EXACT:
        return clseq_edit_create(ctx, &options->edit, &meter->edit);
    }
    return clseq_fail(ctx, CLSEQ_ERR_ARG,
                      "paired test: unknown metric number %d; use a CLSEQ_EVAL_METRIC_ constant",
                      (int)options->metric);
}

static void meter_destroy(struct meter *meter)
{
    clseq_bleu_destroy(&meter->bleu);
    clseq_chrf_destroy(&meter->chrf);
    clseq_ter_destroy(&meter->ter);
    clseq_edit_destroy(&meter->edit);
}

static clseq_status meter_add(struct meter *meter, const char *hyp, const char *const *refs,
                              size_t n_refs)
{
    return meter->bleu   ? clseq_bleu_add(meter->bleu, hyp, refs, n_refs)
           : meter->chrf ? clseq_chrf_add(meter->chrf, hyp, refs, n_refs)
           : meter->ter  ? clseq_ter_add(meter->ter, hyp, refs, n_refs)
                         : clseq_edit_add(meter->edit, hyp, refs, n_refs);
}

static size_t meter_statistics(const struct meter *meter, double *ret)
{
    return meter->bleu   ? clseq_bleu_statistics(meter->bleu, ret)
           : meter->chrf ? clseq_chrf_statistics(meter->chrf, ret)
           : meter->ter  ? clseq_ter_statistics(meter->ter, ret)
                         : clseq_edit_statistics(meter->edit, ret);
}

static double rate_of(clseq_eval_metric metric, const clseq_edit_result *r)
{
    return metric == CLSEQ_EVAL_METRIC_WRONG_RATE  ? r->wrong_rate
           : metric == CLSEQ_EVAL_METRIC_EDIT_RATE ? r->edit_rate
                                                   : r->exact;
}

/* The score of the sums of some lines. */
static double sample_score(const clseq_paired *paired, const double *sums)
{
    const struct meter *meter = &paired->system;
    clseq_edit_result rates;

    if (meter->bleu)
        return clseq_bleu_statistics_score(meter->bleu, sums);
    if (meter->chrf)
        return clseq_chrf_statistics_score(meter->chrf, sums);
    if (meter->ter)
        return clseq_ter_statistics_score(sums);
    clseq_edit_statistics_score(sums, &rates);
    return rate_of(paired->options.metric, &rates);
}

/* The score of all lines, with the name and signature of the metric. */
static clseq_status meter_score(const clseq_paired *paired, const struct meter *meter, double *ret,
                                char *name, size_t name_size, char *signature,
                                size_t signature_size)
{
    snprintf(name, name_size, "%s", metric_name(paired->options.metric));
    signature[0] = 0;
    if (meter->bleu) {
        clseq_bleu_result r;

        CLSEQ_TRY(clseq_bleu_score(meter->bleu, &r));
        *ret = r.score;
        snprintf(signature, signature_size, "%s", r.signature);
    } else if (meter->chrf) {
        clseq_chrf_result r;

        CLSEQ_TRY(clseq_chrf_score(meter->chrf, &r));
        *ret = r.score;
        snprintf(name, name_size, "%s", r.name);
        snprintf(signature, signature_size, "%s", r.signature);
    } else if (meter->ter) {
        clseq_ter_result r;

        CLSEQ_TRY(clseq_ter_score(meter->ter, &r));
        *ret = r.score;
        snprintf(signature, signature_size, "%s", r.signature);
    } else {
        clseq_edit_result r;

        CLSEQ_TRY(clseq_edit_score(meter->edit, &r));
        *ret = rate_of(paired->options.metric, &r);
    }
    return CLSEQ_OK;
}

clseq_status clseq_paired_create(clseq_context *ctx, const clseq_paired_options *options,
                                 clseq_paired **ret)
{
    clseq_paired_options checked;
    clseq_paired *paired;
    clseq_status status;

    clseq_paired_options_init(&checked);
    if (options)
        checked = *options;
    if (checked.samples < 1 || checked.samples > CLSEQ_PAIRED_MAX_SAMPLES)
        return clseq_fail(
            ctx, CLSEQ_ERR_ARG,
            "paired test: %llu samples are out of range; give 1 to %d, 1000 as a rule",
            (unsigned long long)checked.samples, CLSEQ_PAIRED_MAX_SAMPLES);
    CLSEQ_TRY(clseq_calloc(ctx, 1, sizeof(*paired), "paired test", &paired));
    paired->ctx = ctx;
    paired->options = checked;
    status = meter_create(ctx, &checked, &paired->system);
    if (status == CLSEQ_OK)
        status = meter_create(ctx, &checked, &paired->other);
    if (status != CLSEQ_OK) {
        clseq_paired_destroy(&paired);
        return status;
    }
    *ret = paired;
    return CLSEQ_OK;
}

void clseq_paired_destroy(clseq_paired **paired)
{
    if (!paired || !*paired)
        return;
    meter_destroy(&(*paired)->system);
    meter_destroy(&(*paired)->other);
    free((*paired)->statistics);
    free(*paired);
    *paired = NULL;
}

clseq_status clseq_paired_add(clseq_paired *paired, const char *hyp, const char *other,
                              const char *const *refs, size_t n_refs)
{
    const size_t size = strlen(other), valid = clseq_utf8_valid_prefix(other, size);
    double line[2 * CLSEQ_STATISTICS_MAX];
    size_t end;

    /* Looked at first, so that a line that is refused is in neither count. */
    if (valid < size)
        return clseq_fail(paired->ctx, CLSEQ_ERR_DATA,
                          "line %llu, other hypothesis: byte %zu (0x%02x) is not valid UTF-8; "
                          "convert the file to UTF-8 first (iconv)",
                          (unsigned long long)paired->lines + 1, valid + 1,
                          (unsigned)(unsigned char)other[valid]);
    CLSEQ_TRY(meter_add(&paired->system, hyp, refs, n_refs));
    CLSEQ_TRY(meter_add(&paired->other, other, refs, n_refs));
    paired->width = meter_statistics(&paired->system, line);
    meter_statistics(&paired->other, line + paired->width);
    if (!clseq_mul_size((size_t)paired->lines + 1, 2 * paired->width, &end))
        end = SIZE_MAX;
    CLSEQ_TRY(clseq_grow(paired->ctx, &paired->statistics, &paired->capacity, end,
                         sizeof(*paired->statistics), "counts of the lines"));
    memcpy(paired->statistics + end - 2 * paired->width, line, 2 * paired->width * sizeof(*line));
    paired->lines++;
    return CLSEQ_OK;
}

/* Draw sample `number` and score it for both. */
static void draw(const clseq_paired *paired, uint32_t number, double *system, double *other)
{
    const size_t width = 2 * paired->width;
    double sums[2 * CLSEQ_STATISTICS_MAX] = { 0 };

    for (uint64_t i = 0; i < paired->lines; i++) {
        const size_t line = (size_t)clseq_random_below(paired->options.seed, CLSEQ_RANDOM_BOOTSTRAP,
                                                       number, i, paired->lines);
        const double *statistics = paired->statistics + line * width;

        for (size_t k = 0; k < width; k++)
            sums[k] += statistics[k];
    }
    *system = sample_score(paired, sums);
    *other = sample_score(paired, sums + paired->width);
}

/* See clseq_paired_result; differences[0 .. n-1] are absolute. */
static double p_value(const double *differences, size_t n, double whole)
{
    double mean = 0;
    size_t beyond = 0;

    for (size_t i = 0; i < n; i++)
        mean += differences[i];
    mean /= (double)n;
    for (size_t i = 0; i < n; i++)
        beyond += differences[i] - mean > whole;
    return (double)(beyond + 1) / (double)(n + 1);
}

static int ascending(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;

    return (x > y) - (x < y);
}

/* Mean and interval; sorts the scores. */
static void summarize(double *scores, size_t n, clseq_paired_system *ret)
{
    double sum = 0;

    for (size_t i = 0; i < n; i++)
        sum += scores[i];
    qsort(scores, n, sizeof(*scores), ascending);
    ret->mean = sum / (double)n;
    ret->low = scores[n / 40];
    ret->high = scores[n - n / 40 - 1];
}

/* "nrefs:1|case:..." with the samples between. */
static void write_signature(const clseq_paired *paired, const char *metric,
                            clseq_paired_result *ret)
{
    const char *rest = strchr(metric, '|');

    if (rest)
        snprintf(ret->signature, sizeof(ret->signature), "%.*s|bs:%llu|seed:%llu%s",
                 (int)(rest - metric), metric, (unsigned long long)paired->options.samples,
                 (unsigned long long)paired->options.seed, rest);
}

clseq_status clseq_paired_test(const clseq_paired *paired, clseq_paired_result *ret)
{
    const size_t n = (size_t)paired->options.samples;
    clseq_paired_result r = { 0 };
    char signature[256];
    double *scores;

    CLSEQ_TRY(meter_score(paired, &paired->other, &r.other.score, r.name, sizeof(r.name), signature,
                          sizeof(signature)));
    CLSEQ_TRY(meter_score(paired, &paired->system, &r.system.score, r.name, sizeof(r.name),
                          signature, sizeof(signature)));
    CLSEQ_TRY(clseq_calloc(paired->ctx, 3 * n, sizeof(*scores), "scores of the samples", &scores));
    for (size_t i = 0; i < n; i++) {
        double *system = scores + i, *other = scores + n + i;

        draw(paired, (uint32_t)i, system, other);
        scores[2 * n + i] = fabs(*system - *other);
        r.equal_samples += *system == *other;
    }
    r.difference = r.system.score - r.other.score;
    r.p_value = p_value(scores + 2 * n, n, fabs(r.difference));
    summarize(scores, n, &r.system);
    summarize(scores + n, n, &r.other);
    free(scores);
    r.lines = paired->lines;
    r.samples = paired->options.samples;
    r.seed = paired->options.seed;
    write_signature(paired, signature, &r);
    *ret = r;
    return CLSEQ_OK;
}
