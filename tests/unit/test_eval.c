/* SPDX-License-Identifier: BSD-2-Clause */
/* Metrics on cases small enough to check by hand. The large ones are in test_eval_data.c. */
#include "unit.h"

#include "base/philox.h"
#include "eval/edit_distance.h"
#include "eval/eval_intern.h"
#include "eval/eval_text.h"

#include <clseq/eval.h>
#include <clseq/version.h>

#include <math.h>

static void assert_close(double got, double want, const char *what)
{
    if (!(fabs(got - want) <= 1e-9))
        fail_msg("%s: got %.15g, expected %.15g", what, got, want);
}

static void assert_tokens(clseq_context *ctx, clseq_eval_tokenizer kind, const char *text,
                          const char *want)
{
    char *got = NULL;

    ASSERT_OK(ctx, clseq_eval_tokenize(ctx, kind, text, &got));
    if (strcmp(got, want) != 0)
        fail_msg("%s of \"%s\": got \"%s\", expected \"%s\"", clseq_eval_tokenizer_name(kind), text,
                 got, want);
    free(got);
}

static void tokenize_13a(void **state)
{
    static const char *const pairs[][2] = {
        { "", "" },
        { " \t ", "" },
        { "Hello, world!", "Hello , world !" },
        { "(a) [b] {c} ~d", "( a ) [ b ] { c } ~ d" },
        /* . and , stay between digits only; at the line end a digit does not hold them */
        { "1,000.50 costs 3.", "1,000.50 costs 3 ." },
        { ".5 5, a.b 0.5", ". 5 5 , a . b 0.5" },
        { "...", ". . ." },
        /* - parts only after a digit; ' never */
        { "1-2 a-b it's", "1 - 2 a-b it's" },
        /* entities in this order, each once: &amp;lt; becomes <, &amp;quot; stays an entity */
        { "&quot;a&quot; &lt;b&gt; &amp;lt; &amp;quot;", "\" a \" < b > < & quot ;" },
        { "a<skipped>b", "ab" },
        { "broken-\nword\nnext", "brokenword next" },
        { "caf\xc3\xa9. \xe2\x80\x9cx\xe2\x80\x9d", "caf\xc3\xa9 . \xe2\x80\x9cx\xe2\x80\x9d" },
        /* all Unicode spaces part tokens */
        { "a\xc2\xa0"
          "b\xe3\x80\x80"
          "c",
          "a b c" },
    };

    for (size_t i = 0; i < CLSEQ_ARRAY_SIZE(pairs); i++)
        assert_tokens(*state, CLSEQ_EVAL_TOKENIZER_13A, pairs[i][0], pairs[i][1]);
}

static void tokenize_intl(void **state)
{
    static const char *const pairs[][2] = {
        { "", "" },
        { "Hello, world!", "Hello , world !" },
        { "1,000.50", "1,000.50" },
        /* no space is put behind the line, so a number keeps its last stop */
        { "in 1999.", "in 1999." },
        { "a-b it's", "a - b it ' s" },
        { "&lt;", "& lt ;" },
        { "5\xe2\x82\xac+1", "5 \xe2\x82\xac + 1" },
        { "\xe2\x80\x9cx\xe2\x80\x9d", "\xe2\x80\x9c x \xe2\x80\x9d" },
        { "a\xe2\x80\xa6\xe2\x80\xa6", "a \xe2\x80\xa6 \xe2\x80\xa6" },
    };

    for (size_t i = 0; i < CLSEQ_ARRAY_SIZE(pairs); i++)
        assert_tokens(*state, CLSEQ_EVAL_TOKENIZER_INTL, pairs[i][0], pairs[i][1]);
}

