/* SPDX-License-Identifier: BSD-2-Clause */
#include "plot.h"

#include "plot_axis.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* A grid of cells, each of wide x high dots. */
struct canvas {
    int columns, rows;    /* cells */
    int wide, high;       /* dots in a cell: 2 x 4 of braille, or 1 x 1 */
    unsigned char *dots;  /* a bit for each dot of a cell */
    unsigned char *owner; /* the last series drawn there */
};

struct look {
    bool unicode, colour, signs; /* signs: a sign for each series instead of dots */
};

static const char *const ascii_signs[PLOT_MAX_SERIES] = { "*", "+", "o", "x" };
static const char *const unicode_signs[PLOT_MAX_SERIES] = { "\xe2\x97\x8f", "\xe2\x97\x8b",
                                                            "\xe2\x96\xb2", "\xc3\x97" };
static const char *const colours[PLOT_MAX_SERIES] = { "\033[34m", "\033[33m", "\033[32m",
                                                      "\033[35m" };

enum plot_charset plot_charset_of_locale(void)
{
    static const char *const names[] = { "LC_ALL", "LC_CTYPE", "LANG" };

    for (size_t i = 0; i < 3; i++) {
        const char *value = getenv(names[i]);

        if (!value || !*value)
            continue;
        for (; *value; value++) {
            if (strncasecmp(value, "utf-8", 5) == 0 || strncasecmp(value, "utf8", 4) == 0)
                return PLOT_UNICODE;
        }
        return PLOT_ASCII; /* the first that is set decides */
    }
    return PLOT_ASCII;
}

static void set_dot(struct canvas *canvas, int x, int y, size_t series)
{
    static const unsigned char braille[4][2] = {
        { 0x01, 0x08 }, { 0x02, 0x10 }, { 0x04, 0x20 }, { 0x40, 0x80 }
    };
    const int cell = y / canvas->high * canvas->columns + x / canvas->wide;

    canvas->dots[cell] |= braille[y % canvas->high][x % canvas->wide];
    canvas->owner[cell] = (unsigned char)series;
}

/* All dots between two, in steps of at most one dot (Bresenham's line). */
static void draw_line(struct canvas *canvas, int x, int y, int x1, int y1, size_t series)
{
    const int dx = abs(x1 - x), dy = -abs(y1 - y), sx = x < x1 ? 1 : -1, sy = y < y1 ? 1 : -1;
    int error = dx + dy;

    for (;;) {
        const int twice = 2 * error;

        set_dot(canvas, x, y, series);
        if (x == x1 && y == y1)
            return;
        if (twice >= dy) {
            error += dy;
            x += sx;
        }
        if (twice <= dx) {
            error += dx;
            y += sy;
        }
    }
}

static int dot_x(const struct canvas *canvas, const plot_axes *axes, double x)
{
    return (int)lround(plot_place(&axes->x, x) * (canvas->columns * canvas->wide - 1));
}

static int dot_y(const struct canvas *canvas, const plot_axes *axes, double y)
{
    return (int)lround((1.0 - plot_place(&axes->y, y)) * (canvas->rows * canvas->high - 1));
}

static void draw_series(struct canvas *canvas, const plot_chart *chart, const plot_axes *axes,
                        size_t s)
{
    const plot_series *series = &chart->series[s];
    int last_x = 0, last_y = 0;

    for (size_t i = 0; i < series->count; i++) {
        int x, y;

        if (!plot_drawable(chart, series, i))
            continue;
        x = dot_x(canvas, axes, series->x[i]);
        y = dot_y(canvas, axes, series->y[i]);
        if (plot_drawable(chart, series, i - 1))
            draw_line(canvas, last_x, last_y, x, y, s);
        else
            set_dot(canvas, x, y, s);
        last_x = x;
        last_y = y;
    }
}

/* Text cut to `max` columns, what is no character (or, for ASCII, no ASCII) as '?'. Returns the
 * columns used, each character taken as one. */
static int put_cut(const char *text, int max, const struct look *look, FILE *out)
{
    int used = 0;

    for (; *text && used < max; used++) {
        const size_t n = plot_character(text);

        if (n == 0 || (n > 1 && !look->unicode))
            fputc('?', out);
        else
            fwrite(text, 1, n, out);
        text += n ? n : 1;
    }
    return used;
}

static void put_sign(size_t series, const struct look *look, FILE *out)
{
    if (look->colour)
        fputs(colours[series], out);
    if (look->signs)
        fputs(look->unicode ? unicode_signs[series] : ascii_signs[series], out);
    else
        fputs("\xe2\xa0\xa4\xe2\xa0\xa4", out); /* two braille cells with a line through them */
    if (look->colour)
        fputs("\033[0m", out);
}

static void put_cells(const struct canvas *canvas, int row, const struct look *look, FILE *out)
{
    const unsigned char *dots = canvas->dots + row * canvas->columns;
    const unsigned char *owner = canvas->owner + row * canvas->columns;
    int end = canvas->columns, colour = -1;

    while (end > 0 && dots[end - 1] == 0)
        end--;
    for (int i = 0; i < end; i++) {
        if (look->colour && dots[i] && colour != owner[i]) {
            colour = owner[i];
            fputs(colours[colour], out);
        }
        if (dots[i] == 0)
            fputc(' ', out);
        else if (look->signs)
            fputs(look->unicode ? unicode_signs[owner[i]] : ascii_signs[owner[i]], out);
        else /* U+2800 and up, in UTF-8 */
            fprintf(out, "\xe2%c%c", 0xa0 | dots[i] >> 6, 0x80 | (dots[i] & 0x3f));
    }
    if (colour >= 0)
        fputs("\033[0m", out);
}

