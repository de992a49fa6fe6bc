/* SPDX-License-Identifier: BSD-2-Clause */
/* What every command says to its user: messages and progress on stderr, exit codes. */
#ifndef CLSEQ_MESSAGE_H
#define CLSEQ_MESSAGE_H

#include <clseq/context.h>

#include <stdio.h>

/* X(name, value, text) */
#define CLI_EXIT_MAP(X)                                                                            \
    X(DONE, 0, "done")                                                                             \
    X(OTHER, 1, "another failure")                                                                 \
    X(USAGE, 2, "wrong use: option, value or argument")                                            \
    X(DATA, 3, "input data is not usable")                                                         \
    X(MODEL, 4, "model or checkpoint rejected")                                                    \
    X(IO, 5, "input or output failed: disk full, no permission")                                   \
    X(DEVICE, 6, "compute device or its driver failed")                                            \
    X(MEMORY, 7, "out of memory")                                                                  \
    X(DIVERGED, 8, "training diverged")                                                            \
    X(STOPPED, 75, "stopped with state saved: run the same command again to go on")

enum cli_exit {
#define X(name, value, text) CLI_EXIT_##name = value,
    CLI_EXIT_MAP(X)
#undef X
};

/* The exit code that a command returns for a library status. */
int cli_exit_code(clseq_status status);

/* "clseq: error: TEXT" on stderr, and the same for the other two kinds. Further lines of the text
 * are indented; control characters become '?'. On a terminal a progress line is wiped first. */
void cli_error(const char *fmt, ...) CLSEQ_PRINTF(1, 2);
void cli_warning(const char *fmt, ...) CLSEQ_PRINTF(1, 2);
void cli_note(const char *fmt, ...) CLSEQ_PRINTF(1, 2);

/* Print the error of `ctx` and return the exit code of `status`. */
int cli_report(const clseq_context *ctx, clseq_status status);

/* A log hook for clseq_context_set_log(); `user` is not used. */
void cli_log(void *user, clseq_log_level level, const char *message);

/* True for a terminal that takes colours: NO_COLOR is unset or empty, TERM is not "dumb". */
bool cli_colour(FILE *stream);

/* Columns of the terminal behind `stream`; 80 when it does not say. */
int cli_columns(FILE *stream);

/* A line that is redrawn on a terminal and written now and then elsewhere. */
typedef struct cli_progress {
    FILE *stream;
    bool terminal;
    bool drawn;      /* a line is on the screen */
    double last;     /* time of the last output, seconds */
    double interval; /* seconds between two outputs */
} cli_progress;

/* `plain_interval`: seconds between two plain lines where `stream` is not a terminal. */
void cli_progress_init(cli_progress *progress, FILE *stream, double plain_interval);

/* Show the line at `now` (seconds on any clock that does not go back), unless it is too early. */
void cli_progress_show(cli_progress *progress, double now, const char *fmt, ...) CLSEQ_PRINTF(3, 4);

/* Write a line that stays, above the progress line. */
void cli_progress_line(cli_progress *progress, const char *fmt, ...) CLSEQ_PRINTF(2, 3);

/* Wipe the progress line. */
void cli_progress_end(cli_progress *progress);

/* "0:31", "12:05", "1:02:03", "3d 02:03:04"; "-" for what is not a time. Returns `buffer`. */
const char *cli_format_seconds(double seconds, char buffer[32]);

/* Three significant digits with k, M or G: "12.4k". Returns `buffer`. */
const char *cli_format_count(double count, char buffer[32]);

#endif
