/* SPDX-License-Identifier: BSD-2-Clause */
/* Kinds of tokens, spaces between them, and joining. */
#include "data/rules_inside.h"

#include <utf8proc.h>

/* True when the text, in lower case (ASCII), is in the list. */
static bool is_one_of(const char *text, size_t n, const char *const *list, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        size_t k = 0;

        while (k < n && list[i][k] &&
               (text[k] >= 'A' && text[k] <= 'Z' ? text[k] - 'A' + 'a' : text[k]) == list[i][k])
            k++;
        if (k == n && !list[i][k])
            return true;
    }
    return false;
}

bool clseq_rules_is_clitic(const char *letters, size_t n)
{
    static const char *const list[] = { "s", "t", "m", "d", "re", "ve", "ll" };

    return is_one_of(letters, n, list, CLSEQ_ARRAY_SIZE(list));
}

bool clseq_rules_is_elision(const char *letters, size_t n)
{
    static const char *const list[] = {
        "l",  "d",   "j",     "n",      "m",      "t",      "s",
        "c",  "qu",  "jusqu", "lorsqu", "puisqu", "quoiqu", "quelqu",
        "un", "all", "dall",  "dell",   "nell",   "sull",   "gl",
    };

    return is_one_of(letters, n, list, CLSEQ_ARRAY_SIZE(list));
}

static bool is_word_point(int32_t point)
{
    const utf8proc_category_t category = utf8proc_category(point);

    return (category >= UTF8PROC_CATEGORY_LU && category <= UTF8PROC_CATEGORY_LO) ||
           (category >= UTF8PROC_CATEGORY_ND && category <= UTF8PROC_CATEGORY_NO);
}

static bool has_word_point(const char *token, size_t n)
{
    for (size_t at = 0; at < n;) {
        if (is_word_point(clseq_utf8_next(token, &at)))
            return true;
    }
    return false;
}

static clseq_rules_kind kind_of_word(const char *token, size_t n)
{
    const size_t first = clseq_rules_apostrophe(token, n);
    size_t at = 0;

    if (first > 0 && clseq_rules_is_clitic(token + first, n - first))
        return CLSEQ_RULES_CLOSE;
    if (n > 1 && token[n - 1] == '\'' && clseq_rules_is_elision(token, n - 1))
        return CLSEQ_RULES_OPEN;
    if (n > 3 && clseq_rules_apostrophe(token + n - 3, 3) == 3 &&
        clseq_rules_is_elision(token, n - 3))
        return CLSEQ_RULES_OPEN;
    return clseq_rules_is_cjk(clseq_utf8_next(token, &at)) ? CLSEQ_RULES_CJK : CLSEQ_RULES_WORD;
}

static clseq_rules_kind turn(bool *open)
{
    *open = !*open;
    return *open ? CLSEQ_RULES_OPEN : CLSEQ_RULES_CLOSE;
}

/* A quote that opens in English and closes what a low one opened in German. */
static clseq_rules_kind close_low(bool *low)
{
    const bool closes = *low;

    *low = false;
    return closes ? CLSEQ_RULES_CLOSE : CLSEQ_RULES_OPEN;
}

static clseq_rules_kind kind_by_category(int32_t point)
{
    switch (utf8proc_category(point)) {
    case UTF8PROC_CATEGORY_PS:
    case UTF8PROC_CATEGORY_PI:
        return CLSEQ_RULES_OPEN;
    case UTF8PROC_CATEGORY_PE:
    case UTF8PROC_CATEGORY_PF:
        return CLSEQ_RULES_CLOSE;
    default:
        return CLSEQ_RULES_SPACED;
    }
}

