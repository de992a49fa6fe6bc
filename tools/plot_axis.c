/* SPDX-License-Identifier: BSD-2-Clause */
#include "plot_axis.h"

#include <math.h>
#include <stdint.h>
#include <string.h>

/* Larger values would make the difference of two infinite. */
#define MAX_VALUE 1e300

size_t plot_series_count(const plot_chart *chart)
{
    return chart->series_count < PLOT_MAX_SERIES ? chart->series_count : PLOT_MAX_SERIES;
}

bool plot_drawable(const plot_chart *chart, const plot_series *series, size_t i)
{
    /* i may be "-1" of the caller's loop, which is large. */
    return i < series->count && fabs(series->x[i]) <= MAX_VALUE &&
           fabs(series->y[i]) <= MAX_VALUE && (!chart->log_y || series->y[i] >= 1.0 / MAX_VALUE);
}

double plot_place(const plot_axis *axis, double value)
{
    if (axis->log)
        return (log10(value) - log10(axis->low)) / (log10(axis->high) - log10(axis->low));
    return (value - axis->low) / (axis->high - axis->low);
}

/* mantissa * 10^exponent in decimal digits, without exponent and without zeros at the end. The
 * caller keeps it to about 16 digits. */
static void put_decimal(int64_t mantissa, int exponent, char label[PLOT_LABEL])
{
    uint64_t digits = mantissa < 0 ? 0 - (uint64_t)mantissa : (uint64_t)mantissa;
    char reversed[PLOT_LABEL];
    size_t n = 0, at = 0;

    for (; exponent < 0 && digits % 10 == 0 && digits > 0; exponent++)
        digits /= 10;
    for (; exponent > 0 && n < PLOT_LABEL / 2; exponent--)
        reversed[n++] = '0';
    while ((digits > 0 || exponent <= 0) && n < PLOT_LABEL - 3) {
        reversed[n++] = (char)('0' + digits % 10);
        digits /= 10;
        if (exponent < 0 && ++exponent == 0)
            reversed[n++] = '.';
        else if (exponent == 0 && digits == 0)
            break;
    }
    if (mantissa < 0)
        label[at++] = '-';
    while (n > 0)
        label[at++] = reversed[--n];
    label[at] = 0;
}

/* A label for mantissa * 10^exponent, on an axis whose largest value has this power of ten. */
static void put_label(int64_t mantissa, int exponent, int magnitude, char label[PLOT_LABEL])
{
    const int unit = magnitude >= 9 ? 9 : magnitude >= 6 ? 6 : magnitude >= 4 ? 3 : 0;
    const char *suffix = unit == 9 ? "G" : unit == 6 ? "M" : unit == 3 ? "k" : "";
    int digits = 0;
    size_t n;

    if (mantissa == 0) {
        memcpy(label, "0", 2);
        return;
    }
    if (magnitude < 13 && magnitude >= -3) {
        put_decimal(mantissa, exponent - unit, label);
        n = strlen(label);
        snprintf(label + n, PLOT_LABEL - n, "%s", suffix);
        return;
    }
    for (int64_t rest = mantissa / 10; rest != 0; rest /= 10) /* digits after the first */
        digits++;
    put_decimal(mantissa, -digits, label);
    n = strlen(label);
    snprintf(label + n, PLOT_LABEL - n, "e%d", exponent + digits);
}

static int power_of_ten(double x)
{
    /* The small addition keeps 1000 from being seen as 999.999... */
    return x > 0.0 ? (int)floor(log10(x) + 1e-9) : 0;
}

/* m * 10^e, m of 1, 2, 5, at least `least`. */
static double nice_step(double least, int *m, int *e)
{
    const double unit = pow(10.0, *e = power_of_ten(least)), ratio = least / unit;

    *m = ratio <= 1.0 + 1e-9 ? 1 : ratio <= 2.0 + 1e-9 ? 2 : ratio <= 5.0 + 1e-9 ? 5 : 10;
    return *m * unit;
}

static void add_tick(plot_axis *axis, double value, int64_t mantissa, int exponent, int magnitude)
{
    plot_tick *tick = &axis->ticks[axis->tick_count];

    if (axis->tick_count == PLOT_MAX_TICKS)
        return;
    tick->value = value;
    put_label(mantissa, exponent, magnitude, tick->label);
    axis->tick_count++;
}

/* Ticks at multiples of a nice step; with `widen` the axis grows to its next ticks. */
static void linear_ticks(plot_axis *axis, int wanted, bool widen)
{
    int m, e;
    const double step = nice_step((axis->high - axis->low) / wanted, &m, &e);
    double first = ceil(axis->low / step - 1e-9), last = floor(axis->high / step + 1e-9);
    int magnitude;

    if (widen) {
        first = floor(axis->low / step + 1e-9);
        last = ceil(axis->high / step - 1e-9);
        axis->low = first * step;
        axis->high = last * step;
    }
    magnitude = power_of_ten(fmax(fabs(first), fabs(last)) * step);
    for (double k = first; k <= last; k++)
        add_tick(axis, k * step, (int64_t)k * m, e, magnitude);
}

