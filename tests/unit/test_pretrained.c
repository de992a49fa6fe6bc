/* SPDX-License-Identifier: BSD-2-Clause */
/* Embeddings that begin with the vectors of a file: which words get which, that they stay where
 * they are frozen, and that a run goes on with them. */
#include "model_probe.h"
#include "train_case.h"

#include "io/model_file.h"
#include "train/pretrained.h"

#include <math.h>

#define E 5

static const float a_vector[E] = { 1, 2, 3, 4, 5 }, c_vector[E] = { -1, 0.5f, 0, 0.25f, 2 };
static const char vectors_text[] = "a 1 2 3 4 5\nzebra 9 9 9 9 9\nc -1 0.5 0 0.25 2\n";

/* ---- which words ---- */

static void test_words(void **state)
{
    static const char *const tokens[] = { "<pad>",
                                          "<unk>",
                                          "<s>",
                                          "</s>",
                                          "a",
                                          "B",
                                          "A",
                                          "\303\204a",
                                          "c" };
    static const char text[] = "a 1 0\nb 2 0\n</s> 3 0\n\303\244a 4 0\nB 5 0\n";
    static const float expected[] = { 0, 0, 0, 0, 1, 5, 1, 4, 0 }; /* 0: none */
    const struct probe_place *place = probe_place(state);
    clseq_vocab *vocab = NULL;
    clseq_pretrained p = { 0 };
    struct train_case c;
    char path[600];

    train_case_make(&c, TRAIN_COPY, 4, 2, 5);
    snprintf(path, sizeof(path), "%s/vectors.txt", c.folder);
    train_write(path, text, sizeof(text) - 1);
    ASSERT_OK(place->ctx, clseq_vocab_create_from_tokens(place->ctx, (clseq_text_options) { 0 },
                                                         tokens, CLSEQ_ARRAY_SIZE(tokens), &vocab));
    ASSERT_OK(place->ctx, clseq_pretrained_read(&p, place->ctx, path, vocab, 2));
    for (size_t i = 0; i < CLSEQ_ARRAY_SIZE(expected); i++) {
        const float *row = p.row[i] != SIZE_MAX ? clseq_vectors_row(p.vectors, p.row[i]) : NULL;

        if ((row ? row[0] : 0) != expected[i])
            fail_msg("%s has %g", tokens[i], row ? (double)row[0] : 0.0);
    }
    assert_int_equal(p.covered, 4);
    assert_int_equal(p.lowered, 2);
    assert_true(isnan(p.token_share));
    clseq_pretrained_fini(&p);
    ASSERT_FAILS(place->ctx, CLSEQ_ERR_ARG, "give --emb 2",
                 clseq_pretrained_read(&p, place->ctx, path, vocab, 3));
    clseq_pretrained_fini(&p);
    train_write(path, "x 1 2\n", 6);
    ASSERT_FAILS(place->ctx, CLSEQ_ERR_DATA, "none of the vocabulary's 5 words",
                 clseq_pretrained_read(&p, place->ctx, path, vocab, 2));
    clseq_pretrained_fini(&p);
    clseq_vocab_destroy(&vocab);
    train_case_remove(&c);
}

/* ---- training ---- */

struct table {
    float row[8][E];
    int32_t a, b, c;
};

/* The table of a side in a model file. */
static void read_table(const struct probe_place *place, const char *path, int side,
                       struct table *ret)
{
    clseq_model_meta meta = { 0 };
    clseq_safetensors *file = NULL;
    const clseq_safetensors_info *info;
    const clseq_vocab *vocab;

    ASSERT_OK(place->ctx, clseq_model_open(place->ctx, path, NULL, &file, &meta));
    vocab = side ? meta.target_vocab : meta.source_vocab;
    assert_int_equal(clseq_vocab_size(vocab), 8);
    info = clseq_safetensors_find(file,
                                  side ? "decoder.embedding.weight" : "encoder.embedding.weight");
    assert_non_null(info);
    ASSERT_OK(place->ctx, clseq_safetensors_read_f32(file, info, 0, 8 * E,
                                                     CLSEQ_SAFETENSORS_FINITE_ONLY, ret->row[0]));
    ret->a = clseq_vocab_find(vocab, "a", 1);
    ret->b = clseq_vocab_find(vocab, "b", 1);
    ret->c = clseq_vocab_find(vocab, "c", 1);
    clseq_model_meta_fini(&meta);
    clseq_safetensors_close(&file);
}

static bool is_row(const float *row, const float *expected)
{
    return memcmp(row, expected, E * sizeof(*row)) == 0;
}

/* Train so many updates in a run folder of this name. */
static clseq_status train_to(const struct probe_place *place, struct train_case *c,
                             const char *name, uint64_t updates)
{
    train_case_set_run(c, name);
    c->options.after = (struct clseq_when) { .updates = updates };
    return train_run(place, c, -1, NULL);
}

static void make_case(struct train_case *c, char *path, size_t size)
{
    train_case_make(c, TRAIN_REVERSE, 4, 3, 5);
    snprintf(path, size, "%s/vectors.txt", c->folder);
    train_write(path, vectors_text, sizeof(vectors_text) - 1);
    c->options.model.embedding = E;
    c->options.valid_every.updates = 4;
}

