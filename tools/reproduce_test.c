/* SPDX-License-Identifier: BSD-2-Clause */
#include "message.h"
#include "out_file.h"
#include "reproduce.h"
#include "stop_signal.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* Sentences between two looks at Ctrl-C. */
#define BLOCK 256

/* Groups of sentences by length, as many in each. */
#define LENGTH_GROUPS 6

const int32_t reproduce_beams[REPRODUCE_BEAMS] = { 1, 2, 12 };

static int no_memory(void)
{
    cli_error("%s", clseq_status_text(CLSEQ_ERR_NOMEM));
    return CLI_EXIT_MEMORY;
}

static double now(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static int stopped(void)
{
    cli_note("stopped; what was measured is kept: run the same command again to go on");
    return CLI_EXIT_STOPPED;
}

/* ---- systems ---- */

/* How many members of an ensemble system 2 or 3 has. */
static int64_t members_of(const struct reproduce *r, int system)
{
    return system == 2 ? 2 : r->v->members;
}

bool reproduce_system_name(const struct reproduce *r, int system, char name[32])
{
    static const char *const single[] = { "forward", "reversed" };

    if (system < 2)
        snprintf(name, 32, "%s", single[system]);
    else
        snprintf(name, 32, "ensemble-%d", (int)members_of(r, system));
    return system < 3 || r->v->members > 2;
}

/* The model files of a system; each owned. */
struct files {
    char *path[REPRODUCE_MAX_MEMBERS];
    size_t count;
};

static void files_fini(struct files *f)
{
    for (size_t i = 0; i < f->count; i++)
        free(f->path[i]);
}

static bool files_add(const struct reproduce *r, const char *model, struct files *f)
{
    f->path[f->count] = reproduce_path(r, model, "best.safetensors");
    return f->path[f->count++] != NULL;
}

static bool files_of_system(const struct reproduce *r, int system, struct files *f)
{
    bool ok = true;

    *f = (struct files) { .count = 0 };
    if (system == 0)
        return files_add(r, "forward", f);
    for (int i = 1; ok && i <= (system == 1 ? 1 : (int)members_of(r, system)); i++) {
        char name[32];

        snprintf(name, sizeof(name), "reversed-%d", i);
        ok = files_add(r, name, f);
    }
    return ok;
}

static clseq_status open_files(const struct reproduce *r, const struct files *f,
                               clseq_translator **ret)
{
    return clseq_translator_open_ensemble(r->ctx, r->be, (const char *const *)f->path, f->count,
                                          NULL, ret);
}

static clseq_translate_options base_options(int32_t beam, int32_t nbest)
{
    clseq_translate_options o;

    clseq_translate_options_init(&o);
    o.beam = beam;
    o.nbest = nbest;
    o.length_penalty = 0; /* the paper's ranking */
    o.max_input = CLSEQ_OUTPUT_LIMIT;
    return o;
}

/* ---- perplexity ---- */

static clseq_status sum_scores(const struct reproduce *r, clseq_translator *tr, double *ret)
{
    const clseq_translate_options o = base_options(1, 1);
    clseq_line_score *scores = calloc(r->test.n + 1, sizeof(*scores));
    double sum = 0, tokens = 0;
    clseq_status status;

    if (!scores)
        return CLSEQ_ERR_NOMEM;
    status =
        clseq_translator_score(tr, (const char *const *)r->test.source, NULL,
                               (const char *const *)r->test.target, NULL, r->test.n, &o, scores);
    for (size_t i = 0; status == CLSEQ_OK && i < r->test.n; i++) {
        sum += scores[i].log_probability;
        tokens += (double)scores[i].tokens;
    }
    free(scores);
    *ret = exp(-sum / tokens);
    return status;
}

int reproduce_perplexity(struct reproduce *r, const char *model, double *ret)
{
    struct files files = { .count = 0 };
    clseq_translator *tr = NULL;
    clseq_status status = CLSEQ_ERR_NOMEM;

    if (files_add(r, model, &files))
        status = open_files(r, &files, &tr);
    if (status == CLSEQ_OK)
        status = sum_scores(r, tr, ret);
    clseq_translator_close(&tr);
    files_fini(&files);
    return status == CLSEQ_OK ? CLI_EXIT_DONE : cli_report(r->ctx, status);
}

/* ---- BLEU ---- */

static clseq_status bleu_begin(const struct reproduce *r, bool sentence, clseq_bleu **ret)
{
    clseq_bleu_options o;

    clseq_bleu_options_init(&o);
    o.tokenizer = (clseq_eval_tokenizer)r->v->tokenize;
    o.lowercase = r->v->lowercase;
    o.effective_order = sentence;
    return clseq_bleu_create(r->ctx, &o, ret);
}

/* Of the sentences order[first .. first + n - 1]; order NULL: 0, 1, ... */
static clseq_status bleu_of(const struct reproduce *r, const char *const *text, const size_t *order,
                            size_t first, size_t n, double *ret)
{
    clseq_bleu *bleu = NULL;
    clseq_bleu_result result = { 0 };
    clseq_status status = bleu_begin(r, false, &bleu);

    for (size_t i = first; status == CLSEQ_OK && i < first + n; i++) {
        const size_t k = order ? order[i] : i;

        status = clseq_bleu_add(bleu, text[k], (const char *const *)&r->test.target[k], 1);
    }
    if (status == CLSEQ_OK)
        status = clseq_bleu_score(bleu, &result);
    clseq_bleu_destroy(&bleu);
    *ret = result.score;
    return status;
}

/* ---- translation ---- */

/* Of all test sentences; results[k] belongs to sentence k, *done of them are there. */
static clseq_status translate(const struct reproduce *r, clseq_translator *tr, int32_t beam,
                              int32_t nbest, clseq_translation *results, size_t *done)
{
    clseq_translate_options o = base_options(beam, nbest);
    clseq_status status = CLSEQ_OK;

    while (status == CLSEQ_OK && *done < r->test.n && !stop_signal_came()) {
        const size_t left = r->test.n - *done, n = left < BLOCK ? left : BLOCK;

        o.first_line = *done + 1;
        status = clseq_translator_run(tr, (const char *const *)r->test.source + *done, NULL, n, &o,
                                      results + *done);
        if (status == CLSEQ_OK)
            *done += n;
    }
    return status;
}

struct by_length {
    size_t index, length;
};

static int shorter(const void *a, const void *b)
{
    const struct by_length *x = a, *y = b;

    if (x->length != y->length)
        return x->length < y->length ? -1 : 1;
    return x->index < y->index ? -1 : 1;
}

/* [[mean length, BLEU], ...] of groups of sentences, the short ones first. */
static clseq_status length_groups(const struct reproduce *r, const clseq_translation *results,
                                  const char *const *text, json_t **ret)
{
    const size_t n = r->test.n;
    struct by_length *sorted = calloc(n, sizeof(*sorted));
    size_t *order = calloc(n, sizeof(*order));
    json_t *list = json_array();
    clseq_status status = sorted && order && list ? CLSEQ_OK : CLSEQ_ERR_NOMEM;

    for (size_t i = 0; status == CLSEQ_OK && i < n; i++)
        sorted[i] = (struct by_length) { .index = i, .length = results[i].source_tokens };
    if (status == CLSEQ_OK)
        qsort(sorted, n, sizeof(*sorted), shorter);
    for (size_t i = 0; status == CLSEQ_OK && i < n; i++)
        order[i] = sorted[i].index;
    for (size_t g = 0; status == CLSEQ_OK && g < LENGTH_GROUPS; g++) {
        const size_t first = g * n / LENGTH_GROUPS, end = (g + 1) * n / LENGTH_GROUPS;
        double length = 0, bleu = 0;

        if (end == first)
            continue;
        for (size_t i = first; i < end; i++)
            length += (double)sorted[i].length / (double)(end - first);
        status = bleu_of(r, text, order, first, end - first, &bleu);
        json_array_append_new(list, json_pack("[f, f]", length, bleu));
    }
    free(sorted);
    free(order);
    *ret = list;
    return status;
}

/* The translations as a file, for whoever wants to look at them. */
static int write_texts(const struct reproduce *r, const char *const *text, const char *system,
                       int32_t beam)
{
    char name[64], *path, *all = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&all, &size);
    bool ok = out != NULL;
    int code = CLI_EXIT_DONE;

    snprintf(name, sizeof(name), "test.%s.beam%d.txt", system, (int)beam);
    path = reproduce_path(r, name, NULL);
    for (size_t i = 0; ok && i < r->test.n; i++)
        ok = fprintf(out, "%s\n", text[i]) > 0;
    if (out && fclose(out) != 0)
        ok = false;
    if (!ok || !path) {
        code = no_memory();
    } else if (!out_file_write(path, all, size)) {
        cli_error("%s: cannot write: %s", path, strerror(errno));
        code = CLI_EXIT_IO;
    }
    free(path);
    free(all);
    return code;
}

