/* SPDX-License-Identifier: BSD-2-Clause */
/* Translating with several models, at random, with penalties, without unknown words, word by
 * word. */
#include "decode_unit.h"

#include "backend/fault_backend.h"
#include "decode/translator.h"

#include <float.h>
#include <math.h>
#include <unistd.h>

enum { LINES = 23, LINE_BYTES = 128, SETTINGS = 8 };

static const char *const source_words[] = { "<pad>", "<unk>", "<s>", "</s>", "a",
                                            "b",     "c",     "d",   "e",    "f" };
static const char *const target_words[] = { "<pad>", "<unk>", "<s>", "</s>", "A", "B",
                                            "C",     "D",     "E",   "F",    "G" };

#define SIZES                                                                                      \
    .source_vocabulary = CLSEQ_ARRAY_SIZE(source_words),                                           \
    .target_vocabulary = CLSEQ_ARRAY_SIZE(target_words), .embedding = 6, .hidden = 16, .layers = 1

static const struct clseq_model_config plain_model = { SIZES };
static const struct clseq_model_config attention_model = {
    SIZES,
    .cell = CLSEQ_CELL_GRU,
    .encoder_hidden = 7,
    .bidirectional = true,
    .attention = CLSEQ_ATTENTION_ADDITIVE,
};
static const struct clseq_model_config feeding_model = {
    SIZES,
    .encoder_hidden = 8,
    .bidirectional = true,
    .bridge = CLSEQ_BRIDGE_CONCAT,
    .attention = CLSEQ_ATTENTION_GENERAL,
    .input_feeding = true,
    .context_input = true,
};

static clseq_vocab *vocab_of(const struct place *p, const char *const *words, size_t n)
{
    const clseq_text_options text = { .unit = CLSEQ_UNIT_WORD };
    clseq_vocab *vocab = NULL;

    ASSERT_OK(p->ctx, clseq_vocab_create_from_tokens(p->ctx, text, words, n, &vocab));
    return vocab;
}

/* A random model that ends sentences, and does not know words, more often than by chance. */
static clseq_seq2seq *biased_model(const struct place *p, struct clseq_model_config config,
                                   uint64_t seed)
{
    clseq_seq2seq *model = unit_model(p, config, 0.6, seed);
    const int i = clseq_param_find(&model->store, "output.bias");
    const clseq_tensor bias = clseq_param_tensor(&model->store, &model->weights, i, model->real);
    float x[CLSEQ_ARRAY_SIZE(target_words)];

    ASSERT_OK(p->ctx, clseq_tensor_read_f32(p->be, &bias, x));
    x[CLSEQ_ID_EOS] += 1.5f;
    x[CLSEQ_ID_UNK] += 1.5f;
    x[CLSEQ_ID_PAD] -= 3;
    x[CLSEQ_ID_SOS] -= 3;
    ASSERT_OK(p->ctx, clseq_tensor_write_f32(p->be, &bias, x));
    return model;
}

/* A translator with random weights, the same on every backend. `source` NULL: source_words. */
static clseq_translator *translator_of(const struct place *p,
                                       const struct clseq_model_config *config, uint64_t seed,
                                       const char *const *source, const char *const *target)
{
    clseq_model_meta meta = { .config = *config, .reverse_source = seed % 2 };
    clseq_seq2seq *model = biased_model(p, *config, seed);
    clseq_translator *tr = NULL;

    meta.source_vocab = vocab_of(p, source ? source : source_words, CLSEQ_ARRAY_SIZE(source_words));
    meta.target_vocab = vocab_of(p, target ? target : target_words, CLSEQ_ARRAY_SIZE(target_words));
    ASSERT_OK(p->ctx, clseq_translator_create(&model, &meta, &tr));
    return tr;
}

static void join(const struct place *p, clseq_translator *tr, clseq_translator *more)
{
    ASSERT_OK(p->ctx, clseq_translator_join(tr, &more));
    assert_null(more);
}

