/* SPDX-License-Identifier: BSD-2-Clause */
#include "opencl/opencl_impl.h"

#include <stdio.h>

/* X(name, hint): what a person can do about it, or "". */
#define CODES(X)                                                                                   \
    X(CL_SUCCESS, "")                                                                              \
    X(CL_DEVICE_NOT_FOUND, "the platform has no device; see clseq devices")                        \
    X(CL_DEVICE_NOT_AVAILABLE, "another program may hold the device")                              \
    X(CL_COMPILER_NOT_AVAILABLE, "the driver came without its compiler; reinstall it")             \
    X(CL_MEM_OBJECT_ALLOCATION_FAILURE, "device memory is full; use a smaller batch or model")     \
    X(CL_OUT_OF_RESOURCES,                                                                         \
      "device memory may be full, or the driver stopped a kernel that ran too long")               \
    X(CL_OUT_OF_HOST_MEMORY, "host memory is full")                                                \
    X(CL_PROFILING_INFO_NOT_AVAILABLE, "")                                                         \
    X(CL_MEM_COPY_OVERLAP, "")                                                                     \
    X(CL_BUILD_PROGRAM_FAILURE, "")                                                                \
    X(CL_MAP_FAILURE, "")                                                                          \
    X(CL_MISALIGNED_SUB_BUFFER_OFFSET, "")                                                         \
    X(CL_EXEC_STATUS_ERROR_FOR_EVENTS_IN_WAIT_LIST, "an earlier command failed")                   \
    X(CL_COMPILE_PROGRAM_FAILURE, "")                                                              \
    X(CL_LINKER_NOT_AVAILABLE, "the driver came without its linker; reinstall it")                 \
    X(CL_LINK_PROGRAM_FAILURE, "")                                                                 \
    X(CL_DEVICE_PARTITION_FAILED, "")                                                              \
    X(CL_KERNEL_ARG_INFO_NOT_AVAILABLE, "")                                                        \
    X(CL_INVALID_VALUE, "")                                                                        \
    X(CL_INVALID_DEVICE_TYPE, "")                                                                  \
    X(CL_INVALID_PLATFORM, "")                                                                     \
    X(CL_INVALID_DEVICE, "")                                                                       \
    X(CL_INVALID_CONTEXT, "")                                                                      \
    X(CL_INVALID_QUEUE_PROPERTIES, "")                                                             \
    X(CL_INVALID_COMMAND_QUEUE, "the device may have been reset; start the program again")         \
    X(CL_INVALID_HOST_PTR, "")                                                                     \
    X(CL_INVALID_MEM_OBJECT, "")                                                                   \
    X(CL_INVALID_BINARY, "")                                                                       \
    X(CL_INVALID_BUILD_OPTIONS, "the driver does not know a build option")                         \
    X(CL_INVALID_PROGRAM, "")                                                                      \
    X(CL_INVALID_PROGRAM_EXECUTABLE, "")                                                           \
    X(CL_INVALID_KERNEL_NAME, "")                                                                  \
    X(CL_INVALID_KERNEL_DEFINITION, "")                                                            \
    X(CL_INVALID_KERNEL, "")                                                                       \
    X(CL_INVALID_ARG_INDEX, "")                                                                    \
    X(CL_INVALID_ARG_VALUE, "")                                                                    \
    X(CL_INVALID_ARG_SIZE, "")                                                                     \
    X(CL_INVALID_KERNEL_ARGS, "")                                                                  \
    X(CL_INVALID_WORK_DIMENSION, "")                                                               \
    X(CL_INVALID_WORK_GROUP_SIZE, "")                                                              \
    X(CL_INVALID_WORK_ITEM_SIZE, "")                                                               \
    X(CL_INVALID_GLOBAL_OFFSET, "")                                                                \
    X(CL_INVALID_EVENT_WAIT_LIST, "")                                                              \
    X(CL_INVALID_EVENT, "")                                                                        \
    X(CL_INVALID_OPERATION, "")                                                                    \
    X(CL_INVALID_BUFFER_SIZE, "larger than the device's largest buffer")                           \
    X(CL_INVALID_GLOBAL_WORK_SIZE, "")                                                             \
    X(CL_INVALID_PROPERTY, "")                                                                     \
    X(CL_INVALID_COMPILER_OPTIONS, "the driver does not know a build option")                      \
    X(CL_INVALID_LINKER_OPTIONS, "")

/* Of the ICD loader (cl_ext.h): no driver is installed. */
#define PLATFORM_NOT_FOUND (-1001)

const char *clseq_opencl_code_name(cl_int code)
{
    switch (code) {
#define X(name, hint)                                                                              \
    case name:                                                                                     \
        return #name;
        CODES(X)
#undef X
    case PLATFORM_NOT_FOUND:
        return "CL_PLATFORM_NOT_FOUND_KHR";
    }
    return "unknown OpenCL error";
}

static const char *code_hint(cl_int code)
{
    switch (code) {
#define X(name, hint)                                                                              \
    case name:                                                                                     \
        return hint;
        CODES(X)
#undef X
    case PLATFORM_NOT_FOUND:
        return "no OpenCL driver is installed; on Debian: apt install pocl-opencl-icd";
    }
    return "the driver may be damaged; see clseq devices";
}

clseq_status clseq_opencl_fail(clseq_context *ctx, cl_int code, const char *function,
                               const char *fmt, ...)
{
    const char *hint = code_hint(code);
    const bool memory = code == CL_MEM_OBJECT_ALLOCATION_FAILURE ||
                        code == CL_INVALID_BUFFER_SIZE || code == CL_OUT_OF_HOST_MEMORY;
    char what[512];
    va_list args;

    va_start(args, fmt);
    vsnprintf(what, sizeof(what), fmt, args);
    va_end(args);
    return clseq_fail(ctx, memory ? CLSEQ_ERR_DEVICE_NOMEM : CLSEQ_ERR_DEVICE,
                      "%s: %s: %s (%d): %s", what, function, clseq_opencl_code_name(code),
                      (int)code, hint[0] ? hint : "this should not happen, please report it");
}
