/* SPDX-License-Identifier: BSD-2-Clause */
#include "opencl/opencl_launch_list.h"

#include "opencl/opencl_buffer.h"

#include <string.h>

/* Fewer kernels are launched one by one: writing the list costs as much as that. */
#define LIST_LEAST 3

/* As in cl/launch_list.cl. */
#define LIST_ENTRY   44
#define LIST_HEAD    4
#define LIST_BUFFERS 16
#define LIST_BYTES   (CLSEQ_LIST_MAX * LIST_ENTRY * sizeof(cl_ulong))

/* Every group counts with the same two numbers, so more of them than memory can feed would only
 * stand in each other's way. */
#define LIST_UNITS 16

/* The most items of a grid: enough for two units to end together, and a few for each of many. */
#define ITEMS(units) (32 + 2 * (units))

/* A kernel with more work than this is worth its launch: work-items of a grid, elements that are
 * packed, multiplications of a product, rows of a sequence. */
#define GRID_ITEMS      4096
#define PACK_ELEMENTS   (1 << 21)
#define MULTIPLICATIONS ((int64_t)1 << 30)
#define SEQUENCE_ROWS   128

/* Positions of arguments. */
enum { PACK_LINES = 3, PACK_K = 4 };
enum { PRODUCT_M = 10, TILE_M = 15 }; /* n and k follow */
enum { DOT_N = 16, DOT_BLOCK = 20 };
enum { FWD_ROWS = 28, FWD_H = 29, FWD_SHIFT = 32 };
enum { BWD_ROWS = 29, BWD_H = 30, BWD_SHIFT = 32 };
enum { SEQUENCE_STEPS = 34 };

/* In the order of cl/launch_list.cl: those whose items are a grid, then those with their own. */
static const enum clseq_opencl_kernel kinds[] = {
    CLSEQ_KERNEL_row_gather,
    CLSEQ_KERNEL_argmax,
    CLSEQ_KERNEL_topk,
    CLSEQ_KERNEL_beam_advance,
    CLSEQ_KERNEL_softmax_xent_fwd,
    CLSEQ_KERNEL_lstm_cell_fwd,
    CLSEQ_KERNEL_gru_cell_fwd,
    CLSEQ_KERNEL_rnn_cell_fwd,
    CLSEQ_KERNEL_tanh_fwd,
    CLSEQ_KERNEL_copy,
    CLSEQ_KERNEL_fill,
    CLSEQ_KERNEL_axpby,
    CLSEQ_KERNEL_bias_add,
    CLSEQ_KERNEL_gemm_round,
    CLSEQ_KERNEL_masked_softmax_fwd,
    CLSEQ_KERNEL_additive_score_fwd,
    CLSEQ_KERNEL_sum,
    CLSEQ_KERNEL_sum_squares,
    CLSEQ_KERNEL_col_sums,
    CLSEQ_KERNEL_embedding_bwd,
    CLSEQ_KERNEL_row_scatter,
    CLSEQ_KERNEL_softmax_xent_bwd,
    CLSEQ_KERNEL_softmax_xent,
    CLSEQ_KERNEL_masked_softmax_bwd,
    CLSEQ_KERNEL_additive_score_bwd,
    CLSEQ_KERNEL_tanh_bwd,
    CLSEQ_KERNEL_clip_scale,
    CLSEQ_KERNEL_sgd_update,
    CLSEQ_KERNEL_adam_update,
    CLSEQ_KERNEL_lstm_cell_bwd,
    CLSEQ_KERNEL_gru_cell_bwd,
    CLSEQ_KERNEL_rnn_cell_bwd,
    CLSEQ_KERNEL_dropout,
    CLSEQ_KERNEL_gemm_cpu_block,
    CLSEQ_KERNEL_gemm_cpu_direct,
    CLSEQ_KERNEL_argmax_filter,
    CLSEQ_KERNEL_int8_rows,
    CLSEQ_KERNEL_gemm_cpu_pack_a,
    CLSEQ_KERNEL_gemm_cpu_pack_b,
    CLSEQ_KERNEL_gemm_cpu_packed,
    CLSEQ_KERNEL_gemm_cpu_strips,
    CLSEQ_KERNEL_gemm_cpu_tile,
    CLSEQ_KERNEL_gemm_cpu_dot,
    CLSEQ_KERNEL_gemm_cpu_dot_bf16,
    CLSEQ_KERNEL_lstm_cpu_fwd,
    CLSEQ_KERNEL_lstm_cpu_bwd,
};