/* Three models of different shapes; the second has its source words in another order. */
static clseq_translator *ensemble(const struct place *p)
{
    static const char *const other[] = { "<pad>", "<unk>", "<s>", "</s>", "f",
                                         "e",     "d",     "x",   "b",    "a" };
    clseq_translator *tr = translator_of(p, &attention_model, 11, NULL, NULL);

    join(p, tr, translator_of(p, &plain_model, 12, other, NULL));
    join(p, tr, translator_of(p, &feeding_model, 13, NULL, NULL));
    return tr;
}

struct lines {
    char text[LINES][LINE_BYTES];
    const char *line[LINES];
};

static bool is_blank(size_t i)
{
    return i % 7 == 3;
}

/* Lines of 1 to 12 words, some of them unknown; every seventh has no word. */
static void fill_lines(struct lines *lines)
{
    uint64_t counter = 0;

    for (size_t i = 0; i < LINES; i++) {
        const int32_t n = is_blank(i) ? 0 : 1 + unit_below(&counter, 12);
        size_t used = 0;

        lines->text[i][0] = 0;
        lines->line[i] = lines->text[i];
        for (int32_t t = 0; t < n; t++)
            used += (size_t)snprintf(lines->text[i] + used, LINE_BYTES - used, "%s ",
                                     (const char *const[]) { "a", "b", "c", "d", "e", "f",
                                                             "Ünk" }[unit_below(&counter, 7)]);
    }
}

static void translate(const struct place *p, clseq_translator *tr, const struct lines *lines,
                      const clseq_translate_options *o, clseq_translation *ret)
{
    ASSERT_OK(p->ctx, clseq_translator_run(tr, lines->line, NULL, LINES, o, ret));
}

/* All that this file is about, on a model with attention. */
static clseq_translate_options setting(int i)
{
    clseq_translate_options o;

    clseq_translate_options_init(&o);
    o.scores = true;
    o.beam = i % 2 ? 4 : 1;
    o.nbest = i % 2 ? 3 : 1;
    switch (i) {
    case 2:
    case 3:
        o.min_length = 6;
        break;
    case 4:
        o.sample = true;
        o.nbest = 3;
        o.seed = 5;
        break;
    case 5:
        o.coverage_penalty = 0.4;
        o.length_norm = CLSEQ_LENGTH_NORM_WU;
        o.replace_unknown = true;
        break;
    case 6:
        o.sample = true;
        o.top_k = 5;
        o.top_p = 0.8;
        o.temperature = 1.5;
        o.min_length = 4;
        o.replace_unknown = true;
        break;
    case 7:
        o.coverage_penalty = 1;
        o.min_length = 3;
        o.max_length = 9;
        break;
    }
    return o;
}

static void assert_same(const struct place *p, const clseq_translation *x,
                        const clseq_translation *y, bool exact)
{
    assert_int_equal(x->count, y->count);
    for (size_t k = 0; k < x->count; k++) {
        const clseq_hypothesis *a = &x->hypotheses[k], *b = &y->hypotheses[k];

        assert_string_equal(a->text, b->text);
        assert_int_equal(a->tokens, b->tokens);
        assert_int_equal(a->complete, b->complete);
        if (exact && p->reference)
            assert_true(a->score == b->score && a->normalised == b->normalised);
        else
            assert_true(fabs(a->score - b->score) < 1e-4 * (1 + fabs(a->score)));
    }
}

/* ---- what may not change anything ---- */

