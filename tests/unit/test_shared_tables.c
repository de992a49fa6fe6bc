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

/* Loss and gradients of a batch; with samples, of the candidates of an update. */
static double loss_bwd(struct probe *p, clseq_candidates *c, const struct probe_pairs *pairs)
{
    struct clseq_seq2seq_input input = probe_input(p, pairs);

    ASSERT_OK(p->ctx, clseq_candidates_add(c, 3, &input));
    return probe_loss_bwd(p, &input, 1, false);
}

static void open_candidates(clseq_candidates *c, const struct probe_place *place, int32_t samples)
{
    double rate[V];

    *c = (clseq_candidates) { 0 };
    for (int w = 0; w < V; w++)
        rate[w] = 1.0 / (1 + (w * 7 + 3) % V);
    if (samples > 0)
        ASSERT_OK(place->ctx, clseq_candidates_init(c, place->ctx, rate, V, samples,
                                                    PROBE_WORDS * PROBE_PAIRS, 11));
}

/* The gradients `uses` of a model without shared tables, as those of one that shares. */
static double *sum_uses(const struct probe *p, const struct probe *q, const double *uses)
{
    const struct clseq_decoder *a = &p->model->decoder, *b = &q->model->decoder;
    double *sum = calloc(p->weights, sizeof(*sum));

    assert_non_null(sum);
    for (size_t i = 0; i < q->model->store.count; i++) {
        const size_t first = probe_param_offset(q, i), n = probe_param_offset(q, i + 1) - first;
        int to = clseq_param_find(&p->model->store, q->model->store.params[i].name);

        if ((int)i == b->embedding.weight)
            to = a->embedding.weight;
        if ((int)i == b->output.weight)
            to = a->output.weight;
        for (size_t k = 0; k < n; k++)
            sum[probe_param_offset(p, (size_t)to) + k] += uses[first + k];
    }
    return sum;
}

/* By what the loss is over: all words, few that are drawn, all that are drawn. */
static const int32_t draws[] = { 0, 5, V };

/* Loss and gradients are those of a model in which the tables are apart and happen to be equal, the
 * gradients of all uses being added up; the same bits every time. */
static void check_sum_of_uses(const struct probe_place *place, int kind, int32_t samples, bool nce)
{
    const struct clseq_model_config shared = config_of(kind), apart = config_of(0);
    struct probe_pairs pairs;
    struct probe p, q;
    double *got, *again, *uses, *expected, loss[2];
    clseq_candidates c;

    make_pairs(&pairs, 3);
    open_candidates(&c, place, samples);
    probe_open_sampled(&p, place->ctx, place->be, &shared, 0.5, samples);
    probe_open_sampled(&q, place->ctx, place->be, &apart, 0.5, samples);
    p.model->nce = q.model->nce = nce;
    assert_true(p.weights < q.weights);
    unshare(&p, &q);
    loss[0] = loss_bwd(&p, &c, &pairs);
    got = probe_gradients(&p);
    loss[1] = loss_bwd(&q, &c, &pairs);
    probe_close("loss", &loss[0], &loss[1], 1, 1e-6, 0);
    uses = probe_gradients(&q);
    expected = sum_uses(&p, &q, uses);
    probe_close("gradients", got, expected, p.weights, 2e-4, 1e-2);
    (void)loss_bwd(&p, &c, &pairs);
    again = probe_gradients(&p);
    probe_equal("gradients", again, got, p.weights);
    free(got);
    free(again);
    free(uses);
    free(expected);
    clseq_candidates_fini(&c);
    probe_close_model(&p);
    probe_close_model(&q);
}

static void test_sum_of_uses(void **state)
{
    const struct probe_place *place = probe_place(state);

    for (int kind = 1; kind < KINDS; kind++) {
        for (size_t i = 0; i < CLSEQ_ARRAY_SIZE(draws); i++)
            check_sum_of_uses(place, kind, draws[i], false);
        check_sum_of_uses(place, kind, 5, true);
    }
}

/* When every word is drawn the rows of the table are its dense gradient, and an update, which is
 * one of each row, does the same. */
static void test_all_words(void **state)
{
    const struct probe_place *place = probe_place(state);

    for (int kind = 1; kind < KINDS; kind++) {
        const struct clseq_model_config config = config_of(kind);
        double *gradient[2], *after[2], norm[2], loss[2];

        for (int rows = 0; rows < 2; rows++) {
            clseq_optimizer optimizer;
            struct probe_pairs pairs;
            clseq_candidates c;
            struct probe p;

            make_pairs(&pairs, 3);
            open_candidates(&c, place, rows ? V : 0);
            probe_open_sampled(&p, place->ctx, place->be, &config, 0.5, rows ? V : 0);
            ASSERT_OK(p.ctx, clseq_optimizer_init(&optimizer, p.model, CLSEQ_OPTIMIZER_SGD));
            loss[rows] = loss_bwd(&p, &c, &pairs);
            gradient[rows] = probe_gradients(&p);
            norm[rows] = probe_step(&p, &optimizer, 1, 0.1, 0.5);
            after[rows] = probe_weights(&p);
            if (rows == 1) {
                probe_close("loss", &loss[1], &loss[0], 1, 1e-5, 0);
                probe_close("gradients", gradient[1], gradient[0], p.weights, 2e-4, 1e-2);
                probe_close("norm", &norm[1], &norm[0], 1, 1e-5, 0);
                probe_close("weights", after[1], after[0], p.weights, 1e-5, 1e-1);
            }
            clseq_optimizer_fini(&optimizer);
            clseq_candidates_fini(&c);
            probe_close_model(&p);
        }
        for (int i = 0; i < 2; i++) {
            free(gradient[i]);
            free(after[i]);
        }
    }
}

