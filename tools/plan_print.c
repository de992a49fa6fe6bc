/* SPDX-License-Identifier: BSD-2-Clause */
#include "plan_print.h"

#include "message.h"

#include <clseq/plan.h>

#include <jansson.h>
#include <stdlib.h>

/* The text leaves out what rounds to nothing; JSON has all. */
#define LEAST_SHOWN 5000

static double mb(uint64_t bytes)
{
    return 1e-6 * (double)bytes;
}

/* ---- JSON ---- */

static void put(json_t *object, const char *key, uint64_t value)
{
    json_object_set_new(object, key, json_integer((json_int_t)value));
}

static void put_real(json_t *object, const char *key, double value)
{
    json_object_set_new(object, key, json_real(value));
}

static void put_memory(json_t *object, const struct clseq_plan *p)
{
    json_t *kinds = json_object();

    for (int i = 0; i < p->rows; i++)
        put(kinds, p->row[i].what, p->row[i].bytes);
    json_object_set_new(object, "device_memory", kinds);
    put(object, "device_bytes", p->device_bytes);
    put(object, "valid_activation_bytes", p->valid_activation_bytes);
    put(object, "translate_bytes", p->translate_bytes);
    put(object, "valid_translate_bytes", p->valid_translate_bytes);
    put(object, "device_limit_bytes", p->device_limit);
    put(object, "host_process_bytes", p->host_process);
    put(object, "host_data_bytes", p->host_data);
    put(object, "host_saving_bytes", p->host_saving);
    put(object, "host_peak_bytes", p->host_peak);
    put(object, "host_available_bytes", p->host_available);
}

static void put_time(json_t *object, const struct clseq_plan *p)
{
    if (p->samples == 0)
        return;
    put(object, "timed_updates", (uint64_t)p->samples);
    put_real(object, "update_seconds", p->update_seconds);
    put_real(object, "update_seconds_min", p->update_seconds_min);
    put_real(object, "update_seconds_max", p->update_seconds_max);
    put_real(object, "slowest_update_seconds", p->slowest_update_seconds);
    put_real(object, "target_tokens_per_s", p->target_tokens_per_second);
    put_real(object, "epoch_seconds", p->epoch_seconds);
    put_real(object, "epoch_seconds_min", p->epoch_seconds_min);
    put_real(object, "epoch_seconds_max", p->epoch_seconds_max);
    put_real(object, "valid_seconds", p->valid_seconds);
    put_real(object, "valid_translate_seconds", p->valid_translate_seconds);
    put_real(object, "total_seconds", p->total_seconds);
}

static bool print_json(const struct clseq_backend_info *info, const struct clseq_plan *p)
{
    json_t *object = json_object();
    char *text;

    json_object_set_new(object, "backend", json_string(info->name));
    json_object_set_new(object, "device", json_string(info->device));
    json_object_set_new(object, "precision", json_string(clseq_precision_name(info->precision)));
    json_object_set_new(object, "fits", json_boolean(p->fits));
    if (!p->fits)
        json_object_set_new(object, "advice", json_string(p->advice));
    put(object, "weights", p->weights);
    put(object, "source_vocabulary", (uint64_t)p->source_vocabulary);
    put(object, "target_vocabulary", (uint64_t)p->target_vocabulary);
    put(object, "updates_per_epoch", p->updates_per_epoch);
    put(object, "longest_source", (uint64_t)p->longest_source);
    put(object, "longest_target", (uint64_t)p->longest_target);
    put(object, "sentences", (uint64_t)p->sentences);
    put_memory(object, p);
    put_time(object, p);
    text = json_dumps(object, JSON_COMPACT | JSON_REAL_PRECISION(6));
    json_decref(object);
    if (text)
        puts(text);
    free(text);
    return text != NULL;
}

/* ---- text ---- */

