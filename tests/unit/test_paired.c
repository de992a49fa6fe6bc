/* SPDX-License-Identifier: BSD-2-Clause */
/* The paired bootstrap against samples that are scored line by line with the metrics themselves. */
#include "unit.h"

#include "base/philox.h"

#include <clseq/eval.h>
#include <clseq/version.h>

#include <math.h>

enum { LINES = 8, SAMPLES = 60 };

static const char *const systems[2][LINES] = {
    { "the cat sat on the mat .", "a dog barks at Night", "", "she sells sea shells on the shore",
      "one two three four five", "nothing fits here", "it 's a small world", "go home now please" },
    { "the cat sat on a mat .", "a dog barked at night", "hello", "sea shells she sells on a shore",
      "one two three four five", "nothing is right", "the world is small", "please go home now" },
};
/* The second reference is missing on some lines. */
static const char *const references[LINES][2] = {
    { "the cat sat on the mat .", NULL },
    { "a dog barks at night", "dogs bark at night" },
    { "", "hello there" },
    { "she sells sea shells on the sea shore", NULL },
    { "one two three four five", "1 2 3 4 5" },
    { "all of this is wrong", NULL },
    { "it 's a small world after all", "the world is small" },
    { "go home now , please", NULL },
};

static void assert_close(double got, double want, const char *what)
{
    if (!(fabs(got - want) <= 1e-9))
        fail_msg("%s: got %.15g, expected %.15g", what, got, want);
}

/* The score of the lines numbered lines[0 .. n-1], by the public calls of each metric. */
static double plain_score(clseq_context *ctx, const clseq_paired_options *o, int system,
                          const size_t *lines, size_t n)
{
    clseq_bleu *bleu = NULL;
    clseq_chrf *chrf = NULL;
    clseq_ter *ter = NULL;
    clseq_edit *edit = NULL;
    clseq_bleu_result b = { 0 };
    clseq_chrf_result c = { 0 };
    clseq_ter_result t = { 0 };
    clseq_edit_result e = { 0 };

    ASSERT_OK(ctx, clseq_bleu_create(ctx, &o->bleu, &bleu));
    ASSERT_OK(ctx, clseq_chrf_create(ctx, &o->chrf, &chrf));
    ASSERT_OK(ctx, clseq_ter_create(ctx, &o->ter, &ter));
    ASSERT_OK(ctx, clseq_edit_create(ctx, &o->edit, &edit));
    for (size_t i = 0; i < n; i++) {
        const char *hyp = systems[system][lines[i]];
        const char *const *refs = references[lines[i]];

        ASSERT_OK(ctx, clseq_bleu_add(bleu, hyp, refs, 2));
        ASSERT_OK(ctx, clseq_chrf_add(chrf, hyp, refs, 2));
        ASSERT_OK(ctx, clseq_ter_add(ter, hyp, refs, 2));
        ASSERT_OK(ctx, clseq_edit_add(edit, hyp, refs, 2));
    }
    ASSERT_OK(ctx, clseq_bleu_score(bleu, &b));
    ASSERT_OK(ctx, clseq_chrf_score(chrf, &c));
    ASSERT_OK(ctx, clseq_ter_score(ter, &t));
    ASSERT_OK(ctx, clseq_edit_score(edit, &e));
    clseq_bleu_destroy(&bleu);
    clseq_chrf_destroy(&chrf);
    clseq_ter_destroy(&ter);
    clseq_edit_destroy(&edit);
    return o->metric == CLSEQ_EVAL_METRIC_BLEU         ? b.score
           : o->metric == CLSEQ_EVAL_METRIC_CHRF       ? c.score
           : o->metric == CLSEQ_EVAL_METRIC_TER        ? t.score
           : o->metric == CLSEQ_EVAL_METRIC_WRONG_RATE ? e.wrong_rate
           : o->metric == CLSEQ_EVAL_METRIC_EDIT_RATE  ? e.edit_rate
                                                       : e.exact;
}

static void assert_system(const clseq_paired_system *got, double score, double *samples)
{
    double mean = 0;

    for (size_t i = 0; i < SAMPLES; i++)
        mean += samples[i] / SAMPLES;
    /* of 60 samples one is left out at either end */
    for (size_t i = 0; i < SAMPLES; i++) {
        for (size_t k = i + 1; k < SAMPLES; k++) {
            if (samples[k] < samples[i]) {
                const double t = samples[k];

                samples[k] = samples[i];
                samples[i] = t;
            }
        }
    }
    assert_close(got->score, score, "score");
    assert_close(got->mean, mean, "mean");
    assert_close(got->low, samples[1], "low");
    assert_close(got->high, samples[SAMPLES - 2], "high");
}

