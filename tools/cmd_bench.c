/* SPDX-License-Identifier: BSD-2-Clause */
#include "commands.h"
#include "device_options.h"
#include "gemm_table.h"
#include "message.h"
#include "model_options.h"
#include "op_profile.h"

#include <clseq/bench.h>
#include <clseq/version.h>

#include <string.h>

enum { TRAIN, DECODE, GEMM };

struct values {
    int size;
    int64_t steps, beam;
    int64_t batch, length, layers, embedding, hidden, source_vocab,
        target_vocab; /* 0: the size's */
    int loss;
    int64_t samples;
    struct model_options model;
    double limit;
    bool no_tables;
    bool json;
    struct device_options device;
};

/* An open device and what it can do at best. */
struct bench {
    const struct values *v;
    clseq_context *ctx;
    clseq_backend *be;
    struct clseq_peaks peaks;
};

static const cli_option options[] = {
    /* clang-format off */
    { "size", 0, CLI_CHOICE_FIELD(struct values, size), "S|M|L|P", "M",
      .help = "model and batch: docs/benchmarks.md has the table" },
    { "steps", 0, CLI_INT_FIELD(struct values, steps), "N", "5", .min = 1, .max = 100000,
      .help = "timed repetitions; the median is reported" },
    { "beam", 0, CLI_INT_FIELD(struct values, beam), "N", "5", .min = 1, .max = 64,
      .help = "decode: hypotheses of the beam that is timed beside greedy search" },
    { "no-tables", 0, CLI_FLAG_FIELD(struct values, no_tables), NULL, NULL,
      .help = "decode: as at the start of a text, before the input products of all words are made" },
    { "limit", 0, CLI_FLOAT_FIELD(struct values, limit), "SECONDS", "1", .min = 0, .max = 3600, .bounds = CLI_ABOVE_MIN,
      .help = "gemm: a provider may take so long for a product; slower ones are repeated less often, or skipped" },
    { "batch", 0, CLI_INT_FIELD(struct values, batch), "N", NULL, .min = 1, .max = 65536,
      .group = "Other than the size", .help = "sentences at once; decode takes 1 and the size's when not given" },
    { "length", 0, CLI_INT_FIELD(struct values, length), "N", NULL, .min = 2, .max = 10000,
      .group = "Other than the size", .help = "words of source and target" },
    { "layers", 0, CLI_INT_FIELD(struct values, layers), "N", NULL, .min = 1, .max = 16,
      .group = "Other than the size", .help = "of encoder and decoder" },
    { "emb", 0, CLI_INT_FIELD(struct values, embedding), "N", NULL, .min = 1, .max = 65536,
      .group = "Other than the size", .help = "floats of an embedding" },
    { "hidden", 0, CLI_INT_FIELD(struct values, hidden), "N", NULL, .min = 1, .max = 65536,
      .group = "Other than the size", .help = "units of a layer" },
    { "source-vocab", 0, CLI_INT_FIELD(struct values, source_vocab), "N", NULL, .min = 5, .max = 4e6,
      .group = "Other than the size", .help = "source words" },
    { "target-vocab", 0, CLI_INT_FIELD(struct values, target_vocab), "N", NULL, .min = 5, .max = 4e6,
      .group = "Other than the size", .help = "target words" },
    MODEL_OPTIONS(struct values, model, "Other than the size"),
    { "loss", 0, CLI_CHOICE_FIELD(struct values, loss), "softmax|sampled", "softmax", .group = "Other than the size",
      .help = "train: over all target words, or over words drawn for each update" },
    { "samples", 0, CLI_INT_FIELD(struct values, samples), "N", "2048", .min = 1, .max = 4e6, .group = "Other than the size",
      .help = "words drawn" },
    { "json", 0, CLI_FLAG_FIELD(struct values, json), NULL, NULL, .help = "one JSON object a line" },
    /* clang-format on */
    DEVICE_OPTIONS(struct values, device),
};

static const char *const size_names[] = { "S", "M", "L", "P" };

/* "  62% of the peak", or nothing where the peak is not known. */
static const char *share(const struct clseq_bench_result *r, char text[32])
{
    text[0] = 0;
    if (r->peak_share > 0)
        snprintf(text, 32, "  %3.0f%% of the peak", 100 * r->peak_share);
    return text;
}

