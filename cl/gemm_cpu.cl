/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Matrix products for CPUs: C = alpha A op(B) + beta C. One work-item per group, explicit vectors,
 * no barriers and no local memory, so that a compiler that turns a kernel into a plain function
 * gets the loop nest it needs.
 *
 * These feed the inner loop of gemm_tile.clh:
 *   gemm_cpu_block    A and B were packed before by gemm_cpu_pack_a and gemm_cpu_pack_b: for large
 *                     products, where a block of A stays in the second-level cache
 *   gemm_cpu_strips   B was packed before, and A is used where it is, or, transposed, packed by the
 *                     item that uses it: for few columns, where packing A as a whole would take
 *                     longest
 *   gemm_cpu_tile     an item packs some panels of B into private memory, KC steps of k at a time,
 *                     and passes some rows of A over all of them while these are in the caches; A
 *                     transposed is packed by strips of MR rows on the way
 *   gemm_cpu_packed   B was packed before by gemm_cpu_pack_b, A is used where it is
 *   gemm_cpu_direct   few rows of A: both are used where they are, as B would be used only once
 * and gemm_cpu_dot takes B transposed with few rows of A: there both run along k. Only
 * gemm_cpu_pack_a, gemm_cpu_strips and gemm_cpu_tile take A transposed. docs/kernels.md says when
 * each is used.
 *
 * argmax_filter looks for the largest of rows of C: argmax_filter.clh.
 *
 * gemm_cpu_block, _strips, _tile and _packed split the sum over k in parts of KC, added to C in
 * order; the order of every sum is the same every time.
 */
#if CLSEQ_CPU
#include "defs.clh"
#endif

#include "gemm_tile.clh"

/* Panels an item of gemm_cpu_tile packs at a time. */
#define PANELS (VW == 16 ? 4 : 8)

DEFINE_BLOCK(block_of_rows, __global, __private, __global, rows_apart, 1, TILE_STORE)
DEFINE_BLOCK(block_of_columns, __private, __private, __global, 1, MR, TILE_STORE)
DEFINE_BLOCK(block_of_strips, __global, __global, __global, 1, MR, TILE_STORE)
DEFINE_BLOCK(block_of_own, __private, __global, __global, 1, MR, TILE_STORE)
DEFINE_BLOCK(block_global, __global, __global, __global, rows_apart, 1, TILE_STORE)

/* ---- filling panels ---- */

/* Arguments of the next macros must be names: loops inside have variables of their own. */

/* panel[k][0 .. NR) from B (K, N), of which `columns` exist; the others become 0. */
#define FILL_ROWS(panel, b, b_rows, k, columns)                                                    \
    for (int i = 0; i < (k); i++) {                                                                \
        __global const float *from = (b) + i * (long)(b_rows);                                     \
        if ((columns) >= NR) {                                                                     \
            vstoreV(vloadV(0, from), 0, (panel) + i * NR);                                         \
            vstoreV(vloadV(1, from), 1, (panel) + i * NR);                                         \
        } else {                                                                                   \
            for (int n = 0; n < NR; n++)                                                           \
                (panel)[i * NR + n] = n < (columns) ? from[n] : 0.0f;                              \
        }                                                                                          \
    }

/* Four elements of a column become four neighbours. Put together from single elements and not from
 * vectors: Oclgrind 21.10 dies of the shuffles that makes. */
#define COLUMN_OF_4(to, from, rows)                                                                \
    vstore4((float4)((from)[0], (from)[(long)(rows)], (from)[2 * (long)(rows)],                    \
                     (from)[3 * (long)(rows)]),                                                    \
            0, to);

