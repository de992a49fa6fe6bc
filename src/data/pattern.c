/* SPDX-License-Identifier: BSD-2-Clause */
#include "data/pattern.h"

#include "data/utf8.h"

#include <stdlib.h>
#include <string.h>
#include <utf8proc.h>

enum {
    STEPS = 1000, /* of a pattern */
    NODES = 2 * STEPS,
    RANGES = STEPS, /* of all sets of a pattern */
    DEPTH = 32,     /* groups within each other */
    MOST = 255,     /* repetitions in braces */
    ENDLESS = MOST + 1,
    FOREIGN = 0x110000, /* and a byte that is not UTF-8 */
};

/* Bits of the classes in a set; each is followed by that of its inverse. */
enum { DIGIT = 1, NO_DIGIT = 2, WORD = 4, NO_WORD = 8, SPACE = 16, NO_SPACE = 32 };

struct range {
    int32_t low, high;
};

struct set {
    uint16_t first, count; /* ranges */
    uint8_t classes;
    bool inverse;
};

enum kind {
    /* Steps of a program */
    POINT,
    ANY,
    SET,
    FIRST,
    LAST,
    SPLIT, /* to a, then to b */
    JUMP,  /* to a */
    MATCH,
    /* Nodes of the tree alone */
    EMPTY,
    BOTH,
    EITHER,
    REPEAT,
};

struct step {
    enum kind kind;
    int32_t point; /* POINT; of SET the number of the set */
    uint16_t a, b;
};

struct clseq_pattern {
    clseq_context *ctx; /* borrowed */
    struct step step[STEPS];
    size_t steps;
    struct range range[RANGES];
    size_t ranges;
    struct set set[STEPS];
    size_t sets;
};

/* ---- parsing ---- */

struct node {
    enum kind kind;
    int32_t point;
    uint16_t a, b;        /* nodes */
    uint16_t least, most; /* REPEAT; most may be ENDLESS */
    bool lazy;
};

struct parser {
    clseq_pattern *p;
    const char *text;
    size_t n, at;
    struct node node[NODES];
    size_t nodes;
    int depth;
};

static clseq_status bad(const struct parser *s, const char *why)
{
    return clseq_fail(s->p->ctx, CLSEQ_ERR_ARG, "\"%.*s\", byte %zu: %s",
                      (int)(s->n < 200 ? s->n : 200), s->text, s->at + 1, why);
}

static clseq_status too_long(const struct parser *s)
{
    return clseq_fail(s->p->ctx, CLSEQ_ERR_LIMIT,
                      "\"%.*s\": the pattern is too long: it may have %d steps, every repetition "
                      "counted",
                      (int)(s->n < 200 ? s->n : 200), s->text, STEPS);
}

static bool next_is(const struct parser *s, char c)
{
    return s->at < s->n && s->text[s->at] == c;
}

static clseq_status add(struct parser *s, struct node node, uint16_t *ret)
{
    if (s->nodes == NODES)
        return too_long(s);
    *ret = (uint16_t)s->nodes;
    s->node[s->nodes++] = node;
    return CLSEQ_OK;
}

static uint8_t class_of(char letter)
{
    switch (letter) {
    case 'd':
        return DIGIT;
    case 'D':
        return NO_DIGIT;
    case 'w':
        return WORD;
    case 'W':
        return NO_WORD;
    case 's':
        return SPACE;
    case 'S':
        return NO_SPACE;
    default:
        return 0;
    }
}