static void tokenize_char_and_none(void **state)
{
    clseq_context *ctx = *state;
    clseq_eval_tokenizer kind = CLSEQ_EVAL_TOKENIZER_13A;
    char *text = NULL;

    assert_tokens(ctx, CLSEQ_EVAL_TOKENIZER_CHAR, "\xc3\xa4 b \n", "\xc3\xa4   b");
    assert_tokens(ctx, CLSEQ_EVAL_TOKENIZER_NONE, " a,  b.\xc2\xa0\n", " a,  b.");
    ASSERT_OK(ctx, clseq_eval_tokenizer_find(ctx, "char", &kind));
    assert_int_equal(kind, CLSEQ_EVAL_TOKENIZER_CHAR);
    ASSERT_FAILS(ctx, CLSEQ_ERR_ARG, "13a, intl, char, none",
                 clseq_eval_tokenizer_find(ctx, "moses", &kind));
    ASSERT_FAILS(ctx, CLSEQ_ERR_ARG, "unknown tokenizer",
                 clseq_eval_tokenize(ctx, (clseq_eval_tokenizer)99, "a", &text));
    ASSERT_FAILS(ctx, CLSEQ_ERR_DATA, "byte 2 (0xc3)",
                 clseq_eval_tokenize(ctx, CLSEQ_EVAL_TOKENIZER_NONE, "a\xc3", &text));
    assert_null(text);
}

static void lower_case(void **state)
{
    static const char *const pairs[][2] = {
        { "ABC xyz 1", "abc xyz 1" },
        { "\xc3\x84\xc3\x9f", "\xc3\xa4\xc3\x9f" }, /* A umlaut, sharp s */
        { "\xc8\xba", "\xe2\xb1\xa5" },             /* two bytes become three */
        { "\xc4\xb0", "i\xcc\x87" },                /* dotted I becomes two code points */
        /* capital sigma: final after a letter and before none; marks between do not count */
        { "\xce\x9f\xce\xa3", "\xce\xbf\xcf\x82" },
        { "\xce\x9f\xce\xa3\xce\x91", "\xce\xbf\xcf\x83\xce\xb1" },
        { "\xce\xa3", "\xcf\x83" },
        { "A'\xce\xa3.", "a'\xcf\x82." },
        { "A'\xce\xa3.B", "a'\xcf\x83.b" },
        { "1\xce\xa3", "1\xcf\x83" },
    };
    clseq_eval_text text = { 0 }, spare = { 0 };

    for (size_t i = 0; i < CLSEQ_ARRAY_SIZE(pairs); i++) {
        ASSERT_OK(*state, clseq_eval_text_set(*state, &text, pairs[i][0]));
        ASSERT_OK(*state, clseq_eval_text_lower(*state, &text, &spare));
        assert_string_equal(text.s, pairs[i][1]);
        assert_int_equal(text.size, strlen(pairs[i][1]));
    }
    free(text.s);
    free(spare.s);
}

static void interning_is_exact(void **state)
{
    clseq_context *ctx = *state;
    clseq_intern table = { 0 };
    char name[32];
    size_t number;

    for (int round = 0; round < 2; round++) {
        ASSERT_OK(ctx, clseq_intern_reset(ctx, &table));
        for (size_t i = 0; i < 5000; i++) {
            snprintf(name, sizeof(name), "%zu", i * 7);
            assert_true(clseq_intern_find(&table, name, strlen(name)) == CLSEQ_INTERN_NONE);
            ASSERT_OK(ctx, clseq_intern_add(ctx, &table, name, strlen(name), &number));
            assert_int_equal(number, i);
        }
        for (size_t i = 0; i < 5000; i++) {
            snprintf(name, sizeof(name), "%zu", i * 7);
            assert_int_equal(clseq_intern_find(&table, name, strlen(name)), i);
            ASSERT_OK(ctx, clseq_intern_add(ctx, &table, name, strlen(name), &number));
            assert_int_equal(number, i);
        }
        ASSERT_OK(ctx, clseq_intern_add(ctx, &table, "a\0b", 3, &number));
        assert_int_equal(number, 5000);
        assert_true(clseq_intern_find(&table, "a\0c", 3) == CLSEQ_INTERN_NONE);
        ASSERT_OK(ctx, clseq_intern_add(ctx, &table, "", 0, &number));
        assert_int_equal(number, 5001);
    }
    clseq_intern_fini(&table);
}

/* BLEU of one line against up to three references. */
static void one_line(clseq_context *ctx, const clseq_bleu_options *options, const char *hyp,
                     const char *const *refs, size_t n_refs, clseq_bleu_result *ret)
{
    clseq_bleu *bleu = NULL;

    ASSERT_OK(ctx, clseq_bleu_create(ctx, options, &bleu));
    ASSERT_OK(ctx, clseq_bleu_add(bleu, hyp, refs, n_refs));
    ASSERT_OK(ctx, clseq_bleu_score(bleu, ret));
    clseq_bleu_destroy(&bleu);
    assert_null(bleu);
}