/* The same from B (N, K): a transposition, in squares of 4 x 4 where all of them exist. */
#define FILL_COLUMNS(panel, b, b_rows, k, columns)                                                 \
    for (int n = 0; n < NR; n += 4) {                                                              \
        __global const float *from = (b) + n * (long)(b_rows);                                     \
        const int whole = n + 4 <= (columns) ? (k) & ~3 : 0;                                       \
        for (int i = 0; i < whole; i += 4) {                                                       \
            COLUMN_OF_4((panel) + i * NR + n, from + i, b_rows)                                    \
            COLUMN_OF_4((panel) + (i + 1) * NR + n, from + i + 1, b_rows)                          \
            COLUMN_OF_4((panel) + (i + 2) * NR + n, from + i + 2, b_rows)                          \
            COLUMN_OF_4((panel) + (i + 3) * NR + n, from + i + 3, b_rows)                          \
        }                                                                                          \
        for (int i = whole; i < (k); i++) {                                                        \
            for (int j = 0; j < 4; j++)                                                            \
                (panel)[i * NR + n + j] = n + j < (columns) ? from[j * (long)(b_rows) + i] : 0.0f; \
        }                                                                                          \
    }

/* ---- kernels ----
 * Row strides and batch strides are in elements. */

/* MR neighbours at once. */
#if MR == 14
#define COPY_STRIP(to, from)                                                                       \
    vstore8(vload8(0, from), 0, to);                                                               \
    vstore4(vload4(0, (from) + 8), 0, (to) + 8);                                                   \
    vstore2(vload2(0, (from) + 12), 0, (to) + 12);
#else
#define COPY_STRIP(to, from)                                                                       \
    vstore4(vload4(0, from), 0, to);                                                               \
    vstore2(vload2(0, (from) + 4), 0, (to) + 4);
#endif

/* The same from MR rows. */
#if MR == 14
#define GATHER_STRIP(to, from, rows)                                                               \
    COLUMN_OF_4(to, from, rows)                                                                    \
    COLUMN_OF_4((to) + 4, (from) + 4 * (rows), rows)                                               \
    COLUMN_OF_4((to) + 8, (from) + 8 * (rows), rows)                                               \
    vstore2((float2)((from)[12 * (rows)], (from)[13 * (rows)]), 0, (to) + 12);
#else
#define GATHER_STRIP(to, from, rows)                                                               \
    COLUMN_OF_4(to, from, rows)                                                                    \
    vstore2((float2)((from)[4 * (rows)], (from)[5 * (rows)]), 0, (to) + 4);
#endif

/* Rows of A that pass over the panels at a time: whole strips. */
#define SUB_ROWS (MR == 14 ? 4 * MR : 8 * MR)

/* Rows of A transposed are short and far from each other. */
#define PACK_AHEAD 16

/* strips[row / MR][k][MR] from A (K, M). */
static void pack_columns(float *strips, __global const float *a, int a_rows, int rows, int k)
{
    for (int i = 0; i < k; i++) {
        __global const float *from = a + i * (long)a_rows;
        float *to = strips + i * MR;
        int m = 0;

        for (; m + MR <= rows; m += MR, to += MR * KC) {
            FETCH(from + m + PACK_AHEAD * (long)a_rows)
            COPY_STRIP(to, from + m)
        }
        for (int e = 0; m + e < rows; e++)
            to[e] = from[m + e];
    }
}

#define TILE_PARAMETERS                                                                            \
    __global const float *a, ulong a_offset, int a_rows, ulong a_batch, __global const float *b,   \
        ulong b_offset, int b_rows, ulong b_batch, __global float *c, ulong c_offset, int c_rows,  \
        ulong c_batch, __global const float *old, ulong old_offset, int old_rows, int m_size,      \
        int n_size, int k_size, int trans_a, int trans_b, float alpha, float beta, int panels,     \
        int block
#define TILE_VALUES                                                                                \
    a, a_offset, a_rows, a_batch, b, b_offset, b_rows, b_batch, c, c_offset, c_rows, c_batch, old, \
        old_offset, old_rows, m_size, n_size, k_size, trans_a, trans_b, alpha, beta, panels, block

