/* SPDX-License-Identifier: BSD-2-Clause */
/* The constants are those of cl/gemm_blocks.clh. */
#include "opencl/opencl_gemm_blocks.h"

#include "opencl/opencl_packed_cache.h"

/* Rows, columns and steps of a block, and its bytes in A and B. */
#define SIDE        CLSEQ_BLOCK_SIDE
#define BLOCK_BYTES ((size_t)SIDE * SIDE * 2)

/* Panels and blocks along k of an item that packs. */
#define PACK_WIDE 4
#define PACK_DEEP 4

/* No packed copy has these parts: that of B in panels of bf16. */
#define PARTS_BLOCKS (-2)

/* The most steps and bytes that are packed at a time: near a core's part of the last-level cache,
 * and so that rows and columns of blocks stay in the second-level cache. */
#define STEPS_MAX    2048
#define PACKED_BYTES ((size_t)16 << 20)

/* Items per compute unit that keep all busy to the end. */
#define ITEMS_PER_UNIT 32

static size_t divide_up(size_t n, size_t by)
{
    return (n + by - 1) / by;
}

static double filled(int32_t n, int32_t to)
{
    return (double)divide_up((size_t)n, (size_t)to) * to;
}

bool clseq_gemm_blocks_takes(const clseq_backend *be, const struct clseq_gemm_blocks *unit,
                             const struct clseq_gemm_problem *p)
{
    return clseq_opencl_of(be)->unit_emulated ||
           filled(p->m, unit->rows) * filled(p->n, SIDE) * filled(p->k, SIDE) <=
               unit->speed * p->m * p->n * p->k;
}

size_t clseq_gemm_blocks_bytes(int32_t batch, int32_t lines, int32_t k)
{
    size_t bytes = BLOCK_BYTES;

    if (!clseq_mul_size(bytes, (size_t)batch, &bytes) ||
        !clseq_mul_size(bytes, divide_up((size_t)lines, SIDE), &bytes) ||
        !clseq_mul_size(bytes, divide_up((size_t)k, SIDE), &bytes))
        return SIZE_MAX;
    return bytes;
}

/* Some of the rows of op(A) or columns of op(B), and some steps of them. */
struct part {
    int32_t batch, lines, k;   /* so many matrices, ... */
    int32_t batch0, line0, k0; /* from here on */
};

static clseq_status pack(clseq_backend *be, const struct clseq_gemm_blocks *unit,
                         const struct clseq_gemm_matrix *x, struct part part, bool k_near,
                         bool in_pairs, cl_mem to)
{
    const uint64_t rows = (uint64_t)x->rows, line = (uint64_t)part.line0, k = (uint64_t)part.k0;
    const uint64_t offset =
        x->offset + (uint64_t)part.batch0 * x->batch + (k_near ? line * rows + k : k * rows + line);

    const struct clseq_opencl_arg args[] = {
        clseq_arg_mem(x->mem),     clseq_arg_ulong(offset),   clseq_arg_int(x->rows),
        clseq_arg_ulong(x->batch), clseq_arg_int(part.lines), clseq_arg_int(part.k),
        clseq_arg_int(k_near),     clseq_arg_int(in_pairs),   clseq_arg_mem(to),
    };

    return clseq_opencl_launch(
        be, unit->pack,
        clseq_opencl_range_3d(divide_up((size_t)part.lines, SIDE * PACK_WIDE),
                              divide_up((size_t)part.k, SIDE * PACK_DEEP), (size_t)part.batch, 1, 1,
                              1),
        CLSEQ_ARRAY_SIZE(args), args);
}

clseq_status clseq_gemm_blocks_pack(clseq_backend *be, const struct clseq_gemm_blocks *unit,
                                    const struct clseq_gemm_matrix *x, int32_t batch, int32_t lines,
                                    int32_t k, bool k_near, bool in_pairs, cl_mem to)
{
    return pack(be, unit, x, (struct part) { .batch = batch, .lines = lines, .k = k }, k_near,
                in_pairs, to);
}