static int keep_translations(struct reproduce *r, const char *system, int32_t beam, double seconds,
                             const clseq_translation *results)
{
    const char **text = calloc(r->test.n, sizeof(*text));
    char name[64];
    json_t *lengths = NULL;
    double bleu = 0;
    clseq_status status;
    int code;

    if (!text)
        return no_memory();
    for (size_t i = 0; i < r->test.n; i++)
        text[i] = results[i].hypotheses[0].text;
    status = bleu_of(r, text, NULL, 0, r->test.n, &bleu);
    if (status == CLSEQ_OK)
        status = length_groups(r, results, text, &lengths);
    code = status == CLSEQ_OK ? write_texts(r, text, system, beam) : cli_report(r->ctx, status);
    free(text);
    if (code != CLI_EXIT_DONE) {
        json_decref(lengths);
        return code;
    }
    snprintf(name, sizeof(name), "%s beam %d", system, (int)beam);
    fprintf(stderr, "%s: BLEU %.2f, %.1f s\n", name, bleu, seconds);
    return reproduce_results_add(
        r, "bleu", name,
        json_pack("{s:f, s:f, s:o}", "bleu", bleu, "seconds", seconds, "by_length", lengths));
}

static int translate_system(struct reproduce *r, const char *system, clseq_translator *tr,
                            int32_t beam)
{
    clseq_translation *results = calloc(r->test.n, sizeof(*results));
    const double start = now();
    size_t done = 0;
    clseq_status status;
    int code;

    if (!results)
        return no_memory();
    status = translate(r, tr, beam, 1, results, &done);
    if (status != CLSEQ_OK)
        code = cli_report(r->ctx, status);
    else if (done < r->test.n)
        code = stopped();
    else
        code = keep_translations(r, system, beam, now() - start, results);
    clseq_translations_fini(results, done);
    free(results);
    return code;
}

