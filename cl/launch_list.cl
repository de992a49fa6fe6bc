/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Several short kernels as one launch. With few rows, as in decoding a sentence, a launch and the
 * waking of threads take as long as the work. The list has the arguments of each kernel in their
 * order, a ulong each; a buffer is its number in a table. src/opencl/opencl_launch_list.c writes
 * it.
 *
 * An item of a kernel waits until all items of the kernels before it are done, as steps of an LSTM
 * do (lstm_queue.clh). What an item computes, and how, is the text of the kernel itself, here as a
 * function that is told its number. A part of gemm_cpu.cl.
 */
#undef CLSEQ_KERNEL
#undef CLSEQ_IDS
#undef CLSEQ_PASS
#undef CLSEQ_ID
#undef CLSEQ_SIZE
#define CLSEQ_KERNEL          static inline
#define CLSEQ_IDS             , int id0, int id1, int id2, int size1, int size2
#define CLSEQ_PASS            , id0, id1, id2, size1, size2
#define CLSEQ_ID(dimension)   id##dimension
#define CLSEQ_SIZE(dimension) size##dimension

#include "attention.cl"
#include "beam.cl"
#include "gru.cl"
#include "lstm.cl"
#include "optim.cl"
#include "pointwise.cl"
#include "random.cl"
#include "reduce.cl"
#include "rnn.cl"
#include "rows.cl"
#include "select.cl"
#include "softmax.cl"

/* Of an entry: the kind of the kernel; the number of its first item; sizes of its grid, or another
 * number; of a grid the last size, and how many of it are an item here. Then its arguments. */
#define LIST_ENTRY  44
#define LIST_KIND   ((int)entry[0])
#define LIST_FIRST  ((int)entry[1])
#define LIST_OWN    ((int)entry[2])
#define LIST_SIZE_0 ((int)(entry[2] & 0xFFFFFFFFu))
#define LIST_SIZE_1 ((int)(entry[2] >> 32))
#define LIST_SIZE_2 ((int)(entry[3] & 0xFFFFFFFFu))
#define LIST_EACH   ((int)(entry[3] >> 32))
#define ARG(i)      (entry[4 + (i)])

#define ULONG(i)     ARG(i)
#define INT(i)       ((int)ARG(i))
#define UINT(i)      ((uint)ARG(i))
#define FLOAT(i)     as_float((uint)ARG(i))
#define MEM(type, i) ((__global type *)table[ARG(i)])
/* And the offset that follows a buffer. */
#define FROM(type, i) (MEM(type, i) + ARG((i) + 1))

/* X(kernel, arguments): the kernels of other files. The same order as in
 * src/opencl/opencl_launch_list.c; after them those of gemm_cpu.cl and lstm_cpu.cl. */
