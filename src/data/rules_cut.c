/* SPDX-License-Identifier: BSD-2-Clause */
/* Cutting raw text into tokens by rules. */
#include "data/rules_inside.h"

#include <stdlib.h>

#include <utf8proc.h>

/* What a code point is to the rules. */
enum class {
    SPACE,
    LETTER,
    DIGIT,
    CJK,
    APOSTROPHE,
    HYPHEN,
    PART, /* of what stands before it: combining marks, joiners */
    SYMBOL,
};

typedef struct character {
    int32_t point;
    uint32_t offset;
    uint8_t class;
} character;

typedef struct cutter {
    clseq_context *ctx;
    const char *text; /* without marks */
    character *chars; /* n, and one SPACE at the end */
    size_t n, capacity;
    clseq_text *out;
    clseq_rules_quotes quotes;
    clseq_rules_kind left;
    bool space;       /* before the token that comes next */
    bool single_open; /* a ' that opened */
} cutter;

static enum class class_of(int32_t point) {
    if (clseq_is_space(point)) return SPACE;
    if (point == '\'' || point == 0x2019) return APOSTROPHE;
    if (point == '-' || point == 0x2010 || point == 0x2011) return HYPHEN;
    switch (utf8proc_category(point)) {
        case UTF8PROC_CATEGORY_MN : case UTF8PROC_CATEGORY_MC : case UTF8PROC_CATEGORY_ME : case
        UTF8PROC_CATEGORY_CF : return PART;
        case UTF8PROC_CATEGORY_LU : case UTF8PROC_CATEGORY_LL : case UTF8PROC_CATEGORY_LT :
                case UTF8PROC_CATEGORY_LM : case UTF8PROC_CATEGORY_LO :
                    return clseq_rules_is_cjk(point) ? CJK : LETTER;
        case UTF8PROC_CATEGORY_ND : case UTF8PROC_CATEGORY_NL : case UTF8PROC_CATEGORY_NO :
                return clseq_rules_is_cjk(point) ? CJK : DIGIT;
        default : return SYMBOL;
    }
}

static bool is_word(const cutter *c, size_t i)
{
    return c->chars[i].class == LETTER || c->chars[i].class == DIGIT;
}

static bool is_lower(const cutter *c, size_t i)
{
    return c->chars[i].class == LETTER &&
           utf8proc_category(c->chars[i].point) == UTF8PROC_CATEGORY_LL;
}

/* ---- writing tokens ---- */

static clseq_status add(cutter *c, const char *bytes, size_t n)
{
    return clseq_text_append(c->ctx, c->out, bytes, n);
}

/* The characters [begin, end) as a token, marked where the rule about spaces does not hold. */
static clseq_status emit(cutter *c, size_t begin, size_t end)
{
    const char *token = c->text + c->chars[begin].offset;
    const size_t n = c->chars[end].offset - c->chars[begin].offset;
    const clseq_rules_kind right = clseq_rules_kind_of(&c->quotes, token, n);

    if (c->out->size > 0) {
        const char *mark = c->space ? CLSEQ_MARK_SPACE : CLSEQ_MARK_JOIN;
        const bool odd = clseq_rules_space(c->left, right) != c->space;
        const bool word = right == CLSEQ_RULES_WORD || right == CLSEQ_RULES_CJK;
        const bool behind = word && c->left != CLSEQ_RULES_WORD && c->left != CLSEQ_RULES_CJK;

        /* Marks stand on punctuation, where there is some, so that words stay the same. */
        if (odd && behind)
            CLSEQ_TRY(add(c, mark, CLSEQ_MARK_SIZE));
        CLSEQ_TRY(add(c, " ", 1));
        if (odd && !behind)
            CLSEQ_TRY(add(c, mark, CLSEQ_MARK_SIZE));
    }
    CLSEQ_TRY(add(c, token, n));
    c->left = right;
    c->space = false;
    return CLSEQ_OK;
}

/* ---- addresses ---- */

static bool begins_with(const cutter *c, size_t i, const char *what)
{
    for (; *what; what++, i++) {
        if (i >= c->n || c->chars[i].point != *what)
            return false;
    }
    return true;
}

/* Punctuation at the end of an address is of the sentence around it. */
static size_t without_end(const cutter *c, size_t begin, size_t end)
{
    while (end > begin && !is_word(c, end - 1) && c->chars[end - 1].point != '/')
        end--;
    return end;
}

