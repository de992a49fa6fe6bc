/* SPDX-License-Identifier: BSD-2-Clause */
/* Line charts, for loss curves: as SVG and as text for a terminal. */
#ifndef CLSEQ_PLOT_H
#define CLSEQ_PLOT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

enum { PLOT_MAX_SERIES = 4 };

typedef struct plot_series {
    const char *name; /* in the legend; NULL: none */
    const double *x, *y;
    size_t count;
} plot_series;

/* A point whose x or y is not finite (or, with log_y, y <= 0) is not drawn, and the line has a gap
 * there. Texts are UTF-8. Series beyond PLOT_MAX_SERIES are not drawn. */
typedef struct plot_chart {
    const char *title, *x_label, *y_label; /* each may be NULL */
    const plot_series *series;
    size_t series_count;
    bool log_y;
} plot_chart;

/* Write the chart as one SVG element, readable on light and dark ground. The same chart gives the
 * same bytes in every locale. False when writing failed. */
bool plot_svg(const plot_chart *chart, FILE *out);

enum plot_charset {
    PLOT_ASCII,
    PLOT_UNICODE, /* UTF-8: lines of braille dots */
};

/* What the environment (LC_ALL, LC_CTYPE, LANG) says the terminal understands. */
enum plot_charset plot_charset_of_locale(void);

/* Write the chart as text, `columns` wide and `rows` high, both with title, axes and legend
 * (clamped to 30..300 by 8..100). `colour`: tell series apart by ANSI colours; otherwise by signs.
 * False when writing failed or memory is out. */
bool plot_text(const plot_chart *chart, int columns, int rows, enum plot_charset charset,
               bool colour, FILE *out);

#endif