/* clang-format off */
#define LIST_GRID_KERNELS(X) \
    X(row_gather, MEM(const uint, 0), ULONG(1), INT(2), INT(3), MEM(const int, 4), ULONG(5), MEM(uint, 6), ULONG(7), INT(8), INT(9), INT(10), INT(11)) \
    X(argmax, MEM(const int, 0), ULONG(1), INT(2), MEM(int, 3), ULONG(4), INT(5), INT(6)) \
    X(topk, MEM(const int, 0), ULONG(1), INT(2), MEM(int, 3), ULONG(4), INT(5), MEM(int, 6), ULONG(7), INT(8), INT(9), INT(10), INT(11)) \
    X(beam_advance, MEM(const float, 0), ULONG(1), INT(2), MEM(const int, 3), ULONG(4), INT(5), MEM(const float, 6), ULONG(7), MEM(const float, 8), ULONG(9), MEM(const int, 10), ULONG(11), MEM(float, 12), ULONG(13), MEM(int, 14), ULONG(15), MEM(int, 16), ULONG(17), INT(18), INT(19), INT(20)) \
    X(softmax_xent_fwd, MEM(const float, 0), ULONG(1), INT(2), MEM(const int, 3), ULONG(4), INT(5), MEM(float, 6), ULONG(7), MEM(float, 8), ULONG(9), INT(10), INT(11), FLOAT(12), FLOAT(13)) \
    X(lstm_cell_fwd, MEM(const float, 0), ULONG(1), INT(2), MEM(const float, 3), ULONG(4), INT(5), MEM(const float, 6), ULONG(7), INT(8), MEM(const float, 9), ULONG(10), MEM(const float, 11), ULONG(12), INT(13), MEM(const int, 14), ULONG(15), INT(16), MEM(float, 17), ULONG(18), INT(19), MEM(float, 20), ULONG(21), INT(22), MEM(float, 23), ULONG(24), INT(25), MEM(const float, 26), ULONG(27), INT(28), INT(29), INT(30), INT(31), INT(32), INT(33)) \
    X(gru_cell_fwd, MEM(const float, 0), ULONG(1), INT(2), MEM(const float, 3), ULONG(4), INT(5), MEM(const float, 6), ULONG(7), INT(8), MEM(const float, 9), ULONG(10), MEM(const float, 11), ULONG(12), INT(13), MEM(const int, 14), ULONG(15), INT(16), MEM(float, 17), ULONG(18), INT(19), MEM(float, 20), ULONG(21), INT(22), MEM(float, 23), ULONG(24), INT(25), INT(26), INT(27), INT(28), INT(29)) \
    X(rnn_cell_fwd, MEM(const float, 0), ULONG(1), INT(2), MEM(const float, 3), ULONG(4), INT(5), MEM(const float, 6), ULONG(7), MEM(const float, 8), ULONG(9), INT(10), MEM(const int, 11), ULONG(12), INT(13), MEM(float, 14), ULONG(15), INT(16), MEM(float, 17), ULONG(18), INT(19), INT(20), INT(21), INT(22), INT(23)) \
    X(tanh_fwd, MEM(const float, 0), ULONG(1), INT(2), INT(3), MEM(float, 4), ULONG(5), INT(6), INT(7), INT(8), INT(9), INT(10), INT(11)) \
    X(copy, MEM(const uint, 0), ULONG(1), INT(2), INT(3), MEM(uint, 4), ULONG(5), INT(6), INT(7), INT(8), INT(9), INT(10), INT(11)) \
    X(fill, MEM(uint, 0), ULONG(1), INT(2), INT(3), INT(4), INT(5), INT(6), INT(7), UINT(8)) \
    X(axpby, MEM(const float, 0), ULONG(1), INT(2), MEM(float, 3), ULONG(4), INT(5), INT(6), INT(7), INT(8), FLOAT(9), FLOAT(10)) \
    X(bias_add, MEM(const float, 0), ULONG(1), INT(2), MEM(const float, 3), ULONG(4), MEM(const float, 5), ULONG(6), INT(7), MEM(float, 8), ULONG(9), INT(10), INT(11), INT(12), INT(13)) \
    X(gemm_round, MEM(const uint, 0), ULONG(1), INT(2), ULONG(3), MEM(uint, 4), INT(5), INT(6), INT(7), INT(8), UINT(9)) \
    X(masked_softmax_fwd, MEM(const float, 0), ULONG(1), ULONG(2), INT(3), MEM(const int, 4), ULONG(5), INT(6), MEM(float, 7), ULONG(8), ULONG(9), INT(10), INT(11), INT(12), INT(13)) \
    X(additive_score_fwd, MEM(const float, 0), ULONG(1), ULONG(2), INT(3), MEM(const float, 4), ULONG(5), ULONG(6), INT(7), MEM(const float, 8), ULONG(9), MEM(const int, 10), ULONG(11), INT(12), MEM(float, 13), ULONG(14), ULONG(15), INT(16), INT(17), INT(18), INT(19), INT(20)) \
    X(sum, MEM(const float, 0), ULONG(1), ULONG(2), ULONG(3), ULONG(4), ULONG(5), MEM(float, 6), ULONG(7), FLOAT(8)) \
    X(sum_squares, MEM(const float, 0), ULONG(1), ULONG(2), ULONG(3), ULONG(4), ULONG(5), MEM(float, 6), ULONG(7), FLOAT(8)) \
    X(col_sums, MEM(const float, 0), ULONG(1), INT(2), MEM(float, 3), ULONG(4), INT(5), INT(6), INT(7), INT(8), FLOAT(9)) \
    X(embedding_bwd, MEM(const float, 0), ULONG(1), INT(2), INT(3), MEM(const int, 4), ULONG(5), INT(6), MEM(const int, 7), ULONG(8), MEM(float, 9), ULONG(10), INT(11), INT(12), INT(13), INT(14)) \
    X(row_scatter, MEM(const uint, 0), ULONG(1), INT(2), MEM(const int, 3), ULONG(4), MEM(uint, 5), ULONG(6), INT(7), INT(8), INT(9), INT(10), INT(11)) \
    X(softmax_xent_bwd, MEM(const float, 0), ULONG(1), INT(2), MEM(const int, 3), ULONG(4), MEM(const float, 5), ULONG(6), MEM(float, 7), ULONG(8), INT(9), INT(10), INT(11), INT(12), FLOAT(13), FLOAT(14), FLOAT(15)) \
    X(softmax_xent, MEM(const float, 0), ULONG(1), INT(2), MEM(const int, 3), ULONG(4), MEM(float, 5), ULONG(6), MEM(float, 7), ULONG(8), MEM(float, 9), ULONG(10), INT(11), INT(12), INT(13), FLOAT(14), FLOAT(15), FLOAT(16)) \
    X(masked_softmax_bwd, MEM(const float, 0), ULONG(1), ULONG(2), INT(3), MEM(const float, 4), ULONG(5), ULONG(6), INT(7), MEM(float, 8), ULONG(9), ULONG(10), INT(11), INT(12), INT(13), INT(14)) \
    X(additive_score_bwd, MEM(const float, 0), ULONG(1), ULONG(2), INT(3), MEM(const float, 4), ULONG(5), ULONG(6), INT(7), MEM(const float, 8), ULONG(9), ULONG(10), INT(11), MEM(const float, 12), ULONG(13), MEM(const int, 14), ULONG(15), INT(16), MEM(float, 17), ULONG(18), ULONG(19), INT(20), MEM(float, 21), ULONG(22), ULONG(23), INT(24), MEM(float, 25), INT(26), INT(27), INT(28), INT(29), INT(30), FLOAT(31)) \
    X(tanh_bwd, MEM(const float, 0), ULONG(1), INT(2), INT(3), MEM(const float, 4), ULONG(5), INT(6), INT(7), MEM(float, 8), ULONG(9), INT(10), INT(11), INT(12), INT(13), INT(14), INT(15)) \
    X(clip_scale, MEM(const float, 0), ULONG(1), MEM(float, 2), ULONG(3), FLOAT(4), FLOAT(5)) \
    X(sgd_update, MEM(const float, 0), ULONG(1), INT(2), MEM(const float, 3), ULONG(4), MEM(const int, 5), ULONG(6), INT(7), MEM(float, 8), ULONG(9), INT(10), INT(11), INT(12), INT(13), INT(14), FLOAT(15), FLOAT(16)) \
    X(adam_update, MEM(const float, 0), ULONG(1), INT(2), MEM(const float, 3), ULONG(4), MEM(const int, 5), ULONG(6), INT(7), MEM(float, 8), ULONG(9), INT(10), MEM(float, 11), ULONG(12), INT(13), MEM(float, 14), ULONG(15), INT(16), INT(17), INT(18), INT(19), INT(20), FLOAT(21), FLOAT(22), FLOAT(23), FLOAT(24), FLOAT(25), FLOAT(26), FLOAT(27), FLOAT(28), FLOAT(29)) \
    X(lstm_cell_bwd, MEM(const float, 0), ULONG(1), INT(2), MEM(const float, 3), ULONG(4), INT(5), MEM(const float, 6), ULONG(7), INT(8), MEM(const float, 9), ULONG(10), INT(11), MEM(const float, 12), ULONG(13), INT(14), MEM(const float, 15), ULONG(16), INT(17), INT(18), MEM(const int, 19), ULONG(20), INT(21), MEM(float, 22), ULONG(23), INT(24), MEM(float, 25), ULONG(26), INT(27), MEM(float, 28), ULONG(29), INT(30), MEM(const float, 31), ULONG(32), INT(33), INT(34), INT(35), INT(36), INT(37), INT(38)) \
    X(gru_cell_bwd, MEM(const float, 0), ULONG(1), INT(2), MEM(const float, 3), ULONG(4), INT(5), MEM(const float, 6), ULONG(7), INT(8), MEM(const float, 9), ULONG(10), INT(11), MEM(const float, 12), ULONG(13), INT(14), INT(15), MEM(const int, 16), ULONG(17), INT(18), MEM(float, 19), ULONG(20), INT(21), MEM(float, 22), ULONG(23), INT(24), MEM(float, 25), ULONG(26), INT(27), INT(28), INT(29), INT(30), INT(31)) \
    X(rnn_cell_bwd, MEM(const float, 0), ULONG(1), INT(2), MEM(const float, 3), ULONG(4), INT(5), MEM(const float, 6), ULONG(7), INT(8), INT(9), MEM(const int, 10), ULONG(11), INT(12), MEM(float, 13), ULONG(14), INT(15), MEM(float, 16), ULONG(17), INT(18), INT(19), INT(20), INT(21), INT(22)) \
    X(dropout, MEM(const float, 0), ULONG(1), INT(2), INT(3), MEM(float, 4), ULONG(5), INT(6), INT(7), INT(8), INT(9), INT(10), INT(11), INT(12), UINT(13), UINT(14), UINT(15), UINT(16), UINT(17), FLOAT(18), FLOAT(19))