/* An item of gemm_cpu_tile. */
static void tile_item(TILE_PARAMETERS, int id0, int id1, int id2)
{
    const int first = id0 * panels * NR, m_first = id1 * block;
    const int m_last = min(m_first + block, m_size), last = min(first + panels * NR, n_size);
    const ulong batch = (ulong)id2;
    float b_part[PANELS * KC * NR], a_part[SUB_ROWS * KC];

    a += a_offset + batch * a_batch;
    b += b_offset + batch * b_batch;
    c += c_offset + batch * c_batch;
    old += old_offset + batch * c_batch;
    for (int k = 0; k < k_size; k += KC) {
        const int step = min(KC, k_size - k);

        for (int n = first; n < last; n += NR) {
            float *panel = b_part + (n - first) * KC;
            const int columns = min(NR, n_size - n);
            __global const float *source = b + (trans_b ? (ulong)n * (ulong)b_rows + (ulong)k
                                                        : (ulong)k * (ulong)b_rows + (ulong)n);

            if (trans_b) {
                FILL_COLUMNS(panel, source, b_rows, step, columns)
            } else {
                FILL_ROWS(panel, source, b_rows, step, columns)
            }
        }
        for (int m = m_first; m < m_last; m += SUB_ROWS) {
            const int rows = min(SUB_ROWS, m_last - m);
            __global float *to = c + (ulong)m * (ulong)c_rows;
            __global const float *add = old + (ulong)m * (ulong)old_rows;

            if (trans_a) {
                pack_columns(a_part, a + (ulong)k * (ulong)a_rows + (ulong)m, a_rows, rows, step);
                for (int n = first; n < last; n += NR)
                    block_of_columns(rows, a_part, 0, MR * KC, b_part + (n - first) * KC, NR, step,
                                     to + n, c_rows, add + n, old_rows, min(NR, n_size - n), alpha,
                                     beta, a, 0);
            } else {
                for (int n = first; n < last; n += NR)
                    block_of_rows(rows, a + (ulong)m * (ulong)a_rows + (ulong)k, a_rows,
                                  MR * (long)a_rows, b_part + (n - first) * KC, NR, step, to + n,
                                  c_rows, add + n, old_rows, min(NR, n_size - n), alpha, beta, a,
                                  0);
            }
        }
        old = c;
        old_rows = c_rows;
        beta = 1.0f;
    }
}

/* What beta multiplies is `old`: C, or a vector for all rows, old_rows being 0 then. Items: (group
 * of `panels` panels, block of `block` rows, matrix of the batch). */
KERNEL void gemm_cpu_tile(TILE_PARAMETERS)
{
    tile_item(TILE_VALUES, (int)get_global_id(0), (int)get_global_id(1), (int)get_global_id(2));
}

/* Panels and strips an item of the next two kernels makes: a row that is far from the next one in
 * memory is used for all of them at once. */
#define PACK_WIDE 8

#define PACK_B_PARAMETERS                                                                          \
    __global const float *b, ulong b_offset, int b_rows, int n_size, int k_size, int trans_b,      \
        __global float *panels, ulong panels_offset
#define PACK_B_VALUES b, b_offset, b_rows, n_size, k_size, trans_b, panels, panels_offset

/* An item of gemm_cpu_pack_b. */
static void pack_b_item(PACK_B_PARAMETERS, int id0, int id1)
{
    const int first = id0 * PACK_WIDE * NR, k = id1 * KC;
    const int last = min(first + PACK_WIDE * NR, n_size), step = min(KC, k_size - k);

    b += b_offset;
    panels += panels_offset + (ulong)k * NR;
    if (trans_b) {
        for (int n = first; n < last; n += NR) {
            __global const float *source = b + (ulong)n * (ulong)b_rows + (ulong)k;
            __global float *panel = panels + (ulong)n * (ulong)k_size;
            const int columns = min(NR, n_size - n);

            FILL_COLUMNS(panel, source, b_rows, step, columns)
        }
        return;
    }
    for (int i = 0; i < step; i++) {
        __global const float *from = b + (ulong)(k + i) * (ulong)b_rows;
        __global float *to = panels + i * NR;
        int n = first;

        for (; n + NR <= last; n += NR) {
            vstoreV(vloadV(0, from + n), 0, to + (ulong)n * (ulong)k_size);
            vstoreV(vloadV(1, from + n), 1, to + (ulong)n * (ulong)k_size);
        }
        for (int e = 0; n < last && e < NR; e++)
            to[(ulong)n * (ulong)k_size + (ulong)e] = n + e < last ? from[n + e] : 0.0f;
    }
}

