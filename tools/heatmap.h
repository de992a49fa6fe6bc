/* SPDX-License-Identifier: BSD-2-Clause */
/* Heat maps of weights with a name for each row and column: as SVG and as text for a terminal. */
#ifndef CLSEQ_HEATMAP_H
#define CLSEQ_HEATMAP_H

#include "plot.h"

/* All borrowed. Texts are UTF-8 and may be anything: markup, control characters and broken bytes
 * are shown, never obeyed; long names are cut. */
typedef struct heatmap {
    const char *title;          /* may be NULL */
    const char *const *columns; /* (column_count) names, along the top */
    const char *const *rows;    /* (row_count) names, down the side */
    size_t column_count, row_count;
    const float *weights; /* (row_count, column_count); below 0 or NaN counts as 0, above 1 as 1 */
} heatmap;

/* Write the map as one SVG element with a rectangle for each weight, readable on light and dark
 * ground. The same map gives the same bytes in every locale. False when writing failed. */
bool heatmap_svg(const heatmap *map, FILE *out);

/* Write the map as text at most `columns` wide (clamped to 30..1000), two columns for each weight;
 * one that is too wide goes in parts, one below the other. `colour`: cells are in 24-bit colour;
 * otherwise in five shades. Names of columns go downwards. False when writing failed. */
bool heatmap_text(const heatmap *map, int columns, enum plot_charset charset, bool colour,
                  FILE *out);

#endif