/* The end of an address of the web or of mail that begins at i; i when there is none. */
static size_t address_end(const cutter *c, size_t i)
{
    size_t end = i, at;

    if (begins_with(c, i, "http://") || begins_with(c, i, "https://") ||
        begins_with(c, i, "ftp://") || begins_with(c, i, "www.")) {
        while (c->chars[end].class != SPACE && c->chars[end].point < 0x80 &&
               !strchr("\"<>", c->chars[end].point))
            end++;
        return without_end(c, i, end);
    }
    while (c->chars[end].point < 0x80 &&
           (is_word(c, end) || (c->chars[end].point && strchr("._+-", c->chars[end].point))))
        end++;
    if (end == i || c->chars[end].point != '@' || !is_word(c, end + 1))
        return i;
    at = end++;
    while (is_word(c, end) || c->chars[end].point == '.' || c->chars[end].point == '-')
        end++;
    end = without_end(c, i, end);
    return end > at ? end : i;
}

/* ---- words ---- */

/* Behind the letters and marks from i on. */
static size_t letters_end(const cutter *c, size_t i)
{
    while (c->chars[i].class == LETTER || c->chars[i].class == PART)
        i++;
    return i;
}

/* An apostrophe at i that stands in the middle of English: 's, 't, 're. */
static bool is_clitic(const cutter *c, size_t i)
{
    const size_t end = letters_end(c, i + 1);

    return end > i + 1 && !is_word(c, end) && c->chars[end].class != APOSTROPHE &&
           clseq_rules_is_clitic(c->text + c->chars[i + 1].offset,
                                 c->chars[end].offset - c->chars[i + 1].offset);
}

/* Behind the apostrophe at i, if the word that begins at `begin` goes on there; else i. */
static size_t over_apostrophe(const cutter *c, size_t begin, size_t i, bool *ends)
{
    const size_t n = c->chars[i].offset - c->chars[begin].offset;

    *ends = true;
    if (is_clitic(c, i))
        return i;
    if (c->chars[i + 1].class == LETTER) {
        *ends = clseq_rules_is_elision(c->text + c->chars[begin].offset, n);
        return i + 1;
    }
    /* "the boys' toys": not the end of a quotation, because none has begun. */
    if (c->chars[i].point == '\'' && c->chars[i + 1].class != APOSTROPHE && !c->single_open &&
        c->chars[i - 1].class == LETTER)
        return i + 1;
    return i;
}

/* A point, comma, colon or & at i that is inside the word or number. */
static bool is_inside(const cutter *c, size_t begin, size_t i)
{
    const bool digits = c->chars[i - 1].class == DIGIT && c->chars[i + 1].class == DIGIT;

    switch (c->chars[i].point) {
    case ',':
    case ':':
        return digits;
    case '.':
        if (digits || (is_lower(c, i - 1) && is_lower(c, i + 1)))
            return true;
        /* One letter on each side: U.S., z.B. */
        return c->chars[i - 1].class == LETTER && c->chars[i + 1].class == LETTER &&
               !is_word(c, i + 2) && (i - 1 == begin || !is_word(c, i - 2));
    case '&':
        return c->chars[i - 1].class == LETTER && c->chars[i + 1].class == LETTER;
    default:
        return false;
    }
}

/* Words that a point belongs to. */
static bool is_abbreviation(const cutter *c, size_t begin, size_t end)
{
    static const char *const list[] = {
        "Mr",   "Mrs",  "Ms",   "Dr",     "Prof", "St",  "Jr",   "Sr",  "Inc", "Ltd", "Co",
        "Corp", "vs",   "etc",  "approx", "No",   "Nr",  "usw",  "bzw", "ca",  "vgl", "ggf",
        "evtl", "inkl", "Str",  "Hr",     "Fr",   "Mme", "Mlle", "MM",  "Sra", "Sig", "Jan",
        "Feb",  "Aug",  "Sept", "Oct",    "Nov",  "Dec", "Okt",  "Dez",
    };
    const char *word = c->text + c->chars[begin].offset;
    const size_t n = c->chars[end].offset - c->chars[begin].offset;

    if (memchr(word, '.', n))
        return c->chars[end - 1].class == LETTER && end - begin >= 3 && !is_word(c, end - 2);
    /* An initial, but not at the end of the line. */
    if (end - begin == 1 && c->chars[begin].class == LETTER && !is_lower(c, begin))
        return end + 2 < c->n;
    for (size_t i = 0; i < CLSEQ_ARRAY_SIZE(list); i++) {
        if (strlen(list[i]) == n && memcmp(list[i], word, n) == 0)
            return true;
    }
    return false;
}

/* Behind the word or number that begins at `begin`; `from`: where to look on, behind a sign. */
static size_t word_end(const cutter *c, size_t begin, size_t from)
{
    size_t i = from;
    bool ends = false;

    while (!ends) {
        if (is_word(c, i) || c->chars[i].class == PART) {
            i++;
        } else if (c->chars[i].class == APOSTROPHE) {
            const size_t next = over_apostrophe(c, begin, i, &ends);

            if (next == i)
                break;
            i = next;
        } else if (c->chars[i].class == HYPHEN && c->chars[i + 1].class != HYPHEN) {
            /* Also at the end: "Vor- und Nachteile". */
            i++;
            ends = !is_word(c, i);
        } else if (is_inside(c, begin, i)) {
            i++;
        } else {
            break;
        }
    }
    if (!ends && c->chars[i].point == '.' && c->chars[i + 1].point != '.' &&
        is_abbreviation(c, begin, i))
        i++;
    return i;
}

