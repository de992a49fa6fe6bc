/* SPDX-License-Identifier: BSD-2-Clause */
/* Measuring what the device can do at best; see cl/peak.cl. */
#include "opencl/opencl_buffer.h"
#include "opencl/opencl_program.h"

#include "backend/ops.h"
#include "base/clock.h"

#define OPERATIONS 24 /* of a work-item of peak_fma in a step, for each float of its vector */
#define READ_BYTES ((size_t)256 << 20) /* more than any cache but a few hold */
#define RUNS       5

struct peak {
    clseq_backend *be;
    clseq_tensor out, in;
    size_t items, vector; /* work-items; floats in a vector */
    struct clseq_opencl_range range;
};

static clseq_status fma_seconds(const struct peak *p, int32_t steps, double *ret)
{
    const double start = clseq_seconds();

    CLSEQ_TRY(CLSEQ_LAUNCH(p->be, peak_fma, p->range, CLSEQ_ARG_TENSOR(&p->out),
                           clseq_arg_float(0.999), clseq_arg_float(0.001), clseq_arg_int(steps)));
    CLSEQ_TRY(clseq_opencl_sync(p->be));
    *ret = clseq_seconds() - start;
    return CLSEQ_OK;
}

/* The best of some runs of about 50 ms each. */
static clseq_status measure_fma(const struct peak *p, double *gflops)
{
    int32_t steps = 1000;
    double seconds;

    CLSEQ_TRY(fma_seconds(p, steps, &seconds)); /* compiles */
    CLSEQ_TRY(fma_seconds(p, steps, &seconds));
    while (seconds < 0.02 && steps < 100000000) {
        steps *= 4;
        CLSEQ_TRY(fma_seconds(p, steps, &seconds));
    }
    for (int run = 0; run < RUNS; run++) {
        const double operations =
            (double)OPERATIONS * (double)p->vector * (double)p->items * (double)steps;

        CLSEQ_TRY(fma_seconds(p, steps, &seconds));
        if (operations / seconds * 1e-9 > *gflops)
            *gflops = operations / seconds * 1e-9;
    }
    return CLSEQ_OK;
}

static clseq_status measure_read(const struct peak *p, size_t bytes, double *gb_per_s)
{
    const size_t vectors = bytes / sizeof(cl_float) / p->vector;

    for (int run = 0; run <= RUNS; run++) {
        const double start = clseq_seconds();
        double rate;

        CLSEQ_TRY(CLSEQ_LAUNCH(p->be, peak_read, p->range, CLSEQ_ARG_TENSOR(&p->in),
                               clseq_arg_uint((cl_uint)vectors), CLSEQ_ARG_TENSOR(&p->out)));
        CLSEQ_TRY(clseq_opencl_sync(p->be));
        rate = (double)bytes / (clseq_seconds() - start) * 1e-9;
        if (run > 0 && rate > *gb_per_s)
            *gb_per_s = rate;
    }
    return CLSEQ_OK;
}

clseq_status clseq_opencl_peaks(clseq_backend *be, struct clseq_peaks *ret)
{
    struct clseq_opencl *cl = clseq_opencl_of(be);
    /* Several groups per unit on GPUs, so that all of their schedulers have work. */
    const size_t groups = (size_t)cl->compute_units * (cl->cpu_class ? 1 : 32);
    const struct clseq_opencl_cache no_cache = { .ctx = be->ctx };
    struct peak p = {
        .be = be,
        .items = groups * cl->local_1d,
        .vector = cl->cpu_class ? (size_t)cl->vector_width : 1,
        .range = clseq_opencl_range_1d(groups * cl->local_1d, cl->local_1d),
    };
    clseq_buffer *out = NULL, *in = NULL;
    const size_t bytes =
        READ_BYTES < be->info.max_buffer_bytes ? READ_BYTES : (size_t)be->info.max_buffer_bytes;
    clseq_status status;

    CLSEQ_TRY(clseq_opencl_programs_add(be, &no_cache, CLSEQ_PROGRAM_peak));
    CLSEQ_TRY(
        clseq_buffer_create(be, p.items * p.vector * sizeof(cl_float), "results of a test", &out));
    CLSEQ_TRY_GOTO(status, out, clseq_buffer_create(be, bytes, "memory test", &in));
    p.out = clseq_tensor_1d(out, 0, CLSEQ_F32, (int32_t)(p.items * p.vector));
    p.in = clseq_tensor_1d(in, 0, CLSEQ_F32, (int32_t)(bytes / sizeof(cl_float)));
    CLSEQ_TRY_GOTO(status, out, measure_fma(&p, &ret->gflops));
    CLSEQ_TRY_GOTO(status, out, measure_read(&p, bytes, &ret->gb_per_s));
out:
    clseq_buffer_destroy(&in);
    clseq_buffer_destroy(&out);
    return status;
}
