/* SPDX-License-Identifier: BSD-2-Clause */
/* The two searches: greedy and beam. */
#ifndef CLSEQ_SEARCH_H
#define CLSEQ_SEARCH_H

#include "model/decoder_state.h"

#include <clseq/translate.h>

/* A batch to search. Arrays are borrowed for the call only. */
typedef struct clseq_search_job {
    struct clseq_seq2seq_input input; /* encoder side; T and N are 0 */
    const int32_t *limit;             /* (B) most tokens of each result, end token counted, >= 1 */
    const uint64_t *line;             /* (B) numbers for error messages */
    int32_t beam, nbest;              /* beam search only */
    double length_penalty;
    bool scores;     /* greedy only; a beam always has them */
    bool alignments; /* without effect on a model without attention */
} clseq_search_job;

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

/* score / tokens ^ length_penalty, where the end token counts. */
double clseq_search_normalise(double score, size_t tokens, double length_penalty);

/* The most probable word at every step. ret (B), each released with clseq_found_fini(). The state
 * and the model are planned for the batch. Errors: CLSEQ_ERR_NUMERIC when a sentence meets a NaN
 * before it is decided; CLSEQ_ERR_NOMEM; those of the device. On an error `ret` holds nothing. */
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

/* How many steps to run before the host looks again: a block, or what is left to the highest length
 * limit of the sentences that are not decided. */
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
