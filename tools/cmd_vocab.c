/* SPDX-License-Identifier: BSD-2-Clause */
#include "commands.h"
#include "message.h"

#include <clseq/rules.h>
#include <clseq/subword.h>
#include <clseq/text.h>

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define MAX_GLOSSARIES 256

struct values {
    const char *input, *spm, *bpe, *vocabulary, *separator, *glossaries;
    int64_t merges, min_frequency, threshold, seed;
    double dropout;
    bool ids;
};

static const cli_option options[] = {
    /* clang-format off */
    { "input", 'i', CLI_STRING_FIELD(struct values, input), "FILE", "-", .group = "Text",
      .help = "text, plain or .gz; - is standard input" },
    { "ids", 0, CLI_FLAG_FIELD(struct values, ids), NULL, NULL, .group = "Text",
      .help = "numbers of pieces in place of pieces, with --spm" },
    { "spm", 0, CLI_STRING_FIELD(struct values, spm), "MODEL", NULL, .group = "Units",
      .help = "a SentencePiece model" },
    { "bpe", 0, CLI_STRING_FIELD(struct values, bpe), "CODES", NULL, .group = "Units",
      .help = "merges of byte pair encoding, as subword-nmt writes them" },
    { "merges", 0, CLI_INT_FIELD(struct values, merges), "N", "0", .min = 0, .max = 1e9, .group = "BPE",
      .help = "learn so many merges, use the first so many; 0: learn 10000, use all" },
    { "min-frequency", 0, CLI_INT_FIELD(struct values, min_frequency), "N", "2", .min = 1, .max = 1e12, .group = "BPE",
      .help = "learn no pair that is rarer" },
    { "bpe-vocabulary", 0, CLI_STRING_FIELD(struct values, vocabulary), "FILE", NULL, .group = "BPE",
      .help = "\"PIECE COUNT\" lines: pieces that are not there are cut again" },
    { "bpe-threshold", 0, CLI_INT_FIELD(struct values, threshold), "N", "1", .min = 0, .max = 1e12, .group = "BPE",
      .help = "pieces of a lower count are not there" },
    { "separator", 0, CLI_STRING_FIELD(struct values, separator), "TEXT", "@@", .group = "BPE",
      .help = "behind every piece that does not end a word" },
    { "glossaries", 0, CLI_STRING_FIELD(struct values, glossaries), "WORDS", NULL, .group = "BPE",
      .help = "strings, with spaces between them, that are never cut" },
    { "dropout", 0, CLI_FLOAT_FIELD(struct values, dropout), "P", "0", .min = 0, .max = 1, .group = "BPE",
      .help = "leave out merges at random (BPE-dropout), in text to train on" },
    { "seed", 0, CLI_INT_FIELD(struct values, seed), "N", "1", .min = 0, .max = 9007199254740992.0, .group = "BPE",
      .help = "of --dropout" },
    /* clang-format on */
};

enum action { LEARN, ENCODE, DECODE, TOKENIZE, DETOKENIZE, ACTIONS };

struct units {
    clseq_context *ctx;
    clseq_spm *spm;
    clseq_bpe *bpe;
    clseq_ids ids;
    clseq_text text;
};

/* "a b c" as three strings in the same memory. */
static size_t split(char *text, const char **ret)
{
    size_t count = 0;
    char *next = NULL;

    for (char *word = strtok_r(text, " \t", &next); word && count < MAX_GLOSSARIES;
         word = strtok_r(NULL, " \t", &next))
        ret[count++] = word;
    return count;
}

static clseq_status open_units(struct units *u, const struct values *v)
{
    const char *glossaries[MAX_GLOSSARIES];
    char *copy = v->glossaries ? strdup(v->glossaries) : NULL;
    clseq_bpe_options o;
    clseq_status status;

    if (v->spm)
        return clseq_spm_load(u->ctx, v->spm, &u->spm);
    clseq_bpe_options_init(&o);
    o.separator = v->separator;
    o.merges = v->merges > 0 ? (size_t)v->merges : SIZE_MAX;
    o.vocabulary_path = v->vocabulary;
    o.vocabulary_threshold = v->threshold;
    o.glossary_count = copy ? split(copy, glossaries) : 0;
    o.glossaries = glossaries;
    status = clseq_bpe_load(u->ctx, v->bpe, &o, &u->bpe);
    free(copy);
    return status;
}

