/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * One text, whatever computes it and however many sentences are beside it: greedy, beams, n-best
 * lists and samples of one model and of two. What is expected was made by the reference path, every
 * line on its own; batches from 1 to 256 there and on a device must say the same. Models are small,
 * sentences short and few, because a launch takes 3 us on PoCL and 700 on rusticl:
 * test_translate_options has the many. There a step of an LSTM in one kernel takes 0.1 s and more:
 * CLSEQ_TEST_SHORT_LSTM=1 leaves that kernel few and small batches.
 */
#include "decode_unit.h"

#include "decode/translator.h"
#include "model/decoder_state.h"

#include <math.h>

enum { LINES = 260, LINE_BYTES = 32, WORDS = 5, LONGEST = CLSEQ_DECODE_BLOCK + 3 };

static const char *const source_words[] = {
    "<pad>", "<unk>", "<s>", "</s>", "a", "b", "c", "d", "e"
};
static const char *const target_words[] = { "<pad>", "<unk>", "<s>", "</s>", "A",
                                            "B",     "C",     "D",   "E",    "F" };

#define VOCABULARIES                                                                               \
    .source_vocabulary = CLSEQ_ARRAY_SIZE(source_words),                                           \
    .target_vocabulary = CLSEQ_ARRAY_SIZE(target_words)

/* A model with random weights. With these seeds some lines end in the first block of steps and some
 * go on into the second, so rows are dropped between them; and no text hangs on the last bits:
 * weights off by 1e-6 of themselves give the same. */
struct random_model {
    struct clseq_model_config config;
    uint64_t seed;
};

/* They have few operations in common. With peepholes a step of an LSTM is several kernels
 * everywhere. */
static const struct random_model gru = {
    {
        VOCABULARIES,
        .embedding = 5,
        .hidden = 6,
        .layers = 1,
        .cell = CLSEQ_CELL_GRU,
        .encoder_hidden = 3,
        .bidirectional = true,
        .attention = CLSEQ_ATTENTION_ADDITIVE,
    },
    .seed = 14,
};
static const struct random_model feeding = {
    {
        VOCABULARIES,
        .embedding = 4,
        .hidden = 7,
        .layers = 1,
        .attention = CLSEQ_ATTENTION_GENERAL,
        .input_feeding = true,
        .peepholes = true,
    },
    .seed = 25,
};
static const struct random_model lstm = {
    { VOCABULARIES, .embedding = 4, .hidden = 7, .layers = 1 },
    .seed = 1,
};

struct lines {
    char text[LINES][LINE_BYTES];
    const char *line[LINES];
};

/* Lines of up to WORDS words, one of them unknown; a few have no word. */
static void fill_lines(struct lines *lines)
{
    static const char *const words[] = { "a", "b", "c", "d", "e", "x" };
    uint64_t counter = 0;

    for (size_t i = 0; i < LINES; i++) {
        const int32_t n = i % 50 == 3 ? 0 : 1 + unit_below(&counter, WORDS);
        char *end = lines->text[i];

        *end = 0;
        for (int32_t t = 0; t < n; t++) {
            *end++ = *words[unit_below(&counter, CLSEQ_ARRAY_SIZE(words))];
            *end++ = ' ';
        }
        *end = 0;
        lines->line[i] = lines->text[i];
    }
}

static clseq_vocab *vocab_of(const struct place *p, const char *const *words, size_t n)
{
    const clseq_text_options text = { .unit = CLSEQ_UNIT_WORD };
    clseq_vocab *vocab = NULL;

    ASSERT_OK(p->ctx, clseq_vocab_create_from_tokens(p->ctx, text, words, n, &vocab));
    return vocab;
}

