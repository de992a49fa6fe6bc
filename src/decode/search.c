/* SPDX-License-Identifier: BSD-2-Clause */
#include "decode/search.h"

#include "backend/op_args.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

void clseq_found_fini(clseq_found *found, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        free(found[i].ids);
        free(found[i].alignment);
        found[i] = (clseq_found) { 0 };
    }
}

double clseq_search_normalise(double score, size_t tokens, double length_penalty,
                              clseq_length_norm norm)
{
    if (norm == CLSEQ_LENGTH_NORM_WU)
        return length_penalty == 0 ? score : score / pow((5 + (double)tokens) / 6, length_penalty);

    /* Not pow() for the two common cases: their results must not hang on a C library. */
    if (length_penalty == 0 || tokens == 0)
        return score;
    if (length_penalty == 1)
        return score / (double)tokens;
    return score / pow((double)tokens, length_penalty);
}

int32_t clseq_search_block_steps(const clseq_decoder_state *st, const clseq_search_job *job,
                                 const bool *decided)
{
    int32_t n = 0;

    for (int32_t i = 0; i < st->open; i++) {
        const int32_t b = st->open_sentence[i];

        if (!decided[b] && job->limit[b] - st->steps > n)
            n = job->limit[b] - st->steps;
    }
    if (job->settled)
        return 1;
    return n < CLSEQ_DECODE_BLOCK ? n : CLSEQ_DECODE_BLOCK;
}

/* ---- all models of an ensemble ---- */

clseq_status clseq_search_begin(clseq_decoder_state *st, const clseq_search_job *job, int32_t beam)
{
    CLSEQ_TRY(clseq_decoder_state_begin(st, &job->input, beam));
    for (int32_t i = 0; i < job->n_others; i++) {
        clseq_decoder_state *other = job->others[i].state;

        other->lead = st;
        CLSEQ_TRY(clseq_decoder_state_begin(other, &job->others[i].input, beam));
    }
    return CLSEQ_OK;
}

/* st->lse of these logits. */
static clseq_status log_sums(clseq_decoder_state *st)
{
    return clseq_op_softmax_xent_fwd(st->model->be,
                                     &(struct clseq_softmax_xent_fwd_args) {
                                         .logits = st->logits, .loss = st->loss, .lse = st->lse });
}

clseq_status clseq_search_step(clseq_decoder_state *st, const clseq_search_job *job, int32_t s)
{
    CLSEQ_TRY(clseq_decoder_state_step(st, s));
    if (job->n_others > 0)
        CLSEQ_TRY(log_sums(st));
    for (int32_t i = 0; i < job->n_others; i++) {
        clseq_decoder_state *other = job->others[i].state;

        CLSEQ_TRY(clseq_decoder_state_step(other, s));
        CLSEQ_TRY(log_sums(other));
        /* The mean of i + 2 models from that of i + 1 and one more. */
        CLSEQ_TRY(clseq_op_log_mix(st->model->be,
                                   &(struct clseq_log_mix_args) { .x = other->logits,
                                                                  .x_lse = other->lse,
                                                                  .y_lse = st->lse,
                                                                  .y = st->logits,
                                                                  .weight = 1.0 / (i + 2) }));
    }
    return CLSEQ_OK;
}

bool clseq_search_is_early(const clseq_search_job *job, int32_t t)
{
    return t + 1 < job->min_length;
}

clseq_tensor clseq_search_end_column(const clseq_decoder_state *st)
{
    return clseq_tensor_columns(st->logits, CLSEQ_ID_EOS, 1);
}

clseq_status clseq_search_forbid_end(const clseq_decoder_state *st)
{
    return clseq_op_fill(st->model->be,
                         &(struct clseq_fill_args) { .dst = clseq_search_end_column(st),
                                                     .value = -(double)INFINITY });
}

clseq_status clseq_search_reorder(clseq_decoder_state *st, const clseq_search_job *job,
                                  clseq_tensor index)
{
    CLSEQ_TRY(clseq_decoder_state_reorder(st, index));
    for (int32_t i = 0; i < job->n_others; i++)
        CLSEQ_TRY(clseq_decoder_state_reorder(job->others[i].state, index));
    return CLSEQ_OK;
}

clseq_status clseq_search_compact(clseq_decoder_state *st, const clseq_search_job *job,
                                  const bool *decided, unsigned what)
{
    CLSEQ_TRY(clseq_decoder_state_compact(st, decided, what));
    for (int32_t i = 0; i < job->n_others; i++)
        CLSEQ_TRY(clseq_decoder_state_compact(job->others[i].state, decided, 0));
    return CLSEQ_OK;
}

/* ---- what is read back ---- */

static bool aligns(const clseq_decoder_state *st, const clseq_search_job *job)
{
    return job->alignments && st->model->decoder.attention.kind != CLSEQ_ATTENTION_NONE;
}

unsigned clseq_search_what(const clseq_decoder_state *st, const clseq_search_job *job,
                           unsigned what)
{
    return aligns(st, job) || job->coverage_penalty > 0 ? what | CLSEQ_DECODE_WEIGHTS : what;
}

clseq_status clseq_search_alignment(const clseq_decoder_state *st, const clseq_search_job *job,
                                    int32_t b, int32_t steps, float **ret)
{
    size_t count;

    *ret = NULL;
    if (!aligns(st, job))
        return CLSEQ_OK;
    if (!clseq_mul_size((size_t)steps, (size_t)st->source_length[b], &count))
        return clseq_fail(st->ctx, CLSEQ_ERR_LIMIT,
                          "line %llu: an alignment of %d with %d words is too large: set a lower "
                          "limit of the length (--max-length)",
                          (unsigned long long)job->line[b], steps, st->source_length[b]);
    return clseq_calloc(st->ctx, count, sizeof(**ret), "alignment", ret);
}

void clseq_search_align(const clseq_decoder_state *st, int32_t t, int32_t b, int32_t k,
                        float *alignment)
{
    const size_t width = (size_t)st->source_length[b];

    if (alignment)
        memcpy(alignment + (size_t)t * width, clseq_decoder_state_weights(st, t, b, k),
               width * sizeof(*alignment));
}

clseq_status clseq_search_fail_nan(clseq_context *ctx, uint64_t line, int32_t t)
{
    return clseq_fail(ctx, CLSEQ_ERR_NUMERIC,
                      "line %llu: the model gives NaN at word %d of the translation: its weights "
                      "hold numbers that are not finite, or the device computes wrongly; try "
                      "another model or --backend reference",
                      (unsigned long long)line, t + 1);
}
