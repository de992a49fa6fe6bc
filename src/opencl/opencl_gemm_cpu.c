/* SPDX-License-Identifier: BSD-2-Clause */
/* Launching cl/gemm_cpu.cl. The constants are those of that file. */
#include "opencl/opencl_packed_cache.h"

/* Panels of an item that packs, and strips at most. */
#define PACK_WIDE 8

/* With so few rows of A, B is used in place instead of being packed. */
#define DOT_ROWS    32
#define DIRECT_ROWS 6

/* B is taken in groups of this many rows, a block of them being about 24 KiB. */
#define DOT_COLUMNS   3
#define DOT_BLOCK_MAX 48
#define DOT_FLOATS    6144

/* A block of A of this many rows times part_steps() stays in the second-level cache of most CPUs,
 * or close to it. */
#define BLOCK_MAX 504

/* From these sizes on both matrices are packed. */
#define LARGE_ROWS    192
#define LARGE_COLUMNS 64
#define LARGE_STEPS   64
/* From so many rows where B was packed before. */
#define PACKED_ROWS 48

/* A block of A of so many rows (whole tiles of them) takes part_steps() times as many floats of a
 * second-level cache. */
#define BLOCK_ROWS 100

/* Floats of a part of A or B that is packed at a time, and the most columns or rows that a part
 * of all k is thought for. */
#define PACKED_FLOATS (8 * 1024 * 1024)
#define PART_MAX      1024

/* Floats of A that stay in a second-level cache beside what else a product reads. */
#define CACHED_FLOATS (256 * 1024)
/* And of B, of the columns that blocks of A pass over. */
#define GROUP_FLOATS (96 * 1024)
/* Steps of k that are made at a time, so that these are enough columns. */
#define CACHED_STEPS 1024

/* The most columns that items make alone, and the rows that an item costs beside its own. */
#define OWN_COLUMNS 512
#define OWN_COST    4

/* Items of a large product per compute unit. PoCL gives a core its share of what is left, at most
 * 32 items times the cores: of many small ones, a core that others slow down gets fewer. */
#define ITEMS_PER_UNIT 32

/* Groups per compute unit that keep all of them busy to the end. */
#define GROUPS_PER_UNIT 8

/* Columns and rows of a tile. */
static int32_t tile_columns(const struct clseq_opencl *cl)
{
    return 2 * cl->vector_width;
}

static int32_t tile_rows(const struct clseq_opencl *cl)
{
    return cl->vector_width == 16 ? 14 : 6;
}

/* Steps of k in one part, and panels that an item of gemm_cpu_tile packs at a time. */
static int32_t part_steps(const struct clseq_opencl *cl)
{
    return cl->vector_width == 16 ? 512 : 256;
}

static size_t most_panels(const struct clseq_opencl *cl)
{
    return cl->vector_width == 16 ? 4 : 8;
}

static size_t divide_up(int32_t n, int32_t by)
{
    return ((size_t)n + (size_t)by - 1) / (size_t)by;
}

/* Rows per block: as many as possible, but enough groups for all cores. */
static int32_t block_rows(const struct clseq_opencl *cl, int32_t m, size_t groups_per_block)
{
    const size_t wanted = (size_t)cl->compute_units * GROUPS_PER_UNIT;
    const size_t blocks = (wanted + groups_per_block - 1) / groups_per_block;
    const int32_t rows = (int32_t)(((size_t)m + blocks - 1) / blocks), tile = tile_rows(cl);
    const int32_t whole = (rows + tile - 1) / tile * tile;

    return whole < BLOCK_MAX ? whole : BLOCK_MAX;
}

/* What beta multiplies, from a row and a column on. */
#define ARG_OLD(p, row, column)                                                                    \
    clseq_arg_mem(clseq_gemm_old(p)->mem),                                                         \
        clseq_arg_ulong(clseq_gemm_old(p)->offset +                                                \
                        (uint64_t)(row) * (uint64_t)clseq_gemm_old(p)->rows + (uint64_t)(column)), \
        clseq_arg_int(clseq_gemm_old(p)->rows)

