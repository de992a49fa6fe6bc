/* SPDX-License-Identifier: BSD-2-Clause */
#include "decode/search.h"

#include "backend/op_args.h"

#include <float.h>
#include <math.h>
#include <stdlib.h>

/* Where a hypothesis ends in the history, and what it is worth. */
struct kept {
    int32_t t, slot;
    float score;
    double normalised;
    bool complete;
};

struct beam_search {
    clseq_decoder_state *st;
    const clseq_search_job *job;
    struct kept *kept; /* (B, nbest) best first */
    int32_t *count;    /* (B) of kept */
    bool *decided;     /* (B) */
    float *covered;    /* (S) of the hypothesis in hand; with a coverage penalty */
    int32_t *words;    /* (settled steps) what is settled of a sentence; where it is asked for */
    size_t words_capacity;
};

/* The K best continuations of step s of the block, t of all, and the states that belong to them. */
static clseq_status advance(clseq_decoder_state *st, const clseq_search_job *job, int32_t s,
                            int32_t t)
{
    clseq_backend *be = st->model->be;
    const clseq_tensor parent = clseq_decoder_state_row(&st->parent, s);

    CLSEQ_TRY(clseq_op_softmax_xent_fwd(
        be, &(struct clseq_softmax_xent_fwd_args) {
                .logits = st->logits, .loss = st->loss, .lse = st->lse }));
    /* After the sum: what is forbidden is not shared out among the other words. */
    if (clseq_search_is_early(job, t))
        CLSEQ_TRY(clseq_search_forbid_end(st));
    CLSEQ_TRY(clseq_op_topk(
        be, &(struct clseq_topk_args) { .x = st->logits, .value = st->value, .index = st->index }));
    CLSEQ_TRY(clseq_op_beam_advance(be, &(struct clseq_beam_advance_args) {
                                            .value = st->value,
                                            .index = st->index,
                                            .lse = st->lse,
                                            .score = clseq_decoder_state_row_before(&st->score, s),
                                            .token = clseq_decoder_state_row_before(&st->token, s),
                                            .new_score = clseq_decoder_state_row(&st->score, s),
                                            .new_token = clseq_decoder_state_row(&st->token, s),
                                            .parent = parent,
                                            .beam = st->beam,
                                            .eos = CLSEQ_ID_EOS }));
    return clseq_search_reorder(st, job, parent);
}

/* Wu et al. 2016, equation 14, without the factor: the sum over the words of the source of
 * log(min(1, attention they got)). The end token of the source is no word. */
static double coverage(const struct beam_search *search, int32_t b, int32_t t, int32_t slot)
{
    const clseq_decoder_state *st = search->st;
    const int32_t words = st->source_length[b] - 1;
    double sum = 0;

    for (int32_t i = 0; i < words; i++)
        search->covered[i] = 0;
    for (; t >= 0; t--) {
        const float *weights;

        slot = st->parent_at[clseq_decoder_state_at(st, t, b, slot)];
        weights = clseq_decoder_state_weights(st, t, b, slot);
        for (int32_t i = 0; i < words; i++)
            search->covered[i] += weights[i];
    }
    for (int32_t i = 0; i < words; i++) {
        if (search->covered[i] < 1)
            sum += log(fmax((double)search->covered[i], (double)FLT_MIN));
    }
    return sum;
}

/* Complete ones first, then by normalised score; on a tie the one that came first. */
static bool is_better(const struct kept *x, const struct kept *y)
{
    return x->complete != y->complete ? x->complete : x->normalised > y->normalised;
}

/* Enter a hypothesis of sentence b among its n best. */
static void keep(struct beam_search *search, int32_t b, int32_t t, int32_t slot, bool complete)
{
    const clseq_search_job *job = search->job;
    const float score = search->st->score_at[clseq_decoder_state_at(search->st, t, b, slot)];
    const struct kept new = {
        .t = t,
        .slot = slot,
        .score = score,
        .normalised =
            clseq_search_normalise((double)score, (size_t)t + 1, job->length_penalty,
                                   job->length_norm) +
            (job->coverage_penalty > 0 ? job->coverage_penalty * coverage(search, b, t, slot) : 0),
        .complete = complete,
    };
    struct kept *kept = search->kept + (size_t)b * (size_t)job->nbest;
    int32_t place = search->count[b];

    while (place > 0 && is_better(&new, &kept[place - 1]))
        place--;
    if (place == job->nbest)
        return;
    if (search->count[b] < job->nbest)
        search->count[b]++;
    for (int32_t i = search->count[b] - 1; i > place; i--)
        kept[i] = kept[i - 1];
    kept[place] = new;
}