/* The same weights on every backend. */
static clseq_translator *translator_of(const struct place *p, const struct random_model *what)
{
    clseq_model_meta meta = { .config = what->config, .reverse_source = what != &gru };
    clseq_seq2seq *model = unit_model(p, what->config, 0.7, what->seed);
    const int i = clseq_param_find(&model->store, "output.bias");
    const clseq_tensor bias = clseq_param_tensor(&model->store, &model->weights, i, model->real);
    float x[CLSEQ_ARRAY_SIZE(target_words)];
    clseq_translator *tr = NULL;

    ASSERT_OK(p->ctx, clseq_tensor_read_f32(p->be, &bias, x));
    x[CLSEQ_ID_EOS] += 1;
    x[CLSEQ_ID_PAD] -= 3;
    x[CLSEQ_ID_SOS] -= 3;
    ASSERT_OK(p->ctx, clseq_tensor_write_f32(p->be, &bias, x));
    meta.source_vocab = vocab_of(p, source_words, CLSEQ_ARRAY_SIZE(source_words));
    meta.target_vocab = vocab_of(p, target_words, CLSEQ_ARRAY_SIZE(target_words));
    ASSERT_OK(p->ctx, clseq_translator_create(&model, &meta, &tr));
    return tr;
}

/* Of one model, or of two. */
static clseq_translator *ensemble_of(const struct place *p, const struct random_model *one,
                                     const struct random_model *two)
{
    clseq_translator *tr = translator_of(p, one), *more;

    if (two) {
        more = translator_of(p, two);
        ASSERT_OK(p->ctx, clseq_translator_join(tr, &more));
    }
    return tr;
}

/* Some lines in batches of one size. */
static void run(const struct place *p, clseq_translator *tr, const struct lines *lines,
                size_t first, size_t count, int32_t batch, const clseq_translate_options *options,
                clseq_translation *ret)
{
    clseq_translate_options o = *options;

    o.batch = batch;
    o.first_line = first + 1;
    ASSERT_OK(p->ctx, clseq_translator_run(tr, lines->line + first, NULL, count, &o, ret));
}

static void assert_same(const struct place *p, const clseq_translation *expected,
                        const clseq_translation *got, size_t line, int32_t batch)
{
    assert_int_equal(got->count, expected->count);
    for (size_t k = 0; k < got->count; k++) {
        const clseq_hypothesis *a = &expected->hypotheses[k], *b = &got->hypotheses[k];

        if (strcmp(a->text, b->text) != 0)
            fail_msg("line %zu, translation %zu, batches of %d: '%s' instead of '%s'", line + 1,
                     k + 1, (int)batch, b->text, a->text);
        assert_int_equal(b->tokens, a->tokens);
        assert_int_equal(b->complete, a->complete);
        if (p->reference)
            assert_true(b->score == a->score);
        else
            assert_true(fabs(b->score - a->score) < 1e-4 * (1 + fabs(a->score)));
    }
}

/* That there was something to get wrong. */
struct seen {
    int early, late, varied, others;
};

static void look(const clseq_translation *all, struct seen *seen)
{
    for (size_t i = 0; i < LINES; i++) {
        for (size_t k = 0; k < all[i].count; k++) {
            const clseq_hypothesis *h = &all[i].hypotheses[k];

            seen->early += h->tokens > 1 && h->tokens < CLSEQ_DECODE_BLOCK;
            seen->late += h->tokens > CLSEQ_DECODE_BLOCK;
            seen->others += k > 0 && strcmp(h->text, h[-1].text) != 0;
        }
        seen->varied += i > 0 && strcmp(all[i].hypotheses[0].text, all[i - 1].hypotheses[0].text);
    }
}

/* Sizes of batches, 0 behind the last. */
static const int32_t all_batches[] = { 1, 2, 3, 7, 64, 256, 0 };
static const int32_t few_batches[] = { 1, 7, 0 };

