/* SPDX-License-Identifier: BSD-2-Clause */
#include "opencl/opencl_selftest.h"

#include "backend/ops.h"
#include "base/clock.h"
#include "base/philox.h"

#include <math.h>
#include <stdlib.h>

/* Odd sizes, so that every kernel has edges. */
enum { M = 21, N = 37, K = 19, B = 5, H = 11 };

#define FLOATS 4096
#define INTS   64

/* One memory for floats and one for integers on each backend, filled alike. */
struct side {
    clseq_backend *be;
    clseq_buffer *floats, *ints;
};

/* What one operation reads and writes; offsets are the same on both sides. */
struct trial {
    enum clseq_op op;
    union clseq_op_any_args args;
};

static clseq_status side_open(struct side *side, const float *floats, const int32_t *ints)
{
    CLSEQ_TRY(clseq_buffer_create(side->be, FLOATS * sizeof(float), "self-test", &side->floats));
    CLSEQ_TRY(clseq_buffer_create(side->be, INTS * sizeof(int32_t), "self-test", &side->ints));
    CLSEQ_TRY(clseq_buffer_write(side->floats, 0, floats, FLOATS * sizeof(float)));
    return clseq_buffer_write(side->ints, 0, ints, INTS * sizeof(int32_t));
}

static void side_close(struct side *side)
{
    clseq_buffer_destroy(&side->floats);
    clseq_buffer_destroy(&side->ints);
}

static clseq_tensor matrix(const struct side *side, size_t offset, int32_t rows, int32_t columns)
{
    return clseq_tensor_2d(side->floats, offset, CLSEQ_F32, rows, columns);
}

static clseq_tensor vector(const struct side *side, size_t offset, int32_t n)
{
    return clseq_tensor_1d(side->floats, offset, CLSEQ_F32, n);
}

static clseq_tensor integers(const struct side *side, size_t offset, int32_t n)
{
    return clseq_tensor_1d(side->ints, offset, CLSEQ_I32, n);
}

/* The trials, each on memory that the ones before have made. */
#define TRIALS 6
static struct trial trial(const struct side *s, int number)
{
    struct trial t = { .op = CLSEQ_OP_gemm };

    switch (number) {
    case 0:
        t.args.gemm = (struct clseq_gemm_args) { .a = matrix(s, 0, M, K),
                                                 .b = matrix(s, 500, N, K),
                                                 .c = matrix(s, 1300, M, N),
                                                 .trans_b = true,
                                                 .alpha = 1,
                                                 .beta = 0.5 };
        break;
    case 1:
        t.args.gemm = (struct clseq_gemm_args) { .a = matrix(s, 0, K, M),
                                                 .b = matrix(s, 500, K, N),
                                                 .c = matrix(s, 1300, M, N),
                                                 .trans_a = true,
                                                 .alpha = 0.5 };
        break;
    case 2:
        t.op = CLSEQ_OP_lstm_cell_fwd;
        t.args.lstm_cell_fwd = (struct clseq_lstm_cell_fwd_args) { .pre = matrix(s, 1300, B, 4 * H),
                                                                   .c_prev = matrix(s, 0, B, H),
                                                                   .h_prev = matrix(s, 60, B, H),
                                                                   .b_ih = vector(s, 200, 4 * H),
                                                                   .b_hh = vector(s, 250, 4 * H),
                                                                   .length = integers(s, 0, B),
                                                                   .act = matrix(s, 1300, B, 4 * H),
                                                                   .c = matrix(s, 2200, B, H),
                                                                   .h = matrix(s, 2260, B, H),
                                                                   .t = 2 };
        break;
    case 3:
        t.op = CLSEQ_OP_lstm_cell_bwd;
        t.args.lstm_cell_bwd =
            (struct clseq_lstm_cell_bwd_args) { .act = matrix(s, 1300, B, 4 * H),
                                                .c_prev = matrix(s, 0, B, H),
                                                .c = matrix(s, 2200, B, H),
                                                .dh = matrix(s, 300, B, H),
                                                .dc = matrix(s, 360, B, H),
                                                .length = integers(s, 0, B),
                                                .dpre = matrix(s, 1600, B, 4 * H),
                                                .dh_prev = matrix(s, 2400, B, H),
                                                .dc_prev = matrix(s, 2460, B, H),
                                                .t = 2 };
        break;
    case 4:
        t.op = CLSEQ_OP_softmax_xent_fwd;
        t.args.softmax_xent_fwd =
            (struct clseq_softmax_xent_fwd_args) { .logits = matrix(s, 500, M, N),
                                                   .target = integers(s, 16, M),
                                                   .loss = vector(s, 2600, M),
                                                   .lse = vector(s, 2650, M) };
        break;
    default:
        t.op = CLSEQ_OP_col_sums;
        t.args.col_sums =
            (struct clseq_col_sums_args) { .x = matrix(s, 500, M, N), .y = vector(s, 2700, N) };
        break;
    }
    return t;
}

