/* SPDX-License-Identifier: BSD-2-Clause */
#include "opencl/opencl_program.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Lines of a build log quoted in an error. */
#define LOG_LINES   20
#define OPTIONS_MAX 256

enum need { NEED_ALWAYS, NEED_CPU, NEED_GPU, NEED_UNIT, NEED_BENCH };

static const struct {
    const char *name;
    enum need need;
} programs[CLSEQ_PROGRAM_COUNT] = {
#define X(program, when) { #program, NEED_##when },
    CLSEQ_PROGRAM_LIST(X)
#undef X
};

static const enum clseq_opencl_program program_of[CLSEQ_KERNEL_COUNT] = {
#define X(kernel, program) CLSEQ_PROGRAM_##program,
    CLSEQ_KERNEL_LIST(X)
#undef X
};

struct clseq_opencl_key clseq_opencl_sources_key(void)
{
    const char *texts[CLSEQ_PROGRAM_COUNT];

    for (size_t i = 0; i < CLSEQ_PROGRAM_COUNT; i++)
        texts[i] = clseq_opencl_sources[i].text;
    return clseq_opencl_cache_key(CLSEQ_PROGRAM_COUNT, texts);
}

static void build_options(const struct clseq_opencl *cl, char text[OPTIONS_MAX])
{
    cl_device_fp_config config = 0;
    bool correct = false;

    /* NVIDIA and others divide with an error of several ULP unless told not to. */
    if (clGetDeviceInfo(cl->device, CL_DEVICE_SINGLE_FP_CONFIG, sizeof(config), &config, NULL) ==
        CL_SUCCESS)
        correct = (config & CL_FP_CORRECTLY_ROUNDED_DIVIDE_SQRT) != 0;
    /* Elsewhere prefetch() is the way, or nothing; PoCL makes nothing of that, but is clang. */
    snprintf(text, OPTIONS_MAX, "-cl-std=CL1.2 -DCLSEQ_CPU=%d -DVW=%d -DCLSEQ_PREFETCH=%d%s%s",
             cl->cpu_class ? 1 : 0, cl->vector_width, cl->is_pocl ? 1 : 0,
             correct ? " -cl-fp32-correctly-rounded-divide-sqrt" : "",
             cl->unit_emulated ? " -DCLSEQ_EMULATED=1" : "");
}

/* A text of the device or platform, "" when there is none. */
static void device_text(cl_device_id device, cl_device_info what, char text[256])
{
    text[0] = 0;
    if (clGetDeviceInfo(device, what, 256, text, NULL) != CL_SUCCESS)
        text[0] = 0;
}

static struct clseq_opencl_key program_key(const struct clseq_opencl *cl, const char *options,
                                           const char *source)
{
    char name[256], driver[256], version[256], platform[256] = "";
    const char *texts[] = { platform, name, version, driver, options, source };

    device_text(cl->device, CL_DEVICE_NAME, name);
    device_text(cl->device, CL_DEVICE_VERSION, version);
    device_text(cl->device, CL_DRIVER_VERSION, driver);
    if (clGetPlatformInfo(cl->platform, CL_PLATFORM_VERSION, sizeof(platform), platform, NULL) !=
        CL_SUCCESS)
        platform[0] = 0;
    return clseq_opencl_cache_key(CLSEQ_ARRAY_SIZE(texts), texts);
}

/* The build log in new memory; NULL when there is none. */
static char *build_log(clseq_context *ctx, cl_program program, cl_device_id device)
{
    size_t bytes = 0;
    char *log = NULL;

    if (clGetProgramBuildInfo(program, device, CL_PROGRAM_BUILD_LOG, 0, NULL, &bytes) !=
            CL_SUCCESS ||
        bytes <= 1 || clseq_calloc(ctx, bytes + 1, 1, "build log", &log) != CLSEQ_OK)
        return NULL;
    if (clGetProgramBuildInfo(program, device, CL_PROGRAM_BUILD_LOG, bytes, log, NULL) !=
            CL_SUCCESS ||
        strspn(log, " \n\t\r") == strlen(log)) {
        free(log);
        return NULL;
    }
    return log;
}

/* Length of the first LOG_LINES lines. */
static int first_lines(const char *log)
{
    const char *p = log;

    for (int i = 0; i < LOG_LINES && *p; i++) {
        p = strchr(p, '\n');
        if (!p)
            return (int)strlen(log);
        p++;
    }
    return (int)(p - log);
}

