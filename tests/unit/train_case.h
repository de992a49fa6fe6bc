/* SPDX-License-Identifier: BSD-2-Clause */
/* Small trainings in a folder of their own, and looking at what they leave behind. Functions fail
 * the running test on an error. */
#ifndef CLSEQ_TRAIN_CASE_H
#define CLSEQ_TRAIN_CASE_H

#include "model_probe.h"

#include <clseq/train.h>

#include <jansson.h>

/* A folder for one test, with the texts of a task in it. */
struct train_case {
    char folder[256];
    char source[300], target[300];             /* training text */
    char valid_source[300], valid_target[300]; /* words the training text does not have */
    char run[300];                             /* not made yet */
    struct clseq_train_options options;        /* of a run of a second or two; edit at will */
};

/* Which text follows from which. */
enum train_task {
    TRAIN_COPY,    /* a b c -> a b c */
    TRAIN_REVERSE, /* a b c -> c b a */
};

/* Every sentence of 1 to `longest` letters out of `letters`; of every `one_in` sentences one is for
 * validation. */
void train_case_make(struct train_case *c, enum train_task task, int letters, int longest,
                     int one_in);

/* Remove the folder and all in it. */
void train_case_remove(struct train_case *c);

/* Another run folder in the case's folder. */
void train_case_set_run(struct train_case *c, const char *name);

/* Path of a file of the run; valid until the next call. */
const char *train_case_file(struct train_case *c, const char *name);

/* Whole files. train_read() gives NULL when there is none; release with free(). */
char *train_read(const char *path, size_t *size);
void train_write(const char *path, const void *data, size_t size);

/* A hook that stops after some polls. */
struct train_stopper {
    long polls_left; /* -1 = never */
    int events;
};
struct clseq_train_hooks train_hooks(struct train_stopper *stopper);

/* The lines of log.jsonl as an array of objects; with `event`, only those. Release with
 * json_decref(). */
json_t *train_log(struct train_case *c, const char *event);
double train_log_number(const json_t *log, size_t index, const char *key);

/* Both files hold the same tensors, bit for bit. */
void train_same_tensors(clseq_context *ctx, const char *path, const char *expected);

/* The files differ in at least one tensor. */
bool train_other_tensors(clseq_context *ctx, const char *path, const char *other);

/* The state of training in a checkpoint, apart from the time spent. Release with json_decref(). */
json_t *train_state(clseq_context *ctx, const char *path);

/* Train, with a stop after so many polls (-1 = none), and see that no buffer is left. `result` may
 * be NULL. */
clseq_status train_run(const struct probe_place *place, struct train_case *c, long stop_after,
                       struct clseq_train_result *result);

/* Two finished runs are alike: models, optimizer, state of training, and each validation done once.
 */
void train_same_run(const struct probe_place *place, struct train_case *c,
                    struct train_case *other);

/* The files a failing call must not touch: configuration, best model, checkpoint. */
#define TRAIN_KEPT 3
extern const char *const train_kept[TRAIN_KEPT];

struct train_snapshot {
    char *data[TRAIN_KEPT];
    size_t size[TRAIN_KEPT];
};

void train_snapshot_take(struct train_case *c, struct train_snapshot *s);
void train_snapshot_same(struct train_case *c, const struct train_snapshot *s);
void train_snapshot_free(struct train_snapshot *s);

#endif
