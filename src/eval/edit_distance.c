/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * In the table of distances D[i][j] between the first i symbols of `a` and the first j of `b`,
 * neighbours differ by -1, 0 or 1. A block of 64 rows is kept as two words of vertical steps, plus
 * and minus, and moved over the columns; the horizontal steps at its lower edge, one per column,
 * are what the next block needs to know of it. D[na][nb] is na, the way down column 0, plus the
 * horizontal steps of row na.
 */
#include "eval/edit_distance.h"

#include <stdlib.h>
#include <string.h>

void clseq_distance_fini(clseq_distance_scratch *scratch)
{
    free(scratch->masks);
    free(scratch->steps);
    memset(scratch, 0, sizeof(*scratch));
}

/* `rows` (1 to 64) rows of `a` over all columns. steps[j] comes in as the horizontal step above the
 * block and goes out as the one in its last row. */
static void block(const uint64_t *masks, size_t rows, const size_t *b, size_t nb,
                  signed char *steps)
{
    const unsigned last = (unsigned)rows - 1;
    uint64_t plus = UINT64_MAX, minus = 0; /* column 0: every step down is +1 */

    for (size_t j = 0; j < nb; j++) {
        const uint64_t from_above_minus = steps[j]<0, from_above_plus = steps[j]> 0;
        const uint64_t equal = masks[b[j]];
        const uint64_t vertical = equal | minus;
        const uint64_t start = equal | from_above_minus;
        const uint64_t horizontal = (((start & plus) + plus) ^ plus) | start;
        uint64_t up = minus | ~(horizontal | plus), down = plus & horizontal;

        steps[j] = (signed char)((int)(up >> last & 1) - (int)(down >> last & 1));
        up = up << 1 | from_above_plus;
        down = down << 1 | from_above_minus;
        plus = down | ~(vertical | up);
        minus = up & vertical;
    }
}

clseq_status clseq_edit_distance(clseq_context *ctx, clseq_distance_scratch *scratch,
                                 const size_t *a, size_t na, const size_t *b, size_t nb,
                                 size_t n_symbols, size_t *ret)
{
    const size_t known = scratch->masks_capacity;
    size_t distance, ups = 0, downs = 0;

    /* What the two share at either end costs nothing. */
    while (na > 0 && nb > 0 && a[0] == b[0]) {
        a++;
        b++;
        na--;
        nb--;
    }
    while (na > 0 && nb > 0 && a[na - 1] == b[nb - 1]) {
        na--;
        nb--;
    }
    if (na == 0 || nb == 0) {
        *ret = na + nb;
        return CLSEQ_OK;
    }
    CLSEQ_TRY(clseq_grow(ctx, &scratch->masks, &scratch->masks_capacity, n_symbols,
                         sizeof(*scratch->masks), "symbols of a line"));
    memset(scratch->masks + known, 0, (scratch->masks_capacity - known) * sizeof(*scratch->masks));
    CLSEQ_TRY(clseq_grow(ctx, &scratch->steps, &scratch->steps_capacity, nb,
                         sizeof(*scratch->steps), "edit distance"));
    memset(scratch->steps, 1, nb); /* row 0 */
    for (size_t i = 0; i < na; i += 64) {
        const size_t rows = na - i < 64 ? na - i : 64;

        for (size_t k = 0; k < rows; k++)
            scratch->masks[a[i + k]] |= (uint64_t)1 << k;
        block(scratch->masks, rows, b, nb, scratch->steps);
        for (size_t k = 0; k < rows; k++)
            scratch->masks[a[i + k]] = 0;
    }
    for (size_t j = 0; j < nb; j++) {
        ups += scratch->steps[j] > 0;
        downs += scratch->steps[j] < 0;
    }
    distance = na + ups - downs;
    *ret = distance;
    return CLSEQ_OK;
}
