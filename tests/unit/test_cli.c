/* SPDX-License-Identifier: BSD-2-Clause */
#include "unit.h"

/* The tools are no library: the test takes their code in. */
#include "tools/cli.c"
#include "tools/cli_help.c"
#include "tools/cli_value.c"
#include "tools/message.c"

#include <math.h>

struct demo {
    int64_t beam, seed, any;
    double rate, drop;
    bool lower, norm;
    const char *out;
    int unit;
    int64_t memory;
    cli_span after;
    cli_pair valid;
    cli_list words;
};

static int demo_run(const cli_parse *parse, const void *values)
{
    const struct demo *d = values;

    printf("run %lld %zu\n", (long long)d->beam, parse->argument_count);
    return parse->argument_count == 2 ? 0 : 3;
}

static const cli_option demo_options[] = {
    { "beam", 'b', CLI_INT_FIELD(struct demo, beam), "N", "5", .min = 1, .max = 64,
      .group = "Search", .help = "hypotheses kept per sentence" },
    { "seed", 0, CLI_INT_FIELD(struct demo, seed), "N", "1", .min = 0, .max = HUGE_VAL,
      .help = "first number of the random sequence" },
    { "any", 0, CLI_INT_FIELD(struct demo, any), "N", .help = "any number" },
    { "lr", 0, CLI_FLOAT_FIELD(struct demo, rate), "X", "0.7", .min = 0, .max = 100,
      .bounds = CLI_ABOVE_MIN, .group = "Training", .help = "learning rate" },
    { "dropout", 0, CLI_FLOAT_FIELD(struct demo, drop), "P", "0", .min = 0, .max = 1,
      .bounds = CLI_BELOW_MAX, .group = "Training",
      .help = "probability that an activation is dropped" },
    { "lowercase", 'l', CLI_FLAG_FIELD(struct demo, lower), .help = "lower-case the text" },
    { "normalize", 0, CLI_FLAG_FIELD(struct demo, norm), .value = "on",
      .help = "keep the text as it is" },
    { "out", 'o', CLI_STRING_FIELD(struct demo, out), "RUN", .help = "folder of the run" },
    { "unit", 'u', CLI_CHOICE_FIELD(struct demo, unit), "word|char|bpe", "word",
      .help = "what a token is" },
    { "memory", 0, CLI_SIZE_FIELD(struct demo, memory), "SIZE", "64K", .min = 1, .max = 1 << 30,
      .help = "largest buffer" },
    { "after", 0, CLI_SPAN_FIELD(struct demo, after), "SPAN", "20e", .help = "when training ends" },
    { "valid", 0, CLI_PAIR_FIELD(struct demo, valid), "SRC TGT", .help = "files to validate on" },
    { "word", 'w', CLI_LIST_FIELD(struct demo, words), "WORD", .help = "may be given often" },
};

static const cli_command demo_command = {
    "train",
    "SRC TGT",
    "Train a model of two text files.",
    NULL,
    demo_options,
    CLSEQ_ARRAY_SIZE(demo_options),
    NULL,
    0,
    sizeof(struct demo),
    demo_run,
};

enum { MAX_ARGUMENTS = 32 };

/* Parse words separated by single spaces. */
static enum cli_action parse_line(const cli_command *command, const char *line, struct demo *demo,
                                  cli_parse *parse, char *copy)
{
    char *argv[MAX_ARGUMENTS];
    int argc = 0;

    strcpy(copy, line);
    for (char *p = copy; *p;) {
        const size_t n = strcspn(p, " ");

        assert_true(argc < MAX_ARGUMENTS);
        argv[argc++] = p;
        p += n;
        if (*p)
            *p++ = 0;
    }
    return cli_parse_arguments(command, "clseq train", argc, argv, demo, parse);
}

static void defaults_hold(void **state)
{
    struct demo d;
    cli_parse parse;
    char copy[256];

    assert_int_equal(parse_line(&demo_command, "a b", &d, &parse, copy), CLI_RUN);
    assert_int_equal(d.beam, 5);
    assert_int_equal(d.seed, 1);
    assert_true(d.rate == 0.7 && d.drop == 0.0);
    assert_true(!d.lower && d.norm);
    assert_null(d.out);
    assert_int_equal(d.unit, 0);
    assert_int_equal(d.memory, 65536);
    assert_true(d.after.epochs == 20.0 && d.after.updates == 0 && d.after.seconds == 0.0);
    assert_null(d.valid.first);
    assert_int_equal(parse.argument_count, 2);
    assert_string_equal(parse.arguments[1], "b");
    assert_int_equal(cli_source_of(&parse, "beam"), CLI_FROM_DEFAULT);
    cli_parse_fini(&parse);
}