static void company_changes_nothing(void **state)
{
    static const int32_t batches[] = { 1, 2, 7, 64, 256 };
    const struct place *p = *state;
    struct place host = { .reference = true };
    clseq_translator *tr = ensemble(p), *trusted;
    clseq_translation first[LINES], other[LINES];
    struct lines lines;

    fill_lines(&lines);
    host.ctx = p->ctx;
    {
        struct clseq_backend_options options;

        clseq_backend_options_init(&options);
        options.name = "reference";
        ASSERT_OK(p->ctx, clseq_backend_open(p->ctx, &options, &host.be));
    }
    trusted = ensemble(&host);
    for (int i = 0; i < SETTINGS; i++) {
        clseq_translate_options o = setting(i);

        o.batch = 256;
        translate(&host, trusted, &lines, &o, first);
        for (size_t b = 0; b < CLSEQ_ARRAY_SIZE(batches); b++) {
            o.batch = batches[b];
            translate(p, tr, &lines, &o, other);
            for (size_t k = 0; k < LINES; k++)
                assert_same(p, &first[k], &other[k], true);
            clseq_translations_fini(other, LINES);
        }
        /* One by one, as a program would that reads line by line. */
        for (size_t k = 0; k < LINES; k++) {
            o.first_line = k + 1;
            ASSERT_OK(p->ctx, clseq_translator_run(tr, &lines.line[k], NULL, 1, &o, other));
            assert_same(p, &first[k], &other[0], true);
            clseq_translations_fini(other, 1);
        }
        clseq_translations_fini(first, LINES);
    }
    clseq_translator_close(&trusted);
    clseq_translator_close(&tr);
    clseq_backend_close(&host.be);
}

/* ---- ensembles ---- */

static void a_model_with_itself_is_itself(void **state)
{
    const struct place *p = *state;
    clseq_translator *one = translator_of(p, &attention_model, 11, NULL, NULL);
    clseq_translator *three = translator_of(p, &attention_model, 11, NULL, NULL);
    clseq_translation x[LINES], y[LINES];
    clseq_line_score a[LINES], b[LINES];
    struct lines lines;

    fill_lines(&lines);
    for (int n = 2; n <= 3; n++) {
        join(p, three, translator_of(p, &attention_model, 11, NULL, NULL));
        for (int i = 0; i < SETTINGS; i++) {
            const clseq_translate_options o = setting(i);

            translate(p, one, &lines, &o, x);
            translate(p, three, &lines, &o, y);
            for (size_t k = 0; k < LINES; k++) {
                assert_same(p, &x[k], &y[k], true);
                for (size_t h = 0; h < x[k].count; h++) /* on a device too */
                    assert_true(x[k].hypotheses[h].score == y[k].hypotheses[h].score);
            }
            clseq_translations_fini(x, LINES);
            clseq_translations_fini(y, LINES);
        }
        ASSERT_OK(p->ctx,
                  clseq_translator_score(one, lines.line, NULL, lines.line, NULL, LINES, NULL, a));
        ASSERT_OK(p->ctx, clseq_translator_score(three, lines.line, NULL, lines.line, NULL, LINES,
                                                 NULL, b));
        for (size_t k = 0; k < LINES; k++)
            assert_true(fabs(a[k].log_probability - b[k].log_probability) < 1e-9);
    }
    clseq_translator_close(&one);
    clseq_translator_close(&three);
}

/* The search's scores are those of teacher forcing, whose mean is taken on the host in double. */
static void scores_are_of_the_mean(void **state)
{
    const struct place *p = *state;
    clseq_translator *tr = ensemble(p), *alone = translator_of(p, &plain_model, 12, NULL, NULL);
    clseq_translation all[LINES];
    clseq_line_score score, single;
    struct lines lines;
    int compared = 0, different = 0;

    fill_lines(&lines);
    for (int i = 0; i < 5; i++) {
        const clseq_translate_options o = setting(i);

        translate(p, tr, &lines, &o, all);
        for (size_t k = 0; k < LINES; k++) {
            for (size_t h = 0; h < all[k].count && !is_blank(k); h++) {
                const clseq_hypothesis *found = &all[k].hypotheses[h];
                const char *text = found->text;

                ASSERT_OK(p->ctx, clseq_translator_score(tr, &lines.line[k], NULL, &text, NULL, 1,
                                                         NULL, &score));
                ASSERT_OK(p->ctx, clseq_translator_score(alone, &lines.line[k], NULL, &text, NULL,
                                                         1, NULL, &single));
                if (!found->complete || score.tokens != found->tokens)
                    continue; /* padding and start tokens leave no trace in the text */
                compared++;
                different += fabs(score.log_probability - single.log_probability) > 0.1;
                assert_true(fabs(score.log_probability - found->score) <
                            1e-4 * (1 + fabs(found->score)));
            }
        }
        clseq_translations_fini(all, LINES);
    }
    assert_true(compared > 20 && different > 10);
    clseq_translator_close(&tr);
    clseq_translator_close(&alone);
}

