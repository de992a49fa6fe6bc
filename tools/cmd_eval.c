/* SPDX-License-Identifier: BSD-2-Clause */
#include "commands.h"
#include "message.h"

#include <clseq/eval.h>
#include <clseq/text.h>

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Files, and alternatives on one line of a .tsv. */
#define MAX_REFERENCES 64

enum metric { METRIC_BLEU, METRIC_CHRF, METRIC_CHRFPP, METRIC_WER, METRIC_PER, METRIC_EXACT };

struct values {
    int metric, tokenize, smooth;
    bool lowercase, tsv, json;
};

static const cli_option options[] = {
    /* clang-format off */
    { "metric", 'm', CLI_CHOICE_FIELD(struct values, metric), "bleu|chrf|chrf++|wer|per|exact", "bleu",
      .help = "wer: lines equal to no reference (one word a line, as for pronunciations); per: edits per token "
              "to the nearest reference; exact: 100 - wer" },
    { "tokenize", 0, CLI_CHOICE_FIELD(struct values, tokenize), "13a|intl|char|none", "13a",
      .help = "BLEU's tokenizer; none for text that is tokenised already" },
    { "smooth", 0, CLI_CHOICE_FIELD(struct values, smooth), "exp|floor|add-k|none", "exp",
      .help = "BLEU's smoothing" },
    { "lowercase", 0, CLI_FLAG_FIELD(struct values, lowercase), NULL, NULL,
      .help = "lower-case both sides first" },
    { "tsv", 0, CLI_FLAG_FIELD(struct values, tsv), NULL, NULL,
      .help = "REF is one .tsv: source TAB reference TAB further references" },
    { "json", 0, CLI_FLAG_FIELD(struct values, json), NULL, NULL, .help = "print a JSON object" },
    /* clang-format on */
};

/* The one metric asked for. */
struct meter {
    enum metric metric;
    clseq_bleu *bleu;
    clseq_chrf *chrf;
    clseq_edit *edit;
};

static clseq_status meter_create(clseq_context *ctx, const struct values *v, struct meter *m)
{
    m->metric = (enum metric)v->metric;
    if (m->metric == METRIC_BLEU) {
        static const clseq_eval_tokenizer tokenizers[] = { CLSEQ_EVAL_TOKENIZER_13A,
                                                           CLSEQ_EVAL_TOKENIZER_INTL,
                                                           CLSEQ_EVAL_TOKENIZER_CHAR,
                                                           CLSEQ_EVAL_TOKENIZER_NONE };
        static const clseq_smoothing smoothings[] = { CLSEQ_SMOOTHING_EXP, CLSEQ_SMOOTHING_FLOOR,
                                                      CLSEQ_SMOOTHING_ADD_K, CLSEQ_SMOOTHING_NONE };
        clseq_bleu_options o;

        clseq_bleu_options_init(&o);
        o.tokenizer = tokenizers[v->tokenize];
        o.smoothing = smoothings[v->smooth];
        o.lowercase = v->lowercase;
        return clseq_bleu_create(ctx, &o, &m->bleu);
    }
    if (m->metric == METRIC_CHRF || m->metric == METRIC_CHRFPP) {
        clseq_chrf_options o;

        clseq_chrf_options_init(&o);
        o.word_order = m->metric == METRIC_CHRFPP ? 2 : 0;
        o.lowercase = v->lowercase;
        return clseq_chrf_create(ctx, &o, &m->chrf);
    }
    clseq_edit_options o;

    clseq_edit_options_init(&o);
    o.lowercase = v->lowercase;
    return clseq_edit_create(ctx, &o, &m->edit);
}

static void meter_destroy(struct meter *m)
{
    clseq_bleu_destroy(&m->bleu);
    clseq_chrf_destroy(&m->chrf);
    clseq_edit_destroy(&m->edit);
}

static clseq_status meter_add(struct meter *m, const char *hyp, const char *const *refs, size_t n)
{
    return m->bleu   ? clseq_bleu_add(m->bleu, hyp, refs, n)
           : m->chrf ? clseq_chrf_add(m->chrf, hyp, refs, n)
                     : clseq_edit_add(m->edit, hyp, refs, n);
}