static clseq_status encode(struct units *u, const struct values *v, const char *line, size_t n,
                           uint64_t number)
{
    const clseq_bpe_dropout dropout = { .probability = v->dropout,
                                        .seed = (uint64_t)v->seed,
                                        .line = number };

    if (u->bpe)
        return clseq_bpe_apply(u->bpe, line, n, v->dropout > 0 ? &dropout : NULL, &u->text);
    if (v->ids)
        return clseq_spm_encode(u->spm, line, n, &u->ids);
    return clseq_spm_encode_pieces(u->spm, line, n, &u->text);
}

/* Numbers in a line. False: something else is there. */
static bool read_ids(struct units *u, const char *line, clseq_status *status)
{
    const char *at = line;

    u->ids.size = 0;
    for (;;) {
        char *stop;
        long id;

        while (isspace((unsigned char)*at))
            at++;
        if (!*at)
            return true;
        errno = 0;
        id = strtol(at, &stop, 10);
        if (stop == at || (*stop && !isspace((unsigned char)*stop)) || errno || id < 0 ||
            id > INT32_MAX)
            return false;
        at = stop;
        if (u->ids.size == u->ids.capacity) {
            const size_t capacity = u->ids.capacity ? 2 * u->ids.capacity : 64;
            int32_t *data = realloc(u->ids.data, capacity * sizeof(*data));

            *status = data ? CLSEQ_OK : CLSEQ_ERR_NOMEM;
            if (!data)
                return true;
            u->ids.data = data;
            u->ids.capacity = capacity;
        }
        u->ids.data[u->ids.size++] = (int32_t)id;
    }
}

/* *bad: the line is not numbers. */
static clseq_status decode(struct units *u, const struct values *v, const char *line, size_t n,
                           bool *bad)
{
    clseq_status status = CLSEQ_OK;

    if (u->bpe || !u->spm)
        return clseq_bpe_undo(u->ctx, v->separator, line, n, &u->text);
    if (!v->ids)
        return clseq_spm_decode_pieces(u->spm, line, n, &u->text);
    *bad = !read_ids(u, line, &status);
    if (*bad || status != CLSEQ_OK)
        return status;
    return clseq_spm_decode(u->spm, u->ids.data, u->ids.size, &u->text);
}

static bool print_line(const struct units *u, bool ids)
{
    for (size_t i = 0; ids && i < u->ids.size; i++)
        printf("%s%ld", i ? " " : "", (long)u->ids.data[i]);
    if (!ids)
        fwrite(u->text.data, 1, u->text.size, stdout);
    return putchar('\n') != EOF;
}

static clseq_status change(struct units *u, const struct values *v, enum action action,
                           const char *line, size_t n, uint64_t number, bool *bad)
{
    switch (action) {
    case TOKENIZE:
        return clseq_rules_cut(u->ctx, line, n, &u->text);
    case DETOKENIZE:
        return clseq_rules_join(u->ctx, line, n, &u->text);
    case ENCODE:
        return encode(u, v, line, n, number);
    default:
        return decode(u, v, line, n, bad);
    }
}

static int convert(struct units *u, const struct values *v, clseq_lines *in, enum action action)
{
    uint64_t number = 0;

    for (;;) {
        const char *line;
        size_t n;
        bool more, bad = false;
        clseq_status status = clseq_lines_next(in, &line, &n, &more);

        if (status == CLSEQ_OK && !more)
            return CLI_EXIT_DONE;
        number++;
        if (status == CLSEQ_OK)
            status = change(u, v, action, line, n, number, &bad);
        if (status != CLSEQ_OK)
            return cli_report(u->ctx, status);
        if (bad) {
            cli_error("%s:%llu: a line of numbers of pieces is expected, with spaces between them",
                      clseq_lines_name(in), (unsigned long long)number);
            return CLI_EXIT_DATA;
        }
        if (!print_line(u, action == ENCODE && v->ids && u->spm)) {
            cli_error("standard output: cannot write: %s", strerror(errno));
            return CLI_EXIT_IO;
        }
    }
}