static void other_target_words_are_refused(void **state)
{
    static const char *const other[] = { "<pad>", "<unk>", "<s>", "</s>", "A", "B",
                                         "C",     "D",     "E",   "F",    "H" };
    static const struct clseq_model_config small = {
        .source_vocabulary = CLSEQ_ARRAY_SIZE(source_words),
        .target_vocabulary = CLSEQ_ARRAY_SIZE(target_words) - 1,
        .embedding = 4,
        .hidden = 4,
        .layers = 1,
    };
    const struct place *p = *state;
    clseq_translator *tr = translator_of(p, &plain_model, 1, NULL, NULL);
    clseq_translator *more = translator_of(p, &plain_model, 2, NULL, other);
    clseq_model_meta meta = { .config = small };
    clseq_seq2seq *model = unit_model(p, small, 0.5, 1);

    ASSERT_FAILS(p->ctx, CLSEQ_ERR_ARG, "word 10 of this one is 'H' and of the first 'G'",
                 clseq_translator_join(tr, &more));
    assert_non_null(more);
    clseq_translator_close(&more);
    meta.source_vocab = vocab_of(p, source_words, CLSEQ_ARRAY_SIZE(source_words));
    meta.target_vocab = vocab_of(p, target_words, CLSEQ_ARRAY_SIZE(target_words) - 1);
    ASSERT_OK(p->ctx, clseq_translator_create(&model, &meta, &more));
    ASSERT_FAILS(p->ctx, CLSEQ_ERR_ARG, "has 10 words and the first 11",
                 clseq_translator_join(tr, &more));
    clseq_translator_close(&more);
    clseq_translator_close(&tr);
}

/* ---- sampling ---- */

static void samples_are_numbered(void **state)
{
    const struct place *p = *state;
    clseq_translator *tr = translator_of(p, &plain_model, 3, NULL, NULL);
    clseq_translation many[LINES], few[LINES];
    clseq_translate_options o = setting(4);
    struct lines lines;
    int differ = 0, lines_differ = 0, samples_differ = 0;

    fill_lines(&lines);
    o.nbest = 5;
    translate(p, tr, &lines, &o, many);
    o.nbest = 2;
    translate(p, tr, &lines, &o, few);
    for (size_t i = 0; i < LINES; i++) {
        assert_int_equal(many[i].count, is_blank(i) ? 1 : 5);
        for (size_t k = 0; k < few[i].count; k++)
            assert_string_equal(many[i].hypotheses[k].text, few[i].hypotheses[k].text);
        if (!is_blank(i))
            samples_differ += strcmp(few[i].hypotheses[0].text, few[i].hypotheses[1].text) != 0;
    }
    clseq_translations_fini(few, LINES);
    o.seed++;
    translate(p, tr, &lines, &o, few);
    for (size_t i = 0; i < LINES; i++)
        differ += strcmp(many[i].hypotheses[0].text, few[i].hypotheses[0].text) != 0;
    clseq_translations_fini(few, LINES);
    o.seed--;
    o.first_line = 100;
    translate(p, tr, &lines, &o, few);
    for (size_t i = 0; i < LINES; i++)
        lines_differ += strcmp(many[i].hypotheses[0].text, few[i].hypotheses[0].text) != 0;
    clseq_translations_fini(few, LINES);
    clseq_translations_fini(many, LINES);
    assert_true(differ > 10 && lines_differ > 10 && samples_differ > 10);
    clseq_translator_close(&tr);
}