/* CLSEQ_ARRAY_SIZE(kinds): it is never in a list. */
static size_t kind_of(enum clseq_opencl_kernel kernel)
{
    size_t kind = 0;

    while (kind < CLSEQ_ARRAY_SIZE(kinds) && kinds[kind] != kernel)
        kind++;
    return kind;
}

clseq_status clseq_opencl_list_open(clseq_backend *be, int wanted)
{
    struct clseq_opencl *cl = clseq_opencl_of(be);
    cl_mem memory;

    if (wanted < 0 || (wanted == 0 && !cl->is_pocl) || !cl->cpu_class ||
        cl->gemm != CLSEQ_PROVIDER_CPU)
        return CLSEQ_OK;
    cl->lists = true;
    cl->list_least = wanted > 0 ? 1 : LIST_LEAST;
    /* Now, so that it is in every plan of memory. */
    return clseq_opencl_scratch(be, CLSEQ_SCRATCH_LIST, LIST_BYTES, &memory);
}

static int int_of(const struct clseq_opencl_arg *args, int i)
{
    return args[i].value.i;
}

/* Do the numbers among the arguments fit their types? The launch itself says what does not. */
static bool is_whole(size_t n_args, const struct clseq_opencl_arg *args)
{
    for (size_t i = 0; i < n_args; i++) {
        if (args[i].kind == CLSEQ_ARG_TOO_BIG || args[i].kind == CLSEQ_ARG_LOCAL)
            return false;
    }
    return n_args <= CLSEQ_LIST_ARGS;
}

/* m, n and k stand at `m` in its arguments. */
static bool is_short_product(const struct clseq_opencl_arg *args, int m)
{
    return (int64_t)int_of(args, m) * int_of(args, m + 1) <=
           MULTIPLICATIONS / (int_of(args, m + 2) + 1);
}

bool clseq_opencl_list_takes(const clseq_backend *be, enum clseq_opencl_kernel kernel,
                             const struct clseq_opencl_range *range, size_t n_args,
                             const struct clseq_opencl_arg *args)
{
    const struct clseq_opencl *cl = clseq_opencl_of(be);

    if (!cl->lists || kind_of(kernel) == CLSEQ_ARRAY_SIZE(kinds) || !is_whole(n_args, args))
        return false;
    switch ((int)kernel) {
    case CLSEQ_KERNEL_gemm_cpu_block:
    case CLSEQ_KERNEL_gemm_cpu_packed:
    case CLSEQ_KERNEL_gemm_cpu_strips:
        return is_short_product(args, PRODUCT_M);
    case CLSEQ_KERNEL_gemm_cpu_tile:
        return is_short_product(args, TILE_M);
    case CLSEQ_KERNEL_gemm_cpu_pack_a:
    case CLSEQ_KERNEL_gemm_cpu_pack_b:
        return (int64_t)int_of(args, PACK_LINES) * int_of(args, PACK_K) <= PACK_ELEMENTS;
    case CLSEQ_KERNEL_gemm_cpu_dot:
    case CLSEQ_KERNEL_gemm_cpu_dot_bf16:
        return range->global[2] == 1;
    case CLSEQ_KERNEL_lstm_cpu_fwd:
        return int_of(args, FWD_ROWS) <= SEQUENCE_ROWS;
    case CLSEQ_KERNEL_lstm_cpu_bwd:
        return int_of(args, BWD_ROWS) <= SEQUENCE_ROWS;
    default:
        return range->global[0] <= GRID_ITEMS && range->global[1] <= GRID_ITEMS &&
               range->global[0] * range->global[1] * range->global[2] <= GRID_ITEMS;
    }
}

