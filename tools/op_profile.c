/* SPDX-License-Identifier: BSD-2-Clause */
#include "op_profile.h"

#include <string.h>

/* Peaks are measured at another moment, and by reading only: a little more is still the memory. */
#define CACHE_SHARE 1.25
/* Calls shorter than this, so far from both peaks, are mostly launching and waiting. */
#define SHORT_SECONDS 100e-6
#define FAR_SHARE     0.25
/* From here on the memory is what limits. */
#define MEMORY_SHARE 0.5
/* Advice for the most expensive operations, if they take so much of the time. */
#define ADVICE_MAX   3
#define ADVICE_SHARE 0.03

enum op_limit op_profile_limit(const struct clseq_profile_row *row, const struct clseq_peaks *peaks,
                               double *share)
{
    const double time = row->seconds > 0 ? row->seconds : 1e-9;
    const double compute = peaks->gflops > 0 ? 1e-9 * row->flops / time / peaks->gflops : 0;
    const double memory = peaks->gb_per_s > 0 ? 1e-9 * row->bytes / time / peaks->gb_per_s : 0;

    *share = compute > memory ? compute : memory;
    if (peaks->gflops <= 0 || peaks->gb_per_s <= 0)
        return OP_LIMIT_UNKNOWN;
    if (*share < FAR_SHARE && time < SHORT_SECONDS * (double)row->calls)
        return OP_LIMIT_LAUNCH;
    if (compute >= memory)
        return OP_LIMIT_COMPUTE;
    if (memory > CACHE_SHARE)
        return OP_LIMIT_CACHE;
    return row->flops > 0 || memory >= MEMORY_SHARE ? OP_LIMIT_MEMORY : OP_LIMIT_OTHER;
}

static const char *limit_text(enum op_limit limit, double share, char text[64])
{
    switch (limit) {
    case OP_LIMIT_COMPUTE:
        snprintf(text, 64, "%.0f%% of the FMA peak", 100 * share);
        return text;
    case OP_LIMIT_MEMORY:
    case OP_LIMIT_OTHER:
        snprintf(text, 64, "%.0f%% of the memory peak", 100 * share);
        return text;
    case OP_LIMIT_CACHE:
        return "in cache";
    case OP_LIMIT_LAUNCH:
        return "short calls";
    default:
        return "";
    }
}

/* One line about an operation that takes `part` of the time. */
static void print_advice(const struct clseq_profile_row *row, enum op_limit limit, double share,
                         double part)
{
    const double gain = 100 * part * (1 - (share < 1 ? share : 1));

    fprintf(stderr, "  %s, %.0f%% of the time: ", row->op, 100 * part);
    switch (limit) {
    case OP_LIMIT_COMPUTE:
        fprintf(stderr, "at the FMA peak all would take %.0f%% less; %s\n", gain,
                strcmp(row->op, "gemm") == 0
                    ? "`clseq bench gemm` shows which products and providers are slow"
                    : "a larger batch makes its products larger");
        break;
    case OP_LIMIT_MEMORY:
        fprintf(stderr,
                "at the memory peak all would take %.0f%% less; beyond, only touching less "
                "memory helps: %s\n",
                gain, row->flops > 0 ? "a larger batch uses weights more often" : "fusing it");
        break;
    case OP_LIMIT_CACHE:
        fprintf(stderr, "a faster memory would not help; fusing it with its neighbour would\n");
        break;
    case OP_LIMIT_LAUNCH:
        fprintf(stderr,
                "calls of %.0f us are mostly launching and waiting; fewer, larger ones help: a "
                "larger batch, or fusing\n",
                1e6 * row->seconds / (double)row->calls);
        break;
    default:
        fprintf(stderr, "far from the memory peak, so its arithmetic (exp, tanh, comparisons) or "
                        "too few items at work\n");
    }
}

static void print_row(const struct clseq_profile_row *row, const struct clseq_peaks *peaks,
                      double total)
{
    char flops[32] = "-", text[64];
    double share;
    const enum op_limit limit = op_profile_limit(row, peaks, &share);

    if (row->flops > 0)
        snprintf(flops, sizeof(flops), "%.1f", row->flops / row->seconds * 1e-9);
    fprintf(stderr, "%-18s %8llu %10.1f %9.3f %5.1f%% %9s %8.2f  %s\n", row->op,
            (unsigned long long)row->calls, 1e6 * row->seconds / (double)row->calls, row->seconds,
            100 * row->seconds / total, flops, row->bytes / row->seconds * 1e-9,
            limit_text(limit, share, text));
}

void op_profile_print(clseq_backend *be, const struct clseq_peaks *peaks)
{
    struct clseq_profile_row rows[64];
    const int n = clseq_backend_profile(be, rows, 64);
    struct clseq_peaks now = { 0 };
    double total = 0;

    for (int i = 0; i < n; i++)
        total += rows[i].seconds;
    if (n == 0 || total <= 0)
        return;
    if (!peaks && clseq_backend_peaks(be, &now) != CLSEQ_OK)
        now = (struct clseq_peaks) { 0 };
    if (!peaks)
        peaks = &now;
    fprintf(stderr, "%-18s %8s %10s %9s %6s %9s %8s\n", "operation", "calls", "us a call",
            "seconds", "share", "GFLOP/s", "GB/s");
    for (int i = 0; i < n; i++)
        print_row(&rows[i], peaks, total);
    if (peaks->gflops <= 0)
        return;
    fprintf(stderr, "peaks: %.1f GFLOP/s, %.1f GB/s. What would help:\n", peaks->gflops,
            peaks->gb_per_s);
    for (int i = 0; i < n && i < ADVICE_MAX && rows[i].seconds >= ADVICE_SHARE * total; i++) {
        double share;
        const enum op_limit limit = op_profile_limit(&rows[i], peaks, &share);

        print_advice(&rows[i], limit, share, rows[i].seconds / total);
    }
}
