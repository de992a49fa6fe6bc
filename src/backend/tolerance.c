/* SPDX-License-Identifier: BSD-2-Clause */
#include "backend/tolerance.h"

#include "backend/precision.h"
#include "backend/tolerance_magnitude.h"
#include "base/base.h"

#include <float.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

/* What the contract leaves to a provider of tf32: an ulp of 10 bits for each factor, on the
 * products; S is their sum. */
#define TF32_FREEDOM (2 * clseq_precision_ulp(CLSEQ_PRECISION_TF32))

/* How many times its bound a difference is: at most 1 passes, HUGE_VAL where nothing but equality
 * would do. */
static double excess(double expected, double got, double bound)
{
    double difference;

    if (isnan(expected) || isnan(got))
        return isnan(expected) && isnan(got) ? 0 : HUGE_VAL;
    if (expected == got)
        return 0;
    if (isinf(expected))
        return HUGE_VAL;
    if (isinf(got)) {
        /* Rounded up past the largest float? */
        const double reach = got > 0 ? expected + bound : bound - expected;

        return reach > (double)FLT_MAX ? 1 : HUGE_VAL;
    }
    difference = fabs(got - expected);
    if (!(bound > 0)) /* also when the bound is NaN */
        return HUGE_VAL;
    return difference / bound;
}

/* Same float, bit by bit but for the payload of NaN; integers have no -0, so they pass by value. */
static double exact_excess(double expected, double got)
{
    const float x = (float)expected, y = (float)got;

    if (isnan(x) && isnan(y))
        return 0;
    return expected == got && memcmp(&x, &y, sizeof(x)) == 0 ? 0 : HUGE_VAL;
}

static bool is_index(const struct clseq_tolerance_case *call, int field)
{
    const struct clseq_op_field *f = &clseq_op_schema(call->op)->fields[field];

    return clseq_op_tensor_const(call->args, f)->dtype == CLSEQ_I32;
}

clseq_status clseq_tolerance_compare(clseq_context *ctx, const struct clseq_tolerance_case *call,
                                     int field, const double *expected, const double *got,
                                     struct clseq_tolerance_result *ret)
{
    const struct clseq_op_schema *schema = clseq_op_schema(call->op);
    const struct clseq_op_field *f = &schema->fields[field];
    const size_t n = clseq_tensor_count(clseq_op_tensor_const(call->args, f));
    const double roundings = schema->constant * (clseq_op_terms(call->op, call->args) + 8);
    const bool integer = is_index(call, field), exact = schema->tolerance == CLSEQ_TOLERANCE_EXACT;
    const double *sums = call->sums ? call->sums->field[field] : NULL;
    struct clseq_tolerance_result r = { .compared = n };
    struct clseq_magnitude magnitude = { 0 };
    double worst = -1;

    if (schema->tolerance == CLSEQ_TOLERANCE_SUM && !sums)
        return clseq_fail(ctx, CLSEQ_ERR_INTERNAL,
                          "tolerance of %s: the sums of absolute terms of %s are "
                          "missing",
                          schema->name, f->name);
    if (!exact)
        CLSEQ_TRY(clseq_magnitude_init(ctx, call, field, &magnitude));
    for (size_t i = 0; i < n; i++) {
        double bound = 0, size = 0, ratio;

        if (integer) {
            ratio = expected[i] == got[i] ? 0 : HUGE_VAL;
        } else if (exact) {
            /* The oracle computes in double; what an exact op must give is its value as a float. */
            ratio = exact_excess((double)(float)expected[i], got[i]);
        } else {
            size = clseq_magnitude_of(&magnitude, i);
            if (size != CLSEQ_MAGNITUDE_EXACT) {
                if (schema->tolerance == CLSEQ_TOLERANCE_SUM)
                    size = sums[i];
                else
                    size += fabs(expected[i]);
                bound = roundings * (CLSEQ_TOLERANCE_UNIT * size + (double)FLT_MIN);
                if (call->op == CLSEQ_OP_gemm && call->precision == CLSEQ_PRECISION_TF32)
                    bound += TF32_FREEDOM * size;
            }
            ratio = excess(expected[i], got[i], bound);
        }
        if (ratio > 1)
            r.failures++;
        if (ratio > worst) {
            worst = ratio;
            r.worst = i;
            r.expected = expected[i];
            r.got = got[i];
            r.bound = bound;
        }
    }
    r.ok = r.failures == 0;
    clseq_magnitude_fini(&magnitude);
    *ret = r;
    return CLSEQ_OK;
}

const char *clseq_tolerance_text(const struct clseq_tolerance_case *call, int field,
                                 const struct clseq_tolerance_result *result,
                                 char text[CLSEQ_TOLERANCE_TEXT])
{
    const struct clseq_op_field *f = &clseq_op_schema(call->op)->fields[field];
    const clseq_tensor *x = clseq_op_tensor_const(call->args, f);
    const size_t d1 = (size_t)x->dims[1], d2 = (size_t)x->dims[2], i = result->worst;
    char shape[CLSEQ_TENSOR_TEXT], at[64];

    if (x->ndim == 1)
        snprintf(at, sizeof(at), "[%zu]", i);
    else if (x->ndim == 2)
        snprintf(at, sizeof(at), "[%zu, %zu]", i / d1, i % d1);
    else
        snprintf(at, sizeof(at), "[%zu, %zu, %zu]", i / (d1 * d2), i / d2 % d1, i % d2);
    snprintf(
        text, CLSEQ_TOLERANCE_TEXT,
        "%s %s %s: expected %.9g, got %.9g, allowed difference %.3g, %zu of %zu elements differ",
        f->name, clseq_tensor_text(x, shape), at, result->expected, result->got, result->bound,
        result->failures, result->compared);
    return text;
}
