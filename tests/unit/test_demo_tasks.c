/* SPDX-License-Identifier: BSD-2-Clause */
#include "unit.h"

/* The tools are no library: the test takes their code in. */
#include "tools/demo_tasks.c"

struct written {
    uint32_t number;
    const char *text;
};

static const struct written french[] = {
    { 0, "zéro" },
    { 1, "un" },
    { 16, "seize" },
    { 17, "dix-sept" },
    { 20, "vingt" },
    { 21, "vingt et un" },
    { 22, "vingt-deux" },
    { 31, "trente et un" },
    { 61, "soixante et un" },
    { 69, "soixante-neuf" },
    { 70, "soixante-dix" },
    { 71, "soixante et onze" },
    { 72, "soixante-douze" },
    { 77, "soixante-dix-sept" },
    { 80, "quatre-vingts" },
    { 81, "quatre-vingt-un" },
    { 88, "quatre-vingt-huit" },
    { 90, "quatre-vingt-dix" },
    { 91, "quatre-vingt-onze" },
    { 99, "quatre-vingt-dix-neuf" },
    { 100, "cent" },
    { 101, "cent un" },
    { 121, "cent vingt et un" },
    { 180, "cent quatre-vingts" },
    { 181, "cent quatre-vingt-un" },
    { 200, "deux cents" },
    { 201, "deux cent un" },
    { 280, "deux cent quatre-vingts" },
    { 300, "trois cents" },
    { 312, "trois cent douze" },
    { 999, "neuf cent quatre-vingt-dix-neuf" },
    { 1000, "mille" },
    { 1001, "mille un" },
    { 1100, "mille cent" },
    { 1200, "mille deux cents" },
    { 1980, "mille neuf cent quatre-vingts" },
    { 2000, "deux mille" },
    { 21000, "vingt et un mille" },
    { 21021, "vingt et un mille vingt et un" },
    { 71000, "soixante et onze mille" },
    { 80000, "quatre-vingt mille" },
    { 80080, "quatre-vingt mille quatre-vingts" },
    { 81000, "quatre-vingt-un mille" },
    { 90000, "quatre-vingt-dix mille" },
    { 99999, "quatre-vingt-dix-neuf mille neuf cent quatre-vingt-dix-neuf" },
    { 100000, "cent mille" },
    { 101000, "cent un mille" },
    { 180000, "cent quatre-vingt mille" },
    { 200000, "deux cent mille" },
    { 200200, "deux cent mille deux cents" },
    { 201001, "deux cent un mille un" },
    { 280000, "deux cent quatre-vingt mille" },
    { 300080, "trois cent mille quatre-vingts" },
    { 571471, "cinq cent soixante et onze mille quatre cent soixante et onze" },
    { 999999, "neuf cent quatre-vingt-dix-neuf mille neuf cent quatre-vingt-dix-neuf" },
};

static const struct written english[] = {
    { 0, "zero" },
    { 7, "seven" },
    { 12, "twelve" },
    { 20, "twenty" },
    { 21, "twenty-one" },
    { 40, "forty" },
    { 99, "ninety-nine" },
    { 100, "one hundred" },
    { 101, "one hundred and one" },
    { 312, "three hundred and twelve" },
    { 1000, "one thousand" },
    { 1005, "one thousand and five" },
    { 1080, "one thousand and eighty" },
    { 1100, "one thousand one hundred" },
    { 21000, "twenty-one thousand" },
    { 100001, "one hundred thousand and one" },
    { 123456, "one hundred and twenty-three thousand four hundred and fifty-six" },
    { 999999, "nine hundred and ninety-nine thousand nine hundred and ninety-nine" },
};

static void french_numbers(void **state)
{
    char text[DEMO_TEXT_BYTES];

    for (size_t i = 0; i < CLSEQ_ARRAY_SIZE(french); i++) {
        demo_french_number(french[i].number, text);
        assert_string_equal(text, french[i].text);
    }
}

static void english_numbers(void **state)
{
    char text[DEMO_TEXT_BYTES];

    for (size_t i = 0; i < CLSEQ_ARRAY_SIZE(english); i++) {
        demo_english_number(english[i].number, text);
        assert_string_equal(text, english[i].text);
    }
}

/* No number is cut short by the size of the text. */
static void numbers_fit(void **state)
{
    size_t longest = 0;

    for (uint32_t n = 0; n < 1000000; n++) {
        char text[DEMO_TEXT_BYTES];

        demo_french_number(n, text);
        longest = strlen(text) > longest ? strlen(text) : longest;
        demo_english_number(n, text);
        longest = strlen(text) > longest ? strlen(text) : longest;
    }
    assert_in_range(longest, 60, DEMO_TEXT_BYTES - 2);
}

/* What an item asks and what it answers belong together, by a way of its own for each task. */
static void answer_is_right(const struct demo_task *task, const struct demo_item *item)
{
    const size_t length = strlen(item->source);

    if (strcmp(task->name, "reverse") == 0) {
        assert_in_range(length, 3, 10);
        assert_int_equal(length, strlen(item->target));
        for (size_t i = 0; i < length; i++) {
            assert_in_range(item->source[i], 'a', 'z');
            assert_int_equal(item->source[i], item->target[length - 1 - i]);
        }
    } else if (strcmp(task->name, "add") == 0) {
        int a, b, end = 0;

        assert_int_equal(sscanf(item->source, "%3d+%3d=%n", &a, &b, &end), 2);
        assert_int_equal(end, length);
        assert_int_equal(atoi(item->target), a + b);
    } else {
        char text[DEMO_TEXT_BYTES];

        assert_string_equal(task->name, "numbers");
        assert_true(item->key < 1000000);
        demo_english_number((uint32_t)item->key, text);
        assert_string_equal(item->source, text);
        demo_french_number((uint32_t)item->key, text);
        assert_string_equal(item->target, text);
    }
}