static void print_result(const struct bench *b, const char *size, const char *what,
                         const struct clseq_bench_result *r)
{
    const struct clseq_backend_info *info = clseq_backend_info(b->be);
    char text[32];

    if (b->v->json)
        printf(
            "{\"system\":\"clseq %s "
            "%s/%s\",\"device\":\"%s\",\"size\":\"%s\",\"precision\":\"%s\",\"what\":\"%s\","
            "\"%s\":%.6g,\"min\":%.6g,\"max\":%.6g,\"target_tokens_per_s\":%.6g,\"gflops\":%.6g,"
            "\"peak_share\":%.6g,\"peak_gflops\":%.6g,\"peak_gb_per_s\":%.6g,\"device_bytes\":%llu,"
            "\"buffers_created\":%llu,\"reads\":%llu,\"table_bytes\":%llu,\"table_ms\":%.6g}\n",
            CLSEQ_VERSION_STRING, info->name, info->gemm, info->device, size_names[b->v->size],
            clseq_precision_name(info->precision), what,
            strcmp(what, "train") == 0 ? "ms_per_step" : "ms", r->ms, r->ms_min, r->ms_max,
            r->target_tokens_per_s, r->gflops, r->peak_share, b->peaks.gflops, b->peaks.gb_per_s,
            (unsigned long long)r->device_bytes, (unsigned long long)r->buffers_created,
            (unsigned long long)r->reads, (unsigned long long)r->table_bytes, r->table_ms);
    else
        printf("%-18s %10.2f ms (%.2f to %.2f)  %10.0f target tokens/s  %7.1f GFLOP/s%s\n", what,
               r->ms, r->ms_min, r->ms_max, r->target_tokens_per_s, r->gflops, share(r, text));
    fflush(stdout);
}

/* Of what was timed last. */
static void print_profile(const struct bench *b)
{
    fflush(stdout);
    op_profile_print(b->be, &b->peaks);
    clseq_backend_profile_reset(b->be);
}

static clseq_status bench_train(const struct bench *b, const struct clseq_bench_size *size)
{
    struct clseq_bench_result r;
    const clseq_status status = clseq_bench_train(b->ctx, b->be, size, (int)b->v->steps, &r);

    if (status != CLSEQ_OK)
        return status;
    print_result(b, size->name, "train", &r);
    if (!b->v->json)
        printf("%.0f MB on the device; in the timed steps %llu buffers were made and %llu values "
               "read back\n",
               1e-6 * (double)r.device_bytes, (unsigned long long)r.buffers_created,
               (unsigned long long)r.reads);
    print_profile(b);
    return CLSEQ_OK;
}

static clseq_status bench_decode(const struct bench *b, const struct clseq_bench_size *size)
{
    const struct values *v = b->v;
    const int32_t batches[2] = { v->batch ? (int32_t)v->batch : 1,
                                 v->batch ? (int32_t)v->batch : size->B };

    for (int i = v->batch ? 1 : 0; i < 2; i++) {
        for (int beam = 0; beam < (v->beam > 1 ? 2 : 1); beam++) {
            struct clseq_bench_result r;
            char what[64];
            const clseq_status status =
                clseq_bench_decode(b->ctx, b->be, size, batches[i], beam ? (int32_t)v->beam : 1,
                                   !v->no_tables, (int)v->steps, &r);

            if (status != CLSEQ_OK)
                return status;
            if (beam)
                snprintf(what, sizeof(what), "beam %d batch %d", (int)v->beam, batches[i]);
            else
                snprintf(what, sizeof(what), "greedy batch %d", batches[i]);
            print_result(b, size->name, what, &r);
            if (r.table_bytes > 0 && !v->json)
                printf("%-18s input products of all words, %.0f MB, were made before, in %.1f ms\n",
                       "", 1e-6 * (double)r.table_bytes, r.table_ms);
            print_profile(b);
        }
    }
    return CLSEQ_OK;
}

