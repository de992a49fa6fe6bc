/* SPDX-License-Identifier: BSD-2-Clause */
#include "commands.h"
#include "message.h"

#include <clseq/backend.h>

#include <jansson.h>

#include <stdlib.h>

struct values {
    bool json, probe;
    double timeout;
};

static const cli_option options[] = {
    /* clang-format off */
    { "json", 0, CLI_FLAG_FIELD(struct values, json), NULL, NULL, .help = "print a JSON array" },
    { "self-test", 0, CLI_FLAG_FIELD(struct values, probe), NULL, "on",
      .help = "try every device in a child process" },
    { "timeout", 0, CLI_FLOAT_FIELD(struct values, timeout), "SECONDS", "120", .min = 1, .max = 86400,
      .help = "when a silent device counts as hung" },
    /* clang-format on */
};

static void print_json(const struct clseq_device_list *list)
{
    json_t *array = json_array();
    char *text;

    for (int i = 0; i < list->count; i++) {
        const struct clseq_device *d = &list->devices[i];

        json_array_append_new(
            array,
            json_pack("{s:i, s:s, s:s, s:s, s:s, s:s, s:i, s:i, s:i, s:I, s:I, s:I, s:b, s:s, s:f, "
                      "s:f, s:s, s:s}",
                      "index", d->index, "platform", d->platform, "name", d->name, "driver",
                      d->driver, "version", d->version, "type", d->type, "compute_units",
                      (int)d->compute_units, "clock_mhz", (int)d->clock_mhz, "float_vector_width",
                      (int)d->float_vector_width, "memory_bytes", (json_int_t)d->memory_bytes,
                      "max_buffer_bytes", (json_int_t)d->max_buffer_bytes, "local_bytes",
                      (json_int_t)d->local_bytes, "usable", d->usable, "reason", d->reason,
                      "gemm_gflops", d->gemm_gflops, "bf16_gflops", d->bf16_gflops, "bf16_unit",
                      d->bf16_unit, "bf16_reason", d->bf16_reason));
    }
    text = json_dumps(array, JSON_INDENT(2));
    if (text)
        puts(text);
    free(text);
    json_decref(array);
}

static void print_bf16(const struct clseq_device *d)
{
    if (d->bf16_reason[0])
        printf("   --precision bf16 NOT USABLE: %s\n", d->bf16_reason);
    else if (d->bf16_unit[0])
        printf("   --precision bf16: by %s, %.0f GFLOP/s\n", d->bf16_unit, d->bf16_gflops);
    else
        printf("   --precision bf16: no matrix unit, so no faster\n");
}

static void print_text(const struct clseq_device_list *list, bool probed)
{
    if (list->count == 0)
        printf("no OpenCL device: %s\n", list->note);
    for (int i = 0; i < list->count; i++) {
        const struct clseq_device *d = &list->devices[i];

        printf("%d  %s\n", d->index, d->name);
        printf("   platform %s, driver %s\n", d->platform, d->driver);
        printf("   %s, %u compute units, %u MHz, %.2f GiB (largest buffer %.2f GiB), local memory "
               "%llu KiB, float "
               "vectors of %u\n",
               d->type, d->compute_units, d->clock_mhz, (double)d->memory_bytes / (1 << 30),
               (double)d->max_buffer_bytes / (1 << 30), (unsigned long long)d->local_bytes >> 10,
               d->float_vector_width);
        if (probed && d->usable)
            printf("   self-test ok%s", d->gemm_gflops > 0 ? "" : "\n");
        if (probed && d->usable && d->gemm_gflops > 0)
            printf(", %.0f GFLOP/s (512 x 512 x 512)\n", d->gemm_gflops);
        if (probed && d->usable)
            print_bf16(d);
        if (!d->usable && d->reason[0])
            printf("   NOT USABLE: %s\n", d->reason);
    }
    printf("-  reference: scalar C, always there (--backend reference)\n");
}

static int run(const cli_parse *parse, const void *values)
{
    const struct values *v = values;
    struct clseq_device_list list = { 0 };
    clseq_context *ctx = NULL;
    clseq_status status = clseq_context_create(&ctx);
    int code = CLI_EXIT_DONE;

    (void)parse;
    if (status != CLSEQ_OK) {
        cli_error("%s", clseq_status_text(status));
        return cli_exit_code(status);
    }
    clseq_context_set_log(ctx, cli_log, NULL, CLSEQ_LOG_INFO);
    status = clseq_device_list(ctx, v->probe, v->timeout, &list);
    if (status != CLSEQ_OK)
        code = cli_report(ctx, status);
    else if (v->json)
        print_json(&list);
    else
        print_text(&list, v->probe);
    clseq_device_list_fini(&list);
    clseq_context_destroy(&ctx);
    return code;
}

const cli_command cmd_devices = {
    .name = "devices",
    .arguments = "",
    .summary = "list OpenCL devices and self-test them",
    .details = "The number in front, or a part of the name, is what --device takes. A driver that "
               "crashes or\n"
               "hangs does so in a child process and is reported here.\n",
    .options = options,
    .option_count = sizeof(options) / sizeof(options[0]),
    .values_size = sizeof(struct values),
    .run = run,
};
