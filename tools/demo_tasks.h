/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The tasks of `clseq demo`: text that is made, not read.
 *
 *   reverse  a string of 3 to 10 letters, backwards:              "clseq" -> "qeslc"
 *   add      the sum of two numbers of up to 3 digits:            "2+2=" -> "4"
 *   numbers  English number words to French ones, 0 to 999,999:   "three hundred and twelve" ->
 *            "trois cent douze"
 *
 * English is written the British way ("one thousand and five", "twenty-one"). French is written by
 * the traditional rules, not by those of 1990: hyphens only between the parts of a number below
 * one hundred and not beside "et" ("vingt et un", "quatre-vingt-un", "deux cent trente-deux");
 * "quatre-vingt" and a multiplied "cent" take an s only at the very end of the number ("deux
 * cents", "deux cent un", "deux cent mille"); "mille" never changes.
 *
 * Every item is a pure function of task, seed and index. A hash of what the item asks decides
 * whether it is for training, validation or test, so the three can have no item in common. For add
 * the order of the operands does not count in this: with "3+5=" in training, "5+3=" is no test.
 */
#ifndef CLSEQ_DEMO_TASKS_H
#define CLSEQ_DEMO_TASKS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum demo_split {
    DEMO_TRAIN, /* 8 of 10 items */
    DEMO_VALID, /* 1 of 10 */
    DEMO_TEST,  /* 1 of 10 */
};

enum { DEMO_TEXT_BYTES = 96 }; /* longest text of an item with its 0 byte */

struct demo_item {
    uint64_t key; /* what is asked; decides the split */
    char source[DEMO_TEXT_BYTES], target[DEMO_TEXT_BYTES];
};

/* How a task is learned: the counts of pairs and the settings that do well with them. */
struct demo_task {
    const char *name;
    const char *summary;
    const char *example; /* a source to try, safe inside double quotes of a shell */
    void (*make)(uint64_t random, struct demo_item *ret);
    size_t count[3]; /* items, by enum demo_split */
    bool words;      /* tokens are words, otherwise characters */
    bool reverse_source;
    int32_t embedding, hidden;
    size_t batch;
    double lr;
    double epochs; /* of training */
    double decay_start,
        decay_every; /* epochs: the learning rate is halved from here on, so often */
};

/* All tasks; the first is the default. Ends with a NULL name. */
const struct demo_task *demo_tasks(void);

/* The task called `name`, NULL when there is none. */
const struct demo_task *demo_task_find(const char *name);

/* Item number `index` of a task, of whichever split. */
void demo_task_item(const struct demo_task *task, uint64_t seed, uint64_t index,
                    struct demo_item *ret);

/* The split an item belongs to. */
enum demo_split demo_item_split(uint64_t seed, const struct demo_item *item);

/* The first `count` items of a split, in the order of their index. Those of validation and test are
 * all different; in training short items come back, as they would in text. */
void demo_task_fill(const struct demo_task *task, uint64_t seed, enum demo_split split,
                    size_t count, struct demo_item *items);

/* n (at most 999,999) in words. */
void demo_english_number(uint32_t n, char text[DEMO_TEXT_BYTES]);
void demo_french_number(uint32_t n, char text[DEMO_TEXT_BYTES]);

#endif
