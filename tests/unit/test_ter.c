/* SPDX-License-Identifier: BSD-2-Clause */
/* TER: cases checked by hand and made-up ones with the figures of sacreBLEU 2.6.0. */
#include "unit.h"

#include "eval/ter_edits.h"
#include "eval/ter_tokenize.h"

#include <clseq/eval.h>
#include <clseq/version.h>

#include <math.h>

static void assert_close(double got, double want, const char *what)
{
    if (!(fabs(got - want) <= 1e-9))
        fail_msg("%s: got %.15g, expected %.15g", what, got, want);
}

/* The edits of one line against up to three references. */
static void one_line(clseq_context *ctx, const clseq_ter_options *options, const char *hyp,
                     const char *const *refs, size_t n_refs, clseq_ter_result *ret)
{
    clseq_ter *ter = NULL;

    ASSERT_OK(ctx, clseq_ter_create(ctx, options, &ter));
    ASSERT_OK(ctx, clseq_ter_add(ter, hyp, refs, n_refs));
    ASSERT_OK(ctx, clseq_ter_score(ter, ret));
    clseq_ter_destroy(&ter);
    assert_null(ter);
}

static void edits_by_hand(void **state)
{
    static const struct {
        const char *hyp, *ref;
        uint64_t edits, words;
    } cases[] = {
        { "", "", 0, 0 },
        { "a b", "", 2, 0 },
        { "", "a b", 2, 2 },
        { "A b c", "a B c", 0, 3 },
        { "a x c", "a b c", 1, 3 },
        { "a c", "a b c", 1, 3 },
        { "a b b c", "a b c", 1, 3 },
        /* one shift, whatever its length */
        { "d e f a b c", "a b c d e f", 1, 6 },
        { "b a", "a b", 1, 2 },
        /* the example of the paper: a shift, two replaced words, one that lacks */
        { "THIS WEEK THE SAUDIS denied information published in the new york times",
          "SAUDI ARABIA denied THIS WEEK information published in the AMERICAN new york times", 4,
          13 },
        /* two shifts */
        { "c d x y z a b u v w", "a b c d u v w x y z", 2, 10 },
        /* a run of 11 words takes more than one, as 10 move at a time */
        { "k l m n o p q r s t u v a b c d e f g h i j x",
          "a b c d e f g h i j x k l m n o p q r s t u v", 2, 23 },
    };

    for (size_t i = 0; i < CLSEQ_ARRAY_SIZE(cases); i++) {
        clseq_ter_result r;

        one_line(*state, NULL, cases[i].hyp, &cases[i].ref, 1, &r);
        if (r.edits != cases[i].edits)
            fail_msg("case %zu: got %llu edits, expected %llu", i, (unsigned long long)r.edits,
                     (unsigned long long)cases[i].edits);
        assert_close(r.reference_tokens, (double)cases[i].words, "reference tokens");
    }
}

/* Numbers below k from a fixed sequence. */
static void make_words(uint32_t seed, size_t k, size_t n, size_t *words)
{
    for (size_t i = 0; i < n; i++) {
        seed = (seed * 1103515245u + 12345u) & 0x7fffffffu;
        words[i] = (seed >> 16) % k;
    }
}

/* Lengths and alphabets where the limits decide; the figures are sacreBLEU's. The hypothesis is the
 * reference from word `turn` on, and around, or words of its own where `turn` is 0. */