/* panels[panel][k][NR] of op(B); items (PACK_WIDE panels, part of k). */
KERNEL void gemm_cpu_pack_b(PACK_B_PARAMETERS)
{
    pack_b_item(PACK_B_VALUES, (int)get_global_id(0), (int)get_global_id(1));
}

#define PACK_A_PARAMETERS                                                                          \
    __global const float *a, ulong a_offset, int a_rows, int m_size, int k_size, int trans_a,      \
        __global float *strips, int wide
#define PACK_A_VALUES a, a_offset, a_rows, m_size, k_size, trans_a, strips, wide

/* An item of gemm_cpu_pack_a: its number of strips, and its part of k. */
static void pack_a_item(PACK_A_PARAMETERS, int id0, int id1)
{
    const int first = id0 * wide * MR, k = id1 * KC;
    const int last = min(first + wide * MR, m_size), step = min(KC, k_size - k);
    const int whole = (last - first) / MR * MR, rest = last - first - whole;
    const ulong all = (ulong)((m_size + MR - 1) / MR * MR);

    strips += (ulong)k * all + (ulong)first * (ulong)step;
    if (trans_a) {
        a += a_offset + (ulong)k * (ulong)a_rows + (ulong)first;
        for (int i = 0; i < step; i++, a += a_rows) {
            __global float *to = strips + i * MR;

            for (int m = 0; m < whole; m += MR) {
                FETCH(a + m + PACK_AHEAD * (long)a_rows)
                COPY_STRIP(to + m * step, a + m)
            }
            for (int e = 0; e < rest; e++)
                to[whole * step + e] = a[whole + e];
        }
        return;
    }
    a += a_offset + (ulong)first * (ulong)a_rows + (ulong)k;
    for (int m = 0; m < whole; m += MR, a += MR * (long)a_rows, strips += MR * step) {
        for (int i = 0; i < step; i++) {
            GATHER_STRIP(strips + i * MR, a + i, (long)a_rows)
        }
    }
    for (int i = 0; i < step; i++)
        for (int e = 0; e < rest; e++)
            strips[i * MR + e] = a[e * (long)a_rows + i];
}

/* strips[part of k][strip][k][MR] of op(A); items (`wide` strips, part of k). Rows beyond the last
 * are not written. */
KERNEL void gemm_cpu_pack_a(PACK_A_PARAMETERS)
{
    pack_a_item(PACK_A_VALUES, (int)get_global_id(0), (int)get_global_id(1));
}

/* Floats of A that stay in a second-level cache. */
#define NEAR_FLOATS (160 * 1024)

#define BLOCK_PARAMETERS                                                                           \
    __global const float *strips, __global const float *panels, ulong panels_offset, int panel_k,  \
        __global float *c, ulong c_offset, int c_rows, __global const float *old,                  \
        ulong old_offset, int old_rows, int m_size, int n_size, int k_size, float alpha,           \
        float beta, int block, int group
#define BLOCK_VALUES                                                                               \
    strips, panels, panels_offset, panel_k, c, c_offset, c_rows, old, old_offset, old_rows,        \
        m_size, n_size, k_size, alpha, beta, block, group