/* Behind a backslash: a class, or a character that is no letter and no digit. */
static clseq_status escaped(struct parser *s, uint8_t *classes, int32_t *point)
{
    char c;

    if (s->at == s->n)
        return bad(s, "nothing follows the backslash");
    c = s->text[s->at];
    *classes = class_of(c);
    if (*classes) {
        s->at++;
        return CLSEQ_OK;
    }
    if ((c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'))
        return bad(s, "of letters and digits only d, D, w, W, s and S may follow a backslash");
    *point = clseq_utf8_next(s->text, &s->at);
    return CLSEQ_OK;
}

static clseq_status set_end(struct parser *s, struct set *set, int32_t low)
{
    int32_t high = low;
    uint8_t classes = 0;

    if (next_is(s, '-') && s->at + 1 < s->n && s->text[s->at + 1] != ']') {
        s->at++;
        if (next_is(s, '\\')) {
            s->at++;
            CLSEQ_TRY(escaped(s, &classes, &high));
        } else {
            high = clseq_utf8_next(s->text, &s->at);
        }
        if (classes || high < low)
            return bad(s, "a range must go from a character to a later one");
    }
    if (s->p->ranges == RANGES)
        return too_long(s);
    s->p->range[s->p->ranges++] = (struct range) { low, high };
    set->count++;
    return CLSEQ_OK;
}

/* Behind "[". */
static clseq_status parse_set(struct parser *s, uint16_t *ret)
{
    struct set set = { .first = (uint16_t)s->p->ranges };
    bool first = true;

    set.inverse = next_is(s, '^');
    s->at += set.inverse;
    for (; !next_is(s, ']') || first; first = false) {
        uint8_t classes = 0;
        int32_t low = 0;

        if (s->at == s->n)
            return bad(s, "the ] of a set is missing");
        if (next_is(s, '\\')) {
            s->at++;
            CLSEQ_TRY(escaped(s, &classes, &low));
        } else {
            low = clseq_utf8_next(s->text, &s->at);
        }
        set.classes |= classes;
        if (!classes)
            CLSEQ_TRY(set_end(s, &set, low));
    }
    s->at++;
    if (s->p->sets == STEPS)
        return too_long(s);
    s->p->set[s->p->sets] = set;
    return add(s, (struct node) { .kind = SET, .point = (int32_t)s->p->sets++ }, ret);
}

static clseq_status parse_choice(struct parser *s, uint16_t *ret);

/* Behind "(". */
static clseq_status parse_group(struct parser *s, uint16_t *ret)
{
    if (++s->depth > DEPTH)
        return clseq_fail(s->p->ctx, CLSEQ_ERR_LIMIT,
                          "\"%.*s\": more than %d groups in one another",
                          (int)(s->n < 200 ? s->n : 200), s->text, DEPTH);
    if (next_is(s, '?')) {
        s->at++;
        if (!next_is(s, ':'))
            return bad(s, "(? is not known, but for (?:");
        s->at++;
    }
    CLSEQ_TRY(parse_choice(s, ret));
    if (!next_is(s, ')'))
        return bad(s, "a ) is missing");
    s->at++;
    s->depth--;
    return CLSEQ_OK;
}

static clseq_status parse_atom(struct parser *s, uint16_t *ret)
{
    struct node node = { .kind = POINT };
    uint8_t classes = 0;

    switch (s->text[s->at]) {
    case '(':
        s->at++;
        return parse_group(s, ret);
    case '[':
        s->at++;
        return parse_set(s, ret);
    case '*':
    case '+':
    case '?':
        return bad(s, "there is nothing to repeat; write \\ before the character itself");
    case '.':
        node.kind = ANY;
        s->at++;
        break;
    case '^':
        node.kind = FIRST;
        s->at++;
        break;
    case '$':
        node.kind = LAST;
        s->at++;
        break;
    case '\\':
        s->at++;
        CLSEQ_TRY(escaped(s, &classes, &node.point));
        if (classes) {
            if (s->p->sets == STEPS)
                return too_long(s);
            s->p->set[s->p->sets] = (struct set) { .classes = classes };
            node = (struct node) { .kind = SET, .point = (int32_t)s->p->sets++ };
        }
        break;
    default:
        node.point = clseq_utf8_next(s->text, &s->at);
    }
    return add(s, node, ret);
}

static bool read_number(const struct parser *s, size_t *at, uint16_t *ret)
{
    const size_t begin = *at;
    unsigned x = 0;

    for (; *at < s->n && s->text[*at] >= '0' && s->text[*at] <= '9'; (*at)++)
        x = x > MOST ? x : 10 * x + (unsigned)(s->text[*at] - '0');
    *ret = (uint16_t)x;
    return *at > begin;
}

/* "{2}", "{2,}", "{,5}", "{2,5}" at s->at; what is not such a thing is a brace, as in Python. */
static bool read_braces(struct parser *s, struct node *node, bool *too_many)
{
    size_t at = s->at + 1;
    const bool low = read_number(s, &at, &node->least), comma = at < s->n && s->text[at] == ',';
    bool high = false;

    node->most = node->least;
    if (comma) {
        at++;
        high = read_number(s, &at, &node->most);
    }
    if ((!low && !comma) || at == s->n || s->text[at] != '}')
        return false;
    *too_many = node->least > MOST || (high && node->most > MOST);
    if (comma && !high)
        node->most = ENDLESS;
    s->at = at + 1;
    return true;
}

/* How often the node before is wanted. False: nothing says so. */
static bool read_repetition(struct parser *s, struct node *node, bool *too_many)
{
    *node = (struct node) { .kind = REPEAT, .most = ENDLESS };
    *too_many = false;
    if (next_is(s, '{'))
        return read_braces(s, node, too_many);
    if (!next_is(s, '*') && !next_is(s, '+') && !next_is(s, '?'))
        return false;
    node->least = s->text[s->at] == '+';
    if (s->text[s->at] == '?')
        node->most = 1;
    s->at++;
    return true;
}

static clseq_status parse_repeated(struct parser *s, uint16_t *ret)
{
    struct node node, another;
    bool too_many;

    CLSEQ_TRY(parse_atom(s, ret));
    if (!read_repetition(s, &node, &too_many))
        return CLSEQ_OK;
    if (too_many)
        return bad(s, "a repetition in braces has at most 255 times");
    if (node.least > node.most)
        return bad(s, "a repetition must go from a number to a larger one");
    node.a = *ret;
    node.lazy = next_is(s, '?');
    s->at += node.lazy;
    CLSEQ_TRY(add(s, node, ret));
    if (read_repetition(s, &another, &too_many))
        return bad(s, "two repetitions in a row: put the first one into (?:...)");
    return CLSEQ_OK;
}

static clseq_status parse_row(struct parser *s, uint16_t *ret)
{
    CLSEQ_TRY(add(s, (struct node) { .kind = EMPTY }, ret));
    for (bool first = true; s->at < s->n && !next_is(s, '|') && !next_is(s, ')'); first = false) {
        uint16_t next = 0;

        CLSEQ_TRY(parse_repeated(s, &next));
        if (first)
            *ret = next;
        else
            CLSEQ_TRY(add(s, (struct node) { .kind = BOTH, .a = *ret, .b = next }, ret));
    }
    return CLSEQ_OK;
}

static clseq_status parse_choice(struct parser *s, uint16_t *ret)
{
    CLSEQ_TRY(parse_row(s, ret));
    while (next_is(s, '|')) {
        uint16_t next = 0;

        s->at++;
        CLSEQ_TRY(parse_row(s, &next));
        CLSEQ_TRY(add(s, (struct node) { .kind = EITHER, .a = *ret, .b = next }, ret));
    }
    return CLSEQ_OK;
}

/* ---- the program ---- */

static clseq_status put(struct parser *s, struct step step, size_t *ret)
{
    if (s->p->steps == STEPS)
        return too_long(s);
    *ret = s->p->steps;
    s->p->step[s->p->steps++] = step;
    return CLSEQ_OK;
}

static clseq_status emit(struct parser *s, uint16_t number);

/* A split whose one way goes on here, and whose other will be set by join(). */
static clseq_status branch(struct parser *s, size_t *ret)
{
    return put(s, (struct step) { .kind = SPLIT }, ret);
}

static void join(struct parser *s, size_t split, size_t on, size_t past, bool lazy)
{
    s->p->step[split].a = (uint16_t)(lazy ? past : on);
    s->p->step[split].b = (uint16_t)(lazy ? on : past);
}

static clseq_status emit_repeat(struct parser *s, const struct node *node)
{
    size_t split = 0, unused;

    for (int i = 0; i < node->least; i++)
        CLSEQ_TRY(emit(s, node->a));
    if (node->most == ENDLESS) {
        CLSEQ_TRY(branch(s, &split));
        CLSEQ_TRY(emit(s, node->a));
        CLSEQ_TRY(put(s, (struct step) { .kind = JUMP, .a = (uint16_t)split }, &unused));
        join(s, split, split + 1, s->p->steps, node->lazy);
        return CLSEQ_OK;
    }
    /* Each one more is tried only behind the one before: x(x(x)?)?. All that leave go on behind. */
    size_t splits[MOST];
    const int more = node->most - node->least;

    for (int i = 0; i < more; i++) {
        CLSEQ_TRY(branch(s, &splits[i]));
        CLSEQ_TRY(emit(s, node->a));
    }
    for (int i = 0; i < more; i++)
        join(s, splits[i], splits[i] + 1, s->p->steps, node->lazy);
    return CLSEQ_OK;
}

static clseq_status emit_either(struct parser *s, const struct node *node)
{
    size_t split = 0, jump = 0;

    CLSEQ_TRY(branch(s, &split));
    CLSEQ_TRY(emit(s, node->a));
    CLSEQ_TRY(put(s, (struct step) { .kind = JUMP }, &jump));
    join(s, split, split + 1, s->p->steps, false);
    CLSEQ_TRY(emit(s, node->b));
    s->p->step[jump].a = (uint16_t)s->p->steps;
    return CLSEQ_OK;
}

static clseq_status emit(struct parser *s, uint16_t number)
{
    const struct node *node = &s->node[number];
    size_t unused;

    switch (node->kind) {
    case EMPTY:
        return CLSEQ_OK;
    case BOTH:
        CLSEQ_TRY(emit(s, node->a));
        return emit(s, node->b);
    case EITHER:
        return emit_either(s, node);
    case REPEAT:
        return emit_repeat(s, node);
    default:
        return put(s, (struct step) { .kind = node->kind, .point = node->point }, &unused);
    }
}

/* ---- matching ---- */

struct thread {
    uint16_t step;
    size_t begin;
};

/* The threads that wait for the next character, the first ones preferred. */
struct threads {
    struct thread thread[STEPS];
    size_t count;
};

struct walk {
    const clseq_pattern *p;
    const char *text;
    size_t n;
    bool whole;          /* only a match that ends with the text counts */
    uint8_t seen[STEPS]; /* of the steps at this place */
    bool found;
    size_t begin, end;
};

static bool is_word(int32_t point)
{
    switch (utf8proc_category(point)) {
    case UTF8PROC_CATEGORY_LU:
    case UTF8PROC_CATEGORY_LL:
    case UTF8PROC_CATEGORY_LT:
    case UTF8PROC_CATEGORY_LM:
    case UTF8PROC_CATEGORY_LO:
    case UTF8PROC_CATEGORY_ND:
    case UTF8PROC_CATEGORY_NL:
    case UTF8PROC_CATEGORY_NO:
        return true;
    default:
        return point == '_';
    }
}

static bool in_set(const clseq_pattern *p, const struct set *set, int32_t point)
{
    const bool foreign = point >= FOREIGN;
    const bool digit = !foreign && utf8proc_category(point) == UTF8PROC_CATEGORY_ND;
    const bool word = !foreign && is_word(point), space = !foreign && clseq_is_space(point);
    const unsigned classes =
        (digit ? DIGIT : NO_DIGIT) | (word ? WORD : NO_WORD) | (space ? SPACE : NO_SPACE);
    bool in = (set->classes & classes) != 0;

    for (size_t i = set->first; !in && i < (size_t)set->first + set->count; i++)
        in = point >= p->range[i].low && point <= p->range[i].high;
    return in != set->inverse;
}

static bool takes(const clseq_pattern *p, const struct step *step, int32_t point)
{
    switch (step->kind) {
    case ANY:
        return point != '\n';
    case SET:
        return in_set(p, &p->set[step->point], point);
    default:
        return step->point == point;
    }
}

/* Follow a thread to the characters that it waits for. True when it ends in a match, which is
 * better than those of all threads behind it. */
static bool follow(struct walk *w, struct threads *to, size_t first, size_t begin, size_t at)
{
    uint16_t stack[STEPS + 1];
    size_t height = 0;

    stack[height++] = (uint16_t)first;
    while (height > 0) {
        const uint16_t number = stack[--height];
        const struct step *step = &w->p->step[number];

        if (w->seen[number])
            continue;
        w->seen[number] = 1;
        switch (step->kind) {
        case SPLIT:
            stack[height++] = step->b;
            stack[height++] = step->a;
            break;
        case JUMP:
            stack[height++] = step->a;
            break;
        case FIRST:
        case LAST:
            if (at == (step->kind == FIRST ? 0 : w->n))
                stack[height++] = (uint16_t)(number + 1);
            break;
        case MATCH:
            if (w->whole && at < w->n)
                break;
            w->found = true;
            w->begin = begin;
            w->end = at;
            return true;
        default:
            to->thread[to->count++] = (struct thread) { number, begin };
        }
    }
    return false;
}

static void walk(struct walk *w, size_t from)
{
    struct threads lists[2], *now = &lists[0], *next = &lists[1];
    size_t at = from;

    now->count = next->count = 0;
    memset(w->seen, 0, w->p->steps);
    for (;;) {
        size_t length;
        int32_t point;

        /* What begins here comes behind all that began before. */
        if (!w->found && (!w->whole || at == from))
            (void)follow(w, now, 0, at, at);
        if (at == w->n || (now->count == 0 && (w->found || w->whole)))
            return;
        length = clseq_utf8_sequence(w->text + at, w->n - at);
        if (length > 0) {
            size_t behind = at;

            point = clseq_utf8_next(w->text, &behind);
        } else {
            length = 1;
            point = FOREIGN + (unsigned char)w->text[at];
        }
        at += length;
        next->count = 0;
        memset(w->seen, 0, w->p->steps);
        for (size_t i = 0; i < now->count; i++) {
            const struct thread *t = &now->thread[i];

            if (takes(w->p, &w->p->step[t->step], point) &&
                follow(w, next, (size_t)t->step + 1, t->begin, at))
                break;
        }
        struct threads *swap = now;
        now = next;
        next = swap;
    }
}

bool clseq_pattern_is(const clseq_pattern *pattern, const char *text, size_t n)
{
    struct walk w = { .p = pattern, .text = text, .n = n, .whole = true };

    walk(&w, 0);
    return w.found;
}

bool clseq_pattern_find(const clseq_pattern *pattern, const char *text, size_t n, size_t from,
                        size_t *begin, size_t *end)
{
    struct walk w = { .p = pattern, .text = text, .n = n };

    walk(&w, from);
    if (w.found) {
        *begin = w.begin;
        *end = w.end;
    }
    return w.found;
}

/* ---- making ---- */

static clseq_status compile(struct parser *s)
{
    uint16_t root = 0;
    size_t unused;

    if (clseq_utf8_valid_prefix(s->text, s->n) < s->n)
        return clseq_fail(s->p->ctx, CLSEQ_ERR_ARG, "a pattern that is not UTF-8");
    CLSEQ_TRY(parse_choice(s, &root));
    if (s->at < s->n)
        return bad(s, "a ) without its (; write \\) for the character itself");
    CLSEQ_TRY(emit(s, root));
    CLSEQ_TRY(put(s, (struct step) { .kind = MATCH }, &unused));
    if (clseq_pattern_is(s->p, "", 0))
        return clseq_fail(s->p->ctx, CLSEQ_ERR_ARG,
                          "\"%.*s\" matches the empty text, which stands everywhere",
                          (int)(s->n < 200 ? s->n : 200), s->text);
    return CLSEQ_OK;
}

clseq_status clseq_pattern_create(clseq_context *ctx, const char *text, size_t n,
                                  clseq_pattern **ret)
{
    struct parser *s = NULL;
    clseq_pattern *p = NULL;
    clseq_status status;

    CLSEQ_TRY(clseq_calloc(ctx, 1, sizeof(*p), "pattern", &p));
    p->ctx = ctx;
    status = clseq_calloc(ctx, 1, sizeof(*s), "pattern", &s);
    if (status == CLSEQ_OK) {
        s->p = p;
        s->text = text;
        s->n = n;
        status = compile(s);
    }
    free(s);
    if (status == CLSEQ_OK)
        *ret = p;
    else
        clseq_pattern_destroy(&p);
    return status;
}

void clseq_pattern_destroy(clseq_pattern **pattern)
{
    free(*pattern);
    *pattern = NULL;
}
