/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Private to src/opencl: the state of an open device, launching kernels, and
 * errors. How an operation is written:
 *
 *     clseq_status clseq_opencl_axpby(clseq_backend *be, const struct clseq_axpby_args *a)
 *     {
 *         const int n = a->x.dims[0];
 *
 *         return CLSEQ_LAUNCH(be, axpby,
 *                             clseq_opencl_range_1d((size_t)n, clseq_opencl_of(be)->local_1d),
 *                             CLSEQ_ARG_TENSOR(&a->x), CLSEQ_ARG_TENSOR(&a->y), clseq_arg_int(n),
 *                             clseq_arg_float(a->alpha), clseq_arg_float(a->beta));
 *     }
 *
 * and its kernel, whose global size is rounded up:
 *
 *     __kernel void axpby(__global const float *x, ulong x_offset, __global float *y,
 *                         ulong y_offset, int n, float alpha, float beta)
 *
 * Kernels get (pointer, ulong element offset) for a tensor and int for sizes and strides; positions
 * are computed in ulong. Always give a local size: drivers compile once per local size (PoCL), and
 * choosing it themselves means a new compilation whenever a batch has a new shape.
 */
#ifndef CLSEQ_OPENCL_IMPL_H
#define CLSEQ_OPENCL_IMPL_H

#ifndef CL_TARGET_OPENCL_VERSION
#define CL_TARGET_OPENCL_VERSION 120
#endif

#include "backend/backend_impl.h"
#include "opencl/kernel_list.h"
#include "opencl/opencl_cache.h"

#include <CL/cl.h>

/* ---- kernel arguments ---- */

enum clseq_opencl_arg_kind {
    CLSEQ_ARG_MEM, /* NULL: the backend's `none` buffer, never read by the kernel */
    CLSEQ_ARG_INT,
    CLSEQ_ARG_UINT,
    CLSEQ_ARG_ULONG,
    CLSEQ_ARG_FLOAT,
    CLSEQ_ARG_LOCAL, /* bytes of local memory */
    CLSEQ_ARG_TOO_BIG,
};

struct clseq_opencl_arg {
    enum clseq_opencl_arg_kind kind;
    union {
        cl_mem mem;
        cl_int i;
        cl_uint u;
        cl_ulong ul;
        cl_float f;
        size_t local;
    } value;
};

/* Global sizes, multiples of the local ones. local[0] = 0 leaves the choice to the driver. */
struct clseq_opencl_range {
    cl_uint dims;
    size_t global[3], local[3];
};

/* ---- state ---- */

/* Memory for a kernel's intermediate values: grow-only, kept until close, one per purpose. */
enum clseq_opencl_scratch {
    CLSEQ_SCRATCH_GEMM_A,    /* a part of A in strips */
    CLSEQ_SCRATCH_GEMM_PART, /* a part of B in panels */
    CLSEQ_SCRATCH_GEMM_B,    /* a whole B in panels, used by several products */
    CLSEQ_SCRATCH_ROUND_A,   /* A and B rounded */
    CLSEQ_SCRATCH_ROUND_B,
    CLSEQ_SCRATCH_NORMS,   /* lengths of the rows of B, or A */
    CLSEQ_SCRATCH_CLBLAST, /* its temporary buffer */
    CLSEQ_SCRATCH_REDUCE,  /* partial sums of reductions */
    CLSEQ_SCRATCH_LIST,    /* launches that are one: opencl_launch_list.h */
    CLSEQ_SCRATCH_QUEUE,   /* counters of kernels that share out their items; zeros between them */
    CLSEQ_SCRATCH_COUNT
};

struct clseq_opencl_kernel_state {
    cl_kernel kernel;
    size_t max_group; /* CL_KERNEL_WORK_GROUP_SIZE */
};

/* Slots that hold host data on its way to the device; see opencl_buffer.c. */
#define CLSEQ_STAGING_SLOTS 32
struct clseq_opencl_staging_slot {
    void *memory; /* owned */
    size_t bytes;
    cl_event busy; /* the write that reads it; NULL when free */
};

