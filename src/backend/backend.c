/* SPDX-License-Identifier: BSD-2-Clause */
#include "backend/backend_front.h"
#include "backend/ops.h"

#include "base/base.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void clseq_backend_options_init(struct clseq_backend_options *options)
{
    *options = (struct clseq_backend_options) {
        .name = "auto",
        .kernels = CLSEQ_KERNELS_AUTO,
        .gemm = CLSEQ_GEMM_AUTO,
        .precision = CLSEQ_PRECISION_FP32,
        .probe = true,
        .probe_timeout = 120,
    };
}

const char *clseq_precision_name(clseq_precision precision)
{
    static const char *const names[] = { [CLSEQ_PRECISION_FP32] = "fp32",
                                         [CLSEQ_PRECISION_TF32] = "tf32",
                                         [CLSEQ_PRECISION_BF16] = "bf16" };

    return (size_t)precision < CLSEQ_ARRAY_SIZE(names) ? names[precision] : "?";
}

/* A slot forgotten by a backend is found when it opens, not at the first training step. */
static clseq_status check_slots(clseq_context *ctx, const clseq_backend *be)
{
    const struct clseq_op_table *ops = be->ops;

    if (!ops)
        return clseq_fail(ctx, CLSEQ_ERR_INTERNAL, "backend %s has no table of operations",
                          be->impl->name);
#define X(op, slot, tolerance, constant)                                                           \
    if (!ops->op && clseq_op_schema(CLSEQ_OP_##op)->required)                                      \
        return clseq_fail(ctx, CLSEQ_ERR_INTERNAL,                                                 \
                          "backend %s does not implement %s, which op_list.h requires",            \
                          be->impl->name, #op);
    CLSEQ_OP_LIST(X)
#undef X
    return CLSEQ_OK;
}

clseq_status clseq_backend_open_impl(clseq_context *ctx, const struct clseq_backend_impl *impl,
                                     const struct clseq_backend_options *options,
                                     clseq_backend **ret)
{
    struct clseq_backend_options defaults;
    clseq_backend *be = NULL;
    clseq_status status;

    if (!options) {
        clseq_backend_options_init(&defaults);
        options = &defaults;
    }
    if (options->vector_width != 0 && options->vector_width != 4 && options->vector_width != 8 &&
        options->vector_width != 16)
        return clseq_fail(ctx, CLSEQ_ERR_ARG, "vectors of %d floats: must be 4, 8 or 16, or 0",
                          options->vector_width);
    if ((unsigned)options->precision > CLSEQ_PRECISION_BF16)
        return clseq_fail(ctx, CLSEQ_ERR_ARG, "precision %d: must be fp32, tf32 or bf16",
                          (int)options->precision);
    CLSEQ_TRY(clseq_calloc(ctx, 1, sizeof(*be), "backend", &be));
    be->ctx = ctx;
    be->impl = impl;
    be->real = CLSEQ_F32;
    be->profiling = options->profile;
    be->info.precision = options->precision;
    snprintf(be->info.name, sizeof(be->info.name), "%s", impl->name);
    CLSEQ_TRY_GOTO(status, fail_priv, clseq_calloc(ctx, 1, impl->priv_size, impl->name, &be->priv));
    CLSEQ_TRY_GOTO(status, fail, impl->open(be, options));
    CLSEQ_TRY_GOTO(status, fail, check_slots(ctx, be));
    *ret = be;
    return CLSEQ_OK;

fail:
    impl->close(be);
fail_priv:
    free(be->priv);
    free(be);
    return status;
}

void clseq_backend_close(clseq_backend **be)
{
    if (!be || !*be)
        return;
    if ((*be)->buffers_alive)
        clseq_log((*be)->ctx, CLSEQ_LOG_WARNING,
                  "backend %s: closed with %llu buffers still in use; this is a bug of the caller",
                  (*be)->impl->name, (unsigned long long)(*be)->buffers_alive);
    /* Errors of work that nobody asked about are nobody's business any more. */
    if ((*be)->failed == CLSEQ_OK)
        (*be)->impl->sync(*be);
    (*be)->impl->close(*be);
    free((*be)->priv);
    free(*be);
    *be = NULL;
}

const struct clseq_backend_info *clseq_backend_info(const clseq_backend *be)
{
    return &be->info;
}

clseq_dtype clseq_backend_real(const clseq_backend *be)
{
    return be->real;
}

clseq_context *clseq_backend_context(const clseq_backend *be)
{
    return be->ctx;
}

clseq_status clseq_backend_ready(clseq_backend *be, const char *what)
{
    if (be->failed == CLSEQ_OK)
        return CLSEQ_OK;
    return clseq_fail(be->ctx, be->failed,
                      "%s: refused, because backend %s failed earlier and its memory cannot be "
                      "trusted (%s); close it and start again from the last checkpoint",
                      what, be->impl->name, be->failed_text);
}

clseq_status clseq_backend_note(clseq_backend *be, clseq_status status)
{
    if (status == CLSEQ_ERR_DEVICE && be->failed == CLSEQ_OK) {
        be->failed = status;
        snprintf(be->failed_text, sizeof(be->failed_text), "%s", clseq_context_error(be->ctx));
    }
    return status;
}

clseq_status clseq_backend_sync(clseq_backend *be)
{
    CLSEQ_TRY(clseq_backend_ready(be, "sync"));
    if (be->dry)
        return CLSEQ_OK;
    be->syncs++;
    return clseq_backend_note(be, be->impl->sync(be));
}

static int by_cost(const void *a, const void *b)
{
    const struct clseq_profile_row *x = a, *y = b;

    if (x->seconds != y->seconds)
        return x->seconds < y->seconds ? 1 : -1;
    return strcmp(x->op, y->op);
}

clseq_status clseq_backend_peaks(clseq_backend *be, struct clseq_peaks *ret)
{
    *ret = (struct clseq_peaks) { 0 };
    return be->impl->peaks ? be->impl->peaks(be, ret) : CLSEQ_OK;
}

clseq_status clseq_backend_peak_now(clseq_backend *be, double *gflops)
{
    *gflops = 0;
    return be->impl->peak_now ? be->impl->peak_now(be, gflops) : CLSEQ_OK;
}

clseq_status clseq_backend_gemm_ways(clseq_backend *be, const struct clseq_gemm_shape *shape,
                                     struct clseq_gemm_ways *ret)
{
    const char *name = be->info.gemm[0] ? be->info.gemm : be->info.name;

    CLSEQ_TRY(clseq_backend_ready(be, "gemm"));
    if (be->impl->gemm_ways)
        return clseq_backend_note(be, be->impl->gemm_ways(be, shape, ret));
    *ret = (struct clseq_gemm_ways) { .count = 1, .way = { { name, true } }, .chosen = name };
    return CLSEQ_OK;
}

void clseq_backend_gemm_use(clseq_backend *be, int way)
{
    if (be->impl->gemm_use)
        be->impl->gemm_use(be, way);
}

int clseq_backend_profile(const clseq_backend *be, struct clseq_profile_row *rows, int max)
{
    struct clseq_profile_row all[CLSEQ_OP_COUNT];
    int n = 0;

    for (int op = 0; op < CLSEQ_OP_COUNT; op++) {
        const struct clseq_op_profile *p = &be->profile[op];

        if (p->calls)
            all[n++] = (struct clseq_profile_row) {
                .op = clseq_op_name((enum clseq_op)op),
                .calls = p->calls,
                .seconds = p->seconds,
                .flops = p->flops,
                .bytes = p->bytes,
            };
    }
    qsort(all, (size_t)n, sizeof(all[0]), by_cost);
    if (n > max)
        n = max;
    if (n > 0)
        memcpy(rows, all, (size_t)n * sizeof(all[0]));
    return n > 0 ? n : 0;
}

void clseq_backend_profile_reset(clseq_backend *be)
{
    memset(be->profile, 0, sizeof(be->profile));
}

clseq_status clseq_buffer_create(clseq_backend *be, size_t bytes, const char *label,
                                 clseq_buffer **ret)
{
    const uint64_t limit = be->info.max_buffer_bytes;
    clseq_buffer *buffer = NULL;
    clseq_status status;

    CLSEQ_TRY(clseq_backend_ready(be, "buffer_create"));
    if (bytes == 0)
        bytes = clseq_dtype_size(be->real);
    if (limit && bytes > limit)
        return clseq_fail(be->ctx, CLSEQ_ERR_LIMIT,
                          "buffer \"%s\" of %zu bytes is larger than the largest that %s can hold "
                          "(%llu); take a smaller batch or model, or another device",
                          label, bytes, be->info.device, (unsigned long long)limit);
    if (!clseq_backend_memory_fits(be, bytes))
        return clseq_fail(be->ctx, CLSEQ_ERR_DEVICE_NOMEM,
                          "buffer \"%s\" of %zu bytes: %llu bytes are in use, and the limit is "
                          "%llu; take a smaller batch or model, or a higher limit",
                          label, bytes, (unsigned long long)be->memory.bytes,
                          (unsigned long long)be->memory_limit);
    CLSEQ_TRY(clseq_calloc(be->ctx, 1, be->impl->buffer_size, label, &buffer));
    buffer->backend = be;
    buffer->bytes = bytes;
    buffer->label = label;
    buffer->id = ++be->buffers_created;
    buffer->dry = be->dry;
    status = be->dry && !be->impl->dry
                 ? CLSEQ_OK
                 : clseq_backend_note(be, be->impl->buffer_create(be, buffer));
    if (status != CLSEQ_OK) {
        free(buffer);
        return status;
    }
    clseq_memory_took(clseq_backend_memory_table(be), label, bytes);
    be->buffers_alive++;
    *ret = buffer;
    return CLSEQ_OK;
}

void clseq_buffer_destroy(clseq_buffer **buffer)
{
    clseq_backend *be;

    if (!buffer || !*buffer)
        return;
    be = (*buffer)->backend;
    if (!(*buffer)->dry || be->impl->dry)
        be->impl->buffer_destroy(be, *buffer);
    clseq_memory_gave(clseq_backend_memory_table(be), (*buffer)->label, (*buffer)->bytes);
    be->buffers_alive--;
    free(*buffer);
    *buffer = NULL;
}

static clseq_status check_range(const clseq_buffer *buffer, const char *what, size_t offset,
                                size_t bytes)
{
    if (offset <= buffer->bytes && bytes <= buffer->bytes - offset)
        return CLSEQ_OK;
    return clseq_fail(buffer->backend->ctx, CLSEQ_ERR_ARG,
                      "%s: %zu bytes at offset %zu do not lie inside buffer \"%s\" of %zu bytes; "
                      "check the offset and the size, both are in bytes",
                      what, bytes, offset, buffer->label, buffer->bytes);
}

clseq_status clseq_buffer_write(clseq_buffer *buffer, size_t offset, const void *src, size_t bytes)
{
    clseq_backend *be = buffer->backend;

    CLSEQ_TRY(clseq_backend_ready(be, "buffer_write"));
    CLSEQ_TRY(check_range(buffer, "buffer_write", offset, bytes));
    if (bytes == 0)
        return CLSEQ_OK;
    buffer->version++;
    if (be->dry)
        return CLSEQ_OK;
    return clseq_backend_note(be, be->impl->buffer_write(be, buffer, offset, src, bytes));
}

clseq_status clseq_buffer_read(clseq_buffer *buffer, size_t offset, void *dst, size_t bytes)
{
    clseq_backend *be = buffer->backend;

    CLSEQ_TRY(clseq_backend_ready(be, "buffer_read"));
    CLSEQ_TRY(check_range(buffer, "buffer_read", offset, bytes));
    if (bytes == 0)
        return CLSEQ_OK;
    if (be->dry) {
        memset(dst, 0, bytes);
        return CLSEQ_OK;
    }
    be->reads++;
    return clseq_backend_note(be, be->impl->buffer_read(be, buffer, offset, dst, bytes));
}

/* Byte range of a tensor that read_f32 and write_f32 accept: real, ours, without gaps. */
static clseq_status contiguous_range(clseq_backend *be, const char *what, const clseq_tensor *x,
                                     size_t *offset, size_t *bytes)
{
    char text[CLSEQ_TENSOR_TEXT];
    size_t count = 1;

    if (!clseq_tensor_present(x) || x->buffer->backend != be)
        return clseq_fail(be->ctx, CLSEQ_ERR_ARG, "%s: %s does not belong to backend %s", what,
                          clseq_tensor_text(x, text), be->impl->name);
    if (x->dtype != be->real)
        return clseq_fail(
            be->ctx, CLSEQ_ERR_ARG,
            "%s: %s is not of type %s; integers go through buffer_read and buffer_write", what,
            clseq_tensor_text(x, text), clseq_dtype_name(be->real));
    for (int i = x->ndim - 1; i >= 0; i--) {
        if (x->dims[i] < 0 || (x->dims[i] > 1 && (uint64_t)x->strides[i] != count))
            return clseq_fail(be->ctx, CLSEQ_ERR_SHAPE,
                              "%s: %s with stride %lld of dimension %d has gaps between its rows; "
                              "copy it to a tensor without gaps first",
                              what, clseq_tensor_text(x, text), (long long)x->strides[i], i);
        if (!clseq_mul_size(count, (size_t)x->dims[i], &count))
            count = SIZE_MAX;
    }
    if (!clseq_mul_size(x->offset, clseq_dtype_size(be->real), offset) ||
        !clseq_mul_size(count, clseq_dtype_size(be->real), bytes))
        return clseq_fail(be->ctx, CLSEQ_ERR_SHAPE, "%s: %s at element %zu is larger than memory",
                          what, clseq_tensor_text(x, text), x->offset);
    return CLSEQ_OK;
}

clseq_status clseq_tensor_read_f32(clseq_backend *be, const clseq_tensor *x, float *dst)
{
    size_t offset, bytes, n;
    double *wide = NULL;
    clseq_status status;

    CLSEQ_TRY(contiguous_range(be, "tensor_read_f32", x, &offset, &bytes));
    if (be->real == CLSEQ_F32)
        return clseq_buffer_read(x->buffer, offset, dst, bytes);
    n = bytes / sizeof(double);
    CLSEQ_TRY(clseq_calloc(be->ctx, n, sizeof(double), "tensor_read_f32", &wide));
    status = clseq_buffer_read(x->buffer, offset, wide, bytes);
    for (size_t i = 0; status == CLSEQ_OK && i < n; i++)
        dst[i] = (float)wide[i];
    free(wide);
    return status;
}

clseq_status clseq_tensor_write_f32(clseq_backend *be, const clseq_tensor *x, const float *src)
{
    size_t offset, bytes, n;
    double *wide = NULL;
    clseq_status status;

    CLSEQ_TRY(contiguous_range(be, "tensor_write_f32", x, &offset, &bytes));
    if (be->real == CLSEQ_F32)
        return clseq_buffer_write(x->buffer, offset, src, bytes);
    n = bytes / sizeof(double);
    CLSEQ_TRY(clseq_calloc(be->ctx, n, sizeof(double), "tensor_write_f32", &wide));
    for (size_t i = 0; i < n; i++)
        wide[i] = (double)src[i];
    status = clseq_buffer_write(x->buffer, offset, wide, bytes);
    free(wide);
    return status;
}
