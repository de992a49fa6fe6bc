/* SPDX-License-Identifier: BSD-2-Clause */
/* What clseq-check prints: plain lines, or with --json one object a line. */
#include "check.h"

#include <jansson.h>
#include <math.h>
#include <stdlib.h>

static void print_object(json_t *object)
{
    char *text = object ? json_dumps(object, JSON_COMPACT | JSON_ENSURE_ASCII) : NULL;

    if (!text)
        check_broken("no memory for a line of JSON");
    puts(text);
    free(text);
    json_decref(object);
}

static const char *fault_name(enum check_fault fault)
{
    switch (fault) {
    case CHECK_FAULT_NONE:
        return "none";
    case CHECK_FAULT_STATUS:
        return "status";
    case CHECK_FAULT_GUARD:
        return "guard";
    case CHECK_FAULT_INPUT:
        return "input";
    case CHECK_FAULT_POISON:
        return "unwritten";
    case CHECK_FAULT_NAN:
        return "nan";
    case CHECK_FAULT_VALUE:
        return "value";
    case CHECK_FAULT_REPEAT:
        return "repeat";
    case CHECK_FAULT_COMPOSED:
        return "composed";
    }
    return "?";
}

static const char *layout_name(enum check_layout layout)
{
    return layout == CHECK_DENSE     ? "dense"
           : layout == CHECK_STRIDED ? "strided"
                                     : "strided in one buffer";
}

void check_report_header(const struct check *t)
{
    const struct clseq_backend_info *info = clseq_backend_info(t->tested);

    if (t->json) {
        print_object(json_pack("{s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:I}", "type", "device",
                               "backend", info->name, "device", info->device, "platform",
                               info->platform, "driver", info->driver, "kernels", info->kernels,
                               "gemm", info->gemm, "precision",
                               clseq_precision_name(info->precision), "seed", (json_int_t)t->seed));
        return;
    }
    printf("%s: %s (%s%s%s), kernels %s, gemm %s, %s%s%s, seed %llu\n", info->name, info->device,
           info->platform, info->driver[0] ? ", " : "", info->driver,
           info->kernels[0] ? info->kernels : "scalar", info->gemm,
           clseq_precision_name(info->precision), info->matrix_unit[0] ? " by " : "",
           info->matrix_unit, (unsigned long long)t->seed);
    fflush(stdout);
}

void check_report_pass(struct check_case *c, double worst)
{
    struct check *t = c->t;

    t->passed++;
    t->ops[c->op].worst = fmax(t->ops[c->op].worst, worst);
    if (t->silent || !t->verbose)
        return;
    if (t->json)
        print_object(json_pack("{s:s, s:s, s:s, s:s, s:f}", "type", "case", "name", c->name,
                               "result", "passed", "layout", layout_name(c->layout), "worst",
                               worst));
    else
        printf("ok    %s (%s), %.2g of the bound\n", c->name, layout_name(c->layout), worst);
}

void check_report_fail(struct check_case *c, enum check_fault fault, const char *text)
{
    struct check *t = c->t;

    t->failed++;
    t->ops[c->op].failed++;
    if (!t->faults_seen)
        snprintf(t->first_text, sizeof(t->first_text), "%s: %s", c->name, text);
    t->faults_seen |= 1u << fault;
    if (t->silent)
        return;
    if (t->json) {
        print_object(json_pack("{s:s, s:s, s:s, s:s, s:s, s:s}", "type", "case", "name", c->name,
                               "result", "failed", "fault", fault_name(fault), "layout",
                               layout_name(c->layout), "text", text));
    } else {
        printf("FAIL  %s (%s): %s\n      repeat: clseq-check%s --seed %llu --function '%s'\n",
               c->name, layout_name(c->layout), text, t->options, (unsigned long long)t->seed,
               c->name);
    }
    fflush(stdout);
}

void check_report_ops(const struct check *t)
{
    for (int op = 0; op < CLSEQ_OP_COUNT; op++) {
        const struct check_op_result *r = &t->ops[op];
        const char *name = clseq_op_name((enum clseq_op)op);

        if (r->cases == 0)
            continue;
        if (t->json)
            print_object(json_pack("{s:s, s:s, s:i, s:i, s:f}", "type", "op", "name", name, "cases",
                                   r->cases, "failed", r->failed, "worst", r->worst));
        else if (r->failed)
            printf("%-18s %4d cases, %d failed\n", name, r->cases, r->failed);
        else
            printf("%-18s %4d cases, worst %.2g of the bound\n", name, r->cases, r->worst);
    }
}

void check_report_end(const struct check *t)
{
    if (t->json)
        print_object(json_pack("{s:s, s:i, s:i}", "type", "summary", "passed", t->passed, "failed",
                               t->failed));
    fprintf(t->json ? stderr : stdout, "%d passed, %d failed\n", t->passed, t->failed);
}
