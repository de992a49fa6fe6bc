/* SPDX-License-Identifier: BSD-2-Clause */
/* Points with names on a plane, as SVG. */
#ifndef CLSEQ_SCATTER_H
#define CLSEQ_SCATTER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

typedef struct scatter {
    const char *title, *x_label, *y_label; /* each may be NULL */
    const double *points;                  /* (count, 2) finite x and y */
    const char *const *names;              /* (count) UTF-8, beside the points */
    size_t count;
} scatter;

/* Write the picture as one SVG element, readable on light and dark ground; both axes have one
 * scale. The same points give the same bytes in every locale. False when writing failed. */
bool scatter_svg(const scatter *map, FILE *out);

#endif