/* A packed copy of a matrix; see opencl_packed_cache.h. */
#define CLSEQ_PACKED_ENTRIES 64

struct clseq_opencl_packed_entry {
    uint64_t id, version, offset; /* of the buffer, and where the matrix is in it; id 0 = free */
    int32_t rows, n, k, parts;
    bool trans, filled;
    cl_mem mem; /* NULL: seen, but not packed */
    size_t bytes;
    uint64_t used; /* larger = later */
};

/* A launch put aside; see opencl_launch_list.h. */
#define CLSEQ_LIST_MAX  128
#define CLSEQ_LIST_ARGS 40

struct clseq_opencl_listed {
    enum clseq_opencl_kernel kernel;
    struct clseq_opencl_range range;
    size_t n_args;
    struct clseq_opencl_arg args[CLSEQ_LIST_ARGS]; /* buffers retained */
};

/* be->priv of the OpenCL backend. */
struct clseq_opencl {
    struct clseq_op_table ops; /* be->ops */
    cl_platform_id platform;   /* not owned: these two live as long as the driver */
    cl_device_id device;
    cl_context context;
    cl_command_queue queue; /* the only one, in order */
    cl_program programs[CLSEQ_PROGRAM_COUNT];
    struct clseq_opencl_kernel_state kernels[CLSEQ_KERNEL_COUNT];
    int32_t peak_steps; /* of peak_fma in about 20 ms; 0 = not known */
    cl_mem none;        /* 64 bytes that stand for an absent tensor */

    bool told_compiling; /* the log has the line about it */
    bool is_pocl;        /* makes plain functions of kernels, which a few things rely on */
    bool cpu_class;      /* kernels for CPUs: CLSEQ_CPU is 1 in the programs */
    int vector_width;    /* floats per vector: 4, 8 or 16; VW in the programs */
    size_t local_1d; /* work-group size for pointwise kernels: 1 in the CPU class, else up to 256 */
    size_t max_group;     /* CL_DEVICE_MAX_WORK_GROUP_SIZE */
    size_t max_items[3];  /* CL_DEVICE_MAX_WORK_ITEM_SIZES */
    uint64_t max_alloc;   /* CL_DEVICE_MAX_MEM_ALLOC_SIZE, bytes */
    uint64_t local_bytes; /* CL_DEVICE_LOCAL_MEM_SIZE */
    uint32_t compute_units;

    cl_mem scratch[CLSEQ_SCRATCH_COUNT];
    size_t scratch_bytes[CLSEQ_SCRATCH_COUNT];
    uint64_t scratch_grown; /* how often, for the tests */
    /* Of a dry run: what there was before it, and what the last one needed. */
    cl_mem scratch_kept[CLSEQ_SCRATCH_COUNT];
    size_t scratch_kept_bytes[CLSEQ_SCRATCH_COUNT], scratch_wanted[CLSEQ_SCRATCH_COUNT];

    struct clseq_opencl_packed_entry packed[CLSEQ_PACKED_ENTRIES];
    size_t packed_bytes;
    uint64_t packed_clock;

    struct clseq_opencl_staging_slot staging[CLSEQ_STAGING_SLOTS];
    int staging_next;
    bool lists; /* short kernels that follow each other are one launch */
    size_t list_least, listed;
    uint64_t lists_launched; /* for the tests */
    struct clseq_opencl_listed list[CLSEQ_LIST_MAX];
    uint64_t staging_waits; /* writes that had to wait for a slot, for the tests */

    enum clseq_gemm_provider_kind {
        CLSEQ_PROVIDER_CPU,
        CLSEQ_PROVIDER_GPU,
        CLSEQ_PROVIDER_CLBLAST
    } gemm;
    const struct clseq_matrix_unit *unit; /* NULL: none; see opencl_matrix_unit.h */
    bool unit_emulated;                   /* CLSEQ_EMULATED is 1 in the programs */
    bool unit_rests;                      /* a benchmark wants products without it */
    bool has_int8;                        /* in fp32: opencl_argmax.h */
    uint32_t gemm_refused;          /* bits: enum clseq_gemm_candidate, wrong or not running */
    struct clseq_gemm_tuner *tuner; /* owned; NULL: the rule of the provider chooses */
    int gemm_forced;                /* 1 + a candidate that makes all products; 0: none */

