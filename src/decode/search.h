/* SPDX-License-Identifier: BSD-2-Clause */
/* The searches: greedy and sampling, and beam. */
#ifndef CLSEQ_SEARCH_H
#define CLSEQ_SEARCH_H

#include "model/decoder_state.h"

#include <clseq/translate.h>

/* Another model of an ensemble. */
typedef struct clseq_search_other {
    clseq_decoder_state *state; /* borrowed; its model has the same target words */
    struct clseq_seq2seq_input input;
} clseq_search_other;

/* A batch to search. Arrays are borrowed for the call only. */
typedef struct clseq_search_job {
    struct clseq_seq2seq_input input; /* encoder side; T and N are 0 */
    const int32_t *limit;             /* (B) most tokens of each result, end token counted, >= 1 */
    const uint64_t *line;             /* (B) numbers for error messages */
    int32_t beam;                     /* beam search only */
    int32_t nbest;                    /* beam search: results; sampling: samples; greedy: 1 */
    double length_penalty;
    clseq_length_norm length_norm;
    double coverage_penalty; /* beam search on a model with attention; else 0 */
    int32_t min_length; /* fewest tokens of a result, end token counted; the limit goes before */
    const clseq_search_other *others; /* (n_others) planned for the batch */
    int32_t n_others;
    const struct clseq_search_sampling *sampling; /* greedy search only: draw words; NULL: no */
    /* Called after every step, which then is a block, with `count` words that will stand at the
     * start of the first result of sentence b; more each time. NULL: not wanted. */
    clseq_status (*settled)(void *user, int32_t b, const int32_t *ids, size_t count);
    void *settled_user;
    bool scores;     /* greedy only; a beam always has them */
    bool alignments; /* without effect on a model without attention */
} clseq_search_job;

/* How words are drawn: clseq_sample_args. */
struct clseq_search_sampling {
    double temperature, top_p;
    int32_t top_k;
    uint64_t seed;
};

/* One hypothesis that was found. */
typedef struct clseq_found {
    int32_t *ids; /* owned; the words, and behind them the end token when complete */
    size_t count; /* of the words */
    /* Owned; (steps, source positions): how much weight step t gave to each position of the
     * encoder's input, in the encoder's order; NULL when not asked for. Steps are words, and the
     * end token when complete. */
    float *alignment;
    double score, normalised; /* as in clseq_hypothesis */
    bool complete;
} clseq_found;

void clseq_found_fini(clseq_found *found, size_t n);

/* score / tokens ^ length_penalty, or what clseq_length_norm says, where the end token counts. */
double clseq_search_normalise(double score, size_t tokens, double length_penalty,
                              clseq_length_norm norm);

/* The most probable word at every step, or with job->sampling a word drawn from all at every step,
 * nbest times for each sentence, in the order of drawing. ret (B nbest), each released with
 * clseq_found_fini(). The states and the models are planned for the batch. Errors:
 * CLSEQ_ERR_NUMERIC when a sentence meets a NaN before it is decided; CLSEQ_ERR_NOMEM; those of the
 * device. On an error `ret` holds nothing. */
CLSEQ_MUST_CHECK clseq_status clseq_search_greedy(clseq_decoder_state *st,
                                                  const clseq_search_job *job, clseq_found *ret);

/* The `beam` best hypotheses at every step. A sentence is decided at its length limit, or when none
 * of its hypotheses is growing, or when none that grows can still enter its n best.
 *
 * All hypotheses that ever ended while in the beam compete for the n best, as in the 2014 paper,
 * ranked by normalised score. When there are fewer than n, those cut at the length limit follow.
 * ret (B * nbest), the best of sentence b first from b * nbest; count (B) says how many there are.
 * Errors as of greedy, and CLSEQ_ERR_ARG for a beam larger than the vocabulary. */
CLSEQ_MUST_CHECK clseq_status clseq_search_beam(clseq_decoder_state *st,
                                                const clseq_search_job *job, clseq_found *ret,
                                                int32_t *count);

/* Begin with the batch in all models. */
CLSEQ_MUST_CHECK clseq_status clseq_search_begin(clseq_decoder_state *st,
                                                 const clseq_search_job *job, int32_t beam);

/* Step s in all models: st->logits are those of the mixture. */
CLSEQ_MUST_CHECK clseq_status clseq_search_step(clseq_decoder_state *st,
                                                const clseq_search_job *job, int32_t s);

/* Whether step t (from 0) is too early for the end token in every sentence. */
bool clseq_search_is_early(const clseq_search_job *job, int32_t t);

/* Logits of the end token, (rows, 1). */
clseq_tensor clseq_search_end_column(const clseq_decoder_state *st);

/* Give the end token the probability 0. */
CLSEQ_MUST_CHECK clseq_status clseq_search_forbid_end(const clseq_decoder_state *st);

/* Reorder and compact all models, as the functions of the state do. */
CLSEQ_MUST_CHECK clseq_status clseq_search_reorder(clseq_decoder_state *st,
                                                   const clseq_search_job *job, clseq_tensor index);
CLSEQ_MUST_CHECK clseq_status clseq_search_compact(clseq_decoder_state *st,
                                                   const clseq_search_job *job, const bool *decided,
                                                   unsigned what);

/* How many steps to run before the host looks again: a block, or what is left to the highest length
 * limit of the sentences that are not decided; one when somebody waits for every word. */
int32_t clseq_search_block_steps(const clseq_decoder_state *st, const clseq_search_job *job,
                                 const bool *decided);

/* What to read back after a block: `what` and, where they are wanted and exist, the weights. */
unsigned clseq_search_what(const clseq_decoder_state *st, const clseq_search_job *job,
                           unsigned what);

/* Memory for the alignment of `steps` steps of sentence b; NULL when none is wanted. Errors:
 * CLSEQ_ERR_LIMIT, CLSEQ_ERR_NOMEM. */
CLSEQ_MUST_CHECK clseq_status clseq_search_alignment(const clseq_decoder_state *st,
                                                     const clseq_search_job *job, int32_t b,
                                                     int32_t steps, float **ret);

/* Copy what slot `k` of sentence b looked at in step t into the rows of an alignment; nothing
 * when that is NULL. */
void clseq_search_align(const clseq_decoder_state *st, int32_t t, int32_t b, int32_t k,
                        float *alignment);

/* The error of a NaN at word t of a line. */
clseq_status clseq_search_fail_nan(clseq_context *ctx, uint64_t line, int32_t t);

#endif