static clseq_status pack_a(clseq_backend *be, const struct clseq_gemm_blocks *unit,
                           const struct clseq_gemm_problem *p, struct part part, cl_mem *ret)
{
    CLSEQ_TRY(clseq_opencl_scratch(be, CLSEQ_SCRATCH_GEMM_A,
                                   clseq_gemm_blocks_bytes(part.batch, part.lines, part.k), ret));
    return pack(be, unit, &p->a, part, !p->trans_a, unit->a_in_pairs && p->trans_a, *ret);
}

static clseq_status pack_b(clseq_backend *be, const struct clseq_gemm_blocks *unit,
                           const struct clseq_gemm_problem *p, struct part part, cl_mem *ret)
{
    CLSEQ_TRY(clseq_opencl_scratch(be, CLSEQ_SCRATCH_GEMM_PART,
                                   clseq_gemm_blocks_bytes(part.batch, part.lines, part.k), ret));
    return pack(be, unit, &p->b, part, p->trans_b, true, *ret);
}

/* The copy of all of B that is kept, filled now if it is not yet; NULL where there is none. */
static clseq_status kept_b(clseq_backend *be, const struct clseq_gemm_blocks *unit,
                           const struct clseq_gemm_problem *p, cl_mem *ret)
{
    const struct part whole = { .batch = 1, .lines = p->n, .k = p->k };
    bool is_filled;

    *ret = NULL;
    if (p->batch > 1)
        return CLSEQ_OK;
    clseq_opencl_packed_find(be, p, PARTS_BLOCKS, clseq_gemm_blocks_bytes(1, p->n, p->k), ret,
                             &is_filled);
    return !*ret || is_filled ? CLSEQ_OK : pack(be, unit, &p->b, whole, p->trans_b, true, *ret);
}

/* Where the rows and columns begin in C, or in what lies like it. */
static uint64_t element_of(const struct clseq_gemm_matrix *x, struct part a, struct part b)
{
    return x->offset + (uint64_t)a.batch0 * x->batch + (uint64_t)a.line0 * (uint64_t)x->rows +
           (uint64_t)b.line0;
}

/* An item makes some rows of C by some columns. Rows are as many as leave A in a cache while panels
 * of B go by, each read once for all of them, but few enough that there is work for all cores to
 * the end. */
static clseq_status product(clseq_backend *be, const struct clseq_gemm_blocks *unit,
                            const struct clseq_gemm_problem *p, struct part a, struct part b,
                            cl_mem a_blocks, cl_mem b_blocks)
{
    const size_t strips = divide_up((size_t)a.lines, SIDE), steps = divide_up((size_t)a.k, SIDE);
    const size_t panels = divide_up((size_t)b.lines, SIDE), batch = (size_t)a.batch;
    const size_t wanted = (size_t)clseq_opencl_of(be)->compute_units * ITEMS_PER_UNIT;
    const size_t near = unit->item_bytes / (steps * BLOCK_BYTES);
    const size_t least = divide_up(strips, near > 0 ? near : 1);
    const size_t needed = divide_up(wanted, panels * batch);
    const size_t blocks = needed <= least ? least : needed < strips ? needed : strips;
    const size_t block = divide_up(strips, blocks);
    const size_t groups = divide_up(wanted, divide_up(strips, block) * batch);
    const size_t group = divide_up(panels, groups);
    const struct clseq_gemm_matrix *old = a.k0 == 0 ? clseq_gemm_old(p) : &p->c;

    const struct clseq_opencl_arg args[] = {
        clseq_arg_mem(a_blocks),
        clseq_arg_mem(b_blocks),
        clseq_arg_mem(p->c.mem),
        clseq_arg_ulong(element_of(&p->c, a, b)),
        clseq_arg_int(p->c.rows),
        clseq_arg_ulong(p->c.batch),
        clseq_arg_mem(old->mem),
        clseq_arg_ulong(element_of(old, a, b)),
        clseq_arg_int(old->rows),
        clseq_arg_int(a.lines),
        clseq_arg_int(b.lines),
        clseq_arg_int((int32_t)steps),
        clseq_arg_int((int32_t)divide_up((size_t)b.k, SIDE)),
        clseq_arg_int(a.k0 / SIDE - b.k0 / SIDE),
        clseq_arg_float((double)p->alpha),
        clseq_arg_float(a.k0 == 0 ? (double)p->beta : 1),
        clseq_arg_int((int32_t)block * SIDE),
        clseq_arg_int((int32_t)group * SIDE),
        clseq_arg_int(p->trans_a),
    };

    return clseq_opencl_launch(
        be, unit->product,
        clseq_opencl_range_3d(divide_up(strips, block), divide_up(panels, group), batch, 1, 1, 1),
        CLSEQ_ARRAY_SIZE(args) - (unit->a_in_pairs ? 0 : 1), args);
}

