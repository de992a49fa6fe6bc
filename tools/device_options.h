/* SPDX-License-Identifier: BSD-2-Clause */
/* The options every command has that computes something, and opening what they name. */
#ifndef CLSEQ_DEVICE_OPTIONS_H
#define CLSEQ_DEVICE_OPTIONS_H

#include "cli.h"

#include <clseq/backend.h>

struct device_options {
    int backend; /* place in DEVICE_BACKENDS */
    const char *device;
    int kernels, gemm;
    int precision; /* clseq_precision */
    int matrix_unit; /* place in "auto|none" */
    int tune; /* place in "auto|always|never" */
    bool profile;
};

#define DEVICE_BACKENDS "auto|opencl|reference|mirror"
#define DEVICE_MIRROR   3 /* its place there */

/* Rows for a command's table; `field` is its struct device_options. */
/* clang-format off */
#define DEVICE_OPTIONS(type, field)                                                                \
    { "backend", 0, CLI_CHOICE_FIELD(type, field.backend), DEVICE_BACKENDS, "auto",                \
      .group = "Device", .help = "where to compute; mirror runs both paths and compares every operation" }, \
    { "device", 0, CLI_STRING_FIELD(type, field.device), "INDEX|NAME", NULL, .group = "Device",    \
      .help = "OpenCL device: number from `clseq devices`, or part of its name" },                 \
    { "kernels", 0, CLI_CHOICE_FIELD(type, field.kernels), "auto|cpu|gpu", "auto",                 \
      .group = "Device", .help = "kind of OpenCL kernels; auto goes by the device" },              \
    { "gemm", 0, CLI_CHOICE_FIELD(type, field.gemm), "auto|cpu|gpu|clblast", "auto",               \
      .group = "Device", .help = "who makes matrix products on an OpenCL device" },                \
    { "precision", 0, CLI_CHOICE_FIELD(type, field.precision), "fp32|tf32|bf16", "fp32",           \
      .group = "Device", .help = "what matrix products round their factors to; sums and all else are fp32" }, \
    { "matrix-unit", 0, CLI_CHOICE_FIELD(type, field.matrix_unit), "auto|none", "auto",            \
      .group = "Device", .help = "use the device's matrix unit for products below fp32, where it has one" }, \
    { "tune", 0, CLI_CHOICE_FIELD(type, field.tune), "auto|always|never", "auto",                  \
      .group = "Device", .help = "measure which kernel is fastest for a product, once, and remember it; auto: on GPUs" }, \
    { "profile", 0, CLI_FLAG_FIELD(type, field.profile), NULL, NULL, .group = "Device",            \
      .help = "print time, GFLOP/s and GB/s of every operation at the end, and what would help (slower)" }
/* clang-format on */

/* A context that reports to stderr, and a backend. Returns CLI_EXIT_DONE, or prints the error and
 * returns its exit code; then nothing is open. */
int device_open(const struct device_options *options, clseq_context **ctx, clseq_backend **be);

/* One more backend on `ctx`: of this name, with this provider of products, all else as the options
 * say. The context has the error. */
clseq_status device_open_another(const struct device_options *options, clseq_context *ctx,
                                 const char *name, clseq_gemm_provider gemm, clseq_backend **be);

/* Print the profile if it was asked for, then close both. */
void device_close(const struct device_options *options, clseq_context **ctx, clseq_backend **be);

#endif
