/* SPDX-License-Identifier: BSD-2-Clause */
/* Model files with weights in bf16 and back: what changes, what is kept, what is refused. */
#include "model_probe.h"
#include "train_case.h"

#include "io/model_file.h"
#include "io/safetensors_format.h"

#include <clseq/convert.h>
#include <clseq/inspect.h>

#include <fcntl.h>
#include <unistd.h>

/* A run of two updates with everything beside the weights, and paths in its folder. */
struct made {
    const struct probe_place *place;
    clseq_context *ctx;
    struct train_case c;
    char best[600], last[600], small[600], other[600];
};

static void make_run(struct made *m, void **state)
{
    m->place = probe_place(state);
    m->ctx = m->place->ctx;
    train_case_make(&m->c, TRAIN_REVERSE, 4, 2, 5);
    m->c.options.model.attention = CLSEQ_ATTENTION_GENERAL;
    m->c.options.model.bidirectional = true;
    m->c.options.after.updates = 2;
    m->c.options.ema = 0.9;
    ASSERT_OK(m->ctx, train_run(m->place, &m->c, -1, NULL));
    snprintf(m->best, sizeof(m->best), "%s", train_case_file(&m->c, "best.safetensors"));
    snprintf(m->last, sizeof(m->last), "%s", train_case_file(&m->c, "last.safetensors"));
    snprintf(m->small, sizeof(m->small), "%s", train_case_file(&m->c, "small.safetensors"));
    snprintf(m->other, sizeof(m->other), "%s", train_case_file(&m->c, "other.safetensors"));
}

static void expect_same_bytes(const char *path, const char *expected)
{
    size_t n, m;
    char *a = train_read(path, &n), *b = train_read(expected, &m);

    assert_non_null(a);
    assert_non_null(b);
    assert_int_equal(n, m);
    assert_memory_equal(a, b, n);
    free(a);
    free(b);
}

static void expect_absent(const char *path)
{
    assert_int_not_equal(access(path, F_OK), 0);
}

/* All numbers of a tensor; release with free(). */
static float *numbers(clseq_context *ctx, clseq_safetensors *file,
                      const clseq_safetensors_info *info)
{
    float *values = malloc(info->count * sizeof(*values));

    assert_non_null(values);
    ASSERT_OK(ctx, clseq_safetensors_read_f32(file, info, 0, info->count,
                                              CLSEQ_SAFETENSORS_FINITE_ONLY, values));
    return values;
}

/* `path` holds the weights of `original`, all of this type, and nothing else. Rounded when
 * `rounded`; then the number of weights that this changed, which is most of them. */
static void expect_weights(clseq_context *ctx, const char *path, const char *original,
                           clseq_safetensors_dtype dtype, bool rounded)
{
    clseq_safetensors *a = NULL, *b = NULL;
    size_t changed = 0, all = 0, tensors = 0;

    ASSERT_OK(ctx, clseq_safetensors_open(ctx, path, &a));
    ASSERT_OK(ctx, clseq_safetensors_open(ctx, original, &b));
    assert_true(clseq_safetensors_has_checksums(a));
    for (size_t i = 0; i < clseq_safetensors_count(b); i++)
        tensors += !clseq_model_is_beside(clseq_safetensors_at(b, i)->name);
    assert_int_equal(clseq_safetensors_count(a), tensors);
    for (size_t i = 0; i < tensors; i++) {
        const clseq_safetensors_info *x = clseq_safetensors_at(a, i),
                                     *y = clseq_safetensors_find(b, x->name);
        float *got, *before;

        assert_int_equal(x->dtype, dtype);
        assert_non_null(y);
        assert_int_equal(x->rank, y->rank);
        assert_memory_equal(x->shape, y->shape, sizeof(x->shape));
        got = numbers(ctx, a, x);
        before = numbers(ctx, b, y);
        for (size_t k = 0; k < x->count; k++) {
            const uint32_t upper = (uint32_t)clseq_safetensors_to_bf16(before[k]) << 16;
            float expected = before[k];

            if (rounded)
                memcpy(&expected, &upper, sizeof(expected));
            assert_memory_equal(&got[k], &expected, sizeof(expected));
            changed += got[k] != before[k];
        }
        all += x->count;
        free(got);
        free(before);
    }
    assert_true(rounded ? changed > all / 2 : changed == 0);
    assert_string_equal(clseq_safetensors_metadata(a, CLSEQ_MODEL_KEY),
                        clseq_safetensors_metadata(b, CLSEQ_MODEL_KEY));
    assert_null(clseq_safetensors_metadata(a, CLSEQ_CHECKPOINT_KEY));
    clseq_safetensors_close(&a);
    clseq_safetensors_close(&b);
}

