/* SPDX-License-Identifier: BSD-2-Clause */
#include "unit.h"

/* The tools are no library: the test takes their code in. */
#include "tools/alignment.c"
#include "tools/heatmap_svg.c"
#include "tools/heatmap_text.c"
#include "tools/message.c"
#include "tools/out_file.c"
#include "tools/plot_axis.c"
#include "tools/plot_text.c"

#include "svg_unit.h"

#define WIDE   "\xe7\x8c\xab"                     /* U+732B, two columns */
#define SHALOM "\xd7\xa9\xd7\x9c\xd7\x95\xd7\x9d" /* four Hebrew letters */
#define LRM    "\xe2\x80\x8e"

static const char *const hostile[] = {
    "</text><script>alert(1)</script>",
    "a & b \"c\" 'd'",
    "\x1b[2J\x1b]0;title\x07",
    "\xff\xfe\xc0\xaf",
    "\xe2\x80\xaeright to left override",
    SHALOM,
    WIDE WIDE WIDE,
    "e\xcc\x81\xcc\x82\xcc\x83\xcc\x84\xcc\x85\xcc\x86\xcc\x87\xcc\x88\xcc\x89\xcc\x8a\xcc\x8b",
    "\xcc\x81",                                     /* a mark alone */
    "\xf0\x9f\x91\xa9\xe2\x80\x8d\xf0\x9f\x92\xbb", /* two joined pictures */
    "",
    "\n\t\r",
    "supercalifragilisticexpialidocioussupercalifragilisticexpialidocious",
    "\xef\xb7\xba",                     /* one character that is very wide in print */
    "\xe2\x98\x81\xef\xb8\x8f",         /* variant of a picture */
    "-\xe2\x80\xa8-\xe2\x80\xa9",       /* ends of a line and of a paragraph */
    "\xf4\x80\x80\x80\xf0\x9f\xab\xbf", /* private, and not assigned yet */
    "</s>",
};

enum { HOSTILE = CLSEQ_ARRAY_SIZE(hostile) };

/* Not inlined: gcc 12 at -O3 then warns of `text`, whose address open_memstream() has. */
__attribute__((noinline)) static char *svg_of(const heatmap *map)
{
    char *text = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);

    assert_non_null(out);
    assert_true(heatmap_svg(map, out));
    assert_int_equal(fclose(out), 0);
    assert_int_equal(strlen(text), size);
    return text;
}

__attribute__((noinline)) static char *text_of(const heatmap *map, int columns,
                                               enum plot_charset charset, bool colour)
{
    char *text = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);

    assert_non_null(out);
    assert_true(heatmap_text(map, columns, charset, colour, out));
    assert_int_equal(fclose(out), 0);
    assert_int_equal(strlen(text), size);
    return text;
}

/* Every name against every name. */
static heatmap hostile_map(float weights[HOSTILE * HOSTILE])
{
    for (int i = 0; i < HOSTILE * HOSTILE; i++)
        weights[i] = (float)(i % 17) / 16;
    weights[0] = NAN;
    weights[1] = INFINITY;
    weights[2] = -INFINITY;
    weights[3] = -1e30f;
    return (heatmap) { "</title><b>\x1b[1m &" SHALOM, hostile, hostile, HOSTILE, HOSTILE, weights };
}

static void svg_is_well_formed_whatever_the_names_are(void **state)
{
    float weights[HOSTILE * HOSTILE];
    const heatmap map = hostile_map(weights);
    char *svg = svg_of(&map);

    if (!well_formed(svg))
        fail_msg("not well-formed: %s", svg);
    assert_null(strstr(svg, "<script"));
    assert_null(strstr(svg, "<b>"));
    assert_non_null(strstr(svg, "&lt;/text&gt;&lt;script&gt;"));
    assert_non_null(strstr(svg, "a &amp; b &quot;c&quot;"));
    assert_null(strchr(svg, '\033'));
    assert_null(strstr(svg, "nan"));
    assert_null(strstr(svg, "inf"));
    /* A cell for each weight and 5 in the legend. */
    assert_int_equal(count_of(svg, "<rect class=\"c\""), HOSTILE * HOSTILE + 5);
    assert_non_null(strstr(svg, "supercalifragilisticexpialid\xe2\x80\xa6</text>"));
    free(svg);
}

static void svg_weights_are_where_they_belong(void **state)
{
    static const char *const columns[] = { "ein", "Hund", "</s>" }, *const rows[] = { "a", "dog" };
    static const float weights[] = { 1, 0, 0, 0.0625f, 0.9004f, 0.0371f };
    const heatmap map = { NULL, columns, rows, 3, 2, weights };
    /* The place of the first cell follows from the longest names. */
    const int left = 16 + 3 * HEAT_LETTER + 8, top = 16 + 4 * HEAT_LETTER + 8;
    char *svg = svg_of(&map), part[200];

    assert_true(well_formed(svg));
    assert_int_equal(count_of(svg, "<rect class=\"c\""), 6 + 5);
    snprintf(part, sizeof(part),
             "x=\"%d\" y=\"%d\" width=\"21\" height=\"21\" fill-opacity=\"1.000\"", left, top);
    assert_non_null(strstr(svg, part));
    snprintf(part, sizeof(part),
             "x=\"%d\" y=\"%d\" width=\"21\" height=\"21\" fill-opacity=\"0.900\"><title>Hund "
             "\xe2\x86\x92 dog: 0.900</title>",
             left + 22, top + 22);
    assert_non_null(strstr(svg, part));
    assert_non_null(strstr(svg, "prefers-color-scheme:dark"));
    assert_non_null(strstr(svg, "direction:ltr"));
    free(svg);
}

