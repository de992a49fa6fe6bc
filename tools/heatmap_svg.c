/* SPDX-License-Identifier: BSD-2-Clause */
#include "heatmap.h"

#include "plot_axis.h"

#include <math.h>
#include <string.h>

#include <utf8proc.h>

/* The picture in units of the view box. */
enum {
    HEAT_CELL = 22,
    HEAT_BORDER = 16,
    HEAT_TITLE = 36, /* height of the title, without a border */
    HEAT_LEGEND = 44,
    HEAT_SWATCH = 44,    /* width of an entry of the legend */
    HEAT_LETTER = 8,     /* estimated width of a letter of 12 units; of a wide one twice that */
    HEAT_NAME = 28,      /* letters of a name */
    HEAT_TIPS_MAX = 4096 /* more cells than this have no tips, to keep the file small */
};

struct layout {
    int left, top, right, bottom; /* of the cells */
    int width, height;
};

/* Estimated width of a name, as it will be cut. */
static int name_width(const char *name)
{
    int width = 0;

    for (size_t done = 0; *name && done < HEAT_NAME; done++) {
        const size_t n = plot_character(name);
        utf8proc_int32_t code = '?';

        if (n > 1)
            utf8proc_iterate((const utf8proc_uint8_t *)name, (utf8proc_ssize_t)n, &code);
        width += HEAT_LETTER * (utf8proc_charwidth(code) == 2 ? 2 : 1);
        name += n ? n : 1;
    }
    return width + (*name ? HEAT_LETTER : 0);
}

static int widest(const char *const *names, size_t count)
{
    int width = 0;

    for (size_t i = 0; i < count; i++) {
        const int w = name_width(names[i]);

        width = w > width ? w : width;
    }
    return width;
}

static struct layout layout_of(const heatmap *map)
{
    const int legend = 5 * HEAT_SWATCH;
    struct layout at;
    int inside;

    at.left = HEAT_BORDER + widest(map->rows, map->row_count) + 8;
    at.top =
        HEAT_BORDER + (map->title ? HEAT_TITLE : 0) + widest(map->columns, map->column_count) + 8;
    at.right = at.left + HEAT_CELL * (int)map->column_count;
    at.bottom = at.top + HEAT_CELL * (int)map->row_count;
    inside = at.right > at.left + legend ? at.right : at.left + legend;
    at.width = inside + HEAT_BORDER;
    at.height = at.bottom + HEAT_LEGEND + HEAT_BORDER;
    return at;
}

static void put_head(const heatmap *map, const struct layout *at, FILE *out)
{
    fprintf(out,
            "<svg xmlns=\"http://www.w3.org/2000/svg\" class=\"clseq-heat\" viewBox=\"0 0 %d %d\" "
            "width=\"%d\" height=\"%d\" role=\"img\">\n<title>",
            at->width, at->height, at->width, at->height);
    plot_put_escaped(map->title ? map->title : "heat map", 1000, out);
    /* A picture inside a page from right to left would else turn its names round their ends. */
    fputs("</title>\n<style>\n"
          ".clseq-heat{color:#1f2328;font:12px system-ui,-apple-system,'Segoe UI','DejaVu "
          "Sans',sans-serif}\n"
          ".clseq-heat text{fill:currentColor;direction:ltr;unicode-bidi:isolate;white-space:pre}\n"
          ".clseq-heat .title{font-size:15px;font-weight:600}\n"
          ".clseq-heat .c{fill:#0550ae}\n"
          ".clseq-heat .frame{fill:none;stroke:currentColor;stroke-opacity:.4}\n"
          "@media (prefers-color-scheme:dark){.clseq-heat{color:#e6edf3}"
          ".clseq-heat .c{fill:#79c0ff}}\n</style>\n",
          out);
    if (!map->title)
        return;
    fprintf(out, "<text class=\"title\" x=\"%d\" y=\"%d\">", HEAT_BORDER, HEAT_BORDER + 14);
    plot_put_escaped(map->title, 100, out);
    fputs("</text>\n", out);
}

