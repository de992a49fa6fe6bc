/* SPDX-License-Identifier: BSD-2-Clause */
/* Regular expressions of glossaries: against Python's re, refused ones, and no exponential time. */
#include "unit.h"

#include "data/pattern.h"

#include <stdlib.h>

static int set_up(void **state)
{
    clseq_context *ctx = NULL;

    if (clseq_context_create(&ctx) != CLSEQ_OK)
        return -1;
    *state = ctx;
    return 0;
}

static int tear_down(void **state)
{
    clseq_context *ctx = *state;

    clseq_context_destroy(&ctx);
    return 0;
}

static clseq_pattern *make(clseq_context *ctx, const char *text)
{
    clseq_pattern *pattern = NULL;

    ASSERT_OK(ctx, clseq_pattern_create(ctx, text, strlen(text), &pattern));
    return pattern;
}

/* "1-4 5-8": all matches, each behind the one before. */
static void find_all(const clseq_pattern *pattern, const char *text, char *ret, size_t size)
{
    const size_t n = strlen(text);
    size_t at = 0, begin, end, used = 0;

    ret[0] = 0;
    while (at < n && clseq_pattern_find(pattern, text, n, at, &begin, &end)) {
        assert_true(begin >= at && end > begin && end <= n);
        used += (size_t)snprintf(ret + used, size - used, "%s%zu-%zu", used ? " " : "", begin, end);
        at = end;
    }
}