/* Two batches of an update are one batch of both; the second group finds what the first left. */
static void check_accumulate(const struct probe_place *place, int kind, int32_t samples)
{
    const struct clseq_seq2seq_limits limits = { .S = PROBE_WORDS,
                                                 .T = PROBE_WORDS,
                                                 .B = PROBE_PAIRS,
                                                 .N = PROBE_WORDS * PROBE_PAIRS,
                                                 .source_unique = V,
                                                 .target_unique = V };
    const struct clseq_model_config config = config_of(kind);
    clseq_accumulator a;
    clseq_candidates c;
    struct probe p;

    open_candidates(&c, place, samples);
    probe_open_sampled(&p, place->ctx, place->be, &config, 0.5, samples);
    ASSERT_OK(p.ctx, clseq_accumulator_init(&a, p.model, &limits, 2));
    for (uint64_t round = 0; round < 2; round++) {
        struct probe_pairs parts[2], all = { .n = 0 };
        double *expected, *got;

        for (uint64_t i = 0; i < 2; i++) {
            make_pairs(&parts[i], 2 * round + i);
            for (size_t k = 0; k < parts[i].n; k++)
                probe_pairs_set(&all, all.n++, &parts[i], k);
        }
        (void)loss_bwd(&p, &c, &all);
        expected = probe_gradients(&p);
        clseq_accumulator_begin(&a);
        for (int i = 0; i < 2; i++) {
            struct clseq_seq2seq_input input = probe_input(&p, &parts[i]);

            ASSERT_OK(p.ctx, clseq_candidates_add(&c, 3, &input));
            ASSERT_OK(p.ctx, clseq_accumulator_add(&a, &input,
                                                   clseq_tensor_1d(p.record, 0, p.model->real, 1)));
        }
        ASSERT_OK(p.ctx, clseq_accumulator_end(&a));
        got = probe_gradients(&p);
        probe_close("gradients", got, expected, p.weights, 2e-4, 1e-2);
        free(got);
        free(expected);
    }
    clseq_accumulator_fini(&a);
    clseq_candidates_fini(&c);
    probe_close_model(&p);
}

static void test_accumulate(void **state)
{
    const struct probe_place *place = probe_place(state);

    for (int kind = 1; kind < KINDS; kind++) {
        check_accumulate(place, kind, 0);
        check_accumulate(place, kind, 5);
    }
}

/* Rows of words that are in no use of a batch keep their weights. */
static void test_only_used_rows_change(void **state)
{
    const struct probe_place *place = probe_place(state);
    const struct clseq_model_config config = config_of(TIED | SHARED);
    const size_t E = (size_t)config.embedding;
    double *before, *after;
    bool part[V] = { false };
    struct clseq_seq2seq_input input;
    clseq_optimizer optimizer;
    struct probe_pairs pairs;
    clseq_candidates c;
    struct probe p;
    size_t table;
    int changed = 0;

    make_pairs(&pairs, 3);
    open_candidates(&c, place, 3);
    probe_open_sampled(&p, place->ctx, place->be, &config, 0.5, 3);
    ASSERT_OK(p.ctx, clseq_optimizer_init(&optimizer, p.model, CLSEQ_OPTIMIZER_ADAM));
    before = probe_weights(&p);
    (void)loss_bwd(&p, &c, &pairs);
    input = probe_input(&p, &pairs);
    for (int32_t i = 0; i < input.source_tokens.unique_count; i++)
        part[input.source_tokens.unique[i]] = true;
    for (int32_t i = 0; i < input.target_tokens.unique_count; i++)
        part[input.target_tokens.unique[i]] = true;
    for (int32_t i = 0; i < c.input.count; i++)
        part[c.input.words[i]] = true;
    (void)probe_step(&p, &optimizer, 1, 0.01, 0.3);
    after = probe_weights(&p);
    table = probe_param_offset(&p, (size_t)p.model->decoder.output.weight);
    for (size_t w = 0; w < V; w++) {
        const bool same =
            memcmp(before + table + w * E, after + table + w * E, E * sizeof(*before)) == 0;

        assert_int_equal(same, !part[w]);
        changed += !same;
    }
    assert_in_range(changed, 4, V - 1);
    free(before);
    free(after);
    clseq_optimizer_fini(&optimizer);
    clseq_candidates_fini(&c);
    probe_close_model(&p);
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

static void check_resume(const struct probe_place *place, int kind, clseq_loss_kind loss)
{
    struct train_case c, whole;
    clseq_status status;
    int sessions = 0;

    train_case_make(&c, TRAIN_REVERSE, 4, 3, 5);
    c.options.model.embedding = c.options.model.hidden;
    c.options.model.tied_output = (kind & TIED) != 0;
    c.options.model.shared_embeddings = (kind & SHARED) != 0;
    c.options.loss = loss;
    c.options.samples = 3;
    c.options.accumulate = kind == SHARED || loss == CLSEQ_LOSS_NCE ? 2 : 1;
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

static void test_resume(void **state)
{
    const struct probe_place *place = probe_place(state);

    for (int kind = 1; kind < KINDS; kind++)
        check_resume(place, kind, CLSEQ_LOSS_SOFTMAX);
    check_resume(place, TIED, CLSEQ_LOSS_SAMPLED);
    check_resume(place, SHARED, CLSEQ_LOSS_SAMPLED);
    check_resume(place, TIED | SHARED, CLSEQ_LOSS_SAMPLED);
    check_resume(place, TIED | SHARED, CLSEQ_LOSS_NCE);
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
        cmocka_unit_test(test_refused),
    };
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sum_of_uses), cmocka_unit_test(test_all_words),
        cmocka_unit_test(test_accumulate),  cmocka_unit_test(test_only_used_rows_change),
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