/* B transposed, few rows. A group takes as many rows of B as stay in the first-level cache. B may
 * be of bf16. */
static clseq_status dot(clseq_backend *be, const struct clseq_gemm_problem *p, bool bf16)
{
    const int32_t fit = DOT_FLOATS / p->k / DOT_COLUMNS * DOT_COLUMNS;
    const int32_t block = fit < DOT_COLUMNS     ? DOT_COLUMNS
                          : fit > DOT_BLOCK_MAX ? DOT_BLOCK_MAX
                                                : fit;
    const struct clseq_opencl_range range =
        clseq_opencl_range_3d(divide_up(p->n, block), 1, (size_t)p->batch, 1, 1, 1);

#define DOT_ARGUMENTS                                                                              \
    CLSEQ_ARG_MATRIX(&p->a), CLSEQ_ARG_MATRIX(&p->b), CLSEQ_ARG_MATRIX(&p->c), ARG_OLD(p, 0, 0),   \
        clseq_arg_int(p->m), clseq_arg_int(p->n), clseq_arg_int(p->k),                             \
        clseq_arg_float((double)p->alpha), clseq_arg_float((double)p->beta), clseq_arg_int(block)
    if (bf16)
        return CLSEQ_LAUNCH(be, gemm_cpu_dot_bf16, range, DOT_ARGUMENTS);
    return CLSEQ_LAUNCH(be, gemm_cpu_dot, range, DOT_ARGUMENTS);
#undef DOT_ARGUMENTS
}

clseq_status clseq_opencl_gemm_dot_bf16(clseq_backend *be, const struct clseq_gemm_problem *p)
{
    return dot(be, p, true);
}

bool clseq_opencl_gemm_cpu_is_dot(const struct clseq_gemm_problem *p)
{
    return !p->trans_a && p->trans_b && p->m <= DOT_ROWS;
}

/* How gemm_cpu_tile divides a product: groups of panels by blocks of rows, one item each. */
struct split {
    int32_t panels, block;
    size_t groups, blocks;
};

/* A panel is packed once per block and a row once per group, so both should be large; but there
 * must be work for all cores to the end. Costs are those of packing an element, relative to each
 * other: B is transposed on the way or comes from memory, A is copied for most_panels(). */
static struct split choose_split(const struct clseq_opencl *cl, const struct clseq_gemm_problem *p)
{
    const double b_cost = p->trans_b ? 2 : 1, a_cost = 0.4;
    const size_t wanted = (size_t)cl->compute_units * GROUPS_PER_UNIT, batch = (size_t)p->batch;
    const size_t panels = divide_up(p->n, tile_columns(cl)), tile = (size_t)tile_rows(cl);
    const size_t strips = divide_up(p->m, tile_rows(cl));
    struct split best = { 0 };
    double least = 0;

    for (size_t n = most_panels(cl); n > 0; n /= 2) {
        const size_t groups = (panels + n - 1) / n;
        const size_t blocks = (wanted + groups * batch - 1) / (groups * batch);
        const size_t block = (strips + blocks - 1) / blocks * tile;
        const double cost = b_cost / (double)block +
                            a_cost / (double)((n < panels ? n : panels) * (size_t)tile_columns(cl));

        if (best.panels == 0 || cost < least) {
            least = cost;
            best = (struct split) { .panels = (int32_t)n,
                                    .block = (int32_t)block,
                                    .groups = groups,
                                    .blocks = divide_up(p->m, (int32_t)block) };
        }
    }
    return best;
}

/* Pack `n` columns of op(B), `k` rows of it, from element `offset` on, to element `to` on. */
static clseq_status pack_b(clseq_backend *be, const struct clseq_gemm_matrix *b, uint64_t offset,
                           int32_t n, int32_t k, bool trans, cl_mem panels, uint64_t to)
{
    const struct clseq_opencl *cl = clseq_opencl_of(be);

    return CLSEQ_LAUNCH(be, gemm_cpu_pack_b,
                        clseq_opencl_range_2d(divide_up(n, PACK_WIDE * tile_columns(cl)),
                                              divide_up(k, part_steps(cl)), 1, 1),
                        clseq_arg_mem(b->mem), clseq_arg_ulong(b->offset + offset),
                        clseq_arg_int(b->rows), clseq_arg_int(n), clseq_arg_int(k),
                        clseq_arg_int(trans), clseq_arg_mem(panels), clseq_arg_ulong(to));
}