/* re.finditer() and re.fullmatch() of Python 3.11. */
static void test_python(void **state)
{
    static const struct {
        const char *pattern, *text, *spans;
        int whole;
    } cases[] = {
        /* clang-format off */
        { "abc", "xabcyabc", "1-4 5-8", 0 },
        { "a.c", "abca\303\251ca\344\270\255c", "0-3 3-7 7-12", 0 },
        { "[0-9]+", "a12b345", "1-3 4-7", 0 },
        { "[^a-z]+", "abC12d\303\251f", "2-5 6-8", 0 },
        { "\\d+", "x\357\274\2212y3", "1-5 6-7", 0 },
        { "\\w+", "ab_1-\303\251\302\267c", "0-4 5-7 9-10", 0 },
        { "\\W+", "ab--c.d", "2-4 5-6", 0 },
        { "[\\d.]+", "v1.2.3-b", "1-6", 0 },
        { "\\.", "a.b", "1-2", 0 },
        { "a|ab", "abab", "0-1 2-3", 0 },
        { "ab|a", "abaab", "0-2 2-3 3-5", 0 },
        { "(?:a|ab)c", "abcac", "0-3 3-5", 0 },
        { "<[a-z]+>", "x<b>y<i></i>", "1-4 5-8", 0 },
        { "a+", "baaac", "1-4", 0 },
        { "a+?", "aaa", "0-1 1-2 2-3", 1 },
        { "ba*", "baabb", "0-3 3-4 4-5", 0 },
        { "ba*?", "baab", "0-1 3-4", 0 },
        { "ba?", "babb", "0-2 2-3 3-4", 0 },
        { "ba??", "ba", "0-1", 1 },
        { "a{2}", "aaaaa", "0-2 2-4", 0 },
        { "a{2,}", "aaaaabaa", "0-5 6-8", 0 },
        { "a{2,3}", "aaaaaaa", "0-3 3-6", 0 },
        { "a{2,3}?", "aaaaaaa", "0-2 2-4 4-6", 0 },
        { "a{,2}b", "aaab", "1-4", 0 },
        { "x{", "ax{b", "1-3", 0 },
        { "x{a}", "x{a}", "0-4", 1 },
        { "x{1,a}", "x{1,a}x", "0-6", 0 },
        { "^ab", "abab", "0-2", 0 },
        { "ab$", "abab", "2-4", 0 },
        { "^a|b$", "aab", "0-1 2-3", 0 },
        { "(?:^|-)x", "x-xx", "0-1 1-3", 0 },
        { "x(?:-|$)", "x-xx", "0-2 3-4", 0 },
        { "(a|b)+c", "ababcab", "0-5", 0 },
        { "(?:ab)+", "ababab", "0-6", 1 },
        { "(?:a|b)*c", "abcbcc", "0-3 3-5 5-6", 0 },
        { "(?:a*)+b", "aab", "0-3", 1 },
        { "(?:a|a?)+b", "aaab", "0-4", 1 },
        { "[]a]+", "a]b", "0-2", 0 },
        { "[^]a]+", "a]bc", "2-4", 0 },
        { "[a-]+", "a-b", "0-2", 0 },
        { "[a\\-z]+", "a-zb", "0-3", 0 },
        { "[-a]+", "-a", "0-2", 1 },
        { "[\\]x]+", "x]y", "0-2", 0 },
        { "\303\251+", "a\303\251\303\251b", "1-5", 0 },
        { "[\303\240-\303\274]+", "a\303\251\303\266z", "1-5", 0 },
        { "\344\270\255.", "\344\270\255\346\226\207", "0-6", 1 },
        { "@@", "a@@b", "1-3", 0 },
        { "https?://[^ ]+", "xhttp://a.b/c", "1-13", 0 },
        { "(?:foo|foobar)(?:bar)?", "foobarfoo", "0-6 6-9", 0 },
        { "foo(?:bar|)x", "foobarxfoox", "0-7 7-11", 0 },
        { "a(?:b|c(?:d|e))f", "abfacdfacef", "0-3 3-7 7-11", 0 },
        { "((a)(b))+", "abab", "0-4", 1 },
        { "a.*b", "xaabab", "1-6", 0 },
        { "a.*?b", "xaabab", "1-4 4-6", 0 },
        { "\\S+", "ab", "0-2", 1 },
        { "[\\w']+", "don't-x", "0-5 6-7", 0 },
        { "\\\\", "a\\b", "1-2", 0 },
        { "\\$\\d", "$1$2", "0-2 2-4", 0 },
        { "(?:a+b?)+", "aabaabb", "0-6", 0 },
        { "(?:a??b)+", "abbab", "0-5", 1 },
        { "[.]", "a.b", "1-2", 0 },
        { "a{0,1}b", "aabb", "1-3 3-4", 0 },
        { "(?:xy){2}", "xyxyxy", "0-4", 0 },
        { "z", "abc", "", 0 },
        /* clang-format on */
    };

    for (size_t i = 0; i < CLSEQ_ARRAY_SIZE(cases); i++) {
        clseq_pattern *pattern = make(*state, cases[i].pattern);
        char got[256];

        find_all(pattern, cases[i].text, got, sizeof(got));
        if (strcmp(got, cases[i].spans) != 0)
            fail_msg("%s in %s: %s, expected %s", cases[i].pattern, cases[i].text, got,
                     cases[i].spans);
        if (clseq_pattern_is(pattern, cases[i].text, strlen(cases[i].text)) != cases[i].whole)
            fail_msg("%s: %s is %swhole", cases[i].pattern, cases[i].text,
                     cases[i].whole ? "" : "not ");
        clseq_pattern_destroy(&pattern);
        assert_null(pattern);
    }
}

static void test_refused(void **state)
{
    static const struct {
        const char *pattern, *part;
        clseq_status status;
    } cases[] = {
        { "(a", "byte 3: a ) is missing", CLSEQ_ERR_ARG },
        { "a)", "byte 2: a ) without its (", CLSEQ_ERR_ARG },
        { "[a", "the ] of a set is missing", CLSEQ_ERR_ARG },
        { "[]", "the ] of a set is missing", CLSEQ_ERR_ARG },
        { "[z-a]", "to a later one", CLSEQ_ERR_ARG },
        { "[a-\\d]", "to a later one", CLSEQ_ERR_ARG },
        { "*a", "nothing to repeat", CLSEQ_ERR_ARG },
        { "(|+)", "nothing to repeat", CLSEQ_ERR_ARG },
        { "a**", "two repetitions in a row", CLSEQ_ERR_ARG },
        { "a{2}{3}", "two repetitions in a row", CLSEQ_ERR_ARG },
        { "a{3,2}", "to a larger one", CLSEQ_ERR_ARG },
        { "a{256}", "at most 255", CLSEQ_ERR_ARG },
        { "a{1,99999999999}", "at most 255", CLSEQ_ERR_ARG },
        { "a\\", "nothing follows the backslash", CLSEQ_ERR_ARG },
        { "(a)\\1", "may follow a backslash", CLSEQ_ERR_ARG },
        { "\\bx", "may follow a backslash", CLSEQ_ERR_ARG },
        { "x(?=y)", "(? is not known", CLSEQ_ERR_ARG },
        { "a*", "matches the empty text", CLSEQ_ERR_ARG },
        { "", "matches the empty text", CLSEQ_ERR_ARG },
        { "a|", "matches the empty text", CLSEQ_ERR_ARG },
        { "^$", "matches the empty text", CLSEQ_ERR_ARG },
        { "\xff", "not UTF-8", CLSEQ_ERR_ARG },
        { "(?:a{250}){250}", "too long", CLSEQ_ERR_LIMIT },
        { "((((((((((((((((((((((((((((((((((a))))))))))))))))))))))))))))))))))",
          "more than 32 groups", CLSEQ_ERR_LIMIT },
    };
    clseq_context *ctx = *state;

    for (size_t i = 0; i < CLSEQ_ARRAY_SIZE(cases); i++) {
        clseq_pattern *pattern = NULL;

        ASSERT_FAILS(
            ctx, cases[i].status, cases[i].part,
            clseq_pattern_create(ctx, cases[i].pattern, strlen(cases[i].pattern), &pattern));
        assert_null(pattern);
    }
}

