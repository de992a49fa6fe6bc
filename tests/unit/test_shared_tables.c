/* SPDX-License-Identifier: BSD-2-Clause */
/* Tables with more than one use: target embedding and output layer, source and target embedding. */
#include "model_probe.h"
#include "train_case.h"

#include "io/model_file.h"
#include "train/accumulator.h"
#include "train/candidates.h"

#define V 23

/* By what is shared. */
enum { TIED = 1, SHARED = 2, KINDS = 4 };

static struct clseq_model_config config_of(int kind)
{
    return (struct clseq_model_config) { .source_vocabulary = V,
                                         .target_vocabulary = V,
                                         .embedding = 8,
                                         .hidden = 8,
                                         .layers = 1,
                                         .tied_output = (kind & TIED) != 0,
                                         .shared_embeddings = (kind & SHARED) != 0 };
}

static void make_pairs(struct probe_pairs *pairs, uint64_t seed)
{
    const int source[] = { 4, 0, 2, 5 }, target[] = { 3, 5, 0, 6 };

    probe_pairs_random(pairs, seed, 4, source, target, V, V);
}

/* The weights of `from` in a model whose tables are all its own. */
static void unshare(const struct probe *from, const struct probe *to)
{
    const struct clseq_decoder *a = &from->model->decoder, *b = &to->model->decoder;
    const int tables[][2] = { { b->embedding.weight, a->embedding.weight },
                              { b->output.weight, a->output.weight } };
    double *x = probe_weights(from), *y = probe_weights(to);

    for (size_t i = 0; i < to->model->store.count; i++) {
        const int same = clseq_param_find(&from->model->store, to->model->store.params[i].name);
        const size_t first = probe_param_offset(to, i), n = probe_param_offset(to, i + 1) - first;
        int source = same;

        for (int t = 0; t < 2; t++)
            source = (int)i == tables[t][0] ? tables[t][1] : source;
        assert_true(source >= 0);
        memcpy(y + first, x + probe_param_offset(from, (size_t)source), n * sizeof(*y));
    }
    probe_set_weights(to, y);
    free(x);
    free(y);
}

/* Loss and gradients are those of a model in which the tables are apart and happen to be equal, the
 * gradients of all uses being added up. */
static void test_sum_of_uses(void **state)
{
    const struct probe_place *place = probe_place(state);

    for (int kind = 1; kind < KINDS; kind++) {
        const struct clseq_model_config shared = config_of(kind), apart = config_of(0);
        struct clseq_seq2seq_input input;
        struct probe_pairs pairs;
        struct probe p, q;
        double *got, *uses, *expected, loss[2];

        make_pairs(&pairs, 3);
        probe_open(&p, place->ctx, place->be, &shared, 0.5);
        probe_open(&q, place->ctx, place->be, &apart, 0.5);
        assert_true(p.weights < q.weights);
        unshare(&p, &q);
        input = probe_input(&p, &pairs);
        loss[0] = probe_loss_bwd(&p, &input, 1, false);
        input = probe_input(&q, &pairs);
        loss[1] = probe_loss_bwd(&q, &input, 1, false);
        probe_close("loss", &loss[0], &loss[1], 1, 1e-6, 0);
        got = probe_gradients(&p);
        uses = probe_gradients(&q);
        expected = calloc(p.weights, sizeof(*expected));
        assert_non_null(expected);
        for (size_t i = 0; i < q.model->store.count; i++) {
            const struct clseq_decoder *a = &p.model->decoder, *b = &q.model->decoder;
            const size_t first = probe_param_offset(&q, i);
            const size_t n = probe_param_offset(&q, i + 1) - first;
            int to = clseq_param_find(&p.model->store, q.model->store.params[i].name);

            if ((int)i == b->embedding.weight)
                to = a->embedding.weight;
            if ((int)i == b->output.weight)
                to = a->output.weight;
            for (size_t k = 0; k < n; k++)
                expected[probe_param_offset(&p, (size_t)to) + k] += uses[first + k];
        }
        probe_close("gradients", got, expected, p.weights, 2e-4, 1e-2);
        free(got);
        free(uses);
        free(expected);
        probe_close_model(&p);
        probe_close_model(&q);
    }
}