/* An item of gemm_cpu_block. */
static void block_item(BLOCK_PARAMETERS, int id0, int id1)
{
    const int top = id0 * block, first = id1 * group;
    const int rows = min(block, m_size - top), last = min(first + group, n_size);
    const ulong whole = (ulong)((m_size + MR - 1) / MR * MR);
    const bool is_far = whole * (ulong)k_size > NEAR_FLOATS;

    panels += panels_offset;
    c += c_offset + (ulong)top * (ulong)c_rows;
    old += old_offset + (ulong)top * (ulong)old_rows;
    for (int k = 0; k < k_size; k += KC) {
        const int step = min(KC, k_size - k), k_next = k + KC < k_size ? k + KC : 0;
        __global const float *a = strips + (ulong)k * whole + (ulong)top * (ulong)step;
        /* After the last strip: the first one of the next part, or of the next item. */
        __global const float *a_next =
            strips + (ulong)k_next * whole +
            (ulong)(k_next > 0 ? top : top + block) * (ulong)min(KC, k_size - k_next);

        for (int n = first; n < last; n += NR) {
            __global const float *panel = panels + (ulong)n * (ulong)panel_k + (ulong)k * NR;

            for (int m = 0; m < rows; m += MR) {
                __global const float *next = c + m * (long)c_rows + n;
                long next_step = 0;

                /* The first panel finds the strips of a large A in no cache near, and the first
                 * block the panels. */
                if (n == first && is_far) {
                    next = m + MR < rows ? a + (m + MR) * (long)step : a_next;
                    next_step = MR;
                } else if (m == 0 && top == 0) {
                    next = panel + NR * (long)panel_k;
                    next_step = NR;
                }
                block_of_strips(min(MR, rows - m), a + m * (long)step, 0, 0, panel, NR, step,
                                c + m * (long)c_rows + n, c_rows, old + m * (long)old_rows + n,
                                old_rows, min(NR, n_size - n), alpha, beta, next, next_step);
            }
        }
        old = c;
        old_rows = c_rows;
        beta = 1.0f;
    }
}

/* Strips and panels as the kernels above leave them, panels of `panel_k` steps that begin before
 * the first of k_size. `old` as in gemm_cpu_tile. Items: (block of `block` rows, a multiple of MR;
 * group of `group` columns, a multiple of NR): blocks follow each other on a core, which has the
 * panels of the group in its cache then. */
KERNEL void gemm_cpu_block(BLOCK_PARAMETERS)
{
    block_item(BLOCK_VALUES, (int)get_global_id(0), (int)get_global_id(1));
}

/* Rows of A that an item of gemm_cpu_strips packs at a time, at most: whole strips, which stay in a
 * second-level cache. */
#define OWN_ROWS (MR == 14 ? 7 * MR : 16 * MR)

#define STRIPS_PARAMETERS                                                                          \
    __global const float *a, ulong a_offset, int a_rows, __global const float *panels,             \
        __global float *c, ulong c_offset, int c_rows, __global const float *old,                  \
        ulong old_offset, int old_rows, int m_size, int n_size, int k_size, int trans_a,           \
        float alpha, float beta, int block
#define STRIPS_VALUES                                                                              \
    a, a_offset, a_rows, panels, c, c_offset, c_rows, old, old_offset, old_rows, m_size, n_size,   \
        k_size, trans_a, alpha, beta, block

/* An item of gemm_cpu_strips. */
static void strips_item(STRIPS_PARAMETERS, int id0)
{
    const int top = id0 * block, rows = min(block, m_size - top);
    float strips[OWN_ROWS * KC];

    a += a_offset + (trans_a ? (ulong)top : (ulong)top * (ulong)a_rows);
    c += c_offset + (ulong)top * (ulong)c_rows;
    old += old_offset + (ulong)top * (ulong)old_rows;
    for (int k = 0; k < k_size; k += KC) {
        const int step = min(KC, k_size - k);

        if (trans_a)
            pack_columns(strips, a + (ulong)k * (ulong)a_rows, a_rows, rows, step);
        for (int n = 0; n < n_size; n += NR) {
            __global const float *panel = panels + (ulong)n * (ulong)k_size + (ulong)k * NR;
            __global const float *next = panel + NR * (ulong)k_size;
            const int columns = min(NR, n_size - n);

            if (trans_a)
                block_of_own(rows, strips, 0, MR * KC, panel, NR, step, c + n, c_rows, old + n,
                             old_rows, columns, alpha, beta, next, NR);
            else
                block_global(rows, a + k, a_rows, MR * (long)a_rows, panel, NR, step, c + n, c_rows,
                             old + n, old_rows, columns, alpha, beta, next, NR);
        }
        old = c;
        old_rows = c_rows;
        beta = 1.0f;
    }
}

/* All columns of some rows: A goes by once, and is packed by the item that uses it. Panels as in
 * gemm_cpu_block. Items: blocks of `block` rows. */
KERNEL void gemm_cpu_strips(STRIPS_PARAMETERS)
{
    strips_item(STRIPS_VALUES, (int)get_global_id(0));
}