static void test_metric(clseq_context *ctx, const clseq_paired_options *o, const char *name)
{
    double scores[2][SAMPLES], mean = 0, whole[2];
    size_t lines[LINES], beyond = 0, equal = 0;
    clseq_paired *paired = NULL;
    clseq_paired_result r;

    ASSERT_OK(ctx, clseq_paired_create(ctx, o, &paired));
    ASSERT_FAILS(ctx, CLSEQ_ERR_DATA, "no line to score", clseq_paired_test(paired, &r));
    for (size_t i = 0; i < LINES; i++) {
        ASSERT_OK(ctx, clseq_paired_add(paired, systems[0][i], systems[1][i], references[i], 2));
        lines[i] = i;
    }
    ASSERT_OK(ctx, clseq_paired_test(paired, &r));
    clseq_paired_destroy(&paired);
    for (int system = 0; system < 2; system++)
        whole[system] = plain_score(ctx, o, system, lines, LINES);
    for (uint32_t s = 0; s < SAMPLES; s++) {
        for (size_t i = 0; i < LINES; i++)
            lines[i] = clseq_random_below(o->seed, CLSEQ_RANDOM_BOOTSTRAP, s, i, LINES);
        for (int system = 0; system < 2; system++)
            scores[system][s] = plain_score(ctx, o, system, lines, LINES);
        mean += fabs(scores[0][s] - scores[1][s]) / SAMPLES;
        equal += scores[0][s] == scores[1][s];
    }
    for (size_t s = 0; s < SAMPLES; s++)
        beyond += fabs(scores[0][s] - scores[1][s]) - mean > fabs(whole[0] - whole[1]) + 1e-12;
    assert_close(r.p_value, (double)(beyond + 1) / (SAMPLES + 1), "p-value");
    assert_close(r.difference, whole[0] - whole[1], "difference");
    assert_system(&r.system, whole[0], scores[0]);
    assert_system(&r.other, whole[1], scores[1]);
    assert_int_equal(r.equal_samples, equal);
    assert_int_equal(r.lines, LINES);
    assert_string_equal(r.name, name);
    print_message("%s: %.2f and %.2f, p %.3f\n", name, whole[0], whole[1], r.p_value);
}

static void samples_equal_the_metrics(void **state)
{
    static const char *const names[] = { "BLEU", "chrF2++", "TER", "WER", "PER", "exact" };
    clseq_paired_options o;

    clseq_paired_options_init(&o);
    o.samples = SAMPLES;
    o.bleu.max_order = 2;
    o.bleu.lowercase = true;
    o.chrf.word_order = 2;
    o.ter.case_sensitive = true;
    for (int metric = CLSEQ_EVAL_METRIC_BLEU; metric <= CLSEQ_EVAL_METRIC_EXACT; metric++) {
        o.metric = (clseq_eval_metric)metric;
        o.seed = 5000000000u + (uint64_t)metric;
        test_metric(*state, &o, names[metric]);
    }
}

/* 300 lines, one system right in 6 of 10, the other in 5 or so: what the draw must look like. */
static void interval_of_a_share(void **state)
{
    clseq_context *ctx = *state;
    const char *const refs[] = { "a" };
    clseq_paired_options o;
    clseq_paired_result r, again;
    clseq_paired *paired = NULL;

    clseq_paired_options_init(&o);
    o.metric = CLSEQ_EVAL_METRIC_EXACT;
    ASSERT_OK(ctx, clseq_paired_create(ctx, &o, &paired));
    for (int i = 0; i < 300; i++)
        ASSERT_OK(ctx,
                  clseq_paired_add(paired, i % 10 < 6 ? "a" : "b", i % 2 ? "a" : "b", refs, 1));
    ASSERT_OK(ctx, clseq_paired_test(paired, &r));
    ASSERT_OK(ctx, clseq_paired_test(paired, &again));
    assert_memory_equal(&again, &r, sizeof(r));
    clseq_paired_destroy(&paired);
    assert_close(r.difference, 10, "difference");
    /* sqrt(.6 * .4 / 300) = 2.83 % for one sample, so 0.09 for the mean of 1000; 1.96 times that
     * to either side. Six standard errors, and an error of 5 % in the width. */
    assert_true(fabs(r.system.mean - 60) < 0.54 && fabs(r.other.mean - 50) < 0.54);
    assert_true(fabs((r.system.high - r.system.low) / 2 - 5.54) < 0.6);
    assert_true(fabs((r.other.high - r.other.low) / 2 - 5.66) < 0.6);
    /* the difference of a sample: mean 10, standard deviation 100 sqrt((.5 - .01) / 300) = 4.04;
     * 10 more than its mean is 2.47 of these: 0.0067 of all samples */
    assert_true(r.p_value > 0.001 && r.p_value < 0.02);
    assert_string_equal(r.signature, "");
}