/* What clseq_inspect() says; release with json_decref(). */
static json_t *inspected(clseq_context *ctx, const char *path)
{
    char *text = NULL;
    json_t *json;

    ASSERT_OK(ctx, clseq_inspect(ctx, path, true, &text));
    json = json_loads(text, 0, NULL);
    assert_non_null(json);
    free(text);
    return json;
}

static void expect_inspected(clseq_context *ctx, const char *path, const char *kind,
                             const char *stored_as)
{
    json_t *json = inspected(ctx, path);
    size_t size;
    char *data = train_read(path, &size);

    assert_string_equal(json_string_value(json_object_get(json, "kind")), kind);
    assert_string_equal(json_string_value(json_object_get(json, "stored_as")), stored_as);
    assert_int_equal(json_integer_value(json_object_get(json, "file_bytes")), size);
    free(data);
    json_decref(json);
}

static double *loaded_weights(const struct made *m, const char *path, size_t *n)
{
    struct probe p = { .ctx = m->ctx, .be = m->place->be };
    clseq_model_meta meta;
    double *weights;

    ASSERT_OK(m->ctx, clseq_model_load(p.be, path, NULL, &meta, &p.model));
    *n = p.weights = (size_t)clseq_param_total(&p.model->store);
    weights = probe_weights(&p);
    clseq_model_meta_fini(&meta);
    clseq_seq2seq_destroy(&p.model);
    return weights;
}

static void there_and_back(void **state)
{
    struct made m;
    double *x, *y;
    size_t n, k;

    make_run(&m, state);
    expect_inspected(m.ctx, m.best, "model", "F32");
    ASSERT_OK(m.ctx, clseq_convert_model(m.ctx, m.best, NULL, CLSEQ_WEIGHTS_BF16, m.small));
    expect_weights(m.ctx, m.small, m.best, CLSEQ_SAFETENSORS_BF16, true);
    expect_inspected(m.ctx, m.small, "model", "BF16");
    ASSERT_OK(m.ctx, clseq_convert_model(m.ctx, m.small, NULL, CLSEQ_WEIGHTS_FP32, m.other));
    expect_weights(m.ctx, m.other, m.best, CLSEQ_SAFETENSORS_F32, true);
    expect_weights(m.ctx, m.other, m.small, CLSEQ_SAFETENSORS_F32, false);
    x = loaded_weights(&m, m.small, &n);
    y = loaded_weights(&m, m.other, &k);
    assert_int_equal(n, k);
    probe_equal("weights", x, y, n);
    free(x);
    free(y);
    /* What is rounded already stays to the byte, and fp32 in fp32 is a copy. */
    train_write(m.last, "x", 1);
    ASSERT_OK(m.ctx, clseq_convert_model(m.ctx, m.other, NULL, CLSEQ_WEIGHTS_BF16, m.last));
    expect_same_bytes(m.last, m.small);
    ASSERT_OK(m.ctx, clseq_convert_model(m.ctx, m.small, NULL, CLSEQ_WEIGHTS_BF16, m.last));
    expect_same_bytes(m.last, m.small);
    ASSERT_OK(m.ctx, clseq_convert_model(m.ctx, m.best, NULL, CLSEQ_WEIGHTS_FP32, m.last));
    expect_same_bytes(m.last, m.best);
    train_case_remove(&m.c);
}

/* Of a checkpoint the weights, not their average; and a training does not go on from them. */
static void checkpoints(void **state)
{
    struct made m;

    make_run(&m, state);
    expect_inspected(m.ctx, m.last, "checkpoint", "F32");
    ASSERT_OK(m.ctx, clseq_convert_model(m.ctx, m.last, NULL, CLSEQ_WEIGHTS_FP32, m.other));
    expect_weights(m.ctx, m.other, m.last, CLSEQ_SAFETENSORS_F32, false);
    expect_inspected(m.ctx, m.other, "model", "F32");
    assert_true(train_other_tensors(m.ctx, m.other, m.best));
    ASSERT_OK(m.ctx, clseq_convert_model(m.ctx, m.last, NULL, CLSEQ_WEIGHTS_BF16, m.small));
    expect_weights(m.ctx, m.small, m.last, CLSEQ_SAFETENSORS_BF16, true);
    assert_int_equal(rename(m.small, m.last), 0);
    m.c.options.after.updates = 4;
    ASSERT_FAILS(m.ctx, CLSEQ_ERR_FORMAT, "a model without training state, not a checkpoint",
                 train_run(m.place, &m.c, -1, NULL));
    train_case_remove(&m.c);
}

/* The model as another program would save it: F64 and F16, other metadata, no configuration and no
 * checksums; the configuration goes to a file. */
