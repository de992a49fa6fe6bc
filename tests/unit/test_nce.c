/* SPDX-License-Identifier: BSD-2-Clause */
/* Training by noise-contrastive estimation: how it begins, and what validations say of log Z. */
#include "model_probe.h"
#include "train_case.h"

#include "train/dataset.h"

#include <math.h>

enum { V = 9 };

/* Letters a to d, and the special words. */
static void make_case(struct train_case *c)
{
    train_case_make(c, TRAIN_REVERSE, 4, 3, 5);
    c->options.loss = CLSEQ_LOSS_NCE;
    c->options.samples = 5;
}

/* Weights near 0 and a bias of -log V: the sum over all words is 1 from the first update on. */
static void test_start(void **state)
{
    const struct probe_place *place = probe_place(state);
    clseq_model_meta meta = { 0 };
    clseq_seq2seq *model = NULL;
    struct train_case c;
    double bias[V];
    json_t *told;

    make_case(&c);
    c.options.init_scale = 1e-4;
    c.options.lr = 1e-6;
    c.options.after = (struct clseq_when) { .updates = 1 };
    ASSERT_OK(place->ctx, train_run(place, &c, -1, NULL));
    told = train_log(&c, "valid");
    assert_true(fabs(train_log_number(told, 0, "log_z")) < 1e-4);
    assert_true(train_log_number(told, 0, "log_z_spread") < 1e-3);
    json_decref(told);
    ASSERT_OK(place->ctx, clseq_model_load(place->be, train_case_file(&c, "best.safetensors"), NULL,
                                           &meta, &model));
    assert_in_range(model->config.target_vocabulary, 5, V);
    probe_read(
        place->be,
        clseq_param_tensor(&model->store, &model->weights, model->decoder.output.bias, model->real),
        bias);
    for (int32_t w = 0; w < model->config.target_vocabulary; w++)
        assert_true(fabs(bias[w] + log(model->config.target_vocabulary)) < 1e-5);
    clseq_seq2seq_destroy(&model);
    clseq_model_meta_fini(&meta);
    train_case_remove(&c);
}

/* log Z of every target of the validation text, from the logits. */
static void add_log_z(struct probe *p, const clseq_sentence *source, const clseq_sentence *target,
                      double sums[3])
{
    clseq_tensor logits;
    struct clseq_seq2seq_input input;
    double x[PROBE_WORDS * V];

    ASSERT_OK(p->ctx, clseq_batch_from_sentences(&p->batch, source, target, 1, false));
    input = clseq_batch_input(&p->batch);
    (void)probe_loss(p, &input);
    logits = clseq_tensor_range(p->model->decoder_pass.output.logits, 0, input.N);
    probe_read(p->be, logits, x);
    for (int32_t i = 0; i < input.N; i++) {
        double z = 0;

        for (int32_t w = 0; w < logits.dims[1]; w++)
            z += exp(x[i * logits.dims[1] + w]);
        sums[0]++;
        sums[1] += log(z);
        sums[2] += log(z) * log(z);
    }
}

static void expect_log_z(const struct probe_place *place, struct train_case *c, const json_t *told,
                         size_t index)
{
    struct probe p = { .ctx = place->ctx, .be = place->be };
    clseq_model_meta meta = { 0 };
    clseq_dataset data = { 0 };
    clseq_pairs *pairs = NULL;
    double sums[3] = { 0 }, mean, spread;

    clseq_batch_init(&p.batch, p.ctx);
    ASSERT_OK(p.ctx, clseq_model_load(p.be, train_case_file(c, "best.safetensors"), NULL, &meta,
                                      &p.model));
    assert_in_range(p.model->config.target_vocabulary, 5, V);
    ASSERT_OK(p.ctx,
              clseq_buffer_create(p.be, 4 * clseq_dtype_size(p.model->real), "record", &p.record));
    probe_plan(&p);
    ASSERT_OK(p.ctx, clseq_pairs_open(p.ctx, c->valid_source, c->valid_target, 0, &pairs));
    ASSERT_OK(p.ctx, clseq_dataset_init(&data, p.ctx, &c->options, &meta, pairs, false));
    for (uint64_t i = 0; i < clseq_corpus_size(data.corpus); i++) {
        clseq_sentence source, target;

        clseq_corpus_pair(data.corpus, i, &source, &target);
        add_log_z(&p, &source, &target, sums);
    }
    mean = sums[1] / sums[0];
    spread = sqrt(sums[2] / sums[0] - mean * mean);
    assert_true(spread > 0.01);
    probe_close("mean of log Z", &(double) { train_log_number(told, index, "log_z") }, &mean, 1,
                1e-4, 1e-2);
    probe_close("spread of log Z", &(double) { train_log_number(told, index, "log_z_spread") },
                &spread, 1, 1e-3, 1e-2);
    clseq_dataset_fini(&data);
    clseq_pairs_close(&pairs);
    clseq_model_meta_fini(&meta);
    probe_close_model(&p);
}

