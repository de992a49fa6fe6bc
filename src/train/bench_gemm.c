/* SPDX-License-Identifier: BSD-2-Clause */
#include "backend/backend_front.h"
#include "backend/bench_times.h"
#include "base/clock.h"
#include "base/philox.h"
#include "nn/output_layer.h"

#include <clseq/bench.h>

#include <stdlib.h>
#include <string.h>

/* Of copies of a B that no cache may hold, and how many at most. */
#define FRESH_BYTES  ((size_t)128 << 20)
#define FRESH_COPIES 64

/* The best of some runs of a part of a product tells how long the whole takes. */
#define PART_PRODUCTS (4.0 * 1024 * 1024) /* multiply-adds */
#define PART_RUNS     5
#define PART_SECONDS  0.02

/* A timed run has as many products as take this long. */
#define RUN_SECONDS 2e-3
#define RUN_MAX     100

void clseq_bench_products(const struct clseq_bench_size *size,
                          struct clseq_bench_product ret[CLSEQ_BENCH_PRODUCTS])
{
    const int32_t H = size->model.hidden, E = size->model.embedding, B = size->B;
    const int32_t V = size->model.target_vocabulary, all = B * size->T;
    const int32_t chunk = clseq_output_layer_chunk(V, all);
    /* Weights are the same for all steps, and for all chunks of logits, of an update. */
    const struct clseq_bench_product products[CLSEQ_BENCH_PRODUCTS] = {
        { "inputs, all steps", all, 4 * H, E, false, true, true, false },
        { "recurrent step", B, 4 * H, H, false, true, false, false },
        { "its gradient", B, H, 4 * H, false, false, false, false },
        { "weight gradient", 4 * H, H, all, true, false, true, false },
        { "logits of a chunk", chunk, V, H, false, true, chunk == all, false },
        { "their gradient", chunk, H, V, false, false, chunk == all, false },
        { "output weights", V, H, chunk, true, false, true, false },
        { "decoding, 1 row", 1, 4 * H, H, false, true, true, true },
        { "decoding, 5 rows", 5, V, H, false, true, true, true },
    };

    memcpy(ret, products, sizeof(products));
}

/* A, B and C on one backend. */
struct operands {
    clseq_backend *be; /* borrowed */
    clseq_buffer *buffers[3];
    clseq_tensor x[3];
    int copies, next; /* of B, one behind the other */
};

/* A way to make the product. */
struct way {
    struct operands *o;
    int number; /* of the backend's ways */
    struct clseq_bench_gemm_row *row;
    struct clseq_bench_times times;
    int products; /* in a timed run */
    double spent, last;
};

struct bench {
    clseq_context *ctx;
    const struct clseq_bench_product *p;
    int repeats;
    double limit;
    struct operands operands[CLSEQ_BENCH_ROWS];
    struct way ways[CLSEQ_BENCH_ROWS];
    int n_operands, n_ways;
};

static int copies_of_b(const struct bench *b, const clseq_backend *be, size_t bytes)
{
    const size_t most = be->info.max_buffer_bytes;
    const size_t room = most > 0 && most < FRESH_BYTES ? most : FRESH_BYTES;
    const size_t fit = room / bytes;

    return !b->p->fresh || fit < 1 ? 1 : fit > FRESH_COPIES ? FRESH_COPIES : (int)fit;
}

static clseq_status operands_open(const struct bench *b, clseq_backend *be, struct operands *o)
{
    const struct clseq_bench_product *p = b->p;
    const clseq_dtype real = clseq_backend_real(be);
    const int32_t rows[3] = { p->trans_a ? p->k : p->m, p->trans_b ? p->n : p->k, p->m };
    const int32_t columns[3] = { p->trans_a ? p->m : p->k, p->trans_b ? p->k : p->n, p->n };

    o->be = be;
    for (int i = 0; i < 3; i++) {
        const size_t bytes = (size_t)rows[i] * (size_t)columns[i] * clseq_dtype_size(real);
        const int copies = i == 1 ? copies_of_b(b, be, bytes) : 1;

        CLSEQ_TRY(
            clseq_buffer_create(be, bytes * (size_t)copies, "benchmark matrix", &o->buffers[i]));
        for (int copy = copies - 1; copy >= 0; copy--) {
            o->x[i] =
                clseq_tensor_2d(o->buffers[i], (size_t)copy * (size_t)rows[i] * (size_t)columns[i],
                                real, rows[i], columns[i]);
            CLSEQ_TRY(
                clseq_op_uniform(be, &(struct clseq_uniform_args) { .dst = o->x[i],
                                                                    .seed = 1,
                                                                    .purpose = CLSEQ_RANDOM_BENCH,
                                                                    .stream = (uint32_t)i,
                                                                    .low = -1,
                                                                    .high = 1 }));
        }
        if (i == 1)
            o->copies = copies;
    }
    return CLSEQ_OK;
}

