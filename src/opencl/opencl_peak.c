/* SPDX-License-Identifier: BSD-2-Clause */
/* Measuring what the device can do at best; see cl/peak.cl. */
#include "opencl/opencl_buffer.h"
#include "opencl/opencl_program.h"

#include "backend/ops.h"
#include "base/clock.h"

#define OPERATIONS 24                  /* of peak_fma in a step, for each float of a vector */
#define READ_BYTES ((size_t)256 << 20) /* more than any cache but a few hold */
#define RUNS       5
#define SECONDS    0.02 /* of one measurement of FMAs */
#define STEPS_MAX  100000000

struct peak {
    clseq_backend *be;
    size_t items, vector; /* work-items; floats in a vector */
    struct clseq_opencl_range range;
    clseq_tensor out;
};

/* What a device can do does not depend on the kernels that were chosen for it. */
static bool is_cpu(const struct clseq_opencl *cl)
{
    cl_device_type type = 0;

    return clGetDeviceInfo(cl->device, CL_DEVICE_TYPE, sizeof(type), &type, NULL) == CL_SUCCESS
               ? (type & CL_DEVICE_TYPE_CPU) != 0
               : cl->cpu_class;
}

/* Several groups per unit on GPUs, so that all of their schedulers have work. */
static struct peak peak_of(clseq_backend *be)
{
    const struct clseq_opencl *cl = clseq_opencl_of(be);
    const bool cpu = is_cpu(cl);
    size_t local = 1, items;

    while (!cpu && local < 256 && local * 2 <= cl->max_group && local * 2 <= cl->max_items[0])
        local *= 2;
    items = (size_t)cl->compute_units * (cpu ? 1 : 32) * local;
    return (struct peak) {
        .be = be,
        .items = items,
        .vector = cpu ? (size_t)cl->vector_width : 1,
        .range = clseq_opencl_range_1d(items, local),
    };
}

static clseq_status add_program(clseq_backend *be)
{
    const struct clseq_opencl_cache no_cache = { .ctx = be->ctx };
    struct clseq_opencl *cl = clseq_opencl_of(be);
    const bool cpu_class = cl->cpu_class;
    clseq_status status;

    cl->cpu_class = is_cpu(cl);
    status = clseq_opencl_programs_add(be, &no_cache, CLSEQ_PROGRAM_peak);
    cl->cpu_class = cpu_class;
    return status;
}

static clseq_status out_create(struct peak *p, clseq_buffer **ret)
{
    const size_t floats = p->items * p->vector;

    CLSEQ_TRY(clseq_buffer_create(p->be, floats * sizeof(cl_float), "results of a test", ret));
    p->out = clseq_tensor_1d(*ret, 0, CLSEQ_F32, (int32_t)floats);
    return CLSEQ_OK;
}

static clseq_status time_fma(const struct peak *p, int32_t steps, double *seconds, double *gflops)
{
    const double operations =
        (double)OPERATIONS * (double)p->vector * (double)p->items * (double)steps;
    double start;

    CLSEQ_TRY(clseq_opencl_sync(p->be));
    start = clseq_seconds();
    CLSEQ_TRY(CLSEQ_LAUNCH(p->be, peak_fma, p->range, CLSEQ_ARG_TENSOR(&p->out),
                           clseq_arg_float(0.999), clseq_arg_float(0.001), clseq_arg_int(steps)));
    CLSEQ_TRY(clseq_opencl_sync(p->be));
    *seconds = clseq_seconds() - start;
    *gflops = *seconds > 0 ? operations / *seconds * 1e-9 : 0;
    return CLSEQ_OK;
}

/* The best of some runs, and how many steps fill the time of one. */
static clseq_status measure_fma(const struct peak *p, double *best)
{
    int32_t steps = 1000;
    double seconds, gflops;

    CLSEQ_TRY(time_fma(p, steps, &seconds, &gflops)); /* compiles */
    CLSEQ_TRY(time_fma(p, steps, &seconds, &gflops));
    while (seconds < SECONDS && steps < STEPS_MAX) {
        steps *= 2;
        CLSEQ_TRY(time_fma(p, steps, &seconds, &gflops));
    }
    for (int run = 0; run < RUNS; run++) {
        CLSEQ_TRY(time_fma(p, steps, &seconds, &gflops));
        if (gflops > *best)
            *best = gflops;
    }
    clseq_opencl_of(p->be)->peak_steps = steps;
    return CLSEQ_OK;
}

static clseq_status measure_read(const struct peak *p, double *best)
{
    const size_t most = (size_t)p->be->info.max_buffer_bytes;
    const size_t block = 4 * p->items * p->vector * sizeof(cl_float);
    const size_t bytes = (READ_BYTES < most ? READ_BYTES : most) / block * block;
    clseq_buffer *in = NULL;
    clseq_tensor x;
    clseq_status status = CLSEQ_OK;

    if (bytes == 0)
        return CLSEQ_OK;
    CLSEQ_TRY(clseq_buffer_create(p->be, bytes, "memory test", &in));
    x = clseq_tensor_1d(in, 0, CLSEQ_F32, (int32_t)(bytes / sizeof(cl_float)));
    for (int run = 0; run <= RUNS; run++) {
        const double start = clseq_seconds();
        double rate;

        CLSEQ_TRY_GOTO(status, out,
                       CLSEQ_LAUNCH(p->be, peak_read, p->range, CLSEQ_ARG_TENSOR(&x),
                                    clseq_arg_uint((cl_uint)(bytes / sizeof(cl_float) / p->vector)),
                                    CLSEQ_ARG_TENSOR(&p->out)));
        CLSEQ_TRY_GOTO(status, out, clseq_opencl_sync(p->be));
        rate = (double)bytes / (clseq_seconds() - start) * 1e-9;
        if (run > 0 && rate > *best)
            *best = rate;
    }
out:
    clseq_buffer_destroy(&in);
    return status;
}

clseq_status clseq_opencl_peaks(clseq_backend *be, struct clseq_peaks *ret)
{
    struct peak p = peak_of(be);
    clseq_buffer *out = NULL;
    clseq_status status;

    CLSEQ_TRY(add_program(be));
    CLSEQ_TRY(out_create(&p, &out));
    CLSEQ_TRY_GOTO(status, out, measure_fma(&p, &ret->gflops));
    CLSEQ_TRY_GOTO(status, out, measure_read(&p, &ret->gb_per_s));
out:
    clseq_buffer_destroy(&out);
    return status;
}

clseq_status clseq_opencl_peak_now(clseq_backend *be, double *gflops)
{
    struct peak p = peak_of(be);
    const int32_t steps = clseq_opencl_of(be)->peak_steps;
    clseq_buffer *out = NULL;
    double seconds;
    clseq_status status;

    if (steps == 0)
        return CLSEQ_OK;
    CLSEQ_TRY(out_create(&p, &out));
    status = time_fma(&p, steps, &seconds, gflops);
    clseq_buffer_destroy(&out);
    return status;
}
