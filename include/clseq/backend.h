/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Backends: where the arithmetic runs. "reference" is plain C and always there;
 * "opencl" is any OpenCL device; "mirror" runs every operation on both and stops
 * at the first that differs.
 *
 *     struct clseq_backend_options options;
 *     clseq_backend *be = NULL;
 *     clseq_backend_options_init(&options);
 *     options.device = "nvidia";
 *     if (clseq_backend_open(ctx, &options, &be) != CLSEQ_OK)
 *         fprintf(stderr, "%s\n", clseq_context_error(ctx));
 */
#ifndef CLSEQ_BACKEND_H
#define CLSEQ_BACKEND_H

#include <clseq/context.h>

CLSEQ_BEGIN_DECLS

/* One open device. One thread at a time. */
typedef struct clseq_backend clseq_backend;

/* Which kind of kernels an OpenCL device gets. */
typedef enum clseq_kernel_class {
    CLSEQ_KERNELS_AUTO = 0, /* by the device's type (default) */
    CLSEQ_KERNELS_CPU = 1,  /* work-groups of one, explicit vectors, packed panels */
    CLSEQ_KERNELS_GPU = 2,  /* tiles through local memory */
} clseq_kernel_class;

/* Who makes matrix products on an OpenCL device. */
typedef enum clseq_gemm_provider {
    CLSEQ_GEMM_AUTO = 0, /* by kernel class (default) */
    CLSEQ_GEMM_CPU = 1,
    CLSEQ_GEMM_GPU = 2,
    CLSEQ_GEMM_CLBLAST = 3,
} clseq_gemm_provider;

/* What a matrix product does to its factors before it multiplies them; it sums in fp32 or better,
 * and all else is fp32. Weights are kept in fp32. */
typedef enum clseq_precision {
    CLSEQ_PRECISION_FP32 = 0, /* nothing (default) */
    CLSEQ_PRECISION_TF32 = 1, /* round to 10 bits of mantissa, as NVIDIA's tf32 */
    CLSEQ_PRECISION_BF16 = 2, /* round to bf16, 7 bits of mantissa, to nearest even */
} clseq_precision;

struct clseq_backend_options {
    const char *name;   /* "auto" (default), "opencl", "reference", "mirror" */
    const char *device; /* OpenCL: index of clseq_device_list(), or part of the name or version of
                           device or platform, any case; NULL = the best usable one (default) */
    clseq_kernel_class kernels;
    clseq_gemm_provider gemm;
    clseq_precision precision;
    const char *matrix_unit; /* hardware for products of less precision than fp32: NULL or "auto" =
                                what the device has (default), "none", or a name; in fp32
                                for the first look of gemm_argmax alone */
    int vector_width; /* floats per vector in kernels for CPUs: 4, 8 or 16; 0 = what the device
                         prefers (default) */
    int tune; /* choose among ways to make matrix products by measuring, once per device, driver and
                 group of shapes, kept in the cache folder: 1 always, -1 never, 0 on GPUs (default).
                 Only where gemm is AUTO, kernels are those for GPUs, and there is a cache. */
    int launch_lists; /* short kernels that follow each other as one launch, same results: 1 always,
                         even of one, where kernels and products are those for CPUs; -1 never; 0
                         with PoCL (default) */
    const char *cache_folder; /* of built kernels; NULL = $XDG_CACHE_HOME/clseq or
                                 ~/.cache/clseq; "" = no cache on disk */
    bool profile;             /* time every operation (slower: waits after each) */
    bool probe;               /* try a device in a child process first (default true) */
    double probe_timeout;     /* seconds before a silent child counts as hung (default 120) */
};

struct clseq_backend_info {
    char name[16];    /* "opencl" */
    char device[128]; /* as the driver calls it; "scalar C" for the reference */
    char platform[128];
    char driver[128]; /* version, for bug reports and benchmarks */
    char gemm[32];    /* provider of matrix products: "cpu", "gpu", "clblast", "reference" */
    char kernels[8];  /* "cpu", "gpu", "" */
    clseq_precision precision;
    char matrix_unit[24]; /* that makes products in this precision; "" = none */
    uint32_t compute_units;
    uint64_t memory_bytes;     /* 0 = unknown */
    uint64_t max_buffer_bytes; /* the largest single buffer */
    bool host_memory;          /* its memory is the machine's: CPU devices, scalar C */
};

