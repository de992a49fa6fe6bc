/* SPDX-License-Identifier: BSD-2-Clause */
#include "commands.h"
#include "eval_inputs.h"
#include "message.h"

#include <clseq/eval.h>

enum metric {
    METRIC_BLEU,
    METRIC_CHRF,
    METRIC_CHRFPP,
    METRIC_TER,
    METRIC_WER,
    METRIC_PER,
    METRIC_EXACT
};

struct values {
    int metric, tokenize, smooth;
    bool lowercase, tsv, json;
    bool ter_normalized, ter_no_punct, ter_asian, ter_case_sensitive;
    const char *against;
    int64_t samples, seed;
};

static const cli_option options[] = {
    /* clang-format off */
    { "metric", 'm', CLI_CHOICE_FIELD(struct values, metric), "bleu|chrf|chrf++|ter|wer|per|exact", "bleu",
      .help = "ter: words inserted, deleted, replaced and runs of words moved, per word of the reference; "
              "wer: lines equal to no reference (one word a line, as for pronunciations); per: edits per token "
              "to the nearest reference; exact: 100 - wer" },
    { "tokenize", 0, CLI_CHOICE_FIELD(struct values, tokenize), "13a|intl|char|none", "13a",
      .help = "BLEU's tokenizer; none for text that is tokenised already" },
    { "smooth", 0, CLI_CHOICE_FIELD(struct values, smooth), "exp|floor|add-k|none", "exp",
      .help = "BLEU's smoothing" },
    { "lowercase", 0, CLI_FLAG_FIELD(struct values, lowercase), NULL, NULL,
      .help = "lower-case both sides first; TER does so anyway" },
    { "tsv", 0, CLI_FLAG_FIELD(struct values, tsv), NULL, NULL,
      .help = "REF is one .tsv: source TAB reference TAB further references" },
    { "json", 0, CLI_FLAG_FIELD(struct values, json), NULL, NULL, .help = "print a JSON object" },
    { "ter-normalized", 0, CLI_FLAG_FIELD(struct values, ter_normalized), NULL, NULL, .group = "TER",
      .help = "punctuation apart, entities undone" },
    { "ter-no-punct", 0, CLI_FLAG_FIELD(struct values, ter_no_punct), NULL, NULL, .group = "TER",
      .help = "leave out . , ? : ; ! \" ( )" },
    { "ter-asian", 0, CLI_FLAG_FIELD(struct values, ter_asian), NULL, NULL, .group = "TER",
      .help = "these two for Asian text, too: ideographs apart, punctuation apart or left out" },
    { "ter-case-sensitive", 0, CLI_FLAG_FIELD(struct values, ter_case_sensitive), NULL, NULL, .group = "TER",
      .help = "do not lower-case" },
    { "against", 0, CLI_STRING_FIELD(struct values, against), "HYP", NULL, .group = "Comparison",
      .help = "another system's output for the same lines: both scores, their 95 % intervals, and by paired bootstrap "
              "how likely such a difference is by chance" },
    { "samples", 0, CLI_INT_FIELD(struct values, samples), "N", "1000", .min = 1, .max = CLSEQ_PAIRED_MAX_SAMPLES,
      .group = "Comparison", .help = "of the bootstrap" },
    { "seed", 0, CLI_INT_FIELD(struct values, seed), "N", "1", .min = 0, .max = 9007199254740992.0,
      .group = "Comparison", .help = "of the samples; same seed, same figures" },
    /* clang-format on */
};

/* The one metric asked for. */
struct meter {
    enum metric metric;
    clseq_bleu *bleu;
    clseq_chrf *chrf;
    clseq_ter *ter;
    clseq_edit *edit;
};

/* The command line as options of the library. */
static void read_options(const struct values *v, clseq_paired_options *o)
{
    static const clseq_eval_tokenizer tokenizers[] = { CLSEQ_EVAL_TOKENIZER_13A,
                                                       CLSEQ_EVAL_TOKENIZER_INTL,
                                                       CLSEQ_EVAL_TOKENIZER_CHAR,
                                                       CLSEQ_EVAL_TOKENIZER_NONE };
    static const clseq_smoothing smoothings[] = { CLSEQ_SMOOTHING_EXP, CLSEQ_SMOOTHING_FLOOR,
                                                  CLSEQ_SMOOTHING_ADD_K, CLSEQ_SMOOTHING_NONE };
    static const clseq_eval_metric metrics[] = {
        [METRIC_BLEU] = CLSEQ_EVAL_METRIC_BLEU,      [METRIC_CHRF] = CLSEQ_EVAL_METRIC_CHRF,
        [METRIC_CHRFPP] = CLSEQ_EVAL_METRIC_CHRF,    [METRIC_TER] = CLSEQ_EVAL_METRIC_TER,
        [METRIC_WER] = CLSEQ_EVAL_METRIC_WRONG_RATE, [METRIC_PER] = CLSEQ_EVAL_METRIC_EDIT_RATE,
        [METRIC_EXACT] = CLSEQ_EVAL_METRIC_EXACT,
    };

    clseq_paired_options_init(o);
    o->metric = metrics[v->metric];
    o->bleu.tokenizer = tokenizers[v->tokenize];
    o->bleu.smoothing = smoothings[v->smooth];
    o->bleu.lowercase = o->chrf.lowercase = o->edit.lowercase = v->lowercase;
    o->chrf.word_order = v->metric == METRIC_CHRFPP ? 2 : 0;
    o->ter.normalized = v->ter_normalized;
    o->ter.no_punct = v->ter_no_punct;
    o->ter.asian_support = v->ter_asian;
    o->ter.case_sensitive = v->ter_case_sensitive;
    o->samples = (uint64_t)v->samples;
    o->seed = (uint64_t)v->seed;
}