static void lists_grow(void **state)
{
    char *three[] = { "--word", "a b", "--word=", "-wc", "x", "y" };
    char *many[CLI_LIST_MOST + 1];
    struct demo d;
    cli_parse parse;

    assert_int_equal(cli_parse_arguments(&demo_command, "clseq train", 6, three, &d, &parse),
                     CLI_RUN);
    assert_int_equal(d.words.count, 3);
    assert_string_equal(d.words.text[0], "a b");
    assert_string_equal(d.words.text[1], "");
    assert_string_equal(d.words.text[2], "c");
    assert_int_equal(cli_source_of(&parse, "word"), CLI_FROM_COMMAND_LINE);
    cli_parse_fini(&parse);
    for (int i = 0; i <= CLI_LIST_MOST; i++)
        many[i] = "-wa";
    assert_int_equal(
        cli_parse_arguments(&demo_command, "clseq train", CLI_LIST_MOST + 1, many, &d, &parse),
        CLI_BAD);
    assert_non_null(strstr(parse.error, "option -w: it may be given 64 times"));
    cli_parse_fini(&parse);
}

static void every_form_is_understood(void **state)
{
    struct demo d;
    cli_parse parse;
    char copy[256];

    assert_int_equal(
        parse_line(&demo_command,
                   "a --beam 7 --lr=1e-3 -l -oRUN --unit=bpe --memory 2m --valid x y --seed +3 b",
                   &d, &parse, copy),
        CLI_RUN);
    assert_int_equal(d.beam, 7);
    assert_int_equal(d.seed, 3);
    assert_true(d.rate == 1e-3 && d.lower);
    assert_string_equal(d.out, "RUN");
    assert_int_equal(d.unit, 2);
    assert_int_equal(d.memory, 2 << 20);
    assert_string_equal(d.valid.first, "x");
    assert_string_equal(d.valid.second, "y");
    assert_int_equal(parse.argument_count, 2);
    assert_int_equal(cli_source_of(&parse, "beam"), CLI_FROM_COMMAND_LINE);
    cli_parse_fini(&parse);

    assert_int_equal(
        parse_line(
            &demo_command,
            "--no-normalize --lowercase --no-lowercase -lb3 -o=x --any -5 --valid=- - -- -a --b",
            &d, &parse, copy),
        CLI_RUN);
    assert_true(!d.norm && d.lower);
    assert_int_equal(d.beam, 3);
    assert_int_equal(d.any, -5);
    assert_string_equal(d.out, "x");
    assert_string_equal(d.valid.first, "-");
    assert_string_equal(d.valid.second, "-");
    assert_string_equal(parse.arguments[0], "-a");
    assert_string_equal(parse.arguments[1], "--b");
    cli_parse_fini(&parse);

    assert_int_equal(
        parse_line(&demo_command, "- - --after 0.5e,5ku,1.5h -b 1 -b 64", &d, &parse, copy),
        CLI_RUN);
    assert_true(d.after.epochs == 0.5 && d.after.updates == 5000 && d.after.seconds == 5400.0);
    assert_int_equal(d.beam, 64); /* the last one counts */
    cli_parse_fini(&parse);
    assert_int_equal(parse_line(&demo_command, "a b --bogus --help", &d, &parse, copy), CLI_BAD);
    cli_parse_fini(&parse);
    assert_int_equal(parse_line(&demo_command, "--help --bogus", &d, &parse, copy), CLI_SHOW_HELP);
    cli_parse_fini(&parse);
    assert_int_equal(parse_line(&demo_command, "-h", &d, &parse, copy), CLI_SHOW_HELP);
    cli_parse_fini(&parse);
    assert_int_equal(parse_line(&demo_command, "--print-config", &d, &parse, copy),
                     CLI_SHOW_CONFIG);
    cli_parse_fini(&parse);
}