static void limits_of_the_search(void **state)
{
    static const struct {
        uint32_t seed;
        size_t n_hyp, n_ref, k, turn, edits;
    } cases[] = {
        { 5, 1, 200, 7, 0, 199 },
        { 6, 200, 1, 7, 0, 199 },
        { 7, 2, 130, 3, 0, 128 },
        { 8, 12, 15, 3, 0, 6 },
        { 9, 15, 12, 5, 0, 8 },
        { 10, 20, 20, 8, 3, 1 },
        { 11, 3, 2, 2, 0, 2 },
        { 237, 25, 27, 1000, 12, 3 }, /* 11 words take 2 shifts */
        { 9, 70, 70, 1000, 19, 38 },  /* 51 words back: 2 edits if shifts went farther */
        { 9, 70, 70, 1000, 51, 38 },  /* 51 words forth: 19 edits */
        { 9, 70, 70, 1000, 20, 2 },   /* 50 words back: 40 edits if shifts went less far */
        { 9, 70, 70, 1000, 50, 21 },  /* 50 words forth: 40 edits */
        { 17, 36, 40, 2, 0, 12 },     /* 14 edits when 400 shifts are looked at, 10 when all are */
        { 18, 40, 36, 2, 0, 9 },
        /* 6 edits with one more column in the band; 61 edits with one less */
        { 243, 64, 61, 1000, 23, 64 },
        { 243, 61, 61, 1000, 24, 3 },
    };
    size_t hyp[256], ref[256];
    clseq_ter_scratch scratch = { 0 };

    for (size_t i = 0; i < CLSEQ_ARRAY_SIZE(cases); i++) {
        const size_t n = cases[i].n_hyp, m = cases[i].n_ref;
        size_t got = 0;

        make_words(cases[i].seed, cases[i].k, m, ref);
        make_words(cases[i].seed + 1, cases[i].k, n, hyp);
        for (size_t j = 0; cases[i].turn && j < n; j++)
            hyp[j] = ref[(j + cases[i].turn) % m];
        ASSERT_OK(*state, clseq_ter_edits(*state, &scratch, hyp, n, ref, m, &got));
        if (got != cases[i].edits)
            fail_msg("case %zu: got %zu edits, expected %zu", i, got, cases[i].edits);
    }
    clseq_ter_scratch_fini(&scratch);
}

static void scores_without_reference_tokens(void **state)
{
    const char *const empty[] = { " " };
    clseq_ter_result r;

    one_line(*state, NULL, "", empty, 1, &r);
    assert_close(r.score, 0, "nothing to do");
    one_line(*state, NULL, "a b c", empty, 1, &r);
    assert_close(r.score, 100, "no rate");
    assert_int_equal(r.edits, 3);
}

static void lines_and_references_add_up(void **state)
{
    clseq_context *ctx = *state;
    const char *const two[] = { "a b c d", "x y" };
    const char *const one[] = { NULL, "e f g", NULL };
    const char *const broken[] = { "fine", "ab\xff" };
    clseq_ter_result r, again;
    clseq_ter *ter = NULL;

    ASSERT_OK(ctx, clseq_ter_create(ctx, NULL, &ter));
    ASSERT_FAILS(ctx, CLSEQ_ERR_DATA, "no line to score", clseq_ter_score(ter, &r));
    ASSERT_OK(ctx, clseq_ter_add(ter, "a b c", two, 2)); /* 1 edit of (4 + 2) / 2 */
    ASSERT_OK(ctx, clseq_ter_score(ter, &r));
    assert_close(r.score, 100.0 / 3, "fewest edits, mean length");
    assert_string_equal(r.signature, "nrefs:2|case:lc|tok:tercom|norm:no|punct:yes|asian:no|"
                                     "version:clseq-" CLSEQ_VERSION_STRING);
    ASSERT_OK(ctx, clseq_ter_add(ter, "f g e h", one, 3)); /* 2 edits of 3 */
    ASSERT_OK(ctx, clseq_ter_score(ter, &r));
    assert_int_equal(r.lines, 2);
    assert_int_equal(r.edits, 3);
    assert_close(r.score, 50, "two lines");
    assert_non_null(strstr(r.signature, "nrefs:var|"));
    ASSERT_FAILS(ctx, CLSEQ_ERR_DATA, "line 3, reference 2: byte 3 (0xff)",
                 clseq_ter_add(ter, "x", broken, 2));
    ASSERT_FAILS(ctx, CLSEQ_ERR_DATA, "line 3, hypothesis", clseq_ter_add(ter, "\x80", two, 2));
    ASSERT_FAILS(ctx, CLSEQ_ERR_DATA, "line 3 has no reference", clseq_ter_add(ter, "x", one, 1));
    ASSERT_OK(ctx, clseq_ter_score(ter, &again));
    assert_memory_equal(&again, &r, sizeof(r));
    clseq_ter_reset(ter);
    ASSERT_FAILS(ctx, CLSEQ_ERR_DATA, "no line to score", clseq_ter_score(ter, &r));
    clseq_ter_destroy(&ter);
    clseq_ter_destroy(&ter);
}