static void systems_that_never_differ(void **state)
{
    clseq_context *ctx = *state;
    const char *const refs[] = { "a b c d e" };
    clseq_paired_options o;
    clseq_paired_result r;
    clseq_paired *paired = NULL;

    clseq_paired_options_init(&o);
    o.samples = 19;
    ASSERT_OK(ctx, clseq_paired_create(ctx, &o, &paired));
    ASSERT_OK(ctx, clseq_paired_add(paired, "a b c d e", "a b c d e", refs, 1));
    ASSERT_OK(ctx, clseq_paired_test(paired, &r));
    assert_int_equal(r.equal_samples, 19);
    assert_close(r.p_value, 1.0 / 20, "p-value");
    assert_close(r.system.low, 100, "low");
    assert_close(r.other.high, 100, "high");
    assert_string_equal(r.signature,
                        "nrefs:1|bs:19|seed:1|case:mixed|eff:no|tok:13a|smooth:exp|version:clseq-"
                        "" CLSEQ_VERSION_STRING);
    clseq_paired_destroy(&paired);
    clseq_paired_destroy(&paired);
}

static void bad_lines_and_options(void **state)
{
    clseq_context *ctx = *state;
    const char *const refs[] = { "a b" }, *const empty[] = { "" };
    clseq_paired_options o;
    clseq_paired_result r, again;
    clseq_paired *paired = NULL;

    clseq_paired_options_init(&o);
    o.samples = 0;
    ASSERT_FAILS(ctx, CLSEQ_ERR_ARG, "0 samples", clseq_paired_create(ctx, &o, &paired));
    o.samples = CLSEQ_PAIRED_MAX_SAMPLES + 1;
    ASSERT_FAILS(ctx, CLSEQ_ERR_ARG, "1 to 1000000", clseq_paired_create(ctx, &o, &paired));
    o.samples = 10;
    o.metric = (clseq_eval_metric)6;
    ASSERT_FAILS(ctx, CLSEQ_ERR_ARG, "metric number 6", clseq_paired_create(ctx, &o, &paired));
    o.metric = CLSEQ_EVAL_METRIC_BLEU;
    o.bleu.max_order = 0;
    ASSERT_FAILS(ctx, CLSEQ_ERR_ARG, "order 0", clseq_paired_create(ctx, &o, &paired));
    assert_null(paired);

    o.metric = CLSEQ_EVAL_METRIC_EDIT_RATE;
    ASSERT_OK(ctx, clseq_paired_create(ctx, &o, &paired));
    ASSERT_OK(ctx, clseq_paired_add(paired, "a", "b", refs, 1));
    ASSERT_OK(ctx, clseq_paired_test(paired, &r));
    /* a line that is refused changes nothing */
    ASSERT_FAILS(ctx, CLSEQ_ERR_DATA, "line 2, other hypothesis: byte 2 (0xff)",
                 clseq_paired_add(paired, "a", "b\xff", refs, 1));
    ASSERT_FAILS(ctx, CLSEQ_ERR_DATA, "line 2, hypothesis: byte 1",
                 clseq_paired_add(paired, "\xff", "b", refs, 1));
    ASSERT_FAILS(ctx, CLSEQ_ERR_DATA, "line 2 has no reference",
                 clseq_paired_add(paired, "a", "b", NULL, 0));
    ASSERT_OK(ctx, clseq_paired_test(paired, &again));
    assert_memory_equal(&again, &r, sizeof(r));
    /* no reference tokens in some samples: the rate of these is 100, or 0 without edits */
    ASSERT_OK(ctx, clseq_paired_add(paired, "a", "", empty, 1));
    ASSERT_OK(ctx, clseq_paired_test(paired, &r));
    assert_close(r.system.high, 100, "high");
    assert_close(r.other.low, 0, "low");
    clseq_paired_destroy(&paired);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(samples_equal_the_metrics),
        cmocka_unit_test(interval_of_a_share),
        cmocka_unit_test(systems_that_never_differ),
        cmocka_unit_test(bad_lines_and_options),
    };

    return cmocka_run_group_tests_name("paired", tests, unit_context_create, unit_context_destroy);
}
