/* SPDX-License-Identifier: BSD-2-Clause */
/* The translator: lines in, lines out. The searches themselves are in test_decode.c. */
#include "decode_unit.h"

#include "backend/fault_backend.h"
#include "decode/translator_inside.h"

#include <math.h>
#include <unistd.h>

enum { LINES = 23, LINE_BYTES = 128 };

static const char *const source_words[] = { "<pad>", "<unk>", "<s>", "</s>", "a",
                                            "b",     "c",     "d",   "e",    "f" };
static const char *const target_words[] = { "<pad>", "<unk>", "<s>", "</s>", "A", "B",
                                            "C",     "D",     "E",   "F",    "G" };

#define SIZES                                                                                      \
    .source_vocabulary = CLSEQ_ARRAY_SIZE(source_words),                                           \
    .target_vocabulary = CLSEQ_ARRAY_SIZE(target_words), .embedding = 6, .hidden = 16, .layers = 2

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
    .encoder_layers = 1,
    .bidirectional = true,
    .residual = true,
    .bridge = CLSEQ_BRIDGE_CONCAT,
    .attention = CLSEQ_ATTENTION_GENERAL,
    .input_feeding = true,
    .context_input = true,
};

/* A test function for each model from one that takes it. */
#define OF_EACH_MODEL(name)                                                                        \
    static void name##_plain(void **state)                                                         \
    {                                                                                              \
        name(state, &plain_model);                                                                 \
    }                                                                                              \
    static void name##_attention(void **state)                                                     \
    {                                                                                              \
        name(state, &attention_model);                                                             \
    }                                                                                              \
    static void name##_feeding(void **state)                                                       \
    {                                                                                              \
        name(state, &feeding_model);                                                               \
    }

