/* SPDX-License-Identifier: BSD-2-Clause */
#include "valid_bleu.h"

#include "eval_inputs.h"

#include <clseq/eval.h>
#include <clseq/translate.h>

#include <stdlib.h>

clseq_status valid_bleu_open(struct valid_bleu *v, clseq_context *ctx, clseq_backend *be,
                             const char *source_path, const char *target_path, bool lowercase)
{
    *v = (struct valid_bleu) { .ctx = ctx, .be = be, .lowercase = lowercase };
    return line_pairs_open(&v->text, ctx, source_path, target_path);
}

void valid_bleu_close(struct valid_bleu *v)
{
    line_pairs_close(&v->text);
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
    for (size_t i = 0; status == CLSEQ_OK && i < v->text.n; i++) {
        const char *refs[EVAL_MAX_REFERENCES];
        const size_t n = line_pairs_references(&v->text, i, refs);

        status = clseq_bleu_add(bleu, results[i].hypotheses[0].text, refs, n);
    }
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
    clseq_translation *results = calloc(v->text.n + 1, sizeof(*results));
    clseq_translate_options options;
    clseq_translator *translator = NULL;
    clseq_status status;

    if (!results)
        return CLSEQ_ERR_NOMEM;
    clseq_translate_options_init(&options);
    options.max_input = CLSEQ_OUTPUT_LIMIT;
    status = clseq_translator_open(v->ctx, v->be, model_path, NULL, &translator);
    if (status == CLSEQ_OK)
        status = clseq_translator_run(translator, (const char *const *)v->text.source, NULL,
                                      v->text.n, &options, results);
    if (status == CLSEQ_OK) {
        status = compare(v, results, ret);
        clseq_translations_fini(results, v->text.n);
    }
    clseq_translator_close(&translator);
    free(results);
    return status;
}
