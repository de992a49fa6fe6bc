/* SPDX-License-Identifier: BSD-2-Clause */
/* Opening and closing a device, and the table of its operations. */
#include "opencl/opencl_argmax.h"
#include "opencl/opencl_buffer.h"
#include "opencl/opencl_gemm.h"
#include "opencl/opencl_launch_list.h"
#include "opencl/opencl_matrix_unit.h"
#include "opencl/opencl_probe.h"
#include "opencl/opencl_program.h"

#include <stdio.h>
#include <string.h>

/* What every device has; a device adds the optional operations that pay on it, and the front end
 * composes the others. */
#define SLOT_REQUIRED(name) clseq_opencl_##name
#define SLOT_OPTIONAL(name) NULL

static const struct clseq_op_table ops_required = {
#define X(name, slot, tolerance, constant) .name = SLOT_##slot(name),
    CLSEQ_OP_LIST(X)
#undef X
};

static bool is_pocl(cl_platform_id platform)
{
    char name[256] = "";

    return clGetPlatformInfo(platform, CL_PLATFORM_NAME, sizeof(name), name, NULL) == CL_SUCCESS &&
           strstr(name, "Portable Computing Language") != NULL;
}

/* The floats of one vector in kernels of the CPU class. */
static int vector_width(cl_device_id device)
{
    cl_uint native = 0, preferred = 0, width;

    if (clGetDeviceInfo(device, CL_DEVICE_NATIVE_VECTOR_WIDTH_FLOAT, sizeof(native), &native,
                        NULL) != CL_SUCCESS)
        native = 0;
    if (clGetDeviceInfo(device, CL_DEVICE_PREFERRED_VECTOR_WIDTH_FLOAT, sizeof(preferred),
                        &preferred, NULL) != CL_SUCCESS)
        preferred = 0;
    width = native > preferred ? native : preferred;
    return width >= 16 ? 16 : width >= 8 ? 8 : 4;
}

static clseq_status read_limits(clseq_backend *be)
{
    struct clseq_opencl *cl = clseq_opencl_of(be);
    cl_ulong max_alloc = 0, local_bytes = 0;
    size_t items[16] = { 0 };
    cl_uint units = 0;

    CLSEQ_CL_TRY(
        be->ctx, clGetDeviceInfo,
        (cl->device, CL_DEVICE_MAX_WORK_GROUP_SIZE, sizeof(cl->max_group), &cl->max_group, NULL),
        "limits of the device");
    CLSEQ_CL_TRY(be->ctx, clGetDeviceInfo,
                 (cl->device, CL_DEVICE_MAX_WORK_ITEM_SIZES, sizeof(items), items, NULL),
                 "limits of the device");
    CLSEQ_CL_TRY(be->ctx, clGetDeviceInfo,
                 (cl->device, CL_DEVICE_MAX_MEM_ALLOC_SIZE, sizeof(max_alloc), &max_alloc, NULL),
                 "limits of the device");
    CLSEQ_CL_TRY(be->ctx, clGetDeviceInfo,
                 (cl->device, CL_DEVICE_LOCAL_MEM_SIZE, sizeof(local_bytes), &local_bytes, NULL),
                 "limits of the device");
    CLSEQ_CL_TRY(be->ctx, clGetDeviceInfo,
                 (cl->device, CL_DEVICE_MAX_COMPUTE_UNITS, sizeof(units), &units, NULL),
                 "limits of the device");
    for (int d = 0; d < 3; d++)
        cl->max_items[d] = items[d];
    cl->max_alloc = max_alloc;
    cl->local_bytes = local_bytes;
    cl->compute_units = units;
    return CLSEQ_OK;
}

static void choose_class(struct clseq_opencl *cl, const struct clseq_device *device,
                         const struct clseq_backend_options *options)
{
    const clseq_kernel_class wanted = options->kernels;
    size_t limit = cl->max_group < cl->max_items[0] ? cl->max_group : cl->max_items[0];

    cl->cpu_class =
        wanted == CLSEQ_KERNELS_CPU || (wanted == CLSEQ_KERNELS_AUTO && device->type[0] == 'c');
    cl->vector_width = options->vector_width ? options->vector_width : vector_width(cl->device);
    cl->local_1d = 1;
    while (!cl->cpu_class && cl->local_1d < 256 && cl->local_1d * 2 <= limit)
        cl->local_1d *= 2;
}

static void fill_info(clseq_backend *be, const struct clseq_device *device)
{
    const struct clseq_opencl *cl = clseq_opencl_of(be);
    struct clseq_backend_info *info = &be->info;

    snprintf(info->device, sizeof(info->device), "%s", device->name);
    snprintf(info->platform, sizeof(info->platform), "%s", device->platform);
    snprintf(info->driver, sizeof(info->driver), "%s", device->driver);
    snprintf(info->kernels, sizeof(info->kernels), "%s", cl->cpu_class ? "cpu" : "gpu");
    info->compute_units = cl->compute_units;
    info->memory_bytes = device->memory_bytes;
    info->max_buffer_bytes = cl->max_alloc;
    info->host_memory = device->type[0] == 'c'; /* cpu */
}

/* The device, or another one when the drivers have changed since they were listed. */
static clseq_status find_device(clseq_backend *be, const struct clseq_backend_options *options,
                                const struct clseq_opencl_cache *cache,
                                struct clseq_opencl_device *device,
                                struct clseq_opencl_remembered *remembered)
{
    struct clseq_opencl *cl = clseq_opencl_of(be);
    struct clseq_backend_options again = *options;