static void operands_close(struct operands *o)
{
    for (int i = 0; i < 3; i++)
        clseq_buffer_destroy(&o->buffers[i]);
}

/* `count` products of m x n x k, no more than those of the operands; seconds of one. */
static clseq_status run(const struct bench *b, struct way *w, int32_t m, int32_t n, int32_t k,
                        int count, double *seconds)
{
    const struct clseq_bench_product *p = b->p;
    struct operands *o = w->o;
    struct clseq_gemm_args args = {
        .a = o->x[0],
        .b = o->x[1],
        .c = o->x[2],
        .trans_a = p->trans_a,
        .trans_b = p->trans_b,
        .alpha = 1,
    };
    clseq_status status = CLSEQ_OK;
    double start;

    args.a.dims[p->trans_a] = m;
    args.a.dims[!p->trans_a] = k;
    args.b.dims[p->trans_b] = k;
    args.b.dims[!p->trans_b] = n;
    args.c.dims[0] = m;
    args.c.dims[1] = n;
    /* A write makes a new version: nothing that was made of B is of use any more. Weights of
     * decoding stay as they are. */
    if (p->fresh && !p->memory)
        CLSEQ_TRY(clseq_op_fill(
            o->be, &(struct clseq_fill_args) {
                       .dst = clseq_tensor_1d(o->buffers[1], 0, clseq_backend_real(o->be), 1) }));
    CLSEQ_TRY(clseq_backend_sync(o->be));
    clseq_backend_gemm_use(o->be, w->number);
    start = clseq_seconds();
    for (int i = 0; i < count && status == CLSEQ_OK; i++) {
        args.b.offset = (size_t)o->next * (size_t)o->x[1].dims[0] * (size_t)o->x[1].dims[1];
        o->next = (o->next + 1) % o->copies;
        status = clseq_op_gemm(o->be, &args);
    }
    if (status == CLSEQ_OK)
        status = clseq_backend_sync(o->be);
    *seconds = (clseq_seconds() - start) / count;
    clseq_backend_gemm_use(o->be, -1);
    return status;
}

/* How long a product takes, from a part of it, which also compiles. */
static clseq_status expect(const struct bench *b, struct way *w)
{
    const struct clseq_bench_product *p = b->p;
    const double whole = (double)p->m * p->n * p->k;
    int32_t m = p->m, n = p->n, k = p->k;
    double seconds, best = 0, spent = 0;

    while ((double)m * n * k > PART_PRODUCTS) {
        int32_t *const largest = m >= n && m >= k ? &m : n >= k ? &n : &k;

        *largest /= 2;
    }
    CLSEQ_TRY(run(b, w, m, n, k, 1, &seconds));
    for (int i = 0; i < PART_RUNS && spent < PART_SECONDS; i++) {
        CLSEQ_TRY(run(b, w, m, n, k, 1, &seconds));
        spent += seconds;
        if (i == 0 || seconds < best)
            best = seconds;
    }
    w->row->expected = best * whole / ((double)m * n * k);
    return CLSEQ_OK;
}

/* Warm up, unless that takes long, and find out how many products a timed run has. */
static clseq_status prepare(const struct bench *b, struct way *w)
{
    const struct clseq_bench_product *p = b->p;
    const int most = p->fresh && w->o->copies < RUN_MAX ? w->o->copies : RUN_MAX;
    double seconds = w->row->expected;

    w->products = 1;
    if (w->row->expected > b->limit)
        return CLSEQ_OK;
    for (int i = 0; i < 2 && seconds < b->limit / 4; i++)
        CLSEQ_TRY(run(b, w, p->m, p->n, p->k, 1, &seconds));
    /* A backend may keep copies of what it sees twice. */
    if (p->memory && seconds * w->o->copies < b->limit)
        CLSEQ_TRY(run(b, w, p->m, p->n, p->k, 2 * w->o->copies, &seconds));
    if (seconds > 0 && seconds < RUN_SECONDS)
        w->products = RUN_SECONDS / seconds < most ? (int)(RUN_SECONDS / seconds) + 1 : most;
    return clseq_bench_times_init(&w->times, b->ctx, b->operands[0].be, b->repeats);
}