static void mistakes_are_explained(void **state)
{
    static const struct {
        const char *line, *words;
    } cases[] = {
        { "a b --bean 3", "unknown option --bean; did you mean --beam?" },
        { "a b --Beam 3", "did you mean --beam?" },
        { "a b --lower", "did you mean --lowercase?" },
        { "a b --lowercases", "did you mean --lowercase?" },
        { "a b --emab=3", "unknown option --emab" },
        { "a b --maeb=3", "unknown option --maeb" },
        { "a b --zzzzzz", "unknown option --zzzzzz" },
        { "a b --hlep", "did you mean --help?" },
        { "a b -x", "unknown option -x" },
        { "a b -beam 3", "unknown option -beam; did you mean --beam?" },
        { "a b -bea 3", "option -b: \"ea\" is not valid" },
        { "a b -xeam 3", "unknown option -x in -xeam" },
        { "a b -lowercase", "did you mean --lowercase?" },
        { "a b --beam", "option --beam needs a value: --beam N" },
        { "a b --out --beam 3",
          "option --out needs a value (RUN) but --beam follows; write --out=--beam" },
        { "a b -o -l", "option -o needs a value (RUN) but -l follows" },
        { "a b --beam=", "option --beam: \"\" is not valid" },
        { "a b --beam five", "\"five\" is not valid; expected a whole number, 1 to 64" },
        { "a b --beam 5.0", "\"5.0\" is not valid" },
        { "a b --beam 5x", "\"5x\" is not valid" },
        { "a b --beam 0x5", "\"0x5\" is not valid" },
        { "a b --beam 0", "0 is out of range; expected a whole number, 1 to 64" },
        { "a b --beam 65", "65 is out of range" },
        { "a b --beam 99999999999999999999", "is not valid" },
        { "a b --seed -1", "expected a whole number, at least 0" },
        { "a b --lr 0", "0 is out of range; expected a number, greater than 0, at most 100" },
        { "a b --lr nan", "\"nan\" is not valid" },
        { "a b --lr inf", "\"inf\" is not valid" },
        { "a b --lr 1e999", "\"1e999\" is not valid" },
        { "a b --lr 0x1p3", "\"0x1p3\" is not valid" },
        { "a b --dropout 1", "expected a number, at least 0, less than 1" },
        { "a b --dropout -0.1", "-0.1 is out of range" },
        { "a b --unit wrod", "\"wrod\" is not one of word|char|bpe; did you mean word?" },
        { "a b --unit wor", "did you mean word?" },
        { "a b --unit=", "\"\" is not one of" },
        { "a b --unit word|char", "is not one of" },
        { "a b --memory 3T", "\"3T\" is not valid; expected a size in bytes like" },
        { "a b --memory 3KB", "\"3KB\" is not valid" },
        { "a b --memory 9223372036854775807G", "is not valid" },
        { "a b --memory 2G", "2147483648 is out of range" },
        { "a b --after 20", "\"20\" is not valid; expected a number with e (epochs)" },
        { "a b --after 20e,", "is not valid" },
        { "a b --after 20e,10e", "is not valid" },
        { "a b --after 1s,1h", "is not valid" },
        { "a b --after 0e", "is not valid" },
        { "a b --after -1e", "is not valid" },
        { "a b --after 1.5u", "is not valid" },
        { "a b --after 20x", "is not valid" },
        { "a b --after e", "is not valid" },
        { "a b --valid x", "option --valid needs a value: --valid SRC TGT" },
        { "a b --lowercase=yes", "option --lowercase takes no value" },
        { "a b --no-beam", "unknown option --no-beam" },
        { "a b --no-help", "unknown option --no-help" },
        { "a b --=3", "unknown option --" },
        { "a", "argument TGT is missing; usage: clseq train [OPTION]... SRC TGT" },
        { "--beam 3", "argument SRC is missing" },
        { "a b c", "unexpected argument \"c\"" },
    };
    struct demo d;
    cli_parse parse;
    char copy[256];

    for (size_t i = 0; i < CLSEQ_ARRAY_SIZE(cases); i++) {
        if (parse_line(&demo_command, cases[i].line, &d, &parse, copy) != CLI_BAD ||
            parse.exit_code != CLI_EXIT_USAGE || !strstr(parse.error, cases[i].words))
            fail_msg("\"%s\": exit %d, \"%s\" lacks \"%s\"", cases[i].line, parse.exit_code,
                     parse.error, cases[i].words);
        cli_parse_fini(&parse);
    }
}