/* The longest that a pattern may be does not overrun anything. */
static void test_long(void **state)
{
    clseq_context *ctx = *state;
    char text[6002];

    for (size_t n = 900; n < 1100; n++) {
        clseq_pattern *pattern = NULL;
        clseq_status status;

        memset(text, 'a', n);
        status = clseq_pattern_create(ctx, text, n, &pattern);
        assert_int_equal(status, n < 1000 ? CLSEQ_OK : CLSEQ_ERR_LIMIT);
        if (pattern)
            assert_true(clseq_pattern_is(pattern, text, n) &&
                        !clseq_pattern_is(pattern, text, n - 1));
        clseq_pattern_destroy(&pattern);
    }
    /* Sets, alternatives and repetitions fill other tables. */
    for (size_t n = 1; n < 6000; n += 37) {
        static const char *const parts[] = { "[ab]", "a|", "a?", "[a-z0-9]", "(a)" };

        for (size_t k = 0; k < CLSEQ_ARRAY_SIZE(parts); k++) {
            clseq_pattern *pattern = NULL;
            size_t used = 0;

            for (; used < n; used += strlen(parts[k]))
                memcpy(text + used, parts[k], strlen(parts[k]));
            if (used >= sizeof(text))
                continue;
            text[used++] = 'x';
            if (clseq_pattern_create(ctx, text, used, &pattern) == CLSEQ_OK)
                assert_false(clseq_pattern_is(pattern, "y", 1));
            clseq_pattern_destroy(&pattern);
        }
    }
}

/* What takes a backtracking matcher longer than the world has stood. */
static void test_time(void **state)
{
    enum { N = 3000 };
    clseq_pattern *pattern = make(*state, "(?:a+)+b|(?:a|a)*c");
    char *text = malloc(N + 1);
    size_t begin, end;

    assert_non_null(text);
    memset(text, 'a', N);
    assert_false(clseq_pattern_find(pattern, text, N, 0, &begin, &end));
    text[N] = 'c';
    assert_true(clseq_pattern_find(pattern, text, N + 1, 0, &begin, &end));
    assert_true(begin == 0 && end == N + 1);
    free(text);
    clseq_pattern_destroy(&pattern);
}

/* Bytes that are no characters count one each. */
static void test_foreign(void **state)
{
    clseq_pattern *any = make(*state, "x..y"), *word = make(*state, "x\\w+");
    size_t begin, end;

    assert_true(clseq_pattern_find(any, "ax\xff\xc3y", 5, 0, &begin, &end));
    assert_true(begin == 1 && end == 5);
    assert_false(clseq_pattern_find(word, "x\xff", 2, 0, &begin, &end));
    clseq_pattern_destroy(&any);
    clseq_pattern_destroy(&word);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_python), cmocka_unit_test(test_refused), cmocka_unit_test(test_long),
        cmocka_unit_test(test_time),   cmocka_unit_test(test_foreign),
    };

    return cmocka_run_group_tests_name("patterns", tests, set_up, tear_down);
}