static void large_svg_has_no_tips(void **state)
{
    enum { SIDE = 70 };
    static const char *names[SIDE];
    static float weights[SIDE * SIDE];
    const heatmap map = { "large", names, names, SIDE, SIDE, weights };
    char *svg;

    for (int i = 0; i < SIDE; i++)
        names[i] = "word";
    svg = svg_of(&map);
    assert_true(well_formed(svg));
    assert_int_equal(count_of(svg, "<rect class=\"c\""), SIDE * SIDE + 5);
    assert_int_equal(count_of(svg, "<title>"), 1);
    free(svg);
}

static void a_map_as_text(void **state)
{
    static const char *const columns[] = { "ein", "x", "</s>" };
    static const char *const rows[] = { "a", WIDE WIDE, "</s>" };
    static const float weights[] = { 0.96f, 0.04f, 0, 0.3f, 0.6f, 0.1f, 0, 0.049f, 0.951f };
    const heatmap map = { "T", columns, rows, 3, 3, weights };
    char *text = text_of(&map, 60, PLOT_ASCII, false);

    assert_string_equal(text, "T\n"
                              "         < \n"
                              "     e   / \n"
                              "     i   s \n"
                              "     n x > \n"
                              "   a ##. . \n"
                              "  ?? ++**::\n"
                              "</s> . . ##\n"
                              " . 0 ::.05 ++.25 **.5 ##.75\n");
    free(text);
    text = text_of(&map, 60, PLOT_UNICODE, false);
    assert_string_equal(text, "T\n"
                              "         < \n"
                              "     e   / \n"
                              "     i   s \n"
                              "     n x > \n"
                              "   a ██· · \n" WIDE WIDE " ▒▒▓▓░░\n"
                              "</s> · · ██\n"
                              " · 0 ░░.05 ▒▒.25 ▓▓.5 ██.75\n");
    free(text);
    text = text_of(&map, 60, PLOT_UNICODE, true);
    assert_non_null(strstr(text, "\033[48;2;3;40;110m"));
    assert_int_equal(count_of(text, "\033[0m"), 3 + 1);
    free(text);
}

/* Columns that a terminal uses for the bytes up to the end of the line. */
static int line_width(const char **p)
{
    int width = 0;

    while (**p && **p != '\n') {
        utf8proc_int32_t code;
        utf8proc_ssize_t n;

        if (**p == '\033') {
            *p += strcspn(*p, "m") + 1;
            continue;
        }
        n = utf8proc_iterate((const utf8proc_uint8_t *)*p, -1, &code);
        assert_true(n > 0);
        assert_true(code >= ' ' && code != 0x7f && !(code >= 0x80 && code < 0xa0));
        /* Nothing may turn or join what stands beside. */
        assert_true(utf8proc_category(code) != UTF8PROC_CATEGORY_CF || code == 0x200e);
        assert_true(utf8proc_category(code) != UTF8PROC_CATEGORY_ZL &&
                    utf8proc_category(code) != UTF8PROC_CATEGORY_ZP &&
                    utf8proc_category(code) != UTF8PROC_CATEGORY_CN);
        width += utf8proc_charwidth(code);
        *p += n;
    }
    assert_int_equal(**p, '\n');
    ++*p;
    return width;
}

static void text_is_aligned_whatever_the_names_are(void **state)
{
    float weights[HOSTILE * HOSTILE];
    const heatmap map = hostile_map(weights);

    for (int columns = 20; columns <= 160; columns += 7) {
        for (int look = 0; look < 4; look++) {
            const enum plot_charset charset = look & 1 ? PLOT_UNICODE : PLOT_ASCII;
            const int allowed = columns < 30 ? 30 : columns;
            char *text = text_of(&map, columns, charset, look & 2);
            const char *p = text;
            int full = 0, widest = 0;

            if (!(look & 2))
                assert_null(strchr(text, '\033'));
            while (*p) {
                const char *line = p;
                const int width = line_width(&p);

                if (width > allowed)
                    fail_msg("%d columns where %d were asked for: %.*s", width, allowed,
                             (int)(p - line), line);
                if (width > widest) {
                    widest = width;
                    full = 0;
                }
                full += width == widest;
                if (charset == PLOT_ASCII)
                    for (; line < p; line++)
                        assert_true((unsigned char)*line < 128);
            }
            /* All lines of cells of a part are of one width, and a part has as many lines as names;
             * the lines of names above are of that width too. */
            if (full < HOSTILE)
                fail_msg("only %d lines of %d columns:\n%s", full, widest, text);
            free(text);
        }
    }
}