static int all_beams(struct reproduce *r, int system, const char *name)
{
    struct files files = { .count = 0 };
    clseq_translator *tr = NULL;
    int code = CLI_EXIT_DONE;

    for (int b = 0; code == CLI_EXIT_DONE && b < REPRODUCE_BEAMS; b++) {
        char key[64];

        snprintf(key, sizeof(key), "%s beam %d", name, (int)reproduce_beams[b]);
        if (reproduce_result(r, "bleu", key))
            continue;
        if (!tr) {
            const clseq_status status =
                files_of_system(r, system, &files) ? open_files(r, &files, &tr) : CLSEQ_ERR_NOMEM;

            if (status != CLSEQ_OK)
                code = cli_report(r->ctx, status);
        }
        if (code == CLI_EXIT_DONE)
            code = translate_system(r, name, tr, reproduce_beams[b]);
        if (code == CLI_EXIT_DONE)
            code = reproduce_report(r);
    }
    clseq_translator_close(&tr);
    files_fini(&files);
    return code;
}

int reproduce_translate(struct reproduce *r)
{
    int code = CLI_EXIT_DONE;

    for (int system = 0; code == CLI_EXIT_DONE && system < REPRODUCE_SYSTEMS; system++) {
        char name[32];

        if (reproduce_system_name(r, system, name))
            code = all_beams(r, system, name);
    }
    return code;
}

