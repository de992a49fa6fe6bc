/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Short trainings of every cell, bridge, attention, optimizer and unit. On the
 * reference path their losses are known: any change of the initial weights, the
 * batches, the model or the optimizer shows here. OpenCL goes the same way, and
 * says the same with what it learned. After a change that is meant to change the
 * losses, CLSEQ_TEST_PRINT_GOLDEN=1 prints the new ones. For slow devices
 * CLSEQ_TEST_SHORT_GOLDEN=1 leaves the first updates, with kernels for GPUs.
 */
#include "model_probe.h"
#include "train_case.h"

#include "backend/precision.h"

#include <clseq/translate.h>

#include <math.h>

#define UPDATES     60
#define SHORT       8
#define KNOWN       4
#define KNOWN_BOUND 1e-6 /* other compilers and mathematical libraries */
#define CURVE_BOUND 1e-4
#define TEXT_BYTES  (1 << 14)

/* The losses that are known: of these updates. */
static const size_t known_at[KNOWN] = { 1, 3, 10, UPDATES };

struct golden {
    const char *name;
    struct clseq_model_config model;
    clseq_optimizer_kind optimizer;
    double lr, weight_decay;
    clseq_unit unit;
    bool random;       /* dropout of all kinds and label smoothing */
    bool own_words;    /* scheduled sampling */
    size_t accumulate; /* 0: 1 */
    clseq_precision precision;
    double expected[KNOWN];
};

#define SIZE  .embedding = 12, .hidden = 16
#define SMALL SIZE, .layers = 1, .attention = CLSEQ_ATTENTION_DOT
#define ADAM  .optimizer = CLSEQ_OPTIMIZER_ADAM, .lr = 0.02

