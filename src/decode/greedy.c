/* SPDX-License-Identifier: BSD-2-Clause */
#include "decode/search.h"

#include <math.h>
#include <stdlib.h>

/* The words of step s and, if asked, what they cost. */
static clseq_status choose(clseq_decoder_state *st, int32_t s, bool scores)
{
    const clseq_tensor token = clseq_decoder_state_row(&st->token, s);

    CLSEQ_TRY(clseq_op_argmax(st->model->be,
                              &(struct clseq_argmax_args) { .x = st->logits, .index = token }));
    if (!scores)
        return CLSEQ_OK;
    return clseq_op_softmax_xent_fwd(
        st->model->be,
        &(struct clseq_softmax_xent_fwd_args) { .logits = st->logits,
                                                .target = token,
                                                .loss = clseq_decoder_state_row(&st->score, s),
                                                .lse = st->lse });
}

/* The words of sentence b up to its end at step t. */
static clseq_status result(const clseq_decoder_state *st, const clseq_search_job *job, int32_t b,
                           int32_t t, clseq_found *ret)
{
    const bool complete = st->token_at[clseq_decoder_state_at(st, t, b, 0)] == CLSEQ_ID_EOS;
    const size_t count = (size_t)t + (complete ? 0 : 1);
    double score = 0;

    *ret = (clseq_found) { 0 };
    CLSEQ_TRY(clseq_calloc(st->ctx, (size_t)t + 1, sizeof(*ret->ids), "translation", &ret->ids));
    CLSEQ_TRY(clseq_search_alignment(st, job, b, t + 1, &ret->alignment));
    for (int32_t i = 0; i <= t; i++) {
        ret->ids[i] = st->token_at[clseq_decoder_state_at(st, i, b, 0)];
        clseq_search_align(st, i, b, 0, ret->alignment);
    }
    for (int32_t i = 0; job->scores && i <= t; i++)
        score -= (double)st->score_at[clseq_decoder_state_at(st, i, b, 0)];
    if (!job->scores)
        score = (double)NAN;
    ret->count = count;
    ret->score = score;
    ret->normalised = clseq_search_normalise(score, (size_t)t + 1, job->length_penalty);
    ret->complete = complete;
    return CLSEQ_OK;
}

/* Look at the steps of sentence b from `first` on; *decided when it ends there. */
static clseq_status look(const clseq_decoder_state *st, const clseq_search_job *job, int32_t b,
                         int32_t first, clseq_found *ret, bool *decided)
{
    for (int32_t t = first; t < st->steps; t++) {
        const size_t at = clseq_decoder_state_at(st, t, b, 0);

        if (st->token_at[at] < 0 || (job->scores && isnan(st->score_at[at])))
            return clseq_search_fail_nan(st->ctx, job->line[b], t);
        if (st->token_at[at] == CLSEQ_ID_EOS || t + 1 == job->limit[b]) {
            CLSEQ_TRY(result(st, job, b, t, ret));
            *decided = true;
            return CLSEQ_OK;
        }
    }
    return CLSEQ_OK;
}

/* One block of steps, and what it decides; *left sentences go on. */
static clseq_status block(clseq_decoder_state *st, const clseq_search_job *job, clseq_found *ret,
                          bool *decided, int32_t *left)
{
    const unsigned what = clseq_search_what(st, job, job->scores ? CLSEQ_DECODE_SCORES : 0);
    const int32_t first = st->steps;
    const int32_t n = clseq_search_block_steps(st, job, decided);

    for (int32_t s = 0; s < n; s++) {
        CLSEQ_TRY(clseq_decoder_state_step(st, s));
        CLSEQ_TRY(choose(st, s, job->scores));
    }
    CLSEQ_TRY(clseq_decoder_state_read(st, n, what));
    *left = 0;
    for (int32_t i = 0; i < st->open; i++) {
        const int32_t b = st->open_sentence[i];

        if (!decided[b])
            CLSEQ_TRY(look(st, job, b, first, &ret[b], &decided[b]));
        *left += !decided[b];
    }
    return clseq_decoder_state_compact(st, decided, what);
}

clseq_status clseq_search_greedy(clseq_decoder_state *st, const clseq_search_job *job,
                                 clseq_found *ret)
{
    const size_t B = (size_t)job->input.B;
    int32_t left = job->input.B;
    bool *decided = NULL;
    clseq_status status;

    for (size_t b = 0; b < B; b++)
        ret[b] = (clseq_found) { 0 };
    CLSEQ_TRY(clseq_calloc(st->ctx, B, sizeof(*decided), "batch", &decided));
    CLSEQ_TRY_GOTO(status, out, clseq_decoder_state_begin(st, &job->input, 1));
    while (left > 0)
        CLSEQ_TRY_GOTO(status, out, block(st, job, ret, decided, &left));
out:
    if (status != CLSEQ_OK)
        clseq_found_fini(ret, B);
    free(decided);
    return status;
}
