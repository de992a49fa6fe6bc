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
    int32_t samples; /* training with sampled softmax: words drawn for an update, log-uniformly; 0:
                        the softmax over all words */
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
    uint64_t table_bytes;     /* decoding: of tables that were made before; 0: none */
    double table_ms;          /* what making them took */
};

/* Time `steps` training steps (forward, backward, clipping to norm 5, SGD) after two that warm up.
 * Nothing is read back between them. A profile counts the timed steps only. Errors: those of the
 * backend, CLSEQ_ERR_LIMIT when the size does not fit. */
CLSEQ_API CLSEQ_MUST_CHECK clseq_status clseq_bench_train(clseq_context *ctx, clseq_backend *be,
                                                          const struct clseq_bench_size *size,
                                                          int steps,
                                                          struct clseq_bench_result *ret);

/* Time `repeats` runs of decoding `batch` sentences of S words into exactly T words, with `beam`
 * hypotheses (1 = greedy), after one that warms up. A profile counts the timed ones only. With
 * `tables` as it goes on in a text of more words than the vocabularies have: see
 * clseq_translate_options. */
CLSEQ_API CLSEQ_MUST_CHECK clseq_status clseq_bench_decode(clseq_context *ctx, clseq_backend *be,
                                                           const struct clseq_bench_size *size,
                                                           int32_t batch, int32_t beam, bool tables,
                                                           int repeats,
                                                           struct clseq_bench_result *ret);

/* ---- matrix products ---- */

/* C (m, n) = op(A) op(B) with op(A) (m, k), as a model makes it. */
struct clseq_bench_product {
    const char *what; /* "inputs, all steps" */
    int32_t m, n, k;
    bool trans_a, trans_b;
    bool fresh;  /* B is another one every time, out of the caches and not seen before: activations,
                    or weights that all the others pass by before they are used again */
    bool memory; /* so few rows that reading B takes the time; B is the same whenever it is read */
};

/* The products of training and decoding with this size. */
#define CLSEQ_BENCH_PRODUCTS 9
CLSEQ_API void clseq_bench_products(const struct clseq_bench_size *size,
                                    struct clseq_bench_product ret[CLSEQ_BENCH_PRODUCTS]);

/* One provider of products, or one kernel of it, and one product. */
struct clseq_bench_gemm_row {
    const char *by;  /* "cpu", "gpu-64", "clblast", "reference"; lives as long as the backend */
    bool takes;      /* false: not made for products of this shape, so not timed */
    bool chosen;     /* what the first backend would take */
    double expected; /* seconds of one product, as a small part of it tells */
    double gb_per_s; /* A, B and C once, in the median time */
    struct clseq_bench_result result; /* steps is 0 when it was not timed */
};

/* Time a product on several backends in turn, so that what else the machine does meets all,
 * `repeats` times each: less often when that would take more than `limit` seconds, and not at all
 * when once would. The peaks beside the runs are those of the first backend, when
 * clseq_backend_peaks() was called on it. Fills up to CLSEQ_BENCH_ROWS rows, the same ones in the
 * same order for every product. Errors: those of the backends, CLSEQ_ERR_LIMIT. */
#define CLSEQ_BENCH_ROWS 16
CLSEQ_API CLSEQ_MUST_CHECK clseq_status
clseq_bench_gemm(clseq_context *ctx, clseq_backend *const *backends, int count,
                 const struct clseq_bench_product *product, int repeats, double limit,
                 struct clseq_bench_gemm_row rows[CLSEQ_BENCH_ROWS], int *ret_count);

CLSEQ_END_DECLS

#endif
