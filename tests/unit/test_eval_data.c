/* SPDX-License-Identifier: BSD-2-Clause */
/* Metrics against the published and recomputed figures in $CLSEQ_DATA/bleu. */
#include "unit.h"

#include <clseq/eval.h>

#include <jansson.h>
#include <math.h>
#include <unistd.h>
#include <zlib.h>

struct lines {
    char *text;
    char **at;
    size_t count;
};

/* "$CLSEQ_DATA/bleu/<name>", static; skips the test, and says so, when the folder is not there. */
static const char *data_path(const char *name)
{
    static char path[4096];
    const char *data = getenv("CLSEQ_DATA");

    snprintf(path, sizeof(path), "%s/bleu", data ? data : "");
    if (!data || access(path, R_OK) != 0) {
        print_message("skipped: bleu/%s needs the folder bleu in CLSEQ_DATA (%s)\n", name,
                      data ? data : "not set");
        skip();
    }
    snprintf(path, sizeof(path), "%s/bleu/%s", data, name);
    return path;
}

/* All lines of a file, plain or .gz. */
static struct lines read_lines(const char *name)
{
    struct lines lines = { 0 };
    size_t size = 0, capacity = 1 << 16;
    gzFile file = gzopen(data_path(name), "rb");
    int got = 1;

    if (!file)
        fail_msg("cannot open %s", name);
    lines.text = malloc(capacity);
    assert_non_null(lines.text);
    while (got > 0) {
        if (capacity - size < 32768) {
            capacity *= 2;
            lines.text = realloc(lines.text, capacity);
            assert_non_null(lines.text);
        }
        got = gzread(file, lines.text + size, 16384);
        assert_true(got >= 0);
        size += (size_t)got;
    }
    gzclose(file);
    assert_true(size > 0 && lines.text[size - 1] == '\n');
    for (size_t i = 0; i < size; i++)
        lines.count += lines.text[i] == '\n';
    lines.at = calloc(lines.count, sizeof(*lines.at));
    assert_non_null(lines.at);
    for (size_t i = 0, k = 0, start = 0; i < size; i++) {
        if (lines.text[i] != '\n')
            continue;
        lines.text[i] = 0;
        lines.at[k++] = lines.text + start;
        start = i + 1;
    }
    return lines;
}

static void free_lines(struct lines *lines)
{
    free(lines->text);
    free(lines->at);
}

static void assert_near(double got, double want, double tolerance, const char *what)
{
    if (!(fabs(got - want) <= tolerance))
        fail_msg("%s: got %.12f, expected %.12f", what, got, want);
}

static void tokenizers_line_by_line(void **state)
{
    struct lines inputs = read_lines("tok/inputs.txt");

    assert_true(inputs.count > 300);
    for (int kind = CLSEQ_EVAL_TOKENIZER_13A; kind <= CLSEQ_EVAL_TOKENIZER_NONE; kind++) {
        const char *word = clseq_eval_tokenizer_name((clseq_eval_tokenizer)kind);
        struct lines expected;
        char name[64];

        snprintf(name, sizeof(name), "tok/expected.%s.txt", word);
        expected = read_lines(name);
        assert_int_equal(expected.count, inputs.count);
        for (size_t i = 0; i < inputs.count; i++) {
            char *got = NULL;

            ASSERT_OK(*state,
                      clseq_eval_tokenize(*state, (clseq_eval_tokenizer)kind, inputs.at[i], &got));
            if (strcmp(got, expected.at[i]) != 0)
                fail_msg("%s, line %zu: got \"%s\", expected \"%s\"", word, i + 1, got,
                         expected.at[i]);
            free(got);
        }
        free_lines(&expected);
    }
    free_lines(&inputs);
}

static void read_bleu_options(clseq_context *ctx, json_t *object, clseq_bleu_options *options)
{
    const char *key;
    json_t *value;

    json_object_foreach(object, key, value)
    {
        if (!strcmp(key, "tokenize"))
            ASSERT_OK(
                ctx, clseq_eval_tokenizer_find(ctx, json_string_value(value), &options->tokenizer));
        else if (!strcmp(key, "smooth_method"))
            ASSERT_OK(ctx,
                      clseq_smoothing_find(ctx, json_string_value(value), &options->smoothing));
        else if (!strcmp(key, "smooth_value"))
            options->smooth_value = json_is_null(value) ? -1 : json_number_value(value);
        else if (!strcmp(key, "max_ngram_order"))
            options->max_order = (int)json_integer_value(value);
        else if (!strcmp(key, "effective_order"))
            options->effective_order = json_is_true(value);
        else if (!strcmp(key, "lowercase"))
            options->lowercase = json_is_true(value);
        else if (strcmp(key, "note") != 0)
            fail_msg("option %s is not known to this test", key);
    }
}