#define TESTS_OF(name)                                                                             \
    cmocka_unit_test(name##_plain), cmocka_unit_test(name##_attention),                            \
        cmocka_unit_test(name##_feeding)

/* A translator with random weights, the same on every backend. */
static clseq_translator *translator_of(const struct place *p,
                                       const struct clseq_model_config *config, bool reverse_source)
{
    const clseq_text_options text = { .unit = CLSEQ_UNIT_WORD };
    clseq_model_meta meta = { .config = *config, .reverse_source = reverse_source };
    clseq_seq2seq *model = unit_model(p, *config, 0.6, 11);
    clseq_translator *tr = NULL;

    ASSERT_OK(p->ctx,
              clseq_vocab_create_from_tokens(p->ctx, text, source_words,
                                             CLSEQ_ARRAY_SIZE(source_words), &meta.source_vocab));
    ASSERT_OK(p->ctx,
              clseq_vocab_create_from_tokens(p->ctx, text, target_words,
                                             CLSEQ_ARRAY_SIZE(target_words), &meta.target_vocab));
    ASSERT_OK(p->ctx, clseq_translator_create(&model, &meta, &tr));
    assert_null(model);
    assert_null(meta.source_vocab);
    return tr;
}

static clseq_translator *translator(const struct place *p, bool reverse_source)
{
    return translator_of(p, &plain_model, reverse_source);
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
        if (is_blank(i) && i % 2)
            snprintf(lines->text[i], LINE_BYTES, " \t ");
        for (int32_t t = 0; t < n; t++)
            used += (size_t)snprintf(lines->text[i] + used, LINE_BYTES - used, "%c ",
                                     "abcdefz"[unit_below(&counter, 7)]);
    }
}

static clseq_translate_options options_of(int32_t beam, int32_t nbest, int32_t batch)
{
    clseq_translate_options o;

    clseq_translate_options_init(&o);
    o.beam = beam;
    o.nbest = nbest;
    o.batch = batch;
    o.scores = true;
    return o;
}

static void assert_same_translation(const struct place *p, const clseq_translation *x,
                                    const clseq_translation *y)
{
    assert_int_equal(x->count, y->count);
    for (size_t k = 0; k < x->count; k++) {
        const clseq_hypothesis *a = &x->hypotheses[k], *b = &y->hypotheses[k];

        assert_string_equal(a->text, b->text);
        assert_int_equal(a->tokens, b->tokens);
        assert_int_equal(a->complete, b->complete);
        if (p->reference)
            assert_true(a->score == b->score);
        else
            assert_true(fabs(a->score - b->score) < 1e-5 * (1 + fabs(a->score)));
    }
}

static void output_order_is_input_order(void **state, const struct clseq_model_config *config)
{
    const struct place *p = *state;
    static const int32_t batches[] = { 1, 3, 64 };
    clseq_translator *tr = translator_of(p, config, false);
    clseq_translation alone[LINES], all[LINES];
    struct lines lines;
    int different = 0;

    fill_lines(&lines);
    for (int32_t beam = 1; beam <= 5; beam += 4) {
        for (size_t i = 0; i < LINES; i++) {
            const clseq_translate_options o = options_of(beam, (beam + 1) / 2, 64);

            ASSERT_OK(p->ctx, clseq_translator_run(tr, &lines.line[i], NULL, 1, &o, &alone[i]));
        }
        for (size_t k = 0; k < CLSEQ_ARRAY_SIZE(batches); k++) {
            const clseq_translate_options o = options_of(beam, (beam + 1) / 2, batches[k]);

            ASSERT_OK(p->ctx, clseq_translator_run(tr, lines.line, NULL, LINES, &o, all));
            for (size_t i = 0; i < LINES; i++) {
                assert_same_translation(p, &alone[i], &all[i]);
                different += strcmp(all[i].hypotheses[0].text, all[0].hypotheses[0].text) != 0;
            }
            clseq_translations_fini(all, LINES);
        }
        clseq_translations_fini(alone, LINES);
    }
    /* A model that says the same to everything would prove nothing. */
    assert_true(different > LINES);
    clseq_translator_close(&tr);
    assert_null(tr);
}

OF_EACH_MODEL(output_order_is_input_order)

/* Of n lines; both are released. */
static void assert_same_and_forget(const struct place *p, clseq_translation *x,
                                   clseq_translation *y, size_t n)
{
    for (size_t i = 0; i < n; i++)
        assert_same_translation(p, &x[i], &y[i]);
    clseq_translations_fini(x, n);
    clseq_translations_fini(y, n);
}

/* Tables are made when enough words have gone by, and what is looked up is what would be made. */
static void tables_change_nothing(void **state, const struct clseq_model_config *config)
{
    const struct place *p = *state;

    for (int32_t beam = 1; beam <= 3; beam += 2) {
        clseq_translate_options o = options_of(beam, 1, 4), off = o;
        clseq_translator *tr = translator_of(p, config, true);
        clseq_translator *plain = translator_of(p, config, true);
        const clseq_seq2seq *model = tr->member[0]->model, *other = plain->member[0]->model;
        struct lines lines;

        off.tables = false;
        fill_lines(&lines);
        for (int turn = 0; turn < 3; turn++) {
            clseq_translation with[LINES], without[LINES];
            const size_t n = turn == 0 ? 1 : LINES;

            ASSERT_OK(p->ctx, clseq_translator_run(tr, lines.line, NULL, n, &o, with));
            ASSERT_OK(p->ctx, clseq_translator_run(plain, lines.line, NULL, n, &off, without));
            assert_same_and_forget(p, with, without, n);
            assert_int_equal(clseq_rnn_stack_has_table(&model->encoder.rnn), turn > 0);
            if (turn > 0)
                assert_true(clseq_rnn_stack_has_table(&model->decoder.rnn));
            assert_false(clseq_rnn_stack_has_table(&other->encoder.rnn));
        }
        clseq_translator_close(&tr);
        clseq_translator_close(&plain);
    }
}

OF_EACH_MODEL(tables_change_nothing)

static void a_blank_line_gives_an_empty_text(void **state)
{
    const struct place *p = *state;
    clseq_translator *tr = translator(p, false);
    const char *const blank[] = { "", "   ", "\t" };
    clseq_translation all[LINES];
    struct lines lines;
    clseq_translate_options o = options_of(1, 1, 4);

    fill_lines(&lines);
    ASSERT_OK(p->ctx, clseq_translator_run(tr, lines.line, NULL, LINES, &o, all));
    for (size_t i = 0; i < LINES; i++) {
        assert_int_equal(all[i].count, 1);
        assert_int_equal(all[i].source_tokens == 0, is_blank(i));
        if (!is_blank(i))
            continue;
        assert_string_equal(all[i].hypotheses[0].text, "");
        assert_int_equal(all[i].hypotheses[0].length, 0);
        assert_int_equal(all[i].hypotheses[0].tokens, 0);
        assert_true(all[i].hypotheses[0].score == 0 && all[i].hypotheses[0].complete);
    }
    clseq_translations_fini(all, LINES);
    /* Nothing but blank lines, and nothing at all. */
    o = options_of(3, 3, 4);
    ASSERT_OK(p->ctx, clseq_translator_run(tr, blank, NULL, 3, &o, all));
    for (size_t i = 0; i < 3; i++)
        assert_string_equal(all[i].hypotheses[0].text, "");
    clseq_translations_fini(all, 3);
    ASSERT_OK(p->ctx, clseq_translator_run(tr, NULL, NULL, 0, NULL, NULL));
    clseq_translator_close(&tr);
}

static void lengths_are_obeyed(void **state)
{
    const struct place *p = *state;
    clseq_translator *tr = translator(p, false);
    const char *const whole[] = { "a b c d e" };
    const size_t length = 5;
    const char *const part[] = { "a b c" };
    clseq_translation x, y;

    ASSERT_OK(p->ctx, clseq_translator_run(tr, whole, &length, 1, NULL, &x));
    ASSERT_OK(p->ctx, clseq_translator_run(tr, part, NULL, 1, NULL, &y));
    assert_int_equal(x.source_tokens, 3);
    assert_string_equal(x.hypotheses[0].text, y.hypotheses[0].text);
    assert_int_equal(x.hypotheses[0].length, strlen(x.hypotheses[0].text));
    /* Greedy without being asked has no score, and says so. */
    assert_true(isnan(x.hypotheses[0].score));
    clseq_translations_fini(&x, 1);
    clseq_translations_fini(&y, 1);
    clseq_translator_close(&tr);
}

static void output_is_limited(void **state)
{
    const struct place *p = *state;
    clseq_translator *tr = translator(p, false);
    clseq_translation all[LINES];
    struct lines lines;
    int cut = 0, at_default = 0;

    fill_lines(&lines);
    for (int32_t beam = 1; beam <= 3; beam += 2) {
        clseq_translate_options o = options_of(beam, beam, 8);

        o.max_length = 3;
        ASSERT_OK(p->ctx, clseq_translator_run(tr, lines.line, NULL, LINES, &o, all));
        for (size_t i = 0; i < LINES; i++) {
            for (size_t k = 0; k < all[i].count; k++) {
                const clseq_hypothesis *h = &all[i].hypotheses[k];

                assert_true(h->complete ? h->tokens <= 3 : h->tokens == 3);
                cut += !h->complete;
            }
        }
        clseq_translations_fini(all, LINES);
        o.max_length = 0;
        for (int factor = 0; factor <= 2; factor++) {
            o.max_length_factor = factor == 1 ? 0.5 : factor;
            ASSERT_OK(p->ctx, clseq_translator_run(tr, lines.line, NULL, LINES, &o, all));
            for (size_t i = 0; i < LINES; i++) {
                const double limit = 10 + ceil(o.max_length_factor * (double)all[i].source_tokens);
                const clseq_hypothesis *h = &all[i].hypotheses[0];

                assert_true(h->complete ? (double)h->tokens <= limit : (double)h->tokens == limit);
                at_default += !h->complete;
            }
            clseq_translations_fini(all, LINES);
        }
    }
    assert_true(cut > 0 && at_default > 0);
    clseq_translator_close(&tr);
}

static void nbest_is_sorted(void **state)
{
    const struct place *p = *state;
    clseq_translator *tr = translator(p, false);
    clseq_translation all[LINES];
    struct lines lines;
    int complete = 0;

    fill_lines(&lines);
    for (int penalty = 0; penalty <= 2; penalty++) {
        clseq_translate_options o = options_of(6, 4, 8);

        o.length_penalty = penalty / 2.0;
        ASSERT_OK(p->ctx, clseq_translator_run(tr, lines.line, NULL, LINES, &o, all));
        for (size_t i = 0; i < LINES; i++) {
            assert_int_equal(all[i].count, is_blank(i) ? 1 : 4);
            for (size_t k = 0; k < all[i].count && !is_blank(i); k++) {
                const clseq_hypothesis *h = &all[i].hypotheses[k];

                complete += h->complete;
                assert_true(h->score <= 0);
                assert_true(fabs(h->normalised -
                                 h->score / pow((double)h->tokens, o.length_penalty)) < 1e-9);
                if (k > 0 && h->complete == h[-1].complete)
                    assert_true(h->normalised <= h[-1].normalised);
                else if (k > 0)
                    assert_true(h[-1].complete);
            }
        }
        clseq_translations_fini(all, LINES);
    }
    assert_true(complete > 0);
    clseq_translator_close(&tr);
}

/* What a search says a translation is worth is what teacher forcing says. */
static void scores_agree_with_search(void **state, const struct clseq_model_config *config)
{
    const struct place *p = *state;
    clseq_translator *tr = translator_of(p, config, true);
    clseq_translation all[LINES];
    const char *target[LINES];
    clseq_line_score scores[LINES], one;
    struct lines lines;
    int compared = 0;

    fill_lines(&lines);
    for (int32_t beam = 1; beam <= 4; beam += 3) {
        clseq_translate_options o = options_of(beam, 1, 5);

        ASSERT_OK(p->ctx, clseq_translator_run(tr, lines.line, NULL, LINES, &o, all));
        for (size_t i = 0; i < LINES; i++)
            target[i] = all[i].hypotheses[0].text;
        ASSERT_OK(p->ctx,
                  clseq_translator_score(tr, lines.line, NULL, target, NULL, LINES, &o, scores));
        for (size_t i = 0; i < LINES; i++) {
            const clseq_hypothesis *h = &all[i].hypotheses[0];

            assert_int_equal(scores[i].source_tokens, all[i].source_tokens);
            assert_int_equal(scores[i].source_unknown, all[i].source_unknown);
            assert_true(isfinite(scores[i].log_probability) && scores[i].log_probability < 0);
            ASSERT_OK(p->ctx, clseq_translator_score(tr, &lines.line[i], NULL, &target[i], NULL, 1,
                                                     &o, &one));
            if (p->reference)
                assert_true(one.log_probability == scores[i].log_probability);
            assert_int_equal(one.tokens, scores[i].tokens);
            /* Cut ones have no end token; start and padding tokens leave no trace in the text. */
            if (is_blank(i) || !h->complete || scores[i].tokens != h->tokens)
                continue;
            compared++;
            assert_true(fabs(scores[i].log_probability - h->score) < 1e-5 * (1 + fabs(h->score)));
        }
        clseq_translations_fini(all, LINES);
    }
    assert_true(compared > 4);
    clseq_translator_close(&tr);
}

OF_EACH_MODEL(scores_agree_with_search)

static void scores_count_tokens(void **state)
{
    const struct place *p = *state;
    clseq_translator *tr = translator(p, false);
    const char *const source[] = { "a z b", "", "c" };
    const char *const target[] = { "A", "B y x C", "" };
    clseq_line_score scores[3];

    ASSERT_OK(p->ctx, clseq_translator_score(tr, source, NULL, target, NULL, 3, NULL, scores));
    assert_int_equal(scores[0].source_tokens, 3);
    assert_int_equal(scores[0].source_unknown, 1);
    assert_int_equal(scores[0].tokens, 2);
    assert_int_equal(scores[0].target_unknown, 0);
    assert_int_equal(scores[1].source_tokens, 0);
    assert_int_equal(scores[1].tokens, 5);
    assert_int_equal(scores[1].target_unknown, 2);
    assert_int_equal(scores[2].tokens, 1);
    for (size_t i = 0; i < 3; i++)
        assert_true(scores[i].log_probability < 0);
    clseq_translator_close(&tr);
}

static void a_reversed_source_is_reversed(void **state)
{
    const struct place *p = *state;
    clseq_translator *forward = translator(p, false), *backward = translator(p, true);
    const char *const line[] = { "a b c d z" }, *const mirrored[] = { "z d c b a" };
    clseq_translation x, y, z;

    assert_true(clseq_translator_info(backward)->reverse_source);
    ASSERT_OK(p->ctx, clseq_translator_run(backward, line, NULL, 1, NULL, &x));
    ASSERT_OK(p->ctx, clseq_translator_run(forward, mirrored, NULL, 1, NULL, &y));
    ASSERT_OK(p->ctx, clseq_translator_run(forward, line, NULL, 1, NULL, &z));
    assert_string_equal(x.hypotheses[0].text, y.hypotheses[0].text);
    assert_string_not_equal(x.hypotheses[0].text, z.hypotheses[0].text);
    clseq_translations_fini(&x, 1);
    clseq_translations_fini(&y, 1);
    clseq_translations_fini(&z, 1);
    clseq_translator_close(&forward);
    clseq_translator_close(&backward);
}

static void bad_lines_are_named(void **state)
{
    const struct place *p = *state;
    clseq_translator *tr = translator(p, false);
    const char *const bad[] = { "a", "b", "c \xff" }, *const good[] = { "a", "b", "c" };
    clseq_translate_options o = options_of(2, 1, 4);
    const clseq_translation untouched = { .count = 77 };
    clseq_translation results[3] = { untouched, untouched, untouched };
    clseq_line_score scores[3] = { { .tokens = 77 } };

    ASSERT_FAILS(p->ctx, CLSEQ_ERR_DATA,
                 "line 3: ", clseq_translator_run(tr, bad, NULL, 3, NULL, results));
    o.first_line = 1001;
    ASSERT_FAILS(p->ctx, CLSEQ_ERR_DATA,
                 "line 1003: ", clseq_translator_run(tr, bad, NULL, 3, &o, results));
    ASSERT_FAILS(p->ctx, CLSEQ_ERR_DATA, "target line 1003: ",
                 clseq_translator_score(tr, good, NULL, bad, NULL, 3, &o, scores));
    ASSERT_FAILS(p->ctx, CLSEQ_ERR_DATA, "source line 1003: ",
                 clseq_translator_score(tr, bad, NULL, good, NULL, 3, &o, scores));
    o.max_input = 2;
    ASSERT_FAILS(
        p->ctx, CLSEQ_ERR_DATA, "line 1002 has 3 tokens, but the limit is 2",
        clseq_translator_run(tr, (const char *const[]) { "a b", "a b c" }, NULL, 2, &o, results));
    assert_int_equal(results[0].count, 77);
    assert_int_equal(scores[0].tokens, 77);
    clseq_translator_close(&tr);
}

static void bad_options_are_refused(void **state)
{
    const struct place *p = *state;
    clseq_translator *tr = translator(p, false);
    const clseq_translate_options good = options_of(2, 2, 4);
    const char *const line[] = { "a" };
    clseq_translation x;
    clseq_translate_options o;

#define REFUSED(field, value, part)                                                                \
    do {                                                                                           \
        o = good;                                                                                  \
        o.field = (value);                                                                         \
        ASSERT_FAILS(p->ctx, CLSEQ_ERR_ARG, part,                                                  \
                     clseq_translator_run(tr, line, NULL, 1, &o, &x));                             \
    } while (0)
    REFUSED(beam, 0, "beam is 0, but must be between 1 and 64");
    REFUSED(beam, 65, "beam is 65");
    REFUSED(beam, 12, "this model has only 11 target words");
    REFUSED(nbest, 0, "nbest is 0");
    REFUSED(nbest, 3, "between 1 and the beam, 2");
    REFUSED(batch, 0, "batch is 0");
    REFUSED(batch, CLSEQ_BATCH_LIMIT + 1, "batch is 65537");
    REFUSED(length_penalty, -0.5, "length_penalty is -0.5");
    REFUSED(length_penalty, (double)NAN, "length_penalty is");
    REFUSED(max_length_factor, (double)INFINITY, "max_length_factor is inf");
    REFUSED(max_length, -1, "max_length is -1");
    REFUSED(max_input, 0, "max_input is 0");
#undef REFUSED
    clseq_translator_close(&tr);
}

/* The same words from every backend; the weights are the same. */
static void text_is_that_of_the_reference(void **state, const struct clseq_model_config *config)
{
    const struct place *p = *state;
    clseq_translator *tr = translator_of(p, config, true), *reference;
    clseq_translation x[LINES], y[LINES];
    const struct place *other;
    void *other_state = NULL;
    struct lines lines;

    fill_lines(&lines);
    assert_int_equal(unit_place_reference(&other_state), 0);
    other = other_state;
    reference = translator_of(other, config, true);
    for (int32_t beam = 1; beam <= 7; beam += 3) {
        const clseq_translate_options o = options_of(beam, beam, 6);

        ASSERT_OK(p->ctx, clseq_translator_run(tr, lines.line, NULL, LINES, &o, x));
        ASSERT_OK(other->ctx, clseq_translator_run(reference, lines.line, NULL, LINES, &o, y));
        assert_same_and_forget(p, y, x, LINES);
    }
    clseq_translator_close(&reference);
    unit_place_close(&other_state);
    clseq_translator_close(&tr);
}

OF_EACH_MODEL(text_is_that_of_the_reference)

static void a_saved_model_translates_the_same(void **state, const struct clseq_model_config *config)
{
    const struct place *p = *state;
    clseq_translator *tr = translator_of(p, config, true), *loaded = NULL;
    const struct clseq_model_info *info = clseq_translator_info(tr);
    clseq_seq2seq *model = unit_model(p, info->config, 0.6, 11);
    clseq_model_meta meta = { .config = info->config, .reverse_source = true };
    clseq_translation x[LINES], y[LINES];
    char path[] = "/tmp/clseq_test_XXXXXX";
    const clseq_translate_options o = options_of(3, 2, 6);
    struct lines lines;
    const int fd = mkstemp(path);

    assert_true(fd >= 0);
    close(fd);
    fill_lines(&lines);
    ASSERT_OK(p->ctx,
              clseq_vocab_create_from_tokens(p->ctx, info->source_text, source_words,
                                             CLSEQ_ARRAY_SIZE(source_words), &meta.source_vocab));
    ASSERT_OK(p->ctx,
              clseq_vocab_create_from_tokens(p->ctx, info->target_text, target_words,
                                             CLSEQ_ARRAY_SIZE(target_words), &meta.target_vocab));
    ASSERT_OK(p->ctx, clseq_model_save(model, &meta, path, NULL));
    ASSERT_OK(p->ctx, clseq_translator_open(p->ctx, p->be, path, NULL, &loaded));
    assert_int_equal(clseq_translator_info(loaded)->weights, clseq_param_total(&model->store));
    assert_string_equal(clseq_vocab_token(clseq_translator_target_vocab(loaded), 5), "B");
    assert_string_equal(clseq_vocab_token(clseq_translator_source_vocab(loaded), 5), "b");
    ASSERT_OK(p->ctx, clseq_translator_run(tr, lines.line, NULL, LINES, &o, x));
    ASSERT_OK(p->ctx, clseq_translator_run(loaded, lines.line, NULL, LINES, &o, y));
    assert_same_and_forget(p, x, y, LINES);
    clseq_translator_close(&loaded);
    unlink(path);
    ASSERT_FAILS(p->ctx, CLSEQ_ERR_IO, path,
                 clseq_translator_open(p->ctx, p->be, path, NULL, &loaded));
    assert_null(loaded);
    clseq_model_meta_fini(&meta);
    clseq_seq2seq_destroy(&model);
    clseq_translator_close(&tr);
}

OF_EACH_MODEL(a_saved_model_translates_the_same)

/* One line far longer than the rest goes in a batch of its own kind, and all come out right. */
static void a_long_line_does_not_fill_the_memory(void **state)
{
    const struct place *p = *state;
    clseq_translator *tr = translator(p, false);
    static char text[2 * 700 + 1];
    const char *lines[40];
    clseq_translation all[40], alone;
    clseq_translate_options o = options_of(1, 1, 40);

    for (size_t t = 0; t < 700; t++)
        memcpy(text + 2 * t, t % 3 ? "a " : "b ", 2);
    for (size_t i = 0; i < 40; i++)
        lines[i] = i == 17 ? text : i % 2 ? "c d" : text + sizeof(text) - 1 - 2 * 100;
    o.max_length = 20;
    ASSERT_OK(p->ctx, clseq_translator_run(tr, lines, NULL, 40, &o, all));
    for (size_t i = 15; i < 20; i++) {
        ASSERT_OK(p->ctx, clseq_translator_run(tr, &lines[i], NULL, 1, &o, &alone));
        assert_same_translation(p, &alone, &all[i]);
        clseq_translations_fini(&alone, 1);
    }
    assert_int_equal(all[17].source_tokens, 700);
    clseq_translations_fini(all, 40);
    clseq_translator_close(&tr);
}

/* What both commands do with a model, on a backend whose nth call of a kind fails. *ready and *end
 * are the calls until the translator stood, and until it failed or was done. */
static clseq_status run_with_fault(clseq_context *ctx, enum clseq_fault_call call, uint64_t nth,
                                   uint64_t *ready, uint64_t *end)
{
    const struct clseq_fault_options fault = {
        .call = call, .nth = nth, .effect = CLSEQ_FAULT_FAIL, .status = CLSEQ_ERR_DEVICE_NOMEM
    };
    clseq_translate_options o = options_of(3, 2, 4);
    const clseq_translation untouched = { .count = 77 };
    struct place p = { .ctx = ctx, .reference = true };
    clseq_translation all[LINES] = { untouched };
    clseq_line_score scores[LINES] = { { .tokens = 77 } };
    clseq_translator *tr;
    struct lines lines;
    clseq_status status;

    o.tables = false; /* the test below */
    fill_lines(&lines);
    ASSERT_OK(ctx, clseq_fault_open(ctx, &fault, &p.be));
    tr = translator(&p, true);
    *ready = clseq_fault_count(p.be, call);
    status = clseq_translator_run(tr, lines.line, NULL, LINES, &o, all);
    if (status == CLSEQ_OK) {
        clseq_translations_fini(all, LINES);
        status = clseq_translator_score(tr, lines.line, NULL, lines.line, NULL, LINES, &o, scores);
        assert_true(status == CLSEQ_OK || scores[0].tokens == 77);
    } else {
        assert_int_equal(all[0].count, 77);
    }
    *end = clseq_fault_count(p.be, call);
    /* What failed once may work the next time. */
    if (status != CLSEQ_OK && call != CLSEQ_FAULT_BUFFER_CREATE) {
        ASSERT_OK(ctx, clseq_translator_run(tr, lines.line, NULL, LINES, &o, all));
        clseq_translations_fini(all, LINES);
    }
    clseq_translator_close(&tr);
    assert_int_equal(p.be->buffers_alive, 0);
    clseq_backend_close(&p.be);
    return status;
}

static void every_failure_is_passed_up(void **state)
{
    clseq_context *ctx = *state;
    static const enum clseq_fault_call calls[] = { CLSEQ_FAULT_OP, CLSEQ_FAULT_BUFFER_CREATE,
                                                   CLSEQ_FAULT_WRITE, CLSEQ_FAULT_READ };

    for (size_t i = 0; i < CLSEQ_ARRAY_SIZE(calls); i++) {
        uint64_t ready, end, x, y;

        ASSERT_OK(ctx, run_with_fault(ctx, calls[i], 0, &ready, &end));
        assert_true(end > ready + 2);
        /* All of the first, then samples. */
        for (uint64_t nth = ready + 1; nth <= end; nth += nth < ready + 60 ? 1 : 41)
            assert_int_equal(run_with_fault(ctx, calls[i], nth, &x, &y), CLSEQ_ERR_DEVICE_NOMEM);
    }
}

/* Memory for tables that is not there is no failure: with none, one or two buffers missing. */
static void tables_are_no_need(void **state)
{
    struct clseq_fault_options fault = { .call = CLSEQ_FAULT_BUFFER_CREATE,
                                         .effect = CLSEQ_FAULT_FAIL,
                                         .status = CLSEQ_ERR_DEVICE_NOMEM };
    clseq_translate_options o = options_of(2, 2, 4);
    uint64_t before = 0;
    struct lines lines;

    fill_lines(&lines);
    for (uint64_t missing = 0; missing <= 2; missing++) {
        struct place p = { .ctx = *state, .reference = true };
        clseq_translation with[LINES], without[LINES];
        clseq_translator *tr;

        fault.nth = missing ? before + missing : 0;
        ASSERT_OK(p.ctx, clseq_fault_open(p.ctx, &fault, &p.be));
        tr = translator_of(&p, &attention_model, true);
        for (o.tables = false;; o.tables = true) {
            ASSERT_OK(p.ctx, clseq_translator_run(tr, lines.line, NULL, LINES, &o,
                                                  o.tables ? with : without));
            if (o.tables)
                break;
            before = clseq_fault_count(p.be, CLSEQ_FAULT_BUFFER_CREATE);
        }
        assert_true(tr->member[0]->tabulated[CLSEQ_SIDE_SOURCE]);
        assert_int_equal(clseq_rnn_stack_has_table(&tr->member[0]->model->encoder.rnn), !missing);
        assert_same_and_forget(&p, with, without, LINES);
        clseq_translator_close(&tr);
        assert_int_equal(p.be->buffers_alive, 0);
        clseq_backend_close(&p.be);
    }
}

/* ---- sentence vectors ---- */

/* The final states of a line alone, from the model graph itself. */
static void expect_states(const struct place *p, const struct clseq_model_config *config,
                          bool reverse_source, const char *line, const float *vector)
{
    clseq_seq2seq *model = unit_model(p, *config, 0.6, 11);
    struct clseq_seq2seq_input input = { .B = 1 };
    int32_t words[LINE_BYTES], used = 0;
    float h[64];

    for (const char *c = line; *c; c++) {
        if (*c >= 'a')
            words[input.S++] = *c <= 'f' ? CLSEQ_ID_FIRST + *c - 'a' : CLSEQ_ID_UNK;
    }
    for (int32_t t = 0; reverse_source && t < input.S / 2; t++) {
        const int32_t word = words[t];

        words[t] = words[input.S - 1 - t];
        words[input.S - 1 - t] = word;
    }
    words[input.S++] = CLSEQ_ID_EOS;
    input.source_index = words;
    input.source_length = &input.S;
    ASSERT_OK(p->ctx, clseq_seq2seq_plan(
                          model, &(struct clseq_seq2seq_limits) { .S = input.S, .B = 1 }, false));
    ASSERT_OK(p->ctx, clseq_seq2seq_begin(model, &input));
    ASSERT_OK(p->ctx, clseq_seq2seq_encode(model));
    for (int32_t d = 0; d < model->encoder.rnn.directions; d++) {
        const clseq_tensor last =
            clseq_rnn_final(&model->encoder_pass.rnn, model->encoder.rnn.layers - 1, d).h;

        ASSERT_OK(p->ctx, clseq_tensor_read_f32(p->be, &last, h));
        for (int32_t k = 0; k < model->encoder.rnn.hidden; k++, used++) {
            if (!(fabsf(h[k] - vector[used]) < 1e-6f))
                fail_msg("\"%s\": number %d is %g, expected %g", line, used, (double)vector[used],
                         (double)h[k]);
        }
    }
    clseq_seq2seq_destroy(&model);
}

static void embed(void **state, const struct clseq_model_config *config)
{
    const struct place *p = *state;
    struct lines lines;

    fill_lines(&lines);
    for (int reverse = 0; reverse < 2; reverse++) {
        clseq_translator *tr = translator_of(p, config, reverse);
        const size_t size = clseq_translator_embedding_size(tr);
        float *vectors = calloc(LINES, size * sizeof(*vectors));
        float *again = calloc(LINES, size * sizeof(*again));
        clseq_translate_options o = options_of(1, 1, 64);

        assert_non_null(vectors);
        assert_non_null(again);
        ASSERT_OK(p->ctx, clseq_translator_embed(tr, lines.line, NULL, LINES, &o, vectors));
        for (size_t i = 0; i < LINES; i++)
            expect_states(p, config, reverse, lines.line[i], vectors + i * size);
        o.batch = 3;
        ASSERT_OK(p->ctx, clseq_translator_embed(tr, lines.line, NULL, LINES, &o, again));
        for (size_t i = 0; i < LINES * size; i++)
            assert_true(fabsf(again[i] - vectors[i]) < 1e-6f);
        ASSERT_OK(p->ctx, clseq_translator_embed(tr, lines.line, NULL, 0, &o, again));
        o.max_input = 3;
        o.first_line = 5;
        ASSERT_FAILS(
            p->ctx, CLSEQ_ERR_DATA, "line 5",
            clseq_translator_embed(tr, (const char *const[]) { "a b c d" }, NULL, 1, &o, again));
        free(vectors);
        free(again);
        clseq_translator_close(&tr);
    }
}

OF_EACH_MODEL(embed)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TESTS_OF(embed),
        TESTS_OF(output_order_is_input_order),
        TESTS_OF(tables_change_nothing),
        cmocka_unit_test(a_blank_line_gives_an_empty_text),
        cmocka_unit_test(lengths_are_obeyed),
        cmocka_unit_test(output_is_limited),
        cmocka_unit_test(nbest_is_sorted),
        TESTS_OF(scores_agree_with_search),
        cmocka_unit_test(scores_count_tokens),
        cmocka_unit_test(a_reversed_source_is_reversed),
        cmocka_unit_test(bad_lines_are_named),
        cmocka_unit_test(bad_options_are_refused),
        TESTS_OF(text_is_that_of_the_reference),
        TESTS_OF(a_saved_model_translates_the_same),
        cmocka_unit_test(a_long_line_does_not_fill_the_memory),
    };
    const struct CMUnitTest faults[] = { cmocka_unit_test(every_failure_is_passed_up),
                                         cmocka_unit_test(tables_are_no_need) };
    int failed = cmocka_run_group_tests_name("translate, reference", tests, unit_place_reference,
                                             unit_place_close);

    failed += cmocka_run_group_tests_name("translate, faults", faults, unit_context_create,
                                          unit_context_destroy);
    if (unit_have_opencl("translate"))
        failed += cmocka_run_group_tests_name("translate, opencl", tests, unit_place_opencl,
                                              unit_place_close);
    return failed;
}