    struct clseq_opencl_cache cache;           /* owned */
    struct clseq_opencl_remembered remembered; /* known once the backend is open */
};

struct clseq_opencl_buffer {
    clseq_buffer base; /* first */
    cl_mem mem;
};

static inline struct clseq_opencl *clseq_opencl_of(const clseq_backend *be)
{
    return (struct clseq_opencl *)be->priv;
}

static inline cl_mem clseq_opencl_mem(const clseq_tensor *x)
{
    return x->buffer ? ((const struct clseq_opencl_buffer *)(const void *)x->buffer)->mem : NULL;
}

static inline struct clseq_opencl_arg clseq_arg_mem(cl_mem mem)
{
    const struct clseq_opencl_arg arg = { .kind = CLSEQ_ARG_MEM, .value.mem = mem };

    return arg;
}

static inline struct clseq_opencl_arg clseq_arg_int(int32_t value)
{
    const struct clseq_opencl_arg arg = { .kind = CLSEQ_ARG_INT, .value.i = value };

    return arg;
}

static inline struct clseq_opencl_arg clseq_arg_uint(uint32_t value)
{
    const struct clseq_opencl_arg arg = { .kind = CLSEQ_ARG_UINT, .value.u = value };

    return arg;
}

static inline struct clseq_opencl_arg clseq_arg_ulong(uint64_t value)
{
    const struct clseq_opencl_arg arg = { .kind = CLSEQ_ARG_ULONG, .value.ul = value };

    return arg;
}

/* Rounded to nearest. */
static inline struct clseq_opencl_arg clseq_arg_float(double value)
{
    const struct clseq_opencl_arg arg = { .kind = CLSEQ_ARG_FLOAT, .value.f = (cl_float)value };

    return arg;
}

/* An int kernel argument; a stride that does not fit makes the launch fail with CLSEQ_ERR_LIMIT. */
static inline struct clseq_opencl_arg clseq_arg_stride(int64_t value)
{
    const struct clseq_opencl_arg arg = { .kind = value > INT32_MAX || value < 0 ? CLSEQ_ARG_TOO_BIG
                                                                                 : CLSEQ_ARG_INT,
                                          .value.i = (cl_int)(value & INT32_MAX) };

    return arg;
}

static inline struct clseq_opencl_arg clseq_arg_local(size_t bytes)
{
    const struct clseq_opencl_arg arg = { .kind = CLSEQ_ARG_LOCAL, .value.local = bytes };

    return arg;
}

/* Two arguments: the buffer and the ulong offset in elements. An absent tensor gives a dummy
 * buffer, so pass an int that says whether it is there. */
#define CLSEQ_ARG_TENSOR(x) clseq_arg_mem(clseq_opencl_mem(x)), clseq_arg_ulong((x)->offset)

/* Three: buffer, offset, row stride. */
#define CLSEQ_ARG_ROWS(x) CLSEQ_ARG_TENSOR(x), clseq_arg_stride((x)->strides[0])

/* ---- launching ---- */

static inline size_t clseq_round_up(size_t n, size_t step)
{
    return step ? (n + step - 1) / step * step : n;
}

/* At least `n` work-items in groups of `local`. */
static inline struct clseq_opencl_range clseq_opencl_range_1d(size_t n, size_t local)
{
    const struct clseq_opencl_range range = { .dims = 1,
                                              .global = { clseq_round_up(n, local), 1, 1 },
                                              .local = { local, 1, 1 } };

    return range;
}

/* n0 is get_global_id(0), the fastest. */
static inline struct clseq_opencl_range clseq_opencl_range_2d(size_t n0, size_t n1, size_t local0,
                                                              size_t local1)
{
    const struct clseq_opencl_range range = { .dims = 2,
                                              .global = { clseq_round_up(n0, local0),
                                                          clseq_round_up(n1, local1), 1 },
                                              .local = { local0, local1, 1 } };

    return range;
}