static void put_names(const heatmap *map, const struct layout *at, FILE *out)
{
    for (size_t s = 0; s < map->column_count; s++) {
        fprintf(out, "<text transform=\"translate(%d %d) rotate(-90)\">",
                at->left + HEAT_CELL * (int)s + HEAT_CELL / 2 + 4, at->top - 8);
        plot_put_escaped(map->columns[s], HEAT_NAME, out);
        fputs("</text>\n", out);
    }
    for (size_t t = 0; t < map->row_count; t++) {
        fprintf(out, "<text x=\"%d\" y=\"%d\" text-anchor=\"end\">", at->left - 8,
                at->top + HEAT_CELL * (int)t + HEAT_CELL / 2 + 4);
        plot_put_escaped(map->rows[t], HEAT_NAME, out);
        fputs("</text>\n", out);
    }
}

/* A weight in thousandths: printed from an integer, so that no locale has a say. */
static int thousandths(float weight)
{
    /* Written so that a NaN is 0. */
    return weight > 0 ? (weight < 1 ? (int)lroundf(1000 * weight) : 1000) : 0;
}

static void put_cell(int x, int y, int weight, FILE *out)
{
    fprintf(out, "<rect class=\"c\" x=\"%d\" y=\"%d\" width=\"%d\" height=\"%d\" ", x, y,
            HEAT_CELL - 1, HEAT_CELL - 1);
    fprintf(out, "fill-opacity=\"%d.%03d\"", weight / 1000, weight % 1000);
}

static void put_weights(const heatmap *map, const struct layout *at, FILE *out)
{
    const bool tips = map->row_count * map->column_count <= HEAT_TIPS_MAX;

    for (size_t t = 0; t < map->row_count; t++) {
        for (size_t s = 0; s < map->column_count; s++) {
            const int weight = thousandths(map->weights[t * map->column_count + s]);

            put_cell(at->left + HEAT_CELL * (int)s, at->top + HEAT_CELL * (int)t, weight, out);
            if (tips) {
                fputs("><title>", out);
                plot_put_escaped(map->columns[s], HEAT_NAME, out);
                fputs(" \xe2\x86\x92 ", out);
                plot_put_escaped(map->rows[t], HEAT_NAME, out);
                fprintf(out, ": %d.%03d</title></rect>\n", weight / 1000, weight % 1000);
            } else {
                fputs("/>\n", out);
            }
        }
    }
    fprintf(out, "<rect class=\"frame\" x=\"%d\" y=\"%d\" width=\"%d\" height=\"%d\"/>\n",
            at->left - 1, at->top - 1, at->right - at->left + 1, at->bottom - at->top + 1);
}

static void put_heat_legend(const struct layout *at, FILE *out)
{
    static const char *const names[] = { "0", ".25", ".5", ".75", "1" };

    for (int i = 0; i < 5; i++) {
        const int x = at->left + i * HEAT_SWATCH, y = at->bottom + HEAT_BORDER;

        put_cell(x, y, 250 * i, out);
        fprintf(out,
                "/><rect class=\"frame\" x=\"%d\" y=\"%d\" width=\"%d\" height=\"%d\"/>"
                "<text x=\"%d\" y=\"%d\" text-anchor=\"middle\">%s</text>\n",
                x, y, HEAT_CELL - 1, HEAT_CELL - 1, x + HEAT_CELL / 2, y + HEAT_CELL + 14,
                names[i]);
    }
}

bool heatmap_svg(const heatmap *map, FILE *out)
{
    const struct layout at = layout_of(map);

    put_head(map, &at, out);
    put_names(map, &at, out);
    put_weights(map, &at, out);
    put_heat_legend(&at, out);
    fputs("</svg>\n", out);
    return !ferror(out);
}