/* The example of Papineni et al., section 2.1: each reference has "the" at most twice. */
static void bleu_clips_to_the_best_reference(void **state)
{
    const char *const refs[] = { "the cat is on the mat", "there is a cat on the mat" };
    clseq_bleu_options options;
    clseq_bleu_result r;

    clseq_bleu_options_init(&options);
    options.max_order = 1;
    one_line(*state, &options, "the the the the the the the", refs, 2, &r);
    assert_int_equal(r.matches[0], 2);
    assert_int_equal(r.totals[0], 7);
    assert_int_equal(r.hyp_length, 7);
    assert_int_equal(r.ref_length, 7);
    assert_close(r.score, 200.0 / 7, "score");
    /* nor can a reference give more than the output has */
    one_line(*state, &options, "the cat", (const char *const[]) { "the the cat the cat" }, 1, &r);
    assert_int_equal(r.matches[0], 2);
    one_line(*state, &options, "the the cat", refs, 2, &r);
    assert_int_equal(r.matches[0], 3);
    assert_string_equal(r.signature, "nrefs:2|case:mixed|eff:no|tok:13a|smooth:exp|order:1|"
                                     "version:clseq-" CLSEQ_VERSION_STRING);
}

static void bleu_takes_the_closest_length(void **state)
{
    const char *const tie[] = { "a b c d e f", "a b c d" };
    const char *const near[] = { "a", "a b c d e f g", "a b" };
    const char *const gap[] = { NULL, "a b c d e f", NULL };
    clseq_bleu_options options;
    clseq_bleu_result r;

    clseq_bleu_options_init(&options);
    options.max_order = 2;
    one_line(*state, &options, "a b c d e", tie, 2, &r);
    assert_int_equal(r.ref_length, 4);
    one_line(*state, &options, "a b c d e", near, 3, &r);
    assert_int_equal(r.ref_length, 7);
    assert_close(r.brevity_penalty, exp(1 - 7.0 / 5), "brevity penalty");
    assert_close(r.score, 100 * exp(1 - 7.0 / 5), "score");
    one_line(*state, &options, "a b c d e", gap, 3, &r);
    assert_int_equal(r.ref_length, 6);
    assert_non_null(strstr(r.signature, "nrefs:1|"));
}

/* 3/4, 1/3, 0/2, 0/1 matches. */
static void bleu_smoothing(void **state)
{
    const char *const refs[] = { "a b c d" };
    const struct {
        clseq_smoothing smoothing;
        double value;
        double product; /* of the four precisions */
        const char *signature;
    } cases[] = {
        { CLSEQ_SMOOTHING_EXP, -1, 0.75 / 3 * 0.25 * 0.25, "|smooth:exp|" },
        { CLSEQ_SMOOTHING_FLOOR, -1, 0.75 / 3 * 0.05 * 0.1, "|smooth:floor[0.10]|" },
        { CLSEQ_SMOOTHING_FLOOR, 0.001, 0.75 / 3 * 0.0005 * 0.001, "|smooth:floor[0.001]|" },
        { CLSEQ_SMOOTHING_ADD_K, -1, 0.75 * 2 / 4 / 3 / 2, "|smooth:add-k[1.00]|" },
        { CLSEQ_SMOOTHING_ADD_K, 2, 0.75 * 3 / 5 * 2 / 4 * 2 / 3, "|smooth:add-k[2.00]|" },
        { CLSEQ_SMOOTHING_NONE, -1, 0, "|smooth:none|" },
    };

    for (size_t i = 0; i < CLSEQ_ARRAY_SIZE(cases); i++) {
        clseq_bleu_options options;
        clseq_bleu_result r;

        clseq_bleu_options_init(&options);
        options.smoothing = cases[i].smoothing;
        options.smooth_value = cases[i].value;
        one_line(*state, &options, "a b x d", refs, 1, &r);
        assert_close(r.score, 100 * pow(cases[i].product, 0.25), cases[i].signature);
        assert_int_equal(r.matches[1], 1); /* counts stay as counted */
        assert_non_null(strstr(r.signature, cases[i].signature));
    }
}

