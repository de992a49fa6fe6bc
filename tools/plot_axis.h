/* SPDX-License-Identifier: BSD-2-Clause */
/* Inside the plotting code: ranges, ticks, and texts that any ground can take. */
#ifndef CLSEQ_PLOT_AXIS_H
#define CLSEQ_PLOT_AXIS_H

#include "plot.h"

enum { PLOT_MAX_TICKS = 24, PLOT_LABEL = 32 };

typedef struct plot_tick {
    double value;
    char label[PLOT_LABEL]; /* ASCII */
} plot_tick;

typedef struct plot_axis {
    double low, high; /* low < high */
    bool log;
    size_t tick_count;
    plot_tick ticks[PLOT_MAX_TICKS];
} plot_axis;

typedef struct plot_axes {
    plot_axis x, y;
    bool empty; /* no point can be drawn */
} plot_axes;

/* Ranges of all points of the chart, with about as many ticks as wanted. */
void plot_axes_init(plot_axes *axes, const plot_chart *chart, int x_ticks, int y_ticks);

/* Where a value stands: 0 at the low end of the axis, 1 at the high end. */
double plot_place(const plot_axis *axis, double value);

/* Can point `i` be drawn? False beyond the ends of the series. */
bool plot_drawable(const plot_chart *chart, const plot_series *series, size_t i);

size_t plot_series_count(const plot_chart *chart);

/* Bytes of the UTF-8 character at `text`; 0 for a broken one, a control character, or the end. */
size_t plot_character(const char *text);

/* XML text: markup escaped, what is no character replaced. Stops after `max` characters. */
void plot_put_escaped(const char *text, size_t max, FILE *out);

#endif
