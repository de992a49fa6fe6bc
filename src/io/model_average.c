/* SPDX-License-Identifier: BSD-2-Clause */
/* The mean of several models, weight by weight. */
#include "io/model_file.h"

#include <clseq/average.h>
#include <clseq/backend.h>

#include <stdlib.h>

#define STAGE_FLOATS ((size_t)1 << 18)

struct input {
    clseq_safetensors *file;
    clseq_model_meta meta;
};

/* The same configuration and the same vocabularies. */
static clseq_status check_alike(clseq_context *ctx, const struct input *first,
                                const struct input *other)
{
    json_t *a = NULL, *b = NULL;
    clseq_status status;

    CLSEQ_TRY(clseq_model_meta_to_json(ctx, &first->meta, &a));
    status = clseq_model_meta_to_json(ctx, &other->meta, &b);
    if (status == CLSEQ_OK && !json_equal(a, b))
        status =
            clseq_fail(ctx, CLSEQ_ERR_FORMAT,
                       "%s: not a model like %s: the mean is of models of one configuration "
                       "with the same vocabularies, as the checkpoints of one run are",
                       clseq_safetensors_path(other->file), clseq_safetensors_path(first->file));
    json_decref(a);
    json_decref(b);
    return status;
}

static clseq_status open_inputs(clseq_context *ctx, const char *const *paths, size_t n,
                                struct input *inputs)
{
    for (size_t i = 0; i < n; i++) {
        CLSEQ_TRY(clseq_model_open(ctx, paths[i], NULL, &inputs[i].file, &inputs[i].meta));
        if (i > 0)
            CLSEQ_TRY(check_alike(ctx, &inputs[0], &inputs[i]));
    }
    return CLSEQ_OK;
}

/* Elements [first, first + count) of a parameter: sums in double, in the order of the files. */
static clseq_status average_piece(struct input *inputs, size_t n, const char *name, size_t first,
                                  size_t count, double *sum, float *stage)
{
    for (size_t i = 0; i < count; i++)
        sum[i] = 0;
    for (size_t k = 0; k < n; k++) {
        CLSEQ_TRY(clseq_safetensors_read_f32(inputs[k].file,
                                             clseq_safetensors_find(inputs[k].file, name), first,
                                             count, CLSEQ_SAFETENSORS_FINITE_ONLY, stage));
        for (size_t i = 0; i < count; i++)
            sum[i] += (double)stage[i];
    }
    for (size_t i = 0; i < count; i++)
        stage[i] = (float)(sum[i] / (double)n);
    return CLSEQ_OK;
}

static clseq_status average_weights(struct input *inputs, size_t n, clseq_seq2seq *model)
{
    double *sum = NULL;
    float *stage = NULL;
    clseq_status status;

    CLSEQ_TRY(clseq_calloc(model->ctx, STAGE_FLOATS, sizeof(*sum), "mean of models", &sum));
    CLSEQ_TRY_GOTO(
        status, out,
        clseq_calloc(model->ctx, STAGE_FLOATS, sizeof(*stage), "mean of models", &stage));
    for (size_t p = 0; p < model->store.count; p++) {
        const clseq_tensor w =
            clseq_param_tensor(&model->store, &model->weights, (int)p, model->real);
        const size_t total = clseq_tensor_count(&w);

        for (size_t first = 0; first < total; first += STAGE_FLOATS) {
            const size_t left = total - first, count = left < STAGE_FLOATS ? left : STAGE_FLOATS;
            const clseq_tensor piece =
                clseq_tensor_1d(w.buffer, w.offset + first, model->real, (int32_t)count);

            CLSEQ_TRY_GOTO(
                status, out,
                average_piece(inputs, n, model->store.params[p].name, first, count, sum, stage));
            CLSEQ_TRY_GOTO(status, out, clseq_tensor_write_f32(model->be, &piece, stage));
        }
    }
out:
    free(sum);
    free(stage);
    return status;
}

static clseq_status average(clseq_context *ctx, struct input *inputs, size_t n, const char *path)
{
    struct clseq_backend_options options;
    clseq_backend *be = NULL;
    clseq_seq2seq *model = NULL;
    clseq_status status;

    clseq_backend_options_init(&options);
    options.name = "reference";
    CLSEQ_TRY(clseq_backend_open(ctx, &options, &be));
    CLSEQ_TRY_GOTO(status, out, clseq_seq2seq_create(be, &inputs[0].meta.config, &model));
    CLSEQ_TRY_GOTO(status, out, average_weights(inputs, n, model));
    status = clseq_model_save(model, &inputs[0].meta, path, NULL);
out:
    clseq_seq2seq_destroy(&model);
    clseq_backend_close(&be);
    return status;
}

clseq_status clseq_average_models(clseq_context *ctx, const char *const *paths, size_t n,
                                  const char *path)
{
    struct input *inputs = NULL;
    clseq_status status;

    if (n == 0)
        return clseq_fail(ctx, CLSEQ_ERR_ARG, "the mean of models: none is given");
    CLSEQ_TRY(clseq_calloc(ctx, n, sizeof(*inputs), "mean of models", &inputs));
    status = open_inputs(ctx, paths, n, inputs);
    if (status == CLSEQ_OK)
        status = average(ctx, inputs, n, path);
    for (size_t i = 0; i < n; i++) {
        clseq_safetensors_close(&inputs[i].file);
        clseq_model_meta_fini(&inputs[i].meta);
    }
    free(inputs);
    return status;
}