/* The tick of this row, NULL when there is none. */
static const plot_tick *tick_of_row(const struct canvas *canvas, const plot_axes *axes, int row)
{
    for (size_t i = 0; i < axes->y.tick_count; i++) {
        if (dot_y(canvas, axes, axes->y.ticks[i].value) / canvas->high == row)
            return &axes->y.ticks[i];
    }
    return NULL;
}

static void put_x_axis(const struct canvas *canvas, const plot_axes *axes, int margin,
                       const struct look *look, FILE *out)
{
    char labels[320];
    int free_from = 0;

    memset(labels, ' ', sizeof(labels));
    fprintf(out, "%*s%s", margin, "", look->unicode ? "\xe2\x94\x94" : "+");
    for (int c = 0; c < canvas->columns; c++) {
        const plot_tick *tick = NULL;

        for (size_t i = 0; i < axes->x.tick_count && !tick; i++) {
            if (dot_x(canvas, axes, axes->x.ticks[i].value) / canvas->wide == c)
                tick = &axes->x.ticks[i];
        }
        fputs(look->unicode ? (tick ? "\xe2\x94\xac" : "\xe2\x94\x80") : (tick ? "+" : "-"), out);
        if (tick) {
            const int n = (int)strlen(tick->label);
            int at = margin + 1 + c - n / 2;

            if (at + n > margin + 1 + canvas->columns)
                at = margin + 1 + canvas->columns - n;
            if (at >= free_from) {
                memcpy(labels + at, tick->label, (size_t)n);
                free_from = at + n + 1;
            }
        }
    }
    fprintf(out, "\n%.*s\n", free_from > 0 ? free_from - 1 : 0, labels);
}

static void put_key(const plot_chart *chart, int margin, int columns, const struct look *look,
                    FILE *out)
{
    int used = margin + 1;
    bool any = false;

    for (size_t s = 0; s < plot_series_count(chart); s++) {
        const char *name = chart->series[s].name;

        if (!name || used + 6 > columns)
            continue;
        fprintf(out, "%*s", any ? 3 : margin + 1, "");
        put_sign(s, look, out);
        fputc(' ', out);
        used += (any ? 3 : 0) + (look->signs ? 2 : 3);
        used += put_cut(name, columns - used, look, out);
        any = true;
    }
    if (chart->x_label && used + (any ? 6 : 0) < columns) {
        fprintf(out, "%*s%s", any ? 3 : margin + 1, "", any ? "x: " : "");
        put_cut(chart->x_label, columns - used - (any ? 6 : 0), look, out);
        any = true;
    }
    if (any)
        fputc('\n', out);
}

static void put_chart(const plot_chart *chart, const plot_axes *axes, const struct canvas *canvas,
                      int margin, const struct look *look, FILE *out)
{
    const int columns = margin + 1 + canvas->columns;

    if (chart->title || chart->y_label) {
        int used = put_cut(chart->title ? chart->title : "", columns, look, out);

        if (chart->y_label && used + 6 < columns) {
            used += fprintf(out, chart->title ? "  (" : "(");
            put_cut(chart->y_label, columns - used - 1, look, out);
            fputc(')', out);
        }
        fputc('\n', out);
    }
    for (int row = 0; row < canvas->rows; row++) {
        const plot_tick *tick = tick_of_row(canvas, axes, row);

        fprintf(out, "%*s", margin, tick ? tick->label : "");
        fputs(look->unicode ? (tick ? "\xe2\x94\xa4" : "\xe2\x94\x82") : (tick ? "+" : "|"), out);
        if (axes->empty && row == canvas->rows / 2)
            fprintf(out, "%*s", canvas->columns / 2 + 3, "no data");
        put_cells(canvas, row, look, out);
        fputc('\n', out);
    }
    put_x_axis(canvas, axes, margin, look, out);
    put_key(chart, margin, columns, look, out);
}

static int clamp(int x, int low, int high)
{
    return x < low ? low : x > high ? high : x;
}

bool plot_text(const plot_chart *chart, int columns, int rows, enum plot_charset charset,
               bool colour, FILE *out)
{
    const bool many = plot_series_count(chart) > 1;
    const struct look look = {
        .unicode = charset == PLOT_UNICODE,
        .colour = colour && many,
        .signs = charset == PLOT_ASCII || (many && !colour),
    };
    struct canvas canvas = { .wide = look.signs ? 1 : 2, .high = look.signs ? 1 : 4 };
    plot_axes axes;
    int margin = 0;
    size_t cells;
    bool good;

    columns = clamp(columns, 30, 300);
    canvas.rows = clamp(rows, 8, 100) - 4; /* title, axis, labels, legend */
    plot_axes_init(&axes, chart, clamp(columns / 12, 2, 12), clamp(canvas.rows / 3, 2, 8));
    for (size_t i = 0; i < axes.y.tick_count; i++)
        margin = (int)fmax(margin, (double)strlen(axes.y.ticks[i].label));
    canvas.columns = columns - margin - 1;
    cells = (size_t)canvas.columns * (size_t)canvas.rows;
    canvas.dots = calloc(cells, 1);
    canvas.owner = calloc(cells, 1);
    good = canvas.dots && canvas.owner;
    if (good) {
        for (size_t s = 0; s < plot_series_count(chart); s++)
            draw_series(&canvas, chart, &axes, s);
        put_chart(chart, &axes, &canvas, margin, &look, out);
    }
    free(canvas.dots);
    free(canvas.owner);
    return good && !ferror(out);
}