#define PACKED_PARAMETERS                                                                          \
    __global const float *a, ulong a_offset, int a_rows, __global const float *panels,             \
        __global float *c, ulong c_offset, int c_rows, __global const float *old,                  \
        ulong old_offset, int old_rows, int m_size, int n_size, int k_size, float alpha,           \
        float beta, int block
#define PACKED_VALUES                                                                              \
    a, a_offset, a_rows, panels, c, c_offset, c_rows, old, old_offset, old_rows, m_size, n_size,   \
        k_size, alpha, beta, block

/* An item of gemm_cpu_packed. */
static void packed_item(PACKED_PARAMETERS, int id0, int id1)
{
    const int n = id0 * NR, m = id1 * block;
    const int rows = min(block, m_size - m), columns = min(NR, n_size - n);

    a += a_offset + (ulong)m * (ulong)a_rows;
    c += c_offset + (ulong)m * (ulong)c_rows + (ulong)n;
    old += old_offset + (ulong)m * (ulong)old_rows + (ulong)n;
    panels += (ulong)n * (ulong)k_size;
    for (int k = 0; k < k_size; k += KC) {
        block_global(rows, a + k, a_rows, MR * (long)a_rows, panels + (ulong)k * NR, NR,
                     min(KC, k_size - k), c, c_rows, old, old_rows, columns, alpha, beta,
                     panels + (ulong)(k + KC < k_size ? k + KC : k_size) * NR, NR);
        old = c;
        old_rows = c_rows;
        beta = 1.0f;
    }
}

/* `old` as in gemm_cpu_tile. Items: (panel, block of `block` rows). */
KERNEL void gemm_cpu_packed(PACKED_PARAMETERS)
{
    packed_item(PACKED_VALUES, (int)get_global_id(0), (int)get_global_id(1));
}

/* B (K, N) in place: panel `panel` of the columns. The last one is moved to the left to be whole:
 * the columns it shares with its neighbour are computed again but not stored. Needs
 * n_size >= NR. */
static void direct_panel(__global const float *a, int a_rows, __global const float *b, int b_rows,
                         __global float *c, int c_rows, int m_size, int n_size, int k_size,
                         float alpha, float beta, int panel)
{
    const int n = panel * NR, from = min(n, n_size - NR), skip = n - from;
    float spare[MR * NR];

    b += from;
    c += n;
    if (skip == 0) {
        block_global(m_size, a, a_rows, MR * (long)a_rows, b, b_rows, k_size, c, c_rows, c, c_rows,
                     NR, alpha, beta, c, 0);
        return;
    }
    for (int m = 0; m < m_size; m++) {
        floatV u = (floatV)(0.0f), v = (floatV)(0.0f);

        for (int k = 0; k < k_size; k++) {
            const floatV x = (floatV)(a[(ulong)m * (ulong)a_rows + (ulong)k]);

            u += x * vloadV(0, b + (ulong)k * (ulong)b_rows);
            v += x * vloadV(1, b + (ulong)k * (ulong)b_rows);
        }
        vstoreV(alpha * u, 0, spare);
        vstoreV(alpha * v, 1, spare);
        for (int i = skip; i < NR; i++) {
            __global float *to = c + (ulong)m * (ulong)c_rows + (ulong)(i - skip);

            *to = beta == 0.0f ? spare[i] : spare[i] + beta * *to;
        }
    }
}

KERNEL void gemm_cpu_direct(__global const float *a, ulong a_offset, int a_rows, ulong a_batch,
                            __global const float *b, ulong b_offset, int b_rows, ulong b_batch,
                            __global float *c, ulong c_offset, int c_rows, ulong c_batch,
                            int m_size, int n_size, int k_size, float alpha, float beta)
{
    const ulong batch = get_global_id(2);

    direct_panel(a + a_offset + batch * a_batch, a_rows, b + b_offset + batch * b_batch, b_rows,
                 c + c_offset + batch * c_batch, c_rows, m_size, n_size, k_size, alpha, beta,
                 (int)get_global_id(0));
}

/* ---- B (N, K), few rows of A: dot products along k ---- */