static struct demo_item *items_of(const struct demo_task *task, uint64_t seed,
                                  enum demo_split split, size_t count)
{
    struct demo_item *items = calloc(count, sizeof(*items));

    assert_non_null(items);
    demo_task_fill(task, seed, split, count, items);
    return items;
}

static void answers(void **state)
{
    for (const struct demo_task *task = demo_tasks(); task->name; task++) {
        struct demo_item *items = items_of(task, 1, DEMO_TRAIN, 5000);

        for (size_t i = 0; i < 5000; i++)
            answer_is_right(task, &items[i]);
        free(items);
    }
}

static int by_source(const void *a, const void *b)
{
    return strcmp(((const struct demo_item *)a)->source, ((const struct demo_item *)b)->source);
}

static bool has(const struct demo_item *sorted, size_t count, const char *source)
{
    struct demo_item key = { 0 };

    snprintf(key.source, sizeof(key.source), "%s", source);
    return bsearch(&key, sorted, count, sizeof(key), by_source) != NULL;
}

/* The text as it is used: no test input is in training or validation, and none comes twice. */
static void splits_are_disjoint(void **state)
{
    for (const struct demo_task *task = demo_tasks(); task->name; task++) {
        struct demo_item *items[3];

        for (enum demo_split split = DEMO_TRAIN; split <= DEMO_TEST; split++) {
            items[split] = items_of(task, 1, split, task->count[split]);
            qsort(items[split], task->count[split], sizeof(items[split][0]), by_source);
        }
        assert_true(task->count[DEMO_TEST] >= 1000);
        for (size_t i = 0; i < task->count[DEMO_TEST]; i++) {
            const struct demo_item *item = &items[DEMO_TEST][i];

            assert_false(has(items[DEMO_TRAIN], task->count[DEMO_TRAIN], item->source));
            assert_false(has(items[DEMO_VALID], task->count[DEMO_VALID], item->source));
            if (i > 0)
                assert_string_not_equal(item->source, item[-1].source);
        }
        for (size_t i = 0; i < task->count[DEMO_VALID]; i++)
            assert_false(
                has(items[DEMO_TRAIN], task->count[DEMO_TRAIN], items[DEMO_VALID][i].source));
        for (enum demo_split split = DEMO_TRAIN; split <= DEMO_TEST; split++)
            free(items[split]);
    }
}

/* Swapped operands ask the same thing. */
static void add_splits_by_operands(void **state)
{
    const struct demo_task *add = demo_task_find("add");
    size_t swapped = 0;

    assert_non_null(add);
    for (uint64_t index = 0; index < 2000; index++) {
        struct demo_item a, b;

        demo_task_item(add, 1, index, &a);
        for (uint64_t other = index + 1; other < 2000; other++) {
            demo_task_item(add, 1, other, &b);
            if (a.key != b.key)
                continue;
            assert_int_equal(demo_item_split(1, &a), demo_item_split(1, &b));
            swapped += strcmp(a.source, b.source) != 0;
        }
    }
    assert_true(swapped > 0);
}

/* Close to 8, 1 and 1 of 10: five standard deviations of 20,000 draws are below 300. */
static void shares(void **state)
{
    const struct demo_task *task = demo_task_find("reverse");
    size_t count[3] = { 0 };

    for (uint64_t index = 0; index < 20000; index++) {
        struct demo_item item;

        demo_task_item(task, 7, index, &item);
        count[demo_item_split(7, &item)]++;
    }
    assert_in_range(count[DEMO_TRAIN], 15700, 16300);
    assert_in_range(count[DEMO_VALID], 1700, 2300);
    assert_in_range(count[DEMO_TEST], 1700, 2300);
}

static void same_seed_same_text(void **state)
{
    for (const struct demo_task *task = demo_tasks(); task->name; task++) {
        struct demo_item *first = items_of(task, 3, DEMO_TEST, 500);
        struct demo_item *again = items_of(task, 3, DEMO_TEST, 500);
        struct demo_item *other = items_of(task, 4, DEMO_TEST, 500);
        size_t same = 0;

        for (size_t i = 0; i < 500; i++) {
            assert_string_equal(first[i].source, again[i].source);
            assert_string_equal(first[i].target, again[i].target);
            same += strcmp(first[i].source, other[i].source) == 0;
        }
        assert_true(same < 50);
        free(first);
        free(again);
        free(other);
    }
}

/* The text of a seed is the same on every machine and in every version. */
static void known_text(void **state)
{
    static const struct {
        const char *task, *source;
    } first[] = {
        { "reverse", "dyswoetm" },
        { "add", "866+735=" },
        { "numbers", "one hundred and thirty-three" },
    };

    for (size_t i = 0; i < CLSEQ_ARRAY_SIZE(first); i++) {
        struct demo_item item;

        demo_task_fill(demo_task_find(first[i].task), 1, DEMO_TEST, 1, &item);
        assert_string_equal(item.source, first[i].source);
    }
}

static void finds_tasks(void **state)
{
    assert_string_equal(demo_tasks()[0].name, "reverse");
    assert_ptr_equal(demo_task_find("reverse"), demo_tasks());
    assert_null(demo_task_find("revers"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(french_numbers),
        cmocka_unit_test(english_numbers),
        cmocka_unit_test(numbers_fit),
        cmocka_unit_test(answers),
        cmocka_unit_test(splits_are_disjoint),
        cmocka_unit_test(add_splits_by_operands),
        cmocka_unit_test(shares),
        cmocka_unit_test(same_seed_same_text),
        cmocka_unit_test(known_text),
        cmocka_unit_test(finds_tasks),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