/* Two batches of an update are one batch of both; the second group finds what the first left. */
static void test_accumulate(void **state)
{
    const struct probe_place *place = probe_place(state);
    const struct clseq_seq2seq_limits limits = { .S = PROBE_WORDS,
                                                 .T = PROBE_WORDS,
                                                 .B = PROBE_PAIRS,
                                                 .N = PROBE_WORDS * PROBE_PAIRS,
                                                 .source_unique = V,
                                                 .target_unique = V };

    for (int kind = 1; kind < KINDS; kind++) {
        const struct clseq_model_config config = config_of(kind);
        clseq_accumulator a;
        struct probe p;

        probe_open(&p, place->ctx, place->be, &config, 0.5);
        ASSERT_OK(p.ctx, clseq_accumulator_init(&a, p.model, &limits, 2));
        for (uint64_t round = 0; round < 2; round++) {
            struct probe_pairs parts[2], all = { .n = 0 };
            struct clseq_seq2seq_input input;
            double *expected, *got;

            for (uint64_t i = 0; i < 2; i++) {
                make_pairs(&parts[i], 2 * round + i);
                for (size_t k = 0; k < parts[i].n; k++)
                    probe_pairs_set(&all, all.n++, &parts[i], k);
            }
            input = probe_input(&p, &all);
            (void)probe_loss_bwd(&p, &input, 1, false);
            expected = probe_gradients(&p);
            clseq_accumulator_begin(&a);
            for (int i = 0; i < 2; i++) {
                input = probe_input(&p, &parts[i]);
                ASSERT_OK(p.ctx, clseq_accumulator_add(
                                     &a, &input, clseq_tensor_1d(p.record, 0, p.model->real, 1)));
            }
            ASSERT_OK(p.ctx, clseq_accumulator_end(&a));
            got = probe_gradients(&p);
            probe_close("gradients", got, expected, p.weights, 2e-4, 1e-2);
            free(got);
            free(expected);
        }
        clseq_accumulator_fini(&a);
        probe_close_model(&p);
    }
}

static void test_tied_with_samples(void **state)
{
    const struct probe_place *place = probe_place(state);
    const struct clseq_model_config config = config_of(TIED);
    clseq_seq2seq *model = NULL;

    ASSERT_FAILS(place->ctx, CLSEQ_ERR_ARG, "leave one of them out",
                 clseq_seq2seq_create_sampled(place->be, &config, 5, &model));
    assert_null(model);
}

/* ---- whole runs ---- */

/* The letters of a run are source and target words, so the vocabularies are one. */
static void expect_file(const struct probe_place *place, struct train_case *c, int kind)
{
    clseq_safetensors *file = NULL;
    clseq_model_meta meta = { 0 };

    ASSERT_OK(place->ctx, clseq_model_open(place->ctx, train_case_file(c, "best.safetensors"), NULL,
                                           &file, &meta));
    assert_int_equal(meta.config.tied_output, (kind & TIED) != 0);
    assert_int_equal(meta.config.shared_embeddings, (kind & SHARED) != 0);
    assert_non_null(clseq_safetensors_find(file, "encoder.embedding.weight"));
    assert_int_equal(clseq_safetensors_find(file, "decoder.embedding.weight") == NULL,
                     (kind & SHARED) != 0);
    assert_int_equal(clseq_safetensors_find(file, "output.weight") == NULL, (kind & TIED) != 0);
    if (kind & SHARED) {
        const int32_t n = meta.config.source_vocabulary;

        assert_int_equal(n, meta.config.target_vocabulary);
        for (int32_t i = 0; i < n; i++)
            assert_string_equal(clseq_vocab_token(meta.source_vocab, i),
                                clseq_vocab_token(meta.target_vocab, i));
    }
    clseq_safetensors_close(&file);
    clseq_model_meta_fini(&meta);
}