static void read_chrf_options(json_t *object, clseq_chrf_options *options)
{
    const char *key;
    json_t *value;

    json_object_foreach(object, key, value)
    {
        if (!strcmp(key, "char_order"))
            options->char_order = (int)json_integer_value(value);
        else if (!strcmp(key, "word_order"))
            options->word_order = (int)json_integer_value(value);
        else if (!strcmp(key, "beta"))
            options->beta = (int)json_integer_value(value);
        else if (!strcmp(key, "lowercase"))
            options->lowercase = json_is_true(value);
        else if (!strcmp(key, "whitespace"))
            options->whitespace = json_is_true(value);
        else if (!strcmp(key, "eps_smoothing"))
            options->eps_smoothing = json_is_true(value);
        else
            fail_msg("option %s is not known to this test", key);
    }
}

static double score_of_counts(clseq_context *ctx, const clseq_bleu_options *options, json_t *item)
{
    uint64_t matches[4], totals[4];
    clseq_bleu_result r;

    for (size_t n = 0; n < 4; n++) {
        matches[n] =
            (uint64_t)json_integer_value(json_array_get(json_object_get(item, "correct"), n));
        totals[n] = (uint64_t)json_integer_value(json_array_get(json_object_get(item, "total"), n));
    }
    ASSERT_OK(ctx, clseq_bleu_from_counts(
                       ctx, options, matches, totals,
                       (uint64_t)json_integer_value(json_object_get(item, "sys_len")),
                       (uint64_t)json_integer_value(json_object_get(item, "ref_len")), &r));
    return r.score;
}

/* The score of the lines of a case, with BLEU or with chrF. */
static double score_of_text(clseq_context *ctx, clseq_bleu *bleu, clseq_chrf *chrf, json_t *item)
{
    json_t *hyps = json_object_get(item, "hyps"), *streams = json_object_get(item, "refs");
    const size_t n_refs = json_array_size(streams);
    const char *refs[8];

    assert_true(n_refs <= CLSEQ_ARRAY_SIZE(refs));
    for (size_t i = 0; i < json_array_size(hyps); i++) {
        const char *hyp = json_string_value(json_array_get(hyps, i));

        /* As zip() does: where a stream has ended, no line is scored. */
        if (i >= json_array_size(json_array_get(streams, 0)))
            break;
        for (size_t k = 0; k < n_refs; k++)
            refs[k] = json_string_value(json_array_get(json_array_get(streams, k), i));
        if (bleu)
            ASSERT_OK(ctx, clseq_bleu_add(bleu, hyp, refs, n_refs));
        else
            ASSERT_OK(ctx, clseq_chrf_add(chrf, hyp, refs, n_refs));
    }
    if (bleu) {
        clseq_bleu_result r;

        ASSERT_OK(ctx, clseq_bleu_score(bleu, &r));
        return r.score;
    } else {
        clseq_chrf_result r;

        ASSERT_OK(ctx, clseq_chrf_score(chrf, &r));
        return r.score;
    }
}

static void small_cases(void **state)
{
    clseq_context *ctx = *state;
    struct lines lines = read_lines("cases.jsonl");

    assert_true(lines.count >= 60);
    for (size_t i = 0; i < lines.count; i++) {
        json_t *item = json_loads(lines.at[i], 0, NULL), *options;
        const char *metric;
        char what[96];
        double got = 0;

        assert_non_null(item);
        metric = json_string_value(json_object_get(item, "metric"));
        options = json_object_get(item, "options");
        snprintf(what, sizeof(what), "cases.jsonl line %zu, %s", i + 1, metric);
        if (!strcmp(metric, "corpus_chrf")) {
            clseq_chrf_options o;
            clseq_chrf *chrf = NULL;

            clseq_chrf_options_init(&o);
            read_chrf_options(options, &o);
            ASSERT_OK(ctx, clseq_chrf_create(ctx, &o, &chrf));
            got = score_of_text(ctx, NULL, chrf, item);
            clseq_chrf_destroy(&chrf);
        } else {
            clseq_bleu_options o;
            clseq_bleu *bleu = NULL;

            clseq_bleu_options_init(&o);
            read_bleu_options(ctx, options, &o);
            if (!strcmp(metric, "compute_bleu_from_stats")) {
                got = score_of_counts(ctx, &o, item);
            } else if (!strcmp(metric, "corpus_bleu") || !strcmp(metric, "sentence_bleu")) {
                ASSERT_OK(ctx, clseq_bleu_create(ctx, &o, &bleu));
                got = score_of_text(ctx, bleu, NULL, item);
                clseq_bleu_destroy(&bleu);
            } else {
                fail_msg("%s is not known to this test", what);
            }
        }
        assert_near(got, json_number_value(json_object_get(item, "sacrebleu_full_precision")), 1e-9,
                    what);
        assert_near(got, json_number_value(json_object_get(item, "expected")),
                    json_number_value(json_object_get(item, "tolerance")), what);
        json_decref(item);
    }
    print_message("%zu cases\n", lines.count);
    free_lines(&lines);
}

