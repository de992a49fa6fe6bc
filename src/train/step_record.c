/* SPDX-License-Identifier: BSD-2-Clause */
#include "train/step_record.h"

clseq_status clseq_step_record_init(clseq_step_record *record, clseq_backend *be)
{
    *record = (clseq_step_record) { .be = be };
    return clseq_buffer_create(be, CLSEQ_RECORD_ROWS * 4 * clseq_dtype_size(clseq_backend_real(be)),
                               "step record", &record->buffer);
}

void clseq_step_record_fini(clseq_step_record *record)
{
    clseq_buffer_destroy(&record->buffer);
}

void clseq_step_record_next(clseq_step_record *record, clseq_tensor *loss, clseq_tensor *sumsq,
                            clseq_tensor *stats)
{
    const clseq_dtype real = clseq_backend_real(record->be);
    const size_t row = (size_t)record->used++ * 4;

    *loss = clseq_tensor_1d(record->buffer, row, real, 1);
    *sumsq = clseq_tensor_1d(record->buffer, row + 1, real, 1);
    *stats = clseq_tensor_1d(record->buffer, row + 2, real, 2);
}

clseq_status clseq_step_record_read(clseq_step_record *record, int32_t *rows)
{
    const clseq_tensor view =
        clseq_tensor_1d(record->buffer, 0, clseq_backend_real(record->be), record->used * 4);

    *rows = record->used;
    if (record->used == 0)
        return CLSEQ_OK;
    record->used = 0;
    return clseq_tensor_read_f32(record->be, &view, record->host);
}