static inline struct clseq_opencl_range
clseq_opencl_range_3d(size_t n0, size_t n1, size_t n2, size_t local0, size_t local1, size_t local2)
{
    const struct clseq_opencl_range range = { .dims = 3,
                                              .global = { clseq_round_up(n0, local0),
                                                          clseq_round_up(n1, local1),
                                                          clseq_round_up(n2, local2) },
                                              .local = { local0, local1, local2 } };

    return range;
}

/* Set the arguments in order and enqueue. A global size of 0 does nothing.
 * Errors: CLSEQ_ERR_DEVICE, CLSEQ_ERR_DEVICE_NOMEM, CLSEQ_ERR_LIMIT, each naming the kernel. */
CLSEQ_MUST_CHECK clseq_status clseq_opencl_launch(clseq_backend *be,
                                                  enum clseq_opencl_kernel kernel,
                                                  struct clseq_opencl_range range, size_t n_args,
                                                  const struct clseq_opencl_arg *args);

/* The same without putting anything aside (opencl_launch_list.h), nor sending off what is. */
CLSEQ_MUST_CHECK clseq_status clseq_opencl_launch_now(clseq_backend *be,
                                                      enum clseq_opencl_kernel kernel,
                                                      struct clseq_opencl_range range,
                                                      size_t n_args,
                                                      const struct clseq_opencl_arg *args);

/* clseq_opencl_launch with the kernel's bare name and the arguments one after the other. */
#define CLSEQ_LAUNCH(be, kernel, range, ...)                                                       \
    clseq_opencl_launch((be), CLSEQ_KERNEL_##kernel, (range),                                      \
                        sizeof((const struct clseq_opencl_arg[]) { __VA_ARGS__ }) /                \
                            sizeof(struct clseq_opencl_arg),                                       \
                        (const struct clseq_opencl_arg[]) { __VA_ARGS__ })

/* The largest power of two <= wanted that the device and this kernel accept as work-group size. For
 * kernels with barriers, which must work for every power of two down to 1. */
size_t clseq_opencl_group_size(const clseq_backend *be, enum clseq_opencl_kernel kernel,
                               size_t wanted);

const char *clseq_opencl_kernel_name(enum clseq_opencl_kernel kernel);

/* At least `bytes` of scratch memory, contents undefined. Commands that still use the old memory
 * keep it alive. *ret is borrowed until the next call for the same purpose.
 * Errors: CLSEQ_ERR_LIMIT, CLSEQ_ERR_DEVICE_NOMEM. */
CLSEQ_MUST_CHECK clseq_status clseq_opencl_scratch(clseq_backend *be,
                                                   enum clseq_opencl_scratch purpose, size_t bytes,
                                                   cl_mem *ret);

/* ---- errors (opencl_error.c) ---- */

/* "CL_OUT_OF_RESOURCES" */
const char *clseq_opencl_code_name(cl_int code);

/* Record "<fmt ...>: <function>: <code name> (<code>): <hint>" and return the fitting status:
 * CLSEQ_ERR_DEVICE_NOMEM when memory ran out, otherwise CLSEQ_ERR_DEVICE. */
clseq_status clseq_opencl_fail(clseq_context *ctx, cl_int code, const char *function,
                               const char *fmt, ...) CLSEQ_PRINTF(4, 5);

/* Return from the calling function when an OpenCL call fails. `what` says for whom it was made. */
#define CLSEQ_CL_TRY(ctx, function, args, what)                                                    \
    do {                                                                                           \
        const cl_int cl_code_ = function args;                                                     \
        if (cl_code_ != CL_SUCCESS)                                                                \
            return clseq_opencl_fail((ctx), cl_code_, #function, "%s", (what));                    \
    } while (0)

/* ---- operations: one launcher per op ---- */

#define X(name, slot, tolerance, constant)                                                         \
    CLSEQ_MUST_CHECK clseq_status clseq_opencl_##name(clseq_backend *be,                           \
                                                      const struct clseq_##name##_args *a);
CLSEQ_OP_LIST(X)
#undef X

#endif