static int32_t smaller(int32_t a, int32_t b)
{
    return a < b ? a : b;
}

/* Nearly equal parts of at most `most`, each but the last whole blocks. */
static int32_t part_of(int32_t size, size_t most)
{
    const size_t blocks = divide_up((size_t)size, SIDE), fit = most / SIDE > 0 ? most / SIDE : 1;

    return smaller(size, (int32_t)(divide_up(blocks, divide_up(blocks, fit)) * SIDE));
}

/* Some matrices of a batch, whole or in parts. `whole` is B packed already, or NULL. */
static clseq_status in_parts(clseq_backend *be, const struct clseq_gemm_blocks *unit,
                             const struct clseq_gemm_problem *p, int32_t batch0, int32_t batch,
                             cl_mem whole)
{
    const int32_t k_part = part_of(p->k, STEPS_MAX);
    const size_t fit = PACKED_BYTES / clseq_gemm_blocks_bytes(1, SIDE, k_part) * SIDE;
    const int32_t m_part = part_of(p->m, fit), n_part = whole ? p->n : part_of(p->n, fit);
    struct part a = { .batch = batch, .batch0 = batch0 }, b = a;
    cl_mem a_blocks = NULL, b_blocks = whole;

    for (int32_t k = 0; k < p->k; k += k_part) {
        a.k0 = k;
        a.k = smaller(k_part, p->k - k);
        b.k0 = whole ? 0 : k;
        b.k = whole ? p->k : a.k;
        for (int32_t n = 0; n < p->n; n += n_part) {
            b.line0 = n;
            b.lines = smaller(n_part, p->n - n);
            if (!whole)
                CLSEQ_TRY(pack_b(be, unit, p, b, &b_blocks));
            for (int32_t m = 0; m < p->m; m += m_part) {
                a.line0 = m;
                a.lines = smaller(m_part, p->m - m);
                /* A that is there as a whole need not be packed again for the next columns. */
                if (n == 0 || m_part < p->m)
                    CLSEQ_TRY(pack_a(be, unit, p, a, &a_blocks));
                CLSEQ_TRY(product(be, unit, p, a, b, a_blocks, b_blocks));
            }
        }
    }
    return CLSEQ_OK;
}

clseq_status clseq_gemm_blocks_run(clseq_backend *be, const struct clseq_gemm_blocks *unit,
                                   const struct clseq_gemm_problem *p)
{
    const int32_t most = p->m > p->n ? p->m : p->n;
    const size_t matrix = clseq_gemm_blocks_bytes(1, most, smaller(p->k, STEPS_MAX));
    const size_t fit = matrix < PACKED_BYTES ? PACKED_BYTES / matrix : 1;
    const int32_t together = (size_t)p->batch < fit ? p->batch : (int32_t)fit;
    cl_mem whole;

    CLSEQ_TRY(kept_b(be, unit, p, &whole));
    for (int32_t i = 0; i < p->batch; i += together)
        CLSEQ_TRY(in_parts(be, unit, p, i, smaller(together, p->batch - i), whole));
    return CLSEQ_OK;
}
