/* SPDX-License-Identifier: BSD-2-Clause */
#include "demo_tasks.h"

#include <stdio.h>
#include <string.h>

/* ---- random numbers ---- */

/* SplitMix64 (Steele, Lea, Flood 2014): the step between two states, and the output function. */
#define GOLDEN UINT64_C(0x9e3779b97f4a7c15)

static uint64_t mix(uint64_t x)
{
    x = (x ^ (x >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    x = (x ^ (x >> 27)) * UINT64_C(0x94d049bb133111eb);
    return x ^ (x >> 31);
}

static uint64_t hash(uint64_t a, uint64_t b)
{
    return mix(mix(a + GOLDEN) ^ (b * GOLDEN));
}

/* A number below `n`, from a state that moves on. */
static uint32_t draw(uint64_t *state, uint32_t n)
{
    *state += GOLDEN;
    return (uint32_t)(((mix(*state) >> 32) * n) >> 32);
}

/* ---- reverse ---- */

enum { SHORTEST = 3, LONGEST = 10, LETTERS = 26 };

static void make_reverse(uint64_t random, struct demo_item *ret)
{
    const uint32_t length = SHORTEST + draw(&random, LONGEST - SHORTEST + 1);

    ret->key = 0;
    for (uint32_t i = 0; i < length; i++) {
        const uint32_t letter = draw(&random, LETTERS);

        ret->key = ret->key * (LETTERS + 1) + letter + 1;
        ret->source[i] = ret->target[length - 1 - i] = (char)('a' + letter);
    }
    ret->source[length] = ret->target[length] = 0;
}

/* ---- add ---- */

enum { OPERANDS = 1000 };

/* Long numbers more often than short ones, of which there are few. */
static uint32_t draw_operand(uint64_t *state)
{
    static const uint32_t limits[] = { 10, 100, 100, OPERANDS, OPERANDS, OPERANDS };

    return draw(state, limits[draw(state, sizeof(limits) / sizeof(limits[0]))]);
}

static void make_add(uint64_t random, struct demo_item *ret)
{
    const uint32_t a = draw_operand(&random), b = draw_operand(&random);

    ret->key = a < b ? a * OPERANDS + b : b * OPERANDS + a;
    snprintf(ret->source, sizeof(ret->source), "%u+%u=", a, b);
    snprintf(ret->target, sizeof(ret->target), "%u", a + b);
}

/* ---- numbers ---- */

static void append(char text[DEMO_TEXT_BYTES], const char *more)
{
    const size_t length = strlen(text);

    snprintf(text + length, DEMO_TEXT_BYTES - length, "%s", more);
}

static void english_below_100(uint32_t n, char *text)
{
    static const char *const small[] = {
        "zero",     "one",     "two",     "three",     "four",     "five",    "six",
        "seven",    "eight",   "nine",    "ten",       "eleven",   "twelve",  "thirteen",
        "fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen"
    };
    static const char *const tens[] = { "",      "",      "twenty",  "thirty", "forty",
                                        "fifty", "sixty", "seventy", "eighty", "ninety" };

    if (n < 20) {
        append(text, small[n]);
        return;
    }
    append(text, tens[n / 10]);
    if (n % 10) {
        append(text, "-");
        append(text, small[n % 10]);
    }
}

static void english_below_1000(uint32_t n, char *text)
{
    if (n >= 100) {
        english_below_100(n / 100, text);
        append(text, " hundred");
        if (n % 100 == 0)
            return;
        append(text, " and ");
    }
    english_below_100(n % 100, text);
}

void demo_english_number(uint32_t n, char text[DEMO_TEXT_BYTES])
{
    text[0] = 0;
    if (n >= 1000) {
        english_below_1000(n / 1000, text);
        append(text, " thousand");
        n %= 1000;
        if (n == 0)
            return;
        append(text, n < 100 ? " and " : " ");
    }
    english_below_1000(n, text);
}

/* `last`: nothing follows, so that "quatre-vingts" has its s. */
static void french_below_100(uint32_t n, bool last, char *text)
{
    static const char *const small[] = { "zéro",   "un",    "deux",     "trois",    "quatre",
                                         "cinq",   "six",   "sept",     "huit",     "neuf",
                                         "dix",    "onze",  "douze",    "treize",   "quatorze",
                                         "quinze", "seize", "dix-sept", "dix-huit", "dix-neuf" };
    static const char *const tens[] = { "",         "",          "vingt",   "trente",
                                        "quarante", "cinquante", "soixante" };
    /* 70 to 79 go on counting from 60, 90 to 99 from 80. */
    const uint32_t base = n < 60 ? n / 10 * 10 : n < 80 ? 60 : 80;
    const uint32_t rest = n - base;

    if (n < 20) {
        append(text, small[n]);
    } else if (base == 80) {
        append(text, rest || !last ? "quatre-vingt" : "quatre-vingts");
        if (rest) {
            append(text, "-");
            append(text, small[rest]);
        }
    } else {
        append(text, tens[base / 10]);
        if (rest) {
            append(text, rest == 1 || rest == 11 ? " et " : "-");
            append(text, small[rest]);
        }
    }
}

static void french_below_1000(uint32_t n, bool last, char *text)
{
    if (n >= 200) {
        french_below_100(n / 100, false, text);
        append(text, n % 100 == 0 && last ? " cents" : " cent");
    } else if (n >= 100) {
        append(text, "cent");
    }
    if (n >= 100 && n % 100 == 0)
        return;
    if (n >= 100)
        append(text, " ");
    french_below_100(n % 100, last, text);
}

void demo_french_number(uint32_t n, char text[DEMO_TEXT_BYTES])
{
    text[0] = 0;
    if (n >= 2000) {
        french_below_1000(n / 1000, false, text);
        append(text, " mille");
    } else if (n >= 1000) {
        append(text, "mille");
    }
    if (n >= 1000 && n % 1000 == 0)
        return;
    if (n >= 1000)
        append(text, " ");
    french_below_1000(n % 1000, true, text);
}

/* Half of them over the whole range, where nearly all have six digits, half evenly by digits. */
static void make_numbers(uint64_t random, struct demo_item *ret)
{
    static const uint32_t limits[] = { 10, 100, 1000, 10000, 100000, 1000000 };
    uint32_t limit = 1000000, n;

    if (draw(&random, 2) == 0)
        limit = limits[draw(&random, sizeof(limits) / sizeof(limits[0]))];
    n = draw(&random, limit);
    ret->key = n;
    demo_english_number(n, ret->source);
    demo_french_number(n, ret->target);
}

/* ---- the tasks ---- */

static const struct demo_task tasks[] = {
    {
        .name = "reverse",
        .summary = "spell a string of letters backwards",
        .example = "clseq",
        .make = make_reverse,
        .count = { 60000, 500, 2000 },
        .embedding = 64,
        .hidden = 192,
        .batch = 64,
        .lr = 0.003,
        .epochs = 3,
        .decay_start = 2,
        .decay_every = 0.25,
    },
    {
        .name = "add",
        .summary = "add two numbers of up to three digits",
        .example = "2+2=",
        .make = make_add,
        .count = { 100000, 500, 2000 },
        .reverse_source = true,
        .embedding = 32,
        .hidden = 128,
        .batch = 64,
        .lr = 0.003,
        .epochs = 7,
        .decay_start = 3,
        .decay_every = 0.8,
    },
    {
        .name = "numbers",
        .summary = "English number words to French ones",
        .example = "three hundred and twelve",
        .make = make_numbers,
        .count = { 40000, 500, 2000 },
        .words = true,
        .reverse_source = true,
        .embedding = 64,
        .hidden = 128,
        .batch = 64,
        .lr = 0.003,
        .epochs = 5,
        .decay_start = 3,
        .decay_every = 0.5,
    },
    { .name = NULL },
};

const struct demo_task *demo_tasks(void)
{
    return tasks;
}

const struct demo_task *demo_task_find(const char *name)
{
    for (const struct demo_task *task = tasks; task->name; task++) {
        if (strcmp(task->name, name) == 0)
            return task;
    }
    return NULL;
}

/* Keeps the hashes for items and for splits apart. */
enum { FOR_ITEMS = 1, FOR_SPLITS = 2 };

void demo_task_item(const struct demo_task *task, uint64_t seed, uint64_t index,
                    struct demo_item *ret)
{
    task->make(hash(hash(seed, FOR_ITEMS), index), ret);
}

enum demo_split demo_item_split(uint64_t seed, const struct demo_item *item)
{
    const uint64_t tenth = hash(hash(seed, FOR_SPLITS), item->key) % 10;

    return tenth == 0 ? DEMO_TEST : tenth == 1 ? DEMO_VALID : DEMO_TRAIN;
}

static bool known(const struct demo_item *items, size_t count, uint64_t key)
{
    for (size_t i = 0; i < count; i++) {
        if (items[i].key == key)
            return true;
    }
    return false;
}

void demo_task_fill(const struct demo_task *task, uint64_t seed, enum demo_split split,
                    size_t count, struct demo_item *items)
{
    size_t have = 0;

    for (uint64_t index = 0; have < count; index++) {
        struct demo_item *item = &items[have];

        demo_task_item(task, seed, index, item);
        if (demo_item_split(seed, item) == split &&
            (split == DEMO_TRAIN || !known(items, have, item->key)))
            have++;
    }
}