static clseq_status print_bleu(const struct meter *m, bool json)
{
    clseq_bleu_result r;
    const clseq_status status = clseq_bleu_score(m->bleu, &r);

    if (status != CLSEQ_OK)
        return status;
    if (json) {
        printf("{\"metric\":\"bleu\",\"score\":%.10g,\"brevity_penalty\":%.10g,\"hyp_length\":%llu,"
               "\"ref_length\":%llu,\"lines\":%llu,\"precisions\":[",
               r.score, r.brevity_penalty, (unsigned long long)r.hyp_length,
               (unsigned long long)r.ref_length, (unsigned long long)r.lines);
        for (int i = 0; i < r.max_order; i++)
            printf("%s%.10g", i ? "," : "", r.precisions[i]);
        printf("],\"matches\":[");
        for (int i = 0; i < r.max_order; i++)
            printf("%s%llu", i ? "," : "", (unsigned long long)r.matches[i]);
        printf("],\"totals\":[");
        for (int i = 0; i < r.max_order; i++)
            printf("%s%llu", i ? "," : "", (unsigned long long)r.totals[i]);
        printf("],\"signature\":\"%s\"}\n", r.signature);
        return CLSEQ_OK;
    }
    printf("BLEU %.2f  (", r.score);
    for (int i = 0; i < r.max_order; i++)
        printf("%s%.1f", i ? "/" : "", r.precisions[i]);
    printf("  brevity penalty %.3f, %llu tokens, reference %llu)  %s\n", r.brevity_penalty,
           (unsigned long long)r.hyp_length, (unsigned long long)r.ref_length, r.signature);
    return CLSEQ_OK;
}

static clseq_status print_chrf(const struct meter *m, bool json)
{
    clseq_chrf_result r;
    const clseq_status status = clseq_chrf_score(m->chrf, &r);

    if (status != CLSEQ_OK)
        return status;
    if (json)
        printf("{\"metric\":\"%s\",\"score\":%.10g,\"lines\":%llu,\"signature\":\"%s\"}\n", r.name,
               r.score, (unsigned long long)r.lines, r.signature);
    else
        printf("%s %.2f  %s\n", r.name, r.score, r.signature);
    return CLSEQ_OK;
}

static clseq_status print_edits(const struct meter *m, bool json)
{
    static const char *const names[] = {
        [METRIC_WER] = "wer", [METRIC_PER] = "per", [METRIC_EXACT] = "exact"
    };
    clseq_edit_result r;
    const clseq_status status = clseq_edit_score(m->edit, &r);
    double score;

    if (status != CLSEQ_OK)
        return status;
    score = m->metric == METRIC_WER   ? r.wrong_rate
            : m->metric == METRIC_PER ? r.edit_rate
                                      : r.exact;
    if (json)
        printf(
            "{\"metric\":\"%s\",\"score\":%.10g,\"lines\":%llu,\"wrong_lines\":%llu,\"edits\":%llu,"
            "\"reference_tokens\":%llu}\n",
            names[m->metric], score, (unsigned long long)r.lines, (unsigned long long)r.wrong_lines,
            (unsigned long long)r.edits, (unsigned long long)r.reference_tokens);
    else if (m->metric == METRIC_PER)
        printf("PER %.2f %%  (%llu edits, %llu reference tokens)\n", score,
               (unsigned long long)r.edits, (unsigned long long)r.reference_tokens);
    else
        printf("%s %.2f %%  (%llu of %llu lines equal no reference)\n",
               m->metric == METRIC_WER ? "WER" : "exact", score, (unsigned long long)r.wrong_lines,
               (unsigned long long)r.lines);
    return CLSEQ_OK;
}

/* Cut "source TAB ref TAB ref" into its references, in place. */
static size_t split_references(char *line, const char **refs)
{
    size_t n = 0;
    char *tab = strchr(line, '\t');

    while (tab && n < MAX_REFERENCES) {
        *tab = 0;
        refs[n++] = tab + 1;
        tab = strchr(tab + 1, '\t');
    }
    return n;
}

struct inputs {
    clseq_lines *hyp, *refs[MAX_REFERENCES];
    size_t n_refs;
    char *tsv_line;
};

/* The references of the next line into refs; *more is false at the end of any of them. */
static clseq_status next_references(clseq_context *ctx, struct inputs *in, bool tsv,
                                    const char **refs, size_t *n, bool *more)
{
    *more = true;
    *n = 0;
    for (size_t i = 0; i < in->n_refs; i++) {
        const char *line;
        size_t length;
        bool here = false;
        const clseq_status status = clseq_lines_next(in->refs[i], &line, &length, &here);

        if (status != CLSEQ_OK)
            return status;
        if (!here) {
            *more = false;
            return CLSEQ_OK;
        }
        if (!tsv) {
            refs[(*n)++] = line;
            continue;
        }
        free(in->tsv_line);
        in->tsv_line = malloc(length + 1);
        if (!in->tsv_line)
            return CLSEQ_ERR_NOMEM;
        memcpy(in->tsv_line, line, length + 1);
        *n = split_references(in->tsv_line, refs);
    }
    return CLSEQ_OK;
}