static void score_corpus(clseq_context *ctx, const clseq_bleu_options *options,
                         const struct lines *hyp, const struct lines *ref, clseq_bleu_result *ret)
{
    clseq_bleu *bleu = NULL;

    assert_int_equal(hyp->count, ref->count);
    ASSERT_OK(ctx, clseq_bleu_create(ctx, options, &bleu));
    for (size_t i = 0; i < hyp->count; i++) {
        const char *refs[1] = { ref->at[i] };

        ASSERT_OK(ctx, clseq_bleu_add(bleu, hyp->at[i], refs, 1));
    }
    ASSERT_OK(ctx, clseq_bleu_score(bleu, ret));
    clseq_bleu_destroy(&bleu);
}

static double chrf_corpus(clseq_context *ctx, int word_order, const struct lines *hyp,
                          const struct lines *ref)
{
    clseq_chrf_options options;
    clseq_chrf_result r;
    clseq_chrf *chrf = NULL;

    clseq_chrf_options_init(&options);
    options.word_order = word_order;
    ASSERT_OK(ctx, clseq_chrf_create(ctx, &options, &chrf));
    for (size_t i = 0; i < hyp->count; i++) {
        const char *refs[1] = { ref->at[i] };

        ASSERT_OK(ctx, clseq_chrf_add(chrf, hyp->at[i], refs, 1));
    }
    ASSERT_OK(ctx, clseq_chrf_score(chrf, &r));
    clseq_chrf_destroy(&chrf);
    return r.score;
}

static double ter_corpus(clseq_context *ctx, const struct lines *hyp, const struct lines *ref)
{
    clseq_ter_result r;
    clseq_ter *ter = NULL;

    ASSERT_OK(ctx, clseq_ter_create(ctx, NULL, &ter));
    for (size_t i = 0; i < hyp->count; i++) {
        const char *refs[1] = { ref->at[i] };

        ASSERT_OK(ctx, clseq_ter_add(ter, hyp->at[i], refs, 1));
    }
    ASSERT_OK(ctx, clseq_ter_score(ter, &r));
    clseq_ter_destroy(&ter);
    return r.score;
}

/* "36804/19234/11381/6976" */
static void assert_counts(const uint64_t *got, const char *want, const char *what)
{
    unsigned long long n[4];

    assert_int_equal(sscanf(want, "%llu/%llu/%llu/%llu", &n[0], &n[1], &n[2], &n[3]), 4);
    for (size_t i = 0; i < 4; i++) {
        if (got[i] != n[i])
            fail_msg("%s, order %zu: got %llu, expected %llu", what, i + 1,
                     (unsigned long long)got[i], n[i]);
    }
}

