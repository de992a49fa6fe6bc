/* SPDX-License-Identifier: BSD-2-Clause */
#include "heatmap.h"

#include "plot_axis.h"

#include <math.h>
#include <string.h>

#include <utf8proc.h>

enum {
    HEAT_SHADES = 5,
    HEAT_HEIGHT = 12, /* most lines of names along the top */
    GLYPH_BYTES = 24,
    OPEN_BOX = 0x2423, /* a space made visible */
};

struct heat_look {
    bool unicode, colour;
    int columns, margin; /* of the terminal, of the names at the side */
    size_t across;       /* weights in a line */
};

/* From these weights on a shade is used. */
static const float shade_from[HEAT_SHADES] = { 0, 0.05f, 0.25f, 0.5f, 0.75f };
static const char *const shade_names[HEAT_SHADES] = { "0", ".05", ".25", ".5", ".75" };
static const char *const ascii_shades[HEAT_SHADES] = { ". ", "::", "++", "**", "##" };
static const char *const unicode_shades[HEAT_SHADES] = { "\xc2\xb7 ", "\xe2\x96\x91\xe2\x96\x91",
                                                         "\xe2\x96\x92\xe2\x96\x92",
                                                         "\xe2\x96\x93\xe2\x96\x93",
                                                         "\xe2\x96\x88\xe2\x96\x88" };

/* What stands in one place of a terminal: a character and the marks on it. */
struct glyph {
    char bytes[GLYPH_BYTES];
    size_t size;
    int width; /* columns: 1 or 2 */
    bool right_to_left;
};

static void add_bytes(struct glyph *g, const char *bytes, size_t n)
{
    if (g->size + n >= sizeof(g->bytes))
        return; /* a pile of marks: the first ones are enough */
    memcpy(g->bytes + g->size, bytes, n);
    g->size += n;
    g->bytes[g->size] = 0;
}

static void set_glyph(struct glyph *g, const char *bytes, int width)
{
    *g = (struct glyph) { .width = width };
    add_bytes(g, bytes, strlen(bytes));
}

/* Characters without a place of their own that could move what follows, or that terminals do not
 * agree about: directions, joiners, variants. */
static bool is_dropped(utf8proc_int32_t code)
{
    return utf8proc_category(code) == UTF8PROC_CATEGORY_CF || (code >= 0xfe00 && code <= 0xfe0f);
}

static bool is_right_to_left(utf8proc_int32_t code)
{
    const int bidi = utf8proc_get_property(code)->bidi_class;

    return bidi == UTF8PROC_BIDI_CLASS_R || bidi == UTF8PROC_BIDI_CLASS_AL;
}

/* The next character; returns its bytes, 0 at the end. *code is 0 for what cannot be shown. */
static size_t next_code(const char *text, utf8proc_int32_t *code)
{
    const size_t n = plot_character(text);

    *code = 0;
    if (!*text)
        return 0;
    if (n == 0)
        return 1;
    utf8proc_iterate((const utf8proc_uint8_t *)text, (utf8proc_ssize_t)n, code);
    switch (utf8proc_category(*code)) {
    case UTF8PROC_CATEGORY_CN: /* younger than the tables: nobody knows its width */
    case UTF8PROC_CATEGORY_ZL: /* ends of lines and paragraphs */
    case UTF8PROC_CATEGORY_ZP:
        *code = 0;
        break;
    default:
        break;
    }
    return n;
}

/* The next glyph of *text, which moves behind it; false at the end. */
static bool next_glyph(const char **text, const struct heat_look *look, struct glyph *g)
{
    utf8proc_int32_t code;
    size_t n;

    *g = (struct glyph) { 0 };
    for (; (n = next_code(*text, &code)) > 0; *text += n) {
        const bool mark = code != 0 && utf8proc_charwidth(code) == 0;

        if (code != 0 && is_dropped(code))
            continue;
        if (g->width > 0 && !mark)
            break;
        if (g->width > 0) {
            if (look->unicode)
                add_bytes(g, *text, n);
        } else if (code != 0 && code < 0x80) {
            *g = (struct glyph) { .bytes = { (char)code }, .size = 1, .width = 1 };
        } else if (!look->unicode) {
            set_glyph(g, code == OPEN_BOX ? "_" : "?", 1);
        } else if (code == 0) {
            set_glyph(g, "\xef\xbf\xbd", 1);
        } else {
            /* A mark alone gets a dotted circle to stand on. */
            set_glyph(g, mark ? "\xe2\x97\x8c" : "", mark ? 1 : utf8proc_charwidth(code));
            add_bytes(g, *text, n);
        }
        g->right_to_left = g->right_to_left || (code != 0 && is_right_to_left(code));
    }
    return g->width > 0;
}

static int text_width(const char *text, const struct heat_look *look)
{
    struct glyph g;
    int width = 0;

    while (next_glyph(&text, look, &g))
        width += g.width;
    return width;
}

/* Where a terminal orders by direction, this mark keeps what stands beside in its place. */
static void put_direction(bool right_to_left, const struct heat_look *look, FILE *out)
{
    if (right_to_left && look->unicode)
        fputs("\xe2\x80\x8e", out);
}

static bool has_right_to_left(const char *text, const struct heat_look *look)
{
    struct glyph g;

    while (next_glyph(&text, look, &g)) {
        if (g.right_to_left)
            return true;
    }
    return false;
}

static const char *ellipsis(const struct heat_look *look)
{
    return look->unicode ? "\xe2\x80\xa6" : "~";
}

