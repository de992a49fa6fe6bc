/* SPDX-License-Identifier: BSD-2-Clause */
#include "stop_signal.h"

#include <signal.h>
#include <stddef.h>
#include <unistd.h>

/* A signal handler has no other way to speak. */
static volatile sig_atomic_t came;

static void on_signal(int number)
{
    if (came)
        _exit(128 + number);
    came = 1;
}

static sigset_t stop_signals(void)
{
    sigset_t set;

    sigemptyset(&set);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGHUP);
    return set;
}

void stop_signal_hold(void)
{
    const sigset_t set = stop_signals();

    sigprocmask(SIG_BLOCK, &set, NULL);
}

void stop_signal_watch(void)
{
    const sigset_t set = stop_signals();
    struct sigaction action = { .sa_handler = on_signal };

    sigemptyset(&action.sa_mask);
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
    sigaction(SIGHUP, &action, NULL);
    sigprocmask(SIG_UNBLOCK, &set, NULL);
    stop_signal_ignore_pipe();
}

void stop_signal_ignore_pipe(void)
{
    struct sigaction action = { .sa_handler = SIG_IGN };

    sigemptyset(&action.sa_mask);
    sigaction(SIGPIPE, &action, NULL);
}

bool stop_signal_came(void)
{
    return came != 0;
}