static void names_from_right_to_left_stay_in_place(void **state)
{
    static const char *const columns[] = { SHALOM, "x" }, *const rows[] = { SHALOM, "y" };
    static const float weights[] = { 1, 0, 0, 1 };
    const heatmap map = { NULL, columns, rows, 2, 2, weights };
    char *text = text_of(&map, 60, PLOT_UNICODE, false);

    assert_string_equal(text, "     " LRM "\xd7\xa9" LRM "   \n"
                              "     " LRM "\xd7\x9c" LRM "   \n"
                              "     " LRM "\xd7\x95" LRM "   \n"
                              "     " LRM "\xd7\x9d" LRM " x \n" LRM SHALOM LRM " ██· \n"
                              "   y · ██\n"
                              " · 0 ░░.05 ▒▒.25 ▓▓.5 ██.75\n");
    free(text);
}

static void what_is_too_wide_goes_in_parts(void **state)
{
    enum { COLUMNS = 33 };
    static const char *columns[COLUMNS];
    static const char *const rows[] = { "row", "another row" };
    static float weights[2 * COLUMNS];
    const heatmap map = { NULL, columns, rows, COLUMNS, 2, weights };
    char *text;

    for (int i = 0; i < COLUMNS; i++)
        columns[i] = "c";
    weights[COLUMNS - 1] = 1; /* the last of the first row */
    text = text_of(&map, 36, PLOT_ASCII, false);
    assert_string_equal(text, "1-12 of 33:\n"
                              "            c c c c c c c c c c c c \n"
                              "        row . . . . . . . . . . . . \n"
                              "another row . . . . . . . . . . . . \n"
                              "13-24 of 33:\n"
                              "            c c c c c c c c c c c c \n"
                              "        row . . . . . . . . . . . . \n"
                              "another row . . . . . . . . . . . . \n"
                              "25-33 of 33:\n"
                              "            c c c c c c c c c \n"
                              "        row . . . . . . . . ##\n"
                              "another row . . . . . . . . . \n"
                              " . 0 ::.05 ++.25 **.5 ##.75\n");
    free(text);
}

static void long_names_are_cut(void **state)
{
    static const char *const columns[] = { "abcdefghijklmnopq" };
    static const char *const rows[] = { "abcdefghijklmnopq", WIDE WIDE WIDE WIDE WIDE WIDE WIDE };
    static const float weights[] = { 1, 1 };
    const heatmap map = { NULL, columns, rows, 1, 2, weights };
    char *text = text_of(&map, 30, PLOT_ASCII, false);

    /* 10 columns at the side, 12 lines along the top. */
    assert_non_null(strstr(text, "abcdefghi~ ##\n"));
    assert_non_null(strstr(text, "           k \n           ~ \n"));
    assert_non_null(strstr(text, "   ??????? ##\n"));
    free(text);
    text = text_of(&map, 30, PLOT_UNICODE, false);
    assert_non_null(strstr(text, "abcdefghi\xe2\x80\xa6 ██\n"));
    assert_non_null(strstr(text, WIDE WIDE WIDE WIDE "\xe2\x80\xa6 "));
    free(text);
}

static void a_full_disk_is_noticed_by_both(void **state)
{
    static const char *const names[] = { "a" };
    static const float weights[] = { 1 };
    const heatmap map = { NULL, names, names, 1, 1, weights };
    FILE *out = fopen("/dev/full", "w");

    assert_non_null(out);
    setvbuf(out, NULL, _IONBF, 0);
    assert_false(heatmap_svg(&map, out));
    assert_false(heatmap_text(&map, 40, PLOT_ASCII, false, out));
    fclose(out);
}

static void files_are_numbered_before_the_ending(void **state)
{
    static const char *const cases[][2] = {
        { "x.svg", "x-12.svg" },           { "a.b/x", "a.b/x-12" }, { "x", "x-12" },
        { "../x.y.svg", "../x.y-12.svg" }, { ".svg", ".svg-12" },   { "run/.svg", "run/.svg-12" },
    };

    for (size_t i = 0; i < CLSEQ_ARRAY_SIZE(cases); i++) {
        char *path = alignment_path(cases[i][0], 12);

        assert_string_equal(path, cases[i][1]);
        free(path);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(svg_is_well_formed_whatever_the_names_are),
        cmocka_unit_test(svg_weights_are_where_they_belong),
        cmocka_unit_test(large_svg_has_no_tips),
        cmocka_unit_test(a_map_as_text),
        cmocka_unit_test(text_is_aligned_whatever_the_names_are),
        cmocka_unit_test(names_from_right_to_left_stay_in_place),
        cmocka_unit_test(what_is_too_wide_goes_in_parts),
        cmocka_unit_test(long_names_are_cut),
        cmocka_unit_test(a_full_disk_is_noticed_by_both),
        cmocka_unit_test(files_are_numbered_before_the_ending),
    };

    return cmocka_run_group_tests_name("heatmap", tests, NULL, NULL);
}