/* True when no hypothesis that grows from `score` can enter the n best of sentence b any more:
 * log-probabilities only fall, the divisor is largest at the length limit, and a penalty for
 * coverage is at least 0. */
static bool is_settled(const struct beam_search *search, int32_t b, float score)
{
    const clseq_search_job *job = search->job;
    const struct kept *last = search->kept + ((size_t)b + 1) * (size_t)job->nbest - 1;

    if (search->count[b] < job->nbest)
        return false;
    return last->normalised > clseq_search_normalise((double)score, (size_t)job->limit[b],
                                                     job->length_penalty, job->length_norm);
}

/* Look at step t of sentence b; *decided when nothing after it matters. */
static clseq_status look_at_step(struct beam_search *search, int32_t b, int32_t t)
{
    const clseq_decoder_state *st = search->st;
    const clseq_search_job *job = search->job;
    const bool last = t + 1 == job->limit[b];
    float best = -INFINITY;

    for (int32_t k = 0; k < st->beam; k++) {
        const size_t at = clseq_decoder_state_at(st, t, b, k);
        const float score = st->score_at[at];
        bool ended_before = false;

        if (isnan(score) || st->token_at[at] < 0)
            return clseq_search_fail_nan(st->ctx, job->line[b], t);
        if (score == -INFINITY)
            continue;
        if (st->token_at[at] != CLSEQ_ID_EOS) {
            best = score > best ? score : best;
            continue;
        }
        if (t > 0) {
            const size_t before = clseq_decoder_state_at(st, t - 1, b, st->parent_at[at]);

            ended_before = st->token_at[before] == CLSEQ_ID_EOS;
        }
        if (!ended_before)
            keep(search, b, t, k, true);
    }
    for (int32_t k = 0; last && k < st->beam; k++) {
        const size_t at = clseq_decoder_state_at(st, t, b, k);

        if (st->score_at[at] > -INFINITY && st->token_at[at] != CLSEQ_ID_EOS)
            keep(search, b, t, k, false);
    }
    search->decided[b] = last || best == -INFINITY || is_settled(search, b, best);
    return CLSEQ_OK;
}

/* Tell the words that begin every hypothesis which may still be the first result: those in the
 * beam, and the best that has ended. */
static clseq_status settle(struct beam_search *search, int32_t b)
{
    const clseq_decoder_state *st = search->st;
    const clseq_search_job *job = search->job;
    const int32_t last = st->steps - 1;
    const struct kept *ended = &search->kept[(size_t)b * (size_t)job->nbest];
    int32_t common = search->count[b] > 0 ? ended->t : last + 1, slot = -1;

    for (int32_t k = 0; k < st->beam && slot < 0; k++)
        slot = st->score_at[clseq_decoder_state_at(st, last, b, k)] > -INFINITY ? k : -1;
    if (slot < 0)
        return CLSEQ_OK;
    CLSEQ_TRY(clseq_grow(st->ctx, &search->words, &search->words_capacity, (size_t)st->steps,
                         sizeof(*search->words), "words"));
    for (int32_t t = last, k = slot; t >= 0; t--) {
        const size_t at = clseq_decoder_state_at(st, t, b, k);

        search->words[t] = st->token_at[at];
        if (search->words[t] == CLSEQ_ID_EOS && t < common)
            common = t;
        k = st->parent_at[at];
    }
    for (int32_t other = slot; other <= st->beam; other++) {
        const bool is_kept = other == st->beam;
        int32_t t = is_kept ? ended->t : last, k = is_kept ? ended->slot : other;

        if (is_kept ? search->count[b] == 0
                    : st->score_at[clseq_decoder_state_at(st, last, b, other)] == -INFINITY)
            continue;
        for (; t >= 0; t--) {
            const size_t at = clseq_decoder_state_at(st, t, b, k);

            if (t < common && search->words[t] != st->token_at[at])
                common = t;
            k = st->parent_at[at];
        }
    }
    return job->settled(job->settled_user, b, search->words, (size_t)common);
}