static void bleu_effective_order(void **state)
{
    const char *const refs[] = { "a b", "x y z" };
    clseq_bleu_options options;
    clseq_bleu_result r;

    clseq_bleu_options_init(&options);
    one_line(*state, &options, "a b", refs, 2, &r);
    assert_close(r.score, 0, "no 3-grams");
    options.effective_order = true;
    one_line(*state, &options, "a b", refs, 2, &r);
    assert_close(r.score, 100, "orders 1 and 2");
    assert_non_null(strstr(r.signature, "|eff:yes|"));
}

static void bleu_adds_up_lines(void **state)
{
    clseq_context *ctx = *state;
    const char *const one[] = { "A b C" };
    const char *const two[] = { "", "the end" };
    clseq_bleu_options options;
    clseq_bleu_result r;
    clseq_bleu *bleu = NULL;

    clseq_bleu_options_init(&options);
    options.tokenizer = CLSEQ_EVAL_TOKENIZER_NONE;
    options.lowercase = true;
    options.max_order = 2;
    ASSERT_OK(ctx, clseq_bleu_create(ctx, &options, &bleu));
    ASSERT_FAILS(ctx, CLSEQ_ERR_DATA, "no line to score", clseq_bleu_score(bleu, &r));
    ASSERT_OK(ctx, clseq_bleu_add(bleu, "a B c", one, 1));
    ASSERT_OK(ctx, clseq_bleu_add(bleu, "THE END now", two, 2));
    ASSERT_OK(ctx, clseq_bleu_add(bleu, "", two, 2));
    ASSERT_OK(ctx, clseq_bleu_score(bleu, &r));
    assert_int_equal(r.lines, 3);
    assert_int_equal(r.matches[0], 5);
    assert_int_equal(r.totals[0], 6);
    assert_int_equal(r.matches[1], 3);
    assert_int_equal(r.totals[1], 4);
    assert_int_equal(r.ref_length, 3 + 2 + 0);
    assert_string_equal(r.signature, "nrefs:var|case:lc|eff:no|tok:none|smooth:exp|order:2|"
                                     "version:clseq-" CLSEQ_VERSION_STRING);

    /* a line that is refused changes nothing */
    {
        const char *const broken[] = { "fine", "ab\xff" };
        const char *const absent[] = { NULL, NULL };
        clseq_bleu_result again;

        ASSERT_FAILS(ctx, CLSEQ_ERR_DATA, "line 4, reference 2: byte 3 (0xff) is not valid UTF-8",
                     clseq_bleu_add(bleu, "fine", broken, 2));
        ASSERT_FAILS(ctx, CLSEQ_ERR_DATA, "line 4, hypothesis: byte 1 (0x80)",
                     clseq_bleu_add(bleu, "\x80", one, 1));
        /* a surrogate, an overlong form, a code point beyond the last */
        ASSERT_FAILS(ctx, CLSEQ_ERR_DATA, "UTF-8", clseq_bleu_add(bleu, "\xed\xa0\x80", one, 1));
        ASSERT_FAILS(ctx, CLSEQ_ERR_DATA, "UTF-8", clseq_bleu_add(bleu, "\xc0\xaf", one, 1));
        ASSERT_FAILS(ctx, CLSEQ_ERR_DATA, "UTF-8",
                     clseq_bleu_add(bleu, "\xf4\x90\x80\x80", one, 1));
        ASSERT_FAILS(ctx, CLSEQ_ERR_DATA, "line 4 has no reference",
                     clseq_bleu_add(bleu, "x", absent, 2));
        ASSERT_FAILS(ctx, CLSEQ_ERR_DATA, "line 4 has no reference",
                     clseq_bleu_add(bleu, "x", NULL, 0));
        ASSERT_OK(ctx, clseq_bleu_score(bleu, &again));
        assert_memory_equal(&again, &r, sizeof(r));
    }
    clseq_bleu_reset(bleu);
    ASSERT_OK(ctx, clseq_bleu_add(bleu, "", one, 1));
    ASSERT_OK(ctx, clseq_bleu_score(bleu, &r));
    assert_close(r.score, 0, "empty output");
    assert_close(r.brevity_penalty, 0, "brevity penalty");
    clseq_bleu_destroy(&bleu);
    clseq_bleu_destroy(&bleu);
}