    CLSEQ_TRY(clseq_opencl_choose(be->ctx, options, cache, device, remembered));
    if (clseq_opencl_handles(be->ctx, device, &cl->platform, &cl->device) == CLSEQ_OK)
        return CLSEQ_OK;
    clseq_log(be->ctx, CLSEQ_LOG_DEBUG, "OpenCL: %s", clseq_context_error(be->ctx));
    clseq_opencl_choose_forget(be->ctx, options, cache);
    again.probe = false;
    CLSEQ_TRY(clseq_opencl_choose(be->ctx, &again, cache, device, remembered));
    return clseq_opencl_handles(be->ctx, device, &cl->platform, &cl->device);
}

/* On CPUs the provider cpu wins by far, so there is nothing to measure. */
static bool is_tuned(const struct clseq_opencl *cl, const struct clseq_device *device,
                     const struct clseq_backend_options *options)
{
    return options->tune > 0 ||
           (options->tune == 0 && !cl->cpu_class && strcmp(device->type, "gpu") == 0);
}

static clseq_status opencl_open(clseq_backend *be, const struct clseq_backend_options *options)
{
    struct clseq_opencl *cl = clseq_opencl_of(be);
    const struct clseq_opencl_cache *cache = &cl->cache;
    struct clseq_opencl_remembered remembered;
    struct clseq_opencl_device device;
    cl_context_properties properties[] = { CL_CONTEXT_PLATFORM, 0, 0 };
    cl_int code;

    CLSEQ_TRY(clseq_opencl_cache_open(be->ctx, options->cache_folder, &cl->cache));
    CLSEQ_TRY(find_device(be, options, cache, &device, &remembered));
    cl->is_pocl = is_pocl(cl->platform);
    properties[1] = (cl_context_properties)cl->platform;
    cl->context = clCreateContext(properties, 1, &cl->device, NULL, NULL, &code);
    if (code != CL_SUCCESS)
        return clseq_opencl_fail(be->ctx, code, "clCreateContext", "device %s", device.info.name);
    cl->queue = clCreateCommandQueue(cl->context, cl->device, 0, &code);
    if (code != CL_SUCCESS)
        return clseq_opencl_fail(be->ctx, code, "clCreateCommandQueue", "device %s",
                                 device.info.name);
    CLSEQ_TRY(read_limits(be));
    choose_class(cl, &device.info, options);
    fill_info(be, &device.info);
    CLSEQ_TRY(clseq_opencl_programs_open(be, cache));
    CLSEQ_TRY(clseq_opencl_buffers_open(be));
    CLSEQ_TRY(
        clseq_opencl_gemm_open(be, cache, options->gemm, is_tuned(cl, &device.info, options)));
    be->real = CLSEQ_F32;
    CLSEQ_TRY(clseq_opencl_matrix_unit_open(be, cache, options->matrix_unit));
    cl->ops = ops_required;
    be->ops = &cl->ops;
    /* Whole-sequence LSTMs pay where weights are packed once per call. They multiply floats as they
     * are, or with a unit's kernels. */
    if (cl->gemm == CLSEQ_PROVIDER_CPU &&
        (options->precision == CLSEQ_PRECISION_FP32 || (cl->unit && cl->unit->blocks))) {
        cl->ops.lstm_seq_fwd = clseq_opencl_lstm_seq_fwd;
        cl->ops.lstm_seq_bwd = clseq_opencl_lstm_seq_bwd;
    }
    if (cl->cpu_class)
        cl->ops.softmax_xent = clseq_opencl_softmax_xent;
    CLSEQ_TRY(clseq_opencl_argmax_open(be, cache, options->matrix_unit));
    CLSEQ_TRY(clseq_opencl_list_open(be, options->launch_lists));
    clseq_log(be->ctx, CLSEQ_LOG_DEBUG, "OpenCL: %s, %s, %s kernels, %s products, vectors of %d",
              be->info.device, be->info.platform, be->info.kernels, be->info.gemm,
              cl->vector_width);
    cl->remembered = remembered;
    return CLSEQ_OK;
}

static void opencl_close(clseq_backend *be)
{
    struct clseq_opencl *cl = clseq_opencl_of(be);

    clseq_opencl_list_clear(cl);
    if (cl->queue && clFinish(cl->queue) == CL_SUCCESS && be->failed == CLSEQ_OK)
        clseq_opencl_choose_worked(&cl->cache, &cl->remembered);
    if (cl->context)
        clseq_opencl_gemm_close(be);
    clseq_opencl_buffers_close(be);
    clseq_opencl_programs_close(cl);
    if (cl->queue)
        clReleaseCommandQueue(cl->queue);
    if (cl->context)
        clReleaseContext(cl->context);
    cl->queue = NULL;
    cl->context = NULL;
    clseq_opencl_cache_close(&cl->cache);
}

const struct clseq_backend_impl clseq_opencl_backend = {
    .name = "opencl",
    .priv_size = sizeof(struct clseq_opencl),
    .buffer_size = sizeof(struct clseq_opencl_buffer),
    .open = opencl_open,
    .close = opencl_close,
    .sync = clseq_opencl_sync,
    .buffer_create = clseq_opencl_buffer_create,
    .buffer_destroy = clseq_opencl_buffer_destroy,
    .buffer_write = clseq_opencl_buffer_write,
    .buffer_read = clseq_opencl_buffer_read,
    .peaks = clseq_opencl_peaks,
    .peak_now = clseq_opencl_peak_now,
    .gemm_ways = clseq_opencl_gemm_ways,
    .gemm_use = clseq_opencl_gemm_use,
    .dry = clseq_opencl_dry,
};
