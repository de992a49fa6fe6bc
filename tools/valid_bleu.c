/* SPDX-License-Identifier: BSD-2-Clause */
#include "valid_bleu.h"

#include <clseq/eval.h>
#include <clseq/text.h>
#include <clseq/translate.h>

#include <stdlib.h>
#include <string.h>

static char *copy_line(const char *text, size_t length)
{
    char *line = malloc(length + 1);

    if (line) {
        memcpy(line, text, length);
        line[length] = 0;
    }
    return line;
}

static clseq_status add_pair(struct valid_bleu *v, const clseq_pair *pair)
{
    if (v->n == v->capacity) {
        const size_t more = v->capacity ? 2 * v->capacity : 256;
        char **source = realloc(v->source, more * sizeof(*source));
        char **target;

        if (!source)
            return CLSEQ_ERR_NOMEM;
        v->source = source;
        target = realloc(v->target, more * sizeof(*target));
        if (!target)
            return CLSEQ_ERR_NOMEM;
        v->target = target;
        v->capacity = more;
    }
    v->source[v->n] = copy_line(pair->source, pair->source_length);
    v->target[v->n] = copy_line(pair->target, pair->target_length);
    v->n++;
    return v->source[v->n - 1] && v->target[v->n - 1] ? CLSEQ_OK : CLSEQ_ERR_NOMEM;
}

clseq_status valid_bleu_open(struct valid_bleu *v, clseq_context *ctx, clseq_backend *be,
                             const char *source_path, const char *target_path, bool lowercase)
{
    clseq_pairs *pairs = NULL;
    clseq_status status = clseq_pairs_open(ctx, source_path, target_path, 0, &pairs);
    bool more = true;

    *v = (struct valid_bleu) { .ctx = ctx, .be = be, .lowercase = lowercase };
    while (status == CLSEQ_OK && more) {
        clseq_pair pair;

        status = clseq_pairs_next(pairs, &pair, &more);
        if (status == CLSEQ_OK && more)
            status = add_pair(v, &pair);
    }
    clseq_pairs_close(&pairs);
    return status;
}

void valid_bleu_close(struct valid_bleu *v)
{
    for (size_t i = 0; i < v->n; i++) {
        free(v->source[i]);
        free(v->target[i]);
    }
    free(v->source);
    free(v->target);
    *v = (struct valid_bleu) { 0 };
}

static clseq_status compare(struct valid_bleu *v, const clseq_translation *results, double *ret)
{
    clseq_bleu_options options;
    clseq_bleu_result result;
    clseq_bleu *bleu = NULL;
    clseq_status status;

    clseq_bleu_options_init(&options);
    options.lowercase = v->lowercase;
    status = clseq_bleu_create(v->ctx, &options, &bleu);
    for (size_t i = 0; status == CLSEQ_OK && i < v->n; i++)
        status = clseq_bleu_add(bleu, results[i].hypotheses[0].text,
                                (const char *const *)&v->target[i], 1);
    if (status == CLSEQ_OK)
        status = clseq_bleu_score(bleu, &result);
    if (status == CLSEQ_OK)
        *ret = result.score;
    clseq_bleu_destroy(&bleu);
    return status;
}

clseq_status valid_bleu_score(void *user, const char *model_path, double *ret)
{
    struct valid_bleu *v = user;
    clseq_translation *results = calloc(v->n + 1, sizeof(*results));
    clseq_translate_options options;
    clseq_translator *translator = NULL;
    clseq_status status;

    if (!results)
        return CLSEQ_ERR_NOMEM;
    clseq_translate_options_init(&options);
    options.max_input = CLSEQ_OUTPUT_LIMIT;
    status = clseq_translator_open(v->ctx, v->be, model_path, NULL, &translator);
    if (status == CLSEQ_OK)
        status = clseq_translator_run(translator, (const char *const *)v->source, NULL, v->n,
                                      &options, results);
    if (status == CLSEQ_OK) {
        status = compare(v, results, ret);
        clseq_translations_fini(results, v->n);
    }
    clseq_translator_close(&translator);
    free(results);
    return status;
}