/* clang-format on */

enum {
#define X(name, ...) LIST_##name,
    LIST_GRID_KERNELS(X)
#undef X
        LIST_gemm_cpu_block,
    LIST_gemm_cpu_direct,
    LIST_argmax_filter,
    LIST_int8_rows,
    LIST_gemm_cpu_pack_a,
    LIST_gemm_cpu_pack_b,
    LIST_gemm_cpu_packed,
    LIST_gemm_cpu_strips,
    LIST_gemm_cpu_tile,
    LIST_gemm_cpu_dot,
    LIST_gemm_cpu_dot_bf16,
    LIST_lstm_cpu_fwd,
    LIST_lstm_cpu_bwd,
};

/* An item is LIST_OWN rows of B. */
#define DEFINE_LIST_DOT(name, dot, type)                                                           \
    static void name(__global const ulong *entry, __global float *const *table, int item)          \
    {                                                                                              \
        const int rows = LIST_OWN, first = item * rows;                                            \
                                                                                                   \
        dot(FROM(const float, 0), INT(2), FROM(const type, 4), INT(6), FROM(float, 8), INT(10),    \
            FROM(const float, 12), INT(14), INT(15), INT(17), FLOAT(18), FLOAT(19), first,         \
            min(first + rows, INT(16)));                                                           \
    }
