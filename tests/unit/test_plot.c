/* SPDX-License-Identifier: BSD-2-Clause */
#include "unit.h"

/* The tools are no library: the test takes their code in. */
#include "tools/plot.c"
#include "tools/plot_axis.c"
#include "tools/plot_text.c"

#include "svg_unit.h"

#include <locale.h>

/* Not inlined: gcc 12 at -O3 then warns of `text`, whose address open_memstream() has. */
__attribute__((noinline)) static char *svg_of(const plot_chart *chart)
{
    char *text = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);

    assert_non_null(out);
    assert_true(plot_svg(chart, out));
    assert_int_equal(fclose(out), 0);
    return text;
}

static char *text_of(const plot_chart *chart, int columns, int rows, enum plot_charset charset,
                     bool colour)
{
    char *text = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);

    assert_non_null(out);
    assert_true(plot_text(chart, columns, rows, charset, colour, out));
    assert_int_equal(fclose(out), 0);
    return text;
}

static void the_checker_checks(void **state)
{
    assert_true(well_formed("<a b=\"1\"><c/>x &amp; y</a>\n"));
    assert_false(well_formed("<a><b></a></b>"));
    assert_false(well_formed("<a>"));
    assert_false(well_formed("<a/><b/>"));
    assert_false(well_formed("<a>x & y</a>"));
    assert_false(well_formed("<a>\xff</a>"));
    assert_false(well_formed("<a b=\"<\"/>"));
    assert_false(well_formed("<a>\x01</a>"));
}

/* Charts of all kinds, each as SVG and as text in every look: well-formed, the same twice, no line
 * of text wider than asked for. */
static void check_chart(const plot_chart *chart)
{
    char *a = svg_of(chart), *b = svg_of(chart);

    if (!well_formed(a))
        fail_msg("not well-formed: %s", a);
    assert_string_equal(a, b);
    assert_null(strstr(a, "nan"));
    assert_null(strstr(a, "inf"));
    assert_true(strlen(a) < 200000);
    free(a);
    free(b);
    for (int i = 0; i < 8; i++) {
        const int columns = i & 4 ? 72 : 30, rows = i & 4 ? 20 : 8;
        int lines = 0;

        a = text_of(chart, columns, rows, i & 1 ? PLOT_UNICODE : PLOT_ASCII, i & 2);
        b = text_of(chart, columns, rows, i & 1 ? PLOT_UNICODE : PLOT_ASCII, i & 2);
        assert_string_equal(a, b);
        for (const char *p = a; *p; p++) {
            int width = 0;

            for (; *p && *p != '\n'; p++) {
                if (*p == '\033')
                    p += strcspn(p, "m");
                else
                    width += ((unsigned char)*p & 0xc0) != 0x80;
                if (!(i & 1))
                    assert_true((unsigned char)*p < 128);
            }
            assert_int_equal(*p, '\n');
            if (width > columns)
                fail_msg("%d columns where %d were asked for:\n%s", width, columns, a);
            lines++;
        }
        assert_true(lines <= rows);
        free(a);
        free(b);
    }
}

static void all_kinds_of_charts(void **state)
{
    static const double x[] = { 0, 1, 2, 3, 4, 5 };
    static const double good[] = { 9.5, 4, 3, 2.5, 2.2, 2.1 }, constant[] = { 3, 3, 3, 3, 3, 3 };
    static const double zeros[] = { 0, 0, 0, 0, 0, 0 },
                        tiny[] = { 1e-9, 2e-9, 1e-12, 3e-9, 0, -1e-9 };
    static const double huge[] = { 1e299, -1e299, 1e12, -5, 0, 1 },
                        noise[] = { 1e6, 1e6 + 1e-9, 1e6, 1e6, 1e6, 1e6 };
    static const double denormal[] = { 5e-324, 1e-310, 0, 0, 1e-300, 2e300 };
    const double holes[] = { (double)NAN, 4, (double)NAN, 2, 1, (double)INFINITY };
    const double none[] = { (double)NAN, (double)NAN,      (double)NAN,
                            (double)NAN, (double)INFINITY, -(double)INFINITY };
    const double *const all[] = { good, constant, zeros, tiny, huge, noise, denormal, holes, none };

    for (size_t i = 0; i < CLSEQ_ARRAY_SIZE(all); i++) {
        for (size_t count = 0; count <= 6; count++) {
            for (int log_y = 0; log_y < 2; log_y++) {
                const plot_series series[] = { { "train", x, all[i], count },
                                               { NULL, all[i], x, count },
                                               { "valid <&>", x, good, count },
                                               { "", x, x, 6 },
                                               { "fifth", x, x, 6 } };

                for (size_t n = 0; n <= 5; n++) {
                    const plot_chart chart = { n ? "Loss & \"more\" <b>" : NULL,
                                               n ? "updates" : NULL,
                                               n ? "loss" : NULL,
                                               series,
                                               n,
                                               log_y };
                    check_chart(&chart);
                }
            }
        }
    }
}