static int learn(struct units *u, const struct values *v, clseq_lines *in)
{
    clseq_bpe_learner *learner = NULL;
    clseq_status status = clseq_bpe_learner_create(u->ctx, &learner);
    int code = CLI_EXIT_DONE;
    size_t learnt = 0;
    bool more = true;

    while (status == CLSEQ_OK) {
        const char *line;
        size_t n;

        status = clseq_lines_next(in, &line, &n, &more);
        if (status != CLSEQ_OK || !more)
            break;
        status = clseq_bpe_learner_add(learner, line, n);
    }
    if (status == CLSEQ_OK)
        status = clseq_bpe_learner_learn(learner, v->merges > 0 ? (size_t)v->merges : 10000,
                                         (uint64_t)v->min_frequency, &u->text, &learnt);
    if (status != CLSEQ_OK) {
        code = cli_report(u->ctx, status);
    } else if (fwrite(u->text.data, 1, u->text.size, stdout) != u->text.size) {
        cli_error("standard output: cannot write: %s", strerror(errno));
        code = CLI_EXIT_IO;
    } else {
        cli_note("%zu merges", learnt);
    }
    clseq_bpe_learner_destroy(&learner);
    return code;
}

static int check(const struct values *v, enum action action, const char *name)
{
    if (action == ACTIONS)
        cli_error("vocab %s: it is learn, encode, decode, tokenize or detokenize", name);
    else if (v->spm && v->bpe)
        cli_error("--spm and --bpe are two kinds of units: give one of them");
    else if (action == LEARN && (v->spm || v->bpe))
        cli_error("vocab learn makes the merges: leave out --spm and --bpe");
    else if (action == ENCODE && !v->spm && !v->bpe)
        cli_error("vocab encode: into which units? Give --spm MODEL or --bpe CODES");
    else if (action >= TOKENIZE && (v->spm || v->bpe))
        cli_error("vocab %s follows rules: leave out --spm and --bpe", name);
    else if (v->ids && !v->spm)
        cli_error("--ids: only a SentencePiece model (--spm) has numbers of pieces");
    else
        return CLI_EXIT_DONE;
    return CLI_EXIT_USAGE;
}

static int run(const cli_parse *parse, const void *values)
{
    static const char *const names[ACTIONS] = { "learn", "encode", "decode", "tokenize",
                                                "detokenize" };
    const struct values *v = values;
    struct units u = { 0 };
    clseq_lines *in = NULL;
    enum action action = LEARN;
    clseq_status status;
    int code;

    while (action < ACTIONS && strcmp(parse->arguments[0], names[action]) != 0)
        action++;
    code = check(v, action, parse->arguments[0]);
    if (code != CLI_EXIT_DONE)
        return code;
    status = clseq_context_create(&u.ctx);
    if (status != CLSEQ_OK) {
        cli_error("%s", clseq_status_text(status));
        return cli_exit_code(status);
    }
    if (v->spm || v->bpe)
        status = open_units(&u, v);
    if (status == CLSEQ_OK)
        status = clseq_lines_open(u.ctx, v->input, 0, &in);
    if (status != CLSEQ_OK)
        code = cli_report(u.ctx, status);
    else if (action == LEARN)
        code = learn(&u, v, in);
    else
        code = convert(&u, v, in, action);
    clseq_lines_close(&in);
    clseq_spm_destroy(&u.spm);
    clseq_bpe_destroy(&u.bpe);
    clseq_ids_fini(&u.ids);
    clseq_text_fini(&u.text);
    clseq_context_destroy(&u.ctx);
    return code;
}

const cli_command cmd_vocab = {
    .name = "vocab",
    .arguments = "ACTION",
    .summary = "cut text into words or pieces, join them again, learn merges",
    .details =
        "ACTION is learn, encode or decode, for pieces, which are those of subword-nmt and of\n"
        "SentencePiece; tokenize or detokenize, for words and punctuation, which rules find.\n\n"
        "  clseq vocab learn --merges 10000 -i train.en > codes\n"
        "  clseq vocab encode --bpe codes -i test.en > test.bpe.en\n"
        "  clseq vocab decode < hyp.bpe.en > hyp.en\n"
        "  clseq vocab encode --spm m.model --ids < test.en\n"
        "  clseq vocab tokenize < test.en | clseq vocab detokenize\n",
    .options = options,
    .option_count = sizeof(options) / sizeof(options[0]),
    .values_size = sizeof(struct values),
    .run = run,
};