DEFINE_LIST_DOT(list_dot, gemm_cpu_dot_rows, float)
DEFINE_LIST_DOT(list_dot_bf16, gemm_cpu_dot_bf16_rows, ushort)

/* LIST_OWN items are a step, of which those after the first wait for the one before. */
static void list_lstm_fwd(__global const ulong *entry, __global float *const *table, int item,
                          __global volatile int *queue)
{
    const int items = LIST_OWN;
    int s = 0;

    for (; item >= items; item -= items)
        s++;
    lstm_fwd_item(MEM(const float, 0), ULONG(1), INT(2), MEM(const float, 3), MEM(const float, 4),
                  ULONG(5), INT(6), MEM(const float, 7), ULONG(8), MEM(const float, 9), ULONG(10),
                  INT(11), MEM(const int, 12), ULONG(13), INT(14), MEM(float, 15), ULONG(16),
                  INT(17), ULONG(18), MEM(float, 19), ULONG(20), INT(21), ULONG(22), MEM(float, 23),
                  ULONG(24), INT(25), ULONG(26), INT(27), INT(28), INT(29), INT(30), INT(31),
                  INT(32), queue, s, item, LIST_FIRST + s * items);
}

static void list_lstm_bwd(__global const ulong *entry, __global float *const *table, int item,
                          __global volatile int *queue)
{
    const int items = LIST_OWN;
    int s = 0;

    for (; item >= items; item -= items)
        s++;
    lstm_bwd_item(MEM(const float, 0), INT(1), MEM(const float, 2), MEM(float, 3), ULONG(4), INT(5),
                  ULONG(6), MEM(const float, 7), ULONG(8), INT(9), MEM(const float, 10), ULONG(11),
                  INT(12), ULONG(13), MEM(float, 14), ULONG(15), INT(16), MEM(float, 17), ULONG(18),
                  INT(19), MEM(const float, 20), ULONG(21), INT(22), ULONG(23), INT(24),
                  MEM(const int, 25), ULONG(26), INT(27), INT(28), INT(29), INT(30), INT(31),
                  INT(32), queue, s, item, LIST_FIRST + s * items);
}

