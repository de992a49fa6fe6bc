/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What each update leaves behind on the device: its loss, gradient norm and
 * scale, one row an update. Rows are read back together, so that no update waits
 * for the host.
 */
#ifndef CLSEQ_STEP_RECORD_H
#define CLSEQ_STEP_RECORD_H

#include "backend/ops.h"

#define CLSEQ_RECORD_ROWS 256

typedef struct clseq_step_record {
    clseq_backend *be;    /* borrowed */
    clseq_buffer *buffer; /* owned; rows of 4: loss, sum of squares, norm, scale */
    int32_t used;         /* rows since the last read */
    float host[CLSEQ_RECORD_ROWS * 4];
} clseq_step_record;

CLSEQ_MUST_CHECK clseq_status clseq_step_record_init(clseq_step_record *record, clseq_backend *be);
void clseq_step_record_fini(clseq_step_record *record);

static inline bool clseq_step_record_full(const clseq_step_record *record)
{
    return record->used == CLSEQ_RECORD_ROWS;
}

/* Views of the next row; the record must not be full. */
void clseq_step_record_next(clseq_step_record *record, clseq_tensor *loss, clseq_tensor *sumsq,
                            clseq_tensor *stats);

/* Wait for the device and read all rows since the last read into record->host, 4 floats a row;
 * *rows is their number. */
CLSEQ_MUST_CHECK clseq_status clseq_step_record_read(clseq_step_record *record, int32_t *rows);

#endif
