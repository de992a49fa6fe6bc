/* SPDX-License-Identifier: BSD-2-Clause */
#include "valid_score.h"

#include "eval_inputs.h"

#include <clseq/translate.h>

#include <stdlib.h>

clseq_status valid_score_open(struct valid_score *v, clseq_context *ctx, clseq_backend *be,
                              const char *source_path, const char *target_path,
                              clseq_eval_metric metric, bool lowercase)
{
    *v = (struct valid_score) { .ctx = ctx, .be = be, .metric = metric, .lowercase = lowercase };
    return line_pairs_open(&v->text, ctx, source_path, target_path);
}

void valid_score_close(struct valid_score *v)
{
    line_pairs_close(&v->text);
    *v = (struct valid_score) { 0 };
}

/* One of the two. */
struct meter {
    clseq_bleu *bleu;
    clseq_edit *edit;
};

static clseq_status meter_create(const struct valid_score *v, struct meter *m)
{
    clseq_bleu_options bleu;
    clseq_edit_options edit;

    clseq_bleu_options_init(&bleu);
    clseq_edit_options_init(&edit);
    bleu.lowercase = edit.lowercase = v->lowercase;
    return v->metric == CLSEQ_EVAL_METRIC_BLEU ? clseq_bleu_create(v->ctx, &bleu, &m->bleu)
                                               : clseq_edit_create(v->ctx, &edit, &m->edit);
}

static clseq_status meter_score(const struct meter *m, double *ret)
{
    clseq_bleu_result bleu = { 0 };
    clseq_edit_result edit = { 0 };
    const clseq_status status =
        m->bleu ? clseq_bleu_score(m->bleu, &bleu) : clseq_edit_score(m->edit, &edit);

    if (status == CLSEQ_OK)
        *ret = m->bleu ? bleu.score : edit.wrong_rate;
    return status;
}

static clseq_status compare(const struct valid_score *v, const clseq_translation *results,
                            double *ret)
{
    struct meter m = { 0 };
    clseq_status status = meter_create(v, &m);

    for (size_t i = 0; status == CLSEQ_OK && i < v->text.n; i++) {
        const char *refs[EVAL_MAX_REFERENCES];
        const char *hyp = results[i].hypotheses[0].text;
        const size_t n = line_pairs_references(&v->text, i, refs);

        status =
            m.bleu ? clseq_bleu_add(m.bleu, hyp, refs, n) : clseq_edit_add(m.edit, hyp, refs, n);
    }
    if (status == CLSEQ_OK)
        status = meter_score(&m, ret);
    clseq_bleu_destroy(&m.bleu);
    clseq_edit_destroy(&m.edit);
    return status;
}

static clseq_status score(void *user, const char *model_path, double *ret)
{
    const struct valid_score *v = user;
    const size_t n = v->text.n;
    clseq_translation *results = calloc(n + 1, sizeof(*results));
    clseq_translate_options options;
    clseq_translator *translator = NULL;
    clseq_status status;

    if (!results)
        return CLSEQ_ERR_NOMEM;
    clseq_translate_options_init(&options);
    options.max_input = CLSEQ_OUTPUT_LIMIT;
    /* This model is used once, and the plan of a run has no room for tables. */
    options.tables = false;
    status = clseq_translator_open(v->ctx, v->be, model_path, NULL, &translator);
    if (status == CLSEQ_OK)
        status = clseq_translator_run(translator, (const char *const *)v->text.source, NULL, n,
                                      &options, results);
    if (status == CLSEQ_OK) {
        status = compare(v, results, ret);
        clseq_translations_fini(results, n);
    }
    clseq_translator_close(&translator);
    free(results);
    return status;
}

void valid_score_hook(struct valid_score *v, struct clseq_train_hooks *hooks)
{
    const bool bleu = v->metric == CLSEQ_EVAL_METRIC_BLEU;

    hooks->score = score;
    hooks->score_user = v;
    hooks->score_name = bleu ? "BLEU" : "WER";
    hooks->score_unit = bleu ? NULL : " %";
}