static const struct golden goldens[] = {
    { .name = "gru",
      .model = { SIZE, .layers = 1, .cell = CLSEQ_CELL_GRU },
      ADAM,
      .expected = { 2.08225536, 2.00565945, 1.49772488, 1.1152668 } },
    { .name = "rnn",
      .model = { SIZE, .layers = 2, .cell = CLSEQ_CELL_RNN },
      ADAM,
      .expected = { 2.06622458, 1.97710713, 1.56713867, 1.19445884 } },
    { .name = "peepholes",
      .model = { SIZE, .layers = 1, .peepholes = true },
      ADAM,
      .expected = { 2.10196352, 2.0498789, 1.49813583, 1.07712424 } },
    { .name = "bridge sum",
      .model = { SIZE, .layers = 1, .bidirectional = true, .bridge = CLSEQ_BRIDGE_SUM },
      ADAM,
      .expected = { 2.08336329, 2.02788492, 1.51544328, 0.922309995 } },
    { .name = "bridge concat",
      .model = { SIZE, .layers = 2, .bidirectional = true, .bridge = CLSEQ_BRIDGE_CONCAT },
      ADAM,
      .expected = { 2.07650638, 2.03831066, 1.53785706, 1.05816782 } },
    { .name = "bridge linear",
      .model = { SIZE, .layers = 1, .encoder_hidden = 10, .bidirectional = true,
                 .bridge = CLSEQ_BRIDGE_LINEAR },
      ADAM,
      .expected = { 2.08403611, 2.03339819, 1.47699564, 1.11508262 } },
    { .name = "residual",
      .model = { SIZE, .layers = 3, .encoder_layers = 2, .cell = CLSEQ_CELL_GRU, .residual = true },
      ADAM,
      .expected = { 2.06169796, 1.90938152, 1.39532705, 0.985024333 } },
    { .name = "context",
      .model = { SIZE, .layers = 1, .cell = CLSEQ_CELL_GRU, .bidirectional = true,
                 .context_input = true },
      ADAM,
      .expected = { 2.08533597, 2.01767869, 1.52514909, 1.03167808 } },
    { .name = "dot",
      .model = { SIZE, .layers = 1, .bidirectional = true, .attention = CLSEQ_ATTENTION_DOT },
      ADAM,
      .expected = { 2.06598043, 2.03740553, 1.5336836, 1.06219041 } },
    { .name = "general",
      .model = { SIZE, .layers = 1, .attention = CLSEQ_ATTENTION_GENERAL },
      ADAM,
      .expected = { 2.10506701, 2.05680431, 1.56224875, 1.0534147 } },
    { .name = "additive",
      .model = { SIZE, .layers = 1, .cell = CLSEQ_CELL_GRU, .bidirectional = true,
                 .attention = CLSEQ_ATTENTION_ADDITIVE },
      ADAM,
      .expected = { 2.06588078, 2.01718365, 1.55528745, 1.06527627 } },
    { .name = "feeding",
      .model = { SIZE, .layers = 2, .bidirectional = true, .attention = CLSEQ_ATTENTION_GENERAL,
                 .input_feeding = true },
      ADAM,
      .expected = { 2.08720899, 2.04340224, 1.49777239, 1.04954135 } },
    { .name = "sgd",
      .model = { SMALL },
      .optimizer = CLSEQ_OPTIMIZER_SGD,
      .lr = 0.5,
      .expected = { 2.07297111, 1.84589455, 1.65935551, 1.5078944 } },
    { .name = "momentum",
      .model = { SMALL },
      .optimizer = CLSEQ_OPTIMIZER_MOMENTUM,
      .lr = 0.1,
      .expected = { 2.07297111, 1.98908078, 1.62062454, 1.3422966 } },
    { .name = "nesterov",
      .model = { SMALL },
      .optimizer = CLSEQ_OPTIMIZER_NESTEROV,
      .lr = 0.1,
      .weight_decay = 0.01,
      .expected = { 2.07297111, 1.94616786, 1.62101798, 1.52821684 } },
    { .name = "adagrad",
      .model = { SMALL },
      .optimizer = CLSEQ_OPTIMIZER_ADAGRAD,
      .lr = 0.1,
      .expected = { 2.07297111, 1.71174934, 1.44482838, 0.761403024 } },
    { .name = "adadelta",
      .model = { SMALL },
      .optimizer = CLSEQ_OPTIMIZER_ADADELTA,
      .lr = 3,
      .expected = { 2.07297111, 2.06097412, 1.65268014, 1.26862657 } },
    { .name = "rmsprop",
      .model = { SMALL },
      .optimizer = CLSEQ_OPTIMIZER_RMSPROP,
      .lr = 0.01,
      .expected = { 2.07297111, 1.71111835, 1.48392209, 0.73387444 } },
    { .name = "adamw",
      .model = { SMALL },
      .optimizer = CLSEQ_OPTIMIZER_ADAMW,
      .lr = 0.02,
      .weight_decay = 0.1,
      .expected = { 2.07297111, 2.03176481, 1.54540808, 1.05123496 } },
    { .name = "characters",
      .model = { SMALL },
      ADAM,
      .unit = CLSEQ_UNIT_CHAR,
      .expected = { 2.18476709, 2.15424933, 1.84252398, 0.818012158 } },
    { .name = "dropout",
      .model = { SIZE, .layers = 2, .attention = CLSEQ_ATTENTION_GENERAL },
      ADAM,
      .random = true,
      .expected = { 2.07841802, 2.02803057, 1.65918992, 1.31389153 } },
    { .name = "accumulate",
      .model = { SIZE, .layers = 2, .attention = CLSEQ_ATTENTION_GENERAL },
      ADAM,
      .random = true,
      .accumulate = 2,
      .expected = { 2.07178642, 2.03990555, 1.69265931, 1.31631255 } },
    { .name = "scheduled sampling",
      .model = { SIZE, .layers = 1, .attention = CLSEQ_ATTENTION_GENERAL, .input_feeding = true },
      ADAM,
      .own_words = true,
      .expected = { 2.10507345, 2.056298, 1.55303123, 1.04992902 } },
    { .name = "tf32",
      .model = { SIZE, .layers = 2, .bidirectional = true, .attention = CLSEQ_ATTENTION_GENERAL },
      ADAM,
      .precision = CLSEQ_PRECISION_TF32,
      .expected = { 2.0872066, 2.04344212, 1.5013863, 1.04945707 } },
    { .name = "bf16",
      .model = { SIZE, .layers = 2, .bidirectional = true, .attention = CLSEQ_ATTENTION_GENERAL },
      ADAM,
      .precision = CLSEQ_PRECISION_BF16,
      .expected = { 2.08720803, 2.04344853, 1.50116539, 1.04933822 } },
    { .name = "bf16 gru",
      .model = { SIZE, .layers = 1, .cell = CLSEQ_CELL_GRU, .attention = CLSEQ_ATTENTION_ADDITIVE },
      ADAM,
      .precision = CLSEQ_PRECISION_BF16,
      .expected = { 2.083318, 2.01797329, 1.58155493, 1.102005 } },
};

