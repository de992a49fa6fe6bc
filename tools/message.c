/* SPDX-License-Identifier: BSD-2-Clause */
#include "message.h"

#include <math.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#define WIPE "\r\033[K"

int cli_exit_code(clseq_status status)
{
    switch (status) {
    case CLSEQ_OK:
        return CLI_EXIT_DONE;
    case CLSEQ_ERR_ARG:
        return CLI_EXIT_USAGE;
    case CLSEQ_ERR_DATA:
    case CLSEQ_ERR_LIMIT:
        return CLI_EXIT_DATA;
    case CLSEQ_ERR_FORMAT:
        return CLI_EXIT_MODEL;
    case CLSEQ_ERR_IO:
        return CLI_EXIT_IO;
    case CLSEQ_ERR_UNSUPPORTED:
    case CLSEQ_ERR_NO_DEVICE:
    case CLSEQ_ERR_DEVICE:
    case CLSEQ_ERR_BUILD:
    case CLSEQ_ERR_MISMATCH:
        return CLI_EXIT_DEVICE;
    case CLSEQ_ERR_NOMEM:
    case CLSEQ_ERR_DEVICE_NOMEM:
        return CLI_EXIT_MEMORY;
    case CLSEQ_ERR_NUMERIC:
        return CLI_EXIT_DIVERGED;
    case CLSEQ_ERR_INTERRUPTED:
        return CLI_EXIT_STOPPED;
    case CLSEQ_ERR_SHAPE:
    case CLSEQ_ERR_INTERNAL:
        return CLI_EXIT_OTHER;
    }
    return CLI_EXIT_OTHER;
}

bool cli_colour(FILE *stream)
{
    const char *no_color = getenv("NO_COLOR"), *term = getenv("TERM");

    return isatty(fileno(stream)) && !(no_color && *no_color) &&
           !(term && strcmp(term, "dumb") == 0);
}

int cli_columns(FILE *stream)
{
    struct winsize size;

    if (ioctl(fileno(stream), TIOCGWINSZ, &size) == 0 && size.ws_col > 0)
        return size.ws_col;
    return 80;
}

static void CLSEQ_PRINTF(3, 0)
    put_message(const char *kind, const char *colour, const char *fmt, va_list args)
{
    const bool coloured = cli_colour(stderr);
    char text[8192];

    vsnprintf(text, sizeof(text), fmt, args);
    for (char *p = text; *p; p++) {
        if ((unsigned char)*p < ' ' && *p != '\n' && *p != '\t')
            *p = '?';
    }
    if (isatty(fileno(stderr)))
        fputs(WIPE, stderr);
    fputs("clseq: ", stderr);
    if (*kind)
        fprintf(stderr, "%s%s:%s ", coloured ? colour : "", kind, coloured ? "\033[0m" : "");
    for (const char *p = text; *p; p++) {
        fputc(*p, stderr);
        if (*p == '\n' && p[1])
            fputs("  ", stderr);
    }
    if (*text == 0 || text[strlen(text) - 1] != '\n')
        fputc('\n', stderr);
    fflush(stderr);
}

void cli_error(const char *fmt, ...)
{
    va_list args;

    va_start(args, fmt);
    put_message("error", "\033[1;31m", fmt, args);
    va_end(args);
}

void cli_warning(const char *fmt, ...)
{
    va_list args;

    va_start(args, fmt);
    put_message("warning", "\033[1;33m", fmt, args);
    va_end(args);
}

void cli_note(const char *fmt, ...)
{
    va_list args;

    va_start(args, fmt);
    put_message("", "", fmt, args);
    va_end(args);
}

int cli_report(const clseq_context *ctx, clseq_status status)
{
    const char *text = ctx ? clseq_context_error(ctx) : "";

    if (status != CLSEQ_OK)
        cli_error("%s", *text ? text : clseq_status_text(status));
    return cli_exit_code(status);
}

void cli_log(void *user, clseq_log_level level, const char *message)
{
    (void)user;
    if (level == CLSEQ_LOG_WARNING)
        cli_warning("%s", message);
    else
        cli_note("%s", message);
}

void cli_progress_init(cli_progress *progress, FILE *stream, double plain_interval)
{
    const bool terminal = isatty(fileno(stream));

    *progress = (cli_progress) {
        .stream = stream,
        .terminal = terminal,
        .last = -HUGE_VAL,
        .interval = terminal ? 0.1 : plain_interval,
    };
}

/* Cut at `columns` characters (of UTF-8, each taken as one column), so that the line cannot wrap.
 */
static void cut_line(char *text, int columns)
{
    int n = 0;

    for (char *p = text; *p; p++) {
        if (((unsigned char)*p & 0xc0) != 0x80 && n++ == columns) {
            *p = 0;
            return;
        }
    }
}

void cli_progress_show(cli_progress *progress, double now, const char *fmt, ...)
{
    char text[1024];
    va_list args;

    if (now - progress->last < progress->interval)
        return;
    progress->last = now;
    va_start(args, fmt);
    vsnprintf(text, sizeof(text), fmt, args);
    va_end(args);
    if (progress->terminal) {
        cut_line(text, cli_columns(progress->stream) - 1);
        fprintf(progress->stream, WIPE "%s", text);
        progress->drawn = true;
    } else {
        fprintf(progress->stream, "%s\n", text);
    }
    fflush(progress->stream);
}

void cli_progress_line(cli_progress *progress, const char *fmt, ...)
{
    va_list args;

    cli_progress_end(progress);
    va_start(args, fmt);
    vfprintf(progress->stream, fmt, args);
    va_end(args);
    fputc('\n', progress->stream);
    fflush(progress->stream);
}

void cli_progress_end(cli_progress *progress)
{
    if (progress->drawn)
        fputs(WIPE, progress->stream);
    progress->drawn = false;
    progress->last = -HUGE_VAL;
    fflush(progress->stream);
}

const char *cli_format_seconds(double seconds, char buffer[32])
{
    const double limit = 1e9;

    if (!(seconds >= 0.0 && seconds < limit)) {
        memcpy(buffer, "-", 2);
    } else {
        const long s = lround(seconds), days = s / 86400, hours = s / 3600 % 24,
                   minutes = s / 60 % 60;

        if (days > 0)
            snprintf(buffer, 32, "%ldd %02ld:%02ld:%02ld", days, hours, minutes, s % 60);
        else if (hours > 0)
            snprintf(buffer, 32, "%ld:%02ld:%02ld", hours, minutes, s % 60);
        else
            snprintf(buffer, 32, "%ld:%02ld", minutes, s % 60);
    }
    return buffer;
}

const char *cli_format_count(double count, char buffer[32])
{
    static const char *const units[] = { "", "k", "M", "G", "T" };
    size_t unit = 0;

    if (!isfinite(count)) {
        memcpy(buffer, "-", 2);
        return buffer;
    }
    /* 999.5 and more would print as 1000 of the smaller unit. */
    while (fabs(count) >= 999.5 && unit + 1 < sizeof(units) / sizeof(units[0])) {
        count /= 1000.0;
        unit++;
    }
    snprintf(buffer, 32, "%.*f%s",
             unit == 0 && count == floor(count) ? 0
             : fabs(count) < 9.995              ? 2
             : fabs(count) < 99.95              ? 1
                                                : 0,
             count, units[unit]);
    return buffer;
}
