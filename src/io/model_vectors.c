/* SPDX-License-Identifier: BSD-2-Clause */
/* The embeddings of a model as word vectors. */
#include "data/vectors_inside.h"
#include "io/model_file.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A safetensors file begins with the length of its header, which fits six bytes by far, and that
 * with a brace. No text has zeros there, and no binary file of vectors begins with them. */
bool clseq_vectors_is_model(const char *path)
{
    FILE *file = fopen(path, "rb");
    unsigned char head[9] = { 0 };
    const bool ret = file && fread(head, 1, sizeof(head), file) == sizeof(head) && head[8] == '{' &&
                     head[6] == 0 && head[7] == 0;

    if (file)
        fclose(file);
    return ret;
}

static clseq_status read_table(clseq_vectors *v, clseq_safetensors *file,
                               const clseq_model_meta *meta, bool target)
{
    const clseq_vocab *vocab = target ? meta->target_vocab : meta->source_vocab;
    const size_t size = (size_t)meta->config.embedding, words = clseq_vocab_size(vocab);
    const clseq_safetensors_info *info = clseq_safetensors_find(
        file, target ? "decoder.embedding.weight" : "encoder.embedding.weight");

    v->size = size;
    CLSEQ_TRY(clseq_calloc(v->words.ctx, words, size * sizeof(*v->values), "vectors", &v->values));
    if (!info || info->rank != 2 || info->shape[0] != words || info->shape[1] != size)
        return clseq_fail(v->words.ctx, CLSEQ_ERR_FORMAT,
                          "%s: the embeddings are missing or not of the size of the vocabulary",
                          clseq_safetensors_path(file));
    for (size_t i = CLSEQ_ID_FIRST; i < words; i++) {
        const char *word = clseq_vocab_token(vocab, (int32_t)i);
        size_t index;
        bool added;

        CLSEQ_TRY(clseq_string_table_add(&v->words, word, strlen(word), &index, &added));
        CLSEQ_TRY(clseq_safetensors_read_f32(
            file, info, i * size, size, CLSEQ_SAFETENSORS_FINITE_ONLY, v->values + index * size));
    }
    v->stats.words = v->words.count;
    return CLSEQ_OK;
}

clseq_status clseq_vectors_from_model(clseq_context *ctx, const char *path, bool target,
                                      clseq_vectors **ret)
{
    clseq_model_meta meta = { 0 };
    clseq_safetensors *file = NULL;
    clseq_vectors *v = NULL;
    clseq_status status;

    CLSEQ_TRY(clseq_model_open(ctx, path, NULL, &file, &meta));
    CLSEQ_TRY_GOTO(status, out, clseq_calloc(ctx, 1, sizeof(*v), "vectors", &v));
    v->words.ctx = ctx;
    status = read_table(v, file, &meta, target);
out:
    clseq_model_meta_fini(&meta);
    clseq_safetensors_close(&file);
    if (status != CLSEQ_OK)
        clseq_vectors_destroy(&v);
    else
        *ret = v;
    return status;
}
