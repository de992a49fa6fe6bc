/* SPDX-License-Identifier: BSD-2-Clause */
#include "decode/translator_inside.h"

#include "data/batch_input.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* What each target word of the batch costs a model: `loss` (N). */
static clseq_status losses_of(struct clseq_member *m, float *loss)
{
    const struct clseq_seq2seq_input input = clseq_batch_input(&m->batch);
    clseq_seq2seq *model = m->model;

    if (!m->sum)
        CLSEQ_TRY(clseq_buffer_create(model->be, clseq_dtype_size(model->real), "loss", &m->sum));
    CLSEQ_TRY(clseq_seq2seq_begin(model, &input));
    CLSEQ_TRY(clseq_seq2seq_loss(model, clseq_tensor_1d(m->sum, 0, model->real, 1)));
    return clseq_tensor_read_f32(model->be, &model->decoder_pass.output.loss, loss);
}

/* The log of the mean probability of a word, from what it costs each model; a loss of `n` ones is
 * `apart` numbers apart. One model, or the same several times, gives -loss[0]. */
static double log_mean(const float *loss, size_t apart, size_t n)
{
    double least = (double)loss[0], sum = 0;

    for (size_t i = 1; i < n; i++)
        least = (double)loss[i * apart] < least ? (double)loss[i * apart] : least;
    for (size_t i = 0; i < n; i++)
        sum += exp(least - (double)loss[i * apart]);
    return log(sum / (double)n) - least;
}

static clseq_status score_batch(clseq_translator *tr, const clseq_sentences *source,
                                const clseq_sentences *target, const clseq_sentence_place *places,
                                size_t B, clseq_line_score *scores)
{
    /* The positions are those of the target side, so they are the same for all models. */
    const clseq_batch *batch = &tr->member[0]->batch;
    float *loss = NULL;
    clseq_status status = CLSEQ_OK;

    for (size_t i = 0; i < tr->members; i++)
        CLSEQ_TRY(clseq_member_load(tr->member[i], &source[i], target, places, B));
    CLSEQ_TRY(clseq_calloc(tr->ctx, batch->N * tr->members, sizeof(*loss), "losses", &loss));
    for (size_t i = 0; i < tr->members; i++)
        CLSEQ_TRY_GOTO(status, out, losses_of(tr->member[i], loss + i * batch->N));
    /* Position by position, so the sum of a line has the same order in every batch. */
    for (size_t i = 0; i < batch->N; i++)
        scores[places[(size_t)batch->valid[i] % B].index].log_probability +=
            log_mean(loss + i, batch->N, tr->members);
out:
    free(loss);
    return status;
}

static clseq_status score_all(clseq_translator *tr, const clseq_translate_options *o,
                              const clseq_sentences *source, const clseq_sentences *target,
                              clseq_line_score *scores)
{
    clseq_sentence_place *places = NULL;
    clseq_status status = CLSEQ_OK;
    size_t count;

    for (size_t i = 0; i < source->n; i++)
        scores[i] = (clseq_line_score) {
            .tokens = clseq_sentences_get(target, i).length + 1,
            .target_unknown = target->unknown[i],
            .source_tokens = clseq_sentences_get(source, i).length,
            .source_unknown = source->unknown[i],
        };
    CLSEQ_TRY(clseq_sentences_order(target, source, false, &places, &count));
    for (size_t at = 0; at < count;) {
        const size_t B = clseq_sentences_batch(places + at, count - at, (size_t)o->batch);

        CLSEQ_TRY_GOTO(status, out, score_batch(tr, source, target, places + at, B, scores));
        at += B;
    }
    for (size_t i = 0; i < source->n && status == CLSEQ_OK; i++) {
        if (isnan(scores[i].log_probability))
            status = clseq_translator_fail_nan(tr, o->first_line + i);
    }
out:
    free(places);
    return status;
}

clseq_status clseq_translator_score(clseq_translator *translator, const char *const *source,
                                    const size_t *source_lengths, const char *const *target,
                                    const size_t *target_lengths, size_t n,
                                    const clseq_translate_options *options,
                                    clseq_line_score *scores)
{
    clseq_translator *tr = translator;
    clseq_sentences *from = NULL, to = { .ctx = tr->ctx };
    clseq_line_score *made = NULL;
    clseq_translate_options o;
    clseq_status status;

    CLSEQ_TRY(clseq_translator_options(tr, options, &o));
    CLSEQ_TRY_GOTO(status, out,
                   clseq_translator_read(tr, source, source_lengths, n, "source ", &o, &from));
    CLSEQ_TRY_GOTO(status, out,
                   clseq_sentences_encode(&to, clseq_translator_target_vocab(tr), target,
                                          target_lengths, n, "target ", (size_t)o.max_input,
                                          o.first_line));
    CLSEQ_TRY_GOTO(status, out, clseq_calloc(tr->ctx, n, sizeof(*made), "scores", &made));
    status = score_all(tr, &o, from, &to, made);
    if (status == CLSEQ_OK && n > 0)
        memcpy(scores, made, n * sizeof(*made));
out:
    free(made);
    clseq_translator_forget(tr, from);
    clseq_sentences_fini(&to);
    return status;
}