static void argument_counts_follow_the_usage(void **state)
{
    static const struct {
        const char *spec;
        size_t min, max;
    } cases[] = {
        { "", 0, 0 },
        { "MODEL", 1, 1 },
        { "SRC TGT", 2, 2 },
        { "HYP REF...", 2, SIZE_MAX },
        { "[TASK]", 0, 1 },
        { "[WORD...]", 0, SIZE_MAX },
        { "MODEL [WORD]...", 1, SIZE_MAX },
    };

    for (size_t i = 0; i < CLSEQ_ARRAY_SIZE(cases); i++) {
        size_t min = 9, max = 9;

        count_arguments(cases[i].spec, &min, &max);
        assert_true(min == cases[i].min && max == cases[i].max);
    }
}

static void put_text(const char *path, const char *text)
{
    FILE *f = fopen(path, "w");

    assert_non_null(f);
    fputs(text, f);
    assert_int_equal(fclose(f), 0);
}

static void configuration_files_work(void **state)
{
    static const struct {
        const char *json, *words;
    } bad_files[] = {
        { "{\"bean\": 3}", "unknown option \"bean\"; did you mean beam?" },
        { "{\"help\": true}", "unknown option \"help\"" },
        { "{\"config\": \"x\"}", "unknown option \"config\"" },
        { "{\"beam\": \"3\"}", "\"beam\": \"3\" is not valid; expected a whole number, 1 to 64" },
        { "{\"beam\": 3.5}", "\"beam\": 3.5 is not valid" },
        { "{\"beam\": null}", "\"beam\": null is not valid" },
        { "{\"beam\": 0}", "0 is out of range" },
        { "{\"lowercase\": 1}", "expected true or false" },
        { "{\"unit\": \"wrod\"}", "did you mean word?" },
        { "{\"unit\": 1}", "expected one of word|char|bpe" },
        { "{\"valid\": [\"a\"]}", "expected two texts" },
        { "{\"valid\": \"a b\"}", "expected two texts" },
        { "{\"word\": \"a\"}", "expected an array of texts" },
        { "{\"word\": [\"a\", 1]}", "expected an array of texts" },
        { "{\"after\": 20}", "20 is not valid; expected a number with e" },
        { "{\"memory\": -1}", "-1 is not valid" },
        { "{\"beam\": 1, \"beam\": 2}", "duplicate" },
        { "[]", "expected a JSON object" },
        { "{\n\"beam\": }", "line 2" },
    };
    struct demo d;
    cli_parse parse;
    char folder[] = "/tmp/clseq-cli-XXXXXX", path[64], line[256], copy[256];

    assert_non_null(mkdtemp(folder));
    snprintf(path, sizeof(path), "%s/c.json", folder);
    put_text(
        path,
        "{\"beam\": 9, \"lr\": 2, \"lowercase\": true, \"normalize\": false, \"out\": \"r\\u00e9\","
        " \"unit\": \"char\", \"memory\": \"1M\", \"after\": \"3m\", \"valid\": [\"p\", \"q\"]}");
    snprintf(line, sizeof(line), "a --beam 4 --config %s b --unit bpe", path);
    assert_int_equal(parse_line(&demo_command, line, &d, &parse, copy), CLI_RUN);
    assert_int_equal(d.beam, 4); /* the command line wins, on whichever side it stands */
    assert_int_equal(d.unit, 2);
    assert_true(d.rate == 2.0 && d.lower && !d.norm && d.after.seconds == 180.0 &&
                d.after.epochs == 0.0);
    assert_string_equal(d.out, "r\xc3\xa9");
    assert_string_equal(d.valid.second, "q");
    assert_int_equal(d.memory, 1 << 20);
    assert_int_equal(cli_source_of(&parse, "lr"), CLI_FROM_CONFIG);
    assert_int_equal(cli_source_of(&parse, "beam"), CLI_FROM_COMMAND_LINE);
    cli_parse_fini(&parse);

    snprintf(line, sizeof(line), "a b --config %s", path);
    for (size_t i = 0; i < CLSEQ_ARRAY_SIZE(bad_files); i++) {
        put_text(path, bad_files[i].json);
        if (parse_line(&demo_command, line, &d, &parse, copy) != CLI_BAD ||
            parse.exit_code != CLI_EXIT_USAGE || !strstr(parse.error, bad_files[i].words) ||
            !strstr(parse.error, path))
            fail_msg("%s: exit %d, \"%s\" lacks \"%s\"", bad_files[i].json, parse.exit_code,
                     parse.error, bad_files[i].words);
        cli_parse_fini(&parse);
    }
    unlink(path);
    assert_int_equal(parse_line(&demo_command, line, &d, &parse, copy), CLI_BAD);
    assert_int_equal(parse.exit_code, CLI_EXIT_IO);
    assert_non_null(strstr(parse.error, "No such file"));
    cli_parse_fini(&parse);
    assert_int_equal(rmdir(folder), 0);
}