static size_t updates(void)
{
    return getenv("CLSEQ_TEST_SHORT_GOLDEN") ? SHORT : UPDATES;
}

struct outcome {
    double curve[UPDATES];
    char text[TEXT_BYTES];
    size_t length;
};

static void append(struct outcome *o, const char *text)
{
    const int n = snprintf(o->text + o->length, sizeof(o->text) - o->length, "%s\n", text);

    assert_in_range(n, 1, sizeof(o->text) - o->length - 1);
    o->length += (size_t)n;
}

static void translate(const struct probe_place *place, struct train_case *c, struct outcome *o)
{
    clseq_translator *translator = NULL;
    size_t size;
    char *source = train_read(c->options.valid_source, &size);

    assert_non_null(source);
    ASSERT_OK(place->ctx,
              clseq_translator_open(place->ctx, place->be, train_case_file(c, "best.safetensors"),
                                    NULL, &translator));
    for (char *line = source, *end; (end = strchr(line, '\n')); line = end + 1) {
        const char *const one = line;
        clseq_translation result;

        *end = 0;
        ASSERT_OK(place->ctx, clseq_translator_run(translator, &one, NULL, 1, NULL, &result));
        append(o, result.hypotheses[0].text);
        clseq_translations_fini(&result, 1);
    }
    clseq_translator_close(&translator);
    free(source);
}

static void learn(const struct probe_place *place, const struct golden *golden, struct outcome *o)
{
    struct clseq_train_options *options;
    struct clseq_train_result result;
    struct train_case c;
    json_t *log;

    *o = (struct outcome) { 0 };
    train_case_make(&c, TRAIN_REVERSE, 4, 3, 5);
    options = &c.options;
    options->source_text.unit = options->target_text.unit = golden->unit;
    options->model = golden->model;
    options->optimizer = golden->optimizer;
    options->lr = golden->lr;
    options->weight_decay = golden->weight_decay;
    options->batch = 16;
    options->log_every = 1;
    options->after = (struct clseq_when) { .updates = updates() };
    options->valid_every = options->after;
    options->save_every = (struct clseq_when) { 0 };
    if (golden->accumulate > 0)
        options->accumulate = golden->accumulate;
    if (golden->own_words) {
        options->teacher_forcing = 0.3;
        options->teacher_schedule = CLSEQ_TEACHER_INVERSE_SIGMOID;
        options->teacher_forcing_end.updates = 30;
    }
    if (golden->random) {
        options->layer_dropout = options->embedding_dropout = options->output_dropout = 0.2;
        options->word_dropout = options->label_smoothing = 0.1;
    }
    ASSERT_OK(place->ctx, clseq_train(place->ctx, place->be, options, NULL, &result));
    log = train_log(&c, "update");
    assert_int_equal(json_array_size(log), updates());
    for (size_t i = 0; i < updates(); i++)
        o->curve[i] = train_log_number(log, i, "loss");
    json_decref(log);
    translate(place, &c, o);
    train_case_remove(&c);
}

/* What the reference made of each; learned once. */
static const struct outcome *reference_outcome(const struct golden *golden)
{
    static struct outcome outcomes[CLSEQ_ARRAY_SIZE(goldens)];
    struct outcome *o = &outcomes[golden - goldens];
    struct probe_place place = { 0 };

    if (o->length > 0)
        return o;
    assert_int_equal(clseq_context_create(&place.ctx), CLSEQ_OK);
    place.be = probe_backend_precise(place.ctx, "reference", CLSEQ_KERNELS_AUTO, golden->precision);
    learn(&place, golden, o);
    clseq_backend_close(&place.be);
    clseq_context_destroy(&place.ctx);
    return o;
}