static void bleu_options_are_checked(void **state)
{
    clseq_context *ctx = *state;
    clseq_smoothing smoothing = CLSEQ_SMOOTHING_EXP;
    clseq_bleu_options options;
    clseq_bleu *bleu = NULL;
    clseq_bleu_result r;
    const uint64_t four[] = { 4, 3, 2, 1 }, three[] = { 3, 3, 3, 3 };

    clseq_bleu_options_init(&options);
    options.max_order = 0;
    ASSERT_FAILS(ctx, CLSEQ_ERR_ARG, "order 0", clseq_bleu_create(ctx, &options, &bleu));
    options.max_order = CLSEQ_BLEU_MAX_ORDER + 1;
    ASSERT_FAILS(ctx, CLSEQ_ERR_ARG, "1 to 16", clseq_bleu_create(ctx, &options, &bleu));
    clseq_bleu_options_init(&options);
    options.tokenizer = (clseq_eval_tokenizer)4;
    ASSERT_FAILS(ctx, CLSEQ_ERR_ARG, "tokenizer", clseq_bleu_create(ctx, &options, &bleu));
    clseq_bleu_options_init(&options);
    options.smoothing = (clseq_smoothing)4;
    ASSERT_FAILS(ctx, CLSEQ_ERR_ARG, "smoothing", clseq_bleu_create(ctx, &options, &bleu));
    clseq_bleu_options_init(&options);
    options.smooth_value = (double)NAN;
    ASSERT_FAILS(ctx, CLSEQ_ERR_ARG, "smoothing value", clseq_bleu_create(ctx, &options, &bleu));
    assert_null(bleu);
    ASSERT_OK(ctx, clseq_smoothing_find(ctx, "add-k", &smoothing));
    assert_int_equal(smoothing, CLSEQ_SMOOTHING_ADD_K);
    ASSERT_FAILS(ctx, CLSEQ_ERR_ARG, "exp, floor", clseq_smoothing_find(ctx, "k", &smoothing));
    ASSERT_FAILS(ctx, CLSEQ_ERR_DATA, "4 matches of order 1",
                 clseq_bleu_from_counts(ctx, NULL, four, three, 3, 3, &r));
    ASSERT_OK(ctx, clseq_bleu_from_counts(ctx, NULL, four, four, 4, 8, &r));
    assert_close(r.score, 100 * exp(-1), "score of counts");
    assert_int_equal(strncmp(r.signature, "case:", 5), 0);
}

/* Line length is bounded by memory only; and a short line after a long one is right too. */
static void bleu_long_line(void **state)
{
    clseq_context *ctx = *state;
    const size_t words = 200000;
    char *line = malloc(8 * words + 1);
    const char *refs[1];
    clseq_bleu *bleu = NULL;
    clseq_bleu_result r;
    size_t n = 0;

    assert_non_null(line);
    for (size_t i = 0; i < words; i++)
        n += (size_t)snprintf(line + n, 9, "%zu ", 1000000 + i % 5000);
    refs[0] = line;
    ASSERT_OK(ctx, clseq_bleu_create(ctx, NULL, &bleu));
    ASSERT_OK(ctx, clseq_bleu_add(bleu, line, refs, 1));
    refs[0] = "one two three four";
    ASSERT_OK(ctx, clseq_bleu_add(bleu, "one two three five", refs, 1));
    ASSERT_OK(ctx, clseq_bleu_score(bleu, &r));
    for (size_t k = 0; k < 4; k++) {
        assert_int_equal(r.totals[k], words - k + 4 - k);
        assert_int_equal(r.matches[k], words - k + 3 - k);
    }
    clseq_bleu_destroy(&bleu);
    free(line);
}

static double chrf_of(clseq_context *ctx, const clseq_chrf_options *options, const char *hyp,
                      const char *const *refs, size_t n_refs, clseq_chrf_result *r)
{
    clseq_chrf *chrf = NULL;

    ASSERT_OK(ctx, clseq_chrf_create(ctx, options, &chrf));
    ASSERT_FAILS(ctx, CLSEQ_ERR_DATA, "no line to score", clseq_chrf_score(chrf, r));
    ASSERT_OK(ctx, clseq_chrf_add(chrf, hyp, refs, n_refs));
    ASSERT_FAILS(ctx, CLSEQ_ERR_DATA, "line 2, reference 1: byte 1",
                 clseq_chrf_add(chrf, "a", (const char *const[]) { "\xff" }, 1));
    ASSERT_FAILS(ctx, CLSEQ_ERR_DATA, "line 2 has no", clseq_chrf_add(chrf, "a", NULL, 0));
    ASSERT_OK(ctx, clseq_chrf_score(chrf, r));
    assert_int_equal(r->lines, 1);
    clseq_chrf_destroy(&chrf);
    return r->score;
}

