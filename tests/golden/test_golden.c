/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * From text to translations on each backend: a model learns to reverse in a few
 * seconds, and then does so exactly with sentences it has not seen. The backends
 * go the same way: losses close, text alike.
 */
#include "model_probe.h"
#include "train_case.h"

#include <clseq/translate.h>

#include <math.h>

#define UPDATES     500
#define CURVE       50 /* updates whose losses are compared */
#define CURVE_BOUND 1e-4

/* What one backend made of a task. */
struct outcome {
    double curve[CURVE];
    double first_loss, last_loss, valid_loss;
    size_t lines, exact;
    char *text; /* all translations, one a line; owned */
    size_t length;
};

/* The lines of a file, cut in place. */
static size_t cut_lines(char *data, char **lines, size_t limit)
{
    size_t n = 0;

    for (char *end; (end = strchr(data, '\n')); data = end + 1) {
        *end = 0;
        assert_true(n < limit);
        lines[n++] = data;
    }
    assert_int_equal(*data, 0);
    return n;
}

static void translate(const struct probe_place *place, struct train_case *c, struct outcome *o)
{
    clseq_translator *translator = NULL;
    clseq_translation results[200];
    char *lines[200], *expected[200], *source, *target, *text;
    size_t size;

    source = train_read(c->options.valid_source, &size);
    target = train_read(c->valid_target, &size);
    assert_true(source && target);
    o->lines = cut_lines(source, lines, 200);
    assert_int_equal(cut_lines(target, expected, 200), o->lines);
    ASSERT_OK(place->ctx,
              clseq_translator_open(place->ctx, place->be, train_case_file(c, "best.safetensors"),
                                    NULL, &translator));
    ASSERT_OK(place->ctx, clseq_translator_run(translator, (const char *const *)lines, NULL,
                                               o->lines, NULL, results));
    text = o->text = calloc(o->lines, 64);
    assert_non_null(text);
    for (size_t i = 0; i < o->lines; i++) {
        const clseq_hypothesis *h = &results[i].hypotheses[0];

        assert_in_range(h->length, 0, 62);
        o->exact += strcmp(h->text, expected[i]) == 0;
        memcpy(text + o->length, h->text, h->length);
        o->length += h->length;
        text[o->length++] = '\n';
    }
    clseq_translations_fini(results, o->lines);
    clseq_translator_close(&translator);
    free(source);
    free(target);
}

/* `reverse_source`: copy the reversed sentences, reading them backwards. To the model that is the
 * same as reversing. */
static void learn(const struct probe_place *place, bool reverse_source, struct outcome *o)
{
    struct clseq_train_result result;
    struct train_case c;
    json_t *log;

    *o = (struct outcome) { 0 };
    train_case_make(&c, TRAIN_REVERSE, 5, 3, 6);
    if (reverse_source) {
        c.options.reverse_source = true;
        c.options.source = c.target;
        c.options.valid_source = c.valid_target;
    }
    c.options.model.embedding = 16;
    c.options.model.hidden = 24;
    c.options.model.layers = 1;
    c.options.batch = 32;
    c.options.lr = 0.04;
    c.options.after = (struct clseq_when) { .updates = UPDATES };
    c.options.valid_every = (struct clseq_when) { .updates = 100 };
    c.options.save_every = (struct clseq_when) { 0 };
    ASSERT_OK(place->ctx, clseq_train(place->ctx, place->be, &c.options, NULL, &result));
    log = train_log(&c, "update");
    assert_int_equal(json_array_size(log), UPDATES);
    for (size_t i = 0; i < CURVE; i++)
        o->curve[i] = train_log_number(log, i, "loss");
    o->first_loss = o->curve[0];
    o->last_loss = result.train_loss;
    o->valid_loss = result.best_loss;
    json_decref(log);
    translate(place, &c, o);
    train_case_remove(&c);
}

/* The untrained model knows nothing of 9 words; a trained one is nearly certain. */
static void expect_learned(const struct outcome *o)
{
    assert_true(fabs(o->first_loss - log(9)) < 0.1);
    if (!(o->last_loss < 0.05 && o->valid_loss < 0.1))
        fail_msg("loss %.4f in training, %.4f in validation", o->last_loss, o->valid_loss);
    assert_true(o->lines >= 20);
    if (o->exact != o->lines)
        fail_msg("%zu of %zu translations are exact:\n%.*s", o->exact, o->lines, (int)o->length,
                 o->text);
}

/* What the reference makes of reversing; learned once for all tests. */
static const struct outcome *reference_outcome(void)
{
    static struct outcome o;
    struct probe_place place = { 0 };

    if (o.text)
        return &o;
    assert_int_equal(clseq_context_create(&place.ctx), CLSEQ_OK);
    place.be = probe_backend(place.ctx, "reference", CLSEQ_KERNELS_AUTO);
    learn(&place, false, &o);
    clseq_backend_close(&place.be);
    clseq_context_destroy(&place.ctx);
    return &o;
}

static void test_learns(void **state)
{
    expect_learned(reference_outcome());
}

/* The first losses of a fixed seed: any change of the initial weights, the order of the batches,
 * the model or the optimizer shows here. */
static void test_known_losses(void **state)
{
    static const double expected[] = { 2.19591641, 2.16194201, 2.0441561,  1.87580872,
                                       1.75504971, 1.67067921, 1.60162449, 1.56391811 };

    probe_close("losses", reference_outcome()->curve, expected, CLSEQ_ARRAY_SIZE(expected), 1e-6,
                0);
}

/* The option gives the model the same words, so the same bits come out. */
static void test_reverse_source(void **state)
{
    struct outcome o;

    learn(probe_place(state), true, &o);
    probe_equal("losses", o.curve, reference_outcome()->curve, CURVE);
    assert_int_equal(o.length, reference_outcome()->length);
    assert_memory_equal(o.text, reference_outcome()->text, o.length);
    free(o.text);
}

/* Another backend learns the same, on the same way. */
static void test_like_reference(void **state)
{
    const struct outcome *expected = reference_outcome();
    struct outcome o;

    learn(probe_place(state), false, &o);
    expect_learned(&o);
    probe_close("losses", o.curve, expected->curve, CURVE, CURVE_BOUND, 0);
    assert_int_equal(o.length, expected->length);
    assert_memory_equal(o.text, expected->text, o.length);
    free(o.text);
}

int main(void)
{
    const struct CMUnitTest reference[] = {
        cmocka_unit_test(test_learns),
        cmocka_unit_test(test_known_losses),
        cmocka_unit_test(test_reverse_source),
    };
    const struct CMUnitTest opencl[] = {
        cmocka_unit_test(test_like_reference),
    };
    int failed = 0;

    failed += cmocka_run_group_tests_name("golden: reference", reference, probe_setup_reference,
                                          probe_teardown);
    failed += cmocka_run_group_tests_name("golden: opencl, cpu kernels", opencl,
                                          probe_setup_opencl_cpu, probe_teardown);
    return failed != 0;
}