static clseq_status build_failed(clseq_backend *be, cl_program program, const char *name,
                                 const char *options, cl_int code)
{
    char *log = build_log(be->ctx, program, clseq_opencl_of(be)->device);
    clseq_status status;

    if (log)
        clseq_log(be->ctx, CLSEQ_LOG_DEBUG, "OpenCL: build log of cl/%s.cl:\n%s", name, log);
    status =
        clseq_fail(be->ctx, CLSEQ_ERR_BUILD,
                   "program cl/%s.cl does not build on %s: clBuildProgram: %s (%d), options %s; "
                   "this is a bug of clseq or of the driver: please report it with this log:\n%.*s",
                   name, be->info.device, clseq_opencl_code_name(code), (int)code, options,
                   log ? first_lines(log) : 0, log ? log : "");
    free(log);
    return status;
}

/* A program from a cached binary; NULL when the driver does not take it. */
static cl_program from_binary(clseq_backend *be, const struct clseq_opencl_cache *cache,
                              struct clseq_opencl_key key, const char *options)
{
    const struct clseq_opencl *cl = clseq_opencl_of(be);
    const unsigned char *bytes;
    cl_program program = NULL;
    void *data = NULL;
    size_t size = 0;
    cl_int code, accepted = CL_SUCCESS;

    if (!clseq_opencl_cache_load(cache, "programs", key, &data, &size))
        return NULL;
    bytes = data;
    program =
        clCreateProgramWithBinary(cl->context, 1, &cl->device, &size, &bytes, &accepted, &code);
    free(data);
    if (code == CL_SUCCESS && accepted == CL_SUCCESS)
        code = clBuildProgram(program, 1, &cl->device, options, NULL, NULL);
    else if (code == CL_SUCCESS)
        code = accepted;
    if (code == CL_SUCCESS)
        return program;
    clseq_log(be->ctx, CLSEQ_LOG_DEBUG,
              "OpenCL: the driver refuses its own binary (%s), building anew",
              clseq_opencl_code_name(code));
    if (program)
        clReleaseProgram(program);
    return NULL;
}

/* Keep the binary of a program for one device. */
static void keep_binary(clseq_backend *be, const struct clseq_opencl_cache *cache,
                        struct clseq_opencl_key key, cl_program program)
{
    unsigned char *bytes = NULL;
    size_t size = 0;

    if (!cache->folder ||
        clGetProgramInfo(program, CL_PROGRAM_BINARY_SIZES, sizeof(size), &size, NULL) !=
            CL_SUCCESS ||
        size == 0 || clseq_calloc(be->ctx, size, 1, "program binary", &bytes) != CLSEQ_OK)
        return;
    if (clGetProgramInfo(program, CL_PROGRAM_BINARIES, sizeof(bytes), &bytes, NULL) == CL_SUCCESS)
        clseq_opencl_cache_store(cache, "programs", key, bytes, size);
    free(bytes);
}

clseq_status clseq_opencl_program_build(clseq_backend *be, const struct clseq_opencl_cache *cache,
                                        const char *name, const char *text, bool keep,
                                        cl_program *ret)
{
    struct clseq_opencl *cl = clseq_opencl_of(be);
    char options[OPTIONS_MAX], *log;
    struct clseq_opencl_key key;
    cl_program program;
    clseq_status status;
    cl_int code;

    build_options(cl, options);
    key = program_key(cl, options, text);
    program = keep ? from_binary(be, cache, key, options) : NULL;
    if (program) {
        *ret = program;
        return CLSEQ_OK;
    }
    if (!cl->told_compiling && keep)
        clseq_log(be->ctx, CLSEQ_LOG_INFO,
                  "compiling kernels for %s (once per device and version, some seconds)...",
                  be->info.device);
    cl->told_compiling = keep;
    program = clCreateProgramWithSource(cl->context, 1, &text, NULL, &code);
    if (code != CL_SUCCESS)
        return clseq_opencl_fail(be->ctx, code, "clCreateProgramWithSource", "program cl/%s.cl",
                                 name);
    code = clBuildProgram(program, 1, &cl->device, options, NULL, NULL);
    if (code != CL_SUCCESS) {
        status = build_failed(be, program, name, options, code);
        clReleaseProgram(program);
        return status;
    }
    log = build_log(be->ctx, program, cl->device);
    if (log)
        clseq_log(be->ctx, CLSEQ_LOG_DEBUG, "OpenCL: build log of cl/%s.cl:\n%s", name, log);
    free(log);
    if (keep)
        keep_binary(be, cache, key, program);
    *ret = program;
    return CLSEQ_OK;
}

