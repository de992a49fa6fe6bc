/* SPDX-License-Identifier: BSD-2-Clause */
/* Speed of a device with models of fixed shapes and random words. */
#ifndef CLSEQ_BENCH_H
#define CLSEQ_BENCH_H

#include <clseq/backend.h>
#include <clseq/model.h>

CLSEQ_BEGIN_DECLS

/* A model and a batch: B sentences of S source and T target words. */
struct clseq_bench_size {
    const char *name; /* "S", "M", "L", "P" (Sutskever et al. 2014) */
    struct clseq_model_config model;
    int32_t B, S, T;
};

/* The size of this name, false when there is none. */
CLSEQ_API bool clseq_bench_size_find(const char *name, struct clseq_bench_size *ret);

struct clseq_bench_result {
    double ms; /* median of a step, or of decoding a batch */
    double ms_min, ms_max;
    double target_tokens_per_s;
    double gflops;            /* training: 6 floating-point operations for each multiply-add of the
                                   forward pass; decoding: 2 */
    double peak_share;        /* median of gflops / the FMA peak measured right after each run; 0
                                 when clseq_backend_peaks() was not called or gave nothing */
    int steps;                /* timed */
    uint64_t buffers_created; /* on the device during the timed steps */
    uint64_t reads;           /* from the device during the timed steps, the final wait excepted */
    uint64_t device_bytes;    /* weights, gradients, moments and activations */
};

/* Time `steps` training steps (forward, backward, clipping to norm 5, SGD) after two that warm up.
 * Steps are timed in groups without reading anything back between them. Errors: those of the
 * backend, CLSEQ_ERR_LIMIT when the size does not fit. */
CLSEQ_API CLSEQ_MUST_CHECK clseq_status clseq_bench_train(clseq_context *ctx, clseq_backend *be,
                                                          const struct clseq_bench_size *size,
                                                          int steps,
                                                          struct clseq_bench_result *ret);

/* Time `repeats` runs of decoding `batch` sentences of S words into exactly T words, with `beam`
 * hypotheses (1 = greedy). */
CLSEQ_API CLSEQ_MUST_CHECK clseq_status clseq_bench_decode(clseq_context *ctx, clseq_backend *be,
                                                           const struct clseq_bench_size *size,
                                                           int32_t batch, int32_t beam, int repeats,
                                                           struct clseq_bench_result *ret);

/* One matrix product C (m, n) = op(A) op(B); the median of `repeats`. */
CLSEQ_API CLSEQ_MUST_CHECK clseq_status clseq_bench_gemm(clseq_context *ctx, clseq_backend *be,
                                                         int32_t m, int32_t n, int32_t k,
                                                         bool trans_a, bool trans_b, int repeats,
                                                         struct clseq_bench_result *ret);

CLSEQ_END_DECLS

#endif