/* Rough bounds are enough to see a driver that computes nonsense; clseq-check has the fine ones. */
static clseq_status compare(const struct side *device, const struct side *reference, float *x,
                            float *y, const char *op)
{
    CLSEQ_TRY(clseq_buffer_read(device->floats, 0, x, FLOATS * sizeof(float)));
    CLSEQ_TRY(clseq_buffer_read(reference->floats, 0, y, FLOATS * sizeof(float)));
    for (size_t i = 0; i < FLOATS; i++) {
        const double difference = fabs((double)x[i] - (double)y[i]);

        if (!(difference <= 1e-4 * (1 + fabs((double)y[i]))))
            return clseq_fail(
                device->be->ctx, CLSEQ_ERR_DEVICE,
                "self-test: %s gives %g where the reference gives %g; the driver of %s "
                "computes wrongly: update it, or choose another device",
                op, (double)x[i], (double)y[i], device->be->info.device);
    }
    return CLSEQ_OK;
}

clseq_status clseq_opencl_selftest(clseq_backend *device, clseq_backend *reference)
{
    struct side sides[2] = { { .be = device }, { .be = reference } };
    float *memory = NULL, *x, *y;
    int32_t ints[INTS];
    clseq_status status;

    CLSEQ_TRY(clseq_calloc(device->ctx, 3 * FLOATS, sizeof(float), "self-test", &memory));
    x = memory + FLOATS;
    y = x + FLOATS;
    for (uint32_t i = 0; i < FLOATS; i++)
        memory[i] = 2 * clseq_philox_unit(clseq_philox(i, 0, 0, 0, 1, 2).v[0]) - 1;
    for (int32_t i = 0; i < INTS; i++)
        ints[i] = i % 7;
    for (int s = 0; s < 2; s++)
        CLSEQ_TRY_GOTO(status, out, side_open(&sides[s], memory, ints));
    for (int i = 0; i < TRIALS; i++) {
        for (int s = 0; s < 2; s++) {
            const struct trial t = trial(&sides[s], i);

            CLSEQ_TRY_GOTO(status, out, clseq_op_run(sides[s].be, t.op, &t.args));
        }
        CLSEQ_TRY_GOTO(status, out,
                       compare(&sides[0], &sides[1], x, y, clseq_op_name(trial(&sides[0], i).op)));
    }
out:
    side_close(&sides[0]);
    side_close(&sides[1]);
    free(memory);
    return status;
}

/* GFLOP/s of a product of `size` x `size` matrices, the best of some runs after one that
 * compiles. */
static clseq_status measure(clseq_backend *device, int32_t size, double *ret)
{
    enum { RUNS = 4 };
    const size_t n = (size_t)size * (size_t)size;
    clseq_buffer *memory = NULL;
    struct clseq_gemm_args args = { .alpha = 1, .trans_b = true };
    double best = 0;
    clseq_status status;

    CLSEQ_TRY(clseq_buffer_create(device, 3 * n * sizeof(float), "speed test", &memory));
    args.a = clseq_tensor_2d(memory, 0, CLSEQ_F32, size, size);
    args.b = clseq_tensor_2d(memory, n, CLSEQ_F32, size, size);
    args.c = clseq_tensor_2d(memory, 2 * n, CLSEQ_F32, size, size);
    for (int run = 0; run <= RUNS; run++) {
        const double start = clseq_seconds();
        double seconds;

        CLSEQ_TRY_GOTO(status, out, clseq_op_gemm(device, &args));
        CLSEQ_TRY_GOTO(status, out, clseq_backend_sync(device));
        seconds = clseq_seconds() - start;
        if (run > 0 && (best == 0 || seconds < best))
            best = seconds;
    }
    *ret = best > 0 ? 2.0 * (double)n * size / best * 1e-9 : 0;
out:
    clseq_buffer_destroy(&memory);
    return status;
}

clseq_status clseq_opencl_measure_gemm(clseq_backend *device, double *ret)
{
    /* A simulator would take minutes for the large one. */
    CLSEQ_TRY(measure(device, 32, ret));
    return *ret > 0.01 ? measure(device, 512, ret) : CLSEQ_OK;
}