static void chrf_by_hand(void **state)
{
    clseq_context *ctx = *state;
    const char *const refs[] = { "abd", NULL, "xyz" };
    const char *const words[] = { "(one) two" };
    clseq_chrf_options options;
    clseq_chrf_result r;
    clseq_chrf *chrf = NULL;

    /* characters: precision 2/4, recall 2/3; pairs: 1/3, 1/2; triples: 0/2, 0/1; no reference
     * four-grams. Spaces do not count. */
    clseq_chrf_options_init(&options);
    {
        const double p = (2.0 / 4 + 1.0 / 3) / 3, f = (2.0 / 3 + 1.0 / 2) / 3;

        assert_close(chrf_of(ctx, &options, "a b cc", refs, 3, &r), 100 * 5 * p * f / (4 * p + f),
                     "chrF2");
    }
    assert_string_equal(r.name, "chrF2");
    assert_string_equal(r.signature, "nrefs:2|case:mixed|eff:yes|nc:6|nw:0|space:no|version:clseq-"
                                     "" CLSEQ_VERSION_STRING);

    /* "two)" is cut into "two" and ")", "(one)" into "(one" and ")": of 4 words 2 match, of 3 pairs
     * 1: ( "(one" , ")" ). Single characters: all 9 match 8 of the reference. */
    options.char_order = 1;
    options.word_order = 2;
    options.beta = 1;
    {
        const double p = (8.0 / 9 + 3.0 / 4 + 2.0 / 3) / 3, f = 1.0;

        assert_close(chrf_of(ctx, &options, "(one) two)", words, 1, &r), 100 * 2 * p * f / (p + f),
                     "chrF1++");
    }
    assert_string_equal(r.name, "chrF1++");
    options.char_order = 0;
    ASSERT_FAILS(ctx, CLSEQ_ERR_ARG, "character order 0", clseq_chrf_create(ctx, &options, &chrf));
    clseq_chrf_options_init(&options);
    options.word_order = CLSEQ_CHRF_MAX_ORDER + 1;
    ASSERT_FAILS(ctx, CLSEQ_ERR_ARG, "word order 17", clseq_chrf_create(ctx, &options, &chrf));
    clseq_chrf_options_init(&options);
    options.beta = 0;
    ASSERT_FAILS(ctx, CLSEQ_ERR_ARG, "beta 0", clseq_chrf_create(ctx, &options, &chrf));
    assert_null(chrf);
}

static void chrf_of_lines_and_references(void **state)
{
    clseq_context *ctx = *state;
    const char *const two[] = { "abx", "abc" };
    const char *const apart[] = { "( one" };
    const char *const one[] = { "ab" }, *const full[] = { "abcd" };
    clseq_chrf_options options;
    clseq_chrf_result r;
    clseq_chrf *chrf = NULL;

    /* what the first reference matched is there again for the second */
    clseq_chrf_options_init(&options);
    options.char_order = 3;
    assert_close(chrf_of(ctx, &options, "abc", two, 2, &r), 100, "second reference");
    options.char_order = 1;
    options.word_order = 2;
    assert_close(chrf_of(ctx, &options, "(one", apart, 1, &r), 100, "punctuation at the start");

    /* The first line's reference has no 3-grams, so its two 3-grams are not counted: 3-grams are 2
     * of 2, singles 6 of 8 and 6 of 6, pairs 4 of 6 and 4 of 4. */
    options.char_order = 3;
    options.word_order = 0;
    ASSERT_OK(ctx, clseq_chrf_create(ctx, &options, &chrf));
    ASSERT_OK(ctx, clseq_chrf_add(chrf, "abcd", one, 1));
    ASSERT_OK(ctx, clseq_chrf_add(chrf, "abcd", full, 1));
    ASSERT_OK(ctx, clseq_chrf_score(chrf, &r));
    {
        const double p = (6.0 / 8 + 4.0 / 6 + 1) / 3;

        assert_close(r.score, 100 * 5 * p / (4 * p + 1), "two lines");
    }
    clseq_chrf_reset(chrf);
    ASSERT_FAILS(ctx, CLSEQ_ERR_DATA, "no line to score", clseq_chrf_score(chrf, &r));
    clseq_chrf_destroy(&chrf);
    clseq_chrf_destroy(&chrf);
}