static clseq_status measure(const struct bench *b, struct way *w)
{
    const struct clseq_bench_product *p = b->p;

    if (!w->times.seconds || (w->times.count > 0 && w->spent + w->last > b->limit))
        return CLSEQ_OK;
    CLSEQ_TRY(run(b, w, p->m, p->n, p->k, w->products, &w->last));
    CLSEQ_TRY(clseq_bench_times_add(&w->times, w->last));
    w->last *= w->products;
    w->spent += w->last;
    return CLSEQ_OK;
}

static void finish(const struct bench *b, struct way *w)
{
    const double m = b->p->m, n = b->p->n, k = b->p->k;
    struct clseq_bench_gemm_row *row = w->row;

    if (w->times.count == 0)
        return;
    clseq_bench_times_end(&w->times, 2 * m * n * k, 0, &row->result);
    row->gb_per_s = 4 * (m * k + k * n + m * n) / row->result.ms * 1e-6;
}

/* The rows of a backend, and its operands when it takes the product. */
static clseq_status add_backend(struct bench *b, clseq_backend *be, const char **chosen,
                                struct clseq_bench_gemm_row *rows, int *count)
{
    const struct clseq_bench_product *p = b->p;
    const struct clseq_gemm_shape shape = { p->m, p->n, p->k, p->trans_a, p->trans_b };
    struct operands *o = &b->operands[b->n_operands++];
    struct clseq_gemm_ways ways;

    CLSEQ_TRY(clseq_backend_gemm_ways(be, &shape, &ways));
    if (!*chosen)
        *chosen = ways.chosen;
    CLSEQ_TRY(operands_open(b, be, o));
    for (int i = 0; i < ways.count && *count < CLSEQ_BENCH_ROWS; i++) {
        struct clseq_bench_gemm_row *row = &rows[(*count)++];
        struct way *w = &b->ways[b->n_ways];

        *row = (struct clseq_bench_gemm_row) { .by = ways.way[i].name,
                                               .takes = ways.way[i].takes,
                                               .chosen = strcmp(ways.way[i].name, *chosen) == 0 };
        if (!row->takes)
            continue;
        b->n_ways++;
        *w = (struct way) { .o = o, .number = i, .row = row };
        CLSEQ_TRY(expect(b, w));
        CLSEQ_TRY(prepare(b, w));
    }
    return CLSEQ_OK;
}

clseq_status clseq_bench_gemm(clseq_context *ctx, clseq_backend *const *backends, int count,
                              const struct clseq_bench_product *product, int repeats, double limit,
                              struct clseq_bench_gemm_row rows[CLSEQ_BENCH_ROWS], int *ret_count)
{
    struct bench *b = NULL;
    const char *chosen = NULL;
    clseq_status status;

    *ret_count = 0;
    if (product->m < 1 || product->n < 1 || product->k < 1 || repeats < 1 || count < 1 ||
        count > CLSEQ_BENCH_ROWS)
        return clseq_fail(ctx, CLSEQ_ERR_ARG,
                          "bench: a product of %d x %d x %d, %d times on %d backends", product->m,
                          product->n, product->k, repeats, count);
    CLSEQ_TRY(clseq_calloc(ctx, 1, sizeof(*b), "benchmark", &b));
    b->ctx = ctx;
    b->p = product;
    b->repeats = repeats;
    b->limit = limit;
    for (int i = 0; i < count; i++)
        CLSEQ_TRY_GOTO(status, out, add_backend(b, backends[i], &chosen, rows, ret_count));
    for (int i = 0; i < repeats; i++) {
        for (int w = 0; w < b->n_ways; w++)
            CLSEQ_TRY_GOTO(status, out, measure(b, &b->ways[w]));
    }
    for (int w = 0; w < b->n_ways; w++)
        finish(b, &b->ways[w]);
    status = CLSEQ_OK;
out:
    for (int w = 0; w < b->n_ways; w++)
        clseq_bench_times_fini(&b->ways[w].times);
    for (int i = 0; i < b->n_operands; i++)
        operands_close(&b->operands[i]);
    free(b);
    return status;
}
