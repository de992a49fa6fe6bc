/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What a model is, in files: configurations that contradict themselves, every
 * architecture to a file and back, and how many weights a configuration means.
 */
#include "model_probe.h"

#include "base/philox.h"
#include "io/model_file.h"

#include <unistd.h>

/* ---- configurations ---- */

/* A valid configuration without vocabularies, which are four words a side and more. */
static json_t *config_json(void)
{
    json_t *side = json_pack("{s:s, s:b, s:[s, s, s, s, s]}", "unit", "word", "lowercase", 0,
                             "vocabulary", "<pad>", "<unk>", "<s>", "</s>", "a");
    json_t *json = json_pack("{s:i, s:s, s:i, s:i, s:i, s:b, s:O, s:o}", "format", 2, "cell",
                             "lstm", "embedding", 4, "hidden", 6, "layers", 2, "reverse_source", 0,
                             "source", side, "target", side);

    assert_non_null(json);
    return json;
}

/* What reading the configuration says after some keys were set: `edits` is JSON. */
static clseq_status read_edited(clseq_context *ctx, const char *edits,
                                struct clseq_model_config *ret)
{
    json_t *json = config_json(), *edit = json_loads(edits, 0, NULL);
    clseq_model_meta meta;
    clseq_status status;

    assert_non_null(edit);
    assert_int_equal(json_object_update(json, edit), 0);
    status = clseq_model_meta_from_json(ctx, json, "FILE", &meta);
    if (status == CLSEQ_OK) {
        *ret = meta.config;
        clseq_model_meta_fini(&meta);
    }
    json_decref(edit);
    json_decref(json);
    return status;
}

static void test_conflicts(void **state)
{
    static const struct {
        const char *edits, *message;
    } bad[] = {
        { "{\"format\": 5}", "model format 5, this version of clseq reads formats 1 to 4" },
        { "{\"format\": 0}", "model format 0" },
        { "{\"format\": \"2\"}", "\"format\" must be a whole number" },
        { "{\"cell\": \"mlp\"}", "\"cell\" must be one of \"lstm\", \"gru\", \"rnn\"" },
        { "{\"cell\": 1}", "\"cell\" must be one of" },
        { "{\"attention\": \"looking\"}",
          "\"attention\" must be one of \"none\", \"dot\", \"general\", \"additive\"" },
        { "{\"attention\": null}", "\"attention\" must be one of" },
        { "{\"bridge\": \"gap\"}",
          "\"bridge\" must be one of \"auto\", \"copy\", \"sum\", \"concat\", \"linear\"" },
        { "{\"hidden\": 0}", "hidden is 0, but must be between 1 and 65536" },
        { "{\"layers\": 17}", "layers is 17, but must be between 1 and 16" },
        { "{\"encoder_layers\": 17}", "encoder_layers is 17" },
        { "{\"encoder_hidden\": -1}", "\"encoder_hidden\" must be a whole number" },
        { "{\"encoder_hidden\": 65537}", "encoder_hidden is 65537" },
        { "{\"bidirectional\": 1}", "\"bidirectional\" must be true or false" },
        { "{\"residual\": \"yes\"}", "\"residual\" must be true or false" },
        { "{\"cell\": \"gru\", \"peepholes\": true}", "peepholes are for LSTM cells only" },
        { "{\"input_feeding\": true}", "input feeding needs attention" },
        { "{\"attention\": \"dot\", \"encoder_hidden\": 5}",
          "dot attention needs encoder outputs as wide as the decoder" },
        { "{\"attention\": \"dot\", \"encoder_hidden\": 6, \"bidirectional\": true}",
          "dot attention needs encoder outputs as wide as the decoder" },
        { "{\"bridge\": \"copy\", \"bidirectional\": true}", "bridge copy needs one direction" },
        { "{\"bridge\": \"copy\", \"encoder_hidden\": 5}", "bridge copy needs one direction" },
        { "{\"bridge\": \"sum\"}", "bridge sum needs two directions" },
        { "{\"bridge\": \"sum\", \"bidirectional\": true, \"encoder_hidden\": 5}",
          "bridge sum needs two directions and equal sizes" },
        { "{\"bridge\": \"concat\"}", "bridge concat needs two directions" },
        { "{\"bridge\": \"concat\", \"bidirectional\": true, \"hidden\": 7}",
          "bridge concat needs two directions, each half as wide" },
    };
    const struct probe_place *place = probe_place(state);
    struct clseq_model_config config;

    for (size_t i = 0; i < CLSEQ_ARRAY_SIZE(bad); i++)
        ASSERT_FAILS(place->ctx, CLSEQ_ERR_FORMAT, bad[i].message,
                     read_edited(place->ctx, bad[i].edits, &config));
    /* Nothing is wrong with what was edited. */
    ASSERT_OK(place->ctx, read_edited(place->ctx, "{}", &config));
    ASSERT_OK(place->ctx, read_edited(place->ctx, "{\"format\": 1}", &config));
    ASSERT_OK(
        place->ctx,
        read_edited(place->ctx, "{\"bridge\": \"concat\", \"bidirectional\": true}", &config));
    ASSERT_OK(place->ctx, read_edited(place->ctx, "{\"attention\": \"dot\"}", &config));
}