static void certain_samples_are_greedy(void **state)
{
    const struct place *p = *state;
    clseq_translator *tr = translator_of(p, &attention_model, 3, NULL, NULL);
    clseq_translation greedy[LINES], sample[LINES];
    struct lines lines;

    fill_lines(&lines);
    for (int i = 0; i < 3; i++) {
        clseq_translate_options o = setting(0);

        translate(p, tr, &lines, &o, greedy);
        o.sample = true;
        o.temperature = i == 0 ? 1e-5 : 1;
        o.top_k = i == 1;
        o.top_p = i == 2 ? 1e-9 : 1;
        translate(p, tr, &lines, &o, sample);
        for (size_t k = 0; k < LINES; k++)
            assert_same(p, &greedy[k], &sample[k], true);
        clseq_translations_fini(greedy, LINES);
        clseq_translations_fini(sample, LINES);
    }
    clseq_translator_close(&tr);
}

/* First words of many samples come as often as the model says; with cuts, only the likely ones. */
static void samples_have_their_frequencies(void **state)
{
    enum { DRAWS = 64 * 60, WORDS = 11 };
    const struct place *p = *state;
    clseq_translator *tr = translator_of(p, &plain_model, 3, NULL, NULL);
    const char *line = "a b c";
    double expected[WORDS] = { 0 }, log_sum = 0;
    clseq_translation t[1];

    for (int cut = 0; cut < 3; cut++) {
        int seen[WORDS] = { 0 };
        clseq_translate_options o = setting(4);

        o.nbest = 64;
        o.max_length = 1;
        o.top_k = cut == 1 ? 3 : 0;
        o.top_p = cut == 2 ? 0.6 : 1;
        for (o.first_line = 1; o.first_line <= DRAWS / 64; o.first_line++) {
            ASSERT_OK(p->ctx, clseq_translator_run(tr, &line, NULL, 1, &o, t));
            for (size_t k = 0; k < t[0].count; k++) {
                const int32_t word = t[0].hypotheses[k].ids[0];

                seen[word]++;
                if (cut == 0)
                    expected[word] = exp(t[0].hypotheses[k].score);
            }
            clseq_translations_fini(t, 1);
        }
        for (int w = 0; w < WORDS; w++) {
            double before = 0, kept = 0, share;
            int rank = 0;

            for (int u = 0; u < WORDS; u++) {
                before += expected[u] > expected[w] ? expected[u] : 0;
                rank += expected[u] > expected[w];
            }
            share = cut == 1 ? rank < 3 : cut == 2 ? before < 0.6 : 1;
            for (int u = 0; u < WORDS; u++) { /* what is kept together with w */
                double above = 0;
                int higher = 0;

                for (int x = 0; x < WORDS; x++) {
                    above += expected[x] > expected[u] ? expected[x] : 0;
                    higher += expected[x] > expected[u];
                }
                if (cut == 0 || (cut == 1 && higher < 3) || (cut == 2 && above < 0.6))
                    kept += expected[u];
            }
            share *= DRAWS * expected[w] / kept;
            assert_true(fabs(seen[w] - share) <= 5 * sqrt(share));
        }
        for (int w = 0; w < WORDS && cut == 0; w++)
            log_sum += expected[w];
        assert_true(log_sum > 0.99 && log_sum < 1.0001);
    }
    clseq_translator_close(&tr);
}

/* ---- lengths and penalties ---- */

static void short_ones_are_not_made(void **state)
{
    const struct place *p = *state;
    clseq_translator *tr = ensemble(p);
    clseq_translation all[LINES];
    struct lines lines;
    int complete = 0, shorter = 0;

    fill_lines(&lines);
    for (int i = 0; i < SETTINGS; i++) {
        clseq_translate_options o = setting(i);
        const int32_t least = o.min_length;

        o.min_length = 0;
        for (int pass = 0; pass < 2 && least > 0; pass++) {
            translate(p, tr, &lines, &o, all);
            for (size_t k = 0; k < LINES; k++) {
                for (size_t h = 0; h < all[k].count && !is_blank(k); h++) {
                    shorter += pass == 0 && all[k].hypotheses[h].tokens < (size_t)least;
                    complete += pass == 1 && all[k].hypotheses[h].complete;
                    assert_true(pass == 0 || all[k].hypotheses[h].tokens >= (size_t)least);
                }
            }
            clseq_translations_fini(all, LINES);
            o.min_length = least;
        }
    }
    assert_true(complete > 20 && shorter > 10);
    clseq_translator_close(&tr);
}

