/* SPDX-License-Identifier: BSD-2-Clause */
#include "gemm_table.h"

#include "message.h"

#include <clseq/version.h>

#include <string.h>

/* The backend of the command, the other two providers and the reference path. */
#define BACKENDS 4
#define CELL     12

struct backends {
    clseq_backend *be[BACKENDS];
    int count; /* the first is borrowed */
};

/* Providers that the device or this build does not have are named and left out. */
static void open_others(const struct gemm_table *t, struct backends *b)
{
    static const struct {
        const char *backend, *provider;
        clseq_gemm_provider gemm;
    } others[] = {
        { "opencl", "cpu", CLSEQ_GEMM_CPU },
        { "opencl", "gpu", CLSEQ_GEMM_GPU },
        { "opencl", "clblast", CLSEQ_GEMM_CLBLAST },
        { "reference", "reference", CLSEQ_GEMM_AUTO },
    };
    const struct clseq_backend_info *first = clseq_backend_info(t->be);
    struct device_options device = *t->device;

    /* One column is enough for it. */
    device.matrix_unit = true;
    b->be[b->count++] = t->be;
    if (strcmp(first->name, "opencl") != 0 || t->device->gemm != 0)
        return;
    for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
        clseq_backend *be = NULL;

        if (strcmp(first->gemm, others[i].provider) == 0)
            continue;
        if (device_open_another(&device, t->ctx, others[i].backend, others[i].gemm, &be) !=
            CLSEQ_OK)
            cli_note("without provider %s: %s", others[i].provider, clseq_context_error(t->ctx));
        else if (strcmp(clseq_backend_info(be)->gemm, others[i].provider) != 0)
            clseq_backend_close(&be); /* a warning has said why */
        else
            b->be[b->count++] = be;
    }
}

static void close_others(struct backends *b)
{
    for (int i = 1; i < b->count; i++)
        clseq_backend_close(&b->be[i]);
}

/* "1600 x 2048 x 512 nt" */
static const char *shape_text(const struct clseq_bench_product *p, char text[64])
{
    snprintf(text, 64, "%d x %d x %d %c%c", p->m, p->n, p->k, p->trans_a ? 't' : 'n',
             p->trans_b ? 't' : 'n');
    return text;
}

static double memory_share(const struct gemm_table *t, const struct clseq_bench_gemm_row *row)
{
    return t->peaks.gb_per_s > 0 ? row->gb_per_s / t->peaks.gb_per_s : 0;
}

static void print_json(const struct gemm_table *t, const char *size,
                       const struct clseq_bench_product *p, const struct clseq_bench_gemm_row *row)
{
    const struct clseq_backend_info *info = clseq_backend_info(t->be);
    const struct clseq_bench_result *r = &row->result;
    char shape[64];

    printf("{\"system\":\"clseq %s %s/%s\",\"device\":\"%s\",\"size\":\"%s\","
           "\"precision\":\"%s\",\"what\":\"gemm %s\",\"product\":\"%s\",\"provider\":\"%s\","
           "\"chosen\":%s,\"repeats\":%d,",
           CLSEQ_VERSION_STRING, info->name, row->by, info->device, size,
           clseq_precision_name(info->precision), shape_text(p, shape), p->what, row->by,
           row->chosen ? "true" : "false", r->steps);
    if (r->steps == 0)
        printf("\"skipped\":\"%s\",\"expected_ms\":%.6g}\n", "time", 1e3 * row->expected);
    else
        printf("\"ms\":%.6g,\"min\":%.6g,\"max\":%.6g,\"gflops\":%.6g,\"peak_share\":%.6g,"
               "\"gb_per_s\":%.6g,\"memory_share\":%.6g,\"peak_gflops\":%.6g,"
               "\"peak_gb_per_s\":%.6g}\n",
               r->ms, r->ms_min, r->ms_max, r->gflops, r->peak_share, row->gb_per_s,
               memory_share(t, row), t->peaks.gflops, t->peaks.gb_per_s);
}

