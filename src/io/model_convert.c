/* SPDX-License-Identifier: BSD-2-Clause */
/* Model files with weights in another type, from file to file: no model is made. */
#include "io/model_file.h"
#include "io/safetensors_format.h"

#include <clseq/convert.h>

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define STAGE_FLOATS ((size_t)1 << 16)

/* By any name: a link to the input is the input. Paths that lead nowhere are for the others. */
static clseq_status refuse_same_file(clseq_context *ctx, const char *path, const char *output)
{
    struct stat in, out;

    if (stat(path, &in) == 0 && stat(output, &out) == 0 && in.st_dev == out.st_dev &&
        in.st_ino == out.st_ino)
        return clseq_fail(ctx, CLSEQ_ERR_ARG,
                          "%s: is the file to read, %s: rounding cannot be undone, so choose "
                          "another name for the new file",
                          output, path);
    return CLSEQ_OK;
}

/* Checksums are the new file's own, and without its optimizer a training cannot go on. */
static bool is_copied(const char *key, bool with_model)
{
    return strncmp(key, CLSEQ_SAFETENSORS_SUM_KEY, strlen(CLSEQ_SAFETENSORS_SUM_KEY)) != 0 &&
           strcmp(key, CLSEQ_CHECKPOINT_KEY) != 0 &&
           (with_model || strcmp(key, CLSEQ_MODEL_KEY) != 0);
}

static clseq_status declare(clseq_context *ctx, const clseq_safetensors *file,
                            const clseq_model_meta *given, clseq_safetensors_dtype dtype,
                            clseq_safetensors_writer *writer)
{
    for (size_t i = 0; i < clseq_safetensors_count(file); i++) {
        const clseq_safetensors_info *t = clseq_safetensors_at(file, i);

        if (!clseq_model_is_beside(t->name))
            CLSEQ_TRY(clseq_safetensors_writer_tensor(writer, t->name, dtype, t->rank, t->shape));
    }
    if (given)
        CLSEQ_TRY(clseq_model_meta_write(ctx, given, writer));
    for (const char *key = clseq_safetensors_next_metadata(file, NULL); key;
         key = clseq_safetensors_next_metadata(file, key)) {
        if (is_copied(key, !given))
            CLSEQ_TRY(clseq_safetensors_writer_metadata(writer, key,
                                                        clseq_safetensors_metadata(file, key)));
    }
    return CLSEQ_OK;
}

static clseq_status copy_weights(clseq_safetensors *file, float *stage,
                                 clseq_safetensors_writer *writer)
{
    for (size_t i = 0; i < clseq_safetensors_count(file); i++) {
        const clseq_safetensors_info *t = clseq_safetensors_at(file, i);

        if (clseq_model_is_beside(t->name))
            continue;
        for (size_t first = 0; first < t->count; first += STAGE_FLOATS) {
            const size_t left = t->count - first, n = left < STAGE_FLOATS ? left : STAGE_FLOATS;

            CLSEQ_TRY(clseq_safetensors_read_f32(file, t, first, n, CLSEQ_SAFETENSORS_FINITE_ONLY,
                                                 stage));
            CLSEQ_TRY(clseq_safetensors_writer_write_f32(writer, stage, n));
        }
    }
    return CLSEQ_OK;
}

static clseq_status convert(clseq_context *ctx, clseq_safetensors *file,
                            const clseq_model_meta *given, clseq_safetensors_dtype dtype,
                            const char *output)
{
    clseq_safetensors_writer *writer = NULL;
    float *stage = NULL;
    clseq_status status;

    CLSEQ_TRY(clseq_calloc(ctx, STAGE_FLOATS, sizeof(*stage), "weights to convert", &stage));
    CLSEQ_TRY_GOTO(status, out, clseq_safetensors_writer_create(ctx, &writer));
    CLSEQ_TRY_GOTO(status, out, declare(ctx, file, given, dtype, writer));
    CLSEQ_TRY_GOTO(status, out, clseq_safetensors_writer_begin(writer, output));
    CLSEQ_TRY_GOTO(status, out, copy_weights(file, stage, writer));
    status = clseq_safetensors_writer_commit(writer);
out:
    clseq_safetensors_writer_destroy(&writer);
    free(stage);
    return status;
}

clseq_status clseq_convert_model(clseq_context *ctx, const char *path, const char *config_path,
                                 clseq_weights_type type, const char *output)
{
    clseq_safetensors *file = NULL;
    clseq_model_meta meta = { 0 };
    clseq_status status;

    if (type != CLSEQ_WEIGHTS_FP32 && type != CLSEQ_WEIGHTS_BF16)
        return clseq_fail(ctx, CLSEQ_ERR_ARG,
                          "%s: %d is no type of weights: use CLSEQ_WEIGHTS_FP32 or "
                          "CLSEQ_WEIGHTS_BF16",
                          output, (int)type);
    CLSEQ_TRY(refuse_same_file(ctx, path, output));
    CLSEQ_TRY(clseq_model_open(ctx, path, config_path, &file, &meta));
    status = convert(ctx, file, config_path ? &meta : NULL,
                     type == CLSEQ_WEIGHTS_BF16 ? CLSEQ_SAFETENSORS_BF16 : CLSEQ_SAFETENSORS_F32,
                     output);
    clseq_model_meta_fini(&meta);
    clseq_safetensors_close(&file);
    return status;
}