/* The defining recurrence, row by row. */
static size_t plain_distance(const size_t *a, size_t na, const size_t *b, size_t nb, size_t *row)
{
    for (size_t j = 0; j <= nb; j++)
        row[j] = j;
    for (size_t i = 1; i <= na; i++) {
        size_t corner = row[0];

        row[0] = i;
        for (size_t j = 1; j <= nb; j++) {
            const size_t above = row[j];
            size_t best = corner + (a[i - 1] != b[j - 1]);

            if (above + 1 < best)
                best = above + 1;
            if (row[j - 1] + 1 < best)
                best = row[j - 1] + 1;
            row[j] = best;
            corner = above;
        }
    }
    return row[nb];
}

static void distance_equals_recurrence(void **state)
{
    enum { MAX = 300, ROUNDS = 1500 };
    static const size_t alphabets[] = { 1, 2, 4, 30 };
    static size_t a[MAX], b[MAX], row[MAX + 1];
    clseq_distance_scratch scratch = { 0 };
    const uint64_t seed = 1;

    for (uint32_t t = 0; t < ROUNDS; t++) {
        uint64_t at = 0;
        const size_t n_symbols = alphabets[t % CLSEQ_ARRAY_SIZE(alphabets)];
        const size_t limit = t % 3 == 0 ? 10 : MAX;
        const size_t na = clseq_random_below(seed, CLSEQ_RANDOM_TEST, t, at++, limit + 1);
        size_t nb = clseq_random_below(seed, CLSEQ_RANDOM_TEST, t, at++, limit + 1), got = 0;

        for (size_t i = 0; i < na; i++)
            a[i] = clseq_random_below(seed, CLSEQ_RANDOM_TEST, t, at++, n_symbols);
        for (size_t i = 0; i < nb; i++)
            b[i] = clseq_random_below(seed, CLSEQ_RANDOM_TEST, t, at++, n_symbols);
        if (t % 2 && na) {
            /* mostly the same text */
            nb = na;
            for (size_t i = 0; i < na; i++)
                b[i] = clseq_random_below(seed, CLSEQ_RANDOM_TEST, t, at++, 8) ? a[i] : 0;
        }
        ASSERT_OK(*state, clseq_edit_distance(*state, &scratch, a, na, b, nb, n_symbols, &got));
        if (got != plain_distance(a, na, b, nb, row))
            fail_msg("round %u, lengths %zu and %zu: got %zu, expected %zu", t, na, nb, got,
                     plain_distance(a, na, b, nb, row));
    }
    clseq_distance_fini(&scratch);
}