static float sum_lanes(floatV x)
{
#if VW == 16
    const float8 eight = x.lo + x.hi;
    const float4 four = eight.lo + eight.hi;
#elif VW == 8
    const float4 four = x.lo + x.hi;
#else
    const float4 four = x;
#endif
    float t[4];

    /* Through memory, which is free where it counts; see COLUMN_OF_4. */
    vstore4(four, 0, t);
    return (t[0] + t[2]) + (t[1] + t[3]);
}

/* Three rows of B and up to four of A at a time: 12 accumulators and what they need fill 16
 * registers. Of a last group of fewer rows of B, the last row stands for the missing ones. */
#define DOT_DECLARE(i) floatV p##i = (floatV)(0.0f), q##i = (floatV)(0.0f), r##i = (floatV)(0.0f);
#define DOT_STEP(i)                                                                                \
    {                                                                                              \
        const floatV x = vloadV(0, a + i * a_rows + k);                                            \
        p##i += x * x0;                                                                            \
        q##i += x * x1;                                                                            \
        r##i += x * x2;                                                                            \
    }
#define DOT_STORE(i, ONE)                                                                          \
    {                                                                                              \
        float t0 = sum_lanes(p##i), t1 = sum_lanes(q##i), t2 = sum_lanes(r##i);                    \
        __global float *row = c + i * c_rows;                                                      \
        __global const float *old_row = old + i * old_rows;                                        \
        for (int e = k; e < k_size; e++) {                                                         \
            const float x = a[i * a_rows + e];                                                     \
            t0 += x * ONE(b0[e]);                                                                  \
            t1 += x * ONE(b1[e]);                                                                  \
            t2 += x * ONE(b2[e]);                                                                  \
        }                                                                                          \
        row[0] = beta == 0.0f ? alpha * t0 : alpha * t0 + beta * old_row[0];                       \
        if (columns > 1)                                                                           \
            row[1] = beta == 0.0f ? alpha * t1 : alpha * t1 + beta * old_row[1];                   \
        if (columns > 2)                                                                           \
            row[2] = beta == 0.0f ? alpha * t2 : alpha * t2 + beta * old_row[2];                   \
    }
/* The next three rows of B come while these are used; they are in no cache. */
#define FETCH_ROWS                                                                                 \
    FETCH(b0 + k + 3 * (b1 - b0))                                                                  \
    FETCH(b1 + k + 3 * (b1 - b0))                                                                  \
    FETCH(b2 + k + 3 * (b1 - b0))
/* B of floats, or of the upper halves of floats: bf16, half the bytes where reading them takes the
 * time. LOAD gives VW of them as floats, ONE one. */
#define LOAD_FLOAT(p)  vloadV(0, p)
#define ONE_FLOAT(x)   (x)
#define LOAD_BF16(p)   AS_FLOATV(CONVERT_UINTV(vloadV(0, p)) << 16u)
#define ONE_BF16(x)    as_float((uint)(x) << 16u)
#define CONVERT_UINTV  JOIN(convert_uint, VW)
#define AS_FLOATV      JOIN(as_float, VW)
#define STORE_FLOAT(i) DOT_STORE(i, ONE_FLOAT)
#define STORE_BF16(i)  DOT_STORE(i, ONE_BF16)

#define DEFINE_DOT(name, ROWS, TYPE, LOAD, STORE)                                                  \
    static void name(__global const float *a, long a_rows, __global const TYPE *b0,                \
                     __global const TYPE *b1, __global const TYPE *b2, int k_size,                 \
                     __global float *c, long c_rows, __global const float *old, long old_rows,     \
                     int columns, float alpha, float beta)                                         \
    {                                                                                              \
        int k = 0;                                                                                 \
        ROWS(DOT_DECLARE)                                                                          \
        for (; k + VW <= k_size; k += VW) {                                                        \
            const floatV x0 = LOAD(b0 + k), x1 = LOAD(b1 + k), x2 = LOAD(b2 + k);                  \
            FETCH_ROWS                                                                             \
            ROWS(DOT_STEP)                                                                         \
        }                                                                                          \
        ROWS(STORE)                                                                                \
    }

/* Rows [first, last) of B, that is columns of C. */
#define DEFINE_DOT_ROWS(name, TYPE, LOAD, STORE)                                                   \
    DEFINE_DOT(name##_1, ROWS_1, TYPE, LOAD, STORE)                                                \
    DEFINE_DOT(name##_2, ROWS_2, TYPE, LOAD, STORE)                                                \
    DEFINE_DOT(name##_4, ROWS_4, TYPE, LOAD, STORE)                                                \
    static void name##_rows(__global const float *a, int a_rows, __global const TYPE *b,           \
                            int b_rows, __global float *c, int c_rows, __global const float *old,  \
                            int old_rows, int m_size, int k_size, float alpha, float beta,         \
                            int first, int last)                                                   \
    {                                                                                              \
        for (int n = first; n < last; n += 3) {                                                    \
            const int columns = min(3, last - n);                                                  \
            __global const TYPE *b0 = b + (ulong)n * (ulong)b_rows;                                \
            __global const TYPE *b1 = b0 + (columns > 1 ? (ulong)b_rows : 0);                      \
            __global const TYPE *b2 = b1 + (columns > 2 ? (ulong)b_rows : 0);                      \
            __global const float *x = a;                                                           \
            __global float *y = c + n;                                                             \
            __global const float *z = old + n;                                                     \
            int rows = m_size;                                                                     \
                                                                                                   \
            for (; rows >= 4; rows -= 4) {                                                         \
                name##_4(x, a_rows, b0, b1, b2, k_size, y, c_rows, z, old_rows, columns, alpha,    \
                         beta);                                                                    \
                x += 4 * (long)a_rows;                                                             \
                y += 4 * (long)c_rows;                                                             \
                z += 4 * (long)old_rows;                                                           \
            }                                                                                      \
            if (rows >= 2) {                                                                       \
                name##_2(x, a_rows, b0, b1, b2, k_size, y, c_rows, z, old_rows, columns, alpha,    \
                         beta);                                                                    \
                rows -= 2;                                                                         \
                x += 2 * (long)a_rows;                                                             \
                y += 2 * (long)c_rows;                                                             \
                z += 2 * (long)old_rows;                                                           \
            }                                                                                      \
            if (rows >= 1)                                                                         \
                name##_1(x, a_rows, b0, b1, b2, k_size, y, c_rows, z, old_rows, columns, alpha,    \
                         beta);                                                                    \
        }                                                                                          \
    }