/* Kernels that use both what products have and what the other operations have for CPUs. */
static bool is_for_cpu_class(enum clseq_opencl_kernel kernel)
{
    return kernel == CLSEQ_KERNEL_lstm_cpu_fwd || kernel == CLSEQ_KERNEL_lstm_cpu_bwd ||
           kernel == CLSEQ_KERNEL_launch_list || kernel == CLSEQ_KERNEL_argmax_filter ||
           kernel == CLSEQ_KERNEL_argmax_norms || kernel == CLSEQ_KERNEL_int8_pack ||
           kernel == CLSEQ_KERNEL_int8_rows || kernel == CLSEQ_KERNEL_softmax_xent;
}

static clseq_status create_kernels(clseq_backend *be, enum clseq_opencl_program program)
{
    struct clseq_opencl *cl = clseq_opencl_of(be);

    for (size_t i = 0; i < CLSEQ_KERNEL_COUNT; i++) {
        const char *name = clseq_opencl_kernel_name((enum clseq_opencl_kernel)i);
        struct clseq_opencl_kernel_state *kernel = &cl->kernels[i];
        cl_int code;

        if (program_of[i] != program ||
            (!cl->cpu_class && is_for_cpu_class((enum clseq_opencl_kernel)i)))
            continue;
        kernel->kernel = clCreateKernel(cl->programs[program], name, &code);
        if (code != CL_SUCCESS)
            return clseq_opencl_fail(be->ctx, code, "clCreateKernel", "kernel %s of cl/%s.cl", name,
                                     programs[program].name);
        code = clGetKernelWorkGroupInfo(kernel->kernel, cl->device, CL_KERNEL_WORK_GROUP_SIZE,
                                        sizeof(kernel->max_group), &kernel->max_group, NULL);
        if (code != CL_SUCCESS)
            return clseq_opencl_fail(be->ctx, code, "clGetKernelWorkGroupInfo", "kernel %s", name);
    }
    return CLSEQ_OK;
}

clseq_status clseq_opencl_programs_add(clseq_backend *be, const struct clseq_opencl_cache *cache,
                                       enum clseq_opencl_program program)
{
    struct clseq_opencl *cl = clseq_opencl_of(be);
    const struct clseq_opencl_source *source = &clseq_opencl_sources[program];

    if (cl->programs[program])
        return CLSEQ_OK;
    if (!source->text)
        return clseq_fail(be->ctx, CLSEQ_ERR_INTERNAL,
                          "cl/%s.cl is in kernel_list.h but not in cl/meson.build",
                          programs[program].name);
    /* PoCL keeps the kernels it compiles itself. Asking it for a binary makes it compile every
     * kernel once more, for any work-group size: 14 s more at the first start, to save 0.1 s at
     * each later one (PoCL 3.1, 40 kernels). */
    CLSEQ_TRY(clseq_opencl_program_build(be, cache, programs[program].name, source->text,
                                         !cl->is_pocl, &cl->programs[program]));
    clseq_log(be->ctx, CLSEQ_LOG_DEBUG, "OpenCL: program cl/%s.cl is ready",
              programs[program].name);
    return create_kernels(be, program);
}

clseq_status clseq_opencl_programs_open(clseq_backend *be, const struct clseq_opencl_cache *cache)
{
    for (size_t i = 0; i < CLSEQ_PROGRAM_COUNT; i++) {
        if (programs[i].need == NEED_ALWAYS)
            CLSEQ_TRY(clseq_opencl_programs_add(be, cache, (enum clseq_opencl_program)i));
    }
    return CLSEQ_OK;
}

void clseq_opencl_programs_close(struct clseq_opencl *cl)
{
    for (size_t i = 0; i < CLSEQ_KERNEL_COUNT; i++) {
        if (cl->kernels[i].kernel)
            clReleaseKernel(cl->kernels[i].kernel);
        cl->kernels[i].kernel = NULL;
    }
    for (size_t i = 0; i < CLSEQ_PROGRAM_COUNT; i++) {
        if (cl->programs[i])
            clReleaseProgram(cl->programs[i]);
        cl->programs[i] = NULL;
    }
}