static void write_foreign(const struct made *m, const char *path, const char *config_path)
{
    clseq_safetensors *file = NULL;
    clseq_safetensors_writer *w = NULL;
    const char *config;

    ASSERT_OK(m->ctx, clseq_safetensors_open(m->ctx, m->best, &file));
    ASSERT_OK(m->ctx, clseq_safetensors_writer_create(m->ctx, &w));
    for (size_t i = 0; i < clseq_safetensors_count(file); i++) {
        const clseq_safetensors_info *t = clseq_safetensors_at(file, i);

        ASSERT_OK(m->ctx, clseq_safetensors_writer_tensor(
                              w, t->name, i % 2 ? CLSEQ_SAFETENSORS_F64 : CLSEQ_SAFETENSORS_F16,
                              t->rank, t->shape));
    }
    ASSERT_OK(m->ctx, clseq_safetensors_writer_metadata(w, "format", "pt"));
    ASSERT_OK(m->ctx, clseq_safetensors_writer_metadata(w, "note", "caf\xc3\xa9"));
    ASSERT_OK(m->ctx, clseq_safetensors_writer_begin(w, path));
    for (size_t i = 0; i < clseq_safetensors_count(file); i++) {
        for (size_t k = 0; k < clseq_safetensors_at(file, i)->count; k++) {
            const double d = 1.0 + (double)k * 0x1p-9; /* a tie of bf16 for k = 2, 6, ... */
            const uint16_t h = (uint16_t)(0x3c00 + k % 1024);

            ASSERT_OK(m->ctx, i % 2 ? clseq_safetensors_writer_write(w, &d, sizeof(d))
                                    : clseq_safetensors_writer_write(w, &h, sizeof(h)));
        }
    }
    ASSERT_OK(m->ctx, clseq_safetensors_writer_commit(w));
    clseq_safetensors_writer_destroy(&w);
    config = clseq_safetensors_metadata(file, CLSEQ_MODEL_KEY);
    train_write(config_path, config, strlen(config));
    clseq_safetensors_close(&file);
}

static void files_of_other_programs(void **state)
{
    clseq_safetensors *file = NULL, *best = NULL;
    clseq_model_meta meta;
    struct made m;

    make_run(&m, state);
    write_foreign(&m, m.other, m.last);
    expect_inspected(m.ctx, m.other, "safetensors", "mixed");
    ASSERT_FAILS(m.ctx, CLSEQ_ERR_FORMAT, "no clseq configuration inside",
                 clseq_convert_model(m.ctx, m.other, NULL, CLSEQ_WEIGHTS_BF16, m.small));
    expect_absent(m.small);
    ASSERT_OK(m.ctx, clseq_convert_model(m.ctx, m.other, m.last, CLSEQ_WEIGHTS_BF16, m.small));
    expect_inspected(m.ctx, m.small, "model", "BF16");
    ASSERT_OK(m.ctx, clseq_model_open(m.ctx, m.small, NULL, &file, &meta));
    ASSERT_OK(m.ctx, clseq_safetensors_open(m.ctx, m.best, &best));
    assert_string_equal(clseq_safetensors_metadata(file, "format"), "pt");
    assert_string_equal(clseq_safetensors_metadata(file, "note"), "caf\xc3\xa9");
    assert_string_equal(clseq_safetensors_metadata(file, CLSEQ_MODEL_KEY),
                        clseq_safetensors_metadata(best, CLSEQ_MODEL_KEY));
    for (size_t i = 0; i < clseq_safetensors_count(file); i++) {
        const clseq_safetensors_info *t = clseq_safetensors_at(file, i);
        float *values = numbers(m.ctx, file, t);

        /* 1 + 1/256 lies half way between 1 and the next bf16 number, 1 + 1/128. */
        assert_true(t->count > 6 && values[0] == 1.0f);
        assert_true(i % 2 ? values[2] == 1.0f && values[3] == 1.0078125f && values[6] == 1.015625f
                          : values[4] == 1.0f && values[5] == 1.0078125f);
        free(values);
    }
    clseq_model_meta_fini(&meta);
    clseq_safetensors_close(&file);
    clseq_safetensors_close(&best);
    train_case_remove(&m.c);
}