static void list_step(__global const ulong *entry, __global float *const *table, int id0, int id1,
                      int id2)
{
    switch (LIST_KIND) {
#define X(name, ...)                                                                               \
    case LIST_##name:                                                                              \
        name(__VA_ARGS__, id0, id1, id2, LIST_SIZE_1, LIST_SIZE_2);                                \
        break;
        LIST_GRID_KERNELS(X)
#undef X
    case LIST_gemm_cpu_block:
        block_item(MEM(const float, 0), MEM(const float, 1), ULONG(2), INT(3), MEM(float, 4),
                   ULONG(5), INT(6), MEM(const float, 7), ULONG(8), INT(9), INT(10), INT(11),
                   INT(12), FLOAT(13), FLOAT(14), INT(15), INT(16), id0, id1);
        break;
    case LIST_argmax_filter:
        argmax_filter_item(MEM(const float, 0), ULONG(1), INT(2), MEM(const float, 3), ULONG(4),
                           INT(5), MEM(const float, 6), ULONG(7), INT(8), MEM(const float, 9),
                           ULONG(10), INT(11), MEM(const float, 12), ULONG(13),
                           MEM(const float, 14), INT(15), MEM(int, 16), ULONG(17), INT(18), INT(19),
                           INT(20), INT(21), id0);
        break;
    case LIST_int8_rows:
        int8_rows_item(MEM(const float, 0), ULONG(1), INT(2), INT(3), INT(4), MEM(uint, 5),
                       MEM(float, 6), id0);
        break;
    case LIST_gemm_cpu_pack_a:
        pack_a_item(MEM(const float, 0), ULONG(1), INT(2), INT(3), INT(4), INT(5), MEM(float, 6),
                    INT(7), id0, id1);
        break;
    case LIST_gemm_cpu_pack_b:
        pack_b_item(MEM(const float, 0), ULONG(1), INT(2), INT(3), INT(4), INT(5), MEM(float, 6),
                    ULONG(7), id0, id1);
        break;
    case LIST_gemm_cpu_packed:
        packed_item(MEM(const float, 0), ULONG(1), INT(2), MEM(const float, 3), MEM(float, 4),
                    ULONG(5), INT(6), MEM(const float, 7), ULONG(8), INT(9), INT(10), INT(11),
                    INT(12), FLOAT(13), FLOAT(14), INT(15), id0, id1);
        break;
    case LIST_gemm_cpu_strips:
        strips_item(MEM(const float, 0), ULONG(1), INT(2), MEM(const float, 3), MEM(float, 4),
                    ULONG(5), INT(6), MEM(const float, 7), ULONG(8), INT(9), INT(10), INT(11),
                    INT(12), INT(13), FLOAT(14), FLOAT(15), INT(16), id0);
        break;
    case LIST_gemm_cpu_tile:
        tile_item(MEM(const float, 0), ULONG(1), INT(2), ULONG(3), MEM(const float, 4), ULONG(5),
                  INT(6), ULONG(7), MEM(float, 8), ULONG(9), INT(10), ULONG(11),
                  MEM(const float, 12), ULONG(13), INT(14), INT(15), INT(16), INT(17), INT(18),
                  INT(19), FLOAT(20), FLOAT(21), INT(22), INT(23), id0, id1, id2);
        break;
    case LIST_gemm_cpu_direct:
        direct_panel(FROM(const float, 0) + (ulong)id2 * ULONG(3), INT(2),
                     FROM(const float, 4) + (ulong)id2 * ULONG(7), INT(6),
                     FROM(float, 8) + (ulong)id2 * ULONG(11), INT(10), INT(12), INT(13), INT(14),
                     FLOAT(15), FLOAT(16), id0);
        break;
    }
}