static void print_memory(const struct clseq_backend_info *info, const struct clseq_plan *p,
                         const struct plan_values *v)
{
    printf("%s: %.2f million weights, vocabulary %d + %d, %llu updates an epoch\n", info->device,
           1e-6 * (double)p->weights, p->source_vocabulary, p->target_vocabulary,
           (unsigned long long)p->updates_per_epoch);
    printf("worst batch: %d sentences, %d + %d tokens long", p->sentences, p->longest_source,
           p->longest_target);
    if (p->valid_sentences > 0)
        printf("; of validation: %d, %d + %d", p->valid_sentences, p->valid_source,
               p->valid_target);
    printf("\n\ndevice memory\n");
    for (int i = 0; i < p->rows; i++) {
        if (p->row[i].bytes >= LEAST_SHOWN)
            printf("  %-36s %10.2f MB\n", p->row[i].what, mb(p->row[i].bytes));
    }
    printf("  %-36s %10.2f MB", "training, at most", mb(p->device_bytes));
    if (p->device_limit > 0)
        printf(" of %.0f (%s)", mb(p->device_limit), p->device_limit_what);
    printf("\n");
    if (p->valid_activation_bytes > 0)
        printf("  %-36s %10.2f MB\n", "activations of validation, alone",
               mb(p->valid_activation_bytes));
    printf("  beam %-3d batch %-6d of %4d tokens    %10.2f MB\n", (int)v->beam, (int)v->batch,
           p->longest_source, mb(p->translate_bytes));
    if (p->valid_translate_bytes > 0)
        printf("  of the validation text, %4d tokens   %10.2f MB\n", p->valid_source,
               mb(p->valid_translate_bytes));
    printf("\nhost memory\n");
    printf("  %-36s %10.2f MB\n", "program, driver and kernels", mb(p->host_process));
    printf("  %-36s %10.2f MB\n", "text, vocabularies, batches", mb(p->host_data));
    printf("  %-36s %10.2f MB\n", "writing a model", mb(p->host_saving));
    printf("  %-36s %10.2f MB", info->host_memory ? "at most, with the device's" : "at most",
           mb(p->host_peak));
    if (p->host_available > 0)
        printf(" (%.0f available now)", mb(p->host_available));
    printf("\n");
}

static void print_time(const struct clseq_plan *p, const struct plan_values *v)
{
    char a[32], b[32], c[32];

    if (p->samples == 0)
        return;
    printf("\ntime, from %d updates\n", p->samples);
    printf("  an update   %9.1f ms (%.1f to %.1f), the worst batch %.1f\n", 1e3 * p->update_seconds,
           1e3 * p->update_seconds_min, 1e3 * p->update_seconds_max,
           1e3 * p->slowest_update_seconds);
    printf("  an epoch    %12s (%s to %s), %.0f target tokens/s\n",
           cli_format_seconds(p->epoch_seconds, a), cli_format_seconds(p->epoch_seconds_min, b),
           cli_format_seconds(p->epoch_seconds_max, c), p->target_tokens_per_second);
    if (p->valid_seconds > 0)
        printf("  validation  %12s\n", cli_format_seconds(p->valid_seconds, a));
    if (p->valid_translate_seconds > 0)
        printf("  translating %12s, the validation text with beam %d, not part of the training\n",
               cli_format_seconds(p->valid_translate_seconds, a), (int)v->beam);
    if (p->total_seconds > 0)
        printf("  in all      %12s, if it does not stop early\n",
               cli_format_seconds(p->total_seconds, a));
}

int plan_print(const struct device_options *device, const struct plan_values *values,
               const struct clseq_train_options *train)
{
    struct clseq_plan_options options;
    struct clseq_plan plan;
    clseq_context *ctx = NULL;
    clseq_backend *be = NULL;
    clseq_status status;
    int code;

    if (device->backend == DEVICE_MIRROR) {
        cli_error("mirror has everything twice and is for tests: plan for another backend");
        return CLI_EXIT_USAGE;
    }
    code = device_open(device, &ctx, &be);
    if (code != CLI_EXIT_DONE)
        return code;
    clseq_plan_options_init(&options);
    options.beam = (int32_t)values->beam;
    options.batch = (int32_t)values->batch;
    options.seconds = values->seconds;
    status = clseq_train_plan(ctx, be, train, &options, &plan);
    if (status != CLSEQ_OK) {
        code = cli_report(ctx, status);
    } else if (values->json) {
        if (!print_json(clseq_backend_info(be), &plan))
            code = cli_exit_code(CLSEQ_ERR_NOMEM);
    } else {
        print_memory(clseq_backend_info(be), &plan, values);
        print_time(&plan, values);
    }
    if (status == CLSEQ_OK && !plan.fits) {
        fflush(stdout);
        cli_error("%s", plan.advice);
        code = cli_exit_code(CLSEQ_ERR_DEVICE_NOMEM);
    }
    device_close(device, &ctx, &be);
    return code;
}