static void compare(const struct place *p, const struct random_model *one,
                    const struct random_model *two, const int32_t *batch,
                    const clseq_translate_options *o)
{
    clseq_translation expected[LINES], got[LINES];
    clseq_translator *reference, *tr;
    struct seen seen = { 0 };
    struct lines lines;
    void *trusted = NULL;

    assert_int_equal(unit_place_reference(&trusted), 0);
    reference = ensemble_of(trusted, one, two);
    tr = ensemble_of(p, one, two);
    fill_lines(&lines);
    for (size_t i = 0; i < LINES; i++)
        run(trusted, reference, &lines, i, 1, 1, o, &expected[i]);
    look(expected, &seen);
    assert_true(seen.early > 40 && seen.late > 40 && seen.varied > 100);
    assert_true(seen.others > 100 || o->nbest == 1);
    for (; *batch; batch++) {
        /* Two batches and the beginning of a third, from another line on each time. */
        const size_t wanted = 2 * (size_t)*batch + 3, count = wanted < LINES ? wanted : LINES;
        const size_t first = (size_t)*batch * 37 % (LINES - count + 1);

        run(p, tr, &lines, first, count, *batch, o, got);
        for (size_t i = 0; i < count; i++)
            assert_same(p, &expected[first + i], &got[i], first + i, *batch);
        clseq_translations_fini(got, count);
    }
    clseq_translations_fini(expected, LINES);
    clseq_translator_close(&tr);
    clseq_translator_close(&reference);
    assert_int_equal(unit_place_close(&trusted), 0);
}

static clseq_translate_options options(void)
{
    clseq_translate_options o;

    clseq_translate_options_init(&o);
    o.scores = true;
    o.max_length = LONGEST;
    return o;
}

/* By one model and by an ensemble. */
static void same_text(void **state, clseq_translate_options o)
{
    compare(*state, &feeding, NULL, all_batches, &o);
    compare(*state, &gru, &feeding, all_batches, &o);
}

static void greedy(void **state)
{
    same_text(state, options());
}

static void beam(void **state)
{
    clseq_translate_options o = options();

    o.beam = 3;
    same_text(state, o);
}

static void nbest(void **state)
{
    clseq_translate_options o = options();

    o.beam = 4;
    o.nbest = 4;
    same_text(state, o);
}

static void samples(void **state)
{
    clseq_translate_options o = options();

    o.sample = true;
    o.nbest = 2;
    o.seed = 3;
    same_text(state, o);
}

static void samples_of_the_likeliest(void **state)
{
    clseq_translate_options o = options();

    o.sample = true;
    o.top_k = 5;
    o.top_p = 0.9;
    o.temperature = 1.5;
    same_text(state, o);
}

static void lstm_without_peepholes(void **state)
{
    const struct place *p = *state;
    const bool slow =
        getenv("CLSEQ_TEST_SHORT_LSTM") && strcmp(clseq_backend_info(p->be)->kernels, "cpu") == 0;
    clseq_translate_options o = options();

    o.beam = 3;
    o.nbest = 2;
    compare(p, &lstm, NULL, slow ? few_batches : all_batches, &o);
}

static int set_up_cpu(void **state)
{
    return unit_place_open_kernels(state, "opencl", CLSEQ_KERNELS_CPU);
}

static int set_up_gpu(void **state)
{
    return unit_place_open_kernels(state, "opencl", CLSEQ_KERNELS_GPU);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(greedy),
        cmocka_unit_test(beam),
        cmocka_unit_test(nbest),
        cmocka_unit_test(samples),
        cmocka_unit_test(samples_of_the_likeliest),
        cmocka_unit_test(lstm_without_peepholes),
    };
    int failed = cmocka_run_group_tests_name("same text: reference", tests, unit_place_reference,
                                             unit_place_close);

    if (unit_have_opencl("same text")) {
        failed += cmocka_run_group_tests_name("same text: opencl, cpu kernels", tests, set_up_cpu,
                                              unit_place_close);
        failed += cmocka_run_group_tests_name("same text: opencl, gpu kernels", tests, set_up_gpu,
                                              unit_place_close);
    }
    return failed;
}
