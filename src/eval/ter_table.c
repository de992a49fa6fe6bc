/* SPDX-License-Identifier: BSD-2-Clause */
#include "eval/ter_table.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define BEAM      25
#define MAX_WORDS ((size_t)1 << 30)

/* The cost of a cell that cannot be reached; adding to it does not overflow. */
#define FAR (UINT32_MAX / 2)

enum { STEP_NONE, STEP_KEEP, STEP_REPLACE, STEP_DELETE, STEP_INSERT };

/* Columns from .. to-1 of one row. */
struct row {
    size_t from, to;
    uint32_t *cost;
    unsigned char *step;
};

void clseq_ter_table_fini(clseq_ter_table *table)
{
    free(table->cost);
    free(table->step);
    free(table->reach);
    free(table->ref_wrong);
    free(table->hyp_wrong);
    memset(table, 0, sizeof(*table));
}

/* Row i at its place, or in one of the two `places` behind the last row. Row 0 has all columns. */
static struct row row_at(const clseq_ter_table *table, size_t i, size_t place)
{
    const size_t offset = place ? table->n_ref + 1 + (place - 1) * table->width : 0;
    const size_t diagonal = (size_t)floor((double)i * table->slope);
    struct row row = { 0, table->n_ref + 1, table->cost + offset, table->step + offset };

    if (i == 0)
        return row;
    if (diagonal > table->beam)
        row.from = diagonal - table->beam;
    if (i < table->n_hyp && diagonal + table->beam < row.to)
        row.to = diagonal + table->beam;
    return row;
}

clseq_status clseq_ter_table_start(clseq_context *ctx, clseq_ter_table *table, size_t n_hyp,
                                   const size_t *ref, size_t n_ref)
{
    const double slope = n_hyp ? (double)n_ref / (double)n_hyp : 1;
    /* Neighbouring rows must overlap. */
    const size_t beam = BEAM < slope / 2 ? (size_t)ceil(slope / 2 + BEAM) : BEAM;
    size_t cells;
    struct row first;

    if (n_hyp > MAX_WORDS || n_ref > MAX_WORDS)
        return clseq_fail(ctx, CLSEQ_ERR_DATA,
                          "TER: a line of %zu words; at most 2^30 can be compared, so cut it up",
                          n_hyp > n_ref ? n_hyp : n_ref);
    table->ref = ref;
    table->n_hyp = n_hyp;
    table->n_ref = n_ref;
    table->slope = slope;
    table->beam = beam;
    table->width = 2 * beam < n_ref + 1 ? 2 * beam : n_ref + 1;
    if (!clseq_mul_size(n_hyp + 2, table->width, &cells) ||
        !clseq_add_size(cells, n_ref + 1, &cells))
        cells = SIZE_MAX;
    CLSEQ_TRY(clseq_grow(ctx, &table->cost, &table->cost_capacity, cells, sizeof(*table->cost),
                         "edit distances"));
    CLSEQ_TRY(clseq_grow(ctx, &table->step, &table->step_capacity, cells, sizeof(*table->step),
                         "edit distances"));
    CLSEQ_TRY(clseq_grow(ctx, &table->reach, &table->reach_capacity, n_ref + 1,
                         sizeof(*table->reach), "alignment"));
    CLSEQ_TRY(clseq_grow(ctx, &table->ref_wrong, &table->ref_wrong_capacity, n_ref + 1,
                         sizeof(*table->ref_wrong), "alignment"));
    CLSEQ_TRY(clseq_grow(ctx, &table->hyp_wrong, &table->hyp_wrong_capacity, n_hyp + 1,
                         sizeof(*table->hyp_wrong), "alignment"));
    first = row_at(table, 0, 0);
    for (size_t j = 0; j < first.to; j++) {
        first.cost[j] = (uint32_t)j;
        first.step[j] = STEP_INSERT;
    }
    return CLSEQ_OK;
}

static uint32_t cost_at(const struct row *row, size_t j)
{
    return j >= row->from && j < row->to ? row->cost[j - row->from] : FAR;
}

/* Of equal ways the earlier counts: keep or replace, delete, insert. */
static void fill_row(const size_t *ref, size_t word, const struct row *above, const struct row *row)
{
    uint32_t left = FAR, corner = row->from ? cost_at(above, row->from - 1) : FAR;

    for (size_t j = row->from; j < row->to; j++) {
        const uint32_t up = cost_at(above, j);
        const bool equal = j > 0 && word == ref[j - 1];
        uint32_t best = FAR;
        unsigned char step = STEP_NONE;

        if (corner + !equal < best) {
            best = corner + !equal;
            step = equal ? STEP_KEEP : STEP_REPLACE;
        }
        if (up + 1 < best) {
            best = up + 1;
            step = STEP_DELETE;
        }
        if (left + 1 < best) {
            best = left + 1;
            step = STEP_INSERT;
        }
        row->cost[j - row->from] = best;
        row->step[j - row->from] = step;
        corner = up;
        left = best;
    }
}

size_t clseq_ter_table_fill(clseq_ter_table *table, const size_t *words, size_t known)
{
    struct row above = row_at(table, known, known);

    for (size_t i = known + 1; i <= table->n_hyp; i++) {
        const struct row row = row_at(table, i, i);

        fill_row(table->ref, words[i - 1], &above, &row);
        above = row;
    }
    above = row_at(table, table->n_hyp, table->n_hyp);
    return cost_at(&above, table->n_ref);
}

size_t clseq_ter_table_try(clseq_ter_table *table, const size_t *words, size_t known, size_t same)
{
    const struct row last = row_at(table, table->n_hyp, table->n_hyp);
    struct row above = row_at(table, known, known);

    for (size_t i = known + 1; i <= table->n_hyp; i++) {
        const struct row row = row_at(table, i, table->n_hyp + 1 + i % 2);
        const struct row old = row_at(table, i, i);

        fill_row(table->ref, words[i - 1], &above, &row);
        above = row;
        /* From equal rows equal words lead to equal ends. */
        if (i >= same && !memcmp(row.cost, old.cost, (row.to - row.from) * sizeof(*row.cost)))
            return cost_at(&last, table->n_ref);
    }
    return cost_at(&above, table->n_ref);
}

void clseq_ter_table_align(clseq_ter_table *table)
{
    size_t i = table->n_hyp, j = table->n_ref;

    memset(table->ref_wrong, 0, (j + 1) * sizeof(*table->ref_wrong));
    memset(table->hyp_wrong, 0, (i + 1) * sizeof(*table->hyp_wrong));
    table->reach[0] = 0;
    while (i > 0 || j > 0) {
        const struct row row = row_at(table, i, i);
        const unsigned char step = row.step[j - row.from];

        if (step != STEP_DELETE) {
            table->reach[j] = i;
            table->ref_wrong[j] = step != STEP_KEEP;
            j--;
        }
        if (step != STEP_INSERT) {
            table->hyp_wrong[i] = step != STEP_KEEP;
            i--;
        }
    }
    for (j = 0; j < table->n_ref; j++)
        table->ref_wrong[j + 1] += table->ref_wrong[j];
    for (i = 0; i < table->n_hyp; i++)
        table->hyp_wrong[i + 1] += table->hyp_wrong[i];
}