static void the_configuration_comes_back(void **state)
{
    struct demo d, again;
    cli_parse parse, second;
    char folder[] = "/tmp/clseq-cli-XXXXXX", path[64], line[256], copy[256], copy2[256], *text,
         *text2;

    assert_non_null(mkdtemp(folder));
    snprintf(path, sizeof(path), "%s/c.json", folder);
    assert_int_equal(
        parse_line(
            &demo_command,
            "a b --lr 0.1 --dropout 0.30000000000000004 --after 1.5e,7u,90m --valid x\"y z -o a\\b"
            " --seed 9007199254740993 --any -3 --no-normalize -uchar --memory 3K -w p -w q",
            &d, &parse, copy),
        CLI_RUN);
    text = cli_config_json(&parse);
    assert_non_null(text);
    assert_non_null(strstr(text, "\"lr\": 0.1,"));
    assert_non_null(strstr(text, "\"after\": \"1.5e,7u,90m\""));
    assert_non_null(strstr(text, "\"seed\": 9007199254740993"));
    put_text(path, text);
    snprintf(line, sizeof(line), "a b --config %s", path);
    if (parse_line(&demo_command, line, &again, &second, copy2) != CLI_RUN)
        fail_msg("%s", second.error);
    assert_true(d.drop == again.drop && d.seed == again.seed && d.any == again.any &&
                d.norm == again.norm && d.unit == again.unit && d.memory == again.memory &&
                d.after.seconds == again.after.seconds && d.after.updates == again.after.updates &&
                d.after.epochs == again.after.epochs);
    assert_string_equal(d.out, again.out);
    assert_string_equal(d.valid.first, again.valid.first);
    assert_int_equal(again.words.count, 2);
    assert_string_equal(again.words.text[1], "q");
    text2 = cli_config_json(&second);
    assert_non_null(text2);
    assert_string_equal(text, text2);
    free(text);
    free(text2);
    cli_parse_fini(&parse);
    cli_parse_fini(&second);
    unlink(path);
    assert_int_equal(rmdir(folder), 0);
}

static void help_tells_everything(void **state)
{
    char *text = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);

    assert_non_null(out);
    cli_print_help(&demo_command, "clseq train", out);
    assert_int_equal(fclose(out), 0);
    assert_int_equal(strncmp(text, "usage: clseq train [OPTION]... SRC TGT\n", 39), 0);
    assert_non_null(strstr(text, "\nSearch\n  -b, --beam N"));
    assert_non_null(strstr(text, "(1 to 64; default 5)"));
    assert_non_null(strstr(text, "(greater than 0, at most 100;"));
    assert_non_null(strstr(text, "--no-normalize"));
    assert_non_null(strstr(text, "--unit word|char|bpe"));
    assert_non_null(strstr(text, "\nGeneral\n  -h, --help"));
    for (size_t i = 0; i < CLSEQ_ARRAY_SIZE(demo_options); i++)
        assert_non_null(strstr(text, demo_options[i].name));
    for (const char *p = text; *p; p += strcspn(p, "\n") + 1)
        assert_true(strcspn(p, "\n") <= 80);
    free(text);
}