clseq_status clseq_opencl_list_add(clseq_backend *be, enum clseq_opencl_kernel kernel,
                                   const struct clseq_opencl_range *range, size_t n_args,
                                   const struct clseq_opencl_arg *args)
{
    struct clseq_opencl *cl = clseq_opencl_of(be);
    struct clseq_opencl_listed *entry;

    if (cl->listed == CLSEQ_LIST_MAX)
        CLSEQ_TRY(clseq_opencl_list_flush(be));
    entry = &cl->list[cl->listed++];
    entry->kernel = kernel;
    entry->range = *range;
    entry->n_args = n_args;
    memcpy(entry->args, args, n_args * sizeof(*args));
    for (size_t i = 0; i < n_args; i++) {
        if (args[i].kind == CLSEQ_ARG_MEM && args[i].value.mem)
            clRetainMemObject(args[i].value.mem);
    }
    return CLSEQ_OK;
}

/* ---- sending off ---- */

static void release(const struct clseq_opencl_listed *entry)
{
    for (size_t i = 0; i < entry->n_args; i++) {
        if (entry->args[i].kind == CLSEQ_ARG_MEM && entry->args[i].value.mem)
            clReleaseMemObject(entry->args[i].value.mem);
    }
}

void clseq_opencl_list_clear(struct clseq_opencl *cl)
{
    for (size_t i = 0; i < cl->listed; i++)
        release(&cl->list[i]);
    cl->listed = 0;
}

static size_t units_of(const struct clseq_opencl *cl)
{
    return cl->compute_units < LIST_UNITS ? cl->compute_units : LIST_UNITS;
}

/* Of a sequence: items of a step in *of_step. */
static int sequence_items(const struct clseq_opencl *cl, int H, int shift, int steps,
                          cl_ulong *of_step)
{
    const int panel = 2 * cl->vector_width;

    *of_step = (cl_ulong)((H + panel - 1) / panel) << shift;
    return (int)*of_step * steps;
}

/* Items, and what words 2 and 3 say of them. */
static int items_of(const struct clseq_opencl *cl, const struct clseq_opencl_listed *entry,
                    cl_ulong words[2])
{
    const struct clseq_opencl_arg *args = entry->args;
    const size_t *size = entry->range.global;
    const size_t wanted = ITEMS(units_of(cl)), all = size[0] * size[1] * size[2];
    /* Those of gemm_cpu_strips are long, and two of them at once gain nothing. */
    const bool is_long = entry->kernel == CLSEQ_KERNEL_gemm_cpu_strips;
    const size_t each = is_long ? 1 : (all + wanted - 1) / wanted,
                 groups = (size[0] + wanted - 1) / wanted;

    switch ((int)entry->kernel) {
    case CLSEQ_KERNEL_gemm_cpu_dot:
    case CLSEQ_KERNEL_gemm_cpu_dot_bf16:
        words[0] = groups * (size_t)int_of(args, DOT_BLOCK);
        return (int)(((cl_ulong)int_of(args, DOT_N) + words[0] - 1) / words[0]);
    case CLSEQ_KERNEL_lstm_cpu_fwd:
        return sequence_items(cl, int_of(args, FWD_H), int_of(args, FWD_SHIFT),
                              int_of(args, SEQUENCE_STEPS), words);
    case CLSEQ_KERNEL_lstm_cpu_bwd:
        return sequence_items(cl, int_of(args, BWD_H), int_of(args, BWD_SHIFT),
                              int_of(args, SEQUENCE_STEPS), words);
    default:
        words[0] = (cl_ulong)size[0] | (cl_ulong)size[1] << 32;
        words[1] = (cl_ulong)size[2] | (cl_ulong)each << 32;
        return (int)((all + each - 1) / each);
    }
}

/* What the kernel gets. */
struct list {
    cl_ulong words[CLSEQ_LIST_MAX * LIST_ENTRY];
    cl_mem buffers[LIST_BUFFERS];
    size_t n_buffers;
    int items;
};

/* The number of a buffer in the table; LIST_BUFFERS: there is no more room. */
static size_t buffer_number(struct list *list, cl_mem mem)
{
    size_t i = 0;

    while (i < list->n_buffers && list->buffers[i] != mem)
        i++;
    if (i == list->n_buffers && i < LIST_BUFFERS)
        list->buffers[list->n_buffers++] = mem;
    return i;
}