/* ---- many random configurations ---- */

static int32_t below(uint64_t *counter, int32_t n)
{
    return (int32_t)clseq_random_below(3, CLSEQ_RANDOM_TEST, 0, (*counter)++, (uint64_t)n);
}

/* Sizes that fit together, and ones that do not, come up often. */
static struct clseq_model_config random_config(uint64_t *counter)
{
    return (struct clseq_model_config) {
        .source_vocabulary = 5 + below(counter, 4),
        .target_vocabulary = 5 + below(counter, 4),
        .embedding = 1 + below(counter, 6),
        .hidden = 1 + below(counter, 6),
        .layers = 1 + below(counter, 3),
        .cell = (clseq_cell)below(counter, 3),
        .encoder_hidden = below(counter, 5),
        .encoder_layers = below(counter, 4),
        .bidirectional = below(counter, 2),
        .peepholes = below(counter, 3) == 0,
        .residual = below(counter, 2),
        .bridge = (clseq_bridge_kind)below(counter, 5),
        .attention = (clseq_attention_kind)below(counter, 4),
        .input_feeding = below(counter, 2),
        .context_input = below(counter, 2),
        .tied_output = below(counter, 4) == 0,
        .shared_embeddings = below(counter, 4) == 0,
    };
}

/* What random configurations met, so that no kind is missing. */
struct met {
    int valid, conflicts, cells[3], bridges[5], attentions[4], feeding, contexts, peepholes, tied,
        shared;
};

static void count_met(struct met *met, const struct clseq_model_config *c)
{
    met->valid++;
    met->cells[c->cell]++;
    met->bridges[c->bridge]++;
    met->attentions[c->attention]++;
    met->feeding += c->input_feeding;
    met->contexts += c->context_input;
    met->peepholes += c->peepholes;
    met->tied += c->tied_output;
    met->shared += c->shared_embeddings;
}

static void expect_met(const struct met *met)
{
    assert_true(met->valid > 100 && met->conflicts > 100);
    for (int i = 0; i < 3; i++)
        assert_true(met->cells[i] > 5);
    assert_int_equal(met->bridges[CLSEQ_BRIDGE_AUTO], 0); /* resolved */
    for (int i = 1; i < 5; i++)
        assert_true(met->bridges[i] > 5);
    for (int i = 0; i < 4; i++)
        assert_true(met->attentions[i] > 5);
    assert_true(met->feeding > 5 && met->contexts > 5 && met->peepholes > 5);
    assert_true(met->tied > 5 && met->shared > 5);
}

/* The number of weights without a model is that of the model's tensors. */
static void test_weights(void **state)
{
    const struct probe_place *place = probe_place(state);
    struct met met = { 0 };
    uint64_t counter = 0;

    for (int i = 0; i < 1500; i++) {
        const struct clseq_model_config config = random_config(&counter);
        const uint64_t weights = clseq_model_config_weights(&config);
        clseq_seq2seq *model = NULL;

        if (weights == 0) {
            met.conflicts++;
            ASSERT_FAILS(place->ctx, CLSEQ_ERR_ARG,
                         "model: ", clseq_seq2seq_create(place->be, &config, &model));
            assert_null(model);
            continue;
        }
        ASSERT_OK(place->ctx, clseq_seq2seq_create(place->be, &config, &model));
        assert_true(clseq_param_total(&model->store) == weights);
        count_met(&met, &model->config);
        clseq_seq2seq_destroy(&model);
    }
    expect_met(&met);
}

