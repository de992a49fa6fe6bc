/* SPDX-License-Identifier: BSD-2-Clause */
#include "opencl/opencl_matrix_unit.h"

#include "opencl/opencl_gemm_trial.h"

#include <stdio.h>
#include <string.h>

/* In the order in which they are tried; NULL at the end. */
static const struct clseq_matrix_unit *const units[] = { &clseq_matrix_unit_mma,
                                                         &clseq_matrix_unit_amx,
                                                         &clseq_matrix_unit_avx512, NULL };

static const char emulated_suffix[] = "-emulated";

/* Products around the edges of tiles, long sums, few rows. */
static const struct {
    int32_t m, n, k;
} checked_sizes[] = { { 1, 37, 21 },   { 19, 45, 61 },  { 16, 36, 264 },
                      { 195, 65, 67 }, { 33, 130, 32 }, { 64, 64, 64 } };

/* Whatever it takes is right. The factors of trials have few bits, so rounding changes none. */
static clseq_status check_unit(clseq_backend *be, const struct clseq_matrix_unit *unit)
{
    for (size_t i = 0; i < 4 * CLSEQ_ARRAY_SIZE(checked_sizes); i++) {
        struct clseq_gemm_trial trial;
        clseq_status status = CLSEQ_OK;

        CLSEQ_TRY(clseq_gemm_trial_open(be, checked_sizes[i / 4].m, checked_sizes[i / 4].n,
                                        checked_sizes[i / 4].k, (i & 1) != 0, (i & 2) != 0,
                                        &trial));
        if (unit->takes(be, &trial.problem))
            status = clseq_gemm_trial_check(&trial, unit->name, unit->run);
        clseq_gemm_trial_close(&trial);
        CLSEQ_TRY(status);
    }
    return CLSEQ_OK;
}

static clseq_status try_unit(clseq_backend *be, const struct clseq_opencl_cache *cache,
                             const struct clseq_matrix_unit *unit, bool emulated)
{
    clseq_opencl_of(be)->unit_emulated = emulated;
    CLSEQ_TRY(unit->open(be, cache));
    CLSEQ_TRY(check_unit(be, unit));
    clseq_opencl_of(be)->unit = unit;
    snprintf(be->info.matrix_unit, sizeof(be->info.matrix_unit), "%s%s", unit->name,
             emulated ? emulated_suffix : "");
    return CLSEQ_OK;
}

static clseq_status named(clseq_backend *be, const struct clseq_opencl_cache *cache,
                          const char *wanted)
{
    for (size_t i = 0; units[i]; i++) {
        const size_t length = strlen(units[i]->name);
        const bool emulated = strncmp(wanted, units[i]->name, length) == 0 &&
                              strcmp(wanted + length, emulated_suffix) == 0;

        if (!emulated && strcmp(wanted, units[i]->name) != 0)
            continue;
        if (!units[i]->fits(be, emulated))
            return clseq_fail(be->ctx, CLSEQ_ERR_UNSUPPORTED,
                              "%s has no matrix unit %s for %s (%s)", be->info.device, wanted,
                              clseq_precision_name(be->info.precision), units[i]->what);
        return try_unit(be, cache, units[i], emulated);
    }
    return clseq_fail(be->ctx, CLSEQ_ERR_ARG, "no matrix unit is called \"%s\"", wanted);
}

clseq_status clseq_opencl_matrix_unit_open(clseq_backend *be,
                                           const struct clseq_opencl_cache *cache,
                                           const char *wanted)
{
    const char *precision = clseq_precision_name(be->info.precision);

    if (be->info.precision == CLSEQ_PRECISION_FP32)
        return CLSEQ_OK;
    if (wanted && strcmp(wanted, "auto") != 0 && strcmp(wanted, "none") != 0)
        return named(be, cache, wanted);
    for (size_t i = 0; units[i] && (!wanted || strcmp(wanted, "none") != 0); i++) {
        clseq_status status;

        if (!units[i]->fits(be, false))
            continue;
        status = try_unit(be, cache, units[i], false);
        if (status == CLSEQ_OK) {
            clseq_log(be->ctx, CLSEQ_LOG_INFO, "%s: products by %s", precision, units[i]->what);
            return CLSEQ_OK;
        }
        if (status != CLSEQ_ERR_DEVICE && status != CLSEQ_ERR_BUILD)
            return status;
        clseq_log(be->ctx, CLSEQ_LOG_WARNING, "%s; not using it", clseq_context_error(be->ctx));
    }
    clseq_log(be->ctx, CLSEQ_LOG_INFO,
              "%s: no matrix unit of %s is used; factors are rounded and multiplied as floats, "
              "which is no faster than fp32",
              precision, be->info.device);
    return CLSEQ_OK;
}