/* False: no room for its buffers. */
static bool write_entry(const struct clseq_opencl *cl, const struct clseq_opencl_listed *entry,
                        struct list *list, cl_ulong *words)
{
    words[0] = kind_of(entry->kernel);
    words[1] = (cl_ulong)list->items;
    for (size_t i = 0; i < entry->n_args; i++) {
        const struct clseq_opencl_arg *arg = &entry->args[i];
        cl_uint bits;
        size_t number;

        switch ((int)arg->kind) {
        case CLSEQ_ARG_MEM:
            number = buffer_number(list, arg->value.mem ? arg->value.mem : cl->none);
            if (number == LIST_BUFFERS)
                return false;
            words[LIST_HEAD + i] = number;
            break;
        case CLSEQ_ARG_ULONG:
            words[LIST_HEAD + i] = arg->value.ul;
            break;
        default: /* int, uint or float */
            memcpy(&bits, &arg->value, sizeof(bits));
            words[LIST_HEAD + i] = bits;
        }
    }
    list->items += items_of(cl, entry, &words[2]);
    return true;
}

static clseq_status launch_list(clseq_backend *be, const struct list *list, size_t n)
{
    struct clseq_opencl *cl = clseq_opencl_of(be);
    struct clseq_opencl_arg args[3 + LIST_BUFFERS + 1];
    cl_mem memory, queue;

    CLSEQ_TRY(clseq_opencl_scratch(be, CLSEQ_SCRATCH_LIST, LIST_BYTES, &memory));
    CLSEQ_TRY(clseq_opencl_scratch(be, CLSEQ_SCRATCH_QUEUE, 3 * sizeof(cl_int), &queue));
    CLSEQ_TRY(clseq_opencl_write(be, memory, "for a list of launches", 0, list->words,
                                 n * LIST_ENTRY * sizeof(list->words[0])));
    args[0] = clseq_arg_mem(memory);
    args[1] = clseq_arg_int((int32_t)n);
    args[2] = clseq_arg_int(list->items);
    for (size_t i = 0; i < LIST_BUFFERS; i++)
        args[3 + i] = clseq_arg_mem(i < list->n_buffers ? list->buffers[i] : NULL);
    args[3 + LIST_BUFFERS] = clseq_arg_mem(queue);
    cl->lists_launched++;
    return clseq_opencl_launch_now(be, CLSEQ_KERNEL_launch_list,
                                   clseq_opencl_range_1d(units_of(cl), 1), CLSEQ_ARRAY_SIZE(args),
                                   args);
}

static clseq_status one_by_one(clseq_backend *be, const struct clseq_opencl_listed *entries,
                               size_t n)
{
    for (size_t i = 0; i < n; i++)
        CLSEQ_TRY(clseq_opencl_launch_now(be, entries[i].kernel, entries[i].range,
                                          entries[i].n_args, entries[i].args));
    return CLSEQ_OK;
}

/* As many as there is room for; *n of them. */
static clseq_status send_some(clseq_backend *be, const struct clseq_opencl_listed *entries,
                              size_t count, size_t *n)
{
    const struct clseq_opencl *cl = clseq_opencl_of(be);
    struct list list = { .items = 0 };

    *n = 0;
    while (*n < count && write_entry(cl, &entries[*n], &list, &list.words[*n * LIST_ENTRY]))
        ++*n;
    if (*n == 0) {
        *n = 1;
        return one_by_one(be, entries, *n);
    }
    return *n < cl->list_least ? one_by_one(be, entries, *n) : launch_list(be, &list, *n);
}

clseq_status clseq_opencl_list_flush(clseq_backend *be)
{
    struct clseq_opencl *cl = clseq_opencl_of(be);
    const size_t count = cl->listed;
    clseq_status status = CLSEQ_OK;

    /* What follows launches and writes, which send off what is in the list. */
    cl->listed = 0;
    for (size_t at = 0, n; status == CLSEQ_OK && at < count; at += n)
        status = send_some(be, cl->list + at, count - at, &n);
    for (size_t i = 0; i < count; i++)
        release(&cl->list[i]);
    return status;
}
