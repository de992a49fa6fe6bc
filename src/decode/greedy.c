/* SPDX-License-Identifier: BSD-2-Clause */
#include "decode/search.h"

#include "backend/op_args.h"

#include <math.h>
#include <stdlib.h>

/* Samples of a sentence are slots of its, which know nothing of each other. */
struct greedy_search {
    clseq_decoder_state *st;
    const clseq_search_job *job;
    clseq_found *ret; /* (B, samples) */
    bool *ended;      /* (B, samples) */
    bool *decided;    /* (B) all have ended */
    int32_t *words;   /* (steps) what is settled of a sentence */
    size_t words_capacity;
};

static clseq_status choose_word(clseq_decoder_state *st, const clseq_search_job *job,
                                clseq_tensor token, int32_t t)
{
    const struct clseq_search_sampling *how = job->sampling;

    if (!how)
        return clseq_op_argmax(st->model->be,
                               &(struct clseq_argmax_args) { .x = st->logits, .index = token });
    return clseq_op_sample(st->model->be,
                           &(struct clseq_sample_args) { .x = st->logits,
                                                         .counter = st->counter,
                                                         .index = token,
                                                         .temperature = how->temperature,
                                                         .top_p = how->top_p,
                                                         .top_k = how->top_k,
                                                         .step = (uint32_t)t,
                                                         .seed = how->seed });
}

/* The words of step s of the block, t of all, and, if asked, what they cost. */
static clseq_status choose(clseq_decoder_state *st, const clseq_search_job *job, int32_t s,
                           int32_t t)
{
    const clseq_tensor token = clseq_decoder_state_row(&st->token, s);
    const clseq_tensor end = clseq_search_end_column(st);
    const clseq_tensor saved =
        clseq_tensor_2d(st->loss.buffer, st->loss.offset, st->model->real, st->rows, 1);
    const bool early = clseq_search_is_early(job, t);

    if (early) {
        CLSEQ_TRY(
            clseq_op_copy(st->model->be, &(struct clseq_copy_args) { .src = end, .dst = saved }));
        CLSEQ_TRY(clseq_search_forbid_end(st));
    }
    CLSEQ_TRY(choose_word(st, job, token, t));
    if (!job->scores)
        return CLSEQ_OK;
    /* The cost is that of the model, which may end the sentence at any time. */
    if (early)
        CLSEQ_TRY(
            clseq_op_copy(st->model->be, &(struct clseq_copy_args) { .src = saved, .dst = end }));
    return clseq_op_softmax_xent_fwd(
        st->model->be,
        &(struct clseq_softmax_xent_fwd_args) { .logits = st->logits,
                                                .target = token,
                                                .loss = clseq_decoder_state_row(&st->score, s),
                                                .lse = st->lse });
}

/* Is nothing wanted of a step but the most probable word? */
static bool wants_best(const clseq_search_job *job, int32_t t)
{
    return !job->sampling && !job->scores && job->n_others == 0 && !clseq_search_is_early(job, t);
}

/* Step s of the block, t of all, and its words. */
static clseq_status step(clseq_decoder_state *st, const clseq_search_job *job, int32_t s, int32_t t)
{
    if (wants_best(job, t))
        return clseq_decoder_state_step_best(st, s, clseq_decoder_state_row(&st->token, s));
    CLSEQ_TRY(clseq_search_step(st, job, s));
    return choose(st, job, s, t);
}

/* The words of slot k of sentence b up to its end at step t. */
static clseq_status result(const clseq_decoder_state *st, const clseq_search_job *job, int32_t b,
                           int32_t k, int32_t t, clseq_found *ret)
{
    const bool complete = st->token_at[clseq_decoder_state_at(st, t, b, k)] == CLSEQ_ID_EOS;
    const size_t count = (size_t)t + (complete ? 0 : 1);
    double score = 0;

    *ret = (clseq_found) { 0 };
    CLSEQ_TRY(clseq_calloc(st->ctx, (size_t)t + 1, sizeof(*ret->ids), "translation", &ret->ids));
    CLSEQ_TRY(clseq_search_alignment(st, job, b, t + 1, &ret->alignment));
    for (int32_t i = 0; i <= t; i++) {
        ret->ids[i] = st->token_at[clseq_decoder_state_at(st, i, b, k)];
        clseq_search_align(st, i, b, k, ret->alignment);
    }
    for (int32_t i = 0; job->scores && i <= t; i++)
        score -= (double)st->score_at[clseq_decoder_state_at(st, i, b, k)];
    if (!job->scores)
        score = (double)NAN;
    ret->count = count;
    ret->score = score;
    ret->normalised =
        clseq_search_normalise(score, (size_t)t + 1, job->length_penalty, job->length_norm);
    ret->complete = complete;
    return CLSEQ_OK;
}