/* `small` is the answer to everything that is refused: it stays what it was. */
static void refusals(void **state)
{
    struct made m;
    char link_path[600], deep[700];
    size_t size;
    char *data;

    make_run(&m, state);
    snprintf(link_path, sizeof(link_path), "%s", train_case_file(&m.c, "link"));
    snprintf(deep, sizeof(deep), "%s/deep/x.safetensors", m.c.folder);
    ASSERT_FAILS(m.ctx, CLSEQ_ERR_ARG, "choose another name",
                 clseq_convert_model(m.ctx, m.best, NULL, CLSEQ_WEIGHTS_BF16, m.best));
    assert_int_equal(symlink("best.safetensors", link_path), 0);
    ASSERT_FAILS(m.ctx, CLSEQ_ERR_ARG, "is the file to read",
                 clseq_convert_model(m.ctx, m.best, NULL, CLSEQ_WEIGHTS_BF16, link_path));
    ASSERT_FAILS(m.ctx, CLSEQ_ERR_ARG, "is the file to read",
                 clseq_convert_model(m.ctx, link_path, NULL, CLSEQ_WEIGHTS_BF16, m.best));
    unlink(link_path);
    assert_int_equal(link(m.best, link_path), 0);
    ASSERT_FAILS(m.ctx, CLSEQ_ERR_ARG, "is the file to read",
                 clseq_convert_model(m.ctx, m.best, NULL, CLSEQ_WEIGHTS_BF16, link_path));
    unlink(link_path);
    ASSERT_FAILS(m.ctx, CLSEQ_ERR_ARG, "7 is no type of weights",
                 clseq_convert_model(m.ctx, m.best, NULL, (clseq_weights_type)7, m.small));
    ASSERT_FAILS(m.ctx, CLSEQ_ERR_IO, "link: cannot open",
                 clseq_convert_model(m.ctx, link_path, NULL, CLSEQ_WEIGHTS_BF16, m.small));
    ASSERT_FAILS(m.ctx, CLSEQ_ERR_IO, "deep",
                 clseq_convert_model(m.ctx, m.best, NULL, CLSEQ_WEIGHTS_BF16, deep));
    ASSERT_FAILS(m.ctx, CLSEQ_ERR_FORMAT, m.c.source,
                 clseq_convert_model(m.ctx, m.c.source, NULL, CLSEQ_WEIGHTS_BF16, m.small));
    expect_absent(m.small);
    /* Damage in the last tensor shows when most is written. */
    ASSERT_OK(m.ctx, clseq_convert_model(m.ctx, m.best, NULL, CLSEQ_WEIGHTS_BF16, m.small));
    data = train_read(m.best, &size);
    data[size - 3] ^= 1;
    train_write(m.other, data, size);
    ASSERT_FAILS(m.ctx, CLSEQ_ERR_FORMAT, "its data has checksum",
                 clseq_convert_model(m.ctx, m.other, NULL, CLSEQ_WEIGHTS_BF16, m.small));
    train_write(m.other, data, size - 1);
    ASSERT_FAILS(m.ctx, CLSEQ_ERR_FORMAT, "cut short",
                 clseq_convert_model(m.ctx, m.other, NULL, CLSEQ_WEIGHTS_BF16, m.small));
    free(data);
    ASSERT_OK(m.ctx, clseq_convert_model(m.ctx, m.best, NULL, CLSEQ_WEIGHTS_BF16, m.other));
    expect_same_bytes(m.small, m.other);
    train_case_remove(&m.c);
}

/* A finite weight that bf16 does not have: refused with its name, but good in fp32. */
static void a_weight_too_large(void **state)
{
    struct made m;
    clseq_model_meta meta;
    clseq_seq2seq *model = NULL;
    struct probe p;
    double *weights;

    make_run(&m, state);
    ASSERT_OK(m.ctx, clseq_model_load(m.place->be, m.best, NULL, &meta, &model));
    p = (struct probe) { .ctx = m.ctx, .be = m.place->be, .model = model };
    p.weights = (size_t)clseq_param_total(&model->store);
    weights = probe_weights(&p);
    weights[p.weights - 1] = (double)-3.4e38f;
    probe_set_weights(&p, weights);
    ASSERT_OK(m.ctx, clseq_model_save(model, &meta, m.other, NULL));
    ASSERT_FAILS(m.ctx, CLSEQ_ERR_FORMAT,
                 "of tensor \"output.bias\" is -3.4e+38 and the largest bf16 number",
                 clseq_convert_model(m.ctx, m.other, NULL, CLSEQ_WEIGHTS_BF16, m.small));
    expect_absent(m.small);
    ASSERT_OK(m.ctx, clseq_convert_model(m.ctx, m.other, NULL, CLSEQ_WEIGHTS_FP32, m.small));
    expect_same_bytes(m.small, m.other);
    free(weights);
    clseq_seq2seq_destroy(&model);
    clseq_model_meta_fini(&meta);
    train_case_remove(&m.c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(there_and_back),          cmocka_unit_test(checkpoints),
        cmocka_unit_test(files_of_other_programs), cmocka_unit_test(refusals),
        cmocka_unit_test(a_weight_too_large),
    };

    return cmocka_run_group_tests_name("convert", tests, probe_setup_reference, probe_teardown);
}