/* "140.2 72%*" */
static void print_cell(double value, double share, const char *mark)
{
    char text[64], percent[32] = "";

    if (share > 0)
        snprintf(percent, sizeof(percent), " %.0f%%", 100 * share);
    snprintf(text, sizeof(text), "%.*f%s%s", value < 10 ? 2 : 1, value, percent, mark);
    printf(" %*s", CELL, text);
}

static void print_header(const struct gemm_table *t, const struct clseq_bench_gemm_row *rows, int n)
{
    printf("%-42s", t->peaks.gflops > 0 ? "GFLOP/s, share of the FMA peak" : "GFLOP/s");
    for (int i = 0; i < n; i++)
        printf(" %*s", CELL, rows[i].by);
    putchar('\n');
}

static void print_row(const struct gemm_table *t, const struct clseq_bench_product *p,
                      const struct clseq_bench_gemm_row *rows, int n)
{
    char shape[64];

    printf("%-18s %-23s", p->what, shape_text(p, shape));
    for (int i = 0; i < n; i++) {
        const char *mark = rows[i].chosen ? "*" : " ";

        if (!rows[i].takes)
            printf(" %*s", CELL, "- ");
        else if (rows[i].result.steps == 0)
            printf(" %*s%s", CELL - 1, "time", mark);
        else
            print_cell(rows[i].result.gflops, rows[i].result.peak_share, mark);
    }
    putchar('\n');
    if (!p->memory)
        return;
    printf("%-18s %-23s", "", t->peaks.gb_per_s > 0 ? "GB/s, share of the peak" : "GB/s");
    for (int i = 0; i < n; i++) {
        if (rows[i].result.steps > 0)
            print_cell(rows[i].gb_per_s, memory_share(t, &rows[i]), " ");
        else
            printf(" %*s", CELL, "");
    }
    putchar('\n');
}

/* What was skipped, a line for each provider. */
static void print_skipped(const struct gemm_table *t, const struct clseq_bench_product *products,
                          struct clseq_bench_gemm_row rows[][CLSEQ_BENCH_ROWS], int n)
{
    for (int i = 0; i < n; i++) {
        bool any = false;

        for (int k = 0; k < CLSEQ_BENCH_PRODUCTS; k++) {
            if (!rows[k][i].takes || rows[k][i].result.steps > 0)
                continue;
            if (any)
                printf("; ");
            else
                printf("not timed, as once would take more than --limit %g: %s: ", t->limit,
                       rows[k][i].by);
            printf("%s (about %.1f s)", products[k].what, rows[k][i].expected);
            any = true;
        }
        if (any)
            putchar('\n');
    }
}

static clseq_status print_products(const struct gemm_table *t, const struct backends *b,
                                   const struct clseq_bench_size *size)
{
    struct clseq_bench_product products[CLSEQ_BENCH_PRODUCTS];
    struct clseq_bench_gemm_row rows[CLSEQ_BENCH_PRODUCTS][CLSEQ_BENCH_ROWS];
    int n = 0;

    clseq_bench_products(size, products);
    for (int k = 0; k < CLSEQ_BENCH_PRODUCTS; k++) {
        const clseq_status status = clseq_bench_gemm(t->ctx, b->be, b->count, &products[k],
                                                     t->steps, t->limit, rows[k], &n);

        if (status != CLSEQ_OK)
            return status;
        if (t->json) {
            for (int i = 0; i < n; i++) {
                if (rows[k][i].takes)
                    print_json(t, size->name, &products[k], &rows[k][i]);
            }
        } else {
            if (k == 0)
                print_header(t, rows[k], n);
            print_row(t, &products[k], rows[k], n);
        }
        fflush(stdout);
    }
    if (t->json)
        return CLSEQ_OK;
    printf("* is what a model takes%s; - is not made for the shape. Medians of up to %d runs, all "
           "in turn.\n",
           t->device->gemm == 0 ? " here" : " with these options", t->steps);
    print_skipped(t, products, rows, n);
    return CLSEQ_OK;
}

clseq_status gemm_table_print(const struct gemm_table *table, const struct clseq_bench_size *size)
{
    struct backends b = { .count = 0 };
    clseq_status status;

    open_others(table, &b);
    status = print_products(table, &b, size);
    close_others(&b);
    return status;
}