/* 0 = fine, else an exit code with the message printed. */
static int add_all(clseq_context *ctx, struct inputs *in, const struct values *v, struct meter *m)
{
    const char *refs[MAX_REFERENCES];

    for (;;) {
        const char *hyp = NULL;
        size_t length, n = 0;
        bool more = false, ref_more = false;
        clseq_status status = clseq_lines_next(in->hyp, &hyp, &length, &more);

        if (status == CLSEQ_OK)
            status = next_references(ctx, in, v->tsv, refs, &n, &ref_more);
        if (status == CLSEQ_OK && more != ref_more) {
            cli_error("%s has %s lines than the reference (it ends after line %llu): the two must "
                      "correspond line by line",
                      clseq_lines_name(in->hyp), more ? "more" : "fewer",
                      (unsigned long long)clseq_lines_number(in->hyp) - (more ? 1 : 0));
            return CLI_EXIT_DATA;
        }
        if (status == CLSEQ_OK && !more)
            return CLI_EXIT_DONE;
        if (status == CLSEQ_OK && n == 0) {
            cli_error("%s:%llu: no TAB, so no reference: --tsv wants source TAB reference",
                      clseq_lines_name(in->refs[0]),
                      (unsigned long long)clseq_lines_number(in->refs[0]));
            return CLI_EXIT_DATA;
        }
        if (status == CLSEQ_OK)
            status = meter_add(m, hyp, refs, n);
        if (status != CLSEQ_OK)
            return cli_report(ctx, status);
    }
}

static int run_with(clseq_context *ctx, const cli_parse *parse, const struct values *v)
{
    struct inputs in = { 0 };
    struct meter m = { 0 };
    clseq_status status;
    int code = CLI_EXIT_DONE;

    if (parse->argument_count - 1 > MAX_REFERENCES || (v->tsv && parse->argument_count != 2)) {
        cli_error(v->tsv ? "--tsv takes one REF" : "more than 64 references");
        return CLI_EXIT_USAGE;
    }
    status = meter_create(ctx, v, &m);
    if (status == CLSEQ_OK)
        status = clseq_lines_open(ctx, parse->arguments[0], 0, &in.hyp);
    for (size_t i = 1; status == CLSEQ_OK && i < parse->argument_count; i++) {
        status = clseq_lines_open(ctx, parse->arguments[i], 0, &in.refs[i - 1]);
        if (status == CLSEQ_OK)
            in.n_refs++;
    }
    if (status == CLSEQ_OK) {
        code = add_all(ctx, &in, v, &m);
        if (code == CLI_EXIT_DONE)
            status = m.bleu   ? print_bleu(&m, v->json)
                     : m.chrf ? print_chrf(&m, v->json)
                              : print_edits(&m, v->json);
    }
    if (status != CLSEQ_OK)
        code = cli_report(ctx, status);
    clseq_lines_close(&in.hyp);
    for (size_t i = 0; i < in.n_refs; i++)
        clseq_lines_close(&in.refs[i]);
    free(in.tsv_line);
    meter_destroy(&m);
    return code;
}

static int run(const cli_parse *parse, const void *values)
{
    clseq_context *ctx = NULL;
    int code;

    if (clseq_context_create(&ctx) != CLSEQ_OK) {
        cli_error("%s", clseq_status_text(CLSEQ_ERR_NOMEM));
        return CLI_EXIT_MEMORY;
    }
    clseq_context_set_log(ctx, cli_log, NULL, CLSEQ_LOG_INFO);
    code = run_with(ctx, parse, values);
    clseq_context_destroy(&ctx);
    return code;
}

const cli_command cmd_eval = {
    .name = "eval",
    .arguments = "HYP REF...",
    .summary = "score translations against one or more references",
    .details = "HYP may be - for standard input. BLEU and chrF equal sacreBLEU's; the signature "
               "says how they\n"
               "were made.\n\n"
               "  clseq eval test.hyp test.en --tokenize none\n"
               "  clseq eval dev.hyp dev.tsv --tsv --metric wer\n",
    .options = options,
    .option_count = sizeof(options) / sizeof(options[0]),
    .values_size = sizeof(struct values),
    .run = run,
};