static clseq_status bench(struct bench *b, int kind, const struct clseq_bench_size *size)
{
    const struct clseq_backend_info *info = clseq_backend_info(b->be);
    const clseq_status status = clseq_backend_peaks(b->be, &b->peaks);
    struct gemm_table table = { .ctx = b->ctx,
                                .be = b->be,
                                .device = &b->v->device,
                                .steps = (int)b->v->steps,
                                .limit = b->v->limit,
                                .json = b->v->json };

    if (status != CLSEQ_OK)
        return status;
    if (!b->v->json) {
        printf("clseq %s, %s on %s%s%s%s, products by %s in %s, size %s\n", CLSEQ_VERSION_STRING,
               info->name, info->device, info->driver[0] ? " (" : "", info->driver,
               info->driver[0] ? ")" : "", info->gemm, clseq_precision_name(info->precision),
               size->name);
        if (b->peaks.gflops > 0)
            printf("peaks measured now: %.1f GFLOP/s, %.1f GB/s\n", b->peaks.gflops,
                   b->peaks.gb_per_s);
    }
    table.peaks = b->peaks;
    return kind == TRAIN    ? bench_train(b, size)
           : kind == DECODE ? bench_decode(b, size)
                            : gemm_table_print(&table, size);
}

static void set_if_given(int32_t *field, int64_t value)
{
    if (value > 0)
        *field = (int32_t)value;
}

/* The size that was asked for; `name` gets a star when options changed it. */
static bool size_of(const struct values *v, struct clseq_bench_size *size, char name[8])
{
    struct clseq_model_config plain;

    if (!clseq_bench_size_find(size_names[v->size], size))
        return false;
    plain = size->model;
    model_options_fill(&v->model, &size->model);
    snprintf(name, 8, "%s%s", size->name,
             v->batch || v->length || v->layers || v->embedding || v->hidden || v->source_vocab ||
                     v->target_vocab || v->loss || memcmp(&plain, &size->model, sizeof(plain)) != 0
                 ? "*"
                 : "");
    set_if_given(&size->B, v->batch);
    set_if_given(&size->S, v->length);
    set_if_given(&size->T, v->length);
    set_if_given(&size->model.layers, v->layers);
    set_if_given(&size->model.embedding, v->embedding);
    set_if_given(&size->model.hidden, v->hidden);
    set_if_given(&size->model.source_vocabulary, v->source_vocab);
    set_if_given(&size->model.target_vocabulary, v->target_vocab);
    size->samples = v->loss ? (int32_t)v->samples : 0;
    size->name = name;
    return true;
}

static int run(const cli_parse *parse, const void *values)
{
    const struct values *v = values;
    const char *what = parse->argument_count > 0 ? parse->arguments[0] : "train";
    const int kind = cli_choice_index("train|decode|gemm", what);
    struct bench b = { .v = v };
    struct clseq_bench_size size;
    char name[8];
    clseq_status status;
    int code;

    if (kind < 0 || !size_of(v, &size, name)) {
        cli_error("there is no benchmark \"%s\": use train, decode or gemm", what);
        return CLI_EXIT_USAGE;
    }
    if (kind == GEMM && v->device.profile) {
        cli_error("--profile is for train and decode; gemm times nothing but products");
        return CLI_EXIT_USAGE;
    }
    code = device_open(&v->device, &b.ctx, &b.be);
    if (code != CLI_EXIT_DONE)
        return code;
    status = bench(&b, kind, &size);
    if (status != CLSEQ_OK)
        code = cli_report(b.ctx, status);
    device_close(&v->device, &b.ctx, &b.be);
    return code;
}

const cli_command cmd_bench = {
    .name = "bench",
    .arguments = "[WHAT]",
    .summary = "speed of this machine: train (default), decode or gemm",
    .details = "  clseq bench train --size M\n"
               "  clseq bench train --size M --target-vocab 80000\n"
               "  clseq bench train --size M --target-vocab 80000 --loss sampled\n"
               "  clseq bench train --size M --profile      where the time of a step goes\n"
               "  clseq bench gemm --size M                 every provider of matrix products\n"
               "  clseq bench gemm --size L --gemm clblast  one of them\n",
    .options = options,
    .option_count = sizeof(options) / sizeof(options[0]),
    .values_size = sizeof(struct values),
    .run = run,
};
