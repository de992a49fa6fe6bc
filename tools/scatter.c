/* SPDX-License-Identifier: BSD-2-Clause */
#include "scatter.h"

#include "plot_axis.h"

#include <math.h>

/* In units of the view box. */
enum {
    SCATTER_WIDTH = 900,
    SCATTER_HEIGHT = 640,
    SCATTER_BORDER = 44,
    SCATTER_NAME_WIDTH = 220, /* room for names to the right of the outermost point */
    SCATTER_NAME = 40         /* letters of a name */
};

struct frame {
    double x0, y0, scale; /* of the lower left corner; units of the view box in 1 */
};

/* The square around all points, so that a distance looks the same in every direction. */
static struct frame frame_of(const scatter *map)
{
    double low[2] = { 0, 0 }, high[2] = { 0, 0 }, x, y;

    for (size_t i = 0; i < map->count; i++) {
        for (int k = 0; k < 2; k++) {
            const double at = map->points[2 * i + (size_t)k];

            low[k] = i == 0 || at < low[k] ? at : low[k];
            high[k] = i == 0 || at > high[k] ? at : high[k];
        }
    }
    x = high[0] - low[0];
    y = high[1] - low[1];
    x = x > 0 ? (SCATTER_WIDTH - 2 * SCATTER_BORDER - SCATTER_NAME_WIDTH) / x : HUGE_VAL;
    y = y > 0 ? (SCATTER_HEIGHT - 3 * SCATTER_BORDER) / y : HUGE_VAL;
    x = x < y ? x : y;
    return (struct frame) { low[0], low[1], isfinite(x) ? x : 1 };
}

static void put_head(const scatter *map, FILE *out)
{
    fprintf(
        out,
        "<svg xmlns=\"http://www.w3.org/2000/svg\" class=\"clseq-points\" viewBox=\"0 0 %d %d\" "
        "width=\"%d\" height=\"%d\" role=\"img\">\n<title>",
        SCATTER_WIDTH, SCATTER_HEIGHT, SCATTER_WIDTH, SCATTER_HEIGHT);
    plot_put_escaped(map->title ? map->title : "points", 1000, out);
    fputs("</title>\n<style>\n"
          ".clseq-points{color:#1f2328;font:12px system-ui,-apple-system,'Segoe UI','DejaVu "
          "Sans',sans-serif}\n"
          ".clseq-points text{fill:currentColor;direction:ltr;unicode-bidi:isolate;"
          "white-space:pre}\n"
          ".clseq-points .title{font-size:15px;font-weight:600}\n"
          ".clseq-points circle{fill:#0550ae}\n"
          ".clseq-points .frame{fill:none;stroke:currentColor;stroke-opacity:.4}\n"
          "@media (prefers-color-scheme:dark){.clseq-points{color:#e6edf3}"
          ".clseq-points circle{fill:#79c0ff}}\n</style>\n",
          out);
}

static void put_text(const char *text, const char *class, int x, int y, const char *more, FILE *out)
{
    if (!text)
        return;
    fprintf(out, "<text%s x=\"%d\" y=\"%d\"%s>", class, x, y, more);
    plot_put_escaped(text, 100, out);
    fputs("</text>\n", out);
}

/* Tenths of a unit: printed from an integer, so that no locale has a say. */
static void put_number(const char *name, double value, FILE *out)
{
    const long tenths = lround(10 * value);

    fprintf(out, " %s=\"%ld.%ld\"", name, tenths / 10, tenths % 10);
}

static void put_point(const scatter *map, const struct frame *at, size_t i, FILE *out)
{
    const double x = SCATTER_BORDER + (map->points[2 * i] - at->x0) * at->scale;
    const double y =
        SCATTER_HEIGHT - 1.5 * SCATTER_BORDER - (map->points[2 * i + 1] - at->y0) * at->scale;

    fputs("<circle r=\"3\"", out);
    put_number("cx", x, out);
    put_number("cy", y, out);
    fputs("/><text", out);
    put_number("x", x + 6, out);
    put_number("y", y + 4, out);
    fputs(">", out);
    plot_put_escaped(map->names[i], SCATTER_NAME, out);
    fputs("</text>\n", out);
}

bool scatter_svg(const scatter *map, FILE *out)
{
    const struct frame at = frame_of(map);

    put_head(map, out);
    put_text(map->title, " class=\"title\"", SCATTER_BORDER, 24, "", out);
    fprintf(out, "<rect class=\"frame\" x=\"%d\" y=\"%d\" width=\"%d\" height=\"%d\"/>\n",
            SCATTER_BORDER / 2, 36, SCATTER_WIDTH - SCATTER_BORDER,
            SCATTER_HEIGHT - 36 - SCATTER_BORDER);
    put_text(map->x_label, "", SCATTER_WIDTH / 2, SCATTER_HEIGHT - 16, " text-anchor=\"middle\"",
             out);
    put_text(map->y_label, "", 0, 0,
             " text-anchor=\"middle\" transform=\"translate(14 320) rotate(-90)\"", out);
    for (size_t i = 0; i < map->count; i++)
        put_point(map, &at, i, out);
    fputs("</svg>\n", out);
    return !ferror(out);
}
