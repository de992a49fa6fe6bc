/* SPDX-License-Identifier: BSD-2-Clause */
/* Files that a command makes beside its output. All set errno when they return false. */
#ifndef CLSEQ_OUT_FILE_H
#define CLSEQ_OUT_FILE_H

#include <stdbool.h>
#include <stddef.h>

/* Make a folder and those above it; fine when it is there. */
bool out_make_folder(const char *path);

/* True when the file is there and holds exactly this. */
bool out_file_holds(const char *path, const char *text, size_t size);

/* Write the file; it is there whole or not at all. */
bool out_file_write(const char *path, const char *text, size_t size);

#endif