static clseq_vocab *make_vocab(clseq_context *ctx, int32_t n)
{
    static const char *const words[] = { "<pad>", "<unk>", "<s>", "</s>", "a", "b", "c", "d" };
    const clseq_text_options text = { .unit = CLSEQ_UNIT_WORD };
    clseq_vocab *vocab = NULL;

    ASSERT_OK(ctx, clseq_vocab_create_from_tokens(ctx, text, words, (size_t)n, &vocab));
    return vocab;
}

static void expect_config(const struct clseq_model_config *x, const struct clseq_model_config *y)
{
    assert_int_equal(x->source_vocabulary, y->source_vocabulary);
    assert_int_equal(x->target_vocabulary, y->target_vocabulary);
    assert_int_equal(x->embedding, y->embedding);
    assert_int_equal(x->hidden, y->hidden);
    assert_int_equal(x->layers, y->layers);
    assert_int_equal(x->cell, y->cell);
    assert_int_equal(x->encoder_hidden, y->encoder_hidden);
    assert_int_equal(x->encoder_layers, y->encoder_layers);
    assert_int_equal(x->bidirectional, y->bidirectional);
    assert_int_equal(x->peepholes, y->peepholes);
    assert_int_equal(x->residual, y->residual);
    assert_int_equal(x->bridge, y->bridge);
    assert_int_equal(x->attention, y->attention);
    assert_int_equal(x->input_feeding, y->input_feeding);
    assert_int_equal(x->context_input, y->context_input);
    assert_int_equal(x->tied_output, y->tied_output);
    assert_int_equal(x->shared_embeddings, y->shared_embeddings);
}

/* To a file and back: the configuration, the weights, and nothing else of either. */
static void test_round_trip(void **state)
{
    const struct probe_place *place = probe_place(state);
    char path[] = "/tmp/clseq_test_XXXXXX";
    const int fd = mkstemp(path);
    struct met met = { 0 };
    uint64_t counter = 0;

    assert_true(fd >= 0);
    close(fd);
    for (int i = 0; i < 1500; i++) {
        const struct clseq_model_config config = random_config(&counter);
        clseq_model_meta meta = { .config = config }, read;
        clseq_seq2seq *model = NULL, *loaded = NULL;
        struct probe a, b;
        double *x, *y;

        if (clseq_model_config_weights(&config) == 0) {
            met.conflicts++;
            continue;
        }
        meta.source_vocab = make_vocab(place->ctx, config.source_vocabulary);
        meta.target_vocab = make_vocab(place->ctx, config.target_vocabulary);
        ASSERT_OK(place->ctx, clseq_seq2seq_create(place->be, &config, &model));
        ASSERT_OK(place->ctx, clseq_seq2seq_init(model, CLSEQ_INIT_NORMAL, 1, (uint64_t)i));
        ASSERT_OK(place->ctx, clseq_model_save(model, &meta, path, NULL));
        ASSERT_OK(place->ctx, clseq_model_load(place->be, path, NULL, &read, &loaded));
        expect_config(&read.config, &model->config);
        a = (struct probe) { .ctx = place->ctx, .be = place->be, .model = model };
        b = (struct probe) { .ctx = place->ctx, .be = place->be, .model = loaded };
        a.weights = b.weights = (size_t)clseq_param_total(&model->store);
        x = probe_weights(&a);
        y = probe_weights(&b);
        probe_equal("weights", y, x, a.weights);
        count_met(&met, &model->config);
        free(x);
        free(y);
        clseq_model_meta_fini(&read);
        clseq_model_meta_fini(&meta);
        clseq_seq2seq_destroy(&loaded);
        clseq_seq2seq_destroy(&model);
    }
    expect_met(&met);
    unlink(path);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_conflicts),
        cmocka_unit_test(test_weights),
        cmocka_unit_test(test_round_trip),
    };

    return cmocka_run_group_tests_name("model file", tests, probe_setup_reference, probe_teardown);
}