/* ---- rescoring ---- */

/* The hypotheses of all sentences one behind the other. */
struct flat {
    const char **source, **text; /* (n) */
    double *score;               /* (n) of the list */
    size_t *first;               /* (sentences + 1) */
    size_t n;
};

static void flat_fini(struct flat *f)
{
    free(f->source);
    free(f->text);
    free(f->score);
    free(f->first);
}

static bool flat_init(const struct reproduce *r, const clseq_translation *lists, struct flat *f)
{
    size_t n = 0;

    for (size_t i = 0; i < r->test.n; i++)
        n += lists[i].count;
    *f = (struct flat) { .n = n };
    f->source = calloc(n, sizeof(*f->source));
    f->text = calloc(n, sizeof(*f->text));
    f->score = calloc(n, sizeof(*f->score));
    f->first = calloc(r->test.n + 1, sizeof(*f->first));
    if (!f->source || !f->text || !f->score || !f->first)
        return false;
    n = 0;
    for (size_t i = 0; i < r->test.n; i++) {
        f->first[i] = n;
        for (size_t k = 0; k < lists[i].count; k++, n++) {
            f->source[n] = r->test.source[i];
            f->text[n] = lists[i].hypotheses[k].text;
            f->score[n] = lists[i].hypotheses[k].score;
        }
    }
    f->first[r->test.n] = n;
    return true;
}

/* BLEU of the hypotheses that are first by score + other (NULL: score alone). */
static clseq_status bleu_of_best(const struct reproduce *r, const struct flat *f,
                                 const double *other, double *ret)
{
    const char **text = calloc(r->test.n, sizeof(*text));
    clseq_status status;

    if (!text)
        return CLSEQ_ERR_NOMEM;
    for (size_t i = 0; i < r->test.n; i++) {
        double best = -HUGE_VAL;

        text[i] = f->text[f->first[i]];
        for (size_t k = f->first[i]; k < f->first[i + 1]; k++) {
            const double score = f->score[k] + (other ? other[k] : 0);

            if (score > best) {
                best = score;
                text[i] = f->text[k];
            }
        }
    }
    status = bleu_of(r, text, NULL, 0, r->test.n, ret);
    free(text);
    return status;
}

/* BLEU of the hypotheses of best sentence BLEU: what no rescoring can exceed by much. */
static clseq_status bleu_of_oracle(const struct reproduce *r, const struct flat *f, double *ret)
{
    const char **text = calloc(r->test.n, sizeof(*text));
    clseq_bleu *bleu = NULL;
    clseq_bleu_result result;
    clseq_status status = text ? bleu_begin(r, true, &bleu) : CLSEQ_ERR_NOMEM;

    for (size_t i = 0; status == CLSEQ_OK && i < r->test.n; i++) {
        double best = -1;

        for (size_t k = f->first[i]; status == CLSEQ_OK && k < f->first[i + 1]; k++) {
            clseq_bleu_reset(bleu);
            status = clseq_bleu_add(bleu, f->text[k], (const char *const *)&r->test.target[i], 1);
            if (status == CLSEQ_OK)
                status = clseq_bleu_score(bleu, &result);
            if (status == CLSEQ_OK && result.score > best) {
                best = result.score;
                text[i] = f->text[k];
            }
        }
    }
    clseq_bleu_destroy(&bleu);
    if (status == CLSEQ_OK)
        status = bleu_of(r, text, NULL, 0, r->test.n, ret);
    free(text);
    return status;
}