/* One block of steps, and what it decides; *left sentences go on. */
static clseq_status block(struct beam_search *search, int32_t *left)
{
    clseq_decoder_state *st = search->st;
    const unsigned what =
        clseq_search_what(st, search->job, CLSEQ_DECODE_PARENTS | CLSEQ_DECODE_SCORES);
    const int32_t first = st->steps;
    const int32_t n = clseq_search_block_steps(st, search->job, search->decided);

    for (int32_t i = 0; i < n; i++) {
        const int32_t s = (first + i) % CLSEQ_DECODE_BLOCK;

        CLSEQ_TRY(clseq_search_step(st, search->job, s));
        CLSEQ_TRY(advance(st, search->job, s, first + i));
    }
    CLSEQ_TRY(clseq_decoder_state_read(st, n, what));
    *left = 0;
    for (int32_t i = 0; i < st->open; i++) {
        const int32_t b = st->open_sentence[i];

        for (int32_t t = first; t < st->steps && !search->decided[b]; t++)
            CLSEQ_TRY(look_at_step(search, b, t));
        if (search->job->settled && !search->decided[b])
            CLSEQ_TRY(settle(search, b));
        *left += !search->decided[b];
    }
    return clseq_search_compact(st, search->job, search->decided, what);
}

/* The words of a hypothesis, from its end back to its start. */
static clseq_status trace(const struct beam_search *search, int32_t b, const struct kept *kept,
                          clseq_found *ret)
{
    const clseq_decoder_state *st = search->st;
    const int32_t steps = kept->t + 1;
    int32_t slot = kept->slot;

    *ret = (clseq_found) {
        .count = (size_t)(kept->complete ? kept->t : steps),
        .score = (double)kept->score,
        .normalised = kept->normalised,
        .complete = kept->complete,
    };
    CLSEQ_TRY(clseq_calloc(st->ctx, (size_t)steps, sizeof(*ret->ids), "translation", &ret->ids));
    CLSEQ_TRY(clseq_search_alignment(st, search->job, b, steps, &ret->alignment));
    for (int32_t t = kept->t; t >= 0; t--) {
        const size_t at = clseq_decoder_state_at(st, t, b, slot);

        ret->ids[t] = st->token_at[at];
        /* It was the parent that looked, before its continuation moved to this slot. */
        slot = st->parent_at[at];
        clseq_search_align(st, t, b, slot, ret->alignment);
    }
    return CLSEQ_OK;
}

static clseq_status run(struct beam_search *search, clseq_found *ret)
{
    const clseq_search_job *job = search->job;
    int32_t left = job->input.B;

    CLSEQ_TRY(clseq_search_begin(search->st, job, job->beam));
    while (left > 0)
        CLSEQ_TRY(block(search, &left));
    for (int32_t b = 0; b < job->input.B; b++) {
        if (search->count[b] == 0) /* every word has probability 0, which no finite weights give */
            return clseq_search_fail_nan(search->st->ctx, job->line[b], 0);
        for (int32_t i = 0; i < search->count[b]; i++) {
            const size_t at = (size_t)b * (size_t)job->nbest + (size_t)i;

            CLSEQ_TRY(trace(search, b, &search->kept[at], &ret[at]));
        }
    }
    return CLSEQ_OK;
}

clseq_status clseq_search_beam(clseq_decoder_state *st, const clseq_search_job *job,
                               clseq_found *ret, int32_t *count)
{
    const size_t B = (size_t)job->input.B, n = B * (size_t)job->nbest;
    struct beam_search search = { .st = st, .job = job, .count = count };
    clseq_status status;

    if (job->beam > CLSEQ_TOPK_MAX || job->beam > st->model->config.target_vocabulary)
        return clseq_fail(st->ctx, CLSEQ_ERR_ARG,
                          "a beam of %d is too wide: this model has %d target words, and the limit "
                          "is %d; use a smaller beam (--beam)",
                          job->beam, st->model->config.target_vocabulary, CLSEQ_TOPK_MAX);
    for (size_t i = 0; i < n; i++)
        ret[i] = (clseq_found) { 0 };
    for (size_t b = 0; b < B; b++)
        count[b] = 0;
    CLSEQ_TRY_GOTO(status, out,
                   clseq_calloc(st->ctx, B, sizeof(*search.decided), "batch", &search.decided));
    CLSEQ_TRY_GOTO(status, out,
                   clseq_calloc(st->ctx, n, sizeof(*search.kept), "batch", &search.kept));
    CLSEQ_TRY_GOTO(status, out,
                   clseq_calloc(st->ctx, (size_t)job->input.S, sizeof(*search.covered), "batch",
                                &search.covered));
    status = run(&search, ret);
out:
    if (status != CLSEQ_OK)
        clseq_found_fini(ret, n);
    free(search.decided);
    free(search.kept);
    free(search.covered);
    free(search.words);
    return status;
}
