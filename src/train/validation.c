/* SPDX-License-Identifier: BSD-2-Clause */
#include "train/validation.h"

#include "data/batch_input.h"

#include <math.h>

/* Over the batches so far. */
struct sums {
    uint64_t tokens;
    double loss, log_z, squares;
};

/* One batch; its sums go into the next row of the record. */
static clseq_status add_batch(clseq_trainer *t)
{
    const struct clseq_seq2seq_input input = clseq_batch_input(&t->batch);
    clseq_tensor loss, sum, stats;

    CLSEQ_TRY(clseq_seq2seq_begin(t->model, &input));
    clseq_step_record_next(&t->record, &loss, &sum, &stats);
    CLSEQ_TRY(clseq_seq2seq_loss(t->model, loss));
    if (!t->model->nce)
        return CLSEQ_OK;
    CLSEQ_TRY(clseq_op_sum(
        t->be, &(struct clseq_sum_args) { .x = t->model->decoder_pass.output.lse, .y = sum }));
    return clseq_op_sum_squares(
        t->be, &(struct clseq_sum_squares_args) { .x = t->model->decoder_pass.output.lse,
                                                  .y = clseq_tensor_range(stats, 0, 1) });
}

static clseq_status read_record(clseq_trainer *t, struct sums *sums)
{
    int32_t rows;

    CLSEQ_TRY(clseq_step_record_read(&t->record, &rows));
    for (int32_t r = 0; r < rows; r++) {
        const float *row = t->record.host + (size_t)r * 4;

        sums->loss += (double)row[0];
        if (t->model->nce) {
            sums->log_z += (double)row[1];
            sums->squares += (double)row[2];
        }
    }
    return CLSEQ_OK;
}

clseq_status clseq_validation_run(clseq_trainer *t, struct clseq_train_event *event, bool *complete)
{
    const uint64_t n = clseq_batches_per_epoch(t->valid.batches);
    struct sums sums = { 0 };
    double tokens, variance;

    *complete = false;
    CLSEQ_TRY(clseq_batches_ahead_seek(t->valid.ahead, 0, 0));
    for (uint64_t i = 0; i < n; i++) {
        CLSEQ_TRY(clseq_batches_ahead_next(t->valid.ahead, &t->batch));
        CLSEQ_TRY(add_batch(t));
        sums.tokens += t->batch.N;
        if (clseq_step_record_full(&t->record) || i + 1 == n)
            CLSEQ_TRY(read_record(t, &sums));
        clseq_trainer_poll_stop(t);
        if (t->stop && i + 1 < n)
            return read_record(t, &sums);
    }
    tokens = (double)sums.tokens;
    event->loss = sums.loss / tokens;
    event->has_log_z = t->model->nce;
    event->log_z = sums.log_z / tokens;
    variance = sums.squares / tokens - event->log_z * event->log_z;
    event->log_z_spread = variance < 0 ? 0 : sqrt(variance);
    *complete = true;
    return CLSEQ_OK;
}

static json_t *number_or_null(double x)
{
    return isfinite(x) ? json_real(x) : json_null();
}

json_t *clseq_validation_entry(const clseq_trainer *t, const struct clseq_train_event *event)
{
    const bool none = t->hooks && t->hooks->score && !event->has_score;
    /* 0 would be the best of error rates. */
    json_t *score = none ? json_null() : json_real(event->score);
    json_t *entry = json_pack("{s:s, s:I, s:f, s:f, s:o, s:b, s:f}", "event", "valid", "update",
                              (json_int_t)t->state.update, "epoch",
                              (double)t->state.update / (double)t->per_epoch, "loss",
                              isfinite(event->loss) ? event->loss : -1.0, "score", score, "best",
                              event->best, "seconds", clseq_trainer_seconds(t));

    if (entry && event->has_log_z &&
        (json_object_set_new(entry, "log_z", number_or_null(event->log_z)) != 0 ||
         json_object_set_new(entry, "log_z_spread", number_or_null(event->log_z_spread)) != 0)) {
        json_decref(entry);
        return NULL;
    }
    return entry;
}