static void edit_rates_by_hand(void **state)
{
    clseq_context *ctx = *state;
    const char *const two[] = { "K AE T S", "K AE T" };
    const char *const tie[] = { "A B C D E", "A B C" };
    const char *const one[] = { "  D   AO G " };
    const char *const broken[] = { NULL, "\xfe" };
    clseq_edit_result r;
    clseq_edit *edit = NULL;

    ASSERT_OK(ctx, clseq_edit_create(ctx, NULL, &edit));
    ASSERT_FAILS(ctx, CLSEQ_ERR_DATA, "no line to score", clseq_edit_score(edit, &r));
    ASSERT_OK(ctx, clseq_edit_add(edit, "K AH T", two, 2));   /* 1 edit of 3 */
    ASSERT_OK(ctx, clseq_edit_add(edit, "A B C D", tie, 2));  /* 1 edit of 3: the shorter */
    ASSERT_OK(ctx, clseq_edit_add(edit, "D\tAO G", one, 1));  /* right, of 3 */
    ASSERT_OK(ctx, clseq_edit_add(edit, "", one, 1));         /* 3 edits of 3 */
    ASSERT_OK(ctx, clseq_edit_add(edit, "K AE T S", two, 2)); /* right, of 4 */
    ASSERT_FAILS(ctx, CLSEQ_ERR_DATA, "line 6, reference 2: byte 1 (0xfe)",
                 clseq_edit_add(edit, "a", broken, 2));
    ASSERT_FAILS(ctx, CLSEQ_ERR_DATA, "line 6, hypothesis", clseq_edit_add(edit, "\xfe", one, 1));
    ASSERT_FAILS(ctx, CLSEQ_ERR_DATA, "line 6 has no", clseq_edit_add(edit, "a", broken, 1));
    ASSERT_OK(ctx, clseq_edit_score(edit, &r));
    assert_int_equal(r.lines, 5);
    assert_int_equal(r.wrong_lines, 3);
    assert_int_equal(r.edits, 5);
    assert_int_equal(r.reference_tokens, 16);
    assert_close(r.edit_rate, 500.0 / 16, "edit rate");
    assert_close(r.wrong_rate, 60, "wrong words");
    assert_close(r.exact, 40, "exact");
    clseq_edit_reset(edit);
    ASSERT_FAILS(ctx, CLSEQ_ERR_DATA, "no line to score", clseq_edit_score(edit, &r));
    clseq_edit_destroy(&edit);
    assert_null(edit);
}

static void edit_rates_of_characters(void **state)
{
    clseq_context *ctx = *state;
    const char *const refs[] = { "  \xc3\x84 b  c" };
    clseq_edit_options options;
    clseq_edit_result r;
    clseq_edit *edit = NULL;

    clseq_edit_options_init(&options);
    options.unit = CLSEQ_EDIT_CHARACTERS;
    options.lowercase = true;
    ASSERT_OK(ctx, clseq_edit_create(ctx, &options, &edit));
    ASSERT_OK(ctx, clseq_edit_add(edit,
                                  "\xc3\xa4\xc2\xa0"
                                  "bc",
                                  refs, 1));
    ASSERT_OK(ctx, clseq_edit_score(edit, &r));
    assert_int_equal(r.edits, 1);
    assert_int_equal(r.reference_tokens, 5);
    clseq_edit_destroy(&edit);
    options.unit = (clseq_edit_unit)7;
    ASSERT_FAILS(ctx, CLSEQ_ERR_ARG, "unit number 7", clseq_edit_create(ctx, &options, &edit));
}

static void edit_rates_of_empty_references(void **state)
{
    clseq_context *ctx = *state;
    const char *const refs[] = { " " };
    clseq_edit_result r;
    clseq_edit *edit = NULL;

    ASSERT_OK(ctx, clseq_edit_create(ctx, NULL, &edit));
    ASSERT_OK(ctx, clseq_edit_add(edit, "", refs, 1));
    ASSERT_OK(ctx, clseq_edit_score(edit, &r));
    assert_close(r.edit_rate, 0, "edit rate");
    assert_close(r.exact, 100, "exact");
    ASSERT_OK(ctx, clseq_edit_add(edit, "a", refs, 1));
    ASSERT_FAILS(ctx, CLSEQ_ERR_DATA, "empty reference", clseq_edit_score(edit, &r));
    clseq_edit_destroy(&edit);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tokenize_13a),
        cmocka_unit_test(tokenize_intl),
        cmocka_unit_test(tokenize_char_and_none),
        cmocka_unit_test(lower_case),
        cmocka_unit_test(interning_is_exact),
        cmocka_unit_test(bleu_clips_to_the_best_reference),
        cmocka_unit_test(bleu_takes_the_closest_length),
        cmocka_unit_test(bleu_smoothing),
        cmocka_unit_test(bleu_effective_order),
        cmocka_unit_test(bleu_adds_up_lines),
        cmocka_unit_test(bleu_options_are_checked),
        cmocka_unit_test(bleu_long_line),
        cmocka_unit_test(chrf_by_hand),
        cmocka_unit_test(chrf_of_lines_and_references),
        cmocka_unit_test(distance_equals_recurrence),
        cmocka_unit_test(edit_rates_by_hand),
        cmocka_unit_test(edit_rates_of_characters),
        cmocka_unit_test(edit_rates_of_empty_references),
    };

    return cmocka_run_group_tests_name("eval", tests, unit_context_create, unit_context_destroy);
}