static clseq_status pack_a(clseq_backend *be, const struct clseq_gemm_matrix *a, uint64_t offset,
                           int32_t m, int32_t k, bool trans, cl_mem strips)
{
    const struct clseq_opencl *cl = clseq_opencl_of(be);
    const size_t strips_of_unit = divide_up(m, tile_rows(cl)) / cl->compute_units;
    const int32_t wide = strips_of_unit < 1           ? 1
                         : strips_of_unit > PACK_WIDE ? PACK_WIDE
                                                      : (int32_t)strips_of_unit;

    return CLSEQ_LAUNCH(be, gemm_cpu_pack_a,
                        clseq_opencl_range_2d(divide_up(m, wide * tile_rows(cl)),
                                              divide_up(k, part_steps(cl)), 1, 1),
                        clseq_arg_mem(a->mem), clseq_arg_ulong(a->offset + offset),
                        clseq_arg_int(a->rows), clseq_arg_int(m), clseq_arg_int(k),
                        clseq_arg_int(trans), clseq_arg_mem(strips), clseq_arg_int(wide));
}

/* Both packed: m rows by n columns of C, from (m0, n0) on; panels of `panel_k` steps, from step k0
 * on. A group of columns is what stays in the second-level cache while blocks of A pass
 * over it. */
static clseq_status block_product(clseq_backend *be, const struct clseq_gemm_problem *p,
                                  cl_mem strips, cl_mem panels, int32_t panel_k, int32_t k0,
                                  int32_t m0, int32_t n0, int32_t m, int32_t n, int32_t k)
{
    const struct clseq_opencl *cl = clseq_opencl_of(be);
    const int32_t block = BLOCK_ROWS / tile_rows(cl) * tile_rows(cl), columns = tile_columns(cl);
    const size_t wanted = (size_t)cl->compute_units * ITEMS_PER_UNIT;
    const size_t blocks = divide_up(m, block), all_panels = divide_up(n, columns);
    const size_t needed = (wanted + blocks - 1) / blocks;
    const size_t fit = GROUP_FLOATS / ((size_t)columns * (size_t)k) + 1;
    const size_t least = (all_panels + fit - 1) / fit, groups = least > needed ? least : needed;
    const int32_t group = (int32_t)((all_panels + groups - 1) / groups) * columns;

    return CLSEQ_LAUNCH(
        be, gemm_cpu_block, clseq_opencl_range_2d(blocks, divide_up(n, group), 1, 1),
        clseq_arg_mem(strips), clseq_arg_mem(panels),
        clseq_arg_ulong((uint64_t)k0 * (uint64_t)columns), clseq_arg_int(panel_k),
        clseq_arg_mem(p->c.mem),
        clseq_arg_ulong(p->c.offset + (uint64_t)m0 * (uint64_t)p->c.rows + (uint64_t)n0),
        clseq_arg_int(p->c.rows), ARG_OLD(p, m0, n0), clseq_arg_int(m), clseq_arg_int(n),
        clseq_arg_int(k), clseq_arg_float((double)p->alpha), clseq_arg_float((double)p->beta),
        clseq_arg_int(block), clseq_arg_int(group));
}

static int32_t smaller(int32_t a, int32_t b)
{
    return a < b ? a : b;
}

/* As much of `size` as keeps a packed part of `other` rows or columns within PACKED_FLOATS, in
 * nearly equal parts, each a multiple of `step`. */
static int32_t part_of(int32_t size, int32_t other, int32_t step)
{
    const int32_t most = PACKED_FLOATS / other > step ? PACKED_FLOATS / other : step;
    const int32_t parts = (size + most - 1) / most;

    return (int32_t)clseq_round_up(divide_up(size, parts), (size_t)step);
}

/* Products large enough for packing both, in parts whose packed copies stay in a last-level cache
 * or near it. `whole` is B packed already, or NULL. */
