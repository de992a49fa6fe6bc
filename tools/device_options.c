/* SPDX-License-Identifier: BSD-2-Clause */
#include "device_options.h"

#include "message.h"

static const char *const backends[] = { "auto", "opencl", "reference", "mirror" };

int device_open(const struct device_options *options, clseq_context **ctx, clseq_backend **be)
{
    struct clseq_backend_options wanted;
    clseq_status status;

    status = clseq_context_create(ctx);
    if (status != CLSEQ_OK) {
        cli_error("%s", clseq_status_text(status));
        return cli_exit_code(status);
    }
    clseq_context_set_log(*ctx, cli_log, NULL, CLSEQ_LOG_INFO);
    clseq_backend_options_init(&wanted);
    wanted.name = backends[options->backend];
    wanted.device = options->device;
    wanted.kernels = (clseq_kernel_class)options->kernels;
    wanted.gemm = (clseq_gemm_provider)options->gemm;
    wanted.profile = options->profile;
    status = clseq_backend_open(*ctx, &wanted, be);
    if (status != CLSEQ_OK) {
        const int code = cli_report(*ctx, status);

        clseq_context_destroy(ctx);
        return code;
    }
    return CLI_EXIT_DONE;
}

static void print_profile(const clseq_backend *be)
{
    struct clseq_profile_row rows[64];
    const int n = clseq_backend_profile(be, rows, 64);
    double total = 0;

    for (int i = 0; i < n; i++)
        total += rows[i].seconds;
    if (n == 0 || total <= 0)
        return;
    fprintf(stderr, "%-18s %10s %10s %6s %10s %10s\n", "operation", "calls", "seconds", "share",
            "GFLOP/s", "GB/s");
    for (int i = 0; i < n; i++)
        fprintf(stderr, "%-18s %10llu %10.3f %5.1f%% %10.1f %10.2f\n", rows[i].op,
                (unsigned long long)rows[i].calls, rows[i].seconds, 100 * rows[i].seconds / total,
                rows[i].flops / rows[i].seconds * 1e-9, rows[i].bytes / rows[i].seconds * 1e-9);
}

void device_close(const struct device_options *options, clseq_context **ctx, clseq_backend **be)
{
    if (options->profile && *be)
        print_profile(*be);
    clseq_backend_close(be);
    clseq_context_destroy(ctx);
}