/* Real system output of WMT17, with the official BLEU and TER and exact counts. */
static void wmt17_systems(void **state)
{
    enum {
        FILE_NAME,
        OFFICIAL,
        OFFICIAL_TER,
        SCORE = 5,
        MATCHES,
        TOTALS,
        HYP,
        REF,
        BP,
        LOWER,
        NONE,
        CHRF,
        CHRFPP,
        COLS
    };
    clseq_context *ctx = *state;
    struct lines table = read_lines("wmt17-ende/scores.tsv"), ref;

    ref = read_lines("wmt17-ende/ref.de.gz");
    assert_true(table.count > 1);
    for (size_t i = 1; i < table.count; i++) {
        char *cell[COLS], name[256];
        clseq_bleu_options options;
        clseq_bleu_result r;
        struct lines hyp;
        size_t n = 0;

        for (char *p = table.at[i]; p && n < COLS; n++) {
            cell[n] = p;
            p = strchr(p, '\t');
            if (p)
                *p++ = 0;
        }
        assert_int_equal(n, COLS);
        snprintf(name, sizeof(name), "wmt17-ende/%s", cell[FILE_NAME]);
        hyp = read_lines(name);

        clseq_bleu_options_init(&options);
        score_corpus(ctx, &options, &hyp, &ref, &r);
        /* the official figure has 1 or 2 decimals */
        assert_near(r.score, atof(cell[OFFICIAL]),
                    strlen(strchr(cell[OFFICIAL], '.')) == 2 ? 0.05 : 0.005, name);
        assert_near(r.score, atof(cell[SCORE]), 5.1e-7, name);
        assert_counts(r.matches, cell[MATCHES], name);
        assert_counts(r.totals, cell[TOTALS], name);
        assert_int_equal(r.hyp_length, atoi(cell[HYP]));
        assert_int_equal(r.ref_length, atoi(cell[REF]));
        assert_near(r.brevity_penalty, atof(cell[BP]), 5.1e-7, name);
        options.lowercase = true;
        score_corpus(ctx, &options, &hyp, &ref, &r);
        assert_near(r.score, atof(cell[LOWER]), 5.1e-7, name);
        options.lowercase = false;
        options.tokenizer = CLSEQ_EVAL_TOKENIZER_NONE;
        score_corpus(ctx, &options, &hyp, &ref, &r);
        assert_near(r.score, atof(cell[NONE]), 5.1e-7, name);
        /* tercom's own figure, a ratio with 3 decimals */
        assert_near(ter_corpus(ctx, &hyp, &ref), 100 * atof(cell[OFFICIAL_TER]), 0.05, name);
        assert_near(chrf_corpus(ctx, 0, &hyp, &ref), atof(cell[CHRF]), 5.1e-7, name);
        assert_near(chrf_corpus(ctx, 2, &hyp, &ref), atof(cell[CHRFPP]), 5.1e-7, name);
        free_lines(&hyp);
    }
    print_message("%zu systems\n", table.count - 1);
    free_lines(&ref);
    free_lines(&table);
}

/* Take the marks of byte pair encoding out: "ligh@@ tn@@ ing" is "lightning". */
static void join_bpe(char *line)
{
    char *from, *to = line;

    for (from = line; *from;) {
        if (!strncmp(from, "@@ ", 3))
            from += 3;
        else
            *to++ = *from++;
    }
    *to = 0;
}

/* tensorflow/nmt publishes 22.5855084573 for these files. It counts an empty line as one empty
 * token, so its totals differ from ours by the 3 empty lines; with its counts we get its figure. */
static void tensorflow_nmt_output(void **state)
{
    static const uint64_t matches[] = { 35979, 17474, 9709, 5574 };
    static const uint64_t totals[] = { 63214, 60214, 57230, 54269 };
    clseq_context *ctx = *state;
    clseq_bleu_options options;
    clseq_bleu_result r;
    struct lines hyp = read_lines("tfnmt-deen/output.gz");
    struct lines ref = read_lines("tfnmt-deen/ref_bpe.gz");

    for (size_t i = 0; i < ref.count; i++)
        join_bpe(ref.at[i]);
    clseq_bleu_options_init(&options);
    options.tokenizer = CLSEQ_EVAL_TOKENIZER_NONE;
    options.smoothing = CLSEQ_SMOOTHING_NONE;
    score_corpus(ctx, &options, &hyp, &ref, &r);
    assert_near(r.score, 22.584678, 5.1e-7, "tokenize none");
    assert_memory_equal(r.matches, matches, sizeof(matches));
    assert_int_equal(r.totals[0], totals[0] - 3);
    assert_memory_equal(r.totals + 1, totals + 1, 3 * sizeof(totals[0]));
    assert_int_equal(r.hyp_length, 63211);
    assert_int_equal(r.ref_length, 64807);
    ASSERT_OK(ctx, clseq_bleu_from_counts(ctx, &options, matches, totals, 63214, 64807, &r));
    assert_near(r.score, 22.585508457350, 1e-11, "published");
    free_lines(&hyp);
    free_lines(&ref);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tokenizers_line_by_line),
        cmocka_unit_test(small_cases),
        cmocka_unit_test(wmt17_systems),
        cmocka_unit_test(tensorflow_nmt_output),
    };

    return cmocka_run_group_tests_name("eval_data", tests, unit_context_create,
                                       unit_context_destroy);
}
