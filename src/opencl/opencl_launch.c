/* SPDX-License-Identifier: BSD-2-Clause */
#include "opencl/opencl_launch_list.h"

const char *clseq_opencl_kernel_name(enum clseq_opencl_kernel kernel)
{
    switch (kernel) {
#define X(name, program)                                                                           \
    case CLSEQ_KERNEL_##name:                                                                      \
        return #name;
        CLSEQ_KERNEL_LIST(X)
#undef X
    case CLSEQ_KERNEL_COUNT:
        break;
    }
    return "unknown kernel";
}

size_t clseq_opencl_group_size(const clseq_backend *be, enum clseq_opencl_kernel kernel,
                               size_t wanted)
{
    const struct clseq_opencl *cl = clseq_opencl_of(be);
    size_t limit = cl->max_group, size = 1;

    if (cl->kernels[kernel].max_group < limit)
        limit = cl->kernels[kernel].max_group;
    if (cl->max_items[0] < limit)
        limit = cl->max_items[0];
    while (size * 2 <= wanted && size * 2 <= limit)
        size *= 2;
    return size;
}

static cl_int set_arg(const struct clseq_opencl *cl, cl_kernel kernel, cl_uint i,
                      const struct clseq_opencl_arg *arg)
{
    switch (arg->kind) {
    case CLSEQ_ARG_MEM:
        return clSetKernelArg(kernel, i, sizeof(cl_mem),
                              arg->value.mem ? &arg->value.mem : &cl->none);
    case CLSEQ_ARG_INT:
        return clSetKernelArg(kernel, i, sizeof(cl_int), &arg->value.i);
    case CLSEQ_ARG_UINT:
        return clSetKernelArg(kernel, i, sizeof(cl_uint), &arg->value.u);
    case CLSEQ_ARG_ULONG:
        return clSetKernelArg(kernel, i, sizeof(cl_ulong), &arg->value.ul);
    case CLSEQ_ARG_FLOAT:
        return clSetKernelArg(kernel, i, sizeof(cl_float), &arg->value.f);
    case CLSEQ_ARG_LOCAL:
        return clSetKernelArg(kernel, i, arg->value.local, NULL);
    case CLSEQ_ARG_TOO_BIG:
        break;
    }
    return CL_INVALID_ARG_VALUE;
}

clseq_status clseq_opencl_launch_now(clseq_backend *be, enum clseq_opencl_kernel kernel,
                                     struct clseq_opencl_range range, size_t n_args,
                                     const struct clseq_opencl_arg *args)
{
    const struct clseq_opencl *cl = clseq_opencl_of(be);
    const cl_kernel k = cl->kernels[kernel].kernel;
    cl_int code;

    for (size_t i = 0; i < n_args; i++) {
        if (args[i].kind == CLSEQ_ARG_TOO_BIG)
            return clseq_fail(be->ctx, CLSEQ_ERR_LIMIT,
                              "kernel %s: the stride of a tensor exceeds 2^31 - 1 elements; use a "
                              "smaller batch or vocabulary",
                              clseq_opencl_kernel_name(kernel));
        code = set_arg(cl, k, (cl_uint)i, &args[i]);
        if (code != CL_SUCCESS)
            return clseq_opencl_fail(be->ctx, code, "clSetKernelArg", "kernel %s, argument %zu",
                                     clseq_opencl_kernel_name(kernel), i);
    }
    code = clEnqueueNDRangeKernel(cl->queue, k, range.dims, NULL, range.global,
                                  range.local[0] ? range.local : NULL, 0, NULL, NULL);
    if (code != CL_SUCCESS)
        return clseq_opencl_fail(
            be->ctx, code, "clEnqueueNDRangeKernel",
            "kernel %s, global size %zu x %zu x %zu, work-group %zu x %zu x %zu",
            clseq_opencl_kernel_name(kernel), range.global[0], range.dims > 1 ? range.global[1] : 1,
            range.dims > 2 ? range.global[2] : 1, range.local[0], range.local[1], range.local[2]);
    return CLSEQ_OK;
}

clseq_status clseq_opencl_launch(clseq_backend *be, enum clseq_opencl_kernel kernel,
                                 struct clseq_opencl_range range, size_t n_args,
                                 const struct clseq_opencl_arg *args)
{
    for (cl_uint d = 0; d < range.dims; d++) {
        if (range.global[d] == 0)
            return CLSEQ_OK;
    }
    if (!clseq_opencl_of(be)->kernels[kernel].kernel)
        return clseq_fail(be->ctx, CLSEQ_ERR_INTERNAL,
                          "kernel %s was not built for this device, please report it",
                          clseq_opencl_kernel_name(kernel));
    if (be->dry)
        return CLSEQ_OK;
    if (clseq_opencl_list_takes(be, kernel, &range, n_args, args))
        return clseq_opencl_list_add(be, kernel, &range, n_args, args);
    CLSEQ_TRY(clseq_opencl_list_flush(be));
    return clseq_opencl_launch_now(be, kernel, range, n_args, args);
}