static void test_frozen(void **state)
{
    const struct probe_place *place = probe_place(state);
    struct table first, last;
    struct train_case c;
    char path[600];

    make_case(&c, path, sizeof(path));
    for (int side = 0; side < 2; side++) {
        c.options.source_vectors = side == 0 ? path : NULL;
        c.options.target_vectors = side == 1 ? path : NULL;
        c.options.weight_decay = 0.01; /* what is frozen does not decay either */
        c.options.freeze_vectors = true;
        ASSERT_OK(place->ctx, train_to(place, &c, side ? "frozen1" : "frozen0", 3));
        read_table(place, train_case_file(&c, "last.safetensors"), side, &first);
        ASSERT_OK(place->ctx, train_to(place, &c, side ? "frozen1" : "frozen0", 12));
        read_table(place, train_case_file(&c, "last.safetensors"), side, &last);
        assert_true(is_row(last.row[last.a], a_vector));
        assert_true(is_row(last.row[last.c], c_vector));
        assert_false(is_row(last.row[last.b], first.row[first.b]));
        /* The other side has nothing of it. */
        read_table(place, train_case_file(&c, "last.safetensors"), !side, &last);
        assert_false(is_row(last.row[last.a], a_vector));
        c.options.freeze_vectors = false;
        ASSERT_OK(place->ctx, train_to(place, &c, side ? "free1" : "free0", 12));
        read_table(place, train_case_file(&c, "last.safetensors"), side, &last);
        assert_false(is_row(last.row[last.a], a_vector));
        for (int k = 0; k < E; k++)
            assert_true(fabsf(last.row[last.a][k] - a_vector[k]) < 0.5f); /* but began there */
    }
    train_case_remove(&c);
}

/* Frozen for 6 updates, and stopped around that. */
static void test_resume(void **state)
{
    static const long stops[] = { 3, 6, 9 };
    const struct probe_place *place = probe_place(state);
    struct train_case c, whole;
    struct table table;
    char path[600], other[600];

    make_case(&c, path, sizeof(path));
    c.options.source_vectors = c.options.target_vectors = path;
    c.options.freeze_vectors = true;
    c.options.unfreeze_vectors.updates = 6;
    c.options.accumulate = 2;
    ASSERT_OK(place->ctx, train_to(place, &c, "whole", 12));
    whole = c;
    for (size_t i = 0; i < CLSEQ_ARRAY_SIZE(stops); i++) {
        struct clseq_train_result result;
        char name[32];

        snprintf(name, sizeof(name), "stop%zu", i);
        train_case_set_run(&c, name);
        ASSERT_FAILS(place->ctx, CLSEQ_ERR_INTERRUPTED, "again to go on",
                     train_run(place, &c, stops[i], &result));
        read_table(place, train_case_file(&c, "last.safetensors"), 0, &table);
        assert_int_equal(is_row(table.row[table.a], a_vector), result.updates <= 6);
        ASSERT_OK(place->ctx, train_run(place, &c, -1, NULL));
        train_same_run(place, &c, &whole);
    }
    /* What is frozen is known from the file: it must be the same one. */
    train_case_set_run(&c, "other");
    ASSERT_FAILS(place->ctx, CLSEQ_ERR_INTERRUPTED, "again to go on",
                 train_run(place, &c, 3, NULL));
    snprintf(other, sizeof(other), "%s/other.txt", c.folder);
    train_write(other, "a 1 2 3 4 5\n", 12);
    c.options.source_vectors = other;
    ASSERT_FAILS(place->ctx, CLSEQ_ERR_ARG, "not the vectors this run was started with",
                 train_run(place, &c, -1, NULL));
    c.options.source_vectors = NULL;
    ASSERT_FAILS(place->ctx, CLSEQ_ERR_ARG, "source-vectors was true",
                 train_run(place, &c, -1, NULL));
    c.options.source_vectors = path;
    ASSERT_OK(place->ctx, train_run(place, &c, -1, NULL));
    train_same_run(place, &c, &whole);
    train_case_remove(&c);
}

static void test_refused(void **state)
{
    const struct probe_place *place = probe_place(state);
    struct train_case c;
    char path[600];

    make_case(&c, path, sizeof(path));
    c.options.freeze_vectors = true;
    ASSERT_FAILS(place->ctx, CLSEQ_ERR_ARG, "there are none", train_run(place, &c, -1, NULL));
    c.options.source_vectors = path;
    c.options.unfreeze_vectors.seconds = 5;
    ASSERT_FAILS(place->ctx, CLSEQ_ERR_ARG, "depends on the machine",
                 train_run(place, &c, -1, NULL));
    c.options.unfreeze_vectors = (struct clseq_when) { .epochs = 1 };
    c.options.freeze_vectors = false;
    ASSERT_FAILS(place->ctx, CLSEQ_ERR_ARG, "give --freeze-vectors",
                 train_run(place, &c, -1, NULL));
    c.options.unfreeze_vectors = (struct clseq_when) { 0 };
    c.options.model.embedding = E + 1;
    ASSERT_FAILS(place->ctx, CLSEQ_ERR_ARG, "give --emb 5", train_run(place, &c, -1, NULL));
    train_case_remove(&c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_words),
        cmocka_unit_test(test_frozen),
        cmocka_unit_test(test_resume),
        cmocka_unit_test(test_refused),
    };
    int failed = 0;

    failed += cmocka_run_group_tests_name("pretrained: reference", tests, probe_setup_reference,
                                          probe_teardown);
    failed += cmocka_run_group_tests_name("pretrained: opencl, cpu kernels", tests,
                                          probe_setup_opencl_cpu, probe_teardown);
    return failed != 0;
}