static clseq_status large(clseq_backend *be, const struct clseq_gemm_problem *p, cl_mem whole)
{
    const struct clseq_opencl *cl = clseq_opencl_of(be);
    const int32_t rows = tile_rows(cl), columns = tile_columns(cl);
    const int32_t narrow = smaller(p->n < p->m ? p->n : p->m, PART_MAX);
    const int32_t k_fit = part_of(p->k, narrow, part_steps(cl));
    const int32_t k_parts = (p->k + CACHED_STEPS - 1) / CACHED_STEPS;
    const int32_t k_cached =
        (int32_t)clseq_round_up(divide_up(p->k, k_parts), (size_t)part_steps(cl));
    const int32_t k_part = smaller(whole ? p->k : k_fit, k_cached);
    const int32_t n_part = whole ? p->n : part_of(p->n, smaller(k_part, p->k), columns);
    const int32_t m_part = part_of(p->m, smaller(k_part, p->k), rows);
    const size_t k_most = (size_t)smaller(k_part, p->k);
    cl_mem strips, panels = whole;

    CLSEQ_TRY(clseq_opencl_scratch(be, CLSEQ_SCRATCH_GEMM_A,
                                   clseq_round_up((size_t)smaller(m_part, p->m), (size_t)rows) *
                                       k_most * sizeof(cl_float),
                                   &strips));
    if (!whole)
        CLSEQ_TRY(
            clseq_opencl_scratch(be, CLSEQ_SCRATCH_GEMM_PART,
                                 clseq_round_up((size_t)smaller(n_part, p->n), (size_t)columns) *
                                     k_most * sizeof(cl_float),
                                 &panels));
    for (int32_t k0 = 0; k0 < p->k; k0 += k_part) {
        const int32_t k = smaller(k_part, p->k - k0);
        struct clseq_gemm_problem q = *p;

        if (k0 > 0) {
            q.beta = 1;
            q.vector.mem = NULL;
        }

        for (int32_t n0 = 0; n0 < p->n; n0 += n_part) {
            const int32_t n = smaller(n_part, p->n - n0);
            const uint64_t b_rows = (uint64_t)p->b.rows;

            if (!whole)
                CLSEQ_TRY(pack_b(be, &p->b,
                                 p->trans_b ? (uint64_t)n0 * b_rows + (uint64_t)k0
                                            : (uint64_t)k0 * b_rows + (uint64_t)n0,
                                 n, k, p->trans_b, panels, 0));
            for (int32_t m0 = 0; m0 < p->m; m0 += m_part) {
                const int32_t m = smaller(m_part, p->m - m0);
                const uint64_t a_rows = (uint64_t)p->a.rows;

                /* A that is there as a whole need not be packed again for the next columns. */
                if (n0 == 0 || m_part < p->m)
                    CLSEQ_TRY(pack_a(be, &p->a,
                                     p->trans_a ? (uint64_t)k0 * a_rows + (uint64_t)m0
                                                : (uint64_t)m0 * a_rows + (uint64_t)k0,
                                     m, k, p->trans_a, strips));
                CLSEQ_TRY(block_product(be, &q, strips, panels, whole ? p->k : k, whole ? k0 : 0,
                                        m0, n0, m, n, k));
            }
        }
    }
    return CLSEQ_OK;
}

static clseq_status tile(clseq_backend *be, const struct clseq_gemm_problem *p)
{
    const struct split split = choose_split(clseq_opencl_of(be), p);

    return CLSEQ_LAUNCH(
        be, gemm_cpu_tile,
        clseq_opencl_range_3d(split.groups, split.blocks, (size_t)p->batch, 1, 1, 1),
        CLSEQ_ARG_MATRIX(&p->a), CLSEQ_ARG_MATRIX(&p->b), CLSEQ_ARG_MATRIX(&p->c), ARG_OLD(p, 0, 0),
        clseq_arg_int(p->m), clseq_arg_int(p->n), clseq_arg_int(p->k), clseq_arg_int(p->trans_a),
        clseq_arg_int(p->trans_b), clseq_arg_float((double)p->alpha),
        clseq_arg_float((double)p->beta), clseq_arg_int(split.panels), clseq_arg_int(split.block));
}