static void ranks_are_the_formulas(void **state)
{
    const struct place *p = *state;
    clseq_translator *tr = translator_of(p, &attention_model, 4, NULL, NULL);
    clseq_translation all[LINES];
    struct lines lines;
    int covered = 0;

    fill_lines(&lines);
    for (int i = 0; i < 4; i++) {
        clseq_translate_options o = setting(1);

        o.alignments = true;
        o.length_penalty = i == 3 ? 0 : 0.7;
        o.length_norm = i % 2 ? CLSEQ_LENGTH_NORM_WU : CLSEQ_LENGTH_NORM_TOKENS;
        o.coverage_penalty = i < 2 ? 0 : 0.3;
        translate(p, tr, &lines, &o, all);
        for (size_t k = 0; k < LINES; k++) {
            const size_t words = all[k].source_tokens;

            for (size_t n = 0; n < all[k].count && !is_blank(k); n++) {
                const clseq_hypothesis *h = &all[k].hypotheses[n];
                const double tokens = (double)h->tokens;
                double rank = h->score / pow(i % 2 ? (5 + tokens) / 6 : tokens, o.length_penalty);

                for (size_t s = 0; s < words && i >= 2; s++) {
                    double sum = 0;

                    for (size_t t = 0; t < h->tokens; t++)
                        sum += (double)h->alignment[t * (words + 1) + s];
                    covered += sum >= 1;
                    rank += 0.3 * log(fmin(1, fmax(sum, (double)FLT_MIN)));
                }
                assert_true(fabs(h->normalised - rank) < 1e-5 * (1 + fabs(rank)));
                if (n > 0 && h->complete == h[-1].complete)
                    assert_true(h->normalised <= h[-1].normalised);
            }
        }
        clseq_translations_fini(all, LINES);
    }
    assert_true(covered > 0);
    clseq_translator_close(&tr);
}

/* ---- unknown words ---- */

static void unknown_words_come_from_the_source(void **state)
{
    const struct place *p = *state;
    clseq_translator *tr = translator_of(p, &attention_model, 3, NULL, NULL);
    clseq_translation plain[LINES], replaced[LINES];
    clseq_dictionary *dictionary = NULL;
    char path[] = "/tmp/clseq-dictionary-XXXXXX";
    const int file = mkstemp(path);
    struct lines lines;
    int copied = 0, looked_up = 0;

    assert_true(file >= 0);
    assert_int_equal(write(file, "b\tBETA\nz\tno\nb\tsecond\na\tAL FA\n", 29), 29);
    close(file);
    ASSERT_OK(p->ctx, clseq_dictionary_open(p->ctx, path, &dictionary));
    unlink(path);
    assert_string_equal(clseq_dictionary_find(dictionary, "b", 1), "BETA");
    assert_null(clseq_dictionary_find(dictionary, "", 0));
    assert_null(clseq_dictionary_find(dictionary, "zz", 2));
    fill_lines(&lines);
    for (int pass = 0; pass < 2; pass++) {
        clseq_translate_options o = setting(4); /* at random, so that there are some */

        o.alignments = true;
        translate(p, tr, &lines, &o, plain);
        o.alignments = false;
        o.replace_unknown = true;
        o.dictionary = pass ? dictionary : NULL;
        translate(p, tr, &lines, &o, replaced);
        for (size_t i = 0; i < LINES; i++) {
            for (size_t k = 0; k < plain[i].count; k++) {
                const clseq_hypothesis *h = &plain[i].hypotheses[k];
                const size_t words = plain[i].source_tokens;
                char text[1024] = "", source[LINE_BYTES];
                char *word[16];
                size_t n = 0;

                snprintf(source, sizeof(source), "%s", lines.line[i]);
                for (char *w = strtok(source, " "); w; w = strtok(NULL, " "))
                    word[n++] = w;
                assert_int_equal(n, words);
                for (size_t t = 0; t + (h->complete ? 1 : 0) < h->tokens; t++) {
                    const char *out = target_words[h->ids[t]];
                    size_t best = 0;

                    if (h->ids[t] == CLSEQ_ID_PAD || h->ids[t] == CLSEQ_ID_SOS)
                        continue;
                    for (size_t s = 1; s < words; s++) {
                        if (h->alignment[t * (words + 1) + s] >
                            h->alignment[t * (words + 1) + best])
                            best = s;
                    }
                    if (h->ids[t] == CLSEQ_ID_UNK) {
                        out = word[best];
                        copied++;
                        if (pass && clseq_dictionary_find(dictionary, out, strlen(out))) {
                            out = clseq_dictionary_find(dictionary, out, strlen(out));
                            looked_up++;
                        }
                    }
                    snprintf(text + strlen(text), sizeof(text) - strlen(text), "%s%s",
                             *text ? " " : "", out);
                }
                assert_string_equal(replaced[i].hypotheses[k].text, text);
                assert_int_equal(replaced[i].hypotheses[k].length, strlen(text));
                assert_null(replaced[i].hypotheses[k].alignment);
            }
        }
        clseq_translations_fini(plain, LINES);
        clseq_translations_fini(replaced, LINES);
    }
    assert_true(copied > 10 && looked_up > 2);
    clseq_dictionary_close(&dictionary);
    clseq_translator_close(&tr);
}