/* `old` as in gemm_cpu_tile, its matrices as far apart as those of C. Items: (group of `block` rows
 * of B, 1, matrix of the batch). */
#define DEFINE_DOT_KERNEL(name, TYPE, LOAD, STORE)                                                 \
    DEFINE_DOT_ROWS(name, TYPE, LOAD, STORE)                                                       \
    KERNEL void name(__global const float *a, ulong a_offset, int a_rows, ulong a_batch,           \
                     __global const TYPE *b, ulong b_offset, int b_rows, ulong b_batch,            \
                     __global float *c, ulong c_offset, int c_rows, ulong c_batch,                 \
                     __global const float *old, ulong old_offset, int old_rows, int m_size,        \
                     int n_size, int k_size, float alpha, float beta, int block)                   \
    {                                                                                              \
        const int first = (int)get_global_id(0) * block;                                           \
        const ulong batch = get_global_id(2);                                                      \
                                                                                                   \
        name##_rows(a + a_offset + batch * a_batch, a_rows, b + b_offset + batch * b_batch,        \
                    b_rows, c + c_offset + batch * c_batch, c_rows,                                \
                    old + old_offset + batch * c_batch, old_rows, m_size, k_size, alpha, beta,     \
                    first, min(first + block, n_size));                                            \
    }
DEFINE_DOT_KERNEL(gemm_cpu_dot, float, LOAD_FLOAT, STORE_FLOAT)
DEFINE_DOT_KERNEL(gemm_cpu_dot_bf16, ushort, LOAD_BF16, STORE_BF16)

/* It uses the functions of the other operations, which have vectors in the CPU class only. */
#if CLSEQ_CPU
#include "argmax_filter.clh"
#include "argmax_int8.clh"

#include "lstm_cpu.cl"

#include "launch_list.cl"
#endif
