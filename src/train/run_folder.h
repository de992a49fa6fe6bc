/* SPDX-License-Identifier: BSD-2-Clause */
/* The folder of a run: its lock, config.json and log.jsonl. */
#ifndef CLSEQ_RUN_FOLDER_H
#define CLSEQ_RUN_FOLDER_H

#include "base/base.h"

#include <jansson.h>

#include <stdio.h>

typedef struct clseq_run_folder {
    clseq_context *ctx;      /* borrowed */
    const char *path;        /* borrowed */
    char *config, *log_path; /* owned paths */
    char *best, *last;       /* owned paths */
    char *candidate;         /* a model while it is scored; owned path */
    int lock;                /* -1 = not held */
    FILE *log;
} clseq_run_folder;

/* Make the folder, take its lock (so that two trainings never share it) and open the log for
 * appending. *ret may be given to close after a failure. Errors: CLSEQ_ERR_IO. */
CLSEQ_MUST_CHECK clseq_status clseq_run_folder_open(clseq_context *ctx, const char *path,
                                                    clseq_run_folder *ret);
void clseq_run_folder_close(clseq_run_folder *folder);

/* config.json; *ret is NULL when there is none. Errors: CLSEQ_ERR_IO, CLSEQ_ERR_FORMAT. */
CLSEQ_MUST_CHECK clseq_status clseq_run_folder_read_config(const clseq_run_folder *folder,
                                                           json_t **ret);
CLSEQ_MUST_CHECK clseq_status clseq_run_folder_write_config(const clseq_run_folder *folder,
                                                            const json_t *config);

/* The path of the model of a validation after so many updates; release with free(). */
CLSEQ_MUST_CHECK clseq_status clseq_run_folder_kept(const clseq_run_folder *folder, uint64_t update,
                                                    char **ret);

/* Remove the oldest models of validations until `keep` are left. A file that cannot be removed
 * stays, with a warning in the log of the context. */
void clseq_run_folder_drop_kept(const clseq_run_folder *folder, size_t keep);

/* Append one object as a line, with the time of day in "t"; takes the reference. A log that cannot
 * be written is an error: CLSEQ_ERR_IO. */
CLSEQ_MUST_CHECK clseq_status clseq_run_folder_log(const clseq_run_folder *folder, json_t *event);

#endif