static void statuses_have_their_exit_codes(void **state)
{
    static const struct {
        clseq_status status;
        int code;
    } cases[] = {
        { CLSEQ_OK, 0 },
        { CLSEQ_ERR_ARG, 2 },
        { CLSEQ_ERR_DATA, 3 },
        { CLSEQ_ERR_FORMAT, 4 },
        { CLSEQ_ERR_IO, 5 },
        { CLSEQ_ERR_DEVICE, 6 },
        { CLSEQ_ERR_NO_DEVICE, 6 },
        { CLSEQ_ERR_BUILD, 6 },
        { CLSEQ_ERR_NOMEM, 7 },
        { CLSEQ_ERR_NUMERIC, 8 },
        { CLSEQ_ERR_INTERRUPTED, 75 },
        { CLSEQ_ERR_INTERNAL, 1 },
        { CLSEQ_ERR_DEVICE_NOMEM, 7 },
    };

    for (size_t i = 0; i < CLSEQ_ARRAY_SIZE(cases); i++)
        assert_int_equal(cli_exit_code(cases[i].status), cases[i].code);
    assert_int_equal(cli_exit_code((clseq_status)-999), 1);
}

/* Run with stdout and stderr in files; the exit code. */
static int captured(int argc, char *const *argv, char out[4096], char err[4096])
{
    static const cli_program program = { "clseq", "1.2.3", "test", &demo_command, 1, NULL };
    FILE *files[2] = { tmpfile(), tmpfile() };
    char *texts[2] = { out, err };
    const int saved[2] = { dup(1), dup(2) };
    int exit_code;

    assert_true(files[0] && files[1]);
    fflush(stdout);
    fflush(stderr);
    dup2(fileno(files[0]), 1);
    dup2(fileno(files[1]), 2);
    exit_code = cli_main(&program, argc, argv);
    fflush(stdout);
    fflush(stderr);
    for (int i = 0; i < 2; i++) {
        size_t n;

        dup2(saved[i], i + 1);
        close(saved[i]);
        rewind(files[i]);
        n = fread(texts[i], 1, 4095, files[i]);
        texts[i][n] = 0;
        fclose(files[i]);
    }
    return exit_code;
}

static void the_program_dispatches(void **state)
{
    static const struct {
        const char *argv[5];
        int code;
        const char *out, *err;
    } cases[] = {
        { { "clseq" }, 2, "", "clseq: error: no command given" },
        { { "clseq", "trian" }, 2, "", "unknown command \"trian\"; did you mean train?" },
        { { "clseq", "frobnicate" }, 2, "", "unknown command \"frobnicate\"\n" },
        { { "clseq", "--help" }, 0, "train", "" },
        { { "clseq", "help" }, 0, "train", "" },
        { { "clseq", "--version" }, 0, "clseq 1.2.3\n", "" },
        { { "clseq", "help", "train" }, 0, "usage: clseq train [OPTION]... SRC TGT", "" },
        { { "clseq", "help", "exit-codes" }, 0, " 75  stopped with state saved", "" },
        { { "clseq", "train", "-h" }, 0, "usage: clseq train", "" },
        { { "clseq", "train", "a", "b", "-b9" }, 0, "run 9 2\n", "" },
        { { "clseq", "train", "--print-config" }, 0, "\"beam\": 5,", "" },
        { { "clseq", "train", "a" }, 2, "", "error: argument TGT is missing" },
        { { "clseq", "train", "--bean" }, 2, "", "  see clseq train --help\n" },
    };
    char out[4096], err[4096];

    for (size_t i = 0; i < CLSEQ_ARRAY_SIZE(cases); i++) {
        char *argv[6] = { NULL };
        int argc = 0, code;

        for (; argc < 5 && cases[i].argv[argc]; argc++)
            argv[argc] = strdup(cases[i].argv[argc]);
        code = captured(argc, argv, out, err);
        if (code != cases[i].code || !strstr(out, cases[i].out) || !strstr(err, cases[i].err) ||
            (!*cases[i].out && *out) || (!*cases[i].err && *err))
            fail_msg("case %zu: exit %d, stdout \"%s\", stderr \"%s\"", i, code, out, err);
        while (argc > 0)
            free(argv[--argc]);
    }
}