/* What a system says of every hypothesis. */
static clseq_status score_all(const struct reproduce *r, int system, const struct flat *f,
                              double *ret)
{
    const clseq_translate_options o = base_options(1, 1);
    clseq_line_score *scores = calloc(f->n, sizeof(*scores));
    struct files files = { .count = 0 };
    clseq_translator *tr = NULL;
    clseq_status status = CLSEQ_ERR_NOMEM;

    if (scores && files_of_system(r, system, &files))
        status = open_files(r, &files, &tr);
    if (status == CLSEQ_OK)
        status = clseq_translator_score(tr, f->source, NULL, f->text, NULL, f->n, &o, scores);
    for (size_t k = 0; status == CLSEQ_OK && k < f->n; k++)
        ret[k] = scores[k].log_probability;
    clseq_translator_close(&tr);
    files_fini(&files);
    free(scores);
    return status;
}

static int keep_rescored(struct reproduce *r, const char *name, clseq_status status, double bleu)
{
    int code;

    if (status != CLSEQ_OK)
        return cli_report(r->ctx, status);
    fprintf(stderr, "%d-best list of one layer, order of %s: BLEU %.2f\n", (int)r->v->nbest, name,
            bleu);
    code = reproduce_results_add(r, "rescoring", name, json_pack("{s:f}", "bleu", bleu));
    return code == CLI_EXIT_DONE ? reproduce_report(r) : code;
}

static int rescore_lists(struct reproduce *r, const struct flat *f)
{
    double *other = calloc(f->n, sizeof(*other));
    double bleu = 0;
    clseq_status status;
    int code;

    if (!other)
        return no_memory();
    status = bleu_of_best(r, f, NULL, &bleu);
    code = keep_rescored(r, "list", status, bleu);
    if (code == CLI_EXIT_DONE) {
        status = bleu_of_oracle(r, f, &bleu);
        code = keep_rescored(r, "oracle", status, bleu);
    }
    for (int system = 0; code == CLI_EXIT_DONE && system < REPRODUCE_SYSTEMS; system++) {
        char name[32];

        if (!reproduce_system_name(r, system, name))
            continue;
        if (stop_signal_came()) {
            code = stopped();
            break;
        }
        status = score_all(r, system, f, other);
        if (status == CLSEQ_OK)
            status = bleu_of_best(r, f, other, &bleu);
        code = keep_rescored(r, name, status, bleu);
    }
    free(other);
    return code;
}

/* All of it is measured together: the list is not kept. */
static bool is_rescored(const struct reproduce *r)
{
    bool all =
        reproduce_result(r, "rescoring", "list") && reproduce_result(r, "rescoring", "oracle");

    for (int system = 0; system < REPRODUCE_SYSTEMS; system++) {
        char name[32];

        if (reproduce_system_name(r, system, name))
            all = all && reproduce_result(r, "rescoring", name);
    }
    return all;
}

int reproduce_rescore(struct reproduce *r)
{
    const char *one_layer = r->v->layers > 1 ? "layers-1" : "reversed-1";
    clseq_translation *lists;
    struct files files = { .count = 0 };
    clseq_translator *tr = NULL;
    clseq_status status = CLSEQ_ERR_NOMEM;
    size_t done = 0;
    int code;

    if (is_rescored(r))
        return CLI_EXIT_DONE;
    lists = calloc(r->test.n, sizeof(*lists));
    if (lists && files_add(r, one_layer, &files))
        status = open_files(r, &files, &tr);
    if (status == CLSEQ_OK)
        status = translate(r, tr, (int32_t)r->v->nbest, (int32_t)r->v->nbest, lists, &done);
    clseq_translator_close(&tr);
    files_fini(&files);
    if (status != CLSEQ_OK) {
        code = cli_report(r->ctx, status);
    } else if (done < r->test.n) {
        code = stopped();
    } else {
        struct flat flat;

        code = flat_init(r, lists, &flat) ? rescore_lists(r, &flat) : no_memory();
        flat_fini(&flat);
    }
    if (lists)
        clseq_translations_fini(lists, done);
    free(lists);
    return code;
}