/* ---- word by word ---- */

struct heard {
    char text[1024];
    int calls;
};

static void hear(void *user, size_t line, const char *text, size_t length)
{
    struct heard *h = user;

    assert_int_equal(line, 0);
    assert_int_equal(strlen(text), length);
    assert_true(strncmp(text, h->text, strlen(h->text)) == 0);
    snprintf(h->text, sizeof(h->text), "%s", text);
    h->calls++;
}

static void settled_words_stay(void **state)
{
    const struct place *p = *state;
    clseq_translator *tr = ensemble(p);
    struct lines lines;
    clseq_translation all[LINES], one;
    size_t said = 0;
    int calls = 0;

    fill_lines(&lines);
    for (int i = 0; i < SETTINGS; i++) {
        clseq_translate_options o = setting(i);

        o.nbest = 1;
        o.replace_unknown = false;
        translate(p, tr, &lines, &o, all);
        for (size_t k = 0; k < LINES; k++) {
            struct heard heard = { .text = "" };

            o.partial = hear;
            o.partial_user = &heard;
            o.first_line = k + 1;
            ASSERT_OK(p->ctx, clseq_translator_run(tr, &lines.line[k], NULL, 1, &o, &one));
            assert_same(p, &all[k], &one, true);
            assert_true(strncmp(one.hypotheses[0].text, heard.text, strlen(heard.text)) == 0);
            said += strlen(heard.text);
            calls += heard.calls;
            clseq_translations_fini(&one, 1);
        }
        clseq_translations_fini(all, LINES);
    }
    assert_true(said > 500 && calls > 500);
    clseq_translator_close(&tr);
}

/* ---- errors ---- */

static void bad_options_are_refused(void **state)
{
    const struct place *p = *state;
    clseq_translator *tr = translator_of(p, &plain_model, 3, NULL, NULL);
    clseq_translator *with = translator_of(p, &attention_model, 3, NULL, NULL);
    const char *line = "a";
    clseq_translation t;

#define REFUSED(translator, text, ...)                                                             \
    do {                                                                                           \
        clseq_translate_options o;                                                                 \
        clseq_translate_options_init(&o);                                                          \
        __VA_ARGS__;                                                                               \
        ASSERT_FAILS(p->ctx, CLSEQ_ERR_ARG, text,                                                  \
                     clseq_translator_run(translator, &line, NULL, 1, &o, &t));                    \
    } while (0)

    REFUSED(tr, "temperature is 0", o.sample = true; o.temperature = 0);
    REFUSED(tr, "top_k is -1", o.sample = true; o.top_k = -1);
    REFUSED(tr, "top_p is 0", o.sample = true; o.top_p = 0);
    REFUSED(tr, "top_p is nan", o.sample = true; o.top_p = (double)NAN);
    REFUSED(tr, "nbest is 65", o.sample = true; o.nbest = 65);
    REFUSED(tr, "min_length is -1", o.min_length = -1);
    REFUSED(tr, "min_length is 8, but max_length only 7", o.min_length = 8; o.max_length = 7);
    REFUSED(tr, "coverage_penalty needs a model with attention", o.beam = 2;
            o.coverage_penalty = 1);
    REFUSED(with, "use a beam of 2", o.coverage_penalty = 1);
    REFUSED(with, "coverage_penalty is 11", o.beam = 2; o.coverage_penalty = 11);
    REFUSED(tr, "replace_unknown needs a model with attention", o.replace_unknown = true);
    clseq_translator_close(&tr);
    clseq_translator_close(&with);
}