static void progress_is_plain_lines_without_a_terminal(void **state)
{
    char *text = NULL;
    size_t size = 0;
    FILE *file = tmpfile();
    cli_progress progress;
    char got[256];

    assert_non_null(file);
    cli_progress_init(&progress, file, 30.0);
    assert_false(progress.terminal);
    cli_progress_show(&progress, 0.0, "step %d", 1);
    cli_progress_show(&progress, 29.0, "step %d", 2);
    cli_progress_show(&progress, 30.0, "step %d", 3);
    cli_progress_line(&progress, "saved %s", "x");
    cli_progress_end(&progress);
    rewind(file);
    size = fread(got, 1, sizeof(got) - 1, file);
    got[size] = 0;
    assert_string_equal(got, "step 1\nstep 3\nsaved x\n");
    fclose(file);
    free(text);
}

static void numbers_read_well(void **state)
{
    char b[32];
    char line[] = "a\xc3\xa9z";

    assert_string_equal(cli_format_seconds(31.4, b), "0:31");
    assert_string_equal(cli_format_seconds(3723.0, b), "1:02:03");
    assert_string_equal(cli_format_seconds(90061.0, b), "1d 01:01:01");
    assert_string_equal(cli_format_seconds((double)NAN, b), "-");
    assert_string_equal(cli_format_count(12.0, b), "12");
    assert_string_equal(cli_format_count(999.0, b), "999");
    assert_string_equal(cli_format_count(999.9, b), "1.00k");
    assert_string_equal(cli_format_count(12400.0, b), "12.4k");
    assert_string_equal(cli_format_count(9.8e6, b), "9.80M");
    assert_string_equal(cli_format_count((double)INFINITY, b), "-");
    cut_line(line, 2);
    assert_string_equal(line, "a\xc3\xa9");
}

/* Random words from an alphabet that reaches every branch: no crash, and errors are explained. */
static void random_lines_are_safe(void **state)
{
    static const char *const words[] = {
        "a",
        "-",
        "--",
        "--beam",
        "--beam=3",
        "-b",
        "-b3",
        "3",
        "-l",
        "-lo",
        "--unit",
        "bpe",
        "--valid",
        "--valid=x",
        "--after",
        "1e,2u",
        "--lr",
        "1e999",
        "",
        "-\xff",
        "--\xc3",
        "--no-lowercase",
        "--config",
        "/nowhere",
        "--memory",
        "9999999999999G",
        "--out",
        "-h",
        "--print-config",
        "=",
        "--=",
        "-=",
        "--seed=",
    };
    uint32_t x = 12345;
    int bad_ones = 0, good_ones = 0;

    for (int i = 0; i < 200000; i++) {
        char *argv[6];
        struct demo d;
        cli_parse parse;
        int argc = 0;
        enum cli_action action;

        for (; argc < (int)(x >> 8) % 7 && argc < 6; argc++) {
            x = x * 1664525u + 1013904223u;
            argv[argc] = (char *)(uintptr_t)words[(x >> 10) % CLSEQ_ARRAY_SIZE(words)];
        }
        x = x * 1664525u + 1013904223u;
        action = cli_parse_arguments(&demo_command, "clseq train", argc, argv, &d, &parse);
        if (action == CLI_BAD) {
            assert_true(parse.error[0] && (parse.exit_code == 2 || parse.exit_code == 5));
            bad_ones++;
        } else if (action == CLI_RUN) {
            assert_true(d.beam >= 1 && d.beam <= 64 && parse.argument_count == 2);
            good_ones++;
        }
        cli_parse_fini(&parse);
    }
    assert_true(bad_ones > 1000 && good_ones > 100);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(defaults_hold),
        cmocka_unit_test(every_form_is_understood),
        cmocka_unit_test(mistakes_are_explained),
        cmocka_unit_test(argument_counts_follow_the_usage),
        cmocka_unit_test(lists_grow),
        cmocka_unit_test(configuration_files_work),
        cmocka_unit_test(the_configuration_comes_back),
        cmocka_unit_test(help_tells_everything),
        cmocka_unit_test(statuses_have_their_exit_codes),
        cmocka_unit_test(the_program_dispatches),
        cmocka_unit_test(progress_is_plain_lines_without_a_terminal),
        cmocka_unit_test(numbers_read_well),
        cmocka_unit_test(random_lines_are_safe),
    };

    return cmocka_run_group_tests_name("cli", tests, NULL, NULL);
}