static void test_resume(void **state)
{
    const struct probe_place *place = probe_place(state);

    for (int kind = 1; kind < KINDS; kind++) {
        struct train_case c, whole;
        clseq_status status;
        int sessions = 0;

        train_case_make(&c, TRAIN_REVERSE, 4, 3, 5);
        c.options.model.embedding = c.options.model.hidden;
        c.options.model.tied_output = (kind & TIED) != 0;
        c.options.model.shared_embeddings = (kind & SHARED) != 0;
        c.options.accumulate = kind == SHARED ? 2 : 1;
        c.options.after = (struct clseq_when) { .updates = 14 };
        train_case_set_run(&c, "whole");
        ASSERT_OK(place->ctx, train_run(place, &c, -1, NULL));
        expect_file(place, &c, kind);
        whole = c;
        train_case_set_run(&c, "often");
        do {
            status = train_run(place, &c, 6, NULL);
            assert_true(++sessions < 50);
        } while (status == CLSEQ_ERR_INTERRUPTED);
        ASSERT_OK(place->ctx, status);
        assert_true(sessions > 1);
        train_same_run(place, &c, &whole);
        train_case_remove(&c);
    }
}

static void test_refused(void **state)
{
    const struct probe_place *place = probe_place(state);
    struct train_case c;

    train_case_make(&c, TRAIN_REVERSE, 3, 2, 5);
    c.options.model.tied_output = true;
    ASSERT_FAILS(place->ctx, CLSEQ_ERR_ARG, "give --emb 10, or leave it out",
                 train_run(place, &c, -1, NULL));
    c.options.model.embedding = c.options.model.hidden;
    c.options.loss = CLSEQ_LOSS_SAMPLED;
    ASSERT_FAILS(place->ctx, CLSEQ_ERR_ARG, "--tie-output with --loss sampled is not supported",
                 train_run(place, &c, -1, NULL));
    c.options.loss = CLSEQ_LOSS_SOFTMAX;
    c.options.source_vectors = "none";
    c.options.freeze_vectors = true;
    ASSERT_FAILS(place->ctx, CLSEQ_ERR_ARG, "--freeze-vectors: with --tie-output",
                 train_run(place, &c, -1, NULL));
    c.options.model.shared_embeddings = true;
    ASSERT_FAILS(place->ctx, CLSEQ_ERR_ARG, "--freeze-vectors: with --share-embeddings",
                 train_run(place, &c, -1, NULL));
    c.options.target_vectors = "none";
    ASSERT_FAILS(place->ctx, CLSEQ_ERR_ARG, "give --source-vectors alone",
                 train_run(place, &c, -1, NULL));
    c.options.target_vocab_size = 17;
    ASSERT_FAILS(place->ctx, CLSEQ_ERR_ARG, "makes one vocabulary of both sides",
                 train_run(place, &c, -1, NULL));
    train_case_remove(&c);
}

int main(void)
{
    const struct CMUnitTest once[] = {
        cmocka_unit_test(test_tied_with_samples),
        cmocka_unit_test(test_refused),
    };
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sum_of_uses),
        cmocka_unit_test(test_accumulate),
        cmocka_unit_test(test_resume),
    };
    int failed = 0;

    failed += cmocka_run_group_tests_name("shared tables: refused", once, probe_setup_reference,
                                          probe_teardown);
    failed += cmocka_run_group_tests_name("shared tables: reference", tests, probe_setup_reference,
                                          probe_teardown);
    failed += cmocka_run_group_tests_name("shared tables: opencl, cpu kernels", tests,
                                          probe_setup_opencl_cpu, probe_teardown);
    failed += cmocka_run_group_tests_name("shared tables: opencl, gpu kernels", tests,
                                          probe_setup_opencl_gpu, probe_teardown);
    return failed != 0;
}