/* Text cut to `max` columns; returns those used. */
static int put_text(const char *text, int max, const struct heat_look *look, FILE *out)
{
    const bool whole = text_width(text, look) <= max, turns = has_right_to_left(text, look);
    struct glyph g;
    int used = 0;

    put_direction(turns, look, out);
    while (next_glyph(&text, look, &g) && used + g.width <= (whole ? max : max - 1)) {
        fputs(g.bytes, out);
        used += g.width;
    }
    if (!whole) {
        fputs(ellipsis(look), out);
        used++;
    }
    put_direction(turns, look, out);
    return used;
}

/* Glyphs of a name that goes downwards. */
static int height_of(const char *text, const struct heat_look *look)
{
    struct glyph g;
    int height = 0;

    while (next_glyph(&text, look, &g))
        height++;
    return height;
}

/* Line `line` of `lines` of a name that goes downwards and ends above its column. */
static void put_downwards(const char *text, int line, int lines, const struct heat_look *look,
                          FILE *out)
{
    const int height = height_of(text, look), shown = height < lines ? height : lines;
    const int place = line - (lines - shown);
    struct glyph g = { .bytes = " ", .width = 1 };

    for (int i = 0; i <= place; i++)
        next_glyph(&text, look, &g);
    if (place >= 0 && place == shown - 1 && height > lines)
        set_glyph(&g, ellipsis(look), 1);
    put_direction(g.right_to_left, look, out);
    fputs(g.bytes, out);
    put_direction(g.right_to_left, look, out);
    if (g.width == 1)
        fputc(' ', out);
}

static void put_colour(float weight, FILE *out)
{
    static const int low[3] = { 234, 242, 250 }, high[3] = { 3, 40, 110 };
    /* Written so that a NaN is 0. */
    const double w = weight > 0 ? (weight < 1 ? (double)weight : 1.0) : 0.0;
    int rgb[3];

    for (int i = 0; i < 3; i++)
        rgb[i] = (int)lround(low[i] + w * (high[i] - low[i]));
    fprintf(out, "\033[48;2;%d;%d;%dm  ", rgb[0], rgb[1], rgb[2]);
}

static void put_shade(int shade, const struct heat_look *look, FILE *out)
{
    fputs(look->unicode ? unicode_shades[shade] : ascii_shades[shade], out);
}

static void put_weight(float weight, const struct heat_look *look, FILE *out)
{
    int shade = HEAT_SHADES - 1;

    if (look->colour) {
        put_colour(weight, out);
        return;
    }
    while (shade > 0 && !(weight >= shade_from[shade]))
        shade--;
    put_shade(shade, look, out);
}

/* Columns `first` to `end`. */
static void put_part(const heatmap *map, size_t first, size_t end, const struct heat_look *look,
                     FILE *out)
{
    int lines = 0;

    for (size_t s = first; s < end; s++) {
        const int height = height_of(map->columns[s], look);

        lines = height > lines ? height : lines;
    }
    lines = lines < HEAT_HEIGHT ? lines : HEAT_HEIGHT;
    for (int line = 0; line < lines; line++) {
        fprintf(out, "%*s", look->margin + 1, "");
        for (size_t s = first; s < end; s++)
            put_downwards(map->columns[s], line, lines, look, out);
        fputc('\n', out);
    }
    for (size_t t = 0; t < map->row_count; t++) {
        const int width = text_width(map->rows[t], look);

        fprintf(out, "%*s", width < look->margin ? look->margin - width : 0, "");
        put_text(map->rows[t], look->margin, look, out);
        fputc(' ', out);
        for (size_t s = first; s < end; s++)
            put_weight(map->weights[t * map->column_count + s], look, out);
        fputs(look->colour ? "\033[0m\n" : "\n", out);
    }
}

static void put_legend_line(const struct heat_look *look, FILE *out)
{
    fputc(' ', out);
    for (int i = 0; look->colour && i <= 10; i++) {
        if (i == 0)
            fputs("0 ", out);
        put_colour((float)i / 10, out);
        if (i == 10)
            fputs("\033[0m 1", out);
    }
    for (int i = 0; !look->colour && i < HEAT_SHADES; i++) {
        put_shade(i, look, out);
        fputs(shade_names[i], out);
        if (i + 1 < HEAT_SHADES)
            fputs(" ", out);
    }
    fputc('\n', out);
}

bool heatmap_text(const heatmap *map, int columns, enum plot_charset charset, bool colour,
                  FILE *out)
{
    struct heat_look look = { .unicode = charset == PLOT_UNICODE, .colour = colour };

    look.columns = columns < 30 ? 30 : columns > 1000 ? 1000 : columns;
    for (size_t t = 0; t < map->row_count; t++) {
        const int width = text_width(map->rows[t], &look);

        look.margin = width > look.margin ? width : look.margin;
    }
    look.margin = look.margin < look.columns / 3 ? look.margin : look.columns / 3;
    look.across = (size_t)(look.columns - look.margin - 1) / 2;
    if (map->title) {
        put_text(map->title, look.columns, &look, out);
        fputc('\n', out);
    }
    for (size_t first = 0; first < map->column_count; first += look.across) {
        const size_t left = map->column_count - first;
        const size_t n = left < look.across ? left : look.across;

        if (n < map->column_count)
            fprintf(out, "%zu-%zu of %zu:\n", first + 1, first + n, map->column_count);
        put_part(map, first, first + n, &look, out);
    }
    put_legend_line(&look, out);
    return !ferror(out);
}
