/* SPDX-License-Identifier: BSD-2-Clause */
#include "device_options.h"

#include "message.h"

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

/* The share of its time that an operation would need at the peak that bounds it; 0 = unknown. */
static double share_of_peak(const struct clseq_profile_row *row, const struct clseq_peaks *peaks,
                            const char **bound)
{
    const double compute = peaks->gflops > 0 ? row->flops / row->seconds / peaks->gflops : 0;
    const double memory = peaks->gb_per_s > 0 ? row->bytes / row->seconds / peaks->gb_per_s : 0;

    *bound = compute > memory ? "compute" : "memory";
    return 1e-9 * (compute > memory ? compute : memory);
}

/* Where the most time is lost against the peaks. */
static void print_advice(const struct clseq_profile_row *rows, int n, double total,
                         const struct clseq_peaks *peaks)
{
    const char *bound = "", *worst_bound = "";
    double most = 0, worst_share = 0;
    int worst = -1;

    for (int i = 0; i < n; i++) {
        const double share = share_of_peak(&rows[i], peaks, &bound);

        if (share > 0 && share < 1 && rows[i].seconds * (1 - share) > most) {
            most = rows[i].seconds * (1 - share);
            worst = i;
            worst_share = share;
            worst_bound = bound;
        }
    }
    if (worst >= 0)
        fprintf(stderr,
                "most to gain: %s runs at %.0f%% of the %s peak; at the peak all would take %.0f%% "
                "less time\n",
                rows[worst].op, 100 * worst_share, worst_bound, 100 * most / total);
}

static void print_profile(clseq_backend *be)
{
    struct clseq_profile_row rows[64];
    const int n = clseq_backend_profile(be, rows, 64);
    struct clseq_peaks peaks;
    double total = 0;

    for (int i = 0; i < n; i++)
        total += rows[i].seconds;
    if (n == 0 || total <= 0)
        return;
    if (clseq_backend_peaks(be, &peaks) != CLSEQ_OK)
        peaks = (struct clseq_peaks) { 0 };
    fprintf(stderr, "%-18s %10s %10s %6s %10s %10s  %s\n", "operation", "calls", "seconds", "share",
            "GFLOP/s", "GB/s", peaks.gflops > 0 ? "of the peak" : "");
    for (int i = 0; i < n; i++) {
        const char *bound;
        const double share = share_of_peak(&rows[i], &peaks, &bound);

        fprintf(stderr, "%-18s %10llu %10.3f %5.1f%% %10.1f %10.2f", rows[i].op,
                (unsigned long long)rows[i].calls, rows[i].seconds, 100 * rows[i].seconds / total,
                rows[i].flops / rows[i].seconds * 1e-9, rows[i].bytes / rows[i].seconds * 1e-9);
        if (share > 0)
            fprintf(stderr, "  %3.0f%% %s", 100 * share, bound);
        fputc('\n', stderr);
    }
    if (peaks.gflops > 0) {
        fprintf(stderr, "peaks: %.1f GFLOP/s, %.1f GB/s; caches can give more than the memory\n",
                peaks.gflops, peaks.gb_per_s);
        print_advice(rows, n, total, &peaks);
    }
}

void device_close(const struct device_options *options, clseq_context **ctx, clseq_backend **be)
{
    if (options->profile && *be)
        print_profile(*be);
    clseq_backend_close(be);
    clseq_context_destroy(ctx);
}
