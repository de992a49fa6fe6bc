/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Model files: weights, configuration and vocabularies in one safetensors file
 * (docs/formats.md). Weights carry torch.nn's names and shapes. A file made by
 * PyTorch has no configuration inside; a small JSON file beside it supplies it.
 *
 * The reader trusts nothing: it derives the table of tensors from the
 * configuration and requires equality, so no size taken from the file is ever
 * used for an allocation.
 */
#ifndef CLSEQ_MODEL_FILE_H
#define CLSEQ_MODEL_FILE_H

#include "io/safetensors.h"
#include "model/seq2seq.h"

#include <clseq/vocab.h>

#include <jansson.h>

/* The metadata that makes a safetensors file a model file, and a checkpoint (src/train). */
#define CLSEQ_MODEL_KEY      "clseq.model"
#define CLSEQ_CHECKPOINT_KEY "clseq.train"
/* Names of tensors beside the weights begin with this. */
#define CLSEQ_MODEL_BESIDE "optimizer."

/* What a model is, apart from its weights. */
typedef struct clseq_model_meta {
    struct clseq_model_config config;
    bool reverse_source;
    clseq_vocab *source_vocab, *target_vocab; /* owned */
} clseq_model_meta;

/* Release the vocabularies. */
void clseq_model_meta_fini(clseq_model_meta *meta);

/* The metadata of a model as JSON and back. `place` stands in messages. The reader checks every
 * field and that the vocabularies have the sizes the configuration states.
 * Errors: CLSEQ_ERR_FORMAT, CLSEQ_ERR_NOMEM. */
CLSEQ_MUST_CHECK clseq_status clseq_model_meta_to_json(clseq_context *ctx,
                                                       const clseq_model_meta *meta, json_t **ret);
CLSEQ_MUST_CHECK clseq_status clseq_model_meta_from_json(clseq_context *ctx, const json_t *json,
                                                         const char *place, clseq_model_meta *ret);

/* Declare that JSON as the metadata of a file to write. Errors: those of writer_metadata. */
CLSEQ_MUST_CHECK clseq_status clseq_model_meta_write(clseq_context *ctx,
                                                     const clseq_model_meta *meta,
                                                     clseq_safetensors_writer *writer);

/* Write a model file, or a checkpoint when `moments` are given.
 *   moment_names, moments   optimizer state beside the weights: tensor "<moment>.<parameter>"
 *   keys, values            further metadata, pairs of texts */
struct clseq_model_save_options {
    int n_moments;
    const char *const *moment_names;
    const clseq_param_buffers *const *moments;
    int n_metadata;
    const char *const *keys;
    const char *const *values;
};

/* Atomic: the old file stays until the new one is complete. Refuses weights that are not finite
 * (CLSEQ_ERR_NUMERIC), so that a diverged run never replaces a good model. `options` may be
 * NULL. */
CLSEQ_MUST_CHECK clseq_status clseq_model_save(const clseq_seq2seq *model,
                                               const clseq_model_meta *meta, const char *path,
                                               const struct clseq_model_save_options *options);

/* Does a tensor of this name stand beside the weights, as the state of an optimizer does? */
bool clseq_model_is_beside(const char *name);

/* Open a file and read what it is, without weights. `config_path`: JSON configuration for a file
 * that has none inside; NULL otherwise. *file stays open for the weights; close it with
 * clseq_safetensors_close(). Errors: CLSEQ_ERR_IO, CLSEQ_ERR_FORMAT. */
CLSEQ_MUST_CHECK clseq_status clseq_model_open(clseq_context *ctx, const char *path,
                                               const char *config_path, clseq_safetensors **file,
                                               clseq_model_meta *meta);

/* Read the weights of an open file into a model of the same configuration, and, when `moments` are
 * given, the optimizer state. Every tensor must be there with its shape; others must not be there
 * (a checkpoint's moments excepted). Errors: CLSEQ_ERR_FORMAT. */
CLSEQ_MUST_CHECK clseq_status clseq_model_read(clseq_seq2seq *model, clseq_safetensors *file,
                                               int n_moments, const char *const *moment_names,
                                               const clseq_param_buffers *const *moments);

/* Open, create the model on the backend, read the weights, close. */
CLSEQ_MUST_CHECK clseq_status clseq_model_load(clseq_backend *be, const char *path,
                                               const char *config_path, clseq_model_meta *meta,
                                               clseq_seq2seq **ret);

#endif