static void assert_words(clseq_context *ctx, const clseq_ter_options *options, bool is_reference,
                         const char *text, const char *want)
{
    clseq_eval_text got = { 0 }, spare = { 0 };
    size_t at = 0, n = 0, size;
    const char *token;
    char words[256];

    ASSERT_OK(ctx, clseq_eval_text_set(ctx, &got, text));
    ASSERT_OK(ctx, clseq_ter_tokenize(ctx, options, is_reference, &got, &spare));
    words[0] = 0;
    while ((size = clseq_eval_text_next_token(&got, &at, &token)) > 0)
        n += (size_t)snprintf(words + n, sizeof(words) - n, "%s%.*s", n ? " " : "", (int)size,
                              token);
    if (strcmp(words, want) != 0)
        fail_msg("tercom of \"%s\": got \"%s\", expected \"%s\"", text, words, want);
    free(got.s);
    free(spare.s);
}

static void tokenizer(void **state)
{
    const clseq_ter_options plain = { 0 }, cased = { .case_sensitive = true };
    const clseq_ter_options normalized = { .normalized = true }, bare = { .no_punct = true };
    const clseq_ter_options asian = { .normalized = true, .asian_support = true };
    const clseq_ter_options asian_bare = { .no_punct = true, .asian_support = true };

    assert_words(*state, &plain, false, " The  Cat,\tsat.\n", "the cat, sat.");
    assert_words(*state, &cased, false, "The Cat", "The Cat");
    assert_words(*state, &normalized, false, "Bob's 1,000.50 (x) &amp; 5-6, a-b",
                 "bob 's 1,000.50 ( x ) & 5 - 6 , a-b");
    assert_words(*state, &normalized, false, "end\n-ing\nnext <skipped>",
                 "ending next < skipped >");
    /* a 's that only punctuation follows: once in a hypothesis, a second time in a reference */
    assert_words(*state, &normalized, false, "It is Bob's.", "it is bob's .");
    assert_words(*state, &normalized, true, "It is Bob's.", "it is bob 's .");
    assert_words(*state, &bare, false, "\"Who?\" (a-b) it's: 1,000; no!", "who a-b it's 1000 no");
    /* two ideographs, an ideographic comma, kana; then a fullwidth comma */
    assert_words(*state, &asian, false,
                 "\xe4\xb8\xad\xe6\x96\x87\xe3\x80\x81\xe3\x82\xab\xe3\x82\xbf\xef\xbc\x8cx",
                 "\xe4\xb8\xad \xe6\x96\x87 \xe3\x80\x81 \xe3\x82\xab\xe3\x82\xbf \xef\xbc\x8c x");
    assert_words(*state, &normalized, false, "\xe4\xb8\xad\xe6\x96\x87",
                 "\xe4\xb8\xad\xe6\x96\x87");
    assert_words(*state, &asian_bare, false, "\xe4\xb8\xad\xe6\x96\x87\xe3\x80\x81x\xef\xbc\x8c.",
                 "\xe4\xb8\xad\xe6\x96\x87x");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(edits_by_hand),
        cmocka_unit_test(limits_of_the_search),
        cmocka_unit_test(scores_without_reference_tokens),
        cmocka_unit_test(lines_and_references_add_up),
        cmocka_unit_test(tokenizer),
    };

    return cmocka_run_group_tests_name("ter", tests, unit_context_create, unit_context_destroy);
}
