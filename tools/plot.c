/* SPDX-License-Identifier: BSD-2-Clause */
#include "plot.h"

#include "plot_axis.h"

#include <math.h>
#include <string.h>

/* The picture in units of the view box. */
enum {
    WIDTH = 720,
    HEIGHT = 400,
    LEFT = 72,
    RIGHT = 696,
    TOP = 64,
    BOTTOM = 340,
    LETTER = 7, /* estimated width of a letter of 12 units */
    NAME_MAX = 28,
};

/* Colours that keep apart for most kinds of colour vision, for light and for dark ground. Dashes
 * tell the lines apart without colour. */
static const struct {
    const char *light, *dark, *dash;
} styles[PLOT_MAX_SERIES] = {
    { "#0969da", "#58a6ff", "none" },
    { "#bc4c00", "#f0883e", "7 3" },
    { "#1a7f37", "#3fb950", "2 3" },
    { "#8250df", "#bc8cff", "9 3 2 3" },
};

static size_t count_characters(const char *text)
{
    size_t count = 0;

    for (; *text; count++) {
        const size_t n = plot_character(text);

        text += n ? n : 1;
    }
    return count;
}

/* A place in tenths of a unit: printed from an integer, so that no locale has a say. */
struct spot {
    int x, y;
};

static struct spot spot_of(const plot_axes *axes, double x, double y)
{
    return (struct spot) {
        (int)lround(10.0 * (LEFT + plot_place(&axes->x, x) * (RIGHT - LEFT))),
        (int)lround(10.0 * (BOTTOM - plot_place(&axes->y, y) * (BOTTOM - TOP))),
    };
}

static void put_spot(char command, struct spot spot, FILE *out)
{
    fprintf(out, "%c%d.%d %d.%d", command, spot.x / 10, spot.x % 10, spot.y / 10, spot.y % 10);
}

static void put_style(const plot_chart *chart, FILE *out)
{
    fputs(
        "<style>\n"
        ".clseq-plot{color:#1f2328;font:12px system-ui,-apple-system,'Segoe UI','DejaVu "
        "Sans',sans-serif}\n"
        ".clseq-plot text{fill:currentColor}\n"
        ".clseq-plot .title{font-size:15px;font-weight:600}\n"
        ".clseq-plot .tick{fill-opacity:.75}\n"
        ".clseq-plot .grid{stroke:currentColor;stroke-opacity:.15}\n"
        ".clseq-plot .axis{stroke:currentColor;stroke-opacity:.5;fill:none}\n"
        ".clseq-plot .line{fill:none;stroke-width:1.6;stroke-linejoin:round;stroke-linecap:butt}\n",
        out);
    for (size_t s = 0; s < plot_series_count(chart); s++)
        fprintf(out, ".clseq-plot .s%zu{stroke:%s;stroke-dasharray:%s}.clseq-plot .d%zu{fill:%s}\n",
                s, styles[s].light, styles[s].dash, s, styles[s].light);
    fputs("@media (prefers-color-scheme:dark){.clseq-plot{color:#e6edf3}", out);
    for (size_t s = 0; s < plot_series_count(chart); s++)
        fprintf(out, ".clseq-plot .s%zu{stroke:%s}.clseq-plot .d%zu{fill:%s}", s, styles[s].dark, s,
                styles[s].dark);
    fputs("}\n</style>\n", out);
}

static void put_axes(const plot_chart *chart, const plot_axes *axes, FILE *out)
{
    for (size_t i = 0; i < axes->y.tick_count; i++) {
        const plot_tick *tick = &axes->y.ticks[i];
        const int y = spot_of(axes, axes->x.low, tick->value).y;

        fprintf(out, "<path class=\"grid\" d=\"M%d %d.%dH%d\"/>", LEFT, y / 10, y % 10, RIGHT);
        fprintf(out, "<text class=\"tick\" x=\"%d\" y=\"%d.%d\" text-anchor=\"end\">%s</text>\n",
                LEFT - 8, (y + 40) / 10, (y + 40) % 10, tick->label);
    }
    for (size_t i = 0; i < axes->x.tick_count; i++) {
        const plot_tick *tick = &axes->x.ticks[i];
        const int x = spot_of(axes, tick->value, axes->y.low).x;

        fprintf(out, "<path class=\"axis\" d=\"M%d.%d %dv5\"/>", x / 10, x % 10, BOTTOM);
        fprintf(out, "<text class=\"tick\" x=\"%d.%d\" y=\"%d\" text-anchor=\"middle\">%s</text>\n",
                x / 10, x % 10, BOTTOM + 20, tick->label);
    }
    fprintf(out, "<path class=\"axis\" d=\"M%d %dV%dH%d\"/>\n", LEFT, TOP, BOTTOM, RIGHT);
    if (chart->x_label) {
        fprintf(out, "<text x=\"%d\" y=\"%d\" text-anchor=\"middle\">", (LEFT + RIGHT) / 2,
                HEIGHT - 16);
        plot_put_escaped(chart->x_label, 100, out);
        fputs("</text>\n", out);
    }
    if (chart->y_label) {
        fprintf(out, "<text transform=\"translate(18 %d) rotate(-90)\" text-anchor=\"middle\">",
                (TOP + BOTTOM) / 2);
        plot_put_escaped(chart->y_label, 50, out);
        fputs("</text>\n", out);
    }
}