static void test_log_z(void **state)
{
    const struct probe_place *place = probe_place(state);
    struct train_case c;
    json_t *told;

    make_case(&c);
    c.options.init_scale = 0.4;
    c.options.after = (struct clseq_when) { .updates = 20 };
    c.options.valid_every = c.options.after;
    ASSERT_OK(place->ctx, train_run(place, &c, -1, NULL));
    told = train_log(&c, "valid");
    assert_int_equal(json_array_size(told), 1);
    expect_log_z(place, &c, told, 0);
    json_decref(told);
    train_case_remove(&c);
}

struct last_event {
    bool has;
    double mean, spread;
    char text[256];
};

static void keep_validation(void *user, const struct clseq_train_event *event)
{
    struct last_event *last = user;

    if (event->kind != CLSEQ_TRAIN_VALID) {
        assert_false(event->has_log_z);
        return;
    }
    *last = (struct last_event) { event->has_log_z, event->log_z, event->log_z_spread, "" };
    snprintf(last->text, sizeof(last->text), "%s", event->text);
}

/* Only such a model has a use for it; whoever follows the run is told, too. */
static void test_told(void **state)
{
    const struct probe_place *place = probe_place(state);

    for (clseq_loss_kind loss = CLSEQ_LOSS_SOFTMAX; loss <= CLSEQ_LOSS_NCE; loss++) {
        struct last_event last = { .has = loss != CLSEQ_LOSS_NCE };
        const struct clseq_train_hooks hooks = { .user = &last, .event = keep_validation };
        struct train_case c;
        char expected[64];
        json_t *told;

        make_case(&c);
        c.options.loss = loss;
        c.options.after = (struct clseq_when) { .updates = 3 };
        ASSERT_OK(place->ctx, clseq_train(place->ctx, place->be, &c.options, &hooks, NULL));
        assert_int_equal(last.has, loss == CLSEQ_LOSS_NCE);
        told = train_log(&c, "valid");
        assert_int_equal(json_object_get(json_array_get(told, 0), "log_z") != NULL, last.has);
        if (last.has) {
            assert_true(fabs(train_log_number(told, 0, "log_z") - last.mean) < 1e-8);
            assert_true(fabs(train_log_number(told, 0, "log_z_spread") - last.spread) < 1e-8);
            snprintf(expected, sizeof(expected), "  log Z %.3f +- %.3f  (best", last.mean,
                     last.spread);
            assert_non_null(strstr(last.text, expected));
        } else {
            assert_null(strstr(last.text, "log Z"));
        }
        json_decref(told);
        train_case_remove(&c);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_start),
        cmocka_unit_test(test_log_z),
        cmocka_unit_test(test_told),
    };
    int failed = 0;

    failed +=
        cmocka_run_group_tests_name("nce: reference", tests, probe_setup_reference, probe_teardown);
    failed += cmocka_run_group_tests_name("nce: opencl, cpu kernels", tests, probe_setup_opencl_cpu,
                                          probe_teardown);
    failed += cmocka_run_group_tests_name("nce: opencl, gpu kernels", tests, probe_setup_opencl_gpu,
                                          probe_teardown);
    return failed != 0;
}
