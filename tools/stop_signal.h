/* SPDX-License-Identifier: BSD-2-Clause */
/* Ctrl-C and friends: the first asks to save and stop, a second ends the process at once. */
#ifndef CLSEQ_STOP_SIGNAL_H
#define CLSEQ_STOP_SIGNAL_H

#include <stdbool.h>

/* Hold SIGINT, SIGTERM and SIGHUP back until stop_signal_watch(). Call before opening a backend: a
 * compiler inside a driver (LLVM) deletes its files on a signal, and the build would fail. */
void stop_signal_hold(void);

/* Watch these signals, one that was held back included; ignore SIGPIPE. Call after opening a
 * backend: drivers install handlers of their own. */
void stop_signal_watch(void);

/* Ignore SIGPIPE alone, for commands that write to a pipe: the write fails instead. */
void stop_signal_ignore_pipe(void);

/* True once a signal has come. */
bool stop_signal_came(void);

#endif