/* One OpenCL device as `clseq devices` lists it. */
struct clseq_device {
    int index;
    char platform[128], name[128], driver[128], version[64];
    char type[16]; /* "cpu", "gpu", "accelerator", "other" */
    uint32_t compute_units, clock_mhz, float_vector_width;
    uint64_t memory_bytes, max_buffer_bytes, local_bytes;
    bool usable;        /* passed the probe */
    char reason[512];   /* why not; or "" */
    double gemm_gflops; /* measured by the probe, 512 x 512 x 512; 0 when not measured */
    /* The same with factors of bf16, and what makes it; "" when that is no matrix unit. */
    double bf16_gflops;
    char bf16_unit[24];
    char bf16_reason[512]; /* why the device cannot be used with bf16; or "" */
};

struct clseq_device_list {
    int count;
    struct clseq_device *devices; /* owned */
    char note[512];               /* "no OpenCL platform found: ..." when count is 0 */
};

/* An operation and its cost since the backend was opened, or clseq_backend_profile_reset(). */
struct clseq_profile_row {
    const char *op;
    uint64_t calls;
    double seconds;
    double flops; /* of matrix products; 0 where other arithmetic is not counted */
    /* What arguments take, twice for those read and written. Of tables only the rows that are named
     * count, and the weights of an LSTM's sequence count in every step. */
    double bytes;
};

/* Device memory in use for one purpose. */
struct clseq_memory_row {
    char what[48]; /* "weights" */
    uint64_t bytes;
};

/* What a device does at best. */
struct clseq_peaks {
    double gflops;   /* fused multiply-adds of fp32 in registers, all units busy */
    double gb_per_s; /* reading memory that no cache holds (or 256 MiB) */
};

/* Set the defaults stated above. */
CLSEQ_API void clseq_backend_options_init(struct clseq_backend_options *options);

/* Open a backend. A backend or device that is named and missing is an error (CLSEQ_ERR_NO_DEVICE,
 * CLSEQ_ERR_UNSUPPORTED); only "auto" falls back to "reference", and says so, and why, in one
 * warning to the log. Other errors: CLSEQ_ERR_BUILD (with the build log), CLSEQ_ERR_DEVICE.
 * `options` may be NULL for the defaults. Close with clseq_backend_close(). */
CLSEQ_API CLSEQ_MUST_CHECK clseq_status clseq_backend_open(
    clseq_context *ctx, const struct clseq_backend_options *options, clseq_backend **ret);

/* Wait for running work, close, set *be to NULL. Objects made on the backend must be gone. *be may
 * be NULL. */
CLSEQ_API void clseq_backend_close(clseq_backend **be);

/* "fp32", "tf32" or "bf16". */
CLSEQ_API const char *clseq_precision_name(clseq_precision precision);

/* Borrowed, valid until close. */
CLSEQ_API const struct clseq_backend_info *clseq_backend_info(const clseq_backend *be);

/* Up to `max` rows, most expensive first; returns how many. 0 without options.profile. */
CLSEQ_API int clseq_backend_profile(const clseq_backend *be, struct clseq_profile_row *rows,
                                    int max);

/* Start counting again: after warming up. */
CLSEQ_API void clseq_backend_profile_reset(clseq_backend *be);

/* Device memory in use now, up to `max` purposes; returns how many. *peak is the most that was in
 * use at once since the backend was opened; `peak` may be NULL. Mirror counts one of its sides. */
CLSEQ_API int clseq_backend_memory(const clseq_backend *be, struct clseq_memory_row *rows, int max,
                                   uint64_t *peak);

/* Measure, in about half a second. Zeros where a backend cannot say (reference, mirror). Errors:
 * those of the device. */
CLSEQ_API CLSEQ_MUST_CHECK clseq_status clseq_backend_peaks(clseq_backend *be,
                                                            struct clseq_peaks *ret);

/* One measurement of the first of them now, in about 20 ms: other work on the machine slows it as
 * it slows what ran just before. 0 where clseq_backend_peaks() has not measured or cannot. */
CLSEQ_API CLSEQ_MUST_CHECK clseq_status clseq_backend_peak_now(clseq_backend *be, double *gflops);

/* List OpenCL devices over all platforms; each is tried in a child process when `probe`, so a
 * driver that crashes or hangs is listed as unusable with the reason. No platform is not an error:
 * count is 0 and `note` says why. Release with clseq_device_list_fini(). */
CLSEQ_API CLSEQ_MUST_CHECK clseq_status clseq_device_list(clseq_context *ctx, bool probe,
                                                          double timeout,
                                                          struct clseq_device_list *ret);
CLSEQ_API void clseq_device_list_fini(struct clseq_device_list *list);

CLSEQ_END_DECLS

#endif
