/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Factors with less precision, for providers that multiply floats: what a tensor unit would do to
 * its inputs is done to copies of them. It costs as much as copying, little beside a product with
 * more than a few rows.
 */
#include "opencl/opencl_grid.h"
#include "opencl/opencl_packed_cache.h"

#define ROUND_RUN 4096

#define BF16_DROPPED 16

/* A copy of this factor with the parts 0 that no packed copy has. */
#define PARTS_ROUNDED 0
/* And one of bf16. */
#define PARTS_BF16 (-1)

static clseq_status launch(clseq_backend *be, const struct clseq_gemm_matrix *x, int32_t planes,
                           int32_t rows, int32_t columns, int dropped, cl_mem to)
{
    const bool is_line = x->rows == columns && (int64_t)rows * columns <= INT32_MAX;
    const int32_t n_rows = is_line ? 1 : rows, n_columns = is_line ? rows * columns : columns;
    const struct clseq_opencl_grid grid = clseq_opencl_grid_of(be, n_rows, n_columns, ROUND_RUN);

    return CLSEQ_LAUNCH(be, gemm_round, clseq_opencl_with_planes(grid.range, planes),
                        clseq_arg_mem(x->mem), clseq_arg_ulong(x->offset), clseq_arg_int(x->rows),
                        clseq_arg_ulong(x->batch), clseq_arg_mem(to), clseq_arg_int(planes),
                        clseq_arg_int(n_rows), clseq_arg_int(n_columns), clseq_arg_int(grid.chunk),
                        clseq_arg_uint((uint32_t)dropped));
}

/* Bytes of a copy; SIZE_MAX when there is no such memory. */
static size_t bytes_of(int32_t planes, int32_t rows, int32_t columns)
{
    size_t bytes = sizeof(cl_float);

    if (!clseq_mul_size(bytes, (size_t)planes, &bytes) ||
        !clseq_mul_size(bytes, (size_t)rows, &bytes) ||
        !clseq_mul_size(bytes, (size_t)columns, &bytes))
        return SIZE_MAX;
    return bytes;
}

static struct clseq_gemm_matrix without_gaps(cl_mem mem, int32_t rows, int32_t columns)
{
    return (struct clseq_gemm_matrix) { .mem = mem,
                                        .rows = columns,
                                        .batch = (uint64_t)rows * (uint64_t)columns };
}

clseq_status clseq_opencl_gemm_round_a(clseq_backend *be, struct clseq_gemm_problem *p, int dropped)
{
    const int32_t rows = p->trans_a ? p->k : p->m, columns = p->trans_a ? p->m : p->k;
    cl_mem to;

    CLSEQ_TRY(
        clseq_opencl_scratch(be, CLSEQ_SCRATCH_ROUND_A, bytes_of(p->batch, rows, columns), &to));
    CLSEQ_TRY(launch(be, &p->a, p->batch, rows, columns, dropped, to));
    p->a = without_gaps(to, rows, columns);
    return CLSEQ_OK;
}

clseq_status clseq_opencl_gemm_round_b(clseq_backend *be, struct clseq_gemm_problem *p, bool keep)
{
    const int32_t rows = p->trans_b ? p->n : p->k, columns = p->trans_b ? p->k : p->n;
    const size_t bytes = bytes_of(p->batch, rows, columns);
    bool filled = false;
    cl_mem to = NULL;

    if (!p->b_dropped)
        return CLSEQ_OK;
    if (keep && p->batch == 1)
        clseq_opencl_packed_find(be, p, PARTS_ROUNDED, bytes, &to, &filled);
    if (!to)
        CLSEQ_TRY(clseq_opencl_scratch(be, CLSEQ_SCRATCH_ROUND_B, bytes, &to));
    if (!filled)
        CLSEQ_TRY(launch(be, &p->b, p->batch, rows, columns, p->b_dropped, to));
    p->b = without_gaps(to, rows, columns);
    p->b_id = 0;
    p->b_dropped = 0;
    return CLSEQ_OK;
}

clseq_status clseq_opencl_gemm_bf16_b(clseq_backend *be, struct clseq_gemm_problem *p, bool *ret)
{
    const int32_t rows = p->trans_b ? p->n : p->k, columns = p->trans_b ? p->k : p->n;
    const bool is_line = p->b.rows == columns && (int64_t)rows * columns <= INT32_MAX;
    const struct clseq_opencl_grid grid =
        clseq_opencl_grid_of(be, is_line ? 1 : rows, is_line ? rows * columns : columns, ROUND_RUN);
    bool filled = false;
    cl_mem to = NULL;

    *ret = false;
    if (p->b_dropped != BF16_DROPPED || p->batch > 1)
        return CLSEQ_OK;
    clseq_opencl_packed_find(be, p, PARTS_BF16, bytes_of(1, rows, columns) / 2, &to, &filled);
    if (!to)
        return CLSEQ_OK;
    if (!filled)
        CLSEQ_TRY(CLSEQ_LAUNCH(be, gemm_round_bf16, grid.range, clseq_arg_mem(p->b.mem),
                               clseq_arg_ulong(p->b.offset), clseq_arg_int(p->b.rows),
                               clseq_arg_mem(to), clseq_arg_int(grid.rows),
                               clseq_arg_int(grid.columns), clseq_arg_int(grid.chunk)));
    p->b = without_gaps(to, rows, columns);
    p->b_id = 0;
    p->b_dropped = 0;
    *ret = true;
    return CLSEQ_OK;
}