static void texts_are_escaped(void **state)
{
    const double x[] = { 0, 1 };
    const plot_series series = { "a<b>&\"'\x01\xff caf\xc3\xa9 and more than fits into a legend", x,
                                 x, 2 };
    const plot_chart chart = { "</title><script>\x1b[2J\xc0\xaf\xed\xa0\x80",
                               "\xf4\x90\x80\x80",
                               "\xe2\x82",
                               &series,
                               1,
                               false };
    char *svg = svg_of(&chart), *text;

    assert_true(well_formed(svg));
    assert_null(strstr(svg, "<script"));
    assert_non_null(strstr(svg, "&lt;/title&gt;&lt;script&gt;"));
    assert_non_null(strstr(svg, "caf\xc3\xa9"));
    free(svg);
    text = text_of(&chart, 60, 12, PLOT_UNICODE, false);
    assert_null(strchr(text, '\033'));
    assert_null(strchr(text, '\001'));
    free(text);
    check_chart(&chart);
}

static void points_are_where_they_belong(void **state)
{
    const double x[] = { 0, 10, 20 }, y[] = { 0, 5, 10 }, gap[] = { 0, (double)NAN, 10 };
    const plot_series line = { "l", x, y, 3 }, points = { "p", x, gap, 3 };
    plot_chart chart = { "t", "x", "y", &line, 1, false };
    char *svg = svg_of(&chart);

    /* (0, 0) is the lower left corner of the plot, (20, 10) the upper right one. */
    assert_non_null(strstr(svg, "d=\"M72.0 340.0L384.0 202.0L696.0 64.0\""));
    assert_int_equal(count_of(svg, "<circle"), 0);
    assert_non_null(strstr(svg, "prefers-color-scheme:dark"));
    free(svg);
    chart.series = &points;
    svg = svg_of(&chart);
    assert_int_equal(count_of(svg, "<circle"), 2);
    assert_non_null(strstr(svg, "class=\"line s0\" d=\"\""));
    free(svg);
}

static void tick_labels(const plot_axis *axis, char *text)
{
    text[0] = 0;
    for (size_t i = 0; i < axis->tick_count; i++) {
        strcat(text, axis->ticks[i].label);
        strcat(text, i + 1 < axis->tick_count ? " " : "");
    }
}

static void ticks_are_round_numbers(void **state)
{
    static const struct {
        double low, high;
        bool log, widen;
        const char *labels;
    } cases[] = {
        { 0, 10, false, true, "0 2 4 6 8 10" },
        { 0.13, 9.7, false, true, "0 2 4 6 8 10" },
        { 2.1, 9.5, false, false, "4 6 8" },
        { 0, 1, false, true, "0 0.2 0.4 0.6 0.8 1" },
        { -1, 1, false, true, "-1 -0.5 0 0.5 1" },
        { 0, 31234, false, false, "0 10k 20k 30k" },
        { 0, 2500000, false, false, "0 0.5M 1M 1.5M 2M 2.5M" },
        { 1e6, 1.02e6, false, false, "1M 1.005M 1.01M 1.015M 1.02M" },
        { 0, 5e-5, false, true, "0 1e-5 2e-5 3e-5 4e-5 5e-5" },
        { 0, 2e-4, false, true, "0 5e-5 1e-4 1.5e-4 2e-4" },
        { -0.015, 0.02, false, true, "-0.02 -0.01 0 0.01 0.02" },
        { 0, 3e15, false, true, "0 1e15 2e15 3e15" },
        { 7, 7, false, true, "6 6.5 7 7.5 8" },
        { 1, 100, true, false, "1 2 5 10 20 50 100" },
        { 3, 12000, true, false, "10 100 1000 10k" },
        { 3.1, 3.9, true, false, "3.2 3.4 3.6 3.8" },
        { 1e-8, 10, true, false, "1e-8 1e-6 1e-4 0.01 1" },
    };
    char text[1024];

    for (size_t i = 0; i < CLSEQ_ARRAY_SIZE(cases); i++) {
        plot_axis axis;

        axis_init(&axis, cases[i].low, cases[i].high, cases[i].log, cases[i].widen, 5);
        tick_labels(&axis, text);
        if (strcmp(text, cases[i].labels) != 0)
            fail_msg("%g to %g: \"%s\", expected \"%s\"", cases[i].low, cases[i].high, text,
                     cases[i].labels);
        for (size_t t = 0; t < axis.tick_count; t++)
            assert_true(plot_place(&axis, axis.ticks[t].value) > -1e-6 &&
                        plot_place(&axis, axis.ticks[t].value) < 1 + 1e-6);
    }
}