/* B in panels, in `parts` parts as clseq_opencl_gemm_pack_b() makes them: the copy that is kept,
 * filled now if it is not yet. Where none is kept, scratch memory when `needed`, otherwise NULL. */
static clseq_status packed_copy(clseq_backend *be, const struct clseq_gemm_problem *p,
                                int32_t parts, bool needed, cl_mem *ret)
{
    const int32_t panel = tile_columns(clseq_opencl_of(be)), part_n = p->n / parts;
    const size_t part = clseq_round_up((size_t)part_n, (size_t)panel) * (size_t)p->k;
    const size_t bytes = (size_t)parts * part * sizeof(cl_float);
    /* Parts of whole panels follow each other as they would in one. */
    const int32_t packs = part_n % panel == 0 ? 1 : parts, n = p->n / packs;
    struct clseq_gemm_problem q = *p;
    uint64_t column;
    bool filled;

    clseq_opencl_packed_find(be, p, parts, bytes, ret, &filled);
    if (filled || (!*ret && !needed))
        return CLSEQ_OK;
    if (!*ret)
        CLSEQ_TRY(clseq_opencl_scratch(be, CLSEQ_SCRATCH_GEMM_B, bytes, ret));
    CLSEQ_TRY(clseq_opencl_gemm_round_b(be, &q, false));
    column = q.trans_b ? (uint64_t)q.b.rows : 1;
    for (int32_t i = 0; i < packs; i++)
        CLSEQ_TRY(pack_b(be, &q.b, (uint64_t)i * (uint64_t)n * column, n, p->k, p->trans_b, *ret,
                         (uint64_t)i * part));
    return CLSEQ_OK;
}

static clseq_status packed(clseq_backend *be, const struct clseq_gemm_problem *p, cl_mem panels)
{
    const struct clseq_opencl *cl = clseq_opencl_of(be);
    const size_t columns = divide_up(p->n, tile_columns(cl));
    const int32_t block = block_rows(cl, p->m, columns);

    return CLSEQ_LAUNCH(
        be, gemm_cpu_packed, clseq_opencl_range_2d(columns, divide_up(p->m, block), 1, 1),
        clseq_arg_mem(p->a.mem), clseq_arg_ulong(p->a.offset), clseq_arg_int(p->a.rows),
        clseq_arg_mem(panels), clseq_arg_mem(p->c.mem), clseq_arg_ulong(p->c.offset),
        clseq_arg_int(p->c.rows), ARG_OLD(p, 0, 0), clseq_arg_int(p->m), clseq_arg_int(p->n),
        clseq_arg_int(p->k), clseq_arg_float((double)p->alpha), clseq_arg_float((double)p->beta),
        clseq_arg_int(block));
}

/* The most floats that the strips of a product take that is like this one, but of fewer rows or
 * steps, so that A is packed as a whole. */
static size_t cached_strips(const struct clseq_opencl *cl, const struct clseq_gemm_problem *p)
{
    const size_t tile = (size_t)tile_rows(cl), m = (size_t)p->m, k = (size_t)p->k;
    const size_t steps = CACHED_FLOATS / m, rows = CACHED_FLOATS / k;
    const size_t fewer_steps = clseq_round_up(m, tile) * steps;
    const size_t fewer_rows = clseq_round_up(rows, tile) * k;

    return fewer_steps > fewer_rows ? fewer_steps : fewer_rows;
}

/* What `rows` rows of a product take, in rows of a whole tile: tiles of fewer rows than four wait
 * for their sums as long as those of four. */
static int32_t tiles_cost(const struct clseq_opencl *cl, int32_t rows)
{
    const int32_t rest = rows % tile_rows(cl);

    return rows - rest % 4 + (rest % 4 / 2 + rest % 2) * 4;
}

/* Rows of an item of gemm_cpu_strips: those with which all units end first. What an item costs
 * beside its rows, reading all panels, is that of OWN_COST rows. A transposed is packed in whole
 * tiles. */