clseq_rules_kind clseq_rules_kind_of(clseq_rules_quotes *quotes, const char *token, size_t n)
{
    size_t at = 0;
    const int32_t point = clseq_utf8_next(token, &at);

    if (has_word_point(token, n))
        return kind_of_word(token, n);
    if ((point >= 0x3000 && point <= 0x303f) || (point >= 0xff00 && point <= 0xffef) ||
        point == 0x30fb)
        return CLSEQ_RULES_BOTH; /* full-width punctuation has its space inside */
    switch (point) {
    case '"':
        return turn(&quotes->plain);
    case '\'':
        return turn(&quotes->single);
    case 0x201e: /* low double */
        quotes->low = true;
        return CLSEQ_RULES_OPEN;
    case 0x201a: /* low single */
        quotes->low_single = true;
        return CLSEQ_RULES_OPEN;
    case 0x201c: /* left double */
        return close_low(&quotes->low);
    case 0x2018: /* left single */
        return close_low(&quotes->low_single);
    case '$':
    case '#':
    case '@':
    case 0xa1: /* inverted ! */
    case 0xbf: /* inverted ? */
    case 0xa3: /* pound */
    case 0xa5: /* yen */
        return CLSEQ_RULES_OPEN;
    case '.':
    case ',':
    case ';':
    case ':':
    case '!':
    case '?':
    case '%':
    case 0xb0:   /* degree */
    case 0x2019: /* right single, an apostrophe too */
    case 0x2026: /* ... */
    case 0x2030: /* per mille */
    case 0x2032: /* minutes */
    case 0x2033: /* seconds */
    case 0x964:  /* danda */
    case 0x60c:  /* Arabic comma */
    case 0x61b:  /* Arabic semicolon */
    case 0x61f:  /* Arabic question mark */
        return CLSEQ_RULES_CLOSE;
    case '/':
    case '\\':
    case '_':
    case '^':
    case '~':
    case '|':
        return CLSEQ_RULES_BOTH;
    default:
        return kind_by_category(point);
    }
}

bool clseq_rules_space(clseq_rules_kind left, clseq_rules_kind right)
{
    if (left == CLSEQ_RULES_OPEN || left == CLSEQ_RULES_BOTH || right == CLSEQ_RULES_CLOSE ||
        right == CLSEQ_RULES_BOTH)
        return false;
    if (left == CLSEQ_RULES_CJK)
        return right == CLSEQ_RULES_SPACED || right == CLSEQ_RULES_OPEN;
    return !(left == CLSEQ_RULES_WORD && right == CLSEQ_RULES_CJK);
}

/* ---- joining ---- */

/* Take the marks off one end of a token: 'j', 's', or 0 for none. */
static char take_mark(const char **token, size_t *n, bool behind)
{
    char mark = 0;

    while (*n >= CLSEQ_MARK_SIZE) {
        const char *at = behind ? *token + *n - CLSEQ_MARK_SIZE : *token;

        if (memcmp(at, CLSEQ_MARK_JOIN, CLSEQ_MARK_SIZE) == 0)
            mark = 'j';
        else if (memcmp(at, CLSEQ_MARK_SPACE, CLSEQ_MARK_SIZE) == 0)
            mark = 's';
        else
            break;
        if (!behind)
            *token += CLSEQ_MARK_SIZE;
        *n -= CLSEQ_MARK_SIZE;
    }
    return mark;
}

clseq_status clseq_rules_join(clseq_context *ctx, const char *line, size_t length, clseq_text *ret)
{
    clseq_rules_quotes quotes = { 0 };
    clseq_rules_kind left = CLSEQ_RULES_WORD;
    char mark = 0; /* behind the token before, or of one that was nothing but a mark */

    if (length > CLSEQ_RULES_LINE_LIMIT)
        return clseq_fail(ctx, CLSEQ_ERR_LIMIT,
                          "a line of %zu bytes is longer than the limit of %zu", length,
                          CLSEQ_RULES_LINE_LIMIT);
    if (clseq_utf8_valid_prefix(line, length) < length)
        return clseq_fail(ctx, CLSEQ_ERR_DATA, "byte %zu is not valid UTF-8",
                          clseq_utf8_valid_prefix(line, length) + 1);
    CLSEQ_TRY(clseq_text_clear(ctx, ret));
    for (size_t begin = 0; begin < length;) {
        const char *space = memchr(line + begin, ' ', length - begin);
        const size_t end = space ? (size_t)(space - line) : length;
        const char *token = line + begin;
        size_t n = end - begin;
        const char before = take_mark(&token, &n, false);
        const char behind = take_mark(&token, &n, true);
        clseq_rules_kind right;
        bool spaced;

        begin = end + 1;
        mark = before ? before : mark;
        if (n == 0) {
            mark = behind ? behind : mark;
            continue;
        }
        right = clseq_rules_kind_of(&quotes, token, n);
        spaced = mark ? mark == 's' : clseq_rules_space(left, right);
        if (ret->size > 0 && spaced)
            CLSEQ_TRY(clseq_text_append(ctx, ret, " ", 1));
        CLSEQ_TRY(clseq_text_append(ctx, ret, token, n));
        left = right;
        mark = behind;
    }
    return CLSEQ_OK;
}