/* Every operation of two models fails in turn; nothing is lost or left. */
static void every_failure_is_passed_up(void **state)
{
    clseq_context *ctx = *state;
    int failures = 0;

    for (uint64_t nth = 1;; nth += 7) {
        struct clseq_fault_options fault = { .call = CLSEQ_FAULT_OP,
                                             .nth = nth,
                                             .status = CLSEQ_ERR_DEVICE };
        struct place p = { .ctx = ctx, .reference = true };
        clseq_translate_options o = setting(nth % 2 ? 4 : 5);
        clseq_translation all[LINES] = { { 0 } };
        clseq_translator *tr;
        struct lines lines;
        clseq_status status;
        uint64_t ready;

        fill_lines(&lines);
        /* Making the models is not what is tested. */
        ASSERT_OK(
            ctx, clseq_fault_open(ctx, &(struct clseq_fault_options) { .status = CLSEQ_ERR_DEVICE },
                                  &p.be));
        tr = translator_of(&p, &attention_model, 3, NULL, NULL);
        join(&p, tr, translator_of(&p, &feeding_model, 4, NULL, NULL));
        ready = clseq_fault_count(p.be, CLSEQ_FAULT_OP);
        clseq_translator_close(&tr);
        clseq_backend_close(&p.be);

        fault.nth += ready;
        ASSERT_OK(ctx, clseq_fault_open(ctx, &fault, &p.be));
        tr = translator_of(&p, &attention_model, 3, NULL, NULL);
        join(&p, tr, translator_of(&p, &feeding_model, 4, NULL, NULL));
        status = clseq_translator_run(tr, lines.line, NULL, 4, &o, all);
        if (status == CLSEQ_OK)
            clseq_translations_fini(all, 4);
        else
            failures++;
        clseq_translator_close(&tr);
        assert_int_equal(p.be->buffers_alive, 0);
        clseq_backend_close(&p.be);
        if (status == CLSEQ_OK)
            break;
    }
    assert_true(failures > 10);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(company_changes_nothing),
        cmocka_unit_test(a_model_with_itself_is_itself),
        cmocka_unit_test(scores_are_of_the_mean),
        cmocka_unit_test(other_target_words_are_refused),
        cmocka_unit_test(samples_are_numbered),
        cmocka_unit_test(certain_samples_are_greedy),
        cmocka_unit_test(samples_have_their_frequencies),
        cmocka_unit_test(short_ones_are_not_made),
        cmocka_unit_test(ranks_are_the_formulas),
        cmocka_unit_test(unknown_words_come_from_the_source),
        cmocka_unit_test(settled_words_stay),
        cmocka_unit_test(bad_options_are_refused),
    };
    const struct CMUnitTest faults[] = { cmocka_unit_test(every_failure_is_passed_up) };
    int failed = cmocka_run_group_tests_name("translate_options, reference", tests,
                                             unit_place_reference, unit_place_close);

    failed += cmocka_run_group_tests_name("translate_options, faults", faults, unit_context_create,
                                          unit_context_destroy);
    if (unit_have_opencl("translate_options"))
        failed += cmocka_run_group_tests_name("translate_options, opencl", tests, unit_place_opencl,
                                              unit_place_close);
    return failed;
}
