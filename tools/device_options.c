/* SPDX-License-Identifier: BSD-2-Clause */
#include "device_options.h"

#include "message.h"
#include "op_profile.h"

static const char *const backends[] = { "auto", "opencl", "reference", "mirror" };

clseq_status device_open_another(const struct device_options *options, clseq_context *ctx,
                                 const char *name, clseq_gemm_provider gemm, clseq_backend **be)
{
    static const int tune[] = { 0, 1, -1 };
    struct clseq_backend_options wanted;

    clseq_backend_options_init(&wanted);
    wanted.name = name;
    wanted.device = options->device;
    wanted.kernels = (clseq_kernel_class)options->kernels;
    wanted.gemm = gemm;
    wanted.precision = (clseq_precision)options->precision;
    wanted.matrix_unit = options->matrix_unit ? "none" : NULL;
    wanted.tune = tune[options->tune];
    wanted.profile = options->profile;
    return clseq_backend_open(ctx, &wanted, be);
}

int device_open(const struct device_options *options, clseq_context **ctx, clseq_backend **be)
{
    clseq_status status;

    status = clseq_context_create(ctx);
    if (status != CLSEQ_OK) {
        cli_error("%s", clseq_status_text(status));
        return cli_exit_code(status);
    }
    clseq_context_set_log(*ctx, cli_log, NULL, CLSEQ_LOG_INFO);
    status = device_open_another(options, *ctx, backends[options->backend],
                                 (clseq_gemm_provider)options->gemm, be);
    if (status != CLSEQ_OK) {
        const int code = cli_report(*ctx, status);

        clseq_context_destroy(ctx);
        return code;
    }
    return CLI_EXIT_DONE;
}

void device_close(const struct device_options *options, clseq_context **ctx, clseq_backend **be)
{
    if (options->profile && *be)
        op_profile_print(*be, NULL);
    clseq_backend_close(be);
    clseq_context_destroy(ctx);
}