/* ---- the line ---- */

/* Behind the symbol at i: a run of the same in ASCII, or one with what belongs to it. */
static size_t symbol_end(const cutter *c, size_t i)
{
    const int32_t point = c->chars[i].point;
    size_t end = i + 1;

    while (point < 0x80 && point && strchr(".!?-*=_~#", point) && c->chars[end].point == point &&
           end < c->n)
        end++;
    while (end < c->n && c->chars[end].class == PART) {
        end++;
        /* Symbols joined to one. */
        if (c->chars[end - 1].point == 0x200d && c->chars[end].class == SYMBOL)
            end++;
    }
    return end;
}

/* The token that begins at i; its end in *ret. */
static clseq_status cut_one(cutter *c, size_t i, size_t *ret)
{
    const enum class class = c->chars[i].class;
    size_t end;

    if (is_word(c, i)) {
        end = address_end(c, i);
        if (end == i)
            end = word_end(c, i, i + 1);
    } else if (class == HYPHEN && is_word(c, i + 1)) {
        end = word_end(c, i, i + 2); /* a sign, or a word whose beginning is not there */
    } else if (class == APOSTROPHE && is_clitic(c, i)) {
        end = letters_end(c, i + 1);
    } else if (class == CJK) {
        for (end = i + 1; c->chars[end].class == PART; end++) {
        }
    } else {
        end = symbol_end(c, i);
        if (c->chars[i].point == '\'')
            c->single_open = !c->single_open;
    }
    *ret = end;
    return emit(c, i, end);
}

static clseq_status push(cutter *c, int32_t point, size_t offset, enum class class)
{
    CLSEQ_TRY(clseq_grow(c->ctx, &c->chars, &c->capacity, c->n + 1, sizeof(*c->chars),
                         "characters of a line"));
    c->chars[c->n++] =
        (character) { .point = point, .offset = (uint32_t)offset, .class = (uint8_t) class };
    return CLSEQ_OK;
}

/* The text without characters that are marks, and what each character is. */
static clseq_status read_line(cutter *c, const char *line, size_t length, clseq_text *text)
{
    CLSEQ_TRY(clseq_text_clear(c->ctx, text));
    for (size_t at = 0; at < length;) {
        const size_t begin = at, place = text->size;
        int32_t point = clseq_utf8_next(line, &at);

        if (point == 0x2581) {
            point = '_';
            CLSEQ_TRY(clseq_text_append(c->ctx, text, "_", 1));
        } else if (point == 0xffed) {
            point = 0x25a0;
            CLSEQ_TRY(clseq_text_append(c->ctx, text, "\xe2\x96\xa0", 3));
        } else {
            CLSEQ_TRY(clseq_text_append(c->ctx, text, line + begin, at - begin));
        }
        CLSEQ_TRY(push(c, point, place, class_of(point)));
    }
    /* Three ends, so that the rules may look ahead. */
    for (int i = 0; i < 3; i++)
        CLSEQ_TRY(push(c, ' ', text->size, SPACE));
    c->n -= 3;
    c->text = text->data;
    return CLSEQ_OK;
}

static clseq_status cut_line(cutter *c, const char *line, size_t length, clseq_text *text)
{
    CLSEQ_TRY(read_line(c, line, length, text));
    CLSEQ_TRY(clseq_text_clear(c->ctx, c->out));
    for (size_t i = 0; i < c->n;) {
        if (c->chars[i].class == SPACE) {
            c->space = true;
            i++;
        } else {
            CLSEQ_TRY(cut_one(c, i, &i));
        }
    }
    return CLSEQ_OK;
}

clseq_status clseq_rules_cut(clseq_context *ctx, const char *line, size_t length, clseq_text *ret)
{
    cutter c = { .ctx = ctx, .out = ret };
    clseq_text text = { 0 };
    clseq_status status;

    if (length > CLSEQ_RULES_LINE_LIMIT)
        return clseq_fail(ctx, CLSEQ_ERR_LIMIT,
                          "a line of %zu bytes is longer than the limit of %zu: put one sentence "
                          "on a line",
                          length, CLSEQ_RULES_LINE_LIMIT);
    if (clseq_utf8_valid_prefix(line, length) < length)
        return clseq_fail(ctx, CLSEQ_ERR_DATA, "byte %zu is not valid UTF-8",
                          clseq_utf8_valid_prefix(line, length) + 1);
    status = cut_line(&c, line, length, &text);
    clseq_text_fini(&text);
    free(c.chars);
    return status;
}