static void log_ticks(plot_axis *axis, int wanted)
{
    static const int digits[] = { 1, 2, 5 };
    const double decades = log10(axis->high) - log10(axis->low);
    const int first = power_of_ten(axis->low), last = power_of_ten(axis->high);
    const bool fine = 3.0 * decades <= wanted + 2;
    const int every = fine ? 1 : (int)ceil(decades / wanted);

    for (int e = first; e <= last; e++) {
        for (int i = 0; i < (fine ? 3 : 1); i++) {
            const double value = digits[i] * pow(10.0, e);

            if (value >= axis->low * (1 - 1e-9) && value <= axis->high * (1 + 1e-9) &&
                (e - first) % every == 0)
                add_tick(axis, value, digits[i], e, e);
        }
    }
    if (axis->tick_count < 3) { /* less than a decade */
        axis->tick_count = 0;
        linear_ticks(axis, wanted, false);
    }
}

static void axis_init(plot_axis *axis, double low, double high, bool log, bool widen, int wanted)
{
    const double size = fmax(fabs(low), fabs(high));

    *axis = (plot_axis) { .log = log };
    if (high - low <= 1e-9 * size || high == low) { /* one value, or noise around it */
        const double around = size > 0.0 ? 0.1 * size : 1.0;

        low -= around;
        high += around;
    }
    axis->low = low;
    axis->high = high;
    if (log)
        log_ticks(axis, wanted);
    else
        linear_ticks(axis, wanted, widen);
}

void plot_axes_init(plot_axes *axes, const plot_chart *chart, int x_ticks, int y_ticks)
{
    double low_x = HUGE_VAL, high_x = -HUGE_VAL, low_y = HUGE_VAL, high_y = -HUGE_VAL;

    for (size_t s = 0; s < plot_series_count(chart); s++) {
        const plot_series *series = &chart->series[s];

        for (size_t i = 0; i < series->count; i++) {
            if (!plot_drawable(chart, series, i))
                continue;
            low_x = fmin(low_x, series->x[i]);
            high_x = fmax(high_x, series->x[i]);
            low_y = fmin(low_y, series->y[i]);
            high_y = fmax(high_y, series->y[i]);
        }
    }
    axes->empty = low_x > high_x;
    if (axes->empty) {
        low_x = 0.0;
        low_y = chart->log_y ? 1.0 : 0.0;
        high_x = 1.0;
        high_y = chart->log_y ? 10.0 : 1.0;
    }
    axis_init(&axes->x, low_x, high_x, false, false, x_ticks);
    axis_init(&axes->y, low_y, high_y, chart->log_y, true, y_ticks);
}

size_t plot_character(const char *text)
{
    const unsigned char *p = (const unsigned char *)text;
    const size_t n = p[0] < 0x80 ? 1 : p[0] >= 0xf0 ? 4 : p[0] >= 0xe0 ? 3 : 2;
    uint32_t code = p[0];

    if (n == 1)
        return p[0] >= ' ' && p[0] != 0x7f ? 1 : 0;
    if (p[0] < 0xc2 || p[0] > 0xf4)
        return 0;
    code &= n == 2 ? 0x1fu : n == 3 ? 0x0fu : 0x07u;
    for (size_t i = 1; i < n; i++) {
        if ((p[i] & 0xc0) != 0x80)
            return 0;
        code = code << 6 | (p[i] & 0x3fu);
    }
    if ((n == 3 && code < 0x800) || (n == 4 && code < 0x10000) || code > 0x10ffff ||
        (code >= 0xd800 && code <= 0xdfff) || (code >= 0x80 && code < 0xa0) ||
        (code & 0xfffe) == 0xfffe)
        return 0;
    return n;
}

void plot_put_escaped(const char *text, size_t max, FILE *out)
{
    for (size_t done = 0; *text; done++) {
        const size_t n = plot_character(text);

        if (done == max) {
            fputs("\xe2\x80\xa6", out);
            return;
        }
        if (n == 0)
            fputs("\xef\xbf\xbd", out);
        else if (*text == '&')
            fputs("&amp;", out);
        else if (*text == '<')
            fputs("&lt;", out);
        else if (*text == '>')
            fputs("&gt;", out);
        else if (*text == '"')
            fputs("&quot;", out);
        else
            fwrite(text, 1, n, out);
        text += n ? n : 1;
    }
}