static void long_series_stay_small_and_keep_their_peaks(void **state)
{
    enum { N = 300000 };
    double *x = malloc(N * sizeof(*x)), *y = malloc(N * sizeof(*y));
    const plot_series series = { "s", x, y, N };
    const plot_chart chart = { "t", NULL, NULL, &series, 1, false };
    char *svg;

    assert_true(x && y);
    for (int i = 0; i < N; i++) {
        x[i] = i;
        y[i] = i % 7 * 0.1;
    }
    y[150001] = 10.0; /* one point among 480 that share a column */
    svg = svg_of(&chart);
    assert_true(strlen(svg) < 60000);
    assert_non_null(strstr(svg, " 64.0"));
    free(svg);
    free(x);
    free(y);
}

static void the_locale_does_not_matter_for_svg(void **state)
{
    static const double x[] = { 0, 0.3, 0.7 };
    static const plot_series series = { "s", x, x, 3 };
    static const plot_chart chart = { "t", NULL, NULL, &series, 1, false };
    char *plain = svg_of(&chart), *other;

    if (!setlocale(LC_ALL, "de_DE.UTF-8") && !setlocale(LC_ALL, "fr_FR.UTF-8")) {
        free(plain);
        print_message(
            "skipped: SVG under a decimal comma: neither locale de_DE.UTF-8 nor fr_FR.UTF-8\n");
        skip();
    }
    other = svg_of(&chart);
    setlocale(LC_ALL, "C");
    assert_string_equal(plain, other);
    assert_null(strstr(strstr(plain, "</style>"), ","));
    free(plain);
    free(other);
}

static void the_terminal_is_asked_for_its_charset(void **state)
{
    setenv("LC_ALL", "", 1);
    setenv("LC_CTYPE", "", 1);
    setenv("LANG", "en_US.UTF-8", 1);
    assert_int_equal(plot_charset_of_locale(), PLOT_UNICODE);
    setenv("LC_CTYPE", "C", 1);
    assert_int_equal(plot_charset_of_locale(), PLOT_ASCII);
    setenv("LC_ALL", "C.utf8", 1);
    assert_int_equal(plot_charset_of_locale(), PLOT_UNICODE);
    unsetenv("LC_ALL");
    unsetenv("LC_CTYPE");
    unsetenv("LANG");
    assert_int_equal(plot_charset_of_locale(), PLOT_ASCII);
}

static void a_chart_as_text(void **state)
{
    const double x[] = { 0, 50, 100 }, y[] = { 0, 10, 0 };
    const plot_series series = { "s", x, y, 3 };
    const plot_chart chart = { "Peak", "updates", "loss", &series, 1, false };
    char *text = text_of(&chart, 30, 11, PLOT_ASCII, false);

    assert_string_equal(text, "Peak  (loss)\n"
                              "10+            ***\n"
                              "  |          **   **\n"
                              "  |        **       **\n"
                              " 5+      **           **\n"
                              "  |    **               **\n"
                              "  |  **                   **\n"
                              " 0+**                       **\n"
                              "  ++------------+------------+\n"
                              "   0           50          100\n"
                              "   * s   x: updates\n");
    free(text);
}

static void a_full_disk_is_noticed(void **state)
{
    const plot_chart chart = { "t", NULL, NULL, NULL, 0, false };
    FILE *out = fopen("/dev/full", "w");

    assert_non_null(out);
    setvbuf(out, NULL, _IONBF, 0);
    assert_false(plot_svg(&chart, out));
    assert_false(plot_text(&chart, 40, 10, PLOT_ASCII, false, out));
    fclose(out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_checker_checks),
        cmocka_unit_test(all_kinds_of_charts),
        cmocka_unit_test(texts_are_escaped),
        cmocka_unit_test(points_are_where_they_belong),
        cmocka_unit_test(ticks_are_round_numbers),
        cmocka_unit_test(long_series_stay_small_and_keep_their_peaks),
        cmocka_unit_test(the_locale_does_not_matter_for_svg),
        cmocka_unit_test(the_terminal_is_asked_for_its_charset),
        cmocka_unit_test(a_chart_as_text),
        cmocka_unit_test(a_full_disk_is_noticed),
    };

    return cmocka_run_group_tests_name("plot", tests, NULL, NULL);
}