static int32_t own_rows(const struct clseq_opencl *cl, int32_t m, bool trans_a)
{
    const int32_t tile = tile_rows(cl), most = BLOCK_ROWS / tile * tile, step = trans_a ? tile : 1;
    int32_t best = most;
    size_t least = SIZE_MAX;

    for (int32_t rows = most; rows > 0; rows -= step) {
        const size_t items = divide_up(m, rows);
        const size_t turns = (items + cl->compute_units - 1) / cl->compute_units;
        const size_t cost = turns * (size_t)(tiles_cost(cl, rows) + OWN_COST);

        if (cost < least) {
            least = cost;
            best = rows;
        }
    }
    return best;
}

/* Whole rows of C by items. */
static clseq_status strips(clseq_backend *be, const struct clseq_gemm_problem *p, cl_mem panels)
{
    const struct clseq_opencl *cl = clseq_opencl_of(be);
    const int32_t block = own_rows(cl, p->m, p->trans_a);
    cl_mem unused;

    /* A plan is made of the largest batch, and a smaller one is not streamed. */
    CLSEQ_TRY(clseq_opencl_scratch(be, CLSEQ_SCRATCH_GEMM_A,
                                   cached_strips(cl, p) * sizeof(cl_float), &unused));
    if (!panels) {
        CLSEQ_TRY(clseq_opencl_scratch(be, CLSEQ_SCRATCH_GEMM_PART,
                                       clseq_round_up((size_t)p->n, (size_t)tile_columns(cl)) *
                                           (size_t)p->k * sizeof(cl_float),
                                       &panels));
        CLSEQ_TRY(pack_b(be, &p->b, 0, p->n, p->k, p->trans_b, panels, 0));
    }
    return CLSEQ_LAUNCH(be, gemm_cpu_strips, clseq_opencl_range_2d(divide_up(p->m, block), 1, 1, 1),
                        clseq_arg_mem(p->a.mem), clseq_arg_ulong(p->a.offset),
                        clseq_arg_int(p->a.rows), clseq_arg_mem(panels), clseq_arg_mem(p->c.mem),
                        clseq_arg_ulong(p->c.offset), clseq_arg_int(p->c.rows), ARG_OLD(p, 0, 0),
                        clseq_arg_int(p->m), clseq_arg_int(p->n), clseq_arg_int(p->k),
                        clseq_arg_int(p->trans_a), clseq_arg_float((double)p->alpha),
                        clseq_arg_float((double)p->beta), clseq_arg_int(block));
}

/* Is A so large that packing it as a whole takes it through memory twice more, while few columns
 * use it? */
static bool is_streamed(const struct clseq_gemm_problem *p)
{
    return p->n <= OWN_COLUMNS && (size_t)p->m * (size_t)p->k > CACHED_FLOATS &&
           (size_t)p->n * (size_t)p->k <= PACKED_FLOATS;
}

/* One matrix, more than a few rows. */
static clseq_status many_rows(clseq_backend *be, const struct clseq_gemm_problem *p)
{
    const bool is_deep = p->n >= LARGE_COLUMNS && p->k >= LARGE_STEPS;
    const bool is_large = p->m >= LARGE_ROWS && is_deep;
    struct clseq_gemm_problem q = *p;
    cl_mem panels = NULL;

    if (is_large || !p->trans_a)
        CLSEQ_TRY(packed_copy(be, p, 1, false, &panels));
    if (!panels)
        CLSEQ_TRY(clseq_opencl_gemm_round_b(be, &q, false));
    if (is_large && is_streamed(p))
        return strips(be, &q, panels);
    if (is_large || (panels && p->m >= PACKED_ROWS && is_deep))
        return large(be, &q, panels);
    return panels ? packed(be, &q, panels) : tile(be, &q);
}