static void put_legend(const plot_chart *chart, FILE *out)
{
    int x = LEFT;

    for (size_t s = 0; s < plot_series_count(chart); s++) {
        const char *name = chart->series[s].name;
        size_t n;

        if (!name)
            continue;
        n = count_characters(name);
        fprintf(out, "<path class=\"line s%zu\" d=\"M%d %dh24\"/><text x=\"%d\" y=\"%d\">", s, x,
                TOP - 20, x + 30, TOP - 16);
        plot_put_escaped(name, NAME_MAX, out);
        fputs("</text>\n", out);
        x += 30 + LETTER * (int)(n < NAME_MAX ? n : NAME_MAX) + 24;
    }
}

/* Points that fall into one column of the picture: only these four can be seen. */
struct column {
    int x; /* whole units */
    size_t count;
    struct spot first, low, high, last;
    bool low_first; /* the order of low and high */
};

static void flush_column(struct column *c, char *command, FILE *out)
{
    const struct spot spots[4] = { c->first, c->low_first ? c->low : c->high,
                                   c->low_first ? c->high : c->low, c->last };

    for (size_t i = 0; c->count > 0 && i < 4; i++) {
        if (i > 0 && spots[i].x == spots[i - 1].x && spots[i].y == spots[i - 1].y)
            continue;
        put_spot(*command, spots[i], out);
        *command = 'L';
    }
    c->count = 0;
}

static void add_spot(struct column *c, struct spot spot, char *command, FILE *out)
{
    if (c->count > 0 && c->x != spot.x / 10)
        flush_column(c, command, out);
    if (c->count++ == 0) {
        *c = (struct column) { spot.x / 10, 1, spot, spot, spot, spot, true };
        return;
    }
    if (spot.y < c->low.y) {
        c->low = spot;
        c->low_first = false;
    }
    if (spot.y > c->high.y) {
        c->high = spot;
        c->low_first = true;
    }
    c->last = spot;
}

static void put_series(const plot_chart *chart, const plot_axes *axes, size_t s, FILE *out)
{
    const plot_series *series = &chart->series[s];
    struct column column = { 0 };
    char command = 'M';

    fprintf(out, "<path class=\"line s%zu\" d=\"", s);
    for (size_t i = 0; i < series->count; i++) {
        if (!plot_drawable(chart, series, i)) {
            flush_column(&column, &command, out);
            command = 'M';
        } else if (plot_drawable(chart, series, i - 1) || plot_drawable(chart, series, i + 1)) {
            add_spot(&column, spot_of(axes, series->x[i], series->y[i]), &command, out);
        }
    }
    flush_column(&column, &command, out);
    fputs("\"/>\n", out);
    /* A point without neighbours is no line. */
    for (size_t i = 0; i < series->count; i++) {
        if (plot_drawable(chart, series, i) && !plot_drawable(chart, series, i - 1) &&
            !plot_drawable(chart, series, i + 1)) {
            const struct spot spot = spot_of(axes, series->x[i], series->y[i]);

            fprintf(out, "<circle class=\"d%zu\" cx=\"%d.%d\" cy=\"%d.%d\" r=\"3\"/>\n", s,
                    spot.x / 10, spot.x % 10, spot.y / 10, spot.y % 10);
        }
    }
}

bool plot_svg(const plot_chart *chart, FILE *out)
{
    plot_axes axes;

    plot_axes_init(&axes, chart, 8, 6);
    fprintf(out,
            "<svg xmlns=\"http://www.w3.org/2000/svg\" class=\"clseq-plot\" viewBox=\"0 0 %d %d\" "
            "width=\"%d\" height=\"%d\" role=\"img\">\n<title>",
            WIDTH, HEIGHT, WIDTH, HEIGHT);
    plot_put_escaped(chart->title ? chart->title : "chart", 1000, out);
    fputs("</title>\n", out);
    put_style(chart, out);
    if (chart->title) {
        fprintf(out, "<text class=\"title\" x=\"%d\" y=\"26\">", LEFT);
        plot_put_escaped(chart->title, 72, out);
        fputs("</text>\n", out);
    }
    put_axes(chart, &axes, out);
    put_legend(chart, out);
    for (size_t s = 0; s < plot_series_count(chart); s++)
        put_series(chart, &axes, s, out);
    if (axes.empty)
        fprintf(out, "<text x=\"%d\" y=\"%d\" text-anchor=\"middle\">no data</text>\n",
                (LEFT + RIGHT) / 2, (TOP + BOTTOM) / 2);
    fputs("</svg>\n", out);
    return !ferror(out);
}