/* Look at the steps of slot k of sentence b from `first` on; *ended when it ends there. */
static clseq_status look(const clseq_decoder_state *st, const clseq_search_job *job, int32_t b,
                         int32_t k, int32_t first, clseq_found *ret, bool *ended)
{
    for (int32_t t = first; t < st->steps; t++) {
        const size_t at = clseq_decoder_state_at(st, t, b, k);

        if (st->token_at[at] < 0 || (job->scores && isnan(st->score_at[at])))
            return clseq_search_fail_nan(st->ctx, job->line[b], t);
        if (st->token_at[at] == CLSEQ_ID_EOS || t + 1 == job->limit[b]) {
            CLSEQ_TRY(result(st, job, b, k, t, ret));
            *ended = true;
            return CLSEQ_OK;
        }
    }
    return CLSEQ_OK;
}

/* Tell the words of the first slot of sentence b. */
static clseq_status settle(struct greedy_search *search, int32_t b)
{
    const clseq_decoder_state *st = search->st;

    CLSEQ_TRY(clseq_grow(st->ctx, &search->words, &search->words_capacity, (size_t)st->steps,
                         sizeof(*search->words), "words"));
    for (int32_t t = 0; t < st->steps; t++)
        search->words[t] = st->token_at[clseq_decoder_state_at(st, t, b, 0)];
    return search->job->settled(search->job->settled_user, b, search->words, (size_t)st->steps);
}

/* One block of steps, and what it decides; *left sentences go on. */
static clseq_status block(struct greedy_search *search, int32_t *left)
{
    clseq_decoder_state *st = search->st;
    const clseq_search_job *job = search->job;
    const unsigned what = clseq_search_what(st, job, job->scores ? CLSEQ_DECODE_SCORES : 0);
    const int32_t first = st->steps, rows = st->rows;
    const int32_t n = clseq_search_block_steps(st, job, search->decided);

    for (int32_t i = 0; i < n; i++) {
        CLSEQ_TRY(step(st, job, (first + i) % CLSEQ_DECODE_BLOCK, first + i));
    }
    CLSEQ_TRY(clseq_decoder_state_read(st, n, what));
    *left = 0;
    for (int32_t i = 0; i < st->open; i++) {
        const int32_t b = st->open_sentence[i];
        bool decided = true;

        for (int32_t k = 0; k < st->beam; k++) {
            const size_t at = (size_t)b * (size_t)st->beam + (size_t)k;

            if (!search->ended[at])
                CLSEQ_TRY(look(st, job, b, k, first, &search->ret[at], &search->ended[at]));
            decided = decided && search->ended[at];
        }
        search->decided[b] = decided;
        if (job->settled && !search->ended[(size_t)b * (size_t)st->beam])
            CLSEQ_TRY(settle(search, b));
        *left += !decided;
    }
    CLSEQ_TRY(clseq_search_compact(st, job, search->decided, what));
    return job->sampling && st->rows != rows ? clseq_decoder_state_number(st, job->line) : CLSEQ_OK;
}

static clseq_status run(struct greedy_search *search, int32_t samples)
{
    const clseq_search_job *job = search->job;
    int32_t left = job->input.B;

    CLSEQ_TRY(clseq_search_begin(search->st, job, samples));
    if (job->sampling)
        CLSEQ_TRY(clseq_decoder_state_number(search->st, job->line));
    while (left > 0)
        CLSEQ_TRY(block(search, &left));
    return CLSEQ_OK;
}

clseq_status clseq_search_greedy(clseq_decoder_state *st, const clseq_search_job *job,
                                 clseq_found *ret)
{
    const int32_t samples = job->sampling ? job->nbest : 1;
    const size_t B = (size_t)job->input.B, n = B * (size_t)samples;
    struct greedy_search search = { .st = st, .job = job, .ret = ret };
    clseq_status status;

    for (size_t i = 0; i < n; i++)
        ret[i] = (clseq_found) { 0 };
    CLSEQ_TRY_GOTO(status, out,
                   clseq_calloc(st->ctx, B, sizeof(*search.decided), "batch", &search.decided));
    CLSEQ_TRY_GOTO(status, out,
                   clseq_calloc(st->ctx, n, sizeof(*search.ended), "batch", &search.ended));
    status = run(&search, samples);
out:
    if (status != CLSEQ_OK)
        clseq_found_fini(ret, n);
    free(search.decided);
    free(search.ended);
    free(search.words);
    return status;
}