/* Few rows, B where it is. */
static clseq_status direct(clseq_backend *be, const struct clseq_gemm_problem *p)
{
    return CLSEQ_LAUNCH(be, gemm_cpu_direct,
                        clseq_opencl_range_3d(divide_up(p->n, tile_columns(clseq_opencl_of(be))), 1,
                                              (size_t)p->batch, 1, 1, 1),
                        CLSEQ_ARG_MATRIX(&p->a), CLSEQ_ARG_MATRIX(&p->b), CLSEQ_ARG_MATRIX(&p->c),
                        clseq_arg_int(p->m), clseq_arg_int(p->n), clseq_arg_int(p->k),
                        clseq_arg_float((double)p->alpha), clseq_arg_float((double)p->beta));
}

static bool is_direct_product(const clseq_backend *be, const struct clseq_gemm_problem *p)
{
    return !p->trans_a && !p->trans_b && p->m <= DIRECT_ROWS &&
           p->n >= tile_columns(clseq_opencl_of(be));
}

bool clseq_opencl_gemm_cpu_adds(const clseq_backend *be, const struct clseq_gemm_problem *p)
{
    return !is_direct_product(be, p);
}

clseq_status clseq_opencl_gemm_cpu(clseq_backend *be, const struct clseq_gemm_problem *p)
{
    const bool is_dot = clseq_opencl_gemm_cpu_is_dot(p);
    const bool is_direct = is_direct_product(be, p);
    struct clseq_gemm_problem q = *p;
    bool bf16 = false;

    if (!is_dot && !is_direct && p->batch == 1)
        return many_rows(be, p);
    if (is_dot)
        CLSEQ_TRY(clseq_opencl_gemm_bf16_b(be, &q, &bf16));
    CLSEQ_TRY(clseq_opencl_gemm_round_b(be, &q, is_direct));
    return is_dot ? dot(be, &q, bf16) : is_direct ? direct(be, &q) : tile(be, &q);
}

int32_t clseq_opencl_gemm_panel(const clseq_backend *be)
{
    return tile_columns(clseq_opencl_of(be));
}

int32_t clseq_opencl_gemm_strip(const clseq_backend *be)
{
    return tile_rows(clseq_opencl_of(be));
}

clseq_status clseq_opencl_gemm_pack_a(clseq_backend *be, const clseq_tensor *a, cl_mem *ret)
{
    const struct clseq_gemm_matrix whole = { .mem = clseq_opencl_mem(a),
                                             .offset = a->offset,
                                             .rows = (int32_t)a->strides[0] };
    const int32_t m = a->dims[0], k = a->dims[1];

    CLSEQ_TRY(clseq_opencl_scratch(be, CLSEQ_SCRATCH_GEMM_A,
                                   clseq_round_up((size_t)m, (size_t)clseq_opencl_gemm_strip(be)) *
                                       (size_t)k * sizeof(cl_float),
                                   ret));
    return pack_a(be, &whole, 0, m, k, false, *ret);
}

clseq_status clseq_opencl_gemm_pack_b(clseq_backend *be, const clseq_tensor *b, bool trans_b,
                                      int32_t parts, struct clseq_opencl_packed *ret)
{
    const struct clseq_gemm_problem p = {
        .b = { .mem = clseq_opencl_mem(b), .offset = b->offset, .rows = (int32_t)b->strides[0] },
        .n = b->dims[trans_b ? 0 : 1],
        .k = b->dims[trans_b ? 1 : 0],
        .trans_b = trans_b,
        .b_id = b->buffer->id,
        .b_version = b->buffer->version
    };

    *ret = (struct clseq_opencl_packed) { .n = p.n, .k = p.k };
    return packed_copy(be, &p, parts, true, &ret->mem);
}

clseq_status clseq_opencl_gemm_packed(clseq_backend *be, const clseq_tensor *a,
                                      const struct clseq_opencl_packed *b, const clseq_tensor *c,
                                      double alpha, double beta)
{
    const struct clseq_gemm_problem p = {
        .a = { .mem = clseq_opencl_mem(a), .offset = a->offset, .rows = (int32_t)a->strides[0] },
        .c = { .mem = clseq_opencl_mem(c), .offset = c->offset, .rows = (int32_t)c->strides[0] },
        .m = c->dims[0],
        .n = b->n,
        .k = b->k,
        .batch = 1,
        .alpha = (float)alpha,
        .beta = (float)beta,
    };

    return packed(be, &p, b->mem);
}