static clseq_status meter_create(clseq_context *ctx, const struct values *v, struct meter *m)
{
    clseq_paired_options o;

    read_options(v, &o);
    m->metric = (enum metric)v->metric;
    switch (m->metric) {
    case METRIC_BLEU:
        return clseq_bleu_create(ctx, &o.bleu, &m->bleu);
    case METRIC_CHRF:
    case METRIC_CHRFPP:
        return clseq_chrf_create(ctx, &o.chrf, &m->chrf);
    case METRIC_TER:
        return clseq_ter_create(ctx, &o.ter, &m->ter);
    case METRIC_WER:
    case METRIC_PER:
    case METRIC_EXACT:
        break;
    }
    return clseq_edit_create(ctx, &o.edit, &m->edit);
}

static void meter_destroy(struct meter *m)
{
    clseq_bleu_destroy(&m->bleu);
    clseq_chrf_destroy(&m->chrf);
    clseq_ter_destroy(&m->ter);
    clseq_edit_destroy(&m->edit);
}

static clseq_status meter_add(struct meter *m, const char *hyp, const char *const *refs, size_t n)
{
    return m->bleu   ? clseq_bleu_add(m->bleu, hyp, refs, n)
           : m->chrf ? clseq_chrf_add(m->chrf, hyp, refs, n)
           : m->ter  ? clseq_ter_add(m->ter, hyp, refs, n)
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

static clseq_status print_ter(const struct meter *m, bool json)
{
    clseq_ter_result r;
    const clseq_status status = clseq_ter_score(m->ter, &r);

    if (status != CLSEQ_OK)
        return status;
    if (json)
        printf("{\"metric\":\"ter\",\"score\":%.10g,\"lines\":%llu,\"edits\":%llu,"
               "\"reference_tokens\":%.10g,\"signature\":\"%s\"}\n",
               r.score, (unsigned long long)r.lines, (unsigned long long)r.edits,
               r.reference_tokens, r.signature);
    else
        printf("TER %.2f  (%llu edits, %.10g reference tokens)  %s\n", r.score,
               (unsigned long long)r.edits, r.reference_tokens, r.signature);
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

static clseq_status print_score(const struct meter *m, bool json)
{
    return m->bleu   ? print_bleu(m, json)
           : m->chrf ? print_chrf(m, json)
           : m->ter  ? print_ter(m, json)
                     : print_edits(m, json);
}

/* Score one system. 0 = fine, else an exit code with the message printed. */
static int score(clseq_context *ctx, struct eval_inputs *in, const struct values *v)
{
    struct meter m = { 0 };
    struct eval_line line;
    bool more = true;
    int code = CLI_EXIT_DONE;
    clseq_status status = meter_create(ctx, v, &m);

    while (status == CLSEQ_OK && code == CLI_EXIT_DONE && more) {
        code = eval_inputs_next(in, ctx, &line, &more);
        if (code == CLI_EXIT_DONE && more)
            status = meter_add(&m, line.hyp, line.refs, line.n_refs);
    }
    if (status == CLSEQ_OK && code == CLI_EXIT_DONE)
        status = print_score(&m, v->json);
    meter_destroy(&m);
    return status == CLSEQ_OK ? code : cli_report(ctx, status);
}

static void print_system_json(const char *key, const clseq_paired_system *s)
{
    printf("\"%s\":{\"score\":%.10g,\"mean\":%.10g,\"low\":%.10g,\"high\":%.10g}", key, s->score,
           s->mean, s->low, s->high);
}

static void print_system(const char *name, const clseq_paired_system *s)
{
    printf("%7.2f %7.2f %8.2f to %.2f (+- %.2f)  %s\n", s->score, s->mean, s->low, s->high,
           (s->high - s->low) / 2, name);
}

static void print_paired_json(const struct values *v, const clseq_paired_result *r)
{
    static const char *const names[] = {
        [METRIC_BLEU] = "bleu", [METRIC_TER] = "ter",     [METRIC_WER] = "wer",
        [METRIC_PER] = "per",   [METRIC_EXACT] = "exact",
    };
    const char *name = names[v->metric] ? names[v->metric] : r->name; /* chrF2 or chrF2++ */

    printf("{\"metric\":\"%s\",\"lines\":%llu,\"samples\":%llu,\"seed\":%llu,", name,
           (unsigned long long)r->lines, (unsigned long long)r->samples,
           (unsigned long long)r->seed);
    print_system_json("hyp", &r->system);
    printf(",");
    print_system_json("against", &r->other);
    printf(",\"difference\":%.10g,\"p\":%.10g,\"equal_samples\":%llu,\"signature\":\"%s\"}\n",
           r->difference, r->p_value, (unsigned long long)r->equal_samples, r->signature);
}

static void print_paired(const struct eval_inputs *in, const clseq_paired_result *r)
{
    printf("%7s %7s %8s\n", r->name, "mean", "95 % interval");
    print_system(clseq_lines_name(in->hyp), &r->system);
    print_system(clseq_lines_name(in->other), &r->other);
    printf("difference %+.2f, ", r->difference);
    if (r->equal_samples == r->samples)
        printf("none in any sample, so a p-value has no meaning");
    else
        printf("p = %.4g", r->p_value);
    printf("  (paired bootstrap, %llu samples of %llu lines, seed %llu)\n",
           (unsigned long long)r->samples, (unsigned long long)r->lines,
           (unsigned long long)r->seed);
    if (r->signature[0])
        printf("%s\n", r->signature);
}

/* Compare two systems. 0 = fine, else an exit code with the message printed. */
static int compare(clseq_context *ctx, struct eval_inputs *in, const struct values *v)
{
    clseq_paired_options o;
    clseq_paired_result r;
    clseq_paired *paired = NULL;
    struct eval_line line;
    bool more = true;
    int code = CLI_EXIT_DONE;
    clseq_status status;

    read_options(v, &o);
    status = clseq_paired_create(ctx, &o, &paired);
    while (status == CLSEQ_OK && code == CLI_EXIT_DONE && more) {
        code = eval_inputs_next(in, ctx, &line, &more);
        if (code == CLI_EXIT_DONE && more)
            status = clseq_paired_add(paired, line.hyp, line.other, line.refs, line.n_refs);
    }
    if (status == CLSEQ_OK && code == CLI_EXIT_DONE)
        status = clseq_paired_test(paired, &r);
    if (status == CLSEQ_OK && code == CLI_EXIT_DONE) {
        if (v->json)
            print_paired_json(v, &r);
        else
            print_paired(in, &r);
    }
    clseq_paired_destroy(&paired);
    return status == CLSEQ_OK ? code : cli_report(ctx, status);
}

/* Options that would have no effect: 0 or an exit code with the message printed. */
static int check_values(const cli_parse *parse, const struct values *v)
{
    const bool ter = v->ter_normalized || v->ter_no_punct || v->ter_asian || v->ter_case_sensitive;

    if (ter && v->metric != METRIC_TER)
        cli_error("the --ter-... options are for --metric ter");
    else if (v->ter_case_sensitive && v->lowercase)
        cli_error("--ter-case-sensitive and --lowercase exclude each other");
    else if (v->ter_asian && !v->ter_normalized && !v->ter_no_punct)
        cli_error("--ter-asian changes what --ter-normalized and --ter-no-punct do: give one of "
                  "them, too");
    else if (!v->against && (cli_source_of(parse, "samples") == CLI_FROM_COMMAND_LINE ||
                             cli_source_of(parse, "seed") == CLI_FROM_COMMAND_LINE))
        cli_error("--samples and --seed are for --against, which compares two outputs");
    else
        return CLI_EXIT_DONE;
    return CLI_EXIT_USAGE;
}

static int run_with(clseq_context *ctx, const cli_parse *parse, const struct values *v)
{
    struct eval_inputs in = { 0 };
    int code = check_values(parse, v);

    if (code == CLI_EXIT_DONE)
        code = eval_inputs_open(&in, ctx, parse->arguments[0], v->against, parse->arguments + 1,
                                parse->argument_count - 1, v->tsv);
    if (code == CLI_EXIT_DONE)
        code = v->against ? compare(ctx, &in, v) : score(ctx, &in, v);
    eval_inputs_close(&in);
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
    .details = "HYP may be - for standard input. BLEU, chrF and TER equal sacreBLEU's; the "
               "signature says\n"
               "how they were made.\n\n"
               "  clseq eval test.hyp test.en --tokenize none\n"
               "  clseq eval dev.hyp dev.tsv --tsv --metric wer\n"
               "  clseq eval new.hyp test.en --against old.hyp\n",
    .options = options,
    .option_count = sizeof(options) / sizeof(options[0]),
    .values_size = sizeof(struct values),
    .run = run,
};