static void check_reference(const struct golden *golden)
{
    const struct outcome *o = reference_outcome(golden);
    double got[KNOWN];

    for (int i = 0; i < KNOWN; i++)
        got[i] = o->curve[known_at[i] - 1];
    if (getenv("CLSEQ_TEST_PRINT_GOLDEN"))
        printf("%s: { %.9g, %.9g, %.9g, %.9g }\n", golden->name, got[0], got[1], got[2], got[3]);
    /* It learns something; else the numbers would say little. */
    assert_true(got[KNOWN - 1] < 0.95 * got[0]);
    probe_close(golden->name, got, golden->expected, KNOWN, KNOWN_BOUND, 0);
}

static double share_of_equal_lines(const char *x, const char *y)
{
    int lines = 0, equal = 0;

    while (*x && *y) {
        const size_t a = strcspn(x, "\n"), b = strcspn(y, "\n");

        lines++;
        equal += a == b && memcmp(x, y, a) == 0;
        x += a + 1;
        y += b + 1;
    }
    assert_true(lines > 0 && !*x && !*y);
    return (double)equal / lines;
}

static void check_like_reference(const struct probe_place *place, const struct golden *golden)
{
    const struct outcome *expected = reference_outcome(golden);
    const struct clseq_backend_info *info = clseq_backend_info(place->be);
    struct probe_place precise = { place->ctx, place->be };
    double bound = CURVE_BOUND;
    struct outcome o;

    if (golden->precision != CLSEQ_PRECISION_FP32) {
        precise.be = probe_backend_precise(place->ctx, info->name,
                                           strcmp(info->kernels, "gpu") == 0 ? CLSEQ_KERNELS_GPU
                                                                             : CLSEQ_KERNELS_CPU,
                                           golden->precision);
        /* A difference in the last bit becomes one of the rounding now and then. */
        bound = 4 * clseq_precision_ulp(golden->precision);
    }
    learn(&precise, golden, &o);
    if (precise.be != place->be)
        clseq_backend_close(&precise.be);
    probe_close(golden->name, o.curve, expected->curve, updates(), bound, 0);
    if (golden->precision == CLSEQ_PRECISION_FP32)
        assert_string_equal(o.text, expected->text);
    else
        assert_true(share_of_equal_lines(o.text, expected->text) >= 0.8);
}

/* ---- running ---- */

/* The place of the running group. It is not cmocka's state of the group, because that would hide
 * the state of a test, which is its golden. */
static void *place_of_group;

static int set_up_reference(void **state)
{
    (void)state;
    return probe_setup_reference(&place_of_group);
}

static int set_up_opencl_cpu(void **state)
{
    (void)state;
    return probe_setup_opencl_cpu(&place_of_group);
}

static int set_up_opencl_gpu(void **state)
{
    (void)state;
    return probe_setup_opencl_gpu(&place_of_group);
}

static int tear_down(void **state)
{
    (void)state;
    return probe_teardown(&place_of_group);
}

static void test_known(void **state)
{
    check_reference(*state);
}

static void test_like_reference(void **state)
{
    check_like_reference(probe_place(&place_of_group), *state);
}

int main(void)
{
    struct CMUnitTest known[CLSEQ_ARRAY_SIZE(goldens)], alike[CLSEQ_ARRAY_SIZE(goldens)];
    int failed = 0;

    for (size_t i = 0; i < CLSEQ_ARRAY_SIZE(goldens); i++) {
        /* cmocka hands the golden back as it is. */
        void *golden = (void *)(uintptr_t)&goldens[i];

        known[i] = (struct CMUnitTest) { goldens[i].name, test_known, NULL, NULL, golden };
        alike[i] = (struct CMUnitTest) { goldens[i].name, test_like_reference, NULL, NULL, golden };
    }
    if (updates() == UPDATES) {
        failed += cmocka_run_group_tests_name("golden models: reference", known, set_up_reference,
                                              tear_down);
        failed += cmocka_run_group_tests_name("golden models: opencl, cpu kernels", alike,
                                              set_up_opencl_cpu, tear_down);
    }
    failed += cmocka_run_group_tests_name("golden models: opencl, gpu kernels", alike,
                                          set_up_opencl_gpu, tear_down);
    return failed != 0;
}
