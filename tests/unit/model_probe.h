/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A model on one backend, looked at from outside: weights, gradients and
 * activations as doubles, whatever the backend's type. Every function fails the
 * running test when the library reports an error.
 *
 * A vector of all parameters holds them one after the other in the order of the
 * store, each in row-major order; embeddings as whole tables.
 */
#ifndef CLSEQ_MODEL_PROBE_H
#define CLSEQ_MODEL_PROBE_H

#include "unit.h"

#include "backend/backend_impl.h"
#include "data/batch_input.h"
#include "train/optimizer.h"

/* ---- backends ---- */

/* Open a backend by name, with the kernel class of an OpenCL device. The environment may name the
 * device (CLSEQ_TEST_DEVICE) and a folder for built kernels (CLSEQ_TEST_CACHE). NULL when the
 * machine has no such device (said on stderr); any other error fails. */
clseq_backend *probe_backend(clseq_context *ctx, const char *name, clseq_kernel_class kernels);
clseq_backend *probe_backend_precise(clseq_context *ctx, const char *name,
                                     clseq_kernel_class kernels, clseq_precision precision);
/* `unit` as options.matrix_unit. */
clseq_backend *probe_backend_unit(clseq_context *ctx, const char *name, clseq_kernel_class kernels,
                                  clseq_precision precision, const char *unit);

/* Group fixture of a test program that runs its tests on several backends. */
struct probe_place {
    clseq_context *ctx;
    clseq_backend *be; /* NULL: no device */
};

/* Setup and teardown of cmocka_run_group_tests(); *state is a struct probe_place. */
int probe_setup_reference(void **state);
int probe_setup_opencl_cpu(void **state); /* both kernel classes on the default device */
int probe_setup_opencl_gpu(void **state);
int probe_teardown(void **state);

/* The place of the running test; skips the test when there is no device. */
struct probe_place *probe_place(void **state);

/* ---- numbers ---- */

/* The values of a contiguous real tensor. */
void probe_read(clseq_backend *be, clseq_tensor x, double *dst);
void probe_write(clseq_backend *be, clseq_tensor x, const double *src);

/* Pseudo-random number in [-1, 1) of a place in a sequence. */
double probe_random(uint64_t seed, uint64_t i);

/* |x - y| <= bound max(|x|, |y|, floor) for all elements, or the test fails naming the worst. */
void probe_close(const char *what, const double *x, const double *y, size_t n, double bound,
                 double floor);

/* The same bits in all elements. */
void probe_equal(const char *what, const double *x, const double *y, size_t n);

/* ---- sentences ---- */

#define PROBE_PAIRS 16
#define PROBE_WORDS 32

/* Pairs of sentences; do not copy (the sentences point into it). */
struct probe_pairs {
    size_t n;
    clseq_sentence source[PROBE_PAIRS], target[PROBE_PAIRS];
    int32_t words[2][PROBE_PAIRS][PROBE_WORDS];
};

/* Random words (ids from 4) in sentences of the given lengths, end tokens not counted. */
void probe_pairs_random(struct probe_pairs *pairs, uint64_t seed, size_t n,
                        const int *source_length, const int *target_length,
                        int32_t source_vocabulary, int32_t target_vocabulary);

/* Sentence `from` of another set as sentence `to` of this one. */
void probe_pairs_set(struct probe_pairs *pairs, size_t to, const struct probe_pairs *other,
                     size_t from);

/* ---- models ---- */

struct probe {
    clseq_context *ctx;
    clseq_backend *be;
    clseq_seq2seq *model;
    clseq_batch batch;
    clseq_buffer *record; /* loss, sum of squares, norm, scale */
    size_t weights;       /* number of all parameters together */
};

/* The two steps to a model for training: create, with weights of 0, and plan, for batches up to 16
 * sentences of 32 + 32 words; then both, with weights from probe_random() times `scale`. */
void probe_create(struct probe *p, clseq_context *ctx, clseq_backend *be,
                  const struct clseq_model_config *config);
void probe_plan(struct probe *p);
void probe_open(struct probe *p, clseq_context *ctx, clseq_backend *be,
                const struct clseq_model_config *config, double scale);

/* The same for training with sampled softmax, for inputs with candidates. */
void probe_create_sampled(struct probe *p, clseq_context *ctx, clseq_backend *be,
                          const struct clseq_model_config *config, int32_t samples);
void probe_open_sampled(struct probe *p, clseq_context *ctx, clseq_backend *be,
                        const struct clseq_model_config *config, double scale, int32_t samples);
void probe_close_model(struct probe *p);

/* Start of parameter `i` in a vector of all. */
size_t probe_param_offset(const struct probe *p, size_t i);

/* Vectors of all parameters; release with free(). */
double *probe_weights(const struct probe *p);
void probe_set_weights(const struct probe *p, const double *weights);
double *probe_moments(const struct probe *p, const clseq_param_buffers *buffers);

/* Gradients of the last probe_loss_bwd(), or sums over several: add to `sum`, a vector of all
 * parameters, from a run without accumulation. With `rows_only`, only those of the embeddings. */
void probe_add_gradients(const struct probe *p, bool rows_only, double *sum);
double *probe_gradients(const struct probe *p);

/* The batch of these pairs; valid until the next call. */
struct clseq_seq2seq_input probe_input(struct probe *p, const struct probe_pairs *pairs);

/* Forward, or forward and backward; the sum of the losses. */
double probe_loss(const struct probe *p, const struct clseq_seq2seq_input *input);
double probe_loss_bwd(const struct probe *p, const struct clseq_seq2seq_input *input, double scale,
                      bool accumulate);

/* One update of the last gradients; the norm before clipping. */
double probe_step(const struct probe *p, const clseq_optimizer *optimizer, uint64_t number,
                  double lr, double clip);

#endif