/* LIST_EACH of a grid, one after the other. Counted and not divided: there are few, and Oclgrind
 * 21.10 does not know what LLVM makes of a quotient and its remainder. */
static void list_grid(__global const ulong *entry, __global float *const *table, int item)
{
    int id0 = item * LIST_EACH, id1 = 0, id2 = 0;

    for (; id0 >= LIST_SIZE_0; id0 -= LIST_SIZE_0)
        id1++;
    for (; id1 >= LIST_SIZE_1; id1 -= LIST_SIZE_1)
        id2++;
    for (int i = 0; i < LIST_EACH && id2 < LIST_SIZE_2; i++) {
        list_step(entry, table, id0, id1, id2);
        if (++id0 == LIST_SIZE_0) {
            id0 = 0;
            if (++id1 == LIST_SIZE_1) {
                id1 = 0;
                id2++;
            }
        }
    }
}

static void list_item(__global const ulong *entry, __global float *const *table, int item,
                      __global volatile int *queue)
{
    switch (LIST_KIND) {
    case LIST_gemm_cpu_dot:
        list_dot(entry, table, item);
        break;
    case LIST_gemm_cpu_dot_bf16:
        list_dot_bf16(entry, table, item);
        break;
    case LIST_lstm_cpu_fwd:
        list_lstm_fwd(entry, table, item, queue);
        break;
    case LIST_lstm_cpu_bwd:
        list_lstm_bwd(entry, table, item, queue);
        break;
    default:
        list_grid(entry, table, item);
    }
}

/* `kernels` entries with `items` in all; a work-group for each compute unit. */
KERNEL void launch_list(__global const ulong *list, int kernels, int items, __global float *b0,
                        __global float *b1, __global float *b2, __global float *b3,
                        __global float *b4, __global float *b5, __global float *b6,
                        __global float *b7, __global float *b8, __global float *b9,
                        __global float *b10, __global float *b11, __global float *b12,
                        __global float *b13, __global float *b14, __global float *b15,
                        __global volatile int *queue)
{
    __global float *const table[16] = { b0, b1, b2,  b3,  b4,  b5,  b6,  b7,
                                        b8, b9, b10, b11, b12, b13, b14, b15 };
    __global const ulong *entry = list;
    __global const ulong *const end = list + (ulong)kernels * LIST_ENTRY;

    FOR_ITEMS(number, items)
    {
        while (entry + LIST_ENTRY < end && number >= (int)entry[LIST_ENTRY + 1])
            entry += LIST_ENTRY;
        WAIT_FOR(LIST_FIRST)
        list_item(entry, table, number - LIST_FIRST, queue);
        ITEM_IS_DONE
    }
    END_OF_ITEMS
}
