/* SPDX-License-Identifier: BSD-2-Clause */
#include "train_report.h"

#include "stop_signal.h"

#include <time.h>

/* Between two plain lines where stderr is not a terminal. */
#define PLAIN_INTERVAL 30

static double now(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

void train_report_init(struct train_report *report, bool quiet)
{
    cli_progress_init(&report->progress, stderr, PLAIN_INTERVAL);
    report->quiet = quiet;
}

static void on_event(void *user, const struct clseq_train_event *e)
{
    struct train_report *report = user;
    char left[32], speed[32];

    switch (e->kind) {
    case CLSEQ_TRAIN_UPDATE:
        cli_progress_show(
            &report->progress, now(),
            "epoch %.2f  update %llu  loss %.3f  perplexity %.2f  lr %.3g  norm %.2f  %s tokens/s  "
            "%s left%s",
            e->epoch, (unsigned long long)e->update, e->loss, e->perplexity, e->lr,
            e->gradient_norm, cli_format_count(e->tokens_per_second, speed),
            cli_format_seconds(e->seconds_left, left), e->skipped ? "  (updates skipped!)" : "");
        break;
    case CLSEQ_TRAIN_VALID:
        if (!report->quiet)
            cli_progress_line(&report->progress, "epoch %.2f  %s", e->epoch, e->text);
        break;
    case CLSEQ_TRAIN_SAVE:
        break; /* the file's time says it; a line every few minutes would drown the rest */
    case CLSEQ_TRAIN_END:
    case CLSEQ_TRAIN_DATA:
    case CLSEQ_TRAIN_START:
        cli_progress_line(&report->progress, "%s", e->text);
        break;
    }
}

static bool should_stop(void *user)
{
    return stop_signal_came();
}

struct clseq_train_hooks train_report_hooks(struct train_report *report)
{
    return (struct clseq_train_hooks) { .user = report, .event = on_event, .stop = should_stop };
}

void train_report_end(struct train_report *report)
{
    cli_progress_end(&report->progress);
}
