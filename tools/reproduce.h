/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * clseq reproduce: the experiments of Sutskever, Vinyals, Le, "Sequence to Sequence Learning with
 * Neural Networks", NIPS 2014, at any scale and on any parallel text.
 *
 * FOLDER holds a run folder for each model, results.json with all that was measured so far, which
 * is why the same command again goes on where the last one stopped, and the report.
 */
#ifndef CLSEQ_REPRODUCE_H
#define CLSEQ_REPRODUCE_H

#include "device_options.h"
#include "line_pairs.h"

#include <clseq/eval.h>
#include <clseq/train.h>
#include <clseq/translate.h>

#include <jansson.h>

#include <math.h>

enum {
    REPRODUCE_MAX_LAYERS = 8,
    REPRODUCE_MAX_MEMBERS = 10,
    REPRODUCE_MAX_MODELS = REPRODUCE_MAX_LAYERS + REPRODUCE_MAX_MEMBERS,
    REPRODUCE_BEAMS = 3,
    REPRODUCE_SYSTEMS = 4, /* forward, reversed, ensemble of two, ensemble of all */
};

/* A figure that was not measured. The macro NAN is a float. */
#define REPRODUCE_NONE ((double)NAN)

/* In the order of clseq_init_kind. */
extern const char *const reproduce_inits[];

/* 1, 2, 12: those of the paper. */
extern const int32_t reproduce_beams[REPRODUCE_BEAMS];

struct reproduce_values {
    cli_pair valid, test;
    const char *valid_tsv, *test_tsv, *folder;
    int unit, optimizer, tokenize, schedule, init;
    bool lowercase;
    double scale, lr, init_scale, forget_bias, dropout;
    cli_span after;
    int64_t warmup, batch, layers, members, seed, nbest, speed_updates;
    struct device_options device;
};

/* One model. */
struct reproduce_model {
    char name[32]; /* of its folder */
    int32_t layers;
    bool reversed;
    uint64_t seed;
};

struct reproduce {
    const struct reproduce_values *v;
    const char *source, *target; /* training text, borrowed */
    clseq_context *ctx;
    clseq_backend *be;
    struct line_pairs test;
    int32_t units;
    double init_scale;
    bool set_forget_bias;
    size_t source_vocab_size, target_vocab_size;
    struct reproduce_model models[REPRODUCE_MAX_MODELS];
    size_t model_count;
    json_t *results; /* owned: recipe, models, bleu, speed, rescoring */
    char *results_path;
};

/* "FOLDER/NAME" or "FOLDER/NAME/FILE"; owned, NULL when memory is out. */
char *reproduce_path(const struct reproduce *r, const char *name, const char *file);

/* ---- results.json ---- */

/* Read it, or begin it with this recipe (taken over). Refuses one of another recipe. Returns the
 * exit code; errors are printed. */
int reproduce_results_open(struct reproduce *r, json_t *recipe);

/* results[group][name], NULL when it was not measured yet; name NULL: results[group]. Borrowed. */
const json_t *reproduce_result(const struct reproduce *r, const char *group, const char *name);

/* A number in it; NaN when there is none. */
double reproduce_number(const struct reproduce *r, const char *group, const char *name,
                        const char *key);

/* Keep a result (taken over) in the file, too. Returns the exit code. */
int reproduce_results_add(struct reproduce *r, const char *group, const char *name, json_t *result);

/* ---- models ---- */

void reproduce_list_models(struct reproduce *r);

/* Train all models, or go on with them, and measure the perplexity of each. Exit code. */
int reproduce_train(struct reproduce *r);

/* Tokens per second with batches of similar and of any lengths. Exit code. */
int reproduce_speed(struct reproduce *r);

/* ---- test text ---- */

/* Names of the systems that are compared: "forward", "reversed", "ensemble-2", "ensemble-5";
 * the last is missing (false) when there are but two members. */
bool reproduce_system_name(const struct reproduce *r, int system, char name[32]);

/* Perplexity of a model on the test text. Exit code. */
int reproduce_perplexity(struct reproduce *r, const char *model, double *ret);

/* Translate the test text with every system and beam. Exit code. */
int reproduce_translate(struct reproduce *r);

/* An n-best list of the model of one layer, in the order of its score and those of others. */
int reproduce_rescore(struct reproduce *r);

/* ---- report ---- */

/* Write report.md and its pictures from what was measured so far. Exit code. */
int reproduce_report(const struct reproduce *r);

#endif
